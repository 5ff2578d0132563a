//! Learning from rows: unfitted recipes, fitted models, and the chain that cannot leak.
//!
//! The recipe ([`Estimator`]) and the result of fitting it are two types, so *not fitted* cannot be
//! expressed. [`Then`] fits its second part on what its first part made of the training rows alone.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};

use crate::error::{Error, ErrorKind, Result};
use crate::stop::StopToken;
use crate::target::Target;

/// The rows to learn from, with their targets.
#[derive(Debug, Clone)]
pub struct TrainingSet<'a> {
    rows: ArrayView2<'a, f32>,
    target: &'a Target,
    weights: Option<&'a [f32]>,
    stop: StopToken,
}

impl<'a> TrainingSet<'a> {
    /// Rows (samples × features) and the target of every row.
    ///
    /// # Errors
    /// [`ErrorKind::ShapeMismatch`] if the numbers of rows differ, [`ErrorKind::DegenerateData`] if
    /// there is none.
    pub fn new(rows: ArrayView2<'a, f32>, target: &'a Target) -> Result<Self> {
        if rows.nrows() != target.len() {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected a target for each of {} rows, got {}",
                    rows.nrows(),
                    target.len()
                ),
            ));
        }
        if rows.nrows() == 0 {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                "expected training rows, got none",
            ));
        }
        Ok(Self {
            rows,
            target,
            weights: None,
            stop: StopToken::new(),
        })
    }

    /// Weighs each row; weights are finite and not negative.
    ///
    /// # Errors
    /// If the number of weights differs from that of the rows, or a weight is negative or not finite.
    pub fn with_weights(mut self, weights: &'a [f32]) -> Result<Self> {
        if weights.len() != self.rows.nrows() {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected {} row weights, got {}",
                    self.rows.nrows(),
                    weights.len()
                ),
            ));
        }
        if let Some(row) = weights
            .iter()
            .position(|weight| !(weight.is_finite() && *weight >= 0.0))
        {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "row {row}: expected a weight of 0 or more, got {}",
                    weights[row]
                ),
            ));
        }
        self.weights = Some(weights);
        Ok(self)
    }

    /// Sets the token that can end the fit.
    pub fn with_stop(mut self, stop: StopToken) -> Self {
        self.stop = stop;
        self
    }

    /// Samples × features.
    pub fn rows(&self) -> ArrayView2<'a, f32> {
        self.rows
    }

    /// The target of every row.
    pub fn target(&self) -> &'a Target {
        self.target
    }

    /// The weight of every row; `None` weighs all alike.
    pub fn weights(&self) -> Option<&'a [f32]> {
        self.weights
    }

    /// The token that can end the fit; a long fit checks it from time to time.
    pub fn stop(&self) -> &StopToken {
        &self.stop
    }

    /// The same targets, weights and token with other features for the same rows.
    ///
    /// # Errors
    /// If the number of rows differs.
    pub fn with_rows<'b>(&'b self, rows: ArrayView2<'b, f32>) -> Result<TrainingSet<'b>> {
        let set = TrainingSet::new(rows, self.target)?.with_stop(self.stop.clone());
        Ok(TrainingSet {
            weights: self.weights,
            ..set
        })
    }
}

/// A recipe that can be fitted: a scaler, a projection, a classifier with its parameters.
///
/// # Contract
/// Fitting twice gives the same result; a stop token that is set ends the fit with
/// [`ErrorKind::Stopped`]; data on which the recipe is not defined (one class, no variance) give an
/// error of kind [`ErrorKind::DegenerateData`], never a panic. `xscatter-testkit` checks all of it
/// (`check_estimator`).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an estimator",
    note = "implement `Estimator` for the unfitted recipe and `Predictor` or `Transformer` for what it becomes"
)]
pub trait Estimator: Send + Sync {
    /// What fitting gives: a [`Transformer`], a [`Predictor`] or both.
    type Fitted;

