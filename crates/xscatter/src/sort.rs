//! Sorting frames by technique: train on a labelled archive, rank, keep the best model, apply it.
//!
//! Every step is a call on the crates below; this module only puts them in order.
//!
//! 1. A LeNet learns from the archive's `network` part ([decision 0006]: no row of the table was ever
//!    its training frame).
//! 2. The frames of `train` and `holdout` become one table a representation.
//! 3. The study cross-validates every representation × every family × every metric on `train`.
//! 4. The best one is fitted on all of `train` and judged once, on `holdout`.
//!
//! [decision 0006]: https://github.com/xscatter/xscatter/blob/main/docs/decisions/0006-networks-learn-from-experiments-of-their-own.md

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use xscatter_automl::{Event, Leaderboard, Representation, Study, StudyConfig};
use xscatter_core::seed::derive_named;
use xscatter_core::{
    Error, ErrorKind, Estimator, FeatureTable, FrameSource, Params, Predictor, Result, Score,
    StopToken, Target, TrainingSet,
};
use xscatter_deep::{
    Device, FrameInput, FrameInputConfig, Inputs, LeNetConfig, TrainConfig, TrainedNetwork,
};
use xscatter_learn::{Classifier, FittedClassifier};
use xscatter_metrics::ConfusionMatrix;

use crate::archive::LabelledScan;
use crate::catalogue;
use crate::progress::{Observer, Progress};
use crate::representations::{self, DEEP, HAND_CRAFTED, Recipe};

/// How the sorting model is trained and chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct SortConfig {
    /// The seed of everything that is drawn.
    pub seed: u64,
    /// How many folds; frames of one experiment stay on one side.
    pub folds: usize,
    /// The metric that ranks the leaderboard.
    pub rank_by: String,
    /// How many of each family's first guesses are tried.
    pub guesses: usize,
    /// How many times the network sees each of its frames.
    pub epochs: usize,
}

impl Default for SortConfig {
    fn default() -> Self {
        Self {
            seed: 2026,
            folds: 5,
            rank_by: "log-loss".into(),
            guesses: 1,
            epochs: 15,
        }
    }
}

/// A model that names the technique of a frame.
#[derive(Debug)]
pub struct Sorter {
    recipe: Recipe,
    family: String,
    params: Params,
    classifier: FittedClassifier,
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
    /// The representation that it looks at.
    pub fn representation(&self) -> &'static str {
        self.recipe.name
    }

    /// The family of its model.
    pub fn family(&self) -> &str {
        &self.family
    }

    /// The names of the classes.
    pub fn classes(&self) -> &[Arc<str>] {
        self.classifier.outputs()
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
        let network = self.network.as_ref();
        let parts = self.recipe.parts;
        let extractors: Result<Vec<_>> = parts
            .iter()
            .map(|part| representations::extractor(part, network))
            .collect();
        let prepared = source.with(representations::preparation());
        observer(Progress::Stage {
            name: "sorting".into(),
            total: source.len(),
        });
        let extracted = representations::extract(&prepared, &extractors?, observer, stop)?;
        let parts: Vec<(&str, &FeatureTable)> =
            parts.iter().copied().zip(&extracted.tables).collect();
        let table = representations::assemble(self.recipe, &parts)?;
        let proba = self.classifier.predict_proba(table.values())?;
        let verdicts = proba.rows().into_iter().map(|row| {
            let best = argmax(row.iter().copied());
            Verdict {
                class: self.classes()[best].clone(),
                probability: row[best],
                probabilities: row.to_vec(),
            }
        });
        Ok(Verdicts {
            rows: extracted.kept.into_iter().zip(verdicts).collect(),
            skipped: extracted.skipped,
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
            representation: self.recipe.name.into(),
            family: self.family.clone(),
            params: self.params.clone(),
            network: self.network.is_some(),
            classifier: self.classifier.clone(),
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
        Ok(Self {
            recipe: representations::by_name(&file.representation)
                .map_err(|error| error.in_file(&path))?,
            family: file.family,
            params: file.params,
            classifier: file.classifier,
            network,
        })
    }
}

impl fmt::Display for Sorter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} on {} ({})",
            self.family, self.recipe.name, self.params
        )
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
    representation: String,
    family: String,
    params: Params,
    network: bool,
    classifier: FittedClassifier,
}

/// What training gives: the model, how it was chosen, and how it did where nothing was chosen.
#[derive(Debug)]
pub struct Trained {
    /// The best model, fitted on all training rows.
    pub sorter: Sorter,
    /// Every representation × family, cross-validated.
    pub leaderboard: Leaderboard,
    /// Truth against prediction on the hold-out.
    pub confusion: ConfusionMatrix,
    /// The scores on the hold-out, by name.
    pub holdout_scores: Vec<(String, Score)>,
}

