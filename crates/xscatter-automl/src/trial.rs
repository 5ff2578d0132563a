//! One trial: a family with its parameters on one representation, fitted and judged on the folds.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use xscatter_core::{
    BoxPredictor, Error, ErrorKind, Family, FeatureTable, Goal, Metric, Params, Predictor, Result,
    Score, StopToken, TagState, Target, TrainingSet, seed,
};

use crate::leaderboard::{Entry, Status, Summary, Times};
use crate::split::Fold;

/// What a trial is to do; what it is called is what its seed and its key are made of.
pub(crate) struct Trial<'a> {
    pub(crate) representation: Arc<str>,
    pub(crate) table: &'a FeatureTable,
    pub(crate) family: &'a dyn Family,
    pub(crate) params: Params,
    pub(crate) seed: u64,
    /// Names the trial and all that its outcome on all folds depends on.
    pub(crate) key: u64,
    /// Names it and all that decides how it ends before that.
    pub(crate) early_key: u64,
    pub(crate) effort: Effort,
}

/// How far a trial goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Effort {
    /// Every fold, or until the mean over the first so many folds is worse than the bound for so many.
    Folds { bounds: Option<Arc<[f64]>> },
    /// The first fold alone, learning from this part of its training rows.
    Probe { share: f64 },
}

/// By what all trials of a study are judged.
pub(crate) struct Judge<'a> {
    pub(crate) target: &'a Target,
    pub(crate) folds: &'a [Fold],
    pub(crate) metrics: &'a [Box<dyn Metric>],
    pub(crate) rank_by: usize,
    /// The longest that a trial may take.
    pub(crate) limit: Option<Duration>,
    pub(crate) keep_predictions: bool,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    /// Judged on every fold.
    Predicted {
        /// Rows × outputs: each row as the models of the folds that it was held out from see it, on the
        /// average; `NaN` for a row that no fold holds out.
        scores: Array2<f32>,
        /// How long each fold took.
        seconds: Vec<Seconds>,
    },
    /// Given up after some folds, with the mean of the ranking metric over them.
    Raced { folds: usize, mean: f64 },
    /// The ranking metric on the first fold after learning from a part of its rows; `None` if it is not
    /// defined there.
    Probed(Option<f64>),
    /// A fit or a prediction failed.
    Failed(String),
}

/// How long a fold took.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Seconds {
    pub(crate) fit: f64,
    pub(crate) predict: f64,
}

/// A stable text for parameters, with their types.
pub(crate) fn canonical(params: &Params) -> String {
    serde_json::to_string(params).expect("parameters are a map from text to plain values")
}

/// The seed of a trial depends on what it is, not on when or where it runs.
pub(crate) fn trial_seed(study: u64, representation: &str, family: &str, params: &Params) -> u64 {
    let seed = seed::derive_named(study, representation);
    let seed = seed::derive_named(seed, family);
    seed::derive_named(seed, &canonical(params))
}

/// The seed of the model of a fold.
pub(crate) fn fold_seed(trial: u64, fold: usize) -> u64 {
    seed::derive(trial, fold as u64)
}

