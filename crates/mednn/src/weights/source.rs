//! Safetensors from a file or from memory.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Metadata, TensorInfo};
use safetensors::{Dtype, SafeTensorError};

use crate::error::{Error, Result};

/// The length of the header comes first, as a little-endian u64.
const LENGTH_BYTES: u64 = 8;
/// Bytes of a tensor that are read at once: whole values of every type.
const READ_AT_ONCE: usize = 1 << 20;
/// Bytes of a table from which on it may stay in a mapped file.
#[cfg(feature = "map")]
const LARGE_TABLE: usize = 1 << 20;
/// The format's own bound on the header.
const MAX_HEADER: u64 = 100_000_000;

/// A safetensors file, or the bytes of one (embedded in the program, fetched over a network).
///
/// Opening reads and checks the header only; tensors are read one at a time when they are asked for.
#[derive(Debug)]
pub struct WeightSource {
    name: String,
    storage: Storage,
    tensors: BTreeMap<String, TensorInfo>,
    data_start: u64,
    int8: Option<Wanted>,
}

/// Which weights are to be rounded.
struct Wanted(Box<dyn Fn(&str) -> bool + Send + Sync>);

impl fmt::Debug for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wanted")
    }
}

#[derive(Debug)]
enum Storage {
    File {
        path: PathBuf,
        file: File,
        /// The file as memory, for what is not read.
        #[cfg(feature = "map")]
        mapped: Option<bytes::Bytes>,
    },
    Memory(Vec<u8>),
}

