//! Where the intensity lies, without a beam centre: what tells the techniques apart.
//!
//! Transmission surrounds the beam with rings; reflection has a horizon with a shadow below it, rods
//! that stand on it and mirror symmetry to its left and right only. None of this depends on how many
//! pixels the detector has or which way up the file stores it, and neither do these features. Use
//! them to sort frames of detectors never seen; they say little about samples of one technique.
//!
//! The frame is averaged to `resolution` pixels along its longer side
//! ([`Resampled`](crate::Resampled)), put on the scale `ln(1 + 10 I / Ī)`, with `I` the counts above
//! their 1st percentile, cut at their 99th, and `Ī` their mean, standardised to `z` of mean 0 and
//! variance 1, and turned into a canonical orientation: axis *first* is the one about which it is
//! less of a mirror image, *second* the other, and both run from the brighter to the darker side. Then (`layout.` before each name):
//!
//! | columns | what |
//! |---|---|
//! | `grid.rICJ` | mean `z` of region I, J of `grid` × `grid`; 0 if it has no valid pixel |
//! | `z.p5` … `z.p95` | percentiles of `z` |
//! | `bright.1`, `bright.10` | share of all counts above the 1st percentile in the brightest 1 % and 10 % of the pixels |
//! | `dark` | share of pixels within the lowest tenth of the range of `z` |
//! | `fine` | rms of `z` minus its 3 × 3 mean: grain |
//! | `tilt.*` | first moment of `z` along both axes: half against half |
//! | `mass.*` | mean place and spread, along both axes, of what is above the mean |
//! | `gradient` | (`Σ z₁² − Σ z₂²`) / sum of both, with `z₁`, `z₂` the differences along the axes: −1 for rods along the first axis |
//! | `mirror.*` | correlation with the mirror image about the best line across each axis, and where the line is |
//! | `point` | correlation with itself turned by half a turn about where these lines cross |
//! | `step.*.{height, position, coherence, dark_mean, dark_std}` | the strongest straight step across each axis, a horizon if there is one; see below |
//! | `rings.{first, second, alignment, explained, slope, sharpness, span, azimuthal}` | the centre of all gradients, and what rings about it explain |
//!
//! A step's height is the median over 8 strips of the difference between the means of 5 % of the
//! image on both sides, its coherence that median over the root mean square of the strips; a shadow
//! has a low mean and a small deviation on its dark side. Positions run from 0 to 1 over the image,
//! those of the rings from −2 to 3, since their centre may lie off the image.
//!
//! *Invariances*: adding an offset to all counts, multiplying them by a positive number and the eight symmetries of storage
//! change nothing but rounding, unless the two candidates for an orientation tie (then either is as
//! good). *Masks*: masked pixels do not exist; the shape of the mask itself is not described. A
//! constant frame has zeros, positions in the middle. A frame without a valid pixel is an error of
//! kind [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData).
//!
//! *Cost*: one pass over the frame and about 10⁷ operations at 128 pixels.

mod edge;
mod picture;
mod rings;
mod symmetry;

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use self::edge::strongest_step;
use self::picture::Picture;
use self::rings::{Rings, rings};
use self::symmetry::{best_mirror, point_symmetry};
use crate::batch::fill_rows;

/// What [`Layout`] computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LayoutConfig {
    /// Regions along each axis.
    pub grid: usize,
    /// The longer side of the picture in pixels.
    pub resolution: usize,
}

impl Default for LayoutConfig {
    /// 4 × 4 regions of a picture of 128 pixels.
    fn default() -> Self {
        Self {
            grid: 4,
            resolution: 128,
        }
    }
}

/// Why a [`Layout`] could not be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// No region, or regions smaller than pixels.
    #[error("expected 1 to {resolution} regions along an axis, got {grid}")]
    Grid {
        /// The regions along an axis.
        grid: usize,
        /// The pixels along the longer axis.
        resolution: usize,
    },
    /// A picture too small to have a layout.
    #[error("expected a resolution of at least 16 pixels, got {0}")]
    Resolution(usize),
}

const PERCENTILES: [f64; 5] = [5.0, 25.0, 50.0, 75.0, 95.0];
const AXES: [&str; 2] = ["first", "second"];

