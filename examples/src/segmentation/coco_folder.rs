//! Images with annotations in COCO's format.

use std::path::Path;

use medprompt::data::CocoAnnotations;

use super::item::{Cutting, Item, Source, read_image};
use super::manifest::{Manifest, stem};
use crate::error::{Error, Result};
use crate::progress;

/// The items of a folder of PNG images with a file of annotations; classes are its categories, which
/// come with them. Says how many rows were left out, and why.
///
/// Images of other formats, and images that are not there, are left out too.
///
/// # Errors
/// [`Error::Io`], [`Error::Png`]; [`Error::Unfit`] when no image is there; [`Error::Segmentation`] for annotations that do not parse, and
/// for images of another size than they say.
pub fn read_coco(
    images: &Path,
    annotations: &Path,
    manifest: Option<&Manifest>,
    crowds: bool,
    cutting: &Cutting,
) -> Result<(Vec<Item>, Vec<String>)> {
    let io = |source| Error::Io { path: annotations.to_path_buf(), source };
    let found = CocoAnnotations::parse(&std::fs::read_to_string(annotations).map_err(io)?)?;
    for row in &found.dropped {
        println!("left out  {:?} (id {})", row.reason, row.id.map_or("none".into(), |id| id.to_string()));
    }
    let bar = progress::bar(found.images.len(), "images");
    let mut items = Vec::new();
    for image in &found.images {
        bar.inc(1);
        // A name alone: what an annotation says must not lead out of the folder.
        let Some(name) = Path::new(&image.file_name).file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        let (path, stem) = (images.join(name), stem(name));
        let listed = manifest.is_none_or(|manifest| manifest.get(stem).is_some());
        if listed && name.to_ascii_lowercase().ends_with(".png") && path.exists() {
            let source = Source::of(stem, manifest);
            items.extend(cutting.items(read_image(&path)?, image.mask(crowds), &source)?);
        }
    }
    bar.finish_and_clear();
    if items.is_empty() {
        let expected = format!("PNG images that the annotations name, of {}", found.images.len());
        return Err(Error::Unfit { what: "the folder", expected, found: "none".into() });
    }
    Ok((items, found.categories))
}
