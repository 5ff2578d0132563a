//! Opening one file.

use std::fmt;
use std::path::{Path, PathBuf};

use xscatter_core::{Error, Frame, FrameSource, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::format::{self, Format};
use crate::pixels::Dtype;
use crate::raw::RawFrame;

/// Opens a detector file; its format is found by its content.
///
/// Headers are read, pixels are not: those are read frame by frame. A gzipped file (`.edf.gz`,
/// `.cbf.gz`) is unpacked in memory for every frame that is read.
///
/// # Errors
/// If there is no such file, if it is no detector image, or if its header is malformed or claims
/// more than the file holds.
pub fn open(path: impl AsRef<Path>) -> Result<DetectorFile> {
    open_with(path, &ReadConfig::default())
}

/// Opens a detector file with limits and a mask policy of one's own.
///
/// # Errors
/// As [`open`].
pub fn open_with(path: impl AsRef<Path>, config: &ReadConfig) -> Result<DetectorFile> {
    let path = path.as_ref();
    identify_and_open(path, config).map_err(|error| error.in_file(path))
}

fn identify_and_open(path: &Path, config: &ReadConfig) -> Result<DetectorFile> {
    let blob = Blob::new(path, &config.limits)?;
    let head = blob.open()?.head(format::HEAD)?;
    let entry = format::identify(&head)?;
    Ok(DetectorFile {
        path: path.to_path_buf(),
        format: entry.format,
        opened: (entry.open)(&blob, config)?,
    })
}

/// What a format knows about a file once its headers are read.
pub(crate) struct Opened {
    pub(crate) shape: (usize, usize),
    pub(crate) dtype: Dtype,
    pub(crate) frames: usize,
    /// Other files that hold frames of this one.
    pub(crate) linked: Vec<PathBuf>,
    pub(crate) reader: Box<dyn ReadFrame>,
}

/// Reads one frame of an open file; the index is below [`Opened::frames`].
pub(crate) trait ReadFrame: Send + Sync {
    fn read(&self, index: usize) -> Result<RawFrame>;
}

/// An open detector file: a [`FrameSource`] that also gives the stored pixels.
pub struct DetectorFile {
    path: PathBuf,
    format: Format,
    opened: Opened,
}

impl DetectorFile {
    /// The format that was found.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows and columns of the first frame.
    pub fn shape(&self) -> (usize, usize) {
        self.opened.shape
    }

    /// The stored type of the pixels.
    pub fn dtype(&self) -> Dtype {
        self.opened.dtype
    }

    /// Other files that hold frames of this one: the data files of a DECTRIS master file.
    pub fn linked_files(&self) -> &[PathBuf] {
        &self.opened.linked
    }

    /// Reads one frame as it is stored.
    ///
    /// # Errors
    /// If the index is beyond the end or the frame cannot be read.
    pub fn read_raw(&self, index: usize) -> Result<RawFrame> {
        let name = |error: Error| error.in_file(&self.path).at(format!("frame {index}"));
        self.check_index(index)
            .map_err(|error| error.in_file(&self.path))?;
        self.opened.reader.read(index).map_err(name)
    }
}

impl FrameSource for DetectorFile {
    fn len(&self) -> usize {
        self.opened.frames
    }

    fn read(&self, index: usize) -> Result<Frame> {
        self.read_raw(index)?
            .into_frame()
            .map_err(|error| error.in_file(&self.path).at(format!("frame {index}")))
    }
}

impl fmt::Debug for DetectorFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DetectorFile")
            .field("path", &self.path)
            .field("format", &self.format)
            .field("frames", &self.opened.frames)
            .field("shape", &self.opened.shape)
            .field("dtype", &self.opened.dtype)
            .finish_non_exhaustive()
    }
}
