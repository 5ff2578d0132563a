//! Linear models.

use xscatter_core::{Estimator, Params, Space};

use super::{BuiltIn, class_weight, real, yes_or_no};
use crate::classifier::Classifier;
use crate::logistic::{LogisticRegression, LogisticRegressionConfig};
use crate::scale::StandardScaler;

pub(super) fn logistic_regression() -> BuiltIn {
    let none = Params::new;
    BuiltIn {
        name: "logistic-regression",
        space: logistic_space()
            .with("l1_ratio", real(0.0, 1.0, false), 0.0)
            .with("balanced", yes_or_no(), false),
        guesses: vec![none(), none().with("c", 0.1), none().with("c", 10.0)],
        make: |params, _| {
            let regression = LogisticRegression::new(LogisticRegressionConfig {
                c: params.real("c")?,
                l1_ratio: params.real("l1_ratio")?,
                class_weight: class_weight(params)?,
                ..LogisticRegressionConfig::default()
            })?;
            Ok(Classifier::LogisticRegression(
                StandardScaler.then(regression),
            ))
        },
    }
}

pub(super) fn logistic_space() -> Space {
    Space::new().with("c", real(1e-4, 1e4, true), 1.0)
}
