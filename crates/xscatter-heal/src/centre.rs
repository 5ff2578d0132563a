//! Where the direct beam meets the detector, from the pattern alone.
//!
//! Two facts are used. In transmission the gradients of a pattern of rings or of a decay point to
//! the beam: the first guess is the weighted least-squares intersection of the gradient lines of a
//! coarse image (Parthasarathy 2012, doi:10.1038/nmeth.2071). At small angles the pattern is its own
//! image under point inversion (Friedel): the guess is refined, from coarse to full resolution, to
//! the centre that maximises the masked correlation of the pattern with its inverse, with a parabola
//! for the fraction of a pixel. Orientation does not disturb that; a mask that is not symmetric does
//! not bias it, because only pairs of valid pixels count.
//!
//! Use it when no calibration is at hand; a calibrant and a geometry are better. It needs a pattern
//! about a centre *on* the detector: with the centre near the border or off it, in grazing incidence
//! and on noise it says that the estimate is not reliable ([`CentreEstimate::is_reliable`]).
//!
//! As a transform it writes `info.beam_centre_px`, unless the frame has a geometry or a centre
//! already; an unreliable estimate is handled by [`Fallback`].
//!
//! *Accuracy* on real frames: see `README.md`. *Masks*: masked pixels do not exist; what is not
//! masked but does not belong to the pattern (an unmasked beamstop holder) costs accuracy.
//! *Cost*: about as much as reading a frame: 10⁷ to 10⁸ operations for a megapixel.

use xscatter_core::{Error, ErrorKind, Frame, FrameTransform, PixelPosition, Result};
use xscatter_geometry::beam_centre_px;

use crate::inversion::{Peak, best_inversion};
use crate::pyramid::{Level, pyramid};

/// What to do with a frame whose centre cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fallback {
    /// Fail with an error of kind [`ErrorKind::DegenerateData`].
    #[default]
    Error,
    /// Write the middle of the image. Nothing in the frame tells this from an estimate; use
    /// [`BeamCentre::estimate`] to know.
    FrameCentre,
}

/// When an estimate counts and what happens otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CentreConfig {
    /// The smallest correlation of the pattern with its inverse, 0 to 1, that counts.
    pub min_symmetry: f64,
    /// What to do below it.
    pub fallback: Fallback,
}

impl Default for CentreConfig {
    /// A correlation of 0.7, else an error.
    fn default() -> Self {
        Self {
            min_symmetry: 0.7,
            fallback: Fallback::Error,
        }
    }
}

/// Why [`BeamCentre`] could not be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum CentreError {
    /// A correlation that none can reach or that any reaches.
    #[error("expected a smallest symmetry above 0 and below 1, got {0}")]
    MinSymmetry(f64),
}

/// A centre and what speaks for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CentreEstimate {
    /// Where the beam meets the detector; the middle of the image if nothing points anywhere.
    pub centre: PixelPosition,
    /// The correlation of the pattern with its inverse about the centre, −1 to 1, at the coarse
    /// resolution, where noise does not lower it; 0 if too little of the pattern has a counterpart.
    pub symmetry: f64,
    /// Whether the symmetry reaches [`CentreConfig::min_symmetry`] and the search ended inside its
    /// limits.
    pub is_reliable: bool,
}

/// Estimates the beam centre of frames that do not state one; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::Frame;
/// use xscatter_heal::{BeamCentre, CentreConfig};
///
/// let counts = Array2::from_shape_fn((120, 140), |(row, column)| {
///     let (y, x) = (row as f32 - 50.0, column as f32 - 64.0);
///     1000.0 * (-y.hypot(x) / 12.0).exp() + 5.0
/// });
/// let found = BeamCentre::new(CentreConfig::default())?.estimate(&Frame::new(counts));
/// assert!(found.is_reliable);
/// assert!((found.centre.row - 50.5).abs() < 0.1 && (found.centre.column - 64.5).abs() < 0.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct BeamCentre {
    config: CentreConfig,
}

/// The longer side of the image on which the first guess is made.
const COARSEST_SIDE: usize = 160;

impl BeamCentre {
    /// An estimator with these settings.
    ///
    /// # Errors
    /// [`CentreError`] if a setting is outside its domain.
    pub fn new(config: CentreConfig) -> Result<Self, CentreError> {
        if !(0.0 < config.min_symmetry && config.min_symmetry < 1.0) {
            return Err(CentreError::MinSymmetry(config.min_symmetry));
        }
        Ok(Self { config })
    }

