//! Atomic crystals: where they diffract and how strongly.
//!
//! Use it for powder rings, spots and oriented films of atomic structures. Not for block copolymers
//! and particle lattices, whose shapes scatter (see [`lattice`](crate::lattice)).
//!
//! ```text
//! F(hkl) = Σ occ f(q) exp(−B q²/(16π²)) exp(2πi (hx + ky + lz))      q = |g(hkl)|
//! ```
//!
//! F is in electrons per cell. A crystal is its cell and the complete list of its atoms: no symmetry
//! is implied. Atoms are neutral, without dispersion, so that |F(−h −k −l)| = |F(hkl)|. The list of
//! all reflections up to q costs some 3 ns per reflection and atom.
//!
//! Source: International Tables for Crystallography, volume B, section 1.2; checked against gemmi
//! 0.7.5.

mod cell;
mod element;
mod substance;

use std::f64::consts::PI;

use num_complex::Complex64;

pub(crate) use cell::dot;
pub use cell::{CellConfig, UnitCell};
pub use element::Element;
pub use substance::Substance;

use crate::powder::Ring;

/// The most reflections (Friedel mates once) that are listed.
const MOST_REFLECTIONS: f64 = 1e6;

/// |F|² below this share of F(000)² is a forbidden reflection.
const FORBIDDEN: f64 = 1e-12;

/// Why there can be no such crystal.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CrystalError {
    /// A length that is none.
    #[error("expected a positive length for {0}, got {1}")]
    Axis(&'static str, f64),
    /// An angle that is none.
    #[error("expected an angle between 0 and 180 degrees for {0}, got {1}")]
    Angle(&'static str, f64),
    /// Angles that do not go together.
    #[error("expected three angles of a parallelepiped, got {0}, {1} and {2} degrees")]
    Angles(f64, f64, f64),
    /// A crystal of nothing.
    #[error("expected at least one atom, got none")]
    NoAtoms,
    /// A quantity of one atom that is out of range.
    #[error("expected {name} of atom {atom} {range}, got {value}")]
    Atom {
        /// Which quantity.
        name: &'static str,
        /// The place of the atom in the list.
        atom: usize,
        /// What it may be.
        range: &'static str,
        /// What it is.
        value: f64,
    },
    /// A quantity of a width that is out of range.
    #[error("expected {0} to be a width that can be, got {1}")]
    Width(&'static str, f64),
    /// A range of q with more reflections than anybody needs.
    #[error("expected fewer than 1e6 reflections up to {q_inv_nm}/nm, got about {about:.0}")]
    TooMany {
        /// The end of the range.
        q_inv_nm: f64,
        /// How many reflections it has.
        about: f64,
    },
}

/// One atom of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Atom {
    /// What it is.
    pub element: Element,
    /// Where it is, in units of the axes.
    pub fraction: [f64; 3],
    /// How often it is there, above 0 up to 1.
    pub occupancy: f64,
    /// How much it moves: Debye and Waller's B = 8π²⟨u²⟩.
    pub b_nm2: f64,
}

impl Atom {
    /// An atom that is always there; B is 0.005 nm², as in many solids at room temperature.
    pub const fn new(element: Element, fraction: [f64; 3]) -> Self {
        Self {
            element,
            fraction,
            occupancy: 1.0,
            b_nm2: 0.005,
        }
    }
}

/// A pair of Friedel mates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reflection {
    /// h, k and l; the first that is not 0 is positive.
    pub indices: [i32; 3],
    /// The reciprocal lattice vector.
    pub g_inv_nm: [f64; 3],
    /// Its length.
    pub q_inv_nm: f64,
    /// |F|² of each mate, in electrons².
    pub squared: f64,
}

