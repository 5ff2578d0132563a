//! Every representation × every family of models, searched and judged on the same folds.
//!
//! Use it to find out which features and which models sort or tag a collection best, and by how much.
//! It names no model and no feature: it takes [`Representation`]s (tables of the same rows), boxed
//! [`Family`]s and [`Metric`]s.
//!
//! - The folds keep groups whole and classes or tags balanced ([`crate::split`]); all trials share them.
//! - A family makes its own preparations (scaling, projection) inside the fit, so they see training
//!   rows alone.
//! - Each pair of a representation and a family is a *cell*: it tries the family's first guesses, then
//!   what tree-structured Parzen estimators suggest. A trial whose mean over the first folds is worse than
//!   the cell's best is given up ([`Race`]); suggestions may have to prove themselves on parts of the rows
//!   first ([`Halving`]). What a cell does depends on its own past alone, so with a budget in trials the
//!   leaderboard, times aside, is the same bit for bit for any number of threads and for any division of
//!   the cells among processes ([`Study::run_unit`], [`Study::merge`]).
//! - A trial that fails or panics is an entry with its reason, never the end of the study. A metric that
//!   is not defined on some fold is undefined for the entry, with the reason.
//! - A stop token, a budget of time or of memory ends the study early with the trials that are done; fits
//!   are asked to end too. Under a budget of time better cells get more trials.
//! - With a journal ([`Study::resume_from`]) a killed study goes on where it was.
//!
//! As many trials run at once as rayon has threads, each on a thread of its own, so that a fit that
//! waits for its own parallel parts never picks up another trial and counts its seconds as its own.
//! Times are wall times on a machine that is busy with the other trials; for undisturbed times run one
//! at a time ([`StudyConfig::parallel_trials`]).
//!
//! Cost: representations × families × trials a cell × folds fits at most. Source of the race: Bergman
//! et al. 2024, arXiv:2405.03389.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use xscatter_core::{
    Error, ErrorKind, Family, FeatureTable, Metric, Result, StopToken, Target, seed,
};

use crate::cell::{Cell, Manner};
use crate::journal::Journal;
use crate::leaderboard::{Entry, Leaderboard, MetricColumn};
use crate::models::FoldModels;
use crate::split::{Fold, Split};
use crate::trial::{Judge, fingerprint, fingerprint_folds, fingerprint_target};
use crate::work::{PlannedCell, Work};

/// A feature table with the name under which it competes.
#[derive(Debug, Clone)]
pub struct Representation {
    /// Its name; no two representations of a study share one.
    pub name: Arc<str>,
    /// Its rows; ids and groups are the same in all representations of a study.
    pub table: FeatureTable,
}

impl Representation {
    /// A table under a name.
    pub fn new(name: &str, table: FeatureTable) -> Self {
        Self {
            name: name.into(),
            table,
        }
    }
}

/// When a trial is given up between two folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Race {
    /// Never: every trial sees every fold.
    Off,
    /// Its mean over the folds so far is worse than the worst fold of the best trial of its cell.
    Forgiving,
    /// Its mean over the folds so far is worse than that of the best trial of its cell on the same folds.
    #[default]
    Aggressive,
}

/// Successive halving of suggestions: `eta`ʳ of them learn from the `eta`ʳ-th part of the rows of the
/// first fold, the best of each `eta` from `eta` times as many, and so on; what is left after `rungs` such
/// comparisons sees all folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Halving {
    /// One of how many goes on; 2 or more.
    pub eta: u32,
    /// How many comparisons on parts of the rows; from 1 to 5.
    pub rungs: u32,
}

