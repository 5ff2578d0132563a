//! Radial units: q, 2θ, d and the radius on the detector, with their conversions.
//!
//! ```text
//! q = (4π/λ)·sin θ      d = λ/(2·sin θ) = 2π/q      r = √(t1² + t2²), the distance from the beam
//! ```
//!
//! Programs differ in the unit of q: pyFAI and European SAXS lines use nm⁻¹, SciAnalysis, Nika and
//! sasview Å⁻¹, azint Å⁻¹ and degrees. A number that leaves a program should travel with a
//! [`RadialUnit`]. q = 0 has d = ∞; r belongs to a place and does not follow from 2θ alone.
//!
//! Source: names and formulae of pyFAI 2026.9.0; h·c/e from the exact SI values of 2019.

use std::f64::consts::PI;

use ndarray::Array2;

use crate::pixel_map::{PixelMap, sin_theta, two_theta_rad};

/// h·c/e in eV·m.
const HC_EV_M: f64 = 1.239_841_984_332_002_6e-6;

/// The wavelength of photons of this energy.
///
/// ```
/// let wavelength_m = xscatter_geometry::units::wavelength_m(12_398.419_843_320_026);
/// assert!((wavelength_m - 1e-10).abs() < 1e-22);
/// ```
pub fn wavelength_m(energy_ev: f64) -> f64 {
    HC_EV_M / energy_ev
}

/// The energy of photons of this wavelength.
pub fn energy_ev(wavelength_m: f64) -> f64 {
    HC_EV_M / wavelength_m
}

/// The unit of a radial axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum RadialUnit {
    /// q in nm⁻¹.
    #[default]
    QInvNm,
    /// q in Å⁻¹.
    QInvAngstrom,
    /// The scattering angle in degrees.
    TwoThetaDeg,
    /// The scattering angle in radians.
    TwoThetaRad,
    /// The lattice spacing in nm.
    DNm,
    /// The lattice spacing in Å.
    DAngstrom,
    /// The distance from the beam in m.
    RadiusM,
    /// The distance from the beam in mm.
    RadiusMm,
}

impl RadialUnit {
    /// All units.
    pub const ALL: [Self; 8] = [
        Self::QInvNm,
        Self::QInvAngstrom,
        Self::TwoThetaDeg,
        Self::TwoThetaRad,
        Self::DNm,
        Self::DAngstrom,
        Self::RadiusM,
        Self::RadiusMm,
    ];

    /// The name that pyFAI and its files use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::QInvNm => "q_nm^-1",
            Self::QInvAngstrom => "q_A^-1",
            Self::TwoThetaDeg => "2th_deg",
            Self::TwoThetaRad => "2th_rad",
            Self::DNm => "d_nm",
            Self::DAngstrom => "d_A",
            Self::RadiusM => "r_m",
            Self::RadiusMm => "r_mm",
        }
    }

    /// From the name that pyFAI and its files use.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.name() == name)
    }

    /// The value of a place `[t1, t2, t3]` in space, as [`PixelMap::position_m`] gives it.
    pub fn of_position(self, position_m: [f64; 3], wavelength_m: f64) -> f64 {
        match self {
            Self::RadiusM => position_m[0].hypot(position_m[1]),
            Self::RadiusMm => position_m[0].hypot(position_m[1]) * 1e3,
            Self::TwoThetaRad => two_theta_rad(position_m),
            Self::TwoThetaDeg => two_theta_rad(position_m).to_degrees(),
            Self::QInvNm => 4.0 * PI * sin_theta(position_m) / (1e9 * wavelength_m),
            Self::QInvAngstrom => 4.0 * PI * sin_theta(position_m) / (1e10 * wavelength_m),
            Self::DNm => 0.5e9 * wavelength_m / sin_theta(position_m),
            Self::DAngstrom => 0.5e10 * wavelength_m / sin_theta(position_m),
        }
    }

    /// The value of a scattering angle; `None` for a radius, which depends on the distance too.
    pub fn from_two_theta_rad(self, two_theta_rad: f64, wavelength_m: f64) -> Option<f64> {
        let (sin, cos) = two_theta_rad.sin_cos();
        match self {
            Self::RadiusM | Self::RadiusMm => None,
            Self::TwoThetaRad => Some(two_theta_rad),
            Self::TwoThetaDeg => Some(two_theta_rad.to_degrees()),
            // A place in that direction.
            _ => Some(self.of_position([sin, 0.0, cos], wavelength_m)),
        }
    }

    /// The scattering angle of a value; `None` for a radius, and for a q or d that no angle has.
    pub fn to_two_theta_rad(self, value: f64, wavelength_m: f64) -> Option<f64> {
        let wavelength_nm = wavelength_m * 1e9;
        let sin_theta = match self {
            Self::TwoThetaRad => return Some(value),
            Self::TwoThetaDeg => return Some(value.to_radians()),
            Self::QInvNm => value * wavelength_nm / (4.0 * PI),
            Self::QInvAngstrom => value * 10.0 * wavelength_nm / (4.0 * PI),
            Self::DNm => 0.5 * wavelength_nm / value,
            Self::DAngstrom => 5.0 * wavelength_nm / value,
            Self::RadiusM | Self::RadiusMm => return None,
        };
        (0.0..=1.0)
            .contains(&sin_theta)
            .then(|| 2.0 * sin_theta.asin())
    }
}