/// Where the intensity lies; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{Layout, LayoutConfig};
///
/// // Bright above a horizon at three quarters of the height, dark below.
/// let counts = Array2::from_shape_fn((80, 60), |(row, _)| if row < 60 { 90.0 } else { 1.0 });
/// let layout = Layout::new(LayoutConfig::default())?;
/// let table = layout.extract(&[Frame::new(counts)])?;
/// let column = |name: &str| table.columns().iter().position(|column| &**column == name);
/// let position = column("layout.step.first.position").map(|c| table.values()[(0, c)]);
/// assert_eq!(position, Some(0.75));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Layout {
    config: LayoutConfig,
    columns: Vec<Arc<str>>,
}

impl Layout {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`LayoutError`] if a setting is outside its domain.
    pub fn new(config: LayoutConfig) -> Result<Self, LayoutError> {
        let LayoutConfig { grid, resolution } = config;
        if resolution < 16 {
            return Err(LayoutError::Resolution(resolution));
        }
        if !(1..=resolution).contains(&grid) {
            return Err(LayoutError::Grid { grid, resolution });
        }
        let mut names: Vec<String> = Vec::new();
        for row in 0..grid {
            names.extend((0..grid).map(|column| format!("grid.r{row}c{column}")));
        }
        names.extend(PERCENTILES.iter().map(|percent| format!("z.p{percent}")));
        names
            .extend(["bright.1", "bright.10", "dark", "fine", "gradient", "point"].map(Into::into));
        for axis in AXES {
            names.extend([
                format!("tilt.{axis}"),
                format!("mass.{axis}"),
                format!("mass.{axis}.spread"),
                format!("mirror.{axis}"),
                format!("mirror.{axis}.position"),
            ]);
            for part in ["height", "position", "coherence", "dark_mean", "dark_std"] {
                names.push(format!("step.{axis}.{part}"));
            }
            names.push(format!("rings.{axis}"));
        }
        for part in [
            "alignment",
            "explained",
            "slope",
            "sharpness",
            "span",
            "azimuthal",
        ] {
            names.push(format!("rings.{part}"));
        }
        let columns = names
            .into_iter()
            .map(|name| format!("layout.{name}").into());
        Ok(Self {
            config,
            columns: columns.collect(),
        })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let picture = Picture::of(frame, self.config.resolution)?;
        let mut values = grid(&picture, self.config.grid);
        distribution(&picture, &mut values);
        let across = picture.transposed();
        let sides = [&picture, &across];
        let [mirror, mirror_across] = sides.map(best_mirror);
        let (gradient, other) = (roughness(&picture), roughness(&across));
        let point = point_symmetry(&picture, mirror.position, mirror_across.position);
        values.extend([ratio(gradient - other, gradient + other), point]);
        let Rings {
            centre,
            alignment,
            explained,
            slope,
            sharpness,
            span,
            azimuthal,
        } = rings(&picture);
        for (axis, mirror) in [mirror, mirror_across].into_iter().enumerate() {
            let (place, spread) = mass(sides[axis]);
            values.extend([
                sides[axis].tilt(),
                place,
                spread,
                mirror.score,
                mirror.position,
            ]);
            let step = strongest_step(sides[axis]);
            values.extend([step.height, step.position, step.coherence]);
            values.extend([step.dark_mean, step.dark_std, centre[axis]]);
        }
        values.extend([alignment, explained, slope, sharpness, span, azimuthal]);
        Ok(values.into_iter().map(|value| value as f32).collect())
    }
}

impl FeatureExtractor for Layout {
    fn name(&self) -> &str {
        "layout"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// `a / b`, and 0 for nothing over nothing.
fn ratio(a: f64, b: f64) -> f64 {
    if b > 0.0 { a / b } else { 0.0 }
}

/// The mean of every region, row by row.
fn grid(picture: &Picture, grid: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0.0); grid * grid];
    for (row, column, z) in picture.valid_pixels() {
        let region = (row * grid / picture.rows) * grid + column * grid / picture.columns;
        sums[region].0 += z;
        sums[region].1 += 1.0;
    }
    sums.into_iter().map(|(sum, n)| ratio(sum, n)).collect()
}

