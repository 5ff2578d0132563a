//! GE a-Si flat panels (GE 41RT, `.ge1` to `.ge5`): several frames of 8, 16 or 32 bits.
//!
//! A header of fixed fields (`ADEPT`, usually 8192 bytes), then the frames, little-endian. Files of the
//! Advanced Photon Source have two others in its place: since about 2018 8192 zeros, which are read as
//! frames of 2048x2048 pixels of 16 bits if the length of the file fits; since about 2022 a text like
//! that of an EDF, which states the number of frames (`Num_Images`), where an EDF would have a text for
//! each (fabio#553). The header states neither wavelength nor distance nor pixel size.
//!
//! Source: fabio 2026.6.0 (`GEimage.py`).

use std::sync::Arc;

use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::header::{self, Header};
use crate::limits::Limits;
use crate::metadata::{self, Metadata};
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};

/// Bytes that the fields of the standard header take.
const FIELDS: usize = 3332;
/// The header that was blanked, and the frames behind it.
const BLANK_HEADER: u64 = 8192;
const BLANK_SHAPE: (usize, usize) = (2048, 2048);

enum Field {
    /// So many bytes of text.
    Text(usize),
    U16,
    U32,
    F32,
    F64,
}

/// The fields that are kept, each with its place; the header has some 140 more of the electronics.
const KEPT: [(usize, Field, &str); 33] = [
    (0, Field::Text(10), "ImageFormat"),
    (10, Field::U16, "VersionOfStandardHeader"),
    (12, Field::U32, "StandardHeaderSizeInBytes"),
    (18, Field::U32, "UserHeaderSizeInBytes"),
    (22, Field::U16, "NumberOfFrames"),
    (24, Field::U16, "NumberOfRowsInFrame"),
    (26, Field::U16, "NumberOfColsInFrame"),
    (28, Field::U16, "ImageDepthInBits"),
    (30, Field::Text(20), "AcquisitionDate"),
    (50, Field::Text(20), "AcquisitionTime"),
    (70, Field::Text(20), "DUTID"),
    (90, Field::Text(50), "Operator"),
    (140, Field::Text(20), "DetectorSignature"),
    (160, Field::Text(20), "TestSystemName"),
    (220, Field::Text(40), "AcquisitionName"),
    (292, Field::U16, "HorizontalFlipped"),
    (294, Field::U16, "VerticalFlipped"),
    (300, Field::U16, "AcquisitionMode"),
    (512, Field::F64, "ExposeTimeDelayInMicrosecs"),
    (520, Field::F64, "TimeBetweenFramesInMicrosecs"),
    (530, Field::U16, "ExposureMode"),
    (540, Field::F64, "ExposePresetTimeInMicrosecs"),
    (548, Field::F32, "AcquisitionFrameRateInFps"),
    (696, Field::F32, "ExposureTimeInMillisecs"),
    (700, Field::F32, "FrameRateInFps"),
    (704, Field::F32, "kVp"),
    (708, Field::F32, "mA"),
    (712, Field::F32, "mAs"),
    (824, Field::F64, "TemperatureInDegC"),
    (954, Field::Text(20), "DetectorAppSwVersion"),
    (1114, Field::U16, "ColumnBinning"),
    (1116, Field::U16, "RowBinning"),
    (3132, Field::Text(200), "Comment"),
];

pub(crate) fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"ADEPT") || is_blank(head) || is_text(head)
}

/// Whether this is a text that speaks of several images.
fn is_text(head: &[u8]) -> bool {
    let keys = text_header(head);
    let images = keys.get("Num_Images").and_then(|text| text.parse().ok());
    keys.contains_key("EDF_HeaderSize") && images.is_some_and(|images: u64| images > 1)
}

