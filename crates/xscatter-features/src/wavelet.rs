//! Energies of a two-dimensional wavelet transform: how much detail a frame has at each scale, along
//! each axis.
//!
//! Each level splits the image into a coarser one and three kinds of details: *horizontal* (`h`: changes
//! down the columns, as at horizontal edges), *vertical* (`v`) and *diagonal* (`d`), called `cH`, `cV` and
//! `cD` by PyWavelets. With the `N` detail coefficients `d` of a level that count and `p = d² / Σ d²`:
//!
//! | column | value |
//! |---|---|
//! | `wavelet.energy.l1.h` … | `Σ d² / N` |
//! | `wavelet.mean_abs.l1.h` … | `Σ \|d\| / N` |
//! | `wavelet.std.l1.h` … | standard deviation of `d` |
//! | `wavelet.entropy.l1.h` … | `−Σ p ln p / ln N`: 1 if the energy is spread evenly, near 0 if it sits in few places |
//! | `wavelet.std.l3.a` | standard deviation of what is left after the last level |
//!
//! Level `l` sees structure of about `2ˡ` pixels. Use it as a cheap multi-scale texture; for directions
//! other than the axes there is [`Gabor`](crate::Gabor).
//!
//! [`Scheme`] says what is beyond the border and whether levels are thinned out. `Stationary` shifts with
//! the image, at four times the cost; it takes images of any size, where PyWavelets asks for multiples of
//! `2ˡ`.
//!
//! *Masks*: a coefficient counts if no masked pixel has a part in it; with a filter of `t` taps that
//! takes `(2ˡ − 1)(t − 1) + 1` pixels in a row. What counts is therefore what PyWavelets gives for the
//! full image, bit for bit whatever the masked pixels hold.
//!
//! *Missing*: a level between gaps that are too close has no coefficient that counts, and an entropy needs
//! two and energy among them: `NaN`.
//!
//! *Symmetry*: Haar with the scheme `Symmetric` and sides divisible by `2ˡ`: flips keep all but the sign
//! of `d`, a transposition swaps `h` and `v`.
//!
//! *Cost*: `4 t` operations a pixel and level (levels shrink by 4 unless stationary), one logarithm a
//! coefficient. Single precision, sums in double; the mean is taken out first, which no detail sees.
//!
//! Source: Mallat 1989, doi:10.1109/34.192463; coefficients and borders of PyWavelets 1.9.0 (`wavedec2`,
//! `swt2`).

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::centred::{Centred, stored};
use crate::intensity::{IntensityError, IntensityTransform};
use crate::resample::{Grid, GridError};

mod filter;
mod step;

pub use filter::Wavelet;
use step::{Level, Sink, step};

/// What is beyond the border, and whether levels are thinned out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// Every other coefficient; mirrored with the end pixels twice (`… 1 0 | 0 1 …`).
    #[default]
    Symmetric,
    /// Every other coefficient; repeated, a side of odd length with its last pixel twice.
    Periodization,
    /// Every coefficient at every level; repeated.
    Stationary,
}

/// What [`WaveletEnergies`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WaveletConfig {
    /// The wavelet.
    pub wavelet: Wavelet,
    /// Levels, 1 to 12.
    pub levels: usize,
    /// Borders and thinning.
    pub scheme: Scheme,
    /// What is done to the counts first.
    pub transform: IntensityTransform,
    /// The pixels that are described.
    pub grid: Grid,
}

impl Default for WaveletConfig {
    /// Three levels of `db2` with mirrored borders, on `ln(1 + I)` at full resolution.
    fn default() -> Self {
        Self {
            wavelet: Wavelet::Db2,
            levels: 3,
            scheme: Scheme::Symmetric,
            transform: IntensityTransform::Log1p,
            grid: Grid::Native,
        }
    }
}

/// Why a [`WaveletEnergies`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WaveletError {
    /// Too few or too many levels.
    #[error("expected 1 to 12 levels, got {0}")]
    Levels(usize),
    /// The grid has no pixels.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The transform makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

/// Energies of a wavelet transform; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{WaveletConfig, WaveletEnergies};
///
/// // Stripes of single rows: all the energy is in the finest horizontal details.
/// let stripes = Array2::from_shape_fn((32, 32), |(row, _)| (row % 2) as f32);
/// let energies = WaveletEnergies::new(WaveletConfig::default())?;
/// let table = energies.extract(&[Frame::new(stripes)])?;
/// assert_eq!(&*table.columns()[0], "wavelet.energy.l1.h");
/// assert!(table.values()[(0, 0)] > 0.1);
/// assert!(table.values()[(0, 4)] < 1e-9);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct WaveletEnergies {
    config: WaveletConfig,
    columns: Vec<Arc<str>>,
}

