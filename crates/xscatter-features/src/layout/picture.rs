//! The picture that the layout is read from: small, normalised, in an orientation of its own.

use xscatter_core::{Frame, Result};

use super::symmetry::best_mirror;
use crate::order_statistics::quantile_of_sorted;
use crate::resample::{Grid, Resampled};

/// How far above the frame's typical count the scale turns from linear to logarithmic: at a tenth.
const KNEE: f64 = 10.0;

/// The quantiles beyond which intensities are cut.
const OUTLIERS: [f64; 2] = [0.01, 0.99];

/// A small image of standardised intensities; row-major.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Mean 0 and variance 1 over the valid pixels (all 0 if they agree); 0 elsewhere.
    pub(super) z: Vec<f64>,
    pub(super) valid: Vec<bool>,
    /// Counts above the floor, 0 where invalid.
    pub(super) counts: Vec<f64>,
}

impl Picture {
    /// The frame at this resolution, `ln(1 + 10 I / Ī)` standardised, in its canonical orientation.
    ///
    /// `I` are the counts above their 1st percentile, cut at their 99th so that a glimpse of the
    /// direct beam does not set the scale; `Ī` is their mean.
    pub(super) fn of(frame: &Frame, resolution: usize) -> Result<Self> {
        let image = Resampled::of(frame, Grid::LongSide(resolution))?;
        let sorted = image.sorted();
        // Integrating detectors add an offset; without its removal they would show no contrast.
        let floor = quantile_of_sorted(&sorted, OUTLIERS[0], |count| count);
        let above = |count: f32| (f64::from(count) - floor).max(0.0);
        let cap = quantile_of_sorted(&sorted, OUTLIERS[1], |count| count) - floor;
        // If hardly a pixel has counts, the cap is zero: then all of them set the scale.
        let scale_cap = if cap > 0.0 { cap } else { f64::INFINITY };
        let capped = sorted.iter().map(|&count| above(count).min(scale_cap));
        let typical = capped.sum::<f64>() / sorted.len() as f64;
        let scaled = |count: f64| {
            if typical > 0.0 {
                (KNEE * count / typical).ln_1p()
            } else {
                0.0
            }
        };
        let (rows, columns) = image.shape();
        let counts = image.map_valid(0.0, above);
        let valid = image.map_valid(false, |_| true);
        // Hot pixels, dead corners and the direct beam must not set the scale of z.
        let mut z: Vec<f64> = counts.iter().map(|&count| scaled(count.min(cap))).collect();
        standardise(&mut z, &valid);
        let picture = Self {
            rows,
            columns,
            z,
            valid,
            counts,
        };
        Ok(picture.canonical())
    }

    /// The picture turned so that axis 0 (the *first* axis) is the one about which it is less of a
    /// mirror image, and the brighter side of both axes has the lower indices.
    ///
    /// A reflection geometry is a mirror image to the left and right of the plane of incidence, not
    /// above and below the horizon: its first axis is the normal of the horizon, however the file
    /// stores the image.
    fn canonical(self) -> Self {
        let [first, second] = [&self, &self.transposed()].map(|picture| best_mirror(picture).score);
        let mut picture = if first <= second {
            self
        } else {
            self.transposed()
        };
        if picture.tilt() > 0.0 {
            picture = picture.flipped();
        }
        let mut turned = picture.transposed();
        if turned.tilt() > 0.0 {
            turned = turned.flipped();
        }
        turned.transposed()
    }

    /// Positive if the picture is brighter towards higher rows.
    pub(super) fn tilt(&self) -> f64 {
        let (mut n, mut places, mut weighted) = (0.0, 0.0, 0.0);
        for (row, _, z) in self.valid_pixels() {
            n += 1.0;
            places += row as f64;
            weighted += row as f64 * z;
        }
        let (n, rows) = (f64::max(n, 1.0), self.rows as f64);
        // z has mean 0, so the mean place drops out but for rounding.
        let mean_z = self.valid_pixels().map(|(_, _, z)| z).sum::<f64>() / n;
        (weighted / n - mean_z * places / n) / rows
    }

    pub(super) fn transposed(&self) -> Self {
        let order = (0..self.columns).flat_map(|c| (0..self.rows).map(move |r| (r, c)));
        self.reordered(self.columns, self.rows, order)
    }

    fn flipped(&self) -> Self {
        let order =
            (0..self.rows).flat_map(|r| (0..self.columns).map(move |c| (self.rows - 1 - r, c)));
        self.reordered(self.rows, self.columns, order)
    }

    fn reordered(
        &self,
        rows: usize,
        columns: usize,
        order: impl Iterator<Item = (usize, usize)> + Clone,
    ) -> Self {
        let order = order.map(|(row, column)| row * self.columns + column);
        Self {
            rows,
            columns,
            z: order.clone().map(|index| self.z[index]).collect(),
            valid: order.clone().map(|index| self.valid[index]).collect(),
            counts: order.map(|index| self.counts[index]).collect(),
        }
    }

    /// The standardised intensity, if the pixel counts.
    pub(super) fn get(&self, row: usize, column: usize) -> Option<f64> {
        let index = row * self.columns + column;
        self.valid[index].then(|| self.z[index])
    }

    /// Row, column and standardised intensity of the pixels that count.
    pub(super) fn valid_pixels(&self) -> impl Iterator<Item = (usize, usize, f64)> + '_ {
        (0..self.rows)
            .flat_map(|row| (0..self.columns).map(move |column| (row, column)))
            .filter_map(|(row, column)| self.get(row, column).map(|z| (row, column, z)))
    }

    /// The mean of the valid pixels among the 3 × 3 about each pixel; 0 where there is none.
    pub(super) fn smoothed(&self) -> Vec<f64> {
        let near = |place: usize, size: usize| place.saturating_sub(1)..(place + 2).min(size);
        let mut smooth = Vec::with_capacity(self.z.len());
        for row in 0..self.rows {
            for column in 0..self.columns {
                let (mut sum, mut n) = (0.0, 0.0);
                for r in near(row, self.rows) {
                    for c in near(column, self.columns) {
                        if let Some(z) = self.get(r, c) {
                            sum += z;
                            n += 1.0;
                        }
                    }
                }
                smooth.push(if n > 0.0 { sum / n } else { 0.0 });
            }
        }
        smooth
    }
}

/// Mean 0 and variance 1 over the valid values, 0 elsewhere; all 0 if the values agree to rounding.
fn standardise(values: &mut [f64], valid: &[bool]) {
    let used = || values.iter().zip(valid).filter(|(_, valid)| **valid);
    let n = used().count().max(1) as f64;
    let mean = used().map(|(value, _)| value).sum::<f64>() / n;
    let variance = used().map(|(value, _)| (value - mean).powi(2)).sum::<f64>() / n;
    let constant = variance <= (1e-7 * mean).powi(2);
    let deviation = variance.sqrt();
    for (value, &valid) in values.iter_mut().zip(valid) {
        *value = if valid && !constant {
            (*value - mean) / deviation
        } else {
            0.0
        };
    }
}
