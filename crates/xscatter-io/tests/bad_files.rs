//! Files that cannot be read, each with the error that it must give.
//!
//! `tools/golden/io_bad_files.py` makes the files; `XSCATTER_BLESS=1 cargo test -p xscatter-io --test bad_files`
//! writes down the errors, to be read before they are committed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};

use xscatter_core::{Error, FrameSource, Result};
use xscatter_io::{curve, open};

const COLUMNS: [&str; 4] = ["file", "kind", "place", "message"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad")
}

/// Opens a file and reads all of it.
fn read(path: &Path) -> Result<()> {
    if path.to_string_lossy().contains("curve") {
        return curve::open(path).map(drop);
    }
    let file = open(path)?;
    for index in 0..file.len() {
        file.read(index)?;
    }
    Ok(())
}

fn row(name: &str, error: &Error) -> [String; 4] {
    [
        name.to_owned(),
        format!("{:?}", error.kind()),
        error.place().unwrap_or("").to_owned(),
        error.message().to_owned(),
    ]
}

#[test]
fn every_bad_file_gives_its_error() {
    let mut names: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "expected.csv")
        .collect();
    names.sort();
    assert!(names.len() > 60, "{}", names.len());
    let found: Vec<_> = names
        .iter()
        .map(|name| {
            let path = folder().join(name);
            let error = read(&path).expect_err(name);
            assert_eq!(error.file(), Some(path.as_path()), "{name}: {error}");
            row(name, &error)
        })
        .collect();
    let table = folder().join("expected.csv");
    if std::env::var_os("XSCATTER_BLESS").is_some() {
        let mut writer = csv::Writer::from_path(&table).unwrap();
        writer.write_record(COLUMNS).unwrap();
        for row in &found {
            writer.write_record(row).unwrap();
        }
        return writer.flush().unwrap();
    }
    let mut reader = csv::Reader::from_path(&table).unwrap();
    let expected: Vec<[String; 4]> = reader.deserialize().map(|row| row.unwrap()).collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
}
