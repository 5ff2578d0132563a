//! Powders of known spacing, for calibration and for checks of a calibration.
//!
//! Use it for the ring positions of silver behenate (small angles), lanthanum hexaboride, silicon
//! and ceria. It gives positions, not intensities, and it does not fit a pose.
//!
//! ```text
//! silver behenate: d_n = c/n      cubic: d_hkl = a/√(h² + k² + l²)      q = 2π/d
//! ```
//!
//! Source: AgBh c = 58.380 Å, Huang et al. 1993, doi:10.1107/S0021889892009762; LaB6
//! a = 4.156826 Å, NIST SRM 660c; Si a = 5.431179 Å, NIST SRM 640e; CeO2 a = 5.411651 Å, NIST SRM
//! 674b (all at 22.5 °C).

use std::f64::consts::PI;

/// A powder whose rings are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Calibrant {
    /// Silver behenate, lamellar; small angles.
    AgBh,
    /// Lanthanum hexaboride, primitive cubic.
    LaB6,
    /// Silicon, diamond cubic.
    Si,
    /// Ceria, face-centred cubic.
    CeO2,
}

impl Calibrant {
    /// All calibrants.
    pub const ALL: [Self; 4] = [Self::AgBh, Self::LaB6, Self::Si, Self::CeO2];

    /// The name that pyFAI uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AgBh => "AgBh",
            Self::LaB6 => "LaB6",
            Self::Si => "Si",
            Self::CeO2 => "CeO2",
        }
    }

    /// From its name, whatever the case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|calibrant| calibrant.name().eq_ignore_ascii_case(name))
    }

    /// The length of the unit cell, of the layer for silver behenate.
    pub const fn cell_nm(self) -> f64 {
        match self {
            Self::AgBh => 5.8380,
            Self::LaB6 => 0.415_682_6,
            Self::Si => 0.543_117_9,
            Self::CeO2 => 0.541_165_1,
        }
    }

    /// The rings from the innermost to `q_max_inv_nm`, in q.
    ///
    /// Empty if there is none up to there, or the limit is not finite.
    ///
    /// ```
    /// use xscatter_geometry::Calibrant;
    ///
    /// let rings = Calibrant::AgBh.q_inv_nm(3.5);
    /// assert_eq!(rings.len(), 3);
    /// assert!((rings[0] - 1.07626).abs() < 1e-5);
    /// ```
    pub fn q_inv_nm(self, q_max_inv_nm: f64) -> Vec<f64> {
        let first_inv_nm = 2.0 * PI / self.cell_nm();
        if !q_max_inv_nm.is_finite() {
            return Vec::new();
        }
        // Far beyond any detector; it bounds the work.
        let highest = (q_max_inv_nm / first_inv_nm).clamp(0.0, 100.0);
        let rings: Vec<f64> = match self {
            Self::AgBh => (1..=100).map(f64::from).collect(),
            _ => (1..=10_000)
                .filter(|&sum| f64::from(sum) <= (highest + 1.0).powi(2))
                .filter(|&sum| self.reflects(sum))
                .map(|sum| f64::from(sum).sqrt())
                .collect(),
        };
        rings
            .into_iter()
            .map(|order| order * first_inv_nm)
            .take_while(|&q_inv_nm| q_inv_nm <= q_max_inv_nm)
            .collect()
    }

    /// The rings from the innermost to `q_max_inv_nm`, in d.
    pub fn d_nm(self, q_max_inv_nm: f64) -> Vec<f64> {
        self.q_inv_nm(q_max_inv_nm)
            .into_iter()
            .map(|q_inv_nm| 2.0 * PI / q_inv_nm)
            .collect()
    }

    /// Whether the lattice has an allowed reflection with `h² + k² + l² = sum`.
    fn reflects(self, sum: u32) -> bool {
        let root = |square: u32| Some(square.isqrt()).filter(|root| root * root == square);
        (0..=sum.isqrt()).any(|h| {
            let rest = sum - h * h;
            (0..=h.min(rest.isqrt()))
                .any(|k| root(rest - k * k).is_some_and(|l| l <= k && self.allows(h, k, l)))
        })
    }

    /// Extinction rules of the lattice.
    fn allows(self, h: u32, k: u32, l: u32) -> bool {
        let all_odd = [h, k, l].iter().all(|index| index % 2 == 1);
        let all_even = [h, k, l].iter().all(|index| index.is_multiple_of(2));
        match self {
            Self::AgBh | Self::LaB6 => true,
            Self::CeO2 => all_odd || all_even,
            Self::Si => all_odd || (all_even && (h + k + l).is_multiple_of(4)),
        }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;

    use super::*;

    /// The spacings in Å of the calibrant files of pyFAI 2026.9.0.
    #[test]
    fn spacings_are_those_of_pyfai() {
        for (calibrant, expected) in [
            (Calibrant::AgBh, &[58.38, 29.19, 19.46, 14.595, 11.676][..]),
            (
                Calibrant::LaB6,
                &[
                    4.15682600, 2.93931985, 2.39994461, 2.07841300, 1.85898910, 1.69701711,
                    1.46965993,
                ],
            ),
            (
                Calibrant::Si,
                &[
                    3.13569266, 1.92021175, 1.63756208, 1.35779475, 1.24599792, 1.10863477,
                    1.04523089,
                ],
            ),
            (
                Calibrant::CeO2,
                &[
                    3.12441816, 2.70582550, 1.91330756, 1.63167417, 1.56220908, 1.35291275,
                    1.24151789,
                ],
            ),
        ] {
            let spacings = calibrant.d_nm(100.0);
            for (&found_nm, &expected_angstrom) in spacings.iter().zip(expected) {
                assert_abs_diff_eq!(10.0 * found_nm, expected_angstrom, epsilon = 1e-7);
            }
        }
    }

    #[test]
    fn rings_end_at_the_limit() {
        assert!(Calibrant::LaB6.q_inv_nm(15.0).is_empty());
        assert_eq!(Calibrant::LaB6.q_inv_nm(15.2).len(), 1);
        assert!(Calibrant::Si.q_inv_nm(f64::NAN).is_empty());
        assert!(Calibrant::Si.q_inv_nm(-1.0).is_empty());
        let rings = Calibrant::CeO2.q_inv_nm(200.0);
        assert!(rings.is_sorted() && rings.len() > 30);
    }

    #[test]
    fn names_round_trip() {
        for calibrant in Calibrant::ALL {
            assert_eq!(
                Calibrant::from_name(&calibrant.name().to_lowercase()),
                Some(calibrant)
            );
        }
    }
}
