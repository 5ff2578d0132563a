//! SMV, the container of ADSC (`.img`) and of Rigaku's d*TREK: a header of `KEY=value;` lines, then plain pixels.
//!
//! The text begins with `{`, a line feed and `HEADER_BYTES=`, which says where the pixels start. Of keys that
//! are stated twice the last one holds (adxv writes `TYPE` twice). The type is `Data_type` (d*TREK) or `TYPE`
//! (ADSC); without either it is `unsigned short`, with a warning. With a `RAXIS_COMPRESSION_RATIO` above 1
//! pixels with their highest bit set are multiplied by it, as in an R-AXIS file, and the image is `u32`.
//!
//! Units in the file: Å, mm, s. The beam of d*TREK is in pixels along the columns and rows
//! (`…SPATIAL_DISTORTION_INFO`). For ADSC it is taken from `DENZO_X_BEAM` (mm along axis 0) and
//! `DENZO_Y_BEAM` (mm along axis 1), never from `BEAM_CENTER_X` and `BEAM_CENTER_Y`: those are written in at
//! least three conventions that a header does not tell apart (along axis 0 as in Mosflm, which dxtbx 3.28
//! assumes; along axis 1 with y from the bottom, as adxv does and ALS 8.3.1 did; in pixels). They stand in the
//! header for whoever knows the beamline.
//!
//! Source: the CCP4 page on SMV, the Rigaku format description 1.1 as fabio 2026.6.0 and dxtbx 3.28 read it.

use std::sync::Arc;

use xscatter_core::{Error, ErrorKind, Result};

use crate::blob::{Blob, Bytes};
use crate::config::ReadConfig;
use crate::header::{self, Header};
use crate::limits::Limits;
use crate::metadata::{Metadata, Stated, centre, positive};
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};
use crate::raxis;

const FIRST_KEY: &str = "HEADER_BYTES";

pub(crate) fn sniff(head: &[u8]) -> bool {
    head.strip_prefix(b"{")
        .is_some_and(|body| body.trim_ascii_start().starts_with(FIRST_KEY.as_bytes()))
}

struct Smv {
    blob: Blob,
    shape: (usize, usize),
    stored: Dtype,
    order: ByteOrder,
    offset: u64,
    /// The factor of pixels with their highest bit set.
    ratio: Option<f64>,
    header: Arc<Header>,
    metadata: Arc<Metadata>,
    warnings: Vec<String>,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let bytes = blob.open()?;
    let (header, offset) = read_header(&bytes, &config.limits)?;
    let size = |key: &str| -> Result<u64> {
        let text = header::find(&header, key).unwrap_or_default();
        text.parse().map_err(|_| {
            malformed(format!("expected a whole number, found `{text}`")).at(format!("key {key}"))
        })
    };
    if header::find(&header, "DIM").is_some() && size("DIM")? != 2 {
        let found = size("DIM")?;
        return Err(unsupported(
            format!("expected 2 dimensions, found {found}"),
            "DIM",
        ));
    }
    let shape = config.limits.check_shape(size("SIZE2")?, size("SIZE1")?)?;
    if let Some(compression) = header::find(&header, "COMPRESSION")
        && !compression.to_ascii_lowercase().starts_with("no")
    {
        let message = format!("expected no compression, found `{compression}`");
        return Err(unsupported(message, "COMPRESSION"));
    }
    let mut warnings = Vec::new();
    let name = header::find(&header, "Data_type").or(header::find(&header, "TYPE"));
    if name.is_none() {
        warnings.push("no type of the pixels is stated, read as unsigned short".to_owned());
    }
    let stored = dtype(name.unwrap_or("unsigned short")).ok_or_else(|| {
        let found = name.unwrap_or_default();
        let message =
            format!("expected an integer of 8, 16 or 32 bits or a float, found `{found}`");
        unsupported(message, "Data_type or TYPE")
    })?;
    let order = match header::find(&header, "BYTE_ORDER").map(str::to_ascii_lowercase) {
        Some(order) if order.contains("big") => ByteOrder::Big,
        Some(order) if !order.contains("little") => {
            let message = format!("expected little_endian or big_endian, found `{order}`");
            return Err(malformed(message).at("key BYTE_ORDER"));
        }
        _ => ByteOrder::Little,
    };
    let expected = (shape.0 * shape.1 * stored.bytes()) as u64;
    let there = bytes.len().saturating_sub(offset);
    if there < expected {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!("expected {expected} bytes of pixels, found {there}"),
        )
        .at(format!("byte {offset}")));
    }
    let ratio = header::find(&header, "RAXIS_COMPRESSION_RATIO")
        .and_then(header::number)
        .filter(|&ratio| ratio > 1.0 && stored == Dtype::U16);
    let reader = Smv {
        blob: blob.clone(),
        shape,
        stored,
        order,
        offset,
        ratio,
        metadata: Arc::new(stated(&header)),
        header: Arc::new(header),
        warnings,
    };
    Ok(Opened {
        shape,
        dtype: if ratio.is_some() { Dtype::U32 } else { stored },
        frames: 1,
        linked: Vec::new(),
        reader: Box::new(reader),
    })
}

