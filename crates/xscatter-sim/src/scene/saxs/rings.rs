//! Rings and halos: one, several orders, or at any distances.

use std::f64::consts::{PI, TAU};

use rand_chacha::ChaCha8Rng;

use super::{
    Texture, View, draw_fold, first_order, note_azimuth, note_order, radial_peaks, resolved,
    textured_rings,
};
use crate::draw::{chance, log_uniform, uniform, whole};
use crate::feature::Feature;
use crate::lattice::gaussian;
use crate::pattern::Pattern;

/// Between which relative widths a peak is a ring; Feature draws the line at 0.25.
const RING_FWHM: (f64, f64) = (0.02, 0.24);

pub(super) fn symmetry_ring(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let q0 = first_order(view, rng, 0.75);
    let fwhm = resolved(view, q0 * log_uniform(rng, RING_FWHM.0, RING_FWHM.1));
    let texture = Texture::fold(
        draw_fold(rng),
        uniform(rng, 0.2, 0.95),
        uniform(rng, -PI, PI),
    );
    let radial = radial_peaks(view, fwhm, &[(q0, 1.0, fwhm)]);
    let feature = Feature::peaks(vec![q0], fwhm, texture.azimuth);
    pattern.push(textured_rings("symmetry ring", radial, feature, None));
    note_order(&mut pattern, q0);
    note_azimuth(&mut pattern, texture.azimuth);
    pattern
}

pub(super) fn symmetry_halo(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let q0 = first_order(view, rng, 0.7);
    let fwhm = q0 * uniform(rng, 0.27, 1.1);
    let texture = Texture::fold(
        draw_fold(rng),
        uniform(rng, 0.02, 0.4),
        uniform(rng, -PI, PI),
    );
    let rise = log_uniform(rng, 0.5, 20.0) / q0;
    let radial = view.radial(|q| gaussian(q - q0, fwhm) * risen(q, rise));
    let feature = Feature::peaks(vec![q0], fwhm, texture.azimuth);
    pattern.push(textured_rings("symmetry halo", radial, feature, None));
    note_order(&mut pattern, q0);
    note_azimuth(&mut pattern, texture.azimuth);
    pattern
}

/// 1 − exp(−s²q²): nothing at the beam.
pub(super) fn risen(q_inv_nm: f64, length_nm: f64) -> f64 {
    1.0 - (-(q_inv_nm * length_nm).powi(2)).exp()
}

/// Orders i q₀ weakened by displacements, all with the same bright directions.
pub(super) fn symmetry_rings(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let q0 = first_order(view, rng, 0.4);
    let fwhm = resolved(view, q0 * log_uniform(rng, RING_FWHM.0, RING_FWHM.1));
    let displaced = log_uniform(rng, 0.08, 1.0);
    let fold = draw_fold(rng);
    let texture = Texture::fold(fold, uniform(rng, 0.2, 0.95), uniform(rng, -PI, PI));
    let orders: Vec<(f64, f64, f64)> = (1..=24)
        .map(|i| (q0 * f64::from(i), f64::from(i * i - 1)))
        .map(|(q, steps)| (q, (-displaced * displaced * steps).exp(), fwhm))
        .take_while(|&(q, weight, _)| q < view.q_max_inv_nm.max(1.5 * q0) && weight > 1e-4)
        .collect();
    let radial = radial_peaks(view, fwhm, &orders);
    let at = orders.iter().map(|order| order.0).collect();
    let mut feature = Feature::peaks(at, fwhm, texture.azimuth);
    if fold == 2 {
        feature = feature.on_lattice("lamellar");
    }
    pattern.push(textured_rings("symmetry rings", radial, feature, None));
    note_order(&mut pattern, q0);
    note_azimuth(&mut pattern, texture.azimuth);
    pattern.value("relative_displacement", displaced / TAU);
    pattern
}

