//! Simulations as detector files: each format round trip, interruption, refusals.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use xscatter::dataset::{self, DatasetConfig, Summary};
use xscatter::io::{Format, LabelledSeries};
use xscatter::progress::{Progress, silent};
use xscatter::sim::{
    Conceptual, Preset, SceneConfig, Simulation, SimulationConfig, TagSet, Technique,
    TechniqueScene, Truth,
};
use xscatter::{ErrorKind, FrameSource, Result, StopToken};

/// Small frames with gaps, and of a camera.
fn small(preset: Preset, frames: usize) -> SimulationConfig {
    let side = Conceptual {
        side_px: 48,
        ..Conceptual::default()
    };
    SimulationConfig {
        frames,
        frames_per_experiment: 3,
        detectors: vec![
            Conceptual {
                gaps_like: Some("Pilatus 300k".into()),
                ..side.clone()
            }
            .into(),
            Conceptual {
                camera: true,
                ..side
            }
            .into(),
        ],
        ..preset.config(7)
    }
}

fn config(frames: usize, format: Format) -> DatasetConfig {
    DatasetConfig {
        simulation: small(Preset::FourTechniques, frames),
        format,
        ..DatasetConfig::default()
    }
}

fn simulate(config: &DatasetConfig, folder: &Path) -> Result<Summary> {
    dataset::simulate(config, folder, &mut silent, &StopToken::new())
}

/// Every file below a folder with its bytes.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(folder).unwrap();
                found.insert(below.to_str().unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn every_format_comes_back_with_labels_truth_and_geometry() {
    for (format, files) in [
        (Format::Nexus, 6),
        (Format::Cbf, 9),
        (Format::Edf, 9),
        (Format::Tiff, 9),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(9, format);
        config.simulation.frames_per_experiment = 2;
        let SceneConfig::Techniques(scene) = &mut config.simulation.scene else {
            panic!("the scene of the preset");
        };
        scene.techniques.truncate(3);
        let summary = simulate(&config, folder.path()).unwrap();
        let expected = Summary {
            frames: 9,
            experiments: 6,
            files,
            kept_frames: 0,
        };
        assert_eq!(summary, expected, "{format}");

        let source = Simulation::new(config.simulation.clone()).unwrap();
        let series = LabelledSeries::from_table(folder.path()).unwrap();
        assert_eq!((series.len(), series.missing()), (9, 0));
        let lines = fs::read_to_string(folder.path().join("truth.jsonl")).unwrap();
        let truths: Vec<Truth> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for (index, truth) in truths.iter().enumerate() {
            let label = series.label(index);
            assert_eq!(*truth, source.truth(truth.frame).unwrap());
            assert_eq!(label.class, truth.technique.name());
            assert_eq!(label.group, truth.experiment);
            let (made, read) = (
                source.read(truth.frame).unwrap(),
                series.read(index).unwrap(),
            );
            assert_eq!(made.shape(), read.shape());
            for row in 0..made.shape().0 {
                for column in 0..made.shape().1 {
                    let at = format!("{format} {index} ({row}, {column})");
                    let valid = made.is_valid(row, column);
                    assert_eq!(valid, read.is_valid(row, column), "{at}");
                    let counts = |frame: &xscatter::Frame| frame.counts()[(row, column)].to_bits();
                    assert!(!valid || counts(&made) == counts(&read), "{at}");
                }
            }
            let flags = |frame: &xscatter::Frame| {
                frame
                    .mask()
                    .filter(|mask| mask.invalid_count() > 0)
                    .cloned()
            };
            assert_eq!(flags(&made), flags(&read), "{format} {index}");
            let (made, read) = (made.info, read.info);
            assert_eq!(made.geometry, read.geometry, "{format} {index}");
            assert_eq!(made.exposure_s, read.exposure_s, "{format} {index}");
        }
        let mut frames: Vec<usize> = truths.iter().map(|truth| truth.frame).collect();
        frames.sort_unstable();
        assert!(frames.into_iter().eq(0..9));
    }
}

#[test]
fn a_run_that_was_stopped_ends_with_the_bytes_of_one_that_was_not() {
    for format in [Format::Nexus, Format::Cbf] {
        let whole = tempfile::tempdir().unwrap();
        let mut config = config(120, format);
        config.simulation.frames_per_experiment = 10;
        config.simulation.scene = SceneConfig::Techniques(TechniqueScene {
            techniques: vec![Technique::Saxs],
        });
        simulate(&config, whole.path()).unwrap();

        let folder = tempfile::tempdir().unwrap();
        let stop = StopToken::new();
        let mut observer = |progress| {
            if let Progress::Advance(_) = progress {
                stop.stop();
            }
        };
        // A window grows with the threads.
        let two = rayon::ThreadPoolBuilder::new().num_threads(2).build();
        let error = two.unwrap().install(|| {
            dataset::simulate(&config, folder.path(), &mut observer, &stop).unwrap_err()
        });
        assert_eq!(error.kind(), ErrorKind::Stopped);
        let left = contents(folder.path());
        assert!(left.len() > 4 && left.len() < contents(whole.path()).len());
        assert!(!left.contains_key("labels.csv") && left.contains_key("labels.csv.part"));

        // A kill may leave half a line, lines in one table alone, and files under other names.
        let half = |name: &str, text: &str| {
            let path = folder.path().join(name);
            let mut bytes = fs::read(&path).unwrap_or_default();
            bytes.extend(text.as_bytes());
            fs::write(path, bytes).unwrap();
        };
        half("truth.jsonl.part", "{\"frame\": 3}\n{\"fra");
        half(".SAXS-0000_00000.h5.77-0.tmp", "half a file");
        let summary = simulate(&config, folder.path()).unwrap();
        assert!(summary.kept_frames > 0 && summary.kept_frames < 120);
        assert!(
            contents(folder.path()) == contents(whole.path()),
            "{format}"
        );

        // A file that went is made again; the others are left alone.
        let gone = left.keys().find(|name| name.starts_with("SAXS")).unwrap();
        fs::remove_file(folder.path().join(gone)).unwrap();
        let summary = simulate(&config, folder.path()).unwrap();
        assert_eq!(
            summary.kept_frames,
            if format == Format::Cbf { 119 } else { 110 }
        );
        assert!(
            contents(folder.path()) == contents(whole.path()),
            "{format}"
        );
        assert_eq!(simulate(&config, folder.path()).unwrap().kept_frames, 120);
    }
}

#[test]
fn another_configuration_in_the_folder_is_refused_by_the_key_that_differs() {
    let folder = tempfile::tempdir().unwrap();
    let first = config(4, Format::Nexus);
    simulate(&first, folder.path()).unwrap();
    let before = contents(folder.path());
    let mut seed = first.clone();
    seed.simulation.seed = 8;
    let mut energy = first.clone();
    energy.simulation.ranges.energy_kev.high += 1.0;
    let format = DatasetConfig {
        format: Format::Cbf,
        ..first.clone()
    };
    let tags = DatasetConfig {
        tags: TagSet::Network15,
        ..first
    };
    for (other, file, key) in [
        (seed, "simulation.json", "key seed"),
        (energy, "simulation.json", "key ranges.energy_kev.high"),
        (format, "dataset.json", "key format"),
        (tags, "dataset.json", "key tags"),
    ] {
        let error = simulate(&other, folder.path()).unwrap_err();
        assert_eq!(error.place(), Some(key));
        assert!(error.file().unwrap().ends_with(file), "{error}");
    }
    assert!(contents(folder.path()) == before);
}

#[test]
fn a_configuration_that_was_written_draws_the_same_frames() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(2, Format::Edf);
    config.simulation.ranges.energy_kev.low = 7.123_456_789_012_345;
    config.simulation.scene = SceneConfig::default();
    simulate(&config, folder.path()).unwrap();
    let read = dataset::read_simulation(&folder.path().join("simulation.json")).unwrap();
    assert_eq!(read, config.simulation);

    let path = folder.path().join("typo.json");
    fs::write(
        &path,
        "{\n  \"ranges\": {\"energy_kv\": {\"low\": 5, \"high\": 20}}\n}",
    )
    .unwrap();
    let error = dataset::read_simulation(&path).unwrap_err().to_string();
    assert!(
        error.contains("energy_kv") && error.contains("line 2"),
        "{error}"
    );
}

