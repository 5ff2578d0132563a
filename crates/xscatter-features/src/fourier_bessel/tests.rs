use approx::{assert_abs_diff_eq, assert_relative_eq};
use xscatter_core::{FrameInfo, Mask};
use xscatter_testkit::check_extractor;

use super::*;

const CENTRE: PixelPosition = PixelPosition {
    row: 31.2,
    column: 29.7,
};

fn config(radial_orders: usize, angular_orders: &[u32]) -> FourierBesselConfig {
    FourierBesselConfig {
        radial_orders,
        angular_orders: angular_orders.into(),
        unit_norm: false,
        transform: IntensityTransform::Raw,
        ..Default::default()
    }
}

fn at(counts: Array2<f32>, centre: PixelPosition, bad: Option<&Array2<bool>>) -> Frame {
    let frame = Frame::new(counts).with_info(FrameInfo {
        beam_centre_px: Some(centre),
        ..Default::default()
    });
    match bad {
        Some(bad) => frame.with_mask(Mask::from_bad(bad.view())).unwrap(),
        None => frame,
    }
}

fn some_coefficients(radial: usize, orders: &[u32]) -> Vec<Complex64> {
    let numbers = (0..radial * orders.len()).map(|k| {
        let im = if orders[k / radial] == 0 {
            0.0
        } else {
            ((k * 5) % 9) as f64 - 4.0
        };
        Complex64::new(((k * 7) % 11) as f64 - 5.0, im)
    });
    numbers.collect()
}

fn noisy(shape: (usize, usize)) -> Array2<f32> {
    Array2::from_shape_fn(shape, |(row, column)| {
        let r2 = row.abs_diff(31).pow(2) + column.abs_diff(29).pow(2);
        (9000 / (20 + r2) + (row * 7 + column * 5 + row * column) % 17) as f32
    })
}

#[test]
fn what_was_put_in_comes_out_with_two_fifths_of_the_disc_masked() {
    let orders = [0, 2, 4, 6];
    let config = FourierBesselConfig {
        ridge: 0.0,
        reach: Reach::NearestEdge,
        ..config(6, &orders)
    };
    let extractor = FourierBessel::new(config).unwrap();
    let truth = some_coefficients(6, &orders);
    let shape = (64, 66);
    let radius_px = Reach::NearestEdge.radius_px(CENTRE, shape);
    let counts = extractor.synthesise(&truth, shape, CENTRE, radius_px);
    let bad = Array2::from_shape_fn(shape, |(row, column)| {
        (row < 31 && column % 5 < 2)
            || (36..44).contains(&row)
            || (50..54).contains(&column)
            || (row * 3 + column) % 7 == 0
    });
    let disc = |(row, column): (usize, usize)| {
        (row as f64 + 0.5 - CENTRE.row).hypot(column as f64 + 0.5 - CENTRE.column) <= radius_px
    };
    let inside = bad.indexed_iter().filter(|(place, _)| disc(*place)).count() as f64;
    let masked = bad
        .indexed_iter()
        .filter(|&(place, &bad)| bad && disc(place))
        .count() as f64;
    assert!(masked / inside > 0.4, "{masked} of {inside}");
    let found = extractor
        .coefficients(&at(counts, CENTRE, Some(&bad)))
        .unwrap()
        .unwrap();
    for (found, truth) in found.iter().zip(truth) {
        // Counts are single precision.
        assert_abs_diff_eq!(found.re, truth.re, epsilon = 3e-5);
        assert_abs_diff_eq!(found.im, truth.im, epsilon = 3e-5);
    }
}

#[test]
fn a_quarter_turn_multiplies_by_powers_of_i_and_a_mirror_conjugates() {
    let shape = (64, 64);
    let counts = noisy(shape);
    let bad = Array2::from_shape_fn(shape, |(row, column)| row == 40 || (row + column) % 13 == 0);
    let extractor = FourierBessel::new(config(5, &[0, 1, 2, 3])).unwrap();
    let of = |frame| extractor.coefficients(&frame).unwrap().unwrap();
    let plain = of(at(counts.clone(), CENTRE, Some(&bad)));
    // φ runs from the columns to the rows: (row, column) → (column, 63 − row) adds a quarter turn.
    let place = |(row, column): (usize, usize)| (63 - column, row);
    let centre = PixelPosition {
        row: CENTRE.column,
        column: 64.0 - CENTRE.row,
    };
    let turned = of(at(
        Array2::from_shape_fn(shape, |to| counts[place(to)]),
        centre,
        Some(&Array2::from_shape_fn(shape, |to| bad[place(to)])),
    ));
    let flip = |(row, column): (usize, usize)| (63 - row, column);
    let centre = PixelPosition {
        row: 64.0 - CENTRE.row,
        column: CENTRE.column,
    };
    let mirrored = of(at(
        Array2::from_shape_fn(shape, |to| counts[flip(to)]),
        centre,
        Some(&Array2::from_shape_fn(shape, |to| bad[flip(to)])),
    ));
    for (k, plain) in plain.iter().enumerate() {
        let turn = Complex64::new(0.0, -1.0).powi((k / 5) as i32);
        assert_abs_diff_eq!((plain * turn - turned[k]).norm(), 0.0, epsilon = 1e-7);
        assert_abs_diff_eq!((plain.conj() - mirrored[k]).norm(), 0.0, epsilon = 1e-7);
    }
}

