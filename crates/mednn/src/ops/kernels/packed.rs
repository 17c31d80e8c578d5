//! Weights that stay packed between passes.
//!
//! A product packs its weights before it multiplies, which for few rows takes as long as multiplying. Two doors lead around that:
//!
//! - A **cache**: a weight that is multiplied with for the second time stays packed, beside itself. A weak reference to the storage of the
//!   tensor tells whether it still is what was packed: burn writes to a storage only when nobody else has it, and moves its values to
//!   another one while there are weak references ([`Arc::make_mut`], [`Arc::get_mut`]). So an optimizer step, a loaded record or a freed
//!   model leaves a weak reference that leads nowhere, and addresses are not used again before that is gone.
//! - A **storage** that holds the packed values alone ([`keep_packed`]). Who asks for the plain values, to save them or for
//!   an operation of burn's, gets them: they are unpacked once, and held beside the others from then on. Weights in 8 bits ([`keep_int8`]) are held so too.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use burn::backend::flex::FlexTensor;
use burn::tensor::{AllocationProperty, Bytes, DType, Shape, TensorData};
use burn_std::{AccessError, AccessPolicy, AllocationController};
use medkernels::convolution::PackedConv2d;
use medkernels::gemm::{Matrix, PackedMatrix};
use medkernels::int8::Int8Matrix;

use super::flex::{in_order, matrix, tensor, values};

/// Values below which a weight is packed in each product: it fits the nearest cache.
const SMALL: usize = 1024;
/// Uses of the cache between two searches for weights that are gone.
const SWEEP: usize = 4096;

/// A weight as products read it.
#[derive(Debug)]
pub(super) enum Packed {
    Matrix(PackedMatrix),
    Int8(Int8Matrix),
    Conv2d(PackedConv2d),
}

impl Packed {
    /// A matrix of two axes, or a convolution of four.
    fn new(weight: &FlexTensor) -> Self {
        if let [outputs, channels, height, width] = weight.layout().shape()[..] {
            let weight = in_order(weight.clone());
            return Self::Conv2d(PackedConv2d::new(values(&weight), [outputs, channels, height, width]));
        }
        match matrix(weight) {
            Some(matrix) => Self::Matrix(PackedMatrix::new(matrix)),
            None => Self::new(&in_order(weight.clone())),
        }
    }

    fn is_current(&self) -> bool {
        match self {
            Self::Matrix(matrix) => matrix.is_current(),
            // Products use what it was made for.
            Self::Int8(_) => true,
            Self::Conv2d(conv) => conv.is_current(),
        }
    }

    fn unpack(&self, to: &mut [f32]) {
        match self {
            Self::Matrix(matrix) => matrix.unpack(to),
            Self::Int8(matrix) => matrix.unpack(to),
            Self::Conv2d(conv) => conv.unpack(to),
        }
    }
}

/// The packed weight of a convolution: kept, or made for this once.
pub(super) struct KeptConv2d(Result<Arc<Packed>, PackedConv2d>);

impl KeptConv2d {
    pub(super) fn of(weight: &FlexTensor) -> Option<Self> {
        if let Some(kept) = find(weight) {
            return Some(Self(Ok(kept)));
        }
        match Packed::new(weight) {
            Packed::Conv2d(conv) => Some(Self(Err(conv.used_once()))),
            Packed::Matrix(_) | Packed::Int8(_) => None,
        }
    }

    pub(super) fn get(&self) -> Option<&PackedConv2d> {
        match &self.0 {
            Ok(kept) => match &**kept {
                Packed::Conv2d(conv) => Some(conv),
                Packed::Matrix(_) | Packed::Int8(_) => None,
            },
            Err(conv) => Some(conv),
        }
    }
}

/// A tensor of the same values whose storage holds them packed, or in order where that gains nothing.
pub(super) fn keep_packed(weight: FlexTensor) -> FlexTensor {
    let shape = weight.layout().shape().clone();
    if !matches!(shape.num_dims(), 2 | 4) || weight.layout().num_elements() < SMALL {
        return in_order(weight);
    }
    keep(Packed::new(&weight), shape)
}

/// A tensor of the rounded values of a matrix, whose storage holds them in 8 bits; none where it is too small to gain anything, or too deep.
pub(super) fn keep_int8(weight: FlexTensor) -> Option<FlexTensor> {
    match matrix(&weight) {
        Some(matrix) => int8(matrix),
        None => int8(matrix(&in_order(weight))?),
    }
}

/// [`keep_int8`] of the transpose of values `[rows, columns]`.
pub(super) fn int8_transposed(values: &[f32], [rows, columns]: [usize; 2]) -> Option<FlexTensor> {
    int8(Matrix::new(values, rows, columns).transposed())
}

fn int8(matrix: Matrix<'_>) -> Option<FlexTensor> {
    let [rows, columns] = [matrix.rows(), matrix.columns()];
    let fits = rows * columns >= SMALL && rows <= Int8Matrix::MOST_ROWS;
    fits.then(|| keep(Packed::Int8(Int8Matrix::new(matrix)), [rows, columns].into()))
}

/// [`keep_packed`] of the transpose of values `[rows, columns]`, which are not copied in between.
pub(super) fn transposed(values: &[f32], [rows, columns]: [usize; 2]) -> FlexTensor {
    if values.len() < SMALL {
        return in_order(tensor(values.to_vec(), [rows, columns]).transpose(0, 1));
    }
    let matrix = Matrix::new(values, rows, columns).transposed();
    keep(Packed::Matrix(PackedMatrix::new(matrix)), [columns, rows].into())
}

