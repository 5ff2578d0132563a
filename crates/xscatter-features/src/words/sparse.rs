//! Sparse coding: a row as the sum of a few atoms of a dictionary.
//!
//! [`omp`] finds the code of a row by orthogonal matching pursuit: take the atom that is most parallel to
//! what is left, fit all atoms taken so far by least squares, and so on. [`learn`] finds atoms with
//! which the codes of many rows leave little. Against k-means a row may be a mixture, and its strength
//! is in the code, not in the atom.
//!
//! ```text
//! minimise  Σ_i |x_i − Σ_j c_ij d_j|²   over unit atoms d_j and codes c_i with at most s atoms
//! ```
//!
//! Codes use the Gram matrix `G = D Dᵀ` and the products `D x` alone (Batch-OMP, with a progressive Cholesky
//! decomposition). Atoms follow the codes batch by batch: with `A = Σ c cᵀ` and `B = Σ c xᵀ` over all
//! batches so far, those of batch `t` before weighing `(1 − 1/t)²` as much, each atom in turn goes to
//! `d_j + (B_j − Σ_k A_jk d_k)/A_jj` and back to unit length. An atom that no code of a pass needs starts
//! again as the row that was coded worst.
//!
//! Everything is summed in double precision in the order of the rows: the result does not depend on the
//! number of threads. Rows must be finite; a row of zeros has the code 0.
//!
//! *Cost*: `2 rows · atoms · length` operations a pass for the products, and `2 atoms² · length` a batch.
//!
//! Source: Pati, Rezaiifar and Krishnaprasad 1993 (OMP), Rubinstein, Zibulevsky and Elad 2008 (Batch-OMP),
//! Mairal, Bach, Ponce and Sapiro 2010 (updates and their forgetting, JMLR 11, 19); codes agree with
//! `orthogonal_mp_gram` of scikit-learn 1.9.1.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::seed::{derive, derive_named};
use xscatter_core::{Error, ErrorKind, Result, StopToken};

use super::kmeans::{Clusters, plus_plus, products};
use super::random::shuffled;

/// How atoms are learned by [`learn`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SparseConfig {
    /// How many atoms.
    pub words: usize,
    /// The most atoms of a code.
    pub nonzeros: usize,
    /// Rows a batch.
    pub batch: usize,
    /// How often all rows are seen.
    pub passes: usize,
}

impl Default for SparseConfig {
    /// 256 atoms, 5 a code, batches of 1024, 3 passes.
    fn default() -> Self {
        Self {
            words: 256,
            nonzeros: 5,
            batch: 1024,
            passes: 3,
        }
    }
}

/// What [`omp`] needs between rows.
#[derive(Debug, Clone, Default)]
pub struct OmpScratch {
    /// Products of the atoms with what is left of the row.
    left: Vec<f64>,
    /// The lower triangle of the Cholesky factor, row after row.
    factor: Vec<f64>,
    solved: Vec<f64>,
}

