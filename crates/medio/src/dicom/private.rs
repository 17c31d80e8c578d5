//! Private elements.

use super::dataset::DataSet;
use super::elements::Element;

/// The element of a private group in the block that its creator reserved (PS3.5 7.8.1).
pub(super) fn find<'a>(set: DataSet<'a>, group: u16, creator: &str, element: u8) -> Option<Element<'a>> {
    // A creator may have reserved several blocks.
    let mut blocks: Vec<u16> = Vec::new();
    for found in set.elements().skip_while(|e| e.tag.group() < group).take_while(|e| e.tag.group() == group) {
        let number = found.tag.element();
        if (0x10..=0xFF).contains(&number) && found.text() == creator {
            blocks.push(number << 8);
        }
        if blocks.iter().any(|block| block | u16::from(element) == number) {
            return Some(found);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dicom::elements::Encoding;

    fn element(group: u16, number: u16, value: &[u8]) -> Vec<u8> {
        let head = [group.to_le_bytes(), number.to_le_bytes()].concat();
        [head, (value.len() as u32).to_le_bytes().to_vec(), value.to_vec()].concat()
    }

    #[test]
    fn a_block_belongs_to_its_creator() {
        let bytes = [
            element(0x19, 0x10, b"OTHER"),
            element(0x19, 0x11, b"MINE "),
            element(0x19, 0x12, b"MINE"),
            element(0x19, 0x100A, b"of the other"),
            element(0x19, 0x110A, b"first"),
            element(0x19, 0x120B, b"second"),
            element(0x21, 0x110C, b"of no creator"),
        ]
        .concat();
        let set = DataSet::new(&bytes, Encoding::IMPLICIT_LE);
        let text = |group, number| find(set, group, "MINE", number).map(|e| e.text());
        assert_eq!(text(0x19, 0x0A).as_deref(), Some("first"));
        assert_eq!(text(0x19, 0x0B).as_deref(), Some("second"));
        assert_eq!(text(0x19, 0x0C), None);
        assert_eq!(text(0x21, 0x0C), None);
    }
}
