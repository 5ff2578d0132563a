//! LeNet: three convolutions and two dense layers, small enough to train on a CPU.
//!
//! Use it to learn the looks of a few classes from some hundred frames. Do not expect it to name
//! fine-grained tags: it has no depth for that.
//!
//! | layer | output |
//! |---|---|
//! | input | `in_channels` × `input_size` × `input_size` |
//! | 3 × (3×3 convolution, same size; batch normalisation; ReLU; 2×2 maximum) | `channels[2]` × s × s, s = `input_size` / 8 rounded down |
//! | dense, ReLU, dropout in training | `dense[0]` |
//! | dense, ReLU: the *features* | `dense[1]` |
//! | dense: the *logits*, whose softmax gives the probabilities | `classes` |
//!
//! [`LeNetConfig::published`] has the layers of the variant in Ushizima et al., *Deep learning and
//! AutoML: applications to X-ray data* (software camSortXS, 2021), with its 9,515,956 parameters;
//! where its activations stand is not stated there, here they follow the normalisation.
//! [`LeNetConfig::compact`] is ours: it trains in seconds.
//!
//! Weights start from U(−1/√n, 1/√n) for n inputs of a neuron (Kaiming with a = √5, He et al. 2015,
//! doi:10.1109/ICCV.2015.123, the default of PyTorch), drawn from one ChaCha stream in the order of
//! the layers. Cost: about 7 million multiplications a frame for the compact form and 760 million
//! for the published one, three times that in training.

use burn::module::{Module, Param, ParamId, RunningState};
use burn::nn::conv::{Conv2d, Conv2dConfig};
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig, PaddingConfig2d};
use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;
use burn::tensor::{Device, Shape, Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use xscatter_core::seed::derive_named;

use crate::input::MAX_SIZE;

/// The layers of a [`LeNet`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeNetConfig {
    /// Rows and columns of the input; at least 8.
    pub input_size: usize,
    /// Channels of the input.
    pub in_channels: usize,
    /// Channels of the three convolutions.
    pub channels: [usize; 3],
    /// Neurons of the two dense layers; the second gives the features.
    pub dense: [usize; 2],
    /// The part of the first dense layer that is silenced at random in training, in `[0, 1)`.
    pub dropout: f64,
    /// How many classes; at least 2.
    pub classes: usize,
}

/// Why a [`LeNet`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LeNetError {
    /// The input cannot be halved three times, or is beyond all use.
    #[error("expected an input size of 8 to {MAX_SIZE}, got {0}")]
    InputSize(usize),
    /// A layer without neurons, or with more than any machine could hold.
    #[error("expected 1 to 65536 {what}, got {found}")]
    Width {
        /// Which layer.
        what: &'static str,
        /// Its width.
        found: usize,
    },
    /// The dropout is no probability below 1.
    #[error("expected a dropout of at least 0 and below 1, got {0}")]
    Dropout(f64),
    /// There is nothing to tell apart.
    #[error("expected 2 to 65536 classes, got {0}")]
    Classes(usize),
}

impl From<LeNetError> for xscatter_core::Error {
    fn from(error: LeNetError) -> Self {
        Self::new(xscatter_core::ErrorKind::InvalidArgument, error.to_string())
    }
}

const MAX_WIDTH: usize = 65536;

impl LeNetConfig {
    /// The published variant: 256² pixels, one channel, four classes, 9,515,956 parameters.
    pub fn published() -> Self {
        Self {
            input_size: 256,
            in_channels: 1,
            channels: [64, 64, 48],
            dense: [192, 64],
            dropout: 0.5,
            classes: 4,
        }
    }

    /// A variant for [`FrameInputConfig::default`](crate::FrameInputConfig): 64² pixels, two channels.
    pub fn compact(classes: usize) -> Self {
        Self {
            input_size: 64,
            in_channels: 2,
            channels: [16, 24, 32],
            dense: [96, 64],
            dropout: 0.5,
            classes,
        }
    }

    /// The number of parameters, counted as Keras does: with the two running values of each
    /// normalised channel. `None` if it does not fit a `usize`.
    pub fn parameter_count(&self) -> Option<usize> {
        let mut count = 0_usize;
        let mut n_in = self.in_channels;
        for n_out in self.channels {
            // Nine weights for each input, a bias, and four values of the normalisation.
            let weights = n_in.checked_mul(9)?.checked_add(5)?.checked_mul(n_out)?;
            count = count.checked_add(weights)?;
            n_in = n_out;
        }
        let cells = (self.input_size / 8).checked_pow(2)?;
        n_in = n_in.checked_mul(cells)?;
        for n_out in [self.dense[0], self.dense[1], self.classes] {
            let weights = n_in.checked_add(1)?.checked_mul(n_out)?;
            count = count.checked_add(weights)?;
            n_in = n_out;
        }
        Some(count)
    }

