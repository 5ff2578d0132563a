//! What linear filters see of a frame: its transformed intensities about their mean, and which count.
//!
//! Filters that do not answer to a constant give the same answers with the mean taken out, but lose
//! fewer digits in single precision. A constant frame becomes exact zeros.

use xscatter_core::{Frame, Result};

use crate::intensity::IntensityTransform;
use crate::resample::{Grid, MIN_COVERAGE, Resampled, degenerate};

/// A frame ready for filtering: `transformed = scale · (level + values)`.
#[derive(Debug, Clone)]
pub(crate) struct Centred {
    /// Rows and columns.
    pub(crate) shape: (usize, usize),
    /// Deviations from the level, row by row; 0 where a pixel does not count.
    pub(crate) values: Vec<f32>,
    /// 1 where a pixel counts and 0 elsewhere; `None` if all count.
    pub(crate) valid: Option<Vec<f32>>,
    /// The mean of the pixels that count, in units of `scale`.
    pub(crate) level: f64,
    /// 1, or a power of two that keeps squares and sums of extreme intensities in range.
    pub(crate) scale: f64,
}

impl Centred {
    pub(crate) fn of(frame: &Frame, grid: Grid, transform: IntensityTransform) -> Result<Self> {
        let image = Resampled::of(frame, grid)?;
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        let (mut sum, mut count) = (0.0, 0.0);
        for value in image.valid_values() {
            let value = transform.apply(f64::from(value));
            (low, high) = (low.min(value), high.max(value));
            sum += value;
            count += 1.0;
        }
        let largest = high.max(-low);
        if !largest.is_finite() {
            let found = "expected finite transformed intensities, found an infinite one";
            return Err(degenerate(frame, found));
        }
        let scale = if largest == 0.0 || (1e-12..1e12).contains(&largest) {
            1.0
        } else {
            largest.log2().floor().exp2()
        };
        // The mean of equal values may differ from them by rounding, which is no structure.
        let level = if low == high { low } else { sum / count };
        let deviation = |count| ((transform.apply(f64::from(count)) - level) / scale) as f32;
        let valid = image.coverage_slice().map(|coverage| {
            let weight = |&part: &f32| if part >= MIN_COVERAGE { 1.0 } else { 0.0 };
            coverage.iter().map(weight).collect::<Vec<f32>>()
        });
        Ok(Self {
            shape: image.shape(),
            values: image.map_valid(0.0, deviation),
            valid,
            level: level / scale,
            scale,
        })
    }
}

/// Features as they are stored: refuses those beyond single precision; `NaN` is missing.
pub(crate) fn stored(frame: &Frame, values: impl IntoIterator<Item = f64>) -> Result<Vec<f32>> {
    let values = values.into_iter().map(|value| {
        if (value as f32).is_infinite() {
            let found = format!("expected features within single precision, found {value:e}");
            return Err(degenerate(frame, found));
        }
        Ok(value as f32)
    });
    values.collect()
}

/// Where index `place` of a line of `length` mirrored about the centres of its end pixels
/// (`… 2 1 0 1 2 …`) comes from.
pub(crate) fn mirrored(place: isize, length: usize) -> usize {
    let period = 2 * (length as isize - 1);
    if period == 0 {
        return 0;
    }
    let within = place.rem_euclid(period);
    within.min(period - within) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use xscatter_core::Mask;

    fn raw(frame: &Frame) -> Centred {
        Centred::of(frame, Grid::Native, IntensityTransform::Raw).unwrap()
    }

    #[test]
    fn the_mean_of_valid_pixels_is_taken_out_and_gaps_are_zero() {
        let frame = Frame::new(array![[1.0, 3.0, 8.0, -1.0]])
            .with_mask(Mask::from_bad(array![[false, false, true, true]].view()))
            .unwrap();
        let centred = raw(&frame);
        assert_eq!(centred.values, [-1.0, 1.0, 0.0, 0.0]);
        assert_eq!(centred.valid.unwrap(), [1.0, 1.0, 0.0, 0.0]);
        assert_eq!((centred.level, centred.scale), (2.0, 1.0));
    }

    #[test]
    fn a_constant_frame_is_zero_whatever_its_level() {
        for level in [0.1f32, 7.0, 3e38, 1e-30] {
            let frame = Frame::new(Array2::from_elem((7, 9), level));
            for transform in [IntensityTransform::Raw, IntensityTransform::Log1p] {
                let centred = Centred::of(&frame, Grid::Native, transform).unwrap();
                assert_eq!(centred.values, [0.0; 63]);
            }
        }
    }

    #[test]
    fn extreme_intensities_are_brought_into_range_by_a_power_of_two() {
        let centred = raw(&Frame::new(array![[3e38, -3e38]]));
        assert!(centred.values.iter().all(|value| value.abs() < 4.0));
        assert_eq!(centred.scale, 127f64.exp2());
        assert_eq!(centred.level, 0.0);
        let error = stored(&Frame::new(array![[0.0]]), [1e39]).unwrap_err();
        assert!(error.message().contains("1e39"));
    }

    #[test]
    fn lines_are_mirrored_about_their_end_pixels() {
        let line: Vec<usize> = (-5..8).map(|place| mirrored(place, 4)).collect();
        assert_eq!(line, [1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert_eq!(mirrored(-3, 1), 0);
    }
}
