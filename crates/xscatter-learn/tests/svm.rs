//! Support vector machines against those of scikit-learn, and what holds for them and for `OneVsRest`.

use approx::assert_abs_diff_eq;
use ndarray::{Array2, Axis, array};
use serde::Deserialize;
use xscatter_core::{
    Classes, ErrorKind, Estimator, Predictor, Result, StopToken, TagState, Tags, Target,
    TrainingSet,
};
use xscatter_learn::{
    ClassWeight, FittedKernelSvm, FittedLinearSvm, Gamma, KernelSvm, KernelSvmConfig, LinearSvm,
    LinearSvmConfig, LogisticRegression, MultiClass, OneVsRest, SvmKernel, SvmLoss,
};
use xscatter_testkit::check_estimator;
use xscatter_testkit::golden::{Golden, load};

#[derive(Deserialize)]
struct Cases {
    train: Vec<[f32; 10]>,
    test: Vec<[f32; 10]>,
    labels: Vec<u32>,
    test_labels: Vec<u32>,
    weights: Vec<f32>,
    decisions: Vec<Decisions>,
    quality: Quality,
}

#[derive(Deserialize)]
struct Decisions {
    kernel: String,
    c: f64,
    rest: Vec<Vec<f64>>,
    two: Vec<f64>,
    weighted: Vec<f64>,
}

#[derive(Deserialize)]
struct Quality {
    log_loss: f64,
    accuracy: f64,
}

fn golden() -> Golden<Cases> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/svm.json");
    load(path).expect("it is committed")
}

fn classes(labels: &[u32]) -> Target {
    let names = ["0", "1", "2"].map(Into::into).to_vec();
    Target::Classes(Classes::new(names, labels.to_vec()).expect("labels below 3"))
}

fn kernel(kernel: SvmKernel, c: f64, tolerance: f64) -> KernelSvm {
    KernelSvm::new(KernelSvmConfig {
        kernel,
        c,
        tolerance,
        multi_class: MultiClass::OneVsRest,
        folds: 0,
        ..KernelSvmConfig::default()
    })
    .expect("sensible settings")
}

/// Decision values of the solver that a golden case names.
fn decisions(case: &Decisions, train: &TrainingSet<'_>, test: &Array2<f32>) -> Array2<f64> {
    let linear = |loss| {
        let config = LinearSvmConfig {
            c: case.c,
            loss,
            tolerance: 1e-8,
            max_passes: 100_000,
            folds: 0,
            ..LinearSvmConfig::default()
        };
        let machine = LinearSvm::new(config).expect("sensible settings");
        machine
            .fit(train)
            .and_then(|model| model.decisions(test.view()))
    };
    let found = match &*case.kernel {
        "hinge" => linear(SvmLoss::Hinge),
        "squared_hinge" => linear(SvmLoss::SquaredHinge),
        name => {
            let of_name = match name {
                "linear" => SvmKernel::Linear,
                "intersection" => SvmKernel::Intersection,
                "rbf" => SvmKernel::default(),
                _ => SvmKernel::Rbf {
                    gamma: Gamma::Absolute(0.05),
                },
            };
            let machine = kernel(of_name, case.c, 1e-7);
            machine
                .fit(train)
                .and_then(|model| model.decisions(test.view()))
        }
    };
    found.expect("sound rows")
}

