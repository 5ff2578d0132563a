//! Linear models and their kin against scikit-learn on the same rows.

use std::collections::BTreeMap;

use ndarray::{Array2, ArrayView2, s};
use serde::Deserialize;
use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet, Transformer};
use xscatter_learn::{
    ClassWeight, ElasticNet, ElasticNetConfig, LinearDiscriminant, LinearDiscriminantConfig,
    LogisticRegression, LogisticRegressionConfig, NaiveBayes, NaiveBayesConfig, Priors,
    QuadraticDiscriminant, QuadraticDiscriminantConfig, Ridge, RidgeConfig, Shrinkage,
};
use xscatter_testkit::golden::{Golden, load};

type Table = Vec<Vec<f64>>;

#[derive(Deserialize)]
struct Cases {
    train: Vec<[f32; 7]>,
    test: Vec<[f32; 7]>,
    train_labels: Vec<u32>,
    weights: Vec<f32>,
    logistic: Vec<Logistic>,
    ridge: RidgeCases,
    elastic_net: ElasticNetCases,
    linear_discriminant: Discriminant,
    quadratic_discriminant: BTreeMap<String, Table>,
    naive_bayes: BTreeMap<String, Table>,
}

#[derive(Deserialize)]
struct Logistic {
    l1_ratio: f64,
    c: f64,
    plain: Table,
    weighted: Table,
    balanced: Table,
    two_classes: Table,
}

#[derive(Deserialize)]
struct RidgeCases {
    alphas: Vec<f64>,
    plain: Table,
    weighted: Table,
    balanced: Table,
    two_classes: Table,
    chosen: BTreeMap<String, f64>,
    proba: Table,
}

#[derive(Deserialize)]
struct ElasticNetCases {
    alpha: f64,
    l1_ratio: f64,
    plain: Table,
    weighted: Table,
    balanced: Table,
    two_classes: Table,
}

#[derive(Deserialize)]
struct Discriminant {
    projected: Table,
    explained: Vec<f64>,
    wide: Table,
    #[serde(flatten)]
    proba: BTreeMap<String, Table>,
}

struct Rows {
    train: Array2<f32>,
    test: Array2<f32>,
    target: Target,
    weights: Vec<f32>,
    /// 1 for the rows of the first two classes.
    two: Vec<f32>,
    tolerance: f64,
}

impl Rows {
    fn plain(&self) -> TrainingSet<'_> {
        TrainingSet::new(self.train.view(), &self.target).expect("a class for each row")
    }

    fn weighted<'a>(&'a self, weights: &'a [f32]) -> TrainingSet<'a> {
        self.plain()
            .with_weights(weights)
            .expect("a weight for each row")
    }

    /// Probabilities of the test rows, compared on as many classes as there are on the other side.
    fn compare(&self, what: &str, model: &dyn Predictor, theirs: &Table) {
        let ours = model
            .predict_proba(self.test.view())
            .expect("the same features");
        let ours = ours.mapv(f64::from);
        if theirs[0].len() < ours.ncols() {
            assert!(ours.column(2).iter().all(|p| *p == 0.0));
        }
        self.close(what, ours.slice(s![.., ..theirs[0].len()]), theirs);
    }

    fn close(&self, what: &str, ours: ArrayView2<'_, f64>, theirs: &Table) {
        assert_eq!(ours.nrows(), theirs.len());
        let mut worst = 0.0_f64;
        for (ours, theirs) in ours.rows().into_iter().zip(theirs) {
            assert_eq!(ours.len(), theirs.len());
            for (ours, theirs) in ours.iter().zip(theirs) {
                worst = worst.max((ours - theirs).abs() / theirs.abs().max(1e-30));
            }
        }
        assert!(worst < self.tolerance, "{what}: {worst:e}");
    }

    /// Decisions from weights and intercepts.
    fn decisions(&self, coefficients: ArrayView2<'_, f64>, intercepts: &[f64]) -> Array2<f64> {
        let mut decisions = self.test.mapv(f64::from).dot(&coefficients);
        for mut row in decisions.rows_mut() {
            for (decision, intercept) in row.iter_mut().zip(intercepts) {
                *decision += intercept;
            }
        }
        decisions
    }
}

