//! Chunks in an extensible array: datasets with one axis without limit, such as a growing series.
//!
//! The first chunks stand in an index block, the next in data blocks that it lists, the rest in data
//! blocks that secondary blocks list; large data blocks are cut into pages. The axis without limit is
//! numbered slowest.

use super::arrays::{check_entry, is_set};
use super::{Chunk, Found, coords_of};
use crate::cursor::{Cursor, UNDEFINED};
use crate::error::Result;
use crate::object_header::verify;

const WHAT: &str = "extensible array of chunks";

struct Array {
    header: u64,
    entry_bytes: usize,
    /// Bytes of a place within the array.
    offset_bytes: usize,
    /// Chunks in the index block, in the smallest data block, and in a page.
    index_entries: u64,
    smallest: u64,
    page: u64,
    /// The axis without limit, and the chunks along the axes with that one in front.
    axis: usize,
    numbering: Vec<u64>,
}

/// The data blocks of a secondary block.
#[derive(Clone, Copy)]
struct Level {
    blocks: u64,
    entries: u64,
    /// The number of its first chunk behind the index block.
    start: u64,
}

impl Array {
    fn level(&self, number: u32, start: u64) -> Level {
        Level {
            blocks: 1 << (number / 2),
            entries: self.smallest.saturating_mul(1 << number.div_ceil(2)),
            start,
        }
    }
}

pub(super) fn read(found: &mut Found<'_>, header: u64) -> Result<()> {
    let file = found.file;
    let sizes = file.sizes();
    let len = 16 + 6 * sizes.length + sizes.address;
    let bytes = file.block(WHAT, *b"EAHD", header, len as u64)?;
    let mut cursor = file.cursor(WHAT, header, &bytes);
    cursor.skip(4)?;
    cursor.version(0..=0)?;
    cursor.skip(1)?;
    let entry_bytes = usize::from(cursor.u8()?);
    let bits = u32::from(cursor.u8()?);
    let index_entries = u64::from(cursor.u8()?);
    let smallest = u64::from(cursor.u8()?);
    let first_pointers = u64::from(cursor.u8()?);
    let page_bits = u32::from(cursor.u8()?);
    cursor.skip(6 * sizes.length)?;
    let block = cursor.address()?;
    check_entry(found, header, entry_bytes)?;
    let sound = bits <= 64
        && page_bits < 32
        && smallest.is_power_of_two()
        && first_pointers.is_power_of_two()
        && smallest.ilog2() <= bits;
    if !sound {
        return Err(cursor.malformed("blocks of powers of two within 64 bits", bits));
    }
    if block == UNDEFINED {
        return Ok(());
    }
    let most = &found.grid.most;
    let free: Vec<usize> = (0..most.len())
        .filter(|&axis| most[axis].is_none())
        .collect();
    let [axis] = free[..] else {
        return Err(cursor.malformed("one axis without limit", free.len()));
    };
    let mut numbering = vec![u64::MAX];
    numbering.extend(most.iter().flatten());
    let array = Array {
        header,
        entry_bytes,
        offset_bytes: bits.div_ceil(8) as usize,
        index_entries,
        smallest,
        page: 1 << page_bits,
        axis,
        numbering,
    };
    let levels = 1 + bits - smallest.ilog2();
    // Data blocks of the first levels are listed in the index block itself.
    let in_index = (2 * first_pointers.ilog2()).min(levels);
    let listed = 2 * (first_pointers - 1);
    let prefix = 6 + sizes.address as u64;
    let pointers = listed + u64::from(levels - in_index);
    let len = prefix + index_entries * entry_bytes as u64 + pointers * sizes.address as u64 + 4;
    let bytes = file.block(WHAT, *b"EAIB", block, len)?;
    let mut cursor = file.cursor(WHAT, block, &bytes);
    owned(&array, &mut cursor)?;
    for number in 0..index_entries {
        let chunk = found.entry(&mut cursor, entry_bytes)?;
        add(found, &array, number, chunk)?;
    }
    let (mut start, mut before) = (0_u64, 0);
    for number in 0..levels {
        let level = array.level(number, start);
        if number < in_index {
            for index in 0..level.blocks {
                let address = cursor.address()?;
                if address != UNDEFINED {
                    // These count all data blocks before them into their place.
                    let place = start + (before + index) * level.entries;
                    data_block(found, &array, address, level, index, place, None)?;
                }
            }
            before += level.blocks;
        } else {
            let address = cursor.address()?;
            if address != UNDEFINED {
                secondary_block(found, &array, address, level)?;
            }
        }
        start = start.saturating_add(level.blocks.saturating_mul(level.entries));
    }
    Ok(())
}

