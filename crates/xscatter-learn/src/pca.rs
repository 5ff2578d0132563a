//! Principal components: the few directions in which the rows differ most.
//!
//! Use it to make many correlated features few, before learners that suffer from many (neighbours, kernels)
//! or to save time; behind a [`StandardScaler`](crate::StandardScaler) unless all features have one unit.
//! Trees rarely gain from it. It looks at no target: a direction that tells the classes apart can be a narrow
//! one, which [`Selection`](crate::Selection) would keep.
//!
//! ```text
//! z = C (x − μ)        rows of C: eigenvectors of S = Σ w (x − μ)(x − μ)ᵀ, largest eigenvalue λ first
//! variance λ/(Σw − 1)  whitened: z/√variance
//! ```
//!
//! The entry of a component with the largest magnitude is positive. There are never more components than
//! directions in which the training rows differ, however many are asked for. Features must be finite.
//!
//! The exact way decomposes S (features × features) or, where rows are fewer, the matrix of the rows'
//! products: O(rows · features · the smaller of both) and 10 times the smaller's cube. The randomised way
//! multiplies with a narrow matrix sixteen times, O(rows · features · components), and finds the first
//! components where the variances fall off. [`FittedPca::update`] goes on with new rows and keeps the number of
//! components; what the dropped ones held is lost.
//!
//! Source: scikit-learn 1.9.1, `PCA` and `IncrementalPCA`; Halko, Martinsson and Tropp 2011,
//! doi:10.1137/090771806; Ross et al. 2008, doi:10.1007/s11263-007-0075-7.

use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Estimator, Result, StopToken, TrainingSet, Transformer};

use crate::counted::{Counted, degenerate, to_f32};
use crate::error::{ConfigError, require};
use crate::pca_directions::{Directions, exact, randomised};
use crate::problem::{Missing, check_finite};

/// So many rows are projected at once.
const BLOCK: usize = 512;
/// Below that the exact way is the faster one.
const SMALL: usize = 500;

/// How many components.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Components {
    /// As many as there are directions.
    #[default]
    All,
    /// So many, 1 or more.
    Count(usize),
    /// As many as explain more than this share of the variance, between 0 and 1.
    Variance(f64),
}

/// How the components are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PcaSolver {
    /// Randomised if there are more than 500 rows and features and a count below a tenth of both, else exact.
    #[default]
    Auto,
    /// By the eigenvalues of the matrix of products.
    Exact,
    /// By a random projection, refined four times, or seven for less than a tenth of the directions. All and a
    /// share of the variance need every eigenvalue: they are found exactly.
    Randomised,
}

/// The parameters of [`Pca`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PcaConfig {
    /// How many components.
    pub components: Components,
    /// Whether every component gets a variance of 1.
    pub whiten: bool,
    /// How they are found.
    pub solver: PcaSolver,
    /// Makes the random projection.
    pub seed: u64,
}

/// Principal component analysis.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Target, TrainingSet, Transformer};
/// use xscatter_learn::{Components, Pca, PcaConfig};
///
/// let rows = array![[1.0_f32, 2.0], [2.0, 4.1], [3.0, 5.9], [4.0, 8.0]];
/// let target = Target::Classes(Classes::from_names(&["a", "b", "a", "b"]));
/// let pca = Pca::new(PcaConfig { components: Components::Count(1), ..PcaConfig::default() })?;
/// let fitted = pca.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert!(fitted.explained_shares()[0] > 0.99);
/// assert_eq!(fitted.transform(rows.view())?.ncols(), 1);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "PcaConfig", into = "PcaConfig")]
pub struct Pca(PcaConfig);

impl Pca {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if a field is out of its domain.
    pub fn new(config: PcaConfig) -> Result<Self, ConfigError> {
        match config.components {
            Components::All => {}
            Components::Count(count) => {
                require(count >= 1, "components", "a count of 1 or more", count)?;
            }
            Components::Variance(share) => require(
                share > 0.0 && share < 1.0,
                "components",
                "a share of the variance between 0 and 1",
                share,
            )?,
        }
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &PcaConfig {
        &self.0
    }

    /// Scatters and directions of centred rows.
    fn directions(&self, centred: ArrayView2<'_, f64>, stop: &StopToken) -> Result<Directions> {
        let smaller = centred.nrows().min(centred.ncols());
        let Components::Count(count) = self.0.components else {
            return exact(centred, self.0.components, stop);
        };
        let few = count as f64 <= 0.1 * smaller as f64;
        let by_chance = match self.0.solver {
            PcaSolver::Auto => smaller > SMALL && few,
            PcaSolver::Exact => false,
            PcaSolver::Randomised => count < smaller,
        };
        if by_chance {
            let rounds = if few { 7 } else { 4 };
            randomised(centred, count, rounds, self.0.seed, stop)
        } else {
            exact(centred, self.0.components, stop)
        }
    }
}

impl TryFrom<PcaConfig> for Pca {
    type Error = ConfigError;

