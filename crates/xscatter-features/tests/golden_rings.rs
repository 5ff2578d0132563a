//! Features of rings of q against pyFAI, numpy and scipy; the file states versions, script and tolerance.

use approx::assert_relative_eq;
use ndarray::Array2;
use serde::Deserialize;
use xscatter_core::{Frame, FrameInfo, Geometry, Mask, Orientation as Storage};
use xscatter_features::angular_correlation::Correlation;
use xscatter_features::harmonics::AzimuthalSeries;
use xscatter_features::orientation::{MaierSaupe, hermans};
use xscatter_features::{
    AngularCorrelation, AngularCorrelationConfig, Curve, Harmonics, HarmonicsConfig,
    IsotropicBackground, Measured, ProfileConfig, RingStatistic, RingStatistics,
    RingStatisticsConfig,
};
use xscatter_testkit::golden;

/// The largest relative deviation, and what is called zero.
const TOLERANCE: f64 = 1e-6;
const ZERO: f64 = 1e-9;

#[derive(Deserialize)]
struct Cases {
    profile: Vec<Profile>,
    rings: Vec<StatisticsCase>,
    harmonics: Vec<CaseByBands<HarmonicsConfig, Option<Series>>>,
    correlation: Vec<CaseByBands<AngularCorrelationConfig, Correlations>>,
    orientation: Vec<Sectors>,
}

#[derive(Deserialize)]
struct Profile {
    pose: String,
    masked: bool,
    config: ProfileConfig,
    rows: Vec<[f64; 3]>,
    pyfai: Option<Vec<Option<[f64; 3]>>>,
}

#[derive(Deserialize)]
struct StatisticsCase {
    pose: String,
    masked: bool,
    config: RingStatisticsConfig,
    rings: Vec<std::collections::BTreeMap<String, [Option<f64>; 2]>>,
}

#[derive(Deserialize)]
struct CaseByBands<C, B> {
    pose: String,
    masked: bool,
    config: C,
    bands: Vec<B>,
}

#[derive(Deserialize)]
struct Series {
    mean: [f64; 2],
    amplitude: Vec<[f64; 2]>,
    phase: Vec<[f64; 2]>,
}

#[derive(Deserialize)]
struct Correlations {
    /// Every third one.
    values: Vec<Option<f64>>,
    orders: Vec<Option<f64>>,
    at: Vec<Option<f64>>,
}

#[derive(Deserialize)]
struct Sectors {
    sums: Vec<f64>,
    valid: Vec<u32>,
    fourier: [f64; 2],
    director: [f64; 2],
    hermans: f64,
    hermans_above: f64,
    background: [f64; 2],
    height: [f64; 2],
    m: [f64; 2],
    angle: [f64; 2],
    s2: [f64; 2],
}

fn load() -> Cases {
    let path = format!("{}/tests/golden/rings.json", env!("CARGO_MANIFEST_DIR"));
    let golden = golden::load::<Cases>(path).expect("the file is there");
    assert_eq!(golden.provenance.tolerance, TOLERANCE);
    golden.cases
}

/// The frame and the poses of the script.
fn frame(pose: &str, masked: bool) -> Frame {
    let counts = Array2::from_shape_fn((64, 80), |(row, column)| {
        let (y2, x2) = (row.abs_diff(20).pow(2), column.abs_diff(30).pow(2));
        let halo = 60_000 / (60 + y2 + x2);
        let arms = 300 * x2 / (40 + y2 + x2);
        (halo + arms + (row * 37 + column * 101 + row * column * 7) % 59) as f32
    });
    let upright = Geometry {
        distance_m: 0.1,
        poni1_m: 20.31 * 172e-6,
        poni2_m: 30.77 * 172e-6,
        rot1_rad: 0.0,
        rot2_rad: 0.0,
        rot3_rad: 0.0,
        wavelength_m: 1e-10,
        pixel1_m: 172e-6,
        pixel2_m: 172e-6,
        orientation: Storage::default(),
        incident_angle_rad: None,
        tilt_rad: 0.0,
    };
    let geometry = match pose {
        "upright" => upright,
        "tilted" => Geometry {
            distance_m: 0.05,
            poni1_m: 4e-3,
            poni2_m: 5e-3,
            rot1_rad: -0.02,
            rot2_rad: 0.03,
            rot3_rad: 0.3,
            ..upright
        },
        other => panic!("no pose {other}"),
    };
    let frame = Frame::new(counts).with_info(FrameInfo {
        geometry: Some(geometry.into()),
        ..Default::default()
    });
    if !masked {
        return frame;
    }
    let bad = Array2::from_shape_fn((64, 80), |(row, column)| {
        let stop = row.abs_diff(20) < 4 && column.abs_diff(30) < 4;
        (row * 5 + column * 3 + 2) % 17 == 0 || (40..44).contains(&row) || stop
    });
    frame
        .with_mask(Mask::from_bad(bad.view()))
        .expect("the shapes agree")
}

fn same(found: f64, expected: f64, what: &str) {
    let close = approx::relative_eq!(found, expected, epsilon = ZERO, max_relative = TOLERANCE);
    assert!(close, "{what}: {found}, expected {expected}");
}

