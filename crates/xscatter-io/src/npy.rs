//! numpy arrays: one image (2D) or a stack of images (3D, the first axis is the frame).
//!
//! A plain array carries no header and no markers for unsigned pixels; negative values of signed
//! integers are taken for the markers that detectors write (−1 gap, other bad). Fortran order and
//! both byte orders are read. The header is parsed by npyz, the pixels are decoded in bulk.

use std::io::Cursor;

use ndarray::Array2;
use npyz::{DType, Order, TypeChar};
use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::limits::Limits;
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};
use crate::sentinel::SentinelPolicy;

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
    frames: usize,
    data_offset: u64,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let limits = &config.limits;
    let bytes = blob.open()?;
    let head = bytes.head(limits.max_header_bytes.min(1 << 20) as u64)?;
    check_header_length(&head, limits)?;
    let mut cursor = Cursor::new(&head[..]);
    let header = npyz::NpyHeader::from_reader(&mut cursor)
        .map_err(|error| malformed(format!("expected an npy header: {error}")))?;
    let data_offset = cursor.position();
    let (dtype, order) = dtype(&header.dtype())?;
    let (frames, rows, columns) = match *header.shape() {
        [rows, columns] => (1, rows, columns),
        [frames, rows, columns] => (frames, rows, columns),
        ref shape => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("expected an array of 2 or 3 dimensions, found the shape {shape:?}"),
            ));
        }
    };
    let fortran = header.order() == Order::Fortran;
    if fortran && header.shape().len() == 3 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "expected a stack in C order, found Fortran order",
        ));
    }
    let shape = limits.check_shape(rows, columns)?;
    let frames = limits.check_frames(frames)?;
    let claimed = (shape.0 * shape.1 * dtype.bytes()) as u128 * frames as u128;
    let there = bytes.len() - data_offset;
    if u128::from(there) < claimed {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!("expected {claimed} bytes of pixels, found {there}"),
        )
        .at(format!("byte {data_offset}")));
    }
    let reader = Npy {
        blob: blob.clone(),
        shape,
        dtype,
        order,
        fortran,
        frames,
        data_offset,
    };
    Ok(Opened {
        shape,
        dtype,
        frames: reader.frames,
        linked: Vec::new(),
        reader: Box::new(reader),
    })
}

/// The stated length of the header text, before anything is allocated for it.
fn check_header_length(head: &[u8], limits: &Limits) -> Result<()> {
    let field = |range: std::ops::Range<usize>| {
        let bytes = head.get(range)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0_u64, |n, &b| n << 8 | u64::from(b)),
        )
    };
    let length = match head.get(6) {
        Some(1) => field(8..10).map(|length| length + 10),
        Some(2 | 3) => field(8..12).map(|length| length + 12),
        _ => None,
    };
    match length {
        Some(length) if length > limits.max_header_bytes as u64 => Err(Error::new(
            ErrorKind::LimitExceeded,
            format!("the header claims {length} bytes"),
        )),
        Some(length) if length <= head.len() as u64 => Ok(()),
        _ => Err(Error::new(
            ErrorKind::Truncated,
            "the file ends within its header",
        )),
    }
}

fn dtype(dtype: &DType) -> Result<(Dtype, ByteOrder)> {
    let unsupported = || {
        Error::new(
            ErrorKind::Unsupported,
            format!("expected numbers, found the type {}", dtype.descr()),
        )
    };
    let DType::Plain(plain) = dtype else {
        return Err(unsupported());
    };
    let order = match plain.endianness() {
        npyz::Endianness::Big => ByteOrder::Big,
        npyz::Endianness::Little | npyz::Endianness::Irrelevant => ByteOrder::Little,
    };
    let found = match (plain.type_char(), plain.size_field()) {
        (TypeChar::Bool, 1) => Dtype::Bool,
        (TypeChar::Uint, 1) => Dtype::U8,
        (TypeChar::Uint, 2) => Dtype::U16,
        (TypeChar::Uint, 4) => Dtype::U32,
        (TypeChar::Uint, 8) => Dtype::U64,
        (TypeChar::Int, 1) => Dtype::I8,
        (TypeChar::Int, 2) => Dtype::I16,
        (TypeChar::Int, 4) => Dtype::I32,
        (TypeChar::Int, 8) => Dtype::I64,
        (TypeChar::Float, 4) => Dtype::F32,
        (TypeChar::Float, 8) => Dtype::F64,
        _ => return Err(unsupported()),
    };
    Ok((found, order))
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

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Malformed, message)
}
