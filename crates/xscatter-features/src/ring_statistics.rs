//! How the counts are distributed along rings of q: noise alone, orientation, or grains.
//!
//! A ring of unoriented fine powder scatters like its photons; texture makes it vary slowly with the
//! azimuth, large grains make it spotty. Use these where the geometry is known, in narrow rings: a slope of
//! I(q) within a ring spreads its counts as well, and where gaps or the edge of the detector cut a ring it
//! becomes anisotropy.
//!
//! With the counts `c` of the `n` valid pixels of a ring, `d = c − mean`, `m_k = Σ d^k / n`; with the means
//! `u` of its sectors and their Poisson variance `w = Σc / n²` each:
//!
//! | column | value | uncertainty |
//! |---|---|---|
//! | `rings.mean.b00` … | `Σ c / n` | `√(variance / n)` |
//! | `rings.variance.b00` | `Σ d² / (n − 1)` | `√((m_4 − m_2² (n − 3)/(n − 1)) / n)` |
//! | `rings.over_dispersion.b00` | `variance / mean − 1`: 0 for Poisson counts | by propagation, with `cov(mean, variance) = m_3 / n` |
//! | `rings.skewness.b00` | `m_3 / m_2^1.5` | `√(6/n)`, that of a normal distribution |
//! | `rings.anisotropy.b00` | `\|I_2\| / I_0` of a [series](crate::harmonics) of orders 1 to 4 | that of the series |
//! | `rings.graininess.b00` | half the mean of `(u − u')² − w − w'` over neighbouring sectors, over `mean²`: the relative variance between sectors beyond Poisson | from the scatter of the pairs, times √1.5 for the correlation of neighbours |
//! | `rings.valid_fraction.b00` | valid pixels over all pixels of the ring | none |
//!
//! Over-dispersion and graininess compare with Poisson noise: they mean what they say for detectors that
//! count photons, in counts that nobody scaled.
//!
//! *Missing* (`NaN`): all but `valid_fraction` without a valid pixel; `variance`, `over_dispersion` and
//! `skewness` below 2 pixels; `over_dispersion`, `anisotropy` and `graininess` without a positive mean;
//! `skewness` without variance; `anisotropy` where the series is not defined; `graininess` without two
//! neighbouring sectors. *Masks*: masked pixels do not exist. *Cost*: two passes of additions.

use std::sync::Arc;

use ndarray::ArrayViewMut2;
use serde::{Deserialize, Serialize};
use xscatter_core::{FeatureExtractor, Frame, Result};

use crate::batch::fill_rows;
use crate::harmonics::AzimuthalSeries;
use crate::measured::{Measured, Quantity, Undefined};
use crate::polar::{
    CellSums, PolarTable, QAxis, QAxisError, Tables, check_sectors, finite, ring_names,
};
use crate::resample::{Grid, Resampled};

/// A statistic of a ring; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RingStatistic {
    /// The mean count.
    Mean,
    /// The variance of the counts.
    Variance,
    /// How much the variance exceeds that of Poisson counts, relative to it.
    OverDispersion,
    /// The asymmetry of the distribution.
    Skewness,
    /// The second azimuthal order relative to the mean.
    Anisotropy,
    /// The relative variance between neighbouring sectors beyond Poisson.
    Graininess,
    /// The share of the ring's pixels that are valid.
    ValidFraction,
}

impl RingStatistic {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Mean,
        Self::Variance,
        Self::OverDispersion,
        Self::Skewness,
        Self::Anisotropy,
        Self::Graininess,
        Self::ValidFraction,
    ];

    /// The name in a column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Variance => "variance",
            Self::OverDispersion => "over_dispersion",
            Self::Skewness => "skewness",
            Self::Anisotropy => "anisotropy",
            Self::Graininess => "graininess",
            Self::ValidFraction => "valid_fraction",
        }
    }
}

/// What [`RingStatistics`] computes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RingStatisticsConfig {
    /// The rings.
    pub axis: QAxis,
    /// How many sectors a ring is cut into: the scale of the graininess.
    pub sectors: usize,
    /// The statistics, in the order of their columns.
    pub statistics: Vec<RingStatistic>,
    /// Whether uncertainties get columns too: `rings.mean_sigma.b00` ….
    pub sigma_columns: bool,
}

