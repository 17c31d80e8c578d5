//! Private elements.

use super::dataset::DataSet;
use super::elements::Element;

/// The element of a private group in the block that its creator reserved (PS3.5 7.8.1).
pub(super) fn find<'a>(set: DataSet<'a>, group: u16, creator: &str, element: u16) -> Option<Element<'a>> {
    let mut block = None;
    for found in set.elements().skip_while(|e| e.tag.group() < group).take_while(|e| e.tag.group() == group) {
        let number = found.tag.element();
        if (0x10..=0xFF).contains(&number) && found.text() == creator {
            block = Some(number << 8);
        }
        if block.is_some_and(|block| block | element == number) {
            return Some(found);
        }
    }
    None
}
