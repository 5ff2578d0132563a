//! The ESRF data format: blocks of a text header in braces and the pixels that follow it.
//!
//! There is no specification; the rules here are those on which fabio 2026.6.0 and its issue threads
//! agree. A header ends at `}` and a line feed, whatever size it claims for itself (fabio#42, #332);
//! `Size` counts the padding behind the pixels (fabio#219, #297), so that the array is as large as
//! its dimensions say; a missing or unknown `DataType` is read as `u16` with a warning. Several frames, a
//! general block with defaults, pixels in another file and gzip inside the block are read. One pass at
//! opening makes an index of places and shapes (silx#1168); the headers themselves are parsed again when
//! their frame is read, so that a series of any length takes little memory.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use xscatter_core::{Error, ErrorKind, Orientation, Result};

use crate::blob::{Blob, Bytes};
use crate::config::ReadConfig;
use crate::header::{self, Header};
use crate::limits::Limits;
use crate::metadata::{self, Metadata, Stated};
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};
use crate::poni;

mod write;

pub(crate) use write::write;

/// Longest header, unless `EDF_HeaderSize` says more.
const MAX_HEADER: u64 = 512 * 512;

pub(crate) fn sniff(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    let Some(body) = text.strip_prefix(b"{") else {
        return false;
    };
    // `{"` opens a JSON text, `{\nHEA` an ADSC image.
    let first_line = body.trim_ascii_start();
    let key_end = first_line.iter().position(|b| b"=;{}\"".contains(b));
    first_line.first().is_some_and(u8::is_ascii_alphanumeric)
        && key_end.is_some_and(|end| first_line[end] == b'=')
        && !first_line.starts_with(b"HEADER_BYTES")
}

/// Where the pixels of one frame are and what they are.
#[derive(Debug, Clone)]
struct Image {
    /// Another file that holds the pixels.
    external: Option<PathBuf>,
    offset: u64,
    /// Bytes on disk: those of the array, or of the compressed block.
    stored: u64,
    shape: (usize, usize),
    dtype: Dtype,
    order: ByteOrder,
    packing: Packing,
    /// Where the text of its header starts, and how long it is.
    header_offset: u64,
    header_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Packing {
    Plain,
    Gzip,
    Zlib,
}

struct Edf {
    blob: Blob,
    images: Vec<Image>,
    /// What the general block says of all frames.
    general: Header,
    limits: Limits,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let limits = &config.limits;
    let bytes = blob.open()?;
    let (images, general) = index(&bytes, blob, limits)?;
    let Some(first) = images.first() else {
        return Err(malformed(
            "expected an image, found a header without pixels",
        ));
    };
    if first.external.is_none() && first.offset.saturating_add(first.stored) > bytes.len() {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!(
                "expected {} bytes of pixels, found {}",
                first.stored,
                bytes.len().saturating_sub(first.offset)
            ),
        )
        .at(format!("byte {}", first.offset)));
    }
    Ok(Opened {
        shape: first.shape,
        dtype: first.dtype,
        frames: images.len(),
        linked: Vec::new(),
        reader: Box::new(Edf {
            blob: blob.clone(),
            images,
            general,
            limits: *limits,
        }),
    })
}

/// The images of the file in order, and what the general block says.
fn index(bytes: &Bytes, blob: &Blob, limits: &Limits) -> Result<(Vec<Image>, Header)> {
    let mut images = Vec::new();
    let mut general = Header::new();
    let mut offset = 0;
    let mut block = 0;
    while let Some(text) = next_header(bytes, offset, limits)? {
        let header = with_defaults(&general, &text.inside);
        let at = |error: Error| error.at(format!("header of block {block}"));
        if block == 0 && header.contains_key("EDF_DataFormatVersion") {
            general = header
                .iter()
                .filter(|(key, _)| {
                    !key.starts_with("EDF_")
                        && !["Size", "Image", "HeaderID"].contains(&key.as_str())
                })
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
        }
        let there = bytes.len() - text.end;
        let found = block_images(&header, &text, there, blob, limits).map_err(at)?;
        limits.check_frames((images.len() + found.images.len()) as u64)?;
        images.extend(found.images);
        offset = text.end.saturating_add(found.blob_bytes);
        block += 1;
    }
    Ok((images, general))
}

fn with_defaults(general: &Header, text: &str) -> Header {
    let own = parse(text);
    if general.is_empty() {
        return own;
    }
    let mut header = general.clone();
    header.extend(own);
    header
}

