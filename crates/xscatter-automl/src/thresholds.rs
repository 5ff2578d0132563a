//! Decisions that suit a metric: a threshold for every tag, a factor for every class.
//!
//! A model says how probable a tag is; where a tag is rare, 0.5 is seldom the best place to say yes. And
//! where classes are unevenly frequent, the most probable one is not always the best guess for a metric
//! that counts classes alike. Fitted on out-of-fold scores `p`,
//!
//! - tags: row `i` gets tag `k` if `p_ik ≥ t_k`;
//! - classes: row `i` gets the class with the largest `f_k p_ik`.
//!
//! One output after the other is moved to where the metric is best, the others held, until a pass over
//! all of them brings nothing, four passes at most. A metric of decisions can only gain next to a row
//! that truly is of the output, so 64 such places are tried, spread evenly over its rows if it has
//! more; of places that are as good, the one nearest to 0.5 (or 1) counts.
//!
//! Use it for metrics of decisions (F1, balanced accuracy). On the scores that it is fitted to it can
//! only win, and a rare output is fitted to few rows: [`Thresholds::gain`] says how much of that stays
//! on rows that the fit has not seen. Cost: passes × outputs × 64 evaluations of the metric, in
//! parallel.

use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Metric, Result, Score, TagState, Target};

use crate::ensemble::better;
use crate::split::{Fold, judged_rows};

/// Where decisions are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", try_from = "RawThresholds")]
pub enum Thresholds {
    /// From which probability on a row gets the tag, for every tag.
    Tags(Vec<f64>),
    /// By what the probability of every class is multiplied before the largest wins.
    Classes(Vec<f64>),
}

/// What a file says, not looked at yet.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawThresholds {
    Tags(Vec<f64>),
    Classes(Vec<f64>),
}

impl TryFrom<RawThresholds> for Thresholds {
    type Error = String;

    fn try_from(raw: RawThresholds) -> Result<Self, String> {
        let (thresholds, limit) = match raw {
            RawThresholds::Tags(values) => (Self::Tags(values), 1.0),
            RawThresholds::Classes(values) => (Self::Classes(values), f64::INFINITY),
        };
        let (Self::Tags(values) | Self::Classes(values)) = &thresholds;
        let is_off = |value: &&f64| !(**value > 0.0 && **value < limit);
        match values.iter().find(is_off) {
            Some(odd) => Err(format!(
                "expected numbers above 0 and below {limit}, got {odd}"
            )),
            None => Ok(thresholds),
        }
    }
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// Whether each row has each tag, rows × tags.
    Tags(Array2<bool>),
    /// The class of each row, as its position among the names.
    Classes(Vec<u32>),
}

/// What thresholds bring.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// The metric without thresholds.
    pub plain: Score,
    /// The metric with thresholds, on the rows that they were fitted to.
    pub fitted: Score,
    /// The metric with each fold decided by thresholds that were fitted to the other folds: what to
    /// expect on new rows.
    pub cross_fitted: Score,
}

/// How many places are tried for an output in a pass.
const PLACES: usize = 64;
const PASSES: usize = 4;
/// No class counts more, or less, than this many times what it is.
const LARGEST_FACTOR: f64 = 1e3;

impl Thresholds {
    /// The thresholds or factors at which the metric is best on these out-of-fold scores; 0.5 or 1 for
    /// all where nothing is better.
    ///
    /// # Errors
    /// If the target is one of values, the sizes differ, a score is not within `[0, 1]`, or the metric
    /// fails.
    pub fn fit(truth: &Target, scores: ArrayView2<'_, f32>, metric: &dyn Metric) -> Result<Self> {
        check(truth, scores)?;
        let mut current = Self::neutral(truth)?;
        let mut best = current.evaluate(truth, scores, metric)?;
        for _ in 0..PASSES {
            let mut has_moved = false;
            for output in 0..truth.names().len() {
                let places = current.places(output, truth, scores);
                let found: Vec<Option<f64>> = places
                    .par_iter()
                    .map(|&place| current.moved(output, place).evaluate(truth, scores, metric))
                    .collect::<Result<_>>()?;
                for (&place, found) in places.iter().zip(found) {
                    let Some(found) = found else { continue };
                    let is_best = best.is_none_or(|best| better(metric.goal(), found, best));
                    // Places are in the order of their distance, so the first of equal ones stays.
                    if is_best {
                        best = Some(found);
                        current = current.moved(output, place);
                        has_moved = true;
                    }
                }
            }
            if !has_moved {
                break;
            }
        }
        Ok(current.normalised())
    }

