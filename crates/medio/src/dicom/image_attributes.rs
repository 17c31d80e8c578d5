//! Any attribute of an image, read again from its file.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};

use super::dataset::DataSet;
use super::elements::Element;
use super::header::FileElements;

/// The attributes of one image by tag, up to its pixels.
///
/// An attribute of a multi-frame image is looked for in the functional groups of the frame, in the shared ones, and then in
/// the data set itself (PS3.3 C.7.6.16). What is in other sequences is not reached. Values may identify a patient: mind
/// where they go.
///
/// ```no_run
/// use medio::dicom::Tag;
/// let study = medio::dicom::scan("study/")?;
/// let attributes = study[0].attributes(0)?;
/// println!("TE {:?} ms", attributes.number(Tag(0x0018, 0x0081)));
/// println!("coil {:?}", attributes.text(Tag(0x0018, 0x1250)));
/// # Ok::<(), medio::Error>(())
/// ```
pub struct ImageAttributes {
    elements: FileElements,
    frame: usize,
}

impl ImageAttributes {
    pub(super) const fn new(elements: FileElements, frame: usize) -> Self {
        Self { elements, frame }
    }

    /// The text of an attribute, several values separated by backslashes as in the file; bytes that are not ASCII are replaced.
    /// `None` when it is absent or empty.
    pub fn text(&self, tag: Tag) -> Option<String> {
        self.find(tag).map(|element| element.text()).filter(|text| !text.is_empty())
    }

    /// The first number of an attribute.
    pub fn number(&self, tag: Tag) -> Option<f64> {
        self.numbers(tag).into_iter().next()
    }

    /// The numbers of an attribute of the standard, whether stored as text (DS, IS) or in binary; none when it is absent, is
    /// not numeric, or holds anything but finite numbers.
    pub fn numbers(&self, tag: Tag) -> Vec<f64> {
        let numbers = self.find(tag).map(|element| numbers(&element)).unwrap_or_default();
        if numbers.iter().all(|x| x.is_finite()) { numbers } else { Vec::new() }
    }

    fn find(&self, tag: Tag) -> Option<Element<'_>> {
        let set = self.elements.data_set();
        let per_frame = set.items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE).nth(self.frame);
        let shared = set.item(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE);
        [per_frame, shared]
            .into_iter()
            .flatten()
            .find_map(|groups| in_groups(groups, tag))
            .or_else(|| set.get(tag))
    }
}

/// A functional group is a sequence of one item.
fn in_groups<'a>(groups: DataSet<'a>, tag: Tag) -> Option<Element<'a>> {
    groups.elements().find_map(|group| group.items().next()?.get(tag))
}

fn numbers(element: &Element<'_>) -> Vec<f64> {
    let vr = StandardDataDictionary.by_tag(element.tag).map(|entry| entry.vr().relaxed());
    match vr {
        Some(VR::DS | VR::IS) => element.decimal_list().unwrap_or_default(),
        Some(VR::US) => element.u16s().map(f64::from).collect(),
        Some(VR::SS) => element.i16s().map(f64::from).collect(),
        Some(VR::UL) => element.u32s().map(f64::from).collect(),
        Some(VR::SL) => element.i32s().map(f64::from).collect(),
        Some(VR::FL) => element.floats().map(f64::from).collect(),
        Some(VR::FD) => element.doubles().collect(),
        _ => Vec::new(),
    }
}
