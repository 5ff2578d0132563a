//! How the variance of a frame is shared between coarse and fine structure, and between directions.
//!
//! With `w` the product of two Hann windows `sin²(π (i + ½) / n)` (no pixel is left out altogether), `V`
//! the validity of the pixels and `m = Σ w V I / Σ w V`:
//!
//! `P(f) = |FFT(w V (I − m))|² / Σ (w V)²`, so that white noise of variance `s²` has `P = s²`.
//!
//! Frequencies `f` are in cycles per pixel of the grid, 0.5 being stripes of one pixel; those from
//! `lowest_per_px` to 0.5 are the *annulus* that is described. Use it to tell smooth from grainy frames
//! and stripes from isotropic texture; it knows nothing of where something lies.
//!
//! | column | value |
//! |---|---|
//! | `power-spectrum.band.b0` … | share of the annulus' power in each band of `\|f\|`, from coarse to fine |
//! | `power-spectrum.sector.a0`, `….a22.5` … | share in each sector of directions, by its middle in degrees from growing columns to growing rows; a wave and its reverse are one |
//! | `power-spectrum.orientation` | `\|Σ P e^{2iθ}\| / Σ P` in the annulus: 0 without a preferred direction, 1 for a single one |
//! | `power-spectrum.slope`, `….slope_sigma` | slope of `ln P` against `ln f` over the bands, and its standard error |
//! | `power-spectrum.power` | the variance that lies in the annulus |
//!
//! *Missing*: a band in which a small image has no frequency, or no power anywhere (a constant frame,
//! whose power is 0), is `NaN`; [`PowerSpectrum::slope`] says why there is no slope.
//!
//! *Masks*: masked pixels have weight 0 in the window, so the mean takes their place, and the norm is
//! that of the window that is left. A gap blurs the spectrum with its own: power leaks from strong bands
//! to weak ones, as with any window.
//!
//! *Symmetry*: flips and quarter turns keep bands, slope, orientation and power; a rotation permutes
//! sectors.
//!
//! *Cost*: a fast Fourier transform in double precision, `O(n log n)`.
//!
//! Source: tested against `numpy.fft` 2.4.6.

use std::f64::consts::PI;
use std::sync::Arc;

use ndarray::{Array2, ArrayViewMut2};
use num_complex::Complex64;
use rustfft::FftPlanner;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::centred::stored;
use crate::intensity::{IntensityError, IntensityTransform};
use crate::measured::{Measured, Quantity, Undefined, columns_of};
use crate::resample::{Grid, GridError, Resampled, degenerate};

/// How the bands of [`PowerSpectrum`] divide the frequencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BandSpacing {
    /// Equal ratios of frequencies.
    #[default]
    Logarithmic,
    /// Equal differences.
    Linear,
}

/// What [`PowerSpectrum`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PowerSpectrumConfig {
    /// Bands of frequencies, from coarse to fine.
    pub bands: usize,
    /// How they divide the frequencies.
    pub spacing: BandSpacing,
    /// Where the first band begins, in cycles per pixel; the last one ends at 0.5.
    pub lowest_per_px: f64,
    /// Sectors of directions over half a turn; the first one is about the direction of the rows.
    pub sectors: usize,
    /// What is done to the counts first.
    pub transform: IntensityTransform,
    /// The pixels that are described.
    pub grid: Grid,
}

impl Default for PowerSpectrumConfig {
    /// Eight logarithmic bands from 64 pixels to 2 and eight sectors, on `ln(1 + I)` averaged to 256
    /// pixels along the longer side.
    fn default() -> Self {
        Self {
            bands: 8,
            spacing: BandSpacing::Logarithmic,
            lowest_per_px: 1.0 / 64.0,
            sectors: 8,
            transform: IntensityTransform::Log1p,
            grid: Grid::LongSide(256),
        }
    }
}

