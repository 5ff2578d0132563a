//! One image of an HDF5 file by the path of its dataset.

use xscatter_core::{Error, ErrorKind, Result};
use xscatter_hdf5::Scratch;

use super::tree::{self, Tree};
use super::{container, foreign, image_shape, read_image};
use crate::blob::Blob;
use crate::limits::Limits;
use crate::pixels::Pixels;

/// Reads a dataset with one image; without a name the only one called `pixel_mask` or `mask`.
pub(crate) fn read_dataset(
    blob: &Blob,
    name: Option<&str>,
    limits: &Limits,
) -> Result<(String, Pixels)> {
    let file = container::open(blob)?;
    let listing = Tree::read(&file);
    let wanted = |found: &str| match name {
        Some(name) => found.trim_start_matches('/') == name.trim_start_matches('/'),
        None => ["pixel_mask", "mask"].contains(&tree::last(found)),
    };
    let found: Vec<_> = listing
        .arrays
        .iter()
        .filter(|array| wanted(&array.path))
        .collect();
    let [array] = found[..] else {
        let all: Vec<_> = listing.arrays.iter().map(|array| &*array.path).collect();
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "expected one dataset {}, found {} of them among {all:?}",
                name.unwrap_or("called pixel_mask or mask"),
                found.len()
            ),
        ));
    };
    let images: usize = array.shape[..array.shape.len() - 2].iter().product();
    if images != 1 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("expected one image, found {images}"),
        )
        .at(&array.path));
    }
    let shape = image_shape(array, limits)?;
    let dataset = file.dataset(&array.path).map_err(foreign)?;
    let mut pixels = Pixels::default();
    read_image(&dataset, 0, shape, &mut pixels, &mut Scratch::default())
        .map_err(|error| error.at(&array.path))?;
    Ok((array.path.clone(), pixels))
}
