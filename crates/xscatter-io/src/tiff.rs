//! TIFF: one image or several, with or without the header text of a DECTRIS detector.
//!
//! The directory is read here, and what almost every detector writes (uncompressed, one sample a
//! pixel, strips in one piece) is decoded here too: by width, height and bits, never by
//! `StripByteCounts`, which some programs get wrong (fabio#232). Everything else (deflate, LZW,
//! tiles, predictors) goes through the crate `tiff`. A stack of ImageJ with one directory is read by its
//! description. A DECTRIS header is found by the content of
//! `ImageDescription` (tag 270), not by the place of the directory.

use std::io::Cursor;
use std::sync::Arc;

use tiff::decoder::{Decoder, DecodingResult};
use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::{Blob, Bytes};
use crate::config::ReadConfig;
use crate::header::{self, Header};
use crate::limits::Limits;
use crate::open::{About, Opened, ReadFrame};
use crate::pilatus;
use crate::pixels::{ByteOrder, Dtype, Pixels};

mod directory;
mod write;

use directory::Directory;
pub(crate) use write::write;

pub(crate) fn sniff(head: &[u8]) -> bool {
    const MAGIC: [&[u8]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];
    MAGIC.iter().any(|magic| head.starts_with(magic))
}

struct Tiff {
    blob: Blob,
    images: Vec<Image>,
    limits: Limits,
}

struct Image {
    shape: (usize, usize),
    dtype: Dtype,
    order: ByteOrder,
    /// Where the pixels are if they lie there in one piece; else the crate `tiff` decodes them.
    offset: Option<u64>,
    header: Arc<Header>,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let limits = &config.limits;
    let bytes = blob.open()?;
    let directories = directory::read_all(&bytes, limits)?;
    let mut images = directories
        .iter()
        .map(|directory| image(directory, &bytes, limits))
        .collect::<Result<Vec<_>>>()?;
    if let [only] = &*images {
        images = stack_of_imagej(only, bytes.len(), limits)?.unwrap_or(images);
    }
    // The crate `tiff` sets memory aside for what a tag claims.
    let lie = directories.iter().find_map(|directory| directory.too_long);
    if let Some(tag) = lie.filter(|_| images.iter().any(|image| image.offset.is_none())) {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!("expected values within the file of {} bytes", bytes.len()),
        )
        .at(format!("tag {tag}")));
    }
    let Some(first) = images.first() else {
        return Err(Error::new(
            ErrorKind::Malformed,
            "expected an image, found no directory",
        ));
    };
    Ok(Opened {
        shape: first.shape,
        dtype: first.dtype,
        frames: images.len(),
        linked: Vec::new(),
        reader: Box::new(Tiff {
            blob: blob.clone(),
            images,
            limits: *limits,
        }),
    })
}

fn image(directory: &Directory, bytes: &Bytes, limits: &Limits) -> Result<Image> {
    let required = |tag: u16, name: &str| {
        directory
            .number(tag)
            .ok_or_else(|| Error::new(ErrorKind::Malformed, format!("expected the tag {name}")))
    };
    let columns = required(directory::WIDTH, "ImageWidth")?;
    let rows = required(directory::HEIGHT, "ImageLength")?;
    let shape = limits.check_shape(rows, columns)?;
    let samples = directory.number(directory::SAMPLES_PER_PIXEL).unwrap_or(1);
    if samples != 1 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!("expected one sample a pixel, found {samples} (a colour picture)"),
        ));
    }
    let bits = directory.number(directory::BITS).unwrap_or(1);
    let sample_format = directory.number(directory::SAMPLE_FORMAT).unwrap_or(1);
    let dtype = match (sample_format, bits) {
        (1 | 4, 8) => Dtype::U8,
        (1 | 4, 16) => Dtype::U16,
        (1 | 4, 32) => Dtype::U32,
        (1 | 4, 64) => Dtype::U64,
        (2, 8) => Dtype::I8,
        (2, 16) => Dtype::I16,
        (2, 32) => Dtype::I32,
        (2, 64) => Dtype::I64,
        (3, 32) => Dtype::F32,
        (3, 64) => Dtype::F64,
        _ => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "expected 8 to 64 bits a pixel, found {bits} (sample format {sample_format})"
                ),
            ));
        }
    };
    let frame_bytes = (shape.0 * shape.1 * dtype.bytes()) as u64;
    let offset = contiguous(directory, shape, dtype);
    if is_plain(directory) {
        let first = offset.unwrap_or(0);
        let there = bytes.len().saturating_sub(first);
        if there < frame_bytes {
            return Err(Error::new(
                ErrorKind::Truncated,
                format!("expected {frame_bytes} bytes of pixels, found {there}"),
            )
            .at(format!("byte {first}")));
        }
    }
    Ok(Image {
        shape,
        dtype,
        order: directory.order,
        offset,
        header: Arc::new(header(directory)),
    })
}

/// The images of a stack that ImageJ wrote with one directory: one behind the other, as many as the
/// description says (`images=100`).
fn stack_of_imagej(first: &Image, len: u64, limits: &Limits) -> Result<Option<Vec<Image>>> {
    let count = first.header.get("ImageDescription").and_then(|text| {
        let (_, after) = text.strip_prefix("ImageJ=")?.split_once("images=")?;
        after.split_whitespace().next()?.parse().ok()
    });
    let (Some(count), Some(offset)) = (count.filter(|&count| count > 1), first.offset) else {
        return Ok(None);
    };
    let count = limits.check_frames(count)? as u64;
    let frame_bytes = (first.shape.0 * first.shape.1 * first.dtype.bytes()) as u64;
    let there = len.saturating_sub(offset);
    if there / frame_bytes < count {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!("expected {count} images of {frame_bytes} bytes, found {there} bytes"),
        )
        .at("ImageDescription"));
    }
    let image = |index| Image {
        offset: Some(offset + index * frame_bytes),
        header: Arc::clone(&first.header),
        ..*first
    };
    Ok(Some((0..count).map(image).collect()))
}

