//! The cells of a study, worked on by several threads.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use xscatter_core::{BoxPredictor, Family, FeatureTable, Goal, Params, Result, StopToken, seed};

use crate::cell::{Cell, Dropped, Step, Verdict};
use crate::journal::Journal;
use crate::leaderboard::{Entry, Summary};
use crate::memory::resident_bytes;
use crate::models::FoldModels;
use crate::study::{Event, Observer};
use crate::trial::{Effort, Judge, Outcome, Trial, canonical, trial_seed};

/// A cell with what its trials are made of.
pub(crate) struct PlannedCell<'a> {
    pub(crate) representation: Arc<str>,
    pub(crate) table: &'a FeatureTable,
    pub(crate) family: &'a dyn Family,
    pub(crate) study_seed: u64,
    /// Names the study, the table and the family.
    pub(crate) key: u64,
    /// Names the rule of the race and the metric that decides.
    pub(crate) rule: u64,
    pub(crate) cell: Cell<'a>,
}

impl<'a> PlannedCell<'a> {
    fn trial(&self, params: &Params, effort: Effort) -> Trial<'a> {
        let key = seed::derive_named(self.key, &canonical(params));
        let special = seed::derive(key, self.rule);
        Trial {
            representation: self.representation.clone(),
            table: self.table,
            family: self.family,
            params: params.clone(),
            seed: trial_seed(
                self.study_seed,
                &self.representation,
                self.family.name(),
                params,
            ),
            key,
            early_key: match &effort {
                Effort::Folds { bounds } => {
                    let key = seed::derive_named(special, "race");
                    let bounds = bounds.iter().flat_map(|bounds| bounds.iter());
                    bounds.fold(key, |key, bound| seed::derive(key, bound.to_bits()))
                }
                Effort::Probe { share } => {
                    seed::derive(seed::derive_named(special, "probe"), share.to_bits())
                }
            },
            effort,
        }
    }
}

/// What all threads know.
pub(crate) struct Work<'a> {
    pub(crate) judge: &'a Judge<'a>,
    /// What a journal holds already.
    pub(crate) known: &'a HashMap<u64, Outcome>,
    /// Whether nothing else is to be made.
    pub(crate) known_alone: bool,
    /// How many trials run at once.
    pub(crate) parallel: Option<NonZeroUsize>,
    pub(crate) memory_budget: Option<u64>,
    /// Of how many entries to keep the models.
    pub(crate) keep: usize,
    pub(crate) stop: &'a StopToken,
}

/// What came of a study.
pub(crate) struct Done {
    pub(crate) entries: Vec<Entry>,
    /// How many trials were not made.
    pub(crate) left: usize,
    pub(crate) models: FoldModels,
}

/// The cells, some of which are being worked on.
struct Desk<'a> {
    cells: Vec<(PlannedCell<'a>, State)>,
    busy: usize,
    /// Why nothing more is to begin.
    ending: Option<&'static str>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Idle,
    Busy,
    Over,
}

/// A trial that has begun.
struct Begun<'a> {
    place: usize,
    step: Step,
    trial: Trial<'a>,
    /// What the cell has given up meanwhile.
    dropped: Vec<Entry>,
}

/// A trial that has ended.
struct Report {
    entry: Entry,
    /// Its line for the journal, unless it came from there.
    line: Option<String>,
    /// Probes are not seen: what falls out in them is reported later.
    seen: bool,
}