/// The keys between the first braces: `key = value ;`.
fn text_header(head: &[u8]) -> Header {
    let mut header = Header::new();
    let text = head.strip_prefix(b"{").unwrap_or(b"");
    let end = text.iter().position(|&byte| byte == b'}');
    let Some(text) = end.map(|end| String::from_utf8_lossy(&text[..end])) else {
        return header;
    };
    for entry in text.split(';') {
        if let Some((key, value)) = entry.split_once('=') {
            header.insert(header::value(key), header::value(value));
        }
    }
    header
}

/// Whether this may be a header that was blanked; other files begin with zeros as well.
pub(crate) fn is_blank(head: &[u8]) -> bool {
    head.len() >= 4096 && head.iter().all(|&byte| byte == 0)
}

struct Ge {
    blob: Blob,
    layout: Layout,
    header: Arc<Header>,
    metadata: Arc<Metadata>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    shape: (usize, usize),
    dtype: Dtype,
    order: ByteOrder,
    frames: usize,
    data_offset: u64,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let bytes = blob.open()?;
    let head = bytes.head(BLANK_HEADER)?;
    let (layout, header) = if head.starts_with(b"ADEPT") {
        let header = parse(&head)?;
        let layout = Layout::new(&head, bytes.len(), &config.limits)?;
        (layout, header)
    } else if head.starts_with(b"{") {
        let header = text_header(&head);
        let layout = Layout::of_text(&header, bytes.len(), &config.limits)?;
        (layout, header)
    } else {
        (
            Layout::blank(&head, bytes.len(), &config.limits)?,
            Header::new(),
        )
    };
    let exposure = header
        .get("ExposureTimeInMillisecs")
        .and_then(|text| header::number(text))
        .map(|milliseconds| header::scaled(milliseconds, 1e-3));
    Ok(Opened {
        shape: layout.shape,
        dtype: layout.dtype,
        frames: layout.frames,
        linked: Vec::new(),
        reader: Box::new(Ge {
            blob: blob.clone(),
            layout,
            metadata: Arc::new(Metadata {
                exposure_s: metadata::positive(exposure, "ExposureTimeInMillisecs"),
                ..Default::default()
            }),
            header: Arc::new(header),
        }),
    })
}

fn parse(head: &[u8]) -> Result<Header> {
    if head.len() < FIELDS {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!("expected {FIELDS} bytes of header, found {}", head.len()),
        )
        .at("byte 0"));
    }
    let mut header = Header::new();
    for (at, field, name) in &KEPT {
        let value = match field {
            Field::Text(len) => {
                let text = head[*at..*at + len].split(|&byte| byte == 0).next();
                header::value(&String::from_utf8_lossy(text.unwrap_or(b"")))
            }
            Field::U16 => u16_at(head, *at).to_string(),
            Field::U32 => u32_at(head, *at).to_string(),
            Field::F32 => f32::from_bits(u32_at(head, *at)).to_string(),
            Field::F64 => {
                let low = u64::from(u32_at(head, *at));
                let high = u64::from(u32_at(head, *at + 4));
                f64::from_bits(high << 32 | low).to_string()
            }
        };
        if !value.is_empty() {
            header.insert((*name).to_owned(), value);
        }
    }
    Ok(header)
}

fn u16_at(head: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([head[at], head[at + 1]])
}

fn u32_at(head: &[u8], at: usize) -> u32 {
    u32::from(u16_at(head, at + 2)) << 16 | u32::from(u16_at(head, at))
}

