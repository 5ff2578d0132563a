//! Whole studies with toy families: nearest centroid, and some that fail on purpose.

mod toy;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use toy::{Manner, Toy, data, families};
use xscatter_automl::{
    Event, Halving, Leaderboard, Race, Representation, Status, Study, StudyConfig, StudyError,
    Summary,
};
use xscatter_core::{Classes, ErrorKind, Metric, StopToken, Target};
use xscatter_metrics::LogLoss;

fn metrics() -> Vec<Box<dyn Metric>> {
    xscatter_metrics::standard()
}

fn study(config: StudyConfig) -> Study {
    Study::new(families(), metrics(), config).expect("a valid study")
}

fn run(study: &Study) -> Leaderboard {
    let (representations, target) = data();
    study
        .run(&representations, &target, &mut |_| (), &StopToken::new())
        .expect("the study runs")
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("a pool")
}

#[test]
fn the_best_of_all_comes_first_and_failures_keep_their_reason() {
    let board = run(&study(StudyConfig::default()));
    assert!(board.is_complete());
    // 2 representations × 5 families × 3 first guesses.
    assert_eq!(board.entries.len(), 30);
    let best = board.best().unwrap();
    assert_eq!(
        (&*best.representation, &*best.family),
        ("strong", "centroid")
    );
    assert!(best.mean(board.rank_by).unwrap() > 0.9);
    let reasons: Vec<&str> = board.failures().map(|(_, reason)| reason).collect();
    assert_eq!(reasons.len(), 12);
    assert!(
        reasons.contains(&"fold 0: the matrix is singular"),
        "{reasons:?}"
    );
    assert!(
        reasons.contains(&"fold 0: panicked: index out of bounds"),
        "{reasons:?}"
    );
    assert!(
        board.entries[18..]
            .iter()
            .all(|entry| entry.status != Status::Scored)
    );
}

#[test]
fn what_is_not_defined_stays_so_with_its_reason() {
    let board = run(&study(StudyConfig::default()));
    let position = board
        .metrics
        .iter()
        .position(|metric| &*metric.name == "precision-weighted");
    let constant = board
        .entries
        .iter()
        .find(|entry| &*entry.family == "constant")
        .unwrap();
    assert_eq!(
        constant.scores[position.unwrap()],
        Summary::Undefined("fold 0: class SAXS was never predicted".into())
    );
    assert!(board.to_csv().contains("class SAXS was never predicted"));
}

#[test]
fn the_board_is_the_same_bit_for_bit_for_any_number_of_threads() {
    let boards: Vec<Leaderboard> = [1, 2, 4]
        .into_iter()
        .map(|threads| {
            pool(threads)
                .install(|| run(&study(StudyConfig::default())))
                .without_times()
        })
        .collect();
    assert_eq!(boards[0].to_json(), boards[1].to_json());
    assert_eq!(boards[0], boards[1]);
    assert_eq!(boards[0], boards[2]);
    let other = run(&study(StudyConfig {
        seed: 1,
        ..StudyConfig::default()
    }));
    assert_ne!(boards[0].to_csv(), other.without_times().to_csv());
}

#[test]
fn a_trial_does_not_depend_on_its_neighbours() {
    let (representations, target) = data();
    let all = run(&study(StudyConfig::default())).without_times();
    let alone = Study::new(
        vec![Toy::boxed("noise", Manner::Noise)],
        metrics(),
        StudyConfig::default(),
    )
    .unwrap()
    .run(
        &representations[1..],
        &target,
        &mut |_| (),
        &StopToken::new(),
    )
    .unwrap()
    .without_times();
    assert!(
        alone
            .entries
            .iter()
            .all(|entry| all.entries.contains(entry))
    );
}

#[test]
fn the_observer_sees_every_trial_once() {
    let (representations, target) = data();
    let mut seen = vec![];
    let board = study(StudyConfig::default())
        .run(
            &representations,
            &target,
            &mut |event| match event {
                Event::Started { trials, resumed } => {
                    assert_eq!((*trials, *resumed), (Some(30), 0));
                }
                Event::Trial { done, entry, .. } => {
                    seen.push((*done, entry.representation.clone(), entry.family.clone()));
                }
                _ => (),
            },
            &StopToken::new(),
        )
        .unwrap();
    assert_eq!(seen.len(), board.entries.len());
    assert!(
        seen.iter()
            .enumerate()
            .all(|(position, (done, ..))| *done == position + 1)
    );
}

