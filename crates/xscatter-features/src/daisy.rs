//! DAISY: orientation histograms on rings around each place of a regular grid.
//!
//! The cousin of [dense SIFT](crate::dense_sift) whose histograms come from maps smoothed the wider the
//! farther from the centre, so that small turns and shifts change little. Use it as raw material of visual
//! words, or pooled, as here, as a texture that knows directions.
//!
//! With `m` and `θ` the length and direction of the gradient (forward differences, `θ` from growing
//! columns towards growing rows) and `G_s` a Gaussian of standard deviation `s`, the histogram of ring
//! `i = 1 … rings` and orientation `o` is
//!
//! ```text
//! H_i(o) = G_s * [m · exp(κ cos(θ − θ_o))]    s = i · radius / (2 rings)    κ = orientations/π
//! θ_o = 2π o/orientations − π
//! ```
//!
//! and a descriptor holds `H_1` at its centre and `H_i` at `histograms` points of ring `i`, whose radius is
//! `i · radius/rings`, counted from growing columns towards growing rows.
//!
//! | column | what |
//! |---|---|
//! | `daisy.mean.centre.o0` … | mean over all places of the centre's histogram |
//! | `daisy.mean.r1h0.o0` … | mean over all places of histogram 0 of ring 1 |
//! | `daisy.std.…`, `daisy.max.…` | standard deviation and largest value |
//!
//! *Conventions*: as `skimage.feature.daisy`: the first place is `radius` from the upper left corner, points
//! of a ring are rounded to whole pixels, the image is mirrored about its edges, 1e-10 is added to every
//! component before it is divided, so that a flat patch has equal components. The norms are those of
//! [`DaisyNormalization`].
//!
//! *Masks*: a gradient counts if its pixel, the next one in its row and the next one in its column are
//! valid. With `V` 1 there and 0 elsewhere, maps are `(G * (H V))/max(G * V, 1/4)`; a descriptor whose
//! histograms have less than 80 % of their weight on gradients that count is dropped. A frame without a
//! descriptor left is an error of kind [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData), one
//! without room for a place is a [`ShapeMismatch`](xscatter_core::ErrorKind::ShapeMismatch).
//!
//! *Cost*: about `8 · radius · rings · orientations` operations a pixel. Some `15 · radius` rows of
//! `orientations` channels are kept.
//!
//! Source: Tola, Lepetit and Fua 2010, doi:10.1109/TPAMI.2009.77, as scikit-image 0.26.0 understands it.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

mod maps;

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, FeatureExtractor, Frame, Result};

use self::maps::{Image, Map, Visit, each_row};
use crate::batch::fill_rows;
use crate::intensity::{IntensityError, IntensityTransform};
use crate::local::{Descriptors, Kept, Pool, Pooling, Scaled, Take};
use crate::resample::{Grid, GridError, Resampled, degenerate, name_frame};

/// What is added to every component.
const TINY: f32 = 1e-10;
/// The part of a descriptor's weight that must be measured.
const LEAST_MEASURED: f32 = 0.8;
/// A histogram of which less than this was measured is not made up for.
const LEAST_SHARE: f32 = 0.25;

/// What the components of a descriptor are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DaisyNormalization {
    /// The sum of all.
    #[default]
    L1,
    /// The root of the sum of all squares.
    L2,
    /// For each histogram the root of the sum of its squares.
    Daisy,
    /// Nothing.
    Off,
}

/// What [`Daisy`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DaisyConfig {
    /// The distance of neighbouring descriptors, in pixels.
    pub step_px: usize,
    /// The radius of the outermost ring, in pixels.
    pub radius_px: usize,
    /// How many rings.
    pub rings: usize,
    /// How many histograms on a ring.
    pub histograms: usize,
    /// How many orientations in a histogram.
    pub orientations: usize,
    /// What the components of a descriptor are divided by.
    pub normalization: DaisyNormalization,
    /// How the descriptors of a frame become one row.
    pub pooling: Pooling,
    /// What is done to the counts first.
    pub transform: IntensityTransform,
    /// The pixels on which descriptors are computed.
    pub grid: Grid,
}

