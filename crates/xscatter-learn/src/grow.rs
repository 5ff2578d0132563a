//! Growing one classification tree of a forest on binned features.
//!
//! Nodes are split depth first where the weighted impurity falls most. A node looks at a random
//! choice of features; for each either at every cut between its bins (random forest) or at one cut
//! drawn uniformly between its extremes (extra trees). Large nodes count classes in a histogram,
//! small nodes sort their few codes. Rows keep their order when a node is split, so reading a column
//! runs forward through memory.

use std::ops::Range;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use serde::{Deserialize, Serialize};
use xscatter_core::Result;
use xscatter_core::StopToken;

use crate::bins::{Bins, Column, part};
use crate::tree::{Split, Tree};

/// A row in a tree.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) row: u32,
    pub(crate) label: u32,
    pub(crate) weight: f64,
}

/// Which cuts of a feature a node looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cuts {
    /// All of them.
    Best,
    /// One, drawn uniformly between the smallest and the largest value.
    Random,
}

/// What a split makes smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SplitCriterion {
    /// Gini impurity, 1 − Σ p².
    #[default]
    Gini,
    /// Entropy, − Σ p log₂ p.
    Entropy,
}

/// How a tree grows.
#[derive(Debug)]
pub(crate) struct Growth<'a> {
    pub(crate) bins: &'a Bins,
    pub(crate) n_classes: usize,
    pub(crate) cuts: Cuts,
    pub(crate) criterion: SplitCriterion,
    pub(crate) n_candidates: usize,
    pub(crate) max_depth: usize,
    pub(crate) min_samples_leaf: usize,
}

/// A node whose rows are known and whose fate is not.
struct Open {
    node: usize,
    samples: Range<usize>,
    depth: usize,
}

impl Growth<'_> {
    /// Grows a tree on the samples, which it reorders; also what the splits by each feature took from the
    /// impurity of the tree's mean row.
    pub(crate) fn grow(
        &self,
        samples: &mut [Sample],
        rng: &mut ChaCha8Rng,
        stop: &StopToken,
    ) -> Result<(Tree, Vec<f64>)> {
        let mut tree = Tree::seed();
        let mut gains = vec![0.0; self.bins.columns.len()];
        let whole: f64 = samples.iter().map(|sample| sample.weight).sum();
        let mut search = Search::new(self);
        let mut moved = Vec::with_capacity(samples.len());
        let mut pure = vec![None; self.n_classes];
        let mut open = vec![Open {
            node: 0,
            samples: 0..samples.len(),
            depth: 0,
        }];
        while let Some(Open {
            node,
            samples: range,
            depth,
        }) = open.pop()
        {
            stop.check()?;
            let here = &mut samples[range.clone()];
            search.count(here);
            let may_split = depth < self.max_depth && here.len() >= 2 * self.min_samples_leaf;
            let split = if may_split && !search.is_pure() {
                search.best_split(here, rng)
            } else {
                None
            };
            let Some(Found { score, split }) = split else {
                // Leaves of one class alone are most of a full tree: they share their values.
                let total: f64 = search.totals.iter().sum();
                let class = here[0].label as usize;
                let shared = if search.is_pure() { pure[class] } else { None };
                if let Some(place) = shared {
                    tree.leaf_like(node, total, place);
                    continue;
                }
                let shares = search.totals.iter().map(|w| (w / total) as f32);
                let place = tree.leaf(node, total, shares);
                if search.is_pure() {
                    pure[class] = Some(place);
                }
                continue;
            };
            gains[split.feature as usize] += (score - search.unsplit()) / whole;
            let column = &self.bins.columns[split.feature as usize];
            let n_left = part(here, &mut moved, |sample| {
                column.goes_left(column.codes[sample.row as usize], &split)
            });
            let middle = range.start + n_left;
            let left = tree.split(node, &split);
            open.push(Open {
                node: left + 1,
                samples: middle..range.end,
                depth: depth + 1,
            });
            open.push(Open {
                node: left,
                samples: range.start..middle,
                depth: depth + 1,
            });
        }
        tree.finish();
        Ok((tree, gains))
    }
}

