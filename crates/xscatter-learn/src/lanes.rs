//! Loops that become vector instructions of whatever width the processor has.
//!
//! Use [`vectorised`] around plain loops over arrays of [`LANES`] numbers. No step needs a fused
//! multiply-add, and sums go in a fixed order, so the bits of a result are the same on every processor.
//! The crate `pulp` compiles the work for AVX2 and AVX-512 and chooses at run time.
#![allow(
    clippy::inline_always,
    reason = "a function that is not inlined would be compiled without the wide instructions"
)]

use std::sync::LazyLock;

use pulp::{Arch, Simd, WithSimd};

/// What this processor has, asked once: a question of its own for each call would cost more than small work.
pub(crate) static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// So many numbers are treated together.
pub(crate) const LANES: usize = 16;

/// Work that gains from wide instructions; everything it calls must be inlined into it.
pub(crate) trait Work {
    type Output;

    fn run(self) -> Self::Output;
}

struct Vectorised<W>(W);

impl<W: Work> WithSimd for Vectorised<W> {
    type Output = W::Output;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> W::Output {
        self.0.run()
    }
}

/// Runs `work` as compiled for the widest instructions that this processor has.
pub(crate) fn vectorised<W: Work>(work: W) -> W::Output {
    ARCH.dispatch(Vectorised(work))
}

/// `Σ aᵢ bᵢ` in double precision, each lane on its own and then the lanes by halves.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f64]) -> f64 {
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += f64::from(a[lane]) * b[lane];
        }
    }
    let mut sum = total(lanes);
    for (&a, &b) in a_rest.iter().zip(b_rest) {
        sum += f64::from(a) * b;
    }
    sum
}

/// The sum of all lanes, halves upon halves.
#[inline(always)]
pub(crate) fn total(mut lanes: [f64; LANES]) -> f64 {
    for width in [8, 4, 2, 1] {
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
    }
    lanes[0]
}

/// Where the first number that equals `wanted` is.
#[inline(always)]
pub(crate) fn position(values: &[f64], wanted: f64) -> Option<usize> {
    let (chunks, rest) = values.as_chunks::<LANES>();
    for (place, chunk) in chunks.iter().enumerate() {
        let mut found = false;
        for value in chunk {
            found |= *value == wanted;
        }
        if found {
            let within = chunk.iter().position(|&value| value == wanted)?;
            return Some(place * LANES + within);
        }
    }
    let within = rest.iter().position(|&value| value == wanted)?;
    Some(chunks.len() * LANES + within)
}

/// ln 2 in two parts, the first of few bits.
const LN_2_PARTS: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
/// Adding it leaves an integer in the lowest bits, rounded to nearest.
const ROUND: f32 = 12_582_912.0;
/// Below, eˣ is 0 as far as a sum with 1 can tell, and 2ⁿ stays a normal number.
const LOWEST: f32 = -87.0;

/// eˣ for x of 0 or less, to 2e-7 of its value; below −87 it is that of −87.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = if x < LOWEST { LOWEST } else { x };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * LN_2_PARTS[0]) - n * LN_2_PARTS[1];
    let mut sum = 1.0 / 5040.0;
    for coefficient in [
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ] {
        sum = sum * r + coefficient;
    }
    let scale = f32::from_bits(rounded.to_bits().wrapping_add(127) << 23);
    scale * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Exp<'a>(&'a mut [f32]);

    impl Work for Exp<'_> {
        type Output = ();

        #[inline(always)]
        fn run(self) {
            for x in self.0 {
                *x = exp(*x);
            }
        }
    }

    struct Position<'a>(&'a [f64], f64);

    impl Work for Position<'_> {
        type Output = Option<usize>;

        #[inline(always)]
        fn run(self) -> Option<usize> {
            position(self.0, self.1)
        }
    }

    #[test]
    fn the_exponential_is_exact_and_the_same_without_vectors() {
        let x: Vec<f32> = (0..86_000).map(|k| -(k as f32) * 1e-3).collect();
        let mut found = x.clone();
        vectorised(Exp(&mut found));
        for (&x, &found) in x.iter().zip(&found) {
            assert_eq!(found, exp(x));
            let exact = f64::from(x).exp();
            assert!((f64::from(found) / exact - 1.0).abs() < 2e-7, "{x}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e30) < 1e-37 && exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn the_first_of_equals_is_found() {
        let mut values: Vec<f64> = (0..100).map(f64::from).collect();
        values[70] = 40.0;
        assert_eq!(vectorised(Position(&values, 40.0)), Some(40));
        assert_eq!(vectorised(Position(&values, 99.0)), Some(99));
        assert_eq!(vectorised(Position(&values, 70.0)), None);
        assert_eq!(vectorised(Position(&values, f64::NAN)), None);
    }
}
