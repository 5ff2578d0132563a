//! A camera: light in photons, numbers in the file.
//!
//! ```text
//! number = photons · gain + offset + read noise      photons ~ Poisson(light + dark current · time)
//! ```
//!
//! A full pixel of a CCD spills what it cannot hold up and down its column (blooming), equal parts each
//! way, until there is room. Numbers are whole and lie within 0 to the limit of the file. No mask.

use ndarray::Array2;
use xscatter_core::seed::{derive, derive_named};

use super::ranges::{CameraRanges, log_or_off, stream};
use crate::draw::{self, chance};
use crate::noise::{by_rows, poisson_row};

/// How a camera turns photons into numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Camera {
    pub(super) counts_per_photon: f32,
    pub(super) offset: f32,
    pub(super) read_noise: f32,
    pub(super) dark_per_s: f64,
    pub(super) blooming: bool,
}

impl Camera {
    pub(super) fn draw(ranges: &CameraRanges, seed: u64) -> Self {
        let rng = &mut stream(seed, "camera");
        Self {
            counts_per_photon: log_or_off(ranges.counts_per_photon, rng) as f32,
            offset: log_or_off(ranges.offset_counts, rng) as f32,
            read_noise: log_or_off(ranges.read_noise_counts, rng) as f32,
            dark_per_s: log_or_off(ranges.dark_per_s, rng),
            blooming: chance(rng, ranges.blooming_share),
        }
    }

    /// Numbers in place of the expected photons, each row from a stream of its own.
    pub(super) fn photograph(
        &self,
        image: &mut Array2<f32>,
        limit: f32,
        exposure_s: f64,
        seed: u64,
    ) {
        let dark = (self.dark_per_s * exposure_s) as f32;
        let seed = derive_named(seed, "counts");
        by_rows(image, |row, line| {
            let mut rng = draw::generator(derive(seed, row as u64));
            for value in line.iter_mut() {
                *value += dark;
            }
            poisson_row(&mut rng, line);
            for value in line {
                *value *= self.counts_per_photon;
            }
        });
        if self.blooming {
            bloom(image, limit - self.offset);
        }
        let seed = derive_named(seed, "read noise");
        by_rows(image, |row, line| {
            let mut rng = draw::generator(derive(seed, row as u64));
            for value in line {
                let read = if self.read_noise > 0.0 {
                    draw::normal_f32(&mut rng) * self.read_noise
                } else {
                    0.0
                };
                *value = (*value + self.offset + read).round().clamp(0.0, limit);
            }
        });
    }
}

/// Spills what exceeds `full` along the columns.
fn bloom(image: &mut Array2<f32>, full: f32) {
    let rows = image.nrows();
    let spilling: Vec<usize> = (0..image.ncols())
        .filter(|&column| image.column(column).iter().any(|&value| value > full))
        .collect();
    for column in spilling {
        let mut line = image.column_mut(column);
        let excess: Vec<f32> = line.iter().map(|value| (value - full).max(0.0)).collect();
        for value in &mut line {
            *value = value.min(full);
        }
        for (row, &excess) in excess.iter().enumerate().filter(|(_, e)| **e > 0.0) {
            fill(0.5 * excess, full, (0..row).rev(), &mut line);
            fill(0.5 * excess, full, row + 1..rows, &mut line);
        }
    }
}

/// Fills pixels one after the other.
fn fill(
    mut charge: f32,
    full: f32,
    rows: impl Iterator<Item = usize>,
    line: &mut ndarray::ArrayViewMut1<'_, f32>,
) {
    for row in rows {
        if charge <= 0.0 {
            return;
        }
        let room = (full - line[row]).clamp(0.0, charge);
        line[row] += room;
        charge -= room;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_pixel_spills_along_its_column_and_keeps_its_charge() {
        let mut image = Array2::from_elem((21, 5), 10.0);
        image[(10, 2)] = 450.0;
        let before = image.sum();
        bloom(&mut image, 100.0);
        assert!((image.sum() - before).abs() < 1e-2);
        assert_eq!(
            (image[(10, 2)], image[(9, 2)], image[(11, 2)]),
            (100.0, 100.0, 100.0)
        );
        assert!(image[(13, 2)] == 10.0 && image[(8, 2)] > 90.0);
        assert!(image.column(1).iter().all(|&value| value == 10.0));
    }

    #[test]
    fn numbers_have_the_mean_and_the_variance_of_photons_and_read_out() {
        let camera = Camera {
            counts_per_photon: 3.0,
            offset: 100.0,
            read_noise: 2.0,
            dark_per_s: 0.5,
            blooming: false,
        };
        let mut image = Array2::from_elem((300, 300), 20.0);
        camera.photograph(&mut image, 65_535.0, 4.0, 7);
        let n = image.len() as f64;
        let mean = image.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
        let variance = image
            .iter()
            .map(|&v| (f64::from(v) - mean).powi(2))
            .sum::<f64>()
            / n;
        let expected = 9.0 * 22.0 + 4.0 + 1.0 / 12.0;
        assert!((mean - 166.0).abs() < 0.2, "{mean}");
        assert!((variance / expected - 1.0).abs() < 0.02, "{variance}");
        assert!(image.iter().all(|v| v.fract() == 0.0));
    }
}
