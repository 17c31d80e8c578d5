//! The bytes of a file, compressed or not, without trust in what the header says about them.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::GzDecoder;

use super::raw::{Raw, Sequential};
use crate::error::{Error, Result};

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const FILE_BUFFER: usize = 1 << 17;
/// Deflate makes at most 258 bytes of two bits, so no stream expands more than this (zlib's technical notes).
pub(super) const MAX_EXPANSION: u64 = 1032;

type Buffered<'a> = BufReader<Sequential<'a>>;

enum Reader<'a> {
    Plain(Buffered<'a>),
    Gzip(Box<GzipMembers<Buffered<'a>>>),
    /// What a decoder gives out; the room in the files behind it was checked before.
    Decoded {
        reader: Box<dyn Read + Send + Sync + 'a>,
        /// What it expects, for messages.
        form: &'static str,
    },
}

/// The decompressed bytes of a file, in order.
pub(crate) struct Source<'a> {
    path: &'a Path,
    raw: Arc<Raw<'a>>,
    /// Where the first byte is.
    base: u64,
    reader: Reader<'a>,
    /// Bytes of the file as it is, from there on.
    stored: u64,
    position: u64,
}

impl<'a> Source<'a> {
    /// Bytes in memory.
    pub(crate) fn from_bytes(path: &'a Path, bytes: &'a [u8]) -> Result<Self> {
        let (raw, stored) = Raw::memory(bytes);
        Self::new(path, raw, stored)
    }

    /// What a decoder gives out. `stored` is how many bytes it decodes, `form` what these have to be.
    pub(crate) fn decoded(
        path: &'a Path,
        reader: Box<dyn Read + Send + Sync + 'a>,
        stored: u64,
        form: &'static str,
    ) -> Self {
        let (raw, _) = Raw::memory(&[]);
        Self { path, raw, reader: Reader::Decoded { reader, form }, base: 0, stored, position: 0 }
    }

    /// From the start of a file that is open already and has `stored` bytes.
    pub(crate) fn new(path: &'a Path, raw: Arc<Raw<'a>>, stored: u64) -> Result<Self> {
        let io = |source| Error::Io { path: path.into(), source };
        let mut buffered =
            BufReader::with_capacity(FILE_BUFFER, Sequential::new(Arc::clone(&raw), 0, stored));
        let start = buffered.fill_buf().map_err(io)?;
        let reader = if start.starts_with(&GZIP_MAGIC) {
            Reader::Gzip(Box::new(GzipMembers::new(buffered)))
        } else {
            Reader::Plain(buffered)
        };
        Ok(Self { path, raw, base: 0, reader, stored, position: 0 })
    }

    /// The last `stored` bytes of a file as they are, whatever they start with.
    pub(crate) fn plain(path: &'a Path, raw: Arc<Raw<'a>>, length: u64, stored: u64) -> Self {
        let base = length.saturating_sub(stored);
        let sequential = Sequential::new(Arc::clone(&raw), base, length);
        let reader = Reader::Plain(BufReader::with_capacity(FILE_BUFFER, sequential));
        Self { path, raw, base, reader, stored, position: 0 }
    }

