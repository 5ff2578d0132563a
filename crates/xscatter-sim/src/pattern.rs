//! An intensity as a sum of parts over the plane of q: rings, arcs, ovals, streaks, spots, tables.
//!
//! In transmission the coordinates are q and the azimuth about the beam; for a film they are |q| and
//! the angle between q and the surface normal. Each part is tabulated once and looked up for every
//! pixel of a row, some 2 ns an isotropic part and 5 to 10 ns a textured one. A part is 0 or more
//! everywhere, and finite at q = 0.

use std::f64::consts::PI;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use crate::around::{Around, Kernel};
pub(crate) use crate::around::{azimuthal, grains};
use crate::curve::Curve;
pub(crate) use crate::direction::{Direction, axis};
use crate::draw;
use crate::feature::{Azimuth, Feature};
use crate::plane::Plane;
use crate::spot::Bounds;
pub(crate) use crate::spot::Spot;

/// So many pixels of a row are looked at together.
const STRETCH: usize = 32;

/// Below this there is no ring.
const DARK: f32 = 1e-9;

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
    /// Halfway between neighbouring orders of the feature.
    between: Vec<f32>,
    /// A field of mean 1 that multiplies it: the speckle of a coherent beam.
    speckle: Option<Arc<Plane>>,
}

#[derive(Debug, Clone)]
pub(crate) enum Form {
    /// A function of |q|, times one of the azimuth, on circles or ellipses.
    Rings {
        radial: Curve,
        around: Around,
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
    /// Reflections of single grains.
    Spots(Vec<Spot>),
    /// A table over the plane of q.
    Table(Arc<Plane>),
    /// The image of a window or of a hole, with soft edges.
    Window {
        /// Its middle, as (q_x, q_y).
        middle: (f32, f32),
        /// Radius, or half the side.
        half_inv_nm: f32,
        /// Over which distance its edge fades.
        edge_inv_nm: f32,
        square: bool,
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
    fn new(name: &'static str, weight: f64, form: Form) -> Self {
        Self {
            name,
            weight: weight as f32,
            form,
            feature: Feature::default(),
            between: Vec::new(),
            speckle: None,
        }
    }

    pub(crate) fn rings(name: &'static str, weight: f64, radial: Curve) -> Self {
        let form = Form::Rings {
            radial,
            around: Around::Isotropic,
            oval: None,
        };
        Self::new(name, weight, form)
    }

    /// A line along `axis` at `offset_inv_nm` on both sides of the origin.
    pub(crate) fn line(
        name: &'static str,
        weight: f64,
        axis: (f32, f32),
        along: Curve,
        (offset_inv_nm, sigma_inv_nm): (f64, f64),
    ) -> Self {
        let form = Form::Line {
            axis,
            along,
            offset_inv_nm: offset_inv_nm as f32,
            sigma_inv_nm: sigma_inv_nm as f32,
        };
        Self::new(name, weight, form)
    }

    pub(crate) fn spots(name: &'static str, weight: f64, spots: Vec<Spot>) -> Self {
        Self::new(name, weight, Form::Spots(spots))
    }

    pub(crate) fn table(name: &'static str, weight: f64, plane: Plane) -> Self {
        Self::new(name, weight, Form::Table(Arc::new(plane)))
    }

    /// The image of a round or square window about `middle`.
    pub(crate) fn window(
        name: &'static str,
        weight: f64,
        middle: (f64, f64),
        (half_inv_nm, edge_inv_nm): (f64, f64),
        square: bool,
    ) -> Self {
        let form = Form::Window {
            middle: (middle.0 as f32, middle.1 as f32),
            half_inv_nm: half_inv_nm as f32,
            edge_inv_nm: edge_inv_nm as f32,
            square,
        };
        Self::new(name, weight, form)
    }

    pub(crate) fn known_as(mut self, feature: Feature) -> Self {
        self.between = feature
            .orders_inv_nm
            .windows(2)
            .map(|pair| (0.5 * (pair[0] + pair[1])) as f32)
            .collect();
        self.feature = feature;
        self
    }

    /// Every ring with this azimuth.
    pub(crate) fn textured(self, curve: Option<Curve>) -> Self {
        self.with(curve.map_or(Around::Isotropic, |curve| Around::Tables(vec![curve])))
    }

    /// Each order of its feature with an azimuth of its own, in the order of q; orders beyond the last
    /// curve take the last.
    pub(crate) fn textured_by_order(self, curves: Vec<Curve>) -> Self {
        self.with(Around::Tables(curves))
    }

    /// Every ring with n bright directions: the kernel of [`texture`](crate::texture).
    pub(crate) fn folded(self, n: u32, eta: f64, chi0_rad: f64) -> Self {
        self.with(Around::Kernel(Kernel::new(n, eta, chi0_rad)))
    }

    fn with(mut self, factor: Around) -> Self {
        if let Form::Rings { around, .. } = &mut self.form {
            *around = factor;
        }
        self
    }

    pub(crate) fn stretched(mut self, ratio: f64, angle_rad: f64) -> Self {
        if let Form::Rings { oval, .. } = &mut self.form {
            *oval = Some((ratio as f32, axis(angle_rad)));
        }
        self
    }

    /// Multiplied by a field of mean 1.
    pub(crate) fn speckled(mut self, field: Arc<Plane>) -> Self {
        self.speckle = Some(field);
        self
    }

    /// Adds what it scatters at every q of a row, in the direction given by cosine and sine.
    ///
    /// All slices have one length.
    pub(crate) fn add_row(&self, q: &[f32], cosine: &[f32], sine: &[f32], out: &mut [f32]) {
        match &self.form {
            Form::Rings {
                radial,
                around,
                oval,
            } => match around {
                Around::Isotropic if oval.is_none() => {
                    self.add_each(q, cosine, sine, out, |q, _| radial.at(q));
                }
                Around::Isotropic => self.add_each(q, cosine, sine, out, |q, towards| {
                    radial.at(stretched_q(*oval, q, towards))
                }),
                Around::Kernel(kernel) => self.add_each(q, cosine, sine, out, |q, towards| {
                    radial.at(stretched_q(*oval, q, towards)) * kernel.at(towards)
                }),
                Around::Tables(curves) => {
                    let mut angles = [0.0; STRETCH];
                    for (q, cosine, sine, out) in stretches(q, cosine, sine, out) {
                        for ((angle, &c), &s) in angles.iter_mut().zip(cosine).zip(sine) {
                            *angle = Direction::new(c, s).angle_rad();
                        }
                        let mut angles = angles.iter();
                        self.add_each(q, cosine, sine, out, |q, towards| {
                            let angle = angles.next().copied().unwrap_or_default();
                            let q = stretched_q(*oval, q, towards);
                            let value = radial.at(q);
                            let order = match curves.len() {
                                1 => 0,
                                // Between the rings no order need be found.
                                _ if value <= DARK => return value,
                                count => nearest(&self.between, q).min(count - 1),
                            };
                            value * curves[order].at(angle)
                        });
                    }
                }
            },
            Form::Line {
                axis,
                along,
                offset_inv_nm,
                sigma_inv_nm,
            } => {
                let per_sigma = 1.0 / sigma_inv_nm;
                self.add_each(q, cosine, sine, out, |q, towards| {
                    let (parallel, across) = towards.turned(*axis);
                    let distance = ((q * across).abs() - offset_inv_nm) * per_sigma;
                    if distance.abs() > 5.0 {
                        0.0
                    } else {
                        along.at((q * parallel).abs()) * (-0.5 * distance * distance).exp()
                    }
                });
            }
            Form::Spots(spots) => self.add_spots(spots, q, cosine, sine, out),
            Form::Table(plane) => self.add_each(q, cosine, sine, out, |q, towards| {
                plane.at(q * towards.cosine, q * towards.sine)
            }),
            Form::Window {
                middle,
                half_inv_nm,
                edge_inv_nm,
                square,
            } => self.add_each(q, cosine, sine, out, |q, towards| {
                let (x, y) = (q * towards.cosine - middle.0, q * towards.sine - middle.1);
                let distance = if *square {
                    x.abs().max(y.abs())
                } else {
                    (x * x + y * y).sqrt()
                };
                let inside = (0.5 + (half_inv_nm - distance) / edge_inv_nm).clamp(0.0, 1.0);
                inside * inside * (3.0 - 2.0 * inside)
            }),
        }
    }

    #[inline]
    fn add_each(
        &self,
        q: &[f32],
        cosine: &[f32],
        sine: &[f32],
        out: &mut [f32],
        mut at: impl FnMut(f32, Direction) -> f32,
    ) {
        let towards = cosine.iter().zip(sine).map(|(&c, &s)| Direction::new(c, s));
        let row = out.iter_mut().zip(q.iter().zip(towards));
        match &self.speckle {
            None => {
                for (sum, (&q, towards)) in row {
                    *sum += self.weight * at(q, towards);
                }
            }
            Some(field) => {
                for (sum, (&q, towards)) in row {
                    let field = field.at(q * towards.cosine, q * towards.sine);
                    *sum += self.weight * field * at(q, towards);
                }
            }
        }
    }

    /// Only the spots that a stretch of the row may meet are evaluated.
    fn add_spots(&self, spots: &[Spot], q: &[f32], cosine: &[f32], sine: &[f32], out: &mut [f32]) {
        let row = Bounds::of(q, cosine, sine);
        let in_row: Vec<Spot> = spots
            .iter()
            .copied()
            .filter(|spot| spot.may_meet(&row))
            .collect();
        if in_row.is_empty() {
            return;
        }
        let mut near = Vec::with_capacity(in_row.len());
        for (q, cosine, sine, out) in stretches(q, cosine, sine, out) {
            let stretch = Bounds::of(q, cosine, sine);
            near.clear();
            near.extend(
                in_row
                    .iter()
                    .copied()
                    .filter(|spot: &Spot| spot.may_meet(&stretch)),
            );
            if near.is_empty() {
                continue;
            }
            self.add_each(q, cosine, sine, out, |q, towards| {
                let (x, y) = (q * towards.cosine, q * towards.sine);
                near.iter().map(|spot| spot.at(x, y)).sum()
            });
        }
    }

    pub(crate) fn at(&self, q: f32, towards: Direction) -> f32 {
        let mut value = [0.0];
        self.add_row(&[q], &[towards.cosine], &[towards.sine], &mut value);
        value[0]
    }

    /// The two-fold part of its azimuth at q: the order parameter ⟨cos 2(χ − χ₀)⟩ and its direction.
    pub(crate) fn two_fold_at(&self, q_inv_nm: f64) -> Azimuth {
        const SAMPLES: u32 = 360;
        let (mut mean, mut even, mut odd) = (0.0, 0.0, 0.0);
        for step in 0..SAMPLES {
            let chi = 2.0 * PI * f64::from(step) / f64::from(SAMPLES);
            let (cosine, sine) = axis(chi);
            let value = f64::from(self.at(q_inv_nm as f32, Direction::new(cosine, sine)));
            mean += value;
            even += value * (2.0 * chi).cos();
            odd += value * (2.0 * chi).sin();
        }
        if mean <= 0.0 {
            return Azimuth::Isotropic;
        }
        Azimuth::Fold {
            n: 2,
            eta: even.hypot(odd) / mean,
            chi0_rad: 0.5 * odd.atan2(even),
        }
    }
}

/// A row in pieces of at most [`STRETCH`] pixels.
fn stretches<'a>(
    q: &'a [f32],
    cosine: &'a [f32],
    sine: &'a [f32],
    out: &'a mut [f32],
) -> impl Iterator<Item = (&'a [f32], &'a [f32], &'a [f32], &'a mut [f32])> {
    q.chunks(STRETCH)
        .zip(cosine.chunks(STRETCH).zip(sine.chunks(STRETCH)))
        .zip(out.chunks_mut(STRETCH))
        .map(|((q, (cosine, sine)), out)| (q, cosine, sine, out))
}

/// How many boundaries lie below q.
fn nearest(between: &[f32], q: f32) -> usize {
    between.iter().filter(|&&boundary| boundary <= q).count()
}

/// q on the ellipse that an oval makes of its circle.
#[inline]
fn stretched_q(oval: Option<(f32, (f32, f32))>, q: f32, towards: Direction) -> f32 {
    match oval {
        Some((ratio, axis)) => {
            let (along, across) = towards.turned(axis);
            q * (across * across + ratio * ratio * along * along).sqrt()
        }
        None => q,
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

    /// Adds the parts and the values of another pattern.
    pub(crate) fn extend(&mut self, other: Self) {
        self.parts.extend(other.parts);
        self.values.extend(other.values);
    }

    /// Adds what all parts scatter at every q of a row, in the direction given by cosine and sine.
    #[cfg(test)]
    pub(crate) fn add_row(&self, q: &[f32], cosine: &[f32], sine: &[f32], out: &mut [f32]) {
        for part in &self.parts {
            part.add_row(q, cosine, sine, out);
        }
    }

    /// The intensity at q in a direction.
    #[cfg(test)]
    pub(crate) fn at(&self, q: f32, towards: Direction) -> f32 {
        let mut value = [0.0];
        self.add_row(&[q], &[towards.cosine], &[towards.sine], &mut value);
        value[0]
    }

    /// What differs between two frames of one sample: the share of each part.
    pub(crate) fn vary(&mut self, rng: &mut ChaCha8Rng, relative: f64) {
        for part in &mut self.parts {
            part.weight *= draw::normal(rng, relative).exp() as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn every_order_may_have_its_own_azimuth() {
        let feature = Feature::peaks(vec![1.0, 2.0, 4.0], 0.1, Azimuth::Isotropic);
        let about = |chi0: f64| azimuthal(721, |chi| 1.0 + (chi - chi0).cos());
        let part = Part::rings("rings", 1.0, Curve::sample(0.0, 5.0, 2, |_| 1.0))
            .known_as(feature)
            .textured_by_order(vec![about(0.0), about(PI / 2.0), about(PI)]);
        let right = Direction::new(1.0, 0.0);
        for (q, order, value) in [(1.4, 0, 2.0), (1.6, 1, 1.0), (2.9, 1, 1.0), (3.1, 2, 0.0)] {
            assert_eq!(nearest(&part.between, q), order);
            assert!((part.at(q, right) - value).abs() < 1e-4, "{q}");
        }
    }

    #[test]
    fn an_oval_line_has_the_azimuth_of_its_short_side() {
        let part = Part::rings("oval", 1.0, Curve::sample(0.0, 4.0, 4001, |q| (-q).exp()))
            .stretched(2.0, 0.3);
        let Azimuth::Fold { n, eta, chi0_rad } = part.two_fold_at(1.0) else {
            panic!("not isotropic")
        };
        assert!(n == 2 && eta > 0.1);
        assert!(
            ((chi0_rad - 0.3).abs() - PI / 2.0).abs() < 1e-3,
            "{chi0_rad}"
        );
    }

    #[test]
    fn a_row_is_the_sum_of_its_parts_pixel_by_pixel() {
        let field = Plane::repeating(2, 0.1, vec![0.5, 1.5, 1.5, 0.5]);
        let mut pattern = Pattern::default();
        let decay = Curve::sample(0.0, 2.0, 501, |q| (-q).exp());
        pattern.push(Part::rings("a", 1.0, decay.clone()).speckled(Arc::new(field)));
        pattern.push(Part::rings("b", 2.0, decay).textured(Some(azimuthal(361, f64::cos))));
        pattern.push(Part::window("c", 1.0, (0.1, 0.0), (0.4, 0.1), true));
        let spots = (0..40).map(|i| Spot::new((0.5, f64::from(i)), (0.02, 0.03), 1.0));
        pattern.push(Part::spots("d", 1.0, spots.collect()));
        let (mut q, mut cosine, mut sine) = (Vec::new(), Vec::new(), Vec::new());
        for step in -100..=100_i16 {
            let (x, y) = (f32::from(step) * 0.01, 0.3);
            let towards = Direction::of(x, y);
            q.push(x.hypot(y));
            cosine.push(towards.cosine);
            sine.push(towards.sine);
        }
        let mut row = vec![1.0; q.len()];
        pattern.add_row(&q, &cosine, &sine, &mut row);
        for (i, value) in row.iter().enumerate() {
            let alone = 1.0 + pattern.at(q[i], Direction::new(cosine[i], sine[i]));
            assert!((value - alone).abs() < 1e-5);
        }
    }
}
