//! The files of `fixtures/nifti` and what they should read as.

// Each test binary uses a part; a helper that fails is a test that fails.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::path::PathBuf;

use medio::nifti::{ComplexPart, ReadOptions};

/// One file, as `expected.txt` describes it.
pub struct Case {
    pub name: String,
    /// `[slice, row, column]`.
    pub size: [usize; 3],
    /// The part that was taken of complex numbers.
    pub part: Option<ComplexPart>,
    /// RAS, rows.
    pub affine: Vec<f64>,
    /// Scaled, in file order.
    pub values: Vec<f64>,
}

impl Case {
    /// What reads it: the middle one of several volumes, the part of complex numbers.
    pub fn options(&self) -> ReadOptions {
        let options = ReadOptions::new();
        let options = if self.name.starts_with("dim_4") { options.volume(1) } else { options };
        self.part.map_or(options, |part| options.complex(part))
    }
}

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/nifti")
}

pub fn path(name: &str) -> PathBuf {
    folder().join(name)
}

pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

pub fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(path("expected.txt")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks(3).map(case).collect()
}

fn case(lines: &[&str]) -> Case {
    let numbers = |line: &str, key: &str| -> Vec<f64> {
        line.strip_prefix(key).unwrap().split_whitespace().map(|x| x.parse().unwrap()).collect()
    };
    let mut words = lines[0].split_whitespace().skip(1);
    let name = words.next().unwrap().to_owned();
    let size: Vec<usize> = words.by_ref().take(3).map(|x| x.parse().unwrap()).collect();
    let part = words.next().map(|word| match word {
        "magnitude" => ComplexPart::Magnitude,
        "phase" => ComplexPart::Phase,
        "real" => ComplexPart::Real,
        _ => ComplexPart::Imaginary,
    });
    Case {
        name,
        size: size.try_into().unwrap(),
        part,
        affine: numbers(lines[1], "affine"),
        values: numbers(lines[2], "values"),
    }
}
