//! Chunks in a fixed array: datasets whose axes all have a limit.

use super::{Found, bounded, coords_of};
use crate::cursor::UNDEFINED;
use crate::error::{Error, Result};
use crate::object_header::verify;

const WHAT: &str = "fixed array of chunks";

pub(super) fn fixed(found: &mut Found<'_>, header: u64) -> Result<()> {
    let file = found.file;
    let sizes = file.sizes();
    let len = 12 + sizes.length + sizes.address;
    let bytes = file.block(WHAT, *b"FAHD", header, len as u64)?;
    let mut cursor = file.cursor(WHAT, header, &bytes);
    cursor.skip(4)?;
    cursor.version(0..=0)?;
    cursor.skip(1)?;
    let entry_bytes = usize::from(cursor.u8()?);
    let page_bits = cursor.u8()?;
    let entries = cursor.length()?;
    let block = cursor.address()?;
    check_entry(found, header, entry_bytes)?;
    if page_bits >= 32 {
        return Err(cursor.malformed("pages of less than 2³² chunks", page_bits));
    }
    if block == UNDEFINED {
        return Ok(());
    }
    let numbering = bounded(found.grid)?;
    let page = 1_u64 << page_bits;
    let prefix = 6 + sizes.address as u64;
    if entries <= page {
        let len = entries
            .saturating_mul(entry_bytes as u64)
            .saturating_add(prefix + 4);
        let bytes = file.block(WHAT, *b"FADB", block, len)?;
        return add(
            found,
            block,
            &bytes[prefix as usize..],
            0,
            entries,
            &numbering,
        );
    }
    let pages = entries.div_ceil(page);
    let bitmap = pages.div_ceil(8);
    let bytes = file.block(WHAT, *b"FADB", block, prefix + bitmap + 4)?;
    let written = &bytes[prefix as usize..][..bitmap as usize];
    let first = block.saturating_add(prefix + bitmap + 4);
    let page_len = (page * entry_bytes as u64) + 4;
    for number in 0..pages {
        if !is_set(written, number) {
            continue;
        }
        let start = number * page;
        let count = page.min(entries - start);
        let address = first.saturating_add(number.saturating_mul(page_len));
        let bytes = file.read(WHAT, address, count * entry_bytes as u64 + 4)?;
        verify(WHAT, address, &bytes)?;
        add(found, address, &bytes, start, count, &numbering)?;
    }
    Ok(())
}

/// That an entry has room for an address, and with filters for a size and a mask.
pub(super) fn check_entry(found: &Found<'_>, at: u64, entry_bytes: usize) -> Result<()> {
    let address = found.file.sizes().address;
    let fits = if found.filtered {
        (address + 5..=address + 12).contains(&entry_bytes)
    } else {
        entry_bytes == address
    };
    if fits {
        return Ok(());
    }
    Err(Error::malformed(
        WHAT,
        at,
        "entries with room for a chunk",
        entry_bytes,
    ))
}

/// Whether a page was written: the first is the highest bit of the first byte.
pub(super) fn is_set(bitmap: &[u8], page: u64) -> bool {
    bitmap
        .get((page / 8) as usize)
        .is_some_and(|byte| byte & (0x80 >> (page % 8)) != 0)
}

fn add(
    found: &mut Found<'_>,
    address: u64,
    bytes: &[u8],
    start: u64,
    count: u64,
    numbering: &[u64],
) -> Result<()> {
    let file = found.file;
    let entry_bytes = (bytes.len() - 4) / count.max(1) as usize;
    let mut cursor = file.cursor(WHAT, address, bytes);
    for number in start..start + count {
        let chunk = found.entry(&mut cursor, entry_bytes)?;
        found.add(&coords_of(number, numbering), chunk)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_page_is_the_highest_bit() {
        assert!(is_set(&[0x80], 0));
        assert!(!is_set(&[0x80], 1));
        assert!(is_set(&[0, 0x01], 15));
        assert!(!is_set(&[0xff], 8));
    }
}
