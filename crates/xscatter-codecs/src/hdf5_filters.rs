//! The filter pipeline of an HDF5 chunk, undone.
//!
//! A chunk is stored after its filters were applied first to last; they are undone last to first. A
//! set bit of the filter mask means that the filter was not applied to this chunk. The last step
//! decodes straight into the output.
//!
//! Use it for raw chunks, as `read_direct_chunk` of the HDF5 library gives them: outside any lock,
//! one [`Scratch`] a thread. Cost: that of the filters; several filters need one or two stages of
//! scratch of the size class of the output. What a chunk claims never decides how much is allocated.
//!
//! Source: HDF5 file format 3.0 and the registered filters; as written by h5py 3.16 and hdf5plugin
//! 7.1.

use crate::error::{CodecError, Result};
use crate::scratch::{Scratch, prepared};
use crate::{bitshuffle, blosc, bzip2, deflate, fletcher32, lz4, lzf, shuffle, zstd};

/// Deflate (zlib, gzip).
pub const DEFLATE: u16 = 1;
/// Shuffle of bytes.
pub const SHUFFLE: u16 = 2;
/// The checksum of Fletcher.
pub const FLETCHER32: u16 = 3;
/// bzip2.
pub const BZIP2: u16 = 307;
/// LZF.
pub const LZF: u16 = 32000;
/// Blosc 1.
pub const BLOSC: u16 = 32001;
/// LZ4.
pub const LZ4: u16 = 32004;
/// Bitshuffle, alone or with a compression.
pub const BITSHUFFLE: u16 = 32008;
/// Zstandard.
pub const ZSTD: u16 = 32015;

/// Where bitshuffle states its element size, block size and compression.
const BITSHUFFLE_ELEMENT: usize = 2;
const BITSHUFFLE_BLOCK: usize = 3;
const BITSHUFFLE_COMPRESSION: usize = 4;

/// What Zstandard can shrink by at most.
const ZSTD_RATIO: usize = 32 << 10;

/// What bzip2 can shrink by at most, about.
const BZIP2_RATIO: usize = 2 << 20;

/// One filter of a pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Its registered number.
    pub id: u16,
    /// Its parameters (`cd_values`).
    pub values: &'a [u32],
}

impl Filter<'_> {
    /// The parameter at a place; what is not stated is 0.
    fn value(&self, at: usize) -> usize {
        self.values.get(at).map_or(0, |&value| value as usize)
    }
}

/// Whether a filter with these parameters is decoded here.
pub fn is_supported(id: u16, values: &[u32]) -> bool {
    match id {
        DEFLATE | SHUFFLE | FLETCHER32 | BZIP2 | LZF | BLOSC | LZ4 | ZSTD => true,
        BITSHUFFLE => matches!(
            Filter { id, values }.value(BITSHUFFLE_COMPRESSION),
            0 | 2 | 3
        ),
        _ => false,
    }
}

