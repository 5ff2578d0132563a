//! The filters of HDF5 chunks, undone outside any lock of the container.

use std::io::Read;

use flate2::read::ZlibDecoder;
use rust_hdf5::Filter;
use xscatter_core::{Error, ErrorKind, Result};

use crate::bitshuffle;

const DEFLATE: u16 = 1;
const SHUFFLE: u16 = 2;
const LZ4: u16 = 32004;
const BITSHUFFLE: u16 = 32008;

/// Whether all filters are decoded here; others are left to the container.
pub(super) fn is_ours(filters: &[Filter]) -> bool {
    filters.iter().all(|filter| match filter.id {
        DEFLATE | SHUFFLE | LZ4 => true,
        BITSHUFFLE => matches!(filter.cd_values.get(4), None | Some(0 | 2)),
        _ => false,
    })
}

/// Undoes the filters of one chunk, the last first; a set bit of `skipped` means that the filter
/// was not applied to this chunk.
pub(super) fn decode(
    mut bytes: Vec<u8>,
    filters: &[Filter],
    skipped: u32,
    element_bytes: usize,
    chunk_bytes: usize,
) -> Result<Vec<u8>> {
    for (index, filter) in filters.iter().enumerate().rev() {
        if index < 32 && skipped & (1 << index) != 0 {
            continue;
        }
        let parameter = |at: usize| filter.cd_values.get(at).map_or(0, |&value| value as usize);
        bytes = match filter.id {
            DEFLATE => inflate(&bytes, chunk_bytes)?,
            SHUFFLE => unshuffle(&bytes, parameter(0).max(1)),
            LZ4 => lz4(&bytes, chunk_bytes)?,
            BITSHUFFLE => {
                let width = match parameter(2) {
                    0 => element_bytes,
                    width => width,
                };
                // What a chunk may grow to is bounded by the stored bytes before this line: by the
                // check in `decode_lz4`, and here because the size does not change.
                if parameter(4) == 2 {
                    check_ratio(bytes.len(), chunk_bytes, 255)?;
                } else {
                    check_ratio(bytes.len(), chunk_bytes, 1)?;
                }
                let mut out = vec![0; chunk_bytes];
                if parameter(4) == 2 {
                    bitshuffle::decode_lz4(&bytes, width, &mut out)?;
                } else {
                    bitshuffle::decode(&bytes, width, parameter(3), &mut out)?;
                }
                out
            }
            id => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("expected a filter that is decoded here, found number {id}"),
                ));
            }
        };
    }
    if bytes.len() == chunk_bytes {
        return Ok(bytes);
    }
    let found = bytes.len();
    Err(Error::new(
        ErrorKind::Truncated,
        format!("expected a chunk of {chunk_bytes} bytes, found {found}"),
    ))
}

fn check_ratio(stored: usize, chunk_bytes: usize, ratio: usize) -> Result<()> {
    if chunk_bytes / ratio <= stored {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Truncated,
        format!("expected a chunk of {chunk_bytes} bytes, found {stored} bytes of compressed data"),
    ))
}

fn inflate(bytes: &[u8], chunk_bytes: usize) -> Result<Vec<u8>> {
    // Grows as it is decoded: the size of a chunk is a claim.
    let mut out = Vec::with_capacity(chunk_bytes.min(bytes.len().saturating_mul(4)));
    ZlibDecoder::new(bytes)
        .take(chunk_bytes as u64)
        .read_to_end(&mut out)
        .map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::UnexpectedEof => ErrorKind::Truncated,
                _ => ErrorKind::Malformed,
            };
            Error::new(kind, format!("expected a deflated chunk: {error}"))
        })?;
    Ok(out)
}

