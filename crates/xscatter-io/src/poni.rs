//! A geometry as named numbers, for headers that hold text.
//!
//! The names are those of pyFAI's own EDF and NeXus output: `dist`, `poni1`, `poni2`, `rot1`,
//! `rot2`, `rot3` (metres, radians), `wavelength`, `pixel1`, `pixel2` (metres), `orientation`;
//! `incident_angle` and `tilt_angle` (radians) are those of its grazing-incidence units.

use xscatter_core::{Geometry, Orientation};

pub(crate) const KEYS: [&str; 12] = [
    "dist",
    "poni1",
    "poni2",
    "rot1",
    "rot2",
    "rot3",
    "wavelength",
    "pixel1",
    "pixel2",
    "orientation",
    "incident_angle",
    "tilt_angle",
];

/// The numbers of a geometry under their names; floats print so that they read back to the bit.
pub(crate) fn numbers(geometry: &Geometry) -> Vec<(&'static str, f64)> {
    let mut numbers = vec![
        ("dist", geometry.distance_m),
        ("poni1", geometry.poni1_m),
        ("poni2", geometry.poni2_m),
        ("rot1", geometry.rot1_rad),
        ("rot2", geometry.rot2_rad),
        ("rot3", geometry.rot3_rad),
        ("wavelength", geometry.wavelength_m),
        ("pixel1", geometry.pixel1_m),
        ("pixel2", geometry.pixel2_m),
        ("orientation", geometry.orientation.number().into()),
    ];
    if let Some(angle) = geometry.incident_angle_rad {
        numbers.push(("incident_angle", angle));
    }
    if geometry.tilt_rad != 0.0 {
        numbers.push(("tilt_angle", geometry.tilt_rad));
    }
    numbers
}

/// The geometry that the named numbers state; `None` without distance, PONI, pixels and wavelength.
pub(crate) fn geometry(number: impl Fn(&str) -> Option<f64>) -> Option<Geometry> {
    let positive = |key: &str| number(key).filter(|&value| value > 0.0);
    Some(Geometry {
        distance_m: positive("dist")?,
        poni1_m: number("poni1")?,
        poni2_m: number("poni2")?,
        rot1_rad: number("rot1").unwrap_or(0.0),
        rot2_rad: number("rot2").unwrap_or(0.0),
        rot3_rad: number("rot3").unwrap_or(0.0),
        wavelength_m: positive("wavelength")?,
        pixel1_m: positive("pixel1")?,
        pixel2_m: positive("pixel2")?,
        orientation: number("orientation")
            .and_then(|number| Orientation::from_number(number as u8))
            .unwrap_or_default(),
        incident_angle_rad: number("incident_angle"),
        tilt_rad: number("tilt_angle").unwrap_or(0.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use xscatter_core::PixelPosition;

    #[test]
    fn every_field_comes_back() {
        let centre = PixelPosition {
            row: 100.25,
            column: -3.5,
        };
        let geometry_out = Geometry {
            rot1_rad: 0.1,
            rot2_rad: -0.2,
            rot3_rad: 0.3,
            pixel2_m: 75e-6,
            orientation: Orientation::TopRight,
            incident_angle_rad: Some(0.0035),
            tilt_rad: 1e-3,
            ..Geometry::transmission(1.5, centre, 172e-6, 1.0332e-10)
        };
        let numbers = numbers(&geometry_out);
        let find = |key: &str| {
            let (_, value) = numbers.iter().find(|(name, _)| *name == key)?;
            value.to_string().parse().ok()
        };
        assert_eq!(geometry(find), Some(geometry_out));
    }

    #[test]
    fn without_a_wavelength_there_is_no_geometry() {
        let without = |key: &str| (key != "wavelength").then_some(1.0);
        assert_eq!(geometry(without), None);
        assert_eq!(geometry(|_| Some(0.0)), None);
    }
}
