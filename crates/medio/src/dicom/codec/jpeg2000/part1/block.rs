//! Coefficients from the coding passes of a code-block (ISO/IEC 15444-1 annex D).

use super::mq::{Contexts, Decoder};

/// The context of run lengths, and that of all that is equally probable (Table D.7).
const RUN: u8 = 17;
const UNIFORM: u8 = 18;

/// Bits that are set for the four rows of a column of a stripe; those of a row are 3 from those of the next.
const ROWS: u64 = 0b1_001_001_001;
/// Significance of 3 columns by 6 rows: those of the stripe in the middle, with the neighbours around them.
const SIGNIFICANT: u64 = (1 << 18) - 1;
/// Significance of the 8 neighbours of the first row.
const NEIGHBOURS: u64 = 0b111_101_111;
/// From a row, to its own significance.
const THIS: u32 = 4;
/// From a row, to the signs of the coefficient above, of itself and of that below.
const SIGN_ABOVE: u32 = 32;
const SIGN: u32 = 35;
const SIGN_BELOW: u32 = 38;
/// From a row, to whether it was visited in this bit-plane, and whether it was refined before.
const VISITED: u32 = 36;
const REFINED: u32 = 37;
/// The bit of the fourth row.
const LAST_ROW: u32 = 9;

/// Which filters made a sub-band: across, then down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    LowLow,
    HighLow,
    LowHigh,
    HighHigh,
}

/// How the code-blocks were coded (Table A.19).
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    pub(super) resets_contexts: bool,
    pub(super) is_vertically_causal: bool,
    pub(super) has_symbols: bool,
}

/// Contexts of zero coding by the significance of the neighbours (Table D.1).
const fn zero_coding(kind: Kind) -> [u8; 512] {
    let mut table = [0; 512];
    let mut i = 0;
    while i < 512 {
        let across = (i >> 3 & 1) + (i >> 5 & 1);
        let down = (i >> 1 & 1) + (i >> 7 & 1);
        let diagonal = (i & 1) + (i >> 2 & 1) + (i >> 6 & 1) + (i >> 8 & 1);
        table[i] = match kind {
            Kind::HighHigh => match (diagonal, across + down) {
                (0, 0) => 0,
                (0, 1) => 1,
                (0, _) => 2,
                (1, 0) => 3,
                (1, 1) => 4,
                (1, _) => 5,
                (2, 0) => 6,
                (2, _) => 7,
                _ => 8,
            },
            Kind::HighLow => low_pass(down, across, diagonal),
            Kind::LowLow | Kind::LowHigh => low_pass(across, down, diagonal),
        };
        i += 1;
    }
    table
}

const fn low_pass(first: usize, second: usize, diagonal: usize) -> u8 {
    match (first, second, diagonal) {
        (0, 0, 0) => 0,
        (0, 0, 1) => 1,
        (0, 0, _) => 2,
        (0, 1, _) => 3,
        (0, _, _) => 4,
        (1, 0, 0) => 5,
        (1, 0, _) => 6,
        (1, _, _) => 7,
        _ => 8,
    }
}

static LOW: [u8; 512] = zero_coding(Kind::LowLow);
static HIGH_LOW: [u8; 512] = zero_coding(Kind::HighLow);
static HIGH_HIGH: [u8; 512] = zero_coding(Kind::HighHigh);

/// Contexts of sign coding, with whether the sign is flipped in bit 5 (Tables D.2 and D.3), by the neighbours above, left, right
/// and below: two bits for each, its sign and above it its significance.
static SIGN_CODING: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let across = (contribution(i >> 2) + contribution(i >> 4)).signum();
        let down = (contribution(i) + contribution(i >> 6)).signum();
        table[i] = match (across, down) {
            (1, 1) => 13,
            (1, 0) => 12,
            (1, _) => 11,
            (0, 1) => 10,
            (0, 0) => 9,
            (0, _) => 10 | FLIP,
            (_, 1) => 11 | FLIP,
            (_, 0) => 12 | FLIP,
            (_, _) => 13 | FLIP,
        };
        i += 1;
    }
    table
};
const FLIP: u8 = 1 << 5;

const fn contribution(neighbour: usize) -> i32 {
    match neighbour & 3 {
        2 => 1,
        3 => -1,
        _ => 0,
    }
}

/// Room for the coefficients of a code-block and what is known of them, used for one after the other.
#[derive(Default)]
pub(super) struct Block {
    width: usize,
    /// Magnitudes with one bit below the point, the sign above.
    coefficients: Vec<u32>,
    /// By column of a stripe of four rows, with a column and a stripe more on each side.
    flags: Vec<u64>,
}

