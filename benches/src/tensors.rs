//! Tensors in safetensors files.

use std::path::Path;

use burn::tensor::{Device, Int, Tensor, TensorData};
use mednn::bridge::read_f32;
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::error::{Error, Result};

/// Reads a tensor of `D` axes and type F32 from a file.
///
/// # Errors
/// [`Error::Io`], [`Error::Tensors`]; [`Error::Unfit`] for another type or number of axes.
pub fn read<const D: usize>(path: &Path, name: &str, device: &Device) -> Result<Tensor<D>> {
    let (bytes, shape) = values::<D>(path, name, Dtype::F32)?;
    let (values, _) = bytes.as_chunks::<4>();
    let values: Vec<f32> = values.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    Ok(Tensor::from_data(TensorData::new(values, shape), device))
}

/// Reads a tensor of `D` axes and type I64 from a file.
///
/// # Errors
/// As [`read`].
pub fn read_integers<const D: usize>(path: &Path, name: &str, device: &Device) -> Result<Tensor<D, Int>> {
    let (bytes, shape) = values::<D>(path, name, Dtype::I64)?;
    let (values, _) = bytes.as_chunks::<8>();
    let values: Vec<i64> = values.iter().map(|&bytes| i64::from_le_bytes(bytes)).collect();
    Ok(Tensor::from_data(TensorData::new(values, shape), device))
}

fn values<const D: usize>(path: &Path, name: &str, kind: Dtype) -> Result<(Vec<u8>, [usize; D])> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    let file = SafeTensors::deserialize(&bytes).map_err(Error::tensors(path))?;
    let view = file.tensor(name).map_err(Error::tensors(path))?;
    match <[usize; D]>::try_from(view.shape()) {
        Ok(shape) if view.dtype() == kind => Ok((view.data().to_vec(), shape)),
        _ => Err(Error::Unfit {
            what: "input tensor",
            expected: format!("{kind:?} with {D} axes"),
            found: format!("{:?} {:?}", view.dtype(), view.shape()),
        }),
    }
}

/// Writes one tensor to a file.
///
/// # Errors
/// [`Error::Io`], [`Error::Tensors`]; [`Error::Network`] when the device fails.
pub fn write<const D: usize>(path: &Path, name: &str, tensor: Tensor<D>) -> Result<()> {
    let shape = tensor.dims().to_vec();
    let bytes: Vec<u8> = read_f32(tensor)?.into_iter().flat_map(f32::to_le_bytes).collect();
    let view = TensorView::new(Dtype::F32, shape, &bytes).map_err(Error::tensors(path))?;
    let bytes = safetensors::serialize([(name, view)], None).map_err(Error::tensors(path))?;
    std::fs::write(path, bytes).map_err(Error::io(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.safetensors");
        let device = Device::flex();
        let tensor = Tensor::<2>::from_floats([[1.0, -2.0, 3.5], [0.0, 1e-9, 7.0]], &device);
        write(&path, "x", tensor.clone()).unwrap();
        let again = read::<2>(&path, "x", &device).unwrap();
        assert_eq!(read_f32(again).unwrap(), read_f32(tensor).unwrap());
        assert!(matches!(read::<3>(&path, "x", &device), Err(Error::Unfit { .. })));
        assert!(matches!(read::<2>(&path, "y", &device), Err(Error::Tensors { .. })));
        assert!(matches!(read_integers::<2>(&path, "x", &device), Err(Error::Unfit { .. })));
    }
}
