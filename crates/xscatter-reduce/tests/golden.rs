//! Against pyFAI: small frames with rotations, orientations, a mask, corrections and errors.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

use ndarray::Array2;
use serde::Deserialize;
use xscatter_core::{Frame, Geometry, Mask, Orientation};
use xscatter_geometry::RadialUnit;
use xscatter_reduce::{AzimuthalIntegrator, ErrorModel, IntegrateConfig, PixelSplitting};
use xscatter_testkit::golden;

const SHAPE: (usize, usize) = (64, 80);

#[derive(Deserialize)]
struct Case {
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
    splitting: String,
    unit: String,
    range: Option<(f64, f64)>,
    azimuth_range_deg: Option<(f64, f64)>,
    solid_angle: bool,
    polarisation: Option<f64>,
    centres: Vec<f64>,
    intensity: Vec<f64>,
    sigma: Vec<f64>,
    norm: Vec<f64>,
    count: Vec<f64>,
}

impl Case {
    fn integrator(&self) -> AzimuthalIntegrator {
        let geometry = Geometry {
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
        };
        let config = IntegrateConfig {
            bins: self.centres.len(),
            unit: RadialUnit::from_name(&self.unit).unwrap(),
            range: self.range,
            azimuth_range_rad: self
                .azimuth_range_deg
                .map(|(start, end)| (start.to_radians(), end.to_radians())),
            splitting: self.splitting(),
            solid_angle: self.solid_angle,
            polarisation: self.polarisation,
            error_model: ErrorModel::Poisson,
        };
        AzimuthalIntegrator::new(&geometry, SHAPE, config).unwrap()
    }

    fn splitting(&self) -> PixelSplitting {
        [
            PixelSplitting::None,
            PixelSplitting::BoundingBox,
            PixelSplitting::Full,
        ]
        .into_iter()
        .find(|splitting| splitting.name() == self.splitting)
        .unwrap()
    }
}

/// The formula of `tools/golden/integrate_pyfai.py`.
fn frame() -> Frame {
    let counts = |(row, column)| ((row * 37 + column * 101 + row * column * 7) % 509) as f32;
    let bad = |(row, column)| (row * 5 + column * 3 + 2) % 17 == 0 || (40..44).contains(&row);
    Frame::new(Array2::from_shape_fn(SHAPE, counts))
        .with_mask(Mask::from_bad(Array2::from_shape_fn(SHAPE, bad).view()))
        .unwrap()
}

fn check(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            (found - expected).abs() <= tolerance * expected.abs(),
            "{what}: {found}, expected {expected} within {tolerance:e}"
        );
    }
}

/// pyFAI keeps the corners of the pixels and the shares in single precision.
const SPLIT_TOLERANCE: f64 = 2e-5;

#[test]
fn profiles_are_those_of_pyfai() {
    let golden = golden::load::<Vec<Case>>(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/pyfai.json"
    ))
    .unwrap();
    for case in &golden.cases {
        let tolerance = match case.splitting() {
            PixelSplitting::None => golden.provenance.tolerance,
            _ => SPLIT_TOLERANCE,
        };
        let profile = case.integrator().integrate(&frame()).unwrap();
        // Where a pixel hangs over an end of a range that was asked for, pyFAI gives all of it to
        // the bins within, and without splitting even the pixels of one bin before the first.
        let bins = match case.range {
            Some(_) => 2..profile.len() - 2,
            None => 0..profile.len(),
        };
        for (what, found, expected) in [
            ("centre", &profile.centres, &case.centres),
            ("intensity", &profile.intensity, &case.intensity),
            ("sigma", profile.sigma.as_ref().unwrap(), &case.sigma),
            ("norm", &profile.norm, &case.norm),
            ("count", &profile.count, &case.count),
        ] {
            let what = format!("{what} ({}, {})", case.splitting, case.unit);
            check(
                &what,
                &found[bins.clone()],
                &expected[bins.clone()],
                tolerance,
            );
        }
    }
}
