#![doc = include_str!("../README.md")]

pub mod archive;
pub mod bystander;
pub mod catalogue;
pub mod compare;
pub mod dataset;
pub mod describe;
pub mod mission;
pub mod prelude;
pub mod progress;
pub mod representations;
pub mod sort;
pub mod study;
pub mod table_file;
pub mod training;

pub use xscatter_automl as automl;
pub use xscatter_core as core;
pub use xscatter_deep as deep;
pub use xscatter_features as features;
pub use xscatter_geometry as geometry;
pub use xscatter_heal as heal;
pub use xscatter_io as io;
pub use xscatter_learn as learn;
pub use xscatter_metrics as metrics;
pub use xscatter_reduce as reduce;
pub use xscatter_sim as sim;

pub use xscatter_core::*;

/// The example of the project's README compiles and runs.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct ProjectReadme;