impl Trained {
    /// Writes `leaderboard.{csv,json,md}`, `confusion.svg` and the folder `model`.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub fn save(&self, folder: &Path) -> Result<()> {
        create_folder(folder)?;
        write_file(&folder.join("leaderboard.csv"), &self.leaderboard.to_csv())?;
        write_file(
            &folder.join("leaderboard.json"),
            &self.leaderboard.to_json(),
        )?;
        write_file(
            &folder.join("leaderboard.md"),
            &self.leaderboard.to_markdown(),
        )?;
        let svg = xscatter_metrics::plot::confusion_matrix_svg(
            &self.confusion,
            &format!("Hold-out: {}", self.sorter),
        )?;
        write_file(&folder.join("confusion.svg"), &svg)?;
        self.sorter.save(&folder.join("model"))
    }

    /// The leaderboard, the best model and its hold-out scores, for a person.
    pub fn summary(&self) -> String {
        let scores: Vec<String> = self
            .holdout_scores
            .iter()
            .map(|(name, score)| format!("  {name:<24} {score:.4}"))
            .collect();
        format!(
            "{}\nbest: {}\n\nhold-out (simulated; a detector that training never saw):\n{}\n{}",
            self.leaderboard,
            self.sorter,
            self.confusion,
            scores.join("\n"),
        )
    }
}