#[allow(
    clippy::unwrap_used,
    reason = "a test without its golden file has failed"
)]
fn golden() -> (Rows, Cases) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/linear.json");
    let Golden { provenance, cases } = load::<Cases>(path).unwrap();
    let names = ["0", "1", "2"].map(Into::into).to_vec();
    let two = cases
        .train_labels
        .iter()
        .map(|&label| f32::from(u8::from(label != 2)));
    let rows = Rows {
        train: Array2::from(cases.train.clone()),
        test: Array2::from(cases.test.clone()),
        target: Target::Classes(Classes::new(names, cases.train_labels.clone()).unwrap()),
        weights: cases.weights.clone(),
        two: two.collect(),
        tolerance: provenance.tolerance,
    };
    (rows, cases)
}

#[test]
fn logistic_regression_ends_at_the_same_point_under_any_penalty() {
    let (rows, cases) = golden();
    for case in &cases.logistic {
        let recipe = |class_weight| {
            LogisticRegression::new(LogisticRegressionConfig {
                c: case.c,
                l1_ratio: case.l1_ratio,
                tolerance: 1e-10,
                max_iterations: 10_000,
                class_weight,
            })
            .unwrap()
        };
        let uniform = recipe(ClassWeight::Uniform);
        let what = format!("l1_ratio {}", case.l1_ratio);
        let plain = uniform.fit(&rows.plain()).unwrap();
        rows.compare(&what, &plain, &case.plain);
        let weighted = uniform.fit(&rows.weighted(&rows.weights)).unwrap();
        rows.compare(&what, &weighted, &case.weighted);
        let balanced = recipe(ClassWeight::Balanced).fit(&rows.plain()).unwrap();
        rows.compare(&what, &balanced, &case.balanced);
        let two = uniform.fit(&rows.weighted(&rows.two)).unwrap();
        rows.compare(&what, &two, &case.two_classes);
        // From elsewhere to the same point.
        let again = uniform.fit_from(&rows.plain(), &balanced).unwrap();
        rows.compare(&what, &again, &case.plain);
        assert!(uniform.fit_from(&rows.plain(), &two).is_err());
    }
}

#[test]
fn ridge_decides_alike_and_chooses_the_same_penalty() {
    let (rows, cases) = golden();
    let case = &cases.ridge;
    let recipe = |class_weight, alphas: &[f64]| {
        Ridge::new(RidgeConfig {
            alphas: alphas.to_vec(),
            class_weight,
            ..RidgeConfig::default()
        })
        .unwrap()
    };
    let compare = |what: &str, class_weight, set: &TrainingSet<'_>, theirs: &Table| {
        let model = recipe(class_weight, &[2.0]).fit(set).unwrap();
        let ours = rows.decisions(model.coefficients(), model.intercepts());
        rows.close(what, ours.view(), theirs);
    };
    let uniform = ClassWeight::Uniform;
    compare("plain", uniform, &rows.plain(), &case.plain);
    compare(
        "weighted",
        uniform,
        &rows.weighted(&rows.weights),
        &case.weighted,
    );
    compare(
        "balanced",
        ClassWeight::Balanced,
        &rows.plain(),
        &case.balanced,
    );
    compare("two", uniform, &rows.weighted(&rows.two), &case.two_classes);

    let choose = |set: &TrainingSet<'_>| recipe(uniform, &case.alphas).fit(set).unwrap().alpha();
    assert_eq!(choose(&rows.plain()), case.chosen["plain"]);
    assert_eq!(
        choose(&rows.weighted(&rows.weights)),
        case.chosen["weighted"]
    );
    assert_eq!(
        choose(&rows.weighted(&rows.two)),
        case.chosen["two_classes"]
    );

    let model = recipe(uniform, &[2.0]).fit(&rows.plain()).unwrap();
    rows.compare("sigmoids", &model, &case.proba);
}