/// Percentiles, the brightest and the darkest pixels, the grain.
fn distribution(picture: &Picture, values: &mut Vec<f64>) {
    let mut z: Vec<f64> = picture.valid_pixels().map(|(_, _, z)| z).collect();
    z.sort_unstable_by(f64::total_cmp);
    let percentile = |percent: f64| {
        let place = percent / 100.0 * (z.len() - 1) as f64;
        let below = place.floor() as usize;
        let above = (below + 1).min(z.len() - 1);
        z[below] + (z[above] - z[below]) * place.fract()
    };
    values.extend(PERCENTILES.map(percentile));

    let mut counts: Vec<f64> = (0..picture.z.len())
        .filter(|&index| picture.valid[index])
        .map(|index| picture.counts[index])
        .collect();
    counts.sort_unstable_by(|a, b| b.total_cmp(a));
    let total: f64 = counts.iter().sum();
    for part in [0.01, 0.1] {
        let brightest = (counts.len() as f64 * part).ceil() as usize;
        values.push(ratio(counts[..brightest].iter().sum(), total));
    }

    let (low, high) = (percentile(0.0), percentile(100.0));
    let dark = z.partition_point(|&z| z < low + 0.1 * (high - low));
    values.push(ratio(dark as f64, z.len() as f64));

    let smooth = picture.smoothed();
    let grain: f64 = (0..picture.z.len())
        .filter(|&index| picture.valid[index])
        .map(|index| (picture.z[index] - smooth[index]).powi(2))
        .sum();
    values.push(ratio(grain, z.len() as f64).sqrt());
}

/// The mean squared difference between neighbouring rows of the smoothed picture.
fn roughness(picture: &Picture) -> f64 {
    let smooth = picture.smoothed();
    let (mut sum, mut n) = (0.0, 0.0);
    for index in picture.columns..smooth.len() {
        let above = index - picture.columns;
        if picture.valid[index] && picture.valid[above] {
            sum += (smooth[index] - smooth[above]).powi(2);
            n += 1.0;
        }
    }
    ratio(sum, n)
}

