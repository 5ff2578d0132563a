//! Stacking: a model that learns what to make of the scores of other models.
//!
//! Each row is what the members say of it, outputs of all members side by side; a family of models
//! learns the truth from that (Wolpert 1992, doi:10.1016/S0893-6080(05)80023-1). It learns from
//! out-of-fold scores alone, so it sees how far each member can be trusted on rows it has not seen. Its
//! own out-of-fold scores come from fits on the other folds' rows, with the folds of the study: no row
//! and, if the folds keep groups whole, no group judges what it has trained.
//!
//! Use it with few members and a plain model (logistic regression) where one member is right on some
//! classes and another on others; the weighted mean of an [`Ensemble`](crate::Ensemble) does as well
//! almost everywhere else and needs no fit. The members' scores of the other folds come from fits that
//! have seen this fold, so its own score is a little too good, as with any stacking: judge it on rows
//! held out from the study. Rows that no fold judges (time series) have no scores and take no part.
//!
//! Cost: one fit a fold and one on all rows, each of rows × (members × outputs).

use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::{
    BoxPredictor, Error, ErrorKind, Family, Metric, Params, Result, Score, StopToken, Target,
    TrainingSet, seed,
};

use crate::split::{Fold, judged_rows};
use crate::temperature::Outputs;

/// What the stacked model is given of its members' scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StackInputs {
    /// `ln p`, less its mean over the classes of the member, or `ln (p / (1 − p))` for a tag; `p` is
    /// kept within 10⁻⁶ of 0 and 1. For linear models.
    #[default]
    LogOdds,
    /// The scores as they are. For trees, and for values.
    Scores,
}

/// How a stack is fitted.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StackConfig {
    /// The parameters of the family; those left out have their defaults.
    pub params: Params,
    /// What the model is given.
    pub inputs: StackInputs,
    /// The seed of all fits.
    pub seed: u64,
}

/// A model of the scores of other models.
#[allow(missing_debug_implementations, reason = "models need not be Debug")]
pub struct Stacking {
    /// What the model is given.
    pub inputs: StackInputs,
    /// What the outputs are to each other; `None` for values.
    pub outputs: Option<Outputs>,
    /// How many members' scores it needs.
    pub n_members: usize,
    /// The model, fitted to all rows that some fold judges.
    pub model: BoxPredictor,
    /// The rows for which there are out-of-fold scores of the stack, ascending.
    pub rows: Vec<usize>,
    /// The out-of-fold scores of the stack on those rows.
    pub out_of_fold: Array2<f32>,
    /// The metric on them.
    pub score: Score,
}

const NEAREST: f64 = 1e-6;