#[test]
fn unit_norm_takes_out_the_exposure_and_magnitudes_are_magnitudes() {
    let unit = FourierBesselConfig {
        unit_norm: true,
        ..config(4, &[0, 2])
    };
    let extractor = FourierBessel::new(unit.clone()).unwrap();
    let plain = extractor
        .coefficients(&at(noisy((50, 60)), CENTRE, None))
        .unwrap()
        .unwrap();
    let bright = noisy((50, 60)).mapv(|count| 7.0 * count);
    let bright = at(bright, CENTRE, None);
    for (a, b) in plain
        .iter()
        .zip(extractor.coefficients(&bright).unwrap().unwrap())
    {
        assert_abs_diff_eq!((a - b).norm(), 0.0, epsilon = 1e-9);
    }
    let magnitudes = FourierBessel::new(FourierBesselConfig {
        form: CoefficientForm::Magnitudes,
        ..unit
    });
    let table = magnitudes.unwrap().extract(&[bright]).unwrap();
    assert_eq!(&*table.columns()[5], "fourier-bessel.n2m2");
    for (value, c) in table.values().iter().zip(&plain) {
        assert_relative_eq!(f64::from(*value), c.norm(), max_relative = 1e-6);
    }
}

#[test]
fn what_is_not_determined_is_missing_and_says_why() {
    let extractor = FourierBessel::new(FourierBesselConfig::default()).unwrap();
    let reason = |frame: Frame| {
        let found = extractor.coefficients(&frame).unwrap();
        found.unwrap_err().to_string()
    };
    let dark = reason(at(Array2::zeros((40, 40)), CENTRE, None));
    assert!(dark.contains("not 0 throughout"), "{dark}");
    let nearest = FourierBesselConfig {
        reach: Reach::NearestEdge,
        ..config(3, &[0])
    };
    let nearest = FourierBessel::new(nearest).unwrap();
    let off = PixelPosition {
        row: -3.0,
        column: 5.0,
    };
    let found = nearest
        .coefficients(&at(noisy((40, 40)), off, None))
        .unwrap();
    assert_eq!(
        found.unwrap_err().to_string(),
        "expected a disc of 1 pixel or more about the beam, found -3"
    );
    let bad = Array2::from_shape_fn((64, 64), |(row, column)| {
        (row as f64 - 31.2).hypot(column as f64 - 29.7) < 31.0
    });
    let found = nearest
        .coefficients(&at(noisy((64, 64)), CENTRE, Some(&bad)))
        .unwrap();
    assert!(found.unwrap_err().to_string().ends_with("found none"));
    let error = nearest
        .coefficients(&Frame::new(noisy((40, 40))))
        .unwrap_err();
    assert_eq!(error.kind(), xscatter_core::ErrorKind::MissingMetadata);
}

#[test]
fn settings_are_checked_and_the_contract_holds_far_from_the_defaults() {
    assert_eq!(
        FourierBessel::new(FourierBesselConfig::default())
            .unwrap()
            .columns
            .len(),
        880
    );
    for wrong in [
        FourierBesselConfig {
            radial_orders: 0,
            ..Default::default()
        },
        FourierBesselConfig {
            angular_orders: vec![],
            ..Default::default()
        },
        FourierBesselConfig {
            angular_orders: vec![2, 2],
            ..Default::default()
        },
        FourierBesselConfig {
            angular_orders: vec![61],
            ..Default::default()
        },
        FourierBesselConfig {
            ridge: f64::NAN,
            ..Default::default()
        },
        FourierBesselConfig {
            ridge: -1.0,
            ..Default::default()
        },
    ] {
        assert!(FourierBessel::new(wrong).is_err());
    }
    let frames = [(40, 52), (61, 33)].map(|shape| {
        let bad = Array2::from_shape_fn(shape, |(row, column)| (row + column) % 9 == 0);
        at(noisy(shape), CENTRE, Some(&bad))
    });
    let far = FourierBesselConfig {
        reach: Reach::FarthestCorner,
        grid: Grid::LongSide(24),
        form: CoefficientForm::Magnitudes,
        ..config(3, &[1, 4])
    };
    check_extractor(&FourierBessel::new(far).unwrap(), &frames).unwrap();
}

#[test]
fn zeros_interlace_and_are_zeros() {
    let zeros: Vec<Vec<f64>> = (0..=21).map(|m| bessel_zeros(m, 60)).collect();
    for m in 0..21 {
        for n in 0..59 {
            assert!(zeros[m][n] < zeros[m + 1][n] && zeros[m + 1][n] < zeros[m][n + 1]);
            assert_abs_diff_eq!(libm::jn(m as i32, zeros[m][n]), 0.0, epsilon = 1e-14);
        }
    }
}
