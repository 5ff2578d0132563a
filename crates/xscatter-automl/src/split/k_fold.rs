//! Folds of single rows: plain, and with each class in its share.
//!
//! Without shuffle both are those of scikit-learn 1.9.1 (`KFold`, `StratifiedKFold`). Cost: rows × ln
//! rows.

use xscatter_core::{Classes, seed};

use super::{Fold, SplitError, check_folds, check_rows, shuffled};

/// The first rows judge the first fold, and so on; the first folds take the rows left over.
pub(super) fn plain(rows: usize, folds: usize, seed: Option<u64>) -> Result<Vec<Fold>, SplitError> {
    check_folds(folds)?;
    check_rows(rows, folds)?;
    let order = seed.map_or_else(|| (0..rows).collect(), |seed| shuffled(rows, seed));
    let (size, longer) = (rows / folds, rows % folds);
    let mut parts = vec![0; rows];
    for (position, row) in order.into_iter().enumerate() {
        let of_longer = position / (size + 1);
        parts[row] = if of_longer < longer {
            of_longer
        } else {
            (position - longer) / size
        };
    }
    Ok(Fold::of_each(&parts, folds))
}

/// Deals the rows, sorted by class, to the folds in turn: so many rows of each class a fold gets. Which
/// ones follows from their order or from the seed.
pub(super) fn stratified(
    classes: &Classes,
    folds: usize,
    seed: Option<u64>,
) -> Result<Vec<Fold>, SplitError> {
    check_folds(folds)?;
    let labels = classes.labels();
    let counts = classes.counts();
    for (class, &found) in counts.iter().enumerate() {
        if found < folds {
            return Err(SplitError::RareClass {
                class: classes.names()[class].clone(),
                expected: folds,
                found,
            });
        }
    }
    // Classes in the order in which they first appear, as there.
    let mut order: Vec<usize> = vec![];
    let mut rows_of: Vec<Vec<usize>> = vec![vec![]; counts.len()];
    for (row, &label) in labels.iter().enumerate() {
        if rows_of[label as usize].is_empty() {
            order.push(label as usize);
        }
        rows_of[label as usize].push(row);
    }
    let mut parts = vec![0; labels.len()];
    let mut dealt = 0;
    for class in order {
        let rows = &mut rows_of[class];
        if let Some(seed) = seed {
            let seed = seed::derive(seed, class as u64);
            *rows = shuffled(rows.len(), seed)
                .into_iter()
                .map(|position| rows[position])
                .collect();
        }
        // The share of each fold in the turns from `dealt` on.
        let mut share = vec![0; folds];
        for turn in dealt..dealt + rows.len() {
            share[turn % folds] += 1;
        }
        dealt += rows.len();
        let part_of_turn = (0..folds).flat_map(|fold| std::iter::repeat_n(fold, share[fold]));
        for (&row, part) in rows.iter().zip(part_of_turn) {
            parts[row] = part;
        }
    }
    Ok(Fold::of_each(&parts, folds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_left_over_go_to_the_first_folds() {
        let folds = plain(7, 3, None).unwrap();
        let judged: Vec<&[usize]> = folds.iter().map(|fold| &*fold.validation).collect();
        assert_eq!(judged, [&[0, 1, 2][..], &[3, 4], &[5, 6]]);
        assert_eq!(folds[1].train, [0, 1, 2, 5, 6]);
        let error = plain(2, 3, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected 3 rows or more, one for each fold, found 2"
        );
    }

    #[test]
    fn a_class_rarer_than_the_folds_is_named() {
        let classes = Classes::from_names(&["a", "a", "a", "b", "b"]);
        assert_eq!(
            stratified(&classes, 3, Some(1)).unwrap_err().to_string(),
            "class b: expected 3 rows or more, one for each fold, found 2"
        );
        assert!(stratified(&classes, 2, Some(1)).is_ok());
    }
}
