//! How good the mean of what has been chosen would be with one candidate more.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::borrow::Cow;

use ndarray::{Array2, ArrayView2, Zip};
use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use xscatter_core::{Goal, Metric, Result, TagState, Target};

/// The mean of what has been chosen so far, and its score with one more.
pub(super) trait Objective {
    /// Chooses nothing.
    fn clear(&mut self);

    /// Chooses a candidate, again if need be.
    fn add(&mut self, candidate: usize);

    /// The score with each of these added, in their order; `None` where it is not defined.
    fn with_each(&self, candidates: &[usize]) -> Result<Vec<Option<f64>>>;
}

/// Any metric, on all scores each time.
pub(super) struct WholeMetric<'a> {
    candidates: &'a [ArrayView2<'a, f32>],
    truth: &'a Target,
    metric: &'a dyn Metric,
    sum: Array2<f64>,
    count: usize,
}

impl<'a> WholeMetric<'a> {
    pub(super) fn new(
        candidates: &'a [ArrayView2<'a, f32>],
        truth: &'a Target,
        metric: &'a dyn Metric,
    ) -> Self {
        Self {
            candidates,
            truth,
            metric,
            sum: Array2::zeros((truth.len(), truth.names().len())),
            count: 0,
        }
    }
}

impl Objective for WholeMetric<'_> {
    fn clear(&mut self) {
        self.sum.fill(0.0);
        self.count = 0;
    }

    fn add(&mut self, candidate: usize) {
        let add = |sum: &mut f64, &score: &f32| *sum += f64::from(score);
        Zip::from(&mut self.sum)
            .and(self.candidates[candidate])
            .for_each(add);
        self.count += 1;
    }

    fn with_each(&self, candidates: &[usize]) -> Result<Vec<Option<f64>>> {
        let count = (self.count + 1) as f64;
        let score = |mean: &mut Array2<f32>, &candidate: &usize| {
            Zip::from(&mut *mean)
                .and(&self.sum)
                .and(self.candidates[candidate])
                .for_each(|mean, sum, &more| *mean = ((sum + f64::from(more)) / count) as f32);
            let score = self.metric.evaluate(self.truth, mean.view())?;
            Ok(score.value().filter(|score| score.is_finite()))
        };
        candidates
            .par_iter()
            .map_init(|| Array2::zeros(self.sum.dim()), score)
            .collect()
    }
}

/// The log-loss by sums kept from round to round.
///
/// A cell is the probability that a row's class has, or that what is known of a row's tag has: an
/// offset and a factor times the score. The loss of a mean of `n` is `ln n − mean ln(sum of cells)`, and
/// the logarithm of a product of many cells costs one logarithm.
pub(super) struct LogLossSums<'a> {
    /// For each candidate the scores that its cells are made of.
    scores: Vec<Cow<'a, [f32]>>,
    /// 1, or −1 where the truth is the absence of a tag, or 0 where nobody knows it.
    factor: Vec<f32>,
    /// What each cell adds for any candidate: 0, or 1 where the factor is not 1.
    offset: Vec<f32>,
    /// How many cells are known.
    known: usize,
    /// The cells of those chosen, summed, and the offset of the next.
    sum: Vec<f64>,
    count: usize,
}

/// How far off the metric the sums may be; means of `f32` differ by less, other metrics by more.
const TOLERANCE: f64 = 1e-5;
/// Cells within `[2⁻²³, count]`, so many of them multiplied, stay within the range of numbers.
const FACTORS: usize = 32;
const LANES: usize = 32;

