//! What every classifier does before it learns and after it has scored: checks, weights, classes.

use std::sync::Arc;

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, CowArray, Ix2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Result, TrainingSet};

/// How much the rows of a class weigh together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeight {
    /// A class weighs as much as its rows do.
    #[default]
    Uniform,
    /// All classes weigh alike: each row's weight is multiplied by Σw / (classes · Σw of its class).
    Balanced,
}

/// Whether a learner can use rows with missing features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// `NaN` is a value of its own.
    Allowed,
    /// Every feature must be finite.
    Refused,
}

/// The part of a training set that counts: rows of positive weight, classes that occur.
#[derive(Debug)]
pub(crate) struct Problem<'a> {
    /// Rows × features, row after row in memory.
    pub(crate) rows: CowArray<'a, f32, Ix2>,
    /// For each row the position of its class among those that occur.
    pub(crate) labels: Vec<u32>,
    /// For each row its weight, above 0, with the weight of its class.
    pub(crate) weights: Vec<f64>,
    /// The classes.
    pub(crate) classes: ClassMap,
}

impl<'a> Problem<'a> {
    /// Drops rows of weight 0, so that they cannot influence anything.
    pub(crate) fn new(
        train: &TrainingSet<'a>,
        class_weight: ClassWeight,
        missing: Missing,
    ) -> Result<Self> {
        train.stop().check()?;
        let target = train.target().classes()?;
        if train.rows().ncols() == 0 {
            return Err(degenerate("expected at least one feature, got none"));
        }
        let kept: Option<Vec<usize>> = train.weights().and_then(|weights| {
            let kept = |row: &usize| weights[*row] > 0.0;
            let all = (0..weights.len()).all(|row| kept(&row));
            (!all).then(|| (0..weights.len()).filter(kept).collect())
        });
        let (rows, labels) = match &kept {
            None => (CowArray::from(train.rows()), target.labels().to_vec()),
            Some(kept) => (
                CowArray::from(train.rows().select(Axis(0), kept)),
                kept.iter().map(|&row| target.labels()[row]).collect(),
            ),
        };
        let mut weights: Vec<f64> = match (train.weights(), &kept) {
            (None, _) => vec![1.0; labels.len()],
            (Some(weights), None) => weights.iter().map(|&weight| weight.into()).collect(),
            (Some(weights), Some(kept)) => kept.iter().map(|&row| weights[row].into()).collect(),
        };
        if missing == Missing::Refused {
            check_finite(rows.view())?;
        }
        let (classes, labels) = ClassMap::of(target.names(), &labels)?;
        if class_weight == ClassWeight::Balanced {
            let mut of_class = vec![0.0; classes.len()];
            for (&label, weight) in labels.iter().zip(&weights) {
                of_class[label as usize] += weight;
            }
            let mean = of_class.iter().sum::<f64>() / of_class.len() as f64;
            for (&label, weight) in labels.iter().zip(&mut weights) {
                *weight *= mean / of_class[label as usize];
            }
        }
        Ok(Self {
            rows: into_standard(rows),
            labels,
            weights,
            classes,
        })
    }

    /// The features of all rows, one row after the other.
    pub(crate) fn flat(&self) -> &[f32] {
        self.rows
            .as_slice()
            .expect("the rows were put in standard layout")
    }
}

fn into_standard(rows: CowArray<'_, f32, Ix2>) -> CowArray<'_, f32, Ix2> {
    if rows.is_standard_layout() {
        return rows;
    }
    CowArray::from(rows.as_standard_layout().into_owned())
}

fn degenerate(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::DegenerateData, message)
}

/// The error that names the first feature that is not finite.
pub(crate) fn check_finite(rows: ArrayView2<'_, f32>) -> Result<()> {
    match first_without(rows, f32::is_finite) {
        None => Ok(()),
        Some((row, column)) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "row {row}, feature {column}: expected a finite value, got {}",
                rows[[row, column]]
            ),
        )),
    }
}