/// The code of a row: `(atom, coefficient)` in the order in which the atoms were taken.
///
/// `gram` holds the products of the (unit) atoms with each other, `products` those with the row. It ends
/// early when nothing is left of the row, or no atom adds anything to those taken.
///
/// ```
/// use ndarray::array;
/// use xscatter_features::words::sparse::{OmpScratch, omp};
///
/// // Atoms (1, 0) and (0.6, 0.8); the row is 2 of the first and 5 of the second.
/// let gram = array![[1.0, 0.6], [0.6, 1.0]];
/// let mut code = Vec::new();
/// omp(gram.view(), &[5.0, 6.2], 2, &mut OmpScratch::default(), &mut code);
/// assert_eq!(code[0].0, 1);
/// assert!((code[0].1 - 5.0).abs() < 1e-12 && (code[1].1 - 2.0).abs() < 1e-12);
/// ```
///
/// # Panics
/// If the number of products is not that of the atoms.
pub fn omp(
    gram: ArrayView2<'_, f64>,
    products: &[f64],
    nonzeros: usize,
    scratch: &mut OmpScratch,
    code: &mut Vec<(usize, f64)>,
) {
    assert_eq!(
        gram.dim(),
        (products.len(), products.len()),
        "one product an atom"
    );
    code.clear();
    let OmpScratch {
        left,
        factor,
        solved,
    } = scratch;
    factor.clear();
    left.clear();
    left.extend_from_slice(products);
    let scale = products.iter().fold(0.0, |most: f64, p| most.max(p.abs()));
    while code.len() < nonzeros {
        let Some(atom) = most_parallel(left, code) else {
            break;
        };
        if left[atom].abs() <= 1e-9 * scale {
            break;
        }
        // A further row of the factor L of the Gram matrix of the atoms taken: L w = g, l = √(1 − w·w).
        let taken = code.len();
        let start = factor.len();
        for row in 0..taken {
            let of_row = &factor[row * (row + 1) / 2..][..=row];
            let known = of_row[..row].iter().zip(&factor[start..]);
            let known: f64 = known.map(|(l, w)| l * w).sum();
            let next = (gram[(atom, code[row].0)] - known) / of_row[row];
            factor.push(next);
        }
        let pivot = gram[(atom, atom)] - factor[start..].iter().map(|w| w * w).sum::<f64>();
        if pivot <= 1e-10 {
            factor.truncate(start);
            break;
        }
        factor.push(pivot.sqrt());
        code.push((atom, 0.0));

        // L Lᵀ c = products of the atoms taken.
        solved.clear();
        for row in 0..=taken {
            let of_row = &factor[row * (row + 1) / 2..][..=row];
            let known = of_row[..row].iter().zip(&*solved);
            let known: f64 = known.map(|(l, y)| l * y).sum();
            solved.push((products[code[row].0] - known) / of_row[row]);
        }
        for row in (0..=taken).rev() {
            let below = row + 1..=taken;
            let known: f64 = below
                .map(|k| factor[k * (k + 1) / 2 + row] * code[k].1)
                .sum();
            code[row].1 = (solved[row] - known) / factor[row * (row + 1) / 2 + row];
        }
        if code.len() < nonzeros {
            left.copy_from_slice(products);
            for &(atom, coefficient) in code.iter() {
                let of_atom = gram.row(atom);
                for (left, &g) in left.iter_mut().zip(of_atom) {
                    *left -= coefficient * g;
                }
            }
        }
    }
}

/// The first atom, of those not taken, with the largest product with what is left.
fn most_parallel(left: &[f64], code: &[(usize, f64)]) -> Option<usize> {
    let mut best: Option<usize> = None;
    for (atom, product) in left.iter().enumerate() {
        let more = best.is_none_or(|best| product.abs() > left[best].abs());
        if more && !code.iter().any(|&(taken, _)| taken == atom) {
            best = Some(atom);
        }
    }
    best
}

/// Products of all atoms with each other.
pub(crate) fn gram(atoms: ArrayView2<'_, f32>) -> Array2<f64> {
    let atoms = atoms.mapv(f64::from);
    atoms.dot(&atoms.t())
}

/// Atoms of unit length; those without a length stay 0.
pub(crate) fn unit(words: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut atoms = words.to_owned();
    for mut atom in atoms.rows_mut() {
        let length = length(atom.view());
        if length > 0.0 {
            atom.mapv_inplace(|x| (f64::from(x) / length) as f32);
        }
    }
    atoms
}

fn length(row: ArrayView1<'_, f32>) -> f64 {
    let squares = row.iter().map(|&x| f64::from(x) * f64::from(x));
    squares.sum::<f64>().sqrt()
}

/// The code of a row, and the squared length of what it leaves of the row.
type Coded = (Vec<(usize, f64)>, f64);

fn codes(rows: ArrayView2<'_, f32>, atoms: ArrayView2<'_, f32>, nonzeros: usize) -> Vec<Coded> {
    const BLOCK: usize = 128;
    let gram = gram(atoms);
    let blocks: Vec<Vec<Coded>> = (0..rows.nrows().div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let rows = rows.slice(s![block * BLOCK..rows.nrows().min((block + 1) * BLOCK), ..]);
            let products = products(rows, atoms).mapv(f64::from);
            let mut scratch = OmpScratch::default();
            let mut code = Vec::new();
            let both = rows.rows().into_iter().zip(products.rows());
            both.map(|(row, products)| {
                let products = products.as_slice().expect("rows of a new array");
                omp(gram.view(), products, nonzeros, &mut scratch, &mut code);
                let explained: f64 = code.iter().map(|&(atom, c)| c * products[atom]).sum();
                let left = (length(row).powi(2) - explained).max(0.0);
                (code.clone(), left)
            })
            .collect()
        })
        .collect();
    blocks.into_iter().flatten().collect()
}

