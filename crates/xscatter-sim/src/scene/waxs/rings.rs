//! The rings of a crystal: smooth, of single grains, or of a fibre texture.

use std::f64::consts::{FRAC_PI_2, PI, TAU};

use rand_chacha::ChaCha8Rng;

use super::super::View;
use super::{Arc, Specimen, arc_parts, radial, told, width_of};
use crate::crystal::dot;
use crate::curve::Curve;
use crate::draw::{chance, log_uniform, normal, uniform, whole};
use crate::feature::{Azimuth, Feature, Role};
use crate::noise::poisson;
use crate::orientation::Mosaic;
use crate::pattern::{Part, Pattern, grains};
use crate::powder::{Ring, Width, WidthConfig};

/// Entries of an azimuthal table.
const AZIMUTHS: usize = 1025;

/// The most rings that are listed as orders.
const MOST_ORDERS: usize = 24;

/// The most rings with an azimuth of their own.
const MOST_TEXTURED: usize = 16;

/// The most rings of single grains.
const MOST_GRAINY: usize = 48;

/// Notes where the first of the orders is, and how large the crystallites are.
pub(in crate::scene) fn describe(pattern: &mut Pattern, first: Option<&f64>, width: &Width) {
    if let Some(&first) = first {
        pattern.value("q_star_inv_nm", first);
        pattern.value("d_spacing_nm", TAU / first);
    }
    pattern.value("grain_size_nm", width.config().size_nm);
}

/// Smooth rings of equal brightness all around.
pub(in crate::scene) fn smooth(
    view: &View,
    specimen: &Specimen,
    width: &Width,
    pattern: &mut Pattern,
) {
    let orders = specimen.orders(view, width, MOST_ORDERS);
    describe(pattern, orders.first(), width);
    let fwhm = orders.first().map_or(0.0, |&q| width.fwhm_inv_nm(q));
    let radial = radial(view, &specimen.rings, width);
    let feature = Feature::peaks(orders, fwhm, Azimuth::Isotropic);
    pattern.push(Part::rings("powder rings", 1.0, radial).known_as(feature));
}

/// Rings of a finite number of grains: the more equivalent planes a ring has, the more spots.
pub(super) fn grainy(
    view: &View,
    rng: &mut ChaCha8Rng,
    specimen: &Specimen,
    mut config: WidthConfig,
    pattern: &mut Pattern,
) {
    // A grain that makes a spot of its own is large.
    config.size_nm = config.size_nm.max(60.0);
    config.strain = config.strain.min(2e-3);
    // The tails of a Lorentzian would be streaks through every spot.
    config.lorentzian_share = config.lorentzian_share.min(0.2);
    let width = width_of(config);
    let count = log_uniform(rng, 5.0, 400.0);
    let mosaic_rad = log_uniform(rng, 0.004, 0.04);
    let mut arcs = Vec::new();
    // No ring of grains is smooth.
    let strong = specimen.strong(view, &width, MOST_GRAINY);
    for &index in &strong {
        let ring = specimen.rings[index];
        let expected = count * f64::from(ring.multiplicity) / 12.0;
        let spots = poisson(rng, expected.min(4000.0) as f32) as usize;
        if spots == 0 {
            continue;
        }
        // The fewer spots, the more their sum depends on chance; each is as bright as ever.
        let share = spots as f64 / expected;
        arcs.push(Arc {
            ring: ring.times(share),
            azimuth: grains(rng, spots, mosaic_rad),
            kind: Azimuth::Grains {
                count: spots,
                mosaic_rad,
            },
        });
    }
    pattern.value("grain_count", count);
    textured(view, specimen, &width, (&strong, arcs), pattern);
}

