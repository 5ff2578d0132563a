//! What can be wrong with an HDF5 file, and where.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use xscatter_codecs::CodecError;

/// A result with an [`enum@Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can be wrong with an HDF5 file, and where.
///
/// Addresses count from the superblock, as those in the file do: add the size of a user block for the
/// place in the file.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum Error {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// There is no HDF5 signature where one can be.
    #[error("expected the signature of an HDF5 file, found none")]
    NotHdf5,
    /// The file ends before a structure does.
    #[error("{what} at byte {address}: expected {expected} bytes, found {found}")]
    Truncated {
        /// The structure.
        what: &'static str,
        /// Where it is.
        address: u64,
        /// Bytes that it needs.
        expected: u64,
        /// Bytes that are left.
        found: u64,
    },
    /// The bytes are not what the format demands.
    #[error("{what} at byte {address}: expected {expected}, found {found}")]
    Malformed {
        /// The structure.
        what: &'static str,
        /// Where it is.
        address: u64,
        /// What the format demands.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A checksum does not agree with the bytes.
    #[error(
        "{what} at byte {address}: expected the checksum {expected:#010x}, found {found:#010x}"
    )]
    Checksum {
        /// The structure.
        what: &'static str,
        /// Where it is.
        address: u64,
        /// As stored.
        expected: u32,
        /// As computed.
        found: u32,
    },
    /// A valid file with something that is not read here.
    #[error("{place}: expected {expected}, found {found}")]
    Unsupported {
        /// The object.
        place: String,
        /// What is read here.
        expected: String,
        /// What is there.
        found: String,
    },
    /// More than such a file can hold.
    #[error(
        "{place}: expected at most {most} bytes from what is stored, found a claim of {claimed}"
    )]
    Limit {
        /// The object or structure.
        place: String,
        /// What the stored bytes can become.
        most: u64,
        /// What is claimed.
        claimed: u64,
    },
    /// There is no object of this name.
    #[error("{place}: expected {expected}, found {found}")]
    NotFound {
        /// The path that was asked for.
        place: String,
        /// What was looked for.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A file that a link or a virtual dataset names is not there.
    #[error("{place}: expected the file {}, which is not there", file.display())]
    MissingFile {
        /// The object that needs the file.
        place: String,
        /// The file as it is named, beside the file that names it.
        file: PathBuf,
    },
    /// A chunk cannot be decoded.
    #[error("chunk {chunk:?} of {place}: {source}")]
    Chunk {
        /// The dataset.
        place: String,
        /// Which chunk, in units of chunks.
        chunk: Vec<u64>,
        /// What is wrong with its bytes.
        source: CodecError,
    },
    /// What was asked for does not fit the dataset.
    #[error("{place}: expected {expected}, got {got}")]
    Argument {
        /// The object.
        place: String,
        /// What fits.
        expected: String,
        /// What was asked for.
        got: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, source: io::Error) -> Self {
        Self::Io {
            path: path.to_path_buf(),
            source: Arc::new(source),
        }
    }

    pub(crate) fn malformed(
        what: &'static str,
        address: u64,
        expected: impl ToString,
        found: impl ToString,
    ) -> Self {
        Self::Malformed {
            what,
            address,
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    pub(crate) fn unsupported(
        place: impl ToString,
        expected: impl ToString,
        found: impl ToString,
    ) -> Self {
        Self::Unsupported {
            place: place.to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    pub(crate) fn not_found(
        place: impl ToString,
        expected: impl ToString,
        found: impl ToString,
    ) -> Self {
        Self::NotFound {
            place: place.to_string(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}