/// A stripe with the flags of those above and below.
struct Stripe<'a> {
    above: &'a mut [u64],
    here: &'a mut [u64],
    below: &'a mut [u64],
    coefficients: &'a mut [u32],
    width: usize,
    /// A bit for each row, as in [`ROWS`].
    rows: u64,
    is_causal: bool,
}

/// What a coding pass needs beside the stripe.
struct Pass<'a, 'd> {
    decoder: Decoder<'d>,
    contexts: &'a mut Contexts,
    zero_coding: &'static [u8; 512],
    plane: u32,
}

impl Block {
    /// Decodes coding passes, from bit-plane `planes` - 1 down. There must be 30 bit-planes at most.
    pub(super) fn decode(
        &mut self,
        (width, height): (usize, usize),
        kind: Kind,
        style: Style,
        planes: u32,
        passes: u32,
        data: &[u8],
    ) {
        self.width = width;
        self.coefficients.clear();
        self.coefficients.resize(width * height, 0);
        self.flags.clear();
        self.flags.resize((width + 2) * (height.div_ceil(4) + 2), 0);
        let mut contexts = Contexts::START;
        let mut decoder = Decoder::new(data);
        let zero_coding = match kind {
            Kind::LowLow | Kind::LowHigh => &LOW,
            Kind::HighLow => &HIGH_LOW,
            Kind::HighHigh => &HIGH_HIGH,
        };
        // The first bit-plane has a cleanup pass only.
        for pass in 2..passes + 2 {
            let plane = planes.saturating_sub(1 + pass / 3);
            let mut shared = Pass { decoder, contexts: &mut contexts, zero_coding, plane };
            match pass % 3 {
                0 => self.each_stripe(style, |stripe| shared.propagate(stripe)),
                1 => self.each_stripe(style, |stripe| shared.refine(stripe)),
                _ => {
                    self.each_stripe(style, |stripe| shared.clean_up(stripe));
                    if style.has_symbols {
                        for _ in 0..4 {
                            shared.decoder.bit(shared.contexts, UNIFORM);
                        }
                    }
                }
            }
            decoder = shared.decoder;
            if style.resets_contexts {
                contexts = Contexts::START;
            }
        }
    }

    /// The rows of coefficients: magnitudes with one bit below the point, the sign above.
    pub(super) fn rows(&self) -> impl Iterator<Item = &[u32]> {
        self.coefficients.chunks_exact(self.width.max(1))
    }

    #[inline(always)]
    fn each_stripe(&mut self, style: Style, mut pass: impl FnMut(Stripe)) {
        let columns = self.width + 2;
        for (i, coefficients) in self.coefficients.chunks_mut(4 * self.width).enumerate() {
            let rows = ROWS & ((1 << (3 * (coefficients.len() / self.width))) - 1);
            let (above, rest) = self.flags[i * columns..][..3 * columns].split_at_mut(columns);
            let (here, below) = rest.split_at_mut(columns);
            let is_causal = style.is_vertically_causal;
            pass(Stripe { above, here, below, coefficients, width: self.width, rows, is_causal });
        }
    }
}

impl Stripe<'_> {
    /// Tells the neighbours of column `x` that the coefficient in the row at `row` is significant, and returns the flags of its own
    /// column with that.
    #[inline(always)]
    fn mark(&mut self, x: usize, flags: u64, row: u32, sign: u32) -> u64 {
        let sign = u64::from(sign);
        self.here[x] |= 1 << (row + THIS + 1);
        self.here[x + 2] |= 1 << (row + THIS - 1);
        if row == 0 && !self.is_causal {
            self.above[x] |= 1 << 17;
            self.above[x + 1] |= 1 << 16 | sign << (SIGN_BELOW + LAST_ROW);
            self.above[x + 2] |= 1 << 15;
        }
        if row == LAST_ROW {
            self.below[x] |= 1 << 2;
            self.below[x + 1] |= 1 << 1 | sign << SIGN_ABOVE;
            self.below[x + 2] |= 1;
        }
        flags | 1 << (row + THIS) | sign << (row + SIGN)
    }

    #[inline(always)]
    fn coefficient(&mut self, x: usize, row: u32) -> &mut u32 {
        // Bits of rows are 3 apart.
        &mut self.coefficients[((row * 11) >> 5) as usize * self.width + x]
    }
}

