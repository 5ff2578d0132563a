//! The rounds of a selection.

use ndarray::ArrayView2;
use xscatter_core::{Goal, Metric, Result, Target, seed};

use super::objective::{LogLossSums, Objective, WholeMetric};
use super::{EnsembleConfig, better};

/// Candidates with weights that sum to 1, ascending; those whose single score is not defined take no
/// part, and there is one that is.
pub(super) fn select(
    config: &EnsembleConfig,
    candidates: &[ArrayView2<'_, f32>],
    truth: &Target,
    metric: &dyn Metric,
    singles: &[Option<f64>],
) -> Result<Vec<(usize, f64)>> {
    let mut objective: Box<dyn Objective + '_> =
        match LogLossSums::if_it_is(candidates, truth, metric, singles) {
            Some(sums) => Box::new(sums),
            None => Box::new(WholeMetric::new(candidates, truth, metric)),
        };
    let defined: Vec<(usize, f64)> = singles
        .iter()
        .enumerate()
        .filter_map(|(candidate, single)| Some((candidate, (*single)?)))
        .collect();
    let mut weights = vec![0.0; candidates.len()];
    for bag in 0..config.bags {
        let among = draw(config, &defined, bag);
        let chosen = run(config, objective.as_mut(), &among, metric.goal())?;
        let mut times = vec![0_u32; candidates.len()];
        for &candidate in &chosen {
            times[candidate] += 1;
        }
        for (weight, times) in weights.iter_mut().zip(times) {
            *weight += f64::from(times) / (chosen.len() * config.bags) as f64;
        }
    }
    let kept = weights.into_iter().enumerate();
    Ok(kept.filter(|(_, weight)| *weight > 0.0).collect())
}

/// The candidates of a bag, in their order.
fn draw(config: &EnsembleConfig, all: &[(usize, f64)], bag: usize) -> Vec<(usize, f64)> {
    if config.bags == 1 {
        return all.to_vec();
    }
    let size = (all.len() as f64 * config.bag_fraction).ceil() as usize;
    let seed = seed::derive(config.seed, bag as u64);
    let mut drawn = all.to_vec();
    drawn.sort_by_key(|&(candidate, _)| seed::derive(seed, candidate as u64));
    drawn.truncate(size.max(1));
    drawn.sort_by_key(|&(candidate, _)| candidate);
    drawn
}

/// What is chosen from these candidates, which have single scores, in its order.
fn run(
    config: &EnsembleConfig,
    objective: &mut dyn Objective,
    among: &[(usize, f64)],
    goal: Goal,
) -> Result<Vec<usize>> {
    let numbers: Vec<usize> = among.iter().map(|(candidate, _)| *candidate).collect();
    let mut selection = Selection {
        objective,
        goal,
        chosen: vec![],
        best: None,
    };
    selection.objective.clear();
    let mut sorted = among.to_vec();
    sorted.sort_by(|one, other| match goal {
        Goal::Maximise => other.1.total_cmp(&one.1),
        Goal::Minimise => one.1.total_cmp(&other.1),
    });
    for &(candidate, _) in sorted.iter().take(config.sorted_start.min(config.rounds)) {
        if !selection.add_best_of(&[candidate])? {
            break;
        }
    }
    selection.keep_best();
    let mut waited = 0;
    while selection.chosen.len() < config.rounds && waited < config.patience {
        let before = selection.best.map(|(_, rounds)| rounds);
        if !selection.add_best_of(&numbers)? {
            break;
        }
        let is_better = selection.best.map(|(_, rounds)| rounds) != before;
        waited = if is_better { 0 } else { waited + 1 };
    }
    selection.keep_best();
    Ok(selection.chosen)
}

struct Selection<'a> {
    objective: &'a mut dyn Objective,
    goal: Goal,
    chosen: Vec<usize>,
    /// The best score, and how many of those chosen gave it.
    best: Option<(f64, usize)>,
}

impl Selection<'_> {
    /// Adds the one of these that makes the mean best, if the metric is defined with any.
    fn add_best_of(&mut self, candidates: &[usize]) -> Result<bool> {
        let mut winner: Option<(f64, usize)> = None;
        let scores = self.objective.with_each(candidates)?;
        for (&candidate, score) in candidates.iter().zip(scores) {
            if let Some(score) = score
                && winner.is_none_or(|(best, _)| better(self.goal, score, best))
            {
                winner = Some((score, candidate));
            }
        }
        let Some((score, candidate)) = winner else {
            return Ok(false);
        };
        self.objective.add(candidate);
        self.chosen.push(candidate);
        if self
            .best
            .is_none_or(|(best, _)| better(self.goal, score, best))
        {
            self.best = Some((score, self.chosen.len()));
        }
        Ok(true)
    }

    /// Goes back to where the score was best.
    fn keep_best(&mut self) {
        let rounds = self.best.map_or(0, |(_, rounds)| rounds);
        if rounds == self.chosen.len() {
            return;
        }
        self.chosen.truncate(rounds);
        self.objective.clear();
        for &candidate in &self.chosen {
            self.objective.add(candidate);
        }
    }
}
