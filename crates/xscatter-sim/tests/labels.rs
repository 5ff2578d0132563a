//! Tags follow what can be seen, and nothing that has nothing to do with it.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::OnceLock;

use rayon::prelude::*;
use xscatter_core::TagState;
use xscatter_sim::{Interval, Preset, SceneConfig, Simulation, SimulationConfig, TagSet, Truth};

/// Experiments of one frame each.
const EXPERIMENTS: usize = 500;

fn tags_config() -> SimulationConfig {
    let mut config = Preset::BnlTags17.config(2026).with_frames(EXPERIMENTS);
    config.frames_per_experiment = 1;
    config
}

/// Truths and nuisance numbers of many experiments.
fn many() -> &'static [(Truth, Vec<f64>)] {
    static MANY: OnceLock<Vec<(Truth, Vec<f64>)>> = OnceLock::new();
    MANY.get_or_init(|| {
        let simulation = Simulation::new(tags_config()).unwrap();
        (0..EXPERIMENTS)
            .into_par_iter()
            .map(|index| {
                let nuisance = simulation.nuisance(index).unwrap().numbers();
                let numbers = nuisance.into_iter().map(|(_, value)| value).collect();
                (simulation.truth(index).unwrap(), numbers)
            })
            .collect()
    })
}

#[test]
fn each_tag_is_there_and_is_missing_in_five_percent() {
    let set = TagSet::Mission17;
    let states: Vec<Vec<TagState>> = many().iter().map(|(truth, _)| truth.tags(set)).collect();
    for (tag, name) in set.names().into_iter().enumerate() {
        for wanted in [TagState::Positive, TagState::Negative] {
            let count = states.iter().filter(|states| states[tag] == wanted).count();
            assert!(count * 20 >= EXPERIMENTS, "{name}: {count} {wanted:?}");
        }
    }
}

#[test]
fn many_truths_are_one_target() {
    let truths: Vec<Truth> = many()
        .iter()
        .take(5)
        .map(|(truth, _)| truth.clone())
        .collect();
    let tags = xscatter_sim::tags_of(&truths, TagSet::Mission17);
    assert_eq!(tags.states().dim(), (5, 17));
    assert_eq!(
        tags.states().row(3).to_vec(),
        truths[3].tags(TagSet::Mission17)
    );
}

