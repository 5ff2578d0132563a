//! A simulation written to disk: detector files, labels, truths; `xscatter_io::LabelledSeries` reads it.
//!
//! ```text
//! data/
//!   simulation.json                  what is simulated: a SimulationConfig
//!   dataset.json                     format, tag set, version of the program
//!   labels.csv                       path, frame, class, group, detector, a column a tag
//!   truth.jsonl                      a Truth a line, in the order of labels.csv
//!   SAXS-0003/SAXS-0003_00000.cbf    one folder an experiment, one file a frame; or
//!   SAXS-0003_00000.h5               one HDF5 file an experiment, or several of a long one
//! ```
//!
//! Use it to hand simulated frames to other programs, or to keep them. To train from Rust, read the
//! [`Simulation`] itself: it needs no disk.
//!
//! A tag is `1`, `0`, or empty where nobody could tell. Frames stand in the order of their experiments,
//! experiments in the order in which they begin. Files of integers: int32, in HDF5 uint32 with
//! bitshuffle and LZ4, a chunk a frame.
//!
//! A file appears under its name only when it is whole, and the two tables only when everything else is
//! there; until then they grow as `labels.csv.part` and `truth.jsonl.part`. A run that was killed goes
//! on behind the last file that stands in both, and ends with the same bytes as one that was not.
//!
//! Memory is that of two windows of frames (64 MiB each, or a frame a thread): while one is written,
//! the next is simulated. An HDF5 file holds at most 500 frames and 64 MiB of pixels.

mod table;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use rayon::prelude::*;
use serde_json::{Value, json};
use xscatter_core::{Error, ErrorKind, Frame, FrameSource as _, Result, StopToken, TagState};
use xscatter_geometry::Detector;
use xscatter_io::write::{Compression, WriteDtype, WriteOptions, write};
use xscatter_io::{Format, labels};
use xscatter_sim::{DetectorChoice, Origin, Simulation, SimulationConfig, TagSet, Truth};

use crate::progress::{Observer, Progress};
use table::Table;

/// An HDF5 file holds at most so many frames.
const FRAMES_PER_FILE: usize = 500;

/// At most so many bytes of pixels are in one HDF5 file, and in memory while they wait.
const WINDOW_BYTES: usize = 64 << 20;

/// What is written, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct DatasetConfig {
    /// What is simulated.
    pub simulation: SimulationConfig,
    /// NeXus HDF5, CBF, EDF or TIFF.
    pub format: Format,
    /// The tags that are columns of the table of labels.
    pub tags: TagSet,
}

impl Default for DatasetConfig {
    fn default() -> Self {
        Self {
            simulation: SimulationConfig::default(),
            format: Format::Nexus,
            tags: TagSet::Mission17,
        }
    }
}

/// What a data set consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// How many frames there are.
    pub frames: usize,
    /// How many experiments they come from.
    pub experiments: usize,
    /// How many files hold them.
    pub files: usize,
    /// How many of the frames an earlier run had written.
    pub kept_frames: usize,
}

/// Reads a configuration of a simulation, as `simulation.json` of a data set.
///
/// # Errors
/// If the file cannot be read or is no such configuration; a key that does not exist is named.
pub fn read_simulation(path: &Path) -> Result<SimulationConfig> {
    let text = fs::read_to_string(path).map_err(|error| Error::from(error).in_file(path))?;
    serde_json::from_str(&text).map_err(|error| {
        Error::new(ErrorKind::Malformed, error.to_string())
            .with_source(error)
            .in_file(path)
    })
}

