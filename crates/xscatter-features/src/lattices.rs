//! Which lattice a list of peaks may come from, as a probability over candidates.
//!
//! A lattice with parameter `a` has its reflections at `q = 2π g / a`, with `g` from its list:
//!
//! | phase | `g²` | `a` |
//! |---|---|---|
//! | lamellar | 1, 4, 9, 16 … | period |
//! | hexagonal (2D) | 4/3 · (1, 3, 4, 7, 9, 12 …) | distance of neighbouring cylinders |
//! | square (2D) | 1, 2, 4, 5, 8 … | edge of the cell |
//! | simple cubic, body-centred, face-centred | `h² + k² + l²` of any, `h + k + l` even, all of the same parity | edge of the cell |
//! | diamond (Fd3̄m) | 3, 8, 11, 16, 19 … | edge of the cell |
//! | gyroid (Ia3̄d) | 6, 8, 14, 16, 20, 22 … | edge of the cell |
//! | double diamond (Pn3̄m) | 2, 3, 4, 6, 8, 9 … | edge of the cell |
//! | single gyroid (I4₁32) | 2, 6, 8, 10, 12, 14 … | edge of the cell |
//! | hexagonal close-packed | `4/3 (h² + hk + k²) + 3/8 l²` of `l` even or `h + 2k ≠ 3n` | distance of neighbours, c/a ideal |
//!
//! The primitive bicontinuous phase Im3̄m has the list of the body-centred lattice and is not listed
//! beside it. Orders above [`LatticeConfig::orders`] are not expected.
//!
//! For each phase, and each peak that may be its first reflection, every peak takes the nearest
//! reflection, each reflection at most the nearest peak; `2π/a` is then fitted by weighted least squares,
//! and peaks and reflections are matched again with it. The uncertainty of a position is its own and
//! [`LatticeConfig::relative_tolerance`] of q, in quadrature. The misfit is
//! `χ² = Σ min(r², E) + E · extra + M · missing`: r the residuals in units of the uncertainty, `E` the
//! cost of an extra peak (one without a reflection, or further from it than √E), `M` that of a reflection
//! between the lowest and the highest q of the curve's peaks, or below them down to the start of the
//! curve, without a peak. The smallest over the first reflections counts. The posterior is
//! `p ∝ prior · exp(−χ²/2)`.
//!
//! A missing reflection costs less than an extra peak by default, since minima of the form factor erase reflections; simple
//! and body-centred cubic have the same ratios up to the sixth order, and stay equal candidates then.
//! Fewer than two peaks decide nothing: [`Undefined`].
//!
//! *Cost*: phases × peaks² × orders, some ten microseconds.

use std::f64::consts::TAU;

use serde::{Deserialize, Serialize};

use crate::measured::{Measured, Undefined};

mod phase;
mod table;

pub use phase::Phase;
pub use table::{Lattices, LatticesConfig, LatticesError};

/// How peaks are weighed against lattices.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LatticeConfig {
    /// The candidates.
    pub phases: Vec<Phase>,
    /// How likely each is beforehand, in any unit; none: all equally.
    pub priors: Vec<f64>,
    /// What every position may be wrong by, as a part of it: an imperfect geometry, a strained lattice.
    pub relative_tolerance: f64,
    /// How many reflections of each phase there may be.
    pub orders: usize,
    /// What a peak without a reflection adds to χ².
    pub extra_cost: f64,
    /// What a reflection without a peak adds to χ².
    pub missing_cost: f64,
}

impl Default for LatticeConfig {
    fn default() -> Self {
        Self {
            phases: Phase::ALL.to_vec(),
            priors: Vec::new(),
            relative_tolerance: 0.005,
            orders: 20,
            extra_cost: 9.0,
            missing_cost: 4.0,
        }
    }
}

/// Settings that weigh nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum LatticeError {
    /// No candidate, or one twice.
    #[error("expected different phases, at least one, got {0:?}")]
    Phases(Vec<Phase>),
    /// Priors that do not belong to the phases.
    #[error("expected no priors or one above 0 for each of {phases} phases, got {found:?}")]
    Priors {
        /// How many phases there are.
        phases: usize,
        /// What was given.
        found: Vec<f64>,
    },
    /// A tolerance or a cost outside its domain.
    #[error("expected {name} of at least 0, got {found}")]
    Negative {
        /// Which setting.
        name: &'static str,
        /// What was given.
        found: f64,
    },
    /// Too few or too many reflections.
    #[error("expected 2 to 200 orders, got {0}")]
    Orders(usize),
}

