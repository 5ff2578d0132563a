//! What extractors see of a frame: its valid counts, as they stand or as masked means on a grid, so that
//! detectors of all sizes look alike.
//!
//! A target pixel is the mean of the valid counts of its source pixels, each weighted by the area
//! that the two share: with weights `w` and validity `v`, value `Σ w v I / Σ w v` and coverage
//! `Σ w v / Σ w`. The partition is exact and symmetric: resampling commutes with flips and quarter
//! turns up to rounding. Counts are averaged, not summed, so the scale of intensities stays; average
//! before any logarithm, never after.
//!
//! Cost: one pass over the pixels, linear in their number; a frame without a mask is borrowed as it
//! stands.

use ndarray::{Array2, CowArray, Ix2};
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Frame, Result};

/// The smallest part of a target pixel that must be measured for it to count.
pub const MIN_COVERAGE: f32 = 0.25;

/// The pixels that features are computed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grid {
    /// Those of the frame, whatever its size.
    #[default]
    Native,
    /// Averaged down until the longer side has this many pixels, the aspect kept; a frame that is not
    /// larger stays as it is.
    LongSide(usize),
    /// Averaged down to this shape, whatever the aspect; a frame with fewer rows or columns is refused.
    Averaged {
        /// Rows of the grid.
        rows: usize,
        /// Columns of the grid.
        columns: usize,
    },
    /// Those of the frame, which must have this shape; any other is refused.
    Exact {
        /// Rows of the frame.
        rows: usize,
        /// Columns of the frame.
        columns: usize,
    },
}

/// A [`Grid`] that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GridError {
    /// Sides too short for what is computed on them.
    #[error("expected a grid of at least {least} pixels a side, got {found:?}")]
    Small {
        /// The shortest side that will do.
        least: usize,
        /// What was asked for.
        found: Grid,
    },
    /// The number of columns of the features would depend on the frame.
    #[error("expected a grid of a fixed shape (averaged or exact), got {0:?}")]
    NotFixed(Grid),
}

impl Grid {
    /// Refuses grids with sides below `least` pixels.
    pub(crate) fn check(self, least: usize) -> Result<(), GridError> {
        match self {
            Self::Native => Ok(()),
            Self::LongSide(side) if side >= least => Ok(()),
            Self::Averaged { rows, columns } | Self::Exact { rows, columns }
                if rows.min(columns) >= least =>
            {
                Ok(())
            }
            _ => Err(GridError::Small { least, found: self }),
        }
    }

    /// The shape of every image on this grid; refuses grids whose shape depends on the frame, and sides
    /// below `least` pixels.
    pub(crate) fn fixed_shape(self, least: usize) -> Result<(usize, usize), GridError> {
        self.check(least)?;
        match self {
            Self::Averaged { rows, columns } | Self::Exact { rows, columns } => Ok((rows, columns)),
            Self::Native | Self::LongSide(_) => Err(GridError::NotFixed(self)),
        }
    }
}

/// A frame's intensities on a grid, and how much of each pixel was measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampled<'a> {
    /// The mean of the valid counts; 0 where the coverage is 0.
    pub values: CowArray<'a, f32, Ix2>,
    /// The part of each pixel's area that was valid, 0 to 1; `None` if that is 1 for all of them.
    pub coverage: Option<Array2<f32>>,
}

