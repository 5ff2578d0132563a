//! Support vector machines with a kernel.
//!
//! Use them on some hundreds to some ten thousand rows: with the intersection kernel on histograms (visual
//! words), with the Gaussian one on few scaled features ([`StandardScaler`](crate::StandardScaler)). For a
//! linear kernel on many rows [`LinearSvm`](crate::LinearSvm) is faster.
//!
//! ```text
//! f(x) = Σ yᵢ αᵢ K(xᵢ, x) + b      minimise ½ |f|² + C Σ wᵢ max(0, 1 − yᵢ f(xᵢ))
//! ```
//!
//! Each class is told from all others, and each tag from its absence; rows for which a tag is unknown
//! do not count for it. Decision values become probabilities by Platt's sigmoid, which is fitted to
//! decisions about rows that were held out in turns; the probabilities of classes are divided by their
//! sum. A tag that all rows have, or none, has that probability; a tag that is unknown for all rows is an
//! error. Features must be finite.
//!
//! The result depends on no seed and no thread count. A fit costs between O(rows²) and O(rows³) for each
//! class or tag and each fold, plus `features · rows²` once for the kernel; a prediction costs
//! O(support vectors · features). Sources: Cortes and Vapnik 1995, doi:10.1007/BF00994018; decision values
//! of scikit-learn 1.9.1, `SVC` (LIBSVM).

pub(crate) mod heads;
pub(crate) mod kernel;
pub(crate) mod linear;
pub(crate) mod sigmoid;
pub(crate) mod smo;

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Estimator, Predictor, Result, StopToken, TrainingSet};

use crate::error::{ConfigError, require};
use crate::problem::{ClassWeight, check_finite};
use crate::svm::heads::{Head, Heads, Question, Questionnaire, Solve, answer};
use crate::svm::kernel::{Gram, SvmKernel};
use crate::svm::smo::Dual;

/// The parameters of [`KernelSvm`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KernelSvmConfig {
    /// How alike two rows are.
    pub kernel: SvmKernel,
    /// C, above 0: the larger, the fewer errors on the training rows.
    pub c: f64,
    /// The largest violation of the optimality conditions at the end.
    pub tolerance: f64,
    /// Steps of the solver at most; beyond them the best so far is the result.
    pub max_iterations: usize,
    /// How much the two sides of each question weigh.
    pub class_weight: ClassWeight,
    /// Folds for the probabilities; 0 or 1 takes the rows of the fit themselves, which is faster and too
    /// sure.
    pub folds: usize,
    /// Memory for kernel values in MiB: all of them if they fit, else those that were used last.
    pub cache_mib: usize,
}

impl Default for KernelSvmConfig {
    /// A Gaussian kernel as wide as the data, C = 1, five folds.
    fn default() -> Self {
        Self {
            kernel: SvmKernel::default(),
            c: 1.0,
            tolerance: 1e-3,
            max_iterations: 10_000_000,
            class_weight: ClassWeight::Uniform,
            folds: 5,
            cache_mib: 512,
        }
    }
}

/// A support vector machine with a kernel, for classes or tags.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet};
/// use xscatter_learn::{KernelSvm, KernelSvmConfig, SvmKernel};
///
/// let rows = array![[3.0_f32, 1.0], [4.0, 0.0], [0.0, 4.0], [1.0, 3.0]];
/// let target = Target::Classes(Classes::from_names(&["SAXS", "SAXS", "WAXS", "WAXS"]));
/// let config = KernelSvmConfig { kernel: SvmKernel::Intersection, ..Default::default() };
/// let model = KernelSvm::new(config)?.fit(&TrainingSet::new(rows.view(), &target)?)?;
/// assert!(model.decisions(array![[0.0, 5.0]].view())?[[0, 0]] > 0.0);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "KernelSvmConfig", into = "KernelSvmConfig")]
pub struct KernelSvm(KernelSvmConfig);

