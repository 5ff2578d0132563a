#![doc = include_str!("../README.md")]

mod bits;
pub mod data;
pub mod estimator;
pub mod extractor;
pub mod family;
pub mod golden;
pub mod memory;
pub mod metric;
pub mod source;
mod toy;
pub mod transform;
mod violation;

pub use estimator::{check_estimator, check_transformer};
pub use extractor::check_extractor;
pub use family::check_family;
pub use metric::check_metric;
pub use source::check_source;
pub use transform::{check_repair, check_transform};
pub use violation::Violation;
