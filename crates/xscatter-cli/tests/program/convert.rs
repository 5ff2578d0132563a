//! `xscatter convert`: what arrives in the outputs, and when none is written.

use super::*;
use xscatter::FrameSource as _;
use xscatter::io;

fn convert(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = xscatter(folder, &[&["convert"], arguments].concat());
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// An npy file of two rows of these 32-bit unsigned counts.
fn write_npy(path: &Path, counts: &[u32]) {
    let header = format!(
        "{{'descr': '<u4', 'fortran_order': False, 'shape': (2, {}), }}",
        counts.len()
    );
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend(118_u16.to_le_bytes());
    bytes.extend(format!("{header:<117}\n").bytes());
    for _ in 0..2 {
        bytes.extend(counts.iter().flat_map(|count| count.to_le_bytes()));
    }
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn every_format_keeps_counts_mask_and_geometry() {
    let folder = tempfile::tempdir().unwrap();
    let original = io::open(write_frame(folder.path(), "a.cbf"))
        .unwrap()
        .read(0)
        .unwrap();
    for (name, dtype) in [
        ("b.edf", "int32"),
        ("b.cbf", "int32"),
        ("b.tif", "int32"),
        ("b.npy", "int32"),
        ("b.h5", "int32"),
    ] {
        let (code, stdout, stderr) = convert(folder.path(), &["a.cbf", "-o", name]);
        assert_eq!((code, stdout.trim()), (Some(0), "1 written"), "{stderr}");
        let file = io::open(folder.path().join(name)).unwrap();
        assert_eq!(file.dtype().to_string(), dtype, "{name}");
        let frame = file.read(0).unwrap();
        for ((row, column), &count) in original.counts().indexed_iter() {
            let valid = original.is_valid(row, column);
            assert_eq!(
                frame.is_valid(row, column),
                valid,
                "{name} ({row}, {column})"
            );
            assert!(!valid || frame.counts()[(row, column)] == count, "{name}");
        }
        if name != "b.npy" {
            let (found, stated) = (
                frame.info.geometry.unwrap(),
                original.info.geometry.as_ref(),
            );
            assert!(
                (found.poni1_m - stated.unwrap().poni1_m).abs() < 1e-12,
                "{name}"
            );
        }
    }
}

#[test]
fn frames_are_numbered_kept_together_or_stacked() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_series(at, "s.edf", 3);
    write_series(at, "t.edf", 2);
    let done = |arguments: &[&str]| {
        let (code, _, stderr) = convert(at, arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {stderr}");
    };
    done(&["s.edf", "-o", "out/", "--to", "cbf"]);
    done(&["s.edf", "-o", "one.tif"]);
    done(&["s.edf", "-o", "all.h5", "--compression", "bitshuffle-lz4"]);
    done(&["s.edf", "-o", "two.npy", "--frames", "1:"]);
    done(&[
        "s.edf", "t.edf", "-o", "stack.h5", "--stack", "--dtype", "u16",
    ]);
    let expected = [
        "all.h5",
        "one_00000.tif",
        "one_00001.tif",
        "one_00002.tif",
        "out/s_00000.cbf",
        "out/s_00001.cbf",
        "out/s_00002.cbf",
        "s.edf",
        "stack.h5",
        "t.edf",
        "two.npy",
    ];
    assert_eq!(names(at), expected);
    for (name, counts) in [
        ("out/s_00002.cbf", &[2.0_f32][..]),
        ("all.h5", &[0.0, 1.0, 2.0]),
        ("two.npy", &[1.0, 2.0]),
        ("stack.h5", &[0.0, 1.0, 2.0, 0.0, 1.0]),
    ] {
        let file = io::open(at.join(name)).unwrap();
        let found: Vec<f32> = file
            .frames()
            .map(|frame| frame.unwrap().valid_counts().next().unwrap())
            .collect();
        assert_eq!(found, counts, "{name}");
    }
    assert_eq!(
        io::open(at.join("stack.h5")).unwrap().dtype().to_string(),
        "uint16"
    );
}

#[test]
fn a_second_run_goes_on_where_the_first_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    std::fs::create_dir_all(at.join("scan/deep")).unwrap();
    write_frame(at, "scan/a.cbf");
    write_frame(at, "scan/deep/a.cbf");
    let run = |extra: &[&str]| {
        convert(
            at,
            &[&["scan", "-o", "scan/done", "--to", "nexus"], extra].concat(),
        )
    };
    let (code, stdout, stderr) = run(&[]);
    assert_eq!((code, stdout.trim()), (Some(0), "2 written"), "{stderr}");
    // Outputs inside the folder of inputs are no inputs.
    std::fs::remove_file(at.join("scan/done/a.h5")).unwrap();
    let (code, stdout, _) = run(&["--json"]);
    let lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let statuses: Vec<&str> = lines
        .iter()
        .map(|line| line["status"].as_str().unwrap())
        .collect();
    assert_eq!((code, statuses), (Some(0), vec!["written", "skipped"]));
    assert_eq!(lines[0]["dtype"].as_str(), Some("int32"));
    let (_, stdout, _) = run(&["--overwrite"]);
    assert_eq!(stdout.trim(), "2 written");
    let expected = [
        "scan/a.cbf",
        "scan/deep/a.cbf",
        "scan/done/a.h5",
        "scan/done/deep/a.h5",
    ];
    assert_eq!(names(at), expected);
    let (code, _, stderr) = convert(at, &["scan", "-o", "scan", "--to", "edf"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("no input"), "{stderr}");
}

#[test]
fn a_bad_input_is_reported_and_the_others_are_converted() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_frame(at, "a.cbf");
    let cut = write_frame(at, "b.cbf");
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() - 4500]).unwrap();
    write_frame(at, "c.cbf");
    let inputs = ["a.cbf", "b.cbf", "c.cbf"];
    let (code, stdout, stderr) =
        convert(at, &[&inputs[..], &["-o", "out", "--to", "edf"]].concat());
    assert_eq!(code, Some(1));
    assert!(stdout.starts_with("2 written"), "{stdout}");
    assert!(
        stderr.contains("b.cbf") && stderr.contains("expected"),
        "{stderr}"
    );
    let expected = ["a.cbf", "b.cbf", "c.cbf", "out/a.edf", "out/c.edf"];
    assert_eq!(names(at), expected);
    // A stack without one of its inputs would be another stack.
    let (code, _, stderr) = convert(at, &[&inputs[..], &["-o", "s.h5", "--stack"]].concat());
    assert_eq!(code, Some(1));
    assert!(stderr.contains("b.cbf"), "{stderr}");
    assert!(!at.join("s.h5").exists());
}

