//! Orthogonal wavelets by their low-pass filters.

use std::f64::consts::FRAC_1_SQRT_2;

use serde::{Deserialize, Serialize};

/// An orthogonal wavelet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wavelet {
    /// Haar: 2 taps, blind to constants.
    Haar,
    /// Daubechies, 4 taps: blind to ramps.
    #[default]
    Db2,
    /// Daubechies, 6 taps.
    Db3,
    /// Daubechies, 8 taps.
    Db4,
    /// Daubechies, 16 taps.
    Db8,
    /// The least asymmetric of Daubechies, 8 taps.
    Sym4,
    /// Coiflet, 6 taps.
    Coif1,
}

impl Wavelet {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Haar,
        Self::Db2,
        Self::Db3,
        Self::Db4,
        Self::Db8,
        Self::Sym4,
        Self::Coif1,
    ];

    /// Its name in PyWavelets.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Haar => "haar",
            Self::Db2 => "db2",
            Self::Db3 => "db3",
            Self::Db4 => "db4",
            Self::Db8 => "db8",
            Self::Sym4 => "sym4",
            Self::Coif1 => "coif1",
        }
    }

    /// The low-pass filter of the decomposition (Daubechies 1992, doi:10.1137/1.9781611970104), as
    /// PyWavelets orders it: its taps add up to √2, their squares to 1.
    pub const fn low_pass(self) -> &'static [f64] {
        match self {
            Self::Haar => &[FRAC_1_SQRT_2, FRAC_1_SQRT_2],
            Self::Db2 => &[
                -0.12940952255126037,
                0.2241438680420134,
                0.8365163037378079,
                0.48296291314453416,
            ],
            Self::Db3 => &[
                0.03522629188570953,
                -0.08544127388202666,
                -0.13501102001025458,
                0.45987750211849154,
                0.8068915093110925,
                0.33267055295008263,
            ],
            Self::Db4 => &[
                -0.010597401785069032,
                0.0328830116668852,
                0.030841381835560764,
                -0.18703481171909309,
                -0.027983769416859854,
                0.6308807679298589,
                0.7148465705529157,
                0.2303778133088965,
            ],
            Self::Db8 => &[
                -0.00011747678412476953,
                0.0006754494064505693,
                -0.00039174037337694705,
                -0.004870352993451574,
                0.008746094047405777,
                0.013981027917398282,
                -0.044088253930794755,
                -0.017369301001807547,
                0.12874742662047847,
                0.0004724845739132828,
                -0.2840155429615469,
                -0.015829105256349306,
                0.5853546836542067,
                0.6756307362972898,
                0.31287159091429995,
                0.05441584224310401,
            ],
            Self::Sym4 => &[
                -0.07576571478927333,
                -0.02963552764599851,
                0.49761866763201545,
                0.8037387518059161,
                0.29785779560527736,
                -0.09921954357684722,
                -0.012603967262037833,
                0.0322231006040427,
            ],
            Self::Coif1 => &[
                -0.015655728135791993,
                -0.07273261951252645,
                0.3848648468648578,
                0.8525720202116004,
                0.3378976624574818,
                -0.07273261951252645,
            ],
        }
    }

    /// The high-pass filter of the decomposition: the low-pass one reversed, every other sign changed.
    pub fn high_pass(self) -> Vec<f64> {
        let reversed = self.low_pass().iter().rev().enumerate();
        let sign = |index: usize| if index.is_multiple_of(2) { -1.0 } else { 1.0 };
        reversed.map(|(index, tap)| sign(index) * tap).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn filters_are_orthogonal_to_their_even_shifts_and_to_each_other() {
        for wavelet in Wavelet::ALL {
            let (low, high) = (wavelet.low_pass(), wavelet.high_pass());
            assert_abs_diff_eq!(low.iter().sum::<f64>(), 2f64.sqrt(), epsilon = 1e-11);
            assert_abs_diff_eq!(high.iter().sum::<f64>(), 0.0, epsilon = 1e-11);
            for shift in (0..low.len()).step_by(2) {
                let product = |a: &[f64], b: &[f64]| -> f64 {
                    a[shift..].iter().zip(b).map(|(a, b)| a * b).sum()
                };
                let own = if shift == 0 { 1.0 } else { 0.0 };
                assert_abs_diff_eq!(product(low, low), own, epsilon = 1e-10);
                assert_abs_diff_eq!(product(&high, &high), own, epsilon = 1e-10);
                assert_abs_diff_eq!(product(low, &high), 0.0, epsilon = 1e-10);
                assert_abs_diff_eq!(product(&high, low), 0.0, epsilon = 1e-10);
            }
        }
    }
}