#[test]
fn elastic_nets_decide_alike() {
    let (rows, cases) = golden();
    let case = &cases.elastic_net;
    let compare = |what: &str, class_weight, set: &TrainingSet<'_>, theirs: &Table| {
        let config = ElasticNetConfig {
            alpha: case.alpha,
            l1_ratio: case.l1_ratio,
            tolerance: 1e-14,
            max_sweeps: 100_000,
            class_weight,
        };
        let model = ElasticNet::new(config).unwrap().fit(set).unwrap();
        assert!(model.coefficients().iter().any(|weight| *weight == 0.0));
        let ours = rows.decisions(model.coefficients(), model.intercepts());
        rows.close(what, ours.view(), theirs);
    };
    let uniform = ClassWeight::Uniform;
    compare("plain", uniform, &rows.plain(), &case.plain);
    compare(
        "weighted",
        uniform,
        &rows.weighted(&rows.weights),
        &case.weighted,
    );
    compare(
        "balanced",
        ClassWeight::Balanced,
        &rows.plain(),
        &case.balanced,
    );
    compare("two", uniform, &rows.weighted(&rows.two), &case.two_classes);
}

#[test]
fn linear_discriminants_are_those_of_all_solvers() {
    let (rows, cases) = golden();
    let case = &cases.linear_discriminant;
    let recipe = |shrinkage, priors| {
        LinearDiscriminant::new(LinearDiscriminantConfig {
            shrinkage,
            priors,
            ..LinearDiscriminantConfig::default()
        })
        .unwrap()
    };
    let (none, auto) = (Shrinkage::None, Shrinkage::Auto);
    let (as_rows, uniform) = (Priors::Proportional, Priors::Uniform);
    let given = Priors::Given(vec![0.2, 0.5, 0.3]);
    for (what, shrinkage, priors, weights) in [
        ("none", none, &as_rows, None),
        ("none_lsqr", none, &as_rows, None),
        ("fixed", Shrinkage::Fixed(0.3), &as_rows, None),
        ("auto", auto, &as_rows, None),
        ("auto_uniform", auto, &uniform, None),
        ("none_given", none, &given, None),
        ("none_weighted", none, &as_rows, Some(&rows.weights)),
        ("auto_weighted", auto, &as_rows, Some(&rows.weights)),
        ("none_two", none, &as_rows, Some(&rows.two)),
        ("auto_two", auto, &as_rows, Some(&rows.two)),
    ] {
        let set = weights.map_or_else(|| rows.plain(), |weights| rows.weighted(weights));
        let model = recipe(shrinkage, priors.clone()).fit(&set).unwrap();
        rows.compare(what, &model, &case.proba[what]);
    }

    let model = recipe(none, Priors::Proportional)
        .fit(&rows.plain())
        .unwrap();
    let projected = model.transform(rows.test.view()).unwrap();
    for (column, ours) in projected.columns().into_iter().enumerate() {
        // The sign of a direction is a matter of taste.
        let theirs = || case.projected.iter().map(|row| row[column]);
        let same: f64 = ours
            .iter()
            .zip(theirs())
            .map(|(a, b)| f64::from(*a) * b)
            .sum();
        for (ours, theirs) in ours.iter().zip(theirs()) {
            let theirs = theirs * same.signum();
            approx::assert_relative_eq!(
                f64::from(*ours),
                theirs,
                max_relative = 1e-6,
                epsilon = 1e-6
            );
        }
    }
    for (ours, theirs) in model.explained_variance_ratio().iter().zip(&case.explained) {
        approx::assert_relative_eq!(ours, theirs, max_relative = 1e-9);
    }
}

