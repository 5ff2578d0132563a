//! Blosc 1 chunks, HDF5 filter 32001; decoded only.
//!
//! A header of 16 bytes (version, version of the codec, flags, element size, and little-endian sizes
//! of the content, of a block and of the chunk) is followed by the start of each block. A block is
//! one stream, or as many as an element has bytes: a 4-byte little-endian length and that many bytes
//! of BloscLZ, LZ4, Snappy, zlib or Zstandard; a stream as long as its content is not compressed.
//! The bytes or bits of a block may be shuffled. Blosc 2 (filter 32026) has another header.
//!
//! Cost: that of the codec and one pass of shuffling. Source: the chunk format of c-blosc 1.21, as
//! written by hdf5plugin 7.1.0.

mod blosclz;
mod snappy;

use crate::bits;
use crate::deflate;
use crate::error::{CodecError, Result};
use crate::lz4_block;
use crate::scratch::{Scratch, prepared};
use crate::shuffle;
use crate::simd::Level;
use crate::zstd;

const CODEC: &str = "blosc";
const HEADER: usize = 16;
/// The newest version of the header that is Blosc 1.
const NEWEST_VERSION: u8 = 2;

const SHUFFLED: u8 = 0x01;
const STORED: u8 = 0x02;
const BITS_SHUFFLED: u8 = 0x04;
const NOT_SPLIT: u8 = 0x10;

/// What shrinks the streams.
#[derive(Debug, Clone, Copy)]
enum Codec {
    BloscLz,
    Lz4,
    Snappy,
    Zlib,
    Zstd,
}

/// Bytes of the decoded chunk, as its header states them.
///
/// # Errors
/// If the bytes hold no header.
pub fn stated_size(bytes: &[u8]) -> Result<usize> {
    Ok(Header::parse(bytes)?.content)
}

/// Decodes a chunk into `out`, which has the size of the chunk.
///
/// # Errors
/// If the chunk states another size, ends early, is Blosc 2, or its codec finds its bytes invalid.
pub fn decode(bytes: &[u8], out: &mut [u8], scratch: &mut Scratch) -> Result<()> {
    let header = Header::parse(bytes)?;
    if header.content != out.len() {
        return Err(CodecError::wrong_size(CODEC, out.len(), header.content));
    }
    if header.flags & STORED != 0 {
        let Some(stored) = bytes.get(HEADER..HEADER + out.len()) else {
            return Err(truncated(HEADER + out.len(), bytes.len()));
        };
        out.copy_from_slice(stored);
        return Ok(());
    }
    if out.is_empty() {
        return Ok(());
    }
    if header.block == 0 || header.element == 0 {
        return Err(CodecError::malformed(
            CODEC,
            "blocks and elements of at least a byte",
            format!("{} and {}", header.block, header.element),
        ));
    }
    let blocks = out.len().div_ceil(header.block);
    let Some(starts) = bytes[HEADER..].get(..blocks.saturating_mul(4)) else {
        return Err(truncated(blocks.saturating_mul(4), bytes.len() - HEADER));
    };
    let (starts, _) = starts.as_chunks::<4>();
    // Blocks do not share bytes, so that a small chunk cannot become an endless output.
    let mut unread = bytes.len();
    for (start, block) in starts.iter().zip(out.chunks_mut(header.block)) {
        let start = u32::from_le_bytes(*start) as usize;
        let Some(stored) = bytes.get(start..) else {
            return Err(truncated(start, bytes.len()));
        };
        let used = decode_block(&header, stored, block, scratch)?;
        unread = unread.checked_sub(used).ok_or(truncated(used, unread))?;
    }
    Ok(())
}

struct Header {
    flags: u8,
    codec: Codec,
    element: usize,
    content: usize,
    block: usize,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self> {
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return Err(truncated(HEADER, bytes.len()));
        };
        let [version, _, flags, element, ..] = *header;
        if !(1..=NEWEST_VERSION).contains(&version) {
            return Err(CodecError::Unsupported {
                expected: "a chunk of Blosc 1 (version 1 or 2)",
                found: format!("version {version}"),
            });
        }
        let codec = match flags >> 5 {
            0 => Codec::BloscLz,
            1 => Codec::Lz4,
            2 => Codec::Snappy,
            3 => Codec::Zlib,
            4 => Codec::Zstd,
            other => {
                return Err(CodecError::Unsupported {
                    expected: "BloscLZ, LZ4, Snappy, zlib or Zstandard in blosc",
                    found: format!("codec {other}"),
                });
            }
        };
        let number = |at: usize| {
            let bytes = header[at..at + 4].try_into().expect("four bytes");
            u32::from_le_bytes(bytes) as usize
        };
        Ok(Self {
            flags,
            codec,
            element: element.into(),
            content: number(4),
            block: number(8),
        })
    }
}

