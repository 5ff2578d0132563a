//! Every score keeps the contract of its trait.

use xscatter_core::Metric;
use xscatter_metrics::{
    Accuracy, Average, BalancedAccuracy, Brier, ClassAverage, CohensKappa, FBeta, LogLoss,
    Matthews, Precision, Recall, RocAuc,
};
use xscatter_testkit::check_metric;

#[test]
fn every_score_keeps_the_contract() {
    let mut metrics: Vec<Box<dyn Metric>> = vec![
        Box::new(Accuracy),
        Box::new(BalancedAccuracy),
        Box::new(CohensKappa),
        Box::new(Matthews),
        Box::new(LogLoss),
        Box::new(Brier),
    ];
    for average in [ClassAverage::Macro, ClassAverage::Weighted] {
        metrics.push(Box::new(RocAuc { average }));
    }
    for average in [Average::Micro, Average::Macro, Average::Weighted] {
        metrics.push(Box::new(Precision { average }));
        metrics.push(Box::new(Recall { average }));
        metrics.push(Box::new(FBeta::f1(average)));
        metrics.push(Box::new(
            FBeta::new(2.0, average).expect("beta is positive"),
        ));
    }
    for metric in metrics {
        check_metric(&metric).unwrap_or_else(|broken| panic!("{}: {broken}", metric.name()));
    }
}
