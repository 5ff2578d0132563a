//! Form factors, structure factors and diffuse laws against sasmodels.
//!
//! sasmodels has lengths in Å and 1e-4·Δρ²·V·⟨F²⟩ in 1/cm; a volume of 1 nm³ is 1000 Å³.

use std::collections::BTreeMap;

use serde::Deserialize;
use xscatter_sim::diffuse;
use xscatter_sim::form_factor::{
    Alignment, Ensemble, EnsembleConfig, Law, Oriented, OrientedConfig, Shape, Spread,
};
use xscatter_sim::structure_factor::{
    Coupling, Cubic, Interaction, LamellarStack, LamellarStackConfig, Paracrystal,
    ParacrystalConfig, StructureFactor, StructureFactorConfig, Suspension, SuspensionConfig,
};
use xscatter_testkit::golden::load;

type Parameters = BTreeMap<String, f64>;
type Spreads = BTreeMap<String, (String, f64, usize, f64)>;

#[derive(Deserialize)]
struct Case {
    /// The row of the reference table, if it is one.
    #[serde(default)]
    id: String,
    model: String,
    parameters: Parameters,
    spreads: Spreads,
    /// Curves have these ...
    #[serde(default)]
    q_inv_angstrom: Vec<f64>,
    /// ... and patterns these.
    #[serde(default)]
    qx_inv_angstrom: Vec<f64>,
    #[serde(default)]
    qy_inv_angstrom: Vec<f64>,
    intensity: Vec<f64>,
}

