//! Particles that share an orientation: the two-dimensional pattern on a detector.
//!
//! Use an [`Oriented`] for aligned rods, platelets or cubes, with or without a distribution of their
//! axes and sizes. Not for particles in random orientation (see [`Ensemble`](super::Ensemble)), nor
//! on a surface (see [`grazing`](crate::grazing)).
//!
//! ```text
//! axis          (sin θ cos φ, sin θ sin φ, cos θ), the beam along z; ψ turns the particle about it
//! I(qx, qy)     = Σ w F² / Σ w V
//! spreads       of θ, φ and ψ: the particle first turns by dψ about its axis, dθ about y and dφ
//!               about x, each in its own frame; the weight has a factor |cos dθ|
//! Maier-Saupe   w ∝ exp(m cos² δ), δ between an axis and the director (θ, φ); all azimuths and ψ
//! ```
//!
//! q in 1/nm, lengths in nm, I in nm³ for unit contrast; the curvature of the Ewald sphere is
//! neglected (q_z = 0). I(q) = I(−q). `NaN` in, `NaN` out. The conventions of angles and weights are
//! those of sasmodels 1.1.0, against which the values are checked.
//!
//! Cost: one thread of a processor with AVX-512 does 200 to 500 million points times members of the
//! distribution a second. The result does not depend on the processor, the threads or how points are
//! grouped.

use rayon::prelude::*;
use xscatter_core::{Error, ErrorKind, Result};

use super::ensemble::members;
use super::kernel::{Kernel, Symmetry, Vectors};
use super::vector::{STRIP, Strip, Work, vectorised};
use super::{Shape, ShapeError, Spread, number};
use crate::quadrature::gauss_legendre;

/// How the axes of the particles are distributed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Alignment {
    /// All alike, but for the spreads of `theta_rad`, `phi_rad` and `psi_rad`.
    Fixed,
    /// The law of Maier and Saupe about the director; spreads of angles are not possible beside it.
    MaierSaupe {
        /// The strength m: 0 is isotropic, positive along the director, negative across.
        strength: f64,
        /// Points of the polar angle, and of the azimuth twice as many.
        points: usize,
    },
}

/// What an [`Oriented`] is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct OrientedConfig {
    /// The nominal particle.
    pub shape: Shape,
    /// Angle between the beam and the axis of the particle.
    pub theta_rad: f64,
    /// Angle of the axis about the beam, from qx towards qy.
    pub phi_rad: f64,
    /// Angle of the particle about its axis.
    pub psi_rad: f64,
    /// Which of its lengths, and of `theta_rad`, `phi_rad` and `psi_rad`, vary.
    pub spreads: Vec<Spread>,
    /// The distribution of the axes.
    pub alignment: Alignment,
}

impl Default for OrientedConfig {
    fn default() -> Self {
        Self {
            shape: Shape::Cylinder {
                radius_nm: 2.0,
                length_nm: 40.0,
            },
            theta_rad: std::f64::consts::FRAC_PI_2,
            phi_rad: 0.0,
            psi_rad: 0.0,
            spreads: Vec::new(),
            alignment: Alignment::Fixed,
        }
    }
}

/// Particles of one shape with a common orientation.
///
/// ```
/// use xscatter_sim::form_factor::{Oriented, OrientedConfig};
///
/// // Rods along x scatter into a streak along y.
/// let rods = Oriented::new(OrientedConfig::default())?;
/// let (mut along, mut across) = ([0.0], [0.0]);
/// rods.intensity_into(&[0.5], &[0.0], &mut along)?;
/// rods.intensity_into(&[0.0], &[0.5], &mut across)?;
/// assert!(across[0] > 100.0 * along[0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Oriented {
    symmetry: Symmetry,
    kernels: Vec<(Kernel, f64)>,
    rotations: Vec<(Rotation, f64)>,
    /// 1/Σ w V.
    scale: f64,
}

/// The first two columns of the matrix that takes (qx, qy, 0) into the frame of the particle.
type Rotation = [[f64; 2]; 3];

