//! The mean loss of logistic regression and its gradient.
//!
//! ```text
//! f(W, b) = Σ_i w_i · (−ln p(y_i | x_i)) / Σ w + ½ λ |W|²      ∂f/∂s_k = w_i (p_k − [k = y_i]) / Σ w
//! ```
//!
//! Rows are summed in fixed blocks, and blocks in their order, so that the bits depend on no thread count.
//! A value with its gradient costs 4 · rows · features · scores operations.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use pulp::Simd;
use rayon::prelude::*;
use xscatter_core::{Result, StopToken};

use crate::panels::{LANES, Lane, Work, exp, pack, panel_products, panel_scores, vectorised};
use crate::problem::{Problem, n_scores};

/// So many panels are summed on their own; fixed, because the order of summation is.
const BLOCK: usize = 32;

/// The mean loss with its penalty, as a function of features × scores weights and then the intercepts.
pub(crate) struct Loss<'a> {
    panels: Vec<f64>,
    n_features: usize,
    n_scores: usize,
    /// Of all rows and those of the padding, which weigh nothing.
    labels: Vec<u32>,
    weights: Vec<f64>,
    total: f64,
    penalty: f64,
    stop: &'a StopToken,
}

impl<'a> Loss<'a> {
    /// With a penalty on the mean loss.
    pub(crate) fn new(problem: &Problem<'_>, penalty: f64, stop: &'a StopToken) -> Self {
        let n_features = problem.rows.ncols();
        let padded = problem.labels.len().next_multiple_of(LANES);
        let (mut labels, mut weights) = (problem.labels.clone(), problem.weights.clone());
        labels.resize(padded, 0);
        weights.resize(padded, 0.0);
        Self {
            panels: pack(problem.flat(), n_features),
            n_features,
            n_scores: n_scores(problem.classes.len()),
            labels,
            weights,
            total: problem.weights.iter().sum(),
            penalty,
            stop,
        }
    }

    /// The value at a point; writes the gradient there.
    pub(crate) fn evaluate(&self, point: &[f64], gradient: &mut [f64]) -> Result<f64> {
        let blocks = self
            .panels
            .par_chunks(BLOCK * self.n_features * LANES)
            .zip(self.labels.par_chunks(BLOCK * LANES))
            .zip(self.weights.par_chunks(BLOCK * LANES))
            .map(|((panels, labels), weights)| {
                self.stop.check()?;
                Ok(vectorised(Block {
                    panels,
                    labels,
                    weights,
                    n_features: self.n_features,
                    n_scores: self.n_scores,
                    point,
                }))
            })
            .collect::<Result<Vec<_>>>()?;
        gradient.fill(0.0);
        let mut loss = 0.0;
        for (of_block, gradient_of_block) in blocks {
            loss += of_block;
            for (sum, of_block) in gradient.iter_mut().zip(gradient_of_block) {
                *sum += of_block;
            }
        }
        loss /= self.total;
        let n_weights = self.n_features * self.n_scores;
        for component in &mut *gradient {
            *component /= self.total;
        }
        for (component, weight) in gradient[..n_weights].iter_mut().zip(point) {
            *component += self.penalty * weight;
        }
        let squares: f64 = point[..n_weights].iter().map(|w| w * w).sum();
        Ok(loss + 0.5 * self.penalty * squares)
    }
}

/// The sums over the rows of one block.
struct Block<'a> {
    panels: &'a [f64],
    labels: &'a [u32],
    weights: &'a [f64],
    n_features: usize,
    n_scores: usize,
    point: &'a [f64],
}

impl Work for Block<'_> {
    type Output = (f64, Vec<f64>);

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> (f64, Vec<f64>) {
        let (coefficients, intercepts) = self.point.split_at(self.n_features * self.n_scores);
        let mut lanes = vec![[0.0; LANES]; self.labels.len() / LANES * self.n_scores];
        panel_scores::<S, false>(
            simd,
            self.panels,
            self.n_features,
            coefficients,
            intercepts,
            &mut lanes,
        );
        let mut loss = 0.0;
        for ((scores, labels), weights) in lanes
            .chunks_exact_mut(self.n_scores)
            .zip(self.labels.chunks_exact(LANES))
            .zip(self.weights.chunks_exact(LANES))
        {
            loss += if let [score] = scores {
                two_classes(score, labels, weights)
            } else {
                many_classes(scores, labels, weights)
            };
        }
        let mut gradient = vec![0.0; self.point.len()];
        let (of_weights, of_intercepts) = gradient.split_at_mut(coefficients.len());
        panel_products(
            simd,
            self.panels,
            self.n_features,
            &lanes,
            self.n_scores,
            of_weights,
        );
        for lanes in lanes.chunks_exact(self.n_scores) {
            for (sum, lane) in of_intercepts.iter_mut().zip(lanes) {
                *sum += lane.iter().sum::<f64>();
            }
        }
        (loss, gradient)
    }
}

