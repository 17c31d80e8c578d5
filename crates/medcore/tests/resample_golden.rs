//! Resampling against PyTorch (`interpolate` with `antialias=True`) and SimpleITK (`Resample`).
//!
//! `fixtures/resample/make.py` made the golden file.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use medcore::{Affine3, Geometry, Image, Interpolation, Lps, Point3, Spacing, Volume, Voxel};
use ndarray::Array3;
use safetensors::{Dtype, SafeTensors};

struct Golden(Vec<u8>);

impl Golden {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/resample/resample.safetensors");
        Self(std::fs::read(path).unwrap())
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).unwrap()
    }

    fn array(&self, name: &str) -> Array3<f32> {
        let tensors = self.tensors();
        let tensor = tensors.tensor(name).unwrap();
        assert_eq!(tensor.dtype(), Dtype::F32);
        let shape: [usize; 3] = tensor.shape().try_into().unwrap();
        let values = tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
        Array3::from_shape_vec(shape, values.collect()).unwrap()
    }

    fn affine(&self, name: &str) -> Affine3<Voxel, Lps> {
        let tensors = self.tensors();
        let tensor = tensors.tensor(name).unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (Dtype::F64, &[4, 4][..]));
        let values: Vec<f64> =
            tensor.data().chunks_exact(8).map(|b| f64::from_le_bytes(b.try_into().unwrap())).collect();
        Affine3::from_rows(std::array::from_fn(|r| std::array::from_fn(|c| values[4 * r + c])))
    }

    /// The names that begin with a prefix, with what follows it.
    fn names(&self, prefix: &str) -> Vec<String> {
        let tensors = self.tensors();
        let names = tensors.names();
        names.into_iter().filter_map(|name| name.strip_prefix(prefix).map(Into::into)).collect()
    }
}

fn size<const N: usize>(text: &str) -> [usize; N] {
    let extents: Vec<usize> = text.split('x').map(|n| n.parse().unwrap()).collect();
    extents.try_into().unwrap()
}

fn assert_close(found: ndarray::ArrayView3<'_, f32>, expected: &Array3<f32>, tolerance: f32, case: &str) {
    assert_eq!(found.shape(), expected.shape(), "{case}");
    for (at, expected) in expected.indexed_iter() {
        let found = found[at];
        assert!((found - expected).abs() <= tolerance, "{case} at {at:?}: {found}, expected {expected}");
    }
}

const MODES: [(&str, Interpolation); 3] = [
    ("nearest", Interpolation::Nearest),
    ("bilinear", Interpolation::Linear),
    ("bicubic", Interpolation::Cubic),
];

#[test]
fn images_are_resized_as_in_torch() {
    let golden = Golden::read();
    let image = Image::new(golden.array("image")).unwrap();
    for (mode, interpolation) in MODES {
        let cases = golden.names(&format!("image.{mode}."));
        assert_eq!(cases.len(), 6, "{mode}");
        for case in cases {
            let [height, width] = size(&case);
            let found = image.resize(height, width, interpolation).unwrap();
            let case = format!("image.{mode}.{case}");
            assert_close(found.pixels(), &golden.array(&case), 1e-3, &case);
        }
    }
}

#[test]
fn integer_images_are_the_rounded_results() {
    let golden = Golden::read();
    let image = Image::new(golden.array("image").mapv(|v| v.round() as i16)).unwrap();
    let float = image.map(f32::from).resize(7, 31, Interpolation::Cubic).unwrap();
    let found = image.resize(7, 31, Interpolation::Cubic).unwrap();
    let rounded = float.pixels().mapv(|v| v.round() as i16);
    assert_eq!(found.pixels(), rounded.view());
}

fn unit_geometry(size: [usize; 3]) -> Geometry {
    Geometry::axial(size, Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0)).unwrap()
}

#[test]
fn volumes_are_resized_as_in_torch() {
    let golden = Golden::read();
    let volume = Volume::new(golden.array("volume"), unit_geometry([9, 11, 14])).unwrap();
    for (mode, interpolation) in &MODES[1..] {
        let cases = golden.names(&format!("volume.{mode}."));
        assert_eq!(cases.len(), 5, "{mode}");
        for case in cases {
            let found = volume.resize(size(&case), *interpolation).unwrap();
            let case = format!("volume.{mode}.{case}");
            assert_close(found.voxels(), &golden.array(&case), 5e-3, &case);
        }
    }
}

/// The same sizes reached by way of a spacing and of a target grid.
#[test]
fn resample_and_resample_to_agree_with_torch_where_the_faces_coincide() {
    let golden = Golden::read();
    let volume = Volume::new(golden.array("volume"), unit_geometry([9, 11, 14])).unwrap();
    for (mode, interpolation) in &MODES[1..] {
        for case in golden.names(&format!("volume.{mode}.")) {
            let [k, j, i] = size(&case);
            let spacing = Spacing::new(14.0 / i as f64, 11.0 / j as f64, 9.0 / k as f64);
            let case = format!("volume.{mode}.{case}");
            let expected = golden.array(&case);
            let found = volume.resample(spacing, *interpolation).unwrap();
            assert_close(found.voxels(), &expected, 5e-3, &case);
            let turned = volume.reorient("SAR").unwrap();
            let found = turned.resample_to(found.geometry(), *interpolation, f32::NAN).unwrap();
            assert_close(found.voxels(), &expected, 5e-3, &case);
        }
    }
}

#[test]
fn other_grids_as_in_simpleitk() {
    let golden = Golden::read();
    let geometry = Geometry::new([9, 11, 14], golden.affine("source.affine")).unwrap();
    let volume = Volume::new(golden.array("volume"), geometry).unwrap();
    for grid in ["oblique", "lefthanded", "permuted"] {
        for (mode, interpolation) in [("linear", Interpolation::Linear), ("nearest", Interpolation::Nearest)]
        {
            let case = format!("{grid}.{mode}");
            let expected = golden.array(&case);
            let affine = golden.affine(&format!("{grid}.affine"));
            let target = Geometry::new(expected.dim().into(), affine).unwrap();
            let found = volume.resample_to(&target, interpolation, -2000.0).unwrap();
            let outside = expected.iter().filter(|v| **v == -2000.0).count();
            assert!(outside > 0 && outside < expected.len(), "{case} tests one side only");
            assert_close(found.voxels(), &expected, 5e-3, &case);
        }
    }
}
