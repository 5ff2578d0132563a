//! Grazing incidence: reflection and transmission at a surface, and particles on it in the
//! distorted-wave Born approximation (DWBA).
//!
//! Use it for GISAXS of islands and for the Yoneda band of any film. Not for buried or stacked
//! layers (one substrate in vacuum only), nor for dense layers whose mean index matters.
//!
//! With n = 1 − δ + iβ, k = 2π/λ, q = k_f − k_i and the particle's base at z = 0:
//!
//! ```text
//! k_z = k sin α,  k_zs = k √(n² − cos² α),  r = (k_z − k_zs)/(k_z + k_zs),  t = 1 + r
//! F(q)   = ∫ exp(−i q·r) dV                                   the sign decides the Yoneda region
//! F_DWBA = F(k_f + k_i) + r_i F(k_f − k_i) + r_f F(−k_f + k_i) + r_i r_f F(−k_f − k_i)
//! dσ/dΩ per area = ρ |k² (n_p² − 1)/4π · F_DWBA|²
//! ```
//!
//! The arguments of F are the z components, the component in the plane is the same in all four.
//! With exp(+i q·r) everything above the critical angle agrees within some per cent and everything
//! below it is wrong by up to an order of magnitude. |t|² peaks at the critical angle √(2δ): that is
//! the Yoneda or Vineyard peak. Lengths in nm, angles in rad, constant cost.
//!
//! Source: Sinha et al. 1988, doi:10.1103/PhysRevB.38.2297; Renaud, Lazzari and Leroy 2009,
//! doi:10.1016/j.surfrep.2009.07.002; Yoneda 1963, doi:10.1103/PhysRev.131.2010; Vineyard 1982,
//! doi:10.1103/PhysRevB.26.4146.

use std::f64::consts::{PI, TAU};

use num_complex::Complex64;

use crate::form_factor::{jinc, sinc, sphere_amplitude};

/// The index of refraction of matter, n = 1 − δ + iβ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Material {
    /// Decrement of the real part.
    pub delta: f64,
    /// Imaginary part: absorption.
    pub beta: f64,
}

impl Material {
    /// The critical angle of total reflection, √(2δ).
    ///
    /// ```
    /// let silicon = xscatter_sim::grazing::Material { delta: 6e-6, beta: 2e-8 };
    /// assert!((silicon.critical_angle_rad().to_degrees() - 0.19847840).abs() < 1e-8);
    /// ```
    pub fn critical_angle_rad(&self) -> f64 {
        (2.0 * self.delta).sqrt()
    }

    fn index_squared(&self) -> Complex64 {
        let n = Complex64::new(1.0 - self.delta, self.beta);
        n * n
    }

    /// Fresnel's amplitude of reflection from vacuum at the grazing angle `alpha_rad` ≥ 0.
    pub fn reflection(&self, alpha_rad: f64) -> Complex64 {
        let (sine, cosine) = alpha_rad.sin_cos();
        // n² − cos² α with the cancelling ones taken out.
        let beyond = self.index_squared() - 1.0 + sine * sine;
        debug_assert!(cosine >= 0.0);
        let root = beyond.sqrt();
        let below = if root.im < 0.0 { -root } else { root };
        (sine - below) / (sine + below)
    }

    /// Fresnel's amplitude of transmission, 1 + r.
    pub fn transmission(&self, alpha_rad: f64) -> Complex64 {
        1.0 + self.reflection(alpha_rad)
    }
}

/// A particle that stands on the surface; lengths in nm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Island {
    /// A cylinder with its axis along the normal.
    Cylinder {
        /// Its radius.
        radius_nm: f64,
        /// Its height.
        height_nm: f64,
    },
    /// A sphere that touches the surface.
    Sphere {
        /// Its radius.
        radius_nm: f64,
    },
    /// A box with its edges along x, y and z.
    Block {
        /// Edge along the beam.
        x_nm: f64,
        /// Edge across the beam.
        y_nm: f64,
        /// Edge along the normal.
        z_nm: f64,
    },
}

impl Island {
    /// F(q) in nm³ with the sign exp(−i q·r).
    pub fn amplitude(&self, qx_inv_nm: f64, qy_inv_nm: f64, qz_inv_nm: f64) -> Complex64 {
        let parallel = qx_inv_nm.hypot(qy_inv_nm);
        let lifted =
            |size: f64, half_height: f64| Complex64::from_polar(size, -qz_inv_nm * half_height);
        match *self {
            Self::Cylinder {
                radius_nm,
                height_nm,
            } => lifted(
                PI * radius_nm.powi(2)
                    * height_nm
                    * jinc(parallel * radius_nm)
                    * sinc(0.5 * qz_inv_nm * height_nm),
                0.5 * height_nm,
            ),
            Self::Sphere { radius_nm } => lifted(
                4.0 / 3.0
                    * PI
                    * radius_nm.powi(3)
                    * sphere_amplitude(parallel.hypot(qz_inv_nm) * radius_nm),
                radius_nm,
            ),
            Self::Block { x_nm, y_nm, z_nm } => lifted(
                x_nm * y_nm
                    * z_nm
                    * sinc(0.5 * qx_inv_nm * x_nm)
                    * sinc(0.5 * qy_inv_nm * y_nm)
                    * sinc(0.5 * qz_inv_nm * z_nm),
                0.5 * z_nm,
            ),
        }
    }
}

/// A beam that grazes a substrate with particles on it.
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
    /// |F_DWBA|² in nm⁶ of one particle at the exit angle `exit_rad` ≥ 0 above the surface and
    /// `azimuth_rad` in its plane.
    pub fn dwba_squared(&self, island: &Island, exit_rad: f64, azimuth_rad: f64) -> f64 {
        let k = TAU / self.wavelength_nm;
        let qx = k * (exit_rad.cos() * azimuth_rad.cos() - self.incident_angle_rad.cos());
        let qy = k * exit_rad.cos() * azimuth_rad.sin();
        self.dwba_amplitude(island, qx, qy, exit_rad).norm_sqr()
    }

    /// F_DWBA at the components of q in the plane.
    pub(crate) fn dwba_amplitude(
        &self,
        island: &Island,
        qx: f64,
        qy: f64,
        exit_rad: f64,
    ) -> Complex64 {
        let k = TAU / self.wavelength_nm;
        let (ki, kf) = (k * self.incident_angle_rad.sin(), k * exit_rad.sin());
        let ri = self.substrate.reflection(self.incident_angle_rad);
        let rf = self.substrate.reflection(exit_rad);
        island.amplitude(qx, qy, kf + ki)
            + ri * island.amplitude(qx, qy, kf - ki)
            + rf * island.amplitude(qx, qy, ki - kf)
            + ri * rf * island.amplitude(qx, qy, -kf - ki)
    }

    /// The factor before |F_DWBA|² in the cross-section of particles of this material, in nm⁻⁴.
    pub fn contrast_inv_nm4(&self, particle: Material) -> f64 {
        let k = TAU / self.wavelength_nm;
        (k * k * (particle.index_squared() - 1.0) / (4.0 * PI)).norm_sqr()
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

    const SILICON: Material = Material {
        delta: 6e-6,
        beta: 2e-8,
    };

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
