//! The instrument as a whole.

use super::*;
use proptest::prelude::*;
use xscatter_core::PixelFlags;
use xscatter_core::seed::derive_named;

use crate::noise::poisson_image;

fn pose(incident_angle_rad: Option<f64>) -> Pose {
    Pose {
        wavelength_m: 1e-10,
        distance_m: 2.0,
        rot1_rad: 0.0,
        rot2_rad: 0.0,
        rot3_rad: 0.0,
        incident_angle_rad,
        centre: PixelPosition {
            row: 70.0,
            column: 90.0,
        },
    }
}

fn drawn(choice: &DetectorChoice, ranges: &InstrumentRanges, seed: u64) -> Instrument {
    Instrument::draw(choice.readout().unwrap(), pose(None), ranges, seed).unwrap()
}

fn square(side_px: usize) -> DetectorChoice {
    Conceptual {
        side_px,
        gaps_like: Some("Pilatus 1M".into()),
        ..Conceptual::default()
    }
    .into()
}

/// A smooth image from some counts to a thousand.
fn smooth(shape: (usize, usize)) -> Array2<f32> {
    Array2::from_shape_fn(shape, |(row, column)| {
        let distance = (row as f32 - 70.0).hypot(column as f32 - 90.0);
        1000.0 * (-0.02 * distance).exp() + 2.0
    })
}

#[test]
fn an_ideal_instrument_adds_poisson_noise_and_nothing_else() {
    let severity = Severity::ALL[0];
    let instrument = drawn(&severity.detector(128), &severity.instrument(), 3);
    let expectation = smooth((128, 128));
    let mut seen = expectation.clone();
    instrument.linear(&mut seen);
    assert_eq!(seen, expectation);
    let (counts, mask) = instrument.detect(seen, 1.0, 17);
    let mut expected = expectation;
    poisson_image(&mut expected, derive_named(17, "counts"));
    assert_eq!(counts, expected);
    assert_eq!(mask.map_or(0, |mask| mask.invalid_count()), 0);
}

#[test]
fn twice_the_exposure_is_twice_the_mean() {
    let ranges = InstrumentRanges {
        counter: CounterRanges {
            rate_loss_share: 0.0,
            ..CounterRanges::default()
        },
        ..InstrumentRanges::default()
    };
    let instrument = drawn(&square(256), &ranges, 5);
    let mean_of = |factor: f32| {
        let mut image = smooth((256, 256)).mapv(|value| value * factor);
        instrument.linear(&mut image);
        let (counts, _) = instrument.detect(image, 0.1, 6);
        let mask = instrument.mask().unwrap();
        let valid = counts.iter().zip(mask.as_slice());
        valid
            .filter(|(_, flags)| flags.is_valid())
            .map(|(&count, _)| f64::from(count))
            .sum::<f64>()
    };
    let ratio = mean_of(2.0) / mean_of(1.0);
    assert!((ratio - 2.0).abs() < 2e-3, "{ratio}");
}

#[test]
fn masked_pixels_hold_their_marker_whatever_falls_on_them() {
    for severity in [3, 5] {
        let ranges = Severity::ALL[severity].instrument();
        let instrument = drawn(&square(256), &ranges, 8);
        for brightness in [0.0, 1e7] {
            let image = Array2::from_elem((256, 256), brightness);
            let (counts, mask) = instrument.detect(image, 30.0, 9);
            let mask = mask.unwrap();
            for (&count, flags) in counts.iter().zip(mask.as_slice()) {
                if flags.contains(PixelFlags::GAP) {
                    assert_eq!(count, -1.0);
                } else if flags.contains(PixelFlags::BAD) {
                    assert_eq!(count, -2.0);
                } else {
                    assert!(count >= 0.0 && count.fract() == 0.0);
                }
            }
        }
    }
}

/// What lies under a gap must not reach what is counted beside it through the noise.
#[test]
fn what_a_masked_pixel_would_have_seen_changes_no_other_pixel() {
    let instrument = drawn(&square(128), &InstrumentRanges::default(), 2);
    let mut poisoned = smooth((128, 128));
    let (counts, _) = instrument.detect(poisoned.clone(), 1.0, 3);
    for (value, flags) in poisoned
        .iter_mut()
        .zip(instrument.mask().unwrap().as_slice())
    {
        if !flags.is_valid() {
            *value = f32::NAN;
        }
    }
    assert_eq!(counts, instrument.detect(poisoned, 1.0, 3).0);
}

