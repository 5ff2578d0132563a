//! Writing frames as detector files that this crate, and the programs of the field, read back.
//!
//! Counts are rounded to the nearest integer unless the type is a float. Masked pixels become the
//! marker of the type: −1 for a gap and −2 for anything else in signed integers, all bits set in
//! unsigned ones, NaN in floats; HDF5 files get a `pixel_mask` as well. A valid count that would read
//! back as a marker (below 0, too large) is an error, never changed in silence. The file appears
//! under its name only once it is complete.
//!
//! | format | frames | types | geometry |
//! |---|---|---|---|
//! | EDF | any | all | keys of pyFAI |
//! | CBF | one | `I32` | DECTRIS keys, and one line with the whole geometry |
//! | TIFF | one | all | as CBF, in `ImageDescription` |
//! | npy | any (3D if several) | `I32`, `F32` with masks, else all | none |
//! | NeXus | any | all | NXdetector, NXbeam, and the keys of pyFAI |

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use md5::{Digest, Md5};
use xscatter_core::{Error, ErrorKind, Frame, PixelFlags, Result};

use crate::cbf::{BINARY_START, encode_byte_offset};
use crate::format::Format;
use crate::header::{self, WARNING_KEY};
use crate::{nexus, pilatus, poni};

/// The stored type of the pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WriteDtype {
    /// Signed, 32 bits: what Pilatus detectors write.
    #[default]
    I32,
    /// Unsigned, 16 bits.
    U16,
    /// Unsigned, 32 bits: what Eiger detectors write.
    U32,
    /// IEEE 754, 32 bits: counts as they are.
    F32,
}

impl WriteDtype {
    const fn bytes(self) -> usize {
        match self {
            Self::U16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
        }
    }

    /// The little-endian bytes of one pixel; `None` for a valid count that the type cannot hold
    /// beside its markers.
    fn encode(self, count: f32, flags: PixelFlags, out: &mut Vec<u8>) -> Option<()> {
        let valid = flags.is_valid();
        let rounded = f64::from(count).round();
        let integer = |max: f64| (valid && (0.0..=max).contains(&rounded)).then_some(rounded);
        match self {
            Self::I32 => {
                let value = match valid {
                    true => integer(f64::from(i32::MAX))? as i32,
                    false if flags.contains(PixelFlags::GAP) => -1,
                    false => -2,
                };
                out.extend(value.to_le_bytes());
            }
            Self::U16 => {
                let value = if valid {
                    integer(f64::from(u16::MAX - 1))? as u16
                } else {
                    u16::MAX
                };
                out.extend(value.to_le_bytes());
            }
            Self::U32 => {
                let value = if valid {
                    integer(f64::from(u32::MAX - 3))? as u32
                } else {
                    u32::MAX
                };
                out.extend(value.to_le_bytes());
            }
            Self::F32 => {
                if valid && !count.is_finite() {
                    return None;
                }
                let value = if valid { count } else { f32::NAN };
                out.extend(value.to_le_bytes());
            }
        }
        Some(())
    }
}

/// How the chunks of an HDF5 file are compressed; the other formats have one way each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// As they are.
    None,
    /// Deflate, which every program reads.
    #[default]
    Gzip,
    /// Bitshuffle and LZ4 (filter 32008), which is what DECTRIS detectors write.
    BitshuffleLz4,
}

/// How frames are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteOptions {
    /// The type of the pixels.
    pub dtype: WriteDtype,
    /// The compression of HDF5 chunks.
    pub compression: Compression,
}

/// Writes frames to one file; an existing one is replaced as a whole.
///
/// # Errors
/// If there is no frame, several for a format that holds one, frames of different shapes, a count
/// that the type cannot hold, or the file cannot be written. An existing file is then left as it was.
pub fn write(
    path: impl AsRef<Path>,
    format: Format,
    frames: &[Frame],
    options: &WriteOptions,
) -> Result<()> {
    let path = path.as_ref();
    let Some(first) = frames.first() else {
        return Err(invalid("expected at least one frame, got none").in_file(path));
    };
    let single = matches!(format, Format::Cbf | Format::Tiff);
    if single && frames.len() > 1 {
        let frames = frames.len();
        return Err(invalid(format!("{format} holds one frame, got {frames}")).in_file(path));
    }
    for (index, frame) in frames.iter().enumerate() {
        let (found, expected) = (frame.shape(), first.shape());
        if found != expected {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected {}x{} pixels as in frame 0, got {}x{}",
                    expected.0, expected.1, found.0, found.1
                ),
            )
            .in_file(path)
            .at(format!("frame {index}")));
        }
    }
    atomically(path, |temporary| match format {
        Format::Nexus => nexus::write(temporary, frames, options),
        Format::Edf => write_bytes(temporary, &edf(frames, options)?),
        Format::Cbf => write_bytes(temporary, &cbf(first, options)?),
        Format::Tiff => write_bytes(temporary, &tiff(first, options)?),
        Format::Npy => write_bytes(temporary, &npy(frames, options)?),
    })
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(File::create(path)?.write_all(bytes)?)
}

