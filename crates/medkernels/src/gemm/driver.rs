//! The loops around the innermost product: blocks that fit the caches, and rectangles for the threads.
//!
//! The scheme is that of Goto and van de Geijn ("Anatomy of high-performance matrix multiplication", ACM TOMS 2008), but each thread
//! packs what it alone needs; what several need is packed first, by all.
#![allow(unsafe_code)]

use super::epilogue::Epilogue;
use super::kernel_set::KernelSet;
use super::matrix::{Matrix, RawMatrix};
use super::micro::{Finish, Rows, Tile};
use super::pack;
use super::scratch::{with_scratch, with_shared_scratch};
use crate::simd::Isa;
use crate::threads::{Shared as SharedOutput, for_each};

/// Depth of a block: a panel of either side stays in the first two caches.
const DEPTH: usize = 768;
/// Columns of a block of the right-hand side, which stays in the second cache together with some panels of the left.
const COLUMNS: usize = 128;
/// Values of the packed left-hand side.
const LEFT: usize = 512 * 1024;
/// Values of a factor that may be packed as a whole: 32 MiB.
const SHARED: usize = 8 * 1024 * 1024;
/// Rows or columns that a thread packs at a time.
const PACKED_AT_ONCE: usize = 64;
/// Rows up to which the right-hand side is waited for.
const FEW_ROWS: usize = 56;
/// Parts of the last part of a thread.
const LAST_PARTS: usize = 4;
/// Tiles of which one asks for what comes next: memory is slower than a line for each step.
const ASKING: usize = 4;
/// Values of a factor that one thread packs while the others wait: waking them takes as long.
const PACKED_ALONE: usize = 16 * 1024;
/// Multiplications below which another thread does not pay.
const WORTH_A_THREAD: usize = 1 << 19;

/// `c = residual + scale * activation(alpha * a b + bias)`, row-major, on the threads of rayon's current pool.
///
/// The order of the additions of an element depends on the depth alone: the result is the same with any number of threads.
///
/// # Panics
/// When the sizes do not fit each other.
///
/// ```
/// use medkernels::gemm::{Epilogue, Matrix, gemm};
/// let a = [1.0, 2.0, 3.0, 4.0];
/// let b = [1.0, 0.0, 0.0, 1.0];
/// let mut c = [0.0; 4];
/// let epilogue = Epilogue { bias: Some(&[10.0, 20.0]), ..Epilogue::default() };
/// gemm(Matrix::new(&a, 2, 2), Matrix::new(&b, 2, 2), &epilogue, &mut c);
/// assert_eq!(c, [11.0, 22.0, 13.0, 24.0]);
/// ```
pub fn gemm(a: Matrix<'_>, b: Matrix<'_>, epilogue: &Epilogue<'_>, c: &mut [f32]) {
    assert_eq!(a.columns(), b.rows(), "columns of the left and rows of the right factor");
    // SAFETY: the view was checked.
    unsafe { multiply(&a, &b, [a.rows(), a.columns(), b.columns()], epilogue, c) };
}

/// Depth of the blocks of a product; the last one may have less.
pub(crate) const fn block_depth(depth: usize) -> usize {
    let blocks = if depth > DEPTH { depth.div_ceil(DEPTH) } else { 1 };
    let deep = depth.div_ceil(blocks);
    if deep == 0 { 1 } else { deep }
}

/// A left-hand side that a product can pack.
pub(crate) trait Left: Sync {
    /// As [`pack::left`].
    ///
    /// # Safety
    /// The block lies in the matrix, and `to` has room for its values.
    unsafe fn pack(&self, kernels: &KernelSet, start: (usize, usize), size: [usize; 2], to: *mut f32);

    /// How the rows of a panel of this height then lie, packed from `from` on and so deep.
    fn rows(&self, kernels: &KernelSet, height: usize, from: usize, depth: usize) -> Rows {
        let _ = from;
        kernels.packed_rows(height, depth)
    }

    /// The matrix where it is, if its rows can be read there: their values lie next to each other.
    fn in_place(&self) -> Option<RawMatrix> {
        None
    }
}

impl Left for Matrix<'_> {
    fn rows(&self, kernels: &KernelSet, height: usize, _from: usize, depth: usize) -> Rows {
        pack::rows(kernels, &self.raw(), height, depth)
    }

    fn in_place(&self) -> Option<RawMatrix> {
        Some(self.raw()).filter(|matrix| matrix.column_stride == 1)
    }

    unsafe fn pack(&self, kernels: &KernelSet, start: (usize, usize), size: [usize; 2], to: *mut f32) {
        // SAFETY: the same contract.
        unsafe { pack::left(kernels, self.raw(), start, size, to) };
    }
}

