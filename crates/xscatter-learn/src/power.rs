//! Power transform of Yeo and Johnson: every feature as near to a normal distribution as a power makes it.
//!
//! Use it for skewed features (intensities, sizes) of either sign before learners that compare features with
//! each other; it changes order and neighbourhood less than a [`QuantileTransform`](crate::QuantileTransform).
//! A logarithm by hand is as good where the physics says so.
//!
//! ```text
//! ψ(x) = ((1 + x)^λ − 1)/λ              x ≥ 0    (ln(1 + x) for λ = 0)
//! ψ(x) = −((1 − x)^(2 − λ) − 1)/(2 − λ)  x < 0    (−ln(1 − x) for λ = 2)
//! λ maximises −(Σw/2) ln var ψ + (λ − 1) Σ w sgn(x) ln(1 + |x|);    then z = (ψ − mean)/σ
//! ```
//!
//! `NaN` is missing: it takes no part and stays. A feature that does not vary becomes 0. λ is the zero of the
//! likelihood's slope: some ten passes over a feature with one exponential each. Source: Yeo and Johnson 2000,
//! doi:10.1093/biomet/87.4.954; scikit-learn 1.9.1, `PowerTransformer`.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Estimator, Result, TrainingSet, Transformer};

use crate::counted::{Counted, to_f32};
use crate::problem::Missing;

/// A spread of ψ below this share of its largest magnitude is lost in rounding.
const RESOLVED: f64 = 1e-8;

/// The recipe; it has nothing to configure.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Target, TrainingSet, Transformer};
/// use xscatter_learn::PowerTransform;
///
/// let rows = array![[0.0_f32], [1.0], [3.0], [50.0]];
/// let target = Target::Classes(Classes::from_names(&["a", "b", "a", "b"]));
/// let fitted = PowerTransform.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert!(fitted.lambdas()[0] < 0.2);
/// assert!(fitted.transform(rows.view())?[[3, 0]] < 1.7);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PowerTransform;

/// The powers, and what makes the results standard scores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawPowers")]
pub struct FittedPowers {
    lambdas: Vec<f64>,
    means: Vec<f64>,
    deviations: Vec<f64>,
}

#[derive(Deserialize)]
struct RawPowers {
    lambdas: Vec<f64>,
    means: Vec<f64>,
    deviations: Vec<f64>,
}

impl TryFrom<RawPowers> for FittedPowers {
    type Error = String;

    fn try_from(raw: RawPowers) -> Result<Self, String> {
        let RawPowers {
            lambdas,
            means,
            deviations,
        } = raw;
        if means.len() != lambdas.len() || deviations.len() != lambdas.len() {
            return Err(format!(
                "expected as many powers as means and deviations, got {}, {} and {}",
                lambdas.len(),
                means.len(),
                deviations.len()
            ));
        }
        let all = lambdas.iter().chain(&means).chain(&deviations);
        if !all.copied().all(f64::is_finite) {
            return Err("expected finite powers, means and deviations".to_owned());
        }
        Ok(Self {
            lambdas,
            means,
            deviations,
        })
    }
}

