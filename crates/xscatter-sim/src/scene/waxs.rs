//! Wide-angle scattering in transmission.

mod arcs;
mod rings;
mod single;
mod specimen;

use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;

use rings::{grainy, oriented};

use super::{View, draw_texture, saxs};
use crate::amorphous::{Amorphous, air, halo};
use crate::crystal::Substance;
use crate::diffuse;
use crate::draw::{chance, log_uniform, normal, uniform, weighted, whole};
use crate::feature::{Azimuth, Feature, Role};
use crate::pattern::{Part, Pattern};

pub(super) use arcs::{Arc, parts as arc_parts, radial};
pub(super) use rings::{describe, smooth, with_sine};
pub(super) use specimen::{Specimen, draw_width, width_of};

const POWDERS: [Substance; 14] = [
    Substance::Gold,
    Substance::Silver,
    Substance::Copper,
    Substance::Nickel,
    Substance::Iron,
    Substance::SodiumChloride,
    Substance::Rutile,
    Substance::Anatase,
    Substance::ZincOxide,
    Substance::LeadIodide,
    Substance::LeadIodidePerovskite,
    Substance::Graphite,
    Substance::Ice,
    Substance::Pentacene,
];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Calibrant,
    Powder,
    Textured,
    Semicrystalline,
    Amorphous,
    Single,
}

