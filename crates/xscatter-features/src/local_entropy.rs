//! Local entropy: how many grey levels mix around a pixel.
//!
//! Flat areas have an entropy near 0, noise and texture a high one, edges lie between. Use it to tell
//! structured from empty areas and speckle from smooth halos. It does not see which way the levels are
//! arranged (see [`Glcm`](crate::Glcm) and [`Lbp`](crate::Lbp) for that), and on counts near zero it
//! measures the shot noise.
//!
//! ```text
//! H = −Σ (nᵢ/N) log₂ (nᵢ/N)     nᵢ pixels of level i among the N valid ones under the footprint, in bits
//! ```
//!
//! Columns: `local-entropy.disk5.mean`, `std` (of the population), `p5`, `p25`, `p50`, `p75` and `p95`
//! (linear between order statistics) of `H` over the valid pixels; `disk5` is the footprint and its
//! radius.
//!
//! *Masks and borders*: a masked pixel is in no histogram and has no entropy of its own; at the border and
//! beside a gap the footprint holds fewer pixels. Every valid pixel counts itself, so `H` is always
//! defined. A constant frame has 0 everywhere. A frame without a valid pixel is an error of kind
//! [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData).
//!
//! *Symmetry*: flips and quarter turns of the image move the entropies with it and change no bit of them.
//!
//! *Cost*: the histogram slides along the rows: `4 r + 2` changes of it a pixel, each of which updates
//! `Σ n log₂ n` from a table of whole numbers (units of 2⁻⁴⁰), so that nothing drifts.
//!
//! Source: `skimage.filters.rank.entropy` of scikit-image 0.26, which starts from 8-bit images; levels are
//! made here as [`LevelRange`] says.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::intensity::{IntensityError, IntensityTransform, LevelRange, quantise};
use crate::resample::{Grid, GridError, Resampled};
use crate::summary::{NAMES, summary};

/// The pixels around a pixel that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Footprint {
    /// Those at most a radius away: `Δr² + Δc² ≤ r²`.
    #[default]
    Disk,
    /// The square of side `2 r + 1`.
    Square,
}

impl Footprint {
    /// The name in a column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Square => "square",
        }
    }

    /// How far it reaches to either side, for the rows from `-radius` to `radius`.
    fn half_widths(self, radius: usize) -> Vec<usize> {
        let rows = (0..=2 * radius).map(|row| row.abs_diff(radius));
        match self {
            Self::Disk => rows
                .map(|row| (radius * radius - row * row).isqrt())
                .collect(),
            Self::Square => rows.map(|_| radius).collect(),
        }
    }
}

/// What [`LocalEntropy`] computes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LocalEntropyConfig {
    /// The pixels around a pixel.
    pub footprint: Footprint,
    /// Its radius in pixels of the (resampled) image, 1 to 64.
    pub radius_px: usize,
    /// Grey levels, 2 to 256.
    pub levels: u16,
    /// What is done to the counts before they are cut into levels.
    pub transform: IntensityTransform,
    /// The intensities that the levels cover.
    pub range: LevelRange,
    /// The pixels.
    pub grid: Grid,
}

impl Default for LocalEntropyConfig {
    /// A disk of five pixels, 256 levels over what a 16-bit counter can hold, on `ln(1 + I)`; the longer
    /// side averaged to 256 pixels.
    fn default() -> Self {
        Self {
            footprint: Footprint::Disk,
            radius_px: 5,
            levels: 256,
            transform: IntensityTransform::Log1p,
            range: LevelRange::default(),
            grid: Grid::LongSide(256),
        }
    }
}

