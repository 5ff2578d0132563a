//! Rings of silver behenate in real frames fall on the lines of the calibrant.

mod common;

use xscatter_core::{Frame, Geometry, PixelPosition};
use xscatter_geometry::Calibrant;
use xscatter_reduce::{AzimuthalIntegrator, IntegrateConfig, PixelSplitting, Profile};
use xscatter_testkit::data;

fn integrate(frame: &Frame, geometry: &Geometry, range: (f64, f64)) -> Profile {
    let config = IntegrateConfig {
        bins: 2000,
        range: Some(range),
        splitting: PixelSplitting::Full,
        ..IntegrateConfig::default()
    };
    AzimuthalIntegrator::new(geometry, frame.shape(), config)
        .expect("a calibrated pose")
        .integrate(frame)
        .expect("a frame with valid pixels")
}

/// The centroid of what rises above the lower edge of a window of ± `reach` about `q_inv_nm`.
fn peak_inv_nm(profile: &Profile, q_inv_nm: f64, reach: f64) -> f64 {
    let window: Vec<(f64, f64)> = profile
        .defined()
        .filter(|(q, _, _)| (q - q_inv_nm).abs() < reach)
        .map(|(q, intensity, _)| (q, intensity))
        .collect();
    let (first, last) = (window[0], window[window.len() - 1]);
    let slope = (last.1 - first.1) / (last.0 - first.0);
    let above =
        |&(q, intensity): &(f64, f64)| (intensity - first.1 - slope * (q - first.0)).max(0.0);
    let sum: f64 = window.iter().map(above).sum();
    window
        .iter()
        .map(|point| point.0 * above(point))
        .sum::<f64>()
        / sum
}

#[test]
fn small_angles_on_a_pilatus() {
    let file = "MikhailLifar__autoSAXS/examples/monodisperse_protein/AgBh700_96.9_calib.tif";
    let Some(path) = data::file(env!("CARGO_MANIFEST_DIR"), file) else {
        return;
    };
    let frame = common::read_tiff(&path);
    assert_eq!(frame.shape(), (1043, 981));
    let centre = PixelPosition {
        row: 319.23,
        column: 588.92,
    };
    // The rings fix the product of wavelength and distance only. They are a little elliptical, so
    // that their lines are double in the mean over the azimuth; the centroid is what agrees.
    let geometry = Geometry::transmission(0.7, centre, 172e-6, 1.0794e-10 / 0.7);
    // 2π/(λ·L) times the pixel pitch.
    let per_pixel_inv_nm = 0.01001;
    let profile = integrate(&frame, &geometry, (0.5, 5.0));
    for q_inv_nm in Calibrant::AgBh.q_inv_nm(4.5) {
        let found_inv_nm = peak_inv_nm(&profile, q_inv_nm, 0.1);
        let pixels = (found_inv_nm - q_inv_nm) / per_pixel_inv_nm;
        assert!(
            pixels.abs() < 0.5,
            "{found_inv_nm}, expected {q_inv_nm}: {pixels} pixels"
        );
    }
}

#[test]
fn wide_angles_on_a_tilted_camera() {
    let file = "Imperssonator__in-situ-demo/data/calibration/\
                AgBH_5m_11kev_cali_th0.000_5.00s_2011731_waxs.tiff";
    let Some(path) = data::file(env!("CARGO_MANIFEST_DIR"), file) else {
        return;
    };
    let frame = common::read_tiff(&path);
    let geometry = Geometry {
        poni1_m: 0.052013113573906575,
        poni2_m: 0.0690392473845482,
        rot1_rad: 0.29496064358704166,
        rot2_rad: 0.22165681500327983,
        rot3_rad: -1.53588974175501,
        ..Geometry::transmission(
            0.21441742275972592,
            PixelPosition {
                row: 0.0,
                column: 0.0,
            },
            101.7e-6,
            1.1286670909090908e-10,
        )
    };
    let profile = integrate(&frame, &geometry, (1.0, 10.0));
    // The first order is behind the beamstop's shadow.
    for &q_inv_nm in &Calibrant::AgBh.q_inv_nm(9.0)[1..] {
        let found_inv_nm = peak_inv_nm(&profile, q_inv_nm, 0.12);
        let deviation = found_inv_nm / q_inv_nm - 1.0;
        assert!(
            deviation.abs() < 4e-3,
            "{found_inv_nm}, expected {q_inv_nm}: {deviation}"
        );
    }
}
