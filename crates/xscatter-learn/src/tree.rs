//! A fitted decision tree in two flat arrays.

use serde::{Deserialize, Serialize};

/// What the feature field holds in a leaf.
const LEAF: u32 = u32::MAX;
/// The bit of the feature field that sends missing values to the left.
const MISSING_LEFT: u32 = 1 << 31;

/// A split or a leaf.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Node {
    /// The feature, with [`MISSING_LEFT`]; or [`LEAF`].
    feature: u32,
    /// Values up to this one go to the left; in a leaf, the weight of the training rows in it.
    threshold: f32,
    /// The left child, whose sibling follows it; or the number of the leaf's values.
    next: u32,
}

/// So many rows walk through a tree in step.
const STEP: usize = 8;

/// What a walk through a tree meets.
#[derive(Debug)]
pub(crate) enum Branch<'a> {
    /// The place of its values.
    Leaf(u32),
    /// The right child follows the left one.
    Split {
        feature: u32,
        left: usize,
        node: &'a Node,
    },
}

impl Node {
    pub(crate) fn goes_left(&self, value: f32) -> bool {
        if value.is_nan() {
            self.feature & MISSING_LEFT != 0
        } else {
            value <= self.threshold
        }
    }
}

const UNFINISHED: Node = Node {
    feature: LEAF,
    threshold: 0.0,
    next: u32::MAX,
};

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

/// A tree; all its leaves have as many values, and leaves may share them.
///
/// The nodes of a finished tree stand in breadth-first order, so the left child of split number k is
/// node 2 k + 1 and need not be written to a file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawTree", into = "RawTree")]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    values: Vec<f32>,
}

/// A finished tree in a file.
#[derive(Serialize, Deserialize)]
struct RawTree {
    /// A number a node: 0 for a leaf, else 1 + the feature, negative where missing values go left.
    features: Vec<i64>,
    /// A number a split.
    thresholds: Vec<f32>,
    /// A number a leaf: where its values are.
    leaves: Vec<u32>,
    /// A number a leaf: the weight of the training rows in it.
    covers: Vec<f32>,
    values: Vec<f32>,
}

impl From<Tree> for RawTree {
    fn from(Tree { nodes, values }: Tree) -> Self {
        let mut raw = Self {
            features: Vec::with_capacity(nodes.len()),
            thresholds: Vec::new(),
            leaves: Vec::new(),
            covers: Vec::new(),
            values,
        };
        for node in nodes {
            if node.feature == LEAF {
                raw.features.push(0);
                raw.leaves.push(node.next);
                raw.covers.push(node.threshold);
                continue;
            }
            let number = i64::from(node.feature & !MISSING_LEFT) + 1;
            let missing_left = node.feature & MISSING_LEFT != 0;
            raw.features
                .push(if missing_left { -number } else { number });
            raw.thresholds.push(node.threshold);
        }
        raw
    }
}

impl TryFrom<RawTree> for Tree {
    type Error = String;

    fn try_from(raw: RawTree) -> Result<Self, String> {
        let n_splits = raw.features.iter().filter(|&&feature| feature != 0).count();
        let n_leaves = raw.features.len() - n_splits;
        let whole = n_leaves == n_splits + 1
            && raw.thresholds.len() == n_splits
            && raw.leaves.len() == n_leaves
            && raw.covers.len() == n_leaves;
        let far = u64::from(MISSING_LEFT);
        if !whole
            || raw
                .features
                .iter()
                .any(|feature| feature.unsigned_abs() >= far)
        {
            return Err(format!(
                "expected one leaf more than splits, each with its numbers, got {n_splits} splits, \
                 {n_leaves} leaves, {} thresholds, {} places of values and {} weights",
                raw.thresholds.len(),
                raw.leaves.len(),
                raw.covers.len()
            ));
        }
        let mut thresholds = raw.thresholds.into_iter();
        let mut leaves = raw.leaves.into_iter().zip(raw.covers);
        let mut left = 1;
        let node = |feature: i64| {
            if feature == 0 {
                let (next, threshold) = leaves.next()?;
                return Some(Node {
                    feature: LEAF,
                    threshold,
                    next,
                });
            }
            let direction = if feature < 0 { MISSING_LEFT } else { 0 };
            let next = left;
            left += 2;
            Some(Node {
                feature: (feature.unsigned_abs() as u32 - 1) | direction,
                threshold: thresholds.next()?,
                next,
            })
        };
        let nodes: Option<Vec<Node>> = raw.features.into_iter().map(node).collect();
        Ok(Self {
            nodes: nodes.ok_or("expected a number for every node")?,
            values: raw.values,
        })
    }
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

