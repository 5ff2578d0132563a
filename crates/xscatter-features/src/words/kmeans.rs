//! k-means: words that stand in the middle of what is near them.
//!
//! Words `w` minimise the inertia `Σ_i min_j |x_i − w_j|²`. Three steps, each of use by itself:
//!
//! - [`plus_plus`]: a start far apart. Each next word is a row drawn with a probability proportional to
//!   its squared distance from the words so far; of a few such rows the one that lowers the inertia most.
//! - [`mini_batch`]: after a look at each batch, a word is the mean of all rows that ever chose it; those of
//!   earlier passes count half as much a pass. Words that hardly any row chooses start again at a row far
//!   from its word. For many rows.
//! - [`lloyd`]: all rows choose, all words move to the mean of their rows, until no row changes its mind.
//!   For few rows, or to finish.
//!
//! Distances are found as `|w|² − 2 x·w` in single precision by blocked products of matrices; inertia and
//! means are summed in double precision, in the order of the rows: the result does not depend on the
//! number of threads. Rows must be finite. Two words at the same distance: the first one is chosen.
//!
//! *Cost*: `2 · rows · words · length` operations a pass. *Memory*: the rows are borrowed, a block of
//! 512 rows is in flight a thread.
//!
//! Source: Arthur and Vassilvitskii 2007 (k-means++), Sculley 2010, doi:10.1145/1772690.1772862; greedy
//! choice, reassignment and empty words as in scikit-learn 1.9.1.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::seed::{derive, derive_named};
use xscatter_core::{Error, ErrorKind, Result, StopToken};

use super::random::{shuffled, uniform};

/// How words are learned by [`mini_batch`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KMeansConfig {
    /// How many words.
    pub words: usize,
    /// Rows a batch.
    pub batch: usize,
    /// How often all rows are seen.
    pub passes: usize,
    /// A word chosen by less than this share of an even one (rows / words) of a pass starts again.
    pub reassign_below: f64,
}

impl Default for KMeansConfig {
    /// 256 words, batches of 1024, 10 passes, reassignment below a twentieth.
    fn default() -> Self {
        Self {
            words: 256,
            batch: 1024,
            passes: 10,
            reassign_below: 0.05,
        }
    }
}

/// Words and how well they stand for the rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Clusters {
    /// One a row.
    pub words: Array2<f32>,
    /// `Σ min |x − w|²` over all rows.
    pub inertia: f64,
    /// How often the words moved.
    pub iterations: usize,
}

/// The word that each row chooses, and its squared distance from it.
///
/// # Panics
/// If rows and words differ in length, or there is no word.
pub fn assign(rows: ArrayView2<'_, f32>, words: ArrayView2<'_, f32>) -> (Vec<u32>, Vec<f64>) {
    assert!(words.nrows() > 0, "expected a word");
    let half_norms = half_norms(words);
    let blocks: Vec<Vec<(u32, f64)>> = (0..rows.nrows().div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let rows = rows.slice(s![block * BLOCK..rows.nrows().min((block + 1) * BLOCK), ..]);
            let products = products(rows, words);
            let choices = products.rows().into_iter().zip(rows.rows());
            choices
                .map(|(products, row)| {
                    let products = products.as_slice().expect("rows of a new array");
                    let word = nearest(products, &half_norms);
                    (word as u32, squared_distance(row, words.row(word)))
                })
                .collect()
        })
        .collect();
    blocks.into_iter().flatten().unzip()
}

/// `|x − w|²` in eight lanes.
fn squared_distance(row: ArrayView1<'_, f32>, word: ArrayView1<'_, f32>) -> f64 {
    let square = |x: f32, w: f32| (f64::from(x) - f64::from(w)).powi(2);
    let (Some(row), Some(word)) = (row.to_slice(), word.to_slice()) else {
        return row.iter().zip(word).map(|(&x, &w)| square(x, w)).sum();
    };
    let mut lanes = [0.0; 8];
    let ((x, x_rest), (w, w_rest)) = (row.as_chunks::<8>(), word.as_chunks::<8>());
    for (x, w) in x.iter().zip(w) {
        for lane in 0..8 {
            lanes[lane] += square(x[lane], w[lane]);
        }
    }
    let rest: f64 = x_rest.iter().zip(w_rest).map(|(&x, &w)| square(x, w)).sum();
    lanes.iter().sum::<f64>() + rest
}

