//! Everything there is, by name: formats, families, metrics, representations, detectors.
//!
//! Ordered tables, made anew at each call: there is no registry to change behind anybody's back.

use xscatter_core::{Family, Metric};
use xscatter_learn::{Fill, Imputer, ImputerConfig, Preparation, with_preparation};

/// The families of models that a study searches over by default.
pub fn families() -> Vec<Box<dyn Family>> {
    xscatter_learn::families()
}

/// The five of the published study of scattering images, in the growth of their libraries: extra trees,
/// LightGBM's, XGBoost's and CatBoost's way of boosting, random forest, each behind standard scores and five
/// principal components, which here are fitted inside every fold.
///
/// # Panics
/// Never: five components are some.
pub fn published_families() -> Vec<Box<dyn Family>> {
    const NAMES: [&str; 5] = [
        "extra-trees",
        "gradient-boosting",
        "gradient-boosting-depthwise",
        "random-forest",
        "gradient-boosting-symmetric",
    ];
    let mut families = families();
    families.retain(|family| NAMES.contains(&family.name()));
    let preparation = Preparation::scaled_pca(5).expect("five components are some");
    families
        .into_iter()
        .map(|family| with_preparation(family, preparation.clone()))
        .collect()
}

/// The family, with missing values filled in by the median first unless it can take them.
///
/// # Panics
/// Never: a median is no constant that could be wrong.
pub fn imputing(family: Box<dyn Family>) -> Box<dyn Family> {
    let name = family.name();
    let is_tree = ["tree", "forest", "boosting"]
        .iter()
        .any(|word| name.contains(word));
    if is_tree && !name.contains('+') {
        return family;
    }
    let impute = Imputer::new(ImputerConfig {
        fill: Fill::Median,
        indicator: false,
    });
    let preparation = Preparation {
        impute: Some(impute.expect("a median is no constant that could be wrong")),
        ..Preparation::default()
    };
    with_preparation(family, preparation)
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
