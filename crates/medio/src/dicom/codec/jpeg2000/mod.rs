//! JPEG 2000 and High-Throughput JPEG 2000 (ISO/IEC 15444-1 and -15).

mod part1;

use jpeg2k::{DecodeParameters, Image, ImageComponent};

use super::{Failure, ImageFormat, Picture, Samples, check_size};
use crate::dicom::format::Photometric;

/// What the SIZ segment says (ISO/IEC 15444-1 A.5.1).
struct Size {
    rows: u64,
    columns: u64,
    /// Precision less 1 with the sign above it, and the distances between samples across and down, of each component.
    components: Vec<[u8; 3]>,
    tiles: u64,
}

/// Most tiles of an image; more are a sign of a broken file, and each costs memory.
const MOST_TILES: u64 = 65_535;
/// The markers around the data of a tile: SOT with its segment, and SOD (ISO/IEC 15444-1 A.4.2).
const LEAST_TILE_BYTES: u64 = 14;

/// Checks the size of the image against that of the codestream.
pub(super) fn check_claim(codestream: &[u8], image: &ImageFormat) -> Result<(), Failure> {
    checked_size(codestream, image).map(|_| ())
}

/// Where the codestream starts, and its size, which is that of the image.
fn checked_size(codestream: &[u8], image: &ImageFormat) -> Result<(usize, Size), Failure> {
    let start = find(codestream).ok_or("no JPEG 2000 codestream")?;
    let rest = codestream.get(start..).unwrap_or_default();
    let size = size(rest).ok_or("an incomplete SIZ segment")?;
    let extent = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    check_size(image, extent(size.rows), extent(size.columns), size.components.len())?;
    if size.tiles > MOST_TILES.min(rest.len() as u64 / LEAST_TILE_BYTES) {
        return Err(format!("{} tiles in {} bytes", size.tiles, rest.len()).into());
    }
    Ok((start, size))
}

pub(super) fn decode(codestream: &[u8], image: &ImageFormat) -> Result<Picture, Failure> {
    let (start, size) = checked_size(codestream, image)?;
    let first = *size.components.first().ok_or("no components")?;
    if size.components.iter().any(|c| *c != first || c[1..] != [1, 1]) {
        return Err("components that differ in precision, or are not sampled at each pixel".into());
    }
    let precision = u16::from(first[0] & 0x7F) + 1;
    if precision > 31 {
        return Err(format!("a precision of {precision} bits").into());
    }
    // The codestream alone: boxes around it may hold colours that DICOM does not use (PS3.5 A.4.4).
    let codestream = codestream.get(start..).unwrap_or_default();
    let planes = match part1::decode(codestream) {
        Some(planes) => planes,
        None => general(codestream, image)?,
    };
    let samples = match precision {
        1..=8 => Samples::U8(interleave(&planes, |v| v as u8)),
        9..=16 => Samples::U16(interleave(&planes, |v| v as u16)),
        _ => Samples::U32(interleave(&planes, |v| v as u32)),
    };
    let photometric = match image.photometric {
        // The decoder has undone what the codestream itself declares.
        Photometric::YbrIct | Photometric::YbrRct => Photometric::Rgb,
        Photometric::YbrFull422 => Photometric::YbrFull,
        other => other,
    };
    Ok(Picture { samples, precision, sign_at_precision: true, photometric })
}

/// Decodes what [`part1`] does not: High-Throughput JPEG 2000, rare options, and images that are not whole.
fn general(codestream: &[u8], image: &ImageFormat) -> Result<Vec<Vec<i32>>, Failure> {
    let palette_kept = DecodeParameters::new().strict(true);
    let decoded = Image::from_bytes_with(codestream, palette_kept).map_err(|e| e.to_string())?;
    let components = decoded.components();
    let fits = |c: &ImageComponent| (c.width() as usize, c.height() as usize) == (image.columns, image.rows);
    if components.len() != image.samples || !components.iter().all(fits) {
        return Err("the decoded components are not those of the image".into());
    }
    Ok(components.iter().map(|c| c.data().to_vec()).collect())
}

