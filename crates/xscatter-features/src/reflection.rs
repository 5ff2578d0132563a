//! What a surface leaves on an image at grazing incidence: horizon, Yoneda band, specular spot.
//!
//! Use the columns beside others in a classifier, and the places with care: give the beam centre, look at the
//! picture. Of 80 simulated frames at grazing incidence a horizon is found in 33, of these 30 within 2 % of the
//! rows, and a specular spot in 19, of these 14; in 80 frames in transmission none. The edge of a module or a
//! stop is what is taken for them otherwise.
//!
//! The geometry need not be known, but the surface normal must run along the rows, either way. The image
//! is reduced to [`ReflectionConfig::resolution`], and `t = ln(1 + 10 I / Ī)`, `Ī` the mean of the counts cut at
//! their 99th percentile.
//!
//! * **Horizon**: the edge between rows with the largest median step of `t` over eight strips of columns
//!   (means of a twentieth of the rows on either side). The dark side is the one below the horizon, and the beam
//!   centre, where it is known, lies on it. Its
//!   *score* is the share of strips that step by at least half the median, times `1 − d/b`, `d` and `b` the
//!   mean counts on the dark and bright side of the edge. Position: the median of the edges of the single
//!   strips; σ from their scatter (at least that of a reduced pixel, `1/√12`).
//! * **Yoneda band**: the brightest row above the horizon, within [`ReflectionConfig::band_reach`] of the rows,
//!   of the median of `t` over each row; refined by a parabola, σ from the scatter within the rows. It must
//!   stand out by [`ReflectionConfig::min_prominence`] from the darkest row beyond it. Its *score* is how
//!   far it stands out, in `t`.
//! * **Specular spot**: as far above the horizon as the beam is below (to a quarter of that), within a twentieth of
//!   the columns of the beam's column, the place whose 3 × 3 pixels are brightest relative to the median of their surroundings (a square of
//!   13 × 13 without its inner 7 × 7), by a factor of at least [`ReflectionConfig::min_spot_contrast`]; refined by
//!   its centre of mass. Its *score* is the logarithm of that factor.
//!
//! Places are in pixels of the frame. With a geometry that has an incident angle,
//! [`Reflection::exit_angle_rad`] turns a row into an exit angle. Each of the three is
//! [`Undefined`] with its reason where it is not there: the horizon on most frames in transmission, and
//! the others without a horizon.
//!
//! *Masks*: masked pixels do not exist. *Limits*: what shades a straight half of the image (a wafer, a flight
//! tube) passes for a horizon; a horizon that is tilted by more than about 5° is lost.
//! *Cost*: a few passes over the reduced image.

use std::f64::consts::TAU;

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use xscatter_core::{Frame, PixelPosition, Result};
use xscatter_geometry::grazing::{GrazingMap, SampleOrientation};

use crate::intensity::quantile_of_sorted;
use crate::measured::{Measured, Quantity, Undefined};
use crate::resample::{Grid, Resampled};

mod table;

pub use table::{Reflections, ReflectionsError};

/// Half the width of the window in which the centre of a spot is determined, in pixels.
const SPOT: usize = 5;
/// How often that window follows the centre.
const SETTLE: usize = 8;
/// Strips across the horizon.
const STRIPS: usize = 8;

/// What counts as a reflection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReflectionConfig {
    /// The longer side of the reduced image in pixels.
    pub resolution: usize,
    /// The smallest score of a horizon.
    pub min_horizon_score: f64,
    /// How far above the horizon the Yoneda band may be, as a part of the rows.
    pub band_reach: f64,
    /// How far the band stands out at least, in units of `t`.
    pub min_prominence: f64,
    /// The least factor by which the spot is brighter than its surroundings.
    pub min_spot_contrast: f64,
}

impl Default for ReflectionConfig {
    fn default() -> Self {
        Self {
            resolution: 256,
            min_horizon_score: 0.6,
            band_reach: 0.25,
            min_prominence: 0.1,
            min_spot_contrast: 3.0,
        }
    }
}

/// A place that was found, in pixels of the frame, and how clearly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// Row.
    pub row_px: Measured,
    /// How clearly it is there; see the [module](self).
    pub score: f64,
}

/// A spot that was found, in pixels of the frame, and how clearly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spot {
    /// Row.
    pub row_px: Measured,
    /// Column.
    pub column_px: Measured,
    /// How clearly it is there; see the [module](self).
    pub score: f64,
}

