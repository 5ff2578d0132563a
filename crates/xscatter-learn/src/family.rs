//! The families that a search engine can build: names, ranges and first guesses.

mod bayes;
mod linear;
mod neighbours;
mod prepared;
mod smartcore;
mod svm;
mod trees;

use std::sync::LazyLock;

use xscatter_core::search::{Domain, ParamValue};
use xscatter_core::{
    BoxEstimator, BoxPredictor, Error, ErrorKind, Estimator, Family, Params, Result, Space,
};

use crate::classifier::{Classifier, FittedClassifier};
use crate::problem::ClassWeight;

pub use prepared::{with_calibration, with_choice_of_preparation, with_preparation};

/// A family of this crate; an entry of the table below.
#[derive(Debug)]
pub(crate) struct BuiltIn {
    name: &'static str,
    space: Space,
    /// What the first guesses set; the rest has its default.
    guesses: Vec<Params>,
    /// The classifier with these parameters, which are complete, and this seed.
    make: fn(&Params, u64) -> Result<Classifier>,
}

impl BuiltIn {
    /// The classifier with these parameters; those left out have their defaults.
    pub(crate) fn classifier(&self, params: &Params, seed: u64) -> Result<Classifier> {
        (self.make)(&self.space.complete(params)?, seed)
    }
}

impl Family for BuiltIn {
    fn name(&self) -> &str {
        self.name
    }

    fn space(&self) -> &Space {
        &self.space
    }

    fn portfolio(&self) -> Vec<Params> {
        let complete = |guess| {
            self.space
                .complete(guess)
                .expect("a test completes every guess of the table")
        };
        self.guesses.iter().map(complete).collect()
    }

    fn build(&self, params: &Params, seed: u64) -> Result<BoxEstimator> {
        Ok(self.classifier(params, seed)?.boxed())
    }

    fn load(&self, bytes: &[u8]) -> Result<BoxPredictor> {
        Ok(Box::new(FittedClassifier::from_bytes(bytes)?))
    }
}

static TABLE: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| {
    vec![
        trees::extra_trees(),
        trees::random_forest(),
        trees::gradient_boosting(),
        trees::gradient_boosting_depthwise(),
        trees::gradient_boosting_symmetric(),
        trees::decision_tree(),
        linear::logistic_regression(),
        linear::ridge(),
        linear::elastic_net(),
        bayes::linear_discriminant(),
        bayes::quadratic_discriminant(),
        bayes::gaussian_naive_bayes(),
        neighbours::k_nearest_neighbours(),
        svm::kernel_svm(),
        svm::linear_svm(),
    ]
});

static SMARTCORE: LazyLock<Vec<BuiltIn>> = LazyLock::new(|| {
    vec![
        smartcore::logistic_regression(),
        smartcore::k_nearest_neighbours(),
    ]
});

/// All families of this crate's own. The first guess of each is its default.
///
/// ```
/// let families = xscatter_learn::families();
/// assert_eq!(families[0].name(), "extra-trees");
/// ```
pub fn families() -> Vec<Box<dyn Family>> {
    boxed(&TABLE)
}

/// The families of the `smartcore` crate, for comparison.
pub fn smartcore_families() -> Vec<Box<dyn Family>> {
    boxed(&SMARTCORE)
}

fn boxed(table: &'static [BuiltIn]) -> Vec<Box<dyn Family>> {
    table
        .iter()
        .map(|family| Box::new(family) as Box<dyn Family>)
        .collect()
}

/// The family of this name.
pub(crate) fn built_in(name: &str) -> Result<&'static BuiltIn> {
    let mut all = TABLE.iter().chain(SMARTCORE.iter());
    all.find(|family| family.name == name).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("expected the name of a family of classifiers, got {name}"),
        )
    })
}

fn yes_or_no() -> Domain {
    Domain::Choice(vec![false.into(), true.into()])
}

fn choice(names: &[&str]) -> Domain {
    Domain::Choice(names.iter().map(|&name| ParamValue::from(name)).collect())
}

fn int(low: i64, high: i64, log: bool) -> Domain {
    Domain::Int { low, high, log }
}

fn real(low: f64, high: f64, log: bool) -> Domain {
    Domain::Real { low, high, log }
}

fn whole(params: &Params, name: &str) -> Result<usize> {
    let value = params.int(name)?;
    usize::try_from(value).map_err(|_| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("parameter {name}: expected 0 or more, got {value}"),
        )
    })
}

fn class_weight(params: &Params) -> Result<ClassWeight> {
    Ok(if params.bool("balanced")? {
        ClassWeight::Balanced
    } else {
        ClassWeight::Uniform
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_guess_lies_in_its_space_and_builds() {
        for family in families().iter().chain(&smartcore_families()) {
            assert_eq!(family.portfolio()[0], family.space().defaults());
            for guess in family.portfolio() {
                family.space().check(&guess).unwrap();
                assert!(family.build(&guess, 1).is_ok());
            }
        }
    }

    #[test]
    fn every_choice_builds() {
        for family in families().iter().chain(&smartcore_families()) {
            for parameter in family.space().parameters() {
                if let Domain::Choice(values) = &parameter.domain {
                    for value in values {
                        let params = Params::new().with(&parameter.name, value.clone());
                        assert!(family.build(&params, 1).is_ok(), "{params}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_wrong_name_or_value_is_an_error() {
        assert!(Classifier::from_params("perceptron", &Params::new(), 0).is_err());
        let params = Params::new().with("c", -1.0);
        assert!(Classifier::from_params("logistic-regression", &params, 0).is_err());
        let params = Params::new().with("trees", 100);
        assert!(Classifier::from_params("logistic-regression", &params, 0).is_err());
    }
}
