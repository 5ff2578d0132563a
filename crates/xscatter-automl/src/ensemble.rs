//! Greedy selection of an ensemble from the out-of-fold scores of a study.
//!
//! Starting from nothing, each round adds the entry (again and again, if it helps) that makes the mean
//! of all scores chosen so far best by the metric; of all rounds, the best one counts (Caruana et al.
//! 2004, doi:10.1145/1015330.1015432). Entries of all representations take part, so the ensemble can
//! join what one set of features sees with what another does.
//!
//! The first round finds the best single entry, so on the out-of-fold scores an ensemble is never worse
//! than that. It was chosen on those scores, so judge it on rows held out from the study. An entry on
//! which the metric is not defined takes no part. Ties go to the entry that stands higher. Cost: rounds
//! × entries evaluations of the metric, in parallel.

use ndarray::{Array2, Zip};
use rayon::prelude::*;
use xscatter_core::{Error, ErrorKind, Goal, Metric, Result, Target};

use crate::leaderboard::Leaderboard;

/// How an ensemble is selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnsembleConfig {
    /// How many entries are added at most, counted with repetition.
    pub rounds: usize,
}

impl Default for EnsembleConfig {
    fn default() -> Self {
        Self { rounds: 25 }
    }
}

/// Entries of a leaderboard with their weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble {
    /// The positions of the entries, ascending, with weights that sum to 1.
    pub members: Vec<(usize, f64)>,
    /// The metric on the mean of the members' out-of-fold scores.
    pub score: f64,
    /// The metric on the out-of-fold scores of the best single entry.
    pub best_single: f64,
}

impl Ensemble {
    /// Selects from the entries of a board that kept their out-of-fold scores.
    ///
    /// # Errors
    /// If there is no round, no entry has scores on which the metric is defined, or the metric fails.
    pub fn select(
        config: &EnsembleConfig,
        board: &Leaderboard,
        truth: &Target,
        metric: &dyn Metric,
    ) -> Result<Self> {
        if config.rounds == 0 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "expected 1 round or more, got 0",
            ));
        }
        let candidates: Vec<(usize, &Array2<f32>)> = board
            .entries
            .iter()
            .enumerate()
            .filter_map(|(position, entry)| Some((position, entry.out_of_fold.as_ref()?)))
            .collect();
        let mut sum = Array2::<f64>::zeros((truth.len(), truth.names().len()));
        let mut chosen: Vec<usize> = vec![];
        let mut best: Option<(f64, usize)> = None;
        let mut best_single = None;
        for round in 1..=config.rounds {
            let scores: Vec<Option<f64>> = candidates
                .par_iter()
                .map(|(_, scores)| mean_score(&sum, scores, round, truth, metric))
                .collect::<Result<_>>()?;
            let mut winner: Option<(f64, usize)> = None;
            for (candidate, score) in scores.into_iter().enumerate() {
                if let Some(score) = score
                    && winner.is_none_or(|(best, _)| better(metric.goal(), score, best))
                {
                    winner = Some((score, candidate));
                }
            }
            let Some((score, candidate)) = winner else {
                break;
            };
            best_single.get_or_insert(score);
            let (position, scores) = candidates[candidate];
            Zip::from(&mut sum)
                .and(scores)
                .for_each(|sum, &score| *sum += f64::from(score));
            chosen.push(position);
            if best.is_none_or(|(best, _)| better(metric.goal(), score, best)) {
                best = Some((score, round));
            }
        }
        let (Some((score, rounds)), Some(best_single)) = (best, best_single) else {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                format!(
                    "expected an entry with out-of-fold scores on which {} is defined, found none",
                    metric.name()
                ),
            ));
        };
        let mut chosen = chosen[..rounds].to_vec();
        chosen.sort_unstable();
        let members = chosen
            .chunk_by(|left, right| left == right)
            .map(|same| (same[0], same.len() as f64 / rounds as f64))
            .collect();
        Ok(Self {
            members,
            score,
            best_single,
        })
    }

    /// The weighted mean of the scores of the members, given in the order of
    /// [`members`](Self::members).
    ///
    /// # Errors
    /// If there is not one array of scores a member, all of one shape.
    pub fn combine(&self, scores: &[Array2<f32>]) -> Result<Array2<f32>> {
        let shape = scores.first().map(Array2::dim);
        let (Some(shape), true) = (
            shape.filter(|shape| scores.iter().all(|scores| scores.dim() == *shape)),
            scores.len() == self.members.len(),
        ) else {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected the scores of {} members in one shape, got {}",
                    self.members.len(),
                    scores.len()
                ),
            ));
        };
        let mut sum = Array2::<f64>::zeros(shape);
        for ((_, weight), scores) in self.members.iter().zip(scores) {
            let add = |sum: &mut f64, &score: &f32| *sum += weight * f64::from(score);
            Zip::from(&mut sum).and(scores).for_each(add);
        }
        Ok(sum.mapv(|value| value as f32))
    }
}

