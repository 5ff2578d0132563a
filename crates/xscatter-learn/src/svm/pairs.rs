//! One question for each pair of classes, and one probability of each class out of all answers.
//!
//! ```text
//! r_ab = P(a | a or b, x)      minimise Σ_a Σ_{b≠a} (r_ba p_a − r_ab p_b)²  with Σ p = 1
//! ```
//!
//! Each question concerns the rows of two classes alone, so all of them together cost less than one for
//! each class against the rest. Source: Wu, Lin and Weng 2004, Journal of Machine Learning Research 5, 975,
//! second approach.

use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use serde::{Deserialize, Serialize};
use xscatter_core::{Result, TrainingSet};

use crate::lanes::{Work, dot, vectorised};
use crate::pairwise::QUERIES;
use crate::problem::{ClassMap, ClassWeight, Missing, Problem};
use crate::svm::heads::{Question, blocks, side};
use crate::svm::sharpness::{SHARPNESS, sharpness};
use crate::svm::sigmoid::Sigmoid;

/// Sweeps over the classes at most, and the largest slope that ends them, for one class.
const SWEEPS: usize = 100;
const FLAT: f64 = 1e-6;

/// The training rows in the order of their classes, and the questions about them.
#[derive(Debug)]
pub(crate) struct PairedRows<'a> {
    /// Rows × features, row after row in memory.
    pub(crate) rows: CowArray<'a, f32, Ix2>,
    pub(crate) classes: ClassMap,
    /// Where the rows of each class begin, and where the last ones end.
    pub(crate) starts: Vec<usize>,
    /// The first two classes, the first and the third, and so on; yes is the first of the two.
    pub(crate) questions: Vec<Question>,
}

impl<'a> PairedRows<'a> {
    /// Drops rows of weight 0; every feature must be finite.
    pub(crate) fn new(train: &TrainingSet<'a>, class_weight: ClassWeight) -> Result<Self> {
        let problem = Problem::new(train, class_weight, Missing::Refused)?;
        let n_classes = problem.classes.len();
        let mut order: Vec<usize> = (0..problem.labels.len()).collect();
        order.sort_by_key(|&row| problem.labels[row]);
        let labels: Vec<u32> = order.iter().map(|&row| problem.labels[row]).collect();
        let starts: Vec<usize> = (0..=n_classes)
            .map(|class| labels.partition_point(|&label| (label as usize) < class))
            .collect();
        let questions = pairs(n_classes)
            .map(|(a, b)| {
                let ranges = [starts[a]..starts[a + 1], starts[b]..starts[b + 1]];
                let places = || ranges.iter().cloned().flatten();
                Question {
                    sides: places()
                        .map(|place| side(labels[place] == a as u32))
                        .collect(),
                    weights: places()
                        .map(|place| problem.weights[order[place]])
                        .collect(),
                    ranges: ranges.clone(),
                }
            })
            .collect();
        let rows = if order.is_sorted() {
            problem.rows
        } else {
            CowArray::from(problem.rows.select(ndarray::Axis(0), &order))
        };
        Ok(Self {
            rows,
            classes: problem.classes,
            starts,
            questions,
        })
    }
}

impl PairedRows<'_> {
    /// The class of each of these rows.
    pub(crate) fn truth(&self, rows: &[usize]) -> Vec<usize> {
        let class = |row: &usize| self.starts.partition_point(|start| start <= row) - 1;
        rows.iter().map(class).collect()
    }

    /// Puts decisions about rows of a question (for each question, for each of its rows) where the
    /// decisions about these rows have them.
    pub(crate) fn hold_out<'b>(
        &self,
        rows: &[usize],
        known: impl Iterator<Item = &'b [f64]>,
        decisions: &mut Array2<f64>,
    ) {
        let columns = decisions.columns_mut().into_iter();
        for ((mut column, known), question) in columns.zip(known).zip(&self.questions) {
            let [first, second] = &question.ranges;
            for (decision, row) in column.iter_mut().zip(rows) {
                if first.contains(row) {
                    *decision = known[row - first.start];
                } else if second.contains(row) {
                    *decision = known[first.len() + row - second.start];
                }
            }
        }
    }
}

/// All pairs of so many classes.
fn pairs(n_classes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..n_classes).flat_map(move |a| (a + 1..n_classes).map(move |b| (a, b)))
}

/// What the support vectors of two classes weigh.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pair {
    /// Those of the first class.
    pub(crate) first: Vec<f64>,
    /// Those of the second.
    pub(crate) second: Vec<f64>,
    pub(crate) intercept: f64,
    pub(crate) sigmoid: Sigmoid,
}

