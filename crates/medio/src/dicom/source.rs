//! The bytes of a file, read no further than needed.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use flate2::read::DeflateDecoder;

/// A first read holds the header of nearly every file.
const FIRST_READ: usize = 64 << 10;

/// A file whose beginning is in memory.
pub(super) struct Source {
    file: File,
    length: u64,
    bytes: Vec<u8>,
}

impl Source {
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut source = Self { file, length, bytes: Vec::new() };
        source.read_to(FIRST_READ)?;
        Ok(source)
    }

    /// Length of the file in bytes.
    pub(super) const fn length(&self) -> u64 {
        self.length
    }

    /// The bytes read so far.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads on until `needed` bytes are there, or more. `false` when the file is shorter. Memory grows with what the
    /// file holds, not with what is asked for.
    pub(super) fn read_to(&mut self, needed: usize) -> std::io::Result<bool> {
        if needed > self.bytes.len() {
            // Twice as much each time, so that a long header costs few reads.
            let target = needed.max(self.bytes.len().saturating_mul(2));
            let missing = (target - self.bytes.len()) as u64;
            self.file.by_ref().take(missing).read_to_end(&mut self.bytes)?;
        }
        Ok(needed <= self.bytes.len())
    }

    /// Reads the whole file.
    pub(super) fn read_all(&mut self) -> std::io::Result<()> {
        self.read_to(usize::MAX).map(|_| ())
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
