//! Labelled rows as models see them that are sums over rows, and so can be fitted in portions.

use std::sync::Arc;

use ndarray::{ArrayView2, Axis, CowArray, Ix2};
use xscatter_core::learn::check_features;
use xscatter_core::{Error, ErrorKind, Result, TrainingSet};

use crate::problem::check_finite;

/// The rows of positive weight, with their classes among those of a model.
pub(crate) struct Batch<'a> {
    /// Rows × features.
    pub(crate) rows: CowArray<'a, f32, Ix2>,
    /// For each row its class among all names of the model.
    pub(crate) labels: Vec<u32>,
    /// For each row its weight, above 0.
    pub(crate) weights: Vec<f64>,
}

impl<'a> Batch<'a> {
    /// The rows to begin a model with, which has the names of their target.
    pub(crate) fn first(train: &TrainingSet<'a>) -> Result<Self> {
        let names = train.target().classes()?.names();
        Self::next(train, names, train.rows().ncols())
    }

    /// More rows for a model of these names and so many features.
    pub(crate) fn next(
        train: &TrainingSet<'a>,
        names: &[Arc<str>],
        n_features: usize,
    ) -> Result<Self> {
        train.stop().check()?;
        let target = train.target().classes()?;
        check_features(train.rows(), n_features)?;
        if n_features == 0 {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                "expected at least one feature, got none",
            ));
        }
        let weight = |row: usize| train.weights().map_or(1.0, |weights| weights[row]);
        let kept: Vec<usize> = (0..target.labels().len())
            .filter(|&row| weight(row) > 0.0)
            .collect();
        let position: Vec<Option<u32>> = target
            .names()
            .iter()
            .map(|name| names.iter().position(|known| known == name))
            .map(|place| place.map(|place| place as u32))
            .collect();
        let labels = kept
            .iter()
            .map(|&row| {
                let label = target.labels()[row] as usize;
                position[label].ok_or_else(|| {
                    Error::new(
                        ErrorKind::InvalidArgument,
                        format!(
                            "row {row}: expected a class of the model, got {}",
                            target.names()[label]
                        ),
                    )
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let rows = if kept.len() == target.labels().len() {
            CowArray::from(train.rows())
        } else {
            CowArray::from(train.rows().select(Axis(0), &kept))
        };
        check_finite(rows.view())?;
        Ok(Self {
            rows,
            labels,
            weights: kept.iter().map(|&row| weight(row).into()).collect(),
        })
    }

    /// The rows of each of so many classes.
    pub(crate) fn by_class(&self, n_classes: usize) -> Vec<Vec<usize>> {
        let mut rows = vec![Vec::new(); n_classes];
        for (row, &label) in self.labels.iter().enumerate() {
            rows[label as usize].push(row);
        }
        rows
    }

    /// Rows × features.
    pub(crate) fn view(&self) -> ArrayView2<'_, f32> {
        self.rows.view()
    }
}