    /// What thresholds for this metric bring, and how much of it stays on rows they were not fitted
    /// to. Rows that no fold judges take no part; those that several folds judge count once.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and if the folds judge no row or rows beyond the end.
    pub fn gain(
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        metric: &dyn Metric,
        folds: &[Fold],
    ) -> Result<Gain> {
        check_shape(truth, scores)?;
        let rows = judged_rows(folds);
        if rows.last().is_none_or(|&last| last >= truth.len()) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "expected folds that judge some of {} rows, got {rows:?}",
                    truth.len()
                ),
            ));
        }
        let (judged, plain) = (truth.select(&rows), scores.select(Axis(0), &rows));
        let fitted = Self::fit(&judged, plain.view(), metric)?.apply(plain.view())?;
        let mut crossed = plain.clone();
        let mut is_done = vec![false; truth.len()];
        for fold in folds {
            let is_judged_here = |row: &usize| fold.validation.binary_search(row).is_ok();
            let others: Vec<usize> = rows
                .iter()
                .copied()
                .filter(|row| !is_judged_here(row))
                .collect();
            let seen = scores.select(Axis(0), &others);
            let thresholds = Self::fit(&truth.select(&others), seen.view(), metric)?;
            let decided = thresholds.apply(scores.select(Axis(0), &fold.validation).view())?;
            for (decided, &row) in decided.rows().into_iter().zip(&fold.validation) {
                if let Ok(place) = rows.binary_search(&row)
                    && !is_done[row]
                {
                    is_done[row] = true;
                    crossed.row_mut(place).assign(&decided);
                }
            }
        }
        Ok(Gain {
            plain: metric.evaluate(&judged, plain.view())?,
            fitted: metric.evaluate(&judged, fitted.view())?,
            cross_fitted: metric.evaluate(&judged, crossed.view())?,
        })
    }

    /// The decisions on these scores.
    ///
    /// # Errors
    /// If the number of outputs differs from that of the fit.
    pub fn decide(&self, scores: ArrayView2<'_, f32>) -> Result<Decided> {
        self.check_outputs(scores)?;
        Ok(match self {
            Self::Tags(thresholds) => {
                Decided::Tags(Array2::from_shape_fn(scores.dim(), |(row, tag)| {
                    f64::from(scores[[row, tag]]) >= thresholds[tag]
                }))
            }
            Self::Classes(factors) => {
                let largest = |row: ndarray::ArrayView1<'_, f32>| {
                    let mut best = (0, f64::NEG_INFINITY);
                    for (class, (&p, factor)) in row.iter().zip(factors).enumerate() {
                        if f64::from(p) * factor > best.1 {
                            best = (class as u32, f64::from(p) * factor);
                        }
                    }
                    best.0
                };
                Decided::Classes(scores.rows().into_iter().map(largest).collect())
            }
        })
    }

    /// Scores from which 0.5, or the largest of the row, decides as [`decide`](Self::decide) does: for
    /// metrics and programs that know no other rule. Tags keep their order among the rows, and classes
    /// their sum of 1.
    ///
    /// # Errors
    /// If the number of outputs differs from that of the fit.
    pub fn apply(&self, scores: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        self.check_outputs(scores)?;
        Ok(self.moved_scores(scores))
    }

    fn moved_scores(&self, scores: ArrayView2<'_, f32>) -> Array2<f32> {
        let mut moved = scores.to_owned();
        match self {
            Self::Tags(thresholds) => {
                for (mut column, &threshold) in moved.columns_mut().into_iter().zip(thresholds) {
                    column.mapv_inplace(|p| around_half(p, threshold));
                }
            }
            Self::Classes(factors) => {
                for mut row in moved.rows_mut() {
                    let weighted = row.iter().zip(factors).map(|(&p, f)| f64::from(p) * f);
                    let sum: f64 = weighted.sum();
                    if sum > 0.0 {
                        for (p, factor) in row.iter_mut().zip(factors) {
                            *p = (f64::from(*p) * factor / sum) as f32;
                        }
                    }
                }
            }
        }
        moved
    }

    fn neutral(truth: &Target) -> Result<Self> {
        let n = truth.names().len();
        match truth {
            Target::Tags(_) => Ok(Self::Tags(vec![0.5; n])),
            Target::Classes(_) => Ok(Self::Classes(vec![1.0; n])),
            _ => Err(Error::new(
                ErrorKind::InvalidArgument,
                "thresholds: expected a target of classes or tags, got values",
            )),
        }
    }

    fn moved(&self, output: usize, place: f64) -> Self {
        let mut moved = self.clone();
        let (Self::Tags(values) | Self::Classes(values)) = &mut moved;
        values[output] = place;
        moved
    }

    /// Factors of which the geometric mean is 1; only their ratios matter.
    fn normalised(mut self) -> Self {
        if let Self::Classes(factors) = &mut self {
            let mean = factors.iter().map(|f| f.ln()).sum::<f64>() / factors.len().max(1) as f64;
            for factor in factors {
                *factor /= mean.exp();
            }
        }
        self
    }

    fn evaluate(
        &self,
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        metric: &dyn Metric,
    ) -> Result<Option<f64>> {
        let score = metric.evaluate(truth, self.moved_scores(scores).view())?;
        Ok(score.value().filter(|score| score.is_finite()))
    }

    /// Where the output could be put, nearest to where nothing is changed first.
    fn places(&self, output: usize, truth: &Target, scores: ArrayView2<'_, f32>) -> Vec<f64> {
        let mut places = match (self, truth) {
            (Self::Tags(_), Target::Tags(tags)) => tag_places(
                scores
                    .column(output)
                    .iter()
                    .zip(tags.states().column(output))
                    .filter(|(_, state)| **state != TagState::Unknown)
                    .map(|(&p, state)| (f64::from(p), *state == TagState::Positive)),
            ),
            (Self::Classes(factors), Target::Classes(classes)) => {
                class_places(scores.rows().into_iter().zip(classes.labels()).map(
                    |(row, &label)| {
                        let others = row.iter().zip(factors).enumerate();
                        let rival = others
                            .filter(|(class, _)| *class != output)
                            .map(|(_, (&p, factor))| f64::from(p) * factor)
                            .fold(0.0, f64::max);
                        (rival / f64::from(row[output]), label as usize == output)
                    },
                ))
            }
            _ => vec![],
        };
        let distance = |place: f64| match self {
            Self::Tags(_) => (place / (1.0 - place)).ln().abs(),
            Self::Classes(_) => place.ln().abs(),
        };
        places.sort_by(|&one, &other| distance(one).total_cmp(&distance(other)));
        places
    }

    fn check_outputs(&self, scores: ArrayView2<'_, f32>) -> Result<()> {
        let (Self::Tags(values) | Self::Classes(values)) = self;
        let expected = (scores.nrows(), values.len());
        if scores.dim() == expected {
            return Ok(());
        }
        Err(wrong_shape(expected, scores))
    }
}

