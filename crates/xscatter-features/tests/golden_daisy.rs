//! DAISY descriptors against scikit-image; the file states version, script and tolerance.

use approx::assert_relative_eq;
use ndarray::Array2;
use serde::Deserialize;
use xscatter_core::{Frame, Mask};
use xscatter_features::{
    Daisy, DaisyConfig, DaisyNormalization, Grid, IntensityTransform, Resampled,
};
use xscatter_testkit::golden;

#[derive(Deserialize)]
struct Case {
    step_px: usize,
    radius_px: usize,
    rings: usize,
    histograms: usize,
    orientations: usize,
    normalization: DaisyNormalization,
    masked: bool,
    number: usize,
    every: usize,
    rows: Vec<Vec<f64>>,
}

/// The image of `tools/golden/scattering_image.py`, with two thirds of its gaps closed.
fn image(masked: bool) -> Frame {
    let counts = Array2::from_shape_fn((48, 61), |(row, column)| {
        let halo = 200_000 / (40 + row.abs_diff(20).pow(2) + column.abs_diff(25).pow(2));
        let texture = (row * 37 + column * 61 + row * column * 11) % 23;
        (halo + texture).saturating_sub(130) as f32
    });
    let frame = Frame::new(counts);
    if !masked {
        return frame;
    }
    let bad = Array2::from_shape_fn((48, 61), |(row, column)| {
        let gap = (20..23).contains(&row) || column == 30 || (row * 5 + column * 3) % 17 == 0;
        gap && (row + column) % 3 == 0
    });
    frame
        .with_mask(Mask::from_bad(bad.view()))
        .expect("the shapes agree")
}

#[test]
fn descriptors_agree_with_scikit_image() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/daisy.json");
    let golden = golden::load::<Vec<Case>>(path).unwrap();
    assert_eq!(golden.cases.len(), 5);
    for case in golden.cases {
        let frame = image(case.masked);
        let daisy = Daisy::new(DaisyConfig {
            step_px: case.step_px,
            radius_px: case.radius_px,
            rings: case.rings,
            histograms: case.histograms,
            orientations: case.orientations,
            normalization: case.normalization,
            transform: IntensityTransform::Raw,
            ..Default::default()
        })
        .unwrap();
        let descriptors = daisy.descriptors(&Resampled::of(&frame, Grid::Native).unwrap());
        assert_eq!(descriptors.rows.nrows(), case.number);
        let ours = descriptors.rows.rows().into_iter().step_by(case.every);
        let mut largest = 0.0f64;
        for (ours, theirs) in ours.zip(&case.rows) {
            for (&ours, &theirs) in ours.iter().zip(theirs) {
                largest = largest.max((f64::from(ours) / theirs - 1.0).abs());
            }
        }
        assert_relative_eq!(largest, 0.0, epsilon = golden.provenance.tolerance);
    }
}
