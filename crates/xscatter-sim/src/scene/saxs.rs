//! Small-angle scattering in transmission: what a sample may be.
//!
//! Everything is placed relative to the q range of the instrument. A kind draws a [`Pattern`] whose
//! strongest part is 1 at its largest visible value, with what the parts are to a label and the
//! quantities that are true of them. Surroundings are drawn apart, in [`backdrop`].
//!
//! Source of most kinds and their ranges: the composition of the generator of Yager and Guan
//! (Brookhaven), with truncated or log-uniform draws in place of clipped normal ones.

pub(super) mod backdrop;
mod diffuse_part;
mod fibre;
pub(super) mod lattices;
mod particles;
mod rings;
mod speckled;
mod suspensions;
mod zone;

use std::f64::consts::PI;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use xscatter_core::seed::derive_named;

use super::View;
use crate::curve::Curve;
use crate::draw::{chance, generator, log_uniform, uniform, weighted};
use crate::feature::{Azimuth, Feature};
use crate::lattice::gaussian;
use crate::pattern::{Part, Pattern, grains};

pub(super) use backdrop::{streaks, surroundings};

/// What a transmission sample may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SaxsKind {
    /// One ring with n bright directions.
    SymmetryRing,
    /// One broad ring with n bright directions.
    SymmetryHalo,
    /// Equidistant orders with n bright directions.
    SymmetryRings,
    /// Spheres that do not know of each other.
    Sphere,
    /// Particles of several shapes.
    Particles,
    /// Hard spheres as dense as a liquid.
    Dense,
    /// Cubes.
    Cubes,
    /// Spheres that stick where they touch.
    Sticky,
    /// Particles that lie in one direction.
    Oriented,
    /// Particles or domains on a lattice.
    Lattice,
    /// A gyroid, diamond or a three-dimensional hexagonal lattice.
    RarerLattice,
    /// A lattice that is stretched in one direction.
    DistortedLattice,
    /// Rings at distances that follow no lattice.
    AdHocRings,
    /// Rings of few crystallites.
    SpeckledRings,
    /// A broad ring in a coherent beam.
    CoherentHalo,
    /// Few particles in a coherent beam.
    Mesostructure,
    /// A layered calibrant.
    Calibrant,
    /// A fibre: equator and layer lines.
    Fibre,
    /// A broad isotropic or weakly oriented ring: a spinodal, short-range order.
    Halo,
    /// Decay from the beam: disorder at large lengths.
    DiffuseLow,
    /// Rise to high q: displacements, small lengths.
    DiffuseHigh,
}

#[cfg(test)]
impl SaxsKind {
    /// All kinds.
    pub(crate) const ALL: [Self; 21] = [
        Self::SymmetryRing,
        Self::SymmetryHalo,
        Self::SymmetryRings,
        Self::Sphere,
        Self::Particles,
        Self::Dense,
        Self::Cubes,
        Self::Sticky,
        Self::Oriented,
        Self::Lattice,
        Self::RarerLattice,
        Self::DistortedLattice,
        Self::AdHocRings,
        Self::SpeckledRings,
        Self::CoherentHalo,
        Self::Mesostructure,
        Self::Calibrant,
        Self::Fibre,
        Self::Halo,
        Self::DiffuseLow,
        Self::DiffuseHigh,
    ];
}

