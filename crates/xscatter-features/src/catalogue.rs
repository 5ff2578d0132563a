//! Every extractor that a configuration alone makes, as data.
//!
//! A [`FeatureConfig`] is the name of an extractor and its settings. It reads from and writes to JSON,
//! so that a study is a list of them and a cache can tell them apart:
//!
//! ```
//! use xscatter_features::FeatureConfig;
//!
//! let config: FeatureConfig = serde_json::from_str(r#"{"glcm": {"distances_px": [1, 8]}}"#)?;
//! assert_eq!(config.name(), "glcm");
//! assert_eq!(config.build()?.columns().len(), 2 * 10 * 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Extractors that must be fitted first (the visual words) are not here.

use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, FeatureExtractor, Result};

use crate::angular_correlation::{AngularCorrelation, AngularCorrelationConfig};
use crate::azimuthal::{Azimuthal, AzimuthalConfig};
use crate::beamstop::{Beamstop, BeamstopConfig};
use crate::circular_harmonics::{CircularHarmonics, CircularHarmonicsConfig};
use crate::daisy::{Daisy, DaisyConfig};
use crate::dense_sift::{DenseSift, DenseSiftConfig};
use crate::fourier_bessel::{FourierBessel, FourierBesselConfig};
use crate::gabor::{Gabor, GaborConfig};
use crate::glcm::{Glcm, GlcmConfig};
use crate::haralick::{Haralick, HaralickConfig};
use crate::harmonics::{Harmonics, HarmonicsConfig};
use crate::histogram::{HistogramConfig, HistogramStatistics};
use crate::hog::{Hog, HogConfig};
use crate::intensity_profile::{IntensityProfile, ProfileConfig};
use crate::lattices::{Lattices, LatticesConfig};
use crate::layout::{Layout, LayoutConfig};
use crate::lbp::{Lbp, LbpConfig};
use crate::local_entropy::{LocalEntropy, LocalEntropyConfig};
use crate::moments::{HuMoments, HuMomentsConfig};
use crate::orientation::{Orientation, OrientationConfig};
use crate::peaks::{Peaks, PeaksConfig};
use crate::power_spectrum::{PowerSpectrum, PowerSpectrumConfig};
use crate::q_range::{QRange, QRangeConfig};
use crate::radial::{RadialConfig, RadialProfile};
use crate::reflection::{ReflectionConfig, Reflections};
use crate::ring_statistics::{RingStatistics, RingStatisticsConfig};
use crate::scattering::{Scattering, ScatteringConfig};
use crate::scherrer::{DomainSizes, DomainSizesConfig};
use crate::small_angle::{SmallAngle, SmallAngleConfig};
use crate::tamura::{Tamura, TamuraConfig};
use crate::wavelet::{WaveletConfig, WaveletEnergies};
use crate::zernike::{Zernike, ZernikeConfig};

macro_rules! catalogue {
    ($($name:literal $variant:ident $extractor:ident $config:ident $group:ident, $summary:literal;)*) => {
        /// An extractor and its settings; see the [module](self).
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub enum FeatureConfig {
            $(
                #[doc = $summary]
                #[serde(rename = $name)]
                $variant($config),
            )*
        }

        impl FeatureConfig {
            /// Every extractor with its default settings, group by group.
            pub fn all() -> Vec<Self> {
                vec![$(Self::$variant($config::default()),)*]
            }

            /// The name by which a user asks for it.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $name,)*
                }
            }

            /// What it describes, in a line.
            pub const fn summary(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $summary,)*
                }
            }

            /// What kind of description it is.
            pub const fn group(&self) -> Group {
                match self {
                    $(Self::$variant(_) => Group::$group,)*
                }
            }

            /// The extractor.
            ///
            /// # Errors
            /// [`ErrorKind::InvalidArgument`] if a setting is outside its domain.
            pub fn build(&self) -> Result<Box<dyn FeatureExtractor>> {
                let invalid = |error: String| {
                    Error::new(ErrorKind::InvalidArgument, format!("{}: {error}", self.name()))
                };
                match self {
                    $(
                        Self::$variant(config) => $extractor::new(config.clone())
                            .map(FeatureExtractor::boxed)
                            .map_err(|error| invalid(error.to_string())),
                    )*
                }
            }
        }
    };
}

/// Kinds of descriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Grey levels and how they neighbour each other.
    Texture,
    /// Form and frequencies of the image.
    Shape,
    /// Local descriptors on a grid.
    Local,
    /// Quantities of scattering: profiles, peaks, orientation.
    Physics,
}

impl Group {
    /// The name in a listing.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Texture => "texture",
            Self::Shape => "shape",
            Self::Local => "local",
            Self::Physics => "physics",
        }
    }
}

