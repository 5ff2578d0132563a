//! What a frame shows: the four techniques, the ranges from which they are drawn, and the sample.
//!
//! An experiment draws an instrument and a sample; its frames vary brightness, exposure time and the
//! share of every part. Features of SAXS and GISAXS are placed relative to the q range of the
//! instrument, because an experimenter chooses the distance for the sample; those of WAXS and GIWAXS
//! have atomic lengths, so the distance decides what is seen.
//!
//! Angles and energies are uniform, sizes, distances and intensities log-uniform.

mod gisaxs;
mod given;
mod giwaxs;
mod pose;
mod sample;
mod saxs;
mod series;
mod tags;
mod view;
mod waxs;

use std::f64::consts::PI;
use std::fmt;
use std::str::FromStr;

use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use xscatter_core::seed::derive_named;

use crate::curve::Curve;
use crate::draw::{self, chance, log_uniform, uniform, weighted};
use crate::instrument::Readout;
use crate::pattern::{azimuthal, grains};
use crate::sequence::{Course, SequenceKind, SequenceScene};
use crate::simulation::SimError;
use crate::texture::ring_kernel;

pub use given::{LatticeRanges, ParticleRanges, SampleScene};
pub use pose::{CentreRanges, Ranges};
pub use series::{Calibrant, CalibrantScene};
pub use tags::{KindWeights, LatticeWeights, TagScene};

pub(crate) use pose::{disturb, draw_pose};
pub(crate) use sample::{Row, Sample, SampleVariation};
pub(crate) use view::View;

/// A scattering technique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Technique {
    /// Small angles, in transmission.
    Saxs,
    /// Wide angles, in transmission.
    Waxs,
    /// Small angles, at grazing incidence.
    Gisaxs,
    /// Wide angles, at grazing incidence.
    Giwaxs,
}

impl Technique {
    /// All techniques, in the order in which frames are interleaved.
    pub const ALL: [Self; 4] = [Self::Saxs, Self::Waxs, Self::Gisaxs, Self::Giwaxs];

    /// The usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Saxs => "SAXS",
            Self::Waxs => "WAXS",
            Self::Gisaxs => "GISAXS",
            Self::Giwaxs => "GIWAXS",
        }
    }

    /// Whether the beam grazes a surface.
    pub const fn is_grazing(self) -> bool {
        matches!(self, Self::Gisaxs | Self::Giwaxs)
    }
}

impl fmt::Display for Technique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of the four techniques.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected SAXS, WAXS, GISAXS or GIWAXS, got {0:?}")]
pub struct UnknownTechnique(String);

impl FromStr for Technique {
    type Err = UnknownTechnique;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|technique| technique.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownTechnique(name.to_owned()))
    }
}

/// What the frames of a simulation show.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum SceneConfig {
    /// Samples of the four techniques, in turns.
    Techniques(TechniqueScene),
    /// Small-angle patterns in transmission that carry many tags.
    Tags(TagScene),
    /// Series in which something happens; an experiment is one of them.
    Series(SequenceScene),
    /// Rings of calibrants.
    Calibrants(CalibrantScene),
    /// A sample of given dimensions.
    Sample(SampleScene),
}

/// Samples of the four techniques, in turns: frame i shows number i mod n of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TechniqueScene {
    /// The techniques, each once.
    pub techniques: Vec<Technique>,
}

impl Default for TechniqueScene {
    fn default() -> Self {
        Self {
            techniques: Technique::ALL.to_vec(),
        }
    }
}

impl Default for SceneConfig {
    fn default() -> Self {
        Self::Techniques(TechniqueScene::default())
    }
}

impl SceneConfig {
    /// Refuses an impossible scene, by the name of the parameter.
    pub(crate) fn check(&self, ranges: &Ranges, readouts: &[Readout]) -> Result<(), SimError> {
        match self {
            Self::Techniques(scene) => {
                let mut sorted = scene.techniques.clone();
                sorted.sort_unstable();
                sorted.dedup();
                if sorted.is_empty() || sorted.len() != scene.techniques.len() {
                    return Err(SimError::parameter(
                        "scene.techniques",
                        "at least one technique, each once",
                        format!("{:?}", scene.techniques),
                    ));
                }
                Ok(())
            }
            Self::Tags(scene) => scene.check(),
            Self::Series(scene) => scene.check(),
            Self::Calibrants(scene) => scene.check(),
            Self::Sample(scene) => scene.check(ranges, readouts),
        }
    }

