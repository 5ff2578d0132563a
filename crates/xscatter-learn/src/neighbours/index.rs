//! The nearest rows of a table: a matrix product finds candidates, exact distances decide.
//!
//! ```text
//! |x|² − 2 x·q orders rows x like |x − q|, and −2 x·q, for rows of length 1, like 1 − cos
//! ```
//!
//! Scores are off by rounding, so all rows within a bound of it of the k-th lowest score are candidates.
//! Which k rows win, and in what order, depends on exact distances and, where these are equal, on the
//! order of the rows: on nothing that the product did.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use crate::lanes::{LANES, Work, total, vectorised};
use crate::neighbours::Distance;
use crate::pairwise::{PANEL, Packed, Product};

/// Squares up to this leave room for sums and products of two.
const LARGEST_SQUARE: f32 = 1e37;

/// What is known of a table of rows before there is a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Index {
    metric: Distance,
    /// The rows; of length 1 for the cosine.
    packed: Packed,
    /// What is added to −2 x·q; infinite for the filling.
    offsets: Vec<f32>,
    largest_square: f32,
}

impl Index {
    /// Of rows with so many features, at least one of each.
    pub(super) fn new(metric: Distance, rows: &[f32], n_features: usize) -> Self {
        let squares: Vec<f32> = rows.chunks_exact(n_features).map(square).collect();
        let largest_square = squares.iter().copied().fold(0.0, f32::max);
        let (packed, mut offsets) = match metric {
            Distance::Euclidean => (Packed::new(rows, n_features), squares),
            Distance::Cosine => {
                let directions: Vec<f32> =
                    rows.chunks_exact(n_features).flat_map(direction).collect();
                (
                    Packed::new(&directions, n_features),
                    vec![0.0; squares.len()],
                )
            }
        };
        offsets.resize(packed.n_panels() * PANEL, f32::INFINITY);
        Self {
            metric,
            packed,
            offsets,
            largest_square,
        }
    }

    /// Hands over the distances and numbers of the k rows (all, if there are fewer) that are nearest to each
    /// query, the nearest first; `known` are the rows of [`new`](Self::new).
    pub(super) fn nearest(
        &self,
        known: &[f32],
        queries: &[f32],
        k: usize,
        mut each: impl FnMut(&[(f64, usize)]),
    ) {
        let n_features = self.packed.n_features();
        let k = k.min(self.packed.n_rows());
        let stride = self.packed.n_panels() * PANEL;
        let mut products = vec![0.0; queries.len() / n_features * stride];
        let panels = 0..self.packed.n_panels();
        match self.metric {
            Distance::Euclidean => self.packed.sums(Product, queries, panels, &mut products),
            Distance::Cosine => {
                let directions = queries.chunks_exact(n_features).flat_map(direction);
                let directions: Vec<f32> = directions.collect();
                self.packed
                    .sums(Product, &directions, panels, &mut products);
            }
        }
        let mut near = Near::default();
        let products = products.chunks_exact_mut(stride);
        for (query, products) in queries.chunks_exact(n_features).zip(products) {
            near.candidates.clear();
            if square(query).max(self.largest_square) > LARGEST_SQUARE {
                // Products may overflow: all rows are candidates.
                near.candidates.extend(0..self.packed.n_rows());
            } else {
                self.choose(k, square(query), products, &mut near);
            }
            near.rows.clear();
            vectorised(Exact {
                metric: self.metric,
                query,
                known,
                candidates: &near.candidates,
                out: &mut near.rows,
            });
            near.rows
                .sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            near.rows.truncate(k);
            each(&near.rows);
        }
    }

    /// Finds all rows that may be among the k nearest of a query; its products become scores.
    fn choose(&self, k: usize, own_square: f32, products: &mut [f32], near: &mut Near) {
        near.least.clear();
        near.least.resize(self.packed.n_panels(), 0.0);
        vectorised(Rough {
            scores: products,
            offsets: &self.offsets,
            least: &mut near.least,
        });
        // Twice the rounding of a sum of so many products bounds the error of a difference.
        let size = match self.metric {
            Distance::Euclidean => own_square + self.largest_square,
            Distance::Cosine => 2.0,
        };
        let margin = 4.0 * (self.packed.n_features() + 8) as f32 * f32::EPSILON * size;
        // As many panels have a score up to the k-th lowest of their lowest scores: so have k rows.
        near.scores.clone_from(&near.least);
        let limit = if k <= near.scores.len() {
            let (_, &mut kth, _) = near.scores.select_nth_unstable_by(k - 1, f32::total_cmp);
            kth + margin
        } else {
            f32::MAX
        };
        near.scores.clear();
        for (panel, scores) in products.chunks_exact(PANEL).enumerate() {
            if near.least[panel] > limit {
                continue;
            }
            for (place, &score) in scores.iter().enumerate() {
                if score <= limit {
                    near.scores.push(score);
                    near.candidates.push(panel * PANEL + place);
                }
            }
        }
        // Their own k-th lowest is a lower limit still.
        near.order.clone_from(&near.scores);
        let (_, &mut kth, _) = near.order.select_nth_unstable_by(k - 1, f32::total_cmp);
        let mut scores = near.scores.iter();
        near.candidates
            .retain(|_| scores.next().is_some_and(|score| *score <= kth + margin));
    }
}

