//! The verbs of a comparison, one after the other: compare, tune, blend, stack, finalize, predict.
//!
//! Use it in a notebook-like program that looks at each result before it goes on; users of PyCaret know
//! the words. For one long search under a budget use [`Study`] itself.
//!
//! | verb | does |
//! |---|---|
//! | [`new`](Experiment::new) | `setup`: tables, target, families, metrics, folds |
//! | [`compare`](Experiment::compare) | `compare_models`: every family's first guesses on every representation |
//! | [`compare_representations`](Experiment::compare_representations) | the best entry of each representation |
//! | [`tune`](Experiment::tune) | `tune_model`: more configurations; the better one stays the best |
//! | [`blend`](Experiment::blend) | `blend_models`: the mean of entries |
//! | [`select`](Experiment::select) | `automl`: the best ensemble of all entries |
//! | [`stack`](Experiment::stack) | `stack_models`: a model of the scores of entries |
//! | [`finalize`](Experiment::finalize), [`finalize_stack`](Experiment::finalize_stack) | `finalize_model` |
//! | [`Model::predict_proba`], [`save`](Model::save), [`load`](Model::load) | `predict_model`, `save_model`, `load_model` |
//!
//! Entries are named by their places on [`leaderboard`](Experiment::leaderboard), best first; places
//! change when something is tuned.

use ndarray::ArrayView2;
use xscatter_core::{Error, ErrorKind, Family, Metric, Params, Result, StopToken, Target};

use crate::ensemble::{Ensemble, EnsembleConfig};
use crate::finalize::Fit;
use crate::leaderboard::{Entry, Leaderboard};
use crate::model::{Joined, Model};
use crate::models::FoldModels;
use crate::stack::{StackConfig, Stacking};
use crate::study::{Observer, Representation, Study, StudyConfig};

/// Tables with a target, and what has been tried on them.
#[allow(missing_debug_implementations, reason = "families need not be Debug")]
pub struct Experiment {
    study: Study,
    representations: Vec<Representation>,
    target: Target,
    board: Option<Leaderboard>,
    kept: FoldModels,
}

/// A stacked model that is not final yet.
#[allow(missing_debug_implementations, reason = "models need not be Debug")]
pub struct Stack {
    /// The places of its members on the leaderboard.
    pub members: Vec<usize>,
    /// The family of the model of their scores.
    pub family: String,
    /// That model, and how good it is.
    pub stacking: Stacking,
}

impl Experiment {
    /// What is to be compared, on what, by what.
    ///
    /// # Errors
    /// If the study cannot be set up, or the rows cannot be split.
    pub fn new(
        representations: Vec<Representation>,
        target: Target,
        families: Vec<Box<dyn Family>>,
        metrics: Vec<Box<dyn Metric>>,
        config: StudyConfig,
    ) -> Result<Self> {
        let study = Study::new(families, metrics, config)?;
        let groups = representations.first().map(|one| one.table.groups());
        study.folds(&target, groups.unwrap_or_default())?;
        Ok(Self {
            study,
            representations,
            target,
            board: None,
            kept: FoldModels::default(),
        })
    }