pub(super) fn oriented(
    view: &View,
    rng: &mut ChaCha8Rng,
    specimen: &Specimen,
    config: WidthConfig,
    sigma_rad: f64,
    planes: Option<[i32; 3]>,
    pattern: &mut Pattern,
) {
    let width = width_of(config);
    let mosaic = Mosaic::new(sigma_rad).expect("the mosaic is drawn from possible ones");
    let axis_rad = uniform(rng, -PI, PI);
    let tilt_rad = if chance(rng, 0.3) {
        normal(rng, 0.4)
    } else if planes.is_none() && chance(rng, 0.12) {
        // Plates that lie on their holder: rings without arcs, but not those of a powder.
        FRAC_PI_2 + normal(rng, 0.05)
    } else {
        0.0
    };
    // The axis of the crystals is the normal of simple planes.
    let strong = specimen.strong(view, &width, MOST_TEXTURED);
    let along = planes.unwrap_or_else(|| {
        strong
            .get(whole(rng, 0, strong.len().clamp(1, 4) - 1))
            .and_then(|&index| specimen.of_ring(&specimen.rings[index]).first())
            .map_or([0, 0, 1], |reflection| reflection.indices)
    });
    let crystal_axis = unit(specimen.crystal.cell().g_inv_nm(along));
    let sample_axis = [
        tilt_rad.sin(),
        tilt_rad.cos() * axis_rad.cos(),
        tilt_rad.cos() * axis_rad.sin(),
    ];
    let arcs = strong
        .iter()
        .map(|&index| {
            let ring = specimen.rings[index];
            // A small crystallite spreads its reflections across q as well.
            let across = width.angular_sigma_rad(ring.q_inv_nm).min(10.0);
            let spread = sigma_rad.hypot(across);
            let seen = Mosaic::new(spread).expect("it is larger than the mosaic");
            let poles: Vec<((f64, f64), f64)> = specimen
                .of_ring(&ring)
                .iter()
                .map(|reflection| {
                    let cosine = dot(reflection.g_inv_nm, crystal_axis) / reflection.q_inv_nm;
                    let share = 2.0 * reflection.squared / ring.strength;
                    (with_sine(cosine), share)
                })
                .collect();
            let sine = (0.5 * ring.q_inv_nm / view.k_inv_nm).clamp(0.0, 1.0);
            let lean = (1.0 - sine * sine).sqrt();
            let density = Curve::sample(-PI, PI, AZIMUTHS, |chi| {
                let q = [-sine, lean * chi.cos(), lean * chi.sin()];
                let chi = with_sine(dot(q, sample_axis));
                poles
                    .iter()
                    .map(|&(psi, share)| share * seen.pole_density_cosines(chi, psi))
                    .sum()
            });
            let mean = density.mean();
            Arc {
                ring: ring.times(mean),
                azimuth: if mean > 0.0 {
                    density.scaled(1.0 / mean)
                } else {
                    density
                },
                kind: Azimuth::Isotropic,
            }
        })
        .collect();
    if tilt_rad.abs() < 1.2 {
        pattern.value("orientation_rad", axis_rad);
    }
    pattern.value("order_parameter", mosaic.order());
    textured(view, specimen, &width, (&strong, arcs), pattern);
}

/// The strong rings with an azimuth each, those of them that show anything; the many weak ones smooth.
fn textured(
    view: &View,
    specimen: &Specimen,
    width: &Width,
    (strong, arcs): (&[usize], Vec<Arc>),
    pattern: &mut Pattern,
) {
    let rings: Vec<&Ring> = arcs.iter().map(|arc| &arc.ring).collect();
    describe(pattern, rings.first().map(|ring| &ring.q_inv_nm), width);
    let brightest = rings
        .iter()
        .map(|ring| ring.intensity(ring.q_inv_nm, width))
        .fold(0.0, f64::max);
    let rest: Vec<Ring> = (0..specimen.rings.len())
        .filter(|index| !strong.contains(index))
        .map(|index| specimen.rings[index])
        .collect();
    for part in arc_parts(view, "textured rings", arcs, width, brightest) {
        let azimuth = told(part.feature.azimuth);
        let feature = Feature {
            azimuth,
            ..part.feature.clone()
        };
        pattern.push(part.known_as(feature));
    }
    let weak = rest
        .iter()
        .filter(|ring| ring.q_inv_nm < view.q_max_inv_nm)
        .map(|ring| ring.intensity(ring.q_inv_nm, width))
        .fold(0.0, f64::max);
    if weak > 0.0 && brightest > 0.0 {
        let radial = radial(view, &rest, width);
        pattern.push(
            Part::rings("weak rings", weak / brightest, radial).known_as(Feature::of(Role::Ring)),
        );
    }
}

