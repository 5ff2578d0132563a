//! How well the scatterers are aligned, and along which direction: order parameters of a ring.
//!
//! Fibres, sheared rods and drawn polymers put their intensity into arcs. Use this for one arc and its
//! opposite; for other symmetries see [`Harmonics`](crate::Harmonics). It needs the geometry.
//!
//! A band of q is chosen, its sectors of χ are summed over the band, each sum over the pixels that it would need
//! if the intensity did not depend on q ([`azimuthal`](crate::polar::CellSums::azimuthal): corners and gaps of
//! the detector are no orientation), and with these mean counts `I(χ)`, the
//! *director* `χ_0` being the azimuth of the strongest intensity (of the intensity: in small-angle scattering
//! the particles lie across it):
//!
//! - *Fourier*: `S_2 = |I_2| / I_0` and `χ_0 = arg(I_2) / 2` of a [series](crate::harmonics) of orders 2, 4, 6 and 8;
//!   for `N` photons in Ruland's texture kernel `var χ_0 = (1 − S_2²) / (8 N S_2²)` ([`angle_variance`]).
//! - *Hermans*: `S = (3⟨cos² φ⟩ − 1) / 2`, `⟨cos² φ⟩ = ∫ I' cos² φ |sin φ| dφ / ∫ I' |sin φ| dφ` with
//!   `φ = χ − χ_0` and `I' = I − b`: 1 along the director, 0 unoriented, −1/2 across it. The isotropic
//!   background `b` is a quantile of the `I`, or none. Sectors without a valid pixel take the value of
//!   the one opposite (`I(q) = I(−q)`), else they lie on the line between their neighbours; `covered` tells
//!   the share of the others.
//! - *Maier–Saupe*: `I(χ) = b + a exp(m cos²(χ − χ_0))`, fitted by least squares in two rounds, the second
//!   with the Poisson variances of the first one's model; `S_2(m) = ⟨P_2⟩` of `exp(m cos² θ)` on the sphere
//!   ([`maier_saupe_s2`]). The offset `b` takes the background up.
//!
//! Uncertainties are those of Poisson counts, to first order; the background of Hermans' `S` is taken as known.
//!
//! | column (band: `strongest`, `whole`, `b0` …) | value |
//! |---|---|
//! | `orientation.strongest.q` | the middle of the band |
//! | `orientation.strongest.covered` | share of the sectors that are measured themselves or by their opposite |
//! | `orientation.strongest.fourier`, `.fourier_sigma` | `S_2` of the series |
//! | `orientation.strongest.director`, `.director_sigma` | `χ_0` of the series in radians, 0 to π |
//! | `orientation.strongest.hermans`, `.hermans_sigma` | Hermans' `S` |
//! | `orientation.strongest.maier_saupe_m`, `.maier_saupe_m_sigma` | `m` |
//! | `orientation.strongest.maier_saupe_s2`, `.maier_saupe_s2_sigma` | `S_2(m)` |
//!
//! *Missing* (`NaN`): all of a band without a valid pixel, and of `strongest` if no ring stands out (a peak of the
//! mean count against q by five of its uncertainties, between measured rings; an unmasked beamstop makes
//! one); a series that gaps do not allow; `hermans` below [`min_covered`](OrientationConfig::min_covered), or
//! where less than three uncertainties are left above the background; `maier_saupe` unless the series is
//! defined and `S_2` three times its uncertainty, or if the fit does not converge within `m` of 0 to
//! [`M_MAX`]. *Masks*: masked pixels do not exist. *Cost*: one pass of additions over the pixels.
//!
//! Source: Hermans' `S` as in <https://bio-protocol.org/bio101/r8621278>; Maier and Saupe 1958,
//! Z. Naturforsch. 13a, 564; Ruland's kernel as in Yager et al. 2014, doi:10.1107/S1600576713028768.

mod maier_saupe;
mod order;

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::harmonics::AzimuthalSeries;
use crate::measured::{Measured, Quantity, Undefined};
use crate::polar::{CellSums, PolarTable, QAxis, QAxisError, Tables, check_sectors, finite};