/// A sample of this kind, without surroundings.
pub(crate) fn draw_kind(kind: SaxsKind, view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    match kind {
        SaxsKind::SymmetryRing => rings::symmetry_ring(view, rng),
        SaxsKind::SymmetryHalo => rings::symmetry_halo(view, rng),
        SaxsKind::SymmetryRings => rings::symmetry_rings(view, rng),
        SaxsKind::Sphere => particles::spheres(view, rng),
        SaxsKind::Particles => particles::draw(view, rng, false),
        SaxsKind::Dense => particles::draw(view, rng, true),
        SaxsKind::Cubes => suspensions::cubes(view, rng),
        SaxsKind::Sticky => suspensions::sticky(view, rng),
        SaxsKind::Oriented => suspensions::oriented(view, rng),
        SaxsKind::Lattice => lattices::draw(view, rng),
        SaxsKind::RarerLattice => lattices::rarer(view, rng),
        SaxsKind::DistortedLattice => lattices::distorted(view, rng),
        SaxsKind::AdHocRings => rings::ad_hoc(view, rng),
        SaxsKind::SpeckledRings => speckled::rings(view, rng),
        SaxsKind::CoherentHalo => speckled::coherent_halo(view, rng),
        SaxsKind::Mesostructure => speckled::mesostructure(view, rng),
        SaxsKind::Calibrant => rings::calibrant(view, rng),
        SaxsKind::Fibre => fibre::draw(view, rng),
        SaxsKind::Halo => rings::halo(view, rng),
        SaxsKind::DiffuseLow => diffuse_part::low(view, rng, 1.0),
        SaxsKind::DiffuseHigh => diffuse_part::high(view, rng, 1.0),
    }
}

/// A sample of any kind with its surroundings.
pub(super) fn draw(view: &View, rng: &mut ChaCha8Rng) -> Pattern {
    // Kinds that came later draw from a stream of their own, so that the first ones keep theirs.
    let mut later = branch(rng, "later kinds");
    let mut kind = weighted(
        rng,
        &[
            (SaxsKind::Particles, 0.22),
            (SaxsKind::Dense, 0.1),
            (SaxsKind::Lattice, 0.22),
            (SaxsKind::Calibrant, 0.08),
            (SaxsKind::Fibre, 0.14),
            (SaxsKind::Halo, 0.12),
            (SaxsKind::DiffuseLow, 0.12),
        ],
    );
    let mut pattern = Pattern::default();
    if !view.blank {
        if chance(&mut later, 0.2) {
            kind = weighted(
                &mut later,
                &[
                    (SaxsKind::SymmetryRing, 0.12),
                    (SaxsKind::SymmetryHalo, 0.1),
                    (SaxsKind::SymmetryRings, 0.16),
                    (SaxsKind::Sphere, 0.12),
                    (SaxsKind::Cubes, 0.05),
                    (SaxsKind::Sticky, 0.07),
                    (SaxsKind::Oriented, 0.1),
                    (SaxsKind::RarerLattice, 0.08),
                    (SaxsKind::DistortedLattice, 0.08),
                    (SaxsKind::AdHocRings, 0.1),
                    (SaxsKind::SpeckledRings, 0.14),
                    (SaxsKind::CoherentHalo, 0.1),
                    (SaxsKind::Mesostructure, 0.04),
                    (SaxsKind::DiffuseHigh, 0.04),
                ],
            );
            pattern.extend(draw_kind(kind, view, &mut later));
        } else if kind != SaxsKind::DiffuseLow {
            pattern.extend(draw_kind(kind, view, rng));
        }
        if kind == SaxsKind::DiffuseLow || chance(rng, 0.6) {
            let weight = if kind == SaxsKind::DiffuseLow {
                1.0
            } else {
                log_uniform(rng, 0.03, 8.0)
            };
            pattern.extend(diffuse_part::low(view, rng, weight));
        }
    }
    surroundings(view, rng, &mut pattern);
    pattern
}

/// A generator of its own that leaves `rng` where it is.
fn branch(rng: &ChaCha8Rng, name: &str) -> ChaCha8Rng {
    generator(derive_named(rng.clone().random(), name))
}

/// The q of a first order, from just past the beamstop to this share of the image.
fn first_order(view: &View, rng: &mut ChaCha8Rng, share: f64) -> f64 {
    let low = 1.3 * view.q_low_inv_nm;
    log_uniform(rng, low, (share * view.q_high_inv_nm).max(2.0 * low))
}

/// A width with that of beam and pixel.
fn resolved(view: &View, fwhm_inv_nm: f64) -> f64 {
    fwhm_inv_nm.hypot(1.5 * view.q_pixel_inv_nm)
}

