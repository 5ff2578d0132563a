//! Weight, mean and scatter of the rows of each class: all that a Gaussian or least-squares model
//! learns, and what can be added up over portions of rows.
//!
//! ```text
//! W = Σ w      μ = Σ w x / W      S = Σ w (x − μ)(x − μ)ᵀ
//! two portions:  W = W₁ + W₂,  μ = μ₁ + (μ₂ − μ₁) W₂/W,  S = S₁ + S₂ + (W₁ W₂/W) (μ₂ − μ₁)(μ₂ − μ₁)ᵀ
//! ```
//!
//! Rows are centred before they are squared. S is a matrix, or its diagonal alone. Source: Chan, Golub and
//! LeVeque 1979, STAN-CS-79-773.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Result, StopToken};

use crate::batch::Batch;
use crate::problem::ClassMap;

/// Rows between two looks at the stop token.
const LOOK: usize = 1024;

/// Those of one class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClassMoments {
    pub(crate) weight: f64,
    pub(crate) mean: Vec<f64>,
    /// Features × features, or the diagonal of that.
    pub(crate) scatter: Vec<f64>,
}

/// Those of all classes that a model has a name for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Moments(pub(crate) Vec<ClassMoments>);

impl Moments {
    /// With the diagonals of the scatter.
    pub(crate) fn diagonal(batch: &Batch<'_>, n_classes: usize, stop: &StopToken) -> Result<Self> {
        let n_features = batch.view().ncols();
        let mut all = Self::means(batch, n_classes, stop)?;
        for class in &mut all.0 {
            class.scatter = vec![0.0; n_features];
        }
        for (row, values) in batch.view().rows().into_iter().enumerate() {
            if row % LOOK == 0 {
                stop.check()?;
            }
            let class = &mut all.0[batch.labels[row] as usize];
            let weight = batch.weights[row];
            let places = class.scatter.iter_mut().zip(&class.mean);
            for ((sum, mean), &value) in places.zip(values) {
                let off = f64::from(value) - mean;
                *sum += weight * off * off;
            }
        }
        Ok(all)
    }

