//! A row gathered into one register.

use super::Simd;

/// Gathers `row` by `step`, starting from `start`, several registers at a time, and the parts by `merge`.
///
/// The order depends on the instruction set and the length alone. Where the row does not fill the last register, its
/// other lanes are `fill`.
#[inline(always)]
pub(crate) fn fold<S: Simd, A: Copy>(
    simd: S,
    row: &[f32],
    fill: f32,
    start: A,
    step: impl Fn(A, S::Vector) -> A,
    merge: impl Fn(A, A) -> A,
) -> A {
    let mut parts = [start; 4];
    let mut fours = row.chunks_exact(4 * S::LANES);
    for four in fours.by_ref() {
        for (index, part) in parts.iter_mut().enumerate() {
            *part = step(*part, simd.load(&four[index * S::LANES..]));
        }
    }
    let mut ones = fours.remainder().chunks_exact(S::LANES);
    for (one, part) in ones.by_ref().zip(&mut parts) {
        *part = step(*part, simd.load(one));
    }
    let rest = ones.remainder();
    if !rest.is_empty() {
        parts[3] = step(parts[3], simd.load_partial(rest, fill));
    }
    merge(merge(parts[0], parts[1]), merge(parts[2], parts[3]))
}
