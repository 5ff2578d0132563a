//! Which class was taken for which: the table that every label score is computed from.
//!
//! Rows are the true classes, columns the predicted ones, both in the order of the class names. The
//! predicted class of a sample is the output with the highest score; of equal scores the first wins.
//! Use it to see *which* classes are confused; use a [`Metric`](xscatter_core::Metric) to rank models.
//!
//! Counts are exact integers, so nothing here depends on the order of the samples. A share of a class
//! without a sample does not exist and is `None`, never 0. Cost: one pass over the scores.

use std::fmt;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use xscatter_core::{Classes, Error, ErrorKind, Result, Target};

use crate::average::ratio;
use crate::problem::Problem;

/// Why a confusion matrix could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfusionError {
    /// The counts are not a square with a row for every class.
    #[error("expected {classes} × {classes} counts, got {rows} × {columns}")]
    NotSquare {
        /// How many classes have a name.
        classes: usize,
        /// How many rows were given.
        rows: usize,
        /// How many columns were given.
        columns: usize,
    },
}

impl From<ConfusionError> for Error {
    fn from(error: ConfusionError) -> Self {
        Self::new(ErrorKind::ShapeMismatch, error.to_string())
    }
}

/// Counts of samples by true class (row) and predicted class (column).
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Target};
/// use xscatter_metrics::ConfusionMatrix;
///
/// let truth = Classes::from_names(&["SAXS", "SAXS", "WAXS"]);
/// let scores = array![[0.9, 0.1], [0.4, 0.6], [0.2, 0.8]];
/// let matrix = ConfusionMatrix::from_scores(&Target::Classes(truth), scores.view())?;
/// assert_eq!(matrix.counts(), array![[1, 1], [0, 1]]);
/// assert_eq!(matrix.recall(0), Some(0.5));
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    names: Vec<Arc<str>>,
    counts: Array2<u64>,
}

impl ConfusionMatrix {
    /// From the class names and the counts (true × predicted).
    ///
    /// # Errors
    /// [`ConfusionError::NotSquare`] if there is not a row and a column for every class.
    pub fn new(names: Vec<Arc<str>>, counts: Array2<u64>) -> Result<Self, ConfusionError> {
        let (rows, columns) = counts.dim();
        if (rows, columns) != (names.len(), names.len()) {
            return Err(ConfusionError::NotSquare {
                classes: names.len(),
                rows,
                columns,
            });
        }
        Ok(Self { names, counts })
    }

    /// From the truth and, for every sample, the position of its predicted class among the names.
    ///
    /// # Errors
    /// If the numbers of samples differ or a predicted label has no name.
    pub fn from_labels(truth: &Classes, predicted: &[u32]) -> Result<Self> {
        if truth.labels().len() != predicted.len() {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected a predicted label for each of {} samples, got {}",
                    truth.labels().len(),
                    predicted.len()
                ),
            ));
        }
        let classes = truth.n_classes();
        let mut counts = Array2::zeros((classes, classes));
        for (row, (&label, &guess)) in truth.labels().iter().zip(predicted).enumerate() {
            if guess as usize >= classes {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!("row {row}: expected a predicted label below {classes}, got {guess}"),
                ));
            }
            counts[[label as usize, guess as usize]] += 1;
        }
        Ok(Self {
            names: truth.names().to_vec(),
            counts,
        })
    }

    /// From the truth and the scores (samples × classes) of a model.
    ///
    /// # Errors
    /// If the target is not one of classes, the sizes differ or a score is not finite.
    pub fn from_scores(truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Self> {
        let classes = Problem::new(truth, scores, None)?.classes()?;
        Self::from_labels(classes, &predicted_labels(scores))
    }

    /// The class names, in the order of rows and columns.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// The counts, true × predicted.
    pub fn counts(&self) -> ArrayView2<'_, u64> {
        self.counts.view()
    }

    /// How many classes.
    pub fn n_classes(&self) -> usize {
        self.names.len()
    }

    /// How many samples.
    pub fn total(&self) -> u64 {
        self.counts.sum()
    }

    /// How many samples were predicted right.
    pub fn correct(&self) -> u64 {
        self.counts.diag().sum()
    }

    /// How many samples have this class.
    ///
    /// # Panics
    /// If there is no such class; so do the other questions about one class.
    pub fn support(&self, class: usize) -> u64 {
        self.counts.row(class).sum()
    }

    /// How many samples were predicted to have this class.
    pub fn predicted(&self, class: usize) -> u64 {
        self.counts.column(class).sum()
    }

    /// The share of the samples of class `truth` that was taken for class `predicted`; `None` if the
    /// class has no sample.
    pub fn share(&self, truth: usize, predicted: usize) -> Option<f64> {
        ratio(
            self.counts[[truth, predicted]] as f64,
            self.support(truth) as f64,
        )
    }

    /// The share of the samples of a class that was found; `None` if it has no sample.
    pub fn recall(&self, class: usize) -> Option<f64> {
        self.share(class, class)
    }

    /// The share of the predictions of a class that is right; `None` if it was never predicted.
    pub fn precision(&self, class: usize) -> Option<f64> {
        ratio(
            self.counts[[class, class]] as f64,
            self.predicted(class) as f64,
        )
    }

    /// The weighted harmonic mean of precision and recall,
    /// `(1 + β²) TP / ((1 + β²) TP + β² FN + FP)`; `None` for a class without sample and prediction.
    pub fn f_beta(&self, class: usize, beta: f64) -> Option<f64> {
        let hits = (1.0 + beta * beta) * self.counts[[class, class]] as f64;
        // TP + FN is the support and TP + FP the number of predictions.
        let all = beta * beta * self.support(class) as f64 + self.predicted(class) as f64;
        ratio(hits, all)
    }

    /// The counts as CSV: a head line with the predicted classes, then a line for each true class.
    pub fn to_csv(&self) -> String {
        let mut lines = String::from("true \\ predicted");
        for name in &self.names {
            lines.push(',');
            lines.push_str(&csv_field(name));
        }
        lines.push('\n');
        for (name, row) in self.names.iter().zip(self.counts.rows()) {
            lines.push_str(&csv_field(name));
            for count in row {
                lines.push(',');
                lines.push_str(&count.to_string());
            }
            lines.push('\n');
        }
        lines
    }
}

