//! Seeded variants of a network input: what a pattern may look like on another day.
//!
//! One of the eight symmetries of the square (a detector may be mounted any way round) and a gain
//! of channel 0 within ±10 % (whitening leaves the contrast to the content of the frame). Cells
//! without data stay 0 and keep their valid fraction.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Writes the variant of `sample` (channels × `size` × `size`) that belongs to `seed`.
pub(crate) fn augment(sample: &[f32], size: usize, seed: u64, out: &mut [f32]) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let symmetry = rng.random_range(0..8_u8);
    let gain = rng.random_range(0.9..1.1_f32);
    let cells = size * size;
    for (channel, (from, to)) in sample
        .chunks_exact(cells)
        .zip(out.chunks_exact_mut(cells))
        .enumerate()
    {
        let gain = if channel == 0 { gain } else { 1.0 };
        for (row, to) in to.chunks_exact_mut(size).enumerate() {
            for (column, to) in to.iter_mut().enumerate() {
                *to = gain * from[source(row, column, size, symmetry)];
            }
        }
    }
}

/// The cell that one of the eight symmetries brings to this row and column.
fn source(row: usize, column: usize, size: usize, symmetry: u8) -> usize {
    let (mut row, mut column) = (row, column);
    if symmetry & 1 != 0 {
        row = size - 1 - row;
    }
    if symmetry & 2 != 0 {
        column = size - 1 - column;
    }
    if symmetry & 4 != 0 {
        (row, column) = (column, row);
    }
    row * size + column
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_eight_symmetries_are_eight_permutations() {
        let images: BTreeSet<Vec<usize>> = (0..8)
            .map(|symmetry| (0..9).map(|i| source(i / 3, i % 3, 3, symmetry)).collect())
            .collect();
        assert_eq!(images.len(), 8);
        for image in images {
            assert_eq!(image.into_iter().collect::<BTreeSet<_>>().len(), 9);
        }
    }

    #[test]
    fn the_gain_touches_channel_0_alone() {
        let sample: Vec<f32> = [[0.0; 4], [0.25; 4]].concat();
        let mut out = vec![f32::NAN; 8];
        augment(&sample, 2, 3, &mut out);
        assert_eq!(out, sample);
        let sample = [[1.0; 4], [1.0; 4]].concat();
        augment(&sample, 2, 3, &mut out);
        assert!(out[0] != 1.0 && (0.9..1.1).contains(&out[0]));
        assert_eq!(out[4..], [1.0; 4]);
    }
}
