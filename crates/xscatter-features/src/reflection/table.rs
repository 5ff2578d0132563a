//! Horizon, Yoneda band and specular spot of a frame as columns.

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use xscatter_core::{FeatureExtractor, Frame, Result};

use super::{ReflectionConfig, reflection};
use crate::batch::fill_rows;
use crate::measured::Measured;
use crate::peaks::table::{value_and_sigma, with_sigma};
use crate::place::beam_centre;
use crate::polar::finite;

/// Why an extractor could not be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ReflectionsError {
    /// Too small to see anything.
    #[error("expected a resolution of at least 16 pixels, got {0}")]
    Resolution(usize),
    /// A threshold outside its domain.
    #[error("expected {name} above 0, got {found}")]
    Threshold {
        /// Which setting.
        name: &'static str,
        /// What was given.
        found: f64,
    },
}

/// Horizon, Yoneda band and specular spot of a frame as columns.
///
/// | column | value |
/// |---|---|
/// | `reflection.horizon.score`, `.yoneda.score`, `.specular.score` | how clearly each is there; 0 if it is not |
/// | `reflection.horizon.place`, `.place.sigma` | row over the number of rows (column over columns where the normal runs along them) |
/// | `reflection.yoneda.height`, `.height.sigma` | distance from the horizon over the same number |
/// | `reflection.yoneda.angle`, `.angle.sigma` | exit angle in degrees |
/// | `reflection.specular.height`, `.height.sigma` | distance from the horizon over the same number |
/// | `reflection.specular.angle`, `.angle.sigma` | exit angle in degrees |
///
/// Missing (`NaN`): the places of what is not there, and angles without a geometry that has an incident
/// angle. A beam centre is used where there is one; without it there is no specular spot.
#[derive(Debug, Clone)]
pub struct Reflections {
    config: ReflectionConfig,
    columns: Vec<Arc<str>>,
}

impl Reflections {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`ReflectionsError`] if a setting is outside its domain.
    pub fn new(config: ReflectionConfig) -> Result<Self, ReflectionsError> {
        if config.resolution < 16 {
            return Err(ReflectionsError::Resolution(config.resolution));
        }
        for (name, found) in [
            ("min_horizon_score", config.min_horizon_score),
            ("band_reach", config.band_reach),
            ("min_prominence", config.min_prominence),
            ("min_spot_contrast", config.min_spot_contrast),
        ] {
            if !(found > 0.0 && found.is_finite()) {
                return Err(ReflectionsError::Threshold { name, found });
            }
        }
        let scores = ["horizon", "yoneda", "specular"];
        let places = [
            "horizon.place",
            "yoneda.height",
            "yoneda.angle",
            "specular.height",
            "specular.angle",
        ];
        let columns = scores
            .iter()
            .map(|name| format!("reflection.{name}.score").into())
            .chain(
                places
                    .iter()
                    .flat_map(|name| with_sigma(&format!("reflection.{name}"))),
            )
            .collect();
        Ok(Self { config, columns })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let beam = beam_centre(frame).ok();
        let found = reflection(frame, beam, &self.config)?;
        let horizon = found.horizon.as_ref().ok();
        let (rows, columns) = frame.shape();
        let lies = horizon.is_some_and(|horizon| horizon.normal.is_along_columns());
        let (along, across) = if lies {
            (columns, rows)
        } else {
            (rows, columns)
        };
        let length = along as f64;
        let beam_across = beam.map(|beam| if lies { beam.row } else { beam.column });
        let aside = beam_across.unwrap_or(0.5 * across as f64);
        let yoneda = found.yoneda.as_ref().ok();
        let specular = found.specular.as_ref().ok();
        let relative = |place: Measured, from: f64| Measured {
            value: (place.value - from) / length,
            sigma: place.sigma.map(|sigma| sigma / length),
        };
        let height = |place: Option<Measured>| {
            let from = horizon?.place_px;
            place.map(|place| {
                let Measured { value, sigma } = relative(place, from.value);
                let both = sigma.zip(from.sigma);
                Measured {
                    value: value.abs(),
                    sigma: both.map(|(own, other)| own.hypot(other / length)),
                }
            })
        };
        let angle = |place: Option<Measured>| {
            let angle = found.exit_angle_rad(frame, place?, aside).ok()?;
            Some(Measured {
                value: angle.value.to_degrees(),
                sigma: angle.sigma.map(f64::to_degrees),
            })
        };
        let band = yoneda.map(|band| band.place_px);
        let spot = specular.map(|spot| if lies { spot.column_px } else { spot.row_px });
        let mut row = vec![
            horizon.map_or(0.0, |found| finite(found.score)),
            yoneda.map_or(0.0, |found| finite(found.score)),
            specular.map_or(0.0, |found| finite(found.score)),
        ];
        for measured in [
            horizon.map(|found| relative(found.place_px, 0.0)),
            height(band),
            angle(band),
            height(spot),
            angle(spot),
        ] {
            row.extend(value_and_sigma(measured));
        }
        Ok(row)
    }
}

impl FeatureExtractor for Reflections {
    fn name(&self) -> &str {
        "reflection"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}
