//! Bruker frames (GFRM, SFRM): formats 86 and 100.
//!
//! A header of 80-character lines, then the pixels in one, two or four bytes, then tables of what did
//! not fit: in format 86 a text table of values and positions, in format 100 two tables of overflows
//! and one of values below a baseline, which is subtracted from the rest. `LINEAR` (scale and offset),
//! where it changes anything, makes the pixels `f32` (fabio applies it to format 86 alone).
//!
//! No value is a marker: negative counts of format 100 are measured. What is above the full scale of
//! the camera (`AUTORNG`, else `CCDPARM`) is an overflow. The distance is that to the phosphor; the
//! row of the beam (`CENTER`) counts from the first stored row, as dxtbx takes it; the pixel size
//! follows from the pixels per centimetre of `DETTYPE`, which hold for a frame of 512 pixels. A
//! detector that is swung out (2θ in `ANGLES`) has no untilted geometry.
//!
//! Source: the frame format as fabio 2026.6.0 (`brukerimage.py`, `bruker100image.py`) and dxtbx
//! (`FormatBrukerModern.py`) read it.

use std::sync::Arc;

use xscatter_core::Result;

use crate::blob::Blob;
use crate::config::ReadConfig;
use crate::header::{self, Header};
use crate::metadata::{self, Metadata, Stated};
use crate::open::{About, Opened, ReadFrame};
use crate::pixels::{ByteOrder, Dtype, Pixels};
use crate::sentinel::SentinelPolicy;

mod keys;
mod restore;

use keys::{Layout, Tables};

pub(crate) fn sniff(head: &[u8]) -> bool {
    let Some(value) = head.strip_prefix(b"FORMAT :") else {
        return false;
    };
    let value = String::from_utf8_lossy(&value[..value.len().min(72)]);
    matches!(value.split_whitespace().next(), Some("86" | "100"))
}

struct Bruker {
    blob: Blob,
    layout: Layout,
    dtype: Dtype,
    header: Arc<Header>,
    metadata: Arc<Metadata>,
}

pub(crate) fn open(blob: &Blob, config: &ReadConfig) -> Result<Opened> {
    let limits = &config.limits;
    let bytes = blob.open()?;
    let header_bytes = keys::header_bytes(&bytes.head(keys::FIRST)?, limits)?;
    bytes.check(0, header_bytes)?;
    let header = keys::parse(&bytes.read_at(0, header_bytes)?);
    let layout = Layout::new(&header, header_bytes, limits)?;
    bytes.check(layout.data_offset, layout.data_bytes())?;
    let dtype = match (layout.linear, layout.tables, layout.pixel_bytes) {
        (Some(_), ..) => Dtype::F32,
        (None, Tables::Binary { .. }, _) => Dtype::I32,
        (None, Tables::Text { entries: 0 }, 1) => Dtype::U8,
        (None, Tables::Text { entries: 0 }, 2) => Dtype::U16,
        (None, Tables::Text { .. }, _) => Dtype::U32,
    };
    Ok(Opened {
        shape: layout.shape,
        dtype,
        frames: 1,
        linked: Vec::new(),
        reader: Box::new(Bruker {
            blob: blob.clone(),
            metadata: Arc::new(stated(&header, &layout)),
            layout,
            dtype,
            header: Arc::new(header),
        }),
    })
}

fn stated(header: &Header, layout: &Layout) -> Metadata {
    let numbers = |key: &str| header.get(key).map_or(Vec::new(), |v| header::numbers(v));
    let nth = |key: &str, index: usize| numbers(key).get(index).copied();
    let positive = |key: &str, index: usize| metadata::positive(nth(key, index), key);
    let scaled = |stated: Option<Stated<f64>>, unit_m: f64| {
        stated.map(|stated| Stated::new(header::scaled(stated.value, unit_m), stated.key))
    };
    // Format 86 writes the words, format 100 the bare numbers behind the name.
    let detector = header.get("DETTYPE").map_or("", String::as_str);
    let of_detector = |word: &str, index: usize| -> Option<f64> {
        let named = detector
            .split_whitespace()
            .find_map(|token| token.strip_prefix(word)?.strip_prefix(':'));
        let bare = detector.split_whitespace().nth(index);
        let number: f64 = named.or(bare)?.parse().ok()?;
        (number.is_finite() && number > 0.0).then_some(number)
    };
    let longest = layout.shape.0.max(layout.shape.1) as f64;
    let pixel = of_detector("PIXPERCM", 1)
        .map(|per_cm| Stated::new(0.01 / per_cm * 512.0 / longest, "DETTYPE"));
    // Two numbers: to the grid and to the phosphor. One: to the grid.
    let distance_cm = positive("DISTANC", 1).or_else(|| {
        let mut distance = positive("DISTANC", 0)?;
        distance.value += of_detector("CMTOGRID", 2).unwrap_or(0.0);
        Some(distance)
    });
    let centre = numbers("CENTER");
    let centre = match centre[..] {
        [.., column, row] => metadata::centre(row, column, "CENTER"),
        _ => None,
    };
    let full_scale = || positive("AUTORNG", 4).or_else(|| positive("CCDPARM", 4));
    Metadata {
        wavelength_m: scaled(positive("WAVELEN", 0), 1e-10),
        distance_m: scaled(distance_cm, 1e-2),
        pixel1_m: pixel.clone(),
        pixel2_m: pixel,
        beam_centre_px: centre,
        exposure_s: ["CUMULAT", "ELAPSDA", "ELAPSDR"]
            .iter()
            .find_map(|key| positive(key, 0)),
        count_cutoff: if layout.linear.is_none() {
            full_scale()
        } else {
            None
        },
        tilted: nth("ANGLES", 0)
            .filter(|&angle| angle != 0.0)
            .map(|angle| Stated::new(angle.to_radians(), "ANGLES")),
        ..Default::default()
    }
}