/// Row and column of the first value that is not `right`.
pub(crate) fn first_without(
    rows: ArrayView2<'_, f32>,
    right: impl Fn(f32) -> bool,
) -> Option<(usize, usize)> {
    // Without a way out of the inner loop, so that it becomes vector instructions.
    let all = |row: &ArrayView1<'_, f32>| row.iter().fold(true, |all, &value| all & right(value));
    let mut rows = rows.rows().into_iter().enumerate();
    let (place, row) = rows.find(|(_, row)| !all(row))?;
    let column = row.iter().position(|&value| !right(value))?;
    Some((place, column))
}

/// All class names of the target, and which of them occur in the training rows.
///
/// A model learns the classes that occur; the others get a probability of 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawClassMap")]
pub(crate) struct ClassMap {
    names: Vec<Arc<str>>,
    present: Vec<u32>,
}

#[derive(Deserialize)]
struct RawClassMap {
    names: Vec<Arc<str>>,
    present: Vec<u32>,
}

impl TryFrom<RawClassMap> for ClassMap {
    type Error = String;

    fn try_from(RawClassMap { names, present }: RawClassMap) -> Result<Self, String> {
        let ascends = present.windows(2).all(|pair| pair[0] < pair[1]);
        let named = present.iter().all(|&class| (class as usize) < names.len());
        if present.len() < 2 || !ascends || !named {
            return Err(format!(
                "expected at least two ascending classes below {}, got {present:?}",
                names.len()
            ));
        }
        Ok(Self { names, present })
    }
}

impl ClassMap {
    /// The classes that occur among the labels, and the labels as positions among them.
    pub(crate) fn of(names: &[Arc<str>], labels: &[u32]) -> Result<(Self, Vec<u32>)> {
        let mut position = vec![u32::MAX; names.len()];
        for &label in labels {
            position[label as usize] = 0;
        }
        let mut present = Vec::new();
        for (class, position) in position.iter_mut().enumerate() {
            if *position == 0 {
                *position = present.len() as u32;
                present.push(class as u32);
            }
        }
        if present.len() < 2 {
            let found = present
                .first()
                .map_or("none", |&class| &*names[class as usize]);
            return Err(degenerate(format!(
                "expected rows of at least two classes, got {found} alone"
            )));
        }
        let labels = labels
            .iter()
            .map(|&label| position[label as usize])
            .collect();
        let names = names.to_vec();
        Ok((Self { names, present }, labels))
    }

    /// How many classes occur.
    pub(crate) fn len(&self) -> usize {
        self.present.len()
    }

    /// The classes that occur, as positions among all names.
    pub(crate) fn present(&self) -> &[u32] {
        &self.present
    }

    /// All class names.
    pub(crate) fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The names of the classes that occur.
    pub(crate) fn present_names(&self) -> Vec<Arc<str>> {
        let name = |&class: &u32| Arc::clone(&self.names[class as usize]);
        self.present.iter().map(name).collect()
    }

    /// Rows × all classes; `score` adds to the scores of the classes that occur, for a block of rows.
    ///
    /// The scores of a row are divided by their sum. So many rows make a block; no result depends on it.
    pub(crate) fn predict(
        &self,
        rows: ArrayView2<'_, f32>,
        block: usize,
        score: impl Fn(&[f32], &mut [f64]) -> Result<()> + Sync,
    ) -> Result<Array2<f32>> {
        let mut proba = Array2::zeros((rows.nrows(), self.names.len()));
        let width = rows.ncols();
        let rows = rows.as_standard_layout();
        let rows = rows.as_slice().expect("the rows are in standard layout");
        proba
            .as_slice_mut()
            .expect("a new array is in standard layout")
            .par_chunks_mut(block * self.names.len())
            .zip(rows.par_chunks(block * width))
            .map(|(proba, rows)| {
                let mut scores = vec![0.0; rows.len() / width * self.len()];
                score(rows, &mut scores)?;
                let scores = scores.chunks_exact(self.len());
                for (out, scores) in proba.chunks_exact_mut(self.names.len()).zip(scores) {
                    let total: f64 = scores.iter().sum();
                    for (&class, score) in self.present.iter().zip(scores) {
                        out[class as usize] = (score / total) as f32;
                    }
                }
                Ok(())
            })
            .collect::<Result<()>>()?;
        Ok(proba)
    }
}