/// So many rows are multiplied at once.
const BLOCK: usize = 512;

/// `|w|²/2` of every word.
pub(crate) fn half_norms(words: ArrayView2<'_, f32>) -> Vec<f32> {
    let square = |&x: &f32| f64::from(x) * f64::from(x);
    let rows = words.rows().into_iter();
    rows.map(|word| (0.5 * word.iter().map(square).sum::<f64>()) as f32)
        .collect()
}

/// The first word at which `|w|²/2 − x·w` is least.
pub(crate) fn nearest(products: &[f32], half_norms: &[f32]) -> usize {
    const LANES: usize = 8;
    // Lanes that do not wait for each other; the compiler makes vectors of them.
    let mut least = [f32::INFINITY; LANES];
    let mut places = [0u32; LANES];
    let (p, p_rest) = products.as_chunks::<LANES>();
    let (h, h_rest) = half_norms.as_chunks::<LANES>();
    for (chunk, (p, h)) in p.iter().zip(h).enumerate() {
        for lane in 0..LANES {
            let distance = h[lane] - p[lane];
            let closer = distance < least[lane];
            least[lane] = if closer { distance } else { least[lane] };
            places[lane] = if closer { chunk as u32 } else { places[lane] };
        }
    }
    let mut best = (f32::INFINITY, 0);
    for lane in 0..LANES {
        let place = places[lane] as usize * LANES + lane;
        if least[lane] < best.0 || (least[lane] == best.0 && place < best.1) {
            best = (least[lane], place);
        }
    }
    for (lane, (p, h)) in p_rest.iter().zip(h_rest).enumerate() {
        if h - p < best.0 {
            best = (h - p, products.len() - products.len() % LANES + lane);
        }
    }
    best.1
}

/// A start of `words` rows that stand far from each other.
///
/// # Errors
/// [`ErrorKind::DegenerateData`] for fewer rows than words.
pub fn plus_plus(rows: ArrayView2<'_, f32>, words: usize, seed: u64) -> Result<Array2<f32>> {
    require_rows(rows, words)?;
    let trials = 2 + (words as f64).ln() as usize;
    let mut chosen = Array2::zeros((words, rows.ncols()));
    let first = (uniform(derive(seed, 0)) * rows.nrows() as f64) as usize;
    chosen.row_mut(0).assign(&rows.row(first));
    let mut least = squared_distances(rows, rows.select(Axis(0), &[first]).view())
        .column(0)
        .to_vec();
    for word in 1..words {
        let total: f64 = least.iter().sum();
        let of_word = derive(seed, word as u64);
        let candidates: Vec<usize> = (0..trials)
            .map(|trial| drawn(&least, uniform(derive(of_word, trial as u64)) * total))
            .collect();
        let distances = squared_distances(rows, rows.select(Axis(0), &candidates).view());
        let inertia = |trial: usize| -> f64 {
            let pairs = least.iter().zip(distances.column(trial));
            pairs.map(|(&now, &then)| now.min(then)).sum()
        };
        let (mut best, mut lowest) = (0, inertia(0));
        for trial in 1..trials {
            let inertia = inertia(trial);
            if inertia < lowest {
                (best, lowest) = (trial, inertia);
            }
        }
        for (now, &then) in least.iter_mut().zip(distances.column(best)) {
            *now = now.min(then);
        }
        chosen.row_mut(word).assign(&rows.row(candidates[best]));
    }
    Ok(chosen)
}

/// The place at which the running sum of `weights` passes `at`; the last one if it never does.
fn drawn(weights: &[f64], at: f64) -> usize {
    let mut sum = 0.0;
    for (place, weight) in weights.iter().enumerate() {
        sum += weight;
        if sum > at {
            return place;
        }
    }
    weights.len() - 1
}

fn require_rows(rows: ArrayView2<'_, f32>, words: usize) -> Result<()> {
    if words > 0 && rows.nrows() >= words {
        return Ok(());
    }
    let message = format!(
        "expected at least as many rows as words and a word, got {} and {words}",
        rows.nrows()
    );
    Err(Error::new(ErrorKind::DegenerateData, message))
}

