//! The families of samples at grazing incidence: what lies on a surface or in a film.
//!
//! Sizes are drawn relative to the q range of the instrument, because an experimenter chooses the distance
//! for the sample.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_3, TAU};

use num_complex::Complex64;
use rand_chacha::ChaCha8Rng;

use super::bench::{Bench, fork};
use super::film::{Sheet, Vertical};
use super::map::{Extent, tabulate};
use crate::curve::Curve;
use crate::draw::{chance, log_uniform, uniform, weighted, whole};
use crate::feature::{Azimuth, Feature, Role};
use crate::form_factor::polydisperse_sphere;
use crate::grazing::{Island, channels, hard_disks, radial_paracrystal, self_affine};
use crate::lattice::{Lattice, gaussian};
use crate::pattern::{Part, Pattern, azimuthal};
use crate::scene::View;
use crate::structure_factor::percus_yevick;
use crate::texture::ring_kernel;

/// Rods stand on the plane: bright on both sides of the beam, dark above it.
const SIDEWAYS: Azimuth = Azimuth::Fold {
    n: 2,
    eta: 0.8,
    chi0_rad: 0.0,
};

/// Particles on the surface, disordered or on a lattice.
pub(super) fn islands(
    view: &View,
    bench: &Bench,
    rng: &mut ChaCha8Rng,
    ordered: bool,
    film: &mut Pattern,
) -> Sheet {
    let q1 = log_uniform(rng, 0.06, 0.5) * view.q_high_inv_nm;
    let distance = TAU / q1;
    let radius = distance * uniform(rng, 0.15, 0.42);
    let radius_spread = uniform(rng, 0.06, 0.3);
    let height = radius * log_uniform(rng, 0.4, 3.0);
    let height_spread = uniform(rng, 0.05, 0.35);
    let disorder = if ordered {
        0.0
    } else {
        uniform(rng, 0.12, 0.4)
    };
    let width = q1 * log_uniform(rng, 0.015, 0.08) + 1.5 * view.q_pixel_inv_nm;
    let lattice = if chance(rng, 0.7) {
        Lattice::Hexagonal
    } else {
        Lattice::Lamellar
    };
    let background = uniform(rng, 0.02, 0.3);

    let stream = &mut fork(rng, "shape");
    let shape = draw_shape(stream, radius, height);
    let variants = sizes(&shape, radius_spread, height_spread);
    let feature;
    let order: Box<dyn Fn(f64) -> f64> = if ordered {
        let displacement = distance * uniform(stream, 0.02, 0.1);
        let reflections = lattice.reflections(8);
        feature = Feature::peaks(
            reflections.iter().map(|r| r.ratio * q1).collect(),
            width,
            SIDEWAYS,
        )
        .on_lattice(lattice.name());
        Box::new(move |q| {
            let peaks: f64 = reflections
                .iter()
                .map(|r| {
                    let strength =
                        f64::from(r.multiplicity) / f64::from(reflections[0].multiplicity);
                    strength / r.ratio * gaussian(q - r.ratio * q1, width) / gaussian(0.0, width)
                })
                .sum();
            let kept = (-(q * displacement).powi(2)).exp();
            background + 1.0 - kept + 4.0 * kept * peaks
        })
    } else if chance(stream, 0.3) {
        // Discs that wet the surface around each particle.
        let disc = distance * uniform(stream, 0.46, 0.52);
        let coverage = uniform(stream, 0.2, 0.65);
        film.value("coverage", coverage);
        feature = Feature::peaks(vec![q1], q1 * (1.1 - coverage), SIDEWAYS);
        Box::new(move |q| hard_disks(q, disc, coverage))
    } else {
        // Where the first maximum of the paracrystal falls to half.
        let damping = (-0.5 * (q1 * disorder * distance).powi(2)).exp();
        let fwhm = 2.0 * (1.0 - damping) / (damping.sqrt() * distance);
        feature = if fwhm < 0.9 * q1 {
            Feature::peaks(vec![q1], fwhm, SIDEWAYS)
        } else {
            Feature::of(Role::FormFactor)
        };
        Box::new(move |q| radial_paracrystal(q.max(0.15 * q1), distance, disorder * distance, 1e9))
    };
    film.value("q_star_inv_nm", q1);
    film.value("d_spacing_nm", distance);
    film.value("island_distance_nm", distance);
    film.value("island_radius_nm", radius);
    film.value("island_height_nm", shape.height_nm());
    film.value("polydispersity", radius_spread);

    let reach = view.q_max_inv_nm * 1.05;
    let widest = 2.0 * radius * (1.0 + 2.0 * radius_spread);
    let extent = Extent {
        columns: ((24.0 * reach * widest / TAU) as usize).clamp(128, 512),
        rows: 768,
        parallel_inv_nm: reach,
        sine: bench.reach.min(1.0),
    };
    let sine_i = view.incident_angle_rad.sin();
    let (spread, mean) = tabulate(bench.stack(), sine_i, &variants, extent);
    let structure = Curve::sample(0.0, reach, 4096, &order);
    let largest = spread
        .largest()
        .zip(mean.largest())
        .filter(|((q, _), _)| f64::from(*q) >= view.q_low_inv_nm)
        .map(|((q, spread), (_, mean))| spread + mean * structure.at(q))
        .fold(1e-30, f32::max);
    let gate = bench.against_exit(|sine| (1.0 + bench.stack().waves(sine)[0].up).norm_sqr());
    let gate = gate.clone().scaled(1.0 / f64::from(gate.max()).max(1e-9));
    let everywhere = Curve::sample(0.0, reach, 2, |_| 1.0);
    Sheet {
        name: "islands",
        weight: 1.0,
        feature,
        terms: vec![
            (
                everywhere,
                Vertical::Map(spread.scaled(1.0 / largest), gate.clone()),
            ),
            (structure, Vertical::Map(mean.scaled(1.0 / largest), gate)),
        ],
    }
}

