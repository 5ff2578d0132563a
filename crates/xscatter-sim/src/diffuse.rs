//! Smooth scattering laws: what disordered matter adds at small angles.
//!
//! ```text
//! Guinier             exp(−q²R_g²/3)
//! power law           (q² + q_f²)^(−n/2)      Porod's law is n = 4; q_f keeps it finite at the beam
//! Ornstein-Zernike    1/(1 + q²ξ²)
//! Debye-Bueche        1/(1 + q²a²)²
//! ```
//!
//! All are 1 at q = 0 but the power law; q in 1/nm, lengths in nm. Constant cost.
//!
//! Source: Guinier and Fournet 1955; Porod 1951, doi:10.1007/BF01512792; Debye and Bueche 1949,
//! doi:10.1063/1.1698419. Checked against sasmodels 1.1.0.

/// Guinier's law for the radius of gyration `rg_nm`.
///
/// ```
/// assert_eq!(xscatter_sim::diffuse::guinier(0.0, 5.0), 1.0);
/// ```
pub fn guinier(q_inv_nm: f64, rg_nm: f64) -> f64 {
    (-(q_inv_nm * rg_nm).powi(2) / 3.0).exp()
}

/// A power law with exponent `-exponent`, levelled off below `floor_inv_nm`.
pub fn power_law(q_inv_nm: f64, exponent: f64, floor_inv_nm: f64) -> f64 {
    (q_inv_nm * q_inv_nm + floor_inv_nm * floor_inv_nm).powf(-0.5 * exponent)
}

/// The Lorentzian of Ornstein and Zernike for the correlation length `xi_nm`.
pub fn ornstein_zernike(q_inv_nm: f64, xi_nm: f64) -> f64 {
    1.0 / (1.0 + (q_inv_nm * xi_nm).powi(2))
}

/// The squared Lorentzian of Debye and Bueche for the correlation length `a_nm`.
pub fn debye_bueche(q_inv_nm: f64, a_nm: f64) -> f64 {
    ornstein_zernike(q_inv_nm, a_nm).powi(2)
}

/// The radius of gyration of a sphere, √(3/5) R.
pub fn sphere_rg_nm(radius_nm: f64) -> f64 {
    (3.0_f64 / 5.0).sqrt() * radius_nm
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form_factor::sphere_amplitude;
    use approx::assert_relative_eq;

    /// G-GUI-1.
    #[test]
    fn a_small_sphere_follows_guinier() {
        assert_relative_eq!(
            sphere_rg_nm(50.0),
            38.729_833_462_074_17,
            max_relative = 1e-14
        );
        let q = 0.004;
        assert_relative_eq!(
            sphere_amplitude(q * 50.0).powi(2),
            guinier(q, sphere_rg_nm(50.0)),
            max_relative = 1e-4
        );
    }

    #[test]
    fn a_power_law_levels_off_below_its_floor() {
        assert_relative_eq!(power_law(2.0, 4.0, 0.0), 1.0 / 16.0, max_relative = 1e-14);
        assert!(power_law(0.0, 4.0, 0.1).is_finite());
    }
}
