//! How well every class, every tag and every group of samples was found, as tables.
//!
//! Use them beside the one number of a [`Metric`] to see which class is weak, which tag is never found, and
//! which beamline, detector or sample is hard. A value that does not exist (the precision of a class that
//! was never predicted) is a [`Score::Undefined`] with its reason. Every report has four forms: `Display`
//! and Markdown (four digits, a dash for what does not exist), CSV (full precision, an empty field) and
//! JSON (full precision, `{"undefined": reason}`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use ndarray::{ArrayView2, Axis};
use xscatter_core::{Error, ErrorKind, Metric, Result, Score, TagState, Target};

use crate::average::Missing;
use crate::average_precision::average_precision;
use crate::confusion::ConfusionMatrix;
use crate::problem::Problem;
use crate::roc_auc::area;
use crate::table::{Cell, Table};
use crate::tag_confusion::TagConfusion;

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

    fn table(&self) -> Table {
        let row = |class: &ClassReport| {
            vec![
                Cell::Name(class.name.to_string()),
                Cell::Score(class.precision.clone()),
                Cell::Score(class.recall.clone()),
                Cell::Score(class.f1.clone()),
                Cell::Count(class.support),
            ]
        };
        Table {
            head: head(&["class", "precision", "recall", "f1", "support"]),
            rows: self.classes.iter().map(row).collect(),
        }
    }
}

/// How well one tag was found, among the samples in which it is known.
#[derive(Debug, Clone, PartialEq)]
pub struct TagReport {
    /// The tag.
    pub name: Arc<str>,
    /// The share of its predictions (scores of 0.5 or more) that is right.
    pub precision: Score,
    /// The share of its samples that was found.
    pub recall: Score,
    /// The harmonic mean of both.
    pub f1: Score,
    /// The average precision.
    pub average_precision: Score,
    /// The area under the receiver operating characteristic.
    pub roc_auc: Score,
    /// How many samples have it.
    pub positive: u64,
    /// How many samples lack it.
    pub negative: u64,
    /// In how many samples nobody knows.
    pub unknown: u64,
}

/// How well every tag was found, in the order of the names.
#[derive(Debug, Clone, PartialEq)]
pub struct TagsReport {
    /// One entry a tag.
    pub tags: Vec<TagReport>,
}

impl TagsReport {
    /// The values of every tag.
    ///
    /// # Errors
    /// If the target is not one of tags, the sizes differ or a score is not finite.
    pub fn new(truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Self> {
        let problem = Problem::new(truth, scores, None)?;
        let states = problem.tags()?.states();
        let tags = TagConfusion::from_scores(truth, scores)?;
        let of_tag = |(tag, counts): (usize, TagConfusion)| {
            let ranked = problem.ranked(tag);
            let ranks = |value: Result<f64, Missing>| match value {
                Ok(value) => Score::Value(value),
                Err(Missing::Rest) => Score::Undefined("no negative sample".into()),
                Err(_) => Score::Undefined("no positive sample".into()),
            };
            let unknown = states.column(tag).into_iter();
            TagReport {
                precision: or(counts.precision(), "never predicted"),
                recall: or(counts.recall(), "no positive sample"),
                f1: or(counts.f1(), "neither a sample nor a prediction"),
                average_precision: ranks(average_precision(&ranked)),
                roc_auc: ranks(area(&ranked)),
                positive: counts.support(),
                negative: counts.false_alarms + counts.rejections,
                unknown: unknown.filter(|&&s| s == TagState::Unknown).count() as u64,
                name: counts.name,
            }
        };
        Ok(Self {
            tags: tags.into_iter().enumerate().map(of_tag).collect(),
        })
    }

    fn table(&self) -> Table {
        let row = |tag: &TagReport| {
            vec![
                Cell::Name(tag.name.to_string()),
                Cell::Score(tag.precision.clone()),
                Cell::Score(tag.recall.clone()),
                Cell::Score(tag.f1.clone()),
                Cell::Score(tag.average_precision.clone()),
                Cell::Score(tag.roc_auc.clone()),
                Cell::Count(tag.positive),
                Cell::Count(tag.negative),
                Cell::Count(tag.unknown),
            ]
        };
        Table {
            head: head(&[
                "tag",
                "precision",
                "recall",
                "f1",
                "average precision",
                "roc auc",
                "positive",
                "negative",
                "unknown",
            ]),
            rows: self.tags.iter().map(row).collect(),
        }
    }
}

/// The scores of one group of samples.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupScores {
    /// The group.
    pub name: String,
    /// How many samples it has.
    pub samples: u64,
    /// One score a metric.
    pub scores: Vec<Score>,
}

