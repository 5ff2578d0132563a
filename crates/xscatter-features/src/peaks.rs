//! The peaks of a curve I(q): positions, widths, heights and areas with their uncertainties.
//!
//! [`find_peaks`] works in three steps.
//!
//! 1. The curve is smoothed with a Gaussian over bins, and its logarithm clipped ([`background::snip`])
//!    to what lies under the peaks, `B(q)`; values below their uncertainty σ count as σ there.
//! 2. Maxima of the smoothed curve less `B` whose [prominence] is large in units of the
//!    (smoothed) uncertainty, and whose height is large enough relative to `B`, are candidates.
//! 3. Each candidate is fitted as a pseudo-Voigt peak ([`shape`]) to the unsmoothed curve less `B` in a
//!    window of a few widths, over a straight line that takes up what `B` left; candidates whose windows
//!    overlap are fitted together. One that ends without height, at the edge of its window, wider than
//!    the window, narrower than half a bin or at a place uncertain by half its width is dropped, and the
//!    others are fitted again.
//!
//! The d-spacing is `d = 2π / q`, with `σ_d / d = σ_q / q`. Every bump of a curve counts, those of a form
//! factor too. Widths include those of the bins and of the instrument ([`crate::scherrer`] takes a
//! width off).
//!
//! *Conventions*: q in 1/nm, widths in q; an uncertainty of 0 (a bin without a count) is replaced by the
//! smallest other one of the curve; a curve without uncertainties has no peaks but
//! [`Undefined`]. *Cost*: microseconds a curve for the search, and a fit of about 0.1 ms
//! a peak.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::curve::Curve;
use crate::least_squares::usable_sigma;
use crate::measured::{Measured, Undefined};

pub mod background;
pub mod prominence;
pub mod shape;
pub(crate) mod table;

use background::snip;
use prominence::maxima;
use shape::{FittedPeak, PseudoVoigt};
pub use table::{Peaks, PeaksConfig, PeaksError};

/// What counts as a peak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeakSearch {
    /// Standard deviation of the Gaussian that the search smooths with, in bins; 0 does not smooth.
    pub smoothing_bins: f64,
    /// Features wider than this part of the curve, in points, belong to the background.
    pub widest_part: f64,
    /// The smallest prominence in units of the uncertainty.
    pub min_prominence_sigma: f64,
    /// The smallest height as a part of the background below it.
    pub min_contrast: f64,
    /// Half of the window that a peak is fitted in, in units of its width.
    pub window_widths: f64,
    /// No more than this many peaks, those that stand out most in units of the uncertainty.
    pub max_peaks: usize,
}

impl Default for PeakSearch {
    fn default() -> Self {
        Self {
            smoothing_bins: 1.5,
            widest_part: 0.15,
            min_prominence_sigma: 6.0,
            min_contrast: 0.02,
            window_widths: 2.5,
            max_peaks: 12,
        }
    }
}

/// Settings that find no peak.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum PeakSearchError {
    /// A number outside its domain.
    #[error("expected {name} of {expected}, got {found}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// Its domain.
        expected: &'static str,
        /// What was given.
        found: f64,
    },
    /// No peak allowed.
    #[error("expected at least one peak to be allowed, got none")]
    NoPeaks,
}

impl PeakSearch {
    /// Whether the settings can find a peak.
    ///
    /// # Errors
    /// [`PeakSearchError`] if a setting is outside its domain.
    pub fn check(&self) -> Result<(), PeakSearchError> {
        let at_least_0 = 0.0..f64::INFINITY;
        let refused = |name, expected, found| {
            Err(PeakSearchError::Setting {
                name,
                expected,
                found,
            })
        };
        if !(0.0..=100.0).contains(&self.smoothing_bins) {
            return refused("smoothing_bins", "0 to 100", self.smoothing_bins);
        }
        if !(self.widest_part > 0.0 && self.widest_part <= 1.0) {
            return refused("widest_part", "above 0, at most 1", self.widest_part);
        }
        if !at_least_0.contains(&self.min_prominence_sigma) {
            let found = self.min_prominence_sigma;
            return refused("min_prominence_sigma", "at least 0", found);
        }
        if !at_least_0.contains(&self.min_contrast) {
            return refused("min_contrast", "at least 0", self.min_contrast);
        }
        if !(0.5..=100.0).contains(&self.window_widths) {
            return refused("window_widths", "0.5 to 100", self.window_widths);
        }
        if self.max_peaks == 0 {
            return Err(PeakSearchError::NoPeaks);
        }
        Ok(())
    }
}

