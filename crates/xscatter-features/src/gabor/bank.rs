//! The bank of kernels as sums along rows, then along columns.
//!
//! A wave `exp(i (ax + by))` under a round Gaussian is the product of a function of `x` and one of `y`, so
//! each costs two passes of `2h + 1` taps instead of one of `(2h + 1)²`. Of these,
//!
//! - the orientations `θ` and `π − θ` share the pass along rows, one being the complex conjugate of the
//!   other, and the four real passes along columns;
//! - cosines are even and sines odd: pixels on both sides of the centre are added or subtracted first.
//!
//! Strips of [`TILE`] columns go down the image with the last `2h + 1` rows of their sums along rows in
//! the first-level cache.
#![allow(
    clippy::needless_range_loop,
    reason = "several strips are walked in step"
)]
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::f64::consts::{PI, TAU};

use pulp::{Arch, Simd, WithSimd};

use crate::centred::mirrored;

/// Columns of a strip: two registers of 512 bits.
pub(super) const TILE: usize = 32;

/// A value for each column of a strip.
pub(super) type Strip = [f32; TILE];

const ZERO: Strip = [0.0; TILE];

/// Even and odd taps, from the centre outwards.
#[derive(Debug, Clone)]
struct Taps {
    cos: Vec<f32>,
    sin: Vec<f32>,
    /// Whether there is a sine at all.
    odd: bool,
}

impl Taps {
    /// A wave of `frequency_rad` per pixel under a Gaussian whose taps add up to 1.
    fn new(sigma_px: f64, half_width_px: usize, frequency_rad: f64) -> Self {
        let places = (0..=half_width_px).map(|place| place as f64);
        let envelope: Vec<f64> = places
            .map(|place| (-0.5 * (place / sigma_px).powi(2)).exp())
            .collect();
        let sum = 2.0 * envelope.iter().sum::<f64>() - envelope[0];
        let taps = |wave: fn(f64) -> f64| {
            let places = envelope.iter().enumerate();
            let tap = |(place, height): (usize, &f64)| wave(frequency_rad * place as f64) * height;
            places.map(|tap_| (tap(tap_) / sum) as f32).collect()
        };
        let sin: Vec<f32> = taps(f64::sin);
        Self {
            cos: taps(f64::cos),
            odd: sin.iter().any(|&tap| tap != 0.0),
            sin,
        }
    }

    fn sum(&self) -> f64 {
        let taps = self.cos.iter().map(|&tap| f64::from(tap));
        2.0 * taps.sum::<f64>() - f64::from(self.cos[0])
    }
}

/// The kernels of one wavelength.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    half_width: usize,
    orientations: usize,
    /// The envelope.
    envelope: Taps,
    /// Along rows and along columns, for orientations from 0 to a half turn / 2.
    waves: Vec<(Taps, Taps)>,
    /// The sum of each kernel.
    sums: Vec<f32>,
}

/// Where responses go.
pub(super) trait Sink {
    /// Takes those of the strip that begins at a pixel; must be inlined.
    fn take(&mut self, row: usize, column: usize, width: usize, responses: &Magnitudes<'_>);
}

/// The sizes of the responses of a strip, with the means of the kernels taken out.
pub(super) struct Magnitudes<'a> {
    inputs: &'a [Responses],
    kernel_sums: &'a [f32],
}

impl Magnitudes<'_> {
    /// The part of the Gaussian about each pixel that is valid; `None` if all of it is everywhere.
    #[inline(always)]
    pub(super) fn coverage(&self) -> Option<&Strip> {
        self.inputs.get(1).map(|mask| &mask.blurred)
    }

    /// Those of an orientation; meaningless where there is no coverage.
    #[inline(always)]
    pub(super) fn of(&self, orientation: usize) -> Strip {
        let image = &self.inputs[0];
        let (real, imaginary) = &image.waves[orientation];
        let mut out = ZERO;
        if let [_, mask] = self.inputs {
            let (mask_real, mask_imaginary) = &mask.waves[orientation];
            for i in 0..TILE {
                let mean = image.blurred[i] / mask.blurred[i];
                let real = real[i] - mean * mask_real[i];
                let imaginary = imaginary[i] - mean * mask_imaginary[i];
                out[i] = (real * real + imaginary * imaginary).sqrt() / mask.blurred[i];
            }
        } else {
            let sum = self.kernel_sums[orientation];
            for i in 0..TILE {
                let real = real[i] - sum * image.blurred[i];
                out[i] = (real * real + imaginary[i] * imaginary[i]).sqrt();
            }
        }
        out
    }
}