/// Puts the slope of the loss in place of the score of the second class; gives the loss.
#[inline(always)]
fn two_classes(score: &mut Lane, labels: &[u32], weights: &[f64]) -> f64 {
    let mut against: Lane = score.map(|score| -score.abs());
    exp(&mut against);
    let mut loss = 0.0;
    for lane in 0..LANES {
        // −ln p(label) without the detour over a p that may be 0.
        let wrong_by = if labels[lane] == 1 {
            -score[lane]
        } else {
            score[lane]
        };
        loss += weights[lane] * (wrong_by.max(0.0) + against[lane].ln_1p());
    }
    for lane in 0..LANES {
        let large = 1.0 / (1.0 + against[lane]);
        let small = against[lane] * large;
        // p − 1 for the second class is −small where p is large: nothing cancels.
        score[lane] = weights[lane]
            * match (labels[lane] == 1, score[lane] < 0.0) {
                (true, true) => -large,
                (true, false) => -small,
                (false, true) => small,
                (false, false) => large,
            };
    }
    loss
}

/// Puts the slopes of the loss in place of the scores; gives the loss.
#[inline(always)]
fn many_classes(scores: &mut [Lane], labels: &[u32], weights: &[f64]) -> f64 {
    let mut highest = [f64::NEG_INFINITY; LANES];
    for score in &*scores {
        for lane in 0..LANES {
            highest[lane] = highest[lane].max(score[lane]);
        }
    }
    let mut of_truth = [0.0; LANES];
    for lane in 0..LANES {
        of_truth[lane] = scores[labels[lane] as usize][lane];
    }
    let mut total = [0.0; LANES];
    for score in &mut *scores {
        for lane in 0..LANES {
            score[lane] -= highest[lane];
        }
        exp(score);
        for lane in 0..LANES {
            total[lane] += score[lane];
        }
    }
    let mut loss = 0.0;
    let mut share = [0.0; LANES];
    for lane in 0..LANES {
        loss += weights[lane] * (highest[lane] + total[lane].ln() - of_truth[lane]);
        share[lane] = weights[lane] / total[lane];
    }
    for score in &mut *scores {
        for lane in 0..LANES {
            score[lane] *= share[lane];
        }
    }
    for lane in 0..LANES {
        scores[labels[lane] as usize][lane] -= weights[lane];
    }
    loss
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::{ClassWeight, Missing};
    use ndarray::Array2;
    use xscatter_core::{Classes, Target, TrainingSet};

    #[test]
    fn the_gradient_is_the_slope_of_the_loss() {
        let rows = Array2::from_shape_fn((19, 3), |(row, column)| {
            ((row * (5 + 2 * column)) % 11) as f32 / 5.0 - 1.0
        });
        let weights: Vec<f32> = (0..19).map(|row| 0.5 + (row % 3) as f32).collect();
        for n_classes in [2, 3] {
            let labels = (0..19).map(|row| row * 7 % n_classes).collect();
            let names = ["a", "b", "c"].map(Into::into)[..n_classes as usize].to_vec();
            let target = Target::Classes(Classes::new(names, labels).unwrap());
            let train = TrainingSet::new(rows.view(), &target)
                .unwrap()
                .with_weights(&weights)
                .unwrap();
            let problem = Problem::new(&train, ClassWeight::Uniform, Missing::Refused).unwrap();
            let loss = Loss::new(&problem, 0.2, train.stop());
            let n = 4 * n_scores(n_classes as usize);
            let point: Vec<f64> = (0..n).map(|i| 0.3 * i as f64 - 0.7).collect();
            let mut gradient = vec![0.0; n];
            loss.evaluate(&point, &mut gradient).unwrap();
            for place in 0..n {
                let at = |step: f64| {
                    let mut moved = point.clone();
                    moved[place] += step;
                    loss.evaluate(&moved, &mut vec![0.0; n]).unwrap()
                };
                let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
                approx::assert_abs_diff_eq!(slope, gradient[place], epsilon = 1e-8);
            }
        }
    }
}
