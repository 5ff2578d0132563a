//! EDF by its rules: there is no specification, so each rule that readers agree on is a test.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use xscatter_core::{ErrorKind, FrameSource};
use xscatter_io::{Dtype, Number, open};

/// A header of these keys, its end included, filled up to `size` bytes with blanks.
fn header(keys: &str, size: usize, end: &str) -> Vec<u8> {
    let mut text = format!("{{\n{keys}");
    let blanks = size.saturating_sub(text.len() + end.len());
    text.extend(std::iter::repeat_n(' ', blanks));
    text.push_str(end);
    text.into_bytes()
}

fn plain(keys: &str) -> Vec<u8> {
    header(keys, 512, "}\n")
}

const KEYS: &str =
    "ByteOrder = LowByteFirst ;\nDataType = UnsignedShort ;\nDim_1 = 3 ;\nDim_2 = 2 ;\n";
const PIXELS: [u8; 12] = [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1];

fn file(folder: &Path, name: &str, parts: &[&[u8]]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, parts.concat()).unwrap();
    path
}

fn sums(path: &Path) -> Vec<i128> {
    let file = open(path).unwrap();
    let sum = |index| match file.read_raw(index).unwrap().pixels.stats().unwrap().sum {
        Number::Int(sum) => sum,
        Number::Float(_) => panic!("integers"),
    };
    (0..file.len()).map(sum).collect()
}

/// 1 + 2 + 3 + 4 + 5 + (6 + 256).
const SUM: i128 = 277;

#[test]
fn the_array_is_as_large_as_its_dimensions_whatever_size_says() {
    // fabio#219, #297: `Size` counts the padding; the next header follows the padding.
    let folder = tempfile::tempdir().unwrap();
    let keys = format!("{KEYS}Size = 512 ;\n");
    let padding = [0; 500];
    let one = plain(&keys);
    let path = file(
        folder.path(),
        "a",
        &[&one, &PIXELS, &padding, &one, &PIXELS, &padding],
    );
    assert_eq!(sums(&path), [SUM, SUM]);
}

#[test]
fn the_end_of_a_header_may_straddle_a_block_and_a_lone_carriage_return_is_none() {
    let folder = tempfile::tempdir().unwrap();
    // `}\r` alone inside a value, and `}\r\n` with the brace on byte 511.
    let keys = format!("Title = a }}\rb ;\n{KEYS}");
    let path = file(folder.path(), "a", &[&header(&keys, 514, "}\r\n"), &PIXELS]);
    assert_eq!(sums(&path), [SUM]);
}

#[test]
fn a_stated_header_size_is_not_believed() {
    // fabio#42, #332.
    let folder = tempfile::tempdir().unwrap();
    let keys = format!("EDF_HeaderSize = 4096 ;\n{KEYS}");
    let path = file(folder.path(), "a", &[&header(&keys, 0, "}\n"), &PIXELS]);
    assert_eq!(sums(&path), [SUM]);
}

#[test]
fn byte_orders_and_types() {
    let folder = tempfile::tempdir().unwrap();
    let keys = KEYS.replace("LowByteFirst", "HighByteFirst");
    let path = file(folder.path(), "a", &[&plain(&keys), &PIXELS]);
    assert_eq!(sums(&path), [256 * (1 + 2 + 3 + 4 + 5 + 6) + 1]);
    // `SignedLong` has 32 bits.
    let keys = "DataType = SignedLong ;\nDim_1 = 3 ;\nDim_2 = 1 ;\n";
    let path = file(folder.path(), "b", &[&plain(keys), &PIXELS]);
    assert_eq!(open(&path).unwrap().dtype(), Dtype::I32);
    // An unknown type is read as 16 bits, and the header says so.
    let keys = KEYS.replace("UnsignedShort", "Quaternion");
    let path = file(folder.path(), "c", &[&plain(&keys), &PIXELS]);
    let frame = open(&path).unwrap().read(0).unwrap();
    assert!(frame.info.warnings[0].contains("Quaternion"));
    assert_eq!(frame.counts().sum(), SUM as f32);
}

#[test]
fn keys_ignore_case_and_the_last_of_two_wins() {
    let folder = tempfile::tempdir().unwrap();
    let keys =
        "dim_1 = 9 ;\nDIM_1 = 3 ;\nDim_2 = 2 ;\ndatatype = UnsignedShort ;\nCOUNT_TIME = 2.5 ;\n";
    let path = file(folder.path(), "a", &[&plain(keys), &PIXELS]);
    assert_eq!(sums(&path), [SUM]);
    let info = open(&path).unwrap().read(0).unwrap().info;
    assert_eq!(info.exposure_s, Some(2.5));
    assert!(!info.header.contains_key("dim_1"));
}

