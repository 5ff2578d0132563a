//! Against pyFAI: positions, angles, units, corrections, Fit2D and the grazing-incidence map.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

use serde::Deserialize;
use serde::de::DeserializeOwned;
use xscatter_core::{Geometry, Orientation};
use xscatter_geometry::{Fit2d, GrazingMap, PixelMap, RadialUnit, SampleOrientation};
use xscatter_testkit::golden::{self, Golden};

/// pyFAI keeps the pixels of a mirrored image, and the angles from which it computes the solid angle
/// and the polarisation, in single precision.
const SINGLE_PRECISION: f64 = 2e-7;

/// Single precision of places on a detector of 0.2 m.
const POSITION_M: f64 = 3e-8;

#[derive(Deserialize)]
struct Cases {
    transmission: Vec<Transmission>,
    fit2d: Vec<Fit2dCase>,
    grazing: Vec<Grazing>,
}

#[derive(Deserialize)]
struct Pose {
    shape: (usize, usize),
    pixels: Vec<(usize, usize)>,
    orientation: u8,
    distance_m: f64,
    poni1_m: f64,
    poni2_m: f64,
    rot1_rad: f64,
    rot2_rad: f64,
    rot3_rad: f64,
    pixel1_m: f64,
    pixel2_m: f64,
    wavelength_m: f64,
}

impl Pose {
    fn geometry(&self) -> Geometry {
        Geometry {
            distance_m: self.distance_m,
            poni1_m: self.poni1_m,
            poni2_m: self.poni2_m,
            rot1_rad: self.rot1_rad,
            rot2_rad: self.rot2_rad,
            rot3_rad: self.rot3_rad,
            wavelength_m: self.wavelength_m,
            pixel1_m: self.pixel1_m,
            pixel2_m: self.pixel2_m,
            orientation: Orientation::from_number(self.orientation).unwrap(),
            incident_angle_rad: None,
            tilt_rad: 0.0,
        }
    }
}

#[derive(Deserialize)]
struct Transmission {
    #[serde(flatten)]
    pose: Pose,
    position_m: Vec<[f64; 3]>,
    two_theta_rad: Vec<f64>,
    chi_rad: Vec<f64>,
    q_inv_nm: Vec<f64>,
    d_nm: Vec<f64>,
    radius_mm: Vec<f64>,
    solid_angle: Vec<f64>,
    polarisation_0_95: Vec<f64>,
}

#[derive(Deserialize)]
struct Fit2dCase {
    #[serde(flatten)]
    pose: Pose,
    direct_distance_m: f64,
    row: f64,
    column: f64,
    tilt_rad: f64,
    tilt_plane_rotation_rad: f64,
    back: [f64; 6],
}

#[derive(Deserialize)]
struct Grazing {
    #[serde(flatten)]
    pose: Pose,
    incident_angle_rad: f64,
    tilt_rad: f64,
    sample_orientation: u8,
    q_ip_inv_nm: Vec<f64>,
    q_oop_inv_nm: Vec<f64>,
    chi_gi_rad: Vec<f64>,
}

fn load<T: DeserializeOwned>() -> Golden<T> {
    golden::load(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/pyfai.json"
    ))
    .unwrap()
}

fn check(what: &str, found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance * expected.abs().max(1.0),
        "{what}: {found}, expected {expected} within {tolerance:e}"
    );
}

#[test]
fn pixels_are_where_pyfai_has_them() {
    let golden = load::<Cases>();
    for case in &golden.cases.transmission {
        let tolerance = match case.pose.orientation {
            3 => golden.provenance.tolerance,
            _ => SINGLE_PRECISION,
        };
        let map = PixelMap::new(&case.pose.geometry(), case.pose.shape).unwrap();
        for (index, &(row, column)) in case.pose.pixels.iter().enumerate() {
            let (row, column) = (row as f64 + 0.5, column as f64 + 0.5);
            let position_m = map.position_m(row, column);
            for (found, expected) in position_m.into_iter().zip(case.position_m[index]) {
                check("position", found, expected, POSITION_M);
            }
            let radial = |unit: RadialUnit| unit.of_position(position_m, case.pose.wavelength_m);
            let two_theta_rad = map.two_theta_rad_at(row, column);
            for (what, found, expected) in [
                ("2theta", two_theta_rad, case.two_theta_rad[index]),
                ("chi", map.chi_rad_at(row, column), case.chi_rad[index]),
                ("q", map.q_inv_nm_at(row, column), case.q_inv_nm[index]),
                ("d", radial(RadialUnit::DNm), case.d_nm[index]),
                (
                    "radius",
                    radial(RadialUnit::RadiusMm),
                    case.radius_mm[index],
                ),
            ] {
                check(what, found, expected, tolerance);
            }
        }
    }
}