#[test]
fn a_stopped_study_returns_what_is_done() {
    let (representations, target) = data();
    let stop = StopToken::new();
    let one_by_one = study(StudyConfig {
        parallel_trials: NonZeroUsize::new(1),
        ..StudyConfig::default()
    });
    let board = one_by_one
        .run(
            &representations,
            &target,
            &mut |event| {
                if let Event::Trial { done: 5, .. } = event {
                    stop.stop();
                }
            },
            &stop,
        )
        .unwrap();
    // The sixth trial may have begun before the observer saw the fifth.
    assert!([5, 6].contains(&board.entries.len()), "{board}");
    assert_eq!(board.planned, 30);
    assert!(!board.is_complete());
    assert!(board.to_string().contains(" not run; 5 folds"));

    let no_time = study(StudyConfig {
        time_budget: Some(Duration::ZERO),
        ..StudyConfig::default()
    });
    assert!(run(&no_time).entries.is_empty());
}

#[test]
fn a_time_budget_ends_a_fit_that_would_not_end() {
    let config = StudyConfig {
        time_budget: Some(Duration::from_millis(300)),
        parallel_trials: NonZeroUsize::new(2),
        ..StudyConfig::default()
    };
    let families = vec![
        Toy::boxed("centroid", Manner::Centroid),
        Toy::boxed("endless", Manner::Endless),
    ];
    let board = run(&Study::new(families, metrics(), config).unwrap());
    // First the first guesses of both families; the endless ones then hold both threads.
    assert!(!board.is_complete());
    assert!(
        board
            .entries
            .iter()
            .all(|entry| &*entry.family == "centroid")
    );
    assert!(board.best().is_some());
}

/// The files of a journal, in the order of their names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("a folder of files")
        .map(|entry| entry.expect("a folder of files").path())
        .collect();
    files.sort();
    files
}

#[test]
fn a_killed_study_goes_on_from_its_journal() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let fresh = || study(StudyConfig::default()).resume_from(&path);
    let whole = run(&fresh()).without_times();
    let [file] = &files(&path)[..] else {
        panic!("expected one file")
    };
    let bytes = std::fs::read(file).unwrap();
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    assert_eq!(lines.len(), 1 + 30);

    // Cut within the head, after it, within a line, after some lines, and not at all.
    let after_9: usize = lines[..9].iter().map(|line| line.len()).sum();
    for (cut, resumed_trials) in [
        (5, 0),
        (lines[0].len(), 0),
        (after_9 + 40, 8),
        (after_9, 8),
        (bytes.len() - 1, 29),
        (bytes.len(), 30),
    ] {
        std::fs::remove_dir_all(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        std::fs::write(file, &bytes[..cut]).unwrap();
        let (representations, target) = data();
        let mut resumed_seen = None;
        let board = fresh()
            .run(
                &representations,
                &target,
                &mut |event| {
                    if let Event::Started { resumed, .. } = event {
                        resumed_seen = Some(*resumed);
                    }
                },
                &StopToken::new(),
            )
            .unwrap();
        assert_eq!(resumed_seen, Some(resumed_trials), "cut at {cut}");
        assert_eq!(board.without_times(), whole, "cut at {cut}");
        // What was left is in a file of its own; the torn one is as it was.
        assert_eq!(std::fs::read(file).unwrap(), &bytes[..cut]);
        let made: usize = files(&path)[1..]
            .iter()
            .map(|file| std::fs::read_to_string(file).unwrap().lines().count() - 1)
            .sum();
        assert_eq!(made, 30 - resumed_trials, "cut at {cut}");
        assert_eq!(run(&fresh()).without_times(), whole);
    }
}

#[test]
fn a_damaged_or_foreign_journal_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (representations, target) = data();
    let attempt = |seed: u64| {
        let config = StudyConfig {
            seed,
            ..StudyConfig::default()
        };
        study(config)
            .resume_from(&path)
            .run(&representations, &target, &mut |_| (), &StopToken::new())
            .unwrap_err()
    };
    std::fs::create_dir(&path).unwrap();
    let file = path.join("study-0000.journal");
    std::fs::write(&file, "rank,family\n1,knn\n").unwrap();
    let error = attempt(0);
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert_eq!(
        (error.file(), error.place()),
        (Some(&*file), Some("line 1"))
    );
    assert_eq!(
        std::fs::read_to_string(&file).unwrap(),
        "rank,family\n1,knn\n"
    );

    std::fs::remove_file(&file).unwrap();
    run(&study(StudyConfig::default()).resume_from(&path));
    // Another seed is another study.
    let error = attempt(1);
    assert!(error.message().ends_with("one of another study"), "{error}");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let error = attempt(0);
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.message().contains("checksum"), "{error}");
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}

