//! Symmetric positive definite matrices as L Lᵀ.

#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use pulp::Simd;
use xscatter_core::{Result, StopToken};

use crate::panels::{Work, dot, vectorised};

/// Rows between two looks at the stop token.
const LOOK: usize = 16;

/// The lower triangle of a decomposed matrix.
pub(crate) struct Cholesky {
    n: usize,
    /// Row after row, with what was above the diagonal left there.
    lower: Vec<f64>,
}

impl Cholesky {
    /// Decomposes a matrix, row after row; `None` unless all squares on the diagonal of L exceed `least`.
    pub(crate) fn new(
        matrix: Vec<f64>,
        n: usize,
        least: f64,
        stop: &StopToken,
    ) -> Result<Option<Self>> {
        vectorised(Decompose {
            lower: matrix,
            n,
            least,
            stop,
        })
    }

    /// L⁻¹ b.
    pub(crate) fn forward(&self, b: &mut [f64]) {
        for (place, row) in self.lower.chunks_exact(self.n).enumerate() {
            b[place] = (b[place] - dot(&row[..place], &b[..place])) / row[place];
        }
    }

    /// L⁻ᵀ b.
    pub(crate) fn back(&self, b: &mut [f64]) {
        for (place, row) in self.lower.chunks_exact(self.n).enumerate().rev() {
            b[place] /= row[place];
            let (before, from) = b.split_at_mut(place);
            for (b, l) in before.iter_mut().zip(row) {
                *b -= from[0] * l;
            }
        }
    }

    /// L⁻¹, row after row, with zeros above the diagonal.
    pub(crate) fn inverse(&self, stop: &StopToken) -> Result<Vec<f64>> {
        vectorised(Invert { of: self, stop })
    }

    /// The logarithm of the determinant of the matrix.
    pub(crate) fn ln_determinant(&self) -> f64 {
        let rows = self.lower.chunks_exact(self.n).enumerate();
        2.0 * rows.map(|(place, row)| row[place].ln()).sum::<f64>()
    }
}

struct Decompose<'a> {
    lower: Vec<f64>,
    n: usize,
    least: f64,
    stop: &'a StopToken,
}

impl Work for Decompose<'_> {
    type Output = Result<Option<Cholesky>>;

    #[inline(always)]
    fn run<S: Simd>(mut self, _: S) -> Self::Output {
        for i in 0..self.n {
            if i % LOOK == 0 {
                self.stop.check()?;
            }
            let (above, rest) = self.lower.split_at_mut(i * self.n);
            let row = &mut rest[..self.n];
            for (j, other) in above.chunks_exact(self.n).enumerate() {
                row[j] = (row[j] - dot(&row[..j], &other[..j])) / other[j];
            }
            let square = row[i] - dot(&row[..i], &row[..i]);
            // Neither is a square that is no number.
            if !(square > self.least && square.is_finite()) {
                return Ok(None);
            }
            row[i] = square.sqrt();
        }
        Ok(Some(Cholesky {
            n: self.n,
            lower: self.lower,
        }))
    }
}

struct Invert<'a> {
    of: &'a Cholesky,
    stop: &'a StopToken,
}

impl Work for Invert<'_> {
    type Output = Result<Vec<f64>>;

    #[inline(always)]
    fn run<S: Simd>(self, _: S) -> Result<Vec<f64>> {
        let n = self.of.n;
        let mut inverse = vec![0.0; n * n];
        for (i, lower) in self.of.lower.chunks_exact(n).enumerate() {
            if i % LOOK == 0 {
                self.stop.check()?;
            }
            let (above, rest) = inverse.split_at_mut(i * n);
            let row = &mut rest[..n];
            row[i] = 1.0;
            for ((j, above), l) in above.chunks_exact(n).enumerate().zip(lower) {
                for (sum, a) in row[..=j].iter_mut().zip(&above[..=j]) {
                    *sum -= l * a;
                }
            }
            for x in &mut row[..=i] {
                *x /= lower[i];
            }
        }
        Ok(inverse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn it_solves_and_inverts() {
        let stop = StopToken::new();
        let n = 21;
        let b: Vec<f64> = (0..n * n)
            .map(|i| ((i * 31 + 7) % 17) as f64 / 8.0 - 1.0)
            .collect();
        let mut matrix = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..n {
                let product: f64 = (0..n).map(|k| b[i * n + k] * b[j * n + k]).sum();
                matrix[i * n + j] = product + f64::from(u8::from(i == j));
            }
        }
        let cholesky = Cholesky::new(matrix.clone(), n, 0.0, &stop)
            .unwrap()
            .unwrap();
        let right: Vec<f64> = (0..n).map(|i| i as f64 - 9.0).collect();
        let mut x = right.clone();
        cholesky.forward(&mut x);
        cholesky.back(&mut x);
        for i in 0..n {
            assert_abs_diff_eq!(dot(&matrix[i * n..][..n], &x), right[i], epsilon = 1e-9);
        }
        // M⁻¹ = L⁻ᵀ L⁻¹.
        let inverse = cholesky.inverse(&stop).unwrap();
        for i in 0..n {
            let product: f64 = (0..n)
                .map(|k| {
                    inverse[k * n + i] * (0..n).map(|j| inverse[k * n + j] * right[j]).sum::<f64>()
                })
                .sum();
            assert_abs_diff_eq!(product, x[i], epsilon = 1e-9);
        }
        let determinant = Cholesky::new(vec![4.0, 0.0, 1.0, 2.5], 2, 0.0, &stop);
        assert_abs_diff_eq!(
            determinant.unwrap().unwrap().ln_determinant(),
            9.0_f64.ln(),
            epsilon = 1e-12
        );
    }

    #[test]
    fn a_singular_matrix_has_none() {
        let singular = vec![1.0, 2.0, 2.0, 4.0];
        let found = Cholesky::new(singular, 2, 1e-12, &StopToken::new()).unwrap();
        assert!(found.is_none());
    }
}
