//! The contract of [`Metric`].

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, Axis, s};
use xscatter_core::{Classes, Goal, Metric, Score, TagState, Tags, Target, Values};

use crate::toy::{names, shuffled, uniform};
use crate::violation::{Check, Violation, ensure};

/// How many samples the kit scores.
const SAMPLES: usize = 24;

/// How far a score may move with the order of the samples: the rounding of a sum.
const ORDER_TOLERANCE: f64 = 1e-9;

/// Checks that a metric keeps the contract of [`Metric`].
///
/// The kit scores targets of its own: two and three classes, tags (some unknown) and values, with
/// ties among the scores. What the metric refuses throughout is not its kind of target; one kind it
/// must know.
///
/// | rule | demands |
/// |---|---|
/// | `known-target` | at least one kind of target is scored |
/// | `not-a-number` | a score is finite, or `Undefined` with a reason |
/// | `repeatable` | the same data give the same bits |
/// | `order` | the order of the samples does not matter |
/// | `size-mismatch` | other numbers of samples or outputs are an error |
/// | `no-samples` | nothing to score is an error or `Undefined`, not a number |
/// | `single-class` | one class alone, or a class without a sample, is a number or `Undefined` |
/// | `nan-scores` | a score that is not a number is an error or makes the result `Undefined` |
/// | `unknown-tags` | the score of an unknown tag changes nothing |
/// | `goal` | perfect scores have a number that is at least as good as that of shuffled ones |
///
/// # Errors
/// The first rule that is broken.
pub fn check_metric(metric: &dyn Metric) -> Result<(), Violation> {
    let mut known = 0;
    for (kind, truth) in [
        ("two classes", classes(2, |row| row as u32 % 2)),
        ("three classes", classes(3, |row| row as u32 % 3)),
        ("tags", tags()),
        ("values", values()),
    ] {
        let scores = plausible(&truth);
        if metric.evaluate(&truth, scores.view()).is_ok() {
            known += 1;
            check_kind(metric, &truth, &scores).map_err(|violation| violation.within(kind))?;
        }
    }
    ensure(known > 0, "known-target", || {
        "neither classes, tags nor values can be scored".to_owned()
    })
}

fn check_kind(metric: &dyn Metric, truth: &Target, scores: &Array2<f32>) -> Check {
    let score = defined(metric, "not-a-number", truth, scores.view())?;
    let again = defined(metric, "not-a-number", truth, scores.view())?;
    ensure(bits(&score) == bits(&again), "repeatable", || {
        format!("{score} and {again}")
    })?;
    for stream in 1..4 {
        let order = shuffled(SAMPLES, stream);
        let rows = scores.select(Axis(0), &order);
        let other = defined(metric, "order", &truth.select(&order), rows.view())?;
        ensure(close(&score, &other), "order", || {
            format!("{score}, and {other} with the samples in another order")
        })?;
    }
    check_sizes(metric, truth, scores)?;
    check_not_a_number(metric, truth, scores)?;
    check_goal(metric, truth)?;
    match truth {
        Target::Classes(known) => check_absent(metric, known.n_classes()),
        Target::Tags(known) => check_unknown(metric, truth, known, scores, &score),
        _ => Ok(()),
    }
}

/// The score, which must be finite or undefined with a reason.
fn defined(
    metric: &dyn Metric,
    rule: &'static str,
    truth: &Target,
    scores: ArrayView2<'_, f32>,
) -> Result<Score, Violation> {
    let score = metric
        .evaluate(truth, scores)
        .map_err(|error| Violation::new(rule, format!("expected a score, got {error}")))?;
    match &score {
        Score::Value(value) if !value.is_finite() => Err(Violation::new(
            "not-a-number",
            format!("expected a finite score or Undefined, got {value}"),
        )),
        Score::Undefined(reason) if reason.trim().is_empty() => {
            Err(Violation::new("not-a-number", "Undefined without a reason"))
        }
        _ => Ok(score),
    }
}

