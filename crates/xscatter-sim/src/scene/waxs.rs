//! Wide-angle scattering in transmission.

use std::f64::consts::PI;

use rand_chacha::ChaCha8Rng;

use super::{View, draw_texture, saxs};
use crate::diffuse;
use crate::draw::{chance, log_uniform, uniform, weighted, whole};
use crate::pattern::{Part, Pattern, azimuthal, grains};
use crate::powder::{Cell, Ring, Width, diamond, face_centred, halo};
use crate::texture::ring_kernel;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Calibrant,
    Powder,
    Textured,
    Semicrystalline,
    Amorphous,
}

pub(super) fn draw(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let kind = weighted(
        rng,
        &[
            (Kind::Calibrant, 0.14),
            (Kind::Powder, 0.26),
            (Kind::Textured, 0.2),
            (Kind::Semicrystalline, 0.22),
            (Kind::Amorphous, 0.18),
        ],
    );
    if !view.blank {
        if kind != Kind::Amorphous {
            crystal(view, rng, kind, &mut pattern);
        }
        if matches!(kind, Kind::Amorphous | Kind::Semicrystalline) || chance(rng, 0.4) {
            amorphous(view, rng, kind == Kind::Amorphous, &mut pattern);
        }
    }
    surroundings(view, rng, &mut pattern);
    pattern
}

/// Air, windows, and the foot of what scatters at small angles.
pub(super) fn surroundings(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    let air = uniform(rng, 0.05, 0.2);
    let foot = uniform(rng, 0.0, 0.3);
    let radial = view.radial(|q| {
        diffuse::ornstein_zernike(q, air) + foot * diffuse::ornstein_zernike(q, 8.0 * air)
    });
    pattern.push(Part::rings("air", log_uniform(rng, 0.01, 0.6), radial));
    let rising = uniform(rng, 0.2, 1.0);
    let radial = view.radial(|q| rising + 1.0 - (-(q / 30.0).powi(2)).exp());
    pattern.push(Part::rings(
        "inelastic scattering",
        log_uniform(rng, 2e-3, 0.1),
        radial,
    ));
    if chance(rng, 0.2) {
        let exponent = uniform(rng, 2.0, 4.0);
        let floor = view.q_pixel_inv_nm * uniform(rng, 2.0, 6.0);
        let radial = view.radial(|q| diffuse::power_law(q, exponent, floor));
        pattern.push(Part::rings(
            "small-angle foot",
            log_uniform(rng, 0.02, 0.3),
            radial,
        ));
    }
    if chance(rng, 0.15) {
        let radial = view.radial(|q| halo(q, 4.0, 0.8) + 0.6 * halo(q, 9.0, 2.5));
        pattern.push(Part::rings(
            "window ring",
            log_uniform(rng, 0.01, 0.3),
            radial,
        ));
    }
    saxs::streaks(view, rng, pattern);
}

pub(super) fn amorphous(view: &View, rng: &mut ChaCha8Rng, main: bool, pattern: &mut Pattern) {
    let centre = uniform(rng, 9.0, 21.0);
    let width = centre * uniform(rng, 0.2, 0.55);
    let share = uniform(rng, 0.0, 0.6);
    let second = uniform(rng, 1.6, 2.4);
    let radial =
        view.radial(|q| halo(q, centre, width) + share * halo(q, second * centre, 1.4 * width));
    let weight = if main {
        1.0
    } else {
        log_uniform(rng, 0.05, 1.5)
    };
    let texture = if chance(rng, 0.15) {
        draw_texture(rng, 0.0, 1.0)
    } else {
        None
    };
    pattern.push(Part::rings("amorphous halo", weight, radial).textured(texture));
}

/// The rings of a random crystal or a calibrant, with their widths.
pub(super) fn rings(view: &View, rng: &mut ChaCha8Rng, calibrant: bool) -> Vec<Ring> {
    let q_max = view.q_max_inv_nm.min(90.0);
    let rings = if calibrant {
        match whole(rng, 0, 3) {
            0 => Cell::cubic(0.415_682_6).rings(q_max, |_| 1.0),
            1 => Cell::cubic(0.541_165).rings(q_max, face_centred),
            2 => Cell::cubic(0.543_119).rings(q_max, diamond),
            _ => Cell::cubic(0.404_95).rings(q_max, face_centred),
        }
    } else {
        let a_nm = log_uniform(rng, 0.3, 1.1);
        let cell = Cell {
            a_nm,
            b_nm: if chance(rng, 0.5) {
                a_nm
            } else {
                a_nm * log_uniform(rng, 0.6, 1.6)
            },
            c_nm: if chance(rng, 0.4) {
                a_nm
            } else {
                a_nm * log_uniform(rng, 0.6, 2.0)
            },
        };
        // The squared amplitude of many random atoms is exponentially distributed.
        cell.rings(q_max, |_| -uniform(rng, 1e-9, 1.0).ln())
    };
    rings.into_iter().take(400).collect()
}

