//! The values of data elements as numbers and text (PS3.5 6.2).
//!
//! The caller says what a value is: data sets in implicit VR do not.

use super::elements::Element;

/// Numbers of a fixed size, one after the other; what is left over at the end is none.
macro_rules! numbers {
    ($($(#[$doc:meta])* $name:ident: $t:ty),* $(,)?) => {$(
        $(#[$doc])*
        pub(super) fn $name(&self) -> impl ExactSizeIterator<Item = $t> + use<'a> {
            let big_endian = self.encoding.big_endian;
            let number = move |b: &[u8; size_of::<$t>()]| {
                if big_endian { <$t>::from_be_bytes(*b) } else { <$t>::from_le_bytes(*b) }
            };
            self.value.as_chunks().0.iter().map(number)
        }
    )*};
}

impl<'a> Element<'a> {
    numbers! {
        /// Unsigned shorts (US), or the bits of signed ones (SS).
        u16s: u16,
        /// Signed shorts (SS).
        i16s: i16,
        /// Unsigned longs (UL).
        u32s: u32,
        /// Unsigned very longs (UV, OV).
        u64s: u64,
        /// Signed longs (SL).
        i32s: i32,
        /// Floats (FL).
        floats: f32,
        /// Doubles (FD).
        doubles: f64,
    }

    /// The first unsigned short (US), or the bits of a signed one (SS).
    pub(super) fn u16(&self) -> Option<u16> {
        self.u16s().next()
    }

    /// The first double (FD), if it is finite.
    pub(super) fn double(&self) -> Option<f64> {
        self.doubles().next().filter(|x| x.is_finite())
    }

    /// The value as text, without the padding around it. Bytes that are not ASCII are replaced.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes_trimmed()).into_owned()
    }

    /// The values of a list of texts (CS, LO, UI, ...), without padding.
    pub(super) fn texts(&self) -> impl Iterator<Item = String> + use<'a> {
        self.bytes_trimmed().split(|b| *b == b'\\').map(|b| String::from_utf8_lossy(trim(b)).into_owned())
    }

    /// The value without leading and trailing spaces and NULs.
    pub(super) fn bytes_trimmed(&self) -> &'a [u8] {
        trim(self.value)
    }

    /// Whether there is anything but padding.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes_trimmed().is_empty()
    }

    /// A decimal string (DS or IS) of exactly `N` finite numbers.
    pub(super) fn decimals<const N: usize>(&self) -> Option<[f64; N]> {
        let mut numbers = [0.0; N];
        let mut parts = self.decimal_parts();
        for number in &mut numbers {
            *number = parts.next()??;
        }
        parts.next().is_none().then_some(numbers)
    }

    /// A decimal string (DS or IS) of any finite numbers; `None` when one of them is none, or there are none.
    pub(super) fn decimal_list(&self) -> Option<Vec<f64>> {
        self.decimal_parts().collect()
    }

    /// A decimal string of one number.
    pub(super) fn decimal(&self) -> Option<f64> {
        self.decimals::<1>().map(|[x]| x)
    }

    /// An integer string (IS) of one number.
    pub(super) fn integer(&self) -> Option<i64> {
        std::str::from_utf8(self.bytes_trimmed()).ok()?.parse().ok()
    }

    /// Doubles (FD), as text that two equal values share; `None` when there are none.
    pub(super) fn doubles_text(&self) -> Option<String> {
        let text: Vec<_> = self.doubles().map(|x| x.to_string()).collect();
        (!text.is_empty()).then(|| text.join("\\"))
    }

    /// Unsigned longs (UL), as text; `None` when there are none.
    pub(super) fn u32s_text(&self) -> Option<String> {
        let text: Vec<_> = self.u32s().map(|x| x.to_string()).collect();
        (!text.is_empty()).then(|| text.join("\\"))
    }

    fn decimal_parts(&self) -> impl Iterator<Item = Option<f64>> + use<'a> {
        let number =
            |b: &[u8]| std::str::from_utf8(trim(b)).ok()?.parse().ok().filter(|x: &f64| x.is_finite());
        self.bytes_trimmed().split(|b| *b == b'\\').map(number)
    }
}

fn trim(bytes: &[u8]) -> &[u8] {
    let padding = |b: &u8| b.is_ascii_whitespace() || *b == 0;
    let start = bytes.iter().position(|b| !padding(b)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|b| !padding(b)).map_or(start, |last| last + 1);
    bytes.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use dicom_core::Tag;

    use super::*;
    use crate::dicom::elements::Encoding;

    fn element(value: &[u8]) -> Element<'_> {
        Element { tag: Tag(0, 0), value, encoding: Encoding::EXPLICIT_LE, unknown: false, depth: 0 }
    }

    #[test]
    fn numbers_as_text() {
        assert_eq!(element(b" 1.5\\-2e1 ").decimals(), Some([1.5, -20.0]));
        assert_eq!(element(b"1.5\\2\\3").decimals::<2>(), None);
        assert_eq!(element(b"1.5").decimals::<2>(), None);
        assert_eq!(element(b"1.5\\ 2 \\3").decimal_list(), Some(vec![1.5, 2.0, 3.0]));
        assert_eq!(element(b"1.5\\\\3").decimal_list(), None);
        assert_eq!(element(b"").decimal_list(), None);
        assert_eq!(element(b"nan").decimal(), None);
        assert_eq!(element(b"").decimal(), None);
        assert_eq!(element(b"+12 ").integer(), Some(12));
        assert_eq!(element(b"  \0").text(), "");
        assert_eq!(element(b"A \\B\0").texts().collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn binary_numbers() {
        let value = [0xFF, 0xFF, 0x28, 0x00, 0x10];
        assert_eq!(element(&value).u16s().collect::<Vec<_>>(), [0xFFFF, 0x28]);
        assert_eq!(element(&value).i16s().collect::<Vec<_>>(), [-1, 0x28]);
        assert_eq!(element(&value).u32s().collect::<Vec<_>>(), [0x28_FFFF]);
        let big = Element { encoding: Encoding::EXPLICIT_BE, ..element(&value) };
        assert_eq!(big.u16s().last(), Some(0x2800));
        assert_eq!(big.i32s().collect::<Vec<_>>(), [-55_296]);
        assert_eq!(element(&1.5f64.to_le_bytes()).double(), Some(1.5));
        assert_eq!(element(&f64::NAN.to_le_bytes()).double(), None);
        assert_eq!(element(&1.5f32.to_le_bytes()).floats().collect::<Vec<_>>(), [1.5]);
    }
}
