//! Pixels as angular harmonics on equidistant rings.
//!
//! Sums over pixels with functions `g(r) e^{−ilφ}` that are smooth on the scale of the rings are sums over the
//! rings: each pixel is shared among the sixteen rings about it with Lagrange's weights, which are exact for
//! polynomials of degree 15. For `g = cos(kr)` the error is below 1e-7 where `k` times the distance of two
//! rings is 0.8.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use pulp::{Arch, Simd, WithSimd};
use xscatter_core::PixelPosition;

/// How many rings share a pixel.
const STENCIL: usize = 16;

/// `k` times the distance of two rings for the fastest `cos(kr)`.
pub(super) const PHASE: f64 = 0.8;

/// Rings about a centre; the first few lie at negative radii and the last few outside of the disc.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rings {
    /// How many lie between the centre and the rim.
    pub(super) number: usize,
}

impl Rings {
    pub(super) fn total(self) -> usize {
        self.number + STENCIL
    }

    /// The radius of a ring over that of the disc.
    pub(super) fn radius(self, ring: usize) -> f64 {
        (ring as f64 - (STENCIL / 2 - 1) as f64) / self.number as f64
    }

    /// The first of the rings that share a pixel at a radius (of the disc: 0 to 1), and their shares.
    #[inline(always)]
    pub(super) fn shares(self, radius: f64) -> (usize, [f64; STENCIL]) {
        let place = radius * self.number as f64;
        let first = place.floor();
        (first as usize, lagrange(place - first))
    }
}

/// Lagrange's weights of points −7, …, 8 at t between 0 and 1.
#[inline(always)]
fn lagrange(t: f64) -> [f64; STENCIL] {
    // 1 / Π_{j ≠ i} (i − j).
    const SCALES: [f64; STENCIL] = {
        let mut scales = [1.0; STENCIL];
        let mut i = 0;
        while i < STENCIL {
            let mut j = 0;
            while j < STENCIL {
                if i != j {
                    scales[i] /= i as f64 - j as f64;
                }
                j += 1;
            }
            i += 1;
        }
        scales
    };
    let distance: [f64; STENCIL] =
        std::array::from_fn(|i| t - (i as f64 - (STENCIL / 2 - 1) as f64));
    let mut weights = SCALES;
    let (mut below, mut above) = (1.0, 1.0);
    for i in 0..STENCIL {
        weights[i] *= below;
        below *= distance[i];
        let j = STENCIL - 1 - i;
        weights[j] *= above;
        above *= distance[j];
    }
    weights
}

/// Where a disc lies in an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Disc {
    pub(super) centre: PixelPosition,
    pub(super) radius_px: f64,
}

/// Harmonics of the pixels on each ring: cosine and sine of the order 0, then of `step`, 2 `step`, …
#[derive(Debug)]
pub(super) struct Harmonics {
    /// Numbers a ring.
    width: usize,
    sums: Vec<f64>,
}

impl Harmonics {
    fn zeros(orders: usize, rings: Rings) -> Self {
        let width = width(orders);
        Self {
            width,
            sums: vec![0.0; width * rings.total()],
        }
    }

    /// Cosine and sine of each order, and of a few orders beyond.
    pub(super) fn of_ring(&self, ring: usize) -> &[[f64; 2]] {
        let sums = &self.sums[ring * self.width..(ring + 1) * self.width];
        sums.as_chunks::<2>().0
    }
}

/// How many numbers hold so many orders, in whole vectors.
pub(super) const fn width(orders: usize) -> usize {
    (2 * orders).next_multiple_of(8)
}

/// What the valid pixels of a disc are on rings.
#[derive(Debug)]
pub(super) struct Observed {
    /// Of 1 at every valid pixel, for orders up to twice the highest.
    pub(super) valid: Harmonics,
    /// Of the values, for orders up to the highest.
    pub(super) values: Harmonics,
    /// How many pixels are valid.
    pub(super) count: usize,
    /// The sum of the squares of their values.
    pub(super) squares: f64,
}

/// Sums harmonics over the valid pixels; orders are multiples of `step` up to `highest` times it.
pub(super) fn observe(
    values: &[f32],
    is_valid: impl Fn(usize) -> bool,
    columns: usize,
    disc: Disc,
    rings: Rings,
    step: usize,
    highest: usize,
) -> Observed {
    let mut observed = Observed {
        valid: Harmonics::zeros(2 * highest + 1, rings),
        values: Harmonics::zeros(highest + 1, rings),
        count: 0,
        squares: 0.0,
    };
    Arch::new().dispatch(Observe {
        values,
        is_valid,
        columns,
        disc,
        rings,
        step,
        observed: &mut observed,
    });
    observed
}

struct Observe<'a, F> {
    values: &'a [f32],
    is_valid: F,
    columns: usize,
    disc: Disc,
    rings: Rings,
    step: usize,
    observed: &'a mut Observed,
}

