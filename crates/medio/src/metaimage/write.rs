//! Writing files.

use std::path::Path;

use medcore::{Geometry, Scalar, Volume};

use super::options::WriteOptions;
use crate::error::{Error, Result};
use crate::stored::{ByteOrder, Form, NumberType, encode, write_atomically};

/// Writes a volume with the default [`WriteOptions`]: `.mha` in one file, `.mhd` with the voxels in a file beside it.
///
/// # Errors
/// [`Error::Invalid`] for another extension; [`Error::Io`].
pub fn write<T: Scalar>(path: impl AsRef<Path>, volume: &Volume<T>) -> Result<()> {
    write_with(path, volume, &WriteOptions::default())
}

/// Writes a volume with choices.
///
/// The values are stored in their own type; directions, spacing and offset have all their digits. For `scan.mhd` the voxels go
/// to `scan.raw`, or `scan.zraw` when compressed. A file of that name is replaced in one step: the new one is complete before it
/// takes the name. The compressed voxels of a `.mha` file are held in memory, as their size stands before them.
///
/// ```
/// # let g = medcore::Geometry::axial([1, 2, 2], medcore::Spacing::isotropic(2.0), medcore::Point3::new(0.0, 0.0, 0.0))?;
/// # let volume = medcore::Volume::from_vec(vec![1i16, 2, 3, -4], g)?;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("tiny.mha");
/// use medio::metaimage::{self, WriteOptions};
/// metaimage::write_with(&path, &volume, &WriteOptions::default().compressed(false))?;
/// assert_eq!(metaimage::read_as::<i16>(&path)?, volume);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`write()`], and [`Error::Invalid`] for a further field that is empty, written anyway, or has `=` or a line end.
pub fn write_with<T: Scalar>(
    path: impl AsRef<Path>,
    volume: &Volume<T>,
    options: &WriteOptions,
) -> Result<()> {
    let path = path.as_ref();
    let form = if options.compressed { Form::Zlib } else { Form::Raw };
    let header = |data: &str, size: Option<usize>| header(volume, options, data, size, path);
    let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    match extension.as_str() {
        "mha" if options.compressed => {
            let mut bytes = Vec::new();
            encode(&mut bytes, volume.as_slice(), form, options.byte_order)
                .map_err(|source| Error::Io { path: path.into(), source })?;
            let header = header("LOCAL", Some(bytes.len()))?;
            write_atomically(path, |out| {
                out.write_all(header.as_bytes())?;
                out.write_all(&bytes)
            })
        }
        "mha" => {
            let header = header("LOCAL", None)?;
            write_atomically(path, |out| {
                out.write_all(header.as_bytes())?;
                encode(out, volume.as_slice(), form, options.byte_order)
            })
        }
        "mhd" => {
            let data = path.with_extension(if options.compressed { "zraw" } else { "raw" });
            let name = data.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let header = header(&name, None)?;
            write_atomically(&data, |out| encode(out, volume.as_slice(), form, options.byte_order))?;
            write_atomically(path, |out| out.write_all(header.as_bytes()))
        }
        _ => Err(Error::Invalid {
            path: path.into(),
            what: "file extension",
            expected: ".mha or .mhd".into(),
            found: format!("{extension:?}"),
        }),
    }
}

fn type_name(number: NumberType) -> &'static str {
    match number {
        NumberType::U8 => "MET_UCHAR",
        NumberType::I8 => "MET_CHAR",
        NumberType::U16 => "MET_USHORT",
        NumberType::I16 => "MET_SHORT",
        NumberType::U32 => "MET_UINT",
        NumberType::I32 => "MET_INT",
        NumberType::U64 => "MET_ULONG_LONG",
        NumberType::I64 => "MET_LONG_LONG",
        NumberType::F32 => "MET_FLOAT",
        NumberType::F64 => "MET_DOUBLE",
    }
}

/// `ElementDataFile` is the last field; the voxels of a local file follow.
fn header<T: Scalar>(
    volume: &Volume<T>,
    options: &WriteOptions,
    data_file: &str,
    compressed_size: Option<usize>,
    path: &Path,
) -> Result<String> {
    let mut fields: Vec<(&str, String)> = vec![
        ("ObjectType", "Image".into()),
        ("NDims", "3".into()),
        ("BinaryData", "True".into()),
        ("BinaryDataByteOrderMSB", truth(options.byte_order == ByteOrder::Big)),
        ("CompressedData", truth(options.compressed)),
    ];
    fields.extend(compressed_size.map(|size| ("CompressedDataSize", size.to_string())));
    place(volume.geometry(), &mut fields);
    for (name, value) in &options.fields {
        let written = fields.iter().any(|(other, _)| other == name);
        let later = matches!(name.as_str(), "DimSize" | "ElementType" | "ElementDataFile");
        if name.trim().is_empty() || written || later || format!("{name}{value}").contains(['=', '\n', '\r'])
        {
            return Err(Error::Invalid {
                path: path.into(),
                what: "further field of a MetaImage header",
                expected: "a new name, without \"=\" and line ends".into(),
                found: format!("{name:?}"),
            });
        }
        fields.push((name, value.clone()));
    }
    let [slices, rows, columns] = volume.size();
    fields.push(("DimSize", format!("{columns} {rows} {slices}")));
    fields.push(("ElementType", type_name(NumberType::of::<T>()).into()));
    fields.push(("ElementDataFile", data_file.into()));
    Ok(fields.iter().map(|(name, value)| format!("{name} = {value}\n")).collect())
}

fn place(geometry: &Geometry, fields: &mut Vec<(&str, String)>) {
    let directions = geometry.directions();
    // One row for each axis.
    let rows: [[f64; 3]; 3] = std::array::from_fn(|axis| directions.map(|row| row[axis]));
    fields.push(("TransformMatrix", words(rows.as_flattened())));
    fields.push(("Offset", words(&geometry.origin().coords())));
    fields.push(("CenterOfRotation", "0 0 0".into()));
    fields.push(("ElementSpacing", words(&geometry.spacing().to_array())));
}

fn words(numbers: &[f64]) -> String {
    numbers.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")
}

fn truth(value: bool) -> String {
    if value { "True".into() } else { "False".into() }
}
