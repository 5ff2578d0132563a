//! The Gabor kernel as it is usually printed, elliptical envelope included.

use std::f64::consts::{LN_2, PI, TAU};

use ndarray::Array2;
use num_complex::Complex64;

/// A complex Gabor kernel: a plane wave under a Gaussian,
///
/// `g = exp(−x'²/2σx² − y'²/2σy²) / (2π σx σy) · exp(i (2π f x' + φ))`,
///
/// with `x'` along the angle `θ` from growing columns towards growing rows and `y'` across. As in
/// scikit-image 0.26, the sum of its envelope is 1 but for what lies beyond `n_stds` deviations, and its
/// mean is *not* zero; the extractor [`Gabor`](crate::Gabor) takes it out.
///
/// ```
/// use xscatter_features::gabor::GaborKernel;
///
/// let kernel = GaborKernel::with_bandwidth(0.1, 0.5, 1.0).samples();
/// assert_eq!(kernel.dim(), (31, 31));
/// assert!((kernel.sum().re - 0.0029468754350).abs() < 1e-10);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GaborKernel {
    /// The spatial frequency `f` of the wave, 1 over the wavelength.
    pub frequency_per_px: f64,
    /// The direction `θ` of the wave.
    pub theta_rad: f64,
    /// The deviation of the envelope along the wave.
    pub sigma_x_px: f64,
    /// The deviation of the envelope across the wave.
    pub sigma_y_px: f64,
    /// How many deviations the samples reach.
    pub n_stds: f64,
    /// The phase `φ` at the centre.
    pub phase_rad: f64,
}

impl GaborKernel {
    /// A round envelope that passes `octaves` of frequency at half height, sampled to 3 deviations.
    pub fn with_bandwidth(frequency_per_px: f64, theta_rad: f64, octaves: f64) -> Self {
        let ratio = octaves.exp2();
        let sigma_px =
            (LN_2 / 2.0).sqrt() * (ratio + 1.0) / (ratio - 1.0) / (PI * frequency_per_px);
        Self {
            frequency_per_px,
            theta_rad,
            sigma_x_px: sigma_px,
            sigma_y_px: sigma_px,
            n_stds: 3.0,
            phase_rad: 0.0,
        }
    }

    /// Its samples, the centre in the middle.
    pub fn samples(&self) -> Array2<Complex64> {
        let (sin, cos) = self.theta_rad.sin_cos();
        let [along, across] = [self.sigma_x_px, self.sigma_y_px].map(|sigma| self.n_stds * sigma);
        let reach = |a: f64, b: f64| a.abs().max(b.abs()).max(1.0).ceil() as usize;
        let columns = reach(along * cos, across * sin);
        let rows = reach(across * cos, along * sin);
        let norm = 1.0 / (TAU * self.sigma_x_px * self.sigma_y_px);
        Array2::from_shape_fn((2 * rows + 1, 2 * columns + 1), |(row, column)| {
            let (y, x) = (row as f64 - rows as f64, column as f64 - columns as f64);
            let (turned_x, turned_y) = (x * cos + y * sin, y * cos - x * sin);
            let envelope =
                (turned_x / self.sigma_x_px).powi(2) + (turned_y / self.sigma_y_px).powi(2);
            let phase = TAU * self.frequency_per_px * turned_x + self.phase_rad;
            Complex64::from_polar(norm * (-0.5 * envelope).exp(), phase)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn g_gab_1_kernel_of_scikit_image() {
        let kernel = GaborKernel::with_bandwidth(0.1, 0.5, 1.0).samples();
        assert_eq!(kernel.dim(), (31, 31));
        let sum = kernel.sum();
        assert_abs_diff_eq!(sum.re, 0.0029468754350, epsilon = 1e-10);
        assert_abs_diff_eq!(sum.im, 0.0, epsilon = 1e-10);
        let magnitudes: f64 = kernel.iter().map(|value| value.norm()).sum();
        assert_abs_diff_eq!(magnitudes, 0.988501312068, epsilon = 1e-10);
    }
}
