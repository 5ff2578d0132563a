//! Labels that say nothing are predicted at chance, whatever is fitted before, beside and after the models.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::Arc;

use ndarray::Array2;
use xscatter::automl::{
    Ensemble, EnsembleConfig, Fit, Race, Representation, StackConfig, Stacking, Study, StudyConfig,
};
use xscatter::core::seed::derive;
use xscatter::learn::{
    Criterion, Preparation, Scaling, Selection, StandardScaler, with_preparation,
};
use xscatter::metrics::{Accuracy, LogLoss};
use xscatter::{Classes, FeatureTable, Metric, StopToken, Target, catalogue};

const ROWS: usize = 160;
const NEW: usize = 600;

/// Columns of noise; the rows of a group are near-copies of each other, so a split that broke groups up
/// would find them again.
fn noise(name: u64, first: usize, rows: usize) -> FeatureTable {
    let values = Array2::from_shape_fn((rows, 150), |(row, column)| {
        let place = (first + row) as u64;
        let shared = derive(derive(name, place / 2), column as u64) % 2000;
        let own = derive(derive(name, place), 7000 + column as u64) % 20;
        (shared + own) as f32 / 500.0
    });
    let columns = (0..150).map(|column| format!("c{column}").into()).collect();
    let ids = (first..first + rows)
        .map(|row| format!("row {row}").into())
        .collect();
    let groups = (first..first + rows)
        .map(|row| format!("group {}", row / 2).into())
        .collect();
    FeatureTable::new(values, columns, ids, groups).unwrap()
}

/// One label a group, by chance.
fn labels(first: usize, rows: usize) -> Target {
    let names: Vec<&str> = (first..first + rows)
        .map(|row| ["a", "b"][(derive(99, row as u64 / 2) % 2) as usize])
        .collect();
    Target::Classes(Classes::from_names(&names))
}

#[test]
fn shuffled_labels_score_at_chance_through_the_whole_engine() {
    let preparation = Preparation {
        select: Some(Selection::new(Criterion::AnovaF { keep: 10 }).unwrap()),
        scale: Some(Scaling::Standard(StandardScaler)),
        ..Preparation::scaled_pca(5).unwrap()
    };
    let wanted = [
        "logistic-regression",
        "kernel-svm",
        "k-nearest-neighbours",
        "linear-discriminant",
    ];
    let families = catalogue::families()
        .into_iter()
        .filter(|family| wanted.contains(&family.name()))
        .map(|family| with_preparation(family, preparation.clone()))
        .collect();
    let config = StudyConfig {
        rank_by: "log-loss".into(),
        suggestions: Some(6),
        race: Race::Aggressive,
        ..StudyConfig::default()
    };
    let study = Study::new(families, catalogue::metrics(), config).unwrap();
    let tables = |first, rows| {
        [1, 2].map(|name| Representation::new(&format!("noise {name}"), noise(name, first, rows)))
    };
    let (representations, target) = (tables(0, ROWS), labels(0, ROWS));
    let stop = StopToken::new();
    let (board, mut kept) = study
        .run_keeping(&representations, &target, &mut |_| (), &stop)
        .unwrap();
    // One kernel is not defined on components below 0.
    for (_, reason) in board.failures() {
        assert!(reason.contains("0 or more"), "{reason}");
    }

    // 80 independent groups: a standard error of 0.056; the best of two dozen lies some two above.
    let accuracy = board
        .metrics
        .iter()
        .position(|metric| &*metric.name == "accuracy")
        .unwrap();
    for entry in board
        .entries
        .iter()
        .filter(|entry| !entry.scores.is_empty())
    {
        let mean = entry.mean(accuracy).unwrap();
        assert!(
            (0.3..0.7).contains(&mean),
            "{mean} by {} on {}",
            entry.family,
            entry.representation
        );
    }

    // What was chosen on those scores is judged on rows that the study never saw.
    let ensemble = Ensemble::select(&EnsembleConfig::default(), &board, &target, &LogLoss).unwrap();
    let data = (&representations[..], &target);
    let model = study
        .finalize((&board, &ensemble), data, Fit::Folds, &mut kept, &stop)
        .unwrap();
    let new = tables(ROWS, NEW);
    let truth = labels(ROWS, NEW);
    let scores = model.predict_proba(&new).unwrap();
    let right = Accuracy
        .evaluate(&truth, scores.view())
        .unwrap()
        .value()
        .unwrap();
    // 300 independent groups: a standard error of 0.029.
    assert!((0.4..0.6).contains(&right), "{right}");

    let members: Vec<_> = board
        .entries
        .iter()
        .filter_map(|entry| entry.out_of_fold.as_ref())
        .take(3)
        .collect();
    let views: Vec<_> = members.iter().map(|scores| scores.view()).collect();
    let groups: &[Arc<str>] = representations[0].table.groups();
    let folds = study.folds(&target, groups).unwrap();
    let family = catalogue::families()
        .into_iter()
        .find(|family| family.name() == "logistic-regression")
        .unwrap();
    let config = StackConfig::default();
    let stack = Stacking::fit(&config, &family, &views, &target, &folds, &Accuracy, &stop).unwrap();
    let right = stack.score.value().unwrap();
    assert!((0.3..0.7).contains(&right), "{right}");
}
