//! Which azimuths of a ring are bright together: the angular correlation of the intensity.
//!
//! Spots of grains lie anywhere on a ring, but those of one lattice keep their angles: their correlation
//! stays when their phases average out. Use it for spotty rings and for local symmetry (X-ray cross
//! correlation analysis); for smooth texture [`Harmonics`](crate::Harmonics) say the same with less noise.
//!
//! For the means `I(χ)` of the sectors of a band of q (of 8 rings, their pixels weighted as if the intensity did
//! not depend on q, see [`azimuthal`](crate::polar::CellSums::azimuthal)), with `V = 1` for a sector with valid pixels, else 0:
//!
//! `C(Δ) = Σ_χ D(χ) D(χ + Δ) V(χ) V(χ + Δ) / (⟨I⟩² Σ_χ V(χ) V(χ + Δ))`,  `D = I − ⟨I⟩`
//!
//! so that every Δ is the mean over the pairs that were measured, whatever the gaps; on a whole ring this is
//! `(⟨I(χ) I(χ + Δ)⟩ − ⟨I⟩²) / ⟨I⟩²`. `C(0)` is less by the Poisson noise of the sectors (their counts over
//! the square of their pixels) unless that is left in it, so that noise alone correlates with nothing.
//!
//! | column (order l, angle in degrees, band k) | value |
//! |---|---|
//! | `correlation.l2.b0` … | `C_l = ⟨C(Δ) cos(lΔ)⟩`: the square of `\|I_l\|/I_0`; noise scatters it about 0 |
//! | `correlation.at180.b0` … | `C(Δ)`, linear between sectors |
//!
//! *Missing* (`NaN`): all of a band whose mean is not positive or that has no valid pixel; the orders of a
//! band where a Δ has no pair; an angle beside such a Δ. *Masks*: masked pixels do not exist. *Cost*: one
//! pass of additions over the pixels and three Fourier transforms a band.
//!
//! Source: Wochner et al. 2009, doi:10.1073/pnas.0905337106; Altarelli et al. 2010,
//! doi:10.1103/PhysRevB.82.104207.

use std::cmp::Ordering;
use std::f64::consts::TAU;
use std::sync::Arc;

use ndarray::ArrayViewMut2;
use num_complex::Complex64;
use rustfft::FftPlanner;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::measured::Undefined;
use crate::polar::{
    PolarTable, QAxis, QAxisError, RINGS_A_BAND, Tables, check_sectors, finite, ring_names,
};

/// What [`AngularCorrelation`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AngularCorrelationConfig {
    /// The bands of q.
    pub axis: QAxis,
    /// How many sectors a band is cut into.
    pub sectors: usize,
    /// The orders l of the Fourier components.
    pub orders: Vec<usize>,
    /// The angles Δ at which the correlation itself is told, in whole degrees, 0 to 180.
    pub angles_deg: Vec<u16>,
    /// Whether the Poisson noise of the sectors is taken off at Δ = 0.
    pub subtract_noise: bool,
}

impl Default for AngularCorrelationConfig {
    /// Even orders to 12 and the correlation at 60°, 90° and 180° of 8 bands in 360 sectors.
    fn default() -> Self {
        Self {
            axis: QAxis::linear(8),
            sectors: 360,
            orders: vec![2, 4, 6, 8, 10, 12],
            angles_deg: vec![60, 90, 180],
            subtract_noise: true,
        }
    }
}

/// Why [`AngularCorrelation`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AngularCorrelationError {
    /// The bands or sectors make no sense.
    #[error(transparent)]
    Axis(#[from] QAxisError),
    /// An order that the sectors do not resolve, or one twice.
    #[error(
        "expected orders of at least 1, below half of {sectors} sectors, each once, got {found:?}"
    )]
    Orders {
        /// How many sectors there are.
        sectors: usize,
        /// The orders that were asked for.
        found: Vec<usize>,
    },
    /// An angle beyond a half turn, or one twice.
    #[error("expected angles of 0 to 180 degrees, each once, got {0:?}")]
    Angles(Vec<u16>),
    /// Neither orders nor angles.
    #[error("expected an order or an angle, got none")]
    Nothing,
}

