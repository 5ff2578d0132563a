//! The packing of mar345 images: differences to the neighbours, in blocks of equal width.
//!
//! With v the stored 16 bits as a signed number, W the width of the image and i the pixel:
//!
//! - i = 0: v = d
//! - i ≤ W: v = d + v(i−1)
//! - else: v = d + (v(i−1) + v(i−W−1) + v(i−W) + v(i−W+1) + 2) / 4, rounded towards zero
//!
//! all modulo 2¹⁶. The differences d stand in blocks, lowest bit first and with no space in between: the
//! binary logarithm of their number, the index of their width in a table, then the differences in two's
//! complement. Version 1 gives three bits to each of the two, version 2 gives four and has more widths.
//!
//! Cost: one pass over the bits. Memory: none beyond the image. Source: J. P. Abrahams' packing as
//! fabio 2026.6.0 (both versions) and CBFlib (version 1) read it.

use xscatter_core::{Error, ErrorKind, Result};

/// Which of the two layouts of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    One,
    Two,
}

impl Version {
    /// The bits of each half of a block header.
    const fn header_bits(self) -> usize {
        match self {
            Self::One => 3,
            Self::Two => 4,
        }
    }

    /// The widths in bits of a difference, by their index.
    const fn widths(self) -> &'static [usize] {
        match self {
            Self::One => &[0, 4, 5, 6, 7, 8, 16, 32],
            Self::Two => &[0, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 32],
        }
    }

    /// The fewest bytes that can hold so many pixels: blocks of width 0, as long as they get.
    pub(super) const fn least_bytes(self, pixels: u64) -> u64 {
        let longest = 1 << ((1 << self.header_bits()) - 1);
        (pixels.div_ceil(longest) * 2 * self.header_bits() as u64).div_ceil(8)
    }
}

/// A stream of bits, lowest first.
struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bit.
    at: usize,
}

impl Bits<'_> {
    /// The next `count` bits, at most 32.
    #[inline]
    fn take(&mut self, count: usize) -> Option<u32> {
        let (byte, shift) = (self.at / 8, self.at % 8);
        let word = if let Some(word) = self.bytes.get(byte..byte + 8) {
            u64::from_le_bytes(word.try_into().expect("eight bytes"))
        } else {
            if self.at + count > self.bytes.len() * 8 {
                return None;
            }
            let rest = self.bytes.get(byte..).unwrap_or_default();
            rest.iter()
                .rev()
                .fold(0, |word, &byte| word << 8 | u64::from(byte))
        };
        self.at += count;
        Some(((word >> shift) & ((1 << count) - 1)) as u32)
    }

    /// The number of differences and their width.
    fn block(&mut self, version: Version) -> Result<Option<(usize, usize)>> {
        let start = self.at;
        let half = version.header_bits();
        let Some(header) = self.take(2 * half) else {
            return Ok(None);
        };
        let (power, index) = (header & ((1 << half) - 1), (header >> half) as usize);
        let width = version.widths().get(index).ok_or_else(|| {
            Error::new(
                ErrorKind::Malformed,
                format!(
                    "expected one of {} widths, found {index}",
                    version.widths().len()
                ),
            )
            .at(format!("bit {start} of the packed image"))
        })?;
        Ok(Some((1 << power, *width)))
    }
}

/// That the blocks hold so many pixels; only their headers are read, so that memory for the pixels
/// need not be set aside before it is known.
pub(super) fn check(packed: &[u8], version: Version, pixels: usize) -> Result<()> {
    let mut bits = Bits {
        bytes: packed,
        at: 0,
    };
    let mut found = 0;
    while found < pixels {
        let whole = match bits.block(version)? {
            Some((count, width)) => {
                found += count;
                // The last block may be cut where the image ends.
                bits.at += (count - found.saturating_sub(pixels).min(count)) * width;
                bits.at <= packed.len() * 8
            }
            None => false,
        };
        if !whole {
            return Err(Error::new(
                ErrorKind::Truncated,
                format!(
                    "expected {pixels} packed pixels, the {} bytes end after {} or fewer",
                    packed.len(),
                    found.min(pixels)
                ),
            ));
        }
    }
    Ok(())
}