    /// All that was tried so far, best first.
    ///
    /// # Errors
    /// If nothing was compared yet.
    pub fn leaderboard(&self) -> Result<&Leaderboard> {
        self.board.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                "expected an experiment that has compared something: call compare first",
            )
        })
    }

    /// Tries every family on every representation as the study's configuration says.
    ///
    /// # Errors
    /// As [`Study::run`].
    pub fn compare(
        &mut self,
        observer: &mut Observer<'_>,
        stop: &StopToken,
    ) -> Result<&Leaderboard> {
        let (board, kept) =
            self.study
                .run_keeping(&self.representations, &self.target, observer, stop)?;
        self.kept = kept;
        Ok(self.board.insert(board))
    }

    /// The best entry of each representation, best first.
    ///
    /// # Errors
    /// If nothing was compared yet.
    pub fn compare_representations(&self) -> Result<Vec<&Entry>> {
        let mut best: Vec<&Entry> = vec![];
        for entry in &self.leaderboard()?.entries {
            let is_new = |one: &&Entry| one.representation != entry.representation;
            if best.iter().all(is_new) {
                best.push(entry);
            }
        }
        Ok(best)
    }

    /// Tries so many more configurations of the family of an entry on its representation; gives the
    /// place of the best of that family and representation, which may still be the old one.
    ///
    /// # Errors
    /// As [`Study::tune`], and if there is no such place.
    pub fn tune(
        &mut self,
        place: usize,
        suggestions: usize,
        observer: &mut Observer<'_>,
        stop: &StopToken,
    ) -> Result<usize> {
        let entry = self.entry(place)?.clone();
        let data = (&self.representations[..], &self.target);
        let (tuned, kept) = self.study.tune(&entry, suggestions, data, observer, stop)?;
        self.kept.join(kept);
        let board = self.board.get_or_insert_with(|| tuned.clone());
        for new in tuned.entries {
            if board.entries.iter().all(|old| old.key != new.key) {
                board.entries.push(new);
                board.planned += 1;
            }
        }
        board.rank();
        let same =
            |one: &Entry| one.representation == entry.representation && one.family == entry.family;
        Ok(board.entries.iter().position(same).unwrap_or(place))
    }

    /// The mean of these entries, all alike.
    ///
    /// # Errors
    /// If there is no such place or no out-of-fold scores, or the metric is not defined on them.
    pub fn blend(&self, places: &[usize], metric: &dyn Metric) -> Result<Ensemble> {
        let mut ensemble = Ensemble::blend(&self.scores(places)?, None, &self.target, metric)?;
        for (member, _) in &mut ensemble.members {
            *member = places[*member];
        }
        Ok(ensemble)
    }

    /// The best ensemble of all entries.
    ///
    /// # Errors
    /// As [`Ensemble::select`], and if nothing was compared yet.
    pub fn select(&self, config: &EnsembleConfig, metric: &dyn Metric) -> Result<Ensemble> {
        Ensemble::select(config, self.leaderboard()?, &self.target, metric)
    }

    /// A model of this family of the scores of these entries.
    ///
    /// # Errors
    /// If there is no such place or family, or as [`Stacking::fit`].
    pub fn stack(
        &self,
        places: &[usize],
        (family, params): (&str, &Params),
        metric: &dyn Metric,
        stop: &StopToken,
    ) -> Result<Stack> {
        let families = self.study.families();
        let found = families.iter().find(|one| one.name() == family);
        let found = found.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("expected a family of the experiment, got {family}"),
            )
        })?;
        let config = StackConfig {
            params: params.clone(),
            seed: self.study.config().seed,
            ..StackConfig::default()
        };
        let groups = self.representations[0].table.groups();
        let folds = self.study.folds(&self.target, groups)?;
        let stacking = Stacking::fit(
            &config,
            found,
            &self.scores(places)?,
            &self.target,
            &folds,
            metric,
            stop,
        )?;
        Ok(Stack {
            members: places.to_vec(),
            family: family.to_owned(),
            stacking,
        })
    }

    /// The final model of an ensemble.
    ///
    /// # Errors
    /// As [`Study::finalize`].
    pub fn finalize(&mut self, ensemble: &Ensemble, fit: Fit, stop: &StopToken) -> Result<Model> {
        let board = self.leaderboard()?.clone();
        let data = (&self.representations[..], &self.target);
        self.study
            .finalize((&board, ensemble), data, fit, &mut self.kept, stop)
    }

    /// The final model of a stack.
    ///
    /// # Errors
    /// As [`Study::finalize`].
    pub fn finalize_stack(&mut self, stack: Stack, fit: Fit, stop: &StopToken) -> Result<Model> {
        let mut members = vec![];
        for place in stack.members {
            let entry = self.entry(place)?.clone();
            let data = (&self.representations[..], &self.target);
            members.push(self.study.member(&entry, data, fit, &mut self.kept, stop)?);
        }
        let joined = Joined::Stacked {
            family: stack.family.into(),
            inputs: stack.stacking.inputs,
            outputs: stack.stacking.outputs,
            model: stack.stacking.model,
        };
        Model::new(self.target.names().to_vec(), members, joined)
    }

    fn entry(&self, place: usize) -> Result<&Entry> {
        let entries = &self.leaderboard()?.entries;
        entries.get(place).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("expected a place below {}, got {place}", entries.len()),
            )
        })
    }

    fn scores(&self, places: &[usize]) -> Result<Vec<ArrayView2<'_, f32>>> {
        places
            .iter()
            .map(|&place| {
                let scores = self.entry(place)?.out_of_fold.as_ref();
                scores.map(|scores| scores.view()).ok_or_else(|| {
                    Error::new(
                        ErrorKind::InvalidArgument,
                        format!("expected out-of-fold scores at place {place}, found none"),
                    )
                })
            })
            .collect()
    }
}
