//! Normal equations, by Cholesky's factors.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use super::vector::{Work, vectorised};

/// How many products are added at a time.
pub(crate) const TOGETHER: usize = 4;

/// The lower triangle of a symmetric matrix, row after row.
#[derive(Debug, Clone)]
pub(crate) struct Triangle {
    size: usize,
    entries: Vec<f64>,
}

impl Triangle {
    pub(crate) fn zeros(size: usize) -> Self {
        Self {
            size,
            entries: vec![0.0; size * (size + 1) / 2],
        }
    }

    /// The entries (row, 0) to (row, row).
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [f64] {
        let start = row * (row + 1) / 2;
        &mut self.entries[start..=start + row]
    }

    fn row(&self, row: usize) -> &[f64] {
        let start = row * (row + 1) / 2;
        &self.entries[start..=start + row]
    }

    /// Adds `Σ w v vᵀ` for a few vectors.
    pub(crate) fn add_products(
        &mut self,
        vectors: &[Vec<f64>; TOGETHER],
        weights: [f64; TOGETHER],
    ) {
        vectorised(AddProducts {
            matrix: self,
            vectors,
            weights,
        });
    }

    /// `L` with `L Lᵀ` this matrix; `None` where a pivot is not above `least`: the square of it is what is left
    /// of the variable's diagonal entry once those before it are accounted for.
    pub(crate) fn cholesky(mut self, least: f64) -> Option<Cholesky> {
        let mut is_definite = false;
        vectorised(Factorise {
            matrix: &mut self,
            least,
            is_definite: &mut is_definite,
        });
        is_definite.then_some(Cholesky(self))
    }
}

struct Factorise<'a> {
    matrix: &'a mut Triangle,
    least: f64,
    is_definite: &'a mut bool,
}

impl Work for Factorise<'_> {
    #[inline(always)]
    fn run(self) {
        for row in 0..self.matrix.size {
            let (above, below) = self.matrix.entries.split_at_mut(row * (row + 1) / 2);
            let current = &mut below[..=row];
            for column in 0..row {
                let start = column * (column + 1) / 2;
                let other = &above[start..=start + column];
                let sum = dot(&current[..column], &other[..column]);
                current[column] = (current[column] - sum) / other[column];
            }
            let pivot = current[row] - dot(&current[..row], &current[..row]);
            if pivot.is_nan() || pivot <= self.least {
                return;
            }
            current[row] = pivot.sqrt();
        }
        *self.is_definite = true;
    }
}

struct AddProducts<'a> {
    matrix: &'a mut Triangle,
    vectors: &'a [Vec<f64>; TOGETHER],
    weights: [f64; TOGETHER],
}

impl Work for AddProducts<'_> {
    #[inline(always)]
    fn run(self) {
        let size = self.matrix.size;
        let [a, b, c, d] = self.vectors.each_ref().map(|vector| &vector[..size]);
        for row in 0..size {
            let place = [a[row], b[row], c[row], d[row]];
            let [e, f, g, h]: [f64; TOGETHER] = std::array::from_fn(|k| self.weights[k] * place[k]);
            let others = a.iter().zip(b).zip(c).zip(d);
            for (entry, (((a, b), c), d)) in self.matrix.row_mut(row).iter_mut().zip(others) {
                *entry += (e * a + f * b) + (g * c + h * d);
            }
        }
    }
}

/// The factor of a positive definite matrix.
#[derive(Debug, Clone)]
pub(crate) struct Cholesky(Triangle);

impl Cholesky {
    /// Replaces the right-hand side by the solution.
    pub(crate) fn solve(&self, right: &mut [f64]) {
        for row in 0..self.0.size {
            let entries = self.0.row(row);
            let sum = dot(&right[..row], &entries[..row]);
            right[row] = (right[row] - sum) / entries[row];
        }
        for row in (0..self.0.size).rev() {
            let entries = self.0.row(row);
            right[row] /= entries[row];
            let value = right[row];
            for (right, entry) in right[..row].iter_mut().zip(entries) {
                *right -= value * entry;
            }
        }
    }
}

#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    const LANES: usize = 32;
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

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn solutions_solve_and_singular_matrices_have_none() {
        let size = 71;
        let entry = |i: usize, j: usize| {
            let diagonal = if i == j { 30.0 } else { 0.0 };
            diagonal + ((i * j + i + j) % 7) as f64 / 7.0
        };
        let mut matrix = Triangle::zeros(size);
        for i in 0..size {
            for (j, value) in matrix.row_mut(i).iter_mut().enumerate() {
                *value = entry(i, j);
            }
        }
        let truth: Vec<f64> = (0..size).map(|i| (i % 5) as f64 - 2.0).collect();
        let mut right: Vec<f64> = (0..size)
            .map(|i| (0..size).map(|j| entry(i, j) * truth[j]).sum())
            .collect();
        matrix.clone().cholesky(0.0).unwrap().solve(&mut right);
        for (found, truth) in right.iter().zip(truth) {
            assert_abs_diff_eq!(*found, truth, epsilon = 1e-12);
        }
        let last = matrix.row_mut(3).len() - 1;
        matrix.row_mut(3)[last] = -1.0;
        assert!(matrix.cholesky(0.0).is_none());
        assert!(Triangle::zeros(2).cholesky(0.0).is_none());
    }
}
