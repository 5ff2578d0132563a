//! Writing TIFF: the layout of DECTRIS detectors, with their header text in `ImageDescription`.

use std::io;

use xscatter_core::{Frame, Result};

use super::directory;
use crate::pilatus;
use crate::write::{WriteDtype, invalid, pixel_bytes};

const PHOTOMETRIC: u16 = 262;
const STRIP_BYTES: u16 = 279;
/// Where the pixels start, as in the files of the detectors, unless the texts reach further.
const DATA: u32 = 4096;

/// Writes one frame as one uncompressed strip.
pub(crate) fn write(out: &mut dyn io::Write, frame: &Frame, dtype: WriteDtype) -> Result<()> {
    let pixels = pixel_bytes(frame, dtype)?;
    let (rows, columns) = frame.shape();
    let small =
        |number: usize| u32::try_from(number).map_err(|_| invalid("a TIFF holds less than 4 GiB"));
    let pixel_len = small(pixels.len())?;
    let sample_format = match dtype {
        WriteDtype::I32 => 2,
        WriteDtype::U16 | WriteDtype::U32 => 1,
        WriteDtype::F32 => 3,
    };
    let mut description = pilatus::write(&frame.info, "\n").into_bytes();
    description.push(0);
    // Directory, then text, then pixels.
    let entries = 11_u16;
    let texts = 8 + 2 + u32::from(entries) * 12 + 4;
    let data = DATA.max((texts + small(description.len())?).next_multiple_of(512));
    if u64::from(data) + u64::from(pixel_len) > u64::from(u32::MAX) {
        return Err(invalid("a TIFF holds less than 4 GiB"));
    }
    let (short, long) = (3_u16, 4_u16);
    let table: [(u16, u16, u32, u32); 11] = [
        (directory::WIDTH, long, 1, small(columns)?),
        (directory::HEIGHT, long, 1, small(rows)?),
        (directory::BITS, short, 1, dtype.bytes() as u32 * 8),
        (directory::COMPRESSION, short, 1, 1),
        (PHOTOMETRIC, short, 1, 1),
        (directory::DESCRIPTION, 2, small(description.len())?, texts),
        (directory::STRIP_OFFSETS, long, 1, data),
        (directory::SAMPLES_PER_PIXEL, short, 1, 1),
        (directory::ROWS_PER_STRIP, long, 1, small(rows)?),
        (STRIP_BYTES, long, 1, pixel_len),
        (directory::SAMPLE_FORMAT, short, 1, sample_format),
    ];
    if description.len() <= 4 {
        // An empty text stands in the entry itself.
        description.resize(4, 0);
    }
    let mut file = Vec::with_capacity(data as usize);
    file.extend(b"II*\0\x08\0\0\0");
    file.extend(entries.to_le_bytes());
    for (tag, kind, count, value) in table {
        let value = if tag == directory::DESCRIPTION && count <= 4 {
            0
        } else {
            value
        };
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    file.extend(description);
    file.resize(data as usize, 0);
    out.write_all(&file)?;
    out.write_all(&pixels)?;
    Ok(out.flush()?)
}
