//! What no detector does: noise and limits for testing how robust an analysis is.

use ndarray::Array2;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use xscatter_core::seed::{derive, derive_named};

use crate::draw;
use crate::noise::by_rows;

/// The largest count of a counter of four bits.
const SHORTEST_COUNTER: f32 = 15.0;

/// Noise and limits beyond those of an instrument; the default is none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExtraNoise {
    /// At most so many counts of the sample in all valid pixels, and as many of the direct beam.
    pub total_counts: Option<f64>,
    /// Standard deviation of Gaussian noise over the brightness of the frame.
    pub gaussian_relative: f64,
    /// Share of the pixels that are black or as bright as the brightest, half of each.
    pub salt_and_pepper_share: f64,
    /// Counts are cut, and flagged, above this multiple of the brightness of the frame.
    pub saturation_relative: Option<f64>,
}

impl ExtraNoise {
    pub(super) fn first_invalid(&self) -> Option<&'static str> {
        let within = |value: f64, low: f64, high: f64| (low..=high).contains(&value);
        [
            (
                "instrument.extra.total_counts",
                self.total_counts
                    .is_none_or(|total| within(total, 1.0, 1e15)),
            ),
            (
                "instrument.extra.gaussian_relative",
                within(self.gaussian_relative, 0.0, 1e3),
            ),
            (
                "instrument.extra.salt_and_pepper_share",
                within(self.salt_and_pepper_share, 0.0, 1.0),
            ),
            (
                "instrument.extra.saturation_relative",
                self.saturation_relative
                    .is_none_or(|limit| within(limit, 1e-3, 1e9)),
            ),
        ]
        .into_iter()
        .find_map(|(name, valid)| (!valid).then_some(name))
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Adds the noise to the counts; markers below zero stay.
    pub(super) fn add(&self, counts: &mut Array2<f32>, brightness: f32, seed: u64) {
        if self.gaussian_relative > 0.0 {
            let sigma = self.gaussian_relative as f32 * brightness;
            let seed = derive_named(seed, "gaussian noise");
            by_rows(counts, |row, line| {
                let mut rng = draw::generator(derive(seed, row as u64));
                for value in line {
                    let noise = sigma * draw::normal_f32(&mut rng);
                    if *value >= 0.0 {
                        *value = (*value + noise).round().max(0.0);
                    }
                }
            });
        }
        if self.salt_and_pepper_share > 0.0 {
            let salt = counts.iter().copied().fold(1.0, f32::max);
            let share = self.salt_and_pepper_share;
            let seed = derive_named(seed, "salt and pepper");
            by_rows(counts, |row, line| {
                let mut rng = draw::generator(derive(seed, row as u64));
                for value in line {
                    let u: f64 = rng.random();
                    if u < share && *value >= 0.0 {
                        *value = if u < 0.5 * share { salt } else { 0.0 };
                    }
                }
            });
        }
    }

    /// The largest count of a frame of this brightness on a detector with this limit.
    ///
    /// No counter is shorter than four bits, however dark the frame.
    pub(super) fn limit(&self, limit: f32, brightness: f32) -> f32 {
        match self.saturation_relative {
            Some(relative) => (relative as f32 * brightness)
                .floor()
                .max(SHORTEST_COUNTER)
                .min(limit),
            None => limit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dark_frame_does_not_saturate_at_its_first_photons() {
        let extra = ExtraNoise {
            saturation_relative: Some(0.5),
            ..ExtraNoise::default()
        };
        assert_eq!(extra.limit(1e6, 0.1), 15.0);
        assert_eq!(extra.limit(1e6, 1000.0), 500.0);
        assert_eq!(extra.limit(200.0, 1000.0), 200.0);
    }

    #[test]
    fn salt_and_pepper_come_in_equal_parts_and_spare_markers() {
        let mut counts = Array2::from_elem((200, 300), 5.0);
        counts.row_mut(3).fill(-1.0);
        counts[(100, 100)] = 90.0;
        let extra = ExtraNoise {
            salt_and_pepper_share: 0.1,
            ..ExtraNoise::default()
        };
        extra.add(&mut counts, 5.0, 1);
        let number = |value: f32| counts.iter().filter(|&&count| count == value).count();
        assert!((2700..3300).contains(&number(90.0)));
        assert!((2700..3300).contains(&number(0.0)));
        assert_eq!(number(-1.0), 300);
    }

    #[test]
    fn gaussian_noise_has_its_standard_deviation() {
        let mut counts = Array2::from_elem((200, 300), 1000.0);
        let extra = ExtraNoise {
            gaussian_relative: 0.02,
            ..ExtraNoise::default()
        };
        extra.add(&mut counts, 1000.0, 1);
        let n = counts.len() as f64;
        let variance = counts
            .iter()
            .map(|&c| (f64::from(c) - 1000.0).powi(2))
            .sum::<f64>()
            / n;
        assert!((variance.sqrt() / 20.0 - 1.0).abs() < 0.02);
    }
}
