//! A fitted gradient boosting: its trees, their predictions, and what they say about the features.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Predictor, Result};

use super::symmetric_tree::SymmetricTree;
use crate::importance::Importance;
use crate::problem::{ClassMap, n_scores, probabilities};
use crate::shap::{Explained, ShapValues};
use crate::tree::Tree;

/// So many rows pass through the trees at once.
pub(super) const BLOCK: usize = 64;

/// The trees of a boosted model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawBoosting")]
pub struct FittedBoosting {
    n_features: usize,
    classes: ClassMap,
    /// The score of every output before the first tree.
    base: Vec<f64>,
    pub(super) trees: Trees,
    /// What the splits by each feature gained together.
    pub(super) gains: Vec<f64>,
}

/// Trees in the order in which they were grown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Trees {
    /// Round by round, output by output.
    Free(Vec<Tree>),
    /// One a round, for all outputs.
    Symmetric(Vec<SymmetricTree>),
}

#[derive(Deserialize)]
struct RawBoosting {
    n_features: usize,
    classes: ClassMap,
    base: Vec<f64>,
    trees: Trees,
    gains: Vec<f64>,
}

impl TryFrom<RawBoosting> for FittedBoosting {
    type Error = String;

    fn try_from(raw: RawBoosting) -> Result<Self, String> {
        let outputs = n_scores(raw.classes.len());
        let whole = match &raw.trees {
            Trees::Free(trees) => trees.len().is_multiple_of(outputs),
            Trees::Symmetric(_) => true,
        };
        let finite = raw.base.iter().chain(&raw.gains).all(|x| x.is_finite());
        if raw.base.len() != outputs
            || !whole
            || !finite
            || raw.n_features == 0
            || raw.gains.len() != raw.n_features
        {
            return Err(format!(
                "expected features, a finite gain for each, {outputs} finite base scores and a multiple of {outputs} \
                 trees, got {} features, {} gains, {} scores",
                raw.n_features,
                raw.gains.len(),
                raw.base.len(),
            ));
        }
        match &raw.trees {
            Trees::Free(trees) => trees
                .iter()
                .try_for_each(|tree| tree.check(raw.n_features, 1))?,
            Trees::Symmetric(trees) => trees
                .iter()
                .try_for_each(|tree| tree.check(raw.n_features, outputs))?,
        }
        Ok(Self {
            n_features: raw.n_features,
            classes: raw.classes,
            base: raw.base,
            trees: raw.trees,
            gains: raw.gains,
        })
    }
}

impl FittedBoosting {
    /// A model without trees yet.
    pub(super) fn new(n_features: usize, classes: ClassMap, base: Vec<f64>, trees: Trees) -> Self {
        Self {
            n_features,
            classes,
            base,
            trees,
            gains: vec![0.0; n_features],
        }
    }

    pub(super) fn n_features(&self) -> usize {
        self.n_features
    }

    pub(super) fn base(&self) -> &[f64] {
        &self.base
    }

    /// How many rounds the model uses.
    pub fn n_rounds(&self) -> usize {
        match &self.trees {
            Trees::Free(trees) => trees.len() / self.base.len(),
            Trees::Symmetric(trees) => trees.len(),
        }
    }

    /// How much each feature's splits made the loss of the training rows smaller, and how many there are.
    ///
    /// A gain is that of the formula in [`GradientBoosting`](crate::GradientBoosting)'s module: twice what the loss
    /// falls by, to second order. A level of a symmetric tree is one split.
    pub fn importance(&self) -> Importance {
        match &self.trees {
            Trees::Free(trees) => {
                let splits = trees.iter().flat_map(Tree::split_features);
                Importance::new(self.gains.clone(), splits)
            }
            Trees::Symmetric(trees) => {
                let splits = trees.iter().flat_map(SymmetricTree::split_features);
                Importance::new(self.gains.clone(), splits)
            }
        }
    }

