//! Gauss-Legendre nodes and weights.
//!
//! The nodes are the roots of the Legendre polynomial, found by Newton's method from Tricomi's
//! first guess; the weights are 2/((1 − x²) P′(x)²). Exact for polynomials up to degree 2n − 1.

use std::f64::consts::PI;

/// The `(x, weight)` pairs on −1..1.
pub(crate) fn gauss_legendre(points: usize) -> Vec<(f64, f64)> {
    let n = points as f64;
    (0..points)
        .map(|index| {
            let mut x = (PI * (index as f64 + 0.75) / (n + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..100 {
                let (mut previous, mut current) = (1.0, x);
                for degree in 2..=points {
                    let d = degree as f64;
                    (previous, current) = (
                        current,
                        ((2.0 * d - 1.0) * x * current - (d - 1.0) * previous) / d,
                    );
                }
                slope = n * (x * current - previous) / (x * x - 1.0);
                let step = current / slope;
                x -= step;
                if step.abs() < 1e-15 {
                    break;
                }
            }
            (x, 2.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polynomials_are_integrated_exactly() {
        let integral: f64 = gauss_legendre(5).iter().map(|(x, w)| w * x.powi(8)).sum();
        assert!((integral - 2.0 / 9.0).abs() < 1e-14);
        let total: f64 = gauss_legendre(76).iter().map(|(_, w)| w).sum();
        assert!((total - 2.0).abs() < 1e-13);
    }
}
