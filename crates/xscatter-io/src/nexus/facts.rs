//! What the values of an HDF5 file say about its frames, in SI units.
//!
//! Names and default units are those of NXsas, NXdetector and the DECTRIS file writer; a `units`
//! attribute is believed before any default. A beam centre is in pixels unless its unit is a length.

use std::sync::Arc;

use xscatter_core::{Geometry, PixelPosition};

use super::tree::{Tree, last};
use crate::header::{self, Header, Stated};
use crate::poni;

/// h·c in eV·m (CODATA 2018).
const HC_EV_M: f64 = 1.239_841_984_332_002_6e-6;

/// The group in which this crate keeps the whole geometry.
pub(super) const PONI_GROUP: &str = "poni";
/// The group in which this crate keeps the header that a frame brought along.
pub(super) const HEADER_GROUP: &str = "entry/collection/";

/// Reads what is stated about the image at `image`.
pub(super) fn stated(tree: &Tree, image: &str) -> Stated {
    let find = |names: &[&str]| tree.number(names, image);
    let length = |names: &[&str], default_m: f64| {
        let (value, unit) = find(names)?;
        let unit_m = match unit {
            None => default_m,
            Some(unit) => header::metres(unit)?,
        };
        Some(header::scaled(value, unit_m)).filter(|&length| length > 0.0)
    };
    let pixel2_m = length(&["x_pixel_size"], 1.0);
    let pixel1_m = length(&["y_pixel_size"], 1.0).or(pixel2_m);
    let wavelength_m =
        length(&["incident_wavelength", "wavelength"], 1e-10).or_else(|| energy(tree, image));
    let distance_m = length(&["detector_distance", "distance"], 1.0);

    let centre = |name: &str, pixel_m: Option<f64>| {
        let (value, unit) = find(&[name])?;
        match unit.and_then(header::metres) {
            Some(unit_m) => Some(header::scaled(value, unit_m) / pixel_m?),
            None => Some(value),
        }
    };
    let nika = is_nika(tree);
    let (x, y) = (
        centre("beam_center_x", pixel2_m),
        centre("beam_center_y", pixel1_m),
    );
    let beam_centre_px = match (x, y) {
        (Some(x), Some(y)) if x == 0.0 && y == 0.0 => None,
        (Some(x), Some(y)) if nika => Some(PixelPosition { row: x, column: y }),
        (Some(x), Some(y)) => Some(PixelPosition { row: y, column: x }),
        _ => None,
    };
    let whole = || {
        poni::geometry(|key| {
            let inside = |path: &str| {
                let mut groups = path.rsplit('/').skip(1);
                groups.next() == Some(PONI_GROUP)
            };
            tree.scalars
                .iter()
                .find(|(path, _)| last(path) == key && inside(path))
                .and_then(|(_, scalar)| scalar.number)
        })
    };
    let untilted = || {
        let (pixel1_m, pixel2_m) = (pixel1_m?, pixel2_m?);
        // Nika keeps the tilt in angles of its own; without them the geometry would be wrong.
        let centre = beam_centre_px.filter(|_| !nika)?;
        let mut geometry = Geometry::transmission(distance_m?, centre, pixel1_m, wavelength_m?);
        geometry.pixel2_m = pixel2_m;
        geometry.poni2_m = centre.column * pixel2_m;
        Some(geometry)
    };
    Stated {
        exposure_s: exposure(tree, image),
        geometry: whole().or_else(untilted).map(Arc::new),
        beam_centre_px,
        cutoff: find(&["saturation_value", "countrate_correction_count_cutoff"])
            .map(|(value, _)| value)
            .filter(|&value| value > 0.0),
    }
}

/// Files of APS 12-ID-E state the geometry as the program Nika has it, with x along the rows, and the
/// tilt of the detector in `Metadata/pin_ccd_tilt_x` and its like.
fn is_nika(tree: &Tree) -> bool {
    tree.scalars
        .keys()
        .any(|path| path.ends_with("_ccd_tilt_x"))
}

fn energy(tree: &Tree, image: &str) -> Option<f64> {
    let names = ["incident_energy", "photon_energy", "energy", "beam_energy"];
    let (value, unit) = tree.number(&names, image)?;
    let electronvolts = match unit {
        Some("keV" | "KeV" | "kev") => value * 1e3,
        Some("eV" | "ev") | None => value,
        Some(_) => return None,
    };
    (electronvolts > 0.0).then(|| HC_EV_M / electronvolts)
}

