//! Annotations in COCO's format ("Microsoft COCO: Common Objects in Context", arXiv 1405.0312; object detection format).

use std::collections::HashMap;

use ndarray::{Array2, Zip};
use serde::Deserialize;
use serde_json::Value;

use super::polygon::fill;
use super::rle::{MAX_PIXELS, RunLengths};
use crate::error::{Error, Result};

/// How far outside of its image a point may be, in pixels.
const MARGIN: f64 = 4096.0;

/// Images with the objects in them.
#[derive(Debug, Clone, PartialEq)]
pub struct CocoAnnotations {
    /// In the order of the file.
    pub images: Vec<CocoImage>,
    /// Names of the classes, from class 1 on, in ascending order of their `id`.
    pub categories: Vec<String>,
    /// What was left out.
    pub dropped: Vec<DroppedRow>,
}

/// An image.
#[derive(Debug, Clone, PartialEq)]
pub struct CocoImage {
    /// Its file.
    pub file_name: String,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// What is in it, in the order of the file.
    pub objects: Vec<CocoObject>,
}

/// An object, or a crowd of them.
#[derive(Debug, Clone, PartialEq)]
pub struct CocoObject {
    /// The class, from 1.
    pub class: u16,
    /// Whether it is a region of several objects that nobody told apart (`iscrowd`).
    pub crowd: bool,
    shape: Shape,
}

#[derive(Debug, Clone, PartialEq)]
enum Shape {
    Polygons(Vec<Vec<[f64; 2]>>),
    Runs(RunLengths),
}

/// A row of `annotations` or `images` that is no object or image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedRow {
    /// Its `id`, if it has one.
    pub id: Option<i64>,
    /// Why.
    pub reason: DropReason,
}

/// Why a row was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// A field is missing or of another type.
    Malformed,
    /// An image without pixels, or with more than 2^28, or with the `id` of another one.
    ImageSize,
    /// No image has its `image_id`.
    UnknownImage,
    /// No category has its `category_id`.
    UnknownCategory,
    /// It has a box alone.
    NoSegmentation,
    /// Polygons with fewer than three points, with half a point, or with places that are not finite or far outside of the image.
    Polygon,
    /// Run lengths that are not those of a mask of the image's size.
    RunLengths,
}

