//! Files that are there twice.

use std::collections::HashMap;
use std::sync::Arc;

use super::header::Header;
use super::study::{SkipReason, Skipped};
use super::text::Text;

/// Leaves out the images of files that are copies of others, of which the first stays; before those in archives, those that are files of their own.
pub(super) fn drop_copies(headers: Vec<Header>, skipped: &mut Vec<Skipped>) -> Vec<Header> {
    // Files with one SOPInstanceUID that are no copies of each other; nearly always one.
    let mut known: HashMap<Text, Vec<Header>> = HashMap::new();
    // The images of a file follow each other.
    let files: Vec<&[Header]> = headers.chunk_by(|a, b| Arc::ptr_eq(&a.file, &b.file)).collect();
    let mut is_kept = vec![false; files.len()];
    let in_archive =
        |file: &usize| files.get(*file).and_then(|f| f.first()).is_some_and(|h| h.location.is_in_archive());
    let (archived, plain): (Vec<usize>, Vec<usize>) = (0..files.len()).partition(in_archive);
    for file in plain.into_iter().chain(archived) {
        let (Some(first), Some(is_kept)) = (files.get(file).and_then(|f| f.first()), is_kept.get_mut(file))
        else {
            continue;
        };
        let others = known.entry(first.sop_instance.clone()).or_default();
        match others.iter().find(|other| is_copy(first, other)) {
            Some(other) if !first.sop_instance.is_empty() => skipped.push(Skipped {
                path: first.path.clone(),
                reason: SkipReason::SameInstance {
                    of: other.path.clone(),
                    same_length: other.file_length == first.file_length,
                },
            }),
            _ => {
                if others.len() < MOST_COMPARED {
                    others.push(first.clone());
                }
                *is_kept = true;
            }
        }
    }
    files
        .into_iter()
        .zip(is_kept)
        .filter(|(_, kept)| *kept)
        .flat_map(|(images, _)| images.iter().cloned())
        .collect()
}

/// Time must not grow with the square of the files that share one UID, against the standard.
const MOST_COMPARED: usize = 1000;

/// UIDs that were made anew carelessly may be all the same: copies must agree in what tells images apart, too.
fn is_copy(a: &Header, b: &Header) -> bool {
    let facts = |h: &Header| {
        (h.instance_number, h.rows, h.columns, h.frames, h.position, h.orientation, h.samples_per_pixel)
    };
    let texts = |h: &Header| (h.sop_class.clone(), h.study_uid.clone(), h.series_uid.clone());
    facts(a) == facts(b) && texts(a) == texts(b)
}