pub use maier_saupe::{M_MAX, MaierSaupe, maier_saupe_s2};
pub use order::{Hermans, angle_variance, hermans};

/// A band of q whose orientation is told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrientationBand {
    /// The ring that stands out most, at half its prominence.
    Strongest,
    /// All of the axis.
    Whole,
    /// Between two q.
    QInvNm {
        /// The lower one.
        min: f64,
        /// The upper one.
        max: f64,
    },
}

/// What of the intensity is not of what is oriented, in Hermans' `S`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IsotropicBackground {
    /// Nothing.
    None,
    /// A quantile of the sectors' means: 0 for the least, which noise makes too low.
    Quantile(f64),
}

/// What [`Orientation`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrientationConfig {
    /// The rings among which the strongest is sought and which a band is made of.
    pub axis: QAxis,
    /// How many sectors a band is cut into; an even number.
    pub sectors: usize,
    /// The bands, in the order of their columns.
    pub bands: Vec<OrientationBand>,
    /// What is taken off before Hermans' `S`.
    pub background: IsotropicBackground,
    /// The least share of the sectors that Hermans' `S` needs, measured or by their opposite.
    pub min_covered: f64,
}

impl Default for OrientationConfig {
    /// The strongest of 64 rings, and all of them together, in 180 sectors.
    fn default() -> Self {
        Self {
            axis: QAxis::linear(64),
            sectors: 180,
            bands: vec![OrientationBand::Strongest, OrientationBand::Whole],
            background: IsotropicBackground::Quantile(0.05),
            min_covered: 0.75,
        }
    }
}

/// Why [`Orientation`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OrientationError {
    /// The rings or sectors make no sense.
    #[error(transparent)]
    Axis(#[from] QAxisError),
    /// Sectors without an opposite, or too few.
    #[error("expected an even number of sectors, at least 18, got {0}")]
    Sectors(usize),
    /// No band, one twice, or limits that enclose nothing.
    #[error("expected bands, each once, with 0 <= min < max, got {0:?}")]
    Bands(Vec<OrientationBand>),
    /// A share outside 0 to 1.
    #[error("expected a {name} of 0 to 1, got {value}")]
    Share {
        /// What it is.
        name: &'static str,
        /// What it was.
        value: f64,
    },
}

/// Order parameters and directors by bands of q; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame, FrameInfo, Geometry, PixelPosition};
/// use xscatter_features::{Orientation, OrientationConfig};
///
/// // A ring of radius 60 with arcs about χ = 0.5.
/// let counts = Array2::from_shape_fn((200, 200), |(row, column)| {
///     let (y, x) = (row as f64 - 99.5, column as f64 - 99.5);
///     let ring = (-(y.hypot(x) - 60.0).powi(2) / 18.0).exp();
///     (20.0 + 300.0 * ring * (4.0 * ((y.atan2(x) - 0.5).cos().powi(2) - 1.0)).exp()) as f32
/// });
/// let centre = PixelPosition { row: 100.0, column: 100.0 };
/// let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
/// let info = FrameInfo { geometry: Some(geometry.into()), ..Default::default() };
/// let orientation = Orientation::new(OrientationConfig::default())?;
/// let bands = orientation.bands(&Frame::new(counts).with_info(info))?;
/// let strongest = bands[0].as_ref().map_err(Clone::clone)?;
/// assert!((strongest.director_rad.as_ref().unwrap().value - 0.5).abs() < 0.01);
/// assert!((strongest.maier_saupe.as_ref().unwrap().m.value - 4.0).abs() < 0.1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Orientation {
    config: OrientationConfig,
    columns: Vec<Arc<str>>,
    tables: Tables<PolarTable>,
}

