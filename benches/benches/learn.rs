//! Fits of every family with its defaults, on all threads.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use xscatter::{TrainingSet, catalogue};

fn fit(criterion: &mut Criterion) {
    let (rows, target) = xscatter_benches::table(1000, 64);
    let train = TrainingSet::new(rows.view(), &target).unwrap();
    let mut group = criterion.benchmark_group("fit 1000x64, 4 classes");
    group.sample_size(10);
    for family in catalogue::families() {
        let estimator = family.build(&family.space().defaults(), 1).unwrap();
        group.bench_function(family.name(), |bench| {
            bench.iter(|| {
                black_box(estimator.fit(&train).unwrap());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, fit);
criterion_main!(benches);
