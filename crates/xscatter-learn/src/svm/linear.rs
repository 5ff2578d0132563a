//! Linear support vector machines for many rows.
//!
//! Use them on many, dense features (visual words under a linear kernel, deep features) and on more rows
//! than [`KernelSvm`](crate::KernelSvm) can pair. Scale the features first
//! ([`StandardScaler`](crate::StandardScaler)): the penalty treats all weights alike, the intercept
//! included, and the solver is slow on features of very different sizes.
//!
//! ```text
//! f(x) = w · x + b      minimise ½ (|w|² + b²) + C Σ wᵢ max(0, 1 − yᵢ f(xᵢ))ᵖ      p = 1 or 2
//! ```
//!
//! Dual coordinate descent in an order of the seed's own. Classes, tags and probabilities are those of
//! [`KernelSvm`](crate::KernelSvm). One pass costs O(rows · features). Sources: Hsieh et al. 2008,
//! doi:10.1145/1390156.1390208; decision values of scikit-learn 1.9.1, `LinearSVC` (LIBLINEAR).

#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::seed::derive;
use xscatter_core::{Estimator, Predictor, Result, StopToken, TrainingSet};

use crate::error::{ConfigError, require};
use crate::lanes::{Work, dot, vectorised};
use crate::problem::{ClassWeight, check_finite};
use crate::svm::heads::{Head, Heads, Question, Questionnaire, Solve, answer};

/// What a row on the wrong side of its margin costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SvmLoss {
    /// `max(0, 1 − y f)`.
    Hinge,
    /// Its square.
    #[default]
    SquaredHinge,
}

/// The parameters of [`LinearSvm`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinearSvmConfig {
    /// C, above 0: the larger, the weaker the penalty.
    pub c: f64,
    /// What a row on the wrong side of its margin costs.
    pub loss: SvmLoss,
    /// The spread of the projected gradient over a pass at the end.
    pub tolerance: f64,
    /// Passes over the rows at most; beyond them the last point is the result.
    pub max_passes: usize,
    /// How much the two sides of each question weigh.
    pub class_weight: ClassWeight,
    /// Folds for the probabilities; 0 or 1 takes the rows of the fit themselves, which is faster and too
    /// sure.
    pub folds: usize,
    /// Where the order of the rows comes from.
    pub seed: u64,
}

impl Default for LinearSvmConfig {
    /// The squared loss, C = 1, five folds.
    fn default() -> Self {
        Self {
            c: 1.0,
            loss: SvmLoss::SquaredHinge,
            tolerance: 1e-4,
            max_passes: 1000,
            class_weight: ClassWeight::Uniform,
            folds: 5,
            seed: 0,
        }
    }
}

/// A linear support vector machine, for classes or tags.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Estimator, Predictor, TagState, Tags, Target, TrainingSet};
/// use xscatter_learn::LinearSvm;
/// use TagState::{Negative, Positive, Unknown};
///
/// let rows = array![[0.0_f32], [1.0], [2.0], [3.0]];
/// let states = array![[Negative, Positive], [Negative, Unknown], [Positive, Positive], [Positive, Negative]];
/// let target = Target::Tags(Tags::new(vec!["ring".into(), "halo".into()], states)?);
/// let model = LinearSvm::default().fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert_eq!(model.predict_proba(rows.view())?.dim(), (4, 2));
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "LinearSvmConfig", into = "LinearSvmConfig")]
pub struct LinearSvm(LinearSvmConfig);

impl LinearSvm {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if a field is out of its domain.
    pub fn new(config: LinearSvmConfig) -> Result<Self, ConfigError> {
        let LinearSvmConfig {
            c,
            tolerance,
            max_passes,
            ..
        } = config;
        require(c > 0.0 && c.is_finite(), "c", "above 0", c)?;
        require(tolerance > 0.0, "tolerance", "above 0", tolerance)?;
        require(max_passes >= 1, "max_passes", "1 or more", max_passes)?;
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &LinearSvmConfig {
        &self.0
    }
}

impl TryFrom<LinearSvmConfig> for LinearSvm {
    type Error = ConfigError;