/// The keys of the header, and where the pixels start.
fn read_header(bytes: &Bytes, limits: &Limits) -> Result<(Header, u64)> {
    let start = bytes.head(512)?;
    let start = String::from_utf8_lossy(&start).into_owned();
    let claimed = parse(&start).remove(FIRST_KEY).unwrap_or_default();
    let size: u64 = claimed.parse().map_err(|_| {
        malformed(format!(
            "expected the size of the header, found `{claimed}`"
        ))
        .at(format!("key {FIRST_KEY}"))
    })?;
    if size > limits.max_header_bytes as u64 {
        return Err(Error::new(
            ErrorKind::LimitExceeded,
            format!(
                "expected a header of at most {} bytes, it claims {size}",
                limits.max_header_bytes
            ),
        )
        .at(format!("key {FIRST_KEY}")));
    }
    if size > bytes.len() {
        return Err(Error::new(
            ErrorKind::Truncated,
            format!(
                "expected a header of {size} bytes, found a file of {}",
                bytes.len()
            ),
        )
        .at(format!("key {FIRST_KEY}")));
    }
    let text = bytes.read_at(0, size)?;
    Ok((parse(&String::from_utf8_lossy(&text)), size))
}

/// Lines of `KEY=value;` up to one that begins with a closing brace; a brace within a value is part of it.
fn parse(text: &str) -> Header {
    text.trim_start_matches('{')
        .lines()
        .take_while(|line| !line.starts_with('}'))
        .filter_map(|line| {
            let (key, value) = line.split_once('=')?;
            let key = key.trim();
            let plain = !key.is_empty() && key.len() <= 256 && key.is_ascii();
            let value = header::value(value.trim_end().trim_end_matches(';'));
            plain.then(|| (key.to_owned(), value))
        })
        .collect()
}

/// `unsigned short int` of d*TREK and `unsigned_short` of ADSC are one type.
fn dtype(name: &str) -> Option<Dtype> {
    let name = name.to_ascii_lowercase().replace('_', " ");
    let words: Vec<&str> = name
        .split_whitespace()
        .filter(|word| !["int", "integer", "ieee", "signed"].contains(word))
        .collect();
    Some(match words[..] {
        ["char"] => Dtype::I8,
        ["unsigned", "char"] => Dtype::U8,
        ["short"] => Dtype::I16,
        ["unsigned", "short"] => Dtype::U16,
        ["long"] => Dtype::I32,
        ["unsigned", "long"] => Dtype::U32,
        ["float"] => Dtype::F32,
        _ => return None,
    })
}

