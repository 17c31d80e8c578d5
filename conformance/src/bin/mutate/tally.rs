//! What came of the inputs, by format.

use std::collections::BTreeMap;

use medio_conformance::observe::Format;

/// The inputs of one format.
#[derive(Default)]
struct Row {
    inputs: u64,
    ok: u64,
    refused: BTreeMap<String, u64>,
    failures: u64,
    peak: (u64, u64),
    slowest: (u64, u64),
}

/// All inputs.
#[derive(Default)]
pub(crate) struct Tally {
    rows: BTreeMap<Format, Row>,
}

/// What one input came to.
pub(crate) struct Judged {
    pub(crate) number: u64,
    pub(crate) micros: u64,
    pub(crate) peak: u64,
    /// `ok`, `refused KIND`, or a failure.
    pub(crate) verdict: String,
}

impl Judged {
    /// From a worker's line.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let mut cells = line.splitn(4, '\t');
        Some(Self {
            number: cells.next()?.parse().ok()?,
            micros: cells.next()?.parse().ok()?,
            peak: cells.next()?.parse().ok()?,
            verdict: cells.next()?.to_string(),
        })
    }

    /// What is wrong about it, if anything is.
    pub(crate) fn failure(&self, cap: u64) -> Option<String> {
        if self.verdict != "ok" && !self.verdict.starts_with("refused ") {
            return Some(self.verdict.clone());
        }
        (self.peak > cap).then(|| format!("memory {} MiB, at most {} MiB", self.peak >> 20, cap >> 20))
    }
}

impl Tally {
    pub(crate) fn add(&mut self, format: Format, judged: &Judged, failed: bool) {
        let row = self.rows.entry(format).or_default();
        row.inputs += 1;
        row.peak = row.peak.max((judged.peak, judged.number));
        row.slowest = row.slowest.max((judged.micros, judged.number));
        if failed {
            row.failures += 1;
        } else if let Some(kind) = judged.verdict.strip_prefix("refused ") {
            *row.refused.entry(kind.to_string()).or_default() += 1;
        } else {
            row.ok += 1;
        }
    }

    pub(crate) fn failures(&self) -> u64 {
        self.rows.values().map(|row| row.failures).sum()
    }

    pub(crate) fn print(&self) {
        for (format, row) in &self.rows {
            let refused: u64 = row.refused.values().sum();
            println!(
                "{}: {} inputs, {} read, {refused} refused, {} failures",
                format.name(),
                row.inputs,
                row.ok,
                row.failures
            );
            for (kind, count) in &row.refused {
                println!("    {count:9}  {kind}");
            }
            let ((peak, at), (micros, when)) = (row.peak, row.slowest);
            println!(
                "    most memory {:.1} MiB (input {at}), slowest {:.1} ms (input {when})",
                peak as f64 / (1 << 20) as f64,
                micros as f64 / 1e3
            );
        }
    }
}