/// The answers about all pairs of classes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pairs {
    pub(crate) classes: ClassMap,
    /// Where the support vectors of each class begin, and where the last ones end.
    pub(crate) starts: Vec<usize>,
    /// That of each pair.
    pub(crate) machines: Vec<Pair>,
    /// The power to which probabilities are raised.
    pub(crate) sharpness: f64,
}

impl Pairs {
    /// Whether there is an answer for each pair, from so many support vectors.
    pub(crate) fn check(&self, n_vectors: usize) -> Result<(), String> {
        let n = self.classes.len();
        let ordered = self.starts.len() == n + 1
            && self.starts[0] == 0
            && self.starts[n] == n_vectors
            && self.starts.is_sorted();
        let sound = ordered
            && SHARPNESS.contains(&self.sharpness)
            && self.machines.len() == n * (n - 1) / 2
            && pairs(n).zip(&self.machines).all(|((a, b), pair)| {
                pair.first.len() == self.starts[a + 1] - self.starts[a]
                    && pair.second.len() == self.starts[b + 1] - self.starts[b]
                    && pair
                        .first
                        .iter()
                        .chain(&pair.second)
                        .all(|one| one.is_finite())
                    && pair.intercept.is_finite()
                    && pair.sigmoid.is_finite()
            });
        if sound {
            return Ok(());
        }
        Err(format!(
            "expected a machine of {n_vectors} support vectors for each pair of {n} classes, got {}",
            self.machines.len()
        ))
    }

    /// Decisions of all pairs for a block of rows; `inputs` writes the kernels of each row.
    fn decide(
        &self,
        rows: &[f32],
        width: usize,
        inputs: &(impl Fn(&[f32], &mut Vec<f32>) + Sync),
        out: &mut [f64],
    ) {
        let mut all = Vec::new();
        inputs(rows, &mut all);
        let stride = all.len() / (rows.len() / width);
        let out = out.chunks_exact_mut(self.machines.len());
        for (kernels, out) in all.chunks_exact(stride).zip(out) {
            vectorised(Decide {
                pairs: self,
                kernels,
                out,
            });
        }
    }

    /// Decision values, rows × pairs; positive for the first class of a pair.
    pub(crate) fn decisions(
        &self,
        rows: ArrayView2<'_, f32>,
        inputs: impl Fn(&[f32], &mut Vec<f32>) + Sync,
    ) -> Array2<f64> {
        let width = rows.ncols();
        blocks(rows, self.machines.len(), |rows, out| {
            self.decide(rows, width, &inputs, out);
        })
    }

    /// Probabilities.
    pub(crate) fn predict(
        &self,
        rows: ArrayView2<'_, f32>,
        inputs: impl Fn(&[f32], &mut Vec<f32>) + Sync,
    ) -> Result<Array2<f32>> {
        let (width, n) = (rows.ncols(), self.classes.len());
        self.classes.predict(rows, QUERIES, |rows, proba| {
            let n_pairs = self.machines.len();
            let mut decisions = vec![0.0; rows.len() / width * n_pairs];
            self.decide(rows, width, &inputs, &mut decisions);
            let mut coupling = Coupling::new(n);
            let decisions = decisions.chunks_exact(n_pairs);
            for (decisions, proba) in decisions.zip(proba.chunks_exact_mut(n)) {
                self.couple(decisions, &mut coupling, proba);
                for p in proba {
                    *p = p.powf(self.sharpness);
                }
            }
            Ok(())
        })
    }

    /// The probabilities of classes, before they are sharpened.
    fn couple(&self, decisions: &[f64], coupling: &mut Coupling, proba: &mut [f64]) {
        let answers = self.machines.iter().zip(decisions);
        for ((a, b), (pair, &decision)) in pairs(self.classes.len()).zip(answers) {
            coupling.set(a, b, pair.sigmoid.probability(decision));
        }
        coupling.solve(proba);
    }

    /// Finds the sharpness from decisions (rows × pairs) about rows of known classes.
    pub(crate) fn sharpen(&mut self, decisions: &Array2<f64>, truth: &[usize]) {
        let n = self.classes.len();
        let mut coupling = Coupling::new(n);
        let mut proba = vec![0.0; truth.len() * n];
        for (decisions, proba) in decisions.rows().into_iter().zip(proba.chunks_exact_mut(n)) {
            let decisions = decisions
                .to_slice()
                .expect("rows of an array in standard layout");
            self.couple(decisions, &mut coupling, proba);
        }
        self.sharpness = sharpness(proba, n, truth);
    }
}

