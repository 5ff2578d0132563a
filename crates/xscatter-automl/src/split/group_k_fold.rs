//! Folds of whole groups, whatever the target.
//!
//! Without shuffle: groups by falling size (of equal ones that with the later name first), each to the
//! fold with the fewest rows so far, as in scikit-learn 1.9.1 (`GroupKFold`). With shuffle the groups
//! come in an order by the seed instead. Cost: groups × folds.

use std::sync::Arc;

use super::groups::Groups;
use super::{Fold, SplitError, check_folds, shuffled};

pub(super) fn group_k_fold(
    names: &[Arc<str>],
    folds: usize,
    seed: Option<u64>,
) -> Result<Vec<Fold>, SplitError> {
    check_folds(folds)?;
    let groups = Groups::plain(names);
    check_groups(&groups, folds)?;
    let order = seed.map_or_else(
        || {
            let mut order: Vec<usize> = (0..groups.len()).rev().collect();
            order.sort_by_key(|&group| std::cmp::Reverse(groups.sizes[group]));
            order
        },
        |seed| shuffled(groups.len(), seed),
    );
    let mut rows = vec![0; folds];
    let mut parts = vec![0; groups.len()];
    for group in order {
        let lightest = (0..folds).min_by_key(|&fold| rows[fold]).unwrap_or(0);
        rows[lightest] += groups.sizes[group];
        parts[group] = lightest;
    }
    Ok(Fold::of_each(&groups.spread(&parts), folds))
}

/// A fold for each group, in the order of their names.
pub(super) fn leave_one_out(names: &[Arc<str>]) -> Result<Vec<Fold>, SplitError> {
    let groups = Groups::plain(names);
    check_groups(&groups, 2)?;
    Ok(Fold::of_each(&groups.of_row, groups.len()))
}

/// A part without a group is no part.
pub(super) const fn check_groups(groups: &Groups, parts: usize) -> Result<(), SplitError> {
    let found = groups.sizes.len();
    if found < parts {
        return Err(SplitError::TooFewDistinctGroups {
            expected: parts,
            found,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(groups: &[&str]) -> Vec<Arc<str>> {
        groups.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn fewer_groups_than_folds_are_an_error() {
        let groups = names(&["a", "a", "b", "b"]);
        assert_eq!(
            group_k_fold(&groups, 3, None).unwrap_err().to_string(),
            "expected 3 groups or more, one for each part of the split, found 2"
        );
        assert!(leave_one_out(&groups[..2]).is_err());
        let folds = leave_one_out(&groups).unwrap();
        assert_eq!(folds[1].validation, [2, 3]);
    }

    #[test]
    fn a_shuffle_keeps_groups_whole() {
        let groups = names(&["a", "b", "a", "c", "d", "d", "e", "f"]);
        let split = |seed| group_k_fold(&groups, 3, Some(seed)).unwrap();
        assert!((1..9).any(|seed| split(seed) != split(0)));
        for fold in split(0) {
            assert_eq!(fold.shared_group(&groups), None);
            assert!(!fold.validation.is_empty());
        }
    }
}