fn unit(vector: [f64; 3]) -> [f64; 3] {
    let length = dot(vector, vector).sqrt();
    vector.map(|component| component / length)
}

/// The cosine of an angle in 0 to π with its sine.
pub(in crate::scene) fn with_sine(cosine: f64) -> (f64, f64) {
    (cosine, (1.0 - cosine * cosine).max(0.0).sqrt())
}

#[cfg(test)]
mod tests {
    use super::super::draw_width;
    use super::super::tests::view;
    use super::*;
    use crate::crystal::Substance;
    use crate::draw::generator;
    use crate::pattern::Direction;
    use crate::rays::Rays;
    use xscatter_core::{Geometry, PixelPosition};
    use xscatter_geometry::{PixelMap, with_beam_centre};

    #[derive(serde::Deserialize)]
    struct Cases {
        shape: (usize, usize),
        pixel_m: f64,
        frames: Vec<Frame>,
    }

    #[derive(serde::Deserialize)]
    struct Frame {
        calibrant: String,
        pose: Pose,
        /// q of the ring, row, column, and the direction in which q grows.
        points: Vec<[f64; 5]>,
    }

    #[derive(serde::Deserialize)]
    struct Pose {
        distance_m: f64,
        poni1_m: f64,
        poni2_m: f64,
        rot1_rad: f64,
        rot2_rad: f64,
        rot3_rad: f64,
        wavelength_m: f64,
    }

    /// The vertex of a parabola through the logarithm of the counts across a ring.
    fn ridge(samples: &[(f64, f64)]) -> f64 {
        let top = samples.iter().map(|s| s.1).fold(0.0, f64::max);
        let mut normal = [[0.0; 4]; 3];
        for &(x, value) in samples.iter().filter(|s| s.1 > 0.3 * top) {
            let row = [1.0, x, x * x];
            for i in 0..3 {
                for j in 0..3 {
                    normal[i][j] += value * row[i] * row[j];
                }
                normal[i][3] += value * row[i] * value.ln();
            }
        }
        for pivot in 0..3 {
            for row in (0..3).filter(|&row| row != pivot) {
                let factor = normal[row][pivot] / normal[pivot][pivot];
                let above = normal[pivot];
                for (left, above) in normal[row].iter_mut().zip(above) {
                    *left -= factor * above;
                }
            }
        }
        -0.5 * (normal[1][3] / normal[1][1]) / (normal[2][3] / normal[2][2])
    }

