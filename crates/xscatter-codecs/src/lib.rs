#![doc = include_str!("../README.md")]

mod bits;
pub mod bitshuffle;
pub mod blosc;
pub mod byte_offset;
mod bzip2;
mod deflate;
mod error;
mod fletcher32;
mod framed;
pub mod hdf5_filters;
pub mod lz4;
mod lz4_block;
pub mod lzf;
pub mod md5;
mod scratch;
pub mod shuffle;
mod simd;
pub mod zstd;

pub use error::{CodecError, Result};
pub use scratch::Scratch;
pub use simd::Level;