fn bits(score: &Score) -> Option<u64> {
    score.value().map(f64::to_bits)
}

fn close(left: &Score, right: &Score) -> bool {
    match (left.value(), right.value()) {
        (Some(left), Some(right)) => {
            (left - right).abs() <= ORDER_TOLERANCE * left.abs().max(right.abs()).max(1.0)
        }
        (left, right) => left == right,
    }
}

fn check_sizes(metric: &dyn Metric, truth: &Target, scores: &Array2<f32>) -> Check {
    let outputs = scores.ncols();
    let wider = Array2::from_elem((SAMPLES, outputs + 1), 0.25);
    let longer = Array2::from_elem((SAMPLES + 1, outputs), 0.25);
    for other in [
        scores.slice(s![..SAMPLES - 1, ..]),
        longer.view(),
        wider.view(),
    ] {
        ensure(
            metric.evaluate(truth, other).is_err(),
            "size-mismatch",
            || {
                format!(
                    "scores of {:?} for {SAMPLES} samples and {outputs} outputs were accepted",
                    other.dim()
                )
            },
        )?;
    }
    match metric.evaluate(&truth.select(&[]), scores.slice(s![..0, ..])) {
        Ok(Score::Value(value)) => Err(Violation::new(
            "no-samples",
            format!("expected an error or Undefined, got {value}"),
        )),
        _ => Ok(()),
    }
}

fn check_not_a_number(metric: &dyn Metric, truth: &Target, scores: &Array2<f32>) -> Check {
    let mut scores = scores.clone();
    scores[(1, 0)] = f32::NAN;
    match metric.evaluate(truth, scores.view()) {
        Ok(Score::Value(value)) => Err(Violation::new(
            "nan-scores",
            format!("a NaN among the scores: expected an error or Undefined, got {value}"),
        )),
        _ => Ok(()),
    }
}

fn check_goal(metric: &dyn Metric, truth: &Target) -> Check {
    let perfect = perfect(truth);
    let value = |scores: &Array2<f32>| {
        defined(metric, "goal", truth, scores.view())?
            .value()
            .ok_or_else(|| Violation::new("goal", "Undefined for every class in equal numbers"))
    };
    let best = value(&perfect)?;
    for stream in 4..8 {
        let other = value(&perfect.select(Axis(0), &shuffled(SAMPLES, stream)))?;
        let at_least_as_good = match metric.goal() {
            Goal::Maximise => best >= other,
            Goal::Minimise => best <= other,
        };
        ensure(at_least_as_good, "goal", || {
            format!(
                "{:?}, but perfect scores give {best} and shuffled ones {other}",
                metric.goal()
            )
        })?;
    }
    Ok(())
}

/// One class alone, and a class without a sample.
fn check_absent(metric: &dyn Metric, count: usize) -> Check {
    let mut targets = vec![classes(count, |_| 0), classes(count, |_| count as u32 - 1)];
    if count > 2 {
        targets.push(classes(count, |row| 2 * (row as u32 % 2)));
    }
    for truth in &targets {
        for scores in [plausible(truth), perfect(truth), scattered(count)] {
            defined(metric, "single-class", truth, scores.view()).map_err(|violation| {
                Violation::new(
                    "single-class",
                    format!("a class without a sample: {}", violation.detail),
                )
            })?;
        }
    }
    Ok(())
}

fn check_unknown(
    metric: &dyn Metric,
    truth: &Target,
    tags: &Tags,
    scores: &Array2<f32>,
    expected: &Score,
) -> Check {
    for replacement in [0.0, 1.0] {
        let mut scores = scores.clone();
        for (score, state) in scores.iter_mut().zip(tags.states()) {
            if *state == TagState::Unknown {
                *score = replacement;
            }
        }
        let found = defined(metric, "unknown-tags", truth, scores.view())?;
        ensure(close(expected, &found), "unknown-tags", || {
            format!("{expected}, and {found} with {replacement} for unknown tags")
        })?;
    }
    Ok(())
}

