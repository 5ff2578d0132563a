//! Memory that decoders use again from chunk to chunk.

use std::fmt;

use flate2::Decompress;

use crate::zstd;

/// Memory that decoders use again from chunk to chunk: keep one a thread.
///
/// It grows to the size of the largest block and, for a pipeline of several filters, of the largest
/// chunk. What is left in it never reaches an output.
pub struct Scratch {
    /// One block before its bits or bytes are put in order.
    pub(crate) block: Vec<u8>,
    /// Two stages of a pipeline.
    pub(crate) stages: [Vec<u8>; 2],
    pub(crate) inflate: Decompress,
    pub(crate) zstd: zstd::Decoder,
}

impl Scratch {
    /// An empty one.
    pub fn new() -> Self {
        Self {
            block: Vec::new(),
            stages: [Vec::new(), Vec::new()],
            inflate: Decompress::new(true),
            zstd: zstd::Decoder::default(),
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.block.capacity() + self.stages.iter().map(Vec::capacity).sum::<usize>();
        f.debug_struct("Scratch")
            .field("bytes", &bytes)
            .finish_non_exhaustive()
    }
}

/// The first `len` bytes of a buffer, which grows if it has to.
pub(crate) fn prepared(buffer: &mut Vec<u8>, len: usize) -> &mut [u8] {
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
    &mut buffer[..len]
}
