//! The directory at the end of a zip archive.
//!
//! Source: the ZIP File Format Specification (APPNOTE 6.3.10), sections 4.3 and 4.5.3.

use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Bytes;
use crate::limits::Limits;

/// The end record, and the longest comment behind it.
const END: usize = 22;
const MAX_COMMENT: u64 = u16::MAX as u64;
/// One entry without its name.
const ENTRY: usize = 46;
/// The header in front of the bytes of a member, without its name.
const LOCAL: u64 = 30;
/// Stands for a number that is in the zip64 field.
const IN_ZIP64: u32 = u32::MAX;

/// One file of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    /// Whether its bytes are deflated, else they are stored as they are.
    pub(super) is_deflated: bool,
    pub(super) packed_bytes: u64,
    pub(super) bytes: u64,
    pub(super) crc32: u32,
    /// Where its bytes start in the archive.
    pub(super) offset: u64,
}

/// All members, in the order of the directory.
pub(super) fn read(archive: &Bytes, limits: &Limits) -> Result<Vec<Member>> {
    let (offset, bytes) = place(archive)?;
    if bytes > limits.max_header_bytes as u64 {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "expected a directory of at most {} bytes, found {bytes}",
                limits.max_header_bytes
            ),
        ));
    }
    let directory = archive.read_at(offset, bytes)?;
    let mut rest = &directory[..];
    let mut members = Vec::new();
    while rest.len() >= ENTRY && rest.starts_with(b"PK\x01\x02") {
        let at = || {
            let place = offset + (directory.len() - rest.len()) as u64;
            format!("byte {place}")
        };
        let lengths = [u16_at(rest, 28), u16_at(rest, 30), u16_at(rest, 32)].map(usize::from);
        let end = ENTRY + lengths.iter().sum::<usize>();
        let Some(variable) = rest.get(ENTRY..end) else {
            return Err(truncated("an entry of the directory").at(at()));
        };
        let name = String::from_utf8_lossy(&variable[..lengths[0]]).into_owned();
        let extra = &variable[lengths[0]..lengths[0] + lengths[1]];
        members.push(member(archive, rest, name, extra).map_err(|error| error.at(at()))?);
        rest = &rest[end..];
    }
    Ok(members)
}

fn member(archive: &Bytes, entry: &[u8], name: String, extra: &[u8]) -> Result<Member> {
    let unsupported = |what: String| {
        Error::new(
            ErrorKind::Unsupported,
            format!("expected a member that is stored or deflated, found {what} ({name})"),
        )
    };
    let is_deflated = match u16_at(entry, 10) {
        0 => false,
        8 => true,
        method => return Err(unsupported(format!("method {method}"))),
    };
    if u16_at(entry, 8) & 1 != 0 {
        return Err(unsupported("an encrypted one".to_owned()));
    }
    // The large numbers stand in this order in the zip64 field, those only that do not fit.
    let mut large = zip64_field(extra).chunks_exact(8);
    let mut number = |at: usize| -> Result<u64> {
        match u32_at(entry, at) {
            IN_ZIP64 => large
                .next()
                .map(|bytes| u64_at(bytes, 0))
                .ok_or_else(|| truncated("the zip64 field")),
            small => Ok(small.into()),
        }
    };
    let (bytes, packed_bytes, header) = (number(24)?, number(20)?, number(42)?);
    let local = archive.read_at(header, LOCAL)?;
    if !local.starts_with(b"PK\x03\x04") {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!("expected the header of the member {name}, found other bytes"),
        )
        .at(format!("byte {header}")));
    }
    let lengths = u64::from(u16_at(&local, 26)) + u64::from(u16_at(&local, 28));
    let offset = header + LOCAL + lengths;
    archive.check(offset, packed_bytes)?;
    if !is_deflated && bytes != packed_bytes {
        return Err(Error::new(
            ErrorKind::Malformed,
            format!("expected {bytes} stored bytes in the member {name}, found {packed_bytes}"),
        ));
    }
    Ok(Member {
        is_deflated,
        packed_bytes,
        bytes,
        crc32: u32_at(entry, 16),
        offset,
        name,
    })
}

