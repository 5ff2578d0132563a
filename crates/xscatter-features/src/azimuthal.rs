//! How the intensity varies around the beam: what tells oriented from unoriented, and reflection from
//! transmission.
//!
//! In transmission through a thin sample a small-angle pattern has the symmetry of a point,
//! `I(q) = I(−q)` (Friedel), whatever the orientation of the sample; at grazing incidence the sample
//! shades one side. Use it to tell the two apart, and for texture. It needs a beam centre; for
//! quantitative orientation parameters integrate over χ instead.
//!
//! The image is reduced to [`AzimuthalConfig::resolution`] and transformed, `t = ln(1 + I)` by default.
//! Rings of equal width run from the beam centre to the farthest corner, each cut into sectors of equal
//! angle; `d(ring, sector)` is the mean of a cell less the mean of its ring's cells, over the standard
//! deviation `s` of `t` over the image. `p(sector)` is the mean of `d` over the rings. The columns:
//!
//! | column | value |
//! |---|---|
//! | `azimuthal.h1` … | amplitude of the harmonic of order m: `|Σ p e^(−imφ)| / sectors` |
//! | `azimuthal.odd` | share of the odd orders in the sum of squared amplitudes; 0 for a flat `p` |
//! | `azimuthal.step` | largest difference between the means of two neighbouring quarter circles |
//! | `azimuthal.half` | largest difference between the mean of `p` over a half circle and over the other |
//! | `azimuthal.shaded` | for these halves: scatter of the ring means of the dark one over that of the bright one, at most 2; 1 if no half is measured |
//! | `azimuthal.spread` | root mean square of `d` over all cells |
//! | `azimuthal.opposite` | root mean square of `d(φ) − d(φ + π)` over cells whose opposite is measured |
//! | `azimuthal.friedel` | correlation of `d(φ)` and `d(φ + π)` over the same cells; 0 if none varies |
//! | `azimuthal.covered` | share of the sectors with a measured cell |
//! | `azimuthal.paired` | share of the measured cells whose opposite is measured too |
//! | `azimuthal.centre` | distance of the beam centre from the image centre over half its diagonal |
//!
//! *Masks*: masked pixels do not exist; a cell counts from a quarter of its expected pixels on.
//! *Degenerate*: an image without contrast gives zeros (`shaded`: 1); one without a measured cell is an error of kind
//! [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData), one without a beam centre of kind
//! [`MissingMetadata`](xscatter_core::ErrorKind::MissingMetadata). *Symmetry*: rows do not change (up to
//! the edges of the cells) when frame and centre are flipped or turned together. *Cost*: one pass.

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use ndarray::{Array2, ArrayViewMut2};
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::intensity::{IntensityError, IntensityTransform};
use crate::place::beam_centre;
use crate::resample::{Grid, Resampled, degenerate};

/// How the plane around the beam is cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AzimuthalConfig {
    /// How many sectors; a multiple of 4.
    pub sectors: usize,
    /// How many rings.
    pub rings: usize,
    /// How many harmonics; below half the sectors.
    pub orders: usize,
    /// What is done to the counts.
    pub transform: IntensityTransform,
    /// The longer side of the reduced image in pixels.
    pub resolution: usize,
}

impl Default for AzimuthalConfig {
    fn default() -> Self {
        Self {
            sectors: 36,
            rings: 16,
            orders: 6,
            transform: IntensityTransform::Log1p,
            resolution: 256,
        }
    }
}

/// Why an extractor could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AzimuthalError {
    /// Sectors that have no opposite or no quarter.
    #[error("expected a multiple of 4 sectors, 4 or more, got {0}")]
    Sectors(usize),
    /// No ring.
    #[error("expected at least one ring, got none")]
    Rings,
    /// More harmonics than the sectors resolve.
    #[error("expected 1 to {limit} harmonics, got {found}")]
    Orders {
        /// The most that the sectors resolve.
        limit: usize,
        /// How many were asked for.
        found: usize,
    },
    /// No pixel.
    #[error("expected a resolution of at least 1 pixel, got 0")]
    Resolution,
    /// The transform is not defined.
    #[error(transparent)]
    Transform(#[from] IntensityError),
}