impl LatticeConfig {
    /// Whether the settings can weigh anything.
    ///
    /// # Errors
    /// [`LatticeError`] if a setting is outside its domain.
    pub fn check(&self) -> Result<(), LatticeError> {
        let mut different = self.phases.clone();
        different.sort_unstable();
        different.dedup();
        if different.is_empty() || different.len() != self.phases.len() {
            return Err(LatticeError::Phases(self.phases.clone()));
        }
        let positive = |prior: &f64| *prior > 0.0 && prior.is_finite();
        let fits = self.priors.is_empty() || self.priors.len() == self.phases.len();
        if !fits || !self.priors.iter().all(positive) {
            return Err(LatticeError::Priors {
                phases: self.phases.len(),
                found: self.priors.clone(),
            });
        }
        for (name, found) in [
            ("relative_tolerance", self.relative_tolerance),
            ("extra_cost", self.extra_cost),
            ("missing_cost", self.missing_cost),
        ] {
            if !(0.0..f64::INFINITY).contains(&found) {
                return Err(LatticeError::Negative { name, found });
            }
        }
        if !(2..=200).contains(&self.orders) {
            return Err(LatticeError::Orders(self.orders));
        }
        Ok(())
    }
}

/// A lattice that the peaks may come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Which.
    pub phase: Phase,
    /// How likely it is among the candidates.
    pub posterior: f64,
    /// The misfit.
    pub chi_square: f64,
    /// The lattice parameter `a` in nm.
    pub lattice_nm: Measured,
    /// The reflection of each peak, counted from 0, `None` for an extra peak.
    pub reflections: Vec<Option<usize>>,
    /// How many reflections have no peak.
    pub missing: usize,
    /// Root mean square of `q / q_calculated − 1` over the peaks with a reflection.
    pub relative_residual: f64,
}

/// The candidate lattices for peaks at these positions, in the order of [`LatticeConfig::phases`].
///
/// Positions ascend in q; `start_inv_nm` is where the curve starts: reflections below it are not missing.
///
/// ```
/// use xscatter_features::Measured;
/// use xscatter_features::lattices::{LatticeConfig, Phase, candidates};
///
/// let at = |q| Measured { value: q, sigma: Some(1e-3) };
/// let peaks = [at(0.30), at(0.30 * 3f64.sqrt()), at(0.60), at(0.30 * 7f64.sqrt())];
/// let candidates = candidates(&peaks, 0.1, &LatticeConfig::default())?;
/// let best = candidates.iter().max_by(|a, b| a.posterior.total_cmp(&b.posterior)).ok_or("none")?;
/// assert_eq!(best.phase, Phase::Hexagonal);
/// assert!((best.lattice_nm.value - 24.18).abs() < 0.01);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Undefined`] for fewer than two peaks, for positions that do not ascend from above 0, and for settings
/// that [`LatticeConfig::check`] refuses.
///
/// # Panics
/// Never: there are at least two peaks to start from.
pub fn candidates(
    peaks_inv_nm: &[Measured],
    start_inv_nm: f64,
    config: &LatticeConfig,
) -> Result<Vec<Candidate>, Undefined> {
    config
        .check()
        .map_err(|error| Undefined::new(error.to_string()))?;
    let q: Vec<f64> = peaks_inv_nm.iter().map(|peak| peak.value).collect();
    if q.len() < 2 {
        let reason = format!("expected at least 2 peaks, found {}", q.len());
        return Err(Undefined::new(reason));
    }
    if !(q[0] > 0.0 && q.windows(2).all(|pair| pair[0] < pair[1])) {
        let reason = format!("expected peaks that ascend from above 0, found {q:?}");
        return Err(Undefined::new(reason));
    }
    let sigma: Vec<f64> = peaks_inv_nm
        .iter()
        .map(|peak| {
            let own = peak.sigma.unwrap_or(0.0);
            // Without any uncertainty every misfit would be endless.
            own.hypot(config.relative_tolerance.max(1e-9) * peak.value)
        })
        .collect();
    let mut candidates: Vec<Candidate> = config
        .phases
        .iter()
        .map(|&phase| {
            let g: Vec<f64> = phase.reflections(config.orders).collect();
            let starts = (0..q.len()).map(|first| {
                let scale = q[first] / g[0];
                let fitted = Match::of(&q, &sigma, &g, scale).scale(&q, &sigma, &g);
                let scale = fitted.map_or(scale, |(scale, _)| scale);
                candidate(phase, &q, &sigma, &g, scale, start_inv_nm, config)
            });
            starts
                .reduce(|best, next| {
                    if next.chi_square < best.chi_square {
                        next
                    } else {
                        best
                    }
                })
                .expect("there are at least two peaks to start from")
        })
        .collect();
    let least = candidates
        .iter()
        .map(|candidate| candidate.chi_square)
        .fold(f64::INFINITY, f64::min);
    let mut total = 0.0;
    for (at, candidate) in candidates.iter_mut().enumerate() {
        let prior = config.priors.get(at).copied().unwrap_or(1.0);
        candidate.posterior = prior * (-0.5 * (candidate.chi_square - least)).exp();
        total += candidate.posterior;
    }
    for candidate in &mut candidates {
        candidate.posterior /= total;
    }
    Ok(candidates)
}