/// What a surface left on an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Reflection {
    /// The step between the shadow of the sample and the scattering above it.
    pub horizon: Result<Found, Undefined>,
    /// Whether the bright side of the horizon has the lower rows.
    pub bright_first: bool,
    /// The bright band above the horizon.
    pub yoneda: Result<Found, Undefined>,
    /// The reflected beam.
    pub specular: Result<Spot, Undefined>,
}

impl Reflection {
    /// The exit angle at a row of the beam's column, from a frame whose geometry has an incident angle.
    ///
    /// # Errors
    /// [`Undefined`] without a horizon, a geometry or an incident angle.
    pub fn exit_angle_rad(&self, frame: &Frame, row_px: Measured, column_px: f64) -> Quantity {
        self.horizon.as_ref().map_err(Clone::clone)?;
        let geometry = frame.info.geometry.as_ref();
        let geometry = geometry.ok_or_else(|| Undefined::new("expected a geometry, found none"))?;
        let orientation = if self.bright_first {
            SampleOrientation::DownMirrored
        } else {
            SampleOrientation::Up
        };
        let map = GrazingMap::new(geometry, frame.shape(), orientation)
            .map_err(|error| Undefined::new(error.to_string()))?;
        let incident = geometry.incident_angle_rad.unwrap_or(0.0);
        let k_inv_nm = TAU / (geometry.wavelength_m * 1e9);
        let angle = |row: f64| {
            // q is the difference of two rays; take that of the beam off again.
            let normal = map.q_vector_inv_nm_at(row, column_px)[2] / k_inv_nm;
            let of_beam = -incident.sin() * geometry.tilt_rad.cos();
            (normal + of_beam).clamp(-1.0, 1.0).asin()
        };
        let slope = angle(row_px.value + 0.5) - angle(row_px.value - 0.5);
        Ok(Measured {
            value: angle(row_px.value),
            sigma: row_px.sigma.map(|sigma| sigma * slope.abs()),
        })
    }
}

/// The reduced image, upright: dark rows first.
struct View {
    t: Array2<Option<f64>>,
    counts: Array2<Option<f64>>,
}

/// Horizon, Yoneda band and specular spot of a frame; see the [module](self).
///
/// Without a beam centre there is no specular spot, and an edge with the beam on its bright side may be taken
/// for a horizon.
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::Frame;
/// use xscatter_features::reflection::{ReflectionConfig, reflection};
///
/// // A dark sample up to row 60, and a band above it.
/// let counts = Array2::from_shape_fn((200, 160), |(row, column)| {
///     let above = row as f32 - 60.0;
///     let noise = ((row * 7 + column * 13) % 5) as f32;
///     if above < 0.0 { noise } else { 200.0 + noise + 200.0 * (-((above - 12.0) / 5.0).powi(2)).exp() }
/// });
/// let found = reflection(&Frame::new(counts), None, &ReflectionConfig::default())?;
/// assert!((found.horizon?.row_px.value - 60.0).abs() < 2.0);
/// assert!((found.yoneda?.row_px.value - 72.5).abs() < 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`Resampled::of`] for a frame without a valid pixel or with a stray NaN.
pub fn reflection(
    frame: &Frame,
    beam: Option<PixelPosition>,
    config: &ReflectionConfig,
) -> Result<Reflection> {
    let image = Resampled::of(frame, Grid::LongSide(config.resolution))?;
    let mut view = View::of(&image);
    let (rows, columns) = view.t.dim();
    let scale = frame.shape().0 as f64 / rows as f64;
    let wide = frame.shape().1 as f64 / columns as f64;
    let edge = view.horizon(beam.map(|beam| beam.row / scale), config);
    let Ok(edge) = edge else {
        let missing = || Undefined::new("expected a horizon, found none");
        return Ok(Reflection {
            horizon: edge.map(|edge| edge.found),
            bright_first: false,
            yoneda: Err(missing()),
            specular: Err(missing()),
        });
    };
    let bright_first = edge.bright_first;
    if bright_first {
        view.flip();
    }
    // From rows of the upright view to pixels of the frame.
    let row_px = |row: Measured| Measured {
        value: scale
            * if bright_first {
                rows as f64 - row.value
            } else {
                row.value
            },
        sigma: row.sigma.map(|sigma| scale * sigma),
    };
    let start = if bright_first {
        rows as f64 - edge.found.row_px.value
    } else {
        edge.found.row_px.value
    };
    let placed = |found: Found| Found {
        row_px: row_px(found.row_px),
        ..found
    };
    let specular = match beam {
        None => Err(Undefined::new("expected a beam centre, found none")),
        Some(beam) => {
            let row = beam.row / scale;
            let below = if bright_first { rows as f64 - row } else { row };
            view.specular(start, start - below, beam.column / wide, config)
        }
    };
    Ok(Reflection {
        horizon: Ok(Found {
            row_px: Measured {
                value: scale * edge.found.row_px.value,
                sigma: edge.found.row_px.sigma.map(|sigma| scale * sigma),
            },
            ..edge.found
        }),
        bright_first,
        yoneda: view.yoneda(start, config).map(placed),
        specular: specular.map(|spot| Spot {
            row_px: row_px(spot.row_px),
            column_px: Measured {
                value: wide * spot.column_px.value,
                sigma: spot.column_px.sigma.map(|sigma| wide * sigma),
            },
            ..spot
        }),
    })
}

