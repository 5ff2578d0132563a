//! The ascending step function nearest to some points, and straight lines between its corners.
//!
//! Neighbours that do not ascend are pooled into their weighted mean until all do. Points at one x count as
//! one, with their weighted mean. Below the first x and above the last it stays what it is there. Source:
//! scikit-learn 1.9.1, `IsotonicRegression(out_of_bounds="clip")`.

use serde::{Deserialize, Serialize};

/// Ascending corners.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawIsotonic")]
pub(crate) struct Isotonic {
    x: Vec<f64>,
    y: Vec<f64>,
}

#[derive(Deserialize)]
struct RawIsotonic {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl TryFrom<RawIsotonic> for Isotonic {
    type Error = String;

    fn try_from(RawIsotonic { x, y }: RawIsotonic) -> Result<Self, String> {
        let ascends = |values: &[f64], strictly: bool| {
            let pairs = values.windows(2);
            values.iter().all(|value| value.is_finite())
                && pairs
                    .into_iter()
                    .all(|pair| pair[0] < pair[1] || (!strictly && pair[0] == pair[1]))
        };
        if x.is_empty() || x.len() != y.len() || !ascends(&x, true) || !ascends(&y, false) {
            return Err(format!(
                "expected ascending corners, got {} of {}",
                x.len(),
                y.len()
            ));
        }
        Ok(Self { x, y })
    }
}

/// Points that share a value.
struct Pool {
    first: usize,
    value: f64,
    weight: f64,
}

impl Isotonic {
    /// From points of x, y and weight, at least one.
    pub(crate) fn fit(mut points: Vec<(f64, f64, f64)>) -> Self {
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut x: Vec<f64> = Vec::new();
        let mut pools: Vec<Pool> = Vec::new();
        for equal in points.chunk_by(|a, b| a.0 == b.0) {
            let weight: f64 = equal.iter().map(|point| point.2).sum();
            let sum: f64 = equal.iter().map(|point| point.2 * point.1).sum();
            let mut pool = Pool {
                first: x.len(),
                value: sum / weight,
                weight,
            };
            x.push(equal[0].0);
            while let Some(last) = pools.pop_if(|last| last.value >= pool.value) {
                let weight = last.weight + pool.weight;
                pool = Pool {
                    first: last.first,
                    value: (last.weight * last.value + pool.weight * pool.value) / weight,
                    weight,
                };
            }
            pools.push(pool);
        }
        let mut corners = Self {
            x: Vec::new(),
            y: Vec::new(),
        };
        let ends = pools.iter().skip(1).map(|pool| pool.first).chain([x.len()]);
        for (pool, end) in pools.iter().zip(ends) {
            corners.x.push(x[pool.first]);
            corners.y.push(pool.value);
            if end - pool.first > 1 {
                corners.x.push(x[end - 1]);
                corners.y.push(pool.value);
            }
        }
        corners
    }

    /// The value at x.
    pub(crate) fn at(&self, x: f64) -> f64 {
        let beyond = self.x.partition_point(|&corner| corner <= x);
        if beyond == 0 {
            return self.y[0];
        }
        if beyond == self.x.len() {
            return self.y[beyond - 1];
        }
        let share = (x - self.x[beyond - 1]) / (self.x[beyond] - self.x[beyond - 1]);
        self.y[beyond - 1] + share * (self.y[beyond] - self.y[beyond - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_fall_are_pooled() {
        let points = [
            (1.0, 0.0, 1.0),
            (2.0, 1.0, 1.0),
            (3.0, 0.0, 3.0),
            (4.0, 1.0, 1.0),
            (4.0, 0.5, 1.0),
        ];
        let curve = Isotonic::fit(points.to_vec());
        assert_eq!(curve.x, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(curve.y, [0.0, 0.25, 0.25, 0.75]);
        assert_eq!(curve.at(-9.0), 0.0);
        assert_eq!(curve.at(1.5), 0.125);
        assert_eq!(curve.at(2.7), 0.25);
        assert_eq!(curve.at(9.0), 0.75);
    }
}
