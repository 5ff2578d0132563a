//! Small-angle scattering at grazing incidence, and the film that both grazing techniques share.

use std::f64::consts::TAU;

use rand_chacha::ChaCha8Rng;

use super::{View, saxs};
use crate::curve::Curve;
use crate::diffuse;
use crate::draw::{chance, log_uniform, normal, uniform, weighted, whole};
use crate::feature::{Feature, Role};
use crate::form_factor::jinc;
use crate::grazing::{Island, Material, Surface};
use crate::lattice::{Lattice, gaussian};
use crate::pattern::{Direction, Part, Pattern, azimuthal};
use crate::rays::Ray;
use crate::structure_factor::paracrystal;
use crate::texture::ring_kernel;

/// A surface in the beam and what is on it.
///
/// The surface normal is `t1` in the laboratory, tilted back by the incident angle.
#[derive(Debug, Clone)]
pub(crate) struct Film {
    pub(super) k: f32,
    pub(super) sine_i: f32,
    pub(super) cosine_i: f32,
    /// sin² of the film's critical angle, for the refraction of q_z.
    pub(super) critical: f32,
    /// |t(α_i)|² |t(α_f)|² against sin α_f, the leak below the horizon included.
    pub(super) yoneda: Curve,
    /// What the film scatters, against |q| and the angle from the normal.
    pub(super) layer: Pattern,
    pub(super) islands: Option<Islands>,
    /// The streak above the beam: against |q_y| and against sin α_f.
    pub(super) streak: Option<(Curve, Curve)>,
    /// Scattering around the direct beam, in laboratory coordinates.
    pub(super) surroundings: Pattern,
    /// What the sample lets through of it, against sin α_f.
    pub(super) horizon: Curve,
    /// The reflected and the direct beam: sin of the elevation, strength, width in rad.
    pub(super) spots: Vec<(f32, f32, f32)>,
}

/// Particles on the surface: cylinders, for which the distorted waves and the plane separate.
#[derive(Debug, Clone)]
pub(crate) struct Islands {
    weight: f32,
    /// Against the component of q in the plane.
    lateral: Curve,
    /// Against sin α_f.
    vertical: Curve,
}

impl Film {
    /// Every part in the order of [`each_at`](Self::each_at), and what it is to a label.
    pub(crate) fn parts(&self) -> Vec<(&'static str, Feature)> {
        let known = |part: &Part| (part.name, part.feature.clone());
        let mut parts: Vec<_> = self.layer.parts.iter().map(known).collect();
        if self.islands.is_some() {
            parts.push(("islands", Feature::of(Role::FormFactor)));
        }
        if self.streak.is_some() {
            parts.push(("specular streak", Feature::default()));
        }
        parts.extend(self.surroundings.parts.iter().map(known));
        parts.push(("direct and reflected beam", Feature::default()));
        parts
    }

    pub(crate) fn vary(&mut self, rng: &mut ChaCha8Rng) {
        self.layer.vary(rng, 0.2);
        self.surroundings.vary(rng, 0.15);
        if let Some(islands) = &mut self.islands {
            islands.weight *= normal(rng, 0.2).exp() as f32;
        }
    }

