//! Why a row got its scores: exact Shapley values of trees.
//!
//! Use them to see which features decide a single prediction, and, as the mean of their magnitudes, which ones a
//! model goes by. They explain the model, not the world: of two features that say the same, either may get the credit.
//!
//! ```text
//! φ_i = Σ_{S without i} |S|! (M − |S| − 1)! / M! · (v(S with i) − v(S))        expected + Σ_i φ_i = score
//! v(S) = the mean of the leaves that a row can reach whose features in S are known, each split by another
//!        feature sharing the row out as it did the weight of the training rows
//! ```
//!
//! M is the number of features. That is the path-dependent value of Lundberg et al. 2020
//! (doi:10.1038/s42256-019-0138-9), computed by their polynomial algorithm, not by sampling. A split that no training
//! row reached (in symmetric trees) shares a row out evenly. `NaN` is a value like any other. The cost of a row is
//! O(trees · leaves · depth²): milliseconds for boosting, up to seconds for hundreds of full-grown trees.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array3, ArrayView2};
use rayon::prelude::*;

use crate::tree::{Branch, Tree};

/// The Shapley values of some rows.
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{Classes, Estimator, Target, TrainingSet};
/// use xscatter_learn::GradientBoosting;
///
/// let rows = Array2::from_shape_fn((60, 2), |(row, column)| (row % 30 * (2 * column + 1) % 30) as f32);
/// let names: Vec<&str> = (0..60).map(|row| if row % 30 < 15 { "low" } else { "high" }).collect();
/// let target = Target::Classes(Classes::from_names(&names));
/// let model = GradientBoosting::default().fit(&TrainingSet::new(rows.view(), &target)?)?;
/// let shap = model.shap_values(rows.view())?;
/// let of_row = shap.expected[0] + shap.values[[7, 0, 0]] + shap.values[[7, 1, 0]];
/// assert!((of_row - model.raw_scores(rows.view())?[[7, 0]]).abs() < 1e-9);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ShapValues {
    /// What is explained: the classes that occurred in training, or, for boosting of two, the second.
    pub outputs: Vec<Arc<str>>,
    /// The score of each output if nothing is known of a row.
    pub expected: Vec<f64>,
    /// Rows × features × outputs: how much each feature moves the row's score from there.
    pub values: Array3<f64>,
}

/// A tree of a model.
#[derive(Debug)]
pub(crate) struct Explained<'a> {
    pub(crate) tree: Cow<'a, Tree>,
    /// The outputs that its leaves hold values of.
    pub(crate) outputs: Range<usize>,
    /// What its values are multiplied by in the score.
    pub(crate) share: f64,
}

