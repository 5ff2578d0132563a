//! Lattices and their reflections.

use serde::{Deserialize, Serialize};

/// An arrangement with long-range order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// A stack of layers.
    Lamellar,
    /// Cylinders on a two-dimensional hexagonal lattice.
    Hexagonal,
    /// Cylinders on a two-dimensional square lattice.
    Square,
    /// Primitive cubic (Pm3̄m).
    SimpleCubic,
    /// Body-centred cubic (Im3̄m).
    BodyCentredCubic,
    /// Face-centred cubic (Fm3̄m).
    FaceCentredCubic,
    /// The cubic lattice of diamond (Fd3̄m).
    Diamond,
    /// The double gyroid (Ia3̄d).
    Gyroid,
    /// The double diamond (Pn3̄m).
    DoubleDiamond,
    /// The single gyroid (I4₁32).
    SingleGyroid,
    /// Hexagonal close packing with the ideal ratio of the axes.
    HexagonalClosePacked,
}

impl Phase {
    /// All phases.
    pub const ALL: [Self; 11] = [
        Self::Lamellar,
        Self::Hexagonal,
        Self::Square,
        Self::SimpleCubic,
        Self::BodyCentredCubic,
        Self::FaceCentredCubic,
        Self::Diamond,
        Self::Gyroid,
        Self::DoubleDiamond,
        Self::SingleGyroid,
        Self::HexagonalClosePacked,
    ];