    fn try_from(config: PcaConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<Pca> for PcaConfig {
    fn from(pca: Pca) -> Self {
        pca.0
    }
}

impl Estimator for Pca {
    type Fitted = FittedPca;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedPca> {
        let counted = Counted::new(train, Missing::Refused)?;
        let Centred {
            weight,
            means,
            rows,
            squares,
        } = Centred::new(&counted);
        if weight <= 1.0 {
            return Err(degenerate(format!(
                "expected rows that weigh more than 1 together, got {weight}"
            )));
        }
        let found = self.directions(rows.view(), train.stop())?;
        FittedPca::from_directions(found, means, weight, squares, self.0.whiten)
    }
}

/// Rows around their mean, each times the root of its weight.
struct Centred {
    weight: f64,
    means: Vec<f64>,
    rows: Array2<f64>,
    /// Σ w (x − μ)² over all rows and features.
    squares: f64,
}

impl Centred {
    fn new(counted: &Counted<'_>) -> Self {
        let (n_rows, n_features) = counted.rows.dim();
        let weight = (0..n_rows).map(|row| counted.weight(row)).sum();
        let mut means = vec![0.0; n_features];
        for (place, row) in counted.rows.rows().into_iter().enumerate() {
            let weight = counted.weight(place);
            for (mean, &x) in means.iter_mut().zip(row) {
                *mean += weight * f64::from(x);
            }
        }
        for mean in &mut means {
            *mean /= weight;
        }
        let mut rows = Vec::with_capacity(n_rows * n_features);
        let mut squares = 0.0;
        for (place, row) in counted.rows.rows().into_iter().enumerate() {
            let root = counted.weight(place).sqrt();
            let start = rows.len();
            rows.extend(
                row.iter()
                    .zip(&means)
                    .map(|(&x, mean)| root * (f64::from(x) - mean)),
            );
            squares += rows[start..].iter().map(|x| x * x).sum::<f64>();
        }
        let rows = Array2::from_shape_vec((n_rows, n_features), rows)
            .expect("as many numbers as features in every row");
        Self {
            weight,
            means,
            rows,
            squares,
        }
    }
}

/// Means and directions of the training rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawPca")]
pub struct FittedPca {
    means: Vec<f64>,
    /// Components × features, row after row.
    components: Vec<f64>,
    /// Σ w z² of every component.
    scatters: Vec<f64>,
    /// Σ w (x − μ)² over all features.
    total_scatter: f64,
    /// Σ w.
    weight: f64,
    whiten: bool,
}

#[derive(Deserialize)]
struct RawPca {
    means: Vec<f64>,
    components: Vec<f64>,
    scatters: Vec<f64>,
    total_scatter: f64,
    weight: f64,
    whiten: bool,
}

impl TryFrom<RawPca> for FittedPca {
    type Error = String;

    fn try_from(raw: RawPca) -> Result<Self, String> {
        let (n_features, n_components) = (raw.means.len(), raw.scatters.len());
        let fits = Some(raw.components.len()) == n_features.checked_mul(n_components)
            && n_components > 0
            && n_features > 0;
        if !fits {
            return Err(format!(
                "expected {n_components} components of {n_features} features, got {} numbers",
                raw.components.len()
            ));
        }
        let positive = |value: &f64| value.is_finite() && *value > 0.0;
        if !raw.scatters.iter().all(positive) || !positive(&raw.total_scatter) || raw.weight <= 1.0
        {
            return Err("expected variances above 0 of rows that weigh more than 1".to_owned());
        }
        Ok(Self {
            means: raw.means,
            components: raw.components,
            scatters: raw.scatters,
            total_scatter: raw.total_scatter,
            weight: raw.weight,
            whiten: raw.whiten,
        })
    }
}

impl FittedPca {
    fn from_directions(
        found: Directions,
        means: Vec<f64>,
        weight: f64,
        total_scatter: f64,
        whiten: bool,
    ) -> Result<Self> {
        let Directions {
            scatters,
            mut components,
        } = found;
        if scatters.is_empty() {
            return Err(degenerate(
                "expected rows that differ, got the same one only",
            ));
        }
        for mut row in components.rows_mut() {
            let largest =
                row.iter().fold(
                    0.0_f64,
                    |largest, &x| {
                        if x.abs() > largest.abs() { x } else { largest }
                    },
                );
            if largest < 0.0 {
                row.mapv_inplace(|x| -x);
            }
        }
        let components = components.as_standard_layout().iter().copied().collect();
        Ok(Self {
            means,
            components,
            scatters,
            total_scatter,
            weight,
            whiten,
        })
    }

    /// The mean of every feature.
    pub fn means(&self) -> &[f64] {
        &self.means
    }

    /// Components × features; the entry of largest magnitude is positive.
    ///
    /// # Panics
    /// Never: the number of entries is checked when the model is made.
    pub fn components(&self) -> ArrayView2<'_, f64> {
        ArrayView2::from_shape((self.scatters.len(), self.means.len()), &self.components)
            .expect("checked when the model was made")
    }

    /// The variance along every component.
    pub fn explained_variances(&self) -> Vec<f64> {
        let per_row = |scatter: &f64| scatter / (self.weight - 1.0);
        self.scatters.iter().map(per_row).collect()
    }

    /// The share of every component in the variance of all features.
    pub fn explained_shares(&self) -> Vec<f64> {
        let share = |scatter: &f64| scatter / self.total_scatter;
        self.scatters.iter().map(share).collect()
    }

    /// Goes on with new rows; the target does not matter. It keeps the number of components.
    ///
    /// # Errors
    /// If the rows have other features, one is not finite, or the work was asked to stop.
    ///
    /// # Panics
    /// Never: all parts have the same number of features.
    pub fn update(&mut self, train: &TrainingSet<'_>) -> Result<()> {
        check_features(train.rows(), self.means.len())?;
        let counted = Counted::new(train, Missing::Refused)?;
        let new = Centred::new(&counted);
        let weight = self.weight + new.weight;
        let mut known = self.components().to_owned();
        for (mut row, scatter) in known.rows_mut().into_iter().zip(&self.scatters) {
            row *= scatter.sqrt();
        }
        let root = (self.weight / weight * new.weight).sqrt();
        let shift = Array2::from_shape_fn((1, self.means.len()), |(_, feature)| {
            root * (self.means[feature] - new.means[feature])
        });
        let stacked = concatenate(Axis(0), &[known.view(), new.rows.view(), shift.view()])
            .expect("all have the features of the fit");
        let count = Components::Count(self.scatters.len());
        let found = exact(stacked.view(), count, train.stop())?;
        let total = self.total_scatter + new.squares + shift.iter().map(|x| x * x).sum::<f64>();
        let means = self.means.iter().zip(&new.means);
        let means = means
            .map(|(old, new_mean)| (old * self.weight + new_mean * new.weight) / weight)
            .collect();
        *self = Self::from_directions(found, means, weight, total, self.whiten)?;
        Ok(())
    }
}

impl Transformer for FittedPca {
    fn transform(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.means.len())?;
        check_finite(rows)?;
        let n_components = self.scatters.len();
        let scales: Vec<f64> = if self.whiten {
            let variances = self.explained_variances();
            variances
                .iter()
                .map(|variance| 1.0 / variance.sqrt())
                .collect()
        } else {
            vec![1.0; n_components]
        };
        let n_features = self.means.len();
        let rows = rows.as_standard_layout();
        let rows = rows.as_slice().expect("the rows are in standard layout");
        let mut scores = Array2::zeros((rows.len() / n_features, n_components));
        scores
            .as_slice_mut()
            .expect("a new array is in standard layout")
            .par_chunks_mut(BLOCK * n_components)
            .zip(rows.par_chunks(BLOCK * n_features))
            .for_each(|(scores, rows)| {
                let mut centred = vec![0.0; rows.len()];
                let both = centred
                    .chunks_exact_mut(n_features)
                    .zip(rows.chunks_exact(n_features));
                for (centred, row) in both {
                    for ((centred, &x), mean) in centred.iter_mut().zip(row).zip(&self.means) {
                        *centred = f64::from(x) - mean;
                    }
                }
                let shape = (rows.len() / n_features, n_features);
                let centred = ArrayView2::from_shape(shape, &centred).expect("whole rows");
                let products = centred.dot(&self.components().t());
                for (scores, products) in scores.chunks_exact_mut(n_components).zip(products.rows())
                {
                    for ((score, product), scale) in scores.iter_mut().zip(products).zip(&scales) {
                        *score = to_f32(product * scale);
                    }
                }
            });
        Ok(scores)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{array, s};
    use xscatter_core::seed::derive;
    use xscatter_core::{Classes, ErrorKind, Target};

