//! Smooth scattering laws: what disordered matter adds at small angles.
//!
//! Use them for the ground under peaks, for polymers, gels and two-phase systems, and for fits of
//! whole curves. Not for particles of a known shape (see [`form_factor`](crate::form_factor)).
//!
//! ```text
//! Guinier              exp(−q²R_g²/3)
//! Guinier-Porod        q^−s exp(−q²R_g²/(3 − s)) up to q₁, then D q^−d without a step in value or slope
//! power law            (q² + q_f²)^(−n/2)      Porod's law is n = 4; q_f keeps it finite at the beam
//! Ornstein-Zernike     1/(1 + q²ξ²)
//! Debye-Bueche         1/(1 + q²a²)²           also called DAB
//! Lorentzian power     1/(1 + (qξ)^m)          correlation length model, two Lorentzians
//! broad peak           1/(1 + (|q − q₀|ξ)^m)
//! Teubner-Strey        (1 + k²)²/[(1 + k²)² + 2 (1 − k²) q²ξ² + q⁴ξ⁴],  k = 2πξ/d
//! Gaussian coil        2 (e^−x + x − 1)/x²,  x = q²R_g²
//! excluded volume      n [g(n/2, u) − g(n, u)],  g(s, u) = ∫₀¹ t^(s−1) e^−ut dt,
//!                      u = q²R_g² (2/n + 1)(2/n + 2)/6
//! high q               1 − exp(−σ²q²)          what thermal disorder takes from the peaks
//! ```
//!
//! All are 1 at q = 0 but the power law, the Guinier-Porod law of rods and plates (s > 0), the broad
//! peak, which is 1 at q₀, and the high-q law, which tends to 1; q in 1/nm, lengths in nm. Lengths and
//! exponents are expected to be 0 or more; `NaN` in, `NaN` out. Constant cost, but for the excluded
//! volume, which takes up to 100 terms.
//!
//! Source: Guinier and Fournet 1955; Porod 1951, doi:10.1007/BF01512792; Debye and Bueche 1949,
//! doi:10.1063/1.1698419; Teubner and Strey 1987, doi:10.1063/1.453006; Hammouda 2010,
//! doi:10.1107/S0021889810015773 (Guinier-Porod). Checked against sasmodels 1.1.0.

/// Guinier's law for the radius of gyration `rg_nm`.
///
/// ```
/// assert_eq!(xscatter_sim::diffuse::guinier(0.0, 5.0), 1.0);
/// ```
pub fn guinier(q_inv_nm: f64, rg_nm: f64) -> f64 {
    (-(q_inv_nm * rg_nm).powi(2) / 3.0).exp()
}