const BANDS: [&str; 3] = ["h", "v", "d"];

impl WaveletEnergies {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`WaveletError`] if a setting is outside its domain.
    pub fn new(config: WaveletConfig) -> Result<Self, WaveletError> {
        config.transform.check()?;
        config.grid.check(1)?;
        if !(1..=12).contains(&config.levels) {
            return Err(WaveletError::Levels(config.levels));
        }
        let mut columns: Vec<Arc<str>> = Vec::new();
        for level in 1..=config.levels {
            for band in BANDS {
                for property in ["energy", "mean_abs", "std", "entropy"] {
                    columns.push(format!("wavelet.{property}.l{level}.{band}").into());
                }
            }
        }
        columns.push(format!("wavelet.std.l{}.a", config.levels).into());
        Ok(Self { config, columns })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let config = &self.config;
        let image = Centred::of(frame, config.grid, config.transform)?;
        let scale = image.scale;
        let valid = |valid: Vec<f32>| valid.iter().map(|&weight| u8::from(weight > 0.0)).collect();
        let mut level = Level {
            shape: image.shape,
            values: image.values,
            valid: image.valid.map(valid),
        };
        let mut row = Vec::with_capacity(self.columns.len());
        for number in 0..config.levels {
            let mut sums = Sums::default();
            level = step(&level, config.wavelet, config.scheme, number, &mut sums);
            for moments in &sums.bands {
                let [energy, mean_abs, std, entropy] = moments.properties();
                row.extend([
                    energy * scale * scale,
                    mean_abs * scale,
                    std * scale,
                    entropy,
                ]);
            }
        }
        let mut rest = Moments::default();
        rest.add(&level.values, level.valid.as_deref());
        row.push(rest.properties()[2] * scale);
        stored(frame, row)
    }
}

