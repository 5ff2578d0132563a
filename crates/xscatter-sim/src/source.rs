//! Frames of the four techniques with their labels, as a frame source.
//!
//! Use it to train and to test what tells techniques apart, to fill an archive, or wherever a frame
//! with a known truth is needed. The frames are meant to be like real ones to a program that sees
//! only the image; they are not a model of a particular sample or beamline.
//!
//! Frame i belongs to technique i mod 4, so that classes are balanced in every prefix of 4·n frames.
//! The frames of one technique are cut into experiments of `frames_per_experiment` frames; experiment
//! e of every technique uses detector e mod n of the list, so that detectors say nothing about the
//! technique. A frame is a function of the seed and its index alone: any order, any thread.
//!
//! Gaps hold −1 and known bad pixels −2, both masked; beamstops and shadows are not masked, as in a
//! file. Memory is that of the frames in flight. In a release build a frame takes
//! some 0.1 s of one core for a million pixels.

use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::seed::{derive, derive_named};
use xscatter_core::{Frame, FrameInfo, FrameSource, Result};
use xscatter_geometry::{Detector, GeometryError};

use crate::draw::{self, chance};
use crate::instrument::{Instrument, InstrumentRanges, Readout};
use crate::scene::{Ranges, Sample, Technique, draw_pose};

/// What a source of four techniques holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FourTechniquesConfig {
    /// How many experiments each technique has.
    pub experiments_per_technique: usize,
    /// How many frames each experiment has.
    pub frames_per_experiment: usize,
    /// Names of the detectors, as in `xscatter_geometry`; experiments cycle through them.
    pub detectors: Vec<String>,
    /// The seed of everything.
    pub seed: u64,
    /// From where energies, distances and brightness are drawn.
    pub ranges: Ranges,
}

impl Default for FourTechniquesConfig {
    fn default() -> Self {
        Self {
            experiments_per_technique: 25,
            frames_per_experiment: 4,
            detectors: [
                "Pilatus 300k",
                "Eiger2 500k",
                "Pilatus 1M",
                "Perkin",
                "Lambda 750k",
            ]
            .map(String::from)
            .to_vec(),
            seed: 0,
            ranges: Ranges::default(),
        }
    }
}

/// Why a simulation could not be set up.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// Nothing to simulate.
    #[error("expected at least one {0}, got none")]
    Empty(&'static str),
    /// A detector that the catalogue does not have.
    #[error("expected the name of a detector in the catalogue, got {0:?}")]
    UnknownDetector(String),
    /// A range that cannot be drawn from.
    #[error("expected {0} to go from low to high within what an instrument may have")]
    Range(&'static str),
    /// More frames than can be counted.
    #[error("expected fewer frames than can be counted")]
    TooMany,
}

impl From<SimError> for xscatter_core::Error {
    fn from(error: SimError) -> Self {
        Self::new(xscatter_core::ErrorKind::InvalidArgument, error.to_string()).with_source(error)
    }
}

/// What is true of a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truth {
    /// The technique.
    pub technique: Technique,
    /// The experiment: frames of one experiment share instrument and sample.
    pub experiment: String,
    /// The detector, by its name in the catalogue.
    pub detector: &'static str,
    /// What the frame is made of, in alphabetical order.
    pub components: Vec<&'static str>,
}

/// A source of frames of all four techniques.
#[derive(Debug, Clone)]
pub struct FourTechniques {
    config: FourTechniquesConfig,
    readouts: Vec<Readout>,
    len: usize,
}

/// Where a frame stands.
struct Place {
    technique: Technique,
    experiment: usize,
    frame: usize,
    seed: u64,
}