    /// Learns from the rows.
    ///
    /// # Errors
    /// If the data are degenerate for this recipe, the fit fails or was asked to stop.
    fn fit(&self, train: &TrainingSet<'_>) -> Result<Self::Fitted>;

    /// This recipe and, on what it makes of the training rows, another one.
    fn then<E: Estimator>(self, next: E) -> Then<Self, E>
    where
        Self: Sized,
        Self::Fitted: Transformer,
    {
        Then {
            first: self,
            second: next,
        }
    }

    /// This recipe as the one type that a search engine handles.
    fn boxed(self) -> BoxEstimator
    where
        Self: Sized + 'static,
        Self::Fitted: Predictor + 'static,
    {
        Box::new(Erased(self))
    }
}

/// A fitted map from rows to rows: a scaler, a projection, an embedding.
pub trait Transformer: Send + Sync {
    /// Transforms rows (samples × features); one row out for each row in.
    ///
    /// # Errors
    /// If the number of features differs from that of the fit.
    fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>>;
}

/// A fitted model that gives one score an output.
///
/// # Contract
/// A row's scores depend on that row alone. The outputs are the names of the training target, in
/// their order, those without a training row included. For classes the scores are probabilities: within
/// `[0, 1]` and with a sum of 1; for tags each is a probability of its own. A row with `NaN` (missing)
/// gives an error or valid scores, never `NaN`.
pub trait Predictor: Send + Sync {
    /// The names of the outputs: classes, tags or values.
    fn outputs(&self) -> &[Arc<str>];

    /// Samples × outputs for rows (samples × features).
    ///
    /// # Errors
    /// If the number of features differs from that of the fit.
    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>>;

    /// The model as bytes that the [`load`](crate::search::Family::load) of its family reads back, to
    /// predict bit by bit what it does now.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] unless the model has a form that outlives the process.
    fn to_bytes(&self) -> Result<Vec<u8>> {
        Err(Error::new(
            ErrorKind::Unsupported,
            "this model has no form that can be kept in a file",
        ))
    }
}

/// A fitted model of any kind.
pub type BoxPredictor = Box<dyn Predictor>;

/// An estimator of any kind of model.
pub type BoxEstimator = Box<dyn Estimator<Fitted = BoxPredictor>>;

struct Erased<E>(E);

impl<E> Estimator for Erased<E>
where
    E: Estimator,
    E::Fitted: Predictor + 'static,
{
    type Fitted = BoxPredictor;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<BoxPredictor> {
        Ok(Box::new(self.0.fit(train)?))
    }
}

/// Two recipes in a chain, and, once fitted, two models in a chain; see [`Estimator::then`].
///
/// The second part is fitted on the first part's view of the *training* rows, so nothing of a
/// validation row can reach the fit.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Then<A, B> {
    /// Applied first.
    pub first: A,
    /// Applied to the output of the first.
    pub second: B,
}

impl<A, B> Estimator for Then<A, B>
where
    A: Estimator,
    A::Fitted: Transformer,
    B: Estimator,
{
    type Fitted = Then<A::Fitted, B::Fitted>;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<Self::Fitted> {
        let first = self.first.fit(train)?;
        let rows = first.transform(train.rows())?;
        let second = self.second.fit(&train.with_rows(rows.view())?)?;
        Ok(Then { first, second })
    }
}

impl<A: Transformer, B: Transformer> Transformer for Then<A, B> {
    fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.second.transform(self.first.transform(rows)?.view())
    }
}

impl<A: Transformer, B: Predictor> Predictor for Then<A, B> {
    fn outputs(&self) -> &[Arc<str>] {
        self.second.outputs()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.second
            .predict_proba(self.first.transform(rows)?.view())
    }
}

