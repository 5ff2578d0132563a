//! The unit cell of a crystal and its reciprocal lattice.
//!
//! ```text
//! a = a (1, 0, 0)     b = b (cos γ, sin γ, 0)     c = c (cos β, (cos α − cos β cos γ)/sin γ, …)
//! V = a·(b × c)       a* = 2π (b × c)/V, …        g = h a* + k b* + l c*
//! ```
//!
//! The frame of g: x along **a**, z along **c***, so that (001) planes are horizontal. Lengths in nm,
//! angles of the cell in degrees as crystallographers give them. Constant cost.
//!
//! Source: International Tables for Crystallography, volume B, section 1.1.

use std::f64::consts::TAU;

use super::CrystalError;

/// Axes and angles of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CellConfig {
    /// First axis.
    pub a_nm: f64,
    /// Second axis.
    pub b_nm: f64,
    /// Third axis.
    pub c_nm: f64,
    /// Between the second and the third axis.
    pub alpha_deg: f64,
    /// Between the third and the first axis.
    pub beta_deg: f64,
    /// Between the first and the second axis.
    pub gamma_deg: f64,
}

impl Default for CellConfig {
    /// A cube of 0.4 nm.
    fn default() -> Self {
        Self::cubic(0.4)
    }
}

impl CellConfig {
    /// Three right angles.
    pub const fn orthorhombic(a_nm: f64, b_nm: f64, c_nm: f64) -> Self {
        Self {
            a_nm,
            b_nm,
            c_nm,
            alpha_deg: 90.0,
            beta_deg: 90.0,
            gamma_deg: 90.0,
        }
    }

    /// A cube.
    pub const fn cubic(a_nm: f64) -> Self {
        Self::orthorhombic(a_nm, a_nm, a_nm)
    }

    /// A square prism.
    pub const fn tetragonal(a_nm: f64, c_nm: f64) -> Self {
        Self::orthorhombic(a_nm, a_nm, c_nm)
    }

    /// A prism on a rhombus of 120°.
    pub const fn hexagonal(a_nm: f64, c_nm: f64) -> Self {
        Self {
            gamma_deg: 120.0,
            ..Self::orthorhombic(a_nm, a_nm, c_nm)
        }
    }
}

/// A cell that can exist.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitCell {
    config: CellConfig,
    direct_nm: [[f64; 3]; 3],
    reciprocal_inv_nm: [[f64; 3]; 3],
    volume_nm3: f64,
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

impl UnitCell {
    /// A cell with these axes and angles.
    ///
    /// # Errors
    /// [`CrystalError`] if an axis is not positive, an angle is not between 0 and 180°, or no
    /// parallelepiped has these three angles.
    pub fn new(config: CellConfig) -> Result<Self, CrystalError> {
        for (name, value) in [
            ("a_nm", config.a_nm),
            ("b_nm", config.b_nm),
            ("c_nm", config.c_nm),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(CrystalError::Axis(name, value));
            }
        }
        for (name, value) in [
            ("alpha_deg", config.alpha_deg),
            ("beta_deg", config.beta_deg),
            ("gamma_deg", config.gamma_deg),
        ] {
            if !(value > 0.0 && value < 180.0) {
                return Err(CrystalError::Angle(name, value));
            }
        }
        // The cosine of a right angle is exactly 0, so that a cube is one.
        let cosine = |angle_deg: f64| {
            if angle_deg == 90.0 {
                0.0
            } else {
                angle_deg.to_radians().cos()
            }
        };
        let [alpha, beta, gamma] =
            [config.alpha_deg, config.beta_deg, config.gamma_deg].map(cosine);
        let sine = (1.0 - gamma * gamma).sqrt();
        let sideways = (alpha - beta * gamma) / sine;
        let upright = 1.0 - beta * beta - sideways * sideways;
        if upright <= 1e-9 {
            return Err(CrystalError::Angles(
                config.alpha_deg,
                config.beta_deg,
                config.gamma_deg,
            ));
        }
        let direct = [
            [config.a_nm, 0.0, 0.0],
            [config.b_nm * gamma, config.b_nm * sine, 0.0],
            [
                config.c_nm * beta,
                config.c_nm * sideways,
                config.c_nm * upright.sqrt(),
            ],
        ];
        let volume_nm3 = dot(direct[0], cross(direct[1], direct[2]));
        let reciprocal = std::array::from_fn(|axis| {
            cross(direct[(axis + 1) % 3], direct[(axis + 2) % 3])
                .map(|component| TAU * component / volume_nm3)
        });
        Ok(Self {
            config,
            direct_nm: direct,
            reciprocal_inv_nm: reciprocal,
            volume_nm3,
        })
    }

    /// Axes and angles.
    pub const fn config(&self) -> &CellConfig {
        &self.config
    }

    /// The volume.
    pub const fn volume_nm3(&self) -> f64 {
        self.volume_nm3
    }

    /// The reciprocal lattice vector of the planes (hkl).
    ///
    /// ```
    /// use xscatter_sim::crystal::{CellConfig, UnitCell};
    ///
    /// let graphite = UnitCell::new(CellConfig::hexagonal(0.2464, 0.6711))?;
    /// let [x, y, z] = graphite.g_inv_nm([0, 0, 2]);
    /// assert!(x.hypot(y) < 1e-12 && (z - 18.725).abs() < 1e-3);
    /// # Ok::<(), xscatter_sim::crystal::CrystalError>(())
    /// ```
    pub fn g_inv_nm(&self, indices: [i32; 3]) -> [f64; 3] {
        combined(indices.map(f64::from), &self.reciprocal_inv_nm)
    }

    /// |g| of the planes (hkl).
    pub fn q_inv_nm(&self, indices: [i32; 3]) -> f64 {
        let g = self.g_inv_nm(indices);
        dot(g, g).sqrt()
    }

    /// The place of fractional coordinates.
    pub fn position_nm(&self, fraction: [f64; 3]) -> [f64; 3] {
        combined(fraction, &self.direct_nm)
    }

    /// The fractional coordinates of a place.
    pub fn fraction(&self, position_nm: [f64; 3]) -> [f64; 3] {
        self.reciprocal_inv_nm
            .map(|axis| dot(axis, position_nm) / TAU)
    }

    /// The largest |h|, |k| and |l| that any g up to `q_max_inv_nm` has: g·a = 2πh.
    pub(crate) fn reach(&self, q_max_inv_nm: f64) -> [i32; 3] {
        [self.config.a_nm, self.config.b_nm, self.config.c_nm]
            .map(|axis_nm| (q_max_inv_nm * axis_nm / TAU).floor() as i32)
    }
}

