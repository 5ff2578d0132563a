//! The container of a file, and its errors as errors of reading.

use xscatter_core::{Error, ErrorKind, Result};
use xscatter_hdf5::{Error as Hdf5Error, File};

use crate::blob::{Blob, Bytes};
use crate::codec_error::codec_error;

/// Opens the container: the file on disk, or its content where that is in memory or unpacked.
pub(crate) fn open(blob: &Blob) -> Result<File> {
    if blob.is_plain_file() {
        return File::open(blob.path()).map_err(foreign);
    }
    match blob.open()? {
        Bytes::Memory(bytes) if blob.is_on_disk() => File::from_bytes_at(bytes, blob.path()),
        Bytes::Memory(bytes) => File::from_bytes(bytes),
        Bytes::File { .. } => File::open(blob.path()),
    }
    .map_err(foreign)
}

/// An error of the container as one of ours.
pub(crate) fn foreign(error: Hdf5Error) -> Error {
    let kind = match &error {
        Hdf5Error::Chunk { source, .. } => codec_error(source.clone()).kind(),
        Hdf5Error::Truncated { .. } => ErrorKind::Truncated,
        Hdf5Error::Io { .. } | Hdf5Error::MissingFile { .. } => ErrorKind::Io,
        Hdf5Error::Unsupported { .. } => ErrorKind::Unsupported,
        Hdf5Error::Limit { .. } => ErrorKind::LimitExceeded,
        Hdf5Error::Argument { .. } => ErrorKind::InvalidArgument,
        _ => ErrorKind::Malformed,
    };
    Error::new(kind, error.to_string()).with_source(error)
}
