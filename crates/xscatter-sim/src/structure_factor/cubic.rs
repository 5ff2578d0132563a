//! Cubic paracrystals: spheres on a lattice whose order fades with distance.
//!
//! Use a [`Paracrystal`] for colloidal crystals and micelles with broad peaks, where height, width and
//! diffuse ground follow from one distortion. Not for sharp peaks, which the orientation average would
//! have to resolve (see [`lattice`](crate::lattice)).
//!
//! ```text
//! Z(q) = Π_k (1 − e²)/(1 − 2 e cos(a q·u_k) + e²),   e = exp(−½ (g d)² Σ_k (q·u_k)²)
//! simple cubic    u = x, y, z                       d = a
//! body-centred    u = ½(−x + y + z), ...            d = √¾ a
//! face-centred    u = ½(x + y), ½(x + z), ½(y + z)  d = a/√2
//! ```
//!
//! with the cube edge a, the distance d of nearest neighbours and the distortion g. I = φ P Z, with
//! the volume fraction φ that spheres on the lattice fill. q in 1/nm, lengths in nm; Z is 1 at large
//! q. At q = 0 its limit depends on the direction, and Z is `NaN`.
//!
//! The average over orientations is a product of Gauss-Legendre rules in both angles, as in
//! sasmodels: an eighth of the sphere for the simple cubic lattice, all of it for the others. With 150
//! points each the values are those of sasmodels 1.1.0 to 1e-9; peaks narrower than about 2 % of q
//! need more points. Cost: 0.1 to 0.2 ms for an average by 150 points.
//!
//! Source: Matsuoka, Tanaka, Hashimoto and Ise 1987, doi:10.1103/PhysRevB.36.1754, and 1990,
//! doi:10.1103/PhysRevB.41.3854.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use rayon::prelude::*;

use super::{StructureError, length, within};
use crate::form_factor::vector::{STRIP, Strip, Work, exp_m1, sine, vectorised};
use crate::quadrature::gauss_legendre;

/// A cubic lattice with one particle at each of its points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cubic {
    /// One particle in a cube.
    Simple,
    /// Two.
    BodyCentred,
    /// Four.
    FaceCentred,
}

impl Cubic {
    /// The edge of the cube over the distance of nearest neighbours.
    fn edge(self) -> f64 {
        match self {
            Self::Simple => 1.0,
            Self::BodyCentred => 1.0 / 0.75_f64.sqrt(),
            Self::FaceCentred => 2.0_f64.sqrt(),
        }
    }

    /// The components of q along the three vectors.
    #[inline(always)]
    fn components(self, [x, y, z]: [f64; 3]) -> [f64; 3] {
        match self {
            Self::Simple => [x, y, z],
            Self::BodyCentred => [0.5 * (y + z - x), 0.5 * (x + z - y), 0.5 * (x + y - z)],
            Self::FaceCentred => [0.5 * (x + y), 0.5 * (x + z), 0.5 * (y + z)],
        }
    }
}

/// What a [`Paracrystal`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParacrystalConfig {
    /// The lattice.
    pub lattice: Cubic,
    /// The distance of nearest neighbours.
    pub neighbour_distance_nm: f64,
    /// The standard deviation of that distance relative to it, g.
    pub distortion: f64,
    /// Points of the average over orientations, for each of two angles.
    pub points: usize,
}

impl Default for ParacrystalConfig {
    fn default() -> Self {
        Self {
            lattice: Cubic::BodyCentred,
            neighbour_distance_nm: 22.0,
            distortion: 0.06,
            points: 150,
        }
    }
}

/// A cubic lattice whose order fades with distance.
///
/// ```
/// use xscatter_sim::structure_factor::{Cubic, Paracrystal, ParacrystalConfig};
///
/// let crystal = Paracrystal::new(ParacrystalConfig {
///     lattice: Cubic::FaceCentred,
///     ..ParacrystalConfig::default()
/// })?;
/// // The 111 ring of a cube with edge √2 · 22 nm.
/// let ring = 3_f64.sqrt() * std::f64::consts::TAU / (2_f64.sqrt() * 22.0);
/// assert!(crystal.average(ring) > 3.0 * crystal.average(0.8 * ring));
/// # Ok::<(), xscatter_sim::structure_factor::StructureError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Paracrystal {
    config: ParacrystalConfig,
    /// Cosine, sine and weight of the polar angle.
    polar: Vec<[f64; 3]>,
    /// Of the azimuth.
    azimuth: Vec<[f64; 3]>,
}

