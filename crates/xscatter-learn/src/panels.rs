//! Rows in panels of eight, for products with few columns.
//!
//! A general matrix product packs its large operand anew in every call, which is most of the work when
//! the other one has a handful of columns. Here the rows are packed once, feature after feature with eight
//! rows side by side, and a product runs over them in vector instructions.
//!
//! ```text
//! scores    s_rk = b_k + Σ_j x_rj w_jk          products    g_jk = Σ_r x_rj s_rk
//! ```
//!
//! All arithmetic is `f64` without fused multiply-add, and eight rows are eight lanes, in one, two or more
//! registers: the bits are the same on every processor, and those of a row's scores depend on it alone. The last panel is padded with
//! zeros. Cost: rows · features · columns.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]
#![allow(
    clippy::needless_range_loop,
    reason = "several lanes are walked in step"
)]

use pulp::{Arch, Simd, WithSimd};

/// Rows side by side: one AVX-512 register of `f64`.
pub(crate) const LANES: usize = 8;

/// The values of eight rows.
pub(crate) type Lane = [f64; LANES];

/// Work that gains from wide instructions; everything it calls must be inlined into it.
pub(crate) trait Work {
    type Output;
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

struct Vectorised<W>(W);

impl<W: Work> WithSimd for Vectorised<W> {
    type Output = W::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> W::Output {
        self.0.run(simd)
    }
}

/// Runs `work` as compiled for the widest instructions that this processor has.
pub(crate) fn vectorised<W: Work>(work: W) -> W::Output {
    Arch::new().dispatch(Vectorised(work))
}

/// Rows × features as panels × features × lanes.
pub(crate) fn pack(rows: &[f32], n_features: usize) -> Vec<f64> {
    let mut panels = vec![0.0; rows.len().div_ceil(n_features * LANES) * n_features * LANES];
    let of_rows = rows.chunks(n_features * LANES);
    for (panel, rows) in panels.chunks_exact_mut(n_features * LANES).zip(of_rows) {
        for (lane, row) in rows.chunks_exact(n_features).enumerate() {
            for (place, &value) in panel.chunks_exact_mut(LANES).zip(row) {
                place[lane] = value.into();
            }
        }
    }
    panels
}

/// Scores of rows: rows × outputs from features × outputs weights and an offset for each output.
pub(crate) fn scores(rows: &[f32], weights: &[f64], offsets: &[f64], out: &mut [f64]) {
    let n_outputs = offsets.len();
    let n_features = weights.len() / n_outputs;
    let panels = pack(rows, n_features);
    let mut lanes = vec![[0.0; LANES]; panels.len() / (n_features * LANES) * n_outputs];
    vectorised(Scores {
        panels: &panels,
        n_features,
        weights,
        offsets,
        out: &mut lanes,
    });
    let lanes = lanes.chunks_exact(n_outputs);
    for (out, lanes) in out.chunks_mut(n_outputs * LANES).zip(lanes) {
        for (row, out) in out.chunks_exact_mut(n_outputs).enumerate() {
            for (out, lane) in out.iter_mut().zip(lanes) {
                *out = lane[row];
            }
        }
    }
}

/// Panels × the squared length of the scores of each row, where score k sees features up to k alone.
pub(crate) fn square_lengths(panels: &[f64], weights: &[f64], offsets: &[f64]) -> Vec<Lane> {
    vectorised(SquareLengths {
        panels,
        weights,
        offsets,
    })
}

struct SquareLengths<'a> {
    panels: &'a [f64],
    weights: &'a [f64],
    offsets: &'a [f64],
}

impl Work for SquareLengths<'_> {
    type Output = Vec<Lane>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Vec<Lane> {
        let n = self.offsets.len();
        let n_panels = self.panels.len() / (n * LANES);
        let mut scores = vec![[0.0; LANES]; n_panels * n];
        panel_scores::<S, true>(
            simd,
            self.panels,
            n,
            self.weights,
            self.offsets,
            &mut scores,
        );
        let mut out = Vec::with_capacity(n_panels);
        for scores in scores.chunks_exact(n) {
            let mut sums = [0.0; LANES];
            for score in scores {
                for lane in 0..LANES {
                    sums[lane] += score[lane] * score[lane];
                }
            }
            out.push(sums);
        }
        out
    }
}

struct Scores<'a> {
    panels: &'a [f64],
    n_features: usize,
    weights: &'a [f64],
    offsets: &'a [f64],
    out: &'a mut [Lane],
}

impl Work for Scores<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        panel_scores::<S, false>(
            simd,
            self.panels,
            self.n_features,
            self.weights,
            self.offsets,
            self.out,
        );
    }
}

