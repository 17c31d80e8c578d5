//! Which voxels of an axis make up each voxel of another, with which weights.

use crate::allocate::with_capacity;
use crate::error::Result;
use crate::interpolation::Kernel;

/// Coordinates this close to a voxel centre (or a face) are taken to be on it: they differ by rounding.
pub(crate) const ON_GRID: f64 = 1e-6;

/// Where the voxels of a new axis lie on an old one: new voxel `o` has its centre at `offset + step * o`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct AxisMap {
    pub(crate) old: usize,
    pub(crate) new: usize,
    pub(crate) offset: f64,
    pub(crate) step: f64,
}

impl AxisMap {
    /// `new` voxels of `step` old ones each, from the outer face of the first old voxel.
    pub(crate) const fn from_lower_face(old: usize, new: usize, step: f64) -> Self {
        Self { old, new, offset: (step - 1.0) / 2.0, step }
    }

    /// The old axis itself.
    pub(crate) const fn identity(size: usize) -> Self {
        Self { old: size, new: size, offset: 0.0, step: 1.0 }
    }

    /// The coordinate of a new voxel's centre on the old axis.
    fn at(&self, index: usize) -> f64 {
        let at = self.offset + self.step * index as f64;
        if (at - at.round()).abs() < ON_GRID { at.round() } else { at }
    }

    /// The old voxel that contains the centre of each new one; the nearest where none does.
    pub(crate) fn nearest(&self) -> Result<Vec<usize>> {
        let mut indices = with_capacity(self.new)?;
        indices.extend((0..self.new).map(|index| nearest(self.at(index), self.old)));
        Ok(indices)
    }
}

/// The voxel of an axis that contains a coordinate, or the nearest; the higher one on the face between two.
pub(crate) fn nearest(at: f64, size: usize) -> usize {
    // The cast rounds towards 0, which is down for all that the clamp does not change, and saturates.
    ((at + 0.5 + ON_GRID) as i64).clamp(0, size as i64 - 1) as usize
}

/// For each new voxel the run of old voxels it is blended from, and their weights.
#[derive(Debug, Clone)]
pub(crate) struct Taps {
    old: usize,
    /// First old voxel of each run, and where its weights begin; one more than there are runs.
    runs: Vec<(usize, usize)>,
    weights: Vec<f32>,
}

impl Taps {
    /// The kernel around each new centre, stretched by the step where that is above 1.
    pub(crate) fn new(map: &AxisMap, kernel: Kernel) -> Result<Self> {
        Self::stretched(map, kernel, map.step.abs())
    }

    /// The kernel around each new centre, stretched by a factor (no less than 1). Weights are normalised over the voxels
    /// that exist.
    pub(crate) fn stretched(map: &AxisMap, kernel: Kernel, stretch: f64) -> Result<Self> {
        let stretch = if stretch < 1.0 + ON_GRID { 1.0 } else { stretch };
        let mut taps = Self { old: map.old, runs: with_capacity(map.new + 1)?, weights: Vec::new() };
        let mut run = Vec::new();
        for index in 0..map.new {
            let start = run_weights(&mut run, map.at(index), map.old, kernel, stretch);
            taps.runs.push((start, taps.weights.len()));
            taps.weights
                .try_reserve(run.len())
                .map_err(|_| crate::Error::OutOfMemory { bytes: (taps.weights.len() + run.len()) * 4 })?;
            taps.weights.extend(run.iter().map(|&w| w as f32));
        }
        taps.runs.push((0, taps.weights.len()));
        Ok(taps)
    }

    /// Extent of the old axis.
    pub(crate) const fn old(&self) -> usize {
        self.old
    }

    /// Extent of the new axis.
    pub(crate) fn new_len(&self) -> usize {
        self.runs.len() - 1
    }

    /// The first old voxel of a new one, and the weights from there on.
    pub(crate) fn run(&self, index: usize) -> (usize, &[f32]) {
        let (start, first) = self.runs[index];
        (start, &self.weights[first..self.runs[index + 1].1])
    }

