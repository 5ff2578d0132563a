//! The end of a curve, and what follows from its whole: Porod's law, the invariant, the surface.
//!
//! * **Porod exponent** ([`power_law`]): `I = A q^(−n) + B`, by non-linear weighted least squares over the
//!   upper part of the range of `ln q`. `n = 4` is a sharp smooth surface, 3 to 4 a rough one, below 3 a mass
//!   fractal.
//! * **Porod constant** ([`porod_constant`]): the same with `n = 4` held, which is linear: `K = A`.
//! * **Invariant** ([`invariant`]): `Q = ∫ q² (I − B) dq` by the trapezium rule over the points, `σ` from
//!   theirs. It is the part of `∫₀^∞` that was measured; [`Invariant::total`] adds
//!   `∫₀^{q₁} q² I₀ exp(−q² R_g²/3) dq` below and `K / q₂` above.
//! * **Surface per volume** ([`surface_to_volume_inv_nm`]): `S/V = π K / Q`, of a two-phase system (with
//!   the factor `φ (1 − φ)`; the scale of the intensity cancels).
//!
//! *Uncertainties* are those of the points and of [`PorodConfig::relative_error`], which stands for the
//! deviations from the law (oscillations of a form factor).
//!
//! *Undefined*, with the reason: too few points, no minimum, a constant that is not above three times
//! its uncertainty, an exponent at a bound (1 to 6). *Units*: intensities as they stand, q in 1/nm. *Cost*: microseconds.
//! Source: G. Porod, Kolloid-Z. 124 (1951) 83, doi:10.1007/BF01512792.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::curve::Curve;
use crate::guinier::Guinier;
use crate::least_squares::{fit_curve, usable_sigma};
use crate::measured::{Measured, Quantity, Undefined};

/// Where Porod's law is expected to hold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PorodConfig {
    /// The upper part of the range of `ln q` that is fitted, above 0 to 1.
    pub upper_part: f64,
    /// The fewest points of the fit; at least 4.
    pub min_points: usize,
    /// A relative error of every intensity beside its own, in quadrature.
    pub relative_error: f64,
    /// Whether a flat background is fitted; else it is 0.
    pub background: bool,
}

impl Default for PorodConfig {
    fn default() -> Self {
        Self {
            upper_part: 0.4,
            min_points: 8,
            relative_error: 0.01,
            background: true,
        }
    }
}

impl PorodConfig {
    /// Whether a fit can exist.
    ///
    /// # Errors
    /// [`Undefined`] if a setting is outside its domain.
    pub fn check(&self) -> Result<(), Undefined> {
        if self.upper_part > 0.0
            && self.upper_part <= 1.0
            && self.min_points >= 4
            && (0.0..f64::INFINITY).contains(&self.relative_error)
        {
            return Ok(());
        }
        Err(Undefined::new(format!(
            "expected a part above 0 to 1, 4 or more points and an error of 0 or more, got {self:?}"
        )))
    }
}

/// A fit of a power law and a background.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerLaw {
    /// n.
    pub exponent: Measured,
    /// A, of the unit of the intensity times (1/nm)ⁿ; without an uncertainty for an exponent that is
    /// fitted, since the two go together.
    pub prefactor: Measured,
    /// B.
    pub background: Measured,
    /// The first q of the fit.
    pub first_inv_nm: f64,
    /// χ² over the degrees of freedom.
    pub reduced_chi_square: f64,
}

