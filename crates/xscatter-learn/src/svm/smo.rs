//! Sequential minimal optimisation: the dual of the support vector machine, two variables at a time.
//!
//! ```text
//! minimise ½ Σ αᵢ αⱼ yᵢ yⱼ K(xᵢ, xⱼ) − Σ αᵢ      with 0 ≤ αᵢ ≤ Cᵢ and Σ yᵢ αᵢ = 0
//! ```
//!
//! Of each pair the first violates the optimality conditions most; the second lowers the objective most by
//! its second-order estimate. Ties go to the earlier row, so the path is the same at each run. Source:
//! Fan, Chen and Lin 2005, Journal of Machine Learning Research 6, 1889.

use xscatter_core::{Result, StopToken};

/// Curvature of a direction along which the kernel says nothing.
const LEAST_CURVATURE: f64 = 1e-12;
/// So many steps lie between two looks at the stop token.
const STOP_EVERY: usize = 256;

/// Rows of a question, as the solver sees them.
pub(crate) struct Dual<'a> {
    /// 1 or −1.
    pub(crate) sides: &'a [f64],
    /// The largest α of each row.
    pub(crate) bounds: &'a [f64],
    /// K(xᵢ, xᵢ).
    pub(crate) diagonal: &'a [f64],
    /// The largest violation of the optimality conditions at the end.
    pub(crate) tolerance: f64,
    /// Steps at most; beyond them the best so far is the result.
    pub(crate) max_iterations: usize,
}

/// A machine: decisions are `Σ yᵢ αᵢ K(xᵢ, x) + intercept`.
pub(crate) struct Solution {
    /// yᵢ αᵢ.
    pub(crate) coefficients: Vec<f64>,
    pub(crate) intercept: f64,
}

