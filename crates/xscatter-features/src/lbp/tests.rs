use approx::assert_relative_eq;
use ndarray::{Array2, Axis};
use proptest::prelude::*;
use xscatter_core::{ErrorKind, Mask};
use xscatter_testkit::check_extractor;

use super::*;

const METHODS: [LbpMethod; 5] = [
    LbpMethod::Default,
    LbpMethod::Ror,
    LbpMethod::Uniform,
    LbpMethod::NriUniform,
    LbpMethod::Var,
];

/// Without equal neighbours: nothing is decided by rounding.
fn rough(shape: (usize, usize)) -> Array2<f32> {
    Array2::from_shape_fn(shape, |(row, column)| {
        let (row, column) = (row as f32, column as f32);
        500.0 + 300.0 * (row * 1.7 + column * column * 0.31).sin() + 90.0 * (column * 2.9).cos()
    })
}

fn row_of(config: LbpConfig, frame: Frame) -> Vec<f32> {
    let table = Lbp::new(config).unwrap().extract(&[frame]).unwrap();
    table.values().iter().copied().collect()
}

#[test]
fn the_contract_holds_far_from_the_defaults() {
    let frames: Vec<Frame> = (0..3)
        .map(|k| Frame::new(rough((40 + k, 53 - 2 * k)).mapv(f32::round)))
        .collect();
    for (points, radius_px, method, threshold) in [
        (16, 2.0, LbpMethod::NriUniform, 1.5),
        (12, 1.7, LbpMethod::Ror, 0.0),
        (24, 4.0, LbpMethod::Uniform, 0.5),
        (5, 2.5, LbpMethod::Default, 0.0),
        (8, 1.0, LbpMethod::Var, 0.0),
    ] {
        let lbp = Lbp::new(LbpConfig {
            points,
            radius_px,
            method,
            threshold,
            grid: Grid::LongSide(37),
            transform: IntensityTransform::Anscombe,
        })
        .unwrap();
        check_extractor(&lbp, &frames).unwrap();
    }
}

#[test]
fn quarter_turns_and_flips_keep_rotation_invariant_shares() {
    let counts = rough((31, 44));
    let turned = {
        let mut turned = counts.clone().reversed_axes();
        turned.invert_axis(Axis(0));
        turned
    };
    let mut flipped = counts.clone();
    flipped.invert_axis(Axis(1));
    for (method, moved) in [
        (LbpMethod::Ror, &turned),
        (LbpMethod::Uniform, &turned),
        (LbpMethod::Uniform, &flipped),
        (LbpMethod::Var, &flipped),
    ] {
        for points in [8, 16] {
            let config = LbpConfig {
                points,
                radius_px: f64::from(points) / 8.0,
                method,
                ..Default::default()
            };
            let one = row_of(config, Frame::new(counts.clone()));
            let other = row_of(config, Frame::new(moved.clone()));
            for (one, other) in one.iter().zip(&other) {
                assert_relative_eq!(one, other, max_relative = 1e-5);
            }
        }
    }
}

#[test]
fn exposure_does_not_matter_to_patterns_and_shifts_variances() {
    let counts = rough((30, 25));
    let brighter = counts.mapv(|count| 4.0 * count);
    for method in METHODS {
        let config = LbpConfig {
            method,
            ..Default::default()
        };
        let one = row_of(config, Frame::new(counts.clone()));
        let other = row_of(config, Frame::new(brighter.clone()));
        if method == LbpMethod::Var {
            // ln(1 + 16 V) is about ln(1 + V) + ln 16.
            assert_relative_eq!(other[0] - one[0], 16f32.ln(), epsilon = 1e-2);
        } else {
            assert_eq!(one, other);
        }
    }
}

#[test]
fn a_threshold_quietens_the_noise_of_a_flat_area() {
    // A mean of 100 counts with deviations of about ±10.
    let flat = Array2::from_shape_fn((40, 40), |(row, column)| {
        100.0 + ((row * 7 + column * 13 + row * column) % 21) as f32 - 10.0
    });
    let quiet = LbpConfig {
        threshold: 3.0,
        ..Default::default()
    };
    assert_eq!(row_of(quiet, Frame::new(flat.clone()))[0], 1.0);
    assert!(row_of(LbpConfig::default(), Frame::new(flat.clone()))[0] < 0.3);
    // Stabilised, the noise is one everywhere: the same threshold.
    let stabilised = LbpConfig {
        transform: IntensityTransform::Anscombe,
        ..quiet
    };
    assert_eq!(row_of(stabilised, Frame::new(flat))[0], 1.0);
}

