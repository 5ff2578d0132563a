//! The three packings of Oxford Diffraction images: differences along a row in as few bytes as they need.
//!
//! A difference from −127 to 126 is one byte, 127 more than its value; 254 says that it stands in 16 bits, 255
//! in 32 bits, both little-endian.
//!
//! - TY1: the bytes of all pixels, then the 16-bit differences, then the 32-bit ones; differences go on from
//!   the end of a row to the next.
//! - TY5: large differences follow their byte; every row starts anew from 0.
//! - TY6: as TY5 for the first pixel of a row and for those left over; the others in groups of sixteen, two
//!   blocks of eight. A byte gives the bits a difference of either block (0 to 8), then come the blocks,
//!   lowest bits first, with 2ⁿ⁻¹ − 1 added if n > 1, then the large differences of the group.
//!
//! Cost: one pass. Source: fabio 2026.6.0 (TY1, TY5), dxtbx 3.28 (TY5, TY6).

use xscatter_core::{Error, ErrorKind, Result};

/// The stored bytes for a difference of 16 and of 32 bits.
const WORD: u8 = 254;
const LONG: u8 = 255;
/// What is added to a difference in one byte.
const ZERO: i32 = 127;
/// Pixels of a group of TY6.
const GROUP: usize = 16;

/// Unpacks TY1: `bytes` has one byte a pixel, `words` and `longs` the differences that need more.
pub(super) fn ty1(bytes: &[u8], words: &[u8], longs: &[u8], out: &mut [i32]) -> Result<()> {
    let mut words = Stream {
        bytes: words,
        at: 0,
    };
    let mut longs = Stream {
        bytes: longs,
        at: 0,
    };
    let mut last = 0_i32;
    for (index, (pixel, &byte)) in out.iter_mut().zip(bytes).enumerate() {
        let difference = match byte {
            WORD => words.word(),
            LONG => longs.long(),
            byte => Some(i32::from(byte) - ZERO),
        };
        let large = || {
            let kind = if byte == WORD {
                "16 bits (OI)"
            } else {
                "32 bits (OL)"
            };
            Error::new(
                ErrorKind::Truncated,
                format!("expected a difference of {kind} for pixel {index}, found no more"),
            )
        };
        last = sum(last, difference.ok_or_else(large)?, index)?;
        *pixel = last;
    }
    Ok(())
}

/// Unpacks TY5 row by row.
pub(super) fn ty5(packed: &[u8], columns: usize, out: &mut [i32]) -> Result<()> {
    let mut stream = Stream {
        bytes: packed,
        at: 0,
    };
    for (row, pixels) in out.chunks_exact_mut(columns).enumerate() {
        let mut last = 0;
        for (column, pixel) in pixels.iter_mut().enumerate() {
            let difference = stream.difference().ok_or_else(|| ended(row, packed))?;
            last = sum(last, difference, row * columns + column)?;
            *pixel = last;
        }
    }
    Ok(())
}

/// Unpacks TY6; the offset of each row in `packed` is a 32-bit number of `offsets`.
pub(super) fn ty6(packed: &[u8], offsets: &[u8], columns: usize, out: &mut [i32]) -> Result<()> {
    let mut offsets = Stream {
        bytes: offsets,
        at: 0,
    };
    for (row, pixels) in out.chunks_exact_mut(columns).enumerate() {
        let offset = offsets
            .long()
            .and_then(|offset| usize::try_from(offset).ok())
            .filter(|&offset| offset <= packed.len())
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::Malformed,
                    format!(
                        "expected an offset within {} bytes for row {row}",
                        packed.len()
                    ),
                )
            })?;
        let mut stream = Stream {
            bytes: packed,
            at: offset,
        };
        let ended = || ended(row, packed);
        let place = |column: usize| row * columns + column;
        let first = stream.difference().ok_or_else(ended)?;
        pixels[0] = first;
        let mut last = first;
        let mut groups = pixels[1..].chunks_exact_mut(GROUP);
        let mut column = 1;
        for group in &mut groups {
            stream.group(group).ok_or_else(ended)?;
            for pixel in group {
                let difference = match *pixel {
                    large if large == i32::from(WORD) - ZERO => stream.word().ok_or_else(ended)?,
                    large if large == i32::from(LONG) - ZERO => stream.long().ok_or_else(ended)?,
                    small => small,
                };
                last = sum(last, difference, place(column))?;
                *pixel = last;
                column += 1;
            }
        }
        for pixel in groups.into_remainder() {
            last = sum(last, stream.difference().ok_or_else(ended)?, place(column))?;
            *pixel = last;
            column += 1;
        }
    }
    Ok(())
}

/// The fewest bytes that can hold a row of TY6.
pub(super) const fn least_bytes_of_ty6(columns: u64) -> u64 {
    let group = GROUP as u64;
    1 + (columns - 1) / group + (columns - 1) % group
}

