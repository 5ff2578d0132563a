//! LZF, HDF5 filter 32000: the fast compression of h5py.
//!
//! A control byte below 32 is followed by that many bytes and one more as they are. Any other is a
//! copy of what was decoded: its upper three bits are the length less 2 (7 means that the next byte
//! is added), its lower five bits and a last byte the distance less 1.
//!
//! Cost: one pass. Source: the format of liblzf 3, as written by h5py 3.16.

use crate::error::{CodecError, Result};

const CODEC: &str = "lzf";

/// Decodes a chunk into the front of `out` and says how many bytes it holds.
///
/// # Errors
/// If the chunk ends early, holds more than `out`, or copies from before its start.
pub fn decode(bytes: &[u8], out: &mut [u8]) -> Result<usize> {
    let mut at = 0;
    let mut rest = bytes;
    while let Some((&control, after)) = rest.split_first() {
        let control = usize::from(control);
        if control < 32 {
            let length = control + 1;
            let Some((literal, after)) = after.split_at_checked(length) else {
                return Err(truncated(length, after.len()));
            };
            let room = out.len();
            let Some(place) = out.get_mut(at..at + length) else {
                return Err(CodecError::wrong_size(CODEC, room, at + length));
            };
            place.copy_from_slice(literal);
            at += length;
            rest = after;
            continue;
        }
        let mut length = control >> 5;
        let mut after = after;
        if length == 7 {
            let (&more, behind) = after.split_first().ok_or(truncated(1, 0))?;
            length += usize::from(more);
            after = behind;
        }
        length += 2;
        let (&low, after) = after.split_first().ok_or(truncated(1, 0))?;
        let distance = ((control & 0x1f) << 8 | usize::from(low)) + 1;
        if distance > at {
            return Err(CodecError::malformed(
                CODEC,
                "a copy of decoded bytes",
                format!("a distance of {distance} at byte {at}"),
            ));
        }
        if out.len() - at < length {
            return Err(CodecError::wrong_size(CODEC, out.len(), at + length));
        }
        copy_within(out, at, distance, length);
        at += length;
        rest = after;
    }
    Ok(at)
}

/// Copies `length` bytes from `distance` before `at`; what overlaps repeats itself.
///
/// The caller has checked that the source is not before the start and the end not behind the last.
#[inline]
pub(crate) fn copy_within(out: &mut [u8], at: usize, distance: usize, length: usize) {
    if distance == 1 {
        let value = out[at - 1];
        out[at..at + length].fill(value);
        return;
    }
    // Each copy doubles what can be copied at once.
    let start = at - distance;
    let mut done = 0;
    while done < length {
        let part = (distance + done).min(length - done);
        out.copy_within(start..start + part, at + done);
        done += part;
    }
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

    #[test]
    fn literals_copies_and_runs() {
        // "abc", then 3 bytes from 3 back, then 9 and 1 more (10) of the last byte.
        let bytes = [2, b'a', b'b', b'c', 1 << 5, 2, 7 << 5, 1, 0];
        let mut out = [0; 16];
        assert_eq!(decode(&bytes, &mut out).unwrap(), 16);
        assert_eq!(&out, b"abcabccccccccccc");
        assert_eq!(
            decode(&bytes, &mut out[..15]).unwrap_err().to_string(),
            "lzf: expected 15 decoded bytes, found 16"
        );
        for cut in [2, 5, 7, 8] {
            assert!(decode(&bytes[..cut], &mut out).is_err(), "{cut}");
        }
        assert!(decode(&[0, b'a', 1 << 5, 1], &mut out).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), len in 0_usize..2000) {
            let mut out = vec![0; len];
            if let Ok(found) = decode(&bytes, &mut out) {
                prop_assert!(found <= len);
            }
        }
    }
}
