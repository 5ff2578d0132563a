//! Sequential minimal optimisation: the dual of the support vector machine, two variables at a time.
//!
//! ```text
//! minimise ½ Σ αᵢ αⱼ yᵢ yⱼ K(xᵢ, xⱼ) − Σ αᵢ      with 0 ≤ αᵢ ≤ Cᵢ and Σ yᵢ αᵢ = 0
//! ```
//!
//! Of each pair the first violates the optimality conditions most; the second lowers the objective most by
//! its second-order estimate. Ties go to the earlier row, so the path is the same at each run. A row with
//! Cᵢ = 0 never takes part, and its decision is known at the end like that of any other: that is how rows
//! are held out. Source: Fan, Chen and Lin 2005, Journal of Machine Learning Research 6, 1889.
//!
//! Each step costs two passes over the rows, in vectors; there is no shrinking, since a table of kernel
//! values makes a pass cheap.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::ops::Range;

use xscatter_core::{Error, ErrorKind, Result, StopToken};

use crate::lanes::{LANES, Work, position, vectorised};
use crate::svm::gram::{Among, Gram};

/// Curvature of a direction along which the kernel says nothing.
const LEAST_CURVATURE: f64 = 1e-12;
/// So many steps lie between two looks at the stop token.
const STOP_EVERY: usize = 64;

/// Rows of a question, as the solver sees them.
#[derive(Clone, Copy)]
pub(crate) struct Dual<'a> {
    pub(crate) gram: &'a Gram<'a>,
    /// Which rows, numbered one after the other.
    pub(crate) ranges: &'a [Range<usize>; 2],
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

/// A point of the dual. Decisions are `Σ yᵢ αᵢ K(xᵢ, x) + intercept`.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) alphas: Vec<f64>,
    /// yᵢ − Σ yⱼ αⱼ K(xⱼ, xᵢ): how much the objective falls if yᵢ αᵢ rises.
    rises: Vec<f64>,
    pub(crate) intercept: f64,
}

impl Point {
    /// The decision about each row.
    pub(crate) fn decisions(&self, sides: &[f64]) -> Vec<f64> {
        let rows = sides.iter().zip(&self.rises);
        rows.map(|(side, rise)| side - rise + self.intercept)
            .collect()
    }
}

