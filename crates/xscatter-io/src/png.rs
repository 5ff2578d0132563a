//! PNG pictures as images: grey levels of 1 to 16 bits, as they are stored.
//!
//! Levels are not scaled: a picture of one bit holds 0 and 1. They are no counts of a detector that
//! marks them, so there are no markers. A picture in colour, with a palette or with transparency is no
//! detector image, even if all of it is grey: beside frames lie plots and masks. As a mask it is read
//! by [`read_mask`](crate::read_mask). Texts of the picture (`tEXt`) stand in the header. Of an
//! animation the first picture is read.

use std::io::Cursor;
use std::sync::Arc;

use ::png::{BitDepth, ColorType, Decoder, DecodingError};
use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::header::{self, Header};
use crate::limits::Limits;
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{Dtype, Pixels};
use crate::sentinel::SentinelPolicy;

/// Deflate shrinks at most so much; a picture that claims more is lying.
const MAX_RATIO: usize = 1100;
/// What the decoder may set aside beside the picture.
const SCRATCH: usize = 1 << 18;

pub(crate) fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"\x89PNG\r\n\x1a\n")
}

struct Png {
    blob: Blob,
    limits: Limits,
    header: Arc<Header>,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let bytes = blob.open()?;
    let bytes = bytes.read_at(0, bytes.len())?;
    let reader = reader(&bytes, &config.limits)?;
    let info = reader.info();
    if info.color_type != ColorType::Grayscale {
        return Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "expected a detector image, found a PNG picture of the type {:?}; as a mask it can be read",
                info.color_type
            ),
        ));
    }
    let dtype = match info.bit_depth {
        BitDepth::Sixteen => Dtype::U16,
        _ => Dtype::U8,
    };
    let mut header = Header::new();
    for text in &info.uncompressed_latin1_text {
        header.insert(header::value(&text.keyword), header::value(&text.text));
    }
    Ok(Opened {
        shape: (info.height as usize, info.width as usize),
        dtype,
        frames: 1,
        linked: Vec::new(),
        reader: Box::new(Png {
            blob: blob.clone(),
            limits: config.limits,
            header: Arc::new(header),
        }),
    })
}

type Reader<'a> = ::png::Reader<Cursor<&'a [u8]>>;

fn reader<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Reader<'a>> {
    let mut decoder = Decoder::new(Cursor::new(bytes));
    decoder.set_ignore_iccp_chunk(true);
    let info = decoder.read_header_info().map_err(foreign)?;
    let shape = limits.check_shape(info.height.into(), info.width.into())?;
    let claimed = info
        .raw_row_length()
        .checked_mul(shape.0)
        .filter(|claimed| claimed / MAX_RATIO <= bytes.len())
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Truncated,
                format!(
                    "expected a picture of {}x{} pixels, found a file of {} bytes",
                    shape.0,
                    shape.1,
                    bytes.len()
                ),
            )
        })?;
    decoder.set_limits(::png::Limits {
        bytes: claimed.saturating_add(SCRATCH),
    });
    decoder.read_info().map_err(foreign)
}

fn foreign(error: DecodingError) -> Error {
    let kind = match &error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            ErrorKind::Truncated
        }
        DecodingError::LimitsExceeded => ErrorKind::LimitExceeded,
        _ => ErrorKind::Malformed,
    };
    Error::new(kind, format!("expected a whole PNG picture: {error}")).with_source(error)
}

/// A decoded picture: one to four samples a pixel of one or two bytes.
pub(crate) struct Picture {
    pub(crate) shape: (usize, usize),
    samples: Vec<u16>,
    channels: usize,
    has_alpha: bool,
    /// The largest sample that the depth can hold.
    full_scale: u16,
    is_wide: bool,
}

