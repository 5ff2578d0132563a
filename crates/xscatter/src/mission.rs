//! The 25 representations of the published four-technique study, as data: a study is a list of them.
//!
//! The study compared 8 featurisations in 25 representations; which 25 is not recorded. This grid is a
//! *reconstruction* that fits the number and uses only what the authors' public code shows:
//!
//! | featurisations | × | representations |
//! |---|---|---|
//! | five deep networks (VGG16, VGG19, Xception, ResNet50, InceptionResNetV2) | weights: pretrained, fine-tuned, from scratch | 15 |
//! | the LeNet variant | last hidden layer of 192 or 64 values; grey image as it is, or logarithm | 4 |
//! | first-order statistics, the authors' form | grey image as it is, equalised, logarithm | 3 |
//! | grey-level co-occurrence, the authors' form | grey image as it is, equalised, logarithm | 3 |
//!
//! The hand-crafted ones are computed by `xscatter-features`. The networks are not part of this crate:
//! whoever has trained one hands its extractor in; without it, building the representation is an error
//! that says which network it wants.
//!
//! Source of the facts: the public code of camSortXS and pyCBIR (Araujo, Silva, Ushizima).

use serde::{Deserialize, Serialize};
use xscatter_core::{
    Error, ErrorKind, FeatureExtractor, FeatureTable, Frame, FrameTransform as _, Result,
};
use xscatter_features::{
    FeatureConfig, GlcmAggregation, GlcmConfig, GlcmProperty, GreyScale, HistogramConfig,
    HistogramForm, IntensityTransform, LevelRange,
};

/// A way to look at frames: the grey image, and what is computed from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Representation {
    /// Its name in a table of results: `glcm-log`, `vgg16-pretrained`.
    pub name: String,
    /// How counts become a grey image.
    pub preprocessing: GreyScale,
    /// What is computed.
    pub method: Method,
}

/// What is computed from a grey image.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Hand-crafted features.
    Features(FeatureConfig),
    /// A layer of a network.
    Network(Network),
}

/// A layer of a network that somebody has trained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Network {
    /// Its architecture.
    pub architecture: Architecture,
    /// Where its weights come from.
    pub weights: Weights,
    /// Which layer: how many values it has.
    pub width: usize,
}

/// Architectures of the study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Architecture {
    /// Three convolutions and two dense layers, for images of 256 × 256.
    LeNet,
    /// Simonyan and Zisserman 2014, 16 layers.
    Vgg16,
    /// Simonyan and Zisserman 2014, 19 layers.
    Vgg19,
    /// Chollet 2017.
    Xception,
    /// He et al. 2016, 50 layers.
    ResNet50,
    /// Szegedy et al. 2017.
    InceptionResNetV2,
}

impl Architecture {
    /// The name in that of a representation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LeNet => "lenet",
            Self::Vgg16 => "vgg16",
            Self::Vgg19 => "vgg19",
            Self::Xception => "xception",
            Self::ResNet50 => "resnet50",
            Self::InceptionResNetV2 => "inception-resnet-v2",
        }
    }
}

/// Where the weights of a network come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// Photographs.
    Pretrained,
    /// Photographs, then the frames of the study.
    FineTuned,
    /// The frames of the study alone.
    Scratch,
}

impl Weights {
    /// The name in that of a representation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pretrained => "pretrained",
            Self::FineTuned => "fine-tuned",
            Self::Scratch => "scratch",
        }
    }
}

/// The 25 representations, in the order of the [module](self)'s table.
///
/// ```
/// let grid = xscatter::mission::representations();
/// assert_eq!(grid.len(), 25);
/// assert_eq!(grid[24].name, "glcm-log");
/// ```
pub fn representations() -> Vec<Representation> {
    let deep = [
        (Architecture::Vgg16, 4096),
        (Architecture::Vgg19, 4096),
        (Architecture::Xception, 2048),
        (Architecture::ResNet50, 2048),
        (Architecture::InceptionResNetV2, 1536),
    ];
    let weights = [Weights::Pretrained, Weights::FineTuned, Weights::Scratch];
    let deep = deep.into_iter().flat_map(|(architecture, width)| {
        weights.map(|weights| Representation {
            name: format!("{}-{}", architecture.name(), weights.name()),
            preprocessing: GreyScale::Linear,
            method: Method::Network(Network {
                architecture,
                weights,
                width,
            }),
        })
    });
    let lenet = [192, 64].into_iter().flat_map(|width| {
        [GreyScale::Linear, GreyScale::Logarithm].map(|preprocessing| Representation {
            name: format!("lenet{width}-{}", preprocessing.name()),
            preprocessing,
            method: Method::Network(Network {
                architecture: Architecture::LeNet,
                weights: Weights::Scratch,
                width,
            }),
        })
    });
    let by_hand = [("histogram", histogram()), ("glcm", glcm())];
    let by_hand = by_hand.into_iter().flat_map(|(name, config)| {
        GreyScale::ALL.map(|preprocessing| Representation {
            name: format!("{name}-{}", preprocessing.name()),
            preprocessing,
            method: Method::Features(config.clone()),
        })
    });
    deep.chain(lenet).chain(by_hand).collect()
}

