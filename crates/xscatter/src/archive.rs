//! A simulated archive of the four techniques on disk; `xscatter_io::LabelledSeries` reads it back.
//!
//! ```text
//! archive/
//!   archive.json                     what was simulated
//!   network/  train/  holdout/       three parts with disjoint experiments
//!     labels.csv                     path, frame, class, group, detector
//!     saxs-003/saxs-003_00000.cbf    one folder an experiment
//! ```
//!
//! Each detector writes the format that its maker's software writes: PILATUS writes CBF or TIFF, EIGER
//! and LAMBDA write HDF5, a flat panel writes EDF. A file appears under its name only when it is whole,
//! so a run that was killed goes on where it stopped: files of the same configuration are kept.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::seed::derive_named;
use xscatter_core::{Error, ErrorKind, Frame, FrameSource, Result, StopToken};
use xscatter_io::labels::{self, Label};
use xscatter_io::{Format, write};
use xscatter_sim::{Simulation, SimulationConfig, Technique};

use crate::progress::{Observer, Progress};

/// A part of the archive; no experiment is in two of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// What a network learns from, so that no row of the table was its training frame.
    Network,
    /// The rows that the search engine cross-validates.
    Train,
    /// The rows that nothing was chosen on, of a detector that the other parts do not have.
    Holdout,
}

impl Part {
    /// All parts, in the order in which they are written.
    pub const ALL: [Self; 3] = [Self::Network, Self::Train, Self::Holdout];

    /// The name of its folder.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Train => "train",
            Self::Holdout => "holdout",
        }
    }
}

/// What is simulated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArchiveConfig {
    /// Experiments that a network learns from.
    pub network: SimulationConfig,
    /// Experiments that the search engine cross-validates.
    pub train: SimulationConfig,
    /// Experiments that give the final score.
    pub holdout: SimulationConfig,
}

impl ArchiveConfig {
    /// An archive for two minutes on two cores: four detectors to learn from, a fifth to be judged on.
    pub fn small(seed: u64) -> Self {
        let part = |part: Part,
                    experiments_per_technique,
                    frames_per_experiment,
                    detectors: &[&str]| {
            SimulationConfig {
                frames: Technique::ALL.len() * experiments_per_technique * frames_per_experiment,
                frames_per_experiment,
                detectors: detectors.iter().map(|&name| name.into()).collect(),
                seed: derive_named(seed, part.folder()),
                ..SimulationConfig::default()
            }
        };
        let seen = ["Pilatus 300k", "Eiger2 500k", "Lambda 250k", "Eiger2 1M"];
        Self {
            network: part(Part::Network, 20, 1, &seen),
            train: part(Part::Train, 160, 1, &seen),
            holdout: part(Part::Holdout, 40, 1, &["Pilatus 1M"]),
        }
    }

    /// Reads a configuration, as `archive.json` in a written archive.
    ///
    /// # Errors
    /// If the file cannot be read or is no such configuration.
    pub fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| Error::from(error).in_file(path))?;
        serde_json::from_str(&text)
            .map_err(|error| Error::new(ErrorKind::Malformed, error.to_string()).in_file(path))
    }

    /// How many frames a part has.
    pub fn n_frames(&self, part: Part) -> usize {
        self.part(part).frames
    }

    /// The configuration of one part.
    pub fn part(&self, part: Part) -> &SimulationConfig {
        match part {
            Part::Network => &self.network,
            Part::Train => &self.train,
            Part::Holdout => &self.holdout,
        }
    }
}

