//! A surface in a beam as a detector sees it: tables against the exit angle, looked up for every pixel.
//!
//! What a film scatters comes through four terms. Those with k_f + k_i and those with k_f − k_i show the
//! film's pattern at two heights; their weights, averaged over the depth, are the two channels here. The
//! cross terms between them are left out: a film is thicker than its structures.

use crate::curve::Curve;
use crate::direction::Direction;
use crate::draw::normal;
use crate::feature::{Feature, Role};
use crate::pattern::{Part, Pattern};
use crate::rays::Ray;
use crate::scene::gisaxs::map::Map;
use rand_chacha::ChaCha8Rng;

/// A surface in the beam and what is on it.
///
/// The surface normal is `t1` in the laboratory, tilted back by the incident angle and sideways by
/// `tilt`.
#[derive(Debug, Clone)]
pub(crate) struct Film {
    pub(super) k: f32,
    pub(super) sine_i: f32,
    pub(super) cosine_i: f32,
    /// Cosine and sine of the surface's rotation about the beam.
    pub(super) tilt: (f32, f32),
    /// sin² of the film's critical angle, for the refraction of q_z.
    pub(super) critical: f32,
    /// How much of the layer's pattern is seen at k_f + k_i and, in a film, at k_f − k_i, against sin α_f;
    /// the leak below the horizon included.
    pub(super) channels: (Curve, Option<Curve>),
    /// What the film scatters, against |q| and the angle from the normal.
    pub(in crate::scene) layer: Pattern,
    /// What lies flat: on the surface or across the whole film.
    pub(super) sheets: Vec<Sheet>,
    /// The streak above the beam: against |q_y| and against sin α_f.
    pub(super) streak: Option<(Curve, Curve)>,
    /// Scattering around the direct beam, in laboratory coordinates.
    pub(super) surroundings: Pattern,
    /// What the sample lets through of it, against sin α_f.
    pub(super) horizon: Curve,
    /// The reflected and the direct beam.
    pub(super) spots: Vec<Beam>,
}

/// A beam on the detector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beam {
    /// Sine of its elevation above the direct beam, along the surface normal.
    pub(super) elevation: f32,
    pub(super) strength: f32,
    /// Standard deviations along the normal and across, in rad.
    pub(super) width: (f32, f32),
}

/// Something in the plane of the surface: a sum of functions of q_par times functions of the exit angle.
#[derive(Debug, Clone)]
pub(in crate::scene) struct Sheet {
    pub(super) name: &'static str,
    pub(super) weight: f32,
    pub(super) feature: Feature,
    pub(super) terms: Vec<(Curve, Vertical)>,
}

/// What multiplies a function of q_par.
#[derive(Debug, Clone)]
pub(super) enum Vertical {
    /// A function of sin α_f.
    Exit(Curve),
    /// A function of q_par and sin α_f, and how much leaks through the horizon against sin α_f.
    Map(Map, Curve),
}

impl Sheet {
    fn at(&self, parallel: f32, sine_f: f32) -> f32 {
        let sum: f32 = self
            .terms
            .iter()
            .map(|(lateral, vertical)| {
                lateral.at(parallel)
                    * match vertical {
                        Vertical::Exit(curve) => curve.at(sine_f),
                        Vertical::Map(map, gate) => map.at(parallel, sine_f) * gate.at(sine_f),
                    }
            })
            .sum();
        self.weight * sum
    }
}

impl Film {
    /// Every part in the order of [`add_row`](Self::add_row), and what it is to a label.
    pub(crate) fn parts(&self) -> Vec<(&'static str, Feature)> {
        let known = |part: &Part| (part.name, part.feature.clone());
        let mut parts: Vec<_> = self.layer.parts.iter().map(known).collect();
        parts.extend(
            self.sheets
                .iter()
                .map(|sheet| (sheet.name, sheet.feature.clone())),
        );
        if self.streak.is_some() {
            parts.push(("specular streak", Feature::of(Role::Surroundings)));
        }
        parts.extend(self.surroundings.parts.iter().map(known));
        parts.push(("direct and reflected beam", Feature::of(Role::Surroundings)));
        parts
    }

    pub(crate) fn vary(&mut self, rng: &mut ChaCha8Rng) {
        self.layer.vary(rng, 0.2);
        self.surroundings.vary(rng, 0.15);
        for sheet in &mut self.sheets {
            sheet.weight *= normal(rng, 0.2).exp() as f32;
        }
    }

