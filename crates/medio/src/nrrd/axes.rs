//! Which axes are in space, and where the voxels are.

use std::path::Path;

use medcore::{Affine3, Geometry, Lps, Voxel};

use super::header::{Axis, Header};
use super::report::{Note, Space};
use crate::error::{Error, Result};

/// Kinds of axes that count positions (`nrrdKind`); an axis without a kind may be one too.
const IN_SPACE: [&str; 4] = ["domain", "space", "", "???"];
/// Groups of numbers that are held at a time to pick one of.
const MAX_COMPONENTS: usize = 1 << 16;

/// The axes in their roles.
pub(super) struct Axes {
    /// The up to three axes in space, as numbers of axes.
    spatial: Vec<usize>,
    /// `[slices, rows, columns]`.
    pub(super) size: [usize; 3],
    /// Volumes that alternate from number to number.
    pub(super) inner: usize,
    /// Volumes that follow one another.
    pub(super) outer: usize,
}

impl Axes {
    pub(super) fn new(header: &Header, path: &Path) -> Result<Self> {
        let axes = &header.axes;
        let spatial: Vec<usize> =
            axes.iter().enumerate().filter(|(_, a)| in_space(a, header)).map(|(i, _)| i).collect();
        let unsupported = |what, found: String| Err(Error::Unsupported { path: path.into(), what, found });
        let (Some(&first), Some(&last), 2..=3) = (spatial.first(), spatial.last(), spatial.len()) else {
            let found = format!("{} of {}; a volume has 2 or 3", spatial.len(), axes.len());
            return unsupported("number of NRRD axes in space:", found);
        };
        if last - first + 1 != spatial.len() {
            return unsupported("NRRD axis", "that is not in space between two that are".into());
        }
        let product = |part: &[Axis]| part.iter().map(|axis| axis.size).product::<usize>();
        let (before, rest) = axes.split_at(first);
        let (within, after) = rest.split_at(spatial.len());
        let inner = product(before);
        if inner > MAX_COMPONENTS {
            return unsupported("NRRD components", format!("{inner}; at most {MAX_COMPONENTS}"));
        }
        let extent = |i: usize| within.get(i).map_or(1, |axis| axis.size);
        Ok(Self { size: [extent(2), extent(1), extent(0)], spatial, inner, outer: product(after) })
    }

    /// How many volumes there are.
    pub(super) const fn volumes(&self) -> usize {
        self.inner * self.outer
    }

    /// Where the voxels are.
    pub(super) fn geometry(&self, header: &Header, path: &Path, notes: &mut Vec<Note>) -> Result<Geometry> {
        let placed = if header.has_directions {
            self.directions(header, path, notes)?
        } else {
            self.spacings(header, notes)
        };
        if !matches!(header.space, Some(Space::Lps | Space::Ras | Space::Las)) {
            notes.push(Note::LpsAssumed);
        }
        Geometry::new(self.size, placed).map_err(|source| Error::Geometry { path: path.into(), source })
    }

    /// `space directions` and `space origin`.
    fn directions(&self, header: &Header, path: &Path, notes: &mut Vec<Note>) -> Result<Affine3<Voxel, Lps>> {
        let signs = header.space.as_ref().map_or([1.0; 3], Space::signs);
        let factor = unit_factor(header.space_units.iter().take(3), notes);
        let to_lps = |vector: &[f64]| -> Result<[f64; 3]> {
            if vector.len() > 4 || vector.len() < 2 || vector.get(3).is_some_and(|t| *t != 0.0) {
                let found = format!("{vector:?}");
                return Err(Error::Unsupported { path: path.into(), what: "NRRD vector in space", found });
            }
            Ok(std::array::from_fn(|i| vector.get(i).copied().unwrap_or(0.0) * signs[i] * factor))
        };
        let mut columns = [[0.0; 3]; 3];
        for (column, axis) in columns.iter_mut().zip(&self.spatial) {
            let direction = header.axes.get(*axis).and_then(|a| a.direction.as_ref());
            *column = to_lps(direction.map(Vec::as_slice).unwrap_or_default())?;
        }
        if self.spatial.len() == 2 {
            columns[2] = normal(columns[0], columns[1]);
        }
        let origin = match &header.origin {
            // The fourth coordinate is the time.
            Some(origin) => to_lps(origin.get(..3).unwrap_or(origin))?,
            None => {
                notes.push(Note::OriginAssumed);
                [0.0; 3]
            }
        };
        Ok(Affine3::new(std::array::from_fn(|r| std::array::from_fn(|c| columns[c][r])), origin))
    }

