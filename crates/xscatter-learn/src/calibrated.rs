//! A classifier of any kind that is calibrated on rows it has not seen.
//!
//! Use it where a [`Calibrator`] is wanted and no held-out scores are at hand: it makes folds of the training rows,
//! fits the classifier on all but one and the calibrator on that one. With `ensemble` all these pairs are kept and
//! their probabilities averaged; without, one calibrator is fitted to the scores of all folds, and the classifier
//! once more to all rows, which predicts faster.
//!
//! The folds are stratified and go by the order of the rows: the first rows of each class make the first fold, so
//! that frames taken one after the other stay together as far as may be. Groups of rows are not known here: with
//! near-duplicate rows take a [`Calibrator`] and scores of folds that keep groups whole. Tags are cut into folds
//! in the order of the rows alone. Rows of weight 0 are left out. A class with fewer rows than folds is an error of
//! kind [`DegenerateData`](ErrorKind::DegenerateData). A fit costs as much as the classifier's, once a fold.
//! Source: scikit-learn 1.9.1, `CalibratedClassifierCV` with its default folds.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use xscatter_core::{
    BoxPredictor, Error, ErrorKind, Estimator, Predictor, Result, Target, TrainingSet, Transformer,
};

use crate::calibrate::{Calibrator, FittedCalibrator};
use crate::counted::{Counted, degenerate};
use crate::envelope::{open, read, seal};
use crate::error::{ConfigError, require};
use crate::problem::Missing;

const FORMAT: &str = "xscatter-calibrated";

/// The parameters of [`Calibrated`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CalibrationConfig {
    /// How scores become probabilities.
    pub calibrator: Calibrator,
    /// How many folds, 2 or more.
    pub folds: usize,
    /// Whether the classifiers of all folds are kept and averaged.
    pub ensemble: bool,
}

impl Default for CalibrationConfig {
    /// Sigmoids, five folds, averaged.
    fn default() -> Self {
        Self {
            calibrator: Calibrator::Sigmoid,
            folds: 5,
            ensemble: true,
        }
    }
}

/// A classifier with calibration.
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet};
/// use xscatter_learn::{Calibrated, CalibrationConfig, NearestNeighbours};
///
/// let rows = Array2::from_shape_fn((40, 1), |(row, _)| (row % 20) as f32);
/// let names: Vec<&str> = (0..40).map(|row| if row % 20 < 9 + row % 3 { "a" } else { "b" }).collect();
/// let target = Target::Classes(Classes::from_names(&names));
/// let recipe = Calibrated::new(NearestNeighbours::default(), CalibrationConfig::default())?;
/// let model = recipe.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert!(model.predict_proba(rows.view())?[[0, 0]] > 0.6);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Calibrated<E> {
    recipe: E,
    config: CalibrationConfig,
}

impl<E> Calibrated<E> {
    /// The recipe of a classifier, and how to calibrate it.
    ///
    /// # Errors
    /// [`ConfigError`] unless there are two folds or more.
    pub fn new(recipe: E, config: CalibrationConfig) -> Result<Self, ConfigError> {
        require(config.folds >= 2, "folds", "2 or more", config.folds)?;
        Ok(Self { recipe, config })
    }
}

/// Classifiers with their calibrators.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    try_from = "RawCalibrated<M>",
    bound(deserialize = "M: Deserialize<'de>")
)]
pub struct FittedCalibrated<M> {
    names: Vec<Arc<str>>,
    members: Vec<Member<M>>,
}

#[derive(Deserialize)]
struct RawCalibrated<M> {
    names: Vec<Arc<str>>,
    members: Vec<Member<M>>,
}

impl<M> TryFrom<RawCalibrated<M>> for FittedCalibrated<M> {
    type Error = String;

