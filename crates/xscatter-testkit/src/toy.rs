//! Small data with a known answer, made from a seed.

use std::sync::Arc;

use ndarray::Array2;
use xscatter_core::seed::derive;
use xscatter_core::{Classes, Target};

const SEED: u64 = 0x746f_795f_6461;

/// Rows and the class of each.
pub(crate) struct Toy {
    pub(crate) rows: Array2<f32>,
    pub(crate) target: Target,
}

/// A number from 0 to 1 for a position in a stream.
pub(crate) fn uniform(stream: u64, position: usize) -> f32 {
    let bits = derive(derive(SEED, stream), position as u64) >> 40;
    bits as f32 / (1_u64 << 24) as f32
}

/// Clouds far apart, one a class, in turns; the last feature is noise.
///
/// Class `k` lies 8 standard deviations out along feature `k`, the last class at the origin, so a
/// straight line separates each class from the rest.
pub(crate) fn clouds(classes: usize, per_class: usize) -> Toy {
    let features = classes;
    let labels: Vec<u32> = (0..classes * per_class)
        .map(|row| (row % classes) as u32)
        .collect();
    let rows = Array2::from_shape_fn((labels.len(), features), |(row, feature)| {
        // Four uniform numbers: a standard deviation of 0.58.
        let noise: f32 = (0..4)
            .map(|part| uniform(part, row * features + feature))
            .sum::<f32>()
            - 2.0;
        let out = labels[row] as usize == feature && feature + 1 < classes;
        noise + if out { 4.6 } else { 0.0 }
    });
    Toy {
        rows,
        target: Target::Classes(
            Classes::new(names(classes), labels).expect("every label has a name"),
        ),
    }
}

/// `class-0`, `class-1`, …
pub(crate) fn names(count: usize) -> Vec<Arc<str>> {
    (0..count)
        .map(|index| format!("class-{index}").into())
        .collect()
}

/// The numbers below `count` in an order of the seed's own.
pub(crate) fn shuffled(count: usize, stream: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&index| derive(derive(SEED, stream), index as u64));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clouds_are_separate_and_repeatable() {
        let toy = clouds(3, 40);
        assert_eq!(toy.rows, clouds(3, 40).rows);
        let labels = toy.target.classes().unwrap().labels();
        for (row, &label) in toy.rows.rows().into_iter().zip(labels) {
            let guess = (0..2).find(|&k| row[k] > 2.3).unwrap_or(2);
            assert_eq!(guess as u32, label);
        }
    }

    #[test]
    fn shuffling_keeps_every_number() {
        let mut order = shuffled(50, 1);
        assert_ne!(order, (0..50).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..50).collect::<Vec<_>>());
    }
}
