//! Oxford Diffraction and Rigaku Oxford images (`OD SAPPHIRE`): a text, five binary sections, then the pixels.
//!
//! The text (256 bytes) gives the size, the compression and the lengths of the sections; all numbers are
//! little-endian. Uncompressed images (32 bits), TY1, TY5 and TY6 are read, as `i32`.
//!
//! Units in the file: Å, mm, s, pixels, °. The cut-off is the overflow threshold. Negative values are
//! valid in the images of CCDs, from which a dark frame was subtracted; in those of photon counters
//! (Pilatus, HyPix) they are the usual markers. A detector that is turned or swung has no geometry here.
//! The first row is at the bottom, as dxtbx says; the image is not turned.
//!
//! Source: fabio 2026.6.0 `OXDimage.py`, dxtbx 3.28 `FormatROD.py`.

use std::sync::Arc;

use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::fields::Fields;
use crate::header::{self, Header};
use crate::metadata::{Metadata, Stated, centre, positive};
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};
use crate::sentinel::SentinelPolicy;

mod packing;

/// Bytes of the text.
const TEXT: usize = 256;

pub(crate) fn sniff(head: &[u8]) -> bool {
    head.starts_with(b"OD SAPPHIRE")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Ty1,
    Ty5,
    Ty6,
}

struct Oxford {
    blob: Blob,
    shape: (usize, usize),
    compression: Compression,
    offset: u64,
    /// How many differences need 16 bits and how many 32.
    words: u64,
    longs: u64,
    header: Arc<Header>,
    metadata: Arc<Metadata>,
    counts_photons: bool,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let bytes = blob.open()?;
    let head = bytes.head((config.limits.max_header_bytes as u64).min(64 << 10))?;
    let text = Text::parse(&head);
    let compression = match &*text.compression {
        "NO" | "NONE" => Compression::None,
        "TY1" => Compression::Ty1,
        "TY5" => Compression::Ty5,
        "TY6" => Compression::Ty6,
        _ => {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!("expected NO, TY1, TY5 or TY6, found `{}`", text.compression),
            )
            .at("key COMPRESSION"));
        }
    };
    let (columns, rows) = (text.required("NX")?, text.required("NY")?);
    let shape = config.limits.check_shape(rows, columns)?;
    let offset = text.required("NHEADER")?;
    let (words, longs) = (
        text.number("OI").unwrap_or(0),
        text.number("OL").unwrap_or(0),
    );
    let pixels = (shape.0 * shape.1) as u64;
    let large = words
        .checked_mul(2)
        .zip(longs.checked_mul(4))
        .and_then(|(words, longs)| words.checked_add(longs));
    let least = match compression {
        Compression::None => Some(pixels * 4),
        Compression::Ty1 | Compression::Ty5 => large.and_then(|large| large.checked_add(pixels)),
        // The length of the rows, the rows, their offsets.
        Compression::Ty6 => Some(4 + rows * (packing::least_bytes_of_ty6(columns) + 4)),
    };
    let there = bytes.len().saturating_sub(offset);
    if least.is_none_or(|least| there < least) {
        let least = least.map_or_else(|| "more".to_owned(), |least| least.to_string());
        return Err(Error::new(
            ErrorKind::Truncated,
            format!("expected at least {least} bytes for {rows}x{columns} pixels, found {there}"),
        )
        .at(format!("byte {offset}")));
    }
    let sections = Sections::of(&head[..head.len().min(offset as usize)], &text);
    let reader = Oxford {
        blob: blob.clone(),
        shape,
        compression,
        offset,
        words,
        longs,
        header: Arc::new(sections.header(&text)),
        metadata: Arc::new(sections.stated()),
        counts_photons: sections.counts_photons(),
    };
    Ok(Opened {
        shape,
        dtype: Dtype::I32,
        frames: 1,
        linked: Vec::new(),
        reader: Box::new(reader),
    })
}

/// The text at the start.
struct Text {
    lines: Vec<String>,
    compression: String,
}

impl Text {
    fn parse(head: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&head[..head.len().min(TEXT)]);
        let lines: Vec<String> = text.lines().map(header::value).collect();
        let compression = lines
            .iter()
            .find_map(|line| line.strip_prefix("COMPRESSION="))
            // Behind it stands how much it saves: `TY1 ( 28.4)`, of older programs `TY1( 25.1)`.
            .and_then(|value| value.split([' ', '(']).find(|word| !word.is_empty()))
            .map_or_else(String::new, str::to_owned);
        Self { lines, compression }
    }

    /// The whole numbers behind a key, in order: `NS` stands there twice.
    fn numbers(&self, key: &str) -> Vec<u64> {
        let number = |line: &str, at: usize| {
            let alone = !line[..at].ends_with(|c: char| c.is_ascii_alphabetic());
            let value = line[at + key.len()..].strip_prefix('=')?.trim_start();
            let end = value.find(|c: char| !c.is_ascii_digit());
            let digits = &value[..end.unwrap_or(value.len())];
            digits.parse().ok().filter(|_| alone)
        };
        self.lines
            .iter()
            .flat_map(|line| {
                line.match_indices(key)
                    .filter_map(|(at, _)| number(line, at))
            })
            .collect()
    }

    fn number(&self, key: &str) -> Option<u64> {
        self.numbers(key).first().copied()
    }

    fn required(&self, key: &str) -> Result<u64> {
        self.number(key).ok_or_else(|| {
            Error::new(
                ErrorKind::Malformed,
                format!("expected `{key}=` and a whole number, found none in {TEXT} bytes"),
            )
            .at(format!("key {key}"))
        })
    }
}