/// Which reflection each peak takes.
struct Match {
    reflections: Vec<Option<usize>>,
}

impl Match {
    /// With reflections at `scale · g`: each peak the nearest, each reflection at most the nearest peak.
    fn of(q: &[f64], sigma: &[f64], g: &[f64], scale: f64) -> Self {
        let mut reflections: Vec<Option<usize>> = Vec::with_capacity(q.len());
        let distance =
            |peak: usize, order: usize| ((q[peak] - scale * g[order]) / sigma[peak]).abs();
        for (peak, &place) in q.iter().enumerate() {
            let above = g.partition_point(|&g| scale * g < place);
            let near = [above.checked_sub(1), Some(above).filter(|&at| at < g.len())];
            let nearest = near
                .into_iter()
                .flatten()
                .min_by(|&a, &b| f64::total_cmp(&distance(peak, a), &distance(peak, b)));
            let taken = (0..peak).find(|&other| reflections[other] == nearest);
            match (taken, nearest) {
                (Some(other), Some(order)) if distance(other, order) <= distance(peak, order) => {
                    reflections.push(None);
                }
                (Some(other), _) => {
                    reflections[other] = None;
                    reflections.push(nearest);
                }
                (None, _) => reflections.push(nearest),
            }
        }
        Self { reflections }
    }

    /// Leaves out the peaks that are further from their reflection than `limit` uncertainties.
    fn within(mut self, limit: f64, q: &[f64], sigma: &[f64], g: &[f64], scale: f64) -> Self {
        for (peak, reflection) in self.reflections.iter_mut().enumerate() {
            *reflection = reflection
                .filter(|&order| ((q[peak] - scale * g[order]) / sigma[peak]).abs() <= limit);
        }
        self
    }

    /// `2π/a` by weighted least squares, and its variance; `None` without a matched peak.
    fn scale(&self, q: &[f64], sigma: &[f64], g: &[f64]) -> Option<(f64, f64)> {
        let (mut gq, mut gg) = (0.0, 0.0);
        for (peak, reflection) in self.reflections.iter().enumerate() {
            if let &Some(order) = reflection {
                let weight = sigma[peak].powi(-2);
                gq += weight * g[order] * q[peak];
                gg += weight * g[order] * g[order];
            }
        }
        (gg > 0.0).then(|| (gq / gg, 1.0 / gg))
    }
}

