//! The broad halos of matter without long-range order, and of what stands in the beam.
//!
//! Use it for liquids, glasses, polymers, windows and air at wide angles. The shapes are sums of
//! Gaussian peaks whose places, widths and heights are read off published patterns: right to some
//! 5 %, not models of a structure.
//!
//! ```text
//! I(q) = Σ hᵢ exp(−4 ln 2 (q − qᵢ)²/FWHMᵢ²)
//! air    I(q) = f²(q) (1 + sin(q d)/(q d)),  d = 0.1098 nm     nitrogen, divided by I(0)
//! ```
//!
//! The largest peak has height 1. A few exponentials a call; tabulate.
//!
//! Source: water, Narten and Levy 1971, doi:10.1063/1.1676403; silica, Wright 1994,
//! doi:10.1016/0022-3093(94)90687-4; polystyrene, Mitchell and Windle 1984,
//! doi:10.1016/0032-3861(84)90338-9; nitrogen after Debye 1915, doi:10.1002/andp.19153510606.

use std::f64::consts::LN_2;

use crate::crystal::Element;

/// Matter without long-range order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Amorphous {
    /// Liquid water: the distance of neighbours with its shoulder.
    Water,
    /// Vitreous silica: the first sharp diffraction peak and two more.
    Silica,
    /// A metallic glass.
    Metal,
    /// Molten or amorphous polyolefins.
    Polyolefin,
    /// Atactic polystyrene, with the peak of the chains below that of the rings.
    Polystyrene,
    /// Poly(methyl methacrylate).
    Acrylic,
    /// The polyimide foil of windows.
    Kapton,
}

impl Amorphous {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Water,
        Self::Silica,
        Self::Metal,
        Self::Polyolefin,
        Self::Polystyrene,
        Self::Acrylic,
        Self::Kapton,
    ];

    /// Place, full width at half maximum (both in 1/nm) and height of each peak, the first in q first.
    pub const fn peaks(self) -> &'static [[f64; 3]] {
        match self {
            Self::Water => &[[19.8, 7.0, 1.0], [29.0, 9.0, 0.62], [47.0, 16.0, 0.2]],
            Self::Silica => &[[15.3, 5.4, 1.0], [29.5, 9.0, 0.22], [52.0, 12.0, 0.25]],
            Self::Metal => &[[29.5, 4.2, 1.0], [50.0, 9.0, 0.28], [76.0, 14.0, 0.1]],
            Self::Polyolefin => &[[13.5, 4.4, 1.0], [29.0, 11.0, 0.16], [52.0, 13.0, 0.06]],
            Self::Polystyrene => &[[7.5, 2.8, 0.38], [14.0, 4.8, 1.0], [31.0, 11.0, 0.15]],
            Self::Acrylic => &[[9.6, 4.0, 1.0], [21.0, 5.5, 0.35], [29.5, 9.0, 0.22]],
            Self::Kapton => &[
                [4.05, 0.9, 1.0],
                [8.2, 2.4, 0.55],
                [12.3, 6.0, 0.7],
                [17.6, 6.5, 0.5],
            ],
        }
    }

    /// The intensity at `q_inv_nm`.
    ///
    /// ```
    /// use xscatter_sim::amorphous::Amorphous;
    ///
    /// assert!(Amorphous::Water.at(20.0) > 4.0 * Amorphous::Water.at(10.0));
    /// ```
    pub fn at(self, q_inv_nm: f64) -> f64 {
        self.peaks()
            .iter()
            .map(|&[centre, fwhm, height]| height * halo(q_inv_nm, centre, fwhm))
            .sum()
    }
}

/// A Gaussian about `centre_inv_nm`, 1 at its maximum.
pub fn halo(q_inv_nm: f64, centre_inv_nm: f64, fwhm_inv_nm: f64) -> f64 {
    let x = (q_inv_nm - centre_inv_nm) / fwhm_inv_nm;
    (-4.0 * LN_2 * x * x).exp()
}

/// What the air in the path scatters, 1 at q = 0.
pub fn air(q_inv_nm: f64) -> f64 {
    const BOND_NM: f64 = 0.1098;
    let share = Element::Nitrogen.form_factor(q_inv_nm) / Element::Nitrogen.form_factor(0.0);
    0.5 * share * share * (1.0 + crate::form_factor::sinc(q_inv_nm * BOND_NM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_peak_is_about_one_and_in_place() {
        for matter in Amorphous::ALL {
            let main = matter
                .peaks()
                .iter()
                .max_by(|a, b| a[2].total_cmp(&b[2]))
                .unwrap();
            assert_eq!(main[2], 1.0);
            let highest = (1..900)
                .map(|i| f64::from(i) * 0.1)
                .max_by(|a, b| matter.at(*a).total_cmp(&matter.at(*b)))
                .unwrap();
            assert!(
                (highest - main[0]).abs() < 0.12 * main[0],
                "{matter:?}: {highest}"
            );
            assert!(matter.at(highest) < 1.25);
            assert!(matter.peaks().is_sorted_by(|a, b| a[0] < b[0]));
        }
    }

    #[test]
    fn air_falls_from_the_beam() {
        assert_eq!(air(0.0), 1.0);
        let values: Vec<f64> = (0..60).map(|q| air(f64::from(q))).collect();
        assert!(values.is_sorted_by(|a, b| a > b));
        assert!(values[30] < 0.3);
    }
}
