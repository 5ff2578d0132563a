//! Particles in solution or in a matrix: dilute ones of several shapes, dense ones with the
//! structure of a liquid.

use std::f64::consts::PI;

use rand_chacha::ChaCha8Rng;

use super::{View, note_azimuth};
use crate::curve::Curve;
use crate::draw::{chance, log_uniform, uniform, whole};
use crate::feature::{Feature, Role};
use crate::form_factor::{Shape, polydisperse_sphere};
use crate::pattern::{Part, Pattern};
use crate::structure_factor::percus_yevick;

/// Entries of a table of a smooth average, from which the fine one is interpolated.
pub(super) const COARSE: usize = 700;

pub(super) fn draw(view: &View, rng: &mut ChaCha8Rng, dense: bool) -> Pattern {
    let mut pattern = Pattern::default();
    // The first minimum or the end of the Guinier range lies on the image.
    let radius = log_uniform(rng, 1.5, 40.0) / view.q_high_inv_nm;
    let spread = log_uniform(rng, 0.03, 0.3);
    let kind = if dense { 0 } else { whole(rng, 0, 3) };
    let (name, shape, known) = match kind {
        1 => {
            let shape = Shape::CoreShell {
                core_radius_nm: radius * 0.7,
                shell_nm: radius * 0.3,
                core_contrast: uniform(rng, -0.5, 1.0),
                shell_contrast: 1.0,
            };
            ("particles: core-shell", shape, ("shell_nm", radius * 0.3))
        }
        2 => {
            let polar_nm = radius * log_uniform(rng, 0.3, 4.0);
            let shape = Shape::Ellipsoid {
                polar_nm,
                equatorial_nm: radius,
            };
            ("particles: ellipsoid", shape, ("polar_radius_nm", polar_nm))
        }
        3 => {
            let length_nm = radius * log_uniform(rng, 0.2, 12.0);
            let shape = Shape::Cylinder {
                radius_nm: radius,
                length_nm,
            };
            ("particles: cylinder", shape, ("length_nm", length_nm))
        }
        _ => (
            "particles: sphere",
            Shape::Sphere { radius_nm: radius },
            ("polydispersity", spread),
        ),
    };
    let name = if dense { "dense particles" } else { name };
    let fraction = uniform(rng, 0.15, 0.45);
    let coarse = Curve::sample(0.0, view.q_max_inv_nm * 1.05, COARSE, |q| {
        let single = match shape {
            Shape::Sphere { radius_nm } => polydisperse_sphere(q, radius_nm, spread, 15),
            _ => shape.intensity(q),
        };
        single
            * if dense {
                percus_yevick(q, radius, fraction)
            } else {
                1.0
            }
    });
    let part = Part::rings(name, 1.0, view.radial(|q| f64::from(coarse.at(q as f32))));
    pattern.value("radius_nm", radius);
    pattern.value(known.0, known.1);
    if dense {
        pattern.value("volume_fraction", fraction);
    }
    let mut feature = Feature {
        structure: dense,
        ..Feature::of(Role::FormFactor)
    };
    let part = if chance(rng, 0.2) {
        let part = part.stretched(log_uniform(rng, 0.4, 2.5), uniform(rng, -PI, PI));
        // Where the form factor has fallen to about a half.
        feature.azimuth = part.two_fold_at((1.5 / radius).min(view.q_high_inv_nm));
        note_azimuth(&mut pattern, feature.azimuth);
        part
    } else {
        part
    };
    pattern.push(part.known_as(feature));
    pattern
}

/// Spheres of one size, or nearly so: fringes.
pub(super) fn spheres(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let radius = log_uniform(rng, 2.0, 40.0) / view.q_high_inv_nm;
    let spread = log_uniform(rng, 0.005, 0.15);
    let coarse = Curve::sample(0.0, view.q_max_inv_nm * 1.05, COARSE, |q| {
        polydisperse_sphere(q, radius, spread, 21)
    });
    let radial = view.radial(|q| f64::from(coarse.at(q as f32)));
    pattern.push(
        Part::rings("particles: sphere", 1.0, radial).known_as(Feature::of(Role::FormFactor)),
    );
    pattern.value("radius_nm", radius);
    pattern.value("polydispersity", spread);
    pattern
}
