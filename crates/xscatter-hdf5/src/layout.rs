//! Where the elements of a dataset are: layout, fill value and filters.
//!
//! Layout messages of versions 1 to 5, fill values old and new, filter pipelines of versions 1 and 2.

use xscatter_codecs::hdf5_filters::{self, Filter as Coded};

use crate::cursor::{Cursor, trimmed};
use crate::error::Result;

/// Where the elements of a dataset are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Layout {
    /// In the object header.
    Compact(Vec<u8>),
    /// One after another; the address is undefined if none was ever written.
    Contiguous {
        address: u64,
    },
    Chunked(Chunked),
    /// In other datasets: an object of the global heap says in which.
    Virtual {
        heap: u64,
        object: u32,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunked {
    /// Elements of a chunk along each axis.
    pub(crate) shape: Vec<u64>,
    pub(crate) index: Index,
    /// Whether chunks that reach beyond the edge are stored without filters.
    pub(crate) plain_edges: bool,
}

/// What the index of the chunks is; its address is undefined if no chunk was ever written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Index {
    BTree1(u64),
    Single {
        address: u64,
        /// Stored size and filter mask, if there are filters.
        filtered: Option<(u64, u32)>,
    },
    Implicit(u64),
    Fixed(u64),
    Extensible(u64),
    BTree2(u64),
}

impl Layout {
    /// `rank` is that of the dataspace.
    pub(crate) fn parse(cursor: &mut Cursor<'_>, rank: usize) -> Result<Self> {
        let version = cursor.version(1..=5)?;
        if version < 3 {
            return old(cursor, rank);
        }
        match cursor.u8()? {
            0 => {
                let len = cursor.u16()?;
                Ok(Self::Compact(cursor.bytes(len.into())?.to_vec()))
            }
            1 => Ok(Self::Contiguous {
                address: cursor.address()?,
            }),
            2 if version == 3 => {
                let axes = cursor.u8()?.into();
                let address = cursor.address()?;
                let shape = chunk_shape(cursor, axes, rank, 4)?;
                Ok(Self::Chunked(Chunked {
                    shape,
                    index: Index::BTree1(address),
                    plain_edges: false,
                }))
            }
            2 => {
                let flags = cursor.u8()?;
                let axes = cursor.u8()?.into();
                let width = cursor.u8()?.into();
                let shape = chunk_shape(cursor, axes, rank, width)?;
                let index = index(cursor, flags)?;
                Ok(Self::Chunked(Chunked {
                    shape,
                    index,
                    plain_edges: flags & 1 != 0,
                }))
            }
            3 => Ok(Self::Virtual {
                heap: cursor.address()?,
                object: cursor.u32()?,
            }),
            class => Err(cursor.malformed("a layout of class 0 to 3", class)),
        }
    }
}

/// Versions 1 and 2: all layouts state the shape.
fn old(cursor: &mut Cursor<'_>, rank: usize) -> Result<Layout> {
    let axes = cursor.u8()?.into();
    let class = cursor.u8()?;
    cursor.skip(5)?;
    match class {
        0 => {
            cursor.skip(4 * axes)?;
            let len = cursor.u32()? as usize;
            Ok(Layout::Compact(cursor.bytes(len)?.to_vec()))
        }
        1 => Ok(Layout::Contiguous {
            address: cursor.address()?,
        }),
        2 => {
            let address = cursor.address()?;
            let shape = chunk_shape(cursor, axes, rank, 4)?;
            Ok(Layout::Chunked(Chunked {
                shape,
                index: Index::BTree1(address),
                plain_edges: false,
            }))
        }
        class => Err(cursor.malformed("a layout of class 0 to 2", class)),
    }
}

/// The shape of a chunk; the last of the stored axes is the size of an element.
fn chunk_shape(
    cursor: &mut Cursor<'_>,
    axes: usize,
    rank: usize,
    width: usize,
) -> Result<Vec<u64>> {
    if axes != rank + 1 || rank == 0 {
        return Err(cursor.malformed(format!("chunks of {rank} axes and the element"), axes));
    }
    let shape: Vec<u64> = (0..rank)
        .map(|_| cursor.uint(width))
        .collect::<Result<_>>()?;
    cursor.uint(width)?;
    if shape.contains(&0) {
        return Err(cursor.malformed("chunks with elements", format!("{shape:?}")));
    }
    Ok(shape)
}

fn index(cursor: &mut Cursor<'_>, flags: u8) -> Result<Index> {
    Ok(match cursor.u8()? {
        1 => {
            let filtered = if flags & 2 != 0 {
                Some((cursor.length()?, cursor.u32()?))
            } else {
                None
            };
            Index::Single {
                address: cursor.address()?,
                filtered,
            }
        }
        2 => Index::Implicit(cursor.address()?),
        3 => {
            cursor.skip(1)?;
            Index::Fixed(cursor.address()?)
        }
        4 => {
            cursor.skip(5)?;
            Index::Extensible(cursor.address()?)
        }
        5 => {
            cursor.skip(6)?;
            Index::BTree2(cursor.address()?)
        }
        class => return Err(cursor.malformed("an index of class 1 to 5", class)),
    })
}

/// One filter of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Its registered number.
    pub id: u16,
    /// Whether a chunk that the filter failed on was stored without it.
    pub is_optional: bool,
    /// What a program calls it; empty for most.
    pub name: String,
    /// Its parameters.
    pub values: Vec<u32>,
}