fn is_plain(directory: &Directory) -> bool {
    directory.number(directory::COMPRESSION).unwrap_or(1) == 1
}

/// Where the pixels start, if they are neither compressed nor scattered.
fn contiguous(directory: &Directory, shape: (usize, usize), dtype: Dtype) -> Option<u64> {
    let offsets = directory.numbers(directory::STRIP_OFFSETS)?;
    let &first = offsets.first()?;
    let rows_per_strip = directory
        .number(directory::ROWS_PER_STRIP)
        .unwrap_or(u64::MAX)
        .clamp(1, shape.0 as u64);
    let strip_bytes = rows_per_strip * (shape.1 * dtype.bytes()) as u64;
    let in_order = offsets
        .iter()
        .enumerate()
        .all(|(strip, &offset)| offset == first.saturating_add(strip as u64 * strip_bytes));
    let strips = (shape.0 as u64).div_ceil(rows_per_strip);
    (is_plain(directory) && in_order && offsets.len() as u64 == strips).then_some(first)
}

fn header(directory: &Directory) -> Header {
    const TEXTS: [(u16, &str); 6] = [
        (271, "Make"),
        (272, "Model"),
        (305, "Software"),
        (306, "DateTime"),
        (315, "Artist"),
        (316, "HostComputer"),
    ];
    let description = directory.text(directory::DESCRIPTION).unwrap_or("");
    let mut found = if pilatus::is_header(description) {
        pilatus::parse(description)
    } else {
        Header::new()
    };
    if found.is_empty() && !description.trim().is_empty() {
        found.insert("ImageDescription".to_owned(), header::value(description));
    }
    for (tag, name) in TEXTS {
        if let Some(text) = directory.text(tag) {
            let text = header::value(text);
            if !text.is_empty() {
                found.entry(name.to_owned()).or_insert(text);
            }
        }
    }
    found
}

impl ReadFrame for Tiff {
    fn about(&self, index: usize) -> Result<About> {
        let header = &self.images[index].header;
        Ok(About {
            header: Arc::clone(header),
            metadata: Arc::new(pilatus::stated(header)),
            ..Default::default()
        })
    }

    fn pixels(&self, index: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let image = &self.images[index];
        let bytes = self.blob.open()?;
        if let Some(offset) = image.offset {
            let len = image.shape.0 * image.shape.1 * image.dtype.bytes();
            bytes.check(offset, len as u64)?;
            pixels.fill(image.dtype, image.order, image.shape, |out| {
                bytes.read_into(offset, out)
            })?;
        } else {
            let whole = bytes.read_at(0, bytes.len())?;
            *pixels = decode(&whole, index, image, &self.limits)?.ok_or_else(|| {
                Error::new(ErrorKind::Malformed, "the pixels do not fill the shape")
            })?;
        }
        Ok(None)
    }
}

/// Decodes compressed or scattered pixels through the crate `tiff`.
fn decode(bytes: &[u8], index: usize, image: &Image, limits: &Limits) -> Result<Option<Pixels>> {
    let foreign = |error: tiff::TiffError| {
        let kind = match &error {
            tiff::TiffError::UnsupportedError(_) => ErrorKind::Unsupported,
            tiff::TiffError::LimitsExceeded => ErrorKind::LimitExceeded,
            tiff::TiffError::IoError(error)
                if error.kind() == std::io::ErrorKind::UnexpectedEof =>
            {
                ErrorKind::Truncated
            }
            _ => ErrorKind::Malformed,
        };
        Error::new(kind, format!("expected compressed pixels: {error}")).with_source(error)
    };
    let frame_bytes = image.shape.0 * image.shape.1 * image.dtype.bytes();
    // Deflate shrinks at most a thousandfold; a header that claims more pixels is lying.
    if frame_bytes / 1100 > bytes.len() {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!(
                "expected {frame_bytes} bytes of pixels, found a file of {}",
                bytes.len()
            ),
        ));
    }
    let mut allowed = tiff::decoder::Limits::default();
    // Strips are decoded one by one and may be padded.
    allowed.decoding_buffer_size = frame_bytes.saturating_add(1 << 20);
    allowed.intermediate_buffer_size = frame_bytes.saturating_add(1 << 20);
    allowed.ifd_value_size = limits.max_header_bytes;
    let mut decoder = Decoder::new(Cursor::new(bytes))
        .map_err(foreign)?
        .with_limits(allowed);
    decoder.seek_to_image(index).map_err(foreign)?;
    macro_rules! array {
        ($kind:ident, $values:expr) => {
            ndarray::Array2::from_shape_vec(image.shape, $values)
                .ok()
                .map(Pixels::$kind)
        };
    }
    Ok(match decoder.read_image().map_err(foreign)? {
        DecodingResult::U8(values) => array!(U8, values),
        DecodingResult::I8(values) => array!(I8, values),
        DecodingResult::U16(values) => array!(U16, values),
        DecodingResult::I16(values) => array!(I16, values),
        DecodingResult::U32(values) => array!(U32, values),
        DecodingResult::I32(values) => array!(I32, values),
        DecodingResult::U64(values) => array!(U64, values),
        DecodingResult::I64(values) => array!(I64, values),
        DecodingResult::F32(values) => array!(F32, values),
        DecodingResult::F64(values) => array!(F64, values),
        DecodingResult::F16(_) => None,
    })
}
