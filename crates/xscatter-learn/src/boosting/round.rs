//! A round of gradient boosting: derivatives of the loss, trees, new scores.

use std::borrow::Cow;
use std::sync::Mutex;

use rayon::prelude::*;
use xscatter_core::{Result, StopToken};

use super::free::FreeGrowth;
use super::histogram::{Codes, Gradient, Output, Penalty, Sum, Unit, roots};
use super::model::{BLOCK, FittedBoosting, Trees};
use super::symmetric::SymmetricGrowth;
use super::{GradientBoostingConfig, TreeGrowth};
use crate::bins::Column;
use crate::problem::{Problem, probabilities};

/// What a round learns with.
pub(super) struct Learning<'a> {
    pub(super) config: &'a GradientBoostingConfig,
    pub(super) columns: &'a [Column],
    pub(super) codes: &'a Codes,
    /// The rows that the codes are of, if not of all.
    pub(super) drawn: Option<&'a [u32]>,
    /// The usual weight of a row, to a power of two.
    pub(super) usual: f64,
    /// Histograms to use again.
    pub(super) spare: &'a Mutex<Vec<Vec<Sum>>>,
    pub(super) stop: &'a StopToken,
}

impl Learning<'_> {
    /// Grows the trees of a round; the features and gains of their splits.
    pub(super) fn round(
        &self,
        boost: &mut Boost<'_>,
        model: &mut FittedBoosting,
    ) -> Result<Vec<(u32, f64)>> {
        let config = self.config;
        let pick = |drawn: &[u32], of: &[Gradient]| -> Vec<Gradient> {
            drawn.iter().map(|&row| of[row as usize]).collect()
        };
        let picked: Option<Vec<Vec<Gradient>>> = self
            .drawn
            .map(|drawn| boost.gradients.iter().map(|of| pick(drawn, of)).collect());
        let gradients = picked.as_ref().unwrap_or(&boost.gradients);
        let weights: Cow<'_, [f64]> = match self.drawn {
            None => boost.weights.into(),
            Some(drawn) => drawn
                .iter()
                .map(|&row| boost.weights[row as usize])
                .collect(),
        };
        let whole: Vec<(Unit, Vec<Sum>)> = gradients
            .par_iter()
            .map(|gradients| {
                let unit = Unit::of(gradients);
                let rows = gradients.iter().zip(&*weights);
                let sums = rows.map(|(&gradient, weight)| unit.sum(gradient, weight / self.usual));
                (unit, sums.collect())
            })
            .collect();
        let outputs: Vec<Output<'_>> = gradients
            .iter()
            .zip(&whole)
            .map(|(gradients, (unit, sums))| Output {
                gradients,
                unit: *unit,
                sums,
            })
            .collect();
        let row_of = |row: u32| self.drawn.map_or(row, |drawn| drawn[row as usize]) as usize;
        let penalty = Penalty {
            l1: config.l1,
            l2: config.l2,
            least: config.min_child_weight,
        };
        match (config.growth, &mut model.trees) {
            (TreeGrowth::Symmetric { depth }, Trees::Symmetric(trees)) => {
                let growth = SymmetricGrowth {
                    codes: self.codes,
                    columns: self.columns,
                    weights: &weights,
                    depth,
                    min_gain: config.min_gain,
                    penalty,
                    learning_rate: config.learning_rate,
                };
                let grown = growth.grow(&outputs, self.stop)?;
                for (row, leaf) in (0..).zip(grown.leaves) {
                    let values = grown.tree.values(leaf);
                    for (scores, &value) in boost.scores.iter_mut().zip(values) {
                        scores[row_of(row)] += f64::from(value);
                    }
                }
                trees.push(grown.tree);
                Ok(grown.gains)
            }
            (growth, Trees::Free(trees)) => {
                let (max_leaves, max_depth) = match growth {
                    TreeGrowth::DepthWise { max_depth } => (usize::MAX, max_depth),
                    TreeGrowth::LeafWise { max_leaves } => (max_leaves, usize::MAX),
                    TreeGrowth::Symmetric { .. } => unreachable!("its trees are symmetric"),
                };
                let growth = FreeGrowth {
                    codes: self.codes,
                    columns: self.columns,
                    weights: &weights,
                    max_leaves,
                    max_depth,
                    min_samples_leaf: config.min_samples_leaf,
                    min_gain: config.min_gain,
                    penalty,
                    learning_rate: config.learning_rate,
                    spare: self.spare,
                };
                let roots = roots(self.codes, &outputs);
                let grown = outputs
                    .par_iter()
                    .zip(roots)
                    .map(|(output, root)| growth.grow(output, root, self.stop))
                    .collect::<Result<Vec<_>>>()?;
                let mut gains = Vec::new();
                for (scores, grown) in boost.scores.iter_mut().zip(grown) {
                    for (range, value) in grown.leaves {
                        for &row in &grown.rows[range] {
                            scores[row_of(row)] += f64::from(value);
                        }
                    }
                    trees.push(grown.tree);
                    gains.extend(grown.gains);
                }
                Ok(gains)
            }
            (_, Trees::Symmetric(_)) => unreachable!("the trees are those of the growth"),
        }
    }
}

