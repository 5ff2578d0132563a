//! Waves in a stack of layers on a substrate: Parratt's recursion with rough interfaces.
//!
//! Use it for reflectivity, for the field where a buried particle is, and for the Yoneda bands of
//! film and substrate. Not for interfaces rougher than a layer is thick.
//!
//! ```text
//! k_j  = k √(n_j² − cos² α),  Im k_j ≥ 0
//! r_j  = (k_j − k_j+1)/(k_j + k_j+1) · exp(−2 k_j k_j+1 σ²)        interface below medium j
//! t_j  = 2 k_j/(k_j + k_j+1) · exp((k_j − k_j+1)² σ²/2)
//! X_j  = (r_j + Y_j+1)/(1 + r_j Y_j+1),  Y_j = X_j exp(2 i k_j d_j),  Y of the substrate = 0
//! ```
//!
//! X is the upward over the downward amplitude at the lower interface of a medium, Y at its upper one.
//! σ is the rms roughness (Névot and Croce). Cost: two complex exponentials a layer and angle.
//!
//! Source: Parratt 1954, doi:10.1103/PhysRev.95.359; Névot and Croce 1980,
//! doi:10.1051/rphysap:01980001503076100.

use std::f64::consts::TAU;

use num_complex::Complex64;

use super::{GrazingError, Material, not_negative, positive};

/// A layer between vacuum and substrate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer {
    /// What it is made of.
    pub material: Material,
    /// How thick it is.
    pub thickness_nm: f64,
    /// Standard deviation of the height of its upper interface.
    pub roughness_nm: f64,
}

/// A stack of layers, from top to bottom, on a substrate.
#[derive(Debug, Clone, PartialEq)]
pub struct StackConfig {
    /// Of the beam.
    pub wavelength_nm: f64,
    /// From top to bottom; none for a bare substrate.
    pub layers: Vec<Layer>,
    /// What lies below.
    pub substrate: Material,
    /// Standard deviation of the height of the substrate's surface.
    pub substrate_roughness_nm: f64,
}

impl Default for StackConfig {
    /// Bare, smooth silicon at 0.1 nm.
    fn default() -> Self {
        Self {
            wavelength_nm: 0.1,
            layers: Vec::new(),
            substrate: Material::SILICON_AT_0_1_NM,
            substrate_roughness_nm: 0.0,
        }
    }
}

/// A medium of the stack and the interface below it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Medium {
    /// n² − 1.
    beyond_vacuum: Complex64,
    thickness_nm: f64,
    roughness_below_nm: f64,
}

/// The wave in one medium: `down·exp(−i k_z z) + up·exp(i k_z z)`, z = 0 at its upper interface, for
/// vacuum at the surface.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wave {
    /// Component of the wave vector along the normal.
    pub kz_inv_nm: Complex64,
    /// Amplitude of what goes down.
    pub down: Complex64,
    /// Amplitude of what goes up.
    pub up: Complex64,
}

impl Wave {
    /// |ψ|² at the height z (negative inside a layer).
    pub fn intensity(&self, z_nm: f64) -> f64 {
        let phase = (Complex64::i() * self.kz_inv_nm * z_nm).exp();
        (self.down / phase + self.up * phase).norm_sqr()
    }
}

/// A stack whose waves can be asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Stack {
    k_inv_nm: f64,
    media: Vec<Medium>,
}

impl Stack {
    /// A stack with this configuration.
    ///
    /// # Errors
    /// [`GrazingError`] if the wavelength or a thickness is not positive, or a roughness, a decrement
    /// or an absorption is negative.
    pub fn new(config: &StackConfig) -> Result<Self, GrazingError> {
        positive("wavelength_nm", config.wavelength_nm)?;
        not_negative("substrate_roughness_nm", config.substrate_roughness_nm)?;
        config.substrate.check()?;
        let roughness = config
            .layers
            .iter()
            .map(|layer| layer.roughness_nm)
            .chain([config.substrate_roughness_nm]);
        let mut media = vec![Medium {
            beyond_vacuum: Complex64::ZERO,
            thickness_nm: 0.0,
            roughness_below_nm: 0.0,
        }];
        for layer in &config.layers {
            positive("thickness_nm", layer.thickness_nm)?;
            not_negative("roughness_nm", layer.roughness_nm)?;
            layer.material.check()?;
            media.push(Medium {
                beyond_vacuum: layer.material.beyond_vacuum(),
                thickness_nm: layer.thickness_nm,
                roughness_below_nm: 0.0,
            });
        }
        media.push(Medium {
            beyond_vacuum: config.substrate.beyond_vacuum(),
            thickness_nm: 0.0,
            roughness_below_nm: 0.0,
        });
        for (medium, roughness) in media.iter_mut().zip(roughness) {
            medium.roughness_below_nm = roughness;
        }
        Ok(Self {
            k_inv_nm: TAU / config.wavelength_nm,
            media,
        })
    }

