//! The families of the `smartcore` crate.

use xscatter_core::{Estimator, Params};

use super::linear::logistic_space;
use super::neighbours::{neighbours_space, vote};
use super::{BuiltIn, whole};
use crate::classifier::Classifier;
use crate::scale::StandardScaler;
use crate::smartcore::{SmartcoreLogistic, SmartcoreNeighbours};

pub(super) fn logistic_regression() -> BuiltIn {
    BuiltIn {
        name: "smartcore-logistic-regression",
        space: logistic_space(),
        guesses: vec![Params::new()],
        make: |params, _| {
            let regression = SmartcoreLogistic::new(params.real("c")?)?;
            Ok(Classifier::SmartcoreLogisticRegression(
                StandardScaler.then(regression),
            ))
        },
    }
}

pub(super) fn k_nearest_neighbours() -> BuiltIn {
    BuiltIn {
        name: "smartcore-k-nearest-neighbours",
        space: neighbours_space(),
        guesses: vec![Params::new()],
        make: |params, _| {
            let neighbours = SmartcoreNeighbours::new(whole(params, "k")?, vote(params)?)?;
            Ok(Classifier::SmartcoreKNearestNeighbours(
                StandardScaler.then(neighbours),
            ))
        },
    }
}