impl<'a> Work<'a> {
    /// Makes the trials of all cells on several threads.
    pub(crate) fn spread(
        &self,
        cells: Vec<PlannedCell<'a>>,
        journal: Option<Journal>,
        observer: &mut Observer<'_>,
    ) -> Result<Done> {
        let trials = cells.iter().try_fold(0_usize, |sum, planned| {
            planned.cell.is_bounded().then(|| sum + planned.cell.left())
        });
        observer(&Event::Started {
            trials,
            resumed: self.known.len(),
        });
        let threads = self
            .parallel
            .map_or_else(rayon::current_num_threads, NonZeroUsize::get);
        let desk = Mutex::new(Desk {
            cells: cells.into_iter().map(|cell| (cell, State::Idle)).collect(),
            busy: 0,
            ending: None,
        });
        let models = Mutex::new(FoldModels::new(self.keep));
        let changed = Condvar::new();
        let (sender, receiver) = sync_channel(0);
        let gathered = thread::scope(|scope| {
            for _ in 0..threads {
                let (sender, desk, changed, models) = (sender.clone(), &desk, &changed, &models);
                scope.spawn(move || self.make_trials(desk, changed, models, &sender));
            }
            drop(sender);
            let gathered = self.gather(receiver, trials, journal, observer);
            if gathered.is_err() {
                lock(&desk).ending = Some("the journal cannot be written");
            }
            gathered
        });
        let entries = gathered?;
        let desk = desk.into_inner().unwrap_or_else(PoisonError::into_inner);
        let left = desk
            .cells
            .iter()
            .map(|(planned, _)| planned.cell.left())
            .sum();
        if let (Some(reason), true) = (desk.ending, left > 0) {
            observer(&Event::Ending { reason });
        }
        Ok(Done {
            entries,
            left,
            models: models.into_inner().unwrap_or_else(PoisonError::into_inner),
        })
    }

    fn make_trials(
        &self,
        desk: &Mutex<Desk<'a>>,
        changed: &Condvar,
        models: &Mutex<FoldModels>,
        sender: &SyncSender<Report>,
    ) {
        while let Some(begun) = self.begin(desk, changed, models) {
            let Begun {
                place,
                step,
                trial,
                dropped,
            } = begun;
            let mut reports: Vec<Report> = dropped
                .into_iter()
                .map(|entry| Report {
                    entry,
                    line: None,
                    seen: true,
                })
                .collect();
            let made = self.make(&trial);
            let verdict = made.map(|(outcome, fold_models, is_new)| {
                let line = is_new.then(|| Journal::line(&trial, &outcome));
                let seen = matches!(step.effort, Effort::Folds { .. });
                let verdict_of_effort = match outcome {
                    Outcome::Raced { mean, .. } => Verdict::Estimate(Some(mean)),
                    Outcome::Probed(value) => Verdict::Estimate(value),
                    Outcome::Predicted { .. } | Outcome::Failed(_) => Verdict::None,
                };
                let entry = trial.entry(outcome, self.judge);
                let rank_by = self.judge.rank_by;
                let verdict = match entry.scores.get(rank_by) {
                    Some(Summary::Value { mean, folds, .. }) => {
                        let goal = self.judge.metrics[rank_by].goal();
                        lock(models).offer(entry.key, *mean, goal, fold_models);
                        Verdict::Folds(folds.clone())
                    }
                    _ => verdict_of_effort,
                };
                reports.push(Report { entry, line, seen });
                verdict
            });
            let mut at_desk = lock(desk);
            at_desk.busy -= 1;
            let (planned, state) = &mut at_desk.cells[place];
            if let Some(verdict) = verdict {
                planned.cell.tell(step, &verdict);
                *state = State::Idle;
            } else {
                // Stopped, or not known: the cell cannot go on without it.
                planned.cell.give_back(step);
                *state = State::Over;
            }
            drop(at_desk);
            changed.notify_all();
            for report in reports {
                // Nobody listens any more if the observer panicked.
                if sender.send(report).is_err() {
                    return;
                }
            }
        }
    }

