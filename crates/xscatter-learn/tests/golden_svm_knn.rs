//! Machines of pairs of classes and neighbours against those of scikit-learn.

use approx::assert_abs_diff_eq;
use ndarray::{Array2, ArrayView2};
use serde::Deserialize;
use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet};
use xscatter_learn::{
    ClassWeight, Distance, Gamma, KernelSvm, KernelSvmConfig, NearestNeighbours,
    NearestNeighboursConfig, SvmKernel, Vote,
};
use xscatter_testkit::golden::{Golden, load};

#[derive(Deserialize)]
struct Cases {
    train: Vec<[f32; 6]>,
    test: Vec<[f32; 6]>,
    labels: Vec<u32>,
    weights: Vec<f32>,
    machines: Vec<Machine>,
    grid: Vec<[f32; 3]>,
    queries: Vec<[f32; 3]>,
    colours: Vec<u32>,
    k: usize,
    uniform: Vec<[f32; 3]>,
    clear: Vec<bool>,
    distance: Vec<[f32; 3]>,
    cosine: Vec<[f32; 4]>,
}

#[derive(Deserialize)]
struct Machine {
    kernel: String,
    c: f64,
    gamma: Option<f64>,
    balanced: bool,
    weighted: bool,
    decisions: Vec<[f64; 6]>,
    classes: Vec<usize>,
}

fn golden() -> Golden<Cases> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/svm_knn.json");
    load(path).expect("it is committed")
}

fn classes(labels: &[u32], n: usize) -> Target {
    let names = (0..n).map(|class| class.to_string().into()).collect();
    Target::Classes(Classes::new(names, labels.to_vec()).expect("labels below the number"))
}

#[test]
fn decisions_about_pairs_are_those_of_scikit_learn() {
    let Golden { provenance, cases } = golden();
    let (rows, test) = (Array2::from(cases.train), Array2::from(cases.test));
    let target = classes(&cases.labels, 4);
    for machine in &cases.machines {
        let kernel = match &*machine.kernel {
            "linear" => SvmKernel::Linear,
            "intersection" => SvmKernel::Intersection,
            _ => SvmKernel::Rbf {
                gamma: machine.gamma.map_or(Gamma::Scale(1.0), Gamma::Absolute),
            },
        };
        let class_weight = if machine.balanced {
            ClassWeight::Balanced
        } else {
            ClassWeight::Uniform
        };
        let recipe = KernelSvm::new(KernelSvmConfig {
            kernel,
            class_weight,
            c: machine.c,
            tolerance: 1e-7,
            ..KernelSvmConfig::default()
        });
        let mut train = TrainingSet::new(rows.view(), &target).unwrap();
        if machine.weighted {
            train = train.with_weights(&cases.weights).unwrap();
        }
        let model = recipe.unwrap().fit(&train).unwrap();
        let decisions = model.decisions(test.view()).unwrap();
        assert_eq!(decisions.dim(), (test.nrows(), 6));
        for (ours, theirs) in decisions.iter().zip(machine.decisions.iter().flatten()) {
            assert_abs_diff_eq!(ours, theirs, epsilon = provenance.tolerance);
        }
        // Theirs is the class for which most pairs vote, the first of several.
        for (row, &theirs) in decisions.rows().into_iter().zip(&machine.classes) {
            let mut votes = [0; 4];
            let pairs = (0..4).flat_map(|a| (a + 1..4).map(move |b| (a, b)));
            for ((a, b), decision) in pairs.zip(row) {
                votes[if *decision > 0.0 { a } else { b }] += 1;
            }
            let most = votes.iter().max().unwrap();
            assert_eq!(votes.iter().position(|one| one == most), Some(theirs));
        }
        // Most of the time it is also the most probable one.
        let proba = model.predict_proba(test.view()).unwrap();
        let alike = proba.rows().into_iter().zip(&machine.classes);
        let alike = alike.filter(|(row, class)| row.iter().all(|p| *p <= row[**class]));
        assert!(alike.count() * 10 >= test.nrows() * 8);
    }
}

fn neighbours(
    config: NearestNeighboursConfig,
    rows: ArrayView2<'_, f32>,
    target: &Target,
    queries: ArrayView2<'_, f32>,
) -> Array2<f32> {
    let train = TrainingSet::new(rows, target).expect("as many rows as labels");
    let recipe = NearestNeighbours::new(config).expect("sensible settings");
    let model = recipe.fit(&train).expect("sound rows");
    model.predict_proba(queries).expect("the same features")
}

#[test]
fn neighbours_are_those_of_scikit_learn_and_ties_go_to_the_earlier_row() {
    let cases = golden().cases;
    let (grid, queries) = (Array2::from(cases.grid), Array2::from(cases.queries));
    let target = classes(&cases.colours, 3);
    let config = |vote| NearestNeighboursConfig {
        k: cases.k,
        vote,
        ..NearestNeighboursConfig::default()
    };
    let found = neighbours(config(Vote::Uniform), grid.view(), &target, queries.view());
    for (ours, theirs) in found.iter().zip(cases.uniform.iter().flatten()) {
        assert_abs_diff_eq!(ours, theirs, epsilon = 2e-7);
    }
    let found = neighbours(config(Vote::Distance), grid.view(), &target, queries.view());
    let rows = found.rows().into_iter().zip(&cases.distance);
    for ((ours, theirs), clear) in rows.zip(&cases.clear) {
        // Where rows compete for the last place, scikit-learn takes any.
        if *clear {
            for (ours, theirs) in ours.iter().zip(theirs) {
                assert_abs_diff_eq!(ours, theirs, epsilon = 2e-7);
            }
        }
    }

    let (rows, test) = (Array2::from(cases.train), Array2::from(cases.test));
    let target = classes(&cases.labels, 4);
    let config = NearestNeighboursConfig {
        metric: Distance::Cosine,
        ..NearestNeighboursConfig::default()
    };
    let found = neighbours(config, rows.view(), &target, test.view());
    for (ours, theirs) in found.iter().zip(cases.cosine.iter().flatten()) {
        assert_abs_diff_eq!(ours, theirs, epsilon = 2e-7);
    }
}
