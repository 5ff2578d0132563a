//! Polydispersity: how a size, or an angle, varies between particles.
//!
//! Use a [`Spread`] for every parameter of a shape that varies; several are independent and their
//! points multiply (35 points of radius and 35 of length are 1225 particles).
//!
//! ```text
//! Gaussian     w = exp(−(x − c)²/2σ²)
//! log-normal   w = exp(−ln²(x/c)/2p²)/x                    c: the median
//! Schulz       w = x^(z−1) exp(−z x/c),  z = 1/p²          c: the mean
//! uniform      w = 1 within √3 σ
//! ```
//!
//! For a size σ = p c with the relative width p; for an angle σ is the width itself, in radians, and c
//! is 0. The points are equally spaced over `reach` standard deviations on either side; those at
//! which a size is not positive are left out. These are the laws and the points of sasmodels 1.1.0,
//! where only the normalisation of the weights differs, which every average divides out.

use super::ShapeError;

/// The law of a [`Spread`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// A normal distribution.
    Gaussian,
    /// A log-normal distribution; the nominal value is its median. Not for angles.
    LogNormal,
    /// The gamma distribution that is named after Schulz. Not for angles.
    Schulz,
    /// A uniform distribution.
    Uniform,
}

/// How one parameter of a shape varies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The name of the parameter: a length of the shape such as `radius_nm`, or `theta_rad`,
    /// `phi_rad` or `psi_rad` of an oriented particle.
    pub parameter: &'static str,
    /// Its law.
    pub law: Law,
    /// The standard deviation: of a size relative to it, of an angle in radians.
    pub width: f64,
    /// The number of values.
    pub points: usize,
    /// How many standard deviations the values span on either side.
    pub reach: f64,
}

impl Spread {
    /// A normal distribution, by 35 points over 3 standard deviations.
    pub fn gaussian(parameter: &'static str, width: f64) -> Self {
        Self {
            parameter,
            law: Law::Gaussian,
            width,
            points: 35,
            reach: 3.0,
        }
    }

    /// A log-normal distribution, by 80 points over 8 standard deviations.
    pub fn log_normal(parameter: &'static str, width: f64) -> Self {
        Self {
            law: Law::LogNormal,
            points: 80,
            reach: 8.0,
            ..Self::gaussian(parameter, width)
        }
    }

    /// A Schulz distribution, by 80 points over 8 standard deviations.
    pub fn schulz(parameter: &'static str, width: f64) -> Self {
        Self {
            law: Law::Schulz,
            ..Self::log_normal(parameter, width)
        }
    }

    /// A uniform distribution, by 35 points.
    pub fn uniform(parameter: &'static str, width: f64) -> Self {
        Self {
            law: Law::Uniform,
            reach: 3.0_f64.sqrt(),
            ..Self::gaussian(parameter, width)
        }
    }

    /// Whether width, points and reach are possible.
    pub(super) fn check(&self) -> Result<(), ShapeError> {
        let Self {
            parameter,
            width,
            points,
            reach,
            ..
        } = *self;
        if !(0.0..=10.0).contains(&width) {
            return Err(ShapeError::Width { parameter, width });
        }
        if points == 0 || points > MOST_POINTS {
            return Err(ShapeError::Points { parameter, points });
        }
        if !(reach > 0.0 && reach <= 100.0) {
            return Err(ShapeError::Reach { parameter, reach });
        }
        Ok(())
    }

    /// Sizes and weights about `centre`.
    pub(super) fn sizes(&self, centre: f64) -> Vec<(f64, f64)> {
        let sigma = self.width * centre;
        if sigma == 0.0 || self.points == 1 {
            return vec![(centre, 1.0)];
        }
        // The Schulz density of x/c over its value at 1, so that narrow ones do not overflow.
        let z = self.width.powi(-2);
        self.steps()
            .map(|step| (centre + step * sigma, step))
            .filter(|&(x, _)| x > 1e-9 * centre)
            .map(|(x, step)| {
                let ratio = x / centre;
                let weight = match self.law {
                    Law::Gaussian => (-0.5 * step * step).exp(),
                    Law::LogNormal => (-0.5 * (ratio.ln() / self.width).powi(2)).exp() / ratio,
                    Law::Schulz => (z * (ratio.ln() + 1.0 - ratio)).exp() / ratio,
                    Law::Uniform => 1.0,
                };
                (x, weight)
            })
            .collect()
    }

