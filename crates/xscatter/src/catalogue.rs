//! Everything there is, by name: formats, families, metrics, representations, detectors.
//!
//! Ordered tables, made anew at each call: there is no registry to change behind anybody's back.

use xscatter_core::{Family, Metric};

/// The families of models that a study searches over by default.
pub fn families() -> Vec<Box<dyn Family>> {
    xscatter_learn::families()
}

/// The seven scores of [`xscatter_metrics::standard`], and balanced accuracy and log-loss.
pub fn metrics() -> Vec<Box<dyn Metric>> {
    let mut metrics = xscatter_metrics::standard();
    metrics.push(Box::new(xscatter_metrics::BalancedAccuracy));
    metrics.push(Box::new(xscatter_metrics::LogLoss));
    metrics
}

/// The names of the representations.
pub fn representations() -> Vec<&'static str> {
    crate::representations::RECIPES
        .iter()
        .map(|recipe| recipe.name)
        .collect()
}
