//! Golden values have a complete birth certificate.
//!
//! The same fields as in `xscatter_testkit::golden`, which refuses to load a file without them; here
//! every file is looked at, loaded by a test or not, and its script must exist.

use serde_json::Value;

use super::{Problem, Tracked};

const TEXTS: [&str; 5] = ["program", "version", "script", "date", "why"];

pub(crate) fn check(files: &[Tracked]) -> Vec<Problem> {
    files
        .iter()
        .filter(|file| file.path.contains("/tests/golden/") && file.has_extension("json"))
        .filter_map(|file| {
            let message = judge(file.text.as_deref().unwrap_or_default(), files).err()?;
            Some(Problem::new(&file.path, message))
        })
        .collect()
}

fn judge(text: &str, files: &[Tracked]) -> Result<(), String> {
    let golden: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let provenance = &golden["provenance"];
    for key in TEXTS {
        if provenance[key]
            .as_str()
            .is_none_or(|text| text.trim().is_empty())
        {
            return Err(format!("provenance.{key}: expected a text"));
        }
    }
    let tolerance = provenance["tolerance"].as_f64();
    if tolerance.is_none_or(|tolerance| !(0.0..1.0).contains(&tolerance)) {
        return Err(format!(
            "provenance.tolerance: expected a number from 0 to 1, got {}",
            provenance["tolerance"]
        ));
    }
    let date = provenance["date"].as_str().unwrap_or_default();
    if !is_date(date) {
        return Err(format!(
            "provenance.date: expected YYYY-MM-DD, got {date:?}"
        ));
    }
    let script = provenance["script"].as_str().unwrap_or_default();
    let printed = script.starts_with("doi:") || script.starts_with("reference:");
    let kept = script.starts_with("tools/") && files.iter().any(|file| file.path == script);
    if !printed && !kept {
        return Err(format!(
            "provenance.script: expected a file under tools/, `doi:…` or `reference:…`, got {script:?}"
        ));
    }
    if golden["cases"].is_null() {
        return Err("expected cases".into());
    }
    Ok(())
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |index: usize, digits: usize| {
        parts
            .get(index)
            .filter(|part| part.len() == digits)
            .and_then(|part| part.parse::<u32>().ok())
    };
    parts.len() == 3
        && number(0, 4).is_some()
        && number(1, 2).is_some_and(|month| (1..=12).contains(&month))
        && number(2, 2).is_some_and(|day| (1..=31).contains(&day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::{file, messages};

    const COMPLETE: &str = r#"{
        "provenance": {
            "program": "scikit-image", "version": "0.26.0", "script": "tools/golden/glcm.py",
            "date": "2026-11-20", "tolerance": 1e-6, "why": "f32 rounding"
        },
        "cases": []
    }"#;

    fn found(golden: &str) -> Vec<String> {
        messages(&check(&[
            file("tools/golden/glcm.py", "print()"),
            file("crates/a/tests/golden/glcm.json", golden),
        ]))
    }

    #[test]
    fn a_complete_provenance_is_accepted() {
        assert_eq!(found(COMPLETE), [""; 0]);
        let printed = COMPLETE.replace("tools/golden/glcm.py", "doi:10.1000/182");
        assert_eq!(found(&printed), [""; 0]);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (from, to, expected) in [
            ("scikit-image", "", "provenance.program"),
            ("\"why\"", "\"because\"", "provenance.why"),
            ("1e-6", "\"small\"", "provenance.tolerance"),
            ("2026-11-20", "20 November", "provenance.date"),
            ("2026-11-20", "2026-13-20", "provenance.date"),
            (
                "tools/golden/glcm.py",
                "tools/golden/gone.py",
                "provenance.script",
            ),
            ("\"cases\"", "\"values\"", "expected cases"),
        ] {
            let found = found(&COMPLETE.replace(from, to));
            assert_eq!(found.len(), 1, "{expected}");
            assert!(found[0].contains(expected), "{found:?}");
        }
        assert_eq!(found("no JSON").len(), 1);
    }

    #[test]
    fn other_json_is_left_alone() {
        assert_eq!(check(&[file("crates/a/tests/data/form.json", "{}")]), []);
    }
}
