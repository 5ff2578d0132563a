//! The search over one family on one representation, a step at a time.
//!
//! A cell tries the first guesses of its family, then what [`suggest`](crate::suggest) makes of all
//! that it has tried. What it does next depends on its own past alone: so cells may run in any order, on
//! any thread, in any process, and the leaderboard is the same.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use xscatter_core::{Family, Goal, Params};

use crate::study::{Halving, Race};
use crate::suggest::{Judged, suggest};
use crate::trial::{Effort, canonical};

/// How often a suggestion that was tried before is drawn anew.
const REDRAWS: usize = 8;

/// How a cell searches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    pub(crate) goal: Goal,
    pub(crate) race: Race,
    pub(crate) halving: Option<Halving>,
    /// After how many suggestions without a better one to end.
    pub(crate) patience: Option<usize>,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) params: Params,
    pub(crate) effort: Effort,
}

/// What came of a step, in terms of the ranking metric.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// Its values on all folds.
    Folds(Vec<f64>),
    /// Its mean over the folds before it was given up, or its value in a probe.
    Estimate(Option<f64>),
    /// Not defined, or failed.
    None,
}

pub(crate) struct Cell<'a> {
    family: &'a dyn Family,
    manner: Manner,
    /// How many configurations it may try.
    quota: usize,
    seed: u64,
    queue: VecDeque<Params>,
    bracket: Option<Bracket>,
    seen: HashSet<String>,
    history: Vec<(Params, f64)>,
    begun: usize,
    suggested: usize,
    /// How many suggestions have ended since the last best one.
    idle: usize,
    guesses_left: usize,
    best: Option<Best>,
    exhausted: bool,
    dropped: Vec<Dropped>,
}

/// A configuration that fell out on a part of the rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dropped {
    pub(crate) params: Params,
    /// What it reached there.
    pub(crate) value: Option<f64>,
    /// The part of the rows.
    pub(crate) share: f64,
}

/// The best trial so far.
struct Best {
    mean: f64,
    folds: Vec<f64>,
}

/// Configurations that are compared on parts of the rows before the best ones get all.
struct Bracket {
    rung: u32,
    /// Those still in, with their values once probed on this rung.
    entrants: Vec<(Params, Option<f64>)>,
    probed: usize,
}

impl<'a> Cell<'a> {
    /// A cell with these first guesses.
    pub(crate) fn new(
        family: &'a dyn Family,
        guesses: Vec<Params>,
        quota: usize,
        manner: Manner,
        seed: u64,
    ) -> Self {
        let queue: VecDeque<Params> = guesses.into_iter().take(quota).collect();
        Self {
            family,
            manner,
            quota,
            seed,
            begun: queue.len(),
            seen: queue.iter().map(canonical).collect(),
            guesses_left: queue.len(),
            queue,
            bracket: None,
            history: vec![],
            suggested: 0,
            idle: 0,
            best: None,
            exhausted: false,
            dropped: vec![],
        }
    }

    /// Whether the number of its trials is known.
    pub(crate) fn is_bounded(&self) -> bool {
        self.quota < usize::MAX
    }

    /// What fell out since this was asked last.
    pub(crate) fn take_dropped(&mut self) -> Vec<Dropped> {
        std::mem::take(&mut self.dropped)
    }

    /// Takes back a step that was not made.
    pub(crate) fn give_back(&mut self, step: Step) {
        match (&step.effort, &mut self.bracket) {
            (Effort::Probe { .. }, Some(bracket)) => bracket.probed -= 1,
            _ => self.queue.push_front(step.params),
        }
    }

    /// The mean of the best trial so far.
    pub(crate) fn best(&self) -> Option<f64> {
        self.best.as_ref().map(|best| best.mean)
    }

    /// How many configurations it has judged or given up.
    pub(crate) fn judged(&self) -> usize {
        self.history.len()
    }

    /// How many configurations it would still try; 1 stands for an unknown number.
    pub(crate) fn left(&self) -> usize {
        let in_bracket = self
            .bracket
            .as_ref()
            .map_or(0, |bracket| bracket.entrants.len());
        let waiting = self.queue.len() + in_bracket;
        if self.exhausted {
            waiting
        } else if self.quota == usize::MAX {
            waiting.max(1)
        } else {
            waiting + self.quota - self.begun
        }
    }

    /// The next step; `None` if the search is over.
    pub(crate) fn next(&mut self) -> Option<Step> {
        loop {
            if let Some(params) = self.queue.pop_front() {
                let effort = Effort::Folds {
                    bounds: self.bounds(),
                };
                return Some(Step { params, effort });
            }
            if let Some(step) = self.probe() {
                return Some(step);
            }
            if !self.queue.is_empty() {
                continue;
            }
            self.draw()?;
        }
    }