impl Filter {
    /// Whether it is undone here.
    pub fn is_supported(&self) -> bool {
        hdf5_filters::is_supported(self.id, &self.values)
    }

    pub(crate) fn coded(&self) -> Coded<'_> {
        Coded {
            id: self.id,
            values: &self.values,
        }
    }
}

pub(crate) fn filters(cursor: &mut Cursor<'_>) -> Result<Vec<Filter>> {
    let version = cursor.version(1..=2)?;
    let count = cursor.u8()?;
    if count > 32 {
        return Err(cursor.malformed("at most 32 filters", count));
    }
    if version == 1 {
        cursor.skip(6)?;
    }
    let mut filters = Vec::new();
    for _ in 0..count {
        let id = cursor.u16()?;
        let name_len = if version == 1 || id >= 256 {
            cursor.u16()?.into()
        } else {
            0_usize
        };
        let flags = cursor.u16()?;
        let values = usize::from(cursor.u16()?);
        let padded = if version == 1 {
            name_len.next_multiple_of(8)
        } else {
            name_len
        };
        let name = trimmed(cursor.bytes(padded)?);
        let stored = cursor.bytes(4 * values)?;
        if version == 1 && values % 2 == 1 {
            cursor.skip(4)?;
        }
        filters.push(Filter {
            id,
            is_optional: flags & 1 != 0,
            name,
            values: stored
                .chunks_exact(4)
                .map(|v| u32::from_le_bytes([v[0], v[1], v[2], v[3]]))
                .collect(),
        });
    }
    Ok(filters)
}

/// The bytes of the fill value; `None` if none is stated, which means zeros.
pub(crate) fn fill(cursor: &mut Cursor<'_>) -> Result<Option<Vec<u8>>> {
    let version = cursor.version(1..=3)?;
    let stated = if version == 3 {
        cursor.u8()? & 0x20 != 0
    } else {
        cursor.skip(2)?;
        let defined = cursor.u8()? != 0;
        // Version 1 has a size even where the value is not defined.
        defined || version == 1
    };
    if !stated {
        return Ok(None);
    }
    old_fill(cursor)
}

/// The message of the first versions: a size and the bytes.
pub(crate) fn old_fill(cursor: &mut Cursor<'_>) -> Result<Option<Vec<u8>>> {
    // A negative size: the value is not defined.
    let len = cursor.u32()?;
    if len == 0 || len > i32::MAX as u32 {
        return Ok(None);
    }
    Ok(Some(cursor.bytes(len as usize)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cursor::Sizes;

    fn parsed(bytes: &[u8], rank: usize) -> Result<Layout> {
        let sizes = Sizes {
            address: 8,
            length: 8,
        };
        Layout::parse(&mut Cursor::new("layout", 0, bytes, sizes), rank)
    }

    /// HDF5 1.4 and before, which no program of today writes.
    #[test]
    fn layouts_of_the_first_versions() {
        let mut chunked = vec![1, 3, 2, 0, 0, 0, 0, 0];
        chunked.extend(4096_u64.to_le_bytes());
        for len in [16_u32, 8, 2] {
            chunked.extend(len.to_le_bytes());
        }
        let expected = Chunked {
            shape: vec![16, 8],
            index: Index::BTree1(4096),
            plain_edges: false,
        };
        assert_eq!(parsed(&chunked, 2).unwrap(), Layout::Chunked(expected));
        assert!(parsed(&chunked, 3).is_err());

        let mut contiguous = vec![2, 1, 1, 0, 0, 0, 0, 0];
        contiguous.extend(800_u64.to_le_bytes());
        contiguous.extend(5_u32.to_le_bytes());
        let expected = Layout::Contiguous { address: 800 };
        assert_eq!(parsed(&contiguous, 1).unwrap(), expected);

        let mut compact = vec![1, 1, 0, 0, 0, 0, 0, 0];
        compact.extend(3_u32.to_le_bytes());
        compact.extend(3_u32.to_le_bytes());
        compact.extend([7, 8, 9]);
        let expected = Layout::Compact(vec![7, 8, 9]);
        assert_eq!(parsed(&compact, 1).unwrap(), expected);
        assert!(parsed(&compact[..18], 1).is_err());
    }

    #[test]
    fn a_chunk_has_elements_and_the_axes_of_its_dataset() {
        let zero = [3, 2, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0];
        assert!(parsed(&zero, 1).is_err());
        assert!(parsed(&[6, 0], 1).is_err());
        assert!(parsed(&[4, 4], 1).is_err());
    }

    #[test]
    fn fill_values_of_all_versions() {
        let sizes = Sizes {
            address: 8,
            length: 8,
        };
        let fill = |bytes: &[u8]| fill(&mut Cursor::new("fill", 0, bytes, sizes)).unwrap();
        assert_eq!(fill(&[3, 0x20, 2, 0, 0, 0, 7, 8]), Some(vec![7, 8]));
        assert_eq!(fill(&[3, 0x02]), None);
        assert_eq!(fill(&[2, 1, 0, 1, 1, 0, 0, 0, 9]), Some(vec![9]));
        assert_eq!(fill(&[2, 1, 0, 0]), None);
        assert_eq!(fill(&[1, 1, 0, 0, 255, 255, 255, 255]), None);
    }
}