/// The points that are fitted: q, intensity and uncertainty.
fn upper_part(curve: &Curve, config: &PorodConfig) -> Result<[Vec<f64>; 3], Undefined> {
    config.check()?;
    let sigma = usable_sigma(curve)?;
    let (q, intensity) = (curve.q_inv_nm(), curve.intensity());
    let first = q.iter().position(|&q| q > 0.0).unwrap_or(q.len());
    let start = match (q.get(first), q.last()) {
        (Some(low), Some(high)) => {
            let least = high * (low / high).powf(config.upper_part);
            q.partition_point(|&q| q < least).max(first)
        }
        _ => q.len(),
    };
    let points = q.len() - start;
    if points < config.min_points {
        return Err(Undefined::new(format!(
            "expected at least {} points in the upper part of the curve, found {points}",
            config.min_points
        )));
    }
    let errors = (start..q.len())
        .map(|at| sigma[at].hypot(config.relative_error * intensity[at]))
        .collect();
    Ok([q[start..].to_vec(), intensity[start..].to_vec(), errors])
}

/// Exponent, prefactor and background of the upper part of a curve; see the [module](self).
///
/// ```
/// use xscatter_features::Curve;
/// use xscatter_features::porod::{PorodConfig, power_law};
///
/// let q: Vec<f64> = (1..200).map(|bin| 0.02 * f64::from(bin)).collect();
/// let counts: Vec<f64> = q.iter().map(|q| 900.0 * q.powf(-3.2) + 5.0).collect();
/// let sigma = counts.iter().map(|count| count.sqrt()).collect();
/// let fit = power_law(&Curve::new(q, counts, sigma)?, &PorodConfig::default())?;
/// assert!((fit.exponent.value - 3.2).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Undefined`] as the module says.
pub fn power_law(curve: &Curve, config: &PorodConfig) -> Result<PowerLaw, Undefined> {
    fit(curve, config, None)
}

/// Porod's constant `K` of `K q⁻⁴ + B`, as the prefactor; see the [module](self).
///
/// # Errors
/// [`Undefined`] as the module says.
pub fn porod_constant(curve: &Curve, config: &PorodConfig) -> Result<PowerLaw, Undefined> {
    fit(curve, config, Some(4.0))
}

fn fit(curve: &Curve, config: &PorodConfig, held: Option<f64>) -> Result<PowerLaw, Undefined> {
    let [q, intensity, errors] = upper_part(curve, config)?;
    let points = q.len();
    // At the middle of the range, the prefactor hardly depends on the exponent.
    let middle = (q[0] * q[points - 1]).sqrt();
    let near = intensity[q.partition_point(|&q| q < middle)];
    let floor = intensity.iter().copied().fold(f64::INFINITY, f64::min);
    let exponent_range = held.map_or((1.0, 6.0), |held| (held, held));
    let background = if config.background {
        (f64::NEG_INFINITY, f64::INFINITY)
    } else {
        (0.0, 0.0)
    };
    let bounds = [(0.0, f64::INFINITY), exponent_range, background];
    let start = [
        (near - 0.5 * floor).max(floor.abs()),
        held.unwrap_or(3.0),
        0.5 * floor,
    ];
    let fitted = fit_curve(&q, &intensity, &errors, &start, &bounds, |q, p, d| {
        let power = (q / middle).powf(-p[1]);
        d[0] = power;
        d[1] = if held.is_some() {
            0.0
        } else {
            -p[0] * power * (q / middle).ln()
        };
        d[2] = if config.background { 1.0 } else { 0.0 };
        p[0] * power + p[2]
    });
    let Some(fitted) = fitted else {
        let reason = "expected a minimum for a power law on a background, found none";
        return Err(Undefined::new(reason));
    };
    let [scale, exponent, background] = [0, 1, 2].map(|at| fitted.parameters[at]);
    if scale <= 3.0 * fitted.sigma(0) || held.is_none() && !(1.0 < exponent && exponent < 6.0) {
        return Err(Undefined::new(format!(
            "expected a law above three times its uncertainty and an exponent between 1 and 6, found {scale} and {exponent}"
        )));
    }
    let factor = middle.powf(exponent);
    Ok(PowerLaw {
        exponent: Measured {
            value: exponent,
            sigma: held.is_none().then(|| fitted.sigma(1)),
        },
        prefactor: Measured {
            value: scale * factor,
            sigma: held.is_some().then(|| fitted.sigma(0) * factor),
        },
        background: Measured {
            value: background,
            sigma: config.background.then(|| fitted.sigma(2)),
        },
        first_inv_nm: q[0],
        reduced_chi_square: fitted.reduced_chi_square(),
    })
}

