//! Data sets as files (PS3.5 chapter 7, PS3.10 chapter 7): explicit VR, little endian.

use std::io::{self, Write};
use std::path::Path;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};

use super::charset::Charset;
use super::data_set::{NewDataSet, Value};
use super::text_rules;
use crate::error::{Error, Result};
use crate::stored::write_atomically;

/// Names this writer in the file meta information; made once from a random UUID.
const IMPLEMENTATION_CLASS: &str = "2.25.150812317094128860911236415928342158713";
const IMPLEMENTATION_VERSION: &str = concat!("MEDIO_", env!("CARGO_PKG_VERSION"));
/// Lengths are 32 bits, the largest of which means "undefined", and even.
const LONGEST: usize = 0xFFFF_FFFE;

/// Writes a data set, which must have its SOP Class and Instance UIDs. A file of that name is replaced in one step.
///
/// Texts that are copied stay as they are, with their character set, while the new ones are ASCII; otherwise all become
/// UTF-8.
///
/// # Errors
/// [`Error::Invalid`] for a text that its attribute cannot hold, [`Error::Unsupported`] for more than 4 GiB of pixels or
/// copied text that cannot be brought to UTF-8, [`Error::Io`].
pub(in crate::dicom) fn write_file(
    path: &Path,
    [sop_class, sop_instance]: [&str; 2],
    mut data: NewDataSet,
    charset: &Charset,
) -> Result<()> {
    text_rules::check(path, &data)?;
    if text_rules::is_ascii(&data) {
        if !charset.code().is_empty() {
            data.copied(tags::SPECIFIC_CHARACTER_SET, charset.code());
        }
    } else {
        charset.to_utf8(path, &mut data)?;
        data.text(tags::SPECIFIC_CHARACTER_SET, "ISO_IR 192");
    }
    data.text(tags::SOP_CLASS_UID, sop_class).text(tags::SOP_INSTANCE_UID, sop_instance);
    let mut prepared = Vec::new();
    for (tag, vr, value) in data.iter() {
        prepared.push((tag, vr, prepare(value, vr).map_err(|length| too_long(path, length))?));
    }
    let meta = file_meta(sop_class, sop_instance);
    write_atomically(path, |out| {
        out.write_all(&[0; 128])?;
        out.write_all(b"DICM")?;
        out.write_all(&meta)?;
        prepared.iter().try_for_each(|(tag, vr, value)| write_element(out, *tag, *vr, value.as_slice()))
    })
}

fn too_long(path: &Path, length: usize) -> Error {
    Error::Unsupported { path: path.into(), what: "element of", found: format!("{length} bytes") }
}

fn file_meta(sop_class: &str, sop_instance: &str) -> Vec<u8> {
    let mut meta = NewDataSet::new();
    meta.bytes(tags::FILE_META_INFORMATION_VERSION, VR::OB, vec![0, 1])
        .text(tags::MEDIA_STORAGE_SOP_CLASS_UID, sop_class)
        .text(tags::MEDIA_STORAGE_SOP_INSTANCE_UID, sop_instance)
        .text(tags::TRANSFER_SYNTAX_UID, uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .text(tags::IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_CLASS)
        .text(tags::IMPLEMENTATION_VERSION_NAME, IMPLEMENTATION_VERSION);
    let elements = encode(&meta).unwrap_or_default();
    let mut group = NewDataSet::new();
    group.longs(tags::FILE_META_INFORMATION_GROUP_LENGTH, &[elements.len() as u32]);
    [encode(&group).unwrap_or_default(), elements].concat()
}

/// A value as it is written, but for its padding.
enum Prepared<'a> {
    Borrowed(&'a [u8]),
    Owned(Vec<u8>),
}

impl Prepared<'_> {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Owned(bytes) => bytes,
        }
    }
}

/// The bytes of a value; how many there are where they are too many.
fn prepare(value: &Value, vr: VR) -> std::result::Result<Prepared<'_>, usize> {
    let value = match value {
        Value::Text(text) => Prepared::Borrowed(text.as_bytes()),
        Value::Copied(bytes) | Value::Binary(bytes) => Prepared::Borrowed(bytes),
        Value::Items(items) => {
            let mut bytes = Vec::new();
            for item in items {
                let content = encode(item)?;
                bytes.extend([0xFE, 0xFF, 0x00, 0xE0]);
                bytes.extend((content.len() as u32).to_le_bytes());
                bytes.extend(content);
            }
            Prepared::Owned(bytes)
        }
    };
    let longest = if has_long_length(vr) { LONGEST } else { usize::from(u16::MAX) - 1 };
    let length = value.as_slice().len();
    if length > longest { Err(length) } else { Ok(value) }
}

fn encode(data: &NewDataSet) -> std::result::Result<Vec<u8>, usize> {
    let mut bytes = Vec::new();
    for (tag, vr, value) in data.iter() {
        let value = prepare(value, vr)?;
        // A vector takes all that is written.
        write_element(&mut bytes, tag, vr, value.as_slice()).map_err(|_| usize::MAX)?;
    }
    if bytes.len() > LONGEST { Err(bytes.len()) } else { Ok(bytes) }
}

fn write_element(out: &mut (impl Write + ?Sized), tag: Tag, vr: VR, value: &[u8]) -> io::Result<()> {
    let padding = value.len() % 2;
    let length = value.len() + padding;
    out.write_all(&tag.group().to_le_bytes())?;
    out.write_all(&tag.element().to_le_bytes())?;
    out.write_all(&vr.to_bytes())?;
    if has_long_length(vr) {
        out.write_all(&[0, 0])?;
        out.write_all(&(length as u32).to_le_bytes())?;
    } else {
        out.write_all(&(length as u16).to_le_bytes())?;
    }
    out.write_all(value)?;
    let pad = if matches!(vr, VR::UI | VR::OB) { 0 } else { b' ' };
    out.write_all(if padding == 1 { std::slice::from_ref(&pad) } else { &[] })
}

const fn has_long_length(vr: VR) -> bool {
    matches!(
        vr,
        VR::OB
            | VR::OD
            | VR::OF
            | VR::OL
            | VR::OV
            | VR::OW
            | VR::SQ
            | VR::SV
            | VR::UC
            | VR::UN
            | VR::UR
            | VR::UT
            | VR::UV
    )
}
