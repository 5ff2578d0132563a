//! Errors of the codecs as errors of reading.

use xscatter_codecs::CodecError;
use xscatter_core::{Error, ErrorKind};

pub(crate) fn codec_error(error: CodecError) -> Error {
    let kind = match &error {
        CodecError::Truncated { .. } | CodecError::TooFewPixels { .. } => ErrorKind::Truncated,
        CodecError::Unsupported { .. } => ErrorKind::Unsupported,
        _ => ErrorKind::Malformed,
    };
    Error::new(kind, error.to_string()).with_source(error)
}
