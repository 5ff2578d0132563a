//! What holds for any rows.

use ndarray::{Array2, Axis};
use proptest::prelude::*;
use xscatter_core::{Classes, Estimator, Params, Predictor, Target, TrainingSet};
use xscatter_learn::{Classifier, families};

const FAMILIES: [(&str, &str); 8] = [
    ("extra-trees", "trees"),
    ("random-forest", "trees"),
    ("gradient-boosting", "rounds"),
    ("gradient-boosting-depthwise", "rounds"),
    ("gradient-boosting-symmetric", "rounds"),
    ("decision-tree", ""),
    ("logistic-regression", ""),
    ("k-nearest-neighbours", ""),
];

fn quick(family: &str, size: &str, seed: u64) -> Classifier {
    let params = match size {
        "" => Params::new(),
        size => Params::new().with(size, 10),
    };
    Classifier::from_params(family, &params, seed).expect("a family and parameters of it")
}

/// 20 to 60 rows of three features, of which some repeat, with two or three classes.
fn any_rows() -> impl Strategy<Value = (Array2<f32>, Target)> {
    (20..60_usize, 2..4_u32).prop_flat_map(|(n_rows, n_classes)| {
        let values = prop::collection::vec(-40..40_i32, n_rows * 3);
        let labels = prop::collection::vec(0..n_classes, n_rows);
        (values, labels).prop_map(move |(values, mut labels)| {
            labels[0] = 0;
            labels[1] = 1;
            let values = values.into_iter().map(|value| value as f32 / 8.0).collect();
            let rows = Array2::from_shape_vec((n_rows, 3), values).expect("as many values");
            let names = (0..n_classes)
                .map(|class| class.to_string().into())
                .collect();
            let classes = Classes::new(names, labels).expect("labels below the number of names");
            (rows, Target::Classes(classes))
        })
    })
}

fn predict(classifier: &Classifier, rows: &Array2<f32>, target: &Target) -> Array2<f32> {
    let train = TrainingSet::new(rows.view(), target).expect("a target a row");
    let model = classifier.fit(&train).expect("two classes");
    model.predict_proba(rows.view()).expect("the same features")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn scores_are_probabilities((rows, target) in any_rows(), seed: u64) {
        for (family, size) in FAMILIES {
            let proba = predict(&quick(family, size, seed), &rows, &target);
            for row in proba.rows() {
                prop_assert!((row.sum() - 1.0).abs() < 1e-6);
                prop_assert!(row.iter().all(|p| (0.0..=1.0).contains(p)));
            }
        }
    }

    #[test]
    fn the_unit_of_a_feature_does_not_matter(
        (rows, target) in any_rows(), seed: u64, powers in prop::array::uniform3(-20..20_i32)
    ) {
        // By powers of two, so that nothing is rounded and equality is exact.
        let mut scaled = rows.clone();
        for (mut column, power) in scaled.axis_iter_mut(Axis(1)).zip(powers) {
            column.mapv_inplace(|x| x * 2_f32.powi(power));
        }
        for (family, size) in FAMILIES {
            let classifier = quick(family, size, seed);
            prop_assert_eq!(
                predict(&classifier, &rows, &target),
                predict(&classifier, &scaled, &target),
                "{}", family
            );
        }
    }

    #[test]
    fn the_order_of_columns_hardly_matters((rows, target) in any_rows()) {
        // Not for forests: their random choice goes by the column.
        let turned = rows.select(Axis(1), &[2, 0, 1]);
        for family in ["logistic-regression", "k-nearest-neighbours"] {
            let classifier = quick(family, "", 0);
            let (one, two) = (predict(&classifier, &rows, &target), predict(&classifier, &turned, &target));
            for (one, two) in one.iter().zip(&two) {
                prop_assert!((one - two).abs() < 2e-3, "{} {one} {two}", family);
            }
        }
    }

    #[test]
    fn the_order_of_rows_hardly_matters_to_a_convex_loss((rows, target) in any_rows()) {
        let classifier = quick("logistic-regression", "", 0);
        let order: Vec<usize> = (0..rows.nrows()).rev().collect();
        let turned = predict(&classifier, &rows.select(Axis(0), &order), &target.select(&order));
        let straight = predict(&classifier, &rows, &target);
        for (one, two) in straight.select(Axis(0), &order).iter().zip(&turned) {
            prop_assert!((one - two).abs() < 2e-3, "{one} {two}");
        }
    }
}

#[test]
fn families_of_this_file_are_listed() {
    let names: Vec<String> = families().iter().map(|f| f.name().to_owned()).collect();
    for (name, _) in FAMILIES {
        assert!(names.iter().any(|listed| listed == name), "{name}");
    }
}
