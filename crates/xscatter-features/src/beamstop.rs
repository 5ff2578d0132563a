//! The shadow of a beamstop: whether there is one, its form, and its pixels.
//!
//! [`beamstop`] looks for a dark connected region that holds the beam. The image is reduced to
//! [`BeamstopConfig::resolution`]; on rings of one reduced pixel about the beam, `m(r)` is the upper quartile
//! of the valid pixels, and `E(r)` the largest `m` from `r` to `r + reach`: what the ring would show without
//! a shadow, since intensity falls outwards. A pixel is dark below
//! [`BeamstopConfig::darkness`] `· E(r)`. The shadow is what is dark and connected to a dark pixel within two
//! reduced pixels of the beam; masked pixels connect, but are no part of it.
//!
//! The *radius* `R` is where less than half of a ring is shadow. What of the shadow lies beyond `1.5 R` is
//! the arm; its *direction* is the mean of the unit vectors to its pixels. A shadow is `linear` if the arm
//! reaches far (`3 R` or more) and is about as wide as the disc at both ends, a `wedge` if it is as wide and
//! widens outwards by half or more, `circular` otherwise. The *score* is `1 − I / E`, means over the shadow:
//! 1 for a shadow without a count.
//!
//! [`Shadow::bad`] is the shadow in pixels of the frame, for
//! [`Mask::from_bad`](xscatter_core::Mask::from_bad); its edge is that of the reduced image, soft edges
//! remain: grow it before use.
//!
//! *Limits*: a stop that misses the beam, that leaks more than the darkness, or around which nothing
//! scatters has no shadow that could be seen; a hollow pattern (a wide dark middle within `reach` of a
//! ring) looks like one.
//! *Masks*: masked pixels do not exist; a stop that is masked already is not found. *Undefined*: the beam
//! is off the image. *Cost*: a few passes over the reduced image.

use std::sync::Arc;

use ndarray::{Array2, ArrayViewMut2};
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, PixelPosition, Result};

use crate::batch::fill_rows;
use crate::measured::Undefined;
use crate::order_statistics::quantile_of_sorted;
use crate::place::beam_centre;
use crate::polar::finite;
use crate::resample::{Grid, Resampled};

/// What counts as a shadow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BeamstopConfig {
    /// The longer side of the reduced image in pixels.
    pub resolution: usize,
    /// A pixel below this part of what is expected is dark.
    pub darkness: f64,
    /// How far outwards the expectation looks, as a part of the longer side.
    pub reach: f64,
    /// The smallest shadow, as a part of the reduced image.
    pub min_area: f64,
}

impl Default for BeamstopConfig {
    fn default() -> Self {
        Self {
            resolution: 192,
            darkness: 0.3,
            reach: 0.1,
            min_area: 2e-4,
        }
    }
}

/// Why an extractor could not be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BeamstopError {
    /// Too small to see anything.
    #[error("expected a resolution of at least 16 pixels, got {0}")]
    Resolution(usize),
    /// A part that is none.
    #[error("expected {name} between 0 and 1, got {found}")]
    Part {
        /// Which setting.
        name: &'static str,
        /// What was given.
        found: f64,
    },
}

impl BeamstopConfig {
    /// Whether a shadow could be found.
    ///
    /// # Errors
    /// [`BeamstopError`] if a setting is outside its domain.
    pub fn check(&self) -> Result<(), BeamstopError> {
        if self.resolution < 16 {
            return Err(BeamstopError::Resolution(self.resolution));
        }
        for (name, found) in [
            ("darkness", self.darkness),
            ("reach", self.reach),
            ("min_area", self.min_area),
        ] {
            if !(found > 0.0 && found < 1.0) {
                return Err(BeamstopError::Part { name, found });
            }
        }
        Ok(())
    }
}

/// Forms of beamstops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BeamstopKind {
    /// A disc, with or without a narrow arm.
    Circular,
    /// A strip.
    Linear,
    /// A wedge.
    Wedge,
}

