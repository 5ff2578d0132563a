//! Pseudo-Voigt peaks on a straight background, fitted by weighted least squares.
//!
//! With `u = (x − x₀) / w`:
//! `f = h [η / (1 + 4u²) + (1 − η) exp(−4 ln 2 · u²)]`, position `x₀`, full width at half maximum `w`,
//! height `h`, Lorentzian share `0 ≤ η ≤ 1`; the area is `h w [η π/2 + (1 − η) √(π / ln 2) / 2]`. Peaks
//! that overlap are fitted together, over one line `a + b (x − x̄)`, `x̄` the middle of the points.
//!
//! Uncertainties are those of the covariance `(JᵀJ)⁻¹` with the stated uncertainty of each point taken at
//! its word (as SciPy's `curve_fit(absolute_sigma=True)`); that of the area includes the correlations. A
//! share that ends at 0 or 1 is held there. They say nothing about a shape that is not the model's: see
//! the reduced χ².
//!
//! Cost: about ten passes over the points times the square of the number of parameters.

use std::f64::consts::{LN_2, PI};

use crate::least_squares::{Fit, fit_curve};
use crate::measured::Measured;

/// The parameters of a peak.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PseudoVoigt {
    /// Where the maximum is.
    pub position: f64,
    /// Full width at half maximum.
    pub fwhm: f64,
    /// Value at the maximum, above the background.
    pub height: f64,
    /// 0 for a Gaussian, 1 for a Lorentzian.
    pub lorentzian_share: f64,
}

impl PseudoVoigt {
    /// The peak at a place.
    pub fn at(&self, x: f64) -> f64 {
        shape(x, &self.parameters(), &mut [0.0; 4])
    }

    /// The integral over all places.
    pub fn area(&self) -> f64 {
        let Self { fwhm, height, .. } = *self;
        height * fwhm * mean_height(self.lorentzian_share)
    }

    fn parameters(&self) -> [f64; 4] {
        [self.position, self.fwhm, self.height, self.lorentzian_share]
    }
}

/// Area over height and width.
fn mean_height(share: f64) -> f64 {
    share * PI / 2.0 + (1.0 - share) * gaussian_area()
}

fn gaussian_area() -> f64 {
    (PI / LN_2).sqrt() / 2.0
}

fn shape(x: f64, parameters: &[f64], derivatives: &mut [f64]) -> f64 {
    let [position, fwhm, height, share] = [0, 1, 2, 3].map(|at| parameters[at]);
    let u = (x - position) / fwhm;
    let lorentzian = 1.0 / (1.0 + 4.0 * u * u);
    let gaussian = (-4.0 * LN_2 * u * u).exp();
    let value = share * lorentzian + (1.0 - share) * gaussian;
    // Minus the derivative to u, over u.
    let fall = 8.0 * (share * lorentzian * lorentzian + (1.0 - share) * LN_2 * gaussian);
    derivatives[0] = height * fall * u / fwhm;
    derivatives[1] = height * fall * u * u / fwhm;
    derivatives[2] = value;
    derivatives[3] = height * (lorentzian - gaussian);
    height * value
}

/// A fitted peak with its standard uncertainties.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FittedPeak {
    /// Where the maximum is.
    pub position: Measured,
    /// Full width at half maximum.
    pub fwhm: Measured,
    /// Value at the maximum, above the background.
    pub height: Measured,
    /// The integral over all places.
    pub area: Measured,
    /// 0 for a Gaussian, 1 for a Lorentzian; without an uncertainty if it is held at its bound.
    pub lorentzian_share: Measured,
}

/// Peaks that were fitted together.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedPeaks {
    /// In the order of the starts.
    pub peaks: Vec<FittedPeak>,
    /// χ² over the degrees of freedom: about 1 where model and uncertainties are right.
    pub reduced_chi_square: f64,
}

