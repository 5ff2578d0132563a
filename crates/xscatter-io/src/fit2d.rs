//! Fit2D binary images (`.f2d`) and Fit2D masks (`.msk`).
//!
//! A binary image is the array `data_array` among the records of a Fit2D memory (integers or floats,
//! little-endian); a `data_mask` of the same shape beside it is applied (set = masked). A mask is one
//! bit a pixel; as an image it holds 1 where a pixel is masked. Rows come in the order of the file,
//! which Fit2D shows from the bottom upwards. Values carry no markers, and the records state no
//! geometry.
//!
//! Source: fabio 2026.6.0 (`fit2dimage.py`, `fit2dmaskimage.py`).

use std::sync::Arc;

use ndarray::Array2;
use xscatter_core::{Error, ErrorKind, Mask, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::header::Header;
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};
use crate::sentinel::SentinelPolicy;

pub(crate) mod mask;
mod records;

use records::{Array, Kind, Records};

pub(crate) fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"\\$FFF_START")
}

struct Fit2d {
    blob: Blob,
    image: Array,
    mask: Option<Arc<Mask>>,
    header: Arc<Header>,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let bytes = blob.open()?;
    let records = Records::read(bytes.len(), &config.limits, |offset, len| {
        bytes.read_up_to(offset, len)
    })?;
    let named = |name: &str| records.arrays.iter().find(|array| array.name == name);
    let image = named("data_array").cloned().ok_or_else(|| {
        let names: Vec<_> = records.arrays.iter().map(|array| &*array.name).collect();
        Error::new(
            ErrorKind::Unsupported,
            format!("expected the array data_array, found the arrays {names:?}"),
        )
    })?;
    let mask = match named("data_mask") {
        Some(array) if array.kind == Kind::Logical => {
            let stored = bytes.read_at(array.offset, array.stored_bytes())?;
            let bad: Vec<bool> = array.bits(&stored).iter().map(|&bit| bit != 0).collect();
            Some(mask_of(bad, array.shape, image.shape)?)
        }
        _ => None,
    };
    let dtype = match image.kind {
        Kind::Int => Dtype::I32,
        Kind::Real => Dtype::F32,
        Kind::Logical => Dtype::U8,
    };
    Ok(Opened {
        shape: image.shape,
        dtype,
        frames: 1,
        linked: Vec::new(),
        reader: Box::new(Fit2d {
            blob: blob.clone(),
            image,
            mask: mask.map(Arc::new),
            header: Arc::new(records.header),
        }),
    })
}

fn mask_of(bad: Vec<bool>, found: (usize, usize), expected: (usize, usize)) -> Result<Mask> {
    if found != expected {
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "expected a mask of {}x{} pixels as the image, found {}x{}",
                expected.0, expected.1, found.0, found.1
            ),
        )
        .at("array data_mask"));
    }
    let bad = Array2::from_shape_vec(found, bad)
        .map_err(|error| Error::new(ErrorKind::Malformed, error.to_string()))?;
    Ok(Mask::from_bad(bad.view()))
}

impl ReadFrame for Fit2d {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.header),
            mask: self.mask.clone(),
            policy: SentinelPolicy {
                negative: false,
                unsigned: false,
                cutoff: None,
            },
            ..Default::default()
        })
    }

    fn pixels(&self, _: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let image = &self.image;
        let stored = self
            .blob
            .open()?
            .read_at(image.offset, image.stored_bytes())?;
        let (dtype, elements) = match image.kind {
            Kind::Int => (Dtype::I32, image.compacted(&stored)),
            Kind::Real => (Dtype::F32, image.compacted(&stored)),
            Kind::Logical => (Dtype::U8, image.bits(&stored)),
        };
        pixels.fill(dtype, ByteOrder::Little, image.shape, |out| {
            if elements.len() != out.len() {
                return Err(Error::new(
                    ErrorKind::Malformed,
                    format!("expected {} bytes, found {}", out.len(), elements.len()),
                )
                .at("array data_array"));
            }
            out.copy_from_slice(&elements);
            Ok(())
        })?;
        Ok(None)
    }
}
