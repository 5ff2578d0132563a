//! Sorting frames by technique with a trained model: apply it, save it, load it.
//!
//! [`training`](crate::training) makes the model.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::{
    Error, ErrorKind, FeatureTable, Frame, FrameSource, Geometry, Params, Predictor, Result,
    StopToken, transform_fn,
};
use xscatter_deep::{Device, TrainedNetwork};
use xscatter_learn::FittedClassifier;

use crate::bystander::is_bystander;
use crate::progress::{Observer, Progress};
use crate::representations::{self, Header};

/// A model over one representation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Model {
    /// The name of the representation that it looks at.
    pub representation: String,
    /// The family of the classifier.
    pub family: String,
    /// Its parameters.
    pub params: Params,
    /// The classifier.
    pub classifier: FittedClassifier,
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} on {} ({})",
            self.family, self.representation, self.params
        )
    }
}

/// Names the technique of a frame: by one model where the header states the geometry, by another from
/// the image alone.
///
/// Small- and wide-angle patterns may look alike; the angles that the detector covers tell them apart.
#[derive(Debug)]
pub struct Sorter {
    calibrated: Model,
    image_alone: Model,
    network: Option<Arc<TrainedNetwork>>,
}

/// What was found in one frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The most probable class.
    pub class: Arc<str>,
    /// Its probability, as the model sees it.
    pub probability: f32,
    /// The probabilities of all classes, in the order of [`Sorter::classes`].
    pub probabilities: Vec<f32>,
    /// Whether the header's geometry was used, or the image alone.
    pub calibrated: bool,
}

/// The verdicts over a source: one for each frame that could be read.
#[derive(Debug)]
pub struct Verdicts {
    /// The index of the frame in its source, and what was found.
    pub rows: Vec<(usize, Verdict)>,
    /// The frames that could not be read or described, each with its error.
    pub skipped: Vec<(usize, Error)>,
}

impl Sorter {
    /// A sorter of two models with the same classes; `network` is what they look through, if one does.
    ///
    /// # Errors
    /// If the classes differ, a representation is unknown or wants the header the other way, or a
    /// network is missing.
    pub fn new(
        calibrated: Model,
        image_alone: Model,
        network: Option<Arc<TrainedNetwork>>,
    ) -> Result<Self> {
        let invalid = |message: String| Error::new(ErrorKind::InvalidArgument, message);
        if calibrated.classifier.outputs() != image_alone.classifier.outputs() {
            return Err(invalid("expected two models of the same classes".into()));
        }
        for (model, header) in [
            (&calibrated, Header::Kept),
            (&image_alone, Header::Forgotten),
        ] {
            let recipe = representations::by_name(&model.representation)?;
            if recipe.header != header {
                let name = recipe.name;
                return Err(invalid(format!(
                    "{name}: expected a model for header {header:?}"
                )));
            }
            if recipe.needs_network() && network.is_none() {
                return Err(invalid(format!(
                    "{}: expected a trained network",
                    recipe.name
                )));
            }
        }
        Ok(Self {
            calibrated,
            image_alone,
            network,
        })
    }

    /// The model for frames whose header states the geometry.
    pub fn calibrated(&self) -> &Model {
        &self.calibrated
    }

    /// The model for all other frames.
    pub fn image_alone(&self) -> &Model {
        &self.image_alone
    }

    /// The names of the classes.
    pub fn classes(&self) -> &[Arc<str>] {
        self.calibrated.classifier.outputs()
    }

    /// Names the class of every frame; a frame that cannot be read is reported, the rest goes on.
    ///
    /// # Errors
    /// If the work is stopped or no frame at all could be described.
    pub fn sort(
        &self,
        source: &dyn FrameSource,
        observer: &mut Observer<'_>,
        stop: &StopToken,
    ) -> Result<Verdicts> {
        let cleaned = source.with(representations::cleaning());
        observer(Progress::Stage {
            name: "sorting".into(),
            total: source.len(),
        });
        let read = representations::in_batches(&cleaned, observer, stop, |frames| {
            frames
                .par_iter()
                .map(|frame| self.verdict(frame))
                .collect::<Result<Vec<_>>>()
        })?;
        let verdicts = read.made.into_iter().flatten();
        Ok(Verdicts {
            rows: read.kept.into_iter().zip(verdicts).collect(),
            skipped: read.skipped,
        })
    }

