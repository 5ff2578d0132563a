//! Eigenvalues and eigenvectors of a symmetric matrix.
//!
//! Householder reflections make the matrix tridiagonal, implicit QL steps make that diagonal, and only the
//! eigenvectors that are asked for are turned back. Everything runs over contiguous rows, compiled by
//! `pulp` for the widest instructions of the processor and without fused operations, so that the bits of a
//! result are the same on every processor. Cost: about 7 n³ operations and 2 n² numbers; 256 × 256 takes some
//! ten milliseconds.
//!
//! Source: Golub and Van Loan, Matrix Computations, 4th ed. 2013, algorithms 8.3.1 and 8.3.2 (there with QR
//! steps).
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use ndarray::Array2;
use pulp::{Arch, Simd, WithSimd};
use xscatter_core::{Error, ErrorKind, Result, StopToken};

/// QL steps for one eigenvalue at most; three are usual.
const STEPS: usize = 60;
/// So many partial sums of a scalar product.
const LANES: usize = 16;

/// Eigenvalues in descending order with the eigenvectors of the first of them.
#[derive(Debug)]
pub(crate) struct Eigen {
    /// All of them.
    pub(crate) values: Vec<f64>,
    /// An eigenvector of length 1 a row.
    pub(crate) vectors: Array2<f64>,
}

/// Decomposes a symmetric matrix; `count` chooses from the eigenvalues how many eigenvectors to compute.
///
/// # Errors
/// If the steps do not converge, as with `NaN`, or the token asks to stop.
pub(crate) fn symmetric_eigen(
    matrix: Array2<f64>,
    count: impl FnOnce(&[f64]) -> usize,
    stop: &StopToken,
) -> Result<Eigen> {
    let n = matrix.nrows();
    let mut a = matrix.into_raw_vec_and_offset().0;
    let scale = a.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    if scale > 0.0 {
        for value in &mut a {
            *value /= scale;
        }
    }
    let (mut diagonal, mut beside, factors) = tridiagonal(&mut a, n, stop)?;
    let mut turned = vec![0.0; n * n];
    for i in 0..n {
        turned[i * n + i] = 1.0;
    }
    diagonalise(&mut diagonal, &mut beside, &mut turned, stop)?;

    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| diagonal[j].total_cmp(&diagonal[i]));
    let values: Vec<f64> = order.iter().map(|&i| diagonal[i] * scale).collect();
    let count = count(&values).min(n);
    let mut vectors = Vec::with_capacity(count * n);
    for &i in &order[..count] {
        vectors.extend_from_slice(&turned[i * n..(i + 1) * n]);
    }
    for vector in vectors.chunks_exact_mut(n.max(1)) {
        stop.check()?;
        Arch::new().dispatch(TurnBack {
            a: &a,
            n,
            factors: &factors,
            vector,
        });
    }
    Ok(Eigen {
        values,
        vectors: Array2::from_shape_vec((count, n), vectors).expect("count rows of n numbers"),
    })
}

/// Diagonal, off-diagonal and the factors of the reflections, whose vectors replace the rows of `a` right of
/// the diagonal.
fn tridiagonal(
    a: &mut [f64],
    n: usize,
    stop: &StopToken,
) -> Result<(Vec<f64>, Vec<f64>, Vec<f64>)> {
    let mut beside = vec![0.0; n];
    let mut factors = vec![0.0; n];
    let mut product = vec![0.0; n];
    for k in 0..n.saturating_sub(1) {
        if k % 16 == 0 {
            stop.check()?;
        }
        (beside[k], factors[k]) = Arch::new().dispatch(Reflect {
            a,
            n,
            k,
            product: &mut product[k + 1..],
        });
    }
    let diagonal = (0..n).map(|k| a[k * n + k]).collect();
    Ok((diagonal, beside, factors))
}

/// Clears row and column `k` beyond the first number beside the diagonal.
struct Reflect<'a> {
    a: &'a mut [f64],
    n: usize,
    k: usize,
    product: &'a mut [f64],
}

impl WithSimd for Reflect<'_> {
    /// The number beside the diagonal and the factor of the reflection 1 − factor · v vᵀ.
    type Output = (f64, f64);

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> (f64, f64) {
        let Self { a, n, k, product } = self;
        let (above, below) = a.split_at_mut((k + 1) * n);
        let v = &mut above[k * n + k + 1..];
        let first = v[0];
        let rest = dot(&v[1..], &v[1..]);
        if rest == 0.0 {
            return (first, 0.0);
        }
        let length = (first * first + rest).sqrt();
        let beside = if first > 0.0 { -length } else { length };
        let factor = (beside - first) / beside;
        let head = first - beside;
        v[0] = 1.0;
        for value in &mut v[1..] {
            *value /= head;
        }
        for (row, product) in below.chunks_exact(n).zip(product.iter_mut()) {
            *product = factor * dot(&row[k + 1..], v);
        }
        let share = 0.5 * factor * dot(product, v);
        for (product, v) in product.iter_mut().zip(&*v) {
            *product -= share * v;
        }
        for (i, row) in below.chunks_exact_mut(n).enumerate() {
            let (of_v, of_product) = (v[i], product[i]);
            let row = &mut row[k + 1..];
            for ((value, v), product) in row.iter_mut().zip(&*v).zip(&*product) {
                *value -= of_v * product + of_product * v;
            }
        }
        (beside, factor)
    }
}

/// Applies the reflections, the last one first.
struct TurnBack<'a> {
    a: &'a [f64],
    n: usize,
    factors: &'a [f64],
    vector: &'a mut [f64],
}

