//! Headers of text lines, in front of binary data or alone.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Read};
use std::path::Path;

use crate::error::{Error, Result};

/// Far more than any header needs, and little enough to be held.
const MAX_HEADER: u64 = 16 << 20;

/// The lines at the start of a file, one at a time.
pub(crate) struct Lines<'a> {
    path: &'a Path,
    reader: Box<dyn BufRead + 'a>,
    position: u64,
}

impl<'a> Lines<'a> {
    /// Opens a file.
    pub(crate) fn open(path: &'a Path) -> Result<Self> {
        let file = File::open(path).map_err(|source| Error::Io { path: path.into(), source })?;
        Ok(Self { path, reader: Box::new(BufReader::new(file)), position: 0 })
    }

    /// Bytes in memory.
    pub(crate) fn from_bytes(path: &'a Path, bytes: &'a [u8]) -> Self {
        Self { path, reader: Box::new(Cursor::new(bytes)), position: 0 }
    }

    /// The next line without its end; `None` at the end of the file. What is not UTF-8 is replaced.
    pub(crate) fn next(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        let left = (MAX_HEADER + 1).saturating_sub(self.position);
        let read = self.reader.by_ref().take(left).read_until(b'\n', &mut line);
        self.position += read.map_err(|source| Error::Io { path: self.path.into(), source })? as u64;
        if self.position > MAX_HEADER {
            return Err(Error::Invalid {
                path: self.path.into(),
                what: "header",
                expected: format!("at most {MAX_HEADER} bytes"),
                found: "more".into(),
            });
        }
        if line.is_empty() {
            return Ok(None);
        }
        let text = line.strip_suffix(b"\n").unwrap_or(&line);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        Ok(Some(String::from_utf8_lossy(text).into_owned()))
    }

    /// How many bytes the lines so far take.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The file, for messages.
    pub(crate) fn path(&self) -> &'a Path {
        self.path
    }
}