/// Fits peaks to `y ± sigma` from these starts; `None` if there are fewer points than parameters
/// (4 a peak and 2), an uncertainty is not above 0, or the fit reaches no minimum.
///
/// A position stays within the points, a width between a tenth of their mean distance and twice their
/// span, a height at 0 or above.
///
/// ```
/// use xscatter_features::peaks::shape::{PseudoVoigt, fit};
///
/// let truth = PseudoVoigt { position: 1.03, fwhm: 0.2, height: 50.0, lorentzian_share: 0.4 };
/// let x: Vec<f64> = (0..60).map(|step| 0.5 + f64::from(step) / 60.0).collect();
/// let y: Vec<f64> = x.iter().map(|&x| 7.0 - x + truth.at(x)).collect();
/// let start = PseudoVoigt { position: 1.0, fwhm: 0.1, height: 30.0, lorentzian_share: 0.5 };
/// let fitted = fit(&x, &y, &[1.0; 60], &[start]).ok_or("no minimum")?;
/// assert!((fitted.peaks[0].position.value - 1.03).abs() < 1e-9);
/// assert!((fitted.peaks[0].area.value - truth.area()).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Panics
/// If `x`, `y` and `sigma` have different lengths.
pub fn fit(x: &[f64], y: &[f64], sigma: &[f64], starts: &[PseudoVoigt]) -> Option<FittedPeaks> {
    assert!(
        x.len() == y.len() && x.len() == sigma.len(),
        "expected as many y and sigma as x"
    );
    let (&first, &last) = (x.first()?, x.last()?);
    if !sigma.iter().all(|&sigma| sigma > 0.0) || starts.is_empty() {
        return None;
    }
    let span = last - first;
    let middle = f64::midpoint(first, last);
    let mut start = Vec::with_capacity(4 * starts.len() + 2);
    let mut bounds = Vec::with_capacity(start.capacity());
    for peak in starts {
        start.extend(peak.parameters());
        bounds.extend([
            (first, last),
            (0.1 * span / x.len() as f64, 2.0 * span),
            (0.0, f64::INFINITY),
            (0.0, 1.0),
        ]);
    }
    // The mean of what the peaks leave.
    let rest = |(&x, &y): (&f64, &f64)| y - starts.iter().map(|peak| peak.at(x)).sum::<f64>();
    start.push(x.iter().zip(y).map(rest).sum::<f64>() / x.len() as f64);
    start.push(0.0);
    bounds.extend([(f64::NEG_INFINITY, f64::INFINITY); 2]);
    let line = 4 * starts.len();
    let fitted = fit_curve(x, y, sigma, &start, &bounds, |x, p, d| {
        let mut value = p[line] + p[line + 1] * (x - middle);
        for at in (0..line).step_by(4) {
            value += shape(x, &p[at..], &mut d[at..]);
        }
        d[line] = 1.0;
        d[line + 1] = x - middle;
        value
    })?;
    Some(FittedPeaks {
        peaks: (0..line)
            .step_by(4)
            .map(|at| peak_of(&fitted, at))
            .collect(),
        reduced_chi_square: fitted.reduced_chi_square(),
    })
}

fn peak_of(fit: &Fit, at: usize) -> FittedPeak {
    let measured = |parameter: usize| Measured {
        value: fit.parameters[at + parameter],
        sigma: Some(fit.sigma(at + parameter)).filter(|&sigma| sigma > 0.0),
    };
    let [fwhm, height, share] = [1, 2, 3].map(|parameter| fit.parameters[at + parameter]);
    // The derivatives of the area to width, height and share.
    let slopes = [
        height * mean_height(share),
        fwhm * mean_height(share),
        height * fwhm * (PI / 2.0 - gaussian_area()),
    ];
    let mut variance = 0.0;
    for (one, slope) in slopes.iter().enumerate() {
        for (other, other_slope) in slopes.iter().enumerate() {
            variance += slope * other_slope * fit.covariance(at + 1 + one, at + 1 + other);
        }
    }
    FittedPeak {
        position: measured(0),
        fwhm: measured(1),
        height: measured(2),
        area: Measured {
            value: height * fwhm * mean_height(share),
            sigma: Some(variance.max(0.0).sqrt()),
        },
        lorentzian_share: measured(3),
    }
}

