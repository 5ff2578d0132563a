//! Radial functions on rings, and least squares with them.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use pulp::{Arch, Simd, WithSimd};

use super::rings::{Observed, Rings, add};
use crate::measured::Undefined;

/// A function of the angle: 1, √2 cos mφ or √2 sin mφ.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wave {
    /// Which of the orders.
    pub(super) order: usize,
    pub(super) is_sine: bool,
}

/// Orthonormal real functions on the unit disc, sampled on rings.
#[derive(Debug, Clone)]
pub(super) struct Basis {
    pub(super) rings: Rings,
    /// Angular orders over their common step.
    orders: Vec<usize>,
    pub(super) waves: Vec<Wave>,
    /// Radial functions of an order, rounded up to whole vectors; those beyond are 0.
    pub(super) stride: usize,
    /// Ring by ring, order by order, all radial functions.
    radial: Vec<f64>,
}

const LANES: usize = 8;

impl Basis {
    /// From the zeros of each order; `orders` are multiples of `step`.
    pub(super) fn new(orders: &[u32], step: u32, zeros: &[Vec<f64>], rings: Rings) -> Self {
        let number = zeros.first().map_or(0, Vec::len);
        let stride = number.next_multiple_of(LANES);
        let mut radial = vec![0.0; rings.total() * orders.len() * stride];
        let scales: Vec<Vec<f64>> = orders
            .iter()
            .zip(zeros)
            .map(|(&m, zeros)| zeros.iter().map(|&zero| scale(m, zero)).collect())
            .collect();
        let rows = radial.chunks_exact_mut(stride);
        for (row, (ring, order)) in
            rows.zip((0..rings.total()).flat_map(|ring| (0..orders.len()).map(move |o| (ring, o))))
        {
            let radius = rings.radius(ring);
            let functions = scales[order].iter().zip(&zeros[order]);
            for (value, (scale, zero)) in row.iter_mut().zip(functions) {
                *value = scale * libm::jn(orders[order] as i32, zero * radius);
            }
        }
        let waves = orders.iter().enumerate().flat_map(|(order, &m)| {
            let kinds: &[bool] = if m == 0 { &[false] } else { &[false, true] };
            kinds.iter().map(move |&is_sine| Wave { order, is_sine })
        });
        Self {
            rings,
            waves: waves.collect(),
            orders: orders.iter().map(|&m| (m / step) as usize).collect(),
            stride,
            radial,
        }
    }

    /// How many numbers describe a function.
    pub(super) fn size(&self) -> usize {
        self.waves.len() * self.stride
    }

    fn ring(&self, ring: usize) -> &[f64] {
        let width = self.orders.len() * self.stride;
        &self.radial[ring * width..(ring + 1) * width]
    }

    fn norm(&self, wave: Wave) -> f64 {
        if self.orders[wave.order] == 0 {
            1.0
        } else {
            std::f64::consts::SQRT_2
        }
    }

    /// The angular parts of a function on a ring.
    pub(super) fn angular(&self, coefficients: &[f64], ring: usize, out: &mut [f64]) {
        let radial = self.ring(ring);
        let functions = self
            .waves
            .iter()
            .zip(coefficients.chunks_exact(self.stride));
        for (out, (wave, coefficients)) in out.iter_mut().zip(functions) {
            let radial = &radial[wave.order * self.stride..][..self.stride];
            let sum: f64 = radial.iter().zip(coefficients).map(|(a, b)| a * b).sum();
            *out = self.norm(*wave) * sum;
        }
    }

    /// The function of the least `Σ (value − function)² + ridge · area · Σ coefficient²` over the observed
    /// pixels, where `area` is the squared radius in pixels.
    pub(super) fn fit(
        &self,
        observed: &Observed,
        area: f64,
        ridge: f64,
    ) -> Result<Vec<f64>, Undefined> {
        let right = self.projections(observed, area);
        let couplings = self.couplings(observed, area);
        let equations = Equations {
            basis: self,
            couplings: &couplings,
            ridge,
            right: &right,
        };
        Arch::new().dispatch(equations).ok_or_else(|| {
            let count = observed.count;
            Undefined::new(format!(
                "expected valid pixels that determine the coefficients, found {count} of which the equations do not settle"
            ))
        })
    }

    fn projections(&self, observed: &Observed, area: f64) -> Vec<f64> {
        let mut right = vec![0.0; self.size()];
        for ring in 0..self.rings.total() {
            let harmonics = observed.values.of_ring(ring);
            let radial = self.ring(ring);
            for (wave, right) in self.waves.iter().zip(right.chunks_exact_mut(self.stride)) {
                let order = self.orders[wave.order];
                let sum = harmonics[order][usize::from(wave.is_sine)];
                let factor = self.norm(*wave) * sum / area;
                let radial = &radial[wave.order * self.stride..][..self.stride];
                for (right, radial) in right.iter_mut().zip(radial) {
                    *right += factor * radial;
                }
            }
        }
        right
    }