/// Lets `write` make a file under a temporary name in the same folder, then gives it its name; on
/// failure the temporary file goes and an earlier file stays.
pub(crate) fn atomically(path: &Path, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let Some(name) = path.file_name() else {
        return Err(invalid("expected the name of a file").in_file(path));
    };
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    temporary.push(format!(".{}-{number}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let result = write(&temporary).and_then(|()| Ok(std::fs::rename(&temporary, path)?));
    if result.is_err() {
        // The first error is the one to report; there may be no file at all.
        let _ = std::fs::remove_file(&temporary);
    }
    result.map_err(|error| error.in_file(path))
}

/// The pixels of a frame as little-endian bytes.
pub(crate) fn pixel_bytes(frame: &Frame, dtype: WriteDtype) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(frame.as_slice().len() * dtype.bytes());
    let flags = frame.mask().map(|mask| mask.as_slice());
    for (index, &count) in frame.as_slice().iter().enumerate() {
        let flags = flags.map_or(PixelFlags::VALID, |flags| flags[index]);
        dtype.encode(count, flags, &mut bytes).ok_or_else(|| {
            let columns = frame.shape().1;
            let (row, column) = (index / columns, index % columns);
            invalid(format!(
                "expected a count that {dtype:?} can hold beside its markers, got {count}"
            ))
            .at(format!("pixel ({row}, {column})"))
        })?;
    }
    Ok(bytes)
}

fn edf(frames: &[Frame], options: &WriteOptions) -> Result<Vec<u8>> {
    let data_type = match options.dtype {
        WriteDtype::I32 => "SignedInteger",
        WriteDtype::U16 => "UnsignedShort",
        WriteDtype::U32 => "UnsignedInteger",
        WriteDtype::F32 => "FloatValue",
    };
    let mut file = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        let pixels = pixel_bytes(frame, options.dtype)
            .map_err(|error| error.at(format!("frame {index}")))?;
        let (rows, columns) = frame.shape();
        let mut own = vec![
            ("EDF_DataBlockID".to_owned(), format!("{index}.Image.Psd")),
            ("EDF_BinarySize".to_owned(), pixels.len().to_string()),
            (
                "HeaderID".to_owned(),
                format!("EH:{index:06}:000000:000000"),
            ),
            ("Image".to_owned(), index.to_string()),
            ("ByteOrder".to_owned(), "LowByteFirst".to_owned()),
            ("DataType".to_owned(), data_type.to_owned()),
            ("Dim_1".to_owned(), columns.to_string()),
            ("Dim_2".to_owned(), rows.to_string()),
            ("Size".to_owned(), pixels.len().to_string()),
        ];
        if let Some(exposure_s) = frame.info.exposure_s {
            own.push(("ExposureTime".to_owned(), exposure_s.to_string()));
        }
        if let Some(geometry) = &frame.info.geometry {
            let numbers = poni::numbers(geometry);
            own.extend(
                numbers
                    .iter()
                    .map(|(k, v)| ((*k).to_owned(), v.to_string())),
            );
        } else if let Some(centre) = frame.info.beam_centre_px {
            own.push(("Center_1".to_owned(), centre.column.to_string()));
            own.push(("Center_2".to_owned(), centre.row.to_string()));
        }
        let brought = frame.info.header.iter().filter(|(key, value)| {
            let reserved = own.iter().any(|(name, _)| name.eq_ignore_ascii_case(key))
                || poni::KEYS.iter().any(|name| name.eq_ignore_ascii_case(key))
                || key.starts_with("EDF_")
                || ["Compression", "Dim_3", WARNING_KEY].contains(&key.as_str());
            let writable = |text: &str| {
                text.is_ascii() && !text.contains([';', '{', '}']) && !text.trim().is_empty()
            };
            !reserved && writable(key) && !key.contains('=') && writable(value)
        });
        let brought: Vec<_> = brought
            .map(|(k, v)| (k.clone(), header::value(v)))
            .collect();
        let mut text = String::from("{\n");
        for (key, value) in own.iter().chain(&brought) {
            text.push_str(&format!("{key} = {value} ;\n"));
        }
        // The header fills blocks of 512 bytes, its end included.
        let padding = 512 - (text.len() + 2) % 512;
        text.extend(std::iter::repeat_n(' ', padding % 512));
        text.push_str("}\n");
        file.extend(text.into_bytes());
        file.extend(pixels);
    }
    Ok(file)
}

