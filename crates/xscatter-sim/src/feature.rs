//! What a part of a pattern is to a label: the vocabulary between scenes and tags.
//!
//! A scene that draws a part says what kind of feature it is, where its orders lie and how it is
//! textured. Whether a tag follows from it is decided later, from what is visible on the detector.

use serde::{Deserialize, Serialize};

/// The kind of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Not of the sample: air, windows, slits, the beam.
    #[default]
    Surroundings,
    /// Decays from the beam.
    DiffuseLow,
    /// Rises towards high q.
    DiffuseHigh,
    /// Particles that do not know of each other.
    FormFactor,
    /// Narrow against its q: FWHM/q₀ < 0.25.
    Ring,
    /// Broad against its q: FWHM/q₀ ≥ 0.25.
    Halo,
}

impl Role {
    /// Ring or halo, by the relative width of the peak.
    pub(crate) fn of_peak(fwhm_over_q: f64) -> Self {
        if fwhm_over_q < 0.25 {
            Self::Ring
        } else {
            Self::Halo
        }
    }
}

/// How a ring is bright in some directions and dark in others.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Azimuth {
    /// The same in all directions.
    #[default]
    Isotropic,
    /// The kernel of [`texture`](crate::texture), or one of the same order parameter.
    Fold {
        /// How many maxima there are around the beam.
        n: u32,
        /// The order parameter ⟨cos n(χ − χ₀)⟩.
        eta: f64,
        /// The direction of a maximum in the laboratory, 0 along `t2` and π/2 up along `t1`.
        chi0_rad: f64,
    },
    /// Spots of single grains.
    Grains {
        /// How many.
        count: usize,
        /// Standard deviation of the spread of each of them.
        mosaic_rad: f64,
    },
}

impl Azimuth {
    #[allow(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde asks for a reference"
    )]
    pub(crate) fn is_isotropic(&self) -> bool {
        *self == Self::Isotropic
    }
}

/// What a part is to a label.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Feature {
    pub(crate) role: Role,
    /// Whether a structure factor other than 1 shows in it.
    pub(crate) structure: bool,
    /// The name of its lattice.
    pub(crate) lattice: Option<&'static str>,
    /// Where its orders lie, in the order of q; empty if it has no peaks.
    pub(crate) orders_inv_nm: Vec<f64>,
    /// Full width at half maximum of the first order.
    pub(crate) fwhm_inv_nm: f64,
    pub(crate) azimuth: Azimuth,
}

impl Feature {
    pub(crate) fn of(role: Role) -> Self {
        Self {
            role,
            ..Self::default()
        }
    }

    /// Ring or halo, by the width of the first of its orders; it has a structure factor.
    pub(crate) fn peaks(orders_inv_nm: Vec<f64>, fwhm_inv_nm: f64, azimuth: Azimuth) -> Self {
        let first = orders_inv_nm.first().copied().unwrap_or(f64::MAX);
        Self {
            role: Role::of_peak(fwhm_inv_nm / first),
            structure: true,
            lattice: None,
            orders_inv_nm,
            fwhm_inv_nm,
            azimuth,
        }
    }

    pub(crate) fn on_lattice(mut self, name: &'static str) -> Self {
        self.lattice = Some(name);
        self
    }
}
