//! Regions, borders, pictures and quality, on cases worked out by hand.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

use medcore::{Geometry, Image, Point3, Spacing, Volume};
use medsuperpixel::{Error, Quality, Superpixels};
use ndarray::{Array3, Array4, array};

fn flat() -> Superpixels {
    Superpixels::from_labels(array![[[1, 1, 2, 2], [1, 3, 3, 2], [0, 3, 3, 2]]], Spacing::new(0.5, 2.0, 1.0))
        .unwrap()
}

#[test]
fn regions_of_an_image() {
    let image =
        Image::new(array![[[1.0f32, 3.0, 0.0, 0.0], [5.0, 7.0, 7.0, 0.0], [9.0, 7.0, 7.0, 8.0]]]).unwrap();
    let regions = flat().image_regions(&image).unwrap();
    let first = &regions[0];
    assert_eq!((first.label, first.pixels, first.measure), (1, 3, 3.0));
    assert_eq!(first.mean, [3.0]);
    assert!((first.spread[0] - (8.0f64 / 3.0).sqrt()).abs() < 1e-12);
    assert_eq!(first.centroid, Point3::new(1.0 / 3.0, 1.0 / 3.0, 0.0));
    assert_eq!((first.start, first.end), ([0, 0, 0], [1, 2, 2]));
    // Its corner pixel touches no other region.
    assert_eq!(first.boundary_pixels, 2);
    assert_eq!(regions[1].mean, [2.0]);
    assert_eq!((regions[2].mean[0], regions[2].spread[0], regions[2].boundary_pixels), (7.0, 0.0, 4));
    assert!(first.centroid_lps.is_none());
    let mean = flat().mean_image(&image).unwrap();
    assert_eq!(mean.pixels()[[0, 0, 1]], 3.0);
    assert_eq!(mean.pixels()[[0, 2, 0]], 0.0);
    let other = Image::new(Array3::<f32>::zeros([1, 3, 5])).unwrap();
    assert!(matches!(flat().image_regions(&other), Err(Error::Shape { .. })));
}

