//! A surface in a beam as a detector sees it: tables against the exit angle, looked up for every pixel.
//!
//! What a film scatters comes through four terms. Those with k_f + k_i and those with k_f − k_i show the
//! film's pattern at two heights; their weights, averaged over the depth, are the two channels here. The
//! cross terms between them are left out: a film is thicker than its structures.

use crate::curve::Curve;
use crate::draw::normal;
use crate::feature::{Feature, Role};
use crate::pattern::{Direction, Part, Pattern};
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
    /// Every part in the order of [`each_at`](Self::each_at), and what it is to a label.
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

    /// The intensity of every part towards a pixel.
    pub(crate) fn each_at(&self, ray: Ray, stretch: f32, values: &mut [f32]) {
        let mut places = values.iter_mut();
        self.each(ray, stretch, |value| {
            if let Some(place) = places.next() {
                *place = value;
            }
        });
    }

    /// The names of its parts.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.parts().into_iter().map(|(name, _)| name).collect()
    }

    /// The intensity towards a pixel.
    pub(crate) fn at(&self, ray: Ray, stretch: f32) -> f32 {
        let mut sum = 0.0;
        self.each(ray, stretch, |value| sum += value);
        sum
    }

    fn each(&self, ray: Ray, stretch: f32, mut next: impl FnMut(f32)) {
        let (cosine, sine) = self.tilt;
        let level = Ray {
            t1: cosine * ray.t1 + sine * ray.t2,
            t2: cosine * ray.t2 - sine * ray.t1,
            ..ray
        };
        let (sine_f, x, y) = level.at_surface(self.sine_i, self.cosine_i);
        let qy = self.k * y;
        let parallel = self.k * (x * x + y * y).sqrt();
        if !self.layer.parts.is_empty() {
            let lateral = parallel * stretch;
            let inside = |sine: f32| (sine * sine - self.critical).max(0.0).sqrt();
            let (kf, ki) = (inside(sine_f.abs()).copysign(sine_f), inside(self.sine_i));
            let seen = |over_k: f32| {
                let qz = self.k * over_k * stretch;
                let q = (lateral * lateral + qz * qz).sqrt();
                (q, Direction::of(qz, lateral.copysign(qy)))
            };
            let (direct, reflected) = &self.channels;
            let (q, towards) = seen(kf + ki);
            let weight = direct.at(sine_f);
            let other = reflected
                .as_ref()
                .map(|curve| (seen(kf - ki), curve.at(sine_f)))
                .filter(|(_, weight)| *weight > 1e-4);
            for part in &self.layer.parts {
                let mut value = weight * part.at(q, towards);
                if let Some(((q, towards), weight)) = other {
                    value += weight * part.at(q, towards);
                }
                next(value);
            }
        }
        for sheet in &self.sheets {
            next(sheet.at(parallel * stretch, sine_f));
        }
        if let Some((across, along)) = &self.streak {
            next(across.at(qy.abs()) * along.at(sine_f));
        }
        if !self.surroundings.parts.is_empty() {
            let horizon = self.horizon.at(sine_f);
            let (q, towards) = (self.k * ray.q_over_k(), Direction::of(ray.t2, ray.t1));
            for part in &self.surroundings.parts {
                next(part.at(q, towards) * horizon);
            }
        }
        let beams = self
            .spots
            .iter()
            .map(|beam| {
                let up = (level.t1 - beam.elevation) / beam.width.0;
                let aside = level.t2 / beam.width.1;
                let square = up * up + aside * aside;
                if square < 60.0 {
                    beam.strength * (-0.5 * square).exp()
                } else {
                    0.0
                }
            })
            .sum();
        next(beams);
    }
}
