//! Small-angle scattering at grazing incidence, and the film that both grazing techniques share.
//!
//! Islands on a surface, with and without order; block copolymers that stand or lie in a film; stacks of
//! layers; particles in a film; rough surfaces; bare substrates. Islands and standing domains are computed
//! with all four terms of the distorted-wave Born approximation ([`map`]), patterns in a film through the
//! intensities of its waves ([`film`]).

mod bench;
mod families;
mod film;
mod map;

use rand_chacha::ChaCha8Rng;

pub(super) use bench::{Bench, draw_streak};
pub(crate) use film::Film;

use super::{View, saxs};
use crate::draw::{chance, weighted};
use crate::pattern::Pattern;

#[derive(Clone, Copy)]
enum Kind {
    Islands,
    OrderedIslands,
    BlockCopolymer,
    Layers,
    Buried,
    Rough,
}

pub(super) fn draw(view: &View, rng: &mut ChaCha8Rng) -> Film {
    let mut bench = Bench::draw(view, rng);
    let kind = weighted(
        rng,
        &[
            (Kind::Islands, 0.32),
            (Kind::OrderedIslands, 0.15),
            (Kind::BlockCopolymer, 0.23),
            (Kind::Layers, 0.1),
            (Kind::Buried, 0.1),
            (Kind::Rough, 0.1),
        ],
    );
    let mut film = Pattern::default();
    let mut sheets = Vec::new();
    if view.blank {
        bench.coat(false);
    } else {
        let on_film = chance(&mut bench::fork(rng, "coating"), 0.15);
        bench.coat(on_film || matches!(kind, Kind::BlockCopolymer | Kind::Layers | Kind::Buried));
        match kind {
            Kind::Islands | Kind::OrderedIslands => {
                let ordered = matches!(kind, Kind::OrderedIslands);
                sheets.push(families::islands(view, &bench, rng, ordered, &mut film));
            }
            Kind::BlockCopolymer => {
                sheets.extend(families::block_copolymer(view, &bench, rng, &mut film));
            }
            Kind::Layers => families::layers(view, rng, &mut film),
            Kind::Buried => families::buried(view, rng, &mut film),
            Kind::Rough => {}
        }
    }
    let strong = view.blank || matches!(kind, Kind::Rough);
    sheets.push(families::roughness(view, &bench, rng, strong));
    let streak = draw_streak(view, &bench, rng);
    let mut surroundings = Pattern::default();
    saxs::surroundings(view, rng, &mut surroundings);
    for part in &mut surroundings.parts {
        part.weight *= 0.15;
    }
    bench.finish(view, rng, film, sheets, Some(streak), surroundings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::generator;
    use crate::rays::{Ray, Rays};
    use xscatter_core::{Geometry, PixelPosition};
    use xscatter_geometry::PixelMap;

    const INCIDENT_RAD: f64 = 0.004;

    fn geometry() -> Geometry {
        let centre = PixelPosition {
            row: 40.0,
            column: 80.0,
        };
        Geometry::transmission(2.0, centre, 172e-6, 1e-10)
    }

    fn view() -> View {
        View {
            k_inv_nm: 62.83,
            q_low_inv_nm: 0.03,
            q_high_inv_nm: 1.0,
            q_max_inv_nm: 1.5,
            q_pixel_inv_nm: 5.4e-3,
            pixel_rad: 8.6e-5,
            beam_sigma_px: 1.0,
            beam_on_image: true,
            incident_angle_rad: INCIDENT_RAD,
            blank: false,
        }
    }

    /// Row `row` of a detector; `t1` grows with the row, so the normal points to later rows.
    fn rays(row: usize) -> Vec<Ray> {
        let rays = Rays::new(&PixelMap::new(&geometry(), (200, 160)).unwrap());
        (0..160).map(|column| rays.to(row, column)).collect()
    }

    /// What each part of a film sends to a row.
    fn parts_of(film: &Film, rays: &[Ray]) -> Vec<Vec<f32>> {
        let count = film.parts().len();
        let mut sums = vec![vec![0.0; rays.len()]; count];
        let own: Vec<usize> = (0..count).collect();
        film.add_row(rays, 1.0, &own, &mut sums);
        sums
    }

    #[test]
    fn every_film_is_finite_and_says_what_it_is() {
        let mut rng = generator(8);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..40 {
            let film = draw(&view(), &mut rng);
            let parts = film.parts();
            for row in [3, 40, 75, 120, 199] {
                for ((name, _), values) in parts.iter().zip(parts_of(&film, &rays(row))) {
                    assert!(
                        values.iter().all(|v| v.is_finite() && *v >= 0.0),
                        "{name} in row {row}"
                    );
                }
            }
            assert!(parts.iter().all(|(_, f)| f.orders_inv_nm.is_sorted()));
            let values = &film.layer.values;
            assert!(values.iter().all(|(_, value)| value.is_finite()));
            assert!(values.iter().any(|(name, _)| *name == "critical_angle_rad"));
            seen.extend(parts.into_iter().map(|(name, _)| name));
        }
        for name in [
            "islands",
            "standing domains",
            "domain ring",
            "parallel layers",
            "buried particles",
            "roughness",
        ] {
            assert!(seen.contains(name), "{name} of {seen:?}");
        }
    }

    #[test]
    fn a_blank_has_no_sample() {
        let blank = View {
            blank: true,
            ..view()
        };
        let film = draw(&blank, &mut generator(3));
        assert!(film.layer.parts.is_empty() && film.sheets.len() == 1);
    }

    #[test]
    fn a_row_is_the_same_in_pieces() {
        let mut rng = generator(12);
        for _ in 0..8 {
            let film = draw(&view(), &mut rng);
            let rays = rays(90);
            let whole = parts_of(&film, &rays);
            let (left, right) = rays.split_at(71);
            let pieces = [parts_of(&film, left), parts_of(&film, right)];
            for (part, whole) in whole.iter().enumerate() {
                assert_eq!(
                    *whole,
                    [pieces[0][part].clone(), pieces[1][part].clone()].concat()
                );
            }
        }
    }

    /// What scatters at the surface is brightest at the critical angle and dark below the horizon.
    #[test]
    fn the_yoneda_band_is_at_the_critical_angle_and_the_horizon_is_dark() {
        let mut rng = generator(21);
        let mut bare = 0;
        while bare < 8 {
            let mut film = draw(&view(), &mut rng);
            film.tilt = (1.0, 0.0);
            let critical = film.critical.sqrt();
            // A film has a band between its own critical angle and that of the substrate.
            if film.channels.1.is_some() {
                continue;
            }
            bare += 1;
            let roughness = film
                .parts()
                .iter()
                .position(|(name, _)| *name == "roughness")
                .unwrap();
            let profile: Vec<(f32, f32)> = (0..200)
                .map(|row| {
                    let rays = &rays(row)[110..111];
                    let sine_f = rays[0].at_surface(film.sine_i, film.cosine_i).0;
                    (sine_f, parts_of(&film, rays)[roughness][0])
                })
                .collect();
            let brightest = profile.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
            // A pixel is 8.6e-5 wide; the beam and the waviness blur by some more.
            assert!(
                (brightest.0 - critical).abs() < 6e-4 + 0.1 * critical,
                "{} {critical}",
                brightest.0
            );
            let below = profile
                .iter()
                .filter(|(sine, _)| *sine < -2e-3)
                .map(|(_, value)| *value)
                .fold(0.0, f32::max);
            assert!(below < 0.05 * brightest.1);
        }
    }
}
