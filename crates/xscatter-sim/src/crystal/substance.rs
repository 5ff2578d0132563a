//! Substances that one meets at a beamline: calibrants, metals, minerals, perovskites, polymers.
//!
//! The inorganic ones are published structures at room temperature. Pentacene, P3HT and silver
//! behenate are models: published cells with flat, fully stretched molecules of ideal bonds in them,
//! right in where they diffract and roughly right in how strongly. Hydrogen is left out.
//!
//! Source: the cells of the calibrants are those of `xscatter_geometry::Calibrant`; otherwise as
//! said at each substance.

use std::f64::consts::{PI, TAU};

use xscatter_geometry::Calibrant;

use super::{Atom, CellConfig, Crystal, Element, UnitCell};
use Element::{
    Aluminium, Boron, Carbon, Cerium, Chlorine, Copper, Gold, Iodine, Iron, Lanthanum, Lead,
    Nickel, Nitrogen, Oxygen, Silicon, Silver, Sodium, Sulphur, Titanium, Zinc,
};

/// A crystalline substance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Substance {
    /// LaB6: NIST SRM 660c; boron at 0.1997 (Eliseev et al. 1986).
    LanthanumHexaboride,
    /// Si: NIST SRM 640e.
    Silicon,
    /// CeO2: NIST SRM 674b.
    Ceria,
    /// α-Al2O3: NIST SRM 676a; atoms after Lewis, Schwarzenbach and Flack 1982,
    /// doi:10.1107/S0567739482001478.
    Corundum,
    /// Face-centred cubic; Wyckoff, Crystal Structures, 1963.
    Aluminium,
    /// Face-centred cubic; Wyckoff, Crystal Structures, 1963.
    Copper,
    /// Face-centred cubic; Wyckoff, Crystal Structures, 1963.
    Nickel,
    /// Face-centred cubic; Wyckoff, Crystal Structures, 1963.
    Silver,
    /// Face-centred cubic; Wyckoff, Crystal Structures, 1963.
    Gold,
    /// α-Fe, body-centred cubic; Wyckoff, Crystal Structures, 1963.
    Iron,
    /// NaCl; Wyckoff, Crystal Structures, 1963.
    SodiumChloride,
    /// TiO2; Abrahams and Bernstein 1971, doi:10.1063/1.1676569.
    Rutile,
    /// TiO2; Howard, Sabine and Dickson 1991, doi:10.1107/S010876819001335X.
    Anatase,
    /// ZnO, wurtzite; Kisi and Elcombe 1989, doi:10.1107/S0108270189004269.
    ZincOxide,
    /// 2H-PbI2; Wyckoff, Crystal Structures, 1963.
    LeadIodide,
    /// CH3NH3PbI3, cubic above 330 K; Poglitsch and Weber 1987, doi:10.1063/1.453467. The cation
    /// tumbles about the centre of the cell.
    LeadIodidePerovskite,
    /// 2H graphite; Wyckoff, Crystal Structures, 1963.
    Graphite,
    /// Ice Ih at the melting point; Petrenko and Whitworth, Physics of Ice, 1999.
    Ice,
    /// Orthorhombic polyethylene; Bunn 1939, doi:10.1039/TF9393500482.
    Polyethylene,
    /// Poly(3-hexylthiophene), a model: layers along a, π stack along b, chain along c; cell after
    /// Kayunkid, Uttiya and Brinkmann 2010, doi:10.1021/ma100551m.
    P3ht,
    /// Pentacene of thin films, a model: layers along c*, herringbone in the plane; cell after Wu and
    /// Spence, J. Appl. Cryst. 37 (2004) 78.
    Pentacene,
    /// Silver behenate, a model: layers along c; cell after Blanton et al. 2011,
    /// doi:10.1154/1.3661981, with the layer of the calibrant.
    SilverBehenate,
}

impl Substance {
    /// All substances.
    pub const ALL: [Self; 22] = [
        Self::LanthanumHexaboride,
        Self::Silicon,
        Self::Ceria,
        Self::Corundum,
        Self::Aluminium,
        Self::Copper,
        Self::Nickel,
        Self::Silver,
        Self::Gold,
        Self::Iron,
        Self::SodiumChloride,
        Self::Rutile,
        Self::Anatase,
        Self::ZincOxide,
        Self::LeadIodide,
        Self::LeadIodidePerovskite,
        Self::Graphite,
        Self::Ice,
        Self::Polyethylene,
        Self::P3ht,
        Self::Pentacene,
        Self::SilverBehenate,
    ];

