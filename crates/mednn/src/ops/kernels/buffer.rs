//! Memory of results, used again.
//!
//! A network writes results of the same few sizes again and again. Fresh memory is set to zero first, by the system or by the allocator,
//! which for large results takes as long as a tenth of computing them; memory of results that are gone is not.
//! How much of it is kept is said at [`Pool`].
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::sync::{Mutex, MutexGuard, PoisonError};

use burn::backend::flex::FlexTensor;
use burn::tensor::{AllocationProperty, Bytes, Shape, TensorData};
use burn_std::{AccessError, AccessPolicy, AllocationController};

use super::pool::Pool;

/// Aligned to a line of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
pub(super) struct Line([f32; 16]);

/// Values below which memory is not kept: 64 KiB.
const KEPT: usize = 16 * 1024;

impl Line {
    pub(super) fn zeros(lines: usize) -> Vec<Self> {
        vec![Self([0.0; 16]); lines]
    }
}

/// Lines that may be free where as much is in use as ever: 128 MiB.
const SPARE: usize = 2 * 1024 * 1024;

static POOL: Mutex<Pool> = Mutex::new(Pool::new(SPARE));

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The values of a result while it is computed, and then of its tensor.
pub(super) struct Buffer {
    memory: Vec<Line>,
    length: usize,
}

impl Buffer {
    /// Room for a result, every value of which is going to be written: it holds anything.
    pub(super) fn new(length: usize) -> Self {
        let lines = length.div_ceil(16);
        let free = if is_kept(lines) { pool().take(lines) } else { None };
        let memory = free.unwrap_or_else(|| Line::zeros(lines));
        Self { memory, length }
    }

    pub(super) fn values(&mut self) -> &mut [f32] {
        // SAFETY: a line is 16 floats without padding, and all of them hold a value.
        unsafe { std::slice::from_raw_parts_mut(self.memory.as_mut_ptr().cast(), self.length) }
    }

    pub(super) fn into_tensor(self, shape: impl Into<Shape>) -> FlexTensor {
        let bytes = self.length * size_of::<f32>();
        // SAFETY: all bytes of the lines are initialised, and there are at least as many.
        let bytes = unsafe { Bytes::from_controller(Box::new(self), bytes) };
        FlexTensor::from_data(TensorData::from_bytes(bytes, shape, burn::tensor::DType::F32))
    }

    fn bytes(&self) -> usize {
        self.memory.len() * size_of::<Line>()
    }
}

const fn is_kept(lines: usize) -> bool {
    lines * 16 >= KEPT
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        if is_kept(memory.len()) {
            let too_much = pool().give_back(memory);
            // The system takes its time: nobody waits for the pool meanwhile.
            drop(too_much);
        }
    }
}

impl AllocationController for Buffer {
    /// Less than there is: copies are made with this alignment, and burn knows none above it.
    fn alloc_align(&self) -> usize {
        align_of::<u128>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(&mut self, _: AccessPolicy) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        let bytes = self.bytes();
        // SAFETY: these are the bytes of the lines.
        Ok(unsafe { std::slice::from_raw_parts_mut(self.memory.as_mut_ptr().cast(), bytes) })
    }

    fn memory(&self, _: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        // SAFETY: these are the bytes of the lines.
        Ok(unsafe { std::slice::from_raw_parts(self.memory.as_ptr().cast(), self.bytes()) })
    }

    fn capacity(&self) -> usize {
        self.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_tensors_that_are_gone_is_used_again() {
        // A size that no other test of this process has.
        let length = 16 * 12_345;
        let mut buffer = Buffer::new(length);
        buffer.values().fill(7.0);
        let tensor = buffer.into_tensor([length]);
        let copy = tensor.clone();
        assert_eq!(tensor.storage::<f32>()[..length], vec![7.0; length]);
        drop(tensor);
        assert!(pool().take(12_345).is_none(), "the copy still needs it");
        drop(copy);
        let memory = pool().take(12_345).unwrap();
        assert_eq!(memory.len(), 12_345);
    }

    #[test]
    fn a_tensor_can_be_changed_and_read_back() {
        let mut buffer = Buffer::new(5);
        buffer.values().copy_from_slice(&[1.0, 2.0, 3.0, 4.0, 5.0]);
        let mut tensor = buffer.into_tensor([5]);
        let other = tensor.clone();
        tensor.storage_mut::<f32>()[0] = 9.0;
        assert_eq!(other.into_data().try_to_vec::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(tensor.into_data().try_to_vec::<f32>().unwrap(), [9.0, 2.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn nothing_fits_in_nothing() {
        assert_eq!(Buffer::new(0).into_tensor([0]).into_data().num_elements(), 0);
    }
}
