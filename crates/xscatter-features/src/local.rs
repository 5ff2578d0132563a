//! What local descriptors share: intensities on a scale of their own, the table of descriptors, and how
//! it becomes one row a frame.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::sync::Arc;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::intensity::IntensityTransform;
use crate::resample::Resampled;

/// Descriptors of the places of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct Descriptors {
    /// Row and column of the pixel at the centre of each descriptor, row by row.
    pub places: Vec<(usize, usize)>,
    /// Places × components.
    pub rows: Array2<f32>,
}

/// How the descriptors of an image become one row of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Mean and standard deviation of each component over the places.
    #[default]
    MeanAndStd,
    /// The mean of each component.
    Mean,
    /// The largest value of each component.
    Max,
}

impl Pooling {
    /// A column for each pooled component: `extractor.mean.component`.
    pub(crate) fn columns(self, extractor: &str, components: &[String]) -> Vec<Arc<str>> {
        let parts: &[&str] = match self {
            Self::MeanAndStd => &["mean", "std"],
            Self::Mean => &["mean"],
            Self::Max => &["max"],
        };
        let column = |part: &&str, component: &String| format!("{extractor}.{part}.{component}");
        parts
            .iter()
            .flat_map(|part| components.iter().map(move |one| column(part, one).into()))
            .collect()
    }
}

/// Means, squared deviations (Welford 1962, doi:10.1080/00401706.1962.10490022) and maxima of descriptors
/// that come one after the other.
pub(crate) struct Pool {
    n: f64,
    mean: Vec<f64>,
    squares: Vec<f64>,
    max: Vec<f32>,
}

impl Pool {
    pub(crate) fn new(components: usize) -> Self {
        Self {
            n: 0.0,
            mean: vec![0.0; components],
            squares: vec![0.0; components],
            max: vec![f32::NEG_INFINITY; components],
        }
    }

    /// `None` if there was no descriptor.
    pub(crate) fn row(&self, pooling: Pooling) -> Option<Vec<f32>> {
        if self.n == 0.0 {
            return None;
        }
        let mean = self.mean.iter().map(|&mean| mean as f32);
        let std = self.squares.iter().map(|&sum| (sum / self.n).sqrt() as f32);
        Some(match pooling {
            Pooling::MeanAndStd => mean.chain(std).collect(),
            Pooling::Mean => mean.collect(),
            Pooling::Max => self.max.clone(),
        })
    }
}

/// Takes descriptors, one after the other.
pub(crate) trait Take {
    fn take(&mut self, place: (usize, usize), descriptor: &[f32]);
}

impl Take for Pool {
    #[inline(always)]
    fn take(&mut self, _: (usize, usize), descriptor: &[f32]) {
        self.n += 1.0;
        let share = 1.0 / self.n;
        let moments = self.mean.iter_mut().zip(&mut self.squares);
        for ((mean, squares), &value) in moments.zip(descriptor) {
            let before = f64::from(value) - *mean;
            *mean += before * share;
            *squares += before * (f64::from(value) - *mean);
        }
        for (max, &value) in self.max.iter_mut().zip(descriptor) {
            *max = if value > *max { value } else { *max };
        }
    }
}

/// All descriptors, in their order.
#[derive(Default)]
pub(crate) struct Kept {
    places: Vec<(usize, usize)>,
    rows: Vec<f32>,
}

impl Kept {
    pub(crate) fn descriptors(self, components: usize) -> Descriptors {
        let rows = Array2::from_shape_vec((self.places.len(), components), self.rows);
        Descriptors {
            places: self.places,
            rows: rows.expect("each place has one descriptor"),
        }
    }
}

impl Take for Kept {
    #[inline(always)]
    fn take(&mut self, place: (usize, usize), descriptor: &[f32]) {
        self.places.push(place);
        self.rows.extend_from_slice(descriptor);
    }
}

/// Transformed intensities, row by row, times `factor`: a power of two that brings the largest to about 1,
/// so that no square overflows. Pixels that do not count are 0.
pub(crate) struct Scaled {
    pub(crate) values: Vec<f32>,
    pub(crate) factor: f32,
}

impl Scaled {
    pub(crate) fn of(image: &Resampled, transform: IntensityTransform) -> Self {
        // Most counts are small whole numbers.
        let transformed = |count: f32| transform.apply(f64::from(count)) as f32;
        let table: Vec<f32> = (0..1024).map(|count| transformed(count as f32)).collect();
        let mut values = image.map_valid(0.0, |count| match table.get(count as usize) {
            Some(&value) if count as usize as f32 == count => value,
            _ => transformed(count),
        });
        let largest = values
            .iter()
            .fold(0.0f32, |largest, value| largest.max(value.abs()));
        let (_, exponent) = libm::frexpf(largest);
        let factor = libm::ldexpf(1.0, (-exponent).clamp(-120, 120));
        for value in &mut values {
            *value *= factor;
        }
        Self { values, factor }
    }
}