    /// The centre by the pattern alone, whatever the frame states.
    pub fn estimate(&self, frame: &Frame) -> CentreEstimate {
        let (rows, columns) = frame.shape();
        let middle = CentreEstimate {
            centre: PixelPosition {
                row: rows as f64 / 2.0,
                column: columns as f64 / 2.0,
            },
            symmetry: 0.0,
            is_reliable: false,
        };
        let Some(levels) = pyramid(frame, COARSEST_SIDE) else {
            return middle;
        };
        let Some(guess) = gradient_centre(&levels[0]) else {
            return middle;
        };
        // At first a sixteenth of the image to all sides, then the step of the coarser level.
        let mut reach = (levels[0].rows.max(levels[0].columns) / 16).max(2);
        let mut best: Option<(Peak, f64)> = None;
        let mut centre = guess;
        for level in &levels {
            let block = level.block as f64;
            let start = [centre[0] / block, centre[1] / block];
            let Some(peak) = best_inversion(level, start, reach) else {
                break;
            };
            centre = [peak.row * block, peak.column * block];
            let symmetry = best.map_or(peak.score, |(_, symmetry)| symmetry);
            best = Some((peak, symmetry));
            if peak.at_limit {
                break;
            }
            reach = 2;
        }
        let Some((peak, symmetry)) = best else {
            return middle;
        };
        CentreEstimate {
            centre: PixelPosition {
                row: centre[0],
                column: centre[1],
            },
            symmetry,
            is_reliable: !peak.at_limit && symmetry >= self.config.min_symmetry,
        }
    }
}

impl FrameTransform for BeamCentre {
    fn apply(&self, mut frame: Frame) -> Result<Frame> {
        let geometry = frame.info.geometry.as_ref();
        let by_geometry = geometry.and_then(|g| beam_centre_px(g, frame.shape()));
        if by_geometry.is_some() || frame.info.beam_centre_px.is_some() {
            return Ok(frame);
        }
        let found = self.estimate(&frame);
        if !found.is_reliable && self.config.fallback == Fallback::Error {
            let error = Error::new(
                ErrorKind::DegenerateData,
                format!(
                    "expected a pattern with a symmetry of {} or more about a point on the detector \
                     for its beam centre, found {:.3}",
                    self.config.min_symmetry, found.symmetry
                ),
            )
            .at(format!("frame {}", frame.info.index));
            return Err(match &frame.info.path {
                Some(path) => error.in_file(path),
                None => error,
            });
        }
        let (rows, columns) = frame.shape();
        frame.info.beam_centre_px = Some(if found.is_reliable {
            found.centre
        } else {
            PixelPosition {
                row: rows as f64 / 2.0,
                column: columns as f64 / 2.0,
            }
        });
        Ok(frame)
    }
}

/// The place (in pixels of the frame) that lies closest to all lines along gradients, if there is
/// one on the image.
fn gradient_centre(level: &Level) -> Option<[f64; 2]> {
    const PASSES: usize = 8;
    let gradients = gradients(level);
    let size = level.rows.max(level.columns) as f64;
    let tolerance = 0.05 * size;
    let mut centre: Option<[f64; 2]> = None;
    for _ in 0..PASSES {
        // Σ w (1 − ĝ ĝᵀ)(p − c) = 0 with w the squared gradient: no division by its length.
        let [mut a, mut b, mut d, mut u, mut v] = [0.0; 5];
        for &[row, column, down, right] in &gradients {
            let trust = centre.map_or(1.0, |[cy, cx]| {
                let (y, x) = (row - cy, column - cx);
                let square = (down * down + right * right).max(f64::MIN_POSITIVE);
                let off = (down * x - right * y).powi(2) / square / (tolerance * tolerance);
                // Far gradients fix the centre badly; lines that miss it belong to something else.
                size / ((1.0 + off) * (y.hypot(x) + tolerance))
            });
            let (rr, rd, dd) = (right * right, -right * down, down * down);
            a += trust * rr;
            b += trust * rd;
            d += trust * dd;
            u += trust * (rr * row + rd * column);
            v += trust * (rd * row + dd * column);
        }
        let determinant = a * d - b * b;
        // Parallel gradients (a ramp, a horizon alone) have no common point.
        if determinant <= 1e-6 * (a + d).powi(2) {
            return None;
        }
        centre = Some([(d * u - b * v) / determinant, (a * v - b * u) / determinant]);
    }
    let [row, column] = centre?;
    let inside =
        (0.0..level.rows as f64).contains(&row) && (0.0..level.columns as f64).contains(&column);
    inside.then_some([row * level.block as f64, column * level.block as f64])
}

