//! Zernike moments: the pattern in a disc, as magnitudes that do not change when it is turned.
//!
//! Use them for the form of what surrounds a centre when that form is smooth; degree 8 resolves details
//! of an eighth of the disc. For rings and peaks use [`FourierBessel`](crate::FourierBessel) or profiles.
//!
//! ```text
//! Z_nm = (n + 1)/π Σ f V*_nm(x, y)        f = w / Σ w over the disc, x and y from the centre over the radius
//! V_nm = R_nm(r) e^{imφ}                  R_nm(r) = Σ_k (−1)^k (n − k)! r^(n−2k) / (k! ((n+m)/2 − k)! ((n−m)/2 − k)!)
//! ```
//!
//! | column | value |
//! |---|---|
//! | `zernike.n0m0`, `zernike.n1m1`, `zernike.n2m0`, … | `abs(Z_nm)` for m ≤ n ≤ degree, n − m even, in the order of mahotas; the first is always 1/π |
//!
//! The weights `w` are transformed counts. Pixels whose weight is not positive do not count, as in
//! mahotas, and light beyond the edges of the image does not exist. About the centre of mass (the
//! default) the moments describe form alone; about the beam they describe a scattering pattern.
//!
//! *Masks*: without a masked pixel in the disc, the sums above. With one, by [`Gaps`]: least squares
//! ([`LeastSquares`](Gaps::LeastSquares), the default) finds the polynomials that fit the valid pixels of
//! the disc (all of them, also those that are not positive) and `Z_nm = c_nm/(π c₀₀)`, which is the same
//! in a full disc but for the sums over pixels instead of integrals; [`Sums`](Gaps::Sums) takes gaps for
//! darkness. A centre of mass has to do without the masked pixels: prefer the beam where gaps are large.
//! *Missing* (`NaN`; the reason from [`Zernike::magnitudes`]): all of them if no weight in the disc is
//! positive, or if the valid pixels do not determine the polynomials.
//!
//! *Invariances*: quarter turns, mirrors and factors of the weights change nothing; other turns what
//! sampling changes. *Cost*: the pixels of a row are replaced by degree + 1 masses with the same sums:
//! 2 ms a million pixels at degree 8, 5 ms at degree 20, and what the transform takes; least squares takes
//! 6 ms more at degree 8, 0.1 s at degree 20. *Source*: M. R. Teague 1980, doi:10.1364/JOSA.70.000920;
//! compared with mahotas 1.4.19.

mod cholesky;
mod chords;
mod polynomials;
pub(crate) mod vector;

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, PixelPosition, Result};

use self::cholesky::TOGETHER;
pub(crate) use self::cholesky::Triangle;
use self::chords::{Chords, Disc, Mass};
use self::polynomials::Polynomials;
use crate::batch::fill_rows;
use crate::fourier_bessel::beam_on_grid;

use crate::intensity::{IntensityError, IntensityTransform};
use crate::measured::Undefined;
use crate::moments::{centroid, positive, weights};
use crate::resample::{Grid, GridError, MIN_COVERAGE, Resampled};

/// How large the disc is.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZernikeRadius {
    /// Half of the shorter side of the grid.
    #[default]
    HalfShorterSide,
    /// So many pixels of the grid.
    Pixels(f64),
}

/// Where the centre of the disc is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZernikeCentre {
    /// The centre of mass of all weights.
    #[default]
    Mass,
    /// The beam centre of the frame, which must state one.
    Beam,
    /// The middle of the image.
    Image,
}

/// What is done about masked pixels in the disc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gaps {
    /// The polynomials are fitted to the valid pixels.
    #[default]
    LeastSquares,
    /// Masked pixels have no weight, as if they were dark.
    Sums,
}

/// What [`Zernike`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ZernikeConfig {
    /// The highest n, 0 to 30.
    pub degree: usize,
    /// What is done to the counts.
    pub transform: IntensityTransform,
    /// How large the disc is.
    pub radius: ZernikeRadius,
    /// Where its centre is.
    pub centre: ZernikeCentre,
    /// What is done about masked pixels.
    pub gaps: Gaps,
    /// The pixels that are summed over.
    pub grid: Grid,
}

impl Default for ZernikeConfig {
    /// Degree 8 about the centre of mass, the default of mahotas.
    fn default() -> Self {
        Self {
            degree: 8,
            transform: IntensityTransform::default(),
            radius: ZernikeRadius::default(),
            centre: ZernikeCentre::default(),
            gaps: Gaps::default(),
            grid: Grid::default(),
        }
    }
}

