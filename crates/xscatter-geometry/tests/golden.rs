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

/// pyFAI keeps the azimuth of the polarisation in single precision.
const SINGLE_PRECISION: f64 = 1e-7;

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
    let tolerance = golden.provenance.tolerance;
    for case in &golden.cases.transmission {
        let map = PixelMap::new(&case.pose.geometry(), case.pose.shape).unwrap();
        let (two_theta, chi, q) = (map.two_theta_rad(), map.chi_rad(), map.q_inv_nm());
        let (d_nm, radius_mm) = (
            map.radial(RadialUnit::DNm),
            map.radial(RadialUnit::RadiusMm),
        );
        let (solid_angle, polarisation) = (map.solid_angle(), map.polarisation(0.95));
        for (index, &pixel) in case.pose.pixels.iter().enumerate() {
            let position_m = map.position_m(pixel.0 as f64 + 0.5, pixel.1 as f64 + 0.5);
            for (found, expected) in position_m.into_iter().zip(case.position_m[index]) {
                check("position", found, expected, tolerance);
            }
            check(
                "2theta",
                two_theta[pixel],
                case.two_theta_rad[index],
                tolerance,
            );
            check("chi", chi[pixel], case.chi_rad[index], tolerance);
            check("q", q[pixel], case.q_inv_nm[index], tolerance);
            check("d", d_nm[pixel], case.d_nm[index], tolerance);
            check("radius", radius_mm[pixel], case.radius_mm[index], tolerance);
            check(
                "solid angle",
                solid_angle[pixel],
                case.solid_angle[index],
                tolerance,
            );
            let expected = case.polarisation_0_95[index];
            check(
                "polarisation",
                polarisation[pixel],
                expected,
                SINGLE_PRECISION,
            );
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
        let (q_ip, q_oop) = (map.q_in_plane_inv_nm(), map.q_out_of_plane_inv_nm());
        let chi_gi = map.chi_gi_rad();
        for (index, &pixel) in case.pose.pixels.iter().enumerate() {
            check("q_ip", q_ip[pixel], case.q_ip_inv_nm[index], tolerance);
            check("q_oop", q_oop[pixel], case.q_oop_inv_nm[index], tolerance);
            check("chi_gi", chi_gi[pixel], case.chi_gi_rad[index], tolerance);
        }
    }
}