/// Place and components (down, right) of the gradient of the smoothed image, where it is known.
fn gradients(level: &Level) -> Vec<[f64; 4]> {
    let smooth = |row: usize, column: usize| {
        level.get(row, column)?;
        let (mut sum, mut n) = (0.0, 0.0);
        for r in row.saturating_sub(1)..(row + 2).min(level.rows) {
            for c in column.saturating_sub(1)..(column + 2).min(level.columns) {
                if let Some(value) = level.get(r, c) {
                    sum += value;
                    n += 1.0;
                }
            }
        }
        Some(sum / n)
    };
    let smooth: Vec<Option<f64>> = (0..level.rows)
        .flat_map(|row| (0..level.columns).map(move |column| smooth(row, column)))
        .collect();
    let at = |row: usize, column: usize| smooth[row * level.columns + column];
    let mut gradients = Vec::new();
    for row in 1..level.rows.saturating_sub(1) {
        for column in 1..level.columns.saturating_sub(1) {
            if let (Some(up), Some(down), Some(left), Some(right)) = (
                at(row - 1, column),
                at(row + 1, column),
                at(row, column - 1),
                at(row, column + 1),
            ) {
                let place = [row as f64 + 0.5, column as f64 + 0.5];
                gradients.push([place[0], place[1], down - up, right - left]);
            }
        }
    }
    gradients
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use std::sync::Arc;
    use xscatter_core::seed::derive;
    use xscatter_core::{Geometry, Mask};

    fn centre(fallback: Fallback) -> BeamCentre {
        BeamCentre::new(CentreConfig {
            fallback,
            ..Default::default()
        })
        .expect("a sensible setting")
    }

    /// A halo and a ring with noise of the size of counting noise, two gaps and a beamstop.
    fn pattern(row: f64, column: f64) -> Frame {
        let shape = (256, 256);
        let distance = |r: usize, c: usize| (r as f64 - row).hypot(c as f64 - column);
        let counts = Array2::from_shape_fn(shape, |(r, c)| {
            let d = distance(r, c);
            let halo = 500.0 * (-(d / 30.0).powi(2)).exp();
            let mean = halo + 60.0 * (-(d - 70.0).powi(2) / 18.0).exp() + 5.0;
            let uniform = (derive(7, (r * 256 + c) as u64) >> 11) as f64 / (1u64 << 53) as f64;
            (mean + (uniform - 0.5) * (12.0 * mean).sqrt())
                .round()
                .max(0.0) as f32
        });
        let bad = Array2::from_shape_fn(shape, |(r, c)| {
            (100..108).contains(&r) || (60..64).contains(&c) || distance(r, c) < 10.0
        });
        Frame::new(counts)
            .with_mask(Mask::from_bad(bad.view()))
            .expect("the same shape")
    }

    #[test]
    fn masked_noisy_patterns_are_centred_to_a_fifth_of_a_pixel() {
        for (row, column) in [(120.3, 131.7), (90.6, 150.2), (60.25, 200.5)] {
            let found = centre(Fallback::Error).estimate(&pattern(row, column));
            assert!(found.is_reliable, "{found:?}");
            let off = [
                found.centre.row - row - 0.5,
                found.centre.column - column - 0.5,
            ];
            assert!(off.iter().all(|off| off.abs() < 0.2), "off by {off:?}");
        }
    }

    #[test]
    fn what_has_no_centre_on_the_detector_is_unreliable() {
        let zeros = Array2::zeros((60, 60));
        let constant = Array2::from_elem((60, 60), 4.0);
        let ramp = Array2::from_shape_fn((60, 60), |(row, _)| 10.0 + row as f32);
        let rings_off_the_image = Array2::from_shape_fn((120, 120), |(row, column)| {
            50.0 + 40.0 * (((row + 90) as f32).hypot(column as f32 - 60.0) / 6.0).sin()
        });
        for counts in [
            zeros,
            constant,
            ramp,
            rings_off_the_image,
            Array2::ones((1, 1)),
        ] {
            let frame = Frame::new(counts);
            let found = centre(Fallback::Error).estimate(&frame);
            assert!(!found.is_reliable, "{found:?}");
            let error = centre(Fallback::Error).apply(frame.clone()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DegenerateData);
            assert_eq!(error.place(), Some("frame 0"));
            let (rows, columns) = frame.shape();
            let middle = centre(Fallback::FrameCentre).apply(frame).unwrap();
            let expected = PixelPosition {
                row: rows as f64 / 2.0,
                column: columns as f64 / 2.0,
            };
            assert_eq!(middle.info.beam_centre_px, Some(expected));
        }
    }

    #[test]
    fn a_stated_centre_or_geometry_is_kept() {
        let stated = PixelPosition {
            row: 3.0,
            column: 4.0,
        };
        let mut by_hand = Frame::new(Array2::zeros((8, 8)));
        by_hand.info.beam_centre_px = Some(stated);
        let kept = centre(Fallback::Error).apply(by_hand).unwrap();
        assert_eq!(kept.info.beam_centre_px, Some(stated));

        let mut calibrated = Frame::new(Array2::zeros((8, 8)));
        calibrated.info.geometry = Some(Arc::new(Geometry::transmission(1.0, stated, 1e-4, 1e-10)));
        let kept = centre(Fallback::Error).apply(calibrated).unwrap();
        assert_eq!(kept.info.beam_centre_px, None);
    }

    #[test]
    fn a_symmetry_that_all_or_none_reach_is_refused() {
        for min_symmetry in [0.0, 1.0, f64::NAN] {
            let config = CentreConfig {
                min_symmetry,
                ..Default::default()
            };
            assert!(BeamCentre::new(config).is_err());
        }
    }
}
