//! Packing rows as they are, as [`Rows::Apart`](super::micro::Rows::Apart) says.
#![allow(unsafe_code)]

/// Values of a copy that takes one instruction, or two.
const PIECE: usize = 8;

/// Packs `length` values of each row, the first of them at `at` of a panel whose rows of `depth` values follow each other.
///
/// # Safety
/// Each row has `length` values, and there is room for a panel of as many rows and `depth`.
pub(crate) unsafe fn pack(rows: &[*const f32], panel: *mut f32, [at, depth]: [usize; 2], length: usize) {
    for (index, &row) in rows.iter().enumerate() {
        // SAFETY: the values and their places are those that the caller vouches for.
        unsafe { copy(row, panel.add(index * depth + at), length) };
    }
}

/// Copies values that do not overlap; many of the runs are too short for a call to pay.
///
/// # Safety
/// There are as many, and room for them.
#[inline(always)]
unsafe fn copy(from: *const f32, to: *mut f32, length: usize) {
    // SAFETY: pieces end where the values do; arrays of floats are as aligned as floats.
    unsafe {
        let piece = |at: usize| {
            to.add(at).cast::<[f32; PIECE]>().write(from.add(at).cast::<[f32; PIECE]>().read());
        };
        if length < PIECE {
            for i in 0..length {
                *to.add(i) = *from.add(i);
            }
            return;
        }
        for at in (0..length - PIECE).step_by(PIECE) {
            piece(at);
        }
        // The last piece ends with the values, and may copy some twice.
        piece(length - PIECE);
    }
}

#[cfg(test)]
mod tests {
    use super::super::groups::tests::for_packed_panels;
    use super::pack;

    #[test]
    fn rows_follow_each_other_whatever_pieces_they_come_in() {
        for_packed_panels(pack, |rows, panel| assert_eq!(panel, rows.concat()));
    }
}
