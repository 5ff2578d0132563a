//! Counting statistics: Poisson counts for any mean, one at a time or a whole image at once.
//!
//! Up to a mean of 16 a count is found by inversion: the probabilities of 0, 1, 2, … are summed until
//! they exceed a uniform number u of 32 bits. That is exact to the resolution of u, 2⁻³². Above 16 it
//! is Giles's asymptotic expansion of the inverse cumulative distribution at a normal deviate z,
//!
//! ```text
//! k = ⌊λ + √λ z + 1/3 + z²/6 − (z/36 + z³/72)/√λ + (−8/405 + 7z²/810 + z⁴/270)/λ⌋
//! ```
//!
//! whose distribution differs from Poisson's by less than 6·10⁻⁵ in total variation at λ = 16 and
//! less above; a χ² test would need some 10⁸ draws to see it. A mean that is zero, negative or not a
//! number gives no count.
//!
//! [`poisson_image`] draws every row from a stream of its own, so rows run in parallel and the result
//! does not depend on how many threads there are. It searches for the counts of sixteen pixels at a
//! time, without a branch on any of them. Some 3 to 12 ns a pixel of one core.
//!
//! Source: Giles 2016, Algorithm 955, doi:10.1145/2699466.

use ndarray::Array2;
use rand::{Rng, RngExt};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;
use xscatter_core::seed::derive;

use crate::draw;

/// The mean above which the expansion is used.
pub const EXPANSION_ABOVE: f32 = 16.0;

/// So many pixels are searched at once.
const LANES: usize = 16;

/// Rows are given to a thread in lots of about this many pixels.
pub(crate) const LOT_PX: usize = 1 << 16;

/// No count of a mean up to [`EXPANSION_ABOVE`] exceeds this: its probability is below 2⁻³².
const MOST: usize = 64;

/// 1/k, so that the search multiplies instead of dividing.
const INVERSE: [f64; MOST + 1] = {
    let mut inverse = [0.0; MOST + 1];
    let mut k = 1;
    while k <= MOST {
        inverse[k] = 1.0 / k as f64;
        k += 1;
    }
    inverse
};

/// A count with this mean; 0 for a mean that is zero, negative or not a number.
///
/// ```
/// use rand::SeedableRng;
///
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
/// assert_eq!(xscatter_sim::noise::poisson(&mut rng, 0.0), 0.0);
/// assert!((xscatter_sim::noise::poisson(&mut rng, 1e6) - 1e6).abs() < 6e3);
/// ```
pub fn poisson<R: Rng>(rng: &mut R, mean: f32) -> f32 {
    if mean > EXPANSION_ABOVE {
        expansion(mean, rng.sample(StandardNormal))
    } else if mean > 0.0 {
        inversion(mean, rng.next_u32())
    } else {
        0.0
    }
}

fn expansion(mean: f32, z: f32) -> f32 {
    let root = mean.sqrt();
    let z2 = z * z;
    let first = 1.0 / 3.0 + z2 / 6.0;
    let second = -z * (2.0 + z2) / 72.0;
    let third = -8.0 / 405.0 + z2 * (7.0 / 810.0 + z2 / 270.0);
    // Small terms first: at a mean of 10⁶ the unit is all that single precision has left.
    let correction = first + (second + third / root) / root;
    (mean + (root * z + correction)).floor().max(0.0)
}

fn inversion(mean: f32, bits: u32) -> f32 {
    let u = uniform(bits);
    let mean = f64::from(mean);
    let mut term = exp_of_minus(mean);
    let mut sum = term;
    let mut count = 0;
    while u > sum && count < MOST {
        count += 1;
        term *= mean * INVERSE[count];
        sum += term;
    }
    count as f32
}

/// The middle of one of 2³² equal parts of 0 to 1.
fn uniform(bits: u32) -> f64 {
    (f64::from(bits) + 0.5) * (1.0 / 4_294_967_296.0)
}