/// A search with all that is adaptive.
fn adaptive() -> StudyConfig {
    StudyConfig {
        suggestions: Some(12),
        race: Race::Aggressive,
        halving: Some(Halving { eta: 3, rungs: 1 }),
        rank_by: "log-loss".into(),
        ..StudyConfig::default()
    }
}

fn with_log_loss(config: StudyConfig) -> Study {
    let mut metrics = metrics();
    metrics.push(Box::new(LogLoss));
    Study::new(families(), metrics, config).expect("a valid study")
}

#[test]
fn an_adaptive_study_is_the_same_on_any_threads_in_any_units_and_resumed() {
    let boards = [1, 2]
        .map(|threads| pool(threads).install(|| run(&with_log_loss(adaptive())).without_times()));
    assert_eq!(boards[0], boards[1]);
    assert!(boards[0].is_complete());
    let stopped = boards[0]
        .entries
        .iter()
        .filter(|entry| matches!(&entry.status, Status::Stopped(reason) if !reason.is_empty()));
    assert!(stopped.count() > 10, "{}", boards[0]);
    // 2 representations × 5 families × (3 guesses + 12 suggestions).
    assert_eq!(boards[0].entries.len(), 150);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (representations, target) = data();
    for unit in [2, 0, 1] {
        let study = with_log_loss(adaptive()).resume_from(&path);
        assert_ne!(study.merge(&representations, &target).unwrap(), boards[0]);
        let part = study
            .run_unit(
                &representations,
                &target,
                (unit, 3),
                &mut |_| (),
                &StopToken::new(),
            )
            .unwrap();
        assert!(part.is_complete());
        // Twice is as good as once.
        let before: Vec<u64> = files(&path)
            .iter()
            .map(|f| f.metadata().unwrap().len())
            .collect();
        study
            .run_unit(
                &representations,
                &target,
                (unit, 3),
                &mut |_| (),
                &StopToken::new(),
            )
            .unwrap();
        let after: Vec<u64> = files(&path)
            .iter()
            .map(|f| f.metadata().unwrap().len())
            .collect();
        assert_eq!(before, after);
    }
    let study = with_log_loss(adaptive()).resume_from(&path);
    let merged = study.merge(&representations, &target).unwrap();
    assert_eq!(merged.without_times(), boards[0]);
    assert_eq!(run(&study).without_times(), boards[0]);

    // Half of what the units wrote: what is missing is made again.
    for file in files(&path) {
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    }
    assert!(
        !study
            .merge(&representations, &target)
            .unwrap()
            .is_complete()
    );
    assert_eq!(run(&study).without_times(), boards[0]);
}

#[test]
fn a_race_keeps_the_best_of_a_full_cross_validation() {
    let full = run(&with_log_loss(StudyConfig {
        race: Race::Off,
        halving: None,
        ..adaptive()
    }));
    for race in [Race::Aggressive, Race::Forgiving] {
        let raced = run(&with_log_loss(StudyConfig {
            race,
            halving: None,
            ..adaptive()
        }));
        let (full, raced) = (full.best().unwrap(), raced.best().unwrap());
        assert_eq!(full.family, raced.family);
        let (full, raced) = (
            full.scores[7].mean().unwrap(),
            raced.scores[7].mean().unwrap(),
        );
        assert!(raced < full + 0.01, "{raced} {full}");
    }
}

