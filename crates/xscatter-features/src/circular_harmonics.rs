//! Angular harmonics about the beam, ring by ring, fitted to the valid part of each ring: how strongly a
//! pattern is oriented, and with which symmetry.
//!
//! Use them for orientation and symmetry where only the beam centre is known: rings are fractions of the
//! disc, not scattering vectors. [`Azimuthal`](crate::Azimuthal) compares sectors to tell techniques
//! apart and has no scale; for orientation at a given q integrate first.
//!
//! ```text
//! t(I)(φ) = I₀ + Σ_m 2 Re(I_m e^{imφ})        least squares over the valid pixels of a ring
//! I_m = ⟨t(I) e^{−imφ}⟩                        what it is on a full ring
//! ```
//!
//! A band is [`RINGS`] rings of equal width, on each of which the fit is made, so that the fall of the
//! intensity with the radius is no harmonic; the band has the means of `I₀` and of the complex `I_m` over
//! the pixels.
//!
//! | column | value |
//! |---|---|
//! | `circular-harmonics.b0.m1`, … | `abs(I_m)/I₀` of each band and order, from the centre outwards |
//!
//! A pattern `1 + η cos m(φ − φ₀)` has η/2; one of the orientation kernel `(1 − η²)/(1 + η² − 2η cos 2φ)`
//! has η at m = 2, η² at m = 4. Noise does not average to 0 in a magnitude: N counts in a band leave
//! about `1/√N`.
//!
//! *Masks*: masked pixels and those off the image are not in the sums. A ring whose valid pixels do not
//! tell the orders apart (less than 5 % of an order is left once those before it are fitted) is left out;
//! with even orders alone half a ring is enough. *Missing* (`NaN`, with the reason from
//! [`CircularHarmonics::bands`]): a band without a ring, or with `I₀ ≤ 0`. *Invariances*: turns about the
//! beam (quarter turns to rounding), mirrors, and factors of `t(I)` change nothing. *Cost*: one pass over
//! the grid, 2 ms at 256 pixels. *Source*: compared with `numpy.linalg.lstsq`.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};
use std::sync::Arc;

use ndarray::ArrayViewMut2;
use num_complex::Complex64;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, PixelPosition, Result};

use crate::batch::fill_rows;
use crate::fourier_bessel::{Reach, beam_on_grid, check_radius, single};
use crate::intensity::{IntensityError, IntensityTransform};
use crate::measured::Undefined;
use crate::resample::{Grid, GridError, MIN_COVERAGE, Resampled};
use crate::zernike::Triangle;

/// Rings in a band.
pub const RINGS: usize = 16;

/// What must be left of an order, of 1, once those before it are fitted.
const LEAST_PIVOT: f64 = 0.05;

const MAX_BANDS: usize = 256;
const MAX_ORDER: u32 = 24;

/// What [`CircularHarmonics`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CircularHarmonicsConfig {
    /// How many bands of equal width.
    pub bands: usize,
    /// The orders m, ascending, from 1.
    pub orders: Vec<u32>,
    /// The radius of the disc.
    pub reach: Reach,
    /// What is done to the counts.
    pub transform: IntensityTransform,
    /// The pixels that are fitted.
    pub grid: Grid,
}

impl Default for CircularHarmonicsConfig {
    /// Orders 1 to 6 of the counts in 8 bands, to the farthest edge.
    fn default() -> Self {
        Self {
            bands: 8,
            orders: (1..=6).collect(),
            reach: Reach::FarthestEdge,
            transform: IntensityTransform::Raw,
            grid: Grid::LongSide(256),
        }
    }
}

