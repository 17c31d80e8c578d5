//! Which regions touch.

use std::collections::BTreeMap;

use crate::superpixels::Superpixels;

/// Two regions that share a border.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Border {
    /// Labels of the two, the smaller first.
    pub labels: (u32, u32),
    /// How many pairs of pixels, one of each region, share a side.
    pub sides: usize,
    /// Length of these sides in mm (images), or area in mm2 (volumes); of pixels where the image did not say how large they are.
    pub measure: f64,
}

/// The region adjacency graph: regions are nodes, borders are edges.
#[derive(Debug, Clone, PartialEq)]
pub struct AdjacencyGraph {
    borders: Vec<Border>,
    /// For each region, the labels of those that it touches, in order.
    neighbours: Vec<Vec<u32>>,
}

impl AdjacencyGraph {
    /// The borders, ordered by the labels.
    pub fn borders(&self) -> &[Border] {
        &self.borders
    }

    /// How many regions there are.
    pub const fn regions(&self) -> usize {
        self.neighbours.len()
    }

    /// The labels of the regions that touch one, in order; none for labels that do not exist.
    pub fn neighbours(&self, label: u32) -> &[u32] {
        (label as usize).checked_sub(1).and_then(|i| self.neighbours.get(i)).map_or(&[], Vec::as_slice)
    }

    /// The border of two regions, if they touch.
    pub fn border(&self, a: u32, b: u32) -> Option<&Border> {
        let labels = (a.min(b), a.max(b));
        self.borders.binary_search_by_key(&labels, |border| border.labels).ok().map(|i| &self.borders[i])
    }
}

impl Superpixels {
    /// The region adjacency graph. Pixels that share a side touch (4 neighbours in 2D, 6 in 3D); what is outside of the mask is no
    /// region.
    ///
    /// ```
    /// use medcore::Spacing;
    /// use medsuperpixel::Superpixels;
    /// use ndarray::array;
    /// let superpixels = Superpixels::from_labels(array![[[1, 1, 2], [3, 3, 2]]], Spacing::new(0.5, 2.0, 1.0))?;
    /// let graph = superpixels.adjacency();
    /// assert_eq!(graph.neighbours(1), [2, 3]);
    /// // Two sides between rows, each as long as a pixel is wide.
    /// assert_eq!(graph.border(1, 3).map(|b| b.measure), Some(1.0));
    /// # Ok::<(), medsuperpixel::Error>(())
    /// ```
    pub fn adjacency(&self) -> AdjacencyGraph {
        let [slices, rows, columns] = self.size();
        let spacing = self.spacing();
        let depth = if self.is_2d() { 1.0 } else { spacing.slice };
        // From one pixel to the next along an axis, the pixels along it, and how large the side between them is.
        let axes = [
            (rows * columns, slices, spacing.row * spacing.column),
            (columns, rows, spacing.column * depth),
            (1, columns, spacing.row * depth),
        ];
        let labels = self.as_slice();
        let mut found: BTreeMap<(u32, u32), [usize; 3]> = BTreeMap::new();
        for (axis, (step, extent, _)) in axes.into_iter().enumerate() {
            // Borders are long: the last pair is mostly the next one too.
            let mut last = ((0, 0), 0usize);
            for (i, (&a, &b)) in labels.iter().zip(labels.iter().skip(step)).enumerate() {
                if a != b && a > 0 && b > 0 && i / step % extent + 1 < extent {
                    let pair = (a.min(b), a.max(b));
                    if pair != last.0 {
                        add(&mut found, last, axis);
                        last = (pair, 0);
                    }
                    last.1 += 1;
                }
            }
            add(&mut found, last, axis);
        }
        let borders: Vec<Border> = found
            .into_iter()
            .map(|(labels, sides)| Border {
                labels,
                sides: sides.iter().sum(),
                measure: sides.iter().zip(axes).map(|(n, (.., side))| *n as f64 * side).sum(),
            })
            .collect();
        let mut neighbours = vec![Vec::new(); self.count()];
        for border in &borders {
            let (a, b) = border.labels;
            neighbours[a as usize - 1].push(b);
            neighbours[b as usize - 1].push(a);
        }
        neighbours.iter_mut().for_each(|n| n.sort_unstable());
        AdjacencyGraph { borders, neighbours }
    }
}

fn add(found: &mut BTreeMap<(u32, u32), [usize; 3]>, (pair, sides): ((u32, u32), usize), axis: usize) {
    if sides > 0 {
        found.entry(pair).or_default()[axis] += sides;
    }
}
