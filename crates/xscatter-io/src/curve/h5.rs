//! What curves need of an HDF5 file: attributes, small values, arrays checked before they are read.

use std::collections::{BTreeMap, BTreeSet};

use xscatter_core::{Error, ErrorKind, Result};
use xscatter_hdf5::{Attribute, Dataset, Datatype, Group, Node, Object};

use crate::blob::Blob;
use crate::header;
use crate::limits::Limits;
use crate::nexus::{self, foreign};

/// Datasets and groups of one file that are looked at.
const MAX_OBJECTS: usize = 1 << 16;
/// Elements up to which a dataset is read as a value of the header.
const SMALL: u64 = 4;
/// Bytes of one element beyond which a value is not read.
const MAX_ELEMENT: usize = 1 << 16;

/// An open file and the paths of its datasets and groups, sorted, without a leading slash.
pub(super) struct Store {
    pub(super) bytes: u64,
    limits: Limits,
    root: Group,
    pub(super) datasets: BTreeMap<String, Dataset>,
    pub(super) groups: BTreeSet<String>,
}

impl Store {
    pub(super) fn open(blob: &Blob, limits: &Limits) -> Result<Self> {
        let file = nexus::open_container(blob)?;
        let mut datasets = BTreeMap::new();
        let mut groups = BTreeSet::new();
        for entry in file.walk() {
            if datasets.len() + groups.len() > MAX_OBJECTS {
                return Err(Error::new(
                    ErrorKind::LimitExceeded,
                    format!("expected at most {MAX_OBJECTS} groups and datasets"),
                ));
            }
            // A link to a curve is a curve; one that leads nowhere is none.
            let followed = matches!(entry.node, Node::Link(_)).then(|| entry.follow());
            let path = entry.path.trim_start_matches('/').to_owned();
            match (entry.node, followed) {
                (Node::Object(Object::Dataset(dataset)), _)
                | (Node::Link(_), Some(Ok(Object::Dataset(dataset)))) => {
                    datasets.insert(path, dataset);
                }
                (Node::Object(Object::Group(_)), _) => {
                    groups.insert(path);
                }
                (Node::Broken(error), _) => {
                    return Err(foreign(error).at(format_args!("/{path}")));
                }
                _ => {}
            }
        }
        Ok(Self {
            bytes: file.len(),
            limits: *limits,
            root: file.root(),
            datasets,
            groups,
        })
    }

    /// The text of an attribute of a group; of an array of texts the first.
    pub(super) fn group_attribute(&self, group: &str, name: &str) -> Option<String> {
        let attribute = match group {
            "" => self.root.attribute(name),
            group => self
                .root
                .group(group)
                .and_then(|group| group.attribute(name)),
        };
        text_of(attribute.ok()??)
    }

    /// The text of an attribute of a dataset; of an array of texts the first.
    pub(super) fn attribute(&self, dataset: &str, name: &str) -> Option<String> {
        text_of(self.datasets.get(dataset)?.attribute(name).ok()??)
    }

    /// The shape of a dataset; `None` if there is none or it holds no numbers.
    pub(super) fn shape(&self, dataset: &str) -> Option<Vec<usize>> {
        let dataset = self.datasets.get(dataset)?;
        let numeric = matches!(
            dataset.datatype(),
            Datatype::Integer { .. } | Datatype::Float { .. }
        );
        let shape = dataset.shape().iter().map(|&dim| dim as usize).collect();
        numeric.then_some(shape)
    }

    /// All numbers of a dataset, in row-major order; its size is checked before.
    pub(super) fn numbers(&self, path: &str) -> Result<Vec<f64>> {
        let read = || {
            let dataset = self.datasets.get(path).ok_or_else(|| {
                Error::new(ErrorKind::Malformed, "expected a dataset, found none")
            })?;
            let elements = dataset.dataspace().elements().unwrap_or(u64::MAX);
            super::check_points(elements, &self.limits)?;
            if !matches!(
                dataset.datatype(),
                Datatype::Integer { .. } | Datatype::Float { .. }
            ) {
                return Err(Error::new(
                    ErrorKind::Malformed,
                    "expected numbers, found values of another class",
                ));
            }
            dataset
                .read_all()
                .and_then(|values| values.as_f64s())
                .map_err(foreign)
        };
        read().map_err(|error: Error| error.at(format_args!("/{path}")))
    }

    /// A small value as text: a string, or up to four numbers.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let dataset = self.datasets.get(path)?;
        let elements = dataset.dataspace().elements()?;
        let datatype = dataset.datatype();
        if elements == 0 || elements > SMALL || datatype.bytes() > MAX_ELEMENT {
            return None;
        }
        let values = dataset.read_all().ok()?;
        let text = match datatype {
            datatype if datatype.is_text() => values.as_strings().ok()?.join(" "),
            // The shortest text of the stored type, not of its f64.
            Datatype::Float { bytes: 4, .. } => {
                let numbers = values.as_f64s().ok()?;
                joined(numbers.into_iter().map(|number| number as f32))
            }
            Datatype::Float { .. } => joined(values.as_f64s().ok()?),
            _ => joined(values.as_integers().ok()?),
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
        let dataset = self.datasets.get(path)?;
        if dataset.dataspace().elements() != Some(1) {
            return None;
        }
        let values = dataset.read_all().ok()?;
        Some(values.as_integers().ok()?.first()? != &0)
    }
}

fn text_of(attribute: Attribute) -> Option<String> {
    let texts = attribute.values.as_strings().ok()?;
    Some(header::value(texts.first()?)).filter(|text| !text.is_empty())
}

fn joined<T: ToString>(numbers: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<_> = numbers
        .into_iter()
        .map(|number| number.to_string())
        .collect();
    texts.join(" ")
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