    /// With the whole scatter. `see` is shown the rows of each class as √w (x − μ), with their weights.
    pub(crate) fn full(
        batch: &Batch<'_>,
        n_classes: usize,
        stop: &StopToken,
        mut see: impl FnMut(usize, &ClassMoments, ArrayView2<'_, f64>, &[f64]),
    ) -> Result<Self> {
        let rows = batch.view();
        let mut all = Self::means(batch, n_classes, stop)?;
        for (class, members) in batch.by_class(n_classes).into_iter().enumerate() {
            let moments = &mut all.0[class];
            let weights: Vec<f64> = members.iter().map(|&row| batch.weights[row]).collect();
            let mut centred = Array2::zeros((members.len(), rows.ncols()));
            for ((mut out, &row), weight) in
                centred.rows_mut().into_iter().zip(&members).zip(&weights)
            {
                let root = weight.sqrt();
                for ((out, &value), mean) in out.iter_mut().zip(rows.row(row)).zip(&moments.mean) {
                    *out = root * (f64::from(value) - mean);
                }
            }
            moments.scatter = gram(centred.view(), stop)?.into_raw_vec_and_offset().0;
            see(class, moments, centred.view(), &weights);
        }
        Ok(all)
    }

    /// With weights and means alone.
    pub(crate) fn means(batch: &Batch<'_>, n_classes: usize, stop: &StopToken) -> Result<Self> {
        let empty = ClassMoments {
            weight: 0.0,
            mean: vec![0.0; batch.view().ncols()],
            scatter: Vec::new(),
        };
        let mut all = vec![empty; n_classes];
        for (row, values) in batch.view().rows().into_iter().enumerate() {
            if row % LOOK == 0 {
                stop.check()?;
            }
            let class = &mut all[batch.labels[row] as usize];
            let weight = batch.weights[row];
            class.weight += weight;
            for (sum, &value) in class.mean.iter_mut().zip(values) {
                *sum += weight * f64::from(value);
            }
        }
        for class in &mut all {
            for sum in &mut class.mean {
                if class.weight > 0.0 {
                    *sum /= class.weight;
                }
            }
        }
        Ok(Self(all))
    }

    /// These rows and those.
    pub(crate) fn and(&self, more: &Self) -> Self {
        let classes = self.0.iter().zip(&more.0);
        Self(classes.map(|(one, other)| one.and(other)).collect())
    }

    /// The classes that have rows, out of those of these names.
    pub(crate) fn classes(&self, names: &[Arc<str>]) -> Result<ClassMap> {
        let present: Vec<u32> = (0..names.len() as u32)
            .filter(|&class| self.0[class as usize].weight > 0.0)
            .collect();
        Ok(ClassMap::of(names, &present)?.0)
    }

    /// Those of the classes that have rows.
    pub(crate) fn present(&self) -> impl Iterator<Item = &ClassMoments> {
        self.0.iter().filter(|class| class.weight > 0.0)
    }

    /// What a file claims, if it can be: so many classes and features, with `per_class` numbers of scatter.
    pub(crate) fn check(
        &self,
        n_classes: usize,
        n_features: usize,
        per_class: Option<usize>,
    ) -> Result<(), String> {
        let fits = self.0.len() == n_classes
            && self.0.iter().all(|class| {
                class.weight.is_finite()
                    && class.weight >= 0.0
                    && class.mean.len() == n_features
                    && Some(class.scatter.len()) == per_class
                    && class
                        .mean
                        .iter()
                        .chain(&class.scatter)
                        .all(|x| x.is_finite())
            });
        if fits {
            return Ok(());
        }
        Err(format!(
            "expected weight, mean and scatter of {n_classes} classes and {n_features} features"
        ))
    }
}

impl ClassMoments {
    pub(crate) fn and(&self, more: &Self) -> Self {
        let weight = self.weight + more.weight;
        if weight == 0.0 {
            return self.clone();
        }
        let n = self.mean.len();
        let step: Vec<f64> = more
            .mean
            .iter()
            .zip(&self.mean)
            .map(|(b, a)| b - a)
            .collect();
        let share = more.weight / weight;
        let mean = self
            .mean
            .iter()
            .zip(&step)
            .map(|(a, step)| a + share * step);
        let factor = self.weight * share;
        let diagonal = self.scatter.len() == n;
        let sums = self.scatter.iter().zip(&more.scatter).enumerate();
        let scatter = sums
            .map(|(place, (a, b))| {
                let (row, column) = if diagonal {
                    (place, place)
                } else {
                    (place / n, place % n)
                };
                a + b + factor * step[row] * step[column]
            })
            .collect();
        Self {
            weight,
            mean: mean.collect(),
            scatter,
        }
    }
}

/// The weighted mean of class means; the weights sum to 1.
pub(crate) fn overall_mean<'a>(means: impl IntoIterator<Item = (f64, &'a [f64])>) -> Vec<f64> {
    let mut sum = Vec::new();
    for (weight, mean) in means {
        sum.resize(mean.len(), 0.0);
        for (sum, x) in sum.iter_mut().zip(mean) {
            *sum += weight * x;
        }
    }
    sum
}

/// XᵀX: strips of columns down to the diagonal, the rest by symmetry.
pub(crate) fn gram(rows: ArrayView2<'_, f64>, stop: &StopToken) -> Result<Array2<f64>> {
    const STRIP: usize = 64;
    let n = rows.ncols();
    let strips = (0..n)
        .into_par_iter()
        .step_by(STRIP)
        .map(|start| {
            stop.check()?;
            let end = n.min(start + STRIP);
            Ok(rows
                .slice(s![.., ..end])
                .t()
                .dot(&rows.slice(s![.., start..end])))
        })
        .collect::<Result<Vec<_>>>()?;
    let mut gram = Array2::zeros((n, n));
    for (strip, start) in strips.iter().zip((0..n).step_by(STRIP)) {
        let end = start + strip.ncols();
        gram.slice_mut(s![..end, start..end]).assign(strip);
        gram.slice_mut(s![start..end, ..end]).assign(&strip.t());
    }
    if gram.iter().all(|sum| sum.is_finite()) {
        return Ok(gram);
    }
    Err(Error::new(
        ErrorKind::Numerical,
        "expected finite sums of squares, got an overflow",
    ))
}