impl<F: Fn(usize) -> bool> WithSimd for Observe<'_, F> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Disc { centre, radius_px } = self.disc;
        let Observed {
            valid,
            values: weighted,
            count,
            squares,
        } = self.observed;
        let mut waves = vec![0.0; valid.width];
        for (row, values) in self.values.chunks_exact(self.columns).enumerate() {
            let y = (row as f64 + 0.5 - centre.row) / radius_px;
            if y.abs() > 1.0 {
                continue;
            }
            for (column, &value) in values.iter().enumerate() {
                let x = (column as f64 + 0.5 - centre.column) / radius_px;
                let radius = (x * x + y * y).sqrt();
                if radius > 1.0 || !(self.is_valid)(row * self.columns + column) {
                    continue;
                }
                let value = f64::from(value);
                *count += 1;
                *squares += value * value;
                powers(turn(x, y, radius, self.step), &mut waves);
                let (first, shares) = self.rings.shares(radius);
                for (ring, share) in (first..).zip(shares) {
                    let start = valid.width * ring;
                    let sums = &mut valid.sums[start..start + valid.width];
                    add(simd, sums, share, &waves);
                    let start = weighted.width * ring;
                    let sums = &mut weighted.sums[start..start + weighted.width];
                    add(simd, sums, share * value, &waves[..weighted.width]);
                }
            }
        }
    }
}

/// `e^{i step φ}`; 1 in the centre itself.
#[inline(always)]
pub(super) fn turn(x: f64, y: f64, radius: f64, step: usize) -> (f64, f64) {
    if radius == 0.0 {
        return (1.0, 0.0);
    }
    let turn = (x / radius, y / radius);
    (0..step).fold((1.0, 0.0), |power, _| times(power, turn))
}

#[inline(always)]
fn times(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

/// Powers 0, 1, … of a complex number, real and imaginary parts by turns; as many as whole vectors hold.
#[inline(always)]
pub(super) fn powers(of: (f64, f64), out: &mut [f64]) {
    // Four at a time, so that one does not wait for the other.
    let square = times(of, of);
    let mut four = [(1.0, 0.0), of, square, times(square, of)];
    let fourth = times(square, square);
    for out in out.as_chunks_mut::<8>().0 {
        for (k, power) in four.iter_mut().enumerate() {
            (out[2 * k], out[2 * k + 1]) = *power;
            *power = times(*power, fourth);
        }
    }
}

#[inline(always)]
pub(super) fn add<S: Simd>(simd: S, sums: &mut [f64], factor: f64, terms: &[f64]) {
    let ((sums, rest), (terms, rest_terms)) = (S::as_mut_simd_f64s(sums), S::as_simd_f64s(terms));
    let splat = simd.splat_f64s(factor);
    for (sum, &term) in sums.iter_mut().zip(terms) {
        *sum = simd.mul_add_e_f64s(splat, term, *sum);
    }
    for (sum, term) in rest.iter_mut().zip(rest_terms) {
        *sum += factor * term;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn sums_over_rings_are_sums_over_pixels() {
        let (rows, columns) = (37, 45);
        let values: Vec<f32> = (0..rows * columns).map(|k| (k * 13 % 31) as f32).collect();
        let disc = Disc {
            centre: PixelPosition {
                row: 17.3,
                column: 20.9,
            },
            radius_px: 19.0,
        };
        let rings = Rings { number: 50 };
        let is_valid = |index: usize| index % 7 != 3;
        let observed = observe(&values, is_valid, columns, disc, rings, 2, 3);
        // The fastest wave that the rings are made for.
        let k = PHASE * 50.0;
        for order in 0..=6 {
            let mut expected = [0.0; 4];
            let mut count = 0;
            for (index, &value) in values.iter().enumerate() {
                let y = ((index / columns) as f64 + 0.5 - 17.3) / 19.0;
                let x = ((index % columns) as f64 + 0.5 - 20.9) / 19.0;
                let (r, angle) = (x.hypot(y), 2.0 * f64::from(order) * y.atan2(x));
                if r <= 1.0 && is_valid(index) {
                    let wave = (k * r).cos();
                    let v = f64::from(value);
                    expected[0] += wave * angle.cos();
                    expected[1] += wave * angle.sin();
                    expected[2] += v * wave * angle.cos();
                    expected[3] += v * wave * angle.sin();
                    count += 1;
                }
            }
            assert_eq!(observed.count, count);
            let mut found = [0.0; 4];
            for ring in 0..rings.total() {
                let wave = (k * rings.radius(ring)).cos();
                let [cosine, sine] = observed.valid.of_ring(ring)[order as usize];
                found[0] += wave * cosine;
                found[1] += wave * sine;
                if order <= 3 {
                    let [cosine, sine] = observed.values.of_ring(ring)[order as usize];
                    found[2] += wave * cosine;
                    found[3] += wave * sine;
                }
            }
            let some = if order <= 3 { 4 } else { 2 };
            for (found, expected) in found.iter().zip(expected).take(some) {
                assert_abs_diff_eq!(*found, expected, epsilon = 2e-3);
            }
        }
    }

    #[test]
    fn shares_reproduce_waves() {
        let rings = Rings { number: 40 };
        for step in 0..=400 {
            let r = f64::from(step) / 400.0;
            let (first, shares) = rings.shares(r);
            let k = PHASE * 40.0;
            let wave: f64 = (first..)
                .zip(shares)
                .map(|(ring, share)| share * (k * rings.radius(ring)).cos())
                .sum();
            assert_abs_diff_eq!(wave, (k * r).cos(), epsilon = 1e-7);
            assert_abs_diff_eq!(shares.iter().sum::<f64>(), 1.0, epsilon = 1e-13);
        }
    }
}
