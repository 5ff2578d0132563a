//! Wavelet scattering of first and second order: texture that small shifts and deformations leave alone.
//!
//! With Morlet wavelets `ψ` of scale `j` and direction `t`, and a Gaussian `φ` of the coarsest scale:
//!
//! `S₀ = I * φ`, `S₁(j, t) = |I * ψ_jt| * φ`, `S₂(j, t, j', t') = ||I * ψ_jt| * ψ_j't'| * φ`, `j' > j`.
//!
//! The first order is what SIFT sees; the second one tells textures apart that have the same spectrum:
//! speckle from fibres, rings from arcs. Wavelets have the wavelength `2^(j+1) · 4/3` pixels, a deviation of
//! `0.8 · 2ʲ` along it and `L/4` times that across; `L` directions cover half a turn; `φ` has the
//! deviation `0.8 · 2^(J−1)` for `J` scales. Maps have `⌊side / 2ᴶ⌋` values a side.
//!
//! | column ([`Rotations::Averaged`]) | value |
//! |---|---|
//! | `scattering.mean.s0`, `scattering.std.s0` | mean and standard deviation of the map `S₀` |
//! | `scattering.mean.j0`, `scattering.std.j0` … | those of `S₁`, averaged over directions |
//! | `scattering.mean.j0_j1.d0`, … | those of `S₂`, averaged over pairs of directions `d` steps apart |
//!
//! [`Rotations::Kept`] has the columns of every path, `scattering.mean.j0_t3` and
//! `scattering.mean.j0_t3_j1_t5`: `2 (1 + J L + L² J (J − 1) / 2)`.
//!
//! *Grid*: a fixed shape, since the filters are made once for it.
//!
//! *Masks*: normalised convolution at each order. With weights `w` (at first the validity), `G` a round
//! Gaussian of the deviation of `ψ`, and `m = G*(w x) / G*w`, the local mean: `w' = G*w`,
//! `x' = |ψ*(w x) − m ψ*w| / w'`, and `w' = 0` where less than a quarter of the Gaussian is valid; at the
//! end `S = φ*(w' x') / φ*w'`, where `φ*w'` is at least a quarter. Without a mask these are the formulas
//! above; a constant has no details whatever the mask.
//!
//! *Missing*: a path whose maps have no position that counts is `NaN`.
//!
//! *Symmetry*: flips and quarter turns keep the averaged columns but for the borders, which are mirrored
//! one pixel further on one side.
//!
//! *Cost*: about `L² J²` Fourier transforms of a quarter of the grid and less; about 80 bytes a pixel of
//! the grid. Single precision; the mean is taken out first.
//!
//! Source: Bruna and Mallat 2013, doi:10.1109/TPAMI.2012.230; filters, borders, thinning and order of the
//! paths of kymatio 0.3.0, whose filters are larger by π/3.1415 each (it divides by a rounded π).

use std::sync::Arc;

use ndarray::{Array2, ArrayViewMut2};
use num_complex::Complex32;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::centred::{Centred, mirrored, stored};
use crate::fourier2::Scratch;
use crate::intensity::{IntensityError, IntensityTransform};
use crate::resample::{Grid, GridError, MIN_COVERAGE};

mod filters;

use filters::Bank;

/// How paths become columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rotations {
    /// Averaged over rotations: first orders over directions, second ones over pairs with the same angle
    /// between them.
    #[default]
    Averaged,
    /// A column for every path.
    Kept,
}

/// What [`Scattering`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScatteringConfig {
    /// Scales `J`, 1 to 8, each twice as coarse as the one before.
    pub scales: usize,
    /// Directions `L` over half a turn.
    pub orientations: usize,
    /// How paths become columns.
    pub rotations: Rotations,
    /// What is done to the counts first.
    pub transform: IntensityTransform,
    /// The pixels that are described, in a fixed shape with sides of at least `2ᴶ`.
    pub grid: Grid,
}

