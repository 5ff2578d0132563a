//! What must hold for any truth and any scores.

use approx::assert_relative_eq;
use ndarray::{Array2, Axis};
use proptest::prelude::*;
use xscatter_core::{Classes, Score, TagState, Tags, Target};
use xscatter_metrics::{WeightedMetric, standard};

/// The scores of classes.
fn all() -> Vec<Box<dyn WeightedMetric>> {
    let two = target(2, vec![0, 1]);
    let mut all = xscatter_metrics::all();
    all.retain(|metric| {
        metric
            .evaluate(&two, Array2::from_elem((2, 2), 0.5).view())
            .is_ok()
    });
    all
}

/// Scores that depend on the order of the classes by intention.
fn has_order(name: &str) -> bool {
    name.ends_with("linear") || name.ends_with("quadratic")
}

fn target(classes: usize, labels: Vec<u32>) -> Target {
    let names = (0..classes).map(|k| k.to_string().into()).collect();
    Target::Classes(Classes::new(names, labels).expect("labels below classes"))
}

prop_compose! {
    /// Labels and probabilities on a coarse grid, so that there are many ties, and an order of the
    /// samples.
    fn sample()(classes in 2_usize..6, samples in 1_usize..40)(
        classes in Just(classes),
        labels in prop::collection::vec(0..classes as u32, samples),
        weights in prop::collection::vec(1_u8..5, samples * classes),
        order in Just((0..samples).collect::<Vec<_>>()).prop_shuffle(),
        renaming in Just((0..classes).collect::<Vec<_>>()).prop_shuffle(),
    ) -> (Vec<u32>, Array2<f32>, Vec<usize>, Vec<usize>) {
        let weights = weights.into_iter().map(f32::from).collect();
        let mut scores = Array2::from_shape_vec((labels.len(), classes), weights).expect("a weight for each class");
        for mut row in scores.rows_mut() {
            let sum = row.sum();
            row /= sum;
        }
        (labels, scores, order, renaming)
    }
}

proptest! {
    #[test]
    fn the_order_of_the_samples_does_not_change_a_bit((labels, scores, order, _) in sample()) {
        let truth = target(scores.ncols(), labels);
        let weights: Vec<f32> = (0..order.len()).map(|row| (row % 7) as f32 / 3.0).collect();
        let weights_2: Vec<f32> = order.iter().map(|&row| weights[row]).collect();
        let (truth_2, scores_2) = (truth.select(&order), scores.select(Axis(0), &order));
        for metric in all() {
            for (weights, weights_2) in [(None, None), (Some(&*weights), Some(&*weights_2))] {
                let one = metric.evaluate_weighted(&truth, scores.view(), weights).unwrap();
                let two = metric.evaluate_weighted(&truth_2, scores_2.view(), weights_2).unwrap();
                prop_assert_eq!(one.value(), two.value(), "{}", metric.name());
            }
        }
    }

    #[test]
    fn the_order_of_tagged_samples_does_not_change_a_bit((labels, scores, order, _) in sample()) {
        let states = Array2::from_shape_fn(scores.dim(), |(row, tag)| {
            match (labels[row] as usize + 3 * row + 2 * tag) % 5 {
                0 | 3 => TagState::Positive,
                1 | 2 => TagState::Negative,
                _ => TagState::Unknown,
            }
        });
        let names = (0..scores.ncols()).map(|k| k.to_string().into()).collect();
        let truth = Target::Tags(Tags::new(names, states).unwrap());
        let weights: Vec<f32> = (0..order.len()).map(|row| (row % 7) as f32 / 3.0).collect();
        let weights_2: Vec<f32> = order.iter().map(|&row| weights[row]).collect();
        let (truth_2, scores_2) = (truth.select(&order), scores.select(Axis(0), &order));
        for metric in xscatter_metrics::all() {
            for (weights, weights_2) in [(None, None), (Some(&*weights), Some(&*weights_2))] {
                let Ok(one) = metric.evaluate_weighted(&truth, scores.view(), weights) else {
                    continue;
                };
                let two = metric.evaluate_weighted(&truth_2, scores_2.view(), weights_2).unwrap();
                prop_assert_eq!(one.value(), two.value(), "{}", metric.name());
            }
        }
    }

    #[test]
    fn the_names_of_the_classes_do_not_matter((labels, scores, _, renaming) in sample()) {
        // Ties between classes go to the first, so they must be absent here.
        let scores = Array2::from_shape_fn(scores.dim(), |(row, class)| {
            scores[[row, class]] + 1e-4 * (class as f32 - (scores.ncols() - 1) as f32 / 2.0)
        });
        let renamed = labels.iter().map(|&k| renaming.iter().position(|&r| r == k as usize).unwrap() as u32);
        let truth_2 = target(scores.ncols(), renamed.collect());
        let truth = target(scores.ncols(), labels);
        let scores_2 = scores.select(Axis(1), &renaming);
        for metric in all().iter().filter(|metric| !has_order(metric.name())) {
            let one = metric.evaluate(&truth, scores.view()).unwrap();
            let two = metric.evaluate(&truth_2, scores_2.view()).unwrap();
            match (one.value(), two.value()) {
                (Some(one), Some(two)) => assert_relative_eq!(one, two, epsilon = 1e-12),
                (one, two) => prop_assert_eq!(one, two, "{}", metric.name()),
            }
        }
    }

    #[test]
    fn values_are_finite_and_within_their_range((labels, scores, _, _) in sample()) {
        let truth = target(scores.ncols(), labels);
        for metric in standard() {
            if let Score::Value(value) = metric.evaluate(&truth, scores.view()).unwrap() {
                prop_assert!((-1.0..=1.0 + 1e-12).contains(&value), "{}: {value}", metric.name());
            }
        }
    }
}
