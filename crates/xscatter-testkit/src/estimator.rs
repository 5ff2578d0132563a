//! The contracts of [`Estimator`] with [`Predictor`] and with [`Transformer`].

use ndarray::{Array2, ArrayView2, Axis, s};
use xscatter_core::{
    Classes, ErrorKind, Estimator, Predictor, Result as CoreResult, StopToken, Target, TrainingSet,
    Transformer,
};

use crate::bits::difference;
use crate::toy::{Toy, clouds, names, shuffled};
use crate::violation::{Check, Violation, ensure};

/// How far the probabilities of a row may be from a sum of 1: the rounding of `f32`.
const SUM_TOLERANCE: f32 = 1e-4;

/// The share of its training rows that a classifier must get right on well separated clouds.
const TRAIN_ACCURACY: f64 = 0.8;

/// Checks that a classifier keeps the contracts of [`Estimator`] and [`Predictor`].
///
/// The kit fits it on small data of its own: two and three well separated classes, 40 rows each.
///
/// | rule | demands |
/// |---|---|
/// | `fit` | the toy data can be fitted |
/// | `outputs` | the outputs are the names of the target, in its order |
/// | `shape` | one row of scores for each row, one score for each output; no rows give no scores |
/// | `probabilities` | within 0 and 1, with a sum of 1 |
/// | `learns` | four training rows in five are classified correctly |
/// | `refit` | a second fit gives the same bits |
/// | `row-independence` | rows in another order, or one by one, give the same bits |
/// | `feature-count` | rows with more or fewer features are an [`ErrorKind::ShapeMismatch`] |
/// | `single-class` | one class alone is an [`ErrorKind::DegenerateData`] |
/// | `absent-class` | a class without a row keeps its output, or is an [`ErrorKind::DegenerateData`] |
/// | `constant-column` | a feature without variance gives probabilities or an error |
/// | `missing-value` | a `NaN` in a row gives probabilities or an error |
/// | `stopped` | a set stop token ends the fit with [`ErrorKind::Stopped`] |
///
/// A panic is no violation but a panic: the test fails with its message.
///
/// # Errors
/// The first rule that is broken.
pub fn check_estimator<E>(estimator: &E) -> Result<(), Violation>
where
    E: Estimator + ?Sized,
    E::Fitted: Predictor,
{
    for classes in [3, 2] {
        let toy = clouds(classes, 40);
        let place = format_args!("{classes} classes").to_string();
        check_classes(estimator, &toy).map_err(|violation| violation.within(place))?;
    }
    check_degenerate(estimator)?;
    check_awkward(estimator)?;
    let toy = clouds(2, 40);
    check_stop(&toy, |train| estimator.fit(train).err())
}

/// Checks that a scaler, a projection or an embedding keeps the contracts of [`Estimator`] and
/// [`Transformer`].
///
/// | rule | demands |
/// |---|---|
/// | `fit` | the toy data (three classes, 40 rows each, three features) can be fitted |
/// | `shape` | one row out for each row in, as wide as in the fit; no rows give no rows |
/// | `not-a-number` | finite rows stay finite, even with a feature without variance |
/// | `refit` | a second fit gives the same bits |
/// | `row-independence` | rows in another order, or one by one, give the same bits |
/// | `feature-count` | rows with more or fewer features are an [`ErrorKind::ShapeMismatch`] |
/// | `stopped` | a set stop token ends the fit with [`ErrorKind::Stopped`] |
///
/// # Errors
/// The first rule that is broken.
pub fn check_transformer<E>(estimator: &E) -> Result<(), Violation>
where
    E: Estimator + ?Sized,
    E::Fitted: Transformer,
{
    let toy = clouds(3, 40);
    let fit = |rows: ArrayView2<'_, f32>| fit(estimator, rows, &toy.target);
    let model = fit(toy.rows.view())?;
    let apply = |rows: ArrayView2<'_, f32>| model.transform(rows);
    let expected = run(&apply, toy.rows.view())?;
    ensure(expected.nrows() == toy.rows.nrows(), "shape", || {
        format!(
            "expected {} rows, got {}",
            toy.rows.nrows(),
            expected.nrows()
        )
    })?;
    finite(&expected)?;
    let again = fit(toy.rows.view())?;
    same(
        "refit",
        &expected,
        &run(&|rows| again.transform(rows), toy.rows.view())?,
    )?;
    check_rows(&apply, toy.rows.view(), &expected)?;

    let mut flat = toy.rows.clone();
    flat.column_mut(1).fill(2.5);
    if let Ok(model) = fit(flat.view()) {
        finite(&run(&|rows| model.transform(rows), flat.view())?)
            .map_err(|violation| violation.within("a feature without variance"))?;
    }
    check_stop(&toy, |train| estimator.fit(train).err())
}

