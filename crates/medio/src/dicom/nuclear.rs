//! Nuclear medicine: which of a file's frames are slices, and which belong to one sequence (PS3.3 C.8.4).
//!
//! FrameIncrementPointer names vectors that count, for each frame, its energy window, detector, time slot, slice and so on.

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};

use super::dataset::DataSet;
use super::frames::MOST_PLACED;
use super::header::{FileHeader, Header};
use super::text::Interner;

/// The class before the present one (PS3.6 A).
const RETIRED_STORAGE: &str = "1.2.840.10008.5.1.4.1.1.5";

/// The frames of a file of nuclear medicine that has several, `None` for other files: slices of reconstructed tomography each
/// with its place, others in runs that are sequences.
pub(super) fn images(
    file: &mut FileHeader,
    image: &Header,
    data_set: DataSet<'_>,
    interner: &Interner,
) -> Option<Vec<Header>> {
    let class = file.sop_class.as_str();
    let is_nuclear = class == uids::NUCLEAR_MEDICINE_IMAGE_STORAGE || class == RETIRED_STORAGE;
    if !is_nuclear || file.frames < 2 || file.frames > MOST_PLACED {
        return None;
    }
    let vectors = Vectors { data_set, frames: file.frames as usize };
    let image_type = image.distinctions.image_type.as_deref().unwrap_or_default();
    let kind = image_type.split('\\').nth(2).unwrap_or_default().trim();
    let slices = if kind.starts_with("RECON") { slices(image, &vectors, interner) } else { None };
    if let Some(slices) = slices {
        file.places_frames = true;
        return Some(slices);
    }
    Some(runs(image, &vectors, interner))
}

struct Vectors<'a> {
    data_set: DataSet<'a>,
    frames: usize,
}

impl Vectors<'_> {
    /// The numbers of a vector, if there is one for each frame.
    fn get(&self, tag: Tag) -> Option<Vec<u16>> {
        let numbers: Vec<u16> = self.data_set.get(tag)?.u16s().collect();
        (numbers.len() == self.frames).then_some(numbers)
    }
}

/// The slices, of which the first is where the first detector is said to be. The sign of SpacingBetweenSlices is the direction of
/// the others along the normal (C.8.4.15).
fn slices(image: &Header, vectors: &Vectors, interner: &Interner) -> Option<Vec<Header>> {
    let numbers = vectors.get(tags::SLICE_VECTOR)?;
    let detector = vectors.data_set.item(tags::DETECTOR_INFORMATION_SEQUENCE);
    let of_detector = |tag| detector.and_then(|item| item.get(tag));
    let orientation = of_detector(tags::IMAGE_ORIENTATION_PATIENT).and_then(|e| e.decimals::<6>());
    let position = of_detector(tags::IMAGE_POSITION_PATIENT).and_then(|e| e.decimals::<3>());
    let orientation = orientation.or(image.orientation)?;
    let first = position.or(image.position)?;
    let spacing = image.spacing_between_slices.filter(|s| s.is_finite() && *s != 0.0)?;
    let [a, b, c, d, e, f] = orientation;
    let normal = [b * f - c * e, c * d - a * f, a * e - b * d];
    let intervals = vectors.get(tags::RR_INTERVAL_VECTOR);
    let slots = vectors.get(tags::TIME_SLOT_VECTOR);
    let text = |vector: &Option<Vec<u16>>, frame: usize| {
        vector.as_ref().and_then(|v| v.get(frame)).map(|n| interner.text(&n.to_string()))
    };
    let slice = |(frame, number): (usize, &u16)| {
        let along = spacing * (f64::from(*number) - 1.0);
        let mut header = Header {
            frame: frame as u32,
            orientation: Some(orientation),
            position: Some(std::array::from_fn(|axis| first[axis] + along * normal[axis])),
            ..image.clone()
        };
        header.distinctions.rr_interval = text(&intervals, frame);
        header.distinctions.temporal_position = text(&slots, frame);
        header
    };
    Some(numbers.iter().enumerate().map(slice).collect())
}

/// Frames of one energy window, detector, rotation and R-R interval that follow each other.
fn runs(image: &Header, vectors: &Vectors, interner: &Interner) -> Vec<Header> {
    let tags =
        [tags::ENERGY_WINDOW_VECTOR, tags::DETECTOR_VECTOR, tags::ROTATION_VECTOR, tags::RR_INTERVAL_VECTOR];
    let found = tags.map(|tag| vectors.get(tag));
    let numbers = |frame: usize| found.each_ref().map(|v| v.as_ref().and_then(|v| v.get(frame)).copied());
    let mut runs: Vec<([Option<u16>; 4], Header)> = Vec::new();
    for frame in 0..vectors.frames {
        let own = numbers(frame);
        match runs.last_mut() {
            Some((of_run, header)) if *of_run == own => header.count += 1,
            _ => {
                let mut header = Header { frame: frame as u32, count: 1, position: None, ..image.clone() };
                let [energy, detector, rotation, interval] =
                    own.map(|n| n.map(|n| interner.text(&n.to_string())));
                let d = &mut header.distinctions;
                (d.energy_window, d.detector, d.rotation, d.rr_interval) =
                    (energy, detector, rotation, interval);
                runs.push((own, header));
            }
        }
    }
    runs.into_iter().map(|(_, header)| header).collect()
}