/// Simulates a data set into `folder`; what an earlier run of the same configuration has written is
/// kept.
///
/// # Errors
/// If the configuration is not valid, the folder holds a data set of another configuration (the key is
/// named), a file cannot be written, or the work is stopped.
pub fn simulate(
    config: &DatasetConfig,
    folder: &Path,
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<Summary> {
    let options = options(config.format)?;
    let source = Simulation::new(config.simulation.clone())?;
    claim(config, folder)?;
    let experiments = experiments(&source, config.format);
    let files: Vec<Planned<'_>> = experiments.iter().flat_map(Experiment::files).collect();
    let job = Job {
        source: &source,
        folder,
        config,
        options,
    };

    let columns = [&COLUMNS[..], &config.tags.names()].concat();
    let labels = Table::new(folder.join(labels::FILE_NAME), Some(csv_line(&columns)?));
    let truths = Table::new(folder.join("truth.jsonl"), None);
    let rows = labels.rows()?.min(truths.rows()?);
    let mut known = 0;
    let mut first_unknown = 0;
    for file in &files {
        if known + file.frames.len() > rows {
            break;
        }
        known += file.frames.len();
        first_unknown += 1;
    }
    for table in [&labels, &truths] {
        table.cut(known)?;
    }
    let (before, behind) = files.split_at(first_unknown);
    let gone: Vec<Planned<'_>> = before
        .iter()
        .filter(|file| !folder.join(file.path(config.format)).is_file())
        .copied()
        .collect();

    let total = source.len();
    let left = |files: &[Planned<'_>]| files.iter().map(|file| file.frames.len()).sum::<usize>();
    let kept_frames = total - left(&gone) - left(behind);
    if kept_frames > 0 {
        observer(Progress::Note(format!(
            "{kept_frames} of {total} frames are there already"
        )));
    }
    observer(Progress::Stage {
        name: "simulating".into(),
        total: total - kept_frames,
    });
    if kept_frames < total {
        sweep(folder, gone.iter().chain(behind))?;
    }
    job.run(&gone, observer, stop, &mut |_| Ok(()))?;
    job.run(behind, observer, stop, &mut |rows| {
        truths.append(&rows.truths)?;
        labels.append(&rows.labels)
    })?;
    for table in [&labels, &truths] {
        table.finish()?;
    }
    Ok(Summary {
        frames: total,
        experiments: experiments.len(),
        files: files.len(),
        kept_frames,
    })
}

/// What every table of labels begins with.
const COLUMNS: [&str; 5] = ["path", "frame", "class", "group", "detector"];

fn options(format: Format) -> Result<WriteOptions> {
    match format {
        Format::Cbf | Format::Edf | Format::Tiff => Ok(WriteOptions {
            dtype: WriteDtype::I32,
            ..WriteOptions::default()
        }),
        Format::Nexus => Ok(WriteOptions {
            dtype: WriteDtype::U32,
            compression: Compression::BitshuffleLz4,
        }),
        other => Err(invalid(format!(
            "a data set is written as NeXus HDF5, CBF, EDF or TIFF, got {other}"
        ))),
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidArgument, message)
}

/// Writes down what is simulated here, or checks that it is the same.
fn claim(config: &DatasetConfig, folder: &Path) -> Result<()> {
    let failed = |error: serde_json::Error| Error::new(ErrorKind::Other, error.to_string());
    fs::create_dir_all(folder).map_err(|error| Error::from(error).in_file(folder))?;
    let how = json!({
        "format": config.format.extension(),
        "tags": config.tags,
        "version": env!("CARGO_PKG_VERSION"),
    });
    let what = serde_json::to_string_pretty(&config.simulation).map_err(failed)?;
    let how = serde_json::to_string_pretty(&how).map_err(failed)?;
    let texts = [("dataset.json", how), ("simulation.json", what)];
    let mut missing = Vec::new();
    for (name, text) in &texts {
        let path = folder.join(name);
        match fs::read_to_string(&path) {
            Ok(found) => compare(text, &found).map_err(|error| error.in_file(path))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                missing.push((path, text));
            }
            Err(error) => return Err(Error::from(error).in_file(path)),
        }
    }
    missing
        .into_iter()
        .try_for_each(|(path, text)| xscatter_io::write::write_whole(&path, text.as_bytes()))
}

/// Refuses a configuration that is not the one of the folder, by the first key that differs.
fn compare(asked: &str, found: &str) -> Result<()> {
    let parsed = |text: &str| {
        serde_json::from_str::<Value>(text)
            .map_err(|error| Error::new(ErrorKind::Malformed, error.to_string()))
    };
    match difference("", &parsed(asked)?, &parsed(found)?) {
        None => Ok(()),
        Some((key, asked, found)) => Err(invalid(format!(
            "this folder holds a data set with {key} = {found}, asked for is {asked}; \
             choose another folder or remove this one"
        ))
        .at(format!("key {key}"))),
    }
}

/// The first key whose values differ, with both values.
fn difference(key: &str, asked: &Value, found: &Value) -> Option<(String, String, String)> {
    let below = |name: &str| match key {
        "" => name.to_owned(),
        key => format!("{key}.{name}"),
    };
    match (asked, found) {
        (Value::Object(asked), Value::Object(found)) => {
            let names = asked
                .keys()
                .chain(found.keys().filter(|name| !asked.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let of = |object: &serde_json::Map<String, Value>| {
                    object.get(name).cloned().unwrap_or_default()
                };
                difference(&below(name), &of(asked), &of(found))
            })
        }
        (Value::Array(asked), Value::Array(found)) if asked.len() == found.len() => {
            let mut pairs = asked.iter().zip(found).enumerate();
            pairs.find_map(|(index, (asked, found))| {
                difference(&below(&index.to_string()), asked, found)
            })
        }
        _ => (asked != found).then(|| (key.to_owned(), asked.to_string(), found.to_string())),
    }
}

/// An experiment with its frames.
#[derive(Debug)]
struct Experiment {
    origin: Origin,
    frames: Vec<usize>,
    frames_per_file: usize,
    /// At most.
    bytes_per_frame: usize,
}

/// A file of an experiment.
#[derive(Debug, Clone, Copy)]
struct Planned<'a> {
    experiment: &'a Experiment,
    number: usize,
    frames: &'a [usize],
}

