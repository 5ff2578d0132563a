//! Deflate with the zlib header, HDF5 filter 1.

use flate2::{Decompress, FlushDecompress, Status};

use crate::error::{CodecError, Result};

const CODEC: &str = "deflate";

/// Decodes into the front of `out` and says how many bytes there are.
pub(crate) fn decode(bytes: &[u8], out: &mut [u8], inflate: &mut Decompress) -> Result<usize> {
    inflate.reset(true);
    let status = inflate
        .decompress(bytes, out, FlushDecompress::Finish)
        .map_err(|error| CodecError::malformed(CODEC, "a zlib stream", error))?;
    let found = inflate.total_out() as usize;
    match status {
        Status::StreamEnd => Ok(found),
        _ if found == out.len() => {
            // Full: either the stream goes on or only its end mark is left.
            let at = inflate.total_in() as usize;
            let status = inflate
                .decompress(&bytes[at..], &mut [0], FlushDecompress::Finish)
                .map_err(|error| CodecError::malformed(CODEC, "a zlib stream", error))?;
            if status == Status::StreamEnd && inflate.total_out() as usize == found {
                return Ok(found);
            }
            Err(CodecError::wrong_size(CODEC, found, found + 1))
        }
        _ => Err(CodecError::Truncated {
            codec: CODEC,
            expected: out.len(),
            found,
        }),
    }
}
