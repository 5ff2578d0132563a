//! The directions of largest scatter of centred rows, by all eigenvalues or by random projection; the formulas are
//! in [`pca`](crate::Pca).

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use xscatter_core::seed::derive;
use xscatter_core::{Result, StopToken};

use crate::eigen::symmetric_eigen;
use crate::pca::Components;
use crate::quantile::normal_quantile;

/// So many columns of a matrix of products are computed at once.
const TILE: usize = 64;
/// So many rows are multiplied at once; fixed, because the order of summation is.
const BLOCK: usize = 512;
/// Directions beside those asked for, which the randomised way needs.
const OVERSAMPLING: usize = 10;

/// Eigenvalues of the scatter matrix, descending and above 0, and their eigenvectors, one a row.
pub(crate) struct Directions {
    pub(crate) scatters: Vec<f64>,
    pub(crate) components: Array2<f64>,
}

/// By all eigenvalues of the matrix of products of the features or of the rows, whichever is smaller.
pub(crate) fn exact(
    centred: ArrayView2<'_, f64>,
    components: Components,
    stop: &StopToken,
) -> Result<Directions> {
    let (n_rows, n_features) = centred.dim();
    let wide = n_rows < n_features;
    let products = if wide {
        products(centred.t(), stop)?
    } else {
        products(centred, stop)?
    };
    let count = |values: &[f64]| -> usize {
        // What rounding makes of directions without scatter.
        let least = values[0] * f64::EPSILON * n_rows.max(n_features) as f64;
        let real = values
            .iter()
            .take_while(|&&value| value > least && value > 0.0)
            .count();
        match components {
            Components::All => real,
            Components::Count(count) => count.min(real),
            Components::Variance(share) => {
                let total: f64 = values[..real].iter().sum();
                let mut sum = 0.0;
                let below = values[..real].iter().take_while(|&&value| {
                    sum += value;
                    sum / total <= share
                });
                (below.count() + 1).min(real)
            }
        }
    };
    let eigen = symmetric_eigen(products, count, stop)?;
    let kept = eigen.vectors.nrows();
    let scatters = eigen.values[..kept].to_vec();
    let mut components = eigen.vectors;
    if wide {
        components = components.dot(&centred);
        for (mut row, scatter) in components.rows_mut().into_iter().zip(&scatters) {
            row /= scatter.sqrt();
        }
    }
    Ok(Directions {
        scatters,
        components,
    })
}

/// XᵀX, of which the upper tiles are computed.
fn products(x: ArrayView2<'_, f64>, stop: &StopToken) -> Result<Array2<f64>> {
    let n = x.ncols();
    let starts: Vec<usize> = (0..n).step_by(TILE).collect();
    let pairs: Vec<(usize, usize)> = starts
        .iter()
        .flat_map(|&i| {
            starts
                .iter()
                .filter(move |&&j| j >= i)
                .map(move |&j| (i, j))
        })
        .collect();
    let tiles = pairs
        .par_iter()
        .map(|&(i, j)| {
            stop.check()?;
            let left = x.slice(s![.., i..n.min(i + TILE)]);
            let right = x.slice(s![.., j..n.min(j + TILE)]);
            let mut tile = Array2::zeros((left.ncols(), right.ncols()));
            general_mat_mul(1.0, &left.t(), &right, 0.0, &mut tile);
            Ok(tile)
        })
        .collect::<Result<Vec<_>>>()?;
    let mut whole = Array2::zeros((n, n));
    for (&(i, j), tile) in pairs.iter().zip(&tiles) {
        let (height, width) = tile.dim();
        whole
            .slice_mut(s![i..i + height, j..j + width])
            .assign(tile);
        if i != j {
            whole
                .slice_mut(s![j..j + width, i..i + height])
                .assign(&tile.t());
        }
    }
    Ok(whole)
}

/// By a random projection that is multiplied with the scatter matrix `rounds` times more.
pub(crate) fn randomised(
    centred: ArrayView2<'_, f64>,
    count: usize,
    rounds: usize,
    seed: u64,
    stop: &StopToken,
) -> Result<Directions> {
    let (n_rows, n_features) = centred.dim();
    let width = (count + OVERSAMPLING).min(n_rows.min(n_features));
    // A direction a row.
    let mut basis = Array2::from_shape_fn((width, n_features), |(row, column)| {
        let bits = derive(derive(seed, row as u64), column as u64) >> 11;
        normal_quantile((bits as f64 + 0.5) / (1_u64 << 53) as f64)
    });
    for _ in 0..=rounds {
        basis = scattered(centred, basis.view(), stop)?;
        orthonormalise(&mut basis);
    }
    let small = scattered(centred, basis.view(), stop)?.dot(&basis.t());
    let small = (&small + &small.t()) / 2.0;
    let eigen = symmetric_eigen(
        small,
        |values| {
            let least = values[0] * f64::EPSILON * n_rows.max(n_features) as f64;
            let real = values
                .iter()
                .take_while(|&&value| value > least && value > 0.0);
            real.count().min(count)
        },
        stop,
    )?;
    Ok(Directions {
        scatters: eigen.values[..eigen.vectors.nrows()].to_vec(),
        components: eigen.vectors.dot(&basis),
    })
}

/// The directions times XᵀX.
fn scattered(
    x: ArrayView2<'_, f64>,
    directions: ArrayView2<'_, f64>,
    stop: &StopToken,
) -> Result<Array2<f64>> {
    let parts = (0..x.nrows())
        .into_par_iter()
        .step_by(BLOCK)
        .map(|start| {
            stop.check()?;
            let rows = x.slice(s![start..x.nrows().min(start + BLOCK), ..]);
            Ok(directions.dot(&rows.t()).dot(&rows))
        })
        .collect::<Result<Vec<Array2<f64>>>>()?;
    let mut sum = Array2::zeros(directions.raw_dim());
    for part in parts {
        sum += &part;
    }
    Ok(sum)
}

/// Makes the rows orthonormal; one that depends on those before becomes 0.
fn orthonormalise(rows: &mut Array2<f64>) {
    for place in 0..rows.nrows() {
        let (before, mut rest) = rows.view_mut().split_at(Axis(0), place);
        let mut row = rest.row_mut(0);
        let length = row.dot(&row).sqrt();
        // The second pass removes what the rounding of the first left.
        for _ in 0..2 {
            for other in before.rows() {
                let share = row.dot(&other);
                row.scaled_add(-share, &other);
            }
        }
        let left = row.dot(&row).sqrt();
        if left > 1e-14 * length {
            row /= left;
        } else {
            row.fill(0.0);
        }
    }
}
