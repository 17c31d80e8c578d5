//! The bits of entropy-coded data (ISO/IEC 10918-1 F.2.2) and the Huffman codes in them (annex C).

use super::super::Failure;

/// Codes up to this length are found in one step.
const QUICK: u32 = 10;

/// Reads bits up to the next marker; zeros follow, and are counted.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bit is the uppermost.
    buffer: u64,
    count: u32,
    /// Zeros appended after the end.
    appended: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at, buffer: 0, count: 0, appended: 0 }
    }

    /// At least 32 bits in the buffer.
    #[inline]
    fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(word) = self.data.get(self.at..).and_then(|rest| rest.first_chunk::<4>())
            && word.iter().all(|b| *b != 0xFF)
        {
            self.buffer |= u64::from(u32::from_be_bytes(*word)) << (32 - self.count);
            self.count += 32;
            self.at += 4;
            return;
        }
        self.refill_slowly();
    }

    #[cold]
    fn refill_slowly(&mut self) {
        while self.count <= 56 {
            let byte = match (self.data.get(self.at), self.data.get(self.at + 1)) {
                (Some(0xFF), Some(0)) => {
                    self.at += 2;
                    0xFF
                }
                (Some(0xFF), _) | (None, _) => {
                    self.appended = self.appended.saturating_add(8);
                    0
                }
                (Some(byte), _) => {
                    self.at += 1;
                    *byte
                }
            };
            self.buffer |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    #[inline]
    fn drop_bits(&mut self, n: u32) {
        self.buffer <<= n;
        self.count -= n;
    }

    /// The next `n` bits, at most 16.
    #[inline]
    pub(super) fn take(&mut self, n: u32) -> u32 {
        if n == 0 {
            return 0;
        }
        self.refill();
        let bits = (self.buffer >> (64 - n)) as u32;
        self.drop_bits(n);
        bits
    }

    /// A signed number of `n` bits, at most 16 (F.2.2.1, EXTEND).
    #[inline]
    pub(super) fn take_signed(&mut self, n: u32) -> i32 {
        let bits = self.take(n) as i32;
        if n > 0 && bits < 1 << (n - 1) { bits - (1 << n) + 1 } else { bits }
    }

    /// Whether more was read than there is.
    pub(super) fn is_exhausted(&self) -> bool {
        self.appended > self.count
    }

    /// Goes on after the restart marker that must stand here.
    pub(super) fn restart(&mut self) -> Result<(), Failure> {
        // What is buffered are the padding bits before the marker.
        let marker = self.data.get(self.at..).unwrap_or_default();
        let fill = marker.iter().take_while(|b| **b == 0xFF).count();
        match marker.get(fill) {
            Some(0xD0..=0xD7) if fill > 0 => {
                *self = Self::new(self.data, self.at + fill + 1);
                Ok(())
            }
            _ => Err("no restart marker where one is due".into()),
        }
    }

    /// Where the entropy-coded data ends, given that it ends near here: the next marker.
    pub(super) fn next_marker(&self) -> usize {
        let mut at = self.at.saturating_sub(self.count.saturating_sub(self.appended) as usize / 8);
        while let Some(pair) = self.data.get(at..at + 2) {
            if matches!(pair, [0xFF, 0x01..=0xCF | 0xD8..=0xFE]) {
                return at;
            }
            at += 1;
        }
        self.data.len()
    }
}

/// A Huffman table.
pub(super) struct Huffman {
    /// By the next `QUICK` bits: length of the code (0 when longer) and symbol.
    quick: Vec<(u8, u8)>,
    /// By length: the first code beyond those of this length, aligned to 16 bits.
    limits: [u32; 17],
    /// By length: what to add to a code to find its symbol.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Huffman {
    /// From the number of codes of each length and the symbols in order (B.2.4.2).
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8]) -> Result<Self, Failure> {
        let mut table = Self {
            quick: vec![(0, 0); 1 << QUICK],
            limits: [0; 17],
            offsets: [0; 17],
            symbols: symbols.to_vec(),
        };
        let mut code = 0u32;
        let mut index = 0usize;
        for (length, count) in (1u32..).zip(counts) {
            let first = code;
            if let Some(offset) = table.offsets.get_mut(length as usize) {
                *offset = index as i32 - first as i32;
            }
            for symbol in symbols.iter().skip(index).take(usize::from(*count)) {
                if length <= QUICK {
                    let start = (code << (QUICK - length)) as usize;
                    let end = start + (1usize << (QUICK - length));
                    let cells =
                        table.quick.get_mut(start..end).ok_or("a Huffman table with too many codes")?;
                    cells.fill((length as u8, *symbol));
                }
                code += 1;
            }
            index += usize::from(*count);
            if code > 1 << length {
                return Err("a Huffman table with too many codes".into());
            }
            if let Some(limit) = table.limits.get_mut(length as usize) {
                *limit = code << (16 - length);
            }
            code <<= 1;
        }
        Ok(table)
    }

    /// The next symbol.
    #[inline]
    pub(super) fn decode(&self, bits: &mut Bits<'_>) -> Result<u8, Failure> {
        bits.refill();
        let quick = (bits.buffer >> (64 - QUICK)) as usize;
        match self.quick.get(quick) {
            Some((length @ 1.., symbol)) => {
                bits.drop_bits(u32::from(*length));
                Ok(*symbol)
            }
            _ => self.decode_long(bits),
        }
    }

    #[cold]
    fn decode_long(&self, bits: &mut Bits<'_>) -> Result<u8, Failure> {
        let next = (bits.buffer >> 48) as u32;
        for (length, (limit, offset)) in (0u32..).zip(self.limits.iter().zip(&self.offsets)).skip(1) {
            if next < *limit {
                bits.drop_bits(length);
                let index = (next >> (16 - length)) as i32 + offset;
                let symbol = usize::try_from(index).ok().and_then(|i| self.symbols.get(i));
                return symbol.copied().ok_or_else(|| "a Huffman code without a symbol".into());
            }
        }
        Err("bits that are no Huffman code".into())
    }
}
