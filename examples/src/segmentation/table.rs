//! What many trainings come to.

use std::collections::BTreeMap;

use medeval::statistics::{Bootstrap, Clusters, Interval, Outcome, paired_difference};

use super::compare::Run;
use crate::error::{Error, Result};

/// The Dice of each held-out item, averaged over the seeds that both sides of a comparison have.
struct Cell {
    groups: Vec<String>,
    dice: Vec<f64>,
    seeds: usize,
}

/// Tables in Markdown: the mean Dice of each arm with its interval, and differences between each arm and `base` on the same items and
/// seeds, with the same settings. Runs of an arm with several settings have a line for each. Intervals are of 95 %, by bootstrap over patients or files.
///
/// # Errors
/// [`Error::Unfit`] when runs of one data set do not have the same items; [`Error::Measure`].
pub fn markdown(runs: &[Run], base: &str) -> Result<String> {
    let mut sets: BTreeMap<(String, String), Vec<&Run>> = BTreeMap::new();
    for run in runs {
        sets.entry((run.data.clone(), format!("{:.3}", run.fraction))).or_default().push(run);
    }
    let mut text = format!(
        "| data | training part | arm | parameters | seeds | Dice | less {base} | |\n|---|---|---|---|---|---|---|---|\n"
    );
    for ((data, _), runs) in &sets {
        let mut arms: Vec<&str> = runs.iter().map(|run| run.arm.as_str()).collect();
        arms.sort_unstable();
        arms.dedup();
        let variants = arms.iter().flat_map(|arm| variants(runs, arm));
        for (arm, label, own) in variants {
            let Some(first) = own.first() else { continue };
            let cell = cell(&own)?;
            let interval = mean_interval(&cell)?;
            let (difference, outcome) = match difference(runs, &own, base)? {
                Some((found, outcome)) if arm != base => {
                    (points(&found), format!("{outcome:?}").to_lowercase())
                }
                _ => (String::new(), String::new()),
            };
            text += &format!(
                "| {data} | {} ({} items) | {label} | {} | {} | {:.3} [{:.3}, {:.3}] | {difference} | {outcome} |\n",
                percent(first.fraction),
                first.items,
                first.parameters,
                cell.seeds,
                interval.estimate,
                interval.low,
                interval.high
            );
        }
    }
    Ok(text)
}

/// The runs of an arm that were made alike, with the name of the arm and what it is called.
fn variants<'a>(runs: &[&'a Run], arm: &'a str) -> Vec<(&'a str, String, Vec<&'a Run>)> {
    let mut found: Vec<Vec<&Run>> = Vec::new();
    for run in runs.iter().copied().filter(|run| run.arm == arm) {
        match found.iter_mut().find(|alike| alike.iter().all(|other| run.is_alike(other))) {
            Some(alike) => alike.push(run),
            None => found.push(vec![run]),
        }
    }
    let first = found.first().cloned().unwrap_or_default();
    found.into_iter().map(|own| (arm, label(arm, &first, &own), own)).collect()
}

/// An arm with what is otherwise than in its first runs.
fn label(arm: &str, first: &[&Run], own: &[&Run]) -> String {
    let said = |runs: &[&Run]| runs.iter().find_map(|run| run.settings.clone()).unwrap_or_default();
    let steps = |runs: &[&Run]| runs.first().map(|run| run.steps);
    let mut differences = said(first).differences(&said(own));
    if let (true, Some(steps)) = (steps(first) != steps(own), steps(own)) {
        differences.push(format!("{steps} steps"));
    }
    if differences.is_empty() { arm.to_string() } else { format!("{arm} ({})", differences.join(", ")) }
}

fn percent(fraction: f64) -> String {
    format!("{} %", (fraction * 1000.0).round() / 10.0)
}

fn points(interval: &Interval) -> String {
    format!("{:+.3} [{:+.3}, {:+.3}]", interval.estimate, interval.low, interval.high)
}

fn cell(runs: &[&Run]) -> Result<Cell> {
    let Some(first) = runs.first() else {
        return Err(Error::Unfit { what: "runs", expected: "at least one".into(), found: "none".into() });
    };
    let mut dice = vec![0.0; first.scores.len()];
    for run in runs {
        if run.names != first.names {
            return Err(Error::Unfit {
                what: "runs of one data set",
                expected: "the same held-out items".into(),
                found: format!("others in {} {}", run.data, run.arm),
            });
        }
        run.scores.iter().zip(&mut dice).for_each(|(s, sum)| *sum += s.dice / runs.len() as f64);
    }
    Ok(Cell { groups: first.groups.clone(), dice, seeds: runs.len() })
}

