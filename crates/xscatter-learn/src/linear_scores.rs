//! Scores that are linear in the features, as several models have them.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::Result;
use xscatter_core::learn::check_features;

use crate::panels;
use crate::problem::{ClassMap, check_finite};

/// So many rows are scored at once.
const BLOCK: usize = 64;

/// s_k = b_k + Σ_j x_j w_jk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLinearScores")]
pub(crate) struct LinearScores {
    n_features: usize,
    /// Features × scores, row after row.
    coefficients: Vec<f64>,
    intercepts: Vec<f64>,
}

#[derive(Deserialize)]
struct RawLinearScores {
    n_features: usize,
    coefficients: Vec<f64>,
    intercepts: Vec<f64>,
}

impl TryFrom<RawLinearScores> for LinearScores {
    type Error = String;

    fn try_from(raw: RawLinearScores) -> Result<Self, String> {
        let (found, n_scores) = (raw.coefficients.len(), raw.intercepts.len());
        if raw.n_features == 0
            || n_scores == 0
            || Some(found) != raw.n_features.checked_mul(n_scores)
        {
            return Err(format!(
                "expected a weight for each of {} features and {n_scores} scores, got {found}",
                raw.n_features
            ));
        }
        let mut weights = raw.coefficients.iter().chain(&raw.intercepts);
        if let Some(wrong) = weights.find(|weight| !weight.is_finite()) {
            return Err(format!("expected finite weights, got {wrong}"));
        }
        Ok(Self::new(raw.n_features, raw.coefficients, raw.intercepts))
    }
}

impl LinearScores {
    /// From features × scores weights, row after row, and an intercept for each score.
    pub(crate) fn new(n_features: usize, coefficients: Vec<f64>, intercepts: Vec<f64>) -> Self {
        Self {
            n_features,
            coefficients,
            intercepts,
        }
    }

    /// Whether there are so many scores.
    pub(crate) fn check(&self, n_scores: usize) -> Result<(), String> {
        let found = self.intercepts.len();
        if found == n_scores {
            return Ok(());
        }
        Err(format!("expected {n_scores} intercepts, got {found}"))
    }

    pub(crate) fn n_features(&self) -> usize {
        self.n_features
    }

    pub(crate) fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    pub(crate) fn intercepts(&self) -> &[f64] {
        &self.intercepts
    }

    /// Features × scores.
    pub(crate) fn matrix(&self) -> ArrayView2<'_, f64> {
        ArrayView2::from_shape((self.n_features, self.intercepts.len()), &self.coefficients)
            .expect("checked when the model was made")
    }

    /// Rows × scores for rows × features.
    pub(crate) fn of(&self, rows: &[f32]) -> Vec<f64> {
        let mut scores = vec![0.0; rows.len() / self.n_features * self.intercepts.len()];
        panels::scores(rows, &self.coefficients, &self.intercepts, &mut scores);
        scores
    }

    /// Rows × all classes; `shares` makes from the scores of a row those of the classes that occur.
    pub(crate) fn predict(
        &self,
        classes: &ClassMap,
        rows: ArrayView2<'_, f32>,
        shares: impl Fn(&[f64], &mut [f64]) + Sync,
    ) -> Result<Array2<f32>> {
        check_features(rows, self.n_features)?;
        check_finite(rows)?;
        classes.predict(rows, BLOCK, |rows, proba| {
            let scores = self.of(rows);
            let scores = scores.chunks_exact(self.intercepts.len());
            for (scores, proba) in scores.zip(proba.chunks_exact_mut(classes.len())) {
                shares(scores, proba);
            }
            Ok(())
        })
    }
}