fn classes(count: usize, label: impl Fn(usize) -> u32) -> Target {
    let labels = (0..SAMPLES).map(label).collect();
    Target::Classes(Classes::new(names(count), labels).expect("every label has a name"))
}

fn tags() -> Target {
    let states =
        Array2::from_shape_fn((SAMPLES, 3), |(row, column)| match (row + 2 * column) % 5 {
            0 | 3 => TagState::Positive,
            1 | 4 => TagState::Negative,
            _ => TagState::Unknown,
        });
    let names: Vec<Arc<str>> = ["ring", "halo", "spot"].map(Arc::from).to_vec();
    Target::Tags(Tags::new(names, states).expect("a name for every column"))
}

fn values() -> Target {
    let values = Array2::from_shape_fn((SAMPLES, 2), |(row, column)| {
        f64::from(uniform(20, 2 * row + column))
    });
    let names: Vec<Arc<str>> = ["d_nm", "sigma_nm"].map(Arc::from).to_vec();
    Target::Values(Values::new(names, values).expect("a name for every column"))
}

/// The truth as scores.
fn perfect(truth: &Target) -> Array2<f32> {
    match truth {
        Target::Classes(classes) => {
            let mut scores = Array2::zeros((SAMPLES, classes.n_classes()));
            for (mut row, &label) in scores.rows_mut().into_iter().zip(classes.labels()) {
                row[label as usize] = 1.0;
            }
            scores
        }
        Target::Tags(tags) => tags.states().map(|state| match state {
            TagState::Positive => 1.0,
            TagState::Negative => 0.0,
            TagState::Unknown => 0.5,
        }),
        Target::Values(values) => values.values().mapv(|value| value as f32),
        other => unreachable!("the kit makes no target of {other:?}"),
    }
}

/// Scores in steps of an eighth, so that there are ties; a sum of 1 a row.
fn scattered(outputs: usize) -> Array2<f32> {
    let mut scores = Array2::from_shape_fn((SAMPLES, outputs), |(row, column)| {
        1.0 + (uniform(21, row * outputs + column) * 4.0).floor()
    });
    for mut row in scores.rows_mut() {
        let sum = row.sum();
        row /= sum;
    }
    scores
}