    /// The usual name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LanthanumHexaboride => "LaB6",
            Self::Silicon => "Si",
            Self::Ceria => "CeO2",
            Self::Corundum => "alpha-Al2O3",
            Self::Aluminium => "Al",
            Self::Copper => "Cu",
            Self::Nickel => "Ni",
            Self::Silver => "Ag",
            Self::Gold => "Au",
            Self::Iron => "Fe",
            Self::SodiumChloride => "NaCl",
            Self::Rutile => "rutile",
            Self::Anatase => "anatase",
            Self::ZincOxide => "ZnO",
            Self::LeadIodide => "PbI2",
            Self::LeadIodidePerovskite => "MAPbI3",
            Self::Graphite => "graphite",
            Self::Ice => "ice",
            Self::Polyethylene => "polyethylene",
            Self::P3ht => "P3HT",
            Self::Pentacene => "pentacene",
            Self::SilverBehenate => "AgBh",
        }
    }

    /// Its cell and atoms.
    ///
    /// ```
    /// use xscatter_sim::crystal::Substance;
    ///
    /// let rings = Substance::Silicon.crystal().rings(35.0)?;
    /// // (111) and (220): (200) is forbidden.
    /// assert_eq!(rings.iter().map(|r| r.multiplicity).collect::<Vec<_>>(), [8, 12]);
    /// # Ok::<(), xscatter_sim::crystal::CrystalError>(())
    /// ```
    ///
    /// # Panics
    /// Never: all cells and atoms are possible.
    pub fn crystal(self) -> Crystal {
        let cell = UnitCell::new(self.cell()).expect("the cells of this file are possible");
        Crystal::new(cell, self.atoms(&cell)).expect("the atoms of this file are possible")
    }

    const fn cell(self) -> CellConfig {
        match self {
            Self::LanthanumHexaboride => CellConfig::cubic(Calibrant::LaB6.cell_nm()),
            Self::Silicon => CellConfig::cubic(Calibrant::Si.cell_nm()),
            Self::Ceria => CellConfig::cubic(Calibrant::CeO2.cell_nm()),
            Self::Corundum => CellConfig::hexagonal(0.475_909_1, 1.299_177_9),
            Self::Aluminium => CellConfig::cubic(0.404_95),
            Self::Copper => CellConfig::cubic(0.361_50),
            Self::Nickel => CellConfig::cubic(0.352_40),
            Self::Silver => CellConfig::cubic(0.408_62),
            Self::Gold => CellConfig::cubic(0.407_86),
            Self::Iron => CellConfig::cubic(0.286_65),
            Self::SodiumChloride => CellConfig::cubic(0.564_02),
            Self::Rutile => CellConfig::tetragonal(0.459_366, 0.295_868),
            Self::Anatase => CellConfig::tetragonal(0.378_45, 0.951_43),
            Self::ZincOxide => CellConfig::hexagonal(0.325_01, 0.520_71),
            Self::LeadIodide => CellConfig::hexagonal(0.4555, 0.6977),
            Self::LeadIodidePerovskite => CellConfig::cubic(0.632_85),
            Self::Graphite => CellConfig::hexagonal(0.246_4, 0.671_1),
            Self::Ice => CellConfig::hexagonal(0.4519, 0.7357),
            Self::Polyethylene => CellConfig::orthorhombic(0.740, 0.493, 0.253_4),
            Self::P3ht => P3HT,
            Self::Pentacene => PENTACENE,
            Self::SilverBehenate => BEHENATE,
        }
    }

    fn atoms(self, cell: &UnitCell) -> Vec<Atom> {
        let metal = |element| face_centred(&[atom(element, 0.0, 0.0, 0.0)]);
        let (one, two) = (1.0 / 3.0, 2.0 / 3.0);
        match self {
            Self::LanthanumHexaboride => lanthanum_hexaboride(),
            Self::Silicon => face_centred(&[
                atom(Silicon, 0.0, 0.0, 0.0),
                atom(Silicon, 0.25, 0.25, 0.25),
            ]),
            Self::Ceria => face_centred(&[
                atom(Cerium, 0.0, 0.0, 0.0),
                atom(Oxygen, 0.25, 0.25, 0.25),
                atom(Oxygen, 0.75, 0.75, 0.75),
            ]),
            Self::Corundum => corundum(0.352_16, 0.306_24),
            Self::Aluminium => metal(Aluminium),
            Self::Copper => metal(Copper),
            Self::Nickel => metal(Nickel),
            Self::Silver => metal(Silver),
            Self::Gold => metal(Gold),
            Self::Iron => body_centred(&[atom(Iron, 0.0, 0.0, 0.0)]),
            Self::SodiumChloride => {
                face_centred(&[atom(Sodium, 0.0, 0.0, 0.0), atom(Chlorine, 0.5, 0.5, 0.5)])
            }
            Self::Rutile => rutile(0.304_79),
            Self::Anatase => anatase(0.2081),
            Self::ZincOxide => wurtzite(Zinc, Oxygen, 0.3817),
            Self::LeadIodide => vec![
                atom(Lead, 0.0, 0.0, 0.0),
                atom(Iodine, one, two, 0.265),
                atom(Iodine, two, one, 0.735),
            ],
            Self::LeadIodidePerovskite => perovskite(),
            Self::Graphite => vec![
                atom(Carbon, 0.0, 0.0, 0.25),
                atom(Carbon, 0.0, 0.0, 0.75),
                atom(Carbon, one, two, 0.25),
                atom(Carbon, two, one, 0.75),
            ],
            Self::Ice => hexagonal_pairs(Oxygen, 0.0625),
            Self::Polyethylene => polyethylene(0.038, 0.065),
            Self::P3ht => p3ht(cell),
            Self::Pentacene => pentacene(cell),
            Self::SilverBehenate => behenate(cell),
        }
    }
}

