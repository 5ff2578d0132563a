//! Training of a [`LeNet`] for the classes of frames.
//!
//! Use it when there are hundreds of labelled frames a class; with fewer, classical features
//! serve better. The loss is the cross entropy
//!
//! ```text
//! L = − Σ_i w_i ln p_i / Σ_i w_i
//! ```
//!
//! over the frames i of a batch, with p_i the probability that the network gives to the true class
//! and w_i = 1, or n / (k n_c) for a class with n_c of the n frames if `balanced` (k classes have
//! any). AdamW (Loshchilov and Hutter 2019, arXiv:1711.05101; β = 0.9 and 0.999, ε = 1e-8) follows
//! it at a rate that falls along half a cosine from `learning_rate` to 0.
//!
//! Everything random (first weights, order, dropout, augmentation) comes from `seed` through streams
//! of its own, so on the CPU the same seed gives the same network, bit by bit, on 1 and on 2
//! threads; on a GPU it does not, since kernels are chosen by timing and sums are atomic. Cost: three
//! forward passes a frame and epoch; the batches are made on the CPU.

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::seed::{derive, derive_named};
use xscatter_core::{Classes, Error, ErrorKind, Result, StopToken};

use crate::augment::augment;
use crate::input::Inputs;
use crate::lenet::{LeNet, LeNetConfig};
use crate::network::{TrainedNetwork, argmax};

/// How to train.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainConfig {
    /// How often every frame is seen.
    pub epochs: usize,
    /// The most frames in one step; the frames are spread evenly over the steps of an epoch.
    pub batch_size: usize,
    /// The rate of the first step; it falls to 0 along half a cosine.
    pub learning_rate: f64,
    /// The decoupled weight decay of AdamW.
    pub weight_decay: f64,
    /// The seed of all randomness.
    pub seed: u64,
    /// Whether each frame is mirrored, turned by multiples of 90° and scaled at random each time.
    pub augment: bool,
    /// Whether rare classes weigh as much as common ones.
    pub balanced: bool,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 15,
            batch_size: 16,
            learning_rate: 2e-3,
            weight_decay: 1e-2,
            seed: 0,
            augment: true,
            balanced: true,
        }
    }
}

impl TrainConfig {
    fn check(&self) -> Result<()> {
        let problem = if self.epochs == 0 {
            "expected at least 1 epoch, got 0".to_owned()
        } else if self.batch_size == 0 {
            "expected a batch size of at least 1, got 0".to_owned()
        } else if !(self.learning_rate > 0.0 && self.learning_rate.is_finite()) {
            format!(
                "expected a positive learning rate, got {}",
                self.learning_rate
            )
        } else if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            format!(
                "expected a weight decay of at least 0, got {}",
                self.weight_decay
            )
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::InvalidArgument, problem))
    }
}

/// What one epoch of training gave, on the training frames as they were fed (augmented, with dropout).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochReport {
    /// Which epoch, from 1.
    pub epoch: usize,
    /// How many there will be.
    pub epochs: usize,
    /// The mean loss.
    pub loss: f64,
    /// The fraction of frames whose most probable class was the true one.
    pub accuracy: f64,
}

