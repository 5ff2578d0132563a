//! Every preset as a user meets it: the same frames whatever the order, threads and number of frames.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use xscatter_core::{Frame, FrameSource};
use xscatter_sim::{
    CentreRanges, Interval, LatticeRanges, ParticleRanges, Preset, SampleScene, SceneConfig,
    Severity, Simulation, SimulationConfig,
};

/// A preset on one small detector, each frame of an experiment of its own.
fn small(preset: Preset, frames: usize) -> SimulationConfig {
    let mut config = preset.config(11).with_frames(frames);
    if !matches!(preset, Preset::BnlTags17 | Preset::Robustness(_)) {
        config.detectors = vec!["Pilatus 100k".into(), "Eiger2 250k".into()];
    }
    config.frames_per_experiment = 2;
    config
}

fn same(a: &Frame, b: &Frame) -> bool {
    let flags = |frame: &Frame| frame.mask().map(|mask| mask.as_slice().to_vec());
    let bits =
        |frame: &Frame| -> Vec<u32> { frame.as_slice().iter().map(|x| x.to_bits()).collect() };
    bits(a) == bits(b) && flags(a) == flags(b) && a.info.header == b.info.header
}

#[test]
fn a_preset_gives_the_same_bits_in_any_order_on_any_number_of_threads() {
    for preset in Preset::ALL {
        let config = small(preset, 6);
        let indices: Vec<usize> = (0..6).collect();
        let alone = Simulation::new(config.clone()).unwrap();
        let backwards: Vec<_> = indices
            .iter()
            .rev()
            .map(|&index| alone.read_with_truth(index).unwrap())
            .collect();
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            // More frames go on where fewer end.
            let longer = Simulation::new(config.clone().with_frames(9)).unwrap();
            let together = pool
                .install(|| longer.read_many_with_truth(&indices))
                .unwrap();
            let frames = pool.install(|| longer.read_many(&indices)).unwrap();
            for ((one, other), frame) in together.iter().zip(backwards.iter().rev()).zip(&frames) {
                assert!(same(&one.0, &other.0) && same(&one.0, frame), "{preset}");
                assert_eq!(one.1, other.1, "{preset}");
            }
        }
    }
}

#[test]
fn every_kind_of_scene_keeps_the_contract_of_a_source() {
    for preset in [Preset::BnlTags17, Preset::TimeSeries, Preset::Calibrants] {
        xscatter_testkit::check_source(&Simulation::new(small(preset, 3)).unwrap()).unwrap();
    }
}

#[test]
fn a_truth_is_a_line_of_json_that_can_be_read_back() {
    for preset in [
        Preset::FourTechniques,
        Preset::BnlTags17,
        Preset::TimeSeries,
    ] {
        let simulation = Simulation::new(small(preset, 3)).unwrap();
        for index in 0..3 {
            let truth = simulation.truth(index).unwrap();
            let line = serde_json::to_string(&truth).unwrap();
            assert!(!line.contains('\n') && !line.contains("null"), "{line}");
            assert_eq!(
                serde_json::from_str::<xscatter_sim::Truth>(&line).unwrap(),
                truth
            );
            assert_eq!(truth.experiment, simulation.origin(index).experiment);
        }
    }
}

#[test]
fn a_worse_instrument_looks_at_the_same_samples() {
    let truths = Severity::ALL.map(|severity| {
        let config = small(Preset::Robustness(severity), 6);
        let simulation = Simulation::new(config).unwrap();
        (0..6)
            .map(|index| {
                let truth = simulation.truth(index).unwrap();
                let of_sample = |name: &str| !name.starts_with("beam_");
                let values = truth.values.into_iter();
                values
                    .filter(|(name, _)| of_sample(name))
                    .collect::<Vec<_>>()
            })
            .collect::<Vec<_>>()
    });
    assert!(truths[0].iter().any(|values| values.len() > 3));
    for worse in &truths[1..] {
        assert_eq!(worse, &truths[0]);
    }
}

