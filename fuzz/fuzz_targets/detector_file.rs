//! Any bytes as a detector file: opened, described and read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xscatter_core::FrameSource;
use xscatter_io::{Limits, ReadConfig, open_bytes};

fuzz_target!(|bytes: &[u8]| {
    let config = ReadConfig {
        limits: Limits {
            max_pixels: 1 << 20,
            ..Limits::default()
        },
        ..ReadConfig::default()
    };
    if let Ok(file) = open_bytes("fuzzed", bytes.to_vec(), &config) {
        for index in 0..file.len().min(3) {
            let _ = file.read(index);
        }
    }
});
