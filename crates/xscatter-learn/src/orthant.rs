//! Minimising a smooth convex function plus the sum of absolute values.
//!
//! ```text
//! minimise  f(x) + λ Σ_{i < n} |x_i|
//! ```
//!
//! Within one orthant the penalty is linear. Each step takes the quasi-Newton direction of the slope in
//! the orthant that the steepest descent leads into, and components that would leave it become 0 and stay
//! there until the slope pulls them off by more than λ: weights that say nothing end at 0 exactly. Ends
//! where no component of that slope exceeds the tolerance, which is the condition of the minimum.
//! Source: Andrew and Gao 2007, the orthant-wise limited-memory method (doi:10.1145/1273496.1273501).

use std::collections::VecDeque;

use xscatter_core::{Error, ErrorKind, Result};

use crate::lbfgs::{Limits, MEMORY, Step, direction};
use crate::panels::dot;

/// The sufficient decrease of a step.
const DECREASE: f64 = 1e-4;
/// Step lengths tried before a direction is given up.
const TRIES: usize = 50;

/// The minimum near `point`; `evaluate` gives the smooth part and writes its gradient; the first
/// `n_penalised` components bear the penalty.
pub(crate) fn minimise_absolute(
    mut point: Vec<f64>,
    penalty: f64,
    n_penalised: usize,
    limits: Limits,
    mut evaluate: impl FnMut(&[f64], &mut [f64]) -> Result<f64>,
) -> Result<Vec<f64>> {
    let absolute =
        |point: &[f64]| penalty * point[..n_penalised].iter().map(|x| x.abs()).sum::<f64>();
    let mut gradient = vec![0.0; point.len()];
    let mut value = evaluate(&point, &mut gradient)? + absolute(&point);
    let mut steps: VecDeque<Step> = VecDeque::with_capacity(MEMORY);
    for _ in 0..limits.max_iterations {
        if !value.is_finite() {
            return Err(Error::new(
                ErrorKind::Numerical,
                format!("expected a finite loss, got {value}"),
            ));
        }
        let slope = slope(&point, &gradient, penalty, n_penalised);
        let steepest = slope.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        if steepest <= limits.tolerance {
            break;
        }
        let mut along = direction(&slope, &steps);
        for (along, slope) in along[..n_penalised].iter_mut().zip(&slope) {
            if *along * slope >= 0.0 {
                *along = 0.0;
            }
        }
        let downhill = dot(&along, &slope);
        if downhill >= 0.0 {
            if steps.is_empty() {
                break;
            }
            steps.clear();
            continue;
        }
        let mut length = if steps.is_empty() {
            1.0 / dot(&slope, &slope).sqrt().max(1.0)
        } else {
            1.0
        };
        let mut new_gradient = vec![0.0; point.len()];
        let mut accepted = None;
        for _ in 0..TRIES {
            let new_point = within_orthant(&point, &along, &slope, length, n_penalised);
            let new_value = evaluate(&new_point, &mut new_gradient)? + absolute(&new_point);
            let gain: f64 = new_point
                .iter()
                .zip(&point)
                .zip(&slope)
                .map(|((new, old), slope)| (new - old) * slope)
                .sum();
            // A value that is no number counts as too high.
            if new_value <= value + DECREASE * gain && new_value < value {
                accepted = Some((new_point, new_value));
                break;
            }
            length *= 0.5;
        }
        let Some((new_point, new_value)) = accepted else {
            if steps.is_empty() {
                break;
            }
            // What was remembered may mislead across orthants.
            steps.clear();
            continue;
        };
        Step::remember(&mut steps, &point, &new_point, &gradient, &new_gradient);
        point = new_point;
        gradient = new_gradient;
        value = new_value;
    }
    Ok(point)
}

/// The slope of the whole in the direction of its steepest descent.
fn slope(point: &[f64], gradient: &[f64], penalty: f64, n_penalised: usize) -> Vec<f64> {
    let mut slope = gradient.to_vec();
    for (slope, &x) in slope[..n_penalised].iter_mut().zip(point) {
        *slope = if x != 0.0 {
            *slope + penalty * x.signum()
        } else if *slope < -penalty {
            *slope + penalty
        } else if *slope > penalty {
            *slope - penalty
        } else {
            0.0
        };
    }
    slope
}

/// A step, and 0 for every component that it would carry out of its orthant.
fn within_orthant(
    point: &[f64],
    along: &[f64],
    slope: &[f64],
    length: f64,
    n_penalised: usize,
) -> Vec<f64> {
    let steps = point.iter().zip(along).zip(slope).enumerate();
    steps
        .map(|(place, ((&x, along), slope))| {
            let new = x + length * along;
            let side = if x == 0.0 { -slope } else { x };
            if place < n_penalised && new * side <= 0.0 {
                0.0
            } else {
                new
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn a_bowl_is_solved_by_soft_thresholds() {
        // f = ½ Σ cᵢ (xᵢ − tᵢ)²: xᵢ = sign(tᵢ) max(|tᵢ| − λ/cᵢ, 0).
        let targets = [3.0, -2.0, 0.4, -0.1, 0.05, 1.0];
        let stiffness = [1.0, 10.0, 100.0, 1.0, 5.0, 0.1];
        let limits = Limits {
            tolerance: 1e-10,
            max_iterations: 500,
        };
        let minimum = minimise_absolute(vec![0.0; 6], 0.5, 5, limits, |x, gradient| {
            let mut value = 0.0;
            for (i, (x, g)) in x.iter().zip(gradient).enumerate() {
                let off = x - targets[i];
                value += 0.5 * stiffness[i] * off * off;
                *g = stiffness[i] * off;
            }
            Ok(value)
        })
        .unwrap();
        for i in 0..5 {
            let target: f64 = targets[i];
            let expected = target.signum() * (target.abs() - 0.5 / stiffness[i]).max(0.0);
            assert_abs_diff_eq!(minimum[i], expected, epsilon = 1e-9);
        }
        assert_eq!(minimum[3..5], [0.0, 0.0]);
        // The last one bears no penalty.
        assert_abs_diff_eq!(minimum[5], 1.0, epsilon = 1e-8);
    }
}
