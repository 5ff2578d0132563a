//! What few grains or a coherent beam show: spotted and textured rings, speckle, mesostructures.

use std::f64::consts::PI;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::rings::{ad_hoc_orders, risen};
use super::{Texture, View, first_order, note_azimuth, note_order, radial_peaks, textured_rings};
use crate::curve::Curve;
use crate::draw::{chance, log_uniform, normal, uniform, weighted, whole};
use crate::feature::{Azimuth, Feature, Role};
use crate::lattice::{Lattice, gaussian};
use crate::mesostructure::{Mesostructure, SIDE};
use crate::pattern::{Part, Pattern, Spot, azimuthal};
use crate::plane::Plane;
use crate::speckle::speckle;
use crate::texture::{ring_kernel, ring_width_rad};

/// Standard deviations in a full width at half maximum.
const PER_FWHM: f64 = 2.354_820_045;

/// Rings of a few crystallites, each with n-fold spots of its own, or of many single spots.
pub(super) fn rings(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let orders = ad_hoc_orders(view, rng, (0.012, 0.07));
    let (q0, _, fwhm) = orders[0];
    let at = orders.iter().map(|order| order.0).collect();
    let azimuth;
    if chance(rng, 0.3) {
        let count = log_uniform(rng, 5.0, 60.0) as usize;
        let mosaic_rad = log_uniform(rng, 0.01, 0.06);
        let mut spots = Vec::with_capacity(count * orders.len());
        for &(q, height, _) in &orders {
            for _ in 0..count {
                let jitter = normal(rng, 0.2 * fwhm);
                spots.push(Spot::new(
                    (q + jitter, uniform(rng, -PI, PI)),
                    (fwhm / PER_FWHM, mosaic_rad),
                    // Grains differ in size: a wide distribution with a few bright spots.
                    height * normal(rng, 1.0).exp(),
                ));
            }
        }
        azimuth = Azimuth::Grains { count, mosaic_rad };
        pattern.push(
            Part::spots("spotted rings", 0.5, spots).known_as(Feature::peaks(at, fwhm, azimuth)),
        );
    } else {
        let n = weighted(rng, &[(2, 0.4), (4, 0.25), (6, 0.35)]);
        let eta = uniform(rng, 0.5, 0.95);
        let count = whole(rng, 2, 14);
        let crystallites: Vec<(f64, f64)> = (0..count)
            .map(|_| (uniform(rng, -PI, PI), uniform(rng, 0.001, 1.0)))
            .collect();
        let curves: Vec<Curve> = orders
            .iter()
            .map(|_| {
                // Another reflection of the same crystallites: turned, with other intensities.
                let turn = uniform(rng, -PI, PI);
                let spots: Vec<(f64, f64)> = crystallites
                    .iter()
                    .map(|&(chi0, weight)| (chi0 + turn, weight * uniform(rng, 0.3, 1.0)))
                    .collect();
                azimuthal(2049, |chi| {
                    spots
                        .iter()
                        .map(|&(chi0, weight)| weight * ring_kernel(chi, chi0, f64::from(n), eta))
                        .sum()
                })
            })
            .collect();
        let radial = radial_peaks(view, fwhm, &orders);
        let width = ring_width_rad(eta).unwrap_or(PI) / f64::from(n);
        azimuth = Azimuth::Grains {
            count,
            mosaic_rad: width / PER_FWHM,
        };
        pattern.push(
            Part::rings("textured rings", 1.0, radial)
                .known_as(Feature::peaks(at, fwhm, azimuth))
                .textured_by_order(curves),
        );
        pattern.value("symmetry_fold", f64::from(n));
    }
    note_order(&mut pattern, q0);
    note_azimuth(&mut pattern, azimuth);
    pattern
}

/// A broad ring in a coherent beam, nearly isotropic or weakly oriented.
pub(super) fn coherent_halo(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let q0 = first_order(view, rng, 0.6);
    let fwhm = q0 * uniform(rng, 0.27, 1.2);
    let texture = if chance(rng, 0.5) {
        Texture::ISOTROPIC
    } else {
        let n = weighted(rng, &[(2, 0.6), (4, 0.2), (6, 0.2)]);
        Texture::fold(n, uniform(rng, 0.05, 0.4), uniform(rng, -PI, PI))
    };
    let rise = log_uniform(rng, 0.5, 20.0) / q0;
    let radial = view.radial(|q| gaussian(q - q0, fwhm) * risen(q, rise));
    let grain = view.q_pixel_inv_nm * log_uniform(rng, 2.0, 8.0);
    let modes = weighted(rng, &[(1, 0.4), (2, 0.25), (3, 0.15), (5, 0.1), (8, 0.1)]);
    let feature = Feature::peaks(vec![q0], fwhm, texture.azimuth);
    pattern.push(
        textured_rings("coherent halo", radial, feature, None)
            .speckled(Arc::new(speckle_field(rng, grain, modes))),
    );
    note_order(&mut pattern, q0);
    note_azimuth(&mut pattern, texture.azimuth);
    pattern.value("speckle_grain_inv_nm", grain);
    pattern.value("coherent_modes", modes as f64);
    pattern
}

fn speckle_field(rng: &mut ChaCha8Rng, grain_inv_nm: f64, modes: usize) -> Plane {
    const CELLS: f64 = 2.5;
    let field = speckle(rng, 256, CELLS, modes);
    Plane::repeating(256, grain_inv_nm / CELLS, field)
}

/// Few particles in a coherent beam, in one grain or several.
pub(super) fn mesostructure(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let (name, lattice) = weighted(
        rng,
        &[
            (("mesostructure: simple cubic", Lattice::SimpleCubic), 0.6),
            (
                ("mesostructure: body-centred cubic", Lattice::BodyCentred),
                0.2,
            ),
            (("mesostructure: hexagonal", Lattice::Hexagonal), 0.2),
        ],
    );
    let structure = Mesostructure {
        lattice,
        spacing_cells: uniform(rng, 14.0, 24.0),
        radius: uniform(rng, 0.22, 0.42),
        layers: uniform(rng, 2.0, 6.0),
        disorder: uniform(rng, 0.0, 0.06),
        vacancies: uniform(rng, 0.0, 0.15),
        noise: uniform(rng, 0.0, 0.15),
        grains: if chance(rng, 0.25) {
            whole(rng, 6, 12)
        } else {
            1
        },
    };
    let low = (1.3 * view.q_low_inv_nm).max(0.14 * view.q_high_inv_nm);
    let q1 = log_uniform(rng, low, (0.4 * view.q_high_inv_nm).max(1.5 * low));
    let cell = q1 / structure.first_order_cells();
    let plane = Plane::centred(SIDE, cell, structure.intensity(rng));
    let azimuth = Azimuth::Grains {
        count: structure.grains,
        mosaic_rad: 0.0,
    };
    pattern.push(Part::table(name, 1.0, plane).known_as(Feature {
        structure: true,
        azimuth,
        ..Feature::of(Role::FormFactor)
    }));
    note_order(&mut pattern, q1);
    pattern.value("grain_count", structure.grains as f64);
    let spacing = 2.0 * PI / (cell * SIDE as f64) * structure.spacing_cells;
    pattern.value("lattice_constant_nm", spacing);
    pattern.value("radius_nm", structure.radius * spacing);
    pattern
}
