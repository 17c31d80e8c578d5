//! The lines of a header, brought to typed fields.

use std::path::Path;
use std::str::FromStr;

use super::report::Note;
use crate::error::{Error, Result};
use crate::stored::{ByteOrder, Lines, NumberType};

/// A header; sizes are positive, their product with the size of a voxel fits 63 bits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    pub(super) number: NumberType,
    pub(super) order: ByteOrder,
    pub(super) text: bool,
    pub(super) compressed: bool,
    pub(super) compressed_size: Option<u64>,
    pub(super) components: usize,
    /// `DimSize`, fastest first: 2 to 4 numbers.
    pub(super) sizes: Vec<usize>,
    pub(super) spacing: Vec<f64>,
    pub(super) offset: Vec<f64>,
    /// Each row is the direction of an axis.
    pub(super) directions: Vec<Vec<f64>>,
    pub(super) slope: f64,
    pub(super) intercept: f64,
    /// `None`: the data is the end of its file.
    pub(super) header_size: Option<u64>,
    pub(super) data_file: String,
    /// The lines after `LIST`.
    pub(super) list: Vec<String>,
    /// All fields but `ElementDataFile`, as they stand.
    pub(super) fields: Vec<(String, String)>,
    pub(super) notes: Vec<Note>,
    /// Bytes up to the data of a local header.
    pub(super) end: u64,
}

/// Longest plausible line before the first `=`: what is longer is no header.
const MAX_NAME: usize = 256;
/// Far more than any header has: each is compared with all before.
const MAX_FIELDS: usize = 1024;

impl Header {
    /// Reads the header at the start of a file, and no further unless it ends in a list of files.
    pub(super) fn read(lines: &mut Lines<'_>) -> Result<Self> {
        let mut fields: Vec<(String, String)> = Vec::new();
        while let Some(line) = lines.next()? {
            if line.trim().is_empty() {
                continue;
            }
            let (name, value) = field(&line, lines.path())?;
            if name != "ElementDataFile" {
                if fields.iter().any(|(other, _)| *other == name) {
                    return Err(invalid(lines.path(), "MetaImage header", "each field once", &name));
                }
                fields.push((name, value));
                if fields.len() > MAX_FIELDS {
                    let expected = format!("at most {MAX_FIELDS} fields");
                    return Err(invalid(lines.path(), "MetaImage header", &expected, "more"));
                }
                continue;
            }
            let end = lines.position();
            let mut list = Vec::new();
            if value.split_whitespace().next() == Some("LIST") {
                while let Some(name) = lines.next()? {
                    list.push(name.trim().to_owned());
                }
                list.retain(|name| !name.is_empty());
            }
            let parse = Parse { path: lines.path(), fields: &fields };
            return parse.header(value, list, end);
        }
        Err(invalid(lines.path(), "MetaImage header", "ElementDataFile as its last field", "its end"))
    }
}

fn invalid(path: &Path, what: &'static str, expected: &str, found: &str) -> Error {
    let short: String = found.chars().take(80).collect();
    Error::Invalid { path: path.into(), what, expected: expected.into(), found: format!("{short:?}") }
}

fn field(line: &str, path: &Path) -> Result<(String, String)> {
    let named = line.split_once('=').filter(|(name, _)| {
        let name = name.trim();
        !name.is_empty()
            && name.len() <= MAX_NAME
            && !name.contains(|c: char| c.is_control() || c == '\u{fffd}')
    });
    let (name, value) = named.ok_or_else(|| {
        let start: String = line.chars().take(16).collect();
        invalid(path, "MetaImage header line", "\"Name = value\"", &start)
    })?;
    Ok((name.trim().into(), value.trim().into()))
}

struct Parse<'a> {
    path: &'a Path,
    fields: &'a [(String, String)],
}

