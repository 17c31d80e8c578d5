//! What the functional groups of a multi-frame file say about each of its frames (PS3.3 C.7.6.16).

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::attributes::present_decimal;
use super::dataset::DataSet;
use super::elements::Element;
use super::header::Header;
use super::text::{Interner, Text};

/// The functional groups of a file.
#[derive(Clone, Copy)]
pub(super) struct FunctionalGroups<'a> {
    shared: Option<DataSet<'a>>,
    per_frame: Option<Element<'a>>,
}

impl<'a> FunctionalGroups<'a> {
    /// Those of a data set, `None` when it has none.
    pub(super) fn of(data_set: DataSet<'a>) -> Option<Self> {
        let (mut shared, mut per_frame) = (None, None);
        for element in data_set.elements() {
            match element.tag {
                tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE => shared = Some(element),
                tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE => per_frame = Some(element),
                _ => {}
            }
        }
        let any = shared.is_some() || per_frame.is_some();
        any.then(|| Self { shared: shared.and_then(|e| e.items().next()), per_frame })
    }

    /// How many frames they describe one by one, `None` when they describe all alike.
    pub(super) fn items(&self) -> Option<usize> {
        self.per_frame.map(|e| e.items().count())
    }

    /// The first `frames` frames: what is said of all, and over it what is said of each. The item of a frame counts for that
    /// frame, whatever the items of others lack.
    pub(super) fn frames(&self, all: &Header, frames: u32, interner: &Interner) -> Vec<Header> {
        let mut shared = all.clone();
        if let Some(item) = self.shared {
            apply(item, &mut shared, interner);
        }
        let mut items = self.per_frame.map(|e| e.items());
        let frame = |frame: u32| {
            let mut header = Header { frame, ..shared.clone() };
            if let Some(item) = items.as_mut().and_then(Iterator::next) {
                apply(item, &mut header, interner);
            }
            header
        };
        (0..frames).map(frame).collect()
    }
}

/// Takes over what an item says.
fn apply(item: DataSet<'_>, header: &mut Header, interner: &Interner) {
    for group in item.elements() {
        let Some(content) = group.items().next() else { continue };
        match group.tag {
            tags::MR_DIFFUSION_SEQUENCE => diffusion(content, header, interner),
            tags::MR_IMAGE_FRAME_TYPE_SEQUENCE
            | tags::CT_IMAGE_FRAME_TYPE_SEQUENCE
            | tags::PET_FRAME_TYPE_SEQUENCE => {
                set(&mut header.distinctions.image_type, text(content, tags::FRAME_TYPE, interner));
            }
            _ => content.elements().for_each(|element| attribute(group.tag, &element, header, interner)),
        }
    }
}

/// Takes over one attribute of a group.
fn attribute(group: Tag, element: &Element<'_>, header: &mut Header, interner: &Interner) {
    let shared = |text: Option<String>| text.filter(|t| !t.is_empty()).map(|t| interner.text(&t));
    let d = &mut header.distinctions;
    match (group, element.tag) {
        (tags::PLANE_POSITION_SEQUENCE, tags::IMAGE_POSITION_PATIENT) => {
            set(&mut header.position, element.decimals());
        }
        (tags::PLANE_ORIENTATION_SEQUENCE, tags::IMAGE_ORIENTATION_PATIENT) => {
            set(&mut header.orientation, element.decimals());
        }
        (tags::PIXEL_MEASURES_SEQUENCE, tags::PIXEL_SPACING) => {
            set(&mut header.pixel_spacing, element.decimals());
        }
        (tags::PIXEL_MEASURES_SEQUENCE, tags::SLICE_THICKNESS) => {
            set(&mut header.slice_thickness, element.decimal());
        }
        (tags::PIXEL_MEASURES_SEQUENCE, tags::SPACING_BETWEEN_SLICES) => {
            set(&mut header.spacing_between_slices, element.decimal());
        }
        (tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, tags::RESCALE_SLOPE) => {
            set(&mut header.slope, present_decimal(element));
        }
        (tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, tags::RESCALE_INTERCEPT) => {
            set(&mut header.intercept, present_decimal(element));
        }
        (tags::FRAME_CONTENT_SEQUENCE, tags::STACK_ID) => set(&mut d.stack_id, shared(Some(element.text()))),
        (tags::FRAME_CONTENT_SEQUENCE, tags::TEMPORAL_POSITION_INDEX) => {
            set(&mut d.temporal_position, shared(element.u32s_text()));
        }
        (tags::FRAME_CONTENT_SEQUENCE, tags::FRAME_ACQUISITION_NUMBER) => {
            set(&mut d.acquisition_number, shared(element.u16().map(|n| n.to_string())));
        }
        (tags::FRAME_CONTENT_SEQUENCE, tags::FRAME_ACQUISITION_DATE_TIME) => {
            set(&mut d.acquisition_time, shared(Some(element.text())));
        }
        (tags::MR_ECHO_SEQUENCE, tags::EFFECTIVE_ECHO_TIME) => {
            set(&mut d.echo_time, shared(element.doubles_text()));
        }
        (tags::CARDIAC_SYNCHRONIZATION_SEQUENCE, tags::NOMINAL_CARDIAC_TRIGGER_DELAY_TIME) => {
            set(&mut d.trigger_time, shared(element.doubles_text()));
        }
        (tags::SEGMENT_IDENTIFICATION_SEQUENCE, tags::REFERENCED_SEGMENT_NUMBER) => {
            set(&mut d.segment, shared(element.u16().map(|n| n.to_string())));
        }
        _ => {}
    }
}

/// The b-value and the direction of the gradient, one sequence deeper (PS3.3 C.8.13.5.9).
fn diffusion(content: DataSet<'_>, header: &mut Header, interner: &Interner) {
    let doubles = |element: Option<Element<'_>>| {
        element.and_then(|e| e.doubles_text()).map(|text| interner.text(&text))
    };
    set(&mut header.distinctions.b_value, doubles(content.get(tags::DIFFUSION_B_VALUE)));
    let direction = content.item(tags::DIFFUSION_GRADIENT_DIRECTION_SEQUENCE);
    let direction = direction.and_then(|item| item.get(tags::DIFFUSION_GRADIENT_ORIENTATION));
    set(&mut header.distinctions.gradient, doubles(direction));
}

fn text(content: DataSet<'_>, tag: Tag, interner: &Interner) -> Option<Text> {
    content.get(tag).map(|e| interner.text(&e.text())).filter(|t| !t.is_empty())
}

/// What is not said per frame stays as it is said of all.
fn set<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}
