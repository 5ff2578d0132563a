//! Writing CBF: byte offset with its checksum, and the header of the convention `PILATUS_1.2`.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use xscatter_codecs::{byte_offset, md5};
use xscatter_core::{Frame, Result};

use super::BINARY_START;
use crate::pilatus;
use crate::write::{WriteDtype, invalid, pixel_bytes};

/// Bytes behind the pixels, as the detectors write them.
const PADDING: usize = 4095;

/// Writes one frame; the only type is [`WriteDtype::I32`].
pub(crate) fn write(out: &mut dyn io::Write, frame: &Frame, dtype: WriteDtype) -> Result<()> {
    if dtype != WriteDtype::I32 {
        return Err(invalid(format!("CBF is written as I32, got {dtype:?}")));
    }
    let pixels: Vec<i32> = pixel_bytes(frame, WriteDtype::I32)?
        .chunks_exact(4)
        .map(|bytes| i32::from_le_bytes(bytes.try_into().expect("four bytes")))
        .collect();
    let mut payload = Vec::with_capacity(pixels.len() * 2);
    byte_offset::encode(&pixels, &mut payload);
    let (rows, columns) = frame.shape();
    let header = pilatus::write(&frame.info, "\r\n");
    let text = format!(
        "###CBF: VERSION 1.5, xscatter\r\n\r\ndata_frame\r\n\r\n\
         _array_data.header_convention \"PILATUS_1.2\"\r\n\
         _array_data.header_contents\r\n;\r\n{header};\r\n\r\n\
         _array_data.data\r\n;\r\n--CIF-BINARY-FORMAT-SECTION--\r\n\
         Content-Type: application/octet-stream;\r\n     conversions=\"x-CBF_BYTE_OFFSET\"\r\n\
         Content-Transfer-Encoding: BINARY\r\nX-Binary-Size: {size}\r\nX-Binary-ID: 1\r\n\
         X-Binary-Element-Type: \"signed 32-bit integer\"\r\n\
         X-Binary-Element-Byte-Order: LITTLE_ENDIAN\r\nContent-MD5: {md5}\r\n\
         X-Binary-Number-of-Elements: {elements}\r\n\
         X-Binary-Size-Fastest-Dimension: {columns}\r\n\
         X-Binary-Size-Second-Dimension: {rows}\r\nX-Binary-Size-Padding: {PADDING}\r\n\r\n",
        size = payload.len(),
        md5 = BASE64.encode(md5::digest(&payload)),
        elements = pixels.len(),
    );
    out.write_all(text.as_bytes())?;
    out.write_all(&BINARY_START)?;
    out.write_all(&payload)?;
    out.write_all(&[0; PADDING])?;
    out.write_all(b"\r\n--CIF-BINARY-FORMAT-SECTION----\r\n;\r\n\r\n")?;
    Ok(out.flush()?)
}
