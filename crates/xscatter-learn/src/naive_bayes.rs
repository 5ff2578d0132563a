//! Gaussian naive Bayes: every feature of every class a normal distribution of its own.
//!
//! Use it as the cheapest baseline and where rows come in portions; features that say the same are counted
//! as often as they occur, so its probabilities are too sure of themselves on correlated features
//! (calibrate them, or use the linear discriminant). It needs no scaling.
//!
//! ```text
//! p(k | x) ∝ π_k Π_j N(x_j; μ_kj, σ²_kj + ε)      ε = smoothing · max_j Var(x_j)
//! ```
//!
//! ε keeps features that are constant within a class (or altogether) from dividing by zero. Features must
//! be finite; if none of them varies at all, that is an error of kind
//! [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData). Rows may be added later
//! ([`FittedNaiveBayes::update`]), with the same result as all at once to rounding. Cost: two passes over
//! the rows. Source: scikit-learn 1.9.1, `GaussianNB` (whose ε ignores row weights, and after
//! `partial_fit` is that of the last portion alone; here it is that of all rows, by weight).
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::f64::consts::TAU;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use pulp::Simd;
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Error, ErrorKind, Estimator, Predictor, Result, TrainingSet};

use crate::batch::Batch;
use crate::error::{ConfigError, require};
use crate::moments::{Moments, overall_mean};
use crate::panels::{LANES, Lane, Work, pack, vectorised};
use crate::priors::Priors;
use crate::problem::{ClassMap, check_finite, probabilities};

/// So many rows are scored at once.
const BLOCK: usize = 64;

/// The parameters of [`NaiveBayes`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NaiveBayesConfig {
    /// Above 0: what is added to all variances, in units of the largest variance of a feature.
    pub smoothing: f64,
    /// How probable the classes are beforehand.
    pub priors: Priors,
}

impl Default for NaiveBayesConfig {
    /// A smoothing of 10⁻⁹.
    fn default() -> Self {
        Self {
            smoothing: 1e-9,
            priors: Priors::Proportional,
        }
    }
}

/// Gaussian naive Bayes.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet};
/// use xscatter_learn::NaiveBayes;
///
/// let rows = array![[1.0_f32], [1.2], [1.9], [2.2]];
/// let target = Target::Classes(Classes::from_names(&["SAXS", "SAXS", "WAXS", "WAXS"]));
/// let train = TrainingSet::new(rows.view(), &target)?;
/// let mut model = NaiveBayes::default().fit(&train)?;
/// assert!(model.predict_proba(array![[2.0]].view())?[[0, 1]] > 0.9);
/// model.update(&train)?;
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "NaiveBayesConfig", into = "NaiveBayesConfig")]
pub struct NaiveBayes(NaiveBayesConfig);

impl NaiveBayes {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if a field is out of its domain.
    pub fn new(config: NaiveBayesConfig) -> Result<Self, ConfigError> {
        let smoothing = config.smoothing;
        require(
            smoothing > 0.0 && smoothing.is_finite(),
            "smoothing",
            "above 0",
            smoothing,
        )?;
        config.priors.check()?;
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &NaiveBayesConfig {
        &self.0
    }
}

impl TryFrom<NaiveBayesConfig> for NaiveBayes {
    type Error = ConfigError;

