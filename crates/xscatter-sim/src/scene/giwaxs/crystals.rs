//! Films of crystallites: a contact plane on the substrate, turned at random about the normal or not.

use std::f64::consts::{PI, TAU};

use rand_chacha::ChaCha8Rng;

use super::super::View;
use super::super::waxs::{
    Arc, Specimen, arc_parts, describe, draw_width, radial, smooth, width_of, with_sine,
};
use super::{about_normal, from_normal};
use crate::crystal::{Substance, dot};
use crate::curve::Curve;
use crate::draw::{chance, log_uniform, uniform, whole};
use crate::feature::{Azimuth, Feature};
use crate::orientation::{Mosaic, VonMises};
use crate::pattern::{Part, Pattern};
use crate::powder::{Ring, Width, WidthConfig};

/// Crystallites in all directions.
pub(super) fn isotropic(view: &View, rng: &mut ChaCha8Rng, film: &mut Pattern) {
    let specimen = specimen(view, rng);
    let width = width_of(broadened(view, rng));
    film.value("order_parameter", 0.0);
    smooth(view, &specimen, &width, film);
}

const FILMS: [Substance; 11] = [
    Substance::LeadIodidePerovskite,
    Substance::LeadIodidePerovskite,
    Substance::LeadIodide,
    Substance::Pentacene,
    Substance::Pentacene,
    Substance::P3ht,
    Substance::Gold,
    Substance::Silver,
    Substance::ZincOxide,
    Substance::Anatase,
    Substance::Graphite,
];

fn specimen(view: &View, rng: &mut ChaCha8Rng) -> Specimen {
    Specimen::seen(view, rng, |rng| {
        if chance(rng, 0.5) {
            Specimen::known(view, rng, &FILMS)
        } else {
            Specimen::invented(view, rng)
        }
    })
}

/// The width of a film: small crystallites, and a footprint that the detector sees from the side.
///
/// Along the footprint of length L the ring moves by L tan 2θ on the detector, about 2 tan θ · L/D
/// in 2θ: a term of U.
fn broadened(view: &View, rng: &mut ChaCha8Rng) -> WidthConfig {
    let size_nm = log_uniform(rng, 4.0, 80.0);
    let mut config = WidthConfig {
        size_nm,
        ..draw_width(view, rng)
    };
    // 2 to 20 mm of sample at 0.12 to 0.4 m; only its FWHM of a uniform strip counts.
    let footprint = log_uniform(rng, 0.005, 0.08);
    config.instrument.u_rad2 += (2.0 * footprint * 0.68).powi(2);
    config
}

/// The reflections on one ring that share an angle from the contact plane's normal.
struct Shell {
    /// Cosine and sine of that angle.
    psi: (f64, f64),
    /// |F|² of all its members, and the azimuths in the plane of the film with their |F|².
    strength: f64,
    members: Vec<(f64, f64)>,
}

fn shells(specimen: &Specimen, ring: &Ring, normal: [f64; 3], across: [[f64; 3]; 2]) -> Vec<Shell> {
    let mut shells: Vec<Shell> = Vec::new();
    for reflection in specimen.of_ring(ring) {
        for side in [1.0, -1.0] {
            let g = reflection.g_inv_nm.map(|component| side * component);
            let cosine = (dot(g, normal) / reflection.q_inv_nm).clamp(-1.0, 1.0);
            let member = (
                dot(g, across[1]).atan2(dot(g, across[0])),
                reflection.squared,
            );
            match shells
                .iter_mut()
                .find(|shell| (shell.psi.0 - cosine).abs() < 1e-6)
            {
                Some(shell) => {
                    shell.strength += reflection.squared;
                    shell.members.push(member);
                }
                None => shells.push(Shell {
                    psi: with_sine(cosine),
                    strength: reflection.squared,
                    members: vec![member],
                }),
            }
        }
    }
    // Below the film there is no detector: a pole stands for its opposite.
    shells.retain(|shell| shell.psi.0 > -1e-6);
    shells
}

