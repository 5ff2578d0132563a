//! Liquids of spheres: hard, sticky, or attracting each other at a short distance.
//!
//! Use a [`StructureFactor`] for particles that are dense but without order. Not above the volume
//! fraction at which spheres freeze (0.494 for hard ones): the formulas go on to close packing, but
//! describe a fluid that does not exist. Not for charged particles.
//!
//! ```text
//! hard, square well   S = 1/(1 + 24 φ c(x)),  x = 2qR
//!                     c(x) = ∫₀¹ (a + b r + g r³) r² j₀(xr) dr − ε ∫₁^λ r² j₀(xr) dr
//! hard                a = (1 + 2φ)²/(1 − φ)⁴,  b = −6φ (1 + φ/2)²/(1 − φ)⁴,  g = φ a/2,  ε = 0
//! square well         a = [(1 + 2φ)² + φ³(φ − 4)]/(1 − φ)⁴,  g = φ a/2
//!                     b = −φ (18 + 20φ − 12φ² + φ⁴)/3(1 − φ)⁴
//! sticky              S = 1/(A² + B²),  k = 2qR/(1 − ε),  η = φ/(1 − ε)³
//!                     A = 1 + 12η [α (sin k − k cos k)/k³ + β (1 − cos k)/k² − λ sin k/12k]
//!                     B = 12η [α (1/2k − sin k/k² + (1 − cos k)/k³) + β (1/k − sin k/k²)
//!                              − λ (1 − cos k)/12k]
//!                     λ: smaller root of ηλ²/12 − (τ + η/(1 − η)) λ + (1 + η/2)/(1 − η)² = 0
//!                     μ = λη(1 − η),  α = (1 + 2η − μ)/(1 − η)²,  β = (μ − 3η)/2(1 − η)²
//! ```
//!
//! q in 1/nm, R in nm. Where closed forms cancel, their power series are used. Constant cost; `NaN`
//! in, `NaN` out.
//!
//! Source: Percus and Yevick 1958, doi:10.1103/PhysRev.110.1; Baxter 1968, doi:10.1063/1.1670482, in
//! the form of Menon, Manohar and Rao, J. Chem. Phys. 95 (1991) 9186; Sharma and Sharma, Physica 89A
//! (1977) 213. Checked against sasmodels 1.1.0 (hardsphere, stickyhardsphere, squarewell).

use super::{StructureError, length, volume_fraction, within};
use crate::form_factor::{sinc, sphere_amplitude};

/// How spheres act on each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Interaction {
    /// They do not overlap.
    HardSpheres,
    /// They stick where they touch (Baxter).
    StickySpheres {
        /// Width of the well over the distance of the centres at its outer edge, ε: 0.01 to 0.1.
        perturbation: f64,
        /// The stickiness τ, a temperature: small is sticky.
        stickiness: f64,
    },
    /// They attract each other at short distances, in the mean spherical approximation: for volume
    /// fractions below 0.08 and wells to 1.5 kT.
    SquareWell {
        /// Depth of the well over kT, ε.
        depth_kt: f64,
        /// Outer edge of the well over the diameter, λ.
        width: f64,
    },
}

/// What a [`StructureFactor`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StructureFactorConfig {
    /// How the spheres act on each other.
    pub interaction: Interaction,
    /// Their radius.
    pub radius_nm: f64,
    /// The part of the volume that they fill.
    pub volume_fraction: f64,
}

impl Default for StructureFactorConfig {
    fn default() -> Self {
        Self {
            interaction: Interaction::HardSpheres,
            radius_nm: 5.0,
            volume_fraction: 0.2,
        }
    }
}

/// The structure factor of a liquid of spheres.
///
/// ```
/// use xscatter_sim::structure_factor::{Interaction, StructureFactor, StructureFactorConfig};
///
/// let hard = StructureFactor::new(StructureFactorConfig::default())?;
/// let sticky = StructureFactor::new(StructureFactorConfig {
///     interaction: Interaction::StickySpheres { perturbation: 0.05, stickiness: 0.2 },
///     ..StructureFactorConfig::default()
/// })?;
/// // What attracts is easier to compress.
/// assert!(sticky.at(0.0) > hard.at(0.0));
/// # Ok::<(), xscatter_sim::structure_factor::StructureError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct StructureFactor {
    radius_nm: f64,
    law: Law,
}

#[derive(Debug, Clone, Copy)]
enum Law {
    Direct(DirectCorrelation),
    Sticky(Sticky),
}

