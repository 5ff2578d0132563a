//! How a parameter is drawn: intervals that a user can edit, and the few distributions in use.
//!
//! A clipped normal piles its tails up at the limits, and a network learns the pile. Nothing here
//! clips: a parameter is uniform or log-uniform over an [`Interval`], or normal without limits.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};

use crate::simulation::SimError;

/// The numbers from `low` to `high` from which a parameter is drawn; both ends included.
///
/// ```
/// use xscatter_sim::Interval;
///
/// let energy_kev = Interval::new(7.0, 25.0);
/// assert!(energy_kev.is_ordered() && !Interval::new(2.0, 1.0).is_ordered());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The smallest value.
    pub low: f64,
    /// The largest value.
    pub high: f64,
}

impl Interval {
    /// From `low` to `high`.
    pub const fn new(low: f64, high: f64) -> Self {
        Self { low, high }
    }

    /// Whether both ends are finite and in order.
    pub fn is_ordered(&self) -> bool {
        self.low.is_finite() && self.high.is_finite() && self.low <= self.high
    }

    /// Refuses what is not in order or not within `low` to `high`, by the parameter's name.
    pub(crate) fn check(&self, parameter: &str, low: f64, high: f64) -> Result<(), SimError> {
        if self.is_ordered() && low <= self.low && self.high <= high {
            return Ok(());
        }
        let found = if self.low.total_cmp(&self.high).is_eq() {
            self.low.to_string()
        } else {
            format!("{} to {}", self.low, self.high)
        };
        Err(SimError::parameter(
            parameter,
            format!("low to high within {low} to {high}"),
            found,
        ))
    }

    pub(crate) fn uniform(&self, rng: &mut ChaCha8Rng) -> f64 {
        self.low + (self.high - self.low) * rng.random::<f64>()
    }

    pub(crate) fn log_uniform(&self, rng: &mut ChaCha8Rng) -> f64 {
        (self.low.ln() + (self.high / self.low).ln() * rng.random::<f64>()).exp()
    }
}

/// The generator of one stream.
pub(crate) fn generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// Uniform from `low` to `high`.
pub(crate) fn uniform(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    Interval::new(low, high).uniform(rng)
}

/// Uniform in the logarithm from `low` to `high`, both above zero.
pub(crate) fn log_uniform(rng: &mut ChaCha8Rng, low: f64, high: f64) -> f64 {
    Interval::new(low, high).log_uniform(rng)
}

/// Normal with mean 0 and this standard deviation.
pub(crate) fn normal(rng: &mut ChaCha8Rng, standard_deviation: f64) -> f64 {
    standard_deviation * rng.sample::<f64, _>(StandardNormal)
}

/// Standard normal, in single precision.
pub(crate) fn normal_f32(rng: &mut ChaCha8Rng) -> f32 {
    rng.sample(StandardNormal)
}

/// True with this probability.
pub(crate) fn chance(rng: &mut ChaCha8Rng, probability: f64) -> bool {
    rng.random::<f64>() < probability
}

/// A whole number from `low` to `high`, both included.
pub(crate) fn whole(rng: &mut ChaCha8Rng, low: usize, high: usize) -> usize {
    rng.random_range(low..=high)
}

/// One of `items`, each as likely as its weight.
pub(crate) fn weighted<T: Copy>(rng: &mut ChaCha8Rng, items: &[(T, f64)]) -> T {
    let total: f64 = items.iter().map(|(_, weight)| weight).sum();
    let mut left = total * rng.random::<f64>();
    for &(item, weight) in items {
        left -= weight;
        if left < 0.0 {
            return item;
        }
    }
    items[items.len() - 1].0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_inside_and_do_not_pile_up_at_the_limits() {
        let mut rng = generator(1);
        let interval = Interval::new(2.0, 8.0);
        let draws: Vec<f64> = (0..4000).map(|_| interval.log_uniform(&mut rng)).collect();
        assert!(draws.iter().all(|&x| (2.0..=8.0).contains(&x)));
        assert!(draws.iter().all(|&x| x != 2.0 && x != 8.0));
        let below_geometric_mean = draws.iter().filter(|&&x| x < 4.0).count();
        assert!((1850..2150).contains(&below_geometric_mean));
    }

    #[test]
    fn a_weight_is_a_share() {
        let mut rng = generator(2);
        let hits = (0..4000)
            .filter(|_| weighted(&mut rng, &[('a', 3.0), ('b', 1.0)]) == 'b')
            .count();
        assert!((880..1120).contains(&hits));
    }
}