    /// The next probe of the bracket at hand; moves those that are left up, and the last ones into the
    /// queue.
    fn probe(&mut self) -> Option<Step> {
        let Halving { eta, rungs } = self.manner.halving?;
        loop {
            let bracket = self.bracket.as_mut()?;
            let share = 1.0 / f64::from(eta.pow(rungs - bracket.rung));
            if let Some((params, _)) = bracket.entrants.get(bracket.probed) {
                let params = params.clone();
                bracket.probed += 1;
                let effort = Effort::Probe { share };
                return Some(Step { params, effort });
            }
            let goal = self.manner.goal;
            // Sorting is stable: of equals the one drawn first stays.
            bracket
                .entrants
                .sort_by(|(_, left), (_, right)| loss(goal, *left).total_cmp(&loss(goal, *right)));
            let kept = bracket.entrants.len().div_ceil(eta as usize);
            for (params, value) in bracket.entrants.drain(kept..) {
                self.history.push((params.clone(), loss(goal, value)));
                self.dropped.push(Dropped {
                    params,
                    value,
                    share,
                });
            }
            bracket.rung += 1;
            bracket.probed = 0;
            if bracket.rung == rungs {
                let survivors = self.bracket.take().map(|bracket| bracket.entrants);
                let params = survivors.into_iter().flatten().map(|(params, _)| params);
                self.queue.extend(params);
                return None;
            }
        }
    }

    /// Draws one configuration into the queue, or a bracket of them; `None` if the search is over.
    fn draw(&mut self) -> Option<()> {
        let bored = self
            .manner
            .patience
            .is_some_and(|patience| self.idle >= patience);
        if bored || self.exhausted {
            self.exhausted = true;
            return None;
        }
        let wanted = self.manner.halving.map_or(1, |halving| {
            usize::try_from(halving.eta.pow(halving.rungs)).unwrap_or(usize::MAX)
        });
        let mut drawn = vec![];
        while drawn.len() < wanted && self.begun < self.quota {
            let Some(params) = self.fresh() else { break };
            self.begun += 1;
            drawn.push(params);
        }
        if drawn.is_empty() {
            self.exhausted = true;
            return None;
        }
        if self.manner.halving.is_some() && drawn.len() > 1 {
            self.bracket = Some(Bracket {
                rung: 0,
                entrants: drawn.into_iter().map(|params| (params, None)).collect(),
                probed: 0,
            });
        } else {
            self.queue.extend(drawn);
        }
        Some(())
    }

    /// A configuration that was not tried before.
    fn fresh(&mut self) -> Option<Params> {
        for _ in 0..REDRAWS {
            let history: Vec<Judged<'_>> = self
                .history
                .iter()
                .map(|(params, loss)| (params, *loss))
                .collect();
            let params = suggest(self.family.space(), &history, self.seed, self.suggested)?;
            self.suggested += 1;
            if self.seen.insert(canonical(&params)) {
                return Some(params);
            }
        }
        None
    }

    /// Worse than this after so many folds, a trial need not go on.
    fn bounds(&self) -> Option<Arc<[f64]>> {
        let folds = &self.best.as_ref()?.folds;
        let worst = |one: f64, two: f64| match self.manner.goal {
            Goal::Maximise => one.min(two),
            Goal::Minimise => one.max(two),
        };
        match self.manner.race {
            Race::Off => None,
            Race::Forgiving => {
                let worst = folds.iter().copied().reduce(worst)?;
                Some(folds.iter().map(|_| worst).collect())
            }
            // On the same folds: some are harder than others, for any trial.
            Race::Aggressive => {
                let means = folds.iter().enumerate().scan(0.0, |sum, (place, value)| {
                    *sum += value;
                    Some(*sum / (place + 1) as f64)
                });
                Some(means.collect())
            }
        }
    }

    /// Learns what came of a step. Steps are told in the order in which they were given.
    pub(crate) fn tell(&mut self, step: Step, verdict: &Verdict) {
        let goal = self.manner.goal;
        if let (Effort::Probe { .. }, Some(bracket)) = (&step.effort, &mut self.bracket) {
            if let Verdict::Estimate(value) = verdict {
                bracket.entrants[bracket.probed - 1].1 = *value;
            }
            return;
        }
        let guess = self.guesses_left > 0;
        self.guesses_left -= usize::from(guess);
        self.idle += usize::from(!guess);
        let value = match verdict {
            Verdict::Folds(folds) => {
                let mean = folds.iter().sum::<f64>() / folds.len() as f64;
                let better = self
                    .best
                    .as_ref()
                    .is_none_or(|best| loss(goal, Some(mean)) < loss(goal, Some(best.mean)));
                if better {
                    self.best = Some(Best {
                        mean,
                        folds: folds.clone(),
                    });
                    self.idle = 0;
                }
                Some(mean)
            }
            Verdict::Estimate(value) => *value,
            Verdict::None => None,
        };
        self.history.push((step.params, loss(goal, value)));
    }
}