    fn verdict(&self, frame: &Frame) -> Result<Verdict> {
        let calibrated = frame.info.geometry.is_some();
        let model = if calibrated {
            &self.calibrated
        } else {
            &self.image_alone
        };
        let recipe = representations::by_name(&model.representation)?;
        let frame = std::slice::from_ref(frame);
        let network = self.network.as_ref();
        let tables = representations::describe(frame, recipe.header, recipe.parts, network)?;
        let named: Vec<(&str, &FeatureTable)> = recipe.parts.iter().copied().zip(&tables).collect();
        let table = representations::assemble(recipe, &named)?;
        let probabilities = model
            .classifier
            .predict_proba(table.values())?
            .row(0)
            .to_vec();
        let best = argmax(&probabilities);
        Ok(Verdict {
            class: self.classes()[best].clone(),
            probability: probabilities[best],
            probabilities,
            calibrated,
        })
    }

    /// Writes the model into a folder: `sorter.json` and, if it looks through a network, its weights.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        create_folder(folder)?;
        let header = SorterFile {
            format: FORMAT.into(),
            version: VERSION,
            network: self.network.is_some(),
            calibrated: self.calibrated.clone(),
            image_alone: self.image_alone.clone(),
        };
        let text = serde_json::to_string(&header)
            .map_err(|error| Error::new(ErrorKind::Other, error.to_string()).with_source(error))?;
        if let Some(network) = &self.network {
            network.save(folder.join("network"))?;
        }
        write_file(&folder.join("sorter.json"), &text)
    }

    /// Reads a model that [`save`](Self::save) has written; `device` runs its network, if it has one.
    ///
    /// # Errors
    /// If a file cannot be read, is damaged, or was written by another version.
    pub fn load(folder: &Path, device: &Device) -> Result<Self> {
        let path = folder.join("sorter.json");
        let text = fs::read_to_string(&path).map_err(|error| Error::from(error).in_file(&path))?;
        let malformed = |message: String| Error::new(ErrorKind::Malformed, message).in_file(&path);
        let head: SorterHead =
            serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        if (head.format.as_str(), head.version) != (FORMAT, VERSION) {
            return Err(malformed(format!(
                "expected {FORMAT} version {VERSION}, found {} version {}",
                head.format, head.version
            )));
        }
        let file: SorterFile =
            serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        let network = if file.network {
            Some(Arc::new(TrainedNetwork::load(
                folder.join("network"),
                device,
            )?))
        } else {
            None
        };
        Self::new(file.calibrated, file.image_alone, network).map_err(|error| error.in_file(&path))
    }
}

const FORMAT: &str = "xscatter-sorter";
const VERSION: u32 = 1;

#[derive(Deserialize)]
struct SorterHead {
    format: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct SorterFile {
    format: String,
    version: u32,
    network: bool,
    calibrated: Model,
    image_alone: Model,
}

/// Files sorted by technique: one row a frame.
#[derive(Debug)]
pub struct SortedFiles {
    /// File, frame in the file, what was found.
    pub rows: Vec<SortedFrame>,
    /// Files and frames that could not be read or described: where, and why.
    pub skipped: Vec<(PathBuf, String)>,
    /// How many files of the folders are no detector images at all: notes, tables, pictures.
    pub others: usize,
}

/// One frame of a file and what was found in it.
#[derive(Debug, Clone, PartialEq)]
pub struct SortedFrame {
    /// The file.
    pub path: PathBuf,
    /// Which frame of the file, from 0.
    pub frame: usize,
    /// What was found.
    pub verdict: Verdict,
}

impl SortedFiles {
    /// Writes `sorted.csv`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        create_folder(folder)?;
        let path = folder.join("sorted.csv");
        let failed =
            |error: csv::Error| Error::new(ErrorKind::Io, error.to_string()).in_file(&path);
        let mut writer = csv::Writer::from_path(&path).map_err(failed)?;
        writer
            .write_record(["technique", "probability", "header", "path", "frame"])
            .map_err(failed)?;
        for row in &self.rows {
            let path = row.path.display().to_string();
            let probability = format!("{:.4}", row.verdict.probability);
            let frame = row.frame.to_string();
            writer
                .write_record([&*row.verdict.class, &probability, used(row), &path, &frame])
                .map_err(failed)?;
        }
        writer
            .flush()
            .map_err(|error| Error::from(error).in_file(&path))
    }
}

