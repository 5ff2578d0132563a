//! The detector files that a command was given.
//!
//! The only place that asks a series for its files. A series knows path, shape, type and number of
//! frames of each; an [`Input`] opens its file when it is worked on, so that thousands of inputs hold
//! no file open.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xscatter::bystander::is_bystander;
use xscatter::io::series::SeriesFile;
use xscatter::io::{
    self, Curve, DetectorFile, Dtype, Format, MaskReadConfig, Series, Skipped, curve,
};
use xscatter::{Error, ErrorKind, FrameSource as _, Mask, Result};

use crate::Outcome;
use crate::output;

/// One file of the inputs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Input<'a> {
    series: &'a Series,
    index: usize,
}

impl<'a> Input<'a> {
    fn known(self) -> &'a SeriesFile {
        &self.series.files()[self.index]
    }

    pub(crate) fn path(self) -> &'a Path {
        self.known().path()
    }

    pub(crate) fn format(self) -> Format {
        self.known().format()
    }

    /// Rows and columns of the first frame.
    pub(crate) fn shape(self) -> (usize, usize) {
        self.known().shape()
    }

    /// The stored type of the pixels.
    pub(crate) fn dtype(self) -> Dtype {
        self.known().dtype()
    }

    /// How many frames there are.
    pub(crate) fn n_frames(self) -> usize {
        self.known().len()
    }

    /// Opens the file; one with several frames stays open for a while.
    pub(crate) fn open(self) -> Result<Arc<DetectorFile>> {
        self.series.open_file(self.index)
    }
}

/// A file that holds no frame.
#[derive(Debug)]
pub(crate) struct OtherFile<'a> {
    pub(crate) path: &'a Path,
    pub(crate) content: Other,
}

/// What a file holds instead of frames.
#[derive(Debug)]
pub(crate) enum Other {
    Curves(Vec<Curve>),
    Mask(Mask),
}

/// Files and folders, opened.
#[derive(Debug)]
pub(crate) struct Inputs {
    named: Vec<PathBuf>,
    series: Series,
}

impl Inputs {
    /// Opens files and folders of them; what cannot be opened is [`skipped`](Self::skipped).
    pub(crate) fn open(paths: &[PathBuf]) -> Self {
        let spinner = output::spinner("looking for detector files");
        let series = io::open_series(paths);
        spinner.finish_and_clear();
        Self {
            named: paths.to_vec(),
            series,
        }
    }

    /// As [`open`](Self::open), but there must be something to work on or to complain about.
    pub(crate) fn some(paths: &[PathBuf]) -> Result<Self> {
        let inputs = Self::open(paths);
        if inputs.files().len() == 0 && inputs.skipped().is_empty() {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                "expected detector files, found none",
            ));
        }
        Ok(inputs)
    }

    /// The files in order.
    pub(crate) fn files(&self) -> impl ExactSizeIterator<Item = Input<'_>> {
        let series = &self.series;
        (0..series.files().len()).map(move |index| Input { series, index })
    }

    /// All frames in order: the file of each, and which one of that file it is.
    pub(crate) fn frames(&self) -> impl Iterator<Item = (Input<'_>, usize)> {
        self.files()
            .flat_map(|file| (0..file.n_frames()).map(move |index| (file, index)))
    }

    /// How many frames there are.
    pub(crate) fn n_frames(&self) -> usize {
        self.series.len()
    }

    /// The files that do not lie in a folder that is written to: what an earlier run wrote there is no
    /// input.
    ///
    /// # Errors
    /// If the folder is one of the inputs.
    pub(crate) fn files_outside(&self, folder: &Path) -> Result<Vec<Input<'_>>> {
        let Ok(folder) = fs::canonicalize(folder) else {
            return Ok(self.files().collect());
        };
        let real = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
        if self.named.iter().any(|named| real(named) == folder) {
            let message = "expected a folder for the outputs that is no input";
            return Err(Error::new(ErrorKind::InvalidArgument, message).in_file(folder));
        }
        let named = |file: &Input<'_>| self.named.iter().any(|named| named == file.path());
        let files = self.files();
        Ok(files
            .filter(|file| named(file) || !real(file.path()).starts_with(&folder))
            .collect())
    }

    /// What could not be opened, in order.
    pub(crate) fn skipped(&self) -> &[Skipped] {
        self.series.skipped()
    }

    /// Says on standard error what could not be opened.
    pub(crate) fn report_skipped(&self) -> Outcome {
        output::report_skipped(self.skipped(), &self.named)
    }

    /// The files that were named and hold no frame, but curves or a mask.
    pub(crate) fn others(&self) -> Vec<OtherFile<'_>> {
        self.skipped()
            .iter()
            .filter(|skipped| skipped.error.kind() == ErrorKind::Unsupported)
            .map(|skipped| skipped.path.as_path())
            .filter(|path| self.named.iter().any(|named| named == path))
            .filter_map(|path| {
                let curves = curve::open(path).ok().map(Other::Curves);
                let mask = || io::read_mask(path, &MaskReadConfig::default()).ok();
                let content = curves.or_else(|| mask().map(Other::Mask))?;
                Some(OtherFile { path, content })
            })
            .collect()
    }

    /// As [`report_skipped`](Self::report_skipped), without the files that were used after all.
    pub(crate) fn report_skipped_but(&self, used: &[OtherFile<'_>]) -> Outcome {
        let left = self.skipped().iter();
        let left = left.filter(|skipped| used.iter().all(|other| other.path != skipped.path));
        output::report_skipped(left, &self.named)
    }

    /// Whether nothing was skipped but files that lay in a folder and are no detector images.
    pub(crate) fn all_opened(&self) -> bool {
        let mut skipped = self.skipped().iter();
        skipped.all(|skipped| is_bystander(skipped, &self.named))
    }

    /// A file's path below the folder that was named; for a file that was named, its name.
    pub(crate) fn relative<'a>(&self, file: &'a Path) -> &'a Path {
        self.named
            .iter()
            .filter(|named| named.as_path() != file)
            .filter_map(|named| file.strip_prefix(named).ok())
            // Of two folders, one in the other, the inner one.
            .min_by_key(|relative| relative.components().count())
            .unwrap_or_else(|| Path::new(file.file_name().unwrap_or_default()))
    }
}
