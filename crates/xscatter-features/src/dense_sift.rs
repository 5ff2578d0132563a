//! Dense SIFT: orientation histograms of the 4 × 4 cells around each place of a regular grid.
//!
//! A descriptor says which way the intensity slopes in each part of a patch, whatever the exposure. Use
//! it as raw material of visual words, or pooled, as here, as a texture that knows directions and their
//! arrangement. It is not invariant to rotation, and it does not know where on the detector it lies.
//!
//! With `S` the smoothed transformed image, `m` and `θ` the length and direction of its gradient (centred
//! differences, `θ` from growing columns towards smaller rows), `(u, v)` the offset from the centre in
//! cells and `Λ(t) = max(0, 1 − |t|)`, cell `(i, j)` and orientation `o` of a descriptor hold
//!
//! ```text
//! h_ijo = Σ m · Λ(v − i + 3/2) · Λ(u − j + 3/2) · Λ(8 θ/2π − o, modulo 8) · w
//! w = exp(−(u² + v²)/8)    or the mean of that over the rows of cell i times that over the columns of cell j
//! ```
//!
//! and the 128 numbers are divided by their norm, cut at 0.2 and divided by their norm again. A patch
//! without a gradient has zeros.
//!
//! | column | what |
//! |---|---|
//! | `dense-sift.mean.r0c0.o0` … `r3c3.o7` | mean over all places of the component of that row and column of cells and orientation |
//! | `dense-sift.std.…` | its standard deviation |
//! | `dense-sift.max.…` | its largest value |
//!
//! *Conventions*: places are those whose 4 × 4 cells lie in the image, the first one `2 cell_px` from its
//! upper left corner. A row and a column of pixels at each border have no gradient.
//!
//! *Masks*: `S = (G * (I V))/(G * V)`; a gradient counts if its pixel is valid and its four neighbours
//! have a quarter of the smoothing's weight on valid pixels. Histograms are divided by the share of their
//! weight that counts (a quarter at least); a descriptor of which more than 20 % does not count is dropped.
//! A frame without a descriptor left is an error of kind
//! [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData), one without room for a patch is a
//! [`ShapeMismatch`](xscatter_core::ErrorKind::ShapeMismatch).
//!
//! *Cost*: the filters are separable, so a patch of any window costs `64 · 8 · cell_px` operations a row of
//! pixels and column of places, and as many a place.
//!
//! Source: Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94. An unmasked frame has the numbers of
//! `SIFT.compute` of OpenCV 5.0.0, divided by 512, for `KeyPoint(column, row, size, 0)` on octave 0 with
//! `size = 2/3 cell_px` (OpenCV's cells are 3/2 of the size, so that a keypoint of size 16 sees
//! 96 pixels), up to its rounding to whole numbers and its arc tangent of 0.3°. The flat window is that of
//! `vl_dsift` of VLFeat 0.9.21.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

mod histograms;
mod smooth;

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, FeatureExtractor, Frame, Result};

use self::histograms::{CELLS, COMPONENTS, ORIENTATIONS, Places, Visit, Windows, each_row};
use self::smooth::Smoothed;
use crate::batch::fill_rows;
use crate::intensity::{IntensityError, IntensityTransform};
use crate::local::{Descriptors, Kept, Pool, Pooling, Take};
use crate::resample::{Grid, GridError, Resampled, degenerate, name_frame};

/// The largest component of a descriptor of norm 1, before it is divided by its norm once more.
const LARGEST: f32 = 0.2;
/// The part of a descriptor's weight that must be measured.
const LEAST_MEASURED: f32 = 0.8;
/// The largest cell, in pixels: larger than any detector.
const LARGEST_CELL: usize = 1 << 14;

/// How the pixels of a patch weigh.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiftWindow {
    /// A Gaussian about the centre with a standard deviation of two cells.
    #[default]
    Gaussian,
    /// The mean of that Gaussian over each cell.
    Flat,
}

