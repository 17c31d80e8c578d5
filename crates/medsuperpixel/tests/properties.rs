//! What holds for any image.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use std::collections::BTreeSet;

use medcore::{Image, Spacing};
use medsuperpixel::{Connectivity, Error, Slic, Superpixels, ValueRange};
use ndarray::{Array2, Array3, Array4};
use proptest::prelude::*;

/// How many connected pieces each label has.
fn pieces(labels: &Array3<u32>) -> Vec<usize> {
    let (slices, rows, columns) = labels.dim();
    let most = labels.iter().max().copied().unwrap_or(0) as usize;
    let mut pieces = vec![0; most + 1];
    let mut seen = Array3::from_elem(labels.dim(), false);
    for (start, &label) in labels.indexed_iter() {
        if seen[start] {
            continue;
        }
        pieces[label as usize] += 1;
        let mut stack = vec![start];
        seen[start] = true;
        while let Some((z, y, x)) = stack.pop() {
            let around = [
                (z.wrapping_sub(1), y, x),
                (z + 1, y, x),
                (z, y.wrapping_sub(1), x),
                (z, y + 1, x),
                (z, y, x.wrapping_sub(1)),
                (z, y, x + 1),
            ];
            for next in around {
                if next.0 < slices
                    && next.1 < rows
                    && next.2 < columns
                    && labels[next] == label
                    && !seen[next]
                {
                    seen[next] = true;
                    stack.push(next);
                }
            }
        }
    }
    pieces
}

prop_compose! {
    fn images()(channels in 1usize..5, slices in 1usize..5, rows in 1usize..24, columns in 1usize..40)
        (values in prop::collection::vec(any::<u8>(), channels * slices * rows * columns),
         mask in prop::collection::vec(prop::bool::weighted(0.7), slices * rows * columns),
         shape in Just([channels, slices, rows, columns]))
        -> (Array4<u8>, Array3<bool>) {
        let [_, slices, rows, columns] = shape;
        (Array4::from_shape_vec(shape, values).unwrap(), Array3::from_shape_vec([slices, rows, columns], mask).unwrap())
    }
}

