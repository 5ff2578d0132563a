//! The detector files that a command was given.
//!
//! The only place that asks a series for its files: whatever becomes of the way in which a series
//! holds them, the commands see an iterator.

use std::path::{Path, PathBuf};

use xscatter::io::{self, DetectorFile, Series, Skipped};
use xscatter::{Error, ErrorKind, Result};

use crate::Outcome;
use crate::output;

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
    pub(crate) fn files(&self) -> impl ExactSizeIterator<Item = &DetectorFile> {
        self.series.files().iter()
    }

    /// What could not be opened, in order.
    pub(crate) fn skipped(&self) -> &[Skipped] {
        self.series.skipped()
    }

    /// Says on standard error what could not be opened.
    pub(crate) fn report_skipped(&self) -> Outcome {
        output::report_skipped(self.skipped(), &self.named)
    }

    /// The paths that the command was given.
    pub(crate) fn named(&self) -> &[PathBuf] {
        &self.named
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
