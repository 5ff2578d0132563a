//! What an HDF5 file holds: its small values, and the datasets that could be images.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rust_hdf5::{
    ByteOrder as H5Order, DatatypeMessage, H5Dataset, H5File, H5Group, Hdf5Error, LinkClass,
};
use xscatter_core::{Error, ErrorKind, Result};

use super::sources::{self, Absent};
use crate::header;
use crate::pixels::{ByteOrder, Dtype};

/// A dataset with a handful of elements, as text and as numbers.
#[derive(Debug, Clone, Default)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// The value, if it is one number; those of an array of length 1 too.
    pub(super) number: Option<f64>,
    pub(super) unit: Option<String>,
}

/// A dataset that holds numbers in two dimensions or more.
#[derive(Debug, Clone)]
pub(super) struct Array {
    pub(super) path: String,
    pub(super) shape: Vec<usize>,
    pub(super) dtype: Dtype,
    pub(super) order: ByteOrder,
    /// Reached through a link into another file.
    pub(super) linked: bool,
    /// Parts of a virtual dataset whose file is not there.
    pub(super) absent: Vec<Absent>,
}

/// The listing of one file.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) scalars: BTreeMap<String, Scalar>,
    pub(super) arrays: Vec<Array>,
    /// The other files that this one draws on.
    pub(super) files: Vec<PathBuf>,
    /// External links that lead nowhere, with the reason.
    pub(super) dangling: Vec<(String, String)>,
    /// What is neither: curves, tables, lists. For the message to the user.
    pub(super) others: Vec<String>,
}

/// Elements up to which a dataset is read as a value of the header.
const SMALL: usize = 4;
/// Bytes of one element beyond which a value is not read.
const MAX_ELEMENT: usize = 1 << 16;
/// Depth to which groups are listed.
const MAX_DEPTH: usize = 32;

impl Tree {
    /// Lists a file that lies in `folder`.
    pub(super) fn read(file: &H5File, folder: &Path) -> Self {
        let mut tree = Self::default();
        let mut links = BTreeMap::new();
        external_links(&file.root_group(), "", 0, &mut links);
        let mut paths = file.dataset_names();
        paths.extend(links.keys().cloned());
        paths.sort();
        paths.dedup();
        tree.files
            .extend(links.values().map(|file| folder.join(file)));
        for path in paths {
            let linked = links.contains_key(&path);
            match file.dataset(&path) {
                Ok(dataset) => tree.add(path, &dataset, linked, folder),
                Err(error) if linked || matches!(error, Hdf5Error::DanglingLink { .. }) => {
                    tree.dangling.push((path, error.to_string()));
                }
                Err(error) => tree.others.push(format!("{path} ({error})")),
            }
        }
        tree
    }

    fn add(&mut self, path: String, dataset: &H5Dataset, linked: bool, folder: &Path) {
        let shape = dataset.shape();
        let Ok(datatype) = dataset.datatype() else {
            return;
        };
        let elements = shape
            .iter()
            .try_fold(1_usize, |n, &dim| n.checked_mul(dim))
            .unwrap_or(usize::MAX);
        let numeric = dtype(&datatype);
        let flat = shape.iter().filter(|&&dim| dim != 1).count() < 2;
        if elements > 0 && elements <= SMALL && flat && dataset.element_size() <= MAX_ELEMENT {
            if let Some(scalar) = scalar(dataset, &datatype) {
                self.scalars.insert(path, scalar);
            }
        } else if let (Some((dtype, order)), true) = (numeric, (2..=4).contains(&shape.len())) {
            let (files, absent) = sources::of_virtual(dataset, folder);
            self.files.extend(files);
            self.arrays.push(Array {
                path,
                shape,
                dtype,
                order,
                linked,
                absent,
            });
        } else {
            let kind = match numeric {
                Some((dtype, _)) => dtype.to_string(),
                None => class(&datatype).to_owned(),
            };
            self.others
                .push(format!("{path} ({kind}, shape {shape:?})"));
        }
    }

    /// The number of a dataset with one of these names; of several, the nearest to `beside`, then the
    /// one least deep.
    pub(super) fn number(&self, names: &[&str], beside: &str) -> Option<Found<'_>> {
        names.iter().find_map(|name| {
            self.scalars
                .iter()
                .filter(|(path, _)| last(path) == *name)
                .filter_map(|(path, scalar)| {
                    Some(Found {
                        path,
                        value: scalar.number.filter(|number| number.is_finite())?,
                        unit: scalar.unit.as_deref(),
                    })
                })
                .min_by_key(|found| nearness(found.path, beside))
        })
    }
}

/// A number in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) path: &'a str,
    pub(super) value: f64,
    pub(super) unit: Option<&'a str>,
}