/// Why [`CircularHarmonics`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CircularHarmonicsError {
    /// No band, or bands thinner than any pixel.
    #[error("expected 1 to {MAX_BANDS} bands, got {0}")]
    Bands(usize),
    /// Orders that are none, not ascending, 0 or too high.
    #[error("expected ascending orders from 1 to {MAX_ORDER}, got {0:?}")]
    Orders(Vec<u32>),
    /// The transform is not defined.
    #[error(transparent)]
    Transform(#[from] IntensityError),
    /// A grid without pixels.
    #[error(transparent)]
    Grid(#[from] GridError),
}

/// The harmonics of a band.
#[derive(Debug, Clone, PartialEq)]
pub struct Band {
    /// `I₀`: the mean around the ring.
    pub mean: f64,
    /// `I_m` of each order.
    pub harmonics: Vec<Complex64>,
}

/// Harmonics about the beam; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame, FrameInfo, PixelPosition};
/// use xscatter_features::{CircularHarmonics, CircularHarmonicsConfig};
///
/// let counts = Array2::from_shape_fn((100, 100), |(row, column)| {
///     let angle = (row as f32 - 50.0).atan2(column as f32 - 50.0);
///     100.0 * (1.0 + 0.6 * (2.0 * angle).cos())
/// });
/// let centre = PixelPosition { row: 50.5, column: 50.5 };
/// let info = FrameInfo { beam_centre_px: Some(centre), ..Default::default() };
/// let harmonics = CircularHarmonics::new(CircularHarmonicsConfig::default())?;
/// let table = harmonics.extract(&[Frame::new(counts).with_info(info)])?;
/// let two_fold = table.columns().iter().position(|name| &**name == "circular-harmonics.b4.m2");
/// assert!((table.values()[(0, two_fold.unwrap())] - 0.3).abs() < 1e-4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct CircularHarmonics {
    config: CircularHarmonicsConfig,
    columns: Vec<Arc<str>>,
}

impl CircularHarmonics {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`CircularHarmonicsError`] if a setting is outside its domain.
    pub fn new(config: CircularHarmonicsConfig) -> Result<Self, CircularHarmonicsError> {
        config.transform.check()?;
        config.grid.check(1)?;
        if !(1..=MAX_BANDS).contains(&config.bands) {
            return Err(CircularHarmonicsError::Bands(config.bands));
        }
        let orders = &config.orders;
        let is_ascending = orders.windows(2).all(|pair| pair[0] < pair[1]);
        let is_within = |m: &u32| (1..=MAX_ORDER).contains(m);
        if orders.is_empty() || !is_ascending || !orders.iter().all(is_within) {
            return Err(CircularHarmonicsError::Orders(orders.clone()));
        }
        let mut columns = Vec::with_capacity(config.bands * orders.len());
        for band in 0..config.bands {
            let names = orders
                .iter()
                .map(|m| format!("circular-harmonics.b{band}.m{m}").into());
            columns.extend(names);
        }
        Ok(Self { config, columns })
    }

    /// The harmonics of each band from the centre outwards, or why there are none.
    ///
    /// # Errors
    /// [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData) for a frame without a valid pixel or with
    /// one that is not finite; [`MissingMetadata`](xscatter_core::ErrorKind::MissingMetadata) if it
    /// states no beam centre; [`ShapeMismatch`](xscatter_core::ErrorKind::ShapeMismatch)
    /// for a frame that the grid refuses.
    pub fn bands(&self, frame: &Frame) -> Result<Vec<Result<Band, Undefined>>> {
        let image = Resampled::of(frame, self.config.grid)?;
        let centre = beam_on_grid(frame, &image)?;
        let radius_px = self.config.reach.radius_px(centre, image.shape());
        Ok(self.about(&image, centre, radius_px))
    }

    /// The harmonics of the bands of any disc of an image, whatever reach and grid the settings ask for.
    pub fn about(
        &self,
        image: &Resampled,
        centre: PixelPosition,
        radius_px: f64,
    ) -> Vec<Result<Band, Undefined>> {
        if let Err(reason) = check_radius(radius_px) {
            return vec![Err(reason); self.config.bands];
        }
        let rings = self.rings(image, centre, radius_px);
        let bands = rings.chunks_exact(RINGS);
        bands.map(|rings| self.band(rings)).collect()
    }

    fn rings(&self, image: &Resampled, centre: PixelPosition, radius_px: f64) -> Vec<Ring> {
        let highest = self.config.orders.last().map_or(0, |&m| m as usize);
        let number = self.config.bands * RINGS;
        let mut rings = vec![Ring::new(highest); number];
        let columns = image.values.ncols();
        let coverage = image.coverage_slice();
        for (index, &count) in image.as_slice().iter().enumerate() {
            if coverage.is_some_and(|coverage| coverage[index] < MIN_COVERAGE) {
                continue;
            }
            let y = (index / columns) as f64 + 0.5 - centre.row;
            let x = (index % columns) as f64 + 0.5 - centre.column;
            let radius = (x * x + y * y).sqrt();
            let ring = (radius / radius_px * number as f64) as usize;
            // The centre itself has no angle.
            if radius > 0.0 && radius <= radius_px {
                let value = self.config.transform.apply(f64::from(count));
                rings[ring.min(number - 1)].add(Complex64::new(x, y) / radius, value);
            }
        }
        rings
    }

    fn band(&self, rings: &[Ring]) -> Result<Band, Undefined> {
        let (mut pixels, mut mean) = (0.0, 0.0);
        let mut harmonics = vec![Complex64::ZERO; self.config.orders.len()];
        for ring in rings {
            let Some(fitted) = ring.fit(&self.config.orders) else {
                continue;
            };
            let number = ring.valid[0].re;
            pixels += number;
            mean += number * fitted.mean;
            for (sum, harmonic) in harmonics.iter_mut().zip(fitted.harmonics) {
                *sum += number * harmonic;
            }
        }
        if pixels == 0.0 {
            return Err(Undefined::new(
                "expected a ring whose valid pixels tell the orders apart, found none",
            ));
        }
        Ok(Band {
            mean: mean / pixels,
            harmonics: harmonics.iter().map(|sum| sum / pixels).collect(),
        })
    }
}