/// Two directions at right angles to a third and to each other.
fn perpendicular(normal: [f64; 3]) -> [[f64; 3]; 2] {
    let helper = if normal[0].abs() < 0.7 {
        [1.0, 0.0, 0.0]
    } else {
        [0.0, 1.0, 0.0]
    };
    let along = dot(helper, normal);
    let first: [f64; 3] = std::array::from_fn(|axis| helper[axis] - along * normal[axis]);
    let length = dot(first, first).sqrt();
    let first = first.map(|component| component / length);
    let second = [
        normal[1] * first[2] - normal[2] * first[1],
        normal[2] * first[0] - normal[0] * first[2],
        normal[0] * first[1] - normal[1] * first[0],
    ];
    [first, second]
}

/// Where in the plane of the film a pixel of each side sees reflections of this q and angle: from the
/// Ewald condition 2 k·q + q² = 0. `None` in the missing wedge.
fn seen_azimuths(view: &View, q_inv_nm: f64, psi: (f64, f64)) -> Option<[f64; 2]> {
    let (sine_i, cosine_i) = view.incident_angle_rad.sin_cos();
    let (normal, parallel) = (q_inv_nm * psi.0, q_inv_nm * psi.1);
    let x = (sine_i * normal - 0.5 * q_inv_nm * q_inv_nm / view.k_inv_nm) / cosine_i;
    let square = parallel * parallel - x * x;
    (square > 0.0).then(|| [square.sqrt().atan2(x), -square.sqrt().atan2(x)])
}

/// A shell as the film shows it.
struct Pole {
    psi: (f64, f64),
    /// Its share of the ring.
    strength: f64,
    /// What its azimuths make of it on either side.
    sides: [f64; 2],
}

/// How the crystallites of a film stand.
struct Texture {
    mosaic: Mosaic,
    mosaic_rad: f64,
    /// Share of the crystallites in all directions.
    isotropic: f64,
    /// The contact plane, and another one with its share.
    planes: Vec<([f64; 3], f64)>,
    /// Directions in the plane of the film; `None` where all are alike.
    in_plane: Option<(Vec<f64>, VonMises)>,
}

impl Texture {
    fn draw(rng: &mut ChaCha8Rng, specimen: &Specimen, strong: &[Ring]) -> Self {
        let mosaic_rad = log_uniform(rng, 0.02, 0.35);
        let floor = log_uniform(rng, 1e-3, 0.5);
        let plane = |rng: &mut ChaCha8Rng| {
            let indices = if chance(rng, 0.5) || strong.is_empty() {
                [0, 0, 1]
            } else {
                let ring = &strong[whole(rng, 0, strong.len().min(3) - 1)];
                specimen.of_ring(ring)[0].indices
            };
            let g = specimen.crystal.cell().g_inv_nm(indices);
            let length = dot(g, g).sqrt();
            g.map(|component| component / length)
        };
        let mut planes = vec![(plane(rng), 1.0)];
        if chance(rng, 0.2) {
            let share = uniform(rng, 0.1, 0.5);
            planes[0].1 = 1.0 - share;
            planes.push((plane(rng), share));
        }
        let in_plane = chance(rng, 0.15).then(|| {
            let sigma = log_uniform(rng, 0.02, 0.3);
            let spread = VonMises::new(1.0 / (sigma * sigma)).expect("the spread is not small");
            let domains = (0..whole(rng, 1, 4))
                .map(|_| uniform(rng, -PI, PI))
                .collect();
            (domains, spread)
        });
        Self {
            mosaic: Mosaic::new(mosaic_rad).expect("the mosaic is drawn from possible ones"),
            mosaic_rad,
            isotropic: floor / (1.0 + floor),
            planes,
            in_plane,
        }
    }

