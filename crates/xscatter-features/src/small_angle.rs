//! Guinier, Porod, invariant, surface, correlation length and slopes of a frame's curve as columns.
//!
//! Each value is followed by its `.sigma`:
//!
//! | column | value |
//! |---|---|
//! | `small-angle.rg`, `small-angle.i0` | radius of gyration in nm and intensity at q = 0 ([`guinier`]) |
//! | `small-angle.guinier-chi` | reduced χ² of that fit (no `.sigma`) |
//! | `small-angle.porod-exponent` | exponent at the end of the curve ([`power_law`]) |
//! | `small-angle.porod-constant` | constant of `q⁻⁴` there ([`porod_constant`]) |
//! | `small-angle.invariant` | `∫ q² (I − B) dq` over the curve, `B` of `porod-constant`, else 0 ([`invariant`]) |
//! | `small-angle.surface` | `π K / Q` in 1/nm, `Q` with what Guinier's and Porod's laws add |
//! | `small-angle.correlation` | correlation length in nm ([`correlation_length`]) |
//! | `small-angle.slope.1` … | mean of `d ln I / d ln q` in bands of equal width in `ln q` ([`slopes`]) |
//!
//! These laws are those of unoriented matter in transmission; on other frames the values are numbers that
//! describe the curve. Missing (`NaN`): what the function behind the column leaves undefined, for the
//! reason that it states; call it on [`Curve::of`] to read it. Intensities are mean counts a pixel: I₀,
//! constant and invariant scale with the exposure, the others do not.
//!
//! *Masks*: masked pixels do not exist. *Cost*: that of the curve, and some 0.1 ms of fits.

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::correlation::{CorrelationModel, correlation_length, slopes};
use crate::curve::Curve;
use crate::guinier::{GuinierConfig, guinier};
use crate::intensity_profile::{IntensityProfile, ProfileConfig, ProfileError};
use crate::measured::{Measured, Undefined};
use crate::peaks::table::{curve_of_frame, value_and_sigma, with_sigma};
use crate::polar::finite;
use crate::porod::{PorodConfig, invariant, porod_constant, power_law, surface_to_volume_inv_nm};

/// What is fitted to the curve.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmallAngleConfig {
    /// Guinier's law.
    pub guinier: GuinierConfig,
    /// Porod's law.
    pub porod: PorodConfig,
    /// The model of the correlation length.
    pub correlation: CorrelationModel,
    /// How many bands get a slope.
    pub bands: usize,
    /// A relative error of every intensity beside its own, for correlation length and slopes.
    pub relative_error: f64,
    /// The curve; its transform and filling do not apply.
    pub profile: ProfileConfig,
}

impl Default for SmallAngleConfig {
    fn default() -> Self {
        Self {
            guinier: GuinierConfig::default(),
            porod: PorodConfig::default(),
            correlation: CorrelationModel::default(),
            bands: 4,
            relative_error: 0.01,
            profile: curve_of_frame(),
        }
    }
}

/// Why an extractor could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SmallAngleError {
    /// The settings of a fit make no sense.
    #[error("{0}")]
    Fit(Undefined),
    /// No band, or more than a curve can fill.
    #[error("expected 1 to 100 bands, got {0}")]
    Bands(usize),
    /// No error.
    #[error("expected a relative error of at least 0, got {0}")]
    RelativeError(f64),
    /// The curve makes no sense.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

/// Quantities of small-angle scattering; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame, FrameInfo, Geometry, PixelPosition};
/// use xscatter_features::{SmallAngle, SmallAngleConfig};
///
/// // Rg = 4 nm, at 0.0108 1/nm a pixel.
/// let counts = Array2::from_shape_fn((200, 200), |(row, column)| {
///     let q = 0.010_81 * (row as f32 - 99.5).hypot(column as f32 - 99.5);
///     (1e4 * (-(4.0 * q).powi(2) / 3.0).exp()).round()
/// });
/// let centre = PixelPosition { row: 100.0, column: 100.0 };
/// let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
/// let info = FrameInfo { geometry: Some(geometry.into()), ..Default::default() };
/// let table = SmallAngle::new(SmallAngleConfig::default())?
///     .extract(&[Frame::new(counts).with_info(info)])?;
/// assert_eq!(&*table.columns()[0], "small-angle.rg");
/// assert!((table.values()[(0, 0)] - 4.0).abs() < 0.05);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct SmallAngle {
    config: SmallAngleConfig,
    profile: IntensityProfile,
    columns: Vec<Arc<str>>,
}

impl SmallAngle {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`SmallAngleError`] if a setting is outside its domain.
    pub fn new(config: SmallAngleConfig) -> Result<Self, SmallAngleError> {
        config.guinier.check().map_err(SmallAngleError::Fit)?;
        config.porod.check().map_err(SmallAngleError::Fit)?;
        if !(1..=100).contains(&config.bands) {
            return Err(SmallAngleError::Bands(config.bands));
        }
        if !(0.0..f64::INFINITY).contains(&config.relative_error) {
            return Err(SmallAngleError::RelativeError(config.relative_error));
        }
        let mut columns: Vec<Arc<str>> = Vec::new();
        for name in ["rg", "i0"] {
            columns.extend(with_sigma(&format!("small-angle.{name}")));
        }
        columns.push("small-angle.guinier-chi".into());
        for name in [
            "porod-exponent",
            "porod-constant",
            "invariant",
            "surface",
            "correlation",
        ] {
            columns.extend(with_sigma(&format!("small-angle.{name}")));
        }
        for band in 1..=config.bands {
            columns.extend(with_sigma(&format!("small-angle.slope.{band}")));
        }
        Ok(Self {
            profile: IntensityProfile::new(config.profile.clone())?,
            config,
            columns,
        })
    }

    fn row(&self, curve: &Curve) -> Vec<f32> {
        let SmallAngleConfig {
            bands,
            relative_error,
            ..
        } = self.config;
        let start = guinier(curve, &self.config.guinier).ok();
        let end = power_law(curve, &self.config.porod).ok();
        let constant = porod_constant(curve, &self.config.porod).ok();
        let background = constant.map_or(0.0, |law| law.background.value);
        let area = invariant(curve, background, start.as_ref(), constant.as_ref()).ok();
        let surface = constant.zip(area).and_then(|(constant, area)| {
            surface_to_volume_inv_nm(constant.prefactor, area.total()).ok()
        });
        let length = correlation_length(curve, self.config.correlation, relative_error).ok();
        let mut row = Vec::with_capacity(self.columns.len());
        row.extend(value_and_sigma(start.map(|start| start.rg_nm)));
        row.extend(value_and_sigma(start.map(|start| start.i0)));
        row.push(start.map_or(f32::NAN, |start| finite(start.reduced_chi_square)));
        for measured in [
            end.map(|end| end.exponent),
            constant.map(|constant| constant.prefactor),
            area.map(|area| area.measured),
            surface,
            length.map(|length| length.length_nm),
        ] {
            row.extend(value_and_sigma(measured));
        }
        let slopes = slopes(curve, bands, relative_error).unwrap_or_default();
        for band in 0..bands {
            let slope: Option<Measured> = slopes.get(band).and_then(|slope| slope.clone().ok());
            row.extend(value_and_sigma(slope));
        }
        row
    }
}

impl FeatureExtractor for SmallAngle {
    fn name(&self) -> &str {
        "small-angle"
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