/// Trains, ranks, fits the best on all training rows, and judges it on the hold-out.
///
/// # Errors
/// If a part has fewer than two classes or no frame that can be read, a fit of the best model fails,
/// or the work is stopped. Frames that cannot be read are noted and left out.
pub fn train(
    config: &SortConfig,
    network_frames: &LabelledScan,
    train_frames: &LabelledScan,
    holdout_frames: &LabelledScan,
    device: &Device,
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<Trained> {
    for scan in [network_frames, train_frames, holdout_frames] {
        for skipped in scan.skipped() {
            observer(Progress::Note(format!("skipped {}", skipped.error)));
        }
    }
    let network = Arc::new(train_network(
        config,
        network_frames,
        device,
        observer,
        stop,
    )?);
    let rows = describe("describing train", train_frames, &network, observer, stop)?;
    let best = rank(config, &rows, observer, stop)?;
    let holdout = describe(
        "describing holdout",
        holdout_frames,
        &network,
        observer,
        stop,
    )?;

    let recipe = representations::by_name(&best.representation)?;
    let classifier = best.classifier.fit(
        &TrainingSet::new(rows.table(recipe.name).values(), &rows.target)?.with_stop(stop.clone()),
    )?;
    let proba = classifier.predict_proba(holdout.table(recipe.name).values())?;
    let confusion = ConfusionMatrix::from_scores(&holdout.target, proba.view())?;
    let holdout_scores = catalogue::metrics()
        .iter()
        .map(|metric| {
            Ok((
                metric.name().to_owned(),
                metric.evaluate(&holdout.target, proba.view())?,
            ))
        })
        .collect::<Result<_>>()?;
    let needs_network = recipe.parts.contains(&"lenet");
    let sorter = Sorter {
        recipe,
        family: best.family,
        params: best.params,
        classifier,
        network: needs_network.then_some(network),
    };
    Ok(Trained {
        sorter,
        leaderboard: best.leaderboard,
        confusion,
        holdout_scores,
    })
}

fn train_network(
    config: &SortConfig,
    frames: &LabelledScan,
    device: &Device,
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<TrainedNetwork> {
    let network = LeNetConfig::compact(frames.classes().n_classes());
    let size = FrameInputConfig {
        size: network.input_size,
        ..FrameInputConfig::default()
    };
    let input = FrameInput::new(size)
        .map_err(|error| Error::new(ErrorKind::InvalidArgument, error.to_string()))?;
    observer(Progress::Stage {
        name: "reading network frames".into(),
        total: frames.len(),
    });
    let prepared = frames.with(representations::preparation());
    let read =
        representations::in_batches(&prepared, observer, stop, |frames| input.prepare(frames))?;
    note_skipped(frames, &read.skipped, observer);
    let inputs = Inputs::concat(&read.batches)?;
    let classes = frames.classes().select(&read.kept);
    let seed = derive_named(config.seed, "network");
    let training = TrainConfig {
        epochs: config.epochs,
        seed,
        ..TrainConfig::default()
    };
    observer(Progress::Stage {
        name: "training LeNet".into(),
        total: config.epochs,
    });
    xscatter_deep::train(
        &network,
        &inputs,
        &classes,
        &training,
        device,
        &mut |_| observer(Progress::Advance(1)),
        stop,
    )
}

fn note_skipped(frames: &LabelledScan, skipped: &[(usize, Error)], observer: &mut Observer<'_>) {
    for (index, error) in skipped {
        observer(Progress::Note(format!(
            "skipped {}: {error}",
            frames.label(*index).path
        )));
    }
}

/// The tables of all representations over the same frames.
struct Rows {
    tables: Vec<(Recipe, FeatureTable)>,
    target: Target,
}

impl Rows {
    fn table(&self, name: &str) -> &FeatureTable {
        let found = self.tables.iter().find(|(recipe, _)| recipe.name == name);
        &found
            .expect("every representation of the catalogue has been described")
            .1
    }
}

fn describe(
    stage: &str,
    frames: &LabelledScan,
    network: &Arc<TrainedNetwork>,
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<Rows> {
    let parts = ["histogram", "glcm", "radial-profile", "layout", "lenet"];
    let extractors: Result<Vec<_>> = parts
        .iter()
        .map(|part| representations::extractor(part, Some(network)))
        .collect();
    observer(Progress::Stage {
        name: stage.to_owned(),
        total: frames.len(),
    });
    let prepared = frames.with(representations::preparation());
    let extracted = representations::extract(&prepared, &extractors?, observer, stop)?;
    note_skipped(frames, &extracted.skipped, observer);
    let named: Vec<(&str, &FeatureTable)> = parts.iter().copied().zip(&extracted.tables).collect();
    let tables: Result<Vec<_>> = HAND_CRAFTED
        .iter()
        .chain(DEEP)
        .map(|&recipe| Ok((recipe, representations::assemble(recipe, &named)?)))
        .collect();
    Ok(Rows {
        tables: tables?,
        target: Target::Classes(frames.classes().select(&extracted.kept)),
    })
}

/// The winner of the study, ready to be fitted on all rows.
struct Best {
    leaderboard: Leaderboard,
    representation: String,
    family: String,
    params: Params,
    classifier: Classifier,
}

fn rank(
    config: &SortConfig,
    rows: &Rows,
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<Best> {
    let representations: Vec<Representation> = rows
        .tables
        .iter()
        .map(|(recipe, table)| Representation::new(recipe.name, table.clone()))
        .collect();
    let study_config = StudyConfig {
        folds: config.folds,
        seed: derive_named(config.seed, "study"),
        rank_by: config.rank_by.clone(),
        max_portfolio: config.guesses,
        ..StudyConfig::default()
    };
    let study = Study::new(catalogue::families(), catalogue::metrics(), study_config)
        .map_err(|error| Error::new(ErrorKind::InvalidArgument, error.to_string()))?;
    let mut listen = |event: &Event<'_>| match event {
        Event::Started { trials, .. } => {
            observer(Progress::Stage {
                name: "cross-validating".into(),
                total: *trials,
            });
        }
        Event::Trial { .. } => observer(Progress::Advance(1)),
        _ => {}
    };
    let leaderboard = study.run(&representations, &rows.target, &mut listen, stop)?;
    let best = leaderboard.best().ok_or_else(|| {
        Error::new(
            ErrorKind::DegenerateData,
            "expected a trial with a score, every one failed",
        )
    })?;
    let classifier = Classifier::from_params(&best.family, &best.params, study.refit_seed(best))?;
    Ok(Best {
        representation: best.representation.to_string(),
        family: best.family.to_string(),
        params: best.params.clone(),
        classifier,
        leaderboard,
    })
}

/// Files sorted by technique: one row a frame.
#[derive(Debug)]
pub struct SortedFiles {
    /// File, frame in the file, what was found.
    pub rows: Vec<SortedFrame>,
    /// Files and frames that could not be read or described: where, and why.
    pub skipped: Vec<(PathBuf, String)>,
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
            .write_record(["technique", "probability", "path", "frame"])
            .map_err(failed)?;
        for row in &self.rows {
            let path = row.path.display().to_string();
            let probability = format!("{:.4}", row.verdict.probability);
            let frame = row.frame.to_string();
            writer
                .write_record([&*row.verdict.class, &probability, &path, &frame])
                .map_err(failed)?;
        }
        writer
            .flush()
            .map_err(|error| Error::from(error).in_file(&path))
    }
}

impl fmt::Display for SortedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<10} {:>11}  file", "technique", "probability")?;
        for row in &self.rows {
            let Verdict {
                class, probability, ..
            } = &row.verdict;
            write!(f, "{class:<10} {probability:>11.3}  {}", row.path.display())?;
            if row.frame > 0 {
                write!(f, "#{}", row.frame)?;
            }
            writeln!(f)?;
        }
        for (path, error) in &self.skipped {
            writeln!(
                f,
                "{:<10} {:>11}  {} ({})",
                "skipped",
                "",
                path.display(),
                error
            )?;
        }
        Ok(())
    }
}

/// Sorts detector files and folders of them.
///
/// # Errors
/// If no file could be opened at all, or the work is stopped.
pub fn sort_paths<P: AsRef<Path>>(
    sorter: &Sorter,
    paths: &[P],
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
    let verdicts = sorter.sort(&series, observer, stop)?;
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
    let files = series
        .skipped()
        .iter()
        .map(|skipped| (skipped.path.clone(), &skipped.error));
    let skipped = frames
        .chain(files)
        .map(|(path, error)| (path, error.message().to_owned()))
        .collect();
    Ok(SortedFiles { rows, skipped })
}

fn argmax(values: impl Iterator<Item = f32>) -> usize {
    let mut best = (0, f32::NEG_INFINITY);
    for (index, value) in values.enumerate() {
        if value > best.1 {
            best = (index, value);
        }
    }
    best.0
}

fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).map_err(|error| Error::from(error).in_file(folder))
}

fn write_file(path: &Path, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|error| Error::from(error).in_file(path))
}