fn cbf(frame: &Frame, options: &WriteOptions) -> Result<Vec<u8>> {
    const PADDING: usize = 4095;
    if options.dtype != WriteDtype::I32 {
        let dtype = options.dtype;
        return Err(invalid(format!("CBF is written as I32, got {dtype:?}")));
    }
    let pixels: Vec<i32> = pixel_bytes(frame, WriteDtype::I32)?
        .chunks_exact(4)
        .map(|bytes| i32::from_le_bytes(bytes.try_into().expect("four bytes")))
        .collect();
    let mut payload = Vec::with_capacity(pixels.len() * 2);
    encode_byte_offset(&pixels, &mut payload);
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
        md5 = BASE64.encode(Md5::digest(&payload)),
        elements = pixels.len(),
    );
    let mut file = text.into_bytes();
    file.extend(BINARY_START);
    file.extend(payload);
    file.extend(std::iter::repeat_n(0, PADDING));
    file.extend(b"\r\n--CIF-BINARY-FORMAT-SECTION----\r\n;\r\n\r\n");
    Ok(file)
}

fn tiff(frame: &Frame, options: &WriteOptions) -> Result<Vec<u8>> {
    const DATA: u32 = 4096;
    let pixels = pixel_bytes(frame, options.dtype)?;
    let (rows, columns) = frame.shape();
    let small =
        |number: usize| u32::try_from(number).map_err(|_| invalid("a TIFF holds less than 4 GiB"));
    let pixel_len = small(pixels.len())?;
    let sample_format = match options.dtype {
        WriteDtype::I32 => 2,
        WriteDtype::U16 | WriteDtype::U32 => 1,
        WriteDtype::F32 => 3,
    };
    let mut description = pilatus::write(&frame.info, "\n").into_bytes();
    description.push(0);
    // Directory, then texts, then pixels at byte 4096 as the detectors have it, or further on.
    let entries = 11_u16;
    let texts = 8 + 2 + u32::from(entries) * 12 + 4;
    let data = DATA.max((texts + small(description.len())?).next_multiple_of(512));
    if u64::from(data) + u64::from(pixel_len) > u64::from(u32::MAX) {
        return Err(invalid("a TIFF holds less than 4 GiB"));
    }
    let (short, long) = (3_u16, 4_u16);
    let table: [(u16, u16, u32, u32); 11] = [
        (256, long, 1, small(columns)?),
        (257, long, 1, small(rows)?),
        (258, short, 1, options.dtype.bytes() as u32 * 8),
        (259, short, 1, 1),
        (262, short, 1, 1),
        (270, 2, small(description.len())?, texts),
        (273, long, 1, data),
        (277, short, 1, 1),
        (278, long, 1, small(rows)?),
        (279, long, 1, pixel_len),
        (339, short, 1, sample_format),
    ];
    if description.len() <= 4 {
        // An empty text stands in the entry itself.
        description.resize(4, 0);
    }
    let mut file = Vec::with_capacity(data as usize + pixels.len());
    file.extend(b"II*\0\x08\0\0\0");
    file.extend(entries.to_le_bytes());
    for (tag, kind, count, value) in table {
        let value = if tag == 270 && count <= 4 { 0 } else { value };
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.extend(value.to_le_bytes());
    }
    file.extend(0_u32.to_le_bytes());
    file.extend(description);
    file.resize(data as usize, 0);
    file.extend(pixels);
    Ok(file)
}

fn npy(frames: &[Frame], options: &WriteOptions) -> Result<Vec<u8>> {
    let masked = frames
        .iter()
        .any(|frame| frame.valid_count() < frame.as_slice().len());
    let descr = match options.dtype {
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
    let mut file = b"\x93NUMPY\x01\0".to_vec();
    file.extend((length as u16).to_le_bytes());
    file.extend(text.into_bytes());
    for (index, frame) in frames.iter().enumerate() {
        let pixels = pixel_bytes(frame, options.dtype);
        file.extend(pixels.map_err(|error| error.at(format!("frame {index}")))?);
    }
    Ok(file)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}
