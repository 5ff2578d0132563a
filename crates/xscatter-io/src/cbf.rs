//! The crystallographic binary file: text, then one image in byte-offset compression.
//!
//! The compression is that of [`xscatter_codecs::byte_offset`]. The checksum (`Content-MD5`) is
//! verified on every read; a mismatch is a warning and the frame is read all the same, because
//! programs other than the detector's own are known to write wrong ones (fabio#628).
//! Source: the layout as read by fabio 2026.6.0 and the convention `PILATUS_1.2`.

use std::sync::Arc;

use ndarray::Array2;
use xscatter_codecs::{CodecError, byte_offset, md5};
use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::{Blob, Bytes};
use crate::codec_error::codec_error;
use crate::config::ReadConfig;
use crate::header::{self, Header};
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::open::{About, Checked, Checksum, Opened, ReadFrame};
use crate::pilatus;
use crate::pixels::{ByteOrder, Dtype, Pixels};

mod write;

pub(crate) use write::write;

/// What stands between the text and the pixels.
pub(crate) const BINARY_START: [u8; 4] = [0x0c, 0x1a, 0x04, 0xd5];
const SECTION: &[u8] = b"--CIF-BINARY-FORMAT-SECTION--";

pub(crate) fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"###CBF")
}

struct Cbf {
    blob: Blob,
    shape: (usize, usize),
    dtype: Dtype,
    byte_offset: bool,
    data_offset: u64,
    data_len: u64,
    md5: Option<String>,
    header: Arc<Header>,
    metadata: Arc<Metadata>,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let limits = &config.limits;
    let bytes = blob.open()?;
    let (text, data_offset) = split_text(&bytes, limits)?;
    let section = find(&text, SECTION)
        .ok_or_else(|| malformed("expected a binary section, found none before the pixels"))?;
    let mime = Mime::parse(&String::from_utf8_lossy(&text[section + SECTION.len()..]));
    let header = pilatus::parse(&header_contents(&String::from_utf8_lossy(&text[..section])));

    let byte_offset = match mime.find("conversions").as_deref() {
        Some("x-cbf_byte_offset") => true,
        Some("x-cbf_none") | None => false,
        Some(other) => return Err(unsupported("conversions", "x-CBF_BYTE_OFFSET", other)),
    };
    if let Some(encoding) = mime.find("content-transfer-encoding")
        && encoding != "binary"
    {
        return Err(unsupported(
            "Content-Transfer-Encoding",
            "BINARY",
            &encoding,
        ));
    }
    let dtype = match mime.find("x-binary-element-type").as_deref() {
        None | Some("signed 32-bit integer") => Dtype::I32,
        Some("unsigned 32-bit integer") => Dtype::U32,
        Some("signed 16-bit integer") => Dtype::I16,
        Some("unsigned 16-bit integer") => Dtype::U16,
        Some("signed 8-bit integer") => Dtype::I8,
        Some("unsigned 8-bit integer") => Dtype::U8,
        Some(other) => {
            return Err(unsupported(
                "X-Binary-Element-Type",
                "an integer of 8, 16 or 32 bits",
                other,
            ));
        }
    };
    if let Some(order) = mime.find("x-binary-element-byte-order")
        && order != "little_endian"
    {
        return Err(unsupported(
            "X-Binary-Element-Byte-Order",
            "LITTLE_ENDIAN",
            &order,
        ));
    }
    let columns = mime.size("x-binary-size-fastest-dimension")?;
    let rows = mime.size("x-binary-size-second-dimension")?;
    let shape = limits.check_shape(rows, columns)?;
    let pixels = (shape.0 * shape.1) as u64;

    let there = bytes.len() - data_offset;
    let data_len = match mime.find("x-binary-size") {
        Some(_) => mime.size("x-binary-size")?,
        None => there,
    };
    if data_len > there {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!("expected {data_len} bytes of pixels (X-Binary-Size), found {there}"),
        )
        .at(format!("byte {data_offset}")));
    }
    // Every pixel takes at least one byte, so that nothing larger than the file is ever allocated.
    let least = if byte_offset {
        pixels
    } else {
        pixels * dtype.bytes() as u64
    };
    if data_len < least {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!(
                "expected at least {least} bytes for {rows}x{columns} pixels, found {data_len}"
            ),
        )
        .at("X-Binary-Size"));
    }
    let reader = Cbf {
        blob: blob.clone(),
        shape,
        dtype,
        byte_offset,
        data_offset,
        data_len,
        md5: mime.get("content-md5"),
        metadata: Arc::new(pilatus::stated(&header)),
        header: Arc::new(header),
    };
    Ok(Opened {
        shape,
        dtype,
        frames: 1,
        linked: Vec::new(),
        reader: Box::new(reader),
    })
}