#[test]
fn decision_values_are_those_of_scikit_learn() {
    let Golden { provenance, cases } = golden();
    let (rows, test) = (Array2::from(cases.train), Array2::from(cases.test));
    let all = classes(&cases.labels);
    let two: Vec<usize> = (0..rows.nrows())
        .filter(|&row| cases.labels[row] != 2)
        .collect();
    let (two_rows, two_target) = (rows.select(Axis(0), &two), all.select(&two));
    let two_weights: Vec<f32> = two.iter().map(|&row| cases.weights[row]).collect();
    assert_eq!(cases.decisions.len(), 6);
    for case in &cases.decisions {
        let train = TrainingSet::new(two_rows.view(), &two_target).unwrap();
        let ours = decisions(case, &train, &test);
        for (ours, theirs) in ours.iter().zip(&case.two) {
            assert_abs_diff_eq!(ours, theirs, epsilon = provenance.tolerance);
        }
        let ours = decisions(case, &train.with_weights(&two_weights).unwrap(), &test);
        for (ours, theirs) in ours.iter().zip(&case.weighted) {
            assert_abs_diff_eq!(ours, theirs, epsilon = provenance.tolerance);
        }
        let train = TrainingSet::new(rows.view(), &all).unwrap();
        let ours = decisions(case, &train, &test);
        assert_eq!(ours.dim(), (test.nrows(), 3));
        for (ours, theirs) in ours.iter().zip(case.rest.iter().flatten()) {
            assert_abs_diff_eq!(ours, theirs, epsilon = provenance.tolerance);
        }
    }
}

#[test]
fn probabilities_are_as_good_as_those_of_scikit_learn() {
    let cases = golden().cases;
    let (rows, test) = (Array2::from(cases.train), Array2::from(cases.test));
    let target = classes(&cases.labels);
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let machine = KernelSvm::new(KernelSvmConfig {
        c: 3.0,
        ..KernelSvmConfig::default()
    });
    let proba = machine
        .unwrap()
        .fit(&train)
        .unwrap()
        .predict_proba(test.view())
        .unwrap();
    let (mut loss, mut right) = (0.0, 0);
    for (row, &label) in proba.rows().into_iter().zip(&cases.test_labels) {
        assert_abs_diff_eq!(row.sum(), 1.0, epsilon = 1e-6);
        let p = row[label as usize];
        loss -= f64::from(p).ln() / test.nrows() as f64;
        right += usize::from(row.iter().all(|other| *other <= p));
    }
    let accuracy = right as f64 / test.nrows() as f64;
    // 40 rows, and theirs are pairs of classes: the same within a standard deviation.
    assert!(loss < cases.quality.log_loss + 0.1, "{loss}");
    assert!(accuracy > cases.quality.accuracy - 0.08, "{accuracy}");
}

/// Moves rows to where all features are positive, for the intersection kernel.
struct Moved(KernelSvm);

struct FittedMoved(FittedKernelSvm);

impl Estimator for Moved {
    type Fitted = FittedMoved;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<FittedMoved> {
        let rows = train.rows().mapv(|value| value + 10.0);
        Ok(FittedMoved(self.0.fit(&train.with_rows(rows.view())?)?))
    }
}

impl Predictor for FittedMoved {
    fn outputs(&self) -> &[std::sync::Arc<str>] {
        self.0.outputs()
    }

    fn predict_proba(&self, rows: ndarray::ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.0.predict_proba(rows.mapv(|value| value + 10.0).view())
    }
}

#[test]
fn all_machines_keep_the_contract() {
    check_estimator(&KernelSvm::default()).unwrap();
    check_estimator(&kernel(SvmKernel::Linear, 1.0, 1e-3)).unwrap();
    check_estimator(&Moved(kernel(SvmKernel::Intersection, 1.0, 1e-3))).unwrap();
    check_estimator(&LinearSvm::default()).unwrap();
    let hinge = LinearSvmConfig {
        loss: SvmLoss::Hinge,
        class_weight: ClassWeight::Balanced,
        ..LinearSvmConfig::default()
    };
    check_estimator(&LinearSvm::new(hinge).unwrap()).unwrap();
}

/// Rows on a line with three tags: right of 1, outside ±2 (half of it unknown), and one that all have.
fn tags() -> (Array2<f32>, Target) {
    let rows = Array2::from_shape_fn((80, 2), |(row, column)| {
        let place = xscatter_core::seed::derive(row as u64, column as u64) % 1000;
        place as f32 / 125.0 - 4.0
    });
    let states = Array2::from_shape_fn((80, 3), |(row, tag)| {
        let x = rows[(row, 0)];
        match tag {
            1 if row % 2 == 0 => TagState::Unknown,
            0 if x > 1.0 => TagState::Positive,
            1 if x.abs() > 2.0 => TagState::Positive,
            2 => TagState::Positive,
            _ => TagState::Negative,
        }
    });
    let names = ["right", "outside", "always"].map(Into::into).to_vec();
    (
        rows,
        Target::Tags(Tags::new(names, states).expect("three names")),
    )
}

