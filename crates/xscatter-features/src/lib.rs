#![doc = include_str!("../README.md")]

pub mod azimuthal;
mod batch;
pub mod catalogue;
pub mod curve;
pub mod glcm;
pub mod haralick;
pub mod histogram;
pub mod intensity;
pub mod layout;
mod measured;
mod place;
pub mod q_range;
pub mod radial;
pub mod resample;
mod tally;
pub mod tamura;

pub use azimuthal::{Azimuthal, AzimuthalConfig, AzimuthalError};
pub use catalogue::FeatureConfig;
pub use curve::{Curve, CurveError};
pub use glcm::{Glcm, GlcmAggregation, GlcmConfig, GlcmProperty};
pub use haralick::{Haralick, HaralickConfig};
pub use histogram::{HistogramConfig, HistogramForm, HistogramStatistics};
pub use intensity::{IntensityTransform, LevelRange};
pub use layout::{Layout, LayoutConfig};
pub use measured::{Measured, Quantity, Undefined};
pub use q_range::{QRange, QRangeConfig};
pub use radial::{EmptyBin, RadialAxis, RadialConfig, RadialProfile, RadialStatistic};
pub use resample::{Grid, Resampled};
pub use tamura::{Tamura, TamuraConfig};
