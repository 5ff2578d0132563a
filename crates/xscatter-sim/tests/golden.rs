//! The physics against other programs.

use approx::assert_relative_eq;
use serde::Deserialize;
use xscatter_sim::diffuse::{debye_bueche, guinier, power_law};
use xscatter_sim::form_factor::{Shape, polydisperse_sphere};
use xscatter_sim::grazing::{Island, Material, Surface};
use xscatter_sim::structure_factor::percus_yevick;
use xscatter_testkit::golden::load;

fn file(name: &str) -> String {
    format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[derive(Deserialize)]
struct Row {
    id: String,
    q_inv_angstrom: Vec<f64>,
    intensity: Vec<f64>,
}

/// sasmodels has lengths in Å and 1e-4·Δρ²·V·⟨F²⟩ in 1/cm; a volume of 1 nm³ is 1000 Å³.
fn intensity(id: &str, q_inv_angstrom: f64) -> f64 {
    let q = 10.0 * q_inv_angstrom;
    let absolute =
        |contrast: f64, volume_nm3: f64| 1e-4 * contrast * contrast * 1000.0 * volume_nm3;
    let sphere = Shape::Sphere { radius_nm: 5.0 };
    match id {
        "G-SPH-1" => absolute(5.0, sphere.intensity(q)),
        "G-CSS-1" => {
            let shape = Shape::CoreShell {
                core_radius_nm: 6.0,
                shell_nm: 1.0,
                core_contrast: -2.0,
                shell_contrast: -1.0,
            };
            absolute(1.0, shape.intensity(q))
        }
        "G-ELL-1" => {
            let shape = Shape::Ellipsoid {
                polar_nm: 2.0,
                equatorial_nm: 40.0,
            };
            absolute(3.0, shape.intensity(q))
        }
        "G-CYL-1" => {
            let shape = Shape::Cylinder {
                radius_nm: 2.0,
                length_nm: 40.0,
            };
            absolute(3.0, shape.intensity(q))
        }
        "G-PD-1" => absolute(5.0, polydisperse_sphere(q, 5.0, 0.1, 35)),
        "G-PY-1" => percus_yevick(q, 5.0, 0.2),
        "G-PY-4" => 0.2 * absolute(5.0, sphere.intensity(q)) * percus_yevick(q, 5.0, 0.2),
        "G-SM-2" => power_law(q_inv_angstrom, 4.0, 0.0),
        "G-SM-3" => guinier(q, 6.0),
        "G-SM-7" => 50.0_f64.powi(3) * debye_bueche(q, 5.0),
        _ => panic!("no model for {id}"),
    }
}

#[test]
fn form_and_structure_factors_are_those_of_sasmodels() {
    let golden = load::<Vec<Row>>(file("sasmodels.json")).unwrap();
    assert_eq!(golden.cases.len(), 10);
    for row in golden.cases {
        for (&q, &expected) in row.q_inv_angstrom.iter().zip(&row.intensity) {
            let found = intensity(&row.id, q);
            assert!(
                (found / expected - 1.0).abs() < golden.provenance.tolerance,
                "{} at {q}: {found}, expected {expected}",
                row.id
            );
        }
    }
}

#[derive(Deserialize)]
struct Dwba {
    island: String,
    column: Vec<f64>,
    row: Vec<f64>,
    column_bornagain: Vec<f64>,
}

/// G-DW-1 to 9.
#[test]
fn distorted_waves_are_those_of_the_closed_form_and_of_bornagain() {
    let golden = load::<Vec<Dwba>>(file("dwba.json")).unwrap();
    let particle = Material {
        delta: 6e-4,
        beta: 2e-8,
    };
    let surface = Surface {
        wavelength_nm: 0.1,
        incident_angle_rad: 0.4_f64.to_radians(),
        substrate: Material {
            delta: 6e-6,
            beta: 2e-8,
        },
    };
    for case in golden.cases {
        let island = match case.island.as_str() {
            "cylinder" => Island::Cylinder {
                radius_nm: 5.0,
                height_nm: 5.0,
            },
            "sphere" => Island::Sphere { radius_nm: 5.0 },
            _ => Island::Block {
                x_nm: 8.0,
                y_nm: 6.0,
                z_nm: 5.0,
            },
        };
        let pixel = |exit_deg: f64, azimuth_deg: f64| {
            let exit = exit_deg.to_radians();
            let solid_angle = (2.0_f64 / 11.0).to_radians() * 0.1_f64.to_radians() * exit.cos();
            1e9 * solid_angle / surface.incident_angle_rad.sin()
                * 0.01
                * surface.contrast_inv_nm4(particle)
                * surface.dwba_squared(&island, exit, azimuth_deg.to_radians())
        };
        for (bin, (&closed, &bornagain)) in
            case.column.iter().zip(&case.column_bornagain).enumerate()
        {
            let found = pixel(0.05 + 0.1 * bin as f64, 0.0);
            assert_relative_eq!(found, closed, max_relative = golden.provenance.tolerance);
            assert_relative_eq!(found, bornagain, max_relative = 1e-2);
        }
        for (bin, &closed) in case.row.iter().enumerate() {
            let found = pixel(0.55, -1.0 + 2.0 * (bin as f64 + 0.5) / 11.0);
            assert_relative_eq!(found, closed, max_relative = golden.provenance.tolerance);
        }
    }
}