/// The best split found so far, with its score, which impurity falls with: Σ L²/ΣL + Σ R²/ΣR for Gini impurity,
/// Σ L log₂ L − ΣL log₂ ΣL and the same of R for entropy.
struct Found {
    score: f64,
    split: Split,
}

/// Memory for the search at one node, used again at the next.
struct Search<'a> {
    growth: &'a Growth<'a>,
    /// A permutation; its beginning is what the node at hand has drawn.
    features: Vec<u32>,
    /// The weight of each class in the node at hand.
    totals: Vec<f64>,
    /// The code of each sample.
    codes: Vec<u8>,
    /// Class weights a code, and the number of samples a code.
    histogram: Vec<f64>,
    counts: Vec<u32>,
    /// Code and position of each sample, for small nodes.
    keys: Vec<u32>,
    /// The codes that occur; for small nodes their class weights lie in the histogram in this order.
    present: Vec<u8>,
    left: Vec<f64>,
    /// The class weights on the left, then on the right.
    sides: Vec<f64>,
    missing: Vec<f64>,
}

impl<'a> Search<'a> {
    fn new(growth: &'a Growth<'a>) -> Self {
        let n_classes = growth.n_classes;
        Self {
            growth,
            features: (0..growth.bins.columns.len() as u32).collect(),
            totals: vec![0.0; n_classes],
            codes: Vec::new(),
            histogram: vec![0.0; 256 * n_classes],
            counts: vec![0; 256],
            keys: Vec::new(),
            present: Vec::new(),
            left: vec![0.0; n_classes],
            sides: vec![0.0; 2 * n_classes],
            missing: vec![0.0; n_classes],
        }
    }

    fn count(&mut self, samples: &[Sample]) {
        self.totals.fill(0.0);
        for sample in samples {
            self.totals[sample.label as usize] += sample.weight;
        }
    }

    /// The score of the node at hand if it stays whole.
    fn unsplit(&self) -> f64 {
        let total: f64 = self.totals.iter().sum();
        match self.growth.criterion {
            SplitCriterion::Gini => self.totals.iter().map(|w| w * w).sum::<f64>() / total,
            SplitCriterion::Entropy => {
                self.totals.iter().map(|&w| x_log_x(w)).sum::<f64>() - x_log_x(total)
            }
        }
    }

    fn is_pure(&self) -> bool {
        self.totals.iter().filter(|&&weight| weight > 0.0).count() < 2
    }

    fn best_split(&mut self, samples: &[Sample], rng: &mut ChaCha8Rng) -> Option<Found> {
        let mut best: Option<Found> = None;
        let mut any_varies = false;
        for visited in 0..self.features.len() {
            // Beyond the wished number only until one feature varies at all.
            if visited >= self.growth.n_candidates && any_varies {
                break;
            }
            let rest = self.features.len() - visited;
            self.features
                .swap(visited, visited + below(rng, rest as u32) as usize);
            let feature = self.features[visited];
            let column = &self.growth.bins.columns[feature as usize];
            let Some((low, high, n_missing)) = self.read(samples, column) else {
                continue;
            };
            any_varies = true;
            self.missing.fill(0.0);
            if n_missing > 0 {
                for (sample, &code) in samples.iter().zip(&self.codes) {
                    if code == column.missing() {
                        self.missing[sample.label as usize] += sample.weight;
                    }
                }
            }
            match self.growth.cuts {
                Cuts::Random => {
                    let cut = random_cut(column, low, high, n_missing > 0, rng);
                    self.try_cut(samples, feature, column, cut, &mut best);
                }
                Cuts::Best => {
                    self.collect(samples, column, low, high);
                    self.sweep(samples.len(), feature, column, n_missing, &mut best);
                }
            }
        }
        best
    }

