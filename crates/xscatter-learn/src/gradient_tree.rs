//! Growing one tree of gradient boosting on binned features.
//!
//! The open leaf with the largest gain is split next. Each leaf holds a histogram of first and second
//! derivatives over all features; the smaller child's is counted, the larger child's is what remains
//! of the parent's.

use std::ops::Range;

use rayon::prelude::*;
use xscatter_core::{Result, StopToken};

use crate::bins::{Bins, Column};
use crate::tree::{Split, Tree};

/// The derivatives of the loss of one row by its score.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Gradient {
    pub(crate) first: f32,
    pub(crate) second: f32,
}

/// How a tree grows.
#[derive(Debug)]
pub(crate) struct GradientGrowth<'a> {
    pub(crate) bins: &'a Bins,
    /// The features that the tree may use, ascending.
    pub(crate) features: &'a [u32],
    pub(crate) max_leaves: usize,
    pub(crate) min_samples_leaf: usize,
    pub(crate) l2: f64,
    pub(crate) learning_rate: f64,
}

/// Rows × features beyond which the features of a histogram are shared out among threads.
const PARALLEL_FROM: usize = 1 << 16;
/// The least sum of second derivatives of a leaf; below it a step has no scale.
const LEAST_SECOND: f64 = 1e-3;

/// What the rows of one bin, or of several, add up to.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    first: f64,
    second: f64,
    count: u32,
}

impl Sum {
    fn add(&mut self, other: &Self) {
        self.first += other.first;
        self.second += other.second;
        self.count += other.count;
    }

    fn minus(&self, other: &Self) -> Self {
        Self {
            first: self.first - other.first,
            second: self.second - other.second,
            count: self.count - other.count,
        }
    }
}

/// For each feature the sums of its bins, the missing values behind the others.
type Histogram = Vec<Vec<Sum>>;

/// A leaf that may still be split.
struct Leaf {
    node: usize,
    rows: Range<usize>,
    sum: Sum,
    histogram: Histogram,
    best: Option<Found>,
}

#[derive(Debug, Clone, Copy)]
struct Found {
    gain: f64,
    split: Split,
    left: Sum,
}

/// A tree, and the training rows and the value of each of its leaves.
pub(crate) struct Grown {
    pub(crate) tree: Tree,
    pub(crate) leaves: Vec<(Vec<u32>, f32)>,
}

