//! What gradient boosting counts: derivatives summed for each bin, and the gain of each cut.
//!
//! First and second derivatives are whole numbers in units of their own, some 2³⁰ of which are all that the rows
//! have together; both halves of a 64-bit [`Sum`] are added at once. Whole numbers add up to the same in any
//! order, so neither threads nor the difference of two histograms change a bit. Against doubles a sum is off
//! by some 10⁻⁹ of all rows' sum; leaf values are computed from the derivatives themselves.
//!
//! Rows are counted for eight features at a time, or two features and eight scores: what is added to fits into
//! the nearest cache. The crate `pulp` compiles the loops for AVX2 and AVX-512 and chooses at run time.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::bins::Bins;

/// A first derivative in the upper half and a second in the lower.
pub(super) type Sum = u64;

/// The features of a block.
pub(super) const BLOCK: usize = 8;
/// All that a byte can number.
const BYTE: usize = 256;
/// Rows × features beyond which blocks of features are shared out among threads.
const PARALLEL_FROM: usize = 1 << 17;

/// The bins of some rows and some features, eight features side by side.
#[derive(Debug)]
pub(super) struct Codes {
    /// The features, ascending.
    pub(super) features: Vec<u32>,
    /// For each block of features the bins of each row.
    pub(super) blocks: Vec<Vec<[u8; BLOCK]>>,
    /// So many sums a feature has in a histogram.
    pub(super) stride: usize,
    pub(super) n_rows: usize,
}

impl Codes {
    pub(super) fn new(bins: &Bins, features: Vec<u32>, rows: Option<&[u32]>) -> Self {
        let widest = features.iter().map(|&feature| {
            let column = &bins.columns[feature as usize];
            column.ranges.len() + usize::from(column.has_missing)
        });
        let stride = widest.max().unwrap_or(1).next_multiple_of(16);
        let n_rows = rows.map_or(bins.n_rows, <[u32]>::len);
        let blocks = features
            .par_chunks(BLOCK)
            .map(|features| {
                let mut block = vec![[0; BLOCK]; n_rows];
                for (place, &feature) in features.iter().enumerate() {
                    let codes = &bins.columns[feature as usize].codes;
                    match rows {
                        None => {
                            for (to, &code) in block.iter_mut().zip(codes) {
                                to[place] = code;
                            }
                        }
                        Some(rows) => {
                            for (to, &row) in block.iter_mut().zip(rows) {
                                to[place] = codes[row as usize];
                            }
                        }
                    }
                }
                block
            })
            .collect();
        Self {
            features,
            blocks,
            stride,
            n_rows,
        }
    }

    /// How many sums a histogram has.
    pub(super) fn size(&self) -> usize {
        self.blocks.len() * BLOCK * self.stride
    }

    /// The bin of a row of this table, the feature being the `place`-th of it.
    pub(super) fn code(&self, place: usize, row: u32) -> u8 {
        self.blocks[place / BLOCK][row as usize][place % BLOCK]
    }
}

/// The units of a score's derivatives, and its derivatives in these units.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Unit {
    pub(super) first: f64,
    pub(super) second: f64,
}

/// The derivatives of the loss of one row by one score.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Gradient {
    pub(super) first: f32,
    pub(super) second: f32,
}

/// All derivatives add up to no more than this.
const WHOLE: f64 = (1_u32 << 30) as f64;

impl Unit {
    /// The smallest powers of two as units of which the rows' derivatives add up to 2³⁰ at most.
    pub(super) fn of(gradients: &[Gradient]) -> Self {
        let (mut first, mut second) = (0.0, 0.0);
        for gradient in gradients {
            first += f64::from(gradient.first.abs());
            second += f64::from(gradient.second);
        }
        let unit = |all: f64| (all / WHOLE).max(1e-30).log2().ceil().exp2();
        Self {
            first: unit(first),
            second: unit(second),
        }
    }

    /// In whole units; a row is never nothing.
    ///
    /// A row is rounded as it is without its weight: one of weight 2 is the same as two.
    pub(super) fn sum(self, gradient: Gradient, weight: f64) -> Sum {
        let whole = |value: f32, unit: f64| {
            let alone = f64::from(value) / (unit * weight);
            (alone.round() * weight).round()
        };
        let first = whole(gradient.first, self.first) as i32;
        let second = whole(gradient.second, self.second) as u32;
        (u64::from(first as u32) << 32) | u64::from(second.max(1))
    }

