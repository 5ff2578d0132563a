//! What disordered matter adds: a decay from the beam, a rise to high q.

use std::f64::consts::PI;

use rand_chacha::ChaCha8Rng;

use super::rings::risen;
use super::{View, note_azimuth};
use crate::diffuse;
use crate::draw::{chance, log_uniform, uniform, whole};
use crate::feature::{Feature, Role};
use crate::pattern::{Part, Pattern};

/// One of four laws, round or stretched.
pub(super) fn low(view: &View, rng: &mut ChaCha8Rng, weight: f64) -> Pattern {
    let mut pattern = Pattern::default();
    let length = log_uniform(rng, 1.0, 60.0) / view.q_high_inv_nm;
    let exponent = uniform(rng, 1.8, 4.2);
    let floor = view.q_pixel_inv_nm * 2.0;
    let radial = match whole(rng, 0, 3) {
        0 => {
            pattern.value("radius_of_gyration_nm", length);
            view.radial(|q| diffuse::guinier(q, length))
        }
        1 => {
            pattern.value("correlation_length_nm", length);
            view.radial(|q| diffuse::ornstein_zernike(q, length))
        }
        2 => {
            pattern.value("correlation_length_nm", length);
            view.radial(|q| diffuse::debye_bueche(q, length))
        }
        _ => {
            pattern.value("power_law_exponent", exponent);
            view.radial(|q| diffuse::power_law(q, exponent, floor))
        }
    };
    let part = Part::rings("low-q scattering", weight, radial);
    let mut feature = Feature::of(Role::DiffuseLow);
    let part = if chance(rng, 0.25) {
        let part = part.stretched(log_uniform(rng, 0.25, 4.0), uniform(rng, -PI, PI));
        feature.azimuth = part.two_fold_at((view.q_low_inv_nm * view.q_high_inv_nm).sqrt());
        note_azimuth(&mut pattern, feature.azimuth);
        part
    } else {
        part
    };
    pattern.push(part.known_as(feature));
    pattern
}

/// 1 − exp(−σ²q²): displacements of σ from the places of a lattice, or small lengths; now and then
/// stretched.
pub(super) fn high(view: &View, rng: &mut ChaCha8Rng, weight: f64) -> Pattern {
    let mut pattern = Pattern::default();
    let length = log_uniform(rng, 0.4, 5.0) / view.q_high_inv_nm;
    let radial = view.radial(|q| risen(q, length));
    let part = Part::rings("high-q scattering", weight, radial);
    let mut feature = Feature::of(Role::DiffuseHigh);
    let part = if chance(rng, 0.12) {
        let part = part.stretched(log_uniform(rng, 1.3, 3.0), uniform(rng, -PI, PI));
        feature.azimuth = part.two_fold_at((0.5 / length).min(0.7 * view.q_high_inv_nm));
        note_azimuth(&mut pattern, feature.azimuth);
        part
    } else {
        part
    };
    pattern.value("displacement_nm", length);
    pattern.push(part.known_as(feature));
    pattern
}
