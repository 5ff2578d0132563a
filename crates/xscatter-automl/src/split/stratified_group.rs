//! Splits that keep groups whole and classes balanced.
//!
//! Groups are shuffled by the seed, sorted by how unevenly their rows spread over the classes (largest
//! first), and each goes to the part where it leaves the class shares most even: the idea of
//! scikit-learn's `StratifiedGroupKFold`. A part that then lacks a class gets a small group of it from
//! a part with more than one. The result depends on the rows' classes and groups and on the seed, not
//! on the order of the rows. Cost: groups × parts² × classes.

use std::sync::Arc;

use xscatter_core::{Classes, seed};

use super::groups::Groups;
use super::holdout::check_fraction;
use super::parts::Parts;
use super::{Fold, SplitError, check_classes, check_folds, check_rows, shuffled};

/// Parts the rows into `folds` folds; each row is in the validation rows of exactly one.
///
/// ```
/// use xscatter_automl::split::stratified_group_k_fold;
/// use xscatter_core::Classes;
///
/// let classes = Classes::from_names(&["SAXS", "SAXS", "SAXS", "WAXS", "WAXS", "WAXS"]);
/// let groups = ["scan 1", "scan 1", "scan 2", "scan 3", "scan 4", "scan 4"].map(Into::into);
/// let folds = stratified_group_k_fold(&classes, &groups, 2, 7)?;
/// // Each fold judges by one scan of each class.
/// assert!(folds.iter().all(|fold| fold.validation.len() + fold.train.len() == 6));
/// # Ok::<(), xscatter_automl::split::SplitError>(())
/// ```
///
/// # Errors
/// [`SplitError`] if the sizes differ, fewer than two classes have rows, or a class has fewer groups
/// than there are folds: see [`largest_number_of_folds`].
pub fn stratified_group_k_fold(
    classes: &Classes,
    groups: &[Arc<str>],
    folds: usize,
    seed: u64,
) -> Result<Vec<Fold>, SplitError> {
    check_folds(folds)?;
    check_rows(classes.labels().len(), folds)?;
    let parts = part(classes, groups, &vec![1.0 / folds as f64; folds], seed)?;
    Ok(Fold::of_each(&parts, folds))
}

/// Holds out about this fraction of the rows of every class for judging.
///
/// # Errors
/// [`SplitError`] if the fraction is not between 0 and 1, the sizes differ, fewer than two classes have
/// rows, or a class has fewer than two groups.
pub fn stratified_group_holdout(
    classes: &Classes,
    groups: &[Arc<str>],
    fraction: f64,
    seed: u64,
) -> Result<Fold, SplitError> {
    check_fraction(fraction)?;
    let parts = part(classes, groups, &[fraction, 1.0 - fraction], seed)?;
    Ok(Fold::of(&parts, 0))
}

/// The smallest number of groups that any class has: no more folds than that are possible.
///
/// # Errors
/// [`SplitError::Rows`] if the sizes differ.
pub fn largest_number_of_folds(
    classes: &Classes,
    groups: &[Arc<str>],
) -> Result<usize, SplitError> {
    let groups = Groups::of_classes(classes, groups)?;
    Ok(groups.per_column().into_iter().min().unwrap_or(0))
}

/// How often another shuffle is tried when mixed groups leave a part without a class.
const ATTEMPTS: u64 = 16;

/// The part of every row; `shares` are the wanted shares of the parts.
fn part(
    classes: &Classes,
    groups: &[Arc<str>],
    shares: &[f64],
    seed: u64,
) -> Result<Vec<usize>, SplitError> {
    let groups = Groups::of_classes(classes, groups)?;
    check_classes(classes)?;
    for (class, found) in groups.per_column().into_iter().enumerate() {
        if found < shares.len() {
            return Err(SplitError::TooFewGroups {
                class: classes.names()[class].clone(),
                expected: shares.len(),
                found,
            });
        }
    }
    let mut lacking = 0;
    for attempt in 0..ATTEMPTS {
        let mut assignment = Assignment::new(&groups, shares);
        for group in assignment.order(seed::derive(seed, attempt)) {
            assignment.place(group);
        }
        match assignment.parts.repair() {
            Ok(()) => return Ok(groups.spread(&assignment.parts.of_group)),
            Err(class) => lacking = class,
        }
    }
    Err(SplitError::Inseparable {
        class: classes.names()[lacking].clone(),
        parts: shares.len(),
    })
}

