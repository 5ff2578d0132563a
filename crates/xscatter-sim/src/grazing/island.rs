//! The shapes of particles on or below a surface, with their base at z = 0.
//!
//! Use them in [`Dwba`](super::Dwba) and [`Surface`](super::Surface). Angles of side walls follow from
//! the radii or edges at base and top.
//!
//! ```text
//! F(q) = ∫₀ᴴ exp(−i q_z z) A(q_x, q_y; z) dz
//! disc of radius ρ: A = πρ² · 2 J₁(q_par ρ)/(q_par ρ),    square of edge a: A = a² sinc(q_x a/2) sinc(q_y a/2)
//! cylinder, box     A does not depend on z: F = A · H sinc(q_z H/2) exp(−i q_z H/2)
//! sphere            F = V f(|q| R) exp(−i q_z R),  f(x) = 3 (sin x − x cos x)/x³
//! dome, cone, pyramid: Gauss-Legendre quadrature in z with 8 + 0.45·|q|H points or more
//! ```
//!
//! q_z may be complex (in an absorbing film or below its critical angle). All A are entire functions of
//! z², so that the quadrature converges exponentially; its error is below 1e-9 of F(0).

use std::f64::consts::PI;
use std::sync::LazyLock;

use num_complex::Complex64;

use super::{GrazingError, not_negative, positive};
use crate::form_factor::{jinc, sinc, sphere_amplitude};
use crate::quadrature::gauss_legendre;

/// Quadrature rules of growing length.
static RULES: LazyLock<Vec<Vec<(f64, f64)>>> = LazyLock::new(|| {
    [16, 24, 36, 54, 80, 120, 180, 270]
        .into_iter()
        .map(gauss_legendre)
        .collect()
});

/// A particle that stands on its base; lengths in nm.
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
    /// A sphere cut by the surface: a droplet; a hemisphere if its height is its radius.
    Dome {
        /// Radius of the sphere.
        radius_nm: f64,
        /// Height above the surface, up to the diameter.
        height_nm: f64,
    },
    /// A cone, truncated unless its top radius is 0.
    Cone {
        /// Radius of the base.
        base_radius_nm: f64,
        /// Radius of the top.
        top_radius_nm: f64,
        /// Its height.
        height_nm: f64,
    },
    /// A pyramid on a square along x and y, truncated unless its top edge is 0.
    Pyramid {
        /// Edge of the base.
        base_edge_nm: f64,
        /// Edge of the top.
        top_edge_nm: f64,
        /// Its height.
        height_nm: f64,
    },
}

/// `plus·F(q_z) + minus·F(−q_z)`: what two of the four terms have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel {
    pub(crate) qz_inv_nm: Complex64,
    pub(crate) plus: Complex64,
    pub(crate) minus: Complex64,
}

/// A slice through an island, in nm: what it contributes to F is its section times a factor.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    z: f64,
    thickness: f64,
    /// Radius of a disc or edge of a square.
    size: f64,
}

/// The sum over channels of an island's F, ready for many components of q in the plane.
#[derive(Debug, Clone)]
pub(super) enum Terms {
    /// `V f(R √(q_par² + square))` times the factor, for each channel.
    Sphere(Vec<(Complex64, Complex64)>),
    Sliced(Vec<(Slice, Complex64)>),
}

impl Island {
    /// # Errors
    /// [`GrazingError`] if a size is not positive, or a part is larger than the whole.
    pub(super) fn check(&self) -> Result<(), GrazingError> {
        match *self {
            Self::Cylinder {
                radius_nm,
                height_nm,
            } => {
                positive("radius_nm", radius_nm)?;
                positive("height_nm", height_nm)
            }
            Self::Sphere { radius_nm } => positive("radius_nm", radius_nm),
            Self::Block { x_nm, y_nm, z_nm } => {
                positive("x_nm", x_nm)?;
                positive("y_nm", y_nm)?;
                positive("z_nm", z_nm)
            }
            Self::Dome {
                radius_nm,
                height_nm,
            } => {
                positive("radius_nm", radius_nm)?;
                positive("height_nm", height_nm)?;
                if height_nm <= 2.0 * radius_nm {
                    Ok(())
                } else {
                    Err(GrazingError::TooLarge {
                        name: "height_nm",
                        found: height_nm,
                        limit: 2.0 * radius_nm,
                    })
                }
            }
            Self::Cone {
                base_radius_nm,
                top_radius_nm,
                height_nm,
            } => {
                positive("base_radius_nm", base_radius_nm)?;
                not_negative("top_radius_nm", top_radius_nm)?;
                positive("height_nm", height_nm)
            }
            Self::Pyramid {
                base_edge_nm,
                top_edge_nm,
                height_nm,
            } => {
                positive("base_edge_nm", base_edge_nm)?;
                not_negative("top_edge_nm", top_edge_nm)?;
                positive("height_nm", height_nm)
            }
        }
    }

