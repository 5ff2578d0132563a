//! Values for pixels that were not measured: module gaps, dead pixels.
//!
//! From each such pixel, rays run along the rows, the columns and both diagonals to the first
//! measured pixels; the value is the mean of what they meet (the mean `I` of up to three pixels each),
//! taken in `ln(1 + I)` and weighted by one over the distance: two rays in opposite directions
//! interpolate an exponential decay. Counts below zero are taken as zero there. With
//! [`GapMethod::FriedelThenNeighbours`] a pixel first takes the value at its point-symmetric place
//! about the beam centre, where all four pixels around that place were measured.
//!
//! Use it before something that cannot skip pixels: a network, a Fourier transform, a picture for a
//! person. Features and integrals of this workspace skip masked pixels and are better off without.
//! Friedel symmetry holds for weak scattering at small angles in transmission only; a frame whose
//! geometry states an incident angle is filled from neighbours.
//!
//! A pixel farther than `max_distance_px` from every measured pixel on its rays stays masked:
//! beamstops and large shadows are not invented over. Filled pixels are flagged
//! [`HEALED`](xscatter_core::PixelFlags::HEALED). Healed pixels, whoever healed them, are never a
//! source, so filling twice is filling once. Only pixels whose reason is among `fill` are filled: by
//! default gaps and bad pixels, not what a person masked and not overflows.
//!
//! *Accuracy* on a simulated Pilatus 1M frame (the test states it): see `README.md`. A filled value
//! carries less noise than a measured one. *Cost*: a few dozen steps a filled pixel.

use rayon::prelude::*;
use xscatter_core::{Frame, FrameTransform, PixelFlags, PixelPosition, Result};
use xscatter_geometry::beam_centre_px;

/// Where the value of a gap comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GapMethod {
    /// From the nearest measured pixels.
    #[default]
    Neighbours,
    /// From the point-symmetric place about the beam centre if it was measured and the centre is
    /// known, else from the nearest measured pixels. It keeps features that a gap hides whole, and
    /// the noise of single pixels.
    FriedelThenNeighbours,
}

/// What is filled and how.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GapConfig {
    /// The largest distance between a filled pixel and the nearest measured one on its rays.
    pub max_distance_px: f64,
    /// The reasons for a mask that may be healed.
    pub fill: PixelFlags,
    /// Where the values come from.
    pub method: GapMethod,
}

impl Default for GapConfig {
    /// Gaps and bad pixels up to 13 pixels from a measured one, from neighbours: this closes the gaps
    /// of a Pilatus (17 pixels) and their crossings. Those of an Eiger (37 or 38) need 28.
    fn default() -> Self {
        Self {
            max_distance_px: 13.0,
            fill: PixelFlags::GAP.union(PixelFlags::BAD),
            method: GapMethod::Neighbours,
        }
    }
}

/// Why [`GapFill`] could not be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum GapError {
    /// No neighbour is that near, or the distance is not finite.
    #[error("expected a finite distance of at least 1 pixel, got {0}")]
    Distance(f64),
    /// Nothing that invalidates a pixel was named.
    #[error("expected a reason for which a pixel is invalid, got flags {:#07b}", .0.bits())]
    Reasons(PixelFlags),
}

/// Fills masked pixels near measured ones; see the [module](self).
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Frame, FrameTransform, Mask, PixelFlags};
/// use xscatter_heal::{GapConfig, GapFill};
///
/// let mut mask = Mask::all_valid((1, 4));
/// mask.insert(0, 1, PixelFlags::GAP);
/// mask.insert(0, 2, PixelFlags::GAP);
/// let frame = Frame::new(array![[3.0, -1.0, -1.0, 31.0]]).with_mask(mask)?;
/// let filled = GapFill::new(GapConfig::default())?.apply(frame)?;
/// let counts: Vec<f32> = filled.as_slice().iter().map(|count| count.round()).collect();
/// assert_eq!(counts, [3.0, 7.0, 15.0, 31.0]);
/// assert_eq!(filled.mask().map(|mask| mask.healed_count()), Some(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct GapFill {
    config: GapConfig,
}

impl GapFill {
    /// A transform with these settings.
    ///
    /// # Errors
    /// [`GapError`] if a setting is outside its domain.
    pub fn new(config: GapConfig) -> Result<Self, GapError> {
        if !(config.max_distance_px >= 1.0 && config.max_distance_px.is_finite()) {
            return Err(GapError::Distance(config.max_distance_px));
        }
        if config.fill.is_valid() {
            return Err(GapError::Reasons(config.fill));
        }
        Ok(Self { config })
    }

    fn may_fill(&self, flags: PixelFlags) -> bool {
        !flags.is_valid() && self.config.fill.union(PixelFlags::HEALED).contains(flags)
    }
}

