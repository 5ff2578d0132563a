//! Guinier's law: the radius of gyration from the start of a curve.
//!
//! `I(q) = I₀ exp(−q² R_g² / 3)` for dilute particles of any shape, as long as `q R_g` is below about 1.3.
//! `ln I` is fitted against `q²` by weighted least squares, `σ(ln I) = σ/I`, over the points from a start
//! to the last one with `q R_g ≤` [`GuinierConfig::max_q_rg`]; range and fit are repeated until they agree.
//! The start is the first point from which such a fit exists and its reduced χ² is at most
//! [`GuinierConfig::max_reduced_chi_square`]: beamstop shadows and upturns at the lowest q are passed over.
//! `R_g = √(−3b)`, `σ(R_g) = 3 σ_b / (2 R_g)` for the slope `b`.
//!
//! The law is the first term of a series: for a sphere, R_g from a fit up to `q R_g = 1.3` is about 2 %
//! too small (1 % up to 1.0). Concentrated samples have a structure factor, for which this R_g is only
//! a number. The stated uncertainty is that of the counts and of
//! [`GuinierConfig::relative_error`], which stands for the deviations from the law.
//!
//! *Undefined*: no start within the first half of the points has a fit; the reason names the best.
//! Points without a positive intensity are left out. *Cost*: microseconds.
//! Source: A. Guinier, Ann. Phys. 11 (1939) 161, doi:10.1051/anphys/193911120161.

use serde::{Deserialize, Serialize};

use crate::curve::Curve;
use crate::least_squares::{Fit, fit_line, usable_sigma};
use crate::measured::{Measured, Undefined};

/// Where Guinier's law is expected to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuinierConfig {
    /// The largest `q R_g` of the fit.
    pub max_q_rg: f64,
    /// The fewest points of the fit; at least 3.
    pub min_points: usize,
    /// A relative error of every intensity beside its own, in quadrature.
    pub relative_error: f64,
    /// The largest reduced χ² of an acceptable fit.
    pub max_reduced_chi_square: f64,
}

impl Default for GuinierConfig {
    fn default() -> Self {
        Self {
            max_q_rg: 1.3,
            min_points: 5,
            relative_error: 0.01,
            max_reduced_chi_square: 2.0,
        }
    }
}

impl GuinierConfig {
    /// Whether a fit can exist.
    ///
    /// # Errors
    /// [`Undefined`] if a setting is outside its domain.
    pub fn check(&self) -> Result<(), Undefined> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        if positive(self.max_q_rg)
            && self.min_points >= 3
            && (0.0..f64::INFINITY).contains(&self.relative_error)
            && positive(self.max_reduced_chi_square)
        {
            return Ok(());
        }
        Err(Undefined::new(format!(
            "expected a Guinier range above 0, 3 or more points, an error of 0 or more and a χ² above 0, got {self:?}"
        )))
    }
}

/// A fit of Guinier's law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guinier {
    /// The radius of gyration.
    pub rg_nm: Measured,
    /// The intensity at q = 0.
    pub i0: Measured,
    /// The first q of the fit.
    pub first_inv_nm: f64,
    /// The last q of the fit.
    pub last_inv_nm: f64,
    /// How many points were fitted.
    pub points: usize,
    /// χ² over the degrees of freedom.
    pub reduced_chi_square: f64,
}

/// R_g and I₀ of a curve; see the [module](self).
///
/// ```
/// use xscatter_features::Curve;
/// use xscatter_features::guinier::{GuinierConfig, guinier};
///
/// let q: Vec<f64> = (1..100).map(|bin| 0.01 * f64::from(bin)).collect();
/// let counts: Vec<f64> = q.iter().map(|q| 1e4 * (-(4.0 * q).powi(2) / 3.0).exp()).collect();
/// let sigma = counts.iter().map(|count| count.sqrt()).collect();
/// let fit = guinier(&Curve::new(q, counts, sigma)?, &GuinierConfig::default())?;
/// assert!((fit.rg_nm.value - 4.0).abs() < 1e-9);
/// assert!(fit.last_inv_nm <= 1.3 / 4.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Undefined`] as the module says.
pub fn guinier(curve: &Curve, config: &GuinierConfig) -> Result<Guinier, Undefined> {
    config.check()?;
    let sigma = usable_sigma(curve)?;
    let (mut squares, mut logarithms, mut errors) = (vec![], vec![], vec![]);
    for ((&q, &intensity), &sigma) in curve.q_inv_nm().iter().zip(curve.intensity()).zip(&sigma) {
        if intensity > 0.0 {
            squares.push(q * q);
            logarithms.push(intensity.ln());
            errors.push((sigma / intensity).hypot(config.relative_error));
        }
    }
    let mut lowest = f64::INFINITY;
    for start in 0..squares.len().div_ceil(2) {
        let parts = [&squares[start..], &logarithms[start..], &errors[start..]];
        let Some((fit, points)) = settled(parts, config) else {
            continue;
        };
        let reduced_chi_square = fit.reduced_chi_square();
        if reduced_chi_square > config.max_reduced_chi_square {
            lowest = lowest.min(reduced_chi_square);
            continue;
        }
        let rg = (-3.0 * fit.parameters[1]).sqrt();
        let i0 = fit.parameters[0].exp();
        return Ok(Guinier {
            rg_nm: Measured {
                value: rg,
                sigma: Some(1.5 * fit.sigma(1) / rg),
            },
            i0: Measured {
                value: i0,
                sigma: Some(i0 * fit.sigma(0)),
            },
            first_inv_nm: squares[start].sqrt(),
            last_inv_nm: squares[start + points - 1].sqrt(),
            points,
            reduced_chi_square,
        });
    }
    Err(Undefined::new(if lowest.is_finite() {
        format!(
            "expected a start where ln I falls as q² with a reduced χ² of at most {}, found {lowest:.3} at best",
            config.max_reduced_chi_square
        )
    } else {
        format!(
            "expected a start where I falls over at least {} points below q Rg = {}, found none",
            config.min_points, config.max_q_rg
        )
    }))
}