#[test]
fn regions_of_a_volume_are_in_the_patient() {
    let geometry =
        Geometry::axial([2, 1, 2], Spacing::new(0.5, 1.0, 4.0), Point3::new(10.0, 20.0, 30.0)).unwrap();
    let labels = array![[[1, 2]], [[1, 2]]];
    let superpixels =
        Superpixels::from_labels(labels, geometry.spacing()).unwrap().with_geometry(geometry).unwrap();
    let volume = Volume::from_vec(vec![1i16, 2, 3, 4], geometry).unwrap();
    let regions = superpixels.volume_regions(&volume).unwrap();
    assert_eq!(regions[1].measure, 4.0);
    assert_eq!(regions[1].centroid_lps, Some(Point3::new(10.5, 20.0, 32.0)));
    assert_eq!(regions[1].mean, [3.0]);
    assert_eq!(superpixels.mean_volume(&volume).unwrap().as_slice(), [2.0, 3.0, 2.0, 3.0]);
    // Two sides of 1 mm x 4 mm.
    assert_eq!(superpixels.adjacency().border(2, 1).unwrap().measure, 8.0);
    assert_eq!(superpixels.to_volume().unwrap().geometry(), &geometry);
    let other = Geometry::axial([1, 1, 2], Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
    assert!(matches!(superpixels.with_geometry(other), Err(Error::Shape { .. })));
}

#[test]
fn borders_have_lengths_in_mm() {
    let graph = flat().adjacency();
    assert_eq!(graph.regions(), 3);
    assert_eq!(graph.neighbours(3), [1, 2]);
    assert_eq!(graph.neighbours(0), [0u32; 0]);
    assert_eq!(graph.neighbours(9), [0u32; 0]);
    let found: Vec<_> = graph.borders().iter().map(|b| (b.labels, b.sides, b.measure)).collect();
    // Between columns a side is 2 mm long, between rows 0.5 mm. What is outside of the mask has no border.
    assert_eq!(found, [((1, 2), 1, 2.0), ((1, 3), 2, 2.5), ((2, 3), 3, 4.5)]);
}

#[test]
fn overlays_draw_borders_over_the_image() {
    let image = Image::new(Array3::from_elem([1, 3, 4], 0.5f32)).unwrap();
    let overlay = flat().image_overlay(&image, (0.0, 1.0), [255, 0, 7]).unwrap();
    let of = |y, x| [0, 1, 2].map(|c| overlay.pixels()[[c, y, x]]);
    assert_eq!(of(0, 1), [255, 0, 7]);
    assert_eq!(of(0, 3), [128; 3]);
    let found = flat().boundaries(0).unwrap();
    assert_eq!(
        found,
        array![[false, true, true, false], [true, false, true, false], [true, false, true, false]]
    );
    assert_eq!(flat().boundaries(1), Err(Error::Slice { slices: 1, found: 1 }));
    assert!(matches!(flat().image_overlay(&image, (1.0, 1.0), [0; 3]), Err(Error::Option { .. })));
    let color = Image::new(Array3::from_shape_fn([4, 3, 4], |(c, ..)| 10 * c as u8)).unwrap();
    let overlay = flat().image_overlay(&color, (0.0, 255.0), [1, 2, 3]).unwrap();
    assert_eq!([0, 1, 2].map(|c| overlay.pixels()[[c, 0, 3]]), [0, 10, 20]);
}

#[test]
fn quality_by_hand() {
    let truth = array![[[5, 5, 0, 0], [5, 5, 0, 0], [5, 5, 5, 0]]];
    let quality = Quality::of(&flat(), truth.view(), 0).unwrap();
    // 11 pixels in regions. 1: 3 of "5". 2: 4 of "0". 3: 3 of "5", 1 of "0".
    assert_eq!(quality.achievable_accuracy, 10.0 / 11.0);
    assert_eq!(quality.undersegmentation_error, 2.0 / 11.0);
    // The reference's boundary: columns 1 and 2 of rows 0 and 1, and of the last row all but the first. All are boundaries here,
    // within 0 pixels, but for none.
    assert_eq!(quality.boundary_recall, 1.0);
    let whole = Superpixels::from_labels(Array3::from_elem([1, 3, 4], 1), Spacing::isotropic(1.0)).unwrap();
    let quality = Quality::of(&whole, truth.view(), 5).unwrap();
    assert_eq!((quality.boundary_recall, quality.achievable_accuracy), (0.0, 7.0 / 12.0));
    assert_eq!(quality.undersegmentation_error, 10.0 / 12.0);
    let same = Quality::of(&whole, Array3::zeros([1, 3, 4]).view(), 0).unwrap();
    assert_eq!(
        (same.boundary_recall, same.undersegmentation_error, same.achievable_accuracy),
        (1.0, 0.0, 1.0)
    );
    assert!(matches!(Quality::of(&whole, Array3::zeros([1, 4, 3]).view(), 0), Err(Error::Shape { .. })));
}

#[test]
fn a_boundary_may_be_off_by_the_tolerance() {
    let labels = Array3::from_shape_fn([1, 1, 12], |(_, _, x)| if x < 4 { 1 } else { 2 });
    let superpixels = Superpixels::from_labels(labels, Spacing::isotropic(1.0)).unwrap();
    // Boundary pixels at 3 and 4 here, at 6 and 7 there.
    let truth = Array3::from_shape_fn([1, 1, 12], |(_, _, x)| u32::from(x >= 7));
    let recall = |tolerance| Quality::of(&superpixels, truth.view(), tolerance).unwrap().boundary_recall;
    assert_eq!([1, 2, 3].map(recall), [0.0, 0.5, 1.0]);
}

#[test]
fn labels_must_be_numbered_without_a_gap() {
    let of = |labels| Superpixels::from_labels(labels, Spacing::isotropic(1.0));
    assert_eq!(of(array![[[1, 3]]]).unwrap_err(), Error::Labels { expected: 3, found: 2 });
    assert_eq!(
        of(array![[[0, u32::MAX]]]).unwrap_err(),
        Error::Labels { expected: u32::MAX as usize, found: 1 }
    );
    assert_eq!(of(array![[[0, 0]]]).unwrap().count(), 0);
    assert!(matches!(of(Array3::zeros([0, 1, 1])), Err(Error::Empty { .. })));
    let none = of(array![[[0, 0]]]).unwrap();
    assert_eq!(none.regions(Array4::<u8>::zeros([1, 1, 1, 2]).view()).unwrap(), []);
    assert_eq!(Quality::of(&none, array![[[1, 2]]].view(), 0), Err(Error::EmptyMask));
}