    /// The intensity of every part towards a pixel.
    pub(crate) fn each_at(&self, ray: Ray, stretch: f32, values: &mut [f32]) {
        let (sine_f, x, y) = ray.at_surface(self.sine_i, self.cosine_i);
        let qy = self.k * y;
        let parallel = self.k * (x * x + y * y).sqrt();
        let (layer, values) = values.split_at_mut(self.layer.parts.len());
        if !layer.is_empty() {
            let inside = |sine: f32| (sine * sine - self.critical).max(0.0).sqrt();
            let outside = inside(sine_f.abs()).copysign(sine_f);
            let qz = self.k * (outside + inside(self.sine_i)) * stretch;
            let lateral = parallel * stretch;
            let q = (lateral * lateral + qz * qz).sqrt();
            let towards = Direction::of(qz, lateral.copysign(qy));
            let yoneda = self.yoneda.at(sine_f);
            for (value, part) in layer.iter_mut().zip(&self.layer.parts) {
                *value = part.at(q, towards) * yoneda;
            }
        }
        let mut values = values.iter_mut();
        let mut next = |value: f32| {
            if let Some(place) = values.next() {
                *place = value;
            }
        };
        if let Some(islands) = &self.islands {
            next(
                islands.weight
                    * islands.lateral.at(parallel * stretch)
                    * islands.vertical.at(sine_f),
            );
        }
        if let Some((across, along)) = &self.streak {
            next(across.at(qy.abs()) * along.at(sine_f));
        }
        let horizon = self.horizon.at(sine_f);
        let around = Direction::of(ray.t2, ray.t1);
        for part in &self.surroundings.parts {
            next(part.at(self.k * ray.q_over_k(), around) * horizon);
        }
        let mut beams = 0.0;
        for &(elevation, strength, width) in &self.spots {
            let distance = ((ray.t1 - elevation).powi(2) + ray.t2 * ray.t2) / (width * width);
            if distance < 60.0 {
                beams += strength * (-0.5 * distance).exp();
            }
        }
        next(beams);
    }
}

/// What a film and its surroundings have in common in both grazing techniques.
pub(super) struct Bench {
    pub(super) surface: Surface,
    pub(super) reach: f64,
    blur: f64,
    leak: f64,
}

impl Bench {
    pub(super) fn draw(view: &View, rng: &mut ChaCha8Rng) -> Self {
        let wavelength_nm = TAU / view.k_inv_nm;
        let heavy = chance(rng, 0.25);
        let delta = if heavy {
            log_uniform(rng, 1e-5, 3e-5)
        } else {
            log_uniform(rng, 2.5e-6, 8e-6)
        };
        let substrate = Material {
            delta: delta * (wavelength_nm / 0.1).powi(2),
            beta: delta * log_uniform(rng, 1e-3, 0.1),
        };
        Self {
            surface: Surface {
                wavelength_nm,
                incident_angle_rad: view.incident_angle_rad,
                substrate,
            },
            reach: (view.q_max_inv_nm / view.k_inv_nm).min(1.4) + view.incident_angle_rad,
            blur: view.pixel_rad * view.beam_sigma_px.hypot(uniform(rng, 0.5, 2.0)),
            leak: log_uniform(rng, 5e-4, 0.04),
        }
    }

    /// A function of the exit angle above the horizon, and the leak below, blurred by the beam.
    pub(super) fn against_exit(&self, f: impl Fn(f64) -> f64) -> Curve {
        let edge = f(1e-4_f64.max(self.surface.substrate.critical_angle_rad()));
        let curve = Curve::sample(-self.reach, self.reach, 8192, |sine| {
            if sine > 0.0 {
                f(sine.min(1.0).asin())
            } else {
                edge * self.leak * (sine / 0.02).exp()
            }
        });
        curve.blurred(self.blur)
    }

