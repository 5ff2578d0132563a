//! Snappy without framing.
//!
//! The decoded size in groups of seven bits, then elements; the lowest two bits of a tag say which: 0
//! bytes as they are, 1 to 3 a copy with a distance of 11, 16 or 32 bits.

use crate::error::{CodecError, Result};
use crate::lzf::copy_within;

const CODEC: &str = "snappy";
/// Lengths of literals from here on stand in the bytes that follow.
const LONG: usize = 60;

/// Decodes into the front of `out` and says how many bytes there are.
pub(super) fn decode(bytes: &[u8], out: &mut [u8]) -> Result<usize> {
    let mut rest = bytes;
    let stated = stated_size(&mut rest)?;
    let room = out.len();
    let Some(out) = out.get_mut(..stated) else {
        return Err(CodecError::wrong_size(CODEC, room, stated));
    };
    let mut at = 0;
    while let Some((&tag, after)) = rest.split_first() {
        rest = after;
        let tag = usize::from(tag);
        let kind = tag & 3;
        if kind == 0 {
            let mut length = (tag >> 2) + 1;
            if length > LONG {
                length = number(&mut rest, length - LONG)?.saturating_add(1);
            }
            let Some((literal, after)) = rest.split_at_checked(length) else {
                return Err(truncated(length, rest.len()));
            };
            let Some(place) = out[at..].get_mut(..length) else {
                return Err(CodecError::wrong_size(CODEC, stated, at + length));
            };
            place.copy_from_slice(literal);
            at += length;
            rest = after;
            continue;
        }
        let (length, distance) = match kind {
            1 => ((tag >> 2 & 7) + 4, (tag >> 5) << 8 | number(&mut rest, 1)?),
            2 => ((tag >> 2) + 1, number(&mut rest, 2)?),
            _ => ((tag >> 2) + 1, number(&mut rest, 4)?),
        };
        if distance == 0 || distance > at {
            return Err(CodecError::malformed(
                CODEC,
                "a copy of decoded bytes",
                format!("a distance of {distance} at byte {at}"),
            ));
        }
        if stated - at < length {
            return Err(CodecError::wrong_size(CODEC, stated, at + length));
        }
        copy_within(out, at, distance, length);
        at += length;
    }
    if at != stated {
        return Err(CodecError::wrong_size(CODEC, stated, at));
    }
    Ok(at)
}

/// A number of up to 32 bits, seven a byte, the lowest first.
fn stated_size(rest: &mut &[u8]) -> Result<usize> {
    let mut size = 0;
    for shift in (0..35).step_by(7) {
        let byte = number(rest, 1)?;
        size |= (byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(size);
        }
    }
    Err(CodecError::malformed(CODEC, "a size in five bytes", "more"))
}

/// A little-endian number of up to four bytes.
fn number(rest: &mut &[u8], bytes: usize) -> Result<usize> {
    let Some((number, after)) = rest.split_at_checked(bytes) else {
        return Err(truncated(bytes, rest.len()));
    };
    *rest = after;
    let combine = |number: usize, &byte: &u8| number << 8 | usize::from(byte);
    Ok(number.iter().rev().fold(0, combine))
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
    fn literals_and_copies() {
        // "abc", 5 bytes from 3 back, 3 bytes from 1 back.
        let bytes = [
            11,
            2 << 2,
            b'a',
            b'b',
            b'c',
            1 << 2 | 1,
            3,
            2 << 2 | 2,
            1,
            0,
        ];
        let mut out = [0; 12];
        assert_eq!(decode(&bytes, &mut out).unwrap(), 11);
        assert_eq!(&out[..11], b"abcabcabbbb");
        assert!(decode(&bytes, &mut out[..10]).is_err());
        for cut in 0..bytes.len() {
            assert!(decode(&bytes[..cut], &mut out).is_err(), "{cut}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), len in 0_usize..2000) {
            let _ = decode(&bytes, &mut vec![0; len]);
        }
    }
}