fn draw_shape(rng: &mut ChaCha8Rng, radius_nm: f64, height_nm: f64) -> Island {
    match weighted(rng, &[(0, 0.4), (1, 0.2), (2, 0.25), (3, 0.15)]) {
        0 => Island::Cylinder {
            radius_nm,
            height_nm,
        },
        1 => Island::Sphere { radius_nm },
        2 => Island::Dome {
            radius_nm,
            height_nm: radius_nm * uniform(rng, 0.6, 1.7),
        },
        _ => Island::Cone {
            base_radius_nm: radius_nm,
            top_radius_nm: radius_nm * uniform(rng, 0.0, 0.7),
            height_nm: height_nm.min(2.0 * radius_nm),
        },
    }
}

/// Sizes about a mean shape: radius and height of a cylinder independently, others as a whole.
fn sizes(shape: &Island, radius_spread: f64, height_spread: f64) -> Vec<(Island, f64)> {
    let steps = |count: i32, step: f64| {
        (-count..=count).map(move |n| {
            let z = f64::from(n) * step;
            (z, (-0.5 * z * z).exp())
        })
    };
    let factor = |z: f64, spread: f64| (1.0 + z * spread).max(0.1);
    match *shape {
        Island::Cylinder {
            radius_nm,
            height_nm,
        } => steps(3, 0.7)
            .flat_map(|(zr, wr)| {
                steps(2, 0.9).map(move |(zh, wh)| {
                    let island = Island::Cylinder {
                        radius_nm: radius_nm * factor(zr, radius_spread),
                        height_nm: height_nm * factor(zh, height_spread),
                    };
                    (island, wr * wh)
                })
            })
            .collect(),
        _ => steps(3, 0.7)
            .map(|(z, weight)| (shape.scaled(factor(z, radius_spread)), weight))
            .collect(),
    }
}

