//! Particles that are dense: a form factor and a structure factor together.
//!
//! Use a [`Suspension`] for I(q) of interacting particles. Not for ordered ones (see
//! [`Paracrystal`](super::Paracrystal)).
//!
//! ```text
//! together     I = φ P S                              all particles of one kind and round
//! decoupled    I = φ P [1 + β (S − 1)],  β = ⟨F⟩²/⟨F²⟩   sizes and orientations independent of places
//! ```
//!
//! P = ⟨F²⟩/⟨V⟩ of the [`Ensemble`]; S is taken for spheres of the effective radius of the particles
//! (the mean of [`Shape::effective_radius_nm`](crate::form_factor::Shape::effective_radius_nm)) or of
//! one that is given. q in 1/nm, I in nm³ for unit contrast. Cost: that of the ensemble.
//!
//! Source: Kotlarchyk and Chen 1983, doi:10.1063/1.446055. Checked against products of sasmodels
//! 1.1.0.

use rayon::prelude::*;

use super::{Interaction, StructureError, StructureFactor, StructureFactorConfig};
use crate::form_factor::{Ensemble, EnsembleConfig};

/// How places and particles depend on each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coupling {
    /// I = φ P S.
    Together,
    /// I = φ P [1 + β (S − 1)].
    Decoupled,
}

/// What a [`Suspension`] is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct SuspensionConfig {
    /// The particles.
    pub particles: EnsembleConfig,
    /// How they act on each other.
    pub interaction: Interaction,
    /// The part of the volume that they fill.
    pub volume_fraction: f64,
    /// The radius of spheres that act as the particles do; by default that of the shapes.
    pub radius_nm: Option<f64>,
    /// How places and particles depend on each other.
    pub coupling: Coupling,
}

impl Default for SuspensionConfig {
    fn default() -> Self {
        Self {
            particles: EnsembleConfig::default(),
            interaction: Interaction::HardSpheres,
            volume_fraction: 0.2,
            radius_nm: None,
            coupling: Coupling::Together,
        }
    }
}

/// Dense particles.
///
/// ```
/// use xscatter_sim::structure_factor::{Suspension, SuspensionConfig};
///
/// let dense = Suspension::new(SuspensionConfig::default())?;
/// let dilute = Suspension::new(SuspensionConfig {
///     volume_fraction: 1e-6,
///     ..SuspensionConfig::default()
/// })?;
/// // Crowding suppresses the intensity at small q.
/// assert!(dense.intensity(0.05) / 0.2 < 0.5 * dilute.intensity(0.05) / 1e-6);
/// # Ok::<(), xscatter_sim::structure_factor::StructureError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Suspension {
    particles: Ensemble,
    structure: StructureFactor,
    volume_fraction: f64,
    coupling: Coupling,
}

impl Suspension {
    /// The suspension of a configuration.
    ///
    /// # Errors
    /// Those of [`Ensemble::new`] and of [`StructureFactor::new`].
    pub fn new(config: SuspensionConfig) -> Result<Self, StructureError> {
        let particles = Ensemble::new(config.particles)?;
        let structure = StructureFactor::new(StructureFactorConfig {
            interaction: config.interaction,
            radius_nm: config
                .radius_nm
                .unwrap_or_else(|| particles.effective_radius_nm()),
            volume_fraction: config.volume_fraction,
        })?;
        Ok(Self {
            particles,
            structure,
            volume_fraction: config.volume_fraction,
            coupling: config.coupling,
        })
    }

    /// I(q) in nm³ for unit contrast.
    pub fn intensity(&self, q_inv_nm: f64) -> f64 {
        let [first, second] = self.particles.averages(q_inv_nm);
        let s = self.structure.at(q_inv_nm);
        let interfering = match self.coupling {
            Coupling::Together => second * s,
            Coupling::Decoupled => second + first * first * (s - 1.0),
        };
        self.volume_fraction * interfering / self.particles.volume_nm3()
    }

    /// [`intensity`](Self::intensity) at each q, in parallel.
    pub fn intensities(&self, q_inv_nm: &[f64]) -> Vec<f64> {
        q_inv_nm.par_iter().map(|&q| self.intensity(q)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form_factor::{Shape, Spread};
    use approx::assert_relative_eq;

    #[test]
    fn equal_spheres_need_no_decoupling() {
        let config = |coupling| SuspensionConfig {
            coupling,
            ..SuspensionConfig::default()
        };
        let together = Suspension::new(config(Coupling::Together)).unwrap();
        let decoupled = Suspension::new(config(Coupling::Decoupled)).unwrap();
        for i in 0..50 {
            let q = 0.03 * f64::from(i);
            let (a, b) = (together.intensity(q), decoupled.intensity(q));
            assert_relative_eq!(a, b, max_relative = 1e-9);
        }
    }

    #[test]
    fn decoupling_damps_the_structure_of_unequal_particles() {
        let particles = EnsembleConfig {
            shape: Shape::Sphere { radius_nm: 5.0 },
            spreads: vec![Spread::gaussian("radius_nm", 0.2)],
        };
        let of = |coupling| {
            Suspension::new(SuspensionConfig {
                particles: particles.clone(),
                coupling,
                ..SuspensionConfig::default()
            })
            .unwrap()
        };
        let q = [0.1, 0.3];
        let together = of(Coupling::Together).intensities(&q);
        let decoupled = of(Coupling::Decoupled).intensities(&q);
        assert!(decoupled[0] > together[0]);
        assert_eq!(together[1], of(Coupling::Together).intensity(0.3));
    }

    #[test]
    fn what_is_impossible_names_its_parameter() {
        let config = SuspensionConfig {
            volume_fraction: 0.8,
            ..SuspensionConfig::default()
        };
        let message = Suspension::new(config).unwrap_err().to_string();
        assert!(message.starts_with("volume_fraction"), "{message}");
    }
}
