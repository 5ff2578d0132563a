//! Opening one file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use xscatter_codecs::md5;
use xscatter_core::{Error, Frame, FrameInfo, FrameSource, Mask, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::format::{self, Format};
use crate::header::{self, Header};
use crate::metadata::Metadata;
use crate::pixels::{Dtype, Pixels};
use crate::raw::RawFrame;
use crate::sentinel::{self, SentinelPolicy};
use crate::{ge, raw_binary};

/// Opens a detector file; its format is found by its content.
///
/// Headers are read, pixels are not: those are read frame by frame. A file packed with gzip or
/// bzip2 (`.edf.gz`, `.cbf.bz2`) is unpacked in memory. Headerless files are opened by a sidecar
/// beside them (module [`raw_binary`]).
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
    Blob::new(path, &config.limits)
        .and_then(|blob| identify_and_open(&blob, config))
        .map_err(|error| error.in_file(path))
}

/// Opens the content of a detector file that is in memory already: from an archive, a socket, a
/// message queue. `name` stands in errors and beside the frames.
///
/// Pixels that lie in another file are not found.
///
/// # Errors
/// As [`open`].
pub fn open_bytes(
    name: impl AsRef<Path>,
    bytes: Vec<u8>,
    config: &ReadConfig,
) -> Result<DetectorFile> {
    let name = name.as_ref();
    Blob::in_memory(name, bytes, &config.limits)
        .and_then(|blob| identify_and_open(&blob, config))
        .map_err(|error| error.in_file(name))
}

pub(crate) fn identify_and_open(blob: &Blob, config: &ReadConfig) -> Result<DetectorFile> {
    let file = |format, opened| DetectorFile {
        path: blob.path().to_path_buf(),
        format,
        opened,
    };
    if config.raw.is_some() {
        return Ok(file(Format::Raw, raw_binary::open(blob, config)?));
    }
    let head = blob.open()?.head(format::HEAD)?;
    let found = format::identify(&head);
    // Pixels can begin like any file: a sidecar knows better where the name or the content leaves it
    // open. Zeros are the blanked header of a GE file, and the corner of many an image.
    let is_open = match &found {
        Ok(_) => ge::is_blank(&head),
        Err(_) => format::is_unknown_binary(&head),
    };
    let may_be_raw = is_open || raw_binary::has_name(blob.path());
    if may_be_raw && let Some(opened) = raw_binary::open_by_sidecar(blob, config)? {
        return Ok(file(Format::Raw, opened));
    }
    let entry = found.map_err(|error| {
        if !may_be_raw {
            return error;
        }
        let advice = raw_binary::advice(blob.path());
        Error::new(error.kind(), format!("{}; {advice}", error.message()))
    })?;
    Ok(file(entry.format, (entry.open)(blob, config)?))
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

/// What a file says about one of its frames.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    pub(crate) header: Arc<Header>,
    pub(crate) metadata: Arc<Metadata>,
    /// Which stored values are no counts; the count cut-off is that of the metadata.
    pub(crate) policy: SentinelPolicy,
    /// A mask beside the image.
    pub(crate) mask: Option<Arc<Mask>>,
    pub(crate) warnings: Vec<String>,
}

/// Reads the frames of an open file; indices are below [`Opened::frames`].
pub(crate) trait ReadFrame: Send + Sync {
    /// What the headers say about a frame; no pixel is read.
    fn about(&self, index: usize) -> Result<About>;

    /// Reads the pixels of a frame, through [`Pixels::fill`] where it can so that memory is used
    /// again; returns a warning if something is wrong with pixels that could be read all the same.
    fn pixels(&self, index: usize, pixels: &mut Pixels) -> Result<Option<String>>;

    /// As [`pixels`](Self::pixels), but a checksum may be left for the caller to compare, who can do so for
    /// several frames at once.
    fn pixels_unchecked(&self, index: usize, pixels: &mut Pixels) -> Result<Checked> {
        self.pixels(index, pixels).map(Checked::Now)
    }
}

/// Whether the stored bytes of a frame were compared with their checksum.
pub(crate) enum Checked {
    /// They were, or there is none; with a warning if they differ.
    Now(Option<String>),
    /// They were not.
    Later(Checksum),
}

/// Stored bytes, and the MD5 that their file states for them.
pub(crate) struct Checksum {
    pub(crate) stored: Vec<u8>,
    /// In base 64.
    pub(crate) stated: String,
}

impl Checksum {
    /// A warning if the digest of the stored bytes is another one than the file states.
    pub(crate) fn compare(&self, found: md5::Digest) -> Option<String> {
        let found = BASE64.encode(found);
        (found != self.stated).then(|| {
            let stated = header::value(&self.stated);
            format!("Content-MD5 is {stated}, that of the pixels is {found}")
        })
    }
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

