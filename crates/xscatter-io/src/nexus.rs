//! HDF5: NeXus (NXsas, NXdetector), DECTRIS master files with their data files, LAMBDA.
//!
//! rust-hdf5 finds its way in the container; chunks are read raw and decoded here (module
//! [`bitshuffle`](crate::bitshuffle)), outside its lock. What it alone can decode (virtual datasets,
//! rare filters) it decodes. External links are followed beside the master file first; if data files
//! are missing at the end (an aborted series), the frames before them are read with a warning; a frame of a virtual dataset whose file is missing is an
//! error, where the container alone would give zeros. A `pixel_mask` beside the image is applied
//! ([`ReadConfig::pixel_mask_bits`]). A file with several frames is held open, one with a single frame
//! is not, so that a series of ten thousand files does not run out of handles.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ndarray::Array2;
use rust_hdf5::{H5Dataset, H5File, StorageLayout};
use xscatter_core::{Error, ErrorKind, Mask, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::header::Header;
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{Dtype, Pixels};

mod chunk;
mod dataset;
mod facts;
mod find;
mod mask;
mod sources;
mod tree;
mod write;

pub(crate) use dataset::read_dataset;
pub(crate) use mask::from_bits as mask_from_bits;
use tree::{Array, Tree, foreign};
pub(crate) use write::write;

pub(crate) fn sniff(head: &[u8]) -> bool {
    const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";
    // A user block of 512 bytes, or of 512 times a power of two, may stand before the signature.
    [0, 512, 1024, 2048]
        .iter()
        .any(|&at| head.get(at..).is_some_and(|rest| rest.starts_with(MAGIC)))
}

struct Nexus {
    path: PathBuf,
    limits: Limits,
    /// Datasets that hold the frames one after another.
    parts: Vec<Array>,
    /// For each part the number of frames up to its end.
    ends: Vec<usize>,
    shape: (usize, usize),
    mask: Option<Arc<Mask>>,
    header: Arc<Header>,
    metadata: Arc<Metadata>,
    warnings: Vec<String>,
    file_bytes: u64,
    kept_open: Option<H5File>,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    check_plain(blob)?;
    let path = blob.path();
    let file = tree::open(path)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let listing = Tree::read(&file, folder);
    let found = find::image(&file, &listing)?;
    let first = found.parts[0].clone();
    let shape = image_shape(&first, &config.limits)?;
    let mut ends = Vec::with_capacity(found.parts.len());
    let mut frames = 0_u64;
    for part in &found.parts {
        let lead = &part.shape[..part.shape.len() - 2];
        let count = lead
            .iter()
            .try_fold(1_u64, |n, &dim| n.checked_mul(dim as u64))
            .unwrap_or(u64::MAX);
        frames = frames.saturating_add(count);
        ends.push(config.limits.check_frames(frames)?);
    }
    let frames = frames as usize;

    let mut warnings: Vec<String> = found.warning.into_iter().collect();
    let number = |name: &str| {
        listing
            .number(&[name], &first.path)
            .map(|found| found.value)
    };
    if let Some(planned) = number("nimages") {
        let planned = planned * number("ntrigger").unwrap_or(1.0);
        if planned > frames as f64 && warnings.is_empty() && found.parts.len() > 1 {
            warnings.push(format!(
                "{frames} frames of {planned} planned ones are there"
            ));
        }
    }
    let file_bytes = blob.open()?.len();
    let mask = pixel_mask(&file, &listing, &first.path, shape, config, file_bytes)?;
    let reader = Nexus {
        path: path.to_path_buf(),
        limits: config.limits,
        ends,
        shape,
        mask: mask.map(Arc::new),
        header: Arc::new(facts::header(&listing)),
        metadata: Arc::new(facts::stated(&listing, &first.path)),
        warnings,
        parts: found.parts,
        file_bytes,
        kept_open: (frames > 1).then_some(file),
    };
    Ok(Opened {
        shape,
        dtype: first.dtype,
        frames,
        linked: listing.files,
        reader: Box::new(reader),
    })
}

/// Refuses what the container cannot open.
fn check_plain(blob: &Blob) -> Result<()> {
    if !blob.is_plain_file() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "expected an HDF5 file on disk, found a compressed one or one in memory: unpack it first",
        ));
    }
    Ok(())
}