impl Default for DaisyConfig {
    /// That of scikit-image on `ln(1 + I)` at full resolution: 200 components every 4 pixels, mean and
    /// standard deviation.
    fn default() -> Self {
        Self {
            step_px: 4,
            radius_px: 15,
            rings: 3,
            histograms: 8,
            orientations: 8,
            normalization: DaisyNormalization::L1,
            pooling: Pooling::MeanAndStd,
            transform: IntensityTransform::Log1p,
            grid: Grid::Native,
        }
    }
}

/// Why a [`Daisy`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DaisyError {
    /// A number of pixels, rings, histograms or orientations outside its domain.
    #[error("expected {0} of 1 to {1}, got {2}")]
    Number(&'static str, usize, usize),
    /// No descriptor fits into the grid.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The transform makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

/// DAISY descriptors; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{Daisy, DaisyConfig, Grid, Resampled};
///
/// let frame = Frame::new(Array2::from_shape_fn((32, 40), |(row, column)| (row * column % 97) as f32));
/// let daisy = Daisy::new(DaisyConfig { histograms: 2, ..Default::default() })?;
/// let descriptors = daisy.descriptors(&Resampled::of(&frame, Grid::Native)?);
/// assert_eq!(descriptors.rows.dim(), (3, (3 * 2 + 1) * 8));
/// assert_eq!(descriptors.places[1], (15, 19));
/// assert_eq!(daisy.extract(&[frame])?.n_columns(), 2 * 56);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Daisy {
    config: DaisyConfig,
    columns: Vec<Arc<str>>,
}

impl Daisy {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`DaisyError`] if a setting is outside its domain.
    pub fn new(config: DaisyConfig) -> Result<Self, DaisyError> {
        for (what, most, number) in [
            ("a step in pixels", usize::MAX >> 8, config.step_px),
            ("a radius in pixels", 1 << 14, config.radius_px),
            ("rings", 64, config.rings),
            ("histograms", 64, config.histograms),
            ("orientations", 64, config.orientations),
        ] {
            if !(1..=most).contains(&number) {
                return Err(DaisyError::Number(what, most, number));
            }
        }
        config.transform.check()?;
        config.grid.check(2 * config.radius_px + 1)?;
        let (rings, histograms) = (1..=config.rings, 0..config.histograms);
        let points = rings.flat_map(|ring| histograms.clone().map(move |h| format!("r{ring}h{h}")));
        let components: Vec<String> = std::iter::once("centre".to_owned())
            .chain(points)
            .flat_map(|point| (0..config.orientations).map(move |o| format!("{point}.o{o}")))
            .collect();
        let columns = config.pooling.columns("daisy", &components);
        Ok(Self { config, columns })
    }

    /// All descriptors of an image that is on the grid already: places, row by row, and their components,
    /// orientations fastest, the centre first. None if the image has no room for one.
    ///
    /// # Panics
    /// Never: every place has one descriptor.
    pub fn descriptors(&self, image: &Resampled) -> Descriptors {
        let mut kept = Kept::default();
        self.each(image, &mut kept);
        kept.descriptors(self.components())
    }

    fn components(&self) -> usize {
        (self.config.rings * self.config.histograms + 1) * self.config.orientations
    }

    fn each(&self, image: &Resampled, take: &mut impl Take) {
        let layout = Layout::new(&self.config, image.shape());
        if layout.rows.number == 0 || layout.columns.number == 0 {
            return;
        }
        let scaled = Scaled::of(image, self.config.transform);
        let (height, width) = image.shape();
        let mut visit = Assemble {
            layout: &layout,
            masked: image.coverage.is_some(),
            width,
            normalization: self.config.normalization,
            factor: scaled.factor,
            descriptor: vec![0.0; self.components()],
            take,
        };
        let image = Image {
            shape: (height, width),
            values: scaled.values,
            coverage: image.coverage_slice(),
        };
        each_row(&image, &layout, &mut visit);
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let image = Resampled::of(frame, self.config.grid)?;
        let (rows, columns) = image.shape();
        let least = 2 * self.config.radius_px + 1;
        if rows.min(columns) < least {
            let message = format!(
                "expected an image of at least {least}x{least} pixels, found {rows}x{columns}"
            );
            return Err(name_frame(
                Error::new(ErrorKind::ShapeMismatch, message),
                frame,
            ));
        }
        let mut pool = Pool::new(self.components());
        self.each(&image, &mut pool);
        pool.row(self.config.pooling).ok_or_else(|| {
            degenerate(
                frame,
                "expected a place of whose surroundings 80 % are measured, found none",
            )
        })
    }
}

