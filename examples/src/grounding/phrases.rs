//! Phrases and boxes out of label maps: structures by name, and by how they lie to one another.
//!
//! In an image that lies as the [`View`] says, and for the patient's left and right.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use medcore::{LabelMap, PixelBox, Volume};
use medground::data::Laterality;
use ndarray::ArrayView2;
use serde_json::json;

use crate::error::{Error, Result};
use crate::input;
use crate::picture::Canvas;

/// How slices lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum View {
    /// Rows from front to back, columns from the patient's right to the left.
    Axial,
    /// Rows from head to foot, columns from the patient's right to the left.
    Coronal,
}

impl View {
    /// The orientation of a volume of such slices: columns, rows and slices grow towards these.
    const fn orientation(self) -> &'static str {
        match self {
            Self::Axial => "LPS",
            Self::Coronal => "LIP",
        }
    }

    /// What lies up and down in the picture.
    const fn upward(self) -> [&'static str; 2] {
        match self {
            Self::Axial => ["in front of", "behind"],
            Self::Coronal => ["above", "below"],
        }
    }
}

/// A structure in a slice.
#[derive(Debug, Clone, PartialEq)]
pub struct Structure {
    /// What it is called, such as "left kidney".
    pub name: String,
    /// The smallest box around it.
    pub bounds: PixelBox,
    /// Pixels.
    pub area: usize,
}

/// A phrase that stands for one box in a slice.
#[derive(Debug, Clone, PartialEq)]
pub struct SlicePhrase {
    /// The phrase.
    pub text: String,
    /// The box.
    pub bounds: PixelBox,
    /// Whether it says how the structure lies, rather than its name.
    pub is_relation: bool,
}

/// The name of a structure in words: `kidney_left` and `Kidney_L` are "left kidney"; abbreviations of the AAL atlas are spelt out.
///
/// ```
/// use medburn_examples::grounding::phrases::in_words;
/// assert_eq!(in_words("lung_lower_lobe_left"), "left lung lower lobe");
/// assert_eq!(in_words("Frontal_Sup_R"), "right frontal superior");
/// assert_eq!(in_words("rib_right_10"), "right rib 10");
/// ```
pub fn in_words(label: &str) -> String {
    let (mut side, mut words) = (None, Vec::new());
    for part in label.split(['_', ' ', '-']).filter(|part| !part.is_empty()) {
        match part {
            "L" | "left" | "Left" => side = Some("left"),
            "R" | "right" | "Right" => side = Some("right"),
            _ => words.push(spelt_out(&part.to_lowercase()).to_string()),
        }
    }
    side.into_iter().map(str::to_string).chain(words).collect::<Vec<_>>().join(" ")
}

fn spelt_out(word: &str) -> &str {
    match word {
        "sup" => "superior",
        "inf" => "inferior",
        "mid" => "middle",
        "med" => "medial",
        "ant" => "anterior",
        "post" => "posterior",
        "orb" => "orbital",
        "oper" => "opercular",
        "tri" => "triangular",
        "supp" => "supplementary",
        "cerebelum" => "cerebellum",
        other => other,
    }
}

/// The structures of a slice with at least `least_pixels`.
///
/// # Errors
/// [`Error::Volume`] when a box cannot be made.
pub fn structures(
    slice: &ArrayView2<'_, u16>,
    names: &BTreeMap<u16, String>,
    least_pixels: usize,
) -> Result<Vec<Structure>> {
    let mut found: BTreeMap<u16, ([usize; 4], usize)> = BTreeMap::new();
    for ((row, column), &label) in slice.indexed_iter().filter(|(_, label)| names.contains_key(label)) {
        let (b, area) = found.entry(label).or_insert(([column, row, column, row], 0));
        *b = [b[0].min(column), b[1].min(row), b[2].max(column), b[3].max(row)];
        *area += 1;
    }
    found
        .into_iter()
        .filter(|(_, (_, area))| *area >= least_pixels)
        .map(|(label, ([x0, y0, x1, y1], area))| {
            let name = names.get(&label).cloned().unwrap_or_default();
            let [x0, y0, x1, y1] = [x0, y0, x1 + 1, y1 + 1].map(|v| v as f64);
            Ok(Structure { name, bounds: PixelBox::new(x0, y0, x1, y1)?, area })
        })
        .collect()
}

