//! Our transformers and calibrators against those of scikit-learn on the same rows.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2, Axis, s};
use serde::Deserialize;
use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet, Transformer};
use xscatter_learn::{
    Calibrated, CalibrationConfig, Calibrator, Components, Criterion, Distribution, Fill, Imputer,
    ImputerConfig, NearestNeighbours, NearestNeighboursConfig, Pca, PcaConfig, PcaSolver,
    PowerTransform, QuantileTransform, QuantileTransformConfig, RangeScaler, Selection,
    StandardScaler, Vote,
};
use xscatter_testkit::golden::{Golden, load};

#[derive(Deserialize)]
struct Cases {
    train: Vec<[f32; 7]>,
    test: Vec<[f32; 7]>,
    labels: Vec<u32>,
    quantiles: BTreeMap<String, Vec<Vec<Option<f64>>>>,
    powers: Powers,
    ranges: BTreeMap<String, Vec<Vec<Option<f64>>>>,
    scaler: Scaler,
    pca: BTreeMap<String, PcaCase>,
    impute: BTreeMap<String, Vec<Vec<f64>>>,
    select: Select,
    calibrate: Calibrate,
    whole: BTreeMap<String, Vec<Vec<f64>>>,
}

#[derive(Deserialize)]
struct Powers {
    lambdas: Vec<f64>,
    rows: Vec<Vec<Option<f64>>>,
}

#[derive(Deserialize)]
struct Scaler {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

#[derive(Deserialize)]
struct PcaCase {
    components: Vec<Vec<f64>>,
    variances: Vec<f64>,
    shares: Vec<f64>,
    rows: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Select {
    variance: Vec<f64>,
    anova: Vec<f64>,
    untied: Vec<[f32; 3]>,
    information: Vec<f64>,
}

#[derive(Deserialize)]
struct Calibrate {
    scores: Vec<[f32; 3]>,
    truth: Vec<u32>,
    weights: Vec<f32>,
    sigmoid: Vec<Vec<f64>>,
    isotonic: Vec<Vec<f64>>,
    temperature: Vec<Vec<f64>>,
    beta: f64,
    two_scores: Vec<f32>,
    two_sigmoid: Vec<f64>,
    two_isotonic: Vec<f64>,
    two_temperature: Vec<f64>,
}

const TOLERANCE: f64 = 1e-6;
/// The constant feature, of which we make 0.
const CONSTANT: usize = 3;

struct Setting {
    cases: Cases,
    train: Array2<f32>,
    test: Array2<f32>,
    target: Target,
}

#[allow(
    clippy::unwrap_used,
    reason = "a test without its golden file has failed"
)]
fn setting() -> Setting {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/prep.json");
    let Golden { cases, provenance } = load::<Cases>(path).unwrap();
    assert_eq!(provenance.tolerance, TOLERANCE);
    Setting {
        train: Array2::from(cases.train.clone()),
        test: Array2::from(cases.test.clone()),
        target: classes(&cases.labels, 3),
        cases,
    }
}

fn classes(labels: &[u32], n_classes: usize) -> Target {
    let names = (0..n_classes)
        .map(|class| class.to_string().into())
        .collect();
    Target::Classes(Classes::new(names, labels.to_vec()).expect("labels below the number"))
}

impl Setting {
    fn fit<E: Estimator>(&self, recipe: &E, rows: ArrayView2<'_, f32>) -> E::Fitted {
        let target = self.target.select(&(0..rows.nrows()).collect::<Vec<_>>());
        let train = TrainingSet::new(rows, &target).expect("a target a row");
        recipe.fit(&train).expect("it can be fitted")
    }

    /// The rows with holes by the rule of the script.
    fn with_holes(&self) -> (Array2<f32>, Array2<f32>) {
        let n_train = self.train.nrows();
        let punch = |mut rows: Array2<f32>, first: usize| {
            for ((row, column), value) in rows.indexed_iter_mut() {
                if ((row + first) * 5 + column * 3).is_multiple_of(11) && column != CONSTANT {
                    *value = f32::NAN;
                }
            }
            rows
        };
        (
            punch(self.train.clone(), 0),
            punch(self.test.clone(), n_train),
        )
    }

    /// Fitted to the training rows, applied to the test rows.
    fn transformed<E>(&self, recipe: &E, holes: bool) -> Array2<f32>
    where
        E: Estimator,
        E::Fitted: Transformer,
    {
        let (train, test) = if holes {
            self.with_holes()
        } else {
            (self.train.clone(), self.test.clone())
        };
        let fitted = self.fit(recipe, train.view());
        fitted.transform(test.view()).expect("the same features")
    }
}

