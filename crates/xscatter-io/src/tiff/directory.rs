//! The directories of a TIFF: tags and their values, of classic TIFF and BigTIFF.

use std::collections::BTreeMap;

use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Bytes;
use crate::limits::Limits;
use crate::pixels::ByteOrder;

pub(super) const WIDTH: u16 = 256;
pub(super) const HEIGHT: u16 = 257;
pub(super) const BITS: u16 = 258;
pub(super) const COMPRESSION: u16 = 259;
pub(super) const DESCRIPTION: u16 = 270;
pub(super) const STRIP_OFFSETS: u16 = 273;
pub(super) const SAMPLES_PER_PIXEL: u16 = 277;
pub(super) const ROWS_PER_STRIP: u16 = 278;
pub(super) const SAMPLE_FORMAT: u16 = 339;

/// One image file directory.
pub(super) struct Directory {
    pub(super) order: ByteOrder,
    values: BTreeMap<u16, Value>,
    /// A tag that claims more bytes than the file has, wanted or not.
    pub(super) too_long: Option<u16>,
}

enum Value {
    Numbers(Vec<u64>),
    Text(String),
}

impl Directory {
    pub(super) fn numbers(&self, tag: u16) -> Option<&[u64]> {
        match self.values.get(&tag)? {
            Value::Numbers(numbers) => Some(numbers),
            Value::Text(_) => None,
        }
    }

    pub(super) fn number(&self, tag: u16) -> Option<u64> {
        self.numbers(tag)?.first().copied()
    }

    pub(super) fn text(&self, tag: u16) -> Option<&str> {
        match self.values.get(&tag)? {
            Value::Text(text) => Some(text),
            Value::Numbers(_) => None,
        }
    }
}

/// The widths of the fields of classic TIFF and BigTIFF.
struct Layout {
    order: ByteOrder,
    big: bool,
}

impl Layout {
    fn number(&self, bytes: &[u8]) -> u64 {
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        match self.order {
            ByteOrder::Little => bytes.iter().rev().fold(0, join),
            ByteOrder::Big => bytes.iter().fold(0, join),
        }
    }

    const fn count_bytes(&self) -> u64 {
        if self.big { 8 } else { 2 }
    }

    const fn offset_bytes(&self) -> usize {
        if self.big { 8 } else { 4 }
    }

    const fn entry_bytes(&self) -> usize {
        4 + 2 * self.offset_bytes()
    }
}

/// All directories in the order of their chain.
pub(super) fn read_all(bytes: &Bytes, limits: &Limits) -> Result<Vec<Directory>> {
    let head = bytes.head(16)?;
    let order = match head.first() {
        Some(b'I') => ByteOrder::Little,
        _ => ByteOrder::Big,
    };
    let big = head.get(2..4).is_some_and(|magic| magic.contains(&b'+'));
    let layout = Layout { order, big };
    let place = if big { 8..16 } else { 4..8 };
    let mut next = layout.number(
        head.get(place)
            .ok_or_else(|| Error::new(ErrorKind::Truncated, "the file ends within its header"))?,
    );
    let mut seen = std::collections::BTreeSet::new();
    let mut directories = Vec::new();
    while next != 0 {
        if !seen.insert(next) {
            return Err(Error::new(
                ErrorKind::Malformed,
                "expected a chain of directories, found a loop",
            )
            .at(format!("byte {next}")));
        }
        limits.check_frames(seen.len() as u64)?;
        let (directory, after) = read(bytes, &layout, next, limits)?;
        directories.push(directory);
        next = after;
    }
    Ok(directories)
}

fn read(bytes: &Bytes, layout: &Layout, offset: u64, limits: &Limits) -> Result<(Directory, u64)> {
    let count = layout.number(&bytes.read_at(offset, layout.count_bytes())?);
    let start = offset + layout.count_bytes();
    let entries = count
        .checked_mul(layout.entry_bytes() as u64)
        .filter(|&len| len <= limits.max_header_bytes as u64)
        .ok_or_else(|| {
            Error::new(
                ErrorKind::LimitExceeded,
                format!("the directory claims {count} entries"),
            )
            .at(format!("byte {offset}"))
        })?;
    let table = bytes.read_at(start, entries)?;
    let mut values = BTreeMap::new();
    let mut too_long = None;
    for entry in table.chunks_exact(layout.entry_bytes()) {
        let tag = layout.number(&entry[..2]) as u16;
        if claimed_bytes(layout, entry).is_none_or(|len| len > bytes.len()) {
            too_long = Some(tag);
        }
        // A malformed private tag (fabio#72) is no reason to refuse the image.
        if let Some(value) = value(bytes, layout, entry, limits)? {
            values.insert(tag, value);
        }
    }
    // A file may end with its last directory, the offset of the next one left out.
    let next = bytes
        .read_at(start + entries, layout.offset_bytes() as u64)
        .map_or(0, |next| layout.number(&next));
    let directory = Directory {
        order: layout.order,
        values,
        too_long,
    };
    Ok((directory, next))
}

/// How many bytes the values of an entry take.
fn claimed_bytes(layout: &Layout, entry: &[u8]) -> Option<u64> {
    let width = match layout.number(&entry[2..4]) {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16..=18 => 8,
        _ => 1,
    };
    let count = &entry[4..4 + layout.offset_bytes()];
    layout.number(count).checked_mul(width)
}

/// The value of one entry; `None` for types and tags that no reader needs.
fn value(bytes: &Bytes, layout: &Layout, entry: &[u8], limits: &Limits) -> Result<Option<Value>> {
    const TAGS: [u16; 15] = [
        WIDTH,
        HEIGHT,
        BITS,
        COMPRESSION,
        DESCRIPTION,
        STRIP_OFFSETS,
        SAMPLES_PER_PIXEL,
        ROWS_PER_STRIP,
        SAMPLE_FORMAT,
        271,
        272,
        305,
        306,
        315,
        316,
    ];
    let tag = layout.number(&entry[..2]) as u16;
    if !TAGS.contains(&tag) {
        return Ok(None);
    }
    let kind = layout.number(&entry[2..4]);
    let width = match kind {
        1 | 2 => 1,
        3 => 2,
        4 => 4,
        16 => 8,
        _ => return Ok(None),
    };
    let (count, field) = entry[4..].split_at(layout.offset_bytes());
    let len = layout
        .number(count)
        .checked_mul(width)
        .filter(|&len| len <= limits.max_header_bytes as u64)
        .ok_or_else(|| {
            Error::new(ErrorKind::LimitExceeded, "a value beyond the limits")
                .at(format!("tag {tag}"))
        })?;
    let raw = if len <= field.len() as u64 {
        field[..len as usize].to_vec()
    } else {
        bytes
            .read_at(layout.number(field), len)
            .map_err(|error| error.at(format!("tag {tag}")))?
    };
    Ok(Some(if kind == 2 {
        Value::Text(String::from_utf8_lossy(&raw).into_owned())
    } else {
        let numbers = raw.chunks_exact(width as usize);
        Value::Numbers(numbers.map(|number| layout.number(number)).collect())
    }))
}
