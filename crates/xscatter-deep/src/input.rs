//! Frames of any detector as network inputs of one size.
//!
//! Use it in front of every network of this crate; a network remembers the one it was trained with.
//! Do not use it for quantities that need pixels of their true size: it is made for looks.
//!
//! The frame is laid in the middle of a square (letterboxed, so that rings stay round) which is cut
//! into `size` × `size` cells. With `v_p = ln(1 + max(I_p, 0))` for the counts `I_p` of pixel `p`,
//! and `a_pc` the area that valid pixel `p` and cell `c` share,
//!
//! ```text
//! x_c = Σ_p a_pc v_p / Σ_p a_pc        f_c = Σ_p a_pc / (area of a cell)
//! ```
//!
//! Channel 0 is `x_c` with mean 0 and standard deviation 1 over the cells with `f_c > 0`, and 0
//! elsewhere; channel 1, if asked for, is the valid fraction `f_c`, within `[0, 1]`.
//!
//! Masked pixels and values that are not finite are never looked at: they lower `f_c` and nothing
//! else. Negative counts (background subtracted) count as 0. A frame of one constant value gives 0
//! everywhere in channel 0; a frame without a valid pixel is an error. Cost: one logarithm and a few
//! additions a pixel, frames in parallel.

use ndarray::{Array4, ArrayView4, Axis, concatenate};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Frame, Result};

/// The largest side of an input; a size beyond it is a mistake or a damaged file.
pub const MAX_SIZE: usize = 2048;

/// What [`FrameInput`] makes of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrameInputConfig {
    /// Rows and columns of the input.
    pub size: usize,
    /// Whether a second channel says which fraction of each cell is valid.
    pub valid_channel: bool,
}

impl Default for FrameInputConfig {
    fn default() -> Self {
        Self {
            size: 64,
            valid_channel: true,
        }
    }
}

/// Why a [`FrameInput`] could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameInputError {
    /// The size is of no use.
    #[error("expected an input size of 1 to {MAX_SIZE}, got {0}")]
    Size(usize),
}

impl From<FrameInputError> for Error {
    fn from(error: FrameInputError) -> Self {
        Self::new(ErrorKind::InvalidArgument, error.to_string())
    }
}

/// Turns frames into network inputs.
///
/// ```
/// use xscatter_core::{Frame, ndarray::Array2};
/// use xscatter_deep::{FrameInput, FrameInputConfig};
///
/// let input = FrameInput::new(FrameInputConfig { size: 16, valid_channel: true })?;
/// let frame = Frame::new(Array2::from_shape_fn((195, 487), |(row, _)| row as f32));
/// let inputs = input.prepare(&[frame])?;
/// let values = inputs.values();
/// assert_eq!(values.dim(), (1, 2, 16, 16));
/// // The frame is wide: the top and bottom cells of the square are empty.
/// assert_eq!(values[(0, 1, 0, 8)], 0.0);
/// assert_eq!(values[(0, 1, 8, 8)], 1.0);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameInput {
    config: FrameInputConfig,
}

impl FrameInput {
    /// Checks the configuration.
    ///
    /// # Errors
    /// [`FrameInputError::Size`] for a size of 0 or beyond [`MAX_SIZE`].
    pub fn new(config: FrameInputConfig) -> Result<Self, FrameInputError> {
        if config.size == 0 || config.size > MAX_SIZE {
            return Err(FrameInputError::Size(config.size));
        }
        Ok(Self { config })
    }

    /// The configuration.
    pub fn config(&self) -> &FrameInputConfig {
        &self.config
    }

    /// Rows and columns of an input.
    pub fn size(&self) -> usize {
        self.config.size
    }

    /// How many channels an input has: 2 with the valid fraction, else 1.
    pub fn channels(&self) -> usize {
        1 + usize::from(self.config.valid_channel)
    }

