//! Headers of the real files, against what fabio and h5py read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use serde::Deserialize;
use xscatter_io::open;
use xscatter_testkit::{data, golden};

#[derive(Deserialize)]
struct Case {
    file: String,
    header: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Value {
    Text(String),
    /// As Python prints them, `nan` among them.
    Numbers(Vec<String>),
}

/// fabio drops commas and brackets of PILATUS headers, and white space is one blank.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || "(),".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ")
}

fn numbers(text: &str) -> Vec<f64> {
    text.split(|c: char| c.is_whitespace() || "(),".contains(c))
        .filter_map(|word| word.parse().ok())
        .collect()
}

#[test]
fn headers_are_those_of_fabio_and_h5py() {
    let Some(folder) = data::folder(env!("CARGO_MANIFEST_DIR")) else {
        return;
    };
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/headers.json");
    let golden: golden::Golden<Vec<Case>> = golden::load(path).unwrap();
    let tolerance = golden.provenance.tolerance;
    let mut compared = 0;
    for case in golden.cases {
        let file = open(folder.join(&case.file)).unwrap();
        let header = file.info(0).unwrap().header;
        for (key, expected) in &case.header {
            let found = header
                .get(key)
                .unwrap_or_else(|| panic!("{}: no key {key}", case.file));
            match expected {
                Value::Text(expected) => {
                    assert_eq!(plain(found), plain(expected), "{}: {key}", case.file);
                }
                Value::Numbers(expected) => {
                    let found = numbers(found);
                    assert!(found.len() >= expected.len(), "{}: {key}", case.file);
                    for (found, expected) in found.iter().zip(expected) {
                        let expected: f64 = expected.parse().unwrap();
                        let close = (found - expected).abs() <= tolerance * expected.abs();
                        let both_nan = found.is_nan() && expected.is_nan();
                        assert!(
                            close || both_nan,
                            "{}: {key}: {found}, {expected}",
                            case.file
                        );
                    }
                }
            }
            compared += 1;
        }
    }
    assert!(compared > 800, "{compared} values");
}
