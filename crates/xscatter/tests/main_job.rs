//! The main job at a small scale: simulate, read back, train, rank, save, load, sort.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::path::Path;

use xscatter::archive::{self, ArchiveConfig, Part};
use xscatter::compare::Comparison;
use xscatter::deep::device;
use xscatter::io::LabelledSeries;
use xscatter::progress::{Progress, silent};
use xscatter::sim::SimulationConfig;
use xscatter::sort::{self, Sorter};
use xscatter::training::{self, Trained, TrainingConfig};
use xscatter::{ErrorKind, FrameSource, StopToken};

fn config() -> ArchiveConfig {
    let part = |seed, experiments_per_technique: usize, detector: &str| SimulationConfig {
        frames: 4 * experiments_per_technique,
        frames_per_experiment: 1,
        detectors: vec![detector.into()],
        seed,
        ..SimulationConfig::default()
    };
    ArchiveConfig {
        network: part(1, 2, "Pilatus 100k"),
        train: part(2, 4, "Pilatus 100k"),
        holdout: part(3, 2, "Pilatus 300k-W"),
    }
}

fn open(folder: &Path) -> [LabelledSeries; 3] {
    Part::ALL.map(|part| LabelledSeries::from_table(folder.join(part.folder())).unwrap())
}

fn train(folder: &Path, threads: usize) -> Trained {
    let [network, rows, holdout] = open(folder);
    let config = TrainingConfig {
        folds: 2,
        epochs: 1,
        ..TrainingConfig::default()
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .unwrap();
    pool.install(|| {
        let (device, stop) = (device::cpu(), StopToken::new());
        training::train(
            &config,
            &network,
            &rows,
            &holdout,
            &device,
            &mut silent,
            &stop,
        )
        .unwrap()
    })
}

#[test]
fn from_nothing_to_sorted_files() {
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive");
    let mut stages = Vec::new();
    let mut listen = |step| {
        if let Progress::Stage { name, total } = step {
            stages.push((name, total));
        }
    };
    archive::simulate(&config(), &archive, &mut listen, &StopToken::new()).unwrap();
    assert_eq!(
        stages.iter().map(|(_, total)| total).collect::<Vec<_>>(),
        [&8, &16, &8]
    );

    // A second run keeps what the first has written, and writes again what was lost.
    let kept = archive.join("train/labels.csv");
    let lost = LabelledSeries::from_table(archive.join("holdout")).unwrap();
    let lost = archive.join("holdout").join(&lost.label(0).path);
    let bytes = std::fs::read(&lost).unwrap();
    std::fs::remove_file(&lost).unwrap();
    let before = std::fs::read(&kept).unwrap();
    archive::simulate(&config(), &archive, &mut silent, &StopToken::new()).unwrap();
    assert_eq!(std::fs::read(&kept).unwrap(), before);
    assert_eq!(std::fs::read(&lost).unwrap(), bytes);

    // The archive of another configuration is not overwritten.
    let mut other = config();
    other.train.seed += 1;
    let error = archive::simulate(&other, &archive, &mut silent, &StopToken::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);

    let trained = train(&archive, 2);
    // 10 representations × 5 families × 2 guesses.
    assert_eq!(trained.leaderboard.entries.len(), 100);
    assert_eq!(trained.leaderboard.failures().count(), 0);
    assert_eq!(trained.calibrated.confusion.total(), 8);
    let out = folder.path().join("out");
    trained.save(&out).unwrap();
    for file in [
        "leaderboard.csv",
        "leaderboard.json",
        "leaderboard.md",
        "confusion.svg",
    ] {
        assert!(
            std::fs::metadata(out.join(file)).unwrap().len() > 500,
            "{file}"
        );
    }

    // The saved model says what the trained one says, to the bit.
    let loaded = Sorter::load(&out.join("model"), &device::cpu()).unwrap();
    let stop = StopToken::new();
    let paths = [archive.join("holdout")];
    let one = sort::sort_paths(&trained.sorter, &paths, None, &mut silent, &stop).unwrap();
    let two = sort::sort_paths(&loaded, &paths, None, &mut silent, &stop).unwrap();
    assert_eq!(one.rows, two.rows);
    assert_eq!(one.rows.len(), 8);
    one.save(&out).unwrap();
    let table = archive.join("holdout/labels.csv");
    let comparison = Comparison::new(&one, &table, loaded.classes()).unwrap();
    assert_eq!((comparison.confusion.total(), comparison.unknown), (8, 0));
}

#[test]
fn the_leaderboard_does_not_depend_on_threads() {
    let folder = tempfile::tempdir().unwrap();
    archive::simulate(&config(), folder.path(), &mut silent, &StopToken::new()).unwrap();
    let [one, two] = [1, 2].map(|threads| train(folder.path(), threads));
    let without_networks = |trained: &Trained| {
        let mut board = trained.leaderboard.without_times();
        board
            .entries
            .retain(|entry| !["lenet", "image+lenet"].contains(&&*entry.representation));
        board.to_json()
    };
    assert_eq!(without_networks(&one), without_networks(&two));
    // With the same number of threads, networks included.
    let again = train(folder.path(), 2);
    assert_eq!(
        two.leaderboard.without_times().to_json(),
        again.leaderboard.without_times().to_json()
    );
}

#[test]
fn a_labelled_scan_is_a_source_with_groups() {
    let folder = tempfile::tempdir().unwrap();
    archive::simulate(&config(), folder.path(), &mut silent, &StopToken::new()).unwrap();
    let [_, train, _] = open(folder.path());
    xscatter_testkit::check_source(&train).unwrap();
    let frame = train.read(0).unwrap();
    assert_eq!(
        frame.info.group.as_deref(),
        Some(train.label(0).group.as_str())
    );
    assert!(
        frame.info.geometry.is_some(),
        "the writers keep the geometry"
    );
}