/// The phrases of a slice: each structure by its name, and those that relations single out.
///
/// - "largest structure": the one with the most pixels, where that is clear (a fifth more than the next);
/// - "structure to the left of X", of the patient, "to the right of", and up and down as the view has it: the nearest one whose
///   centre lies on that side of the box of X and whose box shares rows (or columns) with it, where that is clear (the next one is a
///   fifth of the slice's side farther away, or there is none).
pub fn phrases_of(structures: &[Structure], view: View, size: [usize; 2]) -> Vec<SlicePhrase> {
    let named = |s: &Structure| SlicePhrase { text: s.name.clone(), bounds: s.bounds, is_relation: false };
    let mut found: Vec<SlicePhrase> = structures.iter().map(named).collect();
    let mut by_area: Vec<&Structure> = structures.iter().collect();
    by_area.sort_by_key(|structure| std::cmp::Reverse(structure.area));
    if let [first, second, ..] = by_area.as_slice()
        && first.area as f64 >= 1.2 * second.area as f64
    {
        let text = "largest structure".to_string();
        found.push(SlicePhrase { text, bounds: first.bounds, is_relation: true });
    }
    let [up, down] = view.upward();
    // Columns grow towards the patient's left.
    let sides = [
        ("to the left of", [1.0, 0.0]),
        ("to the right of", [-1.0, 0.0]),
        (up, [0.0, -1.0]),
        (down, [0.0, 1.0]),
    ];
    let clear = 0.05 * size[0].max(size[1]) as f64;
    for anchor in structures {
        for (words, direction) in sides {
            if let Some(nearest) = nearest(anchor, structures, direction, clear) {
                let text = format!("structure {words} the {}", anchor.name);
                found.push(SlicePhrase { text, bounds: nearest.bounds, is_relation: true });
            }
        }
    }
    found
}

/// The nearest structure in a direction (across, down), if the next one is clearly farther.
fn nearest<'a>(
    anchor: &Structure,
    structures: &'a [Structure],
    direction: [f64; 2],
    clear: f64,
) -> Option<&'a Structure> {
    let (axis, sign) = if direction[0] == 0.0 { (1, direction[1]) } else { (0, direction[0]) };
    let range = |b: &PixelBox, axis: usize| {
        let corners = b.xyxy();
        (corners[axis], corners[axis + 2])
    };
    let middle = |b: &PixelBox, axis: usize| {
        let (low, high) = range(b, axis);
        (low + high) / 2.0
    };
    let mut candidates: Vec<(f64, &Structure)> = Vec::new();
    for other in structures.iter().filter(|other| *other != anchor) {
        let (low, high) = range(&anchor.bounds, axis);
        let edge = if sign > 0.0 { high } else { low };
        let distance = sign * (middle(&other.bounds, axis) - edge);
        let (a, b) = (range(&anchor.bounds, 1 - axis), range(&other.bounds, 1 - axis));
        let shared = a.1.min(b.1) - a.0.max(b.0);
        if distance > 0.0 && shared > 0.0 {
            candidates.push((distance, other));
        }
    }
    candidates.sort_by(|a, b| a.0.total_cmp(&b.0));
    match candidates.as_slice() {
        [only] => Some(only.1),
        [first, second, ..] if second.0 - first.0 >= clear => Some(first.1),
        _ => None,
    }
}

/// Which slices are tested on: blocks, with slices next to them that are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    /// Tested blocks, evenly spread.
    pub blocks: usize,
    /// Slices of each.
    pub slices: usize,
    /// Slices beside each block that are in no split.
    pub gap: usize,
}

