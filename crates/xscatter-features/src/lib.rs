#![doc = include_str!("../README.md")]

pub mod azimuthal;
mod batch;
pub mod catalogue;
pub mod curve;
pub mod daisy;
pub mod dense_sift;
pub mod glcm;
pub mod histogram;
pub mod intensity;
pub mod layout;
mod local;
mod measured;
mod place;
pub mod q_range;
pub mod radial;
pub mod resample;

pub use azimuthal::{Azimuthal, AzimuthalConfig, AzimuthalError};
pub use catalogue::FeatureConfig;
pub use curve::{Curve, CurveError};
pub use daisy::{Daisy, DaisyConfig, DaisyNormalization};
pub use dense_sift::{DenseSift, DenseSiftConfig, SiftWindow};
pub use glcm::{Glcm, GlcmAggregation, GlcmConfig, GlcmProperty};
pub use histogram::{HistogramConfig, HistogramForm, HistogramStatistics};
pub use intensity::{IntensityTransform, LevelRange};
pub use layout::{Layout, LayoutConfig};
pub use local::{Descriptors, Pooling};
pub use measured::{Measured, Quantity, Undefined};
pub use q_range::{QRange, QRangeConfig};
pub use radial::{EmptyBin, RadialAxis, RadialConfig, RadialProfile, RadialStatistic};
pub use resample::{Grid, Resampled};
