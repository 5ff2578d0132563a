//! A fitted symmetric tree: a question a level, and a table of answers.

use serde::{Deserialize, Serialize};

use crate::tree::{Split, Tree};

/// The split of all nodes of a level.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Level {
    pub(super) feature: u32,
    /// Values up to this one go to the left.
    pub(super) threshold: f32,
    pub(super) missing_left: bool,
}

/// A tree of which each level has one split.
///
/// A leaf's number has a binary digit a level, the first level's first: 0 for left, 1 for right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct SymmetricTree {
    levels: Vec<Level>,
    /// For each leaf the weight of the training rows in it.
    covers: Vec<f32>,
    /// Leaves × outputs.
    values: Vec<f32>,
}

/// The most levels.
pub(super) const DEEPEST: usize = 16;

impl SymmetricTree {
    pub(super) fn new(levels: Vec<Level>, covers: Vec<f32>, values: Vec<f32>) -> Self {
        Self {
            levels,
            covers,
            values,
        }
    }

    /// The feature of every level.
    pub(super) fn split_features(&self) -> impl Iterator<Item = u32> {
        self.levels.iter().map(|level| level.feature)
    }

    /// Adds its values to the scores (rows × outputs) of rows whose features stand side by side (features × rows).
    pub(super) fn add(&self, columns: &[f32], leaves: &mut [usize], scores: &mut [f64]) {
        let n_rows = leaves.len();
        leaves.fill(0);
        for level in &self.levels {
            let values = &columns[level.feature as usize * n_rows..][..n_rows];
            // Neither comparison holds for a missing value.
            if level.missing_left {
                for (leaf, &value) in leaves.iter_mut().zip(values) {
                    *leaf = 2 * *leaf + usize::from(value > level.threshold);
                }
            } else {
                for (leaf, &value) in leaves.iter_mut().zip(values) {
                    let left = value <= level.threshold;
                    *leaf = 2 * *leaf + usize::from(!left);
                }
            }
        }
        let width = self.values.len() / self.covers.len();
        for (&leaf, scores) in leaves.iter().zip(scores.chunks_exact_mut(width)) {
            let values = &self.values[leaf * width..][..width];
            for (score, &value) in scores.iter_mut().zip(values) {
                *score += f64::from(value);
            }
        }
    }

    /// The values of a leaf.
    pub(super) fn values(&self, leaf: u32) -> &[f32] {
        let width = self.values.len() / self.covers.len();
        &self.values[leaf as usize * width..][..width]
    }

    /// The same tree with a node for each split.
    pub(super) fn spread(&self) -> Tree {
        let width = self.values.len() / self.covers.len();
        let mut tree = Tree::seed();
        let mut nodes = vec![0];
        for level in &self.levels {
            let split = Split {
                feature: level.feature,
                last_left: 0,
                threshold: level.threshold,
                missing_left: level.missing_left,
            };
            let children = nodes.iter().flat_map(|&node| {
                let left = tree.split(node, &split);
                [left, left + 1]
            });
            nodes = children.collect();
        }
        let leaves = self.covers.iter().zip(self.values.chunks_exact(width));
        for (node, (&cover, values)) in nodes.into_iter().zip(leaves) {
            tree.leaf(node, cover.into(), values.iter().copied());
        }
        tree.finish();
        tree
    }

    /// Whether it has a leaf for every row; a file may claim anything.
    pub(super) fn check(&self, n_features: usize, width: usize) -> Result<(), String> {
        let sound = self.levels.len() <= DEEPEST
            && self.covers.len() == 1 << self.levels.len()
            && self.values.len() == self.covers.len() * width
            && self.values.iter().all(|value| value.is_finite())
            && self
                .covers
                .iter()
                .all(|cover| (0.0..f32::INFINITY).contains(cover))
            && self
                .levels
                .iter()
                .all(|level| (level.feature as usize) < n_features && level.threshold.is_finite());
        if sound {
            return Ok(());
        }
        Err(format!(
            "expected finite thresholds of {n_features} features and 2^levels leaves of {width} finite values, got \
             {} levels, {} leaves and {} values",
            self.levels.len(),
            self.covers.len(),
            self.values.len()
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> SymmetricTree {
        let level = |feature, threshold, missing_left| Level {
            feature,
            threshold,
            missing_left,
        };
        let levels = vec![level(0, 0.5, false), level(1, 1.5, true)];
        let values = (0..8).map(|value| value as f32).collect();
        SymmetricTree::new(levels, vec![1.0, 0.0, 2.0, 3.0], values)
    }

    #[test]
    fn rows_fall_into_the_leaves_that_the_spread_tree_has() {
        let tree = tree();
        assert!(tree.check(2, 2).is_ok());
        let spread = tree.spread();
        assert!(spread.check(2, 2).is_ok());
        let some = [0.0, 1.0, 2.0, f32::NAN];
        let rows: Vec<[f32; 2]> = some.iter().flat_map(|&a| some.map(|b| [a, b])).collect();
        let columns: Vec<f32> = (0..2)
            .flat_map(|c| rows.iter().map(move |r| r[c]))
            .collect();
        let mut scores = vec![0.0; 32];
        tree.add(&columns, &mut [0; 16], &mut scores);
        for (row, scores) in rows.iter().zip(scores.chunks_exact(2)) {
            let values = spread.values(row, 2);
            assert_eq!(scores, [f64::from(values[0]), f64::from(values[1])]);
        }
        assert_eq!(
            scores[24..26],
            [4.0, 5.0],
            "no first feature goes right, 0 left"
        );
        assert_eq!(
            scores[30..32],
            [4.0, 5.0],
            "nothing known goes right and left"
        );
    }

    #[test]
    fn a_table_of_another_size_is_refused() {
        assert!(tree().check(1, 2).is_err(), "feature beyond the row");
        assert!(
            tree().check(2, 1).is_err(),
            "values for another number of outputs"
        );
        let mut short = tree();
        short.levels.pop();
        assert!(short.check(2, 2).is_err(), "a level less than the leaves");
    }
}
