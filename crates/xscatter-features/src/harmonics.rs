//! How the intensity on rings of q varies with the azimuth, as a Fourier series about the beam.
//!
//! The orders name symmetries: 2 an oriented sample, 4 and 6 lattices of squares and hexagons seen along an
//! axis, odd ones shadows and reflection geometry (in transmission `I(q) = I(−q)` leaves even orders
//! alone). Amplitudes do not change when the sample turns about the beam, phases turn with it. Use it where
//! the geometry is known and rings are not too spotty; for the shape of narrow arcs use
//! [`Orientation`](crate::Orientation), for spots [`AngularCorrelation`](crate::AngularCorrelation).
//!
//! On a band of q the series
//!
//! `I(χ) = I_0 + 2 Σ_m |I_m| cos(m (χ − χ_m))`,  `I_m = ⟨I e^(−imχ)⟩`
//!
//! is fitted by least squares to the means of the sectors that have valid pixels, each weighted by their
//! number (that of a band of 8 rings as if the intensity did not depend on q, see
//! [`azimuthal`](crate::polar::CellSums::azimuthal)); the functions are averaged over a sector's width, so that wide sectors do not dampen. With all
//! sectors filled equally this is the discrete Fourier transform, with gaps it is not: gaps hide nothing
//! and make no orders of their own. The uncertainty is that of Poisson counts `S` with `n` pixels a sector:
//! covariance `H⁻¹ (Σ S b bᵀ) H⁻¹` with `H = Σ n b bᵀ`. Amplitudes are positive: without any order they
//! scatter about 1.25 of their uncertainty, not about 0.
//!
//! | column (order m, band k) | value |
//! |---|---|
//! | `harmonics.m2.amplitude.b0` … | `\|I_m\| / I_0`; for the texture kernel of Ruland with n = 2 its η |
//! | `harmonics.m2.amplitude_sigma.b0` | its standard uncertainty |
//! | `harmonics.m2.phase.b0` | `χ_m`, where the order is largest, 0 to 2π/m |
//! | `harmonics.m2.phase_sigma.b0` | its standard uncertainty |
//! | `harmonics.m2.cosine.b0`, `.sine.b0` | `Re(I_m) / I_0`, `−Im(I_m) / I_0`: linear, without the jump of a phase |
//!
//! *Missing* (`NaN`): all of a band whose filled sectors do not tell the orders apart (fewer than unknowns,
//! or less than 10⁻³ of the variance of one function is its own), or whose mean is not positive; a phase
//! without amplitude. *Masks*: masked pixels do not exist. *Cost*: one pass of additions over the pixels.

use std::f64::consts::{PI, TAU};
use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::cholesky::Cholesky;
use crate::measured::{Measured, Quantity, Undefined};
use crate::polar::{
    PolarTable, QAxis, QAxisError, RINGS_A_BAND, Tables, check_sectors, chi_rad, finite, ring_names,
};

/// What is told of an order; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HarmonicPart {
    /// The size relative to the mean.
    Amplitude,
    /// The uncertainty of the size.
    AmplitudeSigma,
    /// The azimuth of the first maximum.
    Phase,
    /// The uncertainty of that azimuth.
    PhaseSigma,
    /// The even part relative to the mean.
    Cosine,
    /// The odd part relative to the mean.
    Sine,
}

impl HarmonicPart {
    const fn name(self) -> &'static str {
        match self {
            Self::Amplitude => "amplitude",
            Self::AmplitudeSigma => "amplitude_sigma",
            Self::Phase => "phase",
            Self::PhaseSigma => "phase_sigma",
            Self::Cosine => "cosine",
            Self::Sine => "sine",
        }
    }
}

/// What [`Harmonics`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HarmonicsConfig {
    /// The bands of q.
    pub axis: QAxis,
    /// How many sectors a band is cut into.
    pub sectors: usize,
    /// The orders, ascending; all are fitted together. Even ones alone need half a ring only.
    pub orders: Vec<usize>,
    /// What is told of each.
    pub parts: Vec<HarmonicPart>,
}

