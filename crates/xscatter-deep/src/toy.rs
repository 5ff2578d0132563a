//! A small problem for the tests: a bright centre or a bright ring.

use std::sync::{Arc, LazyLock};

use ndarray::Array2;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use xscatter_core::seed::derive;
use xscatter_core::{Classes, Frame, Mask, StopToken};

use crate::device::cpu;
use crate::input::{FrameInput, FrameInputConfig};
use crate::lenet::LeNetConfig;
use crate::network::TrainedNetwork;
use crate::train::{TrainConfig, train};

/// Frames of 24 × 20 pixels with noise and a few masked pixels that hold rubbish.
pub(crate) fn frames(n: usize, seed: u64) -> (Vec<Frame>, Classes) {
    let (mut frames, mut names) = (Vec::new(), Vec::new());
    for index in 0..n {
        let mut rng = ChaCha8Rng::seed_from_u64(derive(seed, index as u64));
        let ring = index % 2 == 1;
        let (centre_row, centre_column) = (
            rng.random_range(10.0..14.0),
            rng.random_range(8.0..12.0_f64),
        );
        let bad = Array2::from_shape_fn((24, 20), |_| rng.random_bool(0.05));
        let counts = Array2::from_shape_fn((24, 20), |(row, column)| {
            let r = (row as f64 - centre_row).hypot(column as f64 - centre_column);
            let distance = if ring { r - 6.0 } else { r };
            let signal = 200.0 * (-(distance / 2.0).powi(2)).exp();
            let count = signal + rng.random_range(0.0..20.0);
            if bad[(row, column)] {
                f32::NAN
            } else {
                count.round() as f32
            }
        });
        frames.push(
            Frame::new(counts)
                .with_mask(Mask::from_bad(bad.view()))
                .unwrap(),
        );
        names.push(if ring { "ring" } else { "centre" });
    }
    (frames, Classes::from_names(&names))
}

pub(crate) fn input() -> FrameInput {
    FrameInput::new(FrameInputConfig {
        size: 16,
        valid_channel: true,
    })
    .unwrap()
}

pub(crate) fn config() -> LeNetConfig {
    LeNetConfig {
        input_size: 16,
        in_channels: 2,
        channels: [4, 6, 8],
        dense: [24, 12],
        dropout: 0.25,
        classes: 2,
    }
}

pub(crate) fn train_config() -> TrainConfig {
    TrainConfig {
        epochs: 8,
        batch_size: 8,
        learning_rate: 5e-3,
        seed: 3,
        ..TrainConfig::default()
    }
}

pub(crate) fn train_toy(config: &TrainConfig) -> TrainedNetwork {
    let (frames, classes) = frames(32, 1);
    train(
        &self::config(),
        &input().prepare(&frames).unwrap(),
        &classes,
        config,
        &cpu(),
        &mut |_| (),
        &StopToken::new(),
    )
    .unwrap()
}

/// A network that tells the two apart, trained once for all tests.
pub(crate) fn network() -> Arc<TrainedNetwork> {
    static NETWORK: LazyLock<Arc<TrainedNetwork>> =
        LazyLock::new(|| Arc::new(train_toy(&train_config())));
    NETWORK.clone()
}