fn stated(header: &Header) -> Metadata {
    let text = |key: &str| header::find(header, key);
    let number = |key: &str| text(key).and_then(header::number);
    let length = |key: &str, unit_m: f64| {
        positive(number(key).map(|value| header::scaled(value, unit_m)), key)
    };
    // The keys of the first detector begin with its name.
    let prefix = text("DETECTOR_NAMES")
        .and_then(|names| names.split_whitespace().next())
        .unwrap_or_default();
    let stage = Stage::of(header, prefix);

    let info_key = format!("{prefix}SPATIAL_DISTORTION_INFO");
    let simple = text(&format!("{prefix}SPATIAL_DISTORTION_TYPE"))
        .is_none_or(|kind| kind.eq_ignore_ascii_case("Simple_spatial"));
    let info = text(&info_key)
        .filter(|_| simple)
        .map(header::numbers)
        .filter(|numbers| numbers.len() == 4);
    let pixel = |axis: usize| match &info {
        Some(info) => positive(Some(header::scaled(info[axis], 1e-3)), &info_key),
        None => length("PIXEL_SIZE", 1e-3),
    };
    let (pixel1_m, pixel2_m) = (pixel(3), pixel(2));

    let denzo = [
        ("DENZO_X_BEAM", "DENZO_Y_BEAM"),
        ("DENZO_XBEAM", "DENZO_YBEAM"),
    ];
    let beam_centre_px = match &info {
        Some(info) => centre(info[1], info[0], &info_key),
        None => denzo.iter().find_map(|(x, y)| {
            let (pixel1_m, pixel2_m) = (pixel1_m.as_ref()?.value, pixel2_m.as_ref()?.value);
            let row = header::scaled(number(x)?, 1e-3) / pixel1_m;
            let column = header::scaled(number(y)?, 1e-3) / pixel2_m;
            centre(row, column, &format!("{x}, {y}"))
        }),
    };
    // `SOURCE_WAVELENGTH` is a number of wavelengths, then those.
    let source = text("SOURCE_WAVELENGTH")
        .map(header::numbers)
        .and_then(|numbers| {
            let angstrom = numbers.get(1).or(numbers.first()).copied()?;
            positive(Some(header::scaled(angstrom, 1e-10)), "SOURCE_WAVELENGTH")
        });
    let rotation = text("ROTATION").map(header::numbers);
    let exposure = rotation.and_then(|numbers| positive(numbers.get(3).copied(), "ROTATION"));
    let two_theta = number("TWOTHETA")
        .filter(|&angle| angle != 0.0)
        .map(|angle| Stated::new(angle.to_radians(), "TWOTHETA"));
    Metadata {
        wavelength_m: length("SCAN_WAVELENGTH", 1e-10)
            .or(source)
            .or_else(|| length("WAVELENGTH", 1e-10)),
        distance_m: stage.distance_m.or_else(|| length("DISTANCE", 1e-3)),
        pixel1_m,
        pixel2_m,
        beam_centre_px,
        exposure_s: exposure.or_else(|| positive(number("TIME"), "TIME")),
        count_cutoff: positive(number("SATURATED_VALUE"), "SATURATED_VALUE"),
        tilted: stage.moved.or(two_theta),
        ..Default::default()
    }
}

/// What the stage of a d*TREK detector says.
#[derive(Default)]
struct Stage {
    distance_m: Option<Stated<f64>>,
    /// A rotation or a shift that is not 0.
    moved: Option<Stated<f64>>,
}

impl Stage {
    fn of(header: &Header, prefix: &str) -> Self {
        let key = format!("{prefix}GONIO_VALUES");
        let words = |name: &str| -> Vec<&str> {
            header::find(header, &format!("{prefix}GONIO_{name}"))
                .map_or_else(Vec::new, |text| text.split_whitespace().collect())
        };
        let mut stage = Self::default();
        let axes = words("NAMES").into_iter().zip(words("UNITS"));
        for ((name, unit), value) in axes.zip(words("VALUES")) {
            let Some(value) = header::number(value) else {
                continue;
            };
            let name = name.to_ascii_lowercase();
            if unit == "mm" && (name.contains("transz") || name.contains("dist")) {
                stage.distance_m = positive(Some(header::scaled(value, 1e-3)), &key);
            } else if value != 0.0 {
                let value = match unit {
                    "mm" => header::scaled(value, 1e-3),
                    _ => value.to_radians(),
                };
                stage.moved.get_or_insert_with(|| Stated::new(value, &*key));
            }
        }
        stage
    }
}