    /// The inputs of all frames.
    ///
    /// # Errors
    /// [`ErrorKind::DegenerateData`] if a frame has no valid pixel; the first such frame is named.
    ///
    /// # Panics
    /// Never: the buffer has the shape by construction.
    pub fn prepare(&self, frames: &[Frame]) -> Result<Inputs> {
        let (channels, size) = (self.channels(), self.size());
        let length = channels * size * size;
        let mut data = vec![0.0; frames.len() * length];
        let results: Vec<Result<()>> = data
            .par_chunks_mut(length)
            .zip(frames)
            .map(|(out, frame)| self.prepare_one(frame, out))
            .collect();
        results.into_iter().collect::<Result<()>>()?;
        let values = Array4::from_shape_vec((frames.len(), channels, size, size), data)
            .expect("the buffer was made for this shape");
        Ok(Inputs {
            pipeline: *self,
            values,
        })
    }

    fn prepare_one(&self, frame: &Frame, out: &mut [f32]) -> Result<()> {
        let size = self.size();
        let (n_rows, n_columns) = frame.shape();
        let side = n_rows.max(n_columns);
        let row_overlaps = overlaps(n_rows, side, size);
        let column_overlaps = overlaps(n_columns, side, size);
        let counts = frame.as_slice();
        let mask = frame.mask().map(|mask| mask.as_slice());

        // Sums of shared area times value, and of shared area, for every cell.
        let mut sums = vec![(0.0_f64, 0.0_f64); size * size];
        let mut of_row = vec![(0.0_f64, 0.0_f64); size];
        let mut values = vec![None; n_columns];
        for row_group in row_overlaps.chunk_by(|a, b| a.pixel == b.pixel) {
            let start = row_group[0].pixel * n_columns;
            for (column, value) in values.iter_mut().enumerate() {
                let index = start + column;
                let valid = mask.is_none_or(|flags| flags[index].is_valid());
                *value = (valid && counts[index].is_finite())
                    .then(|| f64::from(counts[index].max(0.0).ln_1p()));
            }
            of_row.fill((0.0, 0.0));
            for overlap in &column_overlaps {
                if let Some(value) = values[overlap.pixel] {
                    let (sum, area) = &mut of_row[overlap.cell];
                    *sum += overlap.length * value;
                    *area += overlap.length;
                }
            }
            for overlap in row_group {
                let cells = &mut sums[overlap.cell * size..(overlap.cell + 1) * size];
                for ((sum, area), of_row) in cells.iter_mut().zip(&of_row) {
                    *sum += overlap.length * of_row.0;
                    *area += overlap.length * of_row.1;
                }
            }
        }

        let (logs, fractions) = out.split_at_mut(size * size);
        whiten(&sums, logs).ok_or_else(|| {
            Error::new(
                ErrorKind::DegenerateData,
                "expected a frame with at least one valid pixel, got none",
            )
            .at(format!("frame {}", frame.info.id()))
        })?;
        let cell_area = (side as f64 / size as f64).powi(2);
        for (fraction, (_, area)) in fractions.iter_mut().zip(&sums) {
            *fraction = (area / cell_area).min(1.0) as f32;
        }
        Ok(())
    }
}

/// What a [`FrameInput`] made of frames, in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    pipeline: FrameInput,
    values: Array4<f32>,
}

impl Inputs {
    /// What made them.
    pub fn pipeline(&self) -> &FrameInput {
        &self.pipeline
    }

