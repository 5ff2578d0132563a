#![doc = include_str!("../README.md")]

pub mod classification;
pub mod confusion;
#[cfg(feature = "plot")]
pub mod plot;
pub mod probability;
pub mod ranking;
pub mod report;

pub use classification::{
    Accuracy, Average, BalancedAccuracy, CohensKappa, FBeta, Matthews, Precision, Recall,
};
pub use confusion::{ConfusionMatrix, predicted_labels};
pub use probability::{Brier, LogLoss};
pub use ranking::{ClassAverage, RocAuc};
pub use report::{ClassReport, Report};

use xscatter_core::Metric;

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
            average: ClassAverage::Macro,
        }),
        Box::new(Recall {
            average: Average::Macro,
        }),
        Box::new(Precision {
            average: Average::Weighted,
        }),
        Box::new(FBeta::f1(Average::Macro)),
        Box::new(CohensKappa),
        Box::new(Matthews),
    ]
}
