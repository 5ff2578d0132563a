//! What an HDF5 file holds: its small values, and the datasets that could be images.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use xscatter_hdf5::{
    ByteOrder as H5Order, Dataset, Datatype, File, Group, Node, Object, Target, Values,
};

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
    /// `None` for one in another file, which is not held open.
    pub(super) dataset: Option<Dataset>,
}

/// The listing of one file.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) scalars: BTreeMap<String, Scalar>,
    pub(super) arrays: Vec<Array>,
    /// The other files that this one draws on.
    pub(super) files: Vec<PathBuf>,
    /// Links that lead nowhere, with the reason.
    pub(super) dangling: Vec<(String, String)>,
    /// What is neither: curves, tables, lists. For the message to the user.
    pub(super) others: Vec<String>,
}

/// Elements up to which a dataset is read as a value of the header.
const SMALL: usize = 4;
/// Groups of other files that are listed.
const MOST_GROUPS: usize = 16;
/// Bytes of one element beyond which a value is not read.
const MAX_ELEMENT: usize = 1 << 16;

impl Tree {
    pub(super) fn read(file: &File) -> Self {
        let mut tree = Self::default();
        let mut groups = 0;
        for entry in file.walk() {
            let followed = matches!(entry.node, Node::Link(_)).then(|| entry.follow());
            let path = entry.path;
            match entry.node {
                Node::Object(Object::Dataset(dataset)) => tree.add(path, dataset, false),
                Node::Link(Target::External { file: name, .. }) => {
                    tree.files.extend(beside(file, &name));
                    match followed {
                        Some(Ok(Object::Dataset(dataset))) => tree.add(path, dataset, true),
                        Some(Ok(Object::Group(group))) if groups < MOST_GROUPS => {
                            groups += 1;
                            tree.enter(&path, &group);
                        }
                        Some(Err(error)) => tree.dangling.push((path, error.to_string())),
                        _ => {}
                    }
                }
                Node::Link(_) => match followed {
                    Some(Ok(Object::Dataset(dataset))) => tree.add(path, dataset, true),
                    Some(Err(error)) => tree.dangling.push((path, error.to_string())),
                    _ => {}
                },
                Node::Broken(error) => tree.others.push(format!("{path} ({error})")),
                _ => {}
            }
        }
        tree
    }

    /// Lists a group of another file; links in it are not followed.
    fn enter(&mut self, path: &str, group: &Group) {
        for entry in group.walk() {
            if let Node::Object(Object::Dataset(dataset)) = entry.node {
                self.add(format!("{path}/{}", entry.path), dataset, true);
            }
        }
    }

    fn add(&mut self, path: String, dataset: Dataset, linked: bool) {
        let Some(shape) = sizes(dataset.shape()) else {
            return;
        };
        let elements = shape
            .iter()
            .try_fold(1_usize, |n, &dim| n.checked_mul(dim))
            .unwrap_or(usize::MAX);
        let dtype = dtype(dataset.datatype()).map(|(dtype, _)| dtype);
        // Three axes are frames, however few pixels they have.
        let flat = shape.len() < 3 && shape.iter().filter(|&&dim| dim != 1).count() < 2;
        let small = elements > 0 && elements <= SMALL && !dataset.dataspace().is_null;
        if small && flat && dataset.datatype().bytes() <= MAX_ELEMENT {
            if let Some(scalar) = scalar(&dataset) {
                self.scalars.insert(path, scalar);
            }
        } else if let (Some(dtype), true) = (dtype, (2..=4).contains(&shape.len())) {
            self.files.extend(sources(&dataset));
            self.arrays.push(Array {
                path,
                shape,
                dtype,
                dataset: (!linked).then_some(dataset),
            });
        } else {
            let kind = match dtype {
                Some(dtype) => dtype.to_string(),
                None => class(dataset.datatype()).to_owned(),
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

/// A shape whose axes can be counted on this machine.
pub(super) fn sizes(shape: &[u64]) -> Option<Vec<usize>> {
    shape.iter().map(|&len| usize::try_from(len).ok()).collect()
}

/// Where a file that is named in this one is expected.
fn beside(file: &File, name: &Path) -> Option<PathBuf> {
    let folder = file.path()?.parent().unwrap_or(Path::new(""));
    Some(folder.join(name))
}

/// The files that a virtual dataset draws on; `%` stands for a number that only the container counts.
fn sources(dataset: &Dataset) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = dataset
        .mappings()
        .unwrap_or_default()
        .iter()
        .filter_map(|mapping| mapping.file())
        .filter(|name| !name.to_string_lossy().contains('%'))
        .filter_map(|name| beside(dataset.file(), name))
        .collect();
    files.sort();
    files.dedup();
    files
}

fn scalar(dataset: &Dataset) -> Option<Scalar> {
    let values = dataset.read_all().ok()?;
    let (text, numbers) = if values.datatype().is_text() {
        (values.as_strings().ok()?.join(" "), Vec::new())
    } else if let Ok(integers) = values.as_integers() {
        (
            joined(&integers),
            integers.iter().map(|&n| n as f64).collect(),
        )
    } else {
        let numbers = values.as_f64s().ok()?;
        (joined(&numbers), numbers)
    };
    let unit = attribute(dataset.attribute("units"));
    Some(Scalar {
        text: header::value(&text),
        number: match *numbers {
            [number] => Some(number),
            _ => None,
        },
        unit: unit.filter(|unit| !unit.is_empty()),
    })
}

/// The text of an attribute; a broken one is as good as none.
pub(super) fn attribute(
    found: xscatter_hdf5::Result<Option<xscatter_hdf5::Attribute>>,
) -> Option<String> {
    let values: Values = found.ok()??.values;
    let text = values.as_strings().ok()?.into_iter().next()?;
    Some(header::value(&text))
}

fn joined<T: ToString>(numbers: &[T]) -> String {
    let texts: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    texts.join(" ")
}

/// The pixel type of a datatype; `None` for what is no plain number.
pub(super) fn dtype(datatype: &Datatype) -> Option<(Dtype, ByteOrder)> {
    let native = |order: &H5Order| match order {
        H5Order::Big => ByteOrder::Big,
        H5Order::Little => ByteOrder::Little,
    };
    Some(match datatype {
        datatype if datatype.is_bool() => (Dtype::Bool, ByteOrder::NATIVE),
        Datatype::Integer {
            bytes,
            signed,
            order,
            whole: true,
        } => {
            let dtype = match (bytes, signed) {
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
            (dtype, native(order))
        }
        Datatype::Float {
            bytes,
            order,
            ieee: true,
        } => match bytes {
            4 => (Dtype::F32, native(order)),
            8 => (Dtype::F64, native(order)),
            _ => return None,
        },
        _ => return None,
    })
}

fn class(datatype: &Datatype) -> &'static str {
    match datatype {
        Datatype::Compound { .. } => "table of compound records",
        datatype if datatype.is_text() => "text",
        _ => "values that are no numbers",
    }
}