    /// Reads the codes of the samples; smallest and largest code of a value and how many samples
    /// lack one, or `None` if all are alike.
    fn read(&mut self, samples: &[Sample], column: &Column) -> Option<(u8, u8, usize)> {
        self.codes.clear();
        let codes = samples.iter().map(|s| column.codes[s.row as usize]);
        self.codes.extend(codes);
        let (mut low, mut high, mut n_missing) = (u8::MAX, 0, 0);
        if column.has_missing {
            for &code in &self.codes {
                if code == column.missing() {
                    n_missing += 1;
                } else {
                    low = low.min(code);
                    high = high.max(code);
                }
            }
        } else {
            for &code in &self.codes {
                low = low.min(code);
                high = high.max(code);
            }
        }
        let all_missing = n_missing == samples.len();
        let varies = low < high || n_missing > 0;
        (varies && !all_missing).then_some((low, high, n_missing))
    }

    /// Scores one cut.
    fn try_cut(
        &mut self,
        samples: &[Sample],
        feature: u32,
        column: &Column,
        cut: Split,
        best: &mut Option<Found>,
    ) {
        // Both sides are added up: which one a sample falls on is a coin's throw, which no processor foresees.
        let n_classes = self.growth.n_classes;
        self.sides.fill(0.0);
        let mut n_left = 0;
        for (sample, &code) in samples.iter().zip(&self.codes) {
            let goes_left = column.goes_left(code, &cut);
            let side = if goes_left { 0 } else { n_classes };
            self.sides[side + sample.label as usize] += sample.weight;
            n_left += usize::from(goes_left);
        }
        self.left.copy_from_slice(&self.sides[..n_classes]);
        let split = Split { feature, ..cut };
        let counts = (n_left, samples.len() - n_left);
        let has_missing = self.missing.iter().any(|&weight| weight > 0.0);
        self.offer(counts, has_missing, || split, best);
    }

    /// Counts the classes of every code that occurs.
    fn collect(&mut self, samples: &[Sample], column: &Column, low: u8, high: u8) {
        let n_classes = self.growth.n_classes;
        let span = usize::from(high - low) + 1;
        self.present.clear();
        if samples.len() * 2 < span {
            self.keys.clear();
            for (position, &code) in self.codes.iter().enumerate() {
                if !column.has_missing || code != column.missing() {
                    self.keys.push((u32::from(code) << 16) | position as u32);
                }
            }
            self.keys.sort_unstable();
            for key in &self.keys {
                let (code, sample) = ((key >> 16) as u8, &samples[(key & 0xFFFF) as usize]);
                if self.present.last() != Some(&code) {
                    self.counts[self.present.len()] = 0;
                    self.histogram[self.present.len() * n_classes..][..n_classes].fill(0.0);
                    self.present.push(code);
                }
                let place = self.present.len() - 1;
                self.counts[place] += 1;
                self.histogram[place * n_classes + sample.label as usize] += sample.weight;
            }
            return;
        }
        // One more place takes the missing values, wherever their code lies.
        let low = usize::from(low);
        self.counts[..=span].fill(0);
        self.histogram[..(span + 1) * n_classes].fill(0.0);
        for (sample, &code) in samples.iter().zip(&self.codes) {
            let place = usize::from(code).wrapping_sub(low).min(span);
            self.counts[place] += 1;
            self.histogram[place * n_classes + sample.label as usize] += sample.weight;
        }
        for place in 0..span {
            if self.counts[place] > 0 {
                let to = self.present.len();
                self.counts[to] = self.counts[place];
                self.histogram
                    .copy_within(place * n_classes..(place + 1) * n_classes, to * n_classes);
                self.present.push((low + place) as u8);
            }
        }
    }

