//! What holds for every frame and pose.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test fails as the test does"
)]

use ndarray::Array2;
use proptest::prelude::*;
use xscatter_core::{ErrorKind, Frame, Geometry, Mask, Orientation, PixelPosition};
use xscatter_geometry::{GeometryError, RadialUnit};
use xscatter_reduce::{
    AzimuthalIntegrator, ErrorModel, IntegrateConfig, IntegrateError, PixelSplitting, Profile,
};

const SHAPE: (usize, usize) = (24, 32);

fn geometry(rot: [f64; 3], orientation: u8) -> Geometry {
    let centre = PixelPosition {
        row: 9.3,
        column: 14.6,
    };
    Geometry {
        rot1_rad: rot[0],
        rot2_rad: rot[1],
        rot3_rad: rot[2],
        orientation: Orientation::from_number(orientation).unwrap(),
        ..Geometry::transmission(0.1, centre, 172e-6, 1e-10)
    }
}

fn config(splitting: PixelSplitting, bins: usize) -> IntegrateConfig {
    IntegrateConfig {
        bins,
        splitting,
        polarisation: Some(0.95),
        ..IntegrateConfig::default()
    }
}

fn splittings() -> impl Strategy<Value = PixelSplitting> {
    prop_oneof![
        Just(PixelSplitting::None),
        Just(PixelSplitting::BoundingBox),
        Just(PixelSplitting::Full),
    ]
}

fn frames() -> impl Strategy<Value = Frame> {
    let pixels = SHAPE.0 * SHAPE.1;
    (
        proptest::collection::vec(0..5000u16, pixels),
        proptest::collection::vec(proptest::bool::weighted(0.2), pixels),
    )
        .prop_map(|(counts, bad)| {
            let counts = counts.into_iter().map(f32::from).collect();
            let bad = Array2::from_shape_vec(SHAPE, bad).unwrap();
            Frame::new(Array2::from_shape_vec(SHAPE, counts).unwrap())
                .with_mask(Mask::from_bad(bad.view()))
                .unwrap()
        })
}

