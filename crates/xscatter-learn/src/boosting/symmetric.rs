//! Growing one symmetric tree of gradient boosting, for all scores at once.
//!
//! All nodes of a level share one split, the one with the largest gain over all leaves and scores; a leaf holds
//! a step for each score. Features are looked at in turn, each with the rows of one leaf after the other, so that
//! no histogram outlives its feature.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use xscatter_core::{Result, StopToken};

use super::histogram::{
    BLOCK, Codes, Group, Node, Output, Penalty, Scores, add, groups, largest, score_cuts,
};
use super::symmetric_tree::{Level, SymmetricTree};
use crate::bins::Column;
use crate::tree::Split;

/// How a tree grows.
#[derive(Debug)]
pub(super) struct SymmetricGrowth<'a> {
    pub(super) codes: &'a Codes,
    /// All columns of the table, which the features of the codes number.
    pub(super) columns: &'a [Column],
    /// The weight of each row of the codes.
    pub(super) weights: &'a [f64],
    pub(super) depth: usize,
    pub(super) min_gain: f64,
    pub(super) penalty: Penalty,
    pub(super) learning_rate: f64,
}

/// A tree, and the leaf of each row.
#[derive(Debug)]
pub(super) struct Grown {
    pub(super) tree: SymmetricTree,
    pub(super) leaves: Vec<u32>,
    /// The feature and the gain of each level.
    pub(super) gains: Vec<(u32, f64)>,
}

/// The rows of a level, leaf after leaf.
struct Rows {
    numbers: Vec<u32>,
    /// Where the leaves end.
    ends: Vec<usize>,
    groups: Vec<Group>,
}

impl Rows {
    fn leaves(&self) -> impl Iterator<Item = Range<usize>> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        begins.zip(&self.ends).map(|(begin, &end)| begin..end)
    }
}

/// A cut behind a bin of a feature.
#[derive(Debug, Clone, Copy)]
struct Cut {
    gain: f32,
    place: usize,
    bin: usize,
    missing_left: bool,
}

impl SymmetricGrowth<'_> {
    /// Grows a tree for all outputs.
    pub(super) fn grow(&self, outputs: &[Output<'_>], stop: &StopToken) -> Result<Grown> {
        let n_rows = self.codes.n_rows;
        let mut rows = Rows {
            numbers: (0..n_rows as u32).collect(),
            ends: vec![n_rows],
            groups: groups(outputs, n_rows),
        };
        let mut levels = Vec::with_capacity(self.depth);
        let mut gains = Vec::with_capacity(self.depth);
        let arch = Arch::new();
        for _ in 0..self.depth {
            let blocks = (0..self.codes.blocks.len()).into_par_iter().map(|block| {
                stop.check()?;
                Ok(arch.dispatch(Search {
                    growth: self,
                    outputs,
                    rows: &rows,
                    block,
                }))
            });
            let mut best: Option<Cut> = None;
            for cut in blocks.collect::<Result<Vec<_>>>()?.into_iter().flatten() {
                if f64::from(cut.gain) > self.min_gain && best.is_none_or(|b| cut.gain > b.gain) {
                    best = Some(cut);
                }
            }
            let Some(cut) = best else {
                break;
            };
            let feature = self.codes.features[cut.place];
            let column = &self.columns[feature as usize];
            let next = cut.bin + 1;
            let threshold = if next < column.ranges.len() {
                column.between(cut.bin as u8, next as u8)
            } else {
                f32::MAX
            };
            let split = Split {
                feature,
                last_left: cut.bin as u8,
                threshold,
                missing_left: cut.missing_left,
            };
            rows = self.part(&rows, cut.place, &split);
            levels.push(Level {
                feature,
                threshold,
                missing_left: cut.missing_left,
            });
            gains.push((feature, f64::from(cut.gain)));
        }
        let mut leaves = vec![0; n_rows];
        let mut covers = Vec::with_capacity(rows.ends.len());
        let mut values = Vec::with_capacity(rows.ends.len() * outputs.len());
        for (number, range) in rows.leaves().enumerate() {
            let rows = &rows.numbers[range];
            let mut cover = 0.0;
            for &row in rows {
                leaves[row as usize] = number as u32;
                cover += self.weights[row as usize];
            }
            covers.push(cover as f32);
            for output in outputs {
                let (mut first, mut second) = (0.0, 0.0);
                for &row in rows {
                    let gradient = output.gradients[row as usize];
                    first += f64::from(gradient.first);
                    second += f64::from(gradient.second);
                }
                values.push((self.learning_rate * self.penalty.step((first, second))) as f32);
            }
        }
        Ok(Grown {
            tree: SymmetricTree::new(levels, covers, values),
            leaves,
            gains,
        })
    }

    /// Parts each leaf; what goes to the left comes first.
    fn part(&self, rows: &Rows, place: usize, split: &Split) -> Rows {
        let column = &self.columns[split.feature as usize];
        let mut order = Vec::with_capacity(rows.numbers.len());
        let mut ends = Vec::with_capacity(2 * rows.ends.len());
        let mut right = Vec::new();
        for leaf in rows.leaves() {
            right.clear();
            for position in leaf {
                let code = self.codes.code(place, rows.numbers[position]);
                if column.goes_left(code, split) {
                    order.push(position);
                } else {
                    right.push(position);
                }
            }
            ends.push(order.len());
            order.append(&mut right);
            ends.push(order.len());
        }
        let groups = rows.groups.iter().map(|group| {
            let lanes = group.outputs.len();
            let sums = order
                .iter()
                .flat_map(|&position| &group.sums[position * lanes..][..lanes]);
            Group {
                outputs: group.outputs.clone(),
                sums: sums.copied().collect(),
            }
        });
        Rows {
            groups: groups.collect(),
            numbers: order
                .iter()
                .map(|&position| rows.numbers[position])
                .collect(),
            ends,
        }
    }
}