/// What [`DenseSift`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DenseSiftConfig {
    /// The distance of neighbouring descriptors, in pixels.
    pub step_px: usize,
    /// The side of a cell, in pixels; a patch has four cells a side.
    pub cell_px: usize,
    /// The standard deviation of the smoothing before gradients are taken, in pixels; 0 for none.
    pub smoothing_px: f64,
    /// How the pixels of a patch weigh.
    pub window: SiftWindow,
    /// How the descriptors of a frame become one row.
    pub pooling: Pooling,
    /// What is done to the counts first.
    pub transform: IntensityTransform,
    /// The pixels on which descriptors are computed.
    pub grid: Grid,
}

impl Default for DenseSiftConfig {
    /// Patches of 16 pixels every 8 pixels of `ln(1 + I)` at full resolution, smoothed as OpenCV does it
    /// (from 0.5 to 1.6 pixels), mean and standard deviation.
    fn default() -> Self {
        Self {
            step_px: 8,
            cell_px: 4,
            smoothing_px: f64::sqrt(1.6 * 1.6 - 0.5 * 0.5),
            window: SiftWindow::Gaussian,
            pooling: Pooling::MeanAndStd,
            transform: IntensityTransform::Log1p,
            grid: Grid::Native,
        }
    }
}

/// Why a [`DenseSift`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DenseSiftError {
    /// All descriptors would lie at the same place.
    #[error("expected a step of at least 1 pixel, got 0")]
    Step,
    /// Cells without pixels, or larger than any image.
    #[error("expected cells of 1 to {LARGEST_CELL} pixels, got {0}")]
    Cell(usize),
    /// A smoothing that is none.
    #[error("expected a smoothing of 0 to 1000 pixels, got {0}")]
    Smoothing(f64),
    /// No patch fits into the grid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The transform makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

/// Dense SIFT descriptors; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{DenseSift, DenseSiftConfig, Grid, Resampled};
///
/// let frame = Frame::new(Array2::from_shape_fn((32, 40), |(row, column)| (row * column % 97) as f32));
/// let sift = DenseSift::new(DenseSiftConfig::default())?;
/// let descriptors = sift.descriptors(&Resampled::of(&frame, Grid::Native)?);
/// assert_eq!(descriptors.rows.dim(), (2 * 3, 128));
/// assert_eq!(descriptors.places[4], (16, 16));
/// assert_eq!(sift.extract(&[frame])?.n_columns(), 256);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DenseSift {
    config: DenseSiftConfig,
    columns: Vec<Arc<str>>,
}

