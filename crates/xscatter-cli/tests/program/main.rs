//! The program as a person and as a script use it.
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod convert;
mod features;
mod info;
mod real;
mod simulate;
mod study;
mod view;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use xscatter::core::ndarray::Array2;
use xscatter::io::write::write;
use xscatter::io::{Format, WriteOptions};
use xscatter::{Frame, FrameInfo, Geometry, Mask, PixelPosition};

fn xscatter(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_xscatter"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// A CBF of 60 × 80 pixels of 7 counts, one masked, with a calibrated pose.
fn write_frame(folder: &Path, name: &str) -> PathBuf {
    let mut bad = Array2::from_elem((60, 80), false);
    bad[(3, 4)] = true;
    let centre = PixelPosition {
        row: 30.5,
        column: 40.5,
    };
    let frame = Frame::new(Array2::from_elem((60, 80), 7.0))
        .with_mask(Mask::from_bad(bad.view()))
        .unwrap()
        .with_info(FrameInfo {
            geometry: Some(Geometry::transmission(1.0, centre, 172e-6, 1e-10).into()),
            ..FrameInfo::default()
        });
    let path = folder.join(name);
    write(&path, Format::Cbf, &[frame], &WriteOptions::default()).unwrap();
    path
}

/// An EDF file of so many frames of 8 × 12 pixels; frame n holds counts of n, one pixel is masked.
fn write_series(folder: &Path, name: &str, frames: usize) -> PathBuf {
    let mut bad = Array2::from_elem((8, 12), false);
    bad[(1, 2)] = true;
    let mask = std::sync::Arc::new(Mask::from_bad(bad.view()));
    let frames: Vec<Frame> = (0..frames)
        .map(|index| {
            let counts = Array2::from_elem((8, 12), index as f32);
            let info = FrameInfo {
                exposure_s: Some(0.5),
                ..FrameInfo::default()
            };
            Frame::new(counts)
                .with_mask(mask.clone())
                .unwrap()
                .with_info(info)
        })
        .collect();
    let path = folder.join(name);
    write(&path, Format::Edf, &frames, &WriteOptions::default()).unwrap();
    path
}

/// The names of all files below a folder, hidden ones included, sorted.
fn names(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(folder).unwrap();
                found.push(below.to_string_lossy().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn info_gives_one_exact_json_object_a_frame() {
    let folder = tempfile::tempdir().unwrap();
    write_frame(folder.path(), "a.cbf");
    write_frame(folder.path(), "b.cbf");
    let output = xscatter(folder.path(), &["info", ".", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    let lines: Vec<Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    let frame = &lines[0];
    for (key, expected) in [
        ("/frame", serde_json::json!(0)),
        ("/frames", serde_json::json!(1)),
        ("/format", serde_json::json!("CBF")),
        ("/shape", serde_json::json!([60, 80])),
        ("/dtype", serde_json::json!("int32")),
        ("/invalid", serde_json::json!(1)),
        ("/valid/min", serde_json::json!("7")),
        ("/valid/max", serde_json::json!("7")),
        (
            "/valid/sum",
            serde_json::json!((7 * (60 * 80 - 1)).to_string()),
        ),
        ("/raw/min", serde_json::json!("-2")),
        (
            "/raw/sum",
            serde_json::json!((7 * (60 * 80 - 1) - 2).to_string()),
        ),
    ] {
        assert_eq!(frame.pointer(key), Some(&expected), "{key}");
    }
    assert!(
        (frame
            .pointer("/geometry/distance_m")
            .unwrap()
            .as_f64()
            .unwrap()
            - 1.0)
            .abs()
            < 1e-9
    );
    assert!(
        frame
            .pointer("/path")
            .unwrap()
            .as_str()
            .unwrap()
            .ends_with("a.cbf")
    );
    assert!(frame.pointer("/header").unwrap().is_object());
}

#[test]
fn a_bad_file_is_reported_and_the_others_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    write_frame(folder.path(), "a.cbf");
    let cut = write_frame(folder.path(), "b.cbf");
    let bytes = std::fs::read(&cut).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() - 4500]).unwrap();
    write_frame(folder.path(), "c.cbf");
    let output = xscatter(folder.path(), &["info", "."]);
    assert_eq!(output.status.code(), Some(1));
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(
        stdout.contains("a.cbf") && stdout.contains("c.cbf"),
        "{stdout}"
    );
    assert!(
        stderr.contains("b.cbf") && stderr.contains("expected"),
        "{stderr}"
    );
}

#[test]
fn integrate_writes_a_flat_profile_of_a_flat_frame() {
    let folder = tempfile::tempdir().unwrap();
    write_frame(folder.path(), "a.cbf");
    let arguments = [
        "integrate",
        "a.cbf",
        "--bins",
        "20",
        "--no-solid-angle",
        "--json",
    ];
    let output = xscatter(folder.path(), &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let profile: Value = serde_json::from_str(text(&output.stdout).trim()).unwrap();
    let intensity = profile["intensity"].as_array().unwrap();
    assert_eq!(intensity.len(), 20);
    for value in intensity.iter().filter(|value| !value.is_null()) {
        assert!((value.as_f64().unwrap() - 7.0).abs() < 1e-5, "{value}");
    }
    let output = xscatter(folder.path(), &["integrate", "a.cbf", "--out", "profiles"]);
    assert!(output.status.success());
    assert_eq!(
        std::fs::read_dir(folder.path().join("profiles"))
            .unwrap()
            .count(),
        1
    );
}

#[test]
fn a_mask_of_another_shape_is_refused_with_both_shapes() {
    let folder = tempfile::tempdir().unwrap();
    write_frame(folder.path(), "a.cbf");
    let mask = Frame::new(Array2::zeros((80, 60)));
    write(
        folder.path().join("mask.edf"),
        Format::Edf,
        &[mask],
        &WriteOptions::default(),
    )
    .unwrap();
    let output = xscatter(folder.path(), &["integrate", "a.cbf", "--mask", "mask.edf"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("60x80") && stderr.contains("80x60"),
        "{stderr}"
    );
}

#[test]
fn features_are_csv_with_one_row_a_frame() {
    let folder = tempfile::tempdir().unwrap();
    write_frame(folder.path(), "a.cbf");
    write_frame(folder.path(), "b.cbf");
    let output = xscatter(
        folder.path(),
        &["features", ".", "--representation", "histogram"],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    let lines: Vec<&str> = stdout.lines().collect();
    assert_eq!(lines.len(), 3);
    let columns = lines[0].split(',').count();
    assert!(columns > 5 && lines.iter().all(|line| line.split(',').count() == columns));
}

#[test]
fn an_empty_folder_and_a_missing_file_are_clear_errors() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, expected) in [
        (&["integrate", "."][..], "expected detector files"),
        (&["features", "."], "expected detector files"),
        (&["info", "nowhere.cbf"], "nowhere.cbf"),
        (&["sort", ".", "--model", "nowhere"], "nowhere"),
    ] {
        let output = xscatter(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(text(&output.stdout).is_empty(), "{arguments:?}");
        assert!(
            text(&output.stderr).contains(expected),
            "{}",
            text(&output.stderr)
        );
    }
}