/// exp(−x) for 0 ≤ x ≤ [`EXPANSION_ABOVE`] within 10⁻¹¹ of its value, by arithmetic that runs on
/// several numbers at once: a whole power of two, read off the last bits of a rounded sum, and a
/// polynomial.
#[inline]
fn exp_of_minus(x: f64) -> f64 {
    const ROUNDER: f64 = 6_755_399_441_055_744.0; // 3 · 2⁵¹
    let shifted = ROUNDER - x * std::f64::consts::LOG2_E;
    let power = shifted - ROUNDER;
    let r = -x - power * std::f64::consts::LN_2;
    let mut sum = 1.0 / 362_880.0;
    for coefficient in [
        1.0 / 40_320.0,
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        sum = sum * r + coefficient;
    }
    f64::from_bits(sum.to_bits().wrapping_add(shifted.to_bits() << 52))
}

/// Replaces the expectations of a row by counts.
pub(crate) fn poisson_row(rng: &mut ChaCha8Rng, line: &mut [f32]) {
    let mut lots = line.chunks_exact_mut(LANES);
    for lot in &mut lots {
        let lot: &mut [f32; LANES] = lot.try_into().expect("a lot is as long as the lanes");
        poisson_lanes(rng, lot);
    }
    let rest = lots.into_remainder();
    if !rest.is_empty() {
        let mut lot = [0.0; LANES];
        lot[..rest.len()].copy_from_slice(rest);
        poisson_lanes(rng, &mut lot);
        rest.copy_from_slice(&lot[..rest.len()]);
    }
}

fn poisson_lanes(rng: &mut ChaCha8Rng, lot: &mut [f32; LANES]) {
    let means = *lot;
    let (mut small, mut large) = (false, false);
    for &mean in &means {
        small |= mean > 0.0 && mean <= EXPANSION_ABOVE;
        large |= mean > EXPANSION_ABOVE;
    }
    *lot = [0.0; LANES];
    if small {
        search(rng, &means, lot);
    }
    if large {
        for (count, &mean) in lot.iter_mut().zip(&means) {
            if mean > EXPANSION_ABOVE {
                *count = expansion(mean, rng.sample(StandardNormal));
            }
        }
    }
}

/// The inversion for several pixels at once; those that are not for it get a mean of 0.
fn search(rng: &mut ChaCha8Rng, means: &[f32; LANES], lot: &mut [f32; LANES]) {
    // Loops without a call, so that the compiler can take several lanes at once.
    let bits: [u32; LANES] = std::array::from_fn(|_| rng.next_u32());
    let u = bits.map(uniform);
    let mean = means.map(|mean| {
        let small = mean > 0.0 && mean <= EXPANSION_ABOVE;
        f64::from(if small { mean } else { 0.0 })
    });
    let mut term = mean.map(exp_of_minus);
    let mut count = [0.0_f64; LANES];
    let mut sum = term;
    for inverse in INVERSE.iter().skip(1) {
        let mut searching = false;
        for lane in 0..LANES {
            searching |= u[lane] > sum[lane];
        }
        if !searching {
            break;
        }
        for lane in 0..LANES {
            count[lane] += if u[lane] > sum[lane] { 1.0 } else { 0.0 };
            term[lane] *= mean[lane] * inverse;
            sum[lane] += term[lane];
        }
    }
    for lane in 0..LANES {
        lot[lane] = count[lane] as f32;
    }
}

/// Replaces every expectation by a count, each row from the stream `derive(seed, row)`.
///
/// ```
/// use ndarray::Array2;
///
/// let mut image = Array2::from_elem((64, 64), 5.0);
/// xscatter_sim::noise::poisson_image(&mut image, 1);
/// assert!((image.mean().unwrap_or(0.0) - 5.0).abs() < 0.2);
/// ```
pub fn poisson_image(image: &mut Array2<f32>, seed: u64) {
    by_rows(image, |row, line| {
        let mut rng = draw::generator(derive(seed, row as u64));
        poisson_row(&mut rng, line);
    });
}