const fn atom(element: Element, x: f64, y: f64, z: f64) -> Atom {
    Atom::new(element, [x, y, z])
}

fn centred(atoms: &[Atom], translations: &[[f64; 3]]) -> Vec<Atom> {
    translations
        .iter()
        .flat_map(|shift| {
            atoms.iter().map(|atom| Atom {
                fraction: std::array::from_fn(|axis| atom.fraction[axis] + shift[axis]),
                ..*atom
            })
        })
        .collect()
}

fn face_centred(atoms: &[Atom]) -> Vec<Atom> {
    centred(
        atoms,
        &[[0.0; 3], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]],
    )
}

fn body_centred(atoms: &[Atom]) -> Vec<Atom> {
    centred(atoms, &[[0.0; 3], [0.5; 3]])
}

fn lanthanum_hexaboride() -> Vec<Atom> {
    let x = 0.1997;
    let mut atoms = vec![atom(Lanthanum, 0.0, 0.0, 0.0)];
    for place in [x, 1.0 - x] {
        atoms.push(atom(Boron, place, 0.5, 0.5));
        atoms.push(atom(Boron, 0.5, place, 0.5));
        atoms.push(atom(Boron, 0.5, 0.5, place));
    }
    atoms
}

/// R-3c in hexagonal axes: metal at (0 0 z), oxygen at (x 0 ¼).
fn corundum(z: f64, x: f64) -> Vec<Atom> {
    let mut atoms: Vec<Atom> = [z, -z, z + 0.5, 0.5 - z]
        .map(|z| atom(Aluminium, 0.0, 0.0, z))
        .to_vec();
    for (x, z) in [(x, 0.25), (-x, 0.75)] {
        atoms.push(atom(Oxygen, x, 0.0, z));
        atoms.push(atom(Oxygen, 0.0, x, z));
        atoms.push(atom(Oxygen, -x, -x, z));
    }
    let (one, two) = (1.0 / 3.0, 2.0 / 3.0);
    centred(&atoms, &[[0.0; 3], [two, one, one], [one, two, two]])
}

