//! Form factors: how a single particle scatters.
//!
//! Use a [`Shape`] for one kind of particle in random orientation, an [`Ensemble`] where sizes vary,
//! and an [`Oriented`] for the two-dimensional pattern of particles that share an orientation. Not
//! for particles on a surface (see [`grazing`](crate::grazing)); for dense ones see
//! [`structure_factor`](crate::structure_factor).
//!
//! With the contrast Δρ taken out, intensities are ⟨|F(q)|²⟩/V in nm³, so that they are V at q = 0:
//!
//! ```text
//! f(x)                 = 3 (sin x − x cos x)/x³
//! j(x)                 = 2 J₁(x)/x
//! sphere               F = V f(qR)
//! core-shell           F = V_c (c − s) f(q r_c) + V s f(q r)        c, s: contrasts of core and shell
//! ellipsoid            F = V f(√(R_e² q_ab² + R_p² q_c²))           c: along the axis, ab: across
//! cylinder, disk       F = V sinc(½ L q_c) j(R q_ab)
//! core-shell cylinder  as the core-shell sphere; the shell covers side and ends
//! prism, cube          F = V sinc(½ a q_a) sinc(½ b q_b) sinc(½ c q_c)
//! ```
//!
//! Multiply by the number density, Δρ² and the volume fraction as needed; q in 1/nm, lengths in nm.
//! The average over orientations is a Gauss-Legendre quadrature in the cosine of the polar angle,
//! with as many points as q times the size needs (converged to 1e-10 up to 3000), and for prisms a
//! midpoint rule in the azimuth. `NaN` in, `NaN` out.
//!
//! Cost: a sphere 20 ns, an averaged cylinder a microsecond, an averaged prism 10 microseconds and
//! more at large q; tabulate them.
//!
//! Source: Guinier and Fournet 1955; Pedersen 1997, doi:10.1016/S0001-8686(97)00312-6. Values are
//! checked against sasmodels 1.1.0.

mod ensemble;
mod kernel;
mod oriented;
mod spread;
pub(crate) mod vector;

use std::f64::consts::PI;

use thiserror::Error;

pub use self::ensemble::{Ensemble, EnsembleConfig};
pub use self::oriented::{Alignment, Oriented, OrientedConfig};
pub use self::spread::{Law, Spread};

/// A shape, its variation or its orientation is impossible.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ShapeError {
    /// A length that is not positive, or none that a particle has.
    #[error("{parameter}: expected a length of 1e-6 to 1e9 nm, found {value}")]
    Length {
        /// The parameter.
        parameter: &'static str,
        /// What it is.
        value: f64,
    },
    /// A contrast, an angle or the strength of an alignment is not finite, or absurdly large.
    #[error("{parameter}: expected a finite number below 1e100, found {value}")]
    Number {
        /// The parameter.
        parameter: &'static str,
        /// What it is.
        value: f64,
    },
    /// A spread of something that the shape does not have, or of the same thing again.
    #[error("{parameter}: expected one spread each of {has}")]
    Parameter {
        /// The parameter.
        parameter: &'static str,
        /// What may vary.
        has: String,
    },
    /// The width of a spread is negative, not finite or absurdly large.
    #[error("spread of {parameter}: expected a width of 0 to 10, found {width}")]
    Width {
        /// The parameter.
        parameter: &'static str,
        /// Its width.
        width: f64,
    },
    /// A spread without points, or with more than anything needs.
    #[error("spread of {parameter}: expected 1 to 10000 points, found {points}")]
    Points {
        /// The parameter.
        parameter: &'static str,
        /// Their number.
        points: usize,
    },
    /// The reach of a spread is not positive, not finite or absurdly large.
    #[error(
        "spread of {parameter}: expected a reach of more than 0 and at most 100, found {reach}"
    )]
    Reach {
        /// The parameter.
        parameter: &'static str,
        /// Its reach.
        reach: f64,
    },
    /// A law of sizes for an angle.
    #[error("spread of {parameter}: expected a Gaussian or a uniform law for an angle")]
    Law {
        /// The parameter.
        parameter: &'static str,
    },
    /// An alignment so strong that it falls between its points.
    #[error("alignment: none of its {points} points is near enough to the preferred direction")]
    Alignment {
        /// The number of points of the polar angle.
        points: usize,
    },
    /// All points together are too many.
    #[error("the spreads have {points} points together, expected at most 10000000")]
    TooManyPoints {
        /// The product of their numbers.
        points: usize,
    },
}

