//! Intensity against the distance from the beam, as a row of ring means.
//!
//! In transmission a pattern of unoriented matter depends on this distance alone, and its rings and
//! slopes are what tells samples apart; the spread along each ring tells oriented from unoriented.
//! Use it where the beam centre is known. It is a descriptor, not a reduction: no solid angle, no
//! polarisation, no pixel splitting (see the crate `xscatter-reduce` for those).
//!
//! Ring `k` of `n` holds the pixels whose centre has `k ≤ n t < k + 1`, with `t` one of
//!
//! - [`RadialAxis::RelativeRadius`]: `r / r_max`, with `r` the distance to the beam centre in pixels
//!   and `r_max` that to the farthest corner of the image: independent of detector, distance and
//!   wavelength, and every ring lies on the image if the centre does;
//! - [`RadialAxis::QInvNm`]: `(|q| − min) / (max − min)`: the same q in the same column, whatever
//!   the detector; needs a geometry. Pixels outside the limits are not used.
//!
//! The beam centre is where `info.geometry` says that the direct beam meets the detector, else
//! `info.beam_centre_px`; a frame with neither is an error of kind [`MissingMetadata`](xscatter_core::ErrorKind::MissingMetadata).
//!
//! *Masks*: masked pixels do not exist. A ring without a valid pixel is filled by [`EmptyBin`]; a
//! frame without a valid pixel in any ring is an error of kind
//! [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData).
//!
//! *Symmetry*: rows do not change (up to rounding) when frame and centre are flipped or turned
//! together. *Cost*: one pass over the pixels; a map of q on top for [`RadialAxis::QInvNm`].

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::intensity::{IntensityError, IntensityTransform};
use crate::place::{beam_centre, pixel_map};
use crate::resample::{Grid, Resampled, degenerate};

/// What the rings are equally spaced in; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RadialAxis {
    /// Distance to the beam centre over that of the farthest corner.
    #[default]
    RelativeRadius,
    /// Length of the scattering vector in nm⁻¹.
    QInvNm {
        /// Inner edge of the first ring.
        min: f64,
        /// Outer edge of the last ring.
        max: f64,
    },
}

/// What is computed for every ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RadialStatistic {
    /// The mean of the transformed intensities.
    Mean,
    /// Their standard deviation along the ring (biased): orientation, spots and noise. On a
    /// logarithmic scale it is a coefficient of variation.
    Std,
    /// The share of the ring's pixels on the image that are valid; 0 for a ring off the image. It
    /// describes detector and mask, not the sample.
    ValidFraction,
}

impl RadialStatistic {
    const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Std => "std",
            Self::ValidFraction => "valid_fraction",
        }
    }
}

/// What stands for the mean and the deviation of a ring without a valid pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmptyBin {
    /// The values of the nearest ring that has any; of two at the same distance, the inner one.
    #[default]
    Nearest,
    /// NaN, which means *missing*.
    Missing,
}

/// What [`RadialProfile`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RadialConfig {
    /// The number of rings.
    pub bins: usize,
    /// The statistics, in the order of their columns.
    pub statistics: Vec<RadialStatistic>,
    /// What is done to the counts first.
    pub transform: IntensityTransform,
    /// What the rings are equally spaced in.
    pub axis: RadialAxis,
    /// What stands for a ring without a valid pixel.
    pub empty: EmptyBin,
}

impl Default for RadialConfig {
    /// Mean and deviation of `ln(1 + I)` in 32 rings of equal width.
    fn default() -> Self {
        Self {
            bins: 32,
            statistics: vec![RadialStatistic::Mean, RadialStatistic::Std],
            transform: IntensityTransform::Log1p,
            axis: RadialAxis::RelativeRadius,
            empty: EmptyBin::Nearest,
        }
    }
}

/// Why a [`RadialProfile`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RadialError {
    /// No ring.
    #[error("expected at least 1 ring, got 0")]
    Bins,
    /// No statistic, or one twice.
    #[error("expected at least one statistic, each once")]
    Statistics,
    /// The limits of q do not enclose anything.
    #[error("expected q limits with 0 <= min < max, got {min} and {max} per nm")]
    Limits {
        /// The lower limit.
        min: f64,
        /// The upper limit.
        max: f64,
    },
    /// The transform makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