/// The most rounds of range and fit.
const ROUNDS: usize = 50;

/// The fit over the points from the first to the one that its own R_g allows, and how many these are;
/// `None` if there is none.
fn settled(
    [squares, logarithms, errors]: [&[f64]; 3],
    config: &GuinierConfig,
) -> Option<(Fit, usize)> {
    let fit_of = |points: usize| {
        let enough = (config.min_points..=squares.len()).contains(&points);
        let fit =
            enough.then(|| fit_line(&squares[..points], &logarithms[..points], &errors[..points]));
        // Intensity that rises with q has no radius of gyration.
        fit.flatten().filter(|fit| fit.parameters[1] < 0.0)
    };
    let mut points = config.min_points;
    let mut before = points;
    for _ in 0..ROUNDS {
        let fit = fit_of(points)?;
        let limit = config.max_q_rg * config.max_q_rg / (-3.0 * fit.parameters[1]);
        let next = squares.partition_point(|&square| square <= limit);
        if next == points {
            return Some((fit, points));
        }
        before = points;
        points = next;
    }
    // It goes in circles between ranges that differ by noise; the shorter is within the law.
    let points = points.min(before);
    Some((fit_of(points)?, points))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn sphere(q: f64, radius: f64) -> f64 {
        let x = q * radius;
        (3.0 * (x.sin() - x * x.cos()) / x.powi(3)).powi(2)
    }

    fn of(intensity: impl Fn(f64) -> f64) -> Curve {
        let q: Vec<f64> = (1..200).map(|bin| 0.004 * f64::from(bin)).collect();
        let intensity: Vec<f64> = q.iter().map(|&q| intensity(q)).collect();
        let sigma = intensity.iter().map(|i| i.abs().sqrt()).collect();
        Curve::new(q, intensity, sigma).unwrap()
    }

    #[test]
    fn g_gui_1_a_sphere_within_the_error_of_the_law() {
        let exact = 38.729_833_462_074_17;
        assert_relative_eq!((0.6f64).sqrt() * 50.0, exact, max_relative = 1e-14);
        // In nm: R = 5, Rg = 3.873.
        let curve = of(|q| 1e5 * sphere(q, 5.0));
        for (max_q_rg, error) in [(1.3, 0.025), (1.0, 0.015), (0.6, 0.005)] {
            let config = GuinierConfig {
                max_q_rg,
                ..Default::default()
            };
            let fit = guinier(&curve, &config).unwrap();
            assert_relative_eq!(fit.rg_nm.value, 0.1 * exact, max_relative = error);
            assert!(fit.rg_nm.sigma.unwrap() < 0.1);
            assert!(fit.last_inv_nm * fit.rg_nm.value <= max_q_rg);
        }
    }

    #[test]
    fn the_shadow_of_a_beamstop_is_passed_over() {
        let shaded = |q: f64| if q < 0.03 { 0.02 } else { 1.0 };
        let curve = of(|q| shaded(q) * 1e5 * (-(6.0 * q).powi(2) / 3.0).exp());
        let fit = guinier(&curve, &GuinierConfig::default()).unwrap();
        assert_relative_eq!(fit.rg_nm.value, 6.0, max_relative = 1e-9);
        assert_relative_eq!(fit.i0.value, 1e5, max_relative = 1e-9);
        assert!(fit.first_inv_nm >= 0.03);
    }

    #[test]
    fn curves_without_the_law_say_why() {
        let config = GuinierConfig::default();
        for (intensity, expected) in [
            (&(|q: f64| 10.0 + q) as &dyn Fn(f64) -> f64, "found none"),
            (&|_| 0.0, "uncertainties"),
            (&|_| -1.0, "found none"),
            (&|q: f64| 1e7 * q.powi(-4), "expected a start"),
        ] {
            let error = guinier(&of(intensity), &config).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let config = GuinierConfig {
            min_points: 2,
            ..config
        };
        assert!(guinier(&of(|_| 1.0), &config).is_err());
    }
}
