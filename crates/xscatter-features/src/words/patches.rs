//! Square patches of an image on a regular grid, as rows of numbers.
//!
//! The plainest local descriptor: the pixels themselves. Use it to learn a dictionary of what a pattern
//! is made of ([`VisualWords`](crate::VisualWords)); gradients ([`DenseSift`](crate::DenseSift))
//! tell more of edges and less of intensities.
//!
//! With `v` the transformed counts of a patch of `n` pixels, `m` their mean and `s` their standard
//! deviation (divisor `n`), the row of a patch is
//!
//! | normalisation | row |
//! |---|---|
//! | none | `v` |
//! | mean | `v − m` |
//! | contrast | `(v − m) / √(n (s² + floor²))`, of length at most 1; 0 for a flat patch |
//!
//! A floor near the noise on the transformed scale keeps empty regions from becoming pure noise of full
//! contrast.
//!
//! The grid of patches is centred on the image to half a pixel: it starts at
//! `⌊((side − size) mod step) / 2⌋`. Where `(side − size) mod step` is even, patches of a flipped or turned
//! image are the flipped or turned patches.
//!
//! *Masks*: a patch of which more than a share `max_masked` does not count is left out; in the others
//! `m` and `s` are those of the valid pixels, and a masked pixel takes their mean.
//!
//! *Cost*: about 1 ns for each pixel of each patch; one image of the transformed counts.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::intensity::{IntensityError, IntensityTransform};
use crate::resample::{MIN_COVERAGE, Resampled};

/// What is left of the intensities of a patch; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchNormalisation {
    /// All of them: bright and dim regions differ.
    None,
    /// Their differences from the mean of the patch.
    Mean,
    /// Their differences from the mean, divided by their size: the form alone.
    Contrast {
        /// A standard deviation, on the transformed scale, that is little.
        floor: f64,
    },
}

/// Which patches are cut out, and what is done to them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PatchConfig {
    /// The side of a patch.
    pub size_px: usize,
    /// From one patch to the next.
    pub step_px: usize,
    /// What is done to the counts first.
    pub transform: IntensityTransform,
    /// What is left of the intensities.
    pub normalisation: PatchNormalisation,
    /// The largest share of a patch that may be masked, 0 to 1.
    pub max_masked: f64,
}

impl Default for PatchConfig {
    /// 16 × 16 pixels every 8, `ln(1 + I)`, contrast over a floor of 0.25, at most a fifth masked.
    fn default() -> Self {
        Self {
            size_px: 16,
            step_px: 8,
            transform: IntensityTransform::Log1p,
            normalisation: PatchNormalisation::Contrast { floor: 0.25 },
            max_masked: 0.2,
        }
    }
}

/// Why patches cannot be cut out like that.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PatchError {
    /// A patch without a pixel, or one that cannot be.
    #[error("expected patches of 1 to 256 pixels a side, got {0}")]
    Size(usize),
    /// No way to the next patch.
    #[error("expected a step of 1 pixel or more, got 0")]
    Step,
    /// A share outside 0 to 1.
    #[error("expected a largest masked share from 0 to below 1, got {0}")]
    MaxMasked(f64),
    /// A floor that is no size.
    #[error("expected a finite floor of the contrast of 0 or more, got {0}")]
    Floor(f64),
    /// The transform makes no sense.
    #[error(transparent)]
    Intensity(#[from] IntensityError),
}

impl PatchConfig {
    /// Refuses settings outside their domain.
    pub(crate) fn check(&self) -> Result<(), PatchError> {
        self.transform.check()?;
        if !(1..=256).contains(&self.size_px) {
            return Err(PatchError::Size(self.size_px));
        }
        if self.step_px == 0 {
            return Err(PatchError::Step);
        }
        if !(0.0..1.0).contains(&self.max_masked) {
            return Err(PatchError::MaxMasked(self.max_masked));
        }
        match self.normalisation {
            PatchNormalisation::Contrast { floor } if !(floor >= 0.0 && floor.is_finite()) => {
                Err(PatchError::Floor(floor))
            }
            _ => Ok(()),
        }
    }

