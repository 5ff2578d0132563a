//! Any family with a preparation in front of it, or with calibration behind it.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::search::{Domain, ParamValue};
use xscatter_core::{
    BoxEstimator, BoxPredictor, Error, ErrorKind, Estimator, Family, Params, Predictor, Result,
    Space, TrainingSet, Transformer,
};

use crate::calibrated::{Calibrated, CalibrationConfig, FittedCalibrated};
use crate::envelope::{open, read, seal};
use crate::error::{ConfigError, require};
use crate::preparation::{FittedPreparation, Preparation};

const FORMAT: &str = "xscatter-prepared";
/// The parameter that names a preparation.
const PARAMETER: &str = "preparation";

/// The family with this preparation in front: `FAMILY+LABEL`, with the same parameters and first guesses.
///
/// It is fitted to the training rows alone, so every fold of a search has its own. Models can be kept in a file
/// where those of the family can.
///
/// ```
/// use xscatter_learn::{Preparation, families, with_preparation};
///
/// let family = families().remove(0);
/// let family = with_preparation(family, Preparation::scaled_pca(5)?);
/// assert_eq!(family.name(), "extra-trees+standard+pca-5");
/// # Ok::<(), xscatter_core::Error>(())
/// ```
pub fn with_preparation(family: Box<dyn Family>, preparation: Preparation) -> Box<dyn Family> {
    Box::new(Prepared {
        name: format!("{}+{}", family.name(), preparation.label()),
        space: family.space().clone(),
        choices: vec![(preparation.label(), preparation)],
        searched: false,
        inner: family,
    })
}

/// The family with one more parameter, `preparation`, whose value names one of these: a search finds the best.
///
/// Its first guesses are those of the family with the first choice, then the family's first guess with each other
/// choice. Name and all else stay.
///
/// ```
/// use xscatter_core::Params;
/// use xscatter_learn::{Preparation, families, with_choice_of_preparation};
///
/// let choices = [("none", Preparation::default()), ("pca", Preparation::scaled_pca(20)?)];
/// let family = with_choice_of_preparation(families().remove(0), &choices)?;
/// assert!(family.build(&Params::new().with("preparation", "pca"), 7).is_ok());
/// # Ok::<(), xscatter_core::Error>(())
/// ```
///
/// # Errors
/// [`ConfigError`] unless there is a choice, all have different names, and the family has no parameter of this name.
pub fn with_choice_of_preparation(
    family: Box<dyn Family>,
    choices: &[(&str, Preparation)],
) -> Result<Box<dyn Family>, ConfigError> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    let unique = !names.is_empty() && sorted.len() == names.len();
    require(
        unique,
        "choices",
        "preparations of different names",
        names.join(", "),
    )?;
    let is_free = family
        .space()
        .parameters()
        .iter()
        .all(|parameter| &*parameter.name != PARAMETER);
    require(
        is_free,
        "family",
        "one without a parameter named preparation",
        family.name(),
    )?;
    let values = names.iter().map(|&name| ParamValue::from(name)).collect();
    let mut space = Space::new().with(PARAMETER, Domain::Choice(values), names[0]);
    for parameter in family.space().parameters() {
        space = space.with(
            &parameter.name,
            parameter.domain.clone(),
            parameter.default.clone(),
        );
        if let Some((name, value)) = &parameter.only_if {
            space = space.only_if(name, value.clone());
        }
    }
    Ok(Box::new(Prepared {
        name: family.name().to_owned(),
        space,
        choices: choices
            .iter()
            .map(|(name, choice)| ((*name).to_owned(), choice.clone()))
            .collect(),
        searched: true,
        inner: family,
    }))
}

/// The family with calibrated probabilities: `FAMILY+sigmoid`, with the same parameters and first guesses.
///
/// ```
/// use xscatter_learn::{CalibrationConfig, families, with_calibration};
///
/// let family = with_calibration(families().remove(0), CalibrationConfig::default())?;
/// assert_eq!(family.name(), "extra-trees+sigmoid");
/// # Ok::<(), xscatter_core::Error>(())
/// ```
///
/// # Errors
/// [`ConfigError`] if a field of the configuration is out of its domain.
pub fn with_calibration(
    family: Box<dyn Family>,
    config: CalibrationConfig,
) -> Result<Box<dyn Family>, ConfigError> {
    Calibrated::new((), config.clone())?;
    let label = match config.calibrator {
        crate::Calibrator::Sigmoid => "sigmoid",
        crate::Calibrator::Isotonic => "isotonic",
        crate::Calibrator::Temperature => "temperature",
    };
    Ok(Box::new(WithCalibration {
        name: format!("{}+{label}", family.name()),
        inner: family,
        config,
    }))
}

