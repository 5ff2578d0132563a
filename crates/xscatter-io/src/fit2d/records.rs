//! The records of a Fit2D binary file.
//!
//! A record starts with a block (512 bytes, or a multiple that the file uses throughout): `\`, a
//! name, `:`, eight hexadecimal digits for the number of data blocks that follow, and a letter for
//! the type: `s` a string, `i` an integer, `r` a float, `a` an array. Of a data block only the first
//! 512 bytes hold elements. Source: fabio 2026.6.0 (`fit2dimage.py`).

use xscatter_core::{Error, ErrorKind, Result};

use crate::header::{self, Header};
use crate::limits::Limits;

/// The smallest block, and what of a block holds data.
pub(super) const BLOCK: u64 = 512;
/// The largest block that is looked for.
const MAX_BLOCK: u64 = 16 * BLOCK;
/// The part of a block that describes its record.
const DESCRIPTION: u64 = 64;
/// Records of one file; a Fit2D memory has some dozens of variables.
const MAX_RECORDS: usize = 4096;

/// What the elements of an array are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Four bytes, signed.
    Int,
    /// Four bytes, IEEE 754.
    Real,
    /// One bit, 31 in four bytes.
    Logical,
}

/// One array: where its blocks are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Array {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) shape: (usize, usize),
    pub(super) offset: u64,
    pub(super) block_bytes: u64,
}

impl Array {
    /// Bytes from the first to the last element, the unused rest of the blocks included.
    pub(super) fn stored_bytes(&self) -> u64 {
        let pixels = (self.shape.0 * self.shape.1) as u64;
        match self.kind {
            Kind::Logical => pixels.div_ceil(31) * 4,
            Kind::Int | Kind::Real => {
                let full = (pixels - 1) / (BLOCK / 4);
                full * self.block_bytes + (pixels - full * (BLOCK / 4)) * 4
            }
        }
    }

    /// The elements without the unused rest of each block, four bytes each.
    pub(super) fn compacted(&self, stored: &[u8]) -> Vec<u8> {
        let pixels = self.shape.0 * self.shape.1;
        let mut bytes: Vec<u8> = stored
            .chunks(self.block_bytes as usize)
            .flat_map(|block| &block[..block.len().min(BLOCK as usize)])
            .copied()
            .collect();
        bytes.truncate(pixels * 4);
        bytes
    }

    /// The bits of a logical array, 1 for set: the lowest bit of each word first, the sign unused.
    pub(super) fn bits(&self, stored: &[u8]) -> Vec<u8> {
        let pixels = self.shape.0 * self.shape.1;
        let mut bits = Vec::with_capacity(stored.len() / 4 * 31);
        for word in stored.chunks_exact(4) {
            let word = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
            bits.extend((0..31).map(|bit| (word >> bit & 1) as u8));
        }
        bits.truncate(pixels);
        bits
    }
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Records {
    pub(super) header: Header,
    pub(super) arrays: Vec<Array>,
}

impl Records {
    /// Reads all records; `read` gives at most so many bytes from an offset, fewer at the end.
    pub(super) fn read(
        len: u64,
        limits: &Limits,
        mut read: impl FnMut(u64, u64) -> Result<Vec<u8>>,
    ) -> Result<Self> {
        let block_bytes = block_bytes(len, &mut read)?;
        let mut records = Self {
            header: Header::new(),
            arrays: Vec::new(),
        };
        let mut offset = 0;
        let mut count = 0;
        while len.saturating_sub(offset) >= BLOCK {
            count += 1;
            if count > MAX_RECORDS {
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!("expected at most {MAX_RECORDS} records, found more"),
                )
                .at(format!("byte {offset}")));
            }
            let block = read(offset, BLOCK)?;
            let data_blocks = records
                .add(&block, offset, block_bytes, limits)
                .map_err(|error| error.at(format!("byte {offset}")))?;
            let bytes = data_blocks.saturating_add(1).saturating_mul(block_bytes);
            offset = offset.saturating_add(bytes);
        }
        for array in &records.arrays {
            let (expected, there) = (array.stored_bytes(), len.saturating_sub(array.offset));
            if there < expected {
                return Err(Error::new(
                    ErrorKind::Truncated,
                    format!(
                        "expected {expected} bytes of the array {}, found {there}",
                        array.name
                    ),
                )
                .at(format!("byte {}", array.offset)));
            }
        }
        Ok(records)
    }

    /// Adds the record that `block` describes; gives the number of data blocks behind it.
    fn add(&mut self, block: &[u8], offset: u64, block_bytes: u64, limits: &Limits) -> Result<u64> {
        let malformed = |message: String| Error::new(ErrorKind::Malformed, message);
        let colon = block
            .iter()
            .take(DESCRIPTION as usize)
            .position(|&byte| byte == b':');
        let (Some(b'\\'), Some(colon)) = (block.first(), colon) else {
            let start = String::from_utf8_lossy(&block[..block.len().min(16)]).into_owned();
            return Err(malformed(format!(
                "expected a record `\\NAME:`, found `{}`",
                start.escape_default()
            )));
        };
        let name = header::value(&String::from_utf8_lossy(&block[1..colon]));
        let rest = &block[colon + 1..];
        let hex = |at: usize| -> Result<u32> {
            let digits = rest.get(at..at + 8).unwrap_or(b"");
            let text = std::str::from_utf8(digits).unwrap_or("");
            u32::from_str_radix(text.trim(), 16).map_err(|_| {
                malformed(format!(
                    "expected eight hexadecimal digits in the record {name}, found `{}`",
                    String::from_utf8_lossy(digits).escape_default()
                ))
            })
        };
        let data_blocks = u64::from(hex(0)?);
        match rest.get(8) {
            Some(b's') => {
                let length = hex(9)? as usize;
                let bytes = rest.get(17..).unwrap_or(b"");
                let text = String::from_utf8_lossy(&bytes[..length.min(bytes.len())]).into_owned();
                self.header.insert(name, header::value(&text));
            }
            Some(b'r') => {
                let value = f32::from_bits(hex(9)?);
                self.header.insert(name, value.to_string());
            }
            Some(b'i') => {
                let value = hex(9)? as i32;
                self.header.insert(name, value.to_string());
            }
            Some(b'a') if data_blocks > 0 => {
                let kind = match rest.get(9) {
                    Some(b'i') => Kind::Int,
                    Some(b'r') => Kind::Real,
                    Some(b'l') => Kind::Logical,
                    found => {
                        let found = found.map_or(String::new(), |&b| char::from(b).to_string());
                        return Err(Error::new(
                            ErrorKind::Unsupported,
                            format!(
                                "expected elements i, r or l in the array {name}, found `{}`",
                                found.escape_default()
                            ),
                        ));
                    }
                };
                let (columns, rows) = (hex(26)?, hex(34)?);
                self.arrays.push(Array {
                    name,
                    kind,
                    shape: limits.check_shape(rows.into(), columns.into())?,
                    offset: offset + block_bytes,
                    block_bytes,
                });
            }
            _ => {}
        }
        Ok(data_blocks)
    }
}

