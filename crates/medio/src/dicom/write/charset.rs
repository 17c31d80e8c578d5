//! The character set of text that is copied (PS3.3 C.12.1.1.2).

use std::path::Path;

use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

use super::data_set::{NewDataSet, Value};
use crate::error::{Error, Result};

/// The value of SpecificCharacterSet where text comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::dicom) struct Charset {
    code: Vec<u8>,
}

impl Charset {
    pub(in crate::dicom) fn new(code: &[u8]) -> Self {
        Self { code: code.to_vec() }
    }

    /// As the file has it.
    pub(super) fn code(&self) -> &[u8] {
        &self.code
    }

    /// Brings copied text to UTF-8.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for text beyond ASCII in a set that is unknown, or in several sets between which it switches.
    pub(super) fn to_utf8(&self, path: &Path, data: &mut NewDataSet) -> Result<()> {
        for value in data.values_mut() {
            match value {
                Value::Copied(bytes) => *value = Value::Copied(self.decode(path, bytes)?.into_bytes()),
                Value::Items(items) => items.iter_mut().try_for_each(|item| self.to_utf8(path, item))?,
                Value::Text(_) | Value::Binary(_) => {}
            }
        }
        Ok(())
    }

    fn decode(&self, path: &Path, bytes: &[u8]) -> Result<String> {
        let code = String::from_utf8_lossy(&self.code);
        let unsupported = || Error::Unsupported {
            path: path.into(),
            what: "names beyond ASCII beside the source's text in character set",
            found: format!("{:?}", code.trim()),
        };
        // An escape switches to another set in the midst of a text.
        match std::str::from_utf8(bytes) {
            Ok(text) if text.is_ascii() && !text.contains('\u{1b}') => return Ok(text.to_string()),
            _ if bytes.contains(&0x1b) => return Err(unsupported()),
            _ => {}
        }
        let set = SpecificCharacterSet::from_code(code.trim()).ok_or_else(unsupported)?;
        set.decode(bytes).map_err(|_| unsupported())
    }
}
