//! Reading boxes of elements, from wherever they are kept.

use xscatter_codecs::hdf5_filters::{self, Filter as Coded};

use crate::boxes;
use crate::chunk_index::Chunk;
use crate::cursor::UNDEFINED;
use crate::dataset::Dataset;
use crate::error::{Error, Result};
use crate::layout::Layout;
use crate::stated;
use crate::virtual_dataset;

/// Memory that is used again from read to read: keep one a thread.
///
/// It grows to the largest stored chunk, and where a box is not a chunk to the largest chunk.
#[derive(Debug, Default)]
pub struct Scratch {
    codecs: xscatter_codecs::Scratch,
    raw: Vec<u8>,
    chunk: Vec<u8>,
    /// Part of a virtual dataset on its way to its place.
    pub(crate) piece: Vec<u8>,
}

impl Dataset {
    /// Reads a box of elements as they stand in the file: `count` along each axis from `start`.
    /// Elements that were never written get the fill value. A chunk that is the box is decoded straight
    /// into `out`.
    ///
    /// # Errors
    /// If the box is not within the dataset, `out` has another size, or the elements cannot be read.
    pub fn read_into(
        &self,
        start: &[u64],
        count: &[u64],
        out: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<()> {
        self.read_box(start, count, out, scratch, 0)
    }

    /// Whether every element of a box was written and lies within the file: what a series that was
    /// cut off still has. Of a virtual dataset nothing is looked up, and it says yes.
    ///
    /// # Errors
    /// If the box is not within the dataset, or the index of its chunks is broken.
    pub fn is_written(&self, start: &[u64], count: &[u64]) -> Result<bool> {
        let bytes = self.bytes_of(start, count)?;
        match self.layout() {
            _ if bytes == 0 => Ok(true),
            Layout::Compact(_) | Layout::Virtual { .. } => Ok(true),
            Layout::Contiguous { address } => {
                let zeros = vec![0; count.len()];
                let width = self.datatype().bytes() as u64;
                let mut last = 0;
                let _: Result<()> = boxes::runs(
                    (self.shape(), start),
                    (count, &zeros),
                    count,
                    |from, _, len| {
                        last = last.max((from + len).saturating_mul(width));
                        Ok(())
                    },
                );
                Ok(self.file().check("elements", *address, last).is_ok())
            }
            Layout::Chunked(_) => {
                let index = self.chunks()?;
                let (first, spread) = touched(&index.grid().chunk, start, count);
                let mut step = vec![0; count.len()];
                loop {
                    let coords: Vec<u64> = first.iter().zip(&step).map(|(a, b)| a + b).collect();
                    let is_there = index.get(&coords).is_some_and(|chunk| {
                        self.file()
                            .check("chunk", chunk.address, chunk.bytes)
                            .is_ok()
                    });
                    if !is_there || !boxes::step(&mut step, &spread) {
                        return Ok(is_there);
                    }
                }
            }
        }
    }

    /// `depth` counts the virtual datasets that led here.
    pub(crate) fn read_box(
        &self,
        start: &[u64],
        count: &[u64],
        out: &mut [u8],
        scratch: &mut Scratch,
        depth: usize,
    ) -> Result<()> {
        let bytes = self.bytes_of(start, count)?;
        if bytes != out.len() as u64 {
            return Err(Error::Argument {
                place: self.path().to_owned(),
                expected: format!("room for {bytes} bytes"),
                got: out.len().to_string(),
            });
        }
        if bytes == 0 {
            return Ok(());
        }
        match self.layout() {
            Layout::Compact(stored) => self.copy_stored(stored, start, count, out),
            Layout::Contiguous { address: UNDEFINED } => {
                self.fill(out);
                Ok(())
            }
            Layout::Contiguous { address } => self.read_contiguous(*address, start, count, out),
            Layout::Chunked(_) => self.read_chunks(start, count, out, scratch),
            Layout::Virtual { .. } => {
                virtual_dataset::read(self, start, count, out, scratch, depth)
            }
        }
    }

    /// Writes the fill value everywhere.
    pub(crate) fn fill(&self, out: &mut [u8]) {
        match self.fill_value() {
            Some(fill) if fill.iter().any(|&byte| byte != 0) => {
                for element in out.chunks_exact_mut(fill.len()) {
                    element.copy_from_slice(fill);
                }
            }
            _ => out.fill(0),
        }
    }

    fn copy_stored(
        &self,
        stored: &[u8],
        start: &[u64],
        count: &[u64],
        out: &mut [u8],
    ) -> Result<()> {
        let width = self.datatype().bytes() as u64;
        let whole = boxes::elements(self.shape()).and_then(|n| n.checked_mul(width));
        if whole != Some(stored.len() as u64) {
            return Err(Error::Truncated {
                what: "compact dataset",
                address: 0,
                expected: whole.unwrap_or(u64::MAX),
                found: stored.len() as u64,
            });
        }
        let zeros = vec![0; count.len()];
        boxes::runs(
            (self.shape(), start),
            (count, &zeros),
            count,
            |from, to, len| {
                let [from, to, len] = [from, to, len].map(|n| (n * width) as usize);
                out[to..to + len].copy_from_slice(&stored[from..from + len]);
                Ok(())
            },
        )
    }

    fn read_contiguous(
        &self,
        address: u64,
        start: &[u64],
        count: &[u64],
        out: &mut [u8],
    ) -> Result<()> {
        const WHAT: &str = "contiguous dataset";
        let width = self.datatype().bytes() as u64;
        let zeros = vec![0; count.len()];
        boxes::runs(
            (self.shape(), start),
            (count, &zeros),
            count,
            |from, to, len| {
                let place = from
                    .checked_mul(width)
                    .and_then(|offset| offset.checked_add(address))
                    .unwrap_or(UNDEFINED);
                let [to, len] = [to, len].map(|n| (n * width) as usize);
                self.file().read_into(WHAT, place, &mut out[to..to + len])
            },
        )
    }

    fn read_chunks(
        &self,
        start: &[u64],
        count: &[u64],
        out: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<()> {
        let index = self.chunks()?;
        let shape = index.grid().chunk.as_slice();
        let width = self.datatype().bytes() as u64;
        let (first, spread) = touched(shape, start, count);
        let mut step = vec![0; count.len()];
        // Where the part of a chunk begins in the chunk and in the box, and its size.
        let (mut inside, mut target) = (vec![0; count.len()], vec![0; count.len()]);
        let mut part = vec![0; count.len()];
        loop {
            let coords: Vec<u64> = first.iter().zip(&step).map(|(a, b)| a + b).collect();
            for axis in 0..count.len() {
                let low = coords[axis] * shape[axis];
                let from = low.max(start[axis]);
                let to = low
                    .saturating_add(shape[axis])
                    .min(start[axis] + count[axis]);
                inside[axis] = from - low;
                target[axis] = from - start[axis];
                part[axis] = to - from;
            }
            match index.get(&coords) {
                Some(chunk) if part == shape && count == shape => {
                    return self.decode(chunk, &coords, out, scratch);
                }
                Some(chunk) => {
                    let mut decoded = std::mem::take(&mut scratch.chunk);
                    let result = self
                        .decode_into_scratch(chunk, &coords, &mut decoded, scratch)
                        .and_then(|()| {
                            boxes::runs(
                                (shape, &inside),
                                (count, &target),
                                &part,
                                |from, to, len| {
                                    let [from, to, len] =
                                        [from, to, len].map(|n| (n * width) as usize);
                                    out[to..to + len].copy_from_slice(&decoded[from..from + len]);
                                    Ok(())
                                },
                            )
                        });
                    scratch.chunk = decoded;
                    result?;
                }
                None => boxes::runs((shape, &inside), (count, &target), &part, |_, to, len| {
                    let [to, len] = [to, len].map(|n| (n * width) as usize);
                    self.fill(&mut out[to..to + len]);
                    Ok(())
                })?,
            }
            if !boxes::step(&mut step, &spread) {
                return Ok(());
            }
        }
    }

    fn coded(&self) -> Vec<Coded<'_>> {
        self.filters().iter().map(|filter| filter.coded()).collect()
    }

    fn decode_into_scratch(
        &self,
        chunk: Chunk,
        coords: &[u64],
        decoded: &mut Vec<u8>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        self.file().check("chunk", chunk.address, chunk.bytes)?;
        let wanted = self.chunks()?.grid().chunk_bytes;
        let most = self.most_of(chunk, &self.coded());
        if wanted > most {
            return Err(Error::Limit {
                place: format!("chunk {coords:?} of {}", self.path()),
                most,
                claimed: wanted,
            });
        }
        decoded.resize(wanted as usize, 0);
        self.decode(chunk, coords, decoded, scratch)
    }

    /// Decodes a chunk into `out`, which has its size.
    fn decode(
        &self,
        chunk: Chunk,
        coords: &[u64],
        out: &mut [u8],
        scratch: &mut Scratch,
    ) -> Result<()> {
        const WHAT: &str = "chunk";
        let filters = self.coded();
        let skipped = |index: usize| index < 32 && chunk.filter_mask & (1 << index) != 0;
        if (0..filters.len()).all(skipped) {
            if chunk.bytes != out.len() as u64 {
                return Err(Error::Truncated {
                    what: WHAT,
                    address: chunk.address,
                    expected: out.len() as u64,
                    found: chunk.bytes,
                });
            }
            return self.file().read_into(WHAT, chunk.address, out);
        }
        self.file().check(WHAT, chunk.address, chunk.bytes)?;
        let len = chunk.bytes as usize;
        if scratch.raw.len() < len {
            scratch.raw.resize(len, 0);
        }
        let raw = &mut scratch.raw[..len];
        self.file().read_into(WHAT, chunk.address, raw)?;
        let width = self.datatype().bytes();
        hdf5_filters::decode_pipeline(
            raw,
            &filters,
            chunk.filter_mask,
            width,
            out,
            &mut scratch.codecs,
        )
        .map_err(|source| Error::Chunk {
            place: self.path().to_owned(),
            chunk: coords.to_vec(),
            source,
        })
    }

    /// The most bytes that a stored chunk can become. Filters that shrink without a useful bound are
    /// believed what they state, up to that bound, and without a statement a ratio as of deflate.
    fn most_of(&self, chunk: Chunk, filters: &[Coded<'_>]) -> u64 {
        const USEFUL_RATIO: u64 = 1032;
        let left = self.file().len().saturating_sub(chunk.address);
        let stored = usize::try_from(chunk.bytes.min(left)).unwrap_or(usize::MAX);
        let most = hdf5_filters::largest_output(stored, filters, chunk.filter_mask) as u64;
        let useful = (stored as u64).saturating_mul(USEFUL_RATIO);
        if most <= useful {
            return most;
        }
        let mut head = [0; stated::HEAD];
        let head = &mut head[..stored.min(stated::HEAD)];
        if self.file().read_into("chunk", chunk.address, head).is_err() {
            return 0;
        }
        let stated = stated::size(head, filters, chunk.filter_mask);
        most.min(stated.unwrap_or(useful))
    }

    /// The most bytes that the stored chunks of a box can become.
    pub(crate) fn most_of_chunks(&self, start: &[u64], count: &[u64]) -> Result<u64> {
        let index = self.chunks()?;
        let grid = index.grid();
        let filters = self.coded();
        let (first, spread) = touched(&grid.chunk, start, count);
        let most = |chunk: Chunk| self.most_of(chunk, &filters).min(grid.chunk_bytes);
        // A box of more chunks than were written is not walked through.
        let boxed = boxes::elements(&spread);
        if boxed.is_none_or(|boxed| boxed > index.written()) {
            return Ok(index.all().map(most).fold(0, u64::saturating_add));
        }
        let mut step = vec![0; count.len()];
        let mut sum = 0_u64;
        loop {
            let coords: Vec<u64> = first.iter().zip(&step).map(|(a, b)| a + b).collect();
            sum = sum.saturating_add(index.get(&coords).map_or(0, most));
            if !boxes::step(&mut step, &spread) {
                return Ok(sum);
            }
        }
    }
}

/// The first chunk of a box, and over how many chunks it goes along each axis.
fn touched(chunk: &[u64], start: &[u64], count: &[u64]) -> (Vec<u64>, Vec<u64>) {
    let first: Vec<u64> = start.iter().zip(chunk).map(|(&s, &c)| s / c).collect();
    let spread = first
        .iter()
        .zip(chunk)
        .zip(start.iter().zip(count))
        .map(|((&first, &chunk), (&start, &count))| (start + count.max(1) - 1) / chunk - first + 1)
        .collect();
    (first, spread)
}
