//! Texture as people see it, after Tamura, Mori and Yamawaki: coarseness, contrast, directionality,
//! line-likeness and roughness.
//!
//! Use it for the size of the grains of a pattern and for whether it has a direction. It works on grey
//! levels, as the paper does, and knows nothing of the beam: for the orientation of scattering about it, see
//! [`Azimuthal`](crate::Azimuthal).
//!
//! With the level `g` of a pixel, `n` directions and a circular distance `|φ − φ′|` between directions:
//!
//! | column | formula |
//! |---|---|
//! | tamura.coarseness | the mean over pixels of `2ᵏ`, `k` from 1 to `scales`, where two adjacent windows of side `2ᵏ` on opposite sides of the pixel (left and right, or above and below) differ most in their mean; the smaller one of equals |
//! | tamura.contrast | `σ / (μ₄ / σ⁴)^¼` of `g`; 0 if σ is 0 |
//! | tamura.directionality | `1 − p Σ H(φ) minₚ\|φ − φₚ\|² / u`, of the shares `H` of edge pixels in each direction, its `p` peaks `φₚ` and the value `u` of the sum for equal shares and one peak: 1 for one direction, about 0 for all alike |
//! | tamura.line_likeness | the mean of `cos 2(φ − φ′)` over pairs of edge pixels `line_px` apart along the direction of the first, either way |
//! | tamura.roughness | coarseness + contrast |
//!
//! An edge pixel has `(\|Δh\| + \|Δv\|) / 2` of at least `edge_levels`, with the differences `Δh` (right
//! minus left) and `Δv` (upper minus lower) of the sums of three pixels in its 3 × 3 neighbourhood
//! (Prewitt). Its direction `atan(Δv / Δh) + π/2`, along the edge, is rounded to one of `n`.
//!
//! *Where the paper leaves a choice*: a direction is a peak if it is the highest, or if on both ways round
//! to a higher one the shares fall to half its own or less; every direction belongs to the nearest peak
//! (the paper: to the next valley). Line-likeness takes both ends of the line, so that flips do not matter,
//! and the angle between directions twice, as directions have a period of π. Regularity, the variation of
//! the others between parts of an image, is left out: its normalisation is not given.
//!
//! *Masks*: contrast takes valid pixels. For coarseness a pixel counts only if it is valid, if all its
//! windows lie within the image, and if at least half of each is valid; a window's mean is that of its valid
//! pixels. An edge pixel needs nine valid pixels. What is missing: coarseness and roughness where no pixel has all its
//! windows (an image below `2 · 2^scales` pixels a side), directionality without an edge pixel,
//! line-likeness without a pair of them. [`coarseness`] and [`Directions`] say why; the table says `NaN`.
//!
//! *Cost*: four window sums by integral images at every pixel and scale, nine pixels and an arc tangent for
//! the gradient.
//!
//! Source: Tamura, Mori and Yamawaki 1978, doi:10.1109/TSMC.1978.4309999.

use std::f64::consts::{FRAC_PI_2, PI};
use std::sync::Arc;

use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::glcm::Spread;
use crate::intensity::{IntensityError, IntensityTransform, LevelRange, Quantiser};
use crate::measured::{Measured, Quantity, Undefined};
use crate::resample::{Grid, GridError, Resampled};

/// What [`Tamura`] computes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TamuraConfig {
    /// Grey levels, 2 to 256.
    pub levels: u16,
    /// What is done to the counts before they are cut into levels.
    pub transform: IntensityTransform,
    /// The intensities that the levels cover.
    pub range: LevelRange,
    /// The largest windows of the coarseness have `2^scales` pixels a side; 1 to 8.
    pub scales: u32,
    /// Directions that are told apart, 4 to 180.
    pub directions: usize,
    /// The gradient from which a pixel belongs to an edge, in levels summed over three pixels.
    pub edge_levels: f64,
    /// The distance of the pixels that make a line.
    pub line_px: usize,
    /// The pixels that are looked at.
    pub grid: Grid,
}

