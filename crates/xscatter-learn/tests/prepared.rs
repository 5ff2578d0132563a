//! What holds for every preparation and for families that have one.

use ndarray::{Array2, Axis, concatenate, s};
use proptest::prelude::*;
use xscatter_core::{
    Classes, ErrorKind, Estimator, Family, Params, Predictor, StopToken, TagState, Tags, Target,
    TrainingSet, Transformer,
};
use xscatter_learn::{
    CalibrationConfig, Calibrator, Components, Criterion, Distribution, Fill, Imputer,
    ImputerConfig, Pca, PcaConfig, PcaSolver, PowerTransform, Preparation, QuantileTransform,
    QuantileTransformConfig, RangeScaler, Scaling, Selection, StandardScaler, families,
    with_calibration, with_choice_of_preparation, with_preparation,
};
use xscatter_testkit::{check_family, check_transformer};

fn pca(components: Components, solver: PcaSolver) -> Pca {
    let config = PcaConfig {
        components,
        solver,
        whiten: true,
        seed: 3,
    };
    Pca::new(config).expect("a valid configuration")
}

fn quantiles(output: Distribution) -> QuantileTransform {
    let config = QuantileTransformConfig {
        quantiles: 50,
        output,
    };
    QuantileTransform::new(config).expect("a valid configuration")
}

fn criteria() -> Vec<Selection> {
    [
        Criterion::Variance { above: 0.0 },
        Criterion::AnovaF { keep: 4 },
        Criterion::MutualInformation {
            keep: 4,
            neighbours: 3,
            seed: 1,
        },
        Criterion::Permutation {
            keep: 4,
            trees: 10,
            seed: 1,
        },
        Criterion::Correlation { limit: 0.9 },
    ]
    .map(|criterion| Selection::new(criterion).expect("a valid criterion"))
    .to_vec()
}

fn scalings() -> Vec<Scaling> {
    vec![
        Scaling::Standard(StandardScaler),
        Scaling::Range(RangeScaler::MinMax),
        Scaling::Range(RangeScaler::MaxAbs),
        Scaling::Range(RangeScaler::Robust),
        Scaling::Quantile(quantiles(Distribution::Uniform)),
        Scaling::Quantile(quantiles(Distribution::Normal)),
        Scaling::Power(PowerTransform),
    ]
}

fn imputer(indicator: bool) -> Imputer {
    let config = ImputerConfig {
        fill: Fill::Median,
        indicator,
    };
    Imputer::new(config).expect("a valid configuration")
}

/// One of each step, and all together.
fn preparations() -> Vec<Preparation> {
    let none = Preparation::default;
    let mut all = vec![none()];
    all.extend(scalings().into_iter().map(|scale| Preparation {
        scale: Some(scale),
        ..none()
    }));
    all.extend(criteria().into_iter().map(|select| Preparation {
        select: Some(select),
        ..none()
    }));
    for components in [
        Components::All,
        Components::Count(2),
        Components::Variance(0.8),
    ] {
        for solver in [PcaSolver::Exact, PcaSolver::Randomised] {
            all.push(Preparation {
                pca: Some(pca(components, solver)),
                ..none()
            });
        }
    }
    all.push(Preparation {
        impute: Some(imputer(true)),
        scale: Some(Scaling::Power(PowerTransform)),
        select: Some(criteria()[1].clone()),
        pca: Some(pca(Components::Count(2), PcaSolver::Exact)),
    });
    all
}

#[test]
fn every_transformer_keeps_the_contract() {
    for preparation in preparations() {
        check_transformer(&preparation).unwrap_or_else(|violation| {
            panic!("{}: {violation}", preparation.label());
        });
    }
    check_transformer(&imputer(false)).unwrap();
}

/// A family that is quick to fit.
fn quick(name: &str) -> Box<dyn Family> {
    let found = families().into_iter().find(|family| family.name() == name);
    found.expect("a family of the catalogue")
}

#[test]
fn families_keep_their_contract_behind_a_preparation() {
    let all = preparations().pop().expect("there are some");
    for name in ["logistic-regression", "k-nearest-neighbours"] {
        check_family(&with_preparation(quick(name), all.clone())).unwrap();
        let choices = [("none", Preparation::default()), ("all", all.clone())];
        check_family(&with_choice_of_preparation(quick(name), &choices).unwrap()).unwrap();
        check_family(&with_calibration(quick(name), CalibrationConfig::default()).unwrap())
            .unwrap();
    }
}

fn clouds(n_rows: usize) -> (Array2<f32>, Target) {
    let rows = Array2::from_shape_fn((n_rows, 6), |(row, column)| {
        let class = row % 3;
        let centre = f32::from(u8::from((class >> (column % 3)) & 1 == 1));
        let place = xscatter_core::seed::derive(row as u64, column as u64) % 1000;
        (3.0 * centre + place as f32 / 400.0 - 1.25) * 10_f32.powi(column as i32 - 2)
    });
    let names: Vec<String> = (0..n_rows).map(|row| format!("c{}", row % 3)).collect();
    (rows, Target::Classes(Classes::from_names(&names)))
}