/// The most bytes that `stored` bytes can become: check the claimed size of a chunk against it before
/// you allocate the output. `usize::MAX` where a codec has no useful bound.
pub fn largest_output(stored: usize, filters: &[Filter<'_>], filter_mask: u32) -> usize {
    active(filters, filter_mask).fold(stored, |bytes, filter| {
        let ratio = match filter.id {
            SHUFFLE | FLETCHER32 => 1,
            BITSHUFFLE if filter.value(BITSHUFFLE_COMPRESSION) == 0 => 1,
            // A copy of 264 bytes takes three.
            LZF => 88,
            // A run of 128 KiB in four bytes.
            BITSHUFFLE if filter.value(BITSHUFFLE_COMPRESSION) == 3 => ZSTD_RATIO,
            // Its codec may be Zstandard.
            ZSTD | BLOSC => ZSTD_RATIO,
            LZ4 | BITSHUFFLE => 255,
            // A block of 900 000 runs of up to 259 bytes in five.
            BZIP2 => BZIP2_RATIO,
            // 258 bytes in two bits.
            DEFLATE => 1032,
            _ => usize::MAX,
        };
        bytes.saturating_mul(ratio)
    })
}

/// Undoes the filters of one chunk into `out`, which has the size of the chunk.
///
/// `element_bytes` is the size of an element of the dataset, for filters that do not state it.
///
/// # Errors
/// If a filter is not decoded here, a checksum is wrong, or the bytes are not what the filters write
/// for a chunk of this size.
pub fn decode_pipeline(
    stored: &[u8],
    filters: &[Filter<'_>],
    filter_mask: u32,
    element_bytes: usize,
    out: &mut [u8],
    scratch: &mut Scratch,
) -> Result<()> {
    let mut stages = std::mem::take(&mut scratch.stages);
    let result = decode_stages(
        stored,
        filters,
        filter_mask,
        element_bytes,
        out,
        scratch,
        &mut stages,
    );
    scratch.stages = stages;
    result
}

fn decode_stages(
    stored: &[u8],
    filters: &[Filter<'_>],
    filter_mask: u32,
    element_bytes: usize,
    out: &mut [u8],
    scratch: &mut Scratch,
    stages: &mut [Vec<u8>; 2],
) -> Result<()> {
    let [front, back] = stages;
    let mut in_front = false;
    let mut len = stored.len();
    let mut remaining = active(filters, filter_mask).count();
    for filter in active(filters, filter_mask) {
        remaining -= 1;
        let input = if in_front {
            &front[..len]
        } else {
            &stored[..len]
        };
        if filter.id == FLETCHER32 {
            len = fletcher32::verified(input)?.len();
            continue;
        }
        let before = || active(filters, filter_mask).rev().take(remaining);
        if remaining == 0 {
            let found = step(*filter, input, element_bytes, out, scratch)?;
            return filled(filter.id, out.len(), found);
        }
        // What the filters applied before this one made of the chunk.
        let checksums = before().filter(|filter| filter.id == FLETCHER32).count();
        let room = if before().all(keeps_size) {
            out.len() + 4 * checksums
        } else {
            out.len().saturating_mul(2).saturating_add(4096)
        };
        len = step(*filter, input, element_bytes, prepared(back, room), scratch)?;
        std::mem::swap(front, back);
        in_front = true;
    }
    let decoded = if in_front {
        &front[..len]
    } else {
        &stored[..len]
    };
    filled(0, out.len(), decoded.len())?;
    out.copy_from_slice(decoded);
    Ok(())
}

/// The filters that were applied, the last first.
fn active<'a, 'b>(
    filters: &'b [Filter<'a>],
    filter_mask: u32,
) -> impl DoubleEndedIterator<Item = &'b Filter<'a>> {
    let applied = move |index: usize| index >= 32 || filter_mask & (1 << index) == 0;
    filters
        .iter()
        .enumerate()
        .rev()
        .filter(move |(index, _)| applied(*index))
        .map(|(_, filter)| filter)
}

/// Whether the size of its output follows from that of its input.
fn keeps_size(filter: &Filter<'_>) -> bool {
    matches!(filter.id, SHUFFLE | FLETCHER32)
        || filter.id == BITSHUFFLE && filter.value(BITSHUFFLE_COMPRESSION) == 0
}

fn filled(filter: u16, expected: usize, found: usize) -> Result<()> {
    if expected == found {
        return Ok(());
    }
    let codec = match filter {
        DEFLATE => "deflate",
        BZIP2 => "bzip2",
        LZF => "lzf",
        ZSTD => "zstd",
        _ => "chunk",
    };
    Err(CodecError::wrong_size(codec, expected, found))
}

/// Undoes one filter into the front of `out` and says how many bytes there are.
fn step(
    filter: Filter<'_>,
    input: &[u8],
    element_bytes: usize,
    out: &mut [u8],
    scratch: &mut Scratch,
) -> Result<usize> {
    let stated_or_element = |at: usize| match filter.value(at) {
        0 => element_bytes,
        stated => stated,
    };
    match filter.id {
        DEFLATE => deflate::decode(input, out, &mut scratch.inflate),
        SHUFFLE => {
            let out = front(out, input.len())?;
            shuffle::decode(input, stated_or_element(0), out)?;
            Ok(out.len())
        }
        BZIP2 => bzip2::decode(input, out),
        LZF => lzf::decode(input, out),
        BLOSC => {
            let out = front(out, blosc::stated_size(input)?)?;
            blosc::decode(input, out, scratch)?;
            Ok(out.len())
        }
        LZ4 => {
            let out = front(out, stated_size(input)?)?;
            lz4::decode(input, out)?;
            Ok(out.len())
        }
        BITSHUFFLE => {
            let width = stated_or_element(BITSHUFFLE_ELEMENT);
            match filter.value(BITSHUFFLE_COMPRESSION) {
                0 => {
                    let out = front(out, input.len())?;
                    let block = filter.value(BITSHUFFLE_BLOCK);
                    bitshuffle::decode(input, width, block, out, scratch)?;
                    Ok(out.len())
                }
                2 => {
                    let out = front(out, stated_size(input)?)?;
                    bitshuffle::decode_lz4(input, width, out, scratch)?;
                    Ok(out.len())
                }
                3 => {
                    let out = front(out, stated_size(input)?)?;
                    bitshuffle::decode_zstd(input, width, out, scratch)?;
                    Ok(out.len())
                }
                other => Err(CodecError::Unsupported {
                    expected: "bitshuffle alone, with LZ4 or with Zstandard",
                    found: format!("compression {other}"),
                }),
            }
        }
        ZSTD => zstd::decode(input, out, scratch),
        id => Err(CodecError::Unsupported {
            expected: "a filter that is decoded here",
            found: format!("number {id}"),
        }),
    }
}

/// The first bytes of the output, if it has as many.
fn front(out: &mut [u8], len: usize) -> Result<&mut [u8]> {
    let room = out.len();
    out.get_mut(..len)
        .ok_or(CodecError::wrong_size("chunk", room, len))
}

/// The decoded size at the start of LZ4 and bitshuffle chunks.
fn stated_size(input: &[u8]) -> Result<usize> {
    let (size, _) = crate::framed::split_number::<8>(input, "chunk")?;
    Ok(usize::try_from(size).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(stored: &[u8], filters: &[Filter<'_>], mask: u32, len: usize) -> Result<Vec<u8>> {
        let mut out = vec![0xaa; len];
        decode_pipeline(stored, filters, mask, 2, &mut out, &mut Scratch::new())?;
        Ok(out)
    }

    fn filter(id: u16, values: &[u32]) -> Filter<'_> {
        Filter { id, values }
    }

    #[test]
    fn a_skipped_filter_is_not_undone() {
        let filters = [filter(SHUFFLE, &[2]), filter(DEFLATE, &[4])];
        // Both skipped: as stored. The shuffle alone: planes back to elements.
        assert_eq!(
            decoded(&[1, 2, 3, 4], &filters, 0b11, 4).unwrap(),
            [1, 2, 3, 4]
        );
        assert_eq!(
            decoded(&[1, 2, 3, 4], &filters, 0b10, 4).unwrap(),
            [1, 3, 2, 4]
        );
        assert!(decoded(&[1, 2, 3, 4], &filters, 0b11, 5).is_err());
    }

    #[test]
    fn a_chunk_that_claims_more_than_it_can_hold_is_seen_before_it_is_allocated() {
        let filters = [filter(BITSHUFFLE, &[0, 0, 4, 0, 2])];
        assert_eq!(largest_output(12, &filters, 0), 12 * 255);
        assert_eq!(largest_output(12, &filters, 1), 12);
        let two = [filter(LZF, &[]), filter(DEFLATE, &[])];
        assert_eq!(largest_output(1, &two, 0), 88 * 1032);
        assert_eq!(largest_output(usize::MAX, &two, 0), usize::MAX);
    }

    #[test]
    fn what_is_not_decoded_is_named() {
        assert!(is_supported(BITSHUFFLE, &[0, 0, 4, 0, 2]));
        assert!(!is_supported(32013, &[]));
        let error = decoded(&[1, 2], &[filter(32013, &[])], 0, 2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a filter that is decoded here, found number 32013"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            ids in prop::collection::vec(
                prop::sample::select(vec![DEFLATE, SHUFFLE, FLETCHER32, BZIP2, LZF, BLOSC, LZ4, BITSHUFFLE, ZSTD]), 0..4),
            values in prop::collection::vec(0_u32..9, 0..6),
            mask: u32,
            len in 0_usize..400,
        ) {
            let filters: Vec<Filter<'_>> = ids.iter().map(|&id| filter(id, &values)).collect();
            let _ = decoded(&bytes, &filters, mask, len);
            let _ = decoded(&bytes, &filters, 0, len);
        }
    }
}
