//! Structure factors: how particles that keep a distance interfere.
//!
//! Use [`StructureFactor`] for dense particles without order (and [`percus_yevick`] for its plainest
//! case in one call), [`Paracrystal`] for cubic lattices whose order fades with distance,
//! [`LamellarStack`] for layers, and [`paracrystal`] for a distance that repeats along one direction
//! (islands on a surface). [`Suspension`] joins a structure factor with a form factor. For crystals
//! see [`lattice`](crate::lattice).
//!
//! ```text
//! Percus-Yevick   S = 1/(1 + 24 φ c(x)),  x = 2qR
//! paracrystal     S = (1 − p²)/(1 + p² − 2 p cos qD),  p = exp(−q²w²/2 − D/Λ)
//! ```
//!
//! All are dimensionless and 1 at large q. The closed form of c(x) cancels (its relative error in S
//! is 1e-5 at x = 0.02 and total near 1e-3), so x < 0.5 uses its power series. Constant cost, but for
//! the orientation average of [`Paracrystal`].
//!
//! Source: Percus and Yevick 1958, doi:10.1103/PhysRev.110.1; Hosemann's paracrystal as in Renaud,
//! Lazzari and Leroy 2009, doi:10.1016/j.surfrep.2009.07.002. Checked against sasmodels 1.1.0.

mod cubic;
mod lamellae;
mod liquid;
mod suspension;

use thiserror::Error;

pub use self::cubic::{Cubic, Paracrystal, ParacrystalConfig};
pub use self::lamellae::{LamellarStack, LamellarStackConfig};
pub use self::liquid::{Interaction, StructureFactor, StructureFactorConfig};
pub use self::suspension::{Coupling, Suspension, SuspensionConfig};

use crate::form_factor::ShapeError;

/// The volume fraction of spheres in the densest packing, π/√18.
pub const CLOSE_PACKING: f64 = 0.740_480_489_693_061;

/// A structure is impossible.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StructureError {
    /// A number outside its range.
    #[error("{parameter}: expected {expected}, found {value}")]
    Range {
        /// The parameter.
        parameter: &'static str,
        /// Its range.
        expected: &'static str,
        /// What it is.
        value: f64,
    },
    /// Spheres that attract each other too much to stay a homogeneous fluid.
    #[error(
        "{parameter}: spheres of volume fraction {volume_fraction} separate into two phases at {value}"
    )]
    Unstable {
        /// The parameter of the attraction.
        parameter: &'static str,
        /// What it is.
        value: f64,
        /// The volume fraction.
        volume_fraction: f64,
    },
    /// The particles are impossible.
    #[error(transparent)]
    Shape(#[from] ShapeError),
}

/// `value` if it is in its range.
fn within(
    parameter: &'static str,
    expected: &'static str,
    is_valid: impl Fn(f64) -> bool,
    value: f64,
) -> Result<f64, StructureError> {
    if value.is_finite() && is_valid(value) {
        return Ok(value);
    }
    Err(StructureError::Range {
        parameter,
        expected,
        value,
    })
}

/// A length in nm.
fn length(parameter: &'static str, value: f64) -> Result<f64, StructureError> {
    within(parameter, "a positive, finite length", |x| x > 0.0, value)
}

/// A volume fraction of spheres.
fn volume_fraction(value: f64) -> Result<f64, StructureError> {
    within(
        "volume_fraction",
        "more than 0 and at most 0.7405, the closest packing of spheres",
        |x| x > 0.0 && x <= CLOSE_PACKING,
        value,
    )
}

/// The structure factor of hard spheres of volume fraction φ < 1 after Percus and Yevick.
///
/// ```
/// use xscatter_sim::structure_factor::percus_yevick;
///
/// // S(0) = (1 − φ)⁴/(1 + 2φ)²
/// assert!((percus_yevick(0.0, 5.0, 0.2) - 0.20897959183673).abs() < 1e-13);
/// ```
pub fn percus_yevick(q_inv_nm: f64, radius_nm: f64, volume_fraction: f64) -> f64 {
    liquid::hard_spheres(volume_fraction).structure(2.0 * q_inv_nm * radius_nm)
}

/// The structure factor of a one-dimensional (or, along the radius, two-dimensional) paracrystal
/// with mean distance `distance_nm`, its standard deviation `spread_nm` and a coherence length.
pub fn paracrystal(q_inv_nm: f64, distance_nm: f64, spread_nm: f64, coherence_nm: f64) -> f64 {
    let damping = (-0.5 * (q_inv_nm * spread_nm).powi(2) - distance_nm / coherence_nm).exp();
    let cosine = (q_inv_nm * distance_nm).cos();
    (1.0 - damping * damping) / (1.0 + damping * damping - 2.0 * damping * cosine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    /// G-PY-2: 80-digit arithmetic; q in 1/Å, R in Å.
    #[test]
    fn the_series_holds_where_the_closed_form_cancels() {
        for (q, expected) in [
            (1e-6, 0.208_979_591_985_6),
            (1e-5, 0.208_979_606_721_2),
            (1e-4, 0.208_981_080_288_8),
            (1e-3, 0.209_128_492_143_1),
        ] {
            assert_relative_eq!(percus_yevick(q, 50.0, 0.2), expected, max_relative = 1e-12);
        }
        // x = 2qR = 0.5 on either side.
        assert_relative_eq!(
            percus_yevick(0.005 - 1e-14, 50.0, 0.45),
            percus_yevick(0.005 + 1e-14, 50.0, 0.45),
            max_relative = 1e-10
        );
    }

    #[test]
    fn dense_spheres_keep_a_distance_near_their_diameter() {
        let peak = (1..400)
            .map(|i| f64::from(i) * 0.01)
            .max_by(|a, b| percus_yevick(*a, 2.0, 0.45).total_cmp(&percus_yevick(*b, 2.0, 0.45)))
            .unwrap();
        assert!((1.55..1.95).contains(&peak), "{peak}");
        assert!(percus_yevick(0.05, 2.0, 0.45) < 0.05);
    }

    #[test]
    fn a_paracrystal_peaks_at_its_period_and_forgets_it() {
        let s = |q: f64| paracrystal(q, 10.0, 1.5, 1e9);
        assert!(s(0.628) > 3.0 * s(0.95));
        assert_relative_eq!(s(5.0), 1.0, epsilon = 0.01);
    }
}