impl Default for TamuraConfig {
    /// The numbers of the paper: windows of up to 32 pixels, 16 directions, edges from 12 levels of 256, lines
    /// of 4 pixels; on `ln(1 + I)` over what a 16-bit counter can hold, averaged down to 256 pixels.
    fn default() -> Self {
        Self {
            levels: 256,
            transform: IntensityTransform::Log1p,
            range: LevelRange::default(),
            scales: 5,
            directions: 16,
            edge_levels: 12.0,
            line_px: 4,
            grid: Grid::LongSide(256),
        }
    }
}

/// Why a [`Tamura`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TamuraError {
    /// Too few or too many levels.
    #[error("expected 2 to 256 levels, got {0}")]
    Levels(u16),
    /// No window, or windows larger than any texture.
    #[error("expected 1 to 8 scales, got {0}")]
    Scales(u32),
    /// Too few directions, or more than pixels tell apart.
    #[error("expected 4 to 180 directions, got {0}")]
    Directions(usize),
    /// A threshold that no gradient, or every one, passes.
    #[error("expected a positive finite gradient of edges, got {0}")]
    Edge(f64),
    /// A pixel is no line.
    #[error("expected lines of at least 1 pixel, got 0")]
    Line,
    /// The grid has no pixels.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The transform or the range makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

/// Tamura's features; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{Tamura, TamuraConfig};
///
/// let stripes = Array2::from_shape_fn((80, 90), |(_, c)| if c % 8 < 4 { 0.0 } else { 1000.0 });
/// let table = Tamura::new(TamuraConfig::default())?.extract(&[Frame::new(stripes)])?;
/// assert_eq!(&*table.columns()[2], "tamura.directionality");
/// assert!(table.values()[(0, 2)] > 0.99);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tamura {
    config: TamuraConfig,
    quantiser: Quantiser,
    columns: Vec<Arc<str>>,
}

impl Tamura {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`TamuraError`] if a setting is outside its domain.
    pub fn new(config: TamuraConfig) -> Result<Self, TamuraError> {
        let quantiser = Quantiser::new(config.transform, config.range, config.levels)?;
        if !(2..=256).contains(&config.levels) {
            return Err(TamuraError::Levels(config.levels));
        }
        if !(1..=8).contains(&config.scales) {
            return Err(TamuraError::Scales(config.scales));
        }
        if !(4..=180).contains(&config.directions) {
            return Err(TamuraError::Directions(config.directions));
        }
        if !(config.edge_levels > 0.0 && config.edge_levels.is_finite()) {
            return Err(TamuraError::Edge(config.edge_levels));
        }
        if config.line_px == 0 {
            return Err(TamuraError::Line);
        }
        config.grid.check(1)?;
        let names = [
            "coarseness",
            "contrast",
            "directionality",
            "line_likeness",
            "roughness",
        ];
        Ok(Self {
            config,
            quantiser,
            columns: names.map(|name| format!("tamura.{name}").into()).to_vec(),
        })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let config = &self.config;
        let image = Resampled::of(frame, config.grid)?;
        let mut levels = Array2::zeros(image.shape());
        let steps = self.quantiser.steps(&image);
        let flat = levels.as_slice_mut().expect("made row-major");
        steps.fill(image.as_slice(), image.coverage_slice(), flat);
        let levels = levels.view();
        let shown = |quantity: &Quantity| quantity.as_ref().map_or(f32::NAN, |q| q.value as f32);
        let coarseness = coarseness(levels, config.levels, config.scales);
        let contrast = contrast(levels, config.levels);
        let directions =
            Directions::of(levels, config.levels, config.directions, config.edge_levels);
        let roughness = coarseness.clone().map(|coarse| Measured {
            value: coarse.value + contrast,
            sigma: None,
        });
        Ok(vec![
            shown(&coarseness),
            contrast as f32,
            shown(&directions.directionality()),
            shown(&directions.line_likeness(config.line_px)),
            shown(&roughness),
        ])
    }
}

