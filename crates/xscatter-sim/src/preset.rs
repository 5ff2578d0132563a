//! Named simulations: each is a configuration that a user can edit.

use std::fmt;
use std::str::FromStr;

use crate::draw::Interval;
use crate::instrument::{Conceptual, DetectorChoice, Severity};
use crate::scene::{CalibrantScene, Ranges, SceneConfig, TagScene};
use crate::sequence::SequenceScene;
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
    /// The samples of the tags on instruments of a severity from 0, ideal, to 5.
    Robustness(Severity),
    /// Series in which something happens: order and disorder, crystallisation, drying.
    TimeSeries,
    /// Rings of calibrants.
    Calibrants,
}

impl Preset {
    /// All presets.
    pub const ALL: [Self; 10] = [
        Self::FourTechniques,
        Self::BnlTags17,
        Self::Robustness(Severity::ALL[0]),
        Self::Robustness(Severity::ALL[1]),
        Self::Robustness(Severity::ALL[2]),
        Self::Robustness(Severity::ALL[3]),
        Self::Robustness(Severity::ALL[4]),
        Self::Robustness(Severity::ALL[5]),
        Self::TimeSeries,
        Self::Calibrants,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::FourTechniques => "four-techniques",
            Self::BnlTags17 => "bnl-tags-17",
            Self::Robustness(severity) => match severity.level() {
                0 => "robustness-severity-0",
                1 => "robustness-severity-1",
                2 => "robustness-severity-2",
                3 => "robustness-severity-3",
                4 => "robustness-severity-4",
                _ => "robustness-severity-5",
            },
            Self::TimeSeries => "time-series",
            Self::Calibrants => "calibrants",
        }
    }

    /// What it is, in a line.
    pub const fn description(self) -> &'static str {
        match self {
            Self::FourTechniques => "SAXS, WAXS, GISAXS and GIWAXS in turns, on five detectors",
            Self::BnlTags17 => {
                "small-angle patterns with the 17 tags of the mission, 256 × 256 pixels"
            }
            Self::Robustness(_) => {
                "the same samples and seeds on instruments from ideal (0) to very bad (5)"
            }
            Self::TimeSeries => {
                "series of 100 frames: order and disorder, crystallisation, drying, with events"
            }
            Self::Calibrants => "AgBh, LaB6, CeO2, Si and α-Al2O3 with exact poses",
        }
    }

    /// Its configuration with this seed.
    pub fn config(self, seed: u64) -> SimulationConfig {
        let config = SimulationConfig {
            seed,
            ..SimulationConfig::default()
        };
        match self {
            Self::FourTechniques => config,
            Self::BnlTags17 => SimulationConfig {
                frames: 10_000,
                frames_per_experiment: 100,
                detectors: tag_detectors(),
                scene: SceneConfig::Tags(TagScene::default()),
                ranges: Ranges {
                    bright_photons: Interval::new(2.0, 3e4),
                    beam_off_share: 0.6,
                    ..Ranges::default()
                },
                ..config
            },
            Self::Robustness(severity) => SimulationConfig {
                frames: 1_000,
                frames_per_experiment: 10,
                detectors: vec![severity.detector(256)],
                scene: SceneConfig::Tags(TagScene::default()),
                ranges: Ranges {
                    bright_photons: Interval::new(100.0, 1e4),
                    beam_off_share: 0.0,
                    beam_at_edge_share: 0.0,
                    ..Ranges::default()
                },
                instrument: severity.instrument(),
                disturbance: Some(severity.pose()),
                ..config
            },
            Self::TimeSeries => SimulationConfig {
                frames: 3_000,
                frames_per_experiment: 100,
                detectors: tag_detectors(),
                scene: SceneConfig::Series(SequenceScene::default()),
                ranges: Ranges {
                    bright_photons: Interval::new(50.0, 1e4),
                    blank_share: 0.0,
                    ..Ranges::default()
                },
                ..config
            },
            Self::Calibrants => SimulationConfig {
                frames: 100,
                frames_per_experiment: 1,
                scene: SceneConfig::Calibrants(CalibrantScene::default()),
                ranges: Ranges {
                    // Close and hard enough for a first ring on every detector.
                    energy_kev: Interval::new(14.0, 22.0),
                    saxs_distance_m: Interval::new(0.3, 2.0),
                    waxs_distance_m: Interval::new(0.06, 0.2),
                    bright_photons: Interval::new(100.0, 1e4),
                    blank_share: 0.0,
                    beam_off_share: 0.0,
                    ..Ranges::default()
                },
                ..config
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
