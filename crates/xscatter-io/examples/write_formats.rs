//! Writes one small series in every format, type and compression, for `tools/check/written_files.py` to read
//! with other programs.
//!
//! Usage: `write_formats FOLDER`. The count at row r and column c of frame f is (1000 f + 37 r + 11 c) mod 997;
//! row 4 is a gap, and pixel (5, 6) is bad.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use ndarray::Array2;
use xscatter_core::{Frame, FrameInfo, Geometry, Mask, PixelFlags, PixelPosition};
use xscatter_io::write::write;
use xscatter_io::{Compression, Format, WriteDtype, WriteOptions};

const SHAPE: (usize, usize) = (24, 20);

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("expected a folder")?);
    std::fs::create_dir_all(&folder)?;
    for format in [
        Format::Edf,
        Format::Cbf,
        Format::Tiff,
        Format::Npy,
        Format::Nexus,
    ] {
        for dtype in [
            WriteDtype::I32,
            WriteDtype::U16,
            WriteDtype::U32,
            WriteDtype::F32,
        ] {
            for compression in [
                Compression::None,
                Compression::Gzip,
                Compression::BitshuffleLz4,
            ] {
                let compressed = compression != Compression::None;
                let only_i32 = format == Format::Cbf && dtype != WriteDtype::I32;
                if only_i32 || (compressed && format != Format::Nexus) {
                    continue;
                }
                let single = matches!(format, Format::Cbf | Format::Tiff);
                // npy has no marker for unsigned types.
                let unsigned = matches!(dtype, WriteDtype::U16 | WriteDtype::U32);
                let masked = format != Format::Npy || !unsigned;
                let frames = (0..if single { 1 } else { 3 })
                    .map(|index| frame(index, masked))
                    .collect::<Result<Vec<_>, _>>()?;
                let options = WriteOptions { dtype, compression };
                let name = format!("{dtype:?}-{compression:?}.{}", format.extension());
                write(folder.join(name), format, &frames, &options)?;
            }
        }
    }
    Ok(())
}

fn frame(index: usize, masked: bool) -> Result<Frame, Box<dyn Error>> {
    let counts = Array2::from_shape_fn(SHAPE, |(row, column)| {
        ((1000 * index + 37 * row + 11 * column) % 997) as f32
    });
    let centre = PixelPosition {
        row: 10.5,
        column: 7.25,
    };
    let geometry = Geometry::transmission(1.5, centre, 172e-6, 1.0e-10);
    let info = FrameInfo {
        exposure_s: Some(0.25),
        geometry: Some(Arc::new(geometry)),
        header: Arc::new([("Sample".to_owned(), "film 7".to_owned())].into()),
        ..Default::default()
    };
    let frame = Frame::new(counts).with_info(info);
    if !masked {
        return Ok(frame);
    }
    let mut mask = Mask::all_valid(SHAPE);
    for column in 0..SHAPE.1 {
        mask.set(4, column, PixelFlags::GAP);
    }
    mask.set(5, 6, PixelFlags::BAD);
    Ok(frame.with_mask(mask)?)
}