/// Trains a network on frames with one class each; `observer` is called after every epoch.
///
/// ```
/// # use xscatter_core::{Classes, Frame, StopToken, ndarray::Array2};
/// use xscatter_deep::{FrameInput, FrameInputConfig, LeNetConfig, TrainConfig, device, train};
///
/// # let frames: Vec<Frame> = (0..8)
/// #     .map(|i| Frame::new(Array2::from_shape_fn((8, 8), |(r, c)| ((r * i + c) % 5) as f32)))
/// #     .collect();
/// # let names = ["a", "b", "a", "b", "a", "b", "a", "b"];
/// let input = FrameInput::new(FrameInputConfig { size: 8, valid_channel: true })?;
/// let network = train(
///     &LeNetConfig { input_size: 8, ..LeNetConfig::compact(2) },
///     &input.prepare(&frames)?,
///     &Classes::from_names(&names),
///     &TrainConfig { epochs: 1, ..TrainConfig::default() },
///     &device::cpu(),
///     &mut |report| assert!(report.loss > 0.0),
///     &StopToken::new(),
/// )?;
/// assert_eq!(network.predict_proba(&frames)?.dim(), (8, 2));
/// # Ok::<(), xscatter_core::Error>(())
/// ```
///
/// # Errors
/// - [`ErrorKind::InvalidArgument`] for a configuration outside its domain;
/// - [`ErrorKind::ShapeMismatch`] if inputs, labels and configuration do not fit each other;
/// - [`ErrorKind::DegenerateData`] if fewer than two classes have a frame;
/// - [`ErrorKind::Numerical`] if the loss is no longer a number;
/// - [`ErrorKind::Stopped`] when `stop` says so; it is asked before every step.
pub fn train(
    config: &LeNetConfig,
    inputs: &Inputs,
    classes: &Classes,
    train: &TrainConfig,
    device: &Device,
    observer: &mut dyn FnMut(&EpochReport),
    stop: &StopToken,
) -> Result<TrainedNetwork> {
    train.check()?;
    config.validate()?;
    check_fit(config, inputs, classes)?;
    let weights = class_weights(classes, train.balanced)?;

    let gradients = device.clone().autodiff();
    let mut model = LeNet::new(config, train.seed, &gradients)?;
    let mut optimizer = AdamWConfig::new()
        .with_epsilon(1e-8)
        .with_weight_decay(train.weight_decay as f32)
        .init();
    let mut batches = Batches {
        config,
        inputs,
        labels: classes.labels(),
        weights: &weights,
        train,
        device: &gradients,
    };

    let n = inputs.len();
    let n_steps = n.div_ceil(train.batch_size);
    let mut history = Vec::with_capacity(train.epochs);
    let mut order: Vec<usize> = (0..n).collect();
    for epoch in 0..train.epochs {
        let mut rng = stream(train.seed, "order", epoch);
        order.shuffle(&mut rng);
        let (mut loss_sum, mut weight_sum, mut n_right) = (0.0, 0.0, 0);
        for step in 0..n_steps {
            stop.check()?;
            let rows = &order[step * n / n_steps..(step + 1) * n / n_steps];
            let done = epoch * n_steps + step;
            let batch = batches.make(rows, epoch, done);

            let features = model.features(batch.images, batch.dropout);
            let logits = model.logits(features);
            let loss = (log_softmax(logits.clone(), 1) * batch.targets)
                .sum()
                .div_scalar(-batch.weight);
            let loss_value = f64::from(loss.clone().into_scalar::<f32>());
            if !loss_value.is_finite() {
                return Err(Error::new(
                    ErrorKind::Numerical,
                    format!(
                        "expected a finite loss, got {loss_value}; is the learning rate too high?"
                    ),
                )
                .at(format!("epoch {}", epoch + 1)));
            }
            loss_sum += loss_value * batch.weight;
            weight_sum += batch.weight;
            n_right += n_right_of(logits, rows, classes.labels())?;

            let gradients = GradientsParams::from_grads(loss.backward(), &model);
            let progress = done as f64 / (train.epochs * n_steps) as f64;
            let rate = 0.5 * train.learning_rate * (1.0 + (std::f64::consts::PI * progress).cos());
            model = optimizer.step(rate, model, gradients);
        }
        let report = EpochReport {
            epoch: epoch + 1,
            epochs: train.epochs,
            loss: loss_sum / weight_sum,
            accuracy: n_right as f64 / n as f64,
        };
        observer(&report);
        history.push(report);
    }
    Ok(TrainedNetwork::new(
        config.clone(),
        *inputs.pipeline(),
        classes.names().to_vec(),
        history,
        model.valid(),
        device.clone(),
    ))
}

/// The generator of one stage at one time.
fn stream(seed: u64, stage: &str, time: usize) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(derive(derive_named(seed, stage), time as u64))
}