/// A horizon in rows of the reduced image.
#[derive(Debug)]
struct Edge {
    found: Found,
    bright_first: bool,
}

impl View {
    fn of(image: &Resampled) -> Self {
        let sorted = image.sorted();
        let cap = quantile_of_sorted(&sorted, 0.99, f64::from).max(0.0);
        let capped = sorted.iter().map(|&count| f64::from(count).clamp(0.0, cap));
        let mean = capped.sum::<f64>() / sorted.len() as f64;
        let (rows, columns) = image.shape();
        let counts = Array2::from_shape_fn((rows, columns), |(row, column)| {
            let count = f64::from(image.values[(row, column)]).max(0.0);
            image.is_valid(row, column).then_some(count)
        });
        let t = counts.mapv(|count| {
            count.map(|count| {
                if mean > 0.0 {
                    (10.0 * count / mean).ln_1p()
                } else {
                    0.0
                }
            })
        });
        Self { t, counts }
    }

    fn flip(&mut self) {
        self.t.invert_axis(ndarray::Axis(0));
        self.counts.invert_axis(ndarray::Axis(0));
    }

    /// The strongest edge; with a beam, of those that have it on their dark side.
    fn horizon(&self, beam_row: Option<f64>, config: &ReflectionConfig) -> Result<Edge, Undefined> {
        let (rows, columns) = self.t.dim();
        let reach = (rows / 20).max(2);
        if rows < 4 * reach || columns < STRIPS {
            return Err(Undefined::new(format!(
                "expected at least {} rows and {STRIPS} columns, found {rows} and {columns}",
                4 * reach
            )));
        }
        let [t, counts] = [&self.t, &self.counts].map(sums_of_strips);
        let mean = |sums: &Array2<(f64, f64)>, strip: usize, from: usize, to: usize| {
            let (sum, n) = (
                sums[(to, strip)].0 - sums[(from, strip)].0,
                sums[(to, strip)].1 - sums[(from, strip)].1,
            );
            (n > 0.0).then(|| sum / n)
        };
        let step = |strip: usize, row: usize| {
            Some(mean(&t, strip, row, row + reach)? - mean(&t, strip, row - reach, row)?)
        };
        let edges = reach..rows + 1 - reach;
        let steps =
            |row: usize| -> Vec<f64> { (0..STRIPS).filter_map(|strip| step(strip, row)).collect() };
        let mut best: Option<(f64, usize)> = None;
        for row in edges.clone() {
            let found = steps(row);
            if found.len() > STRIPS / 2 {
                let height = median(found);
                // The direct beam meets the sample from below its horizon.
                let is_above =
                    beam_row.is_none_or(|beam| (row as f64 - beam) * height > -height.abs());
                if is_above && best.is_none_or(|(highest, _)| height.abs() > highest.abs()) {
                    best = Some((height, row));
                }
            }
        }
        let Some((height, row)) = best.filter(|&(height, _)| height != 0.0) else {
            return Err(Undefined::new("expected a step between rows, found none"));
        };
        let all = steps(row);
        let agree = all.iter().filter(|&&step| step / height >= 0.5).count();
        let side = |from: usize, to: usize| {
            let means: Vec<f64> = (0..STRIPS)
                .filter_map(|strip| mean(&counts, strip, from, to))
                .collect();
            means.iter().sum::<f64>() / means.len().max(1) as f64
        };
        let (before, after) = (side(row - reach, row), side(row, row + reach));
        let (dark, bright) = (before.min(after), before.max(after));
        let score = agree as f64 / all.len() as f64 * (1.0 - dark / bright.max(f64::MIN_POSITIVE));
        if score < config.min_horizon_score {
            return Err(Undefined::new(format!(
                "expected a horizon with a score of at least {}, found {score:.3}",
                config.min_horizon_score
            )));
        }
        // Where each strip has its own edge.
        let near = row.saturating_sub(reach).max(reach)..(row + reach + 1).min(edges.end);
        let own: Vec<f64> = (0..STRIPS)
            .filter_map(|strip| {
                near.clone()
                    .filter_map(|row| Some((step(strip, row)? / height, row)))
                    .reduce(|best, next| if next.0 > best.0 { next } else { best })
            })
            .map(|(_, row)| row as f64)
            .collect();
        let middle = median(own.clone());
        let spread = median(own.iter().map(|row| (row - middle).abs()).collect());
        let sigma = (1.4826 * spread).max(12f64.sqrt().recip()) / (own.len() as f64).sqrt();
        Ok(Edge {
            found: Found {
                row_px: Measured {
                    value: middle,
                    sigma: Some(sigma),
                },
                score,
            },
            bright_first: height < 0.0,
        })
    }