    fn try_from(config: LinearSvmConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<LinearSvm> for LinearSvmConfig {
    fn from(svm: LinearSvm) -> Self {
        svm.0
    }
}

/// So many products lie between two looks at the stop token.
const STOP_EVERY: usize = 1 << 20;

struct Machine {
    /// The multiplier of each row, times its side.
    alphas: Vec<f64>,
    weights: Vec<f64>,
    intercept: f64,
}

struct Solver<'a> {
    config: &'a LinearSvmConfig,
    rows: &'a [f32],
    n_features: usize,
    stop: &'a StopToken,
}

impl Solver<'_> {
    fn features(&self, row: usize) -> &[f32] {
        &self.rows[row * self.n_features..][..self.n_features]
    }

    /// Passes over these rows, starting from multipliers that may be nonzero for them alone.
    fn descend(&self, question: &Question, kept: &[usize], alphas: Vec<f64>) -> Result<Machine> {
        let config = self.config;
        let mut machine = Machine {
            alphas,
            weights: vec![0.0; self.n_features],
            intercept: 0.0,
        };
        for &row in kept {
            if machine.alphas[row] != 0.0 {
                machine.add(self.features(row), machine.alphas[row]);
            }
        }
        // The squared loss bounds no multiplier but bends the objective.
        let rows: Vec<Row<'_>> = kept
            .iter()
            .map(|&place| {
                let c = config.c * question.weights[place];
                let (bound, bend) = match config.loss {
                    SvmLoss::Hinge => (c, 0.0),
                    SvmLoss::SquaredHinge => (f64::INFINITY, 0.5 / c),
                };
                let features = self.features(place);
                let squares = features.iter().map(|&x| f64::from(x).powi(2));
                Row {
                    place,
                    features,
                    side: question.sides[place],
                    bound,
                    bend,
                    curvature: squares.sum::<f64>() + 1.0 + bend,
                }
            })
            .collect();
        let often = (STOP_EVERY / self.n_features).max(1);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        for pass in 0..config.max_passes {
            let seed = derive(config.seed, pass as u64);
            for last in (1..order.len()).rev() {
                let other = derive(seed, last as u64) % (last as u64 + 1);
                order.swap(last, other as usize);
            }
            let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
            for order in order.chunks(often) {
                self.stop.check()?;
                let (low, high) = vectorised(Visit {
                    rows: &rows,
                    order,
                    machine: &mut machine,
                });
                lowest = lowest.min(low);
                highest = highest.max(high);
            }
            if highest - lowest < config.tolerance {
                break;
            }
        }
        Ok(machine)
    }

    fn decide(&self, machine: &Machine) -> Vec<f64> {
        vectorised(Decide {
            rows: self.rows,
            n_features: self.n_features,
            machine,
        })
    }
}

impl Machine {
    #[inline(always)]
    fn decision(&self, features: &[f32]) -> f64 {
        self.intercept + dot(features, &self.weights)
    }

    #[inline(always)]
    fn add(&mut self, features: &[f32], change: f64) {
        for (weight, &x) in self.weights.iter_mut().zip(features) {
            *weight += change * f64::from(x);
        }
        self.intercept += change;
    }
}

/// A row that takes part in a fit.
struct Row<'a> {
    place: usize,
    features: &'a [f32],
    side: f64,
    /// The largest multiplier.
    bound: f64,
    bend: f64,
    curvature: f64,
}

/// Moves the multiplier of one row after the other to where the objective is lowest; gives the lowest and the
/// highest projected gradient.
struct Visit<'a> {
    rows: &'a [Row<'a>],
    order: &'a [usize],
    machine: &'a mut Machine,
}

impl Work for Visit<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn run(self) -> (f64, f64) {
        let machine = self.machine;
        let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
        for &index in self.order {
            let row = &self.rows[index];
            let alpha = row.side * machine.alphas[row.place];
            let slope = row.side * machine.decision(row.features) - 1.0 + row.bend * alpha;
            let projected = if alpha <= 0.0 {
                slope.min(0.0)
            } else if alpha >= row.bound {
                slope.max(0.0)
            } else {
                slope
            };
            lowest = lowest.min(projected);
            highest = highest.max(projected);
            if projected != 0.0 {
                let moved = (alpha - slope / row.curvature).clamp(0.0, row.bound);
                machine.alphas[row.place] = row.side * moved;
                machine.add(row.features, (moved - alpha) * row.side);
            }
        }
        (lowest, highest)
    }
}