/// The scattering invariant of a curve in parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Invariant {
    /// The part over the points of the curve.
    pub measured: Measured,
    /// The part from q = 0 to the first point, by Guinier's law.
    pub below: Option<f64>,
    /// The part beyond the last point, by Porod's law.
    pub above: Option<f64>,
}

impl Invariant {
    /// The sum of the parts that are known; its uncertainty is that of the measured one.
    pub fn total(&self) -> Measured {
        Measured {
            value: self.measured.value + self.below.unwrap_or(0.0) + self.above.unwrap_or(0.0),
            sigma: self.measured.sigma,
        }
    }
}

/// The invariant of a curve above a flat background, with what the laws at its two ends add.
///
/// # Errors
/// [`Undefined`] for a curve of fewer than two points or without uncertainties.
pub fn invariant(
    curve: &Curve,
    background: f64,
    guinier: Option<&Guinier>,
    porod: Option<&PowerLaw>,
) -> Result<Invariant, Undefined> {
    let sigma = usable_sigma(curve)?;
    let (q, intensity) = (curve.q_inv_nm(), curve.intensity());
    if q.len() < 2 {
        let reason = format!("expected a curve of at least 2 points, found {}", q.len());
        return Err(Undefined::new(reason));
    }
    let (mut sum, mut variance) = (0.0, 0.0);
    for at in 0..q.len() {
        let left = q[at.saturating_sub(1)];
        let right = q[(at + 1).min(q.len() - 1)];
        let weight = 0.5 * (right - left) * q[at] * q[at];
        sum += weight * (intensity[at] - background);
        variance += (weight * sigma[at]).powi(2);
    }
    Ok(Invariant {
        measured: Measured {
            value: sum,
            sigma: Some(variance.sqrt()),
        },
        below: guinier.map(|guinier| start_of(guinier, q[0])),
        above: porod.map(|porod| porod.prefactor.value / q[q.len() - 1]),
    })
}

/// `∫ q² I₀ exp(−q² R_g²/3) dq` from 0, by Simpson's rule; the integrand is smooth on the scale of `1/R_g`.
fn start_of(guinier: &Guinier, last: f64) -> f64 {
    let intervals = 200;
    let rg = guinier.rg_nm.value;
    let step = last / f64::from(intervals);
    let value = |at: i32| {
        let q = f64::from(at) * step;
        q * q * guinier.i0.value * (-(q * rg).powi(2) / 3.0).exp()
    };
    let inner: f64 = (1..intervals)
        .map(|at| if at % 2 == 1 { 4.0 } else { 2.0 } * value(at))
        .sum();
    (value(0) + inner + value(intervals)) * step / 3.0
}

