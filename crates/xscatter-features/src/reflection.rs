//! What a surface leaves on an image at grazing incidence: horizon, Yoneda band, specular spot.
//!
//! Use the columns beside others in a classifier, and the places with care: give the beam centre, look at the
//! picture. How often they are right on simulated frames is in `docs/features.md`. A shaded half of the image
//! (a wafer, a flight tube), or the arm of a stop, is what is taken for a horizon otherwise.
//!
//! The geometry need not be known; the surface normal must run along the rows or the columns, either way. The
//! image is reduced to [`ReflectionConfig::resolution`] and turned so that the normal points to growing rows,
//! in each of the four ways; the one with the highest score counts. `Ī` is the mean of the counts cut at their
//! 99th percentile.
//!
//! * **Horizon**: a straight edge, dark below. For each of 16 strips of columns, `s = ln(1 + 50 m/Ī)` of the
//!   means `m` of windows of 2, 4 and 8 rows on either side of a line that is level to 0.02 rows a column. The
//!   jump of a strip is the step of `s` at the line, less the slopes of `s` to the next window above and below,
//!   so that a halo has none, and less what the 8 rows below are brighter, so that a narrow shadow has none.
//!   The *score* of a line is what 85 % of the strips jump at least. Of the edges with at least a fifth of
//!   the highest score it is the one nearest to the dark side (the others are bands above it), the beam, where it
//!   is known, below it; it must not be stronger by a tenth when it is bent (a ring, a round window). Row and slope are then
//!   refined with the windows of two rows; σ from the scatter of the single strips (at least that of a
//!   reduced pixel, `1/√12`). The place is that at the beam, or in the middle without one.
//! * **Yoneda band**: along lines parallel to the horizon, the brightest above it within
//!   [`ReflectionConfig::band_reach`] of the rows, of the median of `t = ln(1 + 10 I/Ī)`; refined by a parabola,
//!   σ from the scatter along the line. It must stand out by [`ReflectionConfig::min_prominence`] from
//!   the darkest beyond it. Its *score* is how far it stands out, in `t`.
//! * **Specular spot**: as far above the horizon as the beam is below (to a quarter of that), within a twentieth
//!   of the columns of the beam's column, the place whose 3 × 3 pixels are brightest relative to the median of
//!   their surroundings (a square of 13 × 13 without its inner 7 × 7), by a factor of at least
//!   [`ReflectionConfig::min_spot_contrast`]; refined by its centre of mass. Its *score* is the logarithm of
//!   that factor.
//!
//! Places are in pixels of the frame. With a geometry that has an incident angle,
//! [`Reflection::exit_angle_rad`] turns a place into an exit angle. Each of the three is
//! [`Undefined`] with its reason where it is not there: the horizon on most frames in transmission, and
//! the others without a horizon.
//!
//! *Masks*: masked pixels do not exist. *Limits*: a horizon with fewer than about three reduced pixels of shadow
//! below it, or tilted by more than about 2°, is lost; the brightest line above the horizon need not be the
//! Yoneda band (a film has its own, layers and domains have peaks).
//! *Cost*: some milliseconds, whatever the size of the frame beyond its reduction.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};
use xscatter_core::{Frame, PixelPosition, Result};
use xscatter_geometry::grazing::{GrazingMap, SampleOrientation};

use crate::measured::{Measured, Quantity, Undefined};
use crate::resample::{Grid, Resampled};

mod above;
mod horizon;
mod table;
mod view;

pub use table::{Reflections, ReflectionsError};

use horizon::{Edge, edge};
use view::View;

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
            min_horizon_score: 0.5,
            band_reach: 0.25,
            min_prominence: 0.1,
            min_spot_contrast: 3.0,
        }
    }
}

/// Where the surface normal runs on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Normal {
    /// The bright side has the later rows.
    Down,
    /// The bright side has the earlier rows: the usual picture.
    Up,
    /// The bright side has the later columns.
    Right,
    /// The bright side has the earlier columns.
    Left,
}

impl Normal {
    /// All directions.
    pub const ALL: [Self; 4] = [Self::Down, Self::Up, Self::Right, Self::Left];

    /// Whether it runs along a row: from column to column.
    pub const fn is_along_columns(self) -> bool {
        matches!(self, Self::Right | Self::Left)
    }

    /// Whether it runs to the earlier rows or columns.
    pub const fn is_falling(self) -> bool {
        matches!(self, Self::Up | Self::Left)
    }

    /// (row, column) from a place along the normal's axis and one across it.
    fn place(self, along: f64, across: f64) -> (f64, f64) {
        if self.is_along_columns() {
            (across, along)
        } else {
            (along, across)
        }
    }
}