/// `|x − c|²` of all rows and a few others, not below 0.
fn squared_distances(rows: ArrayView2<'_, f32>, others: ArrayView2<'_, f32>) -> Array2<f64> {
    let half_norms = half_norms(others);
    let blocks: Vec<Array2<f64>> = (0..rows.nrows().div_ceil(BLOCK))
        .into_par_iter()
        .map(|block| {
            let rows = rows.slice(s![block * BLOCK..rows.nrows().min((block + 1) * BLOCK), ..]);
            let norms = self::half_norms(rows);
            let products = products(rows, others);
            Array2::from_shape_fn(products.dim(), |(row, other)| {
                let half = norms[row] + half_norms[other] - products[(row, other)];
                f64::from(2.0 * half).max(0.0)
            })
        })
        .collect();
    let mut all = Array2::zeros((rows.nrows(), others.nrows()));
    for (block, distances) in blocks.into_iter().enumerate() {
        let end = rows.nrows().min((block + 1) * BLOCK);
        all.slice_mut(s![block * BLOCK..end, ..]).assign(&distances);
    }
    all
}

/// Words from all rows at once, from a start.
///
/// A word that no row chooses moves to the row that is farthest from its word. `max_iterations` 0 leaves
/// the start as it is.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::StopToken;
/// use xscatter_features::words::kmeans::lloyd;
///
/// let rows = array![[0.0f32], [1.0], [10.0], [12.0]];
/// let clusters = lloyd(rows.view(), array![[0.0], [1.0]], 100, &StopToken::new())?;
/// assert_eq!(clusters.words, array![[0.5], [11.0]]);
/// assert_eq!(clusters.inertia, 2.5);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::ShapeMismatch`] for a start of another length, [`ErrorKind::DegenerateData`] for fewer
/// rows than words, [`ErrorKind::Stopped`].
pub fn lloyd(
    rows: ArrayView2<'_, f32>,
    start: Array2<f32>,
    max_iterations: usize,
    stop: &StopToken,
) -> Result<Clusters> {
    let mut words = start;
    require_rows(rows, words.nrows())?;
    require_width(rows, words.view())?;
    let (mut labels, mut squares) = assign(rows, words.view());
    let mut iterations = 0;
    while iterations < max_iterations {
        stop.check()?;
        let mut sums = Sums::new(words.dim());
        for (row, &label) in rows.rows().into_iter().zip(&labels) {
            sums.add(label, row, 1.0);
        }
        let empty: Vec<u32> = (0..words.nrows() as u32)
            .filter(|&word| sums.counts[word as usize] == 0.0)
            .collect();
        if !empty.is_empty() {
            let mut farthest: Vec<usize> = (0..rows.nrows()).collect();
            farthest.sort_by(|&a, &b| squares[b].total_cmp(&squares[a]).then(a.cmp(&b)));
            for (word, row) in empty.into_iter().zip(farthest) {
                sums.add(labels[row], rows.row(row), -1.0);
                sums.add(word, rows.row(row), 1.0);
            }
        }
        sums.means(&mut words);
        iterations += 1;
        let (moved, distances) = assign(rows, words.view());
        let settled = moved == labels;
        (labels, squares) = (moved, distances);
        if settled {
            break;
        }
    }
    Ok(Clusters {
        words,
        inertia: squares.iter().sum(),
        iterations,
    })
}

pub(crate) fn require_width(rows: ArrayView2<'_, f32>, words: ArrayView2<'_, f32>) -> Result<()> {
    if rows.ncols() == words.ncols() {
        return Ok(());
    }
    let message = format!(
        "expected words of {} numbers as the rows, got {}",
        rows.ncols(),
        words.ncols()
    );
    Err(Error::new(ErrorKind::ShapeMismatch, message))
}

/// Sums of the rows that chose each word.
struct Sums {
    sums: Array2<f64>,
    counts: Vec<f64>,
}

impl Sums {
    fn new(shape: (usize, usize)) -> Self {
        Self {
            sums: Array2::zeros(shape),
            counts: vec![0.0; shape.0],
        }
    }

    fn add(&mut self, word: u32, row: ArrayView1<'_, f32>, weight: f64) {
        let mut sum = self.sums.row_mut(word as usize);
        for (sum, &x) in sum.iter_mut().zip(row) {
            *sum += weight * f64::from(x);
        }
        self.counts[word as usize] += weight;
    }

