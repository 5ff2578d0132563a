//! One number for each pair of rows: products, squared distances, sums of the smaller values.
//!
//! ```text
//! s = Σ aᵢ bᵢ      Σ (aᵢ − bᵢ)²      Σ min(aᵢ, bᵢ)
//! ```
//!
//! One table is [`Packed`] once; the other comes in blocks. Sums are in single precision, feature after
//! feature with fused multiply-adds, so the number of a pair depends on its two rows alone, neither on the
//! others nor on the processor. The cost is `rows · rows · features`; a core with AVX-512 forms some 10¹¹
//! terms a second. Squared distances are formed from differences: rows far from the origin lose nothing.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::ops::Range;

use pulp::{Simd, WithSimd};

use crate::lanes::ARCH;

/// So many packed rows lie side by side.
pub(crate) const PANEL: usize = 32;

/// Queries that are handed over together should be as many as this, or a multiple: no tile is partly empty.
pub(crate) const QUERIES: usize = 48;

/// What is summed over the features of two rows.
pub(crate) trait Term: Copy + Sync {
    fn add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, sum: S::f32s) -> S::f32s;
}

/// `a b`.
#[derive(Clone, Copy)]
pub(crate) struct Product;

/// `(a − b)²`.
#[derive(Clone, Copy)]
pub(crate) struct SquaredDifference;

/// `min(a, b)`.
#[derive(Clone, Copy)]
pub(crate) struct Smaller;

impl Term for Product {
    #[inline(always)]
    fn add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, sum: S::f32s) -> S::f32s {
        simd.mul_add_f32s(a, b, sum)
    }
}

impl Term for SquaredDifference {
    #[inline(always)]
    fn add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, sum: S::f32s) -> S::f32s {
        let difference = simd.sub_f32s(a, b);
        simd.mul_add_f32s(difference, difference, sum)
    }
}

impl Term for Smaller {
    #[inline(always)]
    fn add<S: Simd>(simd: S, a: S::f32s, b: S::f32s, sum: S::f32s) -> S::f32s {
        simd.add_f32s(sum, simd.min_f32s(a, b))
    }
}

/// Rows in panels of [`PANEL`], feature after feature; rows of zeros fill the last one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Packed {
    n_rows: usize,
    n_features: usize,
    panels: Vec<f32>,
}

impl Packed {
    /// Packs rows of so many features, at least one.
    pub(crate) fn new(rows: &[f32], n_features: usize) -> Self {
        let n_rows = rows.len() / n_features;
        let mut panels = vec![0.0; n_rows.div_ceil(PANEL) * PANEL * n_features];
        let of_panel = rows.chunks(PANEL * n_features);
        for (panel, rows) in panels.chunks_exact_mut(PANEL * n_features).zip(of_panel) {
            for (place, row) in rows.chunks_exact(n_features).enumerate() {
                for (features, &value) in panel.chunks_exact_mut(PANEL).zip(row) {
                    features[place] = value;
                }
            }
        }
        Self {
            n_rows,
            n_features,
            panels,
        }
    }

    pub(crate) fn n_rows(&self) -> usize {
        self.n_rows
    }

    pub(crate) fn n_features(&self) -> usize {
        self.n_features
    }

    pub(crate) fn n_panels(&self) -> usize {
        self.n_rows.div_ceil(PANEL)
    }

    /// The rows that were packed, one after the other.
    pub(crate) fn rows(&self) -> Vec<f32> {
        let mut rows = vec![0.0; self.n_rows * self.n_features];
        for (place, row) in rows.chunks_exact_mut(self.n_features).enumerate() {
            let panel = &self.panels[place / PANEL * PANEL * self.n_features..];
            for (value, features) in row.iter_mut().zip(panel.chunks_exact(PANEL)) {
                *value = features[place % PANEL];
            }
        }
        rows
    }

    /// The sum of each query (rows of as many features) with each row of these panels: queries × panel rows,
    /// the filling included.
    pub(crate) fn sums<T: Term>(
        &self,
        term: T,
        queries: &[f32],
        panels: Range<usize>,
        out: &mut [f32],
    ) {
        let size = PANEL * self.n_features;
        ARCH.dispatch(Sums {
            term,
            queries,
            n_features: self.n_features,
            panels: &self.panels[panels.start * size..panels.end * size],
            out,
        });
    }
}

struct Sums<'a, T> {
    term: T,
    queries: &'a [f32],
    n_features: usize,
    panels: &'a [f32],
    out: &'a mut [f32],
}

impl<T: Term> WithSimd for Sums<'_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many sums as there are registers, but for those of a feature.
        match S::F32_LANES {
            16 => self.tiles::<S, 12, 2, 1>(simd),
            8 => self.tiles::<S, 6, 2, 2>(simd),
            4 => self.tiles::<S, 6, 2, 4>(simd),
            _ => self.tiles::<S, 1, 8, 4>(simd),
        }
    }
}

