//! Averages over orientations and sizes: the one-dimensional curve of particles in solution.
//!
//! Use an [`Ensemble`] for any shape whose sizes vary, alone or together with a
//! [structure factor](crate::structure_factor). Not for oriented particles (see
//! [`Oriented`](super::Oriented)).
//!
//! ```text
//! I(q) = Σ w ⟨F²⟩ / Σ w V        β(q) = (Σ w ⟨F⟩)² / (Σ w · Σ w ⟨F²⟩)
//! ```
//!
//! The average is by volume, as in sasmodels: not the mean of intensity over volume. q in 1/nm, I in
//! nm³ for unit contrast; `NaN` in, `NaN` out. Cost: the points of the spreads times one orientation
//! average; [`Ensemble::intensities`] uses all threads, and its result does not depend on them.

use std::f64::consts::FRAC_PI_2;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::kernel::{Kernel, Symmetry, Vectors};
use super::vector::{STRIP, Work, vectorised};
use super::{Shape, ShapeError, Spread};
use crate::quadrature::gauss_legendre;

/// What an [`Ensemble`] is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct EnsembleConfig {
    /// The nominal particle.
    pub shape: Shape,
    /// Which of its lengths vary.
    pub spreads: Vec<Spread>,
}

impl Default for EnsembleConfig {
    fn default() -> Self {
        Self {
            shape: Shape::Sphere { radius_nm: 5.0 },
            spreads: Vec::new(),
        }
    }
}

/// Particles of one shape and varying size in random orientation.
///
/// ```
/// use xscatter_sim::form_factor::{Ensemble, EnsembleConfig, Shape, Spread};
///
/// let rods = Ensemble::new(EnsembleConfig {
///     shape: Shape::Cylinder { radius_nm: 2.0, length_nm: 40.0 },
///     spreads: vec![Spread::gaussian("radius_nm", 0.1)],
/// })?;
/// assert!(rods.intensity(0.1) < rods.intensity(0.0));
/// # Ok::<(), xscatter_sim::form_factor::ShapeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ensemble {
    members: Vec<(Shape, f64)>,
    volume: f64,
    effective_radius: f64,
}

impl Ensemble {
    /// The ensemble of a configuration.
    ///
    /// # Errors
    /// If a length is not positive and finite, a contrast is not finite, a spread is of something
    /// that the shape does not have, or has a negative width, no points or no reach.
    pub fn new(config: EnsembleConfig) -> Result<Self, ShapeError> {
        let members = members(&config.shape, &config.spreads)?;
        let mut sums = [0.0; 3];
        for (shape, weight) in &members {
            sums[0] += weight;
            sums[1] += weight * shape.volume_nm3();
            sums[2] += weight * shape.effective_radius_nm();
        }
        Ok(Self {
            members,
            volume: sums[1] / sums[0],
            effective_radius: sums[2] / sums[0],
        })
    }

    /// The mean volume in nm³, shell included.
    pub fn volume_nm3(&self) -> f64 {
        self.volume
    }

    /// The mean of [`Shape::effective_radius_nm`].
    pub fn effective_radius_nm(&self) -> f64 {
        self.effective_radius
    }

    /// Σ w ⟨F²⟩ / Σ w V in nm³, for unit contrast (or the shape's own contrasts).
    pub fn intensity(&self, q_inv_nm: f64) -> f64 {
        self.averages(q_inv_nm)[1] / self.volume
    }

    /// [`intensity`](Self::intensity) at each q, in parallel.
    pub fn intensities(&self, q_inv_nm: &[f64]) -> Vec<f64> {
        q_inv_nm.par_iter().map(|&q| self.intensity(q)).collect()
    }

    /// β = ⟨F⟩²/⟨F²⟩: how much of the intensity takes part in the interference between particles,
    /// 1 for spheres of one size.
    pub fn beta(&self, q_inv_nm: f64) -> f64 {
        let [first, second] = self.averages(q_inv_nm);
        first * first / second
    }

    /// ⟨F⟩ in nm³ and ⟨F²⟩ in nm⁶ over orientations and sizes.
    pub(crate) fn averages(&self, q_inv_nm: f64) -> [f64; 2] {
        let (mut first, mut second, mut total) = (0.0, 0.0, 0.0);
        for (shape, weight) in &self.members {
            let [f, squared] = shape.averages(q_inv_nm);
            first += weight * f;
            second += weight * squared;
            total += weight;
        }
        [first / total, second / total]
    }
}

/// All points that spreads may have together.
const MOST_MEMBERS: usize = 10_000_000;

