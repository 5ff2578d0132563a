//! Simulated frames with everything that is true of them, as a frame source.
//!
//! Use it to train and to test what looks at detector images, to fill an archive, or wherever a frame
//! with a known truth is needed. The frames are meant to be like real ones to a program that sees only
//! the image; they are not a model of a particular sample or beamline.
//!
//! ```text
//! seed ─ branch (technique, kind of series) ─ experiment ─ pose, instrument, sample, brightness
//!                                                        └ frame ─ variation, counts
//! ```
//!
//! Every stage draws from a stream of its own, so a frame is a function of the seed and its index alone:
//! any order, any thread, and whatever the number of frames. Frames of one experiment share instrument
//! and sample (`info.group`): split by it. Detectors, beamstops, defects and brightness are drawn
//! alike for whatever a frame shows.
//!
//! Gaps hold −1 and known bad pixels −2, both masked; beamstops and shadows are not masked, as in a
//! file. Memory is that of the frames in flight and of the last few experiments.

use std::sync::Arc;

use ndarray::Array2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::seed::{derive, derive_named};
use xscatter_core::{Frame, FrameSource, Result};

use crate::draw::{self, Interval};
use crate::experiment::{Experiment, Exposed, Recent};
use crate::instrument::{
    DetectorChoice, InstrumentRanges, Nuisance, PoseNuisance, Readout, ReadoutError,
};
use crate::label::LabelRules;
use crate::scene::{Ranges, SceneConfig, Technique};
use crate::truth::Truth;

/// What is simulated; a JSON file that a user can edit.
///
/// ```
/// use xscatter_sim::{Preset, SimulationConfig};
///
/// let config = Preset::FourTechniques.config(7).with_frames(8);
/// let text = serde_json::to_string(&config)?;
/// assert_eq!(serde_json::from_str::<SimulationConfig>(&text)?, config);
/// assert!(serde_json::from_str::<SimulationConfig>(r#"{"sed": 7}"#).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SimulationConfig {
    /// The seed of everything.
    pub seed: u64,
    /// How many frames there are. More frames go on where fewer end: frame i stays the same.
    pub frames: usize,
    /// How many frames share an instrument and a sample.
    pub frames_per_experiment: usize,
    /// The detectors: names as in `xscatter_geometry`, or conceptual ones; experiments cycle through
    /// them.
    pub detectors: Vec<DetectorChoice>,
    /// What the frames show.
    pub scene: SceneConfig,
    /// From where energies, distances and brightness are drawn.
    pub ranges: Ranges,
    /// From where everything between the sample and the file is drawn.
    pub instrument: InstrumentRanges,
    /// What a robustness study does to pose and beam. If it is there, samples are drawn for an ideal
    /// instrument in the undisturbed pose, so that they do not depend on the instrument.
    pub disturbance: Option<PoseNuisance>,
    /// From when on a tag holds.
    pub labels: LabelRules,
}

impl Default for SimulationConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            frames: 400,
            frames_per_experiment: 4,
            detectors: [
                "Pilatus 300k",
                "Eiger2 500k",
                "Pilatus 1M",
                "Perkin",
                "Lambda 750k",
            ]
            .map(DetectorChoice::from)
            .to_vec(),
            scene: SceneConfig::default(),
            ranges: Ranges::default(),
            instrument: InstrumentRanges::default(),
            disturbance: None,
            labels: LabelRules::default(),
        }
    }
}

impl SimulationConfig {
    /// The same with this number of frames.
    pub fn with_frames(mut self, frames: usize) -> Self {
        self.frames = frames;
        self
    }
}

