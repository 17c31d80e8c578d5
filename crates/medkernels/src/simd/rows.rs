//! Slices that are split by rows and worked on by several threads.

use std::sync::{Mutex, PoisonError};

use crate::threads::for_each;

/// The fewest numbers (64 KiB) that are worth handing to another thread.
const MIN_BLOCK: usize = 16 * 1024;

/// Something made of rows that can be split between two of them.
pub(crate) trait Rows: Sized + Send {
    /// How many rows.
    fn rows(&self) -> usize;
    /// The rows before `row`, and the rest.
    fn split(self, row: usize) -> (Self, Self);
}

/// Numbers `[rows, width]` that are read.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a, T = f32> {
    pub(crate) data: &'a [T],
    pub(crate) width: usize,
}

/// Numbers `[rows, width]` that are written.
pub(crate) struct MatrixMut<'a, T = f32> {
    pub(crate) data: &'a mut [T],
    pub(crate) width: usize,
}

impl<T: Sync> Rows for Matrix<'_, T> {
    fn rows(&self) -> usize {
        self.data.len() / self.width.max(1)
    }

    fn split(self, row: usize) -> (Self, Self) {
        let Self { data, width } = self;
        let (first, rest) = data.split_at(row * width);
        (Self { data: first, width }, Self { data: rest, width })
    }
}

impl<T: Send> Rows for MatrixMut<'_, T> {
    fn rows(&self) -> usize {
        self.data.len() / self.width.max(1)
    }

    fn split(self, row: usize) -> (Self, Self) {
        let Self { data, width } = self;
        let (first, rest) = data.split_at_mut(row * width);
        (Self { data: first, width }, Self { data: rest, width })
    }
}

/// `None` goes with any number of rows: it must not come first in a tuple.
impl<R: Rows> Rows for Option<R> {
    fn rows(&self) -> usize {
        self.as_ref().map_or(0, Rows::rows)
    }

    fn split(self, row: usize) -> (Self, Self) {
        self.map_or((None, None), |rows| {
            let (first, rest) = rows.split(row);
            (Some(first), Some(rest))
        })
    }
}

macro_rules! tuples_of_rows {
    ($(($first:ident $($name:ident)*))*) => {$(
        impl<$first: Rows, $($name: Rows),*> Rows for ($first, $($name),*) {
            fn rows(&self) -> usize {
                self.0.rows()
            }

            #[allow(non_snake_case)]
            fn split(self, row: usize) -> (Self, Self) {
                let ($first, $($name),*) = self;
                let $first = $first.split(row);
                $(let $name = $name.split(row);)*
                (($first.0, $($name.0),*), ($first.1, $($name.1),*))
            }
        }
    )*};
}

tuples_of_rows! { (A B) (A B C) (A B C D) (A B C D E) }

/// Calls `body` on blocks of whole rows that together are `rows`, on several threads where that pays.
///
/// `width` is how many numbers a row costs. Where blocks begin depends on the number of threads: what `body` makes of a
/// row must not depend on its neighbours.
pub(crate) fn for_each_block<R: Rows>(rows: R, width: usize, body: impl Fn(R) + Sync + Send) {
    let count = rows.rows();
    let threads = rayon::current_num_threads();
    let fewest = (MIN_BLOCK / width.max(1)).max(1);
    if threads == 1 || count < 2 * fewest {
        return body(rows);
    }
    let mut blocks = Vec::new();
    halve(rows, fewest.max(count / (8 * threads)), &mut blocks);
    for_each(blocks.len(), |index| {
        let block = blocks[index].lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(block) = block {
            body(block);
        }
    });
}

/// Blocks of less than twice `block` rows, each for whoever takes it first.
fn halve<R: Rows>(rows: R, block: usize, blocks: &mut Vec<Mutex<Option<R>>>) {
    let count = rows.rows();
    if count < 2 * block {
        return blocks.push(Mutex::new(Some(rows)));
    }
    let (first, rest) = rows.split(count / 2);
    halve(first, block, blocks);
    halve(rest, block, blocks);
}