    /// Numbers a patch.
    pub fn width(&self) -> usize {
        self.size_px * self.size_px
    }
}

/// The patches of an image; each is made when it is asked for.
///
/// ```
/// use xscatter_core::Frame;
/// use xscatter_core::ndarray::Array2;
/// use xscatter_features::words::{PatchConfig, Patches};
/// use xscatter_features::{Grid, Resampled};
///
/// let frame = Frame::new(Array2::from_shape_fn((64, 48), |(row, column)| (row * column) as f32));
/// let patches = Patches::of(&Resampled::of(&frame, Grid::Native)?, &PatchConfig::default())?;
/// assert_eq!(patches.rows().dim(), (7 * 5, 16 * 16));
/// assert_eq!(patches.centre(0), [8.0, 8.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Patches {
    /// Transformed counts, row-major; `NaN` where a pixel does not count.
    values: Vec<f32>,
    columns: usize,
    size: usize,
    masked: bool,
    normalisation: PatchNormalisation,
    /// The upper left corners of the patches that are kept.
    corners: Vec<[u32; 2]>,
}

impl Patches {
    /// The patches of an image, row after row; none if the image is smaller than a patch.
    ///
    /// # Errors
    /// [`PatchError`] if a setting is outside its domain.
    pub fn of(image: &Resampled<'_>, config: &PatchConfig) -> Result<Self, PatchError> {
        config.check()?;
        let (rows, columns) = image.shape();
        let transform = config.transform;
        let values = image.map_valid(f32::NAN, |count| transform.apply(f64::from(count)) as f32);
        let masked = image
            .coverage_slice()
            .is_some_and(|coverage| coverage.iter().any(|&part| part < MIN_COVERAGE));
        let mut patches = Self {
            values,
            columns,
            size: config.size_px,
            masked,
            normalisation: config.normalisation,
            corners: Vec::new(),
        };
        let most = (config.max_masked * config.width() as f64).floor() as usize;
        for row in starts(rows, config.size_px, config.step_px) {
            for column in starts(columns, config.size_px, config.step_px) {
                let corner = [row as u32, column as u32];
                if !masked || patches.masked_pixels(corner) <= most {
                    patches.corners.push(corner);
                }
            }
        }
        Ok(patches)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.corners.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.corners.is_empty()
    }

    /// Row and column of the centre of a patch, in pixels of the image (the first pixel spans 0 to 1).
    ///
    /// # Panics
    /// If there is no such patch.
    pub fn centre(&self, patch: usize) -> [f64; 2] {
        self.corners[patch].map(|corner| f64::from(corner) + 0.5 * self.size as f64)
    }

    /// Writes the numbers of a patch.
    ///
    /// # Panics
    /// If there is no such patch or `out` has another length.
    pub fn fill(&self, patch: usize, out: &mut [f32]) {
        assert_eq!(out.len(), self.size * self.size, "one number a pixel");
        for (line, target) in self
            .lines(self.corners[patch])
            .zip(out.chunks_mut(self.size))
        {
            target.copy_from_slice(line);
        }
        let (n, mean) = if self.masked {
            let n = out.iter().filter(|value| !value.is_nan()).count();
            let sum = sum(out, |value| if value.is_nan() { 0.0 } else { value });
            (n, sum / n as f64)
        } else {
            (out.len(), sum(out, |value| value) / out.len() as f64)
        };
        if let PatchNormalisation::None = self.normalisation {
            for value in out.iter_mut().filter(|value| value.is_nan()) {
                *value = mean as f32;
            }
            return;
        }
        // The difference is taken in double precision: a small contrast on a large level survives.
        for value in out.iter_mut() {
            *value = if self.masked && value.is_nan() {
                0.0
            } else {
                (f64::from(*value) - mean) as f32
            };
        }
        if let PatchNormalisation::Contrast { floor } = self.normalisation {
            let variance = sum(out, |value| value * value) / n as f64;
            let length = (out.len() as f64 * (variance + floor * floor)).sqrt();
            if length > 0.0 {
                for value in out.iter_mut() {
                    *value = (f64::from(*value) / length) as f32;
                }
            }
        }
    }

