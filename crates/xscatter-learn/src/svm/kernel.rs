//! Kernels, and all of their values among the training rows.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Result};

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
        /// γ, above 0; `None` is 1 / (features · variance of all training values).
        gamma: Option<f64>,
    },
}

impl Default for SvmKernel {
    fn default() -> Self {
        Self::Rbf { gamma: None }
    }
}

impl SvmKernel {
    /// With a number for every parameter.
    pub(crate) fn resolve(self, values: &[f32], n_features: usize) -> Self {
        let Self::Rbf { gamma: None } = self else {
            return self;
        };
        let n = values.len() as f64;
        let mean = values.iter().map(|&value| f64::from(value)).sum::<f64>() / n;
        let squares = values
            .iter()
            .map(|&value| (f64::from(value) - mean).powi(2));
        let variance = squares.sum::<f64>() / n;
        let gamma = if variance > 0.0 {
            1.0 / (n_features as f64 * variance)
        } else {
            1.0
        };
        Self::Rbf { gamma: Some(gamma) }
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

    /// Of two rows.
    pub(crate) fn of(self, a: &[f32], b: &[f32]) -> f32 {
        match self {
            Self::Linear => sum(a, b, |a, b| a * b),
            Self::Intersection => sum(a, b, |a, b| if a < b { a } else { b }),
            Self::Rbf { gamma } => {
                let square = sum(a, b, |a, b| (a - b) * (a - b));
                (-gamma.unwrap_or(1.0) * f64::from(square)).exp() as f32
            }
        }
    }
}

/// In eight lanes, which vectors can add without another order.
fn sum(a: &[f32], b: &[f32], term: impl Fn(f32, f32) -> f32) -> f32 {
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    let mut lanes = [0.0f32; 8];
    for (a, b) in a.iter().zip(b) {
        for (lane, (&a, &b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += term(a, b);
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(&a, &b)| term(a, b)).sum();
    lanes.iter().sum::<f32>() + rest
}

/// The kernel of all pairs of training rows: a table if there is memory for it, else computed on demand.
pub(crate) struct Gram<'a> {
    kernel: SvmKernel,
    rows: &'a [f32],
    n_features: usize,
    table: Option<Vec<f32>>,
    /// Numbers that may be kept.
    room: usize,
}

impl<'a> Gram<'a> {
    pub(crate) fn new(kernel: SvmKernel, rows: &'a [f32], n_features: usize, room: usize) -> Self {
        let n = rows.len() / n_features;
        let mut gram = Self {
            kernel,
            rows,
            n_features,
            table: None,
            room,
        };
        if n.checked_mul(n).is_some_and(|size| size <= room) {
            let mut table = vec![0.0; n * n];
            table.par_chunks_mut(n).enumerate().for_each(|(row, out)| {
                for (column, out) in out.iter_mut().enumerate().skip(row) {
                    *out = kernel.of(gram.features(row), gram.features(column));
                }
            });
            for row in 1..n {
                for column in 0..row {
                    table[row * n + column] = table[column * n + row];
                }
            }
            gram.table = Some(table);
        }
        gram
    }

    pub(crate) fn features(&self, row: usize) -> &[f32] {
        &self.rows[row * self.n_features..][..self.n_features]
    }

    pub(crate) fn of(&self, one: usize, other: usize) -> f32 {
        match &self.table {
            Some(table) => table[one * (self.rows.len() / self.n_features) + other],
            None => self.kernel.of(self.features(one), self.features(other)),
        }
    }

    /// The kernel of a few rows among themselves, for a solver.
    pub(crate) fn among(&self, rows: &'a [usize]) -> Among<'_> {
        let capacity = match self.table {
            Some(_) => 0,
            None => (self.room / rows.len()).clamp(2, rows.len()),
        };
        Among {
            gram: self,
            rows,
            kept: Vec::new(),
            capacity,
            place_of: vec![usize::MAX; if capacity > 0 { rows.len() } else { 0 }],
            clock: 0,
        }
    }
}

/// A part of a [`Gram`]; without a table, the rows that were used last are kept.
pub(crate) struct Among<'a> {
    gram: &'a Gram<'a>,
    rows: &'a [usize],
    kept: Vec<Kept>,
    capacity: usize,
    /// Where each row is kept.
    place_of: Vec<usize>,
    clock: u64,
}

struct Kept {
    row: usize,
    used: u64,
    values: Vec<f32>,
}

impl Among<'_> {
    /// The kernel of a row with all.
    pub(crate) fn row(&mut self, row: usize, out: &mut [f32]) {
        let one = self.rows[row];
        if self.gram.table.is_some() {
            for (out, &other) in out.iter_mut().zip(self.rows) {
                *out = self.gram.of(one, other);
            }
            return;
        }
        self.clock += 1;
        let mut place = self.place_of[row];
        if place == usize::MAX {
            let values: Vec<f32> = self
                .rows
                .par_iter()
                .with_min_len(64)
                .map(|&other| self.gram.of(one, other))
                .collect();
            let kept = Kept {
                row,
                used: self.clock,
                values,
            };
            place = if self.kept.len() < self.capacity {
                self.kept.push(kept);
                self.kept.len() - 1
            } else {
                let oldest = (0..self.kept.len()).min_by_key(|&place| self.kept[place].used);
                let oldest = oldest.expect("at least two rows are kept");
                self.place_of[self.kept[oldest].row] = usize::MAX;
                self.kept[oldest] = kept;
                oldest
            };
            self.place_of[row] = place;
        }
        self.kept[place].used = self.clock;
        out.copy_from_slice(&self.kept[place].values);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_what_they_say() {
        let (a, b) = ([1.0, 2.0, 3.0], [2.0, 2.0, 1.0]);
        assert_eq!(SvmKernel::Linear.of(&a, &b), 9.0);
        assert_eq!(SvmKernel::Intersection.of(&a, &b), 4.0);
        let rbf = SvmKernel::Rbf { gamma: Some(0.1) };
        approx::assert_relative_eq!(rbf.of(&a, &b), (-0.5f32).exp());
        // Variance 5/4 of 0, 1, 2, 3.
        let scaled = SvmKernel::default().resolve(&[0.0, 1.0, 2.0, 3.0], 2);
        assert_eq!(scaled, SvmKernel::Rbf { gamma: Some(0.4) });
    }

    #[test]
    fn a_table_and_a_small_cache_give_the_same() {
        let rows: Vec<f32> = (0..60).map(|k| ((k * 7) % 11) as f32).collect();
        let kernel = SvmKernel::Intersection;
        let table = Gram::new(kernel, &rows, 3, 1000);
        let cache = Gram::new(kernel, &rows, 3, 40);
        assert!(table.table.is_some() && cache.table.is_none());
        let part = [1, 4, 5, 7, 11, 12, 13, 17, 19];
        let (mut table, mut cache) = (table.among(&part), cache.among(&part));
        let (mut one, mut two) = ([0.0; 9], [0.0; 9]);
        for row in [0, 3, 0, 8, 1, 2, 3, 4, 5, 0, 8] {
            table.row(row, &mut one);
            cache.row(row, &mut two);
            assert_eq!(one, two);
        }
        assert!(cache.kept.len() <= 4);
    }
}
