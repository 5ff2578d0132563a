//! Normal densities of classes.

use xscatter_core::search::{Domain, ParamValue};
use xscatter_core::{Estimator, Params, Result, Space};

use super::{BuiltIn, real, yes_or_no};
use crate::classifier::Classifier;
use crate::covariance::Shrinkage;
use crate::discriminant::{LinearDiscriminant, LinearDiscriminantConfig};
use crate::naive_bayes::{NaiveBayes, NaiveBayesConfig};
use crate::priors::Priors;
use crate::quadratic::{QuadraticDiscriminant, QuadraticDiscriminantConfig};
use crate::scale::StandardScaler;

pub(super) fn linear_discriminant() -> BuiltIn {
    let none = Params::new;
    let ways = [
        "auto".into(),
        "none".into(),
        0.01.into(),
        0.1.into(),
        0.5.into(),
    ];
    BuiltIn {
        name: "linear-discriminant",
        space: Space::new()
            .with("shrinkage", Domain::Choice(ways.to_vec()), "auto")
            .with("balanced", yes_or_no(), false),
        guesses: vec![none(), none().with("shrinkage", "none")],
        make: |params, _| {
            let shrinkage = match params.get("shrinkage") {
                Some(&ParamValue::Real(part)) => Shrinkage::Fixed(part),
                Some(ParamValue::Text(text)) if text == "none" => Shrinkage::None,
                _ => Shrinkage::Auto,
            };
            let analysis = LinearDiscriminant::new(LinearDiscriminantConfig {
                shrinkage,
                priors: priors(params)?,
                ..LinearDiscriminantConfig::default()
            })?;
            Ok(Classifier::LinearDiscriminant(
                StandardScaler.then(analysis),
            ))
        },
    }
}

pub(super) fn quadratic_discriminant() -> BuiltIn {
    let none = Params::new;
    BuiltIn {
        name: "quadratic-discriminant",
        space: Space::new()
            .with("regularisation", real(1e-4, 1.0, true), 0.1)
            .with("balanced", yes_or_no(), false),
        guesses: vec![none(), none().with("regularisation", 0.5)],
        make: |params, _| {
            let analysis = QuadraticDiscriminant::new(QuadraticDiscriminantConfig {
                regularisation: params.real("regularisation")?,
                priors: priors(params)?,
                ..QuadraticDiscriminantConfig::default()
            })?;
            Ok(Classifier::QuadraticDiscriminant(
                StandardScaler.then(analysis),
            ))
        },
    }
}

pub(super) fn gaussian_naive_bayes() -> BuiltIn {
    let none = Params::new;
    BuiltIn {
        name: "gaussian-naive-bayes",
        space: Space::new()
            .with("smoothing", real(1e-12, 1.0, true), 1e-9)
            .with("balanced", yes_or_no(), false),
        guesses: vec![
            none(),
            none().with("smoothing", 1e-3),
            none().with("smoothing", 0.1),
        ],
        make: |params, _| {
            Ok(Classifier::GaussianNaiveBayes(NaiveBayes::new(
                NaiveBayesConfig {
                    smoothing: params.real("smoothing")?,
                    priors: priors(params)?,
                },
            )?))
        },
    }
}

fn priors(params: &Params) -> Result<Priors> {
    Ok(if params.bool("balanced")? {
        Priors::Uniform
    } else {
        Priors::Proportional
    })
}
