//! Classes are spread as evenly over folds of whole groups as by scikit-learn.

use std::sync::Arc;

use serde::Deserialize;
use xscatter_automl::stratified_group_k_fold;
use xscatter_core::Classes;

#[derive(Deserialize)]
struct Case {
    name: String,
    labels: Vec<u32>,
    groups: Vec<usize>,
    folds: usize,
    unevenness: f64,
}

/// The mean over the classes of the spread, over the folds, of the share that a fold judges by.
fn unevenness(case: &Case, classes: &Classes, groups: &[Arc<str>], seed: u64) -> f64 {
    let folds =
        stratified_group_k_fold(classes, groups, case.folds, seed).expect("it can be split");
    let totals = classes.counts();
    let spread = |class: usize| {
        let share =
            |rows: &[usize]| classes.select(rows).counts()[class] as f64 / totals[class] as f64;
        let n = folds.len() as f64;
        let squares = folds
            .iter()
            .map(|fold| (share(&fold.validation) - 1.0 / n).powi(2));
        (squares.sum::<f64>() / n).sqrt()
    };
    (0..totals.len()).map(spread).sum::<f64>() / totals.len() as f64
}

#[test]
fn folds_are_as_even_as_those_of_scikit_learn() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/split_sklearn.json"
    );
    let golden = xscatter_testkit::golden::load::<Vec<Case>>(path).unwrap();
    for case in &golden.cases {
        let n_classes = case.labels.iter().max().map_or(0, |max| max + 1);
        let names = (0..n_classes)
            .map(|class| class.to_string().into())
            .collect();
        let classes = Classes::new(names, case.labels.clone()).unwrap();
        let groups: Vec<Arc<str>> = case.groups.iter().map(|g| g.to_string().into()).collect();
        let seeds = 0..20;
        let mean = seeds
            .map(|seed| unevenness(case, &classes, &groups, seed))
            .sum::<f64>()
            / 20.0;
        let most = case.unevenness * (1.0 + golden.provenance.tolerance);
        println!(
            "{}: {mean:.5} here, {:.5} there",
            case.name, case.unevenness
        );
        assert!(mean <= most, "{}: {mean} is above {most}", case.name);
    }
}