fn with_threads(
    threads: usize,
    slic: &Slic,
    pixels: &Array4<u8>,
    mask: Option<&Array3<bool>>,
) -> Superpixels {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let spacing = Spacing::new(0.7, 1.0, 2.5);
    pool.install(|| slic.channels(pixels.view(), spacing, mask.map(|m| m.view())).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn labels_are_connected_complete_and_the_same_with_any_number_of_threads(
        (pixels, mask) in images(),
        part in 0.0f64..1.0,
        adaptive in any::<bool>(),
        masked in any::<bool>(),
        max_size in prop_oneof![Just(f64::INFINITY), 0.2f64..3.0],
        compactness in prop_oneof![Just(3.0), Just(0.1), Just(0.003)],
        row_stride in 1usize..4,
        tolerance in prop_oneof![Just(0.0), Just(0.05)],
    ) {
        let inside = if masked { mask.iter().filter(|m| **m).count() } else { mask.len() };
        prop_assume!(inside > 0);
        let segments = ((inside as f64 * part) as usize).clamp(1, inside);
        let slic = Slic::new(segments)
            .adaptive(adaptive)
            .compactness(compactness)
            .row_stride(row_stride)
            .tolerance(tolerance)
            .connectivity(Connectivity::Enforce { min_size: 0.2, max_size });
        let mask = masked.then_some(&mask);
        let found = with_threads(1, &slic, &pixels, mask);
        prop_assert_eq!(&found, &with_threads(3, &slic, &pixels, mask));
        let labels = found.labels().to_owned();
        let used: BTreeSet<u32> = labels.iter().copied().filter(|l| *l > 0).collect();
        prop_assert_eq!(used.len(), found.count());
        prop_assert_eq!(used.last().copied(), Some(found.count() as u32));
        prop_assert!(pieces(&labels).iter().skip(1).all(|n| *n == 1));
        let largest = (max_size * inside as f64 / segments as f64).max(1.0);
        prop_assert!(found.regions(pixels.view()).unwrap().iter().all(|r| r.pixels as f64 <= largest));
        for (index, label) in labels.indexed_iter() {
            prop_assert_eq!(*label > 0, mask.is_none_or(|m| m[index]));
        }
    }

    #[test]
    fn a_constant_image_is_divided_into_boxes(rows in 8usize..60, columns in 8usize..60, segments in 1usize..30) {
        let image = Image::grey(Array2::from_elem((rows, columns), 42u8)).unwrap();
        let found = Slic::new(segments).image(&image).unwrap();
        prop_assert!(found.count().abs_diff(segments) <= 1 + segments / 4, "{} of {}", found.count(), segments);
        let mean = (rows * columns) as f64 / found.count() as f64;
        for region in found.image_regions(&image).unwrap() {
            prop_assert!((region.pixels as f64) > 0.3 * mean && (region.pixels as f64) < 2.5 * mean);
            let size = (region.end[1] - region.start[1]) * (region.end[2] - region.start[2]);
            prop_assert!(region.pixels as f64 > 0.6 * size as f64);
        }
    }
}

#[test]
fn two_halves_are_never_mixed() {
    let image =
        Image::grey(Array2::from_shape_fn((50, 50), |(y, x)| if 3 * x + y < 90 { -700i16 } else { 50 }))
            .unwrap();
    for adaptive in [false, true] {
        let found = Slic::new(25).compactness(0.1).adaptive(adaptive).image(&image).unwrap();
        for region in found.image_regions(&image).unwrap() {
            assert!(region.spread[0] < 1.0, "{adaptive}: {region:?}");
        }
    }
}

#[test]
fn spacing_makes_regions_isotropic_in_mm() {
    let pixels = Array4::<u8>::zeros([1, 10, 50, 50]);
    let found = Slic::new(125).channels(pixels.view(), Spacing::new(1.0, 1.0, 5.0), None).unwrap();
    assert_eq!(found.count(), 125);
    for region in found.regions(pixels.view()).unwrap() {
        assert_eq!([0, 1, 2].map(|a| region.end[a] - region.start[a]), [2, 10, 10]);
    }
}

#[test]
fn bad_input_is_an_error() {
    let image = Image::grey(Array2::<f32>::zeros((4, 5))).unwrap();
    let of = |slic: Slic| slic.image(&image).unwrap_err();
    assert_eq!(of(Slic::new(0)), Error::SegmentCount { pixels: 20, found: 0 });
    assert_eq!(of(Slic::new(21)), Error::SegmentCount { pixels: 20, found: 21 });
    for slic in [
        Slic::new(2).compactness(0.0),
        Slic::new(2).compactness(1e30),
        Slic::new(2).compactness(f64::NAN),
        Slic::new(2).max_iterations(0),
        Slic::new(2).row_stride(0),
        Slic::new(2).smoothing(-1.0),
        Slic::new(2).tolerance(f64::INFINITY),
        Slic::new(2).value_range(ValueRange::Fixed { low: 1.0, high: 1.0 }),
        Slic::new(2).connectivity(Connectivity::Enforce { min_size: f64::NAN, max_size: 3.0 }),
        Slic::new(2).connectivity(Connectivity::Enforce { min_size: 0.5, max_size: 0.1 }),
    ] {
        assert!(matches!(of(slic.clone()), Error::Option { .. }), "{slic:?}");
    }
    let lab = Slic::new(2).color_space(medsuperpixel::ColorSpace::Lab);
    assert_eq!(of(lab), Error::NotRgb { found: 1 });
    let mut pixels = Array4::<f32>::zeros([1, 1, 4, 5]);
    let spacing = Spacing::isotropic(1.0);
    let bad = Slic::new(2).channels(pixels.view(), Spacing::new(1.0, 0.0, 1.0), None).unwrap_err();
    assert!(matches!(bad, Error::Geometry(_)));
    let mask = Array3::from_elem([1, 4, 5], false);
    let empty = Slic::new(2).channels(pixels.view(), spacing, Some(mask.view())).unwrap_err();
    assert_eq!(empty, Error::EmptyMask);
    let small = Array3::from_elem([1, 4, 4], true);
    assert!(matches!(
        Slic::new(2).channels(pixels.view(), spacing, Some(small.view())),
        Err(Error::Shape { .. })
    ));
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        pixels[[0, 0, 2, 3]] = value;
        for range in [ValueRange::MinMax, ValueRange::Fixed { low: 0.0, high: 1.0 }] {
            let found = Slic::new(2).value_range(range).channels(pixels.view(), spacing, None).unwrap_err();
            assert!(matches!(found, Error::NotFinite { channel: 0, index: [0, 2, 3], .. }), "{found}");
        }
        // Outside of the mask it does not matter, smoothing or not.
        let mask = Array3::from_shape_fn([1, 4, 5], |(_, y, _)| y != 2);
        let found = Slic::new(2).smoothing(1.0).channels(pixels.view(), spacing, Some(mask.view())).unwrap();
        // The mask is in two pieces, and a cluster may be in both.
        assert!((2..=3).contains(&found.count()));
    }
    let none = Array4::<u8>::zeros([0, 1, 4, 5]);
    assert!(matches!(Slic::new(1).channels(none.view(), spacing, None), Err(Error::Empty { .. })));
}

