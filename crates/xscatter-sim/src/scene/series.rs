//! The two phases of a series, and calibrants: samples that are composed rather than drawn as a whole.

use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::saxs::backdrop::{Backdrop, draw_backdrop};
use super::saxs::{SaxsKind, draw_kind, lattices};
use super::{Technique, View, waxs};
use crate::crystal::Substance;
use crate::draw::{self, chance, log_uniform, uniform, weighted};
use crate::feature::{Azimuth, Feature};
use crate::lattice::{Lattice, gaussian};
use crate::pattern::{Part, Pattern};
use crate::powder::{Caglioti, Width, WidthConfig};
use crate::sequence::SequenceKind;
use crate::simulation::SimError;

/// The phase at the beginning, the phase at the end, and what stays.
pub(super) fn phases(kind: SequenceKind, view: &View, rng: &mut ChaCha8Rng) -> [Pattern; 3] {
    let mut rest = Pattern::default();
    let mut air = draw_backdrop(Backdrop::Constant, view, rng);
    air.weight *= log_uniform(rng, 1e-3, 0.05) as f32;
    air.name = "air";
    rest.push(air);
    let [mut before, mut after] = match kind {
        SequenceKind::OrderDisorder => {
            let lattice = weighted(
                rng,
                &[
                    (Lattice::Lamellar, 0.3),
                    (Lattice::Hexagonal, 0.3),
                    (Lattice::BodyCentred, 0.25),
                    (Lattice::FaceCentred, 0.15),
                ],
            );
            let ordered = lattices::lattice(view, rng, lattice, false);
            let q1 = first_order(&ordered).unwrap_or(0.5 * view.q_high_inv_nm);
            // The correlation hole of the disordered phase is at about the same q.
            let disordered = hole(view, q1 * uniform(rng, 0.95, 1.05), uniform(rng, 0.3, 0.6));
            [disordered, ordered]
        }
        SequenceKind::Crystallisation => {
            let mut melt = Pattern::default();
            waxs::amorphous(view, rng, true, &mut melt);
            let mut crystals = Pattern::default();
            for _ in 0..20 {
                crystals = Pattern::default();
                waxs::powder(view, rng, &mut crystals);
                let first = first_order(&crystals);
                if first.is_some_and(|q| q < view.q_high_inv_nm) {
                    break;
                }
            }
            [melt, crystals]
        }
        SequenceKind::Drying => {
            let solvent = draw_kind(SaxsKind::DiffuseLow, view, rng);
            let order = if chance(rng, 0.5) {
                SaxsKind::SymmetryRings
            } else {
                SaxsKind::AdHocRings
            };
            [solvent, draw_kind(order, view, rng)]
        }
    };
    // The phase at the end decides what q* is.
    let strength = log_uniform(rng, 0.3, 3.0) as f32;
    for part in &mut after.parts {
        part.weight *= strength;
    }
    before.values.clear();
    [before, after, rest]
}

fn first_order(pattern: &Pattern) -> Option<f64> {
    pattern
        .parts
        .iter()
        .find_map(|part| part.feature.orders_inv_nm.first().copied())
}

/// A broad isotropic peak.
fn hole(view: &View, centre_inv_nm: f64, relative_width: f64) -> Pattern {
    let fwhm = relative_width * centre_inv_nm;
    let radial = view.radial(|q| gaussian(q - centre_inv_nm, fwhm));
    let mut pattern = Pattern::default();
    pattern.push(
        Part::rings("correlation hole", 1.0, radial).known_as(Feature::peaks(
            vec![centre_inv_nm],
            fwhm,
            Azimuth::Isotropic,
        )),
    );
    pattern
}

/// A standard whose rings are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Calibrant {
    /// Silver behenate, at small angles.
    AgBh,
    /// Lanthanum hexaboride.
    LaB6,
    /// Ceria.
    CeO2,
    /// Silicon.
    Si,
    /// Corundum.
    #[serde(rename = "alpha-Al2O3")]
    Corundum,
}

/// The relative intensities of the orders of silver behenate, as the generator of Yager and Guan has
/// them.
const SILVER_BEHENATE: [f64; 11] = [
    1.0, 0.5965, 0.3822, 0.1798, 0.1123, 0.0825, 0.0627, 0.0462, 0.0391, 0.0332, 0.0352,
];