impl KernelSvm {
    /// From its configuration.
    ///
    /// # Errors
    /// [`ConfigError`] if a field is out of its domain.
    pub fn new(config: KernelSvmConfig) -> Result<Self, ConfigError> {
        let KernelSvmConfig {
            kernel,
            c,
            tolerance,
            max_iterations,
            ..
        } = config;
        if let SvmKernel::Rbf { gamma: Some(gamma) } = kernel {
            let sound = gamma > 0.0 && gamma.is_finite();
            require(sound, "gamma", "above 0", gamma)?;
        }
        require(c > 0.0 && c.is_finite(), "c", "above 0", c)?;
        require(tolerance > 0.0, "tolerance", "above 0", tolerance)?;
        let some = max_iterations >= 1;
        require(some, "max_iterations", "1 or more", max_iterations)?;
        Ok(Self(config))
    }

    /// Its configuration.
    pub fn config(&self) -> &KernelSvmConfig {
        &self.0
    }
}

impl TryFrom<KernelSvmConfig> for KernelSvm {
    type Error = ConfigError;

    fn try_from(config: KernelSvmConfig) -> Result<Self, ConfigError> {
        Self::new(config)
    }
}

impl From<KernelSvm> for KernelSvmConfig {
    fn from(svm: KernelSvm) -> Self {
        svm.0
    }
}

/// Signed multipliers of training rows.
struct Machine {
    support: Vec<(usize, f64)>,
    intercept: f64,
}

struct Solver<'a> {
    config: &'a KernelSvmConfig,
    gram: &'a Gram<'a>,
    stop: &'a StopToken,
}

impl Solve for Solver<'_> {
    type Machine = Machine;

    fn solve(&self, question: &Question) -> Result<Machine> {
        let rows = &question.rows;
        let weights = question.weights.iter();
        let bounds: Vec<f64> = weights.map(|weight| self.config.c * weight).collect();
        let diagonal = rows.iter().map(|&row| f64::from(self.gram.of(row, row)));
        let diagonal: Vec<f64> = diagonal.collect();
        let dual = Dual {
            sides: &question.sides,
            bounds: &bounds,
            diagonal: &diagonal,
            tolerance: self.config.tolerance,
            max_iterations: self.config.max_iterations,
        };
        let mut among = self.gram.among(rows);
        let solution = dual.solve(|row, out| among.row(row, out), self.stop)?;
        let support = rows.iter().copied().zip(solution.coefficients);
        Ok(Machine {
            support: support
                .filter(|(_, coefficient)| *coefficient != 0.0)
                .collect(),
            intercept: solution.intercept,
        })
    }

    fn decisions(&self, machine: &Machine, rows: &[usize]) -> Vec<f64> {
        let decision = |&row: &usize| {
            let support = machine.support.iter();
            let terms = support.map(|&(one, c)| c * f64::from(self.gram.of(row, one)));
            machine.intercept + terms.sum::<f64>()
        };
        rows.iter().map(decision).collect()
    }
}

impl Estimator for KernelSvm {
    type Fitted = FittedKernelSvm;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedKernelSvm> {
        let config = &self.0;
        let all = Questionnaire::new(train, config.class_weight)?;
        let n_features = all.rows.ncols();
        config.kernel.check(all.flat(), n_features)?;
        let kernel = config.kernel.resolve(all.flat(), n_features);
        let room = config
            .cache_mib
            .saturating_mul((1 << 20) / size_of::<f32>());
        let gram = Gram::new(kernel, all.flat(), n_features, room);
        let solver = Solver {
            config,
            gram: &gram,
            stop: train.stop(),
        };
        let answers = answer(&solver, &all.questions, config.folds)?;
        let mut used: Vec<usize> = answers
            .iter()
            .flatten()
            .flat_map(|(machine, _)| machine.support.iter().map(|&(row, _)| row))
            .collect();
        used.sort_unstable();
        used.dedup();
        let heads = answers.into_iter().zip(&all.questions);
        let heads = heads
            .map(|(answer, question)| match answer {
                None => Head::Always(question.sides[0] > 0.0),
                Some((machine, sigmoid)) => {
                    let mut coefficients = vec![0.0; used.len()];
                    for (row, coefficient) in machine.support {
                        coefficients[used.partition_point(|&other| other < row)] = coefficient;
                    }
                    Head::Machine {
                        coefficients,
                        intercept: machine.intercept,
                        sigmoid,
                    }
                }
            })
            .collect();
        let vectors = used.iter().flat_map(|&row| gram.features(row));
        Ok(FittedKernelSvm {
            kernel,
            n_features,
            vectors: vectors.copied().collect(),
            heads: Heads {
                outputs: all.outputs,
                heads,
            },
        })
    }
}

