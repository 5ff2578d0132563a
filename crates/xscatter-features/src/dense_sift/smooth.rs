//! The image that gradients are taken of: smoothed over valid pixels alone.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use pulp::{Arch, Simd, WithSimd};

use crate::intensity::IntensityTransform;
use crate::local::Scaled;
use crate::resample::{MIN_COVERAGE, Resampled};

/// A smoothed image and where its gradient counts.
pub(super) struct Smoothed {
    pub(super) shape: (usize, usize),
    pub(super) values: Vec<f32>,
    /// 1 for pixels whose gradient counts, 0 for others; `None` if all do.
    pub(super) counts: Option<Vec<f32>>,
}

impl Smoothed {
    /// `(G * (I V)) / (G * V)` with a Gaussian of standard deviation `sigma_px`; 0 leaves the image alone.
    pub(super) fn of(image: &Resampled, transform: IntensityTransform, sigma_px: f64) -> Self {
        let shape = image.shape();
        let kernel = half_kernel(sigma_px);
        let blurred = |values: Vec<f32>| {
            Arch::new().dispatch(Blur {
                values,
                shape,
                kernel: &kernel,
            })
        };
        let mut values = blurred(Scaled::of(image, transform).values);
        let Some(coverage) = image.coverage_slice() else {
            return Self {
                shape,
                values,
                counts: None,
            };
        };
        let valid = |&coverage: &f32| f32::from(u8::from(coverage >= MIN_COVERAGE));
        let mut share = blurred(coverage.iter().map(valid).collect());
        for (value, share) in values.iter_mut().zip(&mut share) {
            // A value without a quarter of its weight is a guess.
            if *share >= MIN_COVERAGE {
                *value /= *share;
            } else {
                (*value, *share) = (0.0, 0.0);
            }
        }
        let mut counts: Vec<f32> = coverage.iter().map(valid).collect();
        let (rows, columns) = shape;
        for row in 1..rows.saturating_sub(1) {
            for column in 1..columns.saturating_sub(1) {
                let place = row * columns + column;
                let beside = [place - columns, place + columns, place - 1, place + 1];
                if beside.iter().any(|&place| share[place] == 0.0) {
                    counts[place] = 0.0;
                }
            }
        }
        Self {
            shape,
            values,
            counts: Some(counts),
        }
    }
}

/// The weights of the centre and of the pixels to one side, to four standard deviations.
fn half_kernel(sigma_px: f64) -> Vec<f32> {
    let radius = (4.0 * sigma_px).round() as usize;
    let weight = |offset: usize| {
        if offset == 0 {
            1.0
        } else {
            (-0.5 * (offset as f64 / sigma_px).powi(2)).exp()
        }
    };
    let total: f64 = 1.0 + 2.0 * (1..=radius).map(weight).sum::<f64>();
    (0..=radius)
        .map(|offset| (weight(offset) / total) as f32)
        .collect()
}

/// Index `place` of a line that is mirrored about the centres of its first and last pixel.
fn mirrored(place: isize, length: usize) -> usize {
    let last = length as isize - 1;
    if last == 0 {
        return 0;
    }
    let folded = place.rem_euclid(2 * last);
    folded.min(2 * last - folded) as usize
}

struct Blur<'a> {
    values: Vec<f32>,
    shape: (usize, usize),
    kernel: &'a [f32],
}

impl WithSimd for Blur<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Vec<f32> {
        blur(self.values, self.shape, self.kernel)
    }
}

/// Both axes, one after the other.
#[inline(always)]
fn blur(mut values: Vec<f32>, (rows, columns): (usize, usize), kernel: &[f32]) -> Vec<f32> {
    let radius = kernel.len() - 1;
    if radius == 0 {
        return values;
    }
    let mut line = vec![0.0; columns + 2 * radius];
    for row in values.chunks_exact_mut(columns) {
        for (index, value) in line.iter_mut().enumerate() {
            if (radius..radius + columns).contains(&index) {
                *value = row[index - radius];
            } else {
                *value = row[mirrored(index as isize - radius as isize, columns)];
            }
        }
        for (value, centre) in row.iter_mut().zip(&line[radius..]) {
            *value = kernel[0] * centre;
        }
        for (offset, &weight) in kernel.iter().enumerate().skip(1) {
            let sides = line[radius - offset..].iter().zip(&line[radius + offset..]);
            for (value, (left, right)) in row.iter_mut().zip(sides) {
                *value += weight * (left + right);
            }
        }
    }
    let mut out = vec![0.0; values.len()];
    for (row, line) in out.chunks_exact_mut(columns).enumerate() {
        let of = |offset: isize| {
            let row = mirrored(row as isize + offset, rows);
            &values[row * columns..][..columns]
        };
        for (value, centre) in line.iter_mut().zip(of(0)) {
            *value = kernel[0] * centre;
        }
        for (offset, &weight) in kernel.iter().enumerate().skip(1) {
            let sides = of(-(offset as isize)).iter().zip(of(offset as isize));
            for (value, (above, below)) in line.iter_mut().zip(sides) {
                *value += weight * (above + below);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_mirrored_about_its_end_pixels() {
        let places: Vec<usize> = (-4..7).map(|place| mirrored(place, 4)).collect();
        assert_eq!(places, [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0]);
        assert_eq!(mirrored(-3, 1), 0);
    }

    #[test]
    fn the_weights_of_a_kernel_sum_to_one() {
        for sigma in [0.4, 1.52, 6.0] {
            let kernel = half_kernel(sigma);
            let total = kernel[0] + 2.0 * kernel[1..].iter().sum::<f32>();
            approx::assert_relative_eq!(total, 1.0, max_relative = 1e-6);
        }
        assert_eq!(half_kernel(0.0), [1.0]);
    }
}
