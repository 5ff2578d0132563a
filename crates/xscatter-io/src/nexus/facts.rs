//! What the values of an HDF5 file say about its frames, in SI units.
//!
//! Names are those of NXsas, NXdetector and the DECTRIS file writer. A length or an energy without a
//! `units` attribute is not known. A beam centre is in pixels unless its unit is a length; times without a
//! unit are in seconds.

use super::tree::{Tree, last};
use crate::header::{self, Header};
use crate::metadata::{self, Metadata, Stated};
use crate::poni;

/// h·c in eV·m (CODATA 2018).
const HC_EV_M: f64 = 1.239_841_984_332_002_6e-6;

/// The group in which this crate keeps the whole geometry.
pub(super) const PONI_GROUP: &str = "poni";
/// The group in which this crate keeps the header that a frame brought along.
pub(super) const HEADER_GROUP: &str = "entry/collection/";

/// Reads what is stated about the image at `image`.
pub(super) fn stated(tree: &Tree, image: &str) -> Metadata {
    // Without a unit a length is not known: APS writes millimetres, others metres.
    let length = |names: &[&str]| {
        let found = tree.number(names, image)?;
        let unit_m = header::metres(found.unit?)?;
        positive(header::scaled(found.value, unit_m), found.path)
    };
    let pixel2_m = length(&["x_pixel_size"]);
    let pixel1_m = length(&["y_pixel_size"]).or_else(|| pixel2_m.clone());
    let nika = tilt_of_nika(tree);
    let centre = |name: &str, pixel_m: &Option<Stated<f64>>| {
        let found = tree.number(&[name], image)?;
        let value = match found.unit.and_then(header::metres) {
            Some(unit_m) => header::scaled(found.value, unit_m) / pixel_m.as_ref()?.value,
            None => found.value,
        };
        Some((value, found.path))
    };
    let beam_centre_px = centre("beam_center_x", &pixel2_m)
        .zip(centre("beam_center_y", &pixel1_m))
        .and_then(|((x, path), (y, _))| {
            let (row, column) = if nika.is_some() { (x, y) } else { (y, x) };
            metadata::centre(row, column, &key(path))
        });
    let pose = poni::geometry(|name| {
        let inside = |path: &str| path.rsplit('/').nth(1) == Some(PONI_GROUP);
        tree.scalars
            .iter()
            .find(|(path, _)| last(path) == name && inside(path))
            .and_then(|(_, scalar)| scalar.number)
    });
    let cutoff_names = ["saturation_value", "countrate_correction_count_cutoff"];
    Metadata {
        wavelength_m: length(&["incident_wavelength", "wavelength"])
            .or_else(|| wavelength_of_energy(tree, image)),
        distance_m: length(&["detector_distance", "distance"]),
        pixel1_m,
        pixel2_m,
        beam_centre_px,
        exposure_s: exposure(tree, image),
        incident_angle_rad: angle(tree, image, &["incident_angle", "incidence_angle"]),
        count_cutoff: tree
            .number(&cutoff_names, image)
            .and_then(|found| positive(found.value, found.path)),
        pose: pose.map(|pose| Stated::new(pose, format!("/{PONI_GROUP}"))),
        tilted: nika,
        ..Default::default()
    }
}

fn positive(value: f64, path: &str) -> Option<Stated<f64>> {
    metadata::positive(Some(value), &key(path))
}

/// A path as it stands in the header.
fn key(path: &str) -> String {
    format!("/{path}")
}

/// Files of APS 12-ID-E state the geometry as the program Nika has it, with x along the rows, and the
/// tilt of the detector in angles of its own (`Metadata/pin_ccd_tilt_x` and its like); without these the
/// geometry would be wrong.
fn tilt_of_nika(tree: &Tree) -> Option<Stated<f64>> {
    let (path, tilt) = tree
        .scalars
        .iter()
        .find(|(path, _)| path.ends_with("_ccd_tilt_x"))?;
    Some(Stated::new(tilt.number.unwrap_or(f64::NAN), key(path)))
}

