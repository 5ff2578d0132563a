//! Crystals against gemmi.

use serde::Deserialize;
use xscatter_sim::crystal::{Atom, CellConfig, Crystal, Element, Substance, UnitCell};
use xscatter_testkit::golden::{Golden, load};

#[derive(Deserialize)]
struct Cases {
    substances: Vec<Powder>,
    triclinic: Triclinic,
}

#[derive(Deserialize)]
struct Powder {
    name: String,
    /// q in 1/nm, multiplicity, sum of |F|².
    rings: Vec<(f64, u32, f64)>,
}

#[derive(Deserialize)]
struct Triclinic {
    cell_angstrom_deg: [f64; 6],
    atoms: Vec<(String, f64, f64, f64, f64, f64)>,
    /// h, k, l, and both parts of F.
    reflections: Vec<(i32, i32, i32, f64, f64)>,
}

fn golden() -> Golden<Cases> {
    let file = format!("{}/tests/golden/crystals.json", env!("CARGO_MANIFEST_DIR"));
    load(file).expect("the file is part of the crate")
}

#[test]
fn rings_of_substances_are_those_of_gemmi() {
    let golden = golden();
    assert_eq!(golden.cases.substances.len(), 16);
    for powder in golden.cases.substances {
        let substance = Substance::ALL
            .into_iter()
            .find(|substance| substance.name() == powder.name)
            .unwrap();
        let found = substance.crystal().rings(75.0).unwrap();
        assert!(found.len() >= powder.rings.len());
        for (ring, (q, multiplicity, strength)) in found.iter().zip(powder.rings) {
            let name = &powder.name;
            assert!(
                (ring.q_inv_nm / q - 1.0).abs() < golden.provenance.tolerance,
                "{name}: {} instead of {q}",
                ring.q_inv_nm
            );
            assert_eq!(ring.multiplicity, multiplicity, "{name} at {q}");
            assert!(
                (ring.strength / strength - 1.0).abs() < golden.provenance.tolerance,
                "{name} at {q}: {} instead of {strength}",
                ring.strength
            );
        }
    }
}

#[test]
fn structure_factors_of_a_triclinic_cell_are_those_of_gemmi() {
    let golden = golden();
    let case = golden.cases.triclinic;
    let [a, b, c, alpha_deg, beta_deg, gamma_deg] = case.cell_angstrom_deg;
    let cell = UnitCell::new(CellConfig {
        a_nm: 0.1 * a,
        b_nm: 0.1 * b,
        c_nm: 0.1 * c,
        alpha_deg,
        beta_deg,
        gamma_deg,
    })
    .unwrap();
    let atoms: Vec<Atom> = case
        .atoms
        .into_iter()
        .map(|(symbol, x, y, z, occupancy, b_angstrom2)| Atom {
            element: Element::all()
                .find(|element| element.symbol() == symbol)
                .unwrap(),
            fraction: [x, y, z],
            occupancy,
            b_nm2: 0.01 * b_angstrom2,
        })
        .collect();
    let crystal = Crystal::new(cell, atoms).unwrap();
    let scale = crystal.structure_factor([0, 0, 0]).norm();
    assert_eq!(case.reflections.len(), 40);
    for (h, k, l, real, imaginary) in case.reflections {
        let f = crystal.structure_factor([h, k, l]);
        let off = (f.re - real).hypot(f.im - imaginary) / scale;
        assert!(off < golden.provenance.tolerance, "({h} {k} {l}): {off}");
    }
}
