//! The result of a study: every trial with its scores, best first.
//!
//! Entries are ranked by the mean of one metric over the folds; entries that are equal in it by the
//! names of their representation, family and parameters; then come those for which it is not defined,
//! those that were given up, and those that failed. Ranking reads no time, so it is repeatable. Times, which are not, can be
//! left out as a whole: two boards [`without_times`](Leaderboard::without_times) of the same study are
//! equal bit for bit. Spread is the sample standard deviation over the folds (divisor n − 1).

use std::cmp::Ordering;
use std::sync::Arc;

use ndarray::Array2;
use xscatter_core::{Goal, Params};

use crate::trial::{Seconds, canonical};

/// All trials of a study, best first.
#[derive(Debug, Clone, PartialEq)]
pub struct Leaderboard {
    /// The metrics, in the order of every entry's scores.
    pub metrics: Vec<MetricColumn>,
    /// The position of the metric that ranks.
    pub rank_by: usize,
    /// How many folds judged each entry.
    pub folds: usize,
    /// The seed of the study.
    pub seed: u64,
    /// How many trials were planned; more than there are entries if the study ended early.
    pub planned: usize,
    /// The trials, best first.
    pub entries: Vec<Entry>,
}

/// A metric of a leaderboard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricColumn {
    /// Its name, which states the averaging.
    pub name: Arc<str>,
    /// Whether more is better.
    pub goal: Goal,
}

/// A trial: a family with its parameters on one representation.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Names the trial and all that its scores depend on.
    pub key: u64,
    /// The representation.
    pub representation: Arc<str>,
    /// How many columns it has.
    pub n_columns: usize,
    /// The family of models.
    pub family: Arc<str>,
    /// The parameters.
    pub params: Params,
    /// Whether it has scores.
    pub status: Status,
    /// One summary a metric; empty for a failed trial.
    pub scores: Vec<Summary>,
    /// How long it took; `None` for a failed trial and on a board without times.
    pub times: Option<Times>,
    /// Rows × classes: the scores of each row by the model of the fold that held it out. `None` for a
    /// failed trial and if the study was not to keep them.
    pub out_of_fold: Option<Array2<f32>>,
}

/// Whether a trial has scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// All folds were fitted and judged.
    Scored,
    /// It was given up before all folds were judged, with the reason.
    Stopped(String),
    /// A fold failed, with the reason.
    Failed(String),
}

/// A metric over the folds.
#[derive(Debug, Clone, PartialEq)]
pub enum Summary {
    /// Defined on every fold.
    Value {
        /// The mean over the folds.
        mean: f64,
        /// The sample standard deviation over the folds, of which there are two or more.
        std: Option<f64>,
        /// The value on every fold.
        folds: Vec<f64>,
    },
    /// Not defined on some fold, with the reason.
    Undefined(String),
}

/// How long a trial took: wall time, while other trials may have run beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// Seconds to fit, the mean over the folds.
    pub fit_s: f64,
    /// Milliseconds to predict 1000 rows.
    pub predict_ms_per_1k: f64,
}

impl Times {
    pub(crate) fn of(seconds: &[Seconds], rows: usize) -> Self {
        let fit: f64 = seconds.iter().map(|fold| fold.fit).sum();
        let predict: f64 = seconds.iter().map(|fold| fold.predict).sum();
        Self {
            fit_s: fit / seconds.len() as f64,
            predict_ms_per_1k: 1e6 * predict / rows as f64,
        }
    }
}

impl Summary {
    /// Mean and spread of the values of the folds, of which there is one or more.
    pub(crate) fn of(folds: Vec<f64>) -> Self {
        let n = folds.len() as f64;
        let mean = folds.iter().sum::<f64>() / n;
        let squares: f64 = folds.iter().map(|value| (value - mean).powi(2)).sum();
        Self::Value {
            mean,
            std: (n > 1.0).then(|| (squares / (n - 1.0)).sqrt()),
            folds,
        }
    }

