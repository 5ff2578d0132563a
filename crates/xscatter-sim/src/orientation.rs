//! How crystals, chains and layers are oriented about an axis.
//!
//! Use [`MaierSaupe`] for what orders weakly (liquid crystals, chains), [`Mosaic`] for crystallites
//! that nearly agree, [`MarchDollase`] for plates and needles in a powder, [`VonMises`] for spots on
//! a ring and directions in a plane. For a ring of which only the azimuth is known see
//! [`texture`](crate::texture).
//!
//! ```text
//! S = ⟨P₂⟩ = ∫ f(β) (3cos²β − 1)/2 sin β dβ / ∫ f(β) sin β dβ          Hermans' order parameter
//! Maier-Saupe     f(β) = exp(m cos²β)/Z
//! mosaic          f(β) = κ cosh(κ cos β)/sinh κ,                κ = 1/σ²
//! March-Dollase   f(β) = (r² cos²β + sin²β/r)^(−3/2)
//! von Mises       f(φ) = exp(κ cos φ)/I₀(κ)                     on a circle
//!
//! P(χ; ψ) = κ/sinh κ · ½ Σ± exp(±κ cos χ cos ψ) I₀(κ sin χ sin ψ)
//! ```
//!
//! β: angle between an axis of the crystal and that of the sample, all distributions with mean 1 over
//! the sphere (the circle for von Mises). P: the pole density of planes whose normal is at ψ from the
//! axis of the crystal, seen at χ from that of the sample; the crystals are turned about the axis at
//! random (fibre texture). A pole counts as its opposite.
//!
//! I₀ is good to 2e-7; everything costs one or two exponentials.
//!
//! Source: Maier and Saupe 1959, doi:10.1515/zna-1959-1005; Hermans et al. 1946,
//! doi:10.1002/recl.19460650605; March 1932, doi:10.1524/zkri.1932.81.1.285; Dollase 1986,
//! doi:10.1107/S0021889886089458; Mardia and Jupp, Directional Statistics, 2000; Bessel functions
//! after Abramowitz and Stegun 9.8.

/// Intervals of Simpson's rule.
const INTERVALS: usize = 4000;

/// A parameter from which no distribution follows.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("expected {name} {range}, got {value}")]
pub struct OrientationError {
    name: &'static str,
    range: &'static str,
    value: f64,
}

fn checked(
    name: &'static str,
    range: &'static str,
    value: f64,
    valid: bool,
) -> Result<f64, OrientationError> {
    if valid {
        Ok(value)
    } else {
        Err(OrientationError { name, range, value })
    }
}

/// Hermans' order parameter ⟨P₂⟩ of any distribution of β in 0 to π: 1 along the axis, −½ across.
///
/// ```
/// use xscatter_sim::orientation::hermans;
///
/// assert!(hermans(|_| 1.0).abs() < 1e-12);
/// assert!((hermans(|beta| beta.cos().powi(2)) - 0.4).abs() < 1e-9);
/// ```
pub fn hermans(mut f: impl FnMut(f64) -> f64) -> f64 {
    let (mut moment, mut mass) = (0.0, 0.0);
    for index in 0..=INTERVALS {
        let beta = std::f64::consts::PI * index as f64 / INTERVALS as f64;
        let (sine, cosine) = beta.sin_cos();
        let simpson = match index {
            0 | INTERVALS => 1.0,
            _ if index % 2 == 1 => 4.0,
            _ => 2.0,
        };
        let weight = simpson * f(beta) * sine;
        mass += weight;
        moment += weight * (1.5 * cosine * cosine - 0.5);
    }
    moment / mass
}

/// I₀(x) exp(−x) for x ≥ 0.
pub(crate) fn bessel_i0_scaled(x: f64) -> f64 {
    let polynomial =
        |coefficients: &[f64], t: f64| coefficients.iter().rev().fold(0.0, |sum, c| sum * t + c);
    if x < 3.75 {
        let t = (x / 3.75).powi(2);
        (-x).exp()
            * polynomial(
                &[
                    1.0,
                    3.515_622_9,
                    3.089_942_4,
                    1.206_749_2,
                    0.265_973_2,
                    0.036_076_8,
                    0.004_581_3,
                ],
                t,
            )
    } else {
        polynomial(
            &[
                0.398_942_28,
                0.013_285_92,
                0.002_253_19,
                -0.001_575_65,
                0.009_162_81,
                -0.020_577_06,
                0.026_355_37,
                -0.016_476_33,
                0.003_923_77,
            ],
            3.75 / x,
        ) / x.sqrt()
    }
}