/// The surface per volume of a two-phase system over `φ (1 − φ)`, in 1/nm: `π K / Q`.
///
/// ```
/// use xscatter_features::Measured;
/// use xscatter_features::porod::surface_to_volume_inv_nm;
///
/// let known = |value, sigma| Measured { value, sigma: Some(sigma) };
/// let surface = surface_to_volume_inv_nm(known(2.0, 0.2), known(5.0, 0.0))?;
/// assert!((surface.value - 1.2566).abs() < 1e-4);
/// assert!((surface.sigma.unwrap() - 0.12566).abs() < 1e-5);
/// # Ok::<(), xscatter_features::Undefined>(())
/// ```
///
/// # Errors
/// [`Undefined`] if one of the two is not above 0.
pub fn surface_to_volume_inv_nm(constant: Measured, invariant: Measured) -> Quantity {
    if !(constant.value > 0.0 && invariant.value > 0.0) {
        return Err(Undefined::new(format!(
            "expected a Porod constant and an invariant above 0, found {} and {}",
            constant.value, invariant.value
        )));
    }
    let value = PI * constant.value / invariant.value;
    let relative = |measured: Measured| Some(measured.sigma? / measured.value);
    Ok(Measured {
        value,
        sigma: relative(constant)
            .zip(relative(invariant))
            .map(|(constant, invariant)| value * constant.hypot(invariant)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guinier::{GuinierConfig, guinier};
    use approx::assert_relative_eq;

    fn of(intensity: impl Fn(f64) -> f64) -> Curve {
        let q: Vec<f64> = (1..800).map(|bin| 0.01 * f64::from(bin)).collect();
        let intensity: Vec<f64> = q.iter().map(|&q| intensity(q)).collect();
        let sigma = intensity.iter().map(|i| i.abs().sqrt()).collect();
        Curve::new(q, intensity, sigma).unwrap()
    }

    /// Debye and Bueche's random two-phase system: all parts of the invariant are known.
    #[test]
    fn a_random_two_phase_system_has_its_surface_and_invariant() {
        let (i0, a) = (1e6, 2.0);
        let curve = of(|q| i0 / (1.0 + (q * a).powi(2)).powi(2) + 3.0);
        let config = PorodConfig {
            upper_part: 0.2,
            ..Default::default()
        };
        let porod = porod_constant(&curve, &config).unwrap();
        assert_relative_eq!(porod.prefactor.value, i0 / a.powi(4), max_relative = 0.1);
        assert_relative_eq!(porod.background.value, 3.0, epsilon = 4.0);
        let exact = i0 * PI / (4.0 * a.powi(3));
        let start = guinier(&curve, &GuinierConfig::default()).unwrap();
        let found = invariant(&curve, 3.0, Some(&start), Some(&porod)).unwrap();
        assert_relative_eq!(found.total().value, exact, max_relative = 0.01);
        assert!(found.measured.value < exact);
        let surface = surface_to_volume_inv_nm(porod.prefactor, found.total()).unwrap();
        assert_relative_eq!(surface.value, 4.0 / a, max_relative = 0.1);
    }

    #[test]
    fn exponents_of_noiseless_curves_are_exact() {
        for (exponent, background) in [(2.0, 0.0), (3.2, 7.0), (4.0, 1.0)] {
            let curve = of(|q| 1e4 * q.powf(-exponent) + background);
            let fit = power_law(&curve, &PorodConfig::default()).unwrap();
            assert_relative_eq!(fit.exponent.value, exponent, max_relative = 1e-6);
            assert_relative_eq!(fit.prefactor.value, 1e4, max_relative = 1e-5);
            assert_relative_eq!(fit.background.value, background, epsilon = 1e-3);
            let config = PorodConfig {
                background: false,
                ..Default::default()
            };
            let fit = power_law(&of(|q| 1e4 * q.powf(-exponent)), &config).unwrap();
            assert_relative_eq!(fit.exponent.value, exponent, max_relative = 1e-8);
            assert_eq!((fit.background.value, fit.background.sigma), (0.0, None));
        }
    }

    #[test]
    fn what_has_no_law_says_why() {
        let config = PorodConfig::default();
        for intensity in [&(|_| 7.0) as &dyn Fn(f64) -> f64, &|q| q, &|_| 0.0, &|q| -q] {
            let curve = of(intensity);
            let error = power_law(&curve, &config).unwrap_err();
            assert!(error.to_string().starts_with("expected"), "{error}");
        }
        let short = of(|q| q.powi(-4)).between(0.5, 0.53);
        assert!(porod_constant(&short, &config).is_err());
        let config = PorodConfig {
            upper_part: 0.0,
            ..config
        };
        assert!(porod_constant(&short, &config).is_err());
        let zero = Measured {
            value: 0.0,
            sigma: None,
        };
        assert!(surface_to_volume_inv_nm(zero, zero).is_err());
    }
}