/// The support vectors of a [`KernelSvm`] and what they weigh for each class or tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawKernelSvm")]
pub struct FittedKernelSvm {
    kernel: SvmKernel,
    n_features: usize,
    /// Support vectors × features, row after row.
    vectors: Vec<f32>,
    heads: Heads,
}

#[derive(Deserialize)]
struct RawKernelSvm {
    kernel: SvmKernel,
    n_features: usize,
    vectors: Vec<f32>,
    heads: Heads,
}

impl TryFrom<RawKernelSvm> for FittedKernelSvm {
    type Error = String;

    fn try_from(raw: RawKernelSvm) -> Result<Self, String> {
        let RawKernelSvm {
            kernel,
            n_features,
            vectors,
            heads,
        } = raw;
        let gamma_is_known = match kernel {
            SvmKernel::Rbf { gamma } => gamma.is_some_and(|gamma| gamma > 0.0),
            SvmKernel::Linear | SvmKernel::Intersection => true,
        };
        if !gamma_is_known {
            return Err(format!(
                "expected a kernel with its parameters, got {kernel:?}"
            ));
        }
        let whole = n_features > 0 && vectors.len().is_multiple_of(n_features);
        if !whole || vectors.iter().any(|value| !value.is_finite()) {
            return Err(format!(
                "expected support vectors of {n_features} finite features, got {} numbers",
                vectors.len()
            ));
        }
        heads.check(vectors.len() / n_features)?;
        Ok(Self {
            kernel,
            n_features,
            vectors,
            heads,
        })
    }
}

impl FittedKernelSvm {
    /// How many training rows the model keeps.
    pub fn n_support_vectors(&self) -> usize {
        self.vectors.len() / self.n_features
    }

    /// Decision values, rows × questions: one column for two classes (positive for the second), else one for
    /// each class that occurred, or for each tag; infinite for a tag that all training rows had, or none.
    ///
    /// # Errors
    /// If the number of features differs from that of the fit, or a feature is not finite.
    pub fn decisions(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        self.check(rows)?;
        Ok(self
            .heads
            .decisions(rows, |row, out| self.kernels(row, out)))
    }

    fn check(&self, rows: ArrayView2<'_, f32>) -> Result<()> {
        check_features(rows, self.n_features)?;
        check_finite(rows)?;
        let rows = rows.as_standard_layout();
        let values = rows.as_slice().expect("the rows are in standard layout");
        self.kernel.check(values, self.n_features)
    }

    /// The kernel of a row with each support vector.
    fn kernels(&self, row: &[f32], out: &mut Vec<f64>) {
        out.clear();
        let vectors = self.vectors.chunks_exact(self.n_features);
        out.extend(vectors.map(|vector| f64::from(self.kernel.of(row, vector))));
    }
}

impl Predictor for FittedKernelSvm {
    fn outputs(&self) -> &[Arc<str>] {
        self.heads.outputs.names()
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.check(rows)?;
        self.heads.predict(rows, |row, out| self.kernels(row, out))
    }
}
