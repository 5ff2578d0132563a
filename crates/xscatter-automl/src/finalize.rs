//! From entries of a leaderboard to fitted models.

use serde::{Deserialize, Serialize};
use xscatter_core::{
    BoxPredictor, Error, ErrorKind, Family, FeatureTable, Result, StopToken, Target, TrainingSet,
};

use crate::ensemble::Ensemble;
use crate::leaderboard::{Entry, Leaderboard};
use crate::model::{Joined, Member, Model};
use crate::models::FoldModels;
use crate::study::{Representation, Study};
use crate::trial::{Effort, Trial, trial_seed};

/// What the models of a final model learn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fit {
    /// The folds of the study, a model each, whose scores are averaged: as sure as the out-of-fold scores
    /// were, and nothing is fitted again that was kept.
    #[default]
    Folds,
    /// All rows, one model: a fraction of the time to predict and of the size.
    All,
}

impl Study {
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
        let train = TrainingSet::new(table.values(), target)?.with_stop(stop.clone());
        self.family_of(entry)?
            .build(&entry.params, self.refit_seed(entry))?
            .fit(&train)
    }

    /// The seed with which [`refit`](Self::refit) builds the model of an entry, for those who build it
    /// themselves.
    pub fn refit_seed(&self, entry: &Entry) -> u64 {
        trial_seed(
            self.config().seed,
            &entry.representation,
            &entry.family,
            &entry.params,
        )
    }

    /// A model of the members of an ensemble of entries of this study's leaderboard.
    ///
    /// With [`Fit::Folds`] nothing is fitted whose models `kept` holds; the rest is fitted again, to the
    /// same bits.
    ///
    /// # Errors
    /// If there is no such entry, family or representation, a fit fails, or it is stopped.
    pub fn finalize(
        &self,
        (board, ensemble): (&Leaderboard, &Ensemble),
        (representations, target): (&[Representation], &Target),
        fit: Fit,
        kept: &mut FoldModels,
        stop: &StopToken,
    ) -> Result<Model> {
        let mut members = vec![];
        let mut weights = vec![];
        for &(place, weight) in &ensemble.members {
            let entry = board.entries.get(place).ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "expected a place below {} on the leaderboard, got {place}",
                        board.entries.len()
                    ),
                )
            })?;
            members.push(self.member(entry, (representations, target), fit, kept, stop)?);
            weights.push(weight);
        }
        let joined = Joined::Mean {
            weights,
            temperature: ensemble.temperature,
        };
        Model::new(target.names().to_vec(), members, joined)
    }

    /// An entry with its models.
    pub(crate) fn member(
        &self,
        entry: &Entry,
        (representations, target): (&[Representation], &Target),
        fit: Fit,
        kept: &mut FoldModels,
        stop: &StopToken,
    ) -> Result<Member> {
        let name = &entry.representation;
        let one = representations.iter().find(|one| one.name == *name);
        let one = one.ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!("expected a representation named {name}, found none"),
            )
        })?;
        let models = match fit {
            Fit::All => vec![self.refit(entry, &one.table, target, stop)?],
            Fit::Folds => match kept.take(entry.key) {
                Some(models) => models,
                None => self.fit_folds(entry, one, target, stop)?,
            },
        };
        Ok(Member {
            representation: name.clone(),
            columns: one.table.columns().to_vec(),
            family: entry.family.clone(),
            params: entry.params.clone(),
            models,
        })
    }

    fn fit_folds(
        &self,
        entry: &Entry,
        one: &Representation,
        target: &Target,
        stop: &StopToken,
    ) -> Result<Vec<BoxPredictor>> {
        let trial = Trial {
            representation: one.name.clone(),
            table: &one.table,
            family: self.family_of(entry)?,
            params: entry.params.clone(),
            seed: self.refit_seed(entry),
            key: entry.key,
            early_key: entry.key,
            effort: Effort::Folds { bounds: None },
        };
        let folds = self.folds(target, one.table.groups())?;
        folds
            .iter()
            .enumerate()
            .map(|(number, fold)| trial.fit_fold(target, fold, number, stop))
            .collect()
    }

    fn family_of(&self, entry: &Entry) -> Result<&dyn Family> {
        let mut families = self.families().iter();
        let family = families
            .find(|family| family.name() == &*entry.family)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidArgument,
                    format!("the study has no family named {:?}", entry.family),
                )
            })?;
        Ok(&**family)
    }
}