// name, variant, extractor, configuration, group, summary.
catalogue! {
    "gabor" Gabor Gabor GaborConfig Texture, "How much of each wavelength runs in each direction";
    "glcm" Glcm Glcm GlcmConfig Texture, "Properties of grey-level co-occurrence matrices";
    "haralick" Haralick Haralick HaralickConfig Texture, "The fourteen texture features of Haralick";
    "histogram" Histogram HistogramStatistics HistogramConfig Texture, "First-order statistics of the intensities";
    "lbp" Lbp Lbp LbpConfig Texture, "The histogram of local binary patterns";
    "local-entropy" LocalEntropy LocalEntropy LocalEntropyConfig Texture, "How many grey levels mix around a pixel";
    "scattering" Scattering Scattering ScatteringConfig Texture, "Wavelet scattering of first and second order";
    "tamura" Tamura Tamura TamuraConfig Texture, "Coarseness, contrast and direction as people see them";
    "circular-harmonics" CircularHarmonics CircularHarmonics CircularHarmonicsConfig Shape, "Angular harmonics about the beam, band by band: orientation and symmetry";
    "fourier-bessel" FourierBessel FourierBessel FourierBesselConfig Shape, "Fourier-Bessel coefficients about the beam: rings and their symmetry, fitted around gaps";
    "hu-moments" HuMoments HuMoments HuMomentsConfig Shape, "Hu's invariants of moments: form of the bright part, wherever and however turned";
    "layout" Layout Layout LayoutConfig Shape, "Where the intensity lies, whichever way up it is stored";
    "power-spectrum" PowerSpectrum PowerSpectrum PowerSpectrumConfig Shape, "Shares of the variance by frequency and direction, and its slope";
    "wavelet" Wavelet WaveletEnergies WaveletConfig Shape, "Energies of the details of a wavelet transform";
    "zernike" Zernike Zernike ZernikeConfig Shape, "Zernike moments: smooth form within a disc, however turned";
    "daisy" Daisy Daisy DaisyConfig Local, "Orientation histograms on rings around places (DAISY), pooled";
    "dense-sift" DenseSift DenseSift DenseSiftConfig Local, "Directions of slopes in the 4x4 cells of patches (SIFT), pooled";
    "hog" Hog Hog HogConfig Local, "Histograms of oriented gradients";
    "azimuthal" Azimuthal Azimuthal AzimuthalConfig Physics, "Variation around the beam: texture, shadow, Friedel symmetry";
    "beamstop" Beamstop Beamstop BeamstopConfig Physics, "The shadow of a beamstop: form, radius, direction of the arm";
    "correlation" AngularCorrelation AngularCorrelation AngularCorrelationConfig Physics, "Which azimuths of a ring are bright together";
    "harmonics" Harmonics Harmonics HarmonicsConfig Physics, "Fourier series of the intensity in the azimuth, by bands of q";
    "lattices" Lattices Lattices LatticesConfig Physics, "Which lattices the peaks of the curve may come from";
    "orientation" Orientation Orientation OrientationConfig Physics, "Order parameters and directors of the strongest ring and of all";
    "peaks" Peaks Peaks PeaksConfig Physics, "Positions, widths, heights and areas of the peaks of the curve";
    "profile" IntensityProfile IntensityProfile ProfileConfig Physics, "Intensity on rings of q, linear or logarithmic";
    "q-range" QRange QRange QRangeConfig Physics, "The scattering vectors that a frame covers";
    "radial-profile" RadialProfile RadialProfile RadialConfig Physics, "Mean and deviation of the intensity on rings about the beam";
    "reflection" Reflection Reflections ReflectionConfig Physics, "Horizon, Yoneda band and specular spot of a surface";
    "rings" RingStatistics RingStatistics RingStatisticsConfig Physics, "How counts are distributed along rings of q: noise, texture, grains";
    "scherrer" Scherrer DomainSizes DomainSizesConfig Physics, "Sizes of ordered domains and strain from the widths of peaks";
    "small-angle" SmallAngle SmallAngle SmallAngleConfig Physics, "Guinier, Porod, invariant, surface, correlation length, slopes";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_extractor_builds_with_its_defaults_and_survives_json() {
        for config in FeatureConfig::all() {
            let extractor = config.build().unwrap();
            assert!(!extractor.columns().is_empty());
            let text = serde_json::to_string(&config).unwrap();
            assert_eq!(
                serde_json::from_str::<FeatureConfig>(&text).unwrap(),
                config
            );
            let bare = format!(r#"{{"{}": {{}}}}"#, config.name());
            assert_eq!(
                serde_json::from_str::<FeatureConfig>(&bare).unwrap(),
                config
            );
        }
    }

    #[test]
    fn columns_of_different_extractors_are_distinct() {
        let mut names: Vec<String> = FeatureConfig::all()
            .iter()
            .flat_map(|config| config.build().unwrap().columns().to_vec())
            .map(|name| name.to_string())
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_setting_that_does_not_exist_or_makes_no_sense_is_refused() {
        let parsed = serde_json::from_str::<FeatureConfig>(r#"{"glcm": {"distance": 1}}"#);
        assert!(parsed.unwrap_err().to_string().contains("distance"));
        let config: FeatureConfig = serde_json::from_str(r#"{"glcm": {"levels": 1}}"#).unwrap();
        let error = config.build().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(error.message(), "glcm: expected 2 to 256 levels, got 1");
    }
}
