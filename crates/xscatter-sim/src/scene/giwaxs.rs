//! Wide-angle scattering at grazing incidence.
//!
//! Everything that the film scatters is a function of |q| and the angle of q from the surface normal,
//! signed by the side. The film evaluates it at the true q of each pixel, curvature of the Ewald
//! sphere and refraction included: what lies in the missing wedge is on no pixel.

mod crystals;

use std::f64::consts::{FRAC_PI_2, TAU};

use rand_chacha::ChaCha8Rng;

use super::gisaxs::{Bench, Film, draw_streak};
use super::waxs::told;
use super::{View, waxs};
use crate::curve::Curve;
use crate::diffuse;
use crate::draw::{chance, log_uniform, uniform, weighted};
use crate::feature::{Azimuth, Feature, Role};
use crate::lattice::gaussian;
use crate::orientation::MaierSaupe;
use crate::pattern::{Part, Pattern};

/// Entries of a table over the angle from the normal.
const ANGLES: usize = 2049;

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
            Kind::Crystalline => crystals::oriented(view, rng, &mut film),
            Kind::Isotropic => crystals::isotropic(view, rng, &mut film),
            Kind::Amorphous => {}
        }
        if matches!(kind, Kind::Amorphous | Kind::Polymer) || chance(rng, 0.4) {
            waxs::amorphous(view, rng, matches!(kind, Kind::Amorphous), &mut film);
            if let Some(halo) = film.parts.last_mut() {
                halo.feature.azimuth = from_normal(halo.feature.azimuth);
            }
        }
    }
    // The foot near the beam: roughness and what is larger than the cell.
    let length = log_uniform(rng, 0.3, 4.0);
    let foot = view.radial(|q| diffuse::ornstein_zernike(q, length));
    film.push(
        Part::rings("roughness", log_uniform(rng, 0.05, 3.0), foot)
            .known_as(Feature::of(Role::DiffuseLow)),
    );
    let streak = chance(rng, 0.6).then(|| draw_streak(view, &bench, rng));
    let mut surroundings = Pattern::default();
    waxs::surroundings(view, rng, &mut surroundings);
    for part in &mut surroundings.parts {
        part.weight *= 0.4;
    }
    bench.finish(view, rng, film, None, streak, surroundings)
}

/// The azimuth of a part about the beam, from that about the normal: the normal is up.
fn from_normal(azimuth: Azimuth) -> Azimuth {
    match told(azimuth) {
        Azimuth::Fold { n, eta, chi0_rad } => Azimuth::Fold {
            n,
            eta,
            chi0_rad: FRAC_PI_2 - chi0_rad,
        },
        other => other,
    }
}

/// A density over the angle from the normal, the same on both sides, with mean 1 over the angles; and
/// that mean, by which the sphere's is larger.
fn about_normal(mut density: impl FnMut(f64) -> f64) -> (Curve, f64) {
    // One quarter is computed: a pole counts as its opposite.
    let quarter: Vec<f64> = (0..=ANGLES / 4)
        .map(|index| density(TAU * index as f64 / (ANGLES - 1) as f64))
        .collect();
    let last = quarter.len() - 1;
    let mut index = 0;
    let curve = Curve::sample(-TAU / 2.0, TAU / 2.0, ANGLES, |_| {
        let from_zero = index.max(2 * last) - index.min(2 * last);
        index += 1;
        quarter[if from_zero > last {
            2 * last - from_zero
        } else {
            from_zero
        }]
    });
    let mean = curve.mean();
    (curve.scaled(1.0 / mean.max(1e-12)), mean)
}