    /// `spacings`, or `axis mins` and `axis maxs`, without directions.
    fn spacings(&self, header: &Header, notes: &mut Vec<Note>) -> Affine3<Voxel, Lps> {
        let mut linear = [[0.0; 3], [0.0; 3], [0.0, 0.0, 1.0]];
        let mut origin = [0.0; 3];
        let factor = unit_factor(
            self.spatial.iter().filter_map(|i| header.axes.get(*i)).map(|axis| &axis.unit),
            notes,
        );
        let starts = self.spatial.iter().all(|i| header.axes.get(*i).is_some_and(|a| a.min.is_some()));
        for (row, number) in self.spatial.iter().enumerate() {
            let Some(axis) = header.axes.get(*number) else { continue };
            let step = step(axis).unwrap_or_else(|| {
                notes.push(Note::SpacingAssumed { axis: *number });
                1.0
            });
            linear[row][row] = step * factor;
            if let Some(min) = axis.min.filter(|_| starts) {
                // The minimum of a cell is its border; cells are the default of the format.
                let half = if axis.centering == "node" { 0.0 } else { step / 2.0 };
                origin[row] = (min + half) * factor;
            }
        }
        if !starts {
            notes.push(Note::OriginAssumed);
        }
        Affine3::new(linear, origin)
    }
}

/// Whether an axis counts positions in space.
fn in_space(axis: &Axis, header: &Header) -> bool {
    if header.has_directions {
        // The direction of time is the fourth coordinate alone.
        let time = |d: &Vec<f64>| d.len() == 4 && d.iter().take(3).all(|x| *x == 0.0);
        return axis.direction.as_ref().is_some_and(|d| !time(d));
    }
    IN_SPACE.contains(&axis.kind.as_str())
}

fn step(axis: &Axis) -> Option<f64> {
    axis.spacing.or_else(|| {
        let intervals = if axis.centering == "node" { axis.size.saturating_sub(1) } else { axis.size };
        Some((axis.max? - axis.min?) / intervals.max(1) as f64)
    })
}

/// The unit vector across two.
fn normal(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    let n = [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
    let length = n.iter().map(|x| x * x).sum::<f64>().sqrt();
    n.map(|x| x / length)
}

/// Millimetres in the unit that all axes share.
fn unit_factor<'a>(units: impl Iterator<Item = &'a String>, notes: &mut Vec<Note>) -> f64 {
    let units: Vec<&str> = units.map(String::as_str).collect();
    let (Some(first), true) = (units.first(), units.windows(2).all(|pair| pair.first() == pair.last()))
    else {
        if !units.is_empty() {
            notes.push(Note::UnknownUnit { name: units.join(" ") });
        }
        return 1.0;
    };
    let factor = match first.to_ascii_lowercase().as_str() {
        "" | "mm" | "millimeter" | "millimeters" | "millimetre" | "millimetres" => return 1.0,
        "m" | "meter" | "meters" | "metre" | "metres" => 1e3,
        "cm" => 10.0,
        "um" | "µm" | "μm" | "micron" | "microns" | "micrometer" | "micrometers" => 1e-3,
        "nm" => 1e-6,
        _ => {
            notes.push(Note::UnknownUnit { name: (*first).into() });
            return 1.0;
        }
    };
    notes.push(Note::UnitsConverted { factor });
    factor
}