pub(crate) fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// An aligned table: the true classes down, the predicted ones across.
impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CORNER: &str = "true \\ predicted";
        let first = self
            .names
            .iter()
            .map(|name| name.chars().count())
            .fold(CORNER.len(), usize::max);
        let widths: Vec<usize> = (0..self.n_classes())
            .map(|column| {
                let digits = self.counts.column(column).into_iter().max();
                let digits = digits.map_or(1, |count| count.to_string().len());
                digits.max(self.names[column].chars().count())
            })
            .collect();
        write!(f, "{CORNER:<first$}")?;
        for (name, width) in self.names.iter().zip(&widths) {
            write!(f, "  {name:>width$}")?;
        }
        for (name, row) in self.names.iter().zip(self.counts.rows()) {
            write!(f, "\n{name:<first$}")?;
            for (count, width) in row.iter().zip(&widths) {
                write!(f, "  {count:>width$}")?;
            }
        }
        Ok(())
    }
}

/// For every row of scores the position of the highest one; of equal scores the first wins.
pub fn predicted_labels(scores: ArrayView2<'_, f32>) -> Vec<u32> {
    scores
        .rows()
        .into_iter()
        .map(|row| {
            let (mut best, mut highest) = (0, f32::NEG_INFINITY);
            for (label, &score) in row.iter().enumerate() {
                if score > highest {
                    (best, highest) = (label as u32, score);
                }
            }
            best
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn names(names: &[&str]) -> Vec<Arc<str>> {
        names.iter().map(|&name| name.into()).collect()
    }

    fn matrix() -> ConfusionMatrix {
        ConfusionMatrix::new(names(&["GISAXS", "a,b"]), array![[12, 3], [0, 1000]]).unwrap()
    }

    #[test]
    fn the_first_of_equal_scores_wins() {
        let scores = array![[0.5, 0.5, 0.0], [0.2, 0.4, 0.4], [0.0, 0.0, 1.0]];
        assert_eq!(predicted_labels(scores.view()), [0, 1, 2]);
    }

    #[test]
    fn shares_of_nothing_do_not_exist() {
        let matrix = ConfusionMatrix::new(
            names(&["a", "b", "c"]),
            array![[1, 1, 0], [0, 0, 0], [0, 2, 0]],
        )
        .unwrap();
        assert_eq!(matrix.recall(0), Some(0.5));
        assert_eq!(matrix.recall(1), None);
        assert_eq!(matrix.precision(2), None);
        assert_eq!(matrix.f_beta(2, 1.0), Some(0.0));
        assert_eq!((matrix.total(), matrix.correct()), (4, 1));
    }

    #[test]
    fn text_is_aligned_and_csv_is_quoted() {
        assert_eq!(
            matrix().to_string(),
            "true \\ predicted  GISAXS   a,b\n\
             GISAXS                12     3\n\
             a,b                    0  1000"
        );
        assert_eq!(
            matrix().to_csv(),
            "true \\ predicted,GISAXS,\"a,b\"\nGISAXS,12,3\n\"a,b\",0,1000\n"
        );
    }

    #[test]
    fn counts_that_are_not_square_are_refused() {
        assert_eq!(
            ConfusionMatrix::new(names(&["a"]), array![[1, 2]]),
            Err(ConfusionError::NotSquare {
                classes: 1,
                rows: 1,
                columns: 2
            })
        );
    }

    #[test]
    fn wrong_sizes_labels_and_scores_are_named() {
        let classes = Classes::from_names(&["SAXS", "WAXS"]);
        let few = ConfusionMatrix::from_labels(&classes, &[0]).unwrap_err();
        assert_eq!(few.kind(), ErrorKind::ShapeMismatch);
        let beyond = ConfusionMatrix::from_labels(&classes, &[0, 2]).unwrap_err();
        assert_eq!(
            beyond.message(),
            "row 1: expected a predicted label below 2, got 2"
        );
        let truth = Target::Classes(classes);
        let shape = ConfusionMatrix::from_scores(&truth, array![[1.0], [0.0]].view()).unwrap_err();
        assert_eq!(shape.kind(), ErrorKind::ShapeMismatch);
        let scores = array![[1.0, 0.0], [0.0, f32::NAN]];
        let nan = ConfusionMatrix::from_scores(&truth, scores.view()).unwrap_err();
        assert_eq!(
            nan.message(),
            "row 1, class WAXS: expected a finite score, got NaN"
        );
    }
}