/// Ring means and deviations about the beam centre; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame, FrameInfo, PixelPosition};
/// use xscatter_features::{RadialConfig, RadialProfile};
///
/// let info = FrameInfo {
///     beam_centre_px: Some(PixelPosition { row: 8.0, column: 8.0 }),
///     ..Default::default()
/// };
/// let frame = Frame::new(Array2::ones((16, 16))).with_info(info);
/// let profile = RadialProfile::new(RadialConfig { bins: 4, ..Default::default() })?;
/// let table = profile.extract(&[frame])?;
/// assert_eq!(&*table.columns()[3], "radial.mean.b3");
/// assert_eq!(table.values()[(0, 3)], 2f32.ln());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RadialProfile {
    config: RadialConfig,
    columns: Vec<Arc<str>>,
}

impl RadialProfile {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`RadialError`] if a setting is outside its domain.
    pub fn new(config: RadialConfig) -> Result<Self, RadialError> {
        config.transform.check()?;
        if config.bins == 0 {
            return Err(RadialError::Bins);
        }
        let twins = (1..config.statistics.len())
            .any(|index| config.statistics[..index].contains(&config.statistics[index]));
        if twins || config.statistics.is_empty() {
            return Err(RadialError::Statistics);
        }
        match config.axis {
            RadialAxis::QInvNm { min, max } if !(0.0 <= min && min < max && max.is_finite()) => {
                return Err(RadialError::Limits { min, max });
            }
            _ => {}
        }
        // Names of equal width, so that sorted columns are in the order of the rings.
        let width = (config.bins - 1).to_string().len();
        let columns = config
            .statistics
            .iter()
            .flat_map(|statistic| {
                (0..config.bins)
                    .map(move |bin| format!("radial.{}.b{bin:0width$}", statistic.name()).into())
            })
            .collect();
        Ok(Self { config, columns })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let image = Resampled::of(frame, Grid::Native)?;
        let mut rings = vec![Ring::default(); self.config.bins];
        self.fill(frame, &image, &mut rings)?;
        let filled: Vec<usize> = (0..rings.len()).filter(|&k| rings[k].valid > 0).collect();
        if filled.is_empty() {
            return Err(degenerate(
                frame,
                format!(
                    "expected valid pixels in the rings of {:?}, found none",
                    self.config.axis
                ),
            ));
        }
        let mut row = Vec::with_capacity(self.columns.len());
        for statistic in &self.config.statistics {
            for (k, own) in rings.iter().enumerate() {
                let ring = match self.config.empty {
                    EmptyBin::Nearest => &rings[nearest(&filled, k)],
                    EmptyBin::Missing => own,
                };
                row.push(match statistic {
                    RadialStatistic::Mean => ring.mean() as f32,
                    RadialStatistic::Std => ring.std() as f32,
                    RadialStatistic::ValidFraction => own.valid_fraction() as f32,
                });
            }
        }
        Ok(row)
    }

    fn fill(&self, frame: &Frame, image: &Resampled, rings: &mut [Ring]) -> Result<()> {
        let (rows, columns) = image.shape();
        match self.config.axis {
            RadialAxis::RelativeRadius => {
                let centre = beam_centre(frame)?;
                let far = |centre: f64, size: usize| centre.abs().max((size as f64 - centre).abs());
                let farthest = far(centre.row, rows).hypot(far(centre.column, columns));
                self.each(image, rings, |row, column| {
                    let y = row as f64 + 0.5 - centre.row;
                    let x = column as f64 + 0.5 - centre.column;
                    (y * y + x * x).sqrt() / farthest
                });
            }
            RadialAxis::QInvNm { min, max } => {
                let q = q_inv_nm(frame)?;
                self.each(image, rings, |row, column| {
                    (q(row, column) - min) / (max - min)
                });
            }
        }
        Ok(())
    }

    fn each(&self, image: &Resampled, rings: &mut [Ring], place: impl Fn(usize, usize) -> f64) {
        let bins = self.config.bins as f64;
        for ((row, column), &count) in image.values.indexed_iter() {
            let bin = (place(row, column) * bins).floor();
            if !(0.0..bins).contains(&bin) {
                continue;
            }
            let ring = &mut rings[bin as usize];
            ring.pixels += 1;
            if image.is_valid(row, column) {
                ring.push(self.config.transform.apply(f64::from(count)));
            }
        }
    }
}