/// The text before the pixels, and where the pixels begin.
fn split_text(bytes: &Bytes, limits: &Limits) -> Result<(Vec<u8>, u64)> {
    let limit = (limits.max_header_bytes as u64).min(bytes.len());
    let mut size = limit.min(16 << 10);
    loop {
        let mut text = bytes.head(size)?;
        if let Some(end) = find(&text, &BINARY_START) {
            text.truncate(end);
            return Ok((text, (end + BINARY_START.len()) as u64));
        }
        if size == limit {
            return Err(Error::new(
                ErrorKind::Truncated,
                format!(
                    "expected the start of the pixels (0C 1A 04 D5), found none in {size} bytes"
                ),
            ));
        }
        size = (size * 4).min(limit);
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack
        .windows(needle.len())
        .position(|window| window == needle)
}

/// The text between the semicolons of `_array_data.header_contents`.
fn header_contents(text: &str) -> String {
    let after = text
        .split_once("_array_data.header_contents")
        .map_or(text, |(_, after)| after);
    let mut lines = after.lines().skip_while(|line| !line.starts_with(';'));
    let first = lines.next().unwrap_or("").trim_start_matches(';');
    let block = lines.take_while(|line| !line.starts_with(';'));
    std::iter::once(first)
        .chain(block)
        .collect::<Vec<_>>()
        .join("\n")
}

/// The keys of the binary section.
struct Mime(Vec<(String, String)>);

impl Mime {
    fn parse(text: &str) -> Self {
        let pair = |line: &str| {
            let (key, value) = line.split_once([':', '='])?;
            let value = value.trim().trim_end_matches(';').trim_matches('"');
            Some((key.trim().to_ascii_lowercase(), value.to_owned()))
        };
        // A continuation (`conversions=…`) may stand on the line of its key.
        Self(
            text.lines()
                .flat_map(|line| line.split(';'))
                .filter_map(pair)
                .collect(),
        )
    }

    fn get(&self, key: &str) -> Option<String> {
        let (_, value) = self.0.iter().find(|(name, _)| name == key)?;
        Some(value.clone())
    }

    fn find(&self, key: &str) -> Option<String> {
        self.get(key).map(|value| value.to_ascii_lowercase())
    }

    fn size(&self, key: &str) -> Result<u64> {
        let text = self.get(key).unwrap_or_default();
        text.parse().map_err(|_| {
            malformed(format!(
                "expected a whole number, found `{}`",
                header::value(&text)
            ))
            .at(key)
        })
    }
}

impl ReadFrame for Cbf {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.header),
            metadata: Arc::clone(&self.metadata),
            ..Default::default()
        })
    }

    fn pixels(&self, _: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let stored = self.stored()?;
        let Some(stated) = self.md5.clone() else {
            self.fill(pixels, &stored, byte_offset::decode)?;
            return Ok(None);
        };
        let mut digest = None;
        self.fill(pixels, &stored, |stored, out| {
            let (taken, found) = byte_offset::decode_with_md5(stored, out)?;
            digest = Some(found);
            Ok(taken)
        })?;
        let found = digest.unwrap_or_else(|| md5::digest(&stored));
        Ok(Checksum { stored, stated }.compare(found))
    }

    fn pixels_unchecked(&self, _: usize, pixels: &mut Pixels) -> Result<Checked> {
        let stored = self.stored()?;
        self.fill(pixels, &stored, byte_offset::decode)?;
        Ok(match self.md5.clone() {
            Some(stated) => Checked::Later(Checksum { stored, stated }),
            None => Checked::Now(None),
        })
    }
}

impl Cbf {
    /// The pixels as they lie in the file.
    fn stored(&self) -> Result<Vec<u8>> {
        self.blob.open()?.read_at(self.data_offset, self.data_len)
    }

    /// Fills `pixels`, with `decode` if they are compressed.
    fn fill(
        &self,
        pixels: &mut Pixels,
        stored: &[u8],
        decode: impl FnOnce(&[u8], &mut [i32]) -> Result<usize, CodecError>,
    ) -> Result<()> {
        let decode = |out: &mut [i32]| {
            decode(stored, out)
                .map(drop)
                .map_err(|error| codec_error(error).at(format!("byte {}", self.data_offset)))
        };
        if !self.byte_offset {
            pixels.fill(self.dtype, ByteOrder::Little, self.shape, |out| {
                out.copy_from_slice(&stored[..out.len()]);
                Ok(())
            })
        } else if self.dtype == Dtype::I32 {
            pixels.fill(self.dtype, ByteOrder::NATIVE, self.shape, |out| {
                decode(bytemuck::cast_slice_mut(out))
            })
        } else {
            let mut values = vec![0; self.shape.0 * self.shape.1];
            decode(&mut values)?;
            *pixels = integers(values, self.dtype, self.shape)
                .ok_or_else(|| malformed("the pixels do not fill the shape"))?;
            Ok(())
        }
    }
}

/// Narrow types wrap at their own width, which is what truncation of the sum does.
fn integers(values: Vec<i32>, dtype: Dtype, shape: (usize, usize)) -> Option<Pixels> {
    let values = Array2::from_shape_vec(shape, values).ok()?;
    Some(match dtype {
        Dtype::I32 => Pixels::I32(values),
        Dtype::U32 => Pixels::U32(values.mapv(|value| value as u32)),
        Dtype::I16 => Pixels::I16(values.mapv(|value| value as i16)),
        Dtype::U16 => Pixels::U16(values.mapv(|value| value as u16)),
        Dtype::I8 => Pixels::I8(values.mapv(|value| value as i8)),
        Dtype::U8 => Pixels::U8(values.mapv(|value| value as u8)),
        _ => return None,
    })
}

fn unsupported(key: &str, expected: &str, found: &str) -> Error {
    let found = header::value(found);
    Error::new(
        ErrorKind::Unsupported,
        format!("expected {expected}, found `{found}`"),
    )
    .at(key)
}

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continuation_lines_and_either_separator() {
        let mime = Mime::parse(
            "\r\nContent-Type: application/octet-stream;\r\n     conversions=\"x-CBF_BYTE_OFFSET\"\r\n\
             X-Binary-Size= 12\r\nContent-MD5: ab==\r\n",
        );
        assert_eq!(mime.find("conversions").unwrap(), "x-cbf_byte_offset");
        assert_eq!(mime.size("x-binary-size").unwrap(), 12);
        assert_eq!(mime.get("content-md5").unwrap(), "ab==");
        assert_eq!(mime.size("absent").unwrap_err().place(), Some("absent"));
    }
}