/// Rows of the column that are not significant and have a significant neighbour.
#[inline(always)]
fn candidates(flags: u64) -> u64 {
    let any = flags | flags >> 1 | flags >> 2;
    (any | any >> 3 | any >> 6) & !(flags >> THIS) & ROWS
}

impl Pass<'_, '_> {
    /// The significance propagation pass (D.3.1).
    #[inline(never)]
    fn propagate(&mut self, mut stripe: Stripe) {
        let mut decoder = self.decoder;
        for x in 0..stripe.width {
            let mut flags = stripe.here[x + 1];
            if flags & SIGNIFICANT == 0 {
                continue;
            }
            let mut rest = candidates(flags) & stripe.rows;
            while rest != 0 {
                let row = rest.trailing_zeros();
                flags |= 1 << (row + VISITED);
                rest &= rest - 1;
                if self.is_significant(&mut decoder, flags, row) {
                    flags = self.find(&mut decoder, &mut stripe, x, flags, row);
                    rest = candidates(flags) & stripe.rows & (!0 << row);
                }
            }
            stripe.here[x + 1] = flags;
        }
        self.decoder = decoder;
    }

    /// The magnitude refinement pass (D.3.3).
    #[inline(never)]
    fn refine(&mut self, mut stripe: Stripe) {
        let mut decoder = self.decoder;
        for x in 0..stripe.width {
            let mut flags = stripe.here[x + 1];
            let mut rest = flags >> THIS & !(flags >> VISITED) & stripe.rows;
            while rest != 0 {
                let row = rest.trailing_zeros();
                rest &= rest - 1;
                let context = if flags >> (row + REFINED) & 1 == 1 {
                    16
                } else {
                    14 + u8::from(flags >> row & NEIGHBOURS != 0)
                };
                flags |= 1 << (row + REFINED);
                let bit = decoder.bit(self.contexts, context);
                let coefficient = stripe.coefficient(x, row);
                *coefficient =
                    coefficient.wrapping_add((2 * bit) << self.plane).wrapping_sub(1 << self.plane);
            }
            stripe.here[x + 1] = flags;
        }
        self.decoder = decoder;
    }

    /// The cleanup pass (D.3.4).
    #[inline(never)]
    fn clean_up(&mut self, mut stripe: Stripe) {
        let mut decoder = self.decoder;
        for x in 0..stripe.width {
            let mut flags = stripe.here[x + 1];
            let mut rest = !(flags >> THIS | flags >> VISITED) & stripe.rows;
            if flags & SIGNIFICANT == 0 && stripe.rows == ROWS {
                if decoder.bit(self.contexts, RUN) == 0 {
                    continue;
                }
                let high = decoder.bit(self.contexts, UNIFORM);
                let row = 3 * (2 * high + decoder.bit(self.contexts, UNIFORM));
                flags = self.find(&mut decoder, &mut stripe, x, flags, row);
                rest &= !1 << row;
            }
            while rest != 0 {
                let row = rest.trailing_zeros();
                rest &= rest - 1;
                if self.is_significant(&mut decoder, flags, row) {
                    flags = self.find(&mut decoder, &mut stripe, x, flags, row);
                }
            }
            stripe.here[x + 1] = flags & !(ROWS << VISITED);
        }
        self.decoder = decoder;
    }

    #[inline(always)]
    fn is_significant(&mut self, decoder: &mut Decoder, flags: u64, row: u32) -> bool {
        let context = self.zero_coding[(flags >> row & NEIGHBOURS) as usize];
        decoder.bit(self.contexts, context) == 1
    }

    /// Decodes the sign of a coefficient that was found significant (D.3.2).
    #[inline(always)]
    fn find(&mut self, decoder: &mut Decoder, stripe: &mut Stripe, x: usize, flags: u64, row: u32) -> u64 {
        let left = stripe.here[x] >> (row + SIGN) & 1;
        let right = stripe.here[x + 2] >> (row + SIGN) & 1;
        let above = flags >> (row + SIGN_ABOVE) & 1;
        let below = flags >> (row + SIGN_BELOW) & 1;
        let neighbours = (flags >> row & 0b10_101_010) | above | left << 2 | right << 4 | below << 6;
        let coding = SIGN_CODING[neighbours as usize];
        let sign = decoder.bit(self.contexts, coding) ^ u32::from(coding >> 5);
        *stripe.coefficient(x, row) = 3 << self.plane | sign << 31;
        stripe.mark(x, flags, row, sign)
    }
}
