//! Any bytes as a compressed chunk; the first four choose the codec, its parameters and the output.
#![no_main]

use libfuzzer_sys::fuzz_target;
use xscatter_codecs::hdf5_filters::{Filter, decode_pipeline};
use xscatter_codecs::{Scratch, byte_offset};

fuzz_target!(|bytes: &[u8]| {
    let Some((&[codec, parameter, width, len], stored)) = bytes.split_first_chunk() else {
        return;
    };
    let widths = [1, 2, 4, 8, 3];
    let width = widths[width as usize % widths.len()];
    let mut out = vec![0; len as usize * 64 * width];
    let bitshuffle = [0, 0, width as u32, 0, u32::from(parameter % 4)];
    let shuffle = [width as u32];
    let filter = match codec % 10 {
        0 => {
            let mut pixels = vec![0; len as usize * 64];
            let _ = byte_offset::decode(stored, &mut pixels);
            return;
        }
        1 => Filter { id: 1, values: &[] },
        2 => Filter { id: 2, values: &shuffle },
        3 => Filter { id: 3, values: &[] },
        4 => Filter { id: 32000, values: &[] },
        5 => Filter { id: 32001, values: &[] },
        6 => Filter { id: 32004, values: &[] },
        7 => Filter { id: 32015, values: &[] },
        8 => Filter { id: 307, values: &[] },
        _ => Filter { id: 32008, values: &bitshuffle },
    };
    let _ = decode_pipeline(stored, &[filter], 0, width, &mut out, &mut Scratch::new());
});
