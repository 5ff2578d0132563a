//! Zstandard frames, HDF5 filter 32015 and the blocks of bitshuffle-zstd.
//!
//! A thin door to `ruzstd`: what a frame claims about its window is bounded before anything is
//! allocated. Checksums of frames are not verified (the writers of detector files store none).

use crate::error::{CodecError, Result};
use crate::scratch::Scratch;

const CODEC: &str = "zstd";
/// Windows up to this size are decoded whatever the output is: what one block may hold.
const LEAST_WINDOW: u64 = 128 << 10;

/// Decodes all frames into the front of `out` and says how many bytes there are.
///
/// # Errors
/// If the bytes are no Zstandard frames, need a dictionary, or hold more than `out`.
pub fn decode(bytes: &[u8], out: &mut [u8], scratch: &mut Scratch) -> Result<usize> {
    let decoder = &mut scratch.zstd;
    // Writers round the window up: four times the output covers that.
    let window = (out.len() as u64).saturating_mul(4).max(LEAST_WINDOW);
    decoder.set_max_window_size(window);
    decoder
        .decode_all(bytes, out)
        .map_err(|error| CodecError::malformed(CODEC, "Zstandard frames", error))
}
