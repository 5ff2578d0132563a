//! Dense SIFT against OpenCV and against its formula in double precision; the file states versions, script
//! and tolerance.

use ndarray::Array2;
use serde::Deserialize;
use xscatter_core::{Frame, Mask};
use xscatter_features::{
    DenseSift, DenseSiftConfig, Descriptors, Grid, IntensityTransform, Resampled, SiftWindow,
};
use xscatter_testkit::golden::{self, Golden};

#[derive(Deserialize)]
struct Case {
    cell_px: usize,
    step_px: usize,
    smoothing_px: f64,
    flat: bool,
    masked: bool,
    places: Vec<(usize, usize)>,
    every: usize,
    formula: Vec<Vec<f32>>,
    opencv: Option<Vec<Vec<f32>>>,
}

/// The image of `tools/golden/features_dense_sift.py`.
fn image(masked: bool) -> Frame {
    let counts = Array2::from_shape_fn((64, 90), |(row, column)| {
        let halo = 30_000 / (200 + row.abs_diff(20).pow(2) + column.abs_diff(35).pow(2));
        let texture = (row * 37 + column * 61 + row * column * 11) % 23;
        (halo + 3 * texture).min(255) as f32
    });
    let frame = Frame::new(counts);
    if !masked {
        return frame;
    }
    let bad = Array2::from_shape_fn((64, 90), |(row, column)| {
        (60..66).contains(&column) || (row * 5 + column * 3) % 97 == 0
    });
    frame
        .with_mask(Mask::from_bad(bad.view()))
        .expect("the shapes agree")
}

fn golden() -> Golden<Vec<Case>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/dense_sift.json");
    golden::load(path).expect("it is committed")
}

fn descriptors(case: &Case) -> Descriptors {
    let frame = image(case.masked);
    let sift = DenseSift::new(DenseSiftConfig {
        cell_px: case.cell_px,
        step_px: case.step_px,
        smoothing_px: case.smoothing_px,
        window: if case.flat {
            SiftWindow::Flat
        } else {
            SiftWindow::Gaussian
        },
        transform: IntensityTransform::Raw,
        ..Default::default()
    });
    let image = Resampled::of(&frame, Grid::Native).expect("a sound frame");
    sift.expect("sensible settings").descriptors(&image)
}

/// The largest deviation from rows of which every so many are given.
fn deviation(ours: &Array2<f32>, every: usize, theirs: &[Vec<f32>], scale: f32) -> f32 {
    let ours = ours.rows().into_iter().step_by(every);
    assert_eq!(ours.len(), theirs.len());
    ours.zip(theirs)
        .flat_map(|(ours, theirs)| {
            let theirs = theirs.iter().copied();
            let pairs: Vec<(f32, f32)> = ours.iter().copied().zip(theirs).collect();
            pairs
        })
        .map(|(ours, theirs)| (scale * ours - theirs).abs())
        .fold(0.0, f32::max)
}

#[test]
fn descriptors_agree_with_the_formula_with_and_without_gaps() {
    let golden = golden();
    assert_eq!(golden.cases.len(), 6);
    for case in &golden.cases {
        let Descriptors { places, rows } = descriptors(case);
        assert_eq!(places, case.places);
        let deviation = deviation(&rows, case.every, &case.formula, 1.0);
        assert!(
            f64::from(deviation) < golden.provenance.tolerance,
            "{deviation}"
        );
    }
}

#[test]
fn g_sift_1_descriptors_of_opencv_have_our_norm_and_our_numbers() {
    let mut compared = 0;
    for case in golden().cases {
        let rows = descriptors(&case).rows;
        let Some(theirs) = &case.opencv else { continue };
        // Half of it is their rounding.
        let deviation = deviation(&rows, case.every, theirs, 512.0);
        assert!(deviation < 1.0, "{deviation} of 512");
        for theirs in theirs {
            let norm: f32 = theirs.iter().map(|value| value * value).sum();
            assert!((norm.sqrt() / 512.0 - 1.0).abs() < 3e-3);
        }
        compared += theirs.len();
    }
    assert!(compared >= 12);
}
