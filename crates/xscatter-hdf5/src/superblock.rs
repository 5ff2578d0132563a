//! The superblock: where the file begins, how wide its numbers are, where its root group is.
//!
//! Versions 0 to 3. It stands at byte 0, or at 512 times a power of two behind a user block, and all
//! addresses count from there.

use crate::checksum::lookup3;
use crate::cursor::{Cursor, Sizes};
use crate::error::{Error, Result};
use crate::store::Store;

const MAGIC: &[u8; 8] = b"\x89HDF\r\n\x1a\n";
const WHAT: &str = "superblock";
/// More than a superblock of any version takes.
const LONGEST: u64 = 128;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Superblock {
    /// Where it stands in the file.
    pub(crate) base: u64,
    pub(crate) sizes: Sizes,
    /// Address of the object header of the root group.
    pub(crate) root: u64,
}

impl Superblock {
    pub(crate) fn find(store: &Store) -> Result<Self> {
        let mut base = 0;
        loop {
            let mut magic = [0; 8];
            if store.read_into(WHAT, base, &mut magic).is_err() {
                return Err(Error::NotHdf5);
            }
            if &magic == MAGIC {
                break;
            }
            base = if base == 0 {
                512
            } else {
                base.saturating_mul(2)
            };
        }
        let mut bytes = vec![0; LONGEST.min(store.len() - base) as usize];
        store.read_into(WHAT, base, &mut bytes)?;
        Self::parse(base, &bytes)
    }

    fn parse(base: u64, bytes: &[u8]) -> Result<Self> {
        let narrow = Sizes {
            address: 8,
            length: 8,
        };
        let mut cursor = Cursor::new(WHAT, 0, bytes, narrow);
        cursor.skip(MAGIC.len())?;
        let version = cursor.version(0..=3)?;
        if version < 2 {
            cursor.skip(4)?;
        }
        let (address, length) = (cursor.u8()?.into(), cursor.u8()?.into());
        for size in [address, length] {
            if ![2, 4, 8].contains(&size) {
                return Err(cursor.malformed("addresses and lengths of 2, 4 or 8 bytes", size));
            }
        }
        let sizes = Sizes { address, length };
        let mut cursor = Cursor::new(WHAT, 0, bytes, sizes);
        let root = if version < 2 {
            // Up to the sizes, their reserved byte, two K of group nodes, flags.
            cursor.skip(16 + 4 + 4)?;
            if version == 1 {
                cursor.skip(4)?;
            }
            // Base, free space, end of file, driver; then the entry of the root group.
            cursor.skip(4 * address)?;
            cursor.length()?;
            cursor.address()?
        } else {
            cursor.skip(12)?;
            cursor.skip(3 * address)?;
            let root = cursor.address()?;
            let covered = cursor.position();
            let expected = cursor.u32()?;
            let found = lookup3(&bytes[..covered]);
            if expected != found {
                return Err(Error::Checksum {
                    what: WHAT,
                    address: 0,
                    expected,
                    found,
                });
            }
            root
        };
        Ok(Self { base, sizes, root })
    }
}