    /// Where the next byte comes from, counted in decompressed bytes.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The file, for messages.
    pub(crate) fn path(&self) -> &'a Path {
        self.path
    }

    /// Whether the bytes come out of a gzip stream.
    pub(crate) fn compressed(&self) -> bool {
        matches!(self.reader, Reader::Gzip(_))
    }

    /// Whether the bytes have to be read in order.
    pub(crate) fn streamed(&self) -> bool {
        !matches!(self.reader, Reader::Plain(_))
    }

    /// Bytes of the file as it is, compressed or not.
    pub(crate) fn stored(&self) -> u64 {
        self.stored
    }

    /// Refuses a claim that the file cannot hold: exactly so for a plain file, by the largest expansion that
    /// deflate is capable of for a compressed one.
    pub(crate) fn check_room(&self, end: u64, what: &'static str) -> Result<()> {
        let most = match self.reader {
            Reader::Plain(_) => self.stored,
            Reader::Gzip(_) => self.stored.saturating_mul(MAX_EXPANSION),
            Reader::Decoded { .. } => return Ok(()),
        };
        if end > most {
            return Err(Error::Truncated { path: self.path.into(), what, expected: end, found: most });
        }
        Ok(())
    }

    /// Fills a buffer.
    pub(crate) fn read_exact(&mut self, buffer: &mut [u8], what: &'static str) -> Result<()> {
        let expected = self.position + buffer.len() as u64;
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read(rest) {
                Ok(0) => return Err(self.truncated(what, expected)),
                Ok(n) => {
                    filled += n;
                    self.position += n as u64;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(self.failed(e, what, expected)),
            }
        }
        Ok(())
    }

    /// Reads `len` bytes; what a compressed file only claims to hold is not allocated.
    pub(crate) fn read_vec(&mut self, len: usize, what: &'static str) -> Result<Vec<u8>> {
        self.check_room(self.position.saturating_add(len as u64), what)?;
        let mut bytes = Vec::new();
        while bytes.len() < len {
            let start = bytes.len();
            bytes.resize(len.min(start + FILE_BUFFER), 0);
            self.read_exact(bytes.get_mut(start..).unwrap_or_default(), what)?;
        }
        Ok(bytes)
    }

    /// Reads what is left, which must not be more than `most` bytes.
    pub(crate) fn read_rest(&mut self, most: u64) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut block = vec![0; 1 << 13];
        loop {
            let n = match self.read(&mut block) {
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                found => found.map_err(|e| self.failed(e, "the rest of the file", self.position))?,
            };
            self.position += n as u64;
            bytes.extend(block.iter().take(n));
            if n == 0 {
                return Ok(bytes);
            }
            if bytes.len() as u64 > most {
                return Err(Error::Unsupported {
                    path: self.path.into(),
                    what: "rest of the file",
                    found: format!("longer than {most} bytes"),
                });
            }
        }
    }

    /// Reads bytes of a plain file at any place, whatever has been read in order.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], position: u64, what: &'static str) -> Result<()> {
        let found = self.raw.fill_at(buffer, self.base.saturating_add(position)).map_err(|e| self.io(e))?;
        if found == buffer.len() {
            return Ok(());
        }
        let (expected, found) = (position + buffer.len() as u64, position + found as u64);
        Err(Error::Truncated { path: self.path.into(), what, expected, found })
    }

    /// Passes over the bytes up to `offset`, which must not lie behind.
    pub(crate) fn skip_to(&mut self, offset: u64, what: &'static str) -> Result<()> {
        self.check_room(offset, what)?;
        let ahead = offset.saturating_sub(self.position);
        let skipped = match &mut self.reader {
            Reader::Plain(raw) => raw.seek(SeekFrom::Start(self.base.saturating_add(offset))).map(|_| ahead),
            Reader::Gzip(members) => io::copy(&mut members.take(ahead), &mut io::sink()),
            Reader::Decoded { reader, .. } => io::copy(&mut reader.take(ahead), &mut io::sink()),
        };
        let skipped = skipped.map_err(|e| self.failed(e, what, offset))?;
        self.position += skipped;
        if skipped < ahead { Err(self.truncated(what, offset)) } else { Ok(()) }
    }

    /// How many bytes are left. A compressed stream is read to its end, which verifies its checksum.
    pub(crate) fn drain(&mut self) -> Result<u64> {
        match &mut self.reader {
            Reader::Plain(_) => Ok(self.stored.saturating_sub(self.position)),
            Reader::Gzip(members) => io::copy(members, &mut io::sink())
                .map_err(|e| self.failed(e, "the end of the gzip stream", self.stored)),
            Reader::Decoded { reader, .. } => io::copy(reader, &mut io::sink())
                .map_err(|e| self.failed(e, "the end of the encoded data", self.position)),
        }
    }

    /// Bytes that follow the last gzip member, known once [`drain`](Self::drain) has been called.
    pub(crate) fn after_gzip(&self) -> u64 {
        match &self.reader {
            Reader::Plain(_) | Reader::Decoded { .. } => 0,
            Reader::Gzip(members) => members.after,
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.reader {
            Reader::Plain(raw) => raw.read(buffer),
            Reader::Gzip(members) => members.read(buffer),
            Reader::Decoded { reader, .. } => reader.read(buffer),
        }
    }

    fn io(&self, source: io::Error) -> Error {
        Error::Io { path: self.path.into(), source }
    }

    fn truncated(&self, what: &'static str, expected: u64) -> Error {
        Error::Truncated { path: self.path.into(), what, expected, found: self.position }
    }

    fn failed(&self, source: io::Error, what: &'static str, expected: u64) -> Error {
        match source.kind() {
            ErrorKind::UnexpectedEof => self.truncated(what, expected),
            ErrorKind::InvalidInput | ErrorKind::InvalidData if self.compressed() => Error::Invalid {
                path: self.path.into(),
                what: "gzip stream",
                expected: "deflate data with a matching checksum".into(),
                found: source.to_string(),
            },
            ErrorKind::InvalidInput | ErrorKind::InvalidData => match self.reader {
                Reader::Decoded { form, .. } => Error::Invalid {
                    path: self.path.into(),
                    what: "encoded voxel data",
                    expected: form.into(),
                    found: source.to_string(),
                },
                _ => self.io(source),
            },
            _ => self.io(source),
        }
    }
}

/// Gzip members one after the other (RFC 1952, 2.2). Unlike flate2's `MultiGzDecoder` it takes what follows the last member
/// for padding, as gzip and Python do.
pub(super) struct GzipMembers<R> {
    member: Option<GzDecoder<R>>,
    after: u64,
}

impl<R: BufRead> GzipMembers<R> {
    pub(super) fn new(raw: R) -> Self {
        Self { member: Some(GzDecoder::new(raw)), after: 0 }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let n = member.read(buffer)?;
            if n > 0 || buffer.is_empty() {
                return Ok(n);
            }
            let Some(mut raw) = self.member.take().map(GzDecoder::into_inner) else { break };
            let next = raw.fill_buf()?;
            // A single byte may be all that the buffer has of the two.
            if !next.is_empty() && next.iter().zip(GZIP_MAGIC).all(|(a, b)| *a == b) {
                self.member = Some(GzDecoder::new(raw));
            } else {
                self.after = io::copy(&mut raw, &mut io::sink())?;
            }
        }
        Ok(0)
    }
}