/// Whether a number can be computed with.
fn number(parameter: &'static str, value: f64) -> Result<(), ShapeError> {
    if value.abs() < 1e100 {
        Ok(())
    } else {
        Err(ShapeError::Number { parameter, value })
    }
}

/// The amplitude of a sphere over its volume, `3 (sin x − x cos x)/x³` with `x = qR`.
///
/// ```
/// assert!((xscatter_sim::form_factor::sphere_amplitude(1.0) - 0.9035060368192703).abs() < 1e-14);
/// ```
pub fn sphere_amplitude(x: f64) -> f64 {
    if x.abs() < vector::SPHERE_SERIES {
        vector::sphere_near(x)
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
///
/// Any numbers may be written; [`check`](Self::check) says whether they are a particle.
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
    /// A cylinder in a shell of the same thickness at the side and at both ends.
    CoreShellCylinder {
        /// Radius of the core.
        core_radius_nm: f64,
        /// Length of the core.
        core_length_nm: f64,
        /// Thickness of the shell.
        shell_nm: f64,
        /// Contrast of the core against the medium.
        core_contrast: f64,
        /// Contrast of the shell against the medium.
        shell_contrast: f64,
    },
    /// A rectangular prism; with three equal edges a cube.
    Prism {
        /// Edge along the first axis.
        a_nm: f64,
        /// Edge along the second axis.
        b_nm: f64,
        /// Edge along the third axis.
        c_nm: f64,
    },
}

impl Shape {
    /// A cube.
    pub fn cube(edge_nm: f64) -> Self {
        Self::Prism {
            a_nm: edge_nm,
            b_nm: edge_nm,
            c_nm: edge_nm,
        }
    }

    /// The lengths that make the shape, by name.
    pub fn lengths(&self) -> Vec<(&'static str, f64)> {
        match *self {
            Self::Sphere { radius_nm } => vec![("radius_nm", radius_nm)],
            Self::CoreShell {
                core_radius_nm,
                shell_nm,
                ..
            } => vec![("core_radius_nm", core_radius_nm), ("shell_nm", shell_nm)],
            Self::Ellipsoid {
                polar_nm,
                equatorial_nm,
            } => vec![("polar_nm", polar_nm), ("equatorial_nm", equatorial_nm)],
            Self::Cylinder {
                radius_nm,
                length_nm,
            } => vec![("radius_nm", radius_nm), ("length_nm", length_nm)],
            Self::CoreShellCylinder {
                core_radius_nm,
                core_length_nm,
                shell_nm,
                ..
            } => vec![
                ("core_radius_nm", core_radius_nm),
                ("core_length_nm", core_length_nm),
                ("shell_nm", shell_nm),
            ],
            Self::Prism { a_nm, b_nm, c_nm } => {
                vec![("a_nm", a_nm), ("b_nm", b_nm), ("c_nm", c_nm)]
            }
        }
    }

    /// A length of the shape, to be changed.
    fn length_mut(&mut self, name: &str) -> Option<&mut f64> {
        match (self, name) {
            (Self::Sphere { radius_nm } | Self::Cylinder { radius_nm, .. }, "radius_nm") => {
                Some(radius_nm)
            }
            (
                Self::CoreShell { core_radius_nm, .. }
                | Self::CoreShellCylinder { core_radius_nm, .. },
                "core_radius_nm",
            ) => Some(core_radius_nm),
            (
                Self::CoreShell { shell_nm, .. } | Self::CoreShellCylinder { shell_nm, .. },
                "shell_nm",
            ) => Some(shell_nm),
            (Self::CoreShellCylinder { core_length_nm, .. }, "core_length_nm") => {
                Some(core_length_nm)
            }
            (Self::Ellipsoid { polar_nm, .. }, "polar_nm") => Some(polar_nm),
            (Self::Ellipsoid { equatorial_nm, .. }, "equatorial_nm") => Some(equatorial_nm),
            (Self::Cylinder { length_nm, .. }, "length_nm") => Some(length_nm),
            (Self::Prism { a_nm, .. }, "a_nm") => Some(a_nm),
            (Self::Prism { b_nm, .. }, "b_nm") => Some(b_nm),
            (Self::Prism { c_nm, .. }, "c_nm") => Some(c_nm),
            _ => None,
        }
    }

    /// Whether this is a particle.
    ///
    /// # Errors
    /// If a length is not within 1e-6 to 1e9 nm (a shell may be 0) or a contrast is not finite.
    pub fn check(&self) -> Result<(), ShapeError> {
        for (parameter, value) in self.lengths() {
            let is_thin = value == 0.0 && parameter == "shell_nm";
            if !((1e-6..=1e9).contains(&value) || is_thin) {
                return Err(ShapeError::Length { parameter, value });
            }
        }
        if let Self::CoreShell {
            core_contrast,
            shell_contrast,
            ..
        }
        | Self::CoreShellCylinder {
            core_contrast,
            shell_contrast,
            ..
        } = *self
        {
            for (parameter, value) in [
                ("core_contrast", core_contrast),
                ("shell_contrast", shell_contrast),
            ] {
                number(parameter, value)?;
            }
        }
        Ok(())
    }

    /// The volume in nm³, shell included.
    pub fn volume_nm3(&self) -> f64 {
        let ball = |radius: f64| 4.0 / 3.0 * PI * radius.powi(3);
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
            } => 4.0 / 3.0 * PI * polar_nm * equatorial_nm.powi(2),
            Self::Cylinder {
                radius_nm,
                length_nm,
            } => PI * radius_nm.powi(2) * length_nm,
            Self::CoreShellCylinder {
                core_radius_nm,
                core_length_nm,
                shell_nm,
                ..
            } => PI * (core_radius_nm + shell_nm).powi(2) * (core_length_nm + 2.0 * shell_nm),
            Self::Prism { a_nm, b_nm, c_nm } => a_nm * b_nm * c_nm,
        }
    }

    /// The distance of the farthest point from the centre.
    pub fn reach_nm(&self) -> f64 {
        match *self {
            Self::Sphere { radius_nm } => radius_nm,
            Self::CoreShell {
                core_radius_nm,
                shell_nm,
                ..
            } => core_radius_nm + shell_nm,
            Self::Ellipsoid {
                polar_nm,
                equatorial_nm,
            } => polar_nm.max(equatorial_nm),
            Self::Cylinder {
                radius_nm,
                length_nm,
            } => radius_nm.hypot(0.5 * length_nm),
            Self::CoreShellCylinder {
                core_radius_nm,
                core_length_nm,
                shell_nm,
                ..
            } => (core_radius_nm + shell_nm).hypot(0.5 * core_length_nm + shell_nm),
            Self::Prism { a_nm, b_nm, c_nm } => 0.5 * a_nm.hypot(b_nm).hypot(c_nm),
        }
    }

    /// The radius of the sphere that interacts as the particle does on average: of the same second
    /// virial coefficient for an ellipsoid (Isihara 1950), of the same excluded volume for a cylinder
    /// and, through the cylinder nearest to it, for a prism. The first choice of sasmodels.
    pub fn effective_radius_nm(&self) -> f64 {
        match *self {
            Self::Sphere { .. } | Self::CoreShell { .. } => self.reach_nm(),
            Self::Ellipsoid {
                polar_nm,
                equatorial_nm,
            } => {
                let (short, long) = (polar_nm.min(equatorial_nm), polar_nm.max(equatorial_nm));
                let ratio = short / long;
                let e = (1.0 - ratio * ratio).sqrt();
                if e < 1e-4 {
                    return (polar_nm * equatorial_nm * equatorial_nm).cbrt();
                }
                let b1 = 1.0 + e.asin() / (e * ratio);
                let b2 = 1.0 + 0.5 * ratio * ratio / e * ((1.0 + e) / (1.0 - e)).ln();
                let volume = polar_nm * equatorial_nm * equatorial_nm;
                0.5 * (2.0 * (0.75 * b1 * b2 + 1.0) * volume).cbrt()
            }
            Self::Cylinder {
                radius_nm,
                length_nm,
            } => excluded_volume_radius(radius_nm, length_nm),
            Self::CoreShellCylinder {
                core_radius_nm,
                core_length_nm,
                shell_nm,
                ..
            } => excluded_volume_radius(core_radius_nm + shell_nm, core_length_nm + 2.0 * shell_nm),
            Self::Prism { a_nm, b_nm, c_nm } => {
                let mut edges = [a_nm, b_nm, c_nm];
                edges.sort_by(f64::total_cmp);
                let [short, middle, long] = edges;
                if middle - short > long - middle {
                    excluded_volume_radius((middle * long / PI).sqrt(), short)
                } else {
                    excluded_volume_radius((short * middle / PI).sqrt(), long)
                }
            }
        }
    }

    /// The amplitude F in nm³ for a scattering vector in the frame of the particle, the third axis
    /// being the axis of revolution; for unit contrast, or the shape's own contrasts.
    ///
    /// ```
    /// use xscatter_sim::form_factor::Shape;
    ///
    /// let rod = Shape::Cylinder { radius_nm: 2.0, length_nm: 40.0 };
    /// assert_eq!(rod.amplitude([0.0; 3]), rod.volume_nm3());
    /// // Along the axis a rod has its first zero at 2π/L.
    /// assert!(rod.amplitude([0.0, 0.0, std::f64::consts::TAU / 40.0]).abs() < 1e-10);
    /// ```
    pub fn amplitude(&self, q_inv_nm: [f64; 3]) -> f64 {
        let [qa, qb, qc] = q_inv_nm;
        let ball = |radius: f64| Self::Sphere { radius_nm: radius };
        let rod = |radius_nm, length_nm| Self::Cylinder {
            radius_nm,
            length_nm,
        };
        match *self {
            Self::Sphere { radius_nm } => {
                let q = (qa * qa + qb * qb + qc * qc).sqrt();
                self.volume_nm3() * sphere_amplitude(q * radius_nm)
            }
            Self::CoreShell {
                core_radius_nm,
                shell_nm,
                core_contrast,
                shell_contrast,
            } => {
                (core_contrast - shell_contrast) * ball(core_radius_nm).amplitude(q_inv_nm)
                    + shell_contrast * ball(core_radius_nm + shell_nm).amplitude(q_inv_nm)
            }
            Self::Ellipsoid {
                polar_nm,
                equatorial_nm,
            } => {
                let x = (qa * equatorial_nm)
                    .hypot(qb * equatorial_nm)
                    .hypot(qc * polar_nm);
                self.volume_nm3() * sphere_amplitude(x)
            }
            Self::Cylinder {
                radius_nm,
                length_nm,
            } => self.volume_nm3() * sinc(0.5 * qc * length_nm) * jinc(qa.hypot(qb) * radius_nm),
            Self::CoreShellCylinder {
                core_radius_nm,
                core_length_nm,
                shell_nm,
                core_contrast,
                shell_contrast,
            } => {
                let outer = rod(core_radius_nm + shell_nm, core_length_nm + 2.0 * shell_nm);
                (core_contrast - shell_contrast)
                    * rod(core_radius_nm, core_length_nm).amplitude(q_inv_nm)
                    + shell_contrast * outer.amplitude(q_inv_nm)
            }
            Self::Prism { a_nm, b_nm, c_nm } => {
                self.volume_nm3()
                    * sinc(0.5 * qa * a_nm)
                    * sinc(0.5 * qb * b_nm)
                    * sinc(0.5 * qc * c_nm)
            }
        }
    }

    /// ⟨|F(q)|²⟩/V in nm³ over all orientations, for unit contrast (or the shape's own contrasts).
    pub fn intensity(&self, q_inv_nm: f64) -> f64 {
        self.averages(q_inv_nm)[1] / self.volume_nm3()
    }

    /// ⟨F⟩ in nm³ and ⟨F²⟩ in nm⁶ over all orientations.
    pub(crate) fn averages(&self, q_inv_nm: f64) -> [f64; 2] {
        ensemble::orientation_averages(self, q_inv_nm)
    }
}

/// Half of the diameter of a sphere with the excluded volume of a cylinder.
fn excluded_volume_radius(radius: f64, length: f64) -> f64 {
    let both = 2.0 * radius * length + (radius + length) * (PI * radius + length);
    0.5 * (0.75 * radius * both).cbrt()
}

/// Σ w V² f² / Σ w V of spheres whose radius is normal with mean `radius_nm` and relative standard
/// deviation `spread`, over `points` radii within three standard deviations: an [`Ensemble`] of
/// spheres in one call.
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
        numerator += weight * (volume * sphere_amplitude(q_inv_nm * radius)).powi(2);
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
            sphere_amplitude(0.5 - 1e-12),
            sphere_amplitude(0.5 + 1e-12),
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
