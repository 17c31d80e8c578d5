//! DICOM files that are no images, or images that are read as a whole: segmentations, structured reports.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};
use flate2::read::DeflateDecoder;

use super::dataset::DataSet;
use super::elements::{self, Element, Encoding, Walk};
use super::write::Code;
use crate::error::{Error, Result};

/// The most that a deflated file is inflated to.
const MOST_INFLATED: u64 = 1 << 30;
const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// A file in memory.
pub(super) struct ObjectFile {
    path: PathBuf,
    bytes: Vec<u8>,
    start: usize,
    encoding: Encoding,
    transfer_syntax: String,
    charset: SpecificCharacterSet,
}

impl ObjectFile {
    /// Reads a file with a preamble (PS3.10 7.1).
    ///
    /// # Errors
    /// [`Error::Io`], and those of [`ObjectFile::parse`].
    pub(super) fn read(path: &Path) -> Result<Self> {
        let io = |source| Error::Io { path: path.into(), source };
        let mut bytes = Vec::new();
        File::open(path).map_err(io)?.read_to_end(&mut bytes).map_err(io)?;
        Self::parse(path, bytes)
    }

    /// The file that holds these bytes; `path` is its name for messages.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is not DICOM; for a deflated data set [`Error::Unsupported`] when it has more than 1 GiB, and
    /// [`Error::Decode`] when it is damaged.
    pub(super) fn parse(path: &Path, mut bytes: Vec<u8>) -> Result<Self> {
        let invalid = |expected: &str, found: String| Error::Invalid {
            path: path.into(),
            what: "DICOM file",
            expected: expected.into(),
            found,
        };
        if bytes.get(128..132) != Some(b"DICM".as_slice()) {
            return Err(invalid("DICM at byte 128", "something else".into()));
        }
        let mut transfer_syntax = String::new();
        let walk = elements::walk(
            &bytes,
            132,
            Encoding::EXPLICIT_LE,
            |tag| tag.group() != 2,
            |e| {
                if e.tag == tags::TRANSFER_SYNTAX_UID {
                    transfer_syntax = e.text();
                }
            },
        );
        let Walk::End(mut start) = walk else {
            return Err(invalid("file meta information (group 0002)", "something malformed".into()));
        };
        if transfer_syntax == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
            bytes = inflate(path, bytes.get(start..).unwrap_or_default())?;
            start = 0;
        }
        let encoding = match transfer_syntax.as_str() {
            EXPLICIT_VR_BIG_ENDIAN => Encoding::EXPLICIT_BE,
            _ => elements::little_endian_encoding(&bytes, start),
        };
        let mut file = Self {
            path: path.into(),
            bytes,
            start,
            encoding,
            transfer_syntax,
            charset: SpecificCharacterSet::default(),
        };
        let code = file.data_set().get(tags::SPECIFIC_CHARACTER_SET).and_then(|e| e.texts().last());
        if let Some(charset) = code.and_then(|code| SpecificCharacterSet::from_code(&code)) {
            file.charset = charset;
        }
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn transfer_syntax(&self) -> &str {
        &self.transfer_syntax
    }

    pub(super) fn data_set(&self) -> DataSet<'_> {
        DataSet::new(self.bytes.get(self.start..).unwrap_or_default(), self.encoding)
    }

    /// The text of an attribute in the file's character set; empty when it is not there.
    pub(super) fn text(&self, data: DataSet<'_>, tag: Tag) -> String {
        data.get(tag).map_or_else(String::new, |e| self.decoded(&e))
    }

    /// The first code of a code sequence.
    pub(super) fn code(&self, data: DataSet<'_>, tag: Tag) -> Option<Code> {
        let item = data.item(tag)?;
        let value = [tags::CODE_VALUE, tags::LONG_CODE_VALUE, tags::URN_CODE_VALUE]
            .into_iter()
            .map(|tag| self.text(item, tag))
            .find(|value| !value.is_empty())?;
        let scheme = self.text(item, tags::CODING_SCHEME_DESIGNATOR);
        Some(Code::new(value, scheme, self.text(item, tags::CODE_MEANING)))
    }

    /// # Errors
    /// [`Error::MissingAttribute`].
    pub(super) fn missing(&self, attribute: &'static str) -> Error {
        Error::MissingAttribute { path: self.path.clone(), attribute }
    }

    pub(super) fn invalid(&self, what: &'static str, expected: &str, found: impl ToString) -> Error {
        Error::Invalid { path: self.path.clone(), what, expected: expected.into(), found: found.to_string() }
    }

    fn decoded(&self, element: &Element<'_>) -> String {
        self.charset.decode(element.bytes_trimmed()).unwrap_or_else(|_| element.text())
    }
}

fn inflate(path: &Path, deflated: &[u8]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = DeflateDecoder::new(deflated).take(MOST_INFLATED + 1).read_to_end(&mut bytes);
    read.map_err(|e| Error::Decode { path: path.into(), syntax: "deflate", reason: e.to_string() })?;
    if bytes.len() as u64 > MOST_INFLATED {
        let found = format!("of more than {MOST_INFLATED} bytes");
        return Err(Error::Unsupported { path: path.into(), what: "deflated data set", found });
    }
    Ok(bytes)
}
