//! A co-occurrence matrix of the levels that occur, and the sums that properties are made of.

use std::sync::LazyLock;

use ndarray::ArrayView2;

/// How often, or with which weight, two levels stand together; empty levels are left out.
#[derive(Debug, Clone)]
pub(crate) struct Joint {
    /// The levels that occur, ascending.
    pub(crate) levels: Vec<usize>,
    /// The weights, a row a first level.
    cells: Vec<f64>,
    /// The sum of all weights.
    pub(crate) total: f64,
}

/// Logarithms of small whole numbers: what most cells hold.
fn ln(weight: f64) -> f64 {
    static WHOLE: LazyLock<Vec<f64>> =
        LazyLock::new(|| (0..4096).map(|weight| f64::from(weight).ln()).collect());
    let whole = weight as usize;
    match WHOLE.get(whole) {
        Some(&value) if whole as f64 == weight => value,
        _ => weight.ln(),
    }
}

/// `−Σ p ln p` of weights that sum to `total`; exactly 0 if one of them is all.
pub(crate) fn entropy(weights: &[f64], total: f64) -> f64 {
    let ln_total = ln(total);
    let filled = weights.iter().filter(|weight| **weight > 0.0);
    filled
        .map(|&weight| weight * (ln_total - ln(weight)))
        .sum::<f64>()
        / total
}

/// A mean and a variance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) mean: f64,
    pub(crate) variance: f64,
}

impl Spread {
    /// Of values with weights.
    pub(crate) fn of(values: impl Iterator<Item = (f64, f64)> + Clone, total: f64) -> Self {
        let mean = values.clone().map(|(x, w)| x * w).sum::<f64>() / total;
        let square = values.map(|(x, w)| (x - mean).powi(2) * w).sum::<f64>();
        Self {
            mean,
            variance: square / total,
        }
    }
}

impl Joint {
    /// Of counts, both orders of a pair together if it is to be symmetric; `None` if nothing was counted.
    pub(crate) fn of(counts: ArrayView2<'_, u32>, symmetric: bool) -> Option<Self> {
        let side = counts.nrows();
        let mut occurs = vec![false; side];
        for (row, cells) in counts.rows().into_iter().enumerate() {
            for (seen, &count) in occurs.iter_mut().zip(cells) {
                *seen |= count > 0;
            }
            occurs[row] |= cells.iter().any(|&count| count > 0);
        }
        let levels: Vec<usize> = (0..side).filter(|&level| occurs[level]).collect();
        if levels.is_empty() {
            return None;
        }
        let mut cells = Vec::with_capacity(levels.len() * levels.len());
        for &i in &levels {
            let row = counts.row(i);
            cells.extend(levels.iter().map(|&j| f64::from(row[j])));
        }
        let mut joint = Self {
            total: cells.iter().sum(),
            levels,
            cells,
        };
        if symmetric {
            let n = joint.levels.len();
            for i in 0..n {
                for j in 0..=i {
                    let both = joint.cells[i * n + j] + joint.cells[j * n + i];
                    (joint.cells[i * n + j], joint.cells[j * n + i]) = (both, both);
                }
            }
            joint.total *= 2.0;
        }
        Some(joint)
    }

    /// The mean of the shares of several matrices.
    pub(crate) fn mean(joints: &[Self]) -> Self {
        let mut levels: Vec<usize> = joints.iter().flat_map(|one| one.levels.clone()).collect();
        levels.sort_unstable();
        levels.dedup();
        let n = levels.len();
        let mut cells = vec![0.0; n * n];
        for one in joints {
            let places: Vec<usize> = one
                .levels
                .iter()
                .map(|level| levels.partition_point(|other| other < level))
                .collect();
            for (row, &i) in one.rows().zip(&places) {
                for (&weight, &j) in row.iter().zip(&places) {
                    cells[i * n + j] += weight / one.total;
                }
            }
        }
        Self {
            levels,
            cells,
            total: joints.len() as f64,
        }
    }

    /// The weights, a row a first level.
    pub(crate) fn rows(&self) -> std::slice::ChunksExact<'_, f64> {
        self.cells.chunks_exact(self.levels.len())
    }

    /// The weight of every first level.
    pub(crate) fn first(&self) -> Vec<f64> {
        self.rows().map(|row| row.iter().sum()).collect()
    }

    /// The weight of every second level.
    pub(crate) fn second(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.levels.len()];
        for row in self.rows() {
            for (sum, weight) in sums.iter_mut().zip(row) {
                *sum += weight;
            }
        }
        sums
    }

    /// Mean and variance of a level with these weights.
    pub(crate) fn spread(&self, weights: &[f64]) -> Spread {
        let values = self.levels.iter().map(|&level| level as f64);
        Spread::of(values.zip(weights.iter().copied()), self.total)
    }

    /// `Σ P (i − μᵢ)(j − μⱼ)`.
    pub(crate) fn covariance(&self, first: Spread, second: Spread) -> f64 {
        let from_mean: Vec<f64> = self
            .levels
            .iter()
            .map(|&level| level as f64 - second.mean)
            .collect();
        let rows = self.rows().zip(&self.levels).map(|(row, &level)| {
            let sum: f64 = row.iter().zip(&from_mean).map(|(w, x)| w * x).sum();
            sum * (level as f64 - first.mean)
        });
        rows.sum::<f64>() / self.total
    }

    /// `Σ P²`.
    pub(crate) fn second_moment(&self) -> f64 {
        self.cells.iter().map(|weight| weight * weight).sum::<f64>() / (self.total * self.total)
    }

    /// `−Σ P ln P`.
    pub(crate) fn entropy(&self) -> f64 {
        entropy(&self.cells, self.total)
    }

    /// The weight of every difference `|i − j|`, up to the highest level.
    pub(crate) fn differences(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.highest() + 1];
        for (row, &i) in self.rows().zip(&self.levels) {
            for (weight, &j) in row.iter().zip(&self.levels) {
                sums[i.abs_diff(j)] += weight;
            }
        }
        sums
    }

    /// The weight of every sum `i + j`, up to twice the highest level.
    pub(crate) fn sums(&self) -> Vec<f64> {
        let mut sums = vec![0.0; 2 * self.highest() + 1];
        for (row, &i) in self.rows().zip(&self.levels) {
            for (weight, &j) in row.iter().zip(&self.levels) {
                sums[i + j] += weight;
            }
        }
        sums
    }

    /// The highest level that occurs.
    pub(crate) fn highest(&self) -> usize {
        self.levels.last().copied().unwrap_or(0)
    }
}