impl BeamstopKind {
    /// All forms.
    pub const ALL: [Self; 3] = [Self::Circular, Self::Linear, Self::Wedge];

    /// The name in a column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Circular => "circular",
            Self::Linear => "linear",
            Self::Wedge => "wedge",
        }
    }
}

/// A beamstop's shadow.
#[derive(Debug, Clone, PartialEq)]
pub struct Shadow {
    /// Its form.
    pub kind: BeamstopKind,
    /// Radius of the part around the beam, in pixels of the frame.
    pub radius_px: f64,
    /// Where the arm points, from +columns towards +rows, if there is one.
    pub arm_rad: Option<f64>,
    /// How dark it is, 0 to 1.
    pub score: f64,
    /// Its pixels.
    pub bad: Array2<bool>,
}

/// The shadow around the beam, `None` if there is none; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{Frame, PixelPosition};
/// use xscatter_features::beamstop::{BeamstopConfig, BeamstopKind, beamstop};
///
/// let counts = Array2::from_shape_fn((200, 200), |(row, column)| {
///     let r = (row as f32 - 99.5).hypot(column as f32 - 99.5);
///     if r < 20.0 { 0.0 } else { 1e5 / (r * r) }
/// });
/// let beam = PixelPosition { row: 100.0, column: 100.0 };
/// let config = BeamstopConfig::default();
/// let shadow = beamstop(&Frame::new(counts), beam, &config)??.ok_or("none")?;
/// assert_eq!(shadow.kind, BeamstopKind::Circular);
/// assert!((shadow.radius_px - 20.0).abs() < 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`Resampled::of`] for a frame without a valid pixel or with a stray NaN.
pub fn beamstop(
    frame: &Frame,
    beam: PixelPosition,
    config: &BeamstopConfig,
) -> Result<Result<Option<Shadow>, Undefined>> {
    let image = Resampled::of(frame, Grid::LongSide(config.resolution))?;
    let (rows, columns) = image.shape();
    let scale = frame.shape().0 as f64 / rows as f64;
    let wide = frame.shape().1 as f64 / columns as f64;
    let (y0, x0) = (beam.row / scale, beam.column / wide);
    let inside = (0.0..rows as f64).contains(&y0) && (0.0..columns as f64).contains(&x0);
    if !inside {
        return Ok(Err(Undefined::new(format!(
            "expected the beam on the image, found it at row {:.1}, column {:.1}",
            beam.row, beam.column
        ))));
    }
    let place = |row: usize, column: usize| (row as f64 + 0.5 - y0, column as f64 + 0.5 - x0);
    let ring = |row: usize, column: usize| {
        let (y, x) = place(row, column);
        y.hypot(x) as usize
    };
    let reach = (config.reach * rows.max(columns) as f64).ceil() as usize;
    let expected = expectation(&image, ring, reach);
    let is_dark = |row: usize, column: usize| {
        let value = f64::from(image.values[(row, column)]);
        image.is_valid(row, column) && value < config.darkness * expected[ring(row, column)]
    };
    let shadow = connected(&image, (y0, x0), is_dark);
    let area = shadow.iter().filter(|&&dark| dark).count();
    if (area as f64) < (config.min_area * (rows * columns) as f64).max(3.0) {
        return Ok(Ok(None));
    }
    let (mut seen, mut hoped) = (0.0, 0.0);
    // Valid pixels and shadow of each ring.
    let mut rings = vec![(0u32, 0u32); expected.len()];
    for ((row, column), &dark) in shadow.indexed_iter() {
        if image.is_valid(row, column) {
            let at = ring(row, column);
            rings[at].0 += 1;
            if dark {
                rings[at].1 += 1;
                seen += f64::from(image.values[(row, column)]);
                hoped += expected[at];
            }
        }
    }
    let radius = rings
        .iter()
        .position(|&(valid, dark)| valid > 0 && 2 * dark < valid)
        .unwrap_or(rings.len())
        .max(1) as f64;
    let (kind, arm_rad) = form(&shadow, place, radius);
    let bad = Array2::from_shape_fn(frame.shape(), |(row, column)| {
        let row = ((row as f64 + 0.5) / scale) as usize;
        let column = ((column as f64 + 0.5) / wide) as usize;
        shadow[(row.min(rows - 1), column.min(columns - 1))]
    });
    Ok(Ok(Some(Shadow {
        kind,
        radius_px: radius * (scale * wide).sqrt(),
        arm_rad,
        score: (1.0 - seen / hoped).clamp(0.0, 1.0),
        bad,
    })))
}

