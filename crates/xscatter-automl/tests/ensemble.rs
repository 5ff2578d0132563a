//! Ensembles from scores of many models, by any metric, for classes and tags.

use ndarray::{Array2, ArrayView2};
use xscatter_automl::{Ensemble, EnsembleConfig};
use xscatter_core::{
    Classes, ErrorKind, Goal, Metric, Result, Score, TagState, Tags, Target, seed,
};
use xscatter_metrics::{BalancedAccuracy, Brier, LogLoss};

/// A metric under another name, so that nothing can be known of it.
struct Renamed<M>(M);

impl<M: Metric> Metric for Renamed<M> {
    fn name(&self) -> &str {
        "something"
    }

    fn goal(&self) -> Goal {
        self.0.goal()
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        self.0.evaluate(truth, scores)
    }
}

fn unit(stream: u64, row: u64) -> f32 {
    (seed::derive(stream, row) >> 40) as f32 / (1_u64 << 24) as f32
}

const ROWS: usize = 300;

fn label(row: usize) -> usize {
    (seed::derive(99, row as u64) % 4) as usize
}

/// Four classes and models that know some rows each, unevenly well.
fn classes(models: usize) -> (Target, Vec<Array2<f32>>) {
    let names = ["a", "b", "c", "d"].map(Into::into).to_vec();
    let labels = (0..ROWS).map(|row| label(row) as u32).collect();
    let model = |number: usize| {
        let skill = 0.1 + 0.3 * unit(7, number as u64);
        let mut scores = Array2::from_shape_fn((ROWS, 4), |(row, class)| {
            let noise = unit(number as u64 + 10, (4 * row + class) as u64);
            0.02 + noise + if label(row) == class { skill } else { 0.0 }
        });
        for mut row in scores.rows_mut() {
            row.mapv_inplace(|p| p * p);
            let sum = row.sum();
            row /= sum;
        }
        scores
    };
    let target = Target::Classes(Classes::new(names, labels).expect("labels below 4"));
    (target, (0..models).map(model).collect())
}

fn tags(models: usize) -> (Target, Vec<Array2<f32>>) {
    let (_, scores) = classes(models);
    let names = ["a", "b", "c", "d"].map(Into::into).to_vec();
    let states = Array2::from_shape_fn((ROWS, 4), |(row, tag)| match label(row) {
        _ if (row + tag) % 11 == 0 => TagState::Unknown,
        with if with == tag => TagState::Positive,
        _ => TagState::Negative,
    });
    let tags = Tags::new(names, states).expect("a name a column");
    (Target::Tags(tags), scores)
}

fn views(scores: &[Array2<f32>]) -> Vec<ArrayView2<'_, f32>> {
    scores.iter().map(|one| one.view()).collect()
}

#[test]
fn sums_select_what_the_whole_metric_selects() {
    let (truth, scores) = classes(30);
    for config in [
        EnsembleConfig::default(),
        EnsembleConfig {
            sorted_start: 8,
            patience: 25,
            ..EnsembleConfig::default()
        },
        EnsembleConfig {
            bags: 5,
            bag_fraction: 0.4,
            seed: 3,
            ..EnsembleConfig::default()
        },
    ] {
        let select = |metric: &dyn Metric| {
            Ensemble::select_from(&config, &views(&scores), &truth, metric).unwrap()
        };
        let by_sums = select(&LogLoss);
        assert_eq!(by_sums, select(&Renamed(LogLoss)));
        assert!(by_sums.members.len() > 3, "{by_sums:?}");
        assert!(by_sums.score < 0.9 * by_sums.best_single, "{by_sums:?}");
        let weights: f64 = by_sums.members.iter().map(|(_, weight)| weight).sum();
        assert!((weights - 1.0).abs() < 1e-12);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
        assert_eq!(pool.unwrap().install(|| select(&LogLoss)), by_sums);
    }
}

