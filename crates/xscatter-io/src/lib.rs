#![doc = include_str!("../README.md")]

pub mod bitshuffle;
mod blob;
mod cbf;
mod codec_error;
pub mod config;
pub mod curve;
mod edf;
mod fields;
pub mod format;
#[cfg(feature = "hdf5-c")]
pub mod hdf5_c;
mod header;
pub mod labelled;
pub mod labels;
pub mod limits;
mod mar345;
mod marccd;
pub mod metadata;
mod nexus;
mod npy;
pub mod open;
mod oxford;
mod pilatus;
pub mod pixels;
mod poni;
pub mod prefetch;
pub mod raw;
mod raxis;
pub mod sentinel;
pub mod series;
mod smv;
mod tiff;
mod walk;
pub mod write;

pub use config::ReadConfig;
pub use format::Format;
pub use labelled::LabelledSeries;
pub use limits::Limits;
pub use metadata::{Metadata, Stated};
pub use open::{DetectorFile, open, open_bytes, open_with};
pub use pixels::{ByteOrder, Dtype, Number, Pixels, Stats};
pub use prefetch::{PrefetchConfig, prefetch};
pub use raw::RawFrame;
pub use sentinel::SentinelPolicy;
pub use series::{Series, SeriesFile, Skipped, open_series, open_series_with};
pub use write::{Compression, WriteDtype, WriteOptions};
