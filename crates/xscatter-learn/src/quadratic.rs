//! Quadratic discriminant analysis: normal classes, each with a covariance of its own.
//!
//! Use it where classes differ in spread or shape and there are several times more rows in a class than
//! features; otherwise the linear discriminant is steadier. Scale the features first
//! ([`StandardScaler`](crate::StandardScaler)): the regularisation treats them alike.
//!
//! ```text
//! Σ'_k = (1 − r) Σ_k + r · 1      p(k | x) ∝ π_k |Σ'_k|^(−½) exp(−½ (x − μ_k)ᵀ Σ'_k⁻¹ (x − μ_k))
//! ```
//!
//! Σ_k may be shrunk beforehand ([`Shrinkage`]). A covariance that is still singular is an error of kind
//! [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData) that names the class. Features must be
//! finite. Cost: rows · features² and classes · features³; a prediction costs classes · features² a row.
//! Source: scikit-learn 1.9.1, `QuadraticDiscriminantAnalysis` (`reg_param` is r).

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Error, ErrorKind, Estimator, Predictor, Result, StopToken, TrainingSet};

use crate::batch::Batch;
use crate::cholesky::Cholesky;
use crate::covariance::{Shrinkage, best_part};
use crate::discriminant::more_moments;
use crate::error::{ConfigError, require};
use crate::linear_scores::LinearScores;
use crate::moments::{ClassMoments, Moments};
use crate::naive_bayes::shares;
use crate::panels::{dot, pack, square_lengths};
use crate::priors::Priors;
use crate::problem::{ClassMap, check_finite};

/// So many rows are scored at once.
const BLOCK: usize = 64;
/// The least square on the diagonal of the Cholesky factor, relative to the largest variance.
const LEAST: f64 = 1e-12;

/// The parameters of [`QuadraticDiscriminant`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuadraticDiscriminantConfig {
    /// r, 0 to 1: how much of the covariance is the unit matrix.
    pub regularisation: f64,
    /// How much the covariance of each class is shrunk before that.
    pub shrinkage: Shrinkage,
    /// How probable the classes are beforehand.
    pub priors: Priors,
    /// Whether the fitted model can learn more rows: it then keeps a matrix of features × features for
    /// each class. Not together with automatic shrinkage, which needs all rows at once.
    pub keep_moments: bool,
}

impl Default for QuadraticDiscriminantConfig {
    /// r = 0.1 and no shrinkage: without any, one feature that is constant within a class is an error.
    fn default() -> Self {
        Self {
            regularisation: 0.1,
            shrinkage: Shrinkage::None,
            priors: Priors::Proportional,
            keep_moments: false,
        }
    }
}

/// Quadratic discriminant analysis.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet};
/// use xscatter_learn::QuadraticDiscriminant;
///
/// // The same mean for both.
/// let rows = array![[-0.1_f32], [0.0], [0.1], [-2.0], [0.0], [2.0]];
/// let target = Target::Classes(Classes::from_names(&["narrow", "narrow", "narrow", "wide", "wide", "wide"]));
/// let model = QuadraticDiscriminant::default().fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert!(model.predict_proba(array![[1.5]].view())?[[0, 1]] > 0.9);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    try_from = "QuadraticDiscriminantConfig",
    into = "QuadraticDiscriminantConfig"
)]
pub struct QuadraticDiscriminant(QuadraticDiscriminantConfig);

impl QuadraticDiscriminant {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if a field is out of its domain.
    pub fn new(config: QuadraticDiscriminantConfig) -> Result<Self, ConfigError> {
        require(
            (0.0..=1.0).contains(&config.regularisation),
            "regularisation",
            "0 to 1",
            config.regularisation,
        )?;
        config.shrinkage.check()?;
        config.priors.check()?;
        require(
            !(config.keep_moments && config.shrinkage == Shrinkage::Auto),
            "keep_moments",
            "false with automatic shrinkage",
            config.keep_moments,
        )?;
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &QuadraticDiscriminantConfig {
        &self.0
    }
}

impl TryFrom<QuadraticDiscriminantConfig> for QuadraticDiscriminant {
    type Error = ConfigError;