    /// How far it reaches above its base.
    pub fn height_nm(&self) -> f64 {
        match *self {
            Self::Cylinder { height_nm, .. }
            | Self::Dome { height_nm, .. }
            | Self::Cone { height_nm, .. }
            | Self::Pyramid { height_nm, .. } => height_nm,
            Self::Sphere { radius_nm } => 2.0 * radius_nm,
            Self::Block { z_nm, .. } => z_nm,
        }
    }

    /// The area of its shadow on the surface.
    pub fn footprint_nm2(&self) -> f64 {
        let widest = |low: f64, high: f64| low.max(high).powi(2);
        match *self {
            Self::Dome {
                radius_nm,
                height_nm,
            } if height_nm < radius_nm => PI * height_nm * (2.0 * radius_nm - height_nm),
            Self::Cylinder { radius_nm, .. }
            | Self::Sphere { radius_nm }
            | Self::Dome { radius_nm, .. } => PI * radius_nm.powi(2),
            Self::Block { x_nm, y_nm, .. } => x_nm * y_nm,
            Self::Cone {
                base_radius_nm,
                top_radius_nm,
                ..
            } => PI * widest(base_radius_nm, top_radius_nm),
            Self::Pyramid {
                base_edge_nm,
                top_edge_nm,
                ..
            } => widest(base_edge_nm, top_edge_nm),
        }
    }

    /// The same shape, this much larger in all directions.
    pub fn scaled(&self, factor: f64) -> Self {
        match *self {
            Self::Cylinder {
                radius_nm,
                height_nm,
            } => Self::Cylinder {
                radius_nm: factor * radius_nm,
                height_nm: factor * height_nm,
            },
            Self::Sphere { radius_nm } => Self::Sphere {
                radius_nm: factor * radius_nm,
            },
            Self::Block { x_nm, y_nm, z_nm } => Self::Block {
                x_nm: factor * x_nm,
                y_nm: factor * y_nm,
                z_nm: factor * z_nm,
            },
            Self::Dome {
                radius_nm,
                height_nm,
            } => Self::Dome {
                radius_nm: factor * radius_nm,
                height_nm: factor * height_nm,
            },
            Self::Cone {
                base_radius_nm,
                top_radius_nm,
                height_nm,
            } => Self::Cone {
                base_radius_nm: factor * base_radius_nm,
                top_radius_nm: factor * top_radius_nm,
                height_nm: factor * height_nm,
            },
            Self::Pyramid {
                base_edge_nm,
                top_edge_nm,
                height_nm,
            } => Self::Pyramid {
                base_edge_nm: factor * base_edge_nm,
                top_edge_nm: factor * top_edge_nm,
                height_nm: factor * height_nm,
            },
        }
    }

    /// F(q) in nm³ with the sign exp(−i q·r).
    ///
    /// ```
    /// use xscatter_sim::grazing::Island;
    ///
    /// let hemisphere = Island::Dome { radius_nm: 3.0, height_nm: 3.0 };
    /// let volume = 2.0 / 3.0 * std::f64::consts::PI * 27.0;
    /// assert!((hemisphere.amplitude(0.0, 0.0, 0.0).re - volume).abs() < 1e-10);
    /// ```
    pub fn amplitude(&self, qx_inv_nm: f64, qy_inv_nm: f64, qz_inv_nm: f64) -> Complex64 {
        let channel = Channel {
            qz_inv_nm: qz_inv_nm.into(),
            plus: Complex64::ONE,
            minus: Complex64::ZERO,
        };
        self.terms(&[channel], qx_inv_nm.hypot(qy_inv_nm))
            .at(self, qx_inv_nm, qy_inv_nm)
    }

    /// The channels' sum for all components in the plane up to `reach`.
    pub(super) fn terms(&self, channels: &[Channel], reach_inv_nm: f64) -> Terms {
        if let Self::Sphere { radius_nm } = *self {
            return Terms::Sphere(
                channels
                    .iter()
                    .map(|channel| {
                        let square = channel.qz_inv_nm * channel.qz_inv_nm;
                        (square, channel.at(radius_nm))
                    })
                    .collect(),
            );
        }
        let steepest = channels
            .iter()
            .map(|channel| channel.qz_inv_nm.norm())
            .fold(0.0, f64::max);
        let span = steepest * self.height_nm() + reach_inv_nm * self.footprint_nm2().sqrt();
        Terms::Sliced(
            self.slices(8 + (0.45 * span) as usize)
                .into_iter()
                .map(|slice| (slice, self.vertical(&slice, channels)))
                .collect(),
        )
    }