/// A right-hand side that a product can pack.
pub(crate) trait Right: Sync {
    /// All of it, where it has been packed for these kernels: blocks of [`block_depth`] one after the other, each as [`pack::right`] lays it
    /// out.
    fn packed(&self, _kernels: &KernelSet) -> Option<&[f32]> {
        None
    }

    /// As [`pack::right`].
    ///
    /// # Safety
    /// The block lies in the matrix, and `to` has room for `depth` times the columns rounded up to whole panels.
    unsafe fn pack(&self, kernels: &KernelSet, start: (usize, usize), size: [usize; 2], to: *mut f32);
}

impl Right for Matrix<'_> {
    unsafe fn pack(&self, kernels: &KernelSet, start: (usize, usize), size: [usize; 2], to: *mut f32) {
        // SAFETY: the same contract.
        unsafe { pack::right(kernels, self.raw(), start, size, to) };
    }
}

/// [`gemm`] of factors that can be packed, `rows x depth` and `depth x columns`.
///
/// # Safety
/// Both can be packed all over.
pub(crate) unsafe fn multiply<A: Left, B: Right>(
    a: &A,
    b: &B,
    [rows, depth, columns]: [usize; 3],
    epilogue: &Epilogue<'_>,
    c: &mut [f32],
) {
    assert_eq!(Some(c.len()), rows.checked_mul(columns), "values of a {rows} x {columns} product");
    epilogue.check(rows, columns);
    if rows == 0 || columns == 0 {
        return;
    }
    let kernels = KernelSet::of(Isa::current());
    let product = Product {
        kernels,
        a,
        in_place: a.in_place().filter(|_| kernels.reads_in_place()),
        b,
        c: c.as_mut_ptr(),
        c_step: columns,
        rows,
        depth,
        finish: finish(epilogue),
    };
    let packed = b.packed(kernels);
    let [heights, widths] = product.cut(rows, columns);
    if heights.len() * widths.len() == 1 {
        let all = Rectangle { start: [0, 0], size: [rows, columns] };
        // SAFETY: the rectangle is the whole of `c`, which is borrowed here.
        return unsafe { product.compute(all, None, Shared { left: None, right: packed }) };
    }
    // A factor that several parts of the result need is packed once, if that does not take too much memory.
    let lengths = [
        if widths.len() > 1 && product.in_place.is_none() { shared_length(rows, depth) } else { 0 },
        if heights.len() > 1 && packed.is_none() {
            shared_length(columns.next_multiple_of(kernels.columns), depth)
        } else {
            0
        },
    ];
    with_shared_scratch(lengths, |[left, right]| {
        let shared = Shared {
            left: (lengths[0] > 0).then(|| product.pack_left(rows, left)),
            right: packed.or_else(|| (lengths[1] > 0).then(|| product.pack_right(columns, right))),
        };
        let parts = product.parts(&heights, &widths, shared.right.is_some());
        for_each(parts.len(), |part| {
            // Threads take parts in order: that far on is the next one of this thread, if they are equally fast. Of parts with the same columns the
            // right-hand side is near.
            let next = parts.get(part + rayon::current_num_threads()).map(|next| next.start[1]);
            let next = next.filter(|&column| heights.len() == 1 && column != parts[part].start[1]);
            // SAFETY: the parts lie in `c` and do not overlap.
            unsafe { product.compute(parts[part], next, shared) };
        });
    });
}

/// Values of a factor that is packed as a whole; 0 where it is too large for that.
fn shared_length(n: usize, depth: usize) -> usize {
    Some(n * depth).filter(|&length| length <= SHARED).unwrap_or(0)
}

/// Factors that have been packed as a whole: blocks of [`block_depth`] one after the other, each as [`pack`] lays it out.
#[derive(Clone, Copy, Default)]
struct Shared<'a> {
    left: Option<&'a [f32]>,
    right: Option<&'a [f32]>,
}

/// The epilogue as the innermost product takes it.
pub(crate) fn finish(epilogue: &Epilogue<'_>) -> Finish {
    let pointer = |part: Option<&[f32]>| part.map_or(std::ptr::null(), <[f32]>::as_ptr);
    Finish {
        alpha: epilogue.alpha,
        bias: pointer(epilogue.bias),
        row_bias: pointer(epilogue.row_bias),
        activation: epilogue.activation,
        scale: pointer(epilogue.scale),
        residual: pointer(epilogue.residual),
        relu_last: epilogue.relu_last,
    }
}