/// What the kernels of one wavelength make of a strip of a row.
#[derive(Debug, Clone)]
struct Responses {
    /// The sum with the envelope.
    blurred: Strip,
    /// The sum with the kernel of each orientation, real and imaginary part.
    waves: Vec<(Strip, Strip)>,
}

impl Scale {
    pub(super) fn new(
        wavelength_px: f64,
        sigma_px: f64,
        half_width: usize,
        orientations: usize,
    ) -> Self {
        let waves: Vec<(Taps, Taps)> = (0..=orientations / 2)
            .map(|k| {
                let theta = PI * k as f64 / orientations as f64;
                // Exact for a quarter turn, where the cosine is not quite zero.
                let cos = if 2 * k == orientations {
                    0.0
                } else {
                    theta.cos()
                };
                let [along, down] = [cos, theta.sin()]
                    .map(|part| Taps::new(sigma_px, half_width, TAU / wavelength_px * part));
                (along, down)
            })
            .collect();
        let sums = (0..orientations)
            .map(|k| {
                let (along, down) = &waves[k.min(orientations - k)];
                (along.sum() * down.sum()) as f32
            })
            .collect();
        Self {
            half_width,
            orientations,
            envelope: Taps::new(sigma_px, half_width, 0.0),
            waves,
            sums,
        }
    }

    /// Filters images of one shape, strip by strip.
    pub(super) fn run(&self, inputs: &[&[f32]], shape: (usize, usize), sink: &mut impl Sink) {
        Arch::new().dispatch(Run {
            scale: self,
            inputs,
            shape,
            sink,
        });
    }

    /// Sums along rows that are kept of an image: the envelope, then two a wave.
    fn channels(&self) -> usize {
        1 + 2 * self.waves.len()
    }
}

struct Run<'a, K> {
    scale: &'a Scale,
    inputs: &'a [&'a [f32]],
    shape: (usize, usize),
    sink: &'a mut K,
}

impl<K: Sink> WithSimd for Run<'_, K> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (rows, columns) = self.shape;
        let scale = self.scale;
        let half = scale.half_width;
        let height = 2 * half + 1;
        let channels = scale.channels();
        let mut line = vec![0.0f32; TILE + 2 * half];
        let mut folds = vec![(ZERO, ZERO); half + 1];
        let mut places = vec![(0, 0); half + 1];
        // For each input, the last rows of sums along rows.
        let mut kept = vec![vec![ZERO; height * channels]; self.inputs.len()];
        let mut responses = vec![
            Responses {
                blurred: ZERO,
                waves: vec![(ZERO, ZERO); scale.orientations],
            };
            self.inputs.len()
        ];
        for column in (0..columns).step_by(TILE) {
            let width = TILE.min(columns - column);
            for ahead in 0..rows + 2 * half {
                let source = mirrored(ahead as isize - half as isize, rows);
                let slot = ahead % height;
                for (image, kept) in self.inputs.iter().zip(&mut kept) {
                    let row = &image[source * columns..][..columns];
                    cut(row, column, half, &mut line);
                    fold(simd, &line, half, &mut folds);
                    along_rows(
                        simd,
                        scale,
                        &folds,
                        &mut kept[slot * channels..][..channels],
                    );
                }
                if ahead + 1 < height {
                    continue;
                }
                // Row `ahead` is the last one: `half` rows below the centre.
                for (tap, (above, below)) in places.iter_mut().enumerate() {
                    *above = (ahead - half - tap) % height * channels;
                    *below = (ahead - half + tap) % height * channels;
                }
                for (kept, responses) in kept.iter().zip(&mut responses) {
                    down_columns(simd, scale, kept, &places, responses);
                }
                let row = ahead + 1 - height;
                let responses = Magnitudes {
                    inputs: &responses,
                    kernel_sums: &scale.sums,
                };
                self.sink.take(row, column, width, &responses);
            }
        }
    }
}