impl StructureFactor {
    /// The structure factor of a configuration.
    ///
    /// # Errors
    /// If the radius is not positive, the volume fraction is not within 0 to close packing, the
    /// interaction is out of its range, or the spheres would separate into two phases.
    pub fn new(config: StructureFactorConfig) -> Result<Self, StructureError> {
        let radius_nm = length("radius_nm", config.radius_nm)?;
        let phi = volume_fraction(config.volume_fraction)?;
        let law = match config.interaction {
            Interaction::HardSpheres => Law::Direct(hard_spheres(phi)),
            Interaction::StickySpheres {
                perturbation,
                stickiness,
            } => Law::Sticky(Sticky::new(phi, perturbation, stickiness)?),
            Interaction::SquareWell { depth_kt, width } => {
                within("depth_kt", "a finite depth", |_| true, depth_kt)?;
                within(
                    "width",
                    "1 to 10 diameters",
                    |x| (1.0..=10.0).contains(&x),
                    width,
                )?;
                let well = square_well(phi, depth_kt, width);
                if well.structure(0.0) <= 0.0 {
                    return Err(StructureError::Unstable {
                        parameter: "depth_kt",
                        value: depth_kt,
                        volume_fraction: phi,
                    });
                }
                Law::Direct(well)
            }
        };
        Ok(Self { radius_nm, law })
    }

    /// S(q).
    pub fn at(&self, q_inv_nm: f64) -> f64 {
        let x = 2.0 * q_inv_nm.abs() * self.radius_nm;
        match &self.law {
            Law::Direct(direct) => direct.structure(x),
            Law::Sticky(sticky) => sticky.structure(x),
        }
    }
}

/// A direct correlation function that is a polynomial within the sphere and constant in the well.
#[derive(Debug, Clone, Copy)]
pub(super) struct DirectCorrelation {
    phi: f64,
    a: f64,
    b: f64,
    g: f64,
    depth: f64,
    width: f64,
}

pub(super) fn hard_spheres(phi: f64) -> DirectCorrelation {
    let a = (1.0 + 2.0 * phi).powi(2) / (1.0 - phi).powi(4);
    DirectCorrelation {
        phi,
        a,
        b: -6.0 * phi * (1.0 + 0.5 * phi).powi(2) / (1.0 - phi).powi(4),
        g: 0.5 * phi * a,
        depth: 0.0,
        width: 1.0,
    }
}

fn square_well(phi: f64, depth: f64, width: f64) -> DirectCorrelation {
    let a = ((1.0 + 2.0 * phi).powi(2) + phi.powi(3) * (phi - 4.0)) / (1.0 - phi).powi(4);
    let b = 18.0 + 20.0 * phi - 12.0 * phi * phi + phi.powi(4);
    DirectCorrelation {
        phi,
        a,
        b: -phi / 3.0 * b / (1.0 - phi).powi(4),
        g: 0.5 * phi * a,
        depth,
        width,
    }
}

impl DirectCorrelation {
    /// S at x = 2qR.
    pub(super) fn structure(&self, x: f64) -> f64 {
        let Self {
            phi,
            a,
            b,
            g,
            depth,
            width,
        } = *self;
        let inside = if x < 0.5 {
            // (−1)ᵏ x²ᵏ/(2k + 1)!
            let mut power = 1.0;
            let mut sum = 0.0;
            for k in 0..9 {
                let k = f64::from(k);
                sum += power * (a / (2.0 * k + 3.0) + b / (2.0 * k + 4.0) + g / (2.0 * k + 6.0));
                power *= -x * x / ((2.0 * k + 2.0) * (2.0 * k + 3.0));
            }
            sum
        } else {
            let (sine, cosine) = x.sin_cos();
            let y = x * x;
            let first = a * (sine - x * cosine) / y;
            let second = b * (2.0 * x * sine + (2.0 - y) * cosine - 2.0) / (y * x);
            let third = g
                * (-y * y * cosine
                    + 4.0 * ((3.0 * y - 6.0) * cosine + (y * x - 6.0 * x) * sine + 6.0))
                / (y * y * x);
            (first + second + third) / x
        };
        // ∫ r² j₀(xr) dr to R is R³/3 times the amplitude of a sphere.
        let ball = |radius: f64| radius.powi(3) / 3.0 * sphere_amplitude(x * radius);
        let well = if depth == 0.0 {
            0.0
        } else {
            depth * (ball(width) - ball(1.0))
        };
        1.0 / (1.0 + 24.0 * phi * (inside - well))
    }
}

#[derive(Debug, Clone, Copy)]
struct Sticky {
    eta: f64,
    alpha: f64,
    beta: f64,
    lambda: f64,
    /// k over 2qR.
    stretch: f64,
}

impl Sticky {
    fn new(phi: f64, perturbation: f64, stickiness: f64) -> Result<Self, StructureError> {
        within(
            "perturbation",
            "at least 0 and less than 0.5",
            |x| (0.0..0.5).contains(&x),
            perturbation,
        )?;
        within("stickiness", "a positive number", |x| x > 0.0, stickiness)?;
        let unstable = StructureError::Unstable {
            parameter: "stickiness",
            value: stickiness,
            volume_fraction: phi,
        };
        let stretch = 1.0 / (1.0 - perturbation);
        let eta = phi * stretch.powi(3);
        if eta >= 1.0 {
            return Err(unstable);
        }
        let free = 1.0 - eta;
        let half = stickiness + eta / free;
        let constant = (1.0 + 0.5 * eta) / (free * free);
        let discriminant = half * half - eta * constant / 3.0;
        if discriminant < 0.0 {
            return Err(unstable);
        }
        // The smaller root of ηλ²/12 − half λ + constant, without subtracting.
        let lambda = 2.0 * constant / (half + discriminant.sqrt());
        let mu = lambda * eta * free;
        if mu > 1.0 + 2.0 * eta {
            return Err(unstable);
        }
        Ok(Self {
            eta,
            alpha: (1.0 + 2.0 * eta - mu) / (free * free),
            beta: (mu - 3.0 * eta) / (2.0 * free * free),
            lambda,
            stretch,
        })
    }

