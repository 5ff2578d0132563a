//! The verbs, one after the other.

mod toy;

use toy::{Manner, Toy, data};
use xscatter_automl::{EnsembleConfig, Experiment, Fit, Model, StudyConfig};
use xscatter_core::{Family, Params, StopToken};
use xscatter_metrics::LogLoss;

fn families() -> Vec<Box<dyn Family>> {
    vec![
        Toy::boxed("centroid", Manner::Centroid),
        Toy::boxed("noise", Manner::Noise),
    ]
}

#[test]
fn compare_tune_blend_stack_finalize_save_load_predict() {
    let (representations, target) = data();
    let mut metrics = xscatter_metrics::standard();
    metrics.push(Box::new(LogLoss));
    let config = StudyConfig {
        rank_by: "log-loss".into(),
        ..StudyConfig::default()
    };
    let stop = StopToken::new();
    let mut experiment =
        Experiment::new(representations.clone(), target, families(), metrics, config).unwrap();
    assert!(experiment.leaderboard().is_err());

    let board = experiment.compare(&mut |_| (), &stop).unwrap();
    assert_eq!(board.entries.len(), 12);
    let first = board.best().unwrap().mean(board.rank_by).unwrap();
    let of_each = experiment.compare_representations().unwrap();
    assert_eq!(of_each.len(), 2);
    assert_eq!(&*of_each[0].representation, "strong");

    let best = experiment.tune(0, 15, &mut |_| (), &stop).unwrap();
    let board = experiment.leaderboard().unwrap();
    assert!(board.entries.len() > 20 && board.is_complete());
    let tuned = board.entries[best].mean(board.rank_by).unwrap();
    assert!(tuned < first, "{tuned} {first}");
    assert!(experiment.tune(1000, 1, &mut |_| (), &stop).is_err());

    let blend = experiment.blend(&[0, 1, 2], &LogLoss).unwrap();
    let selected = experiment
        .select(&EnsembleConfig::default(), &LogLoss)
        .unwrap();
    assert!(selected.score <= blend.score + 1e-9);
    let params = Params::new();
    let stack = experiment
        .stack(&[0, 1], ("centroid", &params), &LogLoss, &stop)
        .unwrap();
    assert!(stack.stacking.score.value().is_some());

    let folder = tempfile::tempdir().unwrap();
    let models = [
        experiment.finalize(&blend, Fit::Folds, &stop).unwrap(),
        experiment.finalize(&selected, Fit::All, &stop).unwrap(),
        experiment.finalize_stack(stack, Fit::Folds, &stop).unwrap(),
    ];
    for (number, model) in models.iter().enumerate() {
        let path = folder.path().join(format!("{number}.xsm"));
        model.save(&path).unwrap();
        let copy = Model::load(&path, &families()).unwrap();
        assert_eq!(
            copy.predict_proba(&representations).unwrap(),
            model.predict_proba(&representations).unwrap()
        );
    }
}