/// A strip of a row and its margins, mirrored beyond the ends of the row.
#[inline(always)]
fn cut(row: &[f32], column: usize, half: usize, line: &mut [f32]) {
    if column >= half && column + TILE + half <= row.len() {
        line.copy_from_slice(&row[column - half..column + TILE + half]);
    } else {
        for (place, value) in line.iter_mut().enumerate() {
            *value = row[mirrored((column + place) as isize - half as isize, row.len())];
        }
    }
}

/// Adds and subtracts the pixels on both sides of every pixel.
#[inline(always)]
fn fold<S: Simd>(simd: S, line: &[f32], half: usize, folds: &mut [(Strip, Strip)]) {
    folds[0].0.copy_from_slice(&line[half..half + TILE]);
    for (tap, (even, odd)) in folds.iter_mut().enumerate().skip(1) {
        let (right, _) = S::as_simd_f32s(&line[half + tap..half + tap + TILE]);
        let (left, _) = S::as_simd_f32s(&line[half - tap..half - tap + TILE]);
        let (even, _) = S::as_mut_simd_f32s(even);
        let (odd, _) = S::as_mut_simd_f32s(odd);
        for (((even, odd), &right), &left) in even.iter_mut().zip(odd).zip(right).zip(left) {
            *even = simd.add_f32s(right, left);
            *odd = simd.sub_f32s(right, left);
        }
    }
}

/// The sums along the row: envelope, then real and imaginary part of each wave.
#[inline(always)]
fn along_rows<S: Simd>(simd: S, scale: &Scale, folds: &[(Strip, Strip)], out: &mut [Strip]) {
    let (envelope, out) = out.split_at_mut(1);
    envelope[0] = weighted(simd, &scale.envelope.cos, |tap| &folds[tap].0);
    for ((along, _), out) in scale.waves.iter().zip(out.chunks_exact_mut(2)) {
        out[0] = weighted(simd, &along.cos, |tap| &folds[tap].0);
        // The sine is 0 at the centre, where there is no fold either.
        if along.odd {
            out[1] = weighted(simd, &along.sin, |tap| &folds[tap].1);
        }
    }
}

/// `Σ taps · strips`.
#[inline(always)]
fn weighted<'a, S: Simd>(simd: S, taps: &[f32], strip: impl Fn(usize) -> &'a Strip) -> Strip {
    let mut sum = ZERO;
    let (sums, _) = S::as_mut_simd_f32s(&mut sum);
    for (block, sums) in sums.chunks_mut(2).enumerate() {
        let mut partial = [simd.splat_f32s(0.0); 2];
        for (tap, &weight) in taps.iter().enumerate() {
            let weight = simd.splat_f32s(weight);
            let (values, _) = S::as_simd_f32s(strip(tap));
            for (partial, &value) in partial.iter_mut().zip(&values[2 * block..]) {
                *partial = simd.mul_add_e_f32s(weight, value, *partial);
            }
        }
        for (sum, partial) in sums.iter_mut().zip(partial) {
            *sum = partial;
        }
    }
    sum
}

