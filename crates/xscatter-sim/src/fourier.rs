//! The Fourier transform of a square field.
//!
//! The scalar algorithms of rustfft are used on purpose: those for wide registers round differently,
//! and a simulated frame should not depend on the processor. A field of 256² costs some 3 ms.

use num_complex::Complex;
use rustfft::FftPlannerScalar;

/// Transforms a field of `side`² values in place, without a factor: F(k) = Σ f(x) exp(−2πi k·x/side).
pub(crate) fn transform(side: usize, field: &mut [Complex<f32>]) {
    let plan = FftPlannerScalar::new().plan_fft_forward(side);
    let mut scratch = vec![Complex::ZERO; plan.get_inplace_scratch_len()];
    for _ in 0..2 {
        for row in field.chunks_exact_mut(side) {
            // A pupil leaves most rows dark.
            if row.iter().any(|value| *value != Complex::ZERO) {
                plan.process_with_scratch(row, &mut scratch);
            }
        }
        transpose(side, field);
    }
}

fn transpose(side: usize, field: &mut [Complex<f32>]) {
    for row in 0..side {
        for column in row + 1..side {
            field.swap(row * side + column, column * side + row);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    #[test]
    fn a_wave_is_one_coefficient() {
        let side = 8;
        let mut field: Vec<Complex<f32>> = (0..side * side)
            .map(|cell| {
                let (y, x) = ((cell / side) as f32, (cell % side) as f32);
                Complex::from_polar(1.0, TAU * (3.0 * y + 2.0 * x) / side as f32)
            })
            .collect();
        transform(side, &mut field);
        for (cell, value) in field.iter().enumerate() {
            let expected = if cell == 3 * side + 2 { 64.0 } else { 0.0 };
            assert!((value - expected).norm() < 1e-3, "{cell} {value}");
        }
    }
}
