//! Every score against scikit-learn: 2 to 10 classes, tags (some unknown) and values, with ties, weights,
//! and rare, missing and unpredicted classes.

use std::collections::BTreeMap;
use std::sync::Arc;

use approx::assert_relative_eq;
use ndarray::{Array2, array};
use serde::Deserialize;
use xscatter_core::{Classes, Metric, TagState, Tags, Target, Values};
use xscatter_metrics::{ConfusionMatrix, TagConfusion, all};

#[derive(Deserialize)]
struct Case {
    name: String,
    kind: String,
    truth: serde_json::Value,
    scores: Vec<Vec<f32>>,
    weights: Option<Vec<f32>>,
    confusion: Vec<Vec<u64>>,
    /// `None` where scikit-learn fills in a value or leaves a class out with a warning.
    expected: BTreeMap<String, Option<f64>>,
}

impl Case {
    fn names(&self) -> Vec<Arc<str>> {
        let outputs = self.scores[0].len();
        (0..outputs)
            .map(|output| output.to_string().into())
            .collect()
    }

    fn truth(&self) -> Target {
        match self.kind.as_str() {
            "classes" => {
                let labels = Vec::deserialize(&self.truth).expect("a label for each sample");
                Target::Classes(Classes::new(self.names(), labels).expect("labels below classes"))
            }
            "tags" => {
                let states = self.table().mapv(|state| match state {
                    1.0 => TagState::Positive,
                    0.0 => TagState::Negative,
                    _ => TagState::Unknown,
                });
                Target::Tags(Tags::new(self.names(), states).expect("a state for each tag"))
            }
            _ => Target::Values(Values::new(self.names(), self.table()).expect("as many names")),
        }
    }

    fn table(&self) -> Array2<f64> {
        let rows: Vec<Vec<f64>> = Vec::deserialize(&self.truth).expect("a row for each sample");
        let shape = (rows.len(), self.scores[0].len());
        Array2::from_shape_vec(shape, rows.concat()).expect("a number for each output")
    }

    fn scores(&self) -> Array2<f32> {
        let shape = (self.scores.len(), self.scores[0].len());
        Array2::from_shape_vec(shape, self.scores.concat()).expect("a score for each output")
    }
}

fn golden() -> xscatter_testkit::golden::Golden<Vec<Case>> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/metrics_sklearn.json"
    );
    xscatter_testkit::golden::load(path).expect("the golden file is whole")
}

#[test]
fn all_scores_agree_with_scikit_learn() {
    let golden = golden();
    let tolerance = golden.provenance.tolerance;
    for case in &golden.cases {
        let (truth, scores) = (case.truth(), case.scores());
        let weights = case.weights.as_deref();
        for metric in all() {
            let name = metric.name();
            let expected = case.expected.get(name);
            let case = &case.name;
            let Some(expected) = expected else {
                let score = metric.evaluate_weighted(&truth, scores.view(), weights);
                assert!(score.is_err(), "{case}: {name} is not in the file");
                continue;
            };
            let score = metric
                .evaluate_weighted(&truth, scores.view(), weights)
                .unwrap_or_else(|error| panic!("{case}: {name}: {error}"));
            match expected {
                Some(expected) => {
                    let value = score
                        .value()
                        .unwrap_or_else(|| panic!("{case}: {name}: {score}"));
                    assert!(
                        (value - *expected).abs() <= tolerance * expected.abs().max(1.0),
                        "{case}: {name}: expected {expected}, got {value}"
                    );
                }
                None => assert_eq!(score.value(), None, "{case}: {name}"),
            }
        }
    }
}

#[test]
fn every_score_of_the_reference_exists_here() {
    for case in &golden().cases {
        for name in case.expected.keys() {
            assert_eq!(xscatter_metrics::by_name(name).unwrap().name(), name);
        }
    }
}

#[test]
fn confusion_matrices_agree_with_scikit_learn() {
    for case in &golden().cases {
        let (truth, scores) = (case.truth(), case.scores());
        match &truth {
            Target::Classes(_) => {
                let matrix = ConfusionMatrix::from_scores(&truth, scores.view()).unwrap();
                let counts: Vec<u64> = matrix.counts().iter().copied().collect();
                assert_eq!(counts, case.confusion.concat(), "{}", case.name);
            }
            Target::Tags(_) if case.weights.is_none() => {
                let tags = TagConfusion::from_scores(&truth, scores.view()).unwrap();
                for (tag, expected) in tags.iter().zip(&case.confusion) {
                    let found = [tag.rejections, tag.false_alarms, tag.misses, tag.hits];
                    assert_eq!(&found, expected.as_slice(), "{}", case.name);
                }
            }
            _ => {}
        }
    }
}

#[test]
fn a_weight_of_two_counts_twice() {
    let truth = Target::Classes(Classes::from_names(&["a", "b", "c", "b", "a", "c"]));
    let scores = array![
        [0.5, 0.25, 0.25],
        [0.25, 0.5, 0.25],
        [0.5, 0.125, 0.375],
        [0.375, 0.375, 0.25],
        [0.75, 0.125, 0.125],
        [0.0, 0.25, 0.75],
    ];
    let rows = [0, 1, 1, 3, 4, 4, 5];
    let weights = [1.0, 2.0, 0.0, 1.0, 2.0, 1.0];
    let repeated = scores.select(ndarray::Axis(0), &rows);
    for metric in all() {
        let Ok(weighted) = metric.evaluate_weighted(&truth, scores.view(), Some(&weights)) else {
            continue;
        };
        let plain = metric
            .evaluate(&truth.select(&rows), repeated.view())
            .unwrap();
        match (weighted.value(), plain.value()) {
            (Some(weighted), Some(plain)) => {
                assert_relative_eq!(weighted, plain, epsilon = 1e-14);
            }
            (weighted, plain) => assert_eq!(weighted, plain, "{}", metric.name()),
        }
    }
}
