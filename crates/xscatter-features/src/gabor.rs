//! Texture from a bank of Gabor filters: how much of each wavelength runs in each direction.
//!
//! The kernel of wavelength `λ` and direction `θ` is a wave under a round Gaussian, with the mean taken
//! out:
//!
//! `g(x, y) = G_σ(x, y) (exp(2πi (x cos θ + y sin θ) / λ) − c)`, `c = Σ G_σ exp(…) / Σ G_σ`,
//!
//! over `|x|, |y| ≤ half_width_px`, with `Σ G_σ = 1`. `θ` runs from growing columns towards growing rows,
//! in `orientations` steps over half a turn. The response `R = |g * I|` is the size of the complex sum, so
//! it does not depend on the phase of the wave. Use it for fibre textures, speckle, scratches and rings
//! of a known spacing; for a description by frequency alone the power spectrum is
//! cheaper.
//!
//! | column | value |
//! |---|---|
//! | `gabor.mean.w4.a0`, `….a22.5`, … | mean of `R`, by wavelength in pixels and direction in degrees |
//! | `gabor.std.w4.a0`, … | standard deviation of `R` over the pixels |
//! | `gabor.mean.w4` | mean over directions of the means: unchanged by quarter turns and flips |
//! | `gabor.energy.w4` | mean over directions and pixels of `R²` |
//! | `gabor.anisotropy.w4` | largest mean of a direction over the mean of all; 1 is isotropic |
//!
//! *Missing*: the anisotropy of a frame that no filter answers to (a constant one) is `NaN`.
//!
//! *Borders*: mirrored about the centres of the end pixels (`BORDER_REFLECT_101` of OpenCV, `mirror` of
//! SciPy).
//!
//! *Masks*: normalised convolution of the deviations from the local mean. With validity `V`, and
//! `m = G*(I V) / G*V` the mean of the valid pixels about each pixel,
//! `R = |g₀*(I V) − m g₀*V| / G*V`, where `g₀` is the kernel with its mean. Without a mask that is the
//! formula above; next to a gap it is a kernel whose mean is zero on what is left of it. A pixel counts
//! if it is valid and at least a quarter of the Gaussian about it; a frame without any is an error of
//! kind [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData).
//!
//! *Cost*: `4 (2h + 1)` operations a pixel, wavelength and direction, folded and shared to a third of
//! that; twice that with a mask. Single precision, sums in double; the mean is taken out first.
//!
//! Source: Daugman 1985, doi:10.1364/JOSAA.2.001160; without the mean taken out the real parts are those
//! of OpenCV's `getGaborKernel(…, gamma 1, psi 0)` divided by the sum of the envelope.

use std::sync::Arc;

use ndarray::{Array2, ArrayViewMut2};
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::centred::{Centred, stored};
use crate::intensity::{IntensityError, IntensityTransform};
use crate::resample::{Grid, GridError, MIN_COVERAGE, degenerate};

mod bank;
mod kernel;

use bank::{Magnitudes, Scale, Sink, Strip, TILE};
pub use kernel::GaborKernel;

/// What [`Gabor`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GaborConfig {
    /// Wavelengths in pixels of the (resampled) image, at least 2 each.
    pub wavelengths_px: Vec<f64>,
    /// The deviation of the Gaussian of each wavelength.
    pub sigmas_px: Vec<f64>,
    /// Directions over half a turn.
    pub orientations: usize,
    /// How far the kernels reach on both sides of their centre.
    pub half_width_px: usize,
    /// What is done to the counts first.
    pub transform: IntensityTransform,
    /// The pixels that are filtered.
    pub grid: Grid,
}

impl Default for GaborConfig {
    /// Wavelengths of 4 and 8 pixels in eight directions, kernels of 21 × 21 pixels, on `ln(1 + I)` at
    /// full resolution.
    fn default() -> Self {
        Self {
            wavelengths_px: vec![4.0, 8.0],
            sigmas_px: vec![2.0, 3.5],
            orientations: 8,
            half_width_px: 10,
            transform: IntensityTransform::Log1p,
            grid: Grid::Native,
        }
    }
}