impl Dual<'_> {
    /// From nothing.
    pub(crate) fn solve(&self, stop: &StopToken) -> Result<Point> {
        let point = Point {
            alphas: vec![0.0; self.sides.len()],
            rises: self.sides.to_vec(),
            intercept: 0.0,
        };
        self.improve(point, &mut self.gram.among(self.ranges.clone()), stop)
    }

    /// From a solution with other bounds, which may have been higher.
    pub(crate) fn solve_from(&self, other: &Point, stop: &StopToken) -> Result<Point> {
        let mut point = other.clone();
        let mut kernel = self.gram.among(self.ranges.clone());
        let mut surplus = 0.0;
        for row in 0..self.sides.len() {
            if row % STOP_EVERY == 0 {
                stop.check()?;
            }
            let alpha = other.alphas[row].min(self.bounds[row]);
            self.set(row, alpha, &mut point, &mut kernel);
            surplus += self.sides[row] * alpha;
        }
        // The heavier side gives way where it costs least.
        let heavy = surplus.signum();
        let mut rows: Vec<usize> = (0..self.sides.len())
            .filter(|&row| self.sides[row] == heavy && point.alphas[row] > 0.0)
            .collect();
        rows.sort_by(|&a, &b| {
            let (a, b) = (heavy * point.rises[a], heavy * point.rises[b]);
            a.total_cmp(&b)
        });
        let mut left = surplus.abs();
        for row in rows {
            if left <= 0.0 {
                break;
            }
            let less = point.alphas[row].min(left);
            self.set(row, point.alphas[row] - less, &mut point, &mut kernel);
            left -= less;
        }
        self.improve(point, &mut kernel, stop)
    }

    fn set(&self, row: usize, alpha: f64, point: &mut Point, kernel: &mut Among<'_>) {
        let change = (alpha - point.alphas[row]) * self.sides[row];
        if change == 0.0 {
            return;
        }
        point.alphas[row] = alpha;
        kernel.load(row);
        let [near, far] = kernel.row(row);
        let (rises_near, rises_far) = point.rises.split_at_mut(near.len());
        for (rises, kernel) in [(rises_near, near), (rises_far, far)] {
            vectorised(Fall {
                rises,
                kernel,
                change,
            });
        }
    }

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

    fn improve(&self, mut point: Point, kernel: &mut Among<'_>, stop: &StopToken) -> Result<Point> {
        let n = self.sides.len();
        let split = self.ranges[0].len();
        // 0 where a row can move, infinitely bad where it cannot.
        let if_rising = |dual: &Self, row, alpha| {
            if dual.can_rise(row, alpha) {
                0.0
            } else {
                f64::NEG_INFINITY
            }
        };
        let if_falling = |dual: &Self, row, alpha| {
            if dual.can_fall(row, alpha) {
                0.0
            } else {
                f64::INFINITY
            }
        };
        let alphas = || point.alphas.iter().enumerate();
        let mut rising: Vec<f64> = alphas().map(|(r, &a)| if_rising(self, r, a)).collect();
        let mut falling: Vec<f64> = alphas().map(|(r, &a)| if_falling(self, r, a)).collect();
        let (mut merits, mut gains) = (vec![0.0; n], vec![0.0; n]);
        let mut highest = f64::NEG_INFINITY;
        for ((merit, rise), rising) in merits.iter_mut().zip(&point.rises).zip(&rising) {
            *merit = rise + rising;
            highest = highest.max(*merit);
        }
        for step in 0..self.max_iterations {
            if step % STOP_EVERY == 0 {
                stop.check()?;
            }
            let Some(first) = vectorised(Position(&merits, highest)) else {
                break;
            };
            kernel.load(first);
            let of_first = kernel.row(first);
            let (mut best, mut lowest) = (0.0_f64, f64::INFINITY);
            for (part, of_first) in [(0..split, of_first[0]), (split..n, of_first[1])] {
                let found = vectorised(Partner {
                    rises: &point.rises[part.clone()],
                    falling: &falling[part.clone()],
                    diagonal: &self.diagonal[part.clone()],
                    of_first,
                    highest,
                    own: self.diagonal[first],
                    gains: &mut gains[part],
                });
                best = best.max(found.0);
                lowest = lowest.min(found.1);
            }
            if highest - lowest < self.tolerance || best <= 0.0 {
                break;
            }
            let Some(second) = vectorised(Position(&gains, best)) else {
                break;
            };
            kernel.load(second);
            let (of_first, of_second) = (kernel.row(first), kernel.row(second));
            let between = if second < split {
                of_first[0][second]
            } else {
                of_first[1][second - split]
            };
            let change = self.step(first, second, between, &mut point);
            for row in [first, second] {
                rising[row] = if_rising(self, row, point.alphas[row]);
                falling[row] = if_falling(self, row, point.alphas[row]);
            }
            highest = f64::NEG_INFINITY;
            for (part, a, b) in [
                (0..split, of_first[0], of_second[0]),
                (split..n, of_first[1], of_second[1]),
            ] {
                let found = vectorised(Update {
                    rises: &mut point.rises[part.clone()],
                    rising: &rising[part.clone()],
                    merits: &mut merits[part],
                    of_first: a,
                    of_second: b,
                    change,
                });
                highest = highest.max(found);
            }
        }
        point.intercept = self.intercept(&point);
        if point.intercept.is_finite() {
            return Ok(point);
        }
        Err(Error::new(
            ErrorKind::DegenerateData,
            format!(
                "expected features whose kernel is a number, got an intercept of {}: scale them",
                point.intercept
            ),
        ))
    }

    /// Moves two variables along the line that keeps Σ yᵢ αᵢ to its lowest point within the bounds; yᵢ αᵢ
    /// rises by the result and yⱼ αⱼ falls by it.
    fn step(&self, i: usize, j: usize, kernel: f32, point: &mut Point) -> f64 {
        let curvature = self.diagonal[i] + self.diagonal[j] - 2.0 * f64::from(kernel);
        let (yi, yj) = (self.sides[i], self.sides[j]);
        let wanted = (point.rises[i] - point.rises[j]) / curvature.max(LEAST_CURVATURE);
        let room = |side: f64, row: usize, alpha: f64| {
            if side > 0.0 {
                self.bounds[row] - alpha
            } else {
                alpha
            }
        };
        let alphas = &mut point.alphas;
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
        t
    }

    /// From the rows between their bounds, or half-way between what the others allow.
    fn intercept(&self, point: &Point) -> f64 {
        let (mut sum, mut free) = (0.0, 0.0);
        let (mut above, mut below) = (f64::INFINITY, f64::NEG_INFINITY);
        for (row, (&alpha, &rise)) in point.alphas.iter().zip(&point.rises).enumerate() {
            match (self.can_rise(row, alpha), self.can_fall(row, alpha)) {
                (true, true) => {
                    sum += rise;
                    free += 1.0;
                }
                (true, false) => below = below.max(rise),
                (false, true) => above = above.min(rise),
                (false, false) => {}
            }
        }
        if free > 0.0 {
            sum / free
        } else {
            f64::midpoint(above, below)
        }
    }
}

