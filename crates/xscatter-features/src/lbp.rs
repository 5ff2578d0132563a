//! Local binary patterns: which of the points on a circle about a pixel are not darker than the pixel.
//!
//! `P` points at radius `R` give `P` bits, and the histogram of the patterns tells edges, spots, flat and
//! noisy areas apart, whatever the brightness. Use them for texture at the scale of a few pixels; several
//! scales are several configurations. They know nothing of strength: the variance over the points
//! ([`LbpMethod::Var`]) does. In areas with hardly a count, Poisson noise makes every pattern equally
//! likely: average first ([`Grid::LongSide`]), or give the centre a margin of noise (`threshold`).
//!
//! ```text
//! bit p = 1  if  t(I at R (cos 2πp/P, −sin 2πp/P)) ≥ t(I at the centre) + k σ
//! ```
//!
//! `t` is the transform; the intensity between pixels is bilinear; `k` is the threshold and `σ` the
//! standard deviation of the Poisson noise of the centre on the transformed scale,
//! `t'(I) √(max(I, 1/n) / n)` for a mean of `n` pixels. Without a threshold a monotone transform hardly
//! matters (points on pixels not at all, points between pixels a little); with one, a flat area has the
//! code 0. The labels of a pattern:
//!
//! | method | label | columns |
//! |---|---|---|
//! | default | the bits as a number | `2^P` (P ≤ 12) |
//! | ror | the smallest of its rotations | as many as differ, 36 for P = 8 (P ≤ 16) |
//! | uniform | the number of ones if at most two neighbouring bits differ, else P + 1 | P + 2 |
//! | `nri_uniform` | the same, but each direction of a uniform pattern by itself | P (P − 1) + 3 |
//! | var | none: the variance `V` over the points | 7 |
//!
//! Columns: `lbp.uniform.p8r1.c3` is the share of the codes that have label 3; `lbp.var.p8r1.mean`, `std`,
//! `p5`, `p25`, `p50`, `p75` and `p95` describe `ln(1 + V)`, because variances span decades.
//!
//! *Masks and borders*: a code counts if all pixels that enter it (the centre and those between which a
//! point is interpolated) lie in the image and are valid; the others are dropped. A frame without such a
//! code is an error of kind [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData). In a constant
//! frame the points between pixels equal the centre up to rounding: their bits are those of the reference,
//! not all ones.
//!
//! *Symmetry*: ror and uniform shares do not change when the image is turned by quarters (P a multiple
//! of 4) or flipped (uniform), ties aside.
//!
//! *Cost*: a handful of vector operations a point and pixel, less where points share a column.
//!
//! Source: Ojala, Pietikäinen and Mäenpää 2002, doi:10.1109/TPAMI.2002.1017623; sampling, rounding and
//! labels of scikit-image 0.26, which takes pixels off the image for 0 ([`Border::Zero`]) and gives `NaN`
//! where the variance is 0.

mod label;
mod neighbourhood;

use std::sync::Arc;

use ndarray::{Array2, ArrayViewMut2};
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::intensity::{IntensityError, IntensityTransform};
use crate::resample::{Grid, GridError, Resampled, degenerate};
use crate::summary::{NAMES, summary};

pub use neighbourhood::{MAX_POINTS, Neighbourhood};
use neighbourhood::{Tone, Wanted, code, scan};

/// What is made of the bits of a pattern; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LbpMethod {
    /// The bits as a number.
    Default,
    /// The smallest number among the rotations of the bits.
    Ror,
    /// The number of ones of patterns with at most two changes, one label for all others.
    #[default]
    Uniform,
    /// Uniform patterns that keep their direction.
    NriUniform,
    /// The variance over the points.
    Var,
}

impl LbpMethod {
    /// The name in a column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Ror => "ror",
            Self::Uniform => "uniform",
            Self::NriUniform => "nri_uniform",
            Self::Var => "var",
        }
    }
}

/// What becomes of codes that need pixels which are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Border {
    /// There is no code.
    Drop,
    /// Pixels off the image are 0, as in scikit-image; so are masked ones.
    Zero,
}

/// What [`Lbp`] computes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LbpConfig {
    /// Points on the circle, 2 to [`MAX_POINTS`].
    pub points: u32,
    /// Its radius in pixels of the (resampled) image, 0.5 to 64.
    pub radius_px: f64,
    /// What is made of the bits.
    pub method: LbpMethod,
    /// The pixels that have codes.
    pub grid: Grid,
    /// What is done to the counts first.
    pub transform: IntensityTransform,
    /// By how many standard deviations of Poisson noise a point must exceed the centre; 0 for the plain
    /// comparison. Not used by [`LbpMethod::Var`].
    pub threshold: f64,
}

impl Default for LbpConfig {
    /// Eight points at one pixel, uniform patterns of the counts at full resolution, no threshold.
    fn default() -> Self {
        Self {
            points: 8,
            radius_px: 1.0,
            method: LbpMethod::Uniform,
            grid: Grid::Native,
            transform: IntensityTransform::Raw,
            threshold: 0.0,
        }
    }
}

