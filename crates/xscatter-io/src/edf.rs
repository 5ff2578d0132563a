//! The ESRF data format: blocks of a text header in braces and the pixels that follow it.
//!
//! There is no specification; the rules here are those on which fabio 2026.6.0 and its issue threads
//! agree. A header ends at `}` and a line feed, whatever size it claims for itself (fabio#42, #332);
//! `Size` counts the padding behind the pixels (fabio#219, #297), so that the array is as large as
//! its dimensions say; a missing or unknown `DataType` is read as `u16` with a note under
//! [`WARNING_KEY`](crate::WARNING_KEY). Several frames, a general block with defaults, pixels in
//! another file and gzip inside the block are read. One pass at opening makes an index (silx#1168).

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use xscatter_core::{Error, ErrorKind, Geometry, PixelPosition, Result};

use crate::blob::{Blob, Bytes};
use crate::config::ReadConfig;
use crate::header::{self, Header, Stated};
use crate::limits::Limits;
use crate::open::{Opened, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};
use crate::poni;
use crate::raw::RawFrame;
use crate::sentinel::SentinelPolicy;

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
    header: Arc<Header>,
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
    limits: Limits,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let limits = &config.limits;
    let mut bytes = blob.open()?;
    let images = index(&mut bytes, blob.path(), limits)?;
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
            limits: *limits,
        }),
    })
}

/// The images of the file in order.
fn index(bytes: &mut Bytes, path: &Path, limits: &Limits) -> Result<Vec<Image>> {
    let mut images = Vec::new();
    let mut general = Header::new();
    let mut offset = 0;
    let mut block = 0;
    while let Some((text, data_offset)) = next_header(bytes, offset, limits)? {
        let mut header = general.clone();
        header.extend(parse(&text));
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
        let there = bytes.len() - data_offset;
        let found = block_images(header, data_offset, there, path, limits).map_err(at)?;
        limits.check_frames((images.len() + found.images.len()) as u64)?;
        images.extend(found.images);
        offset = data_offset.saturating_add(found.blob_bytes);
        block += 1;
    }
    Ok(images)
}