    /// Takes the next step of the cell that deserves it most; waits while all cells are busy.
    fn begin(
        &self,
        desk: &Mutex<Desk<'a>>,
        changed: &Condvar,
        models: &Mutex<FoldModels>,
    ) -> Option<Begun<'a>> {
        let goal = self.judge.metrics[self.judge.rank_by].goal();
        let mut at_desk = lock(desk);
        loop {
            if at_desk.ending.is_none() && self.stop.is_stopped() {
                at_desk.ending = Some("stopped on request or at the end of its time");
            }
            if at_desk.ending.is_some() {
                return None;
            }
            if self.memory_is_short(models) {
                if at_desk.busy == 0 {
                    at_desk.ending = Some("the memory budget is used up");
                    return None;
                }
            } else if let Some(place) = at_desk.choose(goal) {
                let (planned, state) = &mut at_desk.cells[place];
                let next = planned.cell.next();
                let dropped = planned.cell.take_dropped();
                let dropped = dropped.into_iter().map(|dropped| {
                    let Dropped {
                        params,
                        value,
                        share,
                    } = dropped;
                    let trial = planned.trial(&params, Effort::Probe { share });
                    trial.entry(Outcome::Probed(value), self.judge)
                });
                let dropped: Vec<Entry> = dropped.collect();
                let Some(step) = next else {
                    *state = State::Over;
                    continue;
                };
                let trial = planned.trial(&step.params, step.effort.clone());
                *state = State::Busy;
                at_desk.busy += 1;
                return Some(Begun {
                    place,
                    step,
                    trial,
                    dropped,
                });
            } else if at_desk.busy == 0 {
                return None;
            }
            at_desk = changed
                .wait(at_desk)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the process holds more than it may, even without the models that were kept.
    fn memory_is_short(&self, models: &Mutex<FoldModels>) -> bool {
        let Some(budget) = self.memory_budget else {
            return false;
        };
        let above = || resident_bytes().is_some_and(|bytes| bytes > budget);
        if !above() {
            return false;
        }
        lock(models).clear();
        above()
    }

    /// The outcome of a trial with the models of its folds, and whether it is not from the journal;
    /// `None` if it was stopped or may not be made.
    fn make(&self, trial: &Trial<'_>) -> Option<(Outcome, Vec<BoxPredictor>, bool)> {
        let whole = || self.known.get(&trial.key);
        let early = || self.known.get(&trial.early_key);
        let known = match &trial.effort {
            Effort::Folds { bounds: None } => whole(),
            Effort::Folds { bounds: Some(_) } => early().or_else(whole),
            Effort::Probe { .. } => early(),
        };
        if let Some(outcome) = known {
            return Some((outcome.clone(), vec![], false));
        }
        if self.known_alone {
            return None;
        }
        let mut models = vec![];
        let outcome = trial.run(self.judge, self.stop, &mut models)?;
        if self.keep == 0 {
            models.clear();
        }
        Some((outcome, models, true))
    }

    fn gather(
        &self,
        receiver: Receiver<Report>,
        trials: Option<usize>,
        mut journal: Option<Journal>,
        observer: &mut Observer<'_>,
    ) -> Result<Vec<Entry>> {
        /// How long a pool has to wait for this thread, should it be one of the pool's.
        const POLL: Duration = Duration::from_millis(2);
        let (rank_by, goal) = (
            self.judge.rank_by,
            self.judge.metrics[self.judge.rank_by].goal(),
        );
        let mut entries: Vec<Entry> = vec![];
        let mut best_so_far = None;
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
            if let (Some(journal), Some(line)) = (&mut journal, &report.line) {
                journal.append(line)?;
            }
            if !report.seen {
                continue;
            }
            let value = report.entry.mean(rank_by);
            let best = value.is_some_and(|value| {
                best_so_far.is_none_or(|so_far| match goal {
                    Goal::Maximise => value > so_far,
                    Goal::Minimise => value < so_far,
                })
            });
            if best {
                best_so_far = value;
            }
            observer(&Event::Trial {
                done: entries.len() + 1,
                trials,
                entry: &report.entry,
                best,
            });
            entries.push(report.entry);
        }
        Ok(entries)
    }
}

impl Desk<'_> {
    /// The place of the idle cell to go on with: one that has not begun yet, in the order of the plan;
    /// else the one with the fewest trials for its rank, so that the best cell gets two trials while the
    /// second best gets one.
    fn choose(&self, goal: Goal) -> Option<usize> {
        let loss = |planned: &PlannedCell<'_>| match (planned.cell.best(), goal) {
            (None, _) => f64::INFINITY,
            (Some(value), Goal::Maximise) => -value,
            (Some(value), Goal::Minimise) => value,
        };
        let losses: Vec<f64> = self
            .cells
            .iter()
            .map(|(planned, _)| loss(planned))
            .collect();
        let rank = |place: usize| losses.iter().filter(|&&loss| loss < losses[place]).count();
        let idle = self.cells.iter().enumerate();
        idle.filter(|(_, (_, state))| *state == State::Idle)
            .min_by_key(|(place, (planned, _))| {
                let judged = planned.cell.judged();
                (judged * (1 + rank(*place)), *place)
            })
            .map(|(place, _)| place)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds the lock can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
