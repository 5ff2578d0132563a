//! Sizes of ordered domains from the widths of peaks.
//!
//! * [`scherrer_size_nm`]: `L = 2π K / Δq`, with `Δq` the full width at half maximum, less that of the
//!   instrument `b`: `√(Δq² − b²)` for Gaussian, `Δq − b` for Lorentzian profiles. `K` is 0.89 to 0.94 for
//!   most shapes. Strain and the footprint at grazing incidence broaden peaks too: L is a lower bound.
//! * [`correlation_length_nm`]: `ξ = 2 / Δq`, of a Lorentzian peak.
//! * [`williamson_hall`]: from three peaks on, size and strain apart, by a weighted line through
//!   `Δq = 2π K / L + ε q`.
//!
//! Uncertainties are propagated to first order. *Undefined*, with the reason: a width not above that of
//! the instrument, fewer than three peaks or no width at `q = 0` above 0 for the line.
//! Source: A. L. Patterson, Phys. Rev. 56 (1939) 978, doi:10.1103/PhysRev.56.978; G. K. Williamson,
//! W. H. Hall, Acta Metall. 1 (1953) 22, doi:10.1016/0001-6160(53)90006-6.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::least_squares::fit_line;
use crate::measured::{Measured, Quantity, Undefined};

mod table;

pub use table::{DomainSizes, DomainSizesConfig, DomainSizesError};

/// How the widths of sample and instrument add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WidthSubtraction {
    /// In quadrature.
    #[default]
    Gaussian,
    /// Linearly.
    Lorentzian,
}

/// What turns widths into sizes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScherrerConfig {
    /// K.
    pub shape_factor: f64,
    /// Full width at half maximum that the instrument gives to a peak without a width.
    pub instrument_fwhm_inv_nm: f64,
    /// How the two widths add.
    pub subtraction: WidthSubtraction,
}

impl Default for ScherrerConfig {
    fn default() -> Self {
        Self {
            shape_factor: 0.9,
            instrument_fwhm_inv_nm: 0.0,
            subtraction: WidthSubtraction::Gaussian,
        }
    }
}

/// Settings that give no size.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ScherrerError {
    /// No shape.
    #[error("expected a shape factor above 0, got {0}")]
    ShapeFactor(f64),
    /// No width.
    #[error("expected an instrument's width of at least 0, got {0}")]
    Instrument(f64),
}

impl ScherrerConfig {
    /// Whether the settings give a size.
    ///
    /// # Errors
    /// [`ScherrerError`] if a setting is outside its domain.
    pub fn check(&self) -> Result<(), ScherrerError> {
        if !(self.shape_factor > 0.0 && self.shape_factor.is_finite()) {
            return Err(ScherrerError::ShapeFactor(self.shape_factor));
        }
        if !(0.0..f64::INFINITY).contains(&self.instrument_fwhm_inv_nm) {
            return Err(ScherrerError::Instrument(self.instrument_fwhm_inv_nm));
        }
        Ok(())
    }

    /// The width of a peak without that of the instrument, and its uncertainty.
    fn own_width(&self, fwhm_inv_nm: Measured) -> Quantity {
        self.check()
            .map_err(|error| Undefined::new(error.to_string()))?;
        let (width, instrument) = (fwhm_inv_nm.value, self.instrument_fwhm_inv_nm);
        // Written so that a width that is no number is refused, too.
        if !(width > instrument && width.is_finite()) {
            return Err(Undefined::new(format!(
                "expected a peak wider than the instrument's {instrument} 1/nm, found {width}"
            )));
        }
        Ok(match self.subtraction {
            WidthSubtraction::Lorentzian => Measured {
                value: width - instrument,
                ..fwhm_inv_nm
            },
            WidthSubtraction::Gaussian => {
                let own = ((width - instrument) * (width + instrument)).sqrt();
                Measured {
                    value: own,
                    sigma: fwhm_inv_nm.sigma.map(|sigma| sigma * width / own),
                }
            }
        })
    }
}

/// The size of domains from the width of a peak in q, in nm.
///
/// ```
/// use xscatter_features::Measured;
/// use xscatter_features::scherrer::{ScherrerConfig, scherrer_size_nm};
///
/// let fwhm = Measured { value: 0.1, sigma: Some(0.005) };
/// let size = scherrer_size_nm(fwhm, &ScherrerConfig::default())?;
/// assert!((size.value - 56.548667764616276).abs() < 1e-9);
/// assert!((size.sigma.unwrap() / size.value - 0.05).abs() < 1e-12);
/// # Ok::<(), xscatter_features::Undefined>(())
/// ```
///
/// # Errors
/// [`Undefined`] for a width that is not above that of the instrument, or settings that
/// [`ScherrerConfig::check`] refuses.
pub fn scherrer_size_nm(fwhm_inv_nm: Measured, config: &ScherrerConfig) -> Quantity {
    let own = config.own_width(fwhm_inv_nm)?;
    Ok(inverse(TAU * config.shape_factor, own))
}

