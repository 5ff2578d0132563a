//! What lies above the horizon of a view: the Yoneda band and the reflected beam.

use super::view::View;
use super::{Found, ReflectionConfig, Spot};
use crate::measured::{Measured, Undefined};
use crate::order_statistics::median;

/// The smallest uncertainty of a place, in reduced pixels.
const LEAST_PX: f64 = 0.036;
/// Half the width of the window in which the centre of a spot is determined, in pixels.
const SPOT: usize = 5;
/// How often that window follows the centre.
const SETTLE: usize = 8;

impl View {
    /// The brightest row above `start`, in rows of the view.
    pub(super) fn yoneda(&self, start: f64, config: &ReflectionConfig) -> Result<Found, Undefined> {
        let rows = self.counts.nrows();
        let first = start.round() as usize;
        let medians: Vec<Option<(f64, f64)>> = (first..rows)
            .map(|row| {
                let counts = self.counts.row(row);
                let counts = counts.iter().flatten();
                let values: Vec<f64> = counts.map(|&count| self.stretched(10.0, count)).collect();
                let number = values.len() as f64;
                let middle = median(values.clone()).filter(|_| number >= 4.0)?;
                let spread = median(values.iter().map(|t| (t - middle).abs()).collect())?;
                // The median of n numbers scatters by 1.25 σ / √n.
                Some((middle, 1.2533 * 1.4826 * spread / number.sqrt()))
            })
            .collect();
        let reach = ((config.band_reach * rows as f64) as usize).min(medians.len());
        let peak = (0..reach)
            .filter_map(|at| Some((medians[at]?, at)))
            .reduce(|best, next| if next.0.0 > best.0.0 { next } else { best });
        let undefined = |what: &str| {
            Err(Undefined::new(format!(
                "expected a bright band above the horizon, found {what}"
            )))
        };
        let Some(((middle, error), peak)) = peak.filter(|&(_, at)| at > 0 && at + 1 < reach) else {
            return undefined("the brightest row at the end of the range");
        };
        let beyond = medians[peak..].iter().flatten().map(|&(t, _)| t);
        let prominence = middle - beyond.fold(f64::INFINITY, f64::min);
        if prominence < config.min_prominence {
            return undefined("none that stands out");
        }
        // Beside a gap there is no parabola.
        let beside = medians[peak - 1].zip(medians[peak + 1]);
        let (bend, offset) = beside.map_or((0.0, 0.0), |((left, _), (right, _))| {
            let bend = left - 2.0 * middle + right;
            (bend, 0.5 * (left - right) / bend)
        });
        let (offset, sigma) = if bend < 0.0 {
            (offset, error / (2f64.sqrt() * bend.abs()))
        } else {
            (0.0, 1.0)
        };
        Ok(Found {
            place_px: Measured {
                value: (first + peak) as f64 + 0.5 + offset,
                sigma: Some(sigma.max(LEAST_PX)),
            },
            score: prominence,
        })
    }

    /// The reflected beam, `height` above `start`, in rows and columns of the view.
    pub(super) fn specular(
        &self,
        start: f64,
        height: f64,
        column: f64,
        config: &ReflectionConfig,
    ) -> Result<Spot, Undefined> {
        let (rows, columns) = self.counts.dim();
        let mean_of = |row: usize, column: usize| {
            let values = self.around(row, column, 1, None);
            (values.len() >= 5).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        let reach = (columns as f64 / 20.0).max(2.0);
        let low = (column - reach).max(1.0) as usize;
        let high = ((column + reach).max(0.0) as usize).min(columns.saturating_sub(2));
        // The reflected beam leaves at the angle of the incident one: as far above the horizon as that is below.
        let margin = (0.25 * height).max(2.0);
        let first = (start + height - margin).max(start + 2.0).max(1.0) as usize;
        let last = (start + height + margin).max(0.0) as usize;
        let mut best: Option<(f64, f64, usize, usize)> = None;
        for row in first..rows.saturating_sub(1).min(last + 1) {
            for column in low..=high {
                let Some(mean) = mean_of(row, column) else {
                    continue;
                };
                let surroundings = self.around(row, column, 6, Some(3));
                if surroundings.len() < 20 {
                    continue;
                }
                // One count keeps the factor finite where nothing else is.
                let level = median(surroundings).unwrap_or(0.0);
                let factor = (mean + 1.0) / (level + 1.0);
                if best.is_none_or(|(highest, ..)| factor > highest) {
                    best = Some((factor, level, row, column));
                }
            }
        }
        let found = best.filter(|&(factor, ..)| factor >= config.min_spot_contrast);
        let Some((factor, level, row, column)) = found else {
            return Err(Undefined::new(format!(
                "expected a spot {} times as bright as its surroundings, found {}",
                config.min_spot_contrast,
                best.map_or_else(|| "none".into(), |(factor, ..)| format!("{factor:.2}"))
            )));
        };
        let (mut row, mut column) = (row, column);
        let mut place = self.centroid(row, column, level);
        // The pixel of best contrast may lie on the flank of the spot: follow the centre of mass.
        for _ in 0..SETTLE {
            let nearest = |at: Measured, size: usize| (at.value.max(0.0) as usize).min(size - 1);
            let next = (nearest(place[0], rows), nearest(place[1], columns));
            if next == (row, column) {
                break;
            }
            (row, column) = next;
            place = self.centroid(row, column, level);
        }
        let [row_px, column_px] = place;
        Ok(Spot {
            row_px,
            column_px,
            score: factor.ln(),
        })
    }

    /// The centre of mass of what is above `level` near a pixel, which must be brighter than that.
    fn centroid(&self, row: usize, column: usize, level: f64) -> [Measured; 2] {
        let (rows, columns) = self.counts.dim();
        let (mut weights, mut moments, mut squares) = (0.0, [0.0; 2], [0.0; 2]);
        for y in row.saturating_sub(SPOT)..(row + SPOT + 1).min(rows) {
            for x in column.saturating_sub(SPOT)..(column + SPOT + 1).min(columns) {
                let weight = self.counts[(y, x)].map_or(0.0, |count| (count - level).max(0.0));
                weights += weight;
                for (at, place) in [y, x].into_iter().enumerate() {
                    moments[at] += weight * (place as f64 + 0.5);
                    squares[at] += weight * (place as f64 + 0.5).powi(2);
                }
            }
        }
        [0, 1].map(|at| {
            let mean = moments[at] / weights;
            let variance = (squares[at] / weights - mean * mean).max(1.0 / 12.0);
            Measured {
                value: mean,
                sigma: Some((variance / weights.max(1.0)).sqrt()),
            }
        })
    }

    /// The valid counts of a square of `2 reach + 1` pixels, without those nearer than `hole` + 1.
    fn around(&self, row: usize, column: usize, reach: usize, hole: Option<usize>) -> Vec<f64> {
        let (rows, columns) = self.counts.dim();
        let range = |at: usize, size: usize| at.saturating_sub(reach)..(at + reach + 1).min(size);
        let mut values = Vec::new();
        for y in range(row, rows) {
            for x in range(column, columns) {
                let distance = y.abs_diff(row).max(x.abs_diff(column));
                if hole.is_none_or(|hole| distance > hole) {
                    values.extend(self.counts[(y, x)]);
                }
            }
        }
        values
    }
}
