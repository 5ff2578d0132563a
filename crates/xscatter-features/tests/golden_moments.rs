//! Values of scikit-image, mahotas and numpy; the file states versions, script and tolerance.

use approx::assert_relative_eq;
use ndarray::Array2;
use serde::Deserialize;
use xscatter_core::{FeatureExtractor, Frame, Mask};
use xscatter_features::moments::{
    Moments, central_moments, hu_moments, normalised_moments, raw_moments,
};
use xscatter_features::{
    Gaps, Grid, HuMoments, HuMomentsConfig, IntensityTransform, Resampled, Zernike, ZernikeCentre,
    ZernikeConfig, ZernikeRadius,
};
use xscatter_testkit::golden;

/// The image of `tools/golden/scattering_image.py`.
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
        (20..23).contains(&row) || column == 30 || (row * 5 + column * 3) % 17 == 0
    });
    frame
        .with_mask(Mask::from_bad(bad.view()))
        .expect("the shapes agree")
}

#[derive(Deserialize)]
struct Cases {
    photograph: Photograph,
    hu: Vec<HuCase>,
    zernike: Vec<ZernikeCase>,
}

#[derive(Deserialize)]
struct Photograph {
    central: Moments,
    hu: [f64; 7],
}

#[derive(Deserialize)]
struct HuCase {
    masked: bool,
    raw: Moments,
    central: Moments,
    normalised: [[Option<f64>; 4]; 4],
    hu: [f64; 7],
}

#[derive(Deserialize)]
struct ZernikeCase {
    log1p: bool,
    degree: usize,
    radius_px: f64,
    centre: ZernikeCentre,
    gaps: Option<Gaps>,
    values: Vec<f64>,
}

fn load() -> golden::Golden<Cases> {
    let path = format!("{}/tests/golden/moments.json", env!("CARGO_MANIFEST_DIR"));
    golden::load(path).expect("a golden file")
}

/// What functions return is double precision.
const EXACT: f64 = 1e-9;

#[test]
fn g_hu_1_and_2() {
    let photograph = load().cases.photograph;
    let h = hu_moments(&normalised_moments(&photograph.central).unwrap());
    for (found, expected) in h.iter().zip(photograph.hu) {
        assert_relative_eq!(*found, expected, max_relative = EXACT);
    }
    let printed = [
        1.329_769_68e-3,
        5.853_128_47e-8,
        2.458_372_97e-10,
        5.525_745_80e-11,
        -4.877_604_31e-21,
        -1.244_015_55e-14,
        -4.205_619_01e-21,
    ];
    for (found, expected) in h.iter().zip(printed) {
        assert_relative_eq!(*found, expected, max_relative = 1e-8);
    }
    // OpenCV's first axis is the column: the last invariant changes its sign, no other.
    let mut swapped = photograph.central;
    for (p, row) in swapped.iter_mut().enumerate() {
        for (q, value) in row.iter_mut().enumerate() {
            *value = photograph.central[q][p];
        }
    }
    let opencv = hu_moments(&normalised_moments(&swapped).unwrap());
    assert_relative_eq!(opencv[6], 4.205_619_01e-21, max_relative = 1e-8);
    for k in 0..6 {
        assert_relative_eq!(opencv[k], h[k], max_relative = EXACT);
    }
}

#[test]
fn moments_agree_with_scikit_image() {
    let golden = load();
    let extractor = HuMoments::new(HuMomentsConfig {
        transform: IntensityTransform::Raw,
        ..Default::default()
    })
    .unwrap();
    for case in golden.cases.hu {
        let frame = image(case.masked);
        let image = Resampled::of(&frame, Grid::Native).unwrap();
        let raw = raw_moments(&image, IntensityTransform::Raw);
        let central = central_moments(&image, IntensityTransform::Raw).unwrap();
        let normalised = normalised_moments(&central).unwrap();
        for p in 0..4 {
            for q in 0..4 {
                assert_relative_eq!(raw[p][q], case.raw[p][q], max_relative = EXACT);
                // Of the first moments about the centroid nothing but rounding is left.
                let rounding = if p + q == 1 { 1e-5 } else { 0.0 };
                assert_relative_eq!(
                    central[p][q],
                    case.central[p][q],
                    max_relative = EXACT,
                    epsilon = rounding
                );
                match case.normalised[p][q] {
                    Some(expected) => {
                        assert_relative_eq!(normalised[p][q], expected, max_relative = EXACT);
                    }
                    None => assert!(normalised[p][q].is_nan()),
                }
            }
        }
        let table = extractor.extract(std::slice::from_ref(&frame)).unwrap();
        for ((found, expected), column) in hu_moments(&normalised)
            .iter()
            .zip(case.hu)
            .zip(table.values().row(0))
        {
            assert_relative_eq!(*found, expected, max_relative = EXACT);
            let logarithm = -expected.signum() * expected.abs().log10();
            assert_relative_eq!(
                f64::from(*column),
                logarithm,
                max_relative = golden.provenance.tolerance
            );
        }
    }
}

#[test]
fn zernike_moments_agree_with_mahotas_and_with_least_squares() {
    let golden = load();
    let mut counted = 0;
    for case in golden.cases.zernike {
        let zernike = Zernike::new(ZernikeConfig {
            degree: case.degree,
            transform: if case.log1p {
                IntensityTransform::Log1p
            } else {
                IntensityTransform::Raw
            },
            radius: ZernikeRadius::Pixels(case.radius_px),
            centre: case.centre,
            gaps: case.gaps.unwrap_or_default(),
            grid: Grid::Native,
        })
        .unwrap();
        let frame = image(case.gaps.is_some());
        let found = zernike.magnitudes(&frame).unwrap().unwrap();
        let table = zernike.extract(&[frame]).unwrap();
        assert_eq!(found.len(), case.values.len());
        for ((found, expected), column) in found.iter().zip(&case.values).zip(table.values().row(0))
        {
            // At degree 20 the alternating sums of mahotas lose digits: 2e-11 of them against Jacobi polynomials.
            let rounding = if case.degree == 20 { 1e-10 } else { 1e-12 };
            assert_relative_eq!(*found, *expected, max_relative = EXACT, epsilon = rounding);
            assert_relative_eq!(
                f64::from(*column),
                *expected,
                max_relative = golden.provenance.tolerance,
                epsilon = rounding
            );
            counted += 1;
        }
    }
    assert_eq!(counted, 2 * (25 + 49 + 12 + 121 + 2 * (25 + 16)));
}