/// Why [`LocalEntropy`] could not be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum LocalEntropyError {
    /// A footprint of one pixel, or a very large one.
    #[error("expected a radius of 1 to 64 pixels, got {0}")]
    Radius(usize),
    /// One level tells nothing apart; more than 256 are not counted.
    #[error("expected 2 to 256 levels, got {0}")]
    Levels(u16),
    /// The grid has no pixels.
    #[error(transparent)]
    Grid(#[from] GridError),
    /// The transform or the range makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

/// The distribution of the local entropy; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{LocalEntropy, LocalEntropyConfig};
///
/// let entropy = LocalEntropy::new(LocalEntropyConfig::default())?;
/// let flat = Frame::new(Array2::from_elem((40, 40), 12.0));
/// let noisy = Frame::new(Array2::from_shape_fn((40, 40), |(r, c)| (r * c * 7 % 31) as f32));
/// let table = entropy.extract(&[flat, noisy])?;
/// assert_eq!(&*table.columns()[0], "local-entropy.disk5.mean");
/// assert_eq!(table.values()[(0, 0)], 0.0);
/// assert!(table.values()[(1, 0)] > 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct LocalEntropy {
    config: LocalEntropyConfig,
    columns: Vec<Arc<str>>,
}

impl LocalEntropy {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`LocalEntropyError`] if a setting is outside its domain.
    pub fn new(config: LocalEntropyConfig) -> Result<Self, LocalEntropyError> {
        config.transform.check()?;
        config.range.check()?;
        config.grid.check(1)?;
        if !(1..=64).contains(&config.radius_px) {
            return Err(LocalEntropyError::Radius(config.radius_px));
        }
        if !(2..=256).contains(&config.levels) {
            return Err(LocalEntropyError::Levels(config.levels));
        }
        let prefix = format!(
            "local-entropy.{}{}",
            config.footprint.name(),
            config.radius_px
        );
        let columns = NAMES.iter().map(|name| format!("{prefix}.{name}").into());
        Ok(Self {
            config,
            columns: columns.collect(),
        })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let LocalEntropyConfig {
            footprint,
            radius_px,
            levels,
            ..
        } = self.config;
        let image = Resampled::of(frame, self.config.grid)?;
        let grey = quantise(&image, self.config.transform, self.config.range, levels);
        let grey = ArrayView2::from_shape(image.shape(), &grey)
            .expect("quantising keeps the number of pixels");
        let mut entropies = Vec::with_capacity(grey.len());
        slide(
            grey,
            levels,
            footprint,
            radius_px,
            |row, column, entropy| {
                if grey[(row, column)] < levels {
                    entropies.push(entropy as f32);
                }
            },
        );
        Ok(summary(&mut entropies).to_vec())
    }
}

