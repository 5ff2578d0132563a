//! Histograms of oriented gradients: in which directions the intensity changes, cell by cell.
//!
//! The image is cut into square cells; each has a histogram of the directions of its gradients, weighted
//! by their magnitudes and normalised over blocks of cells. Use them where form at the scale of a cell
//! matters (rings, arcs, horizons, streaks) and brightness does not. They keep where something is on the
//! detector, so frames must be oriented alike; they do not fit frames of pure noise.
//!
//! ```text
//! g = (I(r+1, c) − I(r−1, c), I(r, c+1) − I(r, c−1))     0 beyond the border, along that axis
//! θ = atan2(g_row, g_column) mod 180°                    bin ⌊n θ / 180°⌋ of n, no interpolation
//! h = Σ |g| / (valid gradients of the cell)
//! ```
//!
//! | norm of a block `v` | result, with ε = 10⁻⁵ |
//! |---|---|
//! | `l1` | `v / (Σ\|v\| + ε)` |
//! | `l1_sqrt` | `√(v / (Σ\|v\| + ε))` |
//! | `l2` | `v / √(Σv² + ε²)` |
//! | `l2_hys` | the same, cut at 0.2, and once more |
//!
//! | aggregation | columns | what |
//! |---|---|---|
//! | blocks | `hog.b3-2.c0-1.o4` | orientation 4 of the cell in row 0, column 1 of the block in row 3, column 2 of all overlapping blocks |
//! | pooled | `hog.mean.p3-2.o4`, `hog.std.p3-2.o4` | mean and standard deviation over the cells in one part of the image (row 3, column 2 of `pool × pool` parts), each cell as normalised in every block it is in |
//!
//! *Masks*: a gradient counts only if its pixel and all pixels that it is the difference of are valid. A
//! cell without a gradient contributes zeros to its blocks and is left out of a pool; a pool without any
//! cell is missing (`NaN`). A frame without any gradient is an error of kind
//! [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData), one with too few cells a
//! [`ShapeMismatch`](xscatter_core::ErrorKind::ShapeMismatch). A constant frame has zeros everywhere.
//!
//! *Symmetry*: a flip moves cells and mirrors orientations, bin edges aside; so does a half turn, which
//! keeps orientations. Exposure cancels on raw counts as far as ε is small.
//!
//! *Cost*: one pass over the pixels with `2 n` multiplications each, and `b²` normalisations a cell.
//!
//! Source: Dalal and Triggs 2005, doi:10.1109/CVPR.2005.177, in the form of scikit-image 0.26: no
//! smoothing, no interpolation between bins or cells, so not the numbers of OpenCV. Where a cell has an
//! odd side, scikit-image leaves out its last row and column (and still divides by all its pixels); here
//! they count. scikit-image adds up cells in single precision; here it is double.

mod cells;

use std::sync::Arc;

use ndarray::{Array3, Array5, ArrayViewMut2};
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::intensity::{IntensityError, IntensityTransform};
use crate::resample::{Grid, GridError, Resampled, degenerate, name_frame};

pub use cells::{CellHistograms, cell_histograms};

/// How a block of cells is normalised; see the [module](self) for the formulas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HogNorm {
    /// By the sum.
    L1,
    /// By the sum, then the square root.
    L1Sqrt,
    /// By the Euclidean length.
    L2,
    /// By the Euclidean length, cut at 0.2, and once more.
    #[default]
    L2Hys,
}

/// How cells become columns; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HogAggregation {
    /// Every orientation of every cell of every block: the number of columns grows with the grid, whose
    /// shape must be fixed.
    Blocks,
    /// Mean and standard deviation over the cells of `pool × pool` parts of the image, whatever its
    /// shape.
    Pooled {
        /// Parts along each axis.
        pool: usize,
    },
}

impl Default for HogAggregation {
    fn default() -> Self {
        Self::Pooled { pool: 4 }
    }
}

