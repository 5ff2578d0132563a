//! Frames in the resolution of a picture.
//!
//! A large frame is reduced by whole factors, a small one enlarged by whole factors. A cell of the
//! reduced frame is the largest valid count of its pixels, or their mean: the maximum keeps peaks,
//! spots and hot pixels that a mean would drown; the mean keeps the level and smooths the noise. Masked
//! pixels never enter; a cell is masked only if all its pixels are. Cost: one pass.

use xscatter::PixelFlags;
use xscatter::core::ndarray::{Array2, ArrayView2};

/// What a cell of several pixels shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Pooling {
    /// The largest valid count: peaks and spots stay visible.
    Max,
    /// The mean of the valid counts: the level stays right.
    Mean,
}

/// One cell of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell {
    Count(f64),
    Masked(PixelFlags),
}

/// How many pixels make a cell and how many picture pixels show it, along one axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Zoom {
    pub(crate) reduce: usize,
    pub(crate) enlarge: usize,
}

impl Zoom {
    /// How long an axis of so many pixels becomes.
    pub(crate) fn length(self, pixels: usize) -> usize {
        pixels.div_ceil(self.reduce) * self.enlarge
    }

    /// Where a position along the axis is drawn.
    pub(crate) fn place(self, pixel: f64) -> f64 {
        pixel / self.reduce as f64 * self.enlarge as f64
    }
}

/// Frames are enlarged as long as the longer side stays within so many picture pixels.
const COMFORTABLE: usize = 1000;
/// The shorter side of a strip is enlarged to about so many picture pixels.
const STRIP: usize = 200;

/// The zoom of rows and columns for a frame: the longer side has at most `max_size` picture pixels.
///
/// Both are the same, but for strips (a cake of 36 × 5000 bins) that would be too thin to see.
pub(crate) fn zooms((rows, columns): (usize, usize), max_size: usize) -> (Zoom, Zoom) {
    let longer = rows.max(columns).max(1);
    let same = Zoom {
        reduce: longer.div_ceil(max_size.max(1)),
        enlarge: (COMFORTABLE.min(max_size) / longer).max(1),
    };
    let widened = |pixels: usize| {
        let thin = same.length(pixels) < STRIP / 2 && pixels * 8 < longer;
        if !thin {
            return same;
        }
        let enlarge = (STRIP / pixels.max(1)).max(1);
        Zoom { reduce: 1, enlarge }
    };
    (widened(rows), widened(columns))
}

/// The cells of a frame, `rows.reduce` × `columns.reduce` pixels each.
pub(crate) fn cells(
    counts: ArrayView2<'_, f32>,
    flags: Option<&[PixelFlags]>,
    (rows, columns): (Zoom, Zoom),
    pooling: Pooling,
) -> Array2<Cell> {
    let (n_rows, n_columns) = counts.dim();
    let shape = (
        n_rows.div_ceil(rows.reduce),
        n_columns.div_ceil(columns.reduce),
    );
    Array2::from_shape_fn(shape, |(row, column)| {
        let (mut best, mut sum, mut valid) = (f64::NEG_INFINITY, 0.0, 0_usize);
        let mut reasons = PixelFlags::VALID;
        let (first_row, first_column) = (row * rows.reduce, column * columns.reduce);
        for r in first_row..(first_row + rows.reduce).min(n_rows) {
            for c in first_column..(first_column + columns.reduce).min(n_columns) {
                let flags = flags.map_or(PixelFlags::VALID, |flags| flags[r * n_columns + c]);
                if flags.is_valid() {
                    let count = f64::from(counts[(r, c)]);
                    best = best.max(count);
                    sum += count;
                    valid += 1;
                } else {
                    reasons = reasons.union(flags);
                }
            }
        }
        match (valid, pooling) {
            (0, _) => Cell::Masked(reasons),
            (_, Pooling::Max) => Cell::Count(best),
            (_, Pooling::Mean) => Cell::Count(sum / valid as f64),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use xscatter::core::ndarray::array;

    const TWO: Zoom = Zoom {
        reduce: 2,
        enlarge: 1,
    };

    #[test]
    fn a_cell_is_masked_only_if_all_its_pixels_are() {
        let counts = array![[1.0, 9.0, 5.0], [3.0, 7.0, 5.0], [f32::NAN, 2.0, 4.0]];
        let (ok, gap, bad) = (PixelFlags::VALID, PixelFlags::GAP, PixelFlags::BAD);
        let flags = [ok, gap, gap, ok, ok, bad, gap, ok, ok];
        let max = cells(counts.view(), Some(&flags), (TWO, TWO), Pooling::Max);
        assert_eq!(
            max,
            array![
                [Cell::Count(7.0), Cell::Masked(gap.union(bad))],
                [Cell::Count(2.0), Cell::Count(4.0)]
            ]
        );
        let mean = cells(counts.view(), Some(&flags), (TWO, TWO), Pooling::Mean);
        assert_eq!(mean[(0, 0)], Cell::Count(11.0 / 3.0));
    }

    #[test]
    fn what_a_masked_pixel_holds_does_not_matter() {
        let flags = [PixelFlags::VALID, PixelFlags::BAD];
        for pooling in [Pooling::Max, Pooling::Mean] {
            let [one, other] = [f32::INFINITY, -5.0].map(|hidden| {
                cells(
                    array![[2.0, hidden]].view(),
                    Some(&flags),
                    (TWO, TWO),
                    pooling,
                )
            });
            assert_eq!(one, other);
        }
    }

    #[test]
    fn frames_get_a_comfortable_size() {
        let zoom = |reduce, enlarge| Zoom { reduce, enlarge };
        let both = |zoom| (zoom, zoom);
        assert_eq!(zooms((1043, 981), 1700), both(zoom(1, 1)));
        assert_eq!(zooms((1679, 1475), 1700), both(zoom(1, 1)));
        assert_eq!(zooms((2167, 2070), 1700), both(zoom(2, 1)));
        assert_eq!(zooms((4362, 4148), 1700), both(zoom(3, 1)));
        assert_eq!(zooms((150, 150), 1700), both(zoom(1, 6)));
        assert_eq!(zooms((195, 487), 1700), both(zoom(1, 2)));
        assert_eq!(zooms((150, 150), 100), both(zoom(2, 1)));
        assert_eq!(zooms((36, 5000), 1700), (zoom(1, 5), zoom(3, 1)));
        assert_eq!(zooms((1, 2), 1700), both(zoom(1, 500)));
    }
}