    /// Angles about 0 and their weights.
    pub(super) fn angles(&self) -> Result<Vec<(f64, f64)>, ShapeError> {
        if matches!(self.law, Law::LogNormal | Law::Schulz) {
            return Err(ShapeError::Law {
                parameter: self.parameter,
            });
        }
        if self.width == 0.0 || self.points == 1 {
            return Ok(vec![(0.0, 1.0)]);
        }
        let weight = |step: f64| match self.law {
            Law::Uniform => 1.0,
            _ => (-0.5 * step * step).exp(),
        };
        Ok(self
            .steps()
            .map(|step| (step * self.width, weight(step)))
            .collect())
    }

    /// The values in standard deviations from the centre, ascending.
    fn steps(&self) -> impl Iterator<Item = f64> {
        let reach = match self.law {
            Law::Uniform => self.reach.min(3.0_f64.sqrt()),
            _ => self.reach,
        };
        let spacing = 2.0 * reach / (self.points - 1) as f64;
        (0..self.points).map(move |i| i as f64 * spacing - reach)
    }
}

/// More than any distribution needs; a slip of the pen should not exhaust the memory.
const MOST_POINTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn moments(points: &[(f64, f64)]) -> (f64, f64) {
        let weight: f64 = points.iter().map(|(_, w)| w).sum();
        let mean = points.iter().map(|(x, w)| x * w).sum::<f64>() / weight;
        let variance = points
            .iter()
            .map(|(x, w)| (x - mean).powi(2) * w)
            .sum::<f64>()
            / weight;
        (mean, variance.sqrt())
    }

    #[test]
    fn the_laws_have_their_moments() {
        let gaussian = Spread {
            reach: 6.0,
            points: 101,
            ..Spread::gaussian("radius_nm", 0.1)
        };
        let (mean, sigma) = moments(&gaussian.sizes(5.0));
        assert_relative_eq!(mean, 5.0, max_relative = 1e-9);
        assert_relative_eq!(sigma, 0.5, max_relative = 1e-6);
        let (mean, sigma) = moments(&Spread::schulz("radius_nm", 0.2).sizes(5.0));
        assert_relative_eq!(mean, 5.0, max_relative = 1e-4);
        assert_relative_eq!(sigma, 1.0, max_relative = 1e-3);
        let (mean, sigma) = moments(&Spread::log_normal("radius_nm", 0.2).sizes(5.0));
        assert_relative_eq!(mean, 5.0 * 0.02_f64.exp(), max_relative = 1e-4);
        assert_relative_eq!(
            sigma,
            mean * (0.04_f64.exp() - 1.0).sqrt(),
            max_relative = 2e-3
        );
        let many = Spread {
            points: 2001,
            ..Spread::uniform("theta_rad", 0.3)
        };
        let (mean, sigma) = moments(&many.angles().unwrap());
        assert!(mean.abs() < 1e-12);
        assert_relative_eq!(sigma, 0.3, max_relative = 1e-3);
    }

    #[test]
    fn no_width_is_one_particle_and_no_size_is_negative() {
        assert_eq!(Spread::gaussian("radius_nm", 0.0).sizes(5.0), [(5.0, 1.0)]);
        let wide = Spread::gaussian("radius_nm", 0.8).sizes(5.0);
        assert!(wide.len() < 35 && wide.iter().all(|&(x, w)| x > 0.0 && w > 0.0));
    }

    #[test]
    fn very_narrow_and_very_wide_ones_stay_finite() {
        for width in [1e-4, 5.0] {
            for spread in [Spread::schulz("a", width), Spread::log_normal("a", width)] {
                let points = spread.sizes(3.0);
                assert!(points.iter().all(|(_, w)| w.is_finite() && *w >= 0.0));
                assert!(points.iter().map(|(_, w)| w).sum::<f64>() > 0.0);
            }
        }
    }
}
