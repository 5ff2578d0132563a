//! A stack of layers whose distance varies: a one-dimensional paracrystal of finite height.
//!
//! Use a [`LamellarStack`] for vesicles of several shells, clays, and lamellae whose grains are thin.
//! Not for thick stacks with sharp peaks (see [`lattice`](crate::lattice)), nor for membranes that
//! bend.
//!
//! ```text
//! I(q) = 2π sinc²(qδ/2) Z(q)/q²
//! Z(q) = 1 + 2 Σ_{k=1}^{N−1} (1 − k/N) wᵏ cos kqd,   w = exp(−q²σ²/2)
//! ```
//!
//! with the thickness δ of a layer, the distance d, its standard deviation σ = `spread` d and N layers
//! in a stack; between whole numbers, stacks of both neighbours are mixed. q in 1/nm, lengths in nm, I
//! in nm² for unit contrast. Z(0) = N; I is infinite at q = 0. Cost: N.
//!
//! Source: Bergström, Pedersen, Schurtenberger and Egelhaaf 1999, doi:10.1021/jp991846w. Checked
//! against sasmodels 1.1.0 (lamellar_stack_paracrystal), which evaluates the same sum in closed form.

use super::{StructureError, length, within};
use crate::form_factor::sinc;

/// What a [`LamellarStack`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LamellarStackConfig {
    /// The thickness of a layer.
    pub thickness_nm: f64,
    /// The mean number of layers in a stack.
    pub layers: f64,
    /// The mean distance of layers.
    pub distance_nm: f64,
    /// Its standard deviation relative to it.
    pub spread: f64,
}

impl Default for LamellarStackConfig {
    fn default() -> Self {
        Self {
            thickness_nm: 3.3,
            layers: 20.0,
            distance_nm: 25.0,
            spread: 0.05,
        }
    }
}

/// Stacks of layers in random orientation.
///
/// ```
/// use xscatter_sim::structure_factor::{LamellarStack, LamellarStackConfig};
///
/// let stack = LamellarStack::new(LamellarStackConfig::default())?;
/// let first_order = std::f64::consts::TAU / 25.0;
/// assert!(stack.structure(first_order) > 10.0 * stack.structure(1.5 * first_order));
/// # Ok::<(), xscatter_sim::structure_factor::StructureError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct LamellarStack(LamellarStackConfig);

impl LamellarStack {
    /// The stacks of a configuration.
    ///
    /// # Errors
    /// If a length is not positive, the layers are thicker than their distance, there are less than
    /// 1 or more than 100000 of them, or the spread is negative.
    pub fn new(config: LamellarStackConfig) -> Result<Self, StructureError> {
        length("distance_nm", config.distance_nm)?;
        length("thickness_nm", config.thickness_nm)?;
        within(
            "thickness_nm",
            "at most the distance of the layers",
            |x| x <= config.distance_nm,
            config.thickness_nm,
        )?;
        within(
            "layers",
            "1 to 100000",
            |x| (1.0..=1e5).contains(&x),
            config.layers,
        )?;
        within("spread", "0 or more", |x| x >= 0.0, config.spread)?;
        Ok(Self(config))
    }

    /// Z(q): how the layers of a stack interfere.
    pub fn structure(&self, q_inv_nm: f64) -> f64 {
        let config = &self.0;
        let fewer = config.layers.floor();
        let mixed = config.layers - fewer;
        let phase = q_inv_nm * config.distance_nm;
        let damping = (-0.5 * (phase * config.spread).powi(2)).exp();
        let (sine, cosine) = phase.sin_cos();
        let step = (damping * cosine, damping * sine);
        let mut power = (1.0, 0.0);
        let mut sum = 1.0;
        for k in 1..=fewer as usize {
            power = (
                power.0 * step.0 - power.1 * step.1,
                power.0 * step.1 + power.1 * step.0,
            );
            let k = k as f64;
            let weight = (1.0 - mixed) * (1.0 - k / fewer) + mixed * (1.0 - k / (fewer + 1.0));
            sum += 2.0 * weight * power.0;
        }
        sum
    }

    /// I(q) in nm² for unit contrast.
    pub fn intensity(&self, q_inv_nm: f64) -> f64 {
        let layer = sinc(0.5 * q_inv_nm * self.0.thickness_nm);
        std::f64::consts::TAU * layer * layer * self.structure(q_inv_nm) / (q_inv_nm * q_inv_nm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn all_layers_are_in_phase_at_zero_and_none_far_out() {
        let stack = LamellarStack::new(LamellarStackConfig {
            layers: 7.25,
            ..LamellarStackConfig::default()
        })
        .unwrap();
        assert_relative_eq!(stack.structure(0.0), 7.25, max_relative = 1e-12);
        assert_relative_eq!(stack.structure(20.0), 1.0, max_relative = 1e-12);
    }

    #[test]
    fn a_thick_stack_is_the_endless_paracrystal() {
        let stack = LamellarStack::new(LamellarStackConfig {
            layers: 5000.0,
            spread: 0.1,
            ..LamellarStackConfig::default()
        })
        .unwrap();
        for q in [0.2, 0.251, 0.5, 0.9] {
            let endless = super::super::paracrystal(q, 25.0, 2.5, 1e12);
            assert_relative_eq!(stack.structure(q), endless, max_relative = 5e-3);
        }
    }

    #[test]
    fn impossible_stacks_name_their_parameter() {
        let default = LamellarStackConfig::default();
        for (name, config) in [
            (
                "thickness_nm",
                LamellarStackConfig {
                    thickness_nm: 30.0,
                    ..default
                },
            ),
            (
                "thickness_nm",
                LamellarStackConfig {
                    thickness_nm: -1.0,
                    ..default
                },
            ),
            (
                "layers",
                LamellarStackConfig {
                    layers: 0.5,
                    ..default
                },
            ),
            (
                "distance_nm",
                LamellarStackConfig {
                    distance_nm: f64::INFINITY,
                    ..default
                },
            ),
            (
                "spread",
                LamellarStackConfig {
                    spread: -0.1,
                    ..default
                },
            ),
        ] {
            let message = LamellarStack::new(config).unwrap_err().to_string();
            assert!(message.starts_with(name), "{message}");
        }
    }
}
