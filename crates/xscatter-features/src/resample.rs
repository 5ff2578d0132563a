//! Masked means on a coarser grid, so that detectors of all sizes look alike.
//!
//! A target pixel is the mean of the valid counts of its source pixels, each weighted by the area
//! that the two share: with weights `w` and validity `v`, value `Σ w v I / Σ w v` and coverage
//! `Σ w v / Σ w`. The partition is exact and symmetric: resampling commutes with flips and quarter
//! turns up to rounding. Counts are averaged, not summed, so the scale of intensities stays; average
//! before any logarithm, never after.
//!
//! Cost: one pass over the pixels, linear in their number.

use ndarray::Array2;
use xscatter_core::{Error, ErrorKind, Frame, Result};

/// The smallest part of a target pixel that must be measured for it to count.
pub const MIN_COVERAGE: f32 = 0.25;

/// A frame's intensities on a grid, and how much of each pixel was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampled {
    /// The mean of the valid counts; 0 where [`coverage`](Self::coverage) is 0.
    pub values: Array2<f32>,
    /// The part of the pixel's area that was valid, 0 to 1.
    pub coverage: Array2<f32>,
}

impl Resampled {
    /// The frame on a grid whose longer side has `long_side` pixels and whose aspect is the frame's;
    /// as it stands for `None`, or if the frame is not larger than that.
    ///
    /// ```
    /// use ndarray::{Array2, array};
    /// use xscatter_core::{Frame, Mask};
    /// use xscatter_features::Resampled;
    ///
    /// let frame = Frame::new(array![[1.0, 3.0, 8.0, -1.0]])
    ///     .with_mask(Mask::from_bad(array![[false, false, false, true]].view()))?;
    /// let half = Resampled::of(&frame, Some(2))?;
    /// assert_eq!(half.values, array![[2.0, 8.0]]);
    /// assert_eq!(half.coverage, array![[1.0, 0.5]]);
    /// # Ok::<(), xscatter_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::DegenerateData`], naming the frame, if no pixel counts or a valid pixel is not
    /// finite; [`ErrorKind::InvalidArgument`] for a long side of 0.
    pub fn of(frame: &Frame, long_side: Option<usize>) -> Result<Self> {
        let (rows, columns) = frame.shape();
        let long = rows.max(columns);
        let image = match long_side {
            Some(0) => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    "expected a long side of at least 1 pixel, got 0",
                ));
            }
            Some(target) if target < long => {
                let scaled =
                    |size: usize| ((size * target) as f64 / long as f64).round().max(1.0) as usize;
                area_mean(frame, scaled(rows), scaled(columns))?
            }
            _ => as_it_stands(frame)?,
        };
        if !image
            .coverage
            .iter()
            .any(|&coverage| coverage >= MIN_COVERAGE)
        {
            return Err(degenerate(
                frame,
                format!("expected valid pixels, found none of {rows}x{columns}"),
            ));
        }
        Ok(image)
    }

    /// Rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        self.values.dim()
    }

    /// Whether enough of the pixel was measured: at least [`MIN_COVERAGE`].
    ///
    /// # Panics
    /// If the pixel is outside the grid.
    pub fn is_valid(&self, row: usize, column: usize) -> bool {
        self.coverage[(row, column)] >= MIN_COVERAGE
    }

    /// The values that count, row by row.
    pub(crate) fn valid_values(&self) -> impl Iterator<Item = f32> + '_ {
        self.values
            .iter()
            .zip(&self.coverage)
            .filter(|(_, coverage)| **coverage >= MIN_COVERAGE)
            .map(|(&value, _)| value)
    }

    /// The values that count, in ascending order.
    pub(crate) fn sorted(&self) -> Vec<f32> {
        let mut sorted: Vec<f32> = self.valid_values().collect();
        sorted.sort_unstable_by(f32::total_cmp);
        sorted
    }

    /// `f` of every value that counts and `otherwise` for the rest, row by row.
    pub(crate) fn map_valid<T: Copy>(&self, otherwise: T, f: impl Fn(f32) -> T) -> Vec<T> {
        self.values
            .iter()
            .zip(&self.coverage)
            .map(|(&value, &coverage)| {
                if coverage >= MIN_COVERAGE {
                    f(value)
                } else {
                    otherwise
                }
            })
            .collect()
    }
}

/// An error that names the frame on which a feature is not defined.
pub(crate) fn degenerate(frame: &Frame, message: impl Into<String>) -> Error {
    name_frame(Error::new(ErrorKind::DegenerateData, message), frame)
}