/// What [`Hog`] computes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HogConfig {
    /// The pixels that have gradients.
    pub grid: Grid,
    /// Bins of the half circle of directions, 1 to 64.
    pub orientations: usize,
    /// The side of a cell in pixels, 2 to 1024.
    pub cell_px: usize,
    /// The side of a block in cells, 1 to 16.
    pub block_cells: usize,
    /// How blocks are normalised.
    pub norm: HogNorm,
    /// What is done to the counts first.
    pub transform: IntensityTransform,
    /// How cells become columns.
    pub aggregation: HogAggregation,
}

impl Default for HogConfig {
    /// Nine orientations in cells of 16 pixels of an image averaged to 128 × 128 pixels, on `ln(1 + I)`,
    /// blocks of 2 × 2 cells, pooled over 4 × 4 parts: 288 columns.
    fn default() -> Self {
        Self {
            grid: Grid::Averaged {
                rows: 128,
                columns: 128,
            },
            orientations: 9,
            cell_px: 16,
            block_cells: 2,
            norm: HogNorm::L2Hys,
            transform: IntensityTransform::Log1p,
            aggregation: HogAggregation::default(),
        }
    }
}

/// Why [`Hog`] could not be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum HogError {
    /// No orientation, or more than gradients of counts can tell.
    #[error("expected 1 to 64 orientations, got {0}")]
    Orientations(usize),
    /// A cell without an inside, or larger than a detector.
    #[error("expected cells of 2 to 1024 pixels a side, got {0}")]
    Cell(usize),
    /// A block without a cell, or too large.
    #[error("expected blocks of 1 to 16 cells a side, got {0}")]
    Block(usize),
    /// No part, or too many.
    #[error("expected 1 to 64 pools along each axis, got {0}")]
    Pool(usize),
    /// More columns than a table should have.
    #[error("expected a grid with at most {MAX_COLUMNS} columns, got {0}")]
    Columns(usize),
    /// The grid is too small, or its shape depends on the frame.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The transform makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

/// The most columns: what a grid of fourteen million pixels gives with small cells.
const MAX_COLUMNS: usize = 1 << 24;

/// Histograms of oriented gradients; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{Hog, HogConfig};
///
/// let hog = Hog::new(HogConfig::default())?;
/// // Brighter from left to right: all gradients point along the rows, bin 0.
/// let ramp = Array2::from_shape_fn((128, 200), |(_, column)| column as f32);
/// let table = hog.extract(&[Frame::new(ramp)])?;
/// assert_eq!(&*table.columns()[0], "hog.mean.p0-0.o0");
/// assert!(table.values()[(0, 0)] > 0.4);
/// assert_eq!(table.values()[(0, 1)], 0.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Hog {
    config: HogConfig,
    columns: Vec<Arc<str>>,
}

impl Hog {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`HogError`] if a setting is outside its domain.
    pub fn new(config: HogConfig) -> Result<Self, HogError> {
        let HogConfig {
            grid,
            orientations,
            cell_px,
            block_cells,
            ..
        } = config;
        config.transform.check()?;
        if !(1..=64).contains(&orientations) {
            return Err(HogError::Orientations(orientations));
        }
        if !(2..=1024).contains(&cell_px) {
            return Err(HogError::Cell(cell_px));
        }
        if !(1..=16).contains(&block_cells) {
            return Err(HogError::Block(block_cells));
        }
        let columns = match config.aggregation {
            HogAggregation::Blocks => {
                let (rows, columns) = grid.fixed_shape(block_cells * cell_px)?;
                let blocks = |size: usize| size / cell_px - block_cells + 1;
                let (rows, columns) = (blocks(rows), blocks(columns));
                let number = rows
                    .saturating_mul(columns)
                    .saturating_mul(block_cells * block_cells * orientations);
                if number > MAX_COLUMNS {
                    return Err(HogError::Columns(number));
                }
                names_of_blocks(rows, columns, block_cells, orientations)
            }
            HogAggregation::Pooled { pool } => {
                if !(1..=64).contains(&pool) {
                    return Err(HogError::Pool(pool));
                }
                grid.check(block_cells.max(pool) * cell_px)?;
                names_of_pools(pool, orientations)
            }
        };
        Ok(Self { config, columns })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let config = &self.config;
        let image = Resampled::of(frame, config.grid)?;
        let least = match config.aggregation {
            HogAggregation::Blocks => config.block_cells,
            HogAggregation::Pooled { pool } => pool.max(config.block_cells),
        };
        let (rows, columns) = image.shape();
        if rows.min(columns) / config.cell_px < least {
            let side = least * config.cell_px;
            let message = format!("expected at least {side}x{side} pixels, found {rows}x{columns}");
            return Err(name_frame(
                Error::new(ErrorKind::ShapeMismatch, message),
                frame,
            ));
        }
        let cells = cell_histograms(
            &image,
            config.transform,
            config.orientations,
            config.cell_px,
        );
        if cells.gradients.iter().all(|&gradients| gradients == 0) {
            return Err(degenerate(
                frame,
                format!("expected a gradient of valid pixels, found none of {rows}x{columns}"),
            ));
        }
        let blocks = cells.blocks(config.block_cells, config.norm);
        Ok(match config.aggregation {
            HogAggregation::Blocks => blocks.into_raw_vec_and_offset().0,
            HogAggregation::Pooled { pool } => pooled(&cells, &blocks, pool),
        })
    }
}