    fn yoneda(&self, start: f64, config: &ReflectionConfig) -> Result<Found, Undefined> {
        let rows = self.t.nrows();
        let first = start.round() as usize;
        let medians: Vec<(f64, f64)> = (first..rows)
            .map_while(|row| {
                let values: Vec<f64> = self.t.row(row).iter().flatten().copied().collect();
                if values.len() < 4 {
                    return None;
                }
                let middle = median(values.clone());
                let spread = median(values.iter().map(|t| (t - middle).abs()).collect());
                // The median of n numbers scatters by 1.25 σ / √n.
                let error = 1.2533 * 1.4826 * spread / (values.len() as f64).sqrt();
                Some((middle, error))
            })
            .collect();
        let reach = ((config.band_reach * rows as f64) as usize).min(medians.len());
        let peak = (0..reach).reduce(|best, next| {
            if medians[next].0 > medians[best].0 {
                next
            } else {
                best
            }
        });
        let undefined = |what: &str| {
            Err(Undefined::new(format!(
                "expected a bright band above the horizon, found {what}"
            )))
        };
        let Some(peak) = peak.filter(|&peak| peak > 0 && peak + 1 < reach) else {
            return undefined("the brightest row at the end of the range");
        };
        let beyond = medians[peak..].iter().map(|&(t, _)| t);
        let prominence = medians[peak].0 - beyond.fold(f64::INFINITY, f64::min);
        if prominence < config.min_prominence {
            return undefined("none that stands out");
        }
        let [left, middle, right] = [peak - 1, peak, peak + 1].map(|at| medians[at].0);
        let bend = left - 2.0 * middle + right;
        let offset = if bend < 0.0 {
            0.5 * (left - right) / bend
        } else {
            0.0
        };
        let error = medians[peak].1;
        let sigma = if bend < 0.0 {
            error / (2f64.sqrt() * bend.abs())
        } else {
            1.0
        };
        Ok(Found {
            row_px: Measured {
                value: (first + peak) as f64 + 0.5 + offset,
                sigma: Some(sigma.max(12f64.sqrt().recip() / STRIPS as f64)),
            },
            score: prominence,
        })
    }

