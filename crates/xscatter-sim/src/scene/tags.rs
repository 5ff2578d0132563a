//! Small-angle patterns in transmission that carry many tags.
//!
//! A sample has 1 + Poisson(m) components of ten kinds, drawn with the weights of the generator of
//! Yager and Guan (Brookhaven). Diffuse scattering, backgrounds and streaks join with shares of their
//! own. What differs from that generator: nothing is clipped, the background is smooth before it is
//! counted, rings and halos do not overlap in width, and tags are decided on what can be seen.
//!
//! A share of the lattices is drawn again until seven orders are on the image, apart, and not dark: else
//! BCC could hardly ever be told from SC.

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::View;
use super::saxs::backdrop::{Backdrop, draw_backdrop};
use super::saxs::{SaxsKind, draw_kind, lattices};
use crate::draw::{self, Interval, chance, weighted};
use crate::lattice::Lattice;
use crate::noise::poisson;
use crate::pattern::{Direction, Pattern};
use crate::simulation::SimError;

/// How often a lattice is drawn again.
const TRIES: usize = 40;

/// How many orders tell BCC from SC.
const SEVEN: usize = 7;

/// How dark an order may be against the brightest.
const DARKEST_ORDER: f32 = 5e-3;

/// The widest first order, over its place, of a lattice whose orders can be told apart.
const RESOLVED_WIDTH: f64 = 0.06;

/// Small-angle patterns in transmission that carry many tags.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TagScene {
    /// How many components a sample has on average beyond the first.
    pub further_components: f64,
    /// How often each kind is drawn.
    pub kinds: KindWeights,
    /// How often each lattice is drawn where there is one.
    pub lattices: LatticeWeights,
    /// Share of the lattices whose first seven orders lie on the image and apart.
    pub resolved_share: f64,
    /// Brightness of a further component over the first; log.
    pub further_brightness: Interval,
    /// Share of the experiments with diffuse scattering that decays from the beam.
    pub diffuse_low_share: f64,
    /// Share of the experiments with diffuse scattering that rises with q.
    pub diffuse_high_share: f64,
    /// Brightness of the diffuse scattering over the first component; log.
    pub diffuse_brightness: Interval,
    /// Share of the experiments with a background that is the same everywhere.
    pub constant_background_share: f64,
    /// Share of the experiments with an uneven background.
    pub structured_background_share: f64,
    /// Share of the experiments with the bright image of a window, square or round.
    pub window_share: f64,
    /// Brightness of backgrounds over the first component; log.
    pub background_brightness: Interval,
    /// Share of the experiments with streaks of slits.
    pub streak_share: f64,
}

/// How often each kind of component is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KindWeights {
    /// One ring with n bright directions.
    pub symmetry_ring: f64,
    /// One broad ring with n bright directions.
    pub symmetry_halo: f64,
    /// Equidistant orders with n bright directions.
    pub symmetry_rings: f64,
    /// The form factor of spheres.
    pub sphere: f64,
    /// Form factors of other shapes.
    pub particles: f64,
    /// Hard spheres as dense as a liquid.
    pub dense: f64,
    /// Particles or domains on a lattice.
    pub lattice: f64,
    /// A lattice that is stretched in one direction.
    pub distorted_lattice: f64,
    /// Rings at distances that follow no lattice.
    pub ad_hoc_rings: f64,
    /// Rings of few crystallites.
    pub speckled_rings: f64,
    /// A broad ring in a coherent beam.
    pub coherent_halo: f64,
    /// A broad ring.
    pub halo: f64,
    /// Few particles in a coherent beam.
    pub mesostructure: f64,
    /// A layered calibrant.
    pub calibrant: f64,
}

/// How often each lattice is drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LatticeWeights {
    /// Layers.
    pub lamellar: f64,
    /// Cylinders in two dimensions.
    pub hexagonal: f64,
    /// SC.
    pub simple_cubic: f64,
    /// BCC.
    pub body_centred: f64,
    /// FCC.
    pub face_centred: f64,
}

impl Default for TagScene {
    fn default() -> Self {
        Self {
            further_components: 0.3,
            kinds: KindWeights::default(),
            lattices: LatticeWeights::default(),
            resolved_share: 0.75,
            further_brightness: Interval::new(0.1, 10.0),
            diffuse_low_share: 0.3,
            diffuse_high_share: 0.15,
            diffuse_brightness: Interval::new(0.03, 8.0),
            constant_background_share: 0.4,
            structured_background_share: 0.05,
            window_share: 0.06,
            background_brightness: Interval::new(3e-3, 3.0),
            streak_share: 0.08,
        }
    }
}

