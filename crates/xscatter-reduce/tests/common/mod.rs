//! What the tests on real files share.

use std::path::Path;

use ndarray::Array2;
use xscatter_core::{Frame, Mask};

/// The one strip of a TIFF of 16-bit or signed 32-bit pixels without compression; negative pixels
/// are masked.
pub(crate) fn read_tiff(path: &Path) -> Frame {
    let bytes = std::fs::read(path).expect("the file is there");
    let little = bytes.starts_with(b"II");
    let number = |at: usize, length: usize| {
        let byte = |index: usize| bytes[at + if little { index } else { length - 1 - index }];
        (0..length).fold(0u32, |number, index| {
            number | u32::from(byte(index)) << (8 * index)
        })
    };
    let directory = number(4, 4) as usize;
    let tag = |wanted: u32| {
        (0..number(directory, 2) as usize)
            .map(|entry| directory + 2 + 12 * entry)
            .find(|&at| number(at, 2) == wanted)
            .map(|at| number(at + 8, if number(at + 2, 2) == 3 { 2 } else { 4 }) as usize)
            .expect("the tag is there")
    };
    let (columns, rows, bits, offset) = (tag(256), tag(257), tag(258), tag(273));
    assert_eq!(tag(259), 1, "no compression");
    let pixel = |(row, column)| {
        let index = row * columns + column;
        match bits {
            16 => number(offset + 2 * index, 2) as f32,
            32 => number(offset + 4 * index, 4).cast_signed() as f32,
            _ => panic!("{bits} bits a pixel"),
        }
    };
    let counts = Array2::from_shape_fn((rows, columns), pixel);
    let bad = counts.map(|&counts| counts < 0.0);
    Frame::new(counts)
        .with_mask(Mask::from_bad(bad.view()))
        .expect("the mask is made from the frame")
}
