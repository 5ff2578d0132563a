//! Feature rows with the names that give them meaning.

use std::sync::Arc;

use ndarray::{Array2, ArrayView2, Axis, concatenate};

use crate::error::{Error, ErrorKind};

/// Why a table could not be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The number of names differs from the size of the axis that they name.
    #[error("expected {expected} {what}, got {found}")]
    Count {
        /// What is counted.
        what: &'static str,
        /// How many there must be.
        expected: usize,
        /// How many were given.
        found: usize,
    },
    /// Two columns share a name.
    #[error("two columns are named {0:?}")]
    DuplicateColumn(Arc<str>),
    /// Two tables that are put side by side hold different rows.
    #[error("row {row} is {left:?} in one table and {right:?} in the other")]
    DifferentRows {
        /// The first row that differs.
        row: usize,
        /// Its id in the one table.
        left: Arc<str>,
        /// Its id in the other.
        right: Arc<str>,
    },
}

impl From<TableError> for Error {
    fn from(error: TableError) -> Self {
        let kind = match error {
            TableError::Count { .. } => ErrorKind::ShapeMismatch,
            TableError::DuplicateColumn(_) | TableError::DifferentRows { .. } => {
                ErrorKind::InvalidArgument
            }
        };
        Self::new(kind, error.to_string())
    }
}

/// Feature values with named columns and one id and one group a row.
///
/// Values are `f32`; `NaN` means *missing* and nothing else. Rows of one group (sample, experiment,
/// scan) are not independent: a split keeps them on one side.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureTable {
    values: Array2<f32>,
    columns: Vec<Arc<str>>,
    ids: Vec<Arc<str>>,
    groups: Vec<Arc<str>>,
}

impl FeatureTable {
    /// A table from values (rows × columns), a name for every column, an id and a group for every
    /// row.
    ///
    /// # Errors
    /// [`TableError`] if the counts differ or two columns share a name.
    pub fn new(
        values: Array2<f32>,
        columns: Vec<Arc<str>>,
        ids: Vec<Arc<str>>,
        groups: Vec<Arc<str>>,
    ) -> Result<Self, TableError> {
        let (rows, width) = values.dim();
        for (what, expected, found) in [
            ("column names", width, columns.len()),
            ("row ids", rows, ids.len()),
            ("row groups", rows, groups.len()),
        ] {
            if expected != found {
                return Err(TableError::Count {
                    what,
                    expected,
                    found,
                });
            }
        }
        let mut sorted: Vec<&Arc<str>> = columns.iter().collect();
        sorted.sort_unstable();
        if let Some(pair) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(TableError::DuplicateColumn(pair[0].clone()));
        }
        Ok(Self {
            values,
            columns,
            ids,
            groups,
        })
    }

    /// Rows × columns.
    pub fn values(&self) -> ArrayView2<'_, f32> {
        self.values.view()
    }

    /// The name of every column.
    pub fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    /// The id of every row.
    pub fn ids(&self) -> &[Arc<str>] {
        &self.ids
    }

    /// The group of every row.
    pub fn groups(&self) -> &[Arc<str>] {
        &self.groups
    }

    /// How many rows.
    pub fn n_rows(&self) -> usize {
        self.values.nrows()
    }

    /// How many columns.
    pub fn n_columns(&self) -> usize {
        self.values.ncols()
    }

    /// The rows at `rows`, in that order.
    ///
    /// # Panics
    /// If a row is beyond the end.
    pub fn select(&self, rows: &[usize]) -> Self {
        Self {
            values: self.values.select(Axis(0), rows),
            columns: self.columns.clone(),
            ids: rows.iter().map(|&row| self.ids[row].clone()).collect(),
            groups: rows.iter().map(|&row| self.groups[row].clone()).collect(),
        }
    }

    /// This table and another one of the same rows, side by side.
    ///
    /// # Errors
    /// [`TableError`] if the rows differ or two columns share a name.
    ///
    /// # Panics
    /// Never: equal row counts are checked first.
    pub fn beside(&self, other: &Self) -> Result<Self, TableError> {
        if self.n_rows() != other.n_rows() {
            return Err(TableError::Count {
                what: "rows",
                expected: self.n_rows(),
                found: other.n_rows(),
            });
        }
        if let Some(row) = (0..self.n_rows()).find(|&row| self.ids[row] != other.ids[row]) {
            let (left, right) = (self.ids[row].clone(), other.ids[row].clone());
            return Err(TableError::DifferentRows { row, left, right });
        }
        let values = concatenate(Axis(1), &[self.values(), other.values()])
            .expect("both tables have the same number of rows");
        let columns = self.columns.iter().chain(&other.columns).cloned().collect();
        Self::new(values, columns, self.ids.clone(), self.groups.clone())
    }

    /// The rows of both tables, `other` below.
    ///
    /// # Errors
    /// [`TableError`] if the columns differ.
    ///
    /// # Panics
    /// Never: equal columns are checked first.
    pub fn above(&self, other: &Self) -> Result<Self, TableError> {
        if self.columns != other.columns {
            return Err(TableError::Count {
                what: "columns of the same names",
                expected: self.n_columns(),
                found: other
                    .columns
                    .iter()
                    .filter(|name| self.columns.contains(name))
                    .count(),
            });
        }
        let values = concatenate(Axis(0), &[self.values(), other.values()])
            .expect("both tables have the same columns");
        let ids = self.ids.iter().chain(&other.ids).cloned().collect();
        let groups = self.groups.iter().chain(&other.groups).cloned().collect();
        Self::new(values, self.columns.clone(), ids, groups)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn names(names: &[&str]) -> Vec<Arc<str>> {
        names.iter().map(|&name| name.into()).collect()
    }

    fn table(prefix: &str) -> FeatureTable {
        FeatureTable::new(
            array![[1.0, 2.0], [3.0, 4.0]],
            names(&[&format!("{prefix}a"), &format!("{prefix}b")]),
            names(&["x", "y"]),
            names(&["g", "h"]),
        )
        .unwrap()
    }

    #[test]
    fn wrong_counts_and_duplicate_columns_are_refused() {
        let ids = || names(&["x"]);
        assert_eq!(
            FeatureTable::new(array![[1.0, 2.0]], names(&["a"]), ids(), ids()),
            Err(TableError::Count {
                what: "column names",
                expected: 2,
                found: 1
            })
        );
        assert_eq!(
            FeatureTable::new(array![[1.0, 2.0]], names(&["a", "a"]), ids(), ids()),
            Err(TableError::DuplicateColumn("a".into()))
        );
    }

    #[test]
    fn tables_join_side_by_side_and_one_above_the_other() {
        let wide = table("p.").beside(&table("q.")).unwrap();
        assert_eq!((wide.n_rows(), wide.n_columns()), (2, 4));
        let tall = table("p.").above(&table("p.")).unwrap();
        assert_eq!((tall.n_rows(), tall.n_columns()), (4, 2));
        assert!(table("p.").above(&table("q.")).is_err());
    }

    #[test]
    fn tables_of_different_rows_do_not_join() {
        let error = table("p.")
            .beside(&table("q.").select(&[1, 0]))
            .unwrap_err();
        assert_eq!(
            error,
            TableError::DifferentRows {
                row: 0,
                left: "x".into(),
                right: "y".into()
            }
        );
    }
}