/// `Σ cos (below + above)` and, if there is one, `Σ sin (below − above)` down the columns of one kept
/// channel.
#[inline(always)]
fn down<'a, const ODD: bool, S: Simd>(
    simd: S,
    taps: &Taps,
    strips: impl Fn(usize) -> (&'a Strip, &'a Strip),
) -> (Strip, Strip) {
    let (mut even, mut odd) = (ZERO, ZERO);
    let (evens, _) = S::as_mut_simd_f32s(&mut even);
    let (odds, _) = S::as_mut_simd_f32s(&mut odd);
    for (block, (evens, odds)) in evens.chunks_mut(2).zip(odds.chunks_mut(2)).enumerate() {
        let (centre, _) = S::as_simd_f32s(strips(0).0);
        let first = simd.splat_f32s(taps.cos[0]);
        let mut partial = [(simd.splat_f32s(0.0), simd.splat_f32s(0.0)); 2];
        for (partial, &value) in partial.iter_mut().zip(&centre[2 * block..]) {
            partial.0 = simd.mul_f32s(first, value);
        }
        for (tap, (&cos, &sin)) in taps.cos.iter().zip(&taps.sin).enumerate().skip(1) {
            let (cos, sin) = (simd.splat_f32s(cos), simd.splat_f32s(sin));
            let (above, below) = strips(tap);
            let (above, _) = S::as_simd_f32s(above);
            let (below, _) = S::as_simd_f32s(below);
            let values = above[2 * block..].iter().zip(&below[2 * block..]);
            for (partial, (&above, &below)) in partial.iter_mut().zip(values) {
                let sum = simd.add_f32s(below, above);
                partial.0 = simd.mul_add_e_f32s(cos, sum, partial.0);
                if ODD {
                    let difference = simd.sub_f32s(below, above);
                    partial.1 = simd.mul_add_e_f32s(sin, difference, partial.1);
                }
            }
        }
        for ((even, odd), partial) in evens.iter_mut().zip(odds).zip(partial) {
            (*even, *odd) = partial;
        }
    }
    (even, odd)
}

/// [`down`], without the sines if there is none.
#[inline(always)]
fn down_either<'a, S: Simd>(
    simd: S,
    taps: &Taps,
    strips: impl Fn(usize) -> (&'a Strip, &'a Strip),
) -> (Strip, Strip) {
    if taps.odd {
        down::<true, S>(simd, taps, strips)
    } else {
        down::<false, S>(simd, taps, strips)
    }
}

/// `a − b` or `a + b`.
#[inline(always)]
fn combine<const SUBTRACT: bool, S: Simd>(simd: S, a: &Strip, b: &Strip) -> Strip {
    let mut result = ZERO;
    let (target, _) = S::as_mut_simd_f32s(&mut result);
    let (a, _) = S::as_simd_f32s(a);
    let (b, _) = S::as_simd_f32s(b);
    for ((target, &a), &b) in target.iter_mut().zip(a).zip(b) {
        *target = if SUBTRACT {
            simd.sub_f32s(a, b)
        } else {
            simd.add_f32s(a, b)
        };
    }
    result
}

/// The responses of all orientations from the kept sums along rows.
#[inline(always)]
fn down_columns<S: Simd>(
    simd: S,
    scale: &Scale,
    kept: &[Strip],
    places: &[(usize, usize)],
    out: &mut Responses,
) {
    let strips = |channel: usize| {
        move |tap: usize| {
            let (above, below) = places[tap];
            (&kept[above + channel], &kept[below + channel])
        }
    };
    out.blurred = down::<false, S>(simd, &scale.envelope, strips(0)).0;
    for (k, (along, taps)) in scale.waves.iter().enumerate() {
        // With A + iB along the row and C + iS down the column: (AC − BS) + i (AS + BC); the mirrored
        // orientation has A − iB.
        let (real_cos, real_sin) = down_either(simd, taps, strips(1 + 2 * k));
        let (imaginary_cos, imaginary_sin) = if along.odd {
            down_either(simd, taps, strips(2 + 2 * k))
        } else {
            (ZERO, ZERO)
        };
        out.waves[k] = (
            combine::<true, S>(simd, &real_cos, &imaginary_sin),
            combine::<false, S>(simd, &real_sin, &imaginary_cos),
        );
        let partner = scale.orientations - k;
        if k > 0 && partner > k {
            out.waves[partner] = (
                combine::<false, S>(simd, &real_cos, &imaginary_sin),
                combine::<true, S>(simd, &real_sin, &imaginary_cos),
            );
        }
    }
}
