//! Fibres and stretched polymers: an equator, its peaks, and layer lines.

use std::f64::consts::{FRAC_PI_2, PI};

use rand_chacha::ChaCha8Rng;

use super::{View, note_order};
use crate::curve::Curve;
use crate::draw::{chance, log_uniform, uniform, whole};
use crate::feature::{Azimuth, Feature, Role};
use crate::lattice::gaussian;
use crate::pattern::{Part, Pattern, axis};

pub(super) fn draw(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let equator_rad = uniform(rng, -PI, PI);
    let q1 = log_uniform(
        rng,
        1.3 * view.q_low_inv_nm,
        0.5 * view.q_high_inv_nm.max(3.0 * view.q_low_inv_nm),
    );
    let width = q1 * uniform(rng, 0.04, 0.15) + 1.5 * view.q_pixel_inv_nm;
    let exponent = uniform(rng, 1.5, 3.5);
    let floor = 3.0 * view.q_pixel_inv_nm;
    let decay = Curve::sample(0.0, view.q_max_inv_nm, 2048, |q| {
        ((view.q_low_inv_nm + floor) / (q + floor)).powf(exponent)
    });
    // Cylinders side by side.
    let ratios = [1.0, 3.0_f64.sqrt(), 2.0, 7.0_f64.sqrt()];
    let peaks = Curve::sample(0.0, view.q_max_inv_nm, 2048, |q| {
        ratios
            .iter()
            .map(|ratio| gaussian(q - ratio * q1, width) / gaussian(0.0, width) / (ratio * ratio))
            .sum()
    });
    let sigma = view.q_pixel_inv_nm * log_uniform(rng, 1.5, 12.0);
    let azimuth = |q: f64, chi0_rad: f64| Azimuth::Fold {
        n: 2,
        eta: line_order(q, sigma),
        chi0_rad,
    };
    let along = axis(equator_rad);
    pattern.push(
        Part::line("equator", 1.0, along, decay, (0.0, sigma)).known_as(Feature {
            azimuth: azimuth(q1, equator_rad),
            ..Feature::of(Role::DiffuseLow)
        }),
    );
    let orders = ratios.iter().map(|ratio| ratio * q1).collect();
    pattern.push(
        Part::line("equatorial peaks", 0.5, along, peaks, (0.0, sigma)).known_as(Feature::peaks(
            orders,
            width,
            azimuth(q1, equator_rad),
        )),
    );
    note_order(&mut pattern, q1);
    pattern.value("orientation_rad", equator_rad);
    pattern.value("order_parameter", line_order(q1, sigma));
    if chance(rng, 0.6) {
        let spacing = q1 * log_uniform(rng, 0.15, 0.8);
        let reach = q1 * log_uniform(rng, 0.1, 0.6);
        for order in 1..=whole(rng, 2, 8) {
            let curve = Curve::sample(0.0, view.q_max_inv_nm, 1024, |q| {
                (-0.5 * (q / reach).powi(2)).exp()
            });
            let at = spacing * order as f64;
            let sigma = 0.6 * sigma.min(0.2 * spacing);
            let meridian = Azimuth::Fold {
                n: 2,
                eta: line_order(at, reach),
                chi0_rad: equator_rad + FRAC_PI_2,
            };
            let weight = log_uniform(rng, 0.01, 0.4) / order as f64;
            pattern.push(
                Part::line("layer line", weight, along, curve, (at, sigma))
                    .known_as(Feature::peaks(vec![at], 2.355 * sigma, meridian)),
            );
        }
        pattern.value("layer_line_inv_nm", spacing);
    }
    pattern
}

/// ⟨cos 2χ⟩ at q of a line of this standard deviation: exp(−2⟨χ²⟩) while it is narrow.
fn line_order(q_inv_nm: f64, sigma_inv_nm: f64) -> f64 {
    (-2.0 * (sigma_inv_nm / q_inv_nm).powi(2)).exp()
}