/// The probability on the scale on which the threshold is 0.5.
fn around_half(p: f32, threshold: f64) -> f32 {
    let exact = f64::from(p);
    if exact >= threshold {
        let moved = (0.5 + 0.5 * (exact - threshold) / (1.0 - threshold)) as f32;
        // What lies above must not be rounded to what lies on it.
        if exact > threshold {
            moved.max(0.5_f32.next_up())
        } else {
            0.5
        }
    } else {
        ((0.5 * exact / threshold) as f32).min(0.5_f32.next_down())
    }
}

/// Half-way below the probability of each row with the tag, and above all.
fn tag_places(rows: impl Iterator<Item = (f64, bool)>) -> Vec<f64> {
    let (scores, positives) = sorted(rows);
    let below = |&p: &f64| {
        let place = scores.partition_point(|&other| other < p);
        let lower = if place == 0 { 0.0 } else { scores[place - 1] };
        lower.midpoint(p)
    };
    let mut places: Vec<f64> = thinned(&positives).iter().map(below).collect();
    places.extend(scores.last().map(|last| last.midpoint(1.0)));
    places.retain(|place| *place > 0.0 && *place < 1.0);
    places
}

/// Half-way (by ratio) above the factor at which each row of the class becomes right, and below all.
fn class_places(rows: impl Iterator<Item = (f64, bool)>) -> Vec<f64> {
    let (ratios, positives) = sorted(rows.filter(|(ratio, _)| ratio.is_finite()));
    let above = |&ratio: &f64| {
        let place = ratios.partition_point(|&other| other <= ratio);
        ratios
            .get(place)
            .map_or(2.0 * ratio, |higher| (higher * ratio).sqrt())
    };
    let mut places: Vec<f64> = thinned(&positives).iter().map(above).collect();
    places.extend(ratios.first().map(|first| first / 2.0));
    places.retain(|place| (1.0 / LARGEST_FACTOR..=LARGEST_FACTOR).contains(place));
    places
}

/// The distinct numbers of all rows and of the positive ones, ascending.
fn sorted(rows: impl Iterator<Item = (f64, bool)>) -> (Vec<f64>, Vec<f64>) {
    let rows: Vec<(f64, bool)> = rows.collect();
    let ascending = |mut numbers: Vec<f64>| {
        numbers.sort_by(f64::total_cmp);
        numbers.dedup();
        numbers
    };
    let all = rows.iter().map(|(number, _)| *number).collect();
    let positive = rows.iter().filter(|(_, is_positive)| *is_positive);
    let positive = positive.map(|(number, _)| *number).collect();
    (ascending(all), ascending(positive))
}

