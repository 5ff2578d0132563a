//! Growing one tree of gradient boosting in which every node has a split of its own.
//!
//! The open leaf with the largest gain is split next, until there are as many leaves as wished or none may be
//! split. Each open leaf holds a histogram; the smaller child's is counted, the larger child's is what remains
//! of the parent's. Histograms know no row counts: where a leaf must have several rows, the best cuts are
//! counted one feature after the other, best first, until one holds.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::ops::Range;
use std::sync::Mutex;

use pulp::{Arch, Simd, WithSimd};
use xscatter_core::{Result, StopToken};

use super::histogram::{
    Codes, Node, Output, Penalty, Scores, Sum, count, largest, score_cuts, subtract,
};
use crate::bins::{Column, part};
use crate::tree::{Split, Tree};

/// How trees grow.
#[derive(Debug)]
pub(super) struct FreeGrowth<'a> {
    pub(super) codes: &'a Codes,
    /// All columns of the table, which the features of the codes number.
    pub(super) columns: &'a [Column],
    /// The weight of each row of the codes.
    pub(super) weights: &'a [f64],
    pub(super) max_leaves: usize,
    pub(super) max_depth: usize,
    pub(super) min_samples_leaf: usize,
    pub(super) min_gain: f64,
    pub(super) penalty: Penalty,
    pub(super) learning_rate: f64,
    /// Histograms to use again.
    pub(super) spare: &'a Mutex<Vec<Vec<Sum>>>,
}

/// A tree, and which rows each of its leaves has.
#[derive(Debug)]
pub(super) struct Grown {
    pub(super) tree: Tree,
    pub(super) rows: Vec<u32>,
    pub(super) leaves: Vec<(Range<usize>, f32)>,
    /// The feature and the gain of each split.
    pub(super) gains: Vec<(u32, f64)>,
}

/// A leaf that may still be split.
struct Leaf {
    node: usize,
    depth: usize,
    rows: Range<usize>,
    total: Sum,
    histogram: Vec<Sum>,
    best: Option<Found>,
}

#[derive(Debug, Clone, Copy)]
struct Found {
    gain: f64,
    /// The number of the feature among those of the codes.
    place: usize,
    split: Split,
    /// What goes to the left.
    left: Sum,
}

