//! Fourier–Bessel coefficients: rings and their angular symmetries about the beam, fitted to what was
//! measured.
//!
//! Use them for patterns of rings, halos and orientation that are seen in part: gaps, a beamstop or a
//! beam centre near the edge leave out pixels, not columns. They need a beam centre that is right to
//! about a pixel, or a quarter of the width of the sharpest ring. For the light itself against q use
//! profiles; a background that does not fall to 0 at the rim of the disc costs radial orders.
//!
//! ```text
//! Ψ_nm(r, φ) = √2 / (a J_{m+1}(x_mn)) J_m(x_mn r/a) e^{imφ} / √(2π)      r ≤ a
//! ```
//!
//! with `x_mn` the n-th positive zero of `J_m`, so that Ψ is orthonormal in `r dr dφ`; φ runs from the
//! columns towards the rows, and the disc of radius `a` about the beam is measured in units of `a`. The
//! coefficients are those of `t(I) = Σ_n c_n0 Ψ_n0 + Σ_{n, m>0} 2 Re(c_nm Ψ_nm)` that minimise
//!
//! ```text
//! Σ_valid (t(I) − model)²/a² + ridge Σ (c_n0² + 2 Σ_m |c_nm|²)
//! ```
//!
//! over the valid pixels of the disc, a² in pixels: in a full disc `c = ∫ Ψ* t(I) / (1 + ridge)` but for
//! the sums over pixels instead of integrals. With `unit_norm` they are divided by the norm of `t(I)`
//! over the disc, `√π` times the root mean square of the valid pixels.
//!
//! | columns | value |
//! |---|---|
//! | `fourier-bessel.n1m0.re`, `fourier-bessel.n1m0.im`, … | real and imaginary part of `c_nm`, m by m, n = 1 … ([`Parts`](CoefficientForm::Parts), the default; of m = 0 the imaginary part is 0, kept so that the published 40 × 11 orders are the published 880 numbers) |
//! | `fourier-bessel.n1m0`, … | `abs(c_nm)` ([`Magnitudes`](CoefficientForm::Magnitudes)) |
//!
//! *Turning* the pattern by t about the beam multiplies `c_nm` by `e^{−imt}`: magnitudes stay. *Masks*:
//! masked pixels and those off the image are not in the sum. *Missing* (`NaN`, with the reason from
//! [`FourierBessel::coefficients`]): all of them if no pixel of the disc is valid, if all valid ones are
//! 0 (with `unit_norm`), or if without a ridge the valid pixels do not determine them.
//!
//! *Precision*: least squares to 1e-6 of the largest coefficient; pixels are shared among rings so close
//! that this is exact to that figure for the fastest Ψ. *Cost*: 0.15 µs a pixel of the disc, and steps
//! of conjugate gradients, more of them the less of the disc is seen; with the defaults 15 ms for a frame
//! of a megapixel, without gaps or with 8 % of them. *Memory*: 3 MB a frame beside the grid.
//!
//! *Source*: orders and norm of Z. Guan et al. (BMVC 2018), who fit an elastic net; zeros compared with
//! SciPy 1.17, coefficients with `numpy.linalg.lstsq`.

mod basis;
mod reach;
mod rings;
mod zeros;

use std::sync::{Arc, OnceLock};

use ndarray::{Array2, ArrayViewMut2};
use num_complex::Complex64;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, PixelPosition, Result};

use self::basis::Basis;
pub use self::reach::Reach;
pub(crate) use self::reach::{beam_on_grid, check_radius};
use self::rings::{Disc, PHASE, Rings, observe, powers, turn, width};
pub use self::zeros::bessel_zeros;
use crate::batch::fill_rows;
use crate::intensity::{IntensityError, IntensityTransform};
use crate::measured::Undefined;
use crate::moments::weights;
use crate::resample::{Grid, GridError, MIN_COVERAGE, Resampled};

/// Which numbers of the coefficients become columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoefficientForm {
    /// Real and imaginary parts.
    #[default]
    Parts,
    /// Magnitudes, which do not change when the pattern is turned.
    Magnitudes,
}