/// The distribution of Maier and Saupe.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MaierSaupe {
    m: f64,
    /// Z, divided by exp(m) where m > 0.
    partition: f64,
}

impl MaierSaupe {
    /// With the field `m`: 0 is isotropic, above it along the axis, below it across.
    ///
    /// # Errors
    /// [`OrientationError`] if |m| exceeds 1000 or is not finite.
    pub fn new(m: f64) -> Result<Self, OrientationError> {
        let m = checked("m", "from -1000 to 1000", m, m.abs() <= 1000.0)?;
        // ∫₀¹ exp(m (u² − 1 or 0)) du: Simpson, denser where the integrand is.
        let shift = m.max(0.0);
        let partition = (0..=INTERVALS)
            .map(|index| {
                let v = index as f64 / INTERVALS as f64;
                // u = v² gathers points at 0 for m < 0, u = 1 − v² at 1 for m > 0.
                let u = if m < 0.0 { v * v } else { 1.0 - v * v };
                let simpson = match index {
                    0 | INTERVALS => 1.0,
                    _ if index % 2 == 1 => 4.0,
                    _ => 2.0,
                };
                simpson * 2.0 * v * (m * u * u - shift).exp()
            })
            .sum::<f64>()
            / (3.0 * INTERVALS as f64);
        Ok(Self { m, partition })
    }

    /// With this order parameter.
    ///
    /// # Errors
    /// [`OrientationError`] if it is not between −0.49 and 0.998.
    pub fn with_order(order: f64) -> Result<Self, OrientationError> {
        let range = "from -0.49 to 0.998";
        checked(
            "the order parameter",
            range,
            order,
            (-0.49..=0.998).contains(&order),
        )?;
        let (mut low, mut high) = (-1000.0_f64, 1000.0_f64);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if Self::new(middle)?.order() < order {
                low = middle;
            } else {
                high = middle;
            }
        }
        Self::new(0.5 * (low + high))
    }

    /// m.
    pub const fn m(&self) -> f64 {
        self.m
    }

    /// The density at β from the axis.
    pub fn at(&self, beta_rad: f64) -> f64 {
        (self.m * beta_rad.cos().powi(2) - self.m.max(0.0)).exp() / self.partition
    }

    /// The density of directions at right angles to the axis of the molecule, χ from that of the
    /// sample: the π stack of chains whose layers lie flat.
    pub fn across(&self, chi_rad: f64) -> f64 {
        let half = 0.5 * self.m * chi_rad.sin().powi(2);
        (half + half.abs() - self.m.max(0.0)).exp() * bessel_i0_scaled(half.abs()) / self.partition
    }

    /// Hermans' order parameter: from dZ/dm = (exp(m) − Z)/2m.
    ///
    /// ```
    /// use xscatter_sim::orientation::MaierSaupe;
    ///
    /// let order = MaierSaupe::new(2.0)?.order();
    /// assert!((order - 0.2968968367).abs() < 1e-8);
    /// # Ok::<(), xscatter_sim::orientation::OrientationError>(())
    /// ```
    pub fn order(&self) -> f64 {
        if self.m.abs() < 1e-3 {
            // 2m/15 + 4m²/315 + …
            return self.m * (2.0 / 15.0 + self.m * 4.0 / 315.0);
        }
        let top = (self.m - self.m.max(0.0)).exp();
        let mean_square = (top / self.partition - 1.0) / (2.0 * self.m);
        1.5 * mean_square - 0.5
    }
}

/// Crystallites whose axes scatter about that of the sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mosaic {
    kappa: f64,
    /// κ/sinh κ · exp(κ)/2.
    scale: f64,
}

impl Mosaic {
    /// With the standard deviation `sigma_rad` of the tilt in any one direction.
    ///
    /// # Errors
    /// [`OrientationError`] if it is not from 1e-3 to 100 rad; above some 2 rad it is isotropic.
    pub fn new(sigma_rad: f64) -> Result<Self, OrientationError> {
        checked(
            "sigma_rad",
            "from 1e-3 to 100",
            sigma_rad,
            (1e-3..=100.0).contains(&sigma_rad),
        )?;
        let kappa = sigma_rad.powi(-2);
        Ok(Self {
            kappa,
            scale: kappa / -(-2.0 * kappa).exp_m1(),
        })
    }