/// A cell with its atoms.
///
/// ```
/// use xscatter_sim::crystal::{Atom, CellConfig, Crystal, Element, UnitCell};
///
/// let iron = |x: f64| Atom::new(Element::Iron, [x, x, x]);
/// let cell = UnitCell::new(CellConfig::cubic(0.28665))?;
/// let crystal = Crystal::new(cell, vec![iron(0.0), iron(0.5)])?;
/// let rings = crystal.rings(55.0)?;
/// assert_eq!(rings.iter().map(|r| r.multiplicity).collect::<Vec<_>>(), [12, 6, 24]);
/// # Ok::<(), xscatter_sim::crystal::CrystalError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Crystal {
    cell: UnitCell,
    atoms: Vec<Atom>,
}

impl Crystal {
    /// A crystal of these atoms.
    ///
    /// # Errors
    /// [`CrystalError`] if there is no atom, an occupancy is not above 0 up to 1, a B is negative, or
    /// a coordinate is not finite.
    pub fn new(cell: UnitCell, atoms: Vec<Atom>) -> Result<Self, CrystalError> {
        if atoms.is_empty() {
            return Err(CrystalError::NoAtoms);
        }
        for (index, atom) in atoms.iter().enumerate() {
            let refuse = |name, range, value| {
                Err(CrystalError::Atom {
                    name,
                    atom: index,
                    range,
                    value,
                })
            };
            if !(atom.occupancy > 0.0 && atom.occupancy <= 1.0) {
                return refuse("the occupancy", "above 0 up to 1", atom.occupancy);
            }
            if !(atom.b_nm2.is_finite() && atom.b_nm2 >= 0.0) {
                return refuse("b_nm2", "of at least 0", atom.b_nm2);
            }
            if let Some(&value) = atom.fraction.iter().find(|value| !value.is_finite()) {
                return refuse("a coordinate", "finite", value);
            }
        }
        Ok(Self { cell, atoms })
    }

    /// The cell.
    pub const fn cell(&self) -> &UnitCell {
        &self.cell
    }

    /// The atoms.
    pub fn atoms(&self) -> &[Atom] {
        &self.atoms
    }

    /// F(hkl) in electrons.
    pub fn structure_factor(&self, indices: [i32; 3]) -> Complex64 {
        let q = self.cell.q_inv_nm(indices);
        self.atoms
            .iter()
            .map(|atom| {
                let phase = indices
                    .iter()
                    .zip(atom.fraction)
                    .map(|(&index, x)| f64::from(index) * x)
                    .sum::<f64>();
                Complex64::from_polar(weight(atom, q), 2.0 * PI * phase)
            })
            .sum()
    }

    /// All reflections that are not forbidden up to `q_max_inv_nm`, in the order of q; Friedel mates
    /// once.
    ///
    /// # Errors
    /// [`CrystalError::TooMany`] if there are more than a million.
    pub fn reflections(&self, q_max_inv_nm: f64) -> Result<Vec<Reflection>, CrystalError> {
        let about = self.cell.volume_nm3() * q_max_inv_nm.powi(3) / (12.0 * PI * PI);
        if about.is_nan() || about >= MOST_REFLECTIONS {
            return Err(CrystalError::TooMany {
                q_inv_nm: q_max_inv_nm,
                about,
            });
        }
        let reach = self.cell.reach(q_max_inv_nm);
        let waves = Waves::new(self, reach);
        let mut reflections = Vec::with_capacity(about.max(0.0) as usize);
        for h in 0..=reach[0] {
            for k in -reach[1]..=reach[1] {
                for l in -reach[2]..=reach[2] {
                    let indices = [h, k, l];
                    let first = if h != 0 {
                        h
                    } else if k != 0 {
                        k
                    } else {
                        l
                    };
                    let g = self.cell.g_inv_nm(indices);
                    let q = dot(g, g).sqrt();
                    if first <= 0 || q > q_max_inv_nm {
                        continue;
                    }
                    let squared = waves.amplitude(indices, q).norm_sqr();
                    if squared > FORBIDDEN * waves.forward {
                        reflections.push(Reflection {
                            indices,
                            g_inv_nm: g,
                            q_inv_nm: q,
                            squared,
                        });
                    }
                }
            }
        }
        reflections.sort_by(|a, b| a.q_inv_nm.total_cmp(&b.q_inv_nm));
        Ok(reflections)
    }