/// Angular correlation by bands of q; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame, FrameInfo, Geometry, PixelPosition};
/// use xscatter_features::{AngularCorrelation, AngularCorrelationConfig};
///
/// // A hexagonal pattern of amplitude |I_6| / I_0 = 0.4.
/// let counts = Array2::from_shape_fn((200, 200), |(row, column)| {
///     let chi = (row as f32 - 99.5).atan2(column as f32 - 99.5);
///     1e6 * (1.0 + 0.8 * (6.0 * chi + 1.0).cos())
/// });
/// let centre = PixelPosition { row: 100.0, column: 100.0 };
/// let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
/// let info = FrameInfo { geometry: Some(geometry.into()), ..Default::default() };
/// let correlation = AngularCorrelation::new(AngularCorrelationConfig::default())?;
/// let table = correlation.extract(&[Frame::new(counts).with_info(info)])?;
/// let column = table.columns().iter().position(|name| &**name == "correlation.l6.b4").unwrap();
/// assert!((table.values()[(0, column)] - 0.4f32.powi(2)).abs() < 2e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AngularCorrelation {
    config: AngularCorrelationConfig,
    columns: Vec<Arc<str>>,
    tables: Tables<PolarTable>,
}

impl AngularCorrelation {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`AngularCorrelationError`] if a setting is outside its domain.
    pub fn new(config: AngularCorrelationConfig) -> Result<Self, AngularCorrelationError> {
        config.axis.check()?;
        config.axis.refined(RINGS_A_BAND).check()?;
        check_sectors(config.sectors)?;
        let orders = &config.orders;
        let resolved = orders
            .iter()
            .all(|&order| order >= 1 && 2 * order < config.sectors);
        if !resolved || has_twins(orders) {
            return Err(AngularCorrelationError::Orders {
                sectors: config.sectors,
                found: config.orders,
            });
        }
        let angles = &config.angles_deg;
        if angles.iter().any(|&angle| angle > 180) || has_twins(angles) {
            return Err(AngularCorrelationError::Angles(config.angles_deg));
        }
        if orders.is_empty() && angles.is_empty() {
            return Err(AngularCorrelationError::Nothing);
        }
        let parts = orders
            .iter()
            .map(|order| format!("l{order}"))
            .chain(angles.iter().map(|angle| format!("at{angle}")));
        let columns = parts
            .flat_map(|part| {
                let name = move |ring| format!("correlation.{part}.{ring}").into();
                ring_names(config.axis.bins).map(name)
            })
            .collect();
        Ok(Self {
            config,
            columns,
            tables: Tables::new(),
        })
    }

    /// The correlation in each band of a frame, or why there is none.
    ///
    /// # Errors
    /// [`MissingMetadata`](xscatter_core::ErrorKind::MissingMetadata) without a geometry,
    /// [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData) if no pixel counts or a valid pixel is
    /// not finite.
    pub fn bands(&self, frame: &Frame) -> Result<Vec<Result<Correlation, Undefined>>> {
        let AngularCorrelationConfig { axis, sectors, .. } = self.config;
        let rings = axis.refined(RINGS_A_BAND);
        let (_, cells) = self
            .tables
            .cells(frame, |map| PolarTable::new(map, &rings, sectors))?;
        let noise = self.config.subtract_noise;
        let band = |band: usize| {
            let first = band * RINGS_A_BAND;
            let (sums, weights) = cells.azimuthal(first, first + RINGS_A_BAND - 1);
            Correlation::of(&sums, &weights, noise)
        };
        Ok((0..axis.bins).map(band).collect())
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let bands = self.bands(frame)?;
        let mut row = Vec::with_capacity(self.columns.len());
        let mut push = |value: &dyn Fn(&Correlation) -> Option<f64>| {
            row.extend(bands.iter().map(|band| {
                let value = band.as_ref().ok().and_then(value);
                value.map_or(f32::NAN, finite)
            }));
        };
        for &order in &self.config.orders {
            push(&|band| band.component(order));
        }
        for &angle in &self.config.angles_deg {
            push(&|band| band.at(f64::from(angle).to_radians()));
        }
        Ok(row)
    }
}

fn has_twins<T: PartialEq>(list: &[T]) -> bool {
    (1..list.len()).any(|index| list[..index].contains(&list[index]))
}