impl FeatureExtractor for RadialProfile {
    fn name(&self) -> &str {
        "radial"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// A running mean and sum of squared deviations (Welford), which does not cancel.
#[derive(Debug, Clone, Default)]
struct Ring {
    pixels: u64,
    valid: u64,
    mean: f64,
    squares: f64,
}

impl Ring {
    fn push(&mut self, value: f64) {
        self.valid += 1;
        let before = value - self.mean;
        self.mean += before / self.valid as f64;
        self.squares += before * (value - self.mean);
    }

    fn mean(&self) -> f64 {
        if self.valid > 0 { self.mean } else { f64::NAN }
    }

    fn std(&self) -> f64 {
        (self.squares / self.valid as f64).sqrt()
    }

    fn valid_fraction(&self) -> f64 {
        self.valid as f64 / self.pixels.max(1) as f64
    }
}

/// The nearest of the ascending, non-empty `filled`; the lower one of two.
fn nearest(filled: &[usize], k: usize) -> usize {
    filled
        .iter()
        .copied()
        .min_by_key(|&candidate| candidate.abs_diff(k))
        .unwrap_or(k)
}

/// The length of the scattering vector at the centre of a pixel.
fn q_inv_nm(frame: &Frame) -> Result<impl Fn(usize, usize) -> f64> {
    let map = pixel_map(frame)?;
    Ok(move |row: usize, column: usize| map.q_inv_nm_at(row as f64 + 0.5, column as f64 + 0.5))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Array2, Axis};
    use std::sync::Arc;
    use xscatter_core::{ErrorKind, FrameInfo, Geometry, Mask, PixelPosition};
    use xscatter_geometry::PixelMap;

    const CENTRE: PixelPosition = PixelPosition {
        row: 20.25,
        column: 30.75,
    };

    fn with_centre(counts: Array2<f32>, row: f64, column: f64) -> Frame {
        Frame::new(counts).with_info(FrameInfo {
            beam_centre_px: Some(PixelPosition { row, column }),
            ..Default::default()
        })
    }

    /// `100 + 10 r`, the frame of the golden values of the reference.
    fn cone() -> Array2<f32> {
        Array2::from_shape_fn((64, 80), |(row, column)| {
            let y = row as f64 + 0.5 - CENTRE.row;
            let x = column as f64 + 0.5 - CENTRE.column;
            (100.0 + 10.0 * y.hypot(x)) as f32
        })
    }

    fn geometry() -> Arc<Geometry> {
        Arc::new(Geometry::transmission(1.0, CENTRE, 172e-6, 1e-10))
    }

    fn profile(config: RadialConfig) -> RadialProfile {
        RadialProfile::new(config).unwrap()
    }

    #[test]
    fn g_ai_2_rings_in_q_agree_with_pyfai() {
        // pyFAI 2026.9.0, method "no", no corrections, 8 bins between the extreme pixel centres.
        let expected = [
            156.54263, 229.40532, 306.79138, 387.23438, 468.11685, 546.58026, 620.3307, 699.45337,
        ];
        let map = PixelMap::new(&geometry(), (64, 80)).unwrap();
        let q = map.q_inv_nm();
        let min = q.iter().copied().fold(f64::INFINITY, f64::min);
        let max = q.iter().copied().fold(0.0, f64::max);
        let mut frame = Frame::new(cone());
        frame.info.geometry = Some(geometry());
        let table = profile(RadialConfig {
            bins: 8,
            statistics: vec![RadialStatistic::Mean],
            transform: IntensityTransform::Raw,
            axis: RadialAxis::QInvNm {
                min,
                // The last ring is half open.
                max: max * (1.0 + 1e-12),
            },
            empty: EmptyBin::Missing,
        })
        .extract(&[frame])
        .unwrap();
        for (value, expected) in table.values().iter().zip(expected) {
            assert_relative_eq!(*value, expected, max_relative = 1e-6);
        }
    }

    #[test]
    fn geometry_and_beam_centre_give_the_same_rings() {
        let by_centre = with_centre(cone(), CENTRE.row, CENTRE.column);
        let mut by_geometry = Frame::new(cone());
        by_geometry.info.geometry = Some(geometry());
        let table = profile(RadialConfig::default())
            .extract(&[by_centre, by_geometry])
            .unwrap();
        for column in 0..table.n_columns() {
            let (a, b) = (table.values()[(0, column)], table.values()[(1, column)]);
            assert_relative_eq!(a, b, max_relative = 1e-5);
        }
    }

    #[test]
    fn a_rotated_detector_has_its_centre_where_two_theta_vanishes() {
        let rotated = Geometry {
            rot1_rad: 0.02,
            rot2_rad: -0.03,
            rot3_rad: 0.4,
            ..(*geometry()).clone()
        };
        let mut frame = Frame::new(Array2::ones((64, 80)));
        frame.info.geometry = Some(Arc::new(rotated.clone()));
        let centre = beam_centre(&frame).unwrap();
        let map = PixelMap::new(&rotated, (64, 80)).unwrap();
        assert!(map.two_theta_rad_at(centre.row, centre.column) < 1e-9);
    }

    #[test]
    fn flips_and_transposition_with_the_centre_change_nothing() {
        let mut flipped = cone();
        flipped.invert_axis(Axis(0));
        let frames = [
            with_centre(cone(), 20.25, 30.75),
            with_centre(flipped, 64.0 - 20.25, 30.75),
            with_centre(cone().reversed_axes(), 30.75, 20.25),
        ];
        let table = profile(RadialConfig::default()).extract(&frames).unwrap();
        for column in 0..table.n_columns() {
            for row in 1..3 {
                let (value, moved) = (table.values()[(0, column)], table.values()[(row, column)]);
                assert_relative_eq!(value, moved, max_relative = 1e-5);
            }
        }
    }

    #[test]
    fn empty_rings_take_their_nearest_neighbour_or_are_missing() {
        // The rings inside radius 8 of 16 are masked.
        let bad = Array2::from_shape_fn((32, 32), |(row, column)| {
            (row as f64 - 15.5).hypot(column as f64 - 15.5) < 8.0
        });
        let frame = with_centre(Array2::from_elem((32, 32), 5.0), 16.0, 16.0)
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let config = RadialConfig {
            bins: 8,
            statistics: vec![RadialStatistic::Mean, RadialStatistic::ValidFraction],
            ..Default::default()
        };
        let frames = [frame];
        let nearest = profile(config.clone()).extract(&frames).unwrap();
        let missing = profile(RadialConfig {
            empty: EmptyBin::Missing,
            ..config
        })
        .extract(&frames)
        .unwrap();
        assert_eq!(nearest.values()[(0, 0)], 6f32.ln());
        assert!(missing.values()[(0, 0)].is_nan());
        assert_eq!(nearest.values()[(0, 8)], 0.0);
        assert_eq!(nearest.values()[(0, 15)], 1.0);
    }

    #[test]
    fn the_nearest_ring_prefers_the_inner_of_two() {
        assert_eq!(nearest(&[1, 3], 2), 1);
        assert_eq!(nearest(&[4], 0), 4);
    }

    #[test]
    fn a_frame_without_a_centre_is_an_error_that_names_it() {
        let mut frame = Frame::new(Array2::ones((4, 4)));
        frame.info.path = Some("c.tif".into());
        for axis in [
            RadialAxis::RelativeRadius,
            RadialAxis::QInvNm { min: 0.0, max: 1.0 },
        ] {
            let error = profile(RadialConfig {
                axis,
                ..Default::default()
            })
            .extract(std::slice::from_ref(&frame))
            .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::MissingMetadata);
            assert!(
                error
                    .to_string()
                    .starts_with("c.tif: at frame 0: expected a")
            );
        }
    }