impl FeatureExtractor for LocalEntropy {
    fn name(&self) -> &str {
        "local-entropy"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// The entropy in bits of the levels around every pixel. A pixel of level `levels` or above is in no
/// histogram; where there is no other, the entropy is `NaN`.
///
/// ```
/// use ndarray::array;
/// use xscatter_features::local_entropy::{Footprint, entropies};
///
/// let found = entropies(array![[0u16, 0, 1, 2]].view(), 2, Footprint::Square, 1);
/// // One level; two to one; one to one beside a masked pixel; what the masked pixel has around it.
/// assert!((found[(0, 1)] - 0.918_295_8).abs() < 1e-6);
/// assert_eq!((found[(0, 0)], found[(0, 2)], found[(0, 3)]), (0.0, 1.0, 0.0));
/// ```
pub fn entropies(
    image: ArrayView2<'_, u16>,
    levels: u16,
    footprint: Footprint,
    radius_px: usize,
) -> Array2<f64> {
    let mut found = Array2::from_elem(image.dim(), f64::NAN);
    slide(
        image,
        levels,
        footprint,
        radius_px,
        |row, column, entropy| {
            found[(row, column)] = entropy;
        },
    );
    found
}

/// Units of `n log₂ n` in one: whole numbers have sums that do not depend on their order.
const UNIT: f64 = (1u64 << 40) as f64;

/// Calls `visit` with row, column and entropy of every pixel that has a valid one under its footprint.
fn slide(
    image: ArrayView2<'_, u16>,
    levels: u16,
    footprint: Footprint,
    radius: usize,
    mut visit: impl FnMut(usize, usize, f64),
) {
    let (rows, columns) = image.dim();
    let half_widths = footprint.half_widths(radius);
    let size: usize = half_widths.iter().map(|half| 2 * half + 1).sum();
    // n log₂ n, and what one pixel more adds to it.
    let terms: Vec<i64> = (0..=size).map(term).collect();
    let steps: Vec<i64> = terms.windows(2).map(|pair| pair[1] - pair[0]).collect();
    // Pixels off the image and masked ones have a level of their own, which is taken out at the end.
    let absent = usize::from(levels);
    let width = columns + 2 * radius;
    let mut padded = vec![levels; (rows + 2 * radius) * width];
    for (line, target) in image
        .rows()
        .into_iter()
        .zip(padded.chunks_exact_mut(width.max(1)).skip(radius))
    {
        for (target, &level) in target[radius..].iter_mut().zip(line) {
            *target = level.min(levels);
        }
    }
    let mut counts = vec![0u32; absent + 1];
    for row in 0..rows {
        counts.fill(0);
        for (line, &half) in half_widths.iter().enumerate() {
            let around = &padded[(row + line) * width + radius - half..][..=2 * half];
            for &level in around {
                counts[usize::from(level)] += 1;
            }
        }
        let mut sum: i64 = counts.iter().map(|&count| terms[count as usize]).sum();
        for column in 0..columns {
            if column > 0 {
                for (line, &half) in half_widths.iter().enumerate() {
                    let line = &padded[(row + line) * width + radius + column - 1 - half..];
                    let (leaving, entering) = (line[0], line[2 * half + 1]);
                    let count = &mut counts[usize::from(leaving)];
                    *count -= 1;
                    sum -= steps[*count as usize];
                    let count = &mut counts[usize::from(entering)];
                    sum += steps[*count as usize];
                    *count += 1;
                }
            }
            let missing = counts[absent] as usize;
            let present = size - missing;
            if present > 0 {
                // N log₂ N − Σ n log₂ n, which is 0 to the last bit where there is one level.
                let spread = terms[present] - (sum - terms[missing]);
                let entropy = spread.max(0) as f64 / (UNIT * present as f64);
                visit(row, column, entropy);
            }
        }
    }
}

/// `n log₂ n` in whole [`UNIT`]s.
fn term(n: usize) -> i64 {
    let n = n as f64;
    if n > 0.0 {
        (n * n.log2() * UNIT).round() as i64
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::Axis;
    use proptest::prelude::*;
    use xscatter_core::{ErrorKind, Mask};
    use xscatter_testkit::check_extractor;

    fn grey(shape: (usize, usize), levels: usize) -> Array2<u16> {
        Array2::from_shape_fn(shape, |(row, column)| {
            ((row * row * 7 + column * 13 + row * column) % levels) as u16
        })
    }

    /// Pixel by pixel, by the definition.
    fn plain(image: &Array2<u16>, levels: u16, footprint: Footprint, radius: usize) -> Array2<f64> {
        let (rows, columns) = image.dim();
        Array2::from_shape_fn((rows, columns), |(row, column)| {
            let mut counts = vec![0.0; usize::from(levels)];
            for r in row.saturating_sub(radius)..(row + radius + 1).min(rows) {
                for c in column.saturating_sub(radius)..(column + radius + 1).min(columns) {
                    let off = r.abs_diff(row).pow(2) + c.abs_diff(column).pow(2);
                    let level = image[(r, c)];
                    if level < levels && (footprint == Footprint::Square || off <= radius * radius)
                    {
                        counts[usize::from(level)] += 1.0;
                    }
                }
            }
            let n: f64 = counts.iter().sum();
            let shares = counts
                .iter()
                .filter(|&&count| count > 0.0)
                .map(|count| count / n);
            if n > 0.0 {
                shares.map(|share: f64| -share * share.log2()).sum()
            } else {
                f64::NAN
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn sliding_gives_the_definition(
            rows in 1usize..14, columns in 1usize..14, radius in 1usize..6, levels in 2u16..20,
            square in any::<bool>(),
        ) {
            let footprint = if square { Footprint::Square } else { Footprint::Disk };
            // One level more than there is: masked pixels.
            let image = grey((rows, columns), usize::from(levels) + 1);
            let found = entropies(image.view(), levels, footprint, radius);
            let expected = plain(&image, levels, footprint, radius);
            for (found, expected) in found.iter().zip(&expected) {
                prop_assert_eq!(found.is_nan(), expected.is_nan());
                prop_assert!(found.is_nan() || (found - expected).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn flips_and_quarter_turns_move_every_bit() {
        let image = grey((19, 26), 9);
        let found = entropies(image.view(), 9, Footprint::Disk, 3);
        let mut flipped = image.clone();
        flipped.invert_axis(Axis(0));
        let mut moved = entropies(flipped.view(), 9, Footprint::Disk, 3);
        moved.invert_axis(Axis(0));
        assert_eq!(moved, found);
        let turned = entropies(image.t(), 9, Footprint::Disk, 3);
        assert_eq!(turned.t(), found);
    }

    #[test]
    fn renaming_levels_changes_nothing() {
        let image = grey((15, 12), 7);
        let renamed = image.mapv(|level| (level * 3 + 2) % 7);
        let [one, other] =
            [image, renamed].map(|image| entropies(image.view(), 7, Footprint::Square, 2));
        assert_eq!(one, other);
    }

    #[test]
    fn the_contract_holds_far_from_the_defaults() {
        let frames: Vec<Frame> = (0..3)
            .map(|k| Frame::new(grey((30 + k, 41 - k), 90).mapv(f32::from)))
            .collect();
        for (footprint, radius_px, levels, range) in [
            (Footprint::Square, 2, 16, LevelRange::Rank),
            (Footprint::Disk, 9, 3, LevelRange::default()),
        ] {
            let entropy = LocalEntropy::new(LocalEntropyConfig {
                footprint,
                radius_px,
                levels,
                range,
                transform: IntensityTransform::Raw,
                grid: Grid::Native,
            })
            .unwrap();
            check_extractor(&entropy, &frames).unwrap();
        }
    }

    #[test]
    fn a_gap_in_a_constant_frame_is_no_structure() {
        let bad = Array2::from_shape_fn((30, 30), |(row, column)| row == 4 || column == 20);
        let frame = Frame::new(Array2::from_elem((30, 30), 55.0))
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let entropy = LocalEntropy::new(LocalEntropyConfig::default()).unwrap();
        let table = entropy.extract(&[frame]).unwrap();
        assert!(table.values().iter().all(|value| value.to_bits() == 0));
    }

    #[test]
    fn as_many_levels_as_pixels_have_their_logarithm() {
        let image = Array2::from_shape_fn((5, 5), |(row, column)| (5 * row + column) as u16);
        let found = entropies(image.view(), 25, Footprint::Square, 2);
        assert_relative_eq!(found[(2, 2)], 25f64.log2(), max_relative = 1e-12);
        assert_relative_eq!(found[(0, 0)], 9f64.log2(), max_relative = 1e-12);
    }

    #[test]
    fn a_frame_without_a_valid_pixel_is_degenerate() {
        let entropy = LocalEntropy::new(LocalEntropyConfig::default()).unwrap();
        let error = entropy
            .extract(&[Frame::new(Array2::zeros((0, 3)))])
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
    }

    #[test]
    fn senseless_settings_are_refused() {
        let broken = |change: fn(&mut LocalEntropyConfig)| {
            let mut config = LocalEntropyConfig::default();
            change(&mut config);
            LocalEntropy::new(config).unwrap_err()
        };
        assert_eq!(broken(|c| c.radius_px = 0), LocalEntropyError::Radius(0));
        assert_eq!(broken(|c| c.radius_px = 65), LocalEntropyError::Radius(65));
        assert_eq!(broken(|c| c.levels = 1), LocalEntropyError::Levels(1));
        assert!(matches!(
            broken(|c| c.grid = Grid::LongSide(0)),
            LocalEntropyError::Grid(_)
        ));
    }
}