impl Blocks {
    /// The split of a slice: `test`, `train`, or none.
    pub fn split(&self, slice: usize, slices: usize) -> Option<&'static str> {
        let start = |block: usize| {
            let middle = (2 * block + 1) * slices / (2 * self.blocks);
            middle.saturating_sub(self.slices / 2)
        };
        let starts: Vec<usize> = (0..self.blocks).map(start).collect();
        if starts.iter().any(|start| (*start..start + self.slices).contains(&slice)) {
            return Some("test");
        }
        let near = |start: &usize| slice + self.gap >= *start && slice < start + self.slices + self.gap;
        if starts.iter().any(near) { None } else { Some("train") }
    }
}

/// Arguments of `ground-train phrases`.
#[derive(Args, Debug, Clone)]
pub struct PhraseArgs {
    /// The scan: a file or DICOM folder.
    #[arg(long)]
    scan: PathBuf,
    /// Its label map, on the same grid.
    #[arg(long)]
    labels: PathBuf,
    /// Names of the labels: a number and a name on each line, as in atlases.
    #[arg(long)]
    names: PathBuf,
    /// Folder for slices as PNG files and phrases.jsonl.
    #[arg(long)]
    output: PathBuf,
    /// How slices lie.
    #[arg(long, value_enum, default_value = "axial")]
    view: View,
    /// Each how many-th slice is taken.
    #[arg(long, default_value_t = 1)]
    every: usize,
    /// Structures with fewer pixels in a slice are left out.
    #[arg(long, default_value_t = 20)]
    least_pixels: usize,
    /// Values that become black and white.
    #[arg(long, value_delimiter = ',', allow_hyphen_values = true, default_values_t = [-160.0, 240.0], value_name = "LOW,HIGH")]
    window: Vec<f32>,
    /// Blocks of slices that are tested on.
    #[arg(long, default_value_t = 2)]
    blocks: usize,
    /// Slices of each block, of those that are taken.
    #[arg(long, default_value_t = 4)]
    block_slices: usize,
    /// Slices beside a block that are left out, of those that are taken: neighbours are near copies.
    #[arg(long, default_value_t = 2)]
    gap: usize,
}

/// Writes slices, and their phrases as JSON Lines: `phrases.jsonl` with relations, `anatomy.jsonl` with names.
///
/// A slice is a patient there, so that intervals draw whole slices: they say nothing of other patients.
///
/// # Errors
/// [`Error::Unfit`] when scan and labels have other grids, or nothing is found; as the readers.
pub fn write(args: &PhraseArgs) -> Result<()> {
    let scan = input::read(&args.scan, None)?.volume;
    let labels = medio::read_labels(&args.labels)?;
    if !scan.geometry().is_close(labels.geometry(), 1e-3) {
        let (expected, found) = (format!("{:?}", scan.size()), format!("{:?}", labels.volume().size()));
        return Err(Error::Unfit { what: "the grid of the labels", expected, found });
    }
    let names = read_names(&args.names)?;
    create(&args.output)?;
    let blocks = Blocks { blocks: args.blocks, slices: args.block_slices, gap: args.gap };
    let slices = slices_of(&scan, &labels, args)?;
    let (mut anatomy, mut relations) = (String::new(), String::new());
    let mut counts = BTreeMap::new();
    for (at, (image, label)) in slices.iter().enumerate() {
        let Some(split) = blocks.split(at, slices.len()) else { continue };
        let size = [image.height(), image.width()];
        let found = structures(&label.view(), &names, args.least_pixels)?;
        let name = format!("{at:03}.png");
        image.write_png(args.output.join(&name))?;
        for phrase in phrases_of(&found, args.view, size) {
            let line = json!({
                "image": name, "width": size[1], "height": size[0], "phrase": phrase.text,
                "box_xywh": phrase.bounds.xywh(), "patient": format!("slice {at:03}"), "split": split,
            });
            let file = if phrase.is_relation { &mut relations } else { &mut anatomy };
            *file += &format!("{line}\n");
            *counts.entry((split, phrase.is_relation)).or_insert(0usize) += 1;
        }
    }
    for ((split, is_relation), count) in &counts {
        println!("{split}: {count} {}", if *is_relation { "relations" } else { "names" });
    }
    for (file, text) in [("anatomy.jsonl", anatomy), ("phrases.jsonl", relations)] {
        let path = args.output.join(file);
        std::fs::write(&path, text).map_err(|source| Error::Io { path, source })?;
    }
    Ok(())
}