/// The decision about each row.
struct Decide<'a> {
    rows: &'a [f32],
    n_features: usize,
    machine: &'a Machine,
}

impl Work for Decide<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn run(self) -> Vec<f64> {
        let mut decisions = Vec::with_capacity(self.rows.len() / self.n_features);
        for features in self.rows.chunks_exact(self.n_features) {
            decisions.push(self.machine.decision(features));
        }
        decisions
    }
}

impl Solve for Solver<'_> {
    type Machine = Machine;

    fn solve(&self, question: &Question) -> Result<Machine> {
        let kept: Vec<usize> = question.known().collect();
        self.descend(question, &kept, vec![0.0; question.sides.len()])
    }

    fn decisions(&self, _: &Question, machine: &Machine) -> Vec<f64> {
        self.decide(machine)
    }

    fn decisions_without(
        &self,
        question: &Question,
        machine: &Machine,
        keeps: &(dyn Fn(usize) -> bool + Sync),
    ) -> Result<Vec<f64>> {
        let mut alphas = machine.alphas.clone();
        let (kept, held): (Vec<usize>, Vec<usize>) = question.known().partition(|&row| keeps(row));
        for row in held {
            alphas[row] = 0.0;
        }
        Ok(self.decide(&self.descend(question, &kept, alphas)?))
    }
}

impl Estimator for LinearSvm {
    type Fitted = FittedLinearSvm;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedLinearSvm> {
        let all = Questionnaire::new(train, self.0.class_weight)?;
        let n_features = all.rows.ncols();
        let solver = Solver {
            config: &self.0,
            rows: all.flat(),
            n_features,
            stop: train.stop(),
        };
        let answers = answer(&solver, &all.questions, self.0.folds)?;
        let sharpness = all.sharpness(&answers);
        let heads = answers.into_iter().zip(&all.questions);
        let heads = heads
            .map(|(answer, question)| {
                Head::new(answer, question, |machine: Machine| {
                    (machine.weights, machine.intercept)
                })
            })
            .collect();
        Ok(FittedLinearSvm {
            n_features,
            heads: Heads {
                outputs: all.outputs,
                answers: heads,
                sharpness,
            },
        })
    }
}

/// The weights of a [`LinearSvm`] for each class or tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLinearSvm")]
pub struct FittedLinearSvm {
    n_features: usize,
    heads: Heads,
}

#[derive(Deserialize)]
struct RawLinearSvm {
    n_features: usize,
    heads: Heads,
}

impl TryFrom<RawLinearSvm> for FittedLinearSvm {
    type Error = String;

    fn try_from(RawLinearSvm { n_features, heads }: RawLinearSvm) -> Result<Self, String> {
        if n_features == 0 {
            return Err("expected at least one feature, got none".to_owned());
        }
        heads.check(n_features)?;
        Ok(Self { n_features, heads })
    }
}

impl FittedLinearSvm {
    /// Decision values, rows × questions: one column for two classes (positive for the second), else one for
    /// each class that occurred, or for each tag; infinite for a tag that all training rows had, or none.
    ///
    /// # Errors
    /// If the number of features differs from that of the fit, or a feature is not finite.
    pub fn decisions(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        check_features(rows, self.n_features)?;
        check_finite(rows)?;
        Ok(self.heads.decisions(rows, features))
    }
}

/// The answers are computed from the features themselves.
fn features(rows: &[f32], out: &mut Vec<f32>) {
    out.extend_from_slice(rows);
}

impl Predictor for FittedLinearSvm {
    fn outputs(&self) -> &[Arc<str>] {
        self.heads.outputs.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        check_features(rows, self.n_features)?;
        check_finite(rows)?;
        self.heads.predict(rows, features)
    }
}
