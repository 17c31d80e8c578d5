//! Between arrays in patient space and tensors on a device.

use burn::tensor::{Device, Tensor, TensorData};
use medcore::{Image, Scalar, Volume};
use ndarray::{Array, ArrayD, Dimension, IxDyn};

use crate::error::{Error, Result};

/// An image as a tensor `[channel, row, column]`.
pub fn image_to_tensor<T: Scalar>(image: &Image<T>, device: &Device) -> Tensor<3> {
    let values: Vec<f32> = image.pixels().iter().map(|v| v.to_f32()).collect();
    let shape = [image.channels(), image.height(), image.width()];
    Tensor::from_data(TensorData::new(values, shape), device)
}

/// A volume as a tensor `[slice, row, column]`.
pub fn volume_to_tensor<T: Scalar>(volume: &Volume<T>, device: &Device) -> Tensor<3> {
    let values: Vec<f32> = volume.as_slice().iter().map(|v| v.to_f32()).collect();
    Tensor::from_data(TensorData::new(values, volume.size()), device)
}

/// An array as a tensor of the same shape.
///
/// # Panics
/// When `D` is not the array's number of axes.
pub fn array_to_tensor<const D: usize, I: Dimension>(array: &Array<f32, I>, device: &Device) -> Tensor<D> {
    let values: Vec<f32> = array.iter().copied().collect();
    Tensor::from_data(TensorData::new(values, array.shape().to_vec()), device)
}

/// The values of a tensor in row-major order. Waits for the device.
///
/// # Errors
/// [`Error::Readback`] when the device fails.
pub fn read_f32<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor.try_into_vec_as::<f32>().map_err(|e| Error::Readback { reason: e.to_string() })
}

/// A tensor as an array of the same shape. Waits for the device.
///
/// # Errors
/// As [`read_f32`].
pub fn tensor_to_array<const D: usize>(tensor: Tensor<D>) -> Result<ArrayD<f32>> {
    let shape = tensor.dims();
    let values = read_f32(tensor)?;
    ArrayD::from_shape_vec(IxDyn(&shape), values).map_err(|e| Error::Readback { reason: e.to_string() })
}
