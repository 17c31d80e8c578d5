//! The bytes of a file as they are, read at any position.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
#[cfg(not(any(unix, windows)))]
use std::sync::Mutex;

use crate::error::{Error, Result};

/// A file or bytes in memory, readable at any position by several threads at once.
#[derive(Debug)]
pub(crate) enum Raw<'a> {
    /// An open file: it stays the same one when another takes its name.
    #[cfg(any(unix, windows))]
    File(File),
    /// An open file where reading moves its only position.
    #[cfg(not(any(unix, windows)))]
    File(Mutex<File>),
    /// Bytes in memory.
    Memory(&'a [u8]),
}

impl<'a> Raw<'a> {
    /// Opens a file, and tells how long it is.
    pub(crate) fn open(path: &Path) -> Result<(Arc<Self>, u64)> {
        let io = |source| Error::Io { path: path.into(), source };
        let file = File::open(path).map_err(io)?;
        let stored = file.metadata().map_err(io)?.len();
        #[cfg(not(any(unix, windows)))]
        let file = Mutex::new(file);
        Ok((Arc::new(Self::File(file)), stored))
    }

    /// Bytes in memory, and how many there are.
    pub(crate) fn memory(bytes: &'a [u8]) -> (Arc<Self>, u64) {
        (Arc::new(Self::Memory(bytes)), bytes.len() as u64)
    }

    /// Reads from a position; 0 bytes at the end.
    pub(crate) fn read_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        match self {
            #[cfg(unix)]
            Self::File(file) => std::os::unix::fs::FileExt::read_at(file, buffer, position),
            #[cfg(windows)]
            Self::File(file) => std::os::windows::fs::FileExt::seek_read(file, buffer, position),
            #[cfg(not(any(unix, windows)))]
            Self::File(file) => {
                let mut file = file.lock().map_err(|_| io::ErrorKind::Other)?;
                file.seek(SeekFrom::Start(position))?;
                file.read(buffer)
            }
            Self::Memory(bytes) => {
                let start = usize::try_from(position).unwrap_or(usize::MAX);
                bytes.get(start..).unwrap_or_default().read(buffer)
            }
        }
    }

    /// Fills a buffer from a position; fewer bytes than asked only at the end.
    pub(crate) fn fill_at(&self, buffer: &mut [u8], position: u64) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read_at(rest, position + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(filled)
    }
}

/// Reads the bytes of a [`Raw`] in order.
pub(crate) struct Sequential<'a> {
    raw: Arc<Raw<'a>>,
    position: u64,
    end: u64,
}

impl<'a> Sequential<'a> {
    /// From a position; there are bytes up to `end`.
    pub(crate) fn new(raw: Arc<Raw<'a>>, position: u64, end: u64) -> Self {
        Self { raw, position, end }
    }
}

impl Read for Sequential<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.raw.read_at(buffer, self.position)?;
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for Sequential<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