/// P4₂/mnm: oxygen at (u u 0).
fn rutile(u: f64) -> Vec<Atom> {
    vec![
        atom(Titanium, 0.0, 0.0, 0.0),
        atom(Titanium, 0.5, 0.5, 0.5),
        atom(Oxygen, u, u, 0.0),
        atom(Oxygen, -u, -u, 0.0),
        atom(Oxygen, 0.5 + u, 0.5 - u, 0.5),
        atom(Oxygen, 0.5 - u, 0.5 + u, 0.5),
    ]
}

/// I4₁/amd with the origin at the metal: oxygen at (0 0 u).
fn anatase(u: f64) -> Vec<Atom> {
    body_centred(&[
        atom(Titanium, 0.0, 0.0, 0.0),
        atom(Titanium, 0.0, 0.5, 0.25),
        atom(Oxygen, 0.0, 0.0, u),
        atom(Oxygen, 0.0, 0.0, -u),
        atom(Oxygen, 0.0, 0.5, 0.25 + u),
        atom(Oxygen, 0.0, 0.5, 0.25 - u),
    ])
}

/// P6₃mc: the second element u above the first.
fn wurtzite(first: Element, second: Element, u: f64) -> Vec<Atom> {
    let (one, two) = (1.0 / 3.0, 2.0 / 3.0);
    vec![
        atom(first, one, two, 0.0),
        atom(first, two, one, 0.5),
        atom(second, one, two, u),
        atom(second, two, one, 0.5 + u),
    ]
}

/// P6₃/mmc: (⅓ ⅔ z) and its equivalents.
fn hexagonal_pairs(element: Element, z: f64) -> Vec<Atom> {
    let (one, two) = (1.0 / 3.0, 2.0 / 3.0);
    vec![
        atom(element, one, two, z),
        atom(element, two, one, -z),
        atom(element, two, one, z + 0.5),
        atom(element, one, two, 0.5 - z),
    ]
}

/// Pm-3m: lead at the corners, iodine on the edges, the cation in one of six directions.
fn perovskite() -> Vec<Atom> {
    let mut atoms = vec![atom(Lead, 0.0, 0.0, 0.0)];
    for axis in 0..3 {
        let along = |place: f64, others: f64| {
            std::array::from_fn(|other| if other == axis { place } else { others })
        };
        atoms.push(Atom {
            b_nm2: 0.03,
            ..Atom::new(Iodine, along(0.5, 0.0))
        });
        // Half a bond of 0.148 nm either way.
        for (element, offset) in [
            (Carbon, -0.117),
            (Carbon, 0.117),
            (Nitrogen, -0.117),
            (Nitrogen, 0.117),
        ] {
            atoms.push(Atom {
                occupancy: 1.0 / 6.0,
                b_nm2: 0.08,
                ..Atom::new(element, along(0.5 + offset, 0.5))
            });
        }
    }
    atoms
}

/// Pnam: a zigzag chain along c in the corner and one in the middle.
fn polyethylene(x: f64, y: f64) -> Vec<Atom> {
    [
        [x, y, 0.25],
        [-x, -y, 0.75],
        [0.5 + x, 0.5 - y, 0.25],
        [0.5 - x, 0.5 + y, 0.75],
    ]
    .map(|fraction| Atom {
        b_nm2: 0.04,
        ..Atom::new(Carbon, fraction)
    })
    .to_vec()
}

/// Of the molecules of the models.
const ORGANIC_B_NM2: f64 = 0.04;

fn placed(cell: &UnitCell, element: Element, position_nm: [f64; 3]) -> Atom {
    Atom {
        b_nm2: ORGANIC_B_NM2,
        ..Atom::new(element, cell.fraction(position_nm))
    }
}

const PENTACENE: CellConfig = CellConfig {
    a_nm: 0.61,
    b_nm: 0.76,
    c_nm: 1.53,
    alpha_deg: 81.0,
    beta_deg: 85.0,
    gamma_deg: 89.5,
};

