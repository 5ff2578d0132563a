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
    /// Diamond.
    Diamond,
    /// The double gyroid of block copolymers and lipids, Ia-3d.
    Gyroid,
    /// Three-dimensional, one point a cell, c = a.
    SimpleHexagonal,
    /// Close-packed spheres in the sequence ABAB.
    ClosePackedHexagonal,
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
    /// The sum of their lattice factors, each 1 where all points of the cell scatter in phase; of a
    /// gyroid relative to one of the first order.
    pub strength: f64,
}

/// Lattice factors of the gyroid by N.
const GYROID: [(u32, f64); 16] = [
    (6, 1.0),
    (8, 0.261_5),
    (14, 0.000_5),
    (16, 0.000_6),
    (20, 0.002_2),
    (22, 0.000_5),
    (24, 0.001_4),
    (26, 0.000_9),
    (30, 0.002_8),
    (32, 0.006_8),
    (38, 0.009_5),
    (40, 0.001_0),
    (42, 0.008_1),
    (46, 0.009_4),
    (48, 0.045_2),
    (50, 0.022_5),
];

impl Lattice {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Lamellar,
        Self::Hexagonal,
        Self::SimpleCubic,
        Self::BodyCentred,
        Self::FaceCentred,
        Self::Diamond,
        Self::Gyroid,
        Self::SimpleHexagonal,
        Self::ClosePackedHexagonal,
    ];

    /// The usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lamellar => "lamellar",
            Self::Hexagonal => "hexagonal",
            Self::SimpleCubic => "simple cubic",
            Self::BodyCentred => "body-centred cubic",
            Self::FaceCentred => "face-centred cubic",
            Self::Diamond => "diamond",
            Self::Gyroid => "gyroid",
            Self::SimpleHexagonal => "simple hexagonal",
            Self::ClosePackedHexagonal => "close-packed hexagonal",
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
            let shells = self.shells(reach);
            // Beyond reach² a shell may have members outside the enumerated cube.
            let complete: Vec<(u32, (u32, f64))> = shells
                .into_iter()
                .take_while(|&(squared, _)| f64::from(squared) <= self.complete_to(reach))
                .take(count)
                .collect();
            if complete.len() == count {
                let first = complete.first().map_or(1, |&(squared, _)| squared);
                return complete
                    .into_iter()
                    .map(|(squared, (multiplicity, strength))| Reflection {
                        squared,
                        ratio: (f64::from(squared) / f64::from(first)).sqrt(),
                        multiplicity,
                        strength,
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
            Self::SimpleHexagonal => 3.0 * square,
            Self::ClosePackedHexagonal => 9.0 * square,
            _ => square,
        }
    }

    /// N with its multiplicity and strength for all indices up to ±reach.
    fn shells(self, reach: i32) -> BTreeMap<u32, (u32, f64)> {
        let mut shells = BTreeMap::new();
        let (second, third) = match self {
            Self::Lamellar => (0, 0),
            Self::Hexagonal => (reach, 0),
            _ => (reach, reach),
        };
        for h in -reach..=reach {
            for k in -second..=second {
                for l in -third..=third {
                    let squared = self.squared(h, k, l);
                    let factor = self.factor(h, k, l);
                    if squared > 0 && factor > 0.0 {
                        let shell = shells.entry(squared).or_insert((0, 0.0));
                        shell.0 += 1;
                        shell.1 += factor;
                    }
                }
            }
        }
        shells
    }

    /// N.
    fn squared(self, h: i32, k: i32, l: i32) -> u32 {
        let hexagonal = h * h + h * k + k * k;
        let squared = match self {
            Self::Hexagonal => hexagonal,
            Self::SimpleHexagonal => 4 * hexagonal + 3 * l * l,
            Self::ClosePackedHexagonal => 32 * hexagonal + 9 * l * l,
            _ => h * h + k * k + l * l,
        };
        squared.unsigned_abs()
    }

    /// The lattice factor of one reflection: 1 in phase, 0 forbidden.
    fn factor(self, h: i32, k: i32, l: i32) -> f64 {
        let allowed = |yes: bool| f64::from(u8::from(yes));
        let same_parity = (h - k) % 2 == 0 && (k - l) % 2 == 0;
        match self {
            Self::Lamellar | Self::Hexagonal | Self::SimpleCubic | Self::SimpleHexagonal => 1.0,
            Self::BodyCentred => allowed((h + k + l) % 2 == 0),
            Self::FaceCentred => allowed(same_parity),
            Self::Diamond => match (h + k + l).rem_euclid(4) {
                0 => allowed(same_parity),
                2 => 0.0,
                _ => 0.5 * allowed(same_parity),
            },
            // (⅓ ⅔ ½) over the origin: cos²(π ((h + 2k)/3 + l/2)).
            Self::ClosePackedHexagonal => match ((h + 2 * k) % 3 == 0, l % 2 == 0) {
                (true, true) => 1.0,
                (true, false) => 0.0,
                (false, true) => 0.25,
                (false, false) => 0.75,
            },
            Self::Gyroid if is_gyroid(h, k, l) => {
                let squared = self.squared(h, k, l);
                GYROID
                    .iter()
                    .find(|&&(n, _)| n == squared)
                    // Beyond the table as the surface law: q⁻⁴ on average.
                    .map_or(0.02 * (50.0 / f64::from(squared)).powi(2), |&(_, f)| f)
            }
            Self::Gyroid => 0.0,
        }
    }
}