    /// What the azimuths of a shell do to its brightness on either side.
    fn sides(&self, view: &View, q_inv_nm: f64, shell: &Shell) -> [f64; 2] {
        let Some((domains, spread)) = &self.in_plane else {
            return [1.0; 2];
        };
        // Upright reflections have no azimuth; in the wedge only the mosaic shows, of all of them.
        if shell.psi.1 < 2.0 * self.mosaic_rad.sin() {
            return [1.0; 2];
        }
        let Some(seen) = seen_azimuths(view, q_inv_nm, shell.psi) else {
            return [1.0; 2];
        };
        seen.map(|azimuth| {
            domains
                .iter()
                .flat_map(|domain| {
                    shell
                        .members
                        .iter()
                        .map(move |(place, squared)| squared * spread.at(azimuth - place - domain))
                })
                .sum::<f64>()
                / (shell.strength * domains.len() as f64)
        })
    }

    /// The density of a ring's poles over the angle from the normal, and its mean over the angles.
    fn density(
        &self,
        view: &View,
        specimen: &Specimen,
        ring: &Ring,
        width: &Width,
    ) -> (Curve, f64) {
        // A small crystallite spreads its reflections across q as well.
        let across = width.angular_sigma_rad(ring.q_inv_nm).min(10.0);
        let spread = self.mosaic_rad.hypot(across);
        let seen = Mosaic::new(spread).expect("it is larger than the mosaic");
        let mut poles = Vec::new();
        for &(normal, share) in &self.planes {
            for shell in shells(specimen, ring, normal, perpendicular(normal)) {
                // A shell at right angles holds both of each pair.
                let pairs = if shell.psi.0 < 1e-6 { 0.5 } else { 1.0 };
                poles.push(Pole {
                    psi: shell.psi,
                    strength: 2.0 * pairs * share * shell.strength / ring.strength,
                    sides: self.sides(view, ring.q_inv_nm, &shell),
                });
            }
        }
        let density = |angle: f64, side: usize| {
            let chi = with_sine(angle.cos());
            let sum: f64 = poles
                .iter()
                .map(|pole| {
                    let density = seen.pole_density_cosines(chi, pole.psi);
                    pole.strength * pole.sides[side] * density
                })
                .sum();
            self.isotropic + (1.0 - self.isotropic) * sum
        };
        if self.in_plane.is_none() {
            return about_normal(|angle| density(angle, 0));
        }
        let curve = Curve::sample(-PI, PI, super::ANGLES, |angle| {
            density(angle, usize::from(angle < 0.0))
        });
        let mean = curve.mean();
        (curve.scaled(1.0 / mean.max(1e-12)), mean)
    }
}

/// A crystalline film: each reflection at its own angle from the normal.
pub(super) fn oriented(view: &View, rng: &mut ChaCha8Rng, film: &mut Pattern) {
    let specimen = specimen(view, rng);
    let width = width_of(broadened(view, rng));
    let most = whole(rng, 6, 16);
    let strong: Vec<Ring> = specimen
        .strong(view, &width, most)
        .into_iter()
        .map(|index| specimen.rings[index])
        .collect();
    let texture = Texture::draw(rng, &specimen, &strong);
    let rods = chance(rng, 0.3);
    let decay = TAU / log_uniform(rng, 0.2, 2.0);

    describe(film, strong.first().map(|ring| &ring.q_inv_nm), &width);
    film.value("mosaic_rad", texture.mosaic_rad);
    film.value("isotropic_share", texture.isotropic);
    film.value(
        "order_parameter",
        (1.0 - texture.isotropic) * texture.mosaic.order() * texture.planes[0].1,
    );
    if rods {
        stand(view, &specimen, &strong, &width, decay, &texture, film);
    } else {
        arcs(view, &specimen, &strong, &width, &texture, film);
    }
}

fn peak(ring: &Ring, width: &Width) -> f64 {
    ring.intensity(ring.q_inv_nm, width)
}

/// Arcs about the normal.
fn arcs(
    view: &View,
    specimen: &Specimen,
    strong: &[Ring],
    width: &Width,
    texture: &Texture,
    film: &mut Pattern,
) {
    let arcs: Vec<Arc> = strong
        .iter()
        .map(|ring| {
            let (azimuth, mean) = texture.density(view, specimen, ring, width);
            Arc {
                ring: ring.times(mean),
                azimuth,
                kind: Azimuth::Isotropic,
            }
        })
        .collect();
    // By the brightest place of each: that is what one sees.
    let brightest = arcs
        .iter()
        .map(|arc| peak(&arc.ring, width) * f64::from(arc.azimuth.max()))
        .fold(0.0, f64::max);
    for part in arc_parts(view, "oriented crystals", arcs, width, brightest / 3.0) {
        let azimuth = from_normal(part.feature.azimuth);
        let feature = Feature {
            azimuth,
            ..part.feature.clone()
        };
        film.push(part.known_as(feature));
    }
}