impl GradientGrowth<'_> {
    /// Grows a tree.
    pub(crate) fn grow(&self, gradients: &[Gradient], stop: &StopToken) -> Result<Grown> {
        let mut tree = Tree::seed();
        let mut rows: Vec<u32> = (0..self.bins.n_rows as u32).collect();
        let mut moved = Vec::with_capacity(rows.len());
        let mut sum = Sum::default();
        for gradient in gradients {
            sum.add(&Sum {
                first: gradient.first.into(),
                second: gradient.second.into(),
                count: 1,
            });
        }
        let mut root = Leaf {
            node: 0,
            rows: 0..rows.len(),
            sum,
            histogram: self.histogram(&rows, gradients),
            best: None,
        };
        root.best = self.best_split(&root);
        let mut leaves = vec![root];
        while leaves.len() < self.max_leaves {
            stop.check()?;
            // The first of the best, so that ties have one outcome.
            let mut next: Option<(usize, Found)> = None;
            for (place, leaf) in leaves.iter().enumerate() {
                if let Some(found) = leaf.best
                    && next.is_none_or(|(_, best)| found.gain > best.gain)
                {
                    next = Some((place, found));
                }
            }
            let Some((place, found)) = next else {
                break;
            };
            let parent = &mut leaves[place];
            let range = parent.rows.clone();
            let column = &self.bins.columns[found.split.feature as usize];
            let here = &mut rows[range.clone()];
            let n_left = column.part(here, |&row| row, &mut moved, &found.split);
            let middle = range.start + n_left;
            let node = tree.split(parent.node, &found.split);
            let mut left = Leaf {
                node,
                rows: range.start..middle,
                sum: found.left,
                histogram: Vec::new(),
                best: None,
            };
            let mut right = Leaf {
                node: node + 1,
                rows: middle..range.end,
                sum: parent.sum.minus(&found.left),
                histogram: Vec::new(),
                best: None,
            };
            let remains = std::mem::take(&mut parent.histogram);
            if leaves.len() + 1 < self.max_leaves {
                self.share(remains, &mut left, &mut right, &rows, gradients);
                left.best = self.best_split(&left);
                right.best = self.best_split(&right);
            }
            leaves[place] = left;
            leaves.push(right);
        }
        let mut values = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            let step = -leaf.sum.first / (leaf.sum.second + self.l2).max(LEAST_SECOND);
            let value = (self.learning_rate * step) as f32;
            tree.leaf(leaf.node, std::iter::once(value));
            values.push((rows[leaf.rows].to_vec(), value));
        }
        tree.finish();
        Ok(Grown {
            tree,
            leaves: values,
        })
    }

    /// Gives both children their histograms, counting the rows of the smaller one alone.
    fn share(
        &self,
        mut remains: Histogram,
        left: &mut Leaf,
        right: &mut Leaf,
        rows: &[u32],
        gradients: &[Gradient],
    ) {
        let (small, large) = if left.rows.len() <= right.rows.len() {
            (left, right)
        } else {
            (right, left)
        };
        if large.rows.len() < 2 * self.min_samples_leaf {
            return;
        }
        small.histogram = self.histogram(&rows[small.rows.clone()], gradients);
        for (remains, counted) in remains.iter_mut().zip(&small.histogram) {
            for (remains, counted) in remains.iter_mut().zip(counted) {
                *remains = remains.minus(counted);
            }
        }
        large.histogram = remains;
    }

    fn histogram(&self, rows: &[u32], gradients: &[Gradient]) -> Histogram {
        let here: Vec<Gradient> = rows.iter().map(|&row| gradients[row as usize]).collect();
        let count = |&feature: &u32| {
            let column = &self.bins.columns[feature as usize];
            let mut sums = vec![Sum::default(); column.ranges.len() + 1];
            for (&row, gradient) in rows.iter().zip(&here) {
                let sum = &mut sums[column.codes[row as usize] as usize];
                sum.first += f64::from(gradient.first);
                sum.second += f64::from(gradient.second);
                sum.count += 1;
            }
            sums
        };
        if rows.len() * self.features.len() >= PARALLEL_FROM {
            self.features.par_iter().map(count).collect()
        } else {
            self.features.iter().map(count).collect()
        }
    }

    fn best_split(&self, leaf: &Leaf) -> Option<Found> {
        if leaf.rows.len() < 2 * self.min_samples_leaf {
            return None;
        }
        let mut best: Option<Found> = None;
        for (&feature, sums) in self.features.iter().zip(&leaf.histogram) {
            self.sweep(feature, sums, &leaf.sum, &mut best);
        }
        best
    }

    /// Scores every cut of one feature, with missing values on either side.
    fn sweep(&self, feature: u32, sums: &[Sum], total: &Sum, best: &mut Option<Found>) {
        let column = &self.bins.columns[feature as usize];
        let (values, missing) = sums.split_at(column.ranges.len());
        let missing = &missing[0];
        let unsplit = self.score(total);
        for missing_left in [false, true] {
            if missing_left && missing.count == 0 {
                break;
            }
            let mut left = if missing_left {
                *missing
            } else {
                Sum::default()
            };
            let mut previous: Option<usize> = None;
            for (bin, sum) in values.iter().enumerate() {
                if sum.count == 0 {
                    continue;
                }
                if let Some(last) = previous {
                    let place = (last, Some(bin), missing_left);
                    self.offer(feature, column, place, &left, total, unsplit, missing, best);
                }
                left.add(sum);
                previous = Some(bin);
            }
            if let Some(last) = previous
                && !missing_left
                && missing.count > 0
            {
                let place = (last, None, false);
                self.offer(feature, column, place, &left, total, unsplit, missing, best);
            }
        }
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the inner step of the sweep, split off to be said once"
    )]
    fn offer(
        &self,
        feature: u32,
        column: &Column,
        (last, next, missing_left): (usize, Option<usize>, bool),
        left: &Sum,
        total: &Sum,
        unsplit: f64,
        missing: &Sum,
        best: &mut Option<Found>,
    ) {
        let right = total.minus(left);
        let least = self.min_samples_leaf as u32;
        if left.count < least
            || right.count < least
            || left.second < LEAST_SECOND
            || right.second < LEAST_SECOND
        {
            return;
        }
        let gain = self.score(left) + self.score(&right) - unsplit;
        if gain > best.map_or(0.0, |found| found.gain) {
            let split = Split {
                feature,
                last_left: last as u8,
                threshold: next.map_or(f32::MAX, |next| column.between(last as u8, next as u8)),
                // Nothing is known about missing values here: they go with the majority.
                missing_left: missing_left || (missing.count == 0 && left.second >= right.second),
            };
            *best = Some(Found {
                gain,
                split,
                left: *left,
            });
        }
    }

    fn score(&self, sum: &Sum) -> f64 {
        sum.first * sum.first / (sum.second + self.l2)
    }
}