/// Domains that stand through the film, as rods, or lie in it, as arcs or a ring.
pub(super) fn block_copolymer(
    view: &View,
    bench: &Bench,
    rng: &mut ChaCha8Rng,
    film: &mut Pattern,
) -> Option<Sheet> {
    let q1 = log_uniform(rng, 0.08, 0.5) * view.q_high_inv_nm;
    let width = q1 * log_uniform(rng, 0.03, 0.25) + 1.5 * view.q_pixel_inv_nm;
    film.value("q_star_inv_nm", q1);
    film.value("d_spacing_nm", TAU / q1);
    if chance(rng, 0.5) {
        return Some(standing(view, bench, rng, (q1, width)));
    }
    let texture = chance(rng, 0.6).then(|| {
        let eta = uniform(rng, 0.2, 0.9);
        let about = [0.0, FRAC_PI_2, FRAC_PI_3][whole(rng, 0, 2)];
        (eta, about)
    });
    let radial =
        view.radial(|q| gaussian(q - q1, width) + 0.15 * gaussian(q - 2.0 * q1, 1.3 * width));
    let azimuth = match texture {
        // In the laboratory the normal, from which the film counts, is up.
        Some((eta, about)) if about == 0.0 || about == FRAC_PI_2 => Azimuth::Fold {
            n: 2,
            eta,
            chi0_rad: FRAC_PI_2 - about,
        },
        Some((eta, _)) => Azimuth::Fold {
            n: 6,
            eta,
            chi0_rad: FRAC_PI_2,
        },
        None => Azimuth::Isotropic,
    };
    let curve = texture.map(|(eta, about)| {
        film.value("order_parameter", eta);
        azimuthal(1025, |angle| {
            ring_kernel(angle, about, 2.0, eta) + ring_kernel(angle, -about, 2.0, eta)
        })
    });
    film.push(
        Part::rings("domain ring", 1.0, radial)
            .textured(curve)
            .known_as(Feature::peaks(vec![q1, 2.0 * q1], width, azimuth)),
    );
    None
}

/// Cylinders or lamellae from the bottom of the film to its top: four terms in the film.
fn standing(view: &View, bench: &Bench, rng: &mut ChaCha8Rng, (q1, width): (f64, f64)) -> Sheet {
    let orders = whole(rng, 1, 4);
    let decay = uniform(rng, 0.6, 3.0);
    let lattice = if chance(&mut fork(rng, "domains"), 0.6) {
        Lattice::Hexagonal
    } else {
        Lattice::Lamellar
    };
    let reflections = lattice.reflections(orders);
    let lateral = view.radial(|q| {
        reflections
            .iter()
            .enumerate()
            .map(|(order, reflection)| {
                0.5_f64.powi(order as i32) * gaussian(q - reflection.ratio * q1, width)
            })
            .sum()
    });
    // Films are not equally thick everywhere, and domains end below the surface.
    let (stack, film_nm) = (bench.stack(), bench.film_nm);
    let incident = stack.waves(view.incident_angle_rad.sin())[1];
    let height = film_nm.min(decay * TAU / q1);
    let vertical = bench.against_exit(|sine| {
        let exit = stack.waves(sine)[1];
        (-2..=2)
            .map(|step| {
                let domain = Island::Cylinder {
                    radius_nm: 1.0,
                    height_nm: (height * (1.0 + 0.08 * f64::from(step))).min(film_nm),
                };
                let terms = channels(&incident, &exit, -film_nm);
                domain
                    .slices(1)
                    .iter()
                    .map(|slice| domain.vertical(slice, &terms))
                    .sum::<Complex64>()
                    .norm_sqr()
            })
            .sum()
    });
    let largest = f64::from(vertical.max()).max(1e-30);
    Sheet {
        name: "standing domains",
        weight: 1.0,
        feature: Feature::peaks(
            reflections.iter().map(|r| r.ratio * q1).collect(),
            width,
            SIDEWAYS,
        )
        .on_lattice(lattice.name()),
        terms: vec![(lateral, Vertical::Exit(vertical.scaled(1.0 / largest)))],
    }
}

