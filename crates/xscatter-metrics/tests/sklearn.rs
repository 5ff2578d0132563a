//! Every score against scikit-learn, on cases with ties, rare, missing and unpredicted classes.

use std::collections::BTreeMap;

use approx::assert_relative_eq;
use ndarray::Array2;
use serde::Deserialize;
use xscatter_core::{Classes, Metric, Target};
use xscatter_metrics::{
    Accuracy, Average, BalancedAccuracy, Brier, ClassAverage, CohensKappa, ConfusionMatrix, FBeta,
    LogLoss, Matthews, Precision, Recall, RocAuc,
};

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: usize,
    labels: Vec<u32>,
    probabilities: Vec<Vec<f32>>,
    confusion: Vec<Vec<u64>>,
    /// `None` where scikit-learn fills in a value or leaves a class out with a warning.
    scores: BTreeMap<String, Option<f64>>,
}

impl Case {
    fn truth(&self) -> Target {
        let names = (0..self.classes).map(|k| k.to_string().into()).collect();
        Target::Classes(Classes::new(names, self.labels.clone()).expect("labels below classes"))
    }

    fn scores(&self) -> Array2<f32> {
        let flat = self.probabilities.concat();
        Array2::from_shape_vec((self.labels.len(), self.classes), flat)
            .expect("a score for each class")
    }
}

fn metrics() -> Vec<Box<dyn Metric>> {
    let mut metrics: Vec<Box<dyn Metric>> = vec![
        Box::new(Accuracy),
        Box::new(BalancedAccuracy),
        Box::new(CohensKappa),
        Box::new(Matthews),
        Box::new(LogLoss),
        Box::new(Brier),
    ];
    for average in [ClassAverage::Macro, ClassAverage::Weighted] {
        metrics.push(Box::new(RocAuc { average }));
    }
    for average in [Average::Micro, Average::Macro, Average::Weighted] {
        metrics.push(Box::new(Precision { average }));
        metrics.push(Box::new(Recall { average }));
        metrics.push(Box::new(FBeta::f1(average)));
        metrics.push(Box::new(
            FBeta::new(2.0, average).expect("beta is positive"),
        ));
    }
    metrics
}

#[test]
fn all_scores_agree_with_scikit_learn() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/metrics_sklearn.json"
    );
    let golden = xscatter_testkit::golden::load::<Vec<Case>>(path).unwrap();
    let tolerance = golden.provenance.tolerance;
    for case in &golden.cases {
        let (truth, scores) = (case.truth(), case.scores());
        let matrix = ConfusionMatrix::from_scores(&truth, scores.view()).unwrap();
        assert_eq!(
            matrix.counts().iter().copied().collect::<Vec<_>>(),
            case.confusion.concat()
        );
        let metrics = metrics();
        assert_eq!(metrics.len(), case.scores.len());
        for metric in metrics {
            let score = metric.evaluate(&truth, scores.view()).unwrap();
            match case.scores[metric.name()] {
                Some(expected) => {
                    let value = score.value().unwrap_or_else(|| {
                        panic!("{}: {}: {score}", case.name, metric.name());
                    });
                    assert_relative_eq!(
                        value,
                        expected,
                        epsilon = tolerance,
                        max_relative = tolerance
                    );
                }
                None => assert_eq!(score.value(), None, "{}: {}", case.name, metric.name()),
            }
        }
    }
}