/// How a study goes about its work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StudyConfig {
    /// How the rows are parted; `None` for the split that suits the target with
    /// [`folds`](Self::folds) folds ([`Split::automatic`]).
    pub split: Option<Split>,
    /// How many folds judge each trial, unless there is a [`split`](Self::split).
    pub folds: usize,
    /// Whether fewer folds will do if a class or tag has too few groups; otherwise that is an error.
    pub reduce_folds: bool,
    /// The seed of everything random.
    pub seed: u64,
    /// The name of the metric that ranks.
    pub rank_by: String,
    /// How many first guesses of every family are tried at most.
    pub max_portfolio: usize,
    /// How many more configurations each family tries on each representation; `None` for as many as time
    /// or [`patience`](Self::patience) allows.
    pub suggestions: Option<usize>,
    /// After how many suggestions without a better one a family is done with a representation.
    pub patience: Option<usize>,
    /// When a trial is given up between two folds.
    pub race: Race,
    /// Whether suggestions have to prove themselves on parts of the rows first.
    pub halving: Option<Halving>,
    /// How many trials run at the same time; `None` for as many as rayon has threads.
    pub parallel_trials: Option<NonZeroUsize>,
    /// When to end with what is done.
    pub time_budget: Option<Duration>,
    /// The longest that one trial may take; beyond it, it has failed.
    pub trial_limit: Option<Duration>,
    /// How much memory, in bytes, the process may hold while trials begin (Linux; elsewhere it is not
    /// known and not limited). Above it models kept for later are dropped, then trials run one at a time,
    /// then the study ends with what is done.
    pub memory_budget: Option<u64>,
    /// Whether entries keep their out-of-fold scores (4 bytes a row and output), as an ensemble needs.
    pub keep_predictions: bool,
    /// Of how many of the best entries the models of the folds are kept in memory, for
    /// [`Study::run_keeping`].
    pub keep_models: usize,
}

impl Default for StudyConfig {
    /// Five folds, three first guesses a family, no suggestions, no race.
    fn default() -> Self {
        Self {
            split: None,
            folds: 5,
            reduce_folds: false,
            seed: 0,
            rank_by: "f1-macro".into(),
            max_portfolio: 3,
            suggestions: Some(0),
            patience: None,
            race: Race::Off,
            halving: None,
            parallel_trials: None,
            time_budget: None,
            trial_limit: None,
            memory_budget: None,
            keep_predictions: true,
            keep_models: 16,
        }
    }
}

/// Why a study could not be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StudyError {
    /// There is nothing to fit.
    #[error("expected a family of models, got none")]
    NoFamily,
    /// Two families or two metrics share a name.
    #[error("two {what} are named {name:?}")]
    Duplicate {
        /// What is named.
        what: &'static str,
        /// The shared name.
        name: String,
    },
    /// The metric that is to rank is not among the metrics.
    #[error("expected to rank by one of {}, got {name:?}", known.join(", "))]
    UnknownMetric {
        /// The name asked for.
        name: String,
        /// The names of the metrics.
        known: Vec<String>,
    },
    /// A cross-validation has at least two folds.
    #[error("expected 2 folds or more, got {0}")]
    TooFewFolds(usize),
    /// No family may try anything.
    #[error("expected a portfolio of 1 or more, got 0")]
    NoPortfolio,
    /// One of so many goes on, so often.
    #[error("expected a halving by 2 or more in 1 to 5 rungs, got by {eta} in {rungs}")]
    Halving {
        /// The factor asked for.
        eta: u32,
        /// The rungs asked for.
        rungs: u32,
    },
    /// A study without an end.
    #[error(
        "expected a number of suggestions, a patience or a time budget, got none: the search would not end"
    )]
    Endless,
}

impl From<StudyError> for Error {
    fn from(error: StudyError) -> Self {
        Self::new(ErrorKind::InvalidArgument, error.to_string())
    }
}

/// What happens in a study, for whoever watches it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The plan is made.
    Started {
        /// How many trials there will be at most, if that is known.
        trials: Option<usize>,
        /// How many outcomes the journal holds already.
        resumed: usize,
    },
    /// A trial is done, was given up or has failed; one from the journal counts too.
    Trial {
        /// How many have ended, this one included.
        done: usize,
        /// How many there will be at most, if that is known.
        trials: Option<usize>,
        /// What came of it.
        entry: &'a Entry,
        /// Whether it is the best so far.
        best: bool,
    },
    /// The study ends before all trials are made.
    Ending {
        /// Why.
        reason: &'a str,
    },
}

/// What [`Study::run`] calls with every [`Event`].
pub type Observer<'a> = dyn FnMut(&Event<'_>) + 'a;

/// A comparison of families of models over representations.
#[allow(
    missing_debug_implementations,
    reason = "families and metrics need not be Debug"
)]
pub struct Study {
    families: Vec<Box<dyn Family>>,
    metrics: Vec<Box<dyn Metric>>,
    config: StudyConfig,
    rank_by: usize,
    journal: Option<PathBuf>,
}