impl Layout {
    /// From the fields of a header that is there as a whole.
    fn new(head: &[u8], len: u64, limits: &Limits) -> Result<Self> {
        let data_offset = u64::from(u32_at(head, 12)) + u64::from(u32_at(head, 18));
        let dtype = match u16_at(head, 28) {
            8 => Dtype::U8,
            16 => Dtype::U16,
            32 => Dtype::U32,
            found => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    format!("expected 8, 16 or 32 bits, found {found}"),
                )
                .at("field ImageDepthInBits"));
            }
        };
        Self {
            shape: limits.check_shape(u16_at(head, 24).into(), u16_at(head, 26).into())?,
            dtype,
            order: ByteOrder::Little,
            frames: limits.check_frames(u16_at(head, 22).into())?,
            data_offset,
        }
        .checked(len)
    }

    /// From the keys of a text.
    fn of_text(header: &Header, len: u64, limits: &Limits) -> Result<Self> {
        let bad = |key: &str, expected: &str| {
            let found = header.get(key).map_or("nothing", String::as_str);
            Error::new(
                ErrorKind::Malformed,
                format!("expected {expected}, found `{found}`"),
            )
            .at(format!("key {key}"))
        };
        let number = |key: &str| -> Result<u64> {
            let number = header.get(key).and_then(|text| text.parse().ok());
            number.ok_or_else(|| bad(key, "a whole number"))
        };
        let dtype = match header.get("DataType").map(String::as_str) {
            Some("UnsignedShort") => Dtype::U16,
            Some("UnsignedInteger" | "UnsignedLong") => Dtype::U32,
            Some("UnsignedByte") => Dtype::U8,
            Some("SignedInteger" | "SignedLong") => Dtype::I32,
            Some("FloatValue" | "Float") => Dtype::F32,
            _ => return Err(bad("DataType", "a type of pixels such as UnsignedShort")),
        };
        let order = match header.get("ByteOrder").map(String::as_str) {
            Some("HighByteFirst") => ByteOrder::Big,
            Some("LowByteFirst") | None => ByteOrder::Little,
            Some(_) => return Err(bad("ByteOrder", "LowByteFirst or HighByteFirst")),
        };
        Self {
            shape: limits.check_shape(number("Dim_2")?, number("Dim_1")?)?,
            dtype,
            order,
            frames: limits.check_frames(number("Num_Images")?)?,
            data_offset: number("EDF_HeaderSize")?,
        }
        .checked(len)
    }

    /// Itself, if a file of `len` bytes holds all frames.
    fn checked(self, len: u64) -> Result<Self> {
        if self.frames == 0 {
            return Err(
                Error::new(ErrorKind::Malformed, "expected a frame, found 0")
                    .at("number of frames"),
            );
        }
        let claimed = u128::from(self.frame_bytes()) * self.frames as u128;
        let there = len.saturating_sub(self.data_offset);
        if u128::from(there) < claimed {
            return Err(Error::new(
                ErrorKind::Truncated,
                format!(
                    "expected {claimed} bytes for {} frames, found {there}",
                    self.frames
                ),
            )
            .at(format!("byte {}", self.data_offset)));
        }
        Ok(self)
    }

    /// Of a file whose header was blanked: the number of frames follows from its length.
    fn blank(head: &[u8], len: u64, limits: &Limits) -> Result<Self> {
        let mut layout = Self {
            shape: BLANK_SHAPE,
            dtype: Dtype::U16,
            order: ByteOrder::Little,
            frames: 0,
            data_offset: BLANK_HEADER,
        };
        let there = len.saturating_sub(BLANK_HEADER);
        let fits = there > 0 && there.is_multiple_of(layout.frame_bytes());
        if head.iter().any(|&byte| byte != 0) || (head.len() as u64) < BLANK_HEADER || !fits {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "expected a detector image, found zeros and a length ({len} bytes) that is not that \
                     of a GE file with a blank header"
                ),
            ));
        }
        limits.check_shape(BLANK_SHAPE.0 as u64, BLANK_SHAPE.1 as u64)?;
        layout.frames = limits.check_frames(there / layout.frame_bytes())?;
        Ok(layout)
    }

    fn frame_bytes(&self) -> u64 {
        (self.shape.0 * self.shape.1 * self.dtype.bytes()) as u64
    }
}