#[test]
fn the_score_is_that_of_what_is_combined() {
    for (truth, scores, metric) in [
        (classes(12).0, classes(12).1, &LogLoss as &dyn Metric),
        (classes(12).0, classes(12).1, &BalancedAccuracy),
        (tags(12).0, tags(12).1, &Brier),
        (tags(12).0, tags(12).1, &LogLoss),
    ] {
        let config = EnsembleConfig::default();
        let ensemble = Ensemble::select_from(&config, &views(&scores), &truth, metric).unwrap();
        let members: Vec<Array2<f32>> = ensemble
            .members
            .iter()
            .map(|(member, _)| scores[*member].clone())
            .collect();
        let combined = ensemble.combine(&members).unwrap();
        let score = metric.evaluate(&truth, combined.view()).unwrap();
        assert_eq!(score.value(), Some(ensemble.score), "{}", metric.name());
        // The mean is too cautious, and the temperature finds it.
        let temperature = ensemble.temperature.expect("it is not worse").value;
        assert!(temperature < 0.95, "{temperature}");
        let mut value = serde_json::to_value(&ensemble).unwrap();
        assert_eq!(
            serde_json::from_value::<Ensemble>(value.clone()).unwrap(),
            ensemble
        );
        value["members"][0][1] = 2.0.into();
        assert!(serde_json::from_value::<Ensemble>(value).is_err());
    }
}

#[test]
fn bags_draw_from_a_part_of_the_entries_by_their_seed() {
    let (truth, scores) = classes(30);
    let select = |seed: u64| {
        let config = EnsembleConfig {
            bags: 4,
            bag_fraction: 0.2,
            seed,
            ..EnsembleConfig::default()
        };
        Ensemble::select_from(&config, &views(&scores), &truth, &LogLoss).unwrap()
    };
    assert_eq!(select(1), select(1));
    assert_ne!(select(1), select(2));
    assert!(select(1).members.len() <= 24);
}

#[test]
fn a_blend_is_the_weighted_mean() {
    let (truth, scores) = classes(3);
    let all = views(&scores);
    let mean = Ensemble::blend(&all, None, &truth, &LogLoss).unwrap();
    assert_eq!(mean.members.len(), 3);
    assert_eq!(mean.temperature, None);
    let combined = mean.combine(&scores).unwrap();
    let by_hand = (&scores[0] + &scores[1] + &scores[2]) / 3.0;
    assert!((&combined - &by_hand).iter().all(|off| off.abs() < 1e-6));
    let weighted = Ensemble::blend(&all, Some(&[3.0, 0.0, 1.0]), &truth, &LogLoss).unwrap();
    assert_eq!(weighted.members, [(0, 0.75), (2, 0.25)]);
    let calibrated = mean.clone().calibrated(&all, &truth, &LogLoss).unwrap();
    assert!(calibrated.score < mean.score);
    for weights in [
        &[1.0, 1.0][..],
        &[0.0; 3],
        &[1.0, -1.0, 1.0],
        &[f64::NAN; 3],
    ] {
        let error = Ensemble::blend(&all, Some(weights), &truth, &LogLoss).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }
    let short = scores[0].slice(ndarray::s![..9, ..]);
    let error = Ensemble::blend(&[all[0], short], None, &truth, &LogLoss).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
}

#[test]
fn settings_out_of_range_are_named() {
    let (truth, scores) = classes(2);
    let default = EnsembleConfig::default;
    for (config, message) in [
        (
            EnsembleConfig {
                patience: 0,
                ..default()
            },
            "expected a patience of 1 round or more, got 0",
        ),
        (
            EnsembleConfig {
                bags: 0,
                ..default()
            },
            "expected 1 bag or more, got 0",
        ),
        (
            EnsembleConfig {
                bag_fraction: 1.5,
                ..default()
            },
            "expected bags of a fraction above 0 and up to 1, got 1.5",
        ),
    ] {
        let error = Ensemble::select_from(&config, &views(&scores), &truth, &LogLoss).unwrap_err();
        assert_eq!(error.message(), message);
    }
}
