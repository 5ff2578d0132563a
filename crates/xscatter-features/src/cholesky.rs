//! Small symmetric systems of equations, as least squares make them.

/// The lower triangle `L` of a positive definite matrix `L Lᵀ`, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cholesky {
    order: usize,
    lower: Vec<f64>,
}

impl Cholesky {
    /// Of a symmetric matrix, row by row; `None` if a column depends on those before it: if less than
    /// `least` of its diagonal element is left without them.
    pub(crate) fn of(matrix: &[f64], order: usize, least: f64) -> Option<Self> {
        debug_assert_eq!(matrix.len(), order * order, "a square matrix");
        let mut lower = vec![0.0; order * order];
        for row in 0..order {
            for column in 0..=row {
                let dot: f64 = (0..column)
                    .map(|k| lower[row * order + k] * lower[column * order + k])
                    .sum();
                let rest = matrix[row * order + column] - dot;
                lower[row * order + column] = if row == column {
                    // Written so that a NaN is no pivot.
                    if !(rest > least * matrix[row * order + row] && rest.is_finite()) {
                        return None;
                    }
                    rest.sqrt()
                } else {
                    rest / lower[column * order + column]
                };
            }
        }
        Some(Self { order, lower })
    }

    /// The x of `A x = b`.
    pub(crate) fn solve(&self, b: &[f64]) -> Vec<f64> {
        let n = self.order;
        let mut x = b.to_vec();
        for row in 0..n {
            let dot: f64 = (0..row).map(|k| self.lower[row * n + k] * x[k]).sum();
            x[row] = (x[row] - dot) / self.lower[row * n + row];
        }
        for row in (0..n).rev() {
            let dot: f64 = (row + 1..n).map(|k| self.lower[k * n + row] * x[k]).sum();
            x[row] = (x[row] - dot) / self.lower[row * n + row];
        }
        x
    }

    /// `A⁻¹ B A⁻¹` of a symmetric `B`, row by row.
    pub(crate) fn sandwich(&self, b: &[f64]) -> Vec<f64> {
        let half = self.solve_rows(b);
        self.solve_rows(&transposed(&half, self.order))
    }

    /// `A⁻¹`, row by row.
    pub(crate) fn inverse(&self) -> Vec<f64> {
        let n = self.order;
        let mut unit = vec![0.0; n * n];
        (0..n).for_each(|k| unit[k * n + k] = 1.0);
        self.solve_rows(&unit)
    }

    /// Solves for every row of `b`.
    fn solve_rows(&self, b: &[f64]) -> Vec<f64> {
        let rows = b.chunks(self.order);
        rows.flat_map(|row| self.solve(row)).collect()
    }
}

fn transposed(matrix: &[f64], order: usize) -> Vec<f64> {
    (0..order * order)
        .map(|place| matrix[place % order * order + place / order])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const A: [f64; 9] = [4.0, 1.0, 2.0, 1.0, 3.0, 0.5, 2.0, 0.5, 5.0];

    #[test]
    fn solutions_solve() {
        let cholesky = Cholesky::of(&A, 3, 1e-12).unwrap();
        let x = cholesky.solve(&[1.0, -2.0, 3.0]);
        for (row, expected) in [1.0, -2.0, 3.0].into_iter().enumerate() {
            let found: f64 = (0..3).map(|k| A[row * 3 + k] * x[k]).sum();
            assert_relative_eq!(found, expected, epsilon = 1e-13);
        }
        // B = A: A⁻¹ A A⁻¹ = A⁻¹.
        for (a, b) in cholesky.sandwich(&A).iter().zip(cholesky.inverse()) {
            assert_relative_eq!(*a, b, epsilon = 1e-13);
        }
    }

    #[test]
    fn dependent_columns_and_nan_are_refused() {
        assert_eq!(Cholesky::of(&[1.0, 2.0, 2.0, 4.0], 2, 1e-12), None);
        assert_eq!(Cholesky::of(&[f64::NAN], 1, 1e-12), None);
        assert_eq!(Cholesky::of(&[0.0], 1, 1e-12), None);
    }
}