/// Panels × outputs, eight rows each; to be called within [`vectorised`]. In a triangle, output k has no
/// weight for features beyond k.
#[inline(always)]
pub(crate) fn panel_scores<S: Simd, const TRIANGLE: bool>(
    simd: S,
    panels: &[f64],
    n_features: usize,
    weights: &[f64],
    offsets: &[f64],
    out: &mut [Lane],
) {
    let n_outputs = offsets.len();
    let mut first = 0;
    while first < n_outputs {
        let width = share(n_outputs - first, 8);
        let seen = if TRIANGLE { first + width } else { n_features };
        for (panel, out) in panels
            .chunks_exact(n_features * LANES)
            .zip(out.chunks_exact_mut(n_outputs))
        {
            let turn = Turn {
                panels: S::as_simd_f64s(&panel[..seen * LANES]).0,
                weights: &weights[first..],
                stride: n_outputs,
                offsets: &offsets[first..],
            };
            let out = S::as_mut_simd_f64s(out[first..][..width].as_flattened_mut()).0;
            match width {
                1 => score_some::<S, 1>(simd, &turn, out),
                2 => score_some::<S, 2>(simd, &turn, out),
                3 => score_some::<S, 3>(simd, &turn, out),
                4 => score_some::<S, 4>(simd, &turn, out),
                5 => score_some::<S, 5>(simd, &turn, out),
                6 => score_some::<S, 6>(simd, &turn, out),
                7 => score_some::<S, 7>(simd, &turn, out),
                _ => score_some::<S, 8>(simd, &turn, out),
            }
        }
        first += width;
    }
}

/// How many of so many columns to treat next, so that none of the turns is much shorter than others.
#[inline(always)]
fn share(left: usize, most: usize) -> usize {
    left.div_ceil(left.div_ceil(most))
}

/// A panel and the weights of some outputs.
struct Turn<'a, S: Simd> {
    panels: &'a [S::f64s],
    weights: &'a [f64],
    stride: usize,
    offsets: &'a [f64],
}

#[inline(always)]
fn score_some<S: Simd, const K: usize>(simd: S, turn: &Turn<'_, S>, out: &mut [S::f64s]) {
    let parts = LANES / S::F64_LANES;
    for part in 0..parts {
        let mut sums = [simd.splat_f64s(0.0); K];
        for k in 0..K {
            sums[k] = simd.splat_f64s(turn.offsets[k]);
        }
        let lanes = turn.panels.chunks_exact(parts);
        for (x, weights) in lanes.zip(turn.weights.chunks(turn.stride)) {
            let (x, weights) = (x[part], &weights[..K]);
            for k in 0..K {
                let product = simd.mul_f64s(x, simd.splat_f64s(weights[k]));
                sums[k] = simd.add_f64s(sums[k], product);
            }
        }
        for k in 0..K {
            out[k * parts + part] = sums[k];
        }
    }
}

/// Features × outputs: the product of the panels, transposed, with panels × outputs values; to be called
/// within [`vectorised`].
#[inline(always)]
pub(crate) fn panel_products<S: Simd>(
    simd: S,
    panels: &[f64],
    n_features: usize,
    values: &[Lane],
    n_outputs: usize,
    out: &mut [f64],
) {
    let mut first = 0;
    while first < n_outputs {
        let width = share(n_outputs - first, 4);
        let values = &values[first..];
        for feature in (0..n_features).step_by(2) {
            let panels = &panels[feature * LANES..];
            let out = &mut out[feature * n_outputs + first..];
            let pair = feature + 1 < n_features;
            let shape = (n_features, n_outputs);
            match (width, pair) {
                (1, true) => product_some::<S, 1, 2>(simd, panels, values, shape, out),
                (2, true) => product_some::<S, 2, 2>(simd, panels, values, shape, out),
                (3, true) => product_some::<S, 3, 2>(simd, panels, values, shape, out),
                (4, true) => product_some::<S, 4, 2>(simd, panels, values, shape, out),
                (1, false) => product_some::<S, 1, 1>(simd, panels, values, shape, out),
                (2, false) => product_some::<S, 2, 1>(simd, panels, values, shape, out),
                (3, false) => product_some::<S, 3, 1>(simd, panels, values, shape, out),
                _ => product_some::<S, 4, 1>(simd, panels, values, shape, out),
            }
        }
        first += width;
    }
}

#[inline(always)]
fn product_some<S: Simd, const K: usize, const F: usize>(
    simd: S,
    panels: &[f64],
    values: &[Lane],
    (n_features, n_outputs): (usize, usize),
    out: &mut [f64],
) {
    let parts = LANES / S::F64_LANES;
    let mut lanes = [[[0.0; LANES]; K]; F];
    for part in 0..parts {
        let mut sums = [[simd.splat_f64s(0.0); K]; F];
        for (x, values) in panels
            .chunks(n_features * LANES)
            .zip(values.chunks(n_outputs))
        {
            let x = S::as_simd_f64s(&x[..F * LANES]).0;
            let values = S::as_simd_f64s(values[..K].as_flattened()).0;
            for f in 0..F {
                let x = x[f * parts + part];
                for k in 0..K {
                    let product = simd.mul_f64s(x, values[k * parts + part]);
                    sums[f][k] = simd.add_f64s(sums[f][k], product);
                }
            }
        }
        for f in 0..F {
            for k in 0..K {
                S::as_mut_simd_f64s(&mut lanes[f][k]).0[part] = sums[f][k];
            }
        }
    }
    for f in 0..F {
        for k in 0..K {
            out[f * n_outputs + k] = lanes[f][k].iter().sum();
        }
    }
}

