//! Point spread: how the light of one pixel reaches its neighbours.
//!
//! ```text
//! P(r) = (1 − w) Gaussian(r; σ) + w M(r; g)      M(r; g) = g/2π (g² + r²)^(−3/2)
//! ```
//!
//! The wings M are those of a fibre-optic taper: as a spot of light held at the height g above the
//! pixels. Across a line they are Lorentzian. M is not separable, a Gaussian is, so M is written as
//! the sum of three Gaussians that follows it within 16 % up to r = 8 g. Each Gaussian is integrated
//! over the pixels. The rim of the image repeats outwards. Cost: one multiplication a pixel, direction
//! and tap, several pixels at once; some 2 ns a pixel without wings, 15 with.
//!
//! Source: Holton, Nielsen and Frankel 2012, doi:10.1107/S0909049512035571 (the form of the wings); the
//! three Gaussians are a least-squares fit of this project.

use ndarray::Array2;

use super::ranges::{SpreadRanges, log_or_off, stream};
use crate::noise::by_rows;

/// Weight and standard deviation, in units of g, of the Gaussians that make up the wings.
const WINGS: [(f64, f64); 3] = [(0.4346, 0.7353), (0.3737, 1.8900), (0.1917, 5.2260)];

/// Below this a Gaussian stays within its pixel.
const LEAST_SIGMA_PX: f64 = 0.05;

/// The point spread of a detector.
#[derive(Debug, Clone, Default)]
pub(super) struct Spread {
    pub(super) sigma_px: f64,
    pub(super) wing_share: f64,
    pub(super) wing_px: f64,
    /// Weight and one-sided taps of every Gaussian; empty if the detector is sharp.
    terms: Vec<(f32, Vec<f32>)>,
}

impl Spread {
    pub(super) fn draw(ranges: &SpreadRanges, camera: bool, seed: u64) -> Self {
        let rng = &mut stream(seed, "spread");
        let sigma = if camera {
            ranges.camera_sigma_px
        } else {
            ranges.counter_sigma_px
        };
        let sigma_px = sigma.uniform(rng);
        let wing_share = log_or_off(ranges.camera_wing_share, rng);
        let wing_px = ranges.camera_wing_px.uniform(rng);
        Self::new(sigma_px, if camera { wing_share } else { 0.0 }, wing_px)
    }

    fn new(sigma_px: f64, wing_share: f64, wing_px: f64) -> Self {
        let wings = WINGS
            .map(|(weight, sigma)| (weight * wing_share, sigma * wing_px))
            .into_iter()
            .filter(|(weight, _)| *weight > 0.0);
        let terms: Vec<_> = std::iter::once((1.0 - wing_share, sigma_px))
            .chain(wings)
            .map(|(weight, sigma)| (weight as f32, taps(sigma)))
            .collect();
        let sharp = terms.iter().all(|(_, taps)| taps.len() == 1);
        Self {
            sigma_px,
            wing_share,
            wing_px,
            terms: if sharp { Vec::new() } else { terms },
        }
    }

    /// Convolves the image.
    pub(super) fn apply(&self, image: &mut Array2<f32>) {
        if self.terms.is_empty() {
            return;
        }
        let mut total = Array2::zeros(image.dim());
        let mut wide = Array2::zeros(image.dim());
        for (weight, taps) in &self.terms {
            wide.assign(image);
            by_rows(&mut wide, |_, line| along_row(taps, line));
            by_rows(&mut total, |row, line| {
                across_rows(*weight, taps, &wide, row, line);
            });
        }
        *image = total;
    }
}