/// Memory for one query after the other.
#[derive(Default)]
struct Near {
    /// The lowest score of each panel.
    least: Vec<f32>,
    scores: Vec<f32>,
    order: Vec<f32>,
    candidates: Vec<usize>,
    /// Distances and rows.
    rows: Vec<(f64, usize)>,
}

/// Products become scores, `offset − 2 product`; also the lowest of each panel.
struct Rough<'a> {
    scores: &'a mut [f32],
    offsets: &'a [f32],
    least: &'a mut [f32],
}

impl Work for Rough<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let (scores, _) = self.scores.as_chunks_mut::<PANEL>();
        let (offsets, _) = self.offsets.as_chunks::<PANEL>();
        for ((scores, offsets), least) in scores.iter_mut().zip(offsets).zip(self.least) {
            let mut lowest = [f32::INFINITY; LANES];
            for place in 0..PANEL {
                let score = offsets[place] - 2.0 * scores[place];
                scores[place] = score;
                let lane = place % LANES;
                lowest[lane] = if score < lowest[lane] {
                    score
                } else {
                    lowest[lane]
                };
            }
            *least = lowest.into_iter().fold(f32::INFINITY, f32::min);
        }
    }
}

/// Distances of a query to some rows, in double precision.
struct Exact<'a> {
    metric: Distance,
    query: &'a [f32],
    known: &'a [f32],
    candidates: &'a [usize],
    out: &'a mut Vec<(f64, usize)>,
}

impl Work for Exact<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let width = self.query.len();
        for &row in self.candidates {
            let other = &self.known[row * width..][..width];
            let distance = match self.metric {
                Distance::Euclidean => euclidean(self.query, other),
                Distance::Cosine => cosine(self.query, other),
            };
            self.out.push((distance, row));
        }
    }
}

fn square(row: &[f32]) -> f32 {
    row.iter().map(|x| x * x).sum()
}

/// Of length 1, or 0.
fn direction(row: &[f32]) -> Vec<f32> {
    let squares = row.iter().map(|&x| f64::from(x).powi(2));
    let length = squares.sum::<f64>().sqrt();
    let length = if length > 0.0 { length } else { 1.0 };
    row.iter()
        .map(|&x| (f64::from(x) / length) as f32)
        .collect()
}

/// The sum of terms of two rows, each lane on its own and then the lanes by halves.
#[inline(always)]
fn sum(a: &[f32], b: &[f32], term: impl Fn(f64, f64) -> f64) -> f64 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for place in 0..LANES {
            lanes[place] += term(f64::from(a[place]), f64::from(b[place]));
        }
    }
    let mut sum = total(lanes);
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        sum += term(f64::from(a), f64::from(b));
    }
    sum
}

#[inline(always)]
fn euclidean(a: &[f32], b: &[f32]) -> f64 {
    sum(a, b, |a, b| (a - b) * (a - b)).sqrt()
}

/// 0 for equal rows, without rounding.
#[inline(always)]
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let (aa, bb) = (sum(a, a, |a, _| a * a), sum(b, b, |b, _| b * b));
    let lengths = (aa * bb).sqrt();
    if lengths > 0.0 {
        (1.0 - sum(a, b, |a, b| a * b) / lengths).max(0.0)
    } else {
        1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows far from the origin, many of them equal, with one decimal.
    fn coarse(n_rows: usize, n_features: usize, seed: u64, scale: f32) -> Vec<f32> {
        (0..n_rows * n_features)
            .map(|k| {
                let place = xscatter_core::seed::derive(seed, k as u64) % 7;
                (100.0 + place as f32 / 10.0) * scale
            })
            .collect()
    }

    #[test]
    fn all_distances_one_by_one_give_the_same_neighbours() {
        for (n_features, scale) in [(3, 1.0), (3, 1e-30), (3, 1e17), (21, 1.0)] {
            let rows = coarse(700, n_features, 1, scale);
            let queries = coarse(101, n_features, 2, scale);
            for metric in [Distance::Euclidean, Distance::Cosine] {
                let index = Index::new(metric, &rows, n_features);
                for k in [1, 7, 40, 700, 1000] {
                    let mut queries_left = queries.chunks(n_features);
                    index.nearest(&rows, &queries, k, |near| {
                        let query = queries_left.next().unwrap();
                        let distance = |other| match metric {
                            Distance::Euclidean => euclidean(query, other),
                            Distance::Cosine => cosine(query, other),
                        };
                        let rows = rows.chunks(n_features).map(distance);
                        let mut all: Vec<(f64, usize)> =
                            rows.enumerate().map(|(row, d)| (d, row)).collect();
                        all.sort_by(|a, b| a.partial_cmp(b).unwrap());
                        all.truncate(k);
                        assert_eq!(near, all);
                    });
                    assert!(queries_left.next().is_none());
                }
            }
        }
    }
}