/// Simulates the archive into `folder`; files that an earlier run of the same configuration has
/// written are kept.
///
/// # Errors
/// If the configuration is not valid, the folder holds an archive of another configuration, a file
/// cannot be written, or the work is stopped.
pub fn simulate(
    config: &ArchiveConfig,
    folder: &Path,
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<()> {
    claim(config, folder)?;
    for part in Part::ALL {
        let source = Simulation::new(config.part(part).clone())?;
        let name = format!("simulating {}", part.folder());
        observer(Progress::Stage {
            name,
            total: source.len(),
        });
        write_part(&source, &folder.join(part.folder()), observer, stop)?;
    }
    Ok(())
}

/// Writes down what is simulated here, or checks that it is the same.
fn claim(config: &ArchiveConfig, folder: &Path) -> Result<()> {
    let path = folder.join("archive.json");
    let text = serde_json::to_string_pretty(config)
        .map_err(|error| Error::new(ErrorKind::Other, error.to_string()))?;
    match fs::read_to_string(&path) {
        Ok(found) if found == text => Ok(()),
        Ok(_) => Err(Error::new(
            ErrorKind::InvalidArgument,
            "expected the archive of this configuration, found another one; \
             choose another folder or remove this one",
        )
        .in_file(path)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            fs::create_dir_all(folder).map_err(|error| Error::from(error).in_file(folder))?;
            fs::write(&path, text).map_err(|error| Error::from(error).in_file(path))
        }
        Err(error) => Err(Error::from(error).in_file(path)),
    }
}

fn write_part(
    source: &Simulation,
    folder: &Path,
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<()> {
    let mut experiments: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for index in 0..source.len() {
        experiments
            .entry(source.origin(index).experiment)
            .or_default()
            .push(index);
    }
    let experiments: Vec<(String, Vec<usize>)> = experiments.into_iter().collect();
    let mut all_labels = Vec::new();
    // One batch keeps every thread busy and bounds the frames in memory.
    for batch in experiments.chunks(rayon::current_num_threads()) {
        stop.check()?;
        let written: Result<Vec<Vec<Label>>> = batch
            .par_iter()
            .map(|(name, frames)| write_experiment(source, folder, name, frames))
            .collect();
        all_labels.extend(written?.into_iter().flatten());
        observer(Progress::Advance(
            batch.iter().map(|(_, frames)| frames.len()).sum(),
        ));
    }
    labels::write(folder.join("labels.csv"), &all_labels)
}

/// Writes the frames of one experiment and returns their labels.
fn write_experiment(
    source: &Simulation,
    folder: &Path,
    name: &str,
    indices: &[usize],
) -> Result<Vec<Label>> {
    let detector = source.origin(indices[0]).detector;
    let writer = Writer::of(&detector, name);
    fs::create_dir_all(folder.join(name))
        .map_err(|error| Error::from(error).in_file(folder.join(name)))?;
    let files: Vec<&[usize]> = if writer.holds_series() {
        vec![indices]
    } else {
        indices.chunks(1).collect()
    };
    let mut labels = Vec::new();
    for (number, frames) in files.into_iter().enumerate() {
        let path = format!("{name}/{name}_{number:05}.{}", writer.format.extension());
        if !folder.join(&path).is_file() {
            let frames: Vec<Frame> = source.read_many(frames)?;
            write::write(folder.join(&path), writer.format, &frames, &writer.options)?;
        }
        labels.extend(frames.iter().enumerate().map(|(frame, &index)| Label {
            path: path.clone(),
            frame,
            class: source.origin(index).technique.to_string(),
            group: name.to_owned(),
            detector: detector.clone(),
        }));
    }
    Ok(labels)
}

/// The format that a detector's software writes.
struct Writer {
    format: Format,
    options: write::WriteOptions,
}

impl Writer {
    fn of(detector: &str, experiment: &str) -> Self {
        let options = write::WriteOptions::default();
        let dtype = |dtype| write::WriteOptions { dtype, ..options };
        // Some beamlines keep PILATUS frames as CBF and others as TIFF.
        let even = experiment.bytes().last().is_some_and(|byte| byte % 2 == 0);
        if detector.starts_with("Pilatus") {
            let format = if even { Format::Cbf } else { Format::Tiff };
            Self {
                format,
                options: dtype(write::WriteDtype::I32),
            }
        } else if detector.starts_with("Eiger") {
            Self {
                format: Format::Nexus,
                options: write::WriteOptions {
                    compression: write::Compression::BitshuffleLz4,
                    ..dtype(write::WriteDtype::U32)
                },
            }
        } else if detector.starts_with("Lambda") {
            Self {
                format: Format::Nexus,
                options: write::WriteOptions {
                    compression: write::Compression::Gzip,
                    ..dtype(write::WriteDtype::U32)
                },
            }
        } else {
            Self {
                format: Format::Edf,
                options: dtype(write::WriteDtype::I32),
            }
        }
    }

    fn holds_series(&self) -> bool {
        self.format == Format::Nexus
    }
}
