//! What was found.

use std::path::PathBuf;

use medprompt::inference::Component;

/// What sizes are counted in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unit {
    /// Pixels of a picture whose spacing is not known.
    Pixels,
    /// Square millimetres; how many a pixel has.
    SquareMillimetres(f64),
    /// Cubic millimetres; how many a voxel has.
    CubicMillimetres(f64),
}

/// An area or a volume.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Size {
    /// Pixels or voxels.
    pub elements: usize,
    /// What they are counted in.
    pub unit: Unit,
}

/// What was found of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassFindings {
    /// The class.
    pub class: u16,
    /// What it is called.
    pub name: String,
    /// Its objects: connected parts, so that those that touch count as one.
    pub objects: Vec<Component>,
    /// All of them.
    pub size: Size,
    /// Overlap with the truth (Dice), where there is one.
    pub dice: Option<f64>,
}

/// What was found in an input.
#[derive(Debug, Clone, PartialEq)]
pub struct Findings {
    /// What the input is.
    pub input: String,
    /// Pixels or voxels of the input.
    pub elements: usize,
    /// Of every class but the background.
    pub classes: Vec<ClassFindings>,
    /// The files that were written.
    pub written: Vec<PathBuf>,
    /// What should be known beside.
    pub notes: Vec<String>,
    /// Seconds to load the model, and to segment.
    pub seconds: [f64; 2],
}

impl Unit {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pixels => "px",
            Self::SquareMillimetres(_) => "mm2",
            Self::CubicMillimetres(_) => "mm3",
        }
    }

    /// So many pixels or voxels.
    pub fn of(self, elements: usize) -> f64 {
        elements as f64
            * match self {
                Self::Pixels => 1.0,
                Self::SquareMillimetres(each) | Self::CubicMillimetres(each) => each,
            }
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.unit {
            Unit::Pixels => write!(f, "{} px", self.elements),
            Unit::CubicMillimetres(_) if self.unit.of(self.elements) >= 1e4 => {
                write!(f, "{:.1} ml", self.unit.of(self.elements) / 1e3)
            }
            unit => write!(f, "{:.1} {}", unit.of(self.elements), unit.name()),
        }
    }
}

impl ClassFindings {
    /// The middle one of the objects' sizes; the larger of two middle ones. None without objects.
    pub fn median(&self) -> Option<Size> {
        let mut sizes: Vec<usize> = self.objects.iter().map(|object| object.voxels).collect();
        sizes.sort_unstable();
        sizes.get(sizes.len() / 2).map(|&elements| Size { elements, unit: self.size.unit })
    }

    fn rows(&self, total: usize) -> Vec<[String; 2]> {
        let part = 100.0 * self.size.elements as f64 / total.max(1) as f64;
        let mut rows = vec![
            [self.name.clone(), format!("{} objects (touching ones count as one)", self.objects.len())],
            [String::new(), format!("{} in all, {part:.1} % of the input", self.size)],
        ];
        if let Some(median) = self.median() {
            let extreme = |size: Option<usize>| {
                let size = Size { elements: size.unwrap_or(0), unit: self.size.unit };
                size.to_string()
            };
            let sizes = || self.objects.iter().map(|object| object.voxels);
            let (least, most) = (extreme(sizes().min()), extreme(sizes().max()));
            rows.push([String::new(), format!("median {median}, from {least} to {most}")]);
        }
        if let Some(dice) = self.dice {
            rows.push([String::new(), format!("Dice {dice:.3} against the truth")]);
        }
        rows
    }
}

impl Findings {
    /// As rows of name and text.
    pub fn rows(&self) -> Vec<[String; 2]> {
        let [load, segment] = self.seconds;
        let mut rows = vec![["input".to_string(), self.input.clone()]];
        rows.extend(self.classes.iter().flat_map(|class| class.rows(self.elements)));
        rows.push(["time".to_string(), format!("{segment:.2} s, and {load:.2} s for the weights")]);
        rows.extend(self.notes.iter().map(|note| ["note".to_string(), note.clone()]));
        rows.extend(self.written.iter().map(|path| ["written".to_string(), path.display().to_string()]));
        rows
    }
}
