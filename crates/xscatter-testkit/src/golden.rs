//! Reference values with a birth certificate.
//!
//! A golden file is JSON with two keys: `provenance`, which says where the numbers come from and how
//! far a test may deviate, and `cases`, whose form is the test's own. A file without a complete
//! provenance does not load.

use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use xscatter_core::{Error, ErrorKind, Result};

/// Where reference values come from and how far a test may deviate from them.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// The program that computed the values: `scikit-image`.
    pub program: String,
    /// Its version.
    pub version: String,
    /// The script under `tools/` that wrote the file, or the publication that prints the values.
    pub script: String,
    /// The day on which the values were computed, `YYYY-MM-DD`.
    pub date: String,
    /// The largest deviation that a test accepts; relative unless `why` says otherwise.
    pub tolerance: f64,
    /// Why that tolerance, and not a tighter one.
    pub why: String,
}

/// A golden file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Golden<T> {
    /// Where the values come from.
    pub provenance: Provenance,
    /// The values, in the form that the test chose.
    pub cases: T,
}

/// Loads a golden file; `path` is relative to the crate under test if it starts from
/// `env!("CARGO_MANIFEST_DIR")`.
///
/// # Errors
/// If the file cannot be read, is no JSON, has another form, or an empty field in its provenance.
pub fn load<T: DeserializeOwned>(path: impl AsRef<Path>) -> Result<Golden<T>> {
    let path = path.as_ref();
    let text = std::fs::read_to_string(path).map_err(|error| Error::from(error).in_file(path))?;
    let golden: Golden<T> = serde_json::from_str(&text).map_err(|error| {
        Error::new(ErrorKind::Malformed, error.to_string())
            .in_file(path)
            .with_source(error)
    })?;
    let Provenance {
        program,
        version,
        script,
        date,
        why,
        ..
    } = &golden.provenance;
    for (key, value) in [
        ("program", program),
        ("version", version),
        ("script", script),
        ("date", date),
        ("why", why),
    ] {
        if value.trim().is_empty() {
            return Err(
                Error::new(ErrorKind::Malformed, "expected a text, got nothing")
                    .at(format!("provenance.{key}"))
                    .in_file(path),
            );
        }
    }
    Ok(golden)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const COMPLETE: &str = r#"{
        "provenance": {
            "program": "by hand", "version": "1", "script": "doi:10.0000/example",
            "date": "2026-01-31", "tolerance": 1e-6, "why": "f32 rounding"
        },
        "cases": [1.0, 2.5]
    }"#;

    /// A file of this text; each test has a name of its own.
    fn written(name: &str, text: &str) -> PathBuf {
        let file = format!("xscatter-golden-{name}-{}.json", std::process::id());
        let path = std::env::temp_dir().join(file);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn load_text(name: &str, text: &str) -> Result<Golden<Vec<f64>>> {
        let path = written(name, text);
        let golden = load(&path);
        std::fs::remove_file(path).unwrap();
        golden
    }

    #[test]
    fn a_complete_file_gives_its_cases() {
        let golden = load_text("complete", COMPLETE).unwrap();
        assert_eq!(golden.cases, [1.0, 2.5]);
        assert_eq!(golden.provenance.tolerance, 1e-6);
        assert_eq!(golden.provenance.script, "doi:10.0000/example");
    }

    #[test]
    fn an_empty_field_names_its_key_and_file() {
        let error = load_text("empty", &COMPLETE.replace("f32 rounding", " ")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(error.place(), Some("provenance.why"));
        assert!(error.to_string().contains("xscatter-golden-empty"));
    }

    #[test]
    fn absent_and_unknown_fields_are_refused() {
        let absent = COMPLETE.replace(r#""version": "1","#, "");
        let error = load_text("absent", &absent).unwrap_err();
        assert!(error.message().contains("version"), "{error}");
        let unknown = COMPLETE.replace(r#""version""#, r#""who": "me", "version""#);
        assert!(load_text("unknown", &unknown).is_err());
        assert!(load_text("other-form", &COMPLETE.replace("2.5", "\"x\"")).is_err());
    }

    #[test]
    fn an_absent_file_is_an_io_error() {
        let error = load::<Vec<f64>>("no/such/golden.json").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.file().is_some());
    }
}