impl Oriented {
    /// The particles of a configuration.
    ///
    /// # Errors
    /// If a length is not positive and finite, a contrast, an angle or the strength of the alignment
    /// is not finite, the alignment needs more points, or a spread is of something that the particle
    /// does not have or is impossible.
    pub fn new(config: OrientedConfig) -> Result<Self, ShapeError> {
        for (parameter, value) in [
            ("theta_rad", config.theta_rad),
            ("phi_rad", config.phi_rad),
            ("psi_rad", config.psi_rad),
        ] {
            number(parameter, value)?;
        }
        let is_angle = |spread: &&Spread| ANGLES.contains(&spread.parameter);
        let angles: Vec<Spread> = config.spreads.iter().filter(is_angle).copied().collect();
        let sizes: Vec<Spread> = config
            .spreads
            .iter()
            .filter(|spread| !is_angle(spread))
            .copied()
            .collect();
        let members = members(&config.shape, &sizes)?;
        let kernels: Vec<(Kernel, f64)> = members
            .iter()
            .map(|(shape, weight)| (Kernel::new(shape), *weight))
            .collect();
        let symmetry = Kernel::new(&config.shape).symmetry();
        let rotations = match config.alignment {
            Alignment::Fixed => jittered(&config, &angles)?,
            Alignment::MaierSaupe { strength, points } => {
                if let Some(spread) = angles.first() {
                    let lengths = config.shape.lengths();
                    let names: Vec<&str> = lengths.iter().map(|(name, _)| *name).collect();
                    return Err(ShapeError::Parameter {
                        parameter: spread.parameter,
                        has: names.join(", "),
                    });
                }
                maier_saupe(&config, symmetry, strength, points)?
            }
        };
        let points = kernels.len().saturating_mul(rotations.len());
        if points > 10_000_000 {
            return Err(ShapeError::TooManyPoints { points });
        }
        let volume: f64 = members
            .iter()
            .map(|(shape, w)| w * shape.volume_nm3())
            .sum();
        let turned: f64 = rotations.iter().map(|(_, weight)| weight).sum();
        Ok(Self {
            symmetry,
            kernels,
            // A sphere looks the same from everywhere.
            rotations: if symmetry == Symmetry::Sphere {
                vec![(rotations[0].0, turned)]
            } else {
                rotations
            },
            scale: 1.0 / (volume * turned),
        })
    }

    /// I at each (qx, qy), in nm³ for unit contrast (or the shape's own contrasts), in parallel.
    ///
    /// # Errors
    /// If the three slices differ in length.
    pub fn intensity_into(
        &self,
        qx_inv_nm: &[f64],
        qy_inv_nm: &[f64],
        out: &mut [f64],
    ) -> Result<()> {
        if qx_inv_nm.len() != out.len() || qy_inv_nm.len() != out.len() {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected as many qx and qy as intensities, found {}, {} and {}",
                    qx_inv_nm.len(),
                    qy_inv_nm.len(),
                    out.len()
                ),
            ));
        }
        // Every point stands for itself, so that blocks may go to any thread.
        out.par_chunks_mut(BLOCK)
            .zip(qx_inv_nm.par_chunks(BLOCK))
            .zip(qy_inv_nm.par_chunks(BLOCK))
            .for_each(|((out, qx), qy)| {
                vectorised(Pattern {
                    particles: self,
                    qx,
                    qy,
                    out,
                });
            });
        Ok(())
    }
}

/// Points that one thread takes at a time.
const BLOCK: usize = 64 * STRIP;

const ANGLES: [&str; 3] = ["theta_rad", "phi_rad", "psi_rad"];

struct Pattern<'a> {
    particles: &'a Oriented,
    qx: &'a [f64],
    qy: &'a [f64],
    out: &'a mut [f64],
}

impl Work for Pattern<'_> {
    #[expect(clippy::inline_always, reason = "it is compiled for wide instructions")]
    #[inline(always)]
    fn run(self) {
        let particles = self.particles;
        let mut vectors = Vectors::ZERO;
        let (mut x, mut y) = ([0.0; STRIP], [0.0; STRIP]);
        let mut amplitude = [0.0; STRIP];
        for ((qx, qy), out) in self
            .qx
            .chunks(STRIP)
            .zip(self.qy.chunks(STRIP))
            .zip(self.out.chunks_mut(STRIP))
        {
            x[..qx.len()].copy_from_slice(qx);
            y[..qy.len()].copy_from_slice(qy);
            for i in 0..STRIP {
                vectors.squared[i] = x[i] * x[i] + y[i] * y[i];
            }
            let mut sum = [0.0; STRIP];
            for (rotation, turned) in &particles.rotations {
                match particles.symmetry {
                    Symmetry::Sphere => {}
                    Symmetry::Axis => turn(rotation[2], &x, &y, &mut vectors.c),
                    Symmetry::None => {
                        turn(rotation[0], &x, &y, &mut vectors.a);
                        turn(rotation[1], &x, &y, &mut vectors.b);
                        turn(rotation[2], &x, &y, &mut vectors.c);
                    }
                }
                for (kernel, weight) in &particles.kernels {
                    kernel.amplitude(&vectors, &mut amplitude);
                    let weight = turned * weight * particles.scale;
                    for i in 0..STRIP {
                        sum[i] += weight * (amplitude[i] * amplitude[i]);
                    }
                }
            }
            out.copy_from_slice(&sum[..out.len()]);
        }
    }
}

