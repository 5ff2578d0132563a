//! Linear models.

use xscatter_core::{Estimator, Params, Space};

use super::{BuiltIn, class_weight, real, yes_or_no};
use crate::classifier::Classifier;
use crate::elastic_net::{ElasticNet, ElasticNetConfig};
use crate::logistic::{LogisticRegression, LogisticRegressionConfig};
use crate::ridge::{Ridge, RidgeConfig};
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

pub(super) fn ridge() -> BuiltIn {
    let none = Params::new;
    BuiltIn {
        name: "ridge",
        space: Space::new()
            .with("choose_alpha", yes_or_no(), true)
            .with("alpha", real(1e-3, 1e5, true), 1.0)
            .only_if("choose_alpha", false)
            .with("balanced", yes_or_no(), false),
        guesses: vec![none()],
        make: |params, _| {
            let alphas = if params.bool("choose_alpha")? {
                vec![0.1, 1.0, 10.0, 100.0, 1000.0]
            } else {
                vec![params.real("alpha")?]
            };
            let ridge = Ridge::new(RidgeConfig {
                alphas,
                class_weight: class_weight(params)?,
                ..RidgeConfig::default()
            })?;
            Ok(Classifier::Ridge(StandardScaler.then(ridge)))
        },
    }
}

pub(super) fn elastic_net() -> BuiltIn {
    let none = Params::new;
    BuiltIn {
        name: "elastic-net",
        space: Space::new()
            .with("alpha", real(1e-5, 1.0, true), 0.01)
            .with("l1_ratio", real(0.0, 1.0, false), 0.5)
            .with("balanced", yes_or_no(), false),
        guesses: vec![none(), none().with("alpha", 0.001)],
        make: |params, _| {
            let net = ElasticNet::new(ElasticNetConfig {
                alpha: params.real("alpha")?,
                l1_ratio: params.real("l1_ratio")?,
                class_weight: class_weight(params)?,
                ..ElasticNetConfig::default()
            })?;
            Ok(Classifier::ElasticNet(StandardScaler.then(net)))
        },
    }
}

pub(super) fn logistic_space() -> Space {
    Space::new().with("c", real(1e-4, 1e4, true), 1.0)
}
