//! Classifiers and scalers that break the contract, one rule each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::Array1;
use xscatter_core::{Error, Result};

use super::*;

/// Ways to break the contract.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Flaw {
    None,
    FailsFit,
    RenamesOutputs,
    OneScoreTooMany,
    RefusesNoRows,
    NotNormalised,
    Constant,
    Drifts,
    SeesBatch,
    SeesPosition,
    AnyFeatures,
    OtherKind,
    AcceptsOneClass,
    FailsOneClassOtherwise,
    DropsAbsent,
    DividesByVariance,
    LetsNanThrough,
    NeverStops,
}

/// Nearest class mean: the softmax of the negative squared distances over a temperature.
pub(crate) struct Centroids {
    flaw: Flaw,
    temperature: f32,
    fits: AtomicUsize,
}

impl Centroids {
    pub(crate) fn new(flaw: Flaw, temperature: f32) -> Self {
        Self {
            flaw,
            temperature,
            fits: AtomicUsize::new(0),
        }
    }
}

pub(crate) struct Fitted {
    flaw: Flaw,
    temperature: f32,
    names: Vec<Arc<str>>,
    /// `None` for a class without a row.
    means: Vec<Option<Array1<f32>>>,
    scale: Array1<f32>,
}

impl Estimator for Centroids {
    type Fitted = Fitted;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<Fitted> {
        if self.flaw != Flaw::NeverStops {
            train.stop().check()?;
        }
        let error = |kind| Err(Error::new(kind, "refused"));
        if self.flaw == Flaw::FailsFit {
            return error(ErrorKind::Numerical);
        }
        let rows = train.rows();
        if rows.iter().any(|value| value.is_nan()) && self.flaw != Flaw::LetsNanThrough {
            return error(ErrorKind::InvalidArgument);
        }
        let classes = train.target().classes()?;
        let present = classes.counts().iter().filter(|&&count| count > 0).count();
        if present < 2 {
            match self.flaw {
                Flaw::AcceptsOneClass => {}
                Flaw::FailsOneClassOtherwise => return error(ErrorKind::Numerical),
                _ => return error(ErrorKind::DegenerateData),
            }
        }
        let mut names = classes.names().to_vec();
        let mut means: Vec<Option<Array1<f32>>> = (0..classes.n_classes())
            .map(|class| {
                let members: Vec<usize> = (0..rows.nrows())
                    .filter(|&row| classes.labels()[row] as usize == class)
                    .collect();
                rows.select(Axis(0), &members).mean_axis(Axis(0))
            })
            .collect();
        if self.flaw == Flaw::RenamesOutputs {
            names.reverse();
        }
        if self.flaw == Flaw::DropsAbsent {
            names = (0..names.len())
                .filter(|&class| means[class].is_some())
                .map(|class| names[class].clone())
                .collect();
            means.retain(Option::is_some);
        }
        let drift = self.fits.fetch_add(1, Ordering::Relaxed) as f32;
        Ok(Fitted {
            flaw: self.flaw,
            temperature: match self.flaw {
                Flaw::Drifts => self.temperature + drift,
                _ => self.temperature,
            },
            names,
            means,
            scale: match self.flaw {
                Flaw::DividesByVariance => rows.std_axis(Axis(0), 0.0),
                _ => Array1::ones(rows.ncols()),
            },
        })
    }
}

impl Predictor for Fitted {
    fn outputs(&self) -> &[Arc<str>] {
        &self.names
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let features = self.scale.len();
        if rows.ncols() != features {
            match self.flaw {
                Flaw::AnyFeatures => return Ok(Array2::zeros((rows.nrows(), self.names.len()))),
                Flaw::OtherKind => return Err(Error::new(ErrorKind::Other, "refused")),
                _ => xscatter_core::learn::check_features(rows, features)?,
            }
        }
        if rows.is_empty() && self.flaw == Flaw::RefusesNoRows {
            return Err(Error::new(ErrorKind::InvalidArgument, "no rows"));
        }
        if rows.iter().any(|value| value.is_nan()) && self.flaw != Flaw::LetsNanThrough {
            return Err(Error::new(ErrorKind::InvalidArgument, "missing value"));
        }
        let extra = usize::from(self.flaw == Flaw::OneScoreTooMany);
        let mut proba = Array2::zeros((rows.nrows(), self.names.len() + extra));
        for (position, (row, mut out)) in rows.rows().into_iter().zip(proba.rows_mut()).enumerate()
        {
            let mut temperature = self.temperature;
            match self.flaw {
                Flaw::SeesBatch => temperature += rows.nrows() as f32,
                Flaw::SeesPosition => temperature += position as f32,
                Flaw::Constant => temperature = 1e9,
                _ => {}
            }
            for (class, mean) in self.means.iter().enumerate() {
                out[class] = mean.as_ref().map_or(0.0, |mean| {
                    let distance = ((&row - mean) / &self.scale).mapv(|d| d * d).sum();
                    (-distance / temperature.max(0.1)).exp().max(1e-30)
                });
            }
            // All alike but for a hair: the last class always wins.
            if self.flaw == Flaw::Constant {
                out[self.means.len() - 1] *= 1.5;
            }
            if self.flaw != Flaw::NotNormalised {
                let sum = out.sum();
                out /= sum;
            }
            if self.flaw == Flaw::LetsNanThrough {
                out += row.sum() * 0.0;
            }
            if self.flaw == Flaw::DividesByVariance && self.scale.iter().any(|s| *s == 0.0) {
                out.fill(f32::NAN);
            }
        }
        Ok(proba)
    }
}