/// Why [`Zernike`] could not be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum ZernikeError {
    /// A degree at which least squares would take minutes.
    #[error("expected a degree of at most {MAX_DEGREE}, got {0}")]
    Degree(usize),
    /// No disc.
    #[error("expected a radius of 1 pixel or more, got {0}")]
    Radius(f64),
    /// The transform is not defined.
    #[error(transparent)]
    Transform(#[from] IntensityError),
    /// A grid without pixels.
    #[error(transparent)]
    Grid(#[from] GridError),
}

const MAX_DEGREE: usize = 30;

/// What must be left of a polynomial, of 1, once those before it are fitted to the valid pixels; less is noise.
const LEAST_PIVOT: f64 = 1e-6;

/// Magnitudes of Zernike moments; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame};
/// use xscatter_features::{Zernike, ZernikeConfig};
///
/// // Two lobes: of the moments of degree 2, the one with two-fold symmetry is the large one.
/// let counts = Array2::from_shape_fn((64, 64), |(row, column): (usize, usize)| {
///     if row.abs_diff(32) > column.abs_diff(32) { 20.0 } else { 0.0 }
/// });
/// let table = Zernike::new(ZernikeConfig::default())?.extract(&[Frame::new(counts)])?;
/// let column = |name: &str| table.columns().iter().position(|column| &**column == name);
/// let of = |name: &str| column(name).map(|column| table.values()[(0, column)]);
/// assert!(of("zernike.n2m2") > of("zernike.n2m0"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Zernike {
    config: ZernikeConfig,
    polynomials: Polynomials,
    /// n and m of the polynomials.
    indices: Vec<(usize, usize)>,
    /// Which polynomial each column is.
    order: Vec<usize>,
    sums: Chords,
    /// For products of two polynomials.
    products: Chords,
    columns: Vec<Arc<str>>,
}

