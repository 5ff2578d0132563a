//! Broken files: an error that says what is wrong, never a panic, never a large allocation.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use ndarray::Array2;
use proptest::prelude::*;
use xscatter_core::{ErrorKind, Frame, FrameSource, Mask};
use xscatter_io::write::write;
use xscatter_io::{
    Compression, Format, Limits, ReadConfig, WriteOptions, open, open_series, open_with,
};
use xscatter_testkit::check_source;

fn frame(seed: usize) -> Frame {
    let counts = Array2::from_shape_fn((19, 23), |(row, column)| {
        ((row * 31 + column * 7 + seed * 13) % 211) as f32
    });
    let bad = Array2::from_shape_fn((19, 23), |(row, column)| row == 4 && column < 5);
    Frame::new(counts)
        .with_mask(Mask::from_bad(bad.view()))
        .unwrap()
}

/// One small file of every kind that this crate writes.
fn samples(folder: &Path) -> Vec<(Format, PathBuf)> {
    let mut samples = Vec::new();
    for format in Format::ALL.into_iter().filter(|format| format.can_write()) {
        let compressions: &[Compression] = match format {
            Format::Nexus => &[
                Compression::None,
                Compression::Gzip,
                Compression::BitshuffleLz4,
            ],
            _ => &[Compression::None],
        };
        for &compression in compressions {
            let options = WriteOptions {
                compression,
                ..Default::default()
            };
            let frames = match format {
                Format::Cbf | Format::Tiff => vec![frame(0)],
                _ => vec![frame(0), frame(1)],
            };
            let path = folder.join(format!("{compression:?}.{}", format.extension()));
            write(&path, format, &frames, &options).unwrap();
            samples.push((format, path));
        }
    }
    samples
}

/// Small limits, so that a flipped size bit cannot ask for gigabytes that the limits would allow.
fn tight() -> ReadConfig {
    ReadConfig {
        limits: Limits {
            max_pixels: 1 << 16,
            max_frames: 1 << 12,
            max_header_bytes: 1 << 16,
        },
        ..Default::default()
    }
}

/// Opens and reads whatever can be read.
fn read_all(path: &Path) {
    if let Ok(file) = open_with(path, &tight()) {
        for index in 0..file.len().min(4) {
            if let Ok(frame) = file.read(index) {
                assert!(frame.as_slice().iter().all(|count| count.is_finite()));
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn truncated_files_do_not_panic(cut in 0.0_f64..1.0) {
        let folder = tempfile::tempdir().unwrap();
        for (_, path) in samples(folder.path()) {
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..(bytes.len() as f64 * cut) as usize]).unwrap();
            read_all(&path);
        }
    }

    #[test]
    fn flipped_bytes_do_not_panic(
        flips in prop::collection::vec((0.0_f64..1.0, any::<u8>()), 1..12),
        in_header: bool,
    ) {
        let folder = tempfile::tempdir().unwrap();
        for (_, path) in samples(folder.path()) {
            let mut bytes = std::fs::read(&path).unwrap();
            let reach = if in_header { bytes.len().min(2048) } else { bytes.len() };
            for (place, value) in &flips {
                bytes[(reach as f64 * place) as usize] = *value;
            }
            std::fs::write(&path, &bytes).unwrap();
            read_all(&path);
        }
    }
}

fn opens_or_reads(path: &Path) -> xscatter_core::Result<Frame> {
    open(path)?.read(0)
}

#[test]
fn a_truncated_file_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    for (format, path) in samples(folder.path()) {
        let bytes = std::fs::read(&path).unwrap();
        // Cut so that the first frame is hit.
        let keep = match format {
            Format::Nexus => bytes.len() / 4,
            // Behind the pixels of a CBF stand 4095 bytes of padding.
            Format::Cbf => bytes.len() - 4300,
            _ => bytes.len() * 4 / 10,
        };
        std::fs::write(&path, &bytes[..keep]).unwrap();
        let error = opens_or_reads(&path).expect_err("a truncated file");
        assert_eq!(error.file(), Some(path.as_path()), "{format}: {error}");
        if format != Format::Nexus {
            assert_eq!(error.kind(), ErrorKind::Truncated, "{format}: {error}");
        }
    }
}

#[test]
fn a_header_that_claims_more_than_the_file_holds_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let claim = |name: &str, format, from: &str, to: &str| {
        let path = folder.path().join(name);
        write(&path, format, &[frame(0)], &WriteOptions::default()).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let at = bytes
            .windows(from.len())
            .position(|window| window == from.as_bytes())
            .expect("the text to replace");
        let mut lie = bytes[..at].to_vec();
        lie.extend(to.as_bytes());
        lie.extend(&bytes[at + from.len()..]);
        std::fs::write(&path, lie).unwrap();
        open(&path).expect_err("a lie").kind()
    };
    assert_eq!(
        claim("a.edf", Format::Edf, "Dim_2 = 19", "Dim_2 = 90000"),
        ErrorKind::Truncated
    );
    assert_eq!(
        claim("b.edf", Format::Edf, "Dim_2 = 19", "Dim_2 = 900000000000"),
        ErrorKind::LimitExceeded
    );
    assert_eq!(
        claim(
            "a.cbf",
            Format::Cbf,
            "Second-Dimension: 19",
            "Second-Dimension: 90000"
        ),
        ErrorKind::Truncated
    );
    assert_eq!(
        claim("a.npy", Format::Npy, "(19, 23)", "(99, 99)"),
        ErrorKind::Truncated
    );
    let mut tiff = std::fs::read({
        let path = folder.path().join("a.tif");
        write(&path, Format::Tiff, &[frame(0)], &WriteOptions::default()).unwrap();
        path
    })
    .unwrap();
    // The height is the value of the second entry of the directory.
    tiff[10 + 12 + 8..][..4].copy_from_slice(&90_000_u32.to_le_bytes());
    let path = folder.path().join("b.tif");
    std::fs::write(&path, tiff).unwrap();
    assert_eq!(open(&path).unwrap_err().kind(), ErrorKind::Truncated);
}