/// Why a [`PowerSpectrum`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PowerSpectrumError {
    /// Too few or too many bands.
    #[error("expected 1 to 256 bands, got {0}")]
    Bands(usize),
    /// Too few or too many sectors.
    #[error("expected 1 to 180 sectors, got {0}")]
    Sectors(usize),
    /// The annulus is empty.
    #[error("expected a lowest frequency above 0 and below 0.5 per pixel, got {0}")]
    Lowest(f64),
    /// The grid has no pixels.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The transform makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

/// Shares of the power spectrum; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{PowerSpectrum, PowerSpectrumConfig};
///
/// // Stripes that repeat every 4 columns.
/// let stripes = Array2::from_shape_fn((64, 64), |(_, column)| (column % 4 / 2) as f32);
/// let spectrum = PowerSpectrum::new(PowerSpectrumConfig::default())?;
/// let table = spectrum.extract(&[Frame::new(stripes)])?;
/// let sector = table.columns().iter().position(|name| &**name == "power-spectrum.sector.a0");
/// assert!(table.values()[(0, sector.unwrap())] > 0.99);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct PowerSpectrum {
    config: PowerSpectrumConfig,
    /// Squares of the frequencies between bands, and of the ends.
    edges: Vec<f64>,
    columns: Vec<Arc<str>>,
}

/// What lies in a band.
#[derive(Debug, Clone, Copy, Default)]
struct Band {
    frequencies: f64,
    power: f64,
    log_frequency: f64,
}

/// What lies in the annulus.
#[derive(Debug, Clone)]
struct Shares {
    bands: Vec<Band>,
    sectors: Vec<f64>,
    doubled_angle: Complex64,
    power: f64,
}