fn image_shape(array: &Array, limits: &Limits) -> Result<(usize, usize)> {
    let rank = array.shape.len();
    let (rows, columns) = (array.shape[rank - 2], array.shape[rank - 1]);
    limits
        .check_shape(rows as u64, columns as u64)
        .map_err(|error| error.at(&array.path))
}

/// The `pixel_mask` nearest to the image.
fn pixel_mask(
    file: &H5File,
    listing: &Tree,
    image: &str,
    shape: (usize, usize),
    config: &ReadConfig,
    file_bytes: u64,
) -> Result<Option<Mask>> {
    let nearest = listing
        .arrays
        .iter()
        .filter(|array| tree::last(&array.path) == "pixel_mask")
        .min_by_key(|array| tree::nearness(&array.path, image));
    let Some(array) = nearest else {
        return Ok(None);
    };
    let found = image_shape(array, &config.limits)?;
    if found != shape {
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "expected a pixel mask of {}x{} pixels as the image, found {}x{}",
                shape.0, shape.1, found.0, found.1
            ),
        )
        .at(&array.path));
    }
    let bits = read_image(file, array, 0, shape, &config.limits, file_bytes)?;
    Ok(mask::from_bits(&bits, config.pixel_mask_bits))
}

impl ReadFrame for Nexus {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.header),
            metadata: Arc::clone(&self.metadata),
            mask: self.mask.clone(),
            warnings: self.warnings.clone(),
            ..Default::default()
        })
    }

    fn pixels(&self, index: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let part = self.ends.partition_point(|&end| end <= index);
        let start = if part == 0 { 0 } else { self.ends[part - 1] };
        let reopened;
        let file = if let Some(file) = &self.kept_open {
            file
        } else {
            reopened = tree::open(&self.path)?;
            &reopened
        };
        let (array, place) = (&self.parts[part], index - start);
        let (shape, bytes) = (self.shape, self.file_bytes);
        *pixels = read_image(file, array, place, shape, &self.limits, bytes)?;
        Ok(None)
    }
}

/// Reads one image of a dataset.
fn read_image(
    file: &H5File,
    array: &Array,
    index: usize,
    shape: (usize, usize),
    limits: &Limits,
    file_bytes: u64,
) -> Result<Pixels> {
    let at = |error: Error| error.at(&array.path);
    let dataset = file.dataset(&array.path).map_err(foreign).map_err(at)?;
    if dataset.shape() != array.shape {
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "expected shape {:?} as at opening, found {:?}",
                array.shape,
                dataset.shape()
            ),
        )
        .at(&array.path));
    }
    // Which image along the leading axes: the last of them (channels) runs fastest.
    let lead_dims = &array.shape[..array.shape.len() - 2];
    let mut lead = vec![0; lead_dims.len()];
    let mut rest = index;
    for (place, &dim) in lead.iter_mut().zip(lead_dims).rev() {
        *place = rest % dim;
        rest /= dim;
    }
    let along = lead.first().map_or(0, |&place| place as u64);
    let touches = |part: &&sources::Absent| (part.first..=part.last).contains(&along);
    if let Some(absent) = array.absent.iter().find(touches) {
        return Err(Error::new(
            ErrorKind::Io,
            format!("expected the data file {}, which is not there", absent.file),
        )
        .at(&array.path));
    }
    let bytes = read_chunks(&dataset, array, &lead, shape, limits).map_err(at)?;
    let pixels = match bytes {
        Some(bytes) => Pixels::from_bytes(&bytes, array.dtype, array.order, shape),
        None => read_slice(&dataset, array, &lead, shape, file_bytes).map_err(at)?,
    };
    pixels.ok_or_else(|| {
        Error::new(ErrorKind::Malformed, "the pixels do not fill the shape").at(&array.path)
    })
}

