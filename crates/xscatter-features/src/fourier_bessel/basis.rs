//! Radial functions on rings, and least squares with them.

use pulp::Arch;

use super::rings::{Observed, Rings};
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
        let mut solution = vec![0.0; right.len()];
        let is_settled = Arch::new()
            .dispatch(|| conjugate_gradients(self, &couplings, ridge, &right, &mut solution));
        if is_settled {
            return Ok(solution);
        }
        Err(Undefined::new(format!(
            "expected valid pixels that determine the coefficients, found {} of which the equations do not settle",
            observed.count
        )))
    }

    fn projections(&self, observed: &Observed, area: f64) -> Vec<f64> {
        let mut right = vec![0.0; self.size()];
        for ring in 0..self.rings.total() {
            let (cosines, sines) = observed.values.of_ring(ring);
            let radial = self.ring(ring);
            for (wave, right) in self.waves.iter().zip(right.chunks_exact_mut(self.stride)) {
                let order = self.orders[wave.order];
                let sum = if wave.is_sine {
                    sines[order]
                } else {
                    cosines[order]
                };
                let factor = self.norm(*wave) * sum / area;
                let radial = &radial[wave.order * self.stride..][..self.stride];
                for (right, radial) in right.iter_mut().zip(radial) {
                    *right += factor * radial;
                }
            }
        }
        right
    }

    /// Sums of the products of two waves over the valid pixels of each ring.
    fn couplings(&self, observed: &Observed, area: f64) -> Vec<f64> {
        let mut couplings = Vec::with_capacity(self.rings.total() * self.waves.len().pow(2));
        for ring in 0..self.rings.total() {
            let (cosines, sines) = observed.valid.of_ring(ring);
            for a in &self.waves {
                for b in &self.waves {
                    let (m, n) = (self.orders[a.order], self.orders[b.order]);
                    let (sum, difference) = (m + n, m.abs_diff(n));
                    let product = match (a.is_sine, b.is_sine) {
                        (false, false) => cosines[difference] + cosines[sum],
                        (true, true) => cosines[difference] - cosines[sum],
                        // sin(m − n) is odd.
                        (true, false) if m < n => sines[sum] - sines[difference],
                        (false, true) if m > n => sines[sum] - sines[difference],
                        (true, false) | (false, true) => sines[sum] + sines[difference],
                    };
                    couplings.push(0.5 * self.norm(*a) * self.norm(*b) * product / area);
                }
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

/// Solves `(A + ridge) x = b` from x = 0, with A applied ring by ring; whether it settled.
#[allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]
#[inline(always)]
fn conjugate_gradients(
    basis: &Basis,
    couplings: &[f64],
    ridge: f64,
    right: &[f64],
    solution: &mut [f64],
) -> bool {
    let mut residual = right.to_vec();
    let mut direction = right.to_vec();
    let mut image = vec![0.0; right.len()];
    let mut square = dot(right, right);
    let goal = TOLERANCE * TOLERANCE * square;
    for _ in 0..=PATIENCE * right.len() {
        if square <= goal {
            return true;
        }
        apply(basis, couplings, &direction, &mut image);
        add(&mut image, ridge, &direction);
        let curvature = dot(&direction, &image);
        if curvature <= 0.0 {
            return false;
        }
        let length = square / curvature;
        add(solution, length, &direction);
        add(&mut residual, -length, &image);
        let next = dot(&residual, &residual);
        for (direction, residual) in direction.iter_mut().zip(&residual) {
            *direction = residual + next / square * *direction;
        }
        square = next;
    }
    false
}

#[allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]
#[inline(always)]
fn apply(basis: &Basis, couplings: &[f64], from: &[f64], to: &mut [f64]) {
    let (number, stride) = (basis.waves.len(), basis.stride);
    let mut angular = vec![0.0; number];
    to.fill(0.0);
    for (ring, couplings) in couplings.chunks_exact(number * number).enumerate() {
        let radial = basis.ring(ring);
        let radial = |wave: &Wave| &radial[wave.order * stride..][..stride];
        for (angular, (wave, from)) in angular
            .iter_mut()
            .zip(basis.waves.iter().zip(from.chunks_exact(stride)))
        {
            *angular = dot(radial(wave), from);
        }
        let rows = couplings.chunks_exact(number);
        for ((wave, to), row) in basis
            .waves
            .iter()
            .zip(to.chunks_exact_mut(stride))
            .zip(rows)
        {
            let factor: f64 = dot(row, &angular);
            add(to, factor, radial(wave));
        }
    }
}

#[allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = rest_a.iter().zip(rest_b).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f64>() + rest
}

#[allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]
#[inline(always)]
fn add(sums: &mut [f64], factor: f64, terms: &[f64]) {
    for (sum, term) in sums.iter_mut().zip(terms) {
        *sum += factor * term;
    }
}
