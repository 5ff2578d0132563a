//! One level of a two-dimensional wavelet transform: a low-pass and a high-pass sum down the columns,
//! then both along the rows, row by row of the result.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use pulp::{Arch, Simd, WithSimd};

use super::{Scheme, Wavelet};

/// The next coarser image, or the one to start from.
#[derive(Debug, Clone)]
pub(super) struct Level {
    pub(super) shape: (usize, usize),
    pub(super) values: Vec<f32>,
    /// 1 where a value is made of valid pixels alone, else 0; `None` if all are.
    pub(super) valid: Option<Vec<u8>>,
}

/// Where a row of detail coefficients goes.
pub(super) trait Sink {
    /// Takes a row of the horizontal (0), vertical (1) or diagonal (2) details.
    fn take(&mut self, band: usize, row: usize, values: &[f32], valid: Option<&[u8]>);
}

/// Which places of a line the taps of a coefficient are at: `first + stride · k + spacing · tap`.
#[derive(Debug, Clone, Copy)]
struct Axis {
    length: usize,
    outputs: usize,
    first: isize,
    stride: usize,
    spacing: usize,
    scheme: Scheme,
}

impl Axis {
    fn new(length: usize, taps: usize, scheme: Scheme, level: usize) -> Self {
        let half = 1 - taps as isize / 2;
        let (outputs, first, stride, spacing) = match scheme {
            Scheme::Symmetric => ((length + taps - 1) / 2, 2 - taps as isize, 2, 1),
            Scheme::Periodization => (length.div_ceil(2), half, 2, 1),
            Scheme::Stationary => {
                let spacing = 1usize << level;
                (length, half * spacing as isize, 1, spacing)
            }
        };
        Self {
            length,
            outputs,
            first,
            stride,
            spacing,
            scheme,
        }
    }

    /// The place in the line of the place that a tap asks for.
    fn place(self, wanted: isize) -> usize {
        let length = self.length as isize;
        let place = match self.scheme {
            Scheme::Symmetric => {
                let within = wanted.rem_euclid(2 * length);
                within.min(2 * length - 1 - within)
            }
            // A line of odd length has its last value twice.
            Scheme::Periodization => {
                let within = wanted.rem_euclid(length + length % 2);
                within.min(length - 1)
            }
            Scheme::Stationary => wanted.rem_euclid(length),
        };
        place as usize
    }

    fn source(self, output: usize, tap: usize) -> usize {
        let offset = self.stride * output + self.spacing * tap;
        self.place(self.first + offset as isize)
    }

    /// The line rearranged so that each tap walks it without gaps: where the values come from, and
    /// where each tap starts.
    fn rearranged(self, taps: usize) -> (Vec<usize>, Vec<usize>) {
        let span = self.stride * (self.outputs - 1) + self.spacing * (taps - 1) + 1;
        let phase = span.div_ceil(self.stride);
        let mut places = Vec::with_capacity(self.stride * phase);
        for start in 0..self.stride {
            places.extend((0..phase).map(|k| {
                let wanted = start + self.stride * k;
                self.place(self.first + wanted as isize)
            }));
        }
        let starts = (0..taps)
            .map(|tap| {
                let offset = self.spacing * tap;
                offset % self.stride * phase + offset / self.stride
            })
            .collect();
        (places, starts)
    }
}

/// The next level; details go to `sink`.
pub(super) fn step(
    level: &Level,
    wavelet: Wavelet,
    scheme: Scheme,
    number: usize,
    sink: &mut impl Sink,
) -> Level {
    // Taps in the order of growing places.
    let low: Vec<f32> = wavelet
        .low_pass()
        .iter()
        .rev()
        .map(|&tap| tap as f32)
        .collect();
    let high: Vec<f32> = wavelet
        .high_pass()
        .iter()
        .rev()
        .map(|&tap| tap as f32)
        .collect();
    let down = Axis::new(level.shape.0, low.len(), scheme, number);
    let along = Axis::new(level.shape.1, low.len(), scheme, number);
    Arch::new().dispatch(Run {
        level,
        low,
        high,
        down,
        along,
        sink,
    })
}

struct Run<'a, K> {
    level: &'a Level,
    low: Vec<f32>,
    high: Vec<f32>,
    down: Axis,
    along: Axis,
    sink: &'a mut K,
}