/// A part of the result: from row and column, so many rows and columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rectangle {
    start: [usize; 2],
    size: [usize; 2],
}

struct Product<'b, A, B> {
    kernels: &'static KernelSet,
    a: &'b A,
    /// The left-hand side, if it is not packed.
    in_place: Option<RawMatrix>,
    b: &'b B,
    c: *mut f32,
    c_step: usize,
    rows: usize,
    depth: usize,
    finish: Finish,
}

// SAFETY: the factors are only read; each rectangle of the result is written by one thread.
unsafe impl<A: Sync, B: Sync> Sync for Product<'_, A, B> {}

impl<A: Left, B: Right> Product<'_, A, B> {
    /// Cuts the result for the threads, into whole tiles: starts and lengths along its rows and columns. The longer side is cut first.
    fn cut(&self, rows: usize, columns: usize) -> [Cuts; 2] {
        let work = rows * columns * self.depth.max(1);
        let threads = rayon::current_num_threads().min(work / WORTH_A_THREAD).max(1);
        // Some more parts than threads, so that one that is held up does not hold up all.
        let parts =
            if threads == 1 { 1 } else { (threads * 8).min(work / (4 * WORTH_A_THREAD)).max(threads) };
        let (tall, wide) = (rows.div_ceil(self.kernels.rows()), columns.div_ceil(self.kernels.columns));
        let by_rows =
            if rows > columns { parts.min(tall) } else { parts.div_ceil(parts.min(wide)).min(tall) };
        let by_columns = parts.div_ceil(by_rows).min(wide);
        [cuts(rows, by_rows, self.kernels.rows()), cuts(columns, by_columns, self.kernels.columns)]
    }

    /// All parts of the result. If several may need the same columns, the last one of each thread is cut along its rows: they are what some threads wait for
    /// while others are not done.
    fn parts(&self, heights: &Cuts, widths: &Cuts, cut_last: bool) -> Vec<Rectangle> {
        let part = |&(row, height): &(usize, usize), &(column, width): &(usize, usize)| Rectangle {
            start: [row, column],
            size: [height, width],
        };
        let mut parts: Vec<_> =
            heights.iter().flat_map(|rows| widths.iter().map(move |columns| part(rows, columns))).collect();
        if cut_last {
            let whole = parts.len().saturating_sub(rayon::current_num_threads());
            for last in parts.split_off(whole) {
                let rows = cuts(last.size[0], LAST_PARTS, self.kernels.rows());
                let columns = (last.start[1], last.size[1]);
                parts
                    .extend(rows.iter().map(|&(row, height)| part(&(last.start[0] + row, height), &columns)));
            }
        }
        parts
    }

    /// Packs all of the left-hand side, on all threads.
    fn pack_left<'c>(&self, rows: usize, to: &'c mut [f32]) -> &'c [f32] {
        let unit = PACKED_AT_ONCE.next_multiple_of(self.kernels.rows());
        let shared = SharedOutput(to.as_mut_ptr());
        self.for_each_pack(rows, unit, |(from, depth, first, length)| {
            // SAFETY: the block lies in the factor; each task has its own part of the buffer.
            unsafe {
                let to = shared.at(from * rows + first * depth);
                self.a.pack(self.kernels, (first, from), [length, depth], to);
            }
        });
        to
    }

    /// Packs all of the right-hand side, on all threads.
    fn pack_right<'c>(&self, columns: usize, to: &'c mut [f32]) -> &'c [f32] {
        let unit = PACKED_AT_ONCE.next_multiple_of(self.kernels.columns);
        let padded = columns.next_multiple_of(self.kernels.columns);
        let shared = SharedOutput(to.as_mut_ptr());
        self.for_each_pack(columns, unit, |(from, depth, first, length)| {
            // SAFETY: as in `pack_left`.
            unsafe {
                let to = shared.at(from * padded + first * depth);
                self.b.pack(self.kernels, (from, first), [depth, length], to);
            }
        });
        to
    }

    /// With start and depth of each block, start and length of each part of `n` rows or columns.
    fn for_each_pack(
        &self,
        n: usize,
        unit: usize,
        pack: impl Fn((usize, usize, usize, usize)) + Sync + Send,
    ) {
        let (deep, parts) = (block_depth(self.depth), n.div_ceil(unit));
        let task = |task: usize| {
            let (from, first) = (task / parts * deep, task % parts * unit);
            pack((from, deep.min(self.depth - from), first, unit.min(n - first)));
        };
        let tasks = parts * self.depth.div_ceil(deep);
        if n * self.depth <= PACKED_ALONE { (0..tasks).for_each(task) } else { for_each(tasks, task) }
    }

    /// # Safety
    /// The rectangle lies in the result, and nothing else touches it meanwhile; it begins at whole tiles.
    unsafe fn compute(&self, rectangle: Rectangle, next: Option<usize>, shared: Shared<'_>) {
        let Rectangle { start: [row, column], size: [rows, columns] } = rectangle;
        let (deep, tile_rows) = (block_depth(self.depth), self.kernels.rows());
        let blocks = self.depth.div_ceil(deep).max(1);
        // A left-hand side that is read once stays in the second cache.
        let most = if columns <= COLUMNS { LEFT / 8 } else { LEFT };
        let high = if self.in_place.is_some() {
            rows
        } else {
            (most / deep / tile_rows * tile_rows).clamp(tile_rows, rows.next_multiple_of(tile_rows))
        };
        let wide = COLUMNS.min(columns.next_multiple_of(self.kernels.columns));
        let lengths = [
            if shared.left.is_some() || self.in_place.is_some() { 0 } else { high * deep },
            if shared.right.is_some() { 0 } else { wide * deep },
        ];
        with_scratch(lengths, |[left, right]| {
            for block in 0..blocks {
                let from = block * deep;
                let depth = deep.min(self.depth - from);
                for top in (0..rows).step_by(high) {
                    let height = high.min(rows - top);
                    let left = match (self.in_place, shared.left) {
                        (Some(matrix), _) => LeftBlock::InPlace {
                            at: matrix.data.wrapping_add((row + top) * matrix.row_stride + from),
                            step: matrix.row_stride,
                        },
                        (None, Some(packed)) => {
                            LeftBlock::Packed(&packed[from * self.rows + (row + top) * depth..])
                        }
                        (None, None) => {
                            let to = left.as_mut_ptr();
                            // SAFETY: the block lies in the factor.
                            unsafe { self.a.pack(self.kernels, (row + top, from), [height, depth], to) };
                            LeftBlock::Packed(left)
                        }
                    };
                    for edge in (0..columns).step_by(wide) {
                        let width = wide.min(columns - edge);
                        let right = match shared.right {
                            Some(packed) => &packed[self.packed_at(from, column + edge)..],
                            None => {
                                let to = right.as_mut_ptr();
                                // SAFETY: as above.
                                unsafe {
                                    self.b.pack(self.kernels, (from, column + edge), [depth, width], to)
                                };
                                &*right
                            }
                        };
                        let block = Block {
                            from,
                            depth,
                            first: block == 0,
                            last: block + 1 == blocks,
                            start: [row + top, column + edge],
                            size: [height, width],
                        };
                        let next = if edge + wide < columns {
                            Some((from, column + edge + wide))
                        } else if block.last {
                            next.map(|column| (0, column))
                        } else {
                            Some((from + deep, column))
                        };
                        let ahead = match (shared.right, next) {
                            (Some(packed), Some((from, column))) => {
                                packed.as_ptr().wrapping_add(self.packed_at(from, column))
                            }
                            _ => std::ptr::null(),
                        };
                        // SAFETY: the factors are packed for the block.
                        unsafe { self.tiles(&block, left, right, ahead) };
                    }
                }
            }
        });
    }

    /// Where a panel begins in a right-hand side that is packed as a whole, from a row on that begins a block.
    fn packed_at(&self, from: usize, column: usize) -> usize {
        let depth = block_depth(self.depth).min(self.depth - from);
        from * self.c_step.next_multiple_of(self.kernels.columns) + column * depth
    }

    /// # Safety
    /// The factors are packed for the block, which lies in the rectangle of this thread. What is read after it begins at `next`, if that is known.
    unsafe fn tiles(&self, block: &Block, left: LeftBlock<'_>, right: &[f32], next: *const f32) {
        let (tile_rows, tile_columns) = (self.kernels.rows(), self.kernels.columns);
        let [tops, edges] = [block.size[0].div_ceil(tile_rows), block.size[1].div_ceil(tile_columns)];
        // Rows that are read where they are can begin a tile anywhere: all tiles are about as high, since a low one has too few sums to keep
        // the units busy.
        let (low, higher) = match left {
            LeftBlock::InPlace { .. } => (block.size[0] / tops, block.size[0] % tops),
            LeftBlock::Packed(_) => (tile_rows, 0),
        };
        let top = |index: usize| (index * low + index.min(higher)).min(block.size[0]);
        let panel = tile_columns * block.depth;
        let tile = |index: usize, edge: usize, ahead: *const f32| {
            let place = [top(index), top(index + 1) - top(index), edge * tile_columns];
            // SAFETY: the tile lies in the block.
            unsafe { self.tile(block, left, right, place, ahead) };
        };
        if block.size[0] > FEW_ROWS {
            // Now and then one of the last tiles asks for a panel of the next block.
            let asking = if next.is_null() { 0 } else { (ASKING * edges).min(tops * edges) };
            let quiet = tops * edges - asking;
            for index in 0..tops {
                for edge in 0..edges {
                    let ahead = match (index * edges + edge).checked_sub(quiet) {
                        Some(last) if last % ASKING == 0 => next.wrapping_add(last / ASKING * panel),
                        _ => std::ptr::null(),
                    };
                    tile(index, edge, ahead);
                }
            }
            return;
        }
        // Every panel of the right-hand side comes from far and is used but a few times: each tile asks for a part of the next one.
        for edge in 0..edges {
            let next = if edge + 1 < edges { right.as_ptr().wrapping_add((edge + 1) * panel) } else { next };
            for index in 0..tops {
                let ahead = if next.is_null() { next } else { next.wrapping_add(panel / tops * index) };
                tile(index, edge, ahead);
            }
        }
    }

    /// # Safety
    /// As [`tiles`](Self::tiles); the tile at `[top, height, edge]` lies in the block.
    #[inline]
    unsafe fn tile(
        &self,
        block: &Block,
        left: LeftBlock<'_>,
        right: &[f32],
        [top, height, edge]: [usize; 3],
        ahead: *const f32,
    ) {
        let tile_columns = self.kernels.columns;
        let [row, column] = [block.start[0] + top, block.start[1] + edge];
        let (a, rows) = match left {
            LeftBlock::Packed(values) => (
                values[top * block.depth..].as_ptr(),
                self.a.rows(self.kernels, height, block.from, block.depth),
            ),
            LeftBlock::InPlace { at, step } => (at.wrapping_add(top * step), Rows::Apart { step }),
        };
        // SAFETY: the caller vouches for it.
        unsafe {
            let tile = Tile {
                depth: block.depth,
                a,
                rows,
                b: right.as_ptr().add(edge * block.depth),
                c: self.c.add(row * self.c_step + column),
                c_step: self.c_step,
                columns: tile_columns.min(block.size[1] - edge),
                accumulate: !block.first,
                finish: block.last.then(|| self.finish.at(row, column, self.c_step)),
                ahead,
            };
            self.kernels.multiply(height, &tile);
        }
    }
}