impl PowerSpectrum {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`PowerSpectrumError`] if a setting is outside its domain.
    pub fn new(config: PowerSpectrumConfig) -> Result<Self, PowerSpectrumError> {
        config.transform.check()?;
        config.grid.check(1)?;
        let PowerSpectrumConfig {
            bands,
            spacing,
            lowest_per_px: lowest,
            sectors,
            ..
        } = config;
        if !(1..=256).contains(&bands) {
            return Err(PowerSpectrumError::Bands(bands));
        }
        if !(1..=180).contains(&sectors) {
            return Err(PowerSpectrumError::Sectors(sectors));
        }
        if !(lowest > 0.0 && lowest < HIGHEST_PER_PX) {
            return Err(PowerSpectrumError::Lowest(lowest));
        }
        let edge = |band: usize| {
            let part = band as f64 / bands as f64;
            let frequency = match spacing {
                BandSpacing::Logarithmic => lowest * (HIGHEST_PER_PX / lowest).powf(part),
                BandSpacing::Linear => lowest + (HIGHEST_PER_PX - lowest) * part,
            };
            frequency * frequency
        };
        let mut edges: Vec<f64> = (0..=bands).map(edge).collect();
        edges[0] = lowest * lowest;
        edges[bands] = HIGHEST_PER_PX * HIGHEST_PER_PX;
        let name = |suffix: String| format!("power-spectrum.{suffix}").into();
        let mut columns: Vec<Arc<str>> = (0..bands).map(|k| name(format!("band.b{k}"))).collect();
        columns.extend((0..sectors).map(|k| {
            let degrees = 180.0 * k as f64 / sectors as f64;
            name(format!("sector.a{}", (degrees * 1e4).round() / 1e4))
        }));
        columns.extend(
            ["orientation", "slope", "slope_sigma", "power"].map(|suffix| name(suffix.to_owned())),
        );
        Ok(Self {
            config,
            edges,
            columns,
        })
    }

    /// `P` of a frame at the frequencies of numpy's `rfft2`: row `k` is `k / rows` cycles per pixel (above
    /// one half: less 1) along the columns, column `k` is `k / columns` along the rows, up to one half.
    ///
    /// # Errors
    /// As for [`extract`](FeatureExtractor::extract).
    pub fn power(&self, frame: &Frame) -> Result<Array2<f64>> {
        let half = self.half_spectrum(frame)?;
        let (rows, columns) = half.shape;
        let shape = (rows, columns / 2 + 1);
        Ok(Array2::from_shape_fn(shape, |(row, column)| {
            half.values[column * rows + row].norm_sqr() / half.norm
        }))
    }

    /// The slope of `ln P` against `ln f` over the bands: least squares, every band alike.
    ///
    /// # Errors
    /// As for [`extract`](FeatureExtractor::extract).
    pub fn slope(&self, frame: &Frame) -> Result<Quantity> {
        let half = self.half_spectrum(frame)?;
        Ok(slope(&self.shares(&half).bands))
    }

    fn shares(&self, half: &HalfSpectrum) -> Shares {
        let (rows, columns) = half.shape;
        let sectors = self.config.sectors;
        let mut shares = Shares {
            bands: vec![Band::default(); self.config.bands],
            sectors: vec![0.0; sectors],
            doubled_angle: Complex64::ZERO,
            power: 0.0,
        };
        let (first, last) = (self.edges[0], self.edges[self.config.bands]);
        for column in 0..=columns / 2 {
            // Every other column stands for its mirror image too.
            let alone = column == 0 || 2 * column == columns;
            let weight = if alone { 1.0 } else { 2.0 };
            let x = column as f64 / columns as f64;
            for row in 0..rows {
                let signed = if 2 * row > rows {
                    row as f64 - rows as f64
                } else {
                    row as f64
                };
                let y = signed / rows as f64;
                let square = x * x + y * y;
                if !(first..=last).contains(&square) {
                    continue;
                }
                let power = weight * half.values[column * rows + row].norm_sqr();
                let band = self.edges.partition_point(|&edge| edge <= square) - 1;
                let band = &mut shares.bands[band.min(self.config.bands - 1)];
                band.frequencies += weight;
                band.power += power;
                band.log_frequency += weight * 0.5 * square.ln();
                // A wave along the rows of even length and its reverse are one: the sign of y is free
                // there, and both signs must fall into sectors alike.
                let edge = 2 * row == rows || 2 * column == columns;
                for y in if edge { [y, -y] } else { [y, y] } {
                    let turn = y.atan2(x) / PI * sectors as f64;
                    let sector = (turn.round() as isize).rem_euclid(sectors as isize);
                    shares.sectors[sector as usize] += 0.5 * power;
                    shares.doubled_angle +=
                        Complex64::new(x * x - y * y, 2.0 * x * y) * (0.5 * power / square);
                }
                shares.power += power;
            }
        }
        shares
    }

    fn half_spectrum(&self, frame: &Frame) -> Result<HalfSpectrum> {
        let transform = self.config.transform;
        let image = Resampled::of(frame, self.config.grid)?;
        let (rows, columns) = image.shape();
        let (down, along) = (window(rows), window(columns));
        let weight = |row: usize, column: usize| {
            let valid = image.is_valid(row, column);
            if valid {
                down[row] * along[column]
            } else {
                0.0
            }
        };
        // Relative to one of them, so that equal intensities are exact zeros.
        let reference = image.valid_values().next().map(f64::from);
        let reference = transform.apply(reference.unwrap_or_default());
        let counts = image.as_slice();
        let value = |row: usize, column: usize| {
            transform.apply(f64::from(counts[row * columns + column])) - reference
        };
        let (mut sum, mut total, mut norm) = (0.0, 0.0, 0.0);
        for row in 0..rows {
            for column in 0..columns {
                let weight = weight(row, column);
                if weight > 0.0 {
                    sum += weight * value(row, column);
                    total += weight;
                    norm += weight * weight;
                }
            }
        }
        if norm < f64::MIN_POSITIVE || !sum.is_finite() {
            return Err(degenerate(
                frame,
                "expected finite transformed intensities away from the corners, found none or an infinite one",
            ));
        }
        let mean = sum / total;
        let mut planner = FftPlanner::<f64>::new();
        let (row_fft, column_fft) = (
            planner.plan_fft_forward(columns),
            planner.plan_fft_forward(rows),
        );
        let scratch = row_fft
            .get_inplace_scratch_len()
            .max(column_fft.get_inplace_scratch_len());
        let mut scratch = vec![Complex64::ZERO; scratch];
        let half = columns / 2 + 1;
        let mut values = vec![Complex64::ZERO; half * rows];
        let mut line = vec![Complex64::ZERO; columns];
        for row in (0..rows).step_by(2) {
            // Two real rows as one complex one: their spectra are its even and odd parts.
            for (column, both) in line.iter_mut().enumerate() {
                let at = |row: usize| {
                    let weight = weight(row, column);
                    if weight > 0.0 {
                        weight * (value(row, column) - mean)
                    } else {
                        0.0
                    }
                };
                let odd = if row + 1 < rows { at(row + 1) } else { 0.0 };
                *both = Complex64::new(at(row), odd);
            }
            row_fft.process_with_scratch(&mut line, &mut scratch);
            for column in 0..half {
                let (one, other) = (line[column], line[(columns - column) % columns].conj());
                values[column * rows + row] = 0.5 * (one + other);
                if row + 1 < rows {
                    let difference = 0.5 * (one - other);
                    values[column * rows + row + 1] = Complex64::new(difference.im, -difference.re);
                }
            }
        }
        column_fft.process_with_scratch(&mut values, &mut scratch);
        Ok(HalfSpectrum {
            shape: (rows, columns),
            values,
            norm,
        })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let half = self.half_spectrum(frame)?;
        let (rows, columns) = half.shape;
        let shares = self.shares(&half);
        let bands = shares.bands.iter().map(|band| {
            if band.frequencies > 0.0 {
                band.power / shares.power
            } else {
                f64::NAN
            }
        });
        let sectors = shares.sectors.iter().map(|power| power / shares.power);
        let orientation = shares.doubled_angle.norm() / shares.power;
        let power = shares.power / half.norm;
        let slope = columns_of(&slope(&shares.bands)).map(f64::from);
        let row = bands
            .chain(sectors)
            .chain([orientation])
            .chain(slope)
            .chain([power / (rows * columns) as f64]);
        stored(frame, row)
    }
}