/// One block; the stored bytes that it took.
fn decode_block(
    header: &Header,
    stored: &[u8],
    out: &mut [u8],
    scratch: &mut Scratch,
) -> Result<usize> {
    let shuffled = header.flags & SHUFFLED != 0 && header.element > 1;
    let elements = out.len() / header.element;
    // A block whose elements are no multiple of eight was left as it is.
    let bits_shuffled = header.flags & BITS_SHUFFLED != 0 && elements.is_multiple_of(8);
    if !shuffled && !bits_shuffled {
        return decode_streams(header, stored, out, scratch);
    }
    let mut buffer = std::mem::take(&mut scratch.block);
    let block = prepared(&mut buffer, out.len());
    let result = decode_streams(header, stored, block, scratch);
    if result.is_ok() {
        if shuffled {
            shuffle::decode(block, header.element, out)?;
        } else {
            let whole = elements * header.element;
            bits::unshuffle(
                Level::best(),
                &block[..whole],
                header.element,
                &mut out[..whole],
            );
            out[whole..].copy_from_slice(&block[whole..]);
        }
    }
    scratch.block = buffer;
    result
}

/// The streams of one block, one after the other; the stored bytes that they took.
fn decode_streams(
    header: &Header,
    stored: &[u8],
    out: &mut [u8],
    scratch: &mut Scratch,
) -> Result<usize> {
    let is_whole = out.len() == header.block;
    let streams = if header.flags & NOT_SPLIT == 0 && is_whole {
        header.element
    } else {
        1
    };
    if !out.len().is_multiple_of(streams) {
        return Err(CodecError::malformed(
            CODEC,
            "blocks of whole elements",
            format!("{} bytes for elements of {streams}", out.len()),
        ));
    }
    let stream_bytes = out.len() / streams;
    let before = stored.len();
    let mut stored = stored;
    for out in out.chunks_mut(stream_bytes) {
        let Some((length, rest)) = stored.split_first_chunk::<4>() else {
            return Err(truncated(4, stored.len()));
        };
        let length = u32::from_le_bytes(*length) as usize;
        let Some((packed, rest)) = rest.split_at_checked(length) else {
            return Err(truncated(length, rest.len()));
        };
        decode_stream(header.codec, packed, out, scratch)?;
        stored = rest;
    }
    Ok(before - stored.len())
}

fn decode_stream(codec: Codec, packed: &[u8], out: &mut [u8], scratch: &mut Scratch) -> Result<()> {
    if packed.len() == out.len() {
        out.copy_from_slice(packed);
        return Ok(());
    }
    let found = match codec {
        Codec::Lz4 => return lz4_block::decode(CODEC, packed, out),
        Codec::BloscLz => blosclz::decode(packed, out)?,
        Codec::Snappy => snappy::decode(packed, out)?,
        Codec::Zlib => deflate::decode(packed, out, &mut scratch.inflate)?,
        Codec::Zstd => zstd::decode(packed, out, scratch)?,
    };
    if found != out.len() {
        return Err(CodecError::wrong_size(CODEC, out.len(), found));
    }
    Ok(())
}

fn truncated(expected: usize, found: usize) -> CodecError {
    CodecError::Truncated {
        codec: CODEC,
        expected,
        found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(flags: u8, element: u8, content: u32, block: u32) -> Vec<u8> {
        let mut bytes = vec![2, 1, flags, element];
        for number in [content, block, 0] {
            bytes.extend(number.to_le_bytes());
        }
        bytes
    }

    #[test]
    fn a_chunk_may_be_stored_as_it_is() {
        let mut bytes = header(STORED, 4, 5, 5);
        bytes.extend([1, 2, 3, 4, 5]);
        let (mut out, mut scratch) = ([0; 5], Scratch::new());
        decode(&bytes, &mut out, &mut scratch).unwrap();
        assert_eq!(out, [1, 2, 3, 4, 5]);
        assert!(decode(&bytes[..20], &mut out, &mut scratch).is_err());
        assert!(decode(&bytes, &mut out[..4], &mut scratch).is_err());
    }

    #[test]
    fn blocks_do_not_share_bytes() {
        // Two blocks of 64 bytes; each stream is stored, as long as its content.
        let mut bytes = header(NOT_SPLIT, 4, 128, 64);
        for start in [24_u32, 92] {
            bytes.extend(start.to_le_bytes());
        }
        for value in [1, 2] {
            bytes.extend(64_u32.to_le_bytes());
            bytes.extend([value; 64]);
        }
        let (mut out, mut scratch) = ([0; 128], Scratch::new());
        decode(&bytes, &mut out, &mut scratch).unwrap();
        assert_eq!((out[0], out[63], out[64], out[127]), (1, 1, 2, 2));
        bytes.truncate(92);
        bytes[20] = 24;
        assert!(decode(&bytes, &mut out, &mut scratch).is_err());
    }

    #[test]
    fn other_versions_and_codecs_are_named() {
        let mut bytes = header(0, 4, 0, 0);
        bytes[0] = 5;
        assert_eq!(
            stated_size(&bytes).unwrap_err().to_string(),
            "expected a chunk of Blosc 1 (version 1 or 2), found version 5"
        );
        assert!(stated_size(&header(7 << 5, 4, 0, 0)).is_err());
    }

    proptest! {
        #[test]
        fn broken_chunks_never_panic(
            flags: u8,
            element in 0_u8..20,
            block in 0_u32..200,
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            starts in prop::collection::vec(0_u32..150, 0..8),
            len in 0_u32..300,
        ) {
            let mut chunk = header(flags, element, len, block);
            for start in starts {
                chunk.extend(start.to_le_bytes());
            }
            chunk.extend(bytes);
            let _ = decode(&chunk, &mut vec![0; len as usize], &mut Scratch::new());
        }
    }
}
