#![doc = include_str!("../README.md")]

pub mod angular_range;
pub mod azimuthal;
mod batch;
pub mod glcm;
pub mod histogram;
pub mod intensity;
pub mod layout;
pub mod radial;
pub mod resample;

pub use angular_range::AngularRange;
pub use azimuthal::{Azimuthal, AzimuthalConfig, AzimuthalError};
pub use glcm::{Glcm, GlcmAggregation, GlcmConfig, GlcmProperty};
pub use histogram::{HistogramConfig, HistogramForm, HistogramStatistics};
pub use intensity::{IntensityTransform, LevelRange};
pub use layout::{Layout, LayoutConfig};
pub use radial::{EmptyBin, RadialAxis, RadialConfig, RadialProfile, RadialStatistic};
pub use resample::Resampled;
