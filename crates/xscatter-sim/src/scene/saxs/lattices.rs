//! Particles or domains on a lattice, undistorted or stretched in one direction.

use std::f64::consts::PI;

use rand_chacha::ChaCha8Rng;

use super::particles::COARSE;
use super::zone::directions_rad;
use super::{Texture, View, note_azimuth, note_order, radial_peaks, textured_rings};
use crate::curve::Curve;
use crate::diffuse;
use crate::draw::{log_uniform, uniform, weighted, whole};
use crate::feature::{Azimuth, Feature, Role};
use crate::form_factor::polydisperse_sphere;
use crate::lattice::{Lattice, Reflection, debye_waller};
use crate::pattern::{Part, Pattern, azimuthal};
use crate::texture::ring_kernel;

const KINDS: [Lattice; 5] = [
    Lattice::Lamellar,
    Lattice::Hexagonal,
    Lattice::SimpleCubic,
    Lattice::BodyCentred,
    Lattice::FaceCentred,
];

pub(super) fn draw(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let kind = KINDS[whole(rng, 0, KINDS.len() - 1)];
    lattice(view, rng, kind, true)
}

/// The rarer lattices: networks of block copolymers, open and close-packed ones of particles.
pub(super) fn rarer(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let kind = weighted(
        rng,
        &[
            (Lattice::Gyroid, 0.45),
            (Lattice::Diamond, 0.3),
            (Lattice::ClosePackedHexagonal, 0.15),
            (Lattice::SimpleHexagonal, 0.1),
        ],
    );
    lattice(view, rng, kind, true)
}

/// A lattice under strain: its rings are ovals.
pub(super) fn distorted(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let kind = KINDS[whole(rng, 0, KINDS.len() - 1)];
    let mut pattern = lattice(view, rng, kind, false);
    let ratio = log_uniform(rng, 0.45, 2.2);
    let along = uniform(rng, -PI, PI);
    pattern.parts = pattern
        .parts
        .into_iter()
        .map(|part| {
            let mut part = part.stretched(ratio, along);
            if part.feature.structure {
                part.name = "oval rings";
            }
            part
        })
        .collect();
    pattern.value("axis_ratio", ratio);
    pattern.value("orientation_rad", along);
    pattern
}

pub(in crate::scene) fn lattice(
    view: &View,
    rng: &mut ChaCha8Rng,
    kind: Lattice,
    may_be_textured: bool,
) -> Pattern {
    let mut pattern = Pattern::default();
    let q1 = log_uniform(
        rng,
        1.2 * view.q_low_inv_nm,
        (0.6 * view.q_high_inv_nm).max(1.5 * view.q_low_inv_nm),
    );
    let width = q1 * log_uniform(rng, 0.01, 0.09) + 1.5 * view.q_pixel_inv_nm;
    let displaced = uniform(rng, 0.02, 0.13);
    let radius = PI / q1 * uniform(rng, 0.25, 0.9);
    let spread = uniform(rng, 0.06, 0.25);
    // The strengths of a gyroid are those of its domains, which are no spheres.
    let is_network = kind == Lattice::Gyroid;
    let form = |q: f64| {
        if is_network {
            diffuse::debye_bueche(q, 1.0 / q1)
        } else {
            polydisperse_sphere(q, radius, spread, 11)
        }
    };
    let texture = if may_be_textured {
        Texture::draw(rng, 0.5, width / q1)
    } else {
        Texture::ISOTROPIC
    };
    let reflections = kind.reflections(if kind == Lattice::Lamellar { 8 } else { 16 });
    let peaks: Vec<(f64, f64, f64)> = reflections
        .iter()
        .map(|r| {
            let q = r.ratio * q1;
            let domain = if is_network { 1.0 } else { form(q) };
            let strength = r.strength * domain * debye_waller(q, displaced, q1) / (q * q);
            (q, strength, width)
        })
        .collect();
    let radial = radial_peaks(view, width, &peaks);
    let orders = peaks.iter().map(|peak| peak.0).collect();
    let feature = Feature::peaks(orders, width, texture.azimuth).on_lattice(kind.name());
    let part = textured_rings(kind.name(), radial, feature, texture.grains);
    pattern.push(match aligned(kind, texture.azimuth, &reflections) {
        Some(curves) => part.textured_by_order(curves),
        None => part,
    });
    let coarse = Curve::sample(0.0, view.q_max_inv_nm * 1.05, COARSE, |q| {
        form(q) * (1.0 - debye_waller(q, displaced, q1))
    });
    let radial = view.radial(|q| f64::from(coarse.at(q as f32)));
    let weight = log_uniform(rng, 0.01, 0.4);
    pattern.push(
        Part::rings("lattice disorder", weight, radial).known_as(Feature::of(Role::FormFactor)),
    );
    note_order(&mut pattern, q1);
    note_azimuth(&mut pattern, texture.azimuth);
    if !is_network {
        pattern.value("radius_nm", radius);
        pattern.value("polydispersity", spread);
    }
    pattern.value("relative_displacement", displaced);
    // Scherrer's length of the width beyond that of beam and pixel.
    let own = width - 1.5 * view.q_pixel_inv_nm;
    pattern.value("grain_size_nm", 2.0 * PI * 0.9 / own);
    pattern
}

/// The azimuth of each order of a crystal that is aligned with an axis along the beam, the first order
/// about χ₀; `None` if it has no such axis. An order that is not in the zone is isotropic.
fn aligned(kind: Lattice, azimuth: Azimuth, reflections: &[Reflection]) -> Option<Vec<Curve>> {
    let Azimuth::Fold { n, eta, chi0_rad } = azimuth else {
        return None;
    };
    let first = *directions_rad(kind, n, reflections.first()?.squared)?.first()?;
    reflections
        .iter()
        .map(|reflection| {
            let directions = directions_rad(kind, n, reflection.squared)?;
            Some(azimuthal(2049, |chi| {
                if directions.is_empty() {
                    return 1.0;
                }
                directions
                    .iter()
                    .map(|angle| ring_kernel(chi, chi0_rad + angle - first, f64::from(n), eta))
                    .sum()
            }))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_of_an_aligned_crystal_alternate() {
        let azimuth = Azimuth::Fold {
            n: 6,
            eta: 0.7,
            chi0_rad: 0.2,
        };
        let reflections = Lattice::Hexagonal.reflections(3);
        let curves = aligned(Lattice::Hexagonal, azimuth, &reflections).unwrap();
        let between = 0.2 + PI / 6.0;
        assert!(curves[0].at(0.2) > 5.0 && curves[1].at(0.2) < 0.3);
        assert!(curves[0].at(between as f32) < 0.3 && curves[1].at(between as f32) > 5.0);
        assert!(aligned(Lattice::FaceCentred, azimuth, &reflections).is_none());
        assert!(aligned(Lattice::Hexagonal, Azimuth::Isotropic, &reflections).is_none());
    }
}