impl FrameTransform for GapFill {
    fn apply(&self, mut frame: Frame) -> Result<Frame> {
        let Some(mask) = frame.mask().cloned() else {
            return Ok(frame);
        };
        let (rows, columns) = frame.shape();
        let measured = Measured {
            counts: frame.as_slice(),
            flags: mask.as_slice(),
            rows,
            columns,
        };
        let centre = match self.config.method {
            GapMethod::Neighbours => None,
            GapMethod::FriedelThenNeighbours => friedel_centre(&frame),
        };
        let filled: Vec<(usize, usize, f32)> = (0..rows)
            .into_par_iter()
            .flat_map_iter(|row| (0..columns).map(move |column| (row, column)))
            .filter(|&(row, column)| self.may_fill(mask.flags()[(row, column)]))
            .filter_map(|(row, column)| {
                let near = measured.along_rays(row, column, self.config.max_distance_px)?;
                let opposite = centre.and_then(|c| measured.opposite(row, column, c));
                Some((row, column, opposite.unwrap_or(near)))
            })
            .collect();
        for (row, column, count) in filled {
            frame.heal(row, column, count);
        }
        Ok(frame)
    }
}

/// The centre of point symmetry, where there is such a symmetry and a centre is known.
fn friedel_centre(frame: &Frame) -> Option<PixelPosition> {
    let Some(geometry) = &frame.info.geometry else {
        return frame.info.beam_centre_px;
    };
    if geometry.incident_angle_rad.is_some() {
        return None;
    }
    beam_centre_px(geometry, frame.shape()).or(frame.info.beam_centre_px)
}

/// The pixels that the detector itself has counted.
struct Measured<'a> {
    counts: &'a [f32],
    flags: &'a [PixelFlags],
    rows: usize,
    columns: usize,
}