/// The size of a block: where the second record starts, as the first has no data.
fn block_bytes(len: u64, read: &mut impl FnMut(u64, u64) -> Result<Vec<u8>>) -> Result<u64> {
    let mut size = BLOCK;
    while size < MAX_BLOCK && size < len {
        if read(size, 1)? == b"\\" {
            return Ok(size);
        }
        size += BLOCK;
    }
    if len <= MAX_BLOCK {
        return Ok(BLOCK);
    }
    Err(Error::new(
        ErrorKind::Malformed,
        format!("expected a second record within {MAX_BLOCK} bytes, found none"),
    )
    .at(format!("byte {BLOCK}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str, size: usize) -> Vec<u8> {
        let mut block = text.as_bytes().to_vec();
        block.resize(size, 0);
        block
    }

    /// A file with blocks of `size` bytes and an array of 130 integers.
    fn file(size: usize) -> Vec<u8> {
        let mut bytes = block("\\$FFF_START:00000000n", size);
        bytes.extend(block("\\TITLE:00000000s00000006sample!!", size));
        bytes.extend(block("\\X_PIXEL:00000000r3f800000", size));
        bytes.extend(block("\\COUNT:00000000ifffffffe", size));
        bytes.extend(block(
            &format!(
                "\\data_array:00000002ai{}{:08x}{:08x}",
                "0".repeat(16),
                13,
                10
            ),
            size,
        ));
        let values: Vec<u8> = (0..130_i32).flat_map(i32::to_le_bytes).collect();
        let mut first = values[..512].to_vec();
        first.resize(size, 0xee);
        bytes.extend(first);
        let mut second = values[512..].to_vec();
        second.resize(size, 0xee);
        bytes.extend(second);
        bytes
    }

    fn read(bytes: &[u8]) -> Result<Records> {
        Records::read(bytes.len() as u64, &Limits::default(), |offset, len| {
            let start = (offset as usize).min(bytes.len());
            let end = (start + len as usize).min(bytes.len());
            Ok(bytes[start..end].to_vec())
        })
    }

    #[test]
    fn blocks_of_two_sizes_give_the_same_elements() {
        for size in [512, 2048] {
            let bytes = file(size);
            let records = read(&bytes).unwrap();
            assert_eq!(records.header["TITLE"], "sample");
            assert_eq!(records.header["X_PIXEL"], "1");
            assert_eq!(records.header["COUNT"], "-2");
            let [array] = &records.arrays[..] else {
                panic!("one array");
            };
            assert_eq!((array.shape, array.kind), ((10, 13), Kind::Int));
            let stored = &bytes[array.offset as usize..][..array.stored_bytes() as usize];
            let compacted = array.compacted(stored);
            assert_eq!(compacted.len(), 130 * 4);
            assert_eq!(compacted[129 * 4..], 129_i32.to_le_bytes());
            let cut = &bytes[..array.offset as usize + stored.len() - 1];
            assert_eq!(read(cut).unwrap_err().kind(), ErrorKind::Truncated);
        }
    }

    #[test]
    fn logical_elements_are_31_to_a_word() {
        let array = Array {
            name: String::new(),
            kind: Kind::Logical,
            shape: (1, 33),
            offset: 0,
            block_bytes: 512,
        };
        assert_eq!(array.stored_bytes(), 8);
        let mut stored = 0x4000_0005_u32.to_le_bytes().to_vec();
        stored.extend(0x8000_0002_u32.to_le_bytes());
        let bits = array.bits(&stored);
        let set: Vec<_> = (0..33).filter(|&index| bits[index] == 1).collect();
        assert_eq!(set, [0, 2, 30, 32]);
    }

    #[test]
    fn records_that_lie_are_errors_with_their_place() {
        let good = file(512);
        for (at, text, kind) in [
            (4 * 512 + 12, "zz", ErrorKind::Malformed),
            (4 * 512 + 21, "c", ErrorKind::Unsupported),
            (4 * 512 + 38, "ffffffffffffffff", ErrorKind::LimitExceeded),
            (4 * 512, "x", ErrorKind::Malformed),
        ] {
            let mut bytes = good.clone();
            bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
            let error = read(&bytes).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.place().is_some());
        }
    }
}