    /// The mean, if the metric is defined.
    pub fn mean(&self) -> Option<f64> {
        match self {
            Self::Value { mean, .. } => Some(*mean),
            Self::Undefined(_) => None,
        }
    }
}

impl Leaderboard {
    /// The entry with the best defined score.
    pub fn best(&self) -> Option<&Entry> {
        let first = self.entries.first()?;
        first.mean(self.rank_by).is_some().then_some(first)
    }

    /// Whether all planned trials were made.
    pub fn is_complete(&self) -> bool {
        self.entries.len() == self.planned
    }

    /// The failed trials with their reasons.
    pub fn failures(&self) -> impl Iterator<Item = (&Entry, &str)> {
        self.entries.iter().filter_map(|entry| match &entry.status {
            Status::Failed(reason) => Some((entry, reason.as_str())),
            Status::Scored | Status::Stopped(_) => None,
        })
    }

    /// The same board with nothing that differs between two runs of the same study.
    pub fn without_times(&self) -> Self {
        let mut board = self.clone();
        for entry in &mut board.entries {
            entry.times = None;
        }
        board
    }

    /// Sorts the entries, best first.
    pub(crate) fn rank(&mut self) {
        let (metric, goal) = (self.rank_by, self.metrics[self.rank_by].goal);
        self.entries.sort_by(|left, right| {
            let by_score = match (left.mean(metric), right.mean(metric)) {
                (Some(left), Some(right)) => match goal {
                    Goal::Maximise => right.total_cmp(&left),
                    Goal::Minimise => left.total_cmp(&right),
                },
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => left.status_rank().cmp(&right.status_rank()),
            };
            by_score.then_with(|| left.name().cmp(&right.name()))
        });
    }
}

impl Entry {
    /// The mean of a metric, if the trial has it.
    pub fn mean(&self, metric: usize) -> Option<f64> {
        self.scores.get(metric).and_then(Summary::mean)
    }

    fn status_rank(&self) -> u8 {
        match self.status {
            Status::Scored => 0,
            Status::Stopped(_) => 1,
            Status::Failed(_) => 2,
        }
    }

    fn name(&self) -> (&str, &str, String) {
        (&self.representation, &self.family, canonical(&self.params))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(family: &str, score: Option<Summary>) -> Entry {
        Entry {
            key: 0,
            representation: "glcm".into(),
            n_columns: 6,
            family: family.into(),
            params: Params::new(),
            status: score
                .as_ref()
                .map_or(Status::Failed("broken".into()), |_| Status::Scored),
            scores: score.into_iter().collect(),
            times: None,
            out_of_fold: None,
        }
    }

    fn ranked(goal: Goal) -> Vec<String> {
        let value = |mean| Some(Summary::of(vec![mean; 2]));
        let mut board = Leaderboard {
            metrics: vec![MetricColumn {
                name: "score".into(),
                goal,
            }],
            rank_by: 0,
            folds: 2,
            seed: 0,
            planned: 6,
            entries: vec![
                entry("failed", None),
                entry("b", value(0.5)),
                entry("undefined", Some(Summary::Undefined("fold 0: no".into()))),
                entry("a", value(0.5)),
                entry("high", value(0.9)),
            ],
        };
        board.rank();
        assert!(!board.is_complete());
        assert_eq!(board.failures().count(), 1);
        board
            .entries
            .iter()
            .map(|entry| entry.family.to_string())
            .collect()
    }

    #[test]
    fn defined_scores_come_first_and_equal_ones_by_name() {
        assert_eq!(
            ranked(Goal::Maximise),
            ["high", "a", "b", "undefined", "failed"]
        );
        assert_eq!(
            ranked(Goal::Minimise),
            ["a", "b", "high", "undefined", "failed"]
        );
    }

    #[test]
    fn the_spread_is_that_of_a_sample() {
        assert_eq!(
            Summary::of(vec![1.0, 3.0]),
            Summary::Value {
                mean: 2.0,
                std: Some(2.0_f64.sqrt()),
                folds: vec![1.0, 3.0]
            }
        );
    }
}