impl DenseSift {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`DenseSiftError`] if a setting is outside its domain.
    pub fn new(config: DenseSiftConfig) -> Result<Self, DenseSiftError> {
        if config.step_px == 0 {
            return Err(DenseSiftError::Step);
        }
        if !(1..=LARGEST_CELL).contains(&config.cell_px) {
            return Err(DenseSiftError::Cell(config.cell_px));
        }
        if !(0.0..=1000.0).contains(&config.smoothing_px) {
            return Err(DenseSiftError::Smoothing(config.smoothing_px));
        }
        config.transform.check()?;
        config.grid.check(CELLS * config.cell_px + 1)?;
        let components: Vec<String> = (0..COMPONENTS)
            .map(|component| {
                let (cell, orientation) = (component / ORIENTATIONS, component % ORIENTATIONS);
                format!("r{}c{}.o{orientation}", cell / CELLS, cell % CELLS)
            })
            .collect();
        let columns = config.pooling.columns("dense-sift", &components);
        Ok(Self { config, columns })
    }

    /// All descriptors of an image that is on the grid already: places, row by row, and 128 numbers each,
    /// orientations fastest, then columns of cells. None if the image has no room for a patch.
    ///
    /// # Panics
    /// Never: every place has one descriptor.
    pub fn descriptors(&self, image: &Resampled) -> Descriptors {
        let mut kept = Kept::default();
        self.each(image, &mut kept);
        kept.descriptors(COMPONENTS)
    }

    fn each(&self, image: &Resampled, take: &mut impl Take) {
        let config = &self.config;
        let (height, width) = image.shape();
        let rows = Places::new(height, config.cell_px, config.step_px);
        let columns = Places::new(width, config.cell_px, config.step_px);
        if rows.number == 0 || columns.number == 0 {
            return;
        }
        let image = Smoothed::of(image, config.transform, config.smoothing_px);
        let windows = self.windows();
        let mut visit = Normalise {
            rows: &rows,
            columns: &columns,
            take,
        };
        each_row(&image, &windows, &rows, &columns, &mut visit);
    }

    fn windows(&self) -> Windows {
        let cell_px = self.config.cell_px;
        let size = cell_px as f64;
        let gaussian = |offset: f64| (-(offset / size).powi(2) / 8.0).exp();
        match self.config.window {
            SiftWindow::Gaussian => Windows::new(cell_px, |_, offset| gaussian(offset)),
            SiftWindow::Flat => {
                let means: [f64; CELLS] = std::array::from_fn(|cell| {
                    let centre = size * (cell as f64 - 1.5);
                    let offsets = (1..2 * cell_px).map(|k| centre + k as f64 - size);
                    let number = offsets.len() as f64;
                    offsets.map(gaussian).sum::<f64>() / number
                });
                Windows::new(cell_px, |cell, _| means[cell])
            }
        }
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let image = Resampled::of(frame, self.config.grid)?;
        let (rows, columns) = image.shape();
        let least = CELLS * self.config.cell_px + 1;
        if rows.min(columns) < least {
            let message = format!(
                "expected an image of at least {least}x{least} pixels, found {rows}x{columns}"
            );
            return Err(name_frame(
                Error::new(ErrorKind::ShapeMismatch, message),
                frame,
            ));
        }
        let mut pool = Pool::new(COMPONENTS);
        self.each(&image, &mut pool);
        pool.row(self.config.pooling).ok_or_else(|| {
            degenerate(
                frame,
                "expected a patch of which 80 % is measured, found none",
            )
        })
    }
}

/// Drops what was not measured and normalises the rest.
struct Normalise<'a, T> {
    rows: &'a Places,
    columns: &'a Places,
    take: &'a mut T,
}

impl<T: Take> Visit for Normalise<'_, T> {
    #[inline(always)]
    fn visit(&mut self, row: usize, histograms: &mut [f32], measured: &[f32]) {
        let descriptors = histograms.chunks_exact_mut(COMPONENTS).zip(measured);
        for (column, (descriptor, &measured)) in descriptors.enumerate() {
            if measured >= LEAST_MEASURED {
                normalise(descriptor);
                let place = (self.rows.at(row), self.columns.at(column));
                self.take.take(place, descriptor);
            }
        }
    }
}

#[inline(always)]
fn normalise(descriptor: &mut [f32]) {
    let length = norm(descriptor);
    if length == 0.0 {
        return;
    }
    let scale = 1.0 / length;
    for value in &mut *descriptor {
        let scaled = *value * scale;
        *value = if scaled > LARGEST { LARGEST } else { scaled };
    }
    let scale = 1.0 / norm(descriptor);
    for value in descriptor {
        *value *= scale;
    }
}

/// Squares are added in eight lanes, which are added in pairs: vectors need no other order.
#[inline(always)]
fn norm(descriptor: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    for values in descriptor.as_chunks::<8>().0 {
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane += value * value;
        }
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    (((a + e) + (b + f)) + ((c + g) + (d + h))).sqrt()
}