/// What each ring would show without a shadow.
fn expectation(image: &Resampled, ring: impl Fn(usize, usize) -> usize, reach: usize) -> Vec<f64> {
    let (rows, columns) = image.shape();
    let corners = [
        (0, 0),
        (0, columns - 1),
        (rows - 1, 0),
        (rows - 1, columns - 1),
    ];
    let last = corners
        .map(|(row, column)| ring(row, column))
        .into_iter()
        .max();
    let mut rings: Vec<Vec<f32>> = vec![Vec::new(); last.unwrap_or(0) + 2];
    for ((row, column), &value) in image.values.indexed_iter() {
        if image.is_valid(row, column) {
            rings[ring(row, column)].push(value);
        }
    }
    let upper: Vec<f64> = rings
        .iter_mut()
        .map(|values| {
            values.sort_unstable_by(f32::total_cmp);
            if values.is_empty() {
                0.0
            } else {
                quantile_of_sorted(values, 0.75, f64::from)
            }
        })
        .collect();
    (0..upper.len())
        .map(|at| {
            let ahead = &upper[at..(at + reach + 1).min(upper.len())];
            ahead.iter().copied().fold(0.0, f64::max)
        })
        .collect()
}

/// The dark pixels that a path of dark or masked pixels joins with the beam.
fn connected(
    image: &Resampled,
    (y0, x0): (f64, f64),
    is_dark: impl Fn(usize, usize) -> bool,
) -> Array2<bool> {
    let (rows, columns) = image.shape();
    let mut shadow = Array2::from_elem((rows, columns), false);
    let mut visited = shadow.clone();
    let near = |centre: f64, size: usize| {
        let centre = (centre as usize).min(size - 1);
        centre.saturating_sub(2)..(centre + 3).min(size)
    };
    let mut open: Vec<(usize, usize)> = near(y0, rows)
        .flat_map(|row| near(x0, columns).map(move |column| (row, column)))
        .filter(|&(row, column)| is_dark(row, column))
        .collect();
    for &place in &open {
        visited[place] = true;
    }
    while let Some((row, column)) = open.pop() {
        shadow[(row, column)] = is_dark(row, column);
        let around = [
            (row.wrapping_sub(1), column),
            (row + 1, column),
            (row, column.wrapping_sub(1)),
            (row, column + 1),
        ];
        for next in around {
            let passable = next.0 < rows
                && next.1 < columns
                && !visited[next]
                && (!image.is_valid(next.0, next.1) || is_dark(next.0, next.1));
            if passable {
                visited[next] = true;
                open.push(next);
            }
        }
    }
    shadow
}

