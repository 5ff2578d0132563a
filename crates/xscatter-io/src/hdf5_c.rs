//! HDF5 through the C library: an oracle for the reader of this project. Feature `hdf5-c`.
//!
//! Use it to find out whether a doubtful file is read rightly, and for filters that only the C library
//! has (szip, n-bit, scale-offset). Not for anything else: it takes a global lock, copies once more, and
//! building it takes CMake and minutes. Its version is that of the crate hdf5-metno.

use std::path::Path;

use hdf5_metno::types::{FloatSize, IntSize, TypeDescriptor};
use hdf5_metno::{Dataset, File, H5Type, Hyperslab, SliceOrIndex};
use ndarray::{Array2, Ix2};
use xscatter_core::{Error, ErrorKind, Result};

use crate::pixels::Pixels;

/// Reads one image of a dataset; the last two axes are rows and columns, the others are counted through
/// with the last of them running fastest.
///
/// # Errors
/// If the C library cannot open or decode it, or if it is no array of numbers of two or more dimensions.
pub fn read_image(path: impl AsRef<Path>, dataset: &str, index: usize) -> Result<Pixels> {
    let path = path.as_ref();
    let read = || -> Result<Pixels> {
        let file = File::open(path).map_err(foreign)?;
        let dataset = file.dataset(dataset).map_err(foreign)?;
        let descriptor = dataset
            .dtype()
            .and_then(|dtype| dtype.to_descriptor())
            .map_err(foreign)?;
        macro_rules! image {
            ($kind:ident) => {
                image(&dataset, index).map(Pixels::$kind)
            };
        }
        match descriptor {
            TypeDescriptor::Unsigned(IntSize::U1) => image!(U8),
            TypeDescriptor::Unsigned(IntSize::U2) => image!(U16),
            TypeDescriptor::Unsigned(IntSize::U4) => image!(U32),
            TypeDescriptor::Unsigned(IntSize::U8) => image!(U64),
            TypeDescriptor::Integer(IntSize::U1) => image!(I8),
            TypeDescriptor::Integer(IntSize::U2) => image!(I16),
            TypeDescriptor::Integer(IntSize::U4) => image!(I32),
            TypeDescriptor::Integer(IntSize::U8) => image!(I64),
            TypeDescriptor::Float(FloatSize::U4) => image!(F32),
            TypeDescriptor::Float(FloatSize::U8) => image!(F64),
            other => Err(Error::new(
                ErrorKind::Unsupported,
                format!("expected numbers, found {other}"),
            )),
        }
    };
    read().map_err(|error| error.in_file(path).at(dataset))
}

fn image<T: H5Type>(dataset: &Dataset, index: usize) -> Result<Array2<T>> {
    let shape = dataset.shape();
    let Some(lead) = shape.len().checked_sub(2) else {
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!("expected two dimensions or more, found the shape {shape:?}"),
        ));
    };
    let mut place = index;
    let mut selection: Vec<SliceOrIndex> = shape[..lead]
        .iter()
        .rev()
        .map(|&len| {
            let at = place % len.max(1);
            place /= len.max(1);
            SliceOrIndex::Index(at)
        })
        .collect();
    selection.reverse();
    if place > 0 {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("expected an image of the shape {shape:?}, got number {index}"),
        ));
    }
    selection.extend(shape[lead..].iter().map(|&len| SliceOrIndex::SliceTo {
        start: 0,
        step: 1,
        end: len,
        block: 1,
    }));
    dataset
        .read_slice::<T, _, Ix2>(Hyperslab::from(selection))
        .map_err(foreign)
}

fn foreign(error: hdf5_metno::Error) -> Error {
    Error::new(ErrorKind::Malformed, format!("the C library: {error}")).with_source(error)
}
