//! Studies on tables, kept in a folder: searched, killed, resumed, divided, joined, and used to predict.
//!
//! | in the folder | is |
//! |---|---|
//! | `study.json` | what was asked: tables, roles of columns, families, configuration |
//! | `journal/` | every finished trial, a file a process; safe against a kill at any moment |
//! | `leaderboard.csv`, `.json`, `.md`, with the feature `parquet` also `.parquet` | all trials, best first |
//! | `report.html` | the same for people, with pictures, in one file |
//! | `model.xsm` | the final model: an ensemble over all representations and families |
//!
//! A study runs in one process ([`StudyFolder::run`]), or in units: [`StudyFolder::run_unit`] makes one in
//! any process on any machine that sees the folder and the tables, as often as one likes, and
//! [`StudyFolder::merge`] joins what is there. With a budget in trials both give the same leaderboard, bit
//! for bit.

#[cfg(feature = "parquet")]
mod board_parquet;
mod report;
mod table;

use std::path::{Path, PathBuf};
use std::time::Instant;

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};
use xscatter_automl::split::judged_rows;
use xscatter_automl::{
    Ensemble, EnsembleConfig, Fit, FoldModels, Leaderboard, Model, Observer, Representation, Study,
    StudyConfig,
};
use xscatter_core::{Error, ErrorKind, Family, Metric, Result, StopToken, Target};
use xscatter_io::write::write_whole;
use xscatter_metrics::LogLoss;

pub use table::Roles;

use crate::catalogue;

const FORMAT: &str = "xscatter-study 1";
const SPEC: &str = "study.json";
const JOURNAL: &str = "journal";
const MODEL: &str = "model.xsm";
const REPORT: &str = "report.html";
/// How many of the best entries may join the final model.
const MOST_CANDIDATES: usize = 400;

/// A table file with the name under which it competes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// The name of the representation.
    pub name: String,
    /// Where the file lies.
    pub path: PathBuf,
}

/// What a study is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudySpec {
    /// Tables of the same rows in the same order, one a representation.
    pub tables: Vec<TableSpec>,
    /// Which columns are no features.
    pub roles: Roles,
    /// The families that compete, by name.
    pub families: Vec<String>,
    /// How the study goes about its work.
    pub config: StudyConfig,
    /// What the models of the final model learn from.
    pub fit: Fit,
    /// Into how many units it is divided; 1 or more.
    pub units: usize,
}

/// As it stands in a file.
#[derive(Serialize, Deserialize)]
struct Written {
    format: String,
    spec: StudySpec,
}

/// What came of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyOutcome {
    /// All trials, best first.
    pub leaderboard: Leaderboard,
    /// The members of the final model as places on the leaderboard with weights, and what they reach;
    /// none if the study is not complete and was only merged, or nothing has a score.
    pub ensemble: Option<Ensemble>,
    /// Seconds from the beginning to the last file.
    pub seconds: f64,
}

/// A study with its folder and its data.
#[allow(missing_debug_implementations, reason = "families need not be Debug")]
pub struct StudyFolder {
    folder: PathBuf,
    spec: StudySpec,
    study: Study,
    representations: Vec<Representation>,
    target: Target,
}

