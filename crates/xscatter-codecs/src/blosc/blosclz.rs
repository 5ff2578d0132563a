//! BloscLZ, the codec that Blosc brings along: a relative of FastLZ.
//!
//! A control byte below 32 (of the first byte only the lower five bits count) is followed by that
//! many bytes and one more as they are. Any other is a copy: its upper three bits are the length less
//! 2 (7: bytes are added until one is not 255), its lower five bits and a byte the distance less 1; a
//! distance of all ones is followed by two bytes of a longer one.

use crate::error::{CodecError, Result};
use crate::lzf::copy_within;

const CODEC: &str = "blosclz";
/// The longest distance without the two bytes.
const FAR: usize = 8191;

/// Decodes into the front of `out` and says how many bytes there are.
pub(super) fn decode(bytes: &[u8], out: &mut [u8]) -> Result<usize> {
    let mut rest = bytes;
    let mut at = 0;
    let mut is_first = true;
    while let Some((&control, after)) = rest.split_first() {
        rest = after;
        let mut control = usize::from(control);
        if is_first {
            control &= 31;
            is_first = false;
        }
        if control < 32 {
            let length = control + 1;
            let Some((literal, after)) = rest.split_at_checked(length) else {
                return Err(truncated(length, rest.len()));
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
        let mut length = (control >> 5) + 2;
        if control >> 5 == 7 {
            loop {
                let more = next(&mut rest)?;
                length += more;
                if more != 255 {
                    break;
                }
            }
        }
        let (high, low) = ((control & 31) << 8, next(&mut rest)?);
        let mut distance = high + low + 1;
        if high + low == FAR {
            distance = (next(&mut rest)? << 8) + next(&mut rest)? + FAR + 1;
        }
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
    }
    Ok(at)
}

fn next(rest: &mut &[u8]) -> Result<usize> {
    let (&byte, after) = rest.split_first().ok_or(truncated(1, 0))?;
    *rest = after;
    Ok(byte.into())
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
        // "abc", then 3 bytes from 3 back, then 9 and 256 more of the last byte.
        let bytes = [2 | 1 << 5, b'a', b'b', b'c', 1 << 5, 2, 7 << 5, 255, 1, 0];
        let mut out = [0; 271];
        assert_eq!(decode(&bytes, &mut out).unwrap(), 271);
        assert_eq!(&out[..6], b"abcabc");
        assert!(out[6..].iter().all(|&byte| byte == b'c'));
        assert!(decode(&bytes, &mut out[..270]).is_err());
        assert!(decode(&bytes[..8], &mut out).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), len in 0_usize..2000) {
            let _ = decode(&bytes, &mut vec![0; len]);
        }
    }
}