/// Adds the frame's file and its number in it.
pub(crate) fn name_frame(error: Error, frame: &Frame) -> Error {
    let error = error.at(format!("frame {}", frame.info.index));
    match &frame.info.path {
        Some(path) => error.in_file(path),
        None => error,
    }
}

fn not_finite(frame: &Frame, row: usize, column: usize, count: f32) -> Error {
    degenerate(
        frame,
        format!(
            "expected a finite count or a masked pixel at row {row}, column {column}, found {count}"
        ),
    )
}

fn as_it_stands(frame: &Frame) -> Result<Resampled> {
    let shape = frame.shape();
    let mut values = frame.counts().to_owned();
    let mut coverage = Array2::ones(shape);
    if let Some(mask) = frame.mask() {
        for ((value, coverage), flags) in values.iter_mut().zip(&mut coverage).zip(mask.as_slice())
        {
            if !flags.is_valid() {
                (*value, *coverage) = (0.0, 0.0);
            }
        }
    }
    if let Some(((row, column), &count)) = values.indexed_iter().find(|(_, v)| !v.is_finite()) {
        return Err(not_finite(frame, row, column, count));
    }
    Ok(Resampled { values, coverage })
}

/// For one source pixel of an axis: the first target pixel it touches, and the parts of its length
/// that lie in that one and in the next.
struct Share {
    first: usize,
    within: f64,
    beyond: f64,
}

fn shares(source: usize, target: usize) -> Vec<Share> {
    (0..source)
        .map(|pixel| {
            // Whole numbers: the pixel spans [pixel, pixel + 1) · target in units of 1 / source.
            let (start, end) = (pixel * target, (pixel + 1) * target);
            let first = start / source;
            let border = (first + 1) * source;
            let beyond = end.saturating_sub(border) as f64 / target as f64;
            Share {
                first,
                within: 1.0 - beyond,
                beyond,
            }
        })
        .collect()
}