impl WeightSource {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::WeightFormat`] when the header is not valid or claims another length than the file has.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref().to_path_buf();
        let io = |source| Error::Io { path: path.clone(), source };
        let mut file = File::open(&path).map_err(io)?;
        let length = file.metadata().map_err(io)?.len();
        let name = path.display().to_string();
        let invalid = |source| Error::WeightFormat { what: name.clone(), source };
        if length < LENGTH_BYTES {
            return Err(invalid(SafeTensorError::HeaderTooSmall));
        }
        let mut start = [0; LENGTH_BYTES as usize];
        file.read_exact(&mut start).map_err(io)?;
        let header = u64::from_le_bytes(start);
        if header > MAX_HEADER.min(length - LENGTH_BYTES) {
            return Err(invalid(SafeTensorError::InvalidHeaderLength));
        }
        // Bounded by the real length of the file just above.
        let mut bytes = Vec::new();
        (&mut file).take(header).read_to_end(&mut bytes).map_err(io)?;
        let metadata = parse_header(&bytes).map_err(invalid)?;
        let data_start = LENGTH_BYTES + header;
        check_length(&metadata, length - data_start).map_err(invalid)?;
        let tensors = owned(&metadata);
        let storage = Storage::File {
            path,
            file,
            #[cfg(feature = "map")]
            mapped: None,
        };
        Ok(Self { name, storage, tensors, data_start, int8: None })
    }

    /// Takes the bytes of a file; `name` is what messages call it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_bytes(name: impl Into<String>, bytes: Vec<u8>) -> Result<Self> {
        let name = name.into();
        let invalid = |source| Error::WeightFormat { what: name.clone(), source };
        let Some((start, rest)) = bytes.split_first_chunk() else {
            return Err(invalid(SafeTensorError::HeaderTooSmall));
        };
        let header = u64::from_le_bytes(*start).min(MAX_HEADER + 1) as usize;
        let Some(text) = rest.get(..header) else {
            return Err(invalid(SafeTensorError::InvalidHeaderLength));
        };
        let metadata = parse_header(text).map_err(invalid)?;
        check_length(&metadata, (rest.len() - header) as u64).map_err(invalid)?;
        let data_start = LENGTH_BYTES + header as u64;
        let tensors = owned(&metadata);
        Ok(Self { name, storage: Storage::Memory(bytes), tensors, data_start, int8: None })
    }

    /// As [`open`](Self::open), and large tables of f32 that models do not lay out anew, such as those of words, stay in the file: what is
    /// loaded takes memory only for the rows that are asked for. Anything that is changed gets memory of its own.
    ///
    /// # Safety
    /// As long as the source or a model that was loaded from it lives, nobody writes to the file or makes it shorter: values would change
    /// under way, and what is read behind the end of a file ends the process.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    #[cfg(feature = "map")]
    #[allow(unsafe_code)]
    pub unsafe fn map(path: impl AsRef<Path>) -> Result<Self> {
        let mut source = Self::open(path)?;
        if let Storage::File { path, file, mapped } = &mut source.storage {
            // SAFETY: the caller vouches for the file.
            let map = unsafe { memmap2::Mmap::map(&*file) };
            let map = map.map_err(|source| Error::Io { path: path.clone(), source })?;
            *mapped = Some(bytes::Bytes::from_owner(map));
        }
        Ok(source)
    }

    /// Weights of linear layers whose key, the published one, is `wanted` are rounded to 8 bits as they are read, where the kernels take it: as
    /// [`int8::quantize`](crate::int8::quantize) does it with a model that is there, but at no time do all of them take the memory of `f32`.
    /// [`WeightReport::rounded`](super::WeightReport) lists them, and `not_rounded` those that the kernels do not take.
    #[must_use]
    pub fn in_int8(self, wanted: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        Self { int8: Some(Wanted(Box::new(wanted))), ..self }
    }

    /// Whether the weight of a linear layer is to be rounded.
    pub(super) fn is_int8(&self, key: &str) -> bool {
        self.int8.as_ref().is_some_and(|wanted| wanted.0(key))
    }

    /// What messages call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All keys, sorted.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Gives keys other names: those for which `new_name` has one that is not taken yet. For checkpoints older than the names
    /// that a table knows.
    pub fn rename(&mut self, new_name: impl Fn(&str) -> Option<String>) {
        let renamed: Vec<_> =
            self.tensors.keys().filter_map(|key| Some((key.clone(), new_name(key)?))).collect();
        for (old, new) in renamed {
            if !self.tensors.contains_key(&new)
                && let Some(info) = self.tensors.remove(&old)
            {
                self.tensors.insert(new, info);
            }
        }
    }

    /// The shape of a tensor, if there is one of this name.
    pub fn shape(&self, key: &str) -> Option<&[usize]> {
        self.tensors.get(key).map(|info| info.shape.as_slice())
    }

    /// The element type of a tensor, if there is one of this name.
    pub fn dtype(&self, key: &str) -> Option<Dtype> {
        self.tensors.get(key).map(|info| info.dtype)
    }

    /// Shows each tensor whose key ends in `suffix` as several: as many rows each, under the keys that end in `parts`
    /// instead. Nothing is read.
    ///
    /// # Errors
    /// [`Error::Shape`] when the rows of such a tensor cannot be shared out, after which no key has changed.
    pub fn split_rows(&mut self, suffix: &str, parts: &[&str]) -> Result<()> {
        let mut split = Vec::new();
        for (key, info) in self.tensors.iter().filter(|(key, _)| key.ends_with(suffix)) {
            let (start, end) = info.data_offsets;
            let rows = info.shape.first().copied().unwrap_or(0);
            let bytes = end - start;
            if parts.is_empty() || !rows.is_multiple_of(parts.len()) || !bytes.is_multiple_of(parts.len()) {
                let expected = format!("{suffix} of a multiple of {} rows", parts.len());
                return Err(Error::Shape { what: "weights", expected, found: info.shape.clone() });
            }
            let stem = &key[..key.len() - suffix.len()];
            for (index, part) in parts.iter().enumerate() {
                let mut info = info.clone();
                if let Some(first) = info.shape.first_mut() {
                    *first = rows / parts.len();
                }
                let length = bytes / parts.len();
                info.data_offsets = (start + index * length, start + (index + 1) * length);
                split.push((format!("{stem}{part}"), info));
            }
        }
        self.tensors.retain(|key, _| !key.ends_with(suffix));
        self.tensors.extend(split);
        Ok(())
    }

    /// Shows the fused projections of PyTorch's `MultiheadAttention`, `in_proj_weight` and `in_proj_bias`, as `q_proj`,
    /// `k_proj` and `v_proj`.
    ///
    /// # Errors
    /// As [`split_rows`](Self::split_rows).
    pub fn split_in_proj(&mut self) -> Result<()> {
        self.split_rows("in_proj_weight", &["q_proj.weight", "k_proj.weight", "v_proj.weight"])?;
        self.split_rows("in_proj_bias", &["q_proj.bias", "k_proj.bias", "v_proj.bias"])
    }

    /// The values of a floating-point tensor as f32, in the file's layout; `None` when there is no such key or it is not
    /// of a floating-point type.
    ///
    /// # Errors
    /// [`Error::Io`] when the file can no longer be read.
    pub fn read_f32(&mut self, key: &str) -> Result<Option<Vec<f32>>> {
        let mut values = Vec::new();
        Ok(self.read_f32_into(key, &mut values)?.then_some(values))
    }

    /// The bytes of a large table of f32, where it is mapped and this machine reads it as it lies.
    #[cfg(feature = "map")]
    pub(super) fn mapped_table(&self, key: &str) -> Option<bytes::Bytes> {
        let Storage::File { mapped: Some(bytes), .. } = &self.storage else { return None };
        let info = self.tensors.get(key)?;
        let (start, end) = info.data_offsets;
        let first = usize::try_from(self.data_start).ok()?.checked_add(start)?;
        let table = bytes.slice_ref(bytes.get(first..)?.get(..end - start)?);
        let large = info.shape.len() == 2 && table.len() >= LARGE_TABLE;
        let aligned = table.as_ptr().align_offset(align_of::<f32>()) == 0;
        let readable = info.dtype == Dtype::F32 && aligned && cfg!(target_endian = "little");
        (large && readable).then_some(table)
    }

    /// As [`read_f32`](Self::read_f32), in place of what `values` holds; false where there is nothing.
    pub(super) fn read_f32_into(&mut self, key: &str, values: &mut Vec<f32>) -> Result<bool> {
        values.clear();
        let Some(info) = self.tensors.get(key) else { return Ok(false) };
        let decode: fn(&[u8], &mut Vec<f32>) = match info.dtype {
            Dtype::F32 => f32_from_f32,
            Dtype::F16 => f32_from_f16,
            Dtype::BF16 => f32_from_bf16,
            Dtype::F64 => f32_from_f64,
            _ => return Ok(false),
        };
        let (start, end) = info.data_offsets;
        let (start, length) = (self.data_start + start as u64, end - start);
        values.reserve_exact(info.shape.iter().product());
        // In parts, so that values and bytes are not there twice.
        let mut part = Vec::new();
        for from in (0..length).step_by(READ_AT_ONCE) {
            let size = READ_AT_ONCE.min(length - from);
            decode(read_range(&mut self.storage, start + from as u64, size, &mut part)?, values);
        }
        Ok(true)
    }
}

/// The text of a file, such as a `config.json`.
pub(crate) fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}

/// Bytes of the source; those of a file are read into `part`.
fn read_range<'a>(
    storage: &'a mut Storage,
    start: u64,
    length: usize,
    part: &'a mut Vec<u8>,
) -> Result<&'a [u8]> {
    match storage {
        // The range was checked against the length on opening.
        Storage::Memory(bytes) => {
            Ok(usize::try_from(start).ok().and_then(|s| bytes.get(s..s + length)).unwrap_or_default())
        }
        Storage::File { path, file, .. } => {
            part.resize(length, 0);
            file.seek(SeekFrom::Start(start))
                .and_then(|_| file.read_exact(part))
                .map_err(|source| Error::Io { path: path.clone(), source })?;
            Ok(part)
        }
    }
}

/// Parses the header and has the format's rules checked: offsets in order, without gaps or overlaps, and as long as shape and
/// element type make them.
fn parse_header(text: &[u8]) -> std::result::Result<Metadata, SafeTensorError> {
    let parsed: Metadata =
        serde_json::from_slice(text).map_err(SafeTensorError::InvalidHeaderDeserialization)?;
    let mut tensors: Vec<_> = owned(&parsed).into_iter().collect();
    tensors.sort_by_key(|(_, info)| info.data_offsets);
    Metadata::new(parsed.metadata().clone(), tensors)
}

/// The tensors must fill the rest of the file exactly: a file cut off is found before anything is read.
fn check_length(metadata: &Metadata, found: u64) -> std::result::Result<(), SafeTensorError> {
    if metadata.data_len() as u64 == found { Ok(()) } else { Err(SafeTensorError::MetadataIncompleteBuffer) }
}

fn owned(metadata: &Metadata) -> BTreeMap<String, TensorInfo> {
    metadata.tensors().into_iter().map(|(name, info)| (name, info.clone())).collect()
}

fn f32_from_f32(bytes: &[u8], to: &mut Vec<f32>) {
    to.extend(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])));
}

fn f32_from_f16(bytes: &[u8], to: &mut Vec<f32>) {
    to.extend(bytes.chunks_exact(2).map(|b| half::f16::from_le_bytes([b[0], b[1]]).to_f32()));
}

fn f32_from_bf16(bytes: &[u8], to: &mut Vec<f32>) {
    to.extend(bytes.chunks_exact(2).map(|b| half::bf16::from_le_bytes([b[0], b[1]]).to_f32()));
}

fn f32_from_f64(bytes: &[u8], to: &mut Vec<f32>) {
    let wide = |b: &[u8]| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]);
    to.extend(bytes.chunks_exact(8).map(|b| wide(b) as f32));
}
