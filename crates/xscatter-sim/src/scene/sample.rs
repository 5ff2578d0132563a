//! What scatters, evaluated for rows of pixels, and how it differs from frame to frame.

use rand_chacha::ChaCha8Rng;

use super::saxs::backdrop::{Backdrop, draw_backdrop};
use super::{Technique, View, gisaxs, giwaxs, saxs, waxs};
use crate::draw::{self, normal};
use crate::feature::{Azimuth, Feature, Role};
use crate::instrument::Instrument;
use crate::pattern::{Pattern, axis};
use crate::rays::Ray;
use crate::sequence::Moment;

/// What scatters: a sum of parts for the pixels of one instrument.
#[derive(Debug, Clone)]
pub(crate) enum Sample {
    /// What was drawn together, and what else is in the beam.
    Transmission(Vec<Pattern>),
    Surface(Box<gisaxs::Film>),
}

/// How one frame differs from the others of its experiment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SampleVariation {
    /// Thermal expansion, swelling: all q shrink by this factor.
    stretch: f32,
    /// Cosine and sine of the sample's rotation about the beam.
    turn: (f32, f32),
}

impl SampleVariation {
    /// What a feature becomes in this frame.
    pub(crate) fn apply(self, feature: &mut Feature) {
        if feature.role == Role::Surroundings {
            return;
        }
        let stretch = f64::from(self.stretch);
        for q in &mut feature.orders_inv_nm {
            *q /= stretch;
        }
        feature.fwhm_inv_nm /= stretch;
        if let Azimuth::Fold { chi0_rad, .. } = &mut feature.azimuth {
            *chi0_rad -= f64::from(self.turn.1.atan2(self.turn.0));
        }
    }

    /// What a quantity of the sample becomes in this frame, by the unit that its name ends with.
    fn value(self, name: &str, value: f64) -> f64 {
        let stretch = f64::from(self.stretch);
        // Heights are seen through the waves of the film, which do not stretch.
        if name.starts_with("film_") || name.ends_with("_height_nm") {
            value
        } else if name.ends_with("_inv_nm") {
            value / stretch
        } else if name.ends_with("_nm") {
            value * stretch
        } else if name == "orientation_rad" {
            value - f64::from(self.turn.1.atan2(self.turn.0))
        } else {
            value
        }
    }
}

impl Sample {
    /// A sample of one of the four techniques.
    pub(crate) fn draw(technique: Technique, view: &View, seed: u64) -> Self {
        let mut rng = draw::generator(seed);
        match technique {
            Technique::Saxs => Self::Transmission(vec![saxs::draw(view, &mut rng)]),
            Technique::Waxs => Self::Transmission(vec![waxs::draw(view, &mut rng)]),
            Technique::Gisaxs => Self::Surface(Box::new(gisaxs::draw(view, &mut rng))),
            Technique::Giwaxs => Self::Surface(Box::new(giwaxs::draw(view, &mut rng))),
        }
    }

    /// Every part in the order of [`add_row`](Self::add_row): the draw that it comes from, its name,
    /// and what it is to a label.
    pub(crate) fn parts(&self) -> Vec<(usize, &'static str, Feature)> {
        match self {
            Self::Transmission(patterns) => patterns
                .iter()
                .enumerate()
                .flat_map(|(draw, pattern)| {
                    pattern
                        .parts
                        .iter()
                        .map(move |part| (draw, part.name, part.feature.clone()))
                })
                .collect(),
            Self::Surface(film) => film
                .parts()
                .into_iter()
                .map(|(name, feature)| (0, name, feature))
                .collect(),
        }
    }

