//! What can be wrong with compressed bytes.

use thiserror::Error;

/// What can be wrong with compressed bytes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The stored bytes end early.
    #[error("{codec}: expected {expected} more bytes, found {found}")]
    Truncated {
        /// The codec.
        codec: &'static str,
        /// Stored bytes that the next step needs.
        expected: usize,
        /// Stored bytes that are left.
        found: usize,
    },
    /// The stored bytes end before the last pixel.
    #[error("byte offset: expected {expected} pixels, the data end after {found}")]
    TooFewPixels {
        /// Pixels of the output.
        expected: usize,
        /// Pixels that were decoded.
        found: usize,
    },
    /// The bytes state or hold another size than that of the output.
    #[error("{codec}: expected {expected} decoded bytes, found {found}")]
    WrongSize {
        /// The codec.
        codec: &'static str,
        /// Bytes of the output.
        expected: u64,
        /// Bytes that are stated or that were decoded.
        found: u64,
    },
    /// The bytes are not what the codec writes.
    #[error("{codec}: expected {expected}, found {found}")]
    Malformed {
        /// The codec.
        codec: &'static str,
        /// What the format asks for.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// A checksum does not agree with the bytes.
    #[error("{codec}: expected the checksum {expected:#010x}, found {found:#010x}")]
    Checksum {
        /// The codec.
        codec: &'static str,
        /// As stored.
        expected: u32,
        /// As computed.
        found: u32,
    },
    /// The codec exists and is not decoded here.
    #[error("expected {expected}, found {found}")]
    Unsupported {
        /// What is decoded here.
        expected: &'static str,
        /// What was asked for.
        found: String,
    },
}

/// A result with a [`CodecError`].
pub type Result<T> = std::result::Result<T, CodecError>;

impl CodecError {
    pub(crate) fn malformed(
        codec: &'static str,
        expected: &'static str,
        found: impl ToString,
    ) -> Self {
        Self::Malformed {
            codec,
            expected,
            found: found.to_string(),
        }
    }

    pub(crate) fn wrong_size(codec: &'static str, expected: usize, found: usize) -> Self {
        Self::WrongSize {
            codec,
            expected: expected as u64,
            found: found as u64,
        }
    }
}
