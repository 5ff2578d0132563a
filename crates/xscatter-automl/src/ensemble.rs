//! Ensembles: the weighted mean of the scores of several entries of a study.
//!
//! [`Ensemble::select`] chooses greedily. Starting from nothing, each round adds the entry (again and
//! again, if it helps) that makes the mean of all scores chosen so far best by the metric; of all rounds,
//! the best one counts (Caruana et al. 2004, doi:10.1145/1015330.1015432). Entries of all
//! representations take part, so the ensemble can join what one set of features sees with what another
//! does. Two means of that paper against choosing too closely after the scores at hand: the best single
//! entries may be set first ([`EnsembleConfig::sorted_start`]), and several selections, each from a part
//! of the entries, may be averaged ([`EnsembleConfig::bags`]). [`Ensemble::blend`] takes all that it is
//! given, with weights or without.
//!
//! The mean of several models is less sure than each of them; a [`Temperature`] fitted on the
//! out-of-fold scores is kept unless the metric gets worse by it.
//!
//! On the out-of-fold scores an ensemble is never worse than the best single entry; it was chosen on
//! those scores, so judge it on rows held out from the study. An entry on which the metric is not
//! defined takes no part. Ties go to the entry that stands higher. Rows that no fold judged (time
//! series, a hold-out) take no part; give [`Ensemble::select_from`] the others alone
//! ([`judged_rows`](crate::split::judged_rows)).
//!
//! Cost: rounds × entries evaluations of the metric, in parallel, with one array of scores a thread. If
//! the metric is the log-loss, sums are kept from round to round instead: then a round costs one
//! multiplication for each row (and tag) of each entry.

mod greedy;
mod objective;

use ndarray::{Array2, ArrayView2, Axis, Zip};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Goal, Metric, Result, Target};

use crate::leaderboard::Leaderboard;
use crate::temperature::Temperature;

/// How an ensemble is selected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnsembleConfig {
    /// How many entries are added at most, counted with repetition.
    pub rounds: usize,
    /// After how many rounds in a row without a better mean the selection ends.
    pub patience: usize,
    /// How many of the best single entries are tried at most as a start, as many as are best
    /// together; 0 starts from nothing.
    pub sorted_start: usize,
    /// How many selections are averaged; 1 selects once, from all entries.
    pub bags: usize,
    /// With more than one bag, the part of the entries that each selects from.
    pub bag_fraction: f64,
    /// The seed of the bags.
    pub seed: u64,
    /// Whether a temperature is fitted to the mean, for targets of classes and tags.
    pub calibrate: bool,
}

impl Default for EnsembleConfig {
    fn default() -> Self {
        Self {
            rounds: 25,
            patience: 5,
            sorted_start: 0,
            bags: 1,
            bag_fraction: 0.5,
            seed: 0,
            calibrate: true,
        }
    }
}

/// Entries of a leaderboard with their weights.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawEnsemble")]
pub struct Ensemble {
    /// The positions of the entries, ascending, with weights that sum to 1.
    pub members: Vec<(usize, f64)>,
    /// What is done to the mean; `None` leaves it as it is.
    pub temperature: Option<Temperature>,
    /// The metric on what becomes of the members' out-of-fold scores.
    pub score: f64,
    /// The metric on the out-of-fold scores of the best single entry.
    pub best_single: f64,
}

/// What a file says, not looked at yet.
#[derive(Deserialize)]
struct RawEnsemble {
    members: Vec<(usize, f64)>,
    temperature: Option<Temperature>,
    score: f64,
    best_single: f64,
}

impl TryFrom<RawEnsemble> for Ensemble {
    type Error = String;

    fn try_from(raw: RawEnsemble) -> Result<Self, String> {
        let RawEnsemble {
            members,
            temperature,
            score,
            best_single,
        } = raw;
        let sum: f64 = members.iter().map(|(_, weight)| weight).sum();
        let is_weight = |(_, weight): &(usize, f64)| *weight > 0.0;
        if !members.iter().all(is_weight) || (sum - 1.0).abs() > 1e-9 {
            return Err(format!(
                "expected weights above 0 with a sum of 1, got {members:?}"
            ));
        }
        Ok(Self {
            members,
            temperature,
            score,
            best_single,
        })
    }
}