/// The shapes and weights of all combinations of the spreads.
pub(super) fn members(shape: &Shape, spreads: &[Spread]) -> Result<Vec<(Shape, f64)>, ShapeError> {
    shape.check()?;
    let lengths = shape.lengths();
    let mut members = vec![(*shape, 1.0)];
    for (index, spread) in spreads.iter().enumerate() {
        spread.check()?;
        let name = spread.parameter;
        let again = spreads[..index].iter().any(|other| other.parameter == name);
        let Some(&(_, centre)) = lengths.iter().find(|(known, _)| *known == name && !again) else {
            let names: Vec<&str> = lengths.iter().map(|(name, _)| *name).collect();
            return Err(ShapeError::Parameter {
                parameter: name,
                has: names.join(", "),
            });
        };
        let sizes = spread.sizes(centre);
        let points = members.len().saturating_mul(sizes.len());
        if points > MOST_MEMBERS {
            return Err(ShapeError::TooManyPoints { points });
        }
        members = members
            .iter()
            .flat_map(|&(shape, weight)| {
                sizes.iter().map(move |&(size, factor)| {
                    let mut shape = shape;
                    if let Some(length) = shape.length_mut(name) {
                        *length = size;
                    }
                    (shape, weight * factor)
                })
            })
            .collect();
    }
    Ok(members)
}

/// Numbers of points of the quadratures, each good for q times the size up to half of it.
const RUNGS: [usize; 8] = [24, 48, 96, 192, 384, 768, 1536, 3072];

static NODES: [OnceLock<Vec<(f64, f64)>>; RUNGS.len()] = [const { OnceLock::new() }; RUNGS.len()];

/// Cosines of the polar angle from 0 to 1 and their weights, which sum to 1.
fn cosines(q_times_size: f64) -> &'static [(f64, f64)] {
    let needed = 12.0 + q_times_size;
    let rung = RUNGS
        .iter()
        .position(|&points| points as f64 >= needed)
        .unwrap_or(RUNGS.len() - 1);
    NODES[rung].get_or_init(|| {
        gauss_legendre(RUNGS[rung])
            .into_iter()
            .map(|(x, weight)| (0.5 * (x + 1.0), 0.5 * weight))
            .collect()
    })
}

/// ⟨F⟩ and ⟨F²⟩ over all orientations.
pub(super) fn orientation_averages(shape: &Shape, q: f64) -> [f64; 2] {
    let kernel = Kernel::new(shape);
    if kernel.symmetry() == Symmetry::Sphere {
        let amplitude = shape.amplitude([0.0, 0.0, q]);
        return [amplitude, amplitude * amplitude];
    }
    let x = q.abs() * shape.reach_nm();
    let azimuths = match kernel.symmetry() {
        // The amplitude squared has harmonics up to about 2x of the azimuth; by symmetry one quarter
        // of a turn is enough.
        Symmetry::None => ((0.5 * x).min(3000.0) as usize + 8).next_multiple_of(4),
        _ => 1,
    };
    let directions: Vec<(f64, f64)> = (0..azimuths)
        .map(|i| {
            let (sine, cosine) = (FRAC_PI_2 * (i as f64 + 0.5) / azimuths as f64).sin_cos();
            (cosine, sine)
        })
        .collect();
    let mut averages = [0.0; 2];
    vectorised(Average {
        kernel,
        q,
        cosines: cosines(x),
        directions: &directions,
        averages: &mut averages,
    });
    averages
}

struct Average<'a> {
    kernel: Kernel,
    q: f64,
    cosines: &'a [(f64, f64)],
    /// Cosines and sines of the azimuth, of equal weight.
    directions: &'a [(f64, f64)],
    averages: &'a mut [f64; 2],
}