/// Why a [`Gabor`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GaborError {
    /// Wavelengths and deviations do not go together.
    #[error(
        "expected as many sigmas_px as wavelengths_px and at least one, got {sigmas} and {wavelengths}"
    )]
    Lengths {
        /// Number of wavelengths.
        wavelengths: usize,
        /// Number of deviations.
        sigmas: usize,
    },
    /// A wavelength that a grid of pixels cannot hold.
    #[error("expected finite wavelengths of at least 2 pixels, each once, got {0}")]
    Wavelength(f64),
    /// A deviation is not a positive number.
    #[error("expected positive finite sigmas, got {0}")]
    Sigma(f64),
    /// Too few or too many directions.
    #[error("expected 1 to 64 orientations, got {0}")]
    Orientations(usize),
    /// Kernels that reach nowhere, or too far.
    #[error("expected a half width of 1 to 256 pixels, got {0}")]
    HalfWidth(usize),
    /// The grid has no pixels.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The transform makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

/// Texture from a bank of Gabor filters; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{Gabor, GaborConfig};
///
/// // Stripes of 8 pixels along the rows.
/// let stripes = Array2::from_shape_fn((40, 40), |(row, _)| (row % 8 / 4) as f32 * 100.0);
/// let gabor = Gabor::new(GaborConfig::default())?;
/// let table = gabor.extract(&[Frame::new(stripes)])?;
/// let value = |name: &str| {
///     let column = table.columns().iter().position(|column| **column == *name);
///     table.values()[(0, column.unwrap())]
/// };
/// assert!(value("gabor.mean.w8.a90") > 20.0 * value("gabor.mean.w8.a0"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Gabor {
    config: GaborConfig,
    scales: Vec<Scale>,
    columns: Vec<Arc<str>>,
}

impl Gabor {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`GaborError`] if a setting is outside its domain.
    pub fn new(config: GaborConfig) -> Result<Self, GaborError> {
        config.transform.check()?;
        config.grid.check(1)?;
        let GaborConfig {
            wavelengths_px,
            sigmas_px,
            orientations,
            half_width_px,
            ..
        } = &config;
        if wavelengths_px.len() != sigmas_px.len() || wavelengths_px.is_empty() {
            return Err(GaborError::Lengths {
                wavelengths: wavelengths_px.len(),
                sigmas: sigmas_px.len(),
            });
        }
        for (index, &wavelength) in wavelengths_px.iter().enumerate() {
            let twin = wavelengths_px[..index].contains(&wavelength);
            if twin || !(2.0..f64::INFINITY).contains(&wavelength) {
                return Err(GaborError::Wavelength(wavelength));
            }
        }
        if let Some(&sigma) = sigmas_px
            .iter()
            .find(|sigma| !(**sigma > 0.0 && sigma.is_finite()))
        {
            return Err(GaborError::Sigma(sigma));
        }
        if !(1..=64).contains(orientations) {
            return Err(GaborError::Orientations(*orientations));
        }
        if !(1..=256).contains(half_width_px) {
            return Err(GaborError::HalfWidth(*half_width_px));
        }
        let mut columns: Vec<Arc<str>> = Vec::new();
        for wavelength in wavelengths_px {
            for property in ["mean", "std"] {
                for k in 0..*orientations {
                    let degrees = 180.0 * k as f64 / *orientations as f64;
                    // Four decimals tell 64 directions apart.
                    let degrees = (degrees * 1e4).round() / 1e4;
                    columns.push(format!("gabor.{property}.w{wavelength}.a{degrees}").into());
                }
            }
            for property in ["mean", "energy", "anisotropy"] {
                columns.push(format!("gabor.{property}.w{wavelength}").into());
            }
        }
        let scales = wavelengths_px
            .iter()
            .zip(sigmas_px)
            .map(|(&wavelength, &sigma)| {
                Scale::new(wavelength, sigma, *half_width_px, *orientations)
            })
            .collect();
        Ok(Self {
            config,
            scales,
            columns,
        })
    }

    /// The size of the response of every kernel at every pixel of the grid: wavelength by wavelength,
    /// in each all directions. `NaN` where a pixel does not count.
    ///
    /// # Errors
    /// As for [`extract`](FeatureExtractor::extract), but for frames without a pixel that counts.
    ///
    /// # Panics
    /// Never: maps have the shape of the image.
    pub fn magnitudes(&self, frame: &Frame) -> Result<Vec<Array2<f32>>> {
        let image = Centred::of(frame, self.config.grid, self.config.transform)?;
        let mut maps = Vec::new();
        for scale in &self.scales {
            let mut sink = Maps {
                image: &image,
                maps: vec![vec![f32::NAN; image.values.len()]; self.config.orientations],
            };
            scale.run(&inputs(&image), image.shape, &mut sink);
            for mut map in sink.maps {
                for value in &mut map {
                    *value *= image.scale as f32;
                }
                let map = Array2::from_shape_vec(image.shape, map);
                maps.push(map.expect("maps have the shape of the image"));
            }
        }
        Ok(maps)
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let image = Centred::of(frame, self.config.grid, self.config.transform)?;
        let mut row = Vec::with_capacity(self.columns.len());
        for scale in &self.scales {
            let mut sink = Sums {
                image: &image,
                lanes: vec![Lanes::default(); self.config.orientations],
                pixels: 0,
            };
            scale.run(&inputs(&image), image.shape, &mut sink);
            if sink.pixels == 0 {
                return Err(degenerate(
                    frame,
                    "expected a valid pixel with a quarter of its neighbourhood valid, found none",
                ));
            }
            let pixels = sink.pixels as f64;
            let over_directions = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let per_pixel = |lanes: &[f64; LANES]| lanes.iter().sum::<f64>() / pixels;
            let means: Vec<f64> = sink.lanes.iter().map(|s| per_pixel(&s.values)).collect();
            let squares: Vec<f64> = sink.lanes.iter().map(|s| per_pixel(&s.squares)).collect();
            let stds = means.iter().zip(&squares);
            let stds = stds.map(|(mean, square)| (square - mean * mean).max(0.0).sqrt());
            let mean = over_directions(&means);
            let largest = means.iter().copied().fold(0.0, f64::max);
            row.extend(
                means
                    .iter()
                    .copied()
                    .chain(stds)
                    .map(|value| value * image.scale),
            );
            row.push(mean * image.scale);
            row.push(over_directions(&squares) * image.scale * image.scale);
            // 0 / 0 is NaN: missing.
            row.push(largest / mean);
        }
        stored(frame, row)
    }
}