impl FreeGrowth<'_> {
    /// Grows a tree from the histogram of all rows.
    pub(super) fn grow(
        &self,
        output: &Output<'_>,
        histogram: Vec<Sum>,
        stop: &StopToken,
    ) -> Result<Grown> {
        let mut tree = Tree::seed();
        let mut rows: Vec<u32> = (0..self.codes.n_rows as u32).collect();
        let mut moved = Vec::with_capacity(rows.len());
        let mut gains = Vec::new();
        let mut root = Leaf {
            node: 0,
            depth: 0,
            rows: 0..rows.len(),
            total: histogram[..self.codes.stride]
                .iter()
                .fold(0, |total, &sum| total.wrapping_add(sum)),
            histogram,
            best: None,
        };
        root.best = self.best_split(&root, &rows, output);
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
            let n_left = self.part(&mut rows[range.clone()], &mut moved, &found);
            let middle = range.start + n_left;
            let node = tree.split(parent.node, &found.split);
            gains.push((found.split.feature, found.gain));
            let leaf = |node, rows, total| Leaf {
                node,
                depth: parent.depth + 1,
                rows,
                total,
                histogram: Vec::new(),
                best: None,
            };
            let mut left = leaf(node, range.start..middle, found.left);
            let right_total = parent.total.wrapping_sub(found.left);
            let mut right = leaf(node + 1, middle..range.end, right_total);
            let remains = std::mem::take(&mut parent.histogram);
            if leaves.len() + 1 < self.max_leaves && left.depth < self.max_depth {
                self.share(remains, &mut left, &mut right, &rows, output);
                left.best = self.best_split(&left, &rows, output);
                right.best = self.best_split(&right, &rows, output);
            } else {
                self.give_back(remains);
            }
            leaves[place] = left;
            leaves.push(right);
        }
        let mut values = Vec::with_capacity(leaves.len());
        for leaf in leaves {
            let (mut first, mut second, mut cover) = (0.0, 0.0, 0.0);
            for &row in &rows[leaf.rows.clone()] {
                let gradient = output.gradients[row as usize];
                first += f64::from(gradient.first);
                second += f64::from(gradient.second);
                cover += self.weights[row as usize];
            }
            let value = (self.learning_rate * self.penalty.step((first, second))) as f32;
            tree.leaf(leaf.node, cover, std::iter::once(value));
            values.push((leaf.rows, value));
            self.give_back(leaf.histogram);
        }
        tree.finish();
        Ok(Grown {
            tree,
            rows,
            leaves: values,
            gains,
        })
    }

    /// A histogram to write into.
    fn histogram(&self) -> Vec<Sum> {
        let spare = self.spare.lock().map_or(None, |mut spare| spare.pop());
        let mut histogram = spare.unwrap_or_default();
        histogram.resize(self.codes.size(), 0);
        histogram
    }

    fn give_back(&self, histogram: Vec<Sum>) {
        if !histogram.is_empty()
            && let Ok(mut spare) = self.spare.lock()
        {
            spare.push(histogram);
        }
    }

    /// Moves what goes to the left before what goes to the right, keeping the order on both sides.
    fn part(&self, rows: &mut [u32], moved: &mut Vec<u32>, found: &Found) -> usize {
        let column = &self.columns[found.split.feature as usize];
        part(rows, moved, |&row| {
            column.goes_left(self.codes.code(found.place, row), &found.split)
        })
    }

    /// Gives both children their histograms, counting the rows of the smaller one alone.
    fn share(
        &self,
        mut remains: Vec<Sum>,
        left: &mut Leaf,
        right: &mut Leaf,
        rows: &[u32],
        output: &Output<'_>,
    ) {
        let (small, large) = if left.rows.len() <= right.rows.len() {
            (left, right)
        } else {
            (right, left)
        };
        if large.rows.len() < 2 * self.min_samples_leaf {
            self.give_back(remains);
            return;
        }
        let rows = &rows[small.rows.clone()];
        let sums: Vec<[Sum; 1]> = rows
            .iter()
            .map(|&row| [output.sums[row as usize]])
            .collect();
        let mut histogram = [self.histogram()];
        count(self.codes, rows, &sums, &mut histogram);
        let [histogram] = histogram;
        subtract(&mut remains, &histogram);
        small.histogram = histogram;
        large.histogram = remains;
    }

    fn best_split(&self, leaf: &Leaf, rows: &[u32], output: &Output<'_>) -> Option<Found> {
        if leaf.rows.len() < 2 * self.min_samples_leaf || leaf.histogram.is_empty() {
            return None;
        }
        let node = Node {
            total: leaf.total,
            unit: output.unit,
            penalty: self.penalty,
        };
        let search = Search {
            growth: self,
            leaf,
            node: &node,
        };
        let mut cuts = Arch::new().dispatch(search);
        // Only as many as must be are counted: a count can only make a feature's best cut worse.
        let mut counted = vec![self.min_samples_leaf <= 1; cuts.len()];
        loop {
            let mut top: Option<usize> = None;
            for (place, cut) in cuts.iter().enumerate() {
                if cut.score > f32::NEG_INFINITY
                    && top.is_none_or(|top| cut.score > cuts[top].score)
                {
                    top = Some(place);
                }
            }
            let place = top?;
            if counted[place] {
                return self.found(leaf, &node, place, cuts[place]);
            }
            counted[place] = true;
            let here = &rows[leaf.rows.clone()];
            let search = Search {
                growth: self,
                leaf,
                node: &node,
            };
            if !search.leaves_enough(place, cuts[place], here) {
                cuts[place] = search.counted(place, here);
            }
        }
    }

    /// The split of a cut, if it gains enough.
    fn found(&self, leaf: &Leaf, node: &Node, place: usize, cut: Cut) -> Option<Found> {
        let feature = self.codes.features[place];
        let column = &self.columns[feature as usize];
        let (values, missing) = self.sums(leaf, place);
        let mut last = cut.bin;
        while last > 0 && values[last] == 0 {
            last -= 1;
        }
        let next = (cut.bin + 1..values.len()).find(|&bin| values[bin] != 0);
        let start = if cut.missing_left { missing } else { 0 };
        let left = values[..=last]
            .iter()
            .fold(start, |left, &sum| left.wrapping_add(sum));
        let right = leaf.total.wrapping_sub(left);
        let (of_left, of_right) = (node.unit.parts(left), node.unit.parts(right));
        let gain = self.penalty.score(of_left) + self.penalty.score(of_right)
            - self.penalty.score(node.unit.parts(leaf.total));
        let split = Split {
            feature,
            last_left: last as u8,
            threshold: next.map_or(f32::MAX, |next| column.between(last as u8, next as u8)),
            // Nothing is known about missing values here: they go with the majority.
            missing_left: cut.missing_left || (missing == 0 && of_left.1 >= of_right.1),
        };
        (gain > self.min_gain).then_some(Found {
            gain,
            place,
            split,
            left,
        })
    }

    /// The sums of a feature's values, and of its missing ones.
    fn sums<'b>(&self, leaf: &'b Leaf, place: usize) -> (&'b [Sum], Sum) {
        let column = &self.columns[self.codes.features[place] as usize];
        let sums = &leaf.histogram[place * self.codes.stride..][..self.codes.stride];
        let n_values = column.ranges.len();
        let missing = if column.has_missing {
            sums[n_values]
        } else {
            0
        };
        (&sums[..n_values], missing)
    }
}

