//! Linear discriminant analysis: normal classes with one covariance, as a classifier and as a projection.
//!
//! Use it on correlated features with few rows (with shrinkage it is hard to beat there), as a classifier
//! without anything to tune, and to see classes in one to three dimensions. Where classes differ in spread
//! take the quadratic discriminant.
//!
//! ```text
//! Σ = Σ_k π_k Σ_k      p(k | x) ∝ π_k exp(−½ (x − μ_k)ᵀ Σ⁻¹ (x − μ_k))
//! projection  z = Aᵀ(x − μ)   with  Aᵀ Σ A = 1  and the variance of class means along z descending
//! ```
//!
//! Σ_k may be shrunk ([`Shrinkage`]). Without shrinkage, directions in which Σ in units of its diagonal has
//! an eigenvalue below 10⁻⁸ (constant and duplicate features) are left out; if there is no other, that is
//! an error of kind [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData). Features must be finite.
//! Cost: rows · features² and features³. Source: scikit-learn 1.9.1, `LinearDiscriminantAnalysis` (its
//! solvers `lsqr` and, without shrinkage, `svd`; with priors other than those of the rows Σ is that of
//! `lsqr`).

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{
    Error, ErrorKind, Estimator, Predictor, Result, StopToken, TrainingSet, Transformer,
};

use crate::batch::Batch;
use crate::covariance::{Shrinkage, best_part};
use crate::error::{ConfigError, require};
use crate::linear_scores::LinearScores;
use crate::moments::{Moments, overall_mean};
use crate::panels::dot;
use crate::priors::Priors;
use crate::problem::{ClassMap, check_finite, n_scores, probabilities};
use crate::symmetric::eigen;
use crate::whitening::{LEAST, Whitening};

/// The parameters of [`LinearDiscriminant`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinearDiscriminantConfig {
    /// How much the covariance of each class is shrunk.
    pub shrinkage: Shrinkage,
    /// How probable the classes are beforehand.
    pub priors: Priors,
    /// Dimensions of the projection, at most classes − 1; `None` takes all there are.
    pub components: Option<usize>,
    /// Whether the fitted model can learn more rows: it then keeps a matrix of features × features for
    /// each class. Not together with automatic shrinkage, which needs all rows at once.
    pub keep_moments: bool,
}

/// Linear discriminant analysis.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet, Transformer};
/// use xscatter_learn::LinearDiscriminant;
///
/// let rows = array![[1.0_f32, 0.0], [1.2, 0.3], [1.9, 0.1], [2.2, 0.2]];
/// let target = Target::Classes(Classes::from_names(&["SAXS", "SAXS", "WAXS", "WAXS"]));
/// let model = LinearDiscriminant::default().fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert!(model.predict_proba(array![[2.0, 0.1]].view())?[[0, 1]] > 0.5);
/// assert_eq!(model.transform(rows.view())?.dim(), (4, 1));
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(
    try_from = "LinearDiscriminantConfig",
    into = "LinearDiscriminantConfig"
)]
pub struct LinearDiscriminant(LinearDiscriminantConfig);

impl LinearDiscriminant {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if a field is out of its domain.
    pub fn new(config: LinearDiscriminantConfig) -> Result<Self, ConfigError> {
        config.shrinkage.check()?;
        config.priors.check()?;
        let components = config.components.unwrap_or(1);
        require(components >= 1, "components", "1 or more", components)?;
        require(
            !(config.keep_moments && config.shrinkage == Shrinkage::Auto),
            "keep_moments",
            "false with automatic shrinkage",
            config.keep_moments,
        )?;
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &LinearDiscriminantConfig {
        &self.0
    }
}

impl TryFrom<LinearDiscriminantConfig> for LinearDiscriminant {
    type Error = ConfigError;

