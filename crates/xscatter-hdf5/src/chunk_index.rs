//! Where each chunk of a dataset is.
//!
//! Built once from any of the six kinds of index of the format, then one search in a sorted table for
//! each chunk, without reading the file. It takes 32 bytes for a chunk that was written and nothing for
//! one that was not. What a broken index lists again and again ends at what the file can hold.

use crate::cursor::UNDEFINED;
use crate::error::{Error, Result};
use crate::file::File;
use crate::layout::{Chunked, Index};

mod arrays;
mod extensible;
mod trees;

/// Where one chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Its address, counted from the superblock.
    pub address: u64,
    /// Its stored size in bytes.
    pub bytes: u64,
    /// A set bit: that filter was not applied.
    pub filter_mask: u32,
}

/// Where each chunk of a dataset is.
#[derive(Debug)]
pub struct ChunkIndex {
    grid: Grid,
    places: Places,
}

#[derive(Debug)]
enum Places {
    /// The chunks that were written, sorted by their number in the grid.
    Table(Vec<(u64, Chunk)>),
    /// All chunks one after another, numbered as they may at most be.
    Implicit { address: u64, numbering: Vec<u64> },
}

/// How a dataset is cut into chunks.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    /// Elements of a chunk along each axis.
    pub(crate) chunk: Vec<u64>,
    /// Chunks along each axis.
    pub(crate) counts: Vec<u64>,
    /// Chunks along each axis if the dataset grows to its limit; `None` without limit.
    most: Vec<Option<u64>>,
    /// Bytes of a whole chunk without filters.
    pub(crate) chunk_bytes: u64,
    total: u64,
}

impl Grid {
    pub(crate) fn new(
        place: &str,
        shape: &[u64],
        max_shape: &[Option<u64>],
        chunk: &[u64],
        element_bytes: usize,
    ) -> Result<Self> {
        let counts: Vec<u64> = shape
            .iter()
            .zip(chunk)
            .map(|(&n, &c)| n.div_ceil(c))
            .collect();
        let most = max_shape
            .iter()
            .zip(chunk)
            .map(|(most, &c)| most.map(|most| most.div_ceil(c)))
            .collect();
        let product = |start: u64, factors: &[u64]| {
            factors
                .iter()
                .try_fold(start, |product, &n| product.checked_mul(n))
        };
        let too_many = || Error::Limit {
            place: place.to_owned(),
            most: u64::MAX,
            claimed: u64::MAX,
        };
        Ok(Self {
            chunk: chunk.to_vec(),
            total: product(1, &counts).ok_or_else(too_many)?,
            chunk_bytes: product(element_bytes as u64, chunk).ok_or_else(too_many)?,
            counts,
            most,
        })
    }

    /// The number of a chunk, the last axis fastest; `None` outside the grid.
    fn number(&self, coords: &[u64]) -> Option<u64> {
        if coords.len() != self.counts.len() {
            return None;
        }
        coords
            .iter()
            .zip(&self.counts)
            .try_fold(0, |number, (&at, &count)| {
                (at < count).then(|| number * count + at)
            })
    }

    /// Whether a chunk reaches beyond the edge of a dataset of this shape.
    fn is_at_edge(&self, coords: &[u64], shape: &[u64]) -> bool {
        coords
            .iter()
            .zip(&self.chunk)
            .zip(shape)
            .any(|((&at, &chunk), &len)| (at + 1).saturating_mul(chunk) > len)
    }
}

/// The chunks that were found so far.
struct Found<'a> {
    file: &'a File,
    grid: &'a Grid,
    filtered: bool,
    /// Filters are skipped for chunks that reach beyond the edge of this shape.
    plain_edges: Option<&'a [u64]>,
    table: Vec<(u64, Chunk)>,
    /// How many entries the file can hold still, those of chunks that were never written among them.
    left: u64,
}

impl Found<'_> {
    /// Adds a chunk; one outside of the grid belongs to a dataset that became smaller.
    fn add(&mut self, coords: &[u64], chunk: Chunk) -> Result<()> {
        self.left = self.left.checked_sub(1).ok_or_else(|| Error::Limit {
            place: "index of chunks".to_owned(),
            most: self.file.len(),
            claimed: u64::MAX,
        })?;
        let mut chunk = chunk;
        let Some(number) = self.grid.number(coords) else {
            return Ok(());
        };
        if chunk.address == UNDEFINED {
            return Ok(());
        }
        if self
            .plain_edges
            .is_some_and(|shape| self.grid.is_at_edge(coords, shape))
        {
            chunk.filter_mask = u32::MAX;
        }
        self.table.push((number, chunk));
        Ok(())
    }

    /// The entry of an array: an address, and with filters a size and a mask.
    fn entry(&self, cursor: &mut crate::cursor::Cursor<'_>, entry_bytes: usize) -> Result<Chunk> {
        let address_bytes = cursor.sizes().address;
        let address = cursor.address()?;
        if !self.filtered {
            return Ok(Chunk {
                address,
                bytes: self.grid.chunk_bytes,
                filter_mask: 0,
            });
        }
        let width = entry_bytes.saturating_sub(address_bytes + 4);
        Ok(Chunk {
            address,
            bytes: cursor.uint(width)?,
            filter_mask: cursor.u32()?,
        })
    }
}