/// The search for the best cut of each feature of a block.
struct Search<'a> {
    growth: &'a SymmetricGrowth<'a>,
    outputs: &'a [Output<'a>],
    rows: &'a Rows,
    block: usize,
}

/// Gains of the cuts of a block's features, with missing values on the right and on the left.
type Gains = [[Scores; 2]; BLOCK];

impl WithSimd for Search<'_> {
    type Output = Option<Cut>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Option<Cut> {
        let mut gains = [[[0.0; 256]; 2]; BLOCK];
        for group in &self.rows.groups {
            match group.outputs.len() {
                8 => self.gains::<8, 2>(group, &mut gains),
                4 => self.gains::<4, 4>(group, &mut gains),
                2 => self.gains::<2, 8>(group, &mut gains),
                _ => self.gains::<1, 8>(group, &mut gains),
            }
        }
        let mut best: Option<Cut> = None;
        let first = self.block * BLOCK;
        let features = &self.growth.codes.features[first..];
        for (place, (&feature, gains)) in features.iter().zip(&gains).enumerate() {
            let column = &self.growth.columns[feature as usize];
            for (missing_left, gains) in [false, true].into_iter().zip(gains) {
                // Behind the last value there is a cut only if missing values lie there.
                let last = usize::from(missing_left || !column.has_missing);
                let (gain, bin) = largest(&gains[..column.ranges.len() - last]);
                let looked_at = column.has_missing || !missing_left;
                if looked_at && gain > best.map_or(0.0, |best| best.gain) {
                    best = Some(Cut {
                        gain,
                        place: first + place,
                        bin,
                        missing_left: missing_left && column.has_missing,
                    });
                }
            }
        }
        best
    }
}

impl Search<'_> {
    /// Adds the gains of a group's outputs in all leaves.
    #[inline(always)]
    fn gains<const L: usize, const C: usize>(&self, group: &Group, gains: &mut Gains) {
        let growth = self.growth;
        let codes = growth.codes;
        let sums = group.sums.as_chunks::<L>().0;
        let first = self.block * BLOCK;
        let features = &codes.features[first..codes.features.len().min(first + BLOCK)];
        let mut scores = [0.0; 256];
        for begin in (0..features.len()).step_by(C) {
            let mut places = [[[0; L]; 256]; C];
            for leaf in self.rows.leaves().filter(|leaf| !leaf.is_empty()) {
                for places in &mut places {
                    places[..codes.stride].fill([0; L]);
                }
                let rows = &self.rows.numbers[leaf.clone()];
                let sums = &sums[leaf];
                add(&codes.blocks[self.block], rows, sums, begin, &mut places);
                for ((&feature, places), gains) in features[begin..]
                    .iter()
                    .zip(&places)
                    .zip(&mut gains[begin..])
                {
                    let column = &growth.columns[feature as usize];
                    let n_values = column.ranges.len();
                    for lane in 0..L {
                        let mut of_lane = [0; 256];
                        for (to, place) in of_lane[..codes.stride].iter_mut().zip(places) {
                            *to = place[lane];
                        }
                        let total = of_lane[..codes.stride]
                            .iter()
                            .fold(0_u64, |total, &sum| total.wrapping_add(sum));
                        let node = Node {
                            total,
                            unit: self.outputs[group.outputs.start + lane].unit,
                            penalty: growth.penalty,
                        };
                        let unsplit = growth.penalty.score(node.unit.parts(total)) as f32;
                        let missing = if column.has_missing {
                            of_lane[n_values]
                        } else {
                            0
                        };
                        for (start, gains) in [0, missing].into_iter().zip(gains.iter_mut()) {
                            score_cuts(&of_lane[..n_values], start, &node, unsplit, &mut scores);
                            for (gain, score) in gains[..n_values].iter_mut().zip(&scores) {
                                *gain += score - unsplit;
                            }
                            if !column.has_missing {
                                break;
                            }
                        }
                    }
                }
            }
        }
    }
}
