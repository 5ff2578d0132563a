//! Reading numbers out of the bytes of one structure, each checked to be there.

use crate::error::{Error, Result};

/// An address or length that is not set: all bits are ones.
pub(crate) const UNDEFINED: u64 = u64::MAX;

/// How many bytes addresses and lengths take in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sizes {
    pub(crate) address: usize,
    pub(crate) length: usize,
}

/// A place in the bytes of one structure.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    what: &'static str,
    /// Where the first of the bytes is in the file.
    address: u64,
    sizes: Sizes,
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(what: &'static str, address: u64, bytes: &'a [u8], sizes: Sizes) -> Self {
        Self {
            bytes,
            at: 0,
            what,
            address,
            sizes,
        }
    }

    pub(crate) fn sizes(&self) -> Sizes {
        self.sizes
    }

    /// Where the next byte is in the file.
    pub(crate) fn here(&self) -> u64 {
        self.address.saturating_add(self.at as u64)
    }

    /// Bytes read so far.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    pub(crate) fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8]> {
        if len > self.left() {
            return Err(Error::Truncated {
                what: self.what,
                address: self.here(),
                expected: len as u64,
                found: self.left() as u64,
            });
        }
        let bytes = &self.bytes[self.at..self.at + len];
        self.at += len;
        Ok(bytes)
    }

    pub(crate) fn skip(&mut self, len: usize) -> Result<()> {
        self.bytes(len).map(drop)
    }

    /// The rest, as a structure of its own.
    pub(crate) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(self.bytes(1)?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        Ok(self.uint(2)? as u16)
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        Ok(self.uint(4)? as u32)
    }

    /// A little-endian number of up to 8 bytes.
    pub(crate) fn uint(&mut self, width: usize) -> Result<u64> {
        if width > 8 {
            return Err(self.malformed("a number of at most 8 bytes", width));
        }
        let mut number = [0; 8];
        number[..width].copy_from_slice(self.bytes(width)?);
        Ok(u64::from_le_bytes(number))
    }

    /// An address; [`UNDEFINED`] whatever the width.
    pub(crate) fn address(&mut self) -> Result<u64> {
        self.wide(self.sizes.address)
    }

    /// A length; [`UNDEFINED`] whatever the width.
    pub(crate) fn length(&mut self) -> Result<u64> {
        self.wide(self.sizes.length)
    }

    /// A number whose largest value means that it is not set.
    pub(crate) fn wide(&mut self, width: usize) -> Result<u64> {
        let number = self.uint(width)?;
        let largest = u64::MAX >> (64 - 8 * width.clamp(1, 8));
        Ok(if number == largest { UNDEFINED } else { number })
    }

    /// A text that ends with a NUL.
    pub(crate) fn text(&mut self) -> Result<String> {
        let rest = self.rest();
        let Some(len) = rest.iter().position(|&byte| byte == 0) else {
            return Err(self.malformed("a text that ends with a NUL", "none"));
        };
        let text = String::from_utf8_lossy(&rest[..len]).into_owned();
        self.skip(len + 1)?;
        Ok(text)
    }

    /// One of the versions that are read.
    pub(crate) fn version(&mut self, known: std::ops::RangeInclusive<u8>) -> Result<u8> {
        let found = self.u8()?;
        if known.contains(&found) {
            return Ok(found);
        }
        self.at -= 1;
        Err(self.malformed(
            format!("version {} to {}", known.start(), known.end()),
            found,
        ))
    }

    /// An error at the next byte.
    pub(crate) fn malformed(&self, expected: impl ToString, found: impl ToString) -> Error {
        Error::malformed(self.what, self.here(), expected, found)
    }
}

/// A text without the NULs that fill its place.
pub(crate) fn trimmed(bytes: &[u8]) -> String {
    let len = bytes
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..len]).into_owned()
}

/// What a listing may still hold: names and structures that a broken file lists again and again are
/// counted, so that their sum stays within the size class of the file.
#[derive(Debug)]
pub(crate) struct Allowance {
    most: u64,
    left: u64,
    place: &'static str,
}

impl Allowance {
    pub(crate) fn new(place: &'static str, most: u64) -> Self {
        Self {
            most,
            left: most,
            place,
        }
    }

    pub(crate) fn take(&mut self, bytes: u64) -> Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Error::Limit {
                place: self.place.to_owned(),
                most: self.most,
                claimed: self.most.saturating_sub(self.left).saturating_add(bytes),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZES: Sizes = Sizes {
        address: 4,
        length: 8,
    };

    #[test]
    fn numbers_are_checked_to_be_there() {
        let bytes = [1, 2, 3, 0xff, 0xff, 0xff, 0xff];
        let mut cursor = Cursor::new("header", 100, &bytes, SIZES);
        assert_eq!(cursor.u8().unwrap(), 1);
        assert_eq!(cursor.u16().unwrap(), 0x0302);
        assert_eq!(cursor.address().unwrap(), UNDEFINED);
        let error = cursor.u8().unwrap_err();
        assert_eq!(
            error.to_string(),
            "header at byte 107: expected 1 bytes, found 0"
        );
        assert!(cursor.uint(9).is_err());
    }

    #[test]
    fn texts_end_with_a_nul() {
        let mut cursor = Cursor::new("name", 0, b"ab\0cd", SIZES);
        assert_eq!(cursor.text().unwrap(), "ab");
        assert!(cursor.text().is_err());
        assert_eq!(trimmed(b"ab\0\0"), "ab");
    }

    #[test]
    fn an_allowance_ends() {
        let mut allowance = Allowance::new("links", 10);
        allowance.take(7).unwrap();
        assert!(allowance.take(4).is_err());
        allowance.take(3).unwrap();
    }
}