impl StudyFolder {
    /// Makes the folder and writes down what is asked; a folder that holds the same study already is as
    /// good.
    ///
    /// # Errors
    /// If the folder holds another study or cannot be written, a table cannot be read, or the study
    /// cannot be set up.
    pub fn create(folder: &Path, spec: StudySpec) -> Result<Self> {
        let path = folder.join(SPEC);
        let mut spec = spec;
        for table in &mut spec.tables {
            // Another process may start elsewhere.
            table.path = std::path::absolute(&table.path)
                .map_err(|error| Error::from(error).in_file(&table.path))?;
        }
        if path.exists() {
            if read_spec(&path)? != spec {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    "the folder holds another study: resume it, or choose another folder",
                )
                .in_file(path));
            }
            return Self::with(folder, spec);
        }
        let study = Self::with(folder, spec)?;
        std::fs::create_dir_all(folder).map_err(|error| Error::from(error).in_file(folder))?;
        let written = Written {
            format: FORMAT.into(),
            spec: study.spec.clone(),
        };
        let text = serde_json::to_string_pretty(&written)
            .map_err(|error| Error::new(ErrorKind::Other, error.to_string()))?;
        write_whole(&path, format!("{text}\n").as_bytes())?;
        Ok(study)
    }

    /// Opens a folder that a study was made in.
    ///
    /// # Errors
    /// If the folder holds no study, or as [`create`](Self::create).
    pub fn open(folder: &Path) -> Result<Self> {
        let spec = read_spec(&folder.join(SPEC))?;
        Self::with(folder, spec)
    }

    fn with(folder: &Path, spec: StudySpec) -> Result<Self> {
        let Some(first) = spec.tables.first() else {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "expected a table, got none",
            ));
        };
        // A wrong name should not wait for the tables.
        families_named(&spec.families, false)?;
        let (table, target) = spec.roles.read(&first.path)?;
        let target = target.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                "expected a column of labels or columns of tags, none is named",
            )
        })?;
        let mut representations = vec![Representation::new(&first.name, table)];
        for more in &spec.tables[1..] {
            let (table, other) = spec.roles.read(&more.path)?;
            if other.as_ref() != Some(&target) {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "expected the same labels in the same order as in {}",
                        first.name
                    ),
                )
                .in_file(&more.path));
            }
            representations.push(Representation::new(&more.name, table));
        }
        let missing = representations
            .iter()
            .any(|one| one.table.values().iter().any(|x| x.is_nan()));
        let families = families_named(&spec.families, missing)?;
        let study = Study::new(families, metrics_of(&target), spec.config.clone())?
            .resume_from(folder.join(JOURNAL));
        Ok(Self {
            folder: folder.to_path_buf(),
            spec,
            study,
            representations,
            target,
        })
    }

    /// What the study in a folder is about, without reading its tables.
    ///
    /// # Errors
    /// If the folder holds no study.
    pub fn read_spec(folder: &Path) -> Result<StudySpec> {
        read_spec(&folder.join(SPEC))
    }

    /// What is asked.
    pub fn spec(&self) -> &StudySpec {
        &self.spec
    }

    /// Searches, joins the best into a model, and writes leaderboard, report and model. What the journal
    /// holds is not made again.
    ///
    /// # Errors
    /// If the rows cannot be split, or a file cannot be read or written.
    pub fn run(&self, observer: &mut Observer<'_>, stop: &StopToken) -> Result<StudyOutcome> {
        let start = Instant::now();
        let (board, kept) =
            self.study
                .run_keeping(&self.representations, &self.target, observer, stop)?;
        self.finish(board, kept, start, stop)
    }

    /// Into how many units the study is divided.
    pub fn units(&self) -> usize {
        self.spec.units
    }

    /// Makes the trials of one unit.
    ///
    /// # Errors
    /// As [`run`](Self::run), and if there is no such unit.
    pub fn run_unit(
        &self,
        unit: usize,
        observer: &mut Observer<'_>,
        stop: &StopToken,
    ) -> Result<Leaderboard> {
        let data = (&self.representations[..], &self.target);
        let unit = (unit, self.spec.units);
        self.study.run_unit(data.0, data.1, unit, observer, stop)
    }

    /// Joins what the journal holds; if all trials are there, makes the model and writes leaderboard,
    /// report and model, else the leaderboard as far as it is known.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn merge(&self, stop: &StopToken) -> Result<StudyOutcome> {
        let start = Instant::now();
        let board = self.study.merge(&self.representations, &self.target)?;
        if board.is_complete() {
            return self.finish(board, FoldModels::default(), start, stop);
        }
        self.write_board(&board, None)?;
        Ok(StudyOutcome {
            leaderboard: board,
            ensemble: None,
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// The leaderboard of what the journal holds; nothing is fitted or written.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn leaderboard(&self) -> Result<Leaderboard> {
        self.study.merge(&self.representations, &self.target)
    }

    /// Writes the report of what the journal holds, into the folder or elsewhere; says where.
    ///
    /// # Errors
    /// If the journal cannot be read or the file cannot be written.
    pub fn report(&self, elsewhere: Option<&Path>) -> Result<PathBuf> {
        let board = self.leaderboard()?;
        let ensemble = self.ensemble(&board)?;
        let path = elsewhere.map_or_else(|| self.folder.join(REPORT), Path::to_path_buf);
        write_whole(&path, self.page(&board, ensemble.as_ref())?.as_bytes())?;
        Ok(path)
    }

    fn finish(
        &self,
        board: Leaderboard,
        mut kept: FoldModels,
        start: Instant,
        stop: &StopToken,
    ) -> Result<StudyOutcome> {
        let ensemble = self.ensemble(&board)?;
        if let Some(ensemble) = &ensemble {
            let model = self.study.finalize(
                (&board, ensemble),
                (&self.representations, &self.target),
                self.spec.fit,
                &mut kept,
                stop,
            )?;
            model.save(self.folder.join(MODEL))?;
        }
        self.write_board(&board, ensemble.as_ref())?;
        Ok(StudyOutcome {
            leaderboard: board,
            ensemble,
            seconds: start.elapsed().as_secs_f64(),
        })
    }

    /// The best ensemble of all entries, by log-loss: that of the final model.
    fn ensemble(&self, board: &Leaderboard) -> Result<Option<Ensemble>> {
        if board.best().is_none() {
            return Ok(None);
        }
        let config = EnsembleConfig::default();
        let groups = self.representations[0].table.groups();
        let judged = judged_rows(&self.study.folds(&self.target, groups)?);
        let truth = self.target.select(&judged);
        let (places, scores): (Vec<usize>, Vec<Array2<f32>>) = board
            .entries
            .iter()
            .enumerate()
            .filter_map(|(place, entry)| {
                let scores = entry.out_of_fold.as_ref()?;
                Some((place, scores.select(Axis(0), &judged)))
            })
            .take(MOST_CANDIDATES)
            .unzip();
        let views: Vec<_> = scores.iter().map(|scores| scores.view()).collect();
        let mut ensemble = Ensemble::select_from(&config, &views, &truth, &LogLoss)?;
        for (member, _) in &mut ensemble.members {
            *member = places[*member];
        }
        Ok(Some(ensemble))
    }

    fn page(&self, board: &Leaderboard, ensemble: Option<&Ensemble>) -> Result<String> {
        let page = report::Page {
            spec: &self.spec,
            representations: &self.representations,
            target: &self.target,
            board,
            ensemble,
        };
        page.html()
    }

    fn write_board(&self, board: &Leaderboard, ensemble: Option<&Ensemble>) -> Result<()> {
        for (name, text) in [
            (REPORT, self.page(board, ensemble)?),
            ("leaderboard.csv", board.to_csv()),
            ("leaderboard.json", board.to_json()),
            ("leaderboard.md", board.to_markdown()),
        ] {
            write_whole(&self.folder.join(name), text.as_bytes())?;
        }
        #[cfg(feature = "parquet")]
        board_parquet::write(&self.folder.join("leaderboard.parquet"), board)?;
        Ok(())
    }
}

