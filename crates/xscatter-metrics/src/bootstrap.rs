//! How far a score can be trusted: confidence intervals from resampled rows or groups.
//!
//! The samples (or whole groups of samples: frames of one scan are not independent) are drawn with
//! replacement as many times as there are, the score is computed anew, and the spread of `B` such scores
//! gives the interval:
//!
//! - percentile: their quantiles `(1 ∓ level) / 2`;
//! - bias-corrected and accelerated (BCa): quantiles shifted by the bias `z₀` (how many resamples fall below
//!   the score) and by the acceleration `a` (the skewness of the scores with one sample or group left out);
//!   Efron 1987, doi:10.1080/01621459.1987.10478410. More right for skewed scores; the default.
//!
//! With more than 256 samples (groups), the acceleration leaves out 256 blocks of them instead of each by
//! itself. A score at the very end of its range in all resamples has an interval without width: that says
//! that the data are too few, not that the score is certain.
//!
//! Give groups wherever frames of the same sample, scan or movie are among the rows: intervals without
//! them are too narrow. Resamples in which the score is undefined (a class was not drawn) are left out and
//! counted. If that is more than half of them, if the score itself is undefined or if it lies beyond all
//! resamples (BCa), there is no interval: an error of kind [`ErrorKind::DegenerateData`].
//!
//! Cost: `B` + up to 256 evaluations, on all threads; the same bits for any number of them. Agrees with
//! `scipy.stats.bootstrap` on the same resamples.

use std::collections::BTreeMap;

use ndarray::{ArrayView2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;
use xscatter_core::seed::derive;
use xscatter_core::{Error, ErrorKind, Metric, Result, Score, Target};

use crate::distributions::{normal_cdf, normal_quantile};

/// The most evaluations for the acceleration.
const JACKKNIFE: usize = 256;

/// How resampled scores become an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IntervalMethod {
    /// The quantiles of the resampled scores.
    Percentile,
    /// Quantiles corrected for bias and skewness.
    #[default]
    Bca,
}

/// How to resample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootstrapConfig {
    /// How many resamples; 1000 or more for 95 %.
    pub resamples: usize,
    /// The share of such intervals that hold the true score.
    pub level: f64,
    /// How resampled scores become an interval.
    pub method: IntervalMethod,
    /// Where all draws come from.
    pub seed: u64,
}

impl Default for BootstrapConfig {
    fn default() -> Self {
        Self {
            resamples: 1000,
            level: 0.95,
            method: IntervalMethod::Bca,
            seed: 0,
        }
    }
}

/// Why a bootstrap could not be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum BootstrapError {
    /// Too few resamples for quantiles.
    #[error("expected at least 10 resamples, got {0}")]
    Resamples(usize),
    /// The level is no share.
    #[error("expected a level between 0 and 1, got {0}")]
    Level(f64),
}

/// A score and the interval around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The score of all samples.
    pub score: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// How many resamples had a score.
    pub resamples: usize,
}

/// Draws resamples of rows or groups; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap(BootstrapConfig);

impl Bootstrap {
    /// With this configuration.
    ///
    /// # Errors
    /// If there are too few resamples or the level is not between 0 and 1.
    pub fn new(config: BootstrapConfig) -> Result<Self, BootstrapError> {
        if config.resamples < 10 {
            return Err(BootstrapError::Resamples(config.resamples));
        }
        if !(config.level > 0.0 && config.level < 1.0) {
            return Err(BootstrapError::Level(config.level));
        }
        Ok(Self(config))
    }

