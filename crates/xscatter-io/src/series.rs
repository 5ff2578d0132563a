//! Many files as one source of frames.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use xscatter_core::{Error, ErrorKind, Frame, FrameSource, Result};

use crate::config::ReadConfig;
use crate::open::{DetectorFile, open_with};

/// A path that gave no frames, and why.
#[derive(Debug)]
pub struct Skipped {
    /// The file or folder.
    pub path: PathBuf,
    /// What was wrong with it.
    pub error: Error,
}

/// Files and folders as one source; opening it never fails as a whole.
///
/// Folders are walked to the bottom in the order of their sorted names; hidden files (`.name`) are
/// passed over in silence. Whatever cannot be opened is [`Skipped`] with its reason: one bad file is not the end of a
/// series. The pixels are read when a frame is asked for; a DECTRIS master file and the data files
/// that it links to are one file.
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
    let mut found = Vec::new();
    for path in paths {
        walk(path.as_ref(), &mut found);
    }
    // Opened in parallel, collected in order.
    let opened: Vec<_> = found
        .into_par_iter()
        .map(|path| match path {
            Ok(path) => open_with(&path, config).map_err(|error| Skipped { path, error }),
            Err(skipped) => Err(skipped),
        })
        .collect();
    let mut files: Vec<DetectorFile> = Vec::new();
    let mut skipped = Vec::new();
    for item in opened {
        match item {
            Ok(file) => files.push(file),
            Err(item) => skipped.push(item),
        }
    }
    drop_linked(&mut files);
    let mut ends = Vec::with_capacity(files.len());
    let mut end = 0_usize;
    for file in &files {
        end += file.len();
        ends.push(end);
    }
    Series {
        files,
        skipped,
        ends,
    }
}

/// Drops the data files whose master file is there too: their frames are in it already.
fn drop_linked(files: &mut Vec<DetectorFile>) {
    let same = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let linked: BTreeSet<PathBuf> = files
        .iter()
        .flat_map(|file| {
            let own = same(file.path());
            let others = file.linked_files().iter().map(|path| same(path));
            others.filter(move |path| *path != own)
        })
        .collect();
    if !linked.is_empty() {
        files.retain(|file| !linked.contains(&same(file.path())));
    }
}

/// Adds the files at or below a path, in sorted order.
fn walk(path: &Path, found: &mut Vec<Result<PathBuf, Skipped>>) {
    let skip = |error: Error| Skipped {
        path: path.to_path_buf(),
        error: error.in_file(path),
    };
    if !path.is_dir() {
        found.push(Ok(path.to_path_buf()));
        return;
    }
    let entries: std::io::Result<Vec<_>> = std::fs::read_dir(path)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut entries = match entries {
        Ok(entries) => entries,
        Err(error) => return found.push(Err(skip(error.into()))),
    };
    entries.sort();
    let before = found.len();
    for entry in entries {
        let hidden = entry
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        // A link to a folder above would be walked for ever.
        let loops = entry.is_symlink() && entry.is_dir();
        if !hidden && !loops {
            walk(&entry, found);
        }
    }
    if found.len() == before {
        let error = Error::new(
            ErrorKind::Io,
            "expected detector files, found an empty folder",
        );
        found.push(Err(skip(error)));
    }
}

/// Files opened together; see [`open_series`].
#[derive(Debug)]
pub struct Series {
    files: Vec<DetectorFile>,
    skipped: Vec<Skipped>,
    /// For each file the number of frames up to its end.
    ends: Vec<usize>,
}

impl Series {
    /// The files that were opened, in order.
    pub fn files(&self) -> &[DetectorFile] {
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
}

impl FrameSource for Series {
    fn len(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    fn read(&self, index: usize) -> Result<Frame> {
        self.check_index(index)?;
        let (file, frame) = self.locate(index);
        self.files[file].read(frame)
    }

    fn read_many(&self, indices: &[usize]) -> Result<Vec<Frame>> {
        let frames: Vec<_> = indices.par_iter().map(|&index| self.read(index)).collect();
        // In order: which error comes first must not depend on the threads.
        frames.into_iter().collect()
    }
}
