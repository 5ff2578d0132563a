//! Classes as numbers to be met by linear functions, and the probabilities that go with that.
//!
//! ```text
//! y_k = 1 for rows of class k, −1 for others     s_k(x) = b_k + w_k · x     p_k ∝ 1/(1 + exp(a_k s_k + c_k))
//! ```
//!
//! Two classes share one function, which speaks for the second. A least-squares decision is no probability
//! and no logarithm of one, so that a softmax of decisions would promise what it cannot keep: the sigmoid
//! of each function is fitted to decisions on rows that had no part in them.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::{Result, StopToken};

use crate::batch::Batch;
use crate::linear_scores::LinearScores;
use crate::moments::{ClassMoments, overall_mean};
use crate::panels::{dot, pack, square_lengths};
use crate::problem::{ClassMap, ClassWeight, n_scores};
use crate::svm::sigmoid::Sigmoid;

/// Linear decisions with the sigmoids that make probabilities of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawDecisions")]
pub(crate) struct Decisions {
    pub(crate) classes: ClassMap,
    pub(crate) scores: LinearScores,
    pub(crate) sigmoids: Vec<Sigmoid>,
}

#[derive(Deserialize)]
struct RawDecisions {
    classes: ClassMap,
    scores: LinearScores,
    sigmoids: Vec<Sigmoid>,
}

impl TryFrom<RawDecisions> for Decisions {
    type Error = String;

    fn try_from(raw: RawDecisions) -> Result<Self, String> {
        let expected = n_scores(raw.classes.len());
        raw.scores.check(expected)?;
        if raw.sigmoids.len() != expected || !raw.sigmoids.iter().all(|s| s.is_finite()) {
            return Err(format!(
                "expected {expected} finite sigmoids, got {}",
                raw.sigmoids.len()
            ));
        }
        Ok(Self {
            classes: raw.classes,
            scores: raw.scores,
            sigmoids: raw.sigmoids,
        })
    }
}

impl Decisions {
    /// `held_out` are rows × scores, `labels` positions among the classes that occur.
    pub(crate) fn new(
        classes: ClassMap,
        scores: LinearScores,
        held_out: &[f64],
        labels: &[usize],
        weights: &[f64],
    ) -> Self {
        let n = n_scores(classes.len());
        let sigmoids = (0..n)
            .into_par_iter()
            .map(|score| {
                let own = class_of(score, n);
                let decisions: Vec<f64> = held_out[score..].iter().step_by(n).copied().collect();
                let sides: Vec<f64> = labels.iter().map(|&label| side(label == own)).collect();
                Sigmoid::fit(&decisions, &sides, weights)
            })
            .collect();
        Self {
            classes,
            scores,
            sigmoids,
        }
    }

    pub(crate) fn names(&self) -> &[Arc<str>] {
        self.classes.names()
    }

    pub(crate) fn predict(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.scores.predict(&self.classes, rows, |scores, proba| {
            if let ([score], [sigmoid]) = (scores, &*self.sigmoids) {
                let second = sigmoid.probability(*score);
                proba.copy_from_slice(&[1.0 - second, second]);
                return;
            }
            for ((proba, sigmoid), score) in proba.iter_mut().zip(&self.sigmoids).zip(scores) {
                *proba = sigmoid.probability(*score);
            }
        })
    }
}

/// The class, among those that occur, that a function out of `n` speaks for.
pub(crate) fn class_of(score: usize, n: usize) -> usize {
    if n == 1 { 1 } else { score }
}

/// The number for a row of the class itself or of another one.
pub(crate) fn side(own: bool) -> f64 {
    if own { 1.0 } else { -1.0 }
}

/// What the row weights of each class are multiplied by, in the order of the weights given; 0 for none.
pub(crate) fn class_factors(class_weight: ClassWeight, weights: &[f64]) -> Vec<f64> {
    if class_weight == ClassWeight::Uniform {
        return vec![1.0; weights.len()];
    }
    let present = weights.iter().filter(|weight| **weight > 0.0).count();
    let mean = weights.iter().sum::<f64>() / present as f64;
    let factor = |weight: &f64| if *weight > 0.0 { mean / weight } else { 0.0 };
    weights.iter().map(factor).collect()
}

/// The normal equations without their intercepts: sums over rows x − x̄, weighted.
#[derive(Debug, Clone)]
pub(crate) struct System {
    pub(crate) weight: f64,
    pub(crate) mean: Vec<f64>,
    /// Features × features.
    pub(crate) scatter: Vec<f64>,
    /// For each function: Σ w (x − x̄) y, and the mean of y.
    pub(crate) targets: Vec<(Vec<f64>, f64)>,
}

