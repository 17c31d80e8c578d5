//! Reading the header of a DICOM file (PS3.10).

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};

use super::attributes::Attributes;
use super::elements::{self, Encoding, PixelElement, Walk};
use super::header::Header;
use super::location::{Deflated, Location};
use super::source::Source;
use super::study::SkipReason;
use super::text::Interner;

/// Retired from the standard in 2006, alive in archives.
const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// What the UIDs of the standard's transfer syntaxes start with.
const TRANSFER_SYNTAXES: &str = "1.2.840.10008.1.2";

/// The most that is read of a header, in bytes. Those of images are far below.
const LONGEST_HEADER: usize = 64 << 20;
/// The same while the file does not say that it is DICOM.
const LONGEST_DOUBTFUL_HEADER: usize = 1 << 20;

/// Reads a file up to its pixels. `path` is its name for messages.
pub(super) fn read(
    path: PathBuf,
    mut location: Location,
    interner: &Interner,
) -> Result<Vec<Header>, SkipReason> {
    let Found { mut attributes, certain, deflated } = find(&location, interner)?;
    if let Some(deflated) = deflated {
        location.set_deflated(deflated);
    }
    attributes.file.path = path;
    attributes.file.location = location;
    images(attributes, certain)
}

/// What a file says, up to its pixels.
struct Found {
    attributes: Attributes,
    /// Whether the file says that it is DICOM.
    certain: bool,
    deflated: Option<Deflated>,
}

fn find(location: &Location, interner: &Interner) -> Result<Found, SkipReason> {
    let mut source = Source::open(location, LONGEST_DOUBTFUL_HEADER)?;
    let mut start = find_start(source.bytes())?;
    source.raise_limit(start.longest_header());
    let meta = read_meta(&mut source, start.meta).map_err(|reason| start.judge(reason))?;
    start.certain |= meta.transfer_syntax.starts_with(TRANSFER_SYNTAXES);
    source.raise_limit(start.longest_header());
    if meta.sop_class == uids::MEDIA_STORAGE_DIRECTORY_STORAGE {
        return Err(SkipReason::Directory);
    }
    let declared = meta.transfer_syntax.as_str();
    let (mut attributes, deflated) = if declared == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
        let mut attributes = read_deflated(location, meta.end, interner)?;
        attributes.file.transfer_syntax = interner.text(declared);
        // The pixels are the last thing of use.
        let length = attributes.file.pixels.map_or(0, |p| p.offset as u64 + u64::from(p.length.unwrap_or(0)));
        (attributes, Some(Deflated { start: meta.end as u64, length }))
    } else {
        let encoding = data_set_encoding(source.bytes(), &meta);
        let mut attributes =
            read_data_set(&mut source, meta.end, encoding, interner).map_err(|reason| start.judge(reason))?;
        let syntax = if declared.is_empty() { native_syntax(encoding) } else { declared };
        attributes.file.transfer_syntax = interner.text(syntax);
        (attributes, None)
    };
    attributes.file.file_length = source.file_length();
    Ok(Found { attributes, certain: start.certain, deflated })
}

/// The images of a file.
fn images(found: Attributes, certainly_dicom: bool) -> Result<Vec<Header>, SkipReason> {
    let Attributes { mut file, image, frames, has_functional_groups, has_dose_scaling, .. } = found;
    let is_image = file.rows.is_some() && file.columns.is_some() && file.pixels.is_some();
    match frames {
        _ if !is_image && !certainly_dicom && file.sop_class.is_empty() => return Err(SkipReason::NotDicom),
        _ if !is_image => return Err(SkipReason::NotAnImage),
        Some(frames) if frames > 1 => return Err(SkipReason::MultiFrame { frames }),
        Some(frames) if frames < 1 => return Err(SkipReason::FrameCount),
        _ if has_functional_groups => return Err(SkipReason::Enhanced),
        _ if has_dose_scaling => return Err(SkipReason::Dose),
        _ => {}
    }
    file.frames = 1;
    Ok(vec![Header { file: Arc::new(file), ..image }])
}

/// The start of the file meta information, or of the data set where there is none.
struct Start {
    meta: usize,
    /// Whether the file says that it is DICOM, rather than merely looking like it.
    certain: bool,
}

impl Start {
    fn longest_header(&self) -> usize {
        if self.certain { LONGEST_HEADER } else { LONGEST_DOUBTFUL_HEADER }
    }