fn candidate(
    phase: Phase,
    q: &[f64],
    sigma: &[f64],
    g: &[f64],
    start: f64,
    start_inv_nm: f64,
    config: &LatticeConfig,
) -> Candidate {
    let limit = config.extra_cost.sqrt();
    let matched = Match::of(q, sigma, g, start).within(limit, q, sigma, g, start);
    // A start that no peak is near keeps its scale: everything is extra then.
    let (scale, variance) = matched.scale(q, sigma, g).unwrap_or((start, 0.0));
    let matched = Match::of(q, sigma, g, scale).within(limit, q, sigma, g, scale);
    let (mut chi_square, mut squares, mut count) = (0.0, 0.0, 0usize);
    for (peak, reflection) in matched.reflections.iter().enumerate() {
        match *reflection {
            Some(order) => {
                let expected = scale * g[order];
                chi_square += ((q[peak] - expected) / sigma[peak]).powi(2);
                squares += (q[peak] / expected - 1.0).powi(2);
                count += 1;
            }
            None => chi_square += config.extra_cost,
        }
    }
    let last = q[q.len() - 1];
    let expected = |order: usize| (start_inv_nm..=last).contains(&(scale * g[order]));
    let missing = (0..g.len())
        .filter(|&order| expected(order) && !matched.reflections.contains(&Some(order)))
        .count();
    chi_square += config.missing_cost * missing as f64;
    Candidate {
        phase,
        posterior: 0.0,
        chi_square,
        lattice_nm: Measured {
            value: TAU / scale,
            sigma: (variance > 0.0).then(|| TAU / scale * variance.sqrt() / scale),
        },
        reflections: matched.reflections,
        missing,
        relative_residual: (squares / count.max(1) as f64).sqrt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn peaks(phase: Phase, count: usize, lattice_nm: f64) -> Vec<Measured> {
        let at = |g: f64| Measured {
            value: TAU * g / lattice_nm,
            sigma: Some(1e-4),
        };
        phase.reflections(count).map(at).collect()
    }

    fn best(candidates: &[Candidate]) -> &Candidate {
        let by = |a: &&Candidate, b: &&Candidate| f64::total_cmp(&a.posterior, &b.posterior);
        candidates.iter().max_by(by).unwrap()
    }

    #[test]
    fn each_phase_is_recognised_by_its_own_peaks() {
        for phase in Phase::ALL {
            let peaks = peaks(phase, 8, 30.0);
            let found = candidates(&peaks, 0.01, &LatticeConfig::default()).unwrap();
            let best = best(&found);
            assert_eq!(best.phase, phase);
            assert!(best.posterior > 0.85, "{phase:?}: {}", best.posterior);
            assert_relative_eq!(best.lattice_nm.value, 30.0, max_relative = 1e-9);
            assert!(best.lattice_nm.sigma.is_some_and(|sigma| sigma < 0.1));
            let total: f64 = found.iter().map(|candidate| candidate.posterior).sum();
            assert_relative_eq!(total, 1.0, max_relative = 1e-12);
        }
    }

    #[test]
    fn simple_and_body_centred_cubic_are_one_up_to_the_sixth_order() {
        for (count, phase, same) in [
            (6, Phase::BodyCentredCubic, true),
            (7, Phase::BodyCentredCubic, false),
            (7, Phase::SimpleCubic, false),
        ] {
            let peaks = peaks(phase, count, 20.0);
            let found = candidates(&peaks, 0.01, &LatticeConfig::default()).unwrap();
            let [simple, body] = [Phase::SimpleCubic, Phase::BodyCentredCubic]
                .map(|phase| found.iter().find(|one| one.phase == phase).unwrap());
            if same {
                assert_relative_eq!(simple.posterior, body.posterior, max_relative = 1e-9);
                assert!(simple.posterior > 0.45);
            } else {
                assert_eq!(best(&found).phase, phase);
                assert!(simple.posterior.max(body.posterior) > 0.85);
            }
        }
    }

    #[test]
    fn extra_and_missing_peaks_cost() {
        let mut peaks = peaks(Phase::Lamellar, 4, 10.0);
        let config = LatticeConfig {
            phases: vec![Phase::Lamellar],
            ..Default::default()
        };
        peaks.remove(2);
        peaks.insert(
            1,
            Measured {
                value: 0.8,
                sigma: Some(1e-4),
            },
        );
        let found = candidates(&peaks, 0.01, &config).unwrap();
        assert_relative_eq!(found[0].chi_square, 9.0 + 4.0, max_relative = 1e-9);
        assert_eq!(found[0].reflections, [Some(0), None, Some(1), Some(3)]);
        assert_eq!((found[0].missing, found[0].posterior), (1, 1.0));
    }

    #[test]
    fn what_decides_nothing_says_why() {
        let one = Measured {
            value: 1.0,
            sigma: None,
        };
        let config = LatticeConfig::default();
        let error = candidates(&[one], 0.0, &config).unwrap_err();
        assert_eq!(error.to_string(), "expected at least 2 peaks, found 1");
        assert!(candidates(&[one, one], 0.0, &config).is_err());
        for config in [
            LatticeConfig {
                phases: vec![],
                ..config.clone()
            },
            LatticeConfig {
                priors: vec![1.0],
                ..config.clone()
            },
            LatticeConfig {
                orders: 1,
                ..config.clone()
            },
            LatticeConfig {
                missing_cost: f64::NAN,
                ..config.clone()
            },
        ] {
            assert!(config.check().is_err(), "{config:?}");
        }
    }
}