#[test]
fn a_classifier_that_keeps_the_contract_passes() {
    check_estimator(&Centroids::new(Flaw::None, 1.0)).unwrap();
    check_estimator(&Centroids::new(Flaw::None, 1.0).boxed()).unwrap();
    // Leaving an absent class out is a mistake only where the target names it.
    let error = check_estimator(&Centroids::new(Flaw::DropsAbsent, 1.0)).unwrap_err();
    assert_eq!(error.rule, "absent-class");
}

#[test]
fn every_violation_of_a_classifier_is_found() {
    for (flaw, rule) in [
        (Flaw::FailsFit, "fit"),
        (Flaw::RenamesOutputs, "outputs"),
        (Flaw::OneScoreTooMany, "shape"),
        (Flaw::RefusesNoRows, "shape"),
        (Flaw::NotNormalised, "probabilities"),
        (Flaw::Constant, "learns"),
        (Flaw::Drifts, "refit"),
        (Flaw::SeesBatch, "row-independence"),
        (Flaw::SeesPosition, "row-independence"),
        (Flaw::AnyFeatures, "feature-count"),
        (Flaw::OtherKind, "feature-count"),
        (Flaw::AcceptsOneClass, "single-class"),
        (Flaw::FailsOneClassOtherwise, "single-class"),
        (Flaw::DropsAbsent, "absent-class"),
        (Flaw::DividesByVariance, "constant-column"),
        (Flaw::LetsNanThrough, "missing-value"),
        (Flaw::NeverStops, "stopped"),
    ] {
        let violation = check_estimator(&Centroids::new(flaw, 1.0)).unwrap_err();
        assert_eq!(violation.rule, rule, "{flaw:?}: {violation}");
    }
}

/// Ways in which a scaler breaks the contract.
#[derive(Debug, Clone, Copy, PartialEq)]
enum ScalerFlaw {
    None,
    FailsFit,
    DropsRows,
    RefusesNoRows,
    DividesByZero,
    Drifts,
    CentresEachBatch,
    AnyFeatures,
    NeverStops,
}

struct Scaler(ScalerFlaw, AtomicUsize);

struct Scaled {
    flaw: ScalerFlaw,
    mean: Array1<f32>,
    deviation: Array1<f32>,
}

impl Estimator for Scaler {
    type Fitted = Scaled;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<Scaled> {
        if self.0 != ScalerFlaw::NeverStops {
            train.stop().check()?;
        }
        if self.0 == ScalerFlaw::FailsFit {
            return Err(Error::new(ErrorKind::Numerical, "refused"));
        }
        let mut mean = train.rows().mean_axis(Axis(0)).expect("there are rows");
        if self.0 == ScalerFlaw::Drifts {
            mean += self.1.fetch_add(1, Ordering::Relaxed) as f32;
        }
        let mut deviation = train.rows().std_axis(Axis(0), 0.0);
        if self.0 != ScalerFlaw::DividesByZero {
            deviation.mapv_inplace(|d| if d == 0.0 { 1.0 } else { d });
        }
        Ok(Scaled {
            flaw: self.0,
            mean,
            deviation,
        })
    }
}

impl Transformer for Scaled {
    fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        match self.flaw {
            ScalerFlaw::AnyFeatures if rows.ncols() != self.mean.len() => {
                return Ok(rows.to_owned());
            }
            _ => xscatter_core::learn::check_features(rows, self.mean.len())?,
        }
        match self.flaw {
            ScalerFlaw::DropsRows => Ok(rows.slice(s![..rows.nrows() / 2, ..]).to_owned()),
            ScalerFlaw::RefusesNoRows if rows.is_empty() => {
                Err(Error::new(ErrorKind::InvalidArgument, "no rows"))
            }
            ScalerFlaw::CentresEachBatch if !rows.is_empty() => {
                Ok(&rows - &rows.mean_axis(Axis(0)).expect("there are rows"))
            }
            _ => Ok((&rows - &self.mean) / &self.deviation),
        }
    }
}

#[test]
fn a_scaler_that_keeps_the_contract_passes() {
    check_transformer(&Scaler(ScalerFlaw::None, AtomicUsize::new(0))).unwrap();
}

#[test]
fn every_violation_of_a_scaler_is_found() {
    for (flaw, rule) in [
        (ScalerFlaw::FailsFit, "fit"),
        (ScalerFlaw::DropsRows, "shape"),
        (ScalerFlaw::RefusesNoRows, "shape"),
        (ScalerFlaw::DividesByZero, "not-a-number"),
        (ScalerFlaw::Drifts, "refit"),
        (ScalerFlaw::CentresEachBatch, "row-independence"),
        (ScalerFlaw::AnyFeatures, "feature-count"),
        (ScalerFlaw::NeverStops, "stopped"),
    ] {
        let violation = check_transformer(&Scaler(flaw, AtomicUsize::new(0))).unwrap_err();
        assert_eq!(violation.rule, rule, "{flaw:?}: {violation}");
    }
}
