//! Small-angle scattering in transmission.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use rand_chacha::ChaCha8Rng;

use super::{View, draw_texture};
use crate::curve::Curve;
use crate::diffuse;
use crate::draw::{chance, log_uniform, uniform, weighted, whole};
use crate::form_factor::{Shape, polydisperse_sphere};
use crate::lattice::{Lattice, debye_waller, gaussian};
use crate::pattern::{Part, Pattern, axis};
use crate::structure_factor::percus_yevick;

#[derive(Clone, Copy)]
enum Kind {
    Particles,
    Dense,
    Lattice,
    Calibrant,
    Fibre,
    Halo,
    Diffuse,
}

pub(super) fn draw(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let kind = weighted(
        rng,
        &[
            (Kind::Particles, 0.22),
            (Kind::Dense, 0.1),
            (Kind::Lattice, 0.22),
            (Kind::Calibrant, 0.08),
            (Kind::Fibre, 0.14),
            (Kind::Halo, 0.12),
            (Kind::Diffuse, 0.12),
        ],
    );
    if !view.blank {
        match kind {
            Kind::Particles => pattern.push(particles(view, rng, false)),
            Kind::Dense => pattern.push(particles(view, rng, true)),
            Kind::Lattice => lattice(view, rng, &mut pattern),
            Kind::Calibrant => calibrant(view, rng, &mut pattern),
            Kind::Fibre => fibre(view, rng, &mut pattern),
            Kind::Halo => halo(view, rng, &mut pattern),
            Kind::Diffuse => {}
        }
        if matches!(kind, Kind::Diffuse) || chance(rng, 0.6) {
            let weight = if matches!(kind, Kind::Diffuse) {
                1.0
            } else {
                log_uniform(rng, 0.03, 8.0)
            };
            pattern.push(low_q(view, rng, weight));
        }
    }
    surroundings(view, rng, &mut pattern);
    pattern
}

/// What the beam brings along: parasitic scattering, slit streaks, air.
pub(super) fn surroundings(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    let exponent = uniform(rng, 2.5, 4.2);
    let floor = view.q_pixel_inv_nm * uniform(rng, 2.0, 8.0);
    let radial = view.radial(|q| diffuse::power_law(q, exponent, floor));
    pattern.push(Part::rings(
        "parasitic scattering",
        log_uniform(rng, 0.2, 10.0),
        radial,
    ));
    pattern.push(air(view, rng));
    streaks(view, rng, pattern);
}

pub(super) fn air(view: &View, rng: &mut ChaCha8Rng) -> Part {
    let length = uniform(rng, 0.3, 3.0) / view.q_high_inv_nm;
    let constant = uniform(rng, 0.2, 1.0);
    let radial = view.radial(|q| constant + diffuse::ornstein_zernike(q, length));
    Part::rings("air", log_uniform(rng, 1e-3, 0.08), radial)
}

/// Streaks from slits or surfaces through the beam.
pub(super) fn streaks(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    if !view.beam_on_image || !chance(rng, 0.25) {
        return;
    }
    for direction in 0..whole(rng, 1, 2) {
        let reach = view.q_high_inv_nm * log_uniform(rng, 0.05, 0.6);
        let along = Curve::sample(0.0, view.q_max_inv_nm, 1024, |q| (-q / reach).exp());
        pattern.push(Part::line(
            "slit streak",
            log_uniform(rng, 0.1, 3.0),
            axis(direction as f64 * FRAC_PI_2 + uniform(rng, -0.05, 0.05)),
            along,
            (
                0.0,
                view.q_pixel_inv_nm * view.beam_sigma_px * uniform(rng, 0.7, 1.5),
            ),
        ));
    }
}

