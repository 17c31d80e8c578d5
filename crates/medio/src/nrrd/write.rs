//! Writing files.

use std::path::{Path, PathBuf};

use medcore::{Geometry, Scalar, Volume};

use super::options::WriteOptions;
use super::report::Encoding;
use crate::error::{Error, Result};
use crate::stored::{ByteOrder, Form, NumberType, encode, write_atomically};

/// Writes a volume with the default [`WriteOptions`]: `.nrrd` in one file, `.nhdr` with the voxels in a file beside it.
///
/// # Errors
/// [`Error::Invalid`] for another extension; [`Error::Io`].
pub fn write<T: Scalar>(path: impl AsRef<Path>, volume: &Volume<T>) -> Result<()> {
    write_with(path, volume, &WriteOptions::default())
}

/// Writes a volume with choices.
///
/// The values are stored in their own type, the space is `left-posterior-superior`, and directions and origin have all their
/// digits. For `scan.nhdr` the voxels go to `scan.raw`, `scan.raw.gz`, `scan.txt` or `scan.hex`. A file of that name is
/// replaced in one step: the new one is complete before it takes the name.
///
/// ```
/// # let g = medcore::Geometry::axial([1, 2, 2], medcore::Spacing::isotropic(2.0), medcore::Point3::new(0.0, 0.0, 0.0))?;
/// # let volume = medcore::Volume::from_vec(vec![1i16, 2, 3, -4], g)?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("tiny.nrrd");
/// use medio::nrrd::{self, ReadOptions, WriteOptions};
/// nrrd::write_with(&path, &volume, &WriteOptions::default().key_value("modality", "MR"))?;
/// let (back, report) = nrrd::read_with::<i16>(&path, &ReadOptions::default())?;
/// assert_eq!(back, volume);
/// assert_eq!(report.key_values, [("modality".to_string(), "MR".to_string())]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`write()`], and [`Error::Invalid`] for a key that is empty or has `:=`, `#` at its start or `: ` in it.
pub fn write_with<T: Scalar>(
    path: impl AsRef<Path>,
    volume: &Volume<T>,
    options: &WriteOptions,
) -> Result<()> {
    write_numbers(path.as_ref(), volume.as_slice(), volume.geometry(), 1, options)
}

/// Writes `components` numbers for each voxel, those of one voxel side by side.
pub(super) fn write_numbers<T: Scalar>(
    path: &Path,
    numbers: &[T],
    geometry: &Geometry,
    components: usize,
    options: &WriteOptions,
) -> Result<()> {
    let data = data_file(path, options.encoding)?;
    check(path, options)?;
    let name = data.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let header = header(NumberType::of::<T>(), geometry, components, options, name.as_deref());
    let form = match options.encoding {
        Encoding::Raw => Form::Raw,
        Encoding::Gzip => Form::Gzip,
        Encoding::Text => Form::Text,
        Encoding::Hex => Form::Hex,
    };
    if let Some(data) = data {
        write_atomically(&data, |out| encode(out, numbers, form, options.byte_order))?;
        return write_atomically(path, |out| out.write_all(header.as_bytes()));
    }
    write_atomically(path, |out| {
        out.write_all(header.as_bytes())?;
        encode(out, numbers, form, options.byte_order)
    })
}

/// The file of a detached header's voxels.
fn data_file(path: &Path, encoding: Encoding) -> Result<Option<PathBuf>> {
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match extension.as_str() {
        "nrrd" => Ok(None),
        "nhdr" => Ok(Some(path.with_extension(match encoding {
            Encoding::Raw => "raw",
            Encoding::Gzip => "raw.gz",
            Encoding::Text => "txt",
            Encoding::Hex => "hex",
        }))),
        _ => Err(Error::Invalid {
            path: path.into(),
            what: "file extension",
            expected: ".nrrd or .nhdr".into(),
            found: format!("{extension:?}"),
        }),
    }
}

fn check(path: &Path, options: &WriteOptions) -> Result<()> {
    let bad = |key: &str| key.is_empty() || key.starts_with('#') || key.contains(":=") || key.contains(": ");
    match options.key_values.iter().find(|(key, _)| bad(key)) {
        None => Ok(()),
        Some((key, _)) => Err(Error::Invalid {
            path: path.into(),
            what: "NRRD key",
            expected: "a name without \":=\" and \": \"".into(),
            found: format!("{key:?}"),
        }),
    }
}

fn type_name(number: NumberType) -> &'static str {
    match number {
        NumberType::U8 => "unsigned char",
        NumberType::I8 => "signed char",
        NumberType::U16 => "unsigned short",
        NumberType::I16 => "short",
        NumberType::U32 => "unsigned int",
        NumberType::I32 => "int",
        NumberType::U64 => "unsigned long long int",
        NumberType::I64 => "long long int",
        NumberType::F32 => "float",
        NumberType::F64 => "double",
    }
}

fn header(
    number: NumberType,
    geometry: &Geometry,
    components: usize,
    options: &WriteOptions,
    data_file: Option<&str>,
) -> String {
    let [slices, rows, columns] = geometry.size();
    let affine = geometry.voxel_to_lps();
    let [a, b, c] = [0, 1, 2].map(|axis| vector(affine.column(axis).coords()));
    let several = components > 1;
    let first = |text: &str| if several { text.to_owned() } else { String::new() };
    // The version that knows the measurement frame; nothing of the fifth is used.
    let mut lines = vec!["NRRD0004".to_owned()];
    lines.extend(options.comments.iter().map(|comment| format!("# {}", one_line(comment))));
    lines.push(format!("type: {}", type_name(number)));
    lines.push(format!("dimension: {}", 3 + usize::from(several)));
    lines.push("space: left-posterior-superior".into());
    lines.push(format!("sizes: {}{columns} {rows} {slices}", first(&format!("{components} "))));
    lines.push(format!("space directions: {}{a} {b} {c}", first("none ")));
    lines.push(format!("kinds: {}domain domain domain", first("list ")));
    if options.encoding != Encoding::Text {
        let order = if options.byte_order == ByteOrder::Big { "big" } else { "little" };
        lines.push(format!("endian: {order}"));
    }
    lines.push(format!("encoding: {}", encoding_name(options.encoding)));
    lines.push(format!("space origin: {}", vector(affine.offset())));
    lines.extend(options.content.iter().map(|content| format!("content: {}", one_line(content))));
    lines.extend(options.measurement_frame.iter().map(|m| {
        let column = |c: usize| vector([m[0][c], m[1][c], m[2][c]]);
        format!("measurement frame: {} {} {}", column(0), column(1), column(2))
    }));
    lines.extend(options.key_values.iter().map(|(key, value)| format!("{}:={}", escape(key), escape(value))));
    // Last, so that readers that take it for the end of the header agree.
    lines.extend(data_file.map(|name| format!("data file: {name}")));
    if data_file.is_none() {
        lines.push(String::new());
    }
    lines.push(String::new());
    lines.join("\n")
}

fn encoding_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Raw => "raw",
        Encoding::Gzip => "gzip",
        Encoding::Text => "text",
        Encoding::Hex => "hex",
    }
}

fn vector([x, y, z]: [f64; 3]) -> String {
    format!("({x},{y},{z})")
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', " ")
}