impl ReadFrame for Smv {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.header),
            metadata: Arc::clone(&self.metadata),
            warnings: self.warnings.clone(),
            ..Default::default()
        })
    }

    fn pixels(&self, _: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let bytes = self.blob.open()?;
        let len = (self.shape.0 * self.shape.1 * self.stored.bytes()) as u64;
        bytes.check(self.offset, len)?;
        let Some(ratio) = self.ratio else {
            pixels.fill(self.stored, self.order, self.shape, |out| {
                bytes.read_into(self.offset, out)
            })?;
            return Ok(None);
        };
        let stored = bytes.read_at(self.offset, len)?;
        pixels.fill(Dtype::U32, ByteOrder::NATIVE, self.shape, |out| {
            raxis::expand(&stored, self.order, ratio, bytemuck::cast_slice_mut(out))
                .map_err(|error| error.at("key RAXIS_COMPRESSION_RATIO"))
        })?;
        Ok(None)
    }
}

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

fn unsupported(message: String, key: &str) -> Error {
    Error::new(ErrorKind::Unsupported, message).at(format!("key {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_a_key_holds_and_braces_may_stand_in_values() {
        let text = "{\nHEADER_BYTES=  512;\nTYPE=unsigned_short;\nA={ Z X Y };\nTYPE=long_integer;\n}\nB=1;\n";
        assert!(sniff(text.as_bytes()) && sniff(b"{\r\nHEADER_BYTES= 512;"));
        assert!(!sniff(b"{\nDim_1 = 4 ;\n"));
        let header = parse(text);
        assert_eq!(
            (&*header["A"], &*header["TYPE"]),
            ("{ Z X Y }", "long_integer")
        );
        assert!(!header.contains_key("B"));
    }

    #[test]
    fn types_of_both_dialects() {
        for (name, expected) in [
            ("unsigned_short", Dtype::U16),
            ("unsigned short int", Dtype::U16),
            ("short int", Dtype::I16),
            ("signed_long", Dtype::I32),
            ("long_integer", Dtype::I32),
            ("unsigned long int", Dtype::U32),
            ("signed char", Dtype::I8),
            ("float IEEE", Dtype::F32),
        ] {
            assert_eq!(dtype(name), Some(expected), "{name}");
        }
        for name in ["Compressed", "Other_type", "", "double"] {
            assert_eq!(dtype(name), None, "{name}");
        }
    }

    #[test]
    fn the_beam_is_not_taken_from_keys_of_many_conventions() {
        let text =
            "PIXEL_SIZE=0.1;\nBEAM_CENTER_X=20;\nBEAM_CENTER_Y=30;\nDISTANCE=200;\nWAVELENGTH=1;\n";
        let metadata = stated(&parse(text));
        assert_eq!(metadata.beam_centre_px, None);
        assert_eq!(metadata.distance_m, Some(Stated::new(0.2, "DISTANCE")));
        let denzo = stated(&parse(&format!("{text}DENZO_XBEAM=5;\nDENZO_YBEAM=6;\n")));
        let beam = denzo.beam_centre_px.as_ref().unwrap();
        assert_eq!(beam.key, "DENZO_XBEAM, DENZO_YBEAM");
        approx::assert_relative_eq!(beam.value.row, 50.0, max_relative = 1e-12);
        approx::assert_relative_eq!(beam.value.column, 60.0, max_relative = 1e-12);
        assert!(denzo.geometry().is_some());
        let turned = stated(&parse(&format!(
            "{text}DENZO_XBEAM=5;\nDENZO_YBEAM=6;\nTWOTHETA=10;\n"
        )));
        assert_eq!(turned.geometry(), None);
    }

    #[test]
    fn a_stage_that_swings_or_shifts_has_no_geometry() {
        let stage = |values: &str| {
            let text = format!(
                "DETECTOR_NAMES=CCD_;\nCCD_GONIO_NAMES=RotZ RotX/Swing RotY TransX TransY TransZ/Dist;\n\
                 CCD_GONIO_UNITS=deg deg deg mm mm mm;\nCCD_GONIO_VALUES={values};\n"
            );
            Stage::of(&parse(&text), "CCD_")
        };
        let still = stage("0 0.0 0 0 0 45.5");
        assert_eq!(
            still.distance_m,
            Some(Stated::new(0.0455, "CCD_GONIO_VALUES"))
        );
        assert_eq!(still.moved, None);
        assert!(stage("0 -30 0 0 0 45.5").moved.is_some());
        assert!(stage("0 0 0 0 1.5 45.5").moved.is_some());
        let short = stage("0 0");
        assert!(short.distance_m.is_none() && short.moved.is_none());
    }
}
