//! Covariance matrices of classes, drawn towards a multiple of the unit matrix.
//!
//! With few rows for the number of features the large eigenvalues of a covariance are estimated too large
//! and the small ones too small, or 0. Shrinking helps:
//!
//! ```text
//! fixed:  (1 − s) Σ + s tr(Σ)/p · 1          of the features as they are
//! auto:   the same for the features in units of their deviation within the class, with the s that
//!         minimises the expected squared error (Ledoit and Wolf 2004, doi:10.1016/S0047-259X(03)00096-4)
//! ```
//!
//! A row's weight counts as that many rows. Source: scikit-learn 1.9.1, `discriminant_analysis`.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use crate::error::{ConfigError, require};
use crate::moments::ClassMoments;

/// How much a covariance is drawn towards a multiple of the unit matrix.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shrinkage {
    /// Not at all.
    None,
    /// By this part, 0 to 1.
    Fixed(f64),
    /// By the part that Ledoit and Wolf's formula finds best for each class.
    #[default]
    Auto,
}

impl Shrinkage {
    pub(crate) fn check(self) -> Result<(), ConfigError> {
        match self {
            Self::Fixed(part) => require((0.0..=1.0).contains(&part), "shrinkage", "0 to 1", part),
            _ => Ok(()),
        }
    }

    /// The covariance of a class; `part` is that of [`best_part`] and counts for `Auto` alone.
    pub(crate) fn covariance(self, class: &ClassMoments, part: f64) -> Vec<f64> {
        let n = class.mean.len();
        let mut matrix: Vec<f64> = class.scatter.iter().map(|sum| sum / class.weight).collect();
        match self {
            Self::None => {}
            Self::Fixed(part) => shrink(&mut matrix, n, part),
            Self::Auto => {
                let deviations = scale(&mut matrix, n);
                shrink(&mut matrix, n, part);
                unscale(&mut matrix, &deviations);
            }
        }
        matrix
    }
}

fn shrink(matrix: &mut [f64], n: usize, part: f64) {
    let mean = (0..n).map(|i| matrix[i * n + i]).sum::<f64>() / n as f64;
    for x in &mut *matrix {
        *x *= 1.0 - part;
    }
    for i in 0..n {
        matrix[i * n + i] += part * mean;
    }
}

/// Divides by the deviations, which it gives; 1 for a feature that does not vary.
pub(crate) fn scale(matrix: &mut [f64], n: usize) -> Vec<f64> {
    let deviations: Vec<f64> = (0..n)
        .map(|i| {
            let variance = matrix[i * n + i];
            if variance > 0.0 { variance.sqrt() } else { 1.0 }
        })
        .collect();
    let inverse: Vec<f64> = deviations.iter().map(|deviation| 1.0 / deviation).collect();
    unscale(matrix, &inverse);
    deviations
}

fn unscale(matrix: &mut [f64], deviations: &[f64]) {
    for (row, a) in matrix.chunks_exact_mut(deviations.len()).zip(deviations) {
        for (x, b) in row.iter_mut().zip(deviations) {
            *x *= a * b;
        }
    }
}

/// The best part for a class with rows √w (x − μ).
pub(crate) fn best_part(class: &ClassMoments, rows: ArrayView2<'_, f64>, weights: &[f64]) -> f64 {
    let n = class.mean.len();
    if n == 1 {
        return 0.0;
    }
    let inverse: Vec<f64> = (0..n)
        .map(|i| {
            let variance = class.scatter[i * n + i] / class.weight;
            if variance > 0.0 { 1.0 / variance } else { 1.0 }
        })
        .collect();
    let (mut squares, mut trace) = (0.0, 0.0);
    for (i, (row, a)) in class.scatter.chunks_exact(n).zip(&inverse).enumerate() {
        trace += row[i] / class.weight * a;
        for (x, b) in row.iter().zip(&inverse) {
            squares += (x / class.weight).powi(2) * a * b;
        }
    }
    let fourth: f64 = rows
        .rows()
        .into_iter()
        .zip(weights)
        .map(|(row, weight)| {
            let square: f64 = row
                .iter()
                .zip(&inverse)
                .map(|(x, inverse)| x * x * inverse)
                .sum();
            square * square / weight
        })
        .sum();
    let p = n as f64;
    let error = (fourth / class.weight - squares) / (p * class.weight);
    let spread = (squares - trace * trace / p) / p;
    let error = error.min(spread);
    // Rounding can leave either below 0 where nothing varies.
    if error <= 0.0 { 0.0 } else { error / spread }
}