fn file(name: &str) -> String {
    format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// The shape, and what its intensity is multiplied by.
fn shape(model: &str, p: &Parameters) -> (Shape, f64) {
    let nm = |name: &str| 0.1 * p[name];
    let contrast = || p["sld"] - p.get("sld_solvent").copied().unwrap_or(0.0);
    let core = || p["sld_core"] - p["sld_solvent"];
    let shell = || p["sld_shell"] - p["sld_solvent"];
    let shape = match model {
        "sphere" => Shape::Sphere {
            radius_nm: nm("radius"),
        },
        "ellipsoid" => Shape::Ellipsoid {
            polar_nm: nm("radius_polar"),
            equatorial_nm: nm("radius_equatorial"),
        },
        "cylinder" => Shape::Cylinder {
            radius_nm: nm("radius"),
            length_nm: nm("length"),
        },
        "parallelepiped" => Shape::Prism {
            a_nm: nm("length_a"),
            b_nm: nm("length_b"),
            c_nm: nm("length_c"),
        },
        "core_shell_sphere" => Shape::CoreShell {
            core_radius_nm: nm("radius"),
            shell_nm: nm("thickness"),
            core_contrast: core(),
            shell_contrast: shell(),
        },
        "core_shell_cylinder" => Shape::CoreShellCylinder {
            core_radius_nm: nm("radius"),
            core_length_nm: nm("length"),
            shell_nm: nm("thickness"),
            core_contrast: core(),
            shell_contrast: shell(),
        },
        _ => panic!("no shape for {model}"),
    };
    let squared = if model.starts_with("core_shell") {
        1.0
    } else {
        contrast().powi(2)
    };
    (shape, 0.1 * squared)
}

fn spreads(model: &str, spreads: &Spreads) -> Vec<Spread> {
    spreads
        .iter()
        .map(|(name, (law, width, points, reach))| {
            let is_angle = ["theta", "phi", "psi"].contains(&name.as_str());
            Spread {
                parameter: match (model, name.as_str()) {
                    ("sphere" | "cylinder", "radius") => "radius_nm",
                    (_, "radius") => "core_radius_nm",
                    ("cylinder", "length") => "length_nm",
                    (_, "length") => "core_length_nm",
                    (_, "thickness") => "shell_nm",
                    (_, "radius_polar") => "polar_nm",
                    (_, "radius_equatorial") => "equatorial_nm",
                    (_, "length_a") => "a_nm",
                    (_, "length_b") => "b_nm",
                    (_, "length_c") => "c_nm",
                    (_, "theta") => "theta_rad",
                    (_, "phi") => "phi_rad",
                    (_, "psi") => "psi_rad",
                    (_, name) => panic!("no parameter for {name}"),
                },
                law: match law.as_str() {
                    "gaussian" => Law::Gaussian,
                    "lognormal" => Law::LogNormal,
                    "schulz" => Law::Schulz,
                    "rectangle" => Law::Uniform,
                    law => panic!("no law for {law}"),
                },
                width: if is_angle { width.to_radians() } else { *width },
                points: *points,
                reach: *reach,
            }
        })
        .collect()
}

fn interaction(model: &str, p: &Parameters) -> Interaction {
    match model {
        "hardsphere" => Interaction::HardSpheres,
        "stickyhardsphere" => Interaction::StickySpheres {
            perturbation: p["perturb"],
            stickiness: p["stickiness"],
        },
        "squarewell" => Interaction::SquareWell {
            depth_kt: p["welldepth"],
            width: p["wellwidth"],
        },
        _ => panic!("no interaction for {model}"),
    }
}

fn cubic(model: &str, p: &Parameters) -> (Paracrystal, Shape, f64) {
    let lattice = match model {
        "sc_paracrystal" => Cubic::Simple,
        "bcc_paracrystal" => Cubic::BodyCentred,
        _ => Cubic::FaceCentred,
    };
    let crystal = Paracrystal::new(ParacrystalConfig {
        lattice,
        neighbour_distance_nm: 0.1 * p["dnn"],
        distortion: p["d_factor"],
        points: 150,
    })
    .expect("the golden values are possible");
    let (sphere, scale) = shape("sphere", p);
    let filled = crystal
        .volume_fraction(0.1 * p["radius"])
        .expect("the golden values are possible");
    (crystal, sphere, scale * filled)
}

fn curve(case: &Case) -> Vec<f64> {
    let p = &case.parameters;
    let q: Vec<f64> = case.q_inv_angstrom.iter().map(|q| 10.0 * q).collect();
    let each = |law: &dyn Fn(f64) -> f64| q.iter().map(|&q| law(q)).collect::<Vec<f64>>();
    let scaled = |scale: f64, values: Vec<f64>| values.into_iter().map(|x| scale * x).collect();
    if let Some((particles, liquid)) = case.model.split_once('@') {
        let (shape, scale) = shape(particles, p);
        let suspension = Suspension::new(SuspensionConfig {
            particles: EnsembleConfig {
                shape,
                spreads: spreads(particles, &case.spreads),
            },
            interaction: interaction(liquid, p),
            volume_fraction: p["volfraction"],
            radius_nm: None,
            coupling: if p.contains_key("structure_factor_mode") {
                Coupling::Decoupled
            } else {
                Coupling::Together
            },
        })
        .expect("the golden values are possible");
        return scaled(scale, suspension.intensities(&q));
    }
    match case.model.as_str() {
        model @ ("hardsphere" | "stickyhardsphere" | "squarewell") => {
            let structure = StructureFactor::new(StructureFactorConfig {
                interaction: interaction(model, p),
                radius_nm: 0.1 * p["radius_effective"],
                volume_fraction: p["volfraction"],
            })
            .expect("the golden values are possible");
            each(&|q| structure.at(q))
        }
        model @ ("sc_paracrystal" | "bcc_paracrystal" | "fcc_paracrystal") => {
            let (crystal, sphere, scale) = cubic(model, p);
            let z = crystal.averages(&q);
            q.iter()
                .zip(z)
                .map(|(&q, z)| scale * sphere.intensity(q) * z)
                .collect()
        }
        "lamellar_stack_paracrystal" => {
            let stack = LamellarStack::new(LamellarStackConfig {
                thickness_nm: 0.1 * p["thickness"],
                layers: p["Nlayers"],
                distance_nm: 0.1 * p["d_spacing"],
                spread: p["sigma_d"],
            })
            .expect("the golden values are possible");
            // Δρ is 1 − 6.34 there; 1e-4 in 1/cm, and 1 nm² is 100 Å².
            each(&|q| 1e-2 * 5.34_f64.powi(2) * stack.intensity(q))
        }
        "guinier" => each(&|q| diffuse::guinier(q, 0.1 * p["rg"])),
        "guinier_porod" => {
            let unit = 10_f64.powf(p["s"]);
            each(&|q| unit * diffuse::guinier_porod(q, 0.1 * p["rg"], p["s"], p["porod_exp"]))
        }
        "broad_peak" => {
            let (peak, xi) = (10.0 * p["peak_pos"], 0.1 * p["correlation_length"]);
            each(&|q| {
                p["peak_scale"] * diffuse::broad_peak(q, peak, xi, p["width_exp"]) + porod(p, q)
            })
        }
        "correlation_length" => each(&|q| {
            let xi = 0.1 * p["cor_length"];
            p["lorentz_scale"] * diffuse::lorentzian_power(q, xi, p["lorentz_exp"]) + porod(p, q)
        }),
        "dab" => {
            each(&|q| p["cor_length"].powi(3) * diffuse::debye_bueche(q, 0.1 * p["cor_length"]))
        }
        "lorentz" => each(&|q| diffuse::ornstein_zernike(q, 0.1 * p["cor_length"])),
        "teubner_strey" => {
            let (xi, phi) = (p["xi"], p["volfraction_a"]);
            let k = std::f64::consts::TAU * xi / p["d"];
            let zero = 1e-4
                * 8.0
                * std::f64::consts::PI
                * phi
                * (1.0 - phi)
                * (p["sld_a"] - p["sld_b"]).powi(2)
                * xi.powi(3)
                / (1.0 + k * k).powi(2);
            each(&|q| zero * diffuse::teubner_strey(q, 0.1 * p["d"], 0.1 * xi))
        }
        "two_lorentzian" => each(&|q| {
            let one = |i: u32| {
                let of = |name: &str| p[&format!("lorentz_{name}_{i}")];
                of("scale") * diffuse::lorentzian_power(q, 0.1 * of("length"), of("exp"))
            };
            one(1) + one(2)
        }),
        "mono_gauss_coil" => each(&|q| p["i_zero"] * diffuse::gaussian_coil(q, 0.1 * p["rg"])),
        "polymer_excl_volume" => {
            each(&|q| diffuse::excluded_volume(q, 0.1 * p["rg"], p["porod_exp"]))
        }
        model => {
            let (shape, scale) = shape(model, p);
            let ensemble = Ensemble::new(EnsembleConfig {
                shape,
                spreads: spreads(model, &case.spreads),
            })
            .expect("the golden values are possible");
            scaled(scale, ensemble.intensities(&q))
        }
    }
}

fn pattern(case: &Case) -> Vec<f64> {
    let p = &case.parameters;
    let angle = |name: &str| p.get(name).map_or(0.0, |degrees| degrees.to_radians());
    let qx: Vec<f64> = case.qx_inv_angstrom.iter().map(|q| 10.0 * q).collect();
    let qy: Vec<f64> = case.qy_inv_angstrom.iter().map(|q| 10.0 * q).collect();
    let mut found = vec![0.0; qx.len()];
    if case.model.ends_with("paracrystal") {
        let (crystal, sphere, scale) = cubic(&case.model, p);
        for ((found, &x), &y) in found.iter_mut().zip(&qx).zip(&qy) {
            let q = into_frame(angle("theta"), angle("phi"), angle("psi"), x, y);
            *found = scale * sphere.intensity(x.hypot(y)) * crystal.at(q);
        }
        return found;
    }
    let (shape, scale) = shape(&case.model, p);
    let particles = Oriented::new(OrientedConfig {
        shape,
        theta_rad: angle("theta"),
        phi_rad: angle("phi"),
        psi_rad: angle("psi"),
        spreads: spreads(&case.model, &case.spreads),
        alignment: Alignment::Fixed,
    })
    .expect("the golden values are possible");
    particles
        .intensity_into(&qx, &qy, &mut found)
        .expect("the slices have one length");
    found.iter().map(|x| scale * x).collect()
}

/// (x, y, 0) in a frame that is turned by φ about z, then by θ about y and by ψ about its axis.
fn into_frame(theta: f64, phi: f64, psi: f64, x: f64, y: f64) -> [f64; 3] {
    let (x, y) = (phi.cos() * x + phi.sin() * y, phi.cos() * y - phi.sin() * x);
    let (x, z) = (theta.cos() * x, theta.sin() * x);
    [
        psi.cos() * x + psi.sin() * y,
        psi.cos() * y - psi.sin() * x,
        z,
    ]
}

/// The power law that some models add.
fn porod(p: &Parameters, q_inv_nm: f64) -> f64 {
    let scale = p["porod_scale"];
    if scale == 0.0 {
        return 0.0;
    }
    scale * diffuse::power_law(0.1 * q_inv_nm, p["porod_exp"], 0.0)
}

fn check(name: &str, count: usize) {
    let golden = load::<Vec<Case>>(file(name)).expect("a golden file");
    assert_eq!(golden.cases.len(), count);
    for case in &golden.cases {
        let found = if case.qx_inv_angstrom.is_empty() {
            curve(case)
        } else {
            pattern(case)
        };
        assert_eq!(found.len(), case.intensity.len());
        for (index, (found, expected)) in found.iter().zip(&case.intensity).enumerate() {
            let deviation = (found / expected - 1.0).abs();
            assert!(
                deviation <= golden.provenance.tolerance,
                "{} {} {:?} {:?}: point {index}: {found}, expected {expected}",
                case.id,
                case.model,
                case.parameters,
                case.spreads
            );
        }
    }
}

/// G-CYL-2 and 3, G-BOX-1, G-PAR-1 to 3, G-SM-1, 4 to 6, 8 to 11, 13, 14, 16 and 18.
#[test]
fn printed_rows_are_those_of_sasmodels() {
    check("sasmodels_rows.json", 18);
}

#[test]
fn curves_are_those_of_sasmodels() {
    check("sasmodels_curves.json", 61);
}

#[test]
fn patterns_of_oriented_particles_are_those_of_sasmodels() {
    check("sasmodels_patterns.json", 19);
}
