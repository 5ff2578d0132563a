//! Every representation × every family × every first guess, judged on the same folds.
//!
//! Use it to find out which features and which models sort a collection best, and by how much. It
//! names no model and no feature: it takes [`Representation`]s (tables of the same rows), boxed
//! [`Family`]s and [`Metric`]s.
//!
//! - The folds keep groups whole and classes balanced ([`crate::split`]); all trials share them.
//! - A family makes its own preparations (scaling, projection) inside the fit, so they see training
//!   rows alone.
//! - Trials run in parallel, best first guesses first. Their seeds derive from the seed of the study and
//!   from what they are, never from when or where they run: the leaderboard, times aside, is the same bit
//!   for bit for any number of threads.
//! - A trial that fails or panics is an entry with its reason, never the end of the study. A metric that
//!   is not defined on some fold is undefined for the entry, with the reason.
//! - A stop token or a time budget ends the study early with the trials that are done; fits are asked to
//!   end too.
//! - With a journal ([`Study::resume_from`]) a killed study goes on where it was.
//!
//! As many trials run at once as rayon has threads, each on a thread of its own, so that a fit that
//! waits for its own parallel parts never picks up another trial and counts its seconds as its own.
//! Times are wall times on a machine that is busy with the other trials; for undisturbed times run one
//! at a time ([`StudyConfig::parallel_trials`]).
//!
//! Cost: representations × families × portfolio × folds fits.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use xscatter_core::{
    BoxPredictor, Classes, Error, ErrorKind, Family, FeatureTable, Metric, Result, StopToken,
    Target, TrainingSet, seed,
};

use crate::journal::Journal;
use crate::leaderboard::{Entry, Leaderboard, MetricColumn};
use crate::split::{Fold, largest_number_of_folds, stratified_group_k_fold};
use crate::trial::{Outcome, Trial, canonical, fingerprint, fingerprint_classes, trial_seed};

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

/// How a study goes about its work.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyConfig {
    /// How many folds judge each trial.
    pub folds: usize,
    /// Whether fewer folds will do if a class has too few groups; otherwise that is an error.
    pub reduce_folds: bool,
    /// The seed of everything random.
    pub seed: u64,
    /// The name of the metric that ranks.
    pub rank_by: String,
    /// How many first guesses of every family are tried at most.
    pub max_portfolio: usize,
    /// How many trials run at the same time; `None` for as many as rayon has threads.
    pub parallel_trials: Option<NonZeroUsize>,
    /// When to end with what is done.
    pub time_budget: Option<Duration>,
    /// Whether entries keep their out-of-fold scores (4 bytes a row and class), as an ensemble needs.
    pub keep_predictions: bool,
}

