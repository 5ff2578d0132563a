//! An intensity as a sum of parts in polar coordinates: rings, arcs, ovals and streaks.
//!
//! In transmission the coordinates are q and the azimuth about the beam; for a film they are |q| and
//! the angle between q and the surface normal. Each part is tabulated once and looked up for every
//! pixel, some 5 to 10 ns a part.

use std::f64::consts::PI;

use rand_chacha::ChaCha8Rng;

use crate::curve::Curve;
use crate::draw;
use crate::feature::Feature;

/// One part of a pattern.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// What it is, for the frame's truth.
    pub(crate) name: &'static str,
    /// Its strength.
    pub(crate) weight: f32,
    pub(crate) form: Form,
    /// What it is to a label.
    pub(crate) feature: Feature,
}

#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// A function of |q|, times one of the azimuth, on circles or ellipses.
    Rings {
        radial: Curve,
        /// Mean 1 over −π to π; `None` where isotropic.
        azimuthal: Option<Curve>,
        /// Ratio of the axes, and the direction of the first one.
        oval: Option<(f32, (f32, f32))>,
    },
    /// Lines in one direction: streaks through the beam, layer lines, rods.
    Line {
        /// The direction along which the line runs, by its cosine and sine.
        axis: (f32, f32),
        /// The intensity against the absolute value of q along the line.
        along: Curve,
        /// The distance of the line from the origin, on both sides.
        offset_inv_nm: f32,
        /// Standard deviation across the line.
        sigma_inv_nm: f32,
    },
}

/// A sum of parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pattern {
    pub(crate) parts: Vec<Part>,
    /// Quantities that are true of the sample, by name and unit.
    pub(crate) values: Vec<(&'static str, f64)>,
}

impl Part {
    pub(crate) fn rings(name: &'static str, weight: f64, radial: Curve) -> Self {
        Self {
            name,
            weight: weight as f32,
            form: Form::Rings {
                radial,
                azimuthal: None,
                oval: None,
            },
            feature: Feature::default(),
        }
    }

    /// A line along `axis` at `offset_inv_nm` on both sides of the origin.
    pub(crate) fn line(
        name: &'static str,
        weight: f64,
        axis: (f32, f32),
        along: Curve,
        (offset_inv_nm, sigma_inv_nm): (f64, f64),
    ) -> Self {
        Self {
            name,
            weight: weight as f32,
            form: Form::Line {
                axis,
                along,
                offset_inv_nm: offset_inv_nm as f32,
                sigma_inv_nm: sigma_inv_nm as f32,
            },
            feature: Feature::default(),
        }
    }

    pub(crate) fn known_as(mut self, feature: Feature) -> Self {
        self.feature = feature;
        self
    }

    pub(crate) fn textured(mut self, curve: Option<Curve>) -> Self {
        if let Form::Rings { azimuthal, .. } = &mut self.form {
            *azimuthal = curve;
        }
        self
    }

    pub(crate) fn stretched(mut self, ratio: f64, angle_rad: f64) -> Self {
        if let Form::Rings { oval, .. } = &mut self.form {
            *oval = Some((ratio as f32, axis(angle_rad)));
        }
        self
    }

    pub(crate) fn at(&self, q: f32, towards: Direction) -> f32 {
        self.weight
            * match &self.form {
                Form::Rings {
                    radial,
                    azimuthal,
                    oval,
                } => {
                    let q = match *oval {
                        Some((ratio, axis)) => {
                            let (along, across) = towards.turned(axis);
                            q * (across * across + ratio * ratio * along * along).sqrt()
                        }
                        None => q,
                    };
                    let value = radial.at(q);
                    match azimuthal {
                        // Between the rings there is nothing to modulate.
                        Some(azimuthal) if value > 1e-9 => {
                            value * azimuthal.at(towards.angle_rad())
                        }
                        _ => value,
                    }
                }
                Form::Line {
                    axis,
                    along,
                    offset_inv_nm,
                    sigma_inv_nm,
                } => {
                    let (parallel, across) = towards.turned(*axis);
                    let distance = ((q * across).abs() - offset_inv_nm) / sigma_inv_nm;
                    if distance.abs() > 5.0 {
                        0.0
                    } else {
                        along.at((q * parallel).abs()) * (-0.5 * distance * distance).exp()
                    }
                }
            }
    }
}

/// A direction as a unit vector; its angle is in −π to π.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Direction {
    cosine: f32,
    sine: f32,
}

impl Direction {
    pub(crate) fn new(cosine: f32, sine: f32) -> Self {
        Self { cosine, sine }
    }