/// Layers parallel to the surface: orders along the normal.
pub(super) fn layers(view: &View, rng: &mut ChaCha8Rng, film: &mut Pattern) {
    let q1 = log_uniform(rng, 0.12, 0.5) * view.q_high_inv_nm;
    let width = q1 * log_uniform(rng, 0.02, 0.12) + 1.5 * view.q_pixel_inv_nm;
    let radial = view.radial(|q| {
        (1..=5)
            .map(|n| gaussian(q - q1 * f64::from(n), width) / f64::from(n * n))
            .sum()
    });
    let mosaic = log_uniform(rng, 0.05, 0.4);
    let floor = uniform(rng, 0.0, 0.03);
    let texture = azimuthal(2049, |angle| {
        floor + (-0.5 * (angle / mosaic).powi(2)).exp()
    });
    film.value("q_star_inv_nm", q1);
    film.value("d_spacing_nm", TAU / q1);
    film.value("mosaic_rad", mosaic);
    let upward = Azimuth::Fold {
        n: 2,
        // ⟨cos 2χ⟩ of a narrow Gaussian.
        eta: (-2.0 * mosaic * mosaic).exp(),
        chi0_rad: FRAC_PI_2,
    };
    let orders = (1..=5).map(|n| f64::from(n) * q1).collect();
    film.push(
        Part::rings("parallel layers", 1.0, radial)
            .textured(Some(texture))
            .known_as(Feature::peaks(orders, width, upward).on_lattice("lamellar")),
    );
}

/// Particles anywhere in the film that keep a distance: a ring of correlation.
pub(super) fn buried(view: &View, rng: &mut ChaCha8Rng, film: &mut Pattern) {
    let stream = &mut fork(rng, "buried");
    let radius = log_uniform(stream, 1.2, 14.0) / view.q_high_inv_nm;
    let spread = uniform(stream, 0.04, 0.25);
    let fraction = uniform(stream, 0.03, 0.45);
    let shell = uniform(stream, 1.0, 1.3);
    let radial = view.radial(|q| {
        polydisperse_sphere(q, radius, spread, 15) * percus_yevick(q, shell * radius, fraction)
    });
    // The first maximum of the liquid, found on the curve itself.
    let step = 0.01 / (shell * radius);
    let s = |n: u32| percus_yevick(f64::from(n) * step, shell * radius, fraction);
    let peak = (150..500)
        .max_by(|&a, &b| s(a).total_cmp(&s(b)))
        .unwrap_or(300);
    let q_star = f64::from(peak) * step;
    film.value("radius_nm", radius);
    film.value("polydispersity", spread);
    film.value("volume_fraction", fraction);
    let feature = if fraction > 0.12 {
        film.value("q_star_inv_nm", q_star);
        film.value("d_spacing_nm", TAU / q_star);
        let fwhm = q_star * (0.75 - fraction);
        Feature::peaks(vec![q_star], fwhm, Azimuth::Isotropic)
    } else {
        Feature::of(Role::FormFactor)
    };
    film.push(Part::rings("buried particles", 1.0, radial).known_as(feature));
}

