//! Final models: made of entries, kept in files, used on tables.

mod toy;

use std::sync::Arc;

use toy::{Manner, Toy, data, families};
use xscatter_automl::{
    Ensemble, EnsembleConfig, Fit, FoldModels, Leaderboard, Model, Representation, Study,
    StudyConfig,
};
use xscatter_core::{ErrorKind, Family, FeatureTable, StopToken, Target};
use xscatter_metrics::LogLoss;

fn study() -> Study {
    let config = StudyConfig {
        keep_models: 2,
        ..StudyConfig::default()
    };
    let families = vec![
        Toy::boxed("centroid", Manner::Centroid),
        Toy::boxed("noise", Manner::Noise),
    ];
    Study::new(families, xscatter_metrics::standard(), config).expect("a valid study")
}

struct Made {
    study: Study,
    representations: Vec<Representation>,
    target: Target,
    board: Leaderboard,
    ensemble: Ensemble,
    kept: FoldModels,
}

impl Made {
    fn new() -> Self {
        let (representations, target) = data();
        let study = study();
        let (board, kept) = study
            .run_keeping(&representations, &target, &mut |_| (), &StopToken::new())
            .expect("the study runs");
        let ensemble = Ensemble::select(&EnsembleConfig::default(), &board, &target, &LogLoss)
            .expect("entries have scores");
        Self {
            study,
            representations,
            target,
            board,
            ensemble,
            kept,
        }
    }

    fn model(&mut self, fit: Fit) -> Model {
        self.study
            .finalize(
                (&self.board, &self.ensemble),
                (&self.representations, &self.target),
                fit,
                &mut self.kept,
                &StopToken::new(),
            )
            .expect("members fit again")
    }
}

#[test]
fn kept_models_and_those_fitted_again_predict_the_same_bits() {
    let mut made = Made::new();
    assert_eq!(made.kept.len(), 2);
    let kept = made.model(Fit::Folds);
    // What was kept has been taken: now all is fitted again.
    let again = made.model(Fit::Folds);
    let tables = made.representations.clone();
    let scores = kept.predict_proba(&tables).unwrap();
    assert_eq!(scores, again.predict_proba(&tables).unwrap());
    assert_eq!(scores.dim(), (108, 3));
    assert!(
        scores
            .rows()
            .into_iter()
            .all(|row| (row.sum() - 1.0).abs() < 1e-5)
    );
    let all = made.model(Fit::All);
    assert!(all.members().iter().all(|member| member.models.len() == 1));
    assert_ne!(all.predict_proba(&tables).unwrap(), scores);
}

#[test]
fn a_saved_model_predicts_the_same_bits_and_a_damaged_one_is_an_error() {
    let mut made = Made::new();
    let model = made.model(Fit::All);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.xsm");
    model.save(&path).unwrap();
    let copy = Model::load(&path, made.study.families()).unwrap();
    let tables = &made.representations;
    assert_eq!(copy.outputs(), model.outputs());
    assert_eq!(
        copy.predict_proba(tables).unwrap(),
        model.predict_proba(tables).unwrap()
    );

    let bytes = std::fs::read(&path).unwrap();
    for end in (0..bytes.len()).step_by(7) {
        std::fs::write(&path, &bytes[..end]).unwrap();
        let error = Model::load(&path, made.study.families()).err().unwrap();
        let cut = [ErrorKind::Truncated, ErrorKind::Malformed];
        assert!(cut.contains(&error.kind()), "{end}: {error}");
        assert_eq!(error.file(), Some(&*path));
    }
    for place in (0..bytes.len()).step_by(5) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x11;
        std::fs::write(&path, &damaged).unwrap();
        assert!(
            Model::load(&path, made.study.families()).is_err(),
            "{place}"
        );
    }
    std::fs::write(&path, &bytes).unwrap();
    let others: Vec<Box<dyn Family>> = vec![Toy::boxed("another", Manner::Centroid)];
    let error = Model::load(&path, &others).err().unwrap();
    assert!(error.message().contains("the family"), "{error}");
}

#[test]
fn what_cannot_be_kept_says_so() {
    let (representations, target) = data();
    let study = Study::new(
        families(),
        xscatter_metrics::standard(),
        StudyConfig::default(),
    )
    .unwrap();
    let board = study
        .run(&representations, &target, &mut |_| (), &StopToken::new())
        .unwrap();
    let noise = board
        .entries
        .iter()
        .position(|entry| &*entry.family == "noise");
    let ensemble = Ensemble {
        members: vec![(noise.unwrap(), 1.0)],
        ..Made::new().ensemble
    };
    let model = study
        .finalize(
            (&board, &ensemble),
            (&representations, &target),
            Fit::All,
            &mut FoldModels::default(),
            &StopToken::new(),
        )
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.xsm");
    assert_eq!(
        model.save(&path).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    assert!(!path.exists());
}

#[test]
fn columns_are_found_by_name() {
    let mut made = Made::new();
    let model = made.model(Fit::All);
    let expected = model.predict_proba(&made.representations).unwrap();
    let turned: Vec<Representation> = made
        .representations
        .iter()
        .map(|one| {
            let table = &one.table;
            let width = table.n_columns();
            let mut columns: Vec<Arc<str>> = table.columns().iter().rev().cloned().collect();
            columns.push("more".into());
            let values =
                ndarray::Array2::from_shape_fn((table.n_rows(), width + 1), |(row, column)| {
                    if column < width {
                        table.values()[[row, width - 1 - column]]
                    } else {
                        f32::NAN
                    }
                });
            let table = FeatureTable::new(
                values,
                columns,
                table.ids().to_vec(),
                table.groups().to_vec(),
            );
            Representation::new(&one.name, table.unwrap())
        })
        .collect();
    assert_eq!(model.predict_proba(&turned).unwrap(), expected);

    let name = model.representations()[0].to_owned();
    let error = model.predict_proba(&[]).unwrap_err();
    assert!(error.message().contains(&name), "{error}");
    let narrow: Vec<Representation> = turned
        .iter()
        .map(|one| {
            let table = &one.table;
            let values = table.values().slice(ndarray::s![.., ..1]).to_owned();
            let (ids, groups) = (table.ids().to_vec(), table.groups().to_vec());
            let table = FeatureTable::new(values, table.columns()[..1].to_vec(), ids, groups);
            Representation::new(&one.name, table.unwrap())
        })
        .collect();
    let error = model.predict_proba(&narrow).unwrap_err();
    assert!(
        error.message().contains("expected a column named c"),
        "{error}"
    );
}