impl Measured<'_> {
    fn at(&self, row: isize, column: isize) -> Option<f64> {
        let index = row as usize * self.columns + column as usize;
        let flags = self.flags[index];
        (flags.is_valid() && !flags.is_healed()).then(|| f64::from(self.counts[index]))
    }

    fn holds(&self, row: isize, column: isize) -> bool {
        (0..self.rows as isize).contains(&row) && (0..self.columns as isize).contains(&column)
    }

    /// The distance-weighted mean of what eight rays meet; nothing if all of it is too far away.
    fn along_rays(&self, row: usize, column: usize, max_distance_px: f64) -> Option<f32> {
        const RAYS: [(isize, isize); 8] = [
            (0, 1),
            (0, -1),
            (1, 0),
            (-1, 0),
            (1, 1),
            (-1, -1),
            (1, -1),
            (-1, 1),
        ];
        /// Pixels that a ray averages, against noise.
        const SAMPLES: f64 = 3.0;
        // The far side of the widest gap whose middle may be filled.
        let reach = 2.0 * max_distance_px;
        let (mut weight, mut sum, mut nearest) = (0.0, 0.0, f64::INFINITY);
        for (down, right) in RAYS {
            let step = ((down * down + right * right) as f64).sqrt();
            let (mut r, mut c, mut distance) = (row as isize, column as isize, 0.0);
            let (mut n, mut counts, mut distances) = (0.0, 0.0, 0.0);
            while n < SAMPLES {
                (r, c, distance) = (r + down, c + right, distance + step);
                if !self.holds(r, c) || (n == 0.0 && distance > reach) {
                    break;
                }
                match self.at(r, c) {
                    Some(count) => {
                        (n, counts, distances) = (n + 1.0, counts + count, distances + distance);
                    }
                    None if n > 0.0 => break,
                    None => {}
                }
                if n == 1.0 {
                    nearest = nearest.min(distance);
                }
            }
            if n > 0.0 {
                // The mean of n pixels stands at their mean distance: weight 1 / distance.
                weight += n / distances;
                sum += (counts / n).max(0.0).ln_1p() * n / distances;
            }
        }
        (nearest <= max_distance_px).then(|| (sum / weight).exp_m1() as f32)
    }

    /// The bilinear value at the point-symmetric place, if its four pixels were measured.
    fn opposite(&self, row: usize, column: usize, centre: PixelPosition) -> Option<f32> {
        // In units of pixel centres: pixel (i, j) stands at (i, j).
        let y = 2.0 * centre.row - 1.0 - row as f64;
        let x = 2.0 * centre.column - 1.0 - column as f64;
        let (r, c) = (y.floor() as isize, x.floor() as isize);
        let (fy, fx) = (y - y.floor(), x - x.floor());
        let mut sum = 0.0;
        for (down, wy) in [(0, 1.0 - fy), (1, fy)] {
            for (right, wx) in [(0, 1.0 - fx), (1, fx)] {
                // A pixel of no weight need not have been measured.
                if wy * wx > 1e-9 {
                    if !self.holds(r + down, c + right) {
                        return None;
                    }
                    sum += wy * wx * self.at(r + down, c + right)?;
                }
            }
        }
        Some(sum as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use std::sync::Arc;
    use xscatter_core::seed::derive;
    use xscatter_core::{Geometry, Mask};

    fn fill(config: GapConfig) -> GapFill {
        GapFill::new(config).expect("a sensible setting")
    }

    fn gaps(shape: (usize, usize), is_gap: impl Fn(usize, usize) -> bool) -> Mask {
        Mask::new(Array2::from_shape_fn(shape, |(row, column)| {
            if is_gap(row, column) {
                PixelFlags::GAP
            } else {
                PixelFlags::VALID
            }
        }))
    }

    #[test]
    fn an_exponential_decay_is_filled_as_one() {
        let decay = |(row, column): (usize, usize)| {
            (4.0 + 0.02 * row as f32 - 0.01 * column as f32).exp() - 1.0
        };
        let counts = Array2::from_shape_fn((60, 70), decay);
        let mask = gaps((60, 70), |row, column| {
            (30..37).contains(&row) || (10..13).contains(&column)
        });
        let filled = fill(GapConfig::default())
            .apply(Frame::new(counts).with_mask(mask).unwrap())
            .unwrap();
        assert_eq!(filled.mask().unwrap().invalid_count(), 0);
        for (place, &count) in filled.counts().indexed_iter() {
            // Where gaps or borders cut one of two opposite rays, the mean is not that of a line.
            if (14..46).contains(&place.0) && (28..56).contains(&place.1) {
                let relative = count / decay(place) - 1.0;
                assert!(relative.abs() < 1e-3, "{place:?}: {count}");
            }
        }
    }

    #[test]
    fn what_lies_too_deep_stays_masked_however_often_it_is_filled() {
        let mask = gaps((50, 50), |row, _| (10..40).contains(&row));
        let frame = Frame::new(Array2::ones((50, 50))).with_mask(mask).unwrap();
        let transform = fill(GapConfig {
            max_distance_px: 4.0,
            ..Default::default()
        });
        let once = transform.apply(frame).unwrap();
        assert_eq!(once.mask().unwrap().healed_count(), 8 * 50);
        let twice = transform.apply(once.clone()).unwrap();
        assert_eq!(once.mask(), twice.mask());
        assert_eq!(once.counts(), twice.counts());
    }

    #[test]
    fn only_the_stated_reasons_are_healed() {
        let mut mask = Mask::all_valid((5, 5));
        for (column, flags) in [PixelFlags::GAP, PixelFlags::BAD, PixelFlags::USER]
            .into_iter()
            .enumerate()
        {
            mask.insert(2, column + 1, flags);
        }
        mask.insert(4, 4, PixelFlags::OVERFLOW);
        let frame = Frame::new(Array2::ones((5, 5))).with_mask(mask).unwrap();
        let filled = fill(GapConfig::default()).apply(frame.clone()).unwrap();
        assert!(filled.is_valid(2, 1) && filled.is_valid(2, 2));
        assert!(!filled.is_valid(2, 3) && !filled.is_valid(4, 4));
        let all = fill(GapConfig {
            fill: PixelFlags::GAP
                .union(PixelFlags::BAD)
                .union(PixelFlags::USER)
                .union(PixelFlags::OVERFLOW),
            ..Default::default()
        });
        assert_eq!(all.apply(frame).unwrap().valid_count(), 25);
    }

    #[test]
    fn friedel_finds_the_peak_that_a_gap_hides() {
        let centre = PixelPosition {
            row: 30.0,
            column: 41.0,
        };
        let peak = |row: f64, column: f64| (-(row.powi(2) + column.powi(2)) / 8.0).exp();
        let counts = Array2::from_shape_fn((60, 80), |(row, column)| {
            let (y, x) = (
                row as f64 + 0.5 - centre.row,
                column as f64 + 0.5 - centre.column,
            );
            (10.0 + 500.0 * (peak(y - 12.0, x - 3.0) + peak(y + 12.0, x + 3.0))) as f32
        });
        let mask = gaps((60, 80), |row, _| (38..47).contains(&row));
        let mut frame = Frame::new(counts.clone()).with_mask(mask).unwrap();
        frame.info.beam_centre_px = Some(centre);
        let friedel = fill(GapConfig {
            method: GapMethod::FriedelThenNeighbours,
            ..Default::default()
        });
        let filled = friedel.apply(frame.clone()).unwrap();
        for (&count, &truth) in filled.counts().iter().zip(&counts) {
            assert!((count - truth).abs() < 1e-3);
        }
        // In grazing incidence there is no such symmetry, and the neighbours know no peak.
        frame.info.geometry = Some(Arc::new(Geometry {
            incident_angle_rad: Some(0.003),
            ..Geometry::transmission(1.0, centre, 172e-6, 1e-10)
        }));
        let near = friedel.apply(frame).unwrap();
        assert!(near.counts()[(42, 44)] < 100.0);
    }

    #[test]
    fn what_masked_pixels_hold_does_not_matter() {
        let mask = gaps((20, 20), |row, column| row == 9 || column == 4);
        let frames = [-2.0, f32::NAN].map(|held| {
            let counts = Array2::from_shape_fn((20, 20), |(row, column)| {
                if mask.is_valid(row, column) {
                    (row * column) as f32
                } else {
                    held
                }
            });
            let frame = Frame::new(counts).with_mask(mask.clone()).unwrap();
            fill(GapConfig::default()).apply(frame).unwrap()
        });
        assert_eq!(frames[0].counts(), frames[1].counts());
    }

    #[test]
    fn nothing_to_go_by_fills_nothing() {
        let mask = gaps((6, 6), |_, _| true);
        let frame = Frame::new(Array2::ones((6, 6))).with_mask(mask).unwrap();
        let filled = fill(GapConfig::default()).apply(frame).unwrap();
        assert_eq!(filled.valid_count(), 0);
        let open = Frame::new(Array2::ones((2, 2)));
        assert!(
            fill(GapConfig::default())
                .apply(open)
                .unwrap()
                .mask()
                .is_none()
        );
    }

    #[test]
    fn senseless_settings_are_refused() {
        let config = GapConfig {
            max_distance_px: 0.0,
            ..Default::default()
        };
        assert_eq!(GapFill::new(config).unwrap_err(), GapError::Distance(0.0));
        let config = GapConfig {
            fill: PixelFlags::HEALED,
            ..Default::default()
        };
        assert!(GapFill::new(config).is_err());
    }

    /// A count with the mean and the variance of counting noise; Poisson below a mean of 30.
    fn noisy(mean: f64, seed: u64) -> f64 {
        let uniform = |stream| (derive(seed, stream) >> 11) as f64 / (1u64 << 53) as f64;
        if mean < 30.0 {
            let (mut count, mut product) = (0, uniform(0));
            while product > (-mean).exp() {
                count += 1;
                product *= uniform(count);
            }
            return count as f64;
        }
        let normal = (0..12).map(uniform).sum::<f64>() - 6.0;
        (mean + mean.sqrt() * normal).round()
    }

    /// The frame on which other methods were measured: a Guinier halo and two rings on the gaps of
    /// a Pilatus 1M, deviations from the noise-free truth in `ln(1 + I)`.
    #[test]
    fn pilatus_gaps_are_filled_to_the_stated_accuracy() {
        let shape = (1043, 981);
        let truth = Array2::from_shape_fn(shape, |(row, column)| {
            let (y, x) = (row as f64 - 500.3, column as f64 - 480.7);
            let angle = (y.hypot(x) * 172e-6 / 2.0).atan();
            let q = 4.0 * std::f64::consts::PI / 0.1 * (angle / 2.0).sin();
            let ring = |at: f64| (-((q - at) / 0.02).powi(2) / 2.0).exp();
            2000.0 * (-(8.0 * q).powi(2) / 3.0).exp() + 400.0 * ring(0.6) + 150.0 * ring(1.2) + 5.0
        });
        let mask = gaps(shape, |row, column| {
            row % 212 >= 195 || (487..494).contains(&column)
        });
        let counts = Array2::from_shape_fn(shape, |(row, column)| {
            noisy(truth[(row, column)], derive(1, (row * 981 + column) as u64)) as f32
        });
        let frame = Frame::new(counts).with_mask(mask.clone()).unwrap();
        let filled = fill(GapConfig::default()).apply(frame).unwrap();
        assert_eq!(filled.mask().unwrap().invalid_count(), 0);
        let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for ((place, &count), &truth) in filled.counts().indexed_iter().zip(&truth) {
            if !mask.is_valid(place.0, place.1) {
                let deviation = f64::from(count).ln_1p() - truth.ln_1p();
                n += 1.0;
                sum += deviation.abs();
                squares += deviation * deviation;
            }
        }
        let (mae, rmse) = (sum / n, f64::sqrt(squares / n));
        assert!(mae < 0.15 && rmse < 0.28, "MAE {mae:.4}, RMSE {rmse:.4}");
    }
}
