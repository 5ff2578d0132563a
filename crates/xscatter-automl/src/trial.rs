//! One trial: a family with its parameters on one representation, fitted and judged on every fold.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use ndarray::{Array2, ArrayView2, Axis};
use xscatter_core::{
    Classes, Error, ErrorKind, Family, FeatureTable, Metric, Params, Predictor, Result, Score,
    StopToken, Target, TrainingSet, seed,
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
    /// Names the trial and all that its predictions depend on.
    pub(crate) key: u64,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Outcome {
    Predicted {
        /// Rows × classes: each row as the model of the fold that it was held out from sees it.
        scores: Array2<f32>,
        /// Seconds to fit and seconds to predict, a pair a fold.
        seconds: Vec<(f64, f64)>,
    },
    Failed(String),
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

impl Trial<'_> {
    /// Fits and predicts fold by fold; `None` if it was stopped before the end.
    ///
    /// A fit that fails or panics is an outcome, not an error: one bad family must not end a study.
    pub(crate) fn run(&self, target: &Target, folds: &[Fold], stop: &StopToken) -> Option<Outcome> {
        let mut scores = Array2::zeros((target.len(), target.names().len()));
        let mut seconds = Vec::with_capacity(folds.len());
        for (number, fold) in folds.iter().enumerate() {
            if stop.is_stopped() {
                return None;
            }
            let run = || self.run_fold(target, fold, number, stop);
            let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
                let text = panic
                    .downcast_ref::<String>()
                    .map(String::as_str)
                    .or_else(|| panic.downcast_ref::<&str>().copied())
                    .unwrap_or("no message");
                Err(Error::new(ErrorKind::Other, format!("panicked: {text}")))
            });
            match result {
                Ok((fold_scores, fit_s, predict_s)) => {
                    for (scored, &row) in fold_scores.rows().into_iter().zip(&fold.validation) {
                        scores.row_mut(row).assign(&scored);
                    }
                    seconds.push((fit_s, predict_s));
                }
                Err(error) if error.kind() == ErrorKind::Stopped && stop.is_stopped() => {
                    return None;
                }
                Err(error) => return Some(Outcome::Failed(format!("fold {number}: {error}"))),
            }
        }
        Some(Outcome::Predicted { scores, seconds })
    }

    fn run_fold(
        &self,
        target: &Target,
        fold: &Fold,
        number: usize,
        stop: &StopToken,
    ) -> Result<(Array2<f32>, f64, f64)> {
        let values = self.table.values();
        let rows = values.select(Axis(0), &fold.train);
        let train_target = target.select(&fold.train);
        let train = TrainingSet::new(rows.view(), &train_target)?.with_stop(stop.clone());
        let seed = seed::derive(self.seed, number as u64);

        let start = Instant::now();
        let model = self.family.build(&self.params, seed)?.fit(&train)?;
        let fit_s = start.elapsed().as_secs_f64();

        let rows = values.select(Axis(0), &fold.validation);
        let start = Instant::now();
        let scores = predict(&model, rows.view(), target.names())?;
        Ok((scores, fit_s, start.elapsed().as_secs_f64()))
    }

    /// The row of the leaderboard for this outcome.
    pub(crate) fn entry(
        &self,
        outcome: Outcome,
        target: &Target,
        folds: &[Fold],
        metrics: &[Box<dyn Metric>],
        keep_predictions: bool,
    ) -> Entry {
        let (status, scores, times, out_of_fold) = match outcome {
            Outcome::Failed(reason) => (Status::Failed(reason), vec![], None, None),
            Outcome::Predicted { scores, seconds } => {
                match summaries(scores.view(), target, folds, metrics) {
                    Ok(summaries) => {
                        let times = Times::of(&seconds, target.len());
                        let kept = keep_predictions.then_some(scores);
                        (Status::Scored, summaries, Some(times), kept)
                    }
                    Err(error) => (Status::Failed(error.to_string()), vec![], None, None),
                }
            }
        };
        Entry {
            representation: self.representation.clone(),
            n_columns: self.table.n_columns(),
            family: self.family.name().into(),
            params: self.params.clone(),
            status,
            scores,
            times,
            out_of_fold,
        }
    }
}

/// The scores of a model, once its outputs are known to be the classes in their order.
fn predict(
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
fn summaries(
    scores: ArrayView2<'_, f32>,
    target: &Target,
    folds: &[Fold],
    metrics: &[Box<dyn Metric>],
) -> Result<Vec<Summary>> {
    let parts: Vec<(Target, Array2<f32>)> = folds
        .iter()
        .map(|fold| {
            let rows = &fold.validation;
            (target.select(rows), scores.select(Axis(0), rows))
        })
        .collect();
    metrics
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
    let names = [table.columns(), table.ids(), table.groups()];
    let hash = names.iter().fold(0, |hash, names| {
        let hash = seed::derive(hash, names.len() as u64);
        names
            .iter()
            .fold(hash, |hash, name| seed::derive_named(hash, name))
    });
    table.values().iter().fold(hash, |hash, value| {
        seed::derive(hash, u64::from(value.to_bits()))
    })
}

/// A number that stands for the truth: the class names and the labels.
pub(crate) fn fingerprint_classes(classes: &Classes) -> u64 {
    let names = classes.names().iter();
    let hash = names.fold(0, |hash, name| seed::derive_named(hash, name));
    let labels = classes.labels().iter();
    labels.fold(hash, |hash, &label| seed::derive(hash, u64::from(label)))
}
