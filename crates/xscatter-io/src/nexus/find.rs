//! Which dataset of an HDF5 file is the detector image.

use std::collections::BTreeMap;

use xscatter_core::{Error, ErrorKind, Result};
use xscatter_hdf5::{File, Storage};

use super::container::foreign;
use super::tree::{self, Array, Tree, last};

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
    /// What the file says is to be shown.
    Default,
    /// What the group of the dataset calls its signal, or what calls itself one.
    Signal,
    /// Called `data`.
    Named,
    /// Shaped like one.
    Shaped,
}

pub(super) fn image(file: &File, tree: &Tree) -> Result<Found> {
    let default = default_signal(file);
    let mut signals = BTreeMap::new();
    let best = tree
        .arrays
        .iter()
        .filter_map(|array| {
            let rank = rank(file, array, default.as_deref(), &mut signals)?;
            Some((rank, array))
        })
        .min_by_key(|(rank, array)| (*rank, array.path.matches('/').count(), array.path.as_str()));
    match best {
        Some((Rank::Part, array)) => series(file, tree, group(&array.path)),
        Some((_, array)) => Ok(Found {
            parts: vec![array.clone()],
            warning: None,
        }),
        None => Err(nothing(tree)),
    }
}

/// The dataset that the caller names, whatever it is called and however many axes it has.
pub(super) fn named(file: &File, path: &str) -> Result<Found> {
    let dataset = file.dataset(path).map_err(foreign)?;
    let numbers = tree::dtype(dataset.datatype()).zip(tree::sizes(dataset.shape()));
    match numbers {
        Some(((dtype, _), shape)) if shape.len() >= 2 => Ok(Found {
            parts: vec![Array {
                path: path.trim_matches('/').to_owned(),
                shape,
                dtype,
                dataset: Some(dataset),
            }],
            warning: None,
        }),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "expected numbers in two dimensions or more, found {} of shape {:?}",
                dataset.datatype(),
                dataset.shape()
            ),
        )
        .at(path)),
    }
}

fn group(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(group, _)| group)
}

fn is_part(name: &str) -> bool {
    name.strip_prefix("data_")
        .is_some_and(|number| number.len() >= 4 && number.bytes().all(|b| b.is_ascii_digit()))
}

fn rank(
    file: &File,
    array: &Array,
    default: Option<&str>,
    signals: &mut BTreeMap<String, Option<String>>,
) -> Option<Rank> {
    let name = last(&array.path);
    if is_part(name) && array.shape.len() == 3 {
        return Some(Rank::Part);
    }
    let (rows, columns) = (
        array.shape[array.shape.len() - 2],
        array.shape[array.shape.len() - 1],
    );
    if default == Some(array.path.as_str()) {
        return Some(Rank::Default);
    }
    let group = group(&array.path);
    let signal = signals.entry(group.to_owned()).or_insert_with(|| {
        let group = file.group(group).ok()?;
        tree::attribute(group.attribute("signal"))
    });
    if signal.as_deref() == Some(name) || is_signal(array) {
        return Some(Rank::Signal);
    }
    if name == "data" {
        return Some(Rank::Named);
    }
    let shaped = rows >= SMALLEST && columns >= SMALLEST;
    (shaped && !NO_IMAGES.contains(&name)).then_some(Rank::Shaped)
}

/// Whether a dataset calls itself the signal, as in NeXus before 2014: `signal = 1`.
fn is_signal(array: &Array) -> bool {
    let attribute = array
        .dataset
        .as_ref()
        .and_then(|dataset| dataset.attribute("signal").ok()?);
    attribute.is_some_and(|attribute| {
        let values = &attribute.values;
        values.as_f64s().is_ok_and(|numbers| numbers == [1.0])
            || values.as_strings().is_ok_and(|texts| texts == ["1"])
    })
}

/// What the file says is to be shown: the attributes `default` lead from the root to a group with a
/// `signal`.
fn default_signal(file: &File) -> Option<String> {
    const DEEPEST: usize = 8;
    let mut group = file.root();
    let mut path = String::new();
    for _ in 0..DEEPEST {
        if let Some(signal) = tree::attribute(group.attribute("signal")) {
            return Some(format!("{path}{signal}"));
        }
        let next = tree::attribute(group.attribute("default"))?;
        group = group.group(&next).ok()?;
        path = format!("{path}{next}/");
    }
    None
}

/// The parts of a series in order, up to the first that cannot be reached.
fn series(file: &File, tree: &Tree, folder: &str) -> Result<Found> {
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
    let warning = parts.last_mut().and_then(|last| shorten(file, last));
    parts.retain(|part| part.shape[0] > 0);
    if parts.is_empty() {
        return Err(nothing(tree));
    }
    Ok(Found { parts, warning })
}

/// Takes off the end of the last part what was never written, or went lost with the end of its file.
fn shorten(file: &File, part: &mut Array) -> Option<String> {
    let dataset = file.dataset(&part.path).ok()?;
    if !matches!(dataset.storage(), Storage::Chunked(_)) {
        return None;
    }
    let planned = part.shape[0];
    let is_there = |frame: usize| {
        let start = [frame as u64, 0, 0];
        let count = [1, dataset.shape()[1], dataset.shape()[2]];
        dataset.is_written(&start, &count).unwrap_or(false)
    };
    while part.shape[0] > 0 && !is_there(part.shape[0] - 1) {
        part.shape[0] -= 1;
    }
    (part.shape[0] < planned).then(|| {
        format!(
            "the series ends within its last data file, {}: {} of {planned} frames are there",
            part.path, part.shape[0]
        )
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