#[test]
fn tags_are_columns_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let config = DatasetConfig {
        simulation: small(Preset::BnlTags17, 12),
        ..DatasetConfig::default()
    };
    simulate(&config, folder.path()).unwrap();
    let mut table = csv::Reader::from_path(folder.path().join("labels.csv")).unwrap();
    let columns: Vec<String> = table.headers().unwrap().iter().map(Into::into).collect();
    assert_eq!(columns[5..], TagSet::Mission17.names());
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 12);
    assert!(rows.iter().all(|row| row[2] == *Technique::Saxs.name()));
    let states = || rows.iter().flat_map(|row| row.iter().skip(5));
    assert!(states().all(|state| ["1", "0", ""].contains(&state)));
    assert!(states().any(|state| state == "1") && states().any(|state| state == "0"));
}

#[test]
fn what_cannot_be_written_is_refused_before_anything_is() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("data");
    assert_eq!(
        simulate(&config(0, Format::Cbf), &at)
            .unwrap_err()
            .message(),
        "expected at least one frame, got none"
    );
    let error = simulate(&config(4, Format::Npy), &at).unwrap_err();
    assert!(error.message().contains("npy"), "{error}");
    assert!(!at.exists());
    fs::write(&at, "a file").unwrap();
    let error = simulate(&config(4, Format::Cbf), &at).unwrap_err();
    assert_eq!(error.file(), Some(&*at));
}
