//! Correlation lengths and slopes of whole curves.
//!
//! [`correlation_length`] fits `I = I₀ f(q ξ) + B` by non-linear weighted least squares to all points:
//! `f = 1 / (1 + q²ξ²)` for fluctuations (Ornstein–Zernike: solutions, critical mixtures) or its square
//! for random two-phase systems (Debye–Bueche). [`slopes`] are the weighted mean slopes
//! `d ln I / d ln q` in bands of equal width in `ln q`: a shape of the curve without a model.
//!
//! *Uncertainties* are those of the points and of a relative error of the model, in quadrature.
//! *Undefined*, with the reason: too few points, no minimum, a length beyond what the q range can tell
//! (`ξ q₂ < 0.3` or `ξ q₁ > 10`, q₁ and q₂ its ends), a height not above three times its uncertainty.
//! Points without a positive intensity are left out of the slopes. *Cost*: microseconds.

use serde::{Deserialize, Serialize};

use crate::curve::Curve;
use crate::least_squares::{fit_curve, fit_line, usable_sigma};
use crate::measured::{Measured, Quantity, Undefined};

/// How intensity falls with `q ξ`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CorrelationModel {
    /// `1 / (1 + q²ξ²)`.
    #[default]
    OrnsteinZernike,
    /// `1 / (1 + q²ξ²)²`.
    DebyeBueche,
}

/// A fit of a correlation length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CorrelationLength {
    /// ξ.
    pub length_nm: Measured,
    /// I₀.
    pub i0: Measured,
    /// B.
    pub background: Measured,
    /// χ² over the degrees of freedom.
    pub reduced_chi_square: f64,
}

/// ξ of a curve; see the [module](self). `relative_error` is added to that of every intensity.
///
/// ```
/// use xscatter_features::Curve;
/// use xscatter_features::correlation::{CorrelationModel, correlation_length};
///
/// let q: Vec<f64> = (1..200).map(|bin| 0.01 * f64::from(bin)).collect();
/// let counts: Vec<f64> = q.iter().map(|q| 1e3 / (1.0 + (5.0 * q).powi(2)) + 2.0).collect();
/// let sigma = counts.iter().map(|count| count.sqrt()).collect();
/// let curve = Curve::new(q, counts, sigma)?;
/// let fit = correlation_length(&curve, CorrelationModel::OrnsteinZernike, 0.01)?;
/// assert!((fit.length_nm.value - 5.0).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Undefined`] as the module says.
pub fn correlation_length(
    curve: &Curve,
    model: CorrelationModel,
    relative_error: f64,
) -> Result<CorrelationLength, Undefined> {
    let sigma = usable_sigma(curve)?;
    let (q, intensity) = (curve.q_inv_nm(), curve.intensity());
    if q.len() < 6 {
        let reason = format!("expected a curve of at least 6 points, found {}", q.len());
        return Err(Undefined::new(reason));
    }
    let errors: Vec<f64> = sigma
        .iter()
        .zip(intensity)
        .map(|(sigma, intensity)| sigma.hypot(relative_error * intensity))
        .collect();
    let (first, last) = (q[0].max(1e-3 * q[q.len() - 1]), q[q.len() - 1]);
    let (shortest, longest) = (0.3 / last, 10.0 / first);
    let power = match model {
        CorrelationModel::OrnsteinZernike => 1.0,
        CorrelationModel::DebyeBueche => 2.0,
    };
    let highest = intensity.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let lowest = intensity.iter().copied().fold(f64::INFINITY, f64::min);
    // Where the intensity has fallen halfway.
    let half = f64::midpoint(highest, lowest);
    let fallen = intensity
        .iter()
        .position(|&value| value < half)
        .map_or(last, |at| q[at]);
    let start = [highest - lowest, 1.0 / fallen.max(first), lowest];
    let bounds = [
        (0.0, f64::INFINITY),
        (shortest, longest),
        (f64::NEG_INFINITY, f64::INFINITY),
    ];
    let fitted = fit_curve(q, intensity, &errors, &start, &bounds, |q, p, d| {
        let square = (q * p[1]).powi(2);
        let fall = (1.0 + square).powf(-power);
        d[0] = fall;
        d[1] = -2.0 * power * p[0] * fall * square / (1.0 + square) / p[1];
        d[2] = 1.0;
        p[0] * fall + p[2]
    });
    let Some(fitted) = fitted else {
        return Err(Undefined::new(
            "expected a minimum for a correlation length, found none",
        ));
    };
    let measured = |at: usize| Measured {
        value: fitted.parameters[at],
        sigma: Some(fitted.sigma(at)),
    };
    let (i0, length) = (fitted.parameters[0], fitted.parameters[1]);
    if !(shortest < length && length < longest) || i0 <= 3.0 * fitted.sigma(0) {
        return Err(Undefined::new(format!(
            "expected a height above three times its uncertainty and a length between {shortest:.3} and {longest:.3} nm, found {i0:.3} and {length:.3}"
        )));
    }
    Ok(CorrelationLength {
        length_nm: measured(1),
        i0: measured(0),
        background: measured(2),
        reduced_chi_square: fitted.reduced_chi_square(),
    })
}