impl Work for Average<'_> {
    #[expect(clippy::inline_always, reason = "it is compiled for wide instructions")]
    #[expect(
        clippy::needless_range_loop,
        reason = "several strips are walked in step"
    )]
    #[inline(always)]
    fn run(self) {
        let mut vectors = Vectors::ZERO;
        vectors.squared = [self.q * self.q; STRIP];
        let (mut amplitudes, mut weights) = ([0.0; STRIP], [0.0; STRIP]);
        let (mut first, mut second) = ([0.0; STRIP], [0.0; STRIP]);
        let mut points = self
            .cosines
            .iter()
            .flat_map(|point| {
                self.directions
                    .iter()
                    .map(move |direction| (point, direction))
            })
            .peekable();
        while points.peek().is_some() {
            for i in 0..STRIP {
                // What goes beyond the end has no weight.
                let Some((&(cosine, weight), &(x, y))) = points.next() else {
                    weights[i] = 0.0;
                    continue;
                };
                let across = self.q * (1.0 - cosine * cosine).sqrt();
                vectors.a[i] = across * x;
                vectors.b[i] = across * y;
                vectors.c[i] = self.q * cosine;
                weights[i] = weight;
            }
            self.kernel.amplitude(&vectors, &mut amplitudes);
            for i in 0..STRIP {
                let weighted = weights[i] * amplitudes[i];
                first[i] += weighted;
                second[i] += weighted * amplitudes[i];
            }
        }
        let scale = 1.0 / self.directions.len() as f64;
        *self.averages = [
            scale * first.iter().sum::<f64>(),
            scale * second.iter().sum::<f64>(),
        ];
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const SHAPES: [Shape; 5] = [
        Shape::Ellipsoid {
            polar_nm: 2.0,
            equatorial_nm: 15.0,
        },
        Shape::Cylinder {
            radius_nm: 2.0,
            length_nm: 60.0,
        },
        Shape::Cylinder {
            radius_nm: 30.0,
            length_nm: 1.0,
        },
        Shape::CoreShellCylinder {
            core_radius_nm: 3.0,
            core_length_nm: 20.0,
            shell_nm: 1.5,
            core_contrast: 1.0,
            shell_contrast: -0.5,
        },
        Shape::Prism {
            a_nm: 3.0,
            b_nm: 8.0,
            c_nm: 20.0,
        },
    ];

    /// The same average by 3072 points, whatever q.
    fn finest(shape: &Shape, q: f64) -> [f64; 2] {
        let mut sums = [0.0; 2];
        let azimuths = 400;
        for &(cosine, weight) in cosines(1e9) {
            let across = q * (1.0 - cosine * cosine).sqrt();
            let count = if matches!(shape, Shape::Prism { .. }) {
                azimuths
            } else {
                1
            };
            for i in 0..count {
                let (sine, other) = (FRAC_PI_2 * (f64::from(i) + 0.5) / f64::from(count)).sin_cos();
                let f = shape.amplitude([across * other, across * sine, q * cosine]);
                sums[0] += weight * f / f64::from(count);
                sums[1] += weight * f * f / f64::from(count);
            }
        }
        sums
    }

    #[test]
    fn the_points_are_enough_for_every_size() {
        for shape in SHAPES {
            for x in [0.3, 11.0, 35.0, 83.0, 179.0] {
                let q = x / shape.reach_nm();
                let (found, expected) = (shape.averages(q), finest(&shape, q));
                assert_relative_eq!(found[1], expected[1], max_relative = 1e-9);
                let size = expected[1].sqrt();
                assert!(
                    (found[0] - expected[0]).abs() < 1e-9 * size,
                    "{shape:?} {x}"
                );
            }
        }
    }

    #[test]
    fn one_size_is_the_shape_and_batch_is_one_by_one() {
        let q: Vec<f64> = (0..40).map(|i| 0.05 * f64::from(i)).collect();
        for shape in SHAPES {
            let ensemble = Ensemble::new(EnsembleConfig {
                shape,
                spreads: vec![],
            })
            .unwrap();
            for (&q, batch) in q.iter().zip(ensemble.intensities(&q)) {
                assert_relative_eq!(batch, shape.intensity(q), max_relative = 1e-14);
                assert_eq!(batch, ensemble.intensity(q));
            }
            assert_relative_eq!(ensemble.beta(0.0), 1.0, max_relative = 1e-12);
            assert!(ensemble.beta(1.0) < 1.0);
        }
    }

    #[test]
    fn impossible_ensembles_name_their_parameter() {
        let sphere = |radius_nm| Shape::Sphere { radius_nm };
        let message = |shape, spreads: &[Spread]| {
            let config = EnsembleConfig {
                shape,
                spreads: spreads.to_vec(),
            };
            Ensemble::new(config).unwrap_err().to_string()
        };
        assert!(message(sphere(-1.0), &[]).contains("radius_nm"));
        assert!(message(sphere(f64::NAN), &[]).contains("radius_nm"));
        let narrow = Spread::gaussian("radius_nm", 0.1);
        let negative = Spread::gaussian("radius_nm", -0.1);
        assert!(message(sphere(1.0), &[negative]).contains("radius_nm"));
        assert!(message(sphere(1.0), &[narrow, narrow]).contains("radius_nm"));
        let other = Spread::gaussian("length_nm", 0.1);
        assert_eq!(
            message(sphere(1.0), &[other]),
            "length_nm: expected one spread each of radius_nm"
        );
        let empty = Spread {
            points: 0,
            ..narrow
        };
        assert!(message(sphere(1.0), &[empty]).contains("points"));
        let many = |name| Spread {
            points: 5000,
            ..Spread::gaussian(name, 0.1)
        };
        let rod = Shape::Cylinder {
            radius_nm: 1.0,
            length_nm: 2.0,
        };
        assert!(message(rod, &[many("radius_nm"), many("length_nm")]).contains("25000000"));
    }

    #[test]
    fn large_q_follows_porod() {
        // ⟨F²⟩ q⁴ → 2π S on average over a period.
        let cube = Shape::cube(10.0);
        let mean = (0..400)
            .map(|i| 20.0 + 0.01 * f64::from(i))
            .map(|q| cube.intensity(q) * cube.volume_nm3() * q.powi(4))
            .sum::<f64>()
            / 400.0;
        assert_relative_eq!(mean, std::f64::consts::TAU * 600.0, max_relative = 0.05);
    }
}