    /// All patches, one a row.
    ///
    /// # Panics
    /// Never: the rows of a new array are contiguous.
    pub fn rows(&self) -> Array2<f32> {
        let mut rows = Array2::zeros((self.len(), self.size * self.size));
        for (patch, mut row) in rows.rows_mut().into_iter().enumerate() {
            self.fill(patch, row.as_slice_mut().expect("rows of a new array"));
        }
        rows
    }

    fn lines(&self, [row, column]: [u32; 2]) -> impl Iterator<Item = &[f32]> {
        let start = row as usize * self.columns + column as usize;
        (0..self.size).map(move |line| &self.values[start + line * self.columns..][..self.size])
    }

    fn masked_pixels(&self, corner: [u32; 2]) -> usize {
        let of_line = |line: &[f32]| line.iter().filter(|value| value.is_nan()).count();
        self.lines(corner).map(of_line).sum()
    }
}

/// A sum in double precision in eight lanes: no addition waits for the one before it.
fn sum(values: &[f32], term: impl Fn(f64) -> f64) -> f64 {
    let mut lanes = [0.0; 8];
    let (eights, rest) = values.as_chunks::<8>();
    for eight in eights {
        for (lane, &value) in lanes.iter_mut().zip(eight) {
            *lane += term(f64::from(value));
        }
    }
    for (lane, &value) in lanes.iter_mut().zip(rest) {
        *lane += term(f64::from(value));
    }
    lanes.iter().sum()
}

