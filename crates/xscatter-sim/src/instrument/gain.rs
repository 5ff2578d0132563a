//! What a flat-field correction leaves over: chips and pixels that are a little more or less
//! sensitive, and wider pixels between chips.

use ndarray::Array2;
use xscatter_core::seed::{derive, derive_named};

use super::ranges::{GainRanges, log_or_off, stream};
use super::readout::Chips;
use crate::draw::chance;

/// The sensitivity of a detector.
#[derive(Debug, Clone)]
pub(super) struct Gain {
    /// Relative standard deviations.
    pub(super) tile: f64,
    pub(super) pixel: f64,
    /// How much more a pixel between two chips counts; 1 if corrected for.
    pub(super) border: f64,
    seed: u64,
}

impl Gain {
    pub(super) fn draw(ranges: &GainRanges, seed: u64) -> Self {
        let rng = &mut stream(seed, "gain");
        let tile = log_or_off(ranges.tile, rng);
        let pixel = log_or_off(ranges.pixel, rng);
        let uncorrected = chance(rng, ranges.border_share);
        let border = ranges.border.uniform(rng);
        Self {
            tile,
            pixel,
            border: if uncorrected { border } else { 1.0 },
            seed: derive_named(seed, "gain of a place"),
        }
    }

    /// The gain of every pixel; `None` if all are 1.
    pub(super) fn map(&self, chips: &Chips) -> Option<Array2<f32>> {
        if self.tile == 0.0 && self.pixel == 0.0 && self.border == 1.0 {
            return None;
        }
        let columns = chips.columns.len();
        let (tile, pixel, border) = (self.tile as f32, self.pixel as f32, self.border as f32);
        let (tiles, pixels) = (derive(self.seed, 0), derive(self.seed, 1));
        let mut map = Array2::zeros((chips.rows.len(), columns));
        for (row, mut line) in map.rows_mut().into_iter().enumerate() {
            let (chip_row, row_between) = chips.rows[row];
            let (mut chip, mut of_chip) = (u32::MAX, 1.0);
            for (column, value) in line.iter_mut().enumerate() {
                let (chip_column, column_between) = chips.columns[column];
                if chip_column != chip {
                    chip = chip_column;
                    let place = u64::from(chip_row) << 32 | u64::from(chip);
                    of_chip = 1.0 + tile * spread(derive(tiles, place));
                }
                let place = (row * columns + column) as u64;
                *value = (of_chip * (1.0 + pixel * spread(scrambled(pixels, place)))).max(0.0);
                if row_between || column_between {
                    *value *= border;
                }
            }
        }
        Some(map)
    }
}

/// One round of mixing, for the millions of pixels.
fn scrambled(seed: u64, place: u64) -> u64 {
    let mut z = seed ^ place.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z ^ (z >> 31)
}

/// The sum of two uniform numbers, with mean 0 and variance 1.
fn spread(hash: u64) -> f32 {
    let half = |bits: u64| (bits & 0xFFFF) as f32 / 65_535.0 - 0.5;
    (half(hash >> 32) + half(hash >> 48)) * 6.0_f32.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::readout::DetectorChoice;

    #[test]
    fn gains_have_mean_one_and_the_stated_spread() {
        let readout = DetectorChoice::from("Pilatus 100k").readout().unwrap();
        let gain = Gain {
            tile: 0.0,
            pixel: 0.01,
            border: 1.0,
            seed: 5,
        };
        let map = gain.map(&readout.chips).unwrap();
        let n = map.len() as f64;
        let mean = map.iter().map(|&g| f64::from(g)).sum::<f64>() / n;
        let variance = map
            .iter()
            .map(|&g| (f64::from(g) - mean).powi(2))
            .sum::<f64>()
            / n;
        assert!((mean - 1.0).abs() < 2e-4, "{mean}");
        assert!((variance.sqrt() / 0.01 - 1.0).abs() < 0.02, "{variance}");
        let neighbours: f64 = map
            .as_slice()
            .unwrap()
            .windows(2)
            .map(|pair| (f64::from(pair[0]) - mean) * (f64::from(pair[1]) - mean))
            .sum::<f64>()
            / n
            / variance;
        assert!(neighbours.abs() < 4.0 / n.sqrt(), "{neighbours}");
    }

    #[test]
    fn a_chip_has_one_gain_and_its_neighbour_another() {
        let readout = DetectorChoice::from("Pilatus 100k").readout().unwrap();
        let gain = Gain {
            tile: 0.02,
            pixel: 0.0,
            border: 1.5,
            seed: 6,
        };
        let map = gain.map(&readout.chips).unwrap();
        assert_eq!(map[(0, 0)], map[(96, 59)]);
        assert_ne!(map[(0, 0)], map[(0, 61)]);
        assert_ne!(map[(0, 0)], map[(98, 0)]);
        assert!((map[(0, 60)] / map[(0, 0)] - 1.5).abs() < 1e-6);
    }

    #[test]
    fn an_even_detector_needs_no_map() {
        let readout = DetectorChoice::from("Pilatus 100k").readout().unwrap();
        let ranges = crate::InstrumentRanges::ideal().gain;
        assert!(Gain::draw(&ranges, 1).map(&readout.chips).is_none());
    }
}
