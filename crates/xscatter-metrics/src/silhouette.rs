//! How much closer samples are to their own cluster than to the next one.
//!
//! Of a sample with the mean distance `a` to the other samples of its cluster and the smallest mean
//! distance `b` to the samples of another one: `s = (b − a) / max(a, b)`, from −1 (in the wrong cluster)
//! to 1. A sample that is its own cluster, or has `a = b = 0`, has 0, as the author defines (Rousseeuw
//! 1987, doi:10.1016/0377-0427(87)90125-7). Distances are Euclidean: scale the columns first.
//!
//! Use it to choose a number of clusters without a truth; it favours round clusters. Undefined with one
//! cluster or with as many clusters as samples (scikit-learn raises). Rows must be finite.
//!
//! Cost: `N²` distances, in blocks by matrix products on all threads; memory `O(N)`. Samples
//! closer than a ten-thousandth of their distance from the centre are measured directly, since the product
//! cancels. The same bits for any number of threads.
//!
//! Agrees with scikit-learn 1.9.1 (`silhouette_samples`) to 1e-9.

use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use rayon::prelude::*;
use xscatter_core::{Error, ErrorKind, Result, Score};

/// Rows whose distances to all others are taken together.
const BLOCK: usize = 64;
/// Below this share of the squared norms, a squared distance from products has lost four digits.
const CANCELLED: f64 = 1e-4;

/// The mean silhouette of all samples.
///
/// ```
/// use ndarray::array;
///
/// let rows = array![[0.0], [1.0], [10.0], [11.0]];
/// let score = xscatter_metrics::silhouette(rows.view(), &[0, 0, 1, 1])?;
/// assert!(score.value().is_some_and(|value| value > 0.89));
/// # Ok::<(), xscatter_core::Error>(())
/// ```
///
/// # Errors
/// If the numbers of rows and clusters differ or a row is not finite.
pub fn silhouette(rows: ArrayView2<'_, f32>, clusters: &[u32]) -> Result<Score> {
    match silhouette_samples(rows, clusters) {
        Ok(samples) => {
            let mean = samples.iter().sum::<f64>() / samples.len() as f64;
            Ok(Score::Value(mean))
        }
        Err(error) if error.kind() == ErrorKind::DegenerateData => {
            Ok(Score::Undefined(error.message().to_owned()))
        }
        Err(error) => Err(error),
    }
}

/// The silhouette of every sample.
///
/// # Errors
/// If the numbers of rows and clusters differ or a row is not finite; [`ErrorKind::DegenerateData`] with
/// one cluster or as many as samples.
pub fn silhouette_samples(rows: ArrayView2<'_, f32>, clusters: &[u32]) -> Result<Vec<f64>> {
    check(rows, clusters)?;
    let mut order: Vec<usize> = (0..clusters.len()).collect();
    order.sort_by_key(|&row| clusters[row]);
    // Where each cluster ends among the sorted rows.
    let ends: Vec<usize> = order
        .chunk_by(|&left, &right| clusters[left] == clusters[right])
        .scan(0, |end, cluster| {
            *end += cluster.len();
            Some(*end)
        })
        .collect();
    let degenerate = |reason| Err(Error::new(ErrorKind::DegenerateData, reason));
    if ends.len() < 2 {
        return degenerate("there is one cluster or none");
    }
    if ends.len() == order.len() {
        return degenerate("every sample is its own cluster");
    }
    let sorted = centred(rows.select(Axis(0), &order));
    let norms: Array1<f64> = sorted.map_axis(Axis(1), |row| row.dot(&row));
    let firsts: Vec<usize> = (0..order.len()).step_by(BLOCK).collect();
    let blocks: Vec<Vec<f64>> = firsts
        .into_par_iter()
        .map(|first| {
            let last = (first + BLOCK).min(order.len());
            let sums = sums_of_distances(&sorted, &norms, (first, last), &ends);
            (first..last)
                .zip(sums.rows())
                .map(|(row, sums)| of_sample(row, &sums.to_vec(), &ends))
                .collect()
        })
        .collect();
    let mut samples = vec![0.0; order.len()];
    for (&row, value) in order.iter().zip(blocks.into_iter().flatten()) {
        samples[row] = value;
    }
    Ok(samples)
}