fn area_mean(frame: &Frame, target_rows: usize, target_columns: usize) -> Result<Resampled> {
    let (rows, columns) = frame.shape();
    let (row_shares, column_shares) = (shares(rows, target_rows), shares(columns, target_columns));
    let flags = frame.mask().map(|mask| mask.as_slice());
    // One slot beyond the last target pixel takes the (empty) shares beyond the border.
    let mut line = vec![(0.0f64, 0.0f64); target_columns + 1];
    let mut sums = vec![(0.0f64, 0.0f64); (target_rows + 1) * target_columns];
    for (row, row_share) in row_shares.iter().enumerate() {
        line.fill((0.0, 0.0));
        let start = row * columns;
        let counts = &frame.as_slice()[start..start + columns];
        for (column, (&count, share)) in counts.iter().zip(&column_shares).enumerate() {
            if flags.is_some_and(|flags| !flags[start + column].is_valid()) {
                continue;
            }
            if !count.is_finite() {
                return Err(not_finite(frame, row, column, count));
            }
            let count = f64::from(count);
            line[share.first].0 += share.within * count;
            line[share.first].1 += share.within;
            line[share.first + 1].0 += share.beyond * count;
            line[share.first + 1].1 += share.beyond;
        }
        for (offset, weight) in [(0, row_share.within), (1, row_share.beyond)] {
            if weight > 0.0 {
                let start = (row_share.first + offset) * target_columns;
                for (sum, part) in sums[start..].iter_mut().zip(&line[..target_columns]) {
                    sum.0 += weight * part.0;
                    sum.1 += weight * part.1;
                }
            }
        }
    }
    let area = (rows as f64 / target_rows as f64) * (columns as f64 / target_columns as f64);
    let cell = |row: usize, column: usize| sums[row * target_columns + column];
    let shape = (target_rows, target_columns);
    Ok(Resampled {
        values: Array2::from_shape_fn(shape, |(row, column)| match cell(row, column) {
            (_, 0.0) => 0.0,
            (sum, weight) => (sum / weight) as f32,
        }),
        coverage: Array2::from_shape_fn(shape, |(row, column)| (cell(row, column).1 / area) as f32),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Axis, array};
    use proptest::prelude::*;
    use xscatter_core::Mask;

    fn noisy(shape: (usize, usize)) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(row, column)| {
            ((row * 31 + column * 17 + row * column) % 101) as f32
        })
    }

    #[test]
    fn whole_blocks_give_their_means() {
        let counts = noisy((6, 8));
        let image = Resampled::of(&Frame::new(counts.clone()), Some(4)).unwrap();
        assert_eq!(image.shape(), (3, 4));
        for ((row, column), &value) in image.values.indexed_iter() {
            let block = counts.slice(ndarray::s![
                2 * row..2 * row + 2,
                2 * column..2 * column + 2
            ]);
            assert_relative_eq!(value, block.mean().unwrap(), max_relative = 1e-6);
        }
    }

    #[test]
    fn uneven_ratios_keep_the_mean_and_the_full_coverage() {
        let counts = noisy((103, 77));
        let image = Resampled::of(&Frame::new(counts.clone()), Some(32)).unwrap();
        assert_eq!(image.shape(), (32, 24));
        assert_relative_eq!(
            image.values.mean().unwrap(),
            counts.mean().unwrap(),
            max_relative = 1e-5
        );
        for &coverage in &image.coverage {
            assert_relative_eq!(coverage, 1.0, epsilon = 1e-6);
        }
    }

    #[test]
    fn it_commutes_with_flips_and_transposition() {
        let counts = noisy((53, 38));
        let plain = Resampled::of(&Frame::new(counts.clone()), Some(16)).unwrap();
        let mut flipped = counts.clone();
        flipped.invert_axis(Axis(0));
        let flipped = Resampled::of(&Frame::new(flipped), Some(16)).unwrap();
        let turned = Resampled::of(&Frame::new(counts.reversed_axes()), Some(16)).unwrap();
        let (rows, _) = plain.shape();
        for ((row, column), &value) in plain.values.indexed_iter() {
            let mirror = flipped.values[(rows - 1 - row, column)];
            assert_relative_eq!(value, mirror, max_relative = 1e-5);
            assert_relative_eq!(value, turned.values[(column, row)], max_relative = 1e-5);
        }
    }

    #[test]
    fn a_frame_that_is_small_enough_stays_as_it_is() {
        let counts = noisy((5, 4));
        let image = Resampled::of(&Frame::new(counts.clone()), Some(5)).unwrap();
        assert_eq!(image.values, counts);
        assert_eq!(image.coverage, Array2::<f32>::ones((5, 4)));
    }

    #[test]
    fn no_valid_pixel_and_a_stray_nan_are_errors_that_name_the_frame() {
        let mut frame = Frame::new(array![[1.0, f32::NAN], [2.0, 3.0]]);
        frame.info.path = Some("a.cbf".into());
        frame.info.index = 4;
        for side in [None, Some(1)] {
            let error = Resampled::of(&frame, side).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DegenerateData);
            assert_eq!(
                error.to_string(),
                "a.cbf: at frame 4: expected a finite count or a masked pixel at row 0, column 1, \
                 found NaN"
            );
        }
        let masked = frame
            .with_mask(Mask::from_bad(Array2::from_elem((2, 2), true).view()))
            .unwrap();
        for side in [None, Some(1)] {
            let error = Resampled::of(&masked, side).unwrap_err();
            assert_eq!(
                error.to_string(),
                "a.cbf: at frame 4: expected valid pixels, found none of 2x2"
            );
        }
        let error = Resampled::of(&masked, Some(0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    }

    proptest! {
        #[test]
        fn masked_pixels_never_matter(
            rows in 1usize..24, columns in 1usize..24, side in 1usize..12, seed in 0usize..1000,
            garbage in prop::sample::select(vec![f32::NAN, f32::INFINITY, -1.0, 1e30]),
        ) {
            let counts = noisy((rows, columns));
            let bad = Array2::from_shape_fn((rows, columns), |(r, c)| (r * 7 + c * 3 + seed) % 5 == 0);
            let mut spoiled = counts.clone();
            spoiled.zip_mut_with(&bad, |count, &bad| if bad { *count = garbage });
            let mask = Mask::from_bad(bad.view());
            let clean = Resampled::of(&Frame::new(counts).with_mask(mask.clone()).unwrap(), Some(side));
            let spoiled = Resampled::of(&Frame::new(spoiled).with_mask(mask).unwrap(), Some(side));
            match (clean, spoiled) {
                (Ok(clean), Ok(spoiled)) => prop_assert_eq!(clean, spoiled),
                (clean, spoiled) => prop_assert!(clean.is_err() && spoiled.is_err()),
            }
        }
    }
}
