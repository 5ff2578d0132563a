#![doc = include_str!("../README.md")]

pub mod centre;
pub mod gap_fill;
mod inversion;
pub mod outlier;
mod pyramid;

pub use centre::{BeamCentre, CentreConfig, CentreEstimate, Fallback};
pub use gap_fill::{GapConfig, GapFill, GapMethod};
pub use outlier::{Zinger, ZingerConfig, ZingerRemoval};