fn keep(packed: Packed, shape: Shape) -> FlexTensor {
    let packed = Arc::new(packed);
    let length = shape.num_elements() * size_of::<f32>();
    let storage = PackedStorage { packed: Some(Arc::clone(&packed)), plain: OnceLock::new(), length };
    #[allow(unsafe_code)]
    // SAFETY: the storage shows that many bytes, all of them initialised.
    let bytes = unsafe { Bytes::from_controller(Box::new(storage), length) };
    let tensor = FlexTensor::from_data(TensorData::from_bytes(bytes, shape, DType::F32));
    let entry = Entry {
        storage: Arc::downgrade(&tensor.data_arc()),
        state: State::InStorage(Arc::downgrade(&packed)),
    };
    cache().entries.insert(Key::of(&tensor), entry);
    tensor
}

/// Which part of which storage a tensor shows, in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    storage: usize,
    offset: usize,
    shape: [usize; 4],
    strides: [isize; 4],
}

impl Key {
    fn of(tensor: &FlexTensor) -> Self {
        let layout = tensor.layout();
        let axis = |i: usize| i < layout.num_dims();
        Self {
            storage: Arc::as_ptr(&tensor.data_arc()).addr(),
            offset: layout.start_offset(),
            shape: std::array::from_fn(|i| if axis(i) { layout.shape()[i] } else { 0 }),
            strides: std::array::from_fn(|i| if axis(i) { layout.strides()[i] } else { 0 }),
        }
    }
}

/// What is known about a weight.
#[derive(Debug)]
enum State {
    /// It has been multiplied with once.
    Seen,
    Packed(Arc<Packed>),
    /// Its storage is the packed form.
    InStorage(Weak<Packed>),
}

#[derive(Debug)]
struct Entry {
    storage: Weak<Bytes>,
    state: State,
}

#[derive(Debug, Default)]
struct Cache {
    entries: HashMap<Key, Entry>,
    uses: usize,
}

static CACHE: OnceLock<Mutex<Cache>> = OnceLock::new();

fn cache() -> MutexGuard<'static, Cache> {
    CACHE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    /// Forgets weights that are gone or have been written to.
    fn sweep(&mut self) {
        self.uses = 0;
        self.entries.retain(|_, entry| entry.storage.strong_count() > 0);
    }
}

/// The packed form of a weight, from its second use on.
pub(super) fn find(weight: &FlexTensor) -> Option<Arc<Packed>> {
    if weight.layout().num_elements() < SMALL || !matches!(weight.layout().num_dims(), 2 | 4) {
        return None;
    }
    let (key, storage) = (Key::of(weight), weight.data_arc());
    let mut cache = cache();
    cache.uses += 1;
    if cache.uses > SWEEP {
        cache.sweep();
    }
    let found = cache.entries.get(&key).filter(|entry| entry.storage.strong_count() > 0);
    let seen = match found.map(|entry| &entry.state) {
        Some(State::Packed(packed)) if packed.is_current() => return Some(Arc::clone(packed)),
        Some(State::InStorage(packed)) => return packed.upgrade().filter(|packed| packed.is_current()),
        Some(_) => true,
        None => false,
    };
    if !seen {
        cache.sweep();
        cache.entries.insert(key, Entry { storage: Arc::downgrade(&storage), state: State::Seen });
        return None;
    }
    drop(cache);
    // Others may pack the same meanwhile: one of the copies stays.
    let packed = Arc::new(Packed::new(weight));
    let entry = Entry { storage: Arc::downgrade(&storage), state: State::Packed(Arc::clone(&packed)) };
    self::cache().entries.insert(key, entry);
    Some(packed)
}

/// The memory of a tensor whose values are packed.
struct PackedStorage {
    /// Until the values are written to.
    packed: Option<Arc<Packed>>,
    /// The values in order, from when they were first asked for.
    plain: OnceLock<Vec<f32>>,
    length: usize,
}

impl PackedStorage {
    fn plain(&self) -> &Vec<f32> {
        self.plain.get_or_init(|| {
            let mut plain = vec![0.0; self.length / size_of::<f32>()];
            if let Some(packed) = &self.packed {
                packed.unpack(&mut plain);
            }
            plain
        })
    }
}

#[allow(unsafe_code)]
impl AllocationController for PackedStorage {
    fn alloc_align(&self) -> usize {
        align_of::<f32>()
    }

    fn property(&self) -> AllocationProperty {
        AllocationProperty::Other
    }

    unsafe fn memory_mut(&mut self, policy: AccessPolicy) -> Result<&mut [MaybeUninit<u8>], AccessError> {
        self.memory(policy)?;
        self.packed = None;
        let plain = self.plain.get_mut().map(Vec::as_mut_slice).unwrap_or_default();
        // SAFETY: these are the bytes of the values.
        Ok(unsafe { std::slice::from_raw_parts_mut(plain.as_mut_ptr().cast(), size_of_val(plain)) })
    }

    fn memory(&self, policy: AccessPolicy) -> Result<&[MaybeUninit<u8>], AccessError> {
        if self.plain.get().is_none() && !policy.copy_allowed() {
            return Err(AccessError::WouldCopy);
        }
        let plain = self.plain();
        // SAFETY: these are the bytes of the values.
        Ok(unsafe { std::slice::from_raw_parts(plain.as_ptr().cast(), size_of_val(&plain[..])) })
    }

    fn capacity(&self) -> usize {
        self.length
    }
}