    /// Adds the intensity of every part along a row of pixels to the sums of the component that it
    /// belongs to; parts are counted as by [`parts`](Self::parts).
    pub(crate) fn add_row(
        &self,
        rays: &[Ray],
        stretch: f32,
        component_of: &[usize],
        sums: &mut [Vec<f32>],
    ) {
        let mut components = component_of.iter().copied();
        // More parts than components cannot be: both are counted by `parts`.
        let mut next = || components.next().unwrap_or(0);
        let level: Vec<Level> = rays.iter().map(|&ray| self.level(ray, stretch)).collect();

        let channels = if self.layer.parts.is_empty() {
            Vec::new()
        } else {
            self.channels_along(&level, stretch)
        };
        let mut seen = vec![0.0; rays.len()];
        for part in &self.layer.parts {
            let sum = &mut sums[next()];
            for channel in &channels {
                seen.fill(0.0);
                let places = &channel.places;
                part.add_row(&places.q, &places.cosine, &places.sine, &mut seen);
                for ((sum, seen), weight) in sum.iter_mut().zip(&seen).zip(&channel.weight) {
                    *sum += weight * seen;
                }
            }
        }
        for sheet in &self.sheets {
            for (sum, at) in sums[next()].iter_mut().zip(&level) {
                *sum += sheet.at(at.parallel, at.sine_f);
            }
        }
        if let Some((across, along)) = &self.streak {
            for (sum, at) in sums[next()].iter_mut().zip(&level) {
                *sum += across.at(at.qy.abs()) * along.at(at.sine_f);
            }
        }
        if !self.surroundings.parts.is_empty() {
            let around = Places::of(rays.iter().map(|ray| {
                let q = self.k * ray.q_over_k();
                (q, Direction::of(ray.t2, ray.t1))
            }));
            for part in &self.surroundings.parts {
                seen.fill(0.0);
                part.add_row(&around.q, &around.cosine, &around.sine, &mut seen);
                for ((sum, seen), at) in sums[next()].iter_mut().zip(&seen).zip(&level) {
                    *sum += seen * self.horizon.at(at.sine_f);
                }
            }
        }
        let sum = &mut sums[next()];
        for beam in &self.spots {
            for (sum, at) in sum.iter_mut().zip(&level) {
                let up = (at.t1 - beam.elevation) / beam.width.0;
                let aside = at.t2 / beam.width.1;
                let square = up * up + aside * aside;
                if square < 60.0 {
                    *sum += beam.strength * (-0.5 * square).exp();
                }
            }
        }
    }

    /// A ray as the tilted surface sees it.
    fn level(&self, ray: Ray, stretch: f32) -> Level {
        let (cosine, sine) = self.tilt;
        let (t1, t2) = (
            cosine * ray.t1 + sine * ray.t2,
            cosine * ray.t2 - sine * ray.t1,
        );
        let (sine_f, x, y) = Ray { t1, t2, ..ray }.at_surface(self.sine_i, self.cosine_i);
        Level {
            t1,
            t2,
            sine_f,
            qy: self.k * y,
            parallel: self.k * (x * x + y * y).sqrt() * stretch,
        }
    }

    /// Where the layer's pattern is seen along a row, and how much of it.
    fn channels_along(&self, level: &[Level], stretch: f32) -> Vec<Channel> {
        let inside = |sine: f32| (sine * sine - self.critical).max(0.0).sqrt();
        let ki = inside(self.sine_i);
        let channel = |sign: f32, weight: &Curve| Channel {
            places: Places::of(level.iter().map(|at| {
                // What goes down leaves through the end of the substrate, unrefracted.
                let kf = if at.sine_f > 0.0 {
                    inside(at.sine_f)
                } else {
                    at.sine_f
                };
                let qz = self.k * (kf + sign * ki) * stretch;
                let q = (at.parallel * at.parallel + qz * qz).sqrt();
                (q, Direction::of(qz, at.parallel.copysign(at.qy)))
            })),
            weight: level.iter().map(|at| weight.at(at.sine_f)).collect(),
        };
        let mut channels = vec![channel(1.0, &self.channels.0)];
        channels.extend(
            self.channels
                .1
                .as_ref()
                .map(|weight| channel(-1.0, weight))
                .filter(|channel| channel.weight.iter().any(|&weight| weight > 1e-4)),
        );
        channels
    }
}

/// A pixel as the surface sees it.
#[derive(Debug, Clone, Copy)]
struct Level {
    t1: f32,
    t2: f32,
    sine_f: f32,
    qy: f32,
    /// |q| in the plane of the surface, stretched.
    parallel: f32,
}

/// What shows the layer's pattern at one height.
#[derive(Debug)]
struct Channel {
    places: Places,
    weight: Vec<f32>,
}

/// A row of pixels in the coordinates of a pattern.
#[derive(Debug)]
struct Places {
    q: Vec<f32>,
    cosine: Vec<f32>,
    sine: Vec<f32>,
}

impl Places {
    fn of(places: impl Iterator<Item = (f32, Direction)>) -> Self {
        let (mut q, mut cosine, mut sine) = (Vec::new(), Vec::new(), Vec::new());
        for (length, towards) in places {
            q.push(length);
            cosine.push(towards.cosine);
            sine.push(towards.sine);
        }
        Self { q, cosine, sine }
    }
}