/// Slices in the view: pictures, and labels of the same size.
fn slices_of(
    scan: &Volume<f32>,
    labels: &LabelMap,
    args: &PhraseArgs,
) -> Result<Vec<(Canvas, ndarray::Array2<u16>)>> {
    let (scan, labels) = (scan.reorient(args.view.orientation())?, labels.reorient(args.view.orientation())?);
    let (low, high) = match args.window.as_slice() {
        &[low, high] if low < high => (low, high),
        other => {
            let (expected, found) = ("a low and a high value".to_string(), format!("{other:?}"));
            return Err(Error::Unfit { what: "--window", expected, found });
        }
    };
    let mut slices = Vec::new();
    for index in (0..scan.size()[0]).step_by(args.every.max(1)) {
        let (Some(grey), Some(label)) = (scan.slice(index), labels.volume().slice(index)) else { continue };
        let mut canvas = Canvas::new(grey.ncols(), grey.nrows(), [0; 3])?;
        canvas.blit_grey(0, 0, &grey.mapv(|v| (v - low) / (high - low)).view());
        slices.push((canvas, label.to_owned()));
    }
    Ok(slices)
}

/// Lines of a number and a name; what comes after is passed over.
fn read_names(path: &Path) -> Result<BTreeMap<u16, String>> {
    let text =
        std::fs::read_to_string(path).map_err(|source| Error::Io { path: path.to_path_buf(), source })?;
    let line = |line: &str| {
        let mut parts = line.split_whitespace();
        Some((parts.next()?.parse().ok()?, in_words(parts.next()?)))
    };
    let names: BTreeMap<u16, String> = text.lines().filter_map(line).collect();
    if names.is_empty() {
        let (expected, found) = ("lines of a number and a name".to_string(), "none".to_string());
        return Err(Error::Unfit { what: "--names", expected, found });
    }
    Ok(names)
}

/// Whether the side that a name says is that of the patient where its box lies, in slices whose columns grow towards the left: for checks
/// of label maps. None for a name without a side.
pub fn lies_on_its_side(structure: &Structure, middle: f64) -> Option<bool> {
    let [x0, _, x1, _] = structure.bounds.xyxy();
    match Laterality::of(&structure.name) {
        Laterality::Left => Some((x0 + x1) / 2.0 > middle),
        Laterality::Right => Some((x0 + x1) / 2.0 < middle),
        _ => None,
    }
}