impl Study {
    /// A study of these families, judged by these metrics.
    ///
    /// # Errors
    /// [`StudyError`] if there is no family, names repeat, the metric to rank by is not among the
    /// metrics, there are fewer than two folds or the portfolio is empty.
    pub fn new(
        families: Vec<Box<dyn Family>>,
        metrics: Vec<Box<dyn Metric>>,
        config: StudyConfig,
    ) -> Result<Self, StudyError> {
        if families.is_empty() {
            return Err(StudyError::NoFamily);
        }
        unique("families", families.iter().map(Family::name))?;
        unique("metrics", metrics.iter().map(Metric::name))?;
        if config.folds < 2 {
            return Err(StudyError::TooFewFolds(config.folds));
        }
        if config.max_portfolio == 0 {
            return Err(StudyError::NoPortfolio);
        }
        if let Some(Halving { eta, rungs }) = config.halving
            && (eta < 2 || !(1..=5).contains(&rungs) || eta > 64)
        {
            return Err(StudyError::Halving { eta, rungs });
        }
        let endless = config.suggestions.is_none() && config.patience.is_none();
        if endless && config.time_budget.is_none() {
            return Err(StudyError::Endless);
        }
        let rank_by = metrics
            .iter()
            .position(|metric| metric.name() == config.rank_by)
            .ok_or_else(|| StudyError::UnknownMetric {
                name: config.rank_by.clone(),
                known: metrics
                    .iter()
                    .map(|metric| metric.name().to_owned())
                    .collect(),
            })?;
        Ok(Self {
            families,
            metrics,
            config,
            rank_by,
            journal: None,
        })
    }

    /// Keeps a journal of finished trials in this folder and does not make again what it holds already.
    ///
    /// Trials are recognised by the table, the truth, the family, the parameters, the folds, the seed
    /// and the version of this crate; a journal of other rows, targets, folds or seeds is refused. A
    /// line torn by a kill is passed over. Any number of processes may work with one folder.
    pub fn resume_from(mut self, journal: impl Into<PathBuf>) -> Self {
        self.journal = Some(journal.into());
        self
    }

    /// The configuration.
    pub fn config(&self) -> &StudyConfig {
        &self.config
    }

    /// The families.
    pub fn families(&self) -> &[Box<dyn Family>] {
        &self.families
    }

    /// Fits and judges every trial.
    ///
    /// The observer is called on the calling thread, in the order in which trials end, which differs
    /// from run to run. Trials that have ended wait for it, so it should return soon.
    ///
    /// # Errors
    /// If there is no representation, names repeat, rows differ between representations or from the
    /// target, the target is one of values, the rows cannot be split
    /// ([`SplitError`](crate::split::SplitError)), or the journal cannot be read or written. Failing
    /// trials are not errors.
    pub fn run(
        &self,
        representations: &[Representation],
        target: &Target,
        observer: &mut Observer<'_>,
        stop: &StopToken,
    ) -> Result<Leaderboard> {
        let (board, _) = self.work(representations, target, Part::All, 0, observer, stop)?;
        Ok(board)
    }

