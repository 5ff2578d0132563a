//! Against a published integration: a powder frame of CeO2 with its PONI file and pyFAI's result.
//!
//! The reference was made by pyFAI with 5000 bins of 2θ over the full circle, pixels split in full,
//! solid angle on, polarisation factor 0.99; it has seven digits.

mod common;

use xscatter_geometry::{Poni, RadialUnit};
use xscatter_reduce::{AzimuthalIntegrator, ErrorModel, IntegrateConfig, PixelSplitting};
use xscatter_testkit::data;

const FOLDER: &str = "LightForm-group__pyFAI-integration-caking";

/// Median, 99th percentile and maximum.
fn summary(mut deviations: Vec<f64>) -> (f64, f64, f64) {
    deviations.sort_by(f64::total_cmp);
    let at = |part: f64| deviations[((deviations.len() - 1) as f64 * part) as usize];
    (at(0.5), at(0.99), at(1.0))
}

#[test]
fn a_powder_frame_integrates_to_the_published_curve() {
    let file = |name: &str| data::file(env!("CARGO_MANIFEST_DIR"), &format!("{FOLDER}/{name}"));
    let (Some(image), Some(poni), Some(curve)) = (
        file("example-data/pixium_03150.tif"),
        file("example-calibration/54a26be_DLS_CeO2_1200mm_pyFAI.poni"),
        file("example-analysis/integrated.dat"),
    ) else {
        return;
    };
    let frame = common::read_tiff(&image);
    assert_eq!(frame.shape(), (1441, 1440));
    let geometry = Poni::read(poni).unwrap().geometry;
    let config = IntegrateConfig {
        bins: 5000,
        unit: RadialUnit::TwoThetaDeg,
        splitting: PixelSplitting::Full,
        solid_angle: true,
        polarisation: Some(0.99),
        error_model: ErrorModel::None,
        ..IntegrateConfig::default()
    };
    let integrator = AzimuthalIntegrator::new(&geometry, frame.shape(), config).unwrap();
    let profile = integrator.integrate(&frame).unwrap();

    let text = std::fs::read_to_string(curve).unwrap();
    let expected: Vec<(f64, f64)> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut numbers = line.split_whitespace().map(|word| word.parse().unwrap());
            (numbers.next().unwrap(), numbers.next().unwrap())
        })
        .collect();
    assert_eq!(expected.len(), profile.len());
    for (found, expected) in profile.centres.iter().zip(&expected) {
        assert!((found - expected.0).abs() < 1e-5, "{found} {}", expected.0);
    }
    let deviations = |low: f64, high: f64| {
        let deviations: Vec<f64> = expected
            .iter()
            .enumerate()
            .filter(|&(_, &(centre, intensity))| (low..high).contains(&centre) && intensity > 0.0)
            .map(|(bin, &(_, intensity))| (profile.intensity[bin] / intensity - 1.0).abs())
            .collect();
        (deviations.len(), summary(deviations))
    };
    // Two releases of pyFAI agree with each other to 1.2e-6, 2.0e-5 and 3.7e-5 here.
    let (bins, (median, most, worst)) = deviations(1.0, 14.0);
    assert_eq!(bins, 4548);
    assert!(
        median < 2e-6 && most < 3e-5 && worst < 6e-5,
        "{median:e} {most:e} {worst:e}"
    );
    // Further in and out a bin holds fewer pixels: 1.3e-6, 7.3e-5 and 6.8e-4.
    let (bins, (median, most, worst)) = deviations(0.2, 14.2);
    assert_eq!(bins, 4898);
    assert!(
        median < 2e-6 && most < 1e-4 && worst < 1e-3,
        "{median:e} {most:e} {worst:e}"
    );

    // No count is lost or counted twice.
    let total: f64 = frame.valid_counts().map(f64::from).sum();
    let sum: f64 = (0..profile.len())
        .filter(|&bin| profile.is_defined(bin))
        .map(|bin| profile.intensity[bin] * profile.norm[bin])
        .sum();
    assert!((sum / total - 1.0).abs() < 1e-6, "{sum} of {total}");
}
