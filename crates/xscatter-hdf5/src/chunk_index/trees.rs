//! Chunks in B-trees: version 1 of all older files, version 2 for several axes without limit.

use super::{Chunk, Found};
use crate::btree2;
use crate::error::{Error, Result};

/// Levels beyond which no file could hold the chunks.
const DEEPEST: u8 = 32;
const UNFILTERED: u8 = 10;
const FILTERED: u8 = 11;

pub(super) fn version1(found: &mut Found<'_>, root: u64) -> Result<()> {
    // A node takes 24 bytes at least.
    let mut visits = found.file.len() / 24;
    node(found, root, None, &mut visits)
}

fn node(found: &mut Found<'_>, address: u64, level: Option<u8>, visits: &mut u64) -> Result<()> {
    const WHAT: &str = "B-tree of chunks";
    let file = found.file;
    let sizes = file.sizes();
    let prefix = 8 + 2 * sizes.address;
    let head = file.read(WHAT, address, prefix as u64)?;
    let mut cursor = file.cursor(WHAT, address, &head);
    if cursor.bytes(4)? != b"TREE" || cursor.u8()? != 1 {
        return Err(Error::malformed(WHAT, address, "a node of chunks", "none"));
    }
    let here = cursor.u8()?;
    // Each level is one less than that above it, so that no node leads back to itself.
    if here > DEEPEST || level.is_some_and(|level| level != here) {
        return Err(cursor.malformed(format!("level {}", level.unwrap_or(DEEPEST)), here));
    }
    let entries = usize::from(cursor.u16()?);
    let axes = found.grid.chunk.len();
    let len = entries * (8 + 8 * (axes + 1) + sizes.address);
    let start = address.saturating_add(prefix as u64);
    let bytes = file.read(WHAT, start, len as u64)?;
    let mut cursor = file.cursor(WHAT, start, &bytes);
    let mut coords = vec![0; axes];
    for _ in 0..entries {
        let stored = u64::from(cursor.u32()?);
        let filter_mask = cursor.u32()?;
        for (at, &chunk) in coords.iter_mut().zip(&found.grid.chunk) {
            *at = cursor.uint(8)? / chunk;
        }
        cursor.skip(8)?;
        let child = cursor.address()?;
        *visits = visits
            .checked_sub(1)
            .ok_or_else(|| cursor.malformed("as many nodes as the file can hold", "more"))?;
        if let Some(below) = here.checked_sub(1) {
            node(found, child, Some(below), visits)?;
        } else {
            let chunk = Chunk {
                address: child,
                bytes: stored,
                filter_mask,
            };
            found.add(&coords, chunk)?;
        }
    }
    Ok(())
}

pub(super) fn version2(found: &mut Found<'_>, header: u64) -> Result<()> {
    const WHAT: &str = "record of a chunk";
    let file = found.file;
    let axes = found.grid.chunk.len();
    let kind = if found.filtered { FILTERED } else { UNFILTERED };
    btree2::records(file, header, &[kind], &mut |_, record| {
        let mut cursor = file.cursor(WHAT, header, record);
        let entry_bytes = record.len().saturating_sub(8 * axes);
        let chunk = found.entry(&mut cursor, entry_bytes)?;
        let coords: Vec<u64> = (0..axes).map(|_| cursor.uint(8)).collect::<Result<_>>()?;
        found.add(&coords, chunk)
    })
}
