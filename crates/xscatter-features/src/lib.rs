#![doc = include_str!("../README.md")]

pub mod azimuthal;
mod batch;
pub mod catalogue;
pub mod curve;
pub mod fourier_bessel;
pub mod glcm;
pub mod histogram;
pub mod intensity;
pub mod layout;
mod measured;
pub mod moments;
mod place;
pub mod q_range;
pub mod radial;
pub mod resample;
pub mod zernike;

pub use azimuthal::{Azimuthal, AzimuthalConfig, AzimuthalError};
pub use catalogue::FeatureConfig;
pub use curve::{Curve, CurveError};
pub use fourier_bessel::{CoefficientForm, FourierBessel, FourierBesselConfig, Reach};
pub use glcm::{Glcm, GlcmAggregation, GlcmConfig, GlcmProperty};
pub use histogram::{HistogramConfig, HistogramForm, HistogramStatistics};
pub use intensity::{IntensityTransform, LevelRange};
pub use layout::{Layout, LayoutConfig};
pub use measured::{Measured, Quantity, Undefined};
pub use moments::{HuMoments, HuMomentsConfig};
pub use q_range::{QRange, QRangeConfig};
pub use radial::{EmptyBin, RadialAxis, RadialConfig, RadialProfile, RadialStatistic};
pub use resample::{Grid, Resampled};
pub use zernike::{Gaps, Zernike, ZernikeCentre, ZernikeConfig, ZernikeRadius};
