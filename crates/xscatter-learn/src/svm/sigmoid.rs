//! From decision values to probabilities: Platt's sigmoid.
//!
//! ```text
//! p = 1/(1 + exp(a f + b))      minimise −Σ wᵢ [tᵢ ln pᵢ + (1 − tᵢ) ln(1 − pᵢ)]
//! t = (N₊ + 1)/(N₊ + 2) for yes, 1/(N₋ + 2) for no; N are sums of weights
//! ```
//!
//! Newton's method with backtracking, never the difference of nearly equal numbers. Source: Platt 1999;
//! Lin, Lin and Weng 2007, doi:10.1007/s10994-007-5018-6.

use serde::{Deserialize, Serialize};

/// Newton steps at most.
const STEPS: usize = 100;
/// Steps shorter than that make no difference.
const SHORTEST_STEP: f64 = 1e-10;
/// Added to the diagonal of the Hessian, which need not be definite.
const RIDGE: f64 = 1e-12;
/// Probabilities stay this far from 0 and 1.
const LEAST: f64 = 1e-12;

/// The two parameters.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sigmoid {
    a: f64,
    b: f64,
}

impl Sigmoid {
    /// Fits decision values to the sides (above 0 for yes) of as many rows and their weights.
    pub(crate) fn fit(decisions: &[f64], sides: &[f64], weights: &[f64]) -> Self {
        let total = |yes: bool| -> f64 {
            let side = sides.iter().zip(weights);
            side.filter(|(side, _)| (**side > 0.0) == yes)
                .map(|(_, weight)| weight)
                .sum()
        };
        let (yes, no) = (total(true), total(false));
        let targets: Vec<f64> = sides
            .iter()
            .map(|&side| {
                if side > 0.0 {
                    (yes + 1.0) / (yes + 2.0)
                } else {
                    1.0 / (no + 2.0)
                }
            })
            .collect();
        let loss = |a: f64, b: f64| -> f64 {
            let rows = decisions.iter().zip(&targets).zip(weights);
            rows.map(|((decision, target), weight)| {
                let z = decision * a + b;
                let of_row = if z >= 0.0 {
                    target * z + (-z).exp().ln_1p()
                } else {
                    (target - 1.0) * z + z.exp().ln_1p()
                };
                weight * of_row
            })
            .sum()
        };
        let (mut a, mut b) = (0.0, ((no + 1.0) / (yes + 1.0)).ln());
        let mut current = loss(a, b);
        for _ in 0..STEPS {
            let (mut aa, mut bb, mut ab, mut ga, mut gb) = (RIDGE, RIDGE, 0.0, 0.0, 0.0);
            for ((&decision, &target), &weight) in decisions.iter().zip(&targets).zip(weights) {
                let (p, q) = both(decision * a + b);
                let curvature = weight * p * q;
                aa += decision * decision * curvature;
                bb += curvature;
                ab += decision * curvature;
                let slope = weight * (target - p);
                ga += decision * slope;
                gb += slope;
            }
            if ga.abs() < 1e-5 && gb.abs() < 1e-5 {
                break;
            }
            let determinant = aa * bb - ab * ab;
            let da = -(bb * ga - ab * gb) / determinant;
            let db = -(aa * gb - ab * ga) / determinant;
            let descent = ga * da + gb * db;
            let mut step = 1.0;
            loop {
                let next = loss(a + step * da, b + step * db);
                if next < current + 1e-4 * step * descent {
                    (a, b) = (a + step * da, b + step * db);
                    current = next;
                    break;
                }
                step /= 2.0;
                if step < SHORTEST_STEP {
                    return Self { a, b };
                }
            }
        }
        Self { a, b }
    }

    /// The probability of yes.
    pub(crate) fn probability(self, decision: f64) -> f64 {
        both(decision * self.a + self.b).0.clamp(LEAST, 1.0 - LEAST)
    }

    pub(crate) fn is_finite(self) -> bool {
        self.a.is_finite() && self.b.is_finite()
    }
}

/// 1/(1 + eᶻ) and 1/(1 + e⁻ᶻ), the smaller one without cancellation.
fn both(z: f64) -> (f64, f64) {
    let small = (-z.abs()).exp() / (1.0 + (-z.abs()).exp());
    if z >= 0.0 {
        (small, 1.0 - small)
    } else {
        (1.0 - small, small)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn the_gradient_vanishes_at_the_fit() {
        let decisions = [-3.0, -1.5, -0.4, 0.3, -0.2, 0.9, 2.0, 2.5];
        let sides = [-1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0];
        let fit = Sigmoid::fit(&decisions, &sides, &[1.0; 8]);
        assert!(fit.a < 0.0);
        // The targets are 5/6 and 1/6, as many of each: the mean probability is a half.
        let p: f64 = decisions.iter().map(|&f| fit.probability(f)).sum();
        assert_abs_diff_eq!(p / 8.0, 0.5, epsilon = 1e-6);
    }

    #[test]
    fn probabilities_are_those_of_a_general_minimiser() {
        // tools/golden/learn_svm.py, SciPy 1.17.1 (Nelder-Mead).
        let decisions = [-3.0, -1.5, -0.4, 0.3, -0.2, 0.9, 2.0, 2.5, 0.1];
        let sides = [-1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0, -1.0];
        let expected = [
            0.061193325,
            0.176058086,
            0.337912641,
            0.47039876,
            0.374184786,
            0.588161569,
            0.77330123,
            0.835182068,
            0.431226624,
        ];
        let fit = Sigmoid::fit(&decisions, &sides, &[1.0; 9]);
        for (decision, expected) in decisions.into_iter().zip(expected) {
            assert_abs_diff_eq!(fit.probability(decision), expected, epsilon = 1e-6);
        }
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice() {
        let decisions = [-1.0, 0.2, -0.1, 1.0];
        let sides = [-1.0, -1.0, 1.0, 1.0];
        let twice = [decisions, decisions].concat();
        let weighted = Sigmoid::fit(&decisions, &sides, &[2.0; 4]);
        let repeated = Sigmoid::fit(&twice, &[sides, sides].concat(), &[1.0; 8]);
        assert_abs_diff_eq!(weighted.a, repeated.a, epsilon = 1e-6);
        assert_abs_diff_eq!(weighted.b, repeated.b, epsilon = 1e-6);
    }

    #[test]
    fn separated_and_constant_decisions_give_numbers() {
        let sides = [-1.0, 1.0, 1.0];
        for decisions in [[-1e9, 1e9, 2e9], [0.0; 3], [1e-300, 2e-300, 3e-300]] {
            let fit = Sigmoid::fit(&decisions, &sides, &[1.0; 3]);
            assert!(fit.is_finite());
            for decision in decisions {
                let p = fit.probability(decision);
                assert!(p > 0.0 && p < 1.0);
            }
        }
    }
}