#[test]
fn a_general_block_gives_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let general = plain(
        "EDF_DataFormatVersion = 2.40 ;\nDataType = UnsignedShort ;\nDim_1 = 3 ;\nDim_2 = 2 ;\nSize = 0 ;\n",
    );
    let general = String::from_utf8(general)
        .unwrap()
        .replace("Dim_1 = 3", "Dim_1 = 0");
    let path = file(
        folder.path(),
        "a",
        &[general.as_bytes(), &plain("Dim_1 = 3 ;\n"), &PIXELS],
    );
    assert_eq!(sums(&path), [SUM]);
}

#[test]
fn pixels_may_lie_in_another_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("pixels.bin"),
        [&[9; 4][..], &PIXELS].concat(),
    )
    .unwrap();
    let keys = format!(
        "{KEYS}EDF_BinaryFileName = /else/where/pixels.bin ;\nEDF_BinaryFilePosition = 4 ;\n"
    );
    let path = file(folder.path(), "a", &[&plain(&keys)]);
    assert_eq!(sums(&path), [SUM]);
    std::fs::remove_file(folder.path().join("pixels.bin")).unwrap();
    let error = open(&path).unwrap().read(0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}

#[test]
fn compressed_blocks() {
    let folder = tempfile::tempdir().unwrap();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&PIXELS).unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(&PIXELS).unwrap();
    for (name, packed) in [
        ("GZIP", gzip.finish().unwrap()),
        ("Z", zlib.finish().unwrap()),
    ] {
        let keys = format!(
            "{KEYS}Compression = {name} ;\nEDF_BinarySize = {} ;\n",
            packed.len()
        );
        let path = file(folder.path(), name, &[&plain(&keys), &packed]);
        assert_eq!(sums(&path), [SUM]);
        let path = file(folder.path(), "cut", &[&plain(&keys), &packed[..10]]);
        assert_eq!(open(&path).unwrap_err().kind(), ErrorKind::Truncated);
    }
    let keys = format!("{KEYS}Compression = BZ ;\n");
    let path = file(folder.path(), "bz", &[&plain(&keys), &PIXELS]);
    assert_eq!(open(&path).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn a_stack_is_several_frames_and_a_lying_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let keys = format!("{KEYS}Dim_3 = 2 ;\n");
    let path = file(folder.path(), "a", &[&plain(&keys), &PIXELS, &PIXELS]);
    assert_eq!(sums(&path), [SUM, SUM]);
    let keys = format!("{KEYS}Dim_3 = 9000000 ;\n");
    let path = file(folder.path(), "b", &[&plain(&keys), &PIXELS]);
    assert_eq!(open(&path).unwrap_err().kind(), ErrorKind::Truncated);
}

#[test]
fn esrf_keys_give_a_geometry() {
    let folder = tempfile::tempdir().unwrap();
    let keys = format!(
        "{KEYS}Center_1 = 10.5 ;\nCenter_2 = 20.5 ;\nPSize_1 = 1.72e-4_m ;\nPSize_2 = 1.72e-4_m ;\n\
         SampleDistance = 1.5_m ;\nWaveLength = 1e-10_m ;\nOffset_1 = 2 ;\n"
    );
    let path = file(folder.path(), "a", &[&plain(&keys), &PIXELS]);
    let geometry = open(&path).unwrap().read(0).unwrap().info.geometry.unwrap();
    approx::assert_relative_eq!(geometry.poni1_m, 20.5 * 172e-6, max_relative = 1e-12);
    approx::assert_relative_eq!(geometry.poni2_m, 8.5 * 172e-6, max_relative = 1e-12);
    approx::assert_relative_eq!(geometry.distance_m, 1.5);
    // A cake carries the geometry of the detector that it was made from.
    let keys = format!(
        "{KEYS}dist = 1 ;\nponi1 = 1 ;\nponi2 = 1 ;\npixel1 = 1 ;\npixel2 = 1 ;\nwavelength = 1 ;\nchi_min = -180 ;\n"
    );
    let path = file(folder.path(), "b", &[&plain(&keys), &PIXELS]);
    assert!(
        open(&path)
            .unwrap()
            .read(0)
            .unwrap()
            .info
            .geometry
            .is_none()
    );
}

#[test]
fn text_in_braces_is_not_yet_edf() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["{\n \"Dim_1\": 3}", "{ }"] {
        let path = file(folder.path(), "a", &[text.as_bytes()]);
        assert_eq!(
            open(&path).unwrap_err().kind(),
            ErrorKind::Unsupported,
            "{text}"
        );
    }
    let path = file(folder.path(), "b", &[b"{\nDim_1 = 3 ;\n and no end"]);
    assert_eq!(open(&path).unwrap_err().kind(), ErrorKind::Truncated);
    let path = file(folder.path(), "c", &[&plain("Title = nothing ;\n")]);
    assert_eq!(open(&path).unwrap_err().kind(), ErrorKind::Malformed);
}
