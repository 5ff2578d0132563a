//! A sample of given dimensions: particles, a lattice, a flat background.
//!
//! Use it to make frames whose numbers are known and chosen. What cannot be is refused when the
//! simulation is set up: spheres denser than they can be packed, sizes below zero, a lattice whose first
//! order would lie beside the detector.

use std::f64::consts::{FRAC_1_SQRT_2, PI, TAU};

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::saxs::backdrop::{Backdrop, draw_backdrop};
use super::{Ranges, View};
use crate::draw::{self, Interval};
use crate::feature::{Azimuth, Feature, Role};
use crate::form_factor::polydisperse_sphere;
use crate::instrument::Readout;
use crate::lattice::{Lattice, gaussian};
use crate::pattern::{Part, Pattern};
use crate::simulation::SimError;
use crate::structure_factor::percus_yevick;

/// The largest volume fraction of equal spheres: π/√18.
pub(crate) const CLOSE_PACKING: f64 = PI * FRAC_1_SQRT_2 / 3.0;

/// Pixels between the beam and a first order that can be seen.
const NEAREST_PX: f64 = 3.0;

/// A transmission sample of given dimensions; at least one of particles and lattice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SampleScene {
    /// Spheres in a liquid.
    pub particles: Option<ParticleRanges>,
    /// Isotropic rings of a lattice.
    pub lattice: Option<LatticeRanges>,
    /// A flat background over the brightest of the sample; log.
    pub background: Interval,
}

/// Spheres, dilute or dense; each range is drawn from once an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParticleRanges {
    /// Mean radius.
    pub radius_nm: Interval,
    /// Standard deviation of the radius over its mean.
    pub polydispersity: Interval,
    /// Volume fraction of hard spheres.
    pub volume_fraction: Interval,
}

/// A lattice; each range is drawn from once an experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatticeRanges {
    /// Which, by its name.
    pub kind: String,
    /// Where the first order lies.
    pub q_star_inv_nm: Interval,
    /// Full width at half maximum over q*.
    pub relative_width: Interval,
}

impl Default for SampleScene {
    fn default() -> Self {
        Self {
            particles: Some(ParticleRanges {
                radius_nm: Interval::new(5.0, 20.0),
                polydispersity: Interval::new(0.02, 0.2),
                volume_fraction: Interval::new(0.01, 0.3),
            }),
            lattice: None,
            background: Interval::new(1e-4, 1e-2),
        }
    }
}

fn lattice_named(name: &str) -> Option<Lattice> {
    Lattice::ALL.into_iter().find(|kind| kind.name() == name)
}

impl SampleScene {
    pub(crate) fn check(&self, ranges: &Ranges, readouts: &[Readout]) -> Result<(), SimError> {
        self.background.check("scene.background", 1e-12, 1e6)?;
        if self.particles.is_none() && self.lattice.is_none() {
            return Err(SimError::parameter(
                "scene",
                "particles, a lattice or both",
                "none of them",
            ));
        }
        if let Some(particles) = &self.particles {
            for (name, interval, low, high) in [
                ("radius_nm", particles.radius_nm, 1e-3, 1e6),
                ("polydispersity", particles.polydispersity, 0.0, 1.0),
                (
                    "volume_fraction",
                    particles.volume_fraction,
                    0.0,
                    CLOSE_PACKING,
                ),
            ] {
                interval.check(&format!("scene.particles.{name}"), low, high)?;
            }
        }
        let Some(lattice) = &self.lattice else {
            return Ok(());
        };
        if lattice_named(&lattice.kind).is_none() {
            return Err(SimError::parameter(
                "scene.lattice.kind",
                format!("one of {}", Lattice::ALL.map(Lattice::name).join(", ")),
                format!("{:?}", lattice.kind),
            ));
        }
        lattice
            .relative_width
            .check("scene.lattice.relative_width", 1e-4, 1.0)?;
        let (low, high) = visible(ranges, readouts);
        lattice
            .q_star_inv_nm
            .check("scene.lattice.q_star_inv_nm", low, high)
    }

    pub(super) fn draw(&self, view: &View, seed: u64) -> Vec<Pattern> {
        let mut rng = draw::generator(seed);
        let rng = &mut rng;
        let mut pattern = Pattern::default();
        if let Some(particles) = &self.particles {
            particles.add(view, rng, &mut pattern);
        }
        if let Some(lattice) = &self.lattice {
            lattice.add(view, rng, &mut pattern);
        }
        let mut around = Pattern::default();
        let mut background = draw_backdrop(Backdrop::Constant, view, rng);
        background.weight *= self.background.log_uniform(rng) as f32;
        around.push(background);
        vec![pattern, around]
    }
}

/// The q that every instrument of these ranges sees with the beam in the middle.
fn visible(ranges: &Ranges, readouts: &[Readout]) -> (f64, f64) {
    let k_inv_nm = |energy_kev: f64| TAU / (1.239_842 / energy_kev);
    let distance = ranges.saxs_distance_m;
    let mut seen = (0.0_f64, f64::MAX);
    for readout in readouts {
        let (rows, columns) = readout.shape;
        let half_m =
            0.5 * (rows as f64 * readout.pixel_m.0).min(columns as f64 * readout.pixel_m.1);
        let widest = 2.0 * (0.5 * (half_m / distance.high).atan()).sin();
        let nearest = NEAREST_PX * readout.pixel_m.0.max(readout.pixel_m.1) / distance.low;
        seen.0 = seen.0.max(k_inv_nm(ranges.energy_kev.high) * nearest);
        seen.1 = seen.1.min(k_inv_nm(ranges.energy_kev.low) * widest);
    }
    seen
}

impl ParticleRanges {
    fn add(&self, view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
        let radius = self.radius_nm.log_uniform(rng);
        let spread = self.polydispersity.uniform(rng);
        let fraction = self.volume_fraction.uniform(rng);
        let radial = view.radial(|q| {
            polydisperse_sphere(q, radius, spread, 25) * percus_yevick(q, radius, fraction)
        });
        let mut feature = Feature::of(Role::FormFactor);
        feature.structure = fraction > 0.05;
        pattern.push(Part::rings("particles", 1.0, radial).known_as(feature));
        pattern.value("radius_nm", radius);
        pattern.value("polydispersity", spread);
        pattern.value("volume_fraction", fraction);
    }
}

impl LatticeRanges {
    fn add(&self, view: &View, rng: &mut ChaCha8Rng, pattern: &mut Pattern) {
        let first = self.q_star_inv_nm.log_uniform(rng);
        let own = first * self.relative_width.log_uniform(rng);
        let fwhm = own.hypot(1.5 * view.q_pixel_inv_nm);
        let kind = lattice_named(&self.kind).expect("checked when the simulation was set up");
        let orders: Vec<(f64, f64)> = kind
            .reflections(16)
            .iter()
            .map(|r| (r.ratio * first, f64::from(r.multiplicity) / r.ratio.powi(4)))
            .collect();
        let radial = view.radial(|q| {
            orders
                .iter()
                .map(|(at, strength)| strength * gaussian(q - at, fwhm))
                .sum()
        });
        let places = orders.iter().map(|(q, _)| *q).collect();
        pattern
            .push(Part::rings(kind.name(), 1.0, radial).known_as(
                Feature::peaks(places, fwhm, Azimuth::Isotropic).on_lattice(kind.name()),
            ));
        pattern.value("q_star_inv_nm", first);
        pattern.value("d_spacing_nm", TAU / first);
    }
}
