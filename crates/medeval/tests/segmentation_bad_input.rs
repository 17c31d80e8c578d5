//! Input that segmentation measures must refuse or survive.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use medcore::Spacing;
use medeval::Error;
use medeval::segmentation::{
    LabelOverlaps, SurfaceDistances, dice, e_measure, mean_absolute_error, s_measure, weighted_f_measure,
};
use ndarray::{Array2, Array3, Axis, array, s};

#[test]
fn shapes_must_agree() {
    let (a, b) = (Array3::from_elem([2, 3, 4], true), Array3::from_elem([2, 4, 3], true));
    let expected = Error::ShapeMismatch { expected: vec![2, 3, 4], found: vec![2, 4, 3] };
    assert_eq!(dice(a.view(), b.view()), Err(expected.clone()));
    let spacing = Spacing::isotropic(1.0);
    assert_eq!(SurfaceDistances::between(a.view(), b.view(), spacing), Err(expected.clone()));
    let (a, b) = (a.mapv(u16::from), b.mapv(u16::from));
    assert_eq!(LabelOverlaps::of(a.view(), b.view()), Err(expected));
}

#[test]
fn maps_must_hold_probabilities() {
    let truth = array![[true, false]];
    for bad in [f32::NAN, -0.1, 1.1, f32::INFINITY] {
        let map = array![[0.5, bad]];
        let refused =
            |found: Result<f64, Error>| assert!(matches!(found, Err(Error::OutOfRange { .. })), "{bad}");
        refused(mean_absolute_error(map.view(), truth.view()));
        refused(s_measure(map.view(), truth.view()));
        refused(e_measure(map.view(), truth.view()).map(|e| e.mean()));
        refused(weighted_f_measure(map.view(), truth.view()));
    }
    let (map, truth) = (Array2::<f32>::zeros([0, 3]), Array2::from_elem([0, 3], true));
    assert!(matches!(s_measure(map.view(), truth.view()), Err(Error::TooFew { .. })));
}

#[test]
fn maps_of_one_pixel_have_answers() {
    let (map, truth) = (array![[0.25f32]], array![[true]]);
    assert_eq!(mean_absolute_error(map.view(), truth.view()).unwrap(), 0.75);
    assert_eq!(s_measure(map.view(), truth.view()).unwrap(), 0.25);
    assert!(weighted_f_measure(map.view(), truth.view()).unwrap().is_finite());
    assert!(matches!(e_measure(map.view(), truth.view()), Err(Error::TooFew { .. })));
}

#[test]
fn labels_that_do_not_occur() {
    let nothing = Array2::<u16>::zeros([3, 3]);
    let overlaps = LabelOverlaps::of(nothing.view(), nothing.view()).unwrap();
    assert!(overlaps.labels().is_empty());
    assert_eq!(overlaps.counts(7).dice(), 1.0);
    assert!(matches!(overlaps.mean_dice(&overlaps.labels()), Err(Error::TooFew { .. })));

    let mut one = nothing.clone();
    one[[0, 0]] = u16::MAX;
    let both = overlaps.merged(&LabelOverlaps::of(one.view(), nothing.view()).unwrap());
    assert_eq!(both.labels(), [u16::MAX]);
    assert_eq!((both.counts(u16::MAX).total(), both.counts(u16::MAX).dice()), (18, 0.0));
}

#[test]
fn the_layout_of_an_array_does_not_matter() {
    let mask = Array3::from_shape_fn([7, 8, 9], |(k, j, i)| (k * 3 + j * 5 + i * i) % 7 < 3);
    let other = mask.slice(s![..;-1, .., ..]).to_owned();
    let spacing = Spacing::new(0.5, 1.5, 2.5);
    let expected = SurfaceDistances::between(mask.view(), other.view(), spacing).unwrap();
    let flipped = SurfaceDistances::between(other.slice(s![..;-1, .., ..]), other.view(), spacing).unwrap();
    assert_eq!(flipped, expected);
    let mut turned = mask.clone();
    turned.swap_axes(0, 2);
    let turned = turned.as_standard_layout().into_owned();
    let view = turned.view().reversed_axes();
    assert_eq!(view.len_of(Axis(0)), 7);
    let transposed = SurfaceDistances::between(view, other.view(), spacing).unwrap();
    assert_eq!(transposed, expected);
}