impl Default for RingStatisticsConfig {
    /// All statistics of 16 rings in 180 sectors, without columns of uncertainties.
    fn default() -> Self {
        Self {
            axis: QAxis::linear(16),
            sectors: 180,
            statistics: RingStatistic::ALL.to_vec(),
            sigma_columns: false,
        }
    }
}

/// Why [`RingStatistics`] could not be built.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RingStatisticsError {
    /// The rings or sectors make no sense.
    #[error(transparent)]
    Axis(#[from] QAxisError),
    /// Fewer sectors than a series needs.
    #[error("expected at least {LEAST_SECTORS} sectors, got {0}")]
    Sectors(usize),
    /// No statistic, or one twice.
    #[error("expected at least one statistic, each once")]
    Statistics,
}

/// The orders that are fitted with the second one.
const ORDERS: [usize; 4] = [1, 2, 3, 4];
/// So many sectors tell these orders apart.
const LEAST_SECTORS: usize = 9;

/// Statistics of the counts along rings; see the [module](self).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{FeatureExtractor, Frame, FrameInfo, Geometry, PixelPosition};
/// use xscatter_features::{RingStatistic, RingStatistics, RingStatisticsConfig};
///
/// let centre = PixelPosition { row: 40.0, column: 40.0 };
/// let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
/// let info = FrameInfo { geometry: Some(geometry.into()), ..Default::default() };
/// let smooth = Frame::new(Array2::from_elem((80, 80), 9.0)).with_info(info);
/// let statistics = RingStatistics::new(RingStatisticsConfig::default())?;
/// let rings = statistics.rings(&smooth)?;
/// // Less than the noise of photons: no variance at all.
/// let excess = rings[5].get(RingStatistic::OverDispersion)?;
/// assert_eq!(excess.value, -1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct RingStatistics {
    config: RingStatisticsConfig,
    columns: Vec<Arc<str>>,
    tables: Tables<Pose>,
}

/// The cells of a pose, and how many pixels each ring has.
#[derive(Debug)]
struct Pose {
    polar: PolarTable,
    pixels: Vec<u32>,
}

/// The statistics of a ring, or why there are none.
#[derive(Debug, Clone, PartialEq)]
pub struct RingDescription {
    /// Inner and outer edge.
    pub q_inv_nm: (f64, f64),
    /// In the order of [`RingStatistic::ALL`].
    quantities: [Quantity; 7],
}

impl RingDescription {
    /// One of the statistics.
    ///
    /// # Errors
    /// [`Undefined`] where the ring has none.
    pub fn get(&self, statistic: RingStatistic) -> Quantity {
        self.quantities[statistic as usize].clone()
    }
}

impl RingStatistics {
    /// An extractor with these settings.
    ///
    /// # Errors
    /// [`RingStatisticsError`] if a setting is outside its domain.
    pub fn new(config: RingStatisticsConfig) -> Result<Self, RingStatisticsError> {
        config.axis.check()?;
        check_sectors(config.sectors)?;
        if config.sectors < LEAST_SECTORS {
            return Err(RingStatisticsError::Sectors(config.sectors));
        }
        let twins = (1..config.statistics.len())
            .any(|index| config.statistics[..index].contains(&config.statistics[index]));
        if twins || config.statistics.is_empty() {
            return Err(RingStatisticsError::Statistics);
        }
        let kinds: &[&str] = if config.sigma_columns {
            &["", "_sigma"]
        } else {
            &[""]
        };
        let mut columns = Vec::new();
        for kind in kinds {
            for statistic in &config.statistics {
                // No uncertainty is defined of what is counted on the detector.
                if *statistic == RingStatistic::ValidFraction && !kind.is_empty() {
                    continue;
                }
                let name = |ring| format!("rings.{}{kind}.{ring}", statistic.name()).into();
                columns.extend(ring_names(config.axis.bins).map(name));
            }
        }
        Ok(Self {
            config,
            columns,
            tables: Tables::new(),
        })
    }

