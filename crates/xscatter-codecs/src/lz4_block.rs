//! One block of LZ4, decoded into an output whose size is known.
//!
//! A block is a series of literals and of copies of what was decoded before. Counts of photons after a bit
//! transpose are mostly long runs of zeros, which are copies that overlap themselves at a distance of a few
//! bytes; here they grow by doubling, at the speed of a memory copy, whatever the distance. (lz4_flex 0.14
//! without `unsafe` copies them byte by byte, which makes a real frame ten times as slow.)
//!
//! Cost: one pass; nothing is allocated. Source: the LZ4 block format, version 1.6.

use crate::error::{CodecError, Result};

/// Shortest copy.
const MIN_MATCH: usize = 4;
/// Bytes that are copied at once, more than needed where there is room.
const WORD: usize = 16;

/// Decodes `packed` into `out`, which it fills.
pub(crate) fn decode(codec: &'static str, packed: &[u8], out: &mut [u8]) -> Result<()> {
    let (mut at, mut to) = (0, 0);
    let total = out.len();
    let truncated = |expected: usize, at: usize| CodecError::Truncated {
        codec,
        expected,
        found: packed.len().saturating_sub(at),
    };
    let too_long = |found: usize| CodecError::wrong_size(codec, total, found);
    loop {
        let &token = packed.get(at).ok_or_else(|| truncated(1, at))?;
        at += 1;
        let mut literals = usize::from(token >> 4);
        if literals == 15 {
            literals += rest_of_length(packed, &mut at).ok_or_else(|| truncated(1, at))?;
        }
        if let (Some(from), Some(room)) = (
            packed.get(at..).and_then(|rest| rest.first_chunk::<WORD>()),
            out.get_mut(to..)
                .and_then(|rest| rest.first_chunk_mut::<WORD>()),
        ) && literals <= WORD
        {
            *room = *from;
        } else {
            let end = at.saturating_add(literals);
            let from = packed.get(at..end).ok_or_else(|| truncated(literals, at))?;
            let room = out
                .get_mut(to..to.saturating_add(literals))
                .ok_or_else(|| too_long(to.saturating_add(literals)))?;
            room.copy_from_slice(from);
        }
        at += literals;
        to += literals;
        // The last literals end the block.
        if at == packed.len() {
            break;
        }
        let distance = packed
            .get(at..at + 2)
            .ok_or_else(|| truncated(2, at))
            .map(|bytes| usize::from(u16::from_le_bytes([bytes[0], bytes[1]])))?;
        at += 2;
        if distance == 0 || distance > to {
            return Err(CodecError::malformed(
                codec,
                "a copy of what was decoded before",
                format!("a distance of {distance} after {to} bytes"),
            ));
        }
        let mut length = usize::from(token & 15) + MIN_MATCH;
        if length == 15 + MIN_MATCH {
            length += rest_of_length(packed, &mut at).ok_or_else(|| truncated(1, at))?;
        }
        if length > total - to {
            return Err(too_long(to.saturating_add(length)));
        }
        copy(out, to, distance, length);
        to += length;
    }
    if to == total {
        Ok(())
    } else {
        Err(too_long(to))
    }
}

/// What follows a length of 15: bytes that are added, up to the first below 255.
fn rest_of_length(packed: &[u8], at: &mut usize) -> Option<usize> {
    let mut length = 0_usize;
    loop {
        let byte = *packed.get(*at)?;
        *at += 1;
        length = length.checked_add(byte.into())?;
        if byte != 255 {
            return Some(length);
        }
    }
}

/// Copies `length` bytes from `distance` before `to`; the two may overlap, and then repeat.
#[inline]
fn copy(out: &mut [u8], to: usize, distance: usize, length: usize) {
    let from = to - distance;
    if length <= WORD && distance >= WORD && to + WORD <= out.len() {
        let word: [u8; WORD] = *out[from..]
            .first_chunk()
            .expect("as long as the room after it");
        *out[to..].first_chunk_mut().expect("checked above") = word;
    } else if distance == 1 {
        let byte = out[from];
        out[to..to + length].fill(byte);
    } else {
        // What is there already is copied behind itself, each time twice as much.
        let (mut next, end) = (to, to + length);
        while next < end {
            let count = (next - from).min(end - next);
            out.copy_within(from..from + count, next);
            next += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn decoded(packed: &[u8], len: usize) -> Result<Vec<u8>> {
        let mut out = vec![0xaa; len];
        decode("lz4", packed, &mut out).map(|()| out)
    }

    #[test]
    fn copies_repeat_at_every_distance() {
        for distance in 1..40_usize {
            let literals: Vec<u8> = (0..distance as u8)
                .map(|byte| byte.wrapping_mul(7) + 1)
                .collect();
            let mut packed = Vec::new();
            packed.push((distance.min(15) as u8) << 4 | 15);
            if distance >= 15 {
                packed.push((distance - 15) as u8);
            }
            packed.extend(&literals);
            packed.extend((distance as u16).to_le_bytes());
            // 19 and 255 and 3 more are copied, and one literal ends the block.
            packed.extend([255, 3, 0x10, 9]);
            let len = distance + 19 + 258 + 1;
            let out = decoded(&packed, len).unwrap();
            let expected = (0..len - 1).map(|at| literals[at % distance]);
            assert!(out.iter().copied().eq(expected.chain([9])), "{distance}");
        }
    }

    #[test]
    fn lies_are_refused() {
        // A copy from before the start, at no distance, beyond the end; a block that ends early.
        for (packed, len) in [
            (&[0x10, 1, 2, 0, 0x10, 1][..], 6),
            (&[0x10, 1, 0, 0, 0x10, 1], 6),
            (&[0x1f, 1, 1, 0, 200, 0x10, 1], 6),
            (&[0x10, 1, 1], 6),
            (&[0x50, 1, 2], 6),
            (&[0xf0, 255, 255], 6),
            (&[0x20, 1, 2], 6),
            (&[], 0),
        ] {
            assert!(decoded(packed, len).is_err(), "{packed:?}");
        }
        assert!(decoded(&[0], 0).unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn blocks_of_lz4_flex_round_trip(
            pieces in prop::collection::vec((0_u8..4, 1_usize..400, 1_usize..30), 0..40),
        ) {
            let mut bytes = Vec::new();
            for (byte, count, step) in pieces {
                bytes.extend((0..count).map(|at| if at % step == 0 { byte } else { at as u8 }));
            }
            let packed = lz4_flex::block::compress(&bytes);
            prop_assert_eq!(decoded(&packed, bytes.len()).unwrap(), bytes);
        }

        #[test]
        fn it_agrees_with_lz4_flex_on_broken_blocks(
            mut packed in prop::collection::vec(any::<u8>(), 0..80),
            len in 0_usize..200,
        ) {
            // Small tokens and distances, so that more than the first sequence is looked at.
            packed.iter_mut().step_by(3).for_each(|byte| *byte &= 0x23);
            let mut theirs = vec![0; len];
            let found = lz4_flex::block::decompress_into(&packed, &mut theirs);
            if let Ok(ours) = decoded(&packed, len) {
                prop_assert_eq!(found.ok(), Some(len));
                prop_assert_eq!(ours, theirs);
            }
        }
    }
}