/// A place that was found along the normal's axis, in pixels of the frame, and how clearly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Found {
    /// The row, or the column where the surface normal runs along the columns; at the beam, if there is one.
    pub place_px: Measured,
    /// How clearly it is there; see the [module](self).
    pub score: f64,
}

/// The step between the shadow of the sample and the scattering above it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Horizon {
    /// The row, or the column where the surface normal runs along the columns; at the beam, if there is one.
    pub place_px: Measured,
    /// By how many pixels the place grows with each pixel across.
    pub slope: f64,
    /// Where the bright side is.
    pub normal: Normal,
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
    pub horizon: Result<Horizon, Undefined>,
    /// The bright band above the horizon.
    pub yoneda: Result<Found, Undefined>,
    /// The reflected beam.
    pub specular: Result<Spot, Undefined>,
}

impl Reflection {
    /// The exit angle at a place along the normal's axis, from a frame whose geometry has an incident angle;
    /// `across_px` is the column there, or the row where the normal runs along the columns.
    ///
    /// # Errors
    /// [`Undefined`] without a horizon, a geometry or an incident angle.
    pub fn exit_angle_rad(&self, frame: &Frame, place_px: Measured, across_px: f64) -> Quantity {
        let horizon = self.horizon.as_ref().map_err(Clone::clone)?;
        let geometry = frame.info.geometry.as_ref();
        let geometry = geometry.ok_or_else(|| Undefined::new("expected a geometry, found none"))?;
        let incident = geometry.incident_angle_rad.unwrap_or(0.0);
        let k_inv_nm = TAU / (geometry.wavelength_m * 1e9);
        let towards = if horizon.normal.is_falling() {
            -0.5
        } else {
            0.5
        };
        let mut best: Option<(f64, Measured)> = None;
        for orientation in [
            SampleOrientation::Up,
            SampleOrientation::DownMirrored,
            SampleOrientation::RightMirrored,
            SampleOrientation::Left,
        ] {
            let map = GrazingMap::new(geometry, frame.shape(), orientation)
                .map_err(|error| Undefined::new(error.to_string()))?;
            let angle = |along: f64| {
                let (row, column) = horizon.normal.place(along, across_px);
                // q is the difference of two rays; take that of the beam off again.
                let normal = map.q_vector_inv_nm_at(row, column)[2] / k_inv_nm;
                let of_beam = -incident.sin() * geometry.tilt_rad.cos();
                (normal + of_beam).clamp(-1.0, 1.0).asin()
            };
            let at = place_px.value;
            let slope = angle(at + towards) - angle(at - towards);
            // The camera may be mounted either way up: the normal is where the angle grows most.
            if best.is_none_or(|(steepest, _)| slope > steepest) {
                let sigma = place_px.sigma.map(|sigma| sigma * slope.abs());
                let value = angle(at);
                best = Some((slope, Measured { value, sigma }));
            }
        }
        best.map(|(_, angle)| angle)
            .ok_or_else(|| Undefined::new("expected a normal, found none"))
    }
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
/// assert!((found.horizon?.place_px.value - 60.0).abs() < 2.0);
/// assert!((found.yoneda?.place_px.value - 72.5).abs() < 1.0);
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
    let (rows, columns) = image.shape();
    let scale = frame.shape().0 as f64 / rows as f64;
    let wide = frame.shape().1 as f64 / columns as f64;
    let reduced = beam.map(|beam| PixelPosition {
        row: beam.row / scale,
        column: beam.column / wide,
    });
    let view = View::of(&image, reduced);
    let mut best: Result<(Normal, View, Edge), Undefined> =
        Err(Undefined::new("expected a step between rows, found none"));
    for normal in Normal::ALL {
        let view = view.turned(normal);
        match (edge(&view), &best) {
            (Ok(edge), Ok((.., other))) if edge.score <= other.score => {}
            (Ok(edge), _) => best = Ok((normal, view, edge)),
            (Err(reason), Err(_)) => best = Err(reason),
            (Err(_), Ok(_)) => {}
        }
    }
    let enough = best.and_then(|best| {
        if best.2.score < config.min_horizon_score {
            return Err(Undefined::new(format!(
                "expected a horizon with a score of at least {}, found {:.3}",
                config.min_horizon_score, best.2.score
            )));
        }
        Ok(best)
    });
    let (normal, view, edge) = match enough {
        Ok(found) => found,
        Err(reason) => {
            let missing = || Undefined::new("expected a horizon, found none");
            return Ok(Reflection {
                horizon: Err(reason),
                yoneda: Err(missing()),
                specular: Err(missing()),
            });
        }
    };
    let view = view.levelled(edge.slope);
    let (along_px, across_px) = normal.place(scale, wide);
    let length = view.counts.nrows() as f64;
    // From rows of the view to pixels of the frame.
    let place_px = |row: Measured| Measured {
        value: along_px
            * if normal.is_falling() {
                length - row.value
            } else {
                row.value
            },
        sigma: row.sigma.map(|sigma| along_px * sigma),
    };
    let start = edge.place.value;
    let specular = match view.beam {
        None => Err(Undefined::new("expected a beam centre, found none")),
        Some(beam) => view.specular(start, start - beam.row, beam.column, config),
    };
    let turn = if normal.is_falling() { -1.0 } else { 1.0 };
    Ok(Reflection {
        horizon: Ok(Horizon {
            place_px: place_px(edge.place),
            slope: turn * edge.slope * along_px / across_px,
            normal,
            score: edge.score,
        }),
        yoneda: view.yoneda(start, config).map(|found| Found {
            place_px: place_px(found.place_px),
            ..found
        }),
        specular: specular.map(|spot| {
            let along = place_px(spot.row_px);
            let across = Measured {
                value: across_px * spot.column_px.value,
                sigma: spot.column_px.sigma.map(|sigma| across_px * sigma),
            };
            let (row_px, column_px) = if normal.is_along_columns() {
                (across, along)
            } else {
                (along, across)
            };
            Spot {
                row_px,
                column_px,
                ..spot
            }
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::Array2;
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
        let upright = grazing();
        let mut flipped = grazing();
        flipped.invert_axis(ndarray::Axis(0));
        for (counts, beam, normal) in [
            (upright.clone(), (10.0, 80.0), Normal::Down),
            (flipped.clone(), (210.0, 80.0), Normal::Up),
            (upright.reversed_axes(), (80.0, 10.0), Normal::Right),
            (flipped.reversed_axes(), (80.0, 210.0), Normal::Left),
        ] {
            let beam = PixelPosition {
                row: beam.0,
                column: beam.1,
            };
            let frame = Frame::new(counts.as_standard_layout().into_owned());
            let found = reflection(&frame, Some(beam), &ReflectionConfig::default()).unwrap();
            let horizon = found.horizon.unwrap();
            assert_eq!(horizon.normal, normal);
            assert_relative_eq!(horizon.slope, 0.0, epsilon = 0.011);
            let spot = found.specular.unwrap();
            let (along, across) = if normal.is_along_columns() {
                (spot.column_px, spot.row_px)
            } else {
                (spot.row_px, spot.column_px)
            };
            assert_relative_eq!(across.value, 80.0, epsilon = 0.1);
            let places = [horizon.place_px, found.yoneda.unwrap().place_px, along];
            for (place, expected) in places.iter().zip([60.0, 72.0, 110.0]) {
                let place = if normal.is_falling() {
                    220.0 - place.value
                } else {
                    place.value
                };
                assert_relative_eq!(place, expected, epsilon = 0.6);
            }
        }
    }

    #[test]
    fn a_tilted_horizon_is_found_where_the_beam_is() {
        let tilted = Array2::from_shape_fn((220, 200), |(row, column)| {
            let above = row as f64 + 0.5 - 60.0 - 0.02 * (column as f64 + 0.5 - 40.0);
            let noise = ((row * 7 + column * 13 + row * column) % 5) as f32;
            noise + if above < 0.0 { 0.0 } else { 200.0 }
        });
        let beam = PixelPosition {
            row: 20.0,
            column: 40.0,
        };
        let config = ReflectionConfig::default();
        let found = reflection(&Frame::new(tilted), Some(beam), &config).unwrap();
        let horizon = found.horizon.unwrap();
        assert_relative_eq!(horizon.place_px.value, 60.0, epsilon = 1.1);
        assert_relative_eq!(horizon.slope, 0.02, epsilon = 0.011);
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
    fn a_camera_that_is_mounted_upside_down_sees_the_same_angles() {
        let mut counts = grazing();
        counts.invert_axis(ndarray::Axis(0));
        let centre = PixelPosition {
            row: 170.0,
            column: 80.0,
        };
        let mut geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
        geometry.incident_angle_rad = Some((10.0 * 172e-6f64).atan());
        // The point of normal incidence stays where the beam is.
        geometry.rot3_rad = std::f64::consts::PI;
        let info = FrameInfo {
            geometry: Some(geometry.into()),
            ..Default::default()
        };
        let frame = Frame::new(counts.as_standard_layout().into_owned()).with_info(info);
        let found = reflection(&frame, Some(centre), &ReflectionConfig::default()).unwrap();
        let at = |value: f64| {
            let place = Measured { value, sigma: None };
            found.exit_angle_rad(&frame, place, 80.0).unwrap().value
        };
        assert_relative_eq!(at(160.0), 0.0, epsilon = 1e-9);
        assert_relative_eq!(at(150.0), 10.0 * 172e-6, max_relative = 1e-4);
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
