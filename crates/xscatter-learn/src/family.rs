//! The families that a search engine can build: names, ranges and first guesses.

use std::sync::LazyLock;

use xscatter_core::search::Domain;
use xscatter_core::{BoxEstimator, Estimator, Family, Params, Result, Space};

use crate::classifier::{Classifier, unknown_family};

/// A family of this crate; an entry of the table below.
#[derive(Debug)]
struct BuiltIn {
    name: &'static str,
    space: Space,
    /// What the first guesses set; the rest has its default.
    guesses: Vec<Params>,
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
        Ok(Classifier::from_params(self.name, params, seed)?.boxed())
    }
}

/// The five families: `extra-trees`, `random-forest`, `gradient-boosting`, `logistic-regression` and
/// `k-nearest-neighbours`. The first guess of each is its default.
///
/// ```
/// let names: Vec<String> = xscatter_learn::families()
///     .iter()
///     .map(|family| family.name().to_owned())
///     .collect();
/// assert_eq!(names[0], "extra-trees");
/// assert_eq!(names.len(), 5);
/// ```
pub fn families() -> Vec<Box<dyn Family>> {
    boxed(&TABLE[..5])
}

/// The families of the `smartcore` crate, for comparison.
pub fn smartcore_families() -> Vec<Box<dyn Family>> {
    boxed(&TABLE[5..])
}

fn boxed(table: &'static [BuiltIn]) -> Vec<Box<dyn Family>> {
    table
        .iter()
        .map(|family| Box::new(family) as Box<dyn Family>)
        .collect()
}

/// The parameters of a family.
pub(crate) fn space_of(name: &str) -> Result<&'static Space> {
    TABLE
        .iter()
        .find(|family| family.name == name)
        .map(|family| &family.space)
        .ok_or_else(|| unknown_family(name))
}

static TABLE: LazyLock<[BuiltIn; 7]> = LazyLock::new(|| {
    let none = Params::new;
    let balanced = || none().with("balanced", true);
    [
        BuiltIn {
            name: "extra-trees",
            space: forest(),
            guesses: vec![
                none(),
                balanced().with("min_samples_leaf", 2),
                none().with("split_features", 0.25),
            ],
        },
        BuiltIn {
            name: "random-forest",
            space: forest(),
            guesses: vec![none(), balanced().with("min_samples_leaf", 2)],
        },
        BuiltIn {
            name: "gradient-boosting",
            space: boosting(),
            guesses: vec![
                none(),
                none()
                    .with("rounds", 200)
                    .with("learning_rate", 0.05)
                    .with("feature_fraction", 0.5),
            ],
        },
        BuiltIn {
            name: "logistic-regression",
            space: logistic().with("balanced", yes_or_no(), false),
            guesses: vec![none(), none().with("c", 0.1), none().with("c", 10.0)],
        },
        BuiltIn {
            name: "k-nearest-neighbours",
            space: neighbours().with("balanced", yes_or_no(), false),
            guesses: vec![none(), none().with("k", 15), none().with("k", 1)],
        },
        BuiltIn {
            name: "smartcore-logistic-regression",
            space: logistic(),
            guesses: vec![none()],
        },
        BuiltIn {
            name: "smartcore-k-nearest-neighbours",
            space: neighbours(),
            guesses: vec![none()],
        },
    ]
});

fn yes_or_no() -> Domain {
    Domain::Choice(vec![false.into(), true.into()])
}

fn int(low: i64, high: i64, log: bool) -> Domain {
    Domain::Int { low, high, log }
}

fn real(low: f64, high: f64, log: bool) -> Domain {
    Domain::Real { low, high, log }
}

fn forest() -> Space {
    let parts = [
        "sqrt".into(),
        "log2".into(),
        0.25.into(),
        0.5.into(),
        1.0.into(),
    ];
    Space::new()
        .with("trees", int(10, 2000, true), 200)
        // A hundred splits from root to leaf are as good as no limit.
        .with("max_depth", int(1, 100, true), 100)
        .with("min_samples_leaf", int(1, 50, true), 1)
        .with("split_features", Domain::Choice(parts.to_vec()), "sqrt")
        .with("balanced", yes_or_no(), false)
}

fn boosting() -> Space {
    Space::new()
        .with("rounds", int(10, 1000, true), 100)
        .with("learning_rate", real(0.005, 0.5, true), 0.1)
        .with("max_leaves", int(2, 127, true), 15)
        .with("min_samples_leaf", int(1, 100, true), 10)
        .with("l2", real(0.0, 100.0, false), 1.0)
        .with("feature_fraction", real(0.05, 1.0, false), 1.0)
        // 0 uses all rounds; else 15 % of the rows are held out to end earlier.
        .with("patience", int(0, 50, false), 0)
        .with("balanced", yes_or_no(), false)
}

fn logistic() -> Space {
    Space::new().with("c", real(1e-4, 1e4, true), 1.0)
}

fn neighbours() -> Space {
    let votes = ["distance".into(), "uniform".into()];
    Space::new().with("k", int(1, 100, true), 5).with(
        "vote",
        Domain::Choice(votes.to_vec()),
        "distance",
    )
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
