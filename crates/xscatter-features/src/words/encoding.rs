//! From a descriptor to how much of each word it shows.
//!
//! With `d_j` the distance of the descriptor `x` from word `w_j`:
//!
//! | encoding | code of `x` | source |
//! |---|---|---|
//! | hard | 1 for the nearest word (the first of equals), 0 for the others | Sivic and Zisserman 2003 |
//! | soft | `exp(−β d_j²) / Σ_k exp(−β d_k²)` | van Gemert et al. 2010, doi:10.1109/TPAMI.2009.132 |
//! | llc | `c` that minimises `\|x − Σ c_j w_j\|² + λ tr(C) \|c\|²` with `Σ c_j = 1` over the `k` nearest words, `C_ij = (w_i − x)·(w_j − x)`: the solution of `(C + λ tr(C) 1) c ∝ 1` | Wang et al. 2010, doi:10.1109/CVPR.2010.5540018 |
//! | sparse | `\|c_j\|` of the code by orthogonal matching pursuit in the words made unit ([`omp`]) | Yang et al. 2009, doi:10.1109/CVPR.2009.5206757 (who solve for `c` by an L1 penalty) |
//!
//! Hard, soft and LLC codes sum to 1. A descriptor that equals all of its `k` nearest words has the LLC
//! code `1/k` in each. Descriptors must be finite.
//!
//! *Cost*: `2 · words · length` operations a descriptor, as products of matrices in single precision; soft
//! codes add an exponential a word, LLC `k² · length`, sparse codes `nonzeros² · words`.

#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView2, ArrayViewMut2};
use pulp::Arch;
use serde::{Deserialize, Serialize};

use crate::cholesky::Cholesky;

use super::kmeans::{half_norms, nearest};
use super::sparse::{OmpScratch, gram, omp, unit};

/// The squares of larger numbers would not be finite, in single precision.
pub(crate) const LARGEST: f32 = 1e15;

/// How a descriptor becomes a code; see the [module](self).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// The nearest word.
    Hard,
    /// All words, the near ones most.
    Soft {
        /// How fast the weight falls with the squared distance.
        beta: f64,
    },
    /// Locality-constrained linear coding.
    Llc {
        /// How many of the nearest words take part.
        neighbours: usize,
        /// λ: how much even codes are preferred.
        regularisation: f64,
    },
    /// Orthogonal matching pursuit, absolute values.
    Sparse {
        /// The most words of a code.
        nonzeros: usize,
    },
}

impl Default for Encoding {
    /// LLC with 5 neighbours and λ = 10⁻⁴, as published.
    fn default() -> Self {
        Self::Llc {
            neighbours: 5,
            regularisation: 1e-4,
        }
    }
}

/// Why descriptors cannot be encoded like that.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum EncodingError {
    /// A β that is no rate.
    #[error("expected a finite beta above 0, got {0}")]
    Beta(f64),
    /// A λ that is no weight.
    #[error("expected a finite regularisation above 0, got {0}")]
    Regularisation(f64),
    /// More words than there are, or none.
    #[error("expected a code of 1 to {words} words, got {found}")]
    Size {
        /// How many words there are.
        words: usize,
        /// How many were to take part.
        found: usize,
    },
    /// No words, or numbers too large to square; the shape.
    #[error("expected words of numbers up to {LARGEST:e}, got {0:?}")]
    Words((usize, usize)),
}

impl Encoding {
    /// Refuses settings outside their domain, for so many words.
    pub(crate) fn check(self, words: usize) -> Result<(), EncodingError> {
        let size = |found: usize| {
            if (1..=words).contains(&found) {
                Ok(())
            } else {
                Err(EncodingError::Size { words, found })
            }
        };
        match self {
            Self::Hard => Ok(()),
            Self::Soft { beta } if beta > 0.0 && beta.is_finite() => Ok(()),
            Self::Soft { beta } => Err(EncodingError::Beta(beta)),
            Self::Llc { regularisation, .. }
                if !(regularisation > 0.0 && regularisation.is_finite()) =>
            {
                Err(EncodingError::Regularisation(regularisation))
            }
            Self::Llc { neighbours, .. } => size(neighbours),
            Self::Sparse { nonzeros } => size(nonzeros),
        }
    }
}

