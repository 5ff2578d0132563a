//! What counts without light: hot and noisy pixels, zingers.

use ndarray::Array2;
use rand_chacha::ChaCha8Rng;

use super::defects::Defects;
use super::ranges::stream;
use crate::draw::{chance, log_uniform, whole};
use crate::noise::poisson;

/// Longer exposures gather no more zingers than these: they are summed from shorter ones, and what
/// stands out is taken away.
const LONGEST_S: f64 = 60.0;

/// How a detector shows a zinger.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spurious {
    /// Zingers a pixel and second.
    pub(super) per_s: f64,
    /// Numbers a photon.
    pub(super) counts_per_photon: f32,
    /// The largest number.
    pub(super) limit: f32,
    /// Whether a zinger leaves a track.
    pub(super) tracks: bool,
}

impl Spurious {
    /// Adds them to the counts; gaps and bad pixels keep their marker, silent pixels stay silent.
    pub(super) fn add(
        &self,
        counts: &mut Array2<f32>,
        defects: &Defects,
        exposure_s: f64,
        silent: f32,
        seed: u64,
    ) {
        let (rows, columns) = counts.dim();
        let mut add = |pixel: usize, photons: f32| {
            let count = &mut counts[(pixel / columns, pixel % columns)];
            if *count >= 0.0 {
                *count = (*count + (photons * self.counts_per_photon).round()).min(self.limit);
            }
        };
        let dark = |rate: f32, rng: &mut ChaCha8Rng| {
            poisson(rng, (f64::from(rate) * exposure_s).min(1e6) as f32)
        };
        let rng = &mut stream(seed, "hot");
        for &(pixel, rate) in &defects.hot {
            add(pixel, dark(rate, rng));
        }
        let rng = &mut stream(seed, "noisy");
        for &(pixel, rate) in &defects.noisy {
            let now = chance(rng, 0.5);
            let photons = dark(rate, rng);
            if now {
                add(pixel, photons);
            }
        }
        let rng = &mut stream(seed, "zingers");
        let pixels = rows * columns;
        let expected = self.per_s * pixels as f64 * exposure_s.min(LONGEST_S);
        for _ in 0..poisson(rng, expected as f32) as usize {
            let (row, column) = (whole(rng, 0, rows - 1), whole(rng, 0, columns - 1));
            let photons = log_uniform(rng, 3.0, 3e3) as f32;
            let (down, right) = (whole(rng, 0, 2), whole(rng, 0, 2));
            let length = if self.tracks { whole(rng, 1, 5) } else { 1 };
            for step in 0..length {
                // A track runs down, right or between.
                let (row, column) = (row + step * down / 2, column + step * right / 2);
                if row < rows && column < columns {
                    add(row * columns + column, photons);
                }
            }
        }
        for &pixel in &defects.silent {
            let count = &mut counts[(pixel / columns, pixel % columns)];
            if *count >= 0.0 {
                *count = silent;
            }
        }
    }
}