/// One part truth to three parts chance: some samples are right, some wrong.
fn plausible(truth: &Target) -> Array2<f32> {
    let perfect = perfect(truth);
    let chance = scattered(perfect.ncols());
    perfect * 0.25 + chance * 0.75
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use xscatter_core::{Error, ErrorKind, Result};

    use super::*;

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Flaw {
        None,
        KnowsNothing,
        NanForAbsent,
        ErrorForAbsent,
        NoReason,
        Drifts,
        SeesOrder,
        AnySize,
        ZeroForNothing,
        NanIsWrong,
        WrongGoal,
    }

    /// The mean recall of the classes.
    struct Recall(Flaw, AtomicUsize);

    impl Metric for Recall {
        fn name(&self) -> &str {
            "recall-macro"
        }

        fn goal(&self) -> Goal {
            if self.0 == Flaw::WrongGoal {
                Goal::Minimise
            } else {
                Goal::Maximise
            }
        }

        fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
            let classes = truth.classes()?;
            let error = |kind| Err(Error::new(kind, "refused"));
            let expected = (classes.labels().len(), classes.n_classes());
            if self.0 == Flaw::KnowsNothing {
                return error(ErrorKind::Other);
            }
            if scores.dim() != expected && self.0 != Flaw::AnySize {
                return error(ErrorKind::ShapeMismatch);
            }
            if scores.iter().any(|score| score.is_nan()) && self.0 != Flaw::NanIsWrong {
                return error(ErrorKind::InvalidArgument);
            }
            if truth.is_empty() {
                return Ok(match self.0 {
                    Flaw::ZeroForNothing => Score::Value(0.0),
                    _ => Score::Undefined("no sample".into()),
                });
            }
            let counts = classes.counts();
            if let Some(absent) = counts.iter().position(|&count| count == 0) {
                return match self.0 {
                    Flaw::NanForAbsent => Ok(Score::Value(f64::NAN)),
                    Flaw::ErrorForAbsent => error(ErrorKind::DegenerateData),
                    Flaw::NoReason => Ok(Score::Undefined(String::new())),
                    _ => Ok(Score::Undefined(format!("class {absent} has no sample"))),
                };
            }
            let mut recall = 0.0;
            for (position, (row, &label)) in
                scores.rows().into_iter().zip(classes.labels()).enumerate()
            {
                let best =
                    (1..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best });
                if best == label as usize {
                    let weight = if self.0 == Flaw::SeesOrder {
                        position as f64
                    } else {
                        1.0
                    };
                    recall += weight / counts[label as usize] as f64 / counts.len() as f64;
                }
            }
            if self.0 == Flaw::Drifts {
                recall += self.1.fetch_add(1, Ordering::Relaxed) as f64;
            }
            Ok(Score::Value(recall))
        }
    }

    #[test]
    fn a_metric_that_keeps_the_contract_passes() {
        check_metric(&Recall(Flaw::None, AtomicUsize::new(0))).unwrap();
    }

    #[test]
    fn every_violation_is_found() {
        for (flaw, rule) in [
            (Flaw::KnowsNothing, "known-target"),
            (Flaw::NanForAbsent, "single-class"),
            (Flaw::ErrorForAbsent, "single-class"),
            (Flaw::NoReason, "single-class"),
            (Flaw::Drifts, "repeatable"),
            (Flaw::SeesOrder, "order"),
            (Flaw::AnySize, "size-mismatch"),
            (Flaw::ZeroForNothing, "no-samples"),
            (Flaw::NanIsWrong, "nan-scores"),
            (Flaw::WrongGoal, "goal"),
        ] {
            let violation = check_metric(&Recall(flaw, AtomicUsize::new(0))).unwrap_err();
            assert_eq!(violation.rule, rule, "{flaw:?}: {violation}");
        }
    }

    /// The mean distance of the scores from the tags.
    struct TagDistance {
        counts_unknown: bool,
        infinite: bool,
    }

    impl Metric for TagDistance {
        fn name(&self) -> &str {
            "tag-distance"
        }

        fn goal(&self) -> Goal {
            Goal::Minimise
        }

        fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
            let Target::Tags(tags) = truth else {
                return Err(Error::new(ErrorKind::InvalidArgument, "expected tags"));
            };
            if scores.dim() != tags.states().dim() || scores.iter().any(|score| score.is_nan()) {
                return Err(Error::new(ErrorKind::ShapeMismatch, "refused"));
            }
            let mut sum = 0.0;
            let mut count = 0;
            for (state, &score) in tags.states().iter().zip(&scores) {
                let truth = f32::from(u8::from(*state == TagState::Positive));
                if *state != TagState::Unknown || self.counts_unknown {
                    sum += f64::from((truth - score).abs());
                    count += 1;
                }
            }
            if count == 0 {
                return Ok(Score::Undefined("no tag is known".into()));
            }
            Ok(Score::Value(if self.infinite {
                f64::INFINITY
            } else {
                sum / f64::from(count)
            }))
        }
    }

    #[test]
    fn tags_are_scored_without_the_unknown_ones() {
        let metric = |counts_unknown, infinite| TagDistance {
            counts_unknown,
            infinite,
        };
        check_metric(&metric(false, false)).unwrap();
        let rule = |metric| check_metric(&metric).unwrap_err().rule;
        assert_eq!(rule(metric(true, false)), "unknown-tags");
        assert_eq!(rule(metric(false, true)), "not-a-number");
    }
}