/// Atoms for these rows, from a start by [`plus_plus`] on part of the rows, made unit first.
///
/// `observer` gets the number of the pass, from 1, and what its codes left of the rows (while the atoms
/// moved). The inertia of the result is what the codes with the final atoms leave.
///
/// # Errors
/// [`ErrorKind::DegenerateData`] for fewer rows that are not 0 than atoms, [`ErrorKind::Stopped`].
pub fn learn(
    rows: ArrayView2<'_, f32>,
    config: &SparseConfig,
    seed: u64,
    stop: &StopToken,
    observer: &mut dyn FnMut(usize, f64),
) -> Result<Clusters> {
    let order = shuffled(rows.nrows(), derive_named(seed, "start"));
    let some: Vec<usize> = order
        .into_iter()
        .filter(|&row| length(rows.row(row)) > 0.0)
        .take(16 * config.words)
        .collect();
    if some.len() < config.words || config.words == 0 {
        let message = format!(
            "expected at least as many rows other than 0 as atoms and an atom, got {} and {}",
            some.len(),
            config.words
        );
        return Err(Error::new(ErrorKind::DegenerateData, message));
    }
    let units = unit(rows.select(Axis(0), &some).view());
    let mut atoms = plus_plus(units.view(), config.words, derive_named(seed, "plus-plus"))?;

    let mut a = Array2::<f64>::zeros((config.words, config.words));
    let mut b = Array2::<f64>::zeros(atoms.dim());
    let mut iterations = 0;
    for pass in 0..config.passes {
        let of_pass = derive(derive_named(seed, "pass"), pass as u64);
        let order = shuffled(rows.nrows(), of_pass);
        let mut used = vec![false; config.words];
        let mut left = vec![0.0; rows.nrows()];
        for batch in order.chunks(config.batch.max(1)) {
            stop.check()?;
            iterations += 1;
            let kept = (1.0 - 1.0 / iterations as f64).powi(2);
            a *= kept;
            b *= kept;
            let rows = rows.select(Axis(0), batch);
            let codes = codes(rows.view(), atoms.view(), config.nonzeros);
            for ((row, (code, rest)), &place) in rows.rows().into_iter().zip(codes).zip(batch) {
                left[place] = rest;
                for &(atom, coefficient) in &code {
                    used[atom] = true;
                    for &(other, with) in &code {
                        a[(atom, other)] += coefficient * with;
                    }
                    let mut sum = b.row_mut(atom);
                    sum.zip_mut_with(&row, |sum, &x| *sum += coefficient * f64::from(x));
                }
            }
            update(&mut atoms, a.view(), b.view());
        }
        observer(pass + 1, left.iter().sum());
        if pass + 1 < config.passes {
            let mut worst: Vec<usize> = (0..rows.nrows()).collect();
            worst.sort_by(|&x, &y| left[y].total_cmp(&left[x]).then(x.cmp(&y)));
            let unused = (0..config.words).filter(|&atom| !used[atom]);
            for (atom, row) in unused.zip(worst) {
                let row = rows.row(row);
                if length(row) > 0.0 {
                    let fresh = unit(row.insert_axis(Axis(0)));
                    atoms.row_mut(atom).assign(&fresh.row(0));
                    a.row_mut(atom).fill(0.0);
                    a.column_mut(atom).fill(0.0);
                    b.row_mut(atom).fill(0.0);
                }
            }
        }
    }
    let left = codes(rows, atoms.view(), config.nonzeros);
    Ok(Clusters {
        words: atoms,
        inertia: left.iter().map(|(_, rest)| rest).sum(),
        iterations,
    })
}