    fn try_from(config: NaiveBayesConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<NaiveBayes> for NaiveBayesConfig {
    fn from(recipe: NaiveBayes) -> Self {
        recipe.0
    }
}

impl Estimator for NaiveBayes {
    type Fitted = FittedNaiveBayes;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedNaiveBayes> {
        let batch = Batch::first(train)?;
        let names = train.target().names();
        let moments = Moments::diagonal(&batch, names.len(), train.stop())?;
        FittedNaiveBayes::new(self.clone(), names, batch.view().ncols(), moments)
    }
}

/// Means and variances of every class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawNaiveBayes")]
pub struct FittedNaiveBayes {
    recipe: NaiveBayes,
    n_features: usize,
    classes: ClassMap,
    moments: Moments,
    /// What follows from the moments: of each class that occurs.
    #[serde(skip_serializing)]
    likelihoods: Vec<Likelihood>,
}

#[derive(Deserialize)]
struct RawNaiveBayes {
    recipe: NaiveBayes,
    n_features: usize,
    classes: ClassMap,
    moments: Moments,
}

impl TryFrom<RawNaiveBayes> for FittedNaiveBayes {
    type Error = String;

    fn try_from(raw: RawNaiveBayes) -> Result<Self, String> {
        let n_features = raw.n_features;
        let names = raw.classes.names();
        raw.moments
            .check(names.len(), n_features, Some(n_features))?;
        let model = Self::new(raw.recipe, names, n_features, raw.moments);
        let model = model.map_err(|error| error.to_string())?;
        if model.classes != raw.classes {
            return Err("expected the classes that have a weight".to_owned());
        }
        Ok(model)
    }
}

/// Means and 1/2σ² of the features of a class, and what the logarithm of its density at the mean is.
#[derive(Debug, Clone, PartialEq)]
struct Likelihood {
    /// Pairs of mean and 1/2σ².
    features: Vec<[f64; 2]>,
    at_mean: f64,
}

impl FittedNaiveBayes {
    fn new(
        recipe: NaiveBayes,
        names: &[Arc<str>],
        n_features: usize,
        moments: Moments,
    ) -> Result<Self> {
        let classes = moments.classes(names)?;
        let weights: Vec<f64> = moments.0.iter().map(|class| class.weight).collect();
        let priors = recipe.0.priors.of(&weights)?;
        let total: f64 = weights.iter().sum();
        let centre = overall_mean(
            moments
                .present()
                .map(|class| (class.weight / total, &*class.mean)),
        );
        let widest = (0..n_features)
            .map(|j| {
                let of_class = moments.present().map(|class| {
                    class.scatter[j] + class.weight * (class.mean[j] - centre[j]).powi(2)
                });
                of_class.sum::<f64>() / total
            })
            .fold(0.0, f64::max);
        let smoothing = recipe.0.smoothing * widest;
        if smoothing <= 0.0 || !smoothing.is_finite() {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                "expected a feature that varies, got none",
            ));
        }
        let likelihoods = moments
            .present()
            .zip(&priors)
            .map(|(class, prior)| {
                let variances = class
                    .scatter
                    .iter()
                    .map(|sum| sum / class.weight + smoothing);
                let at_mean = variances
                    .clone()
                    .map(|v| -0.5 * (TAU * v).ln())
                    .sum::<f64>();
                let features = class
                    .mean
                    .iter()
                    .zip(variances)
                    .map(|(&mean, v)| [mean, 0.5 / v]);
                Likelihood {
                    features: features.collect(),
                    at_mean: at_mean + prior.ln(),
                }
            })
            .collect();
        Ok(Self {
            recipe,
            n_features,
            classes,
            moments,
            likelihoods,
        })
    }

    /// Learns more rows; the result is that of a fit on all rows, to rounding. A class without a row so
    /// far may come in if the target of the fit had its name. On an error the model stays as it was.
    ///
    /// # Errors
    /// If a row has a class that the target of the fit had no name for, the features differ in number or
    /// are not finite, or the work is asked to stop.
    pub fn update(&mut self, train: &TrainingSet<'_>) -> Result<()> {
        let names = self.classes.names();
        let batch = Batch::next(train, names, self.n_features)?;
        let more = Moments::diagonal(&batch, names.len(), train.stop())?;
        let moments = self.moments.and(&more);
        *self = Self::new(self.recipe.clone(), names, self.n_features, moments)?;
        Ok(())
    }
}

impl Predictor for FittedNaiveBayes {
    fn outputs(&self) -> &[Arc<str>] {
        self.classes.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.n_features)?;
        check_finite(rows)?;
        let n_classes = self.classes.len();
        self.classes.predict(rows, BLOCK, |rows, proba| {
            let panels = pack(rows, self.n_features);
            let logarithms = vectorised(Densities {
                panels: &panels,
                n_features: self.n_features,
                likelihoods: &self.likelihoods,
            });
            let mut scores = vec![0.0; n_classes];
            for (row, proba) in proba.chunks_exact_mut(n_classes).enumerate() {
                let lanes = &logarithms[row / LANES * n_classes..];
                for (score, lane) in scores.iter_mut().zip(lanes) {
                    *score = lane[row % LANES];
                }
                shares(&scores, proba);
            }
            Ok(())
        })
    }
}

/// Probabilities from log-densities, of which there is one for each class, of two classes too.
pub(crate) fn shares(scores: &[f64], proba: &mut [f64]) {
    if let [first, second] = scores {
        probabilities(&[second - first], proba);
    } else {
        probabilities(scores, proba);
    }
}