/// Relative for values above 1, absolute below.
fn close(what: &str, ours: f64, theirs: f64) {
    let deviation = (ours - theirs).abs() / theirs.abs().max(1.0);
    assert!(
        deviation <= TOLERANCE,
        "{what}: ours {ours}, theirs {theirs}"
    );
}

fn close_rows(what: &str, ours: &Array2<f32>, theirs: &[Vec<Option<f64>>], without: Option<usize>) {
    assert_eq!(ours.nrows(), theirs.len());
    for ((row, column), &value) in ours.indexed_iter() {
        match theirs[row][column] {
            _ if Some(column) == without => assert_eq!(value, 0.0, "{what}"),
            None => assert!(value.is_nan(), "{what}: {row}, {column}"),
            Some(theirs) => close(&format!("{what} {row}, {column}"), value.into(), theirs),
        }
    }
}

fn close_all(
    what: &str,
    ours: impl IntoIterator<Item = f64>,
    theirs: impl IntoIterator<Item = f64>,
) {
    let (ours, theirs): (Vec<f64>, Vec<f64>) =
        (ours.into_iter().collect(), theirs.into_iter().collect());
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (ours, theirs) in ours.into_iter().zip(theirs) {
        close(what, ours, theirs);
    }
}

#[test]
fn quantiles() {
    let setting = setting();
    for (name, quantiles, output, holes) in [
        ("uniform", 1000, Distribution::Uniform, true),
        ("normal", 1000, Distribution::Normal, true),
        ("normal_20", 20, Distribution::Normal, false),
    ] {
        let config = QuantileTransformConfig { quantiles, output };
        let recipe = QuantileTransform::new(config).unwrap();
        let ours = setting.transformed(&recipe, holes);
        close_rows(name, &ours, &setting.cases.quantiles[name], None);
    }
}

#[test]
fn powers() {
    let setting = setting();
    let (train, _) = setting.with_holes();
    let fitted = setting.fit(&PowerTransform, train.view());
    for (feature, (ours, theirs)) in fitted
        .lambdas()
        .iter()
        .zip(&setting.cases.powers.lambdas)
        .enumerate()
    {
        close(&format!("λ of {feature}"), *ours, *theirs);
    }
    let ours = setting.transformed(&PowerTransform, true);
    close_rows("power", &ours, &setting.cases.powers.rows, Some(CONSTANT));
}

#[test]
fn ranges() {
    let setting = setting();
    for (name, scaler) in [
        ("min-max", RangeScaler::MinMax),
        ("max-abs", RangeScaler::MaxAbs),
        ("robust", RangeScaler::Robust),
    ] {
        let ours = setting.transformed(&scaler, true);
        close_rows(name, &ours, &setting.cases.ranges[name], Some(CONSTANT));
    }
}

#[test]
fn a_scaler_that_goes_on() {
    let setting = setting();
    let (train, _) = setting.with_holes();
    let mut fitted = setting.fit(&StandardScaler, train.slice(s![..50, ..]));
    let target = setting.target.select(&(50..120).collect::<Vec<_>>());
    let rest = train.slice(s![50.., ..]);
    fitted
        .update(&TrainingSet::new(rest, &target).unwrap())
        .unwrap();
    let Scaler { means, deviations } = &setting.cases.scaler;
    close_all("mean", fitted.means().to_vec(), means.clone());
    close_all("σ", fitted.deviations().to_vec(), deviations.clone());
}

#[test]
fn principal_components() {
    let setting = setting();
    let exact = |components, whiten| PcaConfig {
        components,
        whiten,
        solver: PcaSolver::Exact,
        ..PcaConfig::default()
    };
    let wide = setting.train.slice(s![..5, ..]);
    for (name, config, rows) in [
        ("full", exact(Components::All, false), setting.train.view()),
        (
            "three_whitened",
            exact(Components::Count(3), true),
            setting.train.view(),
        ),
        (
            "share",
            exact(Components::Variance(0.9), false),
            setting.train.view(),
        ),
        ("wide", exact(Components::Count(4), false), wide),
    ] {
        let fitted = setting.fit(&Pca::new(config).unwrap(), rows);
        check_pca(name, &fitted, &setting);
    }
    let mut grown = setting.fit(
        &Pca::new(exact(Components::Count(3), false)).unwrap(),
        setting.train.slice(s![..40, ..]),
    );
    for range in [40..50, 50..120] {
        let target = setting.target.select(&range.clone().collect::<Vec<_>>());
        let rows = setting.train.slice(s![range, ..]);
        grown
            .update(&TrainingSet::new(rows, &target).unwrap())
            .unwrap();
    }
    check_pca("incremental", &grown, &setting);
}