fn combined(weights: [f64; 3], basis: &[[f64; 3]; 3]) -> [f64; 3] {
    std::array::from_fn(|axis| {
        weights[0] * basis[0][axis] + weights[1] * basis[1][axis] + weights[2] * basis[2][axis]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    #[test]
    fn a_cube_and_a_hexagonal_prism() {
        let cube = UnitCell::new(CellConfig::cubic(0.5)).unwrap();
        assert_eq!(cube.volume_nm3(), 0.125);
        assert_relative_eq!(
            cube.q_inv_nm([1, 2, 2]),
            3.0 * TAU / 0.5,
            max_relative = 1e-15
        );
        let prism = UnitCell::new(CellConfig::hexagonal(0.3, 0.5)).unwrap();
        let q = prism.q_inv_nm([1, 0, 0]);
        assert_relative_eq!(q, TAU / (0.3 * 0.75_f64.sqrt()), max_relative = 1e-14);
        assert_relative_eq!(prism.q_inv_nm([-1, 1, 0]), q, max_relative = 1e-14);
    }

    #[test]
    fn impossible_cells_are_refused_by_name() {
        let refused = |config| UnitCell::new(config).unwrap_err();
        assert_eq!(
            refused(CellConfig::orthorhombic(0.3, -0.4, 0.5)),
            CrystalError::Axis("b_nm", -0.4)
        );
        assert!(matches!(
            refused(CellConfig::cubic(f64::NAN)),
            CrystalError::Axis("a_nm", _)
        ));
        let angles = |alpha_deg, beta_deg, gamma_deg| CellConfig {
            alpha_deg,
            beta_deg,
            gamma_deg,
            ..CellConfig::cubic(0.4)
        };
        assert_eq!(
            refused(angles(90.0, 180.0, 90.0)),
            CrystalError::Angle("beta_deg", 180.0)
        );
        // The sum of two angles must exceed the third.
        assert_eq!(
            refused(angles(50.0, 50.0, 110.0)),
            CrystalError::Angles(50.0, 50.0, 110.0)
        );
    }

    proptest! {
        #[test]
        fn the_reciprocal_basis_is_dual(
            axes in prop::array::uniform3(0.2_f64..3.0),
            angles in prop::array::uniform3(65.0_f64..115.0),
            hkl in prop::array::uniform3(-6_i32..7),
            place in prop::array::uniform3(-1.0_f64..1.0),
        ) {
            let config = CellConfig {
                a_nm: axes[0], b_nm: axes[1], c_nm: axes[2],
                alpha_deg: angles[0], beta_deg: angles[1], gamma_deg: angles[2],
            };
            let cell = UnitCell::new(config).unwrap();
            let g = cell.g_inv_nm(hkl);
            for (axis, index) in hkl.iter().enumerate() {
                prop_assert!((dot(g, cell.direct_nm[axis]) - TAU * f64::from(*index)).abs() < 1e-9);
            }
            let reach = cell.reach(cell.q_inv_nm(hkl) * (1.0 + 1e-12));
            prop_assert!(hkl.iter().zip(reach).all(|(index, reach)| index.abs() <= reach));
            let back = cell.fraction(cell.position_nm(place));
            prop_assert!(back.iter().zip(place).all(|(a, b)| (a - b).abs() < 1e-10));
        }
    }
}
