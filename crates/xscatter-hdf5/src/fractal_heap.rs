//! Fractal heaps: where groups with many links and objects with many attributes keep them.
//!
//! Managed, tiny and huge objects; heaps with filters are refused, since no program writes them for
//! links and attributes.

use std::cell::Cell;

use crate::btree2;
use crate::cursor::UNDEFINED;
use crate::error::{Error, Result};
use crate::file::File;

const WHAT: &str = "fractal heap";
/// Indirect blocks within each other.
const DEEPEST: usize = 16;
/// The tree of huge objects, without filters.
const HUGE_INDIRECT: u8 = 1;
/// Large objects of one heap that are looked for.
const MOST_SEARCHES: u32 = 4096;

#[derive(Debug)]
pub(crate) struct FractalHeap {
    id_bytes: usize,
    offset_bytes: usize,
    length_bytes: usize,
    huge: u64,
    width: u64,
    first_block: u64,
    largest_direct: u64,
    root: u64,
    /// 0 if the root is a direct block.
    root_rows: u64,
    /// Large objects that were looked for; each search goes through the whole tree of them.
    searches: Cell<u32>,
}

impl FractalHeap {
    pub(crate) fn read(file: &File, address: u64) -> Result<Self> {
        let sizes = file.sizes();
        let len = 26 + 12 * sizes.length + 3 * sizes.address;
        let bytes = file.block(WHAT, *b"FRHP", address, len as u64)?;
        let mut cursor = file.cursor(WHAT, address, &bytes);
        cursor.skip(4)?;
        cursor.version(0..=0)?;
        let id_bytes = usize::from(cursor.u16()?);
        if cursor.u16()? != 0 {
            return Err(Error::unsupported(
                format!("{WHAT} at byte {address}"),
                "objects without filters",
                "filters",
            ));
        }
        cursor.skip(1)?;
        let largest_managed = u64::from(cursor.u32()?);
        cursor.length()?;
        let huge = cursor.address()?;
        cursor.length()?;
        cursor.address()?;
        cursor.skip(8 * sizes.length)?;
        let width = u64::from(cursor.u16()?);
        let first_block = cursor.length()?;
        let largest_direct = cursor.length()?;
        let bits = usize::from(cursor.u16()?);
        cursor.skip(2)?;
        let root = cursor.address()?;
        let root_rows = u64::from(cursor.u16()?);
        let powers = [width, first_block, largest_direct];
        if bits > 64 || powers.iter().any(|&n| !n.is_power_of_two()) || first_block > largest_direct
        {
            return Err(cursor.malformed(
                "blocks of powers of two within 64 bits",
                format!("{powers:?} in {bits} bits"),
            ));
        }
        let length_bytes = (largest_direct.ilog2() as usize)
            .div_ceil(8)
            .min(largest_managed.max(1).ilog2() as usize / 8 + 1);
        Ok(Self {
            id_bytes,
            offset_bytes: bits.div_ceil(8),
            length_bytes,
            huge,
            width,
            first_block,
            largest_direct,
            root,
            root_rows,
            searches: Cell::new(0),
        })
    }

    /// The object of an identifier, and where it stands.
    pub(crate) fn object(&self, file: &File, id: &[u8]) -> Result<(u64, Vec<u8>)> {
        let mut cursor = file.cursor("identifier in a fractal heap", 0, id);
        let head = cursor.u8()?;
        match head >> 4 {
            0 => {
                let offset = cursor.uint(self.offset_bytes)?;
                let len = cursor.uint(self.length_bytes)?;
                let address = self.locate(file, offset, len)?;
                Ok((address, file.read(WHAT, address, len)?))
            }
            1 => self.huge(file, cursor.rest()),
            2 => {
                // Beyond 16 bytes the length takes 12 bits.
                let mut len = usize::from(head & 0x0f);
                if self.id_bytes > 18 {
                    len = len << 8 | usize::from(cursor.u8()?);
                }
                Ok((0, cursor.bytes(len + 1)?.to_vec()))
            }
            kind => Err(cursor.malformed("an object of type 0 to 2", kind)),
        }
    }