/// What [`FourierBessel`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FourierBesselConfig {
    /// How many zeros n = 1, 2, … of each order.
    pub radial_orders: usize,
    /// The angular orders m, ascending.
    pub angular_orders: Vec<u32>,
    /// How much a coefficient must explain to be worth its size; 0 for plain least squares.
    pub ridge: f64,
    /// The radius of the disc.
    pub reach: Reach,
    /// Whether coefficients are divided by the norm of the image.
    pub unit_norm: bool,
    /// Which numbers become columns.
    pub form: CoefficientForm,
    /// What is done to the counts.
    pub transform: IntensityTransform,
    /// The pixels that are fitted.
    pub grid: Grid,
}

impl Default for FourierBesselConfig {
    /// 40 radial orders of the angular orders 0, 2, …, 20, to the farthest edge.
    fn default() -> Self {
        Self {
            radial_orders: 40,
            angular_orders: (0..=20).step_by(2).collect(),
            ridge: 1e-3,
            reach: Reach::FarthestEdge,
            unit_norm: true,
            form: CoefficientForm::Parts,
            transform: IntensityTransform::Log1p,
            grid: Grid::LongSide(256),
        }
    }
}

/// Why a [`FourierBessel`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum FourierBesselError {
    /// No function, or more than there are pixels for.
    #[error("expected 1 to {MAX_RADIAL} radial orders, got {0}")]
    Radial(usize),
    /// Angular orders that are none, not ascending or too high.
    #[error("expected ascending angular orders up to {MAX_ANGULAR}, got {0:?}")]
    Angular(Vec<u32>),
    /// A ridge that does not penalise.
    #[error("expected a finite ridge of at least 0, got {0}")]
    Ridge(f64),
    /// The transform is not defined.
    #[error(transparent)]
    Transform(#[from] IntensityError),
    /// A grid without pixels.
    #[error(transparent)]
    Grid(#[from] GridError),
}

const MAX_RADIAL: usize = 200;
const MAX_ANGULAR: u32 = 60;

/// Fourier–Bessel coefficients about the beam; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame, FrameInfo, PixelPosition};
/// use xscatter_features::{FourierBessel, FourierBesselConfig};
///
/// let counts = Array2::from_shape_fn((64, 64), |(row, column): (usize, usize)| {
///     (500 / (1 + row.abs_diff(32).pow(2) + column.abs_diff(30).pow(2))) as f32
/// });
/// let centre = PixelPosition { row: 32.5, column: 30.5 };
/// let info = FrameInfo { beam_centre_px: Some(centre), ..Default::default() };
/// let config = FourierBesselConfig {
///     radial_orders: 8,
///     angular_orders: vec![0, 2, 4],
///     ..Default::default()
/// };
/// let table = FourierBessel::new(config)?.extract(&[Frame::new(counts).with_info(info)])?;
/// assert_eq!(table.columns().len(), 2 * 8 * 3);
/// assert_eq!(&*table.columns()[17], "fourier-bessel.n1m2.im");
/// assert!(table.values()[(0, 0)] > 10.0 * table.values()[(0, 16)].abs());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct FourierBessel {
    config: FourierBesselConfig,
    /// The common step of the angular orders.
    step: u32,
    /// Made by the first frame.
    basis: OnceLock<Basis>,
    columns: Vec<Arc<str>>,
}