impl Calibrant {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::AgBh, Self::LaB6, Self::CeO2, Self::Si, Self::Corundum];

    /// Its name, as pyFAI has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AgBh => "AgBh",
            Self::LaB6 => "LaB6",
            Self::CeO2 => "CeO2",
            Self::Si => "Si",
            Self::Corundum => "alpha-Al2O3",
        }
    }

    /// The technique that it calibrates.
    pub(crate) const fn technique(self) -> Technique {
        match self {
            Self::AgBh => Technique::Saxs,
            _ => Technique::Waxs,
        }
    }
}

/// Rings of calibrants, whose pose is in the frame's geometry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CalibrantScene {
    /// Which, each once; experiments take turns.
    pub calibrants: Vec<Calibrant>,
}

impl Default for CalibrantScene {
    fn default() -> Self {
        Self {
            calibrants: Calibrant::ALL.to_vec(),
        }
    }
}

impl CalibrantScene {
    pub(crate) fn check(&self) -> Result<(), SimError> {
        let mut distinct: Vec<&str> = self.calibrants.iter().map(|c| c.name()).collect();
        distinct.sort_unstable();
        distinct.dedup();
        if distinct.is_empty() || distinct.len() != self.calibrants.len() {
            return Err(SimError::parameter(
                "scene.calibrants",
                "at least one calibrant, each once",
                format!("{:?}", self.calibrants),
            ));
        }
        Ok(())
    }
}

/// A calibrant and the air around it.
pub(super) fn calibrant(calibrant: Calibrant, view: &View, seed: u64) -> Vec<Pattern> {
    let mut rng = draw::generator(seed);
    let rng = &mut rng;
    let mut rings = Pattern::default();
    let substance = match calibrant {
        Calibrant::AgBh => None,
        Calibrant::LaB6 => Some(Substance::LanthanumHexaboride),
        Calibrant::CeO2 => Some(Substance::Ceria),
        Calibrant::Si => Some(Substance::Silicon),
        Calibrant::Corundum => Some(Substance::Corundum),
    };
    let (orders, fwhm, radial) = match substance {
        None => {
            let first = TAU / 5.838;
            let fwhm = (0.01 * first).hypot(1.5 * view.q_pixel_inv_nm);
            let orders: Vec<f64> = (1..=SILVER_BEHENATE.len())
                .map(|order| first * order as f64)
                .take_while(|q| *q < view.q_max_inv_nm)
                .collect();
            let peaks = orders.clone();
            let radial = view.radial(|q| {
                peaks
                    .iter()
                    .zip(SILVER_BEHENATE)
                    .map(|(at, strength)| strength * gaussian(q - at, fwhm))
                    .sum()
            });
            (orders, fwhm, radial)
        }
        Some(substance) => {
            let width = Width::new(WidthConfig {
                size_nm: 300.0,
                instrument: Caglioti {
                    w_rad2: (1.5 * view.pixel_rad).powi(2),
                    ..Caglioti::default()
                },
                k_inv_nm: view.k_inv_nm,
                ..WidthConfig::default()
            })
            .expect("sizes and widths above zero");
            // The first ring is known even where the detector ends before it.
            let reach = view.q_max_inv_nm.clamp(30.0, 90.0);
            let rings = substance
                .crystal()
                .rings(reach)
                .expect("small cells have few reflections");
            let orders: Vec<f64> = rings.iter().map(|ring| ring.q_inv_nm).take(24).collect();
            let fwhm = orders.first().map_or(0.0, |&q| width.fwhm_inv_nm(q));
            (orders, fwhm, waxs::radial(view, &rings, &width))
        }
    };
    if let Some(&first) = orders.first() {
        rings.value("q_star_inv_nm", first);
        rings.value("d_spacing_nm", TAU / first);
    }
    rings.push(
        Part::rings("calibrant rings", 1.0, radial).known_as(Feature::peaks(
            orders,
            fwhm,
            Azimuth::Isotropic,
        )),
    );
    let mut around = Pattern::default();
    let mut air = draw_backdrop(Backdrop::Constant, view, rng);
    air.name = "air";
    air.weight *= log_uniform(rng, 3e-3, 0.05) as f32;
    around.push(air);
    vec![rings, around]
}