/// Why a simulation could not be set up.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// Nothing to simulate.
    #[error("expected at least one {0}, got none")]
    Empty(&'static str),
    /// A detector that the catalogue does not have, or that cannot be.
    #[error(transparent)]
    Detector(#[from] ReadoutError),
    /// A range of the instrument that cannot be drawn from.
    #[error("expected {0} to go from low to high within what an instrument may have")]
    Range(&'static str),
    /// A parameter outside what is possible.
    #[error("{parameter}: expected {expected}, got {found}")]
    Parameter {
        /// Its name, as in the configuration.
        parameter: String,
        /// What would be possible.
        expected: String,
        /// What it is.
        found: String,
    },
}

impl SimError {
    pub(crate) fn parameter(
        parameter: impl Into<String>,
        expected: impl Into<String>,
        found: impl ToString,
    ) -> Self {
        Self::Parameter {
            parameter: parameter.into(),
            expected: expected.into(),
            found: found.to_string(),
        }
    }
}

impl From<SimError> for xscatter_core::Error {
    fn from(error: SimError) -> Self {
        Self::new(xscatter_core::ErrorKind::InvalidArgument, error.to_string()).with_source(error)
    }
}

/// Where a frame stands in the plan; known without simulating it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The technique.
    pub technique: Technique,
    /// The experiment: frames of one experiment share instrument and sample.
    pub experiment: String,
    /// The detector: its name in the catalogue, or what a conceptual one is.
    pub detector: String,
}

/// Where a frame stands, in numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) index: usize,
    /// Which of the scene's branches.
    pub(crate) branch: usize,
    pub(crate) experiment: usize,
    /// Which frame of the experiment.
    pub(crate) frame: usize,
    /// The seed of the experiment.
    pub(crate) seed: u64,
}

/// The noise-free image of one component of a frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Component {
    /// What it is.
    pub name: String,
    /// The expected counts of every pixel, past everything that stands in the way.
    pub expected: Array2<f32>,
}

/// A source of simulated frames.
#[derive(Debug)]
pub struct Simulation {
    config: SimulationConfig,
    readouts: Vec<Readout>,
    recent: Recent,
}

impl Clone for Simulation {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            readouts: self.readouts.clone(),
            recent: Recent::default(),
        }
    }
}

impl Simulation {
    /// A source with this configuration.
    ///
    /// # Errors
    /// [`SimError`] if there is nothing to simulate, a detector is not in the catalogue, or a parameter
    /// is impossible.
    pub fn new(config: SimulationConfig) -> Result<Self, SimError> {
        for (name, count) in [
            ("frame", config.frames),
            ("frame in an experiment", config.frames_per_experiment),
            ("detector", config.detectors.len()),
        ] {
            if count == 0 {
                return Err(SimError::Empty(name));
            }
        }
        config.ranges.check()?;
        config.labels.check()?;
        if let Some(name) = config.instrument.first_invalid() {
            return Err(SimError::Range(name));
        }
        if let Some(nuisance) = &config.disturbance {
            check_disturbance(nuisance)?;
        }
        let readouts = config
            .detectors
            .iter()
            .map(DetectorChoice::readout)
            .collect::<Result<Vec<_>, _>>()?;
        config.scene.check(&config.ranges, &readouts)?;
        Ok(Self {
            config,
            readouts,
            recent: Recent::default(),
        })
    }

    /// The configuration.
    pub fn config(&self) -> &SimulationConfig {
        &self.config
    }

    /// Where frame `index` stands in the plan: its technique, experiment and detector. Costs nothing.
    pub fn origin(&self, index: usize) -> Origin {
        let place = self.place(index);
        let scene = &self.config.scene;
        Origin {
            technique: scene.technique(place.branch),
            experiment: format!(
                "{}-{:04}",
                scene.branch_name(place.branch),
                place.experiment
            ),
            detector: self.readout(&place).name.clone(),
        }
    }

    /// What is true of frame `index`: of its expected image, so the noise has no part in it.
    ///
    /// # Errors
    /// If the index is beyond the end.
    pub fn truth(&self, index: usize) -> Result<Truth> {
        self.check_index(index)?;
        let place = self.place(index);
        let experiment = self.experiment(&place)?;
        let view = experiment.expose(&place, true);
        Ok(self.describe(index, &experiment, &view))
    }

    /// A frame and what is true of it.
    ///
    /// # Errors
    /// If the index is beyond the end.
    pub fn read_with_truth(&self, index: usize) -> Result<(Frame, Truth)> {
        self.check_index(index)?;
        let place = self.place(index);
        let experiment = self.experiment(&place)?;
        let exposed = experiment.expose(&place, true);
        let truth = self.describe(index, &experiment, &exposed);
        let frame = experiment.detect(&place, &truth.experiment, exposed)?;
        Ok((frame, truth))
    }