    /// What does not read as DICOM and does not say that it is, is something else.
    fn judge(&self, reason: SkipReason) -> SkipReason {
        if self.certain || matches!(reason, SkipReason::Io(_)) { reason } else { SkipReason::NotDicom }
    }
}

fn find_start(bytes: &[u8]) -> Result<Start, SkipReason> {
    if bytes.get(128..132) == Some(b"DICM".as_slice()) {
        return Ok(Start { meta: 132, certain: true });
    }
    if bytes.starts_with(b"DICM") {
        return Ok(Start { meta: 4, certain: true });
    }
    // Without a preamble the file starts with its meta information or with its identification (group 0008).
    let first = bytes.first_chunk::<2>().ok_or(SkipReason::NotDicom)?;
    if matches!(first, [2, 0] | [8, 0] | [0, 8]) {
        return Ok(Start { meta: 0, certain: false });
    }
    Err(SkipReason::NotDicom)
}

/// The file meta information (PS3.10 7.1).
struct Meta {
    transfer_syntax: String,
    sop_class: String,
    /// Where the data set starts.
    end: usize,
}

fn read_meta(source: &mut Source<'_>, start: usize) -> Result<Meta, SkipReason> {
    loop {
        let mut meta = Meta { transfer_syntax: String::new(), sop_class: String::new(), end: start };
        let is_past = |tag: Tag| tag.group() != 2;
        let walk = elements::walk(source.bytes(), start, Encoding::EXPLICIT_LE, is_past, |e| match e.tag {
            tags::TRANSFER_SYNTAX_UID => meta.transfer_syntax = e.text(),
            tags::MEDIA_STORAGE_SOP_CLASS_UID => meta.sop_class = e.text(),
            _ => {}
        });
        match walk {
            Walk::End(end) => return Ok(Meta { end, ..meta }),
            Walk::More(needed) => source.read_to(needed)?,
            // Pixels have no place in a group 0002.
            Walk::Malformed(offset) | Walk::Pixels(PixelElement { offset, .. }) => {
                return Err(SkipReason::Malformed { offset: offset as u64 });
            }
        }
    }
}

/// The header in a data set that starts at a place of the source.
fn read_data_set(
    source: &mut Source<'_>,
    start: usize,
    encoding: Encoding,
    interner: &Interner,
) -> Result<Attributes, SkipReason> {
    loop {
        let (found, end) = Attributes::collect(source.bytes(), start, encoding, interner);
        match end {
            Walk::More(needed) => source.read_to(needed)?,
            // What is in memory may end between two elements.
            Walk::End(end) if end >= source.bytes().len() && source.has_more()? => {}
            Walk::Malformed(offset) => return Err(SkipReason::Malformed { offset: offset as u64 }),
            Walk::Pixels(_) | Walk::End(_) => return Ok(found),
        }
    }
}

fn data_set_encoding(bytes: &[u8], meta: &Meta) -> Encoding {
    match meta.transfer_syntax.as_str() {
        EXPLICIT_VR_BIG_ENDIAN => Encoding::EXPLICIT_BE,
        // Nothing declared, and group 0008 with its bytes swapped.
        "" if bytes.get(meta.end..).is_some_and(|b| b.starts_with(&[0, 8])) => Encoding::EXPLICIT_BE,
        _ => elements::little_endian_encoding(bytes, meta.end),
    }
}

fn native_syntax(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding { big_endian: true, .. } => EXPLICIT_VR_BIG_ENDIAN,
        Encoding { explicit_vr: true, .. } => uids::EXPLICIT_VR_LITTLE_ENDIAN,
        _ => uids::IMPLICIT_VR_LITTLE_ENDIAN,
    }
}

fn read_deflated(location: &Location, start: usize, interner: &Interner) -> Result<Attributes, SkipReason> {
    let found = Source::open_deflated(location, start as u64, LONGEST_HEADER)
        .map_err(SkipReason::from)
        .and_then(|mut inflated| read_data_set(&mut inflated, 0, Encoding::EXPLICIT_LE, interner));
    found.map_err(|reason| match reason {
        // What the decoder says of a broken stream.
        SkipReason::Io(ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::UnexpectedEof) => {
            SkipReason::Malformed { offset: start as u64 }
        }
        reason => reason,
    })
}