    /// Computed on demand: most pixels lie between the rings and need none.
    fn angle_rad(self) -> f32 {
        self.sine.atan2(self.cosine)
    }

    /// Of a vector that need not have unit length; along the axis if it has none.
    pub(crate) fn of(x: f32, y: f32) -> Self {
        let length = (x * x + y * y).sqrt();
        if length > 0.0 {
            Self::new(x / length, y / length)
        } else {
            Self::new(1.0, 0.0)
        }
    }

    /// Components along and across an axis given by its own cosine and sine.
    fn turned(self, axis: (f32, f32)) -> (f32, f32) {
        (
            self.cosine * axis.0 + self.sine * axis.1,
            self.sine * axis.0 - self.cosine * axis.1,
        )
    }
}

impl Pattern {
    pub(crate) fn push(&mut self, part: Part) {
        self.parts.push(part);
    }

    /// Notes a quantity that is true of the sample; its name ends with its unit.
    pub(crate) fn value(&mut self, name: &'static str, value: f64) {
        self.values.push((name, value));
    }

    /// The intensity at q in a direction.
    pub(crate) fn at(&self, q: f32, towards: Direction) -> f32 {
        self.parts.iter().map(|part| part.at(q, towards)).sum()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.parts.iter().map(|part| part.name)
    }

    /// What differs between two frames of one sample: the share of each part.
    pub(crate) fn vary(&mut self, rng: &mut ChaCha8Rng, relative: f64) {
        for part in &mut self.parts {
            part.weight *= draw::normal(rng, relative).exp() as f32;
        }
    }
}

/// The cosine and the sine of an angle.
pub(crate) fn axis(angle_rad: f64) -> (f32, f32) {
    (angle_rad.cos() as f32, angle_rad.sin() as f32)
}

/// A table over the azimuth from −π to π, scaled to a mean of 1.
pub(crate) fn azimuthal(count: usize, f: impl FnMut(f64) -> f64) -> Curve {
    let curve = Curve::sample(-PI, PI, count, f);
    let mean = curve.mean();
    if mean > 0.0 {
        curve.scaled(1.0 / mean)
    } else {
        curve
    }
}

/// The ring of a finite number of grains: spots of width `mosaic_rad` with exponential intensities.
pub(crate) fn grains(rng: &mut ChaCha8Rng, count: usize, mosaic_rad: f64) -> Curve {
    const BINS: usize = 2049;
    let step = 2.0 * PI / (BINS - 1) as f64;
    let mut sums = vec![0.0; BINS];
    let reach = (4.0 * mosaic_rad / step).ceil() as isize;
    for _ in 0..count {
        let centre = draw::uniform(rng, 0.0, (BINS - 1) as f64);
        let intensity = -draw::uniform(rng, 1e-9, 1.0).ln();
        for offset in -reach..=reach {
            let bin = centre.round() as isize + offset;
            let distance = (bin as f64 - centre) * step / mosaic_rad;
            sums[bin.rem_euclid(BINS as isize - 1) as usize] +=
                intensity * (-0.5 * distance * distance).exp();
        }
    }
    sums[BINS - 1] = sums[0];
    let mut next = sums.into_iter();
    azimuthal(BINS, |_| next.next().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::generator;

    #[test]
    fn grains_are_spots_when_few_and_a_ring_when_many() {
        let mut rng = generator(3);
        let few = grains(&mut rng, 4, 0.02);
        let many = grains(&mut rng, 4000, 0.1);
        assert!((few.mean() - 1.0).abs() < 1e-3 && few.max() > 10.0);
        assert!((many.mean() - 1.0).abs() < 1e-3 && many.max() < 1.5);
    }

    #[test]
    fn a_line_runs_through_both_sides_at_its_offset() {
        let along = Curve::sample(0.0, 1.0, 2, |_| 2.0);
        let line = Part::line("layer line", 1.0, (1.0, 0.0), along, (0.5, 0.01));
        assert!((line.at(0.5, Direction::of(0.0, 1.0)) - 2.0).abs() < 1e-5);
        assert!((line.at(0.5, Direction::of(0.0, -1.0)) - 2.0).abs() < 1e-5);
        assert!(line.at(0.5, Direction::of(1.0, 0.0)) < 1e-6);
    }

    #[test]
    fn an_oval_is_longer_where_q_is_shortened() {
        let part =
            Part::rings("oval", 1.0, Curve::sample(0.0, 2.0, 2001, |q| q)).stretched(0.5, 0.0);
        assert!((part.at(1.0, Direction::of(1.0, 0.0)) - 0.5).abs() < 1e-3);
        assert!((part.at(1.0, Direction::of(0.0, 1.0)) - 1.0).abs() < 1e-3);
    }
}