    /// The statistics of each ring of a frame.
    ///
    /// # Errors
    /// [`MissingMetadata`](xscatter_core::ErrorKind::MissingMetadata) without a geometry,
    /// [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData) if no pixel counts or a valid pixel is
    /// not finite.
    pub fn rings(&self, frame: &Frame) -> Result<Vec<RingDescription>> {
        let image = Resampled::of(frame, Grid::Native)?;
        let pose = self.tables.of(frame, |map| {
            let polar = PolarTable::new(map, &self.config.axis, self.config.sectors)?;
            Ok(Pose {
                pixels: polar.pixels(),
                polar,
            })
        })?;
        let cells = pose.polar.sums_measured(&image, frame)?;
        let moments = moments(&pose.polar, &image, &cells);
        let edges = pose.polar.q_edges_inv_nm().windows(2);
        let rings = edges.zip(&moments).enumerate();
        Ok(rings
            .map(|(ring, (edges, moments))| RingDescription {
                q_inv_nm: (edges[0], edges[1]),
                quantities: [
                    moments.mean(),
                    moments.variance(),
                    moments.over_dispersion(),
                    moments.skewness(),
                    anisotropy(&cells, ring),
                    graininess(cells.sums(ring), cells.valid(ring)),
                    valid_fraction(moments.n, pose.pixels[ring]),
                ],
            })
            .collect())
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let rings = self.rings(frame)?;
        let mut row = Vec::with_capacity(self.columns.len());
        let mut push = |statistic: RingStatistic, part: fn(&Measured) -> f64| {
            row.extend(rings.iter().map(|ring| {
                let quantity = &ring.quantities[statistic as usize];
                quantity
                    .as_ref()
                    .map_or(f32::NAN, |measured| finite(part(measured)))
            }));
        };
        for &statistic in &self.config.statistics {
            push(statistic, |measured| measured.value);
        }
        if self.config.sigma_columns {
            for &statistic in &self.config.statistics {
                if statistic != RingStatistic::ValidFraction {
                    push(statistic, |measured| measured.sigma.unwrap_or(f64::NAN));
                }
            }
        }
        Ok(row)
    }
}

impl FeatureExtractor for RingStatistics {
    fn name(&self) -> &str {
        "rings"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        fill_rows(frames, out, |frame| self.row(frame))
    }
}

/// The mean of the counts of a ring and the sums of powers of their deviations.
#[derive(Debug, Clone, Copy, Default)]
struct Moments {
    n: u32,
    mean: f64,
    powers: [f64; 3],
}

fn moments(polar: &PolarTable, image: &Resampled, cells: &CellSums) -> Vec<Moments> {
    // The last one takes what lies in no ring.
    let mut moments: Vec<Moments> = (0..polar.rings())
        .map(|ring| {
            let n = cells.ring_valid(ring);
            Moments {
                n,
                mean: cells.ring_sum(ring) / f64::from(n.max(1)),
                powers: [0.0; 3],
            }
        })
        .chain([Moments::default()])
        .collect();
    let sectors = polar.sectors();
    polar.each(image, |cell, count| {
        let ring = &mut moments[cell / sectors];
        let d = f64::from(count) - ring.mean;
        let d2 = d * d;
        ring.powers[0] += d2;
        ring.powers[1] += d2 * d;
        ring.powers[2] += d2 * d2;
    });
    moments.pop();
    moments
}

impl Moments {
    fn at_least(&self, pixels: u32) -> Result<f64, Undefined> {
        if self.n < pixels {
            return Err(Undefined::new(format!(
                "expected at least {pixels} valid pixels on the ring, found {}",
                self.n
            )));
        }
        Ok(f64::from(self.n))
    }

    /// The central moments of order 2, 3 and 4, without correction.
    fn central(&self) -> [f64; 3] {
        self.powers.map(|sum| sum / f64::from(self.n))
    }

    fn mean(&self) -> Quantity {
        let n = self.at_least(1)?;
        let sigma = (self.n > 1).then(|| (self.powers[0] / (n - 1.0) / n).sqrt());
        let value = self.mean;
        Ok(Measured { value, sigma })
    }

    fn variance(&self) -> Quantity {
        let n = self.at_least(2)?;
        let [m2, _, m4] = self.central();
        let square = (m4 - m2 * m2 * (n - 3.0) / (n - 1.0)) / n;
        Ok(Measured {
            value: self.powers[0] / (n - 1.0),
            sigma: Some(square.max(0.0).sqrt()),
        })
    }