    /// Checks that the layers make sense.
    ///
    /// # Errors
    /// [`LeNetError`] for the first value outside its domain.
    pub fn validate(&self) -> Result<(), LeNetError> {
        if !(8..=MAX_SIZE).contains(&self.input_size) {
            return Err(LeNetError::InputSize(self.input_size));
        }
        let [first, second, third] = self.channels;
        for (what, found) in [
            ("input channels", self.in_channels),
            ("channels of the first convolution", first),
            ("channels of the second convolution", second),
            ("channels of the third convolution", third),
            ("neurons of the first dense layer", self.dense[0]),
            ("neurons of the second dense layer", self.dense[1]),
        ] {
            if !(1..=MAX_WIDTH).contains(&found) {
                return Err(LeNetError::Width { what, found });
            }
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return Err(LeNetError::Dropout(self.dropout));
        }
        if !(2..=MAX_WIDTH).contains(&self.classes) {
            return Err(LeNetError::Classes(self.classes));
        }
        Ok(())
    }
}

/// A convolution and its normalisation.
#[derive(Module, Debug)]
struct Block {
    convolution: Conv2d,
    norm: BatchNorm,
}

/// The network itself, a burn module.
#[derive(Module, Debug)]
pub struct LeNet {
    blocks: [Block; 3],
    dense: [Linear; 2],
    output: Linear,
}

impl LeNet {
    /// A network with fresh weights, the same ones for the same seed on every device.
    ///
    /// To be trained, it must be made on `device.autodiff()`.
    ///
    /// # Errors
    /// [`LeNetError`] if the configuration makes no sense.
    pub fn new(config: &LeNetConfig, seed: u64, device: &Device) -> Result<Self, LeNetError> {
        let mut network = Self::uninitialised(config, device)?;
        let mut start = Start {
            rng: ChaCha8Rng::seed_from_u64(derive_named(seed, "weights")),
            next_id: 0,
            device,
        };
        for block in &mut network.blocks {
            start.convolution(&mut block.convolution);
            start.norm(&mut block.norm);
        }
        for dense in &mut network.dense {
            start.linear(dense);
        }
        start.linear(&mut network.output);
        Ok(network)
    }

    /// The layers, whose weights burn would draw when they are first used: to be overwritten.
    fn uninitialised(config: &LeNetConfig, device: &Device) -> Result<Self, LeNetError> {
        config.validate()?;
        let block = |n_in, n_out| Block {
            convolution: Conv2dConfig::new([n_in, n_out], [3, 3])
                .with_padding(PaddingConfig2d::Same)
                .init(device),
            norm: BatchNormConfig::new(n_out).init(device),
        };
        let linear = |n_in, n_out| LinearConfig::new(n_in, n_out).init(device);
        let [first, second, third] = config.channels;
        let flat = third * (config.input_size / 8).pow(2);
        Ok(Self {
            blocks: [
                block(config.in_channels, first),
                block(first, second),
                block(second, third),
            ],
            dense: [
                linear(flat, config.dense[0]),
                linear(config.dense[0], config.dense[1]),
            ],
            output: linear(config.dense[1], config.classes),
        })
    }

    /// The features (batch × `dense[1]`) of inputs (batch × channels × rows × columns).
    ///
    /// In training, `dropout` is what the first dense layer is multiplied with (batch × `dense[0]`):
    /// 0 for a silenced neuron and 1 / (1 − dropout) for the others. The caller draws it, because
    /// burn's own dropout draws from one generator for the whole process.
    ///
    /// # Panics
    /// If the shapes do not fit the configuration.
    pub fn features(&self, inputs: Tensor<4>, dropout: Option<Tensor<2>>) -> Tensor<2> {
        let mut images = inputs;
        for block in &self.blocks {
            let normed = block.norm.forward(block.convolution.forward(images));
            // The maximum first: ReLU keeps the order, and there is a quarter left of it to do.
            images = relu(max_pool2d(normed, halving()));
        }
        let [first, second] = &self.dense;
        let mut hidden = relu(first.forward(images.flatten::<2>(1, 3)));
        if let Some(dropout) = dropout {
            hidden = hidden * dropout;
        }
        relu(second.forward(hidden))
    }

    /// The logits (batch × classes) of features (batch × `dense[1]`).
    ///
    /// # Panics
    /// If the shapes do not fit the configuration.
    pub fn logits(&self, features: Tensor<2>) -> Tensor<2> {
        self.output.forward(features)
    }
}

fn halving() -> MaxPoolOptions<2> {
    MaxPoolOptions {
        kernel_size: [2, 2],
        stride: [2, 2],
        padding: [(0, 0), (0, 0)],
        dilation: [1, 1],
        ceil_mode: false,
    }
}

/// Draws the first weights.
///
/// burn would draw them lazily, in the order of their first use, from a generator that the whole
/// process shares, and number them at random; here both come from the seed and the order of layers.
struct Start<'a> {
    rng: ChaCha8Rng,
    next_id: u64,
    device: &'a Device,
}

