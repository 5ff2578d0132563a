//! How particles keep their distance in the plane of a surface: interference functions.
//!
//! Use them in [`Dwba`](super::Dwba), or alone for the shape along q_par of what scatters at a surface.
//! For liquids in three dimensions see [`percus_yevick`](crate::structure_factor::percus_yevick).
//!
//! ```text
//! hard discs    1/S = 1 + 4η [a (J₁(y)/y)² + b J₀(y) J₁(y)/y + g J₁(2y)/y],  y = qR,  χ = (1 + η)/(1 − η)³
//!               a = (1 + (2η − 1) χ + 2η/(1 − η))/η,  b = ((1 − η) χ − 1 − 3η/(1 − η))/η,  g = 1/(1 − η)
//! paracrystal   S = (1 − p²)/(1 + p² − 2 p cos qD),  p = exp(−q²w²/2 − D/Λ)
//! lattice       S = 2π Λ²/A Σ_G exp(−½ Λ² |q − G|²)
//! self-affine   C(q) = 4π h σ² ξ²/(1 + q² ξ²)^(1 + h)         in nm⁴
//! ```
//!
//! η is the share of the surface that discs of radius R cover; S(0) = 1/χ. D is the mean distance to the
//! next neighbour, w its standard deviation, Λ the length over which order lasts, A the area of the unit
//! cell. A lattice without direction is averaged over all of them: circles of truncation rods. All S tend to 1
//! at large q but that of a lattice, whose rods carry no disorder.
//!
//! Source: Rosenfeld 1990, doi:10.1103/PhysRevA.42.5978 (hard discs); Renaud, Lazzari and Leroy 2009,
//! doi:10.1016/j.surfrep.2009.07.002; Palasantzas 1993, doi:10.1103/PhysRevB.48.14472 (self-affine).

use std::f64::consts::{PI, TAU};

use super::{GrazingError, not_negative, positive};
use crate::form_factor::jinc;

/// The share of a plane that close-packed discs cover.
pub(super) const CLOSE_PACKING: f64 = 0.906_899_682_117_109;

/// How particles are arranged in the plane.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Lateral {
    /// Anywhere.
    #[default]
    Random,
    /// As hard discs, which do not overlap.
    HardDisks {
        /// Radius within which there is no other.
        radius_nm: f64,
        /// Share of the surface that the discs cover.
        coverage: f64,
    },
    /// With a distance that repeats with growing uncertainty.
    RadialParacrystal {
        /// Mean distance of neighbours.
        distance_nm: f64,
        /// Its standard deviation.
        spread_nm: f64,
        /// Length over which order lasts.
        coherence_nm: f64,
    },
    /// On a two-dimensional lattice.
    Lattice {
        /// First edge of the unit cell.
        a_nm: f64,
        /// Second edge.
        b_nm: f64,
        /// Angle between the edges.
        angle_rad: f64,
        /// Length over which order lasts.
        coherence_nm: f64,
        /// Of the first edge to the plane of incidence; `None` for domains in all directions.
        turn_rad: Option<f64>,
    },
}

impl Lateral {
    /// # Errors
    /// [`GrazingError`] if a length is not positive, or discs overlap.
    pub(super) fn check(&self) -> Result<(), GrazingError> {
        match *self {
            Self::Random => Ok(()),
            Self::HardDisks {
                radius_nm,
                coverage,
            } => {
                positive("radius_nm", radius_nm)?;
                check_coverage(coverage)
            }
            Self::RadialParacrystal {
                distance_nm,
                spread_nm,
                coherence_nm,
            } => {
                positive("distance_nm", distance_nm)?;
                not_negative("spread_nm", spread_nm)?;
                positive("coherence_nm", coherence_nm)
            }
            Self::Lattice {
                a_nm,
                b_nm,
                angle_rad,
                coherence_nm,
                ..
            } => {
                positive("a_nm", a_nm)?;
                positive("b_nm", b_nm)?;
                positive("the sine of angle_rad", angle_rad.sin())?;
                positive("coherence_nm", coherence_nm)
            }
        }
    }

    /// S(q), in the plane.
    pub fn at(&self, qx_inv_nm: f64, qy_inv_nm: f64) -> f64 {
        let q = qx_inv_nm.hypot(qy_inv_nm);
        match *self {
            Self::Random => 1.0,
            Self::HardDisks {
                radius_nm,
                coverage,
            } => hard_disks(q, radius_nm, coverage),
            Self::RadialParacrystal {
                distance_nm,
                spread_nm,
                coherence_nm,
            } => radial_paracrystal(q, distance_nm, spread_nm, coherence_nm),
            Self::Lattice {
                a_nm,
                b_nm,
                angle_rad,
                coherence_nm,
                turn_rad,
            } => rods(
                (qx_inv_nm, qy_inv_nm),
                (a_nm, b_nm, angle_rad),
                coherence_nm,
                turn_rad,
            ),
        }
    }
}