impl System {
    /// From the scatter of all rows together and the weights and means of the classes that occur, some of
    /// which may have no row here.
    pub(crate) fn new(all: ClassMoments, classes: &[(f64, &[f64])]) -> Self {
        let n = n_scores(classes.len());
        let targets = (0..n)
            .map(|score| {
                let (weight, mean) = classes[class_of(score, n)];
                let offsets = mean.iter().zip(&all.mean);
                let sums = offsets.map(|(m, c)| 2.0 * weight * (m - c));
                (sums.collect(), 2.0 * weight / all.weight - 1.0)
            })
            .collect();
        Self {
            weight: all.weight,
            mean: all.mean,
            scatter: all.scatter,
            targets,
        }
    }

    /// From the scatters of the classes, whose weights are multiplied by factors.
    pub(crate) fn of_classes(classes: &[(f64, &ClassMoments)]) -> Self {
        let weight: f64 = classes
            .iter()
            .map(|(factor, class)| factor * class.weight)
            .sum();
        let weighted: Vec<(f64, &[f64])> = classes
            .iter()
            .map(|(factor, class)| (factor * class.weight, &*class.mean))
            .collect();
        let mean = overall_mean(weighted.iter().map(|(w, mean)| (w / weight, *mean)));
        let n = mean.len();
        let mut scatter = vec![0.0; n * n];
        for (factor, class) in classes {
            let step: Vec<f64> = class.mean.iter().zip(&mean).map(|(m, c)| m - c).collect();
            let rows = scatter
                .chunks_exact_mut(n)
                .zip(class.scatter.chunks_exact(n));
            for ((sums, row), a) in rows.zip(&step) {
                for ((sum, x), b) in sums.iter_mut().zip(row).zip(&step) {
                    *sum += factor * (x + class.weight * a * b);
                }
            }
        }
        let all = ClassMoments {
            weight,
            mean,
            scatter,
        };
        Self::new(all, &weighted)
    }

    /// The scores that these weights, one vector for each function, give with the best intercepts.
    pub(crate) fn scores(&self, weights: &[Vec<f64>]) -> LinearScores {
        let n_features = self.mean.len();
        let rows = (0..n_features).flat_map(|j| weights.iter().map(move |w| w[j]));
        let intercepts = weights.iter().zip(&self.targets).map(|(w, (_, mean))| {
            let at_mean: f64 = w.iter().zip(&self.mean).map(|(w, x)| w * x).sum();
            mean - at_mean
        });
        LinearScores::new(n_features, rows.collect(), intercepts.collect())
    }
}

/// The labels of a batch as positions among the classes that occur, and the weights times factors, one
/// for each name.
pub(crate) fn coded(
    batch: &Batch<'_>,
    classes: &ClassMap,
    factors: &[f64],
) -> (Vec<usize>, Vec<f64>) {
    let mut position = vec![0; classes.names().len()];
    for (place, &class) in classes.present().iter().enumerate() {
        position[class as usize] = place;
    }
    let labels = batch.labels.iter();
    labels
        .zip(&batch.weights)
        .map(|(&label, weight)| (position[label as usize], weight * factors[label as usize]))
        .unzip()
}

/// So many rows are treated at once.
const BLOCK: usize = 256;

/// The decision on each row by the functions fitted to all others, rows × functions, from the leverage
/// w (x − x̄)ᵀ H⁻¹ (x − x̄) + w/Σw of the row; `inverse` is L⁻¹ of H = L Lᵀ, row after row.
pub(crate) fn leave_one_out(
    system: &System,
    scores: &LinearScores,
    inverse: &[f64],
    batch: &Batch<'_>,
    (labels, weights): (&[usize], &[f64]),
    stop: &StopToken,
) -> Result<Vec<f64>> {
    let n = system.mean.len();
    let n_scores = system.targets.len();
    let offsets: Vec<f64> = inverse
        .chunks_exact(n)
        .map(|row| -dot(row, &system.mean))
        .collect();
    let columns: Vec<f64> = (0..n * n)
        .map(|place| inverse[place % n * n + place / n])
        .collect();
    let rows = batch.rows.as_standard_layout();
    let rows = rows.as_slice().expect("in standard layout");
    let blocks = rows
        .par_chunks(BLOCK * n)
        .zip(labels.par_chunks(BLOCK))
        .zip(weights.par_chunks(BLOCK))
        .map(|((rows, labels), weights)| {
            stop.check()?;
            let mut decisions = scores.of(rows);
            let squares = square_lengths(&pack(rows, n), &columns, &offsets);
            let of_rows = labels.iter().zip(weights).zip(squares.as_flattened());
            for (decisions, ((&label, weight), square)) in
                decisions.chunks_exact_mut(n_scores).zip(of_rows)
            {
                let leverage = weight * (square + 1.0 / system.weight);
                // A row that decides alone is not known without it; rounding must not turn the sign.
                let left = (1.0 - leverage).max(1e-9);
                for (score, decision) in decisions.iter_mut().enumerate() {
                    let y = side(label == class_of(score, n_scores));
                    *decision = y - (y - *decision) / left;
                }
            }
            Ok(decisions)
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(blocks.concat())
}