    /// Scores every cut between the codes that were collected, with missing values on either side.
    fn sweep(
        &mut self,
        n_samples: usize,
        feature: u32,
        column: &Column,
        n_missing: usize,
        best: &mut Option<Found>,
    ) {
        let n_classes = self.growth.n_classes;
        for missing_left in [false, true] {
            if missing_left && n_missing == 0 {
                break;
            }
            let mut n_left = 0;
            self.left.fill(0.0);
            if missing_left {
                self.left.copy_from_slice(&self.missing);
                n_left = n_missing;
            }
            for place in 0..self.present.len() {
                let weights = &self.histogram[place * n_classes..][..n_classes];
                for (left, weight) in self.left.iter_mut().zip(weights) {
                    *left += weight;
                }
                n_left += self.counts[place] as usize;
                let here = self.present[place];
                let next = self.present.get(place + 1).copied();
                // Behind the last value there is a cut only if the missing ones lie there.
                if next.is_none() && (missing_left || n_missing == 0) {
                    break;
                }
                let split = || Split {
                    feature,
                    last_left: here,
                    threshold: next.map_or(f32::MAX, |next| column.between(here, next)),
                    missing_left,
                };
                self.offer((n_left, n_samples - n_left), n_missing > 0, split, best);
            }
        }
    }

    /// Keeps the split that `self.left` is the left side of, if it is the best so far.
    fn offer(
        &self,
        (n_left, n_right): (usize, usize),
        has_missing: bool,
        split: impl FnOnce() -> Split,
        best: &mut Option<Found>,
    ) {
        let least = self.growth.min_samples_leaf;
        if n_left < least || n_right < least {
            return;
        }
        let (mut left, mut right, mut of_left, mut of_right) = (0.0, 0.0, 0.0, 0.0);
        let sides = self.left.iter().zip(&self.totals);
        let score = match self.growth.criterion {
            SplitCriterion::Gini => {
                for (l, total) in sides {
                    let r = total - l;
                    left += l;
                    of_left += l * l;
                    right += r;
                    of_right += r * r;
                }
                of_left / left + of_right / right
            }
            SplitCriterion::Entropy => {
                for (l, total) in sides {
                    let r = total - l;
                    left += l;
                    of_left += x_log_x(*l);
                    right += r;
                    of_right += x_log_x(r);
                }
                of_left - x_log_x(left) + of_right - x_log_x(right)
            }
        };
        if best.as_ref().is_none_or(|found| score > found.score) {
            let mut split = split();
            if !has_missing {
                // Nothing is known about missing values here: they go with the majority.
                split.missing_left = left >= right;
            }
            *best = Some(Found { score, split });
        }
    }
}

/// x log₂ x, and its limit 0 where x is 0 or, by rounding, below.
fn x_log_x(x: f64) -> f64 {
    if x > 0.0 { x * x.log2() } else { 0.0 }
}

/// A cut between two codes, as extra trees draw it: uniform in the value, not in the code.
fn random_cut(
    column: &Column,
    low: u8,
    high: u8,
    has_missing: bool,
    rng: &mut ChaCha8Rng,
) -> Split {
    let missing_left = has_missing && low < high && rng.next_u32() & 1 == 1;
    let feature = 0;
    if low == high {
        // All values are alike: they part from the missing ones.
        return Split {
            feature,
            last_left: high,
            threshold: f32::MAX,
            missing_left,
        };
    }
    let smallest = f64::from(column.ranges[low as usize].0);
    let largest = f64::from(column.ranges[high as usize].1);
    let uniform = f64::from(rng.next_u32()) / 2_f64.powi(32);
    let wish = (smallest + uniform * (largest - smallest)) as f32;
    let inner = &column.smallest[low as usize..high as usize];
    let last_left = low + inner.partition_point(|&smallest| smallest <= wish) as u8 - 1;
    Split {
        feature,
        last_left,
        threshold: column.near(last_left, wish),
        missing_left,
    }
}