/// The metric on the mean of what is chosen already and one more.
fn mean_score(
    sum: &Array2<f64>,
    more: &Array2<f32>,
    count: usize,
    truth: &Target,
    metric: &dyn Metric,
) -> Result<Option<f64>> {
    if more.dim() != sum.dim() {
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "expected out-of-fold scores of {:?}, got {:?}",
                sum.dim(),
                more.dim()
            ),
        ));
    }
    let mean = Zip::from(sum)
        .and(more)
        .map_collect(|sum, &more| ((sum + f64::from(more)) / count as f64) as f32);
    let score = metric.evaluate(truth, mean.view())?;
    Ok(score.value().filter(|score| score.is_finite()))
}

fn better(goal: Goal, score: f64, than: f64) -> bool {
    match goal {
        Goal::Maximise => score > than,
        Goal::Minimise => score < than,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaderboard::{Entry, MetricColumn, Status};
    use ndarray::array;
    use proptest::prelude::*;
    use xscatter_core::{Classes, Params};
    use xscatter_metrics::{Accuracy, LogLoss};

    fn board(scores: Vec<Option<Array2<f32>>>) -> Leaderboard {
        let entry = |out_of_fold| Entry {
            key: 0,
            representation: "r".into(),
            n_columns: 1,
            family: "f".into(),
            params: Params::new(),
            status: Status::Scored,
            scores: vec![],
            times: None,
            out_of_fold,
        };
        Leaderboard {
            metrics: vec![MetricColumn {
                name: "accuracy".into(),
                goal: Goal::Maximise,
            }],
            rank_by: 0,
            folds: 2,
            seed: 0,
            planned: scores.len(),
            entries: scores.into_iter().map(entry).collect(),
        }
    }

    fn truth() -> Target {
        Target::Classes(Classes::from_names(&["a", "b", "a", "b"]))
    }

    #[test]
    fn two_half_right_entries_make_one_that_is_right() {
        let first_half = array![[0.9, 0.1], [0.1, 0.9], [0.4, 0.6], [0.6, 0.4]];
        let second_half = array![[0.4, 0.6], [0.6, 0.4], [0.9, 0.1], [0.1, 0.9]];
        let board = board(vec![
            Some(first_half.clone()),
            None,
            Some(second_half.clone()),
        ]);
        let config = EnsembleConfig::default();
        let ensemble = Ensemble::select(&config, &board, &truth(), &Accuracy).unwrap();
        assert_eq!(ensemble.members, [(0, 0.5), (2, 0.5)]);
        assert_eq!((ensemble.score, ensemble.best_single), (1.0, 0.5));
        let combined = ensemble.combine(&[first_half, second_half]).unwrap();
        assert_eq!(combined[[0, 0]], 0.65);
        assert!(ensemble.combine(&[combined]).is_err());
    }

    #[test]
    fn nothing_to_choose_from_is_an_error() {
        let config = EnsembleConfig::default();
        let none = board(vec![None]);
        let error = Ensemble::select(&config, &none, &truth(), &Accuracy).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
        // Scores that are no probabilities leave log-loss undefined.
        let odd = board(vec![Some(array![
            [2.0, 2.0],
            [2.0, 2.0],
            [2.0, 2.0],
            [2.0, 2.0]
        ])]);
        assert!(Ensemble::select(&config, &odd, &truth(), &LogLoss).is_err());
        let no_round = EnsembleConfig { rounds: 0 };
        assert!(Ensemble::select(&no_round, &odd, &truth(), &Accuracy).is_err());
    }

    proptest! {
        #[test]
        fn never_worse_than_the_best_single_entry(
            draws in prop::collection::vec(prop::collection::vec(0.01_f32..0.99, 4), 1..6),
        ) {
            let scores = |draw: &Vec<f32>| {
                Array2::from_shape_fn((4, 2), |(row, class)| if class == 0 { draw[row] } else { 1.0 - draw[row] })
            };
            let board = board(draws.iter().map(|draw| Some(scores(draw))).collect());
            let single = draws
                .iter()
                .map(|draw| LogLoss.evaluate(&truth(), scores(draw).view()).unwrap().value().unwrap())
                .fold(f64::INFINITY, f64::min);
            let ensemble =
                Ensemble::select(&EnsembleConfig::default(), &board, &truth(), &LogLoss).unwrap();
            prop_assert_eq!(ensemble.best_single, single);
            prop_assert!(ensemble.score <= single);
            let weights: f64 = ensemble.members.iter().map(|(_, weight)| weight).sum();
            prop_assert!((weights - 1.0).abs() < 1e-12);
        }
    }
}
