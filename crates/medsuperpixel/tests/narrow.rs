//! Images that are shorter along an axis than a segment is long.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use medcore::Spacing;
use medsuperpixel::{Slic, Superpixels};
use ndarray::{Array3, Array4, ArrayView4, Axis};

/// Black before a column, then white.
fn edge(size: [usize; 3], at: usize) -> Array4<u8> {
    Array4::from_shape_fn([1, size[0], size[1], size[2]], |(.., x)| if x < at { 0 } else { 255 })
}

/// Rows as columns.
fn turned(pixels: &Array4<u8>) -> Array4<u8> {
    pixels.view().permuted_axes([0, 1, 3, 2]).as_standard_layout().to_owned()
}

fn divide(pixels: &Array4<u8>, segments: usize) -> Superpixels {
    // Every row: the stride depends on how many rows a segment has, and a turned image would have another.
    Slic::new(segments).row_stride(1).channels(pixels.view(), Spacing::isotropic(1.0), None).unwrap()
}

/// Pixels whose region is mostly on the other side of the edge.
fn mixed(found: &Superpixels, pixels: &Array4<u8>) -> usize {
    let regions = found.regions(pixels.view()).unwrap();
    let white = |r: &medsuperpixel::Region| (r.mean[0] / 255.0 * r.pixels as f64).round() as usize;
    regions.iter().map(|r| white(r).min(r.pixels - white(r))).sum()
}

#[test]
fn two_rows_keep_to_an_edge_wherever_it_is() {
    for at in [129, 170, 229, 250, 301, 777] {
        let pixels = edge([1, 2, 1200], at);
        let found = divide(&pixels, 6);
        assert_eq!(mixed(&found, &pixels), 0, "{at}");
        // Where a cell is black and white in halves, its neighbours may take both.
        assert!((5..=6).contains(&found.count()), "{at}: {}", found.count());
    }
}

#[test]
fn two_columns_are_divided_as_two_rows() {
    let pixels = edge([1, 2, 1200], 229);
    let turned = turned(&pixels);
    let found = divide(&turned, 6);
    assert_eq!(found.labels().permuted_axes([0, 2, 1]), divide(&pixels, 6).labels());
    assert_eq!(mixed(&found, &turned), 0);
}

#[test]
fn two_slices_keep_to_an_edge_off_the_grid() {
    // The grid of seeds has a border about every 16 pixels.
    for at in [249, 265, 301] {
        let across = edge([2, 512, 512], at);
        for pixels in [turned(&across), across] {
            let found = divide(&pixels, 1000);
            assert!(found.count().abs_diff(1000) < 50, "{at}: {}", found.count());
            assert_eq!(mixed(&found, &pixels), 0, "{at}");
        }
    }
}

/// Slices without a mask do not count: a mask in one slice is divided as that slice alone.
#[test]
fn a_mask_in_one_slice_is_divided_as_an_image() {
    let pixels = Array4::from_shape_fn([1, 9, 60, 90], |(_, z, y, x)| (z + x * y / 40 + 3 * (x % 7)) as u8);
    let slic = Slic::new(60).row_stride(1);
    let divide = |pixels: ArrayView4<'_, u8>, mask: Array3<bool>| {
        slic.channels(pixels, Spacing::isotropic(1.0), Some(mask.view())).unwrap()
    };
    let within = divide(pixels.view(), Array3::from_shape_fn([9, 60, 90], |(z, ..)| z == 4));
    let slice = pixels.slice_axis(Axis(1), (4..5).into());
    let alone = divide(slice, Array3::from_elem([1, 60, 90], true));
    assert_eq!(within.slice(4), alone.slice(0));
}