/// The bits of a profile, so that undefined bins compare too.
fn bits(profile: &Profile) -> Vec<u64> {
    [
        &profile.intensity,
        profile.sigma.as_ref().unwrap_or(&profile.norm),
        &profile.norm,
        &profile.count,
    ]
    .into_iter()
    .flatten()
    .map(|value| value.to_bits())
    .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn masked_pixels_never_matter(frame in frames(), splitting in splittings(), junk in any::<f32>()) {
        let integrator =
            AzimuthalIntegrator::new(&geometry([0.1, 0.2, 0.3], 3), SHAPE, config(splitting, 20))
                .unwrap();
        let mut other = frame.clone();
        let mask = frame.mask().unwrap();
        for (counts, flags) in other.as_mut_slice().iter_mut().zip(mask.as_slice()) {
            if !flags.is_valid() {
                *counts = junk;
            }
        }
        prop_assert_eq!(
            bits(&integrator.integrate(&frame).unwrap()),
            bits(&integrator.integrate(&other).unwrap())
        );
    }

    #[test]
    fn a_batch_equals_one_by_one_on_any_number_of_threads(
        batch in proptest::collection::vec(frames(), 1..4),
        splitting in splittings(),
    ) {
        let all = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let integrator =
                    AzimuthalIntegrator::new(&geometry([0.1, 0.2, 0.3], 2), SHAPE, config(splitting, 30))
                        .unwrap();
                let many = integrator.integrate_many(&batch).unwrap();
                let single: Vec<_> =
                    batch.iter().map(|frame| integrator.integrate(frame).unwrap()).collect();
                (many.iter().map(bits).collect::<Vec<_>>(), single.iter().map(bits).collect::<Vec<_>>())
            })
        };
        let (many, single) = all(1);
        prop_assert_eq!(&many, &single);
        prop_assert_eq!((many, single), all(2));
    }

    #[test]
    fn a_flat_frame_gives_a_flat_profile(
        frame in frames(),
        splitting in splittings(),
        level in 1..10_000u16,
        bins in 1..200usize,
        rot1 in -0.5..0.5f64,
        rot2 in -0.5..0.5f64,
    ) {
        let plain = IntegrateConfig {
            solid_angle: false,
            polarisation: None,
            ..config(splitting, bins)
        };
        let integrator =
            AzimuthalIntegrator::new(&geometry([rot1, rot2, 0.0], 1), SHAPE, plain).unwrap();
        let flat = Array2::from_elem(SHAPE, f32::from(level));
        let flat = Frame::new(flat).with_mask(frame.mask().unwrap().clone()).unwrap();
        for (_, intensity, _) in integrator.integrate(&flat).unwrap().defined() {
            prop_assert!((intensity / f64::from(level) - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn sectors_side_by_side_make_the_circle(
        frame in frames(),
        splitting in splittings(),
        start in -7.0..7.0f64,
        width in 0.1..6.2f64,
    ) {
        let tau = std::f64::consts::TAU;
        let norm = |azimuth_range_rad| {
            let config = IntegrateConfig {
                range: Some((0.0, 5.0)),
                azimuth_range_rad,
                error_model: ErrorModel::None,
                ..config(splitting, 10)
            };
            let integrator =
                AzimuthalIntegrator::new(&geometry([0.0; 3], 3), SHAPE, config).unwrap();
            integrator.integrate(&frame).unwrap().norm
        };
        let whole = norm(None);
        let one = norm(Some((start, start + width)));
        let rest = norm(Some((start + width, start + tau)));
        for ((whole, one), rest) in whole.iter().zip(one).zip(rest) {
            prop_assert!((whole - one - rest).abs() < 1e-6 * whole.max(1.0));
        }
    }

    #[test]
    fn every_share_of_every_pixel_is_counted_once(
        splitting in splittings(),
        bins in 1..300usize,
        orientation in 1..=4u8,
        rot1 in -0.5..0.5f64,
    ) {
        let integrator = AzimuthalIntegrator::new(
            &geometry([rot1, -0.2, 1.0], orientation),
            SHAPE,
            config(splitting, bins),
        )
        .unwrap();
        let profile = integrator.integrate(&Frame::new(Array2::zeros(SHAPE))).unwrap();
        let pixels = (SHAPE.0 * SHAPE.1) as f64;
        let count: f64 = profile.count.iter().sum();
        prop_assert!((count - pixels).abs() < 1e-3, "{count} of {pixels}");
    }
}

#[test]
fn a_sector_may_cross_the_cut_of_the_azimuth() {
    let integrate = |range| {
        let config = IntegrateConfig {
            range: Some((0.0, 5.0)),
            azimuth_range_rad: Some(range),
            ..config(PixelSplitting::Full, 10)
        };
        AzimuthalIntegrator::new(&geometry([0.0; 3], 3), SHAPE, config)
            .unwrap()
            .integrate(&Frame::new(Array2::from_elem(SHAPE, 7.0)))
            .unwrap()
    };
    let tau = std::f64::consts::TAU;
    let across = integrate((2.5, 4.0));
    assert!(across.count.iter().sum::<f64>() > 10.0);
    assert_eq!(bits(&across), bits(&integrate((2.5 - tau, 4.0 - tau))));
}

#[test]
fn an_empty_bin_is_marked_and_passed_over() {
    let config = IntegrateConfig {
        range: Some((0.0, 1000.0)),
        ..config(PixelSplitting::Full, 10)
    };
    let integrator = AzimuthalIntegrator::new(&geometry([0.0; 3], 3), SHAPE, config).unwrap();
    let profile = integrator
        .integrate(&Frame::new(Array2::zeros(SHAPE)))
        .unwrap();
    assert!(profile.is_defined(0) && !profile.is_defined(9));
    assert!(profile.intensity[9].is_nan() && profile.count[9] == 0.0);
    assert_eq!(profile.defined().count(), 1);
    // No photon was counted: the intensity is 0 and known to be within an error.
    let (_, intensity, sigma) = profile.defined().next().unwrap();
    assert!(intensity == 0.0 && sigma.unwrap() > 0.0);
}

#[test]
fn what_cannot_be_integrated_is_an_error() {
    let build = |change: fn(&mut IntegrateConfig)| {
        let mut config = config(PixelSplitting::Full, 20);
        change(&mut config);
        AzimuthalIntegrator::new(&geometry([0.0; 3], 3), SHAPE, config).unwrap_err()
    };
    assert_eq!(build(|c| c.bins = 0), IntegrateError::Bins(0));
    assert_eq!(
        build(|c| c.bins = usize::MAX),
        IntegrateError::Bins(usize::MAX)
    );
    assert_eq!(
        build(|c| c.range = Some((2.0, 1.0))),
        IntegrateError::Range(2.0, 1.0)
    );
    assert!(matches!(
        build(|c| c.range = Some((0.0, f64::NAN))),
        IntegrateError::Range(..)
    ));
    assert!(matches!(
        build(|c| c.range = Some((0.0, f64::INFINITY))),
        IntegrateError::Range(..)
    ));
    assert_eq!(
        build(|c| c.azimuth_range_rad = Some((1.0, 1.0))),
        IntegrateError::Sector(1.0, 1.0)
    );
    assert_eq!(
        build(|c| c.azimuth_range_rad = Some((-4.0, 4.0))),
        IntegrateError::Sector(-4.0, 4.0)
    );
    assert_eq!(
        build(|c| c.polarisation = Some(1.5)),
        IntegrateError::Polarisation(1.5)
    );
    assert_eq!(
        build(|c| c.range = Some((900.0, 901.0))),
        IntegrateError::NoPixel
    );
    assert_eq!(
        AzimuthalIntegrator::new(&geometry([0.0; 3], 3), (0, 3), IntegrateConfig::default())
            .unwrap_err(),
        IntegrateError::Geometry(GeometryError::EmptyShape((0, 3)))
    );
}

#[test]
fn a_frame_that_has_no_profile_is_an_error_that_names_it() {
    let config = config(PixelSplitting::None, 20);
    let integrator = AzimuthalIntegrator::new(&geometry([0.0; 3], 3), SHAPE, config).unwrap();
    let error = integrator
        .integrate(&Frame::new(Array2::zeros((32, 24))))
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ShapeMismatch);

    let all_bad = Mask::from_bad(Array2::from_elem(SHAPE, true).view());
    let masked = Frame::new(Array2::zeros(SHAPE)).with_mask(all_bad).unwrap();
    assert_eq!(
        integrator.integrate(&masked).unwrap_err().kind(),
        ErrorKind::DegenerateData
    );

    let mut counts = Array2::zeros(SHAPE);
    counts[(3, 5)] = f32::NAN;
    let mut frame = Frame::new(counts);
    frame.info.path = Some("scan.h5".into());
    frame.info.index = 7;
    let frames = [Frame::new(Array2::zeros(SHAPE)), frame];
    assert_eq!(
        integrator.integrate_many(&frames).unwrap_err().to_string(),
        "scan.h5: at frame 7: expected finite counts in every valid pixel, \
         found NaN in row 3, column 5"
    );
}

#[test]
fn a_spacing_is_infinite_on_the_beam_and_needs_a_range() {
    let centre = PixelPosition {
        row: 10.0,
        column: 10.0,
    };
    let geometry = Geometry::transmission(0.1, centre, 172e-6, 1e-10);
    let with_range = |range| {
        let config = IntegrateConfig {
            unit: RadialUnit::DNm,
            range,
            ..config(PixelSplitting::Full, 20)
        };
        AzimuthalIntegrator::new(&geometry, SHAPE, config)
    };
    assert!(matches!(with_range(None), Err(IntegrateError::Range(..))));
    let integrator = with_range(Some((2.0, 10.0))).unwrap();
    let profile = integrator
        .integrate(&Frame::new(Array2::ones(SHAPE)))
        .unwrap();
    assert!(profile.count.iter().sum::<f64>() > 100.0);
}
