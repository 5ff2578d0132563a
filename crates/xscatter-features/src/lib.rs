#![doc = include_str!("../README.md")]

pub mod azimuthal;
mod batch;
pub mod catalogue;
mod centred;
pub mod curve;
mod fourier2;
pub mod gabor;
pub mod glcm;
pub mod histogram;
pub mod intensity;
pub mod layout;
mod measured;
mod place;
pub mod power_spectrum;
pub mod q_range;
pub mod radial;
pub mod resample;
pub mod scattering;
pub mod wavelet;

pub use azimuthal::{Azimuthal, AzimuthalConfig, AzimuthalError};
pub use catalogue::FeatureConfig;
pub use curve::{Curve, CurveError};
pub use gabor::{Gabor, GaborConfig, GaborError};
pub use glcm::{Glcm, GlcmAggregation, GlcmConfig, GlcmProperty};
pub use histogram::{HistogramConfig, HistogramForm, HistogramStatistics};
pub use intensity::{IntensityTransform, LevelRange};
pub use layout::{Layout, LayoutConfig};
pub use measured::{Measured, Quantity, Undefined};
pub use power_spectrum::{BandSpacing, PowerSpectrum, PowerSpectrumConfig, PowerSpectrumError};
pub use q_range::{QRange, QRangeConfig};
pub use radial::{EmptyBin, RadialAxis, RadialConfig, RadialProfile, RadialStatistic};
pub use resample::{Grid, Resampled};
pub use scattering::{Scattering, ScatteringConfig, ScatteringError};
pub use wavelet::{WaveletConfig, WaveletEnergies, WaveletError};