#[test]
fn counts_never_change_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_npy(&at.join("a.npy"), &[5, 16_777_216, 16_777_217]);
    let (code, _, stderr) = convert(at, &["a.npy", "-o", "a.h5"]);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("16777217") && stderr.contains("--allow-rounding"),
        "{stderr}"
    );
    assert!(!at.join("a.h5").exists());
    let (code, _, stderr) = convert(at, &["a.npy", "-o", "a.h5", "--allow-rounding"]);
    assert_eq!(code, Some(0));
    assert!(stderr.contains("rounded"), "{stderr}");
    assert_eq!(
        io::open(at.join("a.h5")).unwrap().dtype().to_string(),
        "uint32"
    );

    write_npy(&at.join("b.npy"), &[5, 70_000]);
    let (code, _, stderr) = convert(at, &["b.npy", "-o", "b.h5", "--dtype", "u16"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("70000"), "{stderr}");
    assert_eq!(convert(at, &["b.npy", "-o", "b.h5"]).0, Some(0));

    assert_eq!(
        convert(at, &["b.npy", "-o", "f.edf", "--dtype", "f32"]).0,
        Some(0)
    );
    assert_eq!(
        convert(at, &["f.edf", "-o", "f.cbf"]).0,
        Some(0),
        "whole floats fit a CBF"
    );
    assert_eq!(
        names(at),
        ["a.h5", "a.npy", "b.h5", "b.npy", "f.cbf", "f.edf"]
    );
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_frame(at, "a.cbf");
    write_frame(at, "b.cbf");
    for (arguments, expected) in [
        (&["a.cbf", "-o", "folder"][..], "--to"),
        (&["a.cbf", "b.cbf", "-o", "one.edf"], "--stack"),
        (&["a.cbf", "b.cbf", "-o", "one.tif", "--stack"], "stack"),
        (&["a.cbf", "-o", "a.edf", "--compression", "gzip"], "NeXus"),
        (&["a.cbf", "-o", "a.cbf", "--overwrite"], "same file"),
        (&["a.cbf", "-o", "x.edf", "--frames", "7"], "in the range"),
    ] {
        let (code, _, stderr) = convert(at, arguments);
        assert_eq!(code, Some(1), "{arguments:?}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
    assert_eq!(
        convert(at, &["a.cbf", "-o", "a.edf", "--to", "png"]).0,
        Some(2)
    );
    assert_eq!(names(at), ["a.cbf", "b.cbf"]);
}
