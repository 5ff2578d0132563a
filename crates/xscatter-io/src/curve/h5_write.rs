//! Small pieces of NeXus trees, written.

use rust_hdf5::{DatatypeMessage, H5Dataset, H5Group, H5Type, Hdf5Error, VarLenUnicode};
use xscatter_core::{Error, ErrorKind, Result};

/// An error of the writing container as one of ours.
pub(super) fn foreign(error: Hdf5Error) -> Error {
    Error::new(ErrorKind::Io, format!("expected to write HDF5: {error}")).with_source(error)
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
