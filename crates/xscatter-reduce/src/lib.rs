#![doc = include_str!("../README.md")]

pub mod export;
pub mod integrate1d;
pub mod profile;
pub mod split;

pub use export::write_dat;
pub use integrate1d::{AzimuthalIntegrator, ErrorModel, IntegrateConfig, IntegrateError};
pub use profile::Profile;
pub use split::PixelSplitting;
