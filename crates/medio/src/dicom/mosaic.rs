//! Mosaics: all slices of an MR volume side by side in one image, as Siemens scanners wrote functional and diffusion series.
//!
//! ImageType says MOSAIC, a private attribute or the CSA header how many slices there are. They fill a square grid row by row.
//! ImagePositionPatient is that of an image of the mosaic's size around the slice's centre; the slices ascend along the normal of
//! the CSA header, SpacingBetweenSlices apart.

use super::csa;
use super::dataset::DataSet;
use super::header::{Defect, FileHeader, Header};
use super::private;

const CSA_HEADER: (u16, &str, u8) = (0x0029, "SIEMENS CSA HEADER", 0x10);
const SLICES: (u16, &str, u8) = (0x0019, "SIEMENS MR HEADER", 0x0A);
/// The normal of the CSA header is that of the orientation, up to its sign; this is the cosine of 2.5 degrees.
const PARALLEL: f64 = 0.999;

/// One slice of a mosaic, counted in slices from the upper left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tile {
    pub(super) row: u16,
    pub(super) column: u16,
}

/// What a file says about the mosaic that it holds.
pub(super) struct Mosaic {
    slices: u16,
    /// Slices in a row and in a column of the grid.
    grid: u16,
    /// Along which slices ascend, a unit vector; `None` where the file does not say.
    normal: Option<[f64; 3]>,
}

impl Mosaic {
    /// That of a data set, if it holds one.
    pub(super) fn of(file: &FileHeader, image: &Header, data_set: DataSet<'_>) -> Option<Self> {
        let is_siemens = file.manufacturer.to_ascii_uppercase().contains("SIEMENS");
        let image_type = image.distinctions.image_type.as_ref();
        let says_mosaic = image_type.is_some_and(|t| t.split('\\').any(|value| value.trim() == "MOSAIC"));
        if !is_siemens
            || !says_mosaic
            || file.frames != 1
            || file.samples_per_pixel != Some(1)
            || file.format.bits_allocated < 8
        {
            return None;
        }
        let csa = private::find(data_set, CSA_HEADER.0, CSA_HEADER.1, CSA_HEADER.2).map(|e| e.value);
        let counted = private::find(data_set, SLICES.0, SLICES.1, SLICES.2).and_then(|e| e.u16());
        let of_csa = || csa.and_then(|csa| csa::numbers(csa, "NumberOfImagesInMosaic")).map(|[n]| n as u16);
        let slices = counted.or_else(of_csa).filter(|n| *n > 0)?;
        let grid = f64::from(slices).sqrt().ceil() as u16;
        Some(Self { slices, grid, normal: csa.and_then(|csa| csa::numbers(csa, "SliceNormalVector")) })
    }

    /// The slices as images of their own. Changes the size of the file's images to theirs.
    pub(super) fn images(&self, file: &mut FileHeader, image: Header) -> Vec<Header> {
        let defect = |what, expected: &str, found: String| {
            Some(Box::new(Defect { what, expected: expected.to_string(), found }))
        };
        let (rows, columns) = (file.rows.unwrap_or(0), file.columns.unwrap_or(0));
        if rows % self.grid != 0 || columns % self.grid != 0 {
            let expected = format!("multiples of {}, for a mosaic of {} slices", self.grid, self.slices);
            file.defect = defect("Rows and Columns", &expected, format!("{rows} and {columns}"));
            return vec![image];
        }
        let size = [rows / self.grid, columns / self.grid];
        let Some((first, step)) = self.place(&image, [rows, columns], size) else {
            let expected = "the position, orientation and normal of the slices, and their distance";
            file.defect = defect("mosaic", expected, "less".to_string());
            return vec![image];
        };
        [file.rows, file.columns] = size.map(Some);
        file.mosaic = Some(self.grid);
        let slice = |k: u16| Header {
            tile: Some(Tile { row: k / self.grid, column: k % self.grid }),
            position: Some(std::array::from_fn(|axis| first[axis] + f64::from(k) * step[axis])),
            ..image.clone()
        };
        (0..self.slices).map(slice).collect()
    }

