//! Form factors: how a single particle scatters, averaged over its orientation.
//!
//! Use them for dilute particles and, times a structure factor, for dense or ordered ones. Not for
//! oriented particles, nor for particles on a surface (see [`grazing`](crate::grazing)).
//!
//! With the contrast Δρ taken out, all shapes give ⟨|F(q)|²⟩/V in nm³, so that it is V at q = 0:
//!
//! ```text
//! f(x)        = 3 (sin x − x cos x)/x³
//! sphere        F = V f(qR)
//! core-shell    F = V_c (c − s) f(q r_c) + V_s s f(q r_s)      c, s: contrasts of core and shell
//! ellipsoid     F = V f(q r(u)),  r(u)² = R_e² + u² (R_p² − R_e²),  u uniform in 0..1
//! cylinder      F = V sinc(½qL cos a) · 2 J₁(qR sin a)/(qR sin a),  a with weight sin a
//! ```
//!
//! Multiply by the number density, Δρ² and the volume fraction as needed; q in 1/nm, lengths in nm.
//! At x < 0.2 the amplitude uses its series, because the closed form cancels. A sphere costs one
//! sine and cosine, the averaged shapes 76 points of Gauss-Legendre quadrature: tabulate them.
//!
//! Values are checked against sasmodels 1.1.0.

use std::sync::LazyLock;

use crate::quadrature::gauss_legendre;

/// The points of the orientation average; sasmodels uses as many.
static ORIENTATIONS: LazyLock<Vec<(f64, f64)>> = LazyLock::new(|| gauss_legendre(76));

/// The amplitude of a sphere over its volume, `3 (sin x − x cos x)/x³` with `x = qR`.
///
/// ```
/// assert!((xscatter_sim::form_factor::sphere_amplitude(1.0) - 0.9035060368192703).abs() < 1e-14);
/// ```
pub fn sphere_amplitude(x: f64) -> f64 {
    if x.abs() < 0.2 {
        let y = x * x;
        1.0 + y * (-1.0 / 10.0 + y * (1.0 / 280.0 + y * (-1.0 / 15_120.0 + y / 1_330_560.0)))
    } else {
        3.0 * (x.sin() - x * x.cos()) / (x * x * x)
    }
}

/// `sin(x)/x`.
pub(crate) fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-4 {
        1.0 - x * x / 6.0
    } else {
        x.sin() / x
    }
}

/// `2 J₁(x)/x`.
pub(crate) fn jinc(x: f64) -> f64 {
    if x.abs() < 1e-4 {
        1.0 - x * x / 8.0
    } else {
        2.0 * libm::j1(x) / x
    }
}

/// The shape of a particle; lengths in nm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// A homogeneous sphere.
    Sphere {
        /// Its radius.
        radius_nm: f64,
    },
    /// A sphere in a concentric shell.
    CoreShell {
        /// Radius of the core.
        core_radius_nm: f64,
        /// Thickness of the shell.
        shell_nm: f64,
        /// Contrast of the core against the medium.
        core_contrast: f64,
        /// Contrast of the shell against the medium.
        shell_contrast: f64,
    },
    /// An ellipsoid of revolution.
    Ellipsoid {
        /// Semi-axis along the axis of revolution.
        polar_nm: f64,
        /// Semi-axis across.
        equatorial_nm: f64,
    },
    /// A circular cylinder: a rod or a disk.
    Cylinder {
        /// Its radius.
        radius_nm: f64,
        /// Its length.
        length_nm: f64,
    },
}

impl Shape {
    /// The volume in nm³, shell included.
    pub fn volume_nm3(&self) -> f64 {
        let ball = |radius: f64| 4.0 / 3.0 * std::f64::consts::PI * radius.powi(3);
        match *self {
            Self::Sphere { radius_nm } => ball(radius_nm),
            Self::CoreShell {
                core_radius_nm,
                shell_nm,
                ..
            } => ball(core_radius_nm + shell_nm),
            Self::Ellipsoid {
                polar_nm,
                equatorial_nm,
            } => 4.0 / 3.0 * std::f64::consts::PI * polar_nm * equatorial_nm.powi(2),
            Self::Cylinder {
                radius_nm,
                length_nm,
            } => std::f64::consts::PI * radius_nm.powi(2) * length_nm,
        }
    }