/// Calls `f` with the index and the pixels of every row, in parallel.
pub(crate) fn by_rows(image: &mut Array2<f32>, f: impl Fn(usize, &mut [f32]) + Sync) {
    let columns = image.ncols().max(1);
    let lot = (LOT_PX / columns).max(1);
    let Some(pixels) = image.as_slice_mut() else {
        // An image that is not row-major: slower, the same numbers.
        for (row, mut line) in image.rows_mut().into_iter().enumerate() {
            let mut copy = line.to_vec();
            f(row, &mut copy);
            line.iter_mut().zip(copy).for_each(|(to, from)| *to = from);
        }
        return;
    };
    pixels
        .par_chunks_mut(columns)
        .enumerate()
        .with_min_len(lot)
        .for_each(|(row, line)| f(row, line));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::generator;

    const DRAWS: usize = 400_000;

    /// ln of the Poisson probability.
    fn log_probability(mean: f64, count: usize) -> f64 {
        count as f64 * mean.ln() - mean - libm::lgamma(count as f64 + 1.0)
    }

    /// How many standard deviations χ² against the exact distribution lies above its mean. Counts
    /// expected fewer than 20 times are pooled on either side.
    fn excess_of_chi_squared(mean: f64, counts: &[f32]) -> f64 {
        let n = counts.len() as f64;
        let width = (8.0 * mean.sqrt()).ceil() as usize + 12;
        let first = (mean as usize).saturating_sub(width);
        let last = mean as usize + width;
        // At large means neighbouring counts share a bin, or all would be pooled.
        let bin = (mean.sqrt() / 20.0).ceil() as usize;
        let bins = (last - first) / bin + 1;
        let mut expected = vec![0.0; bins];
        for count in first..=last {
            expected[(count - first) / bin] += n * log_probability(mean, count).exp();
        }
        let mut found = vec![0.0; bins];
        for &count in counts {
            found[((count as usize).max(first) - first).min(last - first) / bin] += 1.0;
        }
        let (mut chi_squared, mut cells) = (0.0, 0);
        let (mut tail, mut tail_found) = (0.0, 0.0);
        for (expected, found) in expected.iter().zip(&found) {
            tail += expected;
            tail_found += found;
            if tail >= 20.0 {
                chi_squared += (tail_found - tail).powi(2) / tail;
                cells += 1;
                (tail, tail_found) = (0.0, 0.0);
            }
        }
        if tail > 0.0 {
            chi_squared += (tail_found - tail).powi(2) / tail.max(5.0);
            cells += 1;
        }
        let freedom = f64::from(cells - 1).max(1.0);
        (chi_squared - freedom) / (2.0 * freedom).sqrt()
    }

    const MEANS: [f32; 22] = [
        0.01, 0.05, 0.3, 1.0, 2.5, 5.0, 9.0, 12.0, 15.5, 16.0, 16.01, 17.0, 20.0, 26.0, 40.0, 64.0,
        100.0, 333.3, 1e3, 1e4, 1e5, 1e6,
    ];

    #[test]
    fn chi_squared_finds_no_difference_to_the_exact_distribution() {
        let mut rng = generator(11);
        for mean in MEANS {
            let one_by_one: Vec<f32> = (0..DRAWS).map(|_| poisson(&mut rng, mean)).collect();
            let mut row = vec![mean; DRAWS];
            poisson_row(&mut rng, &mut row);
            for counts in [one_by_one, row] {
                let excess = excess_of_chi_squared(f64::from(mean), &counts);
                assert!(excess < 4.0, "{mean}: χ² is {excess} σ above its mean");
                assert!(counts.iter().all(|k| *k >= 0.0 && k.fract() == 0.0));
            }
        }
    }

    #[test]
    fn a_row_of_different_means_has_each_of_them() {
        let mut rng = generator(14);
        let means = [0.0, 0.2, 900.0, f32::NAN, 15.0, 17.0, -2.0];
        let mut row: Vec<f32> = means.iter().copied().cycle().take(7 * 40_001).collect();
        poisson_row(&mut rng, &mut row);
        for (place, &mean) in means.iter().enumerate() {
            let counts: Vec<f32> = row.iter().copied().skip(place).step_by(7).collect();
            if mean > 0.0 {
                let excess = excess_of_chi_squared(f64::from(mean), &counts);
                assert!(excess < 4.0, "{mean}: χ² is {excess} σ above its mean");
            } else {
                assert!(counts.iter().all(|&count| count == 0.0));
            }
        }
    }

    #[test]
    fn the_exponential_is_that_of_the_library() {
        for step in 0..=1600 {
            let x = f64::from(step) * 0.01;
            let ratio = exp_of_minus(x) * x.exp();
            assert!((ratio - 1.0).abs() < 1e-11, "{x}: {ratio}");
        }
    }

    /// The test above must be able to fail.
    #[test]
    fn chi_squared_sees_a_rounded_normal() {
        let mut rng = generator(12);
        let normal = |rng: &mut ChaCha8Rng| {
            let z: f32 = rng.sample(StandardNormal);
            (64.0 + 8.0 * z + 0.5).floor().max(0.0)
        };
        let counts: Vec<f32> = (0..DRAWS).map(|_| normal(&mut rng)).collect();
        assert!(excess_of_chi_squared(64.0, &counts) > 20.0);
    }

    #[test]
    fn variance_over_mean_is_one() {
        let mut rng = generator(13);
        for mean in MEANS {
            let n = DRAWS as f64;
            let counts: Vec<f64> = (0..DRAWS)
                .map(|_| f64::from(poisson(&mut rng, mean)))
                .collect();
            let average = counts.iter().sum::<f64>() / n;
            let variance = counts.iter().map(|k| (k - average).powi(2)).sum::<f64>() / (n - 1.0);
            let ratio = variance / average;
            // The kurtosis of small means widens the scatter: var(s²) = (2 + 1/λ) λ²/n.
            let scatter = ((2.0 + 1.0 / f64::from(mean)) / n).sqrt();
            assert!((ratio - 1.0).abs() < 4.0 * scatter, "{mean}: {ratio}");
            assert!((average / f64::from(mean) - 1.0).abs() < 4.0 / (n * f64::from(mean)).sqrt());
        }
    }

    #[test]
    fn neighbours_along_rows_and_columns_are_independent() {
        for mean in [0.3, 8.0, 300.0] {
            let (rows, columns) = (300, 400);
            let mut image = Array2::from_elem((rows, columns), mean);
            poisson_image(&mut image, 5);
            let correlation = |down: usize, right: usize| {
                let mut sum = 0.0;
                let mut pairs = 0.0;
                for row in 0..rows - down {
                    for column in 0..columns - right {
                        let here = f64::from(image[(row, column)] - mean);
                        sum += here * f64::from(image[(row + down, column + right)] - mean);
                        pairs += 1.0;
                    }
                }
                sum / f64::from(mean) / pairs * f64::sqrt(pairs)
            };
            for (down, right) in [(0, 1), (1, 0), (1, 1), (0, 2), (2, 0)] {
                let sigmas = correlation(down, right);
                assert!(sigmas.abs() < 4.0, "{mean}, {down}, {right}: {sigmas}");
            }
        }
    }

    #[test]
    fn an_image_does_not_depend_on_threads_or_storage_order() {
        let expectation =
            Array2::from_shape_fn((70, 90), |(row, column)| (row * column) as f32 * 0.02);
        let counted = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let mut image = expectation.clone();
            pool.install(|| poisson_image(&mut image, 3));
            image
        };
        assert_eq!(counted(1), counted(2));
        let mut transposed = expectation
            .t()
            .as_standard_layout()
            .into_owned()
            .reversed_axes();
        poisson_image(&mut transposed, 3);
        assert_eq!(transposed, counted(1));
    }

    #[test]
    fn a_mean_that_is_no_number_gives_no_count() {
        let mut rng = generator(1);
        for mean in [0.0, -3.0, f32::NAN] {
            assert_eq!(poisson(&mut rng, mean), 0.0);
        }
        assert!(poisson(&mut rng, 1e9).is_finite());
    }
}