    /// Sums of the products of two waves over the valid pixels of each ring, in rows of whole vectors.
    fn couplings(&self, observed: &Observed, area: f64) -> Vec<f64> {
        let (number, width) = (self.waves.len(), self.waves.len().next_multiple_of(LANES));
        let mut couplings = Vec::with_capacity(self.rings.total() * number * width);
        for ring in 0..self.rings.total() {
            let harmonics = observed.valid.of_ring(ring);
            for a in &self.waves {
                for b in &self.waves {
                    let (m, n) = (self.orders[a.order], self.orders[b.order]);
                    let (sum, difference) = (m + n, m.abs_diff(n));
                    let [(c_sum, s_sum), (c_difference, s_difference)] =
                        [sum, difference].map(|order| harmonics[order].into());
                    let product = match (a.is_sine, b.is_sine) {
                        (false, false) => c_difference + c_sum,
                        (true, true) => c_difference - c_sum,
                        // sin(m − n) is odd.
                        (true, false) if m < n => s_sum - s_difference,
                        (false, true) if m > n => s_sum - s_difference,
                        (true, false) | (false, true) => s_sum + s_difference,
                    };
                    couplings.push(0.5 * self.norm(*a) * self.norm(*b) * product / area);
                }
                couplings.resize(couplings.len() + width - number, 0.0);
            }
        }
        couplings
    }
}

/// `√2 / J_{m+1}(x) / √(2π)`.
fn scale(m: u32, zero: f64) -> f64 {
    1.0 / (libm::jn(m as i32 + 1, zero) * std::f64::consts::PI.sqrt())
}

/// The residual, relative to the right-hand side, at which a solution is one.
const TOLERANCE: f64 = 1e-12;

/// How many steps to take, times the number of unknowns.
const PATIENCE: usize = 4;

/// Solves `(A + ridge) x = b` by conjugate gradients from x = 0, with A applied ring by ring.
struct Equations<'a> {
    basis: &'a Basis,
    couplings: &'a [f64],
    ridge: f64,
    right: &'a [f64],
}

impl WithSimd for Equations<'_> {
    type Output = Option<Vec<f64>>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Option<Vec<f64>> {
        let mut solution = vec![0.0; self.right.len()];
        let mut residual = self.right.to_vec();
        let mut direction = self.right.to_vec();
        let mut image = vec![0.0; self.right.len()];
        let mut square = dot(simd, self.right, self.right);
        let goal = TOLERANCE * TOLERANCE * square;
        for _ in 0..=PATIENCE * self.right.len() {
            if square <= goal {
                return Some(solution);
            }
            self.apply(simd, &direction, &mut image);
            add(simd, &mut image, self.ridge, &direction);
            let curvature = dot(simd, &direction, &image);
            if curvature <= 0.0 {
                return None;
            }
            let length = square / curvature;
            add(simd, &mut solution, length, &direction);
            add(simd, &mut residual, -length, &image);
            let next = dot(simd, &residual, &residual);
            for (direction, residual) in direction.iter_mut().zip(&residual) {
                *direction = residual + next / square * *direction;
            }
            square = next;
        }
        None
    }
}

impl Equations<'_> {
    #[inline(always)]
    fn apply<S: Simd>(&self, simd: S, from: &[f64], to: &mut [f64]) {
        let Basis { stride, waves, .. } = self.basis;
        let width = waves.len().next_multiple_of(LANES);
        let mut angular = vec![0.0; width];
        to.fill(0.0);
        let rings = self.couplings.chunks_exact(width * waves.len());
        for (ring, couplings) in rings.enumerate() {
            let radial = self.basis.ring(ring);
            for (k, wave) in waves.iter().enumerate() {
                let radial = &radial[wave.order * stride..(wave.order + 1) * stride];
                angular[k] = dot(simd, radial, &from[k * stride..(k + 1) * stride]);
            }
            for (k, wave) in waves.iter().enumerate() {
                let radial = &radial[wave.order * stride..(wave.order + 1) * stride];
                let factor = dot(simd, &couplings[k * width..(k + 1) * width], &angular);
                add(simd, &mut to[k * stride..(k + 1) * stride], factor, radial);
            }
        }
    }
}

#[inline(always)]
fn dot<S: Simd>(simd: S, a: &[f64], b: &[f64]) -> f64 {
    let ((a, rest_a), (b, rest_b)) = (S::as_simd_f64s(a), S::as_simd_f64s(b));
    let mut sum = simd.splat_f64s(0.0);
    for (&a, &b) in a.iter().zip(b) {
        sum = simd.mul_add_e_f64s(a, b, sum);
    }
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    simd.reduce_sum_f64s(sum) + rest
}
