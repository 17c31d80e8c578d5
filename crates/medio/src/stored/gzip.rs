//! Compression by all threads into one gzip member.

use std::io::{self, ErrorKind, Write};

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use rayon::prelude::*;

/// Bytes compressed on their own; each loses at most the 32 KiB that deflate looks back.
const BLOCK: usize = 1 << 19;
/// Blocks per thread held back before they are compressed together.
const BLOCKS_PER_THREAD: usize = 2;
/// RFC 1952, 2.3: deflate, no flags, no time, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// An empty last block of fixed codes (RFC 1951, 3.2.6).
const LAST: [u8; 2] = [3, 0];

/// Compresses what is written to it. The blocks are made in parallel and joined at byte boundaries, as pigz does: every reader of
/// gzip reads them. The same bytes in give the same bytes out, whatever the number of threads.
pub(crate) struct GzipWriter<W> {
    out: W,
    level: Compression,
    pending: Vec<u8>,
    batch: usize,
    crc: Crc,
}

impl<W: Write> GzipWriter<W> {
    /// Writes the header. `level` is from 0 to 9.
    pub(crate) fn new(mut out: W, level: u32) -> io::Result<Self> {
        out.write_all(&HEADER)?;
        let batch = BLOCK * BLOCKS_PER_THREAD * rayon::current_num_threads();
        Ok(Self { out, level: Compression::new(level.min(9)), pending: Vec::new(), batch, crc: Crc::new() })
    }

    /// Compresses what is left and closes the stream.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.compress_pending()?;
        self.out.write_all(&LAST)?;
        self.out.write_all(&self.crc.sum().to_le_bytes())?;
        self.out.write_all(&self.crc.amount().to_le_bytes())?;
        self.out.flush()
    }

    fn compress_pending(&mut self) -> io::Result<()> {
        let level = self.level;
        let blocks: io::Result<Vec<_>> =
            self.pending.par_chunks(BLOCK).map(|block| compress(block, level)).collect();
        for (bytes, crc) in blocks? {
            self.out.write_all(&bytes)?;
            self.crc.combine(&crc);
        }
        self.pending.clear();
        Ok(())
    }
}

impl<W: Write> Write for GzipWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.batch - self.pending.len();
        let (now, _) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.pending.extend_from_slice(now);
        if self.pending.len() == self.batch {
            self.compress_pending()?;
        }
        Ok(now.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A block of deflate that ends at a byte and is not the last one.
fn compress(block: &[u8], level: Compression) -> io::Result<(Vec<u8>, Crc)> {
    let mut crc = Crc::new();
    crc.update(block);
    let mut deflate = Compress::new(level, false);
    let mut out = Vec::with_capacity(block.len() / 2 + 64);
    loop {
        let rest = usize::try_from(deflate.total_in()).ok().and_then(|n| block.get(n..)).unwrap_or_default();
        let status = deflate.compress_vec(rest, &mut out, FlushCompress::Sync).map_err(io::Error::other)?;
        // All is out once there was room to spare.
        if deflate.total_in() == block.len() as u64 && out.len() < out.capacity() {
            return Ok((out, crc));
        }
        if status != Status::Ok && out.len() < out.capacity() {
            return Err(ErrorKind::Other.into());
        }
        out.reserve(block.len() / 4 + 64);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn any_length_comes_back_as_one_member() {
        let noise: Vec<u8> =
            (0..9u32 * BLOCK as u32 / 2).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for (len, level) in [(0, 4), (1, 4), (BLOCK, 1), (BLOCK + 1, 9), (noise.len(), 0), (noise.len(), 6)] {
            let mut file = Vec::new();
            let mut out = GzipWriter::new(&mut file, level).unwrap();
            out.write_all(&noise[..len]).unwrap();
            out.finish().unwrap();
            let mut back = Vec::new();
            flate2::bufread::GzDecoder::new(&file[..]).read_to_end(&mut back).unwrap();
            assert!(back == noise[..len], "{len} at {level}");
        }
    }
}