impl ReadFrame for Bruker {
    fn about(&self, _: usize) -> Result<About> {
        Ok(About {
            header: Arc::clone(&self.header),
            metadata: Arc::clone(&self.metadata),
            policy: SentinelPolicy {
                negative: false,
                unsigned: false,
                cutoff: None,
            },
            ..Default::default()
        })
    }

    fn pixels(&self, _: usize, pixels: &mut Pixels) -> Result<Option<String>> {
        let layout = &self.layout;
        let bytes = self.blob.open()?;
        let shape = layout.shape;
        let Some((scale, offset)) = layout.linear else {
            match layout.tables {
                Tables::Text { entries: 0 } => {
                    pixels.fill(self.dtype, ByteOrder::Little, shape, |out| {
                        bytes.read_into(layout.data_offset, out)
                    })?;
                }
                Tables::Text { .. } => {
                    let stored = bytes.read_at(layout.data_offset, layout.data_bytes())?;
                    pixels.fill_values(Dtype::U32, shape, |counts| {
                        restore::format_86(layout, &stored, counts)
                    })?;
                }
                Tables::Binary { .. } => {
                    let stored = bytes.read_at(layout.data_offset, layout.data_bytes())?;
                    pixels.fill_values(Dtype::I32, shape, |counts| {
                        restore::format_100(layout, &stored, counts)
                    })?;
                }
            }
            return Ok(None);
        };
        let stored = bytes.read_at(layout.data_offset, layout.data_bytes())?;
        pixels.fill_values(Dtype::F32, shape, |out: &mut [f32]| {
            let linear = |count: f64| (count * scale + offset) as f32;
            if let Tables::Text { .. } = layout.tables {
                let mut counts = vec![0; out.len()];
                restore::format_86(layout, &stored, &mut counts)?;
                for (out, count) in out.iter_mut().zip(counts) {
                    *out = linear(count.into());
                }
            } else {
                let mut counts = vec![0; out.len()];
                restore::format_100(layout, &stored, &mut counts)?;
                for (out, count) in out.iter_mut().zip(counts) {
                    *out = linear(count.into());
                }
            }
            Ok(())
        })?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(lines: &[(&str, &str)], shape: (usize, usize)) -> Metadata {
        let header = lines
            .iter()
            .map(|&(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let layout = Layout {
            shape,
            pixel_bytes: 1,
            data_offset: 0,
            tables: Tables::Text { entries: 0 },
            linear: None,
        };
        stated(&header, &layout)
    }

    #[test]
    fn the_header_of_a_photon_ii_gives_its_geometry() {
        let metadata = metadata(
            &[
                (
                    "DETTYPE",
                    "CMOS-PHOTONII        37.037037   1.004000    0 0.425000",
                ),
                ("DISTANC", "3.996000        5.000000"),
                ("CENTER", "380.0  500.0  386.9569  503.3636"),
                ("WAVELEN", "1.541840  1.540600  1.544390  0.000000"),
                ("CUMULAT", "11.600000"),
                ("ANGLES", "0.000000  -10.0  30.0  54.7"),
                ("CCDPARM", "475.275 9.8 259.92 0.0 9828600.000000"),
                ("AUTORNG", "0.0 0.0 0.0 0.0 9828599.0"),
            ],
            (1024, 768),
        );
        approx::assert_relative_eq!(
            metadata.pixel1_m.as_ref().unwrap().value,
            135e-6,
            max_relative = 1e-6
        );
        assert_eq!(metadata.distance_m.as_ref().unwrap().value, 0.05);
        let centre = metadata.beam_centre_px.as_ref().unwrap();
        assert_eq!(
            (centre.value.row, centre.value.column),
            (503.3636, 386.9569)
        );
        assert_eq!(metadata.count_cutoff.as_ref().unwrap().key, "AUTORNG");
        approx::assert_relative_eq!(metadata.geometry().unwrap().wavelength_m, 1.54184e-10);
    }

    #[test]
    fn a_hi_star_names_its_numbers_and_a_swung_detector_has_no_geometry() {
        let metadata = metadata(
            &[
                ("DETTYPE", "MULTIWIRE PIXPERCM:47.50 CMTOGRID:2.000"),
                ("DISTANC", "13.000000"),
                ("CENTER", "512.0 510.0"),
                ("WAVELEN", "1.54184 1.54056 1.54439"),
                ("ELAPSDR", "60"),
                ("ANGLES", "25.0 0 0 0"),
                ("CCDPARM", "0 0 0 0 0"),
            ],
            (1024, 1024),
        );
        approx::assert_relative_eq!(
            metadata.pixel1_m.as_ref().unwrap().value,
            105.263e-6,
            max_relative = 1e-5
        );
        assert_eq!(metadata.distance_m.as_ref().unwrap().value, 0.15);
        assert_eq!(metadata.exposure_s, Some(Stated::new(60.0, "ELAPSDR")));
        assert_eq!(metadata.count_cutoff, None);
        assert_eq!(metadata.geometry(), None);
    }

    #[test]
    fn both_versions_are_known_by_their_first_line() {
        assert!(sniff(b"FORMAT :        86     "));
        assert!(sniff(b"FORMAT :100   "));
        assert!(!sniff(b"FORMAT :1000   ") && !sniff(b"FORMAT :") && !sniff(b"FORMATS"));
    }
}
