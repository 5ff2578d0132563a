//! Particles: oriented ones over the pixels of a detector, averaged ones over a curve; the threads of
//! rayon.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use xscatter::sim::form_factor::{
    Ensemble, EnsembleConfig, Oriented, OrientedConfig, Shape, Spread,
};
use xscatter::sim::structure_factor::{Paracrystal, ParacrystalConfig};

const SHAPES: [(&str, Shape); 4] = [
    ("sphere", Shape::Sphere { radius_nm: 20.0 }),
    (
        "ellipsoid",
        Shape::Ellipsoid {
            polar_nm: 6.0,
            equatorial_nm: 20.0,
        },
    ),
    (
        "cylinder",
        Shape::Cylinder {
            radius_nm: 6.0,
            length_nm: 40.0,
        },
    ),
    (
        "prism",
        Shape::Prism {
            a_nm: 10.0,
            b_nm: 15.0,
            c_nm: 30.0,
        },
    ),
];

fn patterns(criterion: &mut Criterion) {
    const SIDE: usize = 512;
    let q = |index: usize| 4.0 * index as f64 / (SIDE - 1) as f64 - 2.0;
    let qx: Vec<f64> = (0..SIDE * SIDE).map(|i| q(i % SIDE)).collect();
    let qy: Vec<f64> = (0..SIDE * SIDE).map(|i| q(i / SIDE)).collect();
    let mut out = vec![0.0; SIDE * SIDE];
    let mut group = criterion.benchmark_group("oriented 512x512");
    group.throughput(Throughput::Elements((SIDE * SIDE) as u64));
    for (name, shape) in SHAPES {
        let particles = Oriented::new(OrientedConfig {
            shape,
            theta_rad: 1.0,
            phi_rad: 0.5,
            ..OrientedConfig::default()
        })
        .unwrap();
        group.bench_function(name, |bench| {
            bench.iter(|| {
                particles
                    .intensity_into(black_box(&qx), &qy, &mut out)
                    .unwrap();
            });
        });
    }
}

fn curves(criterion: &mut Criterion) {
    let q: Vec<f64> = (1..=200).map(|i| 0.02 * f64::from(i)).collect();
    let mut group = criterion.benchmark_group("curve of 200 q");
    group.sample_size(20);
    for (name, shape) in SHAPES {
        for (kind, spreads) in [
            ("one size", vec![]),
            (
                "35 sizes",
                vec![Spread::gaussian(shape.lengths()[0].0, 0.1)],
            ),
        ] {
            let ensemble = Ensemble::new(EnsembleConfig { shape, spreads }).unwrap();
            group.bench_function(format!("{name}, {kind}"), |bench| {
                bench.iter(|| ensemble.intensities(black_box(&q)));
            });
        }
    }
    let crystal = Paracrystal::new(ParacrystalConfig::default()).unwrap();
    group.bench_function("paracrystal", |bench| {
        bench.iter(|| crystal.averages(black_box(&q)));
    });
}

criterion_group!(benches, patterns, curves);
criterion_main!(benches);