/// A sum of peaks as a table, 1 at its largest visible value: fine enough that the narrowest peak is
/// followed to 1e-3 of its height, unless that took more than 16384 entries.
fn radial_peaks(view: &View, narrowest_inv_nm: f64, peaks: &[(f64, f64, f64)]) -> Curve {
    let end = 1.05 * view.q_max_inv_nm;
    let entries = (28.0 * end / narrowest_inv_nm).clamp(1024.0, 16384.0) as usize;
    let curve = Curve::sample(0.0, end, entries, |q| {
        peaks
            .iter()
            .filter(|&&(at, _, fwhm)| (q - at).abs() < 4.0 * fwhm)
            .map(|&(at, strength, fwhm)| strength * gaussian(q - at, fwhm))
            .sum()
    });
    let largest = curve
        .max_between(view.q_low_inv_nm, view.q_high_inv_nm)
        .max(1e-12);
    curve.scaled(1.0 / f64::from(largest))
}

/// How a ring is textured: what it is to a label and, for grains, the table.
struct Texture {
    azimuth: Azimuth,
    grains: Option<Curve>,
}

impl Texture {
    const ISOTROPIC: Self = Self {
        azimuth: Azimuth::Isotropic,
        grains: None,
    };

    /// n bright directions.
    fn fold(n: u32, eta: f64, chi0_rad: f64) -> Self {
        Self {
            azimuth: Azimuth::Fold { n, eta, chi0_rad },
            grains: None,
        }
    }

    /// Isotropic, textured or, where the ring is sharp, of single grains; `isotropic` is the share of
    /// the first.
    fn draw(rng: &mut ChaCha8Rng, isotropic: f64, relative_width: f64) -> Self {
        if chance(rng, isotropic) {
            return Self::ISOTROPIC;
        }
        if relative_width > 0.06 || chance(rng, 0.55) {
            let n = weighted(rng, &[(2, 0.6), (4, 0.2), (6, 0.2)]);
            let (eta, chi0) = (uniform(rng, 0.15, 0.93), uniform(rng, -PI, PI));
            Self::fold(n, eta, chi0)
        } else {
            let count = log_uniform(rng, 3.0, 1500.0) as usize;
            let mosaic_rad = log_uniform(rng, 0.008, 0.08);
            Self {
                azimuth: Azimuth::Grains { count, mosaic_rad },
                grains: Some(grains(rng, count, mosaic_rad)),
            }
        }
    }
}

/// Rings with the azimuth of their feature; `grains` is its table if it has grains.
fn textured_rings(
    name: &'static str,
    radial: Curve,
    feature: Feature,
    grains: Option<Curve>,
) -> Part {
    let azimuth = feature.azimuth;
    let part = Part::rings(name, 1.0, radial).known_as(feature);
    match azimuth {
        Azimuth::Fold { n, eta, chi0_rad } => part.folded(n, eta, chi0_rad),
        _ => part.textured(grains),
    }
}

/// An even number of bright directions, two the most often.
fn draw_fold(rng: &mut ChaCha8Rng) -> u32 {
    weighted(
        rng,
        &[
            (2, 0.5),
            (4, 0.2),
            (6, 0.15),
            (8, 0.06),
            (10, 0.04),
            (12, 0.03),
            (16, 0.01),
            (20, 0.01),
        ],
    )
}

/// Notes where a pattern has its first order.
fn note_order(pattern: &mut Pattern, q_inv_nm: f64) {
    pattern.value("q_star_inv_nm", q_inv_nm);
    pattern.value("d_spacing_nm", 2.0 * PI / q_inv_nm);
}

