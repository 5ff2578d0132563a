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
        bench.coated = false;
    } else {
        let on_film = chance(&mut bench::fork(rng, "coating"), 0.15);
        bench.coated =
            on_film || matches!(kind, Kind::BlockCopolymer | Kind::Layers | Kind::Buried);
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
