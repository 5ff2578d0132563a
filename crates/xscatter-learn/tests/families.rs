//! What holds for every family, whatever it is made of.

use ndarray::{Array2, Axis, array, concatenate};
use xscatter_core::{
    Classes, ErrorKind, Estimator, Family, Params, Predictor, StopToken, Target, TrainingSet,
};
use xscatter_learn::{Classifier, FittedClassifier, StandardScaler, families, smartcore_families};
use xscatter_testkit::{check_family, check_transformer};

/// Clouds around corners of a cube, made of whole-number arithmetic alone.
fn clouds(n_rows: usize, n_classes: usize) -> (Array2<f32>, Target) {
    let rows = Array2::from_shape_fn((n_rows, 6), |(row, column)| {
        let class = row % n_classes;
        let centre = f32::from(u8::from((class >> (column % 3)) & 1 == 1));
        let place = xscatter_core::seed::derive(row as u64, column as u64) % 1000;
        3.0 * centre + place as f32 / 400.0 - 1.25
    });
    let names: Vec<String> = (0..n_rows)
        .map(|row| format!("c{}", row % n_classes))
        .collect();
    (rows, Target::Classes(Classes::from_names(&names)))
}

fn all() -> Vec<Box<dyn Family>> {
    families().into_iter().chain(smartcore_families()).collect()
}

/// The families made of trees.
const TREES: [&str; 6] = [
    "extra-trees",
    "random-forest",
    "gradient-boosting",
    "gradient-boosting-depthwise",
    "gradient-boosting-symmetric",
    "decision-tree",
];

fn quick(family: &str) -> Classifier {
    let params = match family {
        "extra-trees" | "random-forest" => Params::new().with("trees", 25),
        name if name.starts_with("gradient-boosting") => Params::new().with("rounds", 20),
        _ => Params::new(),
    };
    Classifier::from_params(family, &params, 5).expect("a family and parameters of it")
}

fn accuracy(proba: &Array2<f32>, target: &Target) -> f64 {
    let labels = target.classes().expect("clouds have classes").labels();
    let right = proba.rows().into_iter().zip(labels).filter(|(row, label)| {
        let p = row[**label as usize];
        row.iter().all(|other| *other <= p)
    });
    right.count() as f64 / labels.len() as f64
}

#[test]
fn every_family_keeps_the_contract() {
    for family in all() {
        check_family(&family).unwrap();
    }
    check_transformer(&StandardScaler).unwrap();
}

#[test]
fn all_families_learn_clouds_of_any_number_of_classes() {
    for n_classes in [2, 3, 5] {
        let (rows, target) = clouds(240, n_classes);
        let (new_rows, new_target) = clouds(480, n_classes);
        let new_rows = new_rows.slice(ndarray::s![240.., ..]);
        let new_target = new_target.select(&(240..480).collect::<Vec<_>>());
        let train = TrainingSet::new(rows.view(), &target).unwrap();
        for family in all() {
            let model = quick(family.name()).fit(&train).unwrap();
            let proba = model.predict_proba(new_rows).unwrap();
            assert_eq!(model.outputs(), target.names());
            for row in proba.rows() {
                assert!((row.sum() - 1.0).abs() < 1e-6, "{row}");
                assert!(row.iter().all(|p| (0.0..=1.0).contains(p)), "{row}");
            }
            let accuracy = accuracy(&proba, &new_target);
            assert!(accuracy > 0.95, "{} {n_classes} {accuracy}", family.name());
        }
    }
}

#[test]
fn a_saved_model_predicts_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, target) = clouds(90, 3);
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    for family in all() {
        let recipe = quick(family.name());
        let text = serde_json::to_string(&recipe).unwrap();
        assert_eq!(serde_json::from_str::<Classifier>(&text).unwrap(), recipe);
        let model = recipe.fit(&train).unwrap();
        let path = folder.path().join(family.name());
        model.save(&path).unwrap();
        let copy = FittedClassifier::load(&path).unwrap();
        let (one, two) = (
            model.predict_proba(rows.view()).unwrap(),
            copy.predict_proba(rows.view()).unwrap(),
        );
        assert_eq!(one, two, "{}", family.name());
        assert_eq!(copy.to_json().unwrap(), model.to_json().unwrap());
        let copy = family.load(&model.to_bytes().unwrap()).unwrap();
        assert_eq!(copy.to_bytes().unwrap(), model.to_bytes().unwrap());
    }
}