/// Sums over the valid pixels of a ring.
#[derive(Debug, Clone)]
struct Ring {
    /// `Σ e^{ilφ}` for l up to twice the highest order.
    valid: Vec<Complex64>,
    /// `Σ t(I) e^{ilφ}` for l up to the highest order.
    values: Vec<Complex64>,
}

impl Ring {
    fn new(highest: usize) -> Self {
        Self {
            valid: vec![Complex64::ZERO; 2 * highest + 1],
            values: vec![Complex64::ZERO; highest + 1],
        }
    }

    fn add(&mut self, turn: Complex64, value: f64) {
        let mut power = Complex64::ONE;
        for (order, sum) in self.valid.iter_mut().enumerate() {
            *sum += power;
            if let Some(sum) = self.values.get_mut(order) {
                *sum += power * value;
            }
            power *= turn;
        }
    }

    /// Least squares with 1, √2 cos mφ and √2 sin mφ; `None` where the pixels do not determine them.
    fn fit(&self, orders: &[u32]) -> Option<Band> {
        let pixels = self.valid[0].re;
        // The order of each function, and whether it is the sine.
        let functions: Vec<(usize, bool)> = [(0, false)]
            .into_iter()
            .chain(
                orders
                    .iter()
                    .flat_map(|&m| [(m as usize, false), (m as usize, true)]),
            )
            .collect();
        if pixels < functions.len() as f64 {
            return None;
        }
        let norm = |m: usize| if m == 0 { 1.0 } else { SQRT_2 };
        let mut gram = Triangle::zeros(functions.len());
        let mut right = Vec::with_capacity(functions.len());
        for (row, &(m, is_sine)) in functions.iter().enumerate() {
            // Orders ascend, so n ≤ m.
            for (entry, &(n, other)) in gram.row_mut(row).iter_mut().zip(&functions) {
                let (sum, difference) = (self.valid[m + n], self.valid[m - n]);
                let product = match (is_sine, other) {
                    (false, false) => difference.re + sum.re,
                    (true, true) => difference.re - sum.re,
                    (true, false) => sum.im + difference.im,
                    (false, true) => sum.im - difference.im,
                };
                *entry = 0.5 * norm(m) * norm(n) * product / pixels;
            }
            let sum = self.values[m];
            right.push(norm(m) * if is_sine { sum.im } else { sum.re } / pixels);
        }
        gram.cholesky(LEAST_PIVOT)?.solve(&mut right);
        let harmonics = right[1..].as_chunks::<2>().0.iter();
        Some(Band {
            mean: right[0],
            harmonics: harmonics
                .map(|&[cosine, sine]| Complex64::new(cosine, -sine) * FRAC_1_SQRT_2)
                .collect(),
        })
    }
}