    fn halve(&mut self) {
        self.sums *= 0.5;
        self.counts.iter_mut().for_each(|count| *count *= 0.5);
    }

    fn means(&self, words: &mut Array2<f32>) {
        for ((mut word, sum), &count) in words
            .rows_mut()
            .into_iter()
            .zip(self.sums.rows())
            .zip(&self.counts)
        {
            if count > 0.0 {
                word.zip_mut_with(&sum, |word, &sum| *word = (sum / count) as f32);
            }
        }
    }
}

/// Words from rows in batches, from a start by [`plus_plus`] on part of the rows.
///
/// `observer` gets the number of the pass, from 1, and its inertia (that of the words while they moved).
///
/// # Errors
/// [`ErrorKind::DegenerateData`] for fewer rows than words, [`ErrorKind::Stopped`].
pub fn mini_batch(
    rows: ArrayView2<'_, f32>,
    config: &KMeansConfig,
    seed: u64,
    stop: &StopToken,
    observer: &mut dyn FnMut(usize, f64),
) -> Result<Clusters> {
    require_rows(rows, config.words)?;
    // Sixteen rows a word tell where there is something; more make the start slow, not better.
    let order = shuffled(rows.nrows(), derive_named(seed, "start"));
    let some = &order[..rows.nrows().min(16 * config.words)];
    let start = plus_plus(
        rows.select(Axis(0), some).view(),
        config.words,
        derive_named(seed, "plus-plus"),
    )?;
    let mut words = start;
    let mut sums = Sums::new(words.dim());
    let mut iterations = 0;
    for pass in 0..config.passes {
        let of_pass = derive(derive_named(seed, "pass"), pass as u64);
        let order = shuffled(rows.nrows(), of_pass);
        let mut chosen = vec![0usize; config.words];
        let mut squares = vec![0.0; rows.nrows()];
        for batch in order.chunks(config.batch.max(1)) {
            stop.check()?;
            let rows_of_batch = rows.select(Axis(0), batch);
            let (labels, distances) = assign(rows_of_batch.view(), words.view());
            for (place, (&label, row)) in labels.iter().zip(rows_of_batch.rows()).enumerate() {
                sums.add(label, row, 1.0);
                chosen[label as usize] += 1;
                squares[batch[place]] = distances[place];
            }
            sums.means(&mut words);
            iterations += 1;
        }
        observer(pass + 1, squares.iter().sum());
        if pass + 1 < config.passes {
            let least = config.reassign_below * rows.nrows() as f64 / config.words as f64;
            restart(rows, &chosen, least, squares, &mut sums, of_pass);
            sums.means(&mut words);
            sums.halve();
        }
    }
    let (_, squares) = assign(rows, words.view());
    Ok(Clusters {
        words,
        inertia: squares.iter().sum(),
        iterations,
    })
}

/// Words that were chosen less than `least` times move to rows that are far from their words; they weigh
/// as little as the least of the others, so that they still can move.
fn restart(
    rows: ArrayView2<'_, f32>,
    chosen: &[usize],
    least: f64,
    mut squares: Vec<f64>,
    sums: &mut Sums,
    seed: u64,
) {
    let is_rare = |word: &usize| (chosen[*word] as f64) < least.max(1.0);
    let weight = (0..chosen.len())
        .filter(|word| !is_rare(word))
        .map(|word| sums.counts[word])
        .fold(f64::INFINITY, f64::min)
        .clamp(1.0, rows.nrows() as f64);
    for word in (0..chosen.len()).filter(is_rare) {
        let total: f64 = squares.iter().sum();
        let row = drawn(&squares, uniform(derive(seed, word as u64)) * total);
        squares[row] = 0.0;
        let row = rows.row(row).mapv(|x| f64::from(x) * weight);
        sums.sums.row_mut(word).assign(&row);
        sums.counts[word] = weight;
    }
}