impl Default for HarmonicsConfig {
    /// Amplitudes with their uncertainties and phases of orders 1 to 6 in 8 bands.
    fn default() -> Self {
        Self {
            axis: QAxis::linear(8),
            sectors: 180,
            orders: (1..=6).collect(),
            parts: vec![
                HarmonicPart::Amplitude,
                HarmonicPart::AmplitudeSigma,
                HarmonicPart::Phase,
            ],
        }
    }
}

/// Why [`Harmonics`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum HarmonicsError {
    /// The bands or sectors make no sense.
    #[error(transparent)]
    Axis(#[from] QAxisError),
    /// No order, one that the sectors do not resolve, or a list that does not ascend.
    #[error(
        "expected ascending orders of at least 1, below half of {sectors} sectors, got {found:?}"
    )]
    Orders {
        /// How many sectors there are.
        sectors: usize,
        /// The orders that were asked for.
        found: Vec<usize>,
    },
    /// Nothing to tell, or something twice.
    #[error("expected at least one part, each once")]
    Parts,
}

/// Azimuthal orders by bands of q; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame, FrameInfo, Geometry, PixelPosition};
/// use xscatter_features::{Harmonics, HarmonicsConfig};
///
/// // Oriented along the columns: 1 + 0.6 cos 2χ.
/// let counts = Array2::from_shape_fn((80, 80), |(row, column)| {
///     let chi = (row as f32 - 39.5).atan2(column as f32 - 39.5);
///     1.0 + 0.6 * (2.0 * chi).cos()
/// });
/// let centre = PixelPosition { row: 40.0, column: 40.0 };
/// let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
/// let info = FrameInfo { geometry: Some(geometry.into()), ..Default::default() };
/// let harmonics = Harmonics::new(HarmonicsConfig::default())?;
/// let bands = harmonics.bands(&Frame::new(counts).with_info(info))?;
/// let series = bands[4].series.as_ref().map_err(Clone::clone)?;
/// assert!((series.amplitude(2)?.value - 0.3).abs() < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Harmonics {
    config: HarmonicsConfig,
    columns: Vec<Arc<str>>,
    tables: Tables<PolarTable>,
}

/// The series of a band of q.
#[derive(Debug, Clone, PartialEq)]
pub struct HarmonicBand {
    /// Inner and outer edge.
    pub q_inv_nm: (f64, f64),
    /// The series, or why there is none.
    pub series: Result<AzimuthalSeries, Undefined>,
}

impl Harmonics {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`HarmonicsError`] if a setting is outside its domain.
    pub fn new(config: HarmonicsConfig) -> Result<Self, HarmonicsError> {
        config.axis.check()?;
        config.axis.refined(RINGS_A_BAND).check()?;
        check_sectors(config.sectors)?;
        let orders = &config.orders;
        let ascending = orders.windows(2).all(|pair| pair[0] < pair[1]);
        let resolved = orders
            .iter()
            .all(|&order| order >= 1 && 2 * order < config.sectors);
        if orders.is_empty() || !ascending || !resolved {
            return Err(HarmonicsError::Orders {
                sectors: config.sectors,
                found: config.orders,
            });
        }
        let parts = &config.parts;
        let twins = (1..parts.len()).any(|index| parts[..index].contains(&parts[index]));
        if twins || parts.is_empty() {
            return Err(HarmonicsError::Parts);
        }
        let mut columns = Vec::new();
        for order in orders {
            for part in parts {
                let name = |ring| format!("harmonics.m{order}.{}.{ring}", part.name()).into();
                columns.extend(ring_names(config.axis.bins).map(name));
            }
        }
        Ok(Self {
            config,
            columns,
            tables: Tables::new(),
        })
    }

    /// The series of each band of a frame.
    ///
    /// # Errors
    /// [`MissingMetadata`](xscatter_core::ErrorKind::MissingMetadata) without a geometry,
    /// [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData) if no pixel counts or a valid pixel is
    /// not finite.
    pub fn bands(&self, frame: &Frame) -> Result<Vec<HarmonicBand>> {
        let HarmonicsConfig { axis, sectors, .. } = self.config;
        let rings = axis.refined(RINGS_A_BAND);
        let (table, cells) = self
            .tables
            .cells(frame, |map| PolarTable::new(map, &rings, sectors))?;
        let edges = table.q_edges_inv_nm();
        let band = |band: usize| {
            let (first, end) = (band * RINGS_A_BAND, (band + 1) * RINGS_A_BAND);
            let (sums, weights) = cells.azimuthal(first, end - 1);
            HarmonicBand {
                q_inv_nm: (edges[first], edges[end]),
                series: AzimuthalSeries::fit(&sums, &weights, &self.config.orders),
            }
        };
        Ok((0..axis.bins).map(band).collect())
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let bands = self.bands(frame)?;
        let mut row = Vec::with_capacity(self.columns.len());
        for &order in &self.config.orders {
            for part in &self.config.parts {
                row.extend(bands.iter().map(|band| match &band.series {
                    Ok(series) => finite(series.part(order, *part)),
                    Err(_) => f32::NAN,
                }));
            }
        }
        Ok(row)
    }
}