/// Σ aᵢ bᵢ in eight sums side by side.
#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

/// Added to a number below 2⁵¹ it leaves the nearest integer in the lowest bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// ln 2 in two parts, the first of 32 bits.
const LN_2_PARTS: [f64; 2] = [6.931_471_803_691_238e-1, 1.908_214_929_270_587_7e-10];

/// eˣ for x of 0 or less; below e⁻⁷⁰⁰ it stays at that.
#[inline(always)]
pub(crate) fn exp(x: &mut Lane) {
    for x in x {
        let z = x.max(-700.0);
        let shifted = z * std::f64::consts::LOG2_E + ROUND;
        let power = shifted - ROUND;
        let r = (z - power * LN_2_PARTS[0]) - power * LN_2_PARTS[1];
        // The Taylor series to r¹³: |r| ≤ ln 2/2, so that the next term is below 5e-18.
        let mut sum = 1.0 / 6_227_020_800.0;
        for factorial in [
            479_001_600.0,
            39_916_800.0,
            3_628_800.0,
            362_880.0,
            40_320.0,
            5_040.0,
            720.0,
            120.0,
            24.0,
            6.0,
            2.0,
            1.0,
            1.0,
        ] {
            sum = sum * r + 1.0 / factorial;
        }
        let exponent = (shifted.to_bits().wrapping_add(1023)) << 52;
        *x = sum * f64::from_bits(exponent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::{assert_abs_diff_eq, assert_relative_eq};

    struct Products<'a> {
        panels: &'a [f64],
        n_features: usize,
        values: &'a [Lane],
        n_outputs: usize,
    }

    impl Work for Products<'_> {
        type Output = Vec<f64>;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Vec<f64> {
            let (n_features, n_outputs) = (self.n_features, self.n_outputs);
            let mut out = vec![0.0; n_features * n_outputs];
            panel_products(
                simd,
                self.panels,
                n_features,
                self.values,
                n_outputs,
                &mut out,
            );
            out
        }
    }

    fn value(place: usize) -> f64 {
        ((place * 37 + 11) % 101) as f64 / 25.0 - 2.0
    }

    #[test]
    fn products_are_those_of_plain_loops() {
        for (n_rows, n_features, n_outputs) in [(1, 1, 1), (19, 7, 3), (16, 4, 8), (33, 5, 13)] {
            let rows: Vec<f32> = (0..n_rows * n_features).map(|i| value(i) as f32).collect();
            let weights: Vec<f64> = (0..n_features * n_outputs).map(|i| value(i + 5)).collect();
            let offsets: Vec<f64> = (0..n_outputs).map(|i| value(i + 50)).collect();
            let mut out = vec![0.0; n_rows * n_outputs];
            scores(&rows, &weights, &offsets, &mut out);
            for r in 0..n_rows {
                for k in 0..n_outputs {
                    let plain: f64 = (0..n_features)
                        .map(|j| f64::from(rows[r * n_features + j]) * weights[j * n_outputs + k])
                        .sum();
                    let ours = out[r * n_outputs + k];
                    assert_abs_diff_eq!(ours, plain + offsets[k], epsilon = 1e-12);
                }
            }
            let panels = pack(&rows, n_features);
            let mut values = vec![[0.0; LANES]; n_rows.div_ceil(LANES) * n_outputs];
            for r in 0..n_rows {
                for k in 0..n_outputs {
                    values[r / LANES * n_outputs + k][r % LANES] = out[r * n_outputs + k];
                }
            }
            let products = vectorised(Products {
                panels: &panels,
                n_features,
                values: &values,
                n_outputs,
            });
            for j in 0..n_features {
                for k in 0..n_outputs {
                    let plain: f64 = (0..n_rows)
                        .map(|r| f64::from(rows[r * n_features + j]) * out[r * n_outputs + k])
                        .sum();
                    assert_abs_diff_eq!(products[j * n_outputs + k], plain, epsilon = 1e-10);
                }
            }
        }
    }

    #[test]
    fn the_exponential_is_exact_to_rounding() {
        for place in 0..7000 {
            let x = -0.1 * f64::from(place) - 0.037;
            let mut lane = [x; LANES];
            exp(&mut lane);
            assert_relative_eq!(lane[3], x.exp(), max_relative = 4e-16);
        }
        let mut far = [
            -1e300,
            f64::NEG_INFINITY,
            0.0,
            -0.0,
            -745.0,
            -1.0,
            -700.0,
            -1e-300,
        ];
        exp(&mut far);
        assert!(far[0] < 1e-300 && far[1] < 1e-300);
        assert_eq!(far[2..4], [1.0, 1.0]);
    }
}
