//! The lines of a header, brought to typed fields.

use std::path::Path;
use std::str::FromStr;

use super::report::{Encoding, Note, Space};
use crate::error::{Error, Result};
use crate::stored::{ByteOrder, Lines, NumberType};

/// `NRRD_DIM_MAX` of the reference library.
const MAX_DIMENSION: usize = 16;
/// Far more than the format has: each is compared with all before.
const MAX_FIELDS: usize = 1024;

/// One axis of the array, fastest first.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Axis {
    pub(super) size: usize,
    pub(super) kind: String,
    pub(super) centering: String,
    /// Millimetres and the like, of the spacing where there is no space.
    pub(super) unit: String,
    pub(super) spacing: Option<f64>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
    /// `None` where the axis is not in space, or the file has no directions.
    pub(super) direction: Option<Vec<f64>>,
}

/// A header; sizes are positive, their product with the size of a number fits 63 bits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Header {
    pub(super) version: u8,
    pub(super) number: NumberType,
    pub(super) encoding: Encoding,
    pub(super) order: Option<ByteOrder>,
    pub(super) axes: Vec<Axis>,
    pub(super) space: Option<Space>,
    pub(super) space_units: Vec<String>,
    pub(super) origin: Option<Vec<f64>>,
    pub(super) has_directions: bool,
    pub(super) measurement_frame: Option<Vec<Vec<f64>>>,
    pub(super) content: Option<String>,
    /// What `data file` says, and the lines after `LIST`.
    pub(super) data_file: Option<String>,
    pub(super) list: Vec<String>,
    pub(super) line_skip: u64,
    /// `None`: the data is the end of the file.
    pub(super) byte_skip: Option<u64>,
    pub(super) key_values: Vec<(String, String)>,
    pub(super) comments: Vec<String>,
    pub(super) notes: Vec<Note>,
    /// Bytes up to the data of an attached header.
    pub(super) end: u64,
}

/// Fields as they stand, in lower case and without blanks in the names.
#[derive(Default)]
struct Fields {
    fields: Vec<(String, String)>,
    key_values: Vec<(String, String)>,
    comments: Vec<String>,
    list: Vec<String>,
}

const KNOWN: [&str; 30] = [
    "type",
    "dimension",
    "sizes",
    "spacings",
    "thicknesses",
    "axismins",
    "axismaxs",
    "centerings",
    "labels",
    "units",
    "kinds",
    "min",
    "max",
    "oldmin",
    "oldmax",
    "content",
    "number",
    "encoding",
    "endian",
    "blocksize",
    "datafile",
    "lineskip",
    "byteskip",
    "sampleunits",
    "space",
    "spacedimension",
    "spaceunits",
    "spaceorigin",
    "spacedirections",
    "measurementframe",
];

impl Header {
    /// Reads the header at the start of a file, and no further.
    pub(super) fn read(lines: &mut Lines<'_>) -> Result<Self> {
        let path = lines.path();
        let magic = lines.next()?.unwrap_or_default();
        let version = version(&magic, path)?;
        let fields = Fields::read(lines)?;
        Parse { path, fields: &fields }.header(version, lines.position())
    }
}

fn invalid(path: &Path, what: &'static str, expected: &str, found: &str) -> Error {
    let short: String = found.chars().take(80).collect();
    Error::Invalid { path: path.into(), what, expected: expected.into(), found: format!("{short:?}") }
}

fn version(magic: &str, path: &Path) -> Result<u8> {
    match magic.strip_prefix("NRRD000").map(|digit| digit.trim_end().parse::<u8>()) {
        Some(Ok(version @ 1..=5)) => Ok(version),
        Some(_) => {
            let found = magic.chars().take(16).collect();
            Err(Error::Unsupported { path: path.into(), what: "NRRD version", found })
        }
        None => Err(invalid(
            path,
            "NRRD magic",
            "NRRD0001 to NRRD0005",
            &magic.chars().take(8).collect::<String>(),
        )),
    }
}

