//! What is named or there, and could not be taken.

use std::collections::BTreeMap;

/// Names of a line.
const SHOWN: usize = 5;

/// Names of files by the reason why they are left out.
#[derive(Debug, Default)]
pub(super) struct LeftOut(BTreeMap<&'static str, Vec<String>>);

impl LeftOut {
    pub(super) fn add(&mut self, reason: &'static str, name: impl Into<String>) {
        self.0.entry(reason).or_default().push(name.into());
    }

    /// A line for each reason: how many, and which.
    fn lines(&self) -> Vec<String> {
        let line = |(reason, names): (&&str, &Vec<String>)| {
            let more = if names.len() > SHOWN { ", ..." } else { "" };
            let shown = names.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
            format!("left out  {} {reason}: {shown}{more}", names.len())
        };
        self.0.iter().map(line).collect()
    }

    pub(super) fn print(&self) {
        self.lines().iter().for_each(|line| println!("{line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted() {
        let mut left_out = LeftOut::default();
        (0..7).for_each(|n| left_out.add("without a mask", n.to_string()));
        left_out.add("not in the folder", "x.png");
        let expected =
            ["left out  1 not in the folder: x.png", "left out  7 without a mask: 0, 1, 2, 3, 4, ..."];
        assert_eq!(left_out.lines(), expected);
    }
}