/// What the shadow is like beyond the disc.
fn form(
    shadow: &Array2<bool>,
    place: impl Fn(usize, usize) -> (f64, f64),
    radius: f64,
) -> (BeamstopKind, Option<f64>) {
    let beyond: Vec<(f64, f64)> = shadow
        .indexed_iter()
        .filter(|&(_, &dark)| dark)
        .map(|((row, column), _)| place(row, column))
        .filter(|&(y, x)| y.hypot(x) > 1.5 * radius)
        .collect();
    let (mut up, mut along, mut farthest) = (0.0, 0.0, 0.0);
    for &(y, x) in &beyond {
        let r = y.hypot(x);
        up += y / r;
        along += x / r;
        farthest = f64::max(farthest, r);
    }
    // Less than two rows of pixels from the disc outwards is its edge.
    if farthest < 3.0 * radius || (beyond.len() as f64) < 2.0 * radius {
        return (BeamstopKind::Circular, None);
    }
    let direction = up.atan2(along);
    let (sine, cosine) = direction.sin_cos();
    // Pixels of the arm in two halves of its length, over the length: their widths.
    let middle = f64::midpoint(1.5 * radius, farthest);
    let (mut near, mut far) = (0.0, 0.0);
    for &(y, x) in &beyond {
        let length = y * sine + x * cosine;
        if length > 0.0 && length < middle {
            near += 1.0;
        } else if length >= middle {
            far += 1.0;
        }
    }
    let half = middle - 1.5 * radius;
    let (near, far) = (near / half, far / half);
    let kind = if far >= 1.5 * near && far >= radius {
        BeamstopKind::Wedge
    } else if f64::midpoint(near, far) >= 1.2 * radius {
        BeamstopKind::Linear
    } else {
        BeamstopKind::Circular
    };
    (kind, Some(direction))
}

/// The shadow of a beamstop as columns.
///
/// | column | value |
/// |---|---|
/// | `beamstop.score` | how dark the shadow is; 0 if there is none |
/// | `beamstop.circular`, `beamstop.linear`, `beamstop.wedge` | 1 for its form, else 0 |
/// | `beamstop.radius` | radius over half the longer side; 0 if there is none |
/// | `beamstop.arm.cos`, `beamstop.arm.sin` | direction of the arm; 0 and 0 if there is none |
/// | `beamstop.area` | share of the pixels of the image in it |
///
/// All are missing (`NaN`) if the beam is off the image. A frame without a beam centre is an error of kind
/// [`MissingMetadata`](xscatter_core::ErrorKind::MissingMetadata).
#[derive(Debug, Clone)]
pub struct Beamstop {
    config: BeamstopConfig,
    columns: Vec<Arc<str>>,
}

impl Beamstop {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`BeamstopError`] if a setting is outside its domain.
    pub fn new(config: BeamstopConfig) -> Result<Self, BeamstopError> {
        config.check()?;
        let names = [
            "score", "circular", "linear", "wedge", "radius", "arm.cos", "arm.sin", "area",
        ];
        let columns = names.map(|name| format!("beamstop.{name}").into()).to_vec();
        Ok(Self { config, columns })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let found = beamstop(frame, beam_centre(frame)?, &self.config)?;
        let Ok(shadow) = found else {
            return Ok(vec![f32::NAN; self.columns.len()]);
        };
        let Some(shadow) = shadow else {
            return Ok(vec![0.0; self.columns.len()]);
        };
        let (rows, columns) = frame.shape();
        let (sine, cosine) = shadow.arm_rad.map_or((0.0, 0.0), f64::sin_cos);
        let is = |kind: BeamstopKind| if shadow.kind == kind { 1.0 } else { 0.0 };
        let area = shadow.bad.iter().filter(|&&bad| bad).count() as f64;
        let [circular, linear, wedge] = BeamstopKind::ALL.map(is);
        Ok([
            shadow.score,
            circular,
            linear,
            wedge,
            2.0 * shadow.radius_px / rows.max(columns) as f64,
            cosine,
            sine,
            area / (rows * columns) as f64,
        ]
        .into_iter()
        .map(finite)
        .collect())
    }
}

