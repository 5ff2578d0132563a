//! Coordinates in which a covariance is the unit matrix.
//!
//! ```text
//! Bᵀ Σ B = 1      B Bᵀ = Σ⁻¹, or of its pseudo-inverse where Σ is singular
//! ```
//!
//! Σ is first brought to a unit diagonal. Then B is the inverse of its Cholesky factor or, if that does not
//! exist, made of the eigenvectors whose eigenvalues count.

use xscatter_core::{Error, ErrorKind, Result, StopToken};

use crate::cholesky::Cholesky;
use crate::covariance::scale;
use crate::panels::dot;
use crate::symmetric::eigen;

/// The least eigenvalue of a correlation matrix that counts.
pub(crate) const LEAST: f64 = 1e-8;

/// B.
pub(crate) struct Whitening {
    deviations: Vec<f64>,
    root: Root,
}

/// Of Σ in units of the deviations.
enum Root {
    Cholesky(Cholesky),
    /// Eigenvectors divided by the roots of their eigenvalues, which are above [`LEAST`].
    Eigen(Vec<Vec<f64>>),
}

impl Whitening {
    /// That of a covariance, features × features.
    pub(crate) fn new(mut covariance: Vec<f64>, n: usize, stop: &StopToken) -> Result<Self> {
        let deviations = scale(&mut covariance, n);
        if let Some(cholesky) = Cholesky::new(covariance.clone(), n, LEAST, stop)? {
            let root = Root::Cholesky(cholesky);
            return Ok(Self { deviations, root });
        }
        let eigen = eigen(covariance, n, stop)?;
        let vectors = eigen.values.iter().zip(eigen.vectors.chunks_exact(n));
        let kept: Vec<Vec<f64>> = vectors
            .filter(|(value, _)| **value > LEAST)
            .map(|(value, vector)| vector.iter().map(|x| x / value.sqrt()).collect())
            .collect();
        if kept.is_empty() {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                "expected features that vary within classes, got none",
            ));
        }
        let root = Root::Eigen(kept);
        Ok(Self { deviations, root })
    }

    pub(crate) fn n_features(&self) -> usize {
        self.deviations.len()
    }

    /// Bᵀ v.
    pub(crate) fn forward(&self, mut v: Vec<f64>) -> Vec<f64> {
        self.divide(&mut v);
        match &self.root {
            Root::Cholesky(cholesky) => {
                cholesky.forward(&mut v);
                v
            }
            Root::Eigen(vectors) => vectors.iter().map(|vector| dot(vector, &v)).collect(),
        }
    }

    /// B z.
    pub(crate) fn back(&self, mut z: Vec<f64>) -> Vec<f64> {
        let mut v = match &self.root {
            Root::Cholesky(cholesky) => {
                cholesky.back(&mut z);
                z
            }
            Root::Eigen(vectors) => {
                let mut v = vec![0.0; self.deviations.len()];
                for (vector, z) in vectors.iter().zip(z) {
                    for (v, x) in v.iter_mut().zip(vector) {
                        *v += z * x;
                    }
                }
                v
            }
        };
        self.divide(&mut v);
        v
    }

    fn divide(&self, v: &mut [f64]) {
        for (x, deviation) in v.iter_mut().zip(&self.deviations) {
            *x /= deviation;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn both_roots_undo_the_covariance() {
        let stop = StopToken::new();
        for covariance in [[4.0, 1.0, 1.0, 9.0], [4.0, 6.0, 6.0, 9.0]] {
            let white = Whitening::new(covariance.to_vec(), 2, &stop).unwrap();
            // Along (2, 3), which both know: Bᵀ Σ B z = z for z = Bᵀ v.
            let z = white.forward(vec![2.0, 3.0]);
            let v = white.back(z.clone());
            let spread = vec![
                covariance[0] * v[0] + covariance[1] * v[1],
                covariance[2] * v[0] + covariance[3] * v[1],
            ];
            for (found, z) in white.forward(spread).iter().zip(&z) {
                assert_abs_diff_eq!(found, z, epsilon = 1e-12);
            }
        }
        let nothing = Whitening::new(vec![0.0; 4], 2, &stop).err().unwrap();
        assert_eq!(nothing.kind(), ErrorKind::DegenerateData);
    }
}