/// The scores of every group of samples by itself: of each beamline, detector or sample.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Classes, Target};
/// use xscatter_metrics::{Accuracy, GroupReport};
///
/// let truth = Target::Classes(Classes::from_names(&["SAXS", "WAXS", "SAXS", "WAXS"]));
/// let scores = array![[0.9, 0.1], [0.2, 0.8], [0.3, 0.7], [0.1, 0.9]];
/// let detectors = ["PILATUS", "PILATUS", "EIGER", "EIGER"];
/// let report = GroupReport::new(&[&Accuracy], &truth, scores.view(), &detectors)?;
/// assert_eq!(
///     report.to_string(),
///     "group    samples  accuracy\n\
///      EIGER          2    0.5000\n\
///      PILATUS        2    1.0000"
/// );
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GroupReport {
    /// The names of the metrics.
    pub metrics: Vec<String>,
    /// One entry a group, in the order of the names.
    pub groups: Vec<GroupScores>,
}

impl GroupReport {
    /// The scores of every group; `groups` names that of each sample.
    ///
    /// # Errors
    /// If there is not a group for every sample; as the metrics.
    pub fn new<M: Metric, S: AsRef<str>>(
        metrics: &[M],
        truth: &Target,
        scores: ArrayView2<'_, f32>,
        groups: &[S],
    ) -> Result<Self> {
        if groups.len() != truth.len() {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected a group for each of {} samples, got {}",
                    truth.len(),
                    groups.len()
                ),
            ));
        }
        // Sizes that do not agree must not panic in the selection below.
        if scores.nrows() != truth.len() {
            return Err(Error::new(
                ErrorKind::ShapeMismatch,
                format!(
                    "expected scores of {} samples, got {}",
                    truth.len(),
                    scores.nrows()
                ),
            ));
        }
        let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, group) in groups.iter().enumerate() {
            members.entry(group.as_ref()).or_default().push(row);
        }
        let groups = members.into_iter().map(|(name, rows)| {
            let truth = truth.select(&rows);
            let scores = scores.select(Axis(0), &rows);
            let of_group = metrics
                .iter()
                .map(|metric| metric.evaluate(&truth, scores.view()));
            Ok(GroupScores {
                name: name.to_owned(),
                samples: rows.len() as u64,
                scores: of_group.collect::<Result<_>>()?,
            })
        });
        Ok(Self {
            metrics: metrics.iter().map(|m| m.name().to_owned()).collect(),
            groups: groups.collect::<Result<_>>()?,
        })
    }

    fn table(&self) -> Table {
        let mut columns = head(&["group", "samples"]);
        columns.extend(self.metrics.iter().cloned());
        let row = |group: &GroupScores| {
            let mut row = vec![Cell::Name(group.name.clone()), Cell::Count(group.samples)];
            row.extend(group.scores.iter().cloned().map(Cell::Score));
            row
        };
        Table {
            head: columns,
            rows: self.groups.iter().map(row).collect(),
        }
    }
}

macro_rules! forms {
    ($($report:ty),*) => {$(
        impl $report {
            /// As CSV.
            pub fn to_csv(&self) -> String {
                self.table().to_csv()
            }

            /// As a JSON list of objects.
            pub fn to_json(&self) -> String {
                self.table().to_json()
            }

            /// As a Markdown table.
            pub fn to_markdown(&self) -> String {
                self.table().to_markdown()
            }
        }

        impl fmt::Display for $report {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.table().fmt(f)
            }
        }
    )*};
}
forms!(Report, TagsReport, GroupReport);

fn head(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn or(value: Option<f64>, reason: &str) -> Score {
    value.map_or_else(|| Score::Undefined(reason.to_owned()), Score::Value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;
    use xscatter_core::{Classes, Tags};

    use crate::accuracy::Accuracy;

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

    #[test]
    fn unknown_tags_are_counted_apart() {
        use TagState::{Negative, Positive, Unknown};
        let states = array![
            [Positive, Unknown],
            [Negative, Unknown],
            [Unknown, Negative],
        ];
        let names = vec!["ring".into(), "halo".into()];
        let truth = Target::Tags(Tags::new(names, states).unwrap());
        let scores = array![[0.9, 0.9], [0.2, 0.1], [0.9, 0.3]];
        let report = TagsReport::new(&truth, scores.view()).unwrap();
        assert_eq!(
            report.to_csv(),
            "tag,precision,recall,f1,average precision,roc auc,positive,negative,unknown\n\
             ring,1,1,1,1,1,1,1,1\nhalo,,,,,,0,1,2\n"
        );
        assert_eq!(
            report.tags[1].roc_auc,
            Score::Undefined("no positive sample".into())
        );
    }

    #[test]
    fn groups_of_another_number_are_refused() {
        let truth = Target::Classes(Classes::from_names(&["a", "b"]));
        let scores = array![[0.5, 0.5], [0.5, 0.5]];
        let error = GroupReport::new(&[&Accuracy], &truth, scores.view(), &["one"]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
    }
}