/// A peak of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Peak {
    /// Where its maximum is.
    pub q_inv_nm: Measured,
    /// Full width at half maximum.
    pub fwhm_inv_nm: Measured,
    /// Intensity at the maximum, above the background.
    pub height: Measured,
    /// Integral over q, above the background.
    pub area: Measured,
    /// 0 for a Gaussian, 1 for a Lorentzian.
    pub lorentzian_share: Measured,
    /// How far it stands out of the smoothed curve, in units of its uncertainty.
    pub prominence_sigma: f64,
    /// χ² of the fit over its degrees of freedom.
    pub reduced_chi_square: f64,
}

impl Peak {
    /// The distance of planes `2π / q`.
    pub fn d_nm(&self) -> Measured {
        let Measured { value: q, sigma } = self.q_inv_nm;
        Measured {
            value: TAU / q,
            sigma: sigma.map(|sigma| TAU / q * sigma / q),
        }
    }
}

/// A maximum that may be a peak.
#[derive(Debug, Clone, Copy)]
struct Candidate {
    index: usize,
    start: PseudoVoigt,
    prominence_sigma: f64,
}

/// The peaks of a curve, ascending in q; there may be none. See the [module](self).
///
/// ```
/// use xscatter_features::Curve;
/// use xscatter_features::peaks::{PeakSearch, find_peaks};
///
/// let q: Vec<f64> = (0..200).map(|bin| 0.1 + 0.01 * f64::from(bin)).collect();
/// let counts = q.iter().map(|q| 400.0 / q + 900.0 * (-((q - 1.2) / 0.05_f64).powi(2)).exp());
/// let counts: Vec<f64> = counts.collect();
/// let sigma = counts.iter().map(|count| count.sqrt()).collect();
/// let peaks = find_peaks(&Curve::new(q, counts, sigma)?, &PeakSearch::default())?;
/// assert_eq!(peaks.len(), 1);
/// assert!((peaks[0].q_inv_nm.value - 1.2).abs() < 1e-3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Undefined`] for a curve of fewer than 8 points or without uncertainties, and for settings that
/// [`PeakSearch::check`] refuses.
pub fn find_peaks(curve: &Curve, search: &PeakSearch) -> Result<Vec<Peak>, Undefined> {
    search
        .check()
        .map_err(|error| Undefined::new(error.to_string()))?;
    let points = curve.q_inv_nm().len();
    if points < 8 {
        return Err(Undefined::new(format!(
            "expected a curve of at least 8 points, found {points}"
        )));
    }
    let sigma = usable_sigma(curve)?;
    let (background, candidates) = candidates(curve, &sigma, search);
    let net: Vec<f64> = curve
        .intensity()
        .iter()
        .zip(&background)
        .map(|(value, below)| value - below)
        .collect();
    let mut peaks = Vec::new();
    for group in groups(&candidates, curve.q_inv_nm(), search) {
        refine(group, curve.q_inv_nm(), &net, &sigma, search, &mut peaks);
    }
    peaks.sort_by(|one, other| f64::total_cmp(&one.q_inv_nm.value, &other.q_inv_nm.value));
    // Two starts may end in the same peak.
    peaks.dedup_by(|next, kept| {
        next.q_inv_nm.value - kept.q_inv_nm.value < 0.25 * kept.fwhm_inv_nm.value
    });
    Ok(peaks)
}