    /// As [`run`](Self::run), and keeps the models of the folds of the best entries
    /// ([`StudyConfig::keep_models`]), so that a model can be made of them without fitting again.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn run_keeping(
        &self,
        representations: &[Representation],
        target: &Target,
        observer: &mut Observer<'_>,
        stop: &StopToken,
    ) -> Result<(Leaderboard, FoldModels)> {
        let keep = self.config.keep_models;
        self.work(representations, target, Part::All, keep, observer, stop)
    }

    /// How many units there are at most: a unit is a cell or several, a cell is never divided.
    pub fn cells(&self, representations: usize) -> usize {
        representations * self.families.len()
    }

    /// Makes the trials of unit `unit` of `units` alone: every so-manieth cell. Together the units make
    /// what [`run`](Self::run) does, in any order, in any processes, with one folder as their journal;
    /// [`merge`](Self::merge) joins them. Running a unit again makes nothing twice.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`ErrorKind::InvalidArgument`] if there is no such unit or no journal.
    pub fn run_unit(
        &self,
        representations: &[Representation],
        target: &Target,
        (unit, units): (usize, usize),
        observer: &mut Observer<'_>,
        stop: &StopToken,
    ) -> Result<Leaderboard> {
        let cells = self.cells(representations.len());
        if unit >= units || units > cells {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("expected a unit below {units} and 1 to {cells} units, got unit {unit}"),
            ));
        }
        self.journal_or_error()?;
        let part = Part::Unit { unit, units };
        let (board, _) = self.work(representations, target, part, 0, observer, stop)?;
        Ok(board)
    }

    /// The leaderboard of what the journal holds; nothing is fitted. It is complete if all units are
    /// done.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`ErrorKind::InvalidArgument`] if there is no journal.
    pub fn merge(
        &self,
        representations: &[Representation],
        target: &Target,
    ) -> Result<Leaderboard> {
        self.journal_or_error()?;
        let (observer, stop) = (&mut |_: &Event<'_>| (), &StopToken::new());
        let (board, _) = self.work(representations, target, Part::Known, 0, observer, stop)?;
        Ok(board)
    }

    /// Tries more configurations of the family of an entry on its representation, beside those that are
    /// tried already: a leaderboard of that family and representation alone, the known trials included.
    ///
    /// # Errors
    /// As [`run`](Self::run), and [`ErrorKind::InvalidArgument`] if the study has no such family or
    /// representation.
    pub fn tune(
        &self,
        entry: &Entry,
        suggestions: usize,
        (representations, target): (&[Representation], &Target),
        observer: &mut Observer<'_>,
        stop: &StopToken,
    ) -> Result<(Leaderboard, FoldModels)> {
        let part = Part::Cell {
            representation: &entry.representation,
            family: &entry.family,
            suggestions,
        };
        let keep = self.config.keep_models;
        let (board, kept) = self.work(representations, target, part, keep, observer, stop)?;
        if board.planned == 0 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "expected a family and a representation of the study, got {} on {}",
                    entry.family, entry.representation
                ),
            ));
        }
        Ok((board, kept))
    }

    fn journal_or_error(&self) -> Result<()> {
        if self.journal.is_some() {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidArgument,
            "expected a study with a journal (resume_from), got one without",
        ))
    }

    /// The folds that judge every trial on these rows.
    ///
    /// # Errors
    /// If the rows cannot be split.
    pub fn folds(&self, target: &Target, groups: &[Arc<str>]) -> Result<Vec<Fold>> {
        let automatic = || Split::automatic(target, groups, self.config.folds);
        let mut split = self.config.split.clone().unwrap_or_else(automatic);
        if self.config.reduce_folds {
            split = split.reduced(target, groups)?;
        }
        let seed = seed::derive_named(self.config.seed, "folds");
        Ok(split.folds(target, groups, seed)?)
    }

    fn work(
        &self,
        representations: &[Representation],
        target: &Target,
        part: Part<'_>,
        keep: usize,
        observer: &mut Observer<'_>,
        stop: &StopToken,
    ) -> Result<(Leaderboard, FoldModels)> {
        // A budget beyond the end of time is none. A part of it is left for what comes after the trials.
        let deadline = self
            .config
            .time_budget
            .and_then(|budget| Instant::now().checked_add(budget.mul_f64(1.0 - RESERVE)));
        let stop = deadline.map_or_else(|| stop.clone(), |deadline| stop.with_deadline(deadline));
        let groups = check_representations(representations, target)?;
        let folds = self.folds(target, groups)?;
        let judge = Judge {
            target,
            folds: &folds,
            metrics: &self.metrics,
            rank_by: self.rank_by,
            limit: self.config.trial_limit,
            keep_predictions: self.config.keep_predictions,
        };
        let truth = seed::derive(fingerprint_target(target), fingerprint_folds(&folds));
        let truth = seed::derive(truth, self.config.seed);
        let truth = seed::derive_named(truth, env!("CARGO_PKG_VERSION"));
        let shape = (target.len(), target.names().len());
        let (known, journal) = match &self.journal {
            Some(folder) => {
                let (known, journal) = Journal::open(folder, &part.writer(), truth, shape)?;
                (known, (part != Part::Known).then_some(journal))
            }
            None => Default::default(),
        };
        let cells = self.plan(representations, truth, part)?;
        let work = Work {
            judge: &judge,
            known: &known,
            known_alone: part == Part::Known,
            parallel: self.config.parallel_trials,
            memory_budget: self.config.memory_budget,
            keep,
            stop: &stop,
        };
        let done = work.spread(cells, journal, observer)?;
        let mut leaderboard = Leaderboard {
            metrics: self
                .metrics
                .iter()
                .map(|metric| MetricColumn {
                    name: metric.name().into(),
                    goal: metric.goal(),
                })
                .collect(),
            rank_by: self.rank_by,
            folds: folds.len(),
            seed: self.config.seed,
            planned: done.entries.len() + done.left,
            entries: done.entries,
        };
        leaderboard.rank();
        Ok((leaderboard, done.models))
    }

    /// The cells of the part: every family on every representation.
    fn plan<'a>(
        &'a self,
        representations: &'a [Representation],
        truth: u64,
        part: Part<'_>,
    ) -> Result<Vec<PlannedCell<'a>>> {
        let goal = self.metrics[self.rank_by].goal();
        let manner = Manner {
            goal,
            race: self.config.race,
            halving: self.config.halving,
            patience: self.config.patience,
        };
        let tables: Vec<u64> = representations
            .iter()
            .map(|one| fingerprint(&one.table))
            .collect();
        let mut cells = vec![];
        for family in &self.families {
            let guesses = family.portfolio();
            if guesses.is_empty() {
                let message = format!("family {}: expected a first guess, got none", family.name());
                return Err(Error::new(ErrorKind::InvalidArgument, message));
            }
            let guesses: Vec<_> = guesses
                .into_iter()
                .take(self.config.max_portfolio)
                // A guess outside the space is kept: its trial will fail and say so.
                .map(|guess| family.space().complete(&guess).unwrap_or(guess))
                .collect();
            let suggestions = match part {
                Part::Cell { suggestions, .. } => Some(suggestions),
                _ => self.config.suggestions,
            };
            let quota = match suggestions {
                Some(more) => guesses.len().saturating_add(more),
                None => usize::MAX,
            };
            for (one, table) in representations.iter().zip(&tables) {
                let seed = seed::derive_named(self.config.seed, "suggestions");
                let seed = seed::derive_named(seed, &one.name);
                let seed = seed::derive_named(seed, family.name());
                let key = seed::derive(truth, *table);
                let key = seed::derive_named(key, &one.name);
                cells.push(PlannedCell {
                    representation: one.name.clone(),
                    table: &one.table,
                    family,
                    study_seed: self.config.seed,
                    key: seed::derive_named(key, family.name()),
                    rule: seed::derive_named(self.config.race as u64, &self.config.rank_by),
                    cell: Cell::new(family, guesses.clone(), quota, manner, seed),
                });
            }
        }
        Ok(match part {
            Part::All | Part::Known => cells,
            Part::Cell {
                representation,
                family,
                ..
            } => {
                cells.retain(|cell| {
                    &*cell.representation == representation && cell.family.name() == family
                });
                cells
            }
            Part::Unit { unit, units } => {
                let mine = cells.into_iter().enumerate();
                mine.filter(|(place, _)| place % units == unit)
                    .map(|(_, cell)| cell)
                    .collect()
            }
        })
    }
}

