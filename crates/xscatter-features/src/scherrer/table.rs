//! The sizes of domains from a frame's curve as columns.

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use super::{
    ScherrerConfig, ScherrerError, correlation_length_nm, scherrer_size_nm, williamson_hall,
};
use crate::batch::fill_rows;
use crate::curve::Curve;
use crate::intensity_profile::{IntensityProfile, ProfileConfig, ProfileError};
use crate::peaks::table::{curve_of_frame, strongest, value_and_sigma, with_sigma};
use crate::peaks::{PeakSearch, PeakSearchError, find_peaks};

/// How the peaks are found, and sizes made of their widths.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DomainSizesConfig {
    /// Shape and instrument.
    pub scherrer: ScherrerConfig,
    /// What counts as a peak.
    pub search: PeakSearch,
    /// The curve; its transform and filling do not apply.
    pub profile: ProfileConfig,
}

impl Default for DomainSizesConfig {
    fn default() -> Self {
        Self {
            scherrer: ScherrerConfig::default(),
            search: PeakSearch::default(),
            profile: curve_of_frame(),
        }
    }
}

/// Why an extractor could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DomainSizesError {
    /// Shape or instrument make no sense.
    #[error(transparent)]
    Scherrer(#[from] ScherrerError),
    /// The search makes no sense.
    #[error(transparent)]
    Search(#[from] PeakSearchError),
    /// The curve makes no sense.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

/// The sizes of domains from a frame's curve as columns, each followed by its `.sigma`.
///
/// | column | value |
/// |---|---|
/// | `scherrer.size` | Scherrer's size from the peak that stands out most, in nm |
/// | `scherrer.correlation` | the correlation length `2 / Δq` of that peak, in nm |
/// | `scherrer.hall-size` | size by Williamson and Hall from all peaks, in nm |
/// | `scherrer.hall-strain` | strain by Williamson and Hall |
///
/// Missing (`NaN`): what no peak, or fewer than three, or widths below that of the instrument leave
/// undefined; see [`crate::scherrer`].
#[derive(Debug, Clone)]
pub struct DomainSizes {
    config: DomainSizesConfig,
    profile: IntensityProfile,
    columns: Vec<Arc<str>>,
}

impl DomainSizes {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`DomainSizesError`] if a setting is outside its domain.
    pub fn new(config: DomainSizesConfig) -> Result<Self, DomainSizesError> {
        config.scherrer.check()?;
        config.search.check()?;
        let names = ["size", "correlation", "hall-size", "hall-strain"];
        Ok(Self {
            profile: IntensityProfile::new(config.profile.clone())?,
            config,
            columns: names
                .iter()
                .flat_map(|name| with_sigma(&format!("scherrer.{name}")))
                .collect(),
        })
    }

    fn row(&self, curve: &Curve) -> Vec<f32> {
        let mut peaks = find_peaks(curve, &self.config.search).unwrap_or_default();
        let config = &self.config.scherrer;
        let all: Vec<_> = peaks
            .iter()
            .map(|peak| (peak.q_inv_nm, peak.fwhm_inv_nm))
            .collect();
        let hall = williamson_hall(&all, config).ok();
        strongest(&mut peaks, 1);
        let width = peaks.first().map(|peak| peak.fwhm_inv_nm);
        [
            width.and_then(|width| scherrer_size_nm(width, config).ok()),
            width.and_then(|width| correlation_length_nm(width, config).ok()),
            hall.map(|hall| hall.size_nm),
            hall.map(|hall| hall.strain),
        ]
        .into_iter()
        .flat_map(value_and_sigma)
        .collect()
    }
}

impl FeatureExtractor for DomainSizes {
    fn name(&self) -> &str {
        "scherrer"
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
