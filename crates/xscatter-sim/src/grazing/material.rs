//! The index of refraction, and one surface: Fresnel's amplitudes and the Vineyard factor.
//!
//! Use it for a bare substrate; for films see [`Stack`](super::Stack).
//!
//! ```text
//! k_z = k sin α,  k_zs = k √(n² − cos² α),  r = (k_z − k_zs)/(k_z + k_zs),  t = 1 + r
//! ```
//!
//! n² − 1 is kept as a number of its own, because the ones cancel. Constant cost.

use std::f64::consts::{PI, TAU};

use num_complex::Complex64;

use super::stack::upward_root;
use super::{GrazingError, Island, not_negative};

/// The index of refraction of matter, n = 1 − δ + iβ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Material {
    /// Decrement of the real part.
    pub delta: f64,
    /// Imaginary part: absorption.
    pub beta: f64,
}

impl Material {
    /// Nothing.
    pub const VACUUM: Self = Self {
        delta: 0.0,
        beta: 0.0,
    };

    /// Roughly silicon at a wavelength of 0.1 nm; the substrate of the golden tables.
    pub const SILICON_AT_0_1_NM: Self = Self {
        delta: 6e-6,
        beta: 2e-8,
    };

    /// The critical angle of total reflection, √(2δ).
    ///
    /// ```
    /// let silicon = xscatter_sim::grazing::Material { delta: 6e-6, beta: 2e-8 };
    /// assert!((silicon.critical_angle_rad().to_degrees() - 0.19847840).abs() < 1e-8);
    /// ```
    pub fn critical_angle_rad(&self) -> f64 {
        (2.0 * self.delta).sqrt()
    }

    /// n² − 1.
    pub(super) fn beyond_vacuum(&self) -> Complex64 {
        Complex64::new(
            self.delta * self.delta - 2.0 * self.delta - self.beta * self.beta,
            2.0 * self.beta * (1.0 - self.delta),
        )
    }

    pub(super) fn check(&self) -> Result<(), GrazingError> {
        not_negative("delta", self.delta)?;
        not_negative("beta", self.beta)
    }

    /// Fresnel's amplitude of reflection from vacuum at the grazing angle `alpha_rad` ≥ 0.
    pub fn reflection(&self, alpha_rad: f64) -> Complex64 {
        let sine = alpha_rad.sin();
        let below = upward_root(self.beyond_vacuum() + sine * sine);
        (sine - below) / (sine + below)
    }

    /// Fresnel's amplitude of transmission, 1 + r.
    pub fn transmission(&self, alpha_rad: f64) -> Complex64 {
        1.0 + self.reflection(alpha_rad)
    }
}

/// A beam that grazes a substrate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surface {
    /// Of the beam.
    pub wavelength_nm: f64,
    /// Between the beam and the surface.
    pub incident_angle_rad: f64,
    /// What the substrate is made of.
    pub substrate: Material,
}

impl Surface {
    /// |F_DWBA|² in nm⁶ of one particle on the surface at the exit angle `exit_rad` ≥ 0 above it and
    /// `azimuth_rad` in its plane.
    pub fn dwba_squared(&self, island: &Island, exit_rad: f64, azimuth_rad: f64) -> f64 {
        let k = TAU / self.wavelength_nm;
        let qx = k * (exit_rad.cos() * azimuth_rad.cos() - self.incident_angle_rad.cos());
        let qy = k * exit_rad.cos() * azimuth_rad.sin();
        let (ki, kf) = (k * self.incident_angle_rad.sin(), k * exit_rad.sin());
        let ri = self.substrate.reflection(self.incident_angle_rad);
        let rf = self.substrate.reflection(exit_rad);
        let amplitude = island.amplitude(qx, qy, kf + ki)
            + ri * island.amplitude(qx, qy, kf - ki)
            + rf * island.amplitude(qx, qy, ki - kf)
            + ri * rf * island.amplitude(qx, qy, -kf - ki);
        amplitude.norm_sqr()
    }

    /// The factor before |F_DWBA|² in the cross-section of particles of this material, in nm⁻⁴.
    pub fn contrast_inv_nm4(&self, particle: Material) -> f64 {
        let k = TAU / self.wavelength_nm;
        (k * k * particle.beyond_vacuum() / (4.0 * PI)).norm_sqr()
    }

    /// |t(α_i)|² |t(α_f)|²: how the surface enhances what a thin film scatters.
    pub fn vineyard(&self, exit_rad: f64) -> f64 {
        self.substrate
            .transmission(self.incident_angle_rad)
            .norm_sqr()
            * self.substrate.transmission(exit_rad).norm_sqr()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const SILICON: Material = Material::SILICON_AT_0_1_NM;

    /// G-FRE-1 to 3.
    #[test]
    fn g_fre_reflection_and_transmission() {
        let critical = SILICON.critical_angle_rad();
        for (ratio, t2, r2) in [
            (0.5, 0.998_073_820_9, 0.996_158_435_6),
            (1.0, 3.686_735_652_2, 0.849_512_373_5),
            (1.5, 1.313_083_572_8, 0.021_286_769_3),
            (2.0, 1.148_750_385_0, 0.005_154_986_0),
        ] {
            let alpha = ratio * critical;
            assert_relative_eq!(
                SILICON.transmission(alpha).norm_sqr(),
                t2,
                max_relative = 1e-9
            );
            assert_relative_eq!(
                SILICON.reflection(alpha).norm_sqr(),
                r2,
                max_relative = 1e-8
            );
        }
        let r = SILICON.reflection(0.5 * critical);
        assert_relative_eq!(r.re, -0.499_042_307_4, epsilon = 1e-9);
        assert_relative_eq!(r.im, -0.864_358_265_5, epsilon = 1e-9);
    }

    #[test]
    fn without_a_substrate_only_the_first_term_is_left() {
        let surface = Surface {
            wavelength_nm: 0.1,
            incident_angle_rad: 0.007,
            substrate: Material {
                delta: 1e-14,
                beta: 0.0,
            },
        };
        let island = Island::Cylinder {
            radius_nm: 5.0,
            height_nm: 5.0,
        };
        let k = TAU / 0.1;
        let (exit, azimuth) = (0.01_f64, 0.004_f64);
        let born = island
            .amplitude(
                k * (exit.cos() * azimuth.cos() - 0.007_f64.cos()),
                k * exit.cos() * azimuth.sin(),
                k * (exit.sin() + 0.007_f64.sin()),
            )
            .norm_sqr();
        assert_relative_eq!(
            surface.dwba_squared(&island, exit, azimuth),
            born,
            max_relative = 1e-6
        );
    }

    #[test]
    fn the_yoneda_peak_is_at_the_critical_angle() {
        let surface = Surface {
            wavelength_nm: 0.1,
            incident_angle_rad: 0.01,
            substrate: SILICON,
        };
        let critical = SILICON.critical_angle_rad();
        assert!(surface.vineyard(critical) > 3.0 * surface.vineyard(2.0 * critical));
        assert!(surface.vineyard(critical) > 3.0 * surface.vineyard(0.3 * critical));
    }
}
