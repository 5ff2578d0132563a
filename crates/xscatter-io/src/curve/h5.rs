//! What curves need of HDF5: attributes of groups, small values, arrays checked before they are read.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use rust_hdf5::{DatatypeMessage, H5Dataset, H5File, H5Group, H5Type, Hdf5Error, VarLenUnicode};
use xscatter_core::{Error, ErrorKind, Result};

use crate::header;
use crate::limits::Limits;

/// Datasets and groups of one file that are looked at.
const MAX_OBJECTS: usize = 1 << 16;
/// Elements up to which a dataset is read as a value of the header.
const SMALL: usize = 4;
/// Bytes of one element beyond which a value is not read.
const MAX_ELEMENT: usize = 1 << 16;
/// How far a compressed array may exceed its file: what deflate can reach at best.
const MAX_RATIO: u64 = 1100;
/// Bytes that an array may have whatever the size of its file.
const ALWAYS: u64 = 1 << 20;

const MAGIC: &[u8] = b"\x89HDF\r\n\x1a\n";

pub(super) fn sniff(head: &[u8]) -> bool {
    // A user block of 512 bytes, or of 512 times a power of two, may stand before the signature.
    [0, 512, 1024, 2048]
        .iter()
        .any(|&at| head.get(at..).is_some_and(|rest| rest.starts_with(MAGIC)))
}

/// Compares the length of a file with the one that its superblock states: the end of a truncated
/// file may hold no more than the units.
fn check_length(head: &[u8], bytes: u64) -> Result<()> {
    let place = match head.get(8) {
        Some(0 | 1) if head.get(13) == Some(&8) => 40,
        Some(2 | 3) if head.get(9) == Some(&8) => 28,
        // Other widths of an address, or a user block: left to the container.
        _ => return Ok(()),
    };
    let stated = head
        .get(place..place + 8)
        .and_then(|bytes| bytes.try_into().ok())
        .map_or(0, u64::from_le_bytes);
    if !head.starts_with(MAGIC) || stated <= bytes {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Truncated,
        format!("expected an HDF5 file of {stated} bytes, found {bytes}"),
    )
    .at(format_args!("byte {place}")))
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

/// An open file and the paths of its datasets and groups, sorted, without a leading slash.
pub(super) struct Store {
    file: H5File,
    pub(super) bytes: u64,
    limits: Limits,
    pub(super) datasets: BTreeSet<String>,
    pub(super) groups: BTreeSet<String>,
}

impl Store {
    pub(super) fn open(path: &Path, limits: &Limits) -> Result<Self> {
        let bytes = std::fs::metadata(path)?.len();
        let mut head = Vec::new();
        File::open(path)?.take(64).read_to_end(&mut head)?;
        check_length(&head, bytes)?;
        let file = H5File::options().no_locking().open(path).map_err(foreign)?;
        let mut datasets = BTreeSet::new();
        let mut groups = BTreeSet::new();
        for name in file.dataset_names() {
            if datasets.len() + groups.len() > MAX_OBJECTS {
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!("expected at most {MAX_OBJECTS} groups and datasets"),
                ));
            }
            let mut group = parent(&name);
            while !group.is_empty() && groups.insert(group.to_owned()) {
                group = parent(group);
            }
            datasets.insert(name);
        }
        Ok(Self {
            file,
            bytes,
            limits: *limits,
            datasets,
            groups,
        })
    }

    /// The text of an attribute of a group; of an array of texts the first.
    pub(super) fn group_attribute(&self, group: &str, name: &str) -> Option<String> {
        let root = self.file.root_group();
        let found = if group.is_empty() {
            root.attr_string(name)
        } else {
            root.group(group).and_then(|group| group.attr_string(name))
        };
        found
            .ok()
            .map(|text| header::value(&text))
            .filter(|text| !text.is_empty())
    }

    /// The text of an attribute of a dataset; of an array of texts the first.
    pub(super) fn attribute(&self, dataset: &str, name: &str) -> Option<String> {
        self.file
            .dataset(dataset)
            .and_then(|dataset| dataset.attr(name))
            .and_then(|attribute| attribute.read_string())
            .ok()
            .map(|text| header::value(&text))
            .filter(|text| !text.is_empty())
    }

    /// The shape of a dataset; `None` if there is none or it holds no numbers.
    pub(super) fn shape(&self, dataset: &str) -> Option<Vec<usize>> {
        if !self.datasets.contains(dataset) {
            return None;
        }
        let dataset = self.file.dataset(dataset).ok()?;
        match dataset.datatype().ok()? {
            DatatypeMessage::FixedPoint { .. } | DatatypeMessage::FloatingPoint { .. } => {
                Some(dataset.shape())
            }
            _ => None,
        }
    }

    /// All numbers of a dataset, in row-major order; its size is checked before.
    pub(super) fn numbers(&self, path: &str) -> Result<Vec<f64>> {
        let read = || {
            let dataset = self.file.dataset(path).map_err(foreign)?;
            self.check_size(&dataset)?;
            numbers(&dataset)
        };
        read().map_err(|error: Error| error.at(format_args!("/{path}")))
    }

    /// Compares what a dataset claims, as a whole and for one chunk, with the limits and with the
    /// size of its file.
    fn check_size(&self, dataset: &H5Dataset) -> Result<()> {
        let product = |dims: &[usize]| {
            dims.iter()
                .try_fold(1_u64, |n, &dim| n.checked_mul(dim as u64))
                .unwrap_or(u64::MAX)
        };
        let elements = product(&dataset.shape());
        super::check_points(elements, &self.limits)?;
        let chunk = dataset.chunk_dims().map_or(0, |dims| product(&dims));
        let claimed = elements
            .max(chunk)
            .saturating_mul(dataset.element_size() as u64);
        let possible = self.bytes.saturating_mul(MAX_RATIO).max(ALWAYS);
        if claimed <= possible {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "expected an array that {} bytes of file can hold, found {claimed} bytes",
                self.bytes
            ),
        ))
    }

    /// A small value as text: a string, or up to four numbers.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        if !self.datasets.contains(path) {
            return None;
        }
        let dataset = self.file.dataset(path).ok()?;
        let elements = dataset
            .shape()
            .iter()
            .try_fold(1_usize, |n, &dim| n.checked_mul(dim))?;
        if elements == 0 || elements > SMALL || dataset.element_size() > MAX_ELEMENT {
            return None;
        }
        self.check_size(&dataset).ok()?;
        let text = match dataset.datatype().ok()? {
            DatatypeMessage::FixedString { .. } | DatatypeMessage::VarLenString { .. } => {
                dataset.read_strings_lossy().ok()?.join(" ")
            }
            DatatypeMessage::FloatingPoint { size: 4, .. } => {
                // The shortest text of the stored type, not of its f64.
                let numbers = dataset.read_numeric_as::<f32>().ok()?;
                joined(&numbers)
            }
            _ => joined(&numbers(&dataset).ok()?),
        };
        Some(header::value(&text)).filter(|text| !text.is_empty())
    }

    /// A small value as a number, with the unit that it states.
    pub(super) fn number(&self, path: &str) -> Option<(f64, Option<String>)> {
        let shape = self.shape(path)?;
        if shape.iter().any(|&dim| dim != 1) {
            return None;
        }
        let value = self.numbers(path).ok()?.first().copied()?;
        Some((value, self.attribute(path, "units")))
    }

    /// A truth value: the enumeration of h5py, or an integer.
    pub(super) fn truth(&self, path: &str) -> Option<bool> {
        if !self.datasets.contains(path) {
            return None;
        }
        let dataset = self.file.dataset(path).ok()?;
        if dataset.total_elements() != 1 || dataset.element_size() > 8 {
            return None;
        }
        self.check_size(&dataset).ok()?;
        let bytes = dataset.read_raw_bytes().ok()?;
        Some(bytes.iter().any(|&byte| byte != 0))
    }
}

