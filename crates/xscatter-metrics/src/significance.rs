//! Whether one model is better than another, or was luckier: McNemar's test and the corrected resampled
//! t-test.
//!
//! **McNemar**: both models predicted the same samples. With `b` samples that the first alone has right
//! and `c` that the second alone has, `b` is binomial with ½ if neither is better; the exact two-sided
//! chance, and `χ² = (|b − c| − 1)² / (b + c)` with one degree of freedom (McNemar 1947,
//! doi:10.1007/BF02295996, with the correction of Edwards 1948), which is good for `b + c` above 25. Use it
//! on one hold-out. Samples must be independent: not frames of one scan.
//!
//! **Corrected resampled t-test**: both models were scored in the same `k` folds or repeated splits. The
//! folds share training rows, so the usual t-test finds far too much. With the mean `d̄` and the variance
//! `s²` of the differences: `t = d̄ / √((1/k + n_test/n_train) s²)` with `k − 1` degrees of freedom
//! (Nadeau and Bengio 2003, doi:10.1023/A:1024068626366; for repeated cross-validation Bouckaert and
//! Frank 2004, doi:10.1007/978-3-540-24775-3_3).
//!
//! Agrees with scipy to 1e-9. Comparing many models needs a correction for their number, which is not
//! made here. Cost: one pass.

use ndarray::ArrayView2;
use xscatter_core::{Error, ErrorKind, Result, Target};

use crate::confusion::predicted_labels;
use crate::distributions::{chi_squared_1_tail, fair_coin_two_sided, student_t_two_sided};
use crate::problem::Problem;

/// What McNemar's test found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemar {
    /// Samples that the first model alone has right.
    pub first_only: u64,
    /// Samples that the second model alone has right.
    pub second_only: u64,
    /// The exact chance of so uneven a split if neither is better; 1 if they are right on the same
    /// samples.
    pub p_exact: f64,
    /// The χ² statistic with continuity correction and its chance; `None` if they are right on the same
    /// samples.
    pub chi_squared: Option<ChiSquared>,
}

/// A χ² statistic of one degree of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChiSquared {
    /// The statistic.
    pub statistic: f64,
    /// The chance of one as large or larger.
    pub p: f64,
}

/// McNemar's test of two models on the same samples of one class each.
///
/// # Errors
/// If the target is not one of classes, the sizes differ or a score is not finite.
pub fn mcnemar(
    truth: &Target,
    first: ArrayView2<'_, f32>,
    second: ArrayView2<'_, f32>,
) -> Result<McNemar> {
    let labels = Problem::new(truth, first, None)?.classes()?.labels();
    Problem::new(truth, second, None)?;
    let (mut first_only, mut second_only) = (0, 0);
    let guesses = predicted_labels(first)
        .into_iter()
        .zip(predicted_labels(second));
    for (label, (one, other)) in labels.iter().zip(guesses) {
        first_only += u64::from(one == *label && other != *label);
        second_only += u64::from(one != *label && other == *label);
    }
    let uneven = first_only + second_only;
    let chi_squared = (uneven > 0).then(|| {
        let distance = (first_only.abs_diff(second_only) as f64 - 1.0).max(0.0);
        let statistic = distance * distance / uneven as f64;
        ChiSquared {
            statistic,
            p: chi_squared_1_tail(statistic),
        }
    });
    Ok(McNemar {
        first_only,
        second_only,
        p_exact: fair_coin_two_sided(first_only.min(second_only), uneven),
        chi_squared,
    })
}

/// What the corrected resampled t-test found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResampledT {
    /// The mean of the first model's scores less those of the second.
    pub difference: f64,
    /// The statistic.
    pub t: f64,
    /// One less than the number of folds.
    pub degrees_of_freedom: usize,
    /// The two-sided chance of a difference as large if neither is better.
    pub p: f64,
}

