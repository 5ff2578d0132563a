//! Models as bytes: the letters of a format, a version and a checksum in front of what `postcard` writes.

use serde::Serialize;
use serde::de::DeserializeOwned;
use xscatter_core::{Error, ErrorKind, Result};

/// Of all formats.
pub(crate) const VERSION: u32 = 1;

/// The value behind the letters of its format, the version and the CRC-32 of the rest (little-endian `u32` each).
pub(crate) fn seal<T: Serialize>(format: &str, value: &T) -> Result<Vec<u8>> {
    let body = postcard::to_allocvec(value)
        .map_err(|error| Error::new(ErrorKind::Other, error.to_string()).with_source(error))?;
    let mut bytes = Vec::with_capacity(format.len() + 8 + body.len());
    bytes.extend(format.as_bytes());
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(crc32fast::hash(&body).to_le_bytes());
    bytes.extend(body);
    Ok(bytes)
}

/// What lies behind the head, once that is found right.
pub(crate) fn open<'a>(format: &str, bytes: &'a [u8]) -> Result<&'a [u8]> {
    let length = format.len() + 8;
    let Some((head, body)) = bytes.split_at_checked(length) else {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!("expected {length} bytes or more, got {}", bytes.len()),
        ));
    };
    let (found, numbers) = head.split_at(format.len());
    if found != format.as_bytes() {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!(
                "expected {format:?}, got {:?}",
                found.escape_ascii().to_string()
            ),
        )
        .at("offset 0"));
    }
    let number = |place: usize| {
        let four = numbers[place..place + 4].try_into();
        u32::from_le_bytes(four.expect("the slice has four bytes"))
    };
    if number(0) != VERSION {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("expected version {VERSION}, got {}", number(0)),
        )
        .at(format!("offset {}", format.len())));
    }
    let checksum = crc32fast::hash(body);
    if checksum != number(4) {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!(
                "expected the checksum {:08x}, found {checksum:08x}",
                number(4)
            ),
        )
        .at(format!("offset {}", format.len() + 4)));
    }
    Ok(body)
}

/// The value from what lies behind the head.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    postcard::from_bytes(body).map_err(|error| {
        let kind = match error {
            postcard::Error::DeserializeUnexpectedEnd => ErrorKind::Truncated,
            _ => ErrorKind::Malformed,
        };
        Error::new(kind, error.to_string()).with_source(error)
    })
}