/// The text of the header that starts at `offset`, and where it ends; `None` at the end of the file.
fn next_header(bytes: &mut Bytes, offset: u64, limits: &Limits) -> Result<Option<(String, u64)>> {
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
            let header = String::from_utf8_lossy(&text[..end.0]).into_owned();
            let inside = header.split_once('{').map_or("", |(_, inside)| inside);
            return Ok(Some((inside.to_owned(), offset + end.1 as u64)));
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
    mut header: Header,
    data_offset: u64,
    there: u64,
    path: &Path,
    limits: &Limits,
) -> Result<BlockImages> {
    let size = |key: &str| -> Result<Option<u64>> {
        let Some(text) = header::find(&header, key) else {
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
    let order = match header::find(&header, "ByteOrder") {
        Some(order) if order.contains("High") => ByteOrder::Big,
        _ => ByteOrder::Little,
    };
    let packing = packing(header::find(&header, "Compression"))?;
    let external = header
        .get("EDF_BinaryFileName")
        .and_then(|name| Path::new(name).file_name())
        .map(|name| path.with_file_name(name));
    let external_offset = size("EDF_BinaryFilePosition")?.unwrap_or(0);
    let external_bytes = size("EDF_BinaryFileSize")?;

    let stated = header::find(&header, "DataType").map(str::to_owned);
    let dtype = stated.as_deref().and_then(dtype).unwrap_or_else(|| {
        let found = stated.as_deref().unwrap_or("none");
        header::warn(
            &mut header,
            &format!("DataType is {found}, read as UnsignedShort"),
        );
        Dtype::U16
    });
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
        data_offset
    };
    let header = Arc::new(header);
    let images = (0..stack as u64)
        .map(|image| Image {
            external: external.clone(),
            offset: first_offset.saturating_add(image.saturating_mul(frame_bytes)),
            stored,
            shape,
            dtype,
            order,
            packing,
            header: Arc::clone(&header),
        })
        .collect();
    Ok(BlockImages { images, blob_bytes })
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

/// What the header states, in SI units: the keys of pyFAI, else those of the ESRF.
fn stated(header: &Header) -> Stated {
    let text = |key: &str| header::find(header, key);
    let number = |key: &str| text(key).and_then(header::number);
    let exposure_s = [
        "ExposureTime",
        "Exposure_time",
        "acq_expo_time",
        "count_time",
    ]
    .into_iter()
    .find_map(number)
    .filter(|&seconds| seconds > 0.0);
    let centre = || {
        // ESRF coordinates count from the first pixel of the full sensor.
        let along = |axis: u8| {
            let centre = number(&format!("Center_{axis}"))?;
            Some(centre - number(&format!("Offset_{axis}")).unwrap_or(0.0))
        };
        Some(PixelPosition {
            row: along(2)?,
            column: along(1)?,
        })
    };
    let rotated = (1..=3)
        .any(|axis| number(&format!("DetectorRotation_{axis}")).is_some_and(|angle| angle != 0.0));
    let esrf = || {
        let length = |key: &str| text(key).and_then(|value| header::length(value, 1.0));
        let positive = |key: &str| length(key).filter(|&length| length > 0.0);
        let pixel2_m = positive("PSize_1")?;
        let pixel1_m = positive("PSize_2").unwrap_or(pixel2_m);
        let wavelength_m = positive("WaveLength")?;
        let distance_m = positive("SampleDistance")?;
        let centre = centre().filter(|_| !rotated)?;
        let mut geometry = Geometry::transmission(distance_m, centre, pixel1_m, wavelength_m);
        geometry.pixel2_m = pixel2_m;
        geometry.poni2_m = centre.column * pixel2_m;
        Some(geometry)
    };
    // pyFAI writes the geometry of the detector into the cakes and curves made from it.
    let integrated = header
        .keys()
        .any(|key| key == "chi_min" || key.starts_with("2th_") || key.starts_with("q_"));
    let geometry = if integrated {
        None
    } else {
        poni::geometry(number).or_else(esrf)
    };
    Stated {
        exposure_s,
        geometry: geometry.map(Arc::new),
        beam_centre_px: centre(),
        cutoff: None,
    }
}

impl ReadFrame for Edf {
    fn read(&self, index: usize) -> Result<RawFrame> {
        let image = &self.images[index];
        let bytes = match &image.external {
            None => self.blob.open()?.read_at(image.offset, image.stored)?,
            Some(path) => external(path, &self.limits)?
                .read_at(image.offset, image.stored)
                .map_err(|error| error.in_file(path))?,
        };
        let expected = image.shape.0 * image.shape.1 * image.dtype.bytes();
        let bytes = match image.packing {
            Packing::Plain => bytes,
            Packing::Gzip => unpack(MultiGzDecoder::new(&bytes[..]), expected)?,
            Packing::Zlib => unpack(ZlibDecoder::new(&bytes[..]), expected)?,
        };
        let pixels = Pixels::from_bytes(&bytes, image.dtype, image.order, image.shape)
            .ok_or_else(|| malformed("the pixels do not fill the shape"))?;
        let stated = stated(&image.header);
        Ok(RawFrame {
            mask: SentinelPolicy::default().mask(&pixels).map(Arc::new),
            pixels,
            info: stated.info(self.blob.path(), index, Arc::clone(&image.header)),
        })
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

fn unpack(decoder: impl Read, expected: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    decoder
        .take(expected as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| malformed(format!("expected compressed pixels: {error}")))?;
    if bytes.len() < expected {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!(
                "expected {expected} bytes of pixels after unpacking, found {}",
                bytes.len()
            ),
        ));
    }
    Ok(bytes)
}

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Malformed, message)
}