fn check_fit(config: &LeNetConfig, inputs: &Inputs, classes: &Classes) -> Result<()> {
    let pipeline = inputs.pipeline();
    for (what, expected, found) in [
        (
            "rows and columns of the inputs",
            config.input_size,
            pipeline.size(),
        ),
        (
            "channels of the inputs",
            config.in_channels,
            pipeline.channels(),
        ),
        ("classes", config.classes, classes.n_classes()),
        ("labels, one a frame", inputs.len(), classes.labels().len()),
    ] {
        if expected != found {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!("expected {expected} {what}, got {found}"),
            ));
        }
    }
    Ok(())
}

/// The weight of a frame of each class.
fn class_weights(classes: &Classes, balanced: bool) -> Result<Vec<f32>> {
    let counts = classes.counts();
    let n_present = counts.iter().filter(|&&count| count > 0).count();
    if n_present < 2 {
        return Err(Error::new(
            ErrorKind::DegenerateData,
            format!("expected frames of at least 2 classes, got {n_present}"),
        ));
    }
    let n = classes.labels().len();
    Ok(counts
        .iter()
        .map(|&count| {
            if balanced && count > 0 {
                (n as f64 / (n_present * count) as f64) as f32
            } else {
                1.0
            }
        })
        .collect())
}

fn n_right_of(logits: Tensor<2>, rows: &[usize], labels: &[u32]) -> Result<usize> {
    let n_classes = logits.dims()[1];
    let logits = crate::network::values_of(logits)?;
    Ok(rows
        .iter()
        .zip(logits.chunks_exact(n_classes))
        .filter(|(row, logits)| argmax(logits) == labels[**row] as usize)
        .count())
}

struct Batches<'a> {
    config: &'a LeNetConfig,
    inputs: &'a Inputs,
    labels: &'a [u32],
    weights: &'a [f32],
    train: &'a TrainConfig,
    device: &'a Device,
}

struct Batch {
    images: Tensor<4>,
    /// The weight of the frame in the column of its class, else 0.
    targets: Tensor<2>,
    dropout: Option<Tensor<2>>,
    /// The sum of the weights.
    weight: f64,
}

