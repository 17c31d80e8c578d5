//! What every operation on a volume must keep true, for grids of all kinds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use medcore::{
    Affine3, Error, Geometry, Image, Interpolation, Label, LabelMap, Lps, Orientation, Point3, Spacing,
    Volume, Voxel,
};
use ndarray::Array3;
use proptest::prelude::*;

/// Rotated, sheared, mirrored, with axes in any order and anisotropic spacing.
fn affine() -> impl Strategy<Value = Affine3<Voxel, Lps>> {
    let angles = prop::array::uniform3(-3.2..3.2f64);
    let shear = prop::array::uniform3(-0.4..0.4f64);
    let steps = prop::array::uniform3(0.3..4.0f64);
    let mirrored = prop::array::uniform3(any::<bool>());
    let origin = prop::array::uniform3(-300.0..300.0f64);
    (angles, shear, steps, mirrored, origin).prop_map(|([x, y, z], shear, steps, mirrored, origin)| {
        let [(sx, cx), (sy, cy), (sz, cz)] = [x, y, z].map(f64::sin_cos);
        let rotation = [
            [cz * cy, cz * sy * sx - sz * cx, cz * sy * cx + sz * sx],
            [sz * cy, sz * sy * sx + cz * cx, sz * sy * cx - cz * sx],
            [-sy, cy * sx, cy * cx],
        ];
        let linear = rotation.map(|[a, b, c]| {
            let sheared = [a, b + shear[0] * a, c + shear[1] * a + shear[2] * b];
            std::array::from_fn(|axis| {
                sheared[axis] * if mirrored[axis] { -steps[axis] } else { steps[axis] }
            })
        });
        Affine3::new(linear, origin)
    })
}

fn geometry(largest: usize) -> impl Strategy<Value = Geometry> {
    let size = prop::array::uniform3(1..=largest);
    (size, affine()).prop_map(|(size, affine)| Geometry::new(size, affine).unwrap())
}

fn orientation() -> impl Strategy<Value = Orientation> {
    let axes = Just([['L', 'R'], ['P', 'A'], ['S', 'I']]).prop_shuffle();
    (axes, prop::array::uniform3(0..2usize)).prop_map(|(axes, sides)| {
        let code: String = (0..3).map(|axis| axes[axis][sides[axis]]).collect();
        code.parse().unwrap()
    })
}

/// Every voxel is its own number.
fn numbered(geometry: Geometry) -> Volume<i32> {
    Volume::from_vec((1..=geometry.voxels() as i32).collect(), geometry).unwrap()
}

/// A linear function of the position in the patient, kept near 0 so that `f32` resolves it.
fn ramp(geometry: &Geometry, at: Point3<Lps>) -> f64 {
    let d = at - geometry.center();
    1.5 * d.x - 0.75 * d.y + 2.0 * d.z + 10.0
}

fn ramp_volume(geometry: Geometry) -> Volume<f32> {
    let values = Array3::from_shape_fn(geometry.size(), |(k, j, i)| {
        ramp(&geometry, geometry.position([k, j, i])) as f32
    });
    Volume::new(values, geometry).unwrap()
}

/// Each voxel of `new` that is not `fill` is where its number was in `old`.
fn assert_voxels_stay(old: &Volume<i32>, new: &Volume<i32>, fill: i32) -> usize {
    let [_, rows, columns] = old.size();
    let mut kept = 0;
    for ((k, j, i), &number) in new.voxels().indexed_iter() {
        if number != fill {
            let at = (number - 1) as usize;
            let was = old.geometry().position([at / columns / rows, at / columns % rows, at % columns]);
            let distance = new.geometry().position([k, j, i]).distance(was);
            assert!(distance < 1e-6, "voxel {number} moved by {distance} mm");
            kept += 1;
        }
    }
    kept
}

/// The position in the old voxels lies at least `margin` voxels within the outermost voxel centres.
fn is_interior(old: &Geometry, at: Point3<Lps>, margin: [f64; 3]) -> bool {
    let voxel = old.voxel(at).coords();
    (0..3).all(|axis| {
        let last = old.size()[2 - axis] as f64 - 1.0;
        voxel[axis] >= margin[axis] && voxel[axis] <= last - margin[axis]
    })
}

