//! Results as safetensors files.

use std::collections::HashMap;
use std::path::Path;

use ndarray::{ArrayBase, Data, Dimension};
use safetensors::tensor::{Dtype, TensorView};

use crate::error::{Error, Result};

/// Named arrays for one file.
#[derive(Debug, Default)]
pub struct Tensors(Vec<(String, Vec<usize>, Vec<u8>)>);

impl Tensors {
    /// Adds an array.
    pub fn add<S: Data<Elem = f32>, D: Dimension>(
        &mut self,
        name: &str,
        array: &ArrayBase<S, D>,
    ) -> &mut Self {
        let bytes = array.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.0.push((name.to_string(), array.shape().to_vec(), bytes));
        self
    }

    /// Writes the file, with notes about it; it appears under its name when it is complete.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path, notes: HashMap<String, String>) -> Result<()> {
        let tensors = |source| Error::Tensors { path: path.to_path_buf(), source };
        let views = self
            .0
            .iter()
            .map(|(name, shape, bytes)| Ok((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?)))
            .collect::<Result<Vec<_>, _>>()
            .map_err(tensors)?;
        let bytes = safetensors::serialize(views, Some(notes)).map_err(tensors)?;
        let partial = path.with_extension("partial");
        std::fs::write(&partial, bytes)
            .and_then(|()| std::fs::rename(&partial, path))
            .map_err(|source| Error::Io { path: path.to_path_buf(), source })
    }
}
