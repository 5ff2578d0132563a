//! Gradients, their histograms in cells, and the normalisation of blocks of cells.

#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]
#![allow(
    clippy::needless_range_loop,
    reason = "several strips are walked in step"
)]

use ndarray::{Array2, Array3, Array5};
use pulp::{Arch, Simd, WithSimd};

use crate::intensity::IntensityTransform;
use crate::resample::{MIN_COVERAGE, Resampled};

use super::HogNorm;

/// Rows are as long as whole vectors of any processor.
const STRIP: usize = 8;

/// Bits of `2⁵² + bin` end with the bin.
const BIN_ZERO: f64 = 4_503_599_627_370_496.0;

/// The histograms of all cells.
#[derive(Debug, Clone, PartialEq)]
pub struct CellHistograms {
    /// Row, column, orientation: the sum of magnitudes over the number of valid gradients; 0 where there
    /// are none.
    pub histograms: Array3<f64>,
    /// How many gradients of each cell are valid.
    pub gradients: Array2<u32>,
}

/// The histograms of oriented gradients of all whole cells, from the upper left.
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::Frame;
/// use xscatter_features::hog::cell_histograms;
/// use xscatter_features::{Grid, IntensityTransform, Resampled};
///
/// // Brighter downwards by 3 a row: a difference of 6 over two rows, at 90°.
/// let frame = Frame::new(Array2::from_shape_fn((12, 9), |(row, _)| 3.0 * row as f32));
/// let image = Resampled::of(&frame, Grid::Native)?;
/// let cells = cell_histograms(&image, IntensityTransform::Raw, 4, 4);
/// assert_eq!(cells.histograms.dim(), (3, 2, 4));
/// assert_eq!(cells.histograms[(1, 1, 2)], 6.0);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
///
/// # Panics
/// If there is no orientation, or a cell has no pixel.
pub fn cell_histograms(
    image: &Resampled,
    transform: IntensityTransform,
    orientations: usize,
    cell_px: usize,
) -> CellHistograms {
    assert!(orientations > 0, "expected an orientation");
    let (rows, columns) = image.shape();
    let (cell_rows, cell_columns) = (rows / cell_px, columns / cell_px);
    let width = columns.next_multiple_of(STRIP);
    let edges = edges(orientations);
    let counts = image.as_slice();
    // Three rows at a time, one pixel more on either side.
    let mut lines = vec![vec![0.0; width + 2]; 3];
    let fill = |row: usize, line: &mut Vec<f64>| {
        let counts = &counts[row * columns..][..columns];
        let line = &mut line[..columns + 2];
        if transform == IntensityTransform::Raw {
            for (value, &count) in line[1..].iter_mut().zip(counts) {
                *value = f64::from(count);
            }
        } else {
            for (value, &count) in line[1..].iter_mut().zip(counts) {
                *value = transform.apply(f64::from(count));
            }
        }
        // Pixels at the border have no difference along the row.
        if columns > 1 {
            line[0] = line[2];
            line[columns + 1] = line[columns - 1];
        }
    };
    let mut histograms = Array3::zeros((cell_rows, cell_columns, orientations));
    let mut gradients = Array2::<u32>::zeros((cell_rows, cell_columns));
    let (mut magnitudes, mut bins) = (vec![0.0; width], vec![0.0; width]);
    let mut valid = vec![true; columns];
    // Neighbours often share a bin: the next one does not wait for the sum of the last one.
    let mut sums = [
        vec![0.0; cell_columns * orientations],
        vec![0.0; cell_columns * orientations],
    ];
    if cell_rows > 0 {
        fill(0, &mut lines[1]);
        if rows > 1 {
            fill(1, &mut lines[2]);
        }
    }
    for row in 0..cell_rows * cell_px {
        let [above, here, below] = &lines[..] else {
            unreachable!("there are three lines")
        };
        // Neither have pixels at the border along the column.
        let inside = row > 0 && row + 1 < rows;
        let (above, below) = if inside { (above, below) } else { (here, here) };
        Arch::new().dispatch(Gradients {
            above: &above[1..=width],
            below: &below[1..=width],
            left: &here[..width],
            right: &here[2..][..width],
            edges: &edges,
            magnitudes: &mut magnitudes,
            bins: &mut bins,
        });
        if image.coverage.is_some() {
            valid_gradients(image, row, &mut valid);
        }
        let mut counted = gradients.row_mut(row / cell_px);
        for cell in 0..cell_columns {
            let pixels = cell * cell_px..(cell + 1) * cell_px;
            let at = |bin: f64| cell * orientations + (bin.to_bits() as u32) as usize;
            if image.coverage.is_none() {
                counted[cell] += cell_px as u32;
                let (pairs, rest) = magnitudes[pixels.clone()].as_chunks::<2>();
                let (pair_bins, rest_bins) = bins[pixels].as_chunks::<2>();
                for (magnitudes, bins) in pairs.iter().zip(pair_bins) {
                    sums[0][at(bins[0])] += magnitudes[0];
                    sums[1][at(bins[1])] += magnitudes[1];
                }
                for (&magnitude, &bin) in rest.iter().zip(rest_bins) {
                    sums[0][at(bin)] += magnitude;
                }
            } else {
                for pixel in pixels.filter(|&pixel| valid[pixel]) {
                    counted[cell] += 1;
                    sums[0][at(bins[pixel])] += magnitudes[pixel];
                }
            }
        }
        if (row + 1) % cell_px == 0 {
            let mut of_row = histograms.index_axis_mut(ndarray::Axis(0), row / cell_px);
            for (cell, mut histogram) in of_row.rows_mut().into_iter().enumerate() {
                let per_gradient = 1.0 / f64::from(counted[cell].max(1));
                for (orientation, value) in histogram.iter_mut().enumerate() {
                    let at = cell * orientations + orientation;
                    *value = (sums[0][at] + sums[1][at]) * per_gradient;
                }
            }
            for sums in &mut sums {
                sums.fill(0.0);
            }
        }
        lines.rotate_left(1);
        if row + 2 < rows {
            fill(row + 2, &mut lines[2]);
        }
    }
    CellHistograms {
        histograms,
        gradients,
    }
}

