//! How a ring is bright in some directions and dark in others.
//!
//! ```text
//! f(χ) = (1 − η²)/((1 + η)² − 4 η cos²(n (χ − χ₀)/2))
//! ```
//!
//! With x = n(χ − χ₀) this is the Poisson kernel: its mean over the ring is 1, its m-th harmonic
//! ⟨cos m x⟩ is ηᵐ, its maximum (1 + η)/(1 − η). η = 0 is an isotropic ring, η → 1 a set of n spots;
//! for n = 2, η is the two-dimensional order parameter ⟨cos 2(χ − χ₀)⟩. It is not the order
//! parameter of Hermans, which needs the weight sin χ: for that, and for orientation in space, see
//! [`orientation`](crate::orientation). Constant cost.
//!
//! Source: Ruland's form as in Yager et al. 2014, doi:10.1107/S1600576713028768.

/// The kernel at `chi_rad` of an `n`-fold ring about `chi0_rad` with 0 ≤ η < 1.
///
/// ```
/// use xscatter_sim::texture::ring_kernel;
///
/// assert_eq!(ring_kernel(0.3, 0.1, 2.0, 0.0), 1.0);
/// assert!((ring_kernel(0.1, 0.1, 2.0, 0.6) - 4.0).abs() < 1e-12);
/// ```
pub fn ring_kernel(chi_rad: f64, chi0_rad: f64, n: f64, eta: f64) -> f64 {
    let cosine = (0.5 * n * (chi_rad - chi0_rad)).cos();
    (1.0 - eta * eta) / ((1.0 + eta).powi(2) - 4.0 * eta * cosine * cosine)
}

/// The full width at half maximum of the kernel in x = n(χ − χ₀), in rad.
///
/// `None` for η ≤ 3 − 2√2, where the kernel nowhere falls to half its maximum.
pub fn ring_width_rad(eta: f64) -> Option<f64> {
    let cosine = (4.0 * eta - 1.0 - eta * eta) / (2.0 * eta);
    (cosine > -1.0 && cosine <= 1.0).then(|| 2.0 * cosine.acos())
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use std::f64::consts::TAU;

    fn harmonic(eta: f64, n: f64, order: f64) -> f64 {
        let samples = 720;
        (0..samples)
            .map(|i| TAU * f64::from(i) / f64::from(samples))
            .map(|chi| ring_kernel(chi, 0.0, n, eta) * (order * chi).cos())
            .sum::<f64>()
            / f64::from(samples)
    }

    /// G-TEX-1.
    #[test]
    fn g_tex_1_mean_harmonics_and_limits() {
        for (order, expected) in [(0.0, 1.0), (2.0, 0.6), (4.0, 0.36)] {
            assert_relative_eq!(harmonic(0.6, 2.0, order), expected, max_relative = 1e-12);
        }
        assert_relative_eq!(ring_kernel(0.0, 0.0, 2.0, 0.6), 4.0, max_relative = 1e-12);
        assert_relative_eq!(
            ring_kernel(TAU / 4.0, 0.0, 2.0, 0.6),
            0.25,
            max_relative = 1e-12
        );
    }

    /// G-TEX-2 and G-TEX-3.
    #[test]
    fn g_tex_2_and_3_width() {
        for (eta, degrees) in [
            (0.6, 59.852_869_733_228_49),
            (0.3, 158.872_044_8),
            (0.5, 82.819_244_2),
            (0.7, 41.312_298_4),
            (0.9, 12.084_610_0),
        ] {
            let width = ring_width_rad(eta).unwrap().to_degrees();
            assert_relative_eq!(width, degrees, max_relative = 1e-8);
        }
        assert_eq!(ring_width_rad(0.1), None);
    }

    /// G-TEX-4.
    #[test]
    fn g_tex_4_sixfold_harmonics() {
        for (order, expected) in [(0.0, 1.0), (6.0, 0.5), (12.0, 0.25), (18.0, 0.125)] {
            assert_relative_eq!(harmonic(0.5, 6.0, order), expected, max_relative = 1e-8);
        }
    }
}