    /// The pole density at `chi_rad` of planes at `psi_rad` from the axis of the crystal.
    ///
    /// ```
    /// use xscatter_sim::orientation::Mosaic;
    ///
    /// let mosaic = Mosaic::new(0.1)?;
    /// assert!(mosaic.pole_density(0.5, 0.5) > 100.0 * mosaic.pole_density(1.0, 0.5));
    /// # Ok::<(), xscatter_sim::orientation::OrientationError>(())
    /// ```
    pub fn pole_density(&self, chi_rad: f64, psi_rad: f64) -> f64 {
        self.pole_density_cosines(
            (chi_rad.cos(), chi_rad.sin()),
            (psi_rad.cos(), psi_rad.sin()),
        )
    }

    /// The same of angles given by cosine and sine; the sines are not negative.
    pub(crate) fn pole_density_cosines(&self, chi: (f64, f64), psi: (f64, f64)) -> f64 {
        let along = self.kappa * chi.0 * psi.0;
        let across = self.kappa * (chi.1 * psi.1).abs();
        // Both exponentials, with the growth of I₀ and exp(−κ) taken along.
        let growth = across - self.kappa;
        let terms = (growth + along).exp() + (growth - along).exp();
        self.scale * terms * bessel_i0_scaled(across)
    }

    /// Hermans' order parameter: 1 − 3 (coth κ − 1/κ)/κ.
    pub fn order(&self) -> f64 {
        let k = self.kappa;
        if k < 1e-2 {
            return k * k / 15.0;
        }
        1.0 - 3.0 * (k.tanh().recip() - 1.0 / k) / k
    }
}

/// The texture of plates (r < 1) or needles (r > 1) that lie down in a powder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MarchDollase {
    r: f64,
}

impl MarchDollase {
    /// With the ratio `r`; 1 is isotropic.
    ///
    /// # Errors
    /// [`OrientationError`] if it is not from 0.01 to 100.
    pub fn new(r: f64) -> Result<Self, OrientationError> {
        let r = checked("r", "from 0.01 to 100", r, (0.01..=100.0).contains(&r))?;
        Ok(Self { r })
    }

    /// The density at β from the axis.
    pub fn at(&self, beta_rad: f64) -> f64 {
        let (sine, cosine) = beta_rad.sin_cos();
        (self.r * self.r * cosine * cosine + sine * sine / self.r).powf(-1.5)
    }
}

/// A direction on a circle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VonMises {
    kappa: f64,
}

impl VonMises {
    /// With the concentration κ, about 1/σ².
    ///
    /// # Errors
    /// [`OrientationError`] if it is negative, above 1e8 or not finite.
    pub fn new(kappa: f64) -> Result<Self, OrientationError> {
        let kappa = checked(
            "kappa",
            "from 0 to 1e8",
            kappa,
            (0.0..=1e8).contains(&kappa),
        )?;
        Ok(Self { kappa })
    }