    #[test]
    fn rings_of_calibrants_lie_where_pyfai_has_them() {
        let path = format!("{}/tests/golden/rings.json", env!("CARGO_MANIFEST_DIR"));
        let golden = xscatter_testkit::golden::load::<Cases>(path).unwrap();
        let cases = golden.cases;
        let mut worst: f64 = 0.0;
        for frame in cases.frames {
            let substance = [
                Substance::SilverBehenate,
                Substance::LanthanumHexaboride,
                Substance::Silicon,
                Substance::Ceria,
            ]
            .into_iter()
            .find(|substance| substance.name() == frame.calibrant)
            .unwrap();
            let pose = frame.pose;
            let geometry = Geometry {
                distance_m: pose.distance_m,
                poni1_m: pose.poni1_m,
                poni2_m: pose.poni2_m,
                rot1_rad: pose.rot1_rad,
                rot2_rad: pose.rot2_rad,
                rot3_rad: pose.rot3_rad,
                wavelength_m: pose.wavelength_m,
                pixel1_m: cases.pixel_m,
                pixel2_m: cases.pixel_m,
                orientation: xscatter_core::Orientation::default(),
                incident_angle_rad: None,
                tilt_rad: 0.0,
            };
            let k_inv_nm = TAU / (pose.wavelength_m * 1e9);
            let last = frame
                .points
                .iter()
                .map(|point| point[0])
                .fold(0.0, f64::max);
            let pixel_rad = cases.pixel_m / pose.distance_m;
            let view = View {
                k_inv_nm,
                q_low_inv_nm: 0.5,
                q_high_inv_nm: 1.1 * last,
                q_max_inv_nm: 1.1 * last,
                pixel_rad,
                q_pixel_inv_nm: k_inv_nm * pixel_rad,
                ..view()
            };
            let width = width_of(WidthConfig {
                size_nm: 1e6,
                k_inv_nm,
                lorentzian_share: 0.0,
                instrument: crate::powder::Caglioti {
                    w_rad2: (3.0 * pixel_rad).powi(2),
                    ..Default::default()
                },
                ..Default::default()
            });
            let mut pattern = Pattern::default();
            let specimen = Specimen::new(&view, substance.crystal());
            smooth(&view, &specimen, &width, &mut pattern);
            let rays = Rays::new(&PixelMap::new(&geometry, cases.shape).unwrap());
            for [q, row, column, down, right] in frame.points {
                let mut samples = Vec::new();
                for i in row as usize - 6..row as usize + 7 {
                    for j in column as usize - 6..column as usize + 7 {
                        let (dy, dx) = (i as f64 + 0.5 - row, j as f64 + 0.5 - column);
                        let (off, aside) = (dy * down + dx * right, dx * down - dy * right);
                        if off.abs() < 4.5 && aside.abs() < 1.2 {
                            let ray = rays.to(i, j);
                            let towards = Direction::of(ray.t2, ray.t1);
                            let counts = pattern.at(k_inv_nm as f32 * ray.q_over_k(), towards);
                            samples.push((off, f64::from(counts * ray.solid_angle)));
                        }
                    }
                }
                let off = ridge(&samples);
                worst = worst.max(off.abs());
                assert!(
                    off.abs() < golden.provenance.tolerance,
                    "{} at q = {q}, ({row}, {column}): {off} px",
                    frame.calibrant
                );
            }
        }
        // Far better than the tolerance, which is that of a fit to real counts.
        assert!(worst < 0.01, "{worst}");
    }

    /// What a texture takes from one direction it gives to another.
    #[test]
    fn the_strength_of_a_ring_does_not_depend_on_its_grains() {
        let specimen = Specimen::new(&view(), Substance::Gold.crystal());
        let mut rng = generator(8);
        let mut pattern = Pattern::default();
        let config = draw_width(&view(), &mut rng);
        grainy(&view(), &mut rng, &specimen, config, &mut pattern);
        let part = &pattern.parts[0];
        let orders = &part.feature.orders_inv_nm;
        // At the strongest ring of the part the radial table is 1.
        let q = orders[0];
        let steps = 40_000;
        let mean = (0..steps)
            .map(|step| TAU as f32 * step as f32 / steps as f32)
            .map(|chi| part.at(q as f32, Direction::of(chi.cos(), chi.sin())))
            .map(f64::from)
            .sum::<f64>()
            / f64::from(steps);
        assert!(
            (mean / f64::from(part.weight) - 1.0).abs() < 0.05,
            "{mean} {}",
            part.weight
        );
    }