/// Why [`Lbp`] could not be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum LbpError {
    /// Too few points to compare, or too many to count.
    #[error("expected 2 to {MAX_POINTS} points, got {0}")]
    Points(u32),
    /// A circle that meets no other pixel, or is larger than a texture.
    #[error("expected a radius of 0.5 to 64 pixels, got {0}")]
    Radius(f64),
    /// More columns than a table should have.
    #[error("expected at most 12 points for all patterns, 16 for rotation classes, got {0}")]
    Columns(u32),
    /// A threshold that is negative or no number.
    #[error("expected a threshold of 0 or more standard deviations, got {0}")]
    Threshold(f64),
    /// The grid has no pixels.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The transform makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

/// Patterns have a table of their labels up to this many points.
const TABLE_POINTS: u32 = 16;

/// The histogram of local binary patterns; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{Lbp, LbpConfig};
///
/// let lbp = Lbp::new(LbpConfig::default())?;
/// let mut counts = Array2::zeros((3, 3));
/// counts[(1, 1)] = 5.0;
/// let table = lbp.extract(&[Frame::new(counts)])?;
/// // A lone bright pixel: none of its neighbours is as bright.
/// assert_eq!(&*table.columns()[0], "lbp.uniform.p8r1.c0");
/// assert_eq!(table.values()[(0, 0)], 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Lbp {
    config: LbpConfig,
    neighbourhood: Neighbourhood,
    /// The column of every pattern, if there are few enough patterns.
    table: Vec<u16>,
    columns: Vec<Arc<str>>,
}

impl Lbp {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`LbpError`] if a setting is outside its domain.
    pub fn new(config: LbpConfig) -> Result<Self, LbpError> {
        config.transform.check()?;
        config.grid.check(2)?;
        if !(config.threshold >= 0.0 && config.threshold.is_finite()) {
            return Err(LbpError::Threshold(config.threshold));
        }
        let LbpConfig {
            points,
            radius_px,
            method,
            ..
        } = config;
        let neighbourhood = Neighbourhood::new(points, radius_px)?;
        let labels = label::all_labels(points, method).ok_or(LbpError::Columns(points))?;
        let prefix = format!("lbp.{}.p{points}r{radius_px}", method.name());
        let columns = if method == LbpMethod::Var {
            let named = NAMES.iter().map(|name| format!("{prefix}.{name}").into());
            named.collect()
        } else {
            let named = labels
                .iter()
                .map(|label| format!("{prefix}.c{label}").into());
            named.collect()
        };
        let table = if method == LbpMethod::Var || points > TABLE_POINTS {
            Vec::new()
        } else {
            let column = |code| {
                let label = label::label(code, points, method);
                labels.partition_point(|&other| other < label) as u16
            };
            (0..1 << points).map(column).collect()
        };
        Ok(Self {
            config,
            neighbourhood,
            table,
            columns,
        })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let image = Resampled::of(frame, self.config.grid)?;
        let (rows, columns) = frame.shape();
        let tone = Tone {
            transform: self.config.transform,
            threshold: self.config.threshold,
            pixels: (rows * columns) as f64 / image.values.len() as f64,
        };
        let values = if self.config.method == LbpMethod::Var {
            self.variances(&image, tone)
        } else {
            self.shares(&image, tone)
        };
        values.ok_or_else(|| {
            let (rows, columns) = image.shape();
            degenerate(
                frame,
                format!(
                    "expected a pixel whose neighbourhood of radius {} is valid, found none of \
                     {rows}x{columns}",
                    self.neighbourhood.radius_px()
                ),
            )
        })
    }

    /// The share of every label among the codes; `None` if there are none.
    fn shares(&self, image: &Resampled, tone: Tone) -> Option<Vec<f32>> {
        let Lbp {
            config,
            neighbourhood,
            table,
            ..
        } = self;
        let mut complete = vec![false; image.shape().1];
        let valid = valid_pixels(image);
        // Where patterns have a table they are counted first, and their labels looked up in the end.
        let slots = table.len().max(self.columns.len());
        let mut counts = Counts::new(slots);
        scan(image, neighbourhood, tone, Wanted::Codes, |row, codes| {
            let inside = neighbourhood.inside(image.shape(), row);
            let codes = &codes[inside.clone()];
            let complete = valid.as_ref().map(|valid| {
                neighbourhood.complete(valid.view(), row, inside.clone(), &mut complete);
                &complete[inside]
            });
            if table.is_empty() {
                let slot = |value| label::label(code(value), config.points, config.method) as usize;
                counts.add(codes, complete, slot);
            } else {
                counts.add(codes, complete, |value| code(value) as usize);
            }
        });
        let mut of_column = vec![0u64; self.columns.len()];
        for (slot, count) in counts.of_slots().enumerate() {
            of_column[table.get(slot).map_or(slot, |&column| usize::from(column))] += count;
        }
        let total: u64 = of_column.iter().sum();
        let share = |&count: &u64| (count as f64 / total as f64) as f32;
        (total > 0).then(|| of_column.iter().map(share).collect())
    }

    /// What [`summary`] says of `ln(1 + variance)`; `None` if there are no variances.
    fn variances(&self, image: &Resampled, tone: Tone) -> Option<Vec<f32>> {
        let mut logarithms = Vec::with_capacity(image.values.len());
        let mut complete = vec![true; image.shape().1];
        let valid = valid_pixels(image);
        let tone = Tone {
            threshold: 0.0,
            ..tone
        };
        let wanted = Wanted::Variances;
        scan(
            image,
            &self.neighbourhood,
            tone,
            wanted,
            |row, variances| {
                let inside = self.neighbourhood.inside(image.shape(), row);
                if let Some(valid) = &valid {
                    let inside = inside.clone();
                    self.neighbourhood
                        .complete(valid.view(), row, inside, &mut complete);
                }
                let pixels = variances[inside.clone()].iter().zip(&complete[inside]);
                let kept = pixels.filter(|(_, complete)| **complete);
                logarithms.extend(kept.map(|(variance, _)| variance.ln_1p() as f32));
            },
        );
        (!logarithms.is_empty()).then(|| summary(&mut logarithms).to_vec())
    }
}

