//! The files of a folder in `fixtures` and what `expected.txt` says of them.

// Each test binary uses a part; a helper that fails is a test that fails.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::path::PathBuf;

use medcore::{Geometry, Point3, Spacing, Volume};

/// One file.
pub struct Case {
    pub name: String,
    pub volume: Option<usize>,
    /// `[slice, row, column]`.
    pub size: [usize; 3],
    /// Voxel to LPS, rows.
    pub affine: Vec<f64>,
    /// In file order, as text so that 64-bit integers stay exact.
    pub values: Vec<String>,
}

pub fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

pub fn cases(name: &str) -> Vec<Case> {
    let text = std::fs::read_to_string(folder(name).join("expected.txt")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks(3).map(case).collect()
}

fn case(lines: &[&str]) -> Case {
    let words = |line: &str, key: &str| -> Vec<String> {
        line.strip_prefix(key).unwrap().split_whitespace().map(Into::into).collect()
    };
    let head = words(lines[0], "case");
    let size: Vec<usize> = head[2..].iter().map(|x| x.parse().unwrap()).collect();
    Case {
        name: head[0].clone(),
        volume: head[1].parse().ok(),
        size: size.try_into().unwrap(),
        affine: words(lines[1], "affine").iter().map(|x| x.parse().unwrap()).collect(),
        values: words(lines[2], "values"),
    }
}

/// Compares a volume with a case; floating-point numbers and integers both have to be exact.
pub fn assert_case<T: medcore::Scalar>(found: &Volume<T>, case: &Case) {
    assert_eq!(found.size(), case.size, "{}", case.name);
    let affine = found.geometry().voxel_to_lps().to_rows().concat();
    for (a, b) in affine.iter().zip(&case.affine) {
        assert!((a - b).abs() <= 1e-6, "{}: {affine:?} is not {:?}", case.name, case.affine);
    }
    assert_eq!(found.as_slice().len(), case.values.len(), "{}", case.name);
    for (value, text) in found.as_slice().iter().zip(&case.values) {
        let text = if T::NAME.starts_with('f') {
            format!("{:?}", T::from_f64(text.parse().unwrap()))
        } else {
            text.clone()
        };
        assert_eq!(format!("{value:?}"), text, "{}", case.name);
    }
}

/// A small oblique volume whose affine has digits to lose.
pub fn sample() -> Volume<i16> {
    let values = (0..60).map(|i| (i * 541 - 16000) as i16).collect();
    Volume::from_vec(values, geometry()).unwrap()
}

pub fn geometry() -> Geometry {
    let (s, c) = 0.3f64.sin_cos();
    let (t, d) = 1.1f64.sin_cos();
    let directions = [[c, -s * d, s * t], [s, c * d, -c * t], [0.0, t, d]];
    let origin = Point3::new(-101.123_456_789, 33.25, 1.0 / 3.0);
    Geometry::from_directions([3, 4, 5], Spacing::new(0.7, 1.1, 2.3), directions, origin).unwrap()
}

/// xorshift64 (Marsaglia, 2003).
pub fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}