impl FeatureExtractor for Harmonics {
    fn name(&self) -> &str {
        "harmonics"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// A Fourier series in χ, fitted to the sectors of a ring; see the [module](self).
///
/// ```
/// use xscatter_features::harmonics::AzimuthalSeries;
///
/// // Sums of four pixels a sector; the second quarter of the ring is missing.
/// let chi = |s: usize| (s as f64 + 0.5) * std::f64::consts::TAU / 40.0;
/// let sums: Vec<f64> = (0..40).map(|s| 4.0 * (10.0 + 5.0 * (3.0 * chi(s)).cos())).collect();
/// let valid: Vec<u32> = (0..40).map(|s| if (10..20).contains(&s) { 0 } else { 4 }).collect();
/// let series = AzimuthalSeries::fit(&sums, &valid, &[1, 2, 3])?;
/// assert!((series.mean().value - 10.0).abs() < 1e-9);
/// assert!((series.amplitude(3)?.value - 0.25).abs() < 0.01);
/// assert!(series.amplitude(1)?.value < 1e-9);
/// # Ok::<(), xscatter_features::Undefined>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AzimuthalSeries {
    orders: Vec<usize>,
    /// The mean, then the coefficients of cosine and sine of each order.
    coefficients: Vec<f64>,
    /// Of the coefficients, row by row.
    covariance: Vec<f64>,
}

/// The least share of a function's variance that must be its own; see the module.
const LEAST_OWN: f64 = 1e-3;

impl AzimuthalSeries {
    /// The series with these orders through the means of sectors of equal width: `sums` of counts, numbers
    /// (or weights) of `valid` pixels.
    ///
    /// # Errors
    /// [`Undefined`] if the filled sectors do not tell the orders apart, or the mean is not positive.
    ///
    /// # Panics
    /// If there are not as many sums as numbers of pixels.
    pub fn fit<N: Copy + Into<f64>>(
        sums: &[f64],
        valid: &[N],
        orders: &[usize],
    ) -> Result<Self, Undefined> {
        assert_eq!(sums.len(), valid.len(), "a number of pixels for every sum");
        let unknowns = 1 + 2 * orders.len();
        let filled = valid.iter().filter(|&&n| n.into() > 0.0).count();
        if filled < unknowns {
            return Err(Undefined::new(format!(
                "expected at least {unknowns} sectors with valid pixels, found {filled}"
            )));
        }
        let mut normal = vec![0.0; unknowns * unknowns];
        let mut scatter = vec![0.0; unknowns * unknowns];
        let mut moments = vec![0.0; unknowns];
        let mut basis = vec![1.0; unknowns];
        for (sector, (&sum, &n)) in sums.iter().zip(valid).enumerate() {
            let n: f64 = n.into();
            if n <= 0.0 {
                continue;
            }
            let chi = chi_rad(sector, sums.len());
            for (pair, &order) in basis[1..].chunks_mut(2).zip(orders) {
                let m = order as f64;
                let half_width = m * PI / sums.len() as f64;
                let damping = half_width.sin() / half_width;
                let (sine, cosine) = (m * chi).sin_cos();
                (pair[0], pair[1]) = (damping * cosine, damping * sine);
            }
            for (row, a) in basis.iter().enumerate() {
                moments[row] += sum * a;
                for (column, b) in basis.iter().enumerate() {
                    normal[row * unknowns + column] += n * a * b;
                    scatter[row * unknowns + column] += sum.max(0.0) * a * b;
                }
            }
        }
        let Some(cholesky) = Cholesky::of(&normal, unknowns, LEAST_OWN) else {
            return Err(Undefined::new(format!(
                "expected sectors that tell orders {orders:?} apart, found {filled} of {} filled",
                sums.len()
            )));
        };
        let coefficients = cholesky.solve(&moments);
        let mean = coefficients[0];
        if !(mean > 0.0 && mean.is_finite()) {
            return Err(Undefined::new(format!(
                "expected a positive mean, found {mean}"
            )));
        }
        Ok(Self {
            orders: orders.to_vec(),
            coefficients,
            covariance: cholesky.sandwich(&scatter),
        })
    }