    /// How many kinds of experiments take turns.
    pub(crate) fn branches(&self) -> usize {
        match self {
            Self::Techniques(scene) => scene.techniques.len(),
            Self::Series(scene) => scene.kinds.len(),
            Self::Calibrants(scene) => scene.calibrants.len(),
            Self::Tags(_) | Self::Sample(_) => 1,
        }
    }

    pub(crate) fn branch_name(&self, branch: usize) -> &'static str {
        match self {
            Self::Techniques(scene) => scene.techniques[branch].name(),
            Self::Tags(_) => "tags",
            Self::Series(scene) => scene.kinds[branch].name(),
            Self::Calibrants(scene) => scene.calibrants[branch].name(),
            Self::Sample(_) => "sample",
        }
    }

    pub(crate) fn technique(&self, branch: usize) -> Technique {
        match self {
            Self::Techniques(scene) => scene.techniques[branch],
            Self::Series(scene) if scene.kinds[branch] == SequenceKind::Crystallisation => {
                Technique::Waxs
            }
            Self::Calibrants(scene) => scene.calibrants[branch].technique(),
            Self::Tags(_) | Self::Series(_) | Self::Sample(_) => Technique::Saxs,
        }
    }

    /// The sample of an experiment of `frames` frames, and how a series of it goes.
    pub(crate) fn sample(
        &self,
        branch: usize,
        view: &View,
        frames: usize,
        seed: u64,
    ) -> (Sample, Option<Course>) {
        let patterns = match self {
            Self::Techniques(_) => return (Sample::draw(self.technique(branch), view, seed), None),
            Self::Tags(scene) => scene.patterns(view, seed),
            Self::Series(scene) => {
                let kind = scene.kinds[branch];
                let mut rng = draw::generator(derive_named(seed, "course"));
                let course = Course::draw(scene, kind, frames, &mut rng);
                let mut rng = draw::generator(derive_named(seed, "phases"));
                let phases = series::phases(kind, view, &mut rng).to_vec();
                return (Sample::Transmission(phases), Some(course));
            }
            Self::Calibrants(scene) => series::calibrant(scene.calibrants[branch], view, seed),
            Self::Sample(scene) => scene.draw(view, seed),
        };
        (Sample::Transmission(patterns), None)
    }
}

/// The azimuthal part of a ring of this relative width: isotropic, textured or, where it is sharp,
/// of single grains. `isotropic` is the share of the first.
pub(crate) fn draw_texture(
    rng: &mut ChaCha8Rng,
    isotropic: f64,
    relative_width: f64,
) -> Option<Curve> {
    if chance(rng, isotropic) {
        return None;
    }
    if relative_width > 0.06 || chance(rng, 0.55) {
        let fold = weighted(rng, &[(2.0, 0.6), (4.0, 0.2), (6.0, 0.2)]);
        let (eta, chi0) = (uniform(rng, 0.15, 0.93), uniform(rng, -PI, PI));
        Some(azimuthal(1025, |chi| ring_kernel(chi, chi0, fold, eta)))
    } else {
        let count = log_uniform(rng, 3.0, 1500.0) as usize;
        let mosaic = log_uniform(rng, 0.008, 0.08);
        Some(grains(rng, count, mosaic))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for technique in Technique::ALL {
            assert_eq!(technique.to_string().parse(), Ok(technique));
        }
        assert_eq!("giwaxs".parse(), Ok(Technique::Giwaxs));
        assert_eq!(
            "XRD".parse::<Technique>().unwrap_err().to_string(),
            "expected SAXS, WAXS, GISAXS or GIWAXS, got \"XRD\""
        );
    }
}