/// What lies under the peaks, and the maxima that stand out of it, ascending in q.
fn candidates(curve: &Curve, sigma: &[f64], search: &PeakSearch) -> (Vec<f64>, Vec<Candidate>) {
    let q = curve.q_inv_nm();
    let (smooth, noise) = smoothed(curve.intensity(), sigma, search.smoothing_bins);
    let logarithms: Vec<f64> = smooth
        .iter()
        .zip(&noise)
        .map(|(value, noise)| value.max(*noise).ln())
        .collect();
    let half_width = (0.5 * search.widest_part * q.len() as f64).ceil() as usize;
    let background: Vec<f64> = snip(&logarithms, half_width)
        .into_iter()
        .map(f64::exp)
        .collect();
    let net: Vec<f64> = smooth
        .iter()
        .zip(&background)
        .map(|(value, below)| value - below)
        .collect();
    let mut found: Vec<Candidate> = maxima(&net)
        .into_iter()
        .filter_map(|maximum| {
            let index = maximum.index;
            let prominence_sigma = maximum.prominence / noise[index];
            let stands_out = prominence_sigma >= search.min_prominence_sigma
                && net[index] >= search.min_contrast * background[index];
            let (left, right) = maximum.half_height(&net);
            let fwhm = between(q, right) - between(q, left);
            stands_out.then_some(Candidate {
                index,
                start: PseudoVoigt {
                    position: q[index],
                    fwhm,
                    height: net[index],
                    lorentzian_share: 0.5,
                },
                prominence_sigma,
            })
        })
        .collect();
    found.sort_by(|one, other| f64::total_cmp(&other.prominence_sigma, &one.prominence_sigma));
    found.truncate(search.max_peaks);
    found.sort_by_key(|candidate| candidate.index);
    (background, found)
}

/// The value at an index between samples.
fn between(values: &[f64], index: f64) -> f64 {
    let before = (index as usize).min(values.len() - 1);
    let after = (before + 1).min(values.len() - 1);
    values[before] + (index - before as f64) * (values[after] - values[before])
}

/// The values smoothed with a Gaussian over indices, and the uncertainties of that.
fn smoothed(values: &[f64], sigma: &[f64], deviation: f64) -> (Vec<f64>, Vec<f64>) {
    let reach = (4.0 * deviation).ceil() as usize;
    let kernel: Vec<f64> = (0..=reach)
        .map(|at| {
            if at == 0 {
                1.0
            } else {
                (-0.5 * (at as f64 / deviation).powi(2)).exp()
            }
        })
        .collect();
    let mean = |at: usize| {
        let (mut sum, mut variance, mut weights) = (0.0, 0.0, 0.0);
        for near in at.saturating_sub(reach)..(at + reach + 1).min(values.len()) {
            let weight = kernel[near.abs_diff(at)];
            sum += weight * values[near];
            variance += (weight * sigma[near]).powi(2);
            weights += weight;
        }
        (sum / weights, variance.sqrt() / weights)
    };
    (0..values.len()).map(mean).unzip()
}

/// The points that a candidate is fitted to: a few widths, and enough of them.
fn window(candidate: &Candidate, q: &[f64], search: &PeakSearch) -> (usize, usize) {
    let half = search.window_widths * candidate.start.fwhm;
    let start = q.partition_point(|&q| q < candidate.start.position - half);
    let end = q.partition_point(|&q| q <= candidate.start.position + half);
    (
        start.min(candidate.index.saturating_sub(4)),
        end.max((candidate.index + 5).min(q.len())),
    )
}

/// Runs of candidates whose windows overlap.
fn groups<'a>(candidates: &'a [Candidate], q: &[f64], search: &PeakSearch) -> Vec<&'a [Candidate]> {
    let mut groups = Vec::new();
    let (mut first, mut end) = (0, 0);
    for (at, candidate) in candidates.iter().enumerate() {
        let (start, stop) = window(candidate, q, search);
        if at > first && start >= end {
            groups.push(&candidates[first..at]);
            first = at;
        }
        end = if at == first { stop } else { stop.max(end) };
    }
    if first < candidates.len() {
        groups.push(&candidates[first..]);
    }
    groups
}