#[test]
fn points_below_a_constant_neighbourhood_are_rounding_and_nothing_else() {
    let frame = Frame::new(Array2::from_elem((9, 9), 4.0));
    let shares = row_of(LbpConfig::default(), frame);
    // Weights of five decimals times 4 lose nothing: every neighbour equals its centre.
    assert_eq!(shares[8], 1.0);
}

#[test]
fn only_codes_that_touch_a_masked_pixel_are_dropped() {
    let counts = rough((12, 14));
    let bad = Array2::from_shape_fn((12, 14), |place| place == (5, 6));
    let plain = Frame::new(counts.clone());
    let masked = Frame::new(counts)
        .with_mask(Mask::from_bad(bad.view()))
        .unwrap();
    let circle = Neighbourhood::new(8, 1.0).unwrap();
    let of = |frame: &Frame| {
        let image = Resampled::of(frame, Grid::Native).unwrap();
        codes(&image, &circle, LbpMethod::Default, Border::Drop)
    };
    let (plain, masked) = (of(&plain), of(&masked));
    for ((row, column), &code) in masked.indexed_iter() {
        let border = row == 0 || column == 0 || row == 11 || column == 13;
        let near = (4..=6).contains(&row) && (5..=7).contains(&column);
        if border || near {
            assert!(code.is_nan());
        } else {
            assert_eq!(code, plain[(row, column)]);
        }
    }
}

#[test]
fn the_transform_hardly_matters_and_the_points_on_pixels_not_at_all() {
    let config = |transform| LbpConfig {
        points: 4,
        transform,
        ..Default::default()
    };
    let raw = row_of(config(IntensityTransform::Raw), Frame::new(rough((20, 20))));
    let log = row_of(
        config(IntensityTransform::Log1p),
        Frame::new(rough((20, 20))),
    );
    assert_eq!(raw, log);
}

#[test]
fn a_frame_without_a_neighbourhood_is_degenerate() {
    let error = Lbp::new(LbpConfig::default())
        .unwrap()
        .extract(&[Frame::new(Array2::ones((2, 50)))])
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DegenerateData);
    assert!(error.to_string().contains("radius 1"), "{error}");
}

#[test]
fn senseless_settings_are_refused() {
    let broken = |change: fn(&mut LbpConfig)| {
        let mut config = LbpConfig::default();
        change(&mut config);
        Lbp::new(config).unwrap_err()
    };
    assert_eq!(broken(|c| c.points = 1), LbpError::Points(1));
    assert_eq!(broken(|c| c.points = 25), LbpError::Points(25));
    assert_eq!(broken(|c| c.radius_px = 0.0), LbpError::Radius(0.0));
    assert_eq!(broken(|c| c.threshold = -1.0), LbpError::Threshold(-1.0));
    assert_eq!(
        broken(|c| (c.points, c.method) = (16, LbpMethod::Default)),
        LbpError::Columns(16)
    );
    assert!(matches!(
        broken(|c| c.radius_px = f64::NAN),
        LbpError::Radius(_)
    ));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_circle_on_any_image_gives_labels_in_their_range(
        rows in 1usize..20, columns in 1usize..20, points in 2u32..=MAX_POINTS, radius in 0.5f64..6.0,
    ) {
        let frame = Frame::new(rough((rows, columns)));
        let image = Resampled::of(&frame, Grid::Native).unwrap();
        let circle = Neighbourhood::new(points, radius).unwrap();
        for (method, most) in [
            (LbpMethod::Default, (1 << points) - 1),
            (LbpMethod::Uniform, points + 1),
            (LbpMethod::NriUniform, points * (points - 1) + 2),
        ] {
            let all = codes(&image, &circle, method, Border::Zero);
            prop_assert!(all.iter().all(|&code| (0.0..=f64::from(most)).contains(&code)));
            let kept = codes(&image, &circle, method, Border::Drop);
            for (kept, all) in kept.iter().zip(&all) {
                prop_assert!(kept.is_nan() || kept == all);
            }
        }
    }
}