fn particles(view: &View, rng: &mut ChaCha8Rng, dense: bool) -> Part {
    // The first minimum or the end of the Guinier range lies on the image.
    let radius = log_uniform(rng, 1.5, 40.0) / view.q_high_inv_nm;
    let spread = log_uniform(rng, 0.03, 0.3);
    let kind = if dense { 0 } else { whole(rng, 0, 3) };
    let shape = match kind {
        1 => Shape::CoreShell {
            core_radius_nm: radius * 0.7,
            shell_nm: radius * 0.3,
            core_contrast: uniform(rng, -0.5, 1.0),
            shell_contrast: 1.0,
        },
        2 => Shape::Ellipsoid {
            polar_nm: radius * log_uniform(rng, 0.3, 4.0),
            equatorial_nm: radius,
        },
        3 => Shape::Cylinder {
            radius_nm: radius,
            length_nm: radius * log_uniform(rng, 0.2, 12.0),
        },
        _ => Shape::Sphere { radius_nm: radius },
    };
    let fraction = uniform(rng, 0.15, 0.45);
    // The averages are smooth: a coarse table is enough, the fine one is interpolated from it.
    let coarse = Curve::sample(0.0, view.q_max_inv_nm * 1.05, 700, |q| {
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
    let radial = view.radial(|q| f64::from(coarse.at(q as f32)));
    let part = Part::rings(
        if dense {
            "dense particles"
        } else {
            "particles"
        },
        1.0,
        radial,
    );
    if chance(rng, 0.2) {
        part.stretched(log_uniform(rng, 0.4, 2.5), uniform(rng, -PI, PI))
    } else {
        part
    }
}

fn low_q(view: &View, rng: &mut ChaCha8Rng, weight: f64) -> Part {
    let length = log_uniform(rng, 1.0, 60.0) / view.q_high_inv_nm;
    let exponent = uniform(rng, 1.8, 4.2);
    let floor = view.q_pixel_inv_nm * 2.0;
    let radial = match whole(rng, 0, 3) {
        0 => view.radial(|q| diffuse::guinier(q, length)),
        1 => view.radial(|q| diffuse::ornstein_zernike(q, length)),
        2 => view.radial(|q| diffuse::debye_bueche(q, length)),
        _ => view.radial(|q| diffuse::power_law(q, exponent, floor)),
    };
    let part = Part::rings("low-q scattering", weight, radial);
    if chance(rng, 0.25) {
        part.stretched(log_uniform(rng, 0.25, 4.0), uniform(rng, -PI, PI))
    } else {
        part
    }
}

fn lattice(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    let kind = Lattice::ALL[whole(rng, 0, 4)];
    let q1 = log_uniform(
        rng,
        1.2 * view.q_low_inv_nm,
        (0.6 * view.q_high_inv_nm).max(1.5 * view.q_low_inv_nm),
    );
    let width = q1 * log_uniform(rng, 0.01, 0.09) + 1.5 * view.q_pixel_inv_nm;
    let displaced = uniform(rng, 0.02, 0.13);
    let radius = PI / q1 * uniform(rng, 0.25, 0.9);
    let spread = uniform(rng, 0.06, 0.25);
    let form = |q: f64| polydisperse_sphere(q, radius, spread, 11);
    let texture = draw_texture(rng, 0.5, width / q1);
    let reflections = kind.reflections(if kind == Lattice::Lamellar { 8 } else { 16 });
    let peaks: Vec<(f64, f64)> = reflections
        .iter()
        .map(|r| (r.ratio * q1, r.multiplicity as f64))
        .map(|(q, m)| (q, m * form(q) * debye_waller(q, displaced, q1) / (q * q)))
        .collect();
    let radial = view.radial(|q| {
        peaks
            .iter()
            .map(|&(at, strength)| strength * gaussian(q - at, width))
            .sum()
    });
    pattern.push(Part::rings(kind.name(), 1.0, radial).textured(texture));
    let coarse = Curve::sample(0.0, view.q_max_inv_nm * 1.05, 700, |q| {
        form(q) * (1.0 - debye_waller(q, displaced, q1))
    });
    let radial = view.radial(|q| f64::from(coarse.at(q as f32)));
    pattern.push(Part::rings(
        "lattice disorder",
        log_uniform(rng, 0.01, 0.4),
        radial,
    ));
}

/// Equidistant rings of a layered calibrant, such as silver behenate.
fn calibrant(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    let first = TAU / 5.838;
    // At long distances another standard with larger layers serves.
    let q1 = if first < 0.8 * view.q_high_inv_nm && first > view.q_low_inv_nm {
        first
    } else {
        log_uniform(
            rng,
            view.q_low_inv_nm,
            0.6 * view.q_high_inv_nm.max(2.0 * view.q_low_inv_nm),
        )
    };
    let width = 0.02 * q1 + 1.5 * view.q_pixel_inv_nm;
    let decay = uniform(rng, 0.2, 0.6);
    let radial = view.radial(|q| {
        (1..=16)
            .map(|n| (-decay * f64::from(n)).exp() * gaussian(q - q1 * f64::from(n), width))
            .sum()
    });
    pattern.push(
        Part::rings("calibrant rings", 1.0, radial).textured(draw_texture(rng, 0.8, width / q1)),
    );
}

/// Equator and layer lines of a fibre, with its arcs.
fn fibre(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    let fibre_axis = uniform(rng, -PI, PI);
    let q1 = log_uniform(
        rng,
        1.3 * view.q_low_inv_nm,
        0.5 * view.q_high_inv_nm.max(3.0 * view.q_low_inv_nm),
    );
    let width = q1 * uniform(rng, 0.04, 0.15) + 1.5 * view.q_pixel_inv_nm;
    let exponent = uniform(rng, 1.5, 3.5);
    let floor = 3.0 * view.q_pixel_inv_nm;
    let equator = Curve::sample(0.0, view.q_max_inv_nm, 2048, |q| {
        let decay = ((view.q_low_inv_nm + floor) / (q + floor)).powf(exponent);
        let peaks: f64 = [1.0, 3.0_f64.sqrt(), 2.0, 7.0_f64.sqrt()]
            .iter()
            .map(|ratio| gaussian(q - ratio * q1, width) / gaussian(0.0, width) / (ratio * ratio))
            .sum();
        decay + 0.5 * peaks
    });
    let sigma = view.q_pixel_inv_nm * log_uniform(rng, 1.5, 12.0);
    pattern.push(Part::line(
        "equator",
        1.0,
        axis(fibre_axis),
        equator,
        (0.0, sigma),
    ));
    if chance(rng, 0.6) {
        let spacing = q1 * log_uniform(rng, 0.15, 0.8);
        let reach = q1 * log_uniform(rng, 0.1, 0.6);
        for order in 1..=whole(rng, 2, 8) {
            let along = Curve::sample(0.0, view.q_max_inv_nm, 1024, |q| {
                (-0.5 * (q / reach).powi(2)).exp()
            });
            pattern.push(Part::line(
                "layer line",
                log_uniform(rng, 0.01, 0.4) / order as f64,
                axis(fibre_axis),
                along,
                (spacing * order as f64, 0.6 * sigma.min(0.2 * spacing)),
            ));
        }
    }
}

/// One or two broad rings: a spinodal, a bicontinuous phase, short-range order.
fn halo(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    let centre = log_uniform(
        rng,
        1.2 * view.q_low_inv_nm,
        0.7 * view.q_high_inv_nm.max(3.0 * view.q_low_inv_nm),
    );
    let width = centre * log_uniform(rng, 0.1, 0.7);
    let second = uniform(rng, 1.5, 2.2);
    let share = if chance(rng, 0.4) {
        uniform(rng, 0.05, 0.5)
    } else {
        0.0
    };
    let radial =
        view.radial(|q| gaussian(q - centre, width) + share * gaussian(q - second * centre, width));
    pattern.push(Part::rings("halo", 1.0, radial).textured(draw_texture(rng, 0.6, width / centre)));
}