/// Nothing reaches the pixels of a mask from outside of it.
#[test]
fn smoothing_within_a_mask_makes_no_rim() {
    let mask = Array2::from_shape_fn((80, 80), |(y, x)| {
        let (y, x) = (y as i32 - 40, x as i32 - 40);
        y * y + x * x < 36 * 36
    });
    let image = Image::grey(mask.mapv(|inside| if inside { 60i16 } else { -1000 })).unwrap();
    let slic = Slic::new(60).value_range(ValueRange::Fixed { low: -1000.0, high: 400.0 });
    let plain = slic.masked_image(&image, mask.view()).unwrap();
    let smooth = slic.smoothing(3.0).masked_image(&image, mask.view()).unwrap();
    assert_eq!(smooth.labels(), plain.labels());
}

/// A Gaussian far wider than the image would take for ever.
#[test]
fn smoothing_is_no_wider_than_the_image() {
    let pixels = Array4::from_shape_fn([1, 2, 20, 30], |(_, z, y, x)| (z + y * x) as u8);
    let of = |sigma: f64, spacing| Slic::new(6).smoothing(sigma).channels(pixels.view(), spacing, None);
    let isotropic = Spacing::isotropic(1.0);
    // Wider than the two slices are thick.
    for sigma in [1e-300, 3.0, 30.0] {
        assert!(of(sigma, isotropic).is_ok(), "{sigma}");
    }
    for found in [30.5, 1e6, 1e20, f64::MAX] {
        assert_eq!(of(found, isotropic).unwrap_err(), Error::Smoothing { limit: 30, found });
    }
    // Few mm, but many pixels.
    let thin = of(2.0, Spacing::new(1.0, 1.0, 1e-3)).unwrap_err();
    assert_eq!(thin, Error::Smoothing { limit: 30, found: 2000.0 });
    assert!(thin.to_string().contains("at most 30 pixels") && thin.to_string().contains("found 2000"));
    // A single row is not smoothed along the rows.
    let line = pixels.slice(ndarray::s![.., .., ..1, ..]);
    assert!(Slic::new(6).smoothing(2.0).channels(line, Spacing::new(1.0, 1e-9, 1.0), None).is_ok());
}

#[test]
fn the_least_images_work() {
    for shape in [[1, 1, 1, 1], [1, 1, 1, 40], [3, 1, 40, 1], [2, 7, 1, 1]] {
        let pixels = Array4::from_shape_fn(shape, |(c, z, y, x)| (c + z * 3 + y * 5 + x * 7) as u16);
        let count = shape[1..].iter().product();
        for segments in [1, count] {
            let found = Slic::new(segments).channels(pixels.view(), Spacing::isotropic(1.0), None).unwrap();
            assert!(found.count() >= 1 && found.count() <= segments);
        }
    }
}