    /// Makes the node a leaf with these values and this weight of training rows; returns where the values are.
    pub(crate) fn leaf(
        &mut self,
        node: usize,
        cover: f64,
        values: impl ExactSizeIterator<Item = f32>,
    ) -> u32 {
        let place = (self.values.len() / values.len()) as u32;
        self.values.extend(values);
        self.leaf_like(node, cover, place);
        place
    }

    /// Makes the node a leaf with the values of an earlier one.
    pub(crate) fn leaf_like(&mut self, node: usize, cover: f64, place: u32) {
        self.nodes[node] = Node {
            feature: LEAF,
            threshold: cover as f32,
            next: place,
        };
    }

    /// Puts the nodes of a grown tree in breadth-first order.
    pub(crate) fn finish(&mut self) {
        let mut nodes = vec![self.nodes[0]];
        let mut place = 0;
        while place < nodes.len() {
            if nodes[place].feature != LEAF {
                let children = nodes[place].next as usize;
                nodes[place].next = nodes.len() as u32;
                nodes.extend_from_slice(&self.nodes[children..children + 2]);
            }
            place += 1;
        }
        self.nodes = nodes;
    }

    /// The feature of every split.
    pub(crate) fn split_features(&self) -> impl Iterator<Item = u32> {
        let splits = self.nodes.iter().filter(|node| node.feature != LEAF);
        splits.map(|node| node.feature & !MISSING_LEFT)
    }