impl<'a> LogLossSums<'a> {
    /// If the metric is the mean log-loss, as its values on all candidates, taken one by one, show.
    pub(super) fn if_it_is(
        candidates: &'a [ArrayView2<'a, f32>],
        truth: &Target,
        metric: &dyn Metric,
        singles: &[Option<f64>],
    ) -> Option<Self> {
        if metric.goal() != Goal::Minimise || !metric.name().contains("log-loss") {
            return None;
        }
        let sums = Self::new(candidates, truth)?;
        let agrees = |(candidate, single): (usize, &Option<f64>)| {
            single.is_none_or(|single| {
                (sums.loss_with(candidate) - single).abs() <= TOLERANCE * single.max(1.0)
            })
        };
        singles.iter().enumerate().all(agrees).then_some(sums)
    }

    fn new(candidates: &'a [ArrayView2<'a, f32>], truth: &Target) -> Option<Self> {
        let (scores, factor): (Vec<Cow<'a, [f32]>>, Vec<f32>) = match truth {
            Target::Classes(classes) => {
                let of_truth = |candidate: &ArrayView2<'a, f32>| {
                    let rows = candidate.rows().into_iter().zip(classes.labels());
                    Cow::Owned(rows.map(|(row, &label)| row[label as usize]).collect())
                };
                let scores = candidates.iter().map(of_truth).collect();
                (scores, vec![1.0; classes.labels().len()])
            }
            Target::Tags(tags) => {
                let all = |candidate: &ArrayView2<'a, f32>| {
                    candidate.to_slice().map_or_else(
                        || Cow::Owned(candidate.iter().copied().collect()),
                        Cow::Borrowed,
                    )
                };
                let factor = |state: &TagState| match state {
                    TagState::Positive => 1.0,
                    TagState::Negative => -1.0,
                    TagState::Unknown => 0.0,
                };
                let scores = candidates.iter().map(all).collect();
                (scores, tags.states().iter().map(factor).collect())
            }
            _ => return None,
        };
        let offset: Vec<f32> = factor
            .iter()
            .map(|&factor| if factor == 1.0 { 0.0 } else { 1.0 })
            .collect();
        let mut sums = Self {
            scores,
            known: factor.iter().filter(|&&factor| factor != 0.0).count(),
            factor,
            offset,
            sum: vec![],
            count: 0,
        };
        sums.clear();
        (sums.known > 0).then_some(sums)
    }

    fn loss_with(&self, candidate: usize) -> f64 {
        let count = (self.count + 1) as f64;
        let logarithms = Arch::new().dispatch(Logarithms {
            sum: &self.sum,
            factor: &self.factor,
            scores: &self.scores[candidate],
            count,
        });
        // A cell that nobody knows is as high as can be, at no loss.
        (self.sum.len() as f64 * count.ln() - logarithms) / self.known as f64
    }
}

/// How many candidates are shown to a metric to see whether it is the mean log-loss.
const PROBES: usize = 8;

/// The log-loss of each candidate by sums, if that is what the metric gives on some of them and all are
/// probabilities; those that may be the best have what the metric itself gives.
pub(super) fn log_losses(
    candidates: &[ArrayView2<'_, f32>],
    truth: &Target,
    metric: &dyn Metric,
    single: impl Fn(&ArrayView2<'_, f32>) -> Result<Option<f64>> + Sync,
) -> Result<Option<Vec<Option<f64>>>> {
    let is_sound = |scores: &ArrayView2<'_, f32>| match truth {
        Target::Classes(_) => scores.rows().into_iter().all(|row| {
            let sum: f64 = row.iter().map(|&score| f64::from(score)).sum();
            row.iter().all(|&score| score >= 0.0) && (sum - 1.0).abs() < 9e-4
        }),
        _ => scores.iter().all(|score| (0.0..=1.0).contains(score)),
    };
    if candidates.len() <= PROBES || !candidates.par_iter().all(is_sound) {
        return Ok(None);
    }
    let mut shown = vec![None; candidates.len()];
    for probe in 0..PROBES {
        let candidate = probe * (candidates.len() - 1) / (PROBES - 1);
        shown[candidate] = single(&candidates[candidate])?;
        if shown[candidate].is_none() {
            return Ok(None);
        }
    }
    let Some(sums) = LogLossSums::if_it_is(candidates, truth, metric, &shown) else {
        return Ok(None);
    };
    let all: Vec<usize> = (0..candidates.len()).collect();
    let losses: Vec<f64> = all.par_iter().map(|&one| sums.loss_with(one)).collect();
    let least = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let near = least + 4.0 * TOLERANCE * least.max(1.0);
    let exact = |&candidate: &usize| {
        if losses[candidate] <= near {
            single(&candidates[candidate])
        } else {
            Ok(Some(losses[candidate]))
        }
    };
    all.par_iter().map(exact).collect::<Result<_>>().map(Some)
}

/// The sum of the logarithms of the cells of so many, one candidate added; the bits are the same on
/// every processor.
struct Logarithms<'a> {
    sum: &'a [f64],
    factor: &'a [f32],
    scores: &'a [f32],
    count: f64,
}

impl WithSimd for Logarithms<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        const BLOCK: usize = FACTORS * LANES;
        let epsilon = f64::from(f32::EPSILON);
        let (low, high) = (self.count * epsilon, self.count * (1.0 - epsilon));
        let mut logarithms = 0.0;
        let blocks = self.sum.chunks(BLOCK).zip(self.factor.chunks(BLOCK));
        for ((sum, factor), scores) in blocks.zip(self.scores.chunks(BLOCK)) {
            let mut products = [1.0; LANES];
            let mut multiply = |sum: &[f64], factor: &[f32], scores: &[f32]| {
                for (((product, sum), factor), score) in
                    products.iter_mut().zip(sum).zip(factor).zip(scores)
                {
                    let cell = sum + f64::from(factor * score);
                    let cell = if cell > low { cell } else { low };
                    *product *= if cell < high { cell } else { high };
                }
            };
            let (sums, last_sum) = sum.as_chunks::<LANES>();
            let (factors, last_factor) = factor.as_chunks::<LANES>();
            let (scores, last_scores) = scores.as_chunks::<LANES>();
            for ((sum, factor), scores) in sums.iter().zip(factors).zip(scores) {
                multiply(sum, factor, scores);
            }
            multiply(last_sum, last_factor, last_scores);
            logarithms += products.iter().map(|product| product.ln()).sum::<f64>();
        }
        logarithms
    }
}