impl FeatureExtractor for Tamura {
    fn name(&self) -> &str {
        "tamura"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

fn without_sigma(value: f64) -> Measured {
    Measured { value, sigma: None }
}

/// The sums of levels and of valid pixels over all rectangles from the first pixel.
struct Integral {
    sums: Vec<u32>,
    pixels: Vec<u32>,
    stride: usize,
}

impl Integral {
    fn of(image: ArrayView2<'_, u16>, levels: u16) -> Self {
        let (rows, columns) = image.dim();
        let stride = columns + 1;
        let mut sums = vec![0u32; (rows + 1) * stride];
        let mut pixels = sums.clone();
        for (row, line) in image.rows().into_iter().enumerate() {
            let (mut sum, mut valid) = (0u32, 0u32);
            for (column, &level) in line.iter().enumerate() {
                if level < levels {
                    sum = sum.wrapping_add(level.into());
                    valid += 1;
                }
                let at = (row + 1) * stride + column + 1;
                // Differences are right even where a large image wraps round.
                sums[at] = sums[at - stride].wrapping_add(sum);
                pixels[at] = pixels[at - stride].wrapping_add(valid);
            }
        }
        Self {
            sums,
            pixels,
            stride,
        }
    }

    /// The mean of a square window, if at least half of it is valid.
    fn mean(&self, row: usize, column: usize, side: usize) -> Option<f64> {
        let corner = row * self.stride + column;
        let below = corner + side * self.stride;
        let of = |table: &[u32]| {
            let (up, down) = (&table[corner..], &table[below..]);
            (down[side].wrapping_sub(down[0])).wrapping_sub(up[side].wrapping_sub(up[0]))
        };
        let valid = of(&self.pixels);
        (2 * valid as usize >= side * side).then(|| f64::from(of(&self.sums)) / f64::from(valid))
    }
}

/// The size of the grains of an image of grey levels, in pixels; a pixel of level `levels` or above is masked.
/// See the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_features::tamura::coarseness;
///
/// let checks = |side| Array2::from_shape_fn((96, 96), |(r, c)| ((r / side + c / side) % 2 * 200) as u16);
/// let [fine, coarse] = [2, 16].map(|side| coarseness(checks(side).view(), 256, 5));
/// assert!(coarse?.value > 3.0 * fine?.value);
/// assert!(coarseness(checks(2).view(), 256, 6).is_err());
/// # Ok::<(), xscatter_features::Undefined>(())
/// ```
///
/// # Errors
/// [`Undefined`] if no pixel has all its windows.
pub fn coarseness(image: ArrayView2<'_, u16>, levels: u16, scales: u32) -> Quantity {
    let (rows, columns) = image.dim();
    let margin = 1 << scales;
    let integral = Integral::of(image, levels);
    let (mut sum, mut count) = (0.0, 0u64);
    let lines = margin..(rows + 1).saturating_sub(margin);
    for (row, column) in
        lines.flat_map(|row| (margin..(columns + 1).saturating_sub(margin)).map(move |c| (row, c)))
    {
        if image[(row, column)] >= levels {
            continue;
        }
        let size = |scale: u32| {
            let (side, half) = (1 << scale, 1 << (scale - 1));
            let left = integral.mean(row - half, column - side, side)?;
            let right = integral.mean(row - half, column, side)?;
            let above = integral.mean(row - side, column - half, side)?;
            let below = integral.mean(row, column - half, side)?;
            Some((right - left).abs().max((below - above).abs()))
        };
        let mut best = (0.0, -1.0);
        let mut all = true;
        for scale in 1..=scales {
            let Some(difference) = size(scale) else {
                all = false;
                break;
            };
            if difference > best.1 {
                best = (f64::from(1u32 << scale), difference);
            }
        }
        if all {
            sum += best.0;
            count += 1;
        }
    }
    if count == 0 {
        return Err(Undefined::new(format!(
            "expected a pixel with windows of {margin} pixels that are half valid, found none in {rows}x{columns}"
        )));
    }
    Ok(without_sigma(sum / count as f64))
}

/// The contrast of an image of grey levels; a pixel of level `levels` or above is masked. 0 if all are alike, or
/// if there is none. See the [module](self).
///
/// ```
/// use ndarray::array;
/// use xscatter_features::tamura::contrast;
///
/// // Two levels as far apart as can be: σ and (μ₄ / σ⁴)^¼ are 127.5 and 1.
/// assert_eq!(contrast(array![[0u16, 255], [255, 0]].view(), 256), 127.5);
/// ```
pub fn contrast(image: ArrayView2<'_, u16>, levels: u16) -> f64 {
    let mut histogram = vec![0u64; levels.into()];
    for &level in image {
        if let Some(times) = histogram.get_mut(usize::from(level)) {
            *times += 1;
        }
    }
    let values = histogram.iter().enumerate();
    let values = values.map(|(level, &times)| (level as f64, times as f64));
    let total = histogram.iter().sum::<u64>() as f64;
    let Spread { mean, variance } = Spread::of(values.clone(), total);
    if total == 0.0 || variance == 0.0 {
        return 0.0;
    }
    let fourth = values
        .map(|(level, times)| times * (level - mean).powi(4))
        .sum::<f64>()
        / total;
    variance.sqrt() / (fourth / (variance * variance)).powf(0.25)
}

/// The directions of the edges of an image of grey levels; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_features::tamura::Directions;
///
/// let stripes = Array2::from_shape_fn((20, 20), |(row, _)| (row / 5 % 2 * 100) as u16);
/// let directions = Directions::of(stripes.view(), 256, 16, 12.0);
/// assert_eq!(directions.shares()?[0], 1.0);
/// assert_eq!(directions.line_likeness(4)?.value, 1.0);
/// # Ok::<(), xscatter_features::Undefined>(())
/// ```
#[derive(Debug, Clone)]
pub struct Directions {
    /// The direction of every pixel, or `number`.
    codes: Array2<u16>,
    number: usize,
}

impl Directions {
    /// Of an image whose pixels of level `levels` or above are masked, told apart as `number` directions;
    /// pixels of smaller gradients than `edge_levels` have none.
    ///
    /// # Panics
    /// If there are no directions, or more than 65,535.
    pub fn of(image: ArrayView2<'_, u16>, levels: u16, number: usize, edge_levels: f64) -> Self {
        let none = u16::try_from(number).expect("at most 65535 directions");
        assert!(number > 0, "at least one direction");
        let (rows, columns) = image.dim();
        let mut codes = Array2::from_elem((rows, columns), none);
        let per_unit = number as f64 / PI;
        for row in 1..rows.saturating_sub(1) {
            for column in 1..columns.saturating_sub(1) {
                let at = |r: usize, c: usize| image[(row + r - 1, column + c - 1)];
                let square = [0, 1, 2].map(|r| [0, 1, 2].map(|c| at(r, c)));
                if square.iter().flatten().any(|&level| level >= levels) {
                    continue;
                }
                let square = square.map(|line| line.map(i32::from));
                let across = |c: usize| square.iter().map(|line| line[c]).sum::<i32>();
                let horizontal = f64::from(across(2) - across(0));
                let line = |r: usize| square[r].iter().sum::<i32>();
                let vertical = f64::from(line(0) - line(2));
                if f64::midpoint(horizontal.abs(), vertical.abs()) < edge_levels
                    || (horizontal == 0.0 && vertical == 0.0)
                {
                    continue;
                }
                let direction = (vertical / horizontal).atan() + FRAC_PI_2;
                let code = (direction * per_unit + 0.5).floor() as usize % number;
                codes[(row, column)] = code as u16;
            }
        }
        Self { codes, number }
    }

    /// The share of the edge pixels in every direction, from along the rows anticlockwise.
    ///
    /// # Errors
    /// [`Undefined`] if there is no edge pixel.
    pub fn shares(&self) -> Result<Vec<f64>, Undefined> {
        let mut counts = vec![0u64; self.number];
        for &code in &self.codes {
            if let Some(count) = counts.get_mut(usize::from(code)) {
                *count += 1;
            }
        }
        let total = counts.iter().sum::<u64>();
        if total == 0 {
            return Err(Undefined::new("expected edge pixels, found none"));
        }
        let shares = counts.into_iter();
        Ok(shares.map(|count| count as f64 / total as f64).collect())
    }

    /// How sharply the directions are peaked: 1 if there is one, about 0 if all are alike.
    ///
    /// # Errors
    /// [`Undefined`] if there is no edge pixel.
    pub fn directionality(&self) -> Quantity {
        let shares = self.shares()?;
        let peaks = peaks(&shares);
        let n = self.number;
        let distance = |a: usize, b: usize| {
            let steps = a.abs_diff(b);
            steps.min(n - steps) as f64
        };
        let squares = shares.iter().enumerate().map(|(direction, share)| {
            let nearest = peaks.iter().map(|&peak| distance(direction, peak));
            share * nearest.fold(f64::INFINITY, f64::min).powi(2)
        });
        let flat = (0..n)
            .map(|direction| distance(direction, 0).powi(2))
            .sum::<f64>()
            / n as f64;
        let spread = peaks.len() as f64 * squares.sum::<f64>() / flat;
        Ok(without_sigma(1.0 - spread))
    }

    /// Whether edges go on in their own direction: 1 for lines, 0 by chance, −1 for what turns at right angles.
    ///
    /// # Errors
    /// [`Undefined`] if no edge pixel has another one `length_px` along its direction.
    pub fn line_likeness(&self, length_px: usize) -> Quantity {
        let step = PI / self.number as f64;
        let (rows, columns) = self.codes.dim();
        let ahead: Vec<(isize, isize)> = (0..self.number)
            .map(|code| {
                let part = |unit: f64| (unit * length_px as f64).round() as isize;
                let direction = code as f64 * step;
                (-part(direction.sin()), part(direction.cos()))
            })
            .collect();
        let alike: Vec<f64> = (0..self.number)
            .map(|turn| (2.0 * step * turn as f64).cos())
            .collect();
        let (mut sum, mut pairs) = (0.0, 0u64);
        for ((row, column), &code) in self.codes.indexed_iter() {
            let Some(&(down, right)) = ahead.get(usize::from(code)) else {
                continue;
            };
            for way in [1, -1] {
                let place = (
                    row.wrapping_add_signed(way * down),
                    column.wrapping_add_signed(way * right),
                );
                if place.0 >= rows || place.1 >= columns {
                    continue;
                }
                let other = self.codes[place];
                if usize::from(other) < self.number {
                    sum += alike[usize::from(code.abs_diff(other))];
                    pairs += 1;
                }
            }
        }
        if pairs == 0 {
            return Err(Undefined::new(format!(
                "expected two edge pixels {length_px} pixels apart along the direction of one, found none"
            )));
        }
        Ok(without_sigma(sum / pairs as f64))
    }
}

/// The directions that stand out: the highest, and those from which the shares fall to half on both ways round
/// to a higher one. Of equal ones, the first is the higher.
fn peaks(shares: &[f64]) -> Vec<usize> {
    let n = shares.len();
    let stands_out = |peak: usize| {
        let height = shares[peak];
        let falls = |ways: &mut dyn Iterator<Item = usize>| {
            let mut lowest = height;
            for place in ways {
                let share = shares[place];
                if share > height || (share == height && place < peak) {
                    return lowest <= height / 2.0;
                }
                lowest = lowest.min(share);
            }
            true
        };
        height > 0.0
            && falls(&mut (1..n).map(|steps| (peak + steps) % n))
            && falls(&mut (1..n).map(|steps| (peak + n - steps) % n))
    };
    (0..n).filter(|&direction| stands_out(direction)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use xscatter_core::Mask;
    use xscatter_testkit::check_extractor;

    fn texture(shape: (usize, usize)) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(r, c)| {
            (5000 / (1 + (r + 2 * c) % 37) + (r * r * 7 + c * 3) % 19) as f32
        })
    }

    #[test]
    fn peaks_stand_out_by_half_their_height() {
        assert_eq!(peaks(&[0.25; 4]), [0]);
        assert_eq!(peaks(&[0.5, 0.0, 0.5, 0.0]), [0, 2]);
        assert_eq!(peaks(&[0.4, 0.3, 0.3, 0.0]), [0]);
        assert_eq!(peaks(&[0.4, 0.1, 0.3, 0.2]), [0]);
        assert_eq!(peaks(&[0.5, 0.1, 0.3, 0.1]), [0, 2]);
    }

    #[test]
    fn two_crossed_directions_are_as_directional_as_one() {
        let crossed = Array2::from_shape_fn((60, 61), |(row, column)| {
            let stripes = if column < 30 { row } else { column };
            (stripes / 5 % 2 * 100) as u16
        });
        let directions = Directions::of(crossed.view(), 256, 16, 150.0);
        assert!(directions.directionality().unwrap().value > 0.8);
    }

    #[test]
    fn an_image_that_is_flat_or_small_has_no_direction_and_no_coarseness() {
        let flat = Array2::from_elem((40, 40), 7u16);
        let directions = Directions::of(flat.view(), 256, 16, 12.0);
        assert!(directions.directionality().is_err());
        assert!(directions.line_likeness(4).is_err());
        assert_eq!(contrast(flat.view(), 256), 0.0);
        assert_eq!(coarseness(flat.view(), 256, 4).unwrap().value, 2.0);
        let error = coarseness(flat.view(), 256, 5).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a pixel with windows of 32 pixels that are half valid, found none in 40x40"
        );
    }