/// Panels × classes: the logarithm of prior and density.
struct Densities<'a> {
    panels: &'a [f64],
    n_features: usize,
    likelihoods: &'a [Likelihood],
}

impl Work for Densities<'_> {
    type Output = Vec<Lane>;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Vec<Lane> {
        let mut out = Vec::with_capacity(self.panels.len() / self.n_features);
        for panel in self.panels.chunks_exact(self.n_features * LANES) {
            for class in self.likelihoods {
                let mut sums = [0.0; LANES];
                let lanes = panel.as_chunks::<LANES>().0;
                for (x, [mean, scale]) in lanes.iter().zip(&class.features) {
                    for lane in 0..LANES {
                        let off = x[lane] - mean;
                        sums[lane] += off * off * scale;
                    }
                }
                out.push(sums.map(|sum| class.at_mean - sum));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array, s};
    use xscatter_core::{Classes, Target};

    fn names() -> Vec<Arc<str>> {
        ["a", "b", "c"].map(Into::into).to_vec()
    }

    #[test]
    fn portions_learn_what_all_rows_do() {
        let rows = Array2::from_shape_fn((40, 3), |(row, column)| {
            100.0 + ((row * (7 + 4 * column)) % 23) as f32 / 4.0
        });
        // The last class comes late.
        let labels: Vec<u32> = (0..40)
            .map(|row| if row < 20 { row % 2 } else { row % 3 })
            .collect();
        let target = Target::Classes(Classes::new(names(), labels).unwrap());
        let weights: Vec<f32> = (0..40).map(|row| (row % 3) as f32).collect();
        let all = TrainingSet::new(rows.view(), &target)
            .unwrap()
            .with_weights(&weights)
            .unwrap();
        let at_once = NaiveBayes::default().fit(&all).unwrap();
        let mut model = None;
        for start in [0, 10, 20, 30] {
            let part = rows.slice(s![start..start + 10, ..]);
            let part_target = target.select(&(start..start + 10).collect::<Vec<_>>());
            let part = TrainingSet::new(part, &part_target)
                .unwrap()
                .with_weights(&weights[start..start + 10])
                .unwrap();
            match &mut model {
                None => model = Some(NaiveBayes::default().fit(&part).unwrap()),
                Some(model) => model.update(&part).unwrap(),
            }
        }
        let in_portions = model.unwrap().predict_proba(rows.view()).unwrap();
        let at_once = at_once.predict_proba(rows.view()).unwrap();
        for (one, other) in at_once.iter().zip(&in_portions) {
            approx::assert_relative_eq!(one, other, max_relative = 1e-6);
        }
    }

    #[test]
    fn an_update_that_fails_changes_nothing() {
        let rows = array![[1.0_f32], [2.0], [4.0]];
        let target = Target::Classes(Classes::from_names(&["a", "b", "b"]));
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let mut model = NaiveBayes::default().fit(&train).unwrap();
        let before = model.clone();
        let other = Target::Classes(Classes::from_names(&["a", "b", "d"]));
        let error = model
            .update(&TrainingSet::new(rows.view(), &other).unwrap())
            .unwrap_err();
        assert!(error.message().contains("row 2") && error.message().contains("got d"));
        let wide = array![[1.0_f32, 2.0], [2.0, 1.0], [4.0, 0.0]];
        let wide = TrainingSet::new(wide.view(), &target).unwrap();
        assert!(model.update(&wide).is_err());
        assert_eq!(model, before);
    }

    #[test]
    fn constant_features_do_not_break_it_and_constants_alone_do() {
        let rows = array![[3.0_f32, 1.0], [3.0, 1.5], [3.0, 4.0], [3.0, 4.5]];
        let target = Target::Classes(Classes::from_names(&["a", "a", "b", "b"]));
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let model = NaiveBayes::default().fit(&train).unwrap();
        let proba = model.predict_proba(array![[3.0, 1.2]].view()).unwrap();
        assert!(proba[[0, 0]] > 0.99);
        // Far from both: still probabilities.
        let proba = model.predict_proba(array![[f32::MAX, 1.2]].view()).unwrap();
        assert!((proba.sum() - 1.0).abs() < 1e-6, "{proba}");
        let constant = rows.slice(s![.., ..1]);
        let train = TrainingSet::new(constant, &target).unwrap();
        let error = NaiveBayes::default().fit(&train).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
    }
}
