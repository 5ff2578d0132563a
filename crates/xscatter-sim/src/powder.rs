//! Powder rings of atomic crystals and the halos of amorphous matter.
//!
//! ```text
//! 1/d² = (h/a)² + (k/b)² + (l/c)²        q = 2π/d
//! I(q) = Σ m |F|² exp(−B q²/(8π²)) V(q − q_hkl)/q²,  V: pseudo-Voigt of unit area
//! FWHM² = (2πK/L)² + (ε q)² + instrument²             L: crystallite size, ε: microstrain
//! ```
//!
//! The 1/q² is the Lorentz factor of a pixel of an area detector: it already contains the spread of
//! a ring over its circumference. Polarisation is applied with the solid angle, never here as well.
//! Structure factors are the caller's: a rule for the known calibrants, random for invented cells.
//! Enumeration costs the indices up to q_max; tabulate the sum.
//!
//! Source: Warren, X-ray Diffraction, 1969; widths after Williamson and Hall 1953,
//! doi:10.1016/0001-6160(53)90006-6.

use std::f64::consts::{PI, TAU};

use crate::lattice::{gaussian, pseudo_voigt};

/// One ring of a powder.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ring {
    /// Where it is.
    pub q_inv_nm: f64,
    /// Its multiplicity times |F|².
    pub strength: f64,
}

/// A cell with right angles; lengths in nm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// First axis.
    pub a_nm: f64,
    /// Second axis.
    pub b_nm: f64,
    /// Third axis.
    pub c_nm: f64,
}

impl Cell {
    /// A cube.
    pub const fn cubic(a_nm: f64) -> Self {
        Self {
            a_nm,
            b_nm: a_nm,
            c_nm: a_nm,
        }
    }

    /// The rings up to `q_max_inv_nm` in the order of q; `squared_amplitude` of the indices
    /// h, k, l ≥ 0 is |F|², 0 for a forbidden reflection.
    ///
    /// Rings of equal q are listed once with the sum of their strengths.
    ///
    /// ```
    /// use xscatter_sim::powder::Cell;
    ///
    /// let lab6 = Cell::cubic(0.4156826).rings(50.0, |_| 1.0);
    /// assert!((lab6[0].q_inv_nm - 15.11534355).abs() < 1e-8);
    /// assert_eq!(lab6[0].strength, 6.0);
    /// ```
    pub fn rings(
        &self,
        q_max_inv_nm: f64,
        mut squared_amplitude: impl FnMut([u32; 3]) -> f64,
    ) -> Vec<Ring> {
        let reach = |axis: f64| (q_max_inv_nm * axis / TAU).floor().max(0.0) as u32;
        let mut rings = Vec::new();
        for h in 0..=reach(self.a_nm) {
            for k in 0..=reach(self.b_nm) {
                for l in 0..=reach(self.c_nm) {
                    let q = TAU
                        * ((f64::from(h) / self.a_nm).powi(2)
                            + (f64::from(k) / self.b_nm).powi(2)
                            + (f64::from(l) / self.c_nm).powi(2))
                        .sqrt();
                    if q <= 0.0 || q > q_max_inv_nm {
                        continue;
                    }
                    let signs = [h, k, l].iter().filter(|&&index| index > 0).count() as i32;
                    let strength = 2.0_f64.powi(signs) * squared_amplitude([h, k, l]);
                    if strength > 0.0 {
                        rings.push(Ring {
                            q_inv_nm: q,
                            strength,
                        });
                    }
                }
            }
        }
        rings.sort_by(|a, b| a.q_inv_nm.total_cmp(&b.q_inv_nm));
        rings.dedup_by(|next, kept| {
            let same = (next.q_inv_nm - kept.q_inv_nm).abs() < 1e-9 * kept.q_inv_nm;
            if same {
                kept.strength += next.strength;
            }
            same
        });
        rings
    }
}

/// Face-centred: all indices even or all odd; 1 if allowed, else 0.
pub fn face_centred([h, k, l]: [u32; 3]) -> f64 {
    f64::from(u8::from(h % 2 == k % 2 && k % 2 == l % 2))
}