/// Seven first-order statistics as the authors computed them.
fn histogram() -> FeatureConfig {
    FeatureConfig::Histogram(HistogramConfig {
        form: HistogramForm::Original,
        transform: IntensityTransform::Raw,
        ..Default::default()
    })
}

/// Six properties of one isotropic co-occurrence matrix: 256 levels, distance 1, the mean over four angles.
fn glcm() -> FeatureConfig {
    FeatureConfig::Glcm(GlcmConfig {
        distances_px: vec![1],
        levels: 256,
        transform: IntensityTransform::Raw,
        range: LevelRange::Fixed {
            min: 0.0,
            max: 256.0,
        },
        symmetric: false,
        aggregation: GlcmAggregation::Isotropic,
        properties: vec![
            GlcmProperty::Contrast,
            GlcmProperty::Dissimilarity,
            GlcmProperty::Homogeneity,
            GlcmProperty::Energy,
            GlcmProperty::Correlation,
            GlcmProperty::Asm,
        ],
        ..Default::default()
    })
}

impl Representation {
    /// What computes the columns from frames that [`preprocessing`](Self::preprocessing) was applied to.
    ///
    /// `networks` gives the extractor of a network, if there is one.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] if the network is not there; [`ErrorKind::InvalidArgument`] if a
    /// setting is outside its domain.
    pub fn extractor(
        &self,
        networks: impl Fn(&Network) -> Option<Box<dyn FeatureExtractor>>,
    ) -> Result<Box<dyn FeatureExtractor>> {
        match &self.method {
            Method::Features(config) => config.build(),
            Method::Network(network) => networks(network).ok_or_else(|| {
                Error::new(
                    ErrorKind::Unsupported,
                    format!(
                        "{}: expected a network of {} with {} weights and a layer of {} values, found none",
                        self.name,
                        network.architecture.name(),
                        network.weights.name(),
                        network.width
                    ),
                )
            }),
        }
    }

    /// The rows of some frames: preprocessing, then `extractor`.
    ///
    /// # Errors
    /// If a frame cannot be described.
    pub fn describe(
        &self,
        frames: &[Frame],
        extractor: &dyn FeatureExtractor,
    ) -> Result<FeatureTable> {
        let grey: Result<Vec<Frame>> = frames
            .iter()
            .map(|frame| self.preprocessing.apply(frame.clone()))
            .collect();
        extractor.extract(&grey?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn there_are_25_with_names_of_their_own_that_survive_json() {
        let grid = representations();
        let text = serde_json::to_string(&grid).unwrap();
        assert_eq!(
            serde_json::from_str::<Vec<Representation>>(&text).unwrap(),
            grid
        );
        let mut names: Vec<&str> = grid.iter().map(|one| one.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 25);
        let networks = grid
            .iter()
            .filter(|one| matches!(one.method, Method::Network(_)));
        assert_eq!(networks.count(), 19);
    }

    #[test]
    fn those_by_hand_describe_frames_and_the_others_say_what_they_want() {
        let counts = Array2::from_shape_fn((40, 30), |(r, c)| ((r * 37 + c * c) % 1501) as f32);
        let frames = [Frame::new(counts)];
        for representation in representations() {
            match representation.extractor(|_| None) {
                Ok(extractor) => {
                    let table = representation.describe(&frames, &*extractor).unwrap();
                    // As many as the authors had: seven statistics, six properties.
                    let expected = if representation.name.starts_with("glcm") {
                        6
                    } else {
                        7
                    };
                    assert_eq!(table.n_columns(), expected, "{}", representation.name);
                    assert!(table.values().iter().all(|value| value.is_finite()));
                }
                Err(error) => {
                    assert!(matches!(representation.method, Method::Network(_)));
                    assert_eq!(error.kind(), ErrorKind::Unsupported);
                    assert!(error.message().contains("weights"), "{error}");
                }
            }
        }
    }
}
