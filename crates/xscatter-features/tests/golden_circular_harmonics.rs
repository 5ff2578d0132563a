//! Values of numpy; the file states version, script and tolerance.

use approx::assert_abs_diff_eq;
use ndarray::Array2;
use serde::Deserialize;
use xscatter_core::{Frame, FrameInfo, Mask, PixelPosition};
use xscatter_features::{CircularHarmonics, CircularHarmonicsConfig, Grid};
use xscatter_testkit::golden;

#[derive(Deserialize)]
struct Case {
    centre: [f64; 2],
    bands: usize,
    orders: Vec<u32>,
    masked: bool,
    values: Vec<Option<Values>>,
}

#[derive(Deserialize)]
struct Values {
    mean: f64,
    harmonics: Vec<[f64; 2]>,
}

/// The image of `tools/golden/scattering_image.py`.
fn image(masked: bool, centre: [f64; 2]) -> Frame {
    let counts = Array2::from_shape_fn((48, 61), |(row, column)| {
        let halo = 200_000 / (40 + row.abs_diff(20).pow(2) + column.abs_diff(25).pow(2));
        let texture = (row * 37 + column * 61 + row * column * 11) % 23;
        (halo + texture).saturating_sub(130) as f32
    });
    let frame = Frame::new(counts).with_info(FrameInfo {
        beam_centre_px: Some(PixelPosition {
            row: centre[0],
            column: centre[1],
        }),
        ..Default::default()
    });
    if !masked {
        return frame;
    }
    let bad = Array2::from_shape_fn((48, 61), |(row, column)| {
        (20..23).contains(&row) || column == 30 || (row * 5 + column * 3) % 17 == 0
    });
    frame
        .with_mask(Mask::from_bad(bad.view()))
        .expect("the shapes agree")
}

#[test]
fn harmonics_are_those_of_least_squares_on_each_ring() {
    let path = format!(
        "{}/tests/golden/circular_harmonics.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let golden = golden::load::<Vec<Case>>(path).expect("a golden file");
    let mut counted = 0;
    for case in golden.cases {
        let extractor = CircularHarmonics::new(CircularHarmonicsConfig {
            bands: case.bands,
            orders: case.orders,
            grid: Grid::Native,
            ..Default::default()
        })
        .unwrap();
        let bands = extractor.bands(&image(case.masked, case.centre)).unwrap();
        assert_eq!(bands.len(), case.values.len());
        for (found, expected) in bands.iter().zip(case.values) {
            let Some(expected) = expected else {
                assert!(found.is_err());
                continue;
            };
            let found = found.as_ref().unwrap();
            let tolerance = golden.provenance.tolerance * expected.mean;
            assert_abs_diff_eq!(found.mean, expected.mean, epsilon = tolerance);
            for (found, [re, im]) in found.harmonics.iter().zip(expected.harmonics) {
                assert_abs_diff_eq!(found.re, re, epsilon = tolerance);
                assert_abs_diff_eq!(found.im, im, epsilon = tolerance);
                counted += 1;
            }
        }
    }
    assert!(counted >= 15, "{counted}");
}