/// Crystallites as thin as they are high in cells: rods along the normal.
fn stand(
    view: &View,
    specimen: &Specimen,
    strong: &[Ring],
    width: &Width,
    decay: f64,
    texture: &Texture,
    film: &mut Pattern,
) {
    let normal = texture.planes[0].0;
    let across = perpendicular(normal);
    let brightest = strong.iter().map(|r| peak(r, width)).fold(0.0, f64::max);
    for ring in strong {
        let weight = peak(ring, width) / brightest;
        for shell in shells(specimen, ring, normal, across) {
            let (upright, parallel) = (ring.q_inv_nm * shell.psi.0, ring.q_inv_nm * shell.psi.1);
            let share = weight * shell.strength / ring.strength;
            let feature = |q| {
                let azimuth = Azimuth::Fold {
                    n: 2,
                    eta: texture.mosaic.order(),
                    chi0_rad: from_equator(shell.psi.0),
                };
                Feature::peaks(vec![q], width.fwhm_inv_nm(q), azimuth)
            };
            if parallel < 0.05 * ring.q_inv_nm {
                let one = Ring {
                    strength: shell.strength,
                    ..*ring
                };
                let (curve, _) = about_normal(|angle| texture.mosaic.pole_density(angle, 0.0));
                film.push(
                    Part::rings("layer peaks", share, radial(view, &[one], width))
                        .textured(Some(curve))
                        .known_as(feature(ring.q_inv_nm)),
                );
                continue;
            }
            let fwhm = width.fwhm_inv_nm(parallel);
            let along = Curve::sample(0.0, view.q_max_inv_nm, 2048, |q| {
                (-0.5 * ((q - upright) / decay).powi(2)).exp()
            });
            film.push(
                Part::line(
                    "Bragg rods",
                    share,
                    (1.0, 0.0),
                    along,
                    (parallel, 0.42 * fwhm),
                )
                .known_as(feature(ring.q_inv_nm)),
            );
        }
    }
}

