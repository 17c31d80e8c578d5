//! Header extensions (`nifti1.h`, "EXTENDED HEADER").

use super::report::Note;
use crate::stored::ByteOrder;

/// Bytes before an extension's data: its size and its code.
const HEAD: usize = 8;
/// Sizes are multiples of this.
const UNIT: usize = 16;

/// A header extension: data of another kind that a file carries between its header and its voxels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension {
    /// What the data are: 2 DICOM attributes, 4 AFNI, 6 a comment, 32 CIFTI, and others that are registered.
    pub code: i32,
    /// The data. A file pads them with zeros to 16 n + 8 bytes, which cannot be told from data when they are read.
    pub data: Vec<u8>,
}

/// The extensions in the bytes between header and voxels. What cannot be one ends the list with a note.
pub(super) fn parse(mut bytes: &[u8], order: ByteOrder, notes: &mut Vec<Note>) -> Vec<Extension> {
    let mut extensions = Vec::new();
    while let Some((head, _)) = bytes.split_first_chunk::<HEAD>() {
        let [a, b, c, d, e, f, g, h] = *head;
        let number = |bytes| match order {
            ByteOrder::Little => i32::from_le_bytes(bytes),
            ByteOrder::Big => i32::from_be_bytes(bytes),
        };
        let (size, code) = (number([a, b, c, d]), number([e, f, g, h]));
        // Zeros are padding up to the voxels.
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).unwrap_or(0);
        let Some(data) = bytes.get(HEAD..size) else {
            notes.push(Note::ExtensionsMalformed { bytes: bytes.len() as u64 });
            break;
        };
        extensions.push(Extension { code, data: data.to_vec() });
        bytes = bytes.get(size..).unwrap_or_default();
    }
    extensions
}

/// The four bytes after the header and the extensions. `None` when one is too long for its size to be stored.
pub(super) fn encode(extensions: &[Extension]) -> Option<Vec<u8>> {
    let mut bytes = vec![u8::from(!extensions.is_empty()), 0, 0, 0];
    for Extension { code, data } in extensions {
        let size = data.len().checked_add(HEAD)?.checked_next_multiple_of(UNIT)?;
        bytes.extend(i32::try_from(size).ok()?.to_le_bytes());
        bytes.extend(code.to_le_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len() + size - HEAD - data.len(), 0);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let all = [
            Extension { code: 6, data: vec![7; 24] },
            Extension { code: 4, data: vec![] },
            Extension { code: -1, data: vec![1; 5] },
        ];
        let bytes = encode(&all).unwrap();
        assert_eq!((bytes.len() - 4) % UNIT, 0);
        let mut notes = Vec::new();
        let back = parse(&bytes[4..], ByteOrder::Little, &mut notes);
        assert_eq!((back.len(), notes.len()), (3, 0));
        assert_eq!(back[0], all[0]);
        assert_eq!(back[1].data, [0; 8]);
        assert_eq!(back[2].data, [1, 1, 1, 1, 1, 0, 0, 0]);
    }

    #[test]
    fn sizes_that_cannot_be_end_the_list() {
        for size in [-16i32, 1, 7, 17, 4096, i32::MIN, i32::MAX] {
            let mut bytes = size.to_be_bytes().to_vec();
            bytes.resize(16, 3);
            let mut notes = Vec::new();
            assert_eq!(parse(&bytes, ByteOrder::Big, &mut notes), []);
            assert_eq!(notes, [Note::ExtensionsMalformed { bytes: 16 }], "{size}");
        }
    }
}