/// Guinier's law that turns into a power law: `dimension` s is 0 for globules, 1 for rods and 2 for
/// plates, and `exponent` d, larger than s, is 4 for smooth surfaces.
///
/// The laws meet at q₁ = √((3 − s)(d − s)/2)/R_g.
///
/// ```
/// use xscatter_sim::diffuse::guinier_porod;
///
/// let slope = guinier_porod(20.0, 5.0, 0.0, 4.0) / guinier_porod(10.0, 5.0, 0.0, 4.0);
/// assert!((slope - 1.0 / 16.0).abs() < 1e-12);
/// ```
pub fn guinier_porod(q_inv_nm: f64, rg_nm: f64, dimension: f64, exponent: f64) -> f64 {
    let left = 3.0 - dimension;
    let half = 0.5 * (exponent - dimension);
    let squared = (q_inv_nm * rg_nm).powi(2);
    if squared < left * half {
        q_inv_nm.powf(-dimension) * (-squared / left).exp()
    } else {
        // e^−h (q₁/q)^(d − s) q^−s
        q_inv_nm.powf(-dimension) * ((left * half / squared).ln() * half - half).exp()
    }
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

/// A Lorentzian with any exponent: 2 is [`ornstein_zernike`], 5/3 a swollen coil.
pub fn lorentzian_power(q_inv_nm: f64, xi_nm: f64, exponent: f64) -> f64 {
    1.0 / (1.0 + (q_inv_nm * xi_nm).powf(exponent))
}

/// A peak at `peak_inv_nm` with flanks of any exponent, as polyelectrolytes and gels have it.
pub fn broad_peak(q_inv_nm: f64, peak_inv_nm: f64, xi_nm: f64, exponent: f64) -> f64 {
    lorentzian_power((q_inv_nm - peak_inv_nm).abs(), xi_nm, exponent)
}

/// The law of Teubner and Strey for microemulsions: domains that repeat after `period_nm`, with the
/// correlation length `xi_nm`.
///
/// With k = 2πξ/d it is (1 + k²)²/[(1 + k²)² + 2 (1 − k²) q²ξ² + q⁴ξ⁴]; for k > 1 it has a peak at
/// √(k² − 1)/ξ.
pub fn teubner_strey(q_inv_nm: f64, period_nm: f64, xi_nm: f64) -> f64 {
    let k = (std::f64::consts::TAU * xi_nm / period_nm).powi(2);
    let x = (q_inv_nm * xi_nm).powi(2);
    let zero = (1.0 + k).powi(2);
    zero / (zero + 2.0 * (1.0 - k) * x + x * x)
}

/// Debye's law of a Gaussian coil.
pub fn gaussian_coil(q_inv_nm: f64, rg_nm: f64) -> f64 {
    let x = (q_inv_nm * rg_nm).powi(2);
    if x < 0.1 {
        // Σ 2 (−x)ᵏ/(k + 2)!
        let (mut term, mut sum) = (1.0, 0.0);
        for k in 0..10 {
            sum += term;
            term *= -x / f64::from(k + 3);
        }
        sum
    } else {
        2.0 * ((-x).exp_m1() + x) / (x * x)
    }
}

/// A polymer with excluded volume (Benoit): `exponent` n is 2 for a Gaussian coil, 5/3 for a swollen
/// and 3 for a collapsed one.
///
/// ```
/// use xscatter_sim::diffuse::{excluded_volume, gaussian_coil};
///
/// assert!((excluded_volume(0.3, 6.0, 2.0) - gaussian_coil(0.3, 6.0)).abs() < 1e-12);
/// ```
pub fn excluded_volume(q_inv_nm: f64, rg_nm: f64, exponent: f64) -> f64 {
    let inverse = 2.0 / exponent;
    let u = (q_inv_nm * rg_nm).powi(2) * (inverse + 1.0) * (inverse + 2.0) / 6.0;
    exponent * (moment(0.5 * exponent, u) - moment(exponent, u))
}

/// What thermal or static displacements with the standard deviation `sigma_nm` along q take from the
/// peaks and spread out: 1 minus the Debye-Waller factor.
pub fn thermal_disorder(q_inv_nm: f64, sigma_nm: f64) -> f64 {
    -(-(q_inv_nm * sigma_nm).powi(2)).exp_m1()
}

/// ∫₀¹ t^(s−1) e^−ut dt = u^−s γ(s, u).
fn moment(s: f64, u: f64) -> f64 {
    if u >= s + 1.0 {
        // Γ(s) u^−s less Legendre's continued fraction of the upper part, by Lentz's method.
        let mut b = u + 1.0 - s;
        let mut c = 1e300;
        let mut d = 1.0 / b;
        let mut fraction = d;
        for k in 1..200 {
            let k = f64::from(k);
            let a = -k * (k - s);
            b += 2.0;
            d = 1.0 / (a * d + b);
            c = b + a / c;
            fraction *= c * d;
            if (c * d - 1.0).abs() < 1e-16 {
                break;
            }
        }
        (libm::lgamma(s) - s * u.ln()).exp() - (-u).exp() * fraction
    } else {
        // e^−u Σ uᵏ/(s (s + 1) ... (s + k))
        let (mut term, mut sum) = (1.0 / s, 1.0 / s);
        for k in 1..200 {
            term *= u / (s + f64::from(k));
            sum += term;
            if term < 1e-17 * sum {
                break;
            }
        }
        (-u).exp() * sum
    }
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
    fn everything_that_is_one_at_zero_is() {
        for law in [
            guinier(0.0, 6.0),
            guinier_porod(0.0, 6.0, 0.0, 4.0),
            lorentzian_power(0.0, 5.0, 1.7),
            broad_peak(1.0, 1.0, 5.0, 2.0),
            teubner_strey(0.0, 10.0, 3.0),
            gaussian_coil(0.0, 6.0),
            excluded_volume(0.0, 6.0, 1.7),
            thermal_disorder(1e3, 1.0),
        ] {
            assert_relative_eq!(law, 1.0, max_relative = 1e-14);
        }
        assert_eq!(thermal_disorder(0.0, 1.0), 0.0);
    }

    #[test]
    fn pieces_meet() {
        let meets = |law: &dyn Fn(f64) -> f64, x: f64| {
            let (left, right) = (law(x * (1.0 - 1e-11)), law(x * (1.0 + 1e-11)));
            assert_relative_eq!(left, right, max_relative = 1e-9);
        };
        for (s, d) in [(0.0, 4.0), (1.0, 3.0), (2.0, 4.0)] {
            let edge = ((3.0 - s) * (d - s) / 2.0_f64).sqrt() / 6.0;
            meets(&|q| guinier_porod(q, 6.0, s, d), edge);
        }
        meets(&|q| gaussian_coil(q, 1.0), 0.1_f64.sqrt());
        for s in [0.5, 1.5, 3.0] {
            meets(&|u| moment(s, u), s + 1.0);
        }
    }

    #[test]
    fn small_laws_follow_guinier() {
        let q = 1e-3;
        for law in [
            gaussian_coil(q, 6.0),
            excluded_volume(q, 6.0, 1.7),
            guinier_porod(q, 6.0, 0.0, 4.0),
        ] {
            assert_relative_eq!(1.0 - law, 1.0 - guinier(q, 6.0), max_relative = 1e-4);
        }
    }

    #[test]
    fn a_microemulsion_has_its_peak() {
        let k = std::f64::consts::TAU * 3.0 / 10.0;
        let peak = (k * k - 1.0_f64).sqrt() / 3.0;
        assert!(teubner_strey(peak, 10.0, 3.0) > teubner_strey(peak * 1.01, 10.0, 3.0));
        assert!(teubner_strey(peak, 10.0, 3.0) > teubner_strey(peak * 0.99, 10.0, 3.0));
    }

    #[test]
    fn a_power_law_levels_off_below_its_floor() {
        assert_relative_eq!(power_law(2.0, 4.0, 0.0), 1.0 / 16.0, max_relative = 1e-14);
        assert!(power_law(0.0, 4.0, 0.1).is_finite());
    }
}
