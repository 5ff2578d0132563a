//! What most programs need: `use xscatter::prelude::*;`.

pub use xscatter_automl::{Leaderboard, Representation, Study, StudyConfig};
pub use xscatter_core::{
    Classes, Concat, Error, ErrorKind, Estimator, Family, FeatureExtractor, FeatureTable, Frame,
    FrameSource, FrameTransform, Geometry, Goal, Mask, Metric, PixelFlags, Predictor, Result,
    Score, StopToken, Target, TrainingSet, Transformer, transform_fn,
};
pub use xscatter_features::{Glcm, HistogramStatistics, RadialProfile};
pub use xscatter_heal::{BeamCentre, GapFill, ZingerRemoval};
pub use xscatter_reduce::AzimuthalIntegrator;