fn wavelength_of_energy(tree: &Tree, image: &str) -> Option<Stated<f64>> {
    let names = ["incident_energy", "photon_energy", "energy", "beam_energy"];
    let found = tree.number(&names, image)?;
    let electronvolts = match found.unit {
        Some("keV" | "KeV" | "kev") => found.value * 1e3,
        Some("eV" | "ev") => found.value,
        // Without a unit: APS writes kiloelectronvolts, others electronvolts.
        _ => return None,
    };
    (electronvolts > 0.0).then(|| Stated::new(HC_EV_M / electronvolts, key(found.path)))
}

fn exposure(tree: &Tree, image: &str) -> Option<Stated<f64>> {
    let names = ["count_time", "exposure_time", "PresetTime", "frame_time"];
    let found = tree.number(&names, image)?;
    let seconds = match found.unit {
        None | Some("s" | "second" | "seconds" | "sec") => found.value,
        Some("ms" | "millisecond" | "milliseconds") => found.value / 1e3,
        Some("us" | "µs" | "microsecond" | "microseconds") => found.value / 1e6,
        Some("ns" | "nanosecond" | "nanoseconds") => found.value / 1e9,
        Some("min" | "minute" | "minutes") => found.value * 60.0,
        Some(_) => return None,
    };
    positive(seconds, found.path)
}

/// An angle; without a unit it is not known which one is meant.
fn angle(tree: &Tree, image: &str, names: &[&str]) -> Option<Stated<f64>> {
    let found = tree.number(names, image)?;
    let radians = match found.unit? {
        "rad" | "radian" | "radians" => found.value,
        "mrad" | "milliradian" | "milliradians" => found.value / 1e3,
        "deg" | "degree" | "degrees" | "°" => found.value.to_radians(),
        _ => return None,
    };
    Some(Stated::new(radians, key(found.path)))
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
        let geometry = stated.geometry().unwrap();
        approx::assert_relative_eq!(geometry.distance_m, 0.25);
        approx::assert_relative_eq!(geometry.pixel1_m, 75e-6);
        approx::assert_relative_eq!(geometry.poni1_m, 200.25 * 75e-6);
        let exposure = stated.exposure_s.unwrap();
        assert_eq!(exposure.value, 0.5);
        assert_eq!(exposure.key, "/entry/instrument/detector/count_time");
    }

    #[test]
    fn a_beam_centre_may_be_a_length() {
        let mut values = DECTRIS;
        values[1].2 = Some("mm");
        values[1].1 = 7.5;
        let centre = stated(&tree(&values), "x").beam_centre_px.unwrap();
        approx::assert_relative_eq!(centre.value.column, 100.0, epsilon = 1e-9);
    }

    #[test]
    fn an_energy_serves_for_a_wavelength() {
        let mut values = DECTRIS;
        values[0] = ("entry/detectorSpecific/photon_energy", 12.0, Some("keV"));
        let geometry = stated(&tree(&values), "x").geometry().unwrap();
        approx::assert_relative_eq!(geometry.wavelength_m, 1.0332e-10, max_relative = 1e-5);
    }

    #[test]
    fn the_detector_beside_the_image_is_meant() {
        let values = [
            ("entry/a/detector/count_time", 1.0, None),
            ("entry/b/detector/count_time", 2.0, None),
        ];
        let tree = tree(&values);
        let exposure = exposure(&tree, "entry/b/detector/data").unwrap();
        assert_eq!(exposure.value, 2.0);
    }

    #[test]
    fn nika_files_have_x_along_the_rows_and_no_untilted_geometry() {
        let mut values = DECTRIS.to_vec();
        values.push(("entry/Metadata/pin_ccd_tilt_x", 1.2, None));
        let stated = stated(&tree(&values), "x");
        assert!(stated.geometry().is_none());
        assert_eq!(stated.beam_centre_px.unwrap().value.row, 100.5);
    }
}