    /// The interval of a score. With `groups` (a number for every row) whole groups are drawn.
    ///
    /// ```
    /// use ndarray::array;
    /// use xscatter_core::{Classes, Target};
    /// use xscatter_metrics::{Accuracy, Bootstrap, BootstrapConfig};
    ///
    /// let truth = Target::Classes(Classes::from_names(&["a", "b", "a", "b", "a"]));
    /// let scores = array![[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3], [0.8, 0.2]];
    /// let bootstrap = Bootstrap::new(BootstrapConfig::default())?;
    /// let interval = bootstrap.interval(&Accuracy, &truth, scores.view(), None)?;
    /// assert!(interval.low < 0.8 && interval.score == 0.8 && interval.high <= 1.0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As the metric; if the number of groups differs from that of the rows;
    /// [`ErrorKind::DegenerateData`] if the score is undefined, there are fewer than two samples or groups,
    /// or more than half of the resamples have no score.
    pub fn interval(
        &self,
        metric: &dyn Metric,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        groups: Option<&[u32]>,
    ) -> Result<Interval> {
        self.of(truth.len(), groups, metric.name(), &|rows| match rows {
            None => metric.evaluate(truth, scores),
            Some(rows) => {
                let scores = scores.select(Axis(0), rows);
                metric.evaluate(&truth.select(rows), scores.view())
            }
        })
    }

    /// The interval of the score of one model less that of another on the same samples. If it does not hold
    /// 0, the difference is more than the draw of the samples explains.
    ///
    /// # Errors
    /// As [`interval`](Self::interval).
    pub fn interval_of_difference(
        &self,
        metric: &dyn Metric,
        truth: &Target,
        first: ArrayView2<'_, f32>,
        second: ArrayView2<'_, f32>,
        groups: Option<&[u32]>,
    ) -> Result<Interval> {
        let difference =
            |truth: &Target, first: ArrayView2<'_, f32>, second: ArrayView2<'_, f32>| {
                let first = metric.evaluate(truth, first)?;
                Ok(match (first, metric.evaluate(truth, second)?) {
                    (Score::Value(first), Score::Value(second)) => Score::Value(first - second),
                    (Score::Undefined(reason), _) | (_, Score::Undefined(reason)) => {
                        Score::Undefined(reason)
                    }
                })
            };
        self.of(truth.len(), groups, metric.name(), &|rows| match rows {
            None => difference(truth, first, second),
            Some(rows) => {
                let (first, second) = (first.select(Axis(0), rows), second.select(Axis(0), rows));
                difference(&truth.select(rows), first.view(), second.view())
            }
        })
    }

    /// The interval of what `evaluate` gives for all rows (`None`) and for drawn ones.
    fn of(
        &self,
        rows: usize,
        groups: Option<&[u32]>,
        name: &str,
        evaluate: &(dyn Fn(Option<&[usize]>) -> Result<Score> + Sync),
    ) -> Result<Interval> {
        let score = match evaluate(None)? {
            Score::Value(score) => score,
            Score::Undefined(reason) => return Err(degenerate(reason)),
        };
        let units = units(rows, groups)?;
        let drawn = |drawn: &[usize]| {
            let rows: Vec<usize> = drawn
                .iter()
                .flat_map(|&unit| &units[unit])
                .copied()
                .collect();
            Ok(evaluate(Some(&rows))?.value())
        };
        let resampled = defined(
            (0..self.0.resamples)
                .into_par_iter()
                .map(|resample| drawn(&draw(derive(self.0.seed, resample as u64), units.len()))),
        )?;
        if resampled.len() * 2 < self.0.resamples {
            return Err(degenerate(format!(
                "{name} has a score in {} of {} resamples only",
                resampled.len(),
                self.0.resamples
            )));
        }
        let left_out = match self.0.method {
            IntervalMethod::Percentile => vec![],
            IntervalMethod::Bca => {
                let blocks = units.len().min(JACKKNIFE);
                defined((0..blocks).into_par_iter().map(|block| {
                    let others = |unit: &usize| unit % blocks != block;
                    let rest: Vec<usize> = (0..units.len()).filter(others).collect();
                    drawn(&rest)
                }))?
            }
        };
        self.from_scores(score, resampled, &left_out)
    }