/// The part of a time budget that is left for what comes after the trials.
const RESERVE: f64 = 0.03;

/// Which cells to work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part<'a> {
    All,
    Unit {
        unit: usize,
        units: usize,
    },
    /// All of them, as far as the journal knows their trials.
    Known,
    /// One of them, with so many suggestions.
    Cell {
        representation: &'a str,
        family: &'a str,
        suggestions: usize,
    },
}

impl Part<'_> {
    /// What the name of its file in the journal begins with.
    fn writer(self) -> String {
        match self {
            Self::All | Self::Known => "study".to_owned(),
            Self::Cell { .. } => "tune".to_owned(),
            Self::Unit { unit, units } => format!("unit-{unit}-of-{units}"),
        }
    }
}

fn unique<'a>(what: &'static str, names: impl Iterator<Item = &'a str>) -> Result<(), StudyError> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(StudyError::Duplicate {
            what,
            name: pair[0].to_owned(),
        }),
        None => Ok(()),
    }
}

/// The groups of the rows, once all representations are known to be of the same rows as the target.
fn check_representations<'a>(
    representations: &'a [Representation],
    target: &Target,
) -> Result<&'a [Arc<str>]> {
    let Some(first) = representations.first() else {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "expected a representation, got none",
        ));
    };
    unique(
        "representations",
        representations.iter().map(|one| &*one.name),
    )?;
    for one in representations {
        let name = &one.name;
        if one.table.n_rows() != target.len() {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "representation {name}: expected a row for each of {} targets, got {}",
                    target.len(),
                    one.table.n_rows()
                ),
            ));
        }
        for (what, rows, expected) in [
            ("id", one.table.ids(), first.table.ids()),
            ("group", one.table.groups(), first.table.groups()),
        ] {
            if let Some(row) = (0..rows.len()).find(|&row| rows[row] != expected[row]) {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "representation {name}: row {row} has the {what} {:?}, but {:?} in {}",
                        rows[row], expected[row], first.name
                    ),
                ));
            }
        }
    }
    Ok(first.table.groups())
}