/// Two upright flat molecules of five rings, their planes at 52° to each other.
fn pentacene(cell: &UnitCell) -> Vec<Atom> {
    const BOND_NM: f64 = 0.140;
    let width = BOND_NM * 3.0_f64.sqrt();
    let mut molecule = Vec::with_capacity(22);
    // Six columns of fused atoms, five pairs of outer ones; half a ring apart along the molecule.
    for column in 0..6 {
        let along = (f64::from(column) - 2.5) * width;
        molecule.push((along, 0.5 * BOND_NM));
        molecule.push((along, -0.5 * BOND_NM));
    }
    for ring in 0..5 {
        let along = (f64::from(ring) - 2.0) * width;
        molecule.push((along, BOND_NM));
        molecule.push((along, -BOND_NM));
    }
    // Along c, which leans a little from the normal.
    let c = cell.position_nm([0.0, 0.0, 1.0]);
    let long = c.map(|component| component / PENTACENE.c_nm);
    [([0.0; 3], 64.0_f64), ([0.5, 0.5, 0.0], 116.0)]
        .iter()
        .flat_map(|&(origin, plane_deg)| {
            let origin = cell.position_nm(origin);
            let (sine, cosine) = plane_deg.to_radians().sin_cos();
            molecule
                .iter()
                .map(|&(along, across)| {
                    let place = [
                        origin[0] + along * long[0] + across * cosine,
                        origin[1] + along * long[1] + across * sine,
                        origin[2] + along * long[2],
                    ];
                    placed(cell, Carbon, place)
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

const P3HT: CellConfig = CellConfig {
    a_nm: 1.60,
    b_nm: 0.78,
    c_nm: 0.78,
    alpha_deg: 90.0,
    beta_deg: 90.0,
    gamma_deg: 86.5,
};

/// Two chains of two thiophenes along c, half of b apart; hexyl arms along ±a.
fn p3ht(cell: &UnitCell) -> Vec<Atom> {
    let mut atoms = Vec::new();
    for chain in [0.25, 0.75] {
        let y = P3HT.b_nm * chain;
        for (ring, side) in [(0.25, 1.0), (0.75, -1.0)] {
            let z = P3HT.c_nm * ring;
            // A flat ring: sulphur on one side of the backbone, the arm on the other.
            for (element, x, along) in [
                (Sulphur, -0.12, 0.0),
                (Carbon, 0.0, 0.124),
                (Carbon, 0.0, -0.124),
                (Carbon, 0.128, 0.071),
                (Carbon, 0.128, -0.071),
            ] {
                atoms.push(placed(cell, element, [side * x, y, z + along]));
            }
            // The arms lean along the chain, as half of a is shorter than they are.
            for carbon in 0..6 {
                let zigzag = if carbon % 2 == 0 { 0.04 } else { -0.04 };
                let step = f64::from(carbon + 1);
                let x = 0.128 + 0.100 * step;
                let along = z + 0.071 + 0.078 * step;
                atoms.push(placed(cell, Carbon, [side * x, y + zigzag, along]));
            }
        }
    }
    atoms
}

const BEHENATE: CellConfig = CellConfig {
    a_nm: 0.417_69,
    b_nm: 0.472_18,
    // c leans: the layer is V/(ab sin γ).
    c_nm: Calibrant::AgBh.cell_nm() / 0.999943731,
    alpha_deg: 89.440,
    beta_deg: 89.634,
    gamma_deg: 75.854,
};

/// Two silver atoms in the middle of the layer, two stretched chains of 22 carbons away from it.
fn behenate(cell: &UnitCell) -> Vec<Atom> {
    // Of a leaning chain.
    const RISE_NM: f64 = 0.121;
    let mut atoms = Vec::with_capacity(50);
    let centre = cell.position_nm([0.5, 0.5, 0.0]);
    let normal = cell.position_nm([0.0, 0.0, 1.0]).map(|c| c / BEHENATE.c_nm);
    for side in [1.0, -1.0] {
        let at = |height: f64, angle: f64, radius: f64| {
            let (sine, cosine) = (angle + if side < 0.0 { PI } else { 0.0 }).sin_cos();
            [
                centre[0] + side * height * normal[0] + radius * cosine,
                centre[1] + side * height * normal[1] + radius * sine,
                centre[2] + side * height * normal[2],
            ]
        };
        atoms.push(placed(cell, Silver, at(0.06, 0.9, 0.13)));
        for angle in [0.9, 0.9 + 0.5 * TAU] {
            atoms.push(placed(cell, Oxygen, at(0.18, angle, 0.11)));
        }
        for carbon in 0..22 {
            let zigzag = if carbon % 2 == 0 { 0.042 } else { -0.042 };
            let height = 0.26 + RISE_NM * f64::from(carbon);
            atoms.push(placed(cell, Carbon, at(height, 0.4, zigzag)));
        }
    }
    atoms
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of atoms that are fully there is at least a bond apart.
    #[test]
    fn no_atoms_overlap() {
        for substance in Substance::ALL {
            let crystal = substance.crystal();
            let cell = *crystal.cell();
            for (index, first) in crystal.atoms().iter().enumerate() {
                for second in &crystal.atoms()[index + 1..] {
                    if first.occupancy < 1.0 || second.occupancy < 1.0 {
                        continue;
                    }
                    let near = std::array::from_fn(|axis| {
                        let apart = first.fraction[axis] - second.fraction[axis];
                        apart - apart.round()
                    });
                    let [x, y, z] = cell.position_nm(near);
                    let distance = (x * x + y * y + z * z).sqrt();
                    assert!(
                        distance > 0.10,
                        "{}: {distance} nm between {first:?} and {second:?}",
                        substance.name()
                    );
                }
            }
        }
    }

    /// G-CAL-1 to 4: the rings of the calibrants are those of the geometry crate.
    #[test]
    fn g_cal_calibrants_are_those_of_the_geometry() {
        for (substance, calibrant) in [
            (Substance::LanthanumHexaboride, Calibrant::LaB6),
            (Substance::Silicon, Calibrant::Si),
            (Substance::Ceria, Calibrant::CeO2),
        ] {
            let rings = substance.crystal().rings(90.0).unwrap();
            let expected = calibrant.q_inv_nm(90.0);
            assert_eq!(rings.len(), expected.len(), "{}", substance.name());
            for (ring, q) in rings.iter().zip(expected) {
                assert!((ring.q_inv_nm / q - 1.0).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn g_cal_1_behenate_has_the_layer_of_the_geometry() {
        let rings = Substance::SilverBehenate.crystal().rings(7.0).unwrap();
        let expected = Calibrant::AgBh.q_inv_nm(7.0);
        assert_eq!(rings.len(), expected.len());
        for (ring, q) in rings.iter().zip(expected) {
            assert!((ring.q_inv_nm / q - 1.0).abs() < 1e-8);
            assert_eq!(ring.multiplicity, 2);
        }
    }

    /// Layered substances have their layer as first ring, and it is strong.
    #[test]
    fn layers_come_first() {
        for (substance, d_nm) in [
            (Substance::SilverBehenate, 5.838),
            (Substance::P3ht, 1.597),
            (Substance::Pentacene, 1.507),
            (Substance::LeadIodide, 0.6977),
        ] {
            let rings = substance.crystal().rings(20.0).unwrap();
            let first = rings[0];
            assert!(
                (TAU / first.q_inv_nm / d_nm - 1.0).abs() < 5e-3,
                "{}: {} nm",
                substance.name(),
                TAU / first.q_inv_nm
            );
        }
    }

    /// Densities of the published structures, in g/cm³.
    #[test]
    fn densities_are_right() {
        let molar_mass = |element: Element| match element {
            Sodium => 22.99,
            Chlorine => 35.45,
            Titanium => 47.867,
            Oxygen => 15.999,
            Aluminium => 26.982,
            Lead => 207.2,
            Iodine => 126.904,
            Zinc => 65.38,
            Carbon => 12.011,
            _ => panic!("no mass for {}", element.symbol()),
        };
        for (substance, density) in [
            (Substance::SodiumChloride, 2.163),
            (Substance::Rutile, 4.25),
            (Substance::Anatase, 3.89),
            (Substance::Corundum, 3.987),
            (Substance::LeadIodide, 6.16),
            (Substance::ZincOxide, 5.67),
            (Substance::Graphite, 2.26),
        ] {
            let crystal = substance.crystal();
            let mass: f64 = crystal.atoms().iter().map(|a| molar_mass(a.element)).sum();
            let found = mass / crystal.cell().volume_nm3() / 602.214;
            assert!(
                (found / density - 1.0).abs() < 0.01,
                "{}: {found}",
                substance.name()
            );
        }
    }
}