/// Notes how it is oriented, or of how many grains it is made.
fn note_azimuth(pattern: &mut Pattern, azimuth: Azimuth) {
    match azimuth {
        Azimuth::Isotropic => {}
        Azimuth::Fold { n, eta, chi0_rad } => {
            pattern.value("symmetry_fold", f64::from(n));
            pattern.value("order_parameter", eta);
            pattern.value("orientation_rad", chi0_rad);
        }
        Azimuth::Grains { count, mosaic_rad } => {
            pattern.value("grain_count", count as f64);
            pattern.value("mosaic_rad", mosaic_rad);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::backdrop::{Backdrop, draw_backdrop};
    use super::*;
    use crate::feature::Role;
    use crate::pattern::{Direction, axis};
    use approx::assert_relative_eq;

    /// An image of 256² with the beam in the middle.
    fn view() -> View {
        View {
            k_inv_nm: 60.0,
            q_low_inv_nm: 0.05,
            q_high_inv_nm: 0.6,
            q_max_inv_nm: 0.9,
            q_pixel_inv_nm: 0.005,
            pixel_rad: 0.005 / 60.0,
            beam_sigma_px: 1.0,
            beam_on_image: true,
            incident_angle_rad: 0.0,
            blank: false,
        }
    }

    fn at(part: &Part, q: f64, chi_rad: f64) -> f64 {
        let (cosine, sine) = axis(chi_rad);
        f64::from(part.at(q as f32, Direction::new(cosine, sine)))
    }

    /// Values at q = 0, on rings and in the corners.
    fn survey(pattern: &Pattern) -> Vec<f32> {
        (0..=60)
            .flat_map(|step| (0..24).map(move |turn| (step, turn)))
            .map(|(step, turn)| {
                let (cosine, sine) = axis(2.0 * PI * f64::from(turn) / 24.0);
                pattern.at(step as f32 * 0.015, Direction::new(cosine, sine))
            })
            .collect()
    }

    #[test]
    fn every_kind_is_finite_and_says_what_it_is() {
        for kind in SaxsKind::ALL {
            for seed in 0..6 {
                let pattern = draw_kind(kind, &view(), &mut generator(seed));
                let values = survey(&pattern);
                assert!(
                    values
                        .iter()
                        .all(|value| value.is_finite() && *value >= 0.0),
                    "{kind:?}"
                );
                assert!(values.iter().any(|&value| value > 1e-3), "{kind:?}");
                assert!(!pattern.values.is_empty(), "{kind:?}");
                for part in &pattern.parts {
                    assert_ne!(part.feature.role, Role::Surroundings, "{kind:?}");
                    let orders = &part.feature.orders_inv_nm;
                    let peaked = matches!(part.feature.role, Role::Ring | Role::Halo);
                    assert_eq!(peaked, !orders.is_empty(), "{kind:?}");
                    assert!(orders.is_sorted());
                }
                assert!(pattern.values.iter().all(|(_, value)| value.is_finite()));
            }
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_bits() {
        for kind in SaxsKind::ALL {
            let draw = |seed| survey(&draw_kind(kind, &view(), &mut generator(seed)));
            assert_eq!(draw(3), draw(3));
            assert_ne!(draw(3), draw(4), "{kind:?}");
        }
        let draw = || survey(&super::draw(&view(), &mut generator(5)));
        assert_eq!(draw(), draw());
    }

    #[test]
    fn a_ring_is_narrow_and_a_halo_broad() {
        for seed in 0..200 {
            for kind in [
                SaxsKind::SymmetryRing,
                SaxsKind::SymmetryHalo,
                SaxsKind::Halo,
                SaxsKind::CoherentHalo,
            ] {
                let pattern = draw_kind(kind, &view(), &mut generator(seed));
                let feature = &pattern.parts[0].feature;
                let relative = feature.fwhm_inv_nm / feature.orders_inv_nm[0];
                let expected = if relative < 0.25 {
                    Role::Ring
                } else {
                    Role::Halo
                };
                assert_eq!(feature.role, expected);
                match kind {
                    SaxsKind::SymmetryHalo | SaxsKind::CoherentHalo => {
                        assert_eq!(expected, Role::Halo);
                    }
                    _ => {}
                }
            }
        }
    }

    #[test]
    fn harmonics_of_a_fold_are_powers_of_its_order_parameter() {
        for seed in 0..20 {
            let pattern = draw_kind(SaxsKind::SymmetryRing, &view(), &mut generator(seed));
            let part = &pattern.parts[0];
            let Azimuth::Fold { n, eta, chi0_rad } = part.feature.azimuth else {
                panic!("a symmetry ring has a fold")
            };
            let q = part.feature.orders_inv_nm[0];
            let samples = 2048;
            let mean = |order: u32| {
                (0..samples)
                    .map(|step| 2.0 * PI * f64::from(step) / f64::from(samples))
                    .map(|chi| at(part, q, chi) * (f64::from(order * n) * (chi - chi0_rad)).cos())
                    .sum::<f64>()
                    / f64::from(samples)
            };
            for order in 1..=3 {
                let expected = eta.powi(order as i32);
                assert!((mean(order) / mean(0) - expected).abs() < 1e-4, "{n} {eta}");
            }
        }
    }

    #[test]
    fn a_table_follows_its_formula() {
        for seed in 0..20 {
            let pattern = draw_kind(SaxsKind::SymmetryRing, &view(), &mut generator(seed));
            let ring = pattern.parts[0].clone().textured(None);
            let (q0, fwhm) = (ring.feature.orders_inv_nm[0], ring.feature.fwhm_inv_nm);
            let scale = at(&ring, q0, 0.0) / gaussian(0.0, fwhm);
            for step in 0..1000 {
                let q = f64::from(step) * 0.0009;
                let direct = scale * gaussian(q - q0, fwhm);
                assert!((at(&ring, q, 0.3) - direct).abs() < 1e-3 * scale * gaussian(0.0, fwhm));
            }
        }
    }

    #[test]
    fn stretched_and_textured_kinds_have_an_azimuth() {
        let oval = draw_kind(SaxsKind::DistortedLattice, &view(), &mut generator(2));
        assert!(oval.parts.iter().any(|part| part.name == "oval rings"));
        for seed in 0..10 {
            let spotted = draw_kind(SaxsKind::SpeckledRings, &view(), &mut generator(seed));
            assert!(matches!(
                spotted.parts[0].feature.azimuth,
                Azimuth::Grains { .. }
            ));
        }
    }

    #[test]
    fn oriented_particles_are_symmetric_and_bright_across_their_axis() {
        for seed in 0..8 {
            let pattern = draw_kind(SaxsKind::Oriented, &view(), &mut generator(seed));
            let part = &pattern.parts[0];
            let value = |name| pattern.values.iter().find(|v| v.0 == name).unwrap().1;
            for (q, chi) in [(0.06, 0.2), (0.2, 2.0), (0.5, -1.1)] {
                assert_relative_eq!(
                    at(part, q, chi),
                    at(part, q, chi + PI),
                    max_relative = 1e-3,
                    epsilon = 1e-7
                );
            }
            let off = value("orientation_rad") - value("particle_axis_rad");
            assert!(off.cos().abs() < 0.15, "{off}");
        }
    }

    #[test]
    fn surroundings_are_known_by_their_names_and_directions() {
        for kind in Backdrop::ALL {
            let part = draw_backdrop(kind, &view(), &mut generator(1));
            assert_eq!(part.feature.role, Role::Surroundings);
            assert!(at(&part, 0.0, 0.0).is_finite());
            let (across, up) = (at(&part, 0.05, 0.0), at(&part, 0.05, PI / 2.0));
            match part.name {
                "parasitic slit scattering: horizontal" => assert!(across > 100.0 * up),
                "parasitic slit scattering: vertical" => assert!(up > 100.0 * across),
                "background" => assert_relative_eq!(across, up),
                _ => {}
            }
        }
    }

    #[test]
    fn a_blank_has_surroundings_only() {
        let blank = View {
            blank: true,
            ..view()
        };
        for seed in 0..20 {
            let pattern = super::draw(&blank, &mut generator(seed));
            assert!(pattern.values.is_empty() && pattern.parts.len() >= 2);
            assert!(
                pattern
                    .parts
                    .iter()
                    .all(|part| part.feature.role == Role::Surroundings)
            );
        }
    }
}