fn joined<T: ToString>(numbers: &[T]) -> String {
    let texts: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

fn numbers(dataset: &H5Dataset) -> Result<Vec<f64>> {
    match dataset.datatype().map_err(foreign)? {
        DatatypeMessage::FloatingPoint { .. } => dataset.read_numeric_as::<f64>().map_err(foreign),
        DatatypeMessage::FixedPoint { signed: true, .. } => dataset
            .read_numeric_as::<i64>()
            .map(|numbers| numbers.into_iter().map(|n| n as f64).collect())
            .map_err(foreign),
        DatatypeMessage::FixedPoint { .. } => dataset
            .read_numeric_as::<u64>()
            .map(|numbers| numbers.into_iter().map(|n| n as f64).collect())
            .map_err(foreign),
        // The type is not named: its text overflows for a size that a file lies about.
        _ => Err(Error::new(
            ErrorKind::Malformed,
            "expected numbers, found values of another class",
        )),
    }
}

/// The group of a path; empty for the root.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(group, _)| group)
}

/// The path of a member of a group.
pub(super) fn member(group: &str, name: &str) -> String {
    if group.is_empty() {
        name.to_owned()
    } else {
        format!("{group}/{name}")
    }
}

/// Creates a group of a NeXus class.
pub(super) fn new_group(parent: &H5Group, name: &str, class: &str) -> Result<H5Group> {
    let group = parent.create_group(name).map_err(foreign)?;
    group.set_attr_string("NX_class", class).map_err(foreign)?;
    Ok(group)
}

/// Creates a text as a scalar, which is what NeXus expects.
pub(super) fn new_text(group: &H5Group, name: &str, value: &str) -> Result<()> {
    let mut bytes = value.replace('\0', " ").into_bytes();
    bytes.push(0);
    group
        .new_dataset::<u8>()
        .datatype(DatatypeMessage::fixed_string_utf8(bytes.len() as u32))
        .scalar()
        .create(name)
        .and_then(|dataset| dataset.write_raw_bytes(&bytes))
        .map_err(foreign)
}

/// Creates a dataset, with text attributes.
pub(super) fn new_array<T: H5Type>(
    group: &H5Group,
    name: &str,
    shape: &[usize],
    values: &[T],
    attributes: &[(&str, &str)],
) -> Result<H5Dataset> {
    let builder = group.new_dataset::<T>();
    let builder = if shape.is_empty() {
        builder.scalar()
    } else {
        builder.shape(shape)
    };
    let write = || {
        let dataset = builder.create(name)?;
        dataset.write_raw(values)?;
        for (key, value) in attributes {
            set_attribute(&dataset, key, value)?;
        }
        Ok(dataset)
    };
    write().map_err(foreign)
}

pub(super) fn set_attribute(dataset: &H5Dataset, key: &str, value: &str) -> rust_hdf5::Result<()> {
    let attribute = dataset.new_attr::<VarLenUnicode>().shape(()).create(key)?;
    attribute.write_scalar(&VarLenUnicode(value.to_owned()))
}
