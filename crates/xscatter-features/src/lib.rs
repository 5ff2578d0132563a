#![doc = include_str!("../README.md")]

pub mod angular_correlation;
pub mod azimuthal;
mod batch;
pub mod catalogue;
mod cholesky;
pub mod curve;
pub mod glcm;
pub mod harmonics;
pub mod histogram;
pub mod intensity;
pub mod intensity_profile;
pub mod layout;
mod measured;
mod place;
pub mod polar;
pub mod q_range;
pub mod radial;
pub mod resample;
pub mod ring_statistics;

pub use angular_correlation::{AngularCorrelation, AngularCorrelationConfig};
pub use azimuthal::{Azimuthal, AzimuthalConfig, AzimuthalError};
pub use catalogue::FeatureConfig;
pub use curve::{Curve, CurveError};
pub use glcm::{Glcm, GlcmAggregation, GlcmConfig, GlcmProperty};
pub use harmonics::{HarmonicPart, Harmonics, HarmonicsConfig};
pub use histogram::{HistogramConfig, HistogramForm, HistogramStatistics};
pub use intensity::{IntensityTransform, LevelRange};
pub use intensity_profile::{IntensityProfile, ProfileConfig, ProfileError, ProfileSigma};
pub use layout::{Layout, LayoutConfig};
pub use measured::{Measured, Quantity, Undefined};
pub use polar::{PolarTable, QAxis, QAxisError, QSpacing};
pub use q_range::{QRange, QRangeConfig};
pub use radial::{EmptyBin, RadialAxis, RadialConfig, RadialProfile, RadialStatistic};
pub use resample::{Grid, Resampled};
pub use ring_statistics::{RingStatistic, RingStatistics, RingStatisticsConfig};
