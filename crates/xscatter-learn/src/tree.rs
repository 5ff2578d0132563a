//! A fitted decision tree in two flat arrays.

use serde::{Deserialize, Serialize};

/// What the feature field holds in a leaf.
const LEAF: u32 = u32::MAX;
/// The bit of the feature field that sends missing values to the left.
const MISSING_LEFT: u32 = 1 << 31;

/// A split or a leaf.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(from = "(u32, f32, u32)", into = "(u32, f32, u32)")]
pub(crate) struct Node {
    /// The feature, with [`MISSING_LEFT`]; or [`LEAF`].
    feature: u32,
    /// Values up to this one go to the left.
    threshold: f32,
    /// The left child, whose sibling follows it; or the number of the leaf.
    next: u32,
}

impl From<(u32, f32, u32)> for Node {
    fn from((feature, threshold, next): (u32, f32, u32)) -> Self {
        Self {
            feature,
            threshold,
            next,
        }
    }
}

impl From<Node> for (u32, f32, u32) {
    fn from(node: Node) -> Self {
        (node.feature, node.threshold, node.next)
    }
}

/// Where the rows of a node part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Split {
    pub(crate) feature: u32,
    /// Bins up to this one go to the left.
    pub(crate) last_left: u8,
    /// Values up to this one go to the left; it lies between the bins.
    pub(crate) threshold: f32,
    pub(crate) missing_left: bool,
}

/// A tree; all its leaves have as many values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    values: Vec<f32>,
}

impl Tree {
    /// A tree that is one unfinished node, number 0.
    pub(crate) fn seed() -> Self {
        Self {
            nodes: vec![UNFINISHED],
            values: Vec::new(),
        }
    }

    /// Makes the node a split; its children are unfinished, the right one follows the returned left.
    pub(crate) fn split(&mut self, node: usize, split: &Split) -> usize {
        let left = self.nodes.len();
        let direction = if split.missing_left { MISSING_LEFT } else { 0 };
        self.nodes[node] = Node {
            feature: split.feature | direction,
            threshold: split.threshold,
            next: left as u32,
        };
        self.nodes.extend([UNFINISHED; 2]);
        left
    }

    /// Makes the node a leaf with these values.
    pub(crate) fn leaf(&mut self, node: usize, values: impl ExactSizeIterator<Item = f32>) {
        self.nodes[node] = Node {
            feature: LEAF,
            threshold: 0.0,
            next: (self.values.len() / values.len()) as u32,
        };
        self.values.extend(values);
    }

    /// The values of the leaf that the row falls into.
    pub(crate) fn values(&self, row: &[f32], width: usize) -> &[f32] {
        let mut node = &self.nodes[0];
        while node.feature != LEAF {
            let value = row[(node.feature & !MISSING_LEFT) as usize];
            let left = if value.is_nan() {
                node.feature & MISSING_LEFT != 0
            } else {
                value <= node.threshold
            };
            node = &self.nodes[node.next as usize + usize::from(!left)];
        }
        &self.values[node.next as usize * width..][..width]
    }

    /// Whether every path through the tree stays within it and ends; a file may claim anything.
    pub(crate) fn check(&self, n_features: usize, width: usize) -> Result<(), String> {
        if self.nodes.is_empty() {
            return Err("expected a tree of at least one node, got none".to_owned());
        }
        if self.values.iter().any(|value| !value.is_finite()) {
            return Err("expected finite leaf values".to_owned());
        }
        for (number, node) in self.nodes.iter().enumerate() {
            let next = node.next as usize;
            let sound = if node.feature == LEAF {
                (next + 1) * width <= self.values.len()
            } else {
                // Children behind their parent: no path can turn in a circle.
                ((node.feature & !MISSING_LEFT) as usize) < n_features
                    && next > number
                    && next + 1 < self.nodes.len()
                    && node.threshold.is_finite()
            };
            if !sound {
                return Err(format!(
                    "expected a sound tree, got {node:?} as node {number}"
                ));
            }
        }
        Ok(())
    }
}

const UNFINISHED: Node = Node {
    feature: LEAF,
    threshold: 0.0,
    next: u32::MAX,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn stump() -> Tree {
        let mut tree = Tree::seed();
        let left = tree.split(
            0,
            &Split {
                feature: 1,
                last_left: 0,
                threshold: 0.5,
                missing_left: true,
            },
        );
        tree.leaf(left, [1.0, 0.0].into_iter());
        tree.leaf(left + 1, [0.25, 0.75].into_iter());
        tree
    }

    #[test]
    fn rows_fall_into_leaves() {
        let tree = stump();
        assert!(tree.check(2, 2).is_ok());
        assert_eq!(tree.values(&[9.0, 0.5], 2), [1.0, 0.0]);
        assert_eq!(tree.values(&[0.0, 0.6], 2), [0.25, 0.75]);
        assert_eq!(tree.values(&[0.0, f32::NAN], 2), [1.0, 0.0]);
    }

    #[test]
    fn a_tree_that_leads_nowhere_is_refused() {
        let tree = stump();
        assert!(tree.check(1, 2).is_err(), "feature beyond the row");
        assert!(tree.check(2, 3).is_err(), "leaf beyond the values");
        for (node, feature, next) in [(0, 1, 0), (0, 1, 2), (0, 1, u32::MAX), (1, LEAF, 9)] {
            let mut broken = tree.clone();
            broken.nodes[node].feature = feature;
            broken.nodes[node].next = next;
            assert!(broken.check(2, 2).is_err(), "{node} {feature} {next}");
        }
    }
}