fn same_measured(found: Measured, [value, sigma]: [f64; 2], what: &str) {
    same(found.value, value, what);
    same(
        found.sigma.unwrap_or(f64::NAN),
        sigma,
        &format!("sigma of {what}"),
    );
}

#[test]
fn profiles_agree_with_pyfai_and_numpy() {
    let cases = load().profile;
    assert_eq!(cases.len(), 16);
    for case in cases {
        let curve = Curve::of(&frame(&case.pose, case.masked), &case.config).unwrap();
        assert_eq!(curve.q_inv_nm().len(), case.rows.len());
        let pyfai = case.pyfai.unwrap_or_default();
        for (k, expected) in case.rows.iter().enumerate() {
            let found = [curve.q_inv_nm()[k], curve.intensity()[k], curve.sigma()[k]];
            for (found, expected) in found.iter().zip(expected) {
                assert_relative_eq!(found, expected, max_relative = TOLERANCE);
            }
            for (found, expected) in found
                .iter()
                .zip(pyfai.get(k).copied().flatten().iter().flatten())
            {
                assert_relative_eq!(found, expected, max_relative = TOLERANCE);
            }
        }
    }
}

#[test]
fn ring_statistics_agree_with_scipy() {
    for case in load().rings {
        let statistics = RingStatistics::new(case.config).unwrap();
        let rings = statistics.rings(&frame(&case.pose, case.masked)).unwrap();
        for (ring, expected) in rings.iter().zip(&case.rings) {
            for statistic in RingStatistic::ALL {
                let name = statistic.name();
                match (ring.get(statistic), expected[name]) {
                    (Ok(found), [Some(value), Some(sigma)]) => {
                        same_measured(found, [value, sigma], name);
                    }
                    (Ok(found), [Some(value), None]) => same(found.value, value, name),
                    (Err(_), [None, None]) => {}
                    other => panic!("{name}: {other:?}"),
                }
            }
        }
    }
}

#[test]
fn harmonics_agree_with_least_squares_of_numpy() {
    for case in load().harmonics {
        let orders = case.config.orders.clone();
        let harmonics = Harmonics::new(case.config).unwrap();
        let bands = harmonics.bands(&frame(&case.pose, case.masked)).unwrap();
        assert_eq!(bands.len(), case.bands.len());
        for (band, expected) in bands.iter().zip(case.bands) {
            let (Ok(series), Some(expected)) = (&band.series, &expected) else {
                assert!(band.series.is_err() && expected.is_none());
                continue;
            };
            same_measured(series.mean(), expected.mean, "mean");
            for (k, &order) in orders.iter().enumerate() {
                let amplitude = series.amplitude(order).unwrap();
                same_measured(amplitude, expected.amplitude[k], "amplitude");
                same_measured(series.phase_rad(order).unwrap(), expected.phase[k], "phase");
            }
        }
    }
}

#[test]
fn angular_correlation_agrees_with_the_direct_sum() {
    let both = |found: Option<f64>, expected: Option<f64>, what: &str| match (found, expected) {
        (Some(found), Some(expected)) => same(found, expected, what),
        other => assert_eq!(other, (None, None), "{what}"),
    };
    for case in load().correlation {
        let (orders, angles) = (case.config.orders.clone(), case.config.angles_deg.clone());
        let correlation = AngularCorrelation::new(case.config).unwrap();
        let bands = correlation.bands(&frame(&case.pose, case.masked)).unwrap();
        let bands: Vec<Correlation> = bands.into_iter().map(Result::unwrap).collect();
        for (band, expected) in bands.iter().zip(&case.bands) {
            for (found, expected) in band.values().iter().step_by(3).zip(&expected.values) {
                both(*found, *expected, "C");
            }
            for (&order, expected) in orders.iter().zip(&expected.orders) {
                both(band.component(order), *expected, "component");
            }
            for (&angle, expected) in angles.iter().zip(&expected.at) {
                both(
                    band.at(f64::from(angle).to_radians()),
                    *expected,
                    "at an angle",
                );
            }
        }
    }
}

#[test]
fn orientation_agrees_with_curve_fit_and_quadrature() {
    for case in load().orientation {
        let (sums, valid) = (&case.sums, &case.valid);
        let series = AzimuthalSeries::fit(sums, valid, &[2, 4, 6, 8]).unwrap();
        same_measured(series.amplitude(2).unwrap(), case.fourier, "fourier");
        let director = series.phase_rad(2).unwrap();
        same_measured(director, case.director, "director");
        for (background, expected) in [
            (IsotropicBackground::None, case.hermans),
            (IsotropicBackground::Quantile(0.05), case.hermans_above),
        ] {
            let found = hermans(sums, valid, director.value, background).unwrap();
            same(found.s.value, expected, "hermans");
        }
        let fit = MaierSaupe::fit(sums, valid, director.value).unwrap();
        same_measured(fit.background, case.background, "background");
        same_measured(fit.height, case.height, "height");
        same_measured(fit.m, case.m, "m");
        same_measured(fit.director_rad, case.angle, "director of the fit");
        same_measured(fit.s2, case.s2, "S2");
    }
}
