//! Files by h5py and hdf5plugin: which dataset is the image, what belongs to it, where a series ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use xscatter_core::{ErrorKind, Frame, FrameSource, PixelFlags};
use xscatter_io::{ReadConfig, open, open_bytes, open_series, open_with};
use xscatter_testkit::check_source;
use xscatter_testkit::golden::{self, Golden};

mod support;
use support::{Foreign, unpack};

fn case(name: &str) -> (tempfile::TempDir, std::path::PathBuf, Foreign) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/hdf5.json");
    let golden: Golden<Vec<Foreign>> = golden::load(path).unwrap();
    let case = golden.cases.into_iter().find(|case| case.name == name);
    let case = case.unwrap();
    let folder = tempfile::tempdir().unwrap();
    unpack(&case, folder.path());
    let path = folder.path().join(&case.files[0].name);
    (folder, path, case)
}

fn value(frame: usize, row: usize, column: usize) -> f32 {
    ((frame * 1000 + row * 37 + column * 11) % 997) as f32
}

fn assert_frame(frame: &Frame, number: usize) {
    assert_eq!(frame.shape(), (24, 20));
    for ((row, column), &count) in frame.counts().indexed_iter() {
        assert_eq!(count, value(number, row, column), "{row}, {column}");
    }
}

#[test]
fn channels_run_fastest_each_with_its_name_and_mask() {
    let (folder, path, _) = case("channels");
    let file = open(&path).unwrap();
    assert_eq!(file.len(), 12);
    for index in 0..12 {
        let frame = file.read(index).unwrap();
        assert_frame(&frame, index);
        let channel = index % 2 + 1;
        let name = format!("threshold_{channel}");
        assert_eq!(frame.info.header["/entry/data/channel"], name);
        let mask = frame.mask().unwrap();
        assert_eq!(mask.invalid_count(), 20);
        assert_eq!(mask.as_slice()[channel * 20], PixelFlags::GAP);
    }
    check_source(&file).unwrap();
    // The data files belong to the master.
    assert_eq!(open_series(&[folder.path()]).len(), 12);
}

#[test]
fn default_and_signal_lead_to_the_image() {
    for name in ["default", "legacy_signal"] {
        let (_folder, path, case) = case(name);
        let file = open(&path).unwrap();
        assert_eq!(file.len(), 1, "{name}");
        assert_frame(&file.read(0).unwrap(), 0);
        // From memory too.
        let bytes = case.files[0].content();
        let file = open_bytes("in memory", bytes, &ReadConfig::default()).unwrap();
        assert_frame(&file.read(0).unwrap(), 0);
    }
}

#[test]
fn a_dataset_may_be_named() {
    let (_folder, path, _) = case("deep");
    let named = |dataset: &str| {
        let config = ReadConfig {
            dataset: Some(dataset.to_owned()),
            ..Default::default()
        };
        open_with(&path, &config)
    };
    assert_frame(&open(&path).unwrap().read(0).unwrap(), 99);
    let file = named("/scan/maps").unwrap();
    assert_eq!(file.len(), 8);
    for index in 0..8 {
        assert_frame(&file.read(index).unwrap(), index);
    }
    let error = named("scan/curve").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.place(), Some("scan/curve"));
    assert!(named("scan/none").unwrap_err().message().contains("none"));
}

#[test]
fn a_series_ends_where_its_last_file_was_cut() {
    let (folder, path, _) = case("cut");
    let file = open(&path).unwrap();
    assert_eq!(file.len(), 5);
    for index in 0..5 {
        let frame = file.read(index).unwrap();
        assert_frame(&frame, index);
        let warning = &frame.info.warnings[0];
        assert!(warning.contains("3 of 4 frames are there"), "{warning}");
    }
    check_source(&file).unwrap();
    // The data file cut within its header: it ends before.
    let last = folder.path().join("run_data_000002.h5");
    let bytes = std::fs::read(&last).unwrap();
    std::fs::write(&last, &bytes[..150]).unwrap();
    let file = open(&path).unwrap();
    assert_eq!(file.len(), 2);
    let warning = &file.read(0).unwrap().info.warnings[0];
    assert!(
        warning.contains("ends after 1 of 2 data files"),
        "{warning}"
    );
}

#[test]
fn groups_of_other_files_are_entered() {
    let (_folder, path, _) = case("linked_group");
    let file = open(&path).unwrap();
    assert_eq!(file.len(), 3);
    for index in 0..3 {
        let frame = file.read(index).unwrap();
        assert_frame(&frame, index);
        assert_eq!(frame.info.exposure_s, Some(0.5));
    }
}

#[test]
fn tiles_behind_a_user_block_are_joined() {
    let (_folder, path, case) = case("many_chunks");
    let in_memory = open_bytes("a", case.files[0].content(), &ReadConfig::default()).unwrap();
    for file in [open(&path).unwrap(), in_memory] {
        assert_eq!((file.len(), file.dtype().name()), (3, "int32"));
        for index in 0..3 {
            assert_frame(&file.read(index).unwrap(), index);
        }
    }
}

#[test]
fn modules_of_a_lambda_detector_are_joined() {
    let (folder, path, _) = case("modules");
    let file = open(&path).unwrap();
    assert_eq!((file.len(), file.shape()), (2, (24, 20)));
    assert_eq!(file.linked_files().len(), 2);
    for index in 0..2 {
        let frame = file.read(index).unwrap();
        let flags = frame.mask().unwrap().as_slice();
        for ((row, column), &count) in frame.counts().indexed_iter() {
            let gap = (10..14).contains(&row) || row >= 14 && (8..12).contains(&column);
            let flagged = [(0, 0), (14, 0), (14, 12)].contains(&(row, column));
            let expected = if gap {
                PixelFlags::GAP
            } else if flagged {
                PixelFlags::BAD
            } else {
                PixelFlags::VALID
            };
            assert_eq!(flags[row * 20 + column], expected, "{row}, {column}");
            let stored = if gap { 0.0 } else { value(index, row, column) };
            assert_eq!(count, stored, "{row}, {column}");
        }
    }
    check_source(&file).unwrap();
    // A folder of modules is one file; one of the others is its module alone.
    assert_eq!(open_series(&[folder.path()]).len(), 2);
    let second = open(folder.path().join("run_m02.nxs")).unwrap();
    assert_eq!(second.shape(), (10, 8));
    // A module that does not fit is said to be left out.
    std::fs::write(folder.path().join("run_m03.nxs"), b"\x89HDF\r\n\x1a\n").unwrap();
    let file = open(&path).unwrap();
    assert_eq!(file.shape(), (10, 20));
    let warning = &file.read(0).unwrap().info.warnings[0];
    assert!(warning.contains("run_m03.nxs"), "{warning}");
}
