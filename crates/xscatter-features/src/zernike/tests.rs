use approx::{assert_abs_diff_eq, assert_relative_eq};
use ndarray::Array2;
use proptest::prelude::*;
use xscatter_core::{FrameInfo, Mask};
use xscatter_testkit::check_extractor;

use super::*;

fn image(shape: (usize, usize)) -> Array2<f32> {
    Array2::from_shape_fn(shape, |(row, column)| {
        let halo = 40_000 / (30 + row.abs_diff(19).pow(2) + 2 * column.abs_diff(25).pow(2));
        (halo + (row * 7 + column * 3 + row * column) % 11) as f32
    })
}

fn magnitudes(config: ZernikeConfig, frame: &Frame) -> Vec<f64> {
    let zernike = Zernike::new(config).unwrap();
    zernike.magnitudes(frame).unwrap().unwrap()
}

fn raw(degree: usize) -> ZernikeConfig {
    ZernikeConfig {
        degree,
        transform: IntensityTransform::Raw,
        ..Default::default()
    }
}

/// An image that is one real polynomial and a constant.
fn polynomial(side: usize, n: usize, m: usize) -> Array2<f32> {
    let middle = 0.5 * side as f64 - 0.5;
    let polynomials = Polynomials::new(n);
    let index = polynomials
        .indices()
        .iter()
        .position(|&found| found == (n, m))
        .unwrap();
    Array2::from_shape_fn((side, side), |(row, column)| {
        let [y, x] = [row, column].map(|k| (k as f64 - middle) / (0.5 * side as f64));
        let mut value = 0.0;
        polynomials.at(x, y, |found, re, im| {
            if found == index {
                value = 0.6 * re + 0.8 * im;
            }
        });
        (100.0 + 20.0 * value) as f32
    })
}

#[test]
fn a_polynomial_is_found_behind_large_gaps() {
    for (n, m) in [(4, 2), (7, 3), (8, 8)] {
        let counts = polynomial(120, n, m);
        let bad = Array2::from_shape_fn((120, 120), |(row, column)| {
            (30..52).contains(&row) || (70..84).contains(&column) || (row + column) % 5 == 0
        });
        let frame = Frame::new(counts)
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let config = ZernikeConfig {
            centre: ZernikeCentre::Image,
            ..raw(8)
        };
        let zernike = Zernike::new(config.clone()).unwrap();
        let found = zernike.magnitudes(&frame).unwrap().unwrap();
        for (column, value) in zernike.columns.iter().zip(&found) {
            let expected = match &**column {
                "zernike.n0m0" => std::f64::consts::FRAC_1_PI,
                name if name == format!("zernike.n{n}m{m}") => 0.1 * std::f64::consts::FRAC_1_PI,
                _ => 0.0,
            };
            assert_abs_diff_eq!(*value, expected, epsilon = 1e-8);
        }
        // Taken for darkness, the gaps show.
        let sums = magnitudes(
            ZernikeConfig {
                gaps: Gaps::Sums,
                ..config
            },
            &frame,
        );
        assert!((sums[3] - found[3]).abs() > 1e-3);
    }
}

#[test]
fn least_squares_and_sums_agree_in_a_full_disc() {
    let counts = image((300, 300));
    let mut bad = Array2::from_elem((300, 300), false);
    bad[(140, 150)] = true;
    let masked = Frame::new(counts.clone())
        .with_mask(Mask::from_bad(bad.view()))
        .unwrap();
    let config = ZernikeConfig {
        centre: ZernikeCentre::Image,
        radius: ZernikeRadius::Pixels(140.0),
        ..Default::default()
    };
    let fitted = magnitudes(config.clone(), &masked);
    for (fitted, summed) in fitted.iter().zip(magnitudes(config, &Frame::new(counts))) {
        assert_abs_diff_eq!(*fitted, summed, epsilon = 1e-3);
    }
}

#[test]
fn turns_mirrors_and_factors_change_nothing() {
    let counts = image((52, 64));
    let bad = Array2::from_shape_fn((52, 64), |(row, column)| {
        row == 23 || (row * 3 + column) % 19 == 0
    });
    let of = |counts: Array2<f32>, bad: Option<Array2<bool>>| {
        let frame = Frame::new(counts);
        let frame = match bad {
            Some(bad) => frame.with_mask(Mask::from_bad(bad.view())).unwrap(),
            None => frame,
        };
        magnitudes(raw(10), &frame)
    };
    for masked in [None, Some(bad)] {
        let plain = of(counts.clone(), masked.clone());
        let place = |(row, column): (usize, usize)| (column, 63 - row);
        let turned = of(
            Array2::from_shape_fn((64, 52), |at| counts[place(at)]),
            masked
                .as_ref()
                .map(|bad| Array2::from_shape_fn((64, 52), |at| bad[place(at)])),
        );
        let mirrored = of(
            Array2::from_shape_fn((52, 64), |(row, column)| counts[(51 - row, column)]),
            masked
                .as_ref()
                .map(|bad| Array2::from_shape_fn((52, 64), |(r, c)| bad[(51 - r, c)])),
        );
        let brighter = of(counts.mapv(|count| 4.0 * count), masked);
        for k in 0..plain.len() {
            assert_relative_eq!(turned[k], plain[k], max_relative = 1e-7, epsilon = 1e-12);
            assert_relative_eq!(mirrored[k], plain[k], max_relative = 1e-7, epsilon = 1e-12);
            assert_relative_eq!(brighter[k], plain[k], max_relative = 1e-7, epsilon = 1e-12);
        }
    }
}