#[test]
fn more_features_than_rows_give_the_same_linear_discriminant() {
    let (rows, cases) = golden();
    let wide = |rows: ArrayView2<'_, f32>| {
        Array2::from_shape_fn((rows.nrows(), 70), |(row, j)| {
            rows[[row, j % 7]] * rows[[row, (j / 7 + j) % 7]]
        })
    };
    let few = wide(rows.train.slice(s![..45, ..]));
    let target = rows.target.select(&(0..45).collect::<Vec<_>>());
    let config = LinearDiscriminantConfig {
        shrinkage: Shrinkage::None,
        ..LinearDiscriminantConfig::default()
    };
    let train = TrainingSet::new(few.view(), &target).unwrap();
    let model = LinearDiscriminant::new(config)
        .unwrap()
        .fit(&train)
        .unwrap();
    let proba = model.predict_proba(wide(rows.test.view()).view()).unwrap();
    for (ours, theirs) in proba
        .rows()
        .into_iter()
        .zip(&cases.linear_discriminant.wide)
    {
        for (ours, theirs) in ours.iter().zip(theirs) {
            approx::assert_abs_diff_eq!(f64::from(*ours), theirs, epsilon = 1e-6);
        }
    }
}

#[test]
fn quadratic_discriminants_are_the_same() {
    let (mut rows, cases) = golden();
    let case = &cases.quadratic_discriminant;
    let recipe = |regularisation, shrinkage, priors| {
        QuadraticDiscriminant::new(QuadraticDiscriminantConfig {
            regularisation,
            shrinkage,
            priors,
            keep_moments: false,
        })
        .unwrap()
    };
    let regular = recipe(0.1, Shrinkage::None, Priors::Proportional);
    let compare =
        |what: &str, recipe: &QuadraticDiscriminant, set: &TrainingSet<'_>, rows: &Rows| {
            rows.compare(what, &recipe.fit(set).unwrap(), &case[what]);
        };
    compare("regularised", &regular, &rows.plain(), &rows);
    compare("weighted", &regular, &rows.weighted(&rows.weights), &rows);
    compare("two_classes", &regular, &rows.weighted(&rows.two), &rows);
    let uniform = recipe(0.1, Shrinkage::None, Priors::Uniform);
    compare("uniform", &uniform, &rows.plain(), &rows);
    // Without regularisation the constant feature has to go.
    rows.train = rows.train.slice(s![.., ..6]).to_owned();
    rows.test = rows.test.slice(s![.., ..6]).to_owned();
    let none = recipe(0.0, Shrinkage::None, Priors::Proportional);
    compare("none", &none, &rows.plain(), &rows);
    let auto = recipe(0.0, Shrinkage::Auto, Priors::Proportional);
    compare("auto", &auto, &rows.plain(), &rows);
}

#[test]
fn naive_bayes_is_the_same() {
    let (mut rows, cases) = golden();
    let recipe =
        |smoothing, priors| NaiveBayes::new(NaiveBayesConfig { smoothing, priors }).unwrap();
    let (as_rows, uniform) = (Priors::Proportional, Priors::Uniform);
    for (what, smoothing, priors, weights) in [
        ("plain", 1e-9, &as_rows, None),
        ("smooth", 0.01, &as_rows, None),
        ("weighted", 1e-9, &as_rows, Some(&rows.weights)),
        ("repeated", 0.01, &as_rows, Some(&rows.weights)),
        ("uniform", 1e-9, &uniform, None),
        ("balanced", 1e-9, &uniform, None),
        ("two_classes", 1e-9, &as_rows, Some(&rows.two)),
    ] {
        let set = weights.map_or_else(|| rows.plain(), |weights| rows.weighted(weights));
        let model = recipe(smoothing, priors.clone()).fit(&set).unwrap();
        rows.compare(what, &model, &cases.naive_bayes[what]);
    }
    // The script says why this is without the constant feature.
    rows.train = rows.train.slice(s![.., ..6]).to_owned();
    rows.test = rows.test.slice(s![.., ..6]).to_owned();
    let part = |start: usize| rows.target.select(&(start..start + 40).collect::<Vec<_>>());
    let set = |start: usize| rows.train.slice(s![start..start + 40, ..]);
    let target = part(0);
    let train = TrainingSet::new(set(0), &target).unwrap();
    let mut model = NaiveBayes::default().fit(&train).unwrap();
    for start in [40, 80] {
        let target = part(start);
        model
            .update(&TrainingSet::new(set(start), &target).unwrap())
            .unwrap();
    }
    rows.compare("portions", &model, &cases.naive_bayes["portions"]);
}