/// The text of one header.
struct HeaderText {
    /// What stands between the braces.
    inside: String,
    /// Where it starts, and where the pixels begin.
    start: u64,
    end: u64,
}

/// The header that starts at `offset`; `None` at the end of the file.
fn next_header(bytes: &Bytes, offset: u64, limits: &Limits) -> Result<Option<HeaderText>> {
    let mut limit = MAX_HEADER.min(limits.max_header_bytes as u64);
    let mut size = 512.min(limit);
    loop {
        let text = bytes.read_up_to(offset, size)?;
        let whole = (text.len() as u64) < size;
        let start = text
            .iter()
            .position(|byte| !byte.is_ascii_whitespace() && *byte != 0);
        match start.map(|start| text[start]) {
            Some(b'{') => {}
            None if whole => return Ok(None),
            None if size < limit => {
                size = (size * 4).min(limit);
                continue;
            }
            // What follows the last image is none of ours.
            _ if offset > 0 => return Ok(None),
            _ => return Err(malformed("expected a header in braces").at("byte 0")),
        }
        if let Some(end) = terminator(&text) {
            return Ok(Some(HeaderText {
                inside: inside(&text[..end.0]),
                start: offset,
                end: offset + end.1 as u64,
            }));
        }
        if let Some(claimed) = stated_header_size(&text) {
            limit = limit.max(claimed.min(limits.max_header_bytes as u64));
        }
        if whole || size >= limit {
            return Err(Error::new(
                ErrorKind::Truncated,
                format!(
                    "expected the end of the header (`}}` and a line feed), found none in {} bytes",
                    text.len()
                ),
            )
            .at(format!("byte {offset}")));
        }
        size = (size * 4).min(limit);
    }
}

/// What follows the opening brace.
fn inside(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let inside = text.split_once('{').map_or("", |(_, inside)| inside);
    inside.to_owned()
}

/// Where the header ends and where the pixels begin: around `}\n` or `}\r\n`, never `}\r` alone.
fn terminator(text: &[u8]) -> Option<(usize, usize)> {
    text.iter().enumerate().find_map(|(at, byte)| match byte {
        b'}' if text[at + 1..].starts_with(b"\n") => Some((at, at + 2)),
        b'}' if text[at + 1..].starts_with(b"\r\n") => Some((at, at + 3)),
        _ => None,
    })
}

fn stated_header_size(text: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(&text[..text.len().min(512)]).into_owned();
    let (_, after) = text.split_once("EDF_HeaderSize")?;
    let (_, value) = after.split_once('=')?;
    value.split(';').next()?.trim().parse().ok()
}

/// Keys and values of a header; of keys that differ in case alone the last one wins.
fn parse(text: &str) -> Header {
    let mut header = Header::new();
    let mut spelling: BTreeMap<String, String> = BTreeMap::new();
    for statement in text.split(';') {
        let Some((key, value)) = statement.split_once('=') else {
            continue;
        };
        let key = key.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if key.is_empty() || !key.is_ascii() || key.len() > 256 {
            continue;
        }
        if !key.starts_with("EDF_")
            && let Some(earlier) = spelling.insert(key.to_ascii_lowercase(), key.to_owned())
        {
            header.remove(&earlier);
        }
        header.insert(key.to_owned(), header::value(value));
    }
    header
}

struct BlockImages {
    images: Vec<Image>,
    /// Bytes between the header and the next one.
    blob_bytes: u64,
}