    #[test]
    fn rings_that_miss_the_image_are_degenerate() {
        let mut frame = Frame::new(cone());
        frame.info.geometry = Some(geometry());
        let error = profile(RadialConfig {
            axis: RadialAxis::QInvNm {
                min: 90.0,
                max: 99.0,
            },
            ..Default::default()
        })
        .extract(&[frame])
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
    }

    #[test]
    fn a_centre_far_off_the_image_still_gives_a_row() {
        let frame = with_centre(cone(), -300.0, 40.0);
        let table = profile(RadialConfig::default()).extract(&[frame]).unwrap();
        assert!(table.values().iter().all(|value| value.is_finite()));
    }

    #[test]
    fn senseless_settings_are_refused() {
        let broken = |change: fn(&mut RadialConfig)| {
            let mut config = RadialConfig::default();
            change(&mut config);
            RadialProfile::new(config).unwrap_err()
        };
        assert_eq!(broken(|c| c.bins = 0), RadialError::Bins);
        assert_eq!(broken(|c| c.statistics.clear()), RadialError::Statistics);
        assert_eq!(
            broken(|c| c.axis = RadialAxis::QInvNm { min: 2.0, max: 1.0 }),
            RadialError::Limits { min: 2.0, max: 1.0 }
        );
    }
}