impl Default for StudyConfig {
    fn default() -> Self {
        Self {
            folds: 5,
            reduce_folds: false,
            seed: 0,
            rank_by: "f1-macro".into(),
            max_portfolio: 3,
            parallel_trials: None,
            time_budget: None,
            keep_predictions: true,
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
        /// How many trials there will be.
        trials: usize,
        /// How many of them are in the journal already.
        resumed: usize,
    },
    /// A trial is done or has failed; one from the journal counts as done.
    Trial {
        /// How many are done, this one included.
        done: usize,
        /// How many there will be.
        trials: usize,
        /// What came of it.
        entry: &'a Entry,
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

    /// Keeps a journal of finished trials in this file and skips those that it holds already.
    ///
    /// Trials are recognised by the table, the truth, the family, the parameters, the folds, the seed
    /// and the version of this crate, so a journal never answers for another study. A line torn by a
    /// kill is dropped. Writing to one journal from two processes at once is not supported.
    pub fn resume_from(mut self, journal: impl Into<PathBuf>) -> Self {
        self.journal = Some(journal.into());
        self
    }

    /// The configuration.
    pub fn config(&self) -> &StudyConfig {
        &self.config
    }

    /// Fits and judges every trial.
    ///
    /// The observer is called on the calling thread, in the order in which trials end, which differs
    /// from run to run. Trials that have ended wait for it, so it should return soon.
    ///
    /// # Errors
    /// If there is no representation, names repeat, rows differ between representations or from the
    /// target, the target is not one of classes, the rows cannot be split
    /// ([`SplitError`](crate::split::SplitError)), or the journal cannot be read or written. Failing
    /// trials are not errors.
    pub fn run(
        &self,
        representations: &[Representation],
        target: &Target,
        observer: &mut Observer<'_>,
        stop: &StopToken,
    ) -> Result<Leaderboard> {
        // A budget beyond the end of time is none.
        let deadline = self
            .config
            .time_budget
            .and_then(|budget| Instant::now().checked_add(budget));
        let stop = deadline.map_or_else(|| stop.clone(), |deadline| stop.with_deadline(deadline));
        let classes = target.classes()?;
        let groups = check_representations(representations, target)?;
        let folds = self.split(classes, groups)?;
        let trials = self.plan(representations, classes, folds.len())?;
        let (known, journal) = match &self.journal {
            Some(path) => {
                let (known, journal) = Journal::open(path, target.len(), classes.n_classes())?;
                (known, Some(journal))
            }
            None => (HashMap::new(), None),
        };
        observer(&Event::Started {
            trials: trials.len(),
            resumed: trials
                .iter()
                .filter(|trial| known.contains_key(&trial.key))
                .count(),
        });
        let work = Work {
            study: self,
            trials: &trials,
            target,
            folds: &folds,
            known: &known,
            stop: &stop,
            next: AtomicUsize::new(0),
            give_up: AtomicBool::new(false),
        };
        let entries = work.spread(journal, observer)?;
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
            planned: trials.len(),
            entries,
        };
        leaderboard.rank();
        Ok(leaderboard)
    }

    /// The model of an entry, fitted on all rows of its representation.
    ///
    /// # Errors
    /// If the study has no family of that name, or the fit fails.
    pub fn refit(
        &self,
        entry: &Entry,
        table: &FeatureTable,
        target: &Target,
        stop: &StopToken,
    ) -> Result<BoxPredictor> {
        let family = self
            .families
            .iter()
            .find(|family| family.name() == &*entry.family)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("the study has no family named {:?}", entry.family),
                )
            })?;
        let train = TrainingSet::new(table.values(), target)?.with_stop(stop.clone());
        family
            .build(&entry.params, self.refit_seed(entry))?
            .fit(&train)
    }

    /// The seed with which [`refit`](Self::refit) builds the model of an entry, for those who build it
    /// themselves.
    pub fn refit_seed(&self, entry: &Entry) -> u64 {
        trial_seed(
            self.config.seed,
            &entry.representation,
            &entry.family,
            &entry.params,
        )
    }

    fn split(&self, classes: &Classes, groups: &[Arc<str>]) -> Result<Vec<Fold>> {
        let mut folds = self.config.folds;
        if self.config.reduce_folds {
            folds = folds.min(largest_number_of_folds(classes, groups)?.max(2));
        }
        let seed = seed::derive_named(self.config.seed, "folds");
        Ok(stratified_group_k_fold(classes, groups, folds, seed)?)
    }

    /// All trials: the best guess of every family on every representation, then the second best.
    fn plan<'a>(
        &'a self,
        representations: &'a [Representation],
        classes: &Classes,
        folds: usize,
    ) -> Result<Vec<Trial<'a>>> {
        let truth = fingerprint_classes(classes);
        let tables: Vec<u64> = representations
            .iter()
            .map(|one| fingerprint(&one.table))
            .collect();
        let mut trials = vec![];
        for family in &self.families {
            let guesses = family.portfolio();
            if guesses.is_empty() {
                let message = format!("family {}: expected a first guess, got none", family.name());
                return Err(Error::new(ErrorKind::InvalidArgument, message));
            }
            for (rank, guess) in guesses
                .into_iter()
                .take(self.config.max_portfolio)
                .enumerate()
            {
                // A guess outside the space is kept: its trial will fail and say so.
                let params = family.space().complete(&guess).unwrap_or(guess);
                for (one, table) in representations.iter().zip(&tables) {
                    let seed = trial_seed(self.config.seed, &one.name, family.name(), &params);
                    let key = [*table, truth, self.config.seed, folds as u64]
                        .into_iter()
                        .fold(0, seed::derive);
                    let key = [
                        &*one.name,
                        family.name(),
                        &canonical(&params),
                        env!("CARGO_PKG_VERSION"),
                    ]
                    .into_iter()
                    .fold(key, seed::derive_named);
                    let trial = Trial {
                        representation: one.name.clone(),
                        table: &one.table,
                        family,
                        params: params.clone(),
                        seed,
                        key,
                    };
                    trials.push((rank, trial));
                }
            }
        }
        trials.sort_by_key(|(rank, _)| *rank);
        Ok(trials.into_iter().map(|(_, trial)| trial).collect())
    }
}