    fn huge(&self, file: &File, id: &[u8]) -> Result<(u64, Vec<u8>)> {
        let sizes = file.sizes();
        if sizes.address + sizes.length < self.id_bytes {
            let mut cursor = file.cursor(WHAT, 0, id);
            let (address, len) = (cursor.address()?, cursor.length()?);
            return Ok((address, file.read(WHAT, address, len)?));
        }
        self.searches.set(self.searches.get() + 1);
        if self.searches.get() > MOST_SEARCHES {
            return Err(Error::malformed(
                WHAT,
                self.huge,
                "fewer large objects",
                MOST_SEARCHES,
            ));
        }
        let wanted = file
            .cursor(WHAT, 0, id)
            .uint(self.id_bytes.saturating_sub(1).min(8))?;
        let mut found = None;
        btree2::records(file, self.huge, &[HUGE_INDIRECT], &mut |_, record| {
            let mut cursor = file.cursor(WHAT, self.huge, record);
            let place = (cursor.address()?, cursor.length()?);
            if cursor.length()? == wanted {
                found = Some(place);
            }
            Ok(())
        })?;
        let Some((address, len)) = found else {
            return Err(Error::malformed(
                WHAT,
                self.huge,
                format!("object {wanted}"),
                "none",
            ));
        };
        Ok((address, file.read(WHAT, address, len)?))
    }

    /// Bytes of a block of a row of the doubling table.
    fn block_bytes(&self, row: u64) -> u64 {
        let doublings = row.saturating_sub(1).min(63);
        self.first_block.saturating_mul(1 << doublings)
    }

    /// Where in the file the bytes from an offset of the heap are.
    fn locate(&self, file: &File, offset: u64, len: u64) -> Result<u64> {
        let mut address = self.root;
        // Where the current block begins in the heap, and its rows; 0 for a direct block.
        let (mut start, mut rows, mut size) = (0_u64, self.root_rows, self.first_block);
        for _ in 0..DEEPEST {
            if address == UNDEFINED {
                return Err(Error::malformed(
                    WHAT,
                    address,
                    "a block",
                    "an address not set",
                ));
            }
            if rows == 0 {
                self.check_block(file, address, *b"FHDB", start)?;
                let inside = offset - start;
                if inside.checked_add(len).is_none_or(|end| end > size) {
                    return Err(Error::malformed(
                        WHAT,
                        address,
                        format!("an object within {size} bytes"),
                        format!("{len} bytes at {inside}"),
                    ));
                }
                return Ok(address.saturating_add(inside));
            }
            self.check_block(file, address, *b"FHIB", start)?;
            let mut row = 0;
            let mut row_start = start;
            let row_bytes = |row| self.block_bytes(row).saturating_mul(self.width);
            while row < rows && offset - row_start >= row_bytes(row) {
                row_start += row_bytes(row);
                row += 1;
            }
            if row == rows {
                return Err(Error::malformed(
                    WHAT,
                    address,
                    "an offset in the heap",
                    offset,
                ));
            }
            size = self.block_bytes(row);
            let column = (offset - row_start) / size;
            start = row_start + column * size;
            let entry = row * self.width + column;
            let sizes = file.sizes();
            let prefix = (5 + sizes.address + self.offset_bytes) as u64;
            let place = address.saturating_add(prefix + entry * sizes.address as u64);
            let bytes = file.read(WHAT, place, sizes.address as u64)?;
            address = file.cursor(WHAT, place, &bytes).address()?;
            rows = if size <= self.largest_direct {
                0
            } else {
                // As many rows as make up its size.
                let first_row = self.first_block.saturating_mul(self.width).ilog2();
                u64::from(size.ilog2().saturating_sub(first_row)) + 1
            };
        }
        Err(Error::malformed(
            WHAT,
            address,
            "blocks less deep in each other",
            DEEPEST,
        ))
    }

    /// That a block is the one that begins at `start` of the heap.
    fn check_block(&self, file: &File, address: u64, signature: [u8; 4], start: u64) -> Result<()> {
        let sizes = file.sizes();
        let len = 5 + sizes.address + self.offset_bytes;
        let bytes = file.read(WHAT, address, len as u64)?;
        let mut cursor = file.cursor(WHAT, address, &bytes);
        let found = cursor.bytes(4)?;
        if found != signature {
            let expected = String::from_utf8_lossy(&signature).into_owned();
            return Err(Error::malformed(
                WHAT,
                address,
                expected,
                format!("{found:?}"),
            ));
        }
        cursor.version(0..=0)?;
        cursor.address()?;
        let found = cursor.uint(self.offset_bytes)?;
        if found != start {
            return Err(cursor.malformed(format!("the block at {start} of the heap"), found));
        }
        Ok(())
    }
}