    /// The orders that were fitted.
    pub fn orders(&self) -> &[usize] {
        &self.orders
    }

    /// `I_0`, the mean over the ring, gaps included.
    pub fn mean(&self) -> Measured {
        Measured {
            value: self.coefficients[0],
            sigma: Some(self.covariance[0].max(0.0).sqrt()),
        }
    }

    /// `|I_m| / I_0`.
    ///
    /// # Errors
    /// [`Undefined`] for an order that was not fitted.
    pub fn amplitude(&self, order: usize) -> Quantity {
        let [cosine, sine] = self.coefficients_of(order)?;
        let mean = self.coefficients[0];
        let size = cosine.hypot(sine);
        let value = 0.5 * size / mean;
        // Without any amplitude every direction is as good: that of the cosine.
        let (c, s) = if size > 0.0 {
            (cosine / size, sine / size)
        } else {
            (1.0, 0.0)
        };
        let gradient = [-value / mean, 0.5 * c / mean, 0.5 * s / mean];
        let sigma = Some(self.propagate(order, gradient));
        Ok(Measured { value, sigma })
    }

    /// `χ_m`, the azimuth of the first maximum of an order, 0 to 2π/m.
    ///
    /// # Errors
    /// [`Undefined`] for an order that was not fitted, or has no amplitude.
    pub fn phase_rad(&self, order: usize) -> Quantity {
        let [cosine, sine] = self.coefficients_of(order)?;
        let square = cosine * cosine + sine * sine;
        if square == 0.0 {
            return Err(Undefined::new(format!(
                "expected an amplitude of order {order}, found 0"
            )));
        }
        let m = order as f64;
        let period = TAU / m;
        let value = (sine.atan2(cosine) / m).rem_euclid(period);
        let gradient = [0.0, -sine / (m * square), cosine / (m * square)];
        Ok(Measured {
            // The remainder of a tiny negative angle is rounded up to the period.
            value: if value < period { value } else { 0.0 },
            sigma: Some(self.propagate(order, gradient)),
        })
    }

    fn coefficients_of(&self, order: usize) -> Result<[f64; 2], Undefined> {
        let place = self.place(order)?;
        Ok([self.coefficients[place], self.coefficients[place + 1]])
    }

    /// Where the cosine of an order stands.
    fn place(&self, order: usize) -> Result<usize, Undefined> {
        let found = self.orders.iter().position(|&known| known == order);
        found.map(|index| 1 + 2 * index).ok_or_else(|| {
            Undefined::new(format!(
                "expected one of the fitted orders {:?}, got {order}",
                self.orders
            ))
        })
    }

    /// The uncertainty of a function of the mean, the cosine and the sine with this gradient.
    fn propagate(&self, order: usize, gradient: [f64; 3]) -> f64 {
        let Ok(place) = self.place(order) else {
            return f64::NAN;
        };
        let places = [0, place, place + 1];
        let n = self.coefficients.len();
        let mut variance = 0.0;
        for (a, row) in gradient.iter().zip(places) {
            for (b, column) in gradient.iter().zip(places) {
                variance += a * b * self.covariance[row * n + column];
            }
        }
        variance.max(0.0).sqrt()
    }

