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
//! Each class is told from each other one, or from all others ([`MultiClass`]), and each tag from its
//! absence; rows for which a tag is unknown do not count for it. Decision values become probabilities by
//! Platt's sigmoid, which is fitted to decisions about rows that were held out in turns, by machines that
//! start from the one of all rows. Those of pairs are coupled (Wu, Lin and Weng 2004), those of three or
//! more classes raised to the power that suits the held-out rows best and divided by their sum. A tag that
//! all rows have, or none, has that probability; a tag that is unknown for all rows is an error. Features
//! must be finite.
//!
//! The result depends on no seed and no thread count. A fit costs `features · rows²` once for the kernel,
//! and for each question and fold two passes over its rows in each of some thousand steps; a prediction
//! costs O(support vectors · features). Sources: Cortes and Vapnik 1995, doi:10.1007/BF00994018; decision
//! values of scikit-learn 1.9.1, `SVC` (LIBSVM).

pub(crate) mod gram;
pub(crate) mod heads;
pub(crate) mod kernel;
pub(crate) mod linear;
pub(crate) mod pairs;
pub(crate) mod sharpness;
pub(crate) mod sigmoid;
pub(crate) mod smo;

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2, Axis};
use serde::{Deserialize, Serialize};
use xscatter_core::learn::check_features;
use xscatter_core::{Classes, Estimator, Predictor, Result, StopToken, Target, TrainingSet};

use crate::error::{ConfigError, require};
use crate::pairwise::{PANEL, Packed};
use crate::problem::{ClassWeight, check_finite};
use crate::svm::gram::Gram;
use crate::svm::heads::{Answer, Head, Heads, Question, Questionnaire, Solve, answer};
use crate::svm::kernel::{Gamma, SvmKernel};
use crate::svm::pairs::{Pair, PairedRows, Pairs};
use crate::svm::smo::{Dual, Point};

/// So many rows, evenly chosen, decide how sharp the probabilities of classes are.
const SHARPENING_ROWS: usize = 2048;

/// Which questions tell three or more classes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MultiClass {
    /// Which of two, for each pair of classes, as LIBSVM does: faster, and most often the better probabilities.
    #[default]
    OneVsOne,
    /// Whether it is this one, for each class.
    OneVsRest,
}

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
    /// Which questions tell three or more classes apart.
    pub multi_class: MultiClass,
    /// How much the classes weigh, or the two sides of each question about one class or tag.
    pub class_weight: ClassWeight,
    /// Folds for the probabilities; 0 or 1 takes the rows of the fit themselves, which is faster and too
    /// sure.
    pub folds: usize,
    /// Memory for kernel values in MiB: all of them if they fit, else those that were used last, in equal
    /// shares for the threads.
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
            multi_class: MultiClass::OneVsOne,
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
        if let SvmKernel::Rbf { gamma } = kernel {
            let gamma = gamma.number();
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

struct Solver<'a> {
    config: &'a KernelSvmConfig,
    gram: &'a Gram<'a>,
    stop: &'a StopToken,
}

impl Solver<'_> {
    /// What `work` makes of a question about the kept rows.
    fn with_dual<T>(
        &self,
        question: &Question,
        keeps: impl Fn(usize) -> bool,
        work: impl FnOnce(&Dual<'_>) -> T,
    ) -> T {
        let weights = question.weights.iter().enumerate();
        let bounds: Vec<f64> = weights
            .map(|(place, weight)| {
                if keeps(place) {
                    self.config.c * weight
                } else {
                    0.0
                }
            })
            .collect();
        let rows = question.ranges.iter().cloned().flatten();
        let diagonal: Vec<f64> = rows.map(|row| self.gram.diagonal(row)).collect();
        work(&Dual {
            gram: self.gram,
            ranges: &question.ranges,
            sides: &question.sides,
            bounds: &bounds,
            diagonal: &diagonal,
            tolerance: self.config.tolerance,
            max_iterations: self.config.max_iterations,
        })
    }
}

impl Solve for Solver<'_> {
    type Machine = Point;

    fn solve(&self, question: &Question) -> Result<Point> {
        self.with_dual(question, |_| true, |dual| dual.solve(self.stop))
    }

    fn decisions(&self, question: &Question, machine: &Point) -> Vec<f64> {
        machine.decisions(&question.sides)
    }

    fn decisions_without(
        &self,
        question: &Question,
        machine: &Point,
        keeps: &(dyn Fn(usize) -> bool + Sync),
    ) -> Result<Vec<f64>> {
        let point = self.with_dual(question, keeps, |dual| dual.solve_from(machine, self.stop))?;
        Ok(point.decisions(&question.sides))
    }
}