pub(super) fn check_coverage(found: f64) -> Result<(), GrazingError> {
    not_negative("coverage", found)?;
    if found < CLOSE_PACKING {
        Ok(())
    } else {
        Err(GrazingError::Coverage {
            found,
            limit: CLOSE_PACKING,
        })
    }
}

/// The structure factor of hard discs that cover the share `coverage` < 1 of a plane.
///
/// ```
/// use xscatter_sim::grazing::hard_disks;
///
/// // S(0) = (1 − η)³/(1 + η)
/// assert!((hard_disks(0.0, 5.0, 0.4) - 0.216 / 1.4).abs() < 1e-12);
/// ```
pub fn hard_disks(q_inv_nm: f64, radius_nm: f64, coverage: f64) -> f64 {
    let eta = coverage;
    if eta < 1e-9 {
        return 1.0;
    }
    let y = q_inv_nm * radius_nm;
    let chi = (1.0 + eta) / (1.0 - eta).powi(3);
    let a = (1.0 + (2.0 * eta - 1.0) * chi + 2.0 * eta / (1.0 - eta)) / eta;
    let b = ((1.0 - eta) * chi - 1.0 - 3.0 * eta / (1.0 - eta)) / eta;
    let g = 1.0 / (1.0 - eta);
    // J₁(y)/y is half of jinc, J₁(2y)/y all of it.
    let half = 0.5 * jinc(y);
    let sum = a * half * half + b * libm::j0(y) * half + g * jinc(2.0 * y);
    1.0 / (1.0 + 4.0 * eta * sum)
}

/// The interference function of a radial paracrystal.
pub fn radial_paracrystal(
    q_inv_nm: f64,
    distance_nm: f64,
    spread_nm: f64,
    coherence_nm: f64,
) -> f64 {
    let damping = (-0.5 * (q_inv_nm * spread_nm).powi(2) - distance_nm / coherence_nm).exp();
    let cosine = (q_inv_nm * distance_nm).cos();
    (1.0 - damping * damping) / (1.0 + damping * damping - 2.0 * damping * cosine)
}

/// The power spectrum in nm⁴ of a rough surface that is self-affine below the length ξ, with the Hurst
/// exponent h from 0 (jagged) to 1 (smooth).
pub fn self_affine(q_inv_nm: f64, roughness_nm: f64, length_nm: f64, hurst: f64) -> f64 {
    let x = q_inv_nm * length_nm;
    4.0 * PI * hurst * (roughness_nm * length_nm).powi(2) / (1.0 + x * x).powf(1.0 + hurst)
}

/// The rods of a lattice at one place in the plane, seen from so far as they reach.
fn rods(
    (qx, qy): (f64, f64),
    (a, b, angle): (f64, f64, f64),
    coherence: f64,
    turn: Option<f64>,
) -> f64 {
    /// Beyond so many widths of a rod there is nothing: exp(−½·9²) < 1e-17.
    const REACH: f64 = 9.0;
    let sine = angle.sin();
    let area = a * b * sine;
    let xi = turn.unwrap_or(0.0);
    // Reciprocal vectors along the normals of b and a.
    let first = (TAU / (a * sine), angle + xi - 0.5 * PI);
    let second = (TAU / (b * sine), xi + 0.5 * PI);
    let first = (first.0 * first.1.cos(), first.0 * first.1.sin());
    let second = (second.0 * second.1.cos(), second.0 * second.1.sin());
    let around = |h: f64, k: f64| (h * first.0 + k * second.0, h * first.1 + k * second.1);
    let mut sum = 0.0;
    if turn.is_some() {
        // Fractional indices of q: its projections on the edges.
        let h0 = a * (qx * xi.cos() + qy * xi.sin()) / TAU;
        let k0 = b * (qx * (xi + angle).cos() + qy * (xi + angle).sin()) / TAU;
        let (dh, dk) = (REACH * a / (TAU * coherence), REACH * b / (TAU * coherence));
        for h in (h0 - dh).ceil() as i32..=(h0 + dh).floor() as i32 {
            for k in (k0 - dk).ceil() as i32..=(k0 + dk).floor() as i32 {
                let (gx, gy) = around(f64::from(h), f64::from(k));
                let distance = (qx - gx).powi(2) + (qy - gy).powi(2);
                sum += (-0.5 * coherence * coherence * distance).exp();
            }
        }
    } else {
        let q = qx.hypot(qy);
        let far = q + REACH / coherence;
        let (reach_h, reach_k) = ((far * a / TAU) as i32, (far * b / TAU) as i32);
        for h in -reach_h..=reach_h {
            for k in -reach_k..=reach_k {
                let (gx, gy) = around(f64::from(h), f64::from(k));
                let g = gx.hypot(gy);
                let off = coherence * (q - g);
                if off.abs() < REACH {
                    let x = coherence * coherence * q * g;
                    sum += (-0.5 * off * off).exp() * scaled_i0(x);
                }
            }
        }
    }
    TAU * coherence * coherence / area * sum
}

