//! Lattices: which reflections are allowed, how often, and how wide and strong they are.
//!
//! Use it for ordered particles and block copolymers. For atomic crystals with unequal axes see
//! [`powder`](crate::powder).
//!
//! ```text
//! q_hkl = q₁ √(N/N₁),  N = h² + k² + l² (cubic), h² + hk + k² (hexagonal), n² (lamellar)
//! I(q)  = (c/q²) Σ m |F(q)|² G(q) L(q − q_hkl) + |F(q)|² (1 − G(q))
//! G(q)  = exp(−σ² q² d²),  d = 2π/q₁,  σ: rms displacement over d
//! ```
//!
//! m counts the equivalent reflections, L has unit area. SC and BCC share the ratios 1, √2, √3, 2,
//! √5, √6 and differ from the seventh order on. The hexagonal lattice is the two-dimensional one of
//! cylinders (1 : √3 : 2 : √7), not the three-dimensional one.
//!
//! Source: Yager et al. 2014, doi:10.1107/S1600576713028768. The displaced intensity (1 − G) goes
//! into the diffuse term.

use std::collections::BTreeMap;
use std::f64::consts::{LN_2, PI, TAU};

/// A kind of lattice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lattice {
    /// Stacked layers.
    Lamellar,
    /// Cylinders on a two-dimensional hexagonal lattice.
    Hexagonal,
    /// Simple cubic.
    SimpleCubic,
    /// Body-centred cubic.
    BodyCentred,
    /// Face-centred cubic.
    FaceCentred,
}

/// One order of a lattice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reflection {
    /// N of the module's formula.
    pub squared: u32,
    /// q over that of the first order.
    pub ratio: f64,
    /// How many equivalent lattice vectors have this length.
    pub multiplicity: u32,
}

impl Lattice {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Lamellar,
        Self::Hexagonal,
        Self::SimpleCubic,
        Self::BodyCentred,
        Self::FaceCentred,
    ];

    /// The usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lamellar => "lamellar",
            Self::Hexagonal => "hexagonal",
            Self::SimpleCubic => "simple cubic",
            Self::BodyCentred => "body-centred cubic",
            Self::FaceCentred => "face-centred cubic",
        }
    }

    /// The first `count` allowed reflections in the order of their q.
    ///
    /// ```
    /// use xscatter_sim::lattice::Lattice;
    ///
    /// let orders: Vec<u32> =
    ///     Lattice::FaceCentred.reflections(4).iter().map(|r| r.squared).collect();
    /// assert_eq!(orders, [3, 4, 8, 11]);
    /// ```
    pub fn reflections(self, count: usize) -> Vec<Reflection> {
        let mut reach = 4;
        loop {
            let counts = self.counted(reach);
            // Beyond reach² a shell may have members outside the enumerated cube.
            let complete: Vec<(u32, u32)> = counts
                .into_iter()
                .take_while(|&(squared, _)| f64::from(squared) <= self.complete_to(reach))
                .take(count)
                .collect();
            if complete.len() == count {
                let first = complete.first().map_or(1, |&(squared, _)| squared);
                return complete
                    .into_iter()
                    .map(|(squared, multiplicity)| Reflection {
                        squared,
                        ratio: (f64::from(squared) / f64::from(first)).sqrt(),
                        multiplicity,
                    })
                    .collect();
            }
            reach *= 2;
        }
    }

    fn complete_to(self, reach: i32) -> f64 {
        let square = f64::from(reach * reach);
        match self {
            // The closest point outside has h = reach + 1, k = −h/2.
            Self::Hexagonal => 0.75 * square,
            _ => square,
        }
    }

    /// N and its multiplicity for all indices up to ±reach.
    fn counted(self, reach: i32) -> BTreeMap<u32, u32> {
        let mut counts = BTreeMap::new();
        let mut add = |squared: i32| {
            if squared > 0 {
                *counts.entry(squared as u32).or_insert(0) += 1;
            }
        };
        match self {
            Self::Lamellar => (-reach..=reach).for_each(|n| add(n * n)),
            Self::Hexagonal => {
                for h in -reach..=reach {
                    for k in -reach..=reach {
                        add(h * h + h * k + k * k);
                    }
                }
            }
            Self::SimpleCubic | Self::BodyCentred | Self::FaceCentred => {
                for h in -reach..=reach {
                    for k in -reach..=reach {
                        for l in -reach..=reach {
                            let same_parity = (h - k) % 2 == 0 && (k - l) % 2 == 0;
                            let allowed = match self {
                                Self::BodyCentred => (h + k + l) % 2 == 0,
                                Self::FaceCentred => same_parity,
                                _ => true,
                            };
                            if allowed {
                                add(h * h + k * k + l * l);
                            }
                        }
                    }
                }
            }
        }
        counts
    }
}

