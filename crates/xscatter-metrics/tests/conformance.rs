//! Every score keeps the contract of its trait.

use xscatter_metrics::all;
use xscatter_testkit::check_metric;

#[test]
fn every_score_keeps_the_contract() {
    for metric in all() {
        check_metric(&metric).unwrap_or_else(|broken| panic!("{}: {broken}", metric.name()));
    }
}