impl Dual<'_> {
    fn can_rise(&self, row: usize, alpha: f64) -> bool {
        if self.sides[row] > 0.0 {
            alpha < self.bounds[row]
        } else {
            alpha > 0.0
        }
    }

    fn can_fall(&self, row: usize, alpha: f64) -> bool {
        if self.sides[row] > 0.0 {
            alpha > 0.0
        } else {
            alpha < self.bounds[row]
        }
    }

    /// `kernel` writes K(xᵢ, x) of row i for all rows.
    pub(crate) fn solve(
        &self,
        mut kernel: impl FnMut(usize, &mut [f32]),
        stop: &StopToken,
    ) -> Result<Solution> {
        let n = self.sides.len();
        let mut alphas = vec![0.0; n];
        let mut gradient = vec![-1.0; n];
        let (mut of_first, mut of_second) = (vec![0.0; n], vec![0.0; n]);
        for step in 0..self.max_iterations {
            if step % STOP_EVERY == 0 {
                stop.check()?;
            }
            let Some(first) = self.first(&alphas, &gradient) else {
                break;
            };
            kernel(first, &mut of_first);
            let Some(second) = self.second(first, &alphas, &gradient, &of_first) else {
                break;
            };
            kernel(second, &mut of_second);
            let (before_first, before_second) = (alphas[first], alphas[second]);
            self.step(first, second, &of_first, &gradient, &mut alphas);
            let d_first = (alphas[first] - before_first) * self.sides[first];
            let d_second = (alphas[second] - before_second) * self.sides[second];
            let rows = self.sides.iter().zip(&of_first).zip(&of_second);
            for (gradient, ((side, a), b)) in gradient.iter_mut().zip(rows) {
                *gradient += side * (d_first * f64::from(*a) + d_second * f64::from(*b));
            }
        }
        let intercept = self.intercept(&alphas, &gradient);
        let coefficients = alphas.iter().zip(self.sides).map(|(a, y)| a * y).collect();
        Ok(Solution {
            coefficients,
            intercept,
        })
    }

    /// The row that would rise most steeply.
    fn first(&self, alphas: &[f64], gradient: &[f64]) -> Option<usize> {
        let mut best = None;
        let mut highest = f64::NEG_INFINITY;
        for row in 0..alphas.len() {
            let rise = -self.sides[row] * gradient[row];
            if rise > highest && self.can_rise(row, alphas[row]) {
                highest = rise;
                best = Some(row);
            }
        }
        best
    }

    /// Its best partner; `None` if the conditions hold.
    fn second(
        &self,
        first: usize,
        alphas: &[f64],
        gradient: &[f64],
        of_first: &[f32],
    ) -> Option<usize> {
        let highest = -self.sides[first] * gradient[first];
        let (mut best, mut gain, mut lowest) = (None, 0.0, f64::INFINITY);
        for row in 0..alphas.len() {
            if !self.can_fall(row, alphas[row]) {
                continue;
            }
            let fall = -self.sides[row] * gradient[row];
            lowest = f64::min(lowest, fall);
            let difference = highest - fall;
            if difference > 0.0 {
                let curvature = self.curvature(first, row, of_first[row]);
                let of_row = difference * difference / curvature;
                if of_row > gain {
                    gain = of_row;
                    best = Some(row);
                }
            }
        }
        if highest - lowest < self.tolerance {
            return None;
        }
        best
    }

    fn curvature(&self, one: usize, other: usize, kernel: f32) -> f64 {
        let curvature = self.diagonal[one] + self.diagonal[other] - 2.0 * f64::from(kernel);
        curvature.max(LEAST_CURVATURE)
    }

    /// Moves two variables along the line that keeps Σ yᵢ αᵢ to its lowest point within the bounds.
    fn step(&self, i: usize, j: usize, of_i: &[f32], gradient: &[f64], alphas: &mut [f64]) {
        let curvature = self.curvature(i, j, of_i[j]);
        let (yi, yj) = (self.sides[i], self.sides[j]);
        // αᵢ rises by yᵢ t and αⱼ by −yⱼ t.
        let wanted = (-yi * gradient[i] + yj * gradient[j]) / curvature;
        let room = |side: f64, row: usize, alpha: f64| {
            if side > 0.0 {
                self.bounds[row] - alpha
            } else {
                alpha
            }
        };
        let (room_i, room_j) = (room(yi, i, alphas[i]), room(-yj, j, alphas[j]));
        let t = wanted.min(room_i).min(room_j);
        alphas[i] += yi * t;
        alphas[j] -= yj * t;
        // A variable that meets its bound lies on it, whatever was rounded.
        for (row, side, room) in [(i, yi, room_i), (j, -yj, room_j)] {
            if t == room {
                alphas[row] = if side > 0.0 { self.bounds[row] } else { 0.0 };
            }
        }
    }

    /// From the rows between their bounds, or half-way between what the others allow.
    fn intercept(&self, alphas: &[f64], gradient: &[f64]) -> f64 {
        let (mut sum, mut free) = (0.0, 0.0);
        let (mut above, mut below) = (f64::INFINITY, f64::NEG_INFINITY);
        for (row, &alpha) in alphas.iter().enumerate() {
            let value = self.sides[row] * gradient[row];
            if self.can_rise(row, alpha) && self.can_fall(row, alpha) {
                sum += value;
                free += 1.0;
            } else if self.can_rise(row, alpha) {
                above = above.min(value);
            } else {
                below = below.max(value);
            }
        }
        if free > 0.0 {
            -sum / free
        } else {
            -f64::midpoint(above, below)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_points_have_the_solution_of_the_textbook() {
        // x = ±1, linear kernel: w = 1, α = 1/2 each, no intercept.
        let points = [-1.0_f32, 1.0];
        let dual = Dual {
            sides: &[-1.0, 1.0],
            bounds: &[10.0, 10.0],
            diagonal: &[1.0, 1.0],
            tolerance: 1e-9,
            max_iterations: 100,
        };
        let solution = dual
            .solve(
                |row, out| {
                    for (out, point) in out.iter_mut().zip(points) {
                        *out = points[row] * point;
                    }
                },
                &StopToken::new(),
            )
            .unwrap();
        assert_eq!(solution.coefficients, [-0.5, 0.5]);
        assert_eq!(solution.intercept, 0.0);
    }

    #[test]
    fn bounds_hold_and_the_sides_balance() {
        let points: Vec<f32> = (0..40).map(|k| ((k * 17) % 23) as f32 / 7.0).collect();
        let sides: Vec<f64> = (0..40)
            .map(|k| if k % 3 == 0 { 1.0 } else { -1.0 })
            .collect();
        let bounds: Vec<f64> = (0..40).map(|k| 0.5 + f64::from(k % 2)).collect();
        let kernel = |a: f32, b: f32| (-(a - b) * (a - b)).exp();
        let dual = Dual {
            sides: &sides,
            bounds: &bounds,
            diagonal: &[1.0; 40],
            tolerance: 1e-6,
            max_iterations: 100_000,
        };
        let fetch = |row: usize, out: &mut [f32]| {
            for (out, &point) in out.iter_mut().zip(&points) {
                *out = kernel(points[row], point);
            }
        };
        let solution = dual.solve(fetch, &StopToken::new()).unwrap();
        let total: f64 = solution.coefficients.iter().sum();
        approx::assert_abs_diff_eq!(total, 0.0, epsilon = 1e-9);
        for ((coefficient, side), bound) in solution.coefficients.iter().zip(&sides).zip(&bounds) {
            assert!((0.0..=*bound).contains(&(coefficient * side)));
        }
    }
}