/// See [`position`].
struct Position<'a>(&'a [f64], f64);

impl Work for Position<'_> {
    type Output = Option<usize>;

    #[inline(always)]
    fn run(self) -> Option<usize> {
        position(self.0, self.1)
    }
}

/// yᵢ αᵢ of one row rose by `change`.
struct Fall<'a> {
    rises: &'a mut [f64],
    kernel: &'a [f32],
    change: f64,
}

impl Work for Fall<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (rise, &kernel) in self.rises.iter_mut().zip(self.kernel) {
            *rise -= self.change * f64::from(kernel);
        }
    }
}

/// yᵢ αᵢ of one row rose by `change` and that of another fell by it; gives the highest merit.
struct Update<'a> {
    rises: &'a mut [f64],
    rising: &'a [f64],
    merits: &'a mut [f64],
    of_first: &'a [f32],
    of_second: &'a [f32],
    change: f64,
}

impl Work for Update<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let change = self.change;
        let one = |rise: &mut f64, rising: f64, merit: &mut f64, a: f32, b: f32| {
            *rise -= change * (f64::from(a) - f64::from(b));
            *merit = *rise + rising;
            *merit
        };
        let (rises, rises_rest) = self.rises.as_chunks_mut::<LANES>();
        let (rising, rising_rest) = self.rising.as_chunks::<LANES>();
        let (merits, merits_rest) = self.merits.as_chunks_mut::<LANES>();
        let (a, a_rest) = self.of_first.as_chunks::<LANES>();
        let (b, b_rest) = self.of_second.as_chunks::<LANES>();
        let mut best = [f64::NEG_INFINITY; LANES];
        for ((((rises, rising), merits), a), b) in
            rises.iter_mut().zip(rising).zip(merits).zip(a).zip(b)
        {
            for lane in 0..LANES {
                let merit = one(
                    &mut rises[lane],
                    rising[lane],
                    &mut merits[lane],
                    a[lane],
                    b[lane],
                );
                best[lane] = if merit > best[lane] {
                    merit
                } else {
                    best[lane]
                };
            }
        }
        let mut highest = best.into_iter().fold(f64::NEG_INFINITY, f64::max);
        for ((((rise, &rising), merit), &a), &b) in rises_rest
            .iter_mut()
            .zip(rising_rest)
            .zip(merits_rest)
            .zip(a_rest)
            .zip(b_rest)
        {
            highest = highest.max(one(rise, rising, merit, a, b));
        }
        highest
    }
}

/// What each row would gain as the partner of the first; gives the largest gain, and the lowest rise of those
/// that can fall.
struct Partner<'a> {
    rises: &'a [f64],
    falling: &'a [f64],
    diagonal: &'a [f64],
    of_first: &'a [f32],
    highest: f64,
    own: f64,
    gains: &'a mut [f64],
}

