//! A made-up CT of any size.

use medcore::{Geometry, Point3, Spacing, Volume};

use crate::error::Result;

/// A body of soft tissue with two lungs and a spine in air, with noise, in HU; axial slices of `side` by `side` pixels, 360 mm
/// wide and 1.5 mm apart.
///
/// # Errors
/// [`Error::Volume`](crate::Error::Volume) when there are no slices or pixels.
pub fn chest(slices: usize, side: usize) -> Result<Volume<i16>> {
    let pixel = 360.0 / side.max(1) as f64;
    let geometry = Geometry::axial(
        [slices, side, side],
        Spacing::new(pixel, pixel, 1.5),
        Point3::new(-180.0, -180.0, 0.0),
    )?;
    let at = |index: usize| (index as f64 + 0.5) * pixel - 180.0;
    let plane: Vec<i16> = (0..side * side).map(|i| tissue(at(i % side), at(i / side))).collect();
    let mut voxels = Vec::with_capacity(geometry.voxels());
    let mut noise = Noise(1);
    for _ in 0..slices {
        voxels.extend(plane.iter().map(|hu| hu + noise.next()));
    }
    Ok(Volume::from_vec(voxels, geometry)?)
}

/// HU at a place, in mm from the middle: x to the left, y to the back.
fn tissue(x: f64, y: f64) -> i16 {
    let inside = |cx: f64, cy: f64, rx: f64, ry: f64| ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) < 1.0;
    if inside(0.0, 75.0, 18.0, 18.0) {
        400
    } else if inside(-70.0, 0.0, 50.0, 75.0) || inside(70.0, 0.0, 50.0, 75.0) {
        -850
    } else if inside(0.0, 0.0, 160.0, 110.0) {
        40
    } else {
        -1000
    }
}

/// Marsaglia's xorshift (J. Stat. Softw. 8(14), 2003): the same noise everywhere.
struct Noise(u64);

impl Noise {
    /// From -32 to 31.
    fn next(&mut self) -> i16 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 58) as i16 - 32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_body_in_air() {
        let ct = chest(2, 90).unwrap();
        assert_eq!(ct.size(), [2, 90, 90]);
        let near = |position, hu: i16| {
            let found = ct.at(position).unwrap();
            assert!((found - hu).abs() <= 32, "{found} instead of {hu}");
        };
        near(Point3::new(-170.0, -170.0, 0.0), -1000);
        near(Point3::new(70.0, 0.0, 1.5), -850);
        near(Point3::new(0.0, 0.0, 0.0), 40);
        near(Point3::new(0.0, 75.0, 0.0), 400);
        assert_ne!(ct.slice(0).unwrap(), ct.slice(1).unwrap());
    }
}