/// The final model of the study in this folder.
///
/// # Errors
/// If there is none yet, or it cannot be read.
pub fn load_model(folder: &Path) -> Result<Model> {
    let path = folder.join(MODEL);
    if !path.exists() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "the study has no model yet: run it, or merge its units once all are done",
        )
        .in_file(path));
    }
    let mut families = catalogue::families();
    families.extend(catalogue::published_families());
    let again = catalogue::families()
        .into_iter()
        .chain(catalogue::published_families());
    families.extend(again.map(catalogue::imputing));
    Model::load(path, &families)
}

/// The families of these names, in this order; `published` stands for
/// [`catalogue::published_families`]. With `impute`, those that cannot take missing values fill them in
/// first ([`catalogue::imputing`]).
///
/// # Errors
/// If there is no family of a name, or one is named twice.
pub fn families_named(names: &[String], impute: bool) -> Result<Vec<Box<dyn Family>>> {
    let mut all = catalogue::families();
    let mut chosen = vec![];
    for name in names {
        if name == "published" {
            chosen.extend(catalogue::published_families());
            continue;
        }
        let Some(place) = all.iter().position(|family| family.name() == name) else {
            let known = catalogue::families();
            let known: Vec<&str> = known.iter().map(Family::name).collect();
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "expected families among {}, published, each once, got {name:?}",
                    known.join(", ")
                ),
            ));
        };
        chosen.push(all.swap_remove(place));
    }
    if impute {
        chosen = chosen.into_iter().map(catalogue::imputing).collect();
    }
    Ok(chosen)
}

/// The metrics of a study of this target.
pub fn metrics_of(target: &Target) -> Vec<Box<dyn Metric>> {
    match target {
        Target::Tags(_) => xscatter_metrics::tags(),
        _ => catalogue::metrics(),
    }
}

fn read_spec(path: &Path) -> Result<StudySpec> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let error = Error::from(error).in_file(path);
        if missing {
            return Error::new(ErrorKind::InvalidArgument, "expected the folder of a study")
                .in_file(path)
                .with_source(error);
        }
        error
    })?;
    let malformed = |message: String| Error::new(ErrorKind::Malformed, message).in_file(path);
    let written: Written =
        serde_json::from_str(&text).map_err(|error| malformed(error.to_string()))?;
    if written.format != FORMAT {
        return Err(malformed(format!(
            "expected {FORMAT:?}, got {:?}",
            written.format
        )));
    }
    Ok(written.spec)
}