/// Rows of the left-hand side that a block wants.
#[derive(Clone, Copy)]
enum LeftBlock<'a> {
    /// In panels as high as a tile.
    Packed(&'a [f32]),
    /// From a value on, with a step from row to row.
    InPlace { at: *const f32, step: usize },
}

/// A product of blocks.
struct Block {
    from: usize,
    depth: usize,
    first: bool,
    last: bool,
    start: [usize; 2],
    size: [usize; 2],
}

impl Finish {
    /// The parts as they are for a tile there.
    ///
    /// # Safety
    /// The place is in the result.
    pub(crate) unsafe fn at(&self, row: usize, column: usize, step: usize) -> Self {
        // SAFETY: a part that is there is as long as the result is wide, high or large.
        let shift = |p: *const f32, by: usize| if p.is_null() { p } else { unsafe { p.add(by) } };
        Self {
            bias: shift(self.bias, column),
            row_bias: shift(self.row_bias, row),
            scale: shift(self.scale, column),
            residual: shift(self.residual, row * step + column),
            ..*self
        }
    }
}

/// Start and length of each part.
pub(crate) type Cuts = Vec<(usize, usize)>;

/// `n` in about `parts` parts of whole units.
pub(crate) fn cuts(n: usize, parts: usize, unit: usize) -> Cuts {
    let units = n.div_ceil(unit);
    let parts = parts.clamp(1, units.max(1));
    let edge = |part: usize| (units * part / parts * unit).min(n);
    (0..parts).map(|part| (edge(part), edge(part + 1) - edge(part))).collect()
}

#[cfg(test)]
mod tests {
    use super::cuts;

    #[test]
    fn cuts_cover_everything_once() {
        for n in [1, 5, 14, 15, 257, 1000] {
            for parts in [1, 2, 3, 8, 100] {
                let mut next = 0;
                for (start, length) in cuts(n, parts, 14) {
                    assert_eq!(start, next);
                    assert!(length > 0);
                    next += length;
                }
                assert_eq!(next, n);
            }
        }
    }
}
