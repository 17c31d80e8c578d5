//! Voxels in one or several files, however they are encoded, as one stream of bytes.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use flate2::bufread::ZlibDecoder;

use super::number::NumberType;
use super::raw::Raw;
use super::source::{GzipMembers, MAX_EXPANSION, Source};
use super::text::{Decoded, Hex, Numbers};
use crate::error::{Error, Result};

const VOXELS: &str = "the voxel data";
/// Bytes picked from at a time.
const BLOCK: usize = 1 << 18;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How bytes are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Raw,
    /// zlib (RFC 1950) or gzip (RFC 1952), told by the first bytes.
    Deflate,
    /// Numbers as text; decoded to little endian whatever the header says.
    Text,
    Hex,
}

impl Encoding {
    const fn form(self) -> &'static str {
        match self {
            Self::Raw => "bytes",
            Self::Deflate => "deflate data with a matching checksum",
            Self::Text => "numbers of the voxels' type",
            Self::Hex => "hexadecimal digits",
        }
    }
}

/// Where bytes are.
#[derive(Clone)]
pub(crate) enum Place<'a> {
    File(PathBuf),
    Memory(&'a [u8]),
}

/// Where the data starts in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// First `offset` bytes, then `lines` lines, then `bytes` bytes; these last ones of the decompressed data.
    After { offset: u64, lines: u64, bytes: u64 },
    /// The data is the end of the file.
    AtEnd,
}

/// A part of the data: a file, or all of it but a header.
#[derive(Clone)]
pub(crate) struct Part<'a> {
    pub(crate) place: Place<'a>,
    pub(crate) start: Start,
    /// Stored bytes that belong to the data, where the header says so.
    pub(crate) stored: Option<u64>,
}

/// What all parts have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub(crate) encoding: Encoding,
    pub(crate) number: NumberType,
    /// Numbers in each part.
    pub(crate) count: u64,
    /// Which number is taken of each group of how many that follow each other.
    pub(crate) pick: (usize, usize),
}

/// The numbers of all parts one after another.
///
/// # Errors
/// [`Error::Io`], and [`Error::Truncated`] where a part cannot hold its numbers: nothing has been allocated by then.
pub(crate) fn source<'a>(header: &'a Path, parts: Vec<Part<'a>>, layout: Layout) -> Result<Source<'a>> {
    let mut stored = 0u64;
    for part in &parts {
        stored = stored.saturating_add(part.check(header, layout)?);
    }
    if let ([part], Encoding::Raw, (_, 1)) = (parts.as_slice(), layout.encoding, layout.pick)
        && let Some(source) = part.plain(header, layout)?
    {
        return Ok(source);
    }
    let several = parts.len() > 1;
    let chain = Chain { parts: parts.into_iter(), layout, several, current: None };
    let reader: Box<dyn Read + Send + Sync + 'a> = match layout.pick {
        (_, 1) => Box::new(chain),
        (index, of) => Box::new(Pick::new(chain, layout.number.size(), index, of)),
    };
    Ok(Source::decoded(header, reader, stored, layout.encoding.form()))
}

trait ReadSeek: BufRead + Seek + Send + Sync {}
impl<R: BufRead + Seek + Send + Sync> ReadSeek for R {}

impl<'a> Part<'a> {
    /// Refuses a claim that the part cannot hold. Returns how many bytes it has.
    fn check(&self, header: &Path, layout: Layout) -> Result<u64> {
        let (path, length) = match &self.place {
            Place::Memory(bytes) => (header, bytes.len() as u64),
            Place::File(path) => {
                let metadata = std::fs::metadata(path).and_then(|m| match m.is_file() {
                    true => Ok(m),
                    false => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file")),
                });
                (path.as_path(), metadata.map_err(|source| Error::Io { path: path.into(), source })?.len())
            }
        };
        let (before, after) = match (self.start, layout.encoding) {
            (Start::AtEnd, _) => (0, 0),
            (Start::After { offset, bytes, .. }, Encoding::Deflate) => (offset, bytes),
            (Start::After { offset, bytes, .. }, _) => (offset.saturating_add(bytes), 0),
        };
        let needed = layout.count.saturating_mul(layout.number.size() as u64).saturating_add(after);
        let least = match layout.encoding {
            Encoding::Raw => needed,
            Encoding::Deflate => needed.div_ceil(MAX_EXPANSION),
            Encoding::Text => layout.count.saturating_mul(2).saturating_sub(1),
            Encoding::Hex => needed.saturating_mul(2),
        };
        let expected = before.saturating_add(self.stored.unwrap_or(0).max(least));
        if expected > length {
            return Err(Error::Truncated { path: path.into(), what: VOXELS, expected, found: length });
        }
        Ok(self.stored.unwrap_or(length - before))
    }