/// One round of descent over the atoms, each in turn.
fn update(atoms: &mut Array2<f32>, a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) {
    let mut exact = atoms.mapv(f64::from);
    for atom in 0..exact.nrows() {
        let weight = a[(atom, atom)];
        if weight <= 1e-12 {
            continue;
        }
        let of_atom = a.row(atom);
        let mut moved = b.row(atom).to_owned();
        for (&share, other) in of_atom.iter().zip(exact.rows()) {
            if share != 0.0 {
                moved.scaled_add(-share, &other);
            }
        }
        moved.mapv_inplace(|x| x / weight);
        moved += &exact.row(atom);
        let length = moved.dot(&moved).sqrt();
        if length > 0.0 {
            exact.row_mut(atom).assign(&(moved / length));
        }
    }
    atoms.assign(&exact.mapv(|x| x as f32));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::random::uniform;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    fn noise(shape: (usize, usize), seed: u64) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(row, column)| {
            (uniform(derive(seed, (row * shape.1 + column) as u64)) - 0.5) as f32
        })
    }

    #[test]
    fn a_mixture_of_two_atoms_is_taken_apart() {
        let atoms = unit(noise((12, 20), 1).view());
        let mut row = atoms.row(3).mapv(|x| 2.5 * f64::from(x));
        row.scaled_add(-1.5, &atoms.row(7).mapv(f64::from));
        let products = atoms.mapv(f64::from).dot(&row).to_vec();
        let mut code = Vec::new();
        let gram = gram(atoms.view());
        omp(
            gram.view(),
            &products,
            5,
            &mut OmpScratch::default(),
            &mut code,
        );
        assert_eq!(code.len(), 2, "nothing is left after two: {code:?}");
        code.sort_by_key(|&(atom, _)| atom);
        assert_eq!((code[0].0, code[1].0), (3, 7));
        assert_relative_eq!(code[0].1, 2.5, max_relative = 1e-6);
        assert_relative_eq!(code[1].1, -1.5, max_relative = 1e-6);
    }

    #[test]
    fn twins_and_zero_rows_end_a_code() {
        let mut atoms = unit(noise((6, 4), 2).view());
        let twin = atoms.row(0).to_owned();
        atoms.row_mut(1).assign(&twin);
        let gram = gram(atoms.view());
        let mut code = Vec::new();
        let mut scratch = OmpScratch::default();
        let products = atoms
            .mapv(f64::from)
            .dot(&ndarray::array![1.0, -2.0, 0.5, 3.0]);
        omp(
            gram.view(),
            products.as_slice().unwrap(),
            6,
            &mut scratch,
            &mut code,
        );
        assert!(code.len() <= 4);
        assert!(code.iter().all(|(_, c)| c.is_finite()));
        omp(gram.view(), &[0.0; 6], 3, &mut scratch, &mut code);
        assert!(code.is_empty());
    }

    #[test]
    fn learned_atoms_are_unit_and_leave_less_than_rows_do() {
        // Rows that truly are sparse: two of ten hidden atoms each.
        let hidden = unit(noise((10, 16), 3).view());
        let rows = Array2::from_shape_fn((900, 16), |(row, column)| {
            let (one, other) = (row % 10, (row / 10 * 3 + row % 7 + 1) % 10);
            hidden[(one, column)] * 2.0 + hidden[(other, column)] * (1.0 + (row % 5) as f32)
        });
        let config = SparseConfig {
            words: 10,
            nonzeros: 2,
            batch: 100,
            passes: 8,
        };
        let mut seen = Vec::new();
        let stop = StopToken::new();
        let learned = learn(rows.view(), &config, 4, &stop, &mut |_, left| {
            seen.push(left);
        })
        .unwrap();
        for atom in learned.words.rows() {
            assert_relative_eq!(atom.dot(&atom), 1.0, max_relative = 1e-5);
        }
        let total: f64 = rows.iter().map(|&x| f64::from(x).powi(2)).sum();
        assert!(
            learned.inertia < 0.03 * total,
            "{} of {total}",
            learned.inertia
        );
        assert!(seen[7] < 0.5 * seen[0], "{seen:?}");
        let [one, two] = [1, 2].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| learn(rows.view(), &config, 4, &stop, &mut |_, _| {}).unwrap())
        });
        assert_eq!((&one, &two), (&learned, &learned));
    }

    #[test]
    fn rows_of_zeros_make_no_atoms() {
        let config = SparseConfig {
            words: 2,
            ..Default::default()
        };
        let rows = Array2::zeros((9, 3));
        let error = learn(rows.view(), &config, 0, &StopToken::new(), &mut |_, _| {}).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
    }

    proptest! {
        #[test]
        fn what_is_left_is_perpendicular_to_the_atoms_taken(seed in 0u64..500) {
            let atoms = unit(noise((15, 9), seed).view()).mapv(f64::from);
            let row = noise((1, 9), seed + 1000).row(0).mapv(f64::from);
            let products = atoms.dot(&row).to_vec();
            let mut code = Vec::new();
            let gram = atoms.dot(&atoms.t());
            omp(gram.view(), &products, 4, &mut OmpScratch::default(), &mut code);
            let mut left = row.clone();
            for &(atom, coefficient) in &code {
                left.scaled_add(-coefficient, &atoms.row(atom));
            }
            for &(atom, _) in &code {
                prop_assert!(atoms.row(atom).dot(&left).abs() < 1e-9);
            }
            prop_assert!(left.dot(&left) <= row.dot(&row));
        }
    }
}