impl Parse<'_> {
    fn header(&self, data_file: String, list: Vec<String>, end: u64) -> Result<Header> {
        let mut notes = Vec::new();
        if let Some(object) = self.text("ObjectType").filter(|object| *object != "Image") {
            let found = object.chars().take(40).collect();
            return Err(Error::Unsupported { path: self.path.into(), what: "ObjectType", found });
        }
        let number = self.number()?;
        let components = self.one("ElementNumberOfChannels")?.unwrap_or(1usize);
        let sizes = self.sizes(number, components)?;
        let rank = sizes.len();
        let text = !self.flag("BinaryData")?.unwrap_or(true);
        Ok(Header {
            order: self.order(number, text, &mut notes)?,
            text,
            compressed: self.flag("CompressedData")?.unwrap_or(false),
            compressed_size: self.one("CompressedDataSize")?.filter(|&n| n > 0),
            components,
            spacing: self.spacing(rank, &mut notes)?,
            offset: self.first_of(&["Offset", "Position", "Origin"], rank)?.unwrap_or_else(|| {
                notes.push(Note::OffsetAssumed);
                vec![0.0; rank]
            }),
            directions: self.directions(rank)?,
            slope: self.one("ElementToIntensityFunctionSlope")?.unwrap_or(1.0),
            intercept: self.one("ElementToIntensityFunctionOffset")?.unwrap_or(0.0),
            header_size: match self.text("HeaderSize") {
                Some("-1") => None,
                _ => Some(self.one("HeaderSize")?.unwrap_or(0)),
            },
            number,
            sizes,
            data_file,
            list,
            fields: self.fields.to_vec(),
            notes,
            end,
        })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn parse<T: FromStr>(&self, name: &str, word: &str) -> Result<T> {
        word.parse().map_err(|_| {
            invalid(self.path, "number in the MetaImage header", &format!("a number in {name}"), word)
        })
    }

    fn one<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        self.text(name).map(|word| self.parse(name, word)).transpose()
    }

    fn flag(&self, name: &'static str) -> Result<Option<bool>> {
        // MetaIO looks at the first letter alone.
        match self.text(name).map(|text| text.bytes().next().unwrap_or(b' ')) {
            None => Ok(None),
            Some(b'T' | b't' | b'1') => Ok(Some(true)),
            Some(b'F' | b'f' | b'0') => Ok(Some(false)),
            Some(_) => Err(invalid(self.path, name, "True or False", self.text(name).unwrap_or_default())),
        }
    }

    fn number(&self) -> Result<NumberType> {
        let name = self.text("ElementType").unwrap_or_default();
        Ok(match name.strip_suffix("_ARRAY").unwrap_or(name) {
            "MET_CHAR" => NumberType::I8,
            "MET_UCHAR" => NumberType::U8,
            "MET_SHORT" => NumberType::I16,
            "MET_USHORT" => NumberType::U16,
            // 4 bytes in files, whatever the compiler's `long` is.
            "MET_INT" | "MET_LONG" => NumberType::I32,
            "MET_UINT" | "MET_ULONG" => NumberType::U32,
            "MET_LONG_LONG" => NumberType::I64,
            "MET_ULONG_LONG" => NumberType::U64,
            "MET_FLOAT" => NumberType::F32,
            "MET_DOUBLE" => NumberType::F64,
            "MET_NONE" | "MET_ASCII_CHAR" | "MET_STRING" | "MET_FLOAT_MATRIX" | "MET_OTHER" => {
                return Err(Error::Unsupported {
                    path: self.path.into(),
                    what: "ElementType",
                    found: name.into(),
                });
            }
            _ => return Err(invalid(self.path, "ElementType", "a MET_ type", name)),
        })
    }

    fn order(&self, number: NumberType, text: bool, notes: &mut Vec<Note>) -> Result<ByteOrder> {
        let msb = match self.flag("BinaryDataByteOrderMSB")? {
            None => self.flag("ElementByteOrderMSB")?,
            found => found,
        };
        if msb.is_none() && number.size() > 1 && !text {
            notes.push(Note::LittleEndianAssumed);
        }
        Ok(if msb == Some(true) { ByteOrder::Big } else { ByteOrder::Little })
    }

    fn sizes(&self, number: NumberType, components: usize) -> Result<Vec<usize>> {
        let rank: usize = match self.text("NDims") {
            Some(word) => self.parse("NDims", word)?,
            None => return Err(invalid(self.path, "NDims", "the field", "none")),
        };
        if !(2..=4).contains(&rank) {
            let found = rank.to_string();
            return Err(Error::Unsupported { path: self.path.into(), what: "NDims", found });
        }
        let text = self.text("DimSize").unwrap_or_default();
        let sizes: Option<Vec<usize>> =
            text.split_whitespace().take(5).map(|word| word.parse().ok().filter(|&n| n > 0)).collect();
        let sizes = sizes.filter(|sizes| sizes.len() == rank);
        let sizes = sizes
            .ok_or_else(|| invalid(self.path, "DimSize", &format!("{rank} whole numbers from 1"), text))?;
        let voxel = number.size().checked_mul(components).filter(|&n| n > 0);
        let bytes = sizes.iter().try_fold(voxel, |n, &size| Some(n?.checked_mul(size)));
        if bytes.flatten().is_none_or(|n| n > isize::MAX as usize / 16) {
            let found = format!("{text} with {components} channels");
            return Err(invalid(self.path, "DimSize", "no more than memory can address", &found));
        }
        Ok(sizes)
    }

    fn numbers(&self, name: &'static str, count: usize) -> Result<Option<Vec<f64>>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let words = text.split_whitespace().take(count + 1);
        let numbers = words.map(|word| self.parse(name, word)).collect::<Result<Vec<f64>>>()?;
        if numbers.len() != count {
            return Err(invalid(self.path, name, &format!("{count} numbers"), text));
        }
        Ok(Some(numbers))
    }

    fn first_of(&self, names: &[&'static str], count: usize) -> Result<Option<Vec<f64>>> {
        for name in names {
            if let Some(found) = self.numbers(name, count)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn spacing(&self, rank: usize, notes: &mut Vec<Note>) -> Result<Vec<f64>> {
        if let Some(found) = self.numbers("ElementSpacing", rank)? {
            return Ok(found);
        }
        if let Some(found) = self.numbers("ElementSize", rank)? {
            notes.push(Note::SpacingFromElementSize);
            return Ok(found);
        }
        notes.push(Note::SpacingAssumed);
        Ok(vec![1.0; rank])
    }

    fn directions(&self, rank: usize) -> Result<Vec<Vec<f64>>> {
        let found = self.first_of(&["TransformMatrix", "Rotation", "Orientation"], rank * rank)?;
        let unit = || (0..rank * rank).map(|i| f64::from(u8::from(i % (rank + 1) == 0))).collect();
        Ok(found.unwrap_or_else(unit).chunks(rank).map(<[f64]>::to_vec).collect())
    }
}