impl FeatureExtractor for Beamstop {
    fn name(&self) -> &str {
        "beamstop"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::PI;

    use super::*;
    use approx::assert_relative_eq;
    use xscatter_core::Mask;

    const BEAM: PixelPosition = PixelPosition {
        row: 90.0,
        column: 120.0,
    };

    fn frame(is_stopped: impl Fn(f64, f64) -> bool) -> Frame {
        Frame::new(Array2::from_shape_fn((180, 220), |(row, column)| {
            let (y, x) = (
                row as f64 + 0.5 - BEAM.row,
                column as f64 + 0.5 - BEAM.column,
            );
            let halo = 5e4 / (100.0 + y * y + x * x) + ((row * 7 + column * 3) % 5) as f64;
            let leak = if is_stopped(y, x) { 0.02 } else { 1.0 };
            (halo * leak) as f32
        }))
    }

    fn found(frame: &Frame) -> Option<Shadow> {
        beamstop(frame, BEAM, &BeamstopConfig::default())
            .unwrap()
            .unwrap()
    }

    #[test]
    fn each_form_is_told_with_its_size_and_direction() {
        assert_eq!(found(&frame(|_, _| false)), None);
        let disc = found(&frame(|y, x| y.hypot(x) < 15.0)).unwrap();
        assert_eq!((disc.kind, disc.arm_rad), (BeamstopKind::Circular, None));
        assert_relative_eq!(disc.radius_px, 15.0, epsilon = 2.0);
        assert!(disc.score > 0.9, "{}", disc.score);
        let wrong = disc.bad.indexed_iter().filter(|&((row, column), &bad)| {
            let (y, x) = (
                row as f64 + 0.5 - BEAM.row,
                column as f64 + 0.5 - BEAM.column,
            );
            bad != (y.hypot(x) < 15.0)
        });
        assert!(wrong.count() < 120);
        let arm = found(&frame(|y, x| y.hypot(x) < 15.0 || y > 0.0 && x.abs() < 3.0)).unwrap();
        assert_eq!(arm.kind, BeamstopKind::Circular);
        assert_relative_eq!(arm.arm_rad.unwrap(), PI / 2.0, epsilon = 0.1);
        let strip = found(&frame(|y, x| x < 10.0 && y.abs() < 10.0)).unwrap();
        assert_eq!(strip.kind, BeamstopKind::Linear);
        assert_relative_eq!(strip.arm_rad.unwrap().abs(), PI, epsilon = 0.1);
        let wedge = found(&frame(|y, x| {
            y.hypot(x) < 8.0 || y < 0.0 && x.abs() < -0.4 * y
        }))
        .unwrap();
        assert_eq!(wedge.kind, BeamstopKind::Wedge);
        assert_relative_eq!(wedge.arm_rad.unwrap(), -PI / 2.0, epsilon = 0.1);
    }

    #[test]
    fn a_gap_does_not_cut_the_arm_and_what_it_holds_does_not_matter() {
        let open = frame(|y, x| x < 10.0 && y.abs() < 10.0);
        let bad = Array2::from_shape_fn(open.shape(), |(_, column)| (60..66).contains(&column));
        let mask = Arc::new(Mask::from_bad(bad.view()));
        let [one, other] = [-1.0, 1e6].map(|value| {
            let mut counts = open.counts().to_owned();
            counts.zip_mut_with(&bad, |count, &bad| {
                if bad {
                    *count = value;
                }
            });
            found(&Frame::new(counts).with_mask(mask.clone()).unwrap())
        });
        assert_eq!(one, other);
        let shadow = one.unwrap();
        assert!(shadow.bad[(90, 20)] && shadow.bad[(90, 100)]);
    }

    #[test]
    fn a_beam_off_the_image_is_undefined() {
        let off = PixelPosition {
            row: -3.0,
            column: 5.0,
        };
        let found = beamstop(&frame(|_, _| false), off, &BeamstopConfig::default()).unwrap();
        assert!(found.unwrap_err().to_string().contains("row -3.0"));
        let config = BeamstopConfig {
            darkness: 1.0,
            ..Default::default()
        };
        assert!(Beamstop::new(config).is_err());
    }
}