    /// Several frames and what is true of them, in the order of `indices`; in parallel.
    ///
    /// # Errors
    /// If an index is beyond the end.
    pub fn read_many_with_truth(&self, indices: &[usize]) -> Result<Vec<(Frame, Truth)>> {
        indices
            .par_iter()
            .map(|&index| self.read_with_truth(index))
            .collect()
    }

    /// The noise-free expected counts of each component of frame `index`; their sum is what the
    /// detector is exposed to.
    ///
    /// # Errors
    /// If the index is beyond the end.
    pub fn components(&self, index: usize) -> Result<Vec<Component>> {
        Ok(self.expose(index)?.into_components())
    }

    /// The expectation of a frame with all that is known of it.
    pub(crate) fn expose(&self, index: usize) -> Result<Exposed> {
        self.check_index(index)?;
        let place = self.place(index);
        Ok(self.experiment(&place)?.expose(&place, true))
    }

    /// What has nothing to do with what frame `index` shows: detector, beamstop, defects and so on.
    ///
    /// # Errors
    /// If the index is beyond the end.
    pub fn nuisance(&self, index: usize) -> Result<Nuisance> {
        self.check_index(index)?;
        Ok(self.experiment(&self.place(index))?.instrument.nuisance())
    }

    fn describe(&self, index: usize, experiment: &Experiment, exposed: &Exposed) -> Truth {
        Truth::of(
            index,
            self.origin(index),
            experiment,
            exposed,
            &self.config.labels,
        )
    }

    fn place(&self, index: usize) -> Place {
        let scene = &self.config.scene;
        let branches = scene.branches();
        let (branch, number) = (index % branches, index / branches);
        let experiment = number / self.config.frames_per_experiment;
        let seed = derive_named(self.config.seed, scene.branch_name(branch));
        Place {
            index,
            branch,
            experiment,
            frame: number % self.config.frames_per_experiment,
            seed: derive(seed, experiment as u64),
        }
    }

    fn readout(&self, place: &Place) -> &Readout {
        &self.readouts[place.experiment % self.readouts.len()]
    }

    fn experiment(&self, place: &Place) -> Result<Arc<Experiment>> {
        let key = (place.branch, place.experiment);
        self.recent.get(key, || {
            Experiment::draw(&self.config, place, self.readout(place).clone()).map_err(|error| {
                xscatter_core::Error::new(
                    xscatter_core::ErrorKind::InvalidArgument,
                    format!(
                        "experiment {}: {error}",
                        self.origin(place.index).experiment
                    ),
                )
            })
        })
    }
}

impl Place {
    /// The seed of one concern of this frame.
    pub(crate) fn seed_of(&self, concern: &str) -> u64 {
        let frame = derive(derive_named(self.seed, "frame"), self.frame as u64);
        derive_named(frame, concern)
    }

    /// The generator of how this frame differs from the others of its experiment.
    pub(crate) fn variation(&self) -> rand_chacha::ChaCha8Rng {
        draw::generator(derive(derive_named(self.seed, "frame"), self.frame as u64))
    }
}

/// Refuses what cannot happen to a pose.
fn check_disturbance(nuisance: &PoseNuisance) -> Result<(), SimError> {
    for (name, value, most) in [
        ("beam_off_share", nuisance.beam_off_share, 1.0),
        ("rotation_rad", nuisance.rotation_rad, std::f64::consts::PI),
        ("tilt_rad", nuisance.tilt_rad, 1.0),
        ("streak_share", nuisance.streak_share, 1.0),
    ] {
        Interval::new(value, value).check(&format!("disturbance.{name}"), 0.0, most)?;
    }
    Ok(())
}

impl FrameSource for Simulation {
    fn len(&self) -> usize {
        self.config.frames
    }

    fn read(&self, index: usize) -> Result<Frame> {
        self.check_index(index)?;
        let place = self.place(index);
        let experiment = self.experiment(&place)?;
        let exposed = experiment.expose(&place, false);
        experiment.detect(&place, &self.origin(index).experiment, exposed)
    }

    /// In parallel.
    fn read_many(&self, indices: &[usize]) -> Result<Vec<Frame>> {
        indices.par_iter().map(|&index| self.read(index)).collect()
    }
}