impl Trial<'_> {
    /// Fits and predicts fold by fold; `None` if the study was stopped before the end. With `models` the
    /// model of every fold is added to it.
    ///
    /// A fit that fails or panics is an outcome, not an error: one bad family must not end a study.
    pub(crate) fn run(
        &self,
        judge: &Judge<'_>,
        stop: &StopToken,
        models: &mut Vec<BoxPredictor>,
    ) -> Option<Outcome> {
        let limited = judge
            .limit
            .and_then(|limit| Instant::now().checked_add(limit));
        let token = limited.map_or_else(|| stop.clone(), |deadline| stop.with_deadline(deadline));
        match self.effort(judge, &token, models) {
            Ok(outcome) => Some(outcome),
            Err(error) if error.kind() == ErrorKind::Stopped && stop.is_stopped() => None,
            Err(error) => {
                models.clear();
                let limit = judge.limit.filter(|_| error.kind() == ErrorKind::Stopped);
                Some(Outcome::Failed(limit.map_or_else(
                    || error.to_string(),
                    |limit| format!("took longer than the limit of {} s", limit.as_secs_f64()),
                )))
            }
        }
    }

    fn effort(
        &self,
        judge: &Judge<'_>,
        stop: &StopToken,
        models: &mut Vec<BoxPredictor>,
    ) -> Result<Outcome> {
        match &self.effort {
            Effort::Folds { bounds } => self.all_folds(judge, bounds.as_deref(), stop, models),
            &Effort::Probe { share } => {
                let fold = &judge.folds[0];
                let part = share_of(fold, judge.target, share, self.seed);
                let (_, scores, _) = self.fold(judge.target, &part, 0, stop)?;
                let truth = judge.target.select(&fold.validation);
                let metric = &judge.metrics[judge.rank_by];
                Ok(Outcome::Probed(
                    metric.evaluate(&truth, scores.view())?.value(),
                ))
            }
        }
    }

    fn all_folds(
        &self,
        judge: &Judge<'_>,
        bounds: Option<&[f64]>,
        stop: &StopToken,
        models: &mut Vec<BoxPredictor>,
    ) -> Result<Outcome> {
        let Judge { target, folds, .. } = judge;
        let mut sums = Array2::<f32>::zeros((target.len(), target.names().len()));
        let mut counts = vec![0_u32; target.len()];
        let mut seconds = Vec::with_capacity(folds.len());
        let mut so_far = 0.0;
        for (number, fold) in folds.iter().enumerate() {
            stop.check()?;
            let (model, scores, took) = self.fold(target, fold, number, stop).map_err(|error| {
                let message = format!("fold {number}: {error}");
                Error::new(error.kind(), message).with_source(error)
            })?;
            for (scored, &row) in scores.rows().into_iter().zip(&fold.validation) {
                let mut sum = sums.row_mut(row);
                sum += &scored;
                counts[row] += 1;
            }
            seconds.push(took);
            models.push(model);
            if let Some(&bound) = bounds.and_then(|bounds| bounds.get(number))
                && number + 1 < folds.len()
            {
                let metric = &judge.metrics[judge.rank_by];
                let truth = target.select(&fold.validation);
                // Where the metric is not defined there is no race: the summary will say why.
                let Some(value) = metric.evaluate(&truth, scores.view())?.value() else {
                    so_far = f64::NAN;
                    continue;
                };
                so_far += value;
                let mean = so_far / (number + 1) as f64;
                let worse = match metric.goal() {
                    Goal::Maximise => mean < bound,
                    Goal::Minimise => mean > bound,
                };
                if worse {
                    models.clear();
                    return Ok(Outcome::Raced {
                        folds: number + 1,
                        mean,
                    });
                }
            }
        }
        for (mut sum, &count) in sums.rows_mut().into_iter().zip(&counts) {
            match count {
                0 => sum.fill(f32::NAN),
                1 => (),
                _ => sum /= count as f32,
            }
        }
        Ok(Outcome::Predicted {
            scores: sums,
            seconds,
        })
    }

    /// The model of a fold, its scores of the rows that the fold holds out, and how long both took. A
    /// panic is an error.
    fn fold(
        &self,
        target: &Target,
        fold: &Fold,
        number: usize,
        stop: &StopToken,
    ) -> Result<(BoxPredictor, Array2<f32>, Seconds)> {
        let run = || {
            let start = Instant::now();
            let model = self.fit_fold(target, fold, number, stop)?;
            let fit = start.elapsed().as_secs_f64();

            let rows = self.table.values().select(Axis(0), &fold.validation);
            let start = Instant::now();
            let scores = predict(&model, rows.view(), target.names())?;
            let predict = start.elapsed().as_secs_f64();
            Ok((model, scores, Seconds { fit, predict }))
        };
        catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            Err(Error::new(ErrorKind::Other, format!("panicked: {text}")))
        })
    }

    /// The model of a fold: the same bits whenever it is fitted.
    pub(crate) fn fit_fold(
        &self,
        target: &Target,
        fold: &Fold,
        number: usize,
        stop: &StopToken,
    ) -> Result<BoxPredictor> {
        let rows = self.table.values().select(Axis(0), &fold.train);
        let target = target.select(&fold.train);
        let train = TrainingSet::new(rows.view(), &target)?.with_stop(stop.clone());
        self.family
            .build(&self.params, fold_seed(self.seed, number))?
            .fit(&train)
    }

    /// The key under which an outcome is kept.
    pub(crate) fn key_of(&self, outcome: &Outcome) -> u64 {
        match (&self.effort, outcome) {
            (Effort::Probe { .. }, _) | (_, Outcome::Raced { .. }) => self.early_key,
            _ => self.key,
        }
    }

    /// The row of the leaderboard for an outcome that is one.
    pub(crate) fn entry(&self, outcome: Outcome, judge: &Judge<'_>) -> Entry {
        let mut entry = Entry {
            key: self.key,
            representation: self.representation.clone(),
            n_columns: self.table.n_columns(),
            family: self.family.name().into(),
            params: self.params.clone(),
            status: Status::Scored,
            scores: vec![],
            times: None,
            out_of_fold: None,
        };
        match outcome {
            Outcome::Failed(reason) => entry.status = Status::Failed(reason),
            Outcome::Raced { folds, mean } => {
                let metric = judge.metrics[judge.rank_by].name();
                entry.status = Status::Stopped(format!(
                    "race: {metric} {mean:.4} over {folds} of {} folds",
                    judge.folds.len()
                ));
            }
            Outcome::Probed(value) => {
                let metric = judge.metrics[judge.rank_by].name();
                let value = value.map_or_else(|| "undefined".into(), |value| format!("{value:.4}"));
                let share = match self.effort {
                    Effort::Probe { share } => share,
                    Effort::Folds { .. } => 1.0,
                };
                entry.status = Status::Stopped(format!(
                    "halving: {metric} {value} after learning from {:.0} % of a fold",
                    100.0 * share
                ));
            }
            Outcome::Predicted { scores, seconds } => match summaries(scores.view(), judge) {
                Ok(summaries) => {
                    let judged: usize = judge.folds.iter().map(|fold| fold.validation.len()).sum();
                    entry.scores = summaries;
                    entry.times = Some(Times::of(&seconds, judged));
                    entry.out_of_fold = judge.keep_predictions.then_some(scores);
                }
                Err(error) => entry.status = Status::Failed(error.to_string()),
            },
        }
        entry
    }
}