impl Stacking {
    /// Fits a model of this family to the members' out-of-fold scores, each of all rows of the truth.
    ///
    /// # Errors
    /// If there is no member, sizes differ, log-odds are asked for of values, the folds leave no row to
    /// learn from or judge rows beyond the end, the parameters are out of range, a fit fails or is
    /// stopped, or the metric fails.
    pub fn fit(
        config: &StackConfig,
        family: &dyn Family,
        members: &[ArrayView2<'_, f32>],
        truth: &Target,
        folds: &[Fold],
        metric: &dyn Metric,
        stop: &StopToken,
    ) -> Result<Self> {
        let n_outputs = truth.names().len();
        check_shape(members, (truth.len(), n_outputs))?;
        let outputs = match truth {
            Target::Classes(_) => Some(Outputs::Classes),
            Target::Tags(_) => Some(Outputs::Tags),
            _ => None,
        };
        let all = side_by_side(config.inputs, outputs, members)?;
        let judged = judged_rows(folds);
        if judged.last().is_some_and(|&last| last >= truth.len()) {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!("expected folds of {} rows, got {judged:?}", truth.len()),
            ));
        }
        let learn = |rows: &[usize], seed: u64| {
            let (inputs, target) = (all.select(Axis(0), rows), truth.select(rows));
            let train = TrainingSet::new(inputs.view(), &target)?.with_stop(stop.clone());
            family.build(&config.params, seed)?.fit(&train)
        };
        let of_fold = |(number, fold): (usize, &Fold)| {
            let mut train = fold.train.clone();
            train.retain(|row| judged.binary_search(row).is_ok());
            // Before the first fold of a time series nothing has scores.
            if train.is_empty() {
                return Ok(None);
            }
            let model = learn(&train, seed::derive(config.seed, number as u64))?;
            let inputs = all.select(Axis(0), &fold.validation);
            let scores = model.predict_proba(inputs.view())?;
            check_shape(&[scores.view()], (fold.validation.len(), n_outputs))?;
            Ok(Some(scores))
        };
        let of_folds: Vec<Option<Array2<f32>>> = folds
            .par_iter()
            .enumerate()
            .map(|(number, fold)| {
                of_fold((number, fold)).map_err(|error: Error| {
                    let message = format!("fold {number}: {error}");
                    Error::new(error.kind(), message).with_source(error)
                })
            })
            .collect::<Result<_>>()?;
        // A row that several folds judge has the mean of what they say.
        let mut sums = Array2::<f64>::zeros((truth.len(), n_outputs));
        let mut times = vec![0_u32; truth.len()];
        for (fold, scores) in folds.iter().zip(&of_folds) {
            let Some(scores) = scores else { continue };
            for (&row, scores) in fold.validation.iter().zip(scores.rows()) {
                times[row] += 1;
                let mut sum = sums.row_mut(row);
                sum += &scores.mapv(f64::from);
            }
        }
        let rows: Vec<usize> = (0..truth.len()).filter(|&row| times[row] > 0).collect();
        if rows.is_empty() {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                "expected a fold that learns from rows which another one judges, found none",
            ));
        }
        let out_of_fold = Array2::from_shape_fn((rows.len(), n_outputs), |(place, output)| {
            let row = rows[place];
            (sums[[row, output]] / f64::from(times[row])) as f32
        });
        Ok(Self {
            inputs: config.inputs,
            outputs,
            n_members: members.len(),
            model: learn(&judged, config.seed)?,
            score: metric.evaluate(&truth.select(&rows), out_of_fold.view())?,
            rows,
            out_of_fold,
        })
    }

    /// What the stack makes of the scores of its members, in the order in which it was fitted to them.
    ///
    /// # Errors
    /// If there is not one array of scores a member, all of one shape, or the model fails.
    pub fn combine(&self, scores: &[Array2<f32>]) -> Result<Array2<f32>> {
        let views: Vec<ArrayView2<'_, f32>> = scores.iter().map(|scores| scores.view()).collect();
        if views.len() != self.n_members {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected the scores of {} members, got {}",
                    self.n_members,
                    views.len()
                ),
            ));
        }
        let rows = views.first().map_or(0, ArrayView2::nrows);
        check_shape(&views, (rows, self.model.outputs().len()))?;
        let inputs = side_by_side(self.inputs, self.outputs, &views)?;
        self.model.predict_proba(inputs.view())
    }
}

/// Rows × (members × outputs).
pub(crate) fn side_by_side(
    inputs: StackInputs,
    outputs: Option<Outputs>,
    members: &[ArrayView2<'_, f32>],
) -> Result<Array2<f32>> {
    let mut all = concatenate(Axis(1), members).map_err(|_| {
        Error::new(
            ErrorKind::InvalidArgument,
            "expected a member of the stack, got none",
        )
    })?;
    if inputs == StackInputs::Scores {
        return Ok(all);
    }
    let kept = |p: f32| f64::from(p).clamp(NEAREST, 1.0 - NEAREST);
    match outputs {
        Some(Outputs::Tags) => all.mapv_inplace(|p| {
            let p = kept(p);
            (p / (1.0 - p)).ln() as f32
        }),
        Some(Outputs::Classes) => {
            let n = all.ncols() / members.len();
            for mut row in all.rows_mut() {
                for mut of_member in row.exact_chunks_mut(n) {
                    let mean = of_member.iter().map(|&p| kept(p).ln()).sum::<f64>() / n as f64;
                    of_member.mapv_inplace(|p| (kept(p).ln() - mean) as f32);
                }
            }
        }
        None => {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "expected a target of classes or tags for log-odds, got values",
            ));
        }
    }
    Ok(all)
}

fn check_shape(members: &[ArrayView2<'_, f32>], expected: (usize, usize)) -> Result<()> {
    match members.iter().find(|scores| scores.dim() != expected) {
        Some(odd) => Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!("expected scores of {expected:?}, got {:?}", odd.dim()),
        )),
        None => Ok(()),
    }
}