impl FeatureExtractor for AngularCorrelation {
    fn name(&self) -> &str {
        "correlation"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// The angular correlation of a ring; see the [module](self).
///
/// ```
/// use xscatter_features::angular_correlation::Correlation;
///
/// // Four bright sectors of 40, a quarter turn apart, and a gap.
/// let sums: Vec<f64> = (0..40).map(|s| if s % 10 == 0 { 90.0 } else { 0.0 }).collect();
/// let valid: Vec<u32> = (0..40).map(|s| if (12..17).contains(&s) { 0 } else { 1 }).collect();
/// let correlation = Correlation::of(&sums, &valid, false)?;
/// let quarter = correlation.at(std::f64::consts::FRAC_PI_2).unwrap();
/// assert!(quarter > 5.0 && correlation.at(0.3).unwrap() < 0.0);
/// # Ok::<(), xscatter_features::Undefined>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Correlation {
    /// For every Δ in sectors; `None` without a pair.
    values: Vec<Option<f64>>,
}

impl Correlation {
    /// Of sectors of equal width: `sums` of counts, numbers (or weights) of `valid` pixels; `subtract_noise` takes the
    /// Poisson noise off at Δ = 0.
    ///
    /// # Errors
    /// [`Undefined`] without a valid pixel, or without a positive mean.
    ///
    /// # Panics
    /// If there are not as many sums as numbers of pixels.
    pub fn of<N: Copy + Into<f64>>(
        sums: &[f64],
        valid: &[N],
        subtract_noise: bool,
    ) -> Result<Self, Undefined> {
        assert_eq!(sums.len(), valid.len(), "a number of pixels for every sum");
        let length = sums.len();
        let valid: Vec<f64> = valid.iter().map(|&n| n.into()).collect();
        let filled = valid.iter().filter(|&&n| n > 0.0).count();
        let cells = || sums.iter().copied().zip(valid.iter().copied());
        let means = cells().map(|(sum, n)| if n > 0.0 { sum / n } else { 0.0 });
        let mean = means.clone().sum::<f64>() / filled as f64;
        // Written so that a NaN is not positive.
        if mean.partial_cmp(&0.0) != Some(Ordering::Greater) {
            return Err(Undefined::new(format!(
                "expected valid pixels with a positive mean, found {filled} sectors and {mean}"
            )));
        }
        // In units of the mean; the measured sectors in the imaginary part share the transform.
        let mut signal: Vec<Complex64> = means
            .zip(&valid)
            .map(|(value, &n)| {
                if n > 0.0 {
                    Complex64::new(value / mean - 1.0, 1.0)
                } else {
                    Complex64::ZERO
                }
            })
            .collect();
        let mut planner = FftPlanner::new();
        planner.plan_fft_forward(length).process(&mut signal);
        // The spectra of the two real parts, and their powers as one complex signal.
        let mut powers: Vec<Complex64> = (0..length)
            .map(|k| {
                let (a, b) = (signal[k], signal[(length - k) % length].conj());
                let (deviation, measured) = (0.5 * (a + b), 0.5 * (a - b));
                Complex64::new(deviation.norm_sqr(), measured.norm_sqr())
            })
            .collect();
        planner.plan_fft_inverse(length).process(&mut powers);
        let noise: f64 = cells()
            .filter(|&(_, n)| n > 0.0)
            .map(|(sum, n)| sum.max(0.0) / (n * n) / (mean * mean))
            .sum();
        let values = powers
            .iter()
            .enumerate()
            .map(|(shift, sum)| {
                let scale = length as f64;
                // A whole number, up to the rounding of the transforms.
                let pairs = (sum.im / scale).round();
                let noise = if shift == 0 && subtract_noise {
                    noise
                } else {
                    0.0
                };
                (pairs > 0.0).then(|| (sum.re / scale - noise) / pairs)
            })
            .collect();
        Ok(Self { values })
    }

    /// `C` for shifts of 0, 1, … sectors; `None` without a pair.
    pub fn values(&self) -> &[Option<f64>] {
        &self.values
    }

    /// `C(Δ)`, linear between sectors; `None` beside a shift without a pair.
    pub fn at(&self, delta_rad: f64) -> Option<f64> {
        let length = self.values.len();
        let place = (delta_rad / TAU).rem_euclid(1.0) * length as f64;
        // An angle that is a whole number of sectors is one despite the rounding of radians.
        let nearest = place.round();
        if (place - nearest).abs() < 1e-9 {
            return self.values[nearest as usize % length];
        }
        let below = place.floor();
        let a = self.values[below as usize % length]?;
        let b = self.values[(below as usize + 1) % length]?;
        Some(a + (b - a) * (place - below))
    }

