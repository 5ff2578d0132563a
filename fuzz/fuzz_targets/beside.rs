//! Any bytes as what lies beside detector files: a mask, a sidecar, a table of counters or labels, integrated series.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xscatter_core::FrameSource;
use xscatter_io::curve::azint::{read_1d_bytes, read_2d_bytes};
use xscatter_io::{Limits, MaskReadConfig, ReadConfig, labels, raw_binary, read_mask_bytes};

const LAYOUT: &[u8] = b"shape = [2, 3]\ndtype = int32\n";

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        max_pixels: 1 << 20,
        ..Limits::default()
    };
    let read = ReadConfig {
        limits,
        ..ReadConfig::default()
    };
    let mask = MaskReadConfig {
        read: read.clone(),
        ..MaskReadConfig::default()
    };
    let _ = read_mask_bytes("fuzzed", bytes.to_vec(), &mask);
    let _ = labels::read_bytes("fuzzed", bytes);
    let _ = read_1d_bytes("fuzzed", bytes.to_vec(), &limits);
    let _ = read_2d_bytes("fuzzed", bytes.to_vec(), &limits);
    for name in ["a.json", "a.ini", "a.csv"] {
        let companions = [(name, bytes), ("a.toml", LAYOUT)];
        // A table of counters needs a layout beside it.
        let companions = &companions[..if name == "a.csv" { 2 } else { 1 }];
        if let Ok(file) = raw_binary::open_bytes("a.raw", vec![7; 2 * 3 * 4], companions, &read) {
            let _ = file.read(0);
        }
    }
});
