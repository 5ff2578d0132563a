//! The other files that an HDF5 file draws on: external links and virtual datasets.

use std::path::{Path, PathBuf};

use rust_hdf5::{H5Dataset, StorageLayout};

/// A part of a virtual dataset whose file is not there; the container would read fill values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Absent {
    /// First and last place along the first axis.
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) file: String,
}

/// The files behind a virtual dataset, and the parts whose file is not there.
pub(super) fn of_virtual(dataset: &H5Dataset, folder: &Path) -> (Vec<PathBuf>, Vec<Absent>) {
    let mut files = Vec::new();
    let mut absent = Vec::new();
    if !matches!(dataset.storage_layout(), Ok(StorageLayout::Virtual)) {
        return (files, absent);
    }
    for mapping in dataset.virtual_mappings().unwrap_or_default() {
        let name = mapping.source_file_name;
        // "." is the file itself; `%b` stands for a number that only the container counts.
        if name == "." || name.contains('%') {
            continue;
        }
        let file = folder.join(&name);
        if !file.exists() && !Path::new(&name).exists() {
            let along = mapping.virtual_selection.bounds();
            let (first, last) = along
                .and_then(|(low, high)| Some((*low.first()?, *high.first()?)))
                .unwrap_or((0, u64::MAX));
            absent.push(Absent {
                first,
                last,
                file: name,
            });
        }
        files.push(file);
    }
    files.sort();
    files.dedup();
    (files, absent)
}