    /// Frames × channels × size × size.
    pub fn values(&self) -> ArrayView4<'_, f32> {
        self.values.view()
    }

    /// How many frames.
    pub fn len(&self) -> usize {
        self.values.dim().0
    }

    /// Whether there is no frame.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The inputs of several batches, one after the other.
    ///
    /// # Errors
    /// If there is no batch, or two of them were made in different ways.
    pub fn concat(batches: &[Self]) -> Result<Self> {
        let first = batches.first().ok_or_else(|| {
            Error::new(
                ErrorKind::DegenerateData,
                "expected a batch of inputs, got none",
            )
        })?;
        if batches.iter().any(|batch| batch.pipeline != first.pipeline) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "expected batches that were made in the same way, got different ones",
            ));
        }
        let views: Vec<_> = batches.iter().map(Self::values).collect();
        let values = concatenate(Axis(0), &views).map_err(|error| {
            Error::new(ErrorKind::ShapeMismatch, error.to_string()).with_source(error)
        })?;
        Ok(Self {
            pipeline: first.pipeline,
            values,
        })
    }

    /// The inputs at `rows`, in that order: the training part of a split.
    ///
    /// # Panics
    /// If a row is beyond the end.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            pipeline: self.pipeline,
            values: self.values.select(Axis(0), rows),
        }
    }

    /// The values of one frame, channel by channel.
    pub(crate) fn sample(&self, index: usize) -> &[f32] {
        let (_, channels, rows, columns) = self.values.dim();
        let length = channels * rows * columns;
        let values = self
            .values
            .as_slice()
            .expect("the values are built row-major and selected row-major");
        &values[index * length..(index + 1) * length]
    }
}

/// How much of a cell one pixel covers along one axis.
struct Overlap {
    pixel: usize,
    cell: usize,
    /// In pixels.
    length: f64,
}

/// The overlaps along one axis of `n` pixels, centred in `side` pixels that are cut into `size`
/// cells; ordered by pixel, then by cell.
fn overlaps(n: usize, side: usize, size: usize) -> Vec<Overlap> {
    let cell_px = side as f64 / size as f64;
    let offset = (side - n) as f64 / 2.0;
    let mut overlaps = Vec::with_capacity(n + size);
    for pixel in 0..n {
        let start = offset + pixel as f64;
        let end = start + 1.0;
        let first = ((start / cell_px) as usize).min(size - 1);
        for cell in first..size {
            let cell_start = cell as f64 * cell_px;
            if cell_start >= end {
                break;
            }
            let length = end.min(cell_start + cell_px) - start.max(cell_start);
            if length > 0.0 {
                overlaps.push(Overlap {
                    pixel,
                    cell,
                    length,
                });
            }
        }
    }
    overlaps
}

