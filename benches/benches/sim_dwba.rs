//! The distorted-wave Born approximation over 256 × 256 directions, and GISAXS frames of that size.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use xscatter::FrameSource;
use xscatter::sim::grazing::{Dwba, DwbaConfig, Island, Layer, Material, Place};
use xscatter::sim::{Conceptual, Preset, SceneConfig, Simulation, Technique, TechniqueScene};

const SIDE: usize = 256;

fn alone<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap()
        .install(work)
}

fn distorted_waves(criterion: &mut Criterion) {
    let along = |span: f64| -> Vec<f64> {
        (0..SIDE)
            .map(|bin| span * (bin as f64 + 0.5) / SIDE as f64)
            .collect()
    };
    let (exits, azimuths) = (along(0.02), along(0.035));
    let sphere = Island::Sphere { radius_nm: 5.0 };
    let with = |island| DwbaConfig {
        islands: vec![(island, 1.0)],
        ..DwbaConfig::default()
    };
    let film = Layer {
        material: Material {
            delta: 3e-6,
            beta: 5e-9,
        },
        thickness_nm: 30.0,
        roughness_nm: 0.5,
    };
    let scenes = [
        ("cylinders", DwbaConfig::default()),
        ("spheres", with(sphere)),
        (
            "domes",
            with(Island::Dome {
                radius_nm: 6.0,
                height_nm: 4.5,
            }),
        ),
        (
            "spheres in a film",
            DwbaConfig {
                layers: vec![film],
                place: Place::InLayer {
                    layer: 0,
                    depth_nm: 20.0,
                },
                ..with(sphere)
            },
        ),
    ];
    let mut group = criterion.benchmark_group("distorted waves, 256 x 256");
    group.throughput(Throughput::Elements((SIDE * SIDE) as u64));
    for (name, config) in scenes {
        let sample = Dwba::new(config).unwrap();
        group.bench_function(name, |bench| {
            alone(|| bench.iter(|| black_box(sample.cross_section(&exits, &azimuths))));
        });
    }
    group.finish();
}

/// A new experiment each, with all its tables, and frames of experiments of 100.
fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("GISAXS frame, 256 x 256");
    group.throughput(Throughput::Elements(1)).sample_size(20);
    for (name, frames_per_experiment) in [("first of an experiment", 1), ("one of 100", 100)] {
        let mut config = Preset::FourTechniques.config(1).with_frames(100_000);
        config.frames_per_experiment = frames_per_experiment;
        config.detectors = vec![
            Conceptual {
                side_px: SIDE,
                ..Conceptual::default()
            }
            .into(),
        ];
        config.scene = SceneConfig::Techniques(TechniqueScene {
            techniques: vec![Technique::Gisaxs],
        });
        let simulation = Simulation::new(config).unwrap();
        let mut index = 0;
        group.bench_function(name, |bench| {
            alone(|| {
                bench.iter(|| {
                    index += 1;
                    black_box(simulation.read(index).unwrap())
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, distorted_waves, frames);
criterion_main!(benches);