#[test]
fn one_and_two_threads_give_the_same_bits() {
    let (rows, target) = clouds(600, 4);
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let run = |threads: usize, family: &str| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| quick(family).fit(&train).unwrap().to_json().unwrap())
    };
    for family in all() {
        assert_eq!(run(1, family.name()), run(2, family.name()));
    }
}

#[test]
fn a_row_is_predicted_alike_alone_and_among_others() {
    let (rows, target) = clouds(150, 3);
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    for family in all() {
        let model = quick(family.name()).fit(&train).unwrap();
        let together = model.predict_proba(rows.view()).unwrap();
        for (row, together) in rows.axis_chunks_iter(Axis(0), 1).zip(together.rows()) {
            let alone = model.predict_proba(row).unwrap();
            assert_eq!(alone.row(0), together, "{}", family.name());
        }
        let none = model
            .predict_proba(rows.slice(ndarray::s![..0, ..]))
            .unwrap();
        assert_eq!(none.dim(), (0, 3));
        assert!(
            model
                .predict_proba(rows.slice(ndarray::s![.., ..2]))
                .is_err()
        );
    }
}

#[test]
fn column_order_in_memory_does_not_matter() {
    let (rows, target) = clouds(60, 3);
    let mut fortran = Array2::zeros(ndarray::ShapeBuilder::f((60, 6)));
    fortran.assign(&rows);
    for family in all() {
        let fit = |rows: &Array2<f32>| {
            let train = TrainingSet::new(rows.view(), &target).unwrap();
            let model = quick(family.name()).fit(&train).unwrap();
            model.predict_proba(rows.view()).unwrap()
        };
        assert_eq!(fit(&rows), fit(&fortran), "{}", family.name());
    }
}

#[test]
fn a_row_without_weight_is_a_row_that_is_not_there() {
    let (rows, target) = clouds(90, 3);
    let wild = Array2::from_elem((6, 6), 1e6);
    let more_rows = concatenate![Axis(0), rows, wild];
    let more_target = target.select(&(0..96).map(|row| row % 90).collect::<Vec<_>>());
    let weights: Vec<f32> = (0..96).map(|row| f32::from(u8::from(row < 90))).collect();
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let more_train = TrainingSet::new(more_rows.view(), &more_target)
        .unwrap()
        .with_weights(&weights)
        .unwrap();
    for family in families() {
        let one = quick(family.name()).fit(&train).unwrap();
        let two = quick(family.name()).fit(&more_train).unwrap();
        assert_eq!(
            one.predict_proba(rows.view()).unwrap(),
            two.predict_proba(rows.view()).unwrap(),
            "{}",
            family.name()
        );
    }
}

#[test]
fn an_absent_class_gets_nothing() {
    let (rows, target) = clouds(90, 3);
    let kept: Vec<usize> = (0..90).filter(|row| row % 3 != 1).collect();
    let some_rows = rows.select(Axis(0), &kept);
    let some_target = target.select(&kept);
    let train = TrainingSet::new(some_rows.view(), &some_target).unwrap();
    for family in all() {
        let model = quick(family.name()).fit(&train).unwrap();
        let proba = model.predict_proba(rows.view()).unwrap();
        assert_eq!(proba.ncols(), 3);
        assert!(proba.column(1).iter().all(|&p| p == 0.0));
    }
}

#[test]
fn degenerate_data_are_an_error() {
    let (rows, target) = clouds(90, 3);
    let one_class: Vec<usize> = (0..90).step_by(3).collect();
    let some_rows = rows.select(Axis(0), &one_class);
    let some_target = target.select(&one_class);
    let train = TrainingSet::new(some_rows.view(), &some_target).unwrap();
    let narrow = Array2::zeros((90, 0));
    let narrow_train = TrainingSet::new(narrow.view(), &target).unwrap();
    for family in all() {
        for train in [&train, &narrow_train] {
            let error = quick(family.name()).fit(train).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::DegenerateData, "{error}");
        }
    }
}

