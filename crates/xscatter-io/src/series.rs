//! Many files as one source of frames.
//!
//! A series keeps of each file its path, shape and number of frames, and opens it again when a frame is
//! asked for; the few files with several frames that were read last stay open. What a series of any
//! length holds is therefore a hundred bytes a file and the frames in flight.

use std::collections::{BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use xscatter_codecs::md5;
use xscatter_core::{Error, ErrorKind, Frame, FrameSource, Result};

use crate::config::ReadConfig;
use crate::format::Format;
use crate::open::{DetectorFile, open_with};
use crate::pixels::Dtype;
use crate::raw::RawFrame;
use crate::walk;

/// How many files with several frames stay open.
const KEPT_OPEN: usize = 4;

/// How many frames a thread reads before it compares their checksums: MD5 takes most of the time of a CBF,
/// and eight at once take little more than one.
const CHECKED_AT_ONCE: usize = 8;

/// A path that gave no frames, and why.
#[derive(Debug)]
pub struct Skipped {
    /// The file or folder.
    pub path: PathBuf,
    /// What was wrong with it.
    pub error: Error,
}

/// Files, folders and patterns as one source; opening it never fails as a whole.
///
/// - A folder is walked to the bottom, in natural order (`scan_9` before `scan_10`); hidden files
///   (`.name`) are passed over in silence.
/// - A path that does not exist and holds `*`, `?` or `[` is a pattern: `scan_*/frame_*.cbf`.
/// - `@list.txt` stands for the paths in the lines of that file, relative to it.
///
/// Whatever cannot be opened is [`Skipped`] with its reason: one bad file is not the end of a series.
/// The headers of all files are read once, in parallel; pixels are read when a frame is asked for. A
/// DECTRIS master file and the data files that it links to are one file.
///
/// # Example
/// ```
/// use xscatter_core::FrameSource;
///
/// let series = xscatter_io::open_series(&["no/such/folder"]);
/// assert!(series.is_empty());
/// assert_eq!(series.skipped().len(), 1);
/// ```
pub fn open_series<P: AsRef<Path>>(paths: &[P]) -> Series {
    open_series_with(paths, &ReadConfig::default())
}

/// Files and folders as one source, with limits and a mask policy of one's own.
pub fn open_series_with<P: AsRef<Path>>(paths: &[P], config: &ReadConfig) -> Series {
    let found = walk::files(paths);
    // Opened in parallel, collected in order.
    let opened: Vec<_> = found
        .into_par_iter()
        .map(|path| match path {
            Ok(path) => open_with(&path, config)
                .map(|file| Description::of(&file))
                .map_err(|error| Skipped { path, error }),
            Err(skipped) => Err(skipped),
        })
        .collect();
    let mut described = Vec::new();
    let mut skipped = Vec::new();
    for item in opened {
        match item {
            Ok(file) => described.push(file),
            Err(item) => skipped.push(item),
        }
    }
    drop_linked(&mut described);
    let files: Vec<SeriesFile> = described.into_iter().map(|one| one.file).collect();
    let mut ends = Vec::with_capacity(files.len());
    let mut end = 0_usize;
    for file in &files {
        end += file.frames;
        ends.push(end);
    }
    Series {
        files,
        skipped,
        ends,
        config: config.clone(),
        kept_open: Mutex::default(),
    }
}

/// One file of a series, as it was found.
#[derive(Debug, Clone)]
pub struct SeriesFile {
    path: PathBuf,
    format: Format,
    shape: (usize, usize),
    dtype: Dtype,
    frames: usize,
}

impl SeriesFile {
    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The format that was found.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Rows and columns of the first frame.
    pub fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// The stored type of the pixels.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// How many frames it holds.
    pub fn len(&self) -> usize {
        self.frames
    }

    /// Whether it holds no frame.
    pub fn is_empty(&self) -> bool {
        self.frames == 0
    }
}

/// A file with what is needed to find out which other files are part of it.
struct Description {
    file: SeriesFile,
    linked: Vec<PathBuf>,
}

impl Description {
    fn of(file: &DetectorFile) -> Self {
        Self {
            linked: file.linked_files().to_vec(),
            file: SeriesFile {
                path: file.path().to_path_buf(),
                format: file.format(),
                shape: file.shape(),
                dtype: file.dtype(),
                frames: file.len(),
            },
        }
    }
}

/// Drops the data files whose master file is there too: their frames are in it already.
fn drop_linked(files: &mut Vec<Description>) {
    let same = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let linked: BTreeSet<PathBuf> = files
        .iter()
        .filter(|one| !one.linked.is_empty())
        .flat_map(|one| {
            let own = same(&one.file.path);
            let others = one.linked.iter().map(|path| same(path));
            others.filter(move |path| *path != own)
        })
        .collect();
    if !linked.is_empty() {
        files.retain(|one| !linked.contains(&same(&one.file.path)));
    }
}

/// Files opened together; see [`open_series`].
#[derive(Debug)]
pub struct Series {
    files: Vec<SeriesFile>,
    skipped: Vec<Skipped>,
    /// For each file the number of frames up to its end.
    ends: Vec<usize>,
    config: ReadConfig,
    /// The files with several frames that were read last, the latest in front.
    kept_open: Mutex<VecDeque<(usize, Arc<DetectorFile>)>>,
}

impl Series {
    /// The files that were opened, in order.
    pub fn files(&self) -> &[SeriesFile] {
        &self.files
    }

    /// What could not be opened, in order.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// Which file a frame of the series is in, and which frame of that file it is.
    ///
    /// # Panics
    /// If the index is beyond the end.
    pub fn locate(&self, index: usize) -> (usize, usize) {
        assert!(index < self.len(), "frame {index} of {}", self.len());
        let file = self.ends.partition_point(|&end| end <= index);
        let start = if file == 0 { 0 } else { self.ends[file - 1] };
        (file, index - start)
    }

    /// Opens a file of the series again; one with several frames stays open for a while.
    ///
    /// # Errors
    /// If the file is not what it was any more.
    ///
    /// # Panics
    /// If there is no such file in the series.
    pub fn open_file(&self, index: usize) -> Result<Arc<DetectorFile>> {
        let described = &self.files[index];
        // What is behind the lock is whole at every moment, so a panic elsewhere does no harm.
        let lock = || {
            self.kept_open
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if described.frames > 1 {
            let kept = lock();
            if let Some((_, file)) = kept.iter().find(|(kept, _)| *kept == index) {
                return Ok(Arc::clone(file));
            }
        }
        let file = Arc::new(open_with(&described.path, &self.config)?);
        if file.len() < described.frames {
            return Err(Error::new(
                ErrorKind::Truncated,
                format!(
                    "expected {} frames as when the series was opened, found {}",
                    described.frames,
                    file.len()
                ),
            )
            .in_file(&described.path));
        }
        if described.frames > 1 {
            let mut kept = lock();
            kept.push_front((index, Arc::clone(&file)));
            kept.truncate(KEPT_OPEN);
        }
        Ok(file)
    }
}

impl FrameSource for Series {
    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    fn read(&self, index: usize) -> Result<Frame> {
        self.check_index(index)?;
        let (file, frame) = self.locate(index);
        self.open_file(file)?.read(frame)
    }

    fn read_many(&self, indices: &[usize]) -> Result<Vec<Frame>> {
        let mut frames = Vec::new();
        self.read_raw_many(indices, &mut frames)?;
        let counted = |(frame, &index): (RawFrame, &usize)| {
            let path = self.files[self.locate(index).0].path();
            frame.into_frame().map_err(|error| error.in_file(path))
        };
        frames.into_par_iter().zip(indices).map(counted).collect()
    }
}

impl Series {
    /// Reads several frames as they are stored, in the order of `indices`, into the memory of earlier
    /// ones: the fastest way through a series, since checksums are compared side by side.
    ///
    /// # Errors
    /// That of the first frame that cannot be read; the frames are then unspecified.
    pub fn read_raw_many(&self, indices: &[usize], frames: &mut Vec<RawFrame>) -> Result<()> {
        frames.resize_with(indices.len(), RawFrame::default);
        let share = indices.len().div_ceil(rayon::current_num_threads());
        let share = share.clamp(1, CHECKED_AT_ONCE);
        let batches: Vec<Result<()>> = indices
            .par_chunks(share)
            .zip(frames.par_chunks_mut(share))
            .map(|(indices, frames)| self.read_batch(indices, frames))
            .collect();
        // In order: which error comes first must not depend on the threads.
        batches.into_iter().collect()
    }

    /// Reads a few frames, and compares their checksums side by side.
    fn read_batch(&self, indices: &[usize], frames: &mut [RawFrame]) -> Result<()> {
        let mut checksums = Vec::new();
        for (place, (&index, frame)) in indices.iter().zip(&mut *frames).enumerate() {
            self.check_index(index)?;
            let (file, index) = self.locate(index);
            let checksum = self.open_file(file)?.read_unchecked_into(index, frame)?;
            checksums.extend(checksum.map(|checksum| (place, checksum)));
        }
        let stored: Vec<&[u8]> = checksums.iter().map(|(_, one)| &*one.stored).collect();
        for ((place, checksum), digest) in checksums.iter().zip(md5::digests(&stored)) {
            let warnings = &mut frames[*place].info.warnings;
            warnings.extend(checksum.compare(digest));
        }
        Ok(())
    }
}