impl<T: Term> Sums<'_, T> {
    /// `ROWS` queries at a time with `VECTORS` vectors of packed rows; `PARTS` times so many are a panel.
    #[inline(always)]
    fn tiles<S: Simd, const ROWS: usize, const VECTORS: usize, const PARTS: usize>(self, simd: S) {
        let Self {
            term,
            queries,
            n_features,
            panels,
            out,
        } = self;
        let n_queries = queries.len() / n_features;
        let whole = n_queries - n_queries % ROWS;
        let (queries, single) = queries.split_at(whole * n_features);
        let mut interleaved = vec![0.0; queries.len()];
        for (tile, queries) in interleaved
            .chunks_exact_mut(ROWS * n_features)
            .zip(queries.chunks_exact(ROWS * n_features))
        {
            for (row, query) in queries.chunks_exact(n_features).enumerate() {
                for (features, &value) in tile.chunks_exact_mut(ROWS).zip(query) {
                    features[row] = value;
                }
            }
        }
        let stride = panels.len() / n_features;
        for (place, panel) in panels.chunks_exact(PANEL * n_features).enumerate() {
            let (panel, _) = panel.as_chunks::<PANEL>();
            for part in 0..PARTS {
                let column = place * PANEL + part * VECTORS * S::F32_LANES;
                for (tile, query) in interleaved.chunks_exact(ROWS * n_features).enumerate() {
                    let (query, _) = query.as_chunks::<ROWS>();
                    let out = &mut out[tile * ROWS * stride + column..];
                    one::<S, T, ROWS, VECTORS>(simd, term, query, panel, part, out, stride);
                }
                for (row, query) in single.chunks_exact(n_features).enumerate() {
                    let (query, _) = query.as_chunks::<1>();
                    let out = &mut out[(whole + row) * stride + column..];
                    one::<S, T, 1, VECTORS>(simd, term, query, panel, part, out, stride);
                }
            }
        }
    }
}

#[inline(always)]
fn one<S: Simd, T: Term, const ROWS: usize, const VECTORS: usize>(
    simd: S,
    _: T,
    query: &[[f32; ROWS]],
    panel: &[[f32; PANEL]],
    part: usize,
    out: &mut [f32],
    stride: usize,
) {
    let mut sums = [[simd.splat_f32s(0.0); VECTORS]; ROWS];
    for (query, features) in query.iter().zip(panel) {
        let (vectors, _) = S::as_simd_f32s(features);
        let vectors = &vectors[part * VECTORS..][..VECTORS];
        for row in 0..ROWS {
            let x = simd.splat_f32s(query[row]);
            for place in 0..VECTORS {
                sums[row][place] = T::add(simd, x, vectors[place], sums[row][place]);
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let out = &mut out[row * stride..][..VECTORS * S::F32_LANES];
        let (out, _) = S::as_mut_simd_f32s(out);
        out.copy_from_slice(sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n_rows: usize, n_features: usize, seed: u64) -> Vec<f32> {
        (0..n_rows * n_features)
            .map(|k| (xscatter_core::seed::derive(seed, k as u64) % 2001) as f32 / 100.0 - 10.0)
            .collect()
    }

    fn check<T: Term>(term: T, plain: impl Fn(f64, f64) -> f64) {
        for (n_rows, n_queries, n_features) in [(1, 1, 1), (33, 13, 5), (70, 48, 37), (64, 50, 3)] {
            let (known, queries) = (rows(n_rows, n_features, 1), rows(n_queries, n_features, 2));
            let packed = Packed::new(&known, n_features);
            assert_eq!(packed.rows(), known);
            let stride = packed.n_panels() * PANEL;
            let mut out = vec![f32::NAN; n_queries * stride];
            packed.sums(term, &queries, 0..packed.n_panels(), &mut out);
            for (query, out) in queries.chunks(n_features).zip(out.chunks(stride)) {
                for (row, &found) in known.chunks(n_features).zip(out) {
                    let terms = query.iter().zip(row);
                    let exact: f64 = terms
                        .map(|(&a, &b)| plain(f64::from(a), f64::from(b)))
                        .sum();
                    assert!((f64::from(found) - exact).abs() < 1e-6 * 200.0 * n_features as f64);
                }
                // Alone it is the same.
                let mut alone = vec![f32::NAN; stride];
                packed.sums(term, query, 0..packed.n_panels(), &mut alone);
                assert_eq!(alone, out);
                let mut last = vec![f32::NAN; PANEL];
                packed.sums(
                    term,
                    query,
                    packed.n_panels() - 1..packed.n_panels(),
                    &mut last,
                );
                assert_eq!(last, out[stride - PANEL..]);
            }
        }
    }

    #[test]
    fn sums_are_what_they_say() {
        check(Product, |a, b| a * b);
        check(SquaredDifference, |a, b| (a - b).powi(2));
        check(Smaller, f64::min);
    }
}
