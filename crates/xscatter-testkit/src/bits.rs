//! Bit-identity of arrays and frames, and masked variants of frames.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use xscatter_core::seed::derive;
use xscatter_core::{ErrorKind, Frame, Mask, PixelFlags, Result};

/// What stands in masked pixels: nothing, a huge value, a negative one, and what is no number.
pub(crate) const FILLS: [f32; 5] = [0.0, 1e30, -7.5, f32::NAN, f32::INFINITY];

/// The bits of a number, with one pattern for everything that is not a number.
fn bits(value: f32) -> u32 {
    if value.is_nan() {
        f32::NAN.to_bits()
    } else {
        value.to_bits()
    }
}

/// Where two arrays differ first, in words.
pub(crate) fn difference(left: ArrayView2<'_, f32>, right: ArrayView2<'_, f32>) -> Option<String> {
    if left.dim() != right.dim() {
        return Some(format!("{:?} and {:?} values", left.dim(), right.dim()));
    }
    left.indexed_iter()
        .zip(&right)
        .find(|((_, left), right)| bits(**left) != bits(**right))
        .map(|(((row, column), left), right)| {
            format!("{left} and {right} in row {row}, column {column}")
        })
}

/// An array, or the kind of error that stands in its place.
pub(crate) type Outcome = std::result::Result<Array2<f32>, ErrorKind>;

/// Where two outcomes differ first, in words.
pub(crate) fn outcome_difference(left: &Outcome, right: &Outcome) -> Option<String> {
    match (left, right) {
        (Ok(left), Ok(right)) => difference(left.view(), right.view()),
        (Err(left), Err(right)) if left == right => None,
        (left, right) => Some(format!("{} and {}", describe(left), describe(right))),
    }
}

fn describe(outcome: &Outcome) -> String {
    match outcome {
        Ok(values) => format!("{:?} values", values.dim()),
        Err(kind) => format!("an error of kind {kind:?}"),
    }
}

/// Where two frames differ first, in words; masked pixels count.
pub(crate) fn frame_difference(left: &Frame, right: &Frame) -> Option<String> {
    if let Some(place) = difference(left.counts(), right.counts()) {
        return Some(place);
    }
    if left.mask() != right.mask() {
        return Some(format!("masks {:?} and {:?}", left.mask(), right.mask()));
    }
    let (left, right) = (&left.info, &right.info);
    if (left.id(), left.group_or_file()) != (right.id(), right.group_or_file()) {
        return Some(format!("frames {} and {}", left.id(), right.id()));
    }
    let same_info = left.exposure_s.map(f64::to_bits) == right.exposure_s.map(f64::to_bits)
        && left.geometry == right.geometry
        && left.beam_centre_px == right.beam_centre_px
        && left.header == right.header;
    (!same_info).then(|| format!("other information about frame {}", left.id()))
}

/// Where two frames differ first among the pixels that may be used, in words.
pub(crate) fn valid_difference(left: &Frame, right: &Frame) -> Option<String> {
    if left.shape() != right.shape() {
        return Some(format!("shapes {:?} and {:?}", left.shape(), right.shape()));
    }
    let (_, columns) = left.shape();
    (0..left.as_slice().len()).find_map(|pixel| {
        let (row, column) = (pixel / columns, pixel % columns);
        let of = |frame: &Frame| {
            let flags = flags(frame, row, column);
            flags
                .is_valid()
                .then(|| (frame.counts()[(row, column)], flags))
        };
        let (left, right) = (of(left), of(right));
        let key =
            |pixel: Option<(f32, PixelFlags)>| pixel.map(|(count, flags)| (bits(count), flags));
        (key(left) != key(right))
            .then(|| format!("{left:?} and {right:?} in pixel ({row}, {column})"))
    })
}

/// The flags of a pixel, whether or not the frame has a mask.
pub(crate) fn flags(frame: &Frame, row: usize, column: usize) -> PixelFlags {
    frame
        .mask()
        .map_or(PixelFlags::VALID, |mask| mask.flags()[(row, column)])
}

/// The frame with about one pixel in eight, and one row, masked by a person; at least one pixel
/// stays valid if one was.
pub(crate) fn with_random_mask(frame: &Frame, seed: u64) -> Frame {
    let (rows, columns) = frame.shape();
    let mut mask = frame.mask().map_or_else(
        || Mask::all_valid((rows, columns)),
        |mask| Mask::clone(mask),
    );
    let masked_row = (derive(seed, u64::MAX) % rows.max(1) as u64) as usize;
    for row in 0..rows {
        for column in 0..columns {
            let draw = derive(seed, (row * columns + column) as u64);
            if draw.is_multiple_of(8) || (row == masked_row && rows > 4) {
                mask.insert(row, column, PixelFlags::USER);
            }
        }
    }
    if mask.invalid_count() == rows * columns {
        return frame.clone();
    }
    remask(frame, mask)
}

/// The frame with every pixel masked.
pub(crate) fn all_masked(frame: &Frame) -> Frame {
    remask(
        frame,
        Mask::new(Array2::from_elem(frame.shape(), PixelFlags::USER)),
    )
}

fn remask(frame: &Frame, mask: Mask) -> Frame {
    frame
        .clone()
        .with_mask(mask)
        .expect("the mask was made for this frame")
}

/// The frame with `fill` in every masked pixel.
pub(crate) fn filled(frame: &Frame, fill: f32) -> Frame {
    let mut frame = frame.clone();
    if let Some(mask) = frame.mask().map(Arc::clone) {
        for (count, flags) in frame.as_mut_slice().iter_mut().zip(mask.as_slice()) {
            if !flags.is_valid() {
                *count = fill;
            }
        }
    }
    frame
}

/// Where the frame lets a pixel through that is not a number.
pub(crate) fn valid_nan(frame: &Frame) -> Option<(usize, usize)> {
    frame
        .counts()
        .indexed_iter()
        .find(|((row, column), count)| count.is_nan() && frame.is_valid(*row, *column))
        .map(|(pixel, _)| pixel)
}

/// An array or the kind of the error.
pub(crate) fn outcome(result: Result<Array2<f32>>) -> Outcome {
    result.map_err(|error| error.kind())
}