struct Assignment<'a> {
    groups: &'a Groups,
    totals: Vec<usize>,
    shares: &'a [f64],
    parts: Parts<'a>,
}

impl<'a> Assignment<'a> {
    fn new(groups: &'a Groups, shares: &'a [f64]) -> Self {
        Self {
            groups,
            totals: groups.totals(),
            shares,
            parts: Parts::new(groups, shares.len()),
        }
    }

    /// Groups that spread most unevenly over the classes first, equal ones shuffled.
    fn order(&self, seed: u64) -> Vec<usize> {
        let spread = |group: &usize| {
            let counts = &self.groups.counts[*group];
            let squares: usize = counts.iter().map(|count| count * count).sum();
            let size = self.groups.sizes[*group];
            // The variance times the squared number of classes, in exact integers.
            counts.len() * squares - size * size
        };
        let mut order = shuffled(self.groups.len(), seed);
        order.sort_by_key(|group| std::cmp::Reverse(spread(group)));
        order
    }

    fn place(&mut self, group: usize) {
        let best = (0..self.shares.len())
            .map(|part| (self.unevenness_with(group, part), self.load(part), part))
            .min_by(|left, right| {
                left.0
                    .total_cmp(&right.0)
                    .then(left.1.total_cmp(&right.1))
                    .then(left.2.cmp(&right.2))
            })
            .map_or(0, |(_, _, part)| part);
        self.parts.place(group, best);
    }

    fn load(&self, part: usize) -> f64 {
        self.parts.filled[part].iter().sum::<usize>() as f64 / self.shares[part]
    }