fn wrapped() -> Vec<Box<dyn Family>> {
    let inner = || quick("logistic-regression");
    let mut all: Vec<Box<dyn Family>> = preparations()
        .into_iter()
        .map(|preparation| with_preparation(inner(), preparation))
        .collect();
    for calibrator in [
        Calibrator::Sigmoid,
        Calibrator::Isotonic,
        Calibrator::Temperature,
    ] {
        for ensemble in [true, false] {
            let config = CalibrationConfig {
                calibrator,
                folds: 3,
                ensemble,
            };
            all.push(with_calibration(inner(), config).expect("a valid configuration"));
        }
    }
    all
}

#[test]
fn saved_models_predict_the_same_bits_and_hostile_ones_are_errors() {
    let (rows, target) = clouds(90);
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    for family in wrapped() {
        let model = family
            .build(&Params::new(), 1)
            .unwrap()
            .fit(&train)
            .unwrap();
        let bytes = model.to_bytes().unwrap();
        let copy = family.load(&bytes).unwrap();
        assert_eq!(
            model.predict_proba(rows.view()).unwrap(),
            copy.predict_proba(rows.view()).unwrap(),
            "{}",
            family.name()
        );
        assert_eq!(copy.to_bytes().unwrap(), bytes);
        for end in [0, 5, 30, bytes.len() / 2, bytes.len() - 1] {
            assert!(
                family.load(&bytes[..end]).is_err(),
                "{} {end}",
                family.name()
            );
        }
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        let error = family.load(&flipped).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        // A model of the inner family is none of this one.
        assert!(quick("logistic-regression").load(&bytes).is_err());
    }
}

#[test]
fn one_and_two_threads_give_the_same_bits() {
    let (rows, target) = clouds(1500);
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let run = |threads: usize, family: &dyn Family| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let model = family
                .build(&Params::new(), 1)
                .unwrap()
                .fit(&train)
                .unwrap();
            (
                model.predict_proba(rows.view()).unwrap(),
                model.to_bytes().unwrap(),
            )
        })
    };
    for family in wrapped() {
        assert_eq!(run(1, &family), run(2, &family), "{}", family.name());
    }
}

#[test]
fn a_choice_of_preparation_is_a_parameter() {
    let choices = [
        ("none", Preparation::default()),
        ("pca", Preparation::scaled_pca(2).unwrap()),
    ];
    let family = with_choice_of_preparation(quick("extra-trees"), &choices).unwrap();
    assert_eq!(
        family.space().defaults().text("preparation").unwrap(),
        "none"
    );
    let portfolio = family.portfolio();
    assert_eq!(portfolio.len(), quick("extra-trees").portfolio().len() + 1);
    assert_eq!(
        portfolio.last().unwrap().text("preparation").unwrap(),
        "pca"
    );
    let (rows, target) = clouds(60);
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let params = Params::new().with("trees", 10);
    let proba = |family: &dyn Family, params: &Params| {
        let model = family.build(params, 1).unwrap().fit(&train).unwrap();
        model.predict_proba(rows.view()).unwrap()
    };
    let chosen = proba(&family, &params.clone().with("preparation", "pca"));
    let fixed = with_preparation(quick("extra-trees"), choices[1].1.clone());
    assert_eq!(chosen, proba(&fixed, &params));
    assert_eq!(
        proba(&family, &params),
        proba(&quick("extra-trees"), &params)
    );
    assert!(with_choice_of_preparation(family, &choices).is_err());
    assert!(with_choice_of_preparation(quick("extra-trees"), &[]).is_err());
}

#[test]
fn tags_go_through_preparation_and_calibration() {
    let (rows, target) = clouds(90);
    let labels = target.classes().unwrap().labels();
    let states = Array2::from_shape_fn((90, 2), |(row, tag)| match (row % 7, labels[row]) {
        (0, _) => TagState::Unknown,
        (_, label) if label as usize > tag => TagState::Positive,
        _ => TagState::Negative,
    });
    let names = vec!["ring".into(), "halo".into()];
    let target = Target::Tags(Tags::new(names, states).unwrap());
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    for family in wrapped() {
        let model = family
            .build(&Params::new(), 1)
            .unwrap()
            .fit(&train)
            .unwrap();
        let proba = model.predict_proba(rows.view()).unwrap();
        assert!(
            proba.iter().all(|p| (0.0..=1.0).contains(p)),
            "{}",
            family.name()
        );
        // The widest directions of features of different units tell nothing.
        if family.name().contains("+pca") {
            continue;
        }
        let right = (0..90)
            .filter(|&row| (proba[[row, 0]] > 0.5) == (labels[row] > 0))
            .count();
        assert!(right > 70, "{} {right}", family.name());
    }
}