/// What the threads of a running study share.
struct Work<'a> {
    study: &'a Study,
    trials: &'a [Trial<'a>],
    target: &'a Target,
    folds: &'a [Fold],
    /// What a journal holds already.
    known: &'a HashMap<u64, Outcome>,
    stop: &'a StopToken,
    /// The trial to begin next.
    next: AtomicUsize,
    /// Whether to begin no more because the journal cannot be written.
    give_up: AtomicBool,
}

/// A trial that has ended.
struct Report {
    position: usize,
    entry: Entry,
    /// Its line for the journal, unless it came from there.
    line: Option<String>,
}

impl Work<'_> {
    /// Makes all trials on several threads; the entries come in the order of the trials.
    fn spread(&self, journal: Option<Journal>, observer: &mut Observer<'_>) -> Result<Vec<Entry>> {
        let threads = self.study.config.parallel_trials;
        let threads = threads.map_or_else(rayon::current_num_threads, NonZeroUsize::get);
        let (sender, receiver) = sync_channel(0);
        thread::scope(|scope| {
            for _ in 0..threads.min(self.trials.len()) {
                let sender = sender.clone();
                scope.spawn(move || self.make_trials(&sender));
            }
            drop(sender);
            self.gather(receiver, journal, observer)
        })
    }

    fn make_trials(&self, sender: &SyncSender<Report>) {
        while !self.give_up.load(Ordering::Relaxed) {
            let position = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(trial) = self.trials.get(position) else {
                return;
            };
            let known = self.known.get(&trial.key);
            let made = known
                .cloned()
                .or_else(|| trial.run(self.target, self.folds, self.stop));
            let Some(outcome) = made else { continue };
            let line = known.is_none().then(|| Journal::line(trial, &outcome));
            let entry = trial.entry(
                outcome,
                self.target,
                self.folds,
                &self.study.metrics,
                self.study.config.keep_predictions,
            );
            let report = Report {
                position,
                entry,
                line,
            };
            // Nobody listens any more if the observer panicked.
            if sender.send(report).is_err() {
                return;
            }
        }
    }

    fn gather(
        &self,
        receiver: Receiver<Report>,
        mut journal: Option<Journal>,
        observer: &mut Observer<'_>,
    ) -> Result<Vec<Entry>> {
        /// How long a pool has to wait for this thread, should it be one of the pool's.
        const POLL: Duration = Duration::from_millis(2);
        let mut entries: Vec<Option<Entry>> = self.trials.iter().map(|_| None).collect();
        let mut done = 0;
        loop {
            let report = match receiver.recv_timeout(POLL) {
                Ok(report) => report,
                Err(RecvTimeoutError::Timeout) => {
                    // If the study was started on a thread of a rayon pool, the parallel parts of the
                    // fits may need this very thread.
                    while rayon::yield_now() == Some(rayon::Yield::Executed) {}
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let (Some(journal), Some(line)) = (&mut journal, &report.line)
                && let Err(error) = journal.append(line)
            {
                self.give_up.store(true, Ordering::Relaxed);
                return Err(error);
            }
            done += 1;
            observer(&Event::Trial {
                done,
                trials: self.trials.len(),
                entry: &report.entry,
            });
            entries[report.position] = Some(report.entry);
        }
        Ok(entries.into_iter().flatten().collect())
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