fn block_images(
    header: &Header,
    text: &HeaderText,
    there: u64,
    blob: &Blob,
    limits: &Limits,
) -> Result<BlockImages> {
    let size = |key: &str| -> Result<Option<u64>> {
        let Some(text) = header::find(header, key) else {
            return Ok(None);
        };
        let whole = text.split_whitespace().next().unwrap_or("");
        whole.parse().map(Some).map_err(|_| {
            malformed(format!("expected a whole number, found `{text}`")).at(format!("key {key}"))
        })
    };
    let blob_bytes = match size("EDF_BinarySize")? {
        Some(bytes) => Some(bytes),
        None => size("Size")?,
    };
    let columns = size("Dim_1")?.unwrap_or(0);
    if columns == 0 {
        let blob_bytes = blob_bytes.unwrap_or(0);
        let images = Vec::new();
        return Ok(BlockImages { images, blob_bytes });
    }
    let shape = limits.check_shape(size("Dim_2")?.unwrap_or(1), columns)?;
    let stack = limits.check_frames(size("Dim_3")?.unwrap_or(1))?;
    let order = match header::find(header, "ByteOrder") {
        Some(order) if order.contains("High") => ByteOrder::Big,
        _ => ByteOrder::Little,
    };
    let packing = packing(header::find(header, "Compression"))?;
    let external = header
        .get("EDF_BinaryFileName")
        .and_then(|name| Path::new(name).file_name())
        .map(|name| blob.path().with_file_name(name));
    if external.is_some() && !blob.is_on_disk() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "expected the pixels in the file itself, which is in memory, found them in another",
        )
        .at("key EDF_BinaryFileName"));
    }
    let external_offset = size("EDF_BinaryFilePosition")?.unwrap_or(0);
    let external_bytes = size("EDF_BinaryFileSize")?;

    let dtype = stated_dtype(header).0;
    let frame_bytes = (shape.0 * shape.1 * dtype.bytes()) as u64;
    let array_bytes = frame_bytes.saturating_mul(stack as u64);
    if stack > 1 && (packing != Packing::Plain || external.is_some()) {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "expected one image in a compressed or external block, found a stack (Dim_3)",
        ));
    }
    // Each image of a stack costs memory already when it is listed.
    if stack > 1 && array_bytes > there {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!("expected {array_bytes} bytes of pixels, found {there}"),
        ));
    }
    let stored = match packing {
        Packing::Plain => frame_bytes,
        _ => external_bytes.or(blob_bytes).ok_or_else(|| {
            malformed("expected the size of the compressed block").at("key EDF_BinarySize")
        })?,
    };
    let blob_bytes = match (&external, blob_bytes) {
        (Some(_), bytes) => bytes.unwrap_or(0),
        (None, bytes) => bytes.unwrap_or(array_bytes),
    };
    let first_offset = if external.is_some() {
        external_offset
    } else {
        text.end
    };
    let images = (0..stack as u64)
        .map(|image| Image {
            external: external.clone(),
            offset: first_offset.saturating_add(image.saturating_mul(frame_bytes)),
            stored,
            shape,
            dtype,
            order,
            packing,
            header_offset: text.start,
            header_bytes: text.end - text.start,
        })
        .collect();
    Ok(BlockImages { images, blob_bytes })
}

/// The type of the pixels, and a warning where the header does not state a known one.
fn stated_dtype(header: &Header) -> (Dtype, Option<String>) {
    let stated = header::find(header, "DataType");
    if let Some(dtype) = stated.and_then(dtype) {
        return (dtype, None);
    }
    let found = stated.unwrap_or("none");
    let warning = format!("DataType is {found}, read as UnsignedShort");
    (Dtype::U16, Some(warning))
}

fn packing(compression: Option<&str>) -> Result<Packing> {
    let name = compression.unwrap_or("").to_ascii_uppercase();
    if name.is_empty() || name.starts_with("NO") {
        Ok(Packing::Plain)
    } else if name.starts_with("GZ") {
        Ok(Packing::Gzip)
    } else if name.starts_with('Z') {
        Ok(Packing::Zlib)
    } else {
        Err(Error::new(
            ErrorKind::Unsupported,
            format!("expected no compression, gzip or zlib, found `{name}`"),
        )
        .at("key Compression"))
    }
}

fn dtype(name: &str) -> Option<Dtype> {
    Some(match name.to_ascii_lowercase().as_str() {
        "signedbyte" | "signed8" => Dtype::I8,
        "unsignedbyte" | "unsigned8" => Dtype::U8,
        "signedshort" | "signed16" => Dtype::I16,
        "unsignedshort" | "unsigned16" | "unsignedshortinteger" => Dtype::U16,
        "signedinteger" | "signed32" | "signedlong" => Dtype::I32,
        "unsignedinteger" | "unsigned32" | "unsignedlong" => Dtype::U32,
        "signed64" => Dtype::I64,
        "unsigned64" => Dtype::U64,
        "floatvalue" | "float" | "floatieee32" | "float32" => Dtype::F32,
        "double" | "doublevalue" | "floatieee64" | "doubleieee64" => Dtype::F64,
        _ => return None,
    })
}