    /// `⟨C(Δ) cos(lΔ)⟩`; `None` if a shift has no pair.
    pub fn component(&self, order: usize) -> Option<f64> {
        let length = self.values.len();
        let mut sum = 0.0;
        for (shift, value) in self.values.iter().enumerate() {
            let turn = (order * shift % length) as f64 / length as f64;
            sum += (*value)? * (TAU * turn).cos();
        }
        Some(sum / length as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::Array2;
    use xscatter_core::{FrameInfo, Geometry, Mask, PixelPosition};

    /// Six spots a ring, turned by `turn`, on a hundred counts.
    fn spots(turn: f64) -> Vec<f64> {
        (0..360)
            .map(|s| 100.0 + 900.0 * (5.0 * ((6.0 * (chi(s) - turn)).cos() - 1.0)).exp())
            .collect()
    }

    fn chi(sector: usize) -> f64 {
        crate::polar::chi_rad(sector, 360)
    }

    #[test]
    fn a_turn_changes_nothing_and_the_exposure_neither() {
        let one = Correlation::of(&spots(0.0), &[1; 360], false).unwrap();
        let turned = Correlation::of(&spots(10.0 * TAU / 360.0), &[1; 360], false).unwrap();
        let brighter: Vec<f64> = spots(0.0).iter().map(|sum| 16.0 * sum).collect();
        let brighter = Correlation::of(&brighter, &[1; 360], false).unwrap();
        for (shift, value) in one.values().iter().enumerate() {
            let expected = value.unwrap();
            for other in [&turned, &brighter] {
                assert_relative_eq!(other.values()[shift].unwrap(), expected, epsilon = 1e-12);
            }
        }
        // Even in Δ, with the period of the spots.
        assert_relative_eq!(one.at(1.0).unwrap(), one.at(-1.0).unwrap(), epsilon = 1e-12);
        let sixth = TAU / 6.0;
        assert_relative_eq!(
            one.at(sixth).unwrap(),
            one.at(0.0).unwrap(),
            epsilon = 1e-12
        );
        assert!(one.component(6).unwrap() > 0.3);
        assert!(one.component(4).unwrap().abs() < 1e-12);
    }

    #[test]
    fn a_component_is_the_square_of_the_harmonic() {
        let sums = spots(0.3);
        let series = crate::harmonics::AzimuthalSeries::fit(&sums, &[1; 360], &[6, 12]).unwrap();
        let correlation = Correlation::of(&sums, &[1; 360], false).unwrap();
        for order in [6, 12] {
            let amplitude = series.amplitude(order).unwrap().value;
            // The series undoes the width of a sector.
            let half = order as f64 * TAU / 720.0;
            let square = (amplitude * half.sin() / half).powi(2);
            assert_relative_eq!(
                correlation.component(order).unwrap(),
                square,
                max_relative = 1e-9
            );
        }
    }

    #[test]
    fn shifts_without_pairs_are_missing() {
        // A twelfth of the ring: no two sectors are more than 30° apart.
        let valid: Vec<u32> = (0..360).map(|s| u32::from(s < 30)).collect();
        let correlation = Correlation::of(&spots(0.0), &valid, true).unwrap();
        assert_eq!(correlation.at(1.0), None);
        assert_eq!(correlation.component(2), None);
        assert!(correlation.at(0.2).is_some());
        let none = Correlation::of(&[0.0; 8], &[1; 8], true).unwrap_err();
        assert_eq!(
            none.to_string(),
            "expected valid pixels with a positive mean, found 8 sectors and 0"
        );
        assert!(Correlation::of(&[0.0; 8], &[0; 8], true).is_err());
    }

    #[test]
    fn far_from_the_defaults_the_contract_holds() {
        let counts = Array2::from_shape_fn((60, 52), |(row, column)| {
            (1000 / (20 + row.abs_diff(30) + column.abs_diff(20)) + (row * column) % 13) as f32
        });
        let centre = PixelPosition {
            row: 30.5,
            column: 20.5,
        };
        let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
        let frame = Frame::new(counts).with_info(FrameInfo {
            geometry: Some(geometry.into()),
            ..Default::default()
        });
        let bad = Array2::from_shape_fn((60, 52), |(row, column)| row == 20 || column % 17 == 3);
        let masked = frame.clone().with_mask(Mask::from_bad(bad.view())).unwrap();
        let extractor = AngularCorrelation::new(AngularCorrelationConfig {
            axis: QAxis::log(3),
            sectors: 75,
            orders: vec![3],
            angles_deg: vec![0, 7, 123],
            subtract_noise: false,
        })
        .unwrap();
        xscatter_testkit::check_extractor(&extractor, &[frame, masked]).unwrap();
        assert_eq!(&*extractor.columns()[3], "correlation.at0.b0");
    }

    #[test]
    fn senseless_settings_are_refused() {
        let refused = |change: fn(&mut AngularCorrelationConfig)| {
            let mut config = AngularCorrelationConfig::default();
            change(&mut config);
            AngularCorrelation::new(config).unwrap_err()
        };
        assert!(matches!(
            refused(|config| config.orders = vec![180]),
            AngularCorrelationError::Orders { sectors: 360, .. }
        ));
        assert!(matches!(
            refused(|config| config.angles_deg = vec![181]),
            AngularCorrelationError::Angles(_)
        ));
        assert_eq!(
            refused(|config| (config.orders, config.angles_deg) = (vec![], vec![])),
            AngularCorrelationError::Nothing
        );
        assert_eq!(
            refused(|config| config.sectors = 0),
            AngularCorrelationError::Axis(QAxisError::Sectors(0))
        );
    }
}
