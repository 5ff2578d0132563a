#![doc = include_str!("../README.md")]

pub mod azimuthal;
mod batch;
pub mod glcm;
pub mod histogram;
pub mod intensity;
pub mod layout;
pub mod q_range;
pub mod radial;
pub mod resample;

pub use azimuthal::{Azimuthal, AzimuthalConfig, AzimuthalError};
pub use glcm::{Glcm, GlcmAggregation, GlcmConfig, GlcmProperty};
pub use histogram::{HistogramConfig, HistogramForm, HistogramStatistics};
pub use intensity::{IntensityTransform, LevelRange};
pub use layout::{Layout, LayoutConfig};
pub use q_range::QRange;
pub use radial::{EmptyBin, RadialAxis, RadialConfig, RadialProfile, RadialStatistic};
pub use resample::Resampled;
