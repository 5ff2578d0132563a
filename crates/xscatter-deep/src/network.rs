//! A trained network with all that is needed to use it.
//!
//! It knows its layers, how its inputs are made of frames, the names of its classes, the course of
//! its training and the device it lives on. [`TrainedNetwork::save`] and [`TrainedNetwork::load`]
//! keep it in a folder.

use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use ndarray::Array2;
use xscatter_core::{Error, ErrorKind, Frame, Result};

use crate::input::FrameInput;
use crate::lenet::{LeNet, LeNetConfig};
use crate::train::EpochReport;

/// How many frames go through the network together: always that many, with empty ones at the end,
/// so that a frame meets the same arithmetic whatever comes with it.
const BATCH: usize = 8;

/// How many frames are prepared at a time, to bound the memory.
const PREPARED: usize = 32 * BATCH;

/// A trained [`LeNet`]; [`train`](crate::train()) makes one.
#[derive(Debug)]
pub struct TrainedNetwork {
    config: LeNetConfig,
    input: FrameInput,
    classes: Vec<Arc<str>>,
    history: Vec<EpochReport>,
    model: LeNet,
    device: Device,
}

impl TrainedNetwork {
    pub(crate) fn new(
        config: LeNetConfig,
        input: FrameInput,
        classes: Vec<Arc<str>>,
        history: Vec<EpochReport>,
        model: LeNet,
        device: Device,
    ) -> Self {
        Self {
            config,
            input,
            classes,
            history,
            model,
            device,
        }
    }

    /// The layers.
    pub fn config(&self) -> &LeNetConfig {
        &self.config
    }

    /// How inputs are made of frames.
    pub fn input(&self) -> &FrameInput {
        &self.input
    }

    /// The names of the classes, in the order of the probabilities.
    pub fn classes(&self) -> &[Arc<str>] {
        &self.classes
    }

    /// How the training went, epoch by epoch.
    pub fn history(&self) -> &[EpochReport] {
        &self.history
    }

    /// The network itself, as a burn module in evaluation.
    pub fn model(&self) -> &LeNet {
        &self.model
    }

    /// The device on which it runs.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The probabilities of the classes, frames × classes.
    ///
    /// # Errors
    /// [`ErrorKind::DegenerateData`] if a frame has no valid pixel.
    pub fn predict_proba(&self, frames: &[Frame]) -> Result<Array2<f32>> {
        let mut logits = self.forward(frames, self.config.classes, |model, images| {
            model.logits(model.features(images, None))
        })?;
        for mut row in logits.rows_mut() {
            let highest = row.fold(f32::NEG_INFINITY, |a, &b| a.max(b));
            let sum: f64 = row
                .iter()
                .map(|&logit| f64::from(logit - highest).exp())
                .sum();
            row.mapv_inplace(|logit| (f64::from(logit - highest).exp() / sum) as f32);
        }
        Ok(logits)
    }

    /// The activations of the last layer but one, frames × `dense[1]`.
    ///
    /// # Errors
    /// [`ErrorKind::DegenerateData`] if a frame has no valid pixel.
    pub fn features(&self, frames: &[Frame]) -> Result<Array2<f32>> {
        self.forward(frames, self.config.dense[1], |model, images| {
            model.features(images, None)
        })
    }

    fn forward(
        &self,
        frames: &[Frame],
        width: usize,
        pass: impl Fn(&LeNet, Tensor<4>) -> Tensor<2>,
    ) -> Result<Array2<f32>> {
        let (channels, size) = (self.input.channels(), self.input.size());
        let length = channels * size * size;
        let mut rows = Vec::with_capacity(frames.len() * width);
        for frames in frames.chunks(PREPARED) {
            let inputs = self.input.prepare(frames)?;
            for start in (0..frames.len()).step_by(BATCH) {
                let n = BATCH.min(frames.len() - start);
                let mut images = Vec::with_capacity(BATCH * length);
                for index in start..start + n {
                    images.extend_from_slice(inputs.sample(index));
                }
                images.resize(BATCH * length, 0.0);
                let images = TensorData::new(images, [BATCH, channels, size, size]);
                let out = pass(&self.model, Tensor::from_data(images, &self.device));
                rows.extend_from_slice(&values_of(out)?[..n * width]);
            }
        }
        Ok(Array2::from_shape_vec((frames.len(), width), rows)
            .expect("each frame added one row of this width"))
    }
}

/// The position of the largest value, the first one among equals.
pub(crate) fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (index, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = index;
        }
    }
    best
}

/// The values of a tensor on the host, row-major.
pub(crate) fn values_of<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>> {
    tensor.try_into_vec_as::<f32>().map_err(|error| {
        Error::new(
            ErrorKind::Other,
            format!("reading the results from the device failed: {error}"),
        )
        .with_source(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy;
    use xscatter_core::Mask;

    #[test]
    fn probabilities_are_probabilities() {
        let (frames, _) = toy::frames(5, 7);
        let proba = toy::network().predict_proba(&frames).unwrap();
        assert_eq!(proba.dim(), (5, 2));
        for row in proba.rows() {
            assert!(row.iter().all(|p| (0.0..=1.0).contains(p)));
            assert!((row.sum() - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn no_frame_gives_no_row() {
        assert_eq!(toy::network().predict_proba(&[]).unwrap().dim(), (0, 2));
    }

    #[test]
    fn a_row_is_the_same_bit_by_bit_whatever_comes_with_it() {
        let (frames, _) = toy::frames(37, 7);
        let network = toy::network();
        let together = network.features(&frames).unwrap();
        assert!(together.iter().any(|&value| value > 0.0));
        for (index, frame) in frames.iter().enumerate() {
            let alone = network.features(std::slice::from_ref(frame)).unwrap();
            assert_eq!(alone.row(0), together.row(index), "frame {index}");
        }
    }

    #[test]
    fn a_frame_without_a_valid_pixel_is_an_error() {
        let nothing = Frame::new(Array2::zeros((6, 6)))
            .with_mask(Mask::from_good(Array2::from_elem((6, 6), false).view()))
            .unwrap();
        let error = toy::network().predict_proba(&[nothing]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
    }

    #[test]
    fn the_first_of_equals_wins() {
        assert_eq!(argmax(&[0.0, 2.0, 2.0]), 1);
    }
}
