//! Named sets of scores, and every score by its name.
//!
//! | set | for | scores |
//! |---|---|---|
//! | [`standard`] | classes | the seven of a comparison of classifiers |
//! | [`published`] | classes | those of the camSortXS study, in its averages |
//! | [`tags`] | tags | mAP, F1, Hamming loss, label ranking |
//! | [`regression_scores`] | values | RMSE, MAE, R² |
//! | [`all`] | | every score |
//!
//! [`by_name`] makes the score of a command line: `f1-macro`, `top-3-accuracy`, `f0.5-weighted`,
//! `expected-calibration-error-20`, and `map` for `average-precision-macro`.

use xscatter_core::{Error, ErrorKind, Metric, Result};

use crate::accuracy::{Accuracy, BalancedAccuracy, HammingLoss, TopKAccuracy};
use crate::agreement::{CohensKappa, Disagreement, Matthews};
use crate::average::Average;
use crate::average_precision::AveragePrecision;
use crate::calibration::ExpectedCalibrationError;
use crate::label_ranking::{CoverageError, LabelRankingAveragePrecision, LabelRankingLoss};
use crate::precision_recall::{FBeta, Jaccard, Precision, Recall};
use crate::probability::{Brier, LogLoss};
use crate::regression::{Mae, R2, Rmse};
use crate::roc_auc::{PairAverage, RocAuc, RocAucOneVsOne};
use crate::weighted::WeightedMetric;

/// The seven scores of a comparison of classifiers: accuracy, area under the ROC (one class against
/// the rest, macro), recall (macro), precision (weighted), F1 (macro), Cohen's kappa and Matthews
/// correlation.
///
/// F1 is the macro average because the micro average equals the accuracy whenever a sample has one
/// class, and would say nothing new.
pub fn standard() -> Vec<Box<dyn Metric>> {
    vec![
        Box::new(Accuracy),
        Box::new(RocAuc {
            average: Average::Macro,
        }),
        Box::new(Recall {
            average: Average::Macro,
        }),
        Box::new(Precision {
            average: Average::Weighted,
        }),
        Box::new(FBeta::f1(Average::Macro)),
        Box::new(CohensKappa::default()),
        Box::new(Matthews),
    ]
}

/// The scores that the public code of the camSortXS study records: accuracy, recall (macro), precision
/// (weighted), F1 (micro), Cohen's kappa and Matthews correlation. Its seventh is the time, which a
/// leaderboard has anyway.
pub fn published() -> Vec<Box<dyn Metric>> {
    vec![
        Box::new(Accuracy),
        Box::new(Recall {
            average: Average::Macro,
        }),
        Box::new(Precision {
            average: Average::Weighted,
        }),
        Box::new(FBeta::f1(Average::Micro)),
        Box::new(CohensKappa::default()),
        Box::new(Matthews),
    ]
}

/// The scores of a comparison of taggers: mAP (macro and micro average precision), area under the ROC
/// (macro), F1 (macro, micro and over samples), Hamming loss, label-ranking average precision and
/// log-loss.
pub fn tags() -> Vec<Box<dyn Metric>> {
    vec![
        Box::new(AveragePrecision {
            average: Average::Macro,
        }),
        Box::new(AveragePrecision {
            average: Average::Micro,
        }),
        Box::new(RocAuc {
            average: Average::Macro,
        }),
        Box::new(FBeta::f1(Average::Macro)),
        Box::new(FBeta::f1(Average::Micro)),
        Box::new(FBeta::f1(Average::Samples)),
        Box::new(HammingLoss),
        Box::new(LabelRankingAveragePrecision),
        Box::new(LogLoss),
    ]
}

/// The scores of predicted numbers: RMSE, MAE and R².
pub fn regression_scores() -> Vec<Box<dyn Metric>> {
    vec![Box::new(Rmse), Box::new(Mae), Box::new(R2)]
}

