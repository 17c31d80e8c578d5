//! Label maps: telling them from images, their colours, and what is in them.

use medcore::{Label, LabelMap, Volume};

use crate::picture::{Rgb, label_color};

/// Part of the pairs of neighbours that are equal in a label map. Its regions have far more inside than border; in an image,
/// noise and shading make neighbours differ.
const EQUAL_NEIGHBOURS: f64 = 0.5;

/// The volume as labels, if it looks like a label map: whole numbers from 0 to 65 535, of which more than one occurs, and
/// neighbours that are mostly equal where they are not both background.
///
/// Formats mostly do not say, so this is a guess, good enough to choose colours for a picture.
pub fn as_labels(volume: &Volume<f32>) -> Option<LabelMap> {
    let labels = LabelMap::from_volume(volume).ok()?;
    let [mut pairs, mut equal, mut largest] = [0u64; 3];
    for row in labels.volume().voxels().rows() {
        for (&a, &b) in row.iter().zip(row.iter().skip(1)) {
            pairs += u64::from(a > 0 || b > 0);
            equal += u64::from(a > 0 && a == b);
            largest = largest.max(a.into()).max(b.into());
        }
    }
    (largest > 0 && equal as f64 > EQUAL_NEIGHBOURS * pairs as f64).then_some(labels)
}

/// The colour of a label: its own where it has a name, else one by its number, those of numbers that follow one another being far
/// apart. The background is black.
pub fn color(labels: &LabelMap, label: u16) -> Rgb {
    match labels.labels().get(&label) {
        Some(Label { color, .. }) if *color != [0; 3] => *color,
        _ => label_color(label),
    }
}

/// A line for each label that occurs, the background apart: number, name, voxels and millilitres.
pub fn lines(labels: &LabelMap) -> Vec<String> {
    let voxel_ml = labels.geometry().spacing().voxel_volume() / 1e3;
    let line = |(label, voxels): (u16, usize)| {
        let name = labels.labels().get(&label).map_or(String::new(), |l| format!(" {}", l.name));
        format!("label {label}{name}: {voxels} voxels, {:.2} ml", voxels as f64 * voxel_ml)
    };
    labels.counts().into_iter().filter(|(label, _)| *label > 0).map(line).collect()
}

#[cfg(test)]
mod tests {
    use medcore::{Geometry, Point3, Spacing};

    use super::*;

    fn volume(value: impl Fn(usize) -> f32) -> Volume<f32> {
        let g = Geometry::axial([2, 10, 10], Spacing::isotropic(2.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
        Volume::from_vec((0..200).map(value).collect(), g).unwrap()
    }

    #[test]
    fn regions_are_labels_and_images_are_not() {
        let regions = volume(|i| if i % 10 > 4 { 1.0 + (i / 100) as f32 } else { 0.0 });
        let labels = as_labels(&regions).unwrap();
        assert_eq!(lines(&labels), ["label 1: 50 voxels, 0.40 ml", "label 2: 50 voxels, 0.40 ml"]);
        assert!(as_labels(&volume(|i| (i * 37 % 251) as f32)).is_none(), "noise in whole numbers");
        assert!(as_labels(&volume(|i| if i % 10 > 4 { 0.5 } else { 0.0 })).is_none());
        assert!(as_labels(&volume(|i| if i % 10 > 4 { -1.0 } else { 0.0 })).is_none());
        assert!(as_labels(&volume(|_| 0.0)).is_none());
    }

    #[test]
    fn colours_are_their_own_or_by_number() {
        let labels = as_labels(&volume(|i| f32::from(i % 10 > 4))).unwrap();
        let named = labels.with_labels([(1, Label { name: "liver".into(), color: [9, 8, 7] })]);
        assert_eq!(color(&named, 1), [9, 8, 7]);
        assert_eq!(color(&named, 2), label_color(2));
        assert_eq!(lines(&named), ["label 1 liver: 100 voxels, 0.80 ml"]);
    }
}