#[test]
fn rows_without_weight_and_a_token_that_is_set() {
    let (rows, target) = clouds(90);
    let wild = Array2::from_elem((6, 6), f32::NAN);
    let more = concatenate![Axis(0), rows, wild];
    let more_target = target.select(&(0..96).map(|row| row % 90).collect::<Vec<_>>());
    let weights: Vec<f32> = (0..96).map(|row| f32::from(u8::from(row < 90))).collect();
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let more_train = TrainingSet::new(more.view(), &more_target).unwrap();
    let more_train = more_train.with_weights(&weights).unwrap();
    let stop = StopToken::new();
    stop.stop();
    for preparation in preparations() {
        let one = preparation.fit(&train).unwrap();
        let error = preparation
            .fit(&train.clone().with_stop(stop.clone()))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stopped);
        // What a PCA makes of a row without weight is never asked for, unless another step follows.
        let two = preparation.fit(&more_train).unwrap();
        assert_eq!(
            one.transform(rows.view()).unwrap(),
            two.transform(rows.view()).unwrap(),
            "{}",
            preparation.label()
        );
    }
}

#[test]
fn infinite_features_are_named() {
    let (mut rows, target) = clouds(30);
    rows[[7, 2]] = f32::INFINITY;
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    for preparation in preparations().into_iter().skip(1) {
        let error = preparation.fit(&train).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("feature 2"), "{error}");
    }
}

/// Noise that has nothing to do with the labels, wide enough to find some by chance.
fn noise() -> (Array2<f32>, Target) {
    let rows = Array2::from_shape_fn((120, 400), |(row, column)| {
        xscatter_core::seed::derive(row as u64 + 77, column as u64) as f32 / u64::MAX as f32
    });
    let names: Vec<String> = (0..120)
        .map(|row| format!("c{}", row * 7 % 5 % 2))
        .collect();
    (rows, Target::Classes(Classes::from_names(&names)))
}

/// The share of rows that are right when each fifth is predicted by a model of the others.
fn cross_validated(family: &dyn Family, rows: &Array2<f32>, target: &Target) -> f64 {
    let labels = target.classes().expect("classes").labels();
    let mut right = 0;
    for fold in 0..5 {
        let (fit, held): (Vec<usize>, Vec<usize>) =
            (0..rows.nrows()).partition(|row| row % 5 != fold);
        let fit_rows = rows.select(Axis(0), &fit);
        let fit_target = target.select(&fit);
        let train = TrainingSet::new(fit_rows.view(), &fit_target).expect("rows");
        let model = family.build(&Params::new(), 1).expect("it builds");
        let model = model.fit(&train).expect("it fits");
        let proba = model
            .predict_proba(rows.select(Axis(0), &held).view())
            .expect("it predicts");
        for (row, proba) in held.iter().zip(proba.rows()) {
            right += usize::from((proba[1] > proba[0]) == (labels[*row] == 1));
        }
    }
    right as f64 / rows.nrows() as f64
}

#[test]
fn selection_within_the_folds_finds_nothing_in_noise() {
    let (rows, target) = noise();
    let selection = Selection::new(Criterion::AnovaF { keep: 20 }).unwrap();
    let preparation = Preparation {
        select: Some(selection.clone()),
        ..Preparation::scaled_pca(5).unwrap()
    };
    let family = with_preparation(quick("logistic-regression"), preparation);
    let honest = cross_validated(&family, &rows, &target);
    // The test can see a leak: the same selection on all rows finds what is not there.
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let leaked = selection
        .fit(&train)
        .unwrap()
        .transform(rows.view())
        .unwrap();
    let leaky = cross_validated(&quick("logistic-regression"), &leaked, &target);
    assert!(honest < 0.65, "{honest}");
    assert!(leaky > 0.7, "{leaky}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_row_alone_and_among_wild_others((row, wild) in (0..90_usize, any::<u64>())) {
        let (rows, target) = clouds(90);
        let train = TrainingSet::new(rows.view(), &target).expect("a target a row");
        let others = Array2::from_shape_fn((40, 6), |(other, column)| {
            xscatter_core::seed::derive(wild, (other * 6 + column) as u64) as f32 / 1e15
        });
        let alone = rows.slice(s![row..=row, ..]);
        let among = concatenate![Axis(0), others, alone, others];
        for preparation in preparations() {
            let fitted = preparation.fit(&train).expect("it fits");
            let one = fitted.transform(alone).expect("it transforms");
            let many = fitted.transform(among.view()).expect("it transforms");
            prop_assert_eq!(one.row(0), many.row(40), "{}", preparation.label());
        }
    }
}
