//! The frames of the four techniques as a user meets them.

use std::collections::BTreeMap;

use xscatter_core::{ErrorKind, Frame, FrameSource, PixelFlags};
use xscatter_geometry::Detector;
use xscatter_sim::{
    DetectorChoice, Interval, ReadoutError, SimError, Simulation, SimulationConfig, Technique,
};

fn small(experiments: usize) -> SimulationConfig {
    SimulationConfig {
        frames: 8 * experiments,
        frames_per_experiment: 2,
        detectors: vec!["Pilatus 100k".into(), "Eiger2 250k".into()],
        seed: 7,
        ..Default::default()
    }
}

fn same(a: &Frame, b: &Frame) -> bool {
    let flags = |frame: &Frame| frame.mask().map(|mask| mask.as_slice().to_vec());
    a.as_slice() == b.as_slice() && flags(a) == flags(b) && a.info.header == b.info.header
}

#[test]
fn a_frame_is_the_same_in_any_order_and_on_any_number_of_threads() {
    let source = Simulation::new(small(2)).unwrap();
    let indices: Vec<usize> = (0..source.len()).collect();
    let alone: Vec<Frame> = indices
        .iter()
        .rev()
        .map(|&i| source.read(i).unwrap())
        .collect();
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let together = pool.install(|| source.read_many(&indices)).unwrap();
        assert!(
            together
                .iter()
                .zip(alone.iter().rev())
                .all(|(a, b)| same(a, b))
        );
    }
}

#[test]
fn it_keeps_the_contract_of_a_source() {
    xscatter_testkit::check_source(&Simulation::new(small(1)).unwrap()).unwrap();
}

#[test]
fn another_seed_or_frame_is_another_image() {
    let source = Simulation::new(small(1)).unwrap();
    let other = Simulation::new(SimulationConfig {
        seed: 8,
        ..small(1)
    })
    .unwrap();
    assert_ne!(
        source.read(0).unwrap().as_slice(),
        other.read(0).unwrap().as_slice()
    );
    assert_ne!(
        source.read(0).unwrap().as_slice(),
        source.read(4).unwrap().as_slice()
    );
}

#[test]
fn classes_and_detectors_are_balanced_and_experiments_share_a_pose() {
    let source = Simulation::new(small(6)).unwrap();
    let mut counts = BTreeMap::new();
    let mut experiments = BTreeMap::new();
    for index in 0..source.len() {
        let truth = source.origin(index);
        assert_eq!(truth.technique, Technique::ALL[index % 4]);
        *counts.entry((truth.technique, truth.detector)).or_insert(0) += 1;
        experiments
            .entry(truth.experiment)
            .or_insert_with(Vec::new)
            .push(index);
    }
    assert_eq!(counts.len(), 8);
    assert!(counts.values().all(|&count| count == 6));
    assert_eq!(experiments.len(), 24);
    for (name, frames) in experiments.iter().take(3) {
        let geometry: Vec<_> = frames
            .iter()
            .map(|&index| source.read(index).unwrap().info)
            .map(|info| (info.group.as_deref() == Some(name)).then_some(info.geometry))
            .collect();
        assert!(geometry[0].is_some() && geometry[0] == geometry[1]);
    }
}

#[test]
fn counts_are_finite_and_gaps_are_masked() {
    let source = Simulation::new(SimulationConfig {
        detectors: ["Pilatus 200k", "Lambda 250k", "Rayonix LX170"]
            .map(DetectorChoice::from)
            .to_vec(),
        frames_per_experiment: 1,
        frames: 24,
        ..Default::default()
    })
    .unwrap();
    for index in 0..source.len() {
        let frame = source.read(index).unwrap();
        let truth = source.origin(index);
        let detector = Detector::by_name(&truth.detector).unwrap();
        assert!(
            frame
                .as_slice()
                .iter()
                .all(|count| count.is_finite() && count.fract() == 0.0)
        );
        assert!(
            frame
                .valid_counts()
                .all(|c| (0.0..=detector.max_count as f32).contains(&c))
        );
        assert!(2 * frame.valid_count() > frame.as_slice().len());
        assert!(frame.valid_counts().any(|count| count > 0.0), "{truth:?}");
        if truth.detector == "Rayonix LX170" {
            assert!(frame.mask().is_none() && frame.shape() == (480, 960));
        } else {
            let gaps = detector.gap_mask();
            let mask = frame.mask().unwrap();
            for ((gap, flag), &count) in gaps
                .as_slice()
                .iter()
                .zip(mask.as_slice())
                .zip(frame.as_slice())
            {
                assert_eq!(
                    gap.contains(PixelFlags::GAP),
                    flag.contains(PixelFlags::GAP)
                );
                assert_eq!(flag.contains(PixelFlags::GAP), count == -1.0);
            }
        }
        let grazing = frame
            .info
            .geometry
            .as_ref()
            .unwrap()
            .incident_angle_rad
            .is_some();
        assert_eq!(grazing, truth.technique.is_grazing());
    }
}

/// A rule that sees only brightness, background and the number of bright pixels must not know the
/// technique: those are drawn alike.
#[test]
fn brightness_does_not_give_the_technique_away() {
    let source = Simulation::new(SimulationConfig {
        frames: 96,
        frames_per_experiment: 1,
        detectors: vec!["Pilatus 100k".into()],
        ..Default::default()
    })
    .unwrap();
    let mut medians = BTreeMap::new();
    for technique in Technique::ALL {
        let mut bright: Vec<f32> = (0..source.len())
            .filter(|&index| source.origin(index).technique == technique)
            .map(|index| {
                let frame = source.read(index).unwrap();
                let mut counts: Vec<f32> = frame.valid_counts().collect();
                counts.sort_by(f32::total_cmp);
                counts[counts.len() - counts.len() / 200]
            })
            .collect();
        bright.sort_by(f32::total_cmp);
        medians.insert(technique, bright[bright.len() / 2].ln());
    }
    let span = medians.values().copied().fold(f32::MIN, f32::max)
        - medians.values().copied().fold(f32::MAX, f32::min);
    // Log-uniform over four decades: the medians of 24 draws scatter by some 0.7.
    assert!(span < 3.0, "{medians:?}");
}

#[test]
fn a_wrong_configuration_is_refused_by_name() {
    let refused = |config| Simulation::new(config).unwrap_err();
    assert_eq!(refused(small(0)), SimError::Empty("frame"));
    let unknown = SimulationConfig {
        detectors: vec!["Camera obscura".into()],
        ..small(1)
    };
    assert_eq!(
        refused(unknown),
        SimError::Detector(ReadoutError::UnknownDetector("Camera obscura".into()))
    );
    let mut ranges = small(1);
    ranges.ranges.energy_kev = Interval::new(9.0, 3.0);
    assert_eq!(
        refused(ranges).to_string(),
        "ranges.energy_kev: expected low to high within 0.1 to 1000, got 9 to 3"
    );
    let source = Simulation::new(small(1)).unwrap();
    assert_eq!(
        source.read(8).unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
}

#[test]
fn a_configuration_goes_through_json_and_forgets_nothing() {
    let config = small(3);
    let text = serde_json::to_string(&config).unwrap();
    assert_eq!(
        serde_json::from_str::<SimulationConfig>(&text).unwrap(),
        config
    );
    let partial: SimulationConfig = serde_json::from_str(r#"{"seed": 3}"#).unwrap();
    assert_eq!(
        partial.frames_per_experiment,
        SimulationConfig::default().frames_per_experiment
    );
    assert!(serde_json::from_str::<SimulationConfig>(r#"{"sed": 3}"#).is_err());
}
