//! The reduced image, turned so that the surface normal runs along growing rows, and its level rows.

use ndarray::{Array2, Axis};
use xscatter_core::PixelPosition;

use super::Normal;
use crate::order_statistics::quantile_of_sorted;
use crate::resample::Resampled;

/// The reduced image. Rows and columns are those after turning.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) counts: Array2<Option<f64>>,
    /// The mean of the counts cut at their 99th percentile.
    pub(super) mean: f64,
    /// The beam in this view.
    pub(super) beam: Option<PixelPosition>,
}

impl View {
    /// The image as it is stored, and the beam in its reduced pixels.
    pub(super) fn of(image: &Resampled, beam: Option<PixelPosition>) -> Self {
        let sorted = image.sorted();
        let cap = quantile_of_sorted(&sorted, 0.99, f64::from).max(0.0);
        let capped = sorted.iter().map(|&count| f64::from(count).clamp(0.0, cap));
        let counts = Array2::from_shape_fn(image.shape(), |(row, column)| {
            let count = f64::from(image.values[(row, column)]).max(0.0);
            image.is_valid(row, column).then_some(count)
        });
        Self {
            mean: capped.sum::<f64>() / sorted.len() as f64,
            counts,
            beam,
        }
    }

    /// The view in which this normal runs along growing rows.
    pub(super) fn turned(&self, normal: Normal) -> Self {
        let mut view = self.clone();
        if normal.is_along_columns() {
            view.counts = view.counts.reversed_axes();
            view.beam = view.beam.map(|beam| PixelPosition {
                row: beam.column,
                column: beam.row,
            });
        }
        if normal.is_falling() {
            view.counts.invert_axis(Axis(0));
            let rows = view.counts.nrows() as f64;
            view.beam = view.beam.map(|beam| PixelPosition {
                row: rows - beam.row,
                ..beam
            });
        }
        view
    }

    /// The view with columns shifted so that a line of this slope through the anchor runs along a row.
    pub(super) fn levelled(&self, slope: f64) -> Self {
        let anchor = self.anchor();
        let (rows, columns) = self.counts.dim();
        let counts = Array2::from_shape_fn((rows, columns), |(row, column)| {
            let shift = (slope * (column as f64 + 0.5 - anchor)).round();
            let row = row as f64 + shift;
            let inside = (0.0..rows as f64).contains(&row);
            inside
                .then(|| self.counts[(row as usize, column)])
                .flatten()
        });
        Self { counts, ..*self }
    }

    /// The column at which places are stated: that of the beam, or the nearest; the middle without a beam.
    pub(super) fn anchor(&self) -> f64 {
        let columns = self.counts.ncols() as f64;
        self.beam
            .map_or(0.5 * columns, |beam| beam.column.clamp(0.0, columns))
    }

    /// `ln(1 + factor I / Ī)`.
    pub(super) fn stretched(&self, factor: f64, count: f64) -> f64 {
        if self.mean > 0.0 {
            (factor * count / self.mean).ln_1p()
        } else {
            0.0
        }
    }
}