    /// ⟨|F(q)|²⟩/V in nm³ for unit contrast (for a core-shell particle, with its own contrasts).
    pub fn intensity(&self, q_inv_nm: f64) -> f64 {
        let q = q_inv_nm;
        let volume = self.volume_nm3();
        match *self {
            Self::Sphere { radius_nm } => volume * sphere_amplitude(q * radius_nm).powi(2),
            Self::CoreShell {
                core_radius_nm,
                shell_nm,
                core_contrast,
                shell_contrast,
            } => {
                let core = Self::Sphere {
                    radius_nm: core_radius_nm,
                };
                let amplitude = core.volume_nm3()
                    * (core_contrast - shell_contrast)
                    * sphere_amplitude(q * core_radius_nm)
                    + volume * shell_contrast * sphere_amplitude(q * (core_radius_nm + shell_nm));
                amplitude * amplitude / volume
            }
            Self::Ellipsoid {
                polar_nm,
                equatorial_nm,
            } => {
                let stretch = (polar_nm / equatorial_nm).powi(2) - 1.0;
                volume
                    * average(0.0, 1.0, |u| {
                        let radius = equatorial_nm * (1.0 + u * u * stretch).sqrt();
                        sphere_amplitude(q * radius).powi(2)
                    })
            }
            Self::Cylinder {
                radius_nm,
                length_nm,
            } => {
                volume
                    * average(0.0, std::f64::consts::FRAC_PI_2, |angle| {
                        let (sine, cosine) = angle.sin_cos();
                        let amplitude =
                            sinc(0.5 * q * length_nm * cosine) * jinc(q * radius_nm * sine);
                        amplitude * amplitude * sine
                    })
            }
        }
    }
}

/// ∫ f from `low` to `high`.
fn average(low: f64, high: f64, f: impl Fn(f64) -> f64) -> f64 {
    let half = 0.5 * (high - low);
    ORIENTATIONS
        .iter()
        .map(|&(x, weight)| half * weight * f(low + half * (x + 1.0)))
        .sum()
}

/// Σ w V² f² / Σ w V of spheres whose radius is normal with mean `radius_nm` and relative standard
/// deviation `spread`, over `points` radii within three standard deviations.
///
/// The average is by volume, as in sasmodels: not the mean of intensity over volume.
pub fn polydisperse_sphere(q_inv_nm: f64, radius_nm: f64, spread: f64, points: usize) -> f64 {
    let (mut numerator, mut denominator) = (0.0, 0.0);
    for index in 0..points {
        let z = if points > 1 {
            6.0 * index as f64 / (points - 1) as f64 - 3.0
        } else {
            0.0
        };
        let radius = radius_nm * (1.0 + spread * z);
        if radius <= 0.0 {
            continue;
        }
        let shape = Shape::Sphere { radius_nm: radius };
        let weight = (-0.5 * z * z).exp();
        let volume = shape.volume_nm3();
        numerator += weight * volume * shape.intensity(q_inv_nm);
        denominator += weight * volume;
    }
    numerator / denominator
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    /// G-SPH-2: 80-digit arithmetic.
    #[test]
    fn the_sphere_amplitude_does_not_cancel_at_small_x() {
        for (x, expected) in [
            (1e-3, 0.999_999_900_000_003_6),
            (1e-2, 0.999_990_000_035_714_3),
            (0.1, 0.999_000_357_076_727_1),
            (1.0, 0.903_506_036_819_270_3),
            (3.0, 0.345_677_499_762_356),
        ] {
            assert_relative_eq!(sphere_amplitude(x), expected, max_relative = 1e-13);
        }
        // Both branches meet.
        assert_relative_eq!(
            sphere_amplitude(0.2 - 1e-12),
            sphere_amplitude(0.2 + 1e-12),
            max_relative = 1e-11
        );
    }

    #[test]
    fn every_shape_scatters_its_volume_at_zero() {
        for shape in [
            Shape::Sphere { radius_nm: 3.0 },
            Shape::CoreShell {
                core_radius_nm: 2.0,
                shell_nm: 1.0,
                core_contrast: 1.0,
                shell_contrast: 1.0,
            },
            Shape::Ellipsoid {
                polar_nm: 2.0,
                equatorial_nm: 5.0,
            },
            Shape::Cylinder {
                radius_nm: 2.0,
                length_nm: 30.0,
            },
        ] {
            assert_relative_eq!(
                shape.intensity(0.0),
                shape.volume_nm3(),
                max_relative = 1e-12
            );
        }
    }

    /// G-FFM-1: tan x = x.
    #[test]
    fn a_sphere_has_its_minima_where_tan_x_is_x() {
        for x in [4.493_409_457_909_064, 7.725_251_836_937_707] {
            assert!(sphere_amplitude(x).abs() < 1e-14);
        }
    }
}