#[test]
fn missing_features_are_learnt_or_refused() {
    let (mut rows, target) = clouds(240, 2);
    for row in (0..240).step_by(5) {
        rows[[row, 0]] = f32::NAN;
    }
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    for family in families() {
        let fit = quick(family.name()).fit(&train);
        match family.name() {
            name if TREES.contains(&name) => {
                let proba = fit.unwrap().predict_proba(rows.view()).unwrap();
                assert!(accuracy(&proba, &target) > 0.9);
            }
            _ => {
                let error = fit.err().unwrap();
                assert!(error.message().contains("row 0, feature 0"), "{error}");
            }
        }
    }
}

#[test]
fn what_is_missing_can_itself_tell_the_classes_apart() {
    let rows = Array2::from_shape_fn(
        (60, 1),
        |(row, _)| {
            if row % 2 == 0 { f32::NAN } else { 1.0 }
        },
    );
    let names: Vec<&str> = ["with", "without"].into_iter().cycle().take(60).collect();
    let target = Target::Classes(Classes::from_names(&names));
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    for family in families()
        .iter()
        .filter(|family| TREES.contains(&family.name()))
    {
        let model = quick(family.name()).fit(&train).unwrap();
        let proba = model
            .predict_proba(array![[f32::NAN], [1.0]].view())
            .unwrap();
        assert!(proba[[0, 0]] > 0.8 && proba[[1, 1]] > 0.8, "{proba}");
    }
}

#[test]
fn a_token_stops_a_fit() {
    let (rows, target) = clouds(600, 4);
    for family in all() {
        let stop = StopToken::new();
        stop.stop();
        let train = TrainingSet::new(rows.view(), &target)
            .unwrap()
            .with_stop(stop);
        let error = quick(family.name()).fit(&train).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Stopped);
    }
    // A deadline that passes during the fit: many more trees than could be grown before it.
    for (family, params) in [
        ("extra-trees", Params::new().with("trees", 2000)),
        ("random-forest", Params::new().with("trees", 2000)),
        ("gradient-boosting", Params::new().with("rounds", 1000)),
        (
            "gradient-boosting-depthwise",
            Params::new().with("rounds", 1000),
        ),
        (
            "gradient-boosting-symmetric",
            Params::new().with("rounds", 1000),
        ),
    ] {
        let soon = std::time::Instant::now() + std::time::Duration::from_millis(20);
        let stop = StopToken::new().with_deadline(soon);
        let train = TrainingSet::new(rows.view(), &target)
            .unwrap()
            .with_stop(stop);
        let classifier = Classifier::from_params(family, &params, 0).unwrap();
        let error = classifier.fit(&train).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Stopped);
        assert!(soon.elapsed() < std::time::Duration::from_millis(500));
    }
}

#[test]
fn a_hostile_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let (rows, target) = clouds(30, 3);
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    for family in all() {
        let text = quick(family.name()).fit(&train).unwrap().to_json().unwrap();
        let path = folder.path().join("model.json");
        for end in [0, 1, text.len() / 2, text.len() - 1] {
            std::fs::write(&path, &text[..end]).unwrap();
            let error = FittedClassifier::load(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Truncated, "{error}");
            assert_eq!(error.file(), Some(path.as_path()));
        }
        let newer = text.replacen("\"version\":1", "\"version\":2", 1);
        let error = FittedClassifier::from_json(&newer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        let other = text.replacen("xscatter-learn", "pickle", 1);
        let error = FittedClassifier::from_json(&other).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        for (from, to) in [
            ("\"n_features\":6", "\"n_features\":7"),
            ("\"n_features\":6", "\"n_features\":0"),
            ("\"present\":[0,1,2]", "\"present\":[0,1,3]"),
            ("\"present\":[0,1,2]", "\"present\":[0]"),
        ] {
            // A tree may use fewer features than it could: only a smaller number is a lie.
            if to.ends_with('7') && text.contains("\"trees\"") {
                continue;
            }
            let lie = text.replacen(from, to, 1);
            assert_ne!(lie, text);
            let error = FittedClassifier::from_json(&lie).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Malformed, "{error}");
        }
    }
}