impl KernelSvm {
    /// The machines of all questions about these rows.
    fn answer(
        &self,
        rows: &[f32],
        n_features: usize,
        questions: &[Question],
        stop: &StopToken,
    ) -> Result<(SvmKernel, Vec<Answer<Point>>)> {
        let config = &self.0;
        config.kernel.check(rows, n_features)?;
        let kernel = config.kernel.resolve(rows, n_features);
        let room = config
            .cache_mib
            .saturating_mul((1 << 20) / size_of::<f32>());
        let gram = Gram::new(kernel, rows, n_features, room, stop)?;
        let solver = Solver {
            config,
            gram: &gram,
            stop,
        };
        Ok((kernel, answer(&solver, questions, config.folds)?))
    }

    /// One question for each class or tag, or one for two classes.
    fn fit_each(&self, train: &TrainingSet<'_>) -> Result<FittedKernelSvm> {
        let all = Questionnaire::new(train, self.0.class_weight)?;
        let n_features = all.rows.ncols();
        let (kernel, answers) =
            self.answer(all.flat(), n_features, &all.questions, train.stop())?;
        let used = support(&answers, &all.questions, all.rows.nrows());
        let sharpness = all.sharpness(&answers);
        let heads = answers.into_iter().zip(&all.questions);
        let heads = heads
            .map(|(answer, question)| {
                Head::new(answer, question, |point: Point| {
                    let coefficients = used
                        .iter()
                        .map(|&row| point.alphas[row] * question.sides[row])
                        .collect();
                    (coefficients, point.intercept)
                })
            })
            .collect();
        Ok(FittedKernelSvm {
            kernel,
            vectors: select(all.flat(), n_features, &used),
            answers: Answers::Each(Heads {
                outputs: all.outputs,
                answers: heads,
                sharpness,
            }),
        })
    }

    /// One question for each pair of classes.
    fn fit_pairs(&self, train: &TrainingSet<'_>) -> Result<FittedKernelSvm> {
        let all = PairedRows::new(train, self.0.class_weight)?;
        let n_features = all.rows.ncols();
        let rows = all
            .rows
            .as_slice()
            .expect("the rows are in standard layout");
        let (kernel, answers) = self.answer(rows, n_features, &all.questions, train.stop())?;
        let used = support(&answers, &all.questions, all.rows.nrows());
        let machines = answers.iter().zip(&all.questions);
        let machines = machines
            .map(|(answer, question)| {
                let answered = answer.as_ref().expect("both classes of a pair have rows");
                let point = &answered.machine;
                let coefficients = |range: &Range<usize>, first: usize| {
                    let begin = used.partition_point(|&row| row < range.start);
                    let end = used.partition_point(|&row| row < range.end);
                    used[begin..end]
                        .iter()
                        .map(|&row| row - range.start + first)
                        .map(|place| point.alphas[place] * question.sides[place])
                        .collect()
                };
                let [first, second] = &question.ranges;
                Pair {
                    first: coefficients(first, 0),
                    second: coefficients(second, first.len()),
                    intercept: point.intercept,
                    sigmoid: answered.sigmoid,
                }
            })
            .collect();
        let starts = all.starts.iter();
        let starts = starts.map(|&start| used.partition_point(|&row| row < start));
        let mut pairs = Pairs {
            starts: starts.collect(),
            classes: all.classes.clone(),
            machines,
            sharpness: 1.0,
        };
        let vectors = select(rows, n_features, &used);
        if answers.iter().flatten().all(|answer| answer.is_held_out) {
            train.stop().check()?;
            let every = all.rows.nrows().div_ceil(SHARPENING_ROWS);
            let some: Vec<usize> = (0..all.rows.nrows()).step_by(every).collect();
            let mut decisions = pairs.decisions(
                all.rows.select(Axis(0), &some).view(),
                |rows: &[f32], out: &mut Vec<f32>| kernels(kernel, &vectors, rows, out),
            );
            // A machine that has seen a row gives way to the one that has not.
            let known = answers.iter().flatten().map(|answer| &answer.decisions[..]);
            all.hold_out(&some, known, &mut decisions);
            pairs.sharpen(&decisions, &all.truth(&some));
        }
        Ok(FittedKernelSvm {
            kernel,
            vectors,
            answers: Answers::Pairs(pairs),
        })
    }
}

/// The rows that any machine uses, of so many.
fn support(answers: &[Answer<Point>], questions: &[Question], n_rows: usize) -> Vec<usize> {
    let mut used = vec![false; n_rows];
    for (answer, question) in answers.iter().zip(questions) {
        let alphas = answer.iter().flat_map(|answer| &answer.machine.alphas);
        for (row, alpha) in question.ranges.iter().cloned().flatten().zip(alphas) {
            used[row] |= *alpha != 0.0;
        }
    }
    (0..n_rows).filter(|&row| used[row]).collect()
}

fn select(rows: &[f32], n_features: usize, used: &[usize]) -> Packed {
    let rows = used
        .iter()
        .flat_map(|&row| &rows[row * n_features..][..n_features]);
    Packed::new(&rows.copied().collect::<Vec<f32>>(), n_features)
}

