//! Voxels written as text: numbers, or bytes in hexadecimal.

use std::io::{self, BufRead, ErrorKind, Read};

use super::number::NumberType;

/// Longer than any number that a program prints in full.
const MAX_TOKEN: usize = 512;
/// Bytes decoded at a time.
const BLOCK: usize = 1 << 15;

fn invalid(what: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}

/// Text decoded to bytes, block by block.
pub(super) struct Decoded<R, D> {
    inner: R,
    decoder: D,
    block: Vec<u8>,
    at: usize,
}

/// How a text stands for bytes.
pub(super) trait Decoder {
    /// Takes the letters in turn, with `None` at their end, and appends the bytes they stand for.
    fn take(&mut self, letter: Option<u8>, out: &mut Vec<u8>) -> io::Result<()>;
}

impl<R: BufRead, D: Decoder> Decoded<R, D> {
    pub(super) fn new(inner: R, decoder: D) -> Self {
        Self { inner, decoder, block: Vec::new(), at: 0 }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.block.clear();
        self.at = 0;
        while self.block.is_empty() {
            let text = self.inner.fill_buf()?;
            if text.is_empty() {
                return self.decoder.take(None, &mut self.block);
            }
            let text = text.get(..BLOCK).unwrap_or(text);
            for letter in text {
                self.decoder.take(Some(*letter), &mut self.block)?;
            }
            let used = text.len();
            self.inner.consume(used);
        }
        Ok(())
    }
}

impl<R: BufRead, D: Decoder> Read for Decoded<R, D> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.block.len() {
            self.refill()?;
        }
        let n = self.block.get(self.at..).unwrap_or_default().read(buffer)?;
        self.at += n;
        Ok(n)
    }
}

/// Numbers between white space or commas to their bytes, least significant first.
pub(super) struct Numbers {
    number: NumberType,
    token: Vec<u8>,
}

impl Numbers {
    pub(super) fn new(number: NumberType) -> Self {
        Self { number, token: Vec::new() }
    }

    fn push(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let text = String::from_utf8_lossy(&self.token);
        let fail = || invalid(format!("{text:?}, which is not of the type {:?}", self.number));
        macro_rules! integer {
            ($t:ty) => {{
                // Some writers print whole numbers with a point.
                let whole = |v: f64| v.fract() == 0.0 && v >= <$t>::MIN as f64 && v <= <$t>::MAX as f64;
                let value = text.parse::<$t>().or_else(|_| {
                    text.parse::<f64>().ok().filter(|v| whole(*v)).map(|v| v as $t).ok_or_else(fail)
                })?;
                out.extend(value.to_le_bytes());
            }};
        }
        match self.number {
            NumberType::U8 => integer!(u8),
            NumberType::I8 => integer!(i8),
            NumberType::U16 => integer!(u16),
            NumberType::I16 => integer!(i16),
            NumberType::U32 => integer!(u32),
            NumberType::I32 => integer!(i32),
            NumberType::U64 => integer!(u64),
            NumberType::I64 => integer!(i64),
            NumberType::F32 => out.extend(text.parse::<f32>().map_err(|_| fail())?.to_le_bytes()),
            NumberType::F64 => out.extend(text.parse::<f64>().map_err(|_| fail())?.to_le_bytes()),
        }
        Ok(())
    }
}

impl Decoder for Numbers {
    fn take(&mut self, letter: Option<u8>, out: &mut Vec<u8>) -> io::Result<()> {
        match letter {
            Some(letter) if !letter.is_ascii_whitespace() && letter != b',' => {
                if self.token.len() >= MAX_TOKEN {
                    return Err(invalid(format!("a word of more than {MAX_TOKEN} letters")));
                }
                self.token.push(letter);
            }
            _ if self.token.is_empty() => {}
            _ => {
                self.push(out)?;
                self.token.clear();
            }
        }
        Ok(())
    }
}

/// Pairs of hexadecimal digits, white space between them passed over.
#[derive(Default)]
pub(super) struct Hex {
    high: Option<u8>,
}

impl Decoder for Hex {
    fn take(&mut self, letter: Option<u8>, out: &mut Vec<u8>) -> io::Result<()> {
        let Some(letter) = letter else {
            return if self.high.is_some() { Err(ErrorKind::UnexpectedEof.into()) } else { Ok(()) };
        };
        if letter.is_ascii_whitespace() {
            return Ok(());
        }
        let digit = char::from(letter).to_digit(16);
        let digit = digit.ok_or_else(|| invalid(format!("byte {letter:#04x}")))? as u8;
        match self.high.take() {
            Some(high) => out.push(high << 4 | digit),
            None => self.high = Some(digit),
        }
        Ok(())
    }
}
