#![doc = include_str!("../README.md")]

mod batch;
pub mod glcm;
pub mod histogram;
pub mod intensity;
pub mod layout;
pub mod radial;
pub mod resample;

pub use glcm::{Glcm, GlcmAggregation, GlcmConfig, GlcmProperty};
pub use histogram::{HistogramConfig, HistogramForm, HistogramStatistics};
pub use intensity::{IntensityTransform, LevelRange};
pub use layout::{Layout, LayoutConfig};
pub use radial::{EmptyBin, RadialAxis, RadialConfig, RadialProfile, RadialStatistic};
pub use resample::Resampled;
