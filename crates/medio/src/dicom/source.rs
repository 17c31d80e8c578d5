//! The bytes of a file, read no further than needed.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::DeflateDecoder;

use super::study::SkipReason;

/// A first read holds the header of nearly every file.
const FIRST_READ: usize = 64 << 10;

/// A file, or an inflated data set, whose beginning is in memory.
pub(super) struct Source<R> {
    reader: R,
    file_length: u64,
    /// How many bytes there are in all, where that is known.
    length: Option<u64>,
    limit: usize,
    bytes: Vec<u8>,
}

impl Source<File> {
    /// Opens a file of which up to `limit` bytes are to be read.
    pub(super) fn open(path: &Path, limit: usize) -> Result<Self, SkipReason> {
        let reader = File::open(path)?;
        let file_length = reader.metadata()?.len();
        let mut source = Self { reader, file_length, length: Some(file_length), limit, bytes: Vec::new() };
        source.grow(FIRST_READ)?;
        Ok(source)
    }

    /// Lets more of the file be read.
    pub(super) const fn raise_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// The raw deflate stream (PS3.5 A.5) that starts at a place of the file, inflated.
    pub(super) fn inflated(&mut self, start: usize) -> std::io::Result<Source<DeflateDecoder<&mut File>>> {
        self.reader.seek(SeekFrom::Start(start as u64))?;
        let Self { reader, file_length, limit, .. } = self;
        let reader = DeflateDecoder::new(reader);
        Ok(Source { reader, file_length: *file_length, length: None, limit: *limit, bytes: Vec::new() })
    }
}

impl<R: Read> Source<R> {
    /// Length of the file in bytes.
    pub(super) const fn file_length(&self) -> u64 {
        self.file_length
    }

    /// The bytes read so far.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads on until `needed` bytes are there, or more. Memory grows with what is there, not with what is asked for.
    ///
    /// # Errors
    /// [`SkipReason::Truncated`] when there are fewer, [`SkipReason::HeaderTooLong`] when more than the limit are asked for.
    pub(super) fn read_to(&mut self, needed: usize) -> Result<(), SkipReason> {
        let truncated = SkipReason::Truncated { length: self.file_length };
        if self.length.is_some_and(|length| needed as u64 > length) {
            return Err(truncated);
        }
        if needed > self.limit {
            return Err(SkipReason::HeaderTooLong { limit: self.limit as u64 });
        }
        if needed > self.bytes.len() {
            // Twice as much each time, so that a long header costs few reads.
            self.grow(needed.max(self.bytes.len().saturating_mul(2)).max(FIRST_READ).min(self.limit))?;
        }
        if needed > self.bytes.len() { Err(truncated) } else { Ok(()) }
    }

    /// Reads on if anything is left.
    ///
    /// # Errors
    /// As [`Source::read_to`] of one more byte, but for the end.
    pub(super) fn has_more(&mut self) -> Result<bool, SkipReason> {
        match self.read_to(self.bytes.len().saturating_add(1)) {
            Ok(()) => Ok(true),
            Err(SkipReason::Truncated { .. }) => Ok(false),
            Err(reason) => Err(reason),
        }
    }

    fn grow(&mut self, target: usize) -> std::io::Result<()> {
        let missing = target.saturating_sub(self.bytes.len()) as u64;
        self.reader.by_ref().take(missing).read_to_end(&mut self.bytes).map(|_| ())
    }
}

/// Replaces `out` by up to `length` bytes of the file from `offset`; fewer when the file ends before.
pub(super) fn read_range(path: &Path, offset: u64, length: u64, out: &mut Vec<u8>) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    out.clear();
    file.take(length).read_to_end(out).map(|_| ())
}

/// Up to `length` bytes of a raw deflate stream (PS3.5 A.5). Memory grows with what the stream holds.
pub(super) fn inflate(compressed: &[u8], length: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    DeflateDecoder::new(compressed).take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}
