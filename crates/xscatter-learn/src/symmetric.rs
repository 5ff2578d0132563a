//! Eigenvalues and eigenvectors of symmetric matrices.
//!
//! Householder reflections make the matrix tridiagonal, implicit QL steps make that diagonal. The
//! eigenvectors are kept as rows, so that both walk along memory. Cost: about 9 n³ operations. Source:
//! Golub and Van Loan, *Matrix Computations*, sections 8.3.1 and 8.3.3.

use xscatter_core::{Error, ErrorKind, Result, StopToken};

/// QL steps for one eigenvalue at most; two or three are usual.
const STEPS: usize = 60;

/// Eigenvalues, in no order, and their eigenvectors as rows.
pub(crate) struct Eigen {
    pub(crate) values: Vec<f64>,
    pub(crate) vectors: Vec<f64>,
}

/// Decomposes a symmetric n × n matrix.
pub(crate) fn eigen(mut matrix: Vec<f64>, n: usize, stop: &StopToken) -> Result<Eigen> {
    let mut vectors = vec![0.0; n * n];
    for i in 0..n {
        vectors[i * n + i] = 1.0;
    }
    for k in 0..n.saturating_sub(2) {
        stop.check()?;
        reflect(&mut matrix, &mut vectors, n, k);
    }
    let mut values: Vec<f64> = (0..n).map(|i| matrix[i * n + i]).collect();
    let mut beside: Vec<f64> = (1..n).map(|i| matrix[i * n + i - 1]).collect();
    beside.push(0.0);
    let norms = values.iter().zip(&beside).map(|(d, e)| d.abs() + e.abs());
    let negligible = f64::EPSILON * norms.fold(0.0, f64::max);
    for l in 0..n {
        stop.check()?;
        diagonalise(&mut values, &mut beside, &mut vectors, l, negligible)?;
    }
    Ok(Eigen { values, vectors })
}

/// Makes what lies below the first subdiagonal of column k vanish: A ← H A H, Qᵀ ← H Qᵀ.
fn reflect(matrix: &mut [f64], vectors: &mut [f64], n: usize, k: usize) {
    let mut v: Vec<f64> = (k + 1..n).map(|i| matrix[i * n + k]).collect();
    let norm = v.iter().map(|x| x * x).sum::<f64>().sqrt();
    if v[1..].iter().all(|x| *x == 0.0) {
        return;
    }
    v[0] += norm.copysign(v[0]);
    let scale = 2.0 / v.iter().map(|x| x * x).sum::<f64>();
    // w = β A v − (β²/2)(vᵀ A v) v, then A − v wᵀ − w vᵀ.
    let mut w: Vec<f64> = (k..n)
        .map(|i| {
            let row = &matrix[i * n + k + 1..(i + 1) * n];
            scale * row.iter().zip(&v).map(|(a, v)| a * v).sum::<f64>()
        })
        .collect();
    let first = w.remove(0);
    let half = 0.5 * scale * w.iter().zip(&v).map(|(w, v)| w * v).sum::<f64>();
    for (w, v) in w.iter_mut().zip(&v) {
        *w -= half * v;
    }
    for (i, (vi, wi)) in v.iter().zip(&w).enumerate() {
        let row = &mut matrix[(k + 1 + i) * n..(k + 2 + i) * n];
        row[k] -= first * vi;
        for (a, (v, w)) in row[k + 1..].iter_mut().zip(v.iter().zip(&w)) {
            *a -= vi * w + wi * v;
        }
    }
    for (j, v) in v.iter().enumerate() {
        matrix[k * n + k + 1 + j] -= first * v;
    }
    let mut sums = vec![0.0; n];
    for (v, row) in v.iter().zip(vectors[(k + 1) * n..].chunks_exact(n)) {
        for (sum, q) in sums.iter_mut().zip(row) {
            *sum += v * q;
        }
    }
    for (v, row) in v.iter().zip(vectors[(k + 1) * n..].chunks_exact_mut(n)) {
        for (q, sum) in row.iter_mut().zip(&sums) {
            *q -= scale * v * sum;
        }
    }
}

