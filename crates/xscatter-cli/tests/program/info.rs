//! `xscatter info` beyond one object a frame.

use super::*;

#[test]
fn a_file_of_many_frames_is_one_row_and_with_frames_a_row_each() {
    let folder = tempfile::tempdir().unwrap();
    write_series(folder.path(), "series.edf", 5);
    write_frame(folder.path(), "a.cbf");
    let rows = |arguments: &[&str]| {
        let output = xscatter(folder.path(), arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let files = rows(&["info", "."]);
    let lines: Vec<&str> = files.lines().collect();
    assert_eq!(lines.len(), 3, "{files}");
    for word in [
        "CBF",
        "60x80",
        "int32",
        "1 m",
        "12.398 keV",
        "172 µm",
        "30.5, 40.5",
    ] {
        assert!(lines[1].contains(word), "{word}: {}", lines[1]);
    }
    assert!(
        lines[2].starts_with("5 ") && lines[2].contains("0.5 s"),
        "{files}"
    );
    let frames = rows(&["info", "series.edf", "--frames"]);
    assert_eq!(frames.lines().count(), 6, "{frames}");
    // Frame 4: 95 valid pixels of 4 counts.
    let last = frames.lines().last().unwrap();
    assert!(last.starts_with("4/5 ") && last.contains("380"), "{last}");
    let header = rows(&["info", "series.edf", "--header"]);
    assert!(header.contains("DataType: SignedInteger"), "{header}");
}

#[test]
fn objects_state_exposure_beam_centre_and_warnings() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_frame(folder.path(), "a.cbf");
    // A wrong checksum is a warning, not an error.
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes
        .windows(13)
        .position(|w| w == b"Content-MD5: ")
        .unwrap()
        + 13;
    bytes[at..at + 4].copy_from_slice(b"AAAA");
    std::fs::write(&path, bytes).unwrap();
    let output = xscatter(folder.path(), &["info", "a.cbf", "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let frame: Value = serde_json::from_str(text(&output.stdout).trim()).unwrap();
    assert_eq!(frame["warnings"].as_array().unwrap().len(), 1, "{frame}");
    assert!(frame["exposure_s"].is_null());
    let centre = frame["beam_centre_px"]["row"].as_f64().unwrap();
    assert!((centre - 30.5).abs() < 1e-9);
    assert!((frame["wavelength_m"].as_f64().unwrap() - 1e-10).abs() < 1e-16);
    write_series(folder.path(), "b.edf", 2);
    let output = xscatter(folder.path(), &["info", "b.edf", "--json"]);
    let stdout = text(&output.stdout);
    let frame: Value = serde_json::from_str(stdout.lines().last().unwrap()).unwrap();
    assert_eq!(frame["exposure_s"].as_f64(), Some(0.5));
    assert_eq!(frame["frame"].as_u64(), Some(1));
}