/// The direction of a reflection about the beam: π/2 is the normal.
fn from_equator(cosine: f64) -> f64 {
    cosine.clamp(-1.0, 1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::super::tests::view;
    use super::*;
    use crate::draw::generator;

    /// Of crystals that are large.
    fn sharp() -> Width {
        width_of(WidthConfig::default())
    }

    fn fibre(substance: Substance, mosaic_rad: f64) -> (Specimen, Texture) {
        let specimen = Specimen::new(&view(), substance.crystal());
        let texture = Texture {
            mosaic: Mosaic::new(mosaic_rad).unwrap(),
            mosaic_rad,
            isotropic: 0.0,
            planes: vec![([0.0, 0.0, 1.0], 1.0)],
            in_plane: None,
        };
        (specimen, texture)
    }

    /// The integral over the sphere is that of the powder, whatever the texture.
    #[test]
    fn a_texture_moves_intensity_and_makes_none() {
        for substance in [Substance::LeadIodide, Substance::Gold, Substance::Pentacene] {
            for mosaic_rad in [0.05, 0.3] {
                let (specimen, mut texture) = fibre(substance, mosaic_rad);
                texture.planes = vec![([0.0, 0.0, 1.0], 0.7), ([0.6, 0.0, 0.8], 0.3)];
                texture.isotropic = 0.2;
                for ring in specimen.rings.iter().take(6) {
                    let (curve, mean) = texture.density(&view(), &specimen, ring, &sharp());
                    let steps = 20_000;
                    let sphere: f64 = (0..steps)
                        .map(|step| PI * (f64::from(step) + 0.5) / f64::from(steps))
                        .map(|angle| f64::from(curve.at(angle as f32)) * angle.sin())
                        .sum::<f64>()
                        * 0.5
                        * PI
                        / f64::from(steps)
                        * mean;
                    assert!((sphere - 1.0).abs() < 0.01, "{substance:?}: {sphere}");
                }
            }
        }
    }

    /// (003) of the cube on its (001) face is upright, (110) lies down, (111) is at 54.7°.
    #[test]
    fn reflections_stand_at_their_angles() {
        let (specimen, texture) = fibre(Substance::LeadIodidePerovskite, 0.04);
        for (squared, degrees) in [
            (1.0_f64, vec![0.0, 90.0]),
            (2.0, vec![45.0, 90.0]),
            (3.0, vec![54.7356]),
        ] {
            let q = TAU / 0.632_85 * squared.sqrt();
            let ring = specimen
                .rings
                .iter()
                .find(|ring| (ring.q_inv_nm - q).abs() < 1e-6)
                .unwrap();
            let (curve, _) = texture.density(&view(), &specimen, ring, &sharp());
            for angle in degrees {
                let at = |degrees: f64| f64::from(curve.at(degrees.to_radians() as f32));
                assert!(at(angle) > 4.0 * at((angle - 9.0_f64).abs()), "{angle}");
                assert!(at(-angle) > 0.99 * at(angle) && at(-angle) < 1.01 * at(angle));
            }
        }
    }

    /// A single crystal shows a reflection only where the Ewald sphere has its azimuth, and a film of
    /// all azimuths is the mean of single crystals.
    #[test]
    fn a_single_orientation_has_its_own_left_and_right() {
        let (specimen, mut texture) = fibre(Substance::LeadIodide, 0.02);
        let ring = specimen
            .rings
            .iter()
            .find(|ring| ring.multiplicity == 12)
            .copied()
            .unwrap();
        let shell = &shells(
            &specimen,
            &ring,
            [0.0, 0.0, 1.0],
            perpendicular([0.0, 0.0, 1.0]),
        )[0];
        let steps = 720;
        let mut mean = [0.0; 2];
        let mut largest: f64 = 0.0;
        for step in 0..steps {
            let turn = TAU * f64::from(step) / f64::from(steps);
            texture.in_plane = Some((vec![turn], VonMises::new(400.0).unwrap()));
            let sides = texture.sides(&view(), ring.q_inv_nm, shell);
            for (sum, side) in mean.iter_mut().zip(sides) {
                *sum += side / f64::from(steps);
                largest = largest.max(side);
            }
        }
        assert!(
            mean.iter().all(|mean| (mean - 1.0).abs() < 1e-6),
            "{mean:?}"
        );
        assert!(largest > 1.2);
    }

    #[test]
    fn the_azimuth_that_is_seen_obeys_ewald() {
        let view = view();
        let psi = (0.6, 0.8);
        let q = 12.0;
        for azimuth in seen_azimuths(&view, q, psi).unwrap() {
            let (sine_i, cosine_i) = view.incident_angle_rad.sin_cos();
            let k_in = [view.k_inv_nm * cosine_i, 0.0, -view.k_inv_nm * sine_i];
            let out = [
                k_in[0] + q * psi.1 * azimuth.cos(),
                k_in[1] + q * psi.1 * azimuth.sin(),
                k_in[2] + q * psi.0,
            ];
            assert!((dot(out, out).sqrt() - view.k_inv_nm).abs() < 1e-9);
        }
        assert_eq!(seen_azimuths(&view, q, (1.0, 0.0)), None);
    }

    #[test]
    fn films_of_all_kinds_have_parts() {
        let mut rng = generator(9);
        let mut names = std::collections::BTreeSet::new();
        for _ in 0..80 {
            let mut film = Pattern::default();
            oriented(&view(), &mut rng, &mut film);
            assert!(!film.parts.is_empty());
            names.extend(film.parts.iter().map(|part| part.name));
        }
        assert_eq!(names.len(), 3, "{names:?}");
    }
}