/// The integral of a Gaussian over the pixel in the middle and those to one side; sums to 1 with
/// both sides.
fn taps(sigma_px: f64) -> Vec<f32> {
    if sigma_px < LEAST_SIGMA_PX {
        return vec![1.0];
    }
    let below = |x: f64| 0.5 * (1.0 + libm::erf(x / (sigma_px * std::f64::consts::SQRT_2)));
    let reach = (3.0 * sigma_px + 0.2).ceil() as usize;
    let shares: Vec<f64> = (0..=reach)
        .map(|k| below(k as f64 + 0.5) - below(k as f64 - 0.5))
        .collect();
    let sum = shares[0] + 2.0 * shares[1..].iter().sum::<f64>();
    shares.iter().map(|share| (share / sum) as f32).collect()
}

fn along_row(taps: &[f32], line: &mut [f32]) {
    let reach = taps.len() - 1;
    let (Some(&first), Some(&last)) = (line.first(), line.last()) else {
        return;
    };
    let mut padded = Vec::with_capacity(line.len() + 2 * reach);
    padded.resize(reach, first);
    padded.extend_from_slice(line);
    padded.resize(line.len() + 2 * reach, last);
    for value in line.iter_mut() {
        *value *= taps[0];
    }
    let columns = line.len();
    for (k, &tap) in taps.iter().enumerate().skip(1) {
        let before = &padded[reach - k..][..columns];
        let after = &padded[reach + k..][..columns];
        for ((value, &a), &b) in line.iter_mut().zip(before).zip(after) {
            *value += tap * (a + b);
        }
    }
}

fn across_rows(weight: f32, taps: &[f32], wide: &Array2<f32>, row: usize, line: &mut [f32]) {
    let (rows, columns) = wide.dim();
    let pixels = wide.as_slice().expect("images are row-major");
    let row_of = |row: usize| &pixels[row * columns..][..columns];
    for (value, &a) in line.iter_mut().zip(row_of(row)) {
        *value += weight * taps[0] * a;
    }
    for (k, &tap) in taps.iter().enumerate().skip(1) {
        let above = row_of(row.saturating_sub(k));
        let below = row_of((row + k).min(rows - 1));
        let tap = weight * tap;
        for ((value, &a), &b) in line.iter_mut().zip(above).zip(below) {
            *value += tap * (a + b);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(spread: &Spread, side: usize) -> Array2<f32> {
        let mut image = Array2::zeros((side, side));
        image[(side / 2, side / 2)] = 1.0;
        spread.apply(&mut image);
        image
    }

    #[test]
    fn a_spot_keeps_its_light_and_is_as_wide_as_stated() {
        for sigma in [0.5, 0.8, 1.5] {
            let image = spot(&Spread::new(sigma, 0.0, 1.0), 31);
            assert!((image.sum() - 1.0).abs() < 1e-4);
            let variance: f64 = image
                .indexed_iter()
                .map(|((row, _), &value)| (row as f64 - 15.0).powi(2) * f64::from(value))
                .sum();
            // The pixel itself adds 1/12.
            let expected = sigma * sigma + 1.0 / 12.0;
            assert!(
                (variance / expected - 1.0).abs() < 0.05,
                "{sigma}: {variance}"
            );
        }
    }

    #[test]
    fn wings_fall_with_the_third_power() {
        let image = spot(&Spread::new(0.4, 1.0, 1.0), 61);
        assert!((image.sum() - 1.0).abs() < 2e-2);
        for (row, column) in [(30, 33), (30, 36), (34, 34), (27, 30)] {
            let r2 = (row as f32 - 30.0).powi(2) + (column as f32 - 30.0).powi(2);
            let expected = (1.0 + r2).powf(-1.5) / std::f32::consts::TAU;
            let ratio = image[(row, column)] / expected;
            assert!((0.8..1.25).contains(&ratio), "{row}, {column}: {ratio}");
        }
    }

    #[test]
    fn a_constant_image_stays_constant() {
        let mut image = Array2::from_elem((20, 30), 3.0);
        Spread::new(0.9, 0.2, 1.0).apply(&mut image);
        assert!(image.iter().all(|value| (value - 3.0).abs() < 1e-4));
        let before = image.clone();
        Spread::new(0.01, 0.0, 1.0).apply(&mut image);
        assert_eq!(before, image);
    }
}
