//! What particles at a surface scatter, tabulated against q_par and the exit angle.
//!
//! A particle with a vertical axis of symmetry is a stack of slices, so F_DWBA is a sum of products
//! `Σ D_k(q_par) V_k(α_f)`: the table is a product of two thin matrices for each size, exact up to the
//! interpolation between its entries. Cost: some 20 to 60 ms of one core an experiment.

use crate::grazing::{Island, Stack, channels};

/// A function of q_par and sin α_f, at equal steps of the first and of the root of the second, from 0;
/// bilinear in between, constant beyond its ends. Roots, because most happens near the critical angle.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Map {
    columns: usize,
    per_column: f32,
    per_row: f32,
    values: Vec<f32>,
}

impl Map {
    /// `parallel` picks the column, `sine` the row; below the horizon it is taken as positive.
    pub(super) fn at(&self, parallel: f32, sine: f32) -> f32 {
        let rows = self.values.len() / self.columns;
        let place = |x: f32, last: usize| {
            let place = x.clamp(0.0, last as f32);
            let index = (place as usize).min(last - 1);
            (index, place - index as f32)
        };
        let (column, right) = place(parallel * self.per_column, self.columns - 1);
        let (row, down) = place(sine.abs().sqrt() * self.per_row, rows - 1);
        let start = row * self.columns + column;
        let (near, far) = (
            &self.values[start..start + 2],
            &self.values[start + self.columns..start + self.columns + 2],
        );
        let above = near[0] + right * (near[1] - near[0]);
        let below = far[0] + right * (far[1] - far[0]);
        above + down * (below - above)
    }

    /// The largest value at any exit angle in each column, with its q_par.
    pub(super) fn largest(&self) -> impl Iterator<Item = (f32, f32)> + '_ {
        (0..self.columns).map(|column| {
            let values = self.values.iter().skip(column).step_by(self.columns);
            (
                column as f32 / self.per_column,
                values.copied().fold(0.0, f32::max),
            )
        })
    }

    pub(super) fn scaled(mut self, factor: f32) -> Self {
        for value in &mut self.values {
            *value *= factor;
        }
        self
    }
}

/// The size of a table and how far it reaches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    pub(super) columns: usize,
    pub(super) rows: usize,
    pub(super) parallel_inv_nm: f64,
    pub(super) sine: f64,
}

/// ⟨|F|²⟩ − |⟨F⟩|² and |⟨F⟩|², over |t(α_f)|², of islands on a stack, with weights that need not add up
/// to 1, in units of the largest island.
///
/// Without |t|², which is left to a finer table, little happens at the critical angle. Shapes without a
/// vertical axis are taken in the direction of the beam.
pub(super) fn tabulate(
    stack: &Stack,
    sine_i: f64,
    islands: &[(Island, f64)],
    extent: Extent,
) -> (Map, Map) {
    let Extent {
        columns,
        rows,
        parallel_inv_nm,
        sine,
    } = extent;
    let total: f64 = islands.iter().map(|(_, weight)| weight).sum();
    let largest = islands
        .iter()
        .map(|(island, _)| island.amplitude(0.0, 0.0, 0.0).re)
        .fold(0.0, f64::max);
    let reach = stack.k_inv_nm() * (sine + sine_i);
    // D_k, one row of the table a slice.
    let prepared: Vec<_> = islands
        .iter()
        .map(|(island, weight)| {
            let span = reach.max(parallel_inv_nm) * island.height_nm();
            let slices = island.slices(10 + (0.3 * span) as usize);
            let mut sections = Vec::with_capacity(slices.len() * columns);
            for slice in &slices {
                sections.extend((0..columns).map(|column| {
                    let q = parallel_inv_nm * column as f64 / (columns - 1) as f64;
                    (island.section(slice, q, 0.0) / largest) as f32
                }));
            }
            (island, slices, sections, (weight / total) as f32)
        })
        .collect();
    let incident = stack.waves(sine_i)[0];
    let mut spread = Vec::with_capacity(rows * columns);
    let mut mean_square = Vec::with_capacity(rows * columns);
    let mut real = vec![0.0_f32; columns];
    let mut imaginary = vec![0.0_f32; columns];
    for row in 0..rows {
        // At 0 nothing is transmitted: the first row is the limit.
        let sine_f = sine * ((row as f64).max(0.02) / (rows - 1) as f64).powi(2);
        let exit = stack.waves(sine_f)[0];
        let channels = channels(&incident, &exit, 0.0);
        let per_transmitted = (1.0 / (1.0 + exit.up).norm_sqr()) as f32;
        let mut square = vec![0.0_f32; columns];
        let mut mean = (vec![0.0_f32; columns], vec![0.0_f32; columns]);
        for (island, slices, sections, weight) in &prepared {
            real.fill(0.0);
            imaginary.fill(0.0);
            for (slice, section) in slices.iter().zip(sections.chunks_exact(columns)) {
                let vertical = island.vertical(slice, &channels);
                let (re, im) = (vertical.re as f32, vertical.im as f32);
                for ((r, i), d) in real.iter_mut().zip(&mut imaginary).zip(section) {
                    *r += re * d;
                    *i += im * d;
                }
            }
            let amplitudes = real.iter().zip(&imaginary);
            let sums = mean.0.iter_mut().zip(&mut mean.1).zip(&mut square);
            for (((mean_re, mean_im), square), (re, im)) in sums.zip(amplitudes) {
                *square += weight * (re * re + im * im);
                *mean_re += weight * re;
                *mean_im += weight * im;
            }
        }
        for ((re, im), square) in mean.0.iter().zip(&mean.1).zip(&square) {
            let coherent = re * re + im * im;
            spread.push(per_transmitted * (square - coherent).max(0.0));
            mean_square.push(per_transmitted * coherent);
        }
    }
    let map = |values| Map {
        columns,
        per_column: ((columns - 1) as f64 / parallel_inv_nm) as f32,
        per_row: ((rows - 1) as f64 / sine.sqrt()) as f32,
        values,
    };
    (map(spread), map(mean_square))
}