/// Words, ready to encode with.
///
/// ```
/// use ndarray::array;
/// use xscatter_features::words::{Encoder, Encoding};
///
/// let words = array![[0.0f32, 0.0], [4.0, 0.0], [0.0, 4.0]];
/// let encoder = Encoder::new(words.view(), Encoding::Hard)?;
/// assert_eq!(encoder.encode(array![[3.0f32, 1.0]].view()), array![[0.0, 1.0, 0.0]]);
/// # Ok::<(), xscatter_features::words::EncodingError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Encoder {
    encoding: Encoding,
    /// Of unit length for sparse codes.
    words: Array2<f32>,
    half_norms: Vec<f32>,
    /// For sparse codes; else empty.
    gram: Array2<f64>,
}

impl Encoder {
    /// For these words, one a row.
    ///
    /// # Errors
    /// [`EncodingError`] if a setting is outside its domain or the words are too large.
    pub fn new(words: ArrayView2<'_, f32>, encoding: Encoding) -> Result<Self, EncodingError> {
        let sound = words.iter().all(|word| word.abs() <= LARGEST);
        if words.is_empty() || !sound {
            return Err(EncodingError::Words(words.dim()));
        }
        encoding.check(words.nrows())?;
        let (words, gram) = if let Encoding::Sparse { .. } = encoding {
            let atoms = unit(words);
            let gram = gram(atoms.view());
            (atoms, gram)
        } else {
            (
                words.as_standard_layout().into_owned(),
                Array2::zeros((0, 0)),
            )
        };
        Ok(Self {
            encoding,
            half_norms: half_norms(words.view()),
            words,
            gram,
        })
    }

    /// The codes of descriptors, one a row.
    ///
    /// # Panics
    /// If descriptors and words differ in length.
    pub fn encode(&self, rows: ArrayView2<'_, f32>) -> Array2<f64> {
        let mut codes = Array2::zeros((rows.nrows(), self.words.nrows()));
        let rows = rows.as_standard_layout();
        let mut scratch = Scratch::default();
        let mut products = Array2::zeros((rows.nrows(), self.words.nrows()));
        self.each(
            rows.view(),
            products.view_mut(),
            &mut scratch,
            |row, code| {
                for &(word, value) in code {
                    codes[(row, word)] = value;
                }
            },
        );
        codes
    }

    /// How many words there are.
    pub fn words(&self) -> usize {
        self.words.nrows()
    }

    /// Hands over the code of each row as `(word, value)`; `buffer` is rows × words, for the products.
    pub(crate) fn each(
        &self,
        rows: ArrayView2<'_, f32>,
        mut buffer: ArrayViewMut2<'_, f32>,
        scratch: &mut Scratch,
        mut take: impl FnMut(usize, &[(usize, f64)]),
    ) {
        general_mat_mul(1.0, &rows, &self.words.t(), 0.0, &mut buffer);
        let arch = Arch::new();
        for (place, (row, products)) in rows.rows().into_iter().zip(buffer.rows()).enumerate() {
            let row = row.to_slice().expect("descriptors are row-major");
            let products = products.to_slice().expect("the buffer is row-major");
            arch.dispatch(|| self.code(row, products, scratch));
            take(place, &scratch.code);
        }
    }

    #[inline(always)]
    fn code(&self, row: &[f32], products: &[f32], scratch: &mut Scratch) {
        match self.encoding {
            Encoding::Hard => {
                let word = nearest(products, &self.half_norms);
                scratch.code.clear();
                scratch.code.push((word, 1.0));
            }
            Encoding::Soft { beta } => self.soft(products, beta, &mut scratch.code),
            Encoding::Llc {
                neighbours,
                regularisation,
            } => {
                self.few_nearest(products, neighbours, &mut scratch.nearest);
                self.llc(row, regularisation, scratch);
            }
            Encoding::Sparse { nonzeros } => {
                let Scratch {
                    products: exact,
                    omp: of_omp,
                    code,
                    ..
                } = scratch;
                exact.clear();
                exact.extend(products.iter().map(|&p| f64::from(p)));
                omp(self.gram.view(), exact, nonzeros, of_omp, code);
                for (_, value) in code {
                    *value = value.abs();
                }
            }
        }
    }

    #[inline(always)]
    fn soft(&self, products: &[f32], beta: f64, code: &mut Vec<(usize, f64)>) {
        code.clear();
        // Distances up to |x|², the same for all words: it cancels.
        let halves = self.half_norms.iter().zip(products);
        code.extend(
            halves
                .enumerate()
                .map(|(word, (half, p))| (word, f64::from(half - p))),
        );
        let least = code
            .iter()
            .fold(f64::INFINITY, |least, &(_, half)| least.min(half));
        let mut total = 0.0;
        for (_, value) in code.iter_mut() {
            *value = (-2.0 * beta * (*value - least)).exp();
            total += *value;
        }
        for (_, value) in code.iter_mut() {
            *value /= total;
        }
    }