    /// How many layers lie between vacuum and substrate.
    pub fn layers(&self) -> usize {
        self.media.len() - 2
    }

    /// n² − 1 of medium `index`: 0 is vacuum, then the layers from top to bottom, then the substrate.
    pub(crate) fn beyond_vacuum(&self, index: usize) -> Complex64 {
        self.media[index].beyond_vacuum
    }

    pub(crate) fn thickness_nm(&self, index: usize) -> f64 {
        self.media[index].thickness_nm
    }

    pub(crate) fn k_inv_nm(&self) -> f64 {
        self.k_inv_nm
    }

    /// The wave in every medium, vacuum first and substrate last, of a beam that arrives with
    /// amplitude 1 at the sine of a grazing angle ≥ 0.
    pub fn waves(&self, sine: f64) -> Vec<Wave> {
        let mut waves: Vec<Wave> = self
            .media
            .iter()
            .map(|medium| Wave {
                kz_inv_nm: self.k_inv_nm * upward_root(medium.beyond_vacuum + sine * sine),
                down: Complex64::ONE,
                up: Complex64::ZERO,
            })
            .collect();
        // From the substrate up: `up` holds Y.
        for upper in (0..self.media.len() - 1).rev() {
            let (above, below) = (waves[upper].kz_inv_nm, waves[upper + 1].kz_inv_nm);
            let r = self.reflection(upper, above, below);
            let y = waves[upper + 1].up;
            let x = (r + y) / (1.0 + r * y);
            let there_and_back =
                (2.0 * Complex64::i() * above * self.media[upper].thickness_nm).exp();
            waves[upper].up = x * there_and_back;
        }
        // And down again with the amplitudes.
        for upper in 0..self.media.len() - 1 {
            let Medium {
                thickness_nm,
                roughness_below_nm,
                ..
            } = self.media[upper];
            let (above, below) = (waves[upper].kz_inv_nm, waves[upper + 1].kz_inv_nm);
            let r = self.reflection(upper, above, below);
            let t = 2.0 * above / (above + below)
                * (0.5 * ((above - below) * roughness_below_nm).powi(2)).exp();
            let arriving = waves[upper].down * (Complex64::i() * above * thickness_nm).exp();
            let y = waves[upper + 1].up;
            waves[upper + 1].down = t * arriving / (1.0 + r * y);
        }
        for wave in &mut waves {
            wave.up *= wave.down;
        }
        waves
    }

    /// The share of the beam that is reflected at a grazing angle ≥ 0.
    pub fn reflectivity(&self, alpha_rad: f64) -> f64 {
        self.waves(alpha_rad.sin())[0].up.norm_sqr()
    }

    fn reflection(&self, upper: usize, above: Complex64, below: Complex64) -> Complex64 {
        let roughness = self.media[upper].roughness_below_nm;
        (above - below) / (above + below) * (-2.0 * above * below * roughness * roughness).exp()
    }
}