#[test]
fn an_endless_search_ends_with_its_time_and_a_trial_with_its_limit() {
    let config = StudyConfig {
        suggestions: None,
        time_budget: Some(Duration::from_millis(400)),
        trial_limit: Some(Duration::from_millis(50)),
        ..adaptive()
    };
    let endless = StudyConfig {
        time_budget: None,
        ..config.clone()
    };
    assert_eq!(
        Study::new(
            families(),
            metrics(),
            StudyConfig {
                rank_by: "accuracy".into(),
                ..endless
            }
        )
        .err(),
        Some(StudyError::Endless)
    );
    let mut metrics = metrics();
    metrics.push(Box::new(LogLoss));
    let families = vec![
        Toy::boxed("centroid", Manner::Centroid),
        Toy::boxed("endless", Manner::Endless),
    ];
    let start = Instant::now();
    let (representations, target) = data();
    let mut ending = None;
    let board = Study::new(families, metrics, config)
        .unwrap()
        .run(
            &representations,
            &target,
            &mut |event| {
                if let Event::Ending { reason } = event {
                    ending = Some((*reason).to_owned());
                }
            },
            &StopToken::new(),
        )
        .unwrap();
    assert!(start.elapsed() < Duration::from_secs(2));
    assert!(!board.is_complete());
    assert!(ending.unwrap().contains("time"));
    let (_, reason) = board.failures().next().unwrap();
    assert_eq!(reason, "took longer than the limit of 0.05 s");
}

#[test]
fn a_memory_budget_ends_a_study_with_what_is_done() {
    let config = StudyConfig {
        memory_budget: Some(1),
        ..StudyConfig::default()
    };
    let board = run(&study(config));
    if cfg!(target_os = "linux") {
        assert!(board.entries.is_empty());
        assert_eq!(board.planned, 30);
    }
}

#[test]
fn kept_models_are_those_of_the_best_entries() {
    let (representations, target) = data();
    let config = StudyConfig {
        keep_models: 3,
        ..StudyConfig::default()
    };
    let (board, mut models) = study(config)
        .run_keeping(&representations, &target, &mut |_| (), &StopToken::new())
        .unwrap();
    assert_eq!(models.len(), 3);
    let best = models.take(board.best().unwrap().key).unwrap();
    assert_eq!(best.len(), 5);
    assert_eq!(best[0].outputs(), target.names());
    assert!(models.take(board.entries[10].key).is_none());
}

#[test]
fn a_winner_is_fitted_again_on_all_rows() {
    let (representations, target) = data();
    let study = study(StudyConfig::default());
    let board = run(&study);
    let best = board.best().unwrap();
    let table = &representations[1].table;
    let model = study
        .refit(best, table, &target, &StopToken::new())
        .unwrap();
    assert_eq!(model.outputs(), target.names());
    assert_eq!(model.predict_proba(table.values()).unwrap().dim(), (108, 3));
}

#[test]
fn what_cannot_be_studied_is_named() {
    let config = StudyConfig::default;
    let make = |families, config| Study::new(families, metrics(), config).err();
    assert_eq!(make(vec![], config()), Some(StudyError::NoFamily));
    let twice = || {
        vec![
            Toy::boxed("twin", Manner::Centroid),
            Toy::boxed("twin", Manner::Noise),
        ]
    };
    let error = make(twice(), config()).unwrap();
    assert_eq!(error.to_string(), "two families are named \"twin\"");
    let unknown = StudyConfig {
        rank_by: "recall".into(),
        ..config()
    };
    let error = make(families(), unknown).unwrap();
    assert!(error.to_string().contains("recall-macro"), "{error}");

    let (mut representations, target) = data();
    let attempt = |representations: &[Representation], target: &Target, config| {
        study(config)
            .run(representations, target, &mut |_| (), &StopToken::new())
            .unwrap_err()
    };
    assert!(
        attempt(&[], &target, config())
            .message()
            .contains("representation")
    );
    let one_class = Target::Classes(Classes::from_names(&["SAXS"; 108]));
    let error = attempt(&representations, &one_class, config());
    assert_eq!(error.kind(), ErrorKind::DegenerateData);
    assert!(error.message().contains("SAXS alone"), "{error}");
    let many = StudyConfig {
        folds: 13,
        ..config()
    };
    let error = attempt(&representations, &target, many.clone());
    assert!(error.message().contains("found 12"), "{error}");
    let fewer = StudyConfig {
        reduce_folds: true,
        ..many
    };
    assert_eq!(run(&study(fewer)).folds, 12);

    let rows: Vec<usize> = (0..108).rev().collect();
    representations[1].table = representations[1].table.select(&rows);
    let error = attempt(&representations, &target, config());
    assert_eq!(
        error.message(),
        "representation strong: row 0 has the id \"frame 107\", but \"frame 0\" in weak"
    );
}
