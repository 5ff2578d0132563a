//! Azimuthal integration with a prepared integrator.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use xscatter::reduce::{AzimuthalIntegrator, ErrorModel, IntegrateConfig, PixelSplitting};

fn integrate(criterion: &mut Criterion) {
    let frame = xscatter_benches::pilatus_1m();
    let geometry = frame.info.geometry.clone().unwrap();
    let mut group = criterion.benchmark_group("integrate 1043x981 to 1000 bins");
    group.throughput(Throughput::Elements(1043 * 981));
    for splitting in [
        PixelSplitting::None,
        PixelSplitting::BoundingBox,
        PixelSplitting::Full,
    ] {
        let config = IntegrateConfig {
            bins: 1000,
            splitting,
            error_model: ErrorModel::Poisson,
            ..IntegrateConfig::default()
        };
        let integrator = AzimuthalIntegrator::new(&geometry, frame.shape(), config).unwrap();
        group.bench_function(splitting.name(), |bench| {
            bench.iter(|| black_box(integrator.integrate(&frame).unwrap()));
        });
    }
    group.finish();
}

criterion_group!(benches, integrate);
criterion_main!(benches);