/// A number below `end`; the bias of the multiplication is below `end` / 2³².
pub(crate) fn below(rng: &mut ChaCha8Rng, end: u32) -> u32 {
    ((u64::from(rng.next_u32()) * u64::from(end)) >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use rand_chacha::rand_core::SeedableRng;

    fn growth(bins: &Bins, cuts: Cuts) -> Growth<'_> {
        Growth {
            bins,
            n_classes: 2,
            cuts,
            criterion: SplitCriterion::Gini,
            n_candidates: bins.columns.len(),
            max_depth: usize::MAX,
            min_samples_leaf: 1,
        }
    }

    fn grow(rows: &Array2<f32>, labels: &[u32], weights: &[f64], cuts: Cuts) -> Tree {
        let bins = Bins::new(rows.view(), weights, 255);
        let mut samples: Vec<Sample> = (0..labels.len())
            .map(|row| Sample {
                row: row as u32,
                label: labels[row],
                weight: weights[row],
            })
            .collect();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        growth(&bins, cuts)
            .grow(&mut samples, &mut rng, &StopToken::new())
            .unwrap()
            .0
    }

    #[test]
    fn a_full_tree_knows_its_rows() {
        // Exclusive or: no single split helps, two do.
        let rows = ndarray::array![[0.0_f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
        for cuts in [Cuts::Best, Cuts::Random] {
            let tree = grow(&rows, &[0, 1, 1, 0], &[1.0; 4], cuts);
            for (row, label) in rows.rows().into_iter().zip([0, 1, 1, 0]) {
                assert_eq!(tree.values(row.as_slice().unwrap(), 2)[label], 1.0);
            }
        }
    }

    #[test]
    fn large_and_small_nodes_count_alike() {
        // 400 rows of 200 values: histograms above, sorted codes below. Twice the rows at half the
        // weight change which of the two is used, but not the tree.
        let value = |row: usize| ((row * 97) % 200) as f32;
        let rows = Array2::from_shape_fn((400, 1), |(row, _)| value(row));
        let labels: Vec<u32> = (0..400).map(|row| u32::from((row * 31) % 7 < 3)).collect();
        let twice = ndarray::concatenate![ndarray::Axis(0), rows, rows];
        let twice_labels = labels.repeat(2);
        let once = grow(&rows, &labels, &[1.0; 400], Cuts::Best);
        let twice = grow(&twice, &twice_labels, &[0.5; 800], Cuts::Best);
        assert_eq!(once, twice);
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice() {
        let rows = Array2::from_shape_fn((60, 3), |(row, column)| {
            ((row * (7 + column * 4)) % 23) as f32
        });
        let labels: Vec<u32> = (0..60).map(|row| u32::from((row * 13) % 5 < 2)).collect();
        let twice =
            ndarray::concatenate![ndarray::Axis(0), rows, rows.slice(ndarray::s![..30, ..])];
        let mut twice_labels = labels.clone();
        twice_labels.extend(&labels[..30]);
        let weights: Vec<f64> = (0..60)
            .map(|row| if row < 30 { 2.0 } else { 1.0 })
            .collect();
        for cuts in [Cuts::Best, Cuts::Random] {
            let weighted = grow(&rows, &labels, &weights, cuts);
            let repeated = grow(&twice, &twice_labels, &[1.0; 90], cuts);
            assert_eq!(weighted, repeated);
        }
    }

    #[test]
    fn random_cuts_lie_everywhere_between_the_extremes() {
        let values: Vec<f32> = vec![0.0, 1.0, 9.0, 10.0];
        let rows = Array2::from_shape_vec((4, 1), values).unwrap();
        let bins = Bins::new(rows.view(), &[1.0; 4], 255);
        let column = &bins.columns[0];
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut counts = [0; 3];
        for _ in 0..1000 {
            let cut = random_cut(column, 0, 3, false, &mut rng);
            counts[cut.last_left as usize] += 1;
            let (below, above) = (
                rows[[cut.last_left as usize, 0]],
                cut.last_left as usize + 1,
            );
            assert!(below <= cut.threshold && cut.threshold < rows[[above, 0]]);
        }
        // Uniform in the value: eight in ten fall into the wide gap.
        assert!((700..900).contains(&counts[1]), "{counts:?}");
    }
}