/// Where the kernel lies within the old volume, a ramp is a ramp still. Returns how many voxels that were.
///
/// `drift` allows for what stretching costs: sampled at whole voxels, a kernel that is stretched by a factor that is no whole
/// number has its centre of mass up to 0.086 (linear) or 0.03 (cubic) old voxels off.
fn assert_ramp_stays(old: &Geometry, new: &Volume<f32>, margin: [f64; 3], drift: [f64; 3]) -> usize {
    // The longest edge of the old volume, in ramp units: what f32 rounding is relative to.
    let scale = old.bounds().extent().iter().sum::<f64>() * 2.0 + 10.0;
    let step =
        |axis: usize| ramp(old, old.center() + old.voxel_to_lps().column(axis)) - ramp(old, old.center());
    let tolerance = 1e-5 * scale + (0..3).map(|axis| drift[axis] * step(axis).abs()).sum::<f64>();
    let mut checked = 0;
    for ((k, j, i), &found) in new.voxels().indexed_iter() {
        let at = new.geometry().position([k, j, i]);
        if is_interior(old, at, margin) {
            let expected = ramp(old, at);
            let error = (f64::from(found) - expected).abs();
            assert!(error < tolerance, "{found}, expected {expected} within {tolerance} at {:?}", [k, j, i]);
            checked += 1;
        }
    }
    checked
}

/// What stretching by a scale per axis may cost.
fn drift(scale: [f64; 3], interpolation: Interpolation) -> [f64; 3] {
    let most = if interpolation == Interpolation::Cubic { 0.03 } else { 0.086 };
    scale.map(|s| if s > 1.0 + 1e-6 { most } else { 0.0 })
}