impl Objective for LogLossSums<'_> {
    fn clear(&mut self) {
        self.sum = self
            .offset
            .iter()
            .map(|&offset| f64::from(offset))
            .collect();
        self.count = 0;
    }

    fn add(&mut self, candidate: usize) {
        let cells = self.offset.iter().zip(&self.factor);
        let cells = cells.zip(&*self.scores[candidate]);
        for (sum, ((&offset, &factor), &score)) in self.sum.iter_mut().zip(cells) {
            *sum += f64::from(factor * score) + f64::from(offset);
        }
        self.count += 1;
    }

    fn with_each(&self, candidates: &[usize]) -> Result<Vec<Option<f64>>> {
        let score = |&candidate: &usize| Some(self.loss_with(candidate));
        Ok(candidates.par_iter().map(score).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use xscatter_core::{Classes, Tags, seed};
    use xscatter_metrics::{Brier, LogLoss};

    fn unit(stream: u64, row: u64) -> f32 {
        (seed::derive(stream, row) >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// 1500 rows × 3 outputs: more than a block of cells and no whole number of lanes.
    fn candidates(is_class: bool) -> Vec<Array2<f32>> {
        let candidate = |number: u64| {
            let mut scores = Array2::from_shape_fn((1501, 3), |(row, output)| {
                // Some are certain, rightly or wrongly.
                let p = unit(number, (3 * row + output) as u64);
                if row % 97 == 5 { p.round() } else { p }
            });
            if is_class {
                for mut row in scores.rows_mut() {
                    row[2] += 1e-3;
                    let sum = row.sum();
                    row /= sum;
                }
            }
            scores
        };
        (0..4).map(candidate).collect()
    }

    fn classes() -> Target {
        let names = ["a", "b", "c"].map(Into::into).to_vec();
        let labels = (0..1501).map(|row| row % 3).collect();
        Target::Classes(Classes::new(names, labels).unwrap())
    }

    fn tags() -> Target {
        let names = ["a", "b", "c"].map(Into::into).to_vec();
        let states = Array2::from_shape_fn((1501, 3), |(row, tag)| match (row + tag) % 5 {
            0 => TagState::Unknown,
            1 | 2 => TagState::Positive,
            _ => TagState::Negative,
        });
        Target::Tags(Tags::new(names, states).unwrap())
    }

    #[test]
    fn sums_of_log_loss_are_the_metric() {
        let metric = &LogLoss;
        for truth in [classes(), tags()] {
            let all = candidates(matches!(truth, Target::Classes(_)));
            let views: Vec<ArrayView2<'_, f32>> = all.iter().map(|one| one.view()).collect();
            let mut whole = WholeMetric::new(&views, &truth, metric);
            let order = [0, 1, 2, 3];
            let singles = whole.with_each(&order).unwrap();
            let mut sums = LogLossSums::if_it_is(&views, &truth, metric, &singles).unwrap();
            for round in 0..40 {
                let (left, right) = (sums.with_each(&order), whole.with_each(&order));
                for (left, right) in left.unwrap().into_iter().zip(right.unwrap()) {
                    assert_relative_eq!(left.unwrap(), right.unwrap(), max_relative = 1e-6);
                }
                sums.add(round % 4);
                whole.add(round % 4);
            }
            sums.clear();
            assert_eq!(sums.with_each(&order).unwrap().len(), 4);
        }
    }

    #[test]
    fn other_metrics_are_not_taken_for_it() {
        let all = candidates(true);
        let views: Vec<ArrayView2<'_, f32>> = all.iter().map(|one| one.view()).collect();
        let truth = classes();
        let singles = WholeMetric::new(&views, &truth, &Brier)
            .with_each(&[0, 1, 2, 3])
            .unwrap();
        assert!(LogLossSums::if_it_is(&views, &truth, &Brier, &singles).is_none());
        // Another log-loss by its values.
        assert!(LogLossSums::if_it_is(&views, &truth, &LogLoss, &singles).is_none());
    }
}
