//! What holds for linear models and their kin on any rows.

use std::time::{Duration, Instant};

use ndarray::{Array2, Axis};
use proptest::prelude::*;
use xscatter_core::{
    Classes, ErrorKind, Estimator, Params, Predictor, StopToken, Target, TrainingSet,
};
use xscatter_learn::{
    Classifier, FittedLinearDiscriminant, FittedQuadraticDiscriminant, FittedRidge,
    LinearDiscriminant, LinearDiscriminantConfig, QuadraticDiscriminant,
    QuadraticDiscriminantConfig, Ridge, RidgeConfig, Shrinkage,
};

const FAMILIES: [&str; 6] = [
    "logistic-regression",
    "ridge",
    "elastic-net",
    "linear-discriminant",
    "quadratic-discriminant",
    "gaussian-naive-bayes",
];

fn classifier(family: &str) -> Classifier {
    Classifier::from_params(family, &Params::new(), 0).expect("a family")
}

/// 30 to 60 rows of four features with two or three classes, one feature a rounded mixture of others.
fn any_rows() -> impl Strategy<Value = (Array2<f32>, Target)> {
    (30..60_usize, 2..4_usize).prop_flat_map(|(n_rows, n_classes)| {
        let values = prop::collection::vec(-40..40_i32, n_rows * 3);
        values.prop_map(move |values| {
            let rows = Array2::from_shape_fn((n_rows, 4), |(row, column)| match column {
                3 => ((values[row * 3] + values[row * 3 + 1]) / 7) as f32,
                _ => values[row * 3 + column] as f32 / 8.0,
            });
            let names = ["a", "b", "c"].map(Into::into)[..n_classes].to_vec();
            let labels = (0..n_rows).map(|row| (row % n_classes) as u32).collect();
            let classes = Classes::new(names, labels).expect("labels below the number of names");
            (rows, Target::Classes(classes))
        })
    })
}

fn predict(family: &str, rows: &Array2<f32>, target: &Target, of: &Array2<f32>) -> Array2<f32> {
    let train = TrainingSet::new(rows.view(), target).expect("a target a row");
    let model = classifier(family).fit(&train).expect("classes that vary");
    model.predict_proba(of.view()).expect("the same features")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_order_of_rows_and_columns_hardly_matters((rows, target) in any_rows()) {
        let order: Vec<usize> = (0..rows.nrows()).rev().collect();
        let (turned, turned_target) = (rows.select(Axis(0), &order), target.select(&order));
        let columns = [2, 0, 3, 1];
        let swapped = rows.select(Axis(1), &columns);
        for family in FAMILIES {
            // The portions of the elastic net go by the order of rows, and the search for a minimum ends
            // somewhere near it.
            let tolerance = match family {
                "elastic-net" => continue,
                "logistic-regression" => 2e-3,
                _ => 1e-4,
            };
            let straight = predict(family, &rows, &target, &rows);
            let other = predict(family, &turned, &turned_target, &rows);
            let third = predict(family, &swapped, &target, &swapped);
            for ((one, two), three) in straight.iter().zip(&other).zip(&third) {
                prop_assert!((one - two).abs() < tolerance, "{} {one} {two}", family);
                prop_assert!((one - three).abs() < tolerance, "{} {one} {three}", family);
            }
        }
    }

    #[test]
    fn a_row_without_weight_is_as_absent((rows, target) in any_rows(), gap in 2..5_usize) {
        let n_rows = rows.nrows();
        let weights: Vec<f32> = (0..n_rows).map(|row| f32::from(u8::from(row % gap != 0))).collect();
        let kept: Vec<usize> = (0..n_rows).filter(|row| row % gap != 0).collect();
        // Half of the classes may be gone.
        let labels = target.classes().expect("classes").labels();
        prop_assume!(kept.iter().any(|&row| labels[row] != labels[kept[0]]));
        let (some, some_target) = (rows.select(Axis(0), &kept), target.select(&kept));
        let mut wild = rows.clone();
        wild.row_mut(0).fill(f32::NAN);
        for family in FAMILIES {
            let model = classifier(family);
            let set = TrainingSet::new(wild.view(), &target).expect("a target a row");
            let weighted = model.fit(&set.with_weights(&weights).expect("a weight a row"));
            let set = TrainingSet::new(some.view(), &some_target).expect("a target a row");
            let without = model.fit(&set);
            let one = weighted.expect("classes that vary").predict_proba(some.view());
            let two = without.expect("classes that vary").predict_proba(some.view());
            prop_assert_eq!(one.expect("features"), two.expect("features"), "{}", family);
        }
    }
}

