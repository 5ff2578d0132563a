//! Wide-angle scattering at grazing incidence.

use std::f64::consts::{FRAC_PI_2, TAU};

use rand_chacha::ChaCha8Rng;

use super::gisaxs::{Bench, Film, draw_streak};
use super::{View, waxs};
use crate::curve::Curve;
use crate::diffuse;
use crate::draw::{chance, log_uniform, uniform, weighted, whole};
use crate::lattice::gaussian;
use crate::pattern::{Part, Pattern, azimuthal};
use crate::powder::{Ring, Width};

#[derive(Clone, Copy)]
enum Kind {
    Polymer,
    Crystalline,
    Isotropic,
    Amorphous,
}

pub(super) fn draw(view: &View, rng: &mut ChaCha8Rng) -> Film {
    let bench = Bench::draw(view, rng);
    let kind = weighted(
        rng,
        &[
            (Kind::Polymer, 0.4),
            (Kind::Crystalline, 0.33),
            (Kind::Isotropic, 0.12),
            (Kind::Amorphous, 0.15),
        ],
    );
    let mut film = Pattern::default();
    if !view.blank {
        match kind {
            Kind::Polymer => polymer(view, rng, &mut film),
            Kind::Crystalline => crystalline(view, rng, &mut film),
            Kind::Isotropic => {
                let width = waxs::width(view, rng);
                let rings = waxs::rings(view, rng, false);
                let radial = view.radial(|q| waxs::sum(&rings, q, &width, 0.02));
                film.push(Part::rings("powder rings", 1.0, radial));
            }
            Kind::Amorphous => {}
        }
        if matches!(kind, Kind::Amorphous | Kind::Polymer) || chance(rng, 0.4) {
            waxs::amorphous(view, rng, matches!(kind, Kind::Amorphous), &mut film);
        }
    }
    // The foot near the beam: roughness and what is larger than the cell.
    let length = log_uniform(rng, 0.3, 4.0);
    let foot = view.radial(|q| diffuse::ornstein_zernike(q, length));
    film.push(Part::rings("roughness", log_uniform(rng, 0.05, 3.0), foot));
    let streak = chance(rng, 0.6).then(|| draw_streak(view, &bench, rng));
    let mut surroundings = Pattern::default();
    waxs::surroundings(view, rng, &mut surroundings);
    for part in &mut surroundings.parts {
        part.weight *= 0.4;
    }
    bench.finish(view, rng, film, None, streak, surroundings)
}

/// Orientation about `polar_rad` from the normal on both sides, on a floor.
fn oriented(polar_rad: f64, mosaic_rad: f64, floor: f64) -> Curve {
    azimuthal(2049, |angle| {
        let off = (angle.abs() - polar_rad) / mosaic_rad;
        floor + (-0.5 * off * off).exp()
    })
}

/// A chain molecule: layers along one direction, the π stack across, both with their mosaic.
fn polymer(view: &View, rng: &mut ChaCha8Rng, film: &mut Pattern) {
    let layer = TAU / uniform(rng, 1.3, 3.2);
    let stack = TAU / uniform(rng, 0.34, 0.44);
    let edge_on = chance(rng, 0.6);
    let mosaic = log_uniform(rng, 0.06, 0.5);
    let floor = log_uniform(rng, 5e-3, 0.4);
    let width = layer * uniform(rng, 0.05, 0.2) + 2.0 * view.q_pixel_inv_nm;
    let decay = uniform(rng, 0.3, 1.0);
    let layers = |order: i32| (-decay * f64::from(order - 1)).exp();
    let radial = view.radial(|q| {
        (1..=5)
            .map(|n| layers(n) * gaussian(q - layer * f64::from(n), width))
            .sum()
    });
    let (along, across) = if edge_on {
        (0.0, FRAC_PI_2)
    } else {
        (FRAC_PI_2, 0.0)
    };
    film.push(
        Part::rings("layer peaks", 1.0, radial).textured(Some(oriented(along, mosaic, floor))),
    );
    let broad = stack * uniform(rng, 0.03, 0.12);
    let radial = view.radial(|q| gaussian(q - stack, broad));
    let texture = oriented(across, mosaic * uniform(rng, 0.8, 2.0), floor);
    film.push(Part::rings("pi stack", log_uniform(rng, 0.05, 1.0), radial).textured(Some(texture)));
}

/// A crystalline film: each reflection at its own angle from the normal.
fn crystalline(view: &View, rng: &mut ChaCha8Rng, film: &mut Pattern) {
    let (a, c) = (log_uniform(rng, 0.4, 1.0), log_uniform(rng, 0.4, 2.0));
    let width = Width {
        size_nm: log_uniform(rng, 4.0, 80.0),
        ..waxs::width(view, rng)
    };
    let mosaic = log_uniform(rng, 0.02, 0.35);
    let floor = log_uniform(rng, 1e-3, 0.5);
    let rods = chance(rng, 0.3);
    let decay = TAU / log_uniform(rng, 0.2, 2.0);
    let mut reflections = Vec::new();
    let reach = |axis: f64| (view.q_max_inv_nm.min(45.0) * axis / TAU) as i32;
    for h in 0..=reach(a) {
        for k in 0..=h {
            for l in 0..=reach(c) {
                let parallel = TAU * f64::from(h * h + k * k).sqrt() / a;
                let normal = TAU * f64::from(l) / c;
                let q = parallel.hypot(normal);
                if q > 0.0 && q < view.q_max_inv_nm && chance(rng, 0.7) {
                    let strength = -uniform(rng, 1e-9, 1.0).ln();
                    reflections.push((q, parallel, normal, strength));
                }
            }
        }
    }
    reflections.sort_by(|x, y| (y.3 / (y.0 * y.0)).total_cmp(&(x.3 / (x.0 * x.0))));
    reflections.truncate(whole(rng, 6, 16));
    let strongest = reflections.first().map_or(1.0, |r| r.3 / (r.0 * r.0));
    for (q0, parallel, normal, strength) in reflections {
        let weight = strength / (q0 * q0) / strongest * (-0.01 * q0 * q0 / (8.0 * 9.87)).exp();
        if rods && parallel > 0.0 {
            let fwhm = width.fwhm_inv_nm(parallel);
            let along = Curve::sample(0.0, view.q_max_inv_nm, 2048, |q| {
                (-0.5 * ((q - normal) / decay).powi(2)).exp()
            });
            film.push(Part::line(
                "Bragg rods",
                weight,
                (1.0, 0.0),
                along,
                (parallel, 0.42 * fwhm),
            ));
            continue;
        }
        let ring = Ring {
            q_inv_nm: q0,
            strength: 1.0,
        };
        let radial = view.radial(|q| waxs::sum(&[ring], q, &width, 0.0));
        let texture = oriented(parallel.atan2(normal), mosaic, floor);
        film.push(Part::rings("oriented crystals", weight, radial).textured(Some(texture)));
    }
}
