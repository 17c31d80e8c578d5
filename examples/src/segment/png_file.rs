//! PNG files of pictures and of masks.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use medcore::Image;
use ndarray::{Array2, Array3};
use png::{BitDepth, ColorType, Decoder, Transformations};

use crate::error::{Error, Result};
use crate::picture::label_color;

/// Deflate makes at most about 1,032 bytes of one.
const MOST_INFLATED: u64 = 1_100;
/// The smallest files are a header.
const HEADER: u64 = 4_096;

/// Whether a file begins as PNG files do.
///
/// # Errors
/// [`Error::Io`].
pub fn is_png(path: &Path) -> Result<bool> {
    let mut head = Vec::new();
    let io = |source| Error::Io { path: path.to_path_buf(), source };
    if path.is_dir() {
        return Ok(false);
    }
    File::open(path).map_err(io)?.take(8).read_to_end(&mut head).map_err(io)?;
    Ok(head == b"\x89PNG\r\n\x1a\n")
}

/// A picture: grey or colour, with or without opacity, of any bit depth; values from 0 to 255, those of 16 bits in steps of 1/257.
///
/// # Errors
/// [`Error::Io`]; [`Error::Png`] when it is damaged; [`Error::Unfit`] when it claims more pixels than its bytes can hold.
pub fn read_picture(path: &Path) -> Result<Image<f32>> {
    let Pixels { values, channels, size: [height, width], sixteen } = read(path, Transformations::EXPAND)?;
    let scale = if sixteen { 257.0 } else { 1.0 };
    // Grey with opacity has none of the use of opacity.
    let kept = if channels == 2 { 1 } else { channels };
    let pixels = Array3::from_shape_fn((kept, height, width), |(k, r, c)| {
        f32::from(values[(r * width + c) * channels + k]) / scale
    });
    Ok(Image::new(pixels)?)
}

/// A mask: the numbers as stored, of a palette its indices. One of 0 and 255 is one of 0 and 1.
///
/// # Errors
/// As [`read_picture`]; [`Error::Unfit`] for a picture in colour.
pub fn read_mask(path: &Path) -> Result<Array2<u16>> {
    let Pixels { values, channels, size: [height, width], .. } = read(path, Transformations::IDENTITY)?;
    if channels != 1 {
        return Err(Error::Unfit {
            what: "a mask",
            expected: "one channel: grey, or a palette".to_string(),
            found: format!("{channels} channels"),
        });
    }
    let of_255 = values.iter().all(|v| matches!(v, 0 | 255));
    let mask = Array2::from_shape_fn((height, width), |(r, c)| values[r * width + c]);
    Ok(if of_255 { mask / 255 } else { mask })
}

struct Pixels {
    /// `[row, column, channel]`
    values: Vec<u16>,
    channels: usize,
    size: [usize; 2],
    sixteen: bool,
}

fn read(path: &Path, transformations: Transformations) -> Result<Pixels> {
    let io = |source| Error::Io { path: path.to_path_buf(), source };
    let png = |source| Error::Png { path: path.to_path_buf(), source };
    let file = File::open(path).map_err(io)?;
    let bytes = file.metadata().map_err(io)?.len();
    let mut decoder = Decoder::new(BufReader::new(file));
    decoder.set_transformations(transformations);
    let mut reader = decoder.read_info().map_err(png)?;
    let size = reader.output_buffer_size().filter(|size| (*size as u64) <= HEADER + MOST_INFLATED * bytes);
    let Some(size) = size else {
        return Err(Error::Unfit {
            what: "a PNG file",
            expected: format!("no more pixels than {bytes} bytes can hold"),
            found: format!("{} x {}", reader.info().width, reader.info().height),
        });
    };
    let mut buffer = vec![0; size];
    let frame = reader.next_frame(&mut buffer).map_err(png)?;
    let (width, height) = (frame.width as usize, frame.height as usize);
    let channels = frame.color_type.samples();
    let mut values = Vec::with_capacity(width * height * channels);
    for line in buffer[..frame.buffer_size()].chunks_exact(frame.line_size) {
        unpack(line, frame.bit_depth, width * channels, &mut values);
    }
    Ok(Pixels { values, channels, size: [height, width], sixteen: frame.bit_depth == BitDepth::Sixteen })
}

/// The first `count` numbers of a line.
fn unpack(line: &[u8], depth: BitDepth, count: usize, values: &mut Vec<u16>) {
    match depth {
        BitDepth::Sixteen => {
            values.extend(line.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)));
        }
        BitDepth::Eight => values.extend(line.iter().map(|v| u16::from(*v))),
        few => {
            let bits = few as usize;
            let mask = (1u8 << bits) - 1;
            let each = |i: usize| (line[i * bits / 8] >> (8 - bits - i * bits % 8)) & mask;
            values.extend((0..count).map(|i| u16::from(each(i))));
        }
    }
}

/// Writes a mask whose numbers are classes: 8 bits with the colours of [`label_color`] as its palette (class 1 is white where there is no
/// other), 16 bits of grey where there are more than 256 classes.
///
/// # Errors
/// [`Error::Io`], [`Error::Picture`].
pub fn write_mask(path: &Path, mask: &Array2<u16>, classes: usize) -> Result<()> {
    let damaged = |e: png::EncodingError| Error::Picture(e.into());
    let mut bytes = Vec::new();
    let (height, width) = mask.dim();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    let pixels: Vec<u8> = if classes <= 256 {
        encoder.set_color(ColorType::Indexed);
        encoder.set_depth(BitDepth::Eight);
        let color =
            |class: usize| if classes <= 2 && class == 1 { [255; 3] } else { label_color(class as u16) };
        encoder.set_palette((0..classes.max(2)).flat_map(color).collect::<Vec<u8>>());
        mask.iter().map(|label| *label as u8).collect()
    } else {
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::Sixteen);
        mask.iter().flat_map(|label| label.to_be_bytes()).collect()
    };
    let mut writer = encoder.write_header().map_err(damaged)?;
    writer.write_image_data(&pixels).map_err(damaged)?;
    writer.finish().map_err(damaged)?;
    std::fs::write(path, bytes).map_err(|source| Error::Io { path: path.to_path_buf(), source })
}