#[test]
fn calibrants_have_their_rings_where_they_belong() {
    let simulation = Simulation::new(small(Preset::Calibrants, 10)).unwrap();
    let known = [
        ("AgBh", 1.076_256_476),
        ("LaB6", 15.115_343_55),
        ("CeO2", 20.109_937),
        ("Si", 20.037_573),
    ];
    for index in 0..10 {
        let truth = simulation.truth(index).unwrap();
        for (name, q_inv_nm) in known {
            if truth.experiment.starts_with(name) {
                let found = truth.values["q_star_inv_nm"];
                assert!((found / q_inv_nm - 1.0).abs() < 2e-4, "{name}: {found}");
            }
        }
    }
}

#[test]
fn a_series_changes_when_its_truth_says_so() {
    let mut config = Preset::TimeSeries.config(3).with_frames(3 * 40);
    config.frames_per_experiment = 40;
    if let SceneConfig::Series(scene) = &mut config.scene {
        scene.quiet_share = 0.0;
        scene.onset = Interval::new(0.2, 0.3);
        scene.duration = Interval::new(0.1, 0.2);
        scene.dip_share = 0.0;
    }
    let simulation = Simulation::new(config).unwrap();
    for kind in 0..3 {
        let (before, after) = (
            simulation.truth(kind).unwrap(),
            simulation.truth(kind + 3 * 39).unwrap(),
        );
        assert_eq!(before.events, after.events);
        let event = &before.events[0];
        assert!(event.of_sample && event.start_frame >= 8.0 && event.end_frame < 39.0);
        assert!(before.values["progress"] < 0.06 && after.values["progress"] > 0.95);
        let counts =
            |truth: &xscatter_sim::Truth, place: usize| truth.components[place].mean_counts;
        let share = |truth| counts(truth, 0) / (counts(truth, 0) + counts(truth, 1));
        assert!(
            (share(&before) - share(&after)).abs() > 0.5,
            "{}",
            before.experiment
        );
    }
}

/// A configuration that is refused, and how its message begins.
fn refused(change: impl FnOnce(&mut SimulationConfig), begins: &str) {
    let mut config = SimulationConfig {
        scene: SceneConfig::Sample(SampleScene::default()),
        ..SimulationConfig::default()
    };
    assert!(Simulation::new(config.clone()).is_ok());
    change(&mut config);
    let message = Simulation::new(config).err().unwrap().to_string();
    assert!(message.starts_with(begins), "{message}");
}

#[test]
fn impossible_scenes_are_refused_by_the_name_of_the_parameter() {
    let particles = |change: fn(&mut ParticleRanges)| {
        move |config: &mut SimulationConfig| {
            if let SceneConfig::Sample(scene) = &mut config.scene {
                change(scene.particles.as_mut().unwrap());
            }
        }
    };
    refused(
        particles(|p| p.volume_fraction = Interval::new(0.1, 0.8)),
        "scene.particles.volume_fraction: expected low to high within 0 to 0.74048",
    );
    refused(
        particles(|p| p.polydispersity = Interval::new(-0.1, 0.1)),
        "scene.particles.polydispersity: expected",
    );
    refused(
        particles(|p| p.radius_nm = Interval::new(0.0, 1.0)),
        "scene.particles.radius_nm: expected",
    );
    refused(
        |config| config.ranges.incident_angle_deg = Interval::new(0.2, 95.0),
        "ranges.incident_angle_deg: expected",
    );
    let beside = CentreRanges {
        row: Interval::new(0.4, 0.6),
        column: Interval::new(0.5, 8.0),
    };
    refused(
        |config| config.ranges.beam_centre = Some(beside),
        "ranges.beam_centre.column: expected",
    );
    let lattice = |q_star_inv_nm| {
        move |config: &mut SimulationConfig| {
            if let SceneConfig::Sample(scene) = &mut config.scene {
                scene.lattice = Some(LatticeRanges {
                    kind: "body-centred cubic".into(),
                    q_star_inv_nm,
                    relative_width: Interval::new(0.02, 0.05),
                });
            }
        }
    };
    refused(
        lattice(Interval::new(0.1, 40.0)),
        "scene.lattice.q_star_inv_nm: expected",
    );
    refused(
        lattice(Interval::new(1e-5, 0.1)),
        "scene.lattice.q_star_inv_nm: expected",
    );
    refused(
        |config| config.labels.visible_snr = Interval::new(15.0, 5.0),
        "labels.visible_snr: expected low to high within 0 to 1000000, got 15 to 5",
    );
}
