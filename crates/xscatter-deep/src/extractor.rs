//! What a trained network sees, as features for any classical learner.
//!
//! The columns `lenet.000`, `lenet.001`, … are the activations of the last layer but one
//! ([`TrainedNetwork::features`]), at least 0. Use them beside hand-crafted features; keep in mind
//! that a network has seen the labels of its training frames, so a score on those frames is worth
//! nothing: train the network on the training part of each split.
//!
//! A frame without a valid pixel is an error. Masked pixels never matter. A row is the same bit by
//! bit, whatever frames come with it. Cost: one forward pass a frame.

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::network::TrainedNetwork;

/// The last layer but one of a [`TrainedNetwork`] as a feature extractor.
#[derive(Debug, Clone)]
pub struct LeNetExtractor {
    network: Arc<TrainedNetwork>,
    columns: Vec<Arc<str>>,
}

impl LeNetExtractor {
    /// Names the columns.
    pub fn new(network: impl Into<Arc<TrainedNetwork>>) -> Self {
        let network = network.into();
        let columns = (0..network.config().dense[1])
            .map(|index| format!("lenet.{index:03}").into())
            .collect();
        Self { network, columns }
    }

    /// The network.
    pub fn network(&self) -> &Arc<TrainedNetwork> {
        &self.network
    }
}

impl FeatureExtractor for LeNetExtractor {
    fn name(&self) -> &str {
        "lenet"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], mut out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        out.assign(&self.network.features(frames)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy;

    #[test]
    fn the_features_are_named_and_not_all_dead() {
        let extractor = LeNetExtractor::new(toy::network());
        let (frames, _) = toy::frames(6, 5);
        let table = extractor.extract(&frames).unwrap();
        assert_eq!(table.n_columns(), 12);
        assert_eq!(&*table.columns()[11], "lenet.011");
        assert!(table.values().iter().all(|&value| value >= 0.0));
        assert!(table.values().iter().any(|&value| value > 0.0));
    }

    #[test]
    fn it_keeps_the_contract_of_extractors() {
        let (frames, _) = toy::frames(11, 5);
        let extractor = LeNetExtractor::new(toy::network());
        xscatter_testkit::check_extractor(&extractor, &frames).unwrap();
    }
}