fn check_tags(model: &impl Predictor, knows_outside: bool) {
    let names: Vec<&str> = model.outputs().iter().map(|name| &**name).collect();
    assert_eq!(names, ["right", "outside", "always"]);
    let probe = array![[3.5_f32, 0.0], [0.0, 1.0], [-3.5, -1.0]];
    let proba = model
        .predict_proba(probe.view())
        .expect("rows of the width that it was fitted on");
    assert!(proba[(0, 0)] > 0.8 && proba[(2, 0)] < 0.2, "{proba}");
    if knows_outside {
        assert!(
            proba[(0, 1)] > 0.7 && proba[(1, 1)] < 0.3 && proba[(2, 1)] > 0.7,
            "{proba}"
        );
    }
    assert!(proba.column(2).iter().all(|&p| p == 1.0));
}

#[test]
fn tags_are_learned_where_they_are_known() {
    let (rows, target) = tags();
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    check_tags(&KernelSvm::default().fit(&train).unwrap(), true);
    check_tags(&LinearSvm::default().fit(&train).unwrap(), false);
    check_tags(
        &OneVsRest(LogisticRegression::default())
            .fit(&train)
            .unwrap(),
        false,
    );
    check_tags(&OneVsRest(KernelSvm::default()).fit(&train).unwrap(), true);

    // What an unknown row looks like does not matter to its tag, but for where in a sum the support vectors
    // of the tag stand among those of others.
    let mut spoiled = rows.clone();
    for row in (0..80).step_by(2) {
        spoiled[(row, 1)] += 50.0;
    }
    let set = TrainingSet::new(spoiled.view(), &target).unwrap();
    let tagger = kernel(SvmKernel::Linear, 1.0, 1e-3);
    let one = tagger.fit(&train).unwrap().decisions(rows.view()).unwrap();
    let two = tagger.fit(&set).unwrap().decisions(rows.view()).unwrap();
    for (one, two) in one.column(1).iter().zip(two.column(1)) {
        assert_abs_diff_eq!(one, two, epsilon = 1e-12);
    }
    assert!(
        (&one.column(0) - &two.column(0))
            .iter()
            .any(|d| d.abs() > 1e-3)
    );
}

#[test]
fn both_ways_to_learn_tags_give_the_same() {
    let (rows, target) = tags();
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let machine = LinearSvm::default();
    let one = machine
        .fit(&train)
        .unwrap()
        .predict_proba(rows.view())
        .unwrap();
    let two = OneVsRest(machine)
        .fit(&train)
        .unwrap()
        .predict_proba(rows.view())
        .unwrap();
    assert_eq!(one, two);
}

#[test]
fn tags_that_cannot_be_learned_are_errors() {
    let rows = array![[0.0_f32], [1.0]];
    let fit = |states: [TagState; 2]| {
        let states = Array2::from_shape_fn((2, 1), |(row, _)| states[row]);
        let target = Target::Tags(Tags::new(vec!["ring".into()], states).unwrap());
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        let errors = [
            KernelSvm::default().fit(&train).unwrap_err(),
            LinearSvm::default().fit(&train).unwrap_err(),
            OneVsRest(LogisticRegression::default())
                .fit(&train)
                .unwrap_err(),
        ];
        assert!(
            errors
                .iter()
                .all(|error| error.kind() == ErrorKind::DegenerateData)
        );
        errors[0].message().to_owned()
    };
    assert!(fit([TagState::Unknown; 2]).starts_with("tag ring: "));
    fit([TagState::Positive; 2]);
    fit([TagState::Unknown, TagState::Negative]);
    let target = classes(&[0, 1]);
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let error = OneVsRest(LogisticRegression::default())
        .fit(&train)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    let stop = StopToken::new();
    stop.stop();
    let (rows, target) = tags();
    let train = TrainingSet::new(rows.view(), &target)
        .unwrap()
        .with_stop(stop);
    let error = OneVsRest(LogisticRegression::default())
        .fit(&train)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Stopped);
}