/// Less is better; what is not defined is worst.
fn loss(goal: Goal, value: Option<f64>) -> f64 {
    match (value, goal) {
        (Some(value), Goal::Maximise) if !value.is_nan() => -value,
        (Some(value), Goal::Minimise) if !value.is_nan() => value,
        _ => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xscatter_core::search::Domain;
    use xscatter_core::{BoxEstimator, Error, ErrorKind, Result, Space};

    struct Line(Space);

    impl Family for Line {
        fn name(&self) -> &str {
            "line"
        }
        fn space(&self) -> &Space {
            &self.0
        }
        fn portfolio(&self) -> Vec<Params> {
            vec![self.0.defaults()]
        }
        fn build(&self, _: &Params, _: u64) -> Result<BoxEstimator> {
            Err(Error::new(ErrorKind::Unsupported, "never built here"))
        }
    }

    fn line() -> Line {
        let x = Domain::Real {
            low: 0.0,
            high: 1.0,
            log: false,
        };
        Line(Space::new().with("x", x, 0.5))
    }

    fn manner() -> Manner {
        Manner {
            goal: Goal::Maximise,
            race: Race::Aggressive,
            halving: None,
            patience: None,
        }
    }

    /// The score is x itself, the same on all folds.
    fn run(cell: &mut Cell<'_>) -> Vec<Step> {
        let mut steps = vec![];
        while let Some(step) = cell.next() {
            let x = step.params.real("x").unwrap();
            let verdict = match &step.effort {
                Effort::Folds {
                    bounds: Some(bounds),
                } if x - 0.1 < bounds[0] => Verdict::Estimate(Some(x)),
                Effort::Folds { .. } => Verdict::Folds(vec![x - 0.1, x + 0.1]),
                Effort::Probe { .. } => Verdict::Estimate(Some(x)),
            };
            steps.push(step.clone());
            cell.tell(step, &verdict);
        }
        steps
    }

    #[test]
    fn guesses_come_first_and_the_bound_is_the_best_so_far() {
        let family = line();
        let mut cell = Cell::new(&family, family.portfolio(), 12, manner(), 1);
        assert_eq!(cell.left(), 12);
        let steps = run(&mut cell);
        assert_eq!(steps.len(), 12);
        assert_eq!(steps[0].params, family.space().defaults());
        assert_eq!(steps[0].effort, Effort::Folds { bounds: None });
        let mut best = 0.5;
        for step in &steps[1..] {
            let Effort::Folds {
                bounds: Some(bounds),
            } = &step.effort
            else {
                panic!("expected bounds")
            };
            approx::assert_relative_eq!(bounds[0], best - 0.1, max_relative = 1e-12);
            approx::assert_relative_eq!(bounds[1], best, max_relative = 1e-12);
            best = step.params.real("x").unwrap().max(best);
        }
        assert_eq!(
            (cell.best(), cell.judged(), cell.left()),
            (Some(best), 12, 0)
        );

        let forgiving = Manner {
            race: Race::Forgiving,
            ..manner()
        };
        let mut cell = Cell::new(&family, family.portfolio(), 2, forgiving, 1);
        let steps = run(&mut cell);
        let bounds = Some([0.4, 0.4].into());
        assert_eq!(steps[1].effort, Effort::Folds { bounds });
    }

    #[test]
    fn halving_gives_all_rows_to_the_best_of_each_rung() {
        let family = line();
        let halving = Manner {
            halving: Some(Halving { eta: 3, rungs: 2 }),
            race: Race::Off,
            ..manner()
        };
        let mut cell = Cell::new(&family, family.portfolio(), 10, halving, 1);
        let steps = run(&mut cell);
        // The guess, nine on a ninth of the rows, three on a third, one on all.
        assert_eq!(steps.len(), 1 + 9 + 3 + 1);
        let places = |steps: &[Step]| -> Vec<f64> {
            steps
                .iter()
                .map(|step| step.params.real("x").unwrap())
                .collect()
        };
        let mut first = places(&steps[1..10]);
        first.sort_by(|left, right| right.total_cmp(left));
        assert_eq!(places(&steps[10..13]), first[..3]);
        assert_eq!(places(&steps[13..]), first[..1]);
        assert_eq!(steps[1].effort, Effort::Probe { share: 1.0 / 9.0 });
        assert_eq!(steps[10].effort, Effort::Probe { share: 1.0 / 3.0 });
        assert_eq!(cell.judged(), 10);
    }

    #[test]
    fn a_search_ends_when_it_gets_no_better_or_has_seen_all() {
        let family = line();
        let patient = Manner {
            patience: Some(3),
            ..manner()
        };
        let mut cell = Cell::new(&family, family.portfolio(), usize::MAX, patient, 1);
        assert!(run(&mut cell).len() < 60);
        let few = Line(Space::new().with(
            "x",
            Domain::Choice(vec![0.25.into(), 0.5.into(), 0.75.into()]),
            0.5,
        ));
        let mut cell = Cell::new(&few, few.portfolio(), usize::MAX, manner(), 1);
        assert_eq!(run(&mut cell).len(), 3);
        assert_eq!(cell.left(), 0);
    }
}