    fn part(&self, order: usize, part: HarmonicPart) -> f64 {
        let value = |quantity: Quantity| quantity.map_or(f64::NAN, |measured| measured.value);
        let sigma = |quantity: Quantity| {
            quantity.map_or(f64::NAN, |measured| measured.sigma.unwrap_or(f64::NAN))
        };
        let relative = |index: usize| {
            let parts = self.coefficients_of(order);
            parts.map_or(f64::NAN, |parts| 0.5 * parts[index] / self.coefficients[0])
        };
        match part {
            HarmonicPart::Amplitude => value(self.amplitude(order)),
            HarmonicPart::AmplitudeSigma => sigma(self.amplitude(order)),
            HarmonicPart::Phase => value(self.phase_rad(order)),
            HarmonicPart::PhaseSigma => sigma(self.phase_rad(order)),
            HarmonicPart::Cosine => relative(0),
            HarmonicPart::Sine => relative(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Array2, Axis};
    use xscatter_core::{ErrorKind, FrameInfo, Geometry, Mask, PixelPosition};

    /// Means over sectors of `1 + 2 Σ η^k cos(k n (χ − χ_0))`, the texture kernel of Ruland.
    fn kernel(eta: f64, n: usize, chi_0: f64, sectors: usize) -> Vec<f64> {
        let mean = |sector| {
            let chi = chi_rad(sector, sectors) - chi_0;
            let term = |k: usize| {
                let m = (k * n) as f64;
                let half = m * PI / sectors as f64;
                2.0 * eta.powi(k as i32) * (m * chi).cos() * half.sin() / half
            };
            1.0 + (1..60).map(term).sum::<f64>()
        };
        (0..sectors).map(mean).collect()
    }

    #[test]
    fn g_tex_4_harmonics_of_a_texture_kernel_are_powers_of_eta() {
        let sums = kernel(0.5, 6, 0.3, 720);
        let series = AzimuthalSeries::fit(&sums, &[1; 720], &[2, 6, 12, 18]).unwrap();
        assert_relative_eq!(series.mean().value, 1.0, max_relative = 1e-8);
        for (order, expected) in [(6, 0.5), (12, 0.25), (18, 0.125)] {
            let amplitude = series.amplitude(order).unwrap().value;
            assert_relative_eq!(amplitude, expected, max_relative = 1e-8);
            let phase = series.phase_rad(order).unwrap().value;
            assert_relative_eq!(phase, 0.3 % (TAU / order as f64), max_relative = 1e-8);
        }
        assert!(series.amplitude(2).unwrap().value < 1e-12);
        assert!(series.amplitude(4).is_err());
    }

    #[test]
    fn the_uncertainty_of_a_direction_is_that_of_the_texture_kernel() {
        // 10⁵ photons: (1 − η²) / (8 N η²).
        let sums: Vec<f64> = kernel(0.3, 2, 1.0, 360)
            .iter()
            .map(|mean| mean * 1e5 / 360.0)
            .collect();
        let series = AzimuthalSeries::fit(&sums, &[1; 360], &[2, 4]).unwrap();
        let sigma = series.phase_rad(2).unwrap().sigma.unwrap();
        let expected = (1.0 - 0.09) / (8.0 * 1e5 * 0.09);
        assert_relative_eq!(sigma * sigma, expected, max_relative = 1e-3);
    }

    #[test]
    fn gaps_make_no_orders_and_hide_none() {
        let sums = kernel(0.2, 2, 0.4, 120);
        let valid: Vec<u32> = (0..120)
            .map(|s| {
                if (10..25).contains(&s) || s == 80 {
                    0
                } else {
                    3 + s % 4
                }
            })
            .collect();
        let sums: Vec<f64> = sums
            .iter()
            .zip(&valid)
            .map(|(mean, &n)| mean * f64::from(n))
            .collect();
        let orders = [1, 2, 3, 4, 6];
        let series = AzimuthalSeries::fit(&sums, &valid, &orders).unwrap();
        // What is not fitted (orders of 8 on) is at most 0.2⁴.
        for (order, expected) in [(1, 0.0), (2, 0.2), (3, 0.0), (4, 0.04), (6, 0.008)] {
            let amplitude = series.amplitude(order).unwrap().value;
            assert!((amplitude - expected).abs() < 0.002, "{order}: {amplitude}");
        }
    }

    #[test]
    fn sectors_that_do_not_tell_orders_apart_are_said_to() {
        let quarter: Vec<u32> = (0..72).map(|s| u32::from(s < 18)).collect();
        let error = AzimuthalSeries::fit(&[1.0; 72], &quarter, &[1, 2, 3, 4]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected sectors that tell orders [1, 2, 3, 4] apart, found 18 of 72 filled"
        );
        // Even orders need half of the ring only.
        let half: Vec<u32> = (0..72).map(|s| u32::from(s < 36)).collect();
        let even = AzimuthalSeries::fit(&[1.0; 72], &half, &[2, 4, 6]).unwrap();
        assert_relative_eq!(even.mean().value, 1.0, max_relative = 1e-12);
        assert!(AzimuthalSeries::fit(&[0.0; 72], &half, &[2]).is_err());
        assert!(AzimuthalSeries::fit(&[1.0; 72], &[0; 72], &[2]).is_err());
    }

    fn frame(counts: Array2<f32>) -> Frame {
        let centre = PixelPosition {
            row: 25.0,
            column: 25.0,
        };
        let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
        Frame::new(counts).with_info(FrameInfo {
            geometry: Some(geometry.into()),
            ..Default::default()
        })
    }

    fn noisy() -> Array2<f32> {
        Array2::from_shape_fn((50, 50), |(row, column)| {
            (1000 / (20 + row.abs_diff(30) + column.abs_diff(20)) + (row * column) % 13) as f32
        })
    }

    #[test]
    fn a_quarter_turn_shifts_phases_and_leaves_amplitudes() {
        let mut turned = noisy().t().to_owned();
        turned.invert_axis(Axis(1));
        let config = HarmonicsConfig {
            axis: QAxis::linear(3),
            sectors: 60,
            ..Default::default()
        };
        let harmonics = Harmonics::new(config).unwrap();
        let [before, after] = [noisy(), turned].map(|c| harmonics.bands(&frame(c)).unwrap());
        for (before, after) in before.iter().zip(&after) {
            let (before, after) = (
                before.series.clone().unwrap(),
                after.series.clone().unwrap(),
            );
            for order in 1..=6 {
                let amplitude = after.amplitude(order).unwrap().value;
                assert_relative_eq!(
                    amplitude,
                    before.amplitude(order).unwrap().value,
                    epsilon = 1e-10
                );
                let period = TAU / order as f64;
                let [a, b] = [&after, &before].map(|series| series.phase_rad(order).unwrap().value);
                // The turn is by +90° from the slow axis, up, to the fast one: by −90° or +90° in χ.
                let shift = (a - b - 0.25 * TAU).rem_euclid(period);
                assert!(shift.min(period - shift) < 1e-9, "{order}: {a} {b}");
            }
        }
    }

    #[test]
    fn far_from_the_defaults_the_contract_holds() {
        let bad = Array2::from_shape_fn((50, 50), |(row, column)| row == 20 || column % 17 == 3);
        let masked = frame(noisy())
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let extractor = Harmonics::new(HarmonicsConfig {
            axis: QAxis::log(3).between(0.1, 0.4),
            sectors: 33,
            orders: vec![2, 4, 8],
            parts: vec![
                HarmonicPart::Cosine,
                HarmonicPart::Sine,
                HarmonicPart::PhaseSigma,
            ],
        })
        .unwrap();
        xscatter_testkit::check_extractor(&extractor, &[frame(noisy()), masked]).unwrap();
        assert_eq!(&*extractor.columns()[4], "harmonics.m2.sine.b1");
        let none = extractor.extract(&[Frame::new(noisy())]).unwrap_err();
        assert_eq!(none.kind(), ErrorKind::MissingMetadata);
    }

    #[test]
    fn senseless_settings_are_refused() {
        let refused = |change: fn(&mut HarmonicsConfig)| {
            let mut config = HarmonicsConfig::default();
            change(&mut config);
            Harmonics::new(config).unwrap_err()
        };
        for orders in [vec![], vec![0, 1], vec![2, 2], vec![90]] {
            let mut config = HarmonicsConfig::default();
            config.orders.clone_from(&orders);
            assert_eq!(
                Harmonics::new(config).unwrap_err(),
                HarmonicsError::Orders {
                    sectors: 180,
                    found: orders
                }
            );
        }
        assert_eq!(
            refused(|config| config.parts.clear()),
            HarmonicsError::Parts
        );
        assert_eq!(
            refused(|config| config.axis.bins = 0),
            HarmonicsError::Axis(QAxisError::Bins(0))
        );
    }
}