/// Which gradients of a row are differences of valid pixels at a valid pixel.
fn valid_gradients(image: &Resampled, row: usize, valid: &mut [bool]) {
    let (rows, columns) = image.shape();
    let coverage = image.coverage_slice().expect("asked for masked images");
    let line = |row: usize| &coverage[row * columns..][..columns];
    let measured = |coverage: f32| coverage >= MIN_COVERAGE;
    let here = line(row);
    for (valid, &coverage) in valid.iter_mut().zip(here) {
        *valid = measured(coverage);
    }
    if row > 0 && row + 1 < rows {
        let columns = line(row - 1).iter().zip(line(row + 1));
        for (valid, (&above, &below)) in valid.iter_mut().zip(columns) {
            *valid &= measured(above) & measured(below);
        }
    }
    for column in 1..columns.saturating_sub(1) {
        valid[column] &= measured(here[column - 1]) & measured(here[column + 1]);
    }
}

/// Sine and cosine of the lower edges of all bins but the first, as the reference rounds them.
fn edges(orientations: usize) -> Vec<(f64, f64)> {
    let edge = |bin: usize| f64::from((180.0 / orientations as f64 * bin as f64) as f32);
    (1..orientations)
        .map(|bin| sine_and_cosine(edge(bin)))
        .collect()
}

/// Of 0 to 180 degrees; equal at 45° to the last bit, so that ties fall as they should.
fn sine_and_cosine(degrees: f64) -> (f64, f64) {
    let small = |degrees: f64| {
        if degrees == 45.0 {
            return (
                std::f64::consts::FRAC_1_SQRT_2,
                std::f64::consts::FRAC_1_SQRT_2,
            );
        }
        let angle = degrees.to_radians();
        (libm::sin(angle), libm::cos(angle))
    };
    let flip = |(sine, cosine): (f64, f64)| (cosine, sine);
    if degrees > 90.0 {
        let (sine, cosine) = sine_and_cosine(180.0 - degrees);
        (sine, -cosine)
    } else if degrees > 45.0 {
        flip(small(90.0 - degrees))
    } else {
        small(degrees)
    }
}

struct Gradients<'a> {
    above: &'a [f64],
    below: &'a [f64],
    left: &'a [f64],
    right: &'a [f64],
    edges: &'a [(f64, f64)],
    magnitudes: &'a mut [f64],
    /// `2⁵²` and the bin.
    bins: &'a mut [f64],
}

impl WithSimd for Gradients<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (above, below) = (S::as_simd_f64s(self.above).0, S::as_simd_f64s(self.below).0);
        let (left, right) = (S::as_simd_f64s(self.left).0, S::as_simd_f64s(self.right).0);
        let magnitudes = S::as_mut_simd_f64s(self.magnitudes).0;
        let bins = S::as_mut_simd_f64s(self.bins).0;
        let mut edges = Vec::with_capacity(self.edges.len());
        for &(sine, cosine) in self.edges {
            edges.push((simd.splat_f64s(sine), simd.splat_f64s(cosine)));
        }
        let (zero, one) = (simd.splat_f64s(0.0), simd.splat_f64s(1.0));
        let first = simd.splat_f64s(BIN_ZERO);
        for (place, (magnitude, bin)) in magnitudes.iter_mut().zip(bins).enumerate() {
            let down = simd.sub_f64s(below[place], above[place]);
            let across = simd.sub_f64s(right[place], left[place]);
            let squares = simd.add_f64s(simd.mul_f64s(down, down), simd.mul_f64s(across, across));
            *magnitude = simd.sqrt_f64s(squares);
            // The opposite direction is the same orientation: 0° to 180°.
            let level = simd.equal_f64s(down, zero);
            let opposite = simd.select_f64s(level, across, down);
            let opposite = simd.less_than_f64s(opposite, zero);
            let x = simd.select_f64s(opposite, simd.sub_f64s(zero, across), across);
            let y = simd.abs_f64s(down);
            let mut found = first;
            for &(sine, cosine) in &edges {
                // At or beyond the edge.
                let (along, before) = (simd.mul_f64s(y, cosine), simd.mul_f64s(x, sine));
                let beyond = simd.greater_than_or_equal_f64s(along, before);
                found = simd.add_f64s(found, simd.select_f64s(beyond, one, zero));
            }
            *bin = found;
        }
    }
}