fn mean_interval(cell: &Cell) -> Result<Interval> {
    let mean = |items: &[usize]| Some(items.iter().map(|&i| cell.dice[i]).sum::<f64>() / items.len() as f64);
    Ok(Bootstrap::default().interval(&Clusters::of(&cell.groups), mean)?)
}

/// Of runs of an arm less the base, over the seeds that both have.
fn difference(runs: &[&Run], own: &[&Run], base: &str) -> Result<Option<(Interval, Outcome)>> {
    let of_base = |own: &Run| {
        let same = |run: &&Run| run.arm == base && run.seed == own.seed && run.is_comparable(own);
        runs.iter().copied().find(same)
    };
    let both = own.iter().filter_map(|run| Some((*run, of_base(run)?)));
    let (own, others): (Vec<&Run>, Vec<&Run>) = both.unzip();
    if own.is_empty() {
        return Ok(None);
    }
    let (own, others) = (cell(&own)?, cell(&others)?);
    let clusters = Clusters::of(&own.groups);
    let found = paired_difference(&own.dice, &others.dice, &clusters, &Bootstrap::default())?;
    Ok(Some((found.difference, found.outcome)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::segmentation::{ItemScores, Settings};

    fn run(arm: &str, seed: u64, dice: [f64; 4]) -> Run {
        let score = |dice| ItemScores { dice, iou: 0.0, hd95: None, mae: 0.0, s: 0.0, e: 0.0, f: 0.0 };
        Run {
            data: "cells".into(),
            arm: arm.into(),
            fraction: 0.05,
            seed,
            steps: 1,
            items: 7,
            parameters: 9,
            seconds: 0.0,
            names: ["a", "b", "c", "d"].map(String::from).to_vec(),
            groups: ["a", "a", "b", "c"].map(String::from).to_vec(),
            scores: dice.map(score).to_vec(),
            settings: None,
        }
    }

    #[test]
    fn arms_are_compared_on_the_same_items_and_seeds() {
        let runs = [
            run("fft", 0, [0.5, 0.6, 0.7, 0.8]),
            run("fft", 1, [0.5, 0.6, 0.7, 0.8]),
            run("slic", 0, [0.6, 0.7, 0.8, 0.9]),
            run("none", 7, [0.1; 4]),
        ];
        let table = markdown(&runs, "fft").unwrap();
        let line = |arm: &str| table.lines().find(|line| line.contains(&format!("| {arm} |"))).unwrap();
        assert!(
            line("slic").contains("| 5 % (7 items) | slic | 9 | 1 | 0.750 [")
                && line("slic").ends_with("| +0.100 [+0.100, +0.100] | win |")
        );
        assert!(line("fft").contains("| 2 | 0.650 [") && line("fft").ends_with("] |  |  |"));
        assert!(line("none").ends_with("| 0.100 [0.100, 0.100] |  |  |"), "{}", line("none"));
        let sized = |size: usize, run: Run| {
            let settings = Settings::default().with("size", size).with("model", &run.arm);
            Run { settings: Some(settings), ..run }
        };
        let runs = [
            run("fft", 0, [0.5; 4]),
            sized(32, run("fft", 1, [0.5; 4])),
            sized(48, run("fft", 1, [0.7; 4])),
            sized(48, run("slic", 1, [0.8; 4])),
        ];
        let table = markdown(&runs, "fft").unwrap();
        // A line without settings is as those that it is with.
        assert!(table.contains("| fft | 9 | 2 | 0.500 ["), "{table}");
        assert!(table.contains("| fft (size 48 in place of 32) | 9 | 1 | 0.700 ["), "{table}");
        let slic = table.lines().find(|line| line.contains("| slic |")).unwrap();
        assert!(slic.contains("| +0.100 [+0.100"), "{slic}");
        let mut other = run("lora", 0, [0.5; 4]);
        other.names[0] = "z".into();
        assert!(markdown(&[run("lora", 1, [0.5; 4]), other], "fft").is_err());
    }
}
