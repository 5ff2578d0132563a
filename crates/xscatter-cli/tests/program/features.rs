//! `xscatter features`: catalogue, tables, caches.

use std::fs;

use crate::{text, write_frame, xscatter};

#[test]
fn the_catalogue_tells_names_and_columns() {
    let folder = tempfile::tempdir().unwrap();
    let output = xscatter(folder.path(), &["features", "--list"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let stdout = text(&output.stdout);
    for word in ["texture", "glcm", "histogram", "physics", "radial-profile"] {
        assert!(stdout.contains(word), "{stdout}");
    }
    let output = xscatter(folder.path(), &["features", "--list", "--json"]);
    let stdout = text(&output.stdout);
    let rows: Vec<serde_json::Value> = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let glcm = rows.iter().find(|row| row["name"] == "glcm").unwrap();
    assert_eq!(glcm["group"], "texture");
    assert_eq!(glcm["config"]["glcm"]["levels"], 32);
    assert!(glcm["columns"].as_u64().unwrap() > 0);
}

#[test]
fn a_set_becomes_a_table_and_what_is_missing_is_empty_and_said() {
    let folder = tempfile::tempdir().unwrap();
    write_frame(folder.path(), "a.cbf");
    write_frame(folder.path(), "b.cbf");
    let set = ["features", "a.cbf", "b.cbf", "--set", "histogram,hog"];
    let output = xscatter(folder.path(), &[&set[..], &["-o", "out/t.csv"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).is_empty());
    let table = fs::read_to_string(folder.path().join("out/t.csv")).unwrap();
    let lines: Vec<Vec<&str>> = table
        .lines()
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0][..2], ["id", "group"]);
    let of = |name: &str| {
        lines[0]
            .iter()
            .position(|column| column.starts_with(name))
            .unwrap()
    };
    assert!(!lines[1][of("histogram.")].is_empty());
    // The frames are smaller than the grid of this one.
    assert!(lines[1][of("hog.")].is_empty());
    assert!(text(&output.stderr).contains("hog: missing for 2 of 2 frames"));

    let printed = xscatter(folder.path(), &set);
    assert_eq!(text(&printed.stdout), table);

    let output = xscatter(folder.path(), &[&set[..], &["-o", "t.parquet"]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(
        fs::read(folder.path().join("t.parquet")).unwrap()[..4],
        *b"PAR1"
    );

    let output = xscatter(folder.path(), &[&set[..], &["-o", "t.xls"]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains(".csv or .parquet"));
}

#[test]
fn settings_come_from_json_and_rows_from_a_cache() {
    let folder = tempfile::tempdir().unwrap();
    write_frame(folder.path(), "a.cbf");
    fs::write(
        folder.path().join("set.json"),
        r#"[{"glcm": {"distances_px": [3], "properties": ["contrast"]}}]"#,
    )
    .unwrap();
    let arguments = [
        "features", "a.cbf", "--config", "set.json", "--cache", "kept",
    ];
    let first = xscatter(folder.path(), &arguments);
    assert!(first.status.success(), "{}", text(&first.stderr));
    assert!(
        text(&first.stdout).starts_with("id,group,glcm.contrast.d3.mean,glcm.contrast.d3.range\n")
    );
    assert_eq!(fs::read_dir(folder.path().join("kept")).unwrap().count(), 1);
    let second = xscatter(folder.path(), &arguments);
    assert_eq!(text(&first.stdout), text(&second.stdout));

    fs::write(
        folder.path().join("set.json"),
        r#"[{"glcm": {"level": 3}}]"#,
    )
    .unwrap();
    let output = xscatter(folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("set.json") && stderr.contains("level"),
        "{stderr}"
    );
}

#[test]
fn names_that_do_not_exist_are_answered_with_those_that_do() {
    let folder = tempfile::tempdir().unwrap();
    write_frame(folder.path(), "a.cbf");
    let output = xscatter(folder.path(), &["features", "a.cbf", "--set", "glmc"]);
    assert_eq!(output.status.code(), Some(1));
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("glcm") && stderr.contains("\"glmc\""),
        "{stderr}"
    );
    let output = xscatter(
        folder.path(),
        &["features", "a.cbf", "--representation", "lenet"],
    );
    assert!(text(&output.stderr).contains("--representation"));
}