/// `rows · wordsᵀ`, row-major whatever the shapes.
pub(crate) fn products(rows: ArrayView2<'_, f32>, words: ArrayView2<'_, f32>) -> Array2<f32> {
    let mut products = Array2::zeros((rows.nrows(), words.nrows()));
    general_mat_mul(1.0, &rows, &words.t(), 0.0, &mut products);
    products
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    /// Rows about `centres` places.
    fn clouds(rows: usize, width: usize, centres: usize) -> Array2<f32> {
        Array2::from_shape_fn((rows, width), |(row, column)| {
            let centre = derive(7, ((row % centres) * width + column) as u64);
            let noise = derive(8, (row * width + column) as u64);
            (8.0 * uniform(centre) + uniform(noise)) as f32
        })
    }

    #[test]
    fn nearest_is_the_first_of_the_least() {
        for n in 1..40 {
            for least in 0..n {
                let mut half_norms = vec![3.0f32; n];
                half_norms[least..].fill(1.0);
                assert_eq!(nearest(&vec![0.5; n], &half_norms), least, "{n} {least}");
            }
        }
    }

    #[test]
    fn a_start_takes_one_row_of_each_cloud() {
        let rows = clouds(400, 6, 10);
        let start = plus_plus(rows.view(), 10, 3).unwrap();
        let (labels, _) = assign(rows.view(), start.view());
        for (row, &label) in labels.iter().enumerate() {
            assert_eq!(label, labels[row % 10]);
        }
    }

    #[test]
    fn lloyd_finds_little_to_do_after_mini_batches() {
        let rows = clouds(3000, 8, 60);
        let config = KMeansConfig {
            words: 40,
            batch: 256,
            passes: 6,
            ..Default::default()
        };
        let stop = StopToken::new();
        let mut seen = Vec::new();
        let fast = mini_batch(rows.view(), &config, 5, &stop, &mut |pass, inertia| {
            seen.push((pass, inertia));
        })
        .unwrap();
        let settled = lloyd(rows.view(), fast.words, 200, &stop).unwrap();
        let (fast, settled) = (fast.inertia, settled.inertia);
        assert!(fast < 1.03 * settled, "{fast} {settled}");
        assert_eq!(seen.len(), 6);
        assert!(seen[5].1 < seen[0].1);
    }

    #[test]
    fn an_empty_word_moves_to_the_farthest_row() {
        let rows = array![[0.0f32], [1.0], [2.0], [50.0]];
        let start = array![[1.0], [-90.0]];
        let clusters = lloyd(rows.view(), start, 50, &StopToken::new()).unwrap();
        assert_eq!(clusters.words, array![[1.0], [50.0]]);
        assert_eq!(clusters.inertia, 2.0);
    }

    #[test]
    fn words_that_no_row_chooses_start_again() {
        // Equal rows and three others, not all of which a start on 64 of them sees.
        let mut rows = Array2::<f32>::zeros((400, 2));
        for (place, row) in [1, 150, 399].into_iter().enumerate() {
            rows.row_mut(row).fill(10.0 * (place + 1) as f32);
        }
        let config = KMeansConfig {
            words: 4,
            batch: 100,
            passes: 8,
            reassign_below: 0.0,
        };
        let clusters =
            mini_batch(rows.view(), &config, 1, &StopToken::new(), &mut |_, _| {}).unwrap();
        // Without them the three leave 2 (10² + 20² + 30²).
        assert!(clusters.inertia < 56.0, "{}", clusters.inertia);
        assert!(clusters.words.iter().all(|word| word.is_finite()));
    }

    #[test]
    fn one_and_two_threads_give_the_same_bits() {
        let rows = clouds(1500, 7, 30);
        let config = KMeansConfig {
            words: 20,
            batch: 700,
            passes: 2,
            ..Default::default()
        };
        let [one, two] = [1, 2].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                mini_batch(rows.view(), &config, 9, &StopToken::new(), &mut |_, _| {}).unwrap()
            })
        });
        assert_eq!(one, two);
    }

    #[test]
    fn too_few_rows_another_length_and_a_stop_are_errors() {
        let rows = array![[0.0f32, 1.0]];
        let stop = StopToken::new();
        let error = plus_plus(rows.view(), 2, 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DegenerateData);
        let error = lloyd(rows.view(), array![[1.0]], 1, &stop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
        stop.stop();
        let error = lloyd(rows.view(), array![[1.0, 1.0]], 1, &stop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stopped);
    }
}