/// Slices a light year apart: distances overflow, but every pixel has a region.
#[test]
fn absurd_spacing_is_no_failure() {
    let pixels = Array4::from_shape_fn([1, 3, 20, 20], |(_, z, y, x)| (z * y * x) as u16);
    for spacing in
        [Spacing::new(1.0, 1.0, 1e40), Spacing::new(1e-40, 1.0, 1e-40), Spacing::new(1e-200, 1e200, 1.0)]
    {
        let found = Slic::new(30).channels(pixels.view(), spacing, None).unwrap();
        assert!(found.count() >= 1 && found.labels().iter().all(|l| *l > 0));
        let mask = Array3::from_shape_fn([3, 20, 20], |(z, y, x)| (x + y + z) % 3 > 0);
        let found = Slic::new(30).adaptive(true).channels(pixels.view(), spacing, Some(mask.view())).unwrap();
        assert!(found.labels().iter().zip(&mask).all(|(l, m)| (*l > 0) == *m));
    }
}

/// Most of the box around the mask is empty.
#[test]
fn masks_may_be_small_and_far_apart() {
    let size = [40, 120, 120];
    let mask =
        Array3::from_shape_fn(size, |(z, y, x)| z.max(y).max(x) < 10 || (z > 29 && y > 109 && x > 109));
    let pixels = Array4::from_shape_fn([1, 40, 120, 120], |(_, z, y, x)| (z * 3 + y * 5 + x * 7) as u16);
    let found = Slic::new(1500).channels(pixels.view(), Spacing::isotropic(1.0), Some(mask.view())).unwrap();
    assert!(found.count() > 1000 && found.count() <= 1502, "{}", found.count());
    assert!(found.labels().iter().zip(&mask).all(|(l, m)| (*l > 0) == *m));
}

#[test]
fn connectivity_can_be_left_out() {
    let image = Image::grey(Array2::from_shape_fn((40, 40), |(y, x)| {
        ((x * x * 7 + y * y * 13 + x * y * 3) % 11) as u8
    }))
    .unwrap();
    let found = Slic::new(16).connectivity(Connectivity::Off).compactness(0.01).image(&image).unwrap();
    assert!(found.count() <= 16);
    assert!(pieces(&found.labels().to_owned()).iter().skip(1).any(|n| *n > 1));
    assert_eq!(found.zero_based().iter().min(), Some(&0));
}

/// A large flat background, which few clusters would take, beside fine stripes, which make many small pieces.
#[test]
fn no_region_is_larger_than_the_largest_size() {
    let image = Image::grey(Array2::from_shape_fn((120, 160), |(y, x)| {
        if x < 90 { 20u8 } else { 20 + 50 * ((y / 3 + x / 5) % 4) as u8 }
    }))
    .unwrap();
    for (segments, max_size) in [(24, 1.0), (24, 1.2), (100, 0.5), (100, 1.0), (1, 0.02), (19_200, 1.0)] {
        let connectivity = Connectivity::Enforce { min_size: f64::min(max_size, 0.2), max_size };
        let slic = Slic::new(segments).compactness(0.003).connectivity(connectivity);
        let found = slic.image(&image).unwrap();
        let largest = max_size * 19_200.0 / segments as f64;
        let regions = found.image_regions(&image).unwrap();
        let sizes: Vec<usize> = regions.iter().map(|r| r.pixels).collect();
        assert!(sizes.iter().all(|s| *s as f64 <= largest.max(1.0)), "{segments} {max_size}: {sizes:?}");
        // Cut no finer than needed.
        let least = 19_200.0 / largest;
        assert!((found.count() as f64) < 4.0 * least + 1.0, "{segments} {max_size}: {}", found.count());
        assert!(pieces(&found.labels().to_owned()).iter().skip(1).all(|n| *n == 1));
    }
}

/// Where values decide alone, clusters leave the cells that they began in, and their pixels still have a cluster.
#[test]
fn clusters_may_leave_their_cells() {
    // Discs on a background with a little noise.
    let mut state = 3u32;
    let pixels = Array4::from_shape_fn([3, 1, 120, 120], |(_, _, y, x)| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let disc = ((y as i32) % 37 - 18).pow(2) + ((x as i32) % 31 - 12).pow(2) < 60;
        (if disc { 120u8 } else { 4 }) + (state >> 30) as u8
    });
    for segments in [9, 36, 60, 140, 400] {
        for compactness in [0.01, 0.5, 2.5] {
            let slic = Slic::new(segments).compactness(compactness);
            let found = slic.channels(pixels.view(), Spacing::isotropic(1.0), None).unwrap();
            assert!(found.count() <= segments + segments / 3);
        }
    }
}