/// Where the codestream starts: at once, or in a box of a JP2 file.
fn find(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|w| w == [0xFF, 0x4F, 0xFF, 0x51])
}

fn size(codestream: &[u8]) -> Option<Size> {
    let siz = codestream.get(6..)?;
    let word = |at: usize| siz.get(at..)?.first_chunk().map(|b| u64::from(u32::from_be_bytes(*b)));
    let count = siz.get(34..)?.first_chunk().map(|b| usize::from(u16::from_be_bytes(*b)))?;
    let components = siz.get(36..)?.get(..3 * count)?.as_chunks::<3>().0.to_vec();
    let columns = word(2)?.checked_sub(word(10)?)?;
    let rows = word(6)?.checked_sub(word(14)?)?;
    let across = word(2)?.checked_sub(word(26)?)?.checked_div(word(18)?)?;
    let down = word(6)?.checked_sub(word(30)?)?.checked_div(word(22)?)?;
    Some(Size { rows, columns, components, tiles: (across + 1) * (down + 1) })
}

fn interleave<T>(planes: &[Vec<i32>], cast: impl Fn(i32) -> T) -> Vec<T> {
    match planes {
        [only] => only.iter().map(|v| cast(*v)).collect(),
        _ => {
            let pixels = planes.iter().map(|p| p.len()).min().unwrap_or(0);
            (0..pixels).flat_map(|i| planes.iter().filter_map(move |p| p.get(i))).map(|v| cast(*v)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DecodeParameters, Image, find, part1, size};

    fn fixtures() -> Vec<(String, Vec<u8>)> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/jpeg2000");
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| p.extension().is_some_and(|e| e == "j2k"))
            .map(|p| (p.file_stem().unwrap().to_string_lossy().into_owned(), std::fs::read(&p).unwrap()))
            .collect();
        files.sort();
        files
    }

    fn by_openjpeg(codestream: &[u8]) -> Vec<Vec<i32>> {
        let image = Image::from_bytes_with(codestream, DecodeParameters::new().strict(true)).unwrap();
        image.components().iter().map(|c| c.data().to_vec()).collect()
    }

    #[test]
    fn part_1_agrees_with_openjpeg() {
        let files = fixtures();
        assert_eq!(files.len(), 16);
        for (name, codestream) in files {
            let ours = part1::decode(&codestream).unwrap_or_else(|| panic!("{name} is not read"));
            let theirs = by_openjpeg(&codestream);
            // OpenJPEG multiplies high-pass samples by 1.625732 / 2, where 1 / K is 1.625786 / 2: at 16 bits that is more than rounding.
            let most = match name.as_str() {
                "lossy-tiles" => 3,
                name if name.starts_with("lossy") => 1,
                _ => 0,
            };
            assert_eq!(ours.len(), theirs.len(), "{name}");
            for (ours, theirs) in ours.iter().zip(&theirs) {
                assert_eq!(ours.len(), theirs.len(), "{name}");
                let apart = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).max();
                assert!(apart.unwrap() <= most, "{name}: {apart:?}");
            }
        }
    }

    #[test]
    fn what_is_not_whole_is_left_to_the_general_decoder() {
        for (name, codestream) in fixtures() {
            for length in (0..codestream.len()).step_by(7) {
                assert!(part1::decode(&codestream[..length]).is_none(), "{name}: {length} bytes");
            }
        }
    }

    #[test]
    fn damage_is_survived() {
        for (_, codestream) in fixtures() {
            for at in (0..codestream.len().min(600)).step_by(3) {
                let mut damaged = codestream.clone();
                damaged[at] ^= 1 << (at % 8);
                let size = find(&damaged).and_then(|start| size(&damaged[start..]));
                // What the header of the image says bounds this before.
                if size.is_some_and(|s| s.rows * s.columns < 1 << 16 && s.components.len() <= 3) {
                    let _ = part1::decode(&damaged);
                }
            }
        }
    }
}
