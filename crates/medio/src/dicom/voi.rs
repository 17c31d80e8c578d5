//! Values of interest: the windows and tables that a file shows its images with (PS3.3 C.11.2).

use dicom_dictionary_std::tags;
use medcore::{VoiFunction, Window};

use super::dataset::DataSet;
use super::lut::Lut;

/// What the images of a file are shown with.
#[derive(Debug, Clone, Default)]
pub(super) struct Voi {
    /// With their explanations, empty where there is none. Those of no use, of width 0 for instance, are left out.
    pub(super) windows: Vec<(Window, String)>,
    pub(super) lut: Option<Lut>,
}

impl Voi {
    /// From the attributes of a data set, or of an item of the Frame VOI LUT Sequence. `signed` says whether values may be
    /// negative.
    pub(super) fn read(data_set: DataSet<'_>, signed: bool) -> Self {
        let decimals = |tag| data_set.get(tag).and_then(|e| e.decimal_list()).unwrap_or_default();
        let function = match data_set.get(tags::VOILUT_FUNCTION).map(|e| e.text()).as_deref() {
            Some("LINEAR_EXACT") => VoiFunction::LinearExact,
            Some("SIGMOID") => VoiFunction::Sigmoid,
            _ => VoiFunction::Linear,
        };
        let explanations: Vec<String> = data_set
            .get(tags::WINDOW_CENTER_WIDTH_EXPLANATION)
            .map(|e| e.texts().collect())
            .unwrap_or_default();
        let centers = decimals(tags::WINDOW_CENTER);
        let widths = decimals(tags::WINDOW_WIDTH);
        let windows = centers
            .into_iter()
            .zip(widths)
            .enumerate()
            .filter_map(|(k, (center, width))| {
                let window = Window::new(center, width, function).ok()?;
                Some((window, explanations.get(k).cloned().unwrap_or_default()))
            })
            .collect();
        Self { windows, lut: Lut::voi(data_set, signed) }
    }

    /// Where nothing of use was found.
    pub(super) fn is_empty(&self) -> bool {
        self.windows.is_empty() && self.lut.is_none()
    }
}
