//! How probable the classes are before a row is seen.

use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Result};

use crate::error::{ConfigError, require};

/// How probable the classes are before a row is seen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priors {
    /// As the weights of their training rows.
    #[default]
    Proportional,
    /// All alike, which is what balanced class weights come to.
    Uniform,
    /// These, above 0, one for each name of the target; classes without a row get none of it.
    Given(Vec<f64>),
}

impl Priors {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let Self::Given(priors) = self else {
            return Ok(());
        };
        let wrong = priors
            .iter()
            .find(|prior| !(**prior > 0.0 && prior.is_finite()));
        require(
            wrong.is_none(),
            "priors",
            "each above 0",
            wrong.unwrap_or(&0.0),
        )
    }

    /// Of the classes that have a weight, with a sum of 1.
    pub(crate) fn of(&self, weights: &[f64]) -> Result<Vec<f64>> {
        let all = match self {
            Self::Proportional => weights,
            Self::Uniform => &vec![1.0; weights.len()],
            Self::Given(priors) if priors.len() == weights.len() => priors,
            Self::Given(priors) => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "expected a prior for each of {} classes, got {}",
                        weights.len(),
                        priors.len()
                    ),
                ));
            }
        };
        let present = all.iter().zip(weights).filter(|(_, weight)| **weight > 0.0);
        let mut priors: Vec<f64> = present.map(|(prior, _)| *prior).collect();
        let total: f64 = priors.iter().sum();
        for prior in &mut priors {
            *prior /= total;
        }
        Ok(priors)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_without_rows_have_none() {
        let weights = [3.0, 0.0, 1.0];
        assert_eq!(Priors::Proportional.of(&weights).unwrap(), [0.75, 0.25]);
        assert_eq!(Priors::Uniform.of(&weights).unwrap(), [0.5, 0.5]);
        let given = Priors::Given(vec![0.2, 0.5, 0.3]);
        assert_eq!(given.of(&weights).unwrap(), [0.4, 0.6]);
        assert!(Priors::Given(vec![0.5, 0.5]).of(&weights).is_err());
        assert!(Priors::Given(vec![0.5, 0.0]).check().is_err());
    }
}