/// The scores that give each class its share of the weight.
pub(super) fn base_scores(labels: &[u32], weights: &[f64], n_classes: usize) -> Vec<f64> {
    let mut share = vec![0.0; n_classes];
    for (&label, weight) in labels.iter().zip(weights) {
        share[label as usize] += weight;
    }
    if let [first, second] = share[..] {
        return vec![(second / first).ln()];
    }
    let total: f64 = share.iter().sum();
    share.iter().map(|share| (share / total).ln()).collect()
}

/// The state of the training rows.
pub(super) struct Boost<'a> {
    labels: &'a [u32],
    weights: &'a [f64],
    n_classes: usize,
    /// Outputs × rows.
    scores: Vec<Vec<f64>>,
    /// Outputs × rows.
    gradients: Vec<Vec<Gradient>>,
}

impl<'a> Boost<'a> {
    /// Every row has the scores of the base.
    pub(super) fn new(
        labels: &'a [u32],
        weights: &'a [f64],
        n_classes: usize,
        base: &[f64],
    ) -> Self {
        Self {
            labels,
            weights,
            n_classes,
            scores: base.iter().map(|&s| vec![s; labels.len()]).collect(),
            gradients: vec![vec![Gradient::default(); labels.len()]; base.len()],
        }
    }

    /// Adds the newest round's values to the scores of the rows that it was not shown.
    pub(super) fn see_others(
        &mut self,
        drawn: &[u32],
        model: &FittedBoosting,
        rows: &[f32],
        round: usize,
    ) {
        let mut next = drawn.iter().peekable();
        let others: Vec<usize> = (0..self.labels.len())
            .filter(|&row| next.next_if(|&&drawn| drawn as usize == row).is_none())
            .collect();
        let added = added(model, round, rows, &others);
        for (&row, added) in others.iter().zip(added.chunks_exact(self.scores.len())) {
            for (of_output, added) in self.scores.iter_mut().zip(added) {
                of_output[row] += added;
            }
        }
    }

    pub(super) fn differentiate(&mut self) {
        let mut scores = vec![0.0; self.scores.len()];
        let mut proba = vec![0.0; self.n_classes];
        // Friedman's factor: one class's score is redundant.
        let factor = if self.scores.len() == 1 {
            1.0
        } else {
            self.n_classes as f64 / (self.n_classes as f64 - 1.0)
        };
        // With a single score it is the second class that the score speaks for.
        let first_output = self.n_classes - self.scores.len();
        let single = self.scores.len() == 1;
        for (row, (&label, &weight)) in self.labels.iter().zip(self.weights).enumerate() {
            for (score, of_output) in scores.iter_mut().zip(&self.scores) {
                *score = of_output[row];
            }
            probabilities(&scores, &mut proba);
            for (output, gradients) in self.gradients.iter_mut().enumerate() {
                let class = if single { first_output } else { output };
                let p = proba[class];
                let truth = f64::from(u8::from(label as usize == class));
                gradients[row] = Gradient {
                    first: (weight * (p - truth)) as f32,
                    second: (weight * factor * p * (1.0 - p)) as f32,
                };
            }
        }
    }
}

/// What a round's trees add to the scores of some rows, rows × outputs.
fn added(model: &FittedBoosting, round: usize, rows: &[f32], numbers: &[usize]) -> Vec<f64> {
    let width = model.n_features();
    let mut added = vec![0.0; numbers.len() * model.base().len()];
    let mut block = Vec::with_capacity(BLOCK * width);
    let blocks = added.chunks_mut(BLOCK * model.base().len());
    for (numbers, added) in numbers.chunks(BLOCK).zip(blocks) {
        block.clear();
        for number in numbers {
            block.extend_from_slice(&rows[number * width..][..width]);
        }
        model.add(round..round + 1, &block, added);
    }
    added
}

/// The log-loss of the held-out rows, round by round.
pub(super) struct Watch {
    /// Rows × outputs.
    scores: Vec<f64>,
    pub(super) rounds: usize,
    pub(super) best_round: usize,
    best_loss: f64,
}

impl Watch {
    pub(super) fn new(model: &FittedBoosting, problem: &Problem<'_>, held: &[usize]) -> Self {
        let mut watch = Self {
            scores: model.base().repeat(held.len()),
            rounds: 0,
            best_round: 0,
            best_loss: f64::INFINITY,
        };
        if !held.is_empty() {
            watch.best_loss = watch.loss(model, problem, held);
        }
        watch
    }

    pub(super) fn see(&mut self, model: &FittedBoosting, problem: &Problem<'_>, held: &[usize]) {
        let added = added(model, self.rounds, problem.flat(), held);
        for (score, added) in self.scores.iter_mut().zip(added) {
            *score += added;
        }
        self.rounds += 1;
        let loss = self.loss(model, problem, held);
        if loss < self.best_loss {
            self.best_loss = loss;
            self.best_round = self.rounds;
        }
    }

    fn loss(&self, model: &FittedBoosting, problem: &Problem<'_>, held: &[usize]) -> f64 {
        let mut proba = vec![0.0; problem.classes.len()];
        let rows = held
            .iter()
            .zip(self.scores.chunks_exact(model.base().len()));
        rows.map(|(&row, scores)| {
            probabilities(scores, &mut proba);
            let p = proba[problem.labels[row] as usize].max(f64::MIN_POSITIVE);
            -problem.weights[row] * p.ln()
        })
        .sum()
    }
}
