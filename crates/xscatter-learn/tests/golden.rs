//! Our learners against those of scikit-learn on the same rows.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use ndarray::{Array2, ArrayView2, s};
use serde::Deserialize;
use xscatter_core::{Classes, Estimator, Params, Predictor, Target, TrainingSet};
use xscatter_learn::{
    ClassWeight, Classifier, LogisticRegression, LogisticRegressionConfig, NearestNeighbours,
    NearestNeighboursConfig, StandardScaler, Vote,
};
use xscatter_testkit::golden::{Golden, load};

#[derive(Deserialize)]
struct Cases {
    train: Vec<[f32; 8]>,
    test: Vec<[f32; 8]>,
    train_labels: Vec<u32>,
    test_labels: Vec<u32>,
    weights: Vec<f32>,
    means: Vec<f64>,
    deviations: Vec<f64>,
    logistic: Logistic,
    neighbours: Neighbours,
    quality: std::collections::BTreeMap<String, Qualities>,
}

#[derive(Deserialize)]
struct Logistic {
    plain: Vec<Vec<f32>>,
    weighted: Vec<Vec<f32>>,
    balanced: Vec<Vec<f32>>,
    two_classes: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Neighbours {
    uniform: Vec<Vec<f32>>,
    distance: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Qualities {
    complete: Quality,
    holes: Quality,
}

#[derive(Debug, Deserialize)]
struct Quality {
    accuracy: f64,
    log_loss: f64,
}

#[allow(
    clippy::unwrap_used,
    reason = "a test without its golden file has failed"
)]
fn golden() -> Golden<Cases> {
    load(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/learn.json"
    ))
    .unwrap()
}

fn classes(labels: &[u32]) -> Target {
    let names = ["0", "1", "2"].map(Into::into).to_vec();
    Target::Classes(Classes::new(names, labels.to_vec()).expect("labels below 3"))
}

fn assert_close(ours: ArrayView2<'_, f32>, theirs: &[Vec<f32>], tolerance: f32) {
    assert_eq!(ours.nrows(), theirs.len());
    for (ours, theirs) in ours.rows().into_iter().zip(theirs) {
        for (ours, theirs) in ours.iter().zip(theirs) {
            assert_abs_diff_eq!(ours, theirs, epsilon = tolerance);
        }
    }
}

#[test]
fn the_scaler_has_the_same_means_and_deviations() {
    let cases = golden().cases;
    let rows = Array2::from(cases.train);
    let target = classes(&cases.train_labels);
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let fitted = StandardScaler.fit(&train).unwrap();
    for (ours, theirs) in fitted.means().iter().zip(&cases.means) {
        assert_relative_eq!(ours, theirs, max_relative = 1e-6);
    }
    for (ours, theirs) in fitted.deviations().iter().zip(&cases.deviations) {
        assert_relative_eq!(ours, theirs, max_relative = 1e-6);
    }
}

#[test]
fn logistic_regression_finds_the_same_probabilities() {
    let Golden { provenance, cases } = golden();
    let rows = Array2::from(cases.train);
    let test = Array2::from(cases.test);
    let target = classes(&cases.train_labels);
    let exact = |class_weight| {
        let config = LogisticRegressionConfig {
            tolerance: 1e-8,
            max_iterations: 2000,
            class_weight,
            ..LogisticRegressionConfig::default()
        };
        LogisticRegression::new(config).unwrap()
    };
    // The scaler sees no weights, as in the script.
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let scaler = StandardScaler.fit(&train).unwrap();
    let scale =
        |rows: ArrayView2<'_, f32>| xscatter_core::Transformer::transform(&scaler, rows).unwrap();
    let (rows, test) = (scale(rows.view()), scale(test.slice(s![..60, ..])));
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let tolerance = provenance.tolerance as f32;

    let plain = exact(ClassWeight::Uniform).fit(&train).unwrap();
    let proba = plain.predict_proba(test.view()).unwrap();
    assert_close(proba.view(), &cases.logistic.plain, tolerance);

    let weighted = train.clone().with_weights(&cases.weights).unwrap();
    let weighted = exact(ClassWeight::Uniform).fit(&weighted).unwrap();
    let proba = weighted.predict_proba(test.view()).unwrap();
    assert_close(proba.view(), &cases.logistic.weighted, tolerance);

    let balanced = exact(ClassWeight::Balanced).fit(&train).unwrap();
    let proba = balanced.predict_proba(test.view()).unwrap();
    assert_close(proba.view(), &cases.logistic.balanced, tolerance);

    let two: Vec<f32> = cases
        .train_labels
        .iter()
        .map(|&l| f32::from(u8::from(l != 2)))
        .collect();
    let two = train.clone().with_weights(&two).unwrap();
    let two = exact(ClassWeight::Uniform).fit(&two).unwrap();
    let proba = two.predict_proba(test.view()).unwrap();
    assert!(proba.column(2).iter().all(|&p| p == 0.0));
    assert_close(
        proba.slice(s![.., ..2]),
        &cases.logistic.two_classes,
        tolerance,
    );

    // The default stops early, where nobody would see a difference.
    let default = LogisticRegression::default().fit(&train).unwrap();
    let proba = default.predict_proba(test.view()).unwrap();
    assert_close(proba.view(), &cases.logistic.plain, 5e-3);
}