/// The diffuse scattering of a rough surface: a band along the horizon.
pub(super) fn roughness(view: &View, bench: &Bench, rng: &mut ChaCha8Rng, strong: bool) -> Sheet {
    let length = log_uniform(rng, 0.5, 20.0) / view.q_high_inv_nm;
    let weight = if strong {
        1.0
    } else {
        log_uniform(rng, 0.02, 0.6)
    };
    let stream = &mut fork(rng, "roughness");
    let hurst = uniform(stream, 0.05, 0.6);
    let height = log_uniform(stream, 0.7, 12.0) / view.q_high_inv_nm;
    let lateral = view.radial(|q| self_affine(q, 1.0, length, hurst));
    let (k, sine_i) = (view.k_inv_nm, view.incident_angle_rad.sin());
    let vertical = bench.through_channels(|sine, (direct, reflected)| {
        // What a rough surface takes from the specular beam, over q_z².
        let x = (k * (sine + sine_i) * height).powi(2);
        (direct + reflected) * -(-x).exp_m1() / x
    });
    let largest = f64::from(vertical.max()).max(1e-30);
    Sheet {
        name: "roughness",
        weight: weight as f32,
        feature: Feature::of(Role::DiffuseLow),
        terms: vec![(lateral, Vertical::Exit(vertical.scaled(1.0 / largest)))],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::generator;
    use crate::grazing::{Dwba, Material};
    use crate::grazing::{DwbaConfig, Lateral, Layer, Place, Stack, StackConfig};
    use approx::assert_relative_eq;

    const SHAPES: [Island; 4] = [
        Island::Cylinder {
            radius_nm: 5.0,
            height_nm: 12.0,
        },
        Island::Sphere { radius_nm: 5.0 },
        Island::Dome {
            radius_nm: 6.0,
            height_nm: 5.0,
        },
        Island::Cone {
            base_radius_nm: 6.0,
            top_radius_nm: 2.0,
            height_nm: 7.0,
        },
    ];

    /// The table, times |t|² and a contrast, is the cross-section of the same islands.
    #[test]
    fn tables_are_the_direct_formula_to_a_thousandth() {
        let layers = vec![Layer {
            material: Material {
                delta: 3e-6,
                beta: 5e-9,
            },
            thickness_nm: 40.0,
            roughness_nm: 0.3,
        }];
        for layers in [Vec::new(), layers] {
            for shape in SHAPES {
                let variants = sizes(&shape, 0.15, 0.1);
                let (incident, sine_reach) = (0.004_f64, 0.04);
                let sample = |lateral| {
                    Dwba::new(DwbaConfig {
                        incident_angle_rad: incident,
                        layers: layers.clone(),
                        islands: variants.clone(),
                        place: Place::OnTop,
                        lateral,
                        ..DwbaConfig::default()
                    })
                    .unwrap()
                };
                let stack = Stack::new(&StackConfig {
                    layers: layers.clone(),
                    ..StackConfig::default()
                })
                .unwrap();
                let order = Lateral::HardDisks {
                    radius_nm: 8.0,
                    coverage: 0.4,
                };
                let extent = Extent {
                    columns: 256,
                    rows: 768,
                    parallel_inv_nm: 2.0,
                    sine: sine_reach,
                };
                let (spread, mean) = tabulate(&stack, incident.sin(), &variants, extent);
                let direct = sample(order);
                let (mut pairs, k) = (Vec::new(), TAU / 0.1);
                for row in 1..60 {
                    for column in 0..60 {
                        let (exit, azimuth) = (6e-4 * f64::from(row), 4.7e-4 * f64::from(column));
                        let qx = k * (exit.cos() * azimuth.cos() - incident.cos());
                        let q = qx.hypot(k * exit.cos() * azimuth.sin());
                        let sine = exit.sin();
                        let transmitted = (1.0 + stack.waves(sine)[0].up).norm_sqr();
                        let table = transmitted
                            * (f64::from(spread.at(q as f32, sine as f32))
                                + order.at(q, 0.0) * f64::from(mean.at(q as f32, sine as f32)));
                        pairs.push((table, direct.cross_section_at(exit, azimuth)));
                    }
                }
                // One is in units of the largest island, the other has a contrast.
                let largest =
                    |pick: fn(&(f64, f64)) -> f64| pairs.iter().map(pick).fold(0.0, f64::max);
                let (a, b) = (largest(|pair| pair.0), largest(|pair| pair.1));
                for (table, direct) in &pairs {
                    assert_relative_eq!(table / a, direct / b, epsilon = 1e-3);
                }
            }
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_shape_and_leaves_the_main_stream_alone() {
        let mut rng = generator(5);
        let before = fork(&rng, "shape");
        assert_eq!(
            draw_shape(&mut fork(&rng, "shape"), 3.0, 4.0),
            draw_shape(&mut before.clone(), 3.0, 4.0)
        );
        assert_ne!(
            uniform(&mut fork(&rng, "film"), 0.0, 1.0),
            uniform(&mut fork(&rng, "shape"), 0.0, 1.0)
        );
        let next = uniform(&mut rng.clone(), 0.0, 1.0);
        assert_eq!(uniform(&mut rng, 0.0, 1.0), next);
    }
}