    /// The powder rings up to `q_max_inv_nm`, in the order of q.
    ///
    /// # Errors
    /// [`CrystalError::TooMany`] as for [`reflections`](Self::reflections).
    pub fn rings(&self, q_max_inv_nm: f64) -> Result<Vec<Ring>, CrystalError> {
        Ok(Ring::of(&self.reflections(q_max_inv_nm)?))
    }
}

/// What an atom scatters in any direction at this q.
fn weight(atom: &Atom, q_inv_nm: f64) -> f64 {
    atom.occupancy
        * atom.element.form_factor(q_inv_nm)
        * (-atom.b_nm2 * (q_inv_nm / (4.0 * PI)).powi(2)).exp()
}

/// exp(2πi hx) for every index and atom, so that a reflection costs products instead of sines.
struct Waves<'a> {
    /// Atoms of one element and one B are neighbours.
    atoms: Vec<&'a Atom>,
    reach: [i32; 3],
    /// By axis, then index, then atom.
    table: [Vec<Complex64>; 3],
    /// |F(000)|².
    forward: f64,
}

impl<'a> Waves<'a> {
    fn new(crystal: &'a Crystal, reach: [i32; 3]) -> Self {
        let mut atoms: Vec<&Atom> = crystal.atoms.iter().collect();
        atoms.sort_by(|a, b| {
            a.element
                .cmp(&b.element)
                .then(a.b_nm2.total_cmp(&b.b_nm2))
                .then(a.occupancy.total_cmp(&b.occupancy))
        });
        let table = std::array::from_fn(|axis| {
            (-reach[axis]..=reach[axis])
                .flat_map(|index| {
                    atoms.iter().map(move |atom| {
                        Complex64::cis(2.0 * PI * f64::from(index) * atom.fraction[axis])
                    })
                })
                .collect()
        });
        let forward = atoms.iter().map(|atom| weight(atom, 0.0)).sum::<f64>();
        Self {
            atoms,
            reach,
            table,
            forward: forward * forward,
        }
    }