impl Picture {
    pub(crate) fn decode(bytes: &[u8], limits: &Limits) -> Result<Self> {
        let mut reader = reader(bytes, limits)?;
        let size = reader.output_buffer_size().ok_or_else(|| {
            Error::new(
                ErrorKind::LimitExceeded,
                "the picture does not fit into memory",
            )
        })?;
        let mut buffer = vec![0; size];
        reader.next_frame(&mut buffer).map_err(foreign)?;
        let info = reader.info();
        let shape = (info.height as usize, info.width as usize);
        let bits = info.bit_depth as usize;
        let samples_per_pixel = info.color_type.samples();
        let per_row = shape.1 * samples_per_pixel;
        let row_bytes = size / shape.0;
        let stored = buffer.chunks_exact(row_bytes.max(1)).flat_map(|row| {
            (0..per_row).map(move |index| match bits {
                16 => u16::from_be_bytes([row[2 * index], row[2 * index + 1]]),
                8 => u16::from(row[index]),
                _ => {
                    let place = index * bits;
                    let shift = 8 - bits - place % 8;
                    u16::from(row[place / 8]) >> shift & ((1 << bits) - 1)
                }
            })
        });
        let mut picture = Self {
            shape,
            samples: Vec::new(),
            channels: samples_per_pixel,
            has_alpha: matches!(info.color_type, ColorType::GrayscaleAlpha | ColorType::Rgba),
            full_scale: if bits == 16 {
                u16::MAX
            } else {
                (1 << bits) - 1
            },
            is_wide: bits == 16,
        };
        if info.color_type == ColorType::Indexed {
            let palette = info.palette.as_deref().unwrap_or(&[]);
            let alpha = info.trns.as_deref().unwrap_or(&[]);
            (picture.channels, picture.has_alpha, picture.full_scale) = (4, true, 255);
            picture.samples.reserve_exact(4 * shape.0 * shape.1);
            for index in stored {
                let index = usize::from(index);
                let Some(colour) = palette.get(3 * index..3 * index + 3) else {
                    return Err(Error::new(
                        ErrorKind::Malformed,
                        format!(
                            "expected a colour below {}, found {index}",
                            palette.len() / 3
                        ),
                    )
                    .at("palette"));
                };
                picture
                    .samples
                    .extend(colour.iter().map(|&part| u16::from(part)));
                let opacity = alpha.get(index).copied().unwrap_or(255);
                picture.samples.push(opacity.into());
            }
        } else {
            picture.samples = stored.collect();
        }
        Ok(picture)
    }

    /// The grey levels; those of a colour are its luminance (Rec. 601).
    ///
    /// # Errors
    /// At the first pixel that is transparent.
    pub(crate) fn into_levels(self) -> Result<Vec<u16>> {
        if self.channels == 1 {
            return Ok(self.samples);
        }
        let pixels = self.samples.chunks_exact(self.channels).enumerate();
        pixels
            .map(|(index, samples)| {
                let (colour, alpha) = samples.split_at(self.channels - usize::from(self.has_alpha));
                if alpha.first().is_some_and(|&alpha| alpha != self.full_scale) {
                    let (row, column) = (index / self.shape.1, index % self.shape.1);
                    return Err(Error::new(
                        ErrorKind::Unsupported,
                        "expected an opaque picture, found a transparent pixel",
                    )
                    .at(format!("pixel ({row}, {column})")));
                }
                Ok(match *colour {
                    [red, green, blue] => {
                        let [red, green, blue] = [red, green, blue].map(u32::from);
                        ((299 * red + 587 * green + 114 * blue) / 1000) as u16
                    }
                    _ => colour[0],
                })
            })
            .collect()
    }
}

impl ReadFrame for Png {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.header),
            policy: SentinelPolicy {
                unsigned: false,
                ..Default::default()
            },
            ..Default::default()
        })
    }

    fn pixels(&self, _: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let bytes = self.blob.open()?;
        let bytes = bytes.read_at(0, bytes.len())?;
        let picture = Picture::decode(&bytes, &self.limits)?;
        let (shape, is_wide) = (picture.shape, picture.is_wide);
        let levels = picture.into_levels()?;
        if is_wide {
            pixels.fill_values(Dtype::U16, shape, |out| {
                out.copy_from_slice(&levels);
                Ok(())
            })?;
        } else {
            pixels.fill_values(Dtype::U8, shape, |out: &mut [u8]| {
                for (out, level) in out.iter_mut().zip(levels) {
                    *out = level as u8;
                }
                Ok(())
            })?;
        }
        Ok(None)
    }
}