/// The conditions of Ia-3d.
fn is_gyroid(h: i32, k: i32, l: i32) -> bool {
    let turns = [(h, k, l), (k, l, h), (l, h, k)];
    (h + k + l) % 2 == 0
        && turns.iter().all(|&(a, b, c)| {
            let glide = a != 0 || (b % 2 == 0 && c % 2 == 0);
            // hhl and its mirror images: 2h + l = 4n.
            let diamond = a.abs() != b.abs() || (2 * a + c) % 4 == 0;
            glide && diamond
        })
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
        assert_eq!(
            table(Lattice::Diamond, 12),
            [
                (3, 8),
                (8, 12),
                (11, 24),
                (16, 6),
                (19, 24),
                (24, 24),
                (27, 32),
                (32, 12),
                (35, 48),
                (40, 24),
                (43, 24),
                (48, 8)
            ]
        );
        assert_eq!(
            table(Lattice::Gyroid, 8),
            [
                (6, 24),
                (8, 12),
                (14, 48),
                (16, 6),
                (20, 24),
                (22, 24),
                (24, 24),
                (26, 48)
            ]
        );
        // Ratios² to (001) of 1, 4/3, 7/3, 4, 5, 16/3, 19/3, 8, 9, 28/3.
        assert_eq!(
            table(Lattice::SimpleHexagonal, 10),
            [
                (3, 2),
                (4, 6),
                (7, 12),
                (12, 8),
                (15, 12),
                (16, 18),
                (19, 12),
                (24, 12),
                (27, 2),
                (28, 24)
            ]
        );
        assert_eq!(
            table(Lattice::ClosePackedHexagonal, 5),
            [(32, 6), (36, 2), (41, 12), (68, 12), (96, 6)]
        );
    }

    /// The points of each lattice, summed with their phases.
    #[test]
    fn strengths_are_those_of_the_points() {
        let third = 1.0 / 3.0;
        let cases: [(Lattice, &[[f64; 3]]); 5] = [
            (Lattice::SimpleCubic, &[[0.0; 3]]),
            (Lattice::BodyCentred, &[[0.0; 3], [0.5; 3]]),
            (
                Lattice::FaceCentred,
                &[[0.0; 3], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]],
            ),
            (
                Lattice::Diamond,
                &[
                    [0.0; 3],
                    [0.0, 0.5, 0.5],
                    [0.5, 0.0, 0.5],
                    [0.5, 0.5, 0.0],
                    [0.25; 3],
                    [0.25, 0.75, 0.75],
                    [0.75, 0.25, 0.75],
                    [0.75, 0.75, 0.25],
                ],
            ),
            (
                Lattice::ClosePackedHexagonal,
                &[[0.0; 3], [third, 2.0 * third, 0.5]],
            ),
        ];
        for (lattice, points) in cases {
            for h in -4..=4 {
                for k in -4..=4 {
                    for l in -4..=4 {
                        let sum: num_complex::Complex64 = points
                            .iter()
                            .map(|[x, y, z]| {
                                let phase = f64::from(h) * x + f64::from(k) * y + f64::from(l) * z;
                                num_complex::Complex64::cis(TAU * phase)
                            })
                            .sum();
                        let expected = sum.norm_sqr() / (points.len() as f64).powi(2);
                        assert_relative_eq!(lattice.factor(h, k, l), expected, epsilon = 1e-12);
                    }
                }
            }
        }
    }

    /// The Fourier components of the two networks, on a grid.
    #[test]
    fn the_gyroid_is_two_networks() {
        const GRID: usize = 64;
        let waves: Vec<(f64, f64)> = (0..GRID)
            .map(|index| TAU * (index as f64 + 0.5) / GRID as f64)
            .map(f64::sin_cos)
            .collect();
        let squared = |hkl: [usize; 3]| {
            let mut sum = num_complex::Complex64::ZERO;
            for x in 0..GRID {
                for y in 0..GRID {
                    for z in 0..GRID {
                        let [(sx, cx), (sy, cy), (sz, cz)] = [waves[x], waves[y], waves[z]];
                        if (sx * cy + sy * cz + sz * cx).abs() > 0.9865 {
                            // 2x + 1 half steps; the half is common to all.
                            let phase = (hkl[0] * x + hkl[1] * y + hkl[2] * z) % GRID;
                            sum += num_complex::Complex64::cis(TAU * phase as f64 / GRID as f64);
                        }
                    }
                }
            }
            sum.norm_sqr()
        };
        let first = squared([2, 1, 1]);
        for (hkl, expected) in [
            ([2, 2, 0], 0.2615),
            ([3, 2, 1], 0.0005),
            ([4, 4, 4], 0.0452),
            ([4, 0, 0], 0.0006),
            ([1, 1, 0], 0.0),
        ] {
            assert_relative_eq!(squared(hkl) / first, expected, epsilon = 6e-3);
        }
        let orders = Lattice::Gyroid.reflections(40);
        for (order, (squared, _)) in orders.iter().zip(GYROID) {
            assert_eq!(order.squared, squared);
        }
        assert!(orders.iter().all(|r| r.strength > 0.0));
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
