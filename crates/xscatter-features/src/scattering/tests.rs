//! Properties of the transform.

use super::*;
use approx::assert_relative_eq;
use xscatter_core::Mask;
use xscatter_testkit::check_extractor;

fn config(rows: usize, columns: usize) -> ScatteringConfig {
    ScatteringConfig {
        scales: 2,
        orientations: 4,
        rotations: Rotations::Kept,
        transform: IntensityTransform::Raw,
        grid: Grid::Exact { rows, columns },
    }
}

fn noisy(shape: (usize, usize)) -> Array2<f32> {
    Array2::from_shape_fn(shape, |(row, column)| {
        ((row * 31 + column * 17 + row * column * 7) % 101) as f32
    })
}

#[test]
fn paths_come_in_the_order_of_their_waves() {
    let scattering = Scattering::new(config(16, 24)).unwrap();
    let names: Vec<&str> = scattering.columns().iter().map(AsRef::as_ref).collect();
    assert_eq!(names.len(), 2 * (1 + 8 + 16));
    assert_eq!(names[0], "scattering.mean.s0");
    assert_eq!(names[3], "scattering.std.j0_t0");
    assert_eq!(names[18], "scattering.mean.j0_t0_j1_t0");
    assert_eq!(names[48], "scattering.mean.j0_t3_j1_t3");
    let maps = scattering.maps(&Frame::new(noisy((16, 24)))).unwrap();
    assert_eq!(maps.len(), 25);
    assert!(maps.iter().all(|(_, map)| map.dim() == (4, 6)));
}

#[test]
fn averaged_columns_are_means_over_paths() {
    let frame = [Frame::new(noisy((32, 24)))];
    let kept = Scattering::new(config(32, 24)).unwrap();
    let averaged = Scattering::new(ScatteringConfig {
        rotations: Rotations::Averaged,
        ..config(32, 24)
    })
    .unwrap();
    let (kept, averaged) = (
        kept.extract(&frame).unwrap(),
        averaged.extract(&frame).unwrap(),
    );
    assert_eq!(averaged.n_columns(), 2 * (1 + 2 + 3));
    let first: f32 = (0..4).map(|k| kept.values()[(0, 2 + 2 * k)]).sum();
    assert_relative_eq!(averaged.values()[(0, 2)], first / 4.0, max_relative = 1e-6);
    // One step apart: 01, 03, 10, 12, 21, 23, 30, 32.
    let second: f32 = [1, 3, 4, 6, 9, 11, 12, 14]
        .map(|k| kept.values()[(0, 18 + 2 * k)])
        .iter()
        .sum();
    let d1 = averaged
        .columns()
        .iter()
        .position(|name| name.ends_with("mean.j0_j1.d1"));
    assert_relative_eq!(
        averaged.values()[(0, d1.unwrap())],
        second / 8.0,
        max_relative = 1e-6
    );
}

#[test]
fn a_wave_answers_in_its_scale_and_direction() {
    // A wavelength of 8/3 pixels down the columns: the finest wave, which runs along growing rows.
    let wave = Array2::from_shape_fn((48, 48), |(row, _)| {
        (0.75 * std::f64::consts::PI * row as f64).cos() as f32 + 2.0
    });
    let table = Scattering::new(config(48, 48))
        .unwrap()
        .extract(&[Frame::new(wave)])
        .unwrap();
    let value = |name: &str| {
        let column = table.columns().iter().position(|column| **column == *name);
        table.values()[(0, column.unwrap())]
    };
    // With four directions the second one is that of the rows.
    assert!(value("scattering.mean.j0_t1") > 0.3);
    assert!(value("scattering.mean.j0_t1") > 10.0 * value("scattering.mean.j0_t3"));
    assert!(value("scattering.mean.j0_t1") > 3.0 * value("scattering.mean.j1_t1"));
    assert_relative_eq!(value("scattering.mean.s0"), 2.0, max_relative = 0.01);
}

