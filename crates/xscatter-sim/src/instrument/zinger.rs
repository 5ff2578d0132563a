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

#[cfg(test)]
mod tests {
    use super::*;

    const SPURIOUS: Spurious = Spurious {
        per_s: 1e-3,
        counts_per_photon: 1.0,
        limit: 1000.0,
        tracks: false,
    };

    fn shown(spurious: &Spurious, defects: &Defects, exposure_s: f64) -> Array2<f32> {
        let mut counts = Array2::zeros((200, 300));
        counts.row_mut(7).fill(-1.0);
        spurious.add(&mut counts, defects, exposure_s, 0.0, 5);
        counts
    }

    #[test]
    fn zingers_come_by_pixels_and_seconds_up_to_a_minute() {
        let none = Defects::default();
        let number = |exposure_s: f64, tracks: bool| {
            let spurious = Spurious { tracks, ..SPURIOUS };
            let counts = shown(&spurious, &none, exposure_s);
            counts.iter().filter(|&&count| count > 0.0).count()
        };
        assert!((45..75).contains(&number(1.0, false)));
        assert!((520..680).contains(&number(10.0, false)));
        assert_eq!(number(60.0, false), number(1e4, false));
        assert!(number(10.0, true) > 2 * number(10.0, false));
    }

    #[test]
    fn markers_the_limit_and_silent_pixels_are_kept() {
        let defects = Defects {
            hot: vec![(0, 1e5), (7 * 300 + 3, 1e5), (1, 50.0)],
            silent: vec![1],
            ..Defects::default()
        };
        let counts = shown(&SPURIOUS, &defects, 1.0);
        assert_eq!((counts[(0, 0)], counts[(0, 1)]), (1000.0, 0.0));
        assert!(counts.row(7).iter().all(|&count| count == -1.0));
    }
}
