//! What the main job does with folders and files that are not as they should be.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::path::Path;

use xscatter::core::ndarray::Array2;
use xscatter::deep::device;
use xscatter::io::LabelledSeries;
use xscatter::io::labels::{self, Label};
use xscatter::io::write::write;
use xscatter::io::{self, Format, WriteOptions};
use xscatter::progress::{Progress, silent};
use xscatter::representations::{self, Header};
use xscatter::sort::Sorter;
use xscatter::training::{self, TrainingConfig};
use xscatter::{ErrorKind, FeatureTable, Frame, FrameSource, StopToken};

/// A small image with a bright spot, whose place differs from frame to frame.
fn frame(number: usize) -> Frame {
    let counts = Array2::from_shape_fn((60, 80), |(row, column)| {
        let (y, x) = (row as f32 - 30.0, column as f32 - 30.0 - number as f32);
        (500.0 / (1.0 + 0.02 * (x * x + y * y))).floor()
    });
    Frame::new(counts)
}

fn write_series(folder: &Path, count: usize) {
    for number in 0..count {
        let path = folder.join(format!("scan_{number:05}.cbf"));
        write(
            &path,
            Format::Cbf,
            &[frame(number)],
            &WriteOptions::default(),
        )
        .unwrap();
    }
}

fn histogram(frames: &[Frame]) -> xscatter::Result<Vec<FeatureTable>> {
    Ok(vec![
        representations::extractor("histogram", None)?.extract(frames)?,
    ])
}

fn label(number: usize, class: &str) -> Label {
    Label {
        path: format!("scan_{number:05}.cbf"),
        frame: 0,
        class: class.into(),
        group: format!("experiment {number}"),
        detector: "small".into(),
    }
}

#[test]
fn an_empty_folder_and_one_without_detector_files_are_no_archive() {
    let folder = tempfile::tempdir().unwrap();
    let error = LabelledSeries::from_table(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("labels.csv"), "{error}");
    fs::write(folder.path().join("notes.txt"), "nothing to see").unwrap();
    let series = io::open_series(&[folder.path()]);
    assert!(series.is_empty());
}

#[test]
fn an_unreadable_file_in_the_middle_is_reported_and_the_rest_described() {
    let folder = tempfile::tempdir().unwrap();
    write_series(folder.path(), 5);
    // Cut in the middle of the pixels, so that the header still promises all of them.
    let cut = folder.path().join("scan_00002.cbf");
    let bytes = fs::read(&cut).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();

    let series = io::open_series(&[folder.path()]);
    let extracted =
        representations::extract(&series, histogram, &mut silent, &StopToken::new()).unwrap();
    let failed = series.skipped().len() + extracted.skipped.len();
    assert_eq!((extracted.tables[0].n_rows(), failed), (4, 1));
    let error = series
        .skipped()
        .iter()
        .map(|skipped| &skipped.error)
        .chain(extracted.skipped.iter().map(|(_, error)| error))
        .next()
        .unwrap();
    assert!(error.to_string().contains("scan_00002.cbf"), "{error}");
}

#[test]
fn a_frame_that_cannot_be_described_does_not_take_its_batch_along() {
    let mut frames: Vec<Frame> = (0..4).map(frame).collect();
    let all_bad = Array2::from_elem((60, 80), true);
    frames[1] = frames[1]
        .clone()
        .with_mask(xscatter::Mask::from_bad(all_bad.view()))
        .unwrap();
    let describe = |frames: &[Frame]| {
        let parts = ["histogram", "glcm", "layout"];
        representations::describe(frames, Header::Forgotten, &parts, None)
    };
    let extracted =
        representations::extract(&frames, describe, &mut silent, &StopToken::new()).unwrap();
    assert_eq!(extracted.kept, [0, 2, 3]);
    assert_eq!(extracted.skipped[0].0, 1);
    assert_eq!(extracted.skipped[0].1.kind(), ErrorKind::DegenerateData);
}

#[test]
fn labels_of_one_class_only_are_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    write_series(folder.path(), 4);
    let rows: Vec<Label> = (0..4).map(|number| label(number, "SAXS")).collect();
    labels::write(folder.path().join("labels.csv"), &rows).unwrap();
    let scan = || LabelledSeries::from_table(folder.path()).unwrap();
    let error = training::train(
        &TrainingConfig::default(),
        &scan(),
        &scan(),
        &scan(),
        &device::cpu(),
        &mut silent,
        &StopToken::new(),
    )
    .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DegenerateData);
    assert!(error.to_string().contains("class"), "{error}");
}

#[test]
fn labels_without_their_frames_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    write_series(folder.path(), 2);
    let rows: Vec<Label> = (0..3).map(|number| label(number, "SAXS")).collect();
    labels::write(folder.path().join("labels.csv"), &rows).unwrap();
    let scan = LabelledSeries::from_table(folder.path()).unwrap();
    assert_eq!(
        (scan.len(), scan.missing(), scan.skipped().len()),
        (2, 1, 1)
    );
}

#[test]
fn a_stopped_job_says_so() {
    let frames: Vec<Frame> = (0..4).map(frame).collect();
    let stop = StopToken::new();
    stop.stop();
    let mut steps = 0;
    let mut count = |_: Progress| steps += 1;
    let error = representations::extract(&frames, histogram, &mut count, &stop).unwrap_err();
    assert_eq!((error.kind(), steps), (ErrorKind::Stopped, 0));
}

#[test]
fn a_damaged_model_is_an_error_that_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Sorter::load(folder.path(), &device::cpu()).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io);
    let path = folder.path().join("sorter.json");
    for text in [
        "",
        "{}",
        "{\"format\":\"xscatter-sorter\",\"version\":99}",
        "[1, 2",
    ] {
        fs::write(&path, text).unwrap();
        let error = Sorter::load(folder.path(), &device::cpu()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{text:?}");
        assert!(error.to_string().contains("sorter.json"), "{error}");
    }
}
