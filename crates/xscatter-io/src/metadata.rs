//! What a file states about its frames: typed values in SI units, each with the key it came from.
//!
//! Use it to see what is known and where it was said; every other layer needs only the
//! [`Geometry`] of the frame, which [`Metadata::geometry`] makes. What a file does not state is
//! absent, and a placeholder (a beam at 0, 0; a distance of 0) is not a statement: nothing is ever
//! guessed.

use xscatter_core::{Geometry, Orientation, PixelPosition};

/// A value and the key of the header that states it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stated<T> {
    /// The value, in SI units where it has a unit.
    pub value: T,
    /// The key in the header of the file: `Detector_distance`, `/entry/instrument/detector/distance`.
    pub key: String,
}

impl<T> Stated<T> {
    /// A value under its key.
    pub fn new(value: T, key: impl Into<String>) -> Self {
        let key = key.into();
        Self { value, key }
    }
}

/// The quantities that a file states about a frame.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// Of the incident beam; made from an energy where the file states that.
    pub wavelength_m: Option<Stated<f64>>,
    /// From the sample to the detector, along the beam for an untilted detector.
    pub distance_m: Option<Stated<f64>>,
    /// Pixel pitch along axis 0 (slow, y).
    pub pixel1_m: Option<Stated<f64>>,
    /// Pixel pitch along axis 1 (fast, x).
    pub pixel2_m: Option<Stated<f64>>,
    /// Where the direct beam meets the detector.
    pub beam_centre_px: Option<Stated<PixelPosition>>,
    /// Exposure time of the frame.
    pub exposure_s: Option<Stated<f64>>,
    /// Between the beam and the sample's surface.
    pub incident_angle_rad: Option<Stated<f64>>,
    /// How the image is stored relative to the detector.
    pub orientation: Option<Stated<Orientation>>,
    /// The largest valid count; what is above it is an overflow.
    pub count_cutoff: Option<Stated<f64>>,
    /// The whole calibrated pose, where the file holds one (the keys of a PONI file).
    pub pose: Option<Stated<Geometry>>,
    /// That the detector is turned or shifted, in a way from which no pose can be made.
    pub tilted: Option<Stated<f64>>,
}

impl Metadata {
    /// The geometry: the stated pose, else that of an untilted detector if wavelength, distance, pixel
    /// size and beam centre are all stated and nothing says that the detector is tilted.
    pub fn geometry(&self) -> Option<Geometry> {
        if let Some(pose) = &self.pose {
            return Some(pose.value.clone());
        }
        if self.tilted.is_some() {
            return None;
        }
        let value = |stated: &Option<Stated<f64>>| stated.as_ref().map(|stated| stated.value);
        let centre = self.beam_centre_px.as_ref()?.value;
        let (pixel1_m, pixel2_m) = (value(&self.pixel1_m)?, value(&self.pixel2_m)?);
        let mut geometry = Geometry::transmission(
            value(&self.distance_m)?,
            centre,
            pixel1_m,
            value(&self.wavelength_m)?,
        );
        geometry.pixel2_m = pixel2_m;
        geometry.poni2_m = centre.column * pixel2_m;
        geometry.incident_angle_rad = value(&self.incident_angle_rad);
        if let Some(orientation) = &self.orientation {
            geometry.orientation = orientation.value;
        }
        Some(geometry)
    }
}

/// A value that must be positive to be a statement.
pub(crate) fn positive(value: Option<f64>, key: &str) -> Option<Stated<f64>> {
    value
        .filter(|value| value.is_finite() && *value > 0.0)
        .map(|value| Stated::new(value, key))
}

/// A beam centre in pixels; (0, 0) is a placeholder.
pub(crate) fn centre(row: f64, column: f64, key: &str) -> Option<Stated<PixelPosition>> {
    let known = row.is_finite() && column.is_finite() && (row != 0.0 || column != 0.0);
    known.then(|| Stated::new(PixelPosition { row, column }, key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Metadata {
        Metadata {
            wavelength_m: positive(Some(1e-10), "Wavelength"),
            distance_m: positive(Some(0.5), "Detector_distance"),
            pixel1_m: positive(Some(172e-6), "Pixel_size"),
            pixel2_m: positive(Some(100e-6), "Pixel_size"),
            beam_centre_px: centre(10.0, 20.0, "Beam_xy"),
            ..Default::default()
        }
    }

    #[test]
    fn a_geometry_needs_all_of_it() {
        let geometry = whole().geometry().unwrap();
        assert_eq!(
            (geometry.poni1_m, geometry.poni2_m),
            (10.0 * 172e-6, 20.0 * 100e-6)
        );
        for part in 0..5 {
            let mut metadata = whole();
            match part {
                0 => metadata.wavelength_m = None,
                1 => metadata.distance_m = None,
                2 => metadata.pixel1_m = None,
                3 => metadata.beam_centre_px = None,
                _ => metadata.tilted = positive(Some(0.1), "Detector_2theta"),
            }
            assert_eq!(metadata.geometry(), None);
        }
    }

    #[test]
    fn a_stated_pose_wins_even_over_a_tilt() {
        let mut metadata = whole();
        let pose = Geometry {
            rot1_rad: 0.2,
            ..whole().geometry().unwrap()
        };
        metadata.pose = Some(Stated::new(pose.clone(), "Poni"));
        metadata.tilted = positive(Some(0.1), "Detector_2theta");
        assert_eq!(metadata.geometry(), Some(pose));
    }

    #[test]
    fn placeholders_are_absent() {
        assert_eq!(positive(Some(0.0), "a"), None);
        assert_eq!(positive(Some(f64::NAN), "a"), None);
        assert_eq!(centre(0.0, 0.0, "a"), None);
        assert!(centre(0.0, -3.0, "a").is_some());
    }
}
