//! The global heap: texts of varying length and the mappings of virtual datasets.

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::file::File;

const WHAT: &str = "global heap";

/// One collection of objects, as it stands in the file.
#[derive(Debug)]
pub(crate) struct Collection {
    address: u64,
    bytes: Vec<u8>,
    /// Where in the bytes each object is.
    objects: BTreeMap<u32, std::ops::Range<usize>>,
}

impl Collection {
    pub(crate) fn read(file: &File, address: u64) -> Result<Self> {
        let prefix = 8 + file.sizes().length;
        let head = file.read(WHAT, address, prefix as u64)?;
        let mut cursor = file.cursor(WHAT, address, &head);
        if cursor.bytes(4)? != b"GCOL" {
            return Err(Error::malformed(
                WHAT,
                address,
                "the signature GCOL",
                "none",
            ));
        }
        cursor.version(1..=1)?;
        cursor.skip(3)?;
        let bytes = file.read(WHAT, address, cursor.length()?)?;
        let mut objects = BTreeMap::new();
        let mut cursor = file.cursor(WHAT, address, &bytes);
        cursor.skip(prefix.min(bytes.len()))?;
        while cursor.left() >= prefix {
            let index = u32::from(cursor.u16()?);
            cursor.skip(6)?;
            let len = cursor.length()?;
            // Object 0 is the free space at the end.
            if index == 0 {
                break;
            }
            let start = cursor.position();
            let len = usize::try_from(len).unwrap_or(usize::MAX);
            cursor.bytes(len)?;
            objects.insert(index, start..start + len);
            cursor.skip(cursor.left().min(len.next_multiple_of(8) - len))?;
        }
        Ok(Self {
            address,
            bytes,
            objects,
        })
    }

    pub(crate) fn address(&self) -> u64 {
        self.address
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn object(&self, index: u32) -> Result<&[u8]> {
        self.objects
            .get(&index)
            .map(|range| &self.bytes[range.clone()])
            .ok_or_else(|| Error::malformed(WHAT, self.address, format!("object {index}"), "none"))
    }
}
