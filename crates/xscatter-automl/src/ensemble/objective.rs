//! How good the mean of what has been chosen would be with one candidate more.

use std::borrow::Cow;

use ndarray::{Array2, ArrayView2, Zip};
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
/// A cell is the probability that a row's class has, or that what is known of a row's tag has: `offset
/// + factor × score`. The loss of a mean is `ln n − mean ln(Σ cells)`, and the logarithm of a product of
/// many cells costs one logarithm.
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
const LANES: usize = 8;

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
        let epsilon = f64::from(f32::EPSILON);
        let (low, high) = (count * epsilon, count * (1.0 - epsilon));
        let mut logarithms = 0.0;
        let cells = |from: usize, to: usize| {
            let scores = &self.scores[candidate][from..to];
            (&self.sum[from..to], &self.factor[from..to], scores)
        };
        let cell = |sum: f64, factor: f32, score: f32| {
            (sum + f64::from(factor * score)).max(low).min(high)
        };
        let n = self.sum.len();
        let mut from = 0;
        while from < n {
            let to = n.min(from + FACTORS * LANES);
            let (sums, factors, scores) = cells(from, to);
            let mut products = [1.0; LANES];
            let mut sums = sums.chunks_exact(LANES);
            let mut factors = factors.chunks_exact(LANES);
            let mut scores = scores.chunks_exact(LANES);
            for ((sum, factor), score) in (&mut sums).zip(&mut factors).zip(&mut scores) {
                for lane in 0..LANES {
                    products[lane] *= cell(sum[lane], factor[lane], score[lane]);
                }
            }
            let rest = sums.remainder().iter().zip(factors.remainder());
            for (lane, ((sum, factor), score)) in rest.zip(scores.remainder()).enumerate() {
                products[lane] *= cell(*sum, *factor, *score);
            }
            logarithms += products.iter().map(|product| product.ln()).sum::<f64>();
            from = to;
        }
        // A cell that nobody knows is as high as can be, at no loss.
        (n as f64 * count.ln() - logarithms) / self.known as f64
    }
}

impl Objective for LogLossSums<'_> {
    fn clear(&mut self) {
        self.sum = self.offset.iter().map(|&offset| f64::from(offset)).collect();
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
