#![doc = include_str!("../README.md")]

pub mod accuracy;
pub mod agreement;
pub mod average;
pub mod average_precision;
pub mod calibration;
pub mod catalogue;
pub mod confusion;
mod counts;
pub mod label_ranking;
#[cfg(feature = "plot")]
pub mod plot;
pub mod precision_recall;
pub mod probability;
mod problem;
pub mod regression;
pub mod report;
pub mod roc_auc;
pub mod tag_confusion;
pub mod threshold;
pub mod weighted;

pub use accuracy::{Accuracy, BalancedAccuracy, HammingLoss, TopKAccuracy};
pub use agreement::{CohensKappa, Disagreement, Matthews};
pub use average::Average;
pub use average_precision::AveragePrecision;
pub use calibration::{Binning, ExpectedCalibrationError, ReliabilityCurve};
pub use catalogue::{all, by_name, published, regression_scores, standard, tags};
pub use confusion::{ConfusionMatrix, predicted_labels};
pub use label_ranking::{CoverageError, LabelRankingAveragePrecision, LabelRankingLoss};
pub use precision_recall::{FBeta, Jaccard, Precision, Recall};
pub use probability::{Brier, LogLoss};
pub use regression::{Mae, R2, Rmse};
pub use report::{ClassReport, Report};
pub use roc_auc::{PairAverage, RocAuc, RocAucOneVsOne};
pub use tag_confusion::TagConfusion;
pub use threshold::{Threshold, ThresholdScore, best_threshold, best_thresholds, decide};
pub use weighted::WeightedMetric;
