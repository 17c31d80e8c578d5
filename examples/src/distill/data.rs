//! What the teacher says about views, standardised.

use burn::tensor::{Device, Tensor, TensorData};
use mednn::Vit;
use mednn::bridge::read_f32;

use super::views::View;
use crate::error::{Error, Result};
use crate::progress;

/// ImageNet statistics, which DINOv2 was trained with.
const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
const STD: [f32; 3] = [0.229, 0.224, 0.225];

/// Normalised images `[batch, 3, size, size]` of grey views.
///
/// # Panics
/// When the views differ in size.
pub(super) fn images(views: &[&View], device: &Device) -> Tensor<4> {
    let size = views.first().map_or(0, |v| v.nrows());
    let values: Vec<f32> = views.iter().flat_map(|v| v.iter().copied()).collect();
    let grey = Tensor::<4>::from_data(TensorData::new(values, [views.len(), 1, size, size]), device);
    let channels = |v: [f32; 3]| Tensor::<4>::from_data(TensorData::new(v.to_vec(), [1, 3, 1, 1]), device);
    (grey.expand([views.len(), 3, size, size]) - channels(MEAN)) / channels(STD)
}

/// Rows of one kind of token, standardised per channel.
#[derive(Debug)]
pub struct FeatureTable {
    /// Row by row.
    values: Vec<f32>,
    width: usize,
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

impl FeatureTable {
    fn new(values: Vec<f32>, width: usize, like: Option<&Self>) -> Self {
        let (mean, deviation) = match like {
            Some(other) => (other.mean.clone(), other.deviation.clone()),
            None => moments(&values, width),
        };
        let mut table = Self { values, width, mean, deviation };
        for row in table.values.chunks_exact_mut(width) {
            for ((v, m), d) in row.iter_mut().zip(&table.mean).zip(&table.deviation) {
                *v = (*v - m) / d;
            }
        }
        table
    }

    /// The rows of some views `[views, rows per view, width]`.
    fn rows(&self, views: &[usize], per_view: usize, device: &Device) -> Tensor<3> {
        let length = per_view * self.width;
        let values: Vec<f32> =
            views.iter().flat_map(|&v| self.values[v * length..(v + 1) * length].iter().copied()).collect();
        Tensor::from_data(TensorData::new(values, [views.len(), per_view, self.width]), device)
    }
}

fn moments(values: &[f32], width: usize) -> (Vec<f32>, Vec<f32>) {
    let count = (values.len() / width).max(1) as f64;
    let mut sum = vec![0f64; width];
    let mut squares = vec![0f64; width];
    for row in values.chunks_exact(width) {
        for ((v, s), q) in row.iter().zip(&mut sum).zip(&mut squares) {
            *s += f64::from(*v);
            *q += f64::from(*v).powi(2);
        }
    }
    let mean: Vec<f64> = sum.iter().map(|s| s / count).collect();
    let deviation = squares.iter().zip(&mean).map(|(q, m)| (q / count - m * m).max(1e-12).sqrt() as f32);
    (mean.iter().map(|&m| m as f32).collect(), deviation.collect())
}

/// Class and patch tokens of the teacher for a list of views.
#[derive(Debug)]
pub struct TeacherFeatures {
    cls: FeatureTable,
    patches: FeatureTable,
    per_view: usize,
}

impl TeacherFeatures {
    /// Runs the teacher. `like` standardises as another set was: for validation.
    ///
    /// # Errors
    /// [`Error::Network`] when the device fails, [`Error::Unfit`] without views.
    pub fn compute(teacher: &Vit, views: &[View], like: Option<&Self>, device: &Device) -> Result<Self> {
        const BATCH: usize = 8;
        let (mut cls, mut patches, mut per_view) = (Vec::new(), Vec::new(), 0);
        let bar = progress::bar(views.len(), "teacher");
        for batch in views.chunks(BATCH) {
            let output = teacher.encode(images(&batch.iter().collect::<Vec<_>>(), device))?;
            per_view = output.grid().iter().product();
            cls.extend(read_f32(output.cls())?);
            patches.extend(read_f32(output.patches())?);
            bar.inc(batch.len() as u64);
        }
        bar.finish_and_clear();
        if per_view == 0 {
            return Err(Error::Unfit {
                what: "views",
                expected: "at least one".into(),
                found: "none".into(),
            });
        }
        let width = teacher.width();
        Ok(Self {
            cls: FeatureTable::new(cls, width, like.map(|l| &l.cls)),
            patches: FeatureTable::new(patches, width, like.map(|l| &l.patches)),
            per_view,
        })
    }

    /// Width of the teacher's tokens.
    pub const fn width(&self) -> usize {
        self.cls.width
    }

    /// Class tokens `[views, 1, width]` and patch tokens `[views, patches, width]` of some views.
    pub fn batch(&self, views: &[usize], device: &Device) -> (Tensor<3>, Tensor<3>) {
        (self.cls.rows(views, 1, device), self.patches.rows(views, self.per_view, device))
    }
}