    fn try_from(config: QuadraticDiscriminantConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<QuadraticDiscriminant> for QuadraticDiscriminantConfig {
    fn from(recipe: QuadraticDiscriminant) -> Self {
        recipe.0
    }
}

impl Estimator for QuadraticDiscriminant {
    type Fitted = FittedQuadraticDiscriminant;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedQuadraticDiscriminant> {
        let batch = Batch::first(train)?;
        let names = train.target().names();
        let mut parts = vec![0.0; names.len()];
        let moments = Moments::full(
            &batch,
            names.len(),
            train.stop(),
            |class, moments, rows, weights| {
                if self.0.shrinkage == Shrinkage::Auto && moments.weight > 0.0 {
                    parts[class] = best_part(moments, rows, weights);
                }
            },
        )?;
        FittedQuadraticDiscriminant::new(self.clone(), names, moments, &parts, train.stop())
    }
}

/// The densities of the classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawQuadraticDiscriminant")]
pub struct FittedQuadraticDiscriminant {
    recipe: QuadraticDiscriminant,
    n_features: usize,
    classes: ClassMap,
    /// Of each class that occurs.
    densities: Vec<Density>,
    moments: Option<Moments>,
}

#[derive(Deserialize)]
struct RawQuadraticDiscriminant {
    recipe: QuadraticDiscriminant,
    n_features: usize,
    classes: ClassMap,
    densities: Vec<Density>,
    moments: Option<Moments>,
}

/// A normal density.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Density {
    /// The logarithm of prior and density at the mean.
    at_mean: f64,
    /// L⁻¹(x − μ), whose squared length is that of x − μ in units of the spread.
    white: LinearScores,
}

impl TryFrom<RawQuadraticDiscriminant> for FittedQuadraticDiscriminant {
    type Error = String;