macro_rules! forward_learn {
    ($($pointer:ty),*) => {$(
        impl<T: Estimator + ?Sized> Estimator for $pointer {
            type Fitted = T::Fitted;
            fn fit(&self, train: &TrainingSet<'_>) -> Result<Self::Fitted> {
                (**self).fit(train)
            }
        }
        impl<T: Transformer + ?Sized> Transformer for $pointer {
            fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
                (**self).transform(rows)
            }
        }
        impl<T: Predictor + ?Sized> Predictor for $pointer {
            fn outputs(&self) -> &[Arc<str>] {
                (**self).outputs()
            }
            fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
                (**self).predict_proba(rows)
            }
            fn to_bytes(&self) -> Result<Vec<u8>> {
                (**self).to_bytes()
            }
        }
    )*};
}
forward_learn!(&T, Box<T>, Arc<T>);

/// The error that a fitted model owes for rows with another number of features.
///
/// # Errors
/// [`ErrorKind::ShapeMismatch`] if the rows do not have `expected` columns.
pub fn check_features(rows: ArrayView2<'_, f32>, expected: usize) -> Result<()> {
    if rows.ncols() == expected {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::ShapeMismatch,
        format!(
            "expected rows of {expected} features as in the fit, got {}",
            rows.ncols()
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::Classes;
    use ndarray::{Axis, array};

    /// Subtracts the column means of the training rows.
    struct Centre;
    struct Centred(ndarray::Array1<f32>);

    impl Estimator for Centre {
        type Fitted = Centred;
        fn fit(&self, train: &TrainingSet<'_>) -> Result<Centred> {
            train.stop().check()?;
            Ok(Centred(train.rows().mean_axis(Axis(0)).unwrap()))
        }
    }

    impl Transformer for Centred {
        fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
            check_features(rows, self.0.len())?;
            Ok(&rows - &self.0)
        }
    }

    /// Positive sum of the features: the second class.
    struct Sign;
    struct Signed(Vec<Arc<str>>);

    impl Estimator for Sign {
        type Fitted = Signed;
        fn fit(&self, train: &TrainingSet<'_>) -> Result<Signed> {
            Ok(Signed(train.target().names().to_vec()))
        }
    }

    impl Predictor for Signed {
        fn outputs(&self) -> &[Arc<str>] {
            &self.0
        }
        fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
            let mut proba = Array2::zeros((rows.nrows(), 2));
            for (row, mut out) in rows.rows().into_iter().zip(proba.rows_mut()) {
                out[usize::from(row.sum() > 0.0)] = 1.0;
            }
            Ok(proba)
        }
    }

    #[test]
    fn a_chain_scales_with_the_training_rows_alone() {
        let target = Target::Classes(Classes::from_names(&["low", "high", "low"]));
        let rows = array![[10.0], [14.0], [12.0]];
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let model = Centre.then(Sign).boxed().fit(&train).unwrap();
        // The training mean is 12: 13 is above it whatever else is predicted with it.
        let proba = model
            .predict_proba(array![[13.0], [1000.0], [11.0]].view())
            .unwrap();
        assert_eq!(proba.column(1).to_vec(), [1.0, 1.0, 0.0]);
        assert!(model.predict_proba(array![[1.0, 2.0]].view()).is_err());
    }

    #[test]
    fn a_training_set_checks_its_parts() {
        let target = Target::Classes(Classes::from_names(&["a", "b"]));
        let rows = array![[1.0], [2.0], [3.0]];
        let error = TrainingSet::new(rows.view(), &target).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
        let two = array![[1.0], [2.0]];
        let train = TrainingSet::new(two.view(), &target).unwrap();
        assert!(train.clone().with_weights(&[1.0]).is_err());
        assert!(train.with_weights(&[1.0, f32::NAN]).is_err());
    }

    #[test]
    fn a_stopped_fit_says_so() {
        let target = Target::Classes(Classes::from_names(&["a", "b"]));
        let rows = array![[1.0], [2.0]];
        let stop = StopToken::new();
        stop.stop();
        let train = TrainingSet::new(rows.view(), &target)
            .unwrap()
            .with_stop(stop);
        let error = Centre.then(Sign).boxed().fit(&train).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Stopped);
    }
}