    /// All runs, in order.
    pub(crate) fn runs(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.runs.windows(2).map(|pair| (pair[0].0, &self.weights[pair[0].1..pair[1].1]))
    }

    /// Whether every new voxel is a single old one.
    pub(crate) fn is_selection(&self) -> bool {
        self.weights.len() == self.new_len()
    }

    /// Whether the new axis is the old one.
    pub(crate) fn is_identity(&self) -> bool {
        let same = |(index, run): (usize, &(usize, usize))| run.0 == index;
        self.is_selection()
            && self.new_len() == self.old
            && self.runs[..self.old].iter().enumerate().all(same)
    }
}

/// The normalised weights around `at`, without zeros at either end, and the first voxel they are for.
fn run_weights(run: &mut Vec<f64>, at: f64, size: usize, kernel: Kernel, stretch: f64) -> usize {
    let reach = kernel.reach() * stretch;
    let first = ((at - reach).ceil().max(0.0) as usize).min(size);
    let end = (((at + reach).floor() + 1.0).max(0.0) as usize).min(size);
    run.clear();
    run.extend((first..end).map(|voxel| kernel.weight((voxel as f64 - at) / stretch)));
    while run.last() == Some(&0.0) {
        run.pop();
    }
    let zeros = run.iter().take_while(|w| **w == 0.0).count();
    run.drain(..zeros);
    let total: f64 = run.iter().sum();
    // Not reached from inside the field of view, where the voxel at `at` outweighs all others.
    if total.is_nan() || total <= 0.0 {
        run.clear();
        run.push(1.0);
        return nearest(at, size);
    }
    run.iter_mut().for_each(|w| *w /= total);
    first + zeros
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(taps: &Taps) -> Vec<(usize, Vec<f32>)> {
        taps.runs().map(|(start, weights)| (start, weights.to_vec())).collect()
    }

    #[test]
    fn halving_and_doubling_by_hand() {
        let taps = Taps::new(&AxisMap::from_lower_face(2, 4, 0.5), Kernel::Triangle).unwrap();
        let expected = [(0, vec![1.0]), (0, vec![0.75, 0.25]), (0, vec![0.25, 0.75]), (1, vec![1.0])];
        assert_eq!(all(&taps), expected);
        let taps = Taps::new(&AxisMap::from_lower_face(4, 2, 2.0), Kernel::Triangle).unwrap();
        let (edge, centre) = (1.0 / 7.0, 3.0 / 7.0);
        assert_eq!(all(&taps), [(0, vec![centre, centre, edge]), (1, vec![edge, centre, centre])]);
    }

    #[test]
    fn an_axis_onto_itself_is_the_identity_despite_rounding() {
        let mut map = AxisMap::identity(5);
        map.offset = 1e-12;
        map.step = 1.0 - 1e-13;
        for kernel in [Kernel::Triangle, Kernel::Keys] {
            assert!(Taps::new(&map, kernel).unwrap().is_identity());
        }
        map.offset = 0.25;
        assert!(!Taps::new(&map, Kernel::Triangle).unwrap().is_selection());
    }

    #[test]
    fn nearest_takes_the_higher_of_two_and_stays_inside() {
        assert_eq!([-0.6, -0.5, 0.49, 0.5, 1.5, 2.7].map(|at| nearest(at, 3)), [0, 0, 0, 1, 2, 2]);
    }

    #[test]
    fn one_voxel_thick_axes() {
        for kernel in [Kernel::Triangle, Kernel::Keys] {
            let taps = Taps::new(&AxisMap::from_lower_face(1, 3, 1.0 / 3.0), kernel).unwrap();
            assert_eq!(all(&taps), vec![(0, vec![1.0]); 3]);
            let taps = Taps::new(&AxisMap::from_lower_face(1, 1, 10.0), kernel).unwrap();
            assert_eq!(all(&taps), [(0, vec![1.0])]);
        }
    }
}