#[test]
fn counts_are_cut_at_the_limit_and_flagged() {
    let instrument = drawn(&square(64), &InstrumentRanges::ideal(), 4);
    let image = Array2::from_elem((64, 64), 1e6);
    let (counts, mask) = instrument.detect(image, 1.0, 1);
    let mask = mask.unwrap();
    let valid = counts.iter().zip(mask.as_slice());
    for (&count, flags) in valid.filter(|(_, flags)| !flags.contains(PixelFlags::GAP)) {
        assert_eq!(count, 65_535.0);
        assert!(flags.contains(PixelFlags::OVERFLOW));
    }
}

#[test]
fn a_blind_counter_counts_less_at_high_rates() {
    let mut ranges = InstrumentRanges::ideal();
    ranges.counter = CounterRanges {
        rate_loss_share: 1.0,
        dead_time_s: crate::Interval::new(1.5e-7, 1.5e-7),
    };
    let choice = Conceptual {
        side_px: 64,
        max_count: u32::MAX,
        ..Conceptual::default()
    };
    let instrument = drawn(&choice.into(), &ranges, 4);
    for rate in [1e5_f64, 1e6, 6e6, 2e7] {
        let image = Array2::from_elem((64, 64), rate as f32 * 0.1);
        let (counts, _) = instrument.detect(image, 0.1, 1);
        let mean = f64::from(counts.sum()) / 4096.0;
        let expected = 0.1 * rate * (-rate * 1.5e-7).exp();
        assert!((mean / expected - 1.0).abs() < 1e-3, "{rate}: {mean}");
    }
}

#[test]
fn counts_do_not_depend_on_the_number_of_threads() {
    for choice in [square(200), "Rayonix LX170".into()] {
        let counted = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let ranges = Severity::ALL[4].instrument();
                let instrument = drawn(&choice, &ranges, 11);
                let mut image = smooth(instrument.readout.shape);
                instrument.linear(&mut image);
                instrument.detect(image, 2.0, 12)
            })
        };
        assert_eq!(counted(1), counted(2));
    }
}

#[test]
fn components_add_up_to_the_whole_after_everything_linear() {
    let instrument = drawn(&"Rayonix LX170".into(), &InstrumentRanges::default(), 21);
    let first = smooth(instrument.readout.shape);
    let second = first.mapv(|value| 0.3 * value + 5.0);
    let seen = |mut image: Array2<f32>| {
        instrument.linear(&mut image);
        image
    };
    let sum = seen(first.clone()) + seen(second.clone());
    for (sum, whole) in sum.iter().zip(&seen(first + second)) {
        assert!((sum - whole).abs() <= 1e-5 * whole.abs() + 1e-6);
    }
}

#[test]
fn brightness_and_totals_are_what_was_asked_for() {
    let mut ranges = InstrumentRanges::ideal();
    let choice = square(200);
    let raw = smooth((200, 200));
    let instrument = drawn(&choice, &ranges, 1);
    let scaled = raw.mapv(|v| v * instrument.photons_per_unit(&raw, 500.0));
    assert!((instrument.brightness(&scaled) / 500.0 - 1.0).abs() < 1e-5);
    ranges.extra.total_counts = Some(1e4);
    let instrument = drawn(&choice, &ranges, 1);
    let scaled = raw.mapv(|v| v * instrument.photons_per_unit(&raw, 500.0));
    let (counts, mask) = instrument.detect(scaled, 1.0, 2);
    let valid = counts.iter().zip(mask.as_ref().unwrap().as_slice());
    let total: f32 = valid
        .filter(|(_, flags)| flags.is_valid())
        .map(|(count, _)| count)
        .sum();
    assert!((total / 1e4 - 1.0).abs() < 0.05, "{total}");
    let dark = Array2::zeros((200, 200));
    assert_eq!(instrument.photons_per_unit(&dark, 500.0), 0.0);
}

/// The technique enters through pose and incident angle alone, and nothing drawn here but the stop of
/// the reflected beam depends on those.
#[test]
fn the_nuisance_is_independent_of_the_technique() {
    let readout = square(256).readout().unwrap();
    for seed in 0..200 {
        let facts = |pose: Pose| {
            let ranges = InstrumentRanges::default();
            let instrument = Instrument::draw(readout.clone(), pose, &ranges, seed).unwrap();
            Nuisance {
                specular_stop: false,
                ..instrument.nuisance()
            }
        };
        let wide = Pose {
            distance_m: 0.2,
            wavelength_m: 0.7e-10,
            ..pose(None)
        };
        let saxs = facts(pose(None));
        assert_eq!(saxs, facts(wide));
        assert_eq!(saxs, facts(pose(Some(0.004))));
    }
}