impl Estimator for PowerTransform {
    type Fitted = FittedPowers;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedPowers> {
        let counted = Counted::new(train, Missing::Allowed)?;
        let fitted = (0..counted.rows.ncols())
            .into_par_iter()
            .map(|feature| {
                train.stop().check()?;
                Ok(Feature::new(&counted, feature).fit())
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(FittedPowers {
            lambdas: fitted.iter().map(|fitted| fitted.0).collect(),
            means: fitted.iter().map(|fitted| fitted.1).collect(),
            deviations: fitted.iter().map(|fitted| fitted.2).collect(),
        })
    }
}

/// The values of a feature that are not missing.
struct Feature {
    /// ln(1 + |x|) with the sign of x.
    logs: Vec<f64>,
    weights: Vec<f64>,
    varies: bool,
}

impl Feature {
    fn new(counted: &Counted<'_>, feature: usize) -> Self {
        let column = counted.rows.column(feature);
        let known = || column.iter().enumerate().filter(|(_, x)| !x.is_nan());
        let signed = |x: f64| x.abs().ln_1p().copysign(x);
        let first = known().next().map(|(_, &x)| x);
        Self {
            logs: known().map(|(_, &x)| signed(f64::from(x))).collect(),
            weights: known().map(|(row, _)| counted.weight(row)).collect(),
            varies: known().any(|(_, &x)| Some(x) != first),
        }
    }

    /// λ, mean and deviation; the latter is 0 for a feature that does not vary.
    fn fit(&self) -> (f64, f64, f64) {
        if !self.varies {
            return (1.0, 0.0, 0.0);
        }
        let lambda = self.best();
        let powers = || self.logs.iter().map(|&log| power(log, lambda));
        let total: f64 = self.weights.iter().sum();
        let sum: f64 = powers().zip(&self.weights).map(|(y, w)| w * y).sum();
        let mean = sum / total;
        let squares = powers()
            .zip(&self.weights)
            .map(|(y, w)| w * (y - mean).powi(2));
        let deviation = (squares.sum::<f64>() / total).sqrt();
        if deviation.is_finite() && deviation > 0.0 {
            (lambda, mean, deviation)
        } else {
            (lambda, 0.0, 0.0)
        }
    }

    /// The slope of the mean log-likelihood as a function of λ; `NaN` where rounding swallows the variance of ψ, as
    /// with large values and a λ far below 0.
    fn slope(&self, lambda: f64) -> f64 {
        let (mut total, mut y1, mut y2, mut s1, mut ys, mut jacobian) =
            (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
        let mut most = 0.0_f64;
        // Around the first value, so that a large mean does not swallow the variance.
        let (centre, _) = power_and_slope(self.logs[0], lambda);
        for (&log, &weight) in self.logs.iter().zip(&self.weights) {
            let (y, slope) = power_and_slope(log, lambda);
            most = most.max(y.abs());
            let y = y - centre;
            total += weight;
            y1 += weight * y;
            y2 += weight * y * y;
            s1 += weight * slope;
            ys += weight * y * slope;
            jacobian += weight * log;
        }
        let variance = y2 / total - (y1 / total).powi(2);
        if variance.sqrt() <= RESOLVED * most {
            return f64::NAN;
        }
        let covariance = ys / total - y1 / total * (s1 / total);
        jacobian / total - covariance / variance
    }

    /// The λ of largest likelihood, within bounds that keep all powers finite and apart.
    fn best(&self) -> f64 {
        let most = self
            .logs
            .iter()
            .fold(0.0_f64, |most, log| most.max(log.abs()));
        // Twenty times the largest value must still have a power and its square.
        let reach = 300.0 / (most + 20.0_f64.ln());
        let (mut near, mut step) = (1.0, 1.0);
        let mut at_near = self.slope(near);
        let up = at_near > 0.0;
        if at_near == 0.0 || at_near.is_nan() {
            return near;
        }
        // Away from 1 in longer and longer steps, until the slope has the other sign.
        let (far, at_far) = loop {
            let far = if up { near + step } else { near - step };
            let far = far.clamp(1.0 - reach, 1.0 + reach);
            let at_far = self.slope(far);
            if far == near || step < 1e-6 {
                return near;
            }
            if at_far.is_finite() {
                if (at_far > 0.0) != up {
                    break (far, at_far);
                }
                (near, at_near) = (far, at_far);
                step *= 2.0;
            } else {
                step /= 2.0;
            }
        };
        let (mut low, mut at_low, mut high, mut at_high) = if up {
            (near, at_near, far, at_far)
        } else {
            (far, at_far, near, at_near)
        };
        // The Illinois variant of the false position.
        let mut last_rise = None;
        for _ in 0..100 {
            let middle = (low * at_high - high * at_low) / (at_high - at_low);
            let middle = middle.clamp(low, high);
            if (high - low) < 1e-12 * (1.0 + middle.abs()) {
                return middle;
            }
            let at_middle = self.slope(middle);
            if at_middle.abs() < 1e-14 || at_middle.is_nan() {
                return middle;
            }
            let rises = at_middle > 0.0;
            if rises {
                (low, at_low) = (middle, at_middle);
            } else {
                (high, at_high) = (middle, at_middle);
            }
            if last_rise == Some(rises) {
                if rises {
                    at_high /= 2.0;
                } else {
                    at_low /= 2.0;
                }
            }
            last_rise = Some(rises);
        }
        0.5 * (low + high)
    }
}

/// ψ for ln(1 + |x|) with the sign of x.
fn power(log: f64, lambda: f64) -> f64 {
    let (size, exponent) = if log < 0.0 {
        (-log, 2.0 - lambda)
    } else {
        (log, lambda)
    };
    let grown = exponent * size;
    let y = if grown.abs() < 1e-300 {
        size
    } else {
        grown.exp_m1() / exponent
    };
    y.copysign(log)
}

/// ψ and ∂ψ/∂λ.
fn power_and_slope(log: f64, lambda: f64) -> (f64, f64) {
    let (size, exponent) = if log < 0.0 {
        (-log, 2.0 - lambda)
    } else {
        (log, lambda)
    };
    let grown = exponent * size;
    if grown.abs() < 1e-3 {
        let y = size * (1.0 + grown / 2.0 * (1.0 + grown / 3.0 * (1.0 + grown / 4.0)));
        let slope = size
            * size
            * (0.5
                + grown * (1.0 / 3.0 + grown * (1.0 / 8.0 + grown * (1.0 / 30.0 + grown / 144.0))));
        return (y.copysign(log), slope);
    }
    let y = grown.exp_m1() / exponent;
    // Below 0 both signs turn: that of ψ and that of the exponent.
    (
        y.copysign(log),
        (size * (y * exponent + 1.0) - y) / exponent,
    )
}

impl FittedPowers {
    /// λ of every feature.
    pub fn lambdas(&self) -> &[f64] {
        &self.lambdas
    }
}

impl Transformer for FittedPowers {
    fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.lambdas.len())?;
        let mut transformed = rows.to_owned();
        for (feature, mut column) in transformed.columns_mut().into_iter().enumerate() {
            let (lambda, mean) = (self.lambdas[feature], self.means[feature]);
            let deviation = self.deviations[feature];
            column.mapv_inplace(|x| {
                if x.is_nan() {
                    return f32::NAN;
                }
                if deviation == 0.0 {
                    return 0.0;
                }
                let x = f64::from(x);
                let y = power(x.abs().ln_1p().copysign(x), lambda);
                let z = (y - mean) / deviation;
                to_f32(z.clamp(f64::MIN, f64::MAX))
            });
        }
        Ok(transformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use xscatter_core::{Classes, Target};

    #[test]
    fn the_slope_is_that_of_the_power() {
        for log in [-3.0, -0.7, -1e-4, 0.0, 1e-5, 0.4, 2.0, 9.0] {
            for lambda in [-2.0, -1e-5, 0.0, 1e-4, 0.3, 1.0, 1.9999, 2.0, 3.0] {
                let (y, slope) = power_and_slope(log, lambda);
                approx::assert_relative_eq!(y, power(log, lambda), max_relative = 1e-12);
                let h = 1e-5;
                let numeric = (power(log, lambda + h) - power(log, lambda - h)) / (2.0 * h);
                approx::assert_relative_eq!(slope, numeric, max_relative = 1e-6, epsilon = 1e-9);
            }
        }
    }

    #[test]
    fn large_and_skewed_values_stay_apart() {
        // Counts with a tail, and a small spread on a large offset: a λ far below 0 would make all alike.
        let rows = Array2::from_shape_fn((200, 2), |(row, feature)| {
            let share = (row as f32 + 0.5) / 200.0;
            if feature == 0 {
                1e5 * share.powi(-2)
            } else {
                1e6 - 10.0 * share.ln()
            }
        });
        let target = Target::Classes(Classes::new(vec!["a".into()], vec![0; 200]).unwrap());
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let fitted = PowerTransform.fit(&train).unwrap();
        assert!(fitted.lambdas()[0] < 0.0);
        let z = fitted.transform(rows.view()).unwrap();
        for column in z.columns() {
            let falls = column
                .windows(2)
                .into_iter()
                .filter(|pair| pair[0] > pair[1]);
            assert!(falls.count() > 150);
            assert!(column.iter().all(|z| z.abs() < 6.0), "{column}");
            let squares: f32 = column.iter().map(|z| z * z).sum();
            approx::assert_abs_diff_eq!(squares / 200.0, 1.0, epsilon = 1e-3);
        }
    }

    #[test]
    fn extremes_constants_and_holes_stay_in_bounds() {
        let rows = array![
            [1.0_f32, 5.0, f32::NAN, 1e30, -3.0],
            [2.0, 5.0, f32::NAN, -1e30, -4.0],
            [700.0, f32::NAN, f32::NAN, 0.0, -4.5]
        ];
        let target = Target::Classes(Classes::new(vec!["a".into()], vec![0; 3]).unwrap());
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let fitted = PowerTransform.fit(&train).unwrap();
        let z = fitted.transform(rows.view()).unwrap();
        assert_eq!(z[[0, 1]], 0.0);
        assert!(z[[2, 1]].is_nan() && z[[0, 2]].is_nan());
        for feature in [0, 3, 4] {
            assert!(z.column(feature).iter().all(|z| z.abs() < 2.0), "{z}");
        }
        let far = array![[f32::MAX, f32::MIN, 1.0, f32::MAX, f32::MIN]];
        let z = fitted.transform(far.view()).unwrap();
        assert!(z.iter().all(|z| z.is_finite()), "{z}");
    }
}