/// Fits on the rows and gives the scores of the same rows; the part of [`check_estimator`] that a
/// family repeats with another build.
pub(crate) fn scores_of_fit<E>(estimator: &E) -> Result<Array2<f32>, Violation>
where
    E: Estimator + ?Sized,
    E::Fitted: Predictor,
{
    let toy = clouds(3, 40);
    let model = fit(estimator, toy.rows.view(), &toy.target)?;
    run(&|rows| model.predict_proba(rows), toy.rows.view())
}

/// A violation unless both arrays have the same bits.
pub(crate) fn same(rule: &'static str, left: &Array2<f32>, right: &Array2<f32>) -> Check {
    difference(left.view(), right.view()).map_or(Ok(()), |difference| {
        Err(Violation::new(
            rule,
            format!("the values differ: {difference}"),
        ))
    })
}

fn fit<E: Estimator + ?Sized>(
    estimator: &E,
    rows: ArrayView2<'_, f32>,
    target: &Target,
) -> Result<E::Fitted, Violation> {
    estimator
        .fit(&training(rows, target))
        .map_err(|error| Violation::new("fit", error.to_string()))
}

fn training<'a>(rows: ArrayView2<'a, f32>, target: &'a Target) -> TrainingSet<'a> {
    TrainingSet::new(rows, target).expect("the toy data have a target for every row")
}

type Apply<'a> = dyn Fn(ArrayView2<'_, f32>) -> CoreResult<Array2<f32>> + 'a;

fn run(apply: &Apply<'_>, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>, Violation> {
    apply(rows).map_err(|error| Violation::new("shape", format!("{:?}: {error}", rows.dim())))
}

fn check_classes<E>(estimator: &E, toy: &Toy) -> Check
where
    E: Estimator + ?Sized,
    E::Fitted: Predictor,
{
    let rows = toy.rows.view();
    let model = fit(estimator, rows, &toy.target)?;
    check_outputs(&model, &toy.target)?;
    let apply = |rows: ArrayView2<'_, f32>| model.predict_proba(rows);
    let expected = run(&apply, rows)?;
    check_probabilities(&expected, rows.nrows(), &toy.target)?;

    let labels = toy
        .target
        .classes()
        .expect("the toy target has classes")
        .labels();
    let right = expected
        .rows()
        .into_iter()
        .zip(labels)
        .filter(|(row, label)| argmax(row.as_slice().unwrap_or(&row.to_vec())) == **label as usize)
        .count();
    let accuracy = right as f64 / labels.len() as f64;
    ensure(accuracy >= TRAIN_ACCURACY, "learns", || {
        format!("expected {TRAIN_ACCURACY} of the training rows to be right, got {accuracy:.3}")
    })?;

    let again = fit(estimator, rows, &toy.target)?;
    same(
        "refit",
        &expected,
        &run(&|rows| again.predict_proba(rows), rows)?,
    )?;
    check_rows(&apply, rows, &expected)
}

fn argmax(scores: &[f32]) -> usize {
    (1..scores.len()).fold(0, |best, k| if scores[k] > scores[best] { k } else { best })
}

fn check_outputs(model: &impl Predictor, target: &Target) -> Check {
    ensure(model.outputs() == target.names(), "outputs", || {
        format!("expected {:?}, got {:?}", target.names(), model.outputs())
    })
}

fn check_probabilities(proba: &Array2<f32>, rows: usize, target: &Target) -> Check {
    let shape = (rows, target.names().len());
    ensure(proba.dim() == shape, "shape", || {
        format!("expected scores of {shape:?}, got {:?}", proba.dim())
    })?;
    for (index, row) in proba.rows().into_iter().enumerate() {
        let within = row.iter().all(|value| (0.0..=1.0).contains(value));
        let sum = row.sum();
        ensure(
            within && (sum - 1.0).abs() <= SUM_TOLERANCE,
            "probabilities",
            || format!("row {index}: expected numbers within 0 and 1 with a sum of 1, got {row}"),
        )?;
    }
    Ok(())
}

