//! Which dataset of an HDF5 file is the detector image.

use rust_hdf5::{H5File, H5Group};
use xscatter_core::{Error, ErrorKind, Result};

use super::tree::{Array, Tree, last};

/// Names of arrays that lie beside images and are none.
const NO_IMAGES: [&str; 14] = [
    "pixel_mask",
    "mask",
    "flatfield",
    "flat_field",
    "dark",
    "gain",
    "error",
    "errors",
    "Idev",
    "Q",
    "Qx",
    "Qy",
    "countrate_correction_table",
    "trimbit",
];
/// Smallest image that is believed without a name or an attribute that says so.
const SMALLEST: usize = 16;

/// The image of a file: one dataset, or the numbered parts of a DECTRIS series.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) parts: Vec<Array>,
    pub(super) warning: Option<String>,
}

/// How sure a name is to be that of an image; lower is surer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// `data_000001`: a part of a DECTRIS series.
    Part,
    /// What the group of the dataset calls its signal.
    Signal,
    /// Called `data`.
    Named,
    /// Shaped like one.
    Shaped,
}

pub(super) fn image(file: &H5File, tree: &Tree) -> Result<Found> {
    let best = tree
        .arrays
        .iter()
        .filter_map(|array| Some((rank(file, array)?, array)))
        .min_by_key(|(rank, array)| (*rank, array.path.matches('/').count(), array.path.as_str()));
    match best {
        Some((Rank::Part, array)) => series(tree, group(&array.path)),
        Some((_, array)) => Ok(Found {
            parts: vec![array.clone()],
            warning: None,
        }),
        None => Err(nothing(tree)),
    }
}

fn group(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(group, _)| group)
}

fn is_part(name: &str) -> bool {
    name.strip_prefix("data_")
        .is_some_and(|number| number.len() >= 4 && number.bytes().all(|b| b.is_ascii_digit()))
}

fn rank(file: &H5File, array: &Array) -> Option<Rank> {
    let name = last(&array.path);
    if is_part(name) && array.shape.len() == 3 {
        return Some(Rank::Part);
    }
    let (rows, columns) = (
        array.shape[array.shape.len() - 2],
        array.shape[array.shape.len() - 1],
    );
    if signal(file, &array.path).is_some_and(|signal| signal == name) {
        return Some(Rank::Signal);
    }
    if name == "data" {
        return Some(Rank::Named);
    }
    let shaped = rows >= SMALLEST && columns >= SMALLEST;
    (shaped && !NO_IMAGES.contains(&name)).then_some(Rank::Shaped)
}

/// The attribute `signal` of the group of a dataset.
fn signal(file: &H5File, path: &str) -> Option<String> {
    let mut parent: H5Group = file.root_group();
    for name in group(path).split('/').filter(|name| !name.is_empty()) {
        parent = parent.group(name).ok()?;
    }
    parent.attr_string("signal").ok()
}

/// The parts of a series in order, up to the first that cannot be reached.
fn series(tree: &Tree, folder: &str) -> Result<Found> {
    let inside = |path: &str| group(path) == folder && is_part(last(path));
    let mut expected: Vec<&str> = tree
        .arrays
        .iter()
        .map(|array| array.path.as_str())
        .chain(tree.dangling.iter().map(|(path, _)| path.as_str()))
        .filter(|path| inside(path))
        .collect();
    expected.sort_by_key(|path| (path.len(), *path));
    let mut parts: Vec<Array> = Vec::new();
    for path in &expected {
        let Some(array) = tree.arrays.iter().find(|array| array.path == *path) else {
            let reason = tree.dangling.iter().find(|(name, _)| name == path);
            let reason = reason.map_or("", |(_, reason)| reason.as_str());
            if parts.is_empty() {
                let message = format!("expected the data file of {path}: {reason}");
                return Err(Error::new(ErrorKind::Io, message));
            }
            let warning = format!(
                "the series ends after {} of {} data files: {reason}",
                parts.len(),
                expected.len()
            );
            return Ok(Found {
                parts,
                warning: Some(warning),
            });
        };
        if let Some(first) = parts.first()
            && (array.shape.get(1..) != first.shape.get(1..) || array.dtype != first.dtype)
        {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected images as in {} (shape {:?}, {}), found shape {:?}, {}",
                    first.path, first.shape, first.dtype, array.shape, array.dtype
                ),
            )
            .at(path));
        }
        parts.push(array.clone());
    }
    Ok(Found {
        parts,
        warning: None,
    })
}

/// What the file holds instead of an image.
fn nothing(tree: &Tree) -> Error {
    const SHOWN: usize = 3;
    if let Some((path, reason)) = tree.dangling.first() {
        return Error::new(
            ErrorKind::Io,
            format!(
                "expected a detector image, found a link that leads nowhere ({path}): {reason}"
            ),
        );
    }
    let mut found: Vec<String> = tree
        .arrays
        .iter()
        .map(|array| format!("{} ({}, shape {:?})", array.path, array.dtype, array.shape))
        .chain(tree.others.iter().cloned())
        .collect();
    let more = found.len().saturating_sub(SHOWN);
    found.truncate(SHOWN);
    let list = match (found.is_empty(), more) {
        (true, _) => "no array at all".to_owned(),
        (false, 0) => found.join(", "),
        (false, _) => format!("{} and {more} more", found.join(", ")),
    };
    Error::new(
        ErrorKind::Unsupported,
        format!("expected a detector image, found an HDF5 file without one: {list}"),
    )
}