/// What is known of the orientation in a band.
#[derive(Debug, Clone, PartialEq)]
pub struct BandOrientation {
    /// Inner and outer edge.
    pub q_inv_nm: (f64, f64),
    /// The share of the sectors that are measured, themselves or by their opposite.
    pub covered: f64,
    /// `S_2` of the Fourier series.
    pub fourier: Quantity,
    /// The director of the Fourier series, 0 to π.
    pub director_rad: Quantity,
    /// Hermans' `S` about that director.
    pub hermans: Quantity,
    /// The fit of Maier and Saupe's distribution.
    pub maier_saupe: Result<MaierSaupe, Undefined>,
}

/// The quantities of a band, in the order of their columns.
const COLUMNS: [&str; 12] = [
    "q",
    "covered",
    "fourier",
    "fourier_sigma",
    "director",
    "director_sigma",
    "hermans",
    "hermans_sigma",
    "maier_saupe_m",
    "maier_saupe_m_sigma",
    "maier_saupe_s2",
    "maier_saupe_s2_sigma",
];

/// The orders of the series: an oriented sample has even ones.
const ORDERS: [usize; 4] = [2, 4, 6, 8];

/// By how many uncertainties a ring must stand out.
const STANDS_OUT: f64 = 5.0;

/// From how many uncertainties on an order parameter is not taken for noise.
const SIGNIFICANT: f64 = 3.0;

impl Orientation {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`OrientationError`] if a setting is outside its domain.
    pub fn new(config: OrientationConfig) -> Result<Self, OrientationError> {
        config.axis.check()?;
        check_sectors(config.sectors)?;
        if config.sectors < 18 || !config.sectors.is_multiple_of(2) {
            return Err(OrientationError::Sectors(config.sectors));
        }
        let bands = &config.bands;
        let twins = (1..bands.len()).any(|index| bands[..index].contains(&bands[index]));
        let senseless = bands.iter().any(|band| match *band {
            OrientationBand::QInvNm { min, max } => !(0.0 <= min && min < max && max.is_finite()),
            OrientationBand::Strongest | OrientationBand::Whole => false,
        });
        if bands.is_empty() || twins || senseless {
            return Err(OrientationError::Bands(config.bands));
        }
        let quantile = match config.background {
            IsotropicBackground::None => 0.0,
            IsotropicBackground::Quantile(level) => level,
        };
        for (name, value) in [
            ("background quantile", quantile),
            ("min_covered", config.min_covered),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err(OrientationError::Share { name, value });
            }
        }
        let mut given = 0;
        let mut columns = Vec::new();
        for band in bands {
            let name = match band {
                OrientationBand::Strongest => "strongest".to_owned(),
                OrientationBand::Whole => "whole".to_owned(),
                OrientationBand::QInvNm { .. } => {
                    given += 1;
                    format!("b{}", given - 1)
                }
            };
            columns.extend(COLUMNS.map(|part| format!("orientation.{name}.{part}").into()));
        }
        Ok(Self {
            config,
            columns,
            tables: Tables::new(),
        })
    }

    /// The orientation in each band of a frame, or why there is no such band.
    ///
    /// # Errors
    /// [`MissingMetadata`](xscatter_core::ErrorKind::MissingMetadata) without a geometry,
    /// [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData) if no pixel counts or a valid pixel is
    /// not finite.
    pub fn bands(&self, frame: &Frame) -> Result<Vec<Result<BandOrientation, Undefined>>> {
        let OrientationConfig { axis, sectors, .. } = self.config;
        let (table, cells) = self
            .tables
            .cells(frame, |map| PolarTable::new(map, &axis, sectors))?;
        let bands = self.config.bands.iter();
        Ok(bands
            .map(|band| {
                let (first, last) = rings_of(*band, &table, &cells)?;
                let edges = table.q_edges_inv_nm();
                let (sums, weights) = cells.azimuthal(first, last);
                self.band((edges[first], edges[last + 1]), &sums, &weights)
            })
            .collect())
    }

    fn band(
        &self,
        q_inv_nm: (f64, f64),
        sums: &[f64],
        valid: &[f64],
    ) -> Result<BandOrientation, Undefined> {
        if valid.iter().all(|&n| n <= 0.0) {
            return Err(Undefined::new(format!(
                "expected valid pixels from {} to {} per nm, found none",
                q_inv_nm.0, q_inv_nm.1
            )));
        }
        let series = AzimuthalSeries::fit(sums, valid, &ORDERS);
        let fourier = series.clone().and_then(|series| series.amplitude(2));
        let director_rad = series.clone().and_then(|series| series.phase_rad(2));
        let hermans = director_rad.clone().and_then(|director| {
            let found = hermans(sums, valid, director.value, self.config.background)?;
            if found.covered < self.config.min_covered {
                return Err(Undefined::new(format!(
                    "expected {} of the sectors covered, found {}",
                    self.config.min_covered, found.covered
                )));
            }
            Ok(found.s)
        });
        let maier_saupe = fourier.clone().and_then(|fourier| {
            let director = director_rad.clone()?;
            if fourier.value < SIGNIFICANT * fourier.sigma.unwrap_or(f64::INFINITY) {
                return Err(Undefined::new(format!(
                    "expected an order parameter beyond noise, found {} with an uncertainty of {:?}",
                    fourier.value, fourier.sigma
                )));
            }
            MaierSaupe::fit(sums, valid, director.value)
        });
        Ok(BandOrientation {
            q_inv_nm,
            covered: order::covered(valid),
            fourier,
            director_rad,
            hermans,
            maier_saupe,
        })
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let mut row = Vec::with_capacity(self.columns.len());
        for band in self.bands(frame)? {
            let values = band.map_or([f64::NAN; 12], |band| band.values());
            row.extend(values.map(finite));
        }
        Ok(row)
    }
}