struct Decide<'a> {
    pairs: &'a Pairs,
    kernels: &'a [f32],
    out: &'a mut [f64],
}

impl Work for Decide<'_> {
    type Output = ();

    #[allow(
        clippy::inline_always,
        reason = "compiled for wide instructions where it is used"
    )]
    #[inline(always)]
    fn run(self) {
        let Pairs {
            classes,
            starts,
            machines,
            ..
        } = self.pairs;
        let n = classes.len();
        let (mut a, mut b) = (0, 1);
        for (out, pair) in self.out.iter_mut().zip(machines) {
            let of_a = &self.kernels[starts[a]..starts[a + 1]];
            let of_b = &self.kernels[starts[b]..starts[b + 1]];
            *out = pair.intercept + dot(of_a, &pair.first) + dot(of_b, &pair.second);
            b += 1;
            if b == n {
                a += 1;
                b = a + 1;
            }
        }
    }
}

/// From probabilities of pairs to those of classes.
struct Coupling {
    n: usize,
    /// r_ab² and −r_ab r_ba.
    shares: Vec<f64>,
    matrix: Vec<f64>,
    slopes: Vec<f64>,
}

impl Coupling {
    fn new(n: usize) -> Self {
        Self {
            n,
            shares: vec![0.0; n * n],
            matrix: vec![0.0; n * n],
            slopes: vec![0.0; n],
        }
    }

    /// The probability of `a` if it is `a` or `b`.
    fn set(&mut self, a: usize, b: usize, probability: f64) {
        self.shares[a * self.n + b] = probability;
        self.shares[b * self.n + a] = 1.0 - probability;
    }

    /// Moves one class after the other to where the objective is lowest, and norms.
    fn solve(&mut self, p: &mut [f64]) {
        let Self {
            n,
            shares,
            matrix,
            slopes,
        } = self;
        let n = *n;
        for a in 0..n {
            matrix[a * n + a] = 0.0;
            for b in (0..n).filter(|&b| b != a) {
                let (ab, ba) = (shares[a * n + b], shares[b * n + a]);
                matrix[a * n + a] += ba * ba;
                matrix[a * n + b] = -ab * ba;
            }
        }
        p.fill(1.0 / n as f64);
        let flat = FLAT / n as f64;
        for _ in 0..SWEEPS {
            // From scratch in each sweep, so that nothing rounded adds up.
            let mut mean = 0.0;
            for a in 0..n {
                slopes[a] = (0..n).map(|b| matrix[a * n + b] * p[b]).sum();
                mean += p[a] * slopes[a];
            }
            if slopes.iter().all(|slope| (slope - mean).abs() < flat) {
                break;
            }
            for a in 0..n {
                let own = matrix[a * n + a];
                let more = (mean - slopes[a]) / own;
                let total = 1.0 + more;
                p[a] += more;
                mean = (mean + more * (more * own + 2.0 * slopes[a])) / (total * total);
                for b in 0..n {
                    slopes[b] = (slopes[b] + more * matrix[a * n + b]) / total;
                    p[b] /= total;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn pairs_that_agree_give_the_classes_back() {
        let truth = [0.5, 0.3, 0.15, 0.05];
        let mut coupling = Coupling::new(4);
        for (a, b) in pairs(4) {
            coupling.set(a, b, truth[a] / (truth[a] + truth[b]));
        }
        let mut p = [0.0; 4];
        coupling.solve(&mut p);
        for (p, truth) in p.iter().zip(truth) {
            assert_abs_diff_eq!(*p, truth, epsilon = 1e-5);
        }
    }

    #[test]
    fn pairs_that_contradict_one_another_or_are_certain_give_probabilities() {
        for certain in [0.9, 1.0 - 1e-12] {
            let mut coupling = Coupling::new(3);
            // The first beats the second, the second the third, the third the first.
            for (a, b, p) in [(0, 1, certain), (1, 2, certain), (0, 2, 1.0 - certain)] {
                coupling.set(a, b, p);
            }
            let mut p = [0.0; 3];
            coupling.solve(&mut p);
            for p in p {
                assert_abs_diff_eq!(p, 1.0 / 3.0, epsilon = 1e-4);
            }
            coupling.set(0, 2, certain);
            coupling.solve(&mut p);
            assert!(p[0] > p[1] && p[1] > p[2] && p[2] > 0.0, "{p:?}");
            assert_abs_diff_eq!(p.iter().sum::<f64>(), 1.0, epsilon = 1e-9);
        }
    }
}