/// What the header states: the keys of pyFAI, else those of the ESRF.
fn stated(header: &Header) -> Metadata {
    let text = |key: &str| header::find(header, key);
    let number = |key: &str| text(key).and_then(header::number);
    let length = |key: &str| {
        let value = text(key).and_then(|value| header::length(value, 1.0));
        metadata::positive(value, key)
    };
    // ESRF coordinates count from the first pixel of the full sensor.
    let centre = |axis: u8| {
        let centre = number(&format!("Center_{axis}"))?;
        Some(centre - number(&format!("Offset_{axis}")).unwrap_or(0.0))
    };
    let exposure_keys = [
        "ExposureTime",
        "Exposure_time",
        "acq_expo_time",
        "count_time",
    ];
    let exposure_s = exposure_keys
        .iter()
        .find_map(|key| metadata::positive(number(key), key));
    // pyFAI writes the geometry of the detector into the cakes and curves made from it.
    let integrated =
        |key: &String| key == "chi_min" || key.starts_with("2th_") || key.starts_with("q_");
    if header.keys().any(integrated) {
        return Metadata {
            exposure_s,
            ..Default::default()
        };
    }
    let pixel2_m = length("PSize_1");
    Metadata {
        wavelength_m: length("WaveLength"),
        distance_m: length("SampleDistance"),
        pixel1_m: length("PSize_2").or_else(|| pixel2_m.clone()),
        pixel2_m,
        beam_centre_px: centre(2)
            .zip(centre(1))
            .and_then(|(row, column)| metadata::centre(row, column, "Center_1, Center_2")),
        exposure_s,
        orientation: number("orientation")
            .and_then(|orientation| Orientation::from_number(orientation as u8))
            .map(|orientation| Stated::new(orientation, "orientation")),
        pose: poni::geometry(number)
            .map(|pose| Stated::new(pose, "dist, poni1, poni2, rot1, rot2, rot3")),
        tilted: [
            "DetectorRotation_1",
            "DetectorRotation_2",
            "DetectorRotation_3",
        ]
        .into_iter()
        .find_map(|key| {
            let angle = number(key).filter(|&angle| angle != 0.0)?;
            Some(Stated::new(angle, key))
        }),
        ..Default::default()
    }
}

impl ReadFrame for Edf {
    fn about(&self, index: usize) -> Result<About> {
        let image = &self.images[index];
        let text = self
            .blob
            .open()?
            .read_at(image.header_offset, image.header_bytes)?;
        let end = terminator(&text).map_or(text.len(), |(end, _)| end);
        let header = with_defaults(&self.general, &inside(&text[..end]));
        Ok(About {
            metadata: Arc::new(stated(&header)),
            warnings: stated_dtype(&header).1.into_iter().collect(),
            header: Arc::new(header),
            ..Default::default()
        })
    }

    fn pixels(&self, index: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let image = &self.images[index];
        let bytes = match &image.external {
            None => self.blob.open()?,
            Some(path) => external(path, &self.limits)?,
        };
        let named = |error: Error| match &image.external {
            None => error,
            Some(path) => error.in_file(path),
        };
        bytes.check(image.offset, image.stored).map_err(named)?;
        let expected = image.shape.0 * image.shape.1 * image.dtype.bytes();
        // Deflate shrinks at most a thousandfold; a header that claims more pixels is lying.
        if image.packing != Packing::Plain && expected as u64 / 1100 > image.stored {
            return Err(too_few(expected));
        }
        pixels.fill(image.dtype, image.order, image.shape, |out| {
            if image.packing == Packing::Plain {
                return bytes.read_into(image.offset, out).map_err(named);
            }
            let packed = bytes.read_at(image.offset, image.stored).map_err(named)?;
            match image.packing {
                Packing::Zlib => unpack(ZlibDecoder::new(&packed[..]), out),
                _ => unpack(MultiGzDecoder::new(&packed[..]), out),
            }
        })?;
        Ok(None)
    }
}

/// Opens the file with the pixels, or its gzipped form.
fn external(path: &Path, limits: &Limits) -> Result<Bytes> {
    let open = |path: &Path| Blob::new(path, limits)?.open();
    let mut gzipped = path.as_os_str().to_owned();
    gzipped.push(".gz");
    open(path)
        .or_else(|error| open(Path::new(&gzipped)).map_err(|_| error))
        .map_err(|error| error.in_file(path))
}

fn unpack(mut decoder: impl Read, out: &mut [u8]) -> Result<()> {
    decoder.read_exact(out).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => too_few(out.len()),
        _ => malformed(format!("expected compressed pixels: {error}")),
    })
}

fn too_few(expected: usize) -> Error {
    Error::new(
        ErrorKind::Truncated,
        format!("expected {expected} bytes of pixels after unpacking, found less"),
    )
}

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Malformed, message)
}