impl ShapValues {
    /// Of a model that is `base` and the sum of the trees.
    pub(crate) fn of(
        trees: &[Explained<'_>],
        outputs: Vec<Arc<str>>,
        base: Vec<f64>,
        rows: ArrayView2<'_, f32>,
    ) -> Self {
        let covers: Vec<Vec<f64>> = trees.par_iter().map(|e| e.tree.covers()).collect();
        let mut expected = base;
        for (explained, covers) in trees.iter().zip(&covers) {
            let mean = mean(explained, covers, 0);
            for (expected, mean) in expected[explained.outputs.clone()].iter_mut().zip(mean) {
                *expected += explained.share * mean;
            }
        }
        let mut values = Array3::zeros((rows.nrows(), rows.ncols(), outputs.len()));
        let width = rows.ncols();
        let rows = rows.as_standard_layout();
        let rows = rows.as_slice().expect("the rows are in standard layout");
        values
            .as_slice_mut()
            .expect("a new array is in standard layout")
            .par_chunks_mut(width * outputs.len())
            .zip(rows.par_chunks(width))
            .for_each(|(values, row)| {
                let mut walk = Walk {
                    row,
                    values,
                    n_outputs: outputs.len(),
                    steps: Vec::new(),
                };
                for (explained, covers) in trees.iter().zip(&covers) {
                    walk.visit(explained, covers, 0, 0, Step::START);
                }
            });
        Self {
            outputs,
            expected,
            values,
        }
    }
}

/// The part of a node's rows that its left child has.
fn left_part(covers: &[f64], node: usize, left: usize) -> f64 {
    if covers[node] > 0.0 {
        covers[left] / covers[node]
    } else {
        0.5
    }
}

/// The mean of the leaves below a node.
fn mean(explained: &Explained<'_>, covers: &[f64], node: usize) -> Vec<f64> {
    match explained.tree.branch(node) {
        Branch::Leaf(place) => {
            let values = explained.tree.leaf_values(place, explained.outputs.len());
            values.iter().map(|&value| value.into()).collect()
        }
        Branch::Split { left, .. } => {
            let part = left_part(covers, node, left);
            let of_left = mean(explained, covers, left);
            let of_right = mean(explained, covers, left + 1);
            let sides = of_left.into_iter().zip(of_right);
            sides.map(|(l, r)| part * l + (1.0 - part) * r).collect()
        }
    }
}

/// A feature on the way from the root to a node.
#[derive(Debug, Clone, Copy)]
struct Step {
    feature: u32,
    /// The part of the rows that take this way if the feature is unknown.
    unknown: f64,
    /// 1 if the row takes this way, else 0.
    known: f64,
    /// The sum over all sets of so many known features of the way's weight, over their number's share.
    weight: f64,
}

impl Step {
    /// The beginning of every way, which is no feature.
    const START: Self = Self {
        feature: u32::MAX,
        unknown: 1.0,
        known: 1.0,
        weight: 0.0,
    };
}

struct Walk<'a> {
    row: &'a [f32],
    /// Features × outputs.
    values: &'a mut [f64],
    n_outputs: usize,
    /// The ways to all open nodes, one behind the other.
    steps: Vec<Step>,
}

impl Walk<'_> {
    /// Adds what the leaves below a node say; `begin` is where the way to its parent starts.
    fn visit(
        &mut self,
        explained: &Explained<'_>,
        covers: &[f64],
        node: usize,
        begin: usize,
        step: Step,
    ) {
        let here = self.steps.len();
        self.steps.extend_from_within(begin..);
        extend(&mut self.steps, here, step);
        match explained.tree.branch(node) {
            Branch::Leaf(place) => {
                let leaf = explained.tree.leaf_values(place, explained.outputs.len());
                let way = &self.steps[here..];
                for (number, step) in way.iter().enumerate().skip(1) {
                    let weight = weight_without(way, number) * (step.known - step.unknown);
                    let values = &mut self.values[step.feature as usize * self.n_outputs..];
                    let values = &mut values[explained.outputs.clone()];
                    for (value, &leaf) in values.iter_mut().zip(leaf) {
                        *value += explained.share * weight * f64::from(leaf);
                    }
                }
            }
            Branch::Split {
                feature,
                left,
                node: split,
            } => {
                let mut so_far = Step {
                    feature,
                    ..Step::START
                };
                let met = self.steps[here..]
                    .iter()
                    .skip(1)
                    .position(|step| step.feature == feature);
                if let Some(number) = met {
                    so_far = self.steps[here + 1 + number];
                    remove(&mut self.steps, here, number + 1);
                }
                let part = left_part(covers, node, left);
                let goes_left = split.goes_left(self.row[feature as usize]);
                for (child, part, taken) in
                    [(left, part, goes_left), (left + 1, 1.0 - part, !goes_left)]
                {
                    let step = Step {
                        unknown: so_far.unknown * part,
                        known: if taken { so_far.known } else { 0.0 },
                        ..so_far
                    };
                    // Where no row goes, whether the feature is known or not, there is nothing to add.
                    if step.unknown > 0.0 || step.known > 0.0 {
                        self.visit(explained, covers, child, here, step);
                    }
                }
            }
        }
        self.steps.truncate(here);
    }
}

/// Adds a step to the way that starts at `begin`.
fn extend(steps: &mut Vec<Step>, begin: usize, step: Step) {
    let length = steps.len() - begin;
    steps.push(Step {
        weight: if length == 0 { 1.0 } else { 0.0 },
        ..step
    });
    let way = &mut steps[begin..];
    let all = (length + 1) as f64;
    for place in (0..length).rev() {
        way[place + 1].weight += step.known * way[place].weight * (place + 1) as f64 / all;
        way[place].weight *= step.unknown * (length - place) as f64 / all;
    }
}

