//! Where the bytes of a DICOM file are: in a file, in an entry of a zip archive, or in memory.

use std::fs::File;
use std::io::{self, Cursor, Error, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use flate2::Crc;
use flate2::read::DeflateDecoder;

/// Deflate makes at most 258 bytes of two bits, so no stream expands more than this (zlib's technical notes).
const MOST_EXPANSION: u64 = 1032;

/// A file, or bytes in memory.
#[derive(Debug, Clone)]
pub(super) enum Bytes {
    File(Arc<Path>),
    /// A vector as the caller gave it, so that it need not be copied.
    Memory(Arc<Vec<u8>>),
}

/// Reads and finds its place.
pub(super) trait ReadSeek: Read + Seek + Send {}
impl<R: Read + Seek + Send> ReadSeek for R {}

impl Bytes {
    /// A reader from the start, and how many bytes there are.
    pub(super) fn open(&self) -> io::Result<(Box<dyn ReadSeek + '_>, u64)> {
        match self {
            Self::File(path) => {
                let file = File::open(path)?;
                let length = file.metadata()?.len();
                Ok((Box::new(file), length))
            }
            Self::Memory(bytes) => Ok((Box::new(Cursor::new(bytes.as_slice())), bytes.len() as u64)),
        }
    }

    fn read_range(&self, offset: u64, length: u64, out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        let (mut reader, _) = self.open()?;
        reader.seek(SeekFrom::Start(offset))?;
        reader.take(length).read_to_end(out).map(|_| ())
    }
}

/// The bytes of an archive's entry (APPNOTE.TXT 4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Of its first byte in the archive.
    pub(super) offset: u64,
    /// Bytes in the archive.
    pub(super) stored: u64,
    /// Bytes of the entry's content, as the archive claims; as many as are stored when it is not deflated.
    pub(super) length: u64,
    pub(super) deflated: bool,
    pub(super) crc: u32,
}

impl Entry {
    /// Whether deflate can make so much of what is stored.
    pub(super) fn is_plausible(&self) -> bool {
        let most = if self.deflated { self.stored.saturating_mul(MOST_EXPANSION) } else { self.stored };
        self.length <= most
    }
}

/// A part of a file that is a raw deflate stream (PS3.5 A.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Deflated {
    /// Where it starts in the file.
    pub(super) start: u64,
    /// How many bytes of the inflated stream are of use.
    pub(super) length: u64,
}

/// Where the bytes of one DICOM file are.
///
/// What has to be inflated is inflated as a whole, once: [`Location::keep`] keeps it for several reads.
#[derive(Debug)]
pub(super) struct Location {
    bytes: Bytes,
    entry: Option<Entry>,
    deflated: Option<Deflated>,
    inflated: Mutex<Weak<Vec<u8>>>,
}

impl Default for Location {
    fn default() -> Self {
        Self::new(Bytes::Memory(Arc::default()), None)
    }
}

impl Location {
    pub(super) const fn new(bytes: Bytes, entry: Option<Entry>) -> Self {
        Self { bytes, entry, deflated: None, inflated: Mutex::new(Weak::new()) }
    }

    /// Makes ranges count in the deflated data set.
    pub(super) const fn set_deflated(&mut self, deflated: Deflated) {
        self.deflated = Some(deflated);
    }

    /// Whether offsets count in something that is inflated first, so that the length of the file bounds none of them.
    pub(super) fn is_inflated(&self) -> bool {
        self.deflated.is_some() || self.entry.is_some_and(|entry| entry.deflated)
    }

    /// Whether it is the entry of an archive.
    pub(super) const fn is_in_archive(&self) -> bool {
        self.entry.is_some()
    }

    /// A reader of the file, and its length as far as it is known without reading it.
    pub(super) fn open(&self) -> io::Result<(Box<dyn Read + Send + '_>, u64)> {
        let (mut reader, length) = self.bytes.open()?;
        let Some(entry) = self.entry else { return Ok((reader, length)) };
        reader.seek(SeekFrom::Start(entry.offset))?;
        let stored = reader.take(entry.stored);
        if entry.deflated {
            Ok((Box::new(DeflateDecoder::new(stored).take(entry.length)), entry.length))
        } else {
            Ok((Box::new(stored), entry.length))
        }
    }

    /// Replaces `out` by up to `length` bytes from `offset`, of the file or of its inflated data set if that is deflated;
    /// fewer when there are fewer.
    pub(super) fn read_range(&self, offset: u64, length: u64, out: &mut Vec<u8>) -> io::Result<()> {
        match (self.keep()?, self.entry) {
            (Some(inflated), _) => {
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(inflated.len());
                let end =
                    usize::try_from(offset.saturating_add(length)).unwrap_or(usize::MAX).min(inflated.len());
                out.clear();
                out.extend_from_slice(inflated.get(start..end).unwrap_or_default());
                Ok(())
            }
            (None, None) => self.bytes.read_range(offset, length, out),
            (None, Some(entry)) => {
                let left = entry.stored.saturating_sub(offset);
                self.bytes.read_range(entry.offset.saturating_add(offset), length.min(left), out)
            }
        }
    }

    /// All bytes of the file, a deflated data set as it is.
    pub(super) fn read_whole(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open()?.0.read_to_end(&mut bytes)?;
        self.check(&bytes)?;
        Ok(bytes)
    }

    /// What had to be inflated, `None` when nothing has. As long as the result lives nothing is inflated again.
    pub(super) fn keep(&self) -> io::Result<Option<Arc<Vec<u8>>>> {
        if !self.is_inflated() {
            return Ok(None);
        }
        // Threads that want the same wait for the one that inflates.
        let mut known = self.inflated.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(inflated) = known.upgrade() {
            return Ok(Some(inflated));
        }
        let inflated = Arc::new(self.inflate()?);
        *known = Arc::downgrade(&inflated);
        Ok(Some(inflated))
    }

    fn inflate(&self) -> io::Result<Vec<u8>> {
        let mut file = Vec::new();
        let Some(Deflated { start, length }) = self.deflated else { return self.read_whole() };
        let (mut reader, _) = self.open()?;
        let mut before = reader.by_ref().take(start);
        io::copy(&mut before, &mut io::sink())?;
        DeflateDecoder::new(reader).take(length).read_to_end(&mut file)?;
        Ok(file)
    }

    /// Checks the content of an entry against the archive's checksum.
    fn check(&self, content: &[u8]) -> io::Result<()> {
        let Some(entry) = self.entry else { return Ok(()) };
        let mut crc = Crc::new();
        crc.update(content);
        if crc.sum() == entry.crc && content.len() as u64 == entry.length {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidData, "the archive's checksum does not match"))
    }
}