    fn target(rows: usize) -> Target {
        Target::Classes(Classes::new(vec!["a".into()], vec![0; rows]).unwrap())
    }

    fn fit(rows: &Array2<f32>, config: PcaConfig) -> Result<FittedPca> {
        let target = target(rows.nrows());
        Pca::new(config)?.fit(&TrainingSet::new(rows.view(), &target)?)
    }

    /// Features of less and less variance.
    fn rows(n_rows: usize, n_features: usize) -> Array2<f32> {
        let mix = |i: usize, j: usize| derive(i as u64, j as u64) as f64 / u64::MAX as f64 - 0.5;
        Array2::from_shape_fn((n_rows, n_features), |(row, column)| {
            let sum: f64 = (0..n_features.min(8))
                .map(|k| mix(row, k) * mix(1000 + k, column) * 0.5_f64.powi(k as i32))
                .sum();
            (sum + 1e-3 * mix(row + 5000, column)) as f32
        })
    }

    fn count(count: usize, solver: PcaSolver) -> PcaConfig {
        PcaConfig {
            components: Components::Count(count),
            solver,
            ..PcaConfig::default()
        }
    }

    #[test]
    fn the_randomised_way_finds_what_the_exact_one_does() {
        for (n_rows, n_features) in [(300, 40), (40, 300)] {
            let rows = rows(n_rows, n_features);
            let exact = fit(&rows, count(3, PcaSolver::Exact)).unwrap();
            let random = fit(&rows, count(3, PcaSolver::Randomised)).unwrap();
            for (a, b) in exact.components().iter().zip(random.components()) {
                approx::assert_abs_diff_eq!(a, b, epsilon = 1e-7);
            }
            let variances = random.explained_variances();
            for (a, b) in exact.explained_variances().iter().zip(&variances) {
                approx::assert_relative_eq!(a, b, max_relative = 1e-9);
            }
        }
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice() {
        let rows = rows(30, 4);
        let twice = concatenate![Axis(0), rows, rows];
        let target = target(30);
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let weighted = Pca::default()
            .fit(&train.with_weights(&[2.0; 30]).unwrap())
            .unwrap();
        let repeated = fit(&twice, PcaConfig::default()).unwrap();
        for (a, b) in weighted.components().iter().zip(repeated.components()) {
            approx::assert_abs_diff_eq!(a, b, epsilon = 1e-10);
        }
    }

    #[test]
    fn there_are_no_more_components_than_directions() {
        let line = array![
            [1.0_f32, 2.0, 0.0],
            [2.0, 4.0, 0.0],
            [4.0, 8.0, 0.0],
            [5.0, 10.0, 0.0]
        ];
        let pca = fit(&line, count(3, PcaSolver::Exact)).unwrap();
        assert_eq!(pca.components().nrows(), 1);
        let same = Array2::from_elem((5, 3), 7.0_f32);
        let error = fit(&same, PcaConfig::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
        let error = fit(&array![[1.0_f32, 2.0]], PcaConfig::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
    }

    #[test]
    fn updates_with_all_components_are_a_fit_on_all_rows() {
        let rows = rows(90, 6);
        let mut grown = fit(&rows.slice(s![..40, ..]).to_owned(), PcaConfig::default()).unwrap();
        for range in [40..41, 41..90] {
            let part = rows.slice(s![range.clone(), ..]);
            let target = target(range.len());
            grown
                .update(&TrainingSet::new(part, &target).unwrap())
                .unwrap();
        }
        let whole = fit(&rows, PcaConfig::default()).unwrap();
        for (a, b) in grown.components().iter().zip(whole.components()) {
            approx::assert_abs_diff_eq!(a, b, epsilon = 1e-7);
        }
        for (a, b) in grown
            .explained_shares()
            .iter()
            .zip(whole.explained_shares())
        {
            approx::assert_relative_eq!(*a, b, max_relative = 1e-9);
        }
    }

    #[test]
    fn whitened_components_have_variance_one_and_nan_is_named() {
        let rows = rows(200, 5);
        let config = PcaConfig {
            whiten: true,
            ..PcaConfig::default()
        };
        let pca = fit(&rows, config).unwrap();
        let scores = pca.transform(rows.view()).unwrap();
        for column in scores.columns() {
            let squares: f32 = column.iter().map(|z| z * z).sum();
            approx::assert_abs_diff_eq!(squares / 199.0, 1.0, epsilon = 1e-4);
        }
        let mut missing = rows;
        missing[[3, 1]] = f32::NAN;
        let error = pca.transform(missing.view()).unwrap_err();
        assert!(error.message().contains("row 3, feature 1"), "{error}");
    }
}
