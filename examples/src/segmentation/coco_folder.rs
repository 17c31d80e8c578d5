//! Images with annotations in COCO's format.

use std::collections::BTreeSet;
use std::path::Path;

use medprompt::data::CocoAnnotations;

use super::item::{Cutting, Item, Source, read_image};
use super::left_out::LeftOut;
use super::manifest::{Manifest, stem};
use crate::error::{Error, Result};
use crate::progress;

/// The items of a folder of images (PNG, JPEG) with a file of annotations; classes are its categories, which
/// come with them. Says how many rows were left out, and why.
///
/// Images that are not there or do not decode are left out too, and counted.
///
/// # Errors
/// [`Error::Io`]; [`Error::Unfit`] when no image is there; [`Error::Segmentation`] for annotations that do not parse, and
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
    let mut left_out = LeftOut::default();
    for image in &found.images {
        bar.inc(1);
        let name = base(&image.file_name);
        let (path, stem) = (images.join(name), stem(name));
        if manifest.is_some_and(|manifest| manifest.get(stem).is_none()) {
            continue;
        }
        if !path.is_file() {
            left_out.add("images that are not in the folder", name);
            continue;
        }
        match read_image(&path) {
            Ok(pixels) => {
                items.extend(cutting.items(pixels, image.mask(crowds), &Source::of(stem, manifest))?);
            }
            Err(error) => {
                left_out.add("images that cannot be read as PNG or JPEG", format!("{name} ({error})"))
            }
        }
    }
    bar.finish_and_clear();
    let named: BTreeSet<&str> = found.images.iter().map(|image| stem(base(&image.file_name))).collect();
    let unknown = manifest.into_iter().flat_map(Manifest::stems).filter(|stem| !named.contains(stem));
    unknown.for_each(|stem| left_out.add("of the manifest not in the annotations", stem));
    left_out.print();
    if items.is_empty() {
        let expected = format!("images that the annotations name, of {}", found.images.len());
        return Err(Error::Unfit { what: "the folder", expected, found: "none".into() });
    }
    Ok((items, found.categories))
}

/// A name alone: what an annotation says must not lead out of the folder.
fn base(file_name: &str) -> &str {
    Path::new(file_name).file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