/// `2 / Δq`, the correlation length of a Lorentzian peak, in nm.
///
/// # Errors
/// As for [`scherrer_size_nm`].
pub fn correlation_length_nm(fwhm_inv_nm: Measured, config: &ScherrerConfig) -> Quantity {
    Ok(inverse(2.0, config.own_width(fwhm_inv_nm)?))
}

fn inverse(numerator: f64, denominator: Measured) -> Measured {
    let value = numerator / denominator.value;
    Measured {
        value,
        sigma: denominator
            .sigma
            .map(|sigma| value * sigma / denominator.value),
    }
}

/// Size and strain apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WilliamsonHall {
    /// L.
    pub size_nm: Measured,
    /// ε: the spread of lattice parameters, as full width at half maximum over q.
    pub strain: Measured,
    /// χ² over the degrees of freedom.
    pub reduced_chi_square: f64,
}

/// Size and strain from the positions and widths of three or more peaks.
///
/// Widths without an uncertainty are left out.
///
/// # Errors
/// [`Undefined`] for fewer than three peaks that are wider than the instrument, peaks at one q, or a width
/// at q = 0 that is not above 0.
pub fn williamson_hall(
    peaks_inv_nm: &[(Measured, Measured)],
    config: &ScherrerConfig,
) -> Result<WilliamsonHall, Undefined> {
    let (mut q, mut widths, mut errors) = (vec![], vec![], vec![]);
    for &(position, fwhm) in peaks_inv_nm {
        if let Ok(Measured {
            value,
            sigma: Some(sigma),
        }) = config.own_width(fwhm)
            && sigma > 0.0
        {
            q.push(position.value);
            widths.push(value);
            errors.push(sigma);
        }
    }
    if q.len() < 3 {
        return Err(Undefined::new(format!(
            "expected at least 3 peaks wider than the instrument, found {}",
            q.len()
        )));
    }
    let fit = fit_line(&q, &widths, &errors)
        .filter(|fit| fit.parameters[0] > 0.0)
        .ok_or_else(|| Undefined::new("expected a width above 0 at q = 0, found none"))?;
    let measured = |at: usize| Measured {
        value: fit.parameters[at],
        sigma: Some(fit.sigma(at)),
    };
    Ok(WilliamsonHall {
        size_nm: inverse(TAU * config.shape_factor, measured(0)),
        strain: measured(1),
        reduced_chi_square: fit.reduced_chi_square(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn width(value: f64) -> Measured {
        Measured {
            value,
            sigma: Some(0.01 * value),
        }
    }

    #[test]
    fn g_sch_1_sizes_of_two_widths() {
        // In Å as in the reference; the unit cancels.
        for (fwhm, size) in [(0.01, 565.486_677_646_162_8), (0.02, 282.743_338_823_081_4)] {
            let found = scherrer_size_nm(width(fwhm), &ScherrerConfig::default()).unwrap();
            assert_relative_eq!(found.value, size, max_relative = 1e-13);
            assert_relative_eq!(found.sigma.unwrap(), 0.01 * size, max_relative = 1e-12);
        }
    }

    #[test]
    fn the_width_of_the_instrument_is_taken_off() {
        let mut config = ScherrerConfig {
            instrument_fwhm_inv_nm: 0.3,
            ..Default::default()
        };
        let found = scherrer_size_nm(width(0.5), &config).unwrap();
        assert_relative_eq!(found.value, TAU * 0.9 / 0.4, max_relative = 1e-12);
        assert_relative_eq!(
            found.sigma.unwrap() / found.value,
            0.005 * 0.5 / 0.16,
            max_relative = 1e-12
        );
        config.subtraction = WidthSubtraction::Lorentzian;
        let found = scherrer_size_nm(width(0.5), &config).unwrap();
        assert_relative_eq!(found.value, TAU * 0.9 / 0.2, max_relative = 1e-12);
        assert_relative_eq!(
            found.sigma.unwrap() / found.value,
            0.005 / 0.2,
            max_relative = 1e-12
        );
        let length = correlation_length_nm(width(0.5), &config).unwrap();
        assert_relative_eq!(length.value, 10.0, max_relative = 1e-12);
        let error = scherrer_size_nm(width(0.3), &config).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("wider than the instrument's 0.3"),
            "{error}"
        );
        assert!(scherrer_size_nm(width(f64::NAN), &config).is_err());
    }

    #[test]
    fn size_and_strain_come_apart() {
        let config = ScherrerConfig::default();
        let peaks = [1.0, 2.0, 3.0].map(|q| (width(q), width(TAU * 0.9 / 50.0 + 0.02 * q)));
        let found = williamson_hall(&peaks, &config).unwrap();
        assert_relative_eq!(found.size_nm.value, 50.0, max_relative = 1e-9);
        assert_relative_eq!(found.strain.value, 0.02, max_relative = 1e-9);
        assert!(found.reduced_chi_square < 1e-12);
        assert!(williamson_hall(&peaks[..2], &config).is_err());
        let shrinking = [1.0, 2.0, 3.0].map(|q| (width(q), width(0.1 * q - 0.05)));
        assert!(williamson_hall(&shrinking, &config).is_err());
    }
}
