//! Any classifier for tags: one yes-or-no model for each.
//!
//! Use it to give tags to a classifier that knows classes alone (forests, logistic regression). Support
//! vector machines know tags themselves and share their kernel among them.
//!
//! A tag is learned from the rows for which it is known. A tag that all of them have, or none, has that
//! probability for any row; a tag that is unknown for all rows of positive weight is an error of kind
//! [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData). A fit costs as much as the classifier's,
//! once for each tag.

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{
    Classes, Error, ErrorKind, Estimator, Predictor, Result, TagState, Target, TrainingSet,
};

/// A classifier, once for each tag.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Estimator, Predictor, TagState, Tags, Target, TrainingSet};
/// use xscatter_learn::{LogisticRegression, OneVsRest};
/// use TagState::{Negative, Positive, Unknown};
///
/// let rows = array![[0.0_f32], [1.0], [2.0], [3.0]];
/// let states = array![[Negative, Positive], [Negative, Unknown], [Positive, Positive], [Positive, Negative]];
/// let target = Target::Tags(Tags::new(vec!["ring".into(), "halo".into()], states)?);
/// let tagger = OneVsRest(LogisticRegression::default());
/// let model = tagger.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert!(model.predict_proba(rows.view())?[[3, 0]] > 0.5);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct OneVsRest<E>(pub E);

/// The models of a [`OneVsRest`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedOneVsRest<M> {
    names: Vec<Arc<str>>,
    n_features: usize,
    tags: Vec<Tag<M>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Tag<M> {
    /// All training rows had it, or none.
    Always(bool),
    /// The probability of its second class.
    Learned(M),
}

impl<E> Estimator for OneVsRest<E>
where
    E: Estimator,
    E::Fitted: Predictor,
{
    type Fitted = FittedOneVsRest<E::Fitted>;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<Self::Fitted> {
        train.stop().check()?;
        let Target::Tags(tags) = train.target() else {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "expected a target of tags, got another one",
            ));
        };
        let columns = tags.states().columns().into_iter().zip(tags.names());
        let learned = columns
            .map(|(states, name)| {
                let weight = |row: usize| train.weights().map_or(1.0, |weights| weights[row]);
                let known: Vec<usize> = (0..states.len())
                    .filter(|&row| states[row] != TagState::Unknown && weight(row) > 0.0)
                    .collect();
                let labels: Vec<u32> = known
                    .iter()
                    .map(|&row| u32::from(states[row] == TagState::Positive))
                    .collect();
                let Some(&first) = labels.first() else {
                    return Err(Error::new(
                        ErrorKind::DegenerateData,
                        format!("tag {name}: expected rows for which it is known, got none"),
                    ));
                };
                if labels.iter().all(|&label| label == first) {
                    return Ok(Tag::Always(first == 1));
                }
                let names = ["negative", "positive"].map(Into::into).to_vec();
                let target = Target::Classes(Classes::new(names, labels)?);
                let rows = train.rows().select(Axis(0), &known);
                let weights: Vec<f32> = known.iter().map(|&row| weight(row)).collect();
                let set = TrainingSet::new(rows.view(), &target)?
                    .with_weights(&weights)?
                    .with_stop(train.stop().clone());
                Ok(Tag::Learned(self.0.fit(&set)?))
            })
            .collect::<Result<Vec<_>>>()?;
        if !learned.iter().any(|tag| matches!(tag, Tag::Learned(_))) {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                "expected a tag with both positive and negative rows, got none",
            ));
        }
        Ok(FittedOneVsRest {
            names: tags.names().to_vec(),
            n_features: train.rows().ncols(),
            tags: learned,
        })
    }
}

impl<M: Predictor> Predictor for FittedOneVsRest<M> {
    fn outputs(&self) -> &[Arc<str>] {
        &self.names
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.n_features)?;
        let columns: Vec<Result<Vec<f32>>> = self
            .tags
            .par_iter()
            .map(|tag| match tag {
                Tag::Always(yes) => Ok(vec![f32::from(u8::from(*yes)); rows.nrows()]),
                Tag::Learned(model) => Ok(model.predict_proba(rows)?.column(1).to_vec()),
            })
            .collect();
        let mut proba = Array2::zeros((rows.nrows(), self.tags.len()));
        for (mut column, values) in proba.columns_mut().into_iter().zip(columns) {
            column.assign(&Array1::from(values?));
        }
        Ok(proba)
    }
}