/// The fold with a share of its training rows, drawn by groups of equal targets in equal parts.
fn share_of(fold: &Fold, target: &Target, share: f64, seed: u64) -> Fold {
    let mut order: Vec<(u64, usize)> = fold
        .train
        .iter()
        .map(|&row| (seed::derive(seed, row as u64), row))
        .collect();
    order.sort_unstable();
    let Target::Classes(classes) = target else {
        let kept = ((share * order.len() as f64).ceil() as usize).min(order.len());
        let mut train: Vec<usize> = order[..kept].iter().map(|&(_, row)| row).collect();
        train.sort_unstable();
        return Fold {
            train,
            validation: fold.validation.clone(),
        };
    };
    let mut totals = vec![0.0; classes.n_classes()];
    for &row in &fold.train {
        totals[classes.labels()[row] as usize] += 1.0;
    }
    let mut left: Vec<usize> = totals
        .iter()
        .map(|total: &f64| (share * total).ceil() as usize)
        .collect();
    let mut train: Vec<usize> = order
        .into_iter()
        .filter_map(|(_, row)| {
            let left = &mut left[classes.labels()[row] as usize];
            let taken = *left > 0;
            *left -= usize::from(taken);
            taken.then_some(row)
        })
        .collect();
    train.sort_unstable();
    Fold {
        train,
        validation: fold.validation.clone(),
    }
}

