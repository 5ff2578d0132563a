//! The header text of DECTRIS detectors, in CBF and TIFF: lines of `# key value`.
//!
//! Between key and value stands a blank, a comma, a colon or an equals sign. The convention
//! `PILATUS_1.2` has no place for a tilted detector; our own line `# Poni dist=… poni1=…` holds the
//! whole geometry and, where it is present, wins. Placeholders are not taken for a geometry: a beam
//! at (0, 0), a distance or a wavelength of 0, and a detector that the header itself calls tilted
//! (`Detector_2theta`) without saying how.

use xscatter_core::{FrameInfo, Geometry};

use crate::header::{self, Header};
use crate::metadata::{self, Metadata, Stated};
use crate::poni;

/// Keys that [`write`] derives from the frame itself.
const OWN_KEYS: [&str; 9] = [
    "Pixel_size",
    "Exposure_time",
    "Wavelength",
    "Detector_distance",
    "Beam_xy",
    "Poni",
    "Incident_angle",
    "Count_cutoff",
    "Detector_2theta",
];

/// Whether a text is such a header.
pub(crate) fn is_header(text: &str) -> bool {
    let mut comments = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix('#'));
    comments.any(|line| {
        let key = split(line).map_or("", |(key, _)| key);
        ["Pixel_size", "Exposure_time", "Detector", "Poni"].contains(&key)
    })
}

/// The keys and values of the comment lines.
pub(crate) fn parse(text: &str) -> Header {
    let mut header = Header::new();
    for line in text.lines() {
        let line = line.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        let Some(line) = line.strip_prefix('#').map(str::trim) else {
            continue;
        };
        if let Some((sensor, thickness)) = line.split_once(" sensor, thickness ") {
            header.insert(
                format!("{sensor} sensor thickness"),
                header::value(thickness),
            );
        } else if line.starts_with(|c: char| c.is_ascii_digit()) && line.contains(':') {
            header.insert("Timestamp".to_owned(), header::value(line));
        } else if let Some((key, value)) = split(line) {
            header.insert(key.to_owned(), header::value(value));
        }
    }
    header
}

/// Splits `key: value`, `key = value` and `key value`.
fn split(line: &str) -> Option<(&str, &str)> {
    let separator = |c: char| c.is_whitespace() || ",:=".contains(c);
    let line = line.trim();
    let (key, value) = line.split_at(line.find(separator)?);
    let plain = key
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c));
    let letter = key.starts_with(|c: char| c.is_ascii_alphabetic());
    (plain && letter).then(|| (key, value.trim_start_matches(separator)))
}

/// What the header states, in SI units.
pub(crate) fn stated(header: &Header) -> Metadata {
    let text = |key: &str| header::find(header, key);
    let number = |key: &str| metadata::positive(text(key).and_then(header::number), key);
    let length = |key: &str, default_m: f64| {
        let value = text(key).and_then(|value| header::length(value, default_m));
        metadata::positive(value, key)
    };
    let pixels = text("Pixel_size").map(header::numbers).unwrap_or_default();
    let pixel2_m = metadata::positive(pixels.first().copied(), "Pixel_size");
    let beam = text("Beam_xy").map(header::numbers).and_then(|xy| {
        let (&column, &row) = (xy.first()?, xy.get(1)?);
        metadata::centre(row, column, "Beam_xy")
    });
    let pose = text("Poni").and_then(|line| {
        poni::geometry(|key| {
            let (_, value) = line
                .split_whitespace()
                .filter_map(|pair| pair.split_once('='))
                .find(|(name, _)| *name == key)?;
            header::number(value)
        })
    });
    let radians = |key: &str| {
        let degrees = text(key).and_then(header::number)?;
        Some(Stated::new(degrees.to_radians(), key))
    };
    Metadata {
        wavelength_m: length("Wavelength", 1e-10),
        distance_m: length("Detector_distance", 1.0),
        pixel1_m: metadata::positive(pixels.get(1).copied(), "Pixel_size")
            .or_else(|| pixel2_m.clone()),
        pixel2_m,
        beam_centre_px: beam,
        exposure_s: number("Exposure_time"),
        incident_angle_rad: radians("Incident_angle"),
        count_cutoff: number("Count_cutoff"),
        pose: pose.map(|pose| Stated::new(pose, "Poni")),
        tilted: radians("Detector_2theta").filter(|angle| angle.value != 0.0),
        ..Default::default()
    }
}

