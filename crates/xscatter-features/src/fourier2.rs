//! Two-dimensional Fourier transforms of small images of one shape.

use std::fmt;
use std::sync::Arc;

use num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

/// Transforms of images of `rows` × `columns`. Spectra are stored column by column, which saves a
/// transposition each way; nothing is normalised.
#[derive(Clone)]
pub(crate) struct Fourier2 {
    rows: usize,
    columns: usize,
    /// Along the rows, then down the columns.
    forward: [Arc<dyn Fft<f32>>; 2],
    inverse: [Arc<dyn Fft<f32>>; 2],
}

impl fmt::Debug for Fourier2 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fourier2({}x{})", self.rows, self.columns)
    }
}

/// Memory that transforms of any shape share.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    transposed: Vec<Complex32>,
    inner: Vec<Complex32>,
}

impl Fourier2 {
    pub(crate) fn new((rows, columns): (usize, usize)) -> Self {
        let mut planner = FftPlanner::new();
        Self {
            rows,
            columns,
            forward: [columns, rows].map(|length| planner.plan_fft_forward(length)),
            inverse: [columns, rows].map(|length| planner.plan_fft_inverse(length)),
        }
    }

    /// From an image, row by row, to its spectrum, column by column.
    pub(crate) fn forward(&self, data: &mut Vec<Complex32>, scratch: &mut Scratch) {
        let [along, down] = &self.forward;
        all(along, data, scratch);
        transpose(data, self.rows, self.columns, scratch);
        all(down, data, scratch);
    }

    /// From a spectrum, column by column, to its image, row by row.
    pub(crate) fn inverse(&self, data: &mut Vec<Complex32>, scratch: &mut Scratch) {
        let [along, down] = &self.inverse;
        all(down, data, scratch);
        transpose(data, self.columns, self.rows, scratch);
        all(along, data, scratch);
    }
}

fn all(fft: &Arc<dyn Fft<f32>>, data: &mut [Complex32], scratch: &mut Scratch) {
    let needed = fft.get_inplace_scratch_len();
    if scratch.inner.len() < needed {
        scratch.inner.resize(needed, Complex32::ZERO);
    }
    fft.process_with_scratch(data, &mut scratch.inner);
}

/// Rows become columns.
fn transpose(data: &mut Vec<Complex32>, rows: usize, columns: usize, scratch: &mut Scratch) {
    /// A block of both fits into the first-level cache.
    const BLOCK: usize = 16;
    let target = &mut scratch.transposed;
    target.resize(data.len(), Complex32::ZERO);
    for first_row in (0..rows).step_by(BLOCK) {
        let last_row = (first_row + BLOCK).min(rows);
        for column in 0..columns {
            let out = &mut target[column * rows..][first_row..last_row];
            for (row, out) in (first_row..last_row).zip(out) {
                *out = data[row * columns + column];
            }
        }
    }
    std::mem::swap(data, target);
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn there_and_back_multiplies_by_the_number_of_pixels() {
        let (rows, columns) = (18, 35);
        let fourier = Fourier2::new((rows, columns));
        let mut scratch = Scratch::default();
        let image: Vec<Complex32> = (0..rows * columns)
            .map(|k| Complex32::new((k * 7 % 11) as f32, (k * 5 % 13) as f32))
            .collect();
        let mut data = image.clone();
        fourier.forward(&mut data, &mut scratch);
        let sum: Complex32 = image.iter().sum();
        assert_abs_diff_eq!(data[0].re, sum.re, epsilon = 0.1);
        fourier.inverse(&mut data, &mut scratch);
        for (value, expected) in data.iter().zip(&image) {
            let value = value / (rows * columns) as f32;
            assert_abs_diff_eq!((value - expected).norm(), 0.0, epsilon = 1e-4);
        }
    }

    #[test]
    fn a_wave_is_one_value_in_its_column() {
        let (rows, columns) = (8, 6);
        let mut data: Vec<Complex32> = (0..rows * columns)
            .map(|k| {
                let (row, column) = (k / columns, k % columns);
                let turns = 3.0 * row as f32 / rows as f32 + 2.0 * column as f32 / columns as f32;
                Complex32::from_polar(1.0, std::f32::consts::TAU * turns)
            })
            .collect();
        Fourier2::new((rows, columns)).forward(&mut data, &mut Scratch::default());
        for (index, value) in data.iter().enumerate() {
            let expected = if index == 2 * rows + 3 { 48.0 } else { 0.0 };
            assert_abs_diff_eq!(value.norm(), expected, epsilon = 1e-3);
        }
    }
}