pub(super) fn draw(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    let mut pattern = Pattern::default();
    let kind = weighted(
        rng,
        &[
            (Kind::Calibrant, 0.14),
            (Kind::Powder, 0.24),
            (Kind::Textured, 0.18),
            (Kind::Semicrystalline, 0.2),
            (Kind::Amorphous, 0.17),
            (Kind::Single, 0.07),
        ],
    );
    if !view.blank {
        match kind {
            Kind::Calibrant => calibrant(view, rng, &mut pattern),
            Kind::Powder => powder(view, rng, &mut pattern),
            Kind::Textured => fibre_texture(view, rng, &mut pattern),
            Kind::Semicrystalline => semicrystalline(view, rng, &mut pattern),
            Kind::Amorphous => {}
            Kind::Single => single::draw(view, rng, &mut pattern),
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
    // The longer the path behind the sample, the less of it reaches large angles.
    let path = uniform(rng, 0.0, 0.08);
    let larger = uniform(rng, 0.4, 1.6);
    let foot = uniform(rng, 0.0, 0.3);
    let radial = view.radial(|q| {
        air(q) * diffuse::ornstein_zernike(q, path) + foot * diffuse::ornstein_zernike(q, larger)
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
        pattern.push(
            Part::rings("small-angle foot", log_uniform(rng, 0.02, 0.3), radial)
                .known_as(Feature::of(Role::DiffuseLow)),
        );
    }
    if chance(rng, 0.15) {
        let radial = view.radial(|q| Amorphous::Kapton.at(q));
        pattern.push(Part::rings(
            "window ring",
            log_uniform(rng, 0.01, 0.3),
            radial,
        ));
    }
    saxs::streaks(view, rng, pattern);
}

/// The halo of a liquid, a glass or a polymer.
pub(super) fn amorphous(view: &View, rng: &mut ChaCha8Rng, main: bool, pattern: &mut Pattern) {
    let real = chance(rng, 0.6).then(|| Amorphous::ALL[whole(rng, 0, 5)]);
    let centre = uniform(rng, 9.0, 21.0);
    let fwhm = centre * uniform(rng, 0.2, 0.55);
    let share = uniform(rng, 0.0, 0.6);
    let second = uniform(rng, 1.6, 2.4);
    // A density is never quite that of the book.
    let swollen = 1.0 + normal(rng, 0.015);
    let (radial, orders, fwhm) = match real {
        Some(matter) => {
            let peaks = matter.peaks();
            (
                view.radial(|q| matter.at(q * swollen)),
                peaks.iter().map(|peak| peak[0] / swollen).collect(),
                peaks[0][1] / swollen,
            )
        }
        None => (
            view.radial(|q| halo(q, centre, fwhm) + share * halo(q, second * centre, 1.4 * fwhm)),
            vec![centre, second * centre],
            fwhm,
        ),
    };
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
    if let Some(first) = orders.first() {
        pattern.value("d_spacing_nm", TAU / first);
    }
    let part = Part::rings("amorphous halo", weight, radial).textured(texture);
    let azimuth = part.two_fold_at(orders[0]);
    let mut feature = Feature::peaks(orders, fwhm, told(azimuth));
    // Whatever its width, matter without long-range order makes a halo.
    feature.role = Role::Halo;
    pattern.push(part.known_as(feature));
}

/// An azimuth that nobody could tell from an isotropic one is isotropic.
pub(super) fn told(azimuth: Azimuth) -> Azimuth {
    match azimuth {
        Azimuth::Fold { eta, .. } if eta < 0.02 => Azimuth::Isotropic,
        other => other,
    }
}

fn calibrant(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    let specimen = Specimen::seen(view, rng, |rng| {
        Specimen::known(
            view,
            rng,
            &[
                Substance::LanthanumHexaboride,
                Substance::Ceria,
                Substance::Silicon,
                Substance::Aluminium,
                Substance::Corundum,
                Substance::SilverBehenate,
            ],
        )
    });
    let mut config = draw_width(view, rng);
    config.size_nm = config.size_nm.max(80.0);
    config.strain = config.strain.min(2e-3);
    smooth(view, &specimen, &width_of(config), pattern);
}

pub(super) fn powder_specimen(view: &View, rng: &mut ChaCha8Rng) -> Specimen {
    Specimen::seen(view, rng, |rng| {
        if chance(rng, 0.45) {
            Specimen::known(view, rng, &POWDERS)
        } else {
            Specimen::invented(view, rng)
        }
    })
}

pub(super) fn powder(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    let specimen = powder_specimen(view, rng);
    let config = draw_width(view, rng);
    if chance(rng, 0.3) {
        grainy(view, rng, &specimen, config, pattern);
    } else {
        smooth(view, &specimen, &width_of(config), pattern);
    }
}

/// A fibre texture: crystals turned at random about an axis, most of them near it.
///
/// The axis lies in the plane of the sample, sometimes tilted out of it. What a ring shows at χ is the
/// pole density in the direction of q there, which leans against the beam by the Bragg angle.
fn fibre_texture(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    let specimen = powder_specimen(view, rng);
    let config = draw_width(view, rng);
    if chance(rng, 0.35) {
        grainy(view, rng, &specimen, config, pattern);
    } else {
        let sigma_rad = log_uniform(rng, 0.12, 0.8);
        oriented(view, rng, &specimen, config, sigma_rad, None, pattern);
    }
}

/// A drawn or sheared polymer, or one at rest; the chain axis is the third.
fn semicrystalline(view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
    let invented = chance(rng, 0.4);
    let mut specimen = Specimen::seen(view, rng, |rng| {
        if invented {
            Specimen::invented(view, rng)
        } else {
            Specimen::known(
                view,
                rng,
                &[
                    Substance::Polyethylene,
                    Substance::Polyethylene,
                    Substance::P3ht,
                ],
            )
        }
    });
    let mut config = draw_width(view, rng);
    config.size_nm = uniform(rng, 3.0, 15.0);
    // The tails of wide rings would cross the beam.
    config.lorentzian_share *= 0.4;
    if invented {
        // From the first ring on the image on: the others of such a cell are too weak to see.
        let kept = whole(rng, 2, 6);
        let first = specimen
            .rings
            .partition_point(|ring| ring.q_inv_nm < view.q_low_inv_nm);
        specimen.rings.truncate(first + kept);
    }
    if chance(rng, 0.4) {
        let sigma_rad = log_uniform(rng, 0.06, 0.5);
        let chain = Some([0, 0, 1]);
        oriented(view, rng, &specimen, config, sigma_rad, chain, pattern);
    } else {
        smooth(view, &specimen, &width_of(config), pattern);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::generator;

    pub(super) fn view() -> View {
        View {
            k_inv_nm: 60.0,
            q_low_inv_nm: 2.0,
            q_high_inv_nm: 35.0,
            q_max_inv_nm: 45.0,
            q_pixel_inv_nm: 0.05,
            pixel_rad: 8e-4,
            beam_sigma_px: 1.0,
            beam_on_image: true,
            incident_angle_rad: 0.0,
            blank: false,
        }
    }

    #[test]
    fn every_draw_is_finite_and_says_what_it_is() {
        let mut rng = generator(5);
        let (mut with_orders, mut with_spacing) = (0, 0);
        for _ in 0..150 {
            let pattern = draw(&view(), &mut rng);
            for part in &pattern.parts {
                for step in 0..200 {
                    let (q, chi) = (0.2 * step as f32, 0.37 * step as f32);
                    let value = part.at(q, crate::pattern::Direction::of(chi.cos(), chi.sin()));
                    assert!(value.is_finite() && value >= 0.0, "{}: {value}", part.name);
                }
                let orders = &part.feature.orders_inv_nm;
                assert!(orders.is_sorted() && orders.iter().all(|q| q.is_finite()));
                with_orders += usize::from(!orders.is_empty());
            }
            with_spacing += usize::from(pattern.values.iter().any(|v| v.0 == "d_spacing_nm"));
            assert!(pattern.values.iter().all(|(_, value)| value.is_finite()));
        }
        assert!(
            with_orders > 150 && with_spacing > 140,
            "{with_orders} {with_spacing}"
        );
    }

    /// Also where no crystal diffracts onto the detector, or all of them do.
    #[test]
    fn every_instrument_sees_something_finite() {
        for (k_inv_nm, q_max_inv_nm) in [(0.5, 0.9), (5.0, 1.0), (60.0, 110.0), (5000.0, 900.0)] {
            let view = View {
                k_inv_nm,
                q_low_inv_nm: 0.02 * q_max_inv_nm,
                q_high_inv_nm: 0.8 * q_max_inv_nm,
                q_max_inv_nm,
                q_pixel_inv_nm: 1e-3 * q_max_inv_nm,
                pixel_rad: 1e-3 * q_max_inv_nm / k_inv_nm,
                ..view()
            };
            let mut rng = generator(17);
            for _ in 0..30 {
                let pattern = draw(&view, &mut rng);
                assert!(pattern.values.iter().all(|(_, value)| value.is_finite()));
                for part in &pattern.parts {
                    for step in 0_u8..50 {
                        let (q, chi) = (0.02 * f32::from(step), 0.61 * f32::from(step));
                        let towards = crate::pattern::Direction::of(chi.cos(), chi.sin());
                        let value = part.at(q * q_max_inv_nm as f32, towards);
                        assert!(value.is_finite() && value >= 0.0, "{}: {value}", part.name);
                    }
                }
            }
        }
    }
}
