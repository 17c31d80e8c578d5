//! When the frames of an image sequence were taken (PS3.3 C.7.6.5).

use dicom_dictionary_std::tags;

use super::elements::Element;

/// What a file says about the times of its frames, in ms.
#[derive(Debug, Default)]
pub(super) struct FrameTimes {
    /// FrameTime: from each frame to the next.
    step: Option<f64>,
    /// FrameTimeVector: from the frame before to each.
    steps: Option<Box<[f64]>>,
    /// Frames per second that are to be shown.
    rate: Option<f64>,
}

impl FrameTimes {
    /// Takes over an element that speaks of times.
    pub(super) fn visit(&mut self, element: &Element<'_>) {
        let positive = |x: Option<f64>| x.filter(|x| *x > 0.0);
        match element.tag {
            tags::FRAME_TIME => self.step = positive(element.decimal()),
            tags::FRAME_TIME_VECTOR => self.steps = element.decimal_list().map(Vec::into_boxed_slice),
            // What is to be shown, over what was recorded.
            tags::RECOMMENDED_DISPLAY_FRAME_RATE => self.rate = positive(element.decimal()).or(self.rate),
            tags::CINE_RATE => self.rate = self.rate.or(positive(element.decimal())),
            _ => {}
        }
    }

    /// The times of the frames since the first one, `None` when they are not known.
    pub(super) fn of(&self, frames: u32) -> Option<Vec<f64>> {
        if let Some(steps) = &self.steps {
            if steps.len() != frames as usize || steps.iter().any(|step| *step < 0.0) {
                return None;
            }
            let mut time = 0.0;
            // The first frame follows none, whatever its step.
            let after_first = steps.iter().skip(1).map(|step| {
                time += step;
                time
            });
            return Some(std::iter::once(0.0).chain(after_first).collect());
        }
        let step = self.step.or(self.rate.map(|rate| 1000.0 / rate))?;
        Some((0..frames).map(|frame| f64::from(frame) * step).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_goes_before_a_step_and_a_step_before_a_rate() {
        let mut times = FrameTimes { rate: Some(25.0), ..FrameTimes::default() };
        assert_eq!(times.of(3), Some(vec![0.0, 40.0, 80.0]));
        times.step = Some(33.3);
        assert_eq!(times.of(2), Some(vec![0.0, 33.3]));
        times.steps = Some([5.0, 10.0, 20.0].into());
        assert_eq!(times.of(3), Some(vec![0.0, 10.0, 30.0]));
        assert_eq!(times.of(2), None);
        assert_eq!(FrameTimes::default().of(2), None);
    }
}