/// Writes the cell means with mean 0 and standard deviation 1 over the cells that have any area;
/// `None` if none has.
fn whiten(sums: &[(f64, f64)], out: &mut [f32]) -> Option<()> {
    let means = || {
        sums.iter()
            .filter(|(_, area)| *area > 0.0)
            .map(|(sum, area)| sum / area)
    };
    let count = means().count();
    if count == 0 {
        return None;
    }
    let mean = means().sum::<f64>() / count as f64;
    let variance = means().map(|value| (value - mean).powi(2)).sum::<f64>() / count as f64;
    let deviation = variance.sqrt();
    // Below this the spread is that of rounding: the frame is constant.
    let scale = if deviation > 1e-9 * (1.0 + mean.abs()) {
        deviation.recip()
    } else {
        0.0
    };
    for (out, (sum, area)) in out.iter_mut().zip(sums) {
        *out = if *area > 0.0 {
            ((sum / area - mean) * scale) as f32
        } else {
            0.0
        };
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, s};
    use proptest::prelude::*;
    use xscatter_core::Mask;

    fn input(size: usize) -> FrameInput {
        FrameInput::new(FrameInputConfig {
            size,
            valid_channel: true,
        })
        .unwrap()
    }

    #[test]
    fn a_size_of_nothing_is_refused() {
        for size in [0, MAX_SIZE + 1] {
            let config = FrameInputConfig {
                size,
                valid_channel: false,
            };
            assert_eq!(FrameInput::new(config), Err(FrameInputError::Size(size)));
        }
    }

    #[test]
    fn blocks_are_averaged_in_the_logarithm_and_whitened() {
        // Two by two blocks of counts whose ln(1 + I) is 0, 1, 2 and 3 on average.
        let log = ndarray::array![
            [0.0_f32, 0.0, 0.5, 1.5],
            [0.0, 0.0, 1.5, 0.5],
            [2.0, 2.0, 3.0, 3.0],
            [2.0, 2.0, 3.0, 3.0]
        ];
        let inputs = input(2)
            .prepare(&[Frame::new(log.mapv(f32::exp_m1))])
            .unwrap();
        // Mean 1.5, standard deviation sqrt(1.25).
        let expected = [-1.5, -0.5, 0.5, 1.5].map(|value| value / 1.25_f32.sqrt());
        for (found, expected) in inputs.values().slice(s![0, 0, .., ..]).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-6, "{found} != {expected}");
        }
        assert!(
            inputs
                .values()
                .slice(s![0, 1, .., ..])
                .iter()
                .all(|&f| f == 1.0)
        );
    }

    #[test]
    fn shared_area_is_conserved_for_every_ratio_of_sizes() {
        for (n, side, size) in [(7, 7, 3), (5, 9, 4), (3, 3, 8), (100, 161, 64), (1, 40, 7)] {
            let overlaps = overlaps(n, side, size);
            let total: f64 = overlaps.iter().map(|overlap| overlap.length).sum();
            assert!(
                (total - n as f64).abs() < 1e-9,
                "{n} {side} {size}: {total}"
            );
            assert!(overlaps.is_sorted_by_key(|overlap| (overlap.pixel, overlap.cell)));
        }
    }

    #[test]
    fn a_masked_half_lowers_the_valid_fraction_alone() {
        let frame = Frame::new(Array2::from_shape_fn((8, 8), |(row, _)| row as f32))
            .with_mask(Mask::from_bad(
                Array2::from_shape_fn((8, 8), |(_, column)| column % 2 == 0).view(),
            ))
            .unwrap();
        let all = Frame::new(frame.counts().to_owned());
        let inputs = input(4).prepare(&[frame, all]).unwrap();
        assert!(
            inputs
                .values()
                .slice(s![0, 1, .., ..])
                .iter()
                .all(|&f| f == 0.5)
        );
        assert_eq!(
            inputs.values().slice(s![0, 0, .., ..]),
            inputs.values().slice(s![1, 0, .., ..])
        );
    }

    #[test]
    fn a_constant_frame_is_zero_and_an_empty_one_an_error() {
        let constant = Frame::new(Array2::from_elem((9, 7), 3.3));
        let inputs = input(4).prepare(std::slice::from_ref(&constant)).unwrap();
        assert!(
            inputs
                .values()
                .slice(s![0, 0, .., ..])
                .iter()
                .all(|&x| x == 0.0)
        );
        let masked = Frame::new(Array2::zeros((9, 7)))
            .with_mask(Mask::from_good(Array2::from_elem((9, 7), false).view()))
            .unwrap();
        for empty in [masked, Frame::new(Array2::zeros((0, 3)))] {
            let error = input(4).prepare(&[constant.clone(), empty]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DegenerateData);
            assert!(error.to_string().contains("frame #0"), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn what_a_masked_pixel_holds_does_not_matter(
            rows in 1_usize..24,
            columns in 1_usize..24,
            bits in proptest::collection::vec((0.0_f32..1e4, proptest::bool::weighted(0.3)), 576),
            rubbish in proptest::sample::select(vec![0.0, -1.0, 4e9, f32::NAN, f32::INFINITY]),
        ) {
            let at = |row: usize, column: usize| bits[row * columns + column];
            let mut bad = Array2::from_shape_fn((rows, columns), |(r, c)| at(r, c).1);
            bad[(0, 0)] = false;
            let mask = Mask::from_bad(bad.view());
            let clean = Array2::from_shape_fn((rows, columns), |(r, c)| at(r, c).0);
            let mut dirty = clean.clone();
            dirty.zip_mut_with(&bad, |count, &bad| if bad { *count = rubbish });
            let frames =
                [clean, dirty].map(|counts| Frame::new(counts).with_mask(mask.clone()).unwrap());
            let inputs = input(8).prepare(&frames).unwrap();
            prop_assert_eq!(inputs.sample(0), inputs.sample(1));
            prop_assert!(inputs.values().iter().all(|value| value.is_finite()));
        }
    }
}