    /// Bytes as they are, which threads can read at any place. `None` where it takes reading to find the first.
    fn plain(&self, header: &'a Path, layout: Layout) -> Result<Option<Source<'a>>> {
        let (raw, length) = match &self.place {
            Place::File(path) => Raw::open(path)?,
            Place::Memory(bytes) => Raw::memory(bytes),
        };
        let stored = match (self.start, self.stored) {
            (Start::AtEnd, None) => layout.count.saturating_mul(layout.number.size() as u64),
            (Start::After { offset, lines: 0, bytes }, None) => {
                length.saturating_sub(offset.saturating_add(bytes))
            }
            _ => return Ok(None),
        };
        Ok(Some(Source::plain(header, raw, length, stored)))
    }

    fn open(self, layout: Layout) -> io::Result<Box<dyn Read + Send + Sync + 'a>> {
        let mut raw: Box<dyn ReadSeek + 'a> = match self.place {
            Place::Memory(bytes) => Box::new(Cursor::new(bytes)),
            Place::File(path) => Box::new(BufReader::with_capacity(1 << 17, File::open(path)?)),
        };
        let after = match self.start {
            Start::AtEnd => {
                let length = raw.seek(SeekFrom::End(0))?;
                let size = layout.count.saturating_mul(layout.number.size() as u64);
                raw.seek(SeekFrom::Start(length.saturating_sub(size)))?;
                0
            }
            Start::After { offset, lines, bytes } => {
                raw.seek(SeekFrom::Start(offset))?;
                for _ in 0..lines {
                    if raw.skip_until(b'\n')? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                bytes
            }
        };
        let mut raw: Box<dyn BufRead + Send + Sync + 'a> = match self.stored {
            Some(stored) => Box::new(raw.take(stored)),
            None => Box::new(raw),
        };
        let compressed = layout.encoding == Encoding::Deflate;
        if !compressed {
            skip(&mut raw, after)?;
        }
        let mut decoded: Box<dyn Read + Send + Sync + 'a> = match layout.encoding {
            Encoding::Raw => Box::new(raw),
            Encoding::Deflate if raw.fill_buf()?.starts_with(&GZIP_MAGIC) => Box::new(GzipMembers::new(raw)),
            Encoding::Deflate => Box::new(ZlibDecoder::new(raw)),
            Encoding::Text => Box::new(Decoded::new(raw, Numbers::new(layout.number))),
            Encoding::Hex => Box::new(Decoded::new(raw, Hex::default())),
        };
        if compressed {
            skip(&mut decoded, after)?;
        }
        Ok(decoded)
    }
}

fn skip(reader: &mut impl Read, bytes: u64) -> io::Result<()> {
    match io::copy(&mut reader.take(bytes), &mut io::sink())? {
        n if n < bytes => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

/// One part after another, each opened when its turn comes.
struct Chain<'a> {
    parts: std::vec::IntoIter<Part<'a>>,
    layout: Layout,
    several: bool,
    /// The open part and how much of it is left.
    current: Option<(Box<dyn Read + Send + Sync + 'a>, u64)>,
}

impl Read for Chain<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        loop {
            if let Some((reader, left)) = &mut self.current {
                let most = buffer.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                let n = reader.read(buffer.get_mut(..most).unwrap_or_default())?;
                *left -= n as u64;
                if n > 0 || !self.several {
                    return Ok(n);
                }
                if *left > 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                if self.layout.encoding != Encoding::Raw {
                    // To the end, where the checksum is.
                    io::copy(reader, &mut io::sink())?;
                }
            }
            let Some(part) = self.parts.next() else { return Ok(0) };
            let size = self.layout.count.saturating_mul(self.layout.number.size() as u64);
            // What follows the last number of a single part can be counted by reading on.
            let left = if self.several { size } else { u64::MAX };
            self.current = Some((part.open(self.layout)?, left));
        }
    }
}

/// One number out of each group.
struct Pick<R> {
    inner: R,
    size: usize,
    index: usize,
    group: usize,
    block: Vec<u8>,
    picked: Vec<u8>,
    at: usize,
}

impl<R: Read> Pick<R> {
    fn new(inner: R, size: usize, index: usize, of: usize) -> Self {
        let group = size.saturating_mul(of).max(1);
        let block = vec![0; (BLOCK / group).max(1).saturating_mul(group)];
        Self { inner, size, index, group, block, picked: Vec::new(), at: 0 }
    }

    fn refill(&mut self) -> io::Result<()> {
        let mut filled = 0;
        while let Some(rest) = self.block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.inner.read(rest) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        self.picked.clear();
        self.at = 0;
        let start = self.index * self.size;
        for group in self.block.get(..filled).unwrap_or_default().chunks_exact(self.group) {
            self.picked.extend_from_slice(group.get(start..start + self.size).unwrap_or_default());
        }
        Ok(())
    }
}

impl<R: Read> Read for Pick<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.picked.len() {
            self.refill()?;
        }
        let n = self.picked.get(self.at..).unwrap_or_default().read(buffer)?;
        self.at += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_bytes_are_taken_as_they_are_from_where_they_start() {
        let bytes = [9, 9, 0x1f, 0x8b, 8, 3, 4, 5];
        let layout = Layout { encoding: Encoding::Raw, number: NumberType::U8, count: 5, pick: (0, 1) };
        let after = |lines| Start::After { offset: 1, lines, bytes: 1 };
        for (start, expected, trailing) in [(after(0), [0x1f, 0x8b], 4), (Start::AtEnd, [0x8b, 8], 3)] {
            let part = Part { place: Place::Memory(&bytes), start, stored: None };
            let mut source = source(Path::new("a"), vec![part], layout).unwrap();
            assert!(!source.streamed());
            let mut found = [0; 2];
            source.read_exact(&mut found, VOXELS).unwrap();
            assert_eq!(found, expected);
            source.read_exact_at(&mut found, 0, VOXELS).unwrap();
            assert_eq!(found, expected);
            assert_eq!(source.drain().unwrap(), trailing);
            source.skip_to(4, VOXELS).unwrap();
            source.read_exact(&mut found[..1], VOXELS).unwrap();
            assert_eq!(found[0], if trailing == 4 { 4 } else { 5 });
        }
    }
}