#[test]
fn neighbours_vote_alike() {
    let cases = golden().cases;
    let rows = Array2::from(cases.train);
    let test = Array2::from(cases.test);
    let target = classes(&cases.train_labels);
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    for (vote, theirs) in [
        (Vote::Uniform, &cases.neighbours.uniform),
        (Vote::Distance, &cases.neighbours.distance),
    ] {
        let config = NearestNeighboursConfig {
            k: 5,
            vote,
            ..NearestNeighboursConfig::default()
        };
        let model = NearestNeighbours::new(config).unwrap().fit(&train).unwrap();
        let proba = model.predict_proba(test.slice(s![..60, ..])).unwrap();
        // The golden values have seven decimals.
        assert_close(proba.view(), theirs, 2e-7);
    }
}

fn holes(mut rows: Array2<f32>, first: usize) -> Array2<f32> {
    for ((row, column), value) in rows.indexed_iter_mut() {
        if ((row + first) * 7 + column * 3).is_multiple_of(10) {
            *value = f32::NAN;
        }
    }
    rows
}

/// Means over ten seeds, as in the script.
fn quality(family: &str, train: &TrainingSet<'_>, test: &Array2<f32>, labels: &[u32]) -> Quality {
    let mut sum = Quality {
        accuracy: 0.0,
        log_loss: 0.0,
    };
    // Without a random choice all seeds give the same model.
    let seeds = if family == "gradient-boosting" { 1 } else { 10 };
    for seed in 0..seeds {
        let classifier = Classifier::from_params(family, &Params::new(), seed);
        let model = classifier
            .and_then(|c| c.fit(train))
            .expect("it can be fitted");
        let proba = model.predict_proba(test.view()).expect("same features");
        for (row, &label) in proba.rows().into_iter().zip(labels) {
            let p = row[label as usize];
            let right = row.iter().all(|other| *other <= p);
            sum.accuracy += f64::from(u8::from(right));
            sum.log_loss -= f64::from(p.max(1e-6)).ln();
        }
    }
    let n = (seeds as usize * labels.len()) as f64;
    Quality {
        accuracy: sum.accuracy / n,
        log_loss: sum.log_loss / n,
    }
}

#[test]
fn trees_are_as_good_on_rows_that_they_never_saw() {
    let cases = golden().cases;
    let rows = Array2::from(cases.train);
    let test = Array2::from(cases.test);
    let target = classes(&cases.train_labels);
    let rows_with_holes = holes(rows.clone(), 0);
    let test_with_holes = holes(test.clone(), rows.nrows());
    for (family, theirs) in &cases.quality {
        for (rows, test, theirs) in [
            (&rows, &test, &theirs.complete),
            (&rows_with_holes, &test_with_holes, &theirs.holes),
        ] {
            let train = TrainingSet::new(rows.view(), &target).unwrap();
            let ours = quality(family, &train, test, &cases.test_labels);
            let text = format!("{family}: ours {ours:?}, theirs {theirs:?}");
            // 300 rows: a standard deviation of accuracy is about 0.02.
            assert!(ours.accuracy > theirs.accuracy - 0.02, "{text}");
            assert!(ours.log_loss < 1.05 * theirs.log_loss, "{text}");
        }
    }
}
