//! What was decided right and wrong about one class or tag, and the averages of what follows from it.

use xscatter_core::{Result, Score};

use crate::average::{Average, Missing, over_outputs, over_samples, ratio};
use crate::problem::{Labels, Problem, TAG_THRESHOLD};

/// The weight of what was decided right and wrong about one class or tag, against the rest.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Counts {
    pub(crate) hits: f64,
    pub(crate) false_alarms: f64,
    pub(crate) misses: f64,
    pub(crate) rejections: f64,
}

impl Counts {
    pub(crate) fn add(&mut self, is_positive: bool, is_predicted: bool, weight: f64) {
        *match (is_positive, is_predicted) {
            (true, true) => &mut self.hits,
            (false, true) => &mut self.false_alarms,
            (true, false) => &mut self.misses,
            (false, false) => &mut self.rejections,
        } += weight;
    }

    pub(crate) fn support(&self) -> f64 {
        self.hits + self.misses
    }

    pub(crate) fn predicted(&self) -> f64 {
        self.hits + self.false_alarms
    }

    pub(crate) fn recall(&self) -> Result<f64, Missing> {
        ratio(self.hits, self.support()).ok_or(Missing::Sample)
    }

    pub(crate) fn precision(&self) -> Result<f64, Missing> {
        ratio(self.hits, self.predicted()).ok_or(Missing::Prediction)
    }

    pub(crate) fn f_beta(&self, beta: f64) -> Result<f64, Missing> {
        let hits = (1.0 + beta * beta) * self.hits;
        let all = beta * beta * self.support() + self.predicted();
        ratio(hits, all).ok_or(Missing::Both)
    }

    pub(crate) fn jaccard(&self) -> Result<f64, Missing> {
        let all = self.hits + self.false_alarms + self.misses;
        ratio(self.hits, all).ok_or(Missing::Both)
    }
}

/// The counts of every class (predicted: the highest score) or tag (predicted: a score of 0.5 or more).
pub(crate) fn counts(problem: &Problem<'_>) -> Result<Vec<Counts>> {
    if let Labels::Tags(tags) = problem.labels {
        return Ok((0..tags.names().len())
            .map(|output| {
                let mut counts = Counts::default();
                for outcome in problem.unordered(output) {
                    let is_predicted = outcome.score >= TAG_THRESHOLD;
                    counts.add(outcome.is_positive, is_predicted, outcome.weight);
                }
                counts
            })
            .collect());
    }
    let cells = problem.confusion()?;
    let total = cells.sum();
    Ok((0..cells.nrows())
        .map(|class| {
            let hits = cells[[class, class]];
            let others = || (0..cells.nrows()).filter(|&other| other != class);
            let misses = others().map(|other| cells[[class, other]]).sum();
            let false_alarms = others().map(|other| cells[[other, class]]).sum();
            Counts {
                hits,
                false_alarms,
                misses,
                rejections: (total - hits - misses - false_alarms).max(0.0),
            }
        })
        .collect())
}

/// The average of a value that follows from counts.
pub(crate) fn of_counts(
    problem: &Problem<'_>,
    average: Average,
    value: impl Fn(&Counts) -> Result<f64, Missing>,
) -> Result<Score> {
    if problem.rows().next().is_none() {
        return Ok(Score::Undefined("there is no sample".into()));
    }
    if average == Average::Samples {
        return over_samples(problem, |row| {
            let mut counts = Counts::default();
            for outcome in problem.of_row(row) {
                counts.add(outcome.is_positive, outcome.score >= TAG_THRESHOLD, 1.0);
            }
            value(&counts).ok()
        });
    }
    let counts = counts(problem)?;
    if average == Average::Micro {
        let together = counts.iter().fold(Counts::default(), |sum, one| Counts {
            hits: sum.hits + one.hits,
            false_alarms: sum.false_alarms + one.false_alarms,
            misses: sum.misses + one.misses,
            rejections: sum.rejections + one.rejections,
        });
        return Ok(value(&together)
            .map_or_else(|missing| Score::Undefined(missing.of_all()), Score::Value));
    }
    Ok(over_outputs(
        problem,
        average,
        |output| counts[output].support(),
        |output| value(&counts[output]),
    ))
}
