//! Items that belong together.

use std::collections::HashMap;
use std::hash::Hash;

/// Items in groups that are drawn as one, such as the images of a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusters {
    members: Vec<Vec<usize>>,
    items: usize,
}

impl Clusters {
    /// From one identifier for each item; clusters are in the order in which they first occur.
    ///
    /// ```
    /// use medeval::statistics::Clusters;
    /// let clusters = Clusters::of(&["p1", "p2", "p1"]);
    /// assert_eq!((clusters.count(), clusters.items()), (2, 3));
    /// ```
    pub fn of<K: Eq + Hash>(identifiers: &[K]) -> Self {
        let mut places: HashMap<&K, usize> = HashMap::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        for (item, identifier) in identifiers.iter().enumerate() {
            let place = *places.entry(identifier).or_insert(members.len());
            if place == members.len() {
                members.push(Vec::new());
            }
            members[place].push(item);
        }
        Self { members, items: identifiers.len() }
    }

    /// Each item is a cluster of its own.
    pub fn singletons(items: usize) -> Self {
        Self { members: (0..items).map(|item| vec![item]).collect(), items }
    }

    /// How many clusters.
    pub fn count(&self) -> usize {
        self.members.len()
    }

    /// How many items.
    pub const fn items(&self) -> usize {
        self.items
    }

    /// Indices of the items of a cluster.
    pub(crate) fn members(&self, cluster: usize) -> &[usize] {
        &self.members[cluster]
    }
}