fn sum(last: i32, difference: i32, index: usize) -> Result<i32> {
    last.checked_add(difference).ok_or_else(|| {
        Error::new(
            ErrorKind::Malformed,
            format!("expected values of 32 bits, pixel {index} is {last} + {difference}"),
        )
    })
}

fn ended(row: usize, packed: &[u8]) -> Error {
    Error::new(
        ErrorKind::Truncated,
        format!(
            "expected more packed pixels, the {} bytes end in row {row}",
            packed.len()
        ),
    )
}

struct Stream<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Stream<'_> {
    #[inline]
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, _) = self.bytes.get(self.at..)?.split_first_chunk()?;
        self.at += N;
        Some(*bytes)
    }

    fn word(&mut self) -> Option<i32> {
        self.take().map(|bytes| i16::from_le_bytes(bytes).into())
    }

    fn long(&mut self) -> Option<i32> {
        self.take().map(i32::from_le_bytes)
    }

    #[inline]
    fn difference(&mut self) -> Option<i32> {
        match self.take::<1>()? {
            [WORD] => self.word(),
            [LONG] => self.long(),
            [byte] => Some(i32::from(byte) - ZERO),
        }
    }

    /// Two blocks of eight small differences; `None` also for a block of more than 8 bits each.
    fn group(&mut self, out: &mut [i32]) -> Option<()> {
        let [widths] = self.take::<1>()?;
        for (block, width) in out
            .chunks_exact_mut(GROUP / 2)
            .zip([widths & 15, widths >> 4])
        {
            let width = usize::from(width);
            let bytes = self
                .bytes
                .get(self.at..self.at + width)
                .filter(|_| width <= 8)?;
            self.at += width;
            let bits = bytes
                .iter()
                .rev()
                .fold(0_u64, |bits, &byte| bits << 8 | u64::from(byte));
            let zero = if width > 1 { (1 << (width - 1)) - 1 } else { 0 };
            let mask = (1_u64 << width) - 1;
            for (place, pixel) in block.iter_mut().enumerate() {
                *pixel = (bits >> (width * place) & mask) as i32 - zero;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ty1_goes_on_from_row_to_row() {
        let mut image = [0; 6];
        let (words, longs) = ((-300_i16).to_le_bytes(), 100_000_i32.to_le_bytes());
        ty1(&[130, 127, 254, 255, 0, 253], &words, &longs, &mut image).unwrap();
        assert_eq!(image, [3, 3, -297, 99_703, 99_576, 99_702]);
        let error = ty1(&[130, 254], &[], &longs, &mut image).unwrap_err();
        assert_eq!(
            error.message(),
            "expected a difference of 16 bits (OI) for pixel 1, found no more"
        );
        let error = ty1(&[255, 254], &words, &i32::MIN.to_le_bytes(), &mut image).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }

    #[test]
    fn ty5_starts_anew_in_each_row() {
        let mut image = [0; 4];
        ty5(&[130, 254, 0x2c, 1, 128, 255, 1, 0, 0, 0x80], 2, &mut image).unwrap();
        assert_eq!(image, [3, 303, 1, i32::MIN + 2]);
        let error = ty5(&[130, 254, 0x2c, 1, 128], 2, &mut image).unwrap_err();
        assert_eq!(
            error.message(),
            "expected more packed pixels, the 5 bytes end in row 1"
        );
    }

    #[test]
    fn ty6_packs_two_blocks_of_eight() {
        // The first pixel is 10; eight differences of 0 bits, eight of 2 bits (−1, 0, 1, 2 twice); one left over.
        let block = 0b11_10_01_00_11_10_01_00_u16.to_le_bytes();
        let mut packed = vec![137, 0x20];
        packed.extend(block);
        packed.push(130);
        let mut image = [0; 18];
        ty6(&packed, &[0; 4], 18, &mut image).unwrap();
        assert_eq!(image[..9], [10; 9]);
        assert_eq!(image[9..], [9, 9, 10, 12, 11, 11, 12, 14, 17]);
        assert_eq!(least_bytes_of_ty6(18), 3);
        // Eight bits: the two largest values stand for differences that follow.
        let mut packed = vec![127, 0x80];
        packed.extend([254, 255, 127, 127, 127, 127, 127, 127]);
        packed.extend(1000_i16.to_le_bytes());
        packed.extend((-70_000_i32).to_le_bytes());
        let mut image = [0; 17];
        ty6(&packed, &[0; 4], 17, &mut image).unwrap();
        assert_eq!(image[8..11], [0, 1000, -69_000]);
        for (packed, offset) in [
            (&packed[..5], 0),
            (&packed[..], 99),
            (&[127, 0x90][..], 0),
            (&packed[..], -1_i32),
        ] {
            assert!(ty6(packed, &offset.to_le_bytes(), 17, &mut image).is_err());
        }
        assert!(ty6(&packed, &[0; 3], 17, &mut image).is_err());
    }
}