/// Fits a group of candidates, dropping those that are no peaks, until all that are left are.
fn refine(
    group: &[Candidate],
    q: &[f64],
    net: &[f64],
    sigma: &[f64],
    search: &PeakSearch,
    peaks: &mut Vec<Peak>,
) {
    let mut group = group.to_vec();
    while !group.is_empty() {
        let windows = group.iter().map(|candidate| window(candidate, q, search));
        let (start, end) = windows.fold((q.len(), 0), |(start, end), (from, to)| {
            (start.min(from), end.max(to))
        });
        let points = start..end;
        let starts: Vec<PseudoVoigt> = group.iter().map(|candidate| candidate.start).collect();
        let fitted = shape::fit(
            &q[points.clone()],
            &net[points.clone()],
            &sigma[points.clone()],
            &starts,
        );
        let Some(fitted) = fitted else {
            // The one that stands out least may be what spoils it.
            let worst = group
                .iter()
                .enumerate()
                .min_by(|(_, a), (_, b)| f64::total_cmp(&a.prominence_sigma, &b.prominence_sigma));
            if let Some((worst, _)) = worst {
                group.remove(worst);
            }
            continue;
        };
        let sound: Vec<bool> = fitted
            .peaks
            .iter()
            .map(|peak| is_peak(peak, &q[points.clone()]))
            .collect();
        if sound.iter().all(|&sound| sound) {
            peaks.extend(
                fitted
                    .peaks
                    .iter()
                    .zip(&group)
                    .map(|(peak, candidate)| Peak {
                        q_inv_nm: peak.position,
                        fwhm_inv_nm: peak.fwhm,
                        height: peak.height,
                        area: peak.area,
                        lorentzian_share: peak.lorentzian_share,
                        prominence_sigma: candidate.prominence_sigma,
                        reduced_chi_square: fitted.reduced_chi_square,
                    }),
            );
            return;
        }
        let mut sound = sound.into_iter();
        group.retain(|_| sound.next() == Some(true));
    }
}

