//! Numbers at random from a seed, by plain arithmetic: the seeds of xscatter-core are mixed well enough to
//! be the numbers themselves.

use xscatter_core::seed::derive;

/// From 0 to below 1.
pub(crate) fn uniform(seed: u64) -> f64 {
    (seed >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
}

/// 0 to below `n` in a random order.
pub(crate) fn shuffled(n: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by_cached_key(|&place| derive(seed, place as u64));
    order
}