/// Places, strengths and FWHM of rings that follow no lattice, in the order of q; the width over that
/// of the first place lies between the limits of `relative`.
pub(super) fn ad_hoc_orders(
    view: &View,
    rng: &mut ChaCha8Rng,
    relative: (f64, f64),
) -> Vec<(f64, f64, f64)> {
    let q0 = first_order(view, rng, 0.4);
    let step = q0 * uniform(rng, 0.2, 1.0);
    let mut orders = vec![(q0, uniform(rng, 0.1, 1.0))];
    for i in 1..whole(rng, 3, 9) {
        let at = q0 + i as f64 * step * uniform(rng, 0.5, 1.5);
        orders.push((at, uniform(rng, 0.1, 1.0)));
    }
    orders.sort_by(|a, b| a.0.total_cmp(&b.0));
    let fwhm = resolved(view, q0 * log_uniform(rng, relative.0, relative.1));
    orders
        .into_iter()
        .map(|(at, strength)| (at, strength, fwhm))
        .collect()
}

pub(super) fn ad_hoc(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let orders = ad_hoc_orders(view, rng, (0.02, 0.1));
    let (q0, _, fwhm) = orders[0];
    let radial = radial_peaks(view, fwhm, &orders);
    let texture = Texture::draw(rng, 0.85, fwhm / q0);
    let at = orders.iter().map(|order| order.0).collect();
    let feature = Feature::peaks(at, fwhm, texture.azimuth);
    pattern.push(textured_rings(
        "unindexed rings",
        radial,
        feature,
        texture.grains,
    ));
    note_order(&mut pattern, q0);
    note_azimuth(&mut pattern, texture.azimuth);
    pattern
}

/// Intensities of the orders of silver behenate as usual on a detector, over that of the first.
const BEHENATE: [f64; 11] = [
    1.0, 0.5965, 0.3822, 0.1798, 0.1123, 0.0825, 0.0627, 0.0462, 0.0391, 0.0332, 0.0352,
];

/// Equidistant rings of a layered calibrant, such as silver behenate.
pub(super) fn calibrant(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let first = TAU / 5.838;
    // At long distances another standard with larger layers serves.
    let behenate = first < 0.8 * view.q_high_inv_nm && first > view.q_low_inv_nm;
    let q1 = if behenate {
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
    let orders: Vec<(f64, f64, f64)> = (1..=16)
        .map(|n| {
            let strength = match BEHENATE.get(n - 1) {
                Some(&known) if behenate => known,
                _ => (-decay * n as f64).exp(),
            };
            (q1 * n as f64, strength, width)
        })
        .collect();
    let radial = radial_peaks(view, width, &orders);
    // A fine powder: no grains, at most plates that lie in one direction.
    let texture = if chance(rng, 0.8) {
        Texture::ISOTROPIC
    } else {
        Texture::fold(2, uniform(rng, 0.05, 0.5), uniform(rng, -PI, PI))
    };
    let at = orders.iter().map(|order| order.0).collect();
    let feature = Feature::peaks(at, width, texture.azimuth).on_lattice("lamellar");
    pattern.push(textured_rings(
        "calibrant rings",
        radial,
        feature,
        texture.grains,
    ));
    note_order(&mut pattern, q1);
    note_azimuth(&mut pattern, texture.azimuth);
    pattern
}

/// One or two broad rings: a spinodal, a bicontinuous phase, short-range order.
pub(super) fn halo(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
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
    let radial = radial_peaks(
        view,
        width,
        &[(centre, 1.0, width), (second * centre, share, width)],
    );
    let texture = Texture::draw(rng, 0.6, width / centre);
    let mut orders = vec![centre];
    if share > 0.0 {
        orders.push(second * centre);
    }
    let feature = Feature::peaks(orders, width, texture.azimuth);
    pattern.push(textured_rings("halo", radial, feature, texture.grains));
    note_order(&mut pattern, centre);
    note_azimuth(&mut pattern, texture.azimuth);
    pattern
}