    /// The position of the first slice and the step from one to the next.
    fn place(&self, image: &Header, mosaic: [u16; 2], size: [u16; 2]) -> Option<([f64; 3], [f64; 3])> {
        let [a, b, c, d, e, f] = image.orientation?;
        let (along_row, along_column) = ([a, b, c], [d, e, f]);
        let [between_rows, between_columns] = image.pixel_spacing?;
        let corner = image.position?;
        let shift = |axis: usize| f64::from(mosaic[axis] - size[axis]) / 2.0;
        let first = std::array::from_fn(|axis| {
            corner[axis]
                + shift(1) * between_columns * along_row[axis]
                + shift(0) * between_rows * along_column[axis]
        });
        let normal = [b * f - c * e, c * d - a * f, a * e - b * d];
        let dot = |other: [f64; 3]| normal.iter().zip(other).map(|(a, b)| a * b).sum::<f64>();
        // A single slice has no order.
        let sign = match self.normal.map(dot) {
            Some(cosine) if cosine.abs() > PARALLEL => cosine.signum(),
            None if self.slices == 1 => 1.0,
            _ => return None,
        };
        let distance = image.spacing_between_slices.or(image.slice_thickness).filter(|d| *d > 0.0)?;
        Some((first, normal.map(|n| sign * distance * n)))
    }
}

/// One slice out of a mosaic. `size` is that of the slice in rows and in bytes of a row.
pub(super) fn cut(mosaic: &[u8], grid: u16, tile: Tile, [rows, row_bytes]: [usize; 2]) -> Vec<u8> {
    let stride = row_bytes * usize::from(grid);
    let start = usize::from(tile.row) * rows * stride + usize::from(tile.column) * row_bytes;
    let row =
        |row: usize| mosaic.get(start + row * stride..start + row * stride + row_bytes).unwrap_or_default();
    (0..rows).flat_map(row).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_cut_out_of_its_place() {
        // A grid of 2 by 2 slices of 2 rows and 3 bytes.
        let mosaic: Vec<u8> = (0..24).collect();
        assert_eq!(cut(&mosaic, 2, Tile { row: 1, column: 1 }, [2, 3]), [15, 16, 17, 21, 22, 23]);
        assert_eq!(cut(&mosaic[..20], 2, Tile { row: 1, column: 0 }, [2, 3]), [12, 13, 14]);
    }

    fn mosaic(slices: u16, normal: Option<[f64; 3]>) -> (Mosaic, FileHeader, Header) {
        let grid = f64::from(slices).sqrt().ceil() as u16;
        let file = FileHeader { rows: Some(8), columns: Some(12), frames: 1, ..FileHeader::default() };
        let image = Header {
            position: Some([-10.0, -20.0, 5.0]),
            orientation: Some([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]),
            pixel_spacing: Some([2.0, 1.0]),
            spacing_between_slices: Some(3.0),
            ..Header::default()
        };
        (Mosaic { slices, grid, normal }, file, image)
    }

    #[test]
    fn slices_ascend_along_the_normal() {
        for sign in [1.0, -1.0] {
            let (mosaic, mut file, image) = mosaic(3, Some([0.0, 0.0, sign]));
            let images = mosaic.images(&mut file, image);
            assert_eq!((file.rows, file.columns, file.mosaic), (Some(4), Some(6), Some(2)));
            let positions: Vec<_> = images.iter().filter_map(|h| h.position).collect();
            // (12 - 6) / 2 columns of 1 mm and (8 - 4) / 2 rows of 2 mm.
            assert_eq!(positions, [0.0, 1.0, 2.0].map(|k| [-7.0, -16.0, 5.0 + 3.0 * sign * k]));
            assert_eq!(images[2].tile, Some(Tile { row: 1, column: 0 }));
        }
    }

    #[test]
    fn what_does_not_fit_is_a_defect() {
        let (mosaic_of_5, mut file, image) = mosaic(5, Some([0.0, 0.0, 1.0]));
        assert_eq!(mosaic_of_5.images(&mut file, image).len(), 1);
        assert_eq!(file.defect.unwrap().found, "8 and 12");
        for normal in [None, Some([1.0, 0.0, 0.0])] {
            let (mosaic, mut file, image) = mosaic(4, normal);
            assert_eq!(mosaic.images(&mut file, image).len(), 1);
            assert!(file.defect.is_some());
        }
    }
}