#[test]
fn a_constant_has_no_details_whatever_the_mask() {
    let bad = Array2::from_shape_fn((40, 40), |(row, column)| row == 9 || column % 11 == 3);
    let constant = || Frame::new(Array2::from_elem((40, 40), 7.0));
    let masked = constant().with_mask(Mask::from_bad(bad.view())).unwrap();
    let scattering = Scattering::new(config(40, 40)).unwrap();
    for frame in [constant(), masked] {
        let table = scattering.extract(&[frame]).unwrap();
        assert_eq!(table.values()[(0, 0)], 7.0);
        assert!(table.values().iter().skip(1).all(|&value| value == 0.0));
    }
}

#[test]
fn a_mask_without_bad_pixels_changes_nothing() {
    for scales in [1, 2] {
        let scattering = Scattering::new(ScatteringConfig {
            scales,
            ..config(24, 33)
        })
        .unwrap();
        let frame = Frame::new(noisy((24, 33)));
        let good = Array2::from_elem((24, 33), false);
        let masked = frame.clone().with_mask(Mask::from_bad(good.view()));
        let table = scattering.extract(&[frame, masked.unwrap()]).unwrap();
        for column in table.values().columns() {
            assert_relative_eq!(column[0], column[1], max_relative = 3e-6);
        }
    }
}

#[test]
fn a_large_gap_leaves_its_surroundings_alone() {
    let counts = noisy((64, 64));
    let bad = Array2::from_shape_fn((64, 64), |(row, _)| row >= 40);
    let masked = Frame::new(counts.clone())
        .with_mask(Mask::from_bad(bad.view()))
        .unwrap();
    let scattering = Scattering::new(config(64, 64)).unwrap();
    let full = scattering.maps(&Frame::new(counts)).unwrap();
    let masked = scattering.maps(&masked).unwrap();
    for ((path, full), (_, masked)) in full.iter().zip(&masked) {
        // Twenty pixels from the gap nothing changes; well inside it nothing is known.
        for column in 0..16 {
            assert_relative_eq!(
                full[(4, column)],
                masked[(4, column)],
                max_relative = 1e-3,
                epsilon = 1e-3
            );
            assert!(masked[(14, column)].is_nan(), "{path:?}");
        }
    }
}

#[test]
fn settings_far_from_the_defaults_keep_the_contract() {
    let frames: Vec<Frame> = (0..3)
        .map(|k| {
            let bad = Array2::from_shape_fn((33, 41), |(r, c)| k > 0 && (r == 9 || c % 20 < k));
            Frame::new(noisy((33, 41)))
                .with_mask(Mask::from_bad(bad.view()))
                .unwrap()
        })
        .collect();
    for orientations in [3, 4] {
        let scattering = Scattering::new(ScatteringConfig {
            orientations,
            ..config(33, 41)
        });
        check_extractor(&scattering.unwrap(), &frames).unwrap();
    }
    let one = Scattering::new(ScatteringConfig {
        scales: 1,
        orientations: 1,
        ..config(33, 41)
    });
    check_extractor(&one.unwrap(), &frames).unwrap();
}

#[test]
fn exposure_scales_every_value() {
    let counts = noisy((24, 24));
    let frames = [counts.clone(), counts * 16.0].map(Frame::new);
    let table = Scattering::new(config(24, 24))
        .unwrap()
        .extract(&frames)
        .unwrap();
    for column in table.values().columns() {
        assert_relative_eq!(column[0] * 16.0, column[1], max_relative = 1e-4);
    }
}

#[test]
fn senseless_settings_are_refused() {
    let broken = |change: fn(&mut ScatteringConfig)| {
        let mut config = config(16, 16);
        change(&mut config);
        Scattering::new(config).unwrap_err()
    };
    assert_eq!(broken(|c| c.scales = 0), ScatteringError::Scales(0));
    assert_eq!(
        broken(|c| c.orientations = 33),
        ScatteringError::Orientations(33)
    );
    assert!(matches!(
        broken(|c| c.grid = Grid::Native),
        ScatteringError::Grid(_)
    ));
    assert!(matches!(broken(|c| c.scales = 5), ScatteringError::Grid(_)));
}