    /// Rings of which no grain is in the beam are dark, not smooth.
    #[test]
    fn a_ring_without_grains_is_dark() {
        let specimen = Specimen::new(&view(), Substance::Gold.crystal());
        let width = width_of(draw_width(&view(), &mut generator(1)));
        let all: Vec<usize> = (0..specimen.rings.len()).collect();
        let mut pattern = Pattern::default();
        textured(&view(), &specimen, &width, (&all, Vec::new()), &mut pattern);
        assert!(pattern.parts.is_empty());
        textured(&view(), &specimen, &width, (&[], Vec::new()), &mut pattern);
        assert!(pattern.parts.iter().all(|part| part.weight.is_finite()));
    }

    /// The chains of a drawn polymer stand upright: (hk0) on the equator.
    #[test]
    fn a_fibre_has_its_equator_across_the_axis() {
        let specimen = Specimen::new(&view(), Substance::Polyethylene.crystal());
        let mut rng = generator(3);
        let config = WidthConfig {
            size_nm: 10.0,
            ..draw_width(&view(), &mut rng)
        };
        let mut pattern = Pattern::default();
        oriented(
            &view(),
            &mut rng,
            &specimen,
            config,
            0.1,
            Some([0, 0, 1]),
            &mut pattern,
        );
        let value = |name: &str| pattern.values.iter().find(|v| v.0 == name).unwrap().1;
        let axis = value("orientation_rad");
        assert!(value("order_parameter") > 0.9);
        // (110) is the strongest and the first.
        let part = &pattern.parts[0];
        assert!((value("d_spacing_nm") - 0.410).abs() < 3e-3);
        let Azimuth::Fold { n, eta, chi0_rad } = part.feature.azimuth else {
            panic!("expected a fold");
        };
        let off = (chi0_rad - axis - FRAC_PI_2).rem_euclid(PI);
        assert!(
            n == 2 && eta > 0.8 && off.min(PI - off) < 0.1,
            "{eta} {off}"
        );
    }

    /// A detector that is turned about the beam sees the image turned.
    #[test]
    fn a_turned_detector_sees_a_turned_image() {
        const SIDE: usize = 80;
        let mut rng = generator(21);
        let specimen = Specimen::new(&view(), Substance::ZincOxide.crystal());
        let config = WidthConfig {
            size_nm: 5.0,
            ..draw_width(&view(), &mut rng)
        };
        let mut pattern = Pattern::default();
        oriented(
            &view(),
            &mut rng,
            &specimen,
            config,
            0.3,
            None,
            &mut pattern,
        );
        let centre = PixelPosition {
            row: 40.0,
            column: 40.0,
        };
        let straight = Geometry::transmission(0.06, centre, 1e-3, 1e-10);
        let turned = Geometry {
            rot3_rad: FRAC_PI_2,
            ..straight.clone()
        };
        let turned = with_beam_centre(&turned, (SIDE, SIDE), centre).unwrap();
        let image = |geometry: &Geometry| {
            let rays = Rays::new(&PixelMap::new(geometry, (SIDE, SIDE)).unwrap());
            ndarray::Array2::from_shape_fn((SIDE, SIDE), |(row, column)| {
                let ray = rays.to(row, column);
                let k = view().k_inv_nm as f32;
                pattern.at(k * ray.q_over_k(), Direction::of(ray.t2, ray.t1))
            })
        };
        let (straight, turned) = (image(&straight), image(&turned.unwrap()));
        let apart = |place: fn(usize, usize) -> (usize, usize)| {
            let pairs = straight.indexed_iter();
            let off: f32 = pairs
                .map(|((row, column), here)| (here - turned[place(row, column)]).abs())
                .sum();
            off / straight.sum()
        };
        // By a quarter turn one way; the other way and not at all it is another image.
        let ways = [
            apart(|row, column| (column, SIDE - 1 - row)),
            apart(|row, column| (SIDE - 1 - column, row)),
        ];
        assert!(ways[0].min(ways[1]) < 1e-4, "{ways:?}");
        assert!(apart(|row, column| (row, column)) > 0.1);
    }
}