/// Takes a step out of the way that starts at `begin`, as if it had never been there.
fn remove(steps: &mut Vec<Step>, begin: usize, number: usize) {
    let way = &mut steps[begin..];
    let Step { unknown, known, .. } = way[number];
    let last = way.len() - 1;
    let all = (last + 1) as f64;
    let mut next = way[last].weight;
    for place in (0..last).rev() {
        if known > 0.0 {
            let before = way[place].weight;
            way[place].weight = next * all / ((place + 1) as f64 * known);
            next = before - way[place].weight * unknown * (last - place) as f64 / all;
        } else {
            way[place].weight *= all / (unknown * (last - place) as f64);
        }
    }
    for place in number..last {
        way[place] = Step {
            weight: way[place].weight,
            ..way[place + 1]
        };
    }
    steps.pop();
}

/// The sum of the weights that a way has without one of its steps.
fn weight_without(way: &[Step], number: usize) -> f64 {
    let Step { unknown, known, .. } = way[number];
    let last = way.len() - 1;
    let all = (last + 1) as f64;
    let mut next = way[last].weight;
    let mut total = 0.0;
    for place in (0..last).rev() {
        let rest = unknown * (last - place) as f64 / all;
        if known > 0.0 {
            let weight = next * all / ((place + 1) as f64 * known);
            total += weight;
            next = way[place].weight - weight * rest;
        } else {
            total += way[place].weight / rest;
        }
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Classifier, FittedClassifier, ForestConfig, GradientBoosting, GradientBoostingConfig,
        RandomForest, TreeGrowth,
    };
    use ndarray::Array2;
    use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet};

    const FEATURES: usize = 5;

    /// Rows of five features, some missing, whose class depends on three of them.
    fn table(n_classes: u32) -> (Array2<f32>, Target) {
        let number = |row: usize, column: usize| {
            (xscatter_core::seed::derive(row as u64, column as u64) % 1000) as f32 / 1000.0
        };
        let rows = Array2::from_shape_fn((160, FEATURES), |(row, column)| {
            if (row * 3 + column) % 11 == 0 {
                f32::NAN
            } else {
                number(row, column)
            }
        });
        let labels = (0..160).map(|row| {
            let place = number(row, 0) + number(row, 1) * number(row, 2);
            ((place * n_classes as f32 / 1.5) as u32).min(n_classes - 1)
        });
        let names = (0..n_classes)
            .map(|class| class.to_string().into())
            .collect();
        (
            rows.clone(),
            Target::Classes(Classes::new(names, labels.collect()).unwrap()),
        )
    }

    /// The value of a set of known features by its definition.
    fn value(
        explained: &Explained<'_>,
        covers: &[f64],
        node: usize,
        row: &[f32],
        known: u32,
    ) -> Vec<f64> {
        match explained.tree.branch(node) {
            Branch::Leaf(_) => mean(explained, covers, node),
            Branch::Split {
                feature,
                left,
                node: split,
            } => {
                let below = |child| value(explained, covers, child, row, known);
                if known >> feature & 1 == 1 {
                    let right = !split.goes_left(row[feature as usize]);
                    return below(left + usize::from(right));
                }
                let part = left_part(covers, node, left);
                let sides = below(left).into_iter().zip(below(left + 1));
                sides.map(|(l, r)| part * l + (1.0 - part) * r).collect()
            }
        }
    }

    /// Shapley's formula, set by set.
    fn brute_force(trees: &[Explained<'_>], row: &[f32], n_outputs: usize) -> Vec<Vec<f64>> {
        let factorial = |n: u32| (1..=n).map(f64::from).product::<f64>();
        let mut of_set = vec![vec![0.0; n_outputs]; 1 << FEATURES];
        for explained in trees {
            let covers = explained.tree.covers();
            for (set, total) in of_set.iter_mut().enumerate() {
                let values = value(explained, &covers, 0, row, set as u32);
                for (total, value) in total[explained.outputs.clone()].iter_mut().zip(values) {
                    *total += explained.share * value;
                }
            }
        }
        let m = FEATURES as u32;
        let shapley = |feature: usize| {
            let mut sum = vec![0.0; n_outputs];
            for set in (0..1_usize << FEATURES).filter(|set| set >> feature & 1 == 0) {
                let size = set.count_ones();
                let weight = factorial(size) * factorial(m - size - 1) / factorial(m);
                for (output, sum) in sum.iter_mut().enumerate() {
                    *sum += weight * (of_set[set | 1 << feature][output] - of_set[set][output]);
                }
            }
            sum
        };
        (0..FEATURES).map(shapley).collect()
    }

    fn compare(
        shap: &ShapValues,
        trees: &[Explained<'_>],
        rows: &Array2<f32>,
        scores: &Array2<f64>,
    ) {
        for (row, (values, scores)) in shap
            .values
            .outer_iter()
            .zip(scores.rows())
            .enumerate()
            .step_by(13)
        {
            let exact = brute_force(trees, rows.row(row).as_slice().unwrap(), shap.outputs.len());
            for (values, exact) in values.rows().into_iter().zip(exact) {
                for (value, exact) in values.iter().zip(exact) {
                    approx::assert_abs_diff_eq!(*value, exact, epsilon = 1e-10);
                }
            }
            for (output, &score) in scores.iter().enumerate() {
                let sum = shap.expected[output] + values.column(output).sum();
                approx::assert_abs_diff_eq!(sum, score, epsilon = 1e-6);
            }
        }
    }

    #[test]
    fn values_of_forests_are_those_of_the_definition() {
        let (rows, target) = table(3);
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let config = ForestConfig {
            trees: 5,
            ..ForestConfig::default()
        };
        let model = RandomForest::new(config).unwrap().fit(&train).unwrap();
        let shap = model.shap_values(rows.view()).unwrap();
        let proba = model.predict_proba(rows.view()).unwrap().mapv(f64::from);
        compare(&shap, &model.explained(), &rows, &proba);
    }

    #[test]
    fn values_of_boosting_are_those_of_the_definition() {
        for (n_classes, growth) in [
            (2, TreeGrowth::LeafWise { max_leaves: 15 }),
            (3, TreeGrowth::DepthWise { max_depth: 4 }),
            (2, TreeGrowth::Symmetric { depth: 4 }),
            (3, TreeGrowth::Symmetric { depth: 6 }),
        ] {
            let (rows, target) = table(n_classes);
            let train = TrainingSet::new(rows.view(), &target).unwrap();
            let config = GradientBoostingConfig {
                rounds: 6,
                growth,
                min_samples_leaf: 3,
                ..GradientBoostingConfig::default()
            };
            let model = GradientBoosting::new(config).unwrap().fit(&train).unwrap();
            let shap = model.shap_values(rows.view()).unwrap();
            let scores = model.raw_scores(rows.view()).unwrap();
            compare(&shap, &model.explained(), &rows, &scores);
            assert_eq!(shap.outputs.len(), scores.ncols());
        }
    }

    #[test]
    fn a_deep_forest_adds_up() {
        let rows = Array2::from_shape_fn((400, 30), |(row, column)| {
            (xscatter_core::seed::derive(row as u64, column as u64) % 1000) as f32
        });
        let names: Vec<String> = (0..400).map(|row| (row * 7 % 5).to_string()).collect();
        let target = Target::Classes(Classes::from_names(&names));
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let params = xscatter_core::Params::new().with("trees", 10);
        let classifier = Classifier::from_params("extra-trees", &params, 1).unwrap();
        let FittedClassifier::ExtraTrees(model) = classifier.fit(&train).unwrap() else {
            panic!("not extra trees");
        };
        let some = rows.slice(ndarray::s![..10, ..]);
        let shap = model.shap_values(some).unwrap();
        let proba = model.predict_proba(some).unwrap();
        for (values, proba) in shap.values.outer_iter().zip(proba.rows()) {
            for (output, &p) in proba.iter().enumerate() {
                let sum = shap.expected[output] + values.column(output).sum();
                approx::assert_abs_diff_eq!(sum, f64::from(p), epsilon = 1e-6);
            }
        }
    }
}
