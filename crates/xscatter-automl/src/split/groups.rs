//! Groups of rows in the order of their names, with how many rows of each kind they hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use xscatter_core::{Classes, TagState, Tags};

use super::SplitError;

/// The groups in the order of their names, with their numbers of rows of each column: a class, or the
/// presence or the absence of a tag.
#[derive(Debug)]
pub(super) struct Groups {
    /// For every row the position of its group.
    pub(super) of_row: Vec<usize>,
    /// How many rows each group has.
    pub(super) sizes: Vec<usize>,
    /// Groups × columns.
    pub(super) counts: Vec<Vec<usize>>,
    pub(super) columns: usize,
}

impl Groups {
    /// A column a class.
    pub(super) fn of_classes(classes: &Classes, groups: &[Arc<str>]) -> Result<Self, SplitError> {
        let labels = classes.labels();
        let mut all = Self::new(groups, labels.len(), classes.n_classes())?;
        for (&group, &label) in all.of_row.iter().zip(labels) {
            all.counts[group][label as usize] += 1;
        }
        Ok(all)
    }

    /// A column for each tag and then one for the absence of each; what nobody knows is neither.
    pub(super) fn of_tags(tags: &Tags, groups: &[Arc<str>]) -> Result<Self, SplitError> {
        let (rows, n) = tags.states().dim();
        let mut all = Self::new(groups, rows, 2 * n)?;
        for (&group, states) in all.of_row.iter().zip(tags.states().rows()) {
            for (tag, state) in states.iter().enumerate() {
                match state {
                    TagState::Positive => all.counts[group][tag] += 1,
                    TagState::Negative => all.counts[group][n + tag] += 1,
                    TagState::Unknown => {}
                }
            }
        }
        Ok(all)
    }

    /// No column, only sizes.
    pub(super) fn plain(groups: &[Arc<str>]) -> Self {
        Self::count(groups, 0)
    }

    fn new(groups: &[Arc<str>], rows: usize, columns: usize) -> Result<Self, SplitError> {
        if groups.len() != rows {
            return Err(SplitError::Rows {
                expected: rows,
                found: groups.len(),
            });
        }
        Ok(Self::count(groups, columns))
    }

    fn count(groups: &[Arc<str>], columns: usize) -> Self {
        let mut positions: BTreeMap<&str, usize> = groups.iter().map(|name| (&**name, 0)).collect();
        for (position, slot) in positions.values_mut().enumerate() {
            *slot = position;
        }
        let of_row: Vec<usize> = groups.iter().map(|name| positions[&**name]).collect();
        let mut sizes = vec![0; positions.len()];
        for &group in &of_row {
            sizes[group] += 1;
        }
        Self {
            of_row,
            counts: vec![vec![0; columns]; sizes.len()],
            sizes,
            columns,
        }
    }

    /// How many groups there are.
    pub(super) fn len(&self) -> usize {
        self.sizes.len()
    }

    /// In how many groups each column has a row.
    pub(super) fn per_column(&self) -> Vec<usize> {
        let holding = |column: usize| self.counts.iter().filter(|group| group[column] > 0).count();
        (0..self.columns).map(holding).collect()
    }

    /// How many rows each column has.
    pub(super) fn totals(&self) -> Vec<usize> {
        let total = |column: usize| self.counts.iter().map(|group| group[column]).sum();
        (0..self.columns).map(total).collect()
    }

    /// The part of every row, from that of every group.
    pub(super) fn spread(&self, parts: &[usize]) -> Vec<usize> {
        self.of_row.iter().map(|&group| parts[group]).collect()
    }
}