/// Probabilities from scores: softmax, or, for a single score, the logistic function of it and of its
/// negative, the second class being the one that the score speaks for.
pub(crate) fn probabilities(scores: &[f64], proba: &mut [f64]) {
    if let [score] = scores {
        // The smaller of the two is computed without cancellation.
        let small = (-score.abs()).exp() / (1.0 + (-score.abs()).exp());
        let large = 1.0 - small;
        let second = if *score < 0.0 { small } else { large };
        let first = if *score < 0.0 { large } else { small };
        proba.copy_from_slice(&[first, second]);
        return;
    }
    let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut total = 0.0;
    for (proba, score) in proba.iter_mut().zip(scores) {
        *proba = (score - highest).exp();
        total += *proba;
    }
    for proba in proba {
        *proba /= total;
    }
}

/// How many scores tell so many classes apart: one for two classes, else one for each.
pub(crate) fn n_scores(n_classes: usize) -> usize {
    if n_classes == 2 { 1 } else { n_classes }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use xscatter_core::{Classes, Target};

    fn target() -> Target {
        let names = ["a", "b", "c", "d"].map(Into::into).to_vec();
        Target::Classes(Classes::new(names, vec![3, 1, 3, 3]).unwrap())
    }

    #[test]
    fn rows_without_weight_and_classes_without_rows_drop_out() {
        let rows = array![[1.0_f32], [2.0], [f32::NAN], [4.0]];
        let target = target();
        let weights = [2.0, 1.0, 0.0, 1.0];
        let train = TrainingSet::new(rows.view(), &target)
            .unwrap()
            .with_weights(&weights)
            .unwrap();
        let problem = Problem::new(&train, ClassWeight::Balanced, Missing::Refused).unwrap();
        assert_eq!(problem.flat(), [1.0, 2.0, 4.0]);
        assert_eq!(problem.labels, [1, 0, 1]);
        // Both classes weigh 2 in the end.
        assert_eq!(problem.weights, [2.0 * 2.0 / 3.0, 2.0, 2.0 / 3.0]);
        let proba = problem
            .classes
            .predict(rows.view(), 4, |_, scores| {
                scores.copy_from_slice(&[1.0, 3.0].repeat(4));
                Ok(())
            })
            .unwrap();
        assert_eq!(proba.row(0).to_vec(), [0.0, 0.25, 0.0, 0.75]);
    }

    #[test]
    fn a_missing_feature_is_named() {
        let rows = array![[1.0_f32], [2.0], [f32::NAN], [4.0]];
        let target = target();
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let error = Problem::new(&train, ClassWeight::Uniform, Missing::Refused).unwrap_err();
        assert_eq!(
            error.message(),
            "row 2, feature 0: expected a finite value, got NaN"
        );
    }

    #[test]
    fn one_class_is_degenerate() {
        let rows = array![[1.0_f32], [2.0], [3.0], [4.0]];
        let target = target();
        let weights = [1.0, 0.0, 1.0, 1.0];
        let train = TrainingSet::new(rows.view(), &target)
            .unwrap()
            .with_weights(&weights)
            .unwrap();
        let error = Problem::new(&train, ClassWeight::Uniform, Missing::Allowed).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
        assert!(error.message().ends_with("got d alone"), "{error}");
    }

    #[test]
    fn probabilities_survive_extreme_scores() {
        let mut two = [0.0; 2];
        probabilities(&[-800.0], &mut two);
        assert_eq!(two, [1.0, 0.0]);
        let mut three = [0.0; 3];
        probabilities(&[1e300, 1e300, -1e300], &mut three);
        assert_eq!(three, [0.5, 0.5, 0.0]);
    }
}