    /// F is the sum over these of their [`section`](Self::section) times [`vertical`](Self::vertical): one
    /// slice for straight walls, else the nodes of a quadrature with at least this many points, up to 270.
    pub(crate) fn slices(&self, points: usize) -> Vec<Slice> {
        if self.is_straight() {
            return vec![Slice {
                z: 0.0,
                thickness: self.height_nm(),
                size: self.size_at(0.0),
            }];
        }
        let rule = RULES
            .iter()
            .find(|rule| rule.len() >= points)
            .unwrap_or(&RULES[RULES.len() - 1]);
        let half = 0.5 * self.height_nm();
        rule.iter()
            .map(|&(x, weight)| {
                let z = half * (1.0 + x);
                Slice {
                    z,
                    thickness: half * weight,
                    size: self.size_at(z),
                }
            })
            .collect()
    }

    /// The part of a slice that does not depend on the plane.
    pub(crate) fn vertical(&self, slice: &Slice, channels: &[Channel]) -> Complex64 {
        if self.is_straight() {
            let middle = 0.5 * slice.thickness;
            channels
                .iter()
                .map(|channel| {
                    let half = channel.qz_inv_nm * middle;
                    slice.thickness * complex_sinc(half) * channel.at(middle)
                })
                .sum()
        } else {
            let phases: Complex64 = channels.iter().map(|channel| channel.at(slice.z)).sum();
            slice.thickness * phases
        }
    }

    fn is_straight(&self) -> bool {
        matches!(self, Self::Cylinder { .. } | Self::Block { .. })
    }

    /// Radius or edge of the section at this height.
    fn size_at(&self, z_nm: f64) -> f64 {
        let cap =
            |radius: f64, centre: f64| (radius * radius - (z_nm - centre).powi(2)).max(0.0).sqrt();
        let between = |low: f64, high: f64, height: f64| low + (high - low) * z_nm / height;
        match *self {
            Self::Cylinder { radius_nm, .. } => radius_nm,
            Self::Sphere { radius_nm } => cap(radius_nm, radius_nm),
            Self::Block { x_nm, .. } => x_nm,
            Self::Dome {
                radius_nm,
                height_nm,
            } => cap(radius_nm, height_nm - radius_nm),
            Self::Cone {
                base_radius_nm,
                top_radius_nm,
                height_nm,
            } => between(base_radius_nm, top_radius_nm, height_nm),
            Self::Pyramid {
                base_edge_nm,
                top_edge_nm,
                height_nm,
            } => between(base_edge_nm, top_edge_nm, height_nm),
        }
    }

    /// A(q_x, q_y) of a slice.
    pub(crate) fn section(&self, slice: &Slice, qx: f64, qy: f64) -> f64 {
        let size = slice.size;
        match *self {
            Self::Block { x_nm, y_nm, .. } => {
                x_nm * y_nm * sinc(0.5 * qx * x_nm) * sinc(0.5 * qy * y_nm)
            }
            Self::Pyramid { .. } => size * size * sinc(0.5 * qx * size) * sinc(0.5 * qy * size),
            _ => PI * size * size * jinc((qx * qx + qy * qy).sqrt() * size),
        }
    }
}

impl Channel {
    /// The sum of both phases at a height.
    fn at(&self, z_nm: f64) -> Complex64 {
        let turn = (-Complex64::i() * self.qz_inv_nm * z_nm).exp();
        self.plus * turn + self.minus / turn
    }
}

impl Terms {
    /// The sum at one place in the plane of q.
    pub(super) fn at(&self, island: &Island, qx: f64, qy: f64) -> Complex64 {
        match self {
            Self::Sphere(channels) => {
                let radius = 0.5 * island.height_nm();
                let parallel = qx * qx + qy * qy;
                let sum: Complex64 = channels
                    .iter()
                    .map(|&(square, factor)| factor * ball(parallel + square, radius))
                    .sum();
                4.0 / 3.0 * PI * radius.powi(3) * sum
            }
            Self::Sliced(slices) => slices
                .iter()
                .map(|(slice, factor)| factor * island.section(slice, qx, qy))
                .sum(),
        }
    }
}