    fn structure(&self, x: f64) -> f64 {
        let k = x * self.stretch;
        let half = sinc(0.5 * k);
        // (1 − cos k)/k² and (1 − cos k)/k.
        let even = 0.5 * half * half;
        let odd = even * k;
        let (first, second) = if k < 0.5 {
            // Σ (−1)ⁿ k²ⁿ⁺¹/(2n + 3)!, times (2n + 3)/(2n + 4) for the first.
            let (mut power, mut first, mut second) = (k / 6.0, 0.0, 0.0);
            for n in 0..8 {
                let n = f64::from(2 * n);
                first += power * (n + 3.0) / (n + 4.0);
                second += power;
                power *= -k * k / ((n + 4.0) * (n + 5.0));
            }
            (first, second)
        } else {
            let (sine, cosine) = k.sin_cos();
            let sine = sine / (k * k);
            (
                0.5 / k - sine + (1.0 - cosine) / (k * k * k),
                1.0 / k - sine,
            )
        };
        let a = self.alpha * sphere_amplitude(k) / 3.0 + self.beta * even
            - self.lambda / 12.0 * sinc(k);
        let b = self.alpha * first + self.beta * second - self.lambda / 12.0 * odd;
        let (a, b) = (1.0 + 12.0 * self.eta * a, 12.0 * self.eta * b);
        1.0 / (a * a + b * b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    fn of(interaction: Interaction, volume_fraction: f64) -> StructureFactor {
        StructureFactor::new(StructureFactorConfig {
            interaction,
            radius_nm: 5.0,
            volume_fraction,
        })
        .unwrap()
    }

    const STICKY: Interaction = Interaction::StickySpheres {
        perturbation: 0.05,
        stickiness: 0.2,
    };
    const WELL: Interaction = Interaction::SquareWell {
        depth_kt: 1.5,
        width: 1.2,
    };

    #[test]
    fn everything_is_one_at_large_q_and_smooth_at_zero() {
        for (interaction, phi) in [(Interaction::HardSpheres, 0.3), (STICKY, 0.2), (WELL, 0.04)] {
            let s = of(interaction, phi);
            assert_relative_eq!(s.at(300.0), 1.0, epsilon = 2e-3);
            for q in [1e-9, 1e-6, 1e-4] {
                assert_relative_eq!(s.at(q), s.at(0.0), max_relative = 1e-5);
            }
            // The series and the closed forms meet.
            for x in [0.2, 0.475, 0.5] {
                let q = x / 10.0;
                let (left, right) = (s.at(q * (1.0 - 1e-12)), s.at(q * (1.0 + 1e-12)));
                assert_relative_eq!(left, right, max_relative = 1e-10);
            }
        }
    }

    #[test]
    fn weak_forces_leave_hard_spheres() {
        let hard = of(Interaction::HardSpheres, 0.2);
        let weak = of(
            Interaction::StickySpheres {
                perturbation: 1e-9,
                stickiness: 1e9,
            },
            0.2,
        );
        for i in 0..60 {
            let q = 0.05 * f64::from(i);
            assert_relative_eq!(weak.at(q), hard.at(q), max_relative = 1e-6);
        }
    }

    #[test]
    fn impossible_liquids_name_their_parameter() {
        let message = |interaction, radius_nm, volume_fraction| {
            StructureFactor::new(StructureFactorConfig {
                interaction,
                radius_nm,
                volume_fraction,
            })
            .unwrap_err()
            .to_string()
        };
        let hard = Interaction::HardSpheres;
        assert!(message(hard, -5.0, 0.2).starts_with("radius_nm"));
        for phi in [0.0, -0.1, 0.75, f64::NAN] {
            assert!(message(hard, 5.0, phi).starts_with("volume_fraction"));
        }
        let sticky = |perturbation, stickiness| Interaction::StickySpheres {
            perturbation,
            stickiness,
        };
        assert!(message(sticky(0.05, 0.0), 5.0, 0.2).starts_with("stickiness"));
        assert!(message(sticky(0.05, 0.01), 5.0, 0.2).contains("two phases"));
        assert!(message(sticky(0.6, 0.2), 5.0, 0.2).starts_with("perturbation"));
        let well = Interaction::SquareWell {
            depth_kt: 1.0,
            width: 0.5,
        };
        assert!(message(well, 5.0, 0.04).starts_with("width"));
        let deep = Interaction::SquareWell {
            depth_kt: 50.0,
            width: 2.0,
        };
        assert!(message(deep, 5.0, 0.04).starts_with("depth_kt"));
    }
}