/// Where patches start on an axis.
fn starts(side: usize, size: usize, step: usize) -> impl Iterator<Item = usize> {
    let room = side.checked_sub(size);
    let first = room.map_or(0, |room| room % step / 2);
    let count = room.map_or(0, |room| room / step + 1);
    (0..count).map(move |place| first + place * step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resample::Grid;
    use approx::assert_relative_eq;
    use ndarray::s;
    use proptest::prelude::*;
    use xscatter_core::{Frame, Mask};

    fn image(shape: (usize, usize)) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(row, column)| {
            (900 / (5 + row.abs_diff(9).pow(2) + column.abs_diff(11).pow(2))
                + (row * 7 + column * 13 + row * column) % 11) as f32
        })
    }

    fn config(normalisation: PatchNormalisation) -> PatchConfig {
        PatchConfig {
            size_px: 4,
            step_px: 3,
            transform: IntensityTransform::Raw,
            normalisation,
            max_masked: 0.25,
        }
    }

    fn of(counts: &Array2<f32>, config: &PatchConfig) -> Patches {
        let frame = Frame::new(counts.clone());
        Patches::of(&Resampled::of(&frame, Grid::Native).unwrap(), config).unwrap()
    }

    #[test]
    fn the_grid_is_centred_and_rows_are_row_major() {
        let counts = image((16, 18));
        let patches = of(&counts, &config(PatchNormalisation::None));
        assert_eq!(patches.len(), 5 * 5);
        assert_eq!(patches.centre(0), [2.0, 3.0]);
        assert_eq!(patches.centre(24), [14.0, 15.0]);
        let expected: Vec<f32> = counts.slice(s![3..7, 1..5]).iter().copied().collect();
        assert_eq!(patches.rows().row(5).to_vec(), expected);
    }

    #[test]
    fn normalised_patches_have_mean_0_and_their_length() {
        let counts = image((16, 16));
        let mean = of(&counts, &config(PatchNormalisation::Mean)).rows();
        let sharp = of(
            &counts,
            &config(PatchNormalisation::Contrast { floor: 0.0 }),
        )
        .rows();
        let soft = of(
            &counts,
            &config(PatchNormalisation::Contrast { floor: 2.0 }),
        )
        .rows();
        for ((mean, sharp), soft) in mean.rows().into_iter().zip(sharp.rows()).zip(soft.rows()) {
            assert_relative_eq!(mean.sum(), 0.0, epsilon = 1e-3);
            assert_relative_eq!(sharp.dot(&sharp), 1.0, max_relative = 1e-6);
            let squares = f64::from(mean.dot(&mean));
            let length = (squares / (squares + 16.0 * 4.0)).sqrt();
            assert_relative_eq!(
                f64::from(soft.dot(&soft).sqrt()),
                length,
                max_relative = 1e-6
            );
        }
    }

    #[test]
    fn a_flat_patch_is_zero_not_nan() {
        let flat = Array2::from_elem((8, 8), 5.0);
        let rows = of(&flat, &config(PatchNormalisation::Contrast { floor: 0.0 })).rows();
        assert!(rows.iter().all(|&value| value == 0.0));
    }

    #[test]
    fn masked_pixels_take_the_mean_and_badly_masked_patches_are_left_out() {
        let counts = image((4, 7));
        // 4 of 16 pixels of the first patch, 5 of the second.
        let bad = Array2::from_shape_fn((4, 7), |(row, column)| {
            column == 1 || column == 4 || (row, column) == (0, 5)
        });
        let frame = Frame::new(counts.clone())
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let image = Resampled::of(&frame, Grid::Native).unwrap();
        let patches = Patches::of(&image, &config(PatchNormalisation::None)).unwrap();
        assert_eq!(patches.len(), 1);
        let row = patches.rows();
        let patch = counts.slice(s![.., 0..4]);
        let valid = patch.indexed_iter().filter(|&((_, column), _)| column != 1);
        let mean = valid.map(|(_, &count)| count).sum::<f32>() / 12.0;
        assert_relative_eq!(row[(0, 1)], mean, max_relative = 1e-6);
        assert_eq!(row[(0, 2)], counts[(0, 2)]);
    }

    #[test]
    fn an_image_smaller_than_a_patch_has_none() {
        assert!(of(&image((3, 40)), &config(PatchNormalisation::None)).is_empty());
    }

    #[test]
    fn senseless_settings_are_refused() {
        let base = PatchConfig::default;
        let wrong = [
            PatchConfig {
                size_px: 0,
                ..base()
            },
            PatchConfig {
                size_px: 257,
                ..base()
            },
            PatchConfig {
                step_px: 0,
                ..base()
            },
            PatchConfig {
                max_masked: 1.0,
                ..base()
            },
            PatchConfig {
                max_masked: f64::NAN,
                ..base()
            },
            config(PatchNormalisation::Contrast { floor: -1.0 }),
            PatchConfig {
                transform: IntensityTransform::Asinh { scale: 0.0 },
                ..base()
            },
        ];
        for config in wrong {
            assert!(config.check().is_err(), "{config:?}");
        }
    }

    proptest! {
        #[test]
        fn patches_of_a_turned_image_are_turned(row in 0usize..5, column in 0usize..5) {
            let counts = image((16, 16));
            let turned = counts.slice(s![..;-1, ..;-1]).to_owned();
            let config = config(PatchNormalisation::Mean);
            let (one, other) = (of(&counts, &config).rows(), of(&turned, &config).rows());
            let there = one.row(row * 5 + column).to_vec();
            let here: Vec<f32> = other.row((4 - row) * 5 + 4 - column).iter().rev().copied().collect();
            for (a, b) in there.iter().zip(here) {
                prop_assert!((a - b).abs() < 1e-4);
            }
        }

        #[test]
        fn contrast_does_not_know_the_exposure(power in -3i32..8) {
            let counts = image((16, 16));
            let config = config(PatchNormalisation::Contrast { floor: 0.0 });
            let brighter = counts.mapv(|count| count * 2f32.powi(power));
            prop_assert_eq!(of(&counts, &config).rows(), of(&brighter, &config).rows());
        }
    }
}