struct Prepared {
    inner: Box<dyn Family>,
    name: String,
    space: Space,
    choices: Vec<(String, Preparation)>,
    /// Whether the choice is a parameter.
    searched: bool,
}

impl Prepared {
    /// The chosen preparation, and the parameters of the family itself.
    fn split(&self, params: &Params) -> Result<(&Preparation, Params)> {
        let first = &self.choices[0].1;
        if !self.searched || params.get(PARAMETER).is_none() {
            return Ok((first, params.clone()));
        }
        let name = params.text(PARAMETER)?;
        let choice = self.choices.iter().find(|(choice, _)| choice == name);
        let Some((_, choice)) = choice else {
            let known: Vec<&str> = self.choices.iter().map(|(name, _)| name.as_str()).collect();
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "parameter {PARAMETER}: expected one of {}, got {name}",
                    known.join(", ")
                ),
            ));
        };
        let others = params.iter().filter(|(name, _)| *name != PARAMETER);
        let others = others.fold(Params::new(), |all, (name, value)| {
            all.with(name, value.clone())
        });
        Ok((choice, others))
    }
}

impl Family for Prepared {
    fn name(&self) -> &str {
        &self.name
    }

    fn space(&self) -> &Space {
        &self.space
    }

    fn portfolio(&self) -> Vec<Params> {
        let inner = self.inner.portfolio();
        if !self.searched {
            return inner;
        }
        let best = inner.first().cloned().unwrap_or_default();
        let with = |params: Params, choice: &str| params.with(PARAMETER, choice);
        let first = inner
            .into_iter()
            .map(|params| with(params, &self.choices[0].0));
        let others = self.choices[1..]
            .iter()
            .map(|(choice, _)| with(best.clone(), choice));
        first.chain(others).collect()
    }

    fn build(&self, params: &Params, seed: u64) -> Result<BoxEstimator> {
        let (preparation, params) = self.split(params)?;
        let chain = PreparedRecipe {
            preparation: preparation.clone(),
            learner: self.inner.build(&params, seed)?,
        };
        Ok(chain.boxed())
    }

    fn load(&self, bytes: &[u8]) -> Result<BoxPredictor> {
        let kept: Kept = read(open(FORMAT, bytes)?)?;
        Ok(Box::new(PreparedModel {
            preparation: kept.preparation,
            model: self.inner.load(&kept.model)?,
        }))
    }
}

struct PreparedRecipe {
    preparation: Preparation,
    learner: BoxEstimator,
}

impl Estimator for PreparedRecipe {
    type Fitted = PreparedModel;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<PreparedModel> {
        let preparation = self.preparation.fit(train)?;
        let rows = preparation.transform(train.rows())?;
        let model = self.learner.fit(&train.with_rows(rows.view())?)?;
        Ok(PreparedModel { preparation, model })
    }
}

struct PreparedModel {
    preparation: FittedPreparation,
    model: BoxPredictor,
}

/// A [`PreparedModel`] as bytes.
#[derive(Serialize, Deserialize)]
struct Kept {
    preparation: FittedPreparation,
    model: Vec<u8>,
}

impl Predictor for PreparedModel {
    fn outputs(&self) -> &[Arc<str>] {
        self.model.outputs()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.model
            .predict_proba(self.preparation.transform(rows)?.view())
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        seal(
            FORMAT,
            &Kept {
                preparation: self.preparation.clone(),
                model: self.model.to_bytes()?,
            },
        )
    }
}

struct WithCalibration {
    inner: Box<dyn Family>,
    name: String,
    config: CalibrationConfig,
}

impl Family for WithCalibration {
    fn name(&self) -> &str {
        &self.name
    }

    fn space(&self) -> &Space {
        self.inner.space()
    }

    fn portfolio(&self) -> Vec<Params> {
        self.inner.portfolio()
    }

    fn build(&self, params: &Params, seed: u64) -> Result<BoxEstimator> {
        let recipe = Calibrated::new(self.inner.build(params, seed)?, self.config.clone())?;
        Ok(recipe.boxed())
    }

    fn load(&self, bytes: &[u8]) -> Result<BoxPredictor> {
        let load = |bytes: &[u8]| self.inner.load(bytes);
        Ok(Box::new(FittedCalibrated::from_bytes(bytes, load)?))
    }
}