impl Zernike {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`ZernikeError`] if a setting is outside its domain.
    pub fn new(config: ZernikeConfig) -> Result<Self, ZernikeError> {
        config.transform.check()?;
        config.grid.check(1)?;
        if config.degree > MAX_DEGREE {
            return Err(ZernikeError::Degree(config.degree));
        }
        if let ZernikeRadius::Pixels(radius) = config.radius
            && !(1.0..=1e9).contains(&radius)
        {
            return Err(ZernikeError::Radius(radius));
        }
        let polynomials = Polynomials::new(config.degree);
        let indices = polynomials.indices();
        let mut order: Vec<usize> = (0..indices.len()).collect();
        order.sort_by_key(|&index| indices[index]);
        let name = |&index: &usize| {
            let (n, m) = indices[index];
            format!("zernike.n{n}m{m}").into()
        };
        Ok(Self {
            sums: Chords::new(config.degree),
            products: Chords::new(2 * config.degree),
            columns: order.iter().map(name).collect(),
            config,
            polynomials,
            indices,
            order,
        })
    }

    /// `|Z_nm|` of a frame in the order of the columns, or why there are none.
    ///
    /// # Errors
    /// [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData) for a frame without a valid pixel or with
    /// one that is not finite; [`MissingMetadata`](xscatter_core::ErrorKind::MissingMetadata) if the
    /// beam centre is asked for and not stated; [`ShapeMismatch`](xscatter_core::ErrorKind::ShapeMismatch)
    /// for a frame that the grid refuses.
    pub fn magnitudes(&self, frame: &Frame) -> Result<Result<Vec<f64>, Undefined>> {
        let image = Resampled::of(frame, self.config.grid)?;
        let (rows, columns) = image.shape();
        let weights = weights(&image, self.config.transform);
        let centre = match self.config.centre {
            ZernikeCentre::Beam => beam_on_grid(frame, &image)?,
            ZernikeCentre::Image => PixelPosition {
                row: 0.5 * rows as f64,
                column: 0.5 * columns as f64,
            },
            ZernikeCentre::Mass => match centroid(&weights, columns) {
                Ok([row, column]) => PixelPosition {
                    row: row + 0.5,
                    column: column + 0.5,
                },
                Err(reason) => return Ok(Err(reason)),
            },
        };
        let radius_px = match self.config.radius {
            ZernikeRadius::HalfShorterSide => 0.5 * rows.min(columns) as f64,
            ZernikeRadius::Pixels(radius) => radius,
        };
        Ok(self.of_weights(&image, &weights, centre, radius_px))
    }

    /// `|Z_nm|` of any disc of an image in the order of the columns, whatever disc and grid the settings ask
    /// for.
    ///
    /// # Errors
    /// [`Undefined`] if no weight in the disc is positive, or if the valid pixels do not determine the
    /// polynomials.
    pub fn about(
        &self,
        image: &Resampled,
        centre: PixelPosition,
        radius_px: f64,
    ) -> Result<Vec<f64>, Undefined> {
        let weights = weights(image, self.config.transform);
        self.of_weights(image, &weights, centre, radius_px)
    }

    fn of_weights(
        &self,
        image: &Resampled,
        weights: &[f32],
        centre: PixelPosition,
        radius_px: f64,
    ) -> Result<Vec<f64>, Undefined> {
        let disc = Disc {
            row: centre.row - 0.5,
            column: centre.column - 0.5,
            radius_px,
        };
        let columns = image.values.ncols();
        let magnitudes = match valid_in(image, disc) {
            Some(valid) if self.config.gaps == Gaps::LeastSquares => {
                self.fitted(weights, &valid, columns, disc)
            }
            _ => self.summed(weights, columns, disc),
        }?;
        Ok(self.order.iter().map(|&index| magnitudes[index]).collect())
    }

    fn summed(&self, weights: &[f32], columns: usize, disc: Disc) -> Result<Vec<f64>, Undefined> {
        let positive_part: Vec<f32>;
        let mut weights = weights;
        if weights.iter().any(|&weight| weight < 0.0) {
            positive_part = weights.iter().map(|weight| weight.max(0.0)).collect();
            weights = &positive_part;
        }
        let mut sums = vec![(0.0, 0.0); self.indices.len()];
        for Mass { x, y, weight } in self.sums.masses(weights, columns, disc) {
            self.polynomials.at(x, y, |index, re, im| {
                sums[index].0 += weight * re;
                sums[index].1 += weight * im;
            });
        }
        let total = std::f64::consts::PI * positive(sums[0].0)?;
        let magnitude = |(&(n, _), (re, im)): (&(usize, usize), (f64, f64))| {
            (n + 1) as f64 * f64::hypot(re, im) / total
        };
        Ok(self.indices.iter().zip(sums).map(magnitude).collect())
    }

    /// Least squares with real and imaginary parts of the polynomials, scaled to unit mean squares.
    fn fitted(
        &self,
        weights: &[f32],
        valid: &[f32],
        columns: usize,
        disc: Disc,
    ) -> Result<Vec<f64>, Undefined> {
        let scale = |n: usize, m: usize| ((n + 1) as f64 * if m == 0 { 1.0 } else { 2.0 }).sqrt();
        let places = self.indices.iter().scan(0, |next, &(_, m)| {
            let place = *next;
            *next += if m == 0 { 1 } else { 2 };
            Some(place)
        });
        let places: Vec<usize> = places.collect();
        let size = (self.config.degree + 1) * (self.config.degree + 2) / 2;
        let at = |x: f64, y: f64, values: &mut [f64]| {
            self.polynomials.at(x, y, |index, re, im| {
                let (n, m) = self.indices[index];
                values[places[index]] = scale(n, m) * re;
                if m > 0 {
                    values[places[index] + 1] = scale(n, m) * im;
                }
            });
        };
        let mut gram = Triangle::zeros(size);
        let mut vectors: [Vec<f64>; TOGETHER] = std::array::from_fn(|_| vec![0.0; size]);
        let mut count = 0.0;
        for few in self.products.masses(valid, columns, disc).chunks(TOGETHER) {
            let mut weights = [0.0; TOGETHER];
            for ((vector, weight), mass) in vectors.iter_mut().zip(&mut weights).zip(few) {
                at(mass.x, mass.y, vector);
                *weight = mass.weight;
                count += mass.weight;
            }
            gram.add_products(&vectors, weights);
        }
        let mut values = vec![0.0; size];
        let mut right = vec![0.0; size];
        for Mass { x, y, weight } in self.sums.masses(weights, columns, disc) {
            at(x, y, &mut values);
            for (right, value) in right.iter_mut().zip(&values) {
                *right += weight * value;
            }
        }
        let factor = gram.cholesky(LEAST_PIVOT * count).ok_or_else(|| {
            let degree = self.config.degree;
            Undefined::new(format!(
                "expected valid pixels that determine the polynomials up to degree {degree}, found {count:.0}"
            ))
        })?;
        factor.solve(&mut right);
        let total = std::f64::consts::PI * positive(right[0])?;
        let magnitude = |(&(n, m), &place): (&(usize, usize), &usize)| {
            let value = if m == 0 {
                right[place].abs()
            } else {
                0.5 * f64::hypot(right[place], right[place + 1])
            };
            scale(n, m) * value / total
        };
        Ok(self.indices.iter().zip(&places).map(magnitude).collect())
    }
}

/// 1 where a pixel counts, 0 where not; `None` if every pixel in the disc counts.
fn valid_in(image: &Resampled, disc: Disc) -> Option<Vec<f32>> {
    let coverage = image.coverage_slice()?;
    let (rows, columns) = image.shape();
    let is_whole = (0..rows).all(|row| {
        let chord = disc.chord(row, columns);
        let coverage = &coverage[row * columns..(row + 1) * columns];
        coverage[chord].iter().all(|&part| part >= MIN_COVERAGE)
    });
    (!is_whole).then(|| image.map_valid(0.0, |_| 1.0))
}

impl FeatureExtractor for Zernike {
    fn name(&self) -> &str {
        "zernike"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| {
            Ok(match self.magnitudes(frame)? {
                Ok(magnitudes) => magnitudes.iter().map(|&value| value as f32).collect(),
                Err(_) => vec![f32::NAN; self.columns.len()],
            })
        })
    }
}

#[cfg(test)]
mod tests;