/// Reads the chunks of one image and decodes them here; `None` if that is the container's task.
fn read_chunks(
    dataset: &H5Dataset,
    array: &Array,
    lead: &[usize],
    shape: (usize, usize),
    limits: &Limits,
) -> Result<Option<Vec<u8>>> {
    let (true, Some(chunk)) = (dataset.is_chunked(), dataset.chunk_dims()) else {
        return Ok(None);
    };
    let filters = dataset.filters().map_err(foreign)?;
    if !chunk::is_ours(&filters) || chunk.len() != array.shape.len() || chunk.contains(&0) {
        return Ok(None);
    }
    let width = array.dtype.bytes();
    let chunk_bytes = chunk
        .iter()
        .try_fold(width, |n, &dim| n.checked_mul(dim))
        .filter(|&bytes| bytes <= limits.max_pixels.saturating_mul(8))
        .ok_or_else(|| {
            Error::new(
                ErrorKind::LimitExceeded,
                format!("expected chunks within the limits, found {chunk:?}"),
            )
        })?;
    let rank = lead.len();
    let (chunk_rows, chunk_columns) = (chunk[rank], chunk[rank + 1]);
    // Where the image starts within a chunk that holds several.
    let mut inside = 0;
    let mut coords = Vec::with_capacity(rank + 2);
    for (&place, &dim) in lead.iter().zip(&chunk) {
        coords.push(place / dim);
        inside = inside * dim + place % dim;
    }
    coords.extend([0, 0]);
    let start = inside * chunk_rows * chunk_columns * width;

    let one_chunk = (chunk_rows, chunk_columns) == shape && chunk[..rank].iter().all(|&d| d == 1);
    let mut image = Vec::new();
    for tile_row in 0..shape.0.div_ceil(chunk_rows) {
        for tile_column in 0..shape.1.div_ceil(chunk_columns) {
            (coords[rank], coords[rank + 1]) = (tile_row, tile_column);
            // A chunk that was never written holds the fill value, which the container knows.
            let Ok((raw, skipped)) = dataset.read_chunk_raw_at(&coords) else {
                return Ok(None);
            };
            let decoded = chunk::decode(raw, &filters, skipped, width, chunk_bytes)
                .map_err(|error| error.at(format!("chunk {coords:?} of {}", array.path)))?;
            if one_chunk {
                return Ok(Some(decoded));
            }
            if image.is_empty() {
                image = vec![0; shape.0 * shape.1 * width];
            }
            let (row, column) = (tile_row * chunk_rows, tile_column * chunk_columns);
            let columns = chunk_columns.min(shape.1 - column);
            for line in 0..chunk_rows.min(shape.0 - row) {
                let from = start + line * chunk_columns * width;
                let to = ((row + line) * shape.1 + column) * width;
                image[to..to + columns * width]
                    .copy_from_slice(&decoded[from..from + columns * width]);
            }
        }
    }
    Ok(Some(image))
}

/// Lets the container read and decode one image.
fn read_slice(
    dataset: &H5Dataset,
    array: &Array,
    lead: &[usize],
    shape: (usize, usize),
    file_bytes: u64,
) -> Result<Option<Pixels>> {
    let frame_bytes = (shape.0 * shape.1 * array.dtype.bytes()) as u64;
    let contiguous = dataset.storage_layout().map_err(foreign)? == StorageLayout::Contiguous;
    if contiguous && !array.linked && frame_bytes > file_bytes {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!("expected {frame_bytes} bytes of pixels, found a file of {file_bytes}"),
        ));
    }
    let mut starts = lead.to_vec();
    starts.extend([0, 0]);
    let mut counts = vec![1; lead.len()];
    counts.extend([shape.0, shape.1]);
    macro_rules! slice {
        ($kind:ident) => {
            Array2::from_shape_vec(
                shape,
                dataset.read_slice(&starts, &counts).map_err(foreign)?,
            )
            .ok()
            .map(Pixels::$kind)
        };
    }
    Ok(match array.dtype {
        Dtype::Bool | Dtype::U8 => slice!(U8),
        Dtype::I8 => slice!(I8),
        Dtype::U16 => slice!(U16),
        Dtype::I16 => slice!(I16),
        Dtype::U32 => slice!(U32),
        Dtype::I32 => slice!(I32),
        Dtype::U64 => slice!(U64),
        Dtype::I64 => slice!(I64),
        Dtype::F32 => slice!(F32),
        Dtype::F64 => slice!(F64),
    })
}