/// The smallest standard uncertainty that an unbiased estimate of the position of a Gaussian peak can
/// have (Cramér–Rao), with counting noise.
///
/// For a standard deviation `s` of the peak, `N` counts in it and `b` counts of a flat background per unit
/// of x: `σ² = 1 / ∫ (∂f/∂x₀)² / (f + b) dx`, `f` the peak; without a background it is `s / √N`. The
/// integral runs over ±12 s by 20,000 trapezoids.
///
/// ```
/// use xscatter_features::peaks::shape::position_limit;
///
/// assert!((position_limit(0.02, 400.0, 0.0) - 0.001).abs() < 1e-9);
/// assert!((position_limit(0.02, 400.0, 20_000.0) - 0.0029283821).abs() < 1e-9);
/// ```
pub fn position_limit(standard_deviation: f64, counts: f64, background: f64) -> f64 {
    const STEPS: i32 = 20_000;
    let s = standard_deviation;
    let step = 24.0 * s / f64::from(STEPS);
    let mut information = 0.0;
    for at in 0..=STEPS {
        let u = -12.0 + 24.0 * f64::from(at) / f64::from(STEPS);
        let peak = counts / (s * (2.0 * PI).sqrt()) * (-0.5 * u * u).exp();
        let weight = if at == 0 || at == STEPS { 0.5 } else { 1.0 };
        if peak > 0.0 {
            information += weight * (peak * u / s).powi(2) / (peak + background) * step;
        }
    }
    1.0 / information.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    #[test]
    fn g_crlb_1_and_2_the_limit_of_a_position() {
        for (background, exact, approximate) in [
            (0.0, 0.001_000_000_0, 0.001),
            (2000.0, 0.001_416_976_6, 0.001_307_280_2),
            (20_000.0, 0.002_928_382_1, 0.002_844_260_1),
        ] {
            let found = position_limit(0.02, 400.0, background);
            assert_relative_eq!(found, exact, max_relative = 1e-6);
            let inflation = (1.0 + 4.0 * 0.02 * PI.sqrt() * background / 400.0_f64).sqrt();
            assert_relative_eq!(0.001 * inflation, approximate, max_relative = 1e-7);
        }
    }

    proptest! {
        #[test]
        fn derivatives_are_those_of_differences(
            x in -1.0..1.0f64, position in -0.3..0.3f64, fwhm in 0.1..1.0f64,
            height in 0.5..9.0f64, share in 0.0..1.0f64,
        ) {
            let parameters = [position, fwhm, height, share];
            let mut derivatives = [0.0; 4];
            shape(x, &parameters, &mut derivatives);
            for at in 0..4 {
                let shifted = |by: f64| {
                    let mut shifted = parameters;
                    shifted[at] += by;
                    shape(x, &shifted, &mut [0.0; 4])
                };
                let difference = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
                assert_relative_eq!(derivatives[at], difference, epsilon = 1e-5, max_relative = 1e-5);
            }
        }
    }

    #[test]
    fn the_area_is_the_integral() {
        let peak = PseudoVoigt {
            position: 0.0,
            fwhm: 0.3,
            height: 2.0,
            lorentzian_share: 0.0,
        };
        let step = 1e-3;
        let sum: f64 = (-4000..4000)
            .map(|at| peak.at(f64::from(at) * step) * step)
            .sum();
        assert_relative_eq!(sum, peak.area(), max_relative = 1e-9);
        let peak = PseudoVoigt {
            lorentzian_share: 1.0,
            ..peak
        };
        assert_relative_eq!(peak.area(), PI * 0.3, max_relative = 1e-12);
    }
}
