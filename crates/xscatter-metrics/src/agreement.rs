//! Agreement beyond chance: Cohen's kappa, weighted kappa and Matthews correlation.
//!
//! With `n_ij` samples of class `i` taken for class `j` (out of `s`), `t_i` of class `i`, `p_j` taken for
//! class `j`, `c` right ones and the cost `w_ij` of taking one for the other:
//!
//! - kappa `1 − s Σ w_ij n_ij / Σ w_ij t_i p_j` (Cohen 1960, doi:10.1177/001316446002000104) with
//!   `w_ij = 1` for every error, or `|i − j|` (linear) or `(i − j)²` (quadratic) for classes that have an
//!   order, that of their names (Cohen 1968, doi:10.1037/h0026256);
//! - Matthews correlation `(c s − Σ t_k p_k) / √((s² − Σ p_k²)(s² − Σ t_k²))` for any number of
//!   classes (Gorodkin 2004, doi:10.1016/j.compbiolchem.2004.09.006).
//!
//! 1 is perfect, 0 is chance. For classes only. Undefined without variation: kappa if truth and
//! predictions are all of one class, Matthews correlation if either is. (scikit-learn gives NaN and 0.)
//! Cost: one pass over the scores.

use ndarray::{Array2, ArrayView2};
use xscatter_core::{Goal, Metric, Result, Score, Target};

use crate::problem::Problem;
use crate::weighted::WeightedMetric;

/// What it costs to take one class for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Disagreement {
    /// Every error alike.
    #[default]
    Equal,
    /// The distance of the classes, which have an order.
    Linear,
    /// The squared distance of the classes, which have an order.
    Quadratic,
}

/// Agreement beyond what chance gives at these class frequencies: 1 is perfect, 0 is chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CohensKappa {
    /// What an error costs.
    pub disagreement: Disagreement,
}

impl Metric for CohensKappa {
    fn name(&self) -> &str {
        match self.disagreement {
            Disagreement::Equal => "cohens-kappa",
            Disagreement::Linear => "cohens-kappa-linear",
            Disagreement::Quadratic => "cohens-kappa-quadratic",
        }
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for CohensKappa {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        let cells = problem.confusion()?;
        let sums = Sums::of(&cells);
        if sums.total == 0.0 {
            return Ok(Score::Undefined("there is no sample".into()));
        }
        let cost = |truth: usize, guess: usize| {
            let distance = truth.abs_diff(guess) as f64;
            match self.disagreement {
                Disagreement::Equal => distance.min(1.0),
                Disagreement::Linear => distance,
                Disagreement::Quadratic => distance * distance,
            }
        };
        let (mut found, mut by_chance) = (0.0, 0.0);
        for ((truth, guess), count) in cells.indexed_iter() {
            found += cost(truth, guess) * count;
            by_chance += cost(truth, guess) * sums.truth[truth] * sums.guesses[guess];
        }
        Ok(if by_chance == 0.0 {
            Score::Undefined("truth and predictions are all of one class".into())
        } else {
            Score::Value(1.0 - found * sums.total / by_chance)
        })
    }
}

/// The correlation of truth and predictions: 1 is perfect, 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Matthews;

impl Metric for Matthews {
    fn name(&self) -> &str {
        "matthews"
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.evaluate_weighted(truth, scores, None)
    }
}

impl WeightedMetric for Matthews {
    fn evaluate_weighted(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        weights: Option<&[f32]>,
    ) -> Result<Score> {
        let problem = Problem::new(truth, scores, weights)?;
        let cells = problem.confusion()?;
        let sums = Sums::of(&cells);
        if sums.total == 0.0 {
            return Ok(Score::Undefined("there is no sample".into()));
        }
        let is_single = |sums: &[f64]| sums.iter().filter(|sum| **sum > 0.0).count() == 1;
        if is_single(&sums.truth) {
            return Ok(Score::Undefined("all samples are of one class".into()));
        }
        if is_single(&sums.guesses) {
            return Ok(Score::Undefined("all predictions are of one class".into()));
        }
        let squared = sums.total * sums.total;
        let product =
            |left: &[f64], right: &[f64]| left.iter().zip(right).map(|(l, r)| l * r).sum::<f64>();
        let covariance = cells.diag().sum() * sums.total - product(&sums.truth, &sums.guesses);
        let of_truth = squared - product(&sums.truth, &sums.truth);
        let of_guesses = squared - product(&sums.guesses, &sums.guesses);
        // Rounding of the roots can carry a perfect or perfectly wrong result beyond its range.
        let correlation = covariance / (of_truth.sqrt() * of_guesses.sqrt());
        Ok(Score::Value(correlation.clamp(-1.0, 1.0)))
    }
}

/// The weights of all samples, of those of each class and of those taken for each class.
struct Sums {
    total: f64,
    truth: Vec<f64>,
    guesses: Vec<f64>,
}

impl Sums {
    fn of(cells: &Array2<f64>) -> Self {
        Self {
            total: cells.sum(),
            truth: cells.rows().into_iter().map(|row| row.sum()).collect(),
            guesses: cells
                .columns()
                .into_iter()
                .map(|column| column.sum())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xscatter_core::Classes;

    fn evaluate(metric: &dyn Metric, labels: &[u32], guesses: &[usize]) -> Score {
        let names = vec!["weak".into(), "middling".into(), "strong".into()];
        let truth = Target::Classes(Classes::new(names, labels.to_vec()).unwrap());
        let scores = Array2::from_shape_fn((guesses.len(), 3), |(row, class)| {
            f32::from(u8::from(guesses[row] == class))
        });
        metric.evaluate(&truth, scores.view()).unwrap()
    }

    #[test]
    fn agreement_without_variation_is_undefined() {
        for (metric, labels, guesses, reason) in [
            (
                &CohensKappa::default() as &dyn Metric,
                [1, 1],
                [1, 1],
                "truth and predictions are all of one class",
            ),
            (&Matthews, [1, 1], [1, 0], "all samples are of one class"),
            (
                &Matthews,
                [1, 0],
                [1, 1],
                "all predictions are of one class",
            ),
        ] {
            let score = evaluate(metric, &labels, &guesses);
            assert_eq!(score, Score::Undefined(reason.into()));
        }
    }

    #[test]
    fn a_far_error_costs_more_where_classes_have_an_order() {
        let kappa = |disagreement, guesses: &[usize]| {
            let metric = CohensKappa { disagreement };
            evaluate(&metric, &[0, 0, 1, 1, 2, 2], guesses)
                .value()
                .unwrap()
        };
        let (near, far) = ([0, 1, 1, 1, 2, 2], [0, 2, 1, 1, 2, 2]);
        for disagreement in [Disagreement::Linear, Disagreement::Quadratic] {
            assert!(kappa(disagreement, &near) > kappa(disagreement, &far));
        }
        assert_eq!(
            kappa(Disagreement::Equal, &near),
            kappa(Disagreement::Equal, &far)
        );
    }
}