#[test]
fn a_deadline_ends_a_fit_soon() {
    let rows = Array2::from_shape_fn((6000, 300), |(row, column)| {
        (xscatter_core::seed::derive(row as u64, column as u64) % 1000) as f32
    });
    let labels = (0..6000).map(|row| row % 5).collect();
    let names = ["a", "b", "c", "d", "e"].map(Into::into).to_vec();
    let target = Target::Classes(Classes::new(names, labels).unwrap());
    for family in FAMILIES {
        // Too small a penalty to end early, where there is one.
        let params = match family {
            "logistic-regression" => Params::new().with("c", 1e4).with("l1_ratio", 0.5),
            _ => Params::new(),
        };
        let soon = Instant::now() + Duration::from_millis(5);
        let train = TrainingSet::new(rows.view(), &target)
            .unwrap()
            .with_stop(StopToken::new().with_deadline(soon));
        let fit = Classifier::from_params(family, &params, 0)
            .unwrap()
            .fit(&train);
        // What takes no iterations may be done before the deadline, on a fast machine.
        match fit {
            Ok(_) => assert!(!family.starts_with("logistic"), "{family} did not stop"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Stopped, "{family}"),
        }
        assert!(soon.elapsed() < Duration::from_millis(500), "{family}");
    }
}

#[test]
fn models_that_can_go_on_learning_come_back_from_a_file() {
    let rows = Array2::from_shape_fn((40, 3), |(row, column)| {
        ((row * (5 + 6 * column) + column) % 29) as f32 / 7.0
    });
    let names: Vec<String> = (0..40).map(|row| (row % 3).to_string()).collect();
    let target = Target::Classes(Classes::from_names(&names));
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let config = LinearDiscriminantConfig {
        shrinkage: Shrinkage::Fixed(0.1),
        keep_moments: true,
        ..LinearDiscriminantConfig::default()
    };
    let mut linear = LinearDiscriminant::new(config)
        .unwrap()
        .fit(&train)
        .unwrap();
    let text = serde_json::to_string(&linear).unwrap();
    let mut copy: FittedLinearDiscriminant = serde_json::from_str(&text).unwrap();
    linear.update(&train).unwrap();
    copy.update(&train).unwrap();
    assert_eq!(linear, copy);
    for lie in ["\"weight\":-1.0", "\"weight\":1e999"] {
        let start = text.find("\"weight\"").unwrap();
        let end = start + text[start..].find(',').unwrap();
        let lie = format!("{}{lie}{}", &text[..start], &text[end..]);
        assert!(serde_json::from_str::<FittedLinearDiscriminant>(&lie).is_err());
    }

    let config = QuadraticDiscriminantConfig {
        keep_moments: true,
        ..QuadraticDiscriminantConfig::default()
    };
    let mut quadratic = QuadraticDiscriminant::new(config)
        .unwrap()
        .fit(&train)
        .unwrap();
    let text = serde_json::to_string(&quadratic).unwrap();
    let mut copy: FittedQuadraticDiscriminant = serde_json::from_str(&text).unwrap();
    quadratic.update(&train).unwrap();
    copy.update(&train).unwrap();
    assert_eq!(quadratic, copy);

    let config = RidgeConfig {
        keep_moments: true,
        ..RidgeConfig::default()
    };
    let mut ridge = Ridge::new(config).unwrap().fit(&train).unwrap();
    let text = serde_json::to_string(&ridge).unwrap();
    let mut copy: FittedRidge = serde_json::from_str(&text).unwrap();
    ridge.update(&train).unwrap();
    copy.update(&train).unwrap();
    assert_eq!(ridge, copy);
    let short = text.replacen("\"sigmoids\":[", "\"sigmoids\":[{\"a\":0.0,\"b\":0.0},", 1);
    assert!(serde_json::from_str::<FittedRidge>(&short).is_err());
}