impl Paracrystal {
    /// The paracrystal of a configuration.
    ///
    /// # Errors
    /// If the distance or the distortion is not positive, or the points are not 1 to 5000.
    pub fn new(config: ParacrystalConfig) -> Result<Self, StructureError> {
        length("neighbour_distance_nm", config.neighbour_distance_nm)?;
        within(
            "distortion",
            "a positive number",
            |x| x > 0.0,
            config.distortion,
        )?;
        within(
            "points",
            "1 to 5000",
            |x| (1.0..=5000.0).contains(&x),
            config.points as f64,
        )?;
        // Half-widths of the intervals, which start at 0.
        let (theta, phi) = match config.lattice {
            Cubic::Simple => (0.5 * FRAC_PI_2, 0.5 * FRAC_PI_2),
            _ => (FRAC_PI_2, PI),
        };
        let nodes = gauss_legendre(config.points);
        let angles = |half: f64| -> Vec<[f64; 3]> {
            nodes
                .iter()
                .map(|&(x, weight)| {
                    let (sine, cosine) = (half * (x + 1.0)).sin_cos();
                    [cosine, sine, half * weight]
                })
                .collect()
        };
        // ∫ sin θ dθ dφ over what is integrated.
        let solid_angle = match config.lattice {
            Cubic::Simple => FRAC_PI_2,
            _ => 2.0 * TAU,
        };
        let polar = angles(theta)
            .into_iter()
            .map(|[cosine, sine, weight]| [cosine, sine, weight * sine / solid_angle])
            .collect();
        Ok(Self {
            config,
            polar,
            azimuth: angles(phi),
        })
    }

    /// The part of the volume that spheres of this radius fill.
    ///
    /// # Errors
    /// If the radius is not positive or the spheres overlap.
    pub fn volume_fraction(&self, radius_nm: f64) -> Result<f64, StructureError> {
        length("radius_nm", radius_nm)?;
        within(
            "radius_nm",
            "at most half the distance of nearest neighbours",
            |x| x <= 0.5 * self.config.neighbour_distance_nm,
            radius_nm,
        )?;
        let count = match self.config.lattice {
            Cubic::Simple => 1.0,
            Cubic::BodyCentred => 2.0,
            Cubic::FaceCentred => 4.0,
        };
        let edge = self.config.lattice.edge() * self.config.neighbour_distance_nm;
        Ok(count * 4.0 / 3.0 * PI * (radius_nm / edge).powi(3))
    }

    /// Z for a scattering vector along the axes of the cube.
    pub fn at(&self, q_inv_nm: [f64; 3]) -> f64 {
        let (edge, disorder) = self.scales();
        interference(self.config.lattice, edge, disorder, q_inv_nm)
    }

    /// Z over all orientations.
    pub fn average(&self, q_inv_nm: f64) -> f64 {
        let (edge, disorder) = self.scales();
        let mut average = 0.0;
        vectorised(Average {
            crystal: self,
            edge,
            disorder,
            q: q_inv_nm,
            out: &mut average,
        });
        average
    }

    /// [`average`](Self::average) at each q, in parallel.
    pub fn averages(&self, q_inv_nm: &[f64]) -> Vec<f64> {
        q_inv_nm.par_iter().map(|&q| self.average(q)).collect()
    }

    /// Edge of the cube, and −½ (g d)².
    fn scales(&self) -> (f64, f64) {
        let distance = self.config.neighbour_distance_nm;
        let edge = self.config.lattice.edge() * distance;
        (edge, -0.5 * (self.config.distortion * distance).powi(2))
    }
}

/// Z for one q.
#[inline(always)]
fn interference(lattice: Cubic, edge: f64, disorder: f64, q: [f64; 3]) -> f64 {
    let [a, b, c] = lattice.components(q);
    // e − 1, so that nothing cancels where e is nearly 1.
    let less = exp_m1(disorder * (a * a + b * b + c * c));
    let e = 1.0 + less;
    let numerator = -less * (1.0 + e);
    // 1 − 2 e cos x + e² = (1 − e)² + 4 e sin² x/2
    let term = |component: f64| {
        let sine = sine(0.5 * edge * component);
        less * less + 4.0 * e * (sine * sine)
    };
    numerator * numerator * numerator / (term(a) * term(b) * term(c))
}

struct Average<'a> {
    crystal: &'a Paracrystal,
    edge: f64,
    disorder: f64,
    q: f64,
    out: &'a mut f64,
}

