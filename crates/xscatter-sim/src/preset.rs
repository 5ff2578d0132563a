//! Named simulations: each is a configuration that a user can edit.

use std::fmt;
use std::str::FromStr;

use crate::draw::Interval;
use crate::instrument::{Conceptual, DetectorChoice};
use crate::scene::{Ranges, SceneConfig, TagScene};
use crate::simulation::SimulationConfig;

/// A named simulation.
///
/// ```
/// use xscatter_sim::{Preset, Simulation};
/// use xscatter_core::FrameSource;
///
/// let preset: Preset = "bnl-tags-17".parse()?;
/// let simulation = Simulation::new(preset.config(2026).with_frames(10))?;
/// assert_eq!(simulation.len(), 10);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// SAXS, WAXS, GISAXS and GIWAXS in turns, on five detectors.
    FourTechniques,
    /// Small-angle patterns that carry the 17 tags of the mission.
    BnlTags17,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 2] = [Self::FourTechniques, Self::BnlTags17];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::FourTechniques => "four-techniques",
            Self::BnlTags17 => "bnl-tags-17",
        }
    }

    /// What it is, in a line.
    pub const fn description(self) -> &'static str {
        match self {
            Self::FourTechniques => "SAXS, WAXS, GISAXS and GIWAXS in turns, on five detectors",
            Self::BnlTags17 => "small-angle patterns with the 17 tags of the mission",
        }
    }

    /// Its configuration with this seed.
    pub fn config(self, seed: u64) -> SimulationConfig {
        match self {
            Self::FourTechniques => SimulationConfig {
                seed,
                ..SimulationConfig::default()
            },
            Self::BnlTags17 => SimulationConfig {
                seed,
                frames: 10_000,
                frames_per_experiment: 100,
                detectors: tag_detectors(),
                scene: SceneConfig::Tags(TagScene::default()),
                ranges: Ranges {
                    bright_photons: Interval::new(1.0, 3e4),
                    beam_off_share: 0.6,
                    ..Ranges::default()
                },
                ..SimulationConfig::default()
            },
        }
    }
}

/// Small detectors: one without gaps, one with those of real ones each, and a camera.
fn tag_detectors() -> Vec<DetectorChoice> {
    let like = |name: &str| Conceptual {
        gaps_like: Some(name.to_owned()),
        ..Conceptual::default()
    };
    [
        Conceptual::default(),
        like("Pilatus 300k"),
        like("Eiger 1M"),
        like("Pilatus 1M"),
        Conceptual {
            camera: true,
            ..Conceptual::default()
        },
        like("Eiger 4M"),
    ]
    .map(DetectorChoice::from)
    .to_vec()
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no preset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {known}, got {name:?}")]
pub struct UnknownPreset {
    name: String,
    known: String,
}

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|preset| preset.name() == name)
            .ok_or_else(|| UnknownPreset {
                name: name.to_owned(),
                known: Self::ALL.map(Self::name).join(", "),
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways() {
        for preset in Preset::ALL {
            assert_eq!(preset.to_string().parse(), Ok(preset));
        }
        let error = "four".parse::<Preset>().unwrap_err().to_string();
        assert!(error.contains("bnl-tags-17") && error.contains("\"four\""));
    }
}