    /// The nearest words, nearest first.
    #[inline(always)]
    fn few_nearest(&self, products: &[f32], neighbours: usize, few: &mut Vec<(f32, usize)>) {
        const BLOCK: usize = 32;
        few.clear();
        let mut beyond = f32::INFINITY;
        let blocks = self.half_norms.chunks(BLOCK).zip(products.chunks(BLOCK));
        for (block, (halves, products)) in blocks.enumerate() {
            // Most blocks have nothing near: a look without a branch runs in vectors.
            let both = || halves.iter().zip(products).map(|(half, p)| half - p);
            if few.len() == neighbours
                && both().fold(0, |n, half| n + u32::from(half < beyond)) == 0
            {
                continue;
            }
            for (place, half) in both().enumerate() {
                if few.len() == neighbours && half >= beyond {
                    continue;
                }
                let rank = few.partition_point(|&(nearer, _)| nearer <= half);
                few.truncate(neighbours - 1);
                few.insert(rank.min(few.len()), (half, block * BLOCK + place));
                beyond = few[few.len() - 1].0;
            }
        }
    }

    #[inline(always)]
    fn llc(&self, row: &[f32], regularisation: f64, scratch: &mut Scratch) {
        let Scratch {
            nearest,
            code,
            matrix,
            differences,
            ..
        } = scratch;
        let k = nearest.len();
        differences.clear();
        let width = row.len();
        let words = self.words.as_slice().expect("the words are row-major");
        for &(_, word) in nearest.iter() {
            let both = words[word * width..][..width].iter().zip(row);
            differences.extend(both.map(|(&w, &x)| f64::from(w) - f64::from(x)));
        }
        let z = |place: usize| &differences[place * row.len()..][..row.len()];
        matrix.clear();
        matrix.resize(k * k, 0.0);
        for i in 0..k {
            for j in 0..=i {
                matrix[i * k + j] = dot(z(i), z(j));
            }
        }
        let trace: f64 = (0..k).map(|i| matrix[i * k + i]).sum();
        for i in 0..k {
            matrix[i * k + i] += regularisation * trace;
        }
        code.clear();
        code.extend(nearest.iter().map(|&(_, word)| (word, 1.0)));
        // There is no factor if all differences are 0: then all words stand for the descriptor alike.
        if let Some(factor) = Cholesky::of(matrix, k, 0.0) {
            for ((_, value), solved) in code.iter_mut().zip(factor.solve(&vec![1.0; k])) {
                *value = solved;
            }
        }
        let total: f64 = code.iter().map(|&(_, value)| value).sum();
        for (_, value) in code.iter_mut() {
            *value /= total;
        }
    }
}

/// Buffers that encoding needs between rows.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    code: Vec<(usize, f64)>,
    nearest: Vec<(f32, usize)>,
    differences: Vec<f64>,
    matrix: Vec<f64>,
    products: Vec<f64>,
    omp: OmpScratch,
}

