//! Any bytes as a file of curves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xscatter_io::{Limits, curve};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits {
        max_pixels: 1 << 16,
        ..Limits::default()
    };
    if let Ok(curves) = curve::open_bytes("fuzzed", bytes.to_vec(), &limits) {
        for curve in curves {
            let _ = curve.q_inv_nm(Some(1e-10));
        }
    }
});
