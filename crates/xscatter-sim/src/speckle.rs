//! Speckle: what a coherent beam makes of a smooth intensity.
//!
//! The far field of many random scatterers in a coherent beam is a complex Gaussian field, limited by
//! the beam: its transform lives on the pupil, a disk as wide as the beam. Use it as a factor of the
//! intensity that incoherent light would give. Not for a sample whose order is of interest in the
//! speckle itself (see [`mesostructure`](crate::mesostructure)).
//!
//! ```text
//! I = (1/M) Σ_m |FT{pupil · white noise}|²        mean 1, contrast σ/mean = 1/√M
//! M = 1:  p(I) = exp(−I);   M modes:  Gamma(M)
//! grain = λ D/b on the detector, 2π/b in q        b: width of the beam
//! correlation of intensities at distance r = |2 J₁(π r/grain)/(π r/grain)|²/M
//! ```
//!
//! The field repeats after `side` cells. Normal numbers for the pupil and one transform a mode:
//! some 3 ms a mode at side 256.
//!
//! Source: Goodman, Speckle Phenomena in Optics, 2007, sections 3 and 4.

use num_complex::Complex;
use rand_chacha::ChaCha8Rng;

use crate::draw::normal_f32;
use crate::fourier::transform;

/// A field of `side`² speckles of `grain_cells` cells and `modes` modes; `side` is a power of two.
pub(crate) fn speckle(
    rng: &mut ChaCha8Rng,
    side: usize,
    grain_cells: f64,
    modes: usize,
) -> Vec<f32> {
    let radius = side as f64 / (2.0 * grain_cells.max(1.5));
    let reach = radius.floor() as i32;
    let pupil: Vec<usize> = (-reach..=reach)
        .flat_map(|row| (-reach..=reach).map(move |column| (row, column)))
        .filter(|&(row, column)| f64::from(row * row + column * column) <= radius * radius)
        .map(|(row, column)| {
            let wrapped = |k: i32| k.rem_euclid(side as i32) as usize;
            wrapped(row) * side + wrapped(column)
        })
        .collect();
    let mut intensity = vec![0.0; side * side];
    // Each coefficient has a mean square of 2.
    let norm = 1.0 / (2 * pupil.len() * modes) as f32;
    for _ in 0..modes {
        let mut field = vec![Complex::ZERO; side * side];
        for &cell in &pupil {
            field[cell] = Complex::new(normal_f32(rng), normal_f32(rng));
        }
        transform(side, &mut field);
        for (sum, value) in intensity.iter_mut().zip(&field) {
            *sum += norm * value.norm_sqr();
        }
    }
    intensity
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::generator;
    use approx::assert_relative_eq;

    fn moments(field: &[f32]) -> (f64, f64) {
        let n = field.len() as f64;
        let mean = field.iter().map(|&i| f64::from(i)).sum::<f64>() / n;
        let square = field.iter().map(|&i| f64::from(i).powi(2)).sum::<f64>() / n;
        (mean, (square - mean * mean).sqrt() / mean)
    }

    #[test]
    fn the_contrast_is_one_over_the_root_of_the_modes() {
        for modes in [1, 2, 5] {
            let (mean, contrast) = moments(&speckle(&mut generator(6), 256, 2.0, modes));
            assert_relative_eq!(mean, 1.0, max_relative = 0.02);
            assert_relative_eq!(contrast, 1.0 / (modes as f64).sqrt(), max_relative = 0.03);
        }
    }

    #[test]
    fn full_coherence_has_exponential_intensities_and_partial_a_gamma() {
        let above = |field: &[f32], level: f32| {
            field.iter().filter(|&&i| i > level).count() as f64 / field.len() as f64
        };
        let one = speckle(&mut generator(7), 256, 2.0, 1);
        for level in [0.5, 1.0, 2.0, 4.0] {
            assert_relative_eq!(
                above(&one, level),
                f64::from(-level).exp(),
                max_relative = 0.04,
                epsilon = 2e-3
            );
        }
        // P(I > x) of Gamma(2) with mean 1 is (1 + 2x) exp(−2x).
        let two = speckle(&mut generator(8), 256, 2.0, 2);
        assert_relative_eq!(
            above(&two, 1.5),
            4.0 * (-3.0_f64).exp(),
            max_relative = 0.04
        );
    }

    #[test]
    fn grains_have_the_size_of_the_beam() {
        let (side, grain) = (256, 4.0);
        let field = speckle(&mut generator(9), side, grain, 1);
        let correlation = |shift: usize| {
            let sum: f64 = (0..side * side)
                .map(|cell| {
                    let other = cell - cell % side + (cell % side + shift) % side;
                    f64::from(field[cell] - 1.0) * f64::from(field[other] - 1.0)
                })
                .sum();
            sum / (side * side) as f64
        };
        let variance = correlation(0);
        for shift in [1_u32, 2, 3, 4, 6] {
            let x = std::f64::consts::PI * f64::from(shift) / grain;
            let expected = (2.0 * libm::j1(x) / x).powi(2);
            assert_relative_eq!(
                correlation(shift as usize) / variance,
                expected,
                epsilon = 0.03
            );
        }
    }

    /// G-C2-1: ⟨I₁I₂⟩/(⟨I₁⟩⟨I₂⟩) is 2 for the same speckle and 1 for another one.
    #[test]
    fn g_c2_1_two_times() {
        let (a, b) = (
            speckle(&mut generator(10), 256, 2.0, 1),
            speckle(&mut generator(11), 256, 2.0, 1),
        );
        let c2 = |a: &[f32], b: &[f32]| {
            let n = a.len() as f64;
            let product: f64 = a.iter().zip(b).map(|(&a, &b)| f64::from(a * b)).sum();
            product / n / (moments(a).0 * moments(b).0)
        };
        assert_relative_eq!(c2(&a, &a), 2.0, epsilon = 0.05);
        assert_relative_eq!(c2(&a, &b), 1.0, epsilon = 0.03);
    }
}
