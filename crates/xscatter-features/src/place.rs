//! Where a frame lies in space: its beam centre and its pixels in q, from its metadata.

use xscatter_core::{Error, ErrorKind, Frame, PixelPosition, Result};
use xscatter_geometry::{PixelMap, beam_centre_px};

use crate::resample::name_frame;

/// Where the direct beam meets the detector: by the geometry, else as the frame states it.
pub(crate) fn beam_centre(frame: &Frame) -> Result<PixelPosition> {
    let geometry = frame.info.geometry.as_ref();
    geometry
        .and_then(|geometry| beam_centre_px(geometry, frame.shape()))
        .or(frame.info.beam_centre_px)
        .ok_or_else(|| missing(frame, "a geometry or a beam centre"))
}

/// Where each pixel is in q and χ.
pub(crate) fn pixel_map(frame: &Frame) -> Result<PixelMap> {
    let geometry = frame.info.geometry.as_ref();
    let geometry = geometry.ok_or_else(|| missing(frame, "a geometry"))?;
    PixelMap::new(geometry, frame.shape()).map_err(|error| name_frame(error.into(), frame))
}

fn missing(frame: &Frame, what: &str) -> Error {
    let message = format!("expected {what}, found none");
    name_frame(Error::new(ErrorKind::MissingMetadata, message), frame)
}
