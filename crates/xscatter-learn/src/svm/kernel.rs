//! Kernels: how alike two rows are.

use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Result};

use crate::lanes::{Work, exp, vectorised};
use crate::pairwise::{Packed, Product, Smaller, SquaredDifference};

/// How wide a Gaussian kernel is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gamma {
    /// So many times 1 / (features · variance of all training values), above 0.
    Scale(f64),
    /// γ itself, above 0.
    Absolute(f64),
}

impl Default for Gamma {
    /// As wide as the data.
    fn default() -> Self {
        Self::Scale(1.0)
    }
}

impl Gamma {
    pub(crate) fn number(self) -> f64 {
        let (Self::Scale(number) | Self::Absolute(number)) = self;
        number
    }
}

/// How alike two rows are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SvmKernel {
    /// `Σ aᵢ bᵢ`.
    Linear,
    /// `Σ min(aᵢ, bᵢ)`, for histograms: features of 0 or more.
    Intersection,
    /// `exp(−γ Σ (aᵢ − bᵢ)²)`.
    Rbf {
        /// How fast it falls.
        gamma: Gamma,
    },
}

impl Default for SvmKernel {
    fn default() -> Self {
        Self::Rbf {
            gamma: Gamma::default(),
        }
    }
}

impl SvmKernel {
    /// With a number for every parameter.
    pub(crate) fn resolve(self, values: &[f32], n_features: usize) -> Self {
        let Self::Rbf {
            gamma: Gamma::Scale(factor),
        } = self
        else {
            return self;
        };
        let n = values.len() as f64;
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
        let squares = values
            .iter()
            .map(|&value| (f64::from(value) - mean).powi(2));
        let variance = squares.sum::<f64>() / n;
        let scale = if variance > 0.0 {
            1.0 / (n_features as f64 * variance)
        } else {
            1.0
        };
        Self::Rbf {
            gamma: Gamma::Absolute(factor * scale),
        }
    }

    /// Refuses rows on which the kernel is not one.
    pub(crate) fn check(self, values: &[f32], n_features: usize) -> Result<()> {
        let negative = values.iter().position(|&value| value < 0.0);
        match negative {
            Some(place) if self == Self::Intersection => Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "row {}, feature {}: expected a value of 0 or more for the intersection kernel, got {}",
                    place / n_features,
                    place % n_features,
                    values[place]
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Of a row with itself.
    pub(crate) fn with_itself(self, row: &[f32]) -> f64 {
        let values = row.iter().map(|&value| f64::from(value));
        match self {
            Self::Linear => values.map(|value| value * value).sum(),
            Self::Intersection => values.sum(),
            Self::Rbf { .. } => 1.0,
        }
    }

    /// Of each query with each row of these panels, the filling included.
    pub(crate) fn of(
        self,
        queries: &[f32],
        known: &Packed,
        panels: std::ops::Range<usize>,
        out: &mut [f32],
    ) {
        match self {
            Self::Linear => known.sums(Product, queries, panels, out),
            Self::Intersection => known.sums(Smaller, queries, panels, out),
            Self::Rbf { gamma } => {
                known.sums(SquaredDifference, queries, panels, out);
                vectorised(Gaussian {
                    steepness: -gamma.number() as f32,
                    values: out,
                });
            }
        }
    }
}

/// Squared distances become their Gaussians.
struct Gaussian<'a> {
    steepness: f32,
    values: &'a mut [f32],
}

impl Work for Gaussian<'_> {
    type Output = ();

    #[allow(
        clippy::inline_always,
        reason = "a function that is not inlined would be compiled without the wide instructions"
    )]
    #[inline(always)]
    fn run(self) {
        for value in self.values {
            *value = exp(self.steepness * *value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_what_they_say() {
        let (a, b) = ([1.0, 2.0, 3.0], [2.0, 2.0, 1.0]);
        let of = |kernel: SvmKernel| {
            let known = Packed::new(&b, 3);
            let mut out = vec![0.0; crate::pairwise::PANEL];
            kernel.of(&a, &known, 0..1, &mut out);
            out[0]
        };
        assert_eq!(of(SvmKernel::Linear), 9.0);
        assert_eq!(of(SvmKernel::Intersection), 4.0);
        let gamma = Gamma::Absolute(0.1);
        approx::assert_relative_eq!(of(SvmKernel::Rbf { gamma }), (-0.5f32).exp());
        assert_eq!(SvmKernel::Linear.with_itself(&a), 14.0);
        assert_eq!(SvmKernel::Intersection.with_itself(&a), 6.0);
        // Variance 5/4 of 0, 1, 2, 3.
        let kernel = SvmKernel::Rbf {
            gamma: Gamma::Scale(2.0),
        };
        let gamma = Gamma::Absolute(0.8);
        assert_eq!(
            kernel.resolve(&[0.0, 1.0, 2.0, 3.0], 2),
            SvmKernel::Rbf { gamma }
        );
    }
}