/// One component in the frame of the particle.
#[expect(clippy::inline_always, reason = "it is compiled for wide instructions")]
#[inline(always)]
fn turn([from_x, from_y]: [f64; 2], x: &Strip, y: &Strip, out: &mut Strip) {
    for i in 0..STRIP {
        out[i] = from_x * x[i] + from_y * y[i];
    }
}

type Matrix = [[f64; 3]; 3];

fn product(a: &Matrix, b: &Matrix) -> Matrix {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..3).map(|k| a[i][k] * b[k][j]).sum()))
}

/// The rotation by `angle` about an axis, in the sense that takes vectors into the turned frame.
fn into_turned(axis: usize, angle: f64) -> Matrix {
    let (sine, cosine) = angle.sin_cos();
    let (next, last) = ((axis + 1) % 3, (axis + 2) % 3);
    let mut matrix = [[0.0; 3]; 3];
    matrix[axis][axis] = 1.0;
    matrix[next][next] = cosine;
    matrix[last][last] = cosine;
    matrix[next][last] = sine;
    matrix[last][next] = -sine;
    matrix
}

/// From the laboratory into the frame of a particle with this axis.
fn view(theta: f64, phi: f64, psi: f64) -> Matrix {
    let tilted = product(&into_turned(1, theta), &into_turned(2, phi));
    product(&into_turned(2, psi), &tilted)
}

fn first_columns(matrix: &Matrix) -> Rotation {
    matrix.map(|row| [row[0], row[1]])
}

/// The nominal view, turned by every combination of the spreads of angles.
fn jittered(
    config: &OrientedConfig,
    spreads: &[Spread],
) -> Result<Vec<(Rotation, f64)>, ShapeError> {
    let mut angles = [const { Vec::new() }; 3];
    for (name, angles) in ANGLES.iter().zip(&mut angles) {
        let mut known = spreads.iter().filter(|spread| spread.parameter == *name);
        *angles = match (known.next(), known.next()) {
            (None, _) => vec![(0.0, 1.0)],
            (Some(spread), None) => {
                spread.check()?;
                spread.angles()?
            }
            (Some(spread), Some(_)) => {
                return Err(ShapeError::Parameter {
                    parameter: spread.parameter,
                    has: ANGLES.join(", "),
                });
            }
        };
    }
    let points = angles
        .iter()
        .fold(1_usize, |n, a| n.saturating_mul(a.len()));
    if points > 10_000_000 {
        return Err(ShapeError::TooManyPoints { points });
    }
    let view = view(config.theta_rad, config.phi_rad, config.psi_rad);
    let mut rotations = Vec::with_capacity(points);
    for &(theta, w_theta) in &angles[0] {
        for &(phi, w_phi) in &angles[1] {
            for &(psi, w_psi) in &angles[2] {
                let tilted = product(&into_turned(1, theta), &into_turned(0, phi));
                let jitter = product(&into_turned(2, psi), &tilted);
                let weight = w_theta * w_phi * w_psi * theta.cos().abs();
                rotations.push((first_columns(&product(&jitter, &view)), weight));
            }
        }
    }
    Ok(rotations)
}

/// Axes about the director by their probability.
fn maier_saupe(
    config: &OrientedConfig,
    symmetry: Symmetry,
    strength: f64,
    points: usize,
) -> Result<Vec<(Rotation, f64)>, ShapeError> {
    number("strength", strength)?;
    if points == 0 || points > 1000 {
        return Err(ShapeError::Points {
            parameter: "alignment",
            points,
        });
    }
    let director = view(config.theta_rad, config.phi_rad, 0.0);
    let azimuths = 2 * points;
    // Only a particle without axis of revolution sees ψ; prisms repeat after half a turn.
    let own = if symmetry == Symmetry::None {
        points
    } else {
        1
    };
    let mut rotations = Vec::new();
    // F² is the same for an axis and its opposite, so half of the sphere is enough.
    for (x, weight) in gauss_legendre(points) {
        let cosine = 0.5 * (x + 1.0);
        // Relative to the largest value, so that strong alignments do not overflow.
        let weight = weight * (strength * (cosine * cosine) - strength.max(0.0)).exp();
        for azimuth in 0..azimuths {
            let azimuth = std::f64::consts::TAU * (azimuth as f64 + 0.5) / azimuths as f64;
            for psi in 0..own {
                let psi = std::f64::consts::PI * (psi as f64 + 0.5) / own as f64;
                let member = product(&view(cosine.acos(), azimuth, psi), &director);
                rotations.push((first_columns(&member), weight));
            }
        }
    }
    let total: f64 = rotations.iter().map(|(_, weight)| weight).sum();
    if total < 1e-100 {
        return Err(ShapeError::Alignment { points });
    }
    Ok(rotations)
}