#[test]
fn corrections_are_those_of_pyfai() {
    let golden = load::<Cases>();
    let small = |case: &&Transmission| case.pose.shape.0 < 100;
    for case in golden.cases.transmission.iter().filter(small) {
        let map = PixelMap::new(&case.pose.geometry(), case.pose.shape).unwrap();
        let (solid_angle, polarisation) = (map.solid_angle(), map.polarisation(0.95));
        for (index, &pixel) in case.pose.pixels.iter().enumerate() {
            for (what, found, expected) in [
                ("solid angle", &solid_angle, case.solid_angle[index]),
                ("polarisation", &polarisation, case.polarisation_0_95[index]),
            ] {
                check(what, found[pixel], expected, SINGLE_PRECISION);
            }
        }
    }
}

#[test]
fn fit2d_parameters_are_those_of_pyfai() {
    let golden = load::<Cases>();
    let tolerance = golden.provenance.tolerance;
    for case in &golden.cases.fit2d {
        let fit2d = Fit2d::from_geometry(&case.pose.geometry()).unwrap();
        check(
            "distance",
            fit2d.direct_distance_m,
            case.direct_distance_m,
            tolerance,
        );
        check("row", fit2d.centre_px.row, case.row, tolerance);
        check("column", fit2d.centre_px.column, case.column, tolerance);
        check("tilt", fit2d.tilt_rad, case.tilt_rad, tolerance);
        if case.tilt_rad > 0.0 {
            let found = fit2d.tilt_plane_rotation_rad;
            check("plane", found, case.tilt_plane_rotation_rad, tolerance);
        }
        let back = fit2d.to_geometry().unwrap();
        let back = [
            back.distance_m,
            back.poni1_m,
            back.poni2_m,
            back.rot1_rad,
            back.rot2_rad,
            back.rot3_rad,
        ];
        for (found, expected) in back.into_iter().zip(case.back) {
            check("back", found, expected, tolerance);
        }
    }
}

#[test]
fn grazing_maps_are_those_of_the_fibre_integrator() {
    let golden = load::<Cases>();
    let tolerance = golden.provenance.tolerance;
    for case in &golden.cases.grazing {
        let geometry = Geometry {
            incident_angle_rad: Some(case.incident_angle_rad),
            tilt_rad: case.tilt_rad,
            ..case.pose.geometry()
        };
        let orientation = SampleOrientation::from_number(case.sample_orientation).unwrap();
        let map = GrazingMap::new(&geometry, case.pose.shape, orientation).unwrap();
        for (index, &(row, column)) in case.pose.pixels.iter().enumerate() {
            let q = map.q_vector_inv_nm_at(row as f64 + 0.5, column as f64 + 0.5);
            let q_ip = q[0].hypot(q[1]).copysign(q[1]);
            for (what, found, expected) in [
                ("q_ip", q_ip, case.q_ip_inv_nm[index]),
                ("q_oop", q[2], case.q_oop_inv_nm[index]),
                ("chi_gi", q_ip.atan2(q[2]), case.chi_gi_rad[index]),
            ] {
                check(what, found, expected, tolerance);
            }
        }
        if case.pose.shape.0 > 100 {
            continue;
        }
        let (q_ip, q_oop) = (map.q_in_plane_inv_nm(), map.q_out_of_plane_inv_nm());
        let chi_gi = map.chi_gi_rad();
        for (index, &pixel) in case.pose.pixels.iter().enumerate() {
            check("q_ip", q_ip[pixel], case.q_ip_inv_nm[index], tolerance);
            check("q_oop", q_oop[pixel], case.q_oop_inv_nm[index], tolerance);
            check("chi_gi", chi_gi[pixel], case.chi_gi_rad[index], tolerance);
        }
    }
}