impl FeatureExtractor for CircularHarmonics {
    fn name(&self) -> &str {
        "circular-harmonics"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        let orders = self.config.orders.len();
        fill_rows(frames, out, |frame| {
            let bands = self.bands(frame)?;
            let mut row = Vec::with_capacity(self.columns.len());
            for band in bands {
                match band {
                    Ok(Band { mean, harmonics }) if mean > 0.0 => {
                        row.extend(harmonics.iter().map(|i| single(i.norm() / mean)));
                    }
                    _ => row.extend(std::iter::repeat_n(f32::NAN, orders)),
                }
            }
            Ok(row)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;
    use ndarray::Array2;
    use xscatter_core::{FrameInfo, Mask};
    use xscatter_testkit::check_extractor;

    const CENTRE: PixelPosition = PixelPosition {
        row: 60.3,
        column: 52.8,
    };

    fn at(counts: Array2<f32>, centre: PixelPosition, bad: Option<&Array2<bool>>) -> Frame {
        let frame = Frame::new(counts).with_info(FrameInfo {
            beam_centre_px: Some(centre),
            ..Default::default()
        });
        match bad {
            Some(bad) => frame.with_mask(Mask::from_bad(bad.view())).unwrap(),
            None => frame,
        }
    }

    fn pattern(shape: (usize, usize), of: impl Fn(f64) -> f64) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(row, column)| {
            let (y, x) = (
                row as f64 + 0.5 - CENTRE.row,
                column as f64 + 0.5 - CENTRE.column,
            );
            of(y.atan2(x)) as f32
        })
    }

    fn harmonics(config: CircularHarmonicsConfig, frame: &Frame) -> Vec<Result<Band, Undefined>> {
        CircularHarmonics::new(config)
            .unwrap()
            .bands(frame)
            .unwrap()
    }

    #[test]
    fn harmonics_are_found_behind_gaps() {
        let shape = (118, 121);
        let counts = pattern(shape, |angle| {
            50.0 + 20.0 * (2.0 * (angle - 0.4)).cos() + 6.0 * (3.0 * angle + 1.0).cos()
        });
        let bad = Array2::from_shape_fn(shape, |(row, column)| {
            (70..80).contains(&row) || (40..46).contains(&column) || (row + column) % 11 == 0
        });
        let frame = at(counts, CENTRE, Some(&bad));
        let config = CircularHarmonicsConfig {
            reach: Reach::NearestEdge,
            bands: 4,
            ..Default::default()
        };
        for band in &harmonics(config, &frame)[1..] {
            let Band { mean, harmonics } = band.as_ref().unwrap();
            assert_abs_diff_eq!(*mean, 50.0, epsilon = 1e-4);
            let two_fold = Complex64::from_polar(10.0, -0.8);
            let three_fold = Complex64::from_polar(3.0, 1.0);
            assert_abs_diff_eq!((harmonics[1] - two_fold).norm(), 0.0, epsilon = 1e-4);
            assert_abs_diff_eq!((harmonics[2] - three_fold).norm(), 0.0, epsilon = 1e-4);
            for k in [0, 3, 4, 5] {
                assert_abs_diff_eq!(harmonics[k].norm(), 0.0, epsilon = 1e-4);
            }
        }
    }

    #[test]
    fn the_orientation_kernel_has_its_parameter() {
        let eta = 0.4_f64;
        let counts = pattern((140, 140), |angle| {
            100.0 * (1.0 - eta * eta) / (1.0 + eta * eta - 2.0 * eta * (2.0 * angle).cos())
        });
        let config = CircularHarmonicsConfig {
            reach: Reach::NearestEdge,
            orders: vec![2, 4, 6, 8, 10, 12, 14, 16],
            ..Default::default()
        };
        let bands = harmonics(config, &at(counts, CENTRE, None));
        for band in &bands[5..] {
            let Band { mean, harmonics } = band.as_ref().unwrap();
            assert_abs_diff_eq!(harmonics[0].norm() / mean, eta, epsilon = 1e-3);
            assert_abs_diff_eq!(harmonics[1].norm() / mean, eta * eta, epsilon = 1e-3);
        }
    }

    #[test]
    fn turns_and_mirrors_change_no_magnitude() {
        let shape = (118, 121);
        let counts = Array2::from_shape_fn(shape, |(row, column)| {
            ((row * 7 + column * 5 + row * column) % 29 + row) as f32
        });
        let bad = Array2::from_shape_fn(shape, |(row, column)| row == 70 || column % 17 == 3);
        let extractor = CircularHarmonics::new(CircularHarmonicsConfig::default()).unwrap();
        let plain = at(counts.clone(), CENTRE, Some(&bad));
        let place = |(row, column): (usize, usize)| (117 - column, row);
        let centre = PixelPosition {
            row: CENTRE.column,
            column: 118.0 - CENTRE.row,
        };
        let turned = at(
            Array2::from_shape_fn((121, 118), |to| counts[place(to)]),
            centre,
            Some(&Array2::from_shape_fn((121, 118), |to| bad[place(to)])),
        );
        let flip = |(row, column): (usize, usize)| (row, 120 - column);
        let centre = PixelPosition {
            row: CENTRE.row,
            column: 121.0 - CENTRE.column,
        };
        let mirrored = at(
            Array2::from_shape_fn(shape, |to| counts[flip(to)]),
            centre,
            Some(&Array2::from_shape_fn(shape, |to| bad[flip(to)])),
        );
        let table = extractor.extract(&[plain, turned, mirrored]).unwrap();
        let values = table.values();
        assert!(values.row(0).iter().any(|value| value.is_finite()));
        for column in 0..table.n_columns() {
            for row in [1, 2] {
                let (a, b) = (values[(0, column)], values[(row, column)]);
                assert!(
                    (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-6,
                    "{a} {b}"
                );
            }
        }
    }

    #[test]
    fn what_is_not_determined_is_missing_and_says_why() {
        let shape = (60, 60);
        let corner = PixelPosition {
            row: 0.0,
            column: 0.0,
        };
        let counts = Array2::from_elem(shape, 3.0);
        let frame = at(counts.clone(), corner, None);
        for band in harmonics(CircularHarmonicsConfig::default(), &frame) {
            let reason = band.unwrap_err().to_string();
            assert_eq!(
                reason,
                "expected a ring whose valid pixels tell the orders apart, found none"
            );
        }
        // Half a ring is enough for even orders.
        let edge = PixelPosition {
            row: 0.0,
            column: 30.0,
        };
        let even = CircularHarmonicsConfig {
            orders: vec![2, 4],
            bands: 3,
            ..Default::default()
        };
        let frame = at(counts.clone(), edge, None);
        assert!(harmonics(even, &frame)[1].is_ok());
        assert!(harmonics(CircularHarmonicsConfig::default(), &frame)[1].is_err());
        let off = PixelPosition {
            row: -5.0,
            column: 30.0,
        };
        let nearest = CircularHarmonicsConfig {
            reach: Reach::NearestEdge,
            ..Default::default()
        };
        let band = &harmonics(nearest, &at(counts, off, None))[0];
        assert!(band.as_ref().unwrap_err().to_string().ends_with("found -5"));
        let dark = at(
            Array2::zeros(shape),
            PixelPosition {
                row: 30.0,
                column: 30.0,
            },
            None,
        );
        let extractor = CircularHarmonics::new(CircularHarmonicsConfig::default()).unwrap();
        assert!(
            extractor
                .extract(&[dark])
                .unwrap()
                .values()
                .iter()
                .all(|value| value.is_nan())
        );
    }

    #[test]
    fn settings_are_checked_and_the_contract_holds_far_from_the_defaults() {
        for wrong in [
            CircularHarmonicsConfig {
                bands: 0,
                ..Default::default()
            },
            CircularHarmonicsConfig {
                orders: vec![],
                ..Default::default()
            },
            CircularHarmonicsConfig {
                orders: vec![0, 1],
                ..Default::default()
            },
            CircularHarmonicsConfig {
                orders: vec![3, 2],
                ..Default::default()
            },
            CircularHarmonicsConfig {
                orders: vec![25],
                ..Default::default()
            },
        ] {
            assert!(CircularHarmonics::new(wrong).is_err());
        }
        let frames = [(90, 82), (91, 103)].map(|shape| {
            let bad = Array2::from_shape_fn(shape, |(row, column)| (row + column) % 9 == 0);
            at(
                pattern(shape, |angle| 30.0 + 9.0 * angle.sin()),
                CENTRE,
                Some(&bad),
            )
        });
        let far = CircularHarmonicsConfig {
            bands: 3,
            orders: vec![2, 5],
            reach: Reach::FarthestCorner,
            transform: IntensityTransform::Anscombe,
            grid: Grid::LongSide(60),
        };
        check_extractor(&CircularHarmonics::new(far).unwrap(), &frames).unwrap();
    }
}