    fn over_dispersion(&self) -> Quantity {
        let variance = self.variance()?;
        let mean = positive(self.mean)?;
        let n = f64::from(self.n);
        let [_, m3, _] = self.central();
        let ratio = variance.value / mean;
        // d(v/m) = dv/m − v dm/m².
        let square = (variance.sigma.unwrap_or(0.0) / mean).powi(2)
            + (ratio / mean).powi(2) * variance.value / n
            - 2.0 * ratio / (mean * mean) * m3 / n;
        Ok(Measured {
            value: ratio - 1.0,
            sigma: Some(square.max(0.0).sqrt()),
        })
    }

    fn skewness(&self) -> Quantity {
        let n = self.at_least(2)?;
        let [m2, m3, _] = self.central();
        let value = m3 / (m2 * m2.sqrt());
        // Below the rounding of the counts there is no shape.
        if m2.sqrt() <= 1e-12 * self.mean.abs() || !value.is_finite() {
            return Err(Undefined::new(
                "expected counts that vary, found them equal",
            ));
        }
        Ok(Measured {
            value,
            sigma: Some((6.0 / n).sqrt()),
        })
    }
}

fn positive(mean: f64) -> Result<f64, Undefined> {
    if mean > 0.0 {
        Ok(mean)
    } else {
        Err(Undefined::new(format!(
            "expected a positive mean, found {mean}"
        )))
    }
}

fn anisotropy(cells: &CellSums, ring: usize) -> Quantity {
    AzimuthalSeries::fit(cells.sums(ring), cells.valid(ring), &ORDERS)?.amplitude(2)
}

fn valid_fraction(valid: u32, pixels: u32) -> Quantity {
    if pixels == 0 {
        return Err(Undefined::new("expected pixels on the ring, found none"));
    }
    Ok(Measured {
        value: f64::from(valid) / f64::from(pixels),
        sigma: None,
    })
}

