//! How far a segmenter is.

use std::ops::ControlFlow;

use crate::error::{Error, Result};

/// Windows of an image, or slices of a volume, so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many are done.
    pub done: usize,
    /// How many there are.
    pub total: usize,
}

/// Called after each window or slice; [`ControlFlow::Break`] cancels.
pub type ProgressFn<'a> = dyn FnMut(Progress) -> ControlFlow<()> + 'a;

/// Nobody listens.
pub(super) const fn no_progress(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Counts steps and tells them.
pub(super) struct Counter<'a, 'b> {
    progress: Progress,
    tell: &'a mut ProgressFn<'b>,
}

impl<'a, 'b> Counter<'a, 'b> {
    pub(super) fn new(total: usize, tell: &'a mut ProgressFn<'b>) -> Self {
        Self { progress: Progress { done: 0, total }, tell }
    }

    /// # Errors
    /// [`Error::Cancelled`].
    pub(super) fn step(&mut self) -> Result<()> {
        self.progress.done += 1;
        match (self.tell)(self.progress) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                let Progress { done, total } = self.progress;
                Err(Error::Cancelled { done, total })
            }
        }
    }
}