impl ChunkIndex {
    pub(crate) fn build(
        file: &File,
        chunked: &Chunked,
        grid: Grid,
        shape: &[u64],
        filtered: bool,
    ) -> Result<Self> {
        let mut found = Found {
            file,
            grid: &grid,
            filtered,
            plain_edges: chunked.plain_edges.then_some(shape),
            table: Vec::new(),
            left: file.len() / file.sizes().address as u64,
        };
        match chunked.index {
            Index::BTree1(UNDEFINED)
            | Index::Implicit(UNDEFINED)
            | Index::Fixed(UNDEFINED)
            | Index::Extensible(UNDEFINED)
            | Index::BTree2(UNDEFINED) => {}
            Index::Single { address, filtered } => {
                let (bytes, filter_mask) = filtered.unwrap_or((grid.chunk_bytes, 0));
                let chunk = Chunk {
                    address,
                    bytes,
                    filter_mask,
                };
                found.add(&vec![0; grid.chunk.len()], chunk)?;
            }
            Index::Implicit(address) => {
                let numbering = bounded(&grid)?;
                return Ok(Self {
                    grid,
                    places: Places::Implicit { address, numbering },
                });
            }
            Index::BTree1(address) => trees::version1(&mut found, address)?,
            Index::BTree2(address) => trees::version2(&mut found, address)?,
            Index::Fixed(address) => arrays::fixed(&mut found, address)?,
            Index::Extensible(address) => extensible::read(&mut found, address)?,
        }
        let mut table = found.table;
        table.sort_by_key(|(number, _)| *number);
        table.dedup_by_key(|(number, _)| *number);
        table.shrink_to_fit();
        Ok(Self {
            grid,
            places: Places::Table(table),
        })
    }

    /// Chunks along each axis.
    pub fn counts(&self) -> &[u64] {
        &self.grid.counts
    }

    /// Chunks that the dataset has room for.
    pub fn total(&self) -> u64 {
        self.grid.total
    }

    /// Chunks that were written.
    pub fn written(&self) -> u64 {
        match &self.places {
            Places::Table(table) => table.len() as u64,
            Places::Implicit { .. } => self.grid.total,
        }
    }

    /// Where a chunk is, by its place in units of chunks; `None` if it was never written or is outside.
    pub fn get(&self, coords: &[u64]) -> Option<Chunk> {
        let number = self.grid.number(coords)?;
        match &self.places {
            Places::Table(table) => {
                // A dataset whose chunks are all there needs no search.
                let direct = usize::try_from(number).ok().and_then(|at| table.get(at));
                if let Some((found, chunk)) = direct
                    && *found == number
                {
                    return Some(*chunk);
                }
                let at = table
                    .binary_search_by_key(&number, |(number, _)| *number)
                    .ok()?;
                Some(table[at].1)
            }
            Places::Implicit { address, numbering } => {
                let number = number_of(coords, numbering)?;
                let offset = number.checked_mul(self.grid.chunk_bytes)?;
                Some(Chunk {
                    address: address.checked_add(offset)?,
                    bytes: self.grid.chunk_bytes,
                    filter_mask: 0,
                })
            }
        }
    }

    /// The chunks that were written and are listed one by one.
    pub(crate) fn all(&self) -> impl Iterator<Item = Chunk> {
        let listed = match &self.places {
            Places::Table(table) => table.as_slice(),
            Places::Implicit { .. } => &[],
        };
        listed.iter().map(|(_, chunk)| *chunk)
    }

    pub(crate) fn grid(&self) -> &Grid {
        &self.grid
    }
}

/// Chunks along each axis of a dataset that cannot grow without limit.
fn bounded(grid: &Grid) -> Result<Vec<u64>> {
    let counts: Option<Vec<u64>> = grid.most.iter().copied().collect();
    counts.ok_or_else(|| Error::malformed("index of chunks", 0, "axes with a limit", "one without"))
}

fn number_of(coords: &[u64], counts: &[u64]) -> Option<u64> {
    coords
        .iter()
        .zip(counts)
        .try_fold(0_u64, |number, (&at, &count)| {
            number.checked_mul(count)?.checked_add(at)
        })
}

/// The place of the chunk with a number, the last axis fastest.
fn coords_of(mut number: u64, counts: &[u64]) -> Vec<u64> {
    let mut coords = vec![0; counts.len()];
    for (at, &count) in coords.iter_mut().zip(counts).rev() {
        let count = count.max(1);
        *at = number % count;
        number /= count;
    }
    coords
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_numbered_with_the_last_axis_fastest() {
        let grid = Grid::new("a", &[5, 7], &[Some(5), None], &[2, 3], 4).unwrap();
        assert_eq!(grid.counts, [3, 3]);
        assert_eq!(grid.chunk_bytes, 24);
        assert_eq!(grid.number(&[1, 2]), Some(5));
        assert_eq!(grid.number(&[3, 0]), None);
        assert_eq!(coords_of(5, &grid.counts), [1, 2]);
        assert_eq!(number_of(&[1, 2], &grid.counts), Some(5));
        assert!(grid.is_at_edge(&[2, 0], &[5, 7]));
        assert!(!grid.is_at_edge(&[1, 1], &[5, 7]));
        assert!(bounded(&grid).is_err());
        let huge = Grid::new("a", &[u64::MAX; 2], &[None; 2], &[1, 1], 4);
        assert!(huge.is_err());
    }
}