fn exposure(tree: &Tree, image: &str) -> Option<f64> {
    let names = ["count_time", "exposure_time", "PresetTime", "frame_time"];
    let (value, unit) = tree.number(&names, image)?;
    let seconds = match unit {
        None | Some("s" | "second" | "seconds" | "sec") => value,
        Some("ms" | "millisecond" | "milliseconds") => value / 1e3,
        Some("us" | "µs" | "microsecond" | "microseconds") => value / 1e6,
        Some("ns" | "nanosecond" | "nanoseconds") => value / 1e9,
        Some("min" | "minute" | "minutes") => value * 60.0,
        Some(_) => return None,
    };
    (seconds > 0.0).then_some(seconds)
}

/// The small values under their paths, units behind the numbers.
pub(super) fn header(tree: &Tree) -> Header {
    tree.scalars
        .iter()
        .filter(|(_, scalar)| !scalar.text.is_empty())
        .map(|(path, scalar)| {
            let key = match path.strip_prefix(HEADER_GROUP) {
                Some(key) => key.to_owned(),
                None => format!("/{path}"),
            };
            let value = match &scalar.unit {
                Some(unit) => format!("{} {unit}", scalar.text),
                None => scalar.text.clone(),
            };
            (key, value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nexus::tree::Scalar;

    fn tree(values: &[(&str, f64, Option<&str>)]) -> Tree {
        let scalar = |&(path, number, unit): &(&str, f64, Option<&str>)| {
            let scalar = Scalar {
                text: number.to_string(),
                number: Some(number),
                unit: unit.map(str::to_owned),
            };
            (path.to_owned(), scalar)
        };
        Tree {
            scalars: values.iter().map(scalar).collect(),
            ..Default::default()
        }
    }

    const DECTRIS: [(&str, f64, Option<&str>); 7] = [
        (
            "entry/instrument/beam/incident_wavelength",
            1.0,
            Some("angstrom"),
        ),
        (
            "entry/instrument/detector/beam_center_x",
            100.5,
            Some("pixel"),
        ),
        (
            "entry/instrument/detector/beam_center_y",
            200.25,
            Some("pixel"),
        ),
        ("entry/instrument/detector/count_time", 500.0, Some("ms")),
        (
            "entry/instrument/detector/detector_distance",
            250.0,
            Some("mm"),
        ),
        ("entry/instrument/detector/x_pixel_size", 7.5e-5, Some("m")),
        ("entry/instrument/detector/y_pixel_size", 75.0, Some("um")),
    ];

    #[test]
    fn units_are_read_not_assumed() {
        let stated = stated(&tree(&DECTRIS), "entry/data/data");
        let geometry = stated.geometry.unwrap();
        approx::assert_relative_eq!(geometry.distance_m, 0.25);
        approx::assert_relative_eq!(geometry.pixel1_m, 75e-6);
        approx::assert_relative_eq!(geometry.poni1_m, 200.25 * 75e-6);
        assert_eq!(stated.exposure_s, Some(0.5));
    }

    #[test]
    fn a_beam_centre_may_be_a_length() {
        let mut values = DECTRIS;
        values[1].2 = Some("mm");
        values[1].1 = 7.5;
        let centre = stated(&tree(&values), "x").beam_centre_px.unwrap();
        approx::assert_relative_eq!(centre.column, 100.0, epsilon = 1e-9);
    }

    #[test]
    fn an_energy_serves_for_a_wavelength() {
        let mut values = DECTRIS;
        values[0] = ("entry/detectorSpecific/photon_energy", 12.0, Some("keV"));
        let geometry = stated(&tree(&values), "x").geometry.unwrap();
        approx::assert_relative_eq!(geometry.wavelength_m, 1.0332e-10, max_relative = 1e-5);
    }

    #[test]
    fn the_detector_beside_the_image_is_meant() {
        let values = [
            ("entry/a/detector/count_time", 1.0, None),
            ("entry/b/detector/count_time", 2.0, None),
        ];
        assert_eq!(exposure(&tree(&values), "entry/b/detector/data"), Some(2.0));
    }

    #[test]
    fn nika_files_have_x_along_the_rows_and_no_untilted_geometry() {
        let mut values = DECTRIS.to_vec();
        values.push(("entry/Metadata/pin_ccd_tilt_x", 1.2, None));
        let stated = stated(&tree(&values), "x");
        assert!(stated.geometry.is_none());
        assert_eq!(stated.beam_centre_px.unwrap().row, 100.5);
    }
}
