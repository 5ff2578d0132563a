//! Writing numpy arrays of version 1.0.

use std::io;

use xscatter_core::{Frame, Result};

use crate::write::{WriteDtype, invalid, pixel_bytes};

/// Writes one frame as a 2D array, several as a 3D one.
pub(crate) fn write(out: &mut dyn io::Write, frames: &[Frame], dtype: WriteDtype) -> Result<()> {
    let masked = frames
        .iter()
        .any(|frame| frame.valid_count() < frame.as_slice().len());
    let descr = match dtype {
        WriteDtype::I32 => "<i4",
        WriteDtype::F32 => "<f4",
        WriteDtype::U16 | WriteDtype::U32 if masked => {
            return Err(invalid(
                "npy has no marker for masked pixels in unsigned types: write I32 or F32",
            ));
        }
        WriteDtype::U16 => "<u2",
        WriteDtype::U32 => "<u4",
    };
    let (rows, columns) = frames[0].shape();
    let shape = match frames.len() {
        1 => format!("({rows}, {columns})"),
        frames => format!("({frames}, {rows}, {columns})"),
    };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    text.extend(std::iter::repeat_n(' ', length - 1 - text.len()));
    text.push('\n');
    out.write_all(b"\x93NUMPY\x01\0")?;
    out.write_all(&(length as u16).to_le_bytes())?;
    out.write_all(text.as_bytes())?;
    for (index, frame) in frames.iter().enumerate() {
        let pixels = pixel_bytes(frame, dtype);
        out.write_all(&pixels.map_err(|error| error.at(format!("frame {index}")))?)?;
    }
    Ok(out.flush()?)
}