    /// The interval from the score, those of the resamples and (for BCa) those with one sample or group
    /// left out, for resamples that were drawn elsewhere.
    ///
    /// # Errors
    /// [`ErrorKind::DegenerateData`] if there is no resample or (for BCa) the score lies beyond all.
    pub fn from_scores(
        &self,
        score: f64,
        mut resampled: Vec<f64>,
        left_out: &[f64],
    ) -> Result<Interval> {
        if resampled.is_empty() {
            return Err(degenerate("expected scores of resamples, got none"));
        }
        resampled.sort_unstable_by(f64::total_cmp);
        let (mut low, mut high) = ((1.0 - self.0.level) / 2.0, f64::midpoint(1.0, self.0.level));
        if self.0.method == IntervalMethod::Bca {
            let below = resampled.partition_point(|&other| other < score);
            let not_above = resampled.partition_point(|&other| other <= score);
            let share = (below + not_above) as f64 / (2 * resampled.len()) as f64;
            let bias = normal_quantile(share);
            if bias.is_infinite() {
                return Err(degenerate(format!(
                    "the score {score} lies beyond those of all resamples"
                )));
            }
            let acceleration = acceleration(left_out);
            let shifted = |share: f64| {
                let z = bias + normal_quantile(share);
                normal_cdf(bias + z / (1.0 - acceleration * z))
            };
            (low, high) = (shifted(low), shifted(high));
        }
        Ok(Interval {
            score,
            low: quantile(&resampled, low),
            high: quantile(&resampled, high),
            resamples: resampled.len(),
        })
    }
}

/// The rows of every sample or group, groups in the order of their numbers.
fn units(rows: usize, groups: Option<&[u32]>) -> Result<Vec<Vec<usize>>> {
    let units = match groups {
        None => (0..rows).map(|row| vec![row]).collect(),
        Some(groups) if groups.len() != rows => {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected a group for each of {rows} rows, got {}",
                    groups.len()
                ),
            ));
        }
        Some(groups) => {
            let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
            for (row, &group) in groups.iter().enumerate() {
                members.entry(group).or_default().push(row);
            }
            members.into_values().collect::<Vec<_>>()
        }
    };
    if units.len() < 2 {
        return Err(degenerate(
            "expected at least two samples or groups to draw from",
        ));
    }
    Ok(units)
}

/// As many numbers below `count` as there are.
fn draw(seed: u64, count: usize) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let below = |random: u64| ((u128::from(random) * count as u128) >> 64) as usize;
    (0..count).map(|_| below(rng.next_u64())).collect()
}

/// The scores that are defined, in order.
fn defined(scores: impl IndexedParallelIterator<Item = Result<Option<f64>>>) -> Result<Vec<f64>> {
    let scores: Vec<Option<f64>> = scores.collect::<Result<_>>()?;
    Ok(scores.into_iter().flatten().collect())
}

/// A sixth of the skewness of the influences.
fn acceleration(left_out: &[f64]) -> f64 {
    let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let power = |exponent| {
        let powers = left_out.iter().map(|score| (mean - score).powi(exponent));
        powers.sum::<f64>()
    };
    let spread = power(2).powf(1.5);
    if spread > 0.0 {
        power(3) / (6.0 * spread)
    } else {
        0.0
    }
}

/// Linear between the ranks, as is usual; of one value or more.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let last = sorted.len() - 1;
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = place as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