impl fmt::Display for SortedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<10} {:>11}  header  file", "technique", "probability")?;
        for row in &self.rows {
            let Verdict {
                class, probability, ..
            } = &row.verdict;
            write!(
                f,
                "{class:<10} {probability:>11.3}  {:<6}  {}",
                used(row),
                row.path.display()
            )?;
            if row.frame > 0 {
                write!(f, "#{}", row.frame)?;
            }
            writeln!(f)?;
        }
        for (path, error) in &self.skipped {
            writeln!(
                f,
                "{:<10} {:>11}  {:<6}  {} ({})",
                "skipped",
                "",
                "",
                path.display(),
                error
            )?;
        }
        if self.others > 0 {
            writeln!(f, "{} other files are no detector images", self.others)?;
        }
        Ok(())
    }
}

/// Sorts detector files and folders of them; `geometry` is that of all files, if it is known better than
/// from their headers.
///
/// # Errors
/// If no file could be opened at all, or the work is stopped.
pub fn sort_paths<P: AsRef<Path>>(
    sorter: &Sorter,
    paths: &[P],
    geometry: Option<&Arc<Geometry>>,
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<SortedFiles> {
    let series = xscatter_io::open_series(paths);
    let place = |index: usize| {
        let (file, frame) = series.locate(index);
        (series.files()[file].path().to_path_buf(), frame)
    };
    if series.is_empty() {
        let tried: Vec<String> = paths
            .iter()
            .map(|path| path.as_ref().display().to_string())
            .collect();
        let reasons: Vec<String> = series
            .skipped()
            .iter()
            .take(5)
            .map(|skipped| format!("\n  {}", skipped.error))
            .collect();
        return Err(Error::new(
            ErrorKind::DegenerateData,
            format!(
                "expected detector files in {}, found none that can be opened{}",
                tried.join(", "),
                reasons.concat()
            ),
        ));
    }
    let calibrated = (&series).with(transform_fn(|mut frame: Frame| {
        if let Some(geometry) = geometry {
            frame.info.geometry = Some(geometry.clone());
        }
        Ok(frame)
    }));
    let verdicts = sorter.sort(&calibrated, observer, stop)?;
    let rows = verdicts
        .rows
        .into_iter()
        .map(|(index, verdict)| {
            let (path, frame) = place(index);
            SortedFrame {
                path,
                frame,
                verdict,
            }
        })
        .collect();
    let frames = verdicts
        .skipped
        .iter()
        .map(|(index, error)| (place(*index).0, error));
    let (others, failed): (Vec<_>, Vec<_>) = series
        .skipped()
        .iter()
        .partition(|skipped| is_bystander(skipped, paths));
    let files = failed
        .iter()
        .map(|skipped| (skipped.path.clone(), &skipped.error));
    let skipped = frames
        .chain(files)
        .map(|(path, error)| (path, error.message().to_owned()))
        .collect();
    Ok(SortedFiles {
        rows,
        skipped,
        others: others.len(),
    })
}

/// Whether the header's geometry was used, for people.
fn used(row: &SortedFrame) -> &'static str {
    if row.verdict.calibrated {
        "used"
    } else {
        "none"
    }
}

fn argmax(values: &[f32]) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (index, &value) in values.iter().enumerate() {
        if value > best.1 {
            best = (index, value);
        }
    }
    best.0
}

pub(crate) fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| Error::from(error).in_file(folder))
}

pub(crate) fn write_file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| Error::from(error).in_file(path))
}
