//! Folders of images and masks with equal names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use medprompt::data::Classes;

use super::item::{Cutting, Item, Source, read_image};
use super::left_out::LeftOut;
use super::manifest::{Manifest, stem};
use crate::error::{Error, Result};
use crate::picture_file::read_mask;
use crate::progress;

/// What images end in; masks of JPEG would have values that nobody gave.
const PICTURES: [&str; 3] = [".png", ".jpg", ".jpeg"];

/// The files of one image or volume.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) stem: String,
    pub(super) image: PathBuf,
    pub(super) mask: PathBuf,
}

/// The items of a folder of images (PNG, JPEG) and one of PNG masks. Says what has no counterpart.
///
/// # Errors
/// [`Error::Io`], [`Error::Png`], [`Error::ImageFormat`]; [`Error::Unfit`] when no image has a mask; [`Error::Segmentation`] for masks of another size than their
/// image, and for classes that there are not.
pub fn read_pairs(
    images: &Path,
    masks: &Path,
    manifest: Option<&Manifest>,
    classes: &Classes,
    cutting: &Cutting,
) -> Result<Vec<Item>> {
    let pairs = pairs(images, masks, manifest, &PICTURES, &[".png"])?;
    let bar = progress::bar(pairs.len(), "images");
    let mut items = Vec::new();
    for Pair { stem, image, mask } in pairs {
        let classes = classes.apply(read_mask(&mask)?.view())?;
        items.extend(cutting.items(read_image(&image)?, classes, &Source::of(&stem, manifest))?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(items)
}

/// Files of two folders with equal names, in their order, as far as the manifest has them. Says what has no counterpart, and what the
/// manifest has and the folder has not.
pub(super) fn pairs(
    images: &Path,
    masks: &Path,
    manifest: Option<&Manifest>,
    of_images: &[&str],
    of_masks: &[&str],
) -> Result<Vec<Pair>> {
    let listed = |stem: &str| manifest.is_none_or(|manifest| manifest.get(stem).is_some());
    let mut masks_by_stem = files(masks, of_masks)?;
    let images_by_stem = files(images, of_images)?;
    let count = images_by_stem.len();
    let mut left_out = LeftOut::default();
    for stem in manifest.into_iter().flat_map(Manifest::stems) {
        if !images_by_stem.contains_key(stem) {
            left_out.add("of the manifest not in the folder of images", stem);
        }
    }
    let mut pairs = Vec::new();
    for (stem, image) in images_by_stem.into_iter().filter(|(stem, _)| listed(stem)) {
        match masks_by_stem.remove(&stem) {
            Some(mask) => pairs.push(Pair { stem, image, mask }),
            None => left_out.add("images without a mask", stem),
        }
    }
    let without = masks_by_stem.into_keys().filter(|_| manifest.is_none());
    without.for_each(|stem| left_out.add("masks without an image", stem));
    left_out.print();
    if pairs.is_empty() {
        let found =
            format!("{count} files in {}, none with its mask in {}", images.display(), masks.display());
        let expected = format!("images and masks of equal names ({})", of_images.join(", "));
        return Err(Error::Unfit { what: "the folders", expected, found });
    }
    Ok(pairs)
}

fn files(folder: &Path, extensions: &[&str]) -> Result<BTreeMap<String, PathBuf>> {
    let io = |source| Error::Io { path: folder.to_path_buf(), source };
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let hidden = name.starts_with('.');
        if hidden || !extensions.iter().any(|end| name.to_ascii_lowercase().ends_with(end)) {
            continue;
        }
        if let Some(other) = found.insert(stem(&name).to_string(), path) {
            return Err(Error::Unfit {
                what: "a folder",
                expected: "one file of a name".into(),
                found: format!("{name} and {}", other.display()),
            });
        }
    }
    Ok(found)
}