/// Diamond: face-centred without those whose even indices add up to 4n + 2.
pub fn diamond([h, k, l]: [u32; 3]) -> f64 {
    match (h + k + l) % 4 {
        2 => 0.0,
        0 => 2.0 * face_centred([h, k, l]),
        _ => face_centred([h, k, l]),
    }
}

/// How wide the rings are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Width {
    /// Of the crystallites, in nm.
    pub size_nm: f64,
    /// Relative variation of the lattice spacing.
    pub strain: f64,
    /// Of beam, sample and pixel together, in 1/nm.
    pub instrument_inv_nm: f64,
    /// Share of the Lorentzian, 0 to 1.
    pub lorentzian_share: f64,
}

impl Width {
    /// Full width at half maximum at `q_inv_nm`; Scherrer's constant is 0.9.
    pub fn fwhm_inv_nm(&self, q_inv_nm: f64) -> f64 {
        let size = TAU * 0.9 / self.size_nm;
        let strain = self.strain * q_inv_nm;
        (size * size + strain * strain + self.instrument_inv_nm.powi(2)).sqrt()
    }
}

impl Ring {
    /// Its intensity at `q_inv_nm`, with the temperature factor `b_nm2` (B in nm²).
    pub fn intensity(&self, q_inv_nm: f64, width: &Width, b_nm2: f64) -> f64 {
        let centre = self.q_inv_nm;
        let displaced = (-b_nm2 * centre * centre / (8.0 * PI * PI)).exp();
        self.strength * displaced / (centre * centre)
            * pseudo_voigt(
                q_inv_nm - centre,
                width.fwhm_inv_nm(centre),
                width.lorentzian_share,
            )
    }
}

/// A halo of amorphous matter: a Gaussian about `centre_inv_nm`, 1 at its maximum.
pub fn halo(q_inv_nm: f64, centre_inv_nm: f64, fwhm_inv_nm: f64) -> f64 {
    gaussian(q_inv_nm - centre_inv_nm, fwhm_inv_nm) / gaussian(0.0, fwhm_inv_nm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    /// G-CAL-2 to 4: the d-spacings that pyFAI 2026.9.0 has.
    #[test]
    fn g_cal_known_calibrants() {
        for (a_nm, amplitude, d_angstrom) in [
            (
                0.415_682_6,
                (|_| 1.0) as fn([u32; 3]) -> f64,
                [4.156_826, 2.939_319_85, 2.399_944_61],
            ),
            (
                0.543_119_46,
                diamond,
                [3.135_701_66, 1.920_217_27, 1.637_566_79],
            ),
            (
                0.541_165_1,
                face_centred,
                [3.124_418_16, 2.705_825_5, 1.913_307_56],
            ),
        ] {
            let rings = Cell::cubic(a_nm).rings(45.0, amplitude);
            for (ring, d) in rings.iter().zip(d_angstrom) {
                assert_relative_eq!(TAU / ring.q_inv_nm * 10.0, d, max_relative = 1e-5);
            }
        }
    }

    #[test]
    fn an_orthorhombic_cell_splits_the_rings_of_a_cube() {
        let cube = Cell::cubic(0.4).rings(40.0, |_| 1.0).len();
        let split = Cell {
            a_nm: 0.4,
            b_nm: 0.42,
            c_nm: 0.45,
        }
        .rings(40.0, |_| 1.0)
        .len();
        assert!(split > 2 * cube);
    }

    /// G-SCH-1: K = 0.9, a crystallite of 565.4866776 Å has 0.01 1/Å.
    #[test]
    fn small_crystallites_make_wide_rings() {
        let width = Width {
            size_nm: 56.548_667_764_616_28,
            strain: 0.0,
            instrument_inv_nm: 0.0,
            lorentzian_share: 0.5,
        };
        assert_relative_eq!(width.fwhm_inv_nm(10.0), 0.1, max_relative = 1e-13);
    }
}
