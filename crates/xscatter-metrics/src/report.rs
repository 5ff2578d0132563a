//! Precision, recall, F1 and support of every class, as a table to read.
//!
//! Use it beside the one number of a [`Metric`](xscatter_core::Metric) to see which class is weak. A
//! value that does not exist (the precision of a class that was never predicted) is a
//! [`Score::Undefined`] with its reason, shown as a dash.

use std::fmt;
use std::sync::Arc;

use xscatter_core::Score;

use crate::confusion::ConfusionMatrix;

/// How well one class was found.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassReport {
    /// The class.
    pub name: Arc<str>,
    /// The share of its predictions that is right.
    pub precision: Score,
    /// The share of its samples that was found.
    pub recall: Score,
    /// The harmonic mean of both.
    pub f1: Score,
    /// How many samples it has.
    pub support: u64,
}

/// How well every class was found, in the order of the class names.
///
/// ```
/// use ndarray::array;
/// use xscatter_metrics::{ConfusionMatrix, Report};
///
/// let names = vec!["SAXS".into(), "WAXS".into()];
/// let report = Report::new(&ConfusionMatrix::new(names, array![[3, 1], [0, 4]])?);
/// assert_eq!(
///     report.to_string(),
///     "class  precision  recall      f1  support\n\
///      SAXS      1.0000  0.7500  0.8571        4\n\
///      WAXS      0.8000  1.0000  0.8889        4"
/// );
/// # Ok::<(), xscatter_metrics::confusion::ConfusionError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// One entry a class.
    pub classes: Vec<ClassReport>,
}

impl Report {
    /// The values of every class of a confusion matrix.
    pub fn new(matrix: &ConfusionMatrix) -> Self {
        let or = |value: Option<f64>, reason: &str| {
            value.map_or_else(|| Score::Undefined(reason.to_owned()), Score::Value)
        };
        let classes = (0..matrix.n_classes())
            .map(|class| ClassReport {
                name: matrix.names()[class].clone(),
                precision: or(matrix.precision(class), "never predicted"),
                recall: or(matrix.recall(class), "no sample"),
                f1: or(
                    matrix.f_beta(class, 1.0),
                    "neither a sample nor a prediction",
                ),
                support: matrix.support(class),
            })
            .collect();
        Self { classes }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self
            .classes
            .iter()
            .map(|class| class.name.chars().count())
            .fold("class".len(), usize::max);
        write!(f, "{:<width$}  precision  recall      f1  support", "class")?;
        let cell = |score: &Score| {
            score
                .value()
                .map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"))
        };
        for class in &self.classes {
            write!(
                f,
                "\n{:<width$}  {:>9}  {:>6}  {:>6}  {:>7}",
                class.name,
                cell(&class.precision),
                cell(&class.recall),
                cell(&class.f1),
                class.support
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn what_does_not_exist_is_a_dash_with_a_reason() {
        let names = vec!["SAXS".into(), "WAXS".into()];
        let matrix = ConfusionMatrix::new(names, array![[3, 0], [1, 0]]).unwrap();
        let report = Report::new(&matrix);
        assert_eq!(
            report.classes[1].precision,
            Score::Undefined("never predicted".into())
        );
        assert!(
            report
                .to_string()
                .ends_with("WAXS           –  0.0000  0.0000        1")
        );
    }
}