    /// The scores before they become probabilities, rows × outputs: of two classes the log-odds of the second, of
    /// more one score each, whose softmax the probabilities are.
    ///
    /// # Errors
    /// If the number of features differs from that of the fit.
    pub fn raw_scores(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        check_features(rows, self.n_features)?;
        let mut scores = Array2::zeros((rows.nrows(), self.base.len()));
        for (row, mut scores) in rows.rows().into_iter().zip(scores.rows_mut()) {
            let mut of_row = self.base.clone();
            self.add(0..self.n_rounds(), &row.to_vec(), &mut of_row);
            scores.assign(&ArrayView1::from(&of_row));
        }
        Ok(scores)
    }

    /// How much each feature adds to each row's [`raw_scores`](Self::raw_scores); see [`ShapValues`].
    ///
    /// # Errors
    /// If the number of features differs from that of the fit.
    pub fn shap_values(&self, rows: ArrayView2<'_, f32>) -> Result<ShapValues> {
        check_features(rows, self.n_features)?;
        // A single score speaks for the second class.
        let mut names = self.classes.present_names();
        names.drain(..self.classes.len() - self.base.len());
        Ok(ShapValues::of(
            &self.explained(),
            names,
            self.base.clone(),
            rows,
        ))
    }

    pub(crate) fn explained(&self) -> Vec<Explained<'_>> {
        let n_outputs = self.base.len();
        match &self.trees {
            Trees::Free(trees) => trees
                .iter()
                .enumerate()
                .map(|(number, tree)| Explained {
                    tree: Cow::Borrowed(tree),
                    outputs: number % n_outputs..number % n_outputs + 1,
                    share: 1.0,
                })
                .collect(),
            Trees::Symmetric(trees) => trees
                .iter()
                .map(|tree| Explained {
                    tree: Cow::Owned(tree.spread()),
                    outputs: 0..n_outputs,
                    share: 1.0,
                })
                .collect(),
        }
    }

    pub(super) fn truncate(&mut self, rounds: usize) {
        match &mut self.trees {
            Trees::Free(trees) => trees.truncate(rounds * self.base.len()),
            Trees::Symmetric(trees) => trees.truncate(rounds),
        }
    }

    /// Adds what the trees of some rounds say to the scores (rows × outputs) of a few rows (rows × features).
    pub(super) fn add(&self, rounds: Range<usize>, rows: &[f32], scores: &mut [f64]) {
        let n_outputs = self.base.len();
        let n_rows = rows.len() / self.n_features;
        match &self.trees {
            Trees::Free(trees) => {
                let mut leaves = vec![0; n_rows];
                let trees = &trees[rounds.start * n_outputs..rounds.end * n_outputs];
                for (number, tree) in trees.iter().enumerate() {
                    tree.leaves(rows, self.n_features, &mut leaves);
                    let scores = scores[number % n_outputs..].iter_mut().step_by(n_outputs);
                    for (score, &leaf) in scores.zip(&leaves) {
                        *score += f64::from(tree.leaf_values(leaf, 1)[0]);
                    }
                }
            }
            Trees::Symmetric(trees) => {
                let mut columns = vec![0.0; rows.len()];
                for (number, row) in rows.chunks_exact(self.n_features).enumerate() {
                    let places = columns[number..].iter_mut().step_by(n_rows);
                    for (to, &value) in places.zip(row) {
                        *to = value;
                    }
                }
                let mut leaves = vec![0; n_rows];
                for tree in &trees[rounds] {
                    tree.add(&columns, &mut leaves, scores);
                }
            }
        }
    }
}

impl Predictor for FittedBoosting {
    fn outputs(&self) -> &[Arc<str>] {
        self.classes.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.n_features)?;
        let n_classes = self.classes.len();
        self.classes.predict(rows, BLOCK, |rows, proba| {
            let mut scores = self.base.repeat(rows.len() / self.n_features);
            self.add(0..self.n_rounds(), rows, &mut scores);
            let scores = scores.chunks_exact(self.base.len());
            for (scores, proba) in scores.zip(proba.chunks_exact_mut(n_classes)) {
                probabilities(scores, proba);
            }
            Ok(())
        })
    }
}
