//! What a header states about a frame, in few words.

use xscatter::geometry::{beam_centre_px, units};
use xscatter::io::Metadata;
use xscatter::{FrameInfo, PixelPosition};

use crate::picture::ticks::number;

/// The quantities that people look for first; absent where the file does not state them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Facts {
    pub(crate) distance_m: Option<f64>,
    pub(crate) wavelength_m: Option<f64>,
    /// Pitch of rows and of columns.
    pub(crate) pixel_m: Option<(f64, f64)>,
    /// Where the direct beam meets the detector; it may be off the frame.
    pub(crate) centre: Option<PixelPosition>,
    pub(crate) exposure_s: Option<f64>,
    pub(crate) incident_angle_rad: Option<f64>,
}

impl Facts {
    pub(crate) fn new(info: &FrameInfo, metadata: &Metadata, shape: (usize, usize)) -> Self {
        fn stated(value: Option<&xscatter::io::Stated<f64>>) -> Option<f64> {
            value.map(|stated| stated.value)
        }
        let geometry = info.geometry.as_deref();
        let pixel1_m = stated(metadata.pixel1_m.as_ref());
        let pixel2_m = stated(metadata.pixel2_m.as_ref());
        Self {
            distance_m: geometry
                .map(|geometry| geometry.distance_m)
                .or_else(|| stated(metadata.distance_m.as_ref())),
            wavelength_m: geometry
                .map(|geometry| geometry.wavelength_m)
                .or_else(|| stated(metadata.wavelength_m.as_ref())),
            pixel_m: geometry
                .map(|geometry| (geometry.pixel1_m, geometry.pixel2_m))
                .or_else(|| pixel1_m.zip(pixel2_m)),
            centre: geometry
                .and_then(|geometry| beam_centre_px(geometry, shape))
                .or(info.beam_centre_px),
            exposure_s: info.exposure_s,
            incident_angle_rad: geometry
                .and_then(|geometry| geometry.incident_angle_rad)
                .or_else(|| stated(metadata.incident_angle_rad.as_ref())),
        }
    }

    pub(crate) fn energy_kev(&self) -> Option<f64> {
        self.wavelength_m
            .map(|wavelength_m| units::energy_ev(wavelength_m) / 1e3)
    }

    /// `172 µm`, or `172x150 µm` where rows and columns differ.
    pub(crate) fn pixel(&self) -> Option<String> {
        self.pixel_m.map(|(pixel1_m, pixel2_m)| {
            let microns = |metres: f64| number(metres * 1e6);
            if pixel1_m == pixel2_m {
                format!("{} µm", microns(pixel1_m))
            } else {
                format!("{}x{} µm", microns(pixel1_m), microns(pixel2_m))
            }
        })
    }

    /// Each fact with its name, for a line of text.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let mut texts = Vec::new();
        texts.extend(self.distance_m.map(|m| format!("distance {}", length(m))));
        if let (Some(energy_kev), Some(wavelength_m)) = (self.energy_kev(), self.wavelength_m) {
            texts.push(format!(
                "{} keV ({} Å)",
                number(energy_kev),
                number(wavelength_m * 1e10)
            ));
        }
        texts.extend(self.pixel().map(|pixel| format!("pixel {pixel}")));
        texts.extend(self.exposure_s.map(|s| format!("exposure {}", seconds(s))));
        texts.extend(
            self.incident_angle_rad
                .map(|angle| format!("incident angle {}°", number(angle.to_degrees()))),
        );
        texts
    }
}

/// A length in the unit that suits it.
pub(crate) fn length(metres: f64) -> String {
    if metres.abs() >= 1.0 {
        format!("{} m", number(metres))
    } else {
        format!("{} mm", number(metres * 1e3))
    }
}

/// A time in the unit that suits it.
pub(crate) fn seconds(seconds: f64) -> String {
    if seconds.abs() >= 0.1 || seconds == 0.0 {
        format!("{} s", number(seconds))
    } else if seconds.abs() >= 1e-4 {
        format!("{} ms", number(seconds * 1e3))
    } else {
        format!("{} µs", number(seconds * 1e6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xscatter::Geometry;

    #[test]
    fn a_tilted_pose_gives_the_beam_centre_not_the_point_of_normal_incidence() {
        let centre = PixelPosition {
            row: 10.0,
            column: 20.0,
        };
        let pose = Geometry {
            rot1_rad: 0.1,
            ..Geometry::transmission(0.5, centre, 172e-6, 1e-10)
        };
        let info = FrameInfo {
            geometry: Some(pose.into()),
            ..FrameInfo::default()
        };
        let facts = Facts::new(&info, &Metadata::default(), (100, 100));
        let moved = facts.centre.unwrap();
        assert!((moved.row - 10.0).abs() < 1e-9 && (moved.column - 20.0).abs() > 100.0);
        assert_eq!(facts.pixel().as_deref(), Some("172 µm"));
        assert_eq!(
            facts.sentences()[..2],
            ["distance 500 mm", "12.398 keV (1 Å)"]
        );
    }

    #[test]
    fn what_is_not_stated_is_absent() {
        let facts = Facts::new(&FrameInfo::default(), &Metadata::default(), (4, 4));
        assert_eq!(facts, Facts::default());
        assert!(facts.sentences().is_empty());
    }

    #[test]
    fn quantities_get_the_unit_that_suits_them() {
        assert_eq!(length(2.5), "2.5 m");
        assert_eq!(length(0.1625), "162.5 mm");
        assert_eq!(seconds(300.0), "300 s");
        assert_eq!(seconds(0.008), "8 ms");
        assert_eq!(seconds(5e-6), "5 µs");
    }
}