impl Experiment {
    fn files(&self) -> impl Iterator<Item = Planned<'_>> {
        self.frames
            .chunks(self.frames_per_file)
            .enumerate()
            .map(|(number, frames)| Planned {
                experiment: self,
                number,
                frames,
            })
    }
}

impl Planned<'_> {
    /// Relative to the data set, with `/` between folders.
    fn path(&self, format: Format) -> String {
        let experiment = &self.experiment.origin.experiment;
        let name = format!("{experiment}_{:05}.{}", self.number, format.extension());
        if format == Format::Nexus {
            name
        } else {
            format!("{experiment}/{name}")
        }
    }

    fn bytes(&self) -> usize {
        self.frames.len() * self.experiment.bytes_per_frame
    }
}

/// All experiments, in the order in which they begin.
fn experiments(source: &Simulation, format: Format) -> Vec<Experiment> {
    let mut experiments: Vec<Experiment> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for index in 0..source.len() {
        let origin = source.origin(index);
        if let Some(&place) = places.get(&origin.experiment) {
            experiments[place].frames.push(index);
            continue;
        }
        places.insert(origin.experiment.clone(), experiments.len());
        let bytes_per_frame = bytes_per_frame(source.config(), &origin.detector);
        experiments.push(Experiment {
            origin,
            frames: vec![index],
            frames_per_file: match format {
                Format::Nexus => (WINDOW_BYTES / bytes_per_frame).clamp(1, FRAMES_PER_FILE),
                _ => 1,
            },
            bytes_per_frame,
        });
    }
    experiments
}

/// At most so many bytes do the pixels of a frame take in memory.
fn bytes_per_frame(config: &SimulationConfig, detector: &str) -> usize {
    let pixels = match Detector::by_name(detector) {
        Some(detector) => detector.shape.0 * detector.shape.1,
        None => config
            .detectors
            .iter()
            .filter_map(|choice| match choice {
                DetectorChoice::Named(_) => None,
                DetectorChoice::Conceptual(conceptual) => Some(conceptual.side_px.pow(2)),
            })
            .max()
            .unwrap_or(1),
    };
    pixels * size_of::<f32>()
}

/// What a run that was killed has left under temporary names goes.
fn sweep<'a, 'b: 'a>(folder: &Path, files: impl Iterator<Item = &'a Planned<'b>>) -> Result<()> {
    let mut names: Vec<&str> = files
        .map(|file| file.experiment.origin.experiment.as_str())
        .collect();
    names.dedup();
    let folders = names.into_iter().map(|name| folder.join(name));
    for folder in std::iter::once(folder.to_path_buf()).chain(folders) {
        if !folder.is_dir() {
            continue;
        }
        let failed = |error: std::io::Error| Error::from(error).in_file(&folder);
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            let text = name.to_string_lossy();
            if text.starts_with('.') && text.ends_with(".tmp") {
                fs::remove_file(folder.join(&name)).map_err(failed)?;
            }
        }
    }
    Ok(())
}

/// The lines of some frames.
#[derive(Debug, Default)]
struct Rows {
    labels: Vec<u8>,
    truths: Vec<u8>,
}

/// Simulated frames with what is true of them.
type Exposed = Vec<(Frame, Truth)>;

/// What all files of a run have in common.
struct Job<'a> {
    source: &'a Simulation,
    folder: &'a Path,
    config: &'a DatasetConfig,
    options: WriteOptions,
}