impl FourierBessel {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`FourierBesselError`] if a setting is outside its domain.
    pub fn new(config: FourierBesselConfig) -> Result<Self, FourierBesselError> {
        config.transform.check()?;
        config.grid.check(1)?;
        if !(1..=MAX_RADIAL).contains(&config.radial_orders) {
            return Err(FourierBesselError::Radial(config.radial_orders));
        }
        let orders = &config.angular_orders;
        let is_ascending = orders.windows(2).all(|pair| pair[0] < pair[1]);
        if !is_ascending || orders.last().is_none_or(|&last| last > MAX_ANGULAR) {
            return Err(FourierBesselError::Angular(orders.clone()));
        }
        if !(0.0..f64::INFINITY).contains(&config.ridge) {
            return Err(FourierBesselError::Ridge(config.ridge));
        }
        let parts: &[&str] = match config.form {
            CoefficientForm::Parts => &[".re", ".im"],
            CoefficientForm::Magnitudes => &[""],
        };
        let mut columns = Vec::new();
        for m in orders {
            for n in 1..=config.radial_orders {
                columns.extend(
                    parts
                        .iter()
                        .map(|part| format!("fourier-bessel.n{n}m{m}{part}").into()),
                );
            }
        }
        let common = orders.iter().fold(0, |a, &b| greatest_common_divisor(a, b));
        Ok(Self {
            step: common.max(1),
            basis: OnceLock::new(),
            columns,
            config,
        })
    }

    fn basis(&self) -> &Basis {
        self.basis.get_or_init(|| {
            let orders = &self.config.angular_orders;
            let zeros: Vec<Vec<f64>> = orders
                .iter()
                .map(|&m| bessel_zeros(m, self.config.radial_orders))
                .collect();
            let last = zeros.iter().filter_map(|zeros| zeros.last());
            let fastest = last.fold(0.0, |a: f64, &b| a.max(b));
            // Products of two functions vary twice as fast.
            let rings = Rings {
                number: (2.0 * fastest / PHASE).ceil() as usize,
            };
            Basis::new(orders, self.step, &zeros, rings)
        })
    }

    /// `c_nm` of a frame, m by m, n ascending; or why there are none.
    ///
    /// # Errors
    /// [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData) for a frame without a valid pixel or with
    /// one that is not finite; [`MissingMetadata`](xscatter_core::ErrorKind::MissingMetadata) if it
    /// states no beam centre; [`ShapeMismatch`](xscatter_core::ErrorKind::ShapeMismatch)
    /// for a frame that the grid refuses.
    pub fn coefficients(&self, frame: &Frame) -> Result<Result<Vec<Complex64>, Undefined>> {
        let image = Resampled::of(frame, self.config.grid)?;
        let centre = beam_on_grid(frame, &image)?;
        let radius_px = self.config.reach.radius_px(centre, image.shape());
        Ok(self.about(&image, centre, radius_px))
    }

    /// `c_nm` of any disc of an image, whatever reach and grid the settings ask for.
    ///
    /// # Errors
    /// [`Undefined`] for what makes them missing; see the [module](self).
    pub fn about(
        &self,
        image: &Resampled,
        centre: PixelPosition,
        radius_px: f64,
    ) -> Result<Vec<Complex64>, Undefined> {
        check_radius(radius_px)?;
        let disc = Disc { centre, radius_px };
        let values = weights(image, self.config.transform);
        let coverage = image.coverage_slice();
        let is_valid = |index| coverage.is_none_or(|coverage| coverage[index] >= MIN_COVERAGE);
        let basis = self.basis();
        let step = self.step as usize;
        let highest = self.config.angular_orders.last().map_or(0, |&m| m as usize) / step;
        let columns = image.values.ncols();
        let observed = observe(&values, is_valid, columns, disc, basis.rings, step, highest);
        if observed.count == 0 {
            return Err(Undefined::new(
                "expected valid pixels about the beam, found none",
            ));
        }
        let mean_square = observed.squares / observed.count as f64;
        let norm = if self.config.unit_norm {
            (std::f64::consts::PI * mean_square).sqrt()
        } else {
            1.0
        };
        if norm == 0.0 {
            return Err(Undefined::new(
                "expected an image that is not 0 throughout, found 0",
            ));
        }
        let area = disc.radius_px * disc.radius_px;
        let solution = basis.fit(&observed, area, self.config.ridge)?;
        let mut coefficients = Vec::with_capacity(self.columns.len());
        let mut functions = basis
            .waves
            .iter()
            .zip(solution.chunks_exact(basis.stride))
            .peekable();
        while let Some((wave, cosines)) = functions.next() {
            let sines = functions.next_if(|(next, _)| next.order == wave.order && next.is_sine);
            for n in 0..self.config.radial_orders {
                coefficients.push(match sines {
                    None => Complex64::new(cosines[n] / norm, 0.0),
                    Some((_, sines)) => {
                        Complex64::new(cosines[n], -sines[n])
                            * (std::f64::consts::FRAC_1_SQRT_2 / norm)
                    }
                });
            }
        }
        Ok(coefficients)
    }

    /// The image `Σ_n c_n0 Ψ_n0 + Σ_{n, m>0} 2 Re(c_nm Ψ_nm)` of coefficients in the order of
    /// [`FourierBessel::coefficients`], in units of the radius; 0 outside of the disc. Its error is that
    /// of interpolation, below 1e-6 of the largest coefficient.
    ///
    /// # Panics
    /// If there is not one coefficient for each pair of orders.
    pub fn synthesise(
        &self,
        coefficients: &[Complex64],
        shape: (usize, usize),
        centre: PixelPosition,
        radius_px: f64,
    ) -> Array2<f32> {
        let FourierBesselConfig {
            radial_orders,
            angular_orders,
            ..
        } = &self.config;
        assert_eq!(
            coefficients.len(),
            radial_orders * angular_orders.len(),
            "one coefficient for each pair of orders"
        );
        let basis = self.basis();
        let mut functions = vec![0.0; basis.size()];
        for (wave, functions) in basis
            .waves
            .iter()
            .zip(functions.chunks_exact_mut(basis.stride))
        {
            let c = &coefficients[wave.order * radial_orders..][..*radial_orders];
            let is_radial = angular_orders[wave.order] == 0;
            for (function, c) in functions.iter_mut().zip(c) {
                *function = match (is_radial, wave.is_sine) {
                    (true, _) => c.re,
                    (false, false) => std::f64::consts::SQRT_2 * c.re,
                    (false, true) => -std::f64::consts::SQRT_2 * c.im,
                };
            }
        }
        let number = basis.waves.len();
        let mut rings = vec![0.0; basis.rings.total() * number];
        for (ring, out) in rings.chunks_exact_mut(number).enumerate() {
            basis.angular(&functions, ring, out);
        }
        let step = self.step as usize;
        let highest = angular_orders.last().map_or(0, |&m| m as usize) / step;
        let mut waves = vec![0.0; width(highest + 1)];
        Array2::from_shape_fn(shape, |(row, column)| {
            let y = (row as f64 + 0.5 - centre.row) / radius_px;
            let x = (column as f64 + 0.5 - centre.column) / radius_px;
            let radius = (x * x + y * y).sqrt();
            if radius > 1.0 {
                return 0.0;
            }
            powers(turn(x, y, radius, step), &mut waves);
            let (first, shares) = basis.rings.shares(radius);
            let mut value = 0.0;
            for (ring, share) in (first..).zip(shares) {
                let rings = &rings[ring * number..(ring + 1) * number];
                for (wave, part) in basis.waves.iter().zip(rings) {
                    let order = angular_orders[wave.order] as usize / step;
                    value += share * part * waves[2 * order + usize::from(wave.is_sine)];
                }
            }
            value as f32
        })
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 {
        a
    } else {
        greatest_common_divisor(b, a % b)
    }
}

/// As a feature: missing where single precision has no number for it.
pub(crate) fn single(value: f64) -> f32 {
    let value = value as f32;
    if value.is_finite() { value } else { f32::NAN }
}

impl FeatureExtractor for FourierBessel {
    fn name(&self) -> &str {
        "fourier-bessel"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| {
            let Ok(coefficients) = self.coefficients(frame)? else {
                return Ok(vec![f32::NAN; self.columns.len()]);
            };
            Ok(match self.config.form {
                CoefficientForm::Parts => {
                    let parts = coefficients.iter().flat_map(|c| [c.re, c.im]);
                    parts.map(single).collect()
                }
                CoefficientForm::Magnitudes => {
                    coefficients.iter().map(|c| single(c.norm())).collect()
                }
            })
        })
    }
}

#[cfg(test)]
mod tests;