    /// The density at `phi_rad` from the mean direction; its mean over the circle is 1.
    pub fn at(&self, phi_rad: f64) -> f64 {
        // 1 − cos φ without cancellation.
        let half_sine = (0.5 * phi_rad).sin();
        (-2.0 * self.kappa * half_sine * half_sine).exp() / bessel_i0_scaled(self.kappa)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texture::ring_kernel;
    use approx::assert_relative_eq;
    use std::f64::consts::{FRAC_PI_2, PI, TAU};

    /// The mean over the sphere of a density that depends on β.
    fn mean(mut f: impl FnMut(f64) -> f64) -> f64 {
        let n = 20_000;
        (0..n)
            .map(|i| PI * (f64::from(i) + 0.5) / f64::from(n))
            .map(|beta| f(beta) * beta.sin() * 0.5 * PI / f64::from(n))
            .sum()
    }

    /// G-TEX-5.
    #[test]
    fn g_tex_5_hermans_of_the_ring_kernel() {
        let order = hermans(|chi| ring_kernel(chi, 0.0, 2.0, 0.7));
        assert_relative_eq!(order, 0.418_462_962_9, max_relative = 1e-7);
    }

    /// G-TEX-6.
    #[test]
    fn g_tex_6_maier_saupe() {
        for (m, expected) in [
            (0.0, 0.0),
            (1.0, 0.143_846_058_8),
            (2.0, 0.296_896_836_7),
            (5.0, 0.646_399_332_4),
            (10.0, 0.839_091_643_1),
        ] {
            let field = MaierSaupe::new(m).unwrap();
            assert_relative_eq!(field.order(), expected, epsilon = 1e-8);
            assert_relative_eq!(hermans(|beta| field.at(beta)), expected, epsilon = 1e-8);
        }
    }

    #[test]
    fn every_distribution_has_mean_one_and_its_order() {
        for m in [-200.0, -3.0, 1e-4, 0.7, 12.0, 300.0] {
            let field = MaierSaupe::new(m).unwrap();
            assert_relative_eq!(mean(|beta| field.at(beta)), 1.0, max_relative = 1e-5);
            assert_relative_eq!(mean(|chi| field.across(chi)), 1.0, max_relative = 1e-5);
            assert_relative_eq!(
                hermans(|beta| field.at(beta)),
                field.order(),
                epsilon = 1e-6
            );
            // Across is on average −S/2.
            assert_relative_eq!(
                hermans(|chi| field.across(chi)),
                -0.5 * field.order(),
                epsilon = 1e-6
            );
            if m.abs() < 100.0 {
                let found = MaierSaupe::with_order(field.order()).unwrap();
                assert_relative_eq!(found.m(), m, epsilon = 1e-4);
            }
        }
        for sigma in [0.01, 0.1, 0.5, 2.0, 50.0] {
            let mosaic = Mosaic::new(sigma).unwrap();
            for psi in [0.0, 0.4, 1.1, FRAC_PI_2] {
                assert_relative_eq!(
                    mean(|chi| mosaic.pole_density(chi, psi)),
                    1.0,
                    max_relative = 2e-5
                );
                // The addition theorem of P₂.
                let tilted = 1.5 * psi.cos().powi(2) - 0.5;
                assert_relative_eq!(
                    hermans(|chi| mosaic.pole_density(chi, psi)),
                    mosaic.order() * tilted,
                    epsilon = 1e-4
                );
            }
        }
        for r in [0.1, 0.5, 1.0, 3.0] {
            let march = MarchDollase::new(r).unwrap();
            assert_relative_eq!(mean(|beta| march.at(beta)), 1.0, max_relative = 1e-5);
        }
        for kappa in [0.0, 0.5, 20.0, 4000.0] {
            let spot = VonMises::new(kappa).unwrap();
            let n = 20_000;
            let sum: f64 = (0..n)
                .map(|i| spot.at(TAU * f64::from(i) / f64::from(n)))
                .sum();
            assert_relative_eq!(sum / f64::from(n), 1.0, max_relative = 3e-7);
        }
    }

    /// The closed form against the integral over the turns about the axis.
    #[test]
    fn a_pole_density_is_the_mean_over_the_turns() {
        let mosaic = Mosaic::new(0.35).unwrap();
        let (chi, psi) = (0.9_f64, 0.6_f64);
        let axis = |cosine: f64| mosaic.pole_density(cosine.clamp(-1.0, 1.0).acos(), 0.0);
        let n = 2000;
        let turned: f64 = (0..n)
            .map(|i| (TAU * f64::from(i) / f64::from(n)).cos())
            .map(|turn| axis(chi.cos() * psi.cos() + chi.sin() * psi.sin() * turn))
            .sum::<f64>()
            / f64::from(n);
        assert_relative_eq!(mosaic.pole_density(chi, psi), turned, max_relative = 1e-6);
    }

    #[test]
    fn impossible_parameters_are_refused_by_name() {
        assert!(MaierSaupe::new(f64::NAN).is_err());
        assert!(MaierSaupe::with_order(1.0).is_err());
        assert!(VonMises::new(-1.0).is_err());
        assert!(MarchDollase::new(0.0).is_err());
        assert_eq!(
            Mosaic::new(-0.1).unwrap_err().to_string(),
            "expected sigma_rad from 1e-3 to 100, got -0.1"
        );
    }
}
