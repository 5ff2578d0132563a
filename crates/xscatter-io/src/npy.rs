//! numpy arrays: one image (2D) or a stack of images (3D, the first axis is the frame).
//!
//! A plain array carries no header and no markers for unsigned pixels; negative values of signed
//! integers are taken for the markers that detectors write (−1 gap, other bad). Fortran order and
//! both byte orders are read.

use ndarray::Array2;
use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::{Blob, Bytes};
use crate::config::ReadConfig;
use crate::limits::Limits;
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
    layout: Layout,
}

/// How the frames of an array lie in its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) shape: (usize, usize),
    pub(crate) dtype: Dtype,
    pub(crate) frames: usize,
    pub(crate) data_offset: u64,
    order: ByteOrder,
    fortran: bool,
}

impl Layout {
    /// From the header at the start of `bytes`, of which there need be no more than that.
    pub(crate) fn read(bytes: &Bytes, limits: &Limits) -> Result<Self> {
        let header = header::read(bytes, limits)?;
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
        Ok(Self {
            shape: limits.check_shape(rows, columns)?,
            dtype: header.dtype,
            frames: limits.check_frames(frames)?,
            data_offset: header.data_offset,
            order: header.order,
            fortran: header.fortran,
        })
    }

    /// Checks that `len` bytes hold the header and all frames.
    pub(crate) fn check(&self, len: u64) -> Result<()> {
        let claimed = u128::from(self.frame_bytes()) * self.frames as u128;
        let there = len.saturating_sub(self.data_offset);
        if u128::from(there) >= claimed {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Truncated,
            format!("expected {claimed} bytes of pixels, found {there}"),
        )
        .at(format!("byte {}", self.data_offset)))
    }

    pub(crate) fn frame_bytes(&self) -> u64 {
        (self.shape.0 * self.shape.1 * self.dtype.bytes()) as u64
    }

    /// Where a frame starts.
    pub(crate) fn frame_offset(&self, index: usize) -> u64 {
        self.data_offset + index as u64 * self.frame_bytes()
    }

    /// Lets `fill` write the bytes of a frame as they are stored.
    pub(crate) fn fill(
        &self,
        pixels: &mut Pixels,
        fill: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<()> {
        let stored = if self.fortran {
            (self.shape.1, self.shape.0)
        } else {
            self.shape
        };
        pixels.fill(self.dtype, self.order, stored, fill)?;
        if self.fortran {
            *pixels = transposed(std::mem::take(pixels));
        }
        Ok(())
    }
}

/// A plain array has no markers for unsigned pixels.
pub(crate) const POLICY: SentinelPolicy = SentinelPolicy {
    negative: true,
    unsigned: false,
    cutoff: None,
};

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let bytes = blob.open()?;
    let layout = Layout::read(&bytes, &config.limits)?;
    layout.check(bytes.len())?;
    Ok(Opened {
        shape: layout.shape,
        dtype: layout.dtype,
        frames: layout.frames,
        linked: Vec::new(),
        reader: Box::new(Npy {
            blob: blob.clone(),
            layout,
        }),
    })
}

impl ReadFrame for Npy {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            policy: POLICY,
            ..Default::default()
        })
    }

    fn pixels(&self, index: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let offset = self.layout.frame_offset(index);
        let bytes = self.blob.open()?;
        bytes.check(offset, self.layout.frame_bytes())?;
        self.layout
            .fill(pixels, |out| bytes.read_into(offset, out))?;
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