impl FeatureExtractor for Gabor {
    fn name(&self) -> &str {
        "gabor"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// What is filtered: the image and, where pixels do not count, the mask.
fn inputs(image: &Centred) -> Vec<&[f32]> {
    let mask = image.valid.as_deref();
    std::iter::once(&image.values[..]).chain(mask).collect()
}

/// Which pixels of a strip count.
#[allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]
#[inline(always)]
fn counting(
    image: &Centred,
    (row, column): (usize, usize),
    width: usize,
    responses: &Magnitudes<'_>,
) -> [bool; TILE] {
    let mut counts = [false; TILE];
    counts[..width].fill(true);
    if let (Some(valid), Some(coverage)) = (&image.valid, responses.coverage()) {
        let valid = &valid[row * image.shape.1 + column..][..width];
        for ((counts, valid), coverage) in counts.iter_mut().zip(valid).zip(coverage) {
            *counts = *valid > 0.0 && *coverage >= MIN_COVERAGE;
        }
    }
    counts
}

/// Keeps the magnitudes.
struct Maps<'a> {
    image: &'a Centred,
    maps: Vec<Vec<f32>>,
}

impl Sink for Maps<'_> {
    fn take(&mut self, row: usize, column: usize, width: usize, responses: &Magnitudes<'_>) {
        let counts = counting(self.image, (row, column), width, responses);
        let start = row * self.image.shape.1 + column;
        for (orientation, map) in self.maps.iter_mut().enumerate() {
            let strip = responses.of(orientation);
            let target = &mut map[start..start + width];
            for ((target, &value), &counts) in target.iter_mut().zip(&strip).zip(&counts) {
                if counts {
                    *target = value;
                }
            }
        }
    }
}

/// Sums that do not wait for each other.
const LANES: usize = 8;

#[derive(Debug, Clone, Default)]
struct Lanes {
    values: [f64; LANES],
    squares: [f64; LANES],
}

/// Adds up the magnitudes and their squares.
struct Sums<'a> {
    image: &'a Centred,
    lanes: Vec<Lanes>,
    pixels: usize,
}