/// Offset and size of the directory.
fn place(archive: &Bytes) -> Result<(u64, u64)> {
    let reach = archive.len().min(END as u64 + MAX_COMMENT);
    let tail_offset = archive.len() - reach;
    let tail = archive.read_at(tail_offset, reach)?;
    let at = (0..=tail.len().saturating_sub(END))
        .rev()
        .find(|&at| tail[at..].starts_with(b"PK\x05\x06") && tail.len() >= at + END)
        .ok_or_else(|| truncated("the directory at its end"))?;
    let end = &tail[at..];
    let (bytes, offset) = (u32_at(end, 12), u32_at(end, 16));
    if bytes != IN_ZIP64 && offset != IN_ZIP64 {
        return Ok((offset.into(), bytes.into()));
    }
    let missing = || truncated("the zip64 record");
    let locator_offset = (tail_offset + at as u64)
        .checked_sub(20)
        .ok_or_else(missing)?;
    let locator = archive.read_at(locator_offset, 20)?;
    let record = archive.read_at(u64_at(&locator, 8), 56)?;
    if !locator.starts_with(b"PK\x06\x07") || !record.starts_with(b"PK\x06\x06") {
        return Err(missing());
    }
    Ok((u64_at(&record, 48), u64_at(&record, 40)))
}

/// The content of the extra field 1; nothing if there is none.
fn zip64_field(mut extra: &[u8]) -> &[u8] {
    while extra.len() >= 4 {
        let (id, size) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let Some(content) = extra.get(4..4 + size) else {
            break;
        };
        if id == 1 {
            return content;
        }
        extra = &extra[4 + size..];
    }
    &[]
}

fn truncated(what: &str) -> Error {
    Error::new(
        ErrorKind::Truncated,
        format!("expected {what} of a zip archive, found none"),
    )
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at + 2)) << 16 | u32::from(u16_at(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at + 4)) << 32 | u64::from(u32_at(bytes, at))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    /// An archive with one stored member of three bytes; its sizes in the zip64 field if asked for.
    fn archive(zip64: bool) -> Vec<u8> {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.resize(26, 0);
        bytes.extend([5, 0, 0, 0]);
        bytes.extend(b"a.npyabc");
        let directory = bytes.len() as u32;
        let mut entry = b"PK\x01\x02".to_vec();
        entry.resize(20, 0);
        let sizes = if zip64 {
            [0xff; 8]
        } else {
            [3, 0, 0, 0, 3, 0, 0, 0]
        };
        entry.extend(sizes);
        entry.extend([5, 0, if zip64 { 20 } else { 0 }, 0]);
        entry.resize(ENTRY, 0);
        entry.extend(b"a.npy");
        if zip64 {
            entry.extend([1, 0, 16, 0, 3, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]);
        }
        let size = entry.len() as u32;
        bytes.extend(entry);
        bytes.extend(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
        bytes.extend(size.to_le_bytes());
        bytes.extend(directory.to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }

    fn members(bytes: Vec<u8>) -> Result<Vec<Member>> {
        read(&Bytes::Memory(Arc::new(bytes)), &Limits::default())
    }

    #[test]
    fn a_member_is_found_with_small_and_with_large_numbers() {
        for zip64 in [false, true] {
            let [member] = &members(archive(zip64)).unwrap()[..] else {
                panic!("one member");
            };
            assert_eq!(
                (&*member.name, member.offset, member.bytes),
                ("a.npy", 35, 3)
            );
        }
    }

    #[test]
    fn lies_are_errors() {
        let good = archive(false);
        let error = members(good[..good.len() - 1].to_vec()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
        // The sizes of the member: more than there is.
        let entry = good.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
        for (at, value, kind) in [
            (entry + 20, 200, ErrorKind::Truncated),
            (entry + 24, 4, ErrorKind::Malformed),
            (entry + 10, 12, ErrorKind::Unsupported),
            (entry + 8, 1, ErrorKind::Unsupported),
            (entry + 42, 1, ErrorKind::Malformed),
        ] {
            let mut bytes = good.clone();
            bytes[at] = value;
            assert_eq!(members(bytes).unwrap_err().kind(), kind, "byte {at}");
        }
    }
}
