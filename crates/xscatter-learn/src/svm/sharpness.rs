//! One power for all probabilities of classes.
//!
//! Sigmoids are fitted each on its own, and those of few rows are never sure; many of them together are
//! less so, or too sure. The power is the one by which rows that were held out lose least:
//!
//! ```text
//! minimise −Σ ln (p_yᵗ / Σ_c p_cᵗ)      with (n + 1)/(n + 2) of a row of its class y, the rest of any
//! ```
//!
//! It is convex in t; Newton's method within bounds. Source: Guo et al. 2017, arXiv 1706.04599, for the
//! logarithms of probabilities instead of scores.

use std::ops::RangeInclusive;

/// Within these bounds probabilities are sharpened.
pub(crate) const SHARPNESS: RangeInclusive<f64> = 0.1..=10.0;
/// Newton steps at most, and the shortest.
const STEPS: usize = 50;
const SHORTEST: f64 = 1e-6;
/// Probabilities below count as this.
const LEAST: f64 = 1e-12;

/// The power for probabilities (rows × n classes, of any sum) of rows of known classes.
pub(crate) fn sharpness(proba: Vec<f64>, n: usize, truth: &[usize]) -> f64 {
    let mut logarithms = proba;
    for p in &mut logarithms {
        *p = p.max(LEAST).ln();
    }
    let doubt = 1.0 / (truth.len() as f64 + 2.0);
    let (mut low, mut high) = (*SHARPNESS.start(), *SHARPNESS.end());
    let mut t = 1.0;
    for _ in 0..STEPS {
        let (mut slope, mut curvature) = (0.0, 0.0);
        for (logarithms, &class) in logarithms.chunks_exact(n).zip(truth) {
            let highest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (mut total, mut first, mut second, mut even) = (0.0, 0.0, 0.0, 0.0);
            for &logarithm in logarithms {
                let p = (t * (logarithm - highest)).exp();
                total += p;
                first += p * logarithm;
                second += p * logarithm * logarithm;
                even += logarithm / n as f64;
            }
            let mean = first / total;
            slope += mean - (1.0 - doubt) * logarithms[class] - doubt * even;
            curvature += second / total - mean * mean;
        }
        if slope > 0.0 {
            high = t;
        } else {
            low = t;
        }
        let newton = t - slope / curvature;
        let next = if newton > low && newton < high {
            newton
        } else {
            f64::midpoint(low, high)
        };
        let step = (next - t).abs();
        t = next;
        if step < SHORTEST {
            break;
        }
    }
    t
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn doubts_that_the_rows_do_not_bear_out_are_sharpened_away() {
        // Two classes, 0.6 to 0.4, and nine rows of ten are of the first.
        let proba = [0.6, 0.4].repeat(1000);
        let truth: Vec<usize> = (0..1000).map(|row| usize::from(row % 10 == 0)).collect();
        // 0.6ᵗ / (0.6ᵗ + 0.4ᵗ) = 0.9, but for the doubt.
        let expected = 9.0_f64.ln() / 1.5_f64.ln();
        assert_abs_diff_eq!(
            sharpness(proba.clone(), 2, &truth),
            expected,
            epsilon = 0.05
        );
        // However certain, the power stays within its bounds; without information it is that of even odds.
        let certain = sharpness(proba, 2, &[0; 1000]);
        assert!(SHARPNESS.contains(&certain) && certain > 5.0, "{certain}");
        let none = sharpness(vec![0.5; 2000], 2, &truth);
        assert!(SHARPNESS.contains(&none));
    }
}
