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
/// seeds. Intervals are of 95 %, by bootstrap over patients or files.
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
        for arm in arms {
            let own: Vec<&Run> = runs.iter().copied().filter(|run| run.arm == arm).collect();
            let Some(first) = own.first() else { continue };
            let cell = cell(&own)?;
            let interval = mean_interval(&cell)?;
            let (difference, outcome) = match difference(runs, arm, base)? {
                Some((found, outcome)) if arm != base => {
                    (points(&found), format!("{outcome:?}").to_lowercase())
                }
                _ => (String::new(), String::new()),
            };
            text += &format!(
                "| {data} | {} ({} items) | {arm} | {} | {} | {:.3} [{:.3}, {:.3}] | {difference} | {outcome} |\n",
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

/// Of an arm less the base, over the seeds that both have.
fn difference(runs: &[&Run], arm: &str, base: &str) -> Result<Option<(Interval, Outcome)>> {
    let of = |name: &str, seed: u64| runs.iter().copied().find(|run| run.arm == name && run.seed == seed);
    let both = runs.iter().filter(|run| run.arm == arm).filter_map(|run| Some((*run, of(base, run.seed)?)));
    let (own, others): (Vec<&Run>, Vec<&Run>) = both.unzip();
    if own.is_empty() {
        return Ok(None);
    }
    let (own, others) = (cell(&own)?, cell(&others)?);
    let clusters = Clusters::of(&own.groups);
    let found = paired_difference(&own.dice, &others.dice, &clusters, &Bootstrap::default())?;
    Ok(Some((found.difference, found.outcome)))
}