impl FourTechniques {
    /// A source with this configuration.
    ///
    /// # Errors
    /// [`SimError`] if there is nothing to simulate, a detector is not in the catalogue, or a range
    /// cannot be drawn from.
    pub fn new(config: FourTechniquesConfig) -> Result<Self, SimError> {
        for (name, count) in [
            ("experiment", config.experiments_per_technique),
            ("frame in an experiment", config.frames_per_experiment),
            ("detector", config.detectors.len()),
        ] {
            if count == 0 {
                return Err(SimError::Empty(name));
            }
        }
        if let Some(name) = config.ranges.first_invalid() {
            return Err(SimError::Range(name));
        }
        let readouts = config
            .detectors
            .iter()
            .map(|name| {
                Detector::by_name(name)
                    .map(Readout::new)
                    .ok_or_else(|| SimError::UnknownDetector(name.clone()))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let len = config
            .experiments_per_technique
            .checked_mul(config.frames_per_experiment)
            .and_then(|frames| frames.checked_mul(Technique::ALL.len()))
            .ok_or(SimError::TooMany)?;
        Ok(Self {
            config,
            readouts,
            len,
        })
    }

    /// The configuration.
    pub fn config(&self) -> &FourTechniquesConfig {
        &self.config
    }

    /// What is true of frame `index`.
    ///
    /// # Panics
    /// If the index is beyond the end.
    pub fn truth(&self, index: usize) -> Truth {
        assert!(
            index < self.len,
            "frame {index} is beyond the {} frames",
            self.len
        );
        let place = self.place(index);
        let (_, sample) = self
            .experiment(&place)
            .expect("ranges are checked, so every pose is possible");
        Truth {
            technique: place.technique,
            experiment: place.name(),
            detector: self.readout(&place).detector.name,
            components: sample.components(),
        }
    }

    /// The technique of frame `index`, without the work of [`truth`](Self::truth).
    pub fn technique(&self, index: usize) -> Technique {
        Technique::ALL[index % Technique::ALL.len()]
    }

    fn place(&self, index: usize) -> Place {
        let technique = self.technique(index);
        let number = index / Technique::ALL.len();
        let experiment = number / self.config.frames_per_experiment;
        let branch = derive_named(self.config.seed, technique.name());
        Place {
            technique,
            experiment,
            frame: number % self.config.frames_per_experiment,
            seed: derive(branch, experiment as u64),
        }
    }

    fn readout(&self, place: &Place) -> &Readout {
        &self.readouts[place.experiment % self.readouts.len()]
    }

    fn experiment(&self, place: &Place) -> Result<(Instrument, Sample), GeometryError> {
        let readout = self.readout(place).clone();
        let ranges = &self.config.ranges;
        let pose = draw_pose(
            place.technique,
            ranges,
            &readout,
            derive_named(place.seed, "pose"),
        );
        let instrument = Instrument::draw(
            readout,
            pose,
            &InstrumentRanges::default(),
            derive_named(place.seed, "instrument"),
        )?;
        let mut rng = draw::generator(derive_named(place.seed, "blank"));
        let blank = chance(&mut rng, ranges.blank_share);
        let sample = Sample::draw(
            place.technique,
            &instrument,
            blank,
            derive_named(place.seed, "sample"),
        );
        Ok((instrument, sample))
    }
}

impl Place {
    fn name(&self) -> String {
        format!("{}-{:04}", self.technique, self.experiment)
    }
}

/// What a file of this frame would say.
fn info(place: &Place, index: usize, instrument: &Instrument, exposure_s: f64) -> FrameInfo {
    let geometry = &instrument.geometry;
    let header = BTreeMap::from(
        [
            ("Detector", instrument.readout.detector.name.to_owned()),
            ("Exposure_time", format!("{exposure_s} s")),
            ("Wavelength", format!("{} A", geometry.wavelength_m * 1e10)),
            ("Detector_distance", format!("{} m", geometry.distance_m)),
            (
                "Beam_xy",
                format!(
                    "({:.2}, {:.2}) pixels",
                    instrument.centre.column, instrument.centre.row
                ),
            ),
            (
                "Pixel_size",
                format!("{} m x {} m", geometry.pixel1_m, geometry.pixel2_m),
            ),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    );
    FrameInfo {
        path: None,
        index,
        group: Some(place.name().into()),
        exposure_s: Some(exposure_s),
        geometry: Some(Arc::clone(geometry)),
        beam_centre_px: Some(instrument.centre),
        header: Arc::new(header),
        warnings: Vec::new(),
    }
}

impl FrameSource for FourTechniques {
    fn len(&self) -> usize {
        self.len
    }

    fn read(&self, index: usize) -> Result<Frame> {
        self.check_index(index)?;
        let place = self.place(index);
        let (instrument, mut sample) = self.experiment(&place)?;
        let mut rng = draw::generator(derive_named(place.seed, "brightness"));
        let ranges = &self.config.ranges;
        let usual_photons = ranges.bright_photons.log_uniform(&mut rng);
        let exposure_s = ranges.exposure_s.log_uniform(&mut rng);

        let mut rng = draw::generator(derive(
            derive_named(place.seed, "frame"),
            place.frame as u64,
        ));
        // A series keeps its exposure; beam and sample thickness do not stay the same.
        let brighter = draw::log_uniform(&mut rng, 0.3, 3.0);
        let variation = sample.vary(&mut rng);
        let mut expectation = sample.expectation(&instrument, variation);
        let bright_photons = usual_photons * brighter;
        let factor = instrument.photons_per_unit(&expectation, bright_photons);
        expectation.mapv_inplace(|value| value * factor);
        instrument.add_direct_beam(&mut expectation, bright_photons as f32);
        instrument.linear(&mut expectation);
        let counting = derive(derive_named(place.seed, "counting"), place.frame as u64);
        let (counts, mask) = instrument.detect(expectation, exposure_s, counting);
        let mut frame = Frame::new(counts).with_info(info(&place, index, &instrument, exposure_s));
        if let Some(mask) = mask {
            frame = frame.with_mask(mask)?;
        }
        Ok(frame)
    }

    /// In parallel.
    fn read_many(&self, indices: &[usize]) -> Result<Vec<Frame>> {
        indices.par_iter().map(|&index| self.read(index)).collect()
    }
}