impl FeatureExtractor for Hog {
    fn name(&self) -> &str {
        "hog"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

fn names_of_blocks(
    rows: usize,
    columns: usize,
    block_cells: usize,
    orientations: usize,
) -> Vec<Arc<str>> {
    let mut names = Vec::with_capacity(rows * columns * block_cells * block_cells * orientations);
    for row in 0..rows {
        for column in 0..columns {
            for i in 0..block_cells {
                for j in 0..block_cells {
                    let cell = format!("hog.b{row}-{column}.c{i}-{j}");
                    names.extend((0..orientations).map(|o| Arc::from(format!("{cell}.o{o}"))));
                }
            }
        }
    }
    names
}

fn names_of_pools(pool: usize, orientations: usize) -> Vec<Arc<str>> {
    let mut names = Vec::with_capacity(2 * pool * pool * orientations);
    for row in 0..pool {
        for column in 0..pool {
            for statistic in ["mean", "std"] {
                let part = format!("hog.{statistic}.p{row}-{column}");
                names.extend((0..orientations).map(|o| Arc::from(format!("{part}.o{o}"))));
            }
        }
    }
    names
}

/// Mean and standard deviation of every orientation in every part, `NaN` in parts without a cell.
fn pooled(cells: &CellHistograms, blocks: &Array5<f32>, pool: usize) -> Vec<f32> {
    let (cell_rows, cell_columns, orientations) = cells.histograms.dim();
    let (block_rows, block_columns, side, _, _) = blocks.dim();
    let mut entries = vec![0u32; pool * pool];
    // Sum and sum of squares.
    let mut sums = Array3::from_elem((pool, pool, orientations), (0.0f64, 0.0f64));
    for row in 0..block_rows {
        for column in 0..block_columns {
            for i in 0..side {
                for j in 0..side {
                    let cell = (row + i, column + j);
                    if cells.gradients[cell] == 0 {
                        continue;
                    }
                    let part = (cell.0 * pool / cell_rows, cell.1 * pool / cell_columns);
                    entries[part.0 * pool + part.1] += 1;
                    for orientation in 0..orientations {
                        let value = f64::from(blocks[(row, column, i, j, orientation)]);
                        let (sum, squares) = &mut sums[(part.0, part.1, orientation)];
                        *sum += value;
                        *squares += value * value;
                    }
                }
            }
        }
    }
    let mut values = Vec::with_capacity(2 * sums.len());
    for (&entries, sums) in entries.iter().zip(sums.rows()) {
        // Of no entry: 0 / 0, which is NaN.
        let per_entry = 1.0 / f64::from(entries);
        values.extend(sums.iter().map(|(sum, _)| (sum * per_entry) as f32));
        values.extend(sums.iter().map(|(sum, squares)| {
            let variance = squares * per_entry - (sum * per_entry).powi(2);
            // Not `max`, which would hide NaN.
            (if variance < 0.0 { 0.0 } else { variance }).sqrt() as f32
        }));
    }
    values
}

#[cfg(test)]
mod tests;