impl<'a> Resampled<'a> {
    /// The frame on a grid.
    ///
    /// ```
    /// use ndarray::array;
    /// use xscatter_core::{Frame, Mask};
    /// use xscatter_features::{Grid, Resampled};
    ///
    /// let frame = Frame::new(array![[1.0, 3.0, 8.0, -1.0]])
    ///     .with_mask(Mask::from_bad(array![[false, false, false, true]].view()))?;
    /// let half = Resampled::of(&frame, Grid::LongSide(2))?;
    /// assert_eq!(half.values, array![[2.0, 8.0]]);
    /// assert_eq!(half.coverage, Some(array![[1.0, 0.5]]));
    /// # Ok::<(), xscatter_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::DegenerateData`], naming the frame, if no pixel counts or a valid pixel is not
    /// finite; [`ErrorKind::ShapeMismatch`] for a frame that the grid refuses;
    /// [`ErrorKind::InvalidArgument`] for a grid without pixels.
    pub fn of(frame: &'a Frame, grid: Grid) -> Result<Self> {
        grid.check(1)
            .map_err(|error| Error::new(ErrorKind::InvalidArgument, error.to_string()))?;
        let (rows, columns) = frame.shape();
        let long = rows.max(columns);
        let refused = |expected: String| {
            let found = format!("expected a frame of {expected} pixels, found {rows}x{columns}");
            Err(name_frame(
                Error::new(ErrorKind::ShapeMismatch, found),
                frame,
            ))
        };
        let image = match grid {
            Grid::LongSide(target) if target < long => {
                let scaled =
                    |size: usize| ((size * target) as f64 / long as f64).round().max(1.0) as usize;
                area_mean(frame, scaled(rows), scaled(columns))?
            }
            Grid::Averaged {
                rows: least_rows,
                columns: least_columns,
            } if (rows, columns) != (least_rows, least_columns) => {
                if rows < least_rows || columns < least_columns {
                    return refused(format!("at least {least_rows}x{least_columns}"));
                }
                area_mean(frame, least_rows, least_columns)?
            }
            Grid::Exact {
                rows: same_rows,
                columns: same_columns,
            } if (rows, columns) != (same_rows, same_columns) => {
                return refused(format!("{same_rows}x{same_columns}"));
            }
            _ => as_it_stands(frame)?,
        };
        if image.valid_values().next().is_none() {
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

    /// Whether enough of a pixel was measured.
    ///
    /// # Panics
    /// If the pixel is not in the image.
    pub fn is_valid(&self, row: usize, column: usize) -> bool {
        let coverage = self.coverage.as_ref();
        coverage.is_none_or(|coverage| coverage[(row, column)] >= MIN_COVERAGE)
    }

    /// The values row by row; those of pixels that do not count are arbitrary (but finite).
    ///
    /// # Panics
    /// Never: frames are row-major.
    pub fn as_slice(&self) -> &[f32] {
        self.values.as_slice().expect("frames are row-major")
    }

    /// The coverage row by row, if a pixel was not measured in full.
    ///
    /// # Panics
    /// Never: it is made row-major.
    pub fn coverage_slice(&self) -> Option<&[f32]> {
        let coverage = self.coverage.as_ref();
        coverage.map(|coverage| coverage.as_slice().expect("made row-major"))
    }

    /// The values that count, in storage order.
    pub(crate) fn valid_values(&self) -> impl Iterator<Item = f32> + '_ {
        let coverage = self.coverage_slice();
        let valid = move |index: &usize| coverage.is_none_or(|c| c[*index] >= MIN_COVERAGE);
        let values = self.as_slice();
        (0..values.len()).filter(valid).map(|index| values[index])
    }

    /// The values that count, ascending.
    pub(crate) fn sorted(&self) -> Vec<f32> {
        let mut sorted: Vec<f32> = self.valid_values().collect();
        sorted.sort_unstable_by(f32::total_cmp);
        sorted
    }

    /// What `f` makes of every value that counts, row-major; `otherwise` for the others.
    pub(crate) fn map_valid<T: Copy>(&self, otherwise: T, f: impl Fn(f32) -> T) -> Vec<T> {
        let values = self.as_slice();
        match self.coverage_slice() {
            None => values.iter().map(|&value| f(value)).collect(),
            Some(coverage) => values
                .iter()
                .zip(coverage)
                .map(|(&value, &coverage)| {
                    if coverage >= MIN_COVERAGE {
                        f(value)
                    } else {
                        otherwise
                    }
                })
                .collect(),
        }
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

fn as_it_stands(frame: &Frame) -> Result<Resampled<'_>> {
    let Some(mask) = frame.mask() else {
        check_finite(frame, frame.as_slice())?;
        return Ok(Resampled {
            values: frame.counts().into(),
            coverage: None,
        });
    };
    let mut values = frame.counts().to_owned();
    let mut coverage = Array2::ones(frame.shape());
    for ((value, coverage), flags) in values.iter_mut().zip(&mut coverage).zip(mask.as_slice()) {
        if !flags.is_valid() {
            (*value, *coverage) = (0.0, 0.0);
        }
    }
    check_finite(frame, values.as_slice().expect("frames are row-major"))?;
    Ok(Resampled {
        values: values.into(),
        coverage: Some(coverage),
    })
}

/// Names the first count that is not finite.
fn check_finite(frame: &Frame, values: &[f32]) -> Result<()> {
    // Infinities and NaN have all bits of the exponent set; an `or` without a branch runs in vectors.
    let has_stray = |block: &[f32]| {
        let exponent = f32::INFINITY.to_bits();
        let strays = block
            .iter()
            .map(|value| u32::from(value.to_bits() & exponent == exponent));
        strays.fold(0, |any, stray| any | stray) != 0
    };
    for (block, part) in values.chunks(4096).enumerate() {
        if !has_stray(part) {
            continue;
        }
        if let Some(within) = part.iter().position(|value| !value.is_finite()) {
            let index = block * 4096 + within;
            let columns = frame.shape().1;
            return Err(not_finite(
                frame,
                index / columns,
                index % columns,
                values[index],
            ));
        }
    }
    Ok(())
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

fn area_mean(frame: &Frame, target_rows: usize, target_columns: usize) -> Result<Resampled<'_>> {
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
    let values = Array2::from_shape_fn(shape, |(row, column)| match cell(row, column) {
        (_, 0.0) => 0.0,
        (sum, weight) => (sum / weight) as f32,
    });
    let coverage = |(row, column)| (cell(row, column).1 / area) as f32;
    Ok(Resampled {
        values: values.into(),
        coverage: flags.map(|_| Array2::from_shape_fn(shape, coverage)),
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

    fn averaged(rows: usize, columns: usize) -> Grid {
        Grid::Averaged { rows, columns }
    }

    fn exact(rows: usize, columns: usize) -> Grid {
        Grid::Exact { rows, columns }
    }

    #[test]
    fn a_frame_that_a_grid_refuses_is_an_error_that_states_both_shapes() {
        let frame = Frame::new(noisy((5, 40)));
        for (grid, expected) in [
            (
                averaged(6, 6),
                "expected a frame of at least 6x6 pixels, found 5x40",
            ),
            (exact(5, 41), "expected a frame of 5x41 pixels, found 5x40"),
        ] {
            let error = Resampled::of(&frame, grid).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
            assert!(error.to_string().ends_with(expected), "{error}");
        }
        assert!(Resampled::of(&frame, averaged(5, 7)).is_ok());
        assert!(Grid::Native.fixed_shape(1).is_err());
        assert_eq!(exact(8, 9).fixed_shape(8), Ok((8, 9)));
        assert!(exact(8, 9).fixed_shape(9).is_err());
    }

    #[test]
    fn whole_blocks_give_their_means() {
        let counts = noisy((6, 8));
        let frame = Frame::new(counts.clone());
        let image = Resampled::of(&frame, Grid::LongSide(4)).unwrap();
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
        let frame = Frame::new(counts.clone());
        let image = Resampled::of(&frame, Grid::LongSide(32)).unwrap();
        assert_eq!(image.shape(), (32, 24));
        assert_relative_eq!(
            image.values.mean().unwrap(),
            counts.mean().unwrap(),
            max_relative = 1e-5
        );
        let all = Mask::from_bad(Array2::from_elem((103, 77), false).view());
        let frame = Frame::new(counts.clone()).with_mask(all).unwrap();
        let masked = Resampled::of(&frame, Grid::LongSide(32)).unwrap();
        assert_eq!(masked.values, image.values);
        for &coverage in &masked.coverage.unwrap() {
            assert_relative_eq!(coverage, 1.0, epsilon = 1e-6);
        }
    }

    #[test]
    fn it_commutes_with_flips_and_transposition() {
        let counts = noisy((53, 38));
        let frame = Frame::new(counts.clone());
        let plain = Resampled::of(&frame, Grid::LongSide(16)).unwrap();
        let mut flipped = counts.clone();
        flipped.invert_axis(Axis(0));
        let flipped = Frame::new(flipped);
        let flipped = Resampled::of(&flipped, Grid::LongSide(16)).unwrap();
        let turned = Frame::new(counts.reversed_axes());
        let turned = Resampled::of(&turned, Grid::LongSide(16)).unwrap();
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
        let frame = Frame::new(counts.clone());
        for grid in [Grid::LongSide(5), Grid::Native, exact(5, 4), averaged(5, 4)] {
            let image = Resampled::of(&frame, grid).unwrap();
            assert_eq!(image.values, counts);
            assert_eq!(image.coverage, None);
            assert!(image.values.is_view());
        }
    }

    #[test]
    fn no_valid_pixel_and_a_stray_nan_are_errors_that_name_the_frame() {
        let mut frame = Frame::new(array![[1.0, f32::NAN], [2.0, 3.0]]);
        frame.info.path = Some("a.cbf".into());
        frame.info.index = 4;
        for grid in [Grid::Native, Grid::LongSide(1), averaged(1, 1)] {
            let error = Resampled::of(&frame, grid).unwrap_err();
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
        for grid in [Grid::Native, Grid::LongSide(1), averaged(1, 1)] {
            let error = Resampled::of(&masked, grid).unwrap_err();
            assert_eq!(
                error.to_string(),
                "a.cbf: at frame 4: expected valid pixels, found none of 2x2"
            );
        }
        let error = Resampled::of(&masked, Grid::LongSide(0)).unwrap_err();
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
            let clean = Frame::new(counts).with_mask(mask.clone()).unwrap();
            let clean = Resampled::of(&clean, Grid::LongSide(side));
            let spoiled = Frame::new(spoiled).with_mask(mask).unwrap();
            let spoiled = Resampled::of(&spoiled, Grid::LongSide(side));
            match (clean, spoiled) {
                (Ok(clean), Ok(spoiled)) => prop_assert_eq!(clean, spoiled),
                (clean, spoiled) => prop_assert!(clean.is_err() && spoiled.is_err()),
            }
        }
    }
}
