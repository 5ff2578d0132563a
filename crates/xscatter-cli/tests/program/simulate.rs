//! `xscatter simulate`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{names, text, write_frame, xscatter};

/// A configuration of small frames, as a user would edit it.
fn write_config(folder: &Path, frames: usize) {
    let config = serde_json::json!({
        "seed": 3,
        "frames": frames,
        "frames_per_experiment": 5,
        "scene": { "kind": "techniques", "techniques": ["SAXS"] },
        "detectors": [{ "side_px": 40, "gaps_like": "Pilatus 300k" }],
    });
    fs::write(folder.join("small.json"), config.to_string()).unwrap();
}

fn simulate(folder: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = xscatter(folder, &[&["simulate"], arguments].concat());
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    names(folder)
        .into_iter()
        .map(|name| (name.clone(), fs::read(folder.join(name)).unwrap()))
        .collect()
}

#[test]
fn presets_are_listed_with_a_line_each() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, _) = simulate(folder.path(), &["--list"]);
    assert_eq!(code, Some(0));
    for name in ["four-techniques", "bnl-tags-17", "archive"] {
        assert!(
            stdout.lines().any(|line| line.starts_with(name)),
            "{stdout}"
        );
    }
    let (_, stdout, _) = simulate(folder.path(), &["--list", "--json"]);
    for line in stdout.lines() {
        let object: Value = serde_json::from_str(line).unwrap();
        assert!(object["preset"].is_string() && object["description"].is_string());
    }
}

#[test]
fn other_commands_work_on_every_format_that_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_config(at, 6);
    for (format, name) in [
        ("h5", "SAXS-0000_00000.h5"),
        ("cbf", "SAXS-0000/SAXS-0000_00001.cbf"),
        ("edf", "SAXS-0000/SAXS-0000_00001.edf"),
        ("tiff", "SAXS-0000/SAXS-0000_00001.tif"),
    ] {
        let arguments = [
            "--config",
            "small.json",
            "--out",
            format,
            "--format",
            format,
            "--json",
        ];
        let (code, stdout, stderr) = simulate(at, &arguments);
        assert_eq!(code, Some(0), "{stderr}");
        let object: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(
            (&object["frames"], &object["kept_frames"]),
            (&6.into(), &0.into())
        );

        let path = format!("{format}/{name}");
        let output = xscatter(at, &["info", &path, "--json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        for line in text(&output.stdout).lines() {
            let frame: Value = serde_json::from_str(line).unwrap();
            assert_eq!(frame["shape"], serde_json::json!([40, 40]));
            for key in ["exposure_s", "distance_m", "wavelength_m"] {
                assert!(frame[key].as_f64().unwrap() > 0.0, "{format} {key}");
            }
            for key in ["pixel_m", "beam_centre_px", "geometry"] {
                assert!(!frame[key].is_null(), "{format} {key}");
            }
        }
        let output = xscatter(at, &["view", &path, "-o", &format!("{format}.png")]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
}

#[test]
fn a_run_that_was_killed_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_config(at, 300);
    let (code, _, stderr) = simulate(at, &["--config", "small.json", "--out", "whole"]);
    assert_eq!(code, Some(0), "{stderr}");
    let mut child = Command::new(env!("CARGO_BIN_EXE_xscatter"))
        .args(["simulate", "--config", "small.json", "--out", "killed"])
        .current_dir(at)
        .env("RAYON_NUM_THREADS", "2")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let rows = || fs::metadata(at.join("killed/truth.jsonl.part")).map_or(0, |table| table.len());
    while rows() == 0 && start.elapsed() < Duration::from_secs(30) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (code, stdout, stderr) =
        simulate(at, &["--config", "small.json", "--out", "killed", "--json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let object: Value = serde_json::from_str(&stdout).unwrap();
    assert!(object["kept_frames"].as_u64().unwrap() > 0, "{stdout}");
    assert!(contents(&at.join("whole")) == contents(&at.join("killed")));
}

#[test]
fn refusals_name_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    fs::write(at.join("typo.json"), "{\"sed\": 3}").unwrap();
    fs::write(at.join("file"), "").unwrap();
    write_config(at, 4);
    for (arguments, code, words) in [
        (
            &["--config", "typo.json", "--out", "x"][..],
            1,
            &["typo.json", "sed", "seed"][..],
        ),
        (&["--config", "gone.json", "--out", "x"], 1, &["gone.json"]),
        (
            &["--preset", "bnl-tags-17", "--out", "x", "--count", "0"],
            1,
            &["at least one frame"],
        ),
        (
            &["--preset", "bnl", "--out", "x"],
            2,
            &["bnl-tags-17", "four-techniques", "archive"],
        ),
        (&["--preset", "bnl-tags-17"], 2, &["--out", "--gallery"]),
        (&["--out", "x"], 2, &["--preset"]),
        (
            &["--config", "small.json", "--out", "file/x"],
            1,
            &["file/x"],
        ),
        (
            &["--preset", "archive", "--out", "x", "--count", "3"],
            1,
            &["--count", "archive"],
        ),
        (
            &[
                "--preset",
                "bnl-tags-17",
                "--gallery",
                "g.png",
                "--count",
                "9999",
            ],
            1,
            &["--count"],
        ),
        (
            &["--preset", "bnl-tags-17", "--tags", "all", "--out", "x"],
            2,
            &["mission-17"],
        ),
    ] {
        let (found, _, stderr) = simulate(at, arguments);
        assert_eq!(found, Some(code), "{arguments:?}: {stderr}");
        for word in words {
            assert!(stderr.contains(word), "{arguments:?} {word}: {stderr}");
        }
    }
    assert_eq!(names(at), ["file", "small.json", "typo.json"]);
}

#[test]
fn a_contact_sheet_shows_simulated_frames_and_real_ones() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    write_config(at, 8);
    write_frame(at, "real.cbf");
    let alone = ["--config", "small.json", "--gallery", "alone.png", "--json"];
    let (code, stdout, stderr) = simulate(at, &alone);
    assert_eq!(code, Some(0), "{stderr}");
    let object: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(object["frames"], 8);
    let both = [
        "--config",
        "small.json",
        "--gallery",
        "both.png",
        "--beside",
        "real.cbf",
    ];
    assert_eq!(simulate(at, &both).0, Some(0));
    let height = |name: &str| {
        let bytes = fs::read(at.join(name)).unwrap();
        u32::from_be_bytes(bytes[20..24].try_into().unwrap())
    };
    assert!(height("both.png") > height("alone.png") + 256);
    let broken = [
        "--config",
        "small.json",
        "--gallery",
        "b.png",
        "--beside",
        "small.json",
    ];
    let (code, _, stderr) = simulate(at, &broken);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("small.json"), "{stderr}");
    assert!(at.join("b.png").exists());
}
