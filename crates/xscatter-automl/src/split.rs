//! Splits that keep groups whole and classes balanced.
//!
//! Frames of one sample, experiment or scan are near-copies of each other. If some of them train a
//! model and others judge it, the score says how well the model remembers, not how well it sorts new
//! samples. So a group always stands on one side as a whole; within that, every part gets its share of
//! every class, as far as the groups allow.
//!
//! Groups are shuffled by the seed, sorted by how unevenly their rows spread over the classes (largest
//! first), and each goes to the part where it leaves the class shares most even: the idea of
//! scikit-learn's `StratifiedGroupKFold`. A part that then lacks a class gets a small group of it from
//! a part with more than one. The result depends on the rows' classes and groups and on the seed, not
//! on the order of the rows. Rows that are independent get a group each. Cost: groups × parts² ×
//! classes.

use std::collections::BTreeMap;
use std::sync::Arc;

use xscatter_core::{Classes, Error, ErrorKind, seed};

/// One way to part the rows: positions of the rows to learn from and of those to judge by, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// The rows to learn from.
    pub train: Vec<usize>,
    /// The rows to judge by.
    pub validation: Vec<usize>,
}

/// Why rows could not be split.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SplitError {
    /// A cross-validation has at least two folds.
    #[error("expected 2 folds or more, got {0}")]
    TooFewFolds(usize),
    /// A hold-out is a proper part of the rows.
    #[error("expected a fraction above 0 and below 1, got {0}")]
    Fraction(f64),
    /// The numbers of rows differ.
    #[error("expected a group for each of {expected} rows, got {found}")]
    Rows {
        /// How many rows have a class.
        expected: usize,
        /// How many groups were given.
        found: usize,
    },
    /// There is nothing to tell apart.
    #[error("expected rows of 2 classes or more, got {0}")]
    TooFewClasses(String),
    /// A class cannot have a group in every part.
    #[error(
        "class {class}: expected {expected} groups or more, one for each part of the split, found {found}"
    )]
    TooFewGroups {
        /// The class.
        class: Arc<str>,
        /// How many groups it needs.
        expected: usize,
        /// How many groups hold a row of it.
        found: usize,
    },
    /// The groups hold the classes in such a mixture that some part always lacks one.
    #[error("class {class}: found no split into {parts} parts that gives each a row of it")]
    Inseparable {
        /// The class.
        class: Arc<str>,
        /// How many parts were asked for.
        parts: usize,
    },
}

impl From<SplitError> for Error {
    fn from(error: SplitError) -> Self {
        let kind = match error {
            SplitError::TooFewFolds(_) | SplitError::Fraction(_) => ErrorKind::InvalidArgument,
            SplitError::Rows { .. } => ErrorKind::ShapeMismatch,
            SplitError::TooFewClasses(_)
            | SplitError::TooFewGroups { .. }
            | SplitError::Inseparable { .. } => ErrorKind::DegenerateData,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}

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
    if folds < 2 {
        return Err(SplitError::TooFewFolds(folds));
    }
    let parts = part(classes, groups, &vec![1.0 / folds as f64; folds], seed)?;
    Ok((0..folds).map(|fold| Fold::of(&parts, fold)).collect())
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
    if !(fraction > 0.0 && fraction < 1.0) {
        return Err(SplitError::Fraction(fraction));
    }
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
    let groups = Groups::new(classes, groups)?;
    Ok(groups.per_class().into_iter().min().unwrap_or(0))
}

impl Fold {
    fn of(parts: &[usize], validation: usize) -> Self {
        let (validation, train) = (0..parts.len()).partition(|&row| parts[row] == validation);
        Self { train, validation }
    }
}

/// The groups in the order of their names, with their numbers of rows of each class.
struct Groups {
    /// For every row the position of its group.
    of_row: Vec<usize>,
    /// Groups × classes.
    counts: Vec<Vec<usize>>,
    classes: usize,
}

impl Groups {
    fn new(classes: &Classes, groups: &[Arc<str>]) -> Result<Self, SplitError> {
        if groups.len() != classes.labels().len() {
            return Err(SplitError::Rows {
                expected: classes.labels().len(),
                found: groups.len(),
            });
        }
        let mut positions: BTreeMap<&str, usize> = groups.iter().map(|name| (&**name, 0)).collect();
        for (position, slot) in positions.values_mut().enumerate() {
            *slot = position;
        }
        let of_row: Vec<usize> = groups.iter().map(|name| positions[&**name]).collect();
        let mut counts = vec![vec![0; classes.n_classes()]; positions.len()];
        for (&group, &label) in of_row.iter().zip(classes.labels()) {
            counts[group][label as usize] += 1;
        }
        Ok(Self {
            of_row,
            counts,
            classes: classes.n_classes(),
        })
    }