impl Default for KindWeights {
    fn default() -> Self {
        Self {
            symmetry_ring: 0.05,
            symmetry_halo: 0.05,
            symmetry_rings: 0.1,
            sphere: 0.15,
            particles: 0.05,
            dense: 0.05,
            lattice: 0.5,
            distorted_lattice: 0.02,
            ad_hoc_rings: 0.15,
            speckled_rings: 0.2,
            coherent_halo: 0.12,
            halo: 0.08,
            mesostructure: 0.08,
            calibrant: 0.02,
        }
    }
}

impl Default for LatticeWeights {
    fn default() -> Self {
        Self {
            lamellar: 0.1,
            hexagonal: 0.12,
            simple_cubic: 0.1,
            body_centred: 0.55,
            face_centred: 0.3,
        }
    }
}

impl KindWeights {
    fn all(&self) -> [(&'static str, SaxsKind, f64); 14] {
        [
            ("symmetry_ring", SaxsKind::SymmetryRing, self.symmetry_ring),
            ("symmetry_halo", SaxsKind::SymmetryHalo, self.symmetry_halo),
            (
                "symmetry_rings",
                SaxsKind::SymmetryRings,
                self.symmetry_rings,
            ),
            ("sphere", SaxsKind::Sphere, self.sphere),
            ("particles", SaxsKind::Particles, self.particles),
            ("dense", SaxsKind::Dense, self.dense),
            ("lattice", SaxsKind::Lattice, self.lattice),
            (
                "distorted_lattice",
                SaxsKind::DistortedLattice,
                self.distorted_lattice,
            ),
            ("ad_hoc_rings", SaxsKind::AdHocRings, self.ad_hoc_rings),
            (
                "speckled_rings",
                SaxsKind::SpeckledRings,
                self.speckled_rings,
            ),
            ("coherent_halo", SaxsKind::CoherentHalo, self.coherent_halo),
            ("halo", SaxsKind::Halo, self.halo),
            ("mesostructure", SaxsKind::Mesostructure, self.mesostructure),
            ("calibrant", SaxsKind::Calibrant, self.calibrant),
        ]
    }
}

impl LatticeWeights {
    fn all(&self) -> [(&'static str, Lattice, f64); 5] {
        [
            ("lamellar", Lattice::Lamellar, self.lamellar),
            ("hexagonal", Lattice::Hexagonal, self.hexagonal),
            ("simple_cubic", Lattice::SimpleCubic, self.simple_cubic),
            ("body_centred", Lattice::BodyCentred, self.body_centred),
            ("face_centred", Lattice::FaceCentred, self.face_centred),
        ]
    }
}

/// Refuses weights that cannot be drawn from.
fn check_weights(
    name: &str,
    weights: impl Iterator<Item = (&'static str, f64)>,
) -> Result<(), SimError> {
    let mut sum = 0.0;
    for (field, weight) in weights {
        Interval::new(weight, weight).check(&format!("scene.{name}.{field}"), 0.0, 1e6)?;
        sum += weight;
    }
    if sum > 0.0 {
        Ok(())
    } else {
        Err(SimError::parameter(
            format!("scene.{name}"),
            "a weight above 0",
            "none",
        ))
    }
}

impl TagScene {
    pub(crate) fn check(&self) -> Result<(), SimError> {
        for (name, value, most) in [
            ("further_components", self.further_components, 10.0),
            ("resolved_share", self.resolved_share, 1.0),
            ("diffuse_low_share", self.diffuse_low_share, 1.0),
            ("diffuse_high_share", self.diffuse_high_share, 1.0),
            (
                "constant_background_share",
                self.constant_background_share,
                1.0,
            ),
            (
                "structured_background_share",
                self.structured_background_share,
                1.0,
            ),
            ("window_share", self.window_share, 1.0),
            ("streak_share", self.streak_share, 1.0),
        ] {
            Interval::new(value, value).check(&format!("scene.{name}"), 0.0, most)?;
        }
        for (name, interval) in [
            ("further_brightness", self.further_brightness),
            ("diffuse_brightness", self.diffuse_brightness),
            ("background_brightness", self.background_brightness),
        ] {
            interval.check(&format!("scene.{name}"), 1e-9, 1e9)?;
        }
        check_weights(
            "kinds",
            self.kinds.all().into_iter().map(|(name, _, w)| (name, w)),
        )?;
        check_weights(
            "lattices",
            self.lattices
                .all()
                .into_iter()
                .map(|(name, _, w)| (name, w)),
        )
    }

    pub(crate) fn patterns(&self, view: &View, seed: u64) -> Vec<Pattern> {
        let stream =
            |concern: &str| draw::generator(xscatter_core::seed::derive_named(seed, concern));
        let mut patterns = Vec::new();
        if !view.blank {
            let mut rng = stream("components");
            let further = poisson(&mut rng, self.further_components as f32) as usize;
            for number in 0..=further {
                let mut pattern = self.component(view, &mut rng);
                if number > 0 {
                    let brightness = self.further_brightness.log_uniform(&mut rng);
                    scale(&mut pattern, brightness);
                }
                patterns.push(pattern);
            }
            let mut rng = stream("diffuse");
            for (kind, share) in [
                (SaxsKind::DiffuseLow, self.diffuse_low_share),
                (SaxsKind::DiffuseHigh, self.diffuse_high_share),
            ] {
                if chance(&mut rng, share) {
                    let mut pattern = draw_kind(kind, view, &mut rng);
                    let brightness = self.diffuse_brightness.log_uniform(&mut rng);
                    scale(&mut pattern, brightness);
                    patterns.push(pattern);
                }
            }
        }
        patterns.push(self.backdrop(view, &mut stream("backdrop")));
        patterns
    }

    fn component(&self, view: &View, rng: &mut ChaCha8Rng) -> Pattern {
        let kind = weighted(
            rng,
            &self.kinds.all().map(|(_, kind, weight)| (kind, weight)),
        );
        if kind != SaxsKind::Lattice {
            return draw_kind(kind, view, rng);
        }
        let lattice = weighted(
            rng,
            &self.lattices.all().map(|(_, kind, weight)| (kind, weight)),
        );
        let textured = chance(rng, 0.3);
        if chance(rng, self.resolved_share) {
            // Room for seven orders, and a first one far enough from the beam to be narrow.
            let room = View {
                q_low_inv_nm: view.q_low_inv_nm.max(25.0 * view.q_pixel_inv_nm),
                q_high_inv_nm: 0.55 * view.q_high_inv_nm,
                ..*view
            };
            for _ in 0..TRIES {
                let pattern = lattices::lattice(&room, rng, lattice, textured);
                if is_resolved(&pattern, view) {
                    return pattern;
                }
            }
        }
        lattices::lattice(view, rng, lattice, textured)
    }

    /// What is not of the sample.
    fn backdrop(&self, view: &View, rng: &mut ChaCha8Rng) -> Pattern {
        let mut pattern = Pattern::default();
        // Air, faint and nearly flat, so that no pixel expects nothing at all.
        let mut air = draw_backdrop(Backdrop::Constant, view, rng);
        air.name = "air";
        air.weight *= draw::log_uniform(rng, 1e-4, 3e-3) as f32;
        pattern.push(air);
        let window = if chance(rng, 0.5) {
            Backdrop::SquareWindow
        } else {
            Backdrop::RoundWindow
        };
        let streak = if chance(rng, 0.5) {
            Backdrop::HorizontalStreak
        } else {
            Backdrop::VerticalStreak
        };
        for (kind, share) in [
            (Backdrop::Constant, self.constant_background_share),
            (Backdrop::Structured, self.structured_background_share),
            (window, self.window_share),
            (
                streak,
                if view.beam_on_image {
                    self.streak_share
                } else {
                    0.0
                },
            ),
        ] {
            let present = chance(rng, share);
            let brightness = self.background_brightness.log_uniform(rng);
            if present {
                let mut part = draw_backdrop(kind, view, rng);
                if kind != streak {
                    part.weight *= brightness as f32;
                }
                pattern.push(part);
            }
        }
        pattern
    }
}

/// Whether the first seven orders lie on the image, apart, and none is dark.
fn is_resolved(pattern: &Pattern, view: &View) -> bool {
    pattern.parts.iter().any(|part| {
        let feature = &part.feature;
        let first = feature.orders_inv_nm.first().copied().unwrap_or(f64::MAX);
        feature.lattice.is_some()
            && first > 1.1 * view.q_low_inv_nm
            && feature.fwhm_inv_nm < RESOLVED_WIDTH * first
            && feature.orders_inv_nm.len() >= SEVEN
            && feature.orders_inv_nm[SEVEN - 1] < 0.95 * view.q_high_inv_nm
            && feature.orders_inv_nm[..SEVEN]
                .iter()
                .all(|&q| part.at(q as f32, Direction::new(1.0, 0.0)) > DARKEST_ORDER * part.weight)
    })
}

fn scale(pattern: &mut Pattern, brightness: f64) {
    for part in &mut pattern.parts {
        part.weight *= brightness as f32;
    }
}
