//! Particles by their full averages: cubes, spheres that stick to each other, and particles that lie
//! in one direction.

use std::f64::consts::{FRAC_PI_2, PI};

use rand_chacha::ChaCha8Rng;

use super::{View, note_azimuth};
use crate::curve::Curve;
use crate::draw::{log_uniform, uniform, whole};
use crate::feature::{Feature, Role};
use crate::form_factor::{Ensemble, EnsembleConfig, Oriented, OrientedConfig, Shape, Spread};
use crate::pattern::{Part, Pattern};
use crate::plane::Plane;
use crate::structure_factor::{Interaction, Suspension, SuspensionConfig};

/// Cubes in any orientation: no sharp minima.
pub(super) fn cubes(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let edge = log_uniform(rng, 2.5, 25.0) / view.q_high_inv_nm;
    let cubes = Ensemble::new(EnsembleConfig {
        shape: Shape::cube(edge),
        spreads: Vec::new(),
    })
    .expect("the edge is positive");
    // Four entries a fringe of the longest edge; an orientation average is not cheap.
    let coarse = Curve::sample(0.0, view.q_max_inv_nm * 1.05, 240, |q| cubes.intensity(q));
    let radial = view.radial(|q| f64::from(coarse.at(q as f32)));
    pattern
        .push(Part::rings("particles: cube", 1.0, radial).known_as(Feature::of(Role::FormFactor)));
    pattern.value("edge_nm", edge);
    pattern
}

/// Spheres that stick where they touch: both a peak and a rise to the beam.
pub(super) fn sticky(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let radius = log_uniform(rng, 2.0, 30.0) / view.q_high_inv_nm;
    let spread = log_uniform(rng, 0.03, 0.2);
    let fraction = uniform(rng, 0.03, 0.35);
    let stickiness = log_uniform(rng, 0.12, 1.0);
    let sticky = Suspension::new(SuspensionConfig {
        particles: EnsembleConfig {
            shape: Shape::Sphere { radius_nm: radius },
            spreads: vec![Spread {
                points: 15,
                ..Spread::gaussian("radius_nm", spread)
            }],
        },
        interaction: Interaction::StickySpheres {
            perturbation: 0.05,
            stickiness,
        },
        volume_fraction: fraction,
        ..SuspensionConfig::default()
    })
    .expect("a fluid above its critical stickiness, (2 − √2)/6, is homogeneous");
    let coarse = Curve::sample(0.0, view.q_max_inv_nm * 1.05, 700, |q| sticky.intensity(q));
    let radial = view.radial(|q| f64::from(coarse.at(q as f32)));
    pattern.push(
        Part::rings("sticky particles", 1.0, radial).known_as(Feature {
            structure: true,
            ..Feature::of(Role::FormFactor)
        }),
    );
    pattern.value("radius_nm", radius);
    pattern.value("polydispersity", spread);
    pattern.value("volume_fraction", fraction);
    pattern.value("stickiness", stickiness);
    pattern
}

/// The side of the table of oriented particles; between its cells the longest are followed to 2 % of
/// the maximum, which lies behind the beamstop.
const SIDE: usize = 256;

/// Rods, ellipsoids or prisms across the beam, about one direction.
pub(super) fn oriented(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let radius = log_uniform(rng, 1.5, 8.0) / view.q_high_inv_nm;
    let aspect = log_uniform(rng, 1.5, 5.0);
    let kind = whole(rng, 0, 2);
    let direction = uniform(rng, -PI, PI);
    let misaligned = log_uniform(rng, 0.04, 0.35);
    let spread = log_uniform(rng, 0.03, 0.2);
    let (name, shape, varies) = match kind {
        0 => {
            let shape = Shape::Cylinder {
                radius_nm: radius,
                length_nm: 2.0 * radius * aspect,
            };
            ("oriented particles: cylinder", shape, "radius_nm")
        }
        1 => {
            let shape = Shape::Ellipsoid {
                polar_nm: radius * aspect,
                equatorial_nm: radius,
            };
            ("oriented particles: ellipsoid", shape, "equatorial_nm")
        }
        _ => {
            let shape = Shape::Prism {
                a_nm: 2.0 * radius,
                b_nm: 2.0 * radius,
                c_nm: 2.0 * radius * aspect,
            };
            ("oriented particles: prism", shape, "a_nm")
        }
    };
    let few = |parameter, width, points| Spread {
        points,
        ..Spread::gaussian(parameter, width)
    };
    let particles = Oriented::new(OrientedConfig {
        shape,
        theta_rad: FRAC_PI_2,
        phi_rad: direction,
        psi_rad: uniform(rng, 0.0, FRAC_PI_2),
        spreads: vec![few(varies, spread, 5), few("phi_rad", misaligned, 21)],
        ..OrientedConfig::default()
    })
    .expect("lengths are positive and angles finite");
    let cell = 2.1 * view.q_max_inv_nm / SIDE as f64;
    let place = |index: usize| (index as f64 - (SIDE / 2) as f64) * cell;
    // I(q) = I(−q): from half of the table, the row through the middle included, the rest follows.
    let half = SIDE * (SIDE / 2 + 1);
    let (qx, qy): (Vec<f64>, Vec<f64>) = (0..half)
        .map(|index| (place(index % SIDE), place(index / SIDE)))
        .unzip();
    let mut intensity = vec![0.0; half];
    particles
        .intensity_into(&qx, &qy, &mut intensity)
        .expect("the slices have one length");
    let largest = qx
        .iter()
        .zip(&qy)
        .zip(&intensity)
        .filter(|((x, y), _)| (view.q_low_inv_nm..=view.q_high_inv_nm).contains(&x.hypot(**y)))
        .fold(f64::MIN_POSITIVE, |largest, (_, &value)| largest.max(value));
    let table = (0..SIDE * SIDE)
        .map(|index| {
            // The first column has no partner; it lies at the very edge.
            let partner = SIDE * (SIDE - index / SIDE) + (SIDE - index % SIDE) % SIDE;
            let value = intensity.get(index).or_else(|| intensity.get(partner));
            (value.copied().unwrap_or_default() / largest) as f32
        })
        .collect();
    let part = Part::table(name, 1.0, Plane::centred(SIDE, cell, table));
    let azimuth = part.two_fold_at((2.0 / radius).min(0.7 * view.q_high_inv_nm));
    pattern.push(part.known_as(Feature {
        azimuth,
        ..Feature::of(Role::FormFactor)
    }));
    note_azimuth(&mut pattern, azimuth);
    pattern.value("radius_nm", radius);
    pattern.value("polydispersity", spread);
    pattern.value("aspect_ratio", aspect);
    pattern.value("particle_axis_rad", direction);
    pattern
}