    /// What the file states about a frame, each value with its key; no pixel is read.
    ///
    /// # Errors
    /// If the index is beyond the end or the header of the frame cannot be read.
    pub fn metadata(&self, index: usize) -> Result<Arc<Metadata>> {
        Ok(self.about(index)?.metadata)
    }

    /// Where a frame comes from and what its file says about it; no pixel is read.
    ///
    /// # Errors
    /// As [`metadata`](Self::metadata).
    pub fn info(&self, index: usize) -> Result<FrameInfo> {
        let about = self.about(index)?;
        Ok(self.info_of(index, &about))
    }

    /// Reads one frame as it is stored.
    ///
    /// # Errors
    /// If the index is beyond the end or the frame cannot be read.
    pub fn read_raw(&self, index: usize) -> Result<RawFrame> {
        let mut frame = RawFrame::default();
        self.read_raw_into(index, &mut frame)?;
        Ok(frame)
    }

    /// Reads one frame as it is stored, into the memory of an earlier one.
    ///
    /// # Errors
    /// As [`read_raw`](Self::read_raw); the frame is then unspecified.
    pub fn read_raw_into(&self, index: usize, frame: &mut RawFrame) -> Result<()> {
        let about = self.about(index)?;
        let warning = self.read_pixels(index, &mut frame.pixels)?;
        self.complete(index, about, frame);
        frame.info.warnings.extend(warning);
        Ok(())
    }

    /// As [`read_raw_into`](Self::read_raw_into); a checksum is given back instead of compared.
    pub(crate) fn read_unchecked_into(
        &self,
        index: usize,
        frame: &mut RawFrame,
    ) -> Result<Option<Checksum>> {
        let about = self.about(index)?;
        let checked = self
            .opened
            .reader
            .pixels_unchecked(index, &mut frame.pixels)
            .map_err(|error| self.named(index, error))?;
        self.complete(index, about, frame);
        Ok(match checked {
            Checked::Now(warning) => {
                frame.info.warnings.extend(warning);
                None
            }
            Checked::Later(checksum) => Some(checksum),
        })
    }

    /// Adds to the pixels of a frame their mask and what is said about them.
    fn complete(&self, index: usize, about: About, frame: &mut RawFrame) {
        let policy = SentinelPolicy {
            cutoff: about
                .metadata
                .count_cutoff
                .as_ref()
                .map(|cutoff| cutoff.value),
            ..about.policy
        };
        frame.mask = match (&about.mask, policy.mask(&frame.pixels)) {
            (Some(file), Some(markers)) => Some(Arc::new(sentinel::joined(file, &markers))),
            (Some(file), None) => Some(Arc::clone(file)),
            (None, markers) => markers.map(Arc::new),
        };
        frame.info = self.info_of(index, &about);
        frame.metadata = about.metadata;
    }

    /// Reads the stored pixels of one frame alone, into the memory of earlier ones: the fastest way,
    /// for those who know the mask already.
    ///
    /// # Errors
    /// As [`read_raw`](Self::read_raw); the pixels are then unspecified.
    pub fn read_pixels_into(&self, index: usize, pixels: &mut Pixels) -> Result<()> {
        self.check(index)?;
        self.read_pixels(index, pixels).map(drop)
    }

    fn check(&self, index: usize) -> Result<()> {
        self.check_index(index)
            .map_err(|error| error.in_file(&self.path))
    }

    fn about(&self, index: usize) -> Result<About> {
        self.check(index)?;
        self.opened
            .reader
            .about(index)
            .map_err(|error| self.named(index, error))
    }

    fn read_pixels(&self, index: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        self.opened
            .reader
            .pixels(index, pixels)
            .map_err(|error| self.named(index, error))
    }

    fn named(&self, index: usize, error: Error) -> Error {
        error.in_file(&self.path).at(format!("frame {index}"))
    }

    fn info_of(&self, index: usize, about: &About) -> FrameInfo {
        let metadata = &about.metadata;
        FrameInfo {
            path: Some(self.path.clone()),
            index,
            exposure_s: metadata.exposure_s.as_ref().map(|exposure| exposure.value),
            geometry: metadata.geometry().map(Arc::new),
            beam_centre_px: metadata.beam_centre_px.as_ref().map(|centre| centre.value),
            header: Arc::clone(&about.header),
            warnings: about.warnings.clone(),
            ..Default::default()
        }
    }
}

impl FrameSource for DetectorFile {
    fn len(&self) -> usize {
        self.opened.frames
    }

    fn read(&self, index: usize) -> Result<Frame> {
        self.read_raw(index)?
            .into_frame()
            .map_err(|error| self.named(index, error))
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
