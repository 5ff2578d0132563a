//! The peaks of a frame's curve as columns.

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use super::{Peak, PeakSearch, PeakSearchError, find_peaks};
use crate::batch::fill_rows;
use crate::curve::Curve;
use crate::intensity_profile::{IntensityProfile, ProfileConfig, ProfileError, ProfileSigma};
use crate::measured::Measured;
use crate::polar::{QAxis, finite};

/// The curve that the analyses of curves start from: 256 rings of equal width over the q of the frame,
/// uncertainties from the scatter of the pixels, which hold for every kind of detector.
pub(crate) fn curve_of_frame() -> ProfileConfig {
    ProfileConfig {
        axis: QAxis::linear(256),
        sigma: ProfileSigma::Scatter,
        ..Default::default()
    }
}

/// A name and that of its uncertainty.
pub(crate) fn with_sigma(name: &str) -> [Arc<str>; 2] {
    [name.into(), format!("{name}.sigma").into()]
}

/// A value and its uncertainty for a table; what is unknown is missing.
pub(crate) fn value_and_sigma(measured: Option<Measured>) -> [f32; 2] {
    let sigma = measured.and_then(|measured| measured.sigma);
    [
        measured.map_or(f32::NAN, |measured| finite(measured.value)),
        sigma.map_or(f32::NAN, finite),
    ]
}

/// Which peaks get columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeaksConfig {
    /// How many peaks; the ones that stand out most, in ascending order of q.
    pub peaks: usize,
    /// What counts as a peak.
    pub search: PeakSearch,
    /// The curve; its transform and filling do not apply.
    pub profile: ProfileConfig,
}

impl Default for PeaksConfig {
    fn default() -> Self {
        Self {
            peaks: 6,
            search: PeakSearch::default(),
            profile: curve_of_frame(),
        }
    }
}

/// Why an extractor could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PeaksError {
    /// No peak, or more than the search may find.
    #[error("expected 1 to {limit} peaks, got {found}")]
    Peaks {
        /// The most that the search may find.
        limit: usize,
        /// How many were asked for.
        found: usize,
    },
    /// The search makes no sense.
    #[error(transparent)]
    Search(#[from] PeakSearchError),
    /// The curve makes no sense.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

/// The peaks of a frame's curve as columns.
///
/// | column | value |
/// |---|---|
/// | `peaks.count` | how many were found |
/// | `peaks.q.1`, `peaks.q.1.sigma` … | position in 1/nm |
/// | `peaks.d.1`, `peaks.d.1.sigma` … | `2π / q` in nm |
/// | `peaks.fwhm.1`, `peaks.fwhm.1.sigma` … | full width at half maximum in 1/nm |
/// | `peaks.height.1`, `peaks.height.1.sigma` … | intensity above the background |
/// | `peaks.area.1`, `peaks.area.1.sigma` … | integral above the background |
/// | `peaks.ratio.2` … | position over that of the first of the listed peaks |
///
/// Missing (`NaN`) are the columns of peaks that are not there, an uncertainty of a width or height that
/// ended at its bound, and all columns of a curve that has too few points or no uncertainties (a frame
/// without contrast).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame, FrameInfo, Geometry, PixelPosition};
/// use xscatter_features::peaks::{Peaks, PeaksConfig};
///
/// let centre = PixelPosition { row: 100.0, column: 100.0 };
/// let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
/// let info = FrameInfo { geometry: Some(geometry.into()), ..Default::default() };
/// let ring = Array2::from_shape_fn((200, 200), |(row, column)| {
///     let r = (row as f32 - 99.5).hypot(column as f32 - 99.5);
///     (50.0 + ((7 * row + 13 * column) % 5) as f32) + 300.0 * (-((r - 60.0) / 3.0).powi(2)).exp()
/// });
/// let table = Peaks::new(PeaksConfig::default())?.extract(&[Frame::new(ring).with_info(info)])?;
/// assert_eq!((&*table.columns()[1], table.values()[(0, 0)]), ("peaks.q.1", 1.0));
/// assert!((table.values()[(0, 1)] - 0.6484).abs() < 2e-3); // 60 pixels of 172 µm at 1 m, 1 Å
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Peaks {
    config: PeaksConfig,
    profile: IntensityProfile,
    columns: Vec<Arc<str>>,
}

impl Peaks {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`PeaksError`] if a setting is outside its domain.
    pub fn new(config: PeaksConfig) -> Result<Self, PeaksError> {
        config.search.check()?;
        if !(1..=config.search.max_peaks).contains(&config.peaks) {
            return Err(PeaksError::Peaks {
                limit: config.search.max_peaks,
                found: config.peaks,
            });
        }
        let mut columns: Vec<Arc<str>> = vec!["peaks.count".into()];
        for peak in 1..=config.peaks {
            for property in ["q", "d", "fwhm", "height", "area"] {
                columns.extend(with_sigma(&format!("peaks.{property}.{peak}")));
            }
        }
        columns.extend((2..=config.peaks).map(|peak| format!("peaks.ratio.{peak}").into()));
        Ok(Self {
            profile: IntensityProfile::new(config.profile.clone())?,
            config,
            columns,
        })
    }

    fn row(&self, curve: &Curve) -> Vec<f32> {
        let mut row = Vec::with_capacity(self.columns.len());
        let Ok(mut peaks) = find_peaks(curve, &self.config.search) else {
            return vec![f32::NAN; self.columns.len()];
        };
        row.push(peaks.len() as f32);
        strongest(&mut peaks, self.config.peaks);
        for at in 0..self.config.peaks {
            let peak = peaks.get(at);
            for measured in [
                peak.map(|peak| peak.q_inv_nm),
                peak.map(Peak::d_nm),
                peak.map(|peak| peak.fwhm_inv_nm),
                peak.map(|peak| peak.height),
                peak.map(|peak| peak.area),
            ] {
                row.extend(value_and_sigma(measured));
            }
        }
        row.extend((1..self.config.peaks).map(|at| {
            peaks.get(at).map_or(f32::NAN, |peak| {
                finite(peak.q_inv_nm.value / peaks[0].q_inv_nm.value)
            })
        }));
        row
    }
}

/// Keeps the peaks that stand out most, ascending in q.
pub(crate) fn strongest(peaks: &mut Vec<Peak>, count: usize) {
    peaks.sort_by(|one, other| f64::total_cmp(&other.prominence_sigma, &one.prominence_sigma));
    peaks.truncate(count);
    peaks.sort_by(|one, other| f64::total_cmp(&one.q_inv_nm.value, &other.q_inv_nm.value));
}

impl FeatureExtractor for Peaks {
    fn name(&self) -> &str {
        "peaks"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| {
            Ok(self.row(&self.profile.curve(frame)?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_columns_than_peaks_are_refused() {
        for peaks in [0, 13] {
            let config = PeaksConfig {
                peaks,
                ..Default::default()
            };
            let error = Peaks::new(config).unwrap_err();
            assert_eq!(
                error,
                PeaksError::Peaks {
                    limit: 12,
                    found: peaks
                }
            );
        }
    }
}
