//! The start of a file, read no further than needed.

use std::io::{self, Read};

use flate2::read::DeflateDecoder;

use super::location::Location;
use super::study::SkipReason;

/// A first read holds the header of nearly every file.
const FIRST_READ: usize = 64 << 10;

/// A file, or an inflated data set, whose beginning is in memory.
pub(super) struct Source<'a> {
    reader: Box<dyn Read + Send + 'a>,
    file_length: u64,
    /// How many bytes there are in all, where that is known.
    length: Option<u64>,
    limit: usize,
    bytes: Vec<u8>,
}

impl<'a> Source<'a> {
    /// Opens a file of which up to `limit` bytes are to be read.
    pub(super) fn open(location: &'a Location, limit: usize) -> Result<Self, SkipReason> {
        let (reader, file_length) = location.open()?;
        let mut source = Self { reader, file_length, length: Some(file_length), limit, bytes: Vec::new() };
        source.grow(FIRST_READ)?;
        Ok(source)
    }

    /// Opens the raw deflate stream (PS3.5 A.5) that starts at a place of a file.
    pub(super) fn open_deflated(location: &'a Location, start: u64, limit: usize) -> io::Result<Self> {
        let (mut reader, file_length) = location.open()?;
        io::copy(&mut reader.by_ref().take(start), &mut io::sink())?;
        let reader = Box::new(DeflateDecoder::new(reader));
        Ok(Self { reader, file_length, length: None, limit, bytes: Vec::new() })
    }

    /// Lets more of the file be read.
    pub(super) const fn raise_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Length of the file in bytes.
    pub(super) const fn file_length(&self) -> u64 {
        self.file_length
    }

    /// The bytes read so far.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes read so far, for keeps.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
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

    fn grow(&mut self, target: usize) -> io::Result<()> {
        let missing = target.saturating_sub(self.bytes.len()) as u64;
        self.reader.by_ref().take(missing).read_to_end(&mut self.bytes).map(|_| ())
    }
}
