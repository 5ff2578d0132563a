//! A function over the plane of q, tabulated on a square grid and linear in between.
//!
//! Use it for what is neither a function of q nor of the azimuth alone: the speckle of a coherent
//! beam, the transform of a mesostructure, an uneven background. A table either repeats for ever
//! (fields without a place of their own) or is 0 beyond its edge (a pattern about the beam).
//! A look-up costs some 5 ns, a table of side n 4·n² bytes.

use rand_chacha::ChaCha8Rng;

use crate::draw::normal_f32;

/// A square table over (q_x, q_y).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plane {
    /// A power of two where the table repeats.
    side: usize,
    cells_per_unit: f32,
    repeats: bool,
    /// Rows along q_y.
    values: Vec<f32>,
}

impl Plane {
    /// A table that repeats in both directions; `side` is a power of two.
    pub(crate) fn repeating(side: usize, cell_inv_nm: f64, values: Vec<f32>) -> Self {
        debug_assert!(side.is_power_of_two() && values.len() == side * side);
        Self {
            side,
            cells_per_unit: (1.0 / cell_inv_nm) as f32,
            repeats: true,
            values,
        }
    }

    /// A table with q = 0 in cell (side/2, side/2) that is 0 beyond its edge.
    pub(crate) fn centred(side: usize, cell_inv_nm: f64, values: Vec<f32>) -> Self {
        debug_assert!(side >= 2 && values.len() == side * side);
        Self {
            side,
            cells_per_unit: (1.0 / cell_inv_nm) as f32,
            repeats: false,
            values,
        }
    }

    /// The value at (q_x, q_y).
    #[inline]
    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let middle = if self.repeats {
            0.0
        } else {
            (self.side / 2) as f32
        };
        let (column, right) = split(x * self.cells_per_unit + middle);
        let (row, down) = split(y * self.cells_per_unit + middle);
        let last = self.side as i32 - 1;
        let (row, column, below, beside) = if self.repeats {
            (
                row & last,
                column & last,
                (row + 1) & last,
                (column + 1) & last,
            )
        } else if row < 0 || column < 0 || row >= last || column >= last {
            return 0.0;
        } else {
            (row, column, row + 1, column + 1)
        };
        let cell = |row: i32, column: i32| self.values[row as usize * self.side + column as usize];
        let above = cell(row, column) + right * (cell(row, beside) - cell(row, column));
        let under = cell(below, column) + right * (cell(below, beside) - cell(below, column));
        above + down * (under - above)
    }
}

/// The cell below a place, and how far the place is beyond it; `f32::floor` is slow without SSE 4.1.
#[inline]
fn split(place: f32) -> (i32, f32) {
    let towards_zero = place as i32;
    let cell = towards_zero - i32::from(place < towards_zero as f32);
    (cell, place - cell as f32)
}

/// A smooth random field of mean 0 and variance 1 that repeats: normal numbers, smoothed twice by
/// 1 2 1 in both directions, so that neighbours two cells apart still resemble each other.
pub(crate) fn smooth_noise(rng: &mut ChaCha8Rng, side: usize) -> Vec<f32> {
    let mut field: Vec<f32> = (0..side * side).map(|_| normal_f32(rng)).collect();
    for _ in 0..2 {
        field = smoothed(&field, side);
    }
    // (1 2 1)/4 twice is (1 4 6 4 1)/16, whose squares add up to 70/256 in each direction.
    field.iter().map(|value| value * (256.0 / 70.0)).collect()
}

fn smoothed(field: &[f32], side: usize) -> Vec<f32> {
    let along = |field: &[f32], cell: usize, before: usize, after: usize| {
        0.25 * (field[before] + field[after]) + 0.5 * field[cell]
    };
    let rows: Vec<f32> = (0..side * side)
        .map(|cell| {
            let (start, column) = (cell - cell % side, cell % side);
            along(
                field,
                cell,
                start + (column + side - 1) % side,
                start + (column + 1) % side,
            )
        })
        .collect();
    let count = side * side;
    (0..count)
        .map(|cell| {
            along(
                &rows,
                cell,
                (cell + count - side) % count,
                (cell + side) % count,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::generator;

    #[test]
    fn a_table_is_linear_between_its_cells_and_zero_beyond_its_edge() {
        let values = (0..16).map(|cell| (cell % 4) as f32).collect();
        let plane = Plane::centred(4, 0.5, values);
        assert_eq!(plane.at(0.0, 0.0), 2.0);
        assert_eq!(plane.at(0.25, 0.0), 2.5);
        assert_eq!((plane.at(-1.01, 0.0), plane.at(0.0, 0.6)), (0.0, 0.0));
    }

    #[test]
    fn a_repeating_table_has_no_edge() {
        let plane = Plane::repeating(4, 1.0, (0..16).map(|cell| cell as f32).collect());
        for (x, y) in [(0.3, 1.7), (-2.2, 3.9), (3.5, -0.5)] {
            assert!((plane.at(x, y) - plane.at(x + 8.0, y - 4.0)).abs() < 1e-5);
        }
        assert_eq!(plane.at(3.5, 0.0), 1.5);
    }

    #[test]
    fn noise_has_mean_zero_and_variance_one() {
        let noise = smooth_noise(&mut generator(4), 256);
        let n = noise.len() as f64;
        let mean = noise.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
        let variance = noise.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / n;
        assert!(
            mean.abs() < 0.05 && (variance - 1.0).abs() < 0.06,
            "{mean} {variance}"
        );
    }
}
