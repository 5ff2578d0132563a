//! Folds that follow from the place of the rows: time series, and folds known before.
//!
//! Both are those of scikit-learn 1.9.1 (`TimeSeriesSplit`, `PredefinedSplit`). Cost: rows × folds.

use std::collections::BTreeSet;

use super::{Fold, SplitError, check_folds};

/// The last rows judge, block by block; each fold learns from the rows before its block, less the gap.
pub(super) fn time_series(
    rows: usize,
    folds: usize,
    gap: usize,
    validation_rows: Option<usize>,
    max_train_rows: Option<usize>,
) -> Result<Vec<Fold>, SplitError> {
    check_folds(folds)?;
    if rows <= folds {
        return Err(SplitError::TooFewRows {
            expected: folds.saturating_add(1),
            found: rows,
        });
    }
    let size = validation_rows.unwrap_or(rows / (folds + 1));
    let judged = size.saturating_mul(folds);
    let needed = judged.saturating_add(gap);
    if size == 0 || needed >= rows || max_train_rows == Some(0) {
        return Err(SplitError::TooShort {
            needed,
            folds,
            validation_rows: size,
            gap,
            found: rows,
        });
    }
    let first = rows - judged;
    Ok((0..folds)
        .map(|fold| {
            let start = first + fold * size;
            let end = start - gap;
            let begin = end.saturating_sub(max_train_rows.unwrap_or(end));
            Fold {
                train: (begin..end).collect(),
                validation: (start..start + size).collect(),
            }
        })
        .collect())
}

/// A fold for each number that occurs, in their order.
pub(super) fn predefined(
    fold_of_row: &[Option<usize>],
    rows: usize,
) -> Result<Vec<Fold>, SplitError> {
    if fold_of_row.len() != rows {
        return Err(SplitError::FoldOfRow {
            expected: rows,
            found: fold_of_row.len(),
        });
    }
    let distinct: BTreeSet<Option<usize>> = fold_of_row.iter().copied().collect();
    if distinct.len() < 2 {
        return Err(SplitError::OneSided(fold_of_row.first().copied().flatten()));
    }
    Ok(distinct
        .into_iter()
        .flatten()
        .map(|fold| {
            let (validation, train) = (0..rows).partition(|&row| fold_of_row[row] == Some(fold));
            Fold { train, validation }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_later_never_trains() {
        let folds = time_series(10, 3, 1, Some(2), Some(2)).unwrap();
        assert_eq!(folds[0].train, [1, 2]);
        assert_eq!(folds[0].validation, [4, 5]);
        assert_eq!(folds[2].train, [5, 6]);
        assert_eq!(folds[2].validation, [8, 9]);
    }

    #[test]
    fn folds_that_leave_nothing_to_learn_from_are_refused() {
        assert_eq!(
            time_series(10, 3, 1, Some(3), None)
                .unwrap_err()
                .to_string(),
            "expected more than 10 rows for 3 folds of 3 rows after a gap of 1, found 10"
        );
        assert!(time_series(10, 3, usize::MAX, Some(usize::MAX), None).is_err());
        assert!(time_series(3, 3, 0, None, None).is_err());
        assert!(time_series(9, 2, 0, Some(0), None).is_err());
    }

    #[test]
    fn rows_without_a_fold_only_train() {
        let folds = predefined(&[Some(4), None, Some(1), Some(4)], 4).unwrap();
        assert_eq!(folds.len(), 2);
        assert_eq!(folds[0].validation, [2]);
        assert_eq!(folds[1].train, [1, 2]);
        assert!(predefined(&[Some(1)], 2).is_err());
        assert_eq!(
            predefined(&[None, None], 2),
            Err(SplitError::OneSided(None))
        );
        assert!(predefined(&[Some(3), Some(3)], 2).is_err());
    }
}
