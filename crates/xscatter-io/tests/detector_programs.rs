//! Files that the programs of detectors wrote: MarCCD, mar345, Oxford Diffraction, Nonius, GE, Bruker, Fit2D.
//!
//! They stand in the history of fabio's repository, without a licence of their own: `tools/reference/fabio_images.sh`
//! fetches them to `~/.cache/xscatter/fabio-images` (or where `XSCATTER_FABIO_IMAGES` says); where they are
//! not, that test is skipped. Small files of independent writers (nanoBragg, CBFlib, the Esperanto encoder of fabio) are
//! in the golden file itself. All numbers are those that fabio reads, but for the uncompressed CBF, which it does not
//! read, and whose pixels are those that were meant.
//!
//! No file of an independent writer was found for R-AXIS, binary images of Fit2D, version 2 of the mar345 packing, TY5,
//! and 32-bit SMV of adxv: `formats_a.rs` and `formats_b.rs` read bytes that were built from their layouts.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::read::ZlibDecoder;
use serde::Deserialize;
use xscatter_core::FrameSource as _;
use xscatter_io::{DetectorFile, Number, ReadConfig, open, open_bytes};
use xscatter_testkit::check_source;
use xscatter_testkit::golden::{self, Golden};

#[derive(Deserialize)]
struct Cases {
    programs: Vec<Case>,
    small: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    file: String,
    writer: String,
    format: String,
    header: BTreeMap<String, String>,
    zlib_base64: Option<String>,
    shape: (usize, usize),
    sum: i128,
    weighted_sum: i128,
    min: i128,
    max: i128,
    probes: Vec<(usize, usize, i128)>,
}

fn cases() -> Cases {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/detector_programs.json"
    );
    let golden: Golden<Cases> = golden::load(path).unwrap();
    golden.cases
}

#[allow(clippy::print_stderr, reason = "a skipped test says why")]
fn folder() -> Option<PathBuf> {
    let cached = || {
        let home = PathBuf::from(std::env::var_os("HOME")?);
        Some(home.join(".cache/xscatter/fabio-images"))
    };
    let folder = std::env::var_os("XSCATTER_FABIO_IMAGES")
        .map(PathBuf::from)
        .or_else(cached)?;
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!(
        "skipped: no folder {} (tools/reference/fabio_images.sh makes it)",
        folder.display()
    );
    None
}

fn assert_as_fabio(file: &DetectorFile, case: &Case) {
    let what = format!("{} of {}", case.file, case.writer);
    assert_eq!(format!("{:?}", file.format()), case.format, "{what}");
    assert_eq!(file.len(), 1, "{what}");
    assert_eq!(file.shape(), case.shape, "{what}");
    let raw = file.read_raw(0).unwrap();
    assert!(
        raw.info.warnings.is_empty(),
        "{what}: {:?}",
        raw.info.warnings
    );
    let (rows, columns) = case.shape;
    let number = |row, column| match raw.pixels.get(row, column).unwrap() {
        Number::Int(value) => value,
        Number::Float(value) => panic!("{what}: {value} is no whole number"),
    };
    let places = (0..rows).flat_map(|row| (0..columns).map(move |column| (row, column)));
    let (mut sum, mut weighted_sum) = (0, 0);
    let (mut min, mut max) = (i128::MAX, i128::MIN);
    for (index, (row, column)) in places.enumerate() {
        let value: i128 = number(row, column);
        sum += value;
        weighted_sum += value * (index as i128 % 251 + 1);
        (min, max) = (min.min(value), max.max(value));
    }
    assert_eq!(
        (sum, weighted_sum, min, max),
        (case.sum, case.weighted_sum, case.min, case.max),
        "{what}"
    );
    for &(row, column, value) in &case.probes {
        assert_eq!(number(row, column), value, "{what} at {row}, {column}");
    }
    for (key, value) in &case.header {
        assert_eq!(raw.info.header.get(key), Some(value), "{what}: {key}");
    }
    check_source(file).unwrap();
}

#[test]
fn files_of_detector_programs_give_the_numbers_of_fabio() {
    let Some(folder) = folder() else {
        return;
    };
    for case in cases().programs {
        let file = open(folder.join(&case.file)).unwrap();
        assert_as_fabio(&file, &case);
    }
}

#[test]
fn small_files_of_independent_writers_give_the_numbers_of_others() {
    for case in cases().small {
        let packed = BASE64.decode(case.zlib_base64.as_ref().unwrap()).unwrap();
        let mut content = Vec::new();
        ZlibDecoder::new(&packed[..])
            .read_to_end(&mut content)
            .unwrap();
        let file = open_bytes(&case.file, content, &ReadConfig::default()).unwrap();
        assert_as_fabio(&file, &case);
    }
}