/// A chain molecule: layers along one direction, the π stack across, both as oriented as their chains.
fn polymer(view: &View, rng: &mut ChaCha8Rng, film: &mut Pattern) {
    let layer = TAU / uniform(rng, 1.3, 3.2);
    let stack = TAU / uniform(rng, 0.34, 0.44);
    // Edge-on: layers flat. Face-on: π stack upright. Some films have both.
    let edge_on = if chance(rng, 0.25) {
        uniform(rng, 0.1, 0.9)
    } else if chance(rng, 0.6) {
        1.0
    } else {
        0.0
    };
    let mosaic = log_uniform(rng, 0.06, 0.5);
    let floor = log_uniform(rng, 5e-3, 0.4);
    let chains = MaierSaupe::new(0.5 / (mosaic * mosaic)).expect("the mosaic is not small");
    let isotropic = floor / (1.0 + floor);
    let mix = |upright: f64, flat: f64| {
        isotropic + (1.0 - isotropic) * (edge_on * upright + (1.0 - edge_on) * flat)
    };
    let layers_about = about_normal(|angle| mix(chains.at(angle), chains.across(angle)));
    let stack_about = about_normal(|angle| mix(chains.across(angle), chains.at(angle)));

    let narrow = layer * uniform(rng, 0.05, 0.2);
    let width = narrow + 2.0 * view.q_pixel_inv_nm;
    // Disorder of the second kind: each order is wider than the last.
    let disorder = uniform(rng, 0.0, 0.25);
    let wider = |n: f64| width * (1.0 + (disorder * n * n).powi(2)).sqrt();
    let decay = uniform(rng, 0.3, 1.0);
    let radial = view.radial(|q| {
        (1..=5)
            .map(f64::from)
            .map(|n| (-decay * (n - 1.0)).exp() * gaussian(q - layer * n, wider(n)) * width)
            .sum()
    });
    let part = Part::rings("layer peaks", 1.0, radial).textured(Some(layers_about.0));
    let azimuth = from_normal(part.two_fold_at(layer));
    let orders = (1..=5).map(|n| layer * f64::from(n)).collect();
    film.push(part.known_as(Feature::peaks(orders, width, azimuth).on_lattice("lamellar")));

    let broad = stack * uniform(rng, 0.03, 0.12);
    let radial = view.radial(|q| gaussian(q - stack, broad));
    let strength = log_uniform(rng, 0.05, 1.0);
    let part = Part::rings("pi stack", strength, radial).textured(Some(stack_about.0));
    let azimuth = from_normal(part.two_fold_at(stack));
    film.push(part.known_as(Feature::peaks(vec![stack], broad, azimuth)));

    film.value("q_star_inv_nm", layer);
    film.value("d_spacing_nm", TAU / layer);
    film.value("pi_stack_nm", TAU / stack);
    film.value("grain_size_nm", TAU * 0.9 / width);
    let order = (1.0 - isotropic) * chains.order();
    film.value("order_parameter", order * (edge_on - 0.5 * (1.0 - edge_on)));
    film.value("edge_on_share", edge_on);
    film.value("isotropic_share", isotropic);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::generator;
    use crate::pattern::Direction;
    use std::f32::consts::PI;

    pub(super) fn view() -> View {
        View {
            k_inv_nm: 60.0,
            q_low_inv_nm: 1.5,
            q_high_inv_nm: 22.0,
            q_max_inv_nm: 30.0,
            q_pixel_inv_nm: 0.05,
            pixel_rad: 8e-4,
            beam_sigma_px: 1.0,
            beam_on_image: true,
            incident_angle_rad: 0.2_f64.to_radians(),
            blank: false,
        }
    }

    #[test]
    fn every_film_is_finite_and_says_what_it_is() {
        let mut rng = generator(6);
        let mut ordered = 0;
        for _ in 0..60 {
            let film = draw(&view(), &mut rng);
            for part in &film.layer.parts {
                for step in 0..200 {
                    let angle = 0.37 * step as f32;
                    let towards = Direction::of(angle.cos(), angle.sin());
                    let value = part.at(0.15 * step as f32, towards);
                    assert!(value.is_finite() && value >= 0.0, "{}: {value}", part.name);
                }
                assert!(part.feature.orders_inv_nm.is_sorted());
            }
            let values = &film.layer.values;
            assert!(values.iter().all(|(_, value)| value.is_finite()));
            let order = values.iter().find(|v| v.0 == "order_parameter");
            ordered += usize::from(order.is_some());
            assert!(order.is_none_or(|(_, s)| (-0.5..=1.0).contains(s)));
        }
        assert!(ordered > 30, "{ordered}");
    }

    #[test]
    fn a_density_is_the_same_on_all_four_sides() {
        let (curve, mean) = about_normal(|angle| 1.0 + angle.cos().powi(2));
        assert!((mean - 1.5).abs() < 1e-6 && (curve.mean() - 1.0).abs() < 1e-6);
        for angle in [0.3_f32, 1.1] {
            let expected = (1.0 + angle.cos().powi(2)) / 1.5;
            for side in [angle, -angle, PI - angle, angle - PI] {
                assert!((curve.at(side) - expected).abs() < 1e-5, "{side}");
            }
        }
    }

    /// G-MW-1 and 2: on the meridian q_r is k |cos α_f − cos α_i|, about q_z²/2k: nothing nearer to
    /// the normal is on a detector, and the film asks for that q_r.
    #[test]
    fn g_mw_the_missing_wedge_is_never_asked_for() {
        use crate::rays::Rays;
        use xscatter_core::{Geometry, PixelPosition};
        use xscatter_geometry::PixelMap;

        let incident = 0.2_f64.to_radians();
        let k = TAU / 1.0; // 1/Å
        for (exit_deg, exact, approximate) in [
            (5.0_f64, 0.023_871_14, 0.025_813_74),
            (10.0, 0.095_417_42, 0.098_577_41),
            (20.0, 0.378_884_16, 0.375_036_13),
        ] {
            let exit = exit_deg.to_radians();
            let q_r = k * (exit.cos() - incident.cos()).abs();
            assert!((q_r / exact - 1.0).abs() < 1e-6);
            let q_z = k * (exit.sin() + incident.sin());
            assert!((q_z * q_z / (2.0 * k) / approximate - 1.0).abs() < 1e-6);
            // The pixel that sees this exit angle: α_f + α_i above the beam.
            let up = 0.2 * (exit + incident).tan();
            let centre = PixelPosition {
                row: 0.5 - up / 1e-4,
                column: 0.5,
            };
            let geometry = Geometry::transmission(0.2, centre, 1e-4, 1e-10);
            let rays = Rays::new(&PixelMap::new(&geometry, (1, 1)).unwrap());
            let ray = rays.to(0, 0);
            let (sine_i, cosine_i) = (incident.sin() as f32, incident.cos() as f32);
            let (sine_f, x, y) = ray.at_surface(sine_i, cosine_i);
            assert!((f64::from(sine_f) - exit.sin()).abs() < 1e-6);
            let seen = k * f64::from(x).hypot(f64::from(y));
            assert!((seen / exact - 1.0).abs() < 2e-5, "{seen} {exact}");
        }
        // No pixel above the horizon sees less than its q_z allows.
        let centre = PixelPosition {
            row: 10.0,
            column: 150.0,
        };
        let geometry = Geometry::transmission(0.15, centre, 4e-4, 1e-10);
        let rays = Rays::new(&PixelMap::new(&geometry, (300, 300)).unwrap());
        let (sine_i, cosine_i) = (incident.sin() as f32, incident.cos() as f32);
        for row in (12..300).step_by(7) {
            for column in (0..300).step_by(7) {
                let (sine_f, x, y) = rays.to(row, column).at_surface(sine_i, cosine_i);
                let (sine_f, lateral) = (f64::from(sine_f), f64::from(x).hypot(f64::from(y)));
                let nearest = ((1.0 - sine_f * sine_f).sqrt() - incident.cos()).abs();
                assert!(lateral > nearest - 1e-5, "{lateral} {nearest}");
            }
        }
    }
}
