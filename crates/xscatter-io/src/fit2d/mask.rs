//! Fit2D masks: `MASK` with each letter in four bytes, columns and rows as `i32`, up to 1024 bytes;
//! then one bit a pixel, the lowest first, each row filled up to 32 bits.

use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::limits::Limits;
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{Dtype, Pixels};

const MAGIC: &[u8] = b"M\0\0\0A\0\0\0S\0\0\0K\0\0\0";
const HEADER: u64 = 1024;

pub(crate) fn sniff(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

struct Fit2dMask {
    blob: Blob,
    shape: (usize, usize),
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let bytes = blob.open()?;
    bytes.check(0, HEADER)?;
    let shape = shape(&bytes.head(HEADER)?, &config.limits)?;
    bytes.check(HEADER, stored_bytes(shape))?;
    Ok(Opened {
        shape,
        dtype: Dtype::U8,
        frames: 1,
        linked: Vec::new(),
        reader: Box::new(Fit2dMask {
            blob: blob.clone(),
            shape,
        }),
    })
}

fn shape(head: &[u8], limits: &Limits) -> Result<(usize, usize)> {
    let number = |at: usize, name: &str| {
        let found = i32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        u64::try_from(found).map_err(|_| {
            Error::new(
                ErrorKind::Malformed,
                format!("expected a number of {name}, found {found}"),
            )
            .at(format!("byte {at}"))
        })
    };
    limits.check_shape(number(20, "rows")?, number(16, "columns")?)
}

fn row_bytes(columns: usize) -> usize {
    columns.div_ceil(32) * 4
}

fn stored_bytes(shape: (usize, usize)) -> u64 {
    (shape.0 * row_bytes(shape.1)) as u64
}

impl ReadFrame for Fit2dMask {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About::default())
    }

    fn pixels(&self, _: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let stored = self
            .blob
            .open()?
            .read_at(HEADER, stored_bytes(self.shape))?;
        pixels.fill_values(Dtype::U8, self.shape, |out| {
            unpack(&stored, self.shape.1, out);
            Ok(())
        })?;
        Ok(None)
    }
}

fn unpack(stored: &[u8], columns: usize, out: &mut [u8]) {
    let rows = stored.chunks_exact(row_bytes(columns));
    for (row, out) in rows.zip(out.chunks_exact_mut(columns)) {
        for (column, out) in out.iter_mut().enumerate() {
            *out = row[column / 8] >> (column % 8) & 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_count_from_the_lowest_and_rows_are_filled_up() {
        let mut stored = vec![0; 16];
        // Row 0: columns 0 and 33; row 1: column 9.
        stored[0] = 1;
        stored[4] = 2;
        stored[8 + 1] = 2;
        let mut out = [7; 2 * 34];
        unpack(&stored, 34, &mut out);
        let set: Vec<_> = (0..68).filter(|&index| out[index] == 1).collect();
        assert_eq!(set, [0, 33, 34 + 9]);
        assert!(out.iter().all(|&bit| bit <= 1));
    }

    #[test]
    fn negative_and_huge_sizes_are_refused() {
        let mut head = vec![0; 1024];
        head[..16].copy_from_slice(MAGIC);
        assert!(sniff(&head));
        head[16..20].copy_from_slice(&5_i32.to_le_bytes());
        head[20..24].copy_from_slice(&(-1_i32).to_le_bytes());
        let error = shape(&head, &Limits::default()).unwrap_err();
        assert_eq!(error.place(), Some("byte 20"));
        head[16..20].copy_from_slice(&i32::MAX.to_le_bytes());
        head[20..24].copy_from_slice(&i32::MAX.to_le_bytes());
        let error = shape(&head, &Limits::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    }
}