fn degenerate(reason: impl Into<String>) -> Error {
    Error::new(ErrorKind::DegenerateData, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;
    use xscatter_core::Classes;

    use crate::accuracy::{Accuracy, BalancedAccuracy};

    fn bootstrap(method: IntervalMethod) -> Bootstrap {
        Bootstrap::new(BootstrapConfig {
            resamples: 400,
            method,
            ..BootstrapConfig::default()
        })
        .unwrap()
    }

    /// Every fifth sample is wrong.
    fn problem(samples: usize) -> (Target, Array2<f32>) {
        let labels: Vec<u32> = (0..samples as u32).map(|row| row % 2).collect();
        let scores = Array2::from_shape_fn((samples, 2), |(row, class)| {
            let guess = (row % 2) ^ usize::from(row % 5 == 0);
            f32::from(u8::from(class == guess))
        });
        let names = vec!["a".into(), "b".into()];
        (
            Target::Classes(Classes::new(names, labels).unwrap()),
            scores,
        )
    }

    #[test]
    fn the_width_is_that_of_the_binomial() {
        let (truth, scores) = problem(400);
        for method in [IntervalMethod::Percentile, IntervalMethod::Bca] {
            let interval = bootstrap(method)
                .interval(&Accuracy, &truth, scores.view(), None)
                .unwrap();
            // 1.96 √(0.8 × 0.2 / 400) = 0.039
            assert!(
                (0.025..0.055).contains(&(0.8 - interval.low)),
                "{interval:?}"
            );
            assert!(
                (0.025..0.055).contains(&(interval.high - 0.8)),
                "{interval:?}"
            );
        }
    }

    #[test]
    fn copies_in_groups_make_nothing_more_certain() {
        let (truth, scores) = problem(40);
        let rows: Vec<usize> = (0..40).flat_map(|row| [row; 10]).collect();
        let groups: Vec<u32> = rows.iter().map(|&row| row as u32).collect();
        let (copies, copied) = (truth.select(&rows), scores.select(Axis(0), &rows));
        let bootstrap = bootstrap(IntervalMethod::Percentile);
        let of = |truth, scores: &Array2<f32>, groups| {
            bootstrap
                .interval(&Accuracy, truth, scores.view(), groups)
                .unwrap()
        };
        let once = of(&truth, &scores, None);
        assert_eq!(of(&copies, &copied, Some(&groups)), once);
        let deceived = of(&copies, &copied, None);
        assert!(deceived.high - deceived.low < 0.6 * (once.high - once.low));
    }

    #[test]
    fn a_difference_is_more_certain_than_its_parts() {
        let (truth, scores) = problem(200);
        // The other model has ten more samples wrong.
        let mut worse = scores.clone();
        for row in (1..).step_by(5).take(10) {
            let swapped: Vec<f32> = scores.row(row).iter().rev().copied().collect();
            worse.row_mut(row).assign(&ndarray::Array1::from(swapped));
        }
        let bootstrap = bootstrap(IntervalMethod::Bca);
        let difference = bootstrap
            .interval_of_difference(&Accuracy, &truth, scores.view(), worse.view(), None)
            .unwrap();
        assert!((difference.score - 0.05).abs() < 1e-12);
        assert!(difference.low > 0.0, "{difference:?}");
        let one = bootstrap
            .interval(&Accuracy, &truth, scores.view(), None)
            .unwrap();
        assert!(difference.high - difference.low < one.high - one.low);
        let beyond = bootstrap.from_scores(2.0, vec![0.0, 1.0], &[]).unwrap_err();
        assert_eq!(beyond.kind(), ErrorKind::DegenerateData);
    }

    #[test]
    fn one_thread_gives_the_same_bits_as_two() {
        let (truth, scores) = problem(60);
        let of = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
            let bootstrap = bootstrap(IntervalMethod::Bca);
            pool.build()
                .unwrap()
                .install(|| bootstrap.interval(&Accuracy, &truth, scores.view(), None))
                .unwrap()
        };
        assert_eq!(of(1), of(2));
    }

    #[test]
    fn a_class_of_one_sample_leaves_resamples_out() {
        let names = vec!["a".into(), "b".into()];
        let labels = vec![0, 0, 0, 0, 0, 0, 0, 1];
        let truth = Target::Classes(Classes::new(names, labels).unwrap());
        let scores = Array2::from_elem((8, 2), 0.5);
        let interval = bootstrap(IntervalMethod::Bca)
            .interval(&BalancedAccuracy, &truth, scores.view(), None)
            .unwrap();
        assert!((200..400).contains(&interval.resamples), "{interval:?}");
        assert_eq!((interval.low, interval.high), (0.5, 0.5));
        let one = truth.select(&[0, 1]);
        let error = bootstrap(IntervalMethod::Bca)
            .interval(&BalancedAccuracy, &one, Array2::ones((2, 2)).view(), None)
            .unwrap_err();
        assert_eq!(error.message(), "class b has no sample");
    }
}
