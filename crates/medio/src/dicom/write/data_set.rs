//! Data sets that are to be written: a tree of elements whose texts are checked when it is encoded.

use std::collections::BTreeMap;

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::StandardDataDictionary;

use super::decimal;

/// The value of an element.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::dicom) enum Value {
    /// Text of this crate or its caller, checked against its value representation.
    Text(String),
    /// Text as another file has it, in that file's character set.
    Copied(Vec<u8>),
    /// Numbers, little endian.
    Binary(Vec<u8>),
    /// A sequence.
    Items(Vec<NewDataSet>),
}

/// Elements in the order of their tags.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::dicom) struct NewDataSet {
    elements: BTreeMap<Tag, (VR, Value)>,
}

impl NewDataSet {
    pub(in crate::dicom) fn new() -> Self {
        Self::default()
    }

    /// Text of one value or several with `\` between them; empty for an attribute that is there without a value.
    pub(in crate::dicom) fn text(&mut self, tag: Tag, value: impl Into<String>) -> &mut Self {
        self.put(tag, vr_of(tag), Value::Text(value.into()))
    }

    /// Text as it stands in another file.
    pub(in crate::dicom) fn copied(&mut self, tag: Tag, value: &[u8]) -> &mut Self {
        self.put(tag, vr_of(tag), Value::Copied(value.to_vec()))
    }

    /// Decimal strings (DS).
    pub(in crate::dicom) fn decimals(&mut self, tag: Tag, values: &[f64]) -> &mut Self {
        let text: Vec<_> = values.iter().map(|v| decimal::text(*v)).collect();
        self.text(tag, text.join("\\"))
    }

    /// An integer string (IS).
    pub(in crate::dicom) fn integer(&mut self, tag: Tag, value: impl Into<i64>) -> &mut Self {
        self.text(tag, value.into().to_string())
    }

    /// Unsigned shorts (US).
    pub(in crate::dicom) fn shorts(&mut self, tag: Tag, values: &[u16]) -> &mut Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.put(tag, VR::US, Value::Binary(bytes))
    }

    /// Unsigned longs (UL).
    pub(in crate::dicom) fn longs(&mut self, tag: Tag, values: &[u32]) -> &mut Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.put(tag, VR::UL, Value::Binary(bytes))
    }

    /// Floating-point numbers of single precision (FL).
    pub(in crate::dicom) fn singles(&mut self, tag: Tag, values: &[f32]) -> &mut Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.put(tag, VR::FL, Value::Binary(bytes))
    }

    /// Floating-point numbers of double precision (FD).
    pub(in crate::dicom) fn doubles(&mut self, tag: Tag, values: &[f64]) -> &mut Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.put(tag, VR::FD, Value::Binary(bytes))
    }

    /// An attribute that names another (AT).
    pub(in crate::dicom) fn tag(&mut self, tag: Tag, value: Tag) -> &mut Self {
        let bytes = [value.group().to_le_bytes(), value.element().to_le_bytes()].concat();
        self.put(tag, VR::AT, Value::Binary(bytes))
    }

    /// Bytes of a given representation.
    pub(in crate::dicom) fn bytes(&mut self, tag: Tag, vr: VR, value: Vec<u8>) -> &mut Self {
        self.put(tag, vr, Value::Binary(value))
    }

    /// A sequence of items.
    pub(in crate::dicom) fn items(&mut self, tag: Tag, items: Vec<Self>) -> &mut Self {
        self.put(tag, VR::SQ, Value::Items(items))
    }

    /// A sequence of one item.
    pub(in crate::dicom) fn item(&mut self, tag: Tag, item: Self) -> &mut Self {
        self.items(tag, vec![item])
    }

    /// The elements of another one, in place of those of the same tags.
    pub(in crate::dicom) fn extend(&mut self, other: &Self) -> &mut Self {
        self.elements.extend(other.elements.iter().map(|(tag, element)| (*tag, element.clone())));
        self
    }

    /// The elements, ascending.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Tag, VR, &Value)> {
        self.elements.iter().map(|(tag, (vr, value))| (*tag, *vr, value))
    }

    /// The values, to be changed.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.elements.values_mut().map(|(_, value)| value)
    }

    fn put(&mut self, tag: Tag, vr: VR, value: Value) -> &mut Self {
        self.elements.insert(tag, (vr, value));
        self
    }
}

fn vr_of(tag: Tag) -> VR {
    StandardDataDictionary.by_tag(tag).map_or(VR::LO, |entry| entry.vr().relaxed())
}
