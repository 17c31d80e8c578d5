//! Reading the header of a DICOM file (PS3.10).

use std::path::PathBuf;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};

use super::archive;
use super::attributes::Attributes;
use super::dataset::DataSet;
use super::elements::{self, Encoding, PixelElement, Walk};
use super::frames;
use super::header::{Header, is_broken_stream};
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

/// The same for a deflated data set that is small: more than this has to be paid for in compressed bytes.
const LEAST_DEFLATED_HEADER: usize = 1 << 20;
/// How many times smaller deflate may have made a header. Texts and numbers shrink to a tenth, thousands of functional groups
/// that are alike to a fiftieth; a bomb to a thousandth.
const MOST_HEADER_GAIN: usize = 64;

/// What a file turns out to be.
pub(super) enum Content {
    Images(Vec<Header>),
    /// A zip archive.
    Archive,
}

/// Reads a file up to its pixels. `path` is its name for messages.
pub(super) fn read(
    path: PathBuf,
    mut location: Location,
    interner: &Interner,
) -> Result<Content, SkipReason> {
    let found = find(&location, interner).map_err(|reason| match reason {
        // What the decoder says of a broken entry.
        SkipReason::Io(kind) if location.is_inflated() && is_broken_stream(kind) => SkipReason::BrokenArchive,
        reason => reason,
    })?;
    let Some(Found { mut attributes, elements, certain, deflated }) = found else {
        return Ok(Content::Archive);
    };
    if let Some(deflated) = deflated {
        location.set_deflated(deflated);
    }
    let file = &mut attributes.file;
    file.path = path;
    file.location = location;
    let data_set = DataSet::new(elements.get(file.data_set_start..).unwrap_or_default(), file.encoding);
    frames::images(attributes, data_set, certain, interner).map(Content::Images)
}

/// What a file says, up to its pixels.
struct Found {
    attributes: Attributes,
    /// The bytes that say it.
    elements: Vec<u8>,
    /// Whether the file says that it is DICOM.
    certain: bool,
    deflated: Option<Deflated>,
}

/// `None` for an archive.
fn find(location: &Location, interner: &Interner) -> Result<Option<Found>, SkipReason> {
    let mut source = Source::open(location, LONGEST_DOUBTFUL_HEADER)?;
    if archive::is_archive(source.bytes()) {
        return Ok(None);
    }
    let mut start = find_start(source.bytes())?;
    source.raise_limit(start.longest_header());
    let meta = read_meta(&mut source, start.meta).map_err(|reason| start.judge(reason))?;
    start.certain |= meta.transfer_syntax.starts_with(TRANSFER_SYNTAXES);
    source.raise_limit(start.longest_header());
    if meta.sop_class == uids::MEDIA_STORAGE_DIRECTORY_STORAGE {
        return Err(SkipReason::Directory);
    }
    let declared = meta.transfer_syntax.as_str();
    let file_length = source.file_length();
    let mut found = if declared == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
        let (attributes, elements) = read_deflated(location, meta.end, interner)?;
        // The pixels are the last thing of use.
        let end = attributes.file.pixels.map_or(0, |p| p.offset as u64 + u64::from(p.length.unwrap_or(0)));
        let deflated = Some(Deflated { start: meta.end as u64, length: end });
        Found { attributes, elements, certain: start.certain, deflated }
    } else {
        let encoding = data_set_encoding(source.bytes(), &meta);
        let attributes =
            read_data_set(&mut source, meta.end, encoding, interner).map_err(|reason| start.judge(reason))?;
        Found { attributes, elements: source.into_bytes(), certain: start.certain, deflated: None }
    };
    let file = &mut found.attributes.file;
    file.transfer_syntax =
        interner.text(if declared.is_empty() { native_syntax(file.encoding) } else { declared });
    file.file_length = file_length;
    Ok(Some(found))
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

fn read_deflated(
    location: &Location,
    start: usize,
    interner: &Interner,
) -> Result<(Attributes, Vec<u8>), SkipReason> {
    let read = || {
        let mut inflated = Source::open_deflated(location, start as u64, LEAST_DEFLATED_HEADER)?;
        let compressed = usize::try_from(inflated.file_length()).unwrap_or(usize::MAX).saturating_sub(start);
        let limit = compressed.saturating_mul(MOST_HEADER_GAIN);
        inflated.raise_limit(limit.clamp(LEAST_DEFLATED_HEADER, LONGEST_HEADER));
        let attributes = read_data_set(&mut inflated, 0, Encoding::EXPLICIT_LE, interner)?;
        Ok((attributes, inflated.into_bytes()))
    };
    read().map_err(|reason| match reason {
        // What the decoder says of a broken stream.
        SkipReason::Io(kind) if is_broken_stream(kind) => SkipReason::Malformed { offset: start as u64 },
        reason => reason,
    })
}
