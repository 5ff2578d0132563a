//! One frame as its file stores it, with what the file says about it.

use std::sync::Arc;

use xscatter_core::{Frame, FrameInfo, Mask, Result};

use crate::metadata::Metadata;
use crate::pixels::Pixels;

/// A frame before its pixels become `f32`.
#[derive(Debug, Clone, Default)]
pub struct RawFrame {
    /// The stored pixels, markers of bad pixels included.
    pub pixels: Pixels,
    /// Which pixels are no measurement; `None` if all are.
    pub mask: Option<Arc<Mask>>,
    /// Where the frame comes from and what its file says about it.
    pub info: FrameInfo,
    /// The quantities that the file states, each with its key.
    pub metadata: Arc<Metadata>,
}

impl RawFrame {
    /// The frame for every other layer; what is not a number becomes 0, and it is masked.
    ///
    /// # Errors
    /// If the mask has another shape than the pixels.
    pub fn into_frame(self) -> Result<Frame> {
        let is_float = matches!(self.pixels, Pixels::F32(_) | Pixels::F64(_));
        let mut counts = self.pixels.into_counts();
        if is_float {
            counts.mapv_inplace(|count| if count.is_finite() { count } else { 0.0 });
        }
        let frame = Frame::new(counts).with_info(self.info);
        Ok(match self.mask {
            Some(mask) => frame.with_mask(mask)?,
            None => frame,
        })
    }
}