    fn try_from(RawCalibrated { names, members }: RawCalibrated<M>) -> Result<Self, String> {
        let fits = |member: &Member<M>| member.calibrator.n_outputs() == names.len();
        if members.is_empty() || !members.iter().all(fits) {
            return Err(format!("expected calibrators of {} outputs", names.len()));
        }
        Ok(Self { names, members })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Member<M> {
    model: M,
    calibrator: FittedCalibrator,
}

impl<E> Estimator for Calibrated<E>
where
    E: Estimator,
    E::Fitted: Predictor,
{
    type Fitted = FittedCalibrated<E::Fitted>;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<Self::Fitted> {
        let counted = Counted::new(train, Missing::Allowed)?;
        let target = train.target().select(&counted.places);
        let weights: Vec<f32> = (0..counted.places.len())
            .map(|row| counted.weight(row) as f32)
            .collect();
        let fold_of_row = fold_of_row(&target, self.config.folds)?;
        let part = |chosen: &dyn Fn(usize) -> bool| {
            let places: Vec<usize> = (0..fold_of_row.len()).filter(|&row| chosen(row)).collect();
            Part {
                rows: counted.rows.select(Axis(0), &places),
                target: target.select(&places),
                weights: places.iter().map(|&row| weights[row]).collect(),
                places,
            }
        };
        let fit = |part: &Part| {
            let set = TrainingSet::new(part.rows.view(), &part.target)?;
            self.recipe.fit(
                &set.with_weights(&part.weights)?
                    .with_stop(train.stop().clone()),
            )
        };
        let calibrate = |scores: ArrayView2<'_, f32>, part: &Part| {
            let set = TrainingSet::new(scores, &part.target)?;
            let set = set
                .with_weights(&part.weights)?
                .with_stop(train.stop().clone());
            self.config.calibrator.fit(&set)
        };
        let mut members = Vec::new();
        let mut all_scores = Array2::zeros((fold_of_row.len(), target.names().len()));
        for fold in 0..self.config.folds {
            train.stop().check()?;
            let model = fit(&part(&|row| fold_of_row[row] != fold))?;
            let held_out = part(&|row| fold_of_row[row] == fold);
            let scores = model.predict_proba(held_out.rows.view())?;
            if self.config.ensemble {
                let calibrator = calibrate(scores.view(), &held_out)?;
                members.push(Member { model, calibrator });
            } else {
                for (&row, scores) in held_out.places.iter().zip(scores.rows()) {
                    all_scores.row_mut(row).assign(&scores);
                }
            }
        }
        if !self.config.ensemble {
            let all = part(&|_| true);
            members.push(Member {
                model: fit(&all)?,
                calibrator: calibrate(all_scores.view(), &all)?,
            });
        }
        Ok(FittedCalibrated {
            names: target.names().to_vec(),
            members,
        })
    }
}

/// Some of the rows that count.
struct Part {
    places: Vec<usize>,
    rows: Array2<f32>,
    target: Target,
    weights: Vec<f32>,
}

/// The fold in which each row is held out.
fn fold_of_row(target: &Target, folds: usize) -> Result<Vec<usize>> {
    let n_rows = target.len();
    let Target::Classes(classes) = target else {
        if n_rows < folds {
            return Err(degenerate(format!(
                "expected {folds} rows, one a fold, got {n_rows}"
            )));
        }
        // The first folds are longer by one row, if they do not come out even.
        let lengths = (0..folds).map(|fold| n_rows / folds + usize::from(fold < n_rows % folds));
        return Ok(lengths
            .enumerate()
            .flat_map(|(fold, length)| vec![fold; length])
            .collect());
    };
    let counts = classes.counts();
    let present = counts.iter().filter(|&&count| count > 0).count();
    if present < 2 {
        return Err(degenerate("expected rows of at least two classes, got one"));
    }
    if let Some(class) = counts.iter().position(|&count| count > 0 && count < folds) {
        return Err(degenerate(format!(
            "class {}: expected {folds} rows, one a fold, got {}",
            classes.names()[class],
            counts[class]
        )));
    }
    // Rows sorted by class, in the order in which the classes first occur, are dealt to the folds by turns: that
    // says how many rows of each class a fold gets.
    let mut order: Vec<usize> = Vec::new();
    for &label in classes.labels() {
        if !order.contains(&(label as usize)) {
            order.push(label as usize);
        }
    }
    let mut quotas = vec![vec![0; folds]; counts.len()];
    let mut dealt = 0;
    for class in order {
        for _ in 0..counts[class] {
            quotas[class][dealt % folds] += 1;
            dealt += 1;
        }
    }
    let mut current = vec![0; counts.len()];
    let assigned = classes.labels().iter().map(|&label| {
        let class = label as usize;
        while quotas[class][current[class]] == 0 {
            current[class] += 1;
        }
        quotas[class][current[class]] -= 1;
        current[class]
    });
    Ok(assigned.collect())
}

impl<M: Predictor> Predictor for FittedCalibrated<M> {
    fn outputs(&self) -> &[Arc<str>] {
        &self.names
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let mut sum: Array2<f64> = Array2::zeros((rows.nrows(), self.names.len()));
        for Member { model, calibrator } in &self.members {
            let proba = calibrator.transform(model.predict_proba(rows)?.view())?;
            sum.zip_mut_with(&proba, |sum, &p| *sum += f64::from(p));
        }
        let n = self.members.len() as f64;
        Ok(sum.mapv(|sum| (sum / n) as f32))
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let members = self.members.iter().map(|member| {
            Ok(Member {
                model: member.model.to_bytes()?,
                calibrator: member.calibrator.clone(),
            })
        });
        let kept = FittedCalibrated {
            names: self.names.clone(),
            members: members.collect::<Result<_>>()?,
        };
        seal(FORMAT, &kept)
    }
}

impl FittedCalibrated<BoxPredictor> {
    /// From what [`to_bytes`](Predictor::to_bytes) wrote; `load` reads the classifiers.
    pub(crate) fn from_bytes(
        bytes: &[u8],
        load: impl Fn(&[u8]) -> Result<BoxPredictor>,
    ) -> Result<Self> {
        let kept: FittedCalibrated<Vec<u8>> = read(open(FORMAT, bytes)?)?;
        let members = kept.members.into_iter().map(|member| {
            Ok(Member {
                model: load(&member.model)?,
                calibrator: member.calibrator,
            })
        });
        let members: Vec<Member<BoxPredictor>> = members.collect::<Result<_>>()?;
        if members
            .iter()
            .any(|member| member.model.outputs() != kept.names)
        {
            return Err(Error::new(
                ErrorKind::Malformed,
                "expected classifiers and calibrators of the same outputs, got others",
            ));
        }
        Ok(Self {
            names: kept.names,
            members,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xscatter_core::Classes;

    #[test]
    fn folds_are_stratified_and_go_by_the_order_of_rows() {
        // StratifiedKFold(3) of scikit-learn 1.9.1.
        let labels = vec![1, 0, 0, 1, 2, 2, 0, 2, 1, 0, 1];
        let names = ["a", "b", "c", "d"].map(Into::into).to_vec();
        let target = Target::Classes(Classes::new(names, labels).unwrap());
        let expected = [0, 0, 1, 0, 0, 1, 1, 2, 1, 2, 2];
        assert_eq!(fold_of_row(&target, 3).unwrap(), expected);
        let error = fold_of_row(&target, 4).unwrap_err();
        assert!(error.message().starts_with("class c"), "{error}");
    }
}