impl Work for Partner<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run(self) -> (f64, f64) {
        let (highest, own) = (self.highest, self.own);
        let one = |rise: f64, falling: f64, diagonal: f64, kernel: f32| {
            let fall = rise + falling;
            let difference = highest - fall;
            let difference = if difference > 0.0 { difference } else { 0.0 };
            let curvature = own + diagonal - 2.0 * f64::from(kernel);
            let curvature = if curvature > LEAST_CURVATURE {
                curvature
            } else {
                LEAST_CURVATURE
            };
            (difference * difference / curvature, fall)
        };
        let (rises, rises_rest) = self.rises.as_chunks::<LANES>();
        let (falling, falling_rest) = self.falling.as_chunks::<LANES>();
        let (diagonal, diagonal_rest) = self.diagonal.as_chunks::<LANES>();
        let (kernel, kernel_rest) = self.of_first.as_chunks::<LANES>();
        let (gains, gains_rest) = self.gains.as_chunks_mut::<LANES>();
        let (mut best, mut lowest) = ([0.0; LANES], [f64::INFINITY; LANES]);
        for ((((rises, falling), diagonal), kernel), gains) in rises
            .iter()
            .zip(falling)
            .zip(diagonal)
            .zip(kernel)
            .zip(gains)
        {
            for lane in 0..LANES {
                let (gain, fall) = one(rises[lane], falling[lane], diagonal[lane], kernel[lane]);
                gains[lane] = gain;
                best[lane] = if gain > best[lane] { gain } else { best[lane] };
                lowest[lane] = if fall < lowest[lane] {
                    fall
                } else {
                    lowest[lane]
                };
            }
        }
        let mut best = best.into_iter().fold(0.0, f64::max);
        let mut lowest = lowest.into_iter().fold(f64::INFINITY, f64::min);
        for ((((&rise, &falling), &diagonal), &kernel), out) in rises_rest
            .iter()
            .zip(falling_rest)
            .zip(diagonal_rest)
            .zip(kernel_rest)
            .zip(gains_rest)
        {
            let (gain, fall) = one(rise, falling, diagonal, kernel);
            *out = gain;
            best = best.max(gain);
            lowest = lowest.min(fall);
        }
        (best, lowest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::svm::kernel::{Gamma, SvmKernel};

    fn gram(points: &[f32], kernel: SvmKernel) -> Gram<'_> {
        Gram::new(kernel, points, 1, 1 << 20, &StopToken::new()).unwrap()
    }

    #[test]
    fn two_points_have_the_solution_of_the_textbook() {
        // x = ±1, linear kernel: w = 1, α = 1/2 each, no intercept.
        let dual = Dual {
            gram: &gram(&[-1.0, 1.0], SvmKernel::Linear),
            ranges: &[0..2, 2..2],
            sides: &[-1.0, 1.0],
            bounds: &[10.0, 10.0],
            diagonal: &[1.0, 1.0],
            tolerance: 1e-9,
            max_iterations: 100,
        };
        let point = dual.solve(&StopToken::new()).unwrap();
        assert_eq!(point.alphas, [0.5, 0.5]);
        assert_eq!(point.intercept, 0.0);
        assert_eq!(point.decisions(dual.sides), [-1.0, 1.0]);
    }

    #[test]
    fn bounds_hold_the_sides_balance_and_any_start_leads_to_the_same() {
        let points: Vec<f32> = (0..90).map(|k| ((k * 17) % 53) as f32 / 17.0).collect();
        let sides: Vec<f64> = (0..90)
            .map(|k| if k % 3 == 0 { 1.0 } else { -1.0 })
            .collect();
        let bounds: Vec<f64> = (0..90).map(|k| 0.5 + f64::from(k % 2)).collect();
        let gamma = Gamma::Absolute(1.0);
        let gram = gram(&points, SvmKernel::Rbf { gamma });
        let dual = Dual {
            gram: &gram,
            ranges: &[0..40, 40..90],
            sides: &sides,
            bounds: &bounds,
            diagonal: &[1.0; 90],
            tolerance: 1e-9,
            max_iterations: 1_000_000,
        };
        let stop = StopToken::new();
        let whole = dual.solve(&stop).unwrap();
        let fewer: Vec<f64> = bounds
            .iter()
            .enumerate()
            .map(|(row, bound)| if row % 5 == 1 { 0.0 } else { *bound })
            .collect();
        let held = Dual {
            bounds: &fewer,
            ..dual
        };
        let (cold, warm) = (
            held.solve(&stop).unwrap(),
            held.solve_from(&whole, &stop).unwrap(),
        );
        for (point, bounds) in [(&whole, &bounds), (&cold, &fewer), (&warm, &fewer)] {
            let total: f64 = point.alphas.iter().zip(&sides).map(|(a, y)| a * y).sum();
            approx::assert_abs_diff_eq!(total, 0.0, epsilon = 1e-9);
            for (alpha, bound) in point.alphas.iter().zip(bounds) {
                assert!((0.0..=*bound).contains(alpha));
            }
        }
        let decisions = (cold.decisions(&sides), warm.decisions(&sides));
        for (cold, warm) in decisions.0.iter().zip(&decisions.1) {
            approx::assert_abs_diff_eq!(cold, warm, epsilon = 1e-6);
        }
        stop.stop();
        assert!(dual.solve(&stop).is_err());
    }
}