    fn try_from(raw: RawQuadraticDiscriminant) -> Result<Self, String> {
        let n_features = raw.n_features;
        let fits = raw.densities.len() == raw.classes.len()
            && raw.densities.iter().all(|density| {
                density.at_mean.is_finite()
                    && density.white.n_features() == n_features
                    && density.white.intercepts().len() == n_features
            });
        if !fits {
            return Err(format!(
                "expected densities of {} classes over {n_features} features",
                raw.classes.len()
            ));
        }
        if let Some(moments) = &raw.moments {
            let per_class = n_features.checked_mul(n_features);
            moments.check(raw.classes.names().len(), n_features, per_class)?;
        }
        Ok(Self {
            recipe: raw.recipe,
            n_features,
            classes: raw.classes,
            densities: raw.densities,
            moments: raw.moments,
        })
    }
}

impl Density {
    fn new(
        config: &QuadraticDiscriminantConfig,
        class: &ClassMoments,
        part: f64,
        prior: f64,
        stop: &StopToken,
    ) -> Result<Option<Self>> {
        let n = class.mean.len();
        let mut covariance = config.shrinkage.covariance(class, part);
        for x in &mut covariance {
            *x *= 1.0 - config.regularisation;
        }
        for i in 0..n {
            covariance[i * n + i] += config.regularisation;
        }
        let widest = (0..n).map(|i| covariance[i * n + i]).fold(0.0, f64::max);
        let Some(cholesky) = Cholesky::new(covariance, n, LEAST * widest, stop)? else {
            return Ok(None);
        };
        let inverse = cholesky.inverse(stop)?;
        let offsets = inverse
            .chunks_exact(n)
            .map(|row| -dot(row, &class.mean))
            .collect();
        let columns = (0..n * n)
            .map(|place| inverse[place % n * n + place / n])
            .collect();
        Ok(Some(Self {
            at_mean: prior.ln() - 0.5 * cholesky.ln_determinant(),
            white: LinearScores::new(n, columns, offsets),
        }))
    }
}

impl FittedQuadraticDiscriminant {
    /// `parts` are those of the automatic shrinkage, one for each name.
    fn new(
        recipe: QuadraticDiscriminant,
        names: &[Arc<str>],
        moments: Moments,
        parts: &[f64],
        stop: &StopToken,
    ) -> Result<Self> {
        let classes = moments.classes(names)?;
        let weights: Vec<f64> = moments.0.iter().map(|class| class.weight).collect();
        let priors = recipe.0.priors.of(&weights)?;
        let densities = classes
            .present()
            .par_iter()
            .zip(&priors)
            .map(|(&class, &prior)| {
                let class = class as usize;
                Density::new(&recipe.0, &moments.0[class], parts[class], prior, stop)?.ok_or_else(
                    || {
                        Error::new(
                            ErrorKind::DegenerateData,
                            format!(
                                "class {}: expected a covariance of full rank, got a singular one: \
                                 more regularisation or fewer features are needed",
                                names[class]
                            ),
                        )
                    },
                )
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Self {
            n_features: moments.0[0].mean.len(),
            classes,
            densities,
            moments: recipe.0.keep_moments.then_some(moments),
            recipe,
        })
    }

    /// Learns more rows; the result is that of a fit on all rows, to rounding. A class without a row so
    /// far may come in if the target of the fit had its name. On an error the model stays as it was.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] unless the model was fitted with `keep_moments`; if a row has a class
    /// that the target of the fit had no name for, the features differ in number or are not finite, or
    /// the work is asked to stop.
    pub fn update(&mut self, train: &TrainingSet<'_>) -> Result<()> {
        let names = self.classes.names();
        let moments = more_moments(self.moments.as_ref(), train, names, self.n_features)?;
        let parts = vec![0.0; names.len()];
        *self = Self::new(self.recipe.clone(), names, moments, &parts, train.stop())?;
        Ok(())
    }
}

impl Predictor for FittedQuadraticDiscriminant {
    fn outputs(&self) -> &[Arc<str>] {
        self.classes.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.n_features)?;
        check_finite(rows)?;
        let n_classes = self.classes.len();
        self.classes.predict(rows, BLOCK, |rows, proba| {
            let panels = pack(rows, self.n_features);
            let mut scores = vec![0.0; proba.len()];
            for (class, density) in self.densities.iter().enumerate() {
                let white = &density.white;
                let squares = square_lengths(&panels, white.coefficients(), white.intercepts());
                let squares = squares.as_flattened();
                for (scores, square) in scores.chunks_exact_mut(n_classes).zip(squares) {
                    scores[class] = density.at_mean - 0.5 * square;
                }
            }
            let scores = scores.chunks_exact(n_classes);
            for (scores, proba) in scores.zip(proba.chunks_exact_mut(n_classes)) {
                shares(scores, proba);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::s;
    use xscatter_core::{Classes, Target};

    fn table() -> (Array2<f32>, Target) {
        let rows = Array2::from_shape_fn((60, 3), |(row, column)| {
            let noise = ((row * (5 + 6 * column) + column) % 29) as f32 / 7.0;
            noise * (1 + row % 2) as f32
        });
        let labels = (0..60).map(|row| row % 2).collect();
        let names = ["a", "b"].map(Into::into).to_vec();
        (rows, Target::Classes(Classes::new(names, labels).unwrap()))
    }

    #[test]
    fn portions_learn_what_all_rows_do() {
        let (rows, target) = table();
        let config = QuadraticDiscriminantConfig {
            keep_moments: true,
            ..Default::default()
        };
        let recipe = QuadraticDiscriminant::new(config).unwrap();
        let at_once = recipe
            .fit(&TrainingSet::new(rows.view(), &target).unwrap())
            .unwrap();
        let part = |from: usize, to: usize| target.select(&(from..to).collect::<Vec<_>>());
        let (first, rest) = (part(0, 20), part(20, 60));
        let train = TrainingSet::new(rows.slice(s![..20, ..]), &first).unwrap();
        let mut model = recipe.fit(&train).unwrap();
        let train = TrainingSet::new(rows.slice(s![20.., ..]), &rest).unwrap();
        model.update(&train).unwrap();
        let one = at_once.predict_proba(rows.view()).unwrap();
        let other = model.predict_proba(rows.view()).unwrap();
        for (one, other) in one.iter().zip(&other) {
            assert_abs_diff_eq!(one, other, epsilon = 1e-6);
        }
    }

    #[test]
    fn a_singular_class_is_named() {
        let (mut rows, target) = table();
        for row in (1..60).step_by(2) {
            rows[[row, 2]] = 1.0;
        }
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let config = QuadraticDiscriminantConfig {
            regularisation: 0.0,
            ..Default::default()
        };
        let error = QuadraticDiscriminant::new(config)
            .unwrap()
            .fit(&train)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
        assert!(error.message().starts_with("class b"), "{error}");
        assert!(QuadraticDiscriminant::default().fit(&train).is_ok());
    }
}