/// Order, one by one, no rows at all, and other numbers of features.
fn check_rows(apply: &Apply<'_>, rows: ArrayView2<'_, f32>, expected: &Array2<f32>) -> Check {
    let order = shuffled(rows.nrows(), 1);
    let other = run(apply, rows.select(Axis(0), &order).view())?;
    same(
        "row-independence",
        &expected.select(Axis(0), &order),
        &other,
    )
    .map_err(|violation| violation.within("rows in another order"))?;
    for row in 0..rows.nrows() {
        let alone = run(apply, rows.slice(s![row..=row, ..]))?;
        same(
            "row-independence",
            &expected.slice(s![row..=row, ..]).to_owned(),
            &alone,
        )
        .map_err(|violation| violation.within(format_args!("row {row} alone")))?;
    }
    let none = run(apply, rows.slice(s![..0, ..]))?;
    ensure(none.dim() == (0, expected.ncols()), "shape", || {
        format!(
            "no rows: expected (0, {}), got {:?}",
            expected.ncols(),
            none.dim()
        )
    })?;
    for features in [rows.ncols() - 1, rows.ncols() + 1] {
        let found = match apply(Array2::zeros((3, features)).view()) {
            Ok(_) => "no error".to_owned(),
            Err(error) if error.kind() == ErrorKind::ShapeMismatch => continue,
            Err(error) => format!("an error of kind {:?}", error.kind()),
        };
        return Err(Violation::new(
            "feature-count",
            format!(
                "{features} features after a fit on {}: expected an error of kind ShapeMismatch, got {found}",
                rows.ncols()
            ),
        ));
    }
    Ok(())
}

fn check_degenerate<E>(estimator: &E) -> Check
where
    E: Estimator + ?Sized,
    E::Fitted: Predictor,
{
    let toy = clouds(3, 40);
    for classes in [1, 2] {
        let target = labelled(classes, toy.rows.nrows(), |_| 0);
        let found = match estimator.fit(&training(toy.rows.view(), &target)) {
            Ok(_) => "a model".to_owned(),
            Err(error) if error.kind() == ErrorKind::DegenerateData => continue,
            Err(error) => format!("an error of kind {:?}", error.kind()),
        };
        return Err(Violation::new(
            "single-class",
            format!(
                "one class with rows of {classes} with names: expected an error of kind \
                 DegenerateData, got {found}"
            ),
        ));
    }

    // The middle one of three classes has no row, as in a fold of a small class.
    let toy = clouds(2, 40);
    let target = labelled(3, toy.rows.nrows(), |row| 2 * (row as u32 % 2));
    match estimator.fit(&training(toy.rows.view(), &target)) {
        Ok(model) => {
            let proba = run(&|rows| model.predict_proba(rows), toy.rows.view());
            check_outputs(&model, &target)
                .and_then(|()| check_probabilities(&proba?, toy.rows.nrows(), &target))
                .map_err(|violation| Violation::new("absent-class", violation.to_string()))
        }
        Err(error) if error.kind() == ErrorKind::DegenerateData => Ok(()),
        Err(error) => Err(Violation::new(
            "absent-class",
            format!("expected a model or an error of kind DegenerateData, got {error}"),
        )),
    }
}

fn labelled(classes: usize, rows: usize, label: impl Fn(usize) -> u32) -> Target {
    let labels = (0..rows).map(label).collect();
    Target::Classes(Classes::new(names(classes), labels).expect("every label has a name"))
}

/// Columns without variance and values that are missing: an error or probabilities, never NaN.
fn check_awkward<E>(estimator: &E) -> Check
where
    E: Estimator + ?Sized,
    E::Fitted: Predictor,
{
    let toy = clouds(3, 40);
    let mut flat = toy.rows.clone();
    flat.column_mut(2).fill(2.5);
    let mut missing = toy.rows.clone();
    missing[(1, 0)] = f32::NAN;
    for (rule, train, probe) in [
        ("constant-column", &flat, &flat),
        ("missing-value", &toy.rows, &missing),
        ("missing-value", &missing, &missing),
    ] {
        if let Ok(model) = estimator.fit(&training(train.view(), &toy.target))
            && let Ok(proba) = model.predict_proba(probe.view())
        {
            check_probabilities(&proba, probe.nrows(), &toy.target)
                .map_err(|violation| Violation::new(rule, violation.to_string()))?;
        }
    }
    Ok(())
}

fn check_stop(toy: &Toy, fit: impl Fn(&TrainingSet<'_>) -> Option<xscatter_core::Error>) -> Check {
    let stop = StopToken::new();
    stop.stop();
    let train = training(toy.rows.view(), &toy.target).with_stop(stop);
    let found = match fit(&train) {
        None => "a model".to_owned(),
        Some(error) if error.kind() == ErrorKind::Stopped => return Ok(()),
        Some(error) => format!("an error of kind {:?}", error.kind()),
    };
    Err(Violation::new(
        "stopped",
        format!("a stop token that is set: expected an error of kind Stopped, got {found}"),
    ))
}

fn finite(rows: &Array2<f32>) -> Check {
    match rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
        None => Ok(()),
        Some(((row, column), value)) => Err(Violation::new(
            "not-a-number",
            format!("finite rows became {value} in row {row}, column {column}"),
        )),
    }
}

#[cfg(test)]
pub(crate) mod tests;