/// Whether a fit ended in something that the points show.
fn is_peak(peak: &FittedPeak, q: &[f64]) -> bool {
    let (first, last) = (q[0], q[q.len() - 1]);
    let bin = (last - first) / (q.len() - 1) as f64;
    let (position, fwhm) = (peak.position.value, peak.fwhm.value);
    let is_placed = peak.position.sigma.is_some_and(|sigma| sigma < 0.5 * fwhm);
    is_placed
        && first < position
        && position < last
        && (0.5 * bin..last - first).contains(&fwhm)
        && peak.height.value > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use xscatter_core::seed::derive;

    /// A standard normal number: the sum of twelve even ones.
    fn normal(seed: u64, index: u64) -> f64 {
        let even = |k: u64| derive(seed, 12 * index + k) as f64 / 2f64.powi(64);
        (0..12).map(even).sum::<f64>() - 6.0
    }

    fn curve(truth: &[PseudoVoigt], scale: f64, seed: Option<u64>) -> Curve {
        let q: Vec<f64> = (0..400).map(|bin| 0.05 + 0.005 * f64::from(bin)).collect();
        let mean = q.iter().map(|&q| {
            let peaks: f64 = truth.iter().map(|peak| peak.at(q)).sum();
            scale * (20.0 * q.powi(-2) + 50.0 + peaks)
        });
        let mean: Vec<f64> = mean.collect();
        let sigma: Vec<f64> = mean.iter().map(|mean| mean.sqrt()).collect();
        let intensity = (0..q.len())
            .map(|at| mean[at] + seed.map_or(0.0, |seed| sigma[at] * normal(seed, at as u64)));
        let intensity = intensity.collect();
        Curve::new(q, intensity, sigma).unwrap()
    }

    fn peak(position: f64, fwhm: f64, height: f64) -> PseudoVoigt {
        PseudoVoigt {
            position,
            fwhm,
            height,
            lorentzian_share: 0.3,
        }
    }

    #[test]
    fn overlapping_peaks_on_a_slope_are_taken_apart() {
        let truth = [
            peak(0.5, 0.03, 900.0),
            peak(0.55, 0.03, 500.0),
            peak(1.4, 0.05, 200.0),
        ];
        let peaks = find_peaks(&curve(&truth, 100.0, None), &PeakSearch::default()).unwrap();
        assert_eq!(peaks.len(), 3);
        for (found, truth) in peaks.iter().zip(&truth) {
            assert_relative_eq!(found.q_inv_nm.value, truth.position, max_relative = 5e-4);
            assert_relative_eq!(found.fwhm_inv_nm.value, truth.fwhm, max_relative = 0.1);
            assert_relative_eq!(found.area.value, 100.0 * truth.area(), max_relative = 0.1);
            let d = found.d_nm();
            assert_relative_eq!(
                d.sigma.unwrap() / d.value,
                found.q_inv_nm.sigma.unwrap() / found.q_inv_nm.value,
                max_relative = 1e-12
            );
        }
    }

    #[test]
    fn noise_alone_has_no_peaks() {
        let found: usize = (0..100)
            .map(|seed| {
                let curve = curve(&[], 1.0, Some(seed));
                find_peaks(&curve, &PeakSearch::default()).unwrap().len()
            })
            .sum();
        assert!(found <= 2, "{found} peaks in 100 curves");
    }

    #[test]
    fn uncertainties_are_those_of_repetition() {
        let truth = [peak(1.0, 0.06, 60.0)];
        let mut scores = Vec::new();
        let mut found = 0;
        for seed in 0..200 {
            let curve = curve(&truth, 1.0, Some(seed));
            let peaks = find_peaks(&curve, &PeakSearch::default()).unwrap();
            let Some(peak) = peaks
                .iter()
                .find(|peak| (peak.q_inv_nm.value - 1.0).abs() < 0.03)
            else {
                panic!("seed {seed}: {peaks:?}");
            };
            found += peaks.len();
            let Measured { value, sigma } = peak.q_inv_nm;
            scores.push((value - 1.0) / sigma.unwrap());
        }
        assert!(found <= 204, "{found} peaks in 200 curves with one");
        let count = scores.len() as f64;
        let mean = scores.iter().sum::<f64>() / count;
        let variance = scores.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / count;
        assert!(mean.abs() < 0.25, "{mean}");
        assert!((0.75..1.3).contains(&variance), "{variance}");
    }

    #[test]
    fn the_unit_of_the_intensity_does_not_matter() {
        let truth = [peak(0.7, 0.04, 100.0), peak(1.2, 0.08, 70.0)];
        let counts = curve(&truth, 1.0, Some(7));
        let times = |values: &[f64]| values.iter().map(|value| 1e-3 * value).collect();
        let scaled = Curve::new(
            counts.q_inv_nm().to_vec(),
            times(counts.intensity()),
            times(counts.sigma()),
        );
        let search = PeakSearch::default();
        let one = find_peaks(&counts, &search).unwrap();
        let other = find_peaks(&scaled.unwrap(), &search).unwrap();
        assert_eq!((one.len(), other.len()), (2, 2));
        for (one, other) in one.iter().zip(&other) {
            assert_relative_eq!(
                one.q_inv_nm.value,
                other.q_inv_nm.value,
                max_relative = 1e-8
            );
            assert_relative_eq!(one.area.value, 1e3 * other.area.value, max_relative = 1e-6);
        }
    }

    #[test]
    fn what_has_no_peaks_says_why() {
        let short = Curve::new(vec![1.0], vec![1.0], vec![1.0]).unwrap();
        let error = find_peaks(&short, &PeakSearch::default()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a curve of at least 8 points, found 1"
        );
        let q: Vec<f64> = (1..20).map(f64::from).collect();
        let dark = Curve::new(q, vec![0.0; 19], vec![0.0; 19]).unwrap();
        let error = find_peaks(&dark, &PeakSearch::default()).unwrap_err();
        assert!(error.to_string().contains("uncertainties"), "{error}");
        let search = PeakSearch {
            widest_part: 0.0,
            ..Default::default()
        };
        assert!(find_peaks(&short, &search).is_err());
    }
}
