//! Packing rows into groups, as [`Rows::InGroups`](super::micro::Rows::InGroups) says.
#![allow(unsafe_code)]

/// Packs `length` values of each row, the first of them at `at` of a panel of `depth`. `LANES` is what a register holds.
///
/// # Safety
/// Each row has `length` values, and there is room for a panel of as many rows and `depth`.
pub(crate) unsafe fn pack<const LANES: usize>(
    rows: &[*const f32],
    panel: *mut f32,
    [at, depth]: [usize; 2],
    length: usize,
) {
    let whole = depth / LANES * LANES;
    for (index, &row) in rows.iter().enumerate() {
        // SAFETY: the values and their places are those that the caller vouches for.
        unsafe {
            let mut done = 0;
            while done < length {
                let (group, lane) = ((at + done) / LANES * LANES, (at + done) % LANES);
                let width = if group < whole { LANES } else { depth - whole };
                let to = panel.add(group * rows.len() + index * width + lane);
                let from = row.add(done);
                let count = (width - lane).min(length - done);
                if count == LANES {
                    to.cast::<[f32; LANES]>().write(from.cast::<[f32; LANES]>().read());
                } else {
                    for i in 0..count {
                        *to.add(i) = *from.add(i);
                    }
                }
                done += count;
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::pack;

    type Pack = unsafe fn(&[*const f32], *mut f32, [usize; 2], usize);

    /// Rows of several sizes, and the panels that they are packed into in pieces of several lengths.
    pub(in crate::gemm) fn for_packed_panels(pack: Pack, check: impl Fn(&[Vec<f32>], &[f32])) {
        for (height, depth) in [(1, 1), (3, 8), (2, 21), (6, 40), (5, 3)] {
            let rows: Vec<Vec<f32>> =
                (0..height).map(|row| (0..depth).map(|k| (row * 100 + k) as f32).collect()).collect();
            for piece in [1, 3, 8, 19, 64] {
                let mut panel = vec![f32::NAN; height * depth];
                for at in (0..depth).step_by(piece) {
                    let length = piece.min(depth - at);
                    let rows: Vec<_> = rows.iter().map(|row| row[at..][..length].as_ptr()).collect();
                    // SAFETY: the rows are as long, the panel holds them.
                    unsafe { pack(&rows, panel.as_mut_ptr(), [at, depth], length) };
                }
                check(&rows, &panel);
            }
        }
    }

    #[test]
    fn values_come_to_their_places_whatever_pieces_they_come_in() {
        for_packed_panels(pack::<8>, |rows, panel| {
            let (height, depth) = (rows.len(), rows[0].len());
            for (row, values) in rows.iter().enumerate() {
                for (k, &value) in values.iter().enumerate() {
                    let (group, width) = (k / 8 * 8, 8.min(depth - k / 8 * 8));
                    assert_eq!(panel[group * height + row * width + k - group], value);
                }
            }
        });
    }
}