    /// How unevenly the classes would be spread if the group went to this part: the sum over the
    /// classes of the standard deviation, over the parts, of what a part has of what it should have.
    fn unevenness_with(&self, group: usize, part: usize) -> f64 {
        let parts = self.shares.len() as f64;
        (0..self.groups.columns)
            .map(|class| {
                let fill = |other: usize| {
                    let more = if other == part {
                        self.groups.counts[group][class]
                    } else {
                        0
                    };
                    let wanted = self.totals[class] as f64 * self.shares[other];
                    (self.parts.filled[other][class] + more) as f64 / wanted
                };
                let mean = (0..self.shares.len()).map(fill).sum::<f64>() / parts;
                let squares = (0..self.shares.len()).map(|other| (fill(other) - mean).powi(2));
                (squares.sum::<f64>() / parts).sqrt()
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use xscatter_core::{Error, ErrorKind};

    fn classes(labels: &[u32], n: usize) -> Classes {
        Classes::new(
            (0..n).map(|k| format!("class {k}").into()).collect(),
            labels.to_vec(),
        )
        .unwrap()
    }

    fn names(groups: &[usize]) -> Vec<Arc<str>> {
        groups
            .iter()
            .map(|group| format!("group {group}").into())
            .collect()
    }

    /// Labels and groups in which each class has groups of its own.
    fn pure(groups_per_class: &[usize], rows_per_group: usize) -> (Classes, Vec<Arc<str>>) {
        let (mut labels, mut groups) = (vec![], vec![]);
        for (class, &count) in groups_per_class.iter().enumerate() {
            for _ in 0..count {
                let group = groups.len();
                labels.extend(std::iter::repeat_n(class as u32, rows_per_group));
                groups.extend(std::iter::repeat_n(group, rows_per_group));
            }
        }
        (classes(&labels, groups_per_class.len()), names(&groups))
    }

    #[test]
    fn classes_are_spread_evenly_over_folds() {
        let (classes, groups) = pure(&[10, 5], 4);
        for fold in stratified_group_k_fold(&classes, &groups, 5, 3).unwrap() {
            assert_eq!(classes.select(&fold.validation).counts(), [8, 4]);
            assert_eq!(classes.select(&fold.train).counts(), [32, 16]);
        }
    }

    #[test]
    fn another_seed_gives_another_split_and_the_same_seed_the_same() {
        let (classes, groups) = pure(&[10, 10], 2);
        let split = |seed| stratified_group_k_fold(&classes, &groups, 5, seed).unwrap();
        assert_eq!(split(1), split(1));
        assert_ne!(split(1), split(2));
    }

    #[test]
    fn a_holdout_has_the_wanted_share_of_every_class() {
        let (classes, groups) = pure(&[20, 8], 3);
        let fold = stratified_group_holdout(&classes, &groups, 0.25, 0).unwrap();
        assert_eq!(classes.select(&fold.validation).counts(), [15, 6]);
        // Two groups: one on each side, however small the fraction.
        let (classes, groups) = pure(&[2, 2], 5);
        let fold = stratified_group_holdout(&classes, &groups, 0.1, 0).unwrap();
        assert_eq!(classes.select(&fold.validation).counts(), [5, 5]);
    }

    #[test]
    fn what_cannot_be_split_is_named() {
        let (few, groups) = pure(&[5, 3], 2);
        let error = stratified_group_k_fold(&few, &groups, 5, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "class class 1: expected 5 groups or more, one for each part of the split, found 3"
        );
        assert_eq!(largest_number_of_folds(&few, &groups), Ok(3));
        let (one, groups) = pure(&[4], 2);
        let error = stratified_group_k_fold(&one, &groups, 2, 0).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected rows of 2 classes or more, got 8 rows of class 0 alone"
        );
        assert_eq!(Error::from(error).kind(), ErrorKind::DegenerateData);
        assert_eq!(
            stratified_group_k_fold(&one, &groups, 1, 0),
            Err(SplitError::TooFewFolds(1))
        );
        assert_eq!(
            stratified_group_k_fold(&one, &groups[1..], 2, 0),
            Err(SplitError::Rows {
                expected: 8,
                found: 7
            })
        );
        assert!(stratified_group_holdout(&one, &groups, 1.0, 0).is_err());
    }

    #[test]
    fn the_order_of_the_rows_does_not_matter() {
        let (classes, groups) = pure(&[6, 9], 3);
        let rows: Vec<usize> = (0..groups.len()).rev().collect();
        let reversed: Vec<Arc<str>> = rows.iter().map(|&row| groups[row].clone()).collect();
        let split = stratified_group_k_fold(&classes, &groups, 3, 9).unwrap();
        let other = stratified_group_k_fold(&classes.select(&rows), &reversed, 3, 9).unwrap();
        for (fold, other) in split.iter().zip(other) {
            let mut back: Vec<usize> = other.validation.iter().map(|&row| rows[row]).collect();
            back.sort_unstable();
            assert_eq!(fold.validation, back);
        }
    }

    proptest! {
        #[test]
        fn groups_are_never_on_both_sides(
            rows in prop::collection::vec((0_u32..3, 0_usize..25), 1..120),
            folds in 2_usize..6,
            seed in any::<u64>(),
        ) {
            let (labels, groups): (Vec<u32>, Vec<usize>) = rows.into_iter().unzip();
            let (classes, groups) = (classes(&labels, 3), names(&groups));
            let split = stratified_group_k_fold(&classes, &groups, folds, seed);
            if let Ok(split) = split {
                let mut seen = vec![0; groups.len()];
                for fold in &split {
                    for &row in &fold.validation {
                        seen[row] += 1;
                        prop_assert!(fold.train.iter().all(|&other| groups[other] != groups[row]));
                    }
                    prop_assert_eq!(fold.train.len() + fold.validation.len(), groups.len());
                    prop_assert!(classes.select(&fold.validation).counts().iter().all(|&n| n > 0));
                }
                prop_assert!(seen.iter().all(|&times| times == 1));
            }
        }
    }
}