impl Start<'_> {
    fn convolution(&mut self, convolution: &mut Conv2d) {
        let shape = convolution.weight.lazy_shape();
        let bound = bound(shape.num_elements() / shape[0]);
        let width = Shape::from([shape[0]]);
        convolution.weight = self.uniform(shape, bound);
        convolution.bias = Some(self.uniform(width, bound));
    }

    fn linear(&mut self, linear: &mut Linear) {
        // burn keeps these weights as inputs × outputs.
        let shape = linear.weight.lazy_shape();
        let bound = bound(shape[0]);
        let width = Shape::from([shape[1]]);
        linear.weight = self.uniform(shape, bound);
        linear.bias = Some(self.uniform(width, bound));
    }

    fn norm(&mut self, norm: &mut BatchNorm) {
        let width = norm.gamma.lazy_shape();
        norm.gamma = self.uniform_between(width.clone(), 1.0, 1.0);
        norm.beta = self.uniform_between(width.clone(), 0.0, 0.0);
        norm.running_mean =
            RunningState::with_id(self.id(), Tensor::zeros(width.clone(), self.device));
        norm.running_var = RunningState::with_id(self.id(), Tensor::ones(width, self.device));
    }

    fn uniform<const D: usize>(&mut self, shape: Shape, bound: f32) -> Param<Tensor<D>> {
        self.uniform_between(shape, -bound, bound)
    }

    fn uniform_between<const D: usize>(
        &mut self,
        shape: Shape,
        low: f32,
        high: f32,
    ) -> Param<Tensor<D>> {
        let values: Vec<f32> = (0..shape.num_elements())
            .map(|_| low + (high - low) * self.rng.random::<f32>())
            .collect();
        let tensor = Tensor::from_data(TensorData::new(values, shape), self.device);
        let tensor = if self.device.is_autodiff() {
            tensor.require_grad()
        } else {
            tensor
        };
        Param::initialized(self.id(), tensor)
    }

    fn id(&mut self) -> ParamId {
        self.next_id += 1;
        ParamId::from(self.next_id)
    }
}

/// The largest first weight of a neuron with that many inputs.
fn bound(inputs: usize) -> f32 {
    (inputs as f64).sqrt().recip() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::cpu;

    #[test]
    fn the_published_variant_has_its_published_number_of_parameters() {
        let config = LeNetConfig::published();
        assert_eq!(config.parameter_count(), Some(9_515_956));
        let network = LeNet::uninitialised(&config, &cpu()).unwrap();
        assert_eq!(network.num_params(), 9_515_956);
    }

    #[test]
    fn the_count_is_right_for_other_widths_and_odd_sizes() {
        for config in [
            LeNetConfig::compact(3),
            LeNetConfig {
                input_size: 19,
                in_channels: 3,
                channels: [2, 3, 5],
                dense: [7, 4],
                dropout: 0.0,
                classes: 2,
            },
        ] {
            let network = LeNet::uninitialised(&config, &cpu()).unwrap();
            assert_eq!(Some(network.num_params()), config.parameter_count());
        }
    }

    #[test]
    fn the_shapes_are_those_of_the_table() {
        let config = LeNetConfig {
            input_size: 19,
            ..LeNetConfig::compact(3)
        };
        let network = LeNet::new(&config, 1, &cpu()).unwrap();
        let features = network.features(Tensor::ones([2, 2, 19, 19], &cpu()), None);
        assert_eq!(features.dims(), [2, 64]);
        assert_eq!(network.logits(features).dims(), [2, 3]);
    }

    #[test]
    fn the_seed_makes_the_weights() {
        let weights = |seed| {
            let network = LeNet::new(&LeNetConfig::compact(4), seed, &cpu()).unwrap();
            network.into_record().into_bytes().unwrap().to_vec()
        };
        assert_eq!(weights(5), weights(5));
        assert_ne!(weights(5), weights(6));
    }

    #[test]
    fn weights_stay_within_the_bound_of_their_inputs() {
        let network = LeNet::new(&LeNetConfig::compact(4), 5, &cpu()).unwrap();
        let weight = network.dense[1].weight.val();
        let largest = weight.abs().max().into_scalar::<f32>();
        assert!(
            (0.9 * bound(96)..=bound(96)).contains(&largest),
            "{largest}"
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let refused = |change: fn(&mut LeNetConfig)| {
            let mut config = LeNetConfig::compact(4);
            change(&mut config);
            LeNet::new(&config, 0, &cpu()).unwrap_err()
        };
        assert_eq!(refused(|c| c.input_size = 7), LeNetError::InputSize(7));
        assert_eq!(refused(|c| c.classes = 1), LeNetError::Classes(1));
        assert_eq!(refused(|c| c.dropout = 1.0), LeNetError::Dropout(1.0));
        assert!(matches!(
            refused(|c| c.dropout = f64::NAN),
            LeNetError::Dropout(_)
        ));
        let error = refused(|c| c.dense[1] = 0);
        assert_eq!(
            error.to_string(),
            "expected 1 to 65536 neurons of the second dense layer, got 0"
        );
    }
}