/// A scalar product in eight lanes.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f64>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::random::uniform;
    use approx::assert_relative_eq;
    use proptest::prelude::*;
    use xscatter_core::seed::derive;

    fn noise(shape: (usize, usize), seed: u64) -> Array2<f32> {
        Array2::from_shape_fn(shape, |(row, column)| {
            uniform(derive(seed, (row * shape.1 + column) as u64)) as f32
        })
    }

    fn llc(neighbours: usize) -> Encoding {
        Encoding::Llc {
            neighbours,
            regularisation: 1e-4,
        }
    }

    #[test]
    fn settings_outside_their_domain_are_refused() {
        let words = noise((4, 3), 1);
        for encoding in [
            Encoding::Soft { beta: 0.0 },
            Encoding::Soft { beta: f64::NAN },
            llc(0),
            llc(5),
            Encoding::Llc {
                neighbours: 2,
                regularisation: 0.0,
            },
            Encoding::Sparse { nonzeros: 0 },
        ] {
            assert!(
                Encoder::new(words.view(), encoding).is_err(),
                "{encoding:?}"
            );
        }
        let endless = Array2::from_elem((2, 2), f32::INFINITY);
        assert!(Encoder::new(endless.view(), Encoding::Hard).is_err());
        assert!(Encoder::new(Array2::zeros((0, 3)).view(), Encoding::Hard).is_err());
    }

    #[test]
    fn a_descriptor_that_is_a_word_shows_that_word() {
        let words = noise((9, 6), 2);
        for encoding in [Encoding::Hard, Encoding::Soft { beta: 1e3 }, llc(4)] {
            let encoder = Encoder::new(words.view(), encoding).unwrap();
            let codes = encoder.encode(words.view());
            for (word, code) in codes.rows().into_iter().enumerate() {
                assert!(code[word] > 0.99, "{encoding:?}: {code}");
                assert_relative_eq!(code.sum(), 1.0, max_relative = 1e-9);
            }
        }
    }

    #[test]
    fn equal_words_share_a_descriptor_evenly() {
        let words = Array2::from_elem((3, 4), 2.0);
        let rows = Array2::from_elem((1, 4), 2.0);
        let codes = Encoder::new(words.view(), llc(3))
            .unwrap()
            .encode(rows.view());
        for &code in &codes {
            assert_relative_eq!(code, 1.0 / 3.0);
        }
        let hard = Encoder::new(words.view(), Encoding::Hard).unwrap();
        assert_eq!(hard.encode(rows.view()).row(0).to_vec(), [1.0, 0.0, 0.0]);
    }

    #[test]
    fn sparse_codes_are_of_unit_words() {
        let words = ndarray::array![[3.0f32, 0.0], [0.0, 0.5]];
        let encoder = Encoder::new(words.view(), Encoding::Sparse { nonzeros: 2 }).unwrap();
        let codes = encoder.encode(ndarray::array![[-2.0f32, 1.0], [0.0, 0.0]].view());
        assert_eq!(codes, ndarray::array![[2.0, 1.0], [0.0, 0.0]]);
    }

    proptest! {
        #[test]
        fn llc_is_the_constrained_minimum(seed in 0u64..300) {
            // No step within Σ c = 1 lowers the objective: its gradient is the same for all words taken.
            let (words, rows) = (noise((12, 5), seed), noise((1, 5), seed + 1000));
            let code = Encoder::new(words.view(), llc(4)).unwrap().encode(rows.view());
            let code = code.row(0);
            let taken: Vec<usize> = (0..12).filter(|&word| code[word] != 0.0).collect();
            prop_assert_eq!(taken.len(), 4);
            let x = rows.row(0).mapv(f64::from);
            let exact = words.mapv(f64::from);
            let left = code.dot(&exact) - &x;
            let trace: f64 = taken.iter().map(|&word| {
                let z = &exact.row(word) - &x;
                z.dot(&z)
            }).sum();
            let gradient: Vec<f64> = taken.iter().map(|&word| {
                exact.row(word).dot(&left) + 1e-4 * trace * code[word]
            }).collect();
            for other in &gradient {
                prop_assert!((other - gradient[0]).abs() < 1e-9, "{:?}", gradient);
            }
            // And the words taken are the nearest.
            let distance = |word: usize| {
                let z = &exact.row(word) - &x;
                z.dot(&z)
            };
            let farthest = taken.iter().map(|&word| distance(word)).fold(0.0, f64::max);
            let beyond = (0..12).filter(|word| !taken.contains(word)).map(distance);
            prop_assert!(beyond.fold(f64::INFINITY, f64::min) >= farthest - 1e-6);
        }

        #[test]
        fn the_order_of_words_is_the_order_of_codes(seed in 0u64..100, turn in 1usize..12) {
            let (words, rows) = (noise((12, 5), seed), noise((3, 5), seed + 1000));
            let order: Vec<usize> = (0..12).map(|word| (word + turn) % 12).collect();
            let turned = words.select(ndarray::Axis(0), &order);
            for encoding in [Encoding::Hard, Encoding::Soft { beta: 3.0 }, llc(4), Encoding::Sparse { nonzeros: 3 }] {
                let one = Encoder::new(words.view(), encoding).unwrap().encode(rows.view());
                let other = Encoder::new(turned.view(), encoding).unwrap().encode(rows.view());
                for (place, &word) in order.iter().enumerate() {
                    for row in 0..3 {
                        prop_assert!((one[(row, word)] - other[(row, place)]).abs() < 1e-9);
                    }
                }
            }
        }
    }
}