proptest! {
    #[test]
    fn reorient_moves_no_voxel(geometry in geometry(6), asked in orientation()) {
        let volume = numbered(geometry);
        let turned = volume.reorient(asked).unwrap();
        prop_assert_eq!(turned.orientation(), asked);
        prop_assert_eq!(geometry.reorient(asked).unwrap(), *turned.geometry());
        prop_assert_eq!(assert_voxels_stay(&volume, &turned, 0), geometry.voxels());
        let back = turned.reorient(volume.orientation()).unwrap();
        prop_assert_eq!(back.voxels(), volume.voxels());
        prop_assert!(back.geometry().is_close(volume.geometry(), 1e-9));
    }

    #[test]
    fn crop_and_pad_move_no_voxel(
        geometry in geometry(6),
        before in prop::array::uniform3(0..4usize),
        after in prop::array::uniform3(0..4usize),
    ) {
        let volume = numbered(geometry);
        let padded = volume.pad(before, after, 0).unwrap();
        prop_assert_eq!(assert_voxels_stay(&volume, &padded, 0), geometry.voxels());
        let back = padded.crop(before, volume.size()).unwrap();
        prop_assert_eq!(back.voxels(), volume.voxels());
        prop_assert!(back.geometry().is_close(volume.geometry(), 1e-9));
    }

    #[test]
    fn crop_or_pad_moves_no_voxel(geometry in geometry(6), size in prop::array::uniform3(1..9usize)) {
        let volume = numbered(geometry);
        let found = volume.crop_or_pad(size, 0).unwrap();
        prop_assert_eq!(found.size(), size);
        let shared: usize = (0..3).map(|axis| size[axis].min(geometry.size()[axis])).product();
        prop_assert_eq!(assert_voxels_stay(&volume, &found, 0), shared);
    }

    #[test]
    fn resize_keeps_the_outer_faces_and_a_ramp(
        geometry in geometry(12),
        size in prop::array::uniform3(1..16usize),
        cubic in any::<bool>(),
    ) {
        let (interpolation, reach) =
            if cubic { (Interpolation::Cubic, 2.0) } else { (Interpolation::Linear, 1.0) };
        let found = ramp_volume(geometry).resize(size, interpolation).unwrap();
        let (old, new) = (geometry.bounds(), found.geometry().bounds());
        prop_assert!(old.min().distance(new.min()) < 1e-6 && old.max().distance(new.max()) < 1e-6);
        let scale: [f64; 3] =
            std::array::from_fn(|axis| geometry.size()[2 - axis] as f64 / size[2 - axis] as f64);
        let margin = scale.map(|s| reach * s.max(1.0));
        assert_ramp_stays(&geometry, &found, margin, drift(scale, interpolation));
    }

    #[test]
    fn resample_keeps_the_lower_faces_and_a_ramp(
        geometry in geometry(12),
        spacing in prop::array::uniform3(0.3..5.0f64),
    ) {
        let spacing = Spacing::new(spacing[0], spacing[1], spacing[2]);
        let found = ramp_volume(geometry).resample(spacing, Interpolation::Linear).unwrap();
        let corner = Point3::new(-0.5, -0.5, -0.5);
        let (old, new) = (geometry.voxel_to_lps().apply(corner), found.geometry().voxel_to_lps().apply(corner));
        prop_assert!(old.distance(new) < 1e-6);
        let (had, has) = (geometry.spacing().to_array(), found.spacing().to_array());
        for axis in 0..3 {
            prop_assert!((has[axis] - spacing.to_array()[axis]).abs() < 1e-9);
            let had = had[axis] * geometry.size()[2 - axis] as f64;
            let has = has[axis] * found.size()[2 - axis] as f64;
            prop_assert!((had - has).abs() <= spacing.to_array()[axis] / 2.0 + 1e-6 || found.size()[2 - axis] == 1);
        }
        let scale: [f64; 3] = std::array::from_fn(|axis| has[axis] / had[axis]);
        assert_ramp_stays(&geometry, &found, scale.map(|s| s.max(1.0)), drift(scale, Interpolation::Linear));
    }

    #[test]
    fn a_ramp_is_a_ramp_on_any_grid(
        affine in affine(),
        size in prop::array::uniform3(8..14usize),
        target in geometry(10),
        cubic in any::<bool>(),
    ) {
        let old = Geometry::new(size, affine).unwrap();
        // The target about the middle of the source, or there would be little to see.
        let shift = old.center() - target.center();
        let moved = Affine3::new(
            target.voxel_to_lps().linear(),
            (Point3::<Lps>::from_coords(target.voxel_to_lps().offset()) + shift).coords(),
        );
        let target = Geometry::new(target.size(), moved).unwrap();
        let interpolation = if cubic { Interpolation::Cubic } else { Interpolation::Linear };
        let fill = -12345.0;
        let found = ramp_volume(old).resample_to(&target, interpolation, fill).unwrap();
        prop_assert_eq!(found.geometry(), &target);
        // Smoothing and then interpolating reach as far as both kernels together.
        let linear = target.voxel_to_lps().then(old.lps_to_voxel()).linear();
        let reach = if cubic { 2.0 } else { 1.0 };
        let margin = linear.map(|row| {
            let span = row.iter().map(|x| x * x).sum::<f64>().sqrt();
            reach * if span > 1.0 { span + 1.0 } else { 1.0 }
        });
        // Smoothing is centred on whole voxels, so its centre of mass is exact.
        assert_ramp_stays(&old, &found, margin, [0.0; 3]);
        for ((k, j, i), &value) in found.voxels().indexed_iter() {
            let inside = old.index(target.position([k, j, i])).is_some();
            prop_assert_eq!(value != fill, inside, "at {:?}", [k, j, i]);
        }
    }

    #[test]
    fn nearest_on_any_grid_is_the_voxel_that_contains_the_point(old in geometry(6), target in geometry(8)) {
        let shift = old.center() - target.center();
        let origin = target.origin() + shift;
        let affine = Affine3::new(target.voxel_to_lps().linear(), origin.coords());
        let target = Geometry::new(target.size(), affine).unwrap();
        let volume = numbered(old);
        let found = volume.resample_to(&target, Interpolation::Nearest, 0).unwrap();
        for ((k, j, i), &value) in found.voxels().indexed_iter() {
            let at = target.position([k, j, i]);
            // On a face between two voxels either is right.
            let on_face = old.voxel(at).coords().iter().any(|x| ((x - 0.5) - (x - 0.5).round()).abs() < 1e-5);
            prop_assert!(on_face || value == volume.at(at).unwrap_or(0), "at {:?}", [k, j, i]);
        }
    }

    #[test]
    fn resample_to_a_reoriented_grid_is_reorient(geometry in geometry(7), asked in orientation(), mode in 0..3usize) {
        let interpolation = [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic][mode];
        // Numbers that f32 cannot hold: voxels that need no blending are copied.
        let volume = numbered(geometry).map(|v| i32::MAX - v);
        let turned = volume.reorient(asked).unwrap();
        let found = volume.resample_to(turned.geometry(), interpolation, 0).unwrap();
        prop_assert_eq!(found, turned);
    }

    #[test]
    fn resample_to_a_padded_grid_is_pad(
        geometry in geometry(5),
        before in prop::array::uniform3(0..3usize),
        after in prop::array::uniform3(0..3usize),
    ) {
        let volume = numbered(geometry);
        let padded = volume.pad(before, after, -7).unwrap();
        prop_assert_eq!(&volume.resample_to(padded.geometry(), Interpolation::Linear, -7).unwrap(), &padded);
        let found = padded.resample_to(&geometry, Interpolation::Cubic, 0).unwrap();
        prop_assert_eq!(found.voxels(), volume.voxels());
    }

    #[test]
    fn constants_stay_constant(
        geometry in geometry(9),
        size in prop::array::uniform3(1..12usize),
        value in any::<i16>(),
    ) {
        for interpolation in [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic] {
            let found = Volume::filled(value, geometry).resize(size, interpolation).unwrap();
            prop_assert!(found.as_slice().iter().all(|v| *v == value));
        }
    }

    #[test]
    fn images_stay_in_place(affine in affine(), n in prop::array::uniform4(1..9usize), by in prop::array::uniform4(0..3usize)) {
        let [rows, columns, height, width] = n;
        let geometry = Geometry::new([1, rows, columns], affine).unwrap();
        let pixels = Array3::from_shape_fn([2, rows, columns], |(c, j, i)| (1 + (c * rows + j) * columns + i) as i32);
        let image = Image::new(pixels).unwrap().with_geometry(geometry).unwrap();
        let resized = image.resize(height, width, Interpolation::Linear).unwrap();
        let (old, new) = (geometry.bounds(), resized.geometry().unwrap().bounds());
        prop_assert!(old.min().distance(new.min()) < 1e-6 && old.max().distance(new.max()) < 1e-6);
        let (spacing, real) = (resized.spacing().unwrap(), resized.geometry().unwrap().spacing());
        prop_assert!((spacing.column - real.column).abs() < 1e-9 && (spacing.row - real.row).abs() < 1e-9);

        let [top, left, bottom, right] = by;
        let padded = image.pad([top, left], [bottom, right], 0).unwrap();
        let was = Volume::new(image.pixels().slice(ndarray::s![..1, .., ..]).to_owned(), geometry).unwrap();
        let is = padded.pixels().slice(ndarray::s![..1, .., ..]).to_owned();
        let is = Volume::new(is, *padded.geometry().unwrap()).unwrap();
        prop_assert_eq!(assert_voxels_stay(&was, &is, 0), rows * columns);
        let back = padded.crop(top, left, rows, columns).unwrap();
        prop_assert_eq!(back.pixels(), image.pixels());
        prop_assert!(back.geometry().unwrap().is_close(&geometry, 1e-9));
    }
}