impl WithSimd for TurnBack<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let n = self.n;
        for k in (0..n.saturating_sub(1)).rev() {
            if self.factors[k] == 0.0 {
                continue;
            }
            let v = &self.a[k * n + k + 1..(k + 1) * n];
            let x = &mut self.vector[k + 1..];
            let step = self.factors[k] * dot(v, x);
            for (x, v) in x.iter_mut().zip(v) {
                *x -= step * v;
            }
        }
    }
}

/// Implicit QL steps on a tridiagonal matrix; every rotation turns two rows of `vectors` as well.
fn diagonalise(d: &mut [f64], e: &mut [f64], vectors: &mut [f64], stop: &StopToken) -> Result<()> {
    let n = d.len();
    let mut turns = Vec::with_capacity(n);
    // Relative to the whole matrix: where half of it is rounding, there is nothing else to compare with.
    let parts = d.iter().zip(&*e);
    let negligible = f64::EPSILON * parts.fold(0.0_f64, |most, (d, e)| most.max(d.abs() + e.abs()));
    for l in 0..n {
        for step in 0.. {
            stop.check()?;
            let m = (l..n - 1)
                .find(|&m| e[m].abs() <= negligible)
                .unwrap_or(n - 1);
            if m == l {
                break;
            }
            if step == STEPS {
                return Err(Error::new(
                    ErrorKind::Numerical,
                    format!("eigenvalue {l} of {n} was not found in {STEPS} steps"),
                ));
            }
            turns.clear();
            // Wilkinson's shift.
            let half = (d[l + 1] - d[l]) / (2.0 * e[l]);
            let root = (half * half + 1.0).sqrt();
            let mut g = d[m] - d[l] + e[l] / (half + root.copysign(half));
            let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
            let mut split = false;
            for i in (l..m).rev() {
                let f = s * e[i];
                let b = c * e[i];
                let r = (f * f + g * g).sqrt();
                e[i + 1] = r;
                if r == 0.0 {
                    d[i + 1] -= p;
                    e[m] = 0.0;
                    split = true;
                    break;
                }
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                let t = (d[i] - g) * s + 2.0 * c * b;
                p = s * t;
                d[i + 1] = g + p;
                g = c * t - b;
                turns.push((c, s));
            }
            if !split {
                d[l] -= p;
                e[l] = g;
                e[m] = 0.0;
            }
            Arch::new().dispatch(Turn {
                vectors,
                n,
                last: m,
                turns: &turns,
            });
        }
    }
    Ok(())
}

/// Rotates the rows `last − 1` and `last`, then the two one higher up, and so on.
struct Turn<'a> {
    vectors: &'a mut [f64],
    n: usize,
    last: usize,
    turns: &'a [(f64, f64)],
}

impl WithSimd for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let n = self.n;
        for (place, &(c, s)) in self.turns.iter().enumerate() {
            let row = self.last - place;
            let (above, below) = self.vectors.split_at_mut(row * n);
            let upper = &mut above[(row - 1) * n..];
            for (x, y) in upper.iter_mut().zip(&mut below[..n]) {
                let old = *y;
                *y = s * *x + c * old;
                *x = c * *x - s * old;
            }
        }
    }
}

#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let mut total: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    for sum in sums {
        total += sum;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::array;

    fn pseudo_random(n: usize) -> Array2<f64> {
        let number = |i: usize, j: usize| {
            xscatter_core::seed::derive(i as u64, j as u64) as f64 / u64::MAX as f64 - 0.5
        };
        Array2::from_shape_fn((n, n), |(i, j)| number(i, j) + number(j, i))
    }

    fn check(matrix: &Array2<f64>) {
        let n = matrix.nrows();
        let eigen = symmetric_eigen(matrix.clone(), |_| n, &StopToken::new()).unwrap();
        let scale = matrix.iter().fold(1e-300_f64, |most, x| most.max(x.abs()));
        let unit = eigen.vectors.dot(&eigen.vectors.t());
        let turned = eigen.vectors.dot(matrix).dot(&eigen.vectors.t());
        for ((i, j), value) in turned.indexed_iter() {
            let one = f64::from(u8::from(i == j));
            assert_abs_diff_eq!(unit[[i, j]], one, epsilon = 1e-13 * n as f64);
            let expected = one * eigen.values[i];
            assert_abs_diff_eq!(value / scale, expected / scale, epsilon = 1e-13 * n as f64);
        }
        assert!(eigen.values.windows(2).all(|pair| pair[0] >= pair[1]));
    }

    #[test]
    fn matrices_of_all_kinds_are_decomposed() {
        for n in [1, 2, 3, 17, 64] {
            check(&pseudo_random(n));
            check(&(pseudo_random(n) * 1e-200));
            check(&Array2::eye(n));
            check(&Array2::zeros((n, n)));
            check(&Array2::ones((n, n)));
            // Half of the eigenvalues are 0.
            let half = pseudo_random(n).slice_move(ndarray::s![..n / 2, ..]);
            check(&half.t().dot(&half));
        }
    }

    #[test]
    fn two_by_two_is_known() {
        let eigen =
            symmetric_eigen(array![[2.0, 1.0], [1.0, 2.0]], |_| 1, &StopToken::new()).unwrap();
        assert_abs_diff_eq!(eigen.values[0], 3.0, epsilon = 1e-15);
        assert_abs_diff_eq!(eigen.values[1], 1.0, epsilon = 1e-15);
        assert_eq!(eigen.vectors.dim(), (1, 2));
        assert_abs_diff_eq!(
            eigen.vectors[[0, 0]],
            eigen.vectors[[0, 1]],
            epsilon = 1e-15
        );
    }

    #[test]
    fn what_is_no_number_is_an_error() {
        let error = symmetric_eigen(
            Array2::from_elem((3, 3), f64::NAN),
            |_| 1,
            &StopToken::new(),
        );
        assert_eq!(error.unwrap_err().kind(), ErrorKind::Numerical);
    }
}