impl FeatureExtractor for WaveletEnergies {
    fn name(&self) -> &str {
        "wavelet"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// Sums that do not wait for each other.
const LANES: usize = 8;

/// What the properties of a band are made of.
#[derive(Debug, Clone, Default)]
struct Moments {
    count: u64,
    sum: [f64; LANES],
    magnitude: [f64; LANES],
    square: [f64; LANES],
    /// `Σ d² ln d²`.
    square_log: [f64; LANES],
}

impl Moments {
    fn add(&mut self, values: &[f32], valid: Option<&[u8]>) {
        if let Some(valid) = valid {
            // Those that do not count are zeros, which add nothing but their number.
            let mut chunk = [0.0; 64];
            for (values, valid) in values.chunks(64).zip(valid.chunks(64)) {
                for ((kept, value), &valid) in chunk.iter_mut().zip(values).zip(valid) {
                    *kept = if valid == 0 { 0.0 } else { *value };
                }
                self.add_sums(&chunk[..values.len()]);
                self.count += valid.iter().map(|&valid| u64::from(valid)).sum::<u64>();
            }
        } else {
            self.add_sums(values);
            self.count += values.len() as u64;
        }
    }

    fn add_sums(&mut self, values: &[f32]) {
        let (chunks, rest) = values.as_chunks::<LANES>();
        let mut last = [0.0; LANES];
        last[..rest.len()].copy_from_slice(rest);
        for chunk in chunks.iter().chain([&last]) {
            for (lane, &value) in chunk.iter().enumerate() {
                let value = f64::from(value);
                let square = value * value;
                self.sum[lane] += value;
                self.magnitude[lane] += value.abs();
                self.square[lane] += square;
                // The logarithm in single precision: its error is that of the coefficient.
                let single = square as f32;
                let log = if single > 0.0 { single.ln() } else { 0.0 };
                self.square_log[lane] += square * f64::from(log);
            }
        }
    }

    /// Energy, mean magnitude, deviation and entropy; `NaN` where there is none.
    fn properties(&self) -> [f64; 4] {
        let total = |lanes: &[f64; LANES]| lanes.iter().sum::<f64>();
        let count = self.count as f64;
        let [mean, magnitude, energy] =
            [&self.sum, &self.magnitude, &self.square].map(|lanes| total(lanes) / count);
        let all = total(&self.square);
        let entropy = if self.count > 1 && all > 0.0 {
            (all.ln() - total(&self.square_log) / all) / count.ln()
        } else {
            f64::NAN
        };
        let std = (energy - mean * mean).max(0.0).sqrt();
        // `max` would turn what is missing into 0.
        let std = if self.count == 0 { f64::NAN } else { std };
        [energy, magnitude, std, entropy]
    }
}

#[derive(Debug, Default)]
struct Sums {
    bands: [Moments; 3],
}

impl Sink for Sums {
    fn take(&mut self, band: usize, _: usize, values: &[f32], valid: Option<&[u8]>) {
        self.bands[band].add(values, valid);
    }
}

/// The coefficients of one level, by what they see.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    /// Changes down the columns (`cH`).
    pub horizontal: Array2<f32>,
    /// Changes along the rows (`cV`).
    pub vertical: Array2<f32>,
    /// Changes along both (`cD`).
    pub diagonal: Array2<f32>,
}

#[derive(Debug, Default)]
struct Kept([Vec<f32>; 3]);

impl Sink for Kept {
    fn take(&mut self, band: usize, _: usize, values: &[f32], _: Option<&[u8]>) {
        self.0[band].extend_from_slice(values);
    }
}

/// A wavelet transform: the details from the finest level to the coarsest, and what is left.
///
/// ```
/// use ndarray::{Array2, array};
/// use xscatter_features::wavelet::{Scheme, Wavelet, decompose};
///
/// let image = array![[1.0, 1.0], [3.0, 3.0]];
/// let (details, rest) = decompose(image.view(), Wavelet::Haar, Scheme::Symmetric, 1);
/// assert!((details[0].horizontal[(0, 0)] + 2.0f32).abs() < 1e-6);
/// assert!((rest[(0, 0)] - 4.0).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the image has no pixels.
pub fn decompose(
    image: ArrayView2<'_, f32>,
    wavelet: Wavelet,
    scheme: Scheme,
    levels: usize,
) -> (Vec<Details>, Array2<f32>) {
    assert!(!image.is_empty(), "expected an image, found no pixel");
    let mut level = Level {
        shape: image.dim(),
        values: image.iter().copied().collect(),
        valid: None,
    };
    let mut details = Vec::with_capacity(levels);
    for number in 0..levels {
        let mut kept = Kept::default();
        level = step(&level, wavelet, scheme, number, &mut kept);
        let [horizontal, vertical, diagonal] = kept.0.map(|values| {
            Array2::from_shape_vec(level.shape, values).expect("a row of details a row")
        });
        details.push(Details {
            horizontal,
            vertical,
            diagonal,
        });
    }
    let rest = Array2::from_shape_vec(level.shape, level.values);
    (details, rest.expect("a level has its shape"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::Axis;
    use xscatter_core::Mask;
    use xscatter_testkit::check_extractor;

    fn noisy(shape: (usize, usize)) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(row, column)| {
            ((row * 31 + column * 17 + row * column * 7) % 101) as f32
        })
    }

    fn raw(wavelet: Wavelet, scheme: Scheme, levels: usize) -> WaveletEnergies {
        WaveletEnergies::new(WaveletConfig {
            wavelet,
            levels,
            scheme,
            transform: IntensityTransform::Raw,
            grid: Grid::Native,
        })
        .unwrap()
    }

    #[test]
    fn an_orthogonal_transform_keeps_the_energy() {
        let image = noisy((48, 32));
        let energy = |image: &Array2<f32>| -> f64 {
            image.iter().map(|&value| f64::from(value).powi(2)).sum()
        };
        for wavelet in Wavelet::ALL {
            let (details, rest) = decompose(image.view(), wavelet, Scheme::Periodization, 3);
            let parts = details
                .iter()
                .flat_map(|level| [&level.horizontal, &level.vertical, &level.diagonal]);
            let total: f64 = parts.map(energy).sum::<f64>() + energy(&rest);
            assert_relative_eq!(total, energy(&image), max_relative = 1e-5);
        }
    }

    #[test]
    fn a_coefficient_counts_if_no_masked_pixel_has_a_part_in_it() {
        let (levels, shape) = (2, (29, 40));
        for scheme in [Scheme::Symmetric, Scheme::Periodization, Scheme::Stationary] {
            for wavelet in [Wavelet::Haar, Wavelet::Db3] {
                let bad = Array2::from_shape_fn(shape, |(row, column)| (row, column) == (11, 17));
                let image = noisy(shape);
                let mut other = image.clone();
                other[(11, 17)] += 1e4;
                let [one, two] =
                    [&image, &other].map(|image| decompose(image.view(), wavelet, scheme, levels));
                let frame = Frame::new(image)
                    .with_mask(Mask::from_bad(bad.view()))
                    .unwrap();
                let table = raw(wavelet, scheme, levels).extract(&[frame]).unwrap();
                for level in 0..levels {
                    let (one, two) = (&one.0[level].diagonal, &two.0[level].diagonal);
                    let same = one.iter().zip(two).filter(|(a, b)| a == b);
                    let same: Vec<f64> = same.map(|(a, _)| f64::from(a.abs())).collect();
                    let expected = same.iter().sum::<f64>() / same.len() as f64;
                    let found = f64::from(table.values()[(0, level * 12 + 9)]);
                    assert_relative_eq!(found, expected, max_relative = 1e-4);
                }
            }
        }
    }

    #[test]
    fn flips_keep_haar_energies_and_a_transposition_swaps_them() {
        let counts = noisy((40, 24));
        let mut flipped = counts.clone();
        flipped.invert_axis(Axis(1));
        let turned = counts
            .clone()
            .reversed_axes()
            .as_standard_layout()
            .to_owned();
        let haar = raw(Wavelet::Haar, Scheme::Symmetric, 3);
        let table = haar
            .extract(&[counts, flipped, turned].map(Frame::new))
            .unwrap();
        let values = table.values();
        for level in 0..3 {
            for property in 0..4 {
                let at = |row: usize, band: usize| values[(row, level * 12 + band * 4 + property)];
                for band in 0..3 {
                    assert_relative_eq!(at(0, band), at(1, band), max_relative = 1e-4);
                    assert_relative_eq!(at(0, band), at(2, [1, 0, 2][band]), max_relative = 1e-4);
                }
            }
        }
    }

    #[test]
    fn exposure_scales_magnitudes_and_keeps_the_entropy() {
        let energies = raw(Wavelet::Db2, Scheme::Stationary, 2);
        let counts = noisy((21, 34));
        let table = energies
            .extract(&[counts.clone(), counts * 4.0].map(Frame::new))
            .unwrap();
        for (column, name) in table.columns().iter().enumerate() {
            let factor = match name.split('.').nth(1) {
                Some("energy") => 16.0,
                Some("entropy") => 1.0,
                _ => 4.0,
            };
            let [one, four] = [0, 1].map(|row| table.values()[(row, column)]);
            assert_relative_eq!(one * factor, four, max_relative = 1e-5);
        }
    }

    #[test]
    fn gaps_that_are_too_close_leave_nothing_of_a_coarse_level() {
        let bad = Array2::from_shape_fn((40, 41), |(_, column)| column % 8 == 0);
        let frame = Frame::new(noisy((40, 41)))
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let table = raw(Wavelet::Db2, Scheme::Symmetric, 2)
            .extract(&[frame])
            .unwrap();
        assert!(table.values()[(0, 0)].is_finite());
        assert!(table.values().iter().skip(12).all(|value| value.is_nan()));
    }

    #[test]
    fn a_constant_frame_has_no_energy_to_spread() {
        let constant = Frame::new(Array2::from_elem((9, 14), 7.0));
        let table = WaveletEnergies::new(WaveletConfig::default())
            .unwrap()
            .extract(&[constant])
            .unwrap();
        for (name, &value) in table.columns().iter().zip(table.values()) {
            assert_eq!(value.is_nan(), name.contains("entropy"), "{name}");
            assert!(value.is_nan() || value == 0.0);
        }
    }

    #[test]
    fn settings_far_from_the_defaults_keep_the_contract() {
        let frames: Vec<Frame> = (0..3)
            .map(|k| {
                let shape = (31 + k, 77);
                let bad = Array2::from_shape_fn(shape, |(r, c)| k > 0 && (r == 9 || c % 20 < k));
                Frame::new(noisy(shape))
                    .with_mask(Mask::from_bad(bad.view()))
                    .unwrap()
            })
            .collect();
        for scheme in [Scheme::Symmetric, Scheme::Periodization, Scheme::Stationary] {
            check_extractor(&raw(Wavelet::Sym4, scheme, 2), &frames).unwrap();
        }
    }

    #[test]
    fn images_smaller_than_the_filter_have_coefficients() {
        for shape in [(1, 1), (1, 5), (3, 2)] {
            for scheme in [Scheme::Symmetric, Scheme::Periodization, Scheme::Stationary] {
                let (details, rest) = decompose(noisy(shape).view(), Wavelet::Db8, scheme, 3);
                assert_eq!(details.len(), 3);
                assert!(rest.iter().all(|value| value.is_finite()));
            }
        }
    }

    #[test]
    fn senseless_settings_are_refused() {
        let broken = |change: fn(&mut WaveletConfig)| {
            let mut config = WaveletConfig::default();
            change(&mut config);
            WaveletEnergies::new(config).unwrap_err()
        };
        assert_eq!(broken(|c| c.levels = 0), WaveletError::Levels(0));
        assert_eq!(broken(|c| c.levels = 13), WaveletError::Levels(13));
        assert!(matches!(
            broken(|c| c.grid = Grid::LongSide(0)),
            WaveletError::Grid(_)
        ));
    }
}
