//! Minimising a smooth convex function with the limited-memory method of Broyden, Fletcher, Goldfarb
//! and Shanno.
//!
//! Two-loop recursion over the last ten steps, and a bisection for a step that satisfies the weak
//! Wolfe conditions. Source: Nocedal and Wright 2006, algorithms 7.4 and 7.5
//! (doi:10.1007/978-0-387-40065-5); Lewis and Overton 2013 for the line search
//! (doi:10.1007/s10107-012-0514-2).

use std::collections::VecDeque;

use xscatter_core::{Error, ErrorKind, Result};

use crate::panels::dot;

/// How many steps are remembered.
pub(crate) const MEMORY: usize = 10;
/// The sufficient decrease and the curvature of the Wolfe conditions.
const DECREASE: f64 = 1e-4;
const CURVATURE: f64 = 0.9;
/// Step lengths tried before a direction is given up.
const TRIES: usize = 60;

/// When to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The largest component of the gradient at the minimum.
    pub(crate) tolerance: f64,
    pub(crate) max_iterations: usize,
}

/// A step and the change of the gradient along it.
pub(crate) struct Step {
    moved: Vec<f64>,
    turned: Vec<f64>,
    /// 1 / (moved · turned).
    scale: f64,
}

impl Step {
    /// Adds the step between two points to the last ones, unless it is no measure of the curvature.
    pub(crate) fn remember(
        steps: &mut VecDeque<Self>,
        point: &[f64],
        new_point: &[f64],
        gradient: &[f64],
        new_gradient: &[f64],
    ) {
        let change = |new: &[f64], old: &[f64]| -> Vec<f64> {
            new.iter().zip(old).map(|(new, old)| new - old).collect()
        };
        let moved = change(new_point, point);
        let turned = change(new_gradient, gradient);
        let curvature = dot(&moved, &turned);
        if curvature > f64::MIN_POSITIVE {
            if steps.len() == MEMORY {
                steps.pop_front();
            }
            steps.push_back(Self {
                moved,
                turned,
                scale: 1.0 / curvature,
            });
        }
    }
}

/// The minimum near `point`; `evaluate` gives the value and writes the gradient. Ends at the limits or
/// where rounding hides any further decrease.
pub(crate) fn minimise(
    mut point: Vec<f64>,
    limits: Limits,
    mut evaluate: impl FnMut(&[f64], &mut [f64]) -> Result<f64>,
) -> Result<Vec<f64>> {
    let mut gradient = vec![0.0; point.len()];
    let mut value = evaluate(&point, &mut gradient)?;
    let mut steps: VecDeque<Step> = VecDeque::with_capacity(MEMORY);
    for _ in 0..limits.max_iterations {
        if !value.is_finite() {
            return Err(Error::new(
                ErrorKind::Numerical,
                format!("expected a finite loss, got {value}"),
            ));
        }
        let steepest = gradient.iter().fold(0.0, |most: f64, g| most.max(g.abs()));
        if steepest <= limits.tolerance {
            break;
        }
        let direction = direction(&gradient, &steps);
        let slope = dot(&direction, &gradient);
        let mut new_point = point.clone();
        let mut new_gradient = gradient.clone();
        let (mut low, mut high) = (0.0, f64::INFINITY);
        let mut length = if steps.is_empty() {
            1.0 / dot(&gradient, &gradient).sqrt().max(1.0)
        } else {
            1.0
        };
        let mut accepted = None;
        for _ in 0..TRIES {
            for ((new, old), along) in new_point.iter_mut().zip(&point).zip(&direction) {
                *new = old + length * along;
            }
            let new_value = evaluate(&new_point, &mut new_gradient)?;
            // A value that is no number counts as too high.
            let sufficient = new_value <= value + DECREASE * length * slope;
            accepted = sufficient.then_some(new_value);
            if !sufficient {
                high = length;
            } else if dot(&direction, &new_gradient) < CURVATURE * slope {
                low = length;
            } else {
                break;
            }
            length = if high.is_finite() {
                f64::midpoint(low, high)
            } else {
                2.0 * length
            };
        }
        let Some(new_value) = accepted.filter(|accepted| *accepted < value) else {
            break;
        };
        Step::remember(&mut steps, &point, &new_point, &gradient, &new_gradient);
        point = new_point;
        gradient = new_gradient;
        value = new_value;
    }
    Ok(point)
}

/// The descent direction: the gradient times the approximate inverse Hessian, downwards.
pub(crate) fn direction(gradient: &[f64], steps: &VecDeque<Step>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let mut shares = Vec::with_capacity(steps.len());
    for step in steps.iter().rev() {
        let share = step.scale * dot(&step.moved, &direction);
        add(&mut direction, -share, &step.turned);
        shares.push(share);
    }
    if let Some(last) = steps.back() {
        let scale = 1.0 / (last.scale * dot(&last.turned, &last.turned));
        for component in &mut direction {
            *component *= scale;
        }
    }
    for (step, share) in steps.iter().zip(shares.into_iter().rev()) {
        let correction = step.scale * dot(&step.turned, &direction);
        add(&mut direction, share - correction, &step.moved);
    }
    direction
}

fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    for (to, what) in to.iter_mut().zip(what) {
        *to += factor * what;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    const LIMITS: Limits = Limits {
        tolerance: 1e-9,
        max_iterations: 500,
    };

    #[test]
    fn an_ill_conditioned_bowl_is_solved() {
        // f = Σ cᵢ (xᵢ − i)² with c from 1 to 10⁴.
        let stiffness = [1.0, 10.0, 100.0, 1e3, 1e4];
        let minimum = minimise(vec![0.0; 5], LIMITS, |x, gradient| {
            let mut value = 0.0;
            for (i, (x, g)) in x.iter().zip(gradient).enumerate() {
                let off = x - i as f64;
                value += stiffness[i] * off * off;
                *g = 2.0 * stiffness[i] * off;
            }
            Ok(value)
        })
        .unwrap();
        for (i, x) in minimum.iter().enumerate() {
            assert_abs_diff_eq!(*x, i as f64, epsilon = 1e-9);
        }
    }

    #[test]
    fn a_loss_that_is_no_number_is_an_error() {
        let error = minimise(vec![1.0], LIMITS, |_, _| Ok(f64::NAN)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Numerical);
    }
}