impl std::fmt::Display for RadialUnit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl PixelMap {
    /// The radial coordinate of all pixels in this unit.
    pub fn radial(&self, unit: RadialUnit) -> Array2<f64> {
        let wavelength_m = self.geometry().wavelength_m;
        self.map(|position_m| unit.of_position(position_m, wavelength_m))
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn there_and_back(two_theta_rad in 1e-3..3.0f64, wavelength_m in 1e-11..1e-9f64) {
            for unit in RadialUnit::ALL {
                let value = unit.from_two_theta_rad(two_theta_rad, wavelength_m);
                let back = value.and_then(|value| unit.to_two_theta_rad(value, wavelength_m));
                match unit {
                    RadialUnit::RadiusM | RadialUnit::RadiusMm => prop_assert_eq!(back, None),
                    _ => prop_assert!((back.unwrap() - two_theta_rad).abs() < 1e-9),
                }
            }
        }

        #[test]
        fn d_times_q_is_two_pi(two_theta_rad in 1e-3..3.0f64) {
            let of = |unit: RadialUnit| unit.from_two_theta_rad(two_theta_rad, 1e-10).unwrap();
            let nm = of(RadialUnit::QInvNm) * of(RadialUnit::DNm);
            let angstrom = of(RadialUnit::QInvAngstrom) * of(RadialUnit::DAngstrom);
            prop_assert!((nm - 2.0 * PI).abs() < 1e-12 && (angstrom - 2.0 * PI).abs() < 1e-12);
        }
    }

    #[test]
    fn names_round_trip() {
        for unit in RadialUnit::ALL {
            assert_eq!(RadialUnit::from_name(unit.name()), Some(unit));
        }
        assert_eq!(RadialUnit::from_name("q"), None);
    }

    #[test]
    fn no_angle_has_a_q_beyond_four_pi_over_lambda() {
        assert_eq!(RadialUnit::QInvNm.to_two_theta_rad(126.0, 1e-10), None);
        assert!(RadialUnit::QInvNm.to_two_theta_rad(125.0, 1e-10).is_some());
        assert_eq!(RadialUnit::DNm.to_two_theta_rad(0.04, 1e-10), None);
    }

    #[test]
    fn energies_are_those_of_the_tables() {
        assert_relative_eq!(wavelength_m(8047.8), 1.54060e-10, max_relative = 1e-4);
        assert_relative_eq!(energy_ev(wavelength_m(21e3)), 21e3, max_relative = 1e-14);
    }

    #[test]
    fn the_radius_is_a_length_on_the_detector() {
        let position_m = [3e-3, 4e-3, 2.0];
        assert_relative_eq!(RadialUnit::RadiusMm.of_position(position_m, 1e-10), 5.0);
        assert_relative_eq!(RadialUnit::RadiusM.of_position(position_m, 1e-10), 5e-3);
    }
}