/// The binary sections that say something about the measurement.
struct Sections<'a> {
    general: Fields<'a>,
    special: Fields<'a>,
    goniometer: Fields<'a>,
}

impl<'a> Sections<'a> {
    fn of(head: &'a [u8], text: &Text) -> Self {
        let len = |key: &str, usual: u64| {
            let len = text.number(key).unwrap_or(usual);
            usize::try_from(len).unwrap_or(usize::MAX)
        };
        let general = Fields::new(head, ByteOrder::Little).from(TEXT);
        let special = general.from(len("NG", 512));
        let goniometer = special.from(len("NS", 768));
        Self {
            general,
            special,
            goniometer,
        }
    }

    /// The numbers that are kept, under the names that fabio gives them.
    fn header(&self, text: &Text) -> Header {
        let numbers = [
            ("Gain", self.special.f64(56)),
            ("Exposure time in sec", self.special.f64(480)),
            ("Real pixel size x (mm)", self.special.f64(568)),
            ("Real pixel size y (mm)", self.special.f64(576)),
            ("Wavelength alpha1", self.goniometer.f64(568)),
            ("Wavelength alpha2", self.goniometer.f64(576)),
            ("Wavelength alpha", self.goniometer.f64(584)),
            ("Wavelength beta", self.goniometer.f64(592)),
            ("Detector tilt e1 in deg", self.goniometer.f64(640)),
            ("Detector tilt e2 in deg", self.goniometer.f64(648)),
            ("Detector tilt e3 in deg", self.goniometer.f64(656)),
            ("Beam center x", self.goniometer.f64(664)),
            ("Beam center y", self.goniometer.f64(672)),
            ("Distance in mm", self.goniometer.f64(712)),
            ("Theta start in deg", self.theta_deg()),
        ];
        let whole = [
            ("Binning in x", self.general.u16(0).map(i32::from)),
            ("Binning in y", self.general.u16(2).map(i32::from)),
            ("Overflow threshold", self.special.i32(472)),
            ("Detector type", self.special.i32(548)),
        ];
        let lines = text.lines.iter();
        let time = lines.clone().find_map(|line| line.strip_prefix("TIME="));
        let texts = [
            ("Header Version", lines.clone().next().map(String::as_str)),
            ("Compression", Some(&*text.compression)),
            ("Time", time.map(str::trim)),
        ];
        let numbers = numbers
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?.to_string())));
        let whole = whole
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?.to_string())));
        let texts = texts
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?.to_owned())));
        numbers
            .chain(whole)
            .chain(texts)
            .map(|(key, value)| (key.to_owned(), value))
            .collect()
    }

    /// How far the detector is swung: steps of the motor by their size.
    fn theta_deg(&self) -> Option<f64> {
        let steps = f64::from(self.goniometer.i32(284 + 4)?);
        let step_rad = self.goniometer.f64(368 + 8)?;
        Some((steps * step_rad).to_degrees())
    }

    fn stated(&self) -> Metadata {
        let scaled = |value: Option<f64>, unit: f64, key: &str| {
            positive(value.map(|value| header::scaled(value, unit)), key)
        };
        let goniometer = |at: usize| self.goniometer.f64(at);
        let turns = [
            (self.theta_deg(), "Theta start in deg"),
            (goniometer(640), "Detector tilt e1 in deg"),
            (goniometer(648), "Detector tilt e2 in deg"),
            (goniometer(656), "Detector tilt e3 in deg"),
        ];
        let beam = goniometer(672).zip(goniometer(664));
        Metadata {
            wavelength_m: scaled(goniometer(584), 1e-10, "Wavelength alpha")
                .or_else(|| scaled(goniometer(568), 1e-10, "Wavelength alpha1")),
            distance_m: scaled(goniometer(712), 1e-3, "Distance in mm"),
            pixel1_m: scaled(self.special.f64(576), 1e-3, "Real pixel size y (mm)"),
            pixel2_m: scaled(self.special.f64(568), 1e-3, "Real pixel size x (mm)"),
            beam_centre_px: beam.and_then(|(y, x)| centre(y, x, "Beam center x, Beam center y")),
            exposure_s: positive(self.special.f64(480), "Exposure time in sec"),
            count_cutoff: positive(self.special.i32(472).map(f64::from), "Overflow threshold"),
            tilted: turns.into_iter().find_map(|(angle, key)| {
                let angle = angle.filter(|angle| angle.is_finite() && *angle != 0.0)?;
                Some(Stated::new(angle.to_radians(), key))
            }),
            ..Default::default()
        }
    }

    /// Pilatus (7) and curved HyPix (12, 14); the other known types are CCDs.
    fn counts_photons(&self) -> bool {
        matches!(self.special.i32(548), Some(7 | 12 | 14))
    }
}

