//! numpy arrays: one image (2D) or a stack of images (3D, the first axis is the frame).
//!
//! A plain array carries no header and no markers for unsigned pixels; negative values of signed
//! integers are taken for the markers that detectors write (−1 gap, other bad). Fortran order and
//! both byte orders are read.

use ndarray::Array2;
use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};
use crate::sentinel::SentinelPolicy;

mod header;
mod write;

pub(crate) use write::write;

pub(crate) fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"\x93NUMPY")
}

struct Npy {
    blob: Blob,
    shape: (usize, usize),
    dtype: Dtype,
    order: ByteOrder,
    fortran: bool,
    data_offset: u64,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let limits = &config.limits;
    let bytes = blob.open()?;
    let header = header::read(&bytes, limits)?;
    let (frames, rows, columns) = match *header.shape {
        [rows, columns] => (1, rows, columns),
        [frames, rows, columns] => (frames, rows, columns),
        ref shape => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("expected an array of 2 or 3 dimensions, found the shape {shape:?}"),
            ));
        }
    };
    if header.fortran && header.shape.len() == 3 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "expected a stack in C order, found Fortran order",
        ));
    }
    let shape = limits.check_shape(rows, columns)?;
    let frames = limits.check_frames(frames)?;
    let claimed = (shape.0 * shape.1 * header.dtype.bytes()) as u128 * frames as u128;
    let there = bytes.len() - header.data_offset;
    if u128::from(there) < claimed {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!("expected {claimed} bytes of pixels, found {there}"),
        )
        .at(format!("byte {}", header.data_offset)));
    }
    let reader = Npy {
        blob: blob.clone(),
        shape,
        dtype: header.dtype,
        order: header.order,
        fortran: header.fortran,
        data_offset: header.data_offset,
    };
    Ok(Opened {
        shape,
        dtype: header.dtype,
        frames,
        linked: Vec::new(),
        reader: Box::new(reader),
    })
}

impl ReadFrame for Npy {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            policy: SentinelPolicy {
                unsigned: false,
                ..Default::default()
            },
            ..Default::default()
        })
    }

    fn pixels(&self, index: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let frame_bytes = (self.shape.0 * self.shape.1 * self.dtype.bytes()) as u64;
        let offset = self.data_offset + index as u64 * frame_bytes;
        let bytes = self.blob.open()?;
        bytes.check(offset, frame_bytes)?;
        let stored = if self.fortran {
            (self.shape.1, self.shape.0)
        } else {
            self.shape
        };
        pixels.fill(self.dtype, self.order, stored, |out| {
            bytes.read_into(offset, out)
        })?;
        if self.fortran {
            *pixels = transposed(std::mem::take(pixels));
        }
        Ok(None)
    }
}

fn transposed(pixels: Pixels) -> Pixels {
    fn flip<T: Clone>(values: Array2<T>) -> Array2<T> {
        values.reversed_axes().as_standard_layout().into_owned()
    }
    match pixels {
        Pixels::U8(values) => Pixels::U8(flip(values)),
        Pixels::I8(values) => Pixels::I8(flip(values)),
        Pixels::U16(values) => Pixels::U16(flip(values)),
        Pixels::I16(values) => Pixels::I16(flip(values)),
        Pixels::U32(values) => Pixels::U32(flip(values)),
        Pixels::I32(values) => Pixels::I32(flip(values)),
        Pixels::U64(values) => Pixels::U64(flip(values)),
        Pixels::I64(values) => Pixels::I64(flip(values)),
        Pixels::F32(values) => Pixels::F32(flip(values)),
        Pixels::F64(values) => Pixels::F64(flip(values)),
    }
}
