//! bzip2, HDF5 filter 307.

use bzip2::{Decompress, Status};

use crate::error::{CodecError, Result};

const CODEC: &str = "bzip2";

/// Decodes into the front of `out` and says how many bytes there are.
pub(crate) fn decode(bytes: &[u8], out: &mut [u8]) -> Result<usize> {
    let mut inflate = Decompress::new(false);
    let mut step = |out: &mut [u8]| {
        let rest = bytes.get(inflate.total_in() as usize..).unwrap_or(&[]);
        let status = inflate
            .decompress(rest, out)
            .map_err(|error| CodecError::malformed(CODEC, "a bzip2 stream", error))?;
        Ok((status, inflate.total_out() as usize))
    };
    let (status, found) = step(out)?;
    if status == Status::StreamEnd {
        return Ok(found);
    }
    if found < out.len() {
        return Err(CodecError::Truncated {
            codec: CODEC,
            expected: 1,
            found: 0,
        });
    }
    // Full: either the stream goes on or only its end mark is left.
    match step(&mut [0])? {
        (Status::StreamEnd, total) if total == found => Ok(found),
        (_, total) if total > found => Err(CodecError::wrong_size(CODEC, found, total)),
        _ => Err(CodecError::Truncated {
            codec: CODEC,
            expected: 1,
            found: 0,
        }),
    }
}