fn check(rows: ArrayView2<'_, f32>, clusters: &[u32]) -> Result<()> {
    if rows.nrows() != clusters.len() {
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "expected a cluster for each of {} rows, got {}",
                rows.nrows(),
                clusters.len()
            ),
        ));
    }
    match rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), value)) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("row {row}, column {column}: expected a finite number, got {value}"),
        )),
        None => Ok(()),
    }
}

/// Distances do not change, but their products lose fewer digits.
fn centred(rows: Array2<f32>) -> Array2<f64> {
    let mut rows = rows.mapv(f64::from);
    if let Some(mean) = rows.mean_axis(Axis(0)) {
        rows -= &mean;
    }
    rows
}

/// Of every row of a block, the sum of its distances to each cluster.
fn sums_of_distances(
    rows: &Array2<f64>,
    norms: &Array1<f64>,
    (first, last): (usize, usize),
    ends: &[usize],
) -> Array2<f64> {
    let block = rows.slice(s![first..last, ..]);
    let mut sums = Array2::zeros((last - first, ends.len()));
    let mut start = 0;
    for (cluster, &end) in ends.iter().enumerate() {
        for tile in (start..end).step_by(8 * BLOCK) {
            let until = (tile + 8 * BLOCK).min(end);
            let products = block.dot(&rows.slice(s![tile..until, ..]).t());
            for (offset, products) in products.rows().into_iter().enumerate() {
                let own = first + offset;
                let mut sum = 0.0;
                for (place, product) in products.iter().enumerate() {
                    let other = tile + place;
                    let scale = norms[own] + norms[other];
                    let squared = scale - 2.0 * product;
                    sum += if squared > CANCELLED * scale {
                        squared.sqrt()
                    } else {
                        distance(rows, own, other)
                    };
                }
                sums[[offset, cluster]] += sum;
            }
        }
        start = end;
    }
    sums
}

fn distance(rows: &Array2<f64>, one: usize, other: usize) -> f64 {
    let squared: f64 = rows
        .row(one)
        .iter()
        .zip(rows.row(other))
        .map(|(left, right)| (left - right).powi(2))
        .sum();
    squared.sqrt()
}

/// The silhouette of the sorted row from the sums of its distances to each cluster.
fn of_sample(row: usize, sums: &[f64], ends: &[usize]) -> f64 {
    let own = ends.partition_point(|&end| end <= row);
    let size = |cluster: usize| {
        let start = if cluster == 0 { 0 } else { ends[cluster - 1] };
        (ends[cluster] - start) as f64
    };
    if size(own) == 1.0 {
        return 0.0;
    }
    let within = sums[own] / (size(own) - 1.0);
    let beyond = (0..ends.len())
        .filter(|&cluster| cluster != own)
        .map(|cluster| sums[cluster] / size(cluster))
        .fold(f64::INFINITY, f64::min);
    let larger = within.max(beyond);
    if larger == 0.0 {
        return 0.0;
    }
    (beyond - within) / larger
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::array;

    #[test]
    fn by_hand() {
        let rows = array![[0.0], [1.0], [3.0]];
        let samples = silhouette_samples(rows.view(), &[5, 5, 2]).unwrap();
        assert_relative_eq!(samples[0], 2.0 / 3.0, max_relative = 1e-12);
        assert_relative_eq!(samples[1], 0.5, max_relative = 1e-12);
        assert_eq!(samples[2], 0.0);
    }

    #[test]
    fn copies_far_from_the_centre_are_at_no_distance() {
        let rows = array![[1e6, 1.0], [1e6, 1.0], [-1e6, 0.3], [-1e6, 0.3]];
        let score = silhouette(rows.view(), &[0, 0, 1, 1]).unwrap();
        assert_eq!(score, Score::Value(1.0));
        let same = Array2::from_elem((4, 2), 0.1);
        let score = silhouette(same.view(), &[0, 0, 1, 1]).unwrap();
        assert_eq!(score, Score::Value(0.0));
    }

    #[test]
    fn one_cluster_and_as_many_as_samples_are_undefined() {
        let rows = array![[0.0], [1.0]];
        for clusters in [[0, 0], [0, 1]] {
            assert_eq!(silhouette(rows.view(), &clusters).unwrap().value(), None);
        }
        assert!(silhouette(rows.view(), &[0]).is_err());
        assert!(silhouette(array![[0.0], [f32::NAN]].view(), &[0, 1]).is_err());
    }
}