impl Default for ScatteringConfig {
    /// Three scales and eight directions, averaged over rotations, on `ln(1 + I)` averaged to 128 × 128
    /// pixels.
    fn default() -> Self {
        Self {
            scales: 3,
            orientations: 8,
            rotations: Rotations::Averaged,
            transform: IntensityTransform::Log1p,
            grid: Grid::Averaged {
                rows: 128,
                columns: 128,
            },
        }
    }
}

/// Why a [`Scattering`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ScatteringError {
    /// Too few or too many scales.
    #[error("expected 1 to 8 scales, got {0}")]
    Scales(usize),
    /// Too few or too many directions.
    #[error("expected 1 to 32 orientations, got {0}")]
    Orientations(usize),
    /// The grid has no fixed shape or is too small for the coarsest scale.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The transform makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

/// A wavelet: its scale and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wave {
    /// The scale `j`; 0 is the finest.
    pub scale: usize,
    /// The direction `t` in steps of half a turn over the number of directions.
    pub direction: usize,
}

/// A scattering path: the wavelets that an image passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// Order 0: none.
    Low,
    /// Order 1.
    First(Wave),
    /// Order 2.
    Second(Wave, Wave),
}

impl Path {
    /// How a column calls it.
    fn name(self) -> String {
        let name = |wave: Wave| format!("j{}_t{}", wave.scale, wave.direction);
        match self {
            Self::Low => "s0".to_owned(),
            Self::First(wave) => name(wave),
            Self::Second(first, second) => format!("{}_{}", name(first), name(second)),
        }
    }

    /// How a column calls all rotations of it.
    fn group(self, directions: usize) -> String {
        match self {
            Self::Low => "s0".to_owned(),
            Self::First(wave) => format!("j{}", wave.scale),
            Self::Second(first, second) => {
                let steps = first.direction.abs_diff(second.direction);
                let steps = steps.min(directions - steps);
                format!("j{}_j{}.d{steps}", first.scale, second.scale)
            }
        }
    }
}

/// Wavelet scattering; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{Grid, Scattering, ScatteringConfig};
///
/// let grid = Grid::Averaged { rows: 32, columns: 32 };
/// let scattering = Scattering::new(ScatteringConfig { scales: 2, grid, ..Default::default() })?;
/// let speckle = Array2::from_shape_fn((40, 50), |(row, column)| (row * column % 7) as f32);
/// let table = scattering.extract(&[Frame::new(speckle)])?;
/// assert_eq!(&*table.columns()[2], "scattering.mean.j0");
/// assert_eq!(table.columns().len(), 2 * (1 + 2 + 5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Scattering {
    config: ScatteringConfig,
    shape: (usize, usize),
    padded: (usize, usize),
    bank: Bank,
    paths: Vec<Path>,
    /// Where each path goes: the column of its mean.
    places: Vec<usize>,
    columns: Vec<Arc<str>>,
}

