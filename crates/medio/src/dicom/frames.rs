//! From what a file says to its images: one, a frame for each slice of its volumes, or a sequence of frames that are not placed.

use std::sync::Arc;

use dicom_dictionary_std::{tags, uids};

use super::attributes::Attributes;
use super::dataset::DataSet;
use super::functional_groups::FunctionalGroups;
use super::header::{Defect, FileHeader, Header};
use super::mosaic::Mosaic;
use super::nuclear;
use super::study::SkipReason;
use super::text::Interner;

/// The most frames of one file that are placed one by one. No scanner makes as many.
pub(super) const MOST_PLACED: u32 = 1 << 17;

/// Positions in mm that differ by less are equal.
const SAME_POSITION: f64 = 1e-3;

/// The images of a file whose elements up to the pixels are in `data_set`.
pub(super) fn images(
    found: Attributes,
    data_set: DataSet<'_>,
    certainly_dicom: bool,
    interner: &Interner,
) -> Result<Vec<Header>, SkipReason> {
    let Attributes { mut file, image, frames, dose_scaling, .. } = found;
    let is_image = file.rows.is_some() && file.columns.is_some() && file.pixels.is_some();
    match frames {
        _ if !is_image && !certainly_dicom && file.sop_class.is_empty() => return Err(SkipReason::NotDicom),
        _ if !is_image => return Err(SkipReason::NotAnImage),
        _ => {}
    }
    file.frames = u32::try_from(frames.unwrap_or(1)).ok().filter(|n| *n > 0).ok_or(SkipReason::FrameCount)?;
    let mut images = if file.sop_class == uids::RT_DOSE_STORAGE || dose_scaling.is_some() {
        dose(&mut file, Header { slope: dose_scaling, intercept: Some(0.0), ..image }, data_set)
    } else if let Some(groups) = FunctionalGroups::of(data_set) {
        in_groups(&mut file, image, groups, interner)
    } else if let Some(images) = nuclear::images(&mut file, &image, data_set, interner) {
        images
    } else if let Some(mosaic) = Mosaic::of(&file, &image, data_set) {
        mosaic.images(&mut file, image)
    } else {
        vec![image]
    };
    // Frames of which none is placed are a sequence: one header stands for them all.
    let placed = images.iter().any(|header| header.position.is_some());
    file.places_frames &= placed;
    if file.frames > 1 && !file.places_frames && !is_divided(&images, file.frames) {
        images.truncate(1);
        for header in &mut images {
            *header = Header { count: file.frames, frame: 0, position: None, ..header.clone() };
        }
    }
    let file = Arc::new(file);
    Ok(images.into_iter().map(|header| Header { file: file.clone(), ..header }).collect())
}

/// Whether these stand for several runs of frames already.
fn is_divided(images: &[Header], frames: u32) -> bool {
    images.iter().all(|h| h.position.is_none())
        && images.iter().map(|h| h.count).sum::<u32>() == frames
        && images.iter().any(|h| h.distinctions.detector.is_some() || h.distinctions.energy_window.is_some())
}

/// The frames that functional groups describe.
fn in_groups(
    file: &mut FileHeader,
    image: Header,
    groups: FunctionalGroups<'_>,
    interner: &Interner,
) -> Vec<Header> {
    let items = groups.items();
    let frames = file.frames;
    file.places_frames = true;
    // An excerpt of a file whose items were all kept: the first belong to its frames.
    file.more_items_than_frames = items.is_some_and(|items| items > frames as usize);
    if items.is_some_and(|items| items < frames as usize) {
        file.defect = Some(Box::new(Defect {
            what: "PerFrameFunctionalGroupsSequence",
            expected: format!("{frames} items, one per frame, or more"),
            found: items.unwrap_or(0).to_string(),
        }));
    } else if frames > MOST_PLACED {
        file.defect = Some(Box::new(Defect {
            what: "NumberOfFrames",
            expected: format!("at most {MOST_PLACED} placed frames"),
            found: frames.to_string(),
        }));
    }
    // As many as are described: nothing is allocated for frames that are only claimed.
    let described = items.map_or(1, |items| u32::try_from(items).unwrap_or(u32::MAX)).max(1);
    groups.frames(&image, frames.min(described).min(MOST_PLACED), interner)
}

/// The planes of a dose (PS3.3 C.8.8.3): each as far from the first as GridFrameOffsetVector says.
fn dose(file: &mut FileHeader, image: Header, data_set: DataSet<'_>) -> Vec<Header> {
    let defect = |what, expected: &str, found: String| {
        Some(Box::new(Defect { what, expected: expected.to_string(), found }))
    };
    if image.slope.is_none() {
        file.defect = defect("DoseGridScaling", "a number", "none".to_string());
    }
    if file.frames == 1 {
        return vec![image];
    }
    file.places_frames = true;
    let vector = data_set.get(tags::GRID_FRAME_OFFSET_VECTOR);
    let offsets = vector.and_then(|e| e.decimal_list()).unwrap_or_default();
    let place = image.position.zip(image.orientation);
    let first = offsets.first().copied().unwrap_or(0.0);
    let step = place.and_then(|(position, orientation)| dose_direction(first, position, orientation));
    match place.zip(step) {
        _ if offsets.len() != file.frames as usize => {
            let expected = format!("{} offsets, one per frame", file.frames);
            file.defect = defect("GridFrameOffsetVector", &expected, offsets.len().to_string());
        }
        Some(((origin, _), direction)) if file.frames <= MOST_PLACED => {
            let plane = |(frame, offset): (u32, &f64)| {
                let along = offset - first;
                let position = std::array::from_fn(|axis| origin[axis] + direction[axis] * along);
                Header { frame, position: Some(position), ..image.clone() }
            };
            return (0..).zip(&offsets).map(plane).collect();
        }
        _ => {
            let expected = "offsets from the first plane, which start with 0, or its z coordinates";
            file.defect = defect("GridFrameOffsetVector", expected, first.to_string());
        }
    }
    vec![image]
}

/// The direction in which offsets grow: the normal of the planes where they start with 0; z where they are z coordinates, which
/// only transverse planes may have.
fn dose_direction(first: f64, position: [f64; 3], [a, b, c, d, e, f]: [f64; 6]) -> Option<[f64; 3]> {
    if first == 0.0 {
        return Some([b * f - c * e, c * d - a * f, a * e - b * d]);
    }
    let transverse = [b, c, d, f].iter().all(|x| x.abs() < SAME_POSITION);
    (transverse && (first - position[2]).abs() < SAME_POSITION).then_some([0.0, 0.0, 1.0])
}
