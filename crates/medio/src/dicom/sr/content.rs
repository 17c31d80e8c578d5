//! Content items (PS3.3 C.17.3) and their concepts.

use dicom_dictionary_std::tags;

use crate::dicom::write::{Code, NewDataSet, decimal_text};

/// How an item relates to the one that holds it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Relation {
    Contains,
    HasObservationContext,
    HasConceptModifier,
    SelectedFrom,
}

impl Relation {
    const fn text(self) -> &'static str {
        match self {
            Self::Contains => "CONTAINS",
            Self::HasObservationContext => "HAS OBS CONTEXT",
            Self::HasConceptModifier => "HAS CONCEPT MOD",
            Self::SelectedFrom => "SELECTED FROM",
        }
    }
}

/// A content item that is to be written.
pub(super) struct Item(pub(super) NewDataSet);

impl Item {
    fn new(relation: Relation, kind: &str) -> Self {
        let mut data = NewDataSet::new();
        data.text(tags::RELATIONSHIP_TYPE, relation.text()).text(tags::VALUE_TYPE, kind);
        Self(data)
    }

    fn named(relation: Relation, kind: &str, name: &Code) -> Self {
        let mut item = Self::new(relation, kind);
        item.0.code(tags::CONCEPT_NAME_CODE_SEQUENCE, name);
        item
    }

    pub(super) fn code(relation: Relation, name: &Code, value: &Code) -> Self {
        let mut item = Self::named(relation, "CODE", name);
        item.0.code(tags::CONCEPT_CODE_SEQUENCE, value);
        item
    }

    pub(super) fn text(relation: Relation, name: &Code, value: &str) -> Self {
        let mut item = Self::named(relation, "TEXT", name);
        item.0.text(tags::TEXT_VALUE, value);
        item
    }

    pub(super) fn uid(relation: Relation, name: &Code, value: &str) -> Self {
        let mut item = Self::named(relation, "UIDREF", name);
        item.0.text(tags::UID, value);
        item
    }

    /// The number is there twice: as a decimal string, and exactly as a double.
    pub(super) fn number(name: &Code, value: f64, unit: &Code) -> Self {
        let mut item = Self::named(Relation::Contains, "NUM", name);
        let mut measured = NewDataSet::new();
        measured
            .text(tags::NUMERIC_VALUE, decimal_text(value))
            .doubles(tags::FLOATING_POINT_VALUE, &[value])
            .code(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, unit);
        item.0.item(tags::MEASURED_VALUE_SEQUENCE, measured);
        item
    }

    pub(super) fn polygon(name: &Code, frame_of_reference: &str, points: &[f32]) -> Self {
        let mut item = Self::named(Relation::Contains, "SCOORD3D", name);
        item.0
            .singles(tags::GRAPHIC_DATA, points)
            .text(tags::GRAPHIC_TYPE, "POLYGON")
            .text(tags::REFERENCED_FRAME_OF_REFERENCE_UID, frame_of_reference);
        item
    }

    /// A polyline on an image.
    pub(super) fn polyline(name: &Code, points: &[f32], image: NewDataSet) -> Self {
        let mut reference = Self::new(Relation::SelectedFrom, "IMAGE");
        reference.0.item(tags::REFERENCED_SOP_SEQUENCE, image);
        let mut item = Self::named(Relation::Contains, "SCOORD", name);
        item.0.singles(tags::GRAPHIC_DATA, points).text(tags::GRAPHIC_TYPE, "POLYLINE");
        item.with(vec![reference])
    }

    pub(super) fn container(name: &Code, template: Option<&str>, content: Vec<Self>) -> Self {
        let mut item = Self::named(Relation::Contains, "CONTAINER", name);
        describe_container(&mut item.0, template);
        item.with(content)
    }

    /// With items of its own.
    pub(super) fn with(mut self, content: Vec<Self>) -> Self {
        if !content.is_empty() {
            self.0.items(tags::CONTENT_SEQUENCE, content.into_iter().map(|item| item.0).collect());
        }
        self
    }
}

/// What the root and other containers have in common.
pub(super) fn describe_container(data: &mut NewDataSet, template: Option<&str>) {
    data.text(tags::CONTINUITY_OF_CONTENT, "SEPARATE");
    if let Some(template) = template {
        let mut item = NewDataSet::new();
        item.text(tags::MAPPING_RESOURCE, "DCMR").text(tags::TEMPLATE_IDENTIFIER, template);
        data.item(tags::CONTENT_TEMPLATE_SEQUENCE, item);
    }
}

/// The names of the items of a report (PS3.16 TID 1500, 1410, 1411 and those they include).
pub(super) mod names {
    use crate::dicom::write::Code;

    macro_rules! names {
        ($($name:ident: $scheme:ident $value:literal $meaning:literal;)*) => {$(
            pub(in crate::dicom::sr) fn $name() -> Code {
                Code::$scheme($value, $meaning)
            }
        )*};
    }
    names! {
        report: dcm "126000" "Imaging Measurement Report";
        language: dcm "121049" "Language of Content Item and Descendants";
        observer_type: dcm "121005" "Observer Type";
        device: dcm "121007" "Device";
        observer_uid: dcm "121012" "Device Observer UID";
        observer_name: dcm "121013" "Device Observer Name";
        observer_manufacturer: dcm "121014" "Device Observer Manufacturer";
        observer_model: dcm "121015" "Device Observer Model Name";
        procedure: dcm "121058" "Procedure reported";
        measurements: dcm "126010" "Imaging Measurements";
        group: dcm "125007" "Measurement Group";
        tracking_id: dcm "112039" "Tracking Identifier";
        tracking_uid: dcm "112040" "Tracking Unique Identifier";
        finding: dcm "121071" "Finding";
        site: sct "363698007" "Finding Site";
        laterality: sct "272741003" "Laterality";
        image_region: dcm "111030" "Image Region";
        volume_surface: dcm "121231" "Volume Surface";
        source_series: dcm "121232" "Source series for segmentation";
        certainty: dcm "111012" "Certainty of Finding";
        percent: ucum "%" "Percent";
    }
}