    fn try_from(config: LinearDiscriminantConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<LinearDiscriminant> for LinearDiscriminantConfig {
    fn from(recipe: LinearDiscriminant) -> Self {
        recipe.0
    }
}

impl Estimator for LinearDiscriminant {
    type Fitted = FittedLinearDiscriminant;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedLinearDiscriminant> {
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
        FittedLinearDiscriminant::new(self.clone(), names, moments, &parts, train.stop())
    }
}

/// Weights of the classes and the projection that tells them apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLinearDiscriminant")]
pub struct FittedLinearDiscriminant {
    recipe: LinearDiscriminant,
    classes: ClassMap,
    scores: LinearScores,
    projection: LinearScores,
    explained: Vec<f64>,
    moments: Option<Moments>,
}

#[derive(Deserialize)]
struct RawLinearDiscriminant {
    recipe: LinearDiscriminant,
    classes: ClassMap,
    scores: LinearScores,
    projection: LinearScores,
    explained: Vec<f64>,
    moments: Option<Moments>,
}

impl TryFrom<RawLinearDiscriminant> for FittedLinearDiscriminant {
    type Error = String;

    fn try_from(raw: RawLinearDiscriminant) -> Result<Self, String> {
        let n_features = raw.scores.n_features();
        raw.scores.check(n_scores(raw.classes.len()))?;
        raw.projection.check(raw.explained.len())?;
        if raw.projection.n_features() != n_features {
            return Err(format!("expected a projection of {n_features} features"));
        }
        if let Some(moments) = &raw.moments {
            let per_class = n_features.checked_mul(n_features);
            moments.check(raw.classes.names().len(), n_features, per_class)?;
        }
        Ok(Self {
            recipe: raw.recipe,
            classes: raw.classes,
            scores: raw.scores,
            projection: raw.projection,
            explained: raw.explained,
            moments: raw.moments,
        })
    }
}

impl FittedLinearDiscriminant {
    /// `parts` are those of the automatic shrinkage, one for each name.
    fn new(
        recipe: LinearDiscriminant,
        names: &[Arc<str>],
        moments: Moments,
        parts: &[f64],
        stop: &StopToken,
    ) -> Result<Self> {
        let classes = moments.classes(names)?;
        let weights: Vec<f64> = moments.0.iter().map(|class| class.weight).collect();
        let priors = recipe.0.priors.of(&weights)?;
        let n_features = moments.0[0].mean.len();
        let mut within = vec![0.0; n_features * n_features];
        let parts = parts.iter().zip(&weights).filter(|(_, w)| **w > 0.0);
        for ((class, prior), (part, _)) in moments.present().zip(&priors).zip(parts) {
            let covariance = recipe.0.shrinkage.covariance(class, *part);
            for (sum, x) in within.iter_mut().zip(covariance) {
                *sum += prior * x;
            }
        }
        let white = Whitening::new(within, n_features, stop)?;

        let of_prior = priors.iter().zip(moments.present());
        let centre = overall_mean(of_prior.map(|(prior, class)| (*prior, &*class.mean)));
        let offsets: Vec<Vec<f64>> = moments
            .present()
            .map(|class| {
                let offset = class.mean.iter().zip(&centre).map(|(m, c)| m - c).collect();
                white.forward(offset)
            })
            .collect();
        let (mut columns, mut intercepts) = (Vec::new(), Vec::new());
        for (offset, prior) in offsets.iter().zip(&priors) {
            let column = white.back(offset.clone());
            intercepts.push(prior.ln() - 0.5 * dot(offset, offset) - dot(&centre, &column));
            columns.push(column);
        }
        if columns.len() == 2 {
            let first = columns.remove(0);
            for (x, first) in columns[0].iter_mut().zip(first) {
                *x -= first;
            }
            intercepts = vec![intercepts[1] - intercepts[0]];
        }
        let (directions, explained) = directions(&recipe, &white, &offsets, &priors, stop)?;
        let projected = directions
            .iter()
            .map(|direction| -dot(&centre, direction))
            .collect();
        Ok(Self {
            classes,
            scores: LinearScores::new(n_features, transposed(&columns), intercepts),
            projection: LinearScores::new(n_features, transposed(&directions), projected),
            explained,
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
        let moments = more_moments(
            self.moments.as_ref(),
            train,
            names,
            self.scores.n_features(),
        )?;
        let parts = vec![0.0; names.len()];
        *self = Self::new(self.recipe.clone(), names, moments, &parts, train.stop())?;
        Ok(())
    }

    /// Features × scores: a column for each class that occurred in the training rows, or a single one
    /// that speaks for the second of two.
    pub fn coefficients(&self) -> ArrayView2<'_, f64> {
        self.scores.matrix()
    }

    /// One for each score.
    pub fn intercepts(&self) -> &[f64] {
        self.scores.intercepts()
    }

    /// The part of the variance of the class means that lies along each dimension of the projection.
    pub fn explained_variance_ratio(&self) -> &[f64] {
        &self.explained
    }
}

/// The moments of a model and of new rows.
pub(crate) fn more_moments(
    kept: Option<&Moments>,
    train: &TrainingSet<'_>,
    names: &[Arc<str>],
    n_features: usize,
) -> Result<Moments> {
    let Some(kept) = kept else {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "expected a model fitted with keep_moments, got one without",
        ));
    };
    let batch = Batch::next(train, names, n_features)?;
    let more = Moments::full(&batch, names.len(), train.stop(), |_, _, _, _| ())?;
    Ok(kept.and(&more))
}

/// The directions in which class means vary most, in white coordinates, and the parts of their variance.
fn directions(
    recipe: &LinearDiscriminant,
    white: &Whitening,
    offsets: &[Vec<f64>],
    priors: &[f64],
    stop: &StopToken,
) -> Result<(Vec<Vec<f64>>, Vec<f64>)> {
    let (n_classes, n_features) = (offsets.len(), white.n_features());
    let most = n_features.min(n_classes - 1);
    let wanted = recipe.0.components.unwrap_or(most);
    if wanted > most {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("components: expected {most} at most, got {wanted}"),
        ));
    }
    let between = (0..n_classes * n_classes)
        .map(|place| {
            let (a, b) = (place / n_classes, place % n_classes);
            (priors[a] * priors[b]).sqrt() * dot(&offsets[a], &offsets[b])
        })
        .collect();
    let between = eigen(between, n_classes, stop)?;
    let mut order: Vec<usize> = (0..n_classes).collect();
    order.sort_by(|&a, &b| between.values[b].total_cmp(&between.values[a]));
    let total: f64 = between.values.iter().sum();
    let largest = between.values[order[0]];
    if largest <= 0.0 {
        return Err(Error::new(
            ErrorKind::DegenerateData,
            "expected classes with different means, got the same mean for all",
        ));
    }
    let kept = order
        .into_iter()
        .take(wanted)
        .filter(|&place| between.values[place] > LEAST * largest);
    let (mut directions, mut explained) = (Vec::new(), Vec::new());
    for place in kept {
        let vector = &between.vectors[place * n_classes..][..n_classes];
        let mut white_direction = vec![0.0; offsets[0].len()];
        for ((offset, prior), share) in offsets.iter().zip(priors).zip(vector) {
            let factor = share * (prior / between.values[place]).sqrt();
            for (sum, x) in white_direction.iter_mut().zip(offset) {
                *sum += factor * x;
            }
        }
        let mut direction = white.back(white_direction);
        // Of the two signs the one that makes the largest weight positive.
        let extreme = direction.iter().fold(
            0.0,
            |most: f64, &x| if x.abs() > most.abs() { x } else { most },
        );
        for x in &mut direction {
            *x *= 1.0_f64.copysign(extreme);
        }
        directions.push(direction);
        explained.push(between.values[place] / total);
    }
    Ok((directions, explained))
}

