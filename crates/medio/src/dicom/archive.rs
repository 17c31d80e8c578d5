//! The entries of zip archives (APPNOTE.TXT 6.3.9).

use std::io;

use zip::{CompressionMethod, ZipArchive};

use super::location::{Bytes, Entry};
use super::study::SkipReason;

/// What a zip archive starts with: an entry, or its end when it has none.
const MAGIC: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// Whether bytes start a zip archive.
pub(super) fn is_archive(start: &[u8]) -> bool {
    MAGIC.iter().any(|magic| start.starts_with(magic))
}

/// The name of a file in an archive, and where it is, or why it cannot be read.
pub(super) type NamedEntry = (String, Result<Entry, SkipReason>);

/// The names of the files in an archive and where they are, or why they cannot be read.
///
/// # Errors
/// [`SkipReason::BrokenArchive`], and [`SkipReason::Io`].
pub(super) fn entries(bytes: &Bytes) -> Result<Vec<NamedEntry>, SkipReason> {
    let (reader, length) = bytes.open()?;
    let mut archive = ZipArchive::new(io::BufReader::new(reader)).map_err(|_| SkipReason::BrokenArchive)?;
    if archive.is_empty() {
        return Err(SkipReason::BrokenArchive);
    }
    let mut entries = Vec::new();
    let mut stored = 0u64;
    for index in 0..archive.len() {
        let Ok(file) = archive.by_index_raw(index) else {
            entries.push((format!("entry {index}"), Err(SkipReason::BrokenArchive)));
            continue;
        };
        if file.is_dir() {
            continue;
        }
        let name = file.name().map_or_else(|_| format!("entry {index}"), std::borrow::Cow::into_owned);
        let method = file.compression();
        let entry = file.data_start().map(|offset| Entry {
            offset,
            stored: file.compressed_size(),
            length: file.size(),
            deflated: method == CompressionMethod::DEFLATE,
            crc: file.crc32(),
        });
        stored = stored.saturating_add(file.compressed_size());
        let readable =
            !file.encrypted() && matches!(method, CompressionMethod::Stored | CompressionMethod::DEFLATE);
        let entry = match entry.filter(|e| e.is_plausible() && e.offset.saturating_add(e.stored) <= length) {
            _ if !readable => Err(SkipReason::ArchiveCompression),
            Some(entry) => Ok(entry),
            None => Err(SkipReason::BrokenArchive),
        };
        entries.push((name, entry));
    }
    // Entries that overlap make much out of little.
    if stored > length { Err(SkipReason::BrokenArchive) } else { Ok(entries) }
}