impl Scattering {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`ScatteringError`] if a setting is outside its domain.
    pub fn new(config: ScatteringConfig) -> Result<Self, ScatteringError> {
        config.transform.check()?;
        let (scales, directions) = (config.scales, config.orientations);
        if !(1..=8).contains(&scales) {
            return Err(ScatteringError::Scales(scales));
        }
        if !(1..=32).contains(&directions) {
            return Err(ScatteringError::Orientations(directions));
        }
        let shape = config.grid.fixed_shape(1 << scales)?;
        // The next multiple of the coarsest step but one.
        let pad = |side: usize| ((side >> scales) + 2) << scales;
        let padded = (pad(shape.0), pad(shape.1));
        let waves: Vec<Wave> = (0..scales)
            .flat_map(|scale| (0..directions).map(move |direction| Wave { scale, direction }))
            .collect();
        let mut paths = vec![Path::Low];
        paths.extend(waves.iter().copied().map(Path::First));
        for &first in &waves {
            let coarser = waves.iter().filter(|wave| wave.scale > first.scale);
            paths.extend(coarser.map(|&second| Path::Second(first, second)));
        }
        let names = paths.iter().map(|path| match config.rotations {
            Rotations::Averaged => path.group(directions),
            Rotations::Kept => path.name(),
        });
        let mut groups: Vec<String> = Vec::new();
        let mut places = Vec::with_capacity(paths.len());
        for name in names {
            let known = groups.iter().position(|group| *group == name);
            places.push(2 * known.unwrap_or(groups.len()));
            if known.is_none() {
                groups.push(name);
            }
        }
        let columns = groups
            .iter()
            .flat_map(|group| {
                ["mean", "std"].map(|what| format!("scattering.{what}.{group}").into())
            })
            .collect();
        Ok(Self {
            bank: Bank::new(padded, scales, directions),
            config,
            shape,
            padded,
            paths,
            places,
            columns,
        })
    }

    /// The map of every path: the low-pass, first orders by scale and direction, second orders by those of
    /// both waves. `NaN` where too little was measured.
    ///
    /// # Errors
    /// As for [`extract`](FeatureExtractor::extract).
    ///
    /// # Panics
    /// Never: maps have the shape of the low-pass.
    pub fn maps(&self, frame: &Frame) -> Result<Vec<(Path, Array2<f32>)>> {
        let image = Centred::of(frame, self.config.grid, self.config.transform)?;
        let shape = self.bank.low_pass[0].shape();
        let maps = self.paths.iter().copied().zip(self.scatter(&image));
        let maps = maps.map(|(path, mut map)| {
            for value in &mut map {
                *value *= image.scale as f32;
            }
            let map = Array2::from_shape_vec(shape, map);
            (path, map.expect("maps have the shape of the low-pass"))
        });
        Ok(maps.collect())
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let image = Centred::of(frame, self.config.grid, self.config.transform)?;
        let mut row = vec![0.0; self.columns.len()];
        let mut members = vec![0.0; self.columns.len()];
        for (map, &place) in self.scatter(&image).iter().zip(&self.places) {
            for (offset, value) in mean_and_std(map).into_iter().enumerate() {
                row[place + offset] += value * image.scale;
                members[place + offset] += 1.0;
            }
        }
        let row = row.iter().zip(&members).map(|(sum, members)| sum / members);
        stored(frame, row)
    }

    /// The maps of all paths, in units of the image's scale.
    fn scatter(&self, image: &Centred) -> Vec<Vec<f32>> {
        let (scales, directions) = (self.config.scales, self.config.orientations);
        let mut work = Work::default();
        let values = self.pad(&image.values);
        let weights = image.valid.as_ref().map(|valid| self.pad(valid));
        let (spectrum, _) = self.spectra(0, &values, None, &mut work);
        // Not packed with the image: the rounding of weights of 1 would drown small intensities.
        let mut alone = |weights: &Vec<f32>| self.spectra(0, weights, None, &mut work).0;
        let weights_spectrum = weights.as_ref().map(&mut alone);
        let low_weights = weights.map(|weights| self.bank.low_pass[0].apply(&weights));
        let mut low = self.low(0, &values, low_weights.as_deref());
        for value in &mut low {
            *value += image.level as f32;
        }
        let (mut first, mut second) = (vec![low], Vec::new());
        for scale in 0..scales {
            let mask = weights_spectrum.as_ref();
            let mask = mask.map(|weights| self.mask((weights, 0), scale, &mut work));
            let coarser = scale + 1..scales;
            // The weights of the first order, as the second one sees them.
            let next_masks: Option<Vec<MaskAt>> = mask.as_ref().map(|mask| {
                let (weights, _) = self.spectra(scale, &mask.weights, None, &mut work);
                let at = |next| self.mask((&weights, scale), next, &mut work);
                coarser.clone().map(at).collect()
            });
            let local_mean = self.local_mean((&spectrum, 0), scale, mask.as_ref(), &mut work);
            // Two real images share a complex transform.
            for start in (0..directions).step_by(2) {
                let end = (start + 2).min(directions);
                let moduli: Vec<Vec<f32>> = (start..end)
                    .map(|direction| {
                        let local = mask.as_ref().zip(local_mean.as_deref());
                        self.modulus((&spectrum, 0), (scale, direction), local, &mut work)
                    })
                    .collect();
                for modulus in &moduli {
                    let weights = mask.as_ref().map(|mask| &mask.low[..]);
                    first.push(self.low(scale, modulus, weights));
                }
                if coarser.is_empty() {
                    continue;
                }
                let other = moduli.get(1).map(Vec::as_slice);
                let (one, other) = self.spectra(scale, &moduli[0], other, &mut work);
                for spectrum in std::iter::once(one).chain(other) {
                    for next in coarser.clone() {
                        let mask = next_masks.as_ref().map(|masks| &masks[next - scale - 1]);
                        let local_mean = self.local_mean((&spectrum, scale), next, mask, &mut work);
                        for direction in 0..directions {
                            let local = mask.zip(local_mean.as_deref());
                            let source = (&spectrum[..], scale);
                            let modulus = self.modulus(source, (next, direction), local, &mut work);
                            let weights = mask.map(|mask| &mask.low[..]);
                            second.push(self.low(next, &modulus, weights));
                        }
                    }
                }
            }
        }
        first.append(&mut second);
        first
    }

    /// Mirrored about the centres of its end pixels.
    fn pad(&self, values: &[f32]) -> Vec<f32> {
        let (rows, columns) = self.shape;
        let source = |place: usize, side: usize, padded: usize| {
            mirrored(place as isize - ((padded - side) / 2) as isize, side)
        };
        let places: Vec<usize> = (0..self.padded.1)
            .map(|place| source(place, columns, self.padded.1))
            .collect();
        (0..self.padded.0)
            .flat_map(|row| {
                let start = source(row, rows, self.padded.0) * columns;
                places.iter().map(move |&column| values[start + column])
            })
            .collect()
    }

    /// The spectra of one or two real images, by one transform.
    fn spectra(
        &self,
        resolution: usize,
        one: &[f32],
        other: Option<&[f32]>,
        work: &mut Work,
    ) -> (Vec<Complex32>, Option<Vec<Complex32>>) {
        let transform = &self.bank.transforms[resolution];
        let Some(other) = other else {
            let mut data = one.iter().map(|&value| value.into()).collect();
            transform.forward(&mut data, &mut work.scratch);
            return (data, None);
        };
        let both = one.iter().zip(other);
        let mut data: Vec<Complex32> = both.map(|(&a, &b)| Complex32::new(a, b)).collect();
        transform.forward(&mut data, &mut work.scratch);
        let (rows, columns) = self.bank.shapes[resolution];
        let mut second = vec![Complex32::ZERO; data.len()];
        // Each frequency and its opposite give the even and the odd part of both.
        for column in 0..columns {
            for row in 0..rows {
                let here = column * rows + row;
                let there = (columns - column) % columns * rows + (rows - row) % rows;
                if there < here {
                    continue;
                }
                let (a, b) = (data[here], data[there].conj());
                let (even, odd) = (0.5 * (a + b), 0.5 * (a - b));
                let odd = Complex32::new(odd.im, -odd.re);
                (data[here], data[there]) = (even, even.conj());
                (second[here], second[there]) = (odd, odd.conj());
            }
        }
        (data, Some(second))
    }

    /// What the wavelets of a scale see of weights.
    fn mask(&self, source: (&[Complex32], usize), scale: usize, work: &mut Work) -> MaskAt {
        let filters = self.bank.scale(source.1, scale);
        let blurred = self.blurred(source, scale, work);
        let kept = |&weight: &f32| if weight < MIN_COVERAGE { 0.0 } else { weight };
        let weights: Vec<f32> = blurred.iter().map(kept).collect();
        let waves = filters.waves.iter().map(|wave| {
            let mut out = Vec::new();
            let target = (wave, scale);
            self.bank
                .filtered(source, target, &mut out, &mut work.scratch);
            out
        });
        MaskAt {
            waves: waves.collect(),
            low: self.bank.low_pass[scale].apply(&weights),
            weights,
        }
    }

    /// A real image blurred by the envelope of a scale.
    fn blurred(&self, source: (&[Complex32], usize), scale: usize, work: &mut Work) -> Vec<f32> {
        let envelope = &self.bank.scale(source.1, scale).envelope;
        let Work { field, scratch } = work;
        self.bank
            .filtered(source, (envelope, scale), field, scratch);
        field.iter().map(|value| value.re).collect()
    }

    /// The mean of the valid values about each place, if some are not.
    fn local_mean(
        &self,
        source: (&[Complex32], usize),
        scale: usize,
        mask: Option<&MaskAt>,
        work: &mut Work,
    ) -> Option<Vec<f32>> {
        let mask = mask?;
        let mut mean = self.blurred(source, scale, work);
        for (mean, &weight) in mean.iter_mut().zip(&mask.weights) {
            *mean = if weight > 0.0 { *mean / weight } else { 0.0 };
        }
        Some(mean)
    }

    /// The weighted modulus `w' x'` of a wave; without a mask the modulus.
    fn modulus(
        &self,
        source: (&[Complex32], usize),
        (scale, direction): (usize, usize),
        local: Option<(&MaskAt, &[f32])>,
        work: &mut Work,
    ) -> Vec<f32> {
        let Work { field, scratch } = work;
        let wave = &self.bank.scale(source.1, scale).waves[direction];
        self.bank.filtered(source, (wave, scale), field, scratch);
        let modulus = |re: f32, im: f32| (re * re + im * im).sqrt();
        let Some((mask, means)) = local else {
            return field
                .iter()
                .map(|value| modulus(value.re, value.im))
                .collect();
        };
        let weights = mask.weights.iter().zip(&mask.waves[direction]);
        field
            .iter()
            .zip(weights)
            .zip(means)
            .map(|((value, (&weight, wave)), &mean)| {
                if weight > 0.0 {
                    modulus(value.re - mean * wave.re, value.im - mean * wave.im)
                } else {
                    0.0
                }
            })
            .collect()
    }

    /// The map of a modulus; `NaN` where the weights are too small.
    fn low(&self, resolution: usize, modulus: &[f32], weights: Option<&[f32]>) -> Vec<f32> {
        let mut map = self.bank.low_pass[resolution].apply(modulus);
        if let Some(weights) = weights {
            for (value, &weight) in map.iter_mut().zip(weights) {
                *value = if weight < MIN_COVERAGE {
                    f32::NAN
                } else {
                    *value / weight
                };
            }
        }
        map
    }
}

impl FeatureExtractor for Scattering {
    fn name(&self) -> &str {
        "scattering"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// Memory that steps share.
#[derive(Debug, Default)]
struct Work {
    field: Vec<Complex32>,
    scratch: Scratch,
}

/// What the wavelets of one scale see of weights.
#[derive(Debug)]
struct MaskAt {
    /// The response of each direction to the weights.
    waves: Vec<Vec<Complex32>>,
    /// The blurred weights; 0 where they are below [`MIN_COVERAGE`].
    weights: Vec<f32>,
    /// Their low-pass.
    low: Vec<f32>,
}

/// Mean and standard deviation of the positions that count; `NaN` without any.
fn mean_and_std(map: &[f32]) -> [f64; 2] {
    let valid = map.iter().filter(|value| !value.is_nan());
    let values = valid.map(|&value| f64::from(value));
    let count = values.clone().count() as f64;
    let mean = values.clone().sum::<f64>() / count;
    let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    [mean, variance.sqrt()]
}

#[cfg(test)]
mod tests;