impl Sink for Sums<'_> {
    #[allow(
        clippy::inline_always,
        reason = "a function that is not inlined would be compiled without the wide instructions"
    )]
    #[inline(always)]
    fn take(&mut self, row: usize, column: usize, width: usize, responses: &Magnitudes<'_>) {
        let all = width == TILE && self.image.valid.is_none();
        let counts = counting(self.image, (row, column), width, responses);
        self.pixels += counts.iter().filter(|&&counts| counts).count();
        for (orientation, lanes) in self.lanes.iter_mut().enumerate() {
            let mut strip: Strip = responses.of(orientation);
            if !all {
                for (value, &counts) in strip.iter_mut().zip(&counts) {
                    *value = if counts { *value } else { 0.0 };
                }
            }
            for chunk in strip.as_chunks::<LANES>().0 {
                let sums = lanes.values.iter_mut().zip(&mut lanes.squares);
                for ((sum, squares), &value) in sums.zip(chunk) {
                    let value = f64::from(value);
                    *sum += value;
                    *squares += value * value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::Axis;
    use xscatter_core::{ErrorKind, Mask};
    use xscatter_testkit::check_extractor;

    fn noisy(shape: (usize, usize)) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(row, column)| {
            ((row * 31 + column * 17 + row * column) % 101) as f32
        })
    }

    fn small() -> GaborConfig {
        GaborConfig {
            wavelengths_px: vec![3.0, 5.5],
            sigmas_px: vec![1.2, 2.0],
            orientations: 5,
            half_width_px: 6,
            transform: IntensityTransform::Raw,
            grid: Grid::Native,
        }
    }

    /// The formula of the module, pixel by pixel in double precision.
    fn by_definition(
        config: &GaborConfig,
        image: &Array2<f64>,
        valid: &Array2<bool>,
    ) -> Vec<Array2<f64>> {
        use num_complex::Complex64;
        let (rows, columns) = image.dim();
        let half = config.half_width_px as isize;
        let mut maps = Vec::new();
        for (wavelength, sigma) in config.wavelengths_px.iter().zip(&config.sigmas_px) {
            for k in 0..config.orientations {
                let theta = std::f64::consts::PI * k as f64 / config.orientations as f64;
                let mut places = Vec::new();
                for y in -half..=half {
                    for x in -half..=half {
                        let (yf, xf) = (y as f64, x as f64);
                        let height = (-0.5 * (xf * xf + yf * yf) / (sigma * sigma)).exp();
                        let phase = std::f64::consts::TAU / wavelength
                            * (xf * theta.cos() + yf * theta.sin());
                        places.push((y, x, height, Complex64::from_polar(height, phase)));
                    }
                }
                let total: f64 = places.iter().map(|place| place.2).sum();
                maps.push(Array2::from_shape_fn((rows, columns), |(row, column)| {
                    let (mut envelope, mut value) = (0.0, 0.0);
                    let mut wave = Complex64::ZERO;
                    let mut both = Complex64::ZERO;
                    for &(y, x, height, kernel) in &places {
                        let place = (
                            crate::centred::mirrored(row as isize + y, rows),
                            crate::centred::mirrored(column as isize + x, columns),
                        );
                        if valid[place] {
                            envelope += height;
                            value += height * image[place];
                            wave += kernel;
                            both += kernel * image[place];
                        }
                    }
                    if !valid[(row, column)] || envelope < f64::from(MIN_COVERAGE) * total {
                        return f64::NAN;
                    }
                    (both - value / envelope * wave).norm() / envelope
                }));
            }
        }
        maps
    }

    #[test]
    fn maps_are_those_of_the_definition_with_and_without_gaps() {
        for (shape, masked) in [
            ((23, 41), false),
            ((23, 41), true),
            ((1, 9), false),
            ((40, 3), true),
        ] {
            let counts = noisy(shape);
            let bad = Array2::from_shape_fn(shape, |(row, column)| {
                masked && ((4..9).contains(&row) || column % 13 == 2)
            });
            let image = counts.mapv(f64::from);
            let mut frame = Frame::new(counts);
            if masked {
                frame = frame.with_mask(Mask::from_bad(bad.view())).unwrap();
            }
            let maps = Gabor::new(small()).unwrap().magnitudes(&frame).unwrap();
            let expected = by_definition(&small(), &image, &bad.mapv(|bad| !bad));
            assert_eq!(maps.len(), expected.len());
            for (map, expected) in maps.iter().zip(&expected) {
                for (&value, &expected) in map.iter().zip(expected) {
                    assert_eq!(value.is_nan(), expected.is_nan());
                    if !value.is_nan() {
                        assert_relative_eq!(
                            f64::from(value),
                            expected,
                            epsilon = 1e-4,
                            max_relative = 1e-5
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn the_row_sums_up_the_maps() {
        let gabor = Gabor::new(small()).unwrap();
        let frame = Frame::new(noisy((37, 70)));
        let maps = gabor.magnitudes(&frame).unwrap();
        let table = gabor.extract(&[frame]).unwrap();
        for (index, map) in maps.iter().enumerate() {
            let mean = map.iter().map(|&value| f64::from(value)).sum::<f64>() / map.len() as f64;
            let column = index / 5 * 13 + index % 5;
            assert_relative_eq!(
                f64::from(table.values()[(0, column)]),
                mean,
                max_relative = 1e-6
            );
        }
    }

    #[test]
    fn a_quarter_turn_permutes_directions_and_a_flip_mirrors_them() {
        let gabor = Gabor::new(GaborConfig::default()).unwrap();
        let counts = noisy((45, 38));
        let mut flipped = counts.clone();
        flipped.invert_axis(Axis(0));
        let turned = flipped
            .clone()
            .reversed_axes()
            .as_standard_layout()
            .to_owned();
        let table = gabor
            .extract(&[counts, flipped, turned].map(Frame::new))
            .unwrap();
        let value = |row: usize, name: String| {
            let column = table.columns().iter().position(|column| **column == *name);
            table.values()[(row, column.unwrap())]
        };
        for degrees in [0.0, 22.5, 45.0, 67.5, 90.0, 112.5, 135.0, 157.5] {
            let name = |degrees: f64| format!("gabor.mean.w4.a{}", degrees % 180.0);
            let original = value(0, name(degrees));
            let mirrored = value(1, name(180.0 - degrees));
            let turned = value(2, name(degrees + 90.0));
            assert_relative_eq!(original, mirrored, max_relative = 1e-5);
            assert_relative_eq!(original, turned, max_relative = 1e-5);
        }
        for name in ["gabor.mean.w8", "gabor.energy.w8", "gabor.anisotropy.w8"] {
            let original = value(0, name.to_owned());
            for row in 1..3 {
                assert_relative_eq!(value(row, name.to_owned()), original, max_relative = 1e-5);
            }
        }
    }

    #[test]
    fn raw_responses_scale_with_exposure_and_anisotropy_does_not() {
        let gabor = Gabor::new(small()).unwrap();
        let counts = noisy((30, 30));
        let frames = [counts.clone(), counts * 8.0].map(Frame::new);
        let table = gabor.extract(&frames).unwrap();
        for (column, name) in table.columns().iter().enumerate() {
            let [one, eight] = [0, 1].map(|row| table.values()[(row, column)]);
            let factor = match name.split('.').nth(1) {
                Some("anisotropy") => 1.0,
                Some("energy") => 64.0,
                _ => 8.0,
            };
            assert_relative_eq!(one * factor, eight, max_relative = 1e-5);
        }
    }

    #[test]
    fn settings_far_from_the_defaults_keep_the_contract() {
        let frames: Vec<Frame> = (0..3)
            .map(|k| {
                let frame = Frame::new(noisy((31 + k, 77)));
                let bad =
                    Array2::from_shape_fn((31 + k, 77), |(r, c)| k > 0 && (r == 9 || c % 20 < k));
                frame.with_mask(Mask::from_bad(bad.view())).unwrap()
            })
            .collect();
        for grid in [Grid::Native, Grid::LongSide(40)] {
            let gabor = Gabor::new(GaborConfig { grid, ..small() }).unwrap();
            check_extractor(&gabor, &frames).unwrap();
        }
    }

    #[test]
    fn a_constant_frame_has_no_response_and_no_direction() {
        let gabor = Gabor::new(GaborConfig::default()).unwrap();
        let table = gabor
            .extract(&[Frame::new(Array2::from_elem((9, 9), 7.0))])
            .unwrap();
        for (column, &value) in table.columns().iter().zip(table.values()) {
            if column.contains("anisotropy") {
                assert!(value.is_nan());
            } else {
                assert_eq!(value, 0.0, "{column}");
            }
        }
    }

    #[test]
    fn a_lone_pixel_has_no_neighbourhood() {
        let bad = Array2::from_shape_fn((30, 30), |place| place != (14, 15));
        let frame = Frame::new(noisy((30, 30)))
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let error = Gabor::new(small()).unwrap().extract(&[frame]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
    }

    #[test]
    fn senseless_settings_are_refused() {
        let broken = |change: fn(&mut GaborConfig)| {
            let mut config = small();
            change(&mut config);
            Gabor::new(config).unwrap_err()
        };
        assert_eq!(broken(|c| c.half_width_px = 0), GaborError::HalfWidth(0));
        assert_eq!(broken(|c| c.orientations = 0), GaborError::Orientations(0));
        assert_eq!(broken(|c| c.sigmas_px[0] = 0.0), GaborError::Sigma(0.0));
        assert_eq!(
            broken(|c| c.wavelengths_px[1] = 1.9),
            GaborError::Wavelength(1.9)
        );
        assert!(matches!(
            broken(|c| c.sigmas_px.truncate(1)),
            GaborError::Lengths { .. }
        ));
        assert!(matches!(
            broken(|c| c.grid = Grid::LongSide(0)),
            GaborError::Grid(_)
        ));
    }
}