#[test]
fn the_stop_takes_the_pixels_around_the_beam() {
    let mut ranges = InstrumentRanges::default();
    ranges.stop.astray_share = 0.0;
    let beam = 70 * 256 + 90;
    let mut seen = 0;
    for seed in 0..60 {
        let instrument = drawn(&square(256), &ranges, seed);
        let shadow = instrument.stop_pixels();
        assert_eq!(shadow.is_empty(), instrument.stop_kind() == StopKind::None);
        let seen_past = pixels(instrument.transmission());
        assert!(shadow.iter().all(|&pixel| seen_past[pixel] < 0.5));
        seen += usize::from(shadow.contains(&beam));
    }
    assert!(seen > 45, "{seen}");
}

#[test]
fn a_worse_instrument_is_farther_from_the_truth() {
    let error_of = |severity: Severity| -> f64 {
        let mut sum = 0.0;
        for seed in 0..12 {
            let instrument = drawn(&severity.detector(128), &severity.instrument(), seed);
            let raw = smooth((128, 128));
            let factor = instrument.photons_per_unit(&raw, 1e4);
            let mut image = raw.mapv(|value| value * factor);
            instrument.add_direct_beam(&mut image, 1e4);
            instrument.linear(&mut image);
            let (counts, _) = instrument.detect(image, 1.0, seed);
            // In units of the truth, so that fewer counts alone are no error.
            let squares = counts.iter().zip(&raw).map(|(&count, &truth)| {
                let found = f64::from(count.max(0.0) / factor);
                let truth = f64::from(truth);
                ((found + 1.0).ln() - (truth + 1.0).ln()).powi(2)
            });
            sum += squares.sum::<f64>();
        }
        (sum / 12.0 / 16_384.0).sqrt()
    };
    let errors = Severity::ALL.map(error_of);
    assert!(
        errors.windows(2).all(|pair| pair[0] < pair[1]),
        "{errors:?}"
    );
}

#[test]
fn facts_are_numbers_and_go_through_json() {
    let nuisance = drawn(&square(256), &InstrumentRanges::default(), 1).nuisance();
    assert!(
        nuisance
            .numbers()
            .iter()
            .all(|(_, value)| value.is_finite())
    );
    let text = serde_json::to_string(&nuisance).unwrap();
    assert_eq!(serde_json::from_str::<Nuisance>(&text).unwrap(), nuisance);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever the severity, the kind of detector and the light: counts are whole numbers from 0 to
    /// the limit or a marker, and a marker is masked.
    #[test]
    fn counts_are_whole_and_within_the_limit(
        level in 0..6_usize,
        camera: bool,
        seed: u64,
        brightness in -3.0..9.0_f32,
        exposure_s in 1e-3..100.0_f64,
    ) {
        let severity = Severity::ALL[level];
        let choice = Conceptual {
            side_px: 48,
            camera,
            gaps_like: Some("Eiger 1M".into()),
            ..Conceptual::default()
        };
        let instrument = drawn(&choice.into(), &severity.instrument(), seed);
        let mut image = smooth((48, 48)).mapv(|value| value * 10_f32.powf(brightness));
        instrument.add_direct_beam(&mut image, 1e3);
        instrument.linear(&mut image);
        prop_assert!(image.iter().all(|value| value.is_finite() && *value >= 0.0));
        let (counts, mask) = instrument.detect(image, exposure_s, seed);
        prop_assert_eq!(mask.is_none(), camera);
        for (index, &count) in counts.iter().enumerate() {
            let valid = mask.as_ref().is_none_or(|mask| {
                let flags = mask.as_slice()[index];
                !flags.contains(PixelFlags::GAP) && !flags.contains(PixelFlags::BAD)
            });
            prop_assert!(count.fract() == 0.0);
            if valid {
                prop_assert!((0.0..=65_535.0).contains(&count));
            } else {
                prop_assert!(count == -1.0 || count == -2.0);
            }
        }
    }

    /// The light that stops and shadows leave is never more than there was.
    #[test]
    fn nothing_in_the_way_adds_light(level in 0..6_usize, seed: u64) {
        let severity = Severity::ALL[level];
        let instrument = drawn(&severity.detector(64), &severity.instrument(), seed);
        let passed = instrument.transmission();
        prop_assert!(passed.iter().all(|passed| (0.0..=1.0).contains(passed)));
    }
}
