//! The models of the folds of the best entries, kept in memory so that nothing need be fitted again.

use std::collections::HashMap;
use std::fmt;

use xscatter_core::{BoxPredictor, Goal};

/// The models of the folds, by the key of their entry.
#[derive(Default)]
pub struct FoldModels {
    limit: usize,
    kept: HashMap<u64, (f64, Vec<BoxPredictor>)>,
}

impl FoldModels {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            kept: HashMap::new(),
        }
    }

    /// Keeps the models if they are among the best, and drops the worst if there are too many.
    pub(crate) fn offer(&mut self, key: u64, value: f64, goal: Goal, models: Vec<BoxPredictor>) {
        if self.limit == 0 || models.is_empty() {
            return;
        }
        let loss = match goal {
            Goal::Maximise => -value,
            Goal::Minimise => value,
        };
        self.kept.insert(key, (loss, models));
        if self.kept.len() > self.limit {
            let worst = self
                .kept
                .iter()
                .max_by(|(one, (left, _)), (two, (right, _))| {
                    left.total_cmp(right).then(one.cmp(two))
                })
                .map(|(key, _)| *key);
            if let Some(worst) = worst {
                self.kept.remove(&worst);
            }
        }
    }

    /// Adds what another search kept.
    pub(crate) fn join(&mut self, other: Self) {
        self.kept.extend(other.kept);
    }

    pub(crate) fn clear(&mut self) {
        self.kept.clear();
    }

    /// Takes the models of the folds of an entry, in the order of the folds, if they were kept.
    pub fn take(&mut self, key: u64) -> Option<Vec<BoxPredictor>> {
        self.kept.remove(&key).map(|(_, models)| models)
    }

    /// Of how many entries there are models.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }
}

impl fmt::Debug for FoldModels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FoldModels")
            .field("entries", &self.kept.len())
            .finish_non_exhaustive()
    }
}
