//! Grazing incidence: waves at surfaces and in films, and what particles scatter there in the
//! distorted-wave Born approximation (DWBA).
//!
//! Use it for GISAXS of islands, of particles in a film and of films themselves; [`Surface`] for a
//! single formula, [`Dwba`] for whole detectors. Not for dense layers whose mean index the particles
//! change (give that index to the layer), nor for particles in more than one layer at once.
//!
//! ```text
//! F(q)   = ∫ exp(−i q·r) dV                                   the sign decides the Yoneda region
//! F_DWBA = T_i T_f F(k_f + k_i) + R_i T_f F(k_f − k_i) + T_i R_f F(−k_f + k_i) + R_i R_f F(−k_f − k_i)
//! dσ/dΩ per area = ρ |k² (n_p² − n_0²)/4π|² (⟨|F|²⟩ + |⟨F⟩|² (S − 1))
//! ```
//!
//! with n = 1 − δ + iβ, k = 2π/λ, q = k_f − k_i; the arguments of F are the z components, the
//! component in the plane is the same in all four. T and R are the amplitudes of the downward and the
//! upward wave where the particle is: 1 and Fresnel's r above a bare surface, Parratt's in a film
//! ([`Stack`]). S is the interference in the plane ([`Lateral`]) in the decoupling approximation, in
//! which the size of a particle says nothing about its neighbours.
//!
//! With exp(+i q·r) everything above the critical angle agrees within some per cent and everything
//! below it is wrong by up to an order of magnitude. |t|² peaks at the critical angle √(2δ): that is
//! the Yoneda or Vineyard peak. Lengths in nm, angles in rad.
//!
//! Source: Sinha et al. 1988, doi:10.1103/PhysRevB.38.2297; Renaud, Lazzari and Leroy 2009,
//! doi:10.1016/j.surfrep.2009.07.002; Yoneda 1963, doi:10.1103/PhysRev.131.2010; Vineyard 1982,
//! doi:10.1103/PhysRevB.26.4146. Checked pixel by pixel against BornAgain 22.1.

mod dwba;
mod island;
mod lateral;
mod material;
mod stack;

pub(crate) use dwba::channels;
pub use dwba::{Dwba, DwbaConfig, Place};
pub use island::Island;
pub use lateral::{Lateral, hard_disks, radial_paracrystal, self_affine};
pub use material::{Material, Surface};
pub use stack::{Layer, Stack, StackConfig, Wave};

/// Why a scene at grazing incidence is impossible.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum GrazingError {
    /// The beam does not come from above the surface.
    #[error("expected incident_angle_rad between 0 and a right angle, got {0}")]
    IncidentAngle(f64),
    /// A quantity that must be positive is not, or is no number.
    #[error("expected {name} to be positive, got {found}")]
    NotPositive {
        /// The parameter.
        name: &'static str,
        /// Its value.
        found: f64,
    },
    /// A quantity that must not be negative is, or is no number.
    #[error("expected {name} to be zero or more, got {found}")]
    Negative {
        /// The parameter.
        name: &'static str,
        /// Its value.
        found: f64,
    },
    /// The particles cover more of the surface than discs can.
    #[error("expected a coverage below close packing, {limit:.4}, got {found}")]
    Coverage {
        /// The share that was asked for.
        found: f64,
        /// That of close-packed discs.
        limit: f64,
    },
    /// A part of a shape is larger than the whole allows.
    #[error("expected {name} up to {limit}, got {found}")]
    TooLarge {
        /// The parameter.
        name: &'static str,
        /// Its value.
        found: f64,
        /// The largest possible value.
        limit: f64,
    },
    /// No particles.
    #[error("expected at least one island with a weight above zero")]
    NoIslands,
    /// A layer that the stack does not have.
    #[error("expected the index of one of {layers} layers, got {found}")]
    NoSuchLayer {
        /// The index.
        found: usize,
        /// How many layers there are.
        layers: usize,
    },
}

fn positive(name: &'static str, found: f64) -> Result<(), GrazingError> {
    if found > 0.0 && found.is_finite() {
        Ok(())
    } else {
        Err(GrazingError::NotPositive { name, found })
    }
}

fn not_negative(name: &'static str, found: f64) -> Result<(), GrazingError> {
    if found >= 0.0 && found.is_finite() {
        Ok(())
    } else {
        Err(GrazingError::Negative { name, found })
    }
}

fn grazing_angle(found: f64) -> Result<(), GrazingError> {
    if found > 0.0 && found < std::f64::consts::FRAC_PI_2 {
        Ok(())
    } else {
        Err(GrazingError::IncidentAngle(found))
    }
}
