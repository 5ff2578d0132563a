//! The contract of `info`, `convert` and `view` on real files: each works or is named in an error.

use super::*;
use std::collections::BTreeSet;

/// All files of the folder with real data, and the frames and pictures that come of them.
#[test]
fn every_real_file_is_shown_converted_and_drawn_or_named() {
    let Some(data) = xscatter_testkit::data::folder(env!("CARGO_MANIFEST_DIR")) else {
        return;
    };
    let data = std::fs::canonicalize(data).unwrap();
    let files: Vec<String> = names(&data)
        .iter()
        .map(|name| data.join(name).to_string_lossy().into_owned())
        .collect();
    let paths: Vec<&str> = files.iter().map(String::as_str).collect();
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();

    let info = xscatter(at, &[&["info", "--json"], &paths[..]].concat());
    // Frames, and behind them the curves and masks of files without one.
    let (frames, others): (Vec<Value>, Vec<Value>) = text(&info.stdout)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .partition(|item| item.get("frame").is_some());
    let other: BTreeSet<&str> = others
        .iter()
        .map(|item| item["path"].as_str().unwrap())
        .collect();
    assert!(other.len() >= 40, "{} curves and masks", other.len());
    let readable: BTreeSet<&str> = frames
        .iter()
        .map(|frame| frame["path"].as_str().unwrap())
        .collect();
    assert!(readable.len() >= 25, "{} images", readable.len());
    let stderr = text(&info.stderr);
    for path in &paths {
        let named = stderr.contains(&format!("error: {path}: "));
        let shown = readable.contains(path) || other.contains(path);
        assert!(named != shown, "{path}: {stderr}");
    }
    assert_eq!(info.status.code(), Some(1), "there are other files too");

    let arguments = [
        "convert",
        "--json",
        "--to",
        "nexus",
        "-o",
        "out",
        "--allow-rounding",
    ];
    let convert = xscatter(at, &[&arguments, &paths[..]].concat());
    let outputs: Vec<Value> = text(&convert.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(outputs.len(), readable.len());
    for output in &outputs {
        let status = (output["status"].as_str(), output["error"].as_str());
        assert_eq!(status, (Some("written"), None), "{output}");
    }
    assert_eq!(names(&at.join("out")).len(), readable.len());

    // Sums of the valid counts survive; those of float64 files within their rounding.
    let again = xscatter(at, &["info", "--json", "out"]);
    assert!(again.status.success(), "{}", text(&again.stderr));
    let sum = |frame: &Value| -> f64 { frame["valid"]["sum"].as_str().unwrap().parse().unwrap() };
    for line in text(&again.stdout).lines() {
        let converted: Value = serde_json::from_str(line).unwrap();
        let target = converted["path"].as_str().unwrap();
        let output = outputs
            .iter()
            .find(|output| output["output"].as_str() == Some(target));
        let source = &output.unwrap()["inputs"][0]["path"];
        let original = frames
            .iter()
            .find(|frame| frame["path"] == *source)
            .unwrap();
        let (found, expected) = (sum(&converted), sum(original));
        let tolerance = match original["dtype"].as_str() {
            Some("float32" | "float64") => 1e-5 * expected.abs(),
            _ => 0.0,
        };
        assert!(
            (found - expected).abs() <= tolerance,
            "{target}: {found}, {expected}"
        );
        assert_eq!(converted["invalid"], original["invalid"], "{target}");
    }

    let view = xscatter(
        at,
        &[
            &["view", "-o", "pictures/", "--max-size", "200"],
            &paths[..],
        ]
        .concat(),
    );
    let pictures = names(&at.join("pictures"));
    assert_eq!(text(&view.stdout).lines().count(), pictures.len());
    // Files of curves are drawn too; what is neither is named.
    let stderr = text(&view.stderr);
    let refused = paths
        .iter()
        .filter(|path| stderr.contains(&format!("error: {path}: ")))
        .count();
    let drawn = paths.len() - refused;
    assert!(
        drawn > readable.len() && pictures.len() >= drawn,
        "{stderr}"
    );
    for path in &readable {
        assert!(!stderr.contains(&format!("error: {path}: ")), "{stderr}");
    }
    for picture in pictures {
        let bytes = std::fs::read(at.join("pictures").join(&picture)).unwrap();
        assert!(
            bytes.starts_with(b"\x89PNG") && bytes.len() > 1000,
            "{picture}"
        );
    }
}