/// f(R √(q²)), an even and entire function of q.
fn ball(square: Complex64, radius: f64) -> Complex64 {
    if square.im == 0.0 && square.re >= 0.0 {
        return sphere_amplitude(radius * square.re.sqrt()).into();
    }
    let x = radius * square.sqrt();
    let y = x * x;
    if y.norm() < 0.04 {
        1.0 - y / 10.0 * (1.0 - y / 28.0 * (1.0 - y / 54.0))
    } else {
        3.0 * (x.sin() - x * x.cos()) / (x * y)
    }
}

fn complex_sinc(x: Complex64) -> Complex64 {
    if x.im == 0.0 {
        sinc(x.re).into()
    } else if x.norm() < 1e-4 {
        1.0 - x * x / 6.0
    } else {
        x.sin() / x
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const SHAPES: [Island; 6] = [
        Island::Cylinder {
            radius_nm: 4.0,
            height_nm: 7.0,
        },
        Island::Sphere { radius_nm: 4.0 },
        Island::Block {
            x_nm: 3.0,
            y_nm: 5.0,
            z_nm: 6.0,
        },
        Island::Dome {
            radius_nm: 5.0,
            height_nm: 7.5,
        },
        Island::Cone {
            base_radius_nm: 5.0,
            top_radius_nm: 1.0,
            height_nm: 6.0,
        },
        Island::Pyramid {
            base_edge_nm: 8.0,
            top_edge_nm: 0.0,
            height_nm: 6.0,
        },
    ];

    #[test]
    fn every_shape_scatters_its_volume_at_zero() {
        let volumes = [
            PI * 16.0 * 7.0,
            4.0 / 3.0 * PI * 64.0,
            90.0,
            PI * 7.5_f64.powi(2) * (15.0 - 7.5) / 3.0,
            PI * 6.0 / 3.0 * (25.0 + 5.0 + 1.0),
            64.0 * 6.0 / 3.0,
        ];
        for (shape, volume) in SHAPES.iter().zip(volumes) {
            let found = shape.amplitude(0.0, 0.0, 0.0);
            assert_relative_eq!(found.re, volume, max_relative = 1e-12);
            assert!(found.im.abs() < 1e-9 * volume);
        }
    }

    /// The slices of a cylinder and of a whole dome are the closed forms, at large q too.
    #[test]
    fn quadrature_agrees_with_the_closed_forms() {
        let cases = [
            (
                Island::Dome {
                    radius_nm: 4.0,
                    height_nm: 8.0,
                },
                Island::Sphere { radius_nm: 4.0 },
            ),
            (
                Island::Cone {
                    base_radius_nm: 4.0,
                    top_radius_nm: 4.0,
                    height_nm: 7.0,
                },
                SHAPES[0],
            ),
        ];
        for (sliced, closed) in cases {
            let volume = closed.amplitude(0.0, 0.0, 0.0).re;
            for q in [
                (0.1, 0.2, 0.05),
                (1.0, -0.3, 2.0),
                (0.0, 6.0, -9.0),
                (2.0, 0.0, 20.0),
            ] {
                let difference = sliced.amplitude(q.0, q.1, q.2) - closed.amplitude(q.0, q.1, q.2);
                assert!(difference.norm() < 1e-9 * volume, "{q:?}: {difference}");
            }
            // In an absorbing film: complex q_z on both sides.
            let channel = [Channel {
                qz_inv_nm: Complex64::new(0.7, 0.2),
                plus: Complex64::new(0.4, 1.0),
                minus: Complex64::new(-0.2, 0.3),
            }];
            let [a, b] =
                [sliced, closed].map(|shape| shape.terms(&channel, 1.0).at(&shape, 0.3, 0.4));
            assert!((a - b).norm() < 1e-9 * volume);
        }
    }

    /// F(−q) is the conjugate of F(q): the density is real.
    #[test]
    fn the_amplitude_is_hermitian() {
        for shape in SHAPES {
            let there = shape.amplitude(0.3, -0.2, 0.8);
            let back = shape.amplitude(-0.3, 0.2, -0.8);
            assert!((there - back.conj()).norm() < 1e-9);
        }
    }

    #[test]
    fn impossible_shapes_are_named() {
        let message = |island: Island| island.check().unwrap_err().to_string();
        assert_eq!(
            message(Island::Sphere { radius_nm: -1.0 }),
            "expected radius_nm to be positive, got -1"
        );
        assert_eq!(
            message(Island::Dome {
                radius_nm: 2.0,
                height_nm: 5.0
            }),
            "expected height_nm up to 4, got 5"
        );
        assert!(SHAPES.iter().all(|shape| shape.check().is_ok()));
    }
}