/// So many of them, evenly spread, the first and the last included.
fn thinned(numbers: &[f64]) -> Vec<f64> {
    let n = numbers.len();
    if n <= PLACES {
        return numbers.to_vec();
    }
    (0..PLACES)
        .map(|place| numbers[place * (n - 1) / (PLACES - 1)])
        .collect()
}

fn check_shape(truth: &Target, scores: ArrayView2<'_, f32>) -> Result<()> {
    let expected = (truth.len(), truth.names().len());
    if scores.dim() == expected {
        return Ok(());
    }
    Err(wrong_shape(expected, scores))
}

fn check(truth: &Target, scores: ArrayView2<'_, f32>) -> Result<()> {
    check_shape(truth, scores)?;
    let is_off = |score: &f32| !(0.0..=1.0).contains(score);
    match scores
        .rows()
        .into_iter()
        .position(|row| row.iter().any(is_off))
    {
        Some(row) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("row {row}: expected probabilities, got {}", scores.row(row)),
        )),
        None => Ok(()),
    }
}

fn wrong_shape(expected: (usize, usize), scores: ArrayView2<'_, f32>) -> Error {
    Error::new(
        ErrorKind::ShapeMismatch,
        format!("expected scores of {expected:?}, got {:?}", scores.dim()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Zip, array};
    use xscatter_core::{Classes, Goal, Tags, seed};
    use xscatter_metrics::{BalancedAccuracy, LogLoss};

    /// The mean over the tags of F1, decided at 0.5.
    struct TagF1;

    impl Metric for TagF1 {
        fn name(&self) -> &str {
            "f1-macro"
        }

        fn goal(&self) -> Goal {
            Goal::Maximise
        }

        fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
            let Target::Tags(tags) = truth else {
                return Ok(Score::Undefined("no tags".into()));
            };
            let mut sum = 0.0;
            for (scores, states) in scores.columns().into_iter().zip(tags.states().columns()) {
                let (mut right, mut of_both) = (0, 0);
                Zip::from(scores).and(states).for_each(|&p, state| {
                    let has = *state == TagState::Positive;
                    if *state != TagState::Unknown {
                        right += usize::from(has && p >= 0.5);
                        of_both += usize::from(has) + usize::from(p >= 0.5);
                    }
                });
                if of_both == 0 {
                    return Ok(Score::Undefined("a tag nobody has".into()));
                }
                sum += 2.0 * right as f64 / of_both as f64;
            }
            Ok(Score::Value(sum / tags.names().len() as f64))
        }
    }

    fn unit(stream: u64, row: u64) -> f32 {
        (seed::derive(stream, row) >> 40) as f32 / (1_u64 << 24) as f32
    }

    /// Tags of which 20 % and 5 % of the rows have one, with scores that are too low but informative.
    fn tags(rows: usize) -> (Target, Array2<f32>) {
        let has = |row: usize, tag: usize| unit(tag as u64, row as u64) < [0.2, 0.05][tag];
        let states = Array2::from_shape_fn((rows, 2), |(row, tag)| match has(row, tag) {
            _ if row % 50 == 7 => TagState::Unknown,
            true => TagState::Positive,
            false => TagState::Negative,
        });
        let scores = Array2::from_shape_fn((rows, 2), |(row, tag)| {
            let noise = unit(10 + tag as u64, row as u64);
            0.3 * noise + if has(row, tag) { 0.15 } else { 0.0 }
        });
        let names = vec!["ring".into(), "peak".into()];
        (Target::Tags(Tags::new(names, states).unwrap()), scores)
    }

    #[test]
    fn rare_tags_get_the_threshold_that_none_beats() {
        let (truth, scores) = tags(250);
        let thresholds = Thresholds::fit(&truth, scores.view(), &TagF1).unwrap();
        let Thresholds::Tags(values) = &thresholds else {
            panic!("{thresholds:?}")
        };
        assert!(values.iter().all(|t| (0.2..0.4).contains(t)), "{values:?}");
        let score = |thresholds: &Thresholds| {
            let moved = thresholds.apply(scores.view()).unwrap();
            TagF1
                .evaluate(&truth, moved.view())
                .unwrap()
                .value()
                .unwrap()
        };
        let fitted = score(&thresholds);
        for step in 1..1000 {
            for tag in 0..2 {
                let other = score(&thresholds.moved(tag, f64::from(step) / 1000.0));
                assert!(other <= fitted, "{step} {tag}: {other} is above {fitted}");
            }
        }
        // What is decided is what 0.5 decides on the moved scores.
        let moved = thresholds.apply(scores.view()).unwrap();
        let decided = thresholds.decide(scores.view()).unwrap();
        assert_eq!(decided, Decided::Tags(moved.mapv(|p| p >= 0.5)));
        assert_eq!(score(&Thresholds::Tags(vec![0.5; 2])), 0.0);
    }

    #[test]
    fn the_gain_on_other_rows_is_less_than_on_those_of_the_fit() {
        let (truth, scores) = tags(400);
        let folds: Vec<Fold> = (0..4)
            .map(|fold| {
                let (validation, train) = (0..400).partition(|row| row % 4 == fold);
                Fold { train, validation }
            })
            .collect();
        let gain = Thresholds::gain(&truth, scores.view(), &TagF1, &folds).unwrap();
        let [plain, fitted, crossed] =
            [&gain.plain, &gain.fitted, &gain.cross_fitted].map(|score| score.value().unwrap());
        assert!(plain < crossed && crossed < fitted, "{gain:?}");
        assert!(Thresholds::gain(&truth, scores.view(), &TagF1, &[]).is_err());
        // What no fold judged is not looked at.
        let some = Thresholds::gain(&truth, scores.view(), &TagF1, &folds[..3]).unwrap();
        let mut scores = scores;
        for &row in &folds[3].validation {
            scores.row_mut(row).fill(f32::NAN);
        }
        let without = Thresholds::gain(&truth, scores.view(), &TagF1, &folds[..3]).unwrap();
        assert_eq!(without, some);
    }

    #[test]
    fn a_rare_class_gets_a_larger_factor() {
        // One row in ten is of the second class, and the scores know how rare it is.
        let labels: Vec<u32> = (0..500).map(|row| u32::from(row % 10 == 0)).collect();
        let scores = Array2::from_shape_fn((500, 2), |(row, class)| {
            let noise = unit(5, row as u64);
            let p = 0.3 * noise + if row % 10 == 0 { 0.12 } else { 0.0 };
            if class == 1 { p } else { 1.0 - p }
        });
        let truth = Classes::new(vec!["often".into(), "rare".into()], labels).unwrap();
        let truth = Target::Classes(truth);
        let thresholds = Thresholds::fit(&truth, scores.view(), &BalancedAccuracy).unwrap();
        let Thresholds::Classes(factors) = &thresholds else {
            panic!("{thresholds:?}")
        };
        assert!(factors[1] / factors[0] > 2.0, "{factors:?}");
        assert!((factors[0] * factors[1] - 1.0).abs() < 1e-12);
        let moved = thresholds.apply(scores.view()).unwrap();
        let fitted = BalancedAccuracy.evaluate(&truth, moved.view()).unwrap();
        assert!(fitted.value() > Some(0.65), "{fitted}");
        let labels = xscatter_metrics::predicted_labels(moved.view());
        let decided = thresholds.decide(scores.view()).unwrap();
        assert_eq!(decided, Decided::Classes(labels));
    }

    #[test]
    fn what_is_best_already_stays() {
        let truth = Target::Classes(Classes::from_names(&["a", "b", "c"]));
        let scores = array![[0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.0, 0.0, 1.0]];
        let thresholds = Thresholds::fit(&truth, scores.view(), &BalancedAccuracy).unwrap();
        assert_eq!(thresholds, Thresholds::Classes(vec![1.0; 3]));
        assert_eq!(thresholds.apply(scores.view()).unwrap(), scores);
    }

    #[test]
    fn what_cannot_be_fitted_is_named() {
        let truth = Target::Classes(Classes::from_names(&["a", "b"]));
        let off = array![[0.5, 0.5], [1.5, -0.5]];
        let error = Thresholds::fit(&truth, off.view(), &LogLoss).unwrap_err();
        assert!(error.message().starts_with("row 1"), "{error}");
        let error = Thresholds::fit(&truth, off.slice(ndarray::s![..1, ..]), &LogLoss);
        assert_eq!(error.unwrap_err().kind(), ErrorKind::ShapeMismatch);
        assert!(
            Thresholds::Classes(vec![1.0; 3])
                .decide(off.view())
                .is_err()
        );
        assert!(serde_json::from_str::<Thresholds>(r#"{"tags":[0.5,0.9]}"#).is_ok());
        for text in [r#"{"tags":[0.5,1.0]}"#, r#"{"classes":[0.0]}"#] {
            assert!(serde_json::from_str::<Thresholds>(text).is_err(), "{text}");
        }
    }
}