impl FeatureExtractor for DenseSift {
    fn name(&self) -> &str {
        "dense-sift"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::{Array2, Axis, s};
    use xscatter_core::Mask;
    use xscatter_testkit::check_extractor;

    fn waves(shape: (usize, usize)) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(row, column)| {
            (9000 / (20 + (row + 2 * column) % 47) + (row * 7 + column * column) % 31) as f32
        })
    }

    fn descriptors(counts: Array2<f32>, config: &DenseSiftConfig) -> Descriptors {
        let frame = Frame::new(counts);
        let image = Resampled::of(&frame, Grid::Native).unwrap();
        DenseSift::new(config.clone()).unwrap().descriptors(&image)
    }

    fn small() -> DenseSiftConfig {
        DenseSiftConfig {
            cell_px: 3,
            step_px: 5,
            ..Default::default()
        }
    }

    #[test]
    fn a_slope_has_one_direction() {
        for (down, right, orientation) in [(0, 1, 0), (-1, 1, 1), (-1, 0, 2), (0, -1, 4), (1, 0, 6)]
        {
            let counts = Array2::from_shape_fn((40, 40), |(row, column)| {
                (200 + down * row as i32 + right * column as i32) as f32
            });
            let config = DenseSiftConfig {
                transform: IntensityTransform::Raw,
                smoothing_px: 0.0,
                ..small()
            };
            for descriptor in descriptors(counts, &config).rows.rows() {
                for (component, &value) in descriptor.iter().enumerate() {
                    assert_eq!(value > 1e-6, component % 8 == orientation, "{component}");
                }
            }
        }
    }

    #[test]
    fn places_are_those_whose_cells_lie_in_the_image() {
        let places = descriptors(waves((13, 24)), &small()).places;
        assert_eq!(places, [(6, 6), (6, 11), (6, 16)]);
        assert!(descriptors(waves((12, 24)), &small()).places.is_empty());
    }

    #[test]
    fn descriptors_do_not_depend_on_exposure() {
        let config = DenseSiftConfig {
            transform: IntensityTransform::Raw,
            ..small()
        };
        let dim = descriptors(waves((40, 50)), &config);
        let bright = descriptors(waves((40, 50)) * 1024.0, &config);
        assert_eq!(dim, bright);
        for row in dim.rows.rows() {
            assert_abs_diff_eq!(row.dot(&row), 1.0, epsilon = 1e-6);
        }
    }

    #[test]
    fn a_flip_swaps_cells_and_orientations() {
        // 6 + 5 · 7 + 6 pixels: the places of the flipped image are those of the image.
        let counts = waves((48, 48));
        let mut flipped = counts.clone();
        flipped.invert_axis(Axis(1));
        for window in [SiftWindow::Gaussian, SiftWindow::Flat] {
            let config = DenseSiftConfig { window, ..small() };
            let (straight, mirror) = (
                descriptors(counts.clone(), &config),
                descriptors(flipped.clone(), &config),
            );
            for (place, row) in straight.places.iter().zip(straight.rows.rows()) {
                let twin = (place.0, 47 - place.1);
                let Some(twin) = mirror.places.iter().position(|&other| other == twin) else {
                    continue;
                };
                for (component, &value) in row.iter().enumerate() {
                    let (cell, orientation) = (component / 8, component % 8);
                    let cell = cell / 4 * 4 + 3 - cell % 4;
                    let other = mirror.rows[(twin, cell * 8 + (12 - orientation) % 8)];
                    assert_abs_diff_eq!(value, other, epsilon = 1e-6);
                }
            }
        }
    }

    #[test]
    fn a_transposed_image_has_transposed_descriptors() {
        let counts = waves((46, 61));
        let straight = descriptors(counts.clone(), &small());
        let turned = descriptors(
            counts.reversed_axes().as_standard_layout().into_owned(),
            &small(),
        );
        assert_eq!(straight.places.len(), turned.places.len());
        for (&(row, column), values) in straight.places.iter().zip(straight.rows.rows()) {
            let twin = turned
                .places
                .iter()
                .position(|&place| place == (column, row));
            let twin = turned.rows.row(twin.unwrap());
            for (component, &value) in values.iter().enumerate() {
                let (cell, orientation) = (component / 8, component % 8);
                let cell = cell % 4 * 4 + cell / 4;
                // (x, y up) becomes (−y, −x).
                let other = twin[cell * 8 + (14 - orientation) % 8];
                assert_abs_diff_eq!(value, other, epsilon = 5e-6);
            }
        }
    }

    #[test]
    fn patches_with_gaps_are_dropped_and_others_stay_close() {
        let counts = waves((60, 90));
        let mut bad = Array2::from_elem((60, 90), false);
        bad.slice_mut(s![.., 40..52]).fill(true);
        bad[(20, 20)] = true;
        let mut spoiled = counts.clone();
        spoiled.zip_mut_with(&bad, |count, &bad| {
            if bad {
                *count = 1e9;
            }
        });
        let whole = descriptors(counts, &small());
        let frame = Frame::new(spoiled)
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let image = Resampled::of(&frame, Grid::Native).unwrap();
        let masked = DenseSift::new(small()).unwrap().descriptors(&image);
        assert!(
            masked
                .places
                .iter()
                .all(|&(_, column)| !(40..52).contains(&column))
        );
        assert!(masked.places.len() < whole.places.len());
        for (place, row) in masked.places.iter().zip(masked.rows.rows()) {
            let same = whole.places.iter().position(|other| other == place);
            let correlation = row.dot(&whole.rows.row(same.unwrap()));
            assert!(correlation > 0.5, "{place:?}: {correlation}");
        }
        let far = masked.places.iter().position(|&place| place == (46, 16));
        let far = masked.rows.row(far.unwrap());
        let same = whole.places.iter().position(|&place| place == (46, 16));
        for (one, two) in far.iter().zip(whole.rows.row(same.unwrap())) {
            assert_abs_diff_eq!(one, two, epsilon = 1e-6);
        }
    }

    #[test]
    fn settings_far_from_the_defaults_keep_the_contract() {
        let frames: Vec<Frame> = (0..3)
            .map(|k| {
                let frame = Frame::new(waves((70 + k, 83 - 2 * k)));
                let bad = Array2::from_shape_fn(frame.shape(), |(row, column)| {
                    row == 20 || column % 37 == k
                });
                frame.with_mask(Mask::from_bad(bad.view())).unwrap()
            })
            .collect();
        for (pooling, window, smoothing_px) in [
            (Pooling::Max, SiftWindow::Flat, 0.0),
            (Pooling::Mean, SiftWindow::Gaussian, 3.0),
        ] {
            let extractor = DenseSift::new(DenseSiftConfig {
                step_px: 3,
                cell_px: 7,
                smoothing_px,
                window,
                pooling,
                transform: IntensityTransform::Anscombe,
                grid: Grid::LongSide(60),
            })
            .unwrap();
            assert_eq!(extractor.columns().len(), 128);
            check_extractor(&extractor, &frames).unwrap();
        }
    }

    #[test]
    fn flat_frames_have_zeros_and_small_ones_are_refused() {
        let sift = DenseSift::new(DenseSiftConfig::default()).unwrap();
        let table = sift.extract(&[Frame::new(Array2::from_elem((20, 20), 7.0))]);
        assert!(table.unwrap().values().iter().all(|&value| value == 0.0));
        let error = sift.extract(&[Frame::new(waves((16, 300)))]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
        assert_eq!(error.place(), Some("frame 0"));
    }

    #[test]
    fn senseless_settings_are_refused() {
        let broken = |change: fn(&mut DenseSiftConfig)| {
            let mut config = DenseSiftConfig::default();
            change(&mut config);
            DenseSift::new(config).unwrap_err()
        };
        assert_eq!(broken(|c| c.step_px = 0), DenseSiftError::Step);
        assert_eq!(broken(|c| c.cell_px = 0), DenseSiftError::Cell(0));
        assert!(matches!(
            broken(|c| c.cell_px = usize::MAX),
            DenseSiftError::Cell(_)
        ));
        assert!(matches!(
            broken(|c| c.smoothing_px = f64::NAN),
            DenseSiftError::Smoothing(_)
        ));
        assert!(matches!(
            broken(|c| c.grid = Grid::LongSide(16)),
            DenseSiftError::Grid(_)
        ));
        assert!(matches!(
            broken(|c| c.transform = IntensityTransform::Asinh { scale: 0.0 }),
            DenseSiftError::Intensity(_)
        ));
    }
}
