//! Features of one frame, so on one thread.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use xscatter::representations::extractor;

fn extract(criterion: &mut Criterion) {
    let frames = [xscatter_benches::pilatus_1m()];
    let mut group = criterion.benchmark_group("features of 1043x981");
    group.throughput(Throughput::Elements(1043 * 981));
    for part in ["histogram", "glcm", "radial-profile", "layout"] {
        let extractor = extractor(part, None).unwrap();
        group.bench_function(part, |bench| {
            bench.iter(|| black_box(extractor.extract(&frames).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, extract);
criterion_main!(benches);