/// Which pixels are valid, if that is not all of them.
fn valid_pixels(image: &Resampled) -> Option<Array2<bool>> {
    image.coverage.as_ref()?;
    let valid = image.map_valid(false, |_| true);
    let valid = Array2::from_shape_vec(image.shape(), valid);
    Some(valid.expect("mapping keeps the number of pixels"))
}

/// A histogram in parts: runs of one pattern, the rule in smooth regions, would wait for each other's
/// increments.
struct Counts {
    lanes: [Vec<u32>; 2],
}

impl Counts {
    fn new(slots: usize) -> Self {
        Self {
            lanes: [vec![0; slots], vec![0; slots]],
        }
    }

    /// Counts the values, those that are `complete` if that is said.
    fn add(&mut self, values: &[f64], complete: Option<&[bool]>, slot: impl Fn(f64) -> usize) {
        let [first, second] = &mut self.lanes;
        if let Some(complete) = complete {
            for (&value, _) in values
                .iter()
                .zip(complete)
                .filter(|(_, complete)| **complete)
            {
                first[slot(value)] += 1;
            }
            return;
        }
        let (pairs, rest) = values.as_chunks::<2>();
        for pair in pairs {
            first[slot(pair[0])] += 1;
            second[slot(pair[1])] += 1;
        }
        for &value in rest {
            first[slot(value)] += 1;
        }
    }

    fn of_slots(&self) -> impl Iterator<Item = u64> + '_ {
        let [first, second] = &self.lanes;
        let both = first.iter().zip(second);
        both.map(|(&first, &second)| u64::from(first) + u64::from(second))
    }
}

impl FeatureExtractor for Lbp {
    fn name(&self) -> &str {
        "lbp"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// The label of every pixel (its variance for [`LbpMethod::Var`]) on the scale of the counts; `NaN` where
/// there is none.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::Frame;
/// use xscatter_features::lbp::{Border, LbpMethod, Neighbourhood, codes};
/// use xscatter_features::{Grid, Resampled};
///
/// let frame = Frame::new(array![[9.0, 9.0, 9.0], [9.0, 5.0, 1.0], [1.0, 1.0, 1.0]]);
/// let image = Resampled::of(&frame, Grid::Native)?;
/// let circle = Neighbourhood::new(4, 1.0)?;
/// // Bit 0 is the pixel on the right, bit 1 the one above.
/// assert_eq!(codes(&image, &circle, LbpMethod::Default, Border::Drop)[(1, 1)], 6.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn codes(
    image: &Resampled,
    neighbourhood: &Neighbourhood,
    method: LbpMethod,
    border: Border,
) -> Array2<f64> {
    let tone = Tone {
        transform: IntensityTransform::Raw,
        threshold: 0.0,
        pixels: 1.0,
    };
    let wanted = if method == LbpMethod::Var {
        Wanted::Variances
    } else {
        Wanted::Codes
    };
    let mut labels = Array2::from_elem(image.shape(), f64::NAN);
    let columns = image.shape().1;
    let mut complete = vec![true; columns];
    let valid = valid_pixels(image);
    scan(image, neighbourhood, tone, wanted, |row, values| {
        let mut kept = 0..columns;
        if border == Border::Drop {
            kept = neighbourhood.inside(image.shape(), row);
            if let Some(valid) = &valid {
                neighbourhood.complete(valid.view(), row, kept.clone(), &mut complete);
            }
        }
        for column in kept.filter(|&column| complete[column]) {
            labels[(row, column)] = match wanted {
                Wanted::Variances => values[column],
                Wanted::Codes => f64::from(label::label(
                    code(values[column]),
                    neighbourhood.points(),
                    method,
                )),
            };
        }
    });
    labels
}

#[cfg(test)]
mod tests;
