#![doc = include_str!("../README.md")]

pub mod error;
pub mod extract;
pub mod frame;
pub mod geometry;
pub mod learn;
pub mod mask;
pub mod metric;
pub mod search;
pub mod seed;
pub mod source;
pub mod stop;
pub mod table;
pub mod target;
pub mod transform;

/// The array type of the seams, so that an implementer need not match versions.
pub use ndarray;

pub use error::{Error, ErrorKind, Result};
pub use extract::{Concat, FeatureExtractor};
pub use frame::{Frame, FrameInfo};
pub use geometry::{Geometry, Orientation, PixelPosition};
pub use learn::{BoxEstimator, BoxPredictor, Estimator, Predictor, TrainingSet, Transformer};
pub use mask::{Mask, PixelFlags};
pub use metric::{Goal, Metric, Score};
pub use search::{Family, Params, Space};
pub use source::FrameSource;
pub use stop::StopToken;
pub use table::FeatureTable;
pub use target::{Classes, TagState, Tags, Target, Values};
pub use transform::{FrameTransform, transform_fn};

/// Object safety and auto traits, checked by the compiler.
#[cfg(test)]
mod compile_time {
    use super::*;

    const fn send_sync<T: Send + Sync + ?Sized>() {}

    const _: () = {
        send_sync::<dyn FrameSource>();
        send_sync::<dyn FrameTransform>();
        send_sync::<dyn FeatureExtractor>();
        send_sync::<dyn Estimator<Fitted = BoxPredictor>>();
        send_sync::<dyn Transformer>();
        send_sync::<dyn Predictor>();
        send_sync::<dyn Family>();
        send_sync::<dyn Metric>();
        send_sync::<Frame>();
        send_sync::<Mask>();
        send_sync::<FeatureTable>();
        send_sync::<Target>();
        send_sync::<StopToken>();
        send_sync::<Error>();
        // An error stays one pointer wide, so that results are cheap to pass on.
        assert!(size_of::<Error>() == size_of::<usize>());
    };
}