/// Skips the head of a block, which names the header that it belongs to.
fn owned(array: &Array, cursor: &mut Cursor<'_>) -> Result<()> {
    cursor.skip(4)?;
    cursor.version(0..=0)?;
    cursor.skip(1)?;
    let header = cursor.address()?;
    if header == array.header {
        return Ok(());
    }
    Err(cursor.malformed(format!("a block of the header at {}", array.header), header))
}

/// That a block stands at its place: one that is listed twice would be counted twice.
fn placed(array: &Array, cursor: &mut Cursor<'_>, expected: u64) -> Result<()> {
    let found = cursor.uint(array.offset_bytes)?;
    if found == expected {
        return Ok(());
    }
    Err(cursor.malformed(format!("the block of chunk {expected}"), found))
}

fn secondary_block(found: &mut Found<'_>, array: &Array, address: u64, level: Level) -> Result<()> {
    let file = found.file;
    let sizes = file.sizes();
    let pages = if level.entries > array.page {
        level.entries / array.page
    } else {
        0
    };
    let bitmap = pages.div_ceil(8);
    let prefix = 6 + (sizes.address + array.offset_bytes) as u64;
    let len = level
        .blocks
        .saturating_mul(bitmap.saturating_add(sizes.address as u64))
        .saturating_add(prefix + 4);
    let bytes = file.block(WHAT, *b"EASB", address, len)?;
    let mut cursor = file.cursor(WHAT, address, &bytes);
    owned(array, &mut cursor)?;
    placed(array, &mut cursor, level.start)?;
    let bitmaps = cursor.bytes((level.blocks * bitmap) as usize)?;
    for index in 0..level.blocks {
        let block = cursor.address()?;
        if block != UNDEFINED {
            // The bits of all blocks follow each other without a gap.
            let bitmap = (pages > 0).then_some((bitmaps, index * pages));
            let place = level
                .start
                .saturating_add(index.saturating_mul(level.entries));
            data_block(found, array, block, level, index, place, bitmap)?;
        }
    }
    Ok(())
}

/// A data block; with a bitmap, of which its part begins somewhere, it is cut into pages, of which some
/// were written.
fn data_block(
    found: &mut Found<'_>,
    array: &Array,
    address: u64,
    level: Level,
    index: u64,
    place: u64,
    bitmap: Option<(&[u8], u64)>,
) -> Result<()> {
    let file = found.file;
    let start = level
        .start
        .saturating_add(index.saturating_mul(level.entries));
    let prefix = 6 + (file.sizes().address + array.offset_bytes) as u64;
    let entry_bytes = array.entry_bytes as u64;
    let inline = if bitmap.is_some() { 0 } else { level.entries };
    let len = inline
        .saturating_mul(entry_bytes)
        .saturating_add(prefix + 4);
    let bytes = file.block(WHAT, *b"EADB", address, len)?;
    let mut cursor = file.cursor(WHAT, address, &bytes);
    owned(array, &mut cursor)?;
    placed(array, &mut cursor, place)?;
    let first = array.index_entries.saturating_add(start);
    let Some((bitmap, first_bit)) = bitmap else {
        return entries(found, array, &mut cursor, first, inline);
    };
    let page_len = array.page * entry_bytes + 4;
    for page in 0..level.entries / array.page {
        if !is_set(bitmap, first_bit + page) {
            continue;
        }
        let place = address.saturating_add(len + page * page_len);
        let bytes = file.read(WHAT, place, page_len)?;
        verify(WHAT, place, &bytes)?;
        let mut cursor = file.cursor(WHAT, place, &bytes);
        let first = first.saturating_add(page * array.page);
        entries(found, array, &mut cursor, first, array.page)?;
    }
    Ok(())
}

fn entries(
    found: &mut Found<'_>,
    array: &Array,
    cursor: &mut Cursor<'_>,
    first: u64,
    count: u64,
) -> Result<()> {
    for number in first..first.saturating_add(count) {
        let chunk = found.entry(cursor, array.entry_bytes)?;
        add(found, array, number, chunk)?;
    }
    Ok(())
}

fn add(found: &mut Found<'_>, array: &Array, number: u64, chunk: Chunk) -> Result<()> {
    let mut coords = coords_of(number, &array.numbering);
    // The axis without limit goes from the front to its place.
    coords[..=array.axis].rotate_left(1);
    found.add(&coords, chunk)
}