impl Fields {
    fn read(lines: &mut Lines<'_>) -> Result<Self> {
        let mut found = Self::default();
        while let Some(line) = lines.next()? {
            if line.is_empty() {
                break;
            }
            if let Some(comment) = line.strip_prefix('#') {
                found.comments.push(comment.trim_start().into());
                continue;
            }
            found.line(&line, lines.path())?;
            let starts_list = |(name, value): &(String, String)| {
                name == "datafile" && matches!(first_word(value), "LIST" | "SKIPLIST")
            };
            if found.fields.last().is_some_and(starts_list) {
                while let Some(name) = lines.next()? {
                    found.list.push(name.trim().into());
                }
                found.list.retain(|name| !name.is_empty());
            }
        }
        Ok(found)
    }

    fn line(&mut self, line: &str, path: &Path) -> Result<()> {
        let (pair, field) = (line.find(":="), line.find(": "));
        if let Some(at) = pair.filter(|&at| field.is_none_or(|f| at < f)) {
            let (key, value) = line.split_at(at);
            self.key_values.push((unescape(key), unescape(value.get(2..).unwrap_or_default())));
            return Ok(());
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(invalid(path, "NRRD header line", "\"field: value\" or \"key:=value\"", line));
        };
        let mut name: String = name.chars().filter(|c| *c != ' ').collect();
        name.make_ascii_lowercase();
        if name == "centers" {
            name = "centerings".into();
        }
        if self.fields.iter().any(|(other, _)| *other == name) {
            return Err(invalid(path, "NRRD header", "each field once", &name));
        }
        if self.fields.len() >= MAX_FIELDS {
            return Err(invalid(path, "NRRD header", &format!("at most {MAX_FIELDS} fields"), "more"));
        }
        self.fields.push((name, value.trim().into()));
        Ok(())
    }
}

fn first_word(text: &str) -> &str {
    text.split_whitespace().next().unwrap_or_default()
}

/// `\n` and `\\` in keys and values stand for a line end and a backslash.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => out.push('\n'),
                Some('\\') => out.push('\\'),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            _ => out.push(letter),
        }
    }
    out
}

struct Parse<'a> {
    path: &'a Path,
    fields: &'a Fields,
}