impl Estimator for KernelSvm {
    type Fitted = FittedKernelSvm;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedKernelSvm> {
        let pairs = match (self.0.multi_class, train.target()) {
            (MultiClass::OneVsOne, Target::Classes(classes)) => more_than_two(classes, train),
            _ => false,
        };
        if pairs {
            self.fit_pairs(train)
        } else {
            self.fit_each(train)
        }
    }
}

/// Whether rows of positive weight have more than two classes.
fn more_than_two(classes: &Classes, train: &TrainingSet<'_>) -> bool {
    let mut occurs = vec![false; classes.n_classes()];
    for (row, &label) in classes.labels().iter().enumerate() {
        occurs[label as usize] |= train.weights().is_none_or(|weights| weights[row] > 0.0);
    }
    occurs.iter().filter(|occurs| **occurs).count() > 2
}

/// What the kernels of a row with the support vectors are worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answers {
    /// For each class or tag.
    Each(Heads),
    /// For each pair of classes.
    Pairs(Pairs),
}

/// The support vectors of a [`KernelSvm`] and what they weigh for each class or tag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawKernelSvm", into = "RawKernelSvm")]
pub struct FittedKernelSvm {
    kernel: SvmKernel,
    vectors: Packed,
    answers: Answers,
}

#[derive(Serialize, Deserialize)]
struct RawKernelSvm {
    kernel: SvmKernel,
    n_features: usize,
    /// Support vectors × features, row after row.
    vectors: Vec<f32>,
    answers: Answers,
}

impl From<FittedKernelSvm> for RawKernelSvm {
    fn from(fitted: FittedKernelSvm) -> Self {
        Self {
            kernel: fitted.kernel,
            n_features: fitted.vectors.n_features(),
            vectors: fitted.vectors.rows(),
            answers: fitted.answers,
        }
    }
}

impl TryFrom<RawKernelSvm> for FittedKernelSvm {
    type Error = String;

    fn try_from(raw: RawKernelSvm) -> Result<Self, String> {
        let RawKernelSvm {
            kernel,
            n_features,
            vectors,
            answers,
        } = raw;
        let gamma_is_known = match kernel {
            SvmKernel::Rbf {
                gamma: Gamma::Absolute(gamma),
            } => gamma > 0.0 && gamma.is_finite(),
            SvmKernel::Rbf { .. } => false,
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
        let n_vectors = vectors.len() / n_features;
        match &answers {
            Answers::Each(heads) => heads.check(n_vectors)?,
            Answers::Pairs(pairs) => pairs.check(n_vectors)?,
        }
        Ok(Self {
            kernel,
            vectors: Packed::new(&vectors, n_features),
            answers,
        })
    }
}

impl FittedKernelSvm {
    /// How many training rows the model keeps.
    pub fn n_support_vectors(&self) -> usize {
        self.vectors.n_rows()
    }

    /// Decision values, rows × questions: one column for two classes (positive for the second); one for each
    /// pair of classes that occurred, the first two, the first and the third, and so on (positive for the
    /// first of the two); or one for each class or tag, infinite for a tag that all training rows had, or
    /// none.
    ///
    /// # Errors
    /// If the number of features differs from that of the fit, or a feature is not finite.
    pub fn decisions(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f64>> {
        self.check(rows)?;
        let kernels = |rows: &[f32], out: &mut Vec<f32>| {
            kernels(self.kernel, &self.vectors, rows, out);
        };
        Ok(match &self.answers {
            Answers::Each(heads) => heads.decisions(rows, kernels),
            Answers::Pairs(pairs) => pairs.decisions(rows, kernels),
        })
    }

    fn check(&self, rows: ArrayView2<'_, f32>) -> Result<()> {
        check_features(rows, self.vectors.n_features())?;
        check_finite(rows)?;
        let rows = rows.as_standard_layout();
        let values = rows.as_slice().expect("the rows are in standard layout");
        self.kernel.check(values, self.vectors.n_features())
    }
}

/// The kernel of each row with each support vector, and with what fills the last panel.
fn kernels(kernel: SvmKernel, vectors: &Packed, rows: &[f32], out: &mut Vec<f32>) {
    let panels = 0..vectors.n_panels();
    let n_rows = rows.len() / vectors.n_features();
    out.resize(n_rows * panels.len() * PANEL, 0.0);
    kernel.of(rows, vectors, panels, out);
}

impl Predictor for FittedKernelSvm {
    fn outputs(&self) -> &[Arc<str>] {
        match &self.answers {
            Answers::Each(heads) => heads.outputs.names(),
            Answers::Pairs(pairs) => pairs.classes.names(),
        }
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.check(rows)?;
        let kernels = |rows: &[f32], out: &mut Vec<f32>| {
            kernels(self.kernel, &self.vectors, rows, out);
        };
        match &self.answers {
            Answers::Each(heads) => heads.predict(rows, kernels),
            Answers::Pairs(pairs) => pairs.predict(rows, kernels),
        }
    }
}