    /// The children of a node and its feature, or the place of a leaf's values.
    pub(crate) fn branch(&self, node: usize) -> Branch<'_> {
        let node = &self.nodes[node];
        if node.feature == LEAF {
            return Branch::Leaf(node.next);
        }
        Branch::Split {
            feature: node.feature & !MISSING_LEFT,
            left: node.next as usize,
            node,
        }
    }

    /// The weight of the training rows in every node.
    pub(crate) fn covers(&self) -> Vec<f64> {
        let mut covers = vec![0.0; self.nodes.len()];
        // Children stand behind their parents.
        for (number, node) in self.nodes.iter().enumerate().rev() {
            covers[number] = if node.feature == LEAF {
                node.threshold.into()
            } else {
                covers[node.next as usize] + covers[node.next as usize + 1]
            };
        }
        covers
    }

    /// Where the values of the leaf are that each row falls into; rows stand one after the other.
    pub(crate) fn leaves(&self, rows: &[f32], n_features: usize, leaves: &mut [u32]) {
        // Several rows in step: none waits for the memory that another one waits for.
        let rows = rows.chunks(STEP * n_features);
        for (rows, leaves) in rows.zip(leaves.chunks_mut(STEP)) {
            leaves.fill(0);
            loop {
                let mut arrived = true;
                for (row, at) in rows.chunks_exact(n_features).zip(leaves.iter_mut()) {
                    let node = &self.nodes[*at as usize];
                    if node.feature != LEAF {
                        let value = row[(node.feature & !MISSING_LEFT) as usize];
                        *at = node.next + u32::from(!node.goes_left(value));
                        arrived = false;
                    }
                }
                if arrived {
                    break;
                }
            }
            for at in leaves {
                *at = self.nodes[*at as usize].next;
            }
        }
    }

    /// The values of a leaf that [`leaves`](Self::leaves) found.
    pub(crate) fn leaf_values(&self, place: u32, width: usize) -> &[f32] {
        &self.values[place as usize * width..][..width]
    }

    /// The values of the leaf that the row falls into.
    #[cfg(test)]
    pub(crate) fn values(&self, row: &[f32], width: usize) -> &[f32] {
        let mut place = [0];
        self.leaves(row, row.len(), &mut place);
        self.leaf_values(place[0], width)
    }

    /// Whether the values of every leaf are shares of 1.
    pub(crate) fn holds_shares(&self, width: usize) -> bool {
        self.values.chunks(width).all(|shares| {
            let sum: f32 = shares.iter().sum();
            shares.iter().all(|&share| share >= 0.0) && (sum - 1.0).abs() < 1e-3
        })
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
                    && (0.0..f32::INFINITY).contains(&node.threshold)
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
        tree.leaf(left, 3.0, [1.0, 0.0].into_iter());
        tree.leaf(left + 1, 4.0, [0.25, 0.75].into_iter());
        tree.finish();
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
    fn a_finished_tree_comes_back_from_a_file() {
        // The right child is split first, so that the order has to change.
        let mut tree = Tree::seed();
        let split = |feature, threshold, missing_left| Split {
            feature,
            last_left: 0,
            threshold,
            missing_left,
        };
        let top = tree.split(0, &split(0, 0.5, true));
        let right = tree.split(top + 1, &split(2, -1.5, false));
        let left = tree.split(top, &split(1, 7.0, true));
        let place = tree.leaf(left, 3.0, [1.0].into_iter());
        tree.leaf(left + 1, 4.0, [2.0].into_iter());
        tree.leaf(right, 5.0, [3.0].into_iter());
        tree.leaf_like(right + 1, 6.0, place);
        let before = tree.clone();
        tree.finish();
        let text = serde_json::to_string(&tree).unwrap();
        assert_eq!(
            text,
            r#"{"features":[-1,-2,3,0,0,0,0],"thresholds":[0.5,7.0,-1.5],"leaves":[0,1,2,0],"covers":[3.0,4.0,5.0,6.0],"values":[1.0,2.0,3.0]}"#
        );
        let copy: Tree = serde_json::from_str(&text).unwrap();
        assert_eq!(copy, tree);
        assert!(copy.check(3, 1).is_ok());
        for row in [
            [0.0, 7.0, 0.0],
            [0.0, 8.0, 0.0],
            [1.0, 0.0, -2.0],
            [1.0, 0.0, 0.0],
        ] {
            assert_eq!(copy.values(&row, 1), before.values(&row, 1));
        }
    }

    #[test]
    fn a_tree_that_leads_nowhere_is_refused() {
        let tree = stump();
        assert!(tree.check(1, 2).is_err(), "feature beyond the row");
        assert!(tree.check(2, 3).is_err(), "leaf beyond the values");
        for text in [
            // The root is a leaf, and the split behind it its own child.
            r#"{"features":[0,1,0],"thresholds":[0.5],"leaves":[0,0],"covers":[1.0,1.0],"values":[1.0]}"#,
            r#"{"features":[1,0,0],"thresholds":[0.5],"leaves":[0,1],"covers":[1.0,1.0],"values":[1.0]}"#,
            r#"{"features":[1,0,0],"thresholds":[0.5],"leaves":[0],"covers":[1.0],"values":[1.0]}"#,
            r#"{"features":[1,0,0],"thresholds":[0.5],"leaves":[0,0],"covers":[1.0],"values":[1.0]}"#,
            r#"{"features":[1,0,0],"thresholds":[0.5],"leaves":[0,0],"covers":[1.0,-1.0],"values":[1.0]}"#,
            r#"{"features":[1,0,0],"thresholds":[],"leaves":[0,0],"covers":[1.0,1.0],"values":[1.0]}"#,
            r#"{"features":[1,0],"thresholds":[0.5],"leaves":[0],"covers":[1.0],"values":[1.0]}"#,
            r#"{"features":[],"thresholds":[],"leaves":[],"covers":[],"values":[]}"#,
            r#"{"features":[9e18,0,0],"thresholds":[0.5],"leaves":[0,0],"covers":[1.0,1.0],"values":[1.0]}"#,
            r#"{"features":[-9223372036854775808,0,0],"thresholds":[0.5],"leaves":[0,0],"covers":[1.0,1.0],"values":[1.0]}"#,
        ] {
            let sound = serde_json::from_str::<Tree>(text).is_ok_and(|t| t.check(2, 1).is_ok());
            assert!(!sound, "{text}");
        }
    }
}