fn check_pca(name: &str, fitted: &xscatter_learn::FittedPca, setting: &Setting) {
    let theirs = &setting.cases.pca[name];
    let components = fitted.components();
    close_all(name, components.iter().copied(), theirs.components.concat());
    close_all(name, fitted.explained_variances(), theirs.variances.clone());
    close_all(name, fitted.explained_shares(), theirs.shares.clone());
    let ours = fitted.transform(setting.test.view());
    let ours = ours.expect("the same features");
    close_all(name, ours.iter().map(|&z| z.into()), theirs.rows.concat());
}

#[test]
fn imputation() {
    let setting = setting();
    for (name, fill) in [("mean", Fill::Mean), ("median", Fill::Median)] {
        let config = ImputerConfig {
            fill,
            indicator: true,
        };
        let ours = setting.transformed(&Imputer::new(config).unwrap(), true);
        let ours = ours.iter().map(|&x| x.into());
        close_all(name, ours, setting.cases.impute[name].concat());
    }
}

#[test]
fn selection_scores() {
    let setting = setting();
    let scores = |criterion, rows: &Array2<f32>| -> Vec<f64> {
        let fitted = setting.fit(&Selection::new(criterion).unwrap(), rows.view());
        fitted
            .scores()
            .iter()
            .map(|score| score.unwrap_or(0.0))
            .collect()
    };
    let theirs = &setting.cases.select;
    let variances = scores(Criterion::Variance { above: 0.0 }, &setting.train);
    close_all("variance", variances, theirs.variance.clone());
    let varying = setting.train.select(Axis(1), &[0, 1, 2, 4, 5, 6]);
    let f = scores(Criterion::AnovaF { keep: 6 }, &varying);
    close_all("F", f, theirs.anova.clone());
    let information = Criterion::MutualInformation {
        keep: 3,
        neighbours: 3,
        seed: 0,
    };
    let information = scores(information, &Array2::from(theirs.untied.clone()));
    close_all("information", information, theirs.information.clone());
}

#[test]
fn calibrators() {
    let case = setting().cases.calibrate;
    let scores = Array2::from(case.scores);
    let target = classes(&case.truth, 3);
    let train = TrainingSet::new(scores.view(), &target).unwrap();
    let train = train.with_weights(&case.weights).unwrap();
    let two_target = classes(&case.truth.iter().map(|&k| k.min(1)).collect::<Vec<_>>(), 2);
    let two = Array2::from_shape_fn((200, 2), |(row, class)| {
        let p = case.two_scores[row];
        if class == 1 { p } else { 1.0 - p }
    });
    let two_train = TrainingSet::new(two.view(), &two_target).unwrap();
    for (calibrator, theirs, two_theirs) in [
        (Calibrator::Sigmoid, case.sigmoid, case.two_sigmoid),
        (Calibrator::Isotonic, case.isotonic, case.two_isotonic),
        (
            Calibrator::Temperature,
            case.temperature,
            case.two_temperature,
        ),
    ] {
        let name = format!("{calibrator:?}");
        let fitted = calibrator.fit(&train).unwrap();
        if let Some(beta) = fitted.beta() {
            close("β", beta, case.beta);
        }
        let ours = fitted.transform(scores.view()).unwrap();
        close_all(&name, ours.iter().map(|&p| p.into()), theirs.concat());
        let fitted = calibrator.fit(&two_train).unwrap();
        let ours = fitted.transform(two.view()).unwrap();
        let ours = ours
            .column(1)
            .iter()
            .map(|&p| p.into())
            .collect::<Vec<f64>>();
        close_all(&name, ours, two_theirs);
    }
}

#[test]
fn a_calibrated_classifier() {
    let setting = setting();
    let chosen = [0, 1, 5];
    let rows = setting.train.select(Axis(1), &chosen);
    let test = setting.test.select(Axis(1), &chosen);
    let neighbours = NearestNeighbours::new(NearestNeighboursConfig {
        k: 7,
        vote: Vote::Uniform,
        ..NearestNeighboursConfig::default()
    })
    .unwrap();
    for (name, calibrator) in [
        ("sigmoid", Calibrator::Sigmoid),
        ("isotonic", Calibrator::Isotonic),
        ("temperature", Calibrator::Temperature),
    ] {
        for (kind, ensemble) in [("ensemble", true), ("single", false)] {
            let config = CalibrationConfig {
                calibrator,
                folds: 5,
                ensemble,
            };
            let recipe = Calibrated::new(neighbours.clone(), config).unwrap();
            let model = setting.fit(&recipe, rows.view());
            let ours = model.predict_proba(test.view()).unwrap();
            let key = format!("{name}-{kind}");
            let theirs = setting.cases.whole[&key].concat();
            close_all(&key, ours.iter().map(|&p| p.into()), theirs);
        }
    }
}
