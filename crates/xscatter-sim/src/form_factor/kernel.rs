//! The amplitude of a shape as sums and products of the functions of [`vector`](super::vector).
//!
//! Use it where one shape meets many q; [`Shape::amplitude`] is the same for one. The amplitude is
//! Σ Δρ V f: contrasts included, in nm³.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]
#![allow(
    clippy::needless_range_loop,
    reason = "several strips are walked in step"
)]

use super::Shape;
use super::vector::{STRIP, Strip, jinc, sinc, sinc_product, sphere};

/// A strip of scattering vectors in the frame of the particle: |q|² and the components along the
/// axes of the particle (c is the axis of revolution), those that the shape
/// [asks for](Kernel::symmetry).
#[derive(Debug)]
pub(crate) struct Vectors {
    pub squared: Strip,
    pub a: Strip,
    pub b: Strip,
    pub c: Strip,
}

impl Vectors {
    pub(crate) const ZERO: Self = Self {
        squared: [0.0; STRIP],
        a: [0.0; STRIP],
        b: [0.0; STRIP],
        c: [0.0; STRIP],
    };
}

/// What the amplitude depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Symmetry {
    /// On |q| alone.
    Sphere,
    /// On |q| and q_c.
    Axis,
    /// On all components.
    None,
}

/// A shape, prepared.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kernel {
    /// Concentric: contrast times volume, and radius.
    Spheres([(f64, f64); 2]),
    /// Contrast times volume, R_e², R_p² − R_e².
    Ellipsoid(f64, f64, f64),
    /// Coaxial: contrast times volume, radius, half the length.
    Cylinders([(f64, f64, f64); 2]),
    /// Contrast times volume, half the edges.
    Prism(f64, [f64; 3]),
}

impl Kernel {
    pub(crate) fn new(shape: &Shape) -> Self {
        let ball = |radius_nm: f64| Shape::Sphere { radius_nm }.volume_nm3();
        let rod = |radius_nm: f64, length_nm: f64| {
            let rod = Shape::Cylinder {
                radius_nm,
                length_nm,
            };
            rod.volume_nm3()
        };
        match *shape {
            Shape::Sphere { radius_nm } => {
                Self::Spheres([(ball(radius_nm), radius_nm), (0.0, 0.0)])
            }
            Shape::CoreShell {
                core_radius_nm,
                shell_nm,
                core_contrast,
                shell_contrast,
            } => {
                let outer = core_radius_nm + shell_nm;
                let core = ball(core_radius_nm) * (core_contrast - shell_contrast);
                Self::Spheres([
                    (ball(outer) * shell_contrast, outer),
                    (core, core_radius_nm),
                ])
            }
            Shape::Ellipsoid {
                polar_nm,
                equatorial_nm,
            } => {
                let across = equatorial_nm * equatorial_nm;
                Self::Ellipsoid(shape.volume_nm3(), across, polar_nm * polar_nm - across)
            }
            Shape::Cylinder {
                radius_nm,
                length_nm,
            } => {
                let volume = rod(radius_nm, length_nm);
                Self::Cylinders([(volume, radius_nm, 0.5 * length_nm), (0.0, 0.0, 0.0)])
            }
            Shape::CoreShellCylinder {
                core_radius_nm,
                core_length_nm,
                shell_nm,
                core_contrast,
                shell_contrast,
            } => {
                let (radius, length) = (core_radius_nm + shell_nm, core_length_nm + 2.0 * shell_nm);
                let core = rod(core_radius_nm, core_length_nm) * (core_contrast - shell_contrast);
                Self::Cylinders([
                    (rod(radius, length) * shell_contrast, radius, 0.5 * length),
                    (core, core_radius_nm, 0.5 * core_length_nm),
                ])
            }
            Shape::Prism { a_nm, b_nm, c_nm } => {
                let halves = [0.5 * a_nm, 0.5 * b_nm, 0.5 * c_nm];
                Self::Prism(shape.volume_nm3(), halves)
            }
        }
    }

    pub(crate) fn symmetry(&self) -> Symmetry {
        match self {
            Self::Spheres(_) => Symmetry::Sphere,
            Self::Ellipsoid(..) | Self::Cylinders(_) => Symmetry::Axis,
            Self::Prism(..) => Symmetry::None,
        }
    }

    /// The amplitudes at `q`.
    #[inline(always)]
    pub(crate) fn amplitude(&self, q: &Vectors, out: &mut Strip) {
        match self {
            Self::Spheres([(volume, radius), inner]) => {
                for i in 0..STRIP {
                    out[i] = q.squared[i].sqrt() * radius;
                }
                sphere(out);
                for x in &mut *out {
                    *x *= volume;
                }
                if inner.0 != 0.0 {
                    let mut x = [0.0; STRIP];
                    for i in 0..STRIP {
                        x[i] = q.squared[i].sqrt() * inner.1;
                    }
                    sphere(&mut x);
                    for i in 0..STRIP {
                        out[i] += inner.0 * x[i];
                    }
                }
            }
            Self::Ellipsoid(volume, across, stretch) => {
                for i in 0..STRIP {
                    let squared = q.squared[i] * across + q.c[i] * q.c[i] * stretch;
                    // Rounding must not make it negative.
                    out[i] = squared.abs().sqrt();
                }
                sphere(out);
                for x in &mut *out {
                    *x *= volume;
                }
            }
            Self::Cylinders([outer, inner]) => {
                coaxial(outer, q, out);
                if inner.0 != 0.0 {
                    let mut x = [0.0; STRIP];
                    coaxial(inner, q, &mut x);
                    for i in 0..STRIP {
                        out[i] += x[i];
                    }
                }
            }
            Self::Prism(volume, halves) => {
                let (mut y, mut z) = ([0.0; STRIP], [0.0; STRIP]);
                for i in 0..STRIP {
                    out[i] = (q.a[i] * halves[0]).abs();
                    y[i] = (q.b[i] * halves[1]).abs();
                    z[i] = (q.c[i] * halves[2]).abs();
                }
                sinc_product(out, &y, &z);
                for x in &mut *out {
                    *x *= volume;
                }
            }
        }
    }
}

/// V 2 J₁(q_ab R)/(q_ab R) · sinc(½ q_c L).
#[inline(always)]
fn coaxial(&(volume, radius, half): &(f64, f64, f64), q: &Vectors, out: &mut Strip) {
    let mut along = [0.0; STRIP];
    for i in 0..STRIP {
        // Rounding must not make it negative.
        out[i] = (q.squared[i] - q.c[i] * q.c[i]).abs().sqrt() * radius;
        along[i] = (q.c[i] * half).abs();
    }
    jinc(out);
    sinc(&mut along);
    for i in 0..STRIP {
        out[i] *= volume * along[i];
    }
}