impl FeatureExtractor for PowerSpectrum {
    fn name(&self) -> &str {
        "power-spectrum"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// Stripes of one pixel.
const HIGHEST_PER_PX: f64 = 0.5;

/// The spectrum of a windowed image at the columns up to one half, column by column.
struct HalfSpectrum {
    shape: (usize, usize),
    values: Vec<Complex64>,
    /// `Σ (w V)²`.
    norm: f64,
}

fn window(length: usize) -> Vec<f64> {
    let place = |index: usize| PI * (index as f64 + 0.5) / length as f64;
    (0..length)
        .map(|index| place(index).sin().powi(2))
        .collect()
}

fn slope(bands: &[Band]) -> Quantity {
    let points: Vec<(f64, f64)> = bands
        .iter()
        .filter(|band| band.power > 0.0)
        .map(|band| {
            let frequency = band.log_frequency / band.frequencies;
            (frequency, (band.power / band.frequencies).ln())
        })
        .collect();
    let count = points.len() as f64;
    if points.len() < 3 {
        let found = format!("expected power in at least 3 bands, found {count}");
        return Err(Undefined::new(found));
    }
    let mean = |f: fn(&(f64, f64)) -> f64| points.iter().map(f).sum::<f64>() / count;
    let (mean_x, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let together: f64 = points
        .iter()
        .map(|(x, y)| (x - mean_x) * (y - mean_y))
        .sum();
    let value = together / spread;
    let rest: f64 = points
        .iter()
        .map(|(x, y)| (y - mean_y - value * (x - mean_x)).powi(2))
        .sum();
    Ok(Measured {
        value,
        sigma: Some((rest / (count - 2.0) / spread).sqrt()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    use approx::{assert_abs_diff_eq, assert_relative_eq};
    use ndarray::Axis;
    use xscatter_core::Mask;
    use xscatter_testkit::check_extractor;

    fn raw(sectors: usize) -> PowerSpectrum {
        PowerSpectrum::new(PowerSpectrumConfig {
            sectors,
            transform: IntensityTransform::Raw,
            grid: Grid::Native,
            ..Default::default()
        })
        .unwrap()
    }

    fn noisy(shape: (usize, usize)) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(row, column)| {
            ((row * 31 + column * 17 + row * column * 7) % 101) as f32
        })
    }

    #[test]
    fn power_is_that_of_the_plain_sum() {
        for shape in [(6, 8), (7, 5), (1, 9), (4, 1)] {
            let counts = noisy(shape);
            let bad = Array2::from_shape_fn(shape, |(row, column)| row + column == 3);
            let frame = Frame::new(counts.clone())
                .with_mask(Mask::from_bad(bad.view()))
                .unwrap();
            let weight = |row: usize, column: usize| {
                let hann = |index: usize, length: usize| {
                    0.5 * (1.0 - (TAU * (index as f64 + 0.5) / length as f64).cos())
                };
                if bad[(row, column)] {
                    0.0
                } else {
                    hann(row, shape.0) * hann(column, shape.1)
                }
            };
            let pixels: Vec<(usize, usize)> = counts.indexed_iter().map(|(at, _)| at).collect();
            let sum = |f: &dyn Fn(usize, usize) -> f64| -> f64 {
                pixels.iter().map(|&(row, column)| f(row, column)).sum()
            };
            let count = |row, column| f64::from(counts[(row, column)]);
            let mean = sum(&|r, c| weight(r, c) * count(r, c)) / sum(&weight);
            let norm = sum(&|r, c| weight(r, c).powi(2));
            let power = raw(4).power(&frame).unwrap();
            assert_eq!(power.dim(), (shape.0, shape.1 / 2 + 1));
            for ((k, l), &found) in power.indexed_iter() {
                let part = |wave: fn(f64) -> f64| {
                    sum(&|r, c| {
                        let phase = TAU
                            * ((k * r) as f64 / shape.0 as f64 + (l * c) as f64 / shape.1 as f64);
                        weight(r, c) * (count(r, c) - mean) * wave(phase)
                    })
                };
                let expected = (part(f64::cos).powi(2) + part(f64::sin).powi(2)) / norm;
                assert_relative_eq!(found, expected, epsilon = 1e-9, max_relative = 1e-6);
            }
        }
    }

    #[test]
    fn shares_add_up_and_flips_and_turns_keep_them() {
        let spectrum = raw(8);
        let counts = noisy((48, 37));
        let mut flipped = counts.clone();
        flipped.invert_axis(Axis(0));
        let turned = flipped
            .clone()
            .reversed_axes()
            .as_standard_layout()
            .to_owned();
        let table = spectrum
            .extract(&[counts, flipped, turned].map(Frame::new))
            .unwrap();
        let values = table.values();
        for row in 0..3 {
            let sum = |range: std::ops::Range<usize>| range.map(|k| values[(row, k)]).sum::<f32>();
            assert_abs_diff_eq!(sum(0..8), 1.0, epsilon = 1e-5);
            assert_abs_diff_eq!(sum(8..16), 1.0, epsilon = 1e-5);
            for column in (0..8).chain(16..20) {
                assert_relative_eq!(
                    values[(row, column)],
                    values[(0, column)],
                    max_relative = 1e-4
                );
            }
        }
        for sector in 0..8 {
            let original = values[(0, 8 + sector)];
            assert_relative_eq!(values[(1, 8 + (8 - sector) % 8)], original, epsilon = 1e-5);
            assert_relative_eq!(values[(2, 8 + (sector + 4) % 8)], original, epsilon = 1e-5);
        }
    }

    #[test]
    fn a_wave_lies_in_its_band_and_sector() {
        // 8 cycles over 64 rows: f = 1/8 along the columns, where the third of 4 sectors is.
        let wave = Array2::from_shape_fn((64, 64), |(row, _)| {
            (TAU * row as f64 / 8.0).cos() as f32 + 2.0
        });
        let table = raw(4).extract(&[Frame::new(wave)]).unwrap();
        let values = table.values();
        let band = (8.0 * (64.0f64 / 8.0).ln() / 32f64.ln()).floor() as usize;
        // The window spreads a wave over its two neighbours; one of them lies in the next band.
        assert!(values[(0, band)] > 0.8);
        assert!(values[(0, 8 + 2)] > 0.99);
        assert!(values[(0, 12)] > 0.95);
        // The variance of a cosine is one half.
        assert_abs_diff_eq!(values[(0, 15)], 0.5, epsilon = 0.02);
    }

    #[test]
    fn a_power_law_has_its_slope() {
        let bands: Vec<Band> = (1..6)
            .map(|k| Band {
                frequencies: 2.0,
                power: 2.0 * f64::from(k).powf(-3.0),
                log_frequency: 2.0 * f64::from(k).ln(),
            })
            .collect();
        let Ok(Measured { value, sigma }) = slope(&bands) else {
            panic!("there are five bands")
        };
        assert_abs_diff_eq!(value, -3.0, epsilon = 1e-12);
        assert_abs_diff_eq!(sigma.unwrap(), 0.0, epsilon = 1e-7);
        assert!(slope(&bands[..2]).is_err());
    }

    #[test]
    fn a_constant_frame_has_no_power_to_share() {
        let table = raw(4)
            .extract(&[Frame::new(Array2::from_elem((20, 30), 7.0))])
            .unwrap();
        for (name, &value) in table.columns().iter().zip(table.values()) {
            if name.ends_with(".power") {
                assert_eq!(value, 0.0);
            } else {
                assert!(value.is_nan(), "{name}: {value}");
            }
        }
    }

    #[test]
    fn settings_far_from_the_defaults_keep_the_contract() {
        let frames: Vec<Frame> = (0..3)
            .map(|k| {
                let shape = (51 + k, 77);
                let bad = Array2::from_shape_fn(shape, |(r, c)| k > 0 && (r == 9 || c % 20 < k));
                Frame::new(noisy(shape))
                    .with_mask(Mask::from_bad(bad.view()))
                    .unwrap()
            })
            .collect();
        let spectrum = PowerSpectrum::new(PowerSpectrumConfig {
            spacing: BandSpacing::Linear,
            bands: 5,
            sectors: 3,
            lowest_per_px: 0.1,
            transform: IntensityTransform::Anscombe,
            grid: Grid::Native,
        })
        .unwrap();
        check_extractor(&spectrum, &frames).unwrap();
        check_extractor(&raw(6), &frames).unwrap();
    }

    #[test]
    fn senseless_settings_are_refused() {
        let broken = |change: fn(&mut PowerSpectrumConfig)| {
            let mut config = PowerSpectrumConfig::default();
            change(&mut config);
            PowerSpectrum::new(config).unwrap_err()
        };
        assert_eq!(broken(|c| c.bands = 0), PowerSpectrumError::Bands(0));
        assert_eq!(broken(|c| c.sectors = 0), PowerSpectrumError::Sectors(0));
        assert_eq!(
            broken(|c| c.lowest_per_px = 0.5),
            PowerSpectrumError::Lowest(0.5)
        );
        assert!(matches!(
            broken(|c| c.grid = Grid::LongSide(0)),
            PowerSpectrumError::Grid(_)
        ));
    }
}
