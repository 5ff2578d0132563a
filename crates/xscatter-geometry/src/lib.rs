#![doc = include_str!("../README.md")]

pub mod detector;
pub mod pixel_map;

pub use detector::Detector;
pub use pixel_map::{GeometryError, PixelMap};