/// Where places lie along an axis.
struct Places {
    first: usize,
    step: usize,
    number: usize,
}

impl Places {
    fn new(length: usize, radius_px: usize, step: usize) -> Self {
        Self {
            first: radius_px,
            step,
            number: length.saturating_sub(2 * radius_px).div_ceil(step),
        }
    }

    fn at(&self, index: usize) -> usize {
        self.first + index * self.step
    }
}

/// Where a descriptor looks, and how wide.
struct Layout {
    rows: Places,
    columns: Places,
    /// The width of each ring's smoothing.
    sigmas_px: Vec<f64>,
    /// Ring, row and column offset of each histogram.
    points: Vec<(usize, isize, isize)>,
    /// Cosine and sine of each orientation.
    directions: Vec<(f32, f32)>,
    /// κ, how sharply an orientation is told from its neighbours.
    sharpness: f32,
}

impl Layout {
    fn new(config: &DaisyConfig, (height, width): (usize, usize)) -> Self {
        let radius = config.radius_px as f64;
        let rings = config.rings as f64;
        let mut points = vec![(0, 0, 0)];
        for ring in 0..config.rings {
            let radius = radius * (ring + 1) as f64 / rings;
            for histogram in 0..config.histograms {
                let angle = TAU * histogram as f64 / config.histograms as f64;
                let offset = |part: f64| (radius * part).round_ties_even() as isize;
                points.push((ring, offset(angle.sin()), offset(angle.cos())));
            }
        }
        let orientations = config.orientations as f64;
        Self {
            rows: Places::new(height, config.radius_px, config.step_px),
            columns: Places::new(width, config.radius_px, config.step_px),
            sigmas_px: (0..config.rings)
                .map(|ring| radius * (ring + 1) as f64 / (2.0 * rings))
                .collect(),
            points,
            directions: (0..config.orientations)
                .map(|orientation| {
                    let angle = TAU * orientation as f64 / orientations - PI;
                    (angle.cos() as f32, angle.sin() as f32)
                })
                .collect(),
            sharpness: (orientations / PI) as f32,
        }
    }

    /// How many channels a map has: one more where gradients may not count.
    fn channels(&self, masked: bool) -> usize {
        self.directions.len() + usize::from(masked)
    }

    /// For each ring how many rows below and above its place it looks.
    fn row_reaches(&self) -> Vec<usize> {
        let mut reaches = vec![0; self.sigmas_px.len()];
        for &(ring, down, _) in &self.points {
            reaches[ring] = reaches[ring].max(down.unsigned_abs());
        }
        reaches
    }
}

/// Gathers descriptors from the maps, drops what was not measured and normalises the rest.
struct Assemble<'a, T> {
    layout: &'a Layout,
    masked: bool,
    width: usize,
    normalization: DaisyNormalization,
    factor: f32,
    descriptor: Vec<f32>,
    take: &'a mut T,
}

impl<T: Take> Visit for Assemble<'_, T> {
    #[inline(always)]
    fn visit(&mut self, place_row: usize, maps: &[Map]) {
        let layout = self.layout;
        let orientations = layout.directions.len();
        let row = layout.rows.at(place_row);
        for place_column in 0..layout.columns.number {
            let column = layout.columns.at(place_column);
            let mut measured = 0.0;
            let histograms = self.descriptor.chunks_exact_mut(orientations);
            for (histogram, &(ring, down, right)) in histograms.zip(&layout.points) {
                let line = maps[ring].row(row.strict_add_signed(down));
                let start = column.strict_add_signed(right);
                for (value, channel) in histogram.iter_mut().zip(line.chunks_exact(self.width)) {
                    *value = channel[start];
                }
                if self.masked {
                    let share = line[orientations * self.width + start];
                    measured += share;
                    for value in histogram {
                        *value /= share.max(LEAST_SHARE);
                    }
                }
            }
            if self.masked && measured < LEAST_MEASURED * layout.points.len() as f32 {
                continue;
            }
            self.normalise();
            self.take.take((row, column), &self.descriptor);
        }
    }
}

