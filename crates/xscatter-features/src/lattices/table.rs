//! The candidate lattices of a frame's curve as columns.

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use super::{LatticeConfig, LatticeError, candidates};
use crate::batch::fill_rows;
use crate::curve::Curve;
use crate::intensity_profile::{IntensityProfile, ProfileConfig, ProfileError};
use crate::peaks::table::{curve_of_frame, value_and_sigma, with_sigma};
use crate::peaks::{PeakSearch, PeakSearchError, find_peaks};
use crate::polar::finite;

/// How the peaks are found and weighed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LatticesConfig {
    /// The candidates and the costs.
    pub weights: LatticeConfig,
    /// What counts as a peak.
    pub search: PeakSearch,
    /// The curve; its transform and filling do not apply.
    pub profile: ProfileConfig,
}

impl Default for LatticesConfig {
    fn default() -> Self {
        Self {
            weights: LatticeConfig::default(),
            search: PeakSearch::default(),
            profile: curve_of_frame(),
        }
    }
}

/// Why an extractor could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LatticesError {
    /// The weights make no sense.
    #[error(transparent)]
    Weights(#[from] LatticeError),
    /// The search makes no sense.
    #[error(transparent)]
    Search(#[from] PeakSearchError),
    /// The curve makes no sense.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

/// The candidate lattices of a frame's curve as columns.
///
/// | column | value |
/// |---|---|
/// | `lattices.peaks` | how many peaks were weighed |
/// | `lattices.posterior.lamellar` … | probability of each phase |
/// | `lattices.residual.lamellar` … | root mean square of the relative misfit of the peaks with a reflection |
/// | `lattices.matched.lamellar` … | part of the peaks that have a reflection |
/// | `lattices.parameter`, `.sigma` | lattice parameter in nm of the most likely phase, the first of equal ones |
///
/// Missing (`NaN`): all but the number of peaks if there are fewer than two, and that too for a curve with
/// too few points or no uncertainties.
#[derive(Debug, Clone)]
pub struct Lattices {
    config: LatticesConfig,
    profile: IntensityProfile,
    columns: Vec<Arc<str>>,
}

impl Lattices {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`LatticesError`] if a setting is outside its domain.
    pub fn new(config: LatticesConfig) -> Result<Self, LatticesError> {
        config.weights.check()?;
        config.search.check()?;
        let mut columns: Vec<Arc<str>> = vec!["lattices.peaks".into()];
        for property in ["posterior", "residual", "matched"] {
            let phases = config.weights.phases.iter();
            columns
                .extend(phases.map(|phase| format!("lattices.{property}.{}", phase.name()).into()));
        }
        columns.extend(with_sigma("lattices.parameter"));
        Ok(Self {
            profile: IntensityProfile::new(config.profile.clone())?,
            config,
            columns,
        })
    }

    fn row(&self, curve: &Curve) -> Vec<f32> {
        let mut row = vec![f32::NAN; self.columns.len()];
        let Ok(peaks) = find_peaks(curve, &self.config.search) else {
            return row;
        };
        row[0] = peaks.len() as f32;
        let positions: Vec<_> = peaks.iter().map(|peak| peak.q_inv_nm).collect();
        let start = curve.q_inv_nm().first().copied().unwrap_or(0.0);
        let Ok(candidates) = candidates(&positions, start, &self.config.weights) else {
            return row;
        };
        let phases = candidates.len();
        let mut best = &candidates[0];
        for (at, candidate) in candidates.iter().enumerate() {
            let matched = candidate.reflections.iter().flatten().count();
            row[1 + at] = finite(candidate.posterior);
            row[1 + phases + at] = finite(candidate.relative_residual);
            row[1 + 2 * phases + at] = matched as f32 / peaks.len() as f32;
            if candidate.posterior > best.posterior {
                best = candidate;
            }
        }
        row[1 + 3 * phases..].copy_from_slice(&value_and_sigma(Some(best.lattice_nm)));
        row
    }
}

impl FeatureExtractor for Lattices {
    fn name(&self) -> &str {
        "lattices"
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