    /// Quantities that are true of the sample in a frame; the first of each name.
    pub(crate) fn values_of(&self, variation: SampleVariation) -> Vec<(&'static str, f64)> {
        let drawn: Vec<(&'static str, f64)> = match self {
            Self::Transmission(patterns) => patterns
                .iter()
                .flat_map(|pattern| pattern.values.iter().copied())
                .collect(),
            Self::Surface(film) => film.layer.values.clone(),
        };
        let mut values: Vec<(&'static str, f64)> = Vec::new();
        for (name, value) in drawn {
            if values.iter().all(|(known, _)| *known != name) {
                values.push((name, variation.value(name, value)));
            }
        }
        values
    }

    /// Adds streaks of slits through the beam, which are no part of the sample.
    pub(crate) fn add_streaks(&mut self, view: &View, rng: &mut ChaCha8Rng) {
        if let Self::Transmission(patterns) = self {
            let mut pattern = Pattern::default();
            for kind in [Backdrop::HorizontalStreak, Backdrop::VerticalStreak] {
                pattern.push(draw_backdrop(kind, view, rng));
            }
            patterns.push(pattern);
        }
    }

    /// Another frame of the same sample: `shares` varies the brightness of its parts, `movement` its
    /// temperature and orientation.
    pub(crate) fn varied(
        &self,
        shares: &mut ChaCha8Rng,
        movement: &mut ChaCha8Rng,
    ) -> (Self, SampleVariation) {
        let mut sample = self.clone();
        match &mut sample {
            Self::Transmission(patterns) => {
                for pattern in patterns {
                    pattern.vary(shares, 0.15);
                }
            }
            Self::Surface(film) => film.vary(shares),
        }
        let variation = SampleVariation {
            stretch: (1.0 + normal(movement, 0.01)) as f32,
            turn: axis(match self {
                Self::Transmission(_) => normal(movement, 0.08),
                Self::Surface(_) => 0.0,
            }),
        };
        (sample, variation)
    }

    /// A frame of a series: the phase at the beginning, the phase at the end, and what stays.
    pub(crate) fn at_moment(&self, moment: &Moment) -> (Self, SampleVariation) {
        let mut sample = self.clone();
        if let Self::Transmission(patterns) = &mut sample {
            for (pattern, share) in patterns.iter_mut().zip(moment.shares) {
                for part in &mut pattern.parts {
                    part.weight *= share as f32;
                }
            }
        }
        let variation = SampleVariation {
            stretch: moment.spacing as f32,
            turn: (1.0, 0.0),
        };
        (sample, variation)
    }

    /// The sample as it is drawn.
    pub(crate) fn unvaried() -> SampleVariation {
        SampleVariation {
            stretch: 1.0,
            turn: (1.0, 0.0),
        }
    }

    /// Adds the intensity of every part along a row of pixels, in arbitrary units, to the sums of the
    /// component that it belongs to.
    pub(crate) fn add_row(
        &self,
        row: &Row,
        variation: SampleVariation,
        component_of: &[usize],
        sums: &mut [Vec<f32>],
    ) {
        match self {
            Self::Transmission(patterns) => {
                let turned = row.turned(variation);
                let parts = patterns.iter().flat_map(|pattern| &pattern.parts);
                for (part, &component) in parts.zip(component_of) {
                    // What is not of the sample does not move with it.
                    let plane = if part.feature.role == Role::Surroundings {
                        &row.plane
                    } else {
                        &turned
                    };
                    part.add_row(&plane.q, &plane.cosine, &plane.sine, &mut sums[component]);
                }
            }
            Self::Surface(film) => film.add_row(&row.rays, variation.stretch, component_of, sums),
        }
    }
}

/// The rays to a row of pixels.
#[derive(Debug)]
pub(crate) struct Row {
    rays: Vec<Ray>,
    plane: RowPlane,
    /// What a detector sees of an intensity: solid angle and polarisation.
    pub(crate) seen: Vec<f32>,
}

/// Where a row lies in the plane of q: its length and its direction, 0 along `t2`.
#[derive(Debug)]
struct RowPlane {
    q: Vec<f32>,
    cosine: Vec<f32>,
    sine: Vec<f32>,
}

impl Row {
    pub(crate) fn of(instrument: &Instrument, row: usize) -> Self {
        let columns = instrument.readout.shape.1;
        let k = instrument.k_inv_nm as f32;
        let rays: Vec<Ray> = (0..columns)
            .map(|column| instrument.rays.to(row, column))
            .collect();
        let mut plane = RowPlane {
            q: Vec::with_capacity(columns),
            cosine: Vec::with_capacity(columns),
            sine: Vec::with_capacity(columns),
        };
        for ray in &rays {
            let length = (ray.t1 * ray.t1 + ray.t2 * ray.t2).sqrt();
            let per_length = if length > 0.0 { 1.0 / length } else { 0.0 };
            plane.q.push(k * ray.q_over_k());
            plane.sine.push(ray.t1 * per_length);
            plane.cosine.push(if length > 0.0 {
                ray.t2 * per_length
            } else {
                1.0
            });
        }
        let seen = rays.iter().map(|ray| ray.seen()).collect();
        Self { rays, plane, seen }
    }

    /// Where the pixels are.
    pub(crate) fn q_inv_nm(&self) -> &[f32] {
        &self.plane.q
    }

    fn turned(&self, variation: SampleVariation) -> RowPlane {
        let (cosine, sine) = variation.turn;
        let axes = || self.plane.cosine.iter().zip(&self.plane.sine);
        RowPlane {
            q: self.plane.q.iter().map(|q| q * variation.stretch).collect(),
            cosine: axes().map(|(x, y)| x * cosine - y * sine).collect(),
            sine: axes().map(|(x, y)| x * sine + y * cosine).collect(),
        }
    }
}

impl Ray {
    /// What a detector sees of an intensity in this direction: solid angle and polarisation.
    pub(crate) fn seen(self) -> f32 {
        self.solid_angle * polarisation(self)
    }
}

/// The polarisation factor of a beam that is polarised to 98 % along `t2`.
fn polarisation(ray: Ray) -> f32 {
    const DEGREE: f32 = 0.98;
    // |electric field across the ray|²: 1 − t2² for the horizontal part, 1 − t1² for the vertical.
    1.0 - 0.5 * ((1.0 + DEGREE) * ray.t2 * ray.t2 + (1.0 - DEGREE) * ray.t1 * ray.t1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polarisation_is_that_of_a_horizontal_beam() {
        let ray = |t1: f32, t2: f32| Ray {
            t1,
            t2,
            shortfall: 1.0 - (1.0 - t1 * t1 - t2 * t2).sqrt(),
            solid_angle: 1.0,
        };
        // [1 + cos² 2θ − p cos 2χ (1 − cos² 2θ)]/2
        assert!((polarisation(ray(0.0, 0.6)) - (1.0 + 0.64 - 0.98 * 0.36) / 2.0).abs() < 1e-6);
        assert!((polarisation(ray(0.6, 0.0)) - (1.0 + 0.64 + 0.98 * 0.36) / 2.0).abs() < 1e-6);
    }
}
