//! Byte-offset compression of the crystallographic binary file (CBF).
//!
//! Every pixel is stored as the difference to the one before it, in one byte if it fits, else behind
//! an escape (`0x80`, `0x8000`, `0x80000000`) in two, four or eight, little-endian. Sums wrap at 32
//! bits; a narrower type is what its lowest bits say.
//!
//! Cost: runs of one-byte differences are summed 16 at a time, escapes one by one. Bytes beyond the
//! last pixel are ignored. Source: as read and written by fabio 2026.6.0.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;

use crate::error::{CodecError, Result};
use crate::md5::{self, Digest};
use crate::simd::Level;

/// What says that a difference takes more than one byte.
const ESCAPE: u8 = 0x80;
/// Pixels that are decoded at once if none of their differences is an escape.
const RUN: usize = 8;

/// Decodes one difference a pixel into `out` and says how many bytes that took.
///
/// # Errors
/// If the bytes end before `out` is full.
pub fn decode(bytes: &[u8], out: &mut [i32]) -> Result<usize> {
    decode_at(Level::best(), bytes, out)
}

/// As [`decode`], with the vector instructions of `level`.
///
/// # Errors
/// As [`decode`].
pub fn decode_at(level: Level, bytes: &[u8], out: &mut [i32]) -> Result<usize> {
    let mut cursor = Cursor::default();
    cursor.go_on(level, bytes, out, usize::MAX)?;
    Ok(cursor.byte)
}

/// As [`decode`], and the MD5 of all bytes.
///
/// It takes hardly longer than MD5 alone: that is one long chain of additions, beside which a processor has room for
/// the decoding if both take turns block by block. For several files at once [`md5::digests`] is the faster way.
///
/// # Errors
/// As [`decode`].
pub fn decode_with_md5(bytes: &[u8], out: &mut [i32]) -> Result<(usize, Digest)> {
    decode_with_md5_at(Level::best(), bytes, out)
}

/// As [`decode_with_md5`], with the vector instructions of `level`.
///
/// # Errors
/// As [`decode`].
pub fn decode_with_md5_at(level: Level, bytes: &[u8], out: &mut [i32]) -> Result<(usize, Digest)> {
    let mut cursor = Cursor::default();
    let mut decoded = Ok(());
    let digest = md5::digest_beside(bytes, |done| {
        if decoded.is_ok() {
            decoded = cursor.go_on(level, bytes, out, done);
        }
    });
    decoded?;
    cursor.go_on(level, bytes, out, usize::MAX)?;
    Ok((cursor.byte, digest))
}

/// How far a decoder has come.
#[derive(Debug, Default)]
pub(crate) struct Cursor {
    byte: usize,
    pixel: usize,
    /// The pixel before.
    last: i32,
}

