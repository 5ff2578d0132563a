//! Groups that have been given to parts, and how a part that lacks something gets it.

use super::groups::Groups;

/// Which part each group stands in, and what the parts hold so.
pub(super) struct Parts<'a> {
    groups: &'a Groups,
    /// Parts × columns.
    pub(super) filled: Vec<Vec<usize>>,
    /// The part of every group.
    pub(super) of_group: Vec<usize>,
}

impl<'a> Parts<'a> {
    /// Nothing given yet.
    pub(super) fn new(groups: &'a Groups, parts: usize) -> Self {
        Self {
            groups,
            filled: vec![vec![0; groups.columns]; parts],
            of_group: vec![0; groups.len()],
        }
    }

    pub(super) fn place(&mut self, group: usize, part: usize) {
        self.of_group[group] = part;
        for (filled, count) in self.filled[part].iter_mut().zip(&self.groups.counts[group]) {
            *filled += count;
        }
    }

    /// Gives every part a row of every column, or names a column for which it cannot: a part that
    /// lacks one gets the smallest group of it that its own part can do without.
    pub(super) fn repair(&mut self) -> Result<(), usize> {
        for column in 0..self.groups.columns {
            for part in 0..self.filled.len() {
                if self.filled[part][column] > 0 {
                    continue;
                }
                let movable = (0..self.of_group.len())
                    .filter(|&group| self.groups.counts[group][column] > 0)
                    .filter(|&group| self.can_leave(group))
                    .min_by_key(|&group| (self.groups.sizes[group], group));
                let group = movable.ok_or(column)?;
                let from = self.of_group[group];
                for (filled, count) in self.filled[from].iter_mut().zip(&self.groups.counts[group])
                {
                    *filled -= count;
                }
                self.place(group, part);
            }
        }
        Ok(())
    }

    /// Whether the group's part keeps a row of each of its columns without it.
    fn can_leave(&self, group: usize) -> bool {
        let filled = &self.filled[self.of_group[group]];
        let counts = &self.groups.counts[group];
        counts
            .iter()
            .zip(filled)
            .all(|(count, filled)| *count == 0 || filled > count)
    }
}