/// QL steps until eigenvalue l is found; what lies beside the diagonal and is negligible there counts
/// as 0, also between eigenvalues that are nearly 0 themselves.
fn diagonalise(
    d: &mut [f64],
    e: &mut [f64],
    vectors: &mut [f64],
    l: usize,
    negligible: f64,
) -> Result<()> {
    let n = d.len();
    for _ in 0..STEPS {
        let m = (l..n - 1)
            .find(|&m| e[m].abs() <= negligible)
            .unwrap_or(n - 1);
        if m == l {
            return Ok(());
        }
        let shift = (d[l + 1] - d[l]) / (2.0 * e[l]);
        let mut g = d[m] - d[l] + e[l] / (shift + shift.hypot(1.0).copysign(shift));
        let (mut s, mut c, mut p) = (1.0, 1.0, 0.0);
        let mut split = false;
        for i in (l..m).rev() {
            let (f, b) = (s * e[i], c * e[i]);
            let r = f64::hypot(f, g);
            e[i + 1] = r;
            if r == 0.0 {
                d[i + 1] -= p;
                e[m] = 0.0;
                split = true;
                break;
            }
            (s, c) = (f / r, g / r);
            g = d[i + 1] - p;
            let r = (d[i] - g) * s + 2.0 * c * b;
            p = s * r;
            d[i + 1] = g + p;
            g = c * r - b;
            let (upper, lower) = vectors.split_at_mut((i + 1) * n);
            for (a, b) in upper[i * n..].iter_mut().zip(&mut lower[..n]) {
                (*a, *b) = (c * *a - s * *b, s * *a + c * *b);
            }
        }
        if !split {
            d[l] -= p;
            e[l] = g;
            e[m] = 0.0;
        }
    }
    Err(Error::new(
        ErrorKind::Numerical,
        "expected eigenvalues to converge, got none",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn many_eigenvalues_of_nothing_are_found() {
        // Of rank 3, so that rounding is all there is in 197 directions.
        let n = 200;
        let b = |i: usize, k: usize| ((i * 31 + k * 17 + 7) % 23) as f64 / 8.0 - 1.0;
        let product = |i: usize, j: usize| (0..3).map(|k| b(i, k) * b(j, k)).sum::<f64>();
        let matrix = (0..n * n)
            .map(|place| product(place / n, place % n))
            .collect();
        let eigen = eigen(matrix, n, &StopToken::new()).unwrap();
        let large = eigen.values.iter().filter(|value| value.abs() > 1e-10);
        assert_eq!(large.count(), 3);
    }

    #[test]
    fn the_parts_make_the_matrix() {
        for n in [1, 2, 3, 12, 30] {
            // Of rank n/2 + 1 and with a zero row.
            let b = |i: usize, k: usize| ((i * 31 + k * 17 + 7) % 23) as f64 / 8.0 - 1.0;
            let mut matrix = vec![0.0; n * n];
            for i in 0..n {
                for j in 0..n {
                    if i != 1 && j != 1 {
                        matrix[i * n + j] = (0..=n / 2).map(|k| b(i, k) * b(j, k)).sum();
                    }
                }
            }
            let Eigen { values, vectors } = eigen(matrix.clone(), n, &StopToken::new()).unwrap();
            for i in 0..n {
                for j in 0..n {
                    let sum = |of: &dyn Fn(usize) -> f64| (0..n).map(of).sum::<f64>();
                    let product = sum(&|k| values[k] * vectors[k * n + i] * vectors[k * n + j]);
                    assert_abs_diff_eq!(product, matrix[i * n + j], epsilon = 1e-10);
                    let unit = sum(&|k| vectors[i * n + k] * vectors[j * n + k]);
                    assert_abs_diff_eq!(unit, f64::from(u8::from(i == j)), epsilon = 1e-12);
                }
            }
        }
    }
}
