#![doc = include_str!("../README.md")]

mod augment;
pub mod device;
pub mod extractor;
pub mod input;
pub mod lenet;
pub mod network;
mod store;
#[cfg(test)]
mod toy;
pub mod train;

pub use device::{Device, DeviceError};
pub use extractor::LeNetExtractor;
pub use input::{FrameInput, FrameInputConfig, Inputs};
pub use lenet::{LeNet, LeNetConfig};
pub use network::TrainedNetwork;
pub use train::{EpochReport, TrainConfig, train};