impl BandOrientation {
    fn values(&self) -> [f64; 12] {
        let both = |quantity: &Quantity| match quantity {
            Ok(Measured { value, sigma }) => [*value, sigma.unwrap_or(f64::NAN)],
            Err(_) => [f64::NAN; 2],
        };
        let fit = |part: fn(&MaierSaupe) -> Measured| {
            both(&self.maier_saupe.clone().map(|fit| part(&fit)))
        };
        let [s2, s2_sigma] = both(&self.fourier);
        let [director, director_sigma] = both(&self.director_rad);
        let [hermans, hermans_sigma] = both(&self.hermans);
        let [m, m_sigma] = fit(|fit| fit.m);
        let [ms2, ms2_sigma] = fit(|fit| fit.s2);
        [
            0.5 * (self.q_inv_nm.0 + self.q_inv_nm.1),
            self.covered,
            s2,
            s2_sigma,
            director,
            director_sigma,
            hermans,
            hermans_sigma,
            m,
            m_sigma,
            ms2,
            ms2_sigma,
        ]
    }
}

impl FeatureExtractor for Orientation {
    fn name(&self) -> &str {
        "orientation"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// The first and the last ring of a band.
fn rings_of(
    band: OrientationBand,
    table: &PolarTable,
    cells: &CellSums,
) -> Result<(usize, usize), Undefined> {
    let last = table.rings() - 1;
    match band {
        OrientationBand::Whole => Ok((0, last)),
        OrientationBand::QInvNm { min, max } => {
            let inside = |ring: &usize| (min..=max).contains(&table.q_inv_nm(*ring));
            let first = (0..=last).find(inside);
            let end = (0..=last).rev().find(inside);
            first.zip(end).ok_or_else(|| {
                Undefined::new(format!(
                    "expected a ring with its middle from {min} to {max} per nm, found none"
                ))
            })
        }
        OrientationBand::Strongest => strongest(cells).ok_or_else(|| {
            Undefined::new("expected a ring that stands out from those around it, found none")
        }),
    }
}

/// The rings about the most prominent peak of the mean count, at half its prominence.
fn strongest(cells: &CellSums) -> Option<(usize, usize)> {
    // Rings without a valid pixel are no valley and no end of a peak.
    let rings: Vec<usize> = (0..cells.rings())
        .filter(|&ring| cells.ring_valid(ring) > 0)
        .collect();
    let means: Vec<f64> = rings
        .iter()
        .map(|&ring| cells.ring_sum(ring) / f64::from(cells.ring_valid(ring)))
        .collect();
    let sigma = |k: usize| means[k].max(0.0).sqrt() / f64::from(cells.ring_valid(rings[k])).sqrt();
    let mut best: Option<(f64, usize)> = None;
    for k in 1..means.len().saturating_sub(1) {
        if !(means[k] > means[k - 1] && means[k] >= means[k + 1]) {
            continue;
        }
        // The lowest ring on each side before one that is higher.
        let valley = |side: &mut dyn Iterator<Item = usize>| {
            side.map_while(|other| {
                (means[other] <= means[k]).then_some((means[other], sigma(other)))
            })
            .fold((f64::INFINITY, 0.0), |low, next| {
                if next.0 < low.0 { next } else { low }
            })
        };
        let (left, right) = (valley(&mut (0..k).rev()), valley(&mut (k + 1..means.len())));
        let base = if left.0 > right.0 { left } else { right };
        let prominence = means[k] - base.0;
        let significant = prominence > STANDS_OUT * sigma(k).hypot(base.1);
        if significant && best.is_none_or(|(known, _)| prominence > known) {
            best = Some((prominence, k));
        }
    }
    let (prominence, k) = best?;
    let level = means[k] - 0.5 * prominence;
    let reach = |side: &mut dyn Iterator<Item = usize>| {
        side.take_while(|&other| means[other] > level)
            .last()
            .unwrap_or(k)
    };
    let first = reach(&mut (0..k).rev());
    let last = reach(&mut (k + 1..means.len()));
    Some((rings[first], rings[last]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Array2, Axis};
    use xscatter_core::{FrameInfo, Geometry, Mask, PixelPosition};

    fn frame(counts: Array2<f32>) -> Frame {
        let side = counts.nrows() as f64;
        let centre = PixelPosition {
            row: 0.5 * side,
            column: 0.5 * side,
        };
        let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
        Frame::new(counts).with_info(FrameInfo {
            geometry: Some(geometry.into()),
            ..Default::default()
        })
    }

    /// Arcs on a ring of radius 30 on a falling background.
    fn arcs() -> Array2<f32> {
        Array2::from_shape_fn((100, 100), |(row, column)| {
            let (y, x) = (row as f64 - 49.5, column as f64 - 49.5);
            let radius = y.hypot(x);
            let ring = (-(radius - 30.0).powi(2) / 8.0).exp();
            let around = (3.0 * ((y.atan2(x) - 0.6).cos().powi(2) - 1.0)).exp();
            (2000.0 / (10.0 + radius) + 400.0 * ring * around) as f32
        })
    }

    fn bands(counts: Array2<f32>, config: OrientationConfig) -> Vec<BandOrientation> {
        let bands = Orientation::new(config)
            .unwrap()
            .bands(&frame(counts))
            .unwrap();
        bands.into_iter().map(Result::unwrap).collect()
    }

    #[test]
    fn the_strongest_ring_is_the_one_that_stands_out() {
        let bands = bands(arcs(), OrientationConfig::default());
        let per_pixel = std::f64::consts::TAU / 1e-1 * 172e-6;
        let (min, max) = bands[0].q_inv_nm;
        assert!(
            (25.0..30.0).contains(&(min / per_pixel)),
            "{}",
            min / per_pixel
        );
        assert!(
            (30.0..35.0).contains(&(max / per_pixel)),
            "{}",
            max / per_pixel
        );
        let director = bands[0].director_rad.as_ref().unwrap().value;
        assert_relative_eq!(director, 0.6, epsilon = 0.02);
        let strongest = bands[0].fourier.as_ref().unwrap().value;
        assert!(strongest > 1.5 * bands[1].fourier.as_ref().unwrap().value);
    }

    #[test]
    fn a_frame_without_a_ring_has_no_strongest_one() {
        let smooth = Array2::from_shape_fn((100, 100), |(row, column)| {
            (2000.0 / (10.0 + (row as f64 - 49.5).hypot(column as f64 - 49.5))) as f32
        });
        let orientation = Orientation::new(OrientationConfig::default()).unwrap();
        let bands = orientation.bands(&frame(smooth)).unwrap();
        assert_eq!(
            bands[0].as_ref().unwrap_err().to_string(),
            "expected a ring that stands out from those around it, found none"
        );
        assert!(bands[1].is_ok());
    }

    #[test]
    fn a_quarter_turn_turns_directors_alone() {
        let mut turned = arcs().t().to_owned();
        turned.invert_axis(Axis(1));
        let config = OrientationConfig::default;
        for (a, b) in bands(arcs(), config()).iter().zip(&bands(turned, config())) {
            let [before, after] = [a, b].map(|band| band.director_rad.as_ref().unwrap().value);
            let turn = (after - before).rem_euclid(std::f64::consts::PI);
            assert_relative_eq!(turn, std::f64::consts::FRAC_PI_2, epsilon = 1e-9);
            for part in [
                |band: &BandOrientation| band.fourier.clone(),
                |band: &BandOrientation| band.hermans.clone(),
            ] {
                let [before, after] = [part(a), part(b)].map(|part| part.unwrap().value);
                assert_relative_eq!(before, after, max_relative = 1e-9);
            }
            let [before, after] = [a, b].map(|band| band.maier_saupe.as_ref().unwrap().m.value);
            assert_relative_eq!(before, after, max_relative = 1e-5);
        }
    }

    #[test]
    fn a_given_band_is_made_of_the_rings_inside() {
        let given = OrientationBand::QInvNm {
            min: 0.28,
            max: 0.36,
        };
        let config = OrientationConfig {
            bands: vec![given, OrientationBand::Whole],
            background: IsotropicBackground::None,
            ..Default::default()
        };
        let extractor = Orientation::new(config.clone()).unwrap();
        assert_eq!(&*extractor.columns()[2], "orientation.b0.fourier");
        let found = bands(arcs(), config);
        assert!(found[0].q_inv_nm.0 > 0.27 && found[0].q_inv_nm.1 < 0.37);
        let missing = OrientationConfig {
            bands: vec![OrientationBand::QInvNm {
                min: 9.0,
                max: 10.0,
            }],
            ..Default::default()
        };
        let none = Orientation::new(missing)
            .unwrap()
            .bands(&frame(arcs()))
            .unwrap();
        assert!(none[0].is_err());
    }

    #[test]
    fn far_from_the_defaults_the_contract_holds() {
        let bad = Array2::from_shape_fn((100, 100), |(row, column)| row == 20 || column % 17 == 3);
        let masked = frame(arcs()).with_mask(Mask::from_bad(bad.view())).unwrap();
        let extractor = Orientation::new(OrientationConfig {
            axis: QAxis::log(20),
            sectors: 36,
            bands: vec![
                OrientationBand::QInvNm { min: 0.1, max: 0.2 },
                OrientationBand::Strongest,
                OrientationBand::QInvNm { min: 0.3, max: 9.0 },
            ],
            background: IsotropicBackground::Quantile(0.2),
            min_covered: 1.0,
        })
        .unwrap();
        xscatter_testkit::check_extractor(&extractor, &[frame(arcs()), masked]).unwrap();
    }

    #[test]
    fn senseless_settings_are_refused() {
        let refused = |change: fn(&mut OrientationConfig)| {
            let mut config = OrientationConfig::default();
            change(&mut config);
            Orientation::new(config).unwrap_err()
        };
        assert_eq!(refused(|c| c.sectors = 35), OrientationError::Sectors(35));
        assert!(matches!(
            refused(|c| c.bands.clear()),
            OrientationError::Bands(_)
        ));
        let backwards = refused(|c| c.bands = vec![OrientationBand::QInvNm { min: 2.0, max: 1.0 }]);
        assert!(matches!(backwards, OrientationError::Bands(_)));
        let share = refused(|c| c.background = IsotropicBackground::Quantile(1.5));
        assert!(matches!(share, OrientationError::Share { value: 1.5, .. }));
    }
}
