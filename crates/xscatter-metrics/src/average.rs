//! How the values of the classes, tags or samples become one.
//!
//! With one value `v_k` for every class or tag `k` and `t_k` samples of it: macro is `Σ v_k / K`,
//! weighted is `Σ t_k v_k / Σ t_k`, micro is the value of the counts of all classes or tags together.
//! With tags, each sample has a value too: samples is the mean of those over the samples in which it is
//! defined.
//!
//! A class or tag that counts and has no value makes the whole undefined: a mean over the others would
//! be a score of another problem. (scikit-learn puts a 0 in its place and warns.)

use xscatter_core::{Error, ErrorKind, Result, Score};

use crate::problem::{Labels, Outcome, Problem, weighted_mean};

/// How the values of the classes, tags or samples become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Average {
    /// From the counts of all classes or tags together. With one class a sample, precision, recall and
    /// F are then all equal to the accuracy.
    Micro,
    /// The mean over the classes or tags: rare ones count as much as frequent ones.
    Macro,
    /// The mean over the classes or tags, weighted by their numbers of samples.
    Weighted,
    /// The mean over the samples: for tags only.
    Samples,
}

impl Average {
    pub(crate) const ALL: [Self; 4] = [Self::Micro, Self::Macro, Self::Weighted, Self::Samples];

    pub(crate) const fn suffix(self) -> &'static str {
        match self {
            Self::Micro => "micro",
            Self::Macro => "macro",
            Self::Weighted => "weighted",
            Self::Samples => "samples",
        }
    }
}

/// Why a class or tag has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// No positive sample.
    Sample,
    /// No sample that is not positive.
    Rest,
    /// No prediction.
    Prediction,
    /// Neither a positive sample nor a prediction.
    Both,
}

impl Missing {
    /// The reason for one output.
    pub(crate) fn of(self, problem: &Problem<'_>, output: usize) -> String {
        let called = problem.called(output);
        match (self, problem.labels) {
            (Self::Sample, Labels::Classes(_)) => format!("{called} has no sample"),
            (Self::Sample, Labels::Tags(_)) => format!("{called} has no positive sample"),
            (Self::Rest, Labels::Classes(_)) => format!("all samples are of {called}"),
            (Self::Rest, Labels::Tags(_)) => format!("{called} has no negative sample"),
            (Self::Prediction, _) => format!("{called} was never predicted"),
            (Self::Both, _) => format!("{called} has neither a sample nor a prediction"),
        }
    }

    /// The reason for all outputs together.
    pub(crate) fn of_all(self) -> String {
        match self {
            Self::Sample => "no sample is positive",
            Self::Rest => "no sample is negative",
            Self::Prediction => "nothing was predicted",
            Self::Both => "no sample is positive and nothing was predicted",
        }
        .to_owned()
    }
}

/// The value of the mean of some outputs, each with a weight, or why there is none.
pub(crate) fn over_outputs(
    problem: &Problem<'_>,
    average: Average,
    support: impl Fn(usize) -> f64,
    value: impl Fn(usize) -> Result<f64, Missing>,
) -> Score {
    let (mut sum, mut weights) = (0.0, 0.0);
    for output in 0..problem.names().len() {
        let weight = match average {
            Average::Weighted => support(output),
            _ => 1.0,
        };
        if weight == 0.0 {
            continue;
        }
        match value(output) {
            Ok(value) => {
                sum += weight * value;
                weights += weight;
            }
            Err(missing) => return Score::Undefined(missing.of(problem, output)),
        }
    }
    if weights == 0.0 {
        return Score::Undefined(Missing::Sample.of_all());
    }
    Score::Value(sum / weights)
}

/// The mean over the samples in which a value is defined.
pub(crate) fn over_samples(
    problem: &Problem<'_>,
    value: impl Fn(usize) -> Option<f64>,
) -> Result<Score> {
    if problem.tags().is_err() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "expected tags for a mean over samples, got classes: use micro, macro or weighted",
        ));
    }
    let values = problem
        .rows()
        .filter_map(|row| value(row).map(|value| (value, problem.weight(row))))
        .collect();
    Ok(weighted_mean(values).map_or_else(
        || Score::Undefined("it is defined in no sample".into()),
        Score::Value,
    ))
}

/// The average of a value that follows from the order of the scores.
pub(crate) fn of_ranks(
    problem: &Problem<'_>,
    average: Average,
    value: impl Fn(&[Outcome]) -> Result<f64, Missing>,
) -> Result<Score> {
    if problem.rows().next().is_none() {
        return Ok(Score::Undefined("there is no sample".into()));
    }
    match average {
        Average::Samples => over_samples(problem, |row| value(&problem.ranked_row(row)).ok()),
        Average::Micro => Ok(value(&problem.ranked_together())
            .map_or_else(|missing| Score::Undefined(missing.of_all()), Score::Value)),
        Average::Macro | Average::Weighted => {
            let outputs: Vec<_> = (0..problem.names().len())
                .map(|output| problem.ranked(output))
                .collect();
            let support = |output: usize| {
                let positive = outputs[output].iter().filter(|sample| sample.is_positive);
                positive.map(|sample| sample.weight).sum()
            };
            Ok(over_outputs(problem, average, support, |output| {
                value(&outputs[output])
            }))
        }
    }
}

pub(crate) fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}