impl Work for Average<'_> {
    #[inline(always)]
    fn run(self) {
        let lattice = self.crystal.config.lattice;
        let mut sum = 0.0;
        for &[cosine, sine, polar] in &self.crystal.polar {
            let (along, across) = (self.q * cosine, self.q * sine);
            let mut strip: Strip = [0.0; STRIP];
            for chunk in self.crystal.azimuth.chunks(STRIP) {
                let (mut x, mut y, mut weights) = ([0.0; STRIP], [0.0; STRIP], [0.0; STRIP]);
                for (i, &[cosine, sine, weight]) in chunk.iter().enumerate() {
                    (x[i], y[i], weights[i]) = (across * cosine, across * sine, weight);
                }
                // What goes beyond the end repeats the first point, without weight.
                for i in chunk.len()..STRIP {
                    (x[i], y[i]) = (x[0], y[0]);
                }
                for i in 0..STRIP {
                    let z = interference(lattice, self.edge, self.disorder, [x[i], y[i], along]);
                    strip[i] += weights[i] * z;
                }
            }
            sum += polar * strip.iter().sum::<f64>();
        }
        *self.out = sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const LATTICES: [Cubic; 3] = [Cubic::Simple, Cubic::BodyCentred, Cubic::FaceCentred];

    fn crystal(lattice: Cubic, points: usize) -> Paracrystal {
        Paracrystal::new(ParacrystalConfig {
            lattice,
            points,
            ..ParacrystalConfig::default()
        })
        .unwrap()
    }

    #[test]
    fn order_is_lost_at_large_q_and_peaks_are_at_allowed_reflections() {
        for (lattice, h) in [
            (Cubic::Simple, [1.0, 0.0, 0.0]),
            (Cubic::BodyCentred, [1.0, 1.0, 0.0]),
            (Cubic::FaceCentred, [1.0, 1.0, 1.0]),
        ] {
            let crystal = crystal(lattice, 60);
            assert_relative_eq!(crystal.average(6.0), 1.0, max_relative = 1e-4);
            let g = TAU / (lattice.edge() * 22.0);
            let peak = crystal.at(h.map(|h| h * g));
            assert!(peak > 50.0, "{lattice:?} {peak}");
        }
        // 100 is forbidden in both centred lattices.
        for lattice in [Cubic::BodyCentred, Cubic::FaceCentred] {
            let g = TAU / (lattice.edge() * 22.0);
            assert!(crystal(lattice, 10).at([g, 0.0, 0.0]) < 1.0);
        }
    }

    #[test]
    fn one_direction_is_the_plain_product() {
        for lattice in LATTICES {
            let crystal = crystal(lattice, 10);
            let q = [0.13, -0.21, 0.33];
            let (edge, disorder) = crystal.scales();
            let u = lattice.components(q);
            let e = (disorder * u.iter().map(|x| x * x).sum::<f64>()).exp();
            let product: f64 = u
                .iter()
                .map(|x| (1.0 - e * e) / (1.0 - 2.0 * e * (edge * x).cos() + e * e))
                .product();
            assert_relative_eq!(crystal.at(q), product, max_relative = 1e-11);
        }
    }

    #[test]
    fn batch_is_one_by_one() {
        let crystal = crystal(Cubic::FaceCentred, 70);
        let q = [0.1, 0.2, 0.31];
        let batch = crystal.averages(&q);
        assert!(q.iter().zip(&batch).all(|(&q, &b)| crystal.average(q) == b));
    }

    #[test]
    fn impossible_crystals_name_their_parameter() {
        let default = ParacrystalConfig::default();
        for (name, config) in [
            (
                "distortion",
                ParacrystalConfig {
                    distortion: 0.0,
                    ..default
                },
            ),
            (
                "points",
                ParacrystalConfig {
                    points: 0,
                    ..default
                },
            ),
            (
                "neighbour_distance_nm",
                ParacrystalConfig {
                    neighbour_distance_nm: -1.0,
                    ..default
                },
            ),
        ] {
            let message = Paracrystal::new(config).unwrap_err().to_string();
            assert!(message.starts_with(name), "{message}");
        }
        let crystal = crystal(Cubic::Simple, 10);
        assert!(crystal.volume_fraction(12.0).is_err());
        assert_relative_eq!(
            crystal.volume_fraction(11.0).unwrap(),
            PI / 6.0,
            max_relative = 1e-12
        );
    }
}