/// The best cut of a feature: behind a bin.
#[derive(Debug, Clone, Copy)]
struct Cut {
    score: f32,
    bin: usize,
    missing_left: bool,
}

/// The search for the best cut of each feature of a leaf.
struct Search<'a> {
    growth: &'a FreeGrowth<'a>,
    leaf: &'a Leaf,
    node: &'a Node,
}

impl WithSimd for Search<'_> {
    type Output = Vec<Cut>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<Cut> {
        let mut scores = [0.0; 256];
        (0..self.growth.codes.features.len())
            .map(|place| self.best_cut(place, 0..usize::MAX, 0..usize::MAX, &mut scores))
            .collect()
    }
}

impl Search<'_> {
    /// The best cut of a feature behind one of the bins, for missing values on the right and on the left.
    #[inline(always)]
    fn best_cut(
        &self,
        place: usize,
        right: Range<usize>,
        left: Range<usize>,
        scores: &mut Scores,
    ) -> Cut {
        let (values, missing) = self.growth.sums(self.leaf, place);
        // Behind the last value there is a cut only if the missing ones lie there.
        let n_cuts = values.len() - usize::from(missing == 0);
        score_cuts(values, 0, self.node, f32::NEG_INFINITY, scores);
        let begin = right.start.min(n_cuts);
        let (score, bin) = largest(&scores[begin..right.end.min(n_cuts).max(begin)]);
        let mut best = Cut {
            score,
            bin: begin + bin,
            missing_left: false,
        };
        if missing != 0 {
            score_cuts(values, missing, self.node, f32::NEG_INFINITY, scores);
            let begin = left.start.min(n_cuts - 1);
            let (score, bin) = largest(&scores[begin..left.end.min(n_cuts - 1).max(begin)]);
            if score > best.score {
                best = Cut {
                    score,
                    bin: begin + bin,
                    missing_left: true,
                };
            }
        }
        best
    }

    /// Whether both sides have rows enough.
    fn leaves_enough(&self, place: usize, cut: Cut, rows: &[u32]) -> bool {
        let growth = self.growth;
        let column = &growth.columns[growth.codes.features[place] as usize];
        let split = Split {
            feature: 0,
            last_left: cut.bin as u8,
            threshold: 0.0,
            missing_left: cut.missing_left,
        };
        let n_left = rows
            .iter()
            .filter(|&&row| column.goes_left(growth.codes.code(place, row), &split))
            .count();
        n_left.min(rows.len() - n_left) >= growth.min_samples_leaf
    }

    /// The best cut of a feature among those that leave rows enough on both sides.
    fn counted(&self, place: usize, rows: &[u32]) -> Cut {
        let growth = self.growth;
        let column = &growth.columns[growth.codes.features[place] as usize];
        let mut counts = [0; 256];
        for &row in rows {
            counts[usize::from(growth.codes.code(place, row))] += 1;
        }
        let n_values = column.ranges.len();
        let n_missing = if column.has_missing {
            counts[n_values]
        } else {
            0
        };
        let range = |start: usize| {
            let mut n_left = start;
            let mut range = n_values..n_values;
            for (bin, count) in counts[..n_values].iter().enumerate() {
                n_left += count;
                if n_left >= growth.min_samples_leaf && range.start == n_values {
                    range.start = bin;
                }
                if rows.len() - n_left < growth.min_samples_leaf {
                    range.end = bin;
                    break;
                }
            }
            range
        };
        let mut scores = [0.0; 256];
        self.best_cut(place, range(0), range(n_missing), &mut scores)
    }
}