/// Variation around the beam; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame, FrameInfo, PixelPosition};
/// use xscatter_features::{Azimuthal, AzimuthalConfig};
///
/// // Half of the plane is dark: a sample's shadow.
/// let counts = Array2::from_shape_fn((64, 64), |(row, _)| if row < 32 { 100.0 } else { 1.0 });
/// let centre = PixelPosition { row: 32.0, column: 32.0 };
/// let info = FrameInfo { beam_centre_px: Some(centre), ..Default::default() };
/// let azimuthal = Azimuthal::new(AzimuthalConfig::default())?;
/// let table = azimuthal.extract(&[Frame::new(counts).with_info(info)])?;
/// let odd = table.columns().iter().position(|name| &**name == "azimuthal.odd").unwrap();
/// assert!(table.values()[(0, odd)] > 0.99);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Azimuthal {
    config: AzimuthalConfig,
    columns: Vec<Arc<str>>,
}

impl Azimuthal {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`AzimuthalError`] if a setting is outside its domain.
    pub fn new(config: AzimuthalConfig) -> Result<Self, AzimuthalError> {
        config.transform.check()?;
        if config.sectors < 4 || !config.sectors.is_multiple_of(4) {
            return Err(AzimuthalError::Sectors(config.sectors));
        }
        if config.rings == 0 {
            return Err(AzimuthalError::Rings);
        }
        let limit = config.sectors / 2 - 1;
        if !(1..=limit).contains(&config.orders) {
            return Err(AzimuthalError::Orders {
                limit,
                found: config.orders,
            });
        }
        if config.resolution == 0 {
            return Err(AzimuthalError::Resolution);
        }
        let shapes = [
            "odd", "step", "half", "shaded", "spread", "opposite", "friedel", "covered", "paired",
            "centre",
        ];
        let columns = (1..=config.orders)
            .map(|order| format!("azimuthal.h{order}").into())
            .chain(shapes.iter().map(|name| format!("azimuthal.{name}").into()))
            .collect();
        Ok(Self { config, columns })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let centre = beam_centre(frame)?;
        let image = Resampled::of(frame, Grid::LongSide(self.config.resolution))?;
        let (rows, columns) = image.shape();
        // The beam centre in pixels of the reduced image.
        let y0 = centre.row * rows as f64 / frame.shape().0 as f64;
        let x0 = centre.column * columns as f64 / frame.shape().1 as f64;
        let levels = self.levels(frame, &image, y0, x0)?;
        let cells = relative(&levels);
        let profile = self.profile(&cells);
        let (half, shaded) = self.halves(&profile, &levels);
        let amplitudes = self.amplitudes(&profile);
        let power = |orders: &mut dyn Iterator<Item = usize>| -> f64 {
            orders.map(|order| amplitudes[order - 1].powi(2)).sum()
        };
        let odd = power(&mut (1..=self.config.orders).step_by(2));
        let all = power(&mut (1..=self.config.orders));
        let pairs = self.pairs(&cells);
        let measured = cells.iter().filter(|cell| cell.is_some()).count();
        let squares: f64 = cells.iter().flatten().map(|d| d * d).sum();
        let covered = profile.iter().filter(|p| p.is_some()).count();
        let off = (y0 - rows as f64 / 2.0).hypot(x0 - columns as f64 / 2.0)
            / (0.5 * (rows as f64).hypot(columns as f64));
        let shapes = [
            if all > 0.0 { odd / all } else { 0.0 },
            self.step(&profile),
            half,
            shaded,
            (squares / measured as f64).sqrt(),
            root_mean_square_difference(&pairs),
            correlation(&pairs),
            covered as f64 / self.config.sectors as f64,
            pairs.len() as f64 / measured as f64,
            off.min(10.0),
        ];
        Ok(amplitudes
            .iter()
            .chain(&shapes)
            .map(|&value| value as f32)
            .collect())
    }

    /// The mean of `t / s` in every cell (ring, sector), `None` where too little was measured.
    fn levels(
        &self,
        frame: &Frame,
        image: &Resampled,
        y0: f64,
        x0: f64,
    ) -> Result<Array2<Option<f64>>> {
        let AzimuthalConfig { sectors, rings, .. } = self.config;
        let (rows, columns) = image.shape();
        let far = |centre: f64, size: usize| centre.abs().max((size as f64 - centre).abs());
        let farthest = far(y0, rows).hypot(far(x0, columns));
        let mut sums = Array2::<(f64, u32)>::default((rings, sectors));
        let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
        for ((row, column), &value) in image.values.indexed_iter() {
            if !image.is_valid(row, column) {
                continue;
            }
            let t = self.config.transform.apply(f64::from(value));
            let (y, x) = (row as f64 + 0.5 - y0, column as f64 + 0.5 - x0);
            let ring = (y.hypot(x) / farthest * rings as f64) as usize;
            let turn = (y.atan2(x) / TAU).rem_euclid(1.0);
            let cell = &mut sums[(
                ring.min(rings - 1),
                (turn * sectors as f64) as usize % sectors,
            )];
            cell.0 += t;
            cell.1 += 1;
            // Welford's running mean and sum of squares.
            count += 1.0;
            let before = t - mean;
            mean += before / count;
            squares += before * (t - mean);
        }
        let deviation = (squares / f64::max(count, 1.0)).sqrt();
        let width = farthest / rings as f64;
        let mut levels = Array2::<Option<f64>>::default((rings, sectors));
        for ((ring, sector), level) in levels.indexed_iter_mut() {
            // The area of a whole cell is the number of pixels to expect in it.
            let expected = PI * width * width * (2 * ring + 1) as f64 / sectors as f64;
            let (sum, n) = sums[(ring, sector)];
            if f64::from(n) >= (0.25 * expected).max(1.0) {
                let mean = sum / f64::from(n);
                *level = Some(if deviation > 0.0 {
                    mean / deviation
                } else {
                    0.0
                });
            }
        }
        if levels.iter().all(Option::is_none) {
            return Err(degenerate(
                frame,
                "expected measured pixels around the beam, found none",
            ));
        }
        Ok(levels)
    }

    /// `p(sector)`, `None` where no ring was measured.
    fn profile(&self, cells: &Array2<Option<f64>>) -> Vec<Option<f64>> {
        (0..self.config.sectors)
            .map(|sector| {
                let column = cells.column(sector);
                let measured = column.iter().flatten().count();
                (measured > 0).then(|| column.iter().flatten().sum::<f64>() / measured as f64)
            })
            .collect()
    }

    fn amplitudes(&self, profile: &[Option<f64>]) -> Vec<f64> {
        let sectors = self.config.sectors as f64;
        (1..=self.config.orders)
            .map(|order| {
                let (mut cosine, mut sine) = (0.0, 0.0);
                for (sector, value) in profile.iter().enumerate() {
                    let angle = TAU * order as f64 * (sector as f64 + 0.5) / sectors;
                    cosine += value.unwrap_or(0.0) * angle.cos();
                    sine += value.unwrap_or(0.0) * angle.sin();
                }
                cosine.hypot(sine) / sectors
            })
            .collect()
    }

    /// The largest difference between the means of two neighbouring quarter circles.
    fn step(&self, profile: &[Option<f64>]) -> f64 {
        let sectors = self.config.sectors;
        let quarter = |start: usize| {
            let values: Vec<f64> = (start..start + sectors / 4)
                .filter_map(|sector| profile[sector % sectors])
                .collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        (0..sectors)
            .filter_map(|start| Some((quarter(start)? - quarter(start + sectors / 4)?).abs()))
            .fold(0.0, f64::max)
    }

    /// The largest difference between two half circles of which at least half the sectors are measured,
    /// and how much less the intensity varies with the distance in the dark one.
    fn halves(&self, profile: &[Option<f64>], levels: &Array2<Option<f64>>) -> (f64, f64) {
        let sectors = self.config.sectors;
        let half = |start: usize| (start..start + sectors / 2).map(move |sector| sector % sectors);
        let mean = |start: usize| {
            let values: Vec<f64> = half(start).filter_map(|sector| profile[sector]).collect();
            (values.len() >= sectors / 4).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let best = (0..sectors)
            .filter_map(|start| Some((mean(start)? - mean(start + sectors / 2)?, start)))
            .fold(
                None,
                |best: Option<(f64, usize)>, (contrast, start)| match best {
                    Some((largest, _)) if largest >= contrast => best,
                    _ => Some((contrast, start)),
                },
            );
        let Some((contrast, bright)) = best else {
            return (0.0, 1.0);
        };
        let structure = |start: usize| {
            let rings: Vec<f64> = levels
                .rows()
                .into_iter()
                .filter_map(|ring| {
                    let values: Vec<f64> = half(start).filter_map(|sector| ring[sector]).collect();
                    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
                })
                .collect();
            let mean = rings.iter().sum::<f64>() / f64::max(rings.len() as f64, 1.0);
            let squares: f64 = rings.iter().map(|level| (level - mean).powi(2)).sum();
            (squares / f64::max(rings.len() as f64, 1.0)).sqrt()
        };
        let (dark, bright) = (structure(bright + sectors / 2), structure(bright));
        let shaded = if bright > 1e-9 {
            (dark / bright).min(2.0)
        } else {
            1.0
        };
        (contrast, shaded)
    }

    /// Cells and their opposites, each pair once.
    fn pairs(&self, cells: &Array2<Option<f64>>) -> Vec<(f64, f64)> {
        let half = self.config.sectors / 2;
        let sectors = 0..half;
        cells
            .rows()
            .into_iter()
            .flat_map(|ring| {
                sectors
                    .clone()
                    .filter_map(|sector| Some((ring[sector]?, ring[sector + half]?)))
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}

impl FeatureExtractor for Azimuthal {
    fn name(&self) -> &str {
        "azimuthal"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// `d(ring, sector)`: the level of each cell less the mean of its ring.
fn relative(levels: &Array2<Option<f64>>) -> Array2<Option<f64>> {
    let mut cells = levels.clone();
    for mut ring in cells.rows_mut() {
        let measured = ring.iter().flatten().count();
        let mean = ring.iter().flatten().sum::<f64>() / f64::max(measured as f64, 1.0);
        ring.iter_mut().flatten().for_each(|level| *level -= mean);
    }
    cells
}

fn root_mean_square_difference(pairs: &[(f64, f64)]) -> f64 {
    let squares: f64 = pairs.iter().map(|(a, b)| (a - b).powi(2)).sum();
    (squares / f64::max(pairs.len() as f64, 1.0)).sqrt()
}

/// Pearson's correlation of pairs taken both ways round; 0 where nothing varies.
fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = 2.0 * pairs.len() as f64;
    if n == 0.0 {
        return 0.0;
    }
    let mean = pairs.iter().map(|(a, b)| a + b).sum::<f64>() / n;
    let products: f64 = pairs
        .iter()
        .map(|(a, b)| 2.0 * (a - mean) * (b - mean))
        .sum();
    let squares: f64 = pairs
        .iter()
        .map(|(a, b)| (a - mean).powi(2) + (b - mean).powi(2))
        .sum();
    if squares > 1e-12 {
        products / squares
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xscatter_core::{ErrorKind, FrameInfo, PixelPosition};

    fn frame(size: usize, value: impl Fn(f64, f64) -> f64) -> Frame {
        let middle = size as f64 / 2.0;
        let counts = Array2::from_shape_fn((size, size), |(row, column)| {
            value(row as f64 + 0.5 - middle, column as f64 + 0.5 - middle) as f32
        });
        let centre = PixelPosition {
            row: middle,
            column: middle,
        };
        Frame::new(counts).with_info(FrameInfo {
            beam_centre_px: Some(centre),
            ..FrameInfo::default()
        })
    }

    fn row(frame: &Frame) -> Vec<f32> {
        Azimuthal::new(AzimuthalConfig::default())
            .unwrap()
            .row(frame)
            .unwrap()
    }

    fn column(name: &str) -> usize {
        let azimuthal = Azimuthal::new(AzimuthalConfig::default()).unwrap();
        azimuthal
            .columns()
            .iter()
            .position(|column| **column == *name)
            .unwrap()
    }

    #[test]
    fn a_ring_of_two_fold_texture_has_the_second_harmonic_alone() {
        let image = frame(256, |y, x| {
            let texture = 1.0 + 0.8 * (2.0 * y.atan2(x)).cos();
            (texture * 3.0).exp() - 1.0
        });
        let row = row(&image);
        let [h1, h2, h3] = [0, 1, 2].map(|order| row[order]);
        assert!(h2 > 20.0 * h1 && h2 > 20.0 * h3, "{row:?}");
        assert!(row[column("azimuthal.odd")] < 0.01);
        assert!(row[column("azimuthal.friedel")] > 0.99);
    }

    #[test]
    fn a_shadow_is_odd_and_breaks_friedel_symmetry() {
        let image = frame(256, |y, _| if y < 0.0 { 500.0 } else { 5.0 });
        let row = row(&image);
        assert!(row[column("azimuthal.odd")] > 0.99);
        assert!(row[column("azimuthal.friedel")] < -0.99);
        assert!(row[column("azimuthal.step")] > 1.5, "{row:?}");
        assert!(row[column("azimuthal.half")] > 1.5, "{row:?}");
    }

    #[test]
    fn a_flat_frame_gives_zeros_and_turning_changes_little() {
        let flat = row(&frame(64, |_, _| 7.0));
        let shaded = column("azimuthal.shaded");
        assert!(
            flat[..column("azimuthal.covered")]
                .iter()
                .enumerate()
                .all(|(index, &value)| value == if index == shaded { 1.0 } else { 0.0 }),
            "{flat:?}"
        );
        let pattern = |y: f64, x: f64| 100.0 + 50.0 * (y / 40.0).sin() + 0.3 * x;
        let one = row(&frame(240, pattern));
        let turned = row(&frame(240, |y, x| pattern(x, -y)));
        for (a, b) in one.iter().zip(&turned) {
            assert!((a - b).abs() < 2e-3, "{one:?} {turned:?}");
        }
    }

    #[test]
    fn a_frame_without_centre_is_an_error_and_settings_are_checked() {
        let error = Azimuthal::new(AzimuthalConfig::default())
            .unwrap()
            .row(&Frame::new(Array2::ones((8, 8))))
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingMetadata);
        let config = |sectors, orders| AzimuthalConfig {
            sectors,
            orders,
            ..Default::default()
        };
        assert_eq!(
            Azimuthal::new(config(6, 1)).unwrap_err(),
            AzimuthalError::Sectors(6)
        );
        let orders = AzimuthalError::Orders { limit: 3, found: 4 };
        assert_eq!(Azimuthal::new(config(8, 4)).unwrap_err(), orders);
    }

    #[test]
    fn keeps_the_contract() {
        let frames: Vec<Frame> = (1..4)
            .map(|k| {
                frame(48, move |y, x| {
                    10.0 * f64::from(k) + y.hypot(x) + (y * x).abs().sqrt()
                })
            })
            .collect();
        let azimuthal = Azimuthal::new(AzimuthalConfig::default()).unwrap();
        xscatter_testkit::check_extractor(&azimuthal, &frames).unwrap();
    }
}