/// The shuffle filter: all first bytes of the elements, then all second bytes, and so on.
fn unshuffle(bytes: &[u8], width: usize) -> Vec<u8> {
    let elements = bytes.len() / width;
    let mut out = vec![0; bytes.len()];
    let (whole, left_over) = bytes.split_at(elements * width);
    for (byte, plane) in whole.chunks_exact(elements.max(1)).enumerate() {
        for (element, &value) in out.chunks_exact_mut(width).zip(plane) {
            element[byte] = value;
        }
    }
    out[elements * width..].copy_from_slice(left_over);
    out
}

/// LZ4 as HDF5 filter 32004: an 8-byte size, a 4-byte block size, then blocks with their lengths; a
/// block as long as its content is not compressed. All numbers are big-endian.
fn lz4(bytes: &[u8], chunk_bytes: usize) -> Result<Vec<u8>> {
    let malformed = |message: String| Error::new(ErrorKind::Malformed, message);
    let (total, rest) = bitshuffle::split_number::<8>(bytes)?;
    let (block_bytes, mut rest) = bitshuffle::split_number::<4>(rest)?;
    if total != chunk_bytes as u64 || block_bytes == 0 {
        return Err(malformed(format!(
            "expected a chunk of {chunk_bytes} bytes, it states {total} in blocks of {block_bytes}"
        )));
    }
    check_ratio(bytes.len(), chunk_bytes, 255)?;
    let mut out = vec![0; chunk_bytes];
    for block in out.chunks_mut(block_bytes as usize) {
        let (length, after) = bitshuffle::split_number::<4>(rest)?;
        let Some((packed, after)) = after.split_at_checked(length as usize) else {
            return Err(Error::new(
                ErrorKind::Truncated,
                format!("expected {length} bytes of LZ4, found {}", after.len()),
            ));
        };
        if packed.len() == block.len() {
            block.copy_from_slice(packed);
        } else {
            let unpacked = lz4_flex::block::decompress_into(packed, block)
                .map_err(|error| malformed(format!("expected a block of LZ4: {error}")))?;
            if unpacked != block.len() {
                return Err(malformed(format!(
                    "expected a block of {} bytes, found {unpacked}",
                    block.len()
                )));
            }
        }
        rest = after;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(id: u16, cd_values: Vec<u32>) -> Filter {
        Filter {
            id,
            flags: 0,
            cd_values,
        }
    }

    #[test]
    fn a_skipped_filter_is_not_undone() {
        let filters = [filter(SHUFFLE, vec![2]), filter(DEFLATE, vec![4])];
        let stored = vec![1, 2, 3, 4];
        // Both skipped: as stored. The shuffle alone: planes back to elements.
        let both = decode(stored.clone(), &filters, 0b11, 2, 4).unwrap();
        assert_eq!(both, [1, 2, 3, 4]);
        let shuffle = decode(stored, &filters, 0b10, 2, 4).unwrap();
        assert_eq!(shuffle, [1, 3, 2, 4]);
    }

    #[test]
    fn lz4_blocks_that_did_not_shrink_are_stored_as_they_are() {
        let mut bytes = 4_u64.to_be_bytes().to_vec();
        bytes.extend(4_u32.to_be_bytes());
        bytes.extend(4_u32.to_be_bytes());
        bytes.extend([9, 8, 7, 6]);
        let out = decode(bytes.clone(), &[filter(LZ4, vec![])], 0, 1, 4).unwrap();
        assert_eq!(out, [9, 8, 7, 6]);
        bytes.pop();
        assert!(decode(bytes, &[filter(LZ4, vec![])], 0, 1, 4).is_err());
    }

    #[test]
    fn a_chunk_that_claims_more_than_it_can_hold_is_refused() {
        let filters = [filter(BITSHUFFLE, vec![0, 0, 4, 0, 2])];
        let mut bytes = (1_u64 << 40).to_be_bytes().to_vec();
        bytes.extend(8192_u32.to_be_bytes());
        let error = decode(bytes, &filters, 0, 4, 1 << 40).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
        assert!(!is_ours(&[filter(BITSHUFFLE, vec![0, 0, 4, 0, 3])]));
    }
}