    pub(super) fn finish(
        self,
        view: &View,
        rng: &mut ChaCha8Rng,
        layer: Pattern,
        islands: Option<Islands>,
        streak: Option<(Curve, Curve)>,
        surroundings: Pattern,
    ) -> Film {
        let yoneda = self.against_exit(|exit| self.surface.vineyard(exit));
        let yoneda_max = f64::from(yoneda.max()).max(1e-9);
        let blocked = log_uniform(rng, 0.01, 0.35);
        let horizon = Curve::sample(-self.reach, self.reach, 8192, |sine| {
            if sine > 0.0 { 1.0 } else { blocked }
        })
        .blurred(self.blur);
        let width = (view.beam_sigma_px * view.pixel_rad) as f32;
        let reflected = self
            .surface
            .substrate
            .reflection(view.incident_angle_rad)
            .norm_sqr();
        let mut spots = Vec::new();
        if chance(rng, 0.75) {
            let elevation = (2.0 * view.incident_angle_rad).sin() as f32;
            spots.push((
                elevation,
                (reflected * log_uniform(rng, 3.0, 3e3)) as f32,
                width,
            ));
        }
        spots.push((0.0, log_uniform(rng, 1.0, 3e3) as f32, width));
        Film {
            k: view.k_inv_nm as f32,
            sine_i: view.incident_angle_rad.sin() as f32,
            cosine_i: view.incident_angle_rad.cos() as f32,
            critical: self.surface.substrate.critical_angle_rad().sin().powi(2) as f32,
            yoneda: yoneda.scaled(1.0 / yoneda_max),
            layer,
            islands,
            streak,
            surroundings,
            horizon,
            spots,
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Islands,
    OrderedIslands,
    BlockCopolymer,
    Layers,
    Rough,
}

pub(super) fn draw(view: &View, rng: &mut ChaCha8Rng) -> Film {
    let bench = Bench::draw(view, rng);
    let kind = weighted(
        rng,
        &[
            (Kind::Islands, 0.35),
            (Kind::OrderedIslands, 0.15),
            (Kind::BlockCopolymer, 0.25),
            (Kind::Layers, 0.12),
            (Kind::Rough, 0.13),
        ],
    );
    let mut film = Pattern::default();
    let mut islands = None;
    if !view.blank {
        match kind {
            Kind::Islands => islands = Some(draw_islands(view, &bench, rng, false)),
            Kind::OrderedIslands => islands = Some(draw_islands(view, &bench, rng, true)),
            Kind::BlockCopolymer => block_copolymer(view, rng, &mut film),
            Kind::Layers => layers(view, rng, &mut film),
            Kind::Rough => {}
        }
    }
    // Roughness: a band along the horizon.
    let strong = view.blank || matches!(kind, Kind::Rough);
    let length = log_uniform(rng, 0.5, 20.0) / view.q_high_inv_nm;
    let band = view.radial(|q| diffuse::ornstein_zernike(q, length).powf(0.75));
    let weight = if strong {
        1.0
    } else {
        log_uniform(rng, 0.02, 0.6)
    };
    film.push(Part::rings("roughness", weight, band));
    let streak = draw_streak(view, &bench, rng);
    let mut surroundings = Pattern::default();
    saxs::surroundings(view, rng, &mut surroundings);
    for part in &mut surroundings.parts {
        part.weight *= 0.15;
    }
    bench.finish(view, rng, film, islands, Some(streak), surroundings)
}

/// The streak at q_y = 0, with the fringes of a film.
pub(super) fn draw_streak(view: &View, bench: &Bench, rng: &mut ChaCha8Rng) -> (Curve, Curve) {
    let width = view.q_pixel_inv_nm * log_uniform(rng, 1.5, 12.0);
    let across = Curve::sample(0.0, view.q_max_inv_nm, 4096, |q| {
        diffuse::ornstein_zernike(q, 1.0 / width).powf(1.2)
    });
    let decay = uniform(rng, 1.0, 3.5);
    let thickness = uniform(rng, 20.0, 200.0) / view.q_high_inv_nm;
    let contrast = if chance(rng, 0.35) {
        uniform(rng, 0.2, 0.9)
    } else {
        0.0
    };
    let k = view.k_inv_nm;
    let incident = view.incident_angle_rad.sin();
    let along = bench.against_exit(|exit| {
        let qz = k * (exit.sin() + incident);
        let fall = (2.0 * k * incident / qz).powf(decay).min(4.0);
        bench.surface.vineyard(exit) * fall * (1.0 + contrast * (qz * thickness).cos())
    });
    let largest = f64::from(along.max()).max(1e-9);
    let strength = log_uniform(rng, 0.3, 30.0);
    (across, along.scaled(strength / largest))
}

fn draw_islands(view: &View, bench: &Bench, rng: &mut ChaCha8Rng, ordered: bool) -> Islands {
    let q1 = log_uniform(rng, 0.06, 0.5) * view.q_high_inv_nm;
    let distance = TAU / q1;
    let radius = distance * uniform(rng, 0.15, 0.42);
    let radius_spread = uniform(rng, 0.06, 0.3);
    let height = radius * log_uniform(rng, 0.4, 3.0);
    let height_spread = uniform(rng, 0.05, 0.35);
    let disorder = distance
        * if ordered {
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
    let rods: Vec<f64> = lattice
        .reflections(8)
        .iter()
        .map(|r| r.ratio * q1)
        .collect();
    let background = uniform(rng, 0.02, 0.3);
    let lateral = view.radial(|q| {
        let form: f64 = (-3..=3)
            .map(|step| {
                let z = f64::from(step) * 0.7;
                let r = radius * (1.0 + z * radius_spread).max(0.1);
                (-0.5 * z * z).exp() * r.powi(4) * jinc(q * r).powi(2)
            })
            .sum();
        let structure = if ordered {
            let peaks: f64 = rods
                .iter()
                .map(|rod| gaussian(q - rod, width) / gaussian(0.0, width) / (rod / q1))
                .sum();
            background + 4.0 * peaks
        } else {
            paracrystal(q.max(0.15 * q1), distance, disorder, 1e9)
        };
        form * structure
    });
    let vertical = bench.against_exit(|exit| {
        (-2..=2)
            .map(|step| {
                let z = f64::from(step) * 0.9;
                let island = Island::Cylinder {
                    radius_nm: 1.0,
                    height_nm: height * (1.0 + z * height_spread).max(0.1),
                };
                (-0.5 * z * z).exp()
                    * bench
                        .surface
                        .dwba_amplitude(&island, 0.0, 0.0, exit)
                        .norm_sqr()
            })
            .sum()
    });
    let largest = f64::from(vertical.max()).max(1e-30);
    Islands {
        weight: 1.0,
        lateral,
        vertical: vertical.scaled(1.0 / largest),
    }
}

/// Standing or lying domains: rods, arcs or a ring.
fn block_copolymer(view: &View, rng: &mut ChaCha8Rng, film: &mut Pattern) {
    let q1 = log_uniform(rng, 0.08, 0.5) * view.q_high_inv_nm;
    let width = q1 * log_uniform(rng, 0.03, 0.25) + 1.5 * view.q_pixel_inv_nm;
    if chance(rng, 0.5) {
        let decay = q1 * uniform(rng, 0.6, 3.0);
        for (order, reflection) in Lattice::Hexagonal
            .reflections(whole(rng, 1, 4))
            .iter()
            .enumerate()
        {
            let along = Curve::sample(0.0, view.q_max_inv_nm, 1024, |q| (-q / decay).exp());
            film.push(Part::line(
                "standing domains",
                0.5_f64.powi(order as i32),
                (1.0, 0.0),
                along,
                (reflection.ratio * q1, 0.42 * width),
            ));
        }
    } else {
        let radial =
            view.radial(|q| gaussian(q - q1, width) + 0.15 * gaussian(q - 2.0 * q1, 1.3 * width));
        let texture = chance(rng, 0.6).then(|| {
            let eta = uniform(rng, 0.2, 0.9);
            let about = *[
                0.0,
                std::f64::consts::FRAC_PI_2,
                std::f64::consts::FRAC_PI_3,
            ]
            .get(whole(rng, 0, 2))
            .unwrap_or(&0.0);
            azimuthal(1025, |angle| {
                ring_kernel(angle, about, 2.0, eta) + ring_kernel(angle, -about, 2.0, eta)
            })
        });
        film.push(Part::rings("domain ring", 1.0, radial).textured(texture));
    }
}

/// Layers parallel to the surface: orders along the normal.
fn layers(view: &View, rng: &mut ChaCha8Rng, film: &mut Pattern) {
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
    film.push(Part::rings("parallel layers", 1.0, radial).textured(Some(texture)));
}
