//! A reflection of a single grain: a Gaussian along q and across it.

use crate::direction::axis;

/// A spot; it follows the curvature of its ring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    q_inv_nm: f32,
    towards: (f32, f32),
    per_sigma_q: f32,
    per_sigma_across: f32,
    height: f32,
    reach: f32,
}

/// Beyond so many standard deviations, squared, a spot is dark.
const REACH_SQUARED: f32 = 20.0;

impl Spot {
    /// A spot of standard deviations `sigma_q_inv_nm` along q and `mosaic_rad` in azimuth.
    pub(crate) fn new(
        (q_inv_nm, chi_rad): (f64, f64),
        (sigma_q_inv_nm, mosaic_rad): (f64, f64),
        height: f64,
    ) -> Self {
        let across = q_inv_nm * mosaic_rad;
        Self {
            q_inv_nm: q_inv_nm as f32,
            towards: axis(chi_rad),
            per_sigma_q: (1.0 / sigma_q_inv_nm) as f32,
            per_sigma_across: (1.0 / across) as f32,
            height: height as f32,
            // A chord is at most √2 times as long as its component across.
            reach: REACH_SQUARED.sqrt() * (sigma_q_inv_nm + 1.42 * across) as f32,
        }
    }

    /// The intensity at (q_x, q_y).
    pub(crate) fn at(&self, x: f32, y: f32) -> f32 {
        let along = x * self.towards.0 + y * self.towards.1;
        let across = y * self.towards.0 - x * self.towards.1;
        let off = ((along * along + across * across).sqrt() - self.q_inv_nm) * self.per_sigma_q;
        let aside = across * self.per_sigma_across;
        let square = off * off + aside * aside;
        if along < 0.0 || square > REACH_SQUARED {
            0.0
        } else {
            self.height * (-0.5 * square).exp()
        }
    }

    /// Whether it may be bright somewhere within these bounds.
    pub(crate) fn may_meet(&self, bounds: &Bounds) -> bool {
        let place = (
            self.q_inv_nm * self.towards.0,
            self.q_inv_nm * self.towards.1,
        );
        let meets = |place: f32, (low, high): (f32, f32)| {
            place + self.reach >= low && place - self.reach <= high
        };
        meets(place.0, bounds.x) && meets(place.1, bounds.y)
    }
}

/// The rectangle of some pixels in the plane of q.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    x: (f32, f32),
    y: (f32, f32),
}

impl Bounds {
    pub(crate) fn of(q: &[f32], cosine: &[f32], sine: &[f32]) -> Self {
        let range = |towards: &[f32]| {
            q.iter()
                .zip(towards)
                .map(|(q, towards)| q * towards)
                .fold((f32::MAX, f32::MIN), |(low, high), value| {
                    (low.min(value), high.max(value))
                })
        };
        Self {
            x: range(cosine),
            y: range(sine),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn it_is_where_it_was_put_and_only_there() {
        let spot = Spot::new((0.8, 2.0), (0.01, 0.02), 6.0);
        let at = |q: f32, chi: f64| {
            let (cosine, sine) = axis(chi);
            spot.at(q * cosine, q * sine)
        };
        assert!((at(0.8, 2.0) - 6.0).abs() < 1e-3);
        assert!((at(0.81, 2.0) / at(0.8, 2.0) - (-0.5_f32).exp()).abs() < 1e-3);
        assert!((at(0.8, 2.02) / at(0.8, 2.0) - (-0.5_f32).exp()).abs() < 1e-3);
        assert_eq!((at(0.8, 2.0 - PI), at(0.0, 0.0)), (0.0, 0.0));
    }

    #[test]
    fn no_bright_place_is_outside_its_bounds() {
        // Wide in azimuth: it bends with its ring.
        let spot = Spot::new((0.5, 0.7), (0.005, 0.2), 1.0);
        for step in -400..400 {
            for line in -400..400 {
                let (x, y) = (step as f32 * 0.0025, line as f32 * 0.0025);
                if spot.at(x, y) > 0.0 {
                    let length = x.hypot(y);
                    let here = Bounds::of(&[length], &[x / length], &[y / length]);
                    assert!(spot.may_meet(&here));
                }
            }
        }
    }
}