/// The corrected resampled t-test of two models scored in the same folds.
///
/// ```
/// use xscatter_metrics::corrected_resampled_t;
///
/// let first = [0.91, 0.93, 0.90, 0.94, 0.92];
/// let second = [0.90, 0.91, 0.90, 0.91, 0.91];
/// // Five folds of 100 rows: 80 to train on, 20 to test on.
/// let found = corrected_resampled_t(&first, &second, 80, 20)?;
/// assert!((found.difference - 0.014).abs() < 1e-12);
/// assert!(found.p > 0.05 && found.p < 0.15);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
///
/// # Errors
/// If the numbers of folds differ, a score is not finite or there is no training row;
/// [`ErrorKind::DegenerateData`] with fewer than two folds or if the difference is the same in all.
pub fn corrected_resampled_t(
    first: &[f64],
    second: &[f64],
    training_rows: usize,
    test_rows: usize,
) -> Result<ResampledT> {
    if first.len() != second.len() {
        return Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "expected scores in the same folds, got {} and {}",
                first.len(),
                second.len()
            ),
        ));
    }
    if training_rows == 0 {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "expected at least one training row, got 0",
        ));
    }
    if first.iter().chain(second).any(|score| !score.is_finite()) {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            "expected finite scores in every fold",
        ));
    }
    let folds = first.len();
    if folds < 2 {
        return Err(Error::new(
            ErrorKind::DegenerateData,
            format!("expected at least two folds, got {folds}"),
        ));
    }
    let differences: Vec<f64> = first
        .iter()
        .zip(second)
        .map(|(one, other)| one - other)
        .collect();
    if differences.iter().all(|one| *one == differences[0]) {
        return Err(Error::new(
            ErrorKind::DegenerateData,
            "the difference is the same in every fold: there is no spread to judge it by",
        ));
    }
    let difference = differences.iter().sum::<f64>() / folds as f64;
    let squares = differences.iter().map(|one| (one - difference).powi(2));
    let variance = squares.sum::<f64>() / (folds - 1) as f64;
    let correction = 1.0 / folds as f64 + test_rows as f64 / training_rows as f64;
    let t = difference / (correction * variance).sqrt();
    Ok(ResampledT {
        difference,
        t,
        degrees_of_freedom: folds - 1,
        p: student_t_two_sided(t, (folds - 1) as f64),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use ndarray::Array2;
    use xscatter_core::Classes;

    fn scores(right: &[bool]) -> Array2<f32> {
        Array2::from_shape_fn((right.len(), 2), |(row, class)| {
            f32::from(u8::from((class == 0) == right[row]))
        })
    }

    #[test]
    fn only_samples_that_one_model_has_right_count() {
        let names = vec!["a".into(), "b".into()];
        let truth = Target::Classes(Classes::new(names, vec![0; 12]).unwrap());
        let first: Vec<bool> = (0..12).map(|row| row < 10).collect();
        let second: Vec<bool> = (0..12).map(|row| row < 2 || row == 11).collect();
        let found = mcnemar(&truth, scores(&first).view(), scores(&second).view()).unwrap();
        assert_eq!((found.first_only, found.second_only), (8, 1));
        // (1 + 9) / 2⁹ both ways.
        assert_relative_eq!(found.p_exact, 20.0 / 512.0, max_relative = 1e-12);
        let chi_squared = found.chi_squared.unwrap();
        assert_relative_eq!(chi_squared.statistic, 4.0);
        let same = mcnemar(&truth, scores(&first).view(), scores(&first).view()).unwrap();
        assert_eq!((same.p_exact, same.chi_squared), (1.0, None));
    }

    #[test]
    fn folds_without_spread_or_number_are_refused() {
        let kind = |first: &[f64], second: &[f64], training| {
            corrected_resampled_t(first, second, training, 1)
                .unwrap_err()
                .kind()
        };
        assert_eq!(
            kind(&[0.5, 0.75], &[0.25, 0.5], 9),
            ErrorKind::DegenerateData
        );
        assert_eq!(kind(&[0.5], &[0.25], 9), ErrorKind::DegenerateData);
        assert_eq!(kind(&[0.5], &[], 9), ErrorKind::ShapeMismatch);
        assert_eq!(
            kind(&[0.5, 0.6], &[0.2, 0.5], 0),
            ErrorKind::InvalidArgument
        );
        let nan = [f64::NAN, 0.6];
        assert_eq!(kind(&nan, &[0.2, 0.5], 9), ErrorKind::InvalidArgument);
    }
}
