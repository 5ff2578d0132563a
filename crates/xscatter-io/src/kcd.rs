//! Nonius KappaCCD images (`.kcd`).
//!
//! A text header (`key = value` lines behind one that begins with `No`), then one or two read-outs of
//! unsigned 16-bit pixels at the end of the file, which are summed. A pixel that is saturated in
//! every read-out is an overflow. The header gives the pixel size of the unbinned camera: in `Binned
//! mode` it is doubled, as dxtbx and Maud do. It states no beam centre, so there is no geometry.
//!
//! Source: fabio 2026.6.0 (`kcdimage.py`), dxtbx (`FormatNoniusKappaCCD.py`).

use std::sync::Arc;

use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::header::{self, Header};
use crate::limits::Limits;
use crate::metadata::{self, Metadata, Stated};
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{Dtype, Pixels};
use crate::sentinel::SentinelPolicy;

/// Bytes in which the header must end; real ones have some 1300.
const MAX_HEADER: u64 = 1 << 16;
/// Read-outs of one image; cameras make one or two.
const MAX_READOUTS: u64 = 16;
/// A longer line is no longer text.
const MAX_LINE: usize = 100;

pub(crate) fn sniff(head: &[u8]) -> bool {
    let has = |key: &[u8]| head.windows(key.len()).any(|window| window == key);
    head.starts_with(b"No") && has(b"\nX dimension") && has(b"\nNumber of readouts")
}

struct Kcd {
    blob: Blob,
    layout: Layout,
    header: Arc<Header>,
    metadata: Arc<Metadata>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    shape: (usize, usize),
    readouts: usize,
    /// Where the header ends; the pixels lie at the end of the file.
    header_bytes: u64,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let bytes = blob.open()?;
    let (header, header_bytes) = parse(&bytes.head(MAX_HEADER)?);
    let layout = Layout::new(&header, header_bytes, &config.limits)?;
    layout.data_offset(bytes.len())?;
    Ok(Opened {
        shape: layout.shape,
        dtype: Dtype::I32,
        frames: 1,
        linked: Vec::new(),
        reader: Box::new(Kcd {
            blob: blob.clone(),
            metadata: Arc::new(stated(&header, &layout)),
            layout,
            header: Arc::new(header),
        }),
    })
}

/// The keys of the text, and where it ends.
fn parse(bytes: &[u8]) -> (Header, u64) {
    let mut header = Header::new();
    let mut end = 0;
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let text = std::str::from_utf8(line)
            .ok()
            .filter(|line| line.is_ascii() && line.len() <= MAX_LINE && line.ends_with('\n'));
        match text.map(|text| (text, text.split_once('='))) {
            Some((_, Some((key, value)))) => {
                header.insert(key.trim().to_owned(), header::value(value));
            }
            Some((text, None)) if text.trim() == "Binned mode" => {
                header.insert("Mode".to_owned(), "Binned".to_owned());
            }
            Some((text, None)) if index == 0 => {
                header.insert("Name".to_owned(), header::value(text));
            }
            _ => break,
        }
        end += line.len() as u64;
    }
    (header, end)
}

impl Layout {
    fn new(header: &Header, header_bytes: u64, limits: &Limits) -> Result<Self> {
        let number = |key: &str, default: Option<u64>| -> Result<u64> {
            let found = header.get(key).map(|text| text.trim());
            let number = match found {
                Some(text) => text.parse().ok(),
                None => default,
            };
            number.ok_or_else(|| {
                Error::new(
                    ErrorKind::Malformed,
                    format!(
                        "expected a whole number, found `{}`",
                        found.unwrap_or("nothing")
                    ),
                )
                .at(format!("key {key}"))
            })
        };
        if let Some(kind) = header.get("Data type").filter(|kind| *kind != "u16") {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("expected u16, found `{kind}`"),
            )
            .at("key Data type"));
        }
        let shape =
            limits.check_shape(number("Y dimension", None)?, number("X dimension", None)?)?;
        let readouts = number("Number of readouts", Some(1))?;
        if !(1..=MAX_READOUTS).contains(&readouts) {
            return Err(Error::new(
                ErrorKind::Malformed,
                format!("expected 1 to {MAX_READOUTS}, found {readouts}"),
            )
            .at("key Number of readouts"));
        }
        Ok(Self {
            shape,
            readouts: readouts as usize,
            header_bytes,
        })
    }

    fn data_offset(&self, len: u64) -> Result<u64> {
        let expected = (self.shape.0 * self.shape.1 * 2 * self.readouts) as u64;
        let there = len.saturating_sub(self.header_bytes);
        if there < expected {
            return Err(Error::new(
                ErrorKind::Truncated,
                format!("expected {expected} bytes of pixels, found {there}"),
            )
            .at(format!("byte {}", self.header_bytes)));
        }
        Ok(len - expected)
    }
}

