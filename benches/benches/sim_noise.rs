//! Poisson counts for a million pixels, against a sampler of `rand_distr` made for every pixel.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, Poisson};
use xscatter::core::ndarray::Array2;
use xscatter::sim::noise::poisson_image;

const SIDE: usize = 1024;

fn counts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("Poisson 1024x1024");
    group.throughput(Throughput::Elements((SIDE * SIDE) as u64));
    group.sample_size(10);
    for mean in [0.1_f32, 1.0, 10.0, 1000.0] {
        let image = Array2::from_elem((SIDE, SIDE), mean);
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let name = format!("mean {mean}, {threads} threads");
            group.bench_function(name, |bench| {
                bench.iter_batched_ref(
                    || image.clone(),
                    |image| pool.install(|| poisson_image(image, 1)),
                    BatchSize::LargeInput,
                );
            });
        }
        group.bench_function(format!("mean {mean}, rand_distr"), |bench| {
            bench.iter_batched_ref(
                || (image.clone(), ChaCha8Rng::seed_from_u64(1)),
                |(image, rng)| {
                    for value in image.iter_mut() {
                        *value = Poisson::new(black_box(*value)).unwrap().sample(rng);
                    }
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, counts);
criterion_main!(benches);