/// The factor G by which thermal and static displacements weaken a reflection.
pub fn debye_waller(q_inv_nm: f64, relative_displacement: f64, q1_inv_nm: f64) -> f64 {
    (-(relative_displacement * q_inv_nm * TAU / q1_inv_nm).powi(2)).exp()
}

/// A Gaussian of unit area with full width at half maximum `fwhm`.
pub fn gaussian(x: f64, fwhm: f64) -> f64 {
    (4.0 * LN_2 / PI).sqrt() / fwhm * (-4.0 * LN_2 * (x / fwhm).powi(2)).exp()
}

/// A Lorentzian of unit area with full width at half maximum `fwhm`.
pub fn lorentzian(x: f64, fwhm: f64) -> f64 {
    fwhm / (2.0 * PI) / (x * x + 0.25 * fwhm * fwhm)
}

/// A sum of both with the share `lorentzian_share` of the second; unit area.
pub fn pseudo_voigt(x: f64, fwhm: f64, lorentzian_share: f64) -> f64 {
    lorentzian_share * lorentzian(x, fwhm) + (1.0 - lorentzian_share) * gaussian(x, fwhm)
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    /// G-LAT-1 to 3, and the two-dimensional hexagonal lattice.
    #[test]
    fn g_lat_reflections_and_multiplicities() {
        let table = |lattice: Lattice, count| {
            lattice
                .reflections(count)
                .iter()
                .map(|r| (r.squared, r.multiplicity))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            table(Lattice::SimpleCubic, 12),
            [
                (1, 6),
                (2, 12),
                (3, 8),
                (4, 6),
                (5, 24),
                (6, 24),
                (8, 12),
                (9, 30),
                (10, 24),
                (11, 24),
                (12, 8),
                (13, 24)
            ]
        );
        assert_eq!(
            table(Lattice::BodyCentred, 12),
            [
                (2, 12),
                (4, 6),
                (6, 24),
                (8, 12),
                (10, 24),
                (12, 8),
                (14, 48),
                (16, 6),
                (18, 36),
                (20, 24),
                (22, 24),
                (24, 24)
            ]
        );
        assert_eq!(
            table(Lattice::FaceCentred, 12),
            [
                (3, 8),
                (4, 6),
                (8, 12),
                (11, 24),
                (12, 8),
                (16, 6),
                (19, 24),
                (20, 24),
                (24, 24),
                (27, 32),
                (32, 12),
                (35, 48)
            ]
        );
        assert_eq!(
            table(Lattice::Hexagonal, 7),
            [(1, 6), (3, 6), (4, 6), (7, 12), (9, 6), (12, 6), (13, 12)]
        );
        assert_eq!(table(Lattice::Lamellar, 3), [(1, 2), (4, 2), (9, 2)]);
    }

    #[test]
    fn peaks_have_unit_area() {
        for profile in [gaussian, lorentzian] {
            let area: f64 = (-40_000..40_000)
                .map(|i| profile(f64::from(i) * 0.01, 0.5) * 0.01)
                .sum();
            assert_relative_eq!(area, 1.0, max_relative = 1e-3);
            assert_relative_eq!(
                profile(0.25, 0.5),
                0.5 * profile(0.0, 0.5),
                max_relative = 1e-12
            );
        }
    }

    #[test]
    fn displacements_weaken_high_orders() {
        assert_eq!(debye_waller(0.0, 0.1, 1.0), 1.0);
        assert!(debye_waller(3.0, 0.1, 1.0) < debye_waller(1.0, 0.1, 1.0));
    }
}