fn cube(n: usize) -> Geometry {
    Geometry::axial([n; 3], Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0)).unwrap()
}

/// The interior checks above see enough voxels to mean something.
#[test]
fn ramps_are_looked_at() {
    let old = Geometry::axial([20, 20, 20], Spacing::new(0.7, 0.8, 2.0), Point3::new(1.0, 2.0, 3.0)).unwrap();
    let found = ramp_volume(old).resample(Spacing::isotropic(1.5), Interpolation::Linear).unwrap();
    let scale = [1.5 / 0.7, 1.5 / 0.8, 0.75];
    assert!(assert_ramp_stays(&old, &found, scale, drift(scale, Interpolation::Linear)) > 800);
    let (s, c) = 0.5f64.sin_cos();
    let turned =
        Affine3::new([[2.0 * c, -2.0 * s, 0.0], [2.0 * s, 2.0 * c, 0.0], [0.0, 0.0, 3.0]], [1.0, 0.0, 5.0]);
    let target = Geometry::new([12, 9, 9], turned).unwrap();
    let found = ramp_volume(old).resample_to(&target, Interpolation::Linear, 0.0).unwrap();
    assert!(assert_ramp_stays(&old, &found, [4.0, 3.6, 2.5], [0.0; 3]) > 40);
}

/// The rules of MONAI 1.5's `ResizeWithPadOrCrop`, worked by hand from `SpatialPad` (`width // 2` before) and
/// `CenterSpatialCrop` (start at `n // 2 - size // 2`).
#[test]
fn the_odd_voxel_goes_where_monai_puts_it() {
    let row = |n: usize| {
        let g = Geometry::axial([1, 1, n], Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
        numbered(g)
    };
    let found = |n, size| row(n).crop_or_pad([1, 1, size], 0).unwrap().as_slice().to_vec();
    assert_eq!(found(2, 5), [0, 1, 2, 0, 0]);
    assert_eq!(found(5, 2), [2, 3]);
    assert_eq!(found(5, 4), [1, 2, 3, 4]);
    assert_eq!(found(4, 3), [2, 3, 4]);
    assert_eq!(found(6, 3), [3, 4, 5]);
}

/// Unlike picking voxels, anti-aliasing sees them all: a checkerboard becomes grey, on aligned and on oblique grids.
#[test]
fn coarser_grids_are_anti_aliased() {
    let checkers = Array3::from_shape_fn([24; 3], |(k, j, i)| ((k + j + i) % 2 * 200) as i16);
    let volume = Volume::new(checkers, cube(24)).unwrap();
    let (s, c) = 0.4f64.sin_cos();
    let oblique =
        Affine3::new([[4.0 * c, -4.0 * s, 0.0], [4.0 * s, 4.0 * c, 0.0], [0.0, 0.0, 4.0]], [9.0, 5.0, 6.0]);
    for interpolation in [Interpolation::Linear, Interpolation::Cubic] {
        let aligned = volume.resample(Spacing::isotropic(4.0), interpolation).unwrap();
        let oblique =
            volume.resample_to(&Geometry::new([3; 3], oblique).unwrap(), interpolation, 100).unwrap();
        for found in [aligned, oblique] {
            assert!(found.as_slice().iter().all(|v| (90..=110).contains(v)), "{:?}", found.as_slice());
        }
    }
}

#[test]
fn integers_saturate_and_nan_spreads_no_further_than_its_weight() {
    let g = Geometry::axial([1, 1, 6], Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
    let step = Volume::from_vec(vec![0u8, 0, 0, 255, 255, 255], g).unwrap();
    let found = step.resize([1, 1, 12], Interpolation::Cubic).unwrap();
    assert_eq!(found.as_slice(), [0, 0, 0, 0, 0, 52, 203, 255, 255, 255, 255, 255]);
    let values = Volume::from_vec(vec![0.0, 1.0, f32::NAN, 3.0, 4.0, 5.0], g).unwrap();
    let found = values.resize([1, 1, 12], Interpolation::Linear).unwrap();
    let nan: Vec<bool> = found.as_slice().iter().map(|v| v.is_nan()).collect();
    assert_eq!(nan, [false, false, false, true, true, true, true, false, false, false, false, false]);
    for interpolation in [Interpolation::Linear, Interpolation::Cubic] {
        // A grid that is turned by 45 degrees about the row, so that no other voxel has a weight.
        let turned = Affine3::new([[1.0, 0.0, 0.0], [0.0, 0.7, -0.7], [0.0, 0.7, 0.7]], [0.0; 3]);
        let target = Geometry::new([1, 1, 6], turned).unwrap();
        let found = values.resample_to(&target, interpolation, -1.0).unwrap();
        assert_eq!(found.as_slice().iter().filter(|v| v.is_nan()).count(), 1);
    }
}

#[test]
fn absurd_sizes_are_errors() {
    let volume = Volume::filled(0i16, cube(4));
    let resample = |mm| volume.resample(Spacing::isotropic(mm), Interpolation::Linear);
    assert!(matches!(resample(1e-300), Err(Error::InvalidSize { .. })));
    assert!(matches!(resample(1e-9), Err(Error::InvalidSize { .. })));
    assert!(matches!(resample(0.0), Err(Error::InvalidSpacing { .. })));
    assert!(matches!(resample(f64::NAN), Err(Error::InvalidSpacing { .. })));
    assert_eq!(resample(1e30).unwrap().size(), [1, 1, 1]);
    let huge = [1 << 18; 3];
    for interpolation in [Interpolation::Nearest, Interpolation::Linear, Interpolation::Cubic] {
        assert!(matches!(volume.resize(huge, interpolation), Err(Error::OutOfMemory { .. })));
        let target = Geometry::axial(huge, Spacing::isotropic(1.0), Point3::new(0.1, 0.2, 0.3)).unwrap();
        assert!(matches!(volume.resample_to(&target, interpolation, 0), Err(Error::OutOfMemory { .. })));
        let long = [1, 1, 1 << 55];
        assert!(matches!(volume.resize(long, interpolation), Err(Error::OutOfMemory { .. })));
    }
    assert!(matches!(volume.resize([0, 4, 4], Interpolation::Linear), Err(Error::InvalidSize { .. })));
    assert!(matches!(volume.pad(huge, huge, 0), Err(Error::OutOfMemory { .. })));
    assert!(matches!(volume.pad([usize::MAX, 0, 0], [1; 3], 0), Err(Error::InvalidSize { .. })));
    assert!(matches!(volume.crop_or_pad(huge, 0), Err(Error::OutOfMemory { .. })));
    assert!(matches!(volume.crop_or_pad([4, 0, 4], 0), Err(Error::InvalidSize { .. })));
}

#[test]
fn crops_outside_are_refused() {
    let volume = Volume::filled(0u8, cube(4));
    let found = volume.crop([0, 2, 0], [4, 3, 4]);
    let (start, end, size) = (vec![0, 2, 0], vec![4, 5, 4], vec![4, 4, 4]);
    assert_eq!(found.unwrap_err(), Error::OutOfBounds { start, end, size });
    assert!(matches!(volume.crop([usize::MAX, 0, 0], [2, 1, 1]), Err(Error::OutOfBounds { .. })));
    assert!(matches!(volume.crop([0; 3], [4, 4, 0]), Err(Error::InvalidSize { .. })));
    let image = Image::new(Array3::<u8>::zeros([3, 4, 5])).unwrap();
    assert!(matches!(image.crop(0, 3, 4, 3), Err(Error::OutOfBounds { .. })));
    assert!(matches!(image.resize(0, 3, Interpolation::Linear), Err(Error::InvalidSize { .. })));
}

#[test]
fn label_maps_keep_their_names_and_labels() {
    let g = Geometry::axial([3, 4, 5], Spacing::new(1.0, 1.0, 3.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
    let labels = (0..60).map(|n| if n % 7 == 0 { 40_000 } else { 9 }).collect();
    let label = Label { name: "spleen".into(), color: [200, 0, 0] };
    let map = LabelMap::new(Volume::from_vec(labels, g).unwrap()).with_labels([(9, label)]);
    let found = map.resample(Spacing::isotropic(0.8)).unwrap();
    assert_eq!(found.labels(), map.labels());
    assert_eq!(found.counts().into_keys().collect::<Vec<_>>(), [9, 40_000]);
    let back = found.resample_to(&g).unwrap();
    assert_eq!(back, map);
    assert_eq!(map.crop([1, 0, 0], [1, 2, 2]).unwrap().labels(), map.labels());
}
