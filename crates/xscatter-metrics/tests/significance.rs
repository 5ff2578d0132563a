//! Intervals and tests against scipy.

use approx::assert_relative_eq;
use ndarray::Array2;
use serde::Deserialize;
use xscatter_core::{Classes, Target};
use xscatter_metrics::{
    Bootstrap, BootstrapConfig, IntervalMethod, corrected_resampled_t, mcnemar,
};

#[derive(Deserialize)]
struct Cases {
    intervals: Vec<IntervalCase>,
    mcnemar: Vec<McNemarCase>,
    resampled: Vec<ResampledCase>,
}

#[derive(Deserialize)]
struct IntervalCase {
    name: String,
    method: String,
    level: f64,
    score: f64,
    resampled: Vec<f64>,
    left_out: Vec<f64>,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct McNemarCase {
    first_only: usize,
    second_only: usize,
    p_exact: f64,
    statistic: f64,
    p: f64,
}

#[derive(Deserialize)]
struct ResampledCase {
    first: Vec<f64>,
    second: Vec<f64>,
    training: usize,
    test: usize,
    t: f64,
    p: f64,
}

fn golden() -> xscatter_testkit::golden::Golden<Cases> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/metrics_significance.json"
    );
    xscatter_testkit::golden::load(path).expect("the golden file is whole")
}

#[test]
fn intervals_agree_with_scipy() {
    let golden = golden();
    for case in golden.cases.intervals {
        let bootstrap = Bootstrap::new(BootstrapConfig {
            level: case.level,
            method: match case.method.as_str() {
                "BCa" => IntervalMethod::Bca,
                _ => IntervalMethod::Percentile,
            },
            ..BootstrapConfig::default()
        })
        .unwrap();
        let found = bootstrap
            .from_scores(case.score, case.resampled, &case.left_out)
            .unwrap();
        for (found, expected) in [(found.low, case.low), (found.high, case.high)] {
            assert!(
                (found - expected).abs() <= golden.provenance.tolerance,
                "{}: expected {expected}, got {found}",
                case.name
            );
        }
    }
}

#[test]
fn mcnemar_agrees_with_scipy() {
    let golden = golden();
    let tolerance = golden.provenance.tolerance;
    for case in &golden.cases.mcnemar {
        let uneven = case.first_only + case.second_only;
        let truth = Classes::new(vec!["a".into(), "b".into()], vec![0; uneven + 4]);
        let truth = Target::Classes(truth.expect("a label below two"));
        let scores = |is_right: &dyn Fn(usize) -> bool| {
            Array2::from_shape_fn((uneven + 4, 2), |(row, class)| {
                f32::from(u8::from((class == 0) == is_right(row)))
            })
        };
        // Both are right on the last four samples.
        let first = scores(&|row| row < case.first_only || row >= uneven);
        let second = scores(&|row| row >= case.first_only);
        let found = mcnemar(&truth, first.view(), second.view()).unwrap();
        assert_eq!(found.first_only, case.first_only as u64);
        assert_relative_eq!(found.p_exact, case.p_exact, max_relative = tolerance);
        let chi_squared = found.chi_squared.unwrap();
        assert_relative_eq!(
            chi_squared.statistic,
            case.statistic,
            max_relative = tolerance
        );
        assert_relative_eq!(chi_squared.p, case.p, max_relative = tolerance);
    }
}

#[test]
fn the_corrected_t_test_agrees_with_scipy() {
    let golden = golden();
    let tolerance = golden.provenance.tolerance;
    for case in &golden.cases.resampled {
        let found =
            corrected_resampled_t(&case.first, &case.second, case.training, case.test).unwrap();
        assert_relative_eq!(found.t, case.t, max_relative = tolerance);
        assert_relative_eq!(found.p, case.p, max_relative = tolerance);
    }
}