impl<T> Assemble<'_, T> {
    #[inline(always)]
    fn normalise(&mut self) {
        let descriptor = &mut self.descriptor[..];
        if self.normalization == DaisyNormalization::Off {
            for value in descriptor {
                *value = (*value / self.factor).min(f32::MAX);
            }
            return;
        }
        // On the scale of the intensities, whatever they were multiplied by.
        let tiny = (TINY * self.factor).max(f32::MIN_POSITIVE);
        for value in &mut *descriptor {
            *value += tiny;
        }
        let orientations = self.layout.directions.len();
        let norm = |values: &[f32]| {
            values
                .iter()
                .map(|&v| f64::from(v).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        match self.normalization {
            DaisyNormalization::L1 => {
                let sum: f64 = descriptor.iter().map(|&value| f64::from(value)).sum();
                scale(descriptor, 1.0 / sum);
            }
            DaisyNormalization::L2 => {
                let norm = norm(descriptor);
                scale(descriptor, 1.0 / norm);
            }
            DaisyNormalization::Daisy => {
                for histogram in descriptor.chunks_exact_mut(orientations) {
                    let norm = norm(histogram);
                    scale(histogram, 1.0 / norm);
                }
            }
            DaisyNormalization::Off => {}
        }
    }
}

#[inline(always)]
fn scale(values: &mut [f32], factor: f64) {
    for value in values {
        *value = (f64::from(*value) * factor) as f32;
    }
}

impl FeatureExtractor for Daisy {
    fn name(&self) -> &str {
        "daisy"
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
    use approx::assert_relative_eq;
    use ndarray::{Array2, s};
    use xscatter_core::Mask;
    use xscatter_testkit::check_extractor;

    fn waves(shape: (usize, usize)) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(row, column)| {
            (9000 / (20 + (row + 2 * column) % 47) + (row * 7 + column * column) % 31) as f32
        })
    }

    fn small() -> DaisyConfig {
        DaisyConfig {
            step_px: 5,
            radius_px: 8,
            rings: 2,
            histograms: 6,
            ..Default::default()
        }
    }

    fn descriptors(counts: Array2<f32>, config: &DaisyConfig) -> Descriptors {
        let frame = Frame::new(counts);
        let image = Resampled::of(&frame, Grid::Native).unwrap();
        Daisy::new(config.clone()).unwrap().descriptors(&image)
    }

    #[test]
    fn g_dai_1_the_shape_of_the_grid() {
        let config = DaisyConfig {
            step_px: 180,
            radius_px: 58,
            rings: 2,
            histograms: 6,
            ..Default::default()
        };
        let Descriptors { places, rows } = descriptors(waves((512, 512)), &config);
        assert_eq!(rows.dim(), (9, 104));
        assert_eq!(places[4], (238, 238));
    }

    #[test]
    fn places_are_those_whose_rings_lie_in_the_image() {
        assert_eq!(
            descriptors(waves((17, 22)), &small()).places,
            [(8, 8), (8, 13)]
        );
        assert!(descriptors(waves((16, 40)), &small()).places.is_empty());
    }

    #[test]
    fn norms_are_one_and_a_flat_patch_has_equal_components() {
        let flat = Array2::from_elem((24, 24), 3e38f32);
        for (normalization, power) in [(DaisyNormalization::L1, 1), (DaisyNormalization::L2, 2)] {
            let config = DaisyConfig {
                normalization,
                transform: IntensityTransform::Raw,
                ..small()
            };
            for counts in [
                waves((40, 33)),
                flat.clone(),
                waves((20, 20)) * 1e-38,
                waves((20, 20)) * 1e30,
            ] {
                for row in descriptors(counts, &config).rows.rows() {
                    let sum: f32 = row.iter().map(|value| value.powi(power)).sum();
                    assert_relative_eq!(sum, 1.0, max_relative = 1e-5);
                }
            }
            let rows = descriptors(flat.clone(), &config).rows;
            assert!(rows.iter().all(|&value| value == rows[(0, 0)]));
        }
    }

    #[test]
    fn a_transposed_image_has_transposed_descriptors() {
        let config = DaisyConfig {
            histograms: 8,
            ..small()
        };
        let counts = waves((41, 57));
        let straight = descriptors(counts.clone(), &config);
        let turned = descriptors(
            counts.reversed_axes().as_standard_layout().into_owned(),
            &config,
        );
        for (&(row, column), values) in straight.places.iter().zip(straight.rows.rows()) {
            let twin = turned
                .places
                .iter()
                .position(|&place| place == (column, row));
            let twin = turned.rows.row(twin.unwrap());
            for (component, &value) in values.iter().enumerate() {
                let (point, orientation) = (component / 8, component % 8);
                // Angles about the axis that swaps rows and columns: a becomes 90° − a.
                let point = match point {
                    0 => 0,
                    point => (point - 1) / 8 * 8 + (10 - (point - 1) % 8) % 8 + 1,
                };
                let other = twin[point * 8 + (18 - orientation) % 8];
                assert_relative_eq!(value, other, max_relative = 2e-5);
            }
        }
    }

    #[test]
    fn places_beside_gaps_are_dropped_and_others_stay() {
        let counts = waves((60, 120));
        let mut bad = Array2::from_elem((60, 120), false);
        bad.slice_mut(s![.., 60..70]).fill(true);
        let frame = Frame::new(counts.clone())
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let image = Resampled::of(&frame, Grid::Native).unwrap();
        let masked = Daisy::new(small()).unwrap().descriptors(&image);
        let whole = descriptors(counts, &small());
        assert!(
            masked
                .places
                .iter()
                .all(|&(_, column)| !(58..72).contains(&column))
        );
        for (place, row) in masked.places.iter().zip(masked.rows.rows()) {
            let same = whole.places.iter().position(|other| other == place);
            let same = whole.rows.row(same.unwrap());
            if place.1 < 60 - 26 || place.1 > 70 + 26 {
                for (one, two) in row.iter().zip(same) {
                    assert_relative_eq!(one, two, max_relative = 1e-5);
                }
            }
        }
    }

    #[test]
    fn settings_far_from_the_defaults_keep_the_contract() {
        let frames: Vec<Frame> = (0..3)
            .map(|k| {
                let frame = Frame::new(waves((50 + k, 63 - 2 * k)));
                let bad = Array2::from_shape_fn(frame.shape(), |(row, column)| {
                    row == 20 && column % 2 == k % 2
                });
                frame.with_mask(Mask::from_bad(bad.view())).unwrap()
            })
            .collect();
        for (normalization, pooling) in [
            (DaisyNormalization::Off, Pooling::Max),
            (DaisyNormalization::Daisy, Pooling::Mean),
        ] {
            let daisy = Daisy::new(DaisyConfig {
                orientations: 5,
                normalization,
                pooling,
                transform: IntensityTransform::Anscombe,
                ..small()
            })
            .unwrap();
            check_extractor(&daisy, &frames).unwrap();
        }
    }

    #[test]
    fn senseless_settings_are_refused() {
        for change in [
            (|c| c.step_px = 0) as fn(&mut DaisyConfig),
            |c| c.radius_px = usize::MAX,
            |c| c.rings = 0,
            |c| c.histograms = 65,
            |c| c.orientations = 0,
        ] {
            let mut config = DaisyConfig::default();
            change(&mut config);
            assert!(matches!(Daisy::new(config), Err(DaisyError::Number(..))));
        }
        let config = DaisyConfig {
            grid: Grid::LongSide(30),
            ..Default::default()
        };
        assert!(matches!(Daisy::new(config), Err(DaisyError::Grid(_))));
    }
}
