//! A user's clicks, boxes and scribbles.

use medsuperpixel::Superpixels;
use ndarray::{Array2, ArrayView2};

use crate::error::{Error, Result, config, shape};

/// What a user says about an image, in pixels `[row, column]`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Interaction {
    /// The object is here.
    Click([usize; 2]),
    /// The object is not here.
    Exclude([usize; 2]),
    /// The object is within this box: first row and column, and one past the last.
    Box {
        /// First row and column.
        start: [usize; 2],
        /// One past the last row and column.
        end: [usize; 2],
    },
    /// The object is along this line.
    Scribble(Vec<[usize; 2]>),
}

/// The object that a user means `[row, column]`, made of whole superpixels.
///
/// A superpixel is part of it when its mean probability is at least `threshold`, and a box, where there is one, holds more than half of
/// it. Then only what is connected with a click or scribble stays, where there are any. Superpixels that were clicked or scribbled on
/// are part of it whatever their probability, and excluded ones are not.
///
/// `probability` is that of the foreground, `[row, column]`: see [`Segmentation::probability`](super::Segmentation::probability).
///
/// # Errors
/// [`Error::Shape`] when the superpixels are not of this image; [`Error::Outside`] for places outside of it; [`Error::Config`] for an empty
/// box or scribble, no interaction at all, and a threshold outside of 0 to 1.
pub fn interactive_mask(
    probability: ArrayView2<'_, f32>,
    superpixels: &Superpixels,
    interactions: &[Interaction],
    threshold: f32,
) -> Result<Array2<bool>> {
    let Some(labels) = superpixels.slice(0).filter(|l| superpixels.is_2d() && l.dim() == probability.dim())
    else {
        let expected = format!("[1, {}, {}], as the image", probability.nrows(), probability.ncols());
        return Err(shape("superpixels", expected, &superpixels.size()));
    };
    if !(0.0..=1.0).contains(&threshold) {
        return Err(config("threshold", "0 to 1", threshold));
    }
    if interactions.is_empty() {
        return Err(config("interactions", "at least one", "none"));
    }
    let wishes = Wishes::new(interactions, labels, superpixels.count())?;
    let mut sums = vec![(0.0f64, 0usize); superpixels.count() + 1];
    for (&label, &p) in labels.iter().zip(probability) {
        let (sum, count) = &mut sums[label as usize];
        *sum += f64::from(p);
        *count += 1;
    }
    let chosen: Vec<bool> = (0..sums.len())
        .map(|label| {
            let (sum, count) = sums[label];
            let likely = count > 0 && sum / count as f64 >= f64::from(threshold);
            let within = wishes.boxed.as_ref().is_none_or(|inside| 2 * inside[label] > count);
            // Label 0 is outside of a mask.
            label > 0 && !wishes.excluded[label] && (wishes.wanted[label] || (likely && within))
        })
        .collect();
    let mask = labels.mapv(|label| chosen[label as usize]);
    if wishes.seeds.is_empty() { Ok(mask) } else { Ok(connected(&mask, &wishes.seeds)) }
}

/// What was said, by superpixel.
struct Wishes {
    wanted: Vec<bool>,
    excluded: Vec<bool>,
    /// Pixels of each superpixel within a box, where there is one.
    boxed: Option<Vec<usize>>,
    seeds: Vec<[usize; 2]>,
}

impl Wishes {
    fn new(interactions: &[Interaction], labels: ArrayView2<'_, u32>, count: usize) -> Result<Self> {
        let none = || vec![false; count + 1];
        let mut wishes = Self { wanted: none(), excluded: none(), boxed: None, seeds: Vec::new() };
        let (height, width) = labels.dim();
        let label = |at: [usize; 2]| {
            let [row, column] = at;
            let found = labels.get(at).map(|label| *label as usize);
            found.ok_or(Error::Outside { row, column, height, width })
        };
        // Of several boxes together: what two have in common counts once.
        let mut inside: Option<Array2<bool>> = None;
        for interaction in interactions {
            match interaction {
                Interaction::Click(at) => wishes.want(*at, label(*at)?),
                Interaction::Exclude(at) => wishes.excluded[label(*at)?] = true,
                Interaction::Scribble(points) if points.is_empty() => {
                    return Err(config("scribble", "at least one point", "none"));
                }
                Interaction::Scribble(points) => {
                    for at in points {
                        wishes.want(*at, label(*at)?);
                    }
                }
                Interaction::Box { start, end } => {
                    if start[0] >= end[0] || start[1] >= end[1] {
                        return Err(config("box", "a start before its end", format!("{start:?} to {end:?}")));
                    }
                    label([end[0] - 1, end[1] - 1])?;
                    let inside = inside.get_or_insert_with(|| Array2::from_elem(labels.dim(), false));
                    inside.slice_mut(ndarray::s![start[0]..end[0], start[1]..end[1]]).fill(true);
                }
            }
        }
        wishes.boxed = inside.map(|inside| {
            let mut counts = vec![0; count + 1];
            let within = labels.iter().zip(&inside).filter(|(_, inside)| **inside);
            within.for_each(|(label, _)| counts[*label as usize] += 1);
            counts
        });
        Ok(wishes)
    }

    fn want(&mut self, at: [usize; 2], label: usize) {
        self.wanted[label] = true;
        self.seeds.push(at);
    }
}

/// What of a mask is connected, over shared sides, with one of the seeds.
fn connected(mask: &Array2<bool>, seeds: &[[usize; 2]]) -> Array2<bool> {
    let mut found = Array2::from_elem(mask.dim(), false);
    let mut open: Vec<[usize; 2]> = seeds.to_vec();
    while let Some([r, c]) = open.pop() {
        if mask.get([r, c]) == Some(&true) && !std::mem::replace(&mut found[[r, c]], true) {
            open.extend([[r + 1, c], [r, c + 1], [r.wrapping_sub(1), c], [r, c.wrapping_sub(1)]]);
        }
    }
    found
}