    /// First and second derivative.
    pub(super) fn parts(self, sum: Sum) -> (f64, f64) {
        let (first, second) = halves(sum);
        (
            f64::from(first) * self.first,
            f64::from(second) * self.second,
        )
    }
}

#[inline(always)]
fn halves(sum: Sum) -> (i32, i32) {
    ((sum >> 32) as i32, sum as u32 as i32)
}

/// One score of the rows that a tree corrects.
#[derive(Debug)]
pub(super) struct Output<'a> {
    pub(super) gradients: &'a [Gradient],
    pub(super) unit: Unit,
    /// The gradients in this unit.
    pub(super) sums: &'a [Sum],
}

/// The scores of some outputs side by side: a row's sums for each of them follow one another.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) outputs: Range<usize>,
    pub(super) sums: Vec<Sum>,
}

/// Outputs in groups of eight, four, two and one.
pub(super) fn groups(outputs: &[Output<'_>], n_rows: usize) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut begin = 0;
    while begin < outputs.len() {
        let rest = outputs.len() - begin;
        let lanes = [8, 4, 2, 1].into_iter().find(|&lanes| lanes <= rest);
        let range = begin..begin + lanes.unwrap_or(1);
        let mut sums = Vec::with_capacity(n_rows * range.len());
        for row in 0..n_rows {
            sums.extend(outputs[range.clone()].iter().map(|output| output.sums[row]));
        }
        begin = range.end;
        groups.push(Group {
            outputs: range,
            sums,
        });
    }
    groups
}

/// A histogram of all rows for each output.
pub(super) fn roots(codes: &Codes, outputs: &[Output<'_>]) -> Vec<Vec<Sum>> {
    let rows: Vec<u32> = (0..codes.n_rows as u32).collect();
    let groups = groups(outputs, codes.n_rows);
    let histograms = groups.iter().flat_map(|group| match group.outputs.len() {
        8 => root::<8>(codes, &rows, group),
        4 => root::<4>(codes, &rows, group),
        2 => root::<2>(codes, &rows, group),
        _ => root::<1>(codes, &rows, group),
    });
    histograms.collect()
}

fn root<const L: usize>(codes: &Codes, rows: &[u32], group: &Group) -> Vec<Vec<Sum>> {
    let mut histograms = std::array::from_fn(|_| vec![0; codes.size()]);
    count::<L>(codes, rows, group.sums.as_chunks().0, &mut histograms);
    histograms.into()
}

/// Counts rows, whose sums for `L` scores stand side by side; a histogram a score.
pub(super) fn count<const L: usize>(
    codes: &Codes,
    rows: &[u32],
    sums: &[[Sum; L]],
    histograms: &mut [Vec<Sum>; L],
) {
    let width = BLOCK * codes.stride;
    let mut parts: Vec<Vec<&mut [Sum]>> = (0..codes.blocks.len())
        .map(|_| Vec::with_capacity(L))
        .collect();
    for histogram in histograms {
        for (parts, part) in parts.iter_mut().zip(histogram.chunks_exact_mut(width)) {
            parts.push(part);
        }
    }
    let arch = Arch::new();
    let run = |(block, out): (&Vec<[u8; BLOCK]>, Vec<&mut [Sum]>)| {
        arch.dispatch(Count {
            codes: block,
            rows,
            sums,
            stride: codes.stride,
            out,
        });
    };
    if rows.len() * codes.features.len() * L >= PARALLEL_FROM {
        codes.blocks.par_iter().zip(parts).for_each(run);
    } else {
        codes.blocks.iter().zip(parts).for_each(run);
    }
}

struct Count<'a, const L: usize> {
    codes: &'a [[u8; BLOCK]],
    rows: &'a [u32],
    sums: &'a [[Sum; L]],
    stride: usize,
    out: Vec<&'a mut [Sum]>,
}

impl<const L: usize> WithSimd for Count<'_, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, _: S) {
        match L {
            1 | 2 => self.run::<8>(),
            4 => self.run::<4>(),
            _ => self.run::<2>(),
        }
    }
}

