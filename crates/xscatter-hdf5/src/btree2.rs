//! B-trees of version 2: sorted records for links, attributes, large heap objects and chunks.
//!
//! The records are handed out in the order of the tree; what they mean is the caller's. A tree whose
//! nodes overlap or point at each other ends at the number of records that the file can hold.

use crate::cursor::UNDEFINED;
use crate::error::{Error, Result};
use crate::file::File;

const WHAT: &str = "B-tree of version 2";
/// Signature, version, type and checksum of a node.
const NODE_OVERHEAD: usize = 10;
/// Levels beyond which no file could hold the records.
const DEEPEST: u16 = 32;

struct Tree<'a> {
    file: &'a File,
    kind: u8,
    node_bytes: usize,
    record_bytes: usize,
    /// Bytes of the number of records in a node, and of the number below a node of each depth.
    count_bytes: usize,
    total_bytes: Vec<usize>,
    records_left: u64,
    nodes_left: u64,
}

/// Calls `visit` with each record of a tree of one of these types.
pub(crate) fn records(
    file: &File,
    address: u64,
    kinds: &[u8],
    visit: &mut dyn FnMut(u8, &[u8]) -> Result<()>,
) -> Result<()> {
    let sizes = file.sizes();
    let len = 16 + sizes.address + 2 + sizes.length + 4;
    let bytes = file.block(WHAT, *b"BTHD", address, len as u64)?;
    let mut cursor = file.cursor(WHAT, address, &bytes);
    cursor.skip(4)?;
    cursor.version(0..=0)?;
    let kind = cursor.u8()?;
    if !kinds.contains(&kind) {
        return Err(cursor.malformed(format!("a tree of type {kinds:?}"), kind));
    }
    let node_bytes = cursor.u32()? as usize;
    let record_bytes = usize::from(cursor.u16()?);
    let depth = cursor.u16()?;
    cursor.skip(2)?;
    let root = cursor.address()?;
    let root_records = cursor.u16()?.into();
    if root == UNDEFINED || root_records == 0 {
        return Ok(());
    }
    if record_bytes == 0 || depth > DEEPEST || node_bytes < NODE_OVERHEAD + record_bytes {
        return Err(cursor.malformed(
            "nodes with room for records",
            format!("{node_bytes} bytes for records of {record_bytes}, depth {depth}"),
        ));
    }
    let leaf = ((node_bytes - NODE_OVERHEAD) / record_bytes) as u64;
    let count_bytes = width_of(leaf);
    let mut total_bytes = vec![0];
    let mut below = leaf;
    for level in 1..=usize::from(depth) {
        let pointer = sizes.address + count_bytes + total_bytes[level - 1];
        let room = node_bytes.saturating_sub(NODE_OVERHEAD + pointer);
        let most = (room / (record_bytes + pointer)) as u64;
        below = (most + 1).saturating_mul(below).saturating_add(most);
        total_bytes.push(width_of(below));
    }
    let mut tree = Tree {
        file,
        kind,
        node_bytes,
        record_bytes,
        count_bytes,
        total_bytes,
        records_left: file.len() / record_bytes as u64,
        nodes_left: file.len() / NODE_OVERHEAD as u64,
    };
    tree.node(root, root_records, usize::from(depth), visit)
}

/// Bytes that a number up to `most` takes.
fn width_of(most: u64) -> usize {
    most.max(1).ilog2() as usize / 8 + 1
}

impl Tree<'_> {
    fn node(
        &mut self,
        address: u64,
        count: u64,
        depth: usize,
        visit: &mut dyn FnMut(u8, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let left = self.records_left.checked_sub(count);
        let (Some(left), true) = (left, self.nodes_left > 0) else {
            return Err(Error::malformed(
                WHAT,
                address,
                "as many records as the file can hold",
                "more",
            ));
        };
        self.records_left = left;
        self.nodes_left -= 1;
        let pointer = if depth == 0 {
            0
        } else {
            self.file.sizes().address + self.count_bytes + self.total_bytes[depth - 1]
        };
        let count = count as usize;
        let children = if depth == 0 { 0 } else { count + 1 };
        let len = NODE_OVERHEAD + count * self.record_bytes + children * pointer;
        if len > self.node_bytes {
            return Err(Error::malformed(
                WHAT,
                address,
                format!("a node of {} bytes", self.node_bytes),
                format!("{count} records in it"),
            ));
        }
        let signature = if depth == 0 { *b"BTLF" } else { *b"BTIN" };
        let bytes = self.file.block(WHAT, signature, address, len as u64)?;
        let mut cursor = self.file.cursor(WHAT, address, &bytes);
        cursor.skip(4)?;
        cursor.version(0..=0)?;
        let kind = cursor.u8()?;
        if kind != self.kind {
            return Err(cursor.malformed(format!("type {}", self.kind), kind));
        }
        let records = cursor.bytes(count * self.record_bytes)?;
        for index in 0..=count {
            if depth > 0 {
                let child = cursor.address()?;
                let below = cursor.uint(self.count_bytes)?;
                cursor.skip(self.total_bytes[depth - 1])?;
                self.node(child, below, depth - 1, visit)?;
            }
            if index < count {
                let record = &records[index * self.record_bytes..][..self.record_bytes];
                visit(self.kind, record)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_as_many_bytes_as_their_largest_value() {
        for (most, bytes) in [(0, 1), (255, 1), (256, 2), (65535, 2), (65536, 3)] {
            assert_eq!(width_of(most), bytes);
        }
    }
}
