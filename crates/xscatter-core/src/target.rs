//! What is to be predicted, with its names.

use std::sync::Arc;

use ndarray::{Array2, Axis};

use crate::error::{Error, ErrorKind};

/// Why a target could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// A label points beyond the class names.
    #[error("row {row}: expected a label below {classes}, got {label}")]
    LabelBeyondClasses {
        /// The row.
        row: usize,
        /// Its label.
        label: u32,
        /// How many classes there are.
        classes: usize,
    },
    /// The columns do not match the names.
    #[error("expected {expected} columns, one for every name, got {found}")]
    Columns {
        /// How many names.
        expected: usize,
        /// How many columns.
        found: usize,
    },
}

impl From<TargetError> for Error {
    fn from(error: TargetError) -> Self {
        Self::new(ErrorKind::InvalidArgument, error.to_string())
    }
}

/// What is to be predicted, one row a sample.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// Each sample has exactly one class.
    Classes(Classes),
    /// Each sample has any number of tags.
    Tags(Tags),
    /// Each sample has numbers.
    Values(Values),
}

impl Target {
    /// How many samples.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.labels().len(),
            Self::Tags(tags) => tags.states.nrows(),
            Self::Values(values) => values.values.nrows(),
        }
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The names of the classes, tags or values.
    pub fn names(&self) -> &[Arc<str>] {
        match self {
            Self::Classes(classes) => classes.names(),
            Self::Tags(tags) => &tags.names,
            Self::Values(values) => &values.names,
        }
    }

    /// The samples at `rows`, in that order.
    ///
    /// # Panics
    /// If a row is beyond the end.
    pub fn select(&self, rows: &[usize]) -> Self {
        match self {
            Self::Classes(classes) => Self::Classes(classes.select(rows)),
            Self::Tags(tags) => Self::Tags(Tags {
                names: tags.names.clone(),
                states: tags.states.select(Axis(0), rows),
            }),
            Self::Values(values) => Self::Values(Values {
                names: values.names.clone(),
                values: values.values.select(Axis(0), rows),
            }),
        }
    }

    /// The classes.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidArgument`] if the target is something else.
    pub fn classes(&self) -> crate::Result<&Classes> {
        match self {
            Self::Classes(classes) => Ok(classes),
            Self::Tags(_) => Err(Self::wrong_kind("tags")),
            Self::Values(_) => Err(Self::wrong_kind("values")),
        }
    }

    fn wrong_kind(found: &str) -> Error {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("expected a target of classes, got {found}"),
        )
    }
}

/// One class a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    names: Vec<Arc<str>>,
    labels: Vec<u32>,
}

impl Classes {
    /// From the class names and, for every sample, the position of its class among them.
    ///
    /// # Errors
    /// [`TargetError::LabelBeyondClasses`] for a label without a name.
    pub fn new(names: Vec<Arc<str>>, labels: Vec<u32>) -> Result<Self, TargetError> {
        match labels
            .iter()
            .position(|&label| label as usize >= names.len())
        {
            Some(row) => Err(TargetError::LabelBeyondClasses {
                row,
                label: labels[row],
                classes: names.len(),
            }),
            None => Ok(Self { names, labels }),
        }
    }

    /// From one name a sample; the classes are the distinct names in sorted order.
    pub fn from_names<S: AsRef<str>>(samples: &[S]) -> Self {
        let mut names: Vec<&str> = samples.iter().map(AsRef::as_ref).collect();
        names.sort_unstable();
        names.dedup();
        let labels = samples
            .iter()
            .map(|name| names.partition_point(|&other| other < name.as_ref()) as u32)
            .collect();
        Self {
            names: names.into_iter().map(Arc::from).collect(),
            labels,
        }
    }

    /// The names of the classes.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// For every sample the position of its class among the names.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// How many classes have a name, whether or not a sample has them.
    pub fn n_classes(&self) -> usize {
        self.names.len()
    }

    /// How many samples each class has.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.n_classes()];
        for &label in &self.labels {
            counts[label as usize] += 1;
        }
        counts
    }

    /// The samples at `rows`, in that order; all names are kept.
    ///
    /// # Panics
    /// If a row is beyond the end.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            names: self.names.clone(),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
        }
    }
}

/// What is known about one tag of one sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum TagState {
    /// The sample does not carry the tag.
    Negative,
    /// The sample carries the tag.
    Positive,
    /// Nobody knows, or nobody could tell: no loss and no score may count it.
    Unknown,
}

/// Any number of tags a sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tags {
    names: Vec<Arc<str>>,
    states: Array2<TagState>,
}

impl Tags {
    /// From the tag names and the states, samples × tags.
    ///
    /// # Errors
    /// [`TargetError::Columns`] if the columns do not match the names.
    pub fn new(names: Vec<Arc<str>>, states: Array2<TagState>) -> Result<Self, TargetError> {
        if names.len() != states.ncols() {
            return Err(TargetError::Columns {
                expected: names.len(),
                found: states.ncols(),
            });
        }
        Ok(Self { names, states })
    }

    /// The names of the tags.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Samples × tags.
    pub fn states(&self) -> &Array2<TagState> {
        &self.states
    }
}

/// Numbers to predict.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    names: Vec<Arc<str>>,
    values: Array2<f64>,
}

impl Values {
    /// From the names (with their units) and the values, samples × names.
    ///
    /// # Errors
    /// [`TargetError::Columns`] if the columns do not match the names.
    pub fn new(names: Vec<Arc<str>>, values: Array2<f64>) -> Result<Self, TargetError> {
        if names.len() != values.ncols() {
            return Err(TargetError::Columns {
                expected: names.len(),
                found: values.ncols(),
            });
        }
        Ok(Self { names, values })
    }

    /// The names of the values.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Samples × names.
    pub fn values(&self) -> &Array2<f64> {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_from_names_are_sorted() {
        let classes = Classes::from_names(&["WAXS", "SAXS", "WAXS"]);
        assert_eq!(
            classes.names().iter().map(|n| &**n).collect::<Vec<_>>(),
            ["SAXS", "WAXS"]
        );
        assert_eq!(classes.labels(), [1, 0, 1]);
        assert_eq!(classes.counts(), [1, 2]);
    }

    #[test]
    fn a_label_without_a_name_is_refused() {
        let error = Classes::new(vec!["a".into()], vec![0, 1]).unwrap_err();
        assert_eq!(
            error,
            TargetError::LabelBeyondClasses {
                row: 1,
                label: 1,
                classes: 1
            }
        );
    }

    #[test]
    fn selecting_keeps_the_names() {
        let target = Target::Classes(Classes::from_names(&["b", "a", "b"]));
        let one = target.select(&[1]);
        assert_eq!((one.len(), one.names().len()), (1, 2));
        let tags = Tags::new(
            vec!["ring".into()],
            Array2::from_elem((2, 1), TagState::Unknown),
        )
        .unwrap();
        assert!(Target::Tags(tags).classes().is_err());
    }
}
