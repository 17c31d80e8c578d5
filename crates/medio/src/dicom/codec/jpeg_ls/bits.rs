//! The bits of a JPEG-LS scan: after a byte FF the next one holds 7 (ISO/IEC 14495-1 C.1).

use super::super::Failure;

/// Reads bits up to the next marker; zeros follow, and are counted.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bit is the uppermost.
    buffer: u64,
    count: u32,
    /// Zeros appended after the end.
    appended: u32,
    after_ff: bool,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8], at: usize) -> Self {
        Self { data, at, buffer: 0, count: 0, appended: 0, after_ff: false }
    }

    /// At least 32 bits in the buffer.
    #[inline]
    fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if !self.after_ff
            && let Some(word) = self.data.get(self.at..).and_then(|rest| rest.first_chunk::<4>())
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
            match self.data.get(self.at) {
                Some(byte) if self.after_ff && *byte < 0x80 => {
                    self.append(u64::from(*byte), 7);
                    self.after_ff = false;
                    self.at += 1;
                }
                Some(0xFF) if !self.after_ff => {
                    // A marker, unless the next byte starts with a stuffed zero.
                    if self.data.get(self.at + 1).is_none_or(|next| *next >= 0x80) {
                        self.append_end();
                    } else {
                        self.append(0xFF, 8);
                        self.after_ff = true;
                        self.at += 1;
                    }
                }
                Some(byte) if !self.after_ff => {
                    self.append(u64::from(*byte), 8);
                    self.at += 1;
                }
                _ => self.append_end(),
            }
        }
    }

    fn append(&mut self, bits: u64, n: u32) {
        self.buffer |= bits << (64 - n - self.count);
        self.count += n;
    }

    fn append_end(&mut self) {
        self.count += 8;
        self.appended = self.appended.saturating_add(8);
    }

    #[inline]
    fn drop_bits(&mut self, n: u32) {
        self.buffer <<= n;
        self.count -= n;
    }

    /// The next `n` bits, at most 31.
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

    /// A limited-length Golomb code (A.5.3).
    #[inline]
    pub(super) fn golomb(&mut self, k: u32, limit: u32, qbpp: u32) -> Result<i32, Failure> {
        let escape = limit - qbpp - 1;
        self.refill();
        // Nearly every code is in the buffer as a whole.
        let zeros = self.buffer.leading_zeros();
        if zeros < escape && zeros + 1 + k <= self.count {
            // `k` may be 0, and the zeros at most 63 with the one after.
            let rest = self.buffer << zeros << 1;
            let low = (rest >> 1 >> (63 - k)) as u32;
            self.buffer = rest << k;
            self.count -= zeros + 1 + k;
            return Ok(((zeros << k) | low) as i32);
        }
        self.long_golomb(k, escape, qbpp)
    }

    #[cold]
    fn long_golomb(&mut self, k: u32, escape: u32, qbpp: u32) -> Result<i32, Failure> {
        let mut zeros = 0;
        loop {
            self.refill();
            // All bits beyond the count are zero.
            let run = self.buffer.leading_zeros().min(self.count);
            zeros += run;
            if zeros > escape {
                return Err("a code longer than its limit".into());
            }
            if run < self.count {
                self.drop_bits(run);
                self.drop_bits(1);
                break;
            }
            self.buffer = 0;
            self.count = 0;
        }
        if zeros < escape { Ok(((zeros << k) | self.take(k)) as i32) } else { Ok(self.take(qbpp) as i32 + 1) }
    }

    /// Whether more was read than there is.
    pub(super) fn is_exhausted(&self) -> bool {
        self.appended > self.count
    }

    /// Goes on after the restart marker that must stand here.
    pub(super) fn restart(&mut self) -> Result<(), Failure> {
        match self.data.get(self.at..self.at + 2) {
            Some([0xFF, 0xD0..=0xD7]) => {
                *self = Self::new(self.data, self.at + 2);
                Ok(())
            }
            _ => Err("no restart marker where one is due".into()),
        }
    }

    /// The next marker, given that the scan ends near here.
    pub(super) fn next_marker(&self) -> usize {
        // At most 8 bytes are buffered, none of them of a marker.
        let mut at = self.at;
        while let Some(pair) = self.data.get(at..at + 2) {
            if pair[0] == 0xFF && pair[1] >= 0x80 {
                return at;
            }
            at += 1;
        }
        self.data.len()
    }
}
