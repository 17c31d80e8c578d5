//! Voxels to bytes, encoded.

use std::io::{self, Write};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use medcore::Scalar;

use super::number::ByteOrder;

/// Voxels brought to bytes at a time.
const BLOCK: usize = 1 << 16;
/// Volumes gain little from more effort than this, and take several times longer.
const LEVEL: Compression = Compression::new(4);
/// Bytes in a line of hexadecimal digits.
const HEX_LINE: usize = 32;

/// How voxels are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Raw,
    Gzip,
    Zlib,
    Text,
    Hex,
}

/// Writes voxels; text has no byte order.
pub(crate) fn encode<T: Scalar>(
    out: &mut (impl Write + ?Sized),
    voxels: &[T],
    form: Form,
    order: ByteOrder,
) -> io::Result<()> {
    match form {
        Form::Raw => blocks(voxels, order, |bytes| out.write_all(bytes)),
        Form::Gzip => {
            let mut out = GzEncoder::new(out, LEVEL);
            blocks(voxels, order, |bytes| out.write_all(bytes))?;
            out.finish().map(|_| ())
        }
        Form::Zlib => {
            let mut out = ZlibEncoder::new(out, LEVEL);
            blocks(voxels, order, |bytes| out.write_all(bytes))?;
            out.finish().map(|_| ())
        }
        // The debug form of a number has all its digits.
        Form::Text => voxels.iter().try_for_each(|v| writeln!(out, "{v:?}")),
        Form::Hex => blocks(voxels, order, |bytes| {
            for line in bytes.chunks(HEX_LINE) {
                line.iter().try_for_each(|byte| write!(out, "{byte:02x}"))?;
                writeln!(out)?;
            }
            Ok(())
        }),
    }
}

fn blocks<T: Scalar>(
    voxels: &[T],
    order: ByteOrder,
    mut write: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(BLOCK.min(voxels.len()) * size_of::<T>());
    for block in voxels.chunks(BLOCK) {
        bytes.clear();
        T::extend_le_bytes(block, &mut bytes);
        if order == ByteOrder::Big {
            bytes.chunks_exact_mut(size_of::<T>()).for_each(<[u8]>::reverse);
        }
        write(&bytes)?;
    }
    Ok(())
}