impl Ensemble {
    /// Selects from the entries of a board that kept their out-of-fold scores, by the rows that some
    /// fold judged.
    ///
    /// # Errors
    /// As [`select_from`](Self::select_from).
    pub fn select(
        config: &EnsembleConfig,
        board: &Leaderboard,
        truth: &Target,
        metric: &dyn Metric,
    ) -> Result<Self> {
        let (positions, candidates): (Vec<usize>, Vec<ArrayView2<'_, f32>>) = board
            .entries
            .iter()
            .enumerate()
            .filter_map(|(position, entry)| Some((position, entry.out_of_fold.as_ref()?.view())))
            .unzip();
        // The scores of a row that no fold judged are NaN, whatever the entry.
        let mut judged: Vec<usize> = (0..truth.len()).collect();
        if let Some(scores) = candidates.first() {
            check_shape(scores, truth)?;
            judged.retain(|&row| !scores.row(row).iter().any(|score| score.is_nan()));
        }
        let mut ensemble = if judged.len() == truth.len() {
            Self::select_from(config, &candidates, truth, metric)?
        } else {
            let kept: Vec<Array2<f32>> = candidates
                .iter()
                .map(|scores| scores.select(Axis(0), &judged))
                .collect();
            let kept: Vec<ArrayView2<'_, f32>> = kept.iter().map(|scores| scores.view()).collect();
            Self::select_from(config, &kept, &truth.select(&judged), metric)?
        };
        for (member, _) in &mut ensemble.members {
            *member = positions[*member];
        }
        Ok(ensemble)
    }

    /// Selects from these out-of-fold scores, best entry first where it matters.
    ///
    /// # Errors
    /// If there is no round, no bag or no part of the entries in one, sizes differ, no scores are such
    /// that the metric is defined, or the metric fails.
    pub fn select_from(
        config: &EnsembleConfig,
        candidates: &[ArrayView2<'_, f32>],
        truth: &Target,
        metric: &dyn Metric,
    ) -> Result<Self> {
        config.check()?;
        let singles = singles(candidates, truth, metric)?;
        let (best, best_single) = best_of(&singles, metric)?;
        let mut members = greedy::select(config, candidates, truth, metric, &singles)?;
        let mut score = evaluate(&mean(&members, candidates)?, truth, metric)?;
        // Averaged bags can be worse than one entry, and rounding can make a tie a hair worse.
        if score.is_none_or(|score| better(metric.goal(), best_single, score)) {
            members = vec![(best, 1.0)];
            score = Some(best_single);
        }
        let ensemble = Self {
            members,
            temperature: None,
            score: score.unwrap_or(best_single),
            best_single,
        };
        if config.calibrate && !matches!(truth, Target::Values(_)) {
            return ensemble.calibrated(candidates, truth, metric);
        }
        Ok(ensemble)
    }

    /// The mean of all these, with these weights or all alike; weights of 0 leave a candidate out.
    ///
    /// # Errors
    /// If there is no candidate, there is not one weight of 0 or more for each, all are 0, sizes
    /// differ, or the metric fails or is not defined on the mean or on any candidate.
    pub fn blend(
        candidates: &[ArrayView2<'_, f32>],
        weights: Option<&[f64]>,
        truth: &Target,
        metric: &dyn Metric,
    ) -> Result<Self> {
        let alike = vec![1.0; candidates.len()];
        let weights = weights.unwrap_or(&alike);
        let sum: f64 = weights.iter().sum();
        let is_weight = |weight: &f64| weight.is_finite() && *weight >= 0.0;
        if weights.len() != candidates.len() || !weights.iter().all(is_weight) || sum <= 0.0 {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "expected a weight of 0 or more for each of {} candidates, got {weights:?}",
                    candidates.len()
                ),
            ));
        }
        let (_, best_single) = best_of(&singles(candidates, truth, metric)?, metric)?;
        let weighted = weights.iter().map(|weight| weight / sum).enumerate();
        let members: Vec<(usize, f64)> = weighted.filter(|(_, weight)| *weight > 0.0).collect();
        let score = evaluate(&mean(&members, candidates)?, truth, metric)?;
        let score = score.ok_or_else(|| undefined("a blend", metric))?;
        Ok(Self {
            members,
            temperature: None,
            score,
            best_single,
        })
    }

    /// The same members with the temperature that suits their mean, unless the metric is worse with it.
    ///
    /// # Errors
    /// If the members are no probabilities, sizes differ or the metric fails.
    pub fn calibrated(
        mut self,
        candidates: &[ArrayView2<'_, f32>],
        truth: &Target,
        metric: &dyn Metric,
    ) -> Result<Self> {
        self.temperature = None;
        let mean = mean(&self.members, candidates)?;
        let temperature = Temperature::fit(truth, mean.view())?;
        let tempered = temperature.apply(mean.view());
        if let Some(score) = evaluate(&tempered, truth, metric)?
            && !better(metric.goal(), self.score, score)
        {
            self.temperature = Some(temperature);
            self.score = score;
        }
        Ok(self)
    }

    /// What the ensemble makes of the scores of its members, given in the order of
    /// [`members`](Self::members).
    ///
    /// # Errors
    /// If there is not one array of scores a member, all of one shape.
    pub fn combine(&self, scores: &[Array2<f32>]) -> Result<Array2<f32>> {
        if scores.len() != self.members.len() {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected the scores of {} members, got {}",
                    self.members.len(),
                    scores.len()
                ),
            ));
        }
        let views: Vec<ArrayView2<'_, f32>> = scores.iter().map(|scores| scores.view()).collect();
        let weights = self.members.iter().map(|(_, weight)| *weight);
        let members: Vec<(usize, f64)> = weights.enumerate().collect();
        let mean = mean(&members, &views)?;
        Ok(match &self.temperature {
            Some(temperature) => temperature.apply(mean.view()),
            None => mean,
        })
    }
}