/// A file, row by row: one bad row spoils no other.
#[derive(Deserialize)]
struct File {
    images: Vec<Value>,
    annotations: Vec<Value>,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Category {
    id: i64,
    name: String,
}

#[derive(Deserialize)]
struct ImageRow {
    id: i64,
    file_name: String,
    height: usize,
    width: usize,
}

#[derive(Deserialize)]
struct AnnotationRow {
    image_id: i64,
    category_id: i64,
    #[serde(default)]
    segmentation: Option<Value>,
    #[serde(default)]
    iscrowd: Option<u8>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Segmentation {
    Polygons(Vec<Vec<f64>>),
    Runs { counts: Counts, size: [usize; 2] },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Counts {
    List(Vec<u32>),
    Text(String),
}

impl CocoAnnotations {
    /// Reads the text of a file of annotations. Rows that are no objects are left out and listed in `dropped`.
    ///
    /// # Errors
    /// [`Error::Syntax`] when it is no JSON with `images`, `annotations` and `categories`; [`Error::Config`] for two categories with one
    /// `id`, and for more than 65535.
    pub fn parse(json: &str) -> Result<Self> {
        let File { images: image_rows, annotations, mut categories } = serde_json::from_str(json)
            .map_err(|source| Error::Syntax { what: "the file of annotations".to_string(), source })?;
        categories.sort_by_key(|category| category.id);
        let twice = categories.windows(2).any(|pair| pair[0].id == pair[1].id);
        if twice || categories.len() > usize::from(u16::MAX) {
            let expected = "at most 65535, each with an id of its own";
            return Err(crate::error::config("categories", expected, categories.len()));
        }
        let class = |id: i64| categories.binary_search_by_key(&id, |category| category.id).ok();
        let mut found = Self { images: Vec::new(), categories: Vec::new(), dropped: Vec::new() };
        let mut places = HashMap::new();
        for row in image_rows {
            let id = id_of(&row);
            match image(row) {
                Ok((id, image)) if !places.contains_key(&id) => {
                    places.insert(id, found.images.len());
                    found.images.push(image);
                }
                Ok(_) => found.dropped.push(DroppedRow { id, reason: DropReason::ImageSize }),
                Err(reason) => found.dropped.push(DroppedRow { id, reason }),
            }
        }
        for row in annotations {
            let id = id_of(&row);
            match object(row, &places, &found.images, class) {
                Ok((place, object)) => found.images[place].objects.push(object),
                Err(reason) => found.dropped.push(DroppedRow { id, reason }),
            }
        }
        found.categories = categories.into_iter().map(|category| category.name).collect();
        Ok(found)
    }

    /// Number of classes, background included.
    pub const fn classes(&self) -> usize {
        self.categories.len() + 1
    }
}

impl CocoImage {
    /// The class of every pixel `[row, column]`: where objects lie over each other, that of the last one. Crowds count only with `crowds`.
    pub fn mask(&self, crowds: bool) -> Array2<u16> {
        let mut classes = Array2::zeros((self.height, self.width));
        for object in self.objects.iter().filter(|object| crowds || !object.crowd) {
            let mask = object.mask([self.height, self.width]);
            Zip::from(&mut classes).and(&mask).for_each(|to, inside| {
                if *inside {
                    *to = object.class;
                }
            });
        }
        classes
    }
}

impl CocoObject {
    /// Its pixels `[row, column]` in an image of `[rows, columns]`, as pycocotools finds them.
    pub fn mask(&self, size: [usize; 2]) -> Array2<bool> {
        match &self.shape {
            Shape::Runs(runs) => runs.mask(),
            Shape::Polygons(polygons) => {
                let mut mask = Array2::from_elem(size, false);
                for polygon in polygons {
                    mask.zip_mut_with(&fill(polygon, size), |to, inside| *to |= *inside);
                }
                mask
            }
        }
    }
}

fn id_of(row: &Value) -> Option<i64> {
    row.get("id").and_then(Value::as_i64)
}

fn image(row: Value) -> Result<(i64, CocoImage), DropReason> {
    let ImageRow { id, file_name, height, width } =
        serde_json::from_value(row).map_err(|_| DropReason::Malformed)?;
    match height.checked_mul(width) {
        Some(1..=MAX_PIXELS) => Ok((id, CocoImage { file_name, height, width, objects: Vec::new() })),
        _ => Err(DropReason::ImageSize),
    }
}

/// An object and the place of its image.
fn object(
    row: Value,
    places: &HashMap<i64, usize>,
    images: &[CocoImage],
    class: impl Fn(i64) -> Option<usize>,
) -> Result<(usize, CocoObject), DropReason> {
    let row: AnnotationRow = serde_json::from_value(row).map_err(|_| DropReason::Malformed)?;
    let place = *places.get(&row.image_id).ok_or(DropReason::UnknownImage)?;
    let class = class(row.category_id).ok_or(DropReason::UnknownCategory)?;
    let segmentation =
        row.segmentation.filter(|value| !value.is_null() && *value != Value::Array(Vec::new()));
    let segmentation = segmentation.ok_or(DropReason::NoSegmentation)?;
    let image = &images[place];
    let shape = match serde_json::from_value(segmentation).map_err(|_| DropReason::Malformed)? {
        Segmentation::Polygons(polygons) => {
            let polygons = polygons.iter().map(|polygon| points(polygon, image)).collect::<Option<_>>();
            Shape::Polygons(polygons.ok_or(DropReason::Polygon)?)
        }
        Segmentation::Runs { size, .. } if size != [image.height, image.width] => {
            return Err(DropReason::RunLengths);
        }
        Segmentation::Runs { counts, size } => {
            let runs = match counts {
                Counts::List(counts) => RunLengths::new(size, counts),
                Counts::Text(text) => RunLengths::from_compressed(size, &text),
            };
            Shape::Runs(runs.map_err(|_| DropReason::RunLengths)?)
        }
    };
    // 65535 categories at most.
    Ok((place, CocoObject { class: class as u16 + 1, crowd: row.iscrowd.unwrap_or(0) != 0, shape }))
}

fn points(polygon: &[f64], image: &CocoImage) -> Option<Vec<[f64; 2]>> {
    let (points, half) = polygon.as_chunks::<2>();
    let far = image.height.max(image.width) as f64 + MARGIN;
    let near = polygon.iter().all(|v| v.is_finite() && v.abs() <= far);
    (half.is_empty() && points.len() >= 3 && near).then(|| points.to_vec())
}