/// The mean row of what is above the mean, and its spread, in picture sizes.
fn mass(picture: &Picture) -> (f64, f64) {
    let place = |row: usize| (row as f64 + 0.5) / picture.rows as f64;
    let (mut weight, mut first, mut second) = (0.0, 0.0, 0.0);
    for (row, _, z) in picture.valid_pixels() {
        let z = z.max(0.0);
        weight += z;
        first += z * place(row);
        second += z * place(row).powi(2);
    }
    if weight == 0.0 {
        return (0.5, 0.0);
    }
    let mean = first / weight;
    (mean, (second / weight - mean * mean).max(0.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Array2, Axis};
    use xscatter_core::{ErrorKind, FeatureTable, Mask};

    fn layout() -> Layout {
        Layout::new(LayoutConfig::default()).expect("the default is sensible")
    }

    fn value(table: &FeatureTable, row: usize, name: &str) -> f32 {
        let name = format!("layout.{name}");
        let column = table.columns().iter().position(|column| **column == name);
        table.values()[(row, column.unwrap())]
    }

    /// Rods on a horizon, off centre, with a speckle that no symmetry shares.
    fn reflection(shape: (usize, usize)) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(row, column)| {
            let y = (row as f64 + 0.5) / shape.0 as f64;
            let x = (column as f64 + 0.5) / shape.1 as f64 - 0.45;
            let speckle = ((y * 97.0 + x * 41.0).sin() + 1.5) / 10.0;
            if y > 0.8 {
                return (2.0 + speckle) as f32;
            }
            let rods: f64 = [-0.2f64, 0.0, 0.2]
                .iter()
                .map(|place| (-((x - place) / 0.02).powi(2)).exp())
                .sum();
            (20.0 + 900.0 * rods * (-(0.8 - y) * 4.0).exp() * (1.0 + speckle) + speckle) as f32
        })
    }

    /// Rings about a centre.
    fn transmission(shape: (usize, usize)) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(row, column)| {
            let y = (row as f64 + 0.5) / shape.0 as f64 - 0.4;
            let x = (column as f64 + 0.5) / shape.0 as f64 - 0.55;
            let r = y.hypot(x);
            (1000.0 * (-r * 8.0).exp() + 300.0 * (-((r - 0.3) / 0.03).powi(2)).exp() + 3.0) as f32
        })
    }

    #[test]
    fn the_eight_ways_of_storage_give_the_same_features() {
        for counts in [reflection((300, 260)), transmission((280, 320))] {
            let mut frames = Vec::new();
            for turned in [counts.clone(), counts.reversed_axes()] {
                for flip in 0..4 {
                    let mut counts = turned.clone();
                    (0..2)
                        .filter(|axis| flip >> axis & 1 == 1)
                        .for_each(|axis| counts.invert_axis(Axis(axis)));
                    frames.push(Frame::new(counts));
                }
            }
            let table = layout().extract(&frames).unwrap();
            for (column, values) in table.columns().iter().zip(table.values().columns()) {
                for &value in values {
                    assert!(
                        (value - values[0]).abs() < 2e-3,
                        "{column}: {value} is not {}",
                        values[0]
                    );
                }
            }
        }
    }

    #[test]
    fn exposure_and_offset_do_not_matter() {
        let counts = reflection((300, 260));
        let frames = [counts.clone(), counts.clone() * 64.0, counts + 32.0].map(Frame::new);
        let table = layout().extract(&frames).unwrap();
        for values in table.values().columns() {
            for other in [values[1], values[2]] {
                assert_relative_eq!(values[0], other, epsilon = 2e-3, max_relative = 2e-3);
            }
        }
    }

    #[test]
    fn reflection_has_a_horizon_and_transmission_a_centre() {
        let frames = [
            Frame::new(reflection((300, 260))),
            Frame::new(transmission((280, 320))),
        ];
        let table = layout().extract(&frames).unwrap();
        let of = |name: &str| [value(&table, 0, name), value(&table, 1, name)];
        let [reflection, transmission] = of("step.first.coherence");
        assert!(reflection > 0.9, "{reflection}");
        let [height, other] = of("step.first.height");
        assert!(height.abs() > 1.0 && other.abs() < 1.0, "{height}, {other}");
        assert!(transmission < 1.0);
        let [first, second] = ["mirror.first", "mirror.second"].map(|name| value(&table, 0, name));
        assert!(second > first + 0.1, "{first}, {second}");
        assert!(value(&table, 0, "gradient") < 0.0);
        assert!(value(&table, 1, "rings.explained") > 0.95);
        assert!(value(&table, 1, "rings.alignment") > 0.95);
        assert!(value(&table, 1, "point") > 0.95);
    }

    #[test]
    fn a_module_gap_hardly_changes_the_features() {
        let counts = transmission((280, 320));
        let bad = Array2::from_shape_fn((280, 320), |(row, column)| {
            (137..144).contains(&row) || (158..161).contains(&column)
        });
        let gappy = Frame::new(counts.clone())
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let table = layout().extract(&[Frame::new(counts), gappy]).unwrap();
        for (column, values) in table.columns().iter().zip(table.values().columns()) {
            assert!(
                (values[0] - values[1]).abs() < 0.2,
                "{column}: {} and {}",
                values[0],
                values[1]
            );
        }
    }

    #[test]
    fn degenerate_frames_have_defined_features() {
        let mut point = Array2::zeros((50, 40));
        point[(3, 4)] = 9.0;
        let frames = [
            Array2::zeros((50, 40)),
            Array2::from_elem((300, 40), 7.5),
            Array2::ones((1, 1)),
            Array2::ones((1, 500)),
            point,
        ]
        .map(Frame::new);
        let table = layout().extract(&frames).unwrap();
        assert!(table.values().iter().all(|value| value.is_finite()));
        assert_eq!(value(&table, 1, "mass.first"), 0.5);
        assert_eq!(value(&table, 1, "step.second.height"), 0.0);
    }

    #[test]
    fn an_all_masked_frame_is_an_error() {
        let bad = Array2::from_elem((20, 20), true);
        let frame = Frame::new(Array2::ones((20, 20)))
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let error = layout().extract(&[frame]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
    }

    #[test]
    fn senseless_settings_are_refused() {
        let config = LayoutConfig {
            grid: 0,
            ..Default::default()
        };
        assert!(Layout::new(config).is_err());
        let config = LayoutConfig {
            resolution: 8,
            ..Default::default()
        };
        assert_eq!(Layout::new(config).unwrap_err(), LayoutError::Resolution(8));
    }
}
