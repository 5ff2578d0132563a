//! HDF5: NeXus (NXsas, NXdetector), DECTRIS master files with their data files, LAMBDA.
//!
//! Which dataset is the image: the numbered parts of a DECTRIS series, then what the attributes `default`
//! and `signal` lead to, then what is called `data`, then what is shaped like an image; or the one that
//! the caller names ([`ReadConfig::dataset`]). Its last two axes are rows and columns, the others are
//! counted through with the last of them fastest, so that a dataset of two energy channels gives the
//! channels of the first exposure, then those of the second.
//!
//! External links are followed beside the master file first; if data files are missing at the end, or
//! the last one was not written to its end (an aborted series), the frames before are read with a
//! warning; modules of a LAMBDA detector in files of their own are joined; a frame of a virtual dataset whose file is missing is an error, where the C library would
//! give zeros. A `pixel_mask` beside the image is applied ([`ReadConfig::pixel_mask_bits`]), that of its
//! channel where there are several.
//!
//! Cost: a chunk that is a frame is decoded straight into its pixels, without a lock. A file with several
//! frames is held open, one with a single frame is not, so that a series of ten thousand files does not
//! run out of handles.

use std::sync::{Arc, Mutex, PoisonError};

use xscatter_core::{Error, ErrorKind, Mask, Result};
use xscatter_hdf5::{Dataset, File, Group, Scratch};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::header::Header;
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::Pixels;

mod channels;
mod container;
mod dataset;
mod facts;
mod find;
mod mask;
mod tiles;
mod tree;
mod write;

pub(crate) use container::{foreign, open as open_container};
pub(crate) use dataset::read_dataset;
pub(crate) use mask::from_bits as mask_from_bits;
use tree::{Array, Tree};
pub(crate) use write::write;

pub(crate) fn sniff(head: &[u8]) -> bool {
    const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";
    // A user block of 512 bytes, or of 512 times a power of two, may stand before the signature.
    [0, 512, 1024, 2048]
        .iter()
        .any(|&at| head.get(at..).is_some_and(|rest| rest.starts_with(MAGIC)))
}

struct Nexus {
    blob: Blob,
    /// Datasets that hold the frames one after another.
    parts: Vec<Part>,
    /// For each part the number of frames up to its end.
    ends: Vec<usize>,
    shape: (usize, usize),
    /// What differs from channel to channel; one where there are none.
    channels: Vec<Channel>,
    metadata: Arc<Metadata>,
    warnings: Vec<String>,
    /// Memory for decoding, of as many threads as read at once.
    scratches: Mutex<Vec<Scratch>>,
}

/// What is said of the frames of one channel.
struct Channel {
    header: Arc<Header>,
    mask: Option<Arc<Mask>>,
}

struct Part {
    path: String,
    shape: Vec<usize>,
    home: Home,
}

/// Where the dataset of a part is.
enum Home {
    Open(Dataset),
    /// Behind a link, by its name in a group; the container keeps a few of them open.
    Linked(Group, String),
    /// In a file that is opened for each frame.
    Closed,
}

impl Part {
    fn new(array: Array, file: Option<&File>, is_only: bool) -> Result<Self> {
        let home = match (file, array.dataset) {
            (None, _) => Home::Closed,
            (Some(_), Some(dataset)) => Home::Open(dataset),
            (Some(file), None) if is_only => {
                Home::Open(file.dataset(&array.path).map_err(foreign)?)
            }
            (Some(file), None) => {
                let (group, name) = array.path.rsplit_once('/').unwrap_or(("", &array.path));
                Home::Linked(file.group(group).map_err(foreign)?, name.to_owned())
            }
        };
        Ok(Self {
            path: array.path,
            shape: array.shape,
            home,
        })
    }
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let file = container::open(blob)?;
    let listing = Tree::read(&file);
    let found = match &config.dataset {
        Some(path) => find::named(&file, path)?,
        None => find::image(&file, &listing)?,
    };
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
    let mut scratch = Scratch::default();
    let header = facts::header(&listing);
    let channels = channels::names(&file, &first)
        .into_iter()
        .map(|name| {
            let mut header = header.clone();
            if let Some(name) = &name {
                header.insert(channels::key(&first), name.clone());
            }
            let near = (first.path.as_str(), name.as_deref());
            let mask = pixel_mask(&file, &listing, near, shape, config, &mut scratch)?;
            Ok(Channel {
                header: Arc::new(header),
                mask: mask.map(Arc::new),
            })
        })
        .collect::<Result<Vec<Channel>>>()?;
    let metadata = Arc::new(facts::stated(&listing, &first.path));
    let others = tiles::others(blob.path(), &listing);
    if !others.is_empty() && config.dataset.is_none() && blob.is_on_disk() {
        let about = About {
            header: Arc::clone(&channels[0].header),
            metadata: Arc::clone(&metadata),
            warnings: warnings.clone(),
            ..Default::default()
        };
        match tiles::join(blob, &others, config, about) {
            Ok(tiles) => {
                return Ok(Opened {
                    shape: tiles.shape,
                    dtype: first.dtype,
                    frames: tiles.frames,
                    linked: tiles.files.clone(),
                    reader: Box::new(tiles),
                });
            }
            Err(reason) => warnings.push(format!(
                "the modules beside this one are not joined with it: {reason}"
            )),
        }
    }
    let kept = (frames > 1).then_some(&file);
    let is_only = found.parts.len() == 1;
    let parts: Vec<Part> = found
        .parts
        .into_iter()
        .map(|array| Part::new(array, kept, is_only))
        .collect::<Result<_>>()?;
    let reader = Nexus {
        blob: blob.clone(),
        ends,
        shape,
        channels,
        metadata,
        warnings,
        parts,
        scratches: Mutex::new(vec![scratch]),
    };
    Ok(Opened {
        shape,
        dtype: first.dtype,
        frames,
        linked: listing.files,
        reader: Box::new(reader),
    })
}