    #[test]
    fn flips_and_quarter_turns_do_not_matter() {
        let counts = texture((96, 128));
        let mut flipped = counts.clone();
        flipped.invert_axis(ndarray::Axis(1));
        let turned = flipped.clone().reversed_axes();
        let tamura = Tamura::new(TamuraConfig::default()).unwrap();
        let rows = tamura.extract(&[counts, flipped, turned].map(Frame::new));
        let rows = rows.unwrap();
        for column in 1..4 {
            for row in 1..3 {
                let (value, moved) = (rows.values()[(0, column)], rows.values()[(row, column)]);
                assert_relative_eq!(value, moved, max_relative = 1e-5, epsilon = 1e-6);
            }
        }
        // Windows lie between pixels: a flip moves the coarseness by one pixel of the image.
        for row in 1..3 {
            let (value, moved) = (rows.values()[(0, 0)], rows.values()[(row, 0)]);
            assert_relative_eq!(value, moved, max_relative = 0.05);
        }
    }

    #[test]
    fn settings_far_from_the_defaults_keep_the_contract() {
        let tamura = Tamura::new(TamuraConfig {
            levels: 16,
            range: LevelRange::Rank,
            scales: 3,
            directions: 9,
            edge_levels: 2.0,
            line_px: 2,
            grid: Grid::Native,
            ..Default::default()
        });
        let bad = Array2::from_shape_fn((60, 80), |(r, c)| r == 11 || (c * 7 + r) % 23 == 0);
        let masked = Frame::new(texture((60, 80))).with_mask(Mask::from_bad(bad.view()));
        let frames = [Frame::new(texture((70, 66))), masked.unwrap()];
        check_extractor(&tamura.unwrap(), &frames).unwrap();
    }

    #[test]
    fn senseless_settings_are_refused() {
        let broken = |change: fn(&mut TamuraConfig)| {
            let mut config = TamuraConfig::default();
            change(&mut config);
            Tamura::new(config).unwrap_err()
        };
        assert_eq!(broken(|c| c.levels = 1), TamuraError::Levels(1));
        assert_eq!(broken(|c| c.scales = 9), TamuraError::Scales(9));
        assert_eq!(broken(|c| c.directions = 3), TamuraError::Directions(3));
        assert_eq!(broken(|c| c.edge_levels = 0.0), TamuraError::Edge(0.0));
        assert_eq!(broken(|c| c.line_px = 0), TamuraError::Line);
    }
}