/// The root that decays downwards.
pub(super) fn upward_root(square: Complex64) -> Complex64 {
    let root = square.sqrt();
    if root.im < 0.0 { -root } else { root }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    const POLYMER: Material = Material {
        delta: 3e-6,
        beta: 5e-9,
    };

    fn film(thickness_nm: f64, roughness_nm: f64) -> Stack {
        Stack::new(&StackConfig {
            layers: vec![Layer {
                material: POLYMER,
                thickness_nm,
                roughness_nm,
            }],
            substrate_roughness_nm: roughness_nm,
            ..StackConfig::default()
        })
        .unwrap()
    }

    #[test]
    fn a_bare_substrate_is_that_of_fresnel() {
        let stack = Stack::new(&StackConfig::default()).unwrap();
        for alpha in [1e-3, 3.46e-3, 5e-3, 0.02] {
            let waves = stack.waves(f64::sin(alpha));
            let r = Material::SILICON_AT_0_1_NM.reflection(alpha);
            let t = Material::SILICON_AT_0_1_NM.transmission(alpha);
            assert!((waves[0].up - r).norm() < 1e-12);
            assert!((waves[1].down - t).norm() < 1e-12);
        }
    }

    #[test]
    fn a_layer_of_the_substrates_material_changes_nothing() {
        let stack = Stack::new(&StackConfig {
            layers: vec![Layer {
                material: Material::SILICON_AT_0_1_NM,
                thickness_nm: 20.0,
                roughness_nm: 0.0,
            }],
            ..StackConfig::default()
        })
        .unwrap();
        let bare = Stack::new(&StackConfig::default()).unwrap();
        for alpha in [2e-3, 4e-3, 0.01] {
            assert_relative_eq!(
                stack.reflectivity(alpha),
                bare.reflectivity(alpha),
                max_relative = 1e-9
            );
        }
    }

    #[test]
    fn the_field_is_continuous_at_smooth_interfaces() {
        let stack = film(30.0, 0.0);
        for sine in [1e-3, 2.6e-3, 3.2e-3, 9e-3] {
            let waves = stack.waves(sine);
            assert_relative_eq!(
                waves[0].intensity(0.0),
                waves[1].intensity(0.0),
                max_relative = 1e-9
            );
            assert_relative_eq!(
                waves[1].intensity(-30.0),
                waves[2].intensity(0.0),
                max_relative = 1e-9
            );
        }
    }

    /// Without absorption what is not reflected goes down: |T|² Re k_s/k_z + |R|² = 1.
    #[test]
    fn energy_is_conserved() {
        let lossless = |delta| Material { delta, beta: 0.0 };
        let stack = Stack::new(&StackConfig {
            layers: vec![Layer {
                material: lossless(3e-6),
                thickness_nm: 40.0,
                roughness_nm: 0.0,
            }],
            substrate: lossless(6e-6),
            ..StackConfig::default()
        })
        .unwrap();
        for sine in [1e-3, 2.9e-3, 3.6e-3, 5e-3, 0.02] {
            let waves = stack.waves(sine);
            let down = waves[2].down.norm_sqr() * waves[2].kz_inv_nm.re / waves[0].kz_inv_nm.re;
            assert_relative_eq!(down + waves[0].up.norm_sqr(), 1.0, epsilon = 1e-9);
        }
    }

    #[test]
    fn fringes_have_the_period_of_the_thickness_and_roughness_damps_them() {
        let thickness = 50.0;
        // Minima of r far above the critical angle are π/d apart in k_z of the film.
        let stack = film(thickness, 0.0);
        let sines: Vec<f64> = (0..6000).map(|i| 0.008 + 2e-6 * f64::from(i)).collect();
        let minima: Vec<f64> = sines
            .windows(3)
            .filter(|w| {
                let r = [w[0], w[1], w[2]].map(|s| stack.waves(s)[0].up.norm_sqr());
                r[1] < r[0] && r[1] < r[2]
            })
            .map(|w| stack.waves(w[1])[1].kz_inv_nm.re)
            .collect();
        assert!(minima.len() > 5);
        let period = (minima[minima.len() - 1] - minima[0]) / (minima.len() - 1) as f64;
        assert_relative_eq!(
            period,
            std::f64::consts::PI / thickness,
            max_relative = 0.01
        );
        assert!(film(thickness, 1.0).reflectivity(0.015) < 0.5 * stack.reflectivity(0.015));
    }

    #[test]
    fn impossible_layers_are_named() {
        let error = Stack::new(&StackConfig {
            layers: vec![Layer {
                material: POLYMER,
                thickness_nm: -3.0,
                roughness_nm: 0.0,
            }],
            ..StackConfig::default()
        })
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected thickness_nm to be positive, got -3"
        );
    }
}