/// The relative variance between neighbouring sectors of a ring beyond that of Poisson counts, from the
/// `sums` of counts and the numbers of `valid` pixels; see the [module](self).
///
/// ```
/// use xscatter_features::ring_statistics::graininess;
///
/// // Every other sector is twice as bright: 100 and 200 counts a pixel, 50 pixels each.
/// let sums: Vec<f64> = (0..60).map(|s| if s % 2 == 0 { 5000.0 } else { 10_000.0 }).collect();
/// let grains = graininess(&sums, &[50; 60])?;
/// let beyond_poisson = 0.5 * (100f64.powi(2) - 2.0 - 4.0) / 150f64.powi(2);
/// assert!((grains.value - beyond_poisson).abs() < 1e-12);
/// # Ok::<(), xscatter_features::Undefined>(())
/// ```
///
/// # Errors
/// [`Undefined`] without two neighbouring sectors, or without a positive mean.
///
/// # Panics
/// If there are not as many sums as numbers of pixels.
pub fn graininess(sums: &[f64], valid: &[u32]) -> Quantity {
    assert_eq!(sums.len(), valid.len(), "a number of pixels for every sum");
    let pixels: u32 = valid.iter().sum();
    let mean = positive(sums.iter().sum::<f64>() / f64::from(pixels.max(1)))?;
    let pair = |sector: usize| {
        let of = |sector: usize| {
            let n = f64::from(valid[sector]);
            (n > 0.0).then(|| (sums[sector] / n, sums[sector] / (n * n)))
        };
        let (a, b) = (of(sector)?, of((sector + 1) % sums.len())?);
        Some((a.0 - b.0).powi(2) - a.1 - b.1)
    };
    let pairs: Vec<Option<f64>> = (0..sums.len()).map(pair).collect();
    let count = pairs.iter().flatten().count() as f64;
    if count == 0.0 {
        return Err(Undefined::new(
            "expected neighbouring sectors with valid pixels, found none",
        ));
    }
    let average = pairs.iter().flatten().sum::<f64>() / count;
    // Neighbouring pairs share a sector: with normal noise they correlate by a quarter.
    let squares: f64 = pairs
        .iter()
        .flatten()
        .map(|pair| (pair - average).powi(2))
        .sum();
    let variance = 1.5 * squares / (count * count);
    let scale = 0.5 / (mean * mean);
    Ok(Measured {
        value: scale * average,
        sigma: Some(scale * variance.sqrt()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::{Array2, Axis};
    use xscatter_core::{FrameInfo, Geometry, Mask, PixelPosition};

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

    fn statistics(bins: usize) -> RingStatistics {
        RingStatistics::new(RingStatisticsConfig {
            axis: QAxis::linear(bins),
            sectors: 36,
            sigma_columns: true,
            ..Default::default()
        })
        .unwrap()
    }

    #[test]
    fn flips_and_quarter_turns_change_nothing() {
        let mut turned = noisy().t().to_owned();
        turned.invert_axis(Axis(1));
        let statistics = statistics(4);
        let [a, b] = [noisy(), turned].map(|counts| statistics.rings(&frame(counts)).unwrap());
        for (a, b) in a.iter().zip(&b) {
            for statistic in RingStatistic::ALL {
                let (a, b) = (a.get(statistic).unwrap(), b.get(statistic).unwrap());
                assert_relative_eq!(a.value, b.value, epsilon = 1e-10, max_relative = 1e-10);
            }
        }
    }

    #[test]
    fn rings_without_what_a_statistic_needs_say_so() {
        let constant = statistics(2)
            .rings(&frame(Array2::from_elem((50, 50), 7.0)))
            .unwrap();
        assert_eq!(constant[0].get(RingStatistic::Mean).unwrap().value, 7.0);
        assert_eq!(
            constant[0]
                .get(RingStatistic::Skewness)
                .unwrap_err()
                .to_string(),
            "expected counts that vary, found them equal"
        );
        let dark = statistics(2)
            .rings(&frame(Array2::zeros((50, 50))))
            .unwrap();
        for statistic in [
            RingStatistic::OverDispersion,
            RingStatistic::Anisotropy,
            RingStatistic::Graininess,
        ] {
            let reason = dark[0].get(statistic).unwrap_err().to_string();
            assert!(
                reason.starts_with("expected a positive mean, found 0"),
                "{reason}"
            );
        }
        let bad = Array2::from_shape_fn((50, 50), |(row, column)| {
            row.abs_diff(25) < 20 && column.abs_diff(25) < 20
        });
        let masked = frame(noisy())
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let rings = statistics(4).rings(&masked).unwrap();
        assert_eq!(
            rings[0].get(RingStatistic::Mean).unwrap_err().to_string(),
            "expected at least 1 valid pixels on the ring, found 0"
        );
        assert_eq!(
            rings[0].get(RingStatistic::ValidFraction).unwrap().value,
            0.0
        );
        let outermost = rings[3].get(RingStatistic::ValidFraction).unwrap();
        assert!((0.9..1.0).contains(&outermost.value));
    }

    #[test]
    fn graininess_does_not_see_slow_variation() {
        let sums: Vec<f64> = (0..180)
            .map(|s| 1e6 * (1.0 + 0.5 * (crate::polar::chi_rad(s, 180) * 2.0).cos()))
            .collect();
        assert!(graininess(&sums, &[100; 180]).unwrap().value.abs() < 1e-3);
        assert!(graininess(&[1.0; 4], &[1, 0, 1, 0]).is_err());
    }

    #[test]
    fn far_from_the_defaults_the_contract_holds() {
        let bad = Array2::from_shape_fn((50, 50), |(row, column)| row == 20 || column % 17 == 3);
        let masked = frame(noisy())
            .with_mask(Mask::from_bad(bad.view()))
            .unwrap();
        let extractor = RingStatistics::new(RingStatisticsConfig {
            axis: QAxis::log(5),
            sectors: 25,
            statistics: vec![RingStatistic::Graininess, RingStatistic::ValidFraction],
            sigma_columns: true,
        })
        .unwrap();
        let names: Vec<_> = extractor.columns().iter().map(|name| &**name).collect();
        assert_eq!(names.len(), 15);
        assert_eq!(names[10], "rings.graininess_sigma.b0");
        xscatter_testkit::check_extractor(&extractor, &[frame(noisy()), masked]).unwrap();
    }

    #[test]
    fn senseless_settings_are_refused() {
        let refused = |change: fn(&mut RingStatisticsConfig)| {
            let mut config = RingStatisticsConfig::default();
            change(&mut config);
            RingStatistics::new(config).unwrap_err()
        };
        assert_eq!(refused(|c| c.sectors = 8), RingStatisticsError::Sectors(8));
        assert_eq!(
            refused(|c| c.statistics.clear()),
            RingStatisticsError::Statistics
        );
        let twice = refused(|c| c.statistics = vec![RingStatistic::Mean; 2]);
        assert_eq!(twice, RingStatisticsError::Statistics);
    }
}