fn stated(header: &Header, layout: &Layout) -> Metadata {
    let number = |key: &str| header.get(key).and_then(|text| header::number(text));
    let binned = header.get("Mode").is_some_and(|mode| mode == "Binned");
    let pixel = |key: &str| {
        let size_um = number(key)? * if binned { 2.0 } else { 1.0 };
        metadata::positive(Some(header::scaled(size_um, 1e-6)), key)
    };
    // The mean of the two lines of a tube, weighted by their intensities.
    let alpha = |key: &str| number(key).filter(|&wavelength| wavelength > 0.0);
    let ratio = number("Alpha1/Alpha2 ratio").filter(|&ratio| ratio > 0.0);
    let wavelength = match (alpha("Alpha1"), alpha("Alpha2"), ratio) {
        (Some(first), Some(second), Some(ratio)) => Some((ratio * first + second) / (ratio + 1.0)),
        (first, _, _) => first,
    };
    let length = |value: Option<f64>, unit_m: f64, key: &str| {
        metadata::positive(value.map(|value| header::scaled(value, unit_m)), key)
    };
    Metadata {
        wavelength_m: length(wavelength, 1e-10, "Alpha1"),
        distance_m: length(number("Dx start"), 1e-3, "Dx start"),
        pixel1_m: pixel("pixel Y-size (um)"),
        pixel2_m: pixel("pixel X-size (um)"),
        exposure_s: metadata::positive(number("Exposure time"), "Exposure time"),
        count_cutoff: Some(Stated::new(
            (u64::from(u16::MAX) * layout.readouts as u64 - 1) as f64,
            "Number of readouts",
        )),
        tilted: number("Theta start")
            .filter(|&theta| theta != 0.0)
            .map(|theta| Stated::new((2.0 * theta).to_radians(), "Theta start")),
        ..Default::default()
    }
}

impl ReadFrame for Kcd {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.header),
            metadata: Arc::clone(&self.metadata),
            policy: SentinelPolicy::default(),
            ..Default::default()
        })
    }

    fn pixels(&self, _: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let bytes = self.blob.open()?;
        let offset = self.layout.data_offset(bytes.len())?;
        let stored = bytes.read_at(offset, bytes.len() - offset)?;
        pixels.fill_values(Dtype::I32, self.layout.shape, |sums| {
            sum(&stored, sums);
            Ok(())
        })?;
        Ok(None)
    }
}

/// The sum of all read-outs, which lie one behind the other.
fn sum(stored: &[u8], sums: &mut [i32]) {
    sums.fill(0);
    for readout in stored.chunks_exact(2 * sums.len()) {
        for (sum, pixel) in sums.iter_mut().zip(readout.chunks_exact(2)) {
            *sum += i32::from(u16::from_le_bytes([pixel[0], pixel[1]]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Nonius image 2 .kcd\nX dimension = 3\nY dimension = 2\n\
        Number of readouts = 2\nBinned mode\nExposure time = 3.747\nAlpha1 = 0.709300\n\
        Alpha2 = 0.713590\nAlpha1/Alpha2 ratio = 2.0\nDx start = 35.0\nTheta start = 0\n\
        pixel X-size (um) = 55.000\npixel Y-size (um) = 50.000\nData type = u16\n";

    #[test]
    fn the_header_ends_where_the_text_does() {
        let mut bytes = TEXT.as_bytes().to_vec();
        bytes.extend([0xff, 0x3d, 0x0a, 0x41]);
        assert!(sniff(&bytes));
        let (header, end) = parse(&bytes);
        assert_eq!(end, TEXT.len() as u64);
        assert_eq!(header["Mode"], "Binned");
        let layout = Layout::new(&header, end, &Limits::default()).unwrap();
        assert_eq!((layout.shape, layout.readouts), ((2, 3), 2));
        assert_eq!(layout.data_offset(end + 24 + 7).unwrap(), end + 7);
        let error = layout.data_offset(end + 23).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated);
    }

    #[test]
    fn quantities_are_in_si_units_and_binning_doubles_the_pixels() {
        let (header, end) = parse(TEXT.as_bytes());
        let layout = Layout::new(&header, end, &Limits::default()).unwrap();
        let metadata = stated(&header, &layout);
        assert_eq!(metadata.pixel2_m.as_ref().unwrap().value, 110e-6);
        assert_eq!(metadata.pixel1_m.as_ref().unwrap().value, 100e-6);
        assert_eq!(metadata.distance_m, Some(Stated::new(0.035, "Dx start")));
        let wavelength_m = metadata.wavelength_m.as_ref().unwrap().value;
        approx::assert_relative_eq!(wavelength_m, 0.71073e-10, max_relative = 1e-12);
        assert_eq!(metadata.tilted, None);
        assert_eq!(metadata.geometry(), None);
        let (header, _) = parse(TEXT.replace("Binned mode\n", "").as_bytes());
        let metadata = stated(&header, &layout);
        assert_eq!(metadata.pixel2_m.unwrap().value, 55e-6);
    }

    #[test]
    fn readouts_are_summed() {
        let stored: Vec<u8> = [1_u16, 65535, 3, 10, 65535, 30]
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let mut sums = [7; 3];
        sum(&stored, &mut sums);
        assert_eq!(sums, [11, 131_070, 33]);
    }

    #[test]
    fn numbers_that_lie_name_their_key() {
        for (from, to, kind) in [
            ("Y dimension = 2", "Y dimension = -2", ErrorKind::Malformed),
            (
                "X dimension = 3",
                "X dimension = 99999999999",
                ErrorKind::LimitExceeded,
            ),
            ("readouts = 2", "readouts = 0", ErrorKind::Malformed),
            ("type = u16", "type = u32", ErrorKind::Unsupported),
        ] {
            let (header, end) = parse(TEXT.replace(from, to).as_bytes());
            let error = Layout::new(&header, end, &Limits::default()).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
        }
    }
}