impl CellHistograms {
    /// All overlapping blocks of `block_cells × block_cells` cells, normalised: row and column of the
    /// block, row and column of the cell in it, orientation.
    ///
    /// # Panics
    /// If a block has no cell.
    pub fn blocks(&self, block_cells: usize, norm: HogNorm) -> Array5<f32> {
        assert!(block_cells > 0, "expected blocks of cells");
        let (rows, columns, orientations) = self.histograms.dim();
        let blocks = |cells: usize| (cells + 1).saturating_sub(block_cells);
        let shape = (
            blocks(rows),
            blocks(columns),
            block_cells,
            block_cells,
            orientations,
        );
        let length = block_cells * block_cells * orientations;
        let mut values = Vec::with_capacity(shape.0 * shape.1 * length);
        Arch::new().dispatch(Normalise {
            histograms: self.histograms.as_slice().expect("made row-major"),
            cells: columns,
            blocks: (shape.0, shape.1),
            block_cells,
            orientations,
            norm,
            values: &mut values,
        });
        Array5::from_shape_vec(shape, values).expect("as many values as blocks have")
    }
}

/// Keeps a block without gradients at 0 (the value of scikit-image).
const EPSILON: f64 = 1e-5;

/// Where the hysteresis of L2-Hys cuts.
const CUT: f64 = 0.2;

/// Partial sums, whose order does not depend on the processor.
const LANES: usize = 8;

struct Normalise<'a> {
    histograms: &'a [f64],
    /// Cells in a row.
    cells: usize,
    blocks: (usize, usize),
    block_cells: usize,
    orientations: usize,
    norm: HogNorm,
    values: &'a mut Vec<f32>,
}

impl WithSimd for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let across = self.block_cells * self.orientations;
        let length = self.block_cells * across;
        let mut block = vec![[0.0; LANES]; length.div_ceil(LANES)];
        for row in 0..self.blocks.0 {
            for column in 0..self.blocks.1 {
                let flat = block.as_flattened_mut();
                for i in 0..self.block_cells {
                    let start = ((row + i) * self.cells + column) * self.orientations;
                    flat[i * across..][..across]
                        .copy_from_slice(&self.histograms[start..][..across]);
                }
                normalise(&mut block, self.norm);
                let flat = &block.as_flattened()[..length];
                self.values.extend(flat.iter().map(|&value| value as f32));
            }
        }
    }
}

#[inline(always)]
fn total(block: &[[f64; LANES]], f: impl Fn(f64) -> f64) -> f64 {
    let mut sums = [0.0; LANES];
    for values in block {
        for lane in 0..LANES {
            sums[lane] += f(values[lane]);
        }
    }
    sums.iter().sum()
}

#[inline(always)]
fn change(block: &mut [[f64; LANES]], f: impl Fn(f64) -> f64) {
    for value in block.as_flattened_mut() {
        *value = f(*value);
    }
}

#[inline(always)]
fn normalise(block: &mut [[f64; LANES]], norm: HogNorm) {
    let length = |block: &[[f64; LANES]]| {
        let squares = total(block, |value| value * value);
        (squares + EPSILON * EPSILON).sqrt()
    };
    match norm {
        HogNorm::L1 => {
            let scale = 1.0 / (total(block, |value| value) + EPSILON);
            change(block, |value| value * scale);
        }
        HogNorm::L1Sqrt => {
            let scale = 1.0 / (total(block, |value| value) + EPSILON);
            change(block, |value| (value * scale).sqrt());
        }
        HogNorm::L2 => {
            let scale = 1.0 / length(block);
            change(block, |value| value * scale);
        }
        HogNorm::L2Hys => {
            let scale = 1.0 / length(block);
            change(block, |value| {
                let value = value * scale;
                if value > CUT { CUT } else { value }
            });
            let scale = 1.0 / length(block);
            change(block, |value| value * scale);
        }
    }
}
