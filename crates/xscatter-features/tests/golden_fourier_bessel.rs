//! Values of SciPy and numpy; the file states versions, script and tolerance.

use approx::{assert_abs_diff_eq, assert_relative_eq};
use ndarray::Array2;
use serde::Deserialize;
use xscatter_core::{Frame, FrameInfo, Mask, PixelPosition};
use xscatter_features::fourier_bessel::bessel_zeros;
use xscatter_features::{FourierBessel, FourierBesselConfig, Grid, IntensityTransform};
use xscatter_testkit::golden;

#[derive(Deserialize)]
struct Cases {
    zeros: Vec<Zeros>,
    norms: Vec<Norm>,
    fits: Vec<Fit>,
}

#[derive(Deserialize)]
struct Zeros {
    m: u32,
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct Norm {
    m: u32,
    n: usize,
    value: f64,
}

#[derive(Deserialize)]
struct Fit {
    centre: [f64; 2],
    radial_orders: usize,
    angular_orders: Vec<u32>,
    ridge: f64,
    masked: bool,
    unit_norm: bool,
    log1p: bool,
    coefficients: Vec<[f64; 2]>,
}

fn load() -> golden::Golden<Cases> {
    let root = env!("CARGO_MANIFEST_DIR");
    golden::load(format!("{root}/tests/golden/fourier_bessel.json")).expect("a golden file")
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
fn g_fb_1_to_3() {
    let cases = load().cases;
    assert_eq!(cases.zeros.len(), 21);
    for Zeros { m, values } in &cases.zeros {
        for (found, expected) in bessel_zeros(*m, 40).iter().zip(values) {
            assert_relative_eq!(*found, *expected, max_relative = 1e-12);
        }
    }
    let printed = [
        (0, 0, 2.404_825_557_7),
        (0, 1, 5.520_078_110_3),
        (0, 2, 8.653_727_912_9),
    ];
    for (m, n, value) in printed {
        assert_relative_eq!(bessel_zeros(m, n + 1)[n], value, max_relative = 1e-10);
    }
    assert_relative_eq!(
        bessel_zeros(2, 1)[0],
        5.135_622_301_840_683,
        max_relative = 1e-13
    );
    assert_relative_eq!(
        bessel_zeros(6, 3)[2],
        17.003_819_667_816_014,
        max_relative = 1e-13
    );
}

#[test]
fn g_fb_4() {
    let printed = [
        0.134_757_061_970_958_5,
        0.057_687_427_408_743_95,
        0.017_532_350_896_081_95,
    ];
    for (Norm { m, n, value }, printed) in load().cases.norms.iter().zip(printed) {
        let zero = bessel_zeros(*m, *n)[n - 1];
        let norm = 0.5 * libm::jn(*m as i32 + 1, zero).powi(2);
        assert_relative_eq!(norm, *value, max_relative = 1e-12);
        assert_relative_eq!(norm, printed, max_relative = 1e-12);
    }
}

#[test]
fn coefficients_are_those_of_least_squares_over_the_pixels() {
    let golden = load();
    assert_eq!(golden.cases.fits.len(), 5);
    for fit in golden.cases.fits {
        let extractor = FourierBessel::new(FourierBesselConfig {
            radial_orders: fit.radial_orders,
            angular_orders: fit.angular_orders,
            ridge: fit.ridge,
            unit_norm: fit.unit_norm,
            transform: if fit.log1p {
                IntensityTransform::Log1p
            } else {
                IntensityTransform::Raw
            },
            grid: Grid::Native,
            ..Default::default()
        })
        .unwrap();
        let found = extractor
            .coefficients(&image(fit.masked, fit.centre))
            .unwrap()
            .unwrap();
        assert_eq!(found.len(), fit.coefficients.len());
        let largest = fit
            .coefficients
            .iter()
            .flatten()
            .fold(0.0, |a: f64, b| a.max(b.abs()));
        let tolerance = golden.provenance.tolerance * largest;
        let mut worst = 0.0_f64;
        for (found, [re, im]) in found.iter().zip(fit.coefficients) {
            worst = worst.max((found.re - re).abs().max((found.im - im).abs()));
            assert_abs_diff_eq!(found.re, re, epsilon = tolerance);
            assert_abs_diff_eq!(found.im, im, epsilon = tolerance);
        }
        assert!(worst < tolerance);
    }
}