#[test]
fn an_empty_file_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty.cbf");
    std::fs::write(&path, b"").unwrap();
    let error = open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated);
    assert!(
        error.to_string().ends_with("found an empty file"),
        "{error}"
    );
    let error = open(folder.path().join("absent")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    let error = open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}

#[test]
fn an_empty_folder_is_skipped_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let series = open_series(&[folder.path()]);
    assert_eq!(series.len(), 0);
    assert_eq!(series.skipped().len(), 1);
    let error = &series.skipped()[0].error;
    assert!(error.message().contains("empty folder"), "{error}");
}

#[test]
fn a_folder_without_a_detector_file_skips_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("notes.txt"), "a note").unwrap();
    std::fs::write(folder.path().join(".hidden"), "passed over").unwrap();
    let series = open_series(&[folder.path()]);
    assert!(series.is_empty());
    assert_eq!(series.skipped().len(), 1);
    assert_eq!(series.skipped()[0].error.kind(), ErrorKind::Unsupported);
}

#[test]
fn an_unreadable_file_in_the_middle_of_a_series_is_skipped_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let options = WriteOptions::default();
    std::fs::create_dir(folder.path().join("b")).unwrap();
    write(
        folder.path().join("a.edf"),
        Format::Edf,
        &[frame(0), frame(1)],
        &options,
    )
    .unwrap();
    std::fs::write(folder.path().join("b/bad.cbf"), "###CBF: and nothing else").unwrap();
    write(
        folder.path().join("b/c.cbf"),
        Format::Cbf,
        &[frame(2)],
        &options,
    )
    .unwrap();
    write(
        folder.path().join("d.h5"),
        Format::Nexus,
        &[frame(3), frame(4)],
        &options,
    )
    .unwrap();
    let series = open_series(&[folder.path()]);
    assert_eq!(series.len(), 5);
    assert_eq!(series.files().len(), 3);
    assert_eq!(series.skipped().len(), 1);
    assert!(series.skipped()[0].path.ends_with("b/bad.cbf"));
    let places: Vec<_> = (0..5).map(|index| series.locate(index)).collect();
    assert_eq!(places, [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)]);
    for (index, read) in series.frames().enumerate() {
        let (read, written) = (read.unwrap(), frame(index));
        assert!(
            read.valid_counts().eq(written.valid_counts()),
            "frame {index}"
        );
    }
    check_source(&series).unwrap();
}

#[test]
fn a_frame_that_cannot_be_read_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    let frames = [frame(0), frame(1), frame(2)];
    write(&path, Format::Edf, &frames, &WriteOptions::default()).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
    let file = open(&path).unwrap();
    assert_eq!(file.len(), 3);
    assert!(file.read(1).is_ok());
    let error = file.read(2).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated);
    assert_eq!(error.file(), Some(path.as_path()));
    check_source(&file).unwrap();
}

#[test]
fn a_wrong_checksum_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.cbf");
    write(&path, Format::Cbf, &[frame(0)], &WriteOptions::default()).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes
        .windows(4)
        .position(|w| w == [0x0c, 0x1a, 0x04, 0xd5])
        .unwrap()
        + 4;
    bytes[at] = bytes[at].wrapping_add(1);
    std::fs::write(&path, bytes).unwrap();
    let read = open(&path).unwrap().read(0).unwrap();
    assert!(read.info.warnings[0].contains("Content-MD5"));
    assert_eq!(read.counts()[(0, 0)], frame(0).counts()[(0, 0)] + 1.0);

    // Among others, whose checksums are compared side by side, it is the only one with a warning.
    for index in 0..19 {
        let path = folder.path().join(format!("b_{index}.cbf"));
        write(path, Format::Cbf, &[frame(index)], &WriteOptions::default()).unwrap();
    }
    let series = open_series(&[folder.path()]);
    let order: Vec<usize> = (0..series.len()).rev().collect();
    let frames = series.read_many(&order).unwrap();
    assert_eq!(frames.len(), 20);
    for (frame, index) in frames.iter().zip(order) {
        assert_eq!(frame.info.warnings.len(), usize::from(index == 0));
        assert_eq!(frame.counts(), series.read(index).unwrap().counts());
    }
}

#[test]
fn conformance_of_every_format() {
    let folder = tempfile::tempdir().unwrap();
    for (format, path) in samples(folder.path()) {
        check_source(&open(path).unwrap()).unwrap_or_else(|v| panic!("{format}: {v:?}"));
    }
}