impl<const L: usize> Count<'_, L> {
    /// `C` features at a time.
    #[inline(always)]
    fn run<const C: usize>(&mut self) {
        for begin in (0..BLOCK).step_by(C) {
            let mut places = [[[0; L]; BYTE]; C];
            add(self.codes, self.rows, self.sums, begin, &mut places);
            for (feature, places) in (begin..).zip(&places) {
                for (lane, out) in self.out.iter_mut().enumerate() {
                    let out = &mut out[feature * self.stride..][..self.stride];
                    for (out, place) in out.iter_mut().zip(places) {
                        *out = place[lane];
                    }
                }
            }
        }
    }
}

/// Adds each row's sums to the places of its bins, for `C` features of a block.
#[inline(always)]
pub(super) fn add<const L: usize, const C: usize>(
    codes: &[[u8; BLOCK]],
    rows: &[u32],
    sums: &[[Sum; L]],
    begin: usize,
    places: &mut [[[Sum; L]; BYTE]; C],
) {
    for (&row, sum) in rows.iter().zip(sums) {
        let codes = &codes[row as usize];
        for (places, &code) in places.iter_mut().zip(&codes[begin..begin + C]) {
            let place = &mut places[usize::from(code)];
            for lane in 0..L {
                place[lane] = place[lane].wrapping_add(sum[lane]);
            }
        }
    }
}

/// Takes one histogram from another.
pub(super) fn subtract(from: &mut [Sum], other: &[Sum]) {
    struct Subtract<'a>(&'a mut [Sum], &'a [Sum]);
    impl WithSimd for Subtract<'_> {
        type Output = ();
        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) {
            for (from, other) in self.0.iter_mut().zip(self.1) {
                *from = from.wrapping_sub(*other);
            }
        }
    }
    Arch::new().dispatch(Subtract(from, other));
}

/// What the gain of a cut depends on beside the sums.
#[derive(Debug, Clone, Copy)]
pub(super) struct Penalty {
    pub(super) l1: f64,
    pub(super) l2: f64,
    /// The least sum of second derivatives of a side.
    pub(super) least: f64,
}

impl Penalty {
    /// How much the loss falls by the best value for these rows, twice.
    pub(super) fn score(&self, (first, second): (f64, f64)) -> f64 {
        let first = (first.abs() - self.l1).max(0.0);
        first * first / (second + self.l2)
    }

    /// The best value for these rows.
    pub(super) fn step(&self, (first, second): (f64, f64)) -> f64 {
        let shrunk = (first.abs() - self.l1).max(0.0).copysign(first);
        -shrunk / (second + self.l2).max(LEAST_SECOND)
    }
}

/// The least sum of second derivatives of a leaf; below it a step has no scale.
pub(super) const LEAST_SECOND: f64 = 1e-3;

/// The sums of a node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) total: Sum,
    pub(super) unit: Unit,
    pub(super) penalty: Penalty,
}

/// The scores of the cuts of one feature; places beyond its cuts hold anything.
pub(super) type Scores = [f32; BYTE];

/// Scores of both sides, `G²/(H + λ)` each, for each cut behind a bin, where `start` are the missing values if
/// they go to the left; a cut that leaves too little on a side scores `otherwise`.
#[inline(always)]
pub(super) fn score_cuts(
    sums: &[Sum],
    start: Sum,
    node: &Node,
    otherwise: f32,
    scores: &mut Scores,
) {
    let (mut firsts, mut seconds) = ([0_i32; BYTE], [0_i32; BYTE]);
    let mut left = start;
    for ((first, second), &sum) in firsts.iter_mut().zip(&mut seconds).zip(sums) {
        left = left.wrapping_add(sum);
        (*first, *second) = halves(left);
    }
    // Differences of whole numbers: an empty side is exactly nothing.
    let (first, second) = halves(node.total);
    let unit = (node.unit.first as f32, node.unit.second as f32);
    let (l1, l2) = (node.penalty.l1 as f32, node.penalty.l2 as f32);
    let least = (node.penalty.least as f32).max(f32::MIN_POSITIVE);
    let width = sums.len().next_multiple_of(16).min(BYTE);
    let shrunk = |first: f32| (first.abs() - l1).max(0.0);
    for ((score, &left), &weight) in scores[..width]
        .iter_mut()
        .zip(&firsts[..width])
        .zip(&seconds[..width])
    {
        let right = first.wrapping_sub(left) as f32 * unit.0;
        let other = second.wrapping_sub(weight) as f32 * unit.1;
        let (left, weight) = (left as f32 * unit.0, weight as f32 * unit.1);
        let (left, right) = (shrunk(left), shrunk(right));
        let both = left * left / (weight + l2) + right * right / (other + l2);
        let holds = weight >= least && other >= least;
        *score = if holds { both } else { otherwise };
    }
}