impl Cursor {
    /// Decodes until `out` is full or the cursor is at the byte `until`, or a little past it.
    fn go_on(&mut self, level: Level, bytes: &[u8], out: &mut [i32], until: usize) -> Result<()> {
        let total = out.len();
        while self.pixel < total && self.byte < until {
            level.byte_offset_runs(bytes, out, self, until - self.byte);
            // Escapes come in crowds; and the last pixels one by one.
            while self.pixel < total && self.byte < until {
                let Some((delta, taken)) = next_delta(&bytes[self.byte..]) else {
                    return Err(CodecError::TooFewPixels {
                        expected: total,
                        found: self.pixel,
                    });
                };
                self.last = self.last.wrapping_add(delta);
                out[self.pixel] = self.last;
                self.byte += taken;
                self.pixel += 1;
                if taken > 1 && bytes.get(self.byte) != Some(&ESCAPE) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Over so many pixels of one byte each, which are in `out`.
    fn advance(&mut self, pixels: usize, out: &[i32]) {
        self.byte += pixels;
        self.pixel += pixels;
        if pixels > 0 {
            self.last = out[self.pixel - 1];
        }
    }
}

/// Decodes pixels up to the next escape, until the cursor is past `most` bytes more, or until less than a run is
/// left of either side.
pub(crate) fn portable_runs(bytes: &[u8], out: &mut [i32], cursor: &mut Cursor, most: usize) {
    let (deltas, _) = bytes[cursor.byte..].as_chunks::<RUN>();
    let (pixels, _) = out[cursor.pixel..].as_chunks_mut::<RUN>();
    let mut last = cursor.last;
    let mut done = 0;
    for (deltas, pixels) in deltas.iter().zip(pixels).take(most.div_ceil(RUN)) {
        for (pixel, &delta) in pixels.iter_mut().zip(deltas) {
            last = last.wrapping_add(i32::from(delta as i8));
            *pixel = last;
        }
        let before_escape = before_escape(u64::from_le_bytes(*deltas));
        done += before_escape;
        if before_escape < RUN {
            break;
        }
    }
    cursor.advance(done, out);
}

/// How many of eight bytes come before the first escape.
#[inline]
fn before_escape(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const ESCAPES: u64 = ONES * ESCAPE as u64;
    let zero_where_escape = word ^ ESCAPES;
    // The lowest zero byte is exact; what lies above it may be wrong.
    let zeros = zero_where_escape.wrapping_sub(ONES) & !zero_where_escape & ESCAPES;
    zeros.trailing_zeros() as usize / 8
}

/// One difference and the bytes that it takes.
#[inline]
fn next_delta(bytes: &[u8]) -> Option<(i32, usize)> {
    let (&first, rest) = bytes.split_first()?;
    if first != ESCAPE {
        return Some((i32::from(first as i8), 1));
    }
    let (word, rest) = rest.split_first_chunk()?;
    let delta = i16::from_le_bytes(*word);
    if delta != i16::MIN {
        return Some((delta.into(), 3));
    }
    let (word, rest) = rest.split_first_chunk()?;
    let delta = i32::from_le_bytes(*word);
    if delta != i32::MIN {
        return Some((delta, 7));
    }
    let (word, _) = rest.split_first_chunk()?;
    Some((i64::from_le_bytes(*word) as i32, 15))
}

/// Encodes pixels, appending to `out`.
pub fn encode(pixels: &[i32], out: &mut Vec<u8>) {
    out.reserve(pixels.len());
    let mut last = 0_i64;
    for &pixel in pixels {
        let delta = i64::from(pixel) - last;
        last = pixel.into();
        if let Ok(delta) = i8::try_from(delta)
            && delta != i8::MIN
        {
            out.push(delta as u8);
            continue;
        }
        out.push(ESCAPE);
        if let Ok(delta) = i16::try_from(delta)
            && delta != i16::MIN
        {
            out.extend(delta.to_le_bytes());
            continue;
        }
        out.extend(i16::MIN.to_le_bytes());
        if let Ok(delta) = i32::try_from(delta)
            && delta != i32::MIN
        {
            out.extend(delta.to_le_bytes());
            continue;
        }
        out.extend(i32::MIN.to_le_bytes());
        out.extend(delta.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, pixel by pixel.
    fn by_definition(bytes: &[u8], out: &mut [i32]) -> Option<usize> {
        let (mut at, mut last) = (0, 0_i32);
        for pixel in out {
            let (delta, taken) = next_delta(&bytes[at..])?;
            last = last.wrapping_add(delta);
            *pixel = last;
            at += taken;
        }
        Some(at)
    }

    #[test]
    fn all_four_widths_of_a_difference() {
        let pixels = [0, 127, -1, -129, 32000, -2, 70_000, i32::MIN, i32::MAX, -5];
        let mut bytes = Vec::new();
        encode(&pixels, &mut bytes);
        // The escape of a difference of more than 31 bits is followed by eight bytes.
        let escape = [0x80, 0, 0x80, 0, 0, 0, 0x80];
        assert!(bytes.windows(7).any(|window| window == escape));
        let mut decoded = [1; 10];
        assert_eq!(decode(&bytes, &mut decoded).unwrap(), bytes.len());
        assert_eq!(decoded, pixels);
    }

    #[test]
    fn truncated_data_say_how_far_they_went() {
        let mut bytes = Vec::new();
        encode(&[1, 2, 100_000], &mut bytes);
        let error = decode(&bytes[..4], &mut [0; 3]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "byte offset: expected 3 pixels, the data end after 2"
        );
    }

    proptest! {
        #[test]
        fn pixels_round_trip(
            small in prop::collection::vec(-100_i32..100, 0..200),
            large in prop::collection::vec(any::<i32>(), 0..20),
        ) {
            let mut pixels = small.clone();
            for (index, value) in large.into_iter().enumerate() {
                let at = (index * 37) % (pixels.len() + 1);
                pixels.insert(at, value);
            }
            let mut bytes = Vec::new();
            encode(&pixels, &mut bytes);
            let mut out = vec![77; pixels.len()];
            prop_assert_eq!(decode(&bytes, &mut out).unwrap(), bytes.len());
            prop_assert_eq!(out, pixels);
        }

        #[test]
        fn any_bytes_decode_as_by_definition(
            bytes in prop::collection::vec(prop_oneof![3 => any::<u8>(), 1 => Just(ESCAPE), 40 => 0_u8..9], 0..400),
            pixels in 0_usize..400,
        ) {
            let mut expected = vec![0; pixels];
            let taken = by_definition(&bytes, &mut expected);
            for level in Level::available() {
                let mut out = vec![0; pixels];
                prop_assert_eq!(decode_at(level, &bytes, &mut out).ok(), taken);
                if taken.is_some() {
                    prop_assert_eq!(&out, &expected, "{:?}", level);
                }
                let mut out = vec![0; pixels];
                let both = decode_with_md5_at(level, &bytes, &mut out).ok();
                prop_assert_eq!(both, taken.map(|taken| (taken, md5::digest(&bytes))));
                if taken.is_some() {
                    prop_assert_eq!(&out, &expected, "with MD5, {:?}", level);
                }
            }
        }
    }
}