impl Parse<'_> {
    fn header(&self, version: u8, end: u64) -> Result<Header> {
        let number = self.number()?;
        let axes = self.axes(number)?;
        let space = self.text("space").map(Space::parse);
        let encoding = self.encoding()?;
        let order = self.order()?;
        if order.is_none() && number.size() > 1 && encoding != Encoding::Text {
            return Err(invalid(self.path, "NRRD endian", "\"little\" or \"big\"", "no such field"));
        }
        let mut notes = Vec::new();
        for (name, _) in &self.fields.fields {
            if !KNOWN.contains(&name.as_str()) {
                notes.push(Note::UnknownField { name: name.clone() });
            }
        }
        let Fields { key_values, comments, list, .. } = self.fields;
        Ok(Header {
            version,
            number,
            encoding,
            order,
            axes,
            space,
            space_units: self.text("spaceunits").map(quoted).unwrap_or_default(),
            origin: self
                .text("spaceorigin")
                .map(|text| self.vector("NRRD space origin", text))
                .transpose()?
                .flatten(),
            has_directions: self.text("spacedirections").is_some(),
            measurement_frame: self.measurement_frame()?,
            content: self.text("content").map(Into::into),
            data_file: self.text("datafile").map(Into::into),
            list: list.clone(),
            line_skip: self.line_skip()?,
            byte_skip: self.byte_skip(encoding)?,
            key_values: key_values.clone(),
            comments: comments.clone(),
            notes,
            end,
        })
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.fields.fields.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn required(&self, name: &str, what: &'static str) -> Result<&str> {
        self.text(name).ok_or_else(|| invalid(self.path, what, "the field", "none"))
    }

    fn number(&self) -> Result<NumberType> {
        let name = self.required("type", "NRRD type")?;
        let words: Vec<String> = name.split_whitespace().map(str::to_ascii_lowercase).collect();
        let found = match words.join(" ").as_str() {
            "signed char" | "int8" | "int8_t" => NumberType::I8,
            "uchar" | "unsigned char" | "uint8" | "uint8_t" => NumberType::U8,
            "short" | "short int" | "signed short" | "signed short int" | "int16" | "int16_t" => {
                NumberType::I16
            }
            "ushort" | "unsigned short" | "unsigned short int" | "uint16" | "uint16_t" => NumberType::U16,
            "int" | "signed int" | "int32" | "int32_t" => NumberType::I32,
            "uint" | "unsigned int" | "uint32" | "uint32_t" => NumberType::U32,
            "longlong"
            | "long long"
            | "long long int"
            | "signed long long"
            | "signed long long int"
            | "int64"
            | "int64_t" => NumberType::I64,
            "ulonglong" | "unsigned long long" | "unsigned long long int" | "uint64" | "uint64_t" => {
                NumberType::U64
            }
            "float" => NumberType::F32,
            "double" => NumberType::F64,
            "block" => {
                let found = "block".into();
                return Err(Error::Unsupported { path: self.path.into(), what: "NRRD type", found });
            }
            _ => return Err(invalid(self.path, "NRRD type", "a type of the format", name)),
        };
        Ok(found)
    }

    fn encoding(&self) -> Result<Encoding> {
        let name = self.required("encoding", "NRRD encoding")?;
        match name.to_ascii_lowercase().as_str() {
            "raw" => Ok(Encoding::Raw),
            "gz" | "gzip" => Ok(Encoding::Gzip),
            "txt" | "text" | "ascii" => Ok(Encoding::Text),
            "hex" => Ok(Encoding::Hex),
            "bz2" | "bzip2" => {
                let found = "bzip2".into();
                Err(Error::Unsupported { path: self.path.into(), what: "NRRD encoding", found })
            }
            _ => Err(invalid(self.path, "NRRD encoding", "raw, gzip, bzip2, text or hex", name)),
        }
    }

    fn order(&self) -> Result<Option<ByteOrder>> {
        match self.text("endian").map(str::to_ascii_lowercase).as_deref() {
            None => Ok(None),
            Some("little") => Ok(Some(ByteOrder::Little)),
            Some("big") => Ok(Some(ByteOrder::Big)),
            Some(other) => Err(invalid(self.path, "NRRD endian", "\"little\" or \"big\"", other)),
        }
    }

    fn axes(&self, number: NumberType) -> Result<Vec<Axis>> {
        let dimension = self.required("dimension", "NRRD dimension")?;
        let rank = dimension.parse().ok().filter(|n| (1..=MAX_DIMENSION).contains(n));
        let rank = rank.ok_or_else(|| invalid(self.path, "NRRD dimension", "1 to 16", dimension))?;
        let sizes = self.required("sizes", "NRRD sizes")?;
        let mut axes = Vec::with_capacity(rank);
        for word in sizes.split_whitespace().take(rank + 1) {
            let size = word.parse().ok().filter(|&n: &usize| n > 0);
            let size = size.ok_or_else(|| invalid(self.path, "NRRD sizes", "whole numbers from 1", word))?;
            axes.push(Axis { size, ..Axis::default() });
        }
        if axes.len() != rank {
            return Err(invalid(self.path, "NRRD sizes", &format!("{rank} numbers"), sizes));
        }
        let bytes = axes.iter().try_fold(number.size(), |n, axis| n.checked_mul(axis.size));
        if bytes.is_none_or(|n| n > isize::MAX as usize / 16) {
            return Err(invalid(self.path, "NRRD sizes", "no more than memory can address", sizes));
        }
        self.describe(&mut axes)?;
        Ok(axes)
    }

    /// The fields that say something of each axis.
    fn describe(&self, axes: &mut [Axis]) -> Result<()> {
        let rank = axes.len();
        for (axis, value) in axes.iter_mut().zip(self.per_axis("spacings", "NRRD spacings", rank)?) {
            axis.spacing = value;
        }
        for (axis, value) in axes.iter_mut().zip(self.per_axis("axismins", "NRRD axis mins", rank)?) {
            axis.min = value;
        }
        for (axis, value) in axes.iter_mut().zip(self.per_axis("axismaxs", "NRRD axis maxs", rank)?) {
            axis.max = value;
        }
        for (axis, kind) in axes.iter_mut().zip(self.text("kinds").unwrap_or_default().split_whitespace()) {
            axis.kind = kind.to_ascii_lowercase();
        }
        let centerings = self.text("centerings").unwrap_or_default();
        for (axis, centering) in axes.iter_mut().zip(centerings.split_whitespace()) {
            axis.centering = centering.to_ascii_lowercase();
        }
        for (axis, unit) in axes.iter_mut().zip(self.text("units").map(quoted).unwrap_or_default()) {
            axis.unit = unit;
        }
        let Some(text) = self.text("spacedirections") else { return Ok(()) };
        let directions = self.vectors("NRRD space directions", text)?;
        if directions.len() != axes.len() {
            let expected = format!("{} vectors", axes.len());
            return Err(invalid(self.path, "NRRD space directions", &expected, text));
        }
        for (axis, direction) in axes.iter_mut().zip(directions) {
            axis.direction = direction;
        }
        Ok(())
    }

    /// A number for each axis, NaN meaning none.
    fn per_axis(&self, name: &str, what: &'static str, rank: usize) -> Result<Vec<Option<f64>>> {
        let Some(text) = self.text(name) else { return Ok(Vec::new()) };
        let values: Vec<Option<f64>> = text
            .split_whitespace()
            .map(|word| self.parse(what, word).map(|v: f64| (!v.is_nan()).then_some(v)))
            .collect::<Result<_>>()?;
        if values.len() != rank {
            return Err(invalid(self.path, what, &format!("{rank} numbers"), text));
        }
        Ok(values)
    }

    fn parse<T: FromStr>(&self, what: &'static str, word: &str) -> Result<T> {
        word.parse().map_err(|_| invalid(self.path, what, "a number", word))
    }

    /// `(x,y,z)`, or `none`.
    fn vector(&self, what: &'static str, text: &str) -> Result<Option<Vec<f64>>> {
        let one = <[_; 1]>::try_from(self.vectors(what, text)?);
        one.map(|[vector]| vector).map_err(|_| invalid(self.path, what, "one vector", text))
    }

    /// Vectors and `none` in turn. A vector of NaN is an old way to say `none`.
    fn vectors(&self, what: &'static str, text: &str) -> Result<Vec<Option<Vec<f64>>>> {
        let bad = || invalid(self.path, what, "vectors as in (1,0,0), or none", text);
        let mut vectors = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("none") {
                vectors.push(None);
                rest = after.trim_start();
                continue;
            }
            let (inside, after) = rest.strip_prefix('(').and_then(|r| r.split_once(')')).ok_or_else(bad)?;
            let vector: Vec<f64> = inside
                .split(',')
                .map(|word| word.trim().parse().map_err(|_| bad()))
                .collect::<Result<_>>()?;
            let none = vector.iter().all(|x| x.is_nan());
            vectors.push((!none).then_some(vector));
            rest = after.trim_start();
        }
        Ok(vectors)
    }

    fn measurement_frame(&self) -> Result<Option<Vec<Vec<f64>>>> {
        let Some(text) = self.text("measurementframe") else { return Ok(None) };
        Ok(self.vectors("NRRD measurement frame", text)?.into_iter().collect())
    }

    fn line_skip(&self) -> Result<u64> {
        self.text("lineskip").map_or(Ok(0), |text| self.parse("NRRD line skip", text))
    }

    fn byte_skip(&self, encoding: Encoding) -> Result<Option<u64>> {
        match self.text("byteskip") {
            None => Ok(Some(0)),
            Some("-1") if encoding == Encoding::Raw => Ok(None),
            Some(text) => self.parse("NRRD byte skip", text).map(Some),
        }
    }
}

/// Words in quotation marks; without any, words between blanks.
fn quoted(text: &str) -> Vec<String> {
    if text.contains('"') {
        return text.split('"').skip(1).step_by(2).map(|unit| unit.trim().into()).collect();
    }
    text.split_whitespace().map(Into::into).collect()
}