/// The first of the largest of the scores.
#[inline(always)]
pub(super) fn largest(scores: &[f32]) -> (f32, usize) {
    let mut tops = [f32::NEG_INFINITY; 16];
    let (whole, rest) = scores.as_chunks::<16>();
    for scores in whole {
        for (top, &score) in tops.iter_mut().zip(scores) {
            *top = if score > *top { score } else { *top };
        }
    }
    let top = tops
        .iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, f32::max);
    let place = scores.iter().position(|&score| score == top);
    (top, place.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn lanes_count_alike_and_differences_are_exact() {
        let rows = Array2::from_shape_fn((500, 11), |(row, column)| {
            ((row * (7 + column) + column) % (5 + 40 * column)) as f32
        });
        let bins = Bins::new(rows.view(), &[1.0; 500], 255);
        let codes = Codes::new(&bins, (0..11).collect(), None);
        let gradient = |row: usize, lane: usize| Gradient {
            first: (((row * 31 + lane * 17) % 101) as f32 - 50.0) / 50.0,
            second: ((row * 13 + lane) % 97) as f32 / 97.0,
        };
        let unit = Unit::of(&(0..500).map(|row| gradient(row, 0)).collect::<Vec<_>>());
        let sums: Vec<[Sum; 8]> = (0..500)
            .map(|row| std::array::from_fn(|lane| unit.sum(gradient(row, lane), 1.0)))
            .collect();
        let all: Vec<u32> = (0..500).collect();
        let mut together: [Vec<Sum>; 8] = std::array::from_fn(|_| vec![0; codes.size()]);
        count(&codes, &all, &sums, &mut together);
        let some: Vec<u32> = all.iter().copied().filter(|row| row % 3 == 0).collect();
        let others: Vec<u32> = all.iter().copied().filter(|row| row % 3 != 0).collect();
        for lane in 0..8 {
            let alone = |rows: &[u32]| {
                let sums: Vec<[Sum; 1]> = rows.iter().map(|&r| [sums[r as usize][lane]]).collect();
                let mut histogram = [vec![0; codes.size()]];
                count(&codes, rows, &sums, &mut histogram);
                histogram.into_iter().next().unwrap()
            };
            assert_eq!(together[lane], alone(&all));
            subtract(&mut together[lane], &alone(&some));
            assert_eq!(together[lane], alone(&others));
        }
    }

    #[test]
    fn scores_are_those_of_the_formula() {
        let unit = Unit {
            first: 0.5,
            second: 0.25,
        };
        let gradients = [(1.0, 0.5), (-2.0, 1.0), (0.5, 0.75), (-1.5, 0.25)];
        let sums: Vec<Sum> = gradients
            .iter()
            .map(|&(first, second)| unit.sum(Gradient { first, second }, 1.0))
            .collect();
        let node = Node {
            total: sums
                .iter()
                .fold(0, |total: Sum, one| total.wrapping_add(*one)),
            unit,
            penalty: Penalty {
                l1: 0.25,
                l2: 1.0,
                least: 0.3,
            },
        };
        assert_eq!(unit.parts(node.total), (-2.0, 2.5));
        let mut scores = [0.0; BYTE];
        score_cuts(&sums, 0, &node, f32::NEG_INFINITY, &mut scores);
        for (cut, &score) in scores[..3].iter().enumerate() {
            let side = |part: &[(f32, f32)]| {
                let first: f32 = part.iter().map(|g| g.0).sum();
                let second: f32 = part.iter().map(|g| g.1).sum();
                (
                    (first.abs() - 0.25).max(0.0).powi(2) / (second + 1.0),
                    second,
                )
            };
            let (left, right) = (side(&gradients[..=cut]), side(&gradients[cut + 1..]));
            if right.1 < 0.3 {
                assert_eq!(score, f32::NEG_INFINITY);
            } else {
                approx::assert_relative_eq!(score, left.0 + right.0, max_relative = 1e-6);
            }
        }
        assert_eq!(largest(&[1.0, 3.0, 2.0, 3.0]), (3.0, 1));
    }
}
