//! Curves against scikit-learn.

use std::collections::BTreeMap;

use ndarray::{Array2, array};
use serde::Deserialize;
use xscatter_core::{Classes, Target};
use xscatter_metrics::{Binning, PrecisionRecallCurve, ReliabilityCurve, RocCurve};

#[derive(Deserialize)]
struct Case {
    name: String,
    truth: Vec<u32>,
    scores: Vec<f32>,
    weights: Option<Vec<f32>>,
    roc: [Vec<f64>; 2],
    precision_recall: [Vec<f64>; 2],
    det: [Vec<f64>; 3],
    reliability: BTreeMap<String, [Vec<f64>; 2]>,
}

impl Case {
    fn truth(&self) -> Target {
        let names = vec!["no".into(), "yes".into()];
        Target::Classes(Classes::new(names, self.truth.clone()).expect("two labels"))
    }

    fn scores(&self) -> Array2<f32> {
        Array2::from_shape_fn((self.scores.len(), 2), |(row, class)| match class {
            0 => 1.0 - self.scores[row],
            _ => self.scores[row],
        })
    }
}

fn golden() -> xscatter_testkit::golden::Golden<Vec<Case>> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/metrics_curves.json"
    );
    xscatter_testkit::golden::load(path).expect("the golden file is whole")
}

fn close(case: &str, found: impl IntoIterator<Item = f64>, expected: &[f64], tolerance: f64) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len(), "{case}");
    for (place, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!(
            (found - expected).abs() <= tolerance,
            "{case}, point {place}: expected {expected}, got {found}"
        );
    }
}

#[test]
fn curves_agree_with_scikit_learn() {
    let golden = golden();
    let tolerance = golden.provenance.tolerance;
    for case in &golden.cases {
        let (truth, scores) = (case.truth(), case.scores());
        let weights = case.weights.as_deref();
        let name = &case.name;
        let roc = RocCurve::new(&truth, scores.view(), 1, weights).unwrap();
        let points = || roc.points.iter();
        close(
            name,
            points().map(|p| p.false_positive_rate),
            &case.roc[0],
            tolerance,
        );
        close(
            name,
            points().map(|p| p.true_positive_rate),
            &case.roc[1],
            tolerance,
        );

        let curve = PrecisionRecallCurve::new(&truth, scores.view(), 1, weights).unwrap();
        let points = || curve.points.iter();
        close(
            name,
            points().map(|p| p.precision),
            &case.precision_recall[0],
            tolerance,
        );
        close(
            name,
            points().map(|p| p.recall),
            &case.precision_recall[1],
            tolerance,
        );

        // scikit-learn leaves out cuts at the ends; those that it keeps must be here.
        let det = roc.det();
        for (place, cut) in case.det[0].iter().enumerate() {
            let here = roc.points.iter().position(|p| p.threshold == *cut as f32);
            let (false_positive, false_negative) = det[here.expect("every cut is a point")];
            let expected = (case.det[1][place], case.det[2][place]);
            close(
                name,
                [false_positive, false_negative],
                &[expected.0, expected.1],
                tolerance,
            );
        }
    }
}

#[test]
fn reliability_agrees_with_scikit_learn() {
    let golden = golden();
    for case in &golden.cases {
        for (setting, [predicted, observed]) in &case.reliability {
            let (binning, bins) = setting.split_once('-').unwrap();
            let binning = match binning {
                "uniform" => Binning::Uniform,
                _ => Binning::Quantile,
            };
            let bins = bins.parse().unwrap();
            let curve =
                ReliabilityCurve::new(&case.truth(), case.scores().view(), 1, bins, binning)
                    .unwrap();
            let name = format!("{}, {setting}", case.name);
            let points = || curve.points.iter();
            close(&name, points().map(|p| p.predicted), predicted, 1e-9);
            close(&name, points().map(|p| p.observed), observed, 1e-9);
        }
    }
}

#[test]
fn the_area_is_below_the_curve() {
    for case in &golden().cases {
        let roc = RocCurve::new(&case.truth(), case.scores().view(), 1, None).unwrap();
        let area: f64 = roc
            .points
            .windows(2)
            .map(|pair| {
                let width = pair[1].false_positive_rate - pair[0].false_positive_rate;
                width * f64::midpoint(pair[0].true_positive_rate, pair[1].true_positive_rate)
            })
            .sum();
        assert!((area - roc.area).abs() < 1e-12);
    }
    let nothing = Target::Classes(Classes::from_names(&["a", "a"]));
    assert!(RocCurve::new(&nothing, array![[1.0], [0.5]].view(), 0, None).is_err());
}