/// Solves a positive definite system.
fn solve(mut matrix: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for pivot in 0..n {
        let (done, left) = matrix.split_at_mut(pivot + 1);
        let pivots = &done[pivot];
        for (row, line) in left.iter_mut().enumerate() {
            let factor = line[pivot] / pivots[pivot];
            for (value, pivot) in line.iter_mut().zip(pivots) {
                *value -= factor * pivot;
            }
            right[pivot + 1 + row] -= factor * right[pivot];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n)
            .map(|column| matrix[row][column] * right[column])
            .sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

/// The chance that a positive scores higher than a negative, by a ridge regression on all numbers
/// that learns from the first half and is asked about the second; and its standard deviation if the
/// numbers say nothing.
fn area_under_curve(numbers: &[Vec<f64>], positive: &[bool]) -> (f64, f64) {
    let (n, half) = (numbers[0].len(), numbers.len() / 2);
    let columns: Vec<(f64, f64)> = (0..n)
        .map(|column| {
            let values = || numbers[..half].iter().map(|row| row[column]);
            let mean = values().sum::<f64>() / half as f64;
            let variance = values().map(|x| (x - mean).powi(2)).sum::<f64>() / half as f64;
            (mean, variance.sqrt())
        })
        .collect();
    let scaled = |row: &[f64]| -> Vec<f64> {
        let scaled = row.iter().zip(&columns).map(|(x, (mean, deviation))| {
            if *deviation > 1e-12 {
                ((x - mean) / deviation).clamp(-4.0, 4.0)
            } else {
                0.0
            }
        });
        scaled.collect()
    };
    let rows: Vec<Vec<f64>> = numbers.iter().map(|row| scaled(row)).collect();
    let share = positive[..half].iter().filter(|p| **p).count() as f64 / half as f64;
    let mut matrix = vec![vec![0.0; n]; n];
    let mut right = vec![0.0; n];
    for (row, positive) in rows[..half].iter().zip(positive) {
        let target = f64::from(u8::from(*positive)) - share;
        for i in 0..n {
            right[i] += row[i] * target;
            for j in 0..n {
                matrix[i][j] += row[i] * row[j];
            }
        }
    }
    for (i, row) in matrix.iter_mut().enumerate() {
        row[i] += 0.05 * half as f64;
    }
    let weights = solve(matrix, right);
    let score = |row: &[f64]| row.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>();
    let (mut of_positive, mut of_negative) = (Vec::new(), Vec::new());
    for (row, positive) in rows[half..].iter().zip(&positive[half..]) {
        if *positive {
            of_positive.push(score(row));
        } else {
            of_negative.push(score(row));
        }
    }
    let mut above = 0.0;
    for one in &of_positive {
        for other in &of_negative {
            above += match one.total_cmp(other) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Equal => 0.5,
                std::cmp::Ordering::Less => 0.0,
            };
        }
    }
    let (p, q) = (of_positive.len() as f64, of_negative.len() as f64);
    (above / (p * q), ((p + q + 1.0) / (12.0 * p * q)).sqrt())
}

/// Tags that are about the instrument (beamstops, the beam off the image) or about how bright the
/// frame is (strong, weak, high background) are left out: the instrument decides those.
#[test]
fn what_has_nothing_to_do_with_the_sample_does_not_give_its_tags_away() {
    let set = TagSet::Mission17;
    let physics = [
        "BCC",
        "Diffuse high-q",
        "Diffuse low-q",
        "FCC",
        "Halo",
        "Higher orders",
        "Many rings",
        "Polycrystalline",
        "Ring",
        "Structure factor",
    ];
    for (tag, name) in set.names().into_iter().enumerate() {
        if !physics.contains(&name) {
            continue;
        }
        let (numbers, positive): (Vec<Vec<f64>>, Vec<bool>) = many()
            .iter()
            .filter(|(truth, _)| truth.tags(set)[tag] != TagState::Unknown)
            .map(|(truth, numbers)| (numbers.clone(), truth.tags(set)[tag] == TagState::Positive))
            .unzip();
        let (area, deviation) = area_under_curve(&numbers, &positive);
        assert!(area < 0.5 + 3.0 * deviation, "{name}: {area} ± {deviation}");
    }
}

/// Truths of the same frames where only one number of the configuration differs.
fn pair(change: impl Fn(&mut SimulationConfig, f64), low: f64, high: f64) -> Vec<(Truth, Truth)> {
    let simulations = [low, high].map(|value| {
        let mut config = tags_config().with_frames(24);
        change(&mut config, value);
        Simulation::new(config).unwrap()
    });
    (0..24)
        .map(|index| {
            let [a, b] = [0, 1].map(|which: usize| simulations[which].truth(index).unwrap());
            (a, b)
        })
        .collect()
}

#[test]
fn a_tag_goes_when_what_it_is_about_goes_dark() {
    let place = TagSet::Mission17
        .names()
        .iter()
        .position(|n| *n == "Diffuse low-q")
        .unwrap();
    let truths = pair(
        |config, brightness| {
            if let SceneConfig::Tags(scene) = &mut config.scene {
                scene.diffuse_low_share = 1.0;
                scene.diffuse_high_share = 0.0;
                scene.diffuse_brightness = Interval::new(brightness, brightness);
            }
        },
        1e-9,
        10.0,
    );
    let mut flipped = 0;
    for (dark, bright) in &truths {
        assert_ne!(dark.tags(TagSet::Mission17)[place], TagState::Positive);
        flipped += usize::from(bright.tags(TagSet::Mission17)[place] == TagState::Positive);
    }
    assert!(flipped > 12, "{flipped} of {}", truths.len());
}

#[test]
fn longer_exposures_show_no_less() {
    let truths = pair(
        |config, photons| config.ranges.bright_photons = Interval::new(photons, photons),
        30.0,
        300.0,
    );
    for (short, long) in &truths {
        assert_eq!(short.components.len(), long.components.len());
        for (a, b) in short.components.iter().zip(&long.components) {
            assert_eq!(a.name, b.name);
            assert!(
                b.snr >= a.snr && b.snr_apart >= 0.999 * a.snr_apart,
                "{a:?} {b:?}"
            );
            for (few, many) in a.snr_orders.iter().zip(&b.snr_orders) {
                assert!(many >= few, "{a:?} {b:?}");
            }
        }
        assert!(long.image.snr_shadow >= short.image.snr_shadow);
    }
}
