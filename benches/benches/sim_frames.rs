//! Whole simulated frames: components, instrument, counts, and with them everything that is true.
//!
//! `cargo bench -p xscatter-benches --bench sim_frames`. Each measurement reads one experiment of ten
//! frames on all threads, so the rate is that of a training loop; an experiment's tables are made once.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use xscatter::core::FrameSource;
use xscatter::sim::{
    Conceptual, DetectorChoice, Preset, SceneConfig, Simulation, SimulationConfig, Technique,
    TechniqueScene,
};

const FRAMES: usize = 100;

fn technique(technique: Technique, detector: DetectorChoice) -> SimulationConfig {
    SimulationConfig {
        frames_per_experiment: 10,
        detectors: vec![detector],
        scene: SceneConfig::Techniques(TechniqueScene {
            techniques: vec![technique],
        }),
        ..Preset::FourTechniques.config(1)
    }
}

fn frames(criterion: &mut Criterion) {
    let small = DetectorChoice::from(Conceptual::default());
    let tags = SimulationConfig {
        frames_per_experiment: 10,
        ..Preset::BnlTags17.config(1)
    };
    let scenes = [
        ("tags 256", FRAMES, tags),
        (
            "SAXS 256",
            FRAMES,
            technique(Technique::Saxs, small.clone()),
        ),
        (
            "WAXS 256",
            FRAMES,
            technique(Technique::Waxs, small.clone()),
        ),
        (
            "GISAXS 256",
            FRAMES,
            technique(Technique::Gisaxs, small.clone()),
        ),
        ("GIWAXS 256", FRAMES, technique(Technique::Giwaxs, small)),
        (
            "four techniques PILATUS 1M",
            8,
            SimulationConfig {
                detectors: vec!["Pilatus 1M".into()],
                ..Preset::FourTechniques.config(1)
            },
        ),
    ];
    let mut group = criterion.benchmark_group("simulated frames");
    group.sample_size(10);
    for (name, count, config) in scenes {
        let simulation = Simulation::new(config.with_frames(count)).expect("presets are possible");
        let indices: Vec<usize> = (0..count).collect();
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(name, |bencher| {
            // A clone has no experiments yet: their tables are part of the work.
            bencher.iter(|| simulation.clone().read_many(&indices).expect("valid"));
        });
        group.bench_function(format!("{name}, with truth"), |bencher| {
            bencher.iter(|| {
                simulation
                    .clone()
                    .read_many_with_truth(&indices)
                    .expect("valid")
            });
        });
    }
    let single = Simulation::new(SimulationConfig {
        detectors: vec!["Pilatus 1M".into()],
        ..Preset::FourTechniques.config(1)
    })
    .expect("presets are possible");
    group.throughput(Throughput::Elements(1));
    for index in 0..4 {
        let technique = single.origin(index).technique;
        group.bench_function(format!("{technique} PILATUS 1M, one alone"), |bencher| {
            bencher.iter(|| single.clone().read(index).expect("valid"));
        });
        let name = format!("{technique} PILATUS 1M, one alone, with truth");
        group.bench_function(name, |bencher| {
            bencher.iter(|| single.clone().read_with_truth(index).expect("valid"));
        });
    }
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