/// The header of a frame: the same keys, then all other keys that the frame brought along.
pub(crate) fn write(info: &FrameInfo, line_end: &str) -> String {
    let mut lines = Vec::new();
    if let Some(exposure_s) = info.exposure_s {
        lines.push(format!("Exposure_time {exposure_s} s"));
    }
    if let Some(geometry) = &info.geometry {
        let Geometry {
            pixel1_m, pixel2_m, ..
        } = **geometry;
        lines.push(format!("Pixel_size {pixel2_m:e} m x {pixel1_m:e} m"));
        lines.push(format!("Wavelength {} A", geometry.wavelength_m * 1e10));
        if geometry.rot1_rad == 0.0 && geometry.rot2_rad == 0.0 {
            lines.push(format!("Detector_distance {} m", geometry.distance_m));
            let (x, y) = (geometry.poni2_m / pixel2_m, geometry.poni1_m / pixel1_m);
            lines.push(format!("Beam_xy ({x}, {y}) pixels"));
        }
        if let Some(angle) = geometry.incident_angle_rad {
            lines.push(format!("Incident_angle {} deg.", angle.to_degrees()));
        }
        let numbers = poni::numbers(geometry);
        let pairs: Vec<_> = numbers.iter().map(|(k, v)| format!("{k}={v}")).collect();
        lines.push(format!("Poni {}", pairs.join(" ")));
    } else if let Some(centre) = info.beam_centre_px {
        lines.push(format!(
            "Beam_xy ({}, {}) pixels",
            centre.column, centre.row
        ));
    }
    for (key, value) in info.header.iter() {
        let line = format!("{key}: {}", header::value(value));
        let known = OWN_KEYS.iter().any(|own| own.eq_ignore_ascii_case(key));
        // A key that this format cannot hold is left out rather than mangled.
        if !known && line.is_ascii() && split(&line).is_some_and(|(found, _)| found == key) {
            lines.push(line);
        }
    }
    lines.iter().fold(String::new(), |mut text, line| {
        text.push_str("# ");
        text.push_str(line);
        text.push_str(line_end);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use xscatter_core::PixelPosition;

    const TEXT: &str = "# Detector: PILATUS 300K, S/N 3-0104\r\n# 2011-07-14T12:45:19.719\r\n\
        # Pixel_size 172e-6 m x 150e-6 m\r\n# Silicon sensor, thickness 0.000320 m\r\n\
        # Tau = 125.0e-09 s\r\n# Exposure_time 0.5000000 s\r\n# Count_cutoff 1541621 counts\r\n\
        # Wavelength 0.68937 A\r\n# Detector_distance 0.10000 m\r\n\
        # Beam_xy (243.50, 309.25) pixels\r\nnot a comment\r\n# (odd) line\r\n";

    #[test]
    fn keys_values_and_quantities() {
        let header = parse(TEXT);
        assert_eq!(header["Detector"], "PILATUS 300K, S/N 3-0104");
        assert_eq!(header["Tau"], "125.0e-09 s");
        assert_eq!(header["Timestamp"], "2011-07-14T12:45:19.719");
        assert_eq!(header["Silicon sensor thickness"], "0.000320 m");
        assert_eq!(header.len(), 10);
        let stated = stated(&header);
        let geometry = stated.geometry().unwrap();
        approx::assert_relative_eq!(geometry.wavelength_m, 0.68937e-10);
        approx::assert_relative_eq!(geometry.poni1_m, 309.25 * 150e-6);
        approx::assert_relative_eq!(geometry.poni2_m, 243.5 * 172e-6);
        assert_eq!(
            (stated.exposure_s, stated.count_cutoff),
            (
                Some(Stated::new(0.5, "Exposure_time")),
                Some(Stated::new(1541621.0, "Count_cutoff"))
            )
        );
    }

    #[test]
    fn placeholders_are_no_geometry() {
        for (from, to) in [
            ("(243.50, 309.25)", "(0.00, 0.00)"),
            ("0.68937 A", "0 A"),
            ("0.10000 m", "0.0 m"),
            ("not a comment", "# Detector_2theta 20.0 deg."),
        ] {
            assert!(stated(&parse(&TEXT.replace(from, to))).geometry().is_none());
        }
    }

    #[test]
    fn a_tilted_geometry_comes_back_through_its_own_line() {
        let centre = PixelPosition {
            row: 1.5,
            column: 2.5,
        };
        let geometry = Geometry {
            rot1_rad: 0.25,
            incident_angle_rad: Some(0.002),
            ..Geometry::transmission(0.3, centre, 172e-6, 1e-10)
        };
        let info = FrameInfo {
            geometry: Some(Arc::new(geometry.clone())),
            exposure_s: Some(0.1),
            header: Arc::new([("Sample".to_owned(), "a; b".to_owned())].into()),
            ..Default::default()
        };
        let header = parse(&write(&info, "\r\n"));
        assert_eq!(header["Sample"], "a; b");
        assert!(!header.contains_key("Beam_xy"));
        let stated = stated(&header);
        assert_eq!(stated.geometry(), Some(geometry));
        assert_eq!(stated.exposure_s.unwrap().value, 0.1);
    }
}