/// Every score in every average, with the usual parameters: β of 0.5, 1 and 2, the best 2, 3 and 5, 15
/// bins.
pub fn all() -> Vec<Box<dyn WeightedMetric>> {
    let mut all: Vec<Box<dyn WeightedMetric>> = vec![
        Box::new(Accuracy),
        Box::new(BalancedAccuracy),
        Box::new(HammingLoss),
        Box::new(Matthews),
    ];
    for k in [2, 3, 5] {
        all.push(Box::new(TopKAccuracy::of(k)));
    }
    for disagreement in [
        Disagreement::Equal,
        Disagreement::Linear,
        Disagreement::Quadratic,
    ] {
        all.push(Box::new(CohensKappa { disagreement }));
    }
    for average in Average::ALL {
        all.push(Box::new(Precision { average }));
        all.push(Box::new(Recall { average }));
        for beta in [0.5, 1.0, 2.0] {
            all.push(Box::new(FBeta::of(beta, average)));
        }
        all.push(Box::new(Jaccard { average }));
        all.push(Box::new(RocAuc { average }));
        all.push(Box::new(AveragePrecision { average }));
    }
    for average in [PairAverage::Macro, PairAverage::Weighted] {
        all.push(Box::new(RocAucOneVsOne { average }));
    }
    all.push(Box::new(LogLoss));
    all.push(Box::new(Brier));
    all.push(Box::new(ExpectedCalibrationError::default()));
    all.push(Box::new(CoverageError));
    all.push(Box::new(LabelRankingAveragePrecision));
    all.push(Box::new(LabelRankingLoss));
    all.push(Box::new(Rmse));
    all.push(Box::new(Mae));
    all.push(Box::new(R2));
    all
}

/// The score of this name.
///
/// ```
/// use xscatter_core::Metric;
///
/// assert_eq!(xscatter_metrics::by_name("f1-macro")?.name(), "f1-macro");
/// assert_eq!(xscatter_metrics::by_name("top-4-accuracy")?.name(), "top-4-accuracy");
/// assert!(xscatter_metrics::by_name("f1").is_err());
/// # Ok::<(), xscatter_core::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::InvalidArgument`] with the known names if there is none of this name.
pub fn by_name(name: &str) -> Result<Box<dyn WeightedMetric>> {
    let name = match name {
        "map" | "mAP" => "average-precision-macro",
        other => other,
    };
    let listed = all().into_iter().find(|metric| metric.name() == name);
    listed.or_else(|| with_parameter(name)).ok_or_else(|| {
        let known: Vec<String> = all().iter().map(|m| m.name().to_owned()).collect();
        Error::new(
            ErrorKind::InvalidArgument,
            format!("expected one of {}, got {name}", known.join(", ")),
        )
    })
}

/// A score whose name states a number that is not among the usual ones.
fn with_parameter(name: &str) -> Option<Box<dyn WeightedMetric>> {
    if let Some(bins) = name.strip_prefix("expected-calibration-error-") {
        let error = ExpectedCalibrationError::new(bins.parse().ok()?).ok()?;
        return Some(Box::new(error));
    }
    if let Some(k) = name
        .strip_prefix("top-")
        .and_then(|rest| rest.strip_suffix("-accuracy"))
    {
        return Some(Box::new(TopKAccuracy::new(k.parse().ok()?).ok()?));
    }
    let (beta, suffix) = name.strip_prefix('f')?.split_once('-')?;
    let average = Average::ALL.into_iter().find(|a| a.suffix() == suffix)?;
    Some(Box::new(FBeta::new(beta.parse().ok()?, average).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_unique_and_finds_its_score() {
        let mut names: Vec<String> = all().iter().map(|m| m.name().to_owned()).collect();
        for name in &names {
            assert_eq!(by_name(name).unwrap().name(), name);
        }
        let sets = [standard(), published(), tags(), regression_scores()];
        for metric in sets.iter().flatten() {
            assert!(names.iter().any(|name| name == metric.name()));
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn numbers_in_names_are_read() {
        for name in [
            "f3-samples",
            "top-7-accuracy",
            "expected-calibration-error-20",
        ] {
            assert_eq!(by_name(name).unwrap().name(), name);
        }
        for name in [
            "f-macro",
            "f0-macro",
            "top-0-accuracy",
            "expected-calibration-error-999999999999",
            "recall",
            "f1-max",
        ] {
            let error = by_name(name).err().unwrap();
            assert!(error.message().contains("accuracy, balanced-accuracy"));
        }
        assert_eq!(by_name("map").unwrap().name(), "average-precision-macro");
    }
}