impl ReadFrame for Ge {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.header),
            metadata: Arc::clone(&self.metadata),
            ..Default::default()
        })
    }

    fn pixels(&self, index: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let layout = &self.layout;
        let offset = layout.data_offset + index as u64 * layout.frame_bytes();
        let bytes = self.blob.open()?;
        bytes.check(offset, layout.frame_bytes())?;
        pixels.fill(layout.dtype, layout.order, layout.shape, |out| {
            bytes.read_into(offset, out)
        })?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(frames: u16, rows: u16, columns: u16, depth: u16) -> Vec<u8> {
        let mut head = vec![0; 8192];
        head[..5].copy_from_slice(b"ADEPT");
        head[12..16].copy_from_slice(&8192_u32.to_le_bytes());
        for (at, value) in [(22, frames), (24, rows), (26, columns), (28, depth)] {
            head[at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
        head[50..58].copy_from_slice(b"12:30:00");
        head[696..700].copy_from_slice(&250.0_f32.to_le_bytes());
        head
    }

    #[test]
    fn fields_are_read_at_their_places() {
        let head = head(3, 5, 4, 16);
        let header = parse(&head).unwrap();
        assert_eq!(header["AcquisitionTime"], "12:30:00");
        assert_eq!(header["ExposureTimeInMillisecs"], "250");
        let layout = Layout::new(&head, 8192 + 120, &Limits::default()).unwrap();
        assert_eq!((layout.shape, layout.frames), ((5, 4), 3));
        assert_eq!(layout.dtype, Dtype::U16);
        assert!(parse(&head[..3000]).is_err());
    }

    #[test]
    fn claims_are_checked_against_the_file() {
        let limits = Limits::default();
        let kind = |frames, rows, depth, len| {
            Layout::new(&head(frames, rows, 4, depth), len, &limits)
                .unwrap_err()
                .kind()
        };
        assert_eq!(kind(3, 5, 16, 8192 + 119), ErrorKind::Truncated);
        assert_eq!(kind(0, 5, 16, 9000), ErrorKind::Malformed);
        assert_eq!(kind(1, 0, 16, 9000), ErrorKind::Malformed);
        assert_eq!(kind(1, 5, 12, 9000), ErrorKind::Unsupported);
    }

    #[test]
    fn a_blank_header_is_believed_only_if_the_length_fits() {
        let zeros = vec![0; 8192];
        assert!(sniff(&zeros[..4096]) && !sniff(&zeros[..4095]));
        let limits = Limits::default();
        let frame = 2048 * 2048 * 2;
        let layout = Layout::blank(&zeros, 8192 + 2 * frame, &limits).unwrap();
        assert_eq!(layout.frames, 2);
        for len in [8192, 8192 + frame - 1, 2 * frame] {
            let error = Layout::blank(&zeros, len, &limits).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
    }

    #[test]
    fn a_text_with_several_images_is_no_edf() {
        let text = b"{EDF_DataBlockID = 1.Image.Psd ; \r\nEDF_HeaderSize =       8192 ; \r\n\
            ByteOrder = LowByteFirst ; \r\nNum_Images = 3 ; \r\nDataType = UnsignedShort ; \r\n\
            Dim_1 = 4 ; \r\nDim_2 = 5 ; \r\nSize = 40 ; \r\n}\n";
        assert!(sniff(text));
        let header = text_header(text);
        let layout = Layout::of_text(&header, 8192 + 120, &Limits::default()).unwrap();
        assert_eq!((layout.shape, layout.frames), ((5, 4), 3));
        let error = Layout::of_text(&header, 8192 + 119, &Limits::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
        // One image, or the text of an EDF, is for the other reader.
        let text = String::from_utf8_lossy(text).into_owned();
        assert!(!sniff(text.replace("Images = 3", "Images = 1").as_bytes()));
        assert!(!sniff(b"{\nDim_1 = 4 ;\n}\n") && !sniff(b"{\nDim_1"));
        let header = text_header(text.replace("UnsignedShort", "Complex").as_bytes());
        let error = Layout::of_text(&header, 9000, &Limits::default()).unwrap_err();
        assert_eq!(error.place(), Some("key DataType"));
    }
}