/// The mean slopes `d ln I / d ln q` in this many bands of equal width in `ln q`, from the first positive q
/// to the last; a band with fewer than three positive intensities has none.
///
/// # Errors
/// [`Undefined`] for a curve without positive intensities at two q above 0, or without uncertainties.
pub fn slopes(
    curve: &Curve,
    bands: usize,
    relative_error: f64,
) -> Result<Vec<Quantity>, Undefined> {
    let sigma = usable_sigma(curve)?;
    let (mut lengths, mut logarithms, mut errors) = (vec![], vec![], vec![]);
    for ((&q, &intensity), &sigma) in curve.q_inv_nm().iter().zip(curve.intensity()).zip(&sigma) {
        if q > 0.0 && intensity > 0.0 {
            lengths.push(q.ln());
            logarithms.push(intensity.ln());
            errors.push((sigma / intensity).hypot(relative_error));
        }
    }
    if lengths.len() < 2 {
        let reason = "expected positive intensities at two or more q above 0, found fewer";
        return Err(Undefined::new(reason));
    }
    let (low, high) = (lengths[0], lengths[lengths.len() - 1]);
    let edge = |band: usize| {
        if band == bands {
            return lengths.len();
        }
        let limit = low + (high - low) * band as f64 / bands as f64;
        lengths.partition_point(|&length| length < limit)
    };
    let slope = |band: usize| {
        let points = edge(band)..edge(band + 1);
        let enough = points.len() >= 3;
        let fit = enough.then(|| {
            let points = points.clone();
            fit_line(
                &lengths[points.clone()],
                &logarithms[points.clone()],
                &errors[points],
            )
        });
        fit.flatten()
            .map(|fit| Measured {
                value: fit.parameters[1],
                sigma: Some(fit.sigma(1)),
            })
            .ok_or_else(|| {
                Undefined::new(format!(
                    "expected at least 3 positive intensities in band {band}, found {}",
                    points.len()
                ))
            })
    };
    Ok((0..bands).map(slope).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn of(intensity: impl Fn(f64) -> f64) -> Curve {
        let q: Vec<f64> = (1..300).map(|bin| 0.01 * f64::from(bin)).collect();
        let intensity: Vec<f64> = q.iter().map(|&q| intensity(q)).collect();
        let sigma = intensity.iter().map(|i| i.abs().sqrt()).collect();
        Curve::new(q, intensity, sigma).unwrap()
    }

    #[test]
    fn each_model_finds_its_own_length() {
        for length in [0.8, 3.0, 40.0] {
            for (model, power) in [
                (CorrelationModel::OrnsteinZernike, 1.0),
                (CorrelationModel::DebyeBueche, 2.0),
            ] {
                let curve = of(|q| 5e4 * (1.0 + (q * length).powi(2)).powf(-power) + 9.0);
                let fit = correlation_length(&curve, model, 0.0).unwrap();
                assert_relative_eq!(fit.length_nm.value, length, max_relative = 1e-6);
                assert_relative_eq!(fit.i0.value, 5e4, max_relative = 1e-5);
                assert_relative_eq!(fit.background.value, 9.0, epsilon = 1e-3);
            }
        }
    }

    #[test]
    fn slopes_of_a_power_law_are_its_exponent_in_every_band() {
        let found = slopes(&of(|q| 3.0 * q.powf(-2.5)), 4, 0.01).unwrap();
        for slope in found {
            assert_relative_eq!(slope.unwrap().value, -2.5, max_relative = 1e-9);
        }
        // A hundredth decade of few points: the first of many bands has none.
        let found = slopes(&of(|q| 3.0 * q.powf(-2.5)), 40, 0.01).unwrap();
        assert!(found[0].is_err() && found[39].is_ok());
    }

    #[test]
    fn flat_rising_and_empty_curves_say_why() {
        for intensity in [&(|_| 7.0) as &dyn Fn(f64) -> f64, &|q| q, &|_| 0.0, &|_| {
            -3.0
        }] {
            let fit = correlation_length(&of(intensity), CorrelationModel::default(), 0.01);
            let error = fit.unwrap_err().to_string();
            assert!(error.starts_with("expected"), "{error}");
        }
        assert!(slopes(&of(|_| -1.0), 3, 0.01).is_err());
    }
}