    fn amplitude(&self, indices: [i32; 3], q_inv_nm: f64) -> Complex64 {
        let count = self.atoms.len();
        let [x, y, z]: [&[Complex64]; 3] = std::array::from_fn(|axis| {
            let row = (indices[axis] + self.reach[axis]) as usize * count;
            &self.table[axis][row..row + count]
        });
        let mut sum = Complex64::ZERO;
        let mut known: Option<(&Atom, f64)> = None;
        for (index, &atom) in self.atoms.iter().enumerate() {
            let scattered = match known {
                Some((last, value))
                    if last.element == atom.element
                        && last.b_nm2 == atom.b_nm2
                        && last.occupancy == atom.occupancy =>
                {
                    value
                }
                _ => weight(atom, q_inv_nm),
            };
            known = Some((atom, scattered));
            sum += x[index] * y[index] * z[index] * scattered;
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use proptest::prelude::*;

    fn cube(atoms: Vec<Atom>) -> Result<Crystal, CrystalError> {
        Crystal::new(UnitCell::new(CellConfig::cubic(0.4)).unwrap(), atoms)
    }

    #[test]
    fn atoms_out_of_range_are_refused_by_name() {
        assert_eq!(cube(vec![]).unwrap_err(), CrystalError::NoAtoms);
        let atom = Atom::new(Element::Iron, [0.0; 3]);
        for (occupancy, b_nm2, fraction, text) in [
            (
                1.2,
                0.0,
                0.0,
                "expected the occupancy of atom 1 above 0 up to 1, got 1.2",
            ),
            (
                -0.1,
                0.0,
                0.0,
                "expected the occupancy of atom 1 above 0 up to 1, got -0.1",
            ),
            (
                1.0,
                -0.01,
                0.0,
                "expected b_nm2 of atom 1 of at least 0, got -0.01",
            ),
            (
                1.0,
                0.0,
                f64::NAN,
                "expected a coordinate of atom 1 finite, got NaN",
            ),
        ] {
            let wrong = Atom {
                occupancy,
                b_nm2,
                fraction: [0.0, fraction, 0.0],
                ..atom
            };
            assert_eq!(cube(vec![atom, wrong]).unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn an_endless_list_is_refused() {
        let crystal = cube(vec![Atom::new(Element::Iron, [0.0; 3])]).unwrap();
        for q in [1e5, f64::NAN, f64::INFINITY] {
            assert!(matches!(
                crystal.reflections(q),
                Err(CrystalError::TooMany { .. })
            ));
        }
        assert!(crystal.reflections(-1.0).unwrap().is_empty());
    }

    #[test]
    fn all_electrons_of_the_cell_scatter_forward() {
        let crystal = Substance::SodiumChloride.crystal();
        let f = crystal.structure_factor([0, 0, 0]);
        assert_relative_eq!(f.re, 4.0 * 28.0, max_relative = 1e-3);
        assert_eq!(f.im, 0.0);
    }

    fn atom() -> impl Strategy<Value = Atom> {
        let element = prop::sample::select(Element::all().collect::<Vec<_>>());
        let fraction = prop::array::uniform3(0.0_f64..1.0);
        (element, fraction, 0.05_f64..1.0, 0.0_f64..0.05).prop_map(
            |(element, fraction, occupancy, b_nm2)| Atom {
                element,
                fraction,
                occupancy,
                b_nm2,
            },
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// The list against the definition, and an origin that is moved.
        #[test]
        fn the_list_is_complete_and_does_not_depend_on_the_origin(
            atoms in prop::collection::vec(atom(), 1..6),
            angles in prop::array::uniform3(75.0_f64..110.0),
            shift in prop::array::uniform3(0.0_f64..1.0),
        ) {
            let config = CellConfig {
                alpha_deg: angles[0], beta_deg: angles[1], gamma_deg: angles[2],
                ..CellConfig::orthorhombic(0.31, 0.52, 0.44)
            };
            let cell = UnitCell::new(config).unwrap();
            let crystal = Crystal::new(cell, atoms.clone()).unwrap();
            let moved = atoms.iter().rev().map(|atom| Atom {
                fraction: std::array::from_fn(|axis| atom.fraction[axis] + shift[axis]),
                ..*atom
            }).collect();
            let moved = Crystal::new(cell, moved).unwrap();
            let list = crystal.reflections(40.0).unwrap();
            let scale = crystal.structure_factor([0, 0, 0]).norm_sqr();
            for reflection in &list {
                for indices in [reflection.indices, reflection.indices.map(|index| -index)] {
                    let direct = crystal.structure_factor(indices).norm_sqr();
                    prop_assert!((direct - reflection.squared).abs() < 1e-10 * scale);
                    let elsewhere = moved.structure_factor(indices).norm_sqr();
                    prop_assert!((elsewhere - reflection.squared).abs() < 1e-10 * scale);
                }
            }
            let all = (-9..=9).flat_map(|h| (-9..=9).flat_map(move |k| (-9..=9).map(move |l| [h, k, l])))
                .filter(|&hkl| hkl != [0; 3] && cell.q_inv_nm(hkl) <= 40.0)
                .filter(|&hkl| crystal.structure_factor(hkl).norm_sqr() > 2.0 * FORBIDDEN * scale)
                .count();
            prop_assert!(2 * list.len() >= all);
            prop_assert!(list.is_sorted_by(|a, b| a.q_inv_nm <= b.q_inv_nm));
        }
    }
}