impl Batches<'_> {
    fn make(&mut self, rows: &[usize], epoch: usize, step: usize) -> Batch {
        let pipeline = self.inputs.pipeline();
        let (channels, size) = (pipeline.channels(), pipeline.size());
        let length = channels * size * size;
        let mut images = vec![0.0; rows.len() * length];
        let seed = derive(derive_named(self.train.seed, "augment"), epoch as u64);
        images
            .par_chunks_mut(length)
            .zip(rows)
            .for_each(|(out, &row)| {
                let sample = self.inputs.sample(row);
                if self.train.augment {
                    augment(sample, size, derive(seed, row as u64), out);
                } else {
                    out.copy_from_slice(sample);
                }
            });

        let n_classes = self.config.classes;
        let mut targets = vec![0.0; rows.len() * n_classes];
        let mut weight = 0.0;
        for (target, &row) in targets.chunks_exact_mut(n_classes).zip(rows) {
            let label = self.labels[row] as usize;
            target[label] = self.weights[label];
            weight += f64::from(self.weights[label]);
        }

        let tensor = |values, width| {
            Tensor::from_data(TensorData::new(values, [rows.len(), width]), self.device)
        };
        let dropout = (self.config.dropout > 0.0).then(|| {
            let mut rng = stream(self.train.seed, "dropout", step);
            let kept = (1.0 / (1.0 - self.config.dropout)) as f32;
            let width = self.config.dense[0];
            let values = (0..rows.len() * width)
                .map(|_| {
                    if rng.random_bool(self.config.dropout) {
                        0.0
                    } else {
                        kept
                    }
                })
                .collect();
            tensor(values, width)
        });
        Batch {
            images: Tensor::from_data(
                TensorData::new(images, [rows.len(), channels, size, size]),
                self.device,
            ),
            targets: tensor(targets, n_classes),
            dropout,
            weight,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::cpu;
    use crate::toy;

    fn bytes(network: &TrainedNetwork) -> Vec<u8> {
        let record = network.model().clone().into_record();
        record.into_bytes().unwrap().to_vec()
    }

    fn fails(
        config: &LeNetConfig,
        classes: &Classes,
        train_config: &TrainConfig,
    ) -> xscatter_core::Error {
        let (frames, _) = toy::frames(4, 1);
        let inputs = toy::input().prepare(&frames).unwrap();
        let stop = StopToken::new();
        let result = train(
            config,
            &inputs,
            classes,
            train_config,
            &cpu(),
            &mut |_| (),
            &stop,
        );
        result.unwrap_err()
    }

    #[test]
    fn a_centre_and_a_ring_are_told_apart() {
        let network = toy::network();
        let (frames, classes) = toy::frames(20, 99);
        let proba = network.predict_proba(&frames).unwrap();
        let right = proba
            .rows()
            .into_iter()
            .zip(classes.labels())
            .filter(|(row, label)| argmax(&row.to_vec()) == **label as usize)
            .count();
        assert_eq!(right, 20);
        let history = network.history();
        assert_eq!(history.len(), 8);
        assert!(history[7].loss < 0.5 * history[0].loss, "{history:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_on_1_and_2_threads() {
        let config = TrainConfig {
            epochs: 2,
            ..toy::train_config()
        };
        let trained = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let config = TrainConfig {
                seed,
                ..config.clone()
            };
            bytes(&pool.install(|| toy::train_toy(&config)))
        };
        let one = trained(1, 3);
        assert!(one == trained(1, 3), "the second run differs");
        assert!(one == trained(2, 3), "2 threads differ");
        assert!(one != trained(1, 4), "another seed gives the same");
    }

    #[test]
    fn a_stop_between_two_epochs_is_obeyed() {
        let (frames, classes) = toy::frames(8, 1);
        let inputs = toy::input().prepare(&frames).unwrap();
        let stop = StopToken::new();
        let mut epochs = Vec::new();
        let error = train(
            &toy::config(),
            &inputs,
            &classes,
            &toy::train_config(),
            &cpu(),
            &mut |report| {
                epochs.push(report.epoch);
                stop.stop();
            },
            &stop,
        )
        .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stopped);
        assert_eq!(epochs, [1]);
    }

    #[test]
    fn one_class_alone_is_degenerate() {
        let names = vec!["centre".into(), "ring".into()];
        let classes = Classes::new(names, vec![1; 4]).unwrap();
        let error = fails(&toy::config(), &classes, &toy::train_config());
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
        assert_eq!(
            error.message(),
            "expected frames of at least 2 classes, got 1"
        );
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        let classes = Classes::from_names(&["a", "b", "a", "b"]);
        let wide = LeNetConfig {
            in_channels: 1,
            ..toy::config()
        };
        let error = fails(&wide, &classes, &toy::train_config());
        assert_eq!(
            error.to_string(),
            "expected 1 channels of the inputs, got 2"
        );
        let error = fails(
            &toy::config(),
            &classes.select(&[0, 1]),
            &toy::train_config(),
        );
        assert_eq!(error.to_string(), "expected 4 labels, one a frame, got 2");
        let no_epoch = TrainConfig {
            epochs: 0,
            ..toy::train_config()
        };
        let error = fails(&toy::config(), &classes, &no_epoch);
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }

    #[test]
    fn a_loss_beyond_all_numbers_is_an_error() {
        let classes = Classes::from_names(&["a", "b", "a", "b"]);
        let steep = TrainConfig {
            learning_rate: 1e30,
            ..toy::train_config()
        };
        let error = fails(&toy::config(), &classes, &steep);
        assert_eq!(error.kind(), ErrorKind::Numerical);
    }

    #[test]
    fn balanced_classes_weigh_the_same() {
        let classes = Classes::from_names(&["a", "b", "b", "b"]);
        let weights = class_weights(&classes, true).unwrap();
        assert_eq!(weights, [2.0, 2.0 / 3.0]);
        assert_eq!(class_weights(&classes, false).unwrap(), [1.0, 1.0]);
    }
}