fn image_shape(array: &Array, limits: &Limits) -> Result<(usize, usize)> {
    let rank = array.shape.len();
    let (rows, columns) = (array.shape[rank - 2], array.shape[rank - 1]);
    limits
        .check_shape(rows as u64, columns as u64)
        .map_err(|error| error.at(&array.path))
}

/// The `pixel_mask` nearest to the image, or that of its channel.
fn pixel_mask(
    file: &File,
    listing: &Tree,
    (image, channel): (&str, Option<&str>),
    shape: (usize, usize),
    config: &ReadConfig,
    scratch: &mut Scratch,
) -> Result<Option<Mask>> {
    let nearest = listing
        .arrays
        .iter()
        .filter(|array| tree::last(&array.path) == "pixel_mask")
        .filter_map(|array| Some((channels::distance(&array.path, channel)?, array)))
        .min_by_key(|(distance, array)| (*distance, tree::nearness(&array.path, image)));
    let Some((_, array)) = nearest else {
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
    let dataset = file.dataset(&array.path).map_err(foreign)?;
    let mut bits = Pixels::default();
    read_image(&dataset, 0, shape, &mut bits, scratch).map_err(|error| error.at(&array.path))?;
    Ok(mask::from_bits(&bits, config.pixel_mask_bits))
}

impl Nexus {
    fn read(&self, part: &Part, index: usize, pixels: &mut Pixels) -> Result<()> {
        let dataset = match &part.home {
            Home::Open(dataset) => dataset.clone(),
            Home::Linked(group, name) => group.dataset(name).map_err(foreign)?,
            Home::Closed => container::open(&self.blob)?
                .dataset(&part.path)
                .map_err(foreign)?,
        };
        let rank = part.shape.len();
        let shape: Vec<u64> = part.shape.iter().map(|&len| len as u64).collect();
        // The last part of an aborted series ends before its dataset does.
        let is_same = dataset.shape().len() == rank && dataset.shape()[1..] == shape[1..];
        if !is_same || dataset.shape()[0] < shape[0] {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected shape {shape:?} as at opening, found {:?}",
                    dataset.shape()
                ),
            ));
        }
        let pool = || {
            self.scratches
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        let mut scratch = pool().pop().unwrap_or_default();
        let result = read_image(&dataset, index, self.shape, pixels, &mut scratch);
        pool().push(scratch);
        result
    }
}

impl ReadFrame for Nexus {
    fn about(&self, index: usize) -> Result<About> {
        let channel = &self.channels[index % self.channels.len()];
        Ok(About {
            header: Arc::clone(&channel.header),
            metadata: Arc::clone(&self.metadata),
            mask: channel.mask.clone(),
            warnings: self.warnings.clone(),
            ..Default::default()
        })
    }

    fn pixels(&self, index: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let part = self.ends.partition_point(|&end| end <= index);
        let start = if part == 0 { 0 } else { self.ends[part - 1] };
        let part = &self.parts[part];
        self.read(part, index - start, pixels)
            .map_err(|error| error.at(&part.path))?;
        Ok(None)
    }
}

/// Reads one image of a dataset.
fn read_image(
    dataset: &Dataset,
    index: usize,
    shape: (usize, usize),
    pixels: &mut Pixels,
    scratch: &mut Scratch,
) -> Result<()> {
    let Some((dtype, order)) = tree::dtype(dataset.datatype()) else {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("expected numbers, found {}", dataset.datatype()),
        ));
    };
    let (start, count) = plane(dataset, index, shape);
    // Nothing is set aside beyond what is stored can become.
    dataset.check_size(&start, &count).map_err(foreign)?;
    pixels.fill(dtype, order, shape, |bytes| {
        dataset
            .read_into(&start, &count, bytes, scratch)
            .map_err(foreign)
    })
}

/// Where an image is in a dataset, and its size: the last of the leading axes (channels) runs fastest.
fn plane(dataset: &Dataset, index: usize, shape: (usize, usize)) -> (Vec<u64>, Vec<u64>) {
    let lead = dataset.shape().len().saturating_sub(2);
    let mut start = vec![0; lead + 2];
    let mut rest = index as u64;
    for axis in (0..lead).rev() {
        let len = dataset.shape()[axis].max(1);
        start[axis] = rest % len;
        rest /= len;
    }
    let mut count = vec![1; lead];
    count.extend([shape.0 as u64, shape.1 as u64]);
    (start, count)
}