pub(super) fn width(view: &View, rng: &mut ChaCha8Rng) -> Width {
    Width {
        size_nm: log_uniform(rng, 4.0, 300.0),
        strain: log_uniform(rng, 3e-4, 1e-2),
        instrument_inv_nm: view.q_pixel_inv_nm * uniform(rng, 1.5, 4.0),
        lorentzian_share: uniform(rng, 0.0, 1.0),
    }
}

/// Sum of the rings; each only near itself.
pub(super) fn sum(rings: &[Ring], q: f64, width: &Width, b_nm2: f64) -> f64 {
    let reach = 30.0 * width.fwhm_inv_nm(q);
    let from = rings.partition_point(|ring| ring.q_inv_nm < q - reach);
    rings[from..]
        .iter()
        .take_while(|ring| ring.q_inv_nm < q + reach)
        .map(|ring| ring.intensity(q, width, b_nm2))
        .sum()
}

fn crystal(view: &View, rng: &mut ChaCha8Rng, kind: Kind, pattern: &mut Pattern) {
    let all = rings(view, rng, kind == Kind::Calibrant);
    let mut width = width(view, rng);
    if kind == Kind::Calibrant {
        width.size_nm = width.size_nm.max(80.0);
    }
    if kind == Kind::Semicrystalline {
        width.size_nm = uniform(rng, 3.0, 15.0);
    }
    let b_nm2 = log_uniform(rng, 0.003, 0.05);
    let kept = if kind == Kind::Semicrystalline {
        whole(rng, 2, 6)
    } else {
        all.len()
    };
    let all = &all[..kept.min(all.len())];
    let oriented = match kind {
        Kind::Textured => true,
        Kind::Semicrystalline => chance(rng, 0.4),
        Kind::Powder => chance(rng, 0.3),
        _ => false,
    };
    if !oriented {
        let radial = view.radial(|q| sum(all, q, &width, b_nm2));
        pattern.push(Part::rings("powder rings", 1.0, radial));
        return;
    }
    let grainy = kind == Kind::Powder || chance(rng, 0.4);
    if grainy {
        // A grain that makes a spot of its own is large.
        width.size_nm = width.size_nm.max(60.0);
        width.strain = width.strain.min(2e-3);
    }
    // The strongest visible rings get a texture of their own, the others stay isotropic.
    let mut order: Vec<usize> = (0..all.len()).collect();
    let strength = |index: &usize| {
        let ring = all[*index];
        if ring.q_inv_nm < view.q_low_inv_nm || ring.q_inv_nm > view.q_high_inv_nm {
            0.0
        } else {
            ring.intensity(ring.q_inv_nm, &width, b_nm2)
        }
    };
    order.sort_by(|a, b| strength(b).total_cmp(&strength(a)));
    let strongest = order.first().map_or(1.0, strength).max(1e-12);
    let axis = uniform(rng, -PI, PI);
    let eta = uniform(rng, 0.3, 0.96);
    let count = log_uniform(rng, 5.0, 400.0);
    let mosaic = log_uniform(rng, 0.004, 0.04);
    for &index in order.iter().take(10) {
        let ring = all[index];
        let texture = if grainy {
            let count = count * uniform(rng, 0.5, 1.5);
            grains(rng, count as usize + 1, mosaic)
        } else {
            // A fibre reflection appears in two or four places.
            let tilt = if chance(rng, 0.5) {
                0.0
            } else {
                uniform(rng, 0.0, PI / 2.0)
            };
            azimuthal(1025, |chi| {
                0.5 * (ring_kernel(chi, axis + tilt, 2.0, eta)
                    + ring_kernel(chi, axis - tilt, 2.0, eta))
            })
        };
        let radial = view.radial(|q| sum(&[ring], q, &width, b_nm2));
        let weight = strength(&index) / strongest;
        if weight > 0.0 {
            pattern.push(Part::rings("textured rings", weight, radial).textured(Some(texture)));
        }
    }
    let rest: Vec<Ring> = order.iter().skip(10).map(|&index| all[index]).collect();
    if !rest.is_empty() {
        let mut rest = rest;
        rest.sort_by(|a, b| a.q_inv_nm.total_cmp(&b.q_inv_nm));
        let radial = view.radial(|q| sum(&rest, q, &width, b_nm2));
        pattern.push(Part::rings(
            "powder rings",
            log_uniform(rng, 0.05, 0.5),
            radial,
        ));
    }
}
