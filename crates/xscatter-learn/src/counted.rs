//! The rows of a training set that count, for recipes that look at features alone.

use ndarray::{ArrayView2, Axis, CowArray, Ix2};
use xscatter_core::{Error, ErrorKind, Result, TrainingSet};

use crate::problem::{Missing, check_finite, first_without};

/// Rows of positive weight.
#[derive(Debug)]
pub(crate) struct Counted<'a> {
    /// Rows × features.
    pub(crate) rows: CowArray<'a, f32, Ix2>,
    /// The place of every row in the training set.
    pub(crate) places: Vec<usize>,
    /// The weight of every row, above 0; `None` if all weigh 1.
    pub(crate) weights: Option<Vec<f64>>,
}

impl<'a> Counted<'a> {
    /// Drops rows of weight 0, so that they cannot influence anything.
    pub(crate) fn new(train: &TrainingSet<'a>, missing: Missing) -> Result<Self> {
        train.stop().check()?;
        let n_rows = train.rows().nrows();
        let weight = |row: usize| train.weights().map_or(1.0, |weights| weights[row]);
        let places: Vec<usize> = (0..n_rows).filter(|&row| weight(row) > 0.0).collect();
        if places.is_empty() {
            return Err(degenerate("expected a row with a weight above 0, got none"));
        }
        if train.rows().ncols() == 0 {
            return Err(degenerate("expected at least one feature, got none"));
        }
        let rows = if places.len() == n_rows {
            CowArray::from(train.rows())
        } else {
            CowArray::from(train.rows().select(Axis(0), &places))
        };
        match missing {
            Missing::Refused => check_finite(rows.view())?,
            Missing::Allowed => check_not_infinite(rows.view())?,
        }
        let all_one = places.iter().all(|&row| weight(row) == 1.0);
        let weights = (!all_one).then(|| places.iter().map(|&row| weight(row).into()).collect());
        Ok(Self {
            rows,
            places,
            weights,
        })
    }

    /// The weight of a row.
    pub(crate) fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    /// The values of a feature that are not missing, ascending.
    pub(crate) fn sorted(&self, feature: usize) -> Vec<f32> {
        let column = self.rows.column(feature);
        let mut values: Vec<f32> = column.iter().copied().filter(|x| !x.is_nan()).collect();
        values.sort_unstable_by(f32::total_cmp);
        values
    }
}

/// The value at a share of 0 to 1 of ascending values, between two of them by a straight line; at least one
/// value is needed.
pub(crate) fn quantile(ascending: &[f32], share: f64) -> f64 {
    let place = share * (ascending.len() - 1) as f64;
    let below = place.floor() as usize;
    let low = f64::from(ascending[below]);
    let high = f64::from(ascending[(below + 1).min(ascending.len() - 1)]);
    low + (high - low) * (place - below as f64)
}

/// As `f32`; what is finite stays finite, however far out it lies.
pub(crate) fn to_f32(value: f64) -> f32 {
    if value.is_finite() {
        value.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
    } else {
        value as f32
    }
}

pub(crate) fn degenerate(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::DegenerateData, message)
}

fn check_not_infinite(rows: ArrayView2<'_, f32>) -> Result<()> {
    match first_without(rows, |value| !value.is_infinite()) {
        None => Ok(()),
        Some((row, column)) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!(
                "row {row}, feature {column}: expected a finite or missing value, got {}",
                rows[[row, column]]
            ),
        )),
    }
}