    fn specular(
        &self,
        start: f64,
        height: f64,
        column: f64,
        config: &ReflectionConfig,
    ) -> Result<Spot, Undefined> {
        let (rows, columns) = self.t.dim();
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
                let level = median(surroundings);
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

/// Prefix sums over rows of the values in each strip: sum and number of those before the row.
fn sums_of_strips(values: &Array2<Option<f64>>) -> Array2<(f64, f64)> {
    let (rows, columns) = values.dim();
    let mut sums = Array2::from_elem((rows + 1, STRIPS), (0.0, 0.0));
    for row in 0..rows {
        for strip in 0..STRIPS {
            sums[(row + 1, strip)] = sums[(row, strip)];
        }
        for (column, value) in values.row(row).iter().enumerate() {
            if let Some(value) = value {
                let sum = &mut sums[(row + 1, column * STRIPS / columns)];
                sum.0 += value;
                sum.1 += 1.0;
            }
        }
    }
    sums
}

/// The median; 0 of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        n if n % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use xscatter_core::{FrameInfo, Geometry};

    /// A sample whose horizon is at row 60, a band around row 72, a spot at (110, 80).
    fn grazing() -> Array2<f32> {
        Array2::from_shape_fn((220, 160), |(row, column)| {
            let (y, x) = (row as f32 + 0.5, column as f32 + 0.5);
            let noise = ((row * 7 + column * 13 + row * column) % 5) as f32;
            if y < 60.0 {
                return noise;
            }
            let band = 300.0 * (-((y - 72.0) / 6.0).powi(2)).exp();
            let spot = 5e3 * (-((y - 110.0).powi(2) + (x - 80.0).powi(2)) / 8.0).exp();
            30.0 + 2000.0 / y + band + spot + noise
        })
    }

    fn of(counts: Array2<f32>, beam_row: f64) -> Reflection {
        let beam = Some(PixelPosition {
            row: beam_row,
            column: 80.0,
        });
        reflection(&Frame::new(counts), beam, &ReflectionConfig::default()).unwrap()
    }

    #[test]
    fn all_three_are_found_whichever_way_up() {
        let upright = of(grazing(), 10.0);
        let mut flipped = grazing();
        flipped.invert_axis(ndarray::Axis(0));
        let flipped = of(flipped.as_standard_layout().into_owned(), 210.0);
        assert_eq!((upright.bright_first, flipped.bright_first), (false, true));
        let rows = |found: &Reflection| {
            let spot = found.specular.clone().unwrap();
            assert_relative_eq!(spot.column_px.value, 80.0, epsilon = 0.1);
            [
                found.horizon.clone().unwrap().row_px.value,
                found.yoneda.clone().unwrap().row_px.value,
                spot.row_px.value,
            ]
        };
        let expected = [60.0, 72.0, 110.0];
        for ((row, mirrored), expected) in rows(&upright).iter().zip(rows(&flipped)).zip(expected) {
            assert_relative_eq!(*row, expected, epsilon = 0.6);
            assert_relative_eq!(220.0 - mirrored, expected, epsilon = 0.6);
        }
    }

    #[test]
    fn exit_angles_start_at_the_horizon() {
        let centre = PixelPosition {
            row: 50.0,
            column: 80.0,
        };
        let mut geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
        geometry.incident_angle_rad = Some((10.0 * 172e-6f64).atan());
        let info = FrameInfo {
            geometry: Some(geometry.into()),
            ..Default::default()
        };
        let frame = Frame::new(grazing()).with_info(info);
        let found = reflection(&frame, Some(centre), &ReflectionConfig::default()).unwrap();
        let angle = |row: f64| {
            let row = Measured {
                value: row,
                sigma: Some(1.0),
            };
            found.exit_angle_rad(&frame, row, 80.0).unwrap()
        };
        // The direct beam is at −α, the horizon at 0, the specular spot at +α.
        assert_relative_eq!(angle(60.0).value, 0.0, epsilon = 1e-9);
        assert_relative_eq!(angle(50.0).value, -10.0 * 172e-6, max_relative = 1e-4);
        assert_relative_eq!(angle(60.0).sigma.unwrap(), 172e-6, max_relative = 1e-4);
    }

    #[test]
    fn transmission_has_none_and_says_why() {
        let halo = Array2::from_shape_fn((200, 200), |(row, column)| {
            let r = (row as f32 - 90.0).hypot(column as f32 - 100.0);
            (1e5 / (100.0 + r * r)).round()
        });
        for counts in [halo, Array2::ones((100, 100)), Array2::zeros((90, 80))] {
            let found = of(counts, 90.0);
            let error = found.horizon.unwrap_err().to_string();
            assert!(error.starts_with("expected a"), "{error}");
            assert!(found.yoneda.is_err() && found.specular.is_err());
        }
        let small = of(Array2::ones((3, 3)), 1.0);
        assert!(small.horizon.unwrap_err().to_string().contains("rows"));
        let found = reflection(&Frame::new(grazing()), None, &ReflectionConfig::default());
        let reason = found.unwrap().specular.unwrap_err().to_string();
        assert_eq!(reason, "expected a beam centre, found none");
    }
}