    /// In how many groups each class has a row.
    fn per_class(&self) -> Vec<usize> {
        (0..self.classes)
            .map(|class| self.counts.iter().filter(|group| group[class] > 0).count())
            .collect()
    }

    fn size(&self, group: usize) -> usize {
        self.counts[group].iter().sum()
    }
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
    let groups = Groups::new(classes, groups)?;
    let present: Vec<&Arc<str>> = classes
        .names()
        .iter()
        .zip(classes.counts())
        .filter_map(|(name, count)| (count > 0).then_some(name))
        .collect();
    if present.len() < 2 {
        let found = present.first().map_or_else(
            || "none".to_owned(),
            |name| format!("{} rows of {name} alone", classes.labels().len()),
        );
        return Err(SplitError::TooFewClasses(found));
    }
    for (class, found) in groups.per_class().into_iter().enumerate() {
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
        let mut assignment = Assignment::new(&groups, classes, shares);
        for group in assignment.order(seed::derive(seed, attempt)) {
            assignment.place(group);
        }
        match assignment.repair() {
            Ok(()) => {
                let part_of = |&group: &usize| assignment.parts[group];
                return Ok(groups.of_row.iter().map(part_of).collect());
            }
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
    /// Parts × classes.
    filled: Vec<Vec<usize>>,
    /// The part of every group.
    parts: Vec<usize>,
}

impl<'a> Assignment<'a> {
    fn new(groups: &'a Groups, classes: &Classes, shares: &'a [f64]) -> Self {
        Self {
            groups,
            totals: classes.counts(),
            shares,
            filled: vec![vec![0; groups.classes]; shares.len()],
            parts: vec![0; groups.counts.len()],
        }
    }

    /// Groups that spread most unevenly over the classes first, equal ones shuffled.
    fn order(&self, seed: u64) -> Vec<usize> {
        let spread = |group: &usize| {
            let counts = &self.groups.counts[*group];
            let squares: usize = counts.iter().map(|count| count * count).sum();
            let size = self.groups.size(*group);
            // The variance times the squared number of classes, in exact integers.
            counts.len() * squares - size * size
        };
        let mut order: Vec<usize> = (0..self.groups.counts.len()).collect();
        order.sort_by_key(|&group| seed::derive(seed, group as u64));
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
        self.parts[group] = best;
        for (filled, count) in self.filled[best].iter_mut().zip(&self.groups.counts[group]) {
            *filled += count;
        }
    }

    fn load(&self, part: usize) -> f64 {
        self.filled[part].iter().sum::<usize>() as f64 / self.shares[part]
    }

    /// How unevenly the classes would be spread if the group went to this part: the sum over the
    /// classes of the standard deviation, over the parts, of what a part has of what it should have.
    fn unevenness_with(&self, group: usize, part: usize) -> f64 {
        let parts = self.shares.len() as f64;
        (0..self.groups.classes)
            .map(|class| {
                let fill = |other: usize| {
                    let more = if other == part {
                        self.groups.counts[group][class]
                    } else {
                        0
                    };
                    let wanted = self.totals[class] as f64 * self.shares[other];
                    (self.filled[other][class] + more) as f64 / wanted
                };
                let mean = (0..self.shares.len()).map(fill).sum::<f64>() / parts;
                let squares = (0..self.shares.len()).map(|other| (fill(other) - mean).powi(2));
                (squares.sum::<f64>() / parts).sqrt()
            })
            .sum()
    }

    /// Gives every part a row of every class, or names a class for which it cannot.
    fn repair(&mut self) -> Result<(), usize> {
        for class in 0..self.groups.classes {
            for part in 0..self.shares.len() {
                if self.filled[part][class] > 0 {
                    continue;
                }
                let movable = (0..self.parts.len())
                    .filter(|&group| self.groups.counts[group][class] > 0)
                    .filter(|&group| self.can_leave(group))
                    .min_by_key(|&group| (self.groups.size(group), group));
                let group = movable.ok_or(class)?;
                let from = self.parts[group];
                self.parts[group] = part;
                for class in 0..self.groups.classes {
                    let count = self.groups.counts[group][class];
                    self.filled[from][class] -= count;
                    self.filled[part][class] += count;
                }
            }
        }
        Ok(())
    }

    /// Whether the group's part keeps a row of each of its classes without it.
    fn can_leave(&self, group: usize) -> bool {
        let filled = &self.filled[self.parts[group]];
        let counts = &self.groups.counts[group];
        counts
            .iter()
            .zip(filled)
            .all(|(count, filled)| *count == 0 || filled > count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