fn create(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|source| Error::Io { path: folder.to_path_buf(), source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use medcore::{Geometry, Point3, Spacing};
    use ndarray::{Array2, Array3, s};

    fn named(names: &[(u16, &str)]) -> BTreeMap<u16, String> {
        names.iter().map(|(label, name)| (*label, (*name).to_string())).collect()
    }

    fn text_of<'a>(found: &'a [SlicePhrase], text: &str) -> Option<&'a SlicePhrase> {
        found.iter().find(|phrase| phrase.text == text)
    }

    /// Left of the patient is at the right of the picture, whatever way the file stores its voxels.
    #[test]
    fn left_is_the_patients_left_in_every_orientation() {
        let geometry =
            Geometry::axial([3, 20, 30], Spacing::isotropic(1.0), Point3::new(0.0, 0.0, 0.0)).unwrap();
        // Columns grow towards the left, rows to the back: the left kidney has high columns.
        let mut voxels = Array3::<u16>::zeros([3, 20, 30]);
        voxels.slice_mut(s![.., 10..15, 22..27]).fill(1);
        voxels.slice_mut(s![.., 10..15, 3..8]).fill(2);
        voxels.slice_mut(s![.., 2..4, 12..18]).fill(3);
        let lps = LabelMap::new(Volume::new(voxels, geometry).unwrap());
        let names = named(&[(1, "left kidney"), (2, "right kidney"), (3, "front")]);
        for stored in ["LPS", "RAS", "PIR", "SAL", "RPI"] {
            let labels = lps.reorient(stored).unwrap();
            for view in [View::Axial, View::Coronal] {
                let turned = labels.reorient(view.orientation()).unwrap();
                let middle = if view == View::Axial { 1 } else { 12 };
                let slice = turned.volume().slice(middle).unwrap();
                let size = [slice.nrows(), slice.ncols()];
                let found = structures(&slice, &names, 1).unwrap();
                for structure in found.iter().filter(|s| s.name != "front") {
                    assert_eq!(lies_on_its_side(structure, size[1] as f64 / 2.0), Some(true), "{stored}");
                }
                let phrases = phrases_of(&found, view, size);
                let of = |text: &str| text_of(&phrases, text).map(|p| p.bounds);
                let kidney = |name: &str| found.iter().find(|s| s.name == name).map(|s| s.bounds);
                assert_eq!(
                    of("structure to the left of the right kidney"),
                    kidney("left kidney"),
                    "{stored}"
                );
                assert_eq!(of("structure to the right of the left kidney"), kidney("right kidney"));
                assert_eq!(of("structure to the left of the left kidney"), None);
                assert_eq!(of("structure to the right of the right kidney"), None);
            }
        }
    }

    #[test]
    fn up_and_down_are_named_by_the_view() {
        let mut slice = Array2::<u16>::zeros([40, 40]);
        slice.slice_mut(s![2..8, 10..20]).fill(1);
        slice.slice_mut(s![25..38, 8..24]).fill(2);
        let names = named(&[(1, "a"), (2, "b"), (3, "absent")]);
        let found = structures(&slice.view(), &names, 10).unwrap();
        assert_eq!(found[0].bounds.xyxy(), [10.0, 2.0, 20.0, 8.0]);
        assert_eq!(found[1].area, 13 * 16);
        let axial = phrases_of(&found, View::Axial, [40, 40]);
        assert_eq!(text_of(&axial, "structure behind the a").unwrap().bounds, found[1].bounds);
        assert_eq!(text_of(&axial, "structure in front of the b").unwrap().bounds, found[0].bounds);
        assert_eq!(text_of(&axial, "structure behind the b"), None);
        let coronal = phrases_of(&found, View::Coronal, [40, 40]);
        assert_eq!(text_of(&coronal, "structure below the a").unwrap().bounds, found[1].bounds);
        assert_eq!(text_of(&coronal, "largest structure").unwrap().bounds, found[1].bounds);
        assert_eq!(coronal.iter().filter(|p| !p.is_relation).count(), 2);
        // Another one that is as near makes it unclear.
        slice.slice_mut(s![26..37, 25..36]).fill(3);
        slice.slice_mut(s![2..8, 10..30]).fill(1);
        let found = structures(&slice.view(), &names, 10).unwrap();
        let axial = phrases_of(&found, View::Axial, [40, 40]);
        assert_eq!(text_of(&axial, "structure behind the a"), None);
        assert!(structures(&slice.view(), &names, 10_000).unwrap().is_empty());
    }

    #[test]
    fn tested_slices_have_no_neighbour_that_is_learnt_from() {
        let blocks = Blocks { blocks: 2, slices: 4, gap: 2 };
        let splits: Vec<_> = (0..30).map(|slice| blocks.split(slice, 30)).collect();
        for (at, split) in splits.iter().enumerate().filter(|(_, split)| **split == Some("test")) {
            assert!(splits[at - 2..=at + 2].iter().all(|s| *s != Some("train")), "{at} {split:?}");
        }
        let count = |split| splits.iter().filter(|s| **s == split).count();
        assert_eq!((count(Some("test")), count(None), count(Some("train"))), (8, 8, 14));
        let none = Blocks { blocks: 0, slices: 4, gap: 2 };
        assert_eq!(none.split(3, 30), Some("train"));
    }
}