#[test]
fn a_model_survives_json_and_lies_are_refused() {
    let (rows, target) = tags();
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let model = KernelSvm::default().fit(&train).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let copy: FittedKernelSvm = serde_json::from_str(&text).unwrap();
    assert_eq!(
        copy.predict_proba(rows.view()).unwrap(),
        model.predict_proba(rows.view()).unwrap()
    );
    for (truth, lie) in [
        (r#""n_features":2"#, r#""n_features":7"#),
        (r#""n_features":2"#, r#""n_features":0"#),
        (r#"["right","outside","always"]"#, r#"["right"]"#),
    ] {
        assert!(text.contains(truth), "{truth}");
        assert!(serde_json::from_str::<FittedKernelSvm>(&text.replace(truth, lie)).is_err());
    }
    let linear = LinearSvm::default().fit(&train).unwrap();
    let text = serde_json::to_string(&linear).unwrap();
    assert_eq!(
        serde_json::from_str::<FittedLinearSvm>(&text).unwrap(),
        linear
    );
    let lie = text.replace(r#""n_features":2"#, r#""n_features":3"#);
    assert!(serde_json::from_str::<FittedLinearSvm>(&lie).is_err());
    for recipe in [
        r#"{"c":0.0}"#,
        r#"{"kernel":{"rbf":{"gamma":{"scale":-1.0}}}}"#,
        r#"{"d":1}"#,
    ] {
        assert!(serde_json::from_str::<KernelSvm>(recipe).is_err());
    }
}

#[test]
fn one_and_two_threads_and_a_small_cache_give_the_same_bits() {
    let (rows, target) = tags();
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let run = |threads: usize, cache_mib: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let config = KernelSvmConfig {
                cache_mib,
                ..KernelSvmConfig::default()
            };
            let kernel = KernelSvm::new(config).unwrap().fit(&train).unwrap();
            (kernel, LinearSvm::default().fit(&train).unwrap())
        })
    };
    let one = run(1, 512);
    assert_eq!(one, run(2, 512));
    assert_eq!(one, run(2, 0));
}

/// Four clouds that overlap, in an order without order.
fn clouds(n_rows: usize) -> (Array2<f32>, Target) {
    let label = |row: usize| (xscatter_core::seed::derive(9, row as u64) % 4) as u32;
    let rows = Array2::from_shape_fn((n_rows, 5), |(row, column)| {
        let place = xscatter_core::seed::derive(row as u64, column as u64) % 1000;
        let centre = if label(row) as usize == column {
            1.5
        } else {
            0.0
        };
        place as f32 / 250.0 + centre
    });
    let names = ["a", "b", "c", "d"].map(Into::into).to_vec();
    let labels = (0..n_rows).map(label).collect();
    let classes = Classes::new(names, labels).expect("labels below 4");
    (rows, Target::Classes(classes))
}

#[test]
fn machines_of_pairs_depend_on_no_thread_and_no_cache_and_refuse_lies() {
    let (rows, target) = clouds(160);
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let run = |threads: usize, cache_mib: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let config = KernelSvmConfig {
            cache_mib,
            ..KernelSvmConfig::default()
        };
        pool.install(|| KernelSvm::new(config).unwrap().fit(&train).unwrap())
    };
    let one = run(1, 512);
    assert_eq!(one, run(2, 512));
    assert_eq!(one, run(2, 0));
    assert_eq!(one.decisions(rows.view()).unwrap().ncols(), 6);

    let text = serde_json::to_string(&one).unwrap();
    assert_eq!(serde_json::from_str::<FittedKernelSvm>(&text).unwrap(), one);
    let n = one.n_support_vectors();
    for (truth, lie) in [
        (
            r#""n_features":5"#.to_owned(),
            r#""n_features":1"#.to_owned(),
        ),
        (format!("{n}]"), format!("{}]", n + 1)),
        (
            r#""starts":[0,"#.to_owned(),
            r#""starts":[9999,"#.to_owned(),
        ),
        (
            r#""present":[0,1,2,3]"#.to_owned(),
            r#""present":[0,1,2]"#.to_owned(),
        ),
        (r#""sharpness":"#.to_owned(), r#""sharpness":-"#.to_owned()),
    ] {
        assert!(text.contains(&truth), "{truth}");
        let lie = text.replacen(&truth, &lie, 1);
        assert!(serde_json::from_str::<FittedKernelSvm>(&lie).is_err());
    }
}

#[test]
fn pairs_and_single_classes_are_about_as_good_and_each_row_sums_to_one() {
    let (rows, target) = clouds(400);
    let (train_rows, test) = rows.view().split_at(Axis(0), 240);
    let places: Vec<usize> = (0..400).collect();
    let (train_target, truth) = (target.select(&places[..240]), target.select(&places[240..]));
    let train = TrainingSet::new(train_rows, &train_target).unwrap();
    let mut losses = Vec::new();
    for multi_class in [MultiClass::OneVsOne, MultiClass::OneVsRest] {
        let config = KernelSvmConfig {
            multi_class,
            ..KernelSvmConfig::default()
        };
        let model = KernelSvm::new(config).unwrap().fit(&train).unwrap();
        let proba = model.predict_proba(test).unwrap();
        let mut loss = 0.0;
        for (row, &label) in proba
            .rows()
            .into_iter()
            .zip(truth.classes().unwrap().labels())
        {
            assert_abs_diff_eq!(row.sum(), 1.0, epsilon = 1e-6);
            loss -= f64::from(row[label as usize]).ln() / test.nrows() as f64;
        }
        losses.push(loss);
    }
    // Of four classes by chance: ln 4 = 1.39.
    assert!(losses.iter().all(|loss| *loss < 1.2), "{losses:?}");
    assert!((losses[0] - losses[1]).abs() < 0.1, "{losses:?}");
}

#[test]
fn a_stop_ends_a_fit_that_has_begun() {
    let (rows, target) = clouds(1500);
    for recipe in [1e9, 1e3] {
        let stop = StopToken::new();
        let train = TrainingSet::new(rows.view(), &target)
            .unwrap()
            .with_stop(stop.clone());
        let kernel = KernelSvm::new(KernelSvmConfig {
            c: recipe,
            tolerance: 1e-12,
            ..KernelSvmConfig::default()
        });
        let linear = LinearSvm::new(LinearSvmConfig {
            c: recipe,
            tolerance: 1e-14,
            max_passes: usize::MAX,
            ..LinearSvmConfig::default()
        });
        let (kernel, linear) = (kernel.unwrap(), linear.unwrap());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(std::time::Duration::from_millis(50));
                stop.stop();
            });
            let error = kernel.fit(&train).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Stopped);
            assert_eq!(linear.fit(&train).unwrap_err().kind(), ErrorKind::Stopped);
        });
    }
}

#[test]
fn rows_that_a_machine_cannot_take_are_named() {
    let target = classes(&[0, 1]);
    let rows = array![[0.0_f32, 1.0], [1.0, -0.5]];
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let error = kernel(SvmKernel::Intersection, 1.0, 1e-3)
        .fit(&train)
        .unwrap_err();
    assert!(
        error
            .message()
            .starts_with("row 1, feature 1: expected a value of 0 or more")
    );
    let model = kernel(SvmKernel::Linear, 1.0, 1e-3).fit(&train).unwrap();
    assert_eq!(model.n_support_vectors(), 2);
    let error = model.decisions(array![[f32::NAN, 0.0]].view()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}