/// The name of a dataset without its groups.
pub(super) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Sorts paths: those that share most groups with `beside` first, then the least deep.
pub(super) fn nearness<'a>(path: &'a str, beside: &str) -> (usize, usize, &'a str) {
    let shared = path
        .split('/')
        .zip(beside.split('/'))
        .take_while(|(a, b)| a == b)
        .count();
    (usize::MAX - shared, path.matches('/').count(), path)
}

/// Adds the external links below a group, each with its file; datasets of the file itself are listed
/// by the container.
fn external_links(
    group: &H5Group,
    prefix: &str,
    depth: usize,
    links: &mut BTreeMap<String, String>,
) {
    for name in group.link_names().unwrap_or_default() {
        if let Ok(LinkClass::External { file, .. }) = group.link_class(&name) {
            links.insert(format!("{prefix}{name}"), file);
        }
    }
    if depth == MAX_DEPTH {
        return;
    }
    for name in group.group_names().unwrap_or_default() {
        if let Ok(child) = group.group(&name) {
            external_links(&child, &format!("{prefix}{name}/"), depth + 1, links);
        }
    }
}

fn scalar(dataset: &H5Dataset, datatype: &DatatypeMessage) -> Option<Scalar> {
    let unit = dataset
        .attr("units")
        .and_then(|attribute| attribute.read_string())
        .ok()
        .map(|unit| header::value(&unit));
    let (text, numbers) = match datatype {
        DatatypeMessage::FixedString { .. } | DatatypeMessage::VarLenString { .. } => {
            (dataset.read_strings_lossy().ok()?.join(" "), Vec::new())
        }
        DatatypeMessage::FloatingPoint { .. } => {
            let numbers = dataset.read_numeric_as::<f64>().ok()?;
            (joined(&numbers), numbers)
        }
        _ => {
            if let Ok(numbers) = dataset.read_numeric_as::<i64>() {
                (
                    joined(&numbers),
                    numbers.iter().map(|&n| n as f64).collect(),
                )
            } else {
                let numbers = dataset.read_numeric_as::<u64>().ok()?;
                (
                    joined(&numbers),
                    numbers.iter().map(|&n| n as f64).collect(),
                )
            }
        }
    };
    Some(Scalar {
        text: header::value(&text),
        number: match *numbers {
            [number] => Some(number),
            _ => None,
        },
        unit: unit.filter(|unit| !unit.is_empty()),
    })
}

fn joined<T: ToString>(numbers: &[T]) -> String {
    let texts: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

/// The pixel type of a datatype; `None` for what is no plain number.
pub(super) fn dtype(datatype: &DatatypeMessage) -> Option<(Dtype, ByteOrder)> {
    let order = |order: &H5Order| match order {
        H5Order::BigEndian => ByteOrder::Big,
        H5Order::LittleEndian => ByteOrder::Little,
    };
    Some(match datatype {
        DatatypeMessage::FixedPoint {
            size,
            byte_order,
            signed,
            bit_offset: 0,
            bit_precision,
        } if u32::from(*bit_precision) == size * 8 => {
            let dtype = match (size, signed) {
                (1, false) => Dtype::U8,
                (1, true) => Dtype::I8,
                (2, false) => Dtype::U16,
                (2, true) => Dtype::I16,
                (4, false) => Dtype::U32,
                (4, true) => Dtype::I32,
                (8, false) => Dtype::U64,
                (8, true) => Dtype::I64,
                _ => return None,
            };
            (dtype, order(byte_order))
        }
        DatatypeMessage::FloatingPoint {
            size, byte_order, ..
        } => match size {
            4 => (Dtype::F32, order(byte_order)),
            8 => (Dtype::F64, order(byte_order)),
            _ => return None,
        },
        _ => return None,
    })
}

fn class(datatype: &DatatypeMessage) -> &'static str {
    match datatype {
        DatatypeMessage::Compound { .. } => "table of compound records",
        DatatypeMessage::FixedString { .. } | DatatypeMessage::VarLenString { .. } => "text",
        _ => "values that are no numbers",
    }
}

/// An error of the container as one of ours.
pub(super) fn foreign(error: Hdf5Error) -> Error {
    let kind = match &error {
        Hdf5Error::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            ErrorKind::Truncated
        }
        Hdf5Error::Io(_) | Hdf5Error::ExternalFileNotFound { .. } => ErrorKind::Io,
        Hdf5Error::Unsupported(_) => ErrorKind::Unsupported,
        _ => ErrorKind::Malformed,
    };
    Error::new(kind, format!("expected a whole HDF5 file: {error}")).with_source(error)
}

/// Opens a file for reading; without a lock, since a detector may still be writing to it.
pub(super) fn open(path: &std::path::Path) -> Result<H5File> {
    H5File::options().no_locking().open(path).map_err(foreign)
}