/// The scores of a model, once its outputs are known to be the names in their order.
pub(crate) fn predict(
    model: &dyn Predictor,
    rows: ArrayView2<'_, f32>,
    names: &[Arc<str>],
) -> Result<Array2<f32>> {
    if model.outputs() != names {
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "expected a model with the outputs {}, got {}",
                names.join(", "),
                model.outputs().join(", ")
            ),
        ));
    }
    let scores = model.predict_proba(rows)?;
    if scores.dim() != (rows.nrows(), names.len()) {
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "expected {} × {} scores of the model, got {} × {}",
                rows.nrows(),
                names.len(),
                scores.nrows(),
                scores.ncols()
            ),
        ));
    }
    Ok(scores)
}

/// Mean and spread of every metric over the folds.
fn summaries(scores: ArrayView2<'_, f32>, judge: &Judge<'_>) -> Result<Vec<Summary>> {
    let parts: Vec<(Target, Array2<f32>)> = judge
        .folds
        .iter()
        .map(|fold| {
            let rows = &fold.validation;
            (judge.target.select(rows), scores.select(Axis(0), rows))
        })
        .collect();
    judge
        .metrics
        .iter()
        .map(|metric| {
            let mut values = Vec::with_capacity(parts.len());
            for (number, (truth, scores)) in parts.iter().enumerate() {
                let score = metric.evaluate(truth, scores.view()).map_err(|error| {
                    let message = format!("{}, fold {number}: {error}", metric.name());
                    Error::new(error.kind(), message).with_source(error)
                })?;
                match score {
                    Score::Value(value) if value.is_finite() => values.push(value),
                    Score::Value(value) => {
                        return Ok(Summary::Undefined(format!("fold {number}: {value}")));
                    }
                    Score::Undefined(reason) => {
                        return Ok(Summary::Undefined(format!("fold {number}: {reason}")));
                    }
                }
            }
            Ok(Summary::of(values))
        })
        .collect()
}

/// A number that stands for a table: its names, ids, groups and the bits of its values.
pub(crate) fn fingerprint(table: &FeatureTable) -> u64 {
    let hash = [table.columns(), table.ids(), table.groups()]
        .into_iter()
        .fold(0, fingerprint_names);
    table.values().iter().fold(hash, |hash, value| {
        seed::derive(hash, u64::from(value.to_bits()))
    })
}

fn fingerprint_names(hash: u64, names: &[Arc<str>]) -> u64 {
    let hash = seed::derive(hash, names.len() as u64);
    names
        .iter()
        .fold(hash, |hash, name| seed::derive_named(hash, name))
}

/// A number that stands for the truth: its kind, its names and its values.
pub(crate) fn fingerprint_target(target: &Target) -> u64 {
    let hash = fingerprint_names(0, target.names());
    match target {
        Target::Classes(classes) => classes
            .labels()
            .iter()
            .fold(hash, |hash, &label| seed::derive(hash, u64::from(label))),
        Target::Tags(tags) => {
            let hash = seed::derive_named(hash, "tags");
            tags.states().iter().fold(hash, |hash, state| {
                let state = match state {
                    TagState::Negative => 0,
                    TagState::Positive => 1,
                    TagState::Unknown => 2,
                };
                seed::derive(hash, state)
            })
        }
        Target::Values(values) => {
            let hash = seed::derive_named(hash, "values");
            let values = values.values().iter();
            values.fold(hash, |hash, value| seed::derive(hash, value.to_bits()))
        }
        // `Target` may grow; what is not known cannot be studied.
        _ => hash,
    }
}

/// A number that stands for the folds.
pub(crate) fn fingerprint_folds(folds: &[Fold]) -> u64 {
    folds.iter().fold(0, |hash, fold| {
        let hash = seed::derive_named(hash, "train");
        let hash = fold
            .train
            .iter()
            .fold(hash, |hash, &row| seed::derive(hash, row as u64));
        let hash = seed::derive_named(hash, "validation");
        let rows = fold.validation.iter();
        rows.fold(hash, |hash, &row| seed::derive(hash, row as u64))
    })
}