/// Unpacks an image of `columns` columns, at least 2, into `out`.
pub(super) fn unpack(
    packed: &[u8],
    version: Version,
    columns: usize,
    out: &mut [u32],
) -> Result<()> {
    let mut bits = Bits {
        bytes: packed,
        at: 0,
    };
    let total = out.len();
    let mut at = 0;
    while at < total {
        let ended = || {
            Error::new(
                ErrorKind::Truncated,
                format!("expected {total} packed pixels, the data end after {at}"),
            )
        };
        let (count, width) = bits.block(version)?.ok_or_else(ended)?;
        let end = total.min(at + count);
        for pixel in at..end {
            let difference = if width == 0 {
                0
            } else {
                let stored = bits.take(width).ok_or_else(ended)?;
                // Two's complement of `width` bits: the sign is shifted up and down again.
                (stored << (32 - width)).cast_signed() >> (32 - width)
            };
            let value = |index: usize| i32::from(out[index] as i16);
            let expected = if pixel > columns {
                let above = pixel - columns;
                (value(pixel - 1) + value(above - 1) + value(above) + value(above + 1) + 2) / 4
            } else if pixel > 0 {
                value(pixel - 1)
            } else {
                0
            };
            out[pixel] = u32::from(expected.wrapping_add(difference) as u16);
        }
        at = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits from the lowest on.
    fn pack(fields: &[(u32, usize)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut filled = 0;
        for &(value, width) in fields {
            for bit in 0..width {
                if filled % 8 == 0 {
                    bytes.push(0);
                }
                let last = bytes.last_mut().expect("a byte");
                *last |= ((value >> bit & 1) as u8) << (filled % 8);
                filled += 1;
            }
        }
        bytes
    }

    #[test]
    fn neighbours_and_widths_of_the_first_version() {
        // 3 x 3: 10 and three differences of 4 bits, one of 32, then zeros.
        let packed = pack(&[
            (0, 3),
            (5, 3),
            (10, 8),
            (1, 3),
            (1, 3),
            (2, 4),
            (0xf, 4),
            (0, 3),
            (7, 3),
            (u32::MAX - 20, 32),
            (0, 3),
            (2, 3),
            (3, 5),
            (2, 3),
            (0, 3),
        ]);
        check(&packed, Version::One, 9).unwrap();
        let mut image = [99; 9];
        unpack(&packed, Version::One, 3, &mut image).unwrap();
        // Pixel 3 is guessed from the one before it, later ones from four: (−10 + 10 + 12 + 11 + 2) / 4 = 6.
        let wrapped = u32::from((11 - 21_i16) as u16);
        assert_eq!(image[..5], [10, 12, 11, wrapped, 6 + 3]);
        // (9 + 12 + 11 − 10 + 2) / 4 = 6: above and to the right of a row's last pixel is its own first.
        assert_eq!(image[5..], [6, 4, 2, 5]);
    }

    #[test]
    fn the_second_version_has_more_widths() {
        let packed = pack(&[(1, 4), (6, 4), (200, 9), (0x1ff, 9), (15, 4), (0, 4)]);
        check(&packed, Version::Two, 2 + 32_768).unwrap();
        let mut image = [7; 4];
        unpack(&packed, Version::Two, 2, &mut image).unwrap();
        assert_eq!(image, [200, 199, 199, 199]);
        let unknown = pack(&[(1, 4), (15, 4)]);
        let error = unpack(&unknown, Version::Two, 2, &mut image).unwrap_err();
        assert_eq!(error.message(), "expected one of 15 widths, found 15");
        assert!(check(&unknown, Version::Two, 4).is_err());
    }

    #[test]
    fn what_is_missing_is_said_before_memory_is_taken() {
        let packed = pack(&[(7, 3), (6, 3)]);
        for pixels in [1, 128, 1 << 40] {
            let error = check(&packed, Version::One, pixels).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Truncated);
        }
        assert_eq!(
            unpack(&packed, Version::One, 2, &mut [0; 4])
                .unwrap_err()
                .message(),
            "expected 4 packed pixels, the data end after 0"
        );
        assert_eq!(Version::One.least_bytes(128), 1);
        assert_eq!(Version::One.least_bytes(1024), 6);
        assert_eq!(Version::Two.least_bytes(32_769), 2);
        // A mar345 at its smallest.
        assert!(Version::One.least_bytes(1200 * 1200) > 8000);
    }

    #[test]
    fn values_wrap_at_sixteen_bits() {
        let packed = pack(&[(0, 3), (7, 3), (65_535, 32), (0, 3), (1, 3), (2, 4)]);
        let mut image = [0; 2];
        unpack(&packed, Version::One, 2, &mut image).unwrap();
        assert_eq!(image, [65_535, 1]);
    }
}
