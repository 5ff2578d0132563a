//! Our decision trees against those of scikit-learn, and their Shapley values against shap's.

use approx::assert_abs_diff_eq;
use ndarray::{Array2, s};
use serde::Deserialize;
use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet};
use xscatter_learn::{DecisionTree, DecisionTreeConfig, SplitCriterion};
use xscatter_testkit::golden::{Golden, load};

#[derive(Deserialize)]
struct Cases {
    rows: Vec<[f32; 6]>,
    labels: Vec<u32>,
    weights: Vec<f32>,
    trees: Vec<Tree>,
}

#[derive(Deserialize)]
struct Tree {
    criterion: SplitCriterion,
    weighted: bool,
    proba: Vec<[f64; 3]>,
    importance: [f64; 6],
    splits: [usize; 6],
    /// Rows × features × classes.
    shap: Vec<[[f64; 3]; 6]>,
}

#[test]
fn a_tree_splits_says_and_explains_itself_alike() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/trees.json");
    let golden: Golden<Cases> = load(path).unwrap();
    let tolerance = golden.provenance.tolerance;
    let cases = golden.cases;
    let rows = Array2::from(cases.rows);
    let names = ["0", "1", "2"].map(Into::into).to_vec();
    let target = Target::Classes(Classes::new(names, cases.labels).unwrap());
    for case in cases.trees {
        let mut train = TrainingSet::new(rows.view(), &target).unwrap();
        if case.weighted {
            train = train.with_weights(&cases.weights).unwrap();
        }
        let config = DecisionTreeConfig {
            criterion: case.criterion,
            max_depth: Some(5),
            min_samples_leaf: 12,
            ..DecisionTreeConfig::default()
        };
        let model = DecisionTree::new(config).unwrap().fit(&train).unwrap();
        let proba = model.predict_proba(rows.view()).unwrap();
        for (ours, theirs) in proba.rows().into_iter().zip(case.proba) {
            for (ours, theirs) in ours.iter().zip(theirs) {
                assert_abs_diff_eq!(f64::from(*ours), theirs, epsilon = tolerance);
            }
        }
        let importance = model.importance();
        assert_eq!(importance.splits, case.splits);
        for (ours, theirs) in importance.shares().into_iter().zip(case.importance) {
            assert_abs_diff_eq!(ours, theirs, epsilon = 1e-9);
        }
        let some = rows.slice(s![..case.shap.len(), ..]);
        let shap = model.shap_values(some).unwrap();
        for (ours, theirs) in shap.values.outer_iter().zip(case.shap) {
            for (ours, theirs) in ours.iter().zip(theirs.as_flattened()) {
                assert_abs_diff_eq!(*ours, *theirs, epsilon = tolerance);
            }
        }
    }
}