impl EnsembleConfig {
    fn check(&self) -> Result<()> {
        let message = if self.rounds == 0 {
            "expected 1 round or more, got 0".to_owned()
        } else if self.patience == 0 {
            "expected a patience of 1 round or more, got 0".to_owned()
        } else if self.bags == 0 {
            "expected 1 bag or more, got 0".to_owned()
        } else if !(self.bag_fraction > 0.0 && self.bag_fraction <= 1.0) {
            format!(
                "expected bags of a fraction above 0 and up to 1, got {}",
                self.bag_fraction
            )
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::InvalidArgument, message))
    }
}

/// The metric on each candidate; `None` where it is not defined.
fn singles(
    candidates: &[ArrayView2<'_, f32>],
    truth: &Target,
    metric: &dyn Metric,
) -> Result<Vec<Option<f64>>> {
    for scores in candidates {
        check_shape(scores, truth)?;
    }
    let single = |scores: &ArrayView2<'_, f32>| {
        let score = metric.evaluate(truth, *scores)?;
        Ok(score.value().filter(|score| score.is_finite()))
    };
    if let Some(losses) = objective::log_losses(candidates, truth, metric, single)? {
        return Ok(losses);
    }
    candidates.par_iter().map(single).collect()
}

fn check_shape(scores: &ArrayView2<'_, f32>, truth: &Target) -> Result<()> {
    let expected = (truth.len(), truth.names().len());
    if scores.dim() == expected {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::ShapeMismatch,
        format!(
            "expected out-of-fold scores of {expected:?}, got {:?}",
            scores.dim()
        ),
    ))
}

/// The best of those that are defined, the first of equal ones.
fn best_of(singles: &[Option<f64>], metric: &dyn Metric) -> Result<(usize, f64)> {
    let mut best: Option<(usize, f64)> = None;
    for (candidate, score) in singles.iter().enumerate() {
        if let Some(score) = *score
            && best.is_none_or(|(_, best)| better(metric.goal(), score, best))
        {
            best = Some((candidate, score));
        }
    }
    best.ok_or_else(|| undefined("an entry with out-of-fold scores", metric))
}

fn undefined(what: &str, metric: &dyn Metric) -> Error {
    Error::new(
        ErrorKind::DegenerateData,
        format!(
            "expected {what} on which {} is defined, found none",
            metric.name()
        ),
    )
}

fn evaluate(scores: &Array2<f32>, truth: &Target, metric: &dyn Metric) -> Result<Option<f64>> {
    let score = metric.evaluate(truth, scores.view())?;
    Ok(score.value().filter(|score| score.is_finite()))
}

/// The weighted mean of the members among the candidates.
fn mean(members: &[(usize, f64)], candidates: &[ArrayView2<'_, f32>]) -> Result<Array2<f32>> {
    let shape = candidates.first().map_or((0, 0), ArrayView2::dim);
    let mut sum = Array2::<f64>::zeros(shape);
    for &(member, weight) in members {
        let scores = candidates[member];
        if scores.dim() != shape {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!("expected scores of {shape:?}, got {:?}", scores.dim()),
            ));
        }
        let add = |sum: &mut f64, &score: &f32| *sum += weight * f64::from(score);
        Zip::from(&mut sum).and(scores).for_each(add);
    }
    Ok(sum.mapv(|value| value as f32))
}