impl<K: Sink> WithSimd for Run<'_, K> {
    type Output = Level;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Level {
        let (columns, taps) = (self.level.shape.1, self.low.len());
        let (rows_out, columns_out) = (self.down.outputs, self.along.outputs);
        let (places, starts) = self.along.rearranged(taps);
        let mut next = Level {
            shape: (rows_out, columns_out),
            values: vec![0.0; rows_out * columns_out],
            valid: self
                .level
                .valid
                .as_ref()
                .map(|_| vec![0; rows_out * columns_out]),
        };
        let filters = (&self.low[..], &self.high[..]);
        let (mut coarse, mut fine) = (vec![0.0; columns], vec![0.0; columns]);
        let mut line = vec![0.0; places.len()];
        let (mut both, mut flags) = (vec![0u8; columns], vec![0u8; columns_out]);
        let [mut horizontal, mut vertical, mut diagonal] =
            [(); 3].map(|()| vec![0.0f32; columns_out]);
        for row in 0..rows_out {
            let source = |tap: usize| self.down.source(row, tap) * columns;
            let values = &self.level.values;
            two_sums(
                simd,
                filters,
                |tap| &values[source(tap)..][..columns],
                &mut coarse,
                &mut fine,
            );
            if let Some(valid) = &self.level.valid {
                both.fill(1);
                for tap in 0..taps {
                    let valid = &valid[source(tap)..][..columns];
                    both.iter_mut()
                        .zip(valid)
                        .for_each(|(all, one)| *all &= one);
                }
                flags.fill(1);
                for (output, flag) in flags.iter_mut().enumerate() {
                    for &start in &starts {
                        *flag &= both[places[start + output]];
                    }
                }
            }
            let approximation = &mut next.values[row * columns_out..][..columns_out];
            for (source, low, high) in [
                (&coarse, approximation, &mut vertical),
                (&fine, &mut horizontal[..], &mut diagonal),
            ] {
                for (value, &place) in line.iter_mut().zip(&places) {
                    *value = source[place];
                }
                two_sums(
                    simd,
                    filters,
                    |tap| &line[starts[tap]..][..columns_out],
                    low,
                    high,
                );
            }
            let flags = next.valid.as_mut().map(|valid| {
                valid[row * columns_out..][..columns_out].copy_from_slice(&flags);
                &flags[..]
            });
            for (band, values) in [&horizontal, &vertical, &diagonal].into_iter().enumerate() {
                self.sink.take(band, row, values, flags);
            }
        }
        next
    }
}

/// Two weighted sums of the same slices, one a tap.
#[inline(always)]
fn two_sums<'a, S: Simd>(
    simd: S,
    (low, high): (&[f32], &[f32]),
    slice: impl Fn(usize) -> &'a [f32],
    low_out: &mut [f32],
    high_out: &mut [f32],
) {
    let (low_vectors, low_tail) = S::as_mut_simd_f32s(low_out);
    let (high_vectors, high_tail) = S::as_mut_simd_f32s(high_out);
    let blocks = low_vectors.chunks_mut(2).zip(high_vectors.chunks_mut(2));
    for (block, (low_out, high_out)) in blocks.enumerate() {
        let mut sums = [(simd.splat_f32s(0.0), simd.splat_f32s(0.0)); 2];
        for (tap, (&low, &high)) in low.iter().zip(high).enumerate() {
            let (low, high) = (simd.splat_f32s(low), simd.splat_f32s(high));
            let (vectors, _) = S::as_simd_f32s(slice(tap));
            for (sums, &value) in sums.iter_mut().zip(&vectors[2 * block..]) {
                sums.0 = simd.mul_add_e_f32s(low, value, sums.0);
                sums.1 = simd.mul_add_e_f32s(high, value, sums.1);
            }
        }
        for ((low, high), sums) in low_out.iter_mut().zip(high_out).zip(sums) {
            (*low, *high) = sums;
        }
    }
    let tail = low_tail.iter_mut().zip(high_tail).enumerate();
    for (place, (low_out, high_out)) in tail {
        let (mut sum, mut difference) = (0.0f32, 0.0f32);
        for (tap, (low, high)) in low.iter().zip(high).enumerate() {
            let (_, rest) = S::as_simd_f32s(slice(tap));
            sum += low * rest[place];
            difference += high * rest[place];
        }
        (*low_out, *high_out) = (sum, difference);
    }
}