/// exp(−x) I₀(x), the mean of a Gaussian around a circle; relative error below 2e-7 (Abramowitz and
/// Stegun 9.8.1 and 9.8.2).
fn scaled_i0(x: f64) -> f64 {
    let series = |t: f64, terms: &[f64]| terms.iter().rev().fold(0.0, |sum, term| sum * t + term);
    if x < 3.75 {
        let t = (x / 3.75).powi(2);
        (-x).exp()
            * series(
                t,
                &[
                    1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813,
                ],
            )
    } else {
        series(
            3.75 / x,
            &[
                0.39894228,
                0.01328592,
                0.00225319,
                -0.00157565,
                0.00916281,
                -0.02057706,
                0.02635537,
                -0.01647633,
                0.00392377,
            ],
        ) / x.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    /// To first order in the density S = 1 − ρ ∫ over the excluded disc of radius 2R.
    #[test]
    fn few_discs_exclude_each_other_as_pairs() {
        for q in [0.0, 0.1, 0.4, 1.5] {
            let eta = 1e-6;
            let expected = 1.0 - 4.0 * eta * jinc(2.0 * q * 5.0);
            assert_relative_eq!(hard_disks(q, 5.0, eta), expected, epsilon = 1e-9);
        }
    }

    #[test]
    fn dense_discs_keep_a_distance_near_their_diameter() {
        let q = |i: i32| 0.01 * f64::from(i);
        let peak = (1..300)
            .max_by(|&i, &j| hard_disks(q(i), 3.0, 0.6).total_cmp(&hard_disks(q(j), 3.0, 0.6)))
            .map(q)
            .unwrap();
        assert!((1.0..1.25).contains(&peak), "{peak}");
        assert_relative_eq!(hard_disks(40.0, 3.0, 0.6), 1.0, epsilon = 0.02);
    }

    #[test]
    fn a_paracrystal_peaks_at_its_period_and_forgets_it() {
        let s = |q: f64| radial_paracrystal(q, 10.0, 1.5, 1e9);
        assert!(s(0.628) > 3.0 * s(0.95));
        assert_relative_eq!(s(5.0), 1.0, epsilon = 0.01);
    }

    /// Directions averaged by hand and by the Bessel function; both centred on the rods.
    #[test]
    fn a_lattice_in_all_directions_is_the_mean_of_those_in_one() {
        let lattice = |turn_rad| Lateral::Lattice {
            a_nm: 20.0,
            b_nm: 20.0,
            angle_rad: TAU / 3.0,
            coherence_nm: 30.0,
            turn_rad,
        };
        let first = TAU / (20.0 * (TAU / 3.0).sin());
        for q in [0.3, first, 0.5, first * 3.0_f64.sqrt(), 2.0 * first] {
            let mean = (0..720)
                .map(|i| lattice(Some(TAU * f64::from(i) / 720.0)).at(q, 0.0))
                .sum::<f64>()
                / 720.0;
            assert_relative_eq!(lattice(None).at(q, 0.0), mean, max_relative = 1e-5);
        }
        assert!(lattice(None).at(first, 0.0) > 5.0 * lattice(None).at(0.55, 0.0));
    }

    /// ∫ C d²q/(2π)² = σ².
    #[test]
    fn the_power_spectrum_holds_the_roughness() {
        let step = 1e-3;
        let integral: f64 = (0..400_000)
            .map(|i| (f64::from(i) + 0.5) * step)
            .map(|q| self_affine(q, 0.7, 10.0, 0.8) * q * step / TAU)
            .sum();
        assert_relative_eq!(integral.sqrt(), 0.7, max_relative = 1e-3);
    }

    #[test]
    fn discs_above_close_packing_are_refused() {
        let discs = Lateral::HardDisks {
            radius_nm: 2.0,
            coverage: 0.95,
        };
        assert_eq!(
            discs.check().unwrap_err().to_string(),
            "expected a coverage below close packing, 0.9069, got 0.95"
        );
    }
}
