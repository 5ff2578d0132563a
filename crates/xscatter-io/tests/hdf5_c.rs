//! The HDF5 reader of this project against the C library, on all files that the C library can decode.
//!
//! `cargo test -p xscatter-io --features hdf5-c --test hdf5_c`

#![cfg(feature = "hdf5-c")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use serde::Deserialize;
use xscatter_core::FrameSource;
use xscatter_io::{hdf5_c, open};
use xscatter_testkit::{data, golden};

mod support;

#[derive(Deserialize)]
struct Cases {
    foreign: Vec<support::Foreign>,
}

/// Compares all frames; returns how many.
fn compare(path: &Path, dataset: &str) -> usize {
    let file = open(path).unwrap();
    for index in 0..file.len() {
        let ours = file.read_raw(index).unwrap().pixels;
        let theirs = hdf5_c::read_image(path, dataset, index).unwrap();
        assert_eq!(ours, theirs, "{} frame {index}", path.display());
    }
    file.len()
}

#[test]
fn real_files_are_read_as_by_the_c_library() {
    let Some(folder) = data::folder(env!("CARGO_MANIFEST_DIR")) else {
        return;
    };
    for (file, dataset) in [
        (
            "APS-USAXS__Matilda/TestData/TestSet/02_21_Megan_saxs/PU_25C_orig_0061.hdf",
            "entry/data/data",
        ),
        (
            "APS-USAXS__Matilda/TestData/TestSet/02_21_Megan_waxs/PU_25C_orig_0061.hdf",
            "entry/data/data",
        ),
        (
            "zyffcc__gisaxs_gui/TestSAXSdata/lmbdp03/jg_gisaxs_12nm_insitu_00001r3_00001_m01.nxs",
            "entry/instrument/detector/data",
        ),
    ] {
        assert_eq!(compare(&folder.join(file), dataset), 1);
    }
}

#[test]
fn files_of_h5py_are_read_as_by_the_c_library() {
    // Filters that the C library has built in.
    const DECODED: [&str; 8] = [
        "filter mask",
        "chunks of parts of two frames",
        "libver latest",
        "fletcher32",
        "contiguous",
        "user block",
        "unwritten chunk",
        "big-endian",
    ];
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/reference.json");
    let cases: golden::Golden<Cases> = golden::load(path).unwrap();
    let mut frames = 0;
    for case in cases.cases.foreign {
        if DECODED.contains(&case.name.as_str()) {
            let folder = tempfile::tempdir().unwrap();
            support::unpack(&case, folder.path());
            frames += compare(&folder.path().join(&case.files[0].name), "entry/data/data");
        }
    }
    assert!(frames > 20, "{frames}");
}