    /// The name in a column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lamellar => "lamellar",
            Self::Hexagonal => "hexagonal",
            Self::Square => "square",
            Self::SimpleCubic => "simple-cubic",
            Self::BodyCentredCubic => "body-centred-cubic",
            Self::FaceCentredCubic => "face-centred-cubic",
            Self::Diamond => "diamond",
            Self::Gyroid => "gyroid",
            Self::DoubleDiamond => "double-diamond",
            Self::SingleGyroid => "single-gyroid",
            Self::HexagonalClosePacked => "hexagonal-close-packed",
        }
    }

    /// The lowest reflections as multiples of `2π / a`, ascending.
    ///
    /// ```
    /// use xscatter_features::lattices::Phase;
    ///
    /// let ratios: Vec<f64> = Phase::BodyCentredCubic.reflections(4).map(|g| g * g).collect();
    /// assert!(ratios.iter().zip([2.0, 4.0, 6.0, 8.0]).all(|(found, expected)| {
    ///     (found - expected).abs() < 1e-12
    /// }));
    /// ```
    pub fn reflections(self, count: usize) -> impl Iterator<Item = f64> {
        // Twenty-fourths are whole numbers for every phase. Indices up to `highest` are complete up to
        // the square of the next one, and every phase has more than one reflection per index.
        let highest = count as i64 + 2;
        let complete = self.square(highest + 1);
        let mut squares: Vec<i64> = Vec::new();
        let ks = if self == Self::Lamellar { 0 } else { highest };
        let ls = match self {
            Self::Lamellar | Self::Hexagonal | Self::Square => 0,
            Self::HexagonalClosePacked => 2 * highest,
            _ => highest,
        };
        for h in 0..=highest {
            for k in 0..=ks {
                for l in 0..=ls {
                    let square = self.square_of(h, k, l);
                    if square > 0 && square <= complete && self.allows(h, k, l) {
                        squares.push(square);
                    }
                }
            }
        }
        squares.sort_unstable();
        squares.dedup();
        squares
            .into_iter()
            .take(count)
            .map(|square| (square as f64 / 24.0).sqrt())
    }

    /// 24 g² of the reflection (h, 0, 0).
    fn square(self, h: i64) -> i64 {
        self.square_of(h, 0, 0)
    }

    /// 24 g².
    fn square_of(self, h: i64, k: i64, l: i64) -> i64 {
        match self {
            Self::Hexagonal => 32 * (h * h + h * k + k * k),
            Self::HexagonalClosePacked => 32 * (h * h + h * k + k * k) + 9 * l * l,
            _ => 24 * (h * h + k * k + l * l),
        }
    }

    /// Whether the symmetry lets the reflection be, for non-negative indices.
    fn allows(self, h: i64, k: i64, l: i64) -> bool {
        let even = |number: i64| number % 2 == 0;
        match self {
            Self::Lamellar | Self::Hexagonal | Self::Square | Self::SimpleCubic => true,
            Self::BodyCentredCubic => even(h + k + l),
            Self::FaceCentredCubic => even(h + k) && even(k + l),
            // d glides: of 0kl, k + l = 4n; all of one parity; as written and after exchanges.
            Self::Diamond => {
                let unmixed = even(h + k) && even(k + l);
                let glide = |zero: i64, sum: i64| zero != 0 || sum % 4 == 0;
                let scatters = !even(h) || (h + k + l) % 4 == 0;
                unmixed && scatters && glide(h, k + l) && glide(k, h + l) && glide(l, h + k)
            }
            // Body-centred; of 0kl, k and l even; of hhl, 2h + l = 4n.
            Self::Gyroid => {
                let axial = |zero: i64, one: i64, other: i64| zero != 0 || even(one) && even(other);
                let diagonal =
                    |one: i64, other: i64, l: i64| one != other || (2 * one + l) % 4 == 0;
                even(h + k + l)
                    && axial(h, k, l)
                    && axial(k, h, l)
                    && axial(l, h, k)
                    && diagonal(h, k, l)
                    && diagonal(k, l, h)
                    && diagonal(h, l, k)
            }
            // Of 0kl, k + l even.
            Self::DoubleDiamond => {
                let glide = |zero: i64, sum: i64| zero != 0 || even(sum);
                glide(h, k + l) && glide(k, h + l) && glide(l, h + k)
            }
            // Body-centred; of h00, h = 4n.
            Self::SingleGyroid => {
                let screw = |h: i64, k: i64, l: i64| k != 0 || l != 0 || h % 4 == 0;
                even(h + k + l) && screw(h, k, l) && screw(k, h, l) && screw(l, h, k)
            }
            Self::HexagonalClosePacked => even(l) || (h + 2 * k) % 3 != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squares(phase: Phase, count: usize) -> Vec<i64> {
        phase
            .reflections(count)
            .map(|g| (24.0 * g * g).round() as i64)
            .collect()
    }

    #[test]
    fn reflections_are_those_of_the_tables() {
        for (phase, unit, expected) in [
            (Phase::Lamellar, 24, &[1, 4, 9, 16, 25, 36][..]),
            (Phase::Hexagonal, 32, &[1, 3, 4, 7, 9, 12, 13, 16, 19, 21]),
            (Phase::Square, 24, &[1, 2, 4, 5, 8, 9, 10, 13]),
            (Phase::SimpleCubic, 24, &[1, 2, 3, 4, 5, 6, 8, 9]),
            (Phase::BodyCentredCubic, 24, &[2, 4, 6, 8, 10, 12, 14, 16]),
            (Phase::FaceCentredCubic, 24, &[3, 4, 8, 11, 12, 16, 19, 20]),
            (Phase::Diamond, 24, &[3, 8, 11, 16, 19, 24, 27, 32]),
            (Phase::Gyroid, 24, &[6, 8, 14, 16, 20, 22, 24, 26]),
            (
                Phase::DoubleDiamond,
                24,
                &[2, 3, 4, 6, 8, 9, 10, 11, 12, 14],
            ),
            (Phase::SingleGyroid, 24, &[2, 6, 8, 10, 12, 14, 16]),
            (Phase::HexagonalClosePacked, 1, &[32, 36, 41, 68, 96, 113]),
        ] {
            let expected: Vec<i64> = expected.iter().map(|square| unit * square).collect();
            assert_eq!(squares(phase, expected.len()), expected, "{phase:?}");
            assert_eq!(phase.reflections(200).count(), 200, "{phase:?}");
        }
    }
}
