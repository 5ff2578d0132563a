//! Pictures of frames and curves: colours, scales, text, PNG.
//!
//! [`image`] lays out a frame with its colour bar, [`plot`] a curve, [`sheet`] many small frames; all draw
//! on a [`canvas`].

pub(crate) mod canvas;
pub(crate) mod cells;
pub(crate) mod colour;
pub(crate) mod image;
pub(crate) mod plot;
pub(crate) mod scale;
pub(crate) mod sheet;
pub(crate) mod ticks;
