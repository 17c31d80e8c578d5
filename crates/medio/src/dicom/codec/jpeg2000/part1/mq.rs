//! The MQ arithmetic decoder (ISO/IEC 15444-1 annex C), without a branch that depends on the decoded bit.

use std::hint::select_unpredictable;

/// Probability of the less probable symbol, next state after the more and after the less probable one, and whether the latter
/// changes which one is more probable (Table C.2).
const STATES: [(u16, u8, u8, bool); 47] = [
    (0x5601, 1, 1, true),
    (0x3401, 2, 6, false),
    (0x1801, 3, 9, false),
    (0x0AC1, 4, 12, false),
    (0x0521, 5, 29, false),
    (0x0221, 38, 33, false),
    (0x5601, 7, 6, true),
    (0x5401, 8, 14, false),
    (0x4801, 9, 14, false),
    (0x3801, 10, 14, false),
    (0x3001, 11, 17, false),
    (0x2401, 12, 18, false),
    (0x1C01, 13, 20, false),
    (0x1601, 29, 21, false),
    (0x5601, 15, 14, true),
    (0x5401, 16, 14, false),
    (0x5101, 17, 15, false),
    (0x4801, 18, 16, false),
    (0x3801, 19, 17, false),
    (0x3401, 20, 18, false),
    (0x3001, 21, 19, false),
    (0x2801, 22, 19, false),
    (0x2401, 23, 20, false),
    (0x2201, 24, 21, false),
    (0x1C01, 25, 22, false),
    (0x1801, 26, 23, false),
    (0x1601, 27, 24, false),
    (0x1401, 28, 25, false),
    (0x1201, 29, 26, false),
    (0x1101, 30, 27, false),
    (0x0AC1, 31, 28, false),
    (0x09C1, 32, 29, false),
    (0x08A1, 33, 30, false),
    (0x0521, 34, 31, false),
    (0x0441, 35, 32, false),
    (0x02A1, 36, 33, false),
    (0x0221, 37, 34, false),
    (0x0141, 38, 35, false),
    (0x0111, 39, 36, false),
    (0x0085, 40, 37, false),
    (0x0049, 41, 38, false),
    (0x0025, 42, 39, false),
    (0x0015, 43, 40, false),
    (0x0009, 44, 41, false),
    (0x0005, 45, 42, false),
    (0x0001, 45, 43, false),
    (0x5601, 46, 46, false),
];

/// A state of a context: the probability in the low 16 bits, the more probable symbol in bit 16, and in bits 17 to 23 and 24 to 30
/// the place in [`TABLE`] of the state after the more and after the less probable symbol.
type State = u32;

const TABLE: [State; 128] = {
    let mut table = [0; 128];
    let mut i = 0;
    while i < 2 * STATES.len() {
        let (probability, more, less, switches) = STATES[i / 2];
        let symbol = i as u32 % 2;
        let after_more = 2 * more as u32 + symbol;
        let after_less = 2 * less as u32 + (symbol ^ switches as u32);
        table[i] = probability as u32 | symbol << 16 | after_more << 17 | after_less << 24;
        i += 1;
    }
    table
};

/// The contexts of a code-block; the last ones are padding.
#[derive(Clone, Copy)]
pub(super) struct Contexts([State; 32]);

impl Contexts {
    /// The first states of Table D.7.
    pub(super) const START: Self = {
        let mut states = [TABLE[0]; 32];
        states[0] = TABLE[2 * 4];
        states[17] = TABLE[2 * 3];
        states[18] = TABLE[2 * 46];
        Self(states)
    };
}

#[derive(Clone, Copy)]
pub(super) struct Decoder<'a> {
    data: &'a [u8],
    at: usize,
    /// The byte before.
    last: u8,
    /// The code register: its 16 bits that are compared are the highest, and below are bits ahead of them.
    code: u64,
    interval: u32,
    /// How many bits are ahead; negative at the start.
    ahead: i32,
}

impl<'a> Decoder<'a> {
    /// The procedure INITDEC (C.3.5).
    pub(super) fn new(data: &'a [u8]) -> Self {
        let mut decoder = Self { data, at: 0, last: 0, code: 0, interval: 0x8000, ahead: -15 };
        decoder = decoder.filled();
        decoder
    }

    /// The procedure BYTEIN (C.3.4) until 33 bits or more are ahead.
    #[cold]
    #[inline(never)]
    fn filled(mut self) -> Self {
        while self.ahead <= 32 {
            let byte = self.data.get(self.at).copied().unwrap_or(0xFF);
            if self.last != 0xFF {
                self.code = self.code.wrapping_add(u64::from(byte) << (40 - self.ahead));
                self.ahead += 8;
            } else if byte <= 0x8F {
                // The first bit makes room for a carry.
                self.code = self.code.wrapping_add(u64::from(byte) << (41 - self.ahead));
                self.ahead += 7;
            } else {
                // The data end here: ones follow.
                self.code = self.code.wrapping_add(0xFF << (40 - self.ahead));
                self.ahead += 8;
                continue;
            }
            self.last = byte;
            self.at += 1;
        }
        self
    }

    /// The procedure DECODE (C.3.2).
    #[inline(always)]
    pub(super) fn bit(&mut self, contexts: &mut Contexts, context: u8) -> u32 {
        if self.ahead < 15 {
            *self = self.filled();
        }
        let state = &mut contexts.0[usize::from(context & 31)];
        let found = *state;
        let probability = found & 0xFFFF;
        let rest = self.interval - probability;
        let low = ((self.code >> 48) as u32) < probability;
        // The smaller part of the interval is that of the less probable symbol.
        let is_less = low ^ (rest < probability);
        self.interval = select_unpredictable(low, probability, rest);
        self.code -= select_unpredictable(low, 0, u64::from(probability) << 48);
        let next = select_unpredictable(is_less, found >> 24, found >> 17) & 0x7F;
        let shift = (self.interval << 16).leading_zeros();
        *state = select_unpredictable(shift == 0, found, TABLE[next as usize]);
        self.interval <<= shift;
        self.code <<= shift;
        self.ahead -= shift as i32;
        (found >> 16 & 1) ^ u32::from(is_less)
    }
}