#[test]
fn what_is_not_determined_is_missing_and_says_why() {
    let shape = (30, 30);
    let zernike = Zernike::new(ZernikeConfig::default()).unwrap();
    let dark = zernike
        .magnitudes(&Frame::new(Array2::zeros(shape)))
        .unwrap();
    assert!(
        dark.unwrap_err()
            .to_string()
            .starts_with("expected a positive sum")
    );
    let bad = Array2::from_shape_fn(shape, |(row, _)| row != 15);
    let line = Frame::new(image(shape))
        .with_mask(Mask::from_bad(bad.view()))
        .unwrap();
    let reason = zernike.magnitudes(&line).unwrap().unwrap_err().to_string();
    assert!(
        reason.ends_with("determine the polynomials up to degree 8, found 28"),
        "{reason}"
    );
    let off = PixelPosition {
        row: -500.0,
        column: 3.0,
    };
    let info = FrameInfo {
        beam_centre_px: Some(off),
        ..Default::default()
    };
    let beam = ZernikeConfig {
        centre: ZernikeCentre::Beam,
        ..Default::default()
    };
    let zernike = Zernike::new(beam).unwrap();
    let off = zernike.magnitudes(&Frame::new(image(shape)).with_info(info));
    assert!(off.unwrap().is_err());
    let error = zernike.magnitudes(&Frame::new(image(shape))).unwrap_err();
    assert_eq!(error.kind(), xscatter_core::ErrorKind::MissingMetadata);
}

#[test]
fn settings_are_checked_and_the_contract_holds_far_from_the_defaults() {
    let frames = [(40, 52), (61, 33)].map(|shape| {
        let bad = Array2::from_shape_fn(shape, |(row, column)| (row + column) % 9 == 0);
        Frame::new(image(shape))
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap()
    });
    let config = ZernikeConfig {
        degree: 5,
        transform: IntensityTransform::Asinh { scale: 4.0 },
        radius: ZernikeRadius::Pixels(9.5),
        centre: ZernikeCentre::Image,
        gaps: Gaps::Sums,
        grid: Grid::LongSide(24),
    };
    check_extractor(&Zernike::new(config).unwrap(), &frames).unwrap();
    assert_eq!(Zernike::new(raw(31)).unwrap_err(), ZernikeError::Degree(31));
    for radius in [0.0, f64::NAN, f64::INFINITY] {
        let config = ZernikeConfig {
            radius: ZernikeRadius::Pixels(radius),
            ..Default::default()
        };
        assert!(Zernike::new(config).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn chords_sum_as_pixels_do(rows in 3usize..40, columns in 3usize..40, degree in 0usize..13) {
        let counts = image((rows, columns));
        let frame = Frame::new(counts.clone());
        let config = ZernikeConfig { centre: ZernikeCentre::Image, ..raw(degree) };
        let zernike = Zernike::new(config).unwrap();
        let found = zernike.magnitudes(&frame).unwrap().unwrap();
        let (radius, mut total) = (0.5 * rows.min(columns) as f64, 0.0);
        let mut sums = vec![(0.0, 0.0); zernike.indices.len()];
        for ((row, column), &count) in counts.indexed_iter() {
            let y = (row as f64 + 0.5 - 0.5 * rows as f64) / radius;
            let x = (column as f64 + 0.5 - 0.5 * columns as f64) / radius;
            if (x * x + y * y).sqrt() > 1.0 {
                continue;
            }
            total += f64::from(count);
            zernike.polynomials.at(x, y, |index, re, im| {
                sums[index].0 += f64::from(count) * re;
                sums[index].1 += f64::from(count) * im;
            });
        }
        for (found, &index) in found.iter().zip(&zernike.order) {
            let (n, _) = zernike.indices[index];
            let expected = (n + 1) as f64 * sums[index].0.hypot(sums[index].1) / total / std::f64::consts::PI;
            prop_assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }
}