/// Columns as features × columns, row after row.
fn transposed(columns: &[Vec<f64>]) -> Vec<f64> {
    (0..columns[0].len())
        .flat_map(|row| columns.iter().map(move |column| column[row]))
        .collect()
}

impl Predictor for FittedLinearDiscriminant {
    fn outputs(&self) -> &[Arc<str>] {
        self.classes.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.scores.predict(&self.classes, rows, probabilities)
    }
}

impl Transformer for FittedLinearDiscriminant {
    fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.projection.n_features())?;
        check_finite(rows)?;
        let standard = rows.as_standard_layout();
        let projected = self
            .projection
            .of(standard.as_slice().expect("in standard layout"));
        let shape = (rows.nrows(), self.explained.len());
        let projected = projected.into_iter().map(|x| x as f32).collect();
        Ok(Array2::from_shape_vec(shape, projected).expect("a value for each row and direction"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::{assert_abs_diff_eq, assert_relative_eq};
    use ndarray::{Axis, array, s};
    use xscatter_core::{Classes, Target};

    fn table(n_rows: usize) -> (Array2<f32>, Target) {
        let rows = Array2::from_shape_fn((n_rows, 4), |(row, column)| {
            let noise = ((row * (5 + 6 * column) + column) % 29) as f32 / 7.0;
            noise + f32::from(u8::from(row % 3 == column))
        });
        let labels = (0..n_rows).map(|row| (row % 3) as u32).collect();
        let names = ["a", "b", "c"].map(Into::into).to_vec();
        (rows, Target::Classes(Classes::new(names, labels).unwrap()))
    }

    fn recipe(shrinkage: Shrinkage, priors: Priors) -> LinearDiscriminant {
        LinearDiscriminant::new(LinearDiscriminantConfig {
            shrinkage,
            priors,
            keep_moments: true,
            ..LinearDiscriminantConfig::default()
        })
        .unwrap()
    }

    #[test]
    fn portions_learn_what_all_rows_do() {
        let (rows, target) = table(60);
        let all = TrainingSet::new(rows.view(), &target).unwrap();
        for shrinkage in [Shrinkage::None, Shrinkage::Fixed(0.3)] {
            for priors in [Priors::Proportional, Priors::Uniform] {
                let recipe = recipe(shrinkage, priors);
                let at_once = recipe.fit(&all).unwrap();
                // The first portion has two of the classes.
                let first: Vec<usize> = (0..30).filter(|row| row % 3 < 2).collect();
                let rest: Vec<usize> = (0..60).filter(|row| !first.contains(row)).collect();
                let part = |chosen: &[usize]| (rows.select(Axis(0), chosen), target.select(chosen));
                let (part_rows, part_target) = part(&first);
                let train = TrainingSet::new(part_rows.view(), &part_target).unwrap();
                let mut model = recipe.fit(&train).unwrap();
                let (part_rows, part_target) = part(&rest);
                let train = TrainingSet::new(part_rows.view(), &part_target).unwrap();
                model.update(&train).unwrap();
                let (one, other) = (at_once.coefficients(), model.coefficients());
                for (one, other) in one.iter().zip(other) {
                    assert_relative_eq!(one, other, max_relative = 1e-9, epsilon = 1e-12);
                }
            }
        }
    }

    #[test]
    fn the_projection_whitens_the_classes() {
        let (rows, target) = table(60);
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let model = recipe(Shrinkage::None, Priors::Proportional)
            .fit(&train)
            .unwrap();
        let z = model.transform(rows.view()).unwrap();
        assert_eq!(z.ncols(), 2);
        let mut within = Array2::<f32>::zeros((2, 2));
        for class in 0..3 {
            let rows: Vec<usize> = (0..60).filter(|row| row % 3 == class).collect();
            let z = z.select(Axis(0), &rows);
            let centred = &z - &z.mean_axis(Axis(0)).unwrap();
            within += &(centred.t().dot(&centred) / 60.0);
        }
        for (found, unit) in within.iter().zip(&Array2::<f32>::eye(2)) {
            assert_abs_diff_eq!(found, unit, epsilon = 1e-4);
        }
        assert_abs_diff_eq!(
            model.explained_variance_ratio().iter().sum::<f64>(),
            1.0,
            epsilon = 1e-9
        );
    }

    #[test]
    fn what_does_not_vary_is_left_out_and_nothing_else_is_degenerate() {
        let (rows, target) = table(30);
        let constant = Array2::from_elem((30, 1), 3.25_f32);
        let twice = ndarray::concatenate![Axis(1), rows, constant, rows];
        let none = recipe(Shrinkage::None, Priors::Proportional);
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let plain = none
            .fit(&train)
            .unwrap()
            .predict_proba(rows.view())
            .unwrap();
        let train = TrainingSet::new(twice.view(), &target).unwrap();
        let more = none
            .fit(&train)
            .unwrap()
            .predict_proba(twice.view())
            .unwrap();
        for (one, other) in plain.iter().zip(&more) {
            assert_abs_diff_eq!(one, other, epsilon = 1e-5);
        }
        for shrinkage in [Shrinkage::None, Shrinkage::Auto] {
            let config = LinearDiscriminantConfig {
                shrinkage,
                ..Default::default()
            };
            let recipe = LinearDiscriminant::new(config).unwrap();
            let train = TrainingSet::new(twice.slice(s![.., 4..5]), &target).unwrap();
            let error = recipe.fit(&train).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DegenerateData);
        }
    }

    #[test]
    fn wrong_wishes_are_refused() {
        let (rows, target) = table(30);
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let components = LinearDiscriminantConfig {
            components: Some(3),
            ..Default::default()
        };
        let error = LinearDiscriminant::new(components)
            .unwrap()
            .fit(&train)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        let keep = LinearDiscriminantConfig {
            keep_moments: true,
            ..Default::default()
        };
        assert!(LinearDiscriminant::new(keep).is_err());
        let mut model = LinearDiscriminant::default().fit(&train).unwrap();
        assert!(
            model
                .update(&train)
                .unwrap_err()
                .message()
                .contains("keep_moments")
        );
        let far = array![[1e30_f32, -1e30, 1e30, 0.0]];
        let proba = model.predict_proba(far.view()).unwrap();
        assert_abs_diff_eq!(proba.sum(), 1.0, epsilon = 1e-6);
    }
}