impl Job<'_> {
    /// Simulates one window while the one before is written; `done` gets the lines of each in order.
    fn run(
        &self,
        files: &[Planned<'_>],
        observer: &mut Observer<'_>,
        stop: &StopToken,
        done: &mut dyn FnMut(Rows) -> Result<()>,
    ) -> Result<()> {
        let mut windows = windows(files).into_iter();
        let mut exposed = match windows.next() {
            Some(window) => Some((window, self.expose(window)?)),
            None => None,
        };
        while let Some((window, frames)) = exposed.take() {
            stop.check()?;
            let following = windows.next();
            let (rows, next) = rayon::join(
                || self.store(window, frames),
                || following.map(|window| (window, self.expose(window))),
            );
            done(rows?)?;
            observer(Progress::Advance(
                window.iter().map(|file| file.frames.len()).sum(),
            ));
            exposed = match next {
                Some((window, frames)) => Some((window, frames?)),
                None => None,
            };
        }
        Ok(())
    }

    fn expose(&self, window: &[Planned<'_>]) -> Result<Exposed> {
        let indices: Vec<usize> = window
            .iter()
            .flat_map(|file| file.frames.iter().copied())
            .collect();
        self.source.read_many_with_truth(&indices)
    }

    /// Writes the files of a window.
    fn store(&self, window: &[Planned<'_>], exposed: Exposed) -> Result<Rows> {
        let mut exposed = exposed.into_iter();
        let jobs: Vec<(&Planned<'_>, Exposed)> = window
            .iter()
            .map(|file| (file, exposed.by_ref().take(file.frames.len()).collect()))
            .collect();
        let rows: Result<Vec<Rows>> = jobs
            .into_par_iter()
            .map(|(file, exposed)| self.write(file, exposed))
            .collect();
        let mut all = Rows::default();
        for rows in rows? {
            all.labels.extend(rows.labels);
            all.truths.extend(rows.truths);
        }
        Ok(all)
    }

    fn write(&self, file: &Planned<'_>, exposed: Exposed) -> Result<Rows> {
        let relative = file.path(self.config.format);
        let path = self.folder.join(&relative);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::from(error).in_file(parent))?;
        }
        let (frames, truths): (Vec<Frame>, Vec<Truth>) = exposed.into_iter().unzip();
        write(&path, self.config.format, &frames, &self.options)?;
        let mut rows = Rows::default();
        for (place, truth) in truths.iter().enumerate() {
            let (class, place) = (truth.technique.name(), place.to_string());
            let known: [&str; 5] = [&relative, &place, class, &truth.experiment, &truth.detector];
            let states: Vec<&str> = truth
                .tags(self.config.tags)
                .into_iter()
                .map(digit)
                .collect();
            let fields = [&known[..], &states[..]].concat();
            rows.labels.extend(csv_line(&fields)?);
            serde_json::to_writer(&mut rows.truths, truth)
                .map_err(|error| Error::new(ErrorKind::Other, error.to_string()))?;
            rows.truths.push(b'\n');
        }
        Ok(rows)
    }
}

/// Files in portions that keep all threads busy and the frames in memory few.
fn windows<'a, 'b>(files: &'a [Planned<'b>]) -> Vec<&'a [Planned<'b>]> {
    let enough = 32 * rayon::current_num_threads();
    let mut windows = Vec::new();
    let (mut start, mut frames, mut bytes) = (0, 0, 0);
    for (place, file) in files.iter().enumerate() {
        frames += file.frames.len();
        bytes += file.bytes();
        if frames >= enough || bytes >= WINDOW_BYTES {
            windows.push(&files[start..=place]);
            (start, frames, bytes) = (place + 1, 0, 0);
        }
    }
    if start < files.len() {
        windows.push(&files[start..]);
    }
    windows
}

fn digit(state: TagState) -> &'static str {
    match state {
        TagState::Positive => "1",
        TagState::Negative => "0",
        TagState::Unknown => "",
    }
}

fn csv_line(fields: &[&str]) -> Result<Vec<u8>> {
    let failed = |error: &dyn std::fmt::Display| Error::new(ErrorKind::Other, error.to_string());
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(fields)
        .map_err(|error| failed(&error))?;
    writer.into_inner().map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_key_that_differs_is_named() {
        let same = r#"{"seed": 1, "ranges": {"energy_kev": {"low": 5, "high": 20}}}"#;
        assert!(compare(same, same).is_ok());
        for (other, key) in [
            (
                r#"{"seed": 2, "ranges": {"energy_kev": {"low": 5, "high": 20}}}"#,
                "seed",
            ),
            (
                r#"{"seed": 1, "ranges": {"energy_kev": {"low": 5, "high": 21}}}"#,
                "ranges.energy_kev.high",
            ),
            (r#"{"seed": 1}"#, "ranges"),
        ] {
            let error = compare(same, other).unwrap_err();
            assert_eq!(error.place(), Some(&*format!("key {key}")));
        }
        let error = compare(r#"{"a": [1, 2]}"#, r#"{"a": [1, 3]}"#).unwrap_err();
        assert!(error.message().contains("a.1 = 3"), "{error}");
    }

    #[test]
    fn tags_that_nobody_could_tell_are_empty() {
        let states = [TagState::Positive, TagState::Negative, TagState::Unknown];
        assert_eq!(states.map(digit), ["1", "0", ""]);
        assert_eq!(csv_line(&["a, b", "", "1"]).unwrap(), b"\"a, b\",,1\n");
    }
}