impl ReadFrame for Oxford {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.header),
            metadata: Arc::clone(&self.metadata),
            policy: SentinelPolicy {
                negative: self.counts_photons,
                ..Default::default()
            },
            ..Default::default()
        })
    }

    fn pixels(&self, _: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let bytes = self.blob.open()?;
        let (rows, columns) = self.shape;
        let count = (rows * columns) as u64;
        let read = |offset: u64, len: u64| bytes.read_at(offset, len);
        match self.compression {
            Compression::None => {
                bytes.check(self.offset, count * 4)?;
                pixels.fill(Dtype::I32, ByteOrder::Little, self.shape, |out| {
                    bytes.read_into(self.offset, out)
                })?;
            }
            Compression::Ty1 => {
                let packed = read(self.offset, count + 2 * self.words + 4 * self.longs)?;
                let (bytes, large) = packed.split_at(count as usize);
                let (words, longs) = large.split_at(2 * self.words as usize);
                self.fill(pixels, |out| packing::ty1(bytes, words, longs, out))?;
            }
            Compression::Ty5 => {
                let packed = read(self.offset, count + 2 * self.words + 4 * self.longs)?;
                self.fill(pixels, |out| packing::ty5(&packed, columns, out))?;
            }
            Compression::Ty6 => {
                let len = read(self.offset, 4)?;
                let len = Fields::new(&len, ByteOrder::Little)
                    .u32(0)
                    .unwrap_or(0)
                    .into();
                let packed = read(self.offset + 4, len)?;
                let offsets = read(self.offset + 4 + len, 4 * rows as u64)?;
                self.fill(pixels, |out| packing::ty6(&packed, &offsets, columns, out))?;
            }
        }
        Ok(None)
    }
}

impl Oxford {
    fn fill(
        &self,
        pixels: &mut Pixels,
        unpack: impl FnOnce(&mut [i32]) -> Result<()>,
    ) -> Result<()> {
        pixels.fill(Dtype::I32, ByteOrder::NATIVE, self.shape, |out| {
            unpack(bytemuck::cast_slice_mut(out))
                .map_err(|error| error.at(format!("byte {}", self.offset)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &[u8] = b"OD SAPPHIRE  3.0\r\nCOMPRESSION=TY1 ( 28.4)\r\nNX=  20 NY=  24 OI=     12 OL=      3 \r\n\
        NHEADER=   5120 NG=    512 NS=    768 NK=   1024 NS=    512 NH=   2048\r\nNSUPPLEMENT=      0\r\n\
        TIME=Mon Jan 02 03:04:05 2006";

    #[test]
    fn keys_of_the_text() {
        let text = Text::parse(HEAD);
        assert!(sniff(HEAD));
        assert_eq!(text.compression, "TY1");
        let older = Text::parse(b"OD SAPPHIRE  3.0\r\nCOMPRESSION=TY1( 25.1)\r\n");
        assert_eq!(older.compression, "TY1");
        assert_eq!((text.number("NX"), text.number("OL")), (Some(20), Some(3)));
        assert_eq!(text.numbers("NS"), [768, 512]);
        assert_eq!(text.number("NSUPPLEMENT"), Some(0));
        let error = text.required("NZ").unwrap_err();
        assert_eq!(error.place(), Some("key NZ"));
    }

    #[test]
    fn a_swung_or_turned_detector_has_no_geometry() {
        let mut head = HEAD.to_vec();
        head.resize(5120, 0);
        let goniometer = 256 + 512 + 768;
        let mut put =
            |at: usize, value: f64| head[at..at + 8].copy_from_slice(&value.to_le_bytes());
        put(goniometer + 584, 0.7);
        put(goniometer + 712, 50.0);
        put(goniometer + 664, 10.0);
        put(256 + 512 + 568, 0.06);
        put(256 + 512 + 576, 0.06);
        put(goniometer + 368 + 8, 1e-4);
        let text = Text::parse(&head);
        let metadata = Sections::of(&head, &text).stated();
        let geometry = metadata.geometry().unwrap();
        approx::assert_relative_eq!(geometry.poni2_m, 10.0 * 60e-6, max_relative = 1e-12);
        let mut swung = head.clone();
        swung[goniometer + 288] = 1;
        let metadata = Sections::of(&swung, &text).stated();
        assert_eq!(metadata.tilted.as_ref().unwrap().key, "Theta start in deg");
        assert_eq!(metadata.geometry(), None);
        assert!(!Sections::of(&head, &text).counts_photons());
        assert_eq!(Sections::of(&[], &text).stated(), Metadata::default());
    }
}
