//! The kernel of all pairs of training rows: a table if there is memory for it, else rows of it that are
//! kept as long as there is room.

use std::ops::Range;

use rayon::prelude::*;
use xscatter_core::{Result, StopToken};

use crate::pairwise::{PANEL, Packed, QUERIES};
use crate::svm::kernel::SvmKernel;

/// A row of the kernel is computed on several threads in parts of so many panels.
const PANELS: usize = 128;

/// Rows, their kernel, and a table of its values if it fits.
pub(crate) struct Gram<'a> {
    kernel: SvmKernel,
    rows: &'a [f32],
    packed: Packed,
    table: Option<Vec<f32>>,
    /// Numbers that may be kept.
    room: usize,
}

impl<'a> Gram<'a> {
    pub(crate) fn new(
        kernel: SvmKernel,
        rows: &'a [f32],
        n_features: usize,
        room: usize,
        stop: &StopToken,
    ) -> Result<Self> {
        let packed = Packed::new(rows, n_features);
        let stride = packed.n_panels() * PANEL;
        let fits = packed
            .n_rows()
            .checked_mul(stride)
            .is_some_and(|size| size <= room);
        let mut table = None;
        if fits {
            let mut values = vec![0.0; packed.n_rows() * stride];
            values
                .par_chunks_mut(QUERIES * stride)
                .zip(rows.par_chunks(QUERIES * n_features))
                .map(|(out, queries)| {
                    stop.check()?;
                    kernel.of(queries, &packed, 0..packed.n_panels(), out);
                    Ok(())
                })
                .collect::<Result<()>>()?;
            table = Some(values);
        }
        Ok(Self {
            kernel,
            rows,
            packed,
            table,
            room,
        })
    }

    fn features(&self, row: usize) -> &'a [f32] {
        let width = self.packed.n_features();
        &self.rows[row * width..][..width]
    }

    /// K(x, x) of a row.
    pub(crate) fn diagonal(&self, row: usize) -> f64 {
        self.kernel.with_itself(self.features(row))
    }

    /// The rows of the kernel for a solver that knows two ranges of rows alone, which it numbers from 0.
    pub(crate) fn among(&self, ranges: [Range<usize>; 2]) -> Among<'_> {
        let n_rows: usize = ranges.iter().map(Range::len).sum();
        let panels = ranges
            .clone()
            .map(|range| range.start / PANEL..range.end.div_ceil(PANEL));
        let width = panels.iter().map(Range::len).sum::<usize>() * PANEL;
        let capacity = if self.table.is_some() {
            0
        } else {
            let solvers = rayon::current_num_threads();
            (self.room / solvers / width.max(1)).clamp(2, n_rows.max(2))
        };
        Among {
            gram: self,
            place_of: vec![usize::MAX; if capacity > 0 { n_rows } else { 0 }],
            ranges,
            panels,
            kept: Vec::new(),
            capacity,
            clock: 0,
        }
    }
}

/// A part of a [`Gram`]; without a table, the rows that were used last are kept.
pub(crate) struct Among<'a> {
    gram: &'a Gram<'a>,
    ranges: [Range<usize>; 2],
    /// The panels that hold the rows of the two ranges.
    panels: [Range<usize>; 2],
    kept: Vec<Kept>,
    capacity: usize,
    /// Where each row is kept.
    place_of: Vec<usize>,
    clock: u64,
}

struct Kept {
    row: usize,
    used: u64,
    /// The kernel of the row with the rows of the panels.
    values: [Vec<f32>; 2],
}

impl Among<'_> {
    fn number(&self, row: usize) -> usize {
        let first = self.ranges[0].len();
        if row < first {
            self.ranges[0].start + row
        } else {
            self.ranges[1].start + row - first
        }
    }

    /// Makes [`row`](Self::row) of this row possible, and leaves that of the one before it so.
    pub(crate) fn load(&mut self, row: usize) {
        if self.gram.table.is_some() {
            return;
        }
        self.clock += 1;
        let mut place = self.place_of[row];
        if place == usize::MAX {
            let features = self.gram.features(self.number(row));
            if self.kept.len() < self.capacity {
                place = self.kept.len();
                self.kept.push(Kept {
                    row,
                    used: 0,
                    values: self
                        .panels
                        .clone()
                        .map(|panels| vec![0.0; panels.len() * PANEL]),
                });
            } else {
                let oldest = (0..self.kept.len()).min_by_key(|&place| self.kept[place].used);
                place = oldest.expect("at least two rows are kept");
                self.place_of[self.kept[place].row] = usize::MAX;
                self.kept[place].row = row;
            }
            let Gram { kernel, packed, .. } = self.gram;
            let values = self.kept[place].values.iter_mut();
            for (values, panels) in values.zip(&self.panels) {
                let parts = values.par_chunks_mut(PANELS * PANEL).enumerate();
                parts.for_each(|(part, out)| {
                    let first = panels.start + part * PANELS;
                    let part = first..first + out.len() / PANEL;
                    kernel.of(features, packed, part, out);
                });
            }
            self.place_of[row] = place;
        }
        self.kept[place].used = self.clock;
    }

    /// The kernel of a row that was loaded last or before, with the rows of both ranges.
    pub(crate) fn row(&self, row: usize) -> [&[f32]; 2] {
        let [near, far] = &self.ranges;
        if let Some(table) = &self.gram.table {
            let stride = self.gram.packed.n_panels() * PANEL;
            let values = &table[self.number(row) * stride..][..stride];
            return [&values[near.clone()], &values[far.clone()]];
        }
        let [of_near, of_far] = &self.kept[self.place_of[row]].values;
        let within = |range: &Range<usize>, panels: &Range<usize>| {
            range.start - panels.start * PANEL..range.end - panels.start * PANEL
        };
        [
            &of_near[within(near, &self.panels[0])],
            &of_far[within(far, &self.panels[1])],
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_and_a_small_cache_give_the_same() {
        let rows: Vec<f32> = (0..180).map(|k| ((k * 7) % 11) as f32).collect();
        let kernel = SvmKernel::default().resolve(&rows, 3);
        let stop = StopToken::new();
        let table = Gram::new(kernel, &rows, 3, 10_000, &stop).unwrap();
        let cache = Gram::new(kernel, &rows, 3, 200, &stop).unwrap();
        assert!(table.table.is_some() && cache.table.is_none());
        let part = [2..8, 35..40];
        let (table, mut cache) = (table.among(part.clone()), cache.among(part));
        let mut before = 0;
        for row in [0, 3, 0, 8, 1, 2, 3, 10, 5, 0, 8] {
            cache.load(before);
            cache.load(row);
            for row in [before, row] {
                assert_eq!(table.row(row), cache.row(row));
            }
            assert_eq!(table.row(row).map(<[f32]>::len), [6, 5]);
            before = row;
        }
        assert!(cache.kept.len() <= 4);
    }

    #[test]
    fn a_stop_ends_the_table() {
        let stop = StopToken::new();
        stop.stop();
        assert!(Gram::new(SvmKernel::Linear, &[1.0, 2.0], 1, 1000, &stop).is_err());
    }
}