/// Whether a score is better than another by the goal.
pub(crate) fn better(goal: Goal, score: f64, than: f64) -> bool {
    match goal {
        Goal::Maximise => score > than,
        Goal::Minimise => score < than,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaderboard::{Entry, MetricColumn, Status};
    use ndarray::array;
    use proptest::prelude::*;
    use xscatter_core::{Classes, Params};
    use xscatter_metrics::{Accuracy, LogLoss};

    fn board(scores: Vec<Option<Array2<f32>>>) -> Leaderboard {
        let entry = |out_of_fold| Entry {
            key: 0,
            representation: "r".into(),
            n_columns: 1,
            family: "f".into(),
            params: Params::new(),
            status: Status::Scored,
            scores: vec![],
            times: None,
            out_of_fold,
        };
        Leaderboard {
            metrics: vec![MetricColumn {
                name: "accuracy".into(),
                goal: Goal::Maximise,
            }],
            rank_by: 0,
            folds: 2,
            seed: 0,
            planned: scores.len(),
            entries: scores.into_iter().map(entry).collect(),
        }
    }

    fn truth() -> Target {
        Target::Classes(Classes::from_names(&["a", "b", "a", "b"]))
    }

    #[test]
    fn two_half_right_entries_make_one_that_is_right() {
        let first_half = array![[0.9, 0.1], [0.1, 0.9], [0.4, 0.6], [0.6, 0.4]];
        let second_half = array![[0.4, 0.6], [0.6, 0.4], [0.9, 0.1], [0.1, 0.9]];
        let board = board(vec![
            Some(first_half.clone()),
            None,
            Some(second_half.clone()),
        ]);
        let config = EnsembleConfig::default();
        let ensemble = Ensemble::select(&config, &board, &truth(), &Accuracy).unwrap();
        assert_eq!(ensemble.members, [(0, 0.5), (2, 0.5)]);
        assert_eq!((ensemble.score, ensemble.best_single), (1.0, 0.5));
        let scores = [first_half, second_half];
        let combined = ensemble.combine(&scores).unwrap();
        // The mean is 0.65, and the temperature makes it surer.
        assert!((0.66..0.8).contains(&combined[[0, 0]]), "{combined}");
        let plain = EnsembleConfig {
            calibrate: false,
            ..config
        };
        let plain = Ensemble::select(&plain, &board, &truth(), &Accuracy).unwrap();
        assert_eq!(plain.combine(&scores).unwrap()[[0, 0]], 0.65);
        assert!(ensemble.combine(&[combined]).is_err());
    }

    #[test]
    fn rows_that_no_fold_judged_take_no_part() {
        let none = f32::NAN;
        let one = array![[none, none], [0.1, 0.9], [0.4, 0.6], [0.6, 0.4]];
        let other = array![[none, none], [0.4, 0.6], [0.9, 0.1], [0.1, 0.9]];
        let board = board(vec![Some(one.clone()), Some(other.clone())]);
        let config = EnsembleConfig::default();
        let ensemble = Ensemble::select(&config, &board, &truth(), &LogLoss).unwrap();
        let rows = ndarray::s![1.., ..];
        let alone = Ensemble::select_from(
            &config,
            &[one.slice(rows), other.slice(rows)],
            &truth().select(&[1, 2, 3]),
            &LogLoss,
        );
        assert_eq!(ensemble, alone.unwrap());
    }

    #[test]
    fn nothing_to_choose_from_is_an_error() {
        let config = EnsembleConfig::default();
        let none = board(vec![None]);
        let error = Ensemble::select(&config, &none, &truth(), &Accuracy).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
        // Scores that are no probabilities leave log-loss undefined.
        let odd = board(vec![Some(array![
            [2.0, 2.0],
            [2.0, 2.0],
            [2.0, 2.0],
            [2.0, 2.0]
        ])]);
        assert!(Ensemble::select(&config, &odd, &truth(), &LogLoss).is_err());
        let no_round = EnsembleConfig {
            rounds: 0,
            ..EnsembleConfig::default()
        };
        assert!(Ensemble::select(&no_round, &odd, &truth(), &Accuracy).is_err());
    }

    proptest! {
        #[test]
        fn never_worse_than_the_best_single_entry(
            draws in prop::collection::vec(prop::collection::vec(0.01_f32..0.99, 4), 1..6),
        ) {
            let scores = |draw: &Vec<f32>| {
                Array2::from_shape_fn((4, 2), |(row, class)| if class == 0 { draw[row] } else { 1.0 - draw[row] })
            };
            let board = board(draws.iter().map(|draw| Some(scores(draw))).collect());
            let single = draws
                .iter()
                .map(|draw| LogLoss.evaluate(&truth(), scores(draw).view()).unwrap().value().unwrap())
                .fold(f64::INFINITY, f64::min);
            let ensemble =
                Ensemble::select(&EnsembleConfig::default(), &board, &truth(), &LogLoss).unwrap();
            prop_assert_eq!(ensemble.best_single, single);
            prop_assert!(ensemble.score <= single);
            let weights: f64 = ensemble.members.iter().map(|(_, weight)| weight).sum();
            prop_assert!((weights - 1.0).abs() < 1e-12);
        }
    }
}
